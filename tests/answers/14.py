"""Answers to the exercises of notebook 14."""

RIGHT = {
    "check_step": ["0.69", "[0.69]", "torch.tensor(0.6885)", "(0.688,)"],
    "check_momentum": [
        "lambda q, v: (1 + q**2) * v",
        "lambda q, v: v + q * q * v",
        "lambda q, v: 3 * v * (1 + q**2)",
        "lambda q, v: ((1 + q**2) * v).tolist()",
        "lambda q, v: (1 + q.numpy() ** 2) * v.numpy()",
    ],
}
WRONG = {
    "check_step": [
        ("0.25", "too short a step"),
        ("1.0", "4.29%"),
        ("0.35", "too short"),
        ("4.0", "half a turn"),
        ("39", "between 0 and π"),
        ("None", "cannot be used"),
    ],
    "check_momentum": [
        ("lambda q, v: v", "the velocity itself"),
        ("lambda q, v: (1 + q**2).sqrt() * v", "speed along the wire"),
        ("lambda q, v: (1 + q**2) * v**2 / 2", "kinetic energy"),
        ("lambda q, v: (1 + q) * v", "areas in your (q, p)"),
        ("lambda q, v: torch.stack([q, (1 + q**2) * v], -1)", "wanted are 600 momenta"),
        ("lambda q, v: 0 * v", "the same at v"),
        ("lambda q, v: q", "the same at v"),
        ("lambda q, v: None", "cannot be used"),
    ],
}
