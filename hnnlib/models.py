"""Networks that learn motion, each a few lines; notebooks 03 to 05, 07, 09, 12."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from hnnlib.bodies import separations
from hnnlib.mechanics import gradient, hamiltonian_vector_field, split


class MLP(nn.Sequential):
    """A multilayer perceptron in float64 with orthogonal initial weights, zero biases.

    ``MLP(2, 32, 32, 1, seed=0)`` maps (..., 2) to (..., 1) through two hidden layers;
    the activation stands between layers, never after the last.
    """

    def __init__(self, *widths: int, seed: int, activation: type[nn.Module] = nn.SiLU):
        generator = torch.Generator().manual_seed(seed)
        layers: list[nn.Module] = []
        for n_in, n_out in zip(widths[:-1], widths[1:], strict=True):
            linear = nn.utils.skip_init(nn.Linear, n_in, n_out, dtype=torch.float64)
            nn.init.orthogonal_(linear.weight, generator=generator)
            nn.init.zeros_(linear.bias)
            layers += [linear, activation()]
        super().__init__(*layers[:-1])


class Ensemble(nn.Module):
    """Networks of one shape as a single one; member i sees only ``x[i]``."""

    def __init__(self, members: Sequence[nn.Module]):
        super().__init__()
        stacked, _ = stack_module_state(list(members))
        self.names = list(stacked)
        self.stacked = nn.ParameterList(stacked.values())
        self.template = [deepcopy(members[0])]  # in a list, so not a submodule

    def forward(self, x: Tensor) -> Tensor:
        """Apply member i to x[i]: (members, ..., n_in) -> (members, ..., n_out)."""
        got, members = tuple(x.shape), len(self.stacked[0])
        if got[0] != members:
            raise ValueError(f"x has shape {got}; expected {members} members first")
        weights = dict(zip(self.names, self.stacked, strict=True))
        return vmap(lambda w, x: functional_call(self.template[0], w, x))(weights, x)

    def member(self, i: int) -> nn.Module:
        """Return a copy of member i as a network of its own."""
        net = deepcopy(self.template[0]).to(self.stacked[0])  # its dtype
        pairs = zip(self.names, self.stacked, strict=True)
        net.load_state_dict({name: w[i] for name, w in pairs})
        return net


class DerivativePredictor(nn.Module):
    """A vector field dz/dt = net(z): the baseline of Greydanus et al. (2019).

    The net, a network or an ensemble of them, is (..., 2n) -> (..., 2n).
    """

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, z: Tensor) -> Tensor:
        """Return dz/dt, (..., 2n)."""
        return self.net(z)

    def velocity(self, p: Tensor) -> Tensor:
        """Raise ValueError: leapfrog and its kin need a SeparableHNN."""
        raise ValueError(f"{type(self).__name__} is not T(p) + V(q); use SeparableHNN")

    force = velocity


class StepPredictor(DerivativePredictor):
    """A map to the state one time step later, iterated rather than integrated."""


class HNN(DerivativePredictor):
    """A Hamiltonian neural network: net (..., 2n) -> (..., 1) gives the energy."""

    def energy(self, z: Tensor) -> Tensor:
        """Return the learned energy H_θ(z), up to a constant, (..., 2n) -> (...)."""
        return self.net(z).squeeze(-1)

    def forward(self, z: Tensor) -> Tensor:
        """Return dz/dt = (∂H_θ/∂p, −∂H_θ/∂q), (..., 2n)."""
        return hamiltonian_vector_field(self.energy, z)


class DissipativeHNN(HNN):
    """An HNN that loses energy: dq/dt = ∂H/∂p, dp/dt = −∂H/∂q − ∂R/∂p.

    Rayleigh's dissipation function R takes p, which is measured, not the velocity
    ∂H/∂p, which is learned itself. Its net is (..., n) -> (..., 1). R is even: H + a·q
    with R − a·p would give the same field, so a constant force belongs to H.
    """

    def __init__(self, net: nn.Module, dissipation_net: nn.Module):
        super().__init__(net)
        self.dissipation_net = dissipation_net

    def dissipation(self, p: Tensor) -> Tensor:
        """Return R_θ(p) = R_θ(−p), up to a constant, (..., n) -> (...)."""
        return (self.dissipation_net(p) + self.dissipation_net(-p)).squeeze(-1)

    def friction(self, p: Tensor) -> Tensor:
        """Return the force −∂R_θ/∂p, (..., n) -> (..., n)."""
        return -gradient(self.dissipation, p)

    def forward(self, z: Tensor) -> Tensor:
        """Return dz/dt = (∂H_θ/∂p, −∂H_θ/∂q − ∂R_θ/∂p), (..., 2n)."""
        dq_dt, dp_dt = split(super().forward(z))
        return torch.cat([dq_dt, dp_dt + self.friction(split(z)[1])], dim=-1)


class SeparableHNN(HNN):
    """An HNN whose energy is T(p) + V(q), so that leapfrog can step it.

    Two networks or ensembles, (..., n) -> (..., 1) each, give T and V.
    """

    def __init__(self, kinetic_net: nn.Module, potential_net: nn.Module):
        nn.Module.__init__(self)
        self.kinetic_net, self.potential_net = kinetic_net, potential_net

    def kinetic(self, p: Tensor) -> Tensor:
        """Return T(p), up to a constant, (..., n) -> (...)."""
        return self.kinetic_net(p).squeeze(-1)

    def potential(self, q: Tensor) -> Tensor:
        """Return V(q), up to a constant, (..., n) -> (...)."""
        return self.potential_net(q).squeeze(-1)

    def energy(self, z: Tensor) -> Tensor:
        """Return H_θ(z) = T(p) + V(q), (..., 2n) -> (...)."""
        q, p = split(z)
        return self.kinetic(p) + self.potential(q)

    def velocity(self, p: Tensor) -> Tensor:
        """Return dq/dt = ∂T/∂p, (..., n) -> (..., n)."""
        return gradient(self.kinetic, p)

    def force(self, q: Tensor) -> Tensor:
        """Return dp/dt = −∂V/∂q, (..., n) -> (..., n)."""
        return -gradient(self.potential, q)


class PairwiseHNN(SeparableHNN):
    """A SeparableHNN of equal bodies in the plane: H = Σ T(|pᵢ|²) + Σ V(log rᵢⱼ).

    Both networks are (..., 1) -> (..., 1), whatever the number of bodies. The energy
    is the same for moved, turned or exchanged bodies, so momentum and angular momentum
    are conserved (Noether). Takes states (..., 4N) ordered as those of ``NBody``.
    """

    def kinetic(self, p: Tensor) -> Tensor:
        """Return Σ T(|pᵢ|²) over bodies, (..., 2N) -> (...)."""
        square = (p.unflatten(-1, (-1, 2)) ** 2).sum(dim=-1)  # (..., N)
        return self.kinetic_net(square[..., None]).sum(dim=(-2, -1))

    def potential(self, q: Tensor) -> Tensor:
        """Return Σ V(log rᵢⱼ) over pairs, (..., 2N) -> (...); ValueError if r = 0."""
        _, r = separations(q.unflatten(-1, (-1, 2)))  # (..., pairs)
        return self.potential_net(r.log()[..., None]).sum(dim=(-2, -1))
