"""Frames tell their angle, and the parts of the pixel loss are what they claim."""

import math

import pytest
import torch
from pixel_results import (  # as notebook 10 has them
    FRAME_TIME,
    VAE,
    WRITTEN,
    LatentHNN,
    film_losses,
    film_pendulums,
    fit_films,
    frame_pairs,
    read_angle,
)
from torch import nn
from torch.distributions import Normal, kl_divergence

from hnnlib.mechanics import hamiltonian_vector_field
from hnnlib.models import MLP
from hnnlib.systems import Pendulum

render = WRITTEN["render"]


@pytest.fixture(scope="module")
def films():
    z0 = Pendulum().sample_by_energy(6, 0.1, 1.2, torch.Generator().manual_seed(0))
    return film_pendulums(z0, 20)[1]


def test_a_picture_can_be_differentiated_by_the_angle():
    angle = torch.full((300,), 0.4, requires_grad=True)
    render(angle)[:, 23, 14].sum().backward()
    up, down = (render(torch.tensor(0.4 + h))[23, 14] for h in (0.01, -0.01))
    torch.testing.assert_close(
        angle.grad, ((up - down) / 0.02).expand(300), rtol=0.05, atol=0.05
    )


def test_reader_recovers_the_angle_of_rendered_frames():
    angle = torch.linspace(-math.pi, math.pi, 3001, dtype=torch.float64)
    got, error = read_angle(render(angle))
    turn = torch.remainder(got - angle + math.pi, 2 * math.pi) - math.pi
    assert turn.abs().max() < 2e-3
    assert error.max() < 1e-5


def test_reader_says_how_far_a_picture_is_from_any_pendulum():
    two = (render(torch.tensor([0.0])) + render(torch.tensor([2.0]))).clamp(max=1)
    faint = render(torch.tensor([1.0])) / 2
    assert (read_angle(torch.cat([two, faint]))[1] > 5e-3).all()


def test_frames_are_grey_soft_and_upright():
    hanging, right, mirrored = render(torch.tensor([0.0, math.pi / 2, -math.pi / 2]))
    assert hanging.dtype == torch.float32
    assert hanging.min() == 0 and hanging.max() == 1
    assert hanging[:14].sum() < hanging[14:].sum() / 5  # the bob is below
    assert right[:, 14:].sum() > 5 * right[:, :14].sum()  # positive: to the right
    torch.testing.assert_close(right.flip(-1), mirrored)
    torch.testing.assert_close(hanging, hanging.flip(-1))


def test_a_pendulum_is_a_thin_rod_with_a_bob_at_its_end():
    hanging = render(torch.tensor(0.0))
    across = hanging.sum(dim=-1)  # of each row; edges add nothing to a width
    assert across[15:19].tolist() == pytest.approx([1.4] * 4, abs=0.01)
    assert across[22:24].tolist() == pytest.approx([4.9] * 2, abs=0.1)


def test_the_smallest_turn_changes_the_picture_in_proportion():
    still, little, twice = render(torch.tensor([0.5, 0.501, 0.502]).double())
    change = (little - still).norm().item()
    assert change > 1e-3
    assert (twice - still).norm().item() == pytest.approx(2 * change, rel=0.05)


def test_film_shows_the_exact_motion_of_a_pendulum(rng):
    z0 = Pendulum().sample_by_energy(3, 0.5, 1.5, rng)
    z, frames = film_pendulums(z0, 33)
    assert frames.shape == (3, 33, 28, 28) and z.shape == (3, 33, 2)
    h = Pendulum().energy(z)
    torch.testing.assert_close(h, h[:, :1].expand_as(h), rtol=1e-6, atol=0)
    assert (read_angle(frames)[0] - z[..., 0]).abs().max() < 2e-3


def test_a_pair_is_a_frame_behind_the_one_before_it(films):
    both = frame_pairs(films)
    assert both.shape == (6, 19, 2, 28, 28)
    assert torch.equal(both[:, :, 1], films[:, 1:])
    assert torch.equal(both[:, :, 0], films[:, :-1])


def oracle(vae, hnn, film, generator):
    """The parts of the loss, written down anew, one film and one time after another."""
    both = torch.stack([film[:, :-1], film[:, 1:]], dim=2)
    mean, log_variance = vae.encoder(both.flatten(2)).split(2, dim=-1)
    posterior = Normal(mean, (log_variance / 2).exp())
    z = mean + posterior.stddev * torch.randn(mean.shape, generator=generator)
    dt, ahead = 2 * math.pi / 32, [z[:, 0]]
    for _ in range(z.shape[1] - 1):
        q, p = ahead[-1].split(1, dim=-1)
        p = p - dt / 2 * slope(hnn, q)
        q = q + dt * p
        p = p - dt / 2 * slope(hnn, q)
        ahead.append(torch.cat([q, p], dim=-1))
    ahead = torch.stack(ahead, dim=1)
    times = range(int(torch.randint(2, (), generator=generator)), z.shape[1], 2)
    frames = [((vae.decode(z[:, i]) - film[:, i + 1]) ** 2).mean() for i in times]
    future = [((vae.decode(ahead[:, i]) - film[:, i + 1]) ** 2).mean() for i in times]
    size = mean.reshape(-1, 2).var(dim=0)
    rate = (mean[:, 2:, 0] - mean[:, :-2, 0]) / (2 * dt)
    return {
        "frames": sum(frames) / len(frames),
        "future": sum(future) / len(future),
        "latent": ((ahead - mean) ** 2).mean(dim=(0, 1)).div(size).mean(),
        "canonical": ((rate - mean[:, 1:-1, 1]) ** 2).mean() / size[1],
        "KL": kl_divergence(posterior, Normal(0.0, 1.0)).sum(dim=-1).mean(),
    }


def slope(hnn, q):
    """dV/dq by torch, with a graph."""
    if not q.requires_grad:
        q = q.clone().requires_grad_()
    return torch.autograd.grad(hnn.potential(q).sum(), q, create_graph=True)[0]


def networks(seed=3):
    """Those of the notebook, but narrow."""
    vae = VAE(seed)
    vae.encoder = MLP(1568, 16, 16, 16, 4, seed=seed).float()
    vae.decoder = MLP(12, 16, 16, 16, 784, seed=seed + 1).float()
    return vae, LatentHNN(seed)


def gradients(losses, part, films, seed):
    vae, hnn = networks()
    loss = losses(vae, hnn, films, torch.Generator().manual_seed(seed))[part]
    weights = [*vae.parameters(), *hnn.parameters()]
    found = torch.autograd.grad(loss, weights, allow_unused=True)
    found = [0 * w if g is None else g for w, g in zip(weights, found, strict=True)]
    return loss.item(), torch.cat([g.detach().flatten() for g in found])


@pytest.mark.parametrize("seed", [0, 1])  # of the draw: even and odd frames
@pytest.mark.parametrize("part", ["frames", "future", "latent", "canonical", "KL"])
def test_each_part_of_the_loss_and_its_gradient_follow_the_formula(part, seed, films):
    got, slopes = gradients(film_losses, part, films[:, :9], seed)
    expected, expected_slopes = gradients(oracle, part, films[:, :9], seed)
    assert got == pytest.approx(expected, rel=1e-4)
    near = 1e-4 * expected_slopes.abs().max().item()
    torch.testing.assert_close(slopes, expected_slopes, rtol=0, atol=near)


def test_both_draws_of_the_oracle_were_seen():
    first = {int(torch.randint(2, (), generator=after_noise(seed))) for seed in (0, 1)}
    assert first == {0, 1}


def after_noise(seed):
    generator = torch.Generator().manual_seed(seed)
    torch.randn(6, 8, 2, generator=generator)
    return generator


def trained_by_hand(films, steps, beta, seed):
    """The recipe of notebook 10, without torch's scheduler and clipping."""
    vae, hnn = networks()
    weights = [*vae.parameters(), *hnn.parameters()]
    adam, generator = torch.optim.Adam(weights), torch.Generator().manual_seed(seed)
    for i in range(steps):
        adam.param_groups[0]["lr"] = 1e-3 * (1 + math.cos(math.pi * i / steps)) / 2
        which = torch.randint(len(films), (24,), generator=generator)
        start = torch.randint(films.shape[1] - 17, (24,), generator=generator)
        clip = [films[k, s : s + 18] for k, s in zip(which, start, strict=True)]
        part = oracle(vae, hnn, torch.stack(clip), generator)
        late = part["future"] + 0.01 * part["latent"] + 0.01 * part["canonical"]
        pull = 1e-5 + beta * (1 - i / 3000)
        adam.zero_grad()
        (part["frames"] + i / 500 * late + pull * part["KL"]).backward()
        slopes = [w.grad for w in weights if w.grad is not None]
        norm = sum((x**2).sum() for x in slopes).sqrt()
        for x in slopes:
            x /= max(1.0, norm.item())
        adam.step()
    return torch.cat([w.detach().flatten() for w in weights])


def test_films_are_fitted_by_the_recipe(films):
    films = torch.cat([films, 1 - films])  # so bright that gradients are clipped
    vae, hnn = networks()
    fit_films(vae, hnn, film_losses, films, steps=12, beta=0.5, seed=5)
    got = torch.cat([w.detach().flatten() for n in (vae, hnn) for w in n.parameters()])
    expected = trained_by_hand(films, 12, 0.5, 5)
    assert (got - expected).abs().max() < 2e-6  # the weights move by 6e-3


def test_parts_of_the_loss_come_and_go_as_the_text_says(films, monkeypatch):
    steps, seen = (0, 250, 500, 1000, 2999, 3000, 3500), []

    def losses(vae, hnn, clip, generator):
        parts = torch.arange(5.0).requires_grad_()
        seen.append(parts)
        names = ("frames", "future", "latent", "canonical", "KL")
        return dict(zip(names, parts, strict=True))

    monkeypatch.setitem(WRITTEN, "trange", lambda *_, **__: steps)  # not all of them
    history = fit_films(*networks(), losses, films, 4000, beta=0.5)
    for name, value in zip(history, range(5), strict=True):
        assert (history[name][list(steps)] == value).all()  # unweighted
    for i, parts in zip(steps, seen, strict=True):
        late, pull = min(1, i / 500), 1e-5 + 0.5 * max(0, 1 - i / 3000)
        expected = torch.tensor([1, late, 0.01 * late, 0.01 * late, pull])
        torch.testing.assert_close(parts.grad, expected, rtol=1e-5, atol=0)


def test_the_seed_of_an_autoencoder_is_that_of_both_its_halves():
    vae, wave = VAE(seed=4), torch.linspace(-1, 1, 12)
    known = MLP(1568, 128, 128, 128, 4, seed=4).float()
    assert torch.equal(vae.encoder[0].weight, known[0].weight)
    expected = MLP(12, 128, 128, 128, 784, seed=5).float()
    assert torch.equal(vae.decoder(wave), expected(wave))


def test_the_seed_of_a_latent_hnn_is_that_of_its_potential(rng):
    known = MLP(1, 64, 64, 1, seed=4, activation=nn.Tanh).float()
    q = torch.randn(5, 1, generator=rng)
    assert torch.equal(LatentHNN(seed=4).potential(q), known(q).squeeze(-1))


def test_the_decoder_sees_six_waves_of_half_the_angle():
    vae = VAE(seed=0)
    angle = torch.tensor([0.5, 1.0, 1.5, 2.0, 2.5, 3.0]) * 0.3
    expected = vae.decoder(torch.cat([angle.sin(), angle.cos()]))
    got = vae.decode(torch.tensor([0.3, 9.0])).flatten()
    torch.testing.assert_close(got, expected)
    turned = vae.decode(torch.tensor([0.3 + 4 * math.pi, 0.0]))
    torch.testing.assert_close(turned.flatten(), expected, rtol=0, atol=1e-5)


def test_a_frame_is_a_thirty_second_of_the_period_of_a_small_swing():
    z0 = torch.tensor([[1e-3, 0.0]], dtype=torch.float64)
    z, _ = film_pendulums(z0, 33)
    torch.testing.assert_close(z[:, -1], z0, rtol=1e-5, atol=1e-8)
    assert (z[0, 16, 0] + 1e-3).abs() < 1e-8


def test_latent_hnn_moves_by_its_energy_and_keeps_it(rng):
    hnn = LatentHNN(seed=1)
    z0 = torch.randn(4, 2, generator=rng)
    field = hamiltonian_vector_field(hnn.energy, z0)
    torch.testing.assert_close(field[:, 0], z0[:, 1])  # dq/dt = p
    near = (hnn.rollout(z0, 1)[:, 1] - z0) / FRAME_TIME  # an Euler step, and a little
    torch.testing.assert_close(near, field, rtol=0.2, atol=0.1)
    with torch.no_grad():
        z = hnn.rollout(z0, 200)
    drift = hnn.energy(z) - hnn.energy(z0)[:, None]
    assert z.dtype == torch.float32 and z.shape == (4, 201, 2)
    assert drift.abs().max() < 0.02


def test_decoder_sees_positions_alone_and_encoder_both_frames(rng, films):
    vae = VAE(seed=0)
    z = torch.randn(5, 2, generator=rng)
    other = torch.cat([z[:, :1], z[:, 1:] + 1], dim=-1)
    assert torch.equal(vae.decode(z), vae.decode(other))
    mean, log_variance = vae.encode(frame_pairs(films))
    assert mean.shape == log_variance.shape == (6, 19, 2)
    swapped, _ = vae.encode(frame_pairs(films).flip(-3))
    assert (swapped - mean).abs().min() > 0


def test_networks_of_a_seed_are_the_same_and_leave_the_global_generator_alone():
    before = torch.random.get_rng_state()
    a, b, c = (VAE(seed).encoder[0].weight for seed in (0, 0, 1))
    assert torch.equal(a, b) and not torch.equal(a, c)
    assert torch.equal(before, torch.random.get_rng_state())


def test_training_lowers_the_loss_and_is_reproducible(films):
    def train():
        vae, hnn = VAE(seed=0), LatentHNN(seed=0)
        history = fit_films(vae, hnn, film_losses, films, steps=40, beta=1e-4)
        return history, vae.decode(torch.zeros(1, 2))

    (history, picture), (_, again) = train(), train()
    assert set(history) == {"frames", "future", "latent", "canonical", "KL"}
    assert history["frames"].shape == (40,)
    assert history["frames"][-5:].mean() < history["frames"][:5].mean() / 1.3
    assert torch.equal(picture, again)


def test_losses_are_those_of_perfect_and_of_blind_networks(films, rng):
    class Perfect(VAE):  # reads the angle, and the velocity by differences
        def encode(self, pair):
            q, _ = read_angle(pair)  # (..., 2): before, now
            z = torch.stack([q[..., 1], (q[..., 1] - q[..., 0]) / FRAME_TIME], dim=-1)
            return z, torch.full_like(z, -30.0)

        def decode(self, z):
            return render(z[..., 0])

    good = film_losses(Perfect(0), LatentHNN(0), films, rng)
    blind = film_losses(VAE(0), LatentHNN(0), films, rng)
    assert good["frames"] < 1e-5 < blind["frames"]
    assert all(part.isfinite() and part >= 0 for part in blind.values())

    class Exact(LatentHNN):  # the pendulum itself
        def potential(self, q):
            return 1 - q.cos().squeeze(-1)

    known = film_losses(Perfect(0), Exact(0), films, rng)
    for part in ("future", "latent", "canonical"):  # differences are half a frame late
        assert known[part] < 0.02 < blind[part], part


def test_latent_losses_do_not_gain_by_shrinking_the_code(films, rng):
    class Scaled(VAE):
        def encode(self, pair):
            mean, log_variance = super().encode(pair)
            return self.scale * mean, log_variance

    vae, losses = Scaled(0), {}
    for vae.scale in (1.0, 0.01):
        losses[vae.scale] = film_losses(vae, LatentHNN(0), films, rng)["canonical"]
    torch.testing.assert_close(losses[1.0], losses[0.01])


def test_pixels_do_not_depend_on_the_default_dtype(films):
    def losses(vae, hnn, clip, generator):  # five times the same
        blur = vae.decode(vae.encode(frame_pairs(clip))[0]) - clip[:, 1:]
        names = ("frames", "future", "latent", "canonical", "KL")
        return dict.fromkeys(names, (blur**2).mean())

    def run():
        history = fit_films(*networks(), losses, films, steps=2, beta=1e-4)
        z, film = film_pendulums(torch.tensor([[0.5, 0.3]]).double(), 3)
        return history["future"].float(), z, film, read_angle(films[:2])[0]

    usual = run()
    torch.set_default_dtype(torch.float64)
    try:
        other = run()
    finally:
        torch.set_default_dtype(torch.float32)
    for a, b in zip(usual, other, strict=True):
        assert a.dtype == b.dtype
        torch.testing.assert_close(a, b)


def test_films_shorter_than_a_clip_are_refused_before_any_work(films, capsys):
    with pytest.raises(ValueError, match="films have 17 frames; expected 18"):
        fit_films(*networks(), film_losses, films[:, :17], 1, 1e-4, label="a bar")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "shape", [(1, 28, 28), (28, 28), (5, 28, 27), (2, 5, 27, 28), ()]
)
def test_film_of_the_wrong_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"film has shape .*expected"):
        frame_pairs(torch.zeros(shape))


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, 255.0])
def test_film_outside_zero_and_one_is_refused(value):
    frames = torch.zeros(3, 28, 28)
    frames[1, 2, 3] = value
    with pytest.raises(ValueError, match=r"film has values .*expected \[0, 1\]"):
        frame_pairs(frames)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_angle_that_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match=rf"angle at \[1\] is \[{bad}\]; expected"):
        render(torch.tensor([0.0, bad]))


def test_a_size_of_frames_that_cannot_be_read_is_refused():
    with pytest.raises(ValueError, match=r"frames has shape \(2, 27, 28\); expected"):
        read_angle(torch.zeros(2, 27, 28))


def test_less_than_one_step_of_training_is_refused(films):
    with pytest.raises(ValueError, match="steps is 0"):
        fit_films(*networks(), film_losses, films, steps=0, beta=1e-4)
