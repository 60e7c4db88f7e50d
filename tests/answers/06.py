"""Answers to the exercises of notebook 06, right and wrong."""

RIGHT = {
    "check_factor": [
        "0.6 / (0.6 + 0.2**2)",
        "0.94",
        "torch.tensor([0.9375])",
        "torch.tensor([[0.938]]).numpy()",
        "[0.9375]",
    ],
    "check_slow": [
        "lambda z: 0.984 * spring.field(z)",
        "lambda z: spring.field(z) / 1.016",
        "lambda z: spring.field(0.6 / 0.61 * z)",
        "lambda z: torch.stack([0.984 * z[..., 1], -0.984 * z[..., 0]], dim=-1)",
        "lambda z: z.mul_(0.984) @ torch.tensor([[0.0, -1.0], [1.0, 0.0]])",
        "lambda z: (0.984 * spring.field(z)).numpy()",
        "lambda z: (0.984 * spring.field(z)).tolist()",
    ],
}
WRONG = {
    "check_factor": [
        ("0.6 / 0.61", "factor of σ = 0.1"),
        ("0.6 / (0.6 + 0.2)", "variance"),
        ("1 / 1.04", "takes ⟨q²⟩ for 1"),
        ("0.64 / 0.6", "too small"),
        ("1.0", "too small"),
        ("-0.9375", "too small"),
        ("0.9", "for a turn"),
        ("float('nan')", "too small"),
    ],
    "check_slow": [
        ("lambda z: torch.zeros_like(z)", "nothing moves"),
        ("lambda z: 1.016 * spring.field(z)", "takes 0.984 true periods"),
        ("spring.field", "wanted 1.016"),
        ("lambda z: -0.984 * spring.field(z)", "wrong way"),
        ("lambda z: 0.016 * spring.field(z)", "it is to lose 1.6 %"),
        ("lambda z: 0.9 * spring.field(z)", "true periods"),
        ("lambda z: spring.field(z) - 0.016 * z", "the energy changes"),
        ("MassSpring(m=1.0, k=0.968).field", "the energy changes"),
        ("lambda z: 0.984 * spring.field(z)[..., :1]", "rates have shape"),
        ("lambda z: torch.nan * z", "not a number"),
    ],
}
