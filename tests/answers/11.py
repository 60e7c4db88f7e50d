"""Answers to the exercises of notebook 11."""

TURN = "torch.linalg.cross(split(z)[1], torch.linalg.cross(*split(z)))"
UNIT = "split(z)[0] / split(z)[0].norm(dim=-1, keepdim=True)"
BY_RULE = (  # v × (q × v) = v² q − (q·v) v
    "(split(z)[1] ** 2).sum(-1, keepdim=True) * split(z)[0]"
    " - (split(z)[0] * split(z)[1]).sum(-1, keepdim=True) * split(z)[1]"
)

RIGHT = {
    "check_ceres": ["4.61", "[4.6]", "torch.tensor(4.62)", "(2.77**1.5,)"],
    "check_perihelion": [
        f"lambda z: {TURN} - GM * {UNIT}",
        f"lambda z: {BY_RULE} - GM * {UNIT}",
        f"lambda z: ({TURN} - 4 * torch.pi**2 * {UNIT}).numpy()",
        f"lambda z: ({TURN} - GM * {UNIT}).tolist()",
    ],
}
WRONG = {
    "check_ceres": [
        ("1684", "days?"),
        ("2.77", "the distance is not the period"),
        ("2.77**2", "a²"),
        ("2.77 ** (2 / 3)", "upside down"),
        ("9.2", "that is two"),
        ("4.4", "0.95 turns"),
        ("float('nan')", "between"),
        ("None", "cannot be used"),
    ],
    "check_perihelion": [
        (f"lambda z: GM * {UNIT} - {TURN}", "turn its sign"),
        (f"lambda z: {TURN} / GM - {UNIT}", "eccentricity vector"),
        (f"lambda z: {TURN}", "both terms"),
        (f"lambda z: {TURN} - {UNIT}", "both terms"),
        (f"lambda z: ({TURN} - GM * {UNIT})[:, :1].expand(-1, 60, -1)", "start alone"),
        ("lambda z: (9.8**2 * 0.5 - GM) * " + UNIT, "along an ellipse"),
        (f"lambda z: ({TURN} - GM * {UNIT}).norm(dim=-1)", "wanted (2, 60, 3)"),
        ("lambda z: None", "cannot be used"),
    ],
}
