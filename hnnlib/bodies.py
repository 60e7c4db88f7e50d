"""Let two and more bodies attract one another in the plane; notebook 09."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hnnlib import checks
from hnnlib.mechanics import split
from hnnlib.systems import Separable, sample_by_radius


@dataclass(frozen=True)
class NBody(Separable):
    """Attract bodies in the plane by gravity: H = Σ p²/2m − Σ G·mᵢ·mⱼ/rᵢⱼ.

    States (..., 4N): q = (x₁, y₁, x₂, …), p alike. ValueError if two bodies coincide.
    """

    masses: tuple[float, ...]
    G: float = 1.0

    def __post_init__(self) -> None:
        checks.expect(len(self.masses) > 1, f"masses are {self.masses}", "two or more")
        masses = {f"masses[{i}]": m for i, m in enumerate(self.masses)}
        checks.positive(**masses, G=self.G)

    def in_plane(self, x: Tensor) -> Tensor:
        """View q or p (..., 2N) as one vector a body, (..., N, 2)."""
        n = len(self.masses)
        checks.tensor(x, f"q or p of {n} bodies", (*x.shape[:-1], 2 * n))
        return x.unflatten(-1, (n, 2))

    def energy(self, z: Tensor) -> Tensor:
        q, p = (self.in_plane(x) for x in split(z))  # (..., N, 2) each
        m = q.new_tensor(self.masses)
        kinetic = ((p**2).sum(dim=-1) / (2 * m)).sum(dim=-1)
        _, r = separations(q)  # (..., pairs)
        return kinetic - (self.G * torch.combinations(m).prod(-1) / r).sum(dim=-1)

    def velocity(self, p: Tensor) -> Tensor:
        m = p.new_tensor(self.masses).repeat_interleave(2)  # of each coordinate
        return self.in_plane(p).flatten(-2) / m

    def force(self, q: Tensor) -> Tensor:
        m = q.new_tensor(self.masses)
        i, j = torch.triu_indices(len(m), len(m), 1)
        apart, r = separations(self.in_plane(q))  # (..., pairs, 2), (..., pairs)
        pull = (self.G * m[i] * m[j] / r**3)[..., None] * apart  # of j on i
        force = torch.zeros_like(self.in_plane(q))  # (..., N, 2)
        return force.index_add(-2, i, pull).index_add(-2, j, -pull).flatten(-2)

    def momentum(self, z: Tensor) -> Tensor:
        """Return the total momentum Σ p, (..., 4N) -> (..., 2)."""
        return self.in_plane(split(z)[1]).sum(dim=-2)

    def angular_momentum(self, z: Tensor) -> Tensor:
        """Return the total angular momentum Σ x·p_y − y·p_x, (..., 4N) -> (...)."""
        q, p = (self.in_plane(x) for x in split(z))
        return (q[..., 0] * p[..., 1] - q[..., 1] * p[..., 0]).sum(dim=-1)


def separations(q: Tensor) -> tuple[Tensor, Tensor]:
    """Return the vector from i to j, and its length, for all pairs i < j of bodies.

    Positions (..., N, 2) -> (..., pairs, 2), (..., pairs); ValueError if two coincide.
    """
    i, j = torch.triu_indices(q.shape[-2], q.shape[-2], 1)  # (pairs,) each
    apart = q.index_select(-2, j) - q.index_select(-2, i)  # twice as fast as q[..., j]
    r = apart.norm(dim=-1)
    size = q.detach().abs().amax(dim=(-2, -1)).unsqueeze(-1)  # (..., 1)
    for *at, k in (r <= 1e-13 * size).nonzero().tolist():  # not three digits left
        where = f"{q[*at, i[k]].tolist()}, index {at}"
        raise ValueError(f"bodies {i[k]} and {j[k]} coincide at {where}")
    return apart, r


def ring(first: Tensor, n: int) -> Tensor:
    """Return states (..., 4n) of n unit masses that circle their centre, G = 1.

    They are spaced evenly from the first one's position (..., 2), counterclockwise.
    """
    pull = sum(1 / (4 * math.sin(math.pi * k / n)) for k in range(1, n))
    angle = 2 * math.pi * torch.arange(n, dtype=first.dtype) / n
    x, y = first[..., :1], first[..., 1:]
    x, y = x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos()
    q = torch.stack([x, y], dim=-1)  # (..., n, 2), and v² = pull/r
    p = torch.stack([-y, x], dim=-1) * (pull / q.norm(dim=-1, keepdim=True) ** 3).sqrt()
    return torch.cat([q.flatten(-2), p.flatten(-2)], dim=-1)


def three_body_starts(n: int, generator: torch.Generator) -> Tensor:
    """Draw n near-circular states (n, 12) of three unit masses, as the paper's code.

    An equilateral triangle at radius U[0.9, 1.2], any angle; each velocity component of
    the circle has a factor of its own from U[0.8, 1.2] (Greydanus et al. 2019).
    """
    q, p = split(ring(sample_by_radius(n, 0.9, 1.2, generator), 3))
    noise = torch.rand(p.shape, generator=generator, dtype=torch.float64)
    return torch.cat([q, p * (0.8 + 0.4 * noise)], dim=-1)
