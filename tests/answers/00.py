"""Answers to the exercises of notebook 00; see test_answers.py."""

RIGHT = {
    "check_energy": ["1.16", "[1.16]", "torch.tensor([[1.16]])", "0.18 + 0.98"],
    "check_radius": [
        "lambda h: (2 * h) ** 0.5",
        "lambda h: float(2 * h) ** 0.5",
        "lambda h: [2 * h.numpy() ** 0.5 / 2**0.5]",
        "lambda h: h.mul_(2).sqrt().reshape(1, 1)",
    ],
}
WRONG = {
    "check_energy": [
        ("0.0", "your energy is 0"),
        ("2.32", "halves"),
        ("0.4", "squared"),
        ("0.98", "part of p is missing"),
        ("0.8", "negative"),
        ("2.32**0.5", "radius"),
        ("float('nan')", "nan"),
    ],
    "check_radius": [
        ("lambda h: 0.0 * h", "radius 0"),
        ("lambda h: h**0.5", "E = 0.2 has radius 0.447, so energy 0.1"),
        ("lambda h: 2 * h**0.5", "energy 0.4"),
        ("lambda h: 2 * h", "energy 0.08"),
        ("lambda h: -((2 * h) ** 0.5)", "positive"),
        ("lambda h: None", "return"),
        ("lambda h: float('nan')", "nan"),
    ],
}
