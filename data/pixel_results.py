"""Train and judge the pixel models of notebook 10; ``make_results.py`` calls it.

All models of a seed read the same codes, those of one trained autoencoder.
"""

import math
import time
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor, nn

from hnnlib.integrators import rollout
from hnnlib.metrics import period
from hnnlib.models import MLP, DerivativePredictor
from hnnlib.pixels import (
    FRAME_TIME,
    VAE,
    LatentHNN,
    film,
    fit_films,
    pairs,
    read_angle,
)
from hnnlib.systems import Pendulum
from hnnlib.training import fit

PENDULUM = Pendulum()
RANGES = {  # spread and largest angle of the training films, amplitudes of the tests
    "pixels": (0.8, 2.0, 0.3, 1.92),
    "pixels, small range": (0.25, math.pi / 6, 0.1, math.pi / 6),
}
SEEDS = {"pixels": (1, 2, 3), "pixels, small range": (1, 2)}
LOOK, STEPS = 400, 4200  # a first look, and on from a sound start
FOLDED = 7e-3  # the frames' loss at the first look, if the angle is not straight
ACCURATE = {"rtol": 1e-7, "atol": 1e-7}


class SecondOrder(nn.Module):
    """A field dq/dt = p, dp/dt = F(q, p): momentum is known, energy is not."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, z: Tensor) -> Tensor:
        """Return dz/dt, (..., 2)."""
        return torch.cat([z[..., 1:], self.net(z)], dim=-1)


class WholeFilm(nn.Module):
    """The codes (films, time * 2) that a run draws from the first ones (films, 2)."""

    def __init__(self, model: nn.Module, run: Callable, frames: int):
        super().__init__()
        self.model, self.run, self.frames = model, run, frames

    def forward(self, z0: Tensor) -> Tensor:
        """Run over all frames; z0 needs a gradient for the run to keep its graph."""
        return self.run(z0.clone().requires_grad_(), self.frames).flatten(-2)


def midpoint_run(field: Callable) -> Callable:
    """Return a run by explicit midpoint steps, four a frame, that can be trained."""

    def run(z: Tensor, n: int) -> Tensor:
        states, dt = [z], FRAME_TIME / 4
        for _ in range(n):
            for _ in range(4):
                z = z + dt * field(z + dt / 2 * field(z))
            states.append(z)
        return torch.stack(states, dim=-2)

    return run


def accurate_run(field: Callable) -> Callable:
    """Return a run by an adaptive solver."""

    def run(z0: Tensor, n: int) -> Tensor:
        t = FRAME_TIME * torch.arange(n + 1.0, dtype=torch.float64)
        return rollout(field, z0.double(), t, **ACCURATE).float()

    return run


def euler_run(field: Callable) -> Callable:
    """Return a run by one explicit Euler step a frame."""

    def run(z: Tensor, n: int) -> Tensor:
        states = [z.double()]
        for _ in range(n):
            states.append(states[-1] + FRAME_TIME * field(states[-1]))
        return torch.stack(states, dim=-2).float()

    return run


def training_films(task: str, generator: torch.Generator) -> Tensor:
    """Return films (300, 64, 28, 28) of a range."""
    spread, largest, *_ = RANGES[task]
    z0 = spread * torch.randn(900, 2, generator=generator, dtype=torch.float64)
    z0 = z0[PENDULUM.energy(z0) < 1 - math.cos(largest)][:300]
    return film(z0, 64)[1]


@lru_cache(1)
def trained(task: str, seed: int) -> tuple[VAE, LatentHNN, Tensor, float, int]:
    """Return autoencoder, HNN, codes (300, 63, 2), CPU seconds and starts needed."""
    films = training_films(task, torch.Generator().manual_seed(seed))
    start = time.process_time()
    for starts in range(1, 11):
        first = seed + 1000 * (starts - 1)
        vae, hnn = VAE(first), LatentHNN(first)
        parts = fit_films(vae, hnn, films, LOOK, 1e-4, seed)
        if parts["frames"][-50:].mean() < FOLDED:
            break
    else:
        raise RuntimeError(f"{task}, seed {seed}: ten starts, and every one folded")
    fit_films(vae, hnn, films, STEPS, 2e-3, seed)
    with torch.no_grad():
        z, _ = vae.encode(pairs(films))
    fit_run(hnn, hnn.rollout, z, 300, seed)
    return vae, hnn, z, time.process_time() - start, starts


def fit_run(model: nn.Module, run: Callable, z: Tensor, steps: int, seed: int) -> None:
    """Train a model through whole films in the plane of the codes."""
    whole = WholeFilm(model, run, z.shape[1] - 1)
    recipe = {"learning_rate": 1e-3, "weight_decay": 0.0, "batch": 100}
    fit(whole, z[:, 0], z.flatten(-2), steps, **recipe, seed=seed)


def build(task: str, model: str, seed: int) -> tuple[VAE, Callable, float]:
    """Return the autoencoder, a model's run, and the CPU seconds of its training."""
    vae, hnn, z, seconds, _ = trained(task, seed)
    if model == "HNN":
        return vae, hnn.rollout, seconds
    start, now, after = time.process_time(), z[:, :-1], z[:, 1:]
    rate = ((after - now) / FRAME_TIME).flatten(0, 1).double()
    where = now if model.startswith("Euler") else (now + after) / 2
    where = where.flatten(0, 1).double()
    recipe = {"learning_rate": 3e-3, "weight_decay": 0.0, "batch": 1000, "seed": seed}
    n_out = 1 if model == "second-order" else 2
    field = DerivativePredictor(MLP(2, 64, 64, n_out, seed=seed, activation=nn.Tanh))
    if model == "second-order":
        field = SecondOrder(field.net)
    fit(field, where, rate, 3000, **recipe)
    if model == "second-order":  # its best: through whole films, as the HNN
        fit_run(field, midpoint_run(field), z.double(), 300, seed)
    run = euler_run if model == "Euler MLP, own steps" else accurate_run
    return vae, run(field), time.process_time() - start


def read_states(frames: Tensor) -> Tensor:
    """Return angle and velocity (films, time - 4, 2) measured on films, float64."""
    a, _ = read_angle(frames)
    ends, near = a[:, 4:] - a[:, :-4], a[:, 3:-1] - a[:, 1:-3]
    rate = (8 * near - ends) / (12 * FRAME_TIME)
    return torch.stack([a[:, 2:-2], rate], dim=-1).double()


def measure(task: str, model: str, seed: int) -> dict[str, float | Tensor]:
    """Return a model's scores on 64 unseen films of 460 frames."""
    *_, low, high = RANGES[task]
    generator = torch.Generator().manual_seed(1906)
    bounds = 1 - math.cos(low), 1 - math.cos(high)
    z0 = PENDULUM.sample_by_energy(64, *bounds, generator)
    _, films = film(z0, 460)
    vae, run, seconds = build(task, model, seed)
    with torch.no_grad():
        start, _ = vae.encode(pairs(films[:, :2]))
        drawn = vae.decode(run(start[:, 0], 458))
    turn = (PENDULUM.period(PENDULUM.energy(z0)) / FRAME_TIME).round().long()
    error = ((drawn - films[:, 1:]) ** 2).mean(dim=(-2, -1))  # (64, 459)
    seen, read = read_states(films[:, 1:]), read_states(drawn)
    h_seen, h = PENDULUM.energy(seen), PENDULUM.energy(read)
    t = FRAME_TIME * torch.arange(seen.shape[1], dtype=torch.float64)
    late = period(t, read) / period(t, seen) - 1
    rows = list(zip(h, turn.tolist(), strict=True))
    ratio = torch.stack([e[-n:].mean() / e[:n].mean() for e, n in rows])
    after = {n: error.gather(1, n * turn[:, None]).mean() for n in (1, 5)}
    return {
        "cpu_seconds": seconds,
        **({"starts": trained(task, seed)[-1]} if model == "HNN" else {}),
        **{f"pixel_mse_{n}": x for n, x in after.items()},
        "energy_mse": ((h - h_seen) ** 2).mean(),
        "energy_ratio": ratio.mean(),
        "energy_ratio_worst": (ratio - 1).abs().max(),  # spirals in and out cancel
        "period_error": late.abs().nanquantile(0.5),
    }


MODELS = ("HNN", "midpoint MLP", "second-order", "Euler MLP", "Euler MLP, own steps")
