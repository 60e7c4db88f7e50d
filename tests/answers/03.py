"""Answers to the exercises of notebook 03; see tests/test_answers.py."""

TURN = (
    "(lambda turn: lambda z: z @ torch.tensor("
    "[[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]))"
)
MATH = "__import__('math')"
IN_PLACE = (
    "lambda z: z.copy_(spring.solution(z, torch.tensor([0.1]))[..., 0, :])"  # no clone
)


def turned(angle: str) -> str:
    """Return the source of a clockwise turn by an angle, as a matrix."""
    return f"{TURN.replace('math', MATH)}({angle})"


RIGHT = {
    "check_energy": [
        "0.58",
        "torch.tensor(0.58)",
        "[0.58]",
        "__import__('numpy').float32(0.58)",
        "torch.tensor([[0.58]])",
    ],
    "check_rotation": [
        turned("0.1"),
        "lambda z: spring.solution(z, torch.tensor([0.1]))[..., 0, :]",
        IN_PLACE,
        "lambda z: torch.view_as_real(torch.view_as_complex(z.contiguous())"
        " * torch.exp(torch.tensor(-0.1j)))",
        f"lambda z: ({turned('0.1')}(z)).numpy()",
    ],
}
WRONG = {
    "check_energy": [
        ("0.98", "loses energy: start lower"),
        ("0.3", "gains energy: start higher"),
        ("0.1", "between 0.2 and 1"),
        ("-0.5", "between 0.2 and 1"),
        ("[0.5, 0.6]", "cannot be used"),
        ("float('nan')", "between 0.2 and 1"),
    ],
    "check_rotation": [
        ("lambda z: torch.stack([z[..., 0], z[..., 1]], dim=-1)", "nothing turns"),
        (turned("-0.1"), "turns the wrong way"),
        (turned(f"{MATH}.radians(0.1)"), "degrees?"),
        (turned("1.0"), "0.1 radian is wanted"),
        ("lambda z: z + 0.1 * spring.field(z)", "the radius grows"),
        ("lambda z: 0.99 * z", "the radius shrinks"),
        (
            "lambda z: torch.stack([z[..., 0] + 0.1 * (z[..., 1] - 0.1 * z[..., 0]),"
            " z[..., 1] - 0.1 * z[..., 0]], dim=-1)",
            "the radius changes",
        ),
        (f"lambda z: {turned('0.1')}(z).flip(-1)", "q first, then p"),
        ("lambda z: z[0]", "from 4 states (4, 2)"),
        ("lambda z: None", "cannot be used"),
    ],
}
