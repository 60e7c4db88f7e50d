"""Hamilton's equations by automatic differentiation, against closed forms."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from hnnlib.integrators import rollout
from hnnlib.mechanics import (
    divergence,
    gradient,
    hamiltonian_vector_field,
    rates,
    split,
)
from hnnlib.models import HNN, MLP, DerivativePredictor
from hnnlib.systems import MassSpring

SHAPES = [(), (5,), (2, 3), (0,)]


def draw(rng, *shape):
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def energy(z):
    """Two degrees of freedom, not separable: H = (1 + q₀²)p₁²/2 + q₁ sin p₀ + q₀³."""
    q0, q1, p0, p1 = z.unbind(-1)
    return (1 + q0**2) * p1**2 / 2 + q1 * p0.sin() + q0**3


def field(z):
    q0, q1, p0, p1 = z.unbind(-1)
    dq_dt = q1 * p0.cos(), (1 + q0**2) * p1
    dp_dt = -q0 * p1**2 - 3 * q0**2, -p0.sin()
    return torch.stack([*dq_dt, *dp_dt], dim=-1)


def untrained_hnn(n):
    return HNN(MLP(2 * n, 32, 32, 1, seed=1))


@pytest.mark.parametrize("shape", SHAPES)
def test_split_gives_coordinates_then_momenta(shape, rng):
    z = draw(rng, *shape, 4)
    q, p = split(z)
    assert torch.equal(q, z[..., :2])
    assert torch.equal(p, z[..., 2:])


@pytest.mark.parametrize("shape", SHAPES)
def test_vector_field_of_the_spring_has_its_closed_form(shape, rng):
    spring, z = MassSpring(m=2.0, k=0.3), draw(rng, *shape, 2)
    got = hamiltonian_vector_field(spring.energy, z)
    torch.testing.assert_close(got, spring.field(z), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("shape", SHAPES)
def test_vector_field_of_two_coupled_degrees_of_freedom_has_its_closed_form(shape, rng):
    z = draw(rng, *shape, 4)
    got = hamiltonian_vector_field(energy, z)
    torch.testing.assert_close(got, field(z), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("requires_grad", [False, True])
def test_vector_field_under_no_grad_is_equal_and_carries_no_graph(requires_grad, rng):
    z = draw(rng, 5, 4).requires_grad_(requires_grad)
    with torch.no_grad():
        got = hamiltonian_vector_field(energy, z)
        assert not gradient(energy, z).requires_grad
    assert not got.requires_grad
    torch.testing.assert_close(got, field(z).detach())


@pytest.mark.parametrize("requires_grad", [False, True])
def test_vector_field_leaves_its_argument_alone(requires_grad, rng):
    z = draw(rng, 5, 4).requires_grad_(requires_grad)
    before = z.detach().clone()
    hamiltonian_vector_field(energy, z)
    assert z.requires_grad is requires_grad
    assert z.grad is None
    assert torch.equal(z.detach(), before)


def test_vector_field_is_differentiable_in_the_state(rng):
    z = draw(rng, 3, 4).requires_grad_()
    assert gradcheck(lambda z: hamiltonian_vector_field(energy, z), z)


def test_vector_field_is_differentiable_in_the_parameters_of_the_energy(rng):
    z = draw(rng, 5, 2)
    k = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    dz_dt = hamiltonian_vector_field(lambda z: k * z[..., 0] ** 2 / 2, z)
    (dz_dt**2).sum().backward()  # dp/dt = -kq
    torch.testing.assert_close(k.grad, 2 * 3.0 * (z[:, 0] ** 2).sum())


@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_divergence_has_its_closed_form(shape, rng):
    z = draw(rng, *shape, 2)
    q, p = z.unbind(-1)
    got = divergence(lambda z: torch.stack([z[..., 0] ** 2, z.prod(-1)], -1), z)
    torch.testing.assert_close(got, 3 * q)


def test_divergence_leaves_its_argument_alone(rng):
    z = draw(rng, 5, 2)
    before = z.clone()
    got = divergence(lambda z: z**2, z)
    assert not z.requires_grad and z.grad is None and torch.equal(z, before)
    with torch.no_grad():
        assert torch.equal(divergence(lambda z: z**2, z), got)
    assert not got.requires_grad


def test_an_error_inside_a_field_reaches_its_writer_as_it_is(rng):
    with pytest.raises(KeyError, match="mass"):
        rates(lambda z: z / {}["mass"], draw(rng, 5, 2))


def test_divergence_of_a_field_with_a_constant_component_has_its_closed_form(rng):
    z = draw(rng, 5, 2)
    got = divergence(lambda z: torch.stack([z[..., 0] ** 2, 0 * z[..., 1]], -1), z)
    torch.testing.assert_close(got, 2 * z[:, 0])


@pytest.mark.parametrize(
    "field, message",
    [
        (lambda z: 2 * z.detach(), r"field\(z\) does not come from z"),
        (torch.ones_like, r"field\(z\) does not come from z"),
        (
            HNN(MLP(2, 8, 1, seed=0, activation=torch.nn.Identity)),
            r"field\(z\) does not come from z",
        ),
        (lambda z: z[..., :1], r"field\(z\) has shape \(5, 1\); expected \(5, 2\)"),
        (lambda z: z[0], r"field\(z\) has shape \(2,\); expected \(5, 2\)"),
    ],
)
def test_divergence_of_what_it_cannot_differentiate_is_refused(field, message, rng):
    with pytest.raises(ValueError, match=message):
        divergence(field, draw(rng, 5, 2))


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize(
    "dtype, bound", [(torch.float64, 1e-12), (torch.float32, 1e-6)]
)
def test_field_of_an_untrained_hnn_has_no_divergence(n, dtype, bound, rng):
    z = draw(rng, 100, 2 * n).to(dtype)
    assert divergence(untrained_hnn(n).to(dtype), z).abs().max() < bound


@pytest.mark.parametrize("n", [1, 2])
def test_field_of_an_untrained_derivative_predictor_has_divergence(n, rng):
    model = DerivativePredictor(MLP(2 * n, 32, 32, 2 * n, seed=1))
    assert divergence(model, draw(rng, 100, 2 * n)).abs().max() > 0.03


@pytest.mark.parametrize("n", [1, 2])
def test_learned_energy_of_an_untrained_hnn_does_not_change_along_its_field(n, rng):
    model, z = untrained_hnn(n), draw(rng, 100, 2 * n).requires_grad_()
    (dh_dz,) = torch.autograd.grad(model.energy(z).sum(), z)
    dz_dt = model(z)
    assert (dh_dz * dz_dt).sum(dim=-1).abs().max() < 1e-12
    assert dz_dt.norm(dim=-1).min() > 1e-3


@pytest.mark.parametrize("n", [1, 2])
def test_learned_energy_of_an_untrained_hnn_is_constant_along_its_rollout(n, rng):
    model, t = untrained_hnn(n), torch.linspace(0, 50, 101, dtype=torch.float64)
    z = rollout(model, draw(rng, 10, 2 * n), t, rtol=1e-11, atol=1e-11)
    h = model.energy(z).detach()
    assert (h - h[:, :1]).abs().max() < 1e-9
    assert (z - z[:, :1]).abs().max() > 0.5


@pytest.mark.parametrize("shape", [(), (0,), (3,), (4, 5)])
def test_state_that_is_not_even_is_refused(shape):
    message = rf"z has shape \({', ?'.join(map(str, shape))},?\); expected \(\.\.\., 2n"
    for call in (split, lambda z: hamiltonian_vector_field(energy, z)):
        with pytest.raises(ValueError, match=message):
            call(torch.zeros(shape))


def test_energy_that_is_not_one_number_a_state_is_refused(rng):
    message = r"energy\(z\) has shape \(5, 1\); expected \(5,\)"
    with pytest.raises(ValueError, match=message):
        hamiltonian_vector_field(MLP(2, 8, 1, seed=0), draw(rng, 5, 2))


def forgets(z):
    z.sum(dim=-1)


@pytest.mark.parametrize(
    "energy, message",
    [
        (forgets, r"energy\(z\) is NoneType; expected a float tensor"),
        (lambda z: torch.ones(5).double(), r"energy\(z\) does not come from z"),
        (lambda z: z.detach().sum(dim=-1), r"energy\(z\) does not come from z"),
        (lambda z: z.detach().numpy().sum(-1), r"energy\(z\) is ndarray float64"),
    ],
)
def test_energy_without_a_derivative_is_refused_in_words(energy, message, rng):
    with pytest.raises(ValueError, match=message):
        gradient(energy, draw(rng, 5, 2))


@pytest.mark.parametrize("z", [[1.0, 0.0], np.array([1.0, 0.0]), torch.tensor([1, 0])])
def test_states_that_are_no_float_tensor_are_refused_in_words(z):
    for call in (split, HNN(MLP(2, 8, 1, seed=0)), lambda z: gradient(sum, z)):
        with pytest.raises(ValueError, match="z is .*; expected a float tensor"):
            call(z)


def test_inference_mode_is_refused_in_words(rng):
    z = draw(rng, 5, 4)
    with torch.inference_mode():
        with pytest.raises(ValueError, match="inference_mode .*; use torch.no_grad"):
            gradient(energy, z)
        z = z + 0
    with pytest.raises(ValueError, match="inference_mode .*; use torch.no_grad"):
        gradient(energy, z)
