"""Answers to the exercises of notebook 01; see test_answers.py."""

RIGHT = {
    "check_k": [
        "4",
        "4.0",
        "[4.0]",
        "torch.tensor([[4.0]])",
        "(2 * torch.pi / 3.14159265) ** 2",
    ],
    "check_ball": [
        "lambda z: z[..., 1] ** 2 / 2 + z[..., 0]",
        "lambda z: (z * z)[..., 1] / 2 + z[..., 0] + 7",
        "lambda z: 0.5 * z[:, 1].square() + z[:, 0]",
        "lambda z: torch.stack([z[:, 1] ** 2 / 2, z[:, 0]]).sum(0)",
    ],
}
WRONG = {
    "check_k": [
        ("1.0", "the period is 6.283"),
        ("2", "√2"),
        ("0.25", "softer"),
        ("-4", "positive"),
        ("0", "positive"),
        ("float('nan')", "positive"),
    ],
    "check_ball": [
        ("lambda z: 0 * z[..., 0] * z[..., 1]", "nothing pulls"),
        ("lambda z: z[..., 1] ** 2 / 2 - z[..., 0]", "upwards"),
        ("lambda z: z[..., 1] ** 2 / 2 + z[..., 0] ** 2 / 2", "spring"),
        ("lambda z: z[..., 1] ** 2 / 2", "nothing pulls"),
        ("lambda z: z[..., 1] ** 2 + z[..., 0]", "half"),
        ("lambda z: z[..., 0] ** 2 / 2 + z[..., 1]", "wanted (-1, -1)"),
        ("lambda z: (z[..., 1] ** 2 / 2 + z[..., 0]).sum()", "cannot be used"),
        ("lambda z: None", "cannot be used"),
    ],
}
