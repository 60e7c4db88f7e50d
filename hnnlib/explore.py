"""Put models beside the truth, under sliders; introduced in notebook 00."""

from collections.abc import Mapping
from functools import partial

import ipywidgets as widgets
import torch
from matplotlib.axes import Axes
from torch import Tensor

from hnnlib.checks import expect, positive
from hnnlib.integrators import implicit_midpoint, iterate, rk4, rollout
from hnnlib.live import LiveFigure
from hnnlib.mechanics import VectorField
from hnnlib.metrics import period, relative_energy
from hnnlib.plots import LOOK, energy_lines, phase_axes, phase_portrait
from hnnlib.systems import Separable

SOLVERS = {
    "adaptive": partial(rollout, rtol=1e-4, atol=1e-8),  # enough for a picture
    "RK4": rk4,
    "implicit midpoint": implicit_midpoint,
}
SAMPLING = 0.1  # the step of the spring's data, hence of a StepPredictor
Models = Mapping[str, VectorField]  # by their names in LOOK


def race(models: Models, z0: Tensor, horizon: float, solver: str, dt: float) -> dict:
    """Move models from z0 (1, 2n), the truth accurately; return {name: (t, z)}."""
    runs = {}
    for name, model in models.items():
        is_map = getattr(model, "is_map", False)
        how = "adaptive" if name == "truth" else solver
        step = SAMPLING if is_map or how == "adaptive" else dt
        t = torch.arange(0, horizon + step / 2, step, dtype=torch.float64)
        try:
            z = iterate(model, z0, len(t) - 1) if is_map else SOLVERS[how](model, z0, t)
            if name == "truth":  # lines from sample to sample are about its path
                line, path = (x.norm(dim=-1).mean() for x in (z.diff(dim=1), model(z)))
                ok = step * path <= 1.2 * line  # three samples a turn, or more
                expect(ok, f"a turn takes under {3 * step:.1f}", "a shorter time unit")
        except RuntimeError as error:
            raise RuntimeError(f"{name}: {error}") from error
        except Exception as error:  # whatever a reader's function raises
            raise ValueError(f"{name}: {error}") from error
        runs[name] = t, z
    return runs


def compare(
    left: Axes,
    middle: Axes,
    right: Axes,
    system: Separable,
    models: Models,
    energy: float = 0.5,
    angle: float = 0.0,
    horizon: float = 10.0,
    solver: str = "adaptive",
    dt: float = 0.2,
    limit: float = 2.0,
) -> str:
    """Draw models, named as in ``LOOK``, beside the truth: orbits, q(t) and E/E₀.

    The solver, RK4 and midpoint with step dt, moves fields, the true one as a thin line
    too; a map is iterated. Returns the last change of energy and the mean period.
    """
    known = hasattr(system, "state") and not isinstance(system, type)
    expect(known, f"system is {system!r}", "one with energy, field and state")
    positive(energy=energy, horizon=horizon, dt=dt)
    expect(solver in SOLVERS, f"solver is {solver!r}", f"one of {list(SOLVERS)}")
    names = [name for name in LOOK if name not in ("truth", "data")]
    expect(set(models) <= set(names), f"models are {list(models)}", f"some of {names}")
    fields = {"truth": system.field}
    if solver != "adaptive":
        fields["truth, this solver"] = system.field
    z0 = system.state(*torch.tensor([[energy], [angle]], dtype=torch.float64))  # (1, 2)
    with torch.no_grad():
        runs = race(fields | dict(models), z0, horizon, solver, dt)
    phase_axes(left, limit)
    middle.set(xlabel="time $t$", xlim=(0, horizon))
    middle.set(ylabel="position $q$", ylim=(-limit, limit))
    right.set(xlim=(0, horizon), ylim=(0, 2))
    axes = left, middle, right
    words = [draw_run(axes, system, name, *run) for name, run in runs.items()]
    right.legend(loc="upper left", fontsize=11)  # "best" would search, slowly
    return "; ".join(words)


def draw_run(axes: tuple, system: Separable, name: str, t: Tensor, z: Tensor) -> str:
    """Draw the first coordinate's orbit, position, and energy; say its numbers."""
    first = z[..., :: z.shape[-1] // 2]  # (1, time, 2): q₁ and p₁
    look, line = (name, {}) if name in LOOK else ("truth", {"linewidth": 0.8})
    ratio, turn = relative_energy(system.energy, z), period(t, first).item()
    phase_portrait(axes[0], first, look, **line)
    axes[1].plot(t, z[0, :, 0], **(LOOK[look] | line))
    energy_lines(axes[2], t, ratio, look, **line)
    axes[2].lines[-1].set_label(name)
    said = f"period {turn:.3f}" if turn == turn else "no full turn"
    return f"{name}: energy {ratio[0, -1] - 1:+z.1%}, {said}"  # z: no "-0.0%"


def explorer(
    system: Separable,
    trained: Mapping[str, Models],
    energies: tuple[float, float, float] = (0.5, 0.1, 1.5),
    limit: float = 2.0,
) -> LiveFigure:
    """Return ``compare`` under sliders, with sets of models to choose from by name.

    Energies: E₀ at first, least, greatest; q and p to ±limit. Raises as ``compare``.
    """
    sets = trained and all(isinstance(x, Mapping) for x in trained.values())
    expect(sets, f"trained is {trained!r}", "sets of models, by name")

    def draw(*axes: Axes, models: str, **values) -> str:
        return compare(*axes, system, trained[models], limit=limit, **values)

    (first, low, high), slider = energies, widgets.FloatSlider
    return LiveFigure(
        draw,
        "The chosen models and the truth: orbits, position and energy against time.",
        panels=3,
        models=widgets.Dropdown(options=list(trained), description="models"),
        energy=slider(first, min=low, max=high, description="energy E₀"),
        angle=slider(0, min=-3.1, max=3.1, description="angle"),
        horizon=slider(10, min=7, max=20, step=1, description="horizon"),
        solver=widgets.Dropdown(options=list(SOLVERS), description="solver"),
        dt=slider(0.2, min=0.1, max=1, step=0.1, description="step dt"),
    )
