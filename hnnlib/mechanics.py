"""Phase space and Hamilton's equations; introduced in notebook 01.

A state is z = (q, p): a tensor (..., 2n), the n coordinates first, then the n momenta.
A Hamiltonian is any callable ``energy(z) -> (...)``; a vector field is any callable
``field(z) -> dz_dt`` of z's shape. Everything in hnnlib speaks these two sentences.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

Energy = Callable[[Tensor], Tensor]
VectorField = Callable[[Tensor], Tensor]


def split(z: Tensor) -> tuple[Tensor, Tensor]:
    """Split states z (..., 2n) into q and p, views (..., n); ValueError if odd."""
    if z.ndim == 0 or z.shape[-1] % 2 or z.shape[-1] == 0:
        shape = tuple(z.shape)
        raise ValueError(f"z has shape {shape}; expected (..., 2n), q first, then p")
    return z.chunk(2, dim=-1)


def check_positive(**values: float) -> None:
    """Raise ValueError, with its name, unless every value is positive and finite."""
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} is {value}; expected a positive number")


def check_state(z: Tensor, name: str = "z") -> None:
    """Raise ValueError unless z (..., 2n) is floating point, even and finite."""
    if not torch.is_tensor(z) or not z.is_floating_point():
        kind = getattr(z, "dtype", type(z).__name__)
        raise ValueError(f"{name} is {kind}; expected a floating-point tensor")
    split(z)
    for at in (~z.isfinite().all(dim=-1)).nonzero().tolist():
        value = z[tuple(at)].tolist()
        raise ValueError(f"{name} is {value} at index {at}; expected finite numbers")


def gradient(energy: Energy, z: Tensor) -> Tensor:
    """Return ∂energy/∂z, of z's shape (..., k), by automatic differentiation.

    Under ``torch.no_grad`` the result carries no graph; otherwise it can be
    differentiated once more, which is what training an HNN needs. z's
    ``requires_grad`` is left alone; ValueError if energy(z) is not (...).
    """
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        if not (create_graph and z.requires_grad):
            z = z.detach().requires_grad_()
        h = energy(z)
        if h.shape != z.shape[:-1]:
            got, expected = tuple(h.shape), tuple(z.shape[:-1])
            raise ValueError(f"energy(z) has shape {got}; expected {expected}")
        return torch.autograd.grad(h.sum(), z, create_graph=create_graph)[0]


def hamiltonian_vector_field(energy: Energy, z: Tensor) -> Tensor:
    """Return the symplectic gradient (∂H/∂p, −∂H/∂q), by ``gradient``, with its laws.

    Hamilton's equations, dq/dt = ∂H/∂p and dp/dt = −∂H/∂q (Greydanus et al. 2019,
    eq. 1). Takes z (..., 2n), returns dz/dt of that shape; ValueError if z is odd.
    """
    split(z)
    dh_dq, dh_dp = split(gradient(energy, z))
    return torch.cat([dh_dp, -dh_dq], dim=-1)  # (..., 2n)


def divergence(field: VectorField, z: Tensor) -> Tensor:
    """Return the divergence Σᵢ ∂fᵢ/∂zᵢ of a field at z (..., 2n), shape (...).

    Zero for every Hamiltonian field (Liouville): phase-space volume is preserved.
    """
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        rates = (field(z) + 0 * z).unbind(-1)  # 0 * z: even a constant has a graph
        return sum(
            torch.autograd.grad(rate.sum(), z, retain_graph=True)[0][..., i]
            for i, rate in enumerate(rates)
        )
