"""Answers to the exercises of notebook 02; see test_answers.py."""

ENERGY = "lambda z, n, s: (spring.energy(z + s * n) - spring.energy(z))"
RIGHT = {
    "check_step": ["0.24", "0.2", "[0.1]", "torch.tensor([[0.15]])"],
    "check_mean": [
        f"{ENERGY}.mean()",
        f"{ENERGY}.mean().item()",
        f"{ENERGY}.mean().reshape(1, 1).numpy()",
        "lambda z, n, s: (s * z * n + s**2 * n**2 / 2).sum(-1).mean()",
        "lambda z, n, s: -(spring.energy(z) - spring.energy(z.add_(s * n))).mean()",
    ],
}
WRONG = {
    "check_step": [
        ("1.0", "error is 4.214e-03"),
        ("0.25", "error is 1.008e-04"),
        ("1e-4", "calls"),
        ("0", "max_step is 0"),
        ("-0.2", "max_step is -0.2"),
        ("float('inf')", "max_step is inf"),
        ("float('nan')", "max_step is nan"),
    ],
    "check_mean": [
        ("lambda z, n, s: 0 * s", "yours is 0.0000"),
        ("lambda z, n, s: s**2", "on average"),
        ("lambda z, n, s: ((s * n) ** 2 / 2).sum(-1).mean()", "cross term"),
        (f"{ENERGY}", "one number"),
        ("lambda z, n, s: -(s * z * n + s**2 * n**2 / 2).sum(-1).mean()", "wrong way"),
        ("lambda z, n, s: spring.energy(z + s * n).mean()", "less H(z_clean)"),
        (f"lambda z, n, s: ({ENERGY})(z, n, 1).mean()", "σ = 1"),
        ("lambda z, n, s: None", "return"),
        ("lambda s: s**2", "cannot be used"),
    ],
}
