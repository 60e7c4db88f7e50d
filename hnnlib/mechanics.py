"""Move through phase space by Hamilton's equations; introduced in notebook 01.

A state is z = (q, p): a tensor (..., 2n), the n coordinates first, then the n momenta.
A Hamiltonian is any callable ``energy(z) -> (...)``; a vector field is any callable
``field(z) -> dz_dt`` of z's shape. Everything in hnnlib speaks these two sentences.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from hnnlib import checks

Energy = Callable[[Tensor], Tensor]
VectorField = Callable[[Tensor], Tensor]


def split(z: Tensor) -> tuple[Tensor, Tensor]:
    """Split states z (..., 2n) into q and p, views (..., n); ValueError if odd."""
    checks.state(z)
    return z.chunk(2, dim=-1)


def rates(field: VectorField, z: Tensor) -> Tensor:
    """Return field(z); refuse a field that takes or returns something else."""
    try:
        dz_dt = field(z)
    except TypeError as error:  # it takes (t, z), say
        said = f"field(z) fails: {error}; expected a function of the state alone"
        raise ValueError(said) from error
    checks.tensor(dz_dt, "field(z)", z.shape, z.dtype)
    return dz_dt


def energies(energy: Energy, z: Tensor) -> Tensor:
    """Return energy(z); refuse what is not one number a state, (...)."""
    h = energy(z)
    checks.tensor(h, "energy(z)", z.shape[:-1])
    return h


def slope(y: Tensor, z: Tensor, name: str, create_graph: bool) -> Tensor:
    """Differentiate the sum of y by z; refuse a y that torch did not compute from z."""
    graph = {"create_graph": create_graph, "retain_graph": True}
    try:
        return torch.autograd.grad(y, z, torch.ones_like(y), **graph)[0]
    except RuntimeError as error:
        why = "is it constant, z detached, or NumPy used?"
        raise ValueError(f"{name} does not come from z: {why}") from error


def gradient(energy: Energy, z: Tensor) -> Tensor:
    """Return ∂energy/∂z, of z's shape (..., k), by automatic differentiation.

    Differentiable again unless under ``no_grad``. ValueError unless energy(z) is (...).
    """
    checks.tensor(z, "z")
    if torch.is_inference_mode_enabled() or z.is_inference():
        raise ValueError("torch.inference_mode has no derivatives; use torch.no_grad")
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        if not (create_graph and z.requires_grad):
            z = z.detach().requires_grad_()
        return slope(energies(energy, z), z, "energy(z)", create_graph)


def hamiltonian_vector_field(energy: Energy, z: Tensor) -> Tensor:
    """Return dz/dt by Hamilton's equations, dq/dt = ∂H/∂p, dp/dt = −∂H/∂q, (..., 2n).

    The symplectic gradient (Greydanus et al. 2019, eq. 1); ValueError if z is odd.
    """
    checks.state(z)
    dh_dq, dh_dp = gradient(energy, z).chunk(2, dim=-1)
    return torch.cat([dh_dp, -dh_dq], dim=-1)  # (..., 2n)


def divergence(field: VectorField, z: Tensor) -> Tensor:
    """Return the divergence Σᵢ ∂fᵢ/∂zᵢ of a field at z (..., 2n), shape (...).

    Zero for every Hamiltonian field (Liouville). ValueError if no part of it sees z.
    """
    checks.state(z)
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        each = rates(field, z).unbind(-1)
        return sum(slope(f, z, "field(z)", False)[..., i] for i, f in enumerate(each))
