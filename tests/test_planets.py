"""What notebooks 11 and 12 say of the planets, tried where an older text was wrong."""

import ast
import math

import pytest
import torch
from test_answers import cells

from hnnlib.data import load_planets

WANTED = (
    "data t q h GM true_mass moments eight seven numerov toward tug equations "
    "one_round weigh X y weight A Q project unexplained middle since gm7 "
    "neptune off_neptune hidden residual search log_log straight_line second"
).split()


def defined(node):
    """The names that a statement of a notebook gives a meaning."""
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    names = (n for n in ast.walk(node) if isinstance(n, ast.Name))
    return {n.id for n in names if isinstance(n.ctx, ast.Store)}


@pytest.fixture(scope="module")
def of():
    """The definitions of a notebook by its number, without what it trains or draws."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)

    def space(number, last):
        found = {}
        for source in cells(number):
            for node in ast.parse(source).body:
                imports = isinstance(node, ast.Import | ast.ImportFrom)
                if imports or defined(node) and defined(node) <= set(WANTED):
                    exec(ast.unparse(node), found)
            if f"def {last}(" in source:
                return found

    yield space
    torch.set_default_dtype(before)


@pytest.fixture(scope="module")
def weighing(of):
    return of("12", "weigh")


@pytest.mark.parametrize("slope", [-2.1, -2.0, -1.9999, -1.95, -1.9])
def test_without_neptune_uranus_comes_to_rest_a_quarter_too_heavy(weighing, slope):
    rounds, _, exponent, left = weighing["weigh"](weighing["seven"], slope)
    uranus = rounds[:, 6] / load_planets()["mass"][6]
    assert uranus[-1].item() == pytest.approx(1.2657, abs=1e-3)
    assert uranus[:4].min() < 0  # what was once taken for a result
    x, _ = weighing["one_round"](weighing["seven"], exponent, left)
    again = x[:7] / x[7]
    assert torch.allclose(again, rounds[-1], rtol=1e-7)  # it stands still


def test_masses_that_never_stand_still_are_refused(weighing):
    noise = torch.Generator().manual_seed(0)
    seven = torch.randn(weighing["seven"].shape, generator=noise)
    seven[..., 0] = torch.nan
    with pytest.raises((RuntimeError, torch.linalg.LinAlgError)):
        weighing["weigh"](seven, -2.0)


def test_the_residual_of_uranus_grows_most_without_neptune(weighing):
    *_, with_neptune = weighing["weigh"](weighing["eight"], -2.0)
    *_, without = weighing["weigh"](weighing["seven"], -2.0)
    growth = without / with_neptune[:7]
    assert growth.argmax() == 6 and growth[6] > 10 * growth[:6].max()


def test_the_false_planet_sits_at_every_limit_and_keeps_its_tide(of):
    space = of("12", "search")
    space["gm7"] = torch.tensor(space["GM"])
    exec("neptune = q[7, middle]", space)
    start, ends = [2.1, 0, math.log(38.8), 0, 0, 0, math.log(1e-4)], []
    for far, heavy in ((80, 0.01), (400, 1), (2000, 100)):
        x = space["search"](start, far, heavy).x
        d, m = torch.tensor(x[2]).exp().item(), torch.tensor(x[6]).exp().item()
        s = space["hidden"](x)[0]
        cos = s @ space["neptune"] / s.norm() / space["neptune"].norm()
        assert d == pytest.approx(far, rel=0.01) and cos < -0.98
        ends.append((m, m / d**3))
    (light, first), _, (heaviest, last) = ends
    assert heaviest > 2000 * light and 0.5 < last / first < 1


def test_one_line_of_least_squares_finds_the_law_without_a_network(of):
    space = of("11", "log_log")
    slope, gm = space["log_log"]([0, 1, 3, 4])
    assert slope == pytest.approx(-1.99963, abs=2e-5)
    assert gm == pytest.approx(39.483, abs=2e-3)
    assert space["log_log"]([0, 1, 3])[0] == pytest.approx(-2, abs=1e-5)
