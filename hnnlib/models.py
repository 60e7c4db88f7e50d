"""Learn motion by networks of a few lines each; notebooks 03 to 05, 07, 13.

A net is a network (..., n_in) -> (..., n_out), or many: ``HNN(Ensemble(nets))``.
"""

from collections.abc import Sequence
from copy import deepcopy
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from hnnlib import checks
from hnnlib.checks import expect
from hnnlib.mechanics import gradient, hamiltonian_vector_field, split


class MLP(nn.Sequential):
    """Build a multilayer perceptron in float64, weights orthogonal, biases zero.

    ``MLP(2, 32, 1, seed=0)`` is (..., 2) -> (..., 1), with activations between layers.
    """

    def __init__(self, *widths: int, seed: int, activation: type[nn.Module] = nn.SiLU):
        checks.count(**{f"widths[{i}]": width for i, width in enumerate(widths)})
        expect(len(widths) > 1, f"widths are {widths}", "two or more")
        generator = torch.Generator().manual_seed(seed)
        layers: list[nn.Module] = []
        for n_in, n_out in zip(widths[:-1], widths[1:], strict=True):
            linear = nn.utils.skip_init(nn.Linear, n_in, n_out, dtype=torch.float64)
            nn.init.orthogonal_(linear.weight, generator=generator)
            nn.init.zeros_(linear.bias)
            layers += [linear, activation()]
        super().__init__(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layers, (..., n_in) -> (..., n_out); x has the weights' dtype."""
        checks.tensor(x, "x", dtype=self[0].weight.dtype)
        return super().forward(x)


def numbers(net: nn.Module) -> dict[str, Tensor]:
    """Return the weights and the buffers of a network by name."""
    return dict(net.named_parameters()) | dict(net.named_buffers())


def plan(net: nn.Module) -> list:
    """List layers, settings and what is frozen: all of a network but its numbers."""
    own, listed = numbers(net).items(), ("_parameters", "_buffers", "_modules")
    kept = [(k, x.shape, x.dtype, x.requires_grad) for k, x in own]
    for part in net.modules():
        rest = {k: v for k, v in vars(part).items() if k not in listed}
        exact = {k: str(getattr(v, "tolist", lambda v=v: v)()) for k, v in rest.items()}
        kept += [type(part).__qualname__, exact]
    return kept


class Ensemble(nn.Module):
    """Run networks as one; member i sees only ``x[i]`` and trains as it would alone."""

    def __init__(self, members: Sequence[nn.Module]):
        super().__init__()
        expect(len(members) > 0, "members are none", "one or more networks")
        for i, net in enumerate(members):
            same = plan(net) == plan(members[0])
            expect(same, f"member {i} is no copy of member 0", "other numbers alone")
        # One network, for .float(), .eval() and Adam; its tensors are (members, ...).
        self.n, self.stacked = len(members), deepcopy(members[0])
        for name, x in numbers(self.stacked).items():
            x.data = torch.stack([numbers(net)[name].detach() for net in members])

    def forward(self, x: Tensor) -> Tensor:
        """Apply member i to x[i]: (members, ..., n_in) -> (members, ..., n_out)."""
        fits = x.shape[:1] == (self.n,)
        expect(fits, f"x has shape {tuple(x.shape)}", f"{self.n} members first")
        one = partial(functional_call, self.stacked)
        return vmap(one, randomness="different")(numbers(self.stacked), x)

    def member(self, i: int) -> nn.Module:
        """Return a copy of member i as a network of its own."""
        net = deepcopy(self.stacked)
        for x in numbers(net).values():
            x.data = x.data[i].clone()
        return net


class Predictor(nn.Module):
    """Apply a net to states, (..., 2n) -> (..., 2n); abstract."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, z: Tensor) -> Tensor:
        """Return net(z)."""
        return self.net(z)


class StepPredictor(Predictor):
    """Predict the state one time step later: a map, iterated and never integrated."""

    is_map = True


class DerivativePredictor(Predictor):
    """Predict dz/dt = net(z): the baseline of Greydanus et al. (2019)."""


class HNN(nn.Module):
    """Learn an energy: a Hamiltonian neural network, net (..., 2n) -> (..., 1)."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def energy(self, z: Tensor) -> Tensor:
        """Return the learned energy H_θ(z), up to a constant, (..., 2n) -> (...)."""
        return self.net(z).squeeze(-1)

    def forward(self, z: Tensor) -> Tensor:
        """Return dz/dt = (∂H_θ/∂p, −∂H_θ/∂q), (..., 2n)."""
        return hamiltonian_vector_field(self.energy, z)


class DissipativeHNN(nn.Module):
    """Learn an energy and its loss: dq/dt = ∂H/∂p, dp/dt = −∂H/∂q − ∂R/∂p.

    Rayleigh's dissipation function R takes p, which is measured, by a net (..., n) ->
    (..., 1). R is even: H + a·q with R − a·p would give the same field.
    """

    def __init__(self, net: nn.Module, dissipation_net: nn.Module):
        super().__init__()
        self.net, self.dissipation_net = net, dissipation_net

    def energy(self, z: Tensor) -> Tensor:
        return self.net(z).squeeze(-1)

    def dissipation(self, p: Tensor) -> Tensor:
        """Return R_θ(p) = R_θ(−p), up to a constant, (..., n) -> (...)."""
        return (self.dissipation_net(p) + self.dissipation_net(-p)).squeeze(-1)

    def friction(self, p: Tensor) -> Tensor:
        """Return the force −∂R_θ/∂p, (..., n) -> (..., n)."""
        return -gradient(self.dissipation, p)

    def forward(self, z: Tensor) -> Tensor:
        """Return dz/dt = (∂H_θ/∂p, −∂H_θ/∂q − ∂R_θ/∂p), (..., 2n)."""
        dq_dt, dp_dt = split(hamiltonian_vector_field(self.energy, z))
        return torch.cat([dq_dt, dp_dt + self.friction(split(z)[1])], dim=-1)


class SeparableHNN(nn.Module):
    """Learn H = T(p) + V(q) by two nets, (..., n) -> (..., 1) each."""

    def __init__(self, kinetic_net: nn.Module, potential_net: nn.Module):
        super().__init__()
        self.kinetic_net, self.potential_net = kinetic_net, potential_net

    def kinetic(self, p: Tensor) -> Tensor:
        return self.kinetic_net(p).squeeze(-1)

    def potential(self, q: Tensor) -> Tensor:
        return self.potential_net(q).squeeze(-1)

    def energy(self, z: Tensor) -> Tensor:
        q, p = split(z)
        return self.kinetic(p) + self.potential(q)

    def velocity(self, p: Tensor) -> Tensor:
        return gradient(self.kinetic, p)  # ∂T/∂p

    def force(self, q: Tensor) -> Tensor:
        return -gradient(self.potential, q)  # −∂V/∂q

    def forward(self, z: Tensor) -> Tensor:
        """Return dz/dt = (∂T/∂p, −∂V/∂q), (..., 2n)."""
        return hamiltonian_vector_field(self.energy, z)
