"""Networks: reproducible, and an ensemble is no more than its members."""

import pytest
import torch
from notebook_cells import defined
from torch import nn

from hnnlib.bodies import NBody, three_body_starts
from hnnlib.integrators import leapfrog, rollout
from hnnlib.mechanics import divergence, gradient, hamiltonian_vector_field, split
from hnnlib.models import (
    HNN,
    MLP,
    DerivativePredictor,
    DissipativeHNN,
    Ensemble,
    SeparableHNN,
    StepPredictor,
)
from hnnlib.training import fit

PairwiseHNN = defined("09", "recipe")["PairwiseHNN"]
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


def test_layers_of_one_shape_start_with_weights_of_their_own():
    _, activation, second, _, third, *_ = MLP(2, 8, 8, 8, 1, seed=0)
    assert not torch.isclose(second.weight, third.weight).any()
    assert type(activation) is nn.SiLU  # unless another is named


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


@pytest.mark.parametrize("model", [StepPredictor, DerivativePredictor])
def test_a_predictor_is_its_network(model, rng):
    net, z = MLP(2, 8, 2, seed=0), draw(rng, 5, 2)
    assert torch.equal(model(net)(z), net(z))


def test_member_of_an_ensemble_has_its_dtype(rng):
    ensemble, z = Ensemble(members(2)), draw(rng, 3, 5, 2).float()
    together = ensemble.float()(z)
    torch.testing.assert_close(ensemble.member(1)(z[1]), together[1])


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
    together = fit(ensemble, inputs, targets, steps=20)
    assert together.shape == (20, 3)
    for i, net in enumerate(alone):
        loss = fit(model(net), inputs[i], targets[i], steps=20)
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


def separable(seed=0):
    return SeparableHNN(MLP(3, 8, 8, 1, seed=seed), MLP(3, 8, 8, 1, seed=seed + 1))


def pairwise(seed=0):
    return PairwiseHNN(MLP(1, 8, 8, 1, seed=seed), MLP(1, 8, 8, 1, seed=seed + 1))


SPLIT = pytest.mark.parametrize("build, n", [(separable, 6), (pairwise, 12)])


def dissipative(n=2, seed=0):
    net = MLP(2 * n, 8, 8, 1, seed=seed)
    return DissipativeHNN(net, MLP(n, 8, 1, seed=seed + 1))


class Square(nn.Module):
    """A net whose R(p) = net(p) + net(−p) is c|p|²/2."""

    def __init__(self, c):
        super().__init__()
        self.c = c

    def forward(self, p):
        return self.c * (p**2).sum(dim=-1, keepdim=True) / 4


class Kinetic(nn.Module):
    """A net that is an energy, |p|²/2 + |q|⁴."""

    def forward(self, z):
        q, p = split(z)
        return (p**2 / 2 + q**4).sum(dim=-1, keepdim=True)


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_dissipative_model_adds_a_force_on_the_momenta_to_the_field_of_its_hnn(
    n, shape, rng
):
    model, z = dissipative(n), draw(rng, *shape, 2 * n)
    p, plain = split(z)[1], HNN(model.net)
    assert model.dissipation(p).shape == shape
    assert torch.equal(model.energy(z), plain.energy(z))
    (dq_dt, dp_dt), (dq_plain, dp_plain) = split(model(z)), split(plain(z))
    torch.testing.assert_close(dq_dt, dq_plain, rtol=0, atol=0)
    torch.testing.assert_close(dp_dt - dp_plain, model.friction(p))
    torch.testing.assert_close(model.friction(p), -gradient(model.dissipation, p))
    assert model.friction(p).abs().max() > 1e-3


def test_dissipative_model_without_dissipation_has_the_field_of_an_hnn(rng):
    model, z = dissipative(), draw(rng, 20, 4)
    nn.init.zeros_(model.dissipation_net[-1].weight)
    assert torch.equal(model(z), HNN(model.net)(z))
    assert divergence(model, z).abs().max() < 1e-12


def test_friction_is_the_same_in_both_directions_and_none_at_rest(rng):
    model, p = dissipative(3), draw(rng, 20, 3)
    torch.testing.assert_close(model.dissipation(-p), model.dissipation(p))
    torch.testing.assert_close(model.friction(-p), -model.friction(p))
    assert model.friction(torch.zeros_like(p)).abs().max() < 1e-12


def test_convex_dissipation_takes_energy_as_fast_as_the_friction_works(rng):
    model, z = DissipativeHNN(Kinetic(), Square(0.3)), draw(rng, 50, 4)
    p = split(z)[1]
    loss = (gradient(model.energy, z) * model(z)).sum(dim=-1)  # dH/dt
    torch.testing.assert_close(loss, -0.3 * (p**2).sum(dim=-1))
    t = torch.linspace(0, 5, 51, dtype=torch.float64)
    h = model.energy(rollout(model, z, t))
    assert (h.diff(dim=-1) < 0).all()


def test_divergence_of_a_dissipative_model_is_minus_the_curvature_of_r(rng):
    model = DissipativeHNN(MLP(4, 8, 1, seed=0), Square(0.3))
    torch.testing.assert_close(
        divergence(model, draw(rng, 20, 4)),
        torch.full((20,), -0.6, dtype=torch.float64),  # two momenta
    )


def test_dissipative_ensemble_trains_as_its_members_alone(rng):
    z, dz_dt = draw(rng, 3, 40, 4), draw(rng, 3, 40, 4)
    alone = [dissipative(seed=10 * i) for i in range(3)]
    together = DissipativeHNN(
        Ensemble([m.net for m in alone]), Ensemble([m.dissipation_net for m in alone])
    )
    loss = fit(together, z, dz_dt, steps=10)
    for i, model in enumerate(alone):
        expected = fit(model, z[i], dz_dt[i], steps=10)
        torch.testing.assert_close(loss[:, i], expected, rtol=0, atol=1e-8)
    assert (loss[-1] < loss[0]).all()


def test_dissipative_model_refuses_odd_states(rng):
    with pytest.raises(ValueError, match=r"z has shape \(5,\); expected \(..., 2n\)"):
        dissipative()(draw(rng, 5))


def test_only_a_separable_model_offers_a_velocity_to_leapfrog():
    for model in (StepPredictor, DerivativePredictor, HNN, DissipativeHNN):
        assert not hasattr(model, "velocity") and not hasattr(model, "force")


@SPLIT
@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_separable_model_moves_with_the_gradients_of_its_two_energies(
    build, n, shape, rng
):
    model, z = build(), draw(rng, *shape, n)
    q, p = split(z)
    assert model.energy(z).shape == shape
    torch.testing.assert_close(model.energy(z), model.kinetic(p) + model.potential(q))
    halves = torch.cat([model.velocity(p), model.force(q)], dim=-1)
    torch.testing.assert_close(model(z), halves)
    torch.testing.assert_close(model(z), hamiltonian_vector_field(model.energy, z))


@SPLIT
def test_leapfrog_steps_a_separable_model_and_follows_its_exact_motion(build, n, rng):
    model, t = build(), torch.linspace(0, 1, 201, dtype=torch.float64)
    z0 = three_body_starts(2, rng)[:, :n]
    steps = leapfrog(model.velocity, model.force, z0, t).detach()
    torch.testing.assert_close(steps, rollout(model, z0, t), rtol=1e-3, atol=1e-3)


def test_leapfrog_of_a_separable_model_carries_gradients_back_to_what_made_its_start(
    rng,
):
    model = SeparableHNN(MLP(1, 8, 1, seed=0), MLP(1, 8, 1, seed=1))
    source = draw(rng, 5, 2).requires_grad_()
    t = torch.linspace(0, 1, 5, dtype=torch.float64)

    def end(source):
        z0 = source.sin()  # a start with a history, as an encoder's
        return leapfrog(model.velocity, model.force, z0, t)[:, -1].sum()

    end(source).backward()
    step = 1e-6 * draw(rng, 5, 2)
    change = (end(source + step) - end(source - step)) / 2
    torch.testing.assert_close((source.grad * step).sum(), change, rtol=1e-5, atol=0)


def test_separable_model_trains_and_accepts_ensembles(rng):
    z, dz_dt = draw(rng, 3, 40, 6), draw(rng, 3, 40, 6)
    alone = [separable(10 * i) for i in range(3)]
    together = SeparableHNN(
        Ensemble([m.kinetic_net for m in alone]),
        Ensemble([m.potential_net for m in alone]),
    )
    loss = fit(together, z, dz_dt, steps=10)
    for i, model in enumerate(alone):
        expected = fit(model, z[i], dz_dt[i], steps=10)
        torch.testing.assert_close(loss[:, i], expected, rtol=0, atol=1e-8)
    assert (loss[-1] < loss[0]).all()


def test_energy_of_a_pairwise_model_is_a_sum_over_bodies_and_pairs(rng):
    model, z = pairwise(), draw(rng, 12)
    q, p = (x.unflatten(-1, (3, 2)) for x in split(z))
    kinetic = sum(model.kinetic_net((x**2).sum()[None]) for x in p)
    r = [(q[i] - q[j]).norm() for i, j in ((0, 1), (0, 2), (1, 2))]
    potential = sum(model.potential_net(x.log()[None]) for x in r)
    torch.testing.assert_close(model.energy(z)[None], kinetic + potential)


def test_untrained_pairwise_model_conserves_momentum_and_angular_momentum(rng):
    model, z = pairwise(), draw(rng, 20, 12)
    q, p = (x.unflatten(-1, (3, 2)) for x in split(z))
    dq_dt, dp_dt = (x.unflatten(-1, (3, 2)) for x in split(model(z).detach()))
    assert dp_dt.abs().max() > 1e-2
    assert dp_dt.sum(dim=-2).abs().max() < 1e-12
    cross = q[..., 0] * dp_dt[..., 1] - q[..., 1] * dp_dt[..., 0]
    cross = cross + dq_dt[..., 0] * p[..., 1] - dq_dt[..., 1] * p[..., 0]
    assert cross.sum(dim=-1).abs().max() < 1e-12
    plain = HNN(MLP(12, 8, 1, seed=0))(z).detach()
    assert split(plain)[1].unflatten(-1, (3, 2)).sum(dim=-2).abs().max() > 1e-2


def test_trajectory_of_an_untrained_pairwise_model_keeps_both_momenta(rng):
    system, t = NBody((1, 1, 1)), torch.linspace(0, 3, 20, dtype=torch.float64)
    z0 = three_body_starts(3, rng) + 0.1 * draw(rng, 12)
    z = rollout(pairwise(), z0, t, 1e-12, 1e-12)
    for law, tolerance in ((system.momentum, 1e-12), (system.angular_momentum, 1e-9)):
        assert (law(z) - law(z0)[:, None]).abs().max() < tolerance


def test_pairwise_model_does_not_tell_its_bodies_apart(rng):
    model, z = pairwise(), draw(rng, 5, 12)
    swap = torch.tensor([4, 5, 2, 3, 0, 1, 10, 11, 8, 9, 6, 7])
    torch.testing.assert_close(model(z)[:, swap], model(z[:, swap]))


def test_pairwise_model_takes_any_number_of_bodies_but_not_two_in_one_place(rng):
    model = pairwise()
    assert model(draw(rng, 5, 8)).shape == (5, 8)
    with pytest.raises(ValueError, match="bodies 0 and 1 coincide at"):
        model(torch.ones(8, dtype=torch.float64))


def test_a_member_of_an_ensemble_is_a_network_of_its_own(rng):
    nets = [MLP(2, 8, 1, seed=seed) for seed in range(3)]
    ensemble, x = Ensemble(nets), torch.randn(3, 5, 2, generator=rng).double()
    one = ensemble.member(1)
    assert torch.equal(one(x[1]), nets[1](x[1]))
    torch.nn.init.zeros_(one[0].weight)
    assert torch.allclose(ensemble(x)[1], nets[1](x[1]))
    assert one[0].weight.untyped_storage().nbytes() == 8 * 16  # not that of all


class Scale(nn.Module):
    """A layer that each seed fits to its own data: its numbers are no weights."""

    def __init__(self, seed, persistent=True):
        super().__init__()
        mean, spread = torch.full((2,), 0.5 * seed), torch.full((2,), 1.0 + seed)
        self.register_buffer("mean", mean.double(), persistent)
        self.register_buffer("spread", spread.double(), persistent)

    def forward(self, x):
        return (x - self.mean) / self.spread


def scaled(seed, persistent=True):
    return nn.Sequential(Scale(seed, persistent), MLP(2, 8, 8, 1, seed=seed))


def frozen_first(seed):
    net = MLP(2, 8, 8, 1, seed=seed)
    net[0].requires_grad_(False)
    return net


def with_dropout(seed):
    return nn.Sequential(MLP(2, 8, 8, seed=seed), nn.Dropout(), MLP(8, 1, seed=seed))


def with_batch_norm(seed):
    norm = nn.BatchNorm1d(2, dtype=torch.float64)
    return nn.Sequential(norm, MLP(2, 8, 8, 1, seed=seed))


BUILD = pytest.mark.parametrize("build", [scaled, frozen_first, with_batch_norm])


@pytest.mark.parametrize("persistent", [True, False])
@pytest.mark.parametrize("convert, bound", [("double", 1e-12), ("float", 1e-5)])
def test_an_ensemble_keeps_what_is_no_weight(persistent, convert, bound, rng):
    nets, x = [scaled(seed, persistent) for seed in range(3)], draw(rng, 3, 5, 2)
    ensemble = Ensemble(nets)
    ensemble, nets = getattr(ensemble, convert)(), [getattr(n, convert)() for n in nets]
    x = x.to(ensemble.stacked[0].mean.dtype)
    for i, net in enumerate(nets):
        assert (ensemble(x)[i] - net(x[i])).abs().max() < bound
        assert (ensemble.member(i)(x[i]) - net(x[i])).abs().max() < bound


@BUILD
def test_a_member_becomes_in_training_what_it_would_alone(build, rng):
    x, y = draw(rng, 3, 40, 2), draw(rng, 3, 40, 1)
    ensemble, alone = (
        Ensemble([build(i) for i in range(3)]),
        [build(i) for i in range(3)],
    )
    fit(ensemble, x, y, steps=20)
    for i, net in enumerate(alone):
        fit(net, x[i], y[i], steps=20)
        member = ensemble.member(i)
        for a, b in zip(member.parameters(), net.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-9)
        assert [a.requires_grad for a in member.parameters()] == [
            b.requires_grad for b in net.parameters()
        ]
        member, net = member.eval(), net.eval()
        torch.testing.assert_close(member(x[i]), net(x[i]), rtol=0, atol=1e-9)
    torch.testing.assert_close(ensemble.eval()(x)[1], alone[1](x[1]))


def test_frozen_layers_of_an_ensemble_do_not_move(rng):
    ensemble = Ensemble([frozen_first(seed) for seed in range(3)])
    before = [w.clone() for w in ensemble.parameters()]
    fit(ensemble, draw(rng, 3, 9, 2), draw(rng, 3, 9, 1), steps=5)
    same = [
        torch.equal(a, b) for a, b in zip(before, ensemble.parameters(), strict=True)
    ]
    assert same == [True, True, False, False, False, False]


def test_dropout_of_an_ensemble_rests_in_eval_mode_and_differs_between_members(rng):
    nets, x = [with_dropout(0) for _ in range(3)], draw(rng, 5, 2).expand(3, 5, 2)
    ensemble = Ensemble(nets)
    one, two, _ = ensemble(x)
    assert not torch.equal(one, two)
    ensemble.eval()
    torch.testing.assert_close(ensemble(x)[0], nets[0].eval()(x[0]), rtol=0, atol=1e-12)
    resting = Ensemble(nets[:1] + [net.eval() for net in nets[1:]])
    assert torch.equal(resting(x)[0], resting(x)[1])


class Power(nn.Module):
    """A network with a number that is neither weight nor buffer."""

    def __init__(self, n):
        super().__init__()
        self.n, self.net = n, MLP(2, 8, 1, seed=0)

    def forward(self, x):
        return self.net(x) ** self.n


@pytest.mark.parametrize(
    "other",
    [
        MLP(2, 8, 8, 1, seed=1, activation=nn.Tanh),
        MLP(2, 9, 8, 1, seed=1),
        MLP(2, 8, 1, seed=1),
        MLP(2, 8, 8, 1, seed=1).float(),
        MLP(2, 8, 8, 1, seed=1).eval(),
        frozen_first(1),
        Power(1),
    ],
)
def test_an_ensemble_of_unlike_networks_is_refused(other):
    with pytest.raises(ValueError, match="member 1 is no copy of member 0; expected"):
        Ensemble([MLP(2, 8, 8, 1, seed=0), other])


def test_an_ensemble_of_networks_with_other_settings_is_refused():
    Ensemble([Power(2), Power(2)])
    with pytest.raises(ValueError, match="member 1 is no copy of member 0; expected"):
        Ensemble([Power(2), Power(3)])


class Table(nn.Module):
    """A layer that says nowhere how large it is."""

    def __init__(self, n):
        super().__init__()
        self.row = nn.Parameter(torch.ones(n, dtype=torch.float64))


@pytest.mark.parametrize(
    "one, other",
    [
        (Table(2), Table(3)),
        (nn.Sequential(nn.Tanh()), nn.Sequential(nn.Sigmoid())),
        (nn.ModuleDict({"a": Table(2)}), nn.ModuleDict({"b": Table(2)})),
    ],
)
def test_an_ensemble_of_networks_that_differ_in_one_thing_is_refused(one, other):
    Ensemble([one, one])
    with pytest.raises(ValueError, match="member 1 is no copy of member 0; expected"):
        Ensemble([one, other])


@pytest.mark.parametrize(
    "widths, message",
    [
        (([2, 8, 1],), r"widths\[0\] is \[2, 8, 1\]; expected a positive whole"),
        ((2,), r"widths are \(2,\); expected two or more"),
        ((), r"widths are \(\); expected two or more"),
        ((2, 0, 1), r"widths\[1\] is 0; expected a positive whole number"),
        ((2, 8.5, 1), r"widths\[1\] is 8.5; expected a positive whole number"),
    ],
)
def test_widths_that_make_no_network_are_refused(widths, message):
    with pytest.raises(ValueError, match=message):
        MLP(*widths, seed=0)


@EVERY
def test_a_model_says_what_it_cannot_take(model, n_out):
    net = model(MLP(2, 8, n_out, seed=0))
    with pytest.raises(ValueError, match="is list; expected a float tensor"):
        net([[1.0, 0.0]])
    with pytest.raises(ValueError, match="x is torch.float32; expected torch.float64"):
        net(torch.zeros(3, 2))
    assert net.float()(torch.zeros(3, 2)).dtype == torch.float32


def unlike(name, value):
    net = MLP(2, 8, 8, 1, seed=0)
    setattr(net[0], name, value)
    return net


def hooked():
    net = MLP(2, 8, 8, 1, seed=0)
    net[0].register_forward_hook(lambda *_: None)
    return net


@pytest.mark.parametrize(
    "a, b",
    [
        (unlike("_private", 1), unlike("_private", 2)),
        (unlike("table", torch.zeros(3000)), unlike("table", torch.eye(3000)[1])),
        (unlike("x", torch.tensor(1.0)), unlike("x", torch.tensor(1.00001))),
        (MLP(2, 8, 8, 1, seed=0), hooked()),
    ],
)
def test_an_ensemble_sees_what_networks_hide(a, b):
    with pytest.raises(ValueError, match="member 1 is no copy of member 0"):
        Ensemble([a, b])


def test_an_ensemble_takes_parametrized_layers_and_no_empty_list(rng):
    norm = nn.utils.parametrizations.spectral_norm
    nets = [norm(nn.Linear(2, 2, dtype=torch.float64)).eval() for _ in range(2)]
    x = draw(rng, 2, 5, 2)
    torch.testing.assert_close(Ensemble(nets)(x)[1], nets[1](x[1]))
    with pytest.raises(ValueError, match="members are none"):
        Ensemble([])
