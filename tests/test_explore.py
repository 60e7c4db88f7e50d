"""The live figure follows its sliders and survives what goes wrong in between."""

import html
import io
import math
from base64 import b64decode
from functools import partial

import ipywidgets as widgets
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from matplotlib.figure import Figure
from matplotlib.image import imread

from hnnlib.explore import SOLVERS, compare, explorer, race
from hnnlib.live import LiveFigure, drawn_on
from hnnlib.mechanics import hamiltonian_vector_field
from hnnlib.models import MLP, DerivativePredictor, StepPredictor
from hnnlib.systems import MassSpring
from hnnlib.systems import Pendulum as TruePendulum

VIEW = "application/vnd.jupyter.widget-view+json"


def draw(left, right, slope, shift):
    left.plot([0, 1], [0, 1])
    if slope > 4:
        raise ValueError("slope is <5>; expected < 5 & finite")
    right.plot([0, 1], [shift, shift + slope])
    right.set_ylim(-1, 5)


@pytest.fixture
def live():
    return LiveFigure(
        draw,
        "A line.",
        slope=widgets.FloatSlider(1.0, min=0, max=5),
        shift=widgets.FloatSlider(0.0, min=-1, max=1),
    )


def test_picture_is_drawn_at_once_in_its_size(live):
    assert imread(io.BytesIO(live.image.value)).shape[:2] == (320, 720)
    assert live.image.width == "720"
    assert live.message.value == ""


def test_draw_gets_the_values_of_the_sliders_by_name():
    seen = []
    draw = lambda left, right, **values: seen.append(values)  # noqa: E731
    LiveFigure(draw, "", a=widgets.FloatSlider(2.0))
    assert seen == [{"a": 2.0}]


@pytest.mark.parametrize("name", ["slope", "shift"])
def test_each_slider_redraws_the_picture_and_back(live, name):
    before, slider = live.image.value, live.sliders[name]
    slider.value += 0.5
    assert live.image.value != before
    slider.value -= 0.5
    assert live.image.value == before


def plain(left, right, size):
    left.plot([0, size], [0, size], label="a")


def words(left, right, size):
    plain(left, right, size)
    left.legend(loc="upper left")
    right.axhline(0.5)
    right.set_title(f"size {size:g}")


def side_titles(left, right, size):
    left.set_title(f"size {size:g}", loc="left")
    right.set_xlabel("small" if size < 2 else "large")


def legend_moves(left, right, size):
    right.plot([0, 1], [0, 1], label="a")
    right.legend(loc="upper left" if size < 2 else "lower right")


def legend_recoloured(left, right, size):
    right.plot([0, 1], [0, 1], label="a", color="red" if size < 2 else "blue")
    right.legend(loc="upper left")


def tick_labels(left, right, size):
    left.set(xlim=(0, 1), xticks=[0, 1], xticklabels=["no", f"{size:g}"])


def limits(left, right, size):
    right.set(xlim=(0, 1), ylim=(0, 1 if size < 2 else 1.2), xticks=[], yticks=[])
    left.set_xlim(0, size)


def limits_sometimes(left, right, size):
    left.plot([0, 1], [0, 1])
    if size < 2:
        left.set(xlim=(0, 9), ylim=(0, 9))


def order(left, right, size):
    left.plot([0, 1], [0, 1], color="red", lw=9, zorder=3 if size < 2 else 1)
    left.plot([0, 1], [1, 0], color="blue", lw=9, zorder=2)
    left.text(0.5, 0.5, "over it", zorder=5)


@pytest.mark.parametrize(
    "draw",
    [
        *(plain, words, side_titles, legend_moves, legend_recoloured, tick_labels),
        *(limits, limits_sometimes, order),
    ],
)
def test_a_moved_figure_is_the_one_that_is_drawn_anew(draw):
    def at(size):
        return LiveFigure(draw, "", size=widgets.FloatSlider(size, max=50))

    moved = at(1.0)
    first = moved.image.value
    for size in (2.0, 40.0, 1.0):
        moved.sliders["size"].value = size
        assert moved.image.value == at(size).image.value
        assert (moved.image.value == first) == (size == 1.0)


CHANGES = {
    "set_xlim": [(0, 1.2)],
    "set_ylim": [(0, 1.2)],
    "set_aspect": ["equal"],
    "set_xlabel": ["words"],
    "set_ylabel": ["words"],
    "set_title": ["words"],
    "set_xticks": [[0, 1], ["no", "yes"]],
    "set_yticks": [[0, 1], ["no", "yes"]],
}


@pytest.mark.parametrize(
    "method, arguments, more",
    [
        *((name, arguments, {}) for name, arguments in CHANGES.items()),
        *(("set_title", ["words"], {"loc": loc}) for loc in ("left", "right")),
        *((f"set_{x}ticks", [[0.5], ["words"]], {"minor": True}) for x in "xy"),
    ],
)
def test_no_change_around_the_lines_is_missed(method, arguments, more):
    def draw(left, right, size):
        right.set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 1], yticks=[0, 1])
        if size == 2:
            getattr(right, method)(*arguments, **more)

    moved, new = (
        LiveFigure(draw, "", size=widgets.FloatSlider(x, max=50)) for x in (1.0, 2.0)
    )
    assert moved.image.value != new.image.value
    moved.sliders["size"].value = 2.0
    assert moved.image.value == new.image.value


def test_words_are_not_drawn_again_when_only_lines_move(monkeypatch):
    live = LiveFigure(limits, "", size=widgets.FloatSlider(3.0, max=50))
    drawn = []
    monkeypatch.setattr(live.canvas, "draw", lambda: drawn.append(1))
    live.redraw()
    assert not drawn  # 30 ms instead of 184


def test_error_is_shown_in_words_and_leaves_the_last_picture(live):
    before = live.image.value
    live.sliders["slope"].value = 5.0
    assert "ValueError" in live.message.value
    assert live.image.value == before
    live.sliders["slope"].value = 2.0
    assert live.message.value == ""
    assert live.image.value != before


def test_error_in_the_first_picture_is_raised():
    with pytest.raises(ValueError, match="slope is <5>"):
        LiveFigure(partial(draw, shift=0), "", slope=widgets.FloatSlider(5.0))


def test_error_message_reaches_the_reader_unmangled_by_html(live):
    live.sliders["slope"].value = 5.0
    assert html.escape("slope is <5>; expected < 5 & finite") in live.message.value


def test_numbers_reach_the_reader_unmangled_by_html():
    live = LiveFigure(lambda left, right: "E < 1 & <b>rising</b>", "")
    assert live.message.value == html.escape("E < 1 & <b>rising</b>")


def test_view_holds_sliders_picture_and_message(live):
    parts = [*live.sliders.values(), live.image, live.message]
    assert list(live.view.children) == parts
    assert live.view.layout.flex_flow == "row wrap"  # on a narrow page


def test_saved_notebook_gets_the_widget_and_the_present_picture(live):
    live.sliders["slope"].value = 2.0
    data, metadata = DisplayFormatter().format(live)
    assert data[VIEW]["model_id"] == live.view.model_id
    assert b64decode(data["image/png"]) == live.image.value
    assert b64decode(data["image/png"]).startswith(b"\x89PNG\r\n\x1a\n")
    assert metadata["image/png"] == {"alt": "A line."}


def test_text_that_nbval_compares_does_not_change_with_the_sliders(live):
    before = DisplayFormatter().format(live)[0]["text/plain"]
    live.sliders["slope"].value = 2.0
    assert DisplayFormatter().format(live)[0]["text/plain"] == before
    assert before == "Interactive figure of slope, shift"


class Pendulum:
    """A system hnnlib has never seen."""

    def energy(self, z):
        return z[..., 1] ** 2 / 2 + 1 - torch.cos(z[..., 0])

    def field(self, z):
        return hamiltonian_vector_field(self.energy, z)

    def state(self, h, angle):  # at rest, or at the bottom
        q = torch.acos(1 - h) * angle.cos()
        return torch.stack([q, (2 * (h - 1 + q.cos())).clamp(min=0).sqrt()], dim=-1)


class Rotation(StepPredictor):
    """The exact map of the spring over the 0.1 of the data."""

    def forward(self, z):
        c, s = torch.tensor([0.1]).double().cos(), torch.tensor([0.1]).double().sin()
        q, p = z[..., :1], z[..., 1:]
        return torch.cat([c * q + s * p, c * p - s * q], dim=-1)


SPRING = MassSpring()
MODELS = {
    "next-step": Rotation(None),
    "derivative": lambda z: SPRING.field(z) + 0.01 * z,  # energy grows as exp(0.02 t)
    "HNN": lambda z: 0.9 * SPRING.field(z),  # a slow clock, energy kept
}
EXPECTED = (
    "truth: energy +0.0%, period 6.283; next-step: energy +0.0%, period 6.283; "
    "derivative: energy +22.1%, period 6.283; HNN: energy +0.0%, period 6.981"
)


@pytest.fixture
def axes():
    return Figure().subplots(1, 3)


def test_comparison_of_known_models_says_their_energy_and_period(axes):
    assert compare(*axes, SPRING, MODELS) == EXPECTED


def test_comparison_draws_every_model_in_both_pictures(axes):
    compare(*axes, SPRING, MODELS, energy=0.8, angle=1.0)
    left, middle, right = axes
    assert {"truth", *MODELS} <= {line.get_label() for line in left.lines}
    assert len(middle.lines) == 1 + len(MODELS)
    assert middle.lines[0].get_ydata()[0] == pytest.approx(1.6**0.5 * math.cos(1.0))
    assert [x.get_text() for x in right.get_legend().texts] == ["truth", *MODELS]
    (start,) = {tuple(x.get_xydata()[0]) for x in left.lines if len(x.get_xdata()) == 1}
    expected = SPRING.state(torch.tensor(0.8), torch.tensor(1.0)).tolist()
    assert start == pytest.approx(expected)


def test_comparison_shows_phase_space_to_the_limit_and_time_to_the_horizon(axes):
    compare(*axes, SPRING, MODELS, limit=3.0, horizon=7.0)
    left, middle, right = axes
    assert left.get_xlim() == left.get_ylim() == middle.get_ylim() == (-3, 3)
    assert middle.get_xlim() == right.get_xlim() == (0, 7)
    assert right.get_ylim() == (0, 2)


def test_a_map_is_iterated_and_a_field_moved_with_the_chosen_step():
    z0 = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    runs = race({"truth": SPRING.field} | MODELS, z0, 2.0, "RK4", 0.5)
    steps = {name: (len(t), (t[1] - t[0]).item()) for name, (t, _) in runs.items()}
    assert steps["truth"] == steps["next-step"] == (21, pytest.approx(0.1))
    assert steps["HNN"] == steps["derivative"] == (5, pytest.approx(0.5))
    for t, z in runs.values():
        assert z.shape == (1, len(t), 2) and not z.requires_grad


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_field_is_moved_by_the_chosen_solver_with_its_step(axes, solver):
    text = compare(*axes, SPRING, {"HNN": SPRING.field}, solver=solver, dt=1.0)
    energy = float(text.split("HNN: energy ")[1].split("%")[0])
    assert (energy < -5) == (solver == "RK4")  # its step is too long; the truth's not
    own = f"truth, this solver: energy {energy:+.1f}%"  # so it is the solver's fault
    assert (own in text) == (solver != "adaptive")
    assert text.startswith("truth: energy +0.0%, period 6.283")


def test_explorer_takes_a_system_of_its_reader(axes):
    live = explorer(Pendulum(), {"exact": {"HNN": Pendulum().field}}, (1.5, 0.1, 1.9))
    first = live.message.value
    assert first.count("period 8.626") == 2  # 4 K(sin²(θ/2)) at cos θ = −0.5
    live.sliders["energy"].value = 0.1
    assert live.message.value.count("period 6.364") == 2
    live.sliders["horizon"].value = 7
    assert live.message.value.count("period 6.364") == 2


def test_explorer_shows_the_energies_and_the_limit_it_is_given():
    live = explorer(SPRING, {"a": {}}, (0.7, 0.3, 2.5), limit=3.0)
    energy = live.sliders["energy"]
    assert (energy.value, energy.min, energy.max) == (0.7, 0.3, 2.5)
    angle = live.sliders["angle"]
    assert (angle.value, angle.min, angle.max) == (0, -3.1, 3.1)
    assert live.figure.axes[0].get_xlim() == (-3, 3)
    assert "orbits" in live.alt and "energy" in live.alt


def test_pictures_need_no_graph(axes):
    def field(z):
        seen.append(torch.is_grad_enabled())
        return SPRING.field(z)

    seen: list[bool] = []
    compare(*axes, SPRING, {"HNN": field}, solver="RK4")
    assert seen and not any(seen)


def test_explorer_changes_the_models_and_the_solver(axes):
    live = explorer(SPRING, {"a": MODELS, "b": {"HNN": SPRING.field}})
    assert live.message.value == EXPECTED
    live.sliders["models"].value = "b"
    assert "HNN: energy +0.0%, period 6.283" in live.message.value
    live.sliders["dt"].value = 1.0
    live.sliders["solver"].value = "RK4"
    assert "HNN: energy +0.0%" not in live.message.value


def test_failing_rollout_is_shown_and_the_last_picture_stays():
    def explodes(z):
        return z**3 if z.norm() > 1.2 else SPRING.field(z)

    live = explorer(SPRING, {"a": {"HNN": explodes}})
    before = live.image.value
    live.sliders["energy"].value = 1.5
    assert "RuntimeError" in live.message.value and "Reached t" in live.message.value
    assert "HNN: " in live.message.value  # its name, not the number of a row
    assert live.image.value == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"system": "spring"}, "system is 'spring'"),
        ({"system": MassSpring}, "system is <class"),
        ({"models": {"HNN": lambda z: torch.stack([z[1], -z[0]])}}, "HNN: index 1 is"),
        (
            {"models": {"HNN": lambda z: z[..., :1]}},
            r"HNN: .* shape \(1, 1\)",
        ),
        ({"models": {"HNN": lambda t, z: z}}, "HNN: .* a function of the state alone"),
        (
            {"models": {"mine": SPRING.field}},
            r"models are \['mine'\]; expected",
        ),
        ({"models": {"truth": SPRING.field}}, r"models are \['truth'\]; expected some"),
        ({"models": {"data": SPRING.field}}, r"models are \['data'\]; expected some"),
        ({"energy": float("nan")}, "energy is nan"),
        ({"angle": float("nan")}, r"truth: z0 at \[0\] is \[nan, nan\]; expected"),
        ({"energy": -1.0}, "energy is -1.0; expected a positive"),
        ({"system": TruePendulum(), "energy": 2.5}, "h is .* expected .* 2mgl = 2"),
        ({"solver": "Euler"}, "solver is 'Euler'"),
        ({"dt": 20.0, "solver": "RK4"}, "truth, this solver: .*t has shape"),
        ({"dt": 0.0}, "dt is 0.0; expected a positive"),
        ({"horizon": float("nan")}, "horizon is nan"),
    ],
)
def test_bad_input_gets_the_reason(axes, change, message):
    arguments = {"system": SPRING, "models": MODELS} | change
    with pytest.raises(ValueError, match=message):
        compare(*axes, **arguments)


@pytest.mark.parametrize("height", [1e-3, 1.0, 1e3])  # of orbits, over their width
@pytest.mark.parametrize("turn", [0.5, 0.35, 0.23, 0.17, 0.09, 0.0123])
def test_a_motion_too_fast_for_the_samples_is_refused(axes, turn, height):
    omega = 2 * math.pi / turn
    spring = MassSpring(m=height / omega, k=height * omega)
    if turn > 0.3:
        said = compare(*axes, spring, {}, angle=0.7)
        assert float(said.split("period ")[1]) == pytest.approx(turn, rel=0.02)
    else:  # 0.09 would be drawn, and said, as 0.9
        with pytest.raises(ValueError, match="truth: a turn takes under 0.3; expected"):
            compare(*axes, spring, {}, angle=0.7)


def test_explorer_refuses_at_once_what_it_cannot_draw():
    with pytest.raises(RuntimeError, match="HNN: mat1 and mat2 shapes"):
        explorer(SPRING, {"a": {"HNN": DerivativePredictor(MLP(4, 8, 4, seed=0))}})


MIXED = {"a": MODELS, "b": SPRING.field}


@pytest.mark.parametrize("trained", [{}, MODELS, MIXED])
def test_explorer_refuses_what_is_not_sets_of_models(trained):
    with pytest.raises(ValueError, match="expected sets of models, by name"):
        explorer(SPRING, trained)


def test_a_model_that_has_not_turned_yet_says_so(axes):
    text = compare(*axes, SPRING, {"HNN": lambda z: 0.1 * SPRING.field(z)})
    assert text.endswith("HNN: energy +0.0%, no full turn")


def test_nothing_that_draw_left_behind_stays():
    def draw(left, right, a):
        left.text(a, a, "words")
        left.axvspan(0, a)
        left.fill_between([0, a], 0, 1)
        left.imshow([[a, 1.0]], vmin=0, vmax=2, extent=(0, 1, 0, 1), aspect="auto")
        left.scatter([a], [a])

    live = LiveFigure(draw, "", a=widgets.FloatSlider(1.0))
    children = len(live.figure.axes[0].get_children())
    live.sliders["a"].value = 2.0
    assert len(live.figure.axes[0].get_children()) == children


def test_a_legend_is_drawn_over_all_else(axes):
    left, *_ = axes
    left.plot([0, 1], label="a")
    left.legend()
    left.text(0, 0, "words")
    assert [type(x).__name__ for x in drawn_on(left)] == ["Line2D", "Text", "Legend"]
