"""Answers to the exercises of notebook 04; test_answers.py says what they are for."""

SPLIT = (
    "lambda z, rates: rates - (z * rates).sum(-1, keepdim=True) * z"
    " / (z * z).sum(-1, keepdim=True)"
)
TURNED = "torch.stack([z[..., 1], -z[..., 0]], dim=-1)"  # along the contour

RIGHT = {
    "check_floor": ["0.0025", "0.05**2", "[0.0025]", "torch.tensor(0.0025)", "25e-4"],
    "check_tangential": [
        SPLIT,
        f"lambda z, rates: (lambda u: (rates * u).sum(-1, keepdim=True) * u)"
        f"({TURNED} / z.norm(dim=-1, keepdim=True))",
        # in place: the check's own tensors must stay
        "lambda z, rates: rates - z * ((z * rates).sum(-1) / z.square().sum(-1))"
        "[..., None]",
        f"lambda z, rates: (({SPLIT})(z, rates), z.zero_())[0]",
    ],
}
WRONG = {
    "check_floor": [
        ("0.01", "measures 0.0025"),
        ("0.05", "the loss is a square"),
        ("0.005", "a quarter"),
        ("0.0024", "best answer"),
        ("0.25", "yours is 0.25"),
        ("-0.0025", "yours is -0.0025"),
    ],
    "check_tangential": [
        ("lambda z, rates: rates", "along z"),
        ("lambda z, rates: rates - (z * rates).sum(-1, keepdim=True) * z", "along z"),
        (
            "lambda z, rates: rates - (z * rates).sum(-1, keepdim=True) * z"
            " / z.norm(dim=-1, keepdim=True)",
            "along z",
        ),
        ("lambda z, rates: 0 * rates", "should keep (-0.32, 0.24)"),
        (f"lambda z, rates: {TURNED}", "should keep (-0.32, 0.24)"),
        ("lambda z, rates: rates - (z * rates).sum(-1) * z", "cannot be used"),
        ("lambda z, rates: (z * rates).sum(-1)", "shape"),
    ],
}
