"""Film a pendulum, and find q and p in its pixels by networks; notebook 10.

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
from hnnlib.integrators import leapfrog, rollout
from hnnlib.mechanics import split
from hnnlib.models import MLP, SeparableModel
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
        square = (f**2).sum(dim=-1, keepdim=True) + (template**2).sum(dim=-1)
        d = square - 2 * f @ template.T  # (frames, templates)
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
    shape = tuple(film.shape)
    fits = len(shape) > 2 and shape[-3] > 1 and shape[-2:] == (SIZE, SIZE)
    expect(fits, f"film has shape {shape}", "(..., time >= 2, 28, 28)")
    low, high = film.min().item(), film.max().item()
    expect(0 <= low <= high <= 1, f"film has values {low:g} to {high:g}", "[0, 1]")
    return torch.stack([film[..., :-1, :, :], film[..., 1:, :, :]], dim=-3)


def film_pendulums(z0: Tensor, frames: int) -> tuple[Tensor, Tensor]:
    """Return unit pendulums' exact motion (n, frames, 2) from z0 (n, 2), and a film."""
    t = FRAME_TIME * torch.arange(frames, dtype=z0.dtype)
    z = rollout(Pendulum().field, z0, t)
    return z, render(z[..., 0])


class VAE(nn.Module):
    """Encode pairs of frames as latents z = (q, p), and decode; variational, float32.

    The decoder sees q alone, through sin(kq/2) and cos(kq/2), k = 1 to 6: a picture
    shows where things are, not how they move. ValueError if latent is odd or < 2.
    """

    def __init__(self, seed: int, latent: int = 2, width: int = 128):
        expect(latent % 2 == 0 < latent, f"latent is {latent}", "2, 4, ...: q, then p")
        super().__init__()
        hidden = (width, width, width)
        self.encoder = MLP(2 * SIZE**2, *hidden, 2 * latent, seed=seed).float()
        self.decoder = MLP(6 * latent, *hidden, SIZE**2, seed=seed + 1).float()

    def encode(self, pair: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance (..., latent) of z, from (..., 2, 28, 28)."""
        return self.encoder(pair.flatten(-3)).chunk(2, dim=-1)

    def decode(self, z: Tensor) -> Tensor:
        """Return the later frame of the pair, (..., latent) -> (..., 28, 28)."""
        q, _ = split(z)
        angle = (q[..., None] * torch.arange(1, 7) / 2).flatten(-2)
        wave = torch.cat([angle.sin(), angle.cos()], dim=-1)  # (..., 6 * latent)
        return self.decoder(wave).unflatten(-1, (SIZE, SIZE))


class LatentHNN(SeparableModel):
    """Learn an energy of latents, |p|²/2 + V(q), in float32; q̇ = p by convention."""

    def __init__(self, seed: int, n: int = 1, width: int = 64):
        net = MLP(n, width, width, 1, seed=seed, activation=nn.Tanh)
        super().__init__(nn.Identity(), net.float())  # T(p) needs no network

    def kinetic(self, p: Tensor) -> Tensor:
        return (p**2).sum(dim=-1) / 2

    def potential(self, q: Tensor) -> Tensor:
        return self.potential_net(q).squeeze(-1)

    def velocity(self, p: Tensor) -> Tensor:
        return p

    def rollout(self, z0: Tensor, n: int) -> Tensor:
        """Leapfrog n frames ahead, (*batch, 2n) -> (*batch, n + 1, 2n)."""
        t = FRAME_TIME * torch.arange(n + 1, dtype=z0.dtype)
        return leapfrog(self.velocity, self.force, z0, t)


def film_losses(
    vae: VAE, hnn: LatentHNN, film: Tensor, generator: torch.Generator
) -> dict[str, Tensor]:
    """Return the parts of the loss on films (batch, time, 28, 28), each a mean.

    frames: what the VAE restores; future: what it makes of the HNN's rollout from the
    first state, both at every other time; latent, canonical (dq/dt = p, Greydanus et
    al. 2019, eq. 7): errors over the variance of z, or the latents would shrink to
    please them; KL: divergence from N(0, 1) (Kingma & Welling 2014, appendix B).
    """
    mean, log_variance = vae.encode(frame_pairs(film))  # (batch, time - 1, 2n) each
    noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
    z = mean + (log_variance / 2).exp() * noise
    rolled = hnn.rollout(z[:, 0], z.shape[1] - 1)
    first = int(torch.randint(2, (), generator=generator))
    shown = vae.decode(torch.stack([z, rolled])[:, :, first::2])
    frames, future = ((shown - film[:, 1:][:, first::2]) ** 2).mean(dim=(1, 2, 3, 4))
    variance = mean.flatten(0, 1).var(dim=0)  # (2n,)
    q, p = split(mean)
    rate = (q[:, 2:] - q[:, :-2]) / (2 * FRAME_TIME)  # a leapfrog's p exactly
    return {
        "frames": frames,
        "future": future,
        "latent": ((rolled - mean) ** 2 / variance).mean(),
        "canonical": ((rate - p[:, 1:-1]) ** 2).mean() / split(variance)[1].mean(),
        "KL": (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=-1).mean() / 2,
    }


def fit_films(
    vae: VAE,
    hnn: LatentHNN,
    films: Tensor,
    steps: int,
    beta: float,
    seed: int = 0,
    label: str | None = None,
    losses: Callable[..., dict[str, Tensor]] = film_losses,
) -> dict[str, Tensor]:
    """Train both on films (n, time, 28, 28), in place; return each part (steps,).

    A step sees 24 clips of 18 frames. Losses are named and ordered as in film_losses:
    those of the future come in over 500 steps, KL's weight falls from beta, which sizes
    the latents, to 1e-5 over 3000. Adam, 1e-3 along a cosine, gradients clipped at 1.
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
