"""A bound sits where the effect is, or says why it does not.

A bound that is more than ten times away from its number has its reason in a comment: in
the statement that makes the claim (the call, or the loop around it), as in
`below=1e-9)  # rounding`, or on a line of its own directly above.
"""

import ast
import io
import re
import tokenize

import pytest
from cells import printed
from test_notebooks import EVERY_NOTEBOOK, code_cells

LINE = r"^(.*) ≈ (\S+?)(?: of (\d+))?; (.*): (True|False)$"
BOUND = r"(below|above|at least|at most) (\S+?)(?:,|$)"


def times_away(number, of, bound, kind):
    """How many times the larger of number and bound is the smaller one, at least 1."""
    if of:  # counted from the end that the bound guards, and from 1, as none may be 0
        end = of if kind in ("at least", "above") else 0
        number, bound = abs(end - number) + 1, abs(end - bound) + 1
    if number == bound:
        return 1.0
    if number * bound <= 0:  # of unlike signs, or one of them 0
        return float("inf")
    return max(number / bound, bound / number)


def claims(cell):
    """The claims that a cell has printed: text, and its bounds' distances."""
    for line in printed(cell).splitlines():
        if found := re.match(LINE, line):
            what, number, of, bounds, verdict = found.groups()
            yield (
                what,
                [
                    times_away(float(number), int(of or 0), float(bound), kind)
                    for kind, bound in re.findall(BOUND, bounds)
                ],
                verdict,
            )


def pattern(what):
    """What a claim's first argument may print, as a regular expression."""
    if isinstance(what, ast.Constant):
        return re.escape(what.value)
    if isinstance(what, ast.JoinedStr):
        return "".join(map(pattern, what.values))
    return ".*"


def statements(source):
    """The pattern of each claim that a cell makes, and whether a reason is there."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = [x for x in tokens if x.type == tokenize.COMMENT]
    inside = {x.start[0] for x in comments}
    above = {x.start[0] + 1 for x in comments if x.line.lstrip().startswith("#")}
    for statement in ast.parse(source).body:
        lines = set(range(statement.lineno, statement.end_lineno + 1))
        said = bool(lines & inside) or statement.lineno in above
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "claim":
                yield pattern(node.args[0]), said


@pytest.mark.parametrize(
    "number, of, bound, kind, times",
    [
        (0.01, 0, 0.1, "below", 10),
        (0.5, 0, 0.05, "above", 10),
        (1e-17, 0, 1e-9, "below", 1e8),
        (-2.0, 0, 1.0, "below", float("inf")),
        (0.0, 0, 0.1, "below", float("inf")),
        (0, 16, 0, "at most", 1),
        (0, 16, 2, "at most", 3),
        (16, 16, 14, "at least", 3),
    ],
)
def test_the_distance_of_a_bound_is_a_ratio(number, of, bound, kind, times):
    assert times_away(number, of, bound, kind) == pytest.approx(times)


@EVERY_NOTEBOOK
def test_a_bound_far_from_its_number_gives_its_reason(path):
    far = []
    for cell in code_cells(path):
        made = list(statements(cell.source))
        for what, distances, verdict in claims(cell):
            assert verdict == "True", what
            reasons = [said for regex, said in made if re.fullmatch(regex, what)]
            if max(distances) > 10 and not any(reasons):
                far.append(f"{what}: {max(distances):.3g} times away")
    assert not far, "\n".join(far)
