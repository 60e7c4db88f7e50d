"""Answers to the exercises of notebook 12."""

NORMAL = "(s / s.norm())"
ALONG = f"(q @ {NORMAL})[:, None] * {NORMAL}"

RIGHT = {
    "check_earths": ["0.04", "[5 / 125]", "torch.tensor(0.04)", "(0.041,)"],
    "check_tidal": [
        f"lambda q, s: (3 * {ALONG} - q) / s.norm() ** 3",
        "lambda q, s: 3 * (q @ s)[:, None] * s / s.norm() ** 5 - q / s.norm() ** 3",
        f"lambda q, s: ((3 * {ALONG} - q) / s.norm() ** 3).numpy()",
        "lambda q, s: [(3 * (x @ s) * s / (s @ s) - x) / s.norm() ** 3 for x in q]",
    ],
}
WRONG = {
    "check_earths": [
        ("0.2", "d², not d³?"),
        ("1.0", "d, not d³?"),
        ("5", "nearer means stronger"),
        ("625", "times the wanted one"),
        ("0", "positive"),
        ("float('nan')", "positive"),
        ("None", "cannot be used"),
    ],
    "check_tidal": [
        (f"lambda q, s: ({ALONG} - q) / s.norm() ** 3", "1 (q·n)n and -1 q"),
        (f"lambda q, s: 3 * {ALONG} / s.norm() ** 3", "3 (q·n)n and "),
        (f"lambda q, s: (q - 3 * {ALONG}) / s.norm() ** 3", "-3 (q·n)n and 1 q"),
        (f"lambda q, s: (3 * {ALONG} - q) / s.norm() ** 2", "power of d"),
        (f"lambda q, s: (3 * {ALONG} - q + s) / s.norm() ** 3", "no sum of q"),
        (f"lambda q, s: (3 * {ALONG} - q).norm(dim=-1) / s.norm() ** 3", "(49, 3)"),
        ("lambda q, s: None", "cannot be used"),
    ],
}
