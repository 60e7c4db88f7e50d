"""Answers to the exercises of notebook 05; test_answers.py says what they are for."""

NORMAL = """lambda z, dz_dt, np=__import__('numpy'): np.linalg.lstsq(
    np.concatenate([np.stack([0 * z[:, 0], z[:, 0], z[:, 1]], -1),
                    np.stack([-z[:, 0], -z[:, 1], 0 * z[:, 0]], -1)]),
    np.concatenate([dz_dt[:, 0], dz_dt[:, 1]]), rcond=None)[0]"""
COLUMN = """lambda z, dz_dt: torch.linalg.lstsq(
    torch.cat([torch.stack([0 * z[:, 0], z[:, 0], z[:, 1]], -1),
               torch.stack([-z[:, 0], -z[:, 1], 0 * z[:, 0]], -1)]),
    torch.cat([dz_dt[:, 0], dz_dt[:, 1]])[:, None]).solution"""

RIGHT = {
    "check_widths": [
        "(4, 16, 16, 1)",
        "[4, 16, 16, 1]",
        "torch.tensor([4, 16, 16, 1])",
        "__import__('numpy').array([4.0, 16, 16, 1])",
    ],
    "check_quadratic": [
        COLUMN,  # (3, 1)
        NORMAL,  # an array
        f"lambda z, dz_dt: tuple(({COLUMN})(z, dz_dt))",
        f"lambda z, dz_dt: ({COLUMN})(z, dz_dt).flatten().tolist()",
        # in place: the notebook's own data must stay
        f"lambda z, dz_dt: (({COLUMN})(z, dz_dt), z.zero_(), dz_dt.zero_())[0]",
    ],
}
WRONG = {
    "check_widths": [
        ("(2, 16, 16, 1)", "4 numbers"),
        ("(4, 16, 16, 4)", "1 number"),
        ("(4, 16, 16, 2)", "1 number"),
        ("(4, 16, 1)", "two hidden layers"),
        ("(4, 32, 32, 1)", "two hidden layers"),
        ("4", "1 number"),
    ],
    "check_quadratic": [
        ("lambda z, dz_dt: torch.zeros(3)", "(0, 0, 0)"),
        (f"lambda z, dz_dt: ({COLUMN})(z, dz_dt).flip(0)", "swapped"),
        (
            f"lambda z, dz_dt: ({COLUMN})(z, dz_dt) * torch.tensor([[0.5], [1], [.5]])",
            "½",
        ),
        (f"lambda z, dz_dt: -({COLUMN})(z, dz_dt)", "signs"),
        (
            f"lambda z, dz_dt: ({COLUMN})(z, dz_dt) * torch.tensor([[1.0], [0], [1]])",
            "middle term",
        ),
        (
            f"lambda z, dz_dt: ({COLUMN})(z[:100], dz_dt[:100])",
            "with noise the loss still falls",
        ),
        (f"lambda z, dz_dt: print(({COLUMN})(z, dz_dt))", "cannot be used"),
    ],
}
