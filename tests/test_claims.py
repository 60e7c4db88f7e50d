"""A claim that cannot fail is worth nothing: put a baseline in the HNN's place."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
IMPOSTOR = """

class HNN(DerivativePredictor):  # claims the true energy as its own
    def energy(self, z):
        return spring.energy(z)
"""


def printed(cells):
    return "".join(o.get("text", "") for c in cells for o in c.get("outputs", []))


def verdicts(claim, text):
    return [x.split(": ")[-1] for x in text.splitlines() if claim in x]


@pytest.mark.skipif("not config.getoption('nbval')", reason="runs notebooks: --nbval")
@pytest.mark.parametrize(
    ("name", "claim"),
    [
        ("00_start_here", "HNN: energy of the tenth turn off by"),
        ("05_learn_the_energy", "HNN: true energy of the last turn off by"),
        ("06_judge_fairly", "energy MSE, the better baseline's in the HNN's"),
    ],
)
def test_claims_turn_red_when_a_derivative_predictor_replaces_the_hnn(name, claim):
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    i = next(i for i, c in enumerate(notebook.cells) if claim in printed([c]))
    notebook.cells = notebook.cells[: i + 1]
    before = printed(notebook.cells[-1:])

    code = [c for c in notebook.cells if c.cell_type == "code"]
    next(c for c in code if "import HNN" in c.source).source += IMPOSTOR
    for cell in code:  # the impostor needs two outputs where the HNN has one
        cell.source = re.sub(r"HNN\((MLP\([\d, ]+), 1,", r"HNN(\1, 2,", cell.source)
        cell.source = cell.source.replace("HNN(nets(1", "HNN(nets(2")
    NotebookClient(notebook, resources={"metadata": {"path": NOTEBOOKS}}).execute()
    after = printed(notebook.cells[-1:])

    said, now = (verdicts(claim, text) for text in (before, after))
    assert said == ["True"] and now == ["False"]


@pytest.mark.skipif("not config.getoption('nbval')", reason="runs notebooks: --nbval")
def test_claims_of_14_turn_red_when_noisy_first_samples_are_fixed_starts():
    notebook = nbformat.read(NOTEBOOKS / "14_clips.ipynb", as_version=4)
    claim = "state MSE, that of exact rates in that of clips"
    i = next(i for i, c in enumerate(notebook.cells) if claim in printed([c]))
    notebook.cells = notebook.cells[: i + 1]
    before = printed(notebook.cells[-1:])

    for cell in notebook.cells:
        if "def learn_clips" in cell.source:  # the starts are no parameters any more
            cell.source = cell.source.replace("parameters(), start]", "parameters()]")
        cell.source = cell.source.replace("z[:, :, :3].mean(dim=2)", "z[:, :, 0]")
    NotebookClient(notebook, resources={"metadata": {"path": NOTEBOOKS}}).execute()
    after = printed(notebook.cells[-1:])

    said, now = (verdicts(claim, text) for text in (before, after))
    assert said == ["True"] and now == ["False"]
