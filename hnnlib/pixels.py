"""Film a pendulum, and train on films what notebook 10 writes out.

A frame is a picture (28, 28) of float32 in [0, 1], a film (..., time, 28, 28) with
FRAME_TIME between two frames. A state is read off a frame and the one before it.
"""

import math
import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Adam, lr_scheduler
from tqdm import trange

from hnnlib import checks
from hnnlib.checks import expect
from hnnlib.integrators import rollout
from hnnlib.systems import Pendulum

SIZE = 28  # pixels across
FRAME_TIME = 2 * math.pi / 32  # 32 frames in the period of a small swing


def render(angle: Tensor) -> Tensor:
    """Draw pendulums at angles (...), radian from the lowest point; (..., 28, 28).

    White on black, with edges two pixels soft: the smallest turn changes the picture.
    """
    checks.finite(angle[..., None], "angle")
    x = torch.arange(SIZE, dtype=angle.dtype) - (SIZE - 1) / 2  # across
    y = x[:, None]  # down
    a = angle.reshape(-1, 1, 1)
    frames = torch.empty(len(a), SIZE, SIZE, dtype=torch.float32)
    for i in range(0, len(a), 256):  # a few at a time, to save memory
        bob_x, bob_y = 9 * a[i : i + 256].sin(), 9 * a[i : i + 256].cos()
        along = ((x * bob_x + y * bob_y) / 81).clamp(0, 1)  # nearest place on the rod
        rod = torch.hypot(x - along * bob_x, y - along * bob_y) - 0.7
        bob = torch.hypot(x - bob_x, y - bob_y) - 2.5  # distance from its edge
        frames[i : i + 256] = (0.5 - torch.minimum(rod, bob) / 2).clamp(0, 1)
    return frames.reshape(*angle.shape, SIZE, SIZE)


def read_angle(frames: Tensor) -> tuple[Tensor, Tensor]:
    """Return the angle (...) of the rendered frame nearest to each, and their MSE.

    Frames are (..., 28, 28), else ValueError; a parabola joins templates 0.005 apart.
    """
    checks.tensor(frames, "frames", (*frames.shape[:-2], SIZE, SIZE))
    grid = torch.linspace(-math.pi, math.pi, 1258, dtype=frames.dtype)[:-1]
    template = render(grid).flatten(-2)  # (templates, 784)
    angle, error = [], []
    for f in frames.reshape(-1, SIZE**2).split(256):
        d = torch.cdist(f, template) ** 2  # (frames, templates)
        i = d.argmin(dim=-1, keepdim=True)
        left, mid, right = (d.gather(-1, (i + k) % len(grid)) for k in (-1, 0, 1))
        shift = (left - right) / (2 * (left - 2 * mid + right))
        angle.append(grid[i] + shift * (grid[1] - grid[0]))
        error.append(mid / SIZE**2)
    return tuple(torch.cat(x).reshape(frames.shape[:-2]) for x in (angle, error))


def frame_pairs(film: Tensor) -> Tensor:
    """Return each frame behind the one before it, (..., time - 1, 2, 28, 28).

    ValueError unless the film is (..., 2 or more, 28, 28) with values in [0, 1].
    """
    fits = film.ndim > 2 and film.shape[-3] > 1 and film.shape[-2:] == (SIZE, SIZE)
    expect(fits, f"film has shape {tuple(film.shape)}", "(..., time >= 2, 28, 28)")
    low, high = film.min().item(), film.max().item()
    expect(0 <= low <= high <= 1, f"film has values {low:g} to {high:g}", "[0, 1]")
    return torch.stack([film[..., :-1, :, :], film[..., 1:, :, :]], dim=-3)


def film_pendulums(z0: Tensor, frames: int) -> tuple[Tensor, Tensor]:
    """Return unit pendulums' exact motion (n, frames, 2) from z0 (n, 2), and a film."""
    t = FRAME_TIME * torch.arange(frames, dtype=z0.dtype)
    z = rollout(Pendulum().field, z0, t)
    return z, render(z[..., 0])


def fit_films(
    vae: nn.Module,
    hnn: nn.Module,
    losses: Callable[..., dict[str, Tensor]],
    films: Tensor,
    steps: int,
    beta: float,
    seed: int = 0,
    label: str | None = None,
) -> dict[str, Tensor]:
    """Train both on films (n, time, 28, 28), in place; return each part (steps,).

    A step sees 24 clips of 18 frames. ``losses(vae, hnn, clips, generator)`` names five
    parts: frames, future, latent, canonical and KL. The middle three come in over 500
    steps, KL's weight falls from beta, which sizes the latents, to 1e-5 over 3000.
    Adam, 1e-3 along a cosine, gradients clipped at 1.
    """
    checks.count(steps=steps)
    expect(films.shape[1] > 17, f"films have {films.shape[1]} frames", "18 or more")
    generator = torch.Generator().manual_seed(seed)
    weights = [*vae.parameters(), *hnn.parameters()]
    adam = Adam(weights, 1e-3, fused=True)
    cosine = lr_scheduler.CosineAnnealingLR(adam, steps)
    history = torch.empty(steps, 5)  # at once: a list would scatter the memory
    for i in trange(steps, desc=label, disable=label is None, file=sys.stdout):
        which = torch.randint(len(films), (24, 1), generator=generator)
        start = torch.randint(films.shape[1] - 17, (24, 1), generator=generator)
        clip = films[which, start + torch.arange(18)]  # (24, 18, 28, 28)
        parts = losses(vae, hnn, clip, generator)
        ramp, weight = min(1, i / 500), 1e-5 + beta * max(0, 1 - i / 3000)
        scale = torch.tensor([1, ramp, 0.01 * ramp, 0.01 * ramp, weight])
        each = torch.stack(list(parts.values()))
        adam.zero_grad()
        (scale * each).sum().backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        adam.step()
        cosine.step()
        history[i] = each.detach()
    return dict(zip(parts, history.T, strict=True))
