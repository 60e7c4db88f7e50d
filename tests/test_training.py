"""The training loop learns, repeats itself and survives members that diverge."""

import math
import warnings

import pytest
import torch

from hnnlib.data import spring_dataset
from hnnlib.models import HNN, MLP, DerivativePredictor, Ensemble
from hnnlib.training import fit, mse


def samples(sigma=0.1):
    return spring_dataset(0, n=10, sigma=sigma)[0].samples()


def stacked(*scales):
    """Inputs and targets of one member per scale; 1e200 spoils a member's loss."""
    z, dz_dt = samples()
    scale = torch.tensor(scales, dtype=torch.float64)[:, None, None]
    return z.expand(len(scales), -1, -1), dz_dt * scale


def ensemble(seeds):
    return HNN(Ensemble([MLP(2, 8, 1, seed=seed) for seed in seeds]))


def test_hnn_learns_the_clean_spring():
    loss = fit(HNN(MLP(2, 16, 16, 1, seed=0)), *samples(sigma=0.0), steps=200)
    assert loss.shape == (200,)
    assert loss[-1] < loss[0] / 100


def test_history_holds_the_loss_before_each_step():
    model, (z, dz_dt) = DerivativePredictor(MLP(2, 8, 2, seed=0)), samples()
    before = ((model(z) - dz_dt) ** 2).mean().item()
    loss = fit(model, z, dz_dt, steps=3)
    assert loss[0].item() == pytest.approx(before, rel=1e-12)
    assert loss.shape == (3,) and loss.dtype == torch.float64
    assert not loss.requires_grad


def test_same_seed_gives_the_same_history():
    a, b = (fit(HNN(MLP(2, 8, 1, seed=0)), *samples(), steps=20) for _ in range(2))
    assert torch.equal(a, b)


def test_learning_rate_falls_to_zero():
    model = HNN(MLP(2, 8, 1, seed=0))
    loss = fit(model, *samples(), steps=100)
    assert (loss[-1] - loss[-2]).abs() < 1e-3 * (loss[1] - loss[0]).abs()


def test_training_follows_the_recipe_of_its_defaults():
    (z, dz_dt), nets = samples(), [MLP(2, 8, 2, seed=0) for _ in range(2)]
    fit(DerivativePredictor(nets[0]), z, dz_dt)
    adam = torch.optim.Adam(nets[1].parameters(), weight_decay=1e-4)
    for i in range(300):
        adam.param_groups[0]["lr"] = 1e-2 * (1 + math.cos(math.pi * i / 300)) / 2
        adam.zero_grad()
        ((nets[1](z) - dz_dt) ** 2).mean().backward()
        adam.step()
    for a, b in zip(*(net.parameters() for net in nets), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-8)


def test_weight_decay_shrinks_weights_that_the_data_do_not_need():
    z, size = torch.zeros(9, 2, dtype=torch.float64), []
    for decay in (0.0, 0.1):
        net = MLP(2, 8, 2, seed=0)
        fit(DerivativePredictor(net), z, z, steps=50, weight_decay=decay)
        size.append(net[0].weight.norm().item())
    assert size[1] < 0.9 * size[0]


def test_member_that_diverges_is_named_and_leaves_the_others_alone():
    with pytest.warns(UserWarning, match=r"1 of 3 diverged: \[1\]"):
        loss = fit(ensemble([0, 1, 2]), *stacked(1.0, 1e200, 2.0), steps=50)
    assert loss.shape == (50, 3) and not loss[-1, 1].isfinite()
    others = fit(ensemble([0, 2]), *stacked(1.0, 2.0), steps=50)
    assert (loss[:, [0, 2]] - others).abs().max() < 1e-10


@pytest.mark.parametrize("members", [1, 3])
def test_training_stops_when_no_loss_is_finite(members):
    with pytest.raises(RuntimeError, match="the loss is not finite at step 0"):
        fit(ensemble(range(members)), *stacked(*[1e200] * members))


def test_single_model_that_diverges_on_the_way_tells_the_step():
    model, data = DerivativePredictor(MLP(2, 8, 2, seed=0)), samples()
    with pytest.raises(RuntimeError, match="the loss is not finite at step [1-9]"):
        fit(model, *data, steps=100, learning_rate=1e200)


def test_training_without_losses_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(ensemble([0, 1]), *stacked(1.0, 2.0), steps=2)


@pytest.mark.parametrize("label", [None, "spring"])
def test_progress_bar_goes_to_stdout_and_only_with_a_label(label, capsys):
    fit(HNN(MLP(2, 8, 1, seed=0)), *samples(), steps=2, label=label)
    captured = capsys.readouterr()
    assert captured.err == ""
    if label is None:
        assert captured.out == ""
    else:
        assert "spring: 100%" in captured.out


def test_mse_is_the_mean_over_samples_and_components():
    prediction = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 2.0]]])
    assert mse(prediction, torch.zeros(2, 2, 2)).tolist() == [7.5, 1.0]
    assert mse(prediction[0], torch.ones(2, 2)).item() == 3.5


def test_targets_of_another_shape_than_inputs_are_refused():
    z, dz_dt = samples()
    message = r"prediction has shape \(150, 2\); expected \(150, 1\)"
    with pytest.raises(ValueError, match=message):
        fit(HNN(MLP(2, 8, 1, seed=0)), z, dz_dt[:, :1])


@pytest.mark.parametrize("batch", [None, 20])
def test_samples_without_a_target_are_refused(batch):
    z, dz_dt = samples()
    for inputs, targets in ((z[:100], dz_dt), (z, dz_dt[:100])):
        n = len(targets)
        message = rf"targets have shape \({n}, 2\); expected .*, a target for each"
        with pytest.raises(ValueError, match=message):
            fit(HNN(MLP(2, 8, 1, seed=0)), inputs, targets, batch=batch)


def test_batch_is_drawn_by_its_seed_alone(rng):
    def loss(**options):
        model = HNN(MLP(2, 8, 1, seed=0))
        return fit(model, *samples(), steps=20, batch=10, **options)

    before = torch.random.get_rng_state()
    assert torch.equal(loss(seed=1), loss(seed=1))
    assert not torch.equal(loss(seed=1), loss(seed=2))
    assert torch.equal(before, torch.random.get_rng_state())


def test_every_step_draws_a_batch_of_its_own():
    seen = []

    class Watched(HNN):
        def forward(self, z):
            seen.append(tuple(z[:, 0].tolist()))
            return super().forward(z)

    fit(Watched(MLP(2, 8, 1, seed=0)), *samples(), steps=20, batch=10)
    assert len(set(seen)) == 20 and {len(rows) for rows in seen} == {10}


def test_batches_learn_as_the_whole_does():
    z, dz_dt = samples(sigma=0.0)
    model = HNN(MLP(2, 16, 16, 1, seed=0))
    fit(model, z, dz_dt, steps=400, batch=30)
    assert mse(model(z), dz_dt) < (dz_dt**2).mean() / 100


def test_batch_serves_every_member_of_an_ensemble():
    model = ensemble([0, 1])
    loss = fit(model, *stacked(1.0, 2.0), steps=50, batch=20)
    assert loss.shape == (50, 2)
    assert (loss[-5:].mean(dim=0) < loss[:5].mean(dim=0)).all()


@pytest.mark.parametrize("batch", [0, -3, 2.5])
def test_batch_of_less_than_one_sample_is_refused(batch):
    with pytest.raises(ValueError, match=f"batch is {batch}; expected a positive"):
        fit(HNN(MLP(2, 8, 1, seed=0)), *samples(), batch=batch)


@pytest.mark.parametrize("steps", [0, -3])
def test_less_than_one_step_is_refused(steps):
    with pytest.raises(ValueError, match=f"steps is {steps}; expected a positive"):
        fit(HNN(MLP(2, 8, 1, seed=0)), *samples(), steps=steps)


def test_model_whose_output_has_not_the_shape_of_the_targets_is_refused():
    with pytest.raises(ValueError, match=r"has shape \(150, 1\); expected \(150, 2\)"):
        fit(DerivativePredictor(MLP(2, 8, 1, seed=0)), *samples(), steps=1)


def with_a_hole(x):
    x = x.clone()
    x[7, 1] = torch.nan
    return x


HNN_ = HNN(MLP(2, 8, 1, seed=0))


@pytest.mark.parametrize("batch", [None, 20])
@pytest.mark.parametrize(
    "spoil, message",
    [
        (
            lambda z, dz: (with_a_hole(z), dz),
            r"inputs at \[7\] is \[.*, nan\]",
        ),
        (
            lambda z, dz: (z, with_a_hole(dz)),
            r"targets at \[7\] is .*finite",
        ),
        (lambda z, dz: (z[:0], dz[:0]), r"inputs have shape \(0, 2\); expected"),
        (lambda z, dz: (z[0], dz[0]), r"inputs have shape \(2,\); expected"),
        (lambda z, dz: (z.numpy(), dz), "inputs is ndarray float64; expected a float"),
        (lambda z, dz: (z, dz.tolist()), "targets is list; expected a float tensor"),
        (lambda z, dz: (z.float(), dz), "x is torch.float32; expected torch.float64"),
    ],
)
def test_data_that_are_no_data_are_refused_before_the_first_step(spoil, message, batch):
    before = [w.clone() for w in HNN_.parameters()]
    with pytest.raises(ValueError, match=message):
        fit(HNN_, *spoil(*samples()), steps=5, batch=batch)
    after = list(HNN_.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_what_cannot_learn_is_refused():
    frozen = HNN(MLP(2, 8, 1, seed=0)).requires_grad_(False)
    with pytest.raises(ValueError, match="model has nothing to train"):
        fit(frozen, *samples())
    with torch.no_grad(), pytest.raises(ValueError, match="outside torch.no_grad"):
        fit(HNN(MLP(2, 8, 1, seed=0)), *samples())


def test_a_frozen_layer_stays_and_the_others_learn():
    net = MLP(2, 8, 1, seed=0)
    net[0].requires_grad_(False)
    before = net[0].weight.clone(), net[2].weight.clone()
    fit(HNN(net), *samples(), steps=3)
    assert torch.equal(net[0].weight, before[0])
    assert not torch.equal(net[2].weight, before[1])


def test_a_student_learns_from_a_teacher_without_touching_its_graph():
    z, _ = samples()
    teacher = HNN(MLP(2, 8, 1, seed=1))
    student = DerivativePredictor(MLP(2, 8, 2, seed=0))
    targets = teacher(z.clone().requires_grad_())
    loss = fit(student, z, targets, steps=30)
    assert loss[-1] < loss[0] and targets.requires_grad
    assert all(w.grad is None for w in teacher.parameters())


def test_an_ensemble_asks_for_data_of_each_member():
    z, dz_dt = (x[:3] for x in samples())
    with pytest.raises(ValueError, match=r"inputs have shape \(3, 2\); .*members"):
        fit(ensemble([0, 1, 2]), z, dz_dt)


def test_inputs_with_a_history_are_learned_from_without_touching_it():
    z, dz_dt = samples()
    source = z.clone().requires_grad_()
    fit(DerivativePredictor(MLP(2, 8, 2, seed=0)), source.sin(), dz_dt, steps=3)
    assert source.grad is None
