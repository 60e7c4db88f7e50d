"""Judge a rollout by energy and phase; introduced in notebooks 03 to 06."""

import torch
from torch import Tensor

from hnnlib import checks
from hnnlib.mechanics import Energy, energies


def relative_energy(energy: Energy, z: Tensor) -> Tensor:
    """Return H(z(t))/H(z(0)) of trajectories: (..., time, 2n) -> (..., time)."""
    h, near = energies(energy, z), energies(energy, (1 + 1e-12) * z[..., 0, :])
    change = (near - h[..., 0]).abs()  # above a thousandth if H is 0, rounding apart
    for at in (change >= 1e-3 * h[..., 0].abs()).nonzero().tolist():
        raise ValueError(f"member {at} starts with energy 0: move the start or shift H")
    return h / h[..., :1]


def energy_mse(energy: Energy, z_true: Tensor, z: Tensor) -> Tensor:
    """Average (H(z_true) − H(z))² (Greydanus et al. 2019): (..., time, 2n) -> (...)."""
    return ((energies(energy, z_true) - energies(energy, z)) ** 2).mean(dim=-1)


def phase(z: Tensor) -> Tensor:
    """Return the angle turned clockwise in steps < π: (..., time, 2) -> (..., time)."""
    checks.tensor(z, "z", (*z.shape[:-1], 2))
    angle = torch.atan2(-z[..., 1], z[..., 0])  # (..., time), from −π to π
    turned = torch.remainder(angle.diff(dim=-1) + torch.pi, 2 * torch.pi) - torch.pi
    return torch.cat([torch.zeros_like(angle[..., :1]), turned.cumsum(dim=-1)], dim=-1)


def period(t: Tensor, z: Tensor) -> Tensor:
    """Return the mean time of a turn: (time,), (..., time, 2) -> (...); NaN if none."""
    checks.times(t)
    checks.tensor(z, "z", (*z.shape[:-2], len(t), 2))
    angle = phase(z) / (2 * torch.pi)  # in turns, (..., time)
    turns = angle.amax(dim=-1, keepdim=True).floor()  # whole ones, (..., 1)
    after = (angle >= turns).int().argmax(dim=-1, keepdim=True).clamp(min=1)
    (a0, t0), (a1, t1) = ((angle.gather(-1, i), t[i]) for i in (after - 1, after))
    done = t0 + (turns - a0) / (a1 - a0) * (t1 - t0)  # when the last one ended
    return torch.where(turns > 0, (done - t[0]) / turns, torch.nan).squeeze(-1)
