"""Networks that learn motion, each a few lines; introduced in notebooks 03 to 05."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from hnnlib.mechanics import hamiltonian_vector_field


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
