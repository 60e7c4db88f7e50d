"""Train and judge the pixel models of notebook 10; ``make_results.py`` calls it.

All models of a seed read the same codes, those of one trained autoencoder. The networks
of seed 0, which the notebook trains, are kept in pixels.npz.
"""

import io
import math
import time
from collections.abc import Callable
from functools import lru_cache, partial
from hashlib import sha256

import numpy as np
import torch
from notebook_cells import defined
from saving import write_whole
from torch import Tensor, nn

from hnnlib.data import PIXELS_FILE, load_pixels
from hnnlib.integrators import iterate, rollout
from hnnlib.metrics import period
from hnnlib.models import MLP, DerivativePredictor
from hnnlib.systems import Pendulum
from hnnlib.training import fit

WRITTEN = defined("10", "recipe")
VAE, LatentHNN, film_losses = (WRITTEN[x] for x in ("VAE", "LatentHNN", "losses"))
FRAME_TIME, film_pendulums = WRITTEN["FRAME_TIME"], WRITTEN["film_pendulums"]
frame_pairs, read_angle = WRITTEN["frame_pairs"], WRITTEN["read_angle"]
fit_films, read_states = WRITTEN["fit_films"], WRITTEN["read_states"]
PENDULUM = Pendulum()
RANGES = {  # spread and largest angle of the training films, amplitudes of the tests
    "pixels": (0.8, 2.0, 0.3, 1.92),
    "pixels, small range": (0.25, math.pi / 6, 0.1, math.pi / 6),
}
SEEDS = {"pixels": (1, 2, 3), "pixels, small range": (1, 2)}
FIRST_STEPS, STEPS = 400, 4200  # to the first look, and on from a sound start
FOLDED = 7e-3  # the frames' loss at the first look, if the angle is not straight


class SecondOrder(nn.Module):
    """Learn F in dq/dt = p, dp/dt = F(q, p): momentum is known, energy is not."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, z: Tensor) -> Tensor:
        """Return dz/dt, (..., 2)."""
        return torch.cat([z[..., 1:], self.net(z)], dim=-1)


class WavelessVAE(VAE):
    """Decode q itself, not its waves: a control of what the waves bring."""

    def __init__(self, seed: int):
        super().__init__(seed)
        self.decoder = MLP(1, 128, 128, 128, 28**2, seed=seed + 1).float()

    def decode(self, z: Tensor) -> Tensor:
        """Return frames, shapes as in VAE."""
        return self.decoder(z[..., :1]).unflatten(-1, (28, 28))


CONTROLS = {  # of notebook 10: an autoencoder, and parts of the loss that are left out
    "no_waves": (WavelessVAE, ()),
    "no_constraint": (VAE, ("canonical",)),
    "no_motion": (VAE, ("future", "latent", "canonical")),
}


class WholeFilm(nn.Module):
    """Draw by a run the codes (films, time * 2) that follow the first (films, 2)."""

    def __init__(self, model: nn.Module, run: Callable, frames: int):
        super().__init__()
        self.model, self.run, self.frames = model, run, frames

    def forward(self, z0: Tensor) -> Tensor:
        """Run over all frames."""
        return self.run(z0, self.frames).flatten(-2)


def midpoint_run(field: nn.Module, z0: Tensor, n: int) -> Tensor:
    """Run by explicit midpoint steps, four a frame: (films, 2) -> (films, n + 1, 2)."""
    dt = FRAME_TIME / 4
    z = iterate(lambda z: z + dt * field(z + dt / 2 * field(z)), z0, 4 * n)
    return z[..., ::4, :]


def accurate_run(field: nn.Module, z0: Tensor, n: int) -> Tensor:
    """Run by an adaptive solver, shapes as above."""
    t = FRAME_TIME * torch.arange(n + 1.0, dtype=torch.float64)
    return rollout(field, z0.double(), t, rtol=1e-7, atol=1e-7).float()


def euler_run(field: nn.Module, z0: Tensor, n: int) -> Tensor:
    """Run by one explicit Euler step a frame, shapes as above."""
    return iterate(lambda z: z + FRAME_TIME * field(z), z0.double(), n).float()


def training_films(task: str, generator: torch.Generator) -> Tensor:
    """Return films (300, 64, 28, 28) of a range."""
    spread, largest, *_ = RANGES[task]
    z0 = spread * torch.randn(900, 2, generator=generator, dtype=torch.float64)
    z0 = z0[PENDULUM.energy(z0) < 1 - math.cos(largest)][:300]
    return film_pendulums(z0, 64)[1]


def from_sound_start(
    films: Tensor,
    seed: int,
    autoencoder: type[VAE] = VAE,
    losses: Callable = film_losses,
) -> tuple[VAE, LatentHNN, dict[str, Tensor], int]:
    """Train on films; return both networks, parts of the loss and starts needed."""
    fit_some = partial(fit_films, films=films, seed=seed, losses=losses)
    for starts in range(1, 11):
        first = seed + 1000 * (starts - 1)
        vae, hnn = autoencoder(first), LatentHNN(first)
        look = fit_some(vae, hnn, steps=FIRST_STEPS, beta=1e-4)
        if look["frames"][-50:].mean() < FOLDED:
            break
    else:
        raise RuntimeError(f"seed {seed}: ten starts, and every one folded")
    rest = fit_some(vae, hnn, steps=STEPS, beta=2e-3)
    return vae, hnn, {k: torch.cat([look[k], rest[k]]) for k in rest}, starts


@lru_cache(1)
def trained(task: str, seed: int) -> tuple[VAE, LatentHNN, Tensor, float, int]:
    """Return autoencoder, HNN, codes (300, 63, 2), CPU seconds and starts needed."""
    films = training_films(task, torch.Generator().manual_seed(seed))
    start = time.process_time()
    vae, hnn, _, starts = from_sound_start(films, seed)
    with torch.no_grad():
        z, _ = vae.encode(frame_pairs(films))
    fit_run(hnn, hnn.rollout, z, seed)
    return vae, hnn, z, time.process_time() - start, starts


def fit_run(model: nn.Module, run: Callable, z: Tensor, seed: int) -> Tensor:
    """Train a model through whole films in the plane of the codes; losses (300,)."""
    whole = WholeFilm(model, run, z.shape[1] - 1)
    recipe = {"learning_rate": 1e-3, "weight_decay": 0.0, "batch": 100}
    return fit(whole, z[:, 0], z.flatten(-2), steps=300, **recipe, seed=seed)


def build(task: str, model: str, seed: int) -> tuple[VAE, Callable, float]:
    """Return the autoencoder, a model's run, and the CPU seconds of its training."""
    vae, hnn, z, seconds, _ = trained(task, seed)
    if model == "HNN":
        return vae, hnn.rollout, seconds
    start, now, after = time.process_time(), z[:, :-1], z[:, 1:]
    where = now if model.startswith("Euler") else (now + after) / 2
    rate = (after - now) / FRAME_TIME
    second = model == "second-order"
    net = MLP(2, 64, 64, 1 if second else 2, seed=seed, activation=nn.Tanh)
    field = SecondOrder(net) if second else DerivativePredictor(net)
    samples = (x.flatten(0, 1).double() for x in (where, rate))
    recipe = {"learning_rate": 3e-3, "weight_decay": 0.0, "batch": 1000}
    fit(field, *samples, steps=3000, **recipe, seed=seed)
    if second:  # its best: through whole films, as the HNN
        fit_run(field, partial(midpoint_run, field), z.double(), seed)
    run = euler_run if model == "Euler MLP, own steps" else accurate_run
    return vae, partial(run, field), time.process_time() - start


def measure(task: str, model: str, seed: int) -> dict[str, float | Tensor]:
    """Return a model's scores on 64 unseen films of 460 frames."""
    *_, low, high = RANGES[task]
    generator = torch.Generator().manual_seed(1906)
    bounds = 1 - math.cos(low), 1 - math.cos(high)
    z0 = PENDULUM.sample_by_energy(64, *bounds, generator)
    _, films = film_pendulums(z0, 460)
    vae, run, seconds = build(task, model, seed)
    with torch.no_grad():
        start, _ = vae.encode(frame_pairs(films[:, :2]))
        drawn = vae.decode(run(start[:, 0], 458))
    turn = (PENDULUM.period(PENDULUM.energy(z0)) / FRAME_TIME).round().long()
    error = ((drawn - films[:, 1:]) ** 2).mean(dim=(-2, -1))  # (64, 459)
    true, told = read_states(films[:, 1:]), read_states(drawn)
    h_true, h = PENDULUM.energy(true), PENDULUM.energy(told)
    t = FRAME_TIME * torch.arange(true.shape[1], dtype=torch.float64)
    each = zip(h, turn.tolist(), strict=True)
    ratio = torch.stack([e[-n:].mean() / e[:n].mean() for e, n in each])
    return {
        "cpu_seconds": seconds,
        **({"starts": trained(task, seed)[-1]} if model == "HNN" else {}),
        "pixel_mse_1": error.gather(1, turn[:, None]).mean(),
        "pixel_mse_5": error.gather(1, 5 * turn[:, None]).mean(),
        "energy_mse": ((h - h_true) ** 2).mean(),
        "energy_ratio": ratio.mean(),
        "energy_ratio_worst": (ratio - 1).abs().max(),  # spirals in and out cancel
        "period_error": (period(t, told) / period(t, true) - 1).abs().nanquantile(0.5),
    }


MODELS = ("HNN", "midpoint MLP", "second-order", "Euler MLP", "Euler MLP, own steps")


def without(left_out: tuple[str, ...], *arguments) -> dict[str, Tensor]:
    """Return the parts of the loss, 0 in place of those left out."""
    parts = film_losses(*arguments)
    return {name: x * (name not in left_out) for name, x in parts.items()}


def networks() -> dict[str, np.ndarray]:
    """Train on the films of notebook 10; return weights, losses and codes by name."""
    films = training_films("pixels", torch.Generator().manual_seed(0))
    vae, hnn, history, _ = from_sound_start(films, 0)
    with torch.no_grad():
        z, _ = vae.encode(frame_pairs(films))
    found = {"clock": fit_run(hnn, hnn.rollout, z, 0)}
    found |= nn.ModuleDict({"vae": vae, "hnn": hnn}).state_dict()
    found |= {f"history.{name}": part for name, part in history.items()}
    for name, (autoencoder, left_out) in CONTROLS.items():
        some = partial(without, left_out)
        vae, _, history, _ = from_sound_start(films, 0, autoencoder, some)
        with torch.no_grad():
            found[f"{name}.codes"], _ = vae.encode(frame_pairs(films[::10]))
        found |= {f"{name}.{k}": part[-100:].mean() for k, part in history.items()}
    return {name: x.numpy() for name, x in found.items()}


def keep_networks() -> None:
    """Write pixels.npz and its checksum, unless they are there and sound."""
    try:
        load_pixels()
    except ValueError:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **networks())
        digest = sha256(buffer.getvalue()).hexdigest()
        write_whole(PIXELS_FILE, buffer.getvalue())
        note = f"{digest}  {PIXELS_FILE.name}\n"
        write_whole(PIXELS_FILE.with_suffix(".sha256"), note.encode())
