"""Answers to the exercises of notebook 13."""

RIGHT = {
    "check_damping": ["0.11", "[0.11]", "torch.tensor(0.1103)", "(0.112,)"],
    "check_twin": [
        "lambda z: (z[..., 0] ** 2 - z[..., 1] ** 2) / 2",
        "lambda z: (z[..., 0] - z[..., 1]) * (z[..., 0] + z[..., 1]) / 2 + 7",
        "lambda z: (z[..., :1] ** 2 - z[..., 1:] ** 2) / 2",
    ],
    "check_brake": [
        "lambda z: -0.1 * z[..., 1].sign()",
        "lambda z: -0.1 * z[..., 1:].sign()",
        "lambda z: torch.where(z[..., 1] > 0, -0.1, 0.1)",
        "lambda z: (-0.1 * z[..., 1].sign()).numpy()",
        "lambda z: [-0.1 if p > 0 else 0.1 for q, p in z]",
    ],
}
WRONG = {
    "check_damping": [
        ("0", "swings for ever"),
        ("-0.11", "gains energy"),
        ("2.5", "creeps back"),
        ("0.22", "too much (is p² taken as H/2"),  # ln 2 / π
        ("0.055", "too little (is p² taken as 2 H"),  # ln 2 / 4π
        ("0.5", "too much"),
        ("float('nan')", "one number"),
    ],
    "check_twin": [
        ("lambda z: (z[..., 1] ** 2 - z[..., 0] ** 2) / 2", "the sign"),
        ("lambda z: z[..., 0] ** 2 - z[..., 1] ** 2", "a factor"),
        ("lambda z: z[..., 0] * z[..., 1]", "not (q, -p)"),
        ("lambda z: (z[..., 0] ** 2 + z[..., 1] ** 2) / 2", "not (q, -p)"),
        ("lambda z: z", "one number a state"),
        ("lambda z: 0 * z[..., 0] + 1", "gradient"),
    ],
    "check_brake": [
        ("lambda z: 0.1 * z[..., 1].sign()", "it pushes"),
        ("lambda z: -0.1 * z[..., 1]", "the motor is weak"),
        ("lambda z: -0.1 * z[..., 1].clamp(-1, 1)", "stronger where p is small"),
        ("lambda z: -0.1 * z[..., 0].sign()", "against p, not q"),
        ("lambda z: -z[..., 1].sign()", "yours reaches 1"),
        ("lambda z: -0.1", "a force each"),
    ],
}
