"""Judge a rollout by energy and phase; introduced in notebooks 03 to 06."""

import math

import torch
from torch import Tensor

from hnnlib import checks
from hnnlib.mechanics import Energy, energies

TURN = 2 * math.pi


def relative_energy(energy: Energy, z: Tensor) -> Tensor:
    """Return H(z(t))/H(z(0)) of trajectories: (..., time, 2n) -> (..., time)."""
    h = energies(energy, z)
    for at in (h[..., 0] == 0).nonzero().tolist():  # at rest, or on a separatrix
        expected = "another start, or another zero of the energy"
        checks.expect(False, f"member {at} starts with energy 0", expected)
    return h / h[..., :1]


def energy_mse(energy: Energy, z_true: Tensor, z: Tensor) -> Tensor:
    """Return mean (H(z_true) − H(z))² over time, as Greydanus et al. (2019) define it.

    (..., time, 2n) -> (...), in the units of energy squared.
    """
    return ((energies(energy, z_true) - energies(energy, z)) ** 2).mean(dim=-1)


def phase(z: Tensor) -> Tensor:
    """Return the clockwise angle turned, radian: (..., time, 2) -> (..., time)."""
    checks.tensor(z, "z", (*z.shape[:-1], 2))
    angle = torch.atan2(-z[..., 1], z[..., 0])  # (..., time), from −π to π
    turned = torch.remainder(angle.diff(dim=-1) + math.pi, TURN) - math.pi
    return torch.cat([torch.zeros_like(angle[..., :1]), turned.cumsum(dim=-1)], dim=-1)


def period(t: Tensor, z: Tensor) -> Tensor:
    """Return the mean time of a turn: (time,), (..., time, 2) -> (...); NaN if none."""
    checks.times(t)
    checks.tensor(z, "z", (*z.shape[:-2], len(t), 2))
    angle = phase(z)  # (..., time)
    turns = (angle.amax(dim=-1, keepdim=True) / TURN).floor()  # whole ones, (..., 1)
    after = (angle >= TURN * turns).int().argmax(dim=-1, keepdim=True).clamp(min=1)
    (a0, t0), (a1, t1) = ((angle.gather(-1, i), t[i]) for i in (after - 1, after))
    done = t0 + (TURN * turns - a0) / (a1 - a0) * (t1 - t0)  # when the last one ended
    return torch.where(turns > 0, (done - t[0]) / turns, math.nan).squeeze(-1)
