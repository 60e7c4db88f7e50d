"""Answers to the exercises of notebook 07."""

UPPER = "lambda q: torch.stack([q, 2 * torch.cos(q / 2)], -1)"

RIGHT = {
    "check_amplitude": ["1.21", "[1.2]", "torch.tensor(1.21)", "(1.215,)"],
    "check_separatrix": [
        UPPER,
        "lambda q: torch.stack([q, (2 * (1 + q.cos())).sqrt()], -1)",
        "lambda q: torch.stack([q, (4 - 2 * (1 - q.cos())).sqrt()], -1).numpy()",
        "lambda q: [(float(x), 2 * float((x / 2).cos())) for x in q]",
    ],
}
WRONG = {
    "check_amplitude": [
        ("69", "degrees?"),
        ("1.26", "too large"),
        ("0.5", "too small"),
        ("-1.21", "between 0 and π"),
        ("float('nan')", "between 0 and π"),
        ("None", "cannot be used"),
    ],
    "check_separatrix": [
        ("lambda q: torch.stack([q, -2 * torch.cos(q / 2)], -1)", "lower half"),
        ("lambda q: torch.stack([q, (1 + q.cos()).sqrt()], -1)", "energies 1.00"),
        ("lambda q: torch.stack([q, (2 * (1 - q.cos())).sqrt()], -1)", "all should"),
        ("lambda q: 2 * torch.cos(q / 2)", "p alone"),
        ("lambda q: torch.stack([2 * torch.cos(q / 2), q], -1)", "exchanged"),
        ("lambda q: (q, 2 * torch.cos(q / 2))", "wanted (50, 2)"),
        ("lambda q: None", "cannot be used"),
    ],
}
