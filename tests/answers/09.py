"""Answers to the exercises of notebook 09."""

HALF = "lambda z: z[..., : z.shape[-1] // 2]"
MOMENTA = "lambda z: z[..., z.shape[-1] // 2 :]"
MEAN = f"{HALF}.unflatten(-1, (-1, 2)).mean(-2)"
BY_SLICES = (
    "lambda z: (lambda n: torch.stack([z[..., 0 : 2 * n : 2].sum(-1) / n, "
    "z[..., 1 : 2 * n : 2].sum(-1) / n], -1))(z.shape[-1] // 4)"
)
PAIR = (
    "lambda z: (z[..., 0 : z.shape[-1] // 2 : 2].mean(-1), "
    "z[..., 1 : z.shape[-1] // 2 : 2].mean(-1))"
)

RIGHT = {
    "check_period": [
        "4 * torch.pi",
        "12.57",
        "[12.6]",
        "torch.tensor([[12.5]])",
        "(12.55,)",
    ],
    "check_centre": [
        MEAN,
        BY_SLICES,
        PAIR,
        f"lambda z: ({MEAN})(z).numpy()",
        f"lambda z: ({MEAN})(z).tolist()",
        f"lambda z: list(({PAIR})(z))",
    ],
}
WRONG = {
    "check_period": [
        ("2 * torch.pi", "pull 1"),
        ("2 * torch.pi * 2**0.5", "pull 1/r in it"),
        ("2 * torch.pi * 8**0.5", "radius r"),
        ("8 * torch.pi", "two turns"),
        ("13.0", "1.03 turns"),
        ("-12.57", "above 0"),
        ("float('nan')", "above 0"),
        ("None", "cannot be used"),
    ],
    "check_centre": [
        (f"{HALF}.unflatten(-1, (-1, 2)).sum(-2)", "sum"),
        (f"{MOMENTA}.unflatten(-1, (-1, 2)).mean(-2)", "of the momenta"),
        ("lambda z: z.unflatten(-1, (-1, 2)).mean(-2)", "are momenta in it"),
        (f"{HALF}.unflatten(-1, (2, -1)).mean(-1)", "order"),
        ("lambda z: z[..., :6].unflatten(-1, (3, 2)).mean(-2)", "2 bodies"),
        (f"{HALF}.mean(-1)", "wanted (5, 7, 2)"),
        ("lambda z: 0 * z[..., :2]", "wanted [4.0, 3.0]"),
        ("lambda z: None", "cannot be used"),
    ],
}
