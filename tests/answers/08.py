"""Answers to the exercises of notebook 08."""

DKD = (
    "lambda q, p, dt: (lambda q1: (lambda p1: (q1 + dt / 2 * pendulum.velocity(p1), p1)"
    ")(p + dt * pendulum.force(q1)))(q + dt / 2 * pendulum.velocity(p))"
)
IN_PLACE = (  # the three lines one writes; they overwrite their arguments
    "lambda q, p, dt: [q.add_(dt / 2 * pendulum.velocity(p)), "
    "p.add_(dt * pendulum.force(q)), q.add_(dt / 2 * pendulum.velocity(p))][:2]"
)
HAND = (
    "lambda z: (lambda a1: (lambda a2: (W3 * (1 - a2**2) @ W2 * (1 - a1**2)) @ W1)"
    "(np.tanh(a1 @ W2.T + b2)))(np.tanh(z @ W1.T + b1))"
)

RIGHT = {
    "check_limit": ["2.0", "1.99", "[2]", "torch.tensor([[2.01]])"],
    "check_palindrome": [
        DKD,
        IN_PLACE,
        f"lambda *z: list(({DKD})(*z))",
        f"lambda *z: torch.stack(({DKD})(*z))",
        f"lambda *z: [x.numpy() for x in ({DKD})(*z)]",
    ],
    "check_gradient": [
        HAND,
        f"lambda z: ({HAND})(z).tolist()",
        f"lambda z: np.array([({HAND})(x[None])[0] for x in z])",
        "lambda z: gradient(models['HNN'].energy, torch.as_tensor(z)).detach()",
    ],
}
WRONG = {
    "check_limit": [
        ("1.0", "too short"),
        ("2.1", "too long"),
        ("2 * math.pi", "a period?"),
        ("float('nan')", "is wanted"),
        ("-2", "is wanted"),
    ],
    "check_palindrome": [
        ("kick_drift_kick", "kick, drift, kick"),
        ("kick_drift", "a kick, a drift"),
        ("euler", "both from the old state"),
        ("lambda q, p, dt: (q, p)", "no motion"),
        ("lambda q, p, dt: push(q, p, (dt, 0.0), dt, 'middle')", "a whole drift"),
        (
            "lambda q, p, dt: push(*push(q, p, (dt / 2, 0.0), dt / 2, 'middle'), "
            "(dt / 2, 0.0), dt / 2, 'middle')",
            "two half steps",
        ),
        ("lambda *z: push(*z[:2], (z[2] / 2,) * 2, z[2] / 2, 'middle')", "half a kick"),
        ("lambda *z: push(*z[:2], (z[2] / 2,) * 2, z[2], 'start')", "at the old q"),
        ("lambda *z: push(*z[:2], (z[2] / 2,) * 2, -z[2], 'middle')", "wrong way"),
        (
            "lambda q, p, dt: (lambda q1: (q1 + dt / 2 * pendulum.velocity(p), p + dt "
            "* pendulum.force(q1)))(q + dt / 2 * pendulum.velocity(p))",
            "by the old p",
        ),
        ("lambda q, p, dt: (q + dt * p, p + dt * q)", "off the truth"),
        (f"lambda q, p, dt: ({DKD})(q, 1.001 * p, dt)", "miss the start"),
        (
            "lambda *z: push(*push(*z[:2], (z[2] / 4,) * 2, z[2] / 2, 'middle'), "
            "(z[2] / 4,) * 2, z[2] / 2, 'middle')",
            "but another",
        ),
        ("lambda q, p, dt: q", "cannot be used"),
    ],
    "check_gradient": [
        ("lambda z: 0 * z", "0 everywhere"),
        ("lambda z: models['HNN'](torch.as_tensor(z)).detach()", "the field"),
        (f"lambda z: -({HAND})(z)", "but for the sign"),
        ("lambda z: backwards(z, bias=0)", "where are they"),
        ("lambda z: backwards(z, slope=np.ones_like)", "without the slopes"),
        ("lambda z: backwards(z, slope=lambda a: a)", "in place of its slope"),
        ("lambda z: backwards(z, lambda a: (1 - a) ** 2)", "for 1 − tanh²"),
        ("lambda z: backwards(z, back=W2.T)", "which index"),
        (f"lambda z: ({HAND})(z).T", "one row a state"),
        (f"lambda z: 1.1 * ({HAND})(z)", "off by"),
        (f"lambda z: np.nan * ({HAND})(z)", "off by"),
    ],
}
