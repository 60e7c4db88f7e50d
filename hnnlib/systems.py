"""Physical systems with a known Hamiltonian; introduced in notebook 01.

A new system is one frozen dataclass with ``energy`` and ``field``; closed forms are
tests' oracles.
"""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from hnnlib.mechanics import split


@runtime_checkable
class System(Protocol):
    """What an explorer needs to know of a system."""

    def energy(self, z: Tensor) -> Tensor:
        """Return H(z), (..., 2n) -> (...)."""

    def field(self, z: Tensor) -> Tensor:
        """Return dz/dt, (..., 2n) -> (..., 2n)."""


@dataclass(frozen=True)
class MassSpring:
    """A mass m on a spring of stiffness k, both positive: H = p²/2m + kq²/2."""

    m: float = 1.0
    k: float = 1.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value < math.inf:
                raise ValueError(f"{name} is {value}; expected a positive number")

    @property
    def period(self) -> float:
        """Time of one oscillation, 2π√(m/k)."""
        return 2 * math.pi * math.sqrt(self.m / self.k)

    def energy(self, z: Tensor) -> Tensor:
        """Return H(z), (..., 2) -> (...)."""
        q, p = split(z)
        return (p**2 / (2 * self.m) + self.k * q**2 / 2).squeeze(-1)

    def velocity(self, p: Tensor) -> Tensor:
        """Return dq/dt = ∂H/∂p, (..., 1) -> (..., 1)."""
        return p / self.m

    def force(self, q: Tensor) -> Tensor:
        """Return dp/dt = −∂H/∂q, (..., 1) -> (..., 1)."""
        return -self.k * q

    def field(self, z: Tensor) -> Tensor:
        """Return dz/dt in closed form, (..., 2) -> (..., 2)."""
        q, p = split(z)
        return torch.cat([self.velocity(p), self.force(q)], dim=-1)

    def solution(self, z0: Tensor, t: Tensor) -> Tensor:
        """Return the exact motion (*batch, time, 2) from z0 (*batch, 2) at t = 0."""
        q, p = split(z0)  # (*batch, 1) each, to meet t (time,)
        scale, angle = math.sqrt(self.m * self.k), t * math.sqrt(self.k / self.m)
        q_t = q * angle.cos() + p / scale * angle.sin()  # (*batch, time)
        p_t = p * angle.cos() - q * scale * angle.sin()
        return torch.stack([q_t, p_t], dim=-1)

    def sample_by_energy(
        self, n: int, energy_low: float, energy_high: float, generator: torch.Generator
    ) -> Tensor:
        """Draw n states (n, 2) with H ~ U[energy_low, energy_high] and any phase."""
        h, angle = sample_polar(n, energy_low, energy_high, "energy", generator)
        q = torch.sqrt(2 * h / self.k) * angle.cos()
        p = torch.sqrt(2 * h * self.m) * angle.sin()
        return torch.stack([q, p], dim=-1)


def sample_by_radius(
    n: int, radius_low: float, radius_high: float, generator: torch.Generator
) -> Tensor:
    """Draw n states (n, 2) with |z| ~ U[radius_low, radius_high], as in the paper."""
    radius, angle = sample_polar(n, radius_low, radius_high, "radius", generator)
    return radius[:, None] * torch.stack([angle.cos(), angle.sin()], dim=-1)


def sample_polar(
    n: int, low: float, high: float, name: str, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw n values from U[low, high] and n angles from U[0, 2π), each (n,) float64.

    ValueError if n < 1 or unless 0 <= low < high.
    """
    if n < 1:
        raise ValueError(f"n is {n}; expected at least 1")
    if not 0 <= low < high < math.inf:
        got = f"{name}_low, {name}_high are {low}, {high}"
        raise ValueError(f"{got}; expected 0 <= low < high")
    u = torch.rand(2, n, generator=generator, dtype=torch.float64)
    return low + (high - low) * u[0], 2 * math.pi * u[1]
