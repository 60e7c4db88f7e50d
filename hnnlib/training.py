"""Train by the one loop of the series; written out in notebooks 03 to 05.

``descend``, for few data and many steps of time, is introduced in notebook 14.
"""

import sys
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Adam, lr_scheduler
from tqdm import trange

from hnnlib import checks
from hnnlib.checks import expect
from hnnlib.models import Ensemble


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error over the last two axes: (..., N, 2n) -> (...)."""
    checks.tensor(prediction, "prediction", target.shape)
    return ((prediction - target) ** 2).mean(dim=(-2, -1))


def check_samples(model: nn.Module, inputs: Tensor, targets: Tensor) -> None:
    """Refuse what are no pairs of finite rows, and a model that cannot learn them."""
    axes = 3 if any(isinstance(x, Ensemble) for x in model.modules()) else 2
    for name, x in (("inputs", inputs), ("targets", targets)):
        checks.finite(x, name)
        fits = x.ndim >= axes and x.numel() and x.shape[:-1] == inputs.shape[:-1]
        rows = "(N, 2n), of an ensemble (members, N, 2n), a target for each input"
        expect(fits, f"{name} have shape {tuple(x.shape)}", rows)
    learns = any(w.requires_grad for w in model.parameters())
    learns = learns and torch.is_grad_enabled()
    expect(learns, "model has nothing to train", "weights, outside torch.no_grad")


def fit(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    steps: int = 300,
    learning_rate: float = 1e-2,
    weight_decay: float = 1e-4,
    label: str | None = None,
    batch: int | None = None,
    seed: int = 0,
) -> Tensor:
    """Train on the mean squared error of model(inputs) by Adam, in place.

    Inputs and targets are (N, 2n), of an ensemble (members, N, 2n): the sum of losses
    leaves each alone, a warning names who diverged. The rate falls to 0 along a cosine;
    a label shows a progress bar. A step sees all rows or a batch, drawn by the seed.
    Returns the loss before each step, (steps,) or (steps, members).
    """
    checks.count(steps=steps, batch=1 if batch is None else batch)
    check_samples(model, inputs, targets)
    inputs, targets, losses = inputs.detach(), targets.detach(), []
    generator, rows = torch.Generator().manual_seed(seed), slice(None)
    weights = model.parameters()
    adam = Adam(weights, learning_rate, weight_decay=weight_decay, fused=True)
    cosine = lr_scheduler.CosineAnnealingLR(adam, steps)
    for i in trange(steps, desc=label, disable=label is None, file=sys.stdout):
        adam.zero_grad()
        if batch is not None:
            rows = torch.randint(inputs.shape[-2], (batch,), generator=generator)
        loss = mse(model(inputs[..., rows, :]), targets[..., rows, :])
        loss.sum().backward()
        adam.step()
        cosine.step()
        losses.append(loss.tolist())  # tensors that stay would scatter the memory
        if not loss.isfinite().any():
            raise RuntimeError(f"the loss is not finite at step {i}")
    if lost := (~loss.isfinite()).nonzero().flatten().tolist():
        warnings.warn(f"{len(lost)} of {len(loss)} diverged: {lost}", stacklevel=2)
    return torch.tensor(losses, dtype=loss.dtype)


def descend(loss: Callable[[], Tensor], weights: list[Tensor], steps: int) -> Tensor:
    """Minimise losses (members,) of weights (members, ...) by L-BFGS, in place.

    The last 50 steps tell the curvature (Nocedal & Wright 2006, algorithm 7.4); each
    member shortens its own step until its loss falls. Returns (steps + 1, members).
    """

    def at(x: Tensor) -> tuple[Tensor, Tensor]:
        parts = x.split([w[0].numel() for w in weights], dim=1)
        for w, part in zip(weights, parts, strict=True):
            w.data = part.reshape(w.shape)
        f = loss()
        slopes = torch.autograd.grad(f.sum(), weights)
        return f.detach()[:, None], torch.cat([g.flatten(1) for g in slopes], dim=1)

    x, past = torch.cat([w.detach().flatten(1) for w in weights], dim=1), []
    f, g = at(x)
    d, losses = -g / g.abs().sum(1, True).clamp(min=1), [f]
    for _ in range(steps):
        step, slope = torch.ones_like(f), (g * d).sum(1, True)
        for _ in range(9):
            f_new, g_new = at(x + step * d)
            falls = f_new <= f + 1e-4 * step * slope  # a NaN does not
            step = step.where(falls, 0.3 * step)
            if falls.all():
                break
        s, y = (step * d).where(falls, 0 * d), (g_new - g).where(falls, 0 * g)
        x, g, f = x + s, g + y, f_new.where(falls, f)
        losses.append(f)
        sy, yy = (s * y).sum(1, True), (y * y).sum(1, True)
        past = [*past[-49:], (s, y, (1 / sy).where(sy > 0, 0 * sy))]
        d, used = -g, []
        for s, y, rho in reversed(past):
            used.append(rho * (s * d).sum(1, True))
            d = d - used[-1] * y
        d = d * (sy / yy).where(sy > 0, torch.ones_like(sy))
        for s, y, rho in past:
            d = d + s * (used.pop() - rho * (y * d).sum(1, True))
    at(x)
    return torch.cat(losses, dim=1).T
