"""Answers to the exercises of notebook 15."""

CHORD = "lambda z, dt: ((z[1:] + z[:-1]) / 2, (z[1:] - z[:-1]) / dt)"
FIVE = "lambda z, dt: (z[2:-2], (8 * (z[3:-1] - z[1:-3]) - z[4:] + z[:-4]) / 12 / dt)"

RIGHT = {
    "check_share": [
        "0.6625",
        "[0.66]",
        "torch.tensor(0.663)",
        "(0.030 / 0.040) ** 2 + 0.1",
    ],
    "check_rates": [
        CHORD,
        "lambda z, dt: (z[1:-1], (z[2:] - z[:-2]) / (2 * dt))",
        f"lambda z, dt: [x.numpy() for x in ({CHORD})(z, dt)]",
        FIVE,
    ],
}
WRONG = {
    "check_share": [
        ("66", "percent"),
        ("0.7625", "five groups"),
        ("0.5625", "equal groups is missing"),
        ("0.75", "not yet squared"),
        ("0.85", "not yet squared"),
        ("0.5", "±"),
        ("0.05", "at least 0.1"),
        ("float('nan')", "at least 0.1"),
        ("None", "cannot be used"),
    ],
    "check_rates": [
        ("lambda z, dt: (z[:-1], (z[1:] - z[:-1]) / dt)", "inward"),
        ("lambda z, dt: (z[1:], (z[1:] - z[:-1]) / dt)", "outward"),
        ("lambda z, dt: (z[1:-1], (z[2:] - z[:-2]) / dt)", "speed is 1.9"),
        ("lambda z, dt: (z[1:-1], (z[:-2] - z[2:]) / (2 * dt))", "speed is -0.9"),
        ("lambda z, dt: (z, (z[1:] - z[:-1]) / dt)", "wanted (n, 2) twice"),
        ("lambda z, dt: (z[50:150], 0 * z[50:150])", "100 pairs"),
        ("lambda z, dt: (z[1:-1], (z[2:] - z[:-2]) / 0)", "all finite"),
        ("lambda z, dt: z", "cannot be used"),
    ],
}
