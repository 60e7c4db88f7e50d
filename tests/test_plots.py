"""Figures draw what they are given, in the look of the model."""

import io
from base64 import b64decode
from itertools import combinations
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver
from PIL import Image

import hnnlib
from hnnlib import plots
from hnnlib.plots import (
    LOOK,
    energy_lines,
    field_arrows,
    film,
    phase_axes,
    phase_portrait,
    show,
)

matplotlib.use("Agg")
MODEL = pytest.mark.parametrize("model", LOOK)


@pytest.fixture
def ax():
    return Figure().subplots()


@pytest.fixture
def z(rng):
    """Three trajectories of seven states, as a model gives them."""
    z = torch.randn(3, 7, 2, generator=rng, dtype=torch.float64)
    return z.requires_grad_()


def numbers(tensor):
    return tensor.detach().numpy()


def test_every_model_has_a_colour_of_its_own():
    for a, b in combinations(LOOK.values(), 2):
        assert to_rgba(a["color"]) != to_rgba(b["color"])


def test_every_model_is_told_from_the_others_without_colour():
    looks = [look for name, look in LOOK.items() if name != "truth"]
    styles = [(look["linestyle"], look.get("marker")) for look in looks]
    assert len(set(styles)) == len(styles)


def test_style_file_is_understood_by_matplotlib():
    path = Path(hnnlib.__file__).with_name("series.mplstyle")
    style = matplotlib.rc_params_from_file(
        path, fail_on_error=True, use_default_template=False
    )
    assert style["figure.constrained_layout.use"]


def test_phase_axes_have_equal_scales_and_labels(ax):
    assert phase_axes(ax, 1.5, "Finding") is ax
    assert ax.get_xlim() == ax.get_ylim() == (-1.5, 1.5)
    assert ax.get_aspect() == 1
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("position $q$", "momentum $p$")
    assert ax.get_title() == "Finding"


@MODEL
def test_phase_portrait_draws_every_trajectory_in_the_look_of_its_model(model, ax, z):
    assert phase_portrait(ax, z, model) is ax
    for line, trajectory in zip(ax.lines, numbers(z), strict=False):
        np.testing.assert_array_equal(line.get_xydata(), trajectory)
        assert to_rgba(line.get_color()) == to_rgba(LOOK[model]["color"])
        assert line.get_linestyle().lower() == LOOK[model]["linestyle"]
    assert len(ax.lines) == (3 if model == "data" else 4)


@pytest.mark.parametrize("model", [name for name in LOOK if name != "data"])
def test_phase_portrait_marks_the_starts(model, ax, z):
    starts = phase_portrait(ax, z, model).lines[3]
    np.testing.assert_array_equal(starts.get_xydata(), numbers(z[:, 0]))
    assert starts.get_marker() == "o"
    assert starts.get_zorder() > ax.lines[0].get_zorder()
    assert to_rgba(starts.get_color()) == to_rgba(LOOK[model]["color"])


@MODEL
@pytest.mark.parametrize("draw", [phase_portrait, energy_lines])
def test_legend_names_each_model_once_by_its_line(draw, model, ax, z):
    given = (z,) if draw is phase_portrait else (torch.arange(7), z[..., 0])
    draw(ax, *given, model)
    (handle,), (label,) = ax.get_legend_handles_labels()
    assert label == model
    assert handle.get_linestyle().lower() == LOOK[model]["linestyle"]


@pytest.mark.parametrize("draw", [phase_portrait, energy_lines])
def test_look_can_be_overridden_for_one_drawing(draw, ax, z):
    given = (z,) if draw is phase_portrait else (torch.arange(7), z[..., 0])
    line = draw(ax, *given, "derivative", color="red", linewidth=0.5).lines[-2]
    assert line.get_color() == "red"
    assert line.get_linewidth() == 0.5
    assert line.get_linestyle() == "--"  # the rest of its look stays
    assert LOOK["derivative"]["color"] == "#B55000"


def test_field_arrows_are_not_two_for_a_state_of_four_numbers(ax):
    with pytest.raises(ValueError, match="too many values"):
        field_arrows(ax, torch.zeros(5, 4), torch.zeros(5, 4))


@pytest.mark.parametrize("shape", [(6,), (2, 3)])
def test_field_arrows_stand_at_the_states_and_show_the_rates(shape, ax, rng):
    z = torch.randn(*shape, 2, generator=rng)
    dz_dt = torch.randn(*shape, 2, generator=rng, requires_grad=True)
    assert field_arrows(ax, z, dz_dt, color="red") is ax
    (arrows,) = ax.collections
    assert isinstance(arrows, Quiver)
    rates = np.stack([arrows.U, arrows.V], axis=-1)
    np.testing.assert_array_equal(arrows.XY, numbers(z.view(-1, 2)))
    np.testing.assert_array_equal(rates, numbers(dz_dt.view(-1, 2)))
    assert arrows.angles == "xy" and arrows.pivot == "middle"


@MODEL
def test_energy_lines_draw_each_ratio_over_time_and_the_truth_at_one(model, ax, z):
    t, ratio = torch.linspace(0, 3, 7), z[..., 0]
    assert energy_lines(ax, t, ratio, model) is ax
    truth, *lines = ax.lines
    assert set(truth.get_ydata()) == {1.0}
    assert to_rgba(truth.get_color()) == to_rgba("black")
    for line, expected in zip(lines, numbers(ratio), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), numbers(t))
        np.testing.assert_array_equal(line.get_ydata(), expected)
        assert to_rgba(line.get_color()) == to_rgba(LOOK[model]["color"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time $t$", "energy $E/E_0$")


def test_show_displays_the_figure_with_its_alt_text_and_closes_it(monkeypatch):
    calls = []
    monkeypatch.setattr(plots, "display", lambda *a, **k: calls.append((a, k)))
    figure = plt.figure(facecolor=LOOK["HNN"]["color"])
    show(figure, "An orbit.")
    (((data,), more),) = calls
    assert more == {"metadata": {"image/png": {"alt": "An orbit."}}, "raw": True}
    picture = Image.open(io.BytesIO(b64decode(data["image/png"])))
    assert picture.mode == "P"  # a palette: a third of the size
    assert picture.convert("RGB").getpixel((1, 1)) == (0x00, 0x72, 0xB2)
    assert not plt.fignum_exists(figure.number)


def test_film_shows_every_frame_for_its_time_and_closes_the_figure(monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "display", lambda data, **more: shown.append(data))
    figure = plt.figure(figsize=(2, 1), dpi=100)
    ax = figure.subplots()
    ax.set(xlim=(-1, 2), ylim=(0, 1))
    (dot,) = ax.plot([], [], "o", color=LOOK["HNN"]["color"], markersize=20)
    film(figure, lambda i: dot.set_data([i / 4], [0.5]), 5, 1.0, "A dot moves.")
    film_ = Image.open(io.BytesIO(b64decode(shown[0]["image/png"])))
    assert (film_.n_frames, film_.size, film_.format) == (5, (200, 100), "PNG")
    frames = []
    for i in range(5):
        film_.seek(i)
        frames.append(film_.convert("RGB"))
        assert film_.info["duration"] == 200
    assert film_.info["loop"] == 0  # for ever
    assert len({frame.tobytes() for frame in frames}) == 5
    blue = tuple(round(255 * x) for x in to_rgb(LOOK["HNN"]["color"]))
    for frame in frames:
        assert {blue, (255, 255, 255)} <= {color for _, color in frame.getcolors()}
    assert not plt.fignum_exists(figure.number)


def shown_film(monkeypatch, figure, draw, frames=3):
    shown = []
    monkeypatch.setattr(plots, "display", lambda *a, **more: shown.append((a, more)))
    film(figure, draw, frames, 1.0, "A film.")
    (((data,), more),) = shown
    assert more["metadata"] == {"image/png": {"alt": "A film."}} and more["raw"]
    picture, pixels = Image.open(io.BytesIO(b64decode(data["image/png"]))), []
    for i in range(frames):
        picture.seek(i)
        pixels.append(np.asarray(picture.convert("RGB")).astype(int))
    return pixels


def test_the_layout_of_a_film_does_not_move(monkeypatch):
    figure = plt.figure(figsize=(2, 1), dpi=100, layout="constrained")
    ax = figure.subplots()
    ax.set(xticks=[], yticks=[])

    def draw(i):  # a title that would push the axes down
        ax.set_title("\n".join("abc"[: 1 + i]))

    first, *others = shown_film(monkeypatch, figure, draw)
    bottom = slice(60, None)
    assert all(np.array_equal(first[bottom], frame[bottom]) for frame in others)


def test_a_film_shows_greys_and_text(monkeypatch):
    figure = plt.figure(figsize=(2, 1), dpi=100)
    text = figure.text(0.2, 0.4, "", fontsize=30)
    blank, word, other = shown_film(
        monkeypatch, figure, lambda i: text.set_text(("", "word", "other")[i])
    )
    assert (blank == 255).all()
    assert word.min() == 0 and len(np.unique(word)) > 6  # soft edges
    assert not np.array_equal(word, other)


def test_a_film_has_the_layout_of_its_first_frame(monkeypatch):
    def drawn():
        figure = plt.figure(figsize=(2, 1), dpi=100, layout="constrained")
        figure.subplots().set(xlabel="time", ylabel="energy")
        return figure

    alone, filmed = drawn(), drawn()
    alone.axes[0].plot([0, 1])
    for _ in range(2):
        alone.canvas.draw()
    shown_film(monkeypatch, filmed, lambda i: filmed.axes[0].plot([i, 1]))
    box = filmed.axes[0].get_position().bounds
    assert box == pytest.approx(alone.axes[0].get_position().bounds)


def test_a_colour_that_a_film_has_not_becomes_one_without_a_pattern(monkeypatch):
    figure = plt.figure(figsize=(2, 1), dpi=100)
    colors = "#225599", "#cc8822", "#338866"
    frames = shown_film(monkeypatch, figure, lambda i: figure.set_facecolor(colors[i]))
    for frame in frames:
        assert len(np.unique(frame.reshape(-1, 3), axis=0)) == 1
