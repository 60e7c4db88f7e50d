"""Colours can be seen on white, and told apart by everybody."""

import itertools
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from hnnlib.plots import LOOK

colour = pytest.importorskip("colour", reason="needs colour-science")

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
COLORS = {name: look["color"] for name, look in LOOK.items()}
SIGHT = ["Normal", "Protanomaly", "Deuteranomaly", "Tritanomaly"]  # last: no such cones


def contrast_on_white(color):
    """Return the ratio of the Web Content Accessibility Guidelines, 1 to 21."""
    linear = colour.models.eotf_sRGB(np.array(to_rgb(color)))
    return 1.05 / (linear @ (0.2126, 0.7152, 0.0722) + 0.05)


def seen(color, sight):
    """Return the color in CIE L*a*b* as it is seen by Machado et al. (2009)."""
    linear = colour.models.eotf_sRGB(np.array(to_rgb(color)))
    if sight != "Normal":
        linear = colour.matrix_cvd_Machado2009(sight, 1.0) @ linear
    return colour.XYZ_to_Lab(colour.RGB_to_XYZ(np.clip(linear, 0, 1), "sRGB"))


@pytest.mark.parametrize("name", COLORS)
def test_the_color_of_a_model_can_be_seen_on_white(name):
    assert contrast_on_white(COLORS[name]) >= 3


@pytest.mark.parametrize("sight", SIGHT)
def test_models_are_told_apart_by_color_with_every_kind_of_sight(sight):
    lines = [name for name in COLORS if name != "data"]  # data are points
    for one, other in itertools.combinations(lines, 2):
        pair = (seen(COLORS[name], sight) for name in (one, other))
        assert colour.delta_E(*pair, method="CIE 2000") > 9, (one, other)


def test_models_are_told_apart_without_any_color():
    looks = [(look["linestyle"], look.get("marker")) for look in LOOK.values()]
    assert len(set(looks)) >= len(looks) - 1  # the truth is black and thin, the HNN not


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_color_that_a_notebook_names_can_be_seen_on_white(path):
    cells = [c.source for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
    lines = [line for source in cells for line in source.splitlines()]
    for line in lines:
        for color in re.findall(r"\"(#[0-9A-Fa-f]{6})\"", line):
            outlined = "edgecolor" in line
            assert outlined or contrast_on_white(color) >= 3, line
