"""Train by the one loop of the series; written out in notebooks 03 to 05."""

import sys
import warnings

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
    able = torch.is_grad_enabled() and any(w.requires_grad for w in model.parameters())
    expect(able, "model has nothing to train", "weights, outside torch.no_grad")


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
