"""Models beside the truth, under sliders; introduced in notebook 00."""

import math
from collections.abc import Mapping
from functools import partial

import ipywidgets as widgets
import torch
from matplotlib.axes import Axes
from torch import Tensor

from hnnlib.integrators import implicit_midpoint, iterate, rk4, rollout
from hnnlib.mechanics import Energy, VectorField, check_positive
from hnnlib.metrics import period, relative_energy
from hnnlib.models import StepPredictor
from hnnlib.plots import LOOK, LiveFigure, energy_lines, phase_axes, phase_portrait
from hnnlib.systems import System

SOLVERS = {
    "adaptive": partial(rollout, rtol=1e-4, atol=1e-4),  # enough for a picture
    "RK4": rk4,
    "implicit midpoint": implicit_midpoint,
}
SAMPLING = 0.1  # the step of the spring's data, hence of a StepPredictor


def start_at(hamiltonian: Energy, energy: float, angle: float) -> Tensor:
    """Return the state (1, 2) of an energy on the ray of a phase angle, counted from q.

    The first that H rises through between the origin and radius 10; ValueError if none.
    """
    ray = torch.tensor([[angle, angle - torch.pi / 2]], dtype=torch.float64).cos()
    along = torch.linspace(0, 10, 10_001, dtype=torch.float64)[:, None] * ray
    low, high = hamiltonian(along)[:-1], hamiltonian(along)[1:]
    crossing = ((low < energy) & (energy <= high)).nonzero()
    if not len(crossing):
        raise ValueError(f"energy is {energy}; not reached at phase angle {angle:.3g}")
    i = crossing[0]  # (1,)
    part = (energy - low[i]) / (high[i] - low[i])
    return along[i] + part * (along[i + 1] - along[i])


def check_models(models: Mapping[str, VectorField], z0: Tensor) -> None:
    """Raise ValueError unless every model has a look and moves states like z0."""
    for name, model in models.items():
        if name not in LOOK:
            raise ValueError(f"model {name!r} has no look; expected {list(LOOK)}")
        try:
            got = tuple(model(z0).shape)
        except Exception as error:  # whatever a reader's function raises
            got = error
        if got != tuple(z0.shape):
            raise ValueError(f"{name} at {tuple(z0.shape)}: {got}; expected that shape")


def compare(
    left: Axes,
    right: Axes,
    system: System,
    models: Mapping[str, VectorField],
    energy: float = 0.5,
    angle: float = 0.0,
    horizon: float = 10.0,
    solver: str = "adaptive",
    dt: float = 0.2,
    limit: float = 2.0,
) -> str:
    """Draw models, named as in ``LOOK``, beside the true motion of a system.

    All start with one positive energy and phase angle (radian), in one degree of
    freedom. The solver, RK4 and midpoint with step dt, moves the fields; a
    StepPredictor is iterated. Returns each model's last change of energy and mean
    period, in words. ValueError on a name, a start or a model that cannot be used.
    """
    if not isinstance(system, System) or isinstance(system, type):
        raise ValueError(f"system is {system!r}; expected one with energy and field")
    check_positive(energy=energy, horizon=horizon, dt=dt)
    if solver not in SOLVERS:
        raise ValueError(f"solver is {solver!r}; expected one of {list(SOLVERS)}")
    z0 = start_at(system.energy, energy, angle)  # (1, 2)
    check_models(models, z0)
    maps = {k: m for k, m in models.items() if isinstance(m, StepPredictor)}
    fields = {k: m for k, m in models.items() if k not in maps}

    def move(fields, solver, dt):
        def together(z):  # one call of the solver for all fields, a row each
            rows = zip(fields.values(), z.split(1), strict=True)
            return torch.cat([field(row) for field, row in rows])

        t = torch.arange(0, horizon + dt / 2, dt, dtype=torch.float64)
        rows = SOLVERS[solver](together, z0.expand(len(fields), 2), t).split(1)
        return {name: (t, z) for name, z in zip(fields, rows, strict=True)}

    adaptive, truth = solver == "adaptive", {"truth": system.field}
    with torch.no_grad():
        runs = move(truth | fields if adaptive else truth, "adaptive", SAMPLING)
        if fields and not adaptive:
            runs |= move(fields, solver, dt)
        t, _ = runs["truth"]
        runs |= {k: (t, iterate(step, z0, len(t) - 1)) for k, step in maps.items()}

    phase_axes(left, limit)
    right.set(xlim=(0, horizon), ylim=(0, 2))
    numbers = []
    for name in ("truth", *models):
        times, z = runs[name]
        ratio, turn = relative_energy(system.energy, z), period(times, z).item()
        change = round(ratio[0, -1].item() - 1, 3) + 0.0  # + 0.0: no "-0.0"
        phase_portrait(left, z, name)
        energy_lines(right, times, ratio, name)
        turn = "no full turn" if math.isnan(turn) else f"period {turn:.3f}"
        numbers.append(f"{name}: energy {change:+.1%}, {turn}")
    right.legend(loc="upper left", fontsize=9)  # "best" would search, slowly
    return "; ".join(numbers)


def explorer(
    system: System,
    trained: Mapping[str, Mapping[str, VectorField]],
    energies: tuple[float, float, float] = (0.5, 0.1, 1.5),
    limit: float = 2.0,
) -> LiveFigure:
    """Return ``compare`` under sliders, with sets of models to choose from by name.

    The start has the first of the energies, which may move from the second to the
    third; phase space is shown up to the limit. Raises what ``compare`` raises.
    """
    if not trained or not all(isinstance(x, Mapping) for x in trained.values()):
        raise ValueError(f"trained is {trained!r}; expected sets of models, by name")

    def draw(left: Axes, right: Axes, models: str, **values) -> str:
        return compare(left, right, system, trained[models], limit=limit, **values)

    first, low, high = energies
    return LiveFigure(
        draw,
        "The chosen models and the truth: orbits, and their energy against time.",
        models=widgets.Dropdown(options=list(trained), description="models"),
        energy=widgets.FloatSlider(first, min=low, max=high, description="energy E₀"),
        angle=widgets.FloatSlider(0, min=-3.1, max=3.1, description="angle"),
        horizon=widgets.FloatSlider(10, min=7, max=20, step=1, description="horizon"),
        solver=widgets.Dropdown(options=list(SOLVERS), description="solver"),
        dt=widgets.FloatSlider(0.2, min=0.1, max=1, step=0.1, description="step dt"),
    )
