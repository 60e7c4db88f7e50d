"""How good is a rollout? Energy and phase; introduced in notebooks 03 to 06."""

import math

import torch
from torch import Tensor

from hnnlib.mechanics import Energy, split


def relative_energy(energy: Energy, z: Tensor) -> Tensor:
    """Return H(z(t))/H(z(0)) of trajectories: (..., time, 2n) -> (..., time)."""
    h = energy(z)
    return h / h[..., :1]


def energy_mse(energy: Energy, z_true: Tensor, z: Tensor) -> Tensor:
    """Return the mean over time of (H(z_true) − H(z))²: (..., time, 2n) -> (...).

    The metric of Greydanus et al. (2019), with the system's own H and a fixed horizon.
    """
    return ((energy(z_true) - energy(z)) ** 2).mean(dim=-1)


def phase(z: Tensor) -> Tensor:
    """Return the angle turned clockwise in the (q, p) plane since the start, radian.

    (..., time, 2) -> (..., time), more than two samples a turn; grows by 2π a period.
    """
    q, p = split(z)
    angle = torch.atan2(-p, q).squeeze(-1)  # (..., time)
    turn = torch.remainder(angle.diff(dim=-1) + math.pi, 2 * math.pi) - math.pi
    return torch.cat([torch.zeros_like(angle[..., :1]), turn.cumsum(dim=-1)], dim=-1)


def period(t: Tensor, z: Tensor) -> Tensor:
    """Return the mean time of the whole turns about the origin; NaN if there is none.

    t is (time,), z (..., time, 2), the result (...), in the units of t.
    """
    angle = phase(z)  # (..., time)
    turns = (angle.amax(dim=-1, keepdim=True) / (2 * math.pi)).floor()
    last = 2 * math.pi * turns  # the angle after the last whole turn
    after = (angle >= last).int().argmax(dim=-1, keepdim=True).clamp(min=1)
    part = (last - angle.gather(-1, after - 1)) / (
        angle.gather(-1, after) - angle.gather(-1, after - 1)
    )
    when = t[after - 1] + part * (t[after] - t[after - 1])
    return torch.where(turns > 0, (when - t[0]) / turns, math.nan).squeeze(-1)
