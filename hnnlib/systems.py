"""Physical systems with a known Hamiltonian; introduced in notebooks 01 and 07.

A new system is one frozen dataclass with ``energy`` and ``field``, or ``velocity`` and
``force``; closed forms are tests' oracles.
"""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from scipy.special import ellipk
from torch import Tensor

from hnnlib.mechanics import Energy, VectorField, check_positive, split


@runtime_checkable
class System(Protocol):
    """What an explorer needs to know of a system: H(z) and dz/dt."""

    energy: Energy
    field: VectorField


class Separable:
    """A system with H = T(p) + V(q), whose ``velocity`` and ``force`` are its field."""

    def __post_init__(self) -> None:
        check_positive(**vars(self))

    def field(self, z: Tensor) -> Tensor:
        """Return dz/dt = (velocity(p), force(q)) in closed form, (..., 2n) alike."""
        q, p = split(z)
        return torch.cat([self.velocity(p), self.force(q)], dim=-1)


@dataclass(frozen=True)
class MassSpring(Separable):
    """A mass m on a spring of stiffness k, both positive: H = p²/2m + kq²/2."""

    m: float = 1.0
    k: float = 1.0

    @property
    def period(self) -> float:
        """Time of one oscillation, 2π√(m/k)."""
        return 2 * math.pi * math.sqrt(self.m / self.k)

    def energy(self, z: Tensor) -> Tensor:
        """Return H(z), (..., 2) -> (...)."""
        q, p = split(z)
        return (p**2 / (2 * self.m) + self.k * q**2 / 2).sum(dim=-1)

    def velocity(self, p: Tensor) -> Tensor:
        """Return dq/dt = ∂H/∂p, (..., 1) -> (..., 1)."""
        return p / self.m

    def force(self, q: Tensor) -> Tensor:
        """Return dp/dt = −∂H/∂q, (..., 1) -> (..., 1)."""
        return -self.k * q

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


@dataclass(frozen=True)
class Pendulum(Separable):
    """A mass m on a rod of length l under gravity g: H = p²/2ml² + mgl(1 − cos q).

    q is the angle from the lowest point, p the angular momentum, all constants are
    positive. From H = 2mgl on, the separatrix, it turns over instead of swinging.
    """

    m: float = 1.0
    l: float = 1.0  # noqa: E741
    g: float = 1.0

    @property
    def separatrix(self) -> float:
        """The energy 2mgl of the pendulum at rest upside down."""
        return 2 * self.m * self.g * self.l

    def energy(self, z: Tensor) -> Tensor:
        """Return H(z), (..., 2) -> (...)."""
        q, p = split(z)
        potential = self.m * self.g * self.l * (1 - q.cos())
        return (p**2 / (2 * self.m * self.l**2) + potential).sum(dim=-1)

    def velocity(self, p: Tensor) -> Tensor:
        """Return dq/dt = ∂H/∂p, (..., 1) -> (..., 1)."""
        return p / (self.m * self.l**2)

    def force(self, q: Tensor) -> Tensor:
        """Return dp/dt = −∂H/∂q, the torque, (..., 1) -> (..., 1)."""
        return -self.m * self.g * self.l * q.sin()

    def period(self, h: Tensor) -> Tensor:
        """Return the exact time of a swing to and fro at energy h, (...) -> (...).

        4√(l/g)·K(k), with the complete elliptic integral K and k² = h/2mgl (Landau &
        Lifshitz, Mechanics, §11). ValueError unless 0 < h < 2mgl.
        """
        swings = (h > 0) & (h < self.separatrix)
        if not swings.all():
            got, top = h[~swings][0], self.separatrix
            raise ValueError(f"h is {got:g}; a swing has 0 < h < 2mgl = {top:g}")
        k2 = (h.detach() / self.separatrix).numpy()
        return 4 * math.sqrt(self.l / self.g) * torch.as_tensor(ellipk(k2))

    def sample_by_energy(
        self, n: int, energy_low: float, energy_high: float, generator: torch.Generator
    ) -> Tensor:
        """Draw n states (n, 2) with H ~ U[energy_low, energy_high], below 2mgl.

        The phase angle is uniform in coordinates that make orbits round, √2·sin(q/2)
        and p over their greatest values: uniform in time for small swings only.
        """
        if not energy_high < self.separatrix:
            got = f"energy_high is {energy_high}"
            raise ValueError(f"{got}; expected less than 2mgl = {self.separatrix:g}")
        h, angle = sample_polar(n, energy_low, energy_high, "energy", generator)
        q = 2 * torch.asin(torch.sqrt(h / self.separatrix) * angle.cos())
        p = torch.sqrt(2 * h * self.m * self.l**2) * angle.sin()
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
    check_positive(n=n)
    if not 0 <= low < high < math.inf:
        got = f"{name}_low, {name}_high are {low}, {high}"
        raise ValueError(f"{got}; expected 0 <= low < high")
    u = torch.rand(2, n, generator=generator, dtype=torch.float64)
    return low + (high - low) * u[0], 2 * math.pi * u[1]
