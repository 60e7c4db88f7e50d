"""Networks: reproducible, and an ensemble is no more than its members."""

import pytest
import torch
from torch import nn

from hnnlib.models import (
    HNN,
    MLP,
    DerivativePredictor,
    Ensemble,
    StepPredictor,
)
from hnnlib.training import fit

MODELS = {StepPredictor: 2, DerivativePredictor: 2, HNN: 1}
EVERY = pytest.mark.parametrize("model, n_out", MODELS.items())


def members(n_out, n=3):
    return [MLP(2, 8, 8, n_out, seed=seed) for seed in range(n)]


def draw(rng, *shape):
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def weights(net):
    return torch.cat([w.detach().flatten() for w in net.parameters()])


def test_same_seed_gives_the_same_weights_and_another_seed_others():
    a, b, c = (weights(MLP(2, 8, 8, 1, seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert a.dtype == torch.float64


def test_building_a_network_leaves_the_global_generator_alone():
    before = torch.random.get_rng_state()
    MLP(2, 8, 8, 1, seed=0)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("activation", [nn.SiLU, nn.Tanh])
def test_activations_stand_between_layers_and_not_after_the_last(activation):
    net = MLP(3, 5, 7, 2, seed=0, activation=activation)
    assert [type(x) for x in net] == [nn.Linear, activation] * 2 + [nn.Linear]
    widths = [(x.in_features, x.out_features) for x in net if type(x) is nn.Linear]
    assert widths == [(3, 5), (5, 7), (7, 2)]


def test_weights_start_orthogonal_and_biases_at_zero():
    first, _, second, _, _ = MLP(2, 8, 8, 1, seed=0)
    eye = torch.eye(8, dtype=torch.float64)
    torch.testing.assert_close(second.weight @ second.weight.T, eye)
    torch.testing.assert_close(first.weight.T @ first.weight, eye[:2, :2])
    assert not first.bias.any()


@EVERY
@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_model_keeps_the_shape_of_its_states(model, n_out, shape, rng):
    z = draw(rng, *shape, 2)
    net = model(MLP(2, 8, n_out, seed=0))
    assert net(z).shape == z.shape
    if model is HNN:
        assert net.energy(z).shape == shape
        assert torch.equal(net.energy(z), net.net(z)[..., 0])


def test_hnn_moves_along_its_contours_with_the_symplectic_gradient(rng):
    net, z, h = HNN(MLP(2, 8, 1, seed=0)), draw(rng, 5, 2), 1e-6
    dq, dp = h * torch.eye(2, dtype=torch.float64)
    slope_q = (net.energy(z + dq) - net.energy(z - dq)) / (2 * h)
    slope_p = (net.energy(z + dp) - net.energy(z - dp)) / (2 * h)
    expected = torch.stack([slope_p, -slope_q], dim=-1)
    torch.testing.assert_close(net(z), expected, rtol=1e-6, atol=1e-8)


def test_residual_step_predictor_adds_its_network_to_the_state(rng):
    net, z = MLP(2, 8, 2, seed=0), draw(rng, 5, 2)
    assert torch.equal(StepPredictor(net)(z), net(z))


@EVERY
@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_ensemble_equals_its_members_one_by_one(model, n_out, shape, rng):
    nets, z = members(n_out), draw(rng, 3, *shape, 2)
    together, alone = model(Ensemble(nets)), [model(net) for net in nets]
    expected = torch.stack([f(x) for f, x in zip(alone, z, strict=True)])
    torch.testing.assert_close(together(z), expected, rtol=0, atol=1e-12)
    if model is HNN:
        h = torch.stack([f.energy(x) for f, x in zip(alone, z, strict=True)])
        torch.testing.assert_close(together.energy(z), h, rtol=0, atol=1e-12)


@EVERY
def test_training_an_ensemble_equals_training_each_member_alone(model, n_out, rng):
    inputs, targets = draw(rng, 3, 40, 2), draw(rng, 3, 40, 2)
    ensemble, alone = model(Ensemble(members(n_out))), members(n_out)
    together = fit(ensemble, inputs, targets, steps=20).loss
    assert together.shape == (20, 3)
    for i, net in enumerate(alone):
        loss = fit(model(net), inputs[i], targets[i], steps=20).loss
        torch.testing.assert_close(together[:, i], loss, rtol=0, atol=1e-8)
    assert (together[-1] < together[0]).all()


def test_ensemble_copies_its_members_and_trains_only_its_own_weights(rng):
    nets = members(1)
    before, model = weights(nets[0]), HNN(Ensemble(nets))
    assert sum(w.numel() for w in model.parameters()) == 3 * len(before)
    fit(model, draw(rng, 3, 9, 2), draw(rng, 3, 9, 2), steps=2)
    assert torch.equal(weights(nets[0]), before)


@pytest.mark.parametrize("shape", [(2, 2), (4, 5, 2), (1, 3, 2)])
def test_ensemble_refuses_states_without_its_members_first(shape):
    message = rf"x has shape \({', '.join(map(str, shape))}\); expected 3 members first"
    with pytest.raises(ValueError, match=message):
        Ensemble(members(1))(torch.zeros(shape, dtype=torch.float64))


def test_hnn_without_activations_has_a_constant_field(rng):
    z = draw(rng, 50, 2)
    linear = HNN(MLP(2, 8, 8, 1, seed=0, activation=nn.Identity))(z)
    assert (linear - linear[0]).abs().max() < 1e-14
    assert linear.norm(dim=-1).min() > 1e-3
    curved = HNN(MLP(2, 8, 8, 1, seed=0))(z)
    assert (curved - curved[0]).abs().max() > 1e-2
