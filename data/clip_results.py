"""Learn from clips, with rates and without, as notebook 14 does.

``make_results.py`` calls it. Sixteen seeds of a row are trained as one ensemble; the
name of a row says what it changes.
"""

import math
import time
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from tempfile import TemporaryDirectory

import torch
from notebook_cells import defined
from torch import Tensor, nn

from hnnlib.data import Trajectories, simulate, split_by_trajectory, stack
from hnnlib.integrators import leapfrog, rollout
from hnnlib.metrics import energy_mse, period
from hnnlib.systems import MassSpring, Pendulum

SEEDS = range(100, 132)  # those that chose the recipe were 0 to 15
TASKS = {
    "spring clips": (MassSpring(), 1.0, 30),
    "pendulum clips": (Pendulum(), 1.6, 45),
}
FILMS = range(200, 260)  # 100 to 119 chose the steps of a frame
MORE_FILMS, COUNTED = range(1000, 1200, 25), "polynomial, 25 films"  # asked after those
LOW, DT, SIGMA = 0.2, 0.1, 0.1  # least energy, step of a clip, noise
MODELS = (
    *("rates, Adam", "rates", "rates, T given", "states, Adam", "states, starts fixed"),
    *("states", "states, T given", "positions, T given", "long positions, T given"),
)


@cache
def cells(tag: str) -> dict:
    """Return what notebook 14's cells of a tag define: recipe, or record, one's own."""
    return defined("14", tag)


def clips(task: str, seed: int, longer: int = 1) -> Trajectories:
    """Return the training clips of 06 and 07; longer ones are so many times fewer."""
    system, high, n = TASKS[task]
    generator, t = torch.Generator().manual_seed(seed), DT * torch.arange(longer * n)
    z0 = system.sample_by_energy(50 // longer, LOW, high, generator)
    data = simulate(system.field, z0, t.double(), SIGMA, generator)
    return split_by_trajectory(data, 0.5, generator)[0]


def first_guess(data: Trajectories, positions: bool) -> Tensor:
    """Return starts (seeds, clips, 2): mean of three states, or a line of six q."""
    if not positions:
        return data.z[..., :3, :].mean(dim=-2)
    line = torch.stack([torch.ones_like(data.t[:6]), data.t[:6]], dim=-1)  # (6, 2)
    return data.z[..., :6, 0] @ torch.linalg.pinv(line).T


def loss_of(
    name: str, model: nn.Module, data: Trajectories, starts: Tensor
) -> Callable[[], Tensor]:
    """Return the loss of a row, a function without arguments -> (seeds,)."""
    z, rates = data.samples()
    seen = 1 if name.startswith(("positions", "long")) else 2

    def loss() -> Tensor:
        if name.startswith("rates"):
            error = (model(z) - rates)[:, :, None]  # (seeds, samples, 1, 2)
        else:
            path = leapfrog(model.velocity, model.force, starts, data.t)
            error = (path - data.z)[..., :seen]
        return (error**2).mean(dim=(1, 2, 3)) + cells("recipe")["small"](model)

    return loss


def ensemble(seed: int) -> range:
    """Return the sixteen seeds that are trained together with one."""
    first = seed - (seed - SEEDS[0]) % 16
    return range(first, first + 16)


@lru_cache(1)
def trained(task: str, name: str, seeds: range) -> tuple[nn.Module, float]:
    """Return an ensemble of a row and its CPU seconds a seed."""
    longer = 2 if name.startswith("long") else 1
    data = stack([clips(task, seed, longer) for seed in seeds])
    model = cells("recipe")["SlopeHNN"](seeds, kinetic="T given" not in name)
    begin = time.process_time()
    starts = nn.Parameter(first_guess(data, positions="positions" in name))
    if name.endswith("starts fixed"):
        starts = data.z[..., 0, :]
    weights = list(model.parameters())
    if starts.requires_grad and not name.startswith("rates"):
        weights.append(starts)
    loss, alone = loss_of(name, model, data, starts), name.endswith("Adam")
    budget = {"steps": 0, "warm": 250} if alone else {}
    cells("recipe")["minimise"](loss, weights, **budget)
    return model, (time.process_time() - begin) / len(seeds)


@lru_cache(1)
def scores(task: str, name: str, seeds: range) -> dict[str, Tensor]:
    """Return the scores of an ensemble of a row, (seeds,) and (seeds, 8)."""
    (system, high, _), (model, seconds) = TASKS[task], trained(task, name, seeds)
    h = torch.linspace(LOW, high, 8, dtype=torch.float64)
    exact = system.period(h) if callable(system.period) else system.period
    own, t = system.state(h, 0 * h), DT * torch.arange(1001).double()
    z0 = system.sample_by_energy(12, LOW, high, torch.Generator().manual_seed(1000))
    with torch.no_grad():
        clock = rollout(model, own.expand(len(seeds), 8, 2), t[:601], 1e-7, 1e-7)
        path = rollout(model, z0.expand(len(seeds), 12, 2), t, 1e-7, 1e-7)
    truth = rollout(system.field, z0, t)
    off = (path - truth).norm(dim=-1) > 0.3 * z0.norm(dim=-1)[:, None]
    valid = off.int().argmax(dim=-1).where(off.any(dim=-1), len(t) - 1) * DT
    return {
        "cpu_seconds": torch.full((len(seeds),), seconds),
        "energy_mse": energy_mse(system.energy, truth, path).mean(dim=-1),
        "state_mse": ((path - truth) ** 2).mean(dim=(1, 2, 3)),
        "valid_time": valid.mean(dim=-1),
        "period_errors": period(t[:601], clock) / exact - 1,
    }


def measure(task: str, name: str, seed: int) -> dict[str, float | list]:
    """Return the scores of one seed of a row; None is a swing without a period."""
    if task == "filmed pendulum":
        found = count_films(seed) if name == COUNTED else study_film(seed)
        return {key: float(f"{x:.5g}") for key, x in found.items()}
    seeds, entry = ensemble(seed), {}
    for key, x in scores(task, name, seeds).items():
        found = [
            float(f"{v:.3g}") if math.isfinite(v) else None
            for v in x[seed - seeds[0]].ravel()
        ]
        entry[key] = found if x.ndim == 2 else found[0]
    return entry


def jobs() -> Iterator[tuple[str, str, str, int]]:
    """Yield the jobs, row by row."""
    for task in TASKS:
        for name in MODELS:
            yield from ((task, "clips", name, seed) for seed in SEEDS)
    yield from (("filmed pendulum", "film of one", "polynomial", x) for x in FILMS)
    yield from (("filmed pendulum", "film of one", COUNTED, x) for x in MORE_FILMS)


def study_film(seed: int) -> dict[str, float]:
    """Return length and friction of a filmed pendulum, with half of each interval.

    And how many of twelve intervals of the period miss the truth. By the cells that the
    reader uses, which write the record as well.
    """
    before = torch.get_default_dtype()
    try:
        own = cells("record")
        torch.set_default_dtype(torch.float64)
        with TemporaryDirectory() as folder:
            record = own["study"](*own["read_record"](own["film"](seed, folder)))
        (length, length_sure), (c, c_sure) = (
            own["length"](record),
            own["friction"](record),
        )
        _, seconds, sure, exact = own["period_bars"](record)
    finally:
        torch.set_default_dtype(before)
    found = {"length": length, "length_sure": length_sure}
    found |= {"friction": c, "friction_sure": c_sure}
    found["periods_missed"] = ((seconds - exact).abs() > sure).sum()  # of twelve
    return {key: x.item() for key, x in found.items()}


def count_films(first: int) -> dict[str, float]:
    """Return how many of 25 films' intervals hold the truth, and how errors compare.

    The comparison is the mean square of error over standard deviation, 1 if the
    intervals are honest.
    """
    own, films = cells("record"), [study_film(first + i) for i in range(25)]
    counts = {"periods_missed": sum(film["periods_missed"] for film in films)}
    for what, true in (("length", own["TRUE_L"]), ("friction", own["TRUE_C"])):
        errors = [(film[what] - true) / film[f"{what}_sure"] for film in films]
        counts[f"{what}_held"] = sum(abs(x) <= 1 for x in errors)
        counts[f"{what}_pulls"] = sum((1.96 * x) ** 2 for x in errors) / 25
    return counts
