"""Describe systems with a known Hamiltonian; introduced in notebooks 01 and 07."""

import math
from dataclasses import dataclass

import torch
from scipy.special import ellipk
from torch import Tensor

from hnnlib import checks
from hnnlib.mechanics import split


class Separable:
    """Share what systems with H = T(p) + V(q) have in common; abstract.

    A system writes ``energy``, H (..., 2n) -> (...), ``velocity``, ∂H/∂p of p, and
    ``force``, −∂H/∂q of q, both (..., n) -> (..., n); of one degree of freedom also
    ``state``, (..., 2), of energies and phase angles (...). Constants are positive.
    """

    def __post_init__(self) -> None:
        checks.positive(**vars(self))

    def field(self, z: Tensor) -> Tensor:
        """Return dz/dt = (velocity(p), force(q)) in closed form, (..., 2n) alike."""
        q, p = split(z)
        return torch.cat([self.velocity(p), self.force(q)], dim=-1)

    def sample_by_energy(
        self, n: int, energy_low: float, energy_high: float, generator: torch.Generator
    ) -> Tensor:
        """Draw n states (n, 2) with H ~ U[energy_low, energy_high] and any phase."""
        h, angle = sample_polar(n, energy_low, energy_high, "energy", generator)
        self.state(h.new_tensor(energy_high), angle)  # refuses what has no state
        return self.state(h, angle)


@dataclass(frozen=True)
class MassSpring(Separable):
    """Hang a mass m on a spring of stiffness k: H = p²/2m + kq²/2."""

    m: float = 1.0
    k: float = 1.0

    @property
    def period(self) -> float:
        """Return the time of one oscillation, 2π√(m/k)."""
        return 2 * math.pi * math.sqrt(self.m / self.k)

    def energy(self, z: Tensor) -> Tensor:
        q, p = split(z)
        return (p**2 / (2 * self.m) + self.k * q**2 / 2).sum(dim=-1)

    def velocity(self, p: Tensor) -> Tensor:
        return p / self.m

    def force(self, q: Tensor) -> Tensor:
        return -self.k * q

    def state(self, h: Tensor, angle: Tensor) -> Tensor:
        q = torch.sqrt(2 * h / self.k) * angle.cos()
        p = torch.sqrt(2 * h * self.m) * angle.sin()
        return torch.stack([q, p], dim=-1)

    def solution(self, z0: Tensor, t: Tensor) -> Tensor:
        """Return the exact motion (*batch, time, 2) from z0 (*batch, 2) at t = 0."""
        checks.tensor(z0, "z0", (*z0.shape[:-1], 2))
        q, p = split(z0)  # (*batch, 1) each, to meet t (time,)
        scale, angle = math.sqrt(self.m * self.k), t * math.sqrt(self.k / self.m)
        q_t = q * angle.cos() + p / scale * angle.sin()  # (*batch, time)
        p_t = p * angle.cos() - q * scale * angle.sin()
        return torch.stack([q_t, p_t], dim=-1)


@dataclass(frozen=True)
class Pendulum(Separable):
    """Swing a mass m on a rod of length l in gravity g: H = p²/2ml² + mgl(1 − cos q).

    q is the angle from the lowest point, p the angular momentum. From H = 2mgl on, the
    separatrix, it turns over instead of swinging: ``state`` and ``period`` are swings'.
    """

    m: float = 1.0
    l: float = 1.0  # noqa: E741
    g: float = 1.0

    def energy(self, z: Tensor) -> Tensor:
        q, p = split(z)
        potential = self.m * self.g * self.l * (1 - q.cos())
        return (p**2 / (2 * self.m * self.l**2) + potential).sum(dim=-1)

    def velocity(self, p: Tensor) -> Tensor:
        return p / (self.m * self.l**2)

    def force(self, q: Tensor) -> Tensor:
        return -self.m * self.g * self.l * q.sin()  # the torque

    def modulus(self, h: Tensor) -> Tensor:
        """Return k² = h/2mgl of swings, (...) alike; ValueError unless 0 < h < 2mgl."""
        h, top = torch.as_tensor(h), 2 * self.m * self.g * self.l
        swings = ((0 < h) & (h < top)).all()
        checks.expect(swings, f"h is {h}", f"swings, 0 < h < 2mgl = {top:g}")
        return h / top

    def state(self, h: Tensor, angle: Tensor) -> Tensor:
        # The angle is one of k·sin(q/2) and p, in which orbits are round.
        q = 2 * torch.asin(self.modulus(h).sqrt() * angle.cos())
        p = torch.sqrt(2 * h * self.m * self.l**2) * angle.sin()
        return torch.stack([q, p], dim=-1)

    def period(self, h: Tensor) -> Tensor:
        """Return the exact time 4√(l/g)·K(k) of a swing to and fro, (...) -> (...).

        K: complete elliptic integral, k² = h/2mgl (Landau & Lifshitz, Mechanics, §11).
        """
        integral = torch.as_tensor(ellipk(self.modulus(h).detach().numpy()))
        return 4 * math.sqrt(self.l / self.g) * integral


def sample_by_radius(
    n: int, radius_low: float, radius_high: float, generator: torch.Generator
) -> Tensor:
    """Draw n states (n, 2) with |z| ~ U[radius_low, radius_high], as in the paper."""
    radius, angle = sample_polar(n, radius_low, radius_high, "radius", generator)
    return radius[:, None] * torch.stack([angle.cos(), angle.sin()], dim=-1)


def sample_polar(
    n: int, low: float, high: float, name: str, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw n values from U[low, high], 0 <= low < high, and n angles from U[0, 2π)."""
    checks.count(n=n)
    got = f"{name}_low, {name}_high are {low}, {high}"
    checks.expect(0 <= low < high < math.inf, got, "0 <= low < high")
    u = torch.rand(2, n, generator=generator, dtype=torch.float64)  # (2, n)
    return low + (high - low) * u[0], 2 * math.pi * u[1]
