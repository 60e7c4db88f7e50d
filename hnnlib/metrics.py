"""How good is a rollout? Energy and phase; introduced in notebooks 03 to 06."""

import math

import torch
from torch import Tensor

from hnnlib.mechanics import Energy


def relative_energy(energy: Energy, z: Tensor) -> Tensor:
    """Return H(z(t))/H(z(0)) of trajectories: (..., time, 2n) -> (..., time)."""
    h = energy(z)
    return h / h[..., :1]


def energy_mse(energy: Energy, z_true: Tensor, z: Tensor) -> Tensor:
    """Return mean (H(z_true) − H(z))² over time, as Greydanus et al. (2019) define it.

    (..., time, 2n) -> (...), in the units of energy squared.
    """
    return ((energy(z_true) - energy(z)) ** 2).mean(dim=-1)


def phase(z: Tensor) -> Tensor:
    """Return the clockwise angle turned, radian: (..., time, 2) -> (..., time)."""
    if z.shape[-1] != 2:
        raise ValueError(f"z has shape {tuple(z.shape)}; expected (..., time, 2)")
    angle = torch.atan2(-z[..., 1], z[..., 0])  # (..., time)
    turn = torch.remainder(angle.diff(dim=-1) + math.pi, 2 * math.pi) - math.pi
    return torch.cat([torch.zeros_like(angle[..., :1]), turn.cumsum(dim=-1)], dim=-1)


def period(t: Tensor, z: Tensor) -> Tensor:
    """Return the mean time of a turn: (time,), (..., time, 2) -> (...); NaN if none."""
    angle = phase(z)  # (..., time)
    turns = (angle.amax(dim=-1, keepdim=True) / (2 * math.pi)).floor()
    last = 2 * math.pi * turns  # the angle after the last whole turn
    after = (angle >= last).int().argmax(dim=-1, keepdim=True).clamp(min=1)
    a0, a1 = angle.gather(-1, after - 1), angle.gather(-1, after)
    when = t[after - 1] + (last - a0) / (a1 - a0) * (t[after] - t[after - 1])
    return torch.where(turns > 0, (when - t[0]) / turns, math.nan).squeeze(-1)
