"""Any cell can be run twice, and no answer changes what belongs to the notebook.

Opt-in, as it runs whole notebooks (minutes): `pytest tests/test_twice.py --twice`. All
cells run, then again those that draw and those whose output is compared, and then the
checks, with right answers that overwrite what they are given. Prints, pictures and all
tensors that the notebook names must be as they were.
"""

import ast
import dataclasses
import io
from contextlib import redirect_stdout

import matplotlib
import numpy as np
import pytest
import torch
from cells import code_cells
from test_answers import RIGHT, TABLES

import hnnlib.plots

pytestmark = pytest.mark.skipif(
    "not config.getoption('twice')", reason="runs whole notebooks: --twice"
)


def pixels(picture, **_):
    """In the place of display: the bytes of a figure, or of an animated PNG."""
    if isinstance(picture, dict):
        return picture["image/png"]
    picture.canvas.draw()
    return bytes(picture.canvas.buffer_rgba())


def execute(cell, space):
    """What a cell prints, and the pictures that it shows."""
    pictures, text = [], io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(text):
        patch.setattr(
            hnnlib.plots, "display", lambda *x, **_: pictures.append(pixels(*x))
        )
        exec(compile(cell.source, cell.source, "exec"), space)
    return text.getvalue(), pictures


def numbers(value):
    """Copies of all numbers in a value: of tensors, containers, networks, data sets."""
    if isinstance(value, torch.nn.Module):
        value = value.state_dict()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = vars(value)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [numbers(x) for x in value]
    if isinstance(value, torch.Tensor):
        value = value.detach().numpy()
    if isinstance(value, np.ndarray):
        return value.tobytes() if value.dtype != object else None
    return str(value) if isinstance(value, int | float | complex | str) else None


def owned(space, cells):
    """The numbers that a notebook names, but for those that a loop runs through."""
    nodes = [x for cell in cells for x in ast.walk(ast.parse(cell.source))]
    loops = [ast.walk(x.target) for x in nodes if isinstance(x, ast.For)]
    passing = {x.id for loop in loops for x in loop if isinstance(x, ast.Name)}
    return {name: numbers(space[name]) for name in set(space) - passing}


def copied(value):
    if isinstance(value, list | tuple):
        return type(value)(map(copied, value))
    if isinstance(value, torch.Tensor):
        return value.clone()
    return value.copy() if isinstance(value, np.ndarray) else value


def spoil(answer):
    """The same function, which then overwrites whatever it was given."""

    def answer_in_place(*given):
        result = copied(answer(*given))
        for x in given:
            if isinstance(x, np.ndarray):
                x[...] = np.nan
            elif isinstance(x, torch.Tensor) and not x.requires_grad:
                x.fill_(torch.nan)
        return result

    return answer_in_place if callable(answer) else answer


def tags(cell):
    return set(cell.metadata.get("tags", []))


@pytest.mark.parametrize("number", TABLES)
def test_any_cell_can_be_run_twice_and_no_answer_changes_the_notebook(
    number, as_notebooks, capsys
):
    matplotlib.use("Agg")
    torch.set_default_dtype(torch.float32)  # as a new kernel: 10 keeps it
    space, cells = {"__name__": number}, code_cells(number)
    first = [execute(cell, space) for cell in cells]
    before, wrong = owned(space, cells), []

    unlike = {"nbval-ignore-output", "exercise", "check", "solution"}
    for cell, seen in zip(cells, first, strict=True):
        again = "figure" in tags(cell) or ("(" in cell.source and seen[0])
        if again and not tags(cell) & unlike and execute(cell, space) != seen:
            wrong.append(f"the second time it shows something else: {cell.source}")
    for check, answer in ((c, a) for n, c, a in RIGHT if n == number):
        capsys.readouterr()
        space[check](spoil(eval(answer, space)))
        said = capsys.readouterr().out.splitlines()[-1]
        if said != "right":
            wrong.append(f"{check}: {said}, of an answer in place: {answer}")

    after = owned(space, cells)
    wrong += [f"{name} has changed" for name in before if before[name] != after[name]]
    assert not wrong, "\n".join(wrong)
