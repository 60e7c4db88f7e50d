"""The one training loop of the series; written out in notebooks 03 to 05."""

import sys
import warnings
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import CosineAnnealingLR
from tqdm import trange

from hnnlib.mechanics import check_positive


@dataclass(frozen=True)
class History:
    """The training loss at every step: (steps,), of an ensemble (steps, members)."""

    loss: Tensor

    @property
    def diverged(self) -> list[int]:
        """The members whose last loss is not finite."""
        return [i for i, x in enumerate(self.loss[-1].flatten()) if not x.isfinite()]


class TrainingDiverged(RuntimeError):
    """No member's loss is finite any more; ``history`` holds the losses."""

    def __init__(self, history: History):
        super().__init__(f"the loss is not finite at step {len(history.loss) - 1}")
        self.history = history


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error over the last two axes: (..., N, 2n) -> (...)."""
    if prediction.shape != target.shape:
        got, expected = tuple(prediction.shape), tuple(target.shape)
        raise ValueError(f"prediction has shape {got}; expected {expected}")
    return ((prediction - target) ** 2).mean(dim=(-2, -1))


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
) -> History:
    """Train on the mean squared error of model(inputs) by Adam, in place.

    Inputs and targets are (N, 2n), of an ensemble (members, N, 2n): the sum of the
    losses leaves each member alone; who diverges is named in the history and a warning.
    The learning rate falls to zero along a cosine; a label shows a progress bar. Each
    step sees all samples or, if given, a batch of so many, drawn with replacement by a
    generator of that seed, the same for all members. Raises ValueError if shapes differ
    or steps or batch < 1, and TrainingDiverged if no loss is finite any more.
    """
    check_positive(steps=steps, batch=1 if batch is None else batch)
    if (got := tuple(targets.shape[:-1])) != (expected := tuple(inputs.shape[:-1])):
        raise ValueError(f"targets have shape {got} but the last; expected {expected}")
    generator, rows = torch.Generator().manual_seed(seed), slice(None)
    weights = model.parameters()
    adam = Adam(weights, learning_rate, weight_decay=weight_decay, fused=True)
    cosine = CosineAnnealingLR(adam, steps)
    losses: list = []  # numbers: small tensors, kept, would scatter the memory
    for _ in trange(steps, desc=label, disable=label is None, file=sys.stdout):
        adam.zero_grad()
        if batch is not None:
            rows = torch.randint(inputs.shape[-2], (batch,), generator=generator)
        loss = mse(model(inputs[..., rows, :]), targets[..., rows, :])
        loss.sum().backward()
        adam.step()
        cosine.step()
        losses.append(loss.tolist())
        if not loss.isfinite().any():
            raise TrainingDiverged(History(loss.new_tensor(losses)))
    history = History(loss.new_tensor(losses))
    if lost := history.diverged:
        warnings.warn(f"{len(lost)} of {loss.numel()} diverged: {lost}", stacklevel=2)
    return history
