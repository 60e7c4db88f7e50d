"""Answers to the exercises of notebook 10; test_answers.py says what they are for."""

ALONG = "torch.arange(28, dtype=f.dtype)"
CENTRE = f"""lambda f: torch.atan2(
    (f.sum(dim=-2) * ({ALONG} - 13.5)).sum(dim=-1),
    (f.sum(dim=-1) * ({ALONG} - 13.5)).sum(dim=-1))"""

RIGHT = {
    "check_factor": [
        "0.5 ** 0.5",
        "0.7",
        "[0.71]",
        "torch.tensor(0.7071)",
        "__import__('numpy').array([0.7071])",
        "-0.7071",  # it swings the other way, as high
    ],
    "check_centroid": [
        CENTRE,
        f"lambda f: ({CENTRE})(f).tolist()",
        f"lambda f: ({CENTRE})(f.double()).numpy()",
        # the mean place, divided by the brightness
        f"""lambda f: torch.atan2(
            (f.sum(dim=-2) * {ALONG}).sum(dim=-1) / f.sum(dim=(-2, -1)) - 13.5,
            (f.sum(dim=-1) * {ALONG}).sum(dim=-1) / f.sum(dim=(-2, -1)) - 13.5)""",
        # in place: the check keeps its own
        f"lambda f: (({CENTRE})(f), f.zero_())[0]",
    ],
}
WRONG = {
    "check_factor": [
        ("0.5", "p²/2"),
        ("1.0", "1.00 of what it was"),
        ("2 ** 0.5", "of what it was, wanted 0.5"),
        ("0.0", "0.00 of what it was"),
        ("(0.7, 0.7)", "2 numbers"),
        ("float('nan')", "between -2 and 2"),
        ("50", "between -2 and 2"),
        ("None", "cannot be used"),
    ],
    "check_centroid": [
        ("read_angle", "our instrument"),
        ("lambda f: read_angle(f)[0]", "two bright pixels"),
        (f"lambda f: torch.pi / 2 - ({CENTRE})(f)", "exchanged in atan2"),
        (f"lambda f: ({CENTRE})(f.transpose(-2, -1))", "exchanged in atan2"),
        (f"lambda f: -({CENTRE})(f)", "left and right"),
        (f"lambda f: torch.pi - ({CENTRE})(f)", "up and down"),
        (CENTRE.replace("13.5", "14"), "the middle"),
        (CENTRE.replace("13.5", "0"), "the middle"),
        ("lambda f: torch.zeros(f.shape[:-2])", "off by up to 3.0 rad"),
        (f"lambda f: ({CENTRE})(f) * 180 / torch.pi", "degrees"),
        (f"lambda f: torch.tan(({CENTRE})(f))", "off by"),
        (f"lambda f: ({CENTRE})(f)[0]", "wanted (62,)"),
        ("lambda f: None", "cannot be used"),
    ],
}
