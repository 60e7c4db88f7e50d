"""Say what was measured, and why an answer is not yet right; notebook 00."""

from collections.abc import Callable
from functools import wraps
from operator import ge, gt, le, lt

from hnnlib.checks import expect

BOUNDS = {"below": lt, "above": gt, "at_least": ge, "at_most": le}


def claim(what: str, value: float, of: int | None = None, **bounds: float) -> None:
    """Print a claim in one line: its number, its bounds, and whether it holds.

    ``claim("drift", 0.012, below=0.05)`` prints ``drift ≈ 0.012; below 0.05: True``.
    Bounds are below, above, at_least and at_most, one or more. NaN meets none.
    """
    known = bounds and set(bounds) <= set(BOUNDS)
    expect(known, f"bounds are {bounds}", f"one or more of {list(BOUNDS)}")
    value = float(getattr(value, "detach", lambda: value)())
    holds = all([BOUNDS[name](value, bound) for name, bound in bounds.items()])
    said = ", ".join(f"{n.replace('_', ' ')} {x:g}" for n, x in bounds.items())
    print(f"{what} ≈ {value:.3g}{f' of {of}' if of else ''}; {said}: {holds}")


def explain(check: Callable[[object], str | None]) -> Callable[[object], None]:
    """Let a check print ``right``, or ``not yet: `` and the reason that it returns.

    Whatever the answer raises is a reason, too: a check never ends in a traceback.
    """

    @wraps(check)
    def say(answer: object) -> None:
        try:
            reason = check(answer)
        except Exception as error:
            reason = f"your answer cannot be used, {type(error).__name__}: {error}"
        print(f"not yet: {reason}" if reason else "right")

    return say
