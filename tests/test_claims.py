"""A claim that cannot fail is worth nothing: put something worse in its model's place.

Each entry of CASES names a notebook, a claim, what is swapped to make it false, and
what is swapped only to leave out what the claim does not need (seeds, other models).
"""

import pytest
from cells import code_cells, needed, printed, run

from hnnlib.models import DerivativePredictor


class Impostor(DerivativePredictor):
    """Take the HNN's place: conserve nothing, call the spring's energy one's own."""

    def energy(self, z):
        return (z**2).sum(dim=-1) / 2


ONE, TWO = "HNN(MLP(2, 32, 32, 1, seed=", "Impostor(MLP(2, 32, 32, 2, seed="
CASES = {
    "00": (
        "HNN: energy of the tenth turn off by",
        {ONE + "seed))": TWO + "seed))"},
        {"(0.1, 0.0, 0.3)": "(0.1,)"},
    ),
    "03": (
        "residual, σ = 0.0, decay 0.0001: seeds apart",
        {"return z + self.net(z)": "return self.net(z)"},
        {"product(MAPS, (0.1, 0.0), (1e-4, 0.0))": '[("residual", 0.0, 1e-4)]'},
    ),
    "05": (
        "HNN: true energy of the last turn off by",
        {ONE + "0)) for": TWO + "0)) for"},
        {"steps=3000": "steps=1"},
    ),
    "06": (
        "energy MSE, the better baseline's in the HNN's",
        {"HNN(nets(1))": "Impostor(nets(2))"},
        {"SEEDS = 16": "SEEDS = 4"},
    ),
    "07": (
        "HNN: error of the energy",
        {'"HNN": HNN(nets(2, 32, 32, 1))': '"HNN": Impostor(nets(2, 32, 32, 2))'},
        {"SEEDS = 16": "SEEDS = 4"},
    ),
    "08": (
        "leapfrog: error grows by a factor",
        {"leapfrog(*halves, z, t),": "rk4(pendulum.field, z, t),"},
        {"arange(20_001)": "arange(6_001)"},
    ),
    "09": (
        "untrained pairwise HNN: largest dP/dt",
        {"PairwiseHNN(small(0), small(1))(some)": "HNN(MLP(8, 8, 1, seed=0))(some)"},
        {},
    ),
    "14": (
        "state MSE, that of exact rates in that of clips",
        {"[*model.parameters(), start]": "[*model.parameters()]"}
        | {"z[:, :, :3].mean(dim=2)": "z[:, :, 0]"},
        {"torch.arange(301)": "torch.arange(201)"},
    ),
}


def verdict(claim, text):
    (line,) = (x for x in text.splitlines() if x.strip().startswith(claim + " ≈"))
    return line.split(": ")[-1]


def swapped(sources, swaps):
    for old, new in swaps.items():
        assert sum(old in source for source in sources), f"nowhere: {old}"
        sources = [source.replace(old, new) for source in sources]
    return sources


@pytest.mark.skipif("not config.getoption('nbval')", reason="trains models: --nbval")
@pytest.mark.parametrize("number", CASES)
def test_a_claim_turns_red_when_something_worse_takes_its_place(
    number, as_notebooks, capsys
):
    claim, worse, cheaper = CASES[number]
    cells = code_cells(number)
    (i,) = (i for i, cell in enumerate(cells) if f"{claim} ≈" in printed(cell))
    assert verdict(claim, printed(cells[i])) == "True"
    sources = swapped([cell.source for cell in cells], worse | cheaper)
    *before, last = needed(sources, i)
    space = run(sources, before, number, Impostor=Impostor)
    capsys.readouterr()
    run(sources, [last], number, **space)
    assert verdict(claim, capsys.readouterr().out) == "False"
