"""Frames tell their angle, and the parts of the pixel loss are what they claim."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from hnnlib.pixels import (
    FRAME_TIME,
    VAE,
    LatentHNN,
    canonical,
    film,
    film_losses,
    fit_films,
    kl,
    pairs,
    read_angle,
    render,
)
from hnnlib.systems import Pendulum


@pytest.fixture(scope="module")
def films():
    z0 = Pendulum().sample_by_energy(6, 0.1, 1.2, torch.Generator().manual_seed(0))
    return film(z0, 20)[1]


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


def test_the_smallest_turn_changes_the_picture_in_proportion():
    still, little, twice = render(torch.tensor([0.5, 0.501, 0.502]).double())
    change = (little - still).norm().item()
    assert change > 1e-3
    assert (twice - still).norm().item() == pytest.approx(2 * change, rel=0.05)


def test_film_shows_the_exact_motion_of_a_pendulum(rng):
    z0 = Pendulum().sample_by_energy(3, 0.5, 1.5, rng)
    z, frames = film(z0, 33)
    assert frames.shape == (3, 33, 28, 28) and z.shape == (3, 33, 2)
    h = Pendulum().energy(z)
    torch.testing.assert_close(h, h[:, :1].expand_as(h), rtol=1e-6, atol=0)
    assert (read_angle(frames)[0] - z[..., 0]).abs().max() < 2e-3


def test_a_pair_is_a_frame_behind_the_one_before_it(films):
    both = pairs(films)
    assert both.shape == (6, 19, 2, 28, 28)
    assert torch.equal(both[:, :, 1], films[:, 1:])
    assert torch.equal(both[:, :, 0], films[:, :-1])


def test_kl_equals_that_of_torch_distributions(rng):
    mean, log_variance = torch.randn(2, 7, 4, generator=rng)
    q = Normal(mean, (log_variance / 2).exp())
    expected = kl_divergence(q, Normal(0.0, 1.0)).sum(dim=-1)
    torch.testing.assert_close(kl(mean, log_variance), expected)


def test_elbo_is_the_evidence_where_the_encoder_is_the_exact_posterior():
    x, s = torch.tensor([[0.7], [-2.0]]).double(), 0.3  # x = z + s·noise, z ~ N(0, 1)
    mean, variance = x / (1 + s**2), torch.tensor(s**2 / (1 + s**2)).double()
    restored = ((x - mean) ** 2 + variance).sum(dim=-1)  # E (x − z)² over the encoder
    elbo = -restored / (2 * s**2) - math.log(s) - math.log(2 * math.pi) / 2
    elbo = elbo - kl(mean, variance.log().expand_as(mean))
    evidence = Normal(0.0, math.sqrt(1 + s**2)).log_prob(x).squeeze(-1)
    torch.testing.assert_close(elbo, evidence)


def test_canonical_loss_is_zero_on_a_canonical_pair_and_not_on_another(rng):
    z0 = Pendulum().sample_by_energy(5, 0.1, 1.5, rng).float()
    z = LatentHNN(seed=0).rollout(z0, 30).detach().double()
    assert canonical(z).max() < 1e-10
    assert canonical(z * torch.tensor([1.0, 2.0])).min() > 1e-4
    true, _ = film(z0.double(), 30)  # q̇ = p, up to the differences' own error
    assert canonical(true).max() < 1e-4


def test_latent_hnn_moves_by_its_energy_and_keeps_it(rng):
    hnn = LatentHNN(seed=1)
    z0 = torch.randn(4, 2, generator=rng)
    q, p = z0[:, :1], z0[:, 1:]
    torch.testing.assert_close(hnn(z0), torch.cat([p, hnn.force(q)], dim=-1))
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
    mean, log_variance = vae.encode(pairs(films))
    assert mean.shape == log_variance.shape == (6, 19, 2)
    swapped, _ = vae.encode(pairs(films).flip(-3))
    assert (swapped - mean).abs().min() > 0


def test_networks_of_a_seed_are_the_same_and_leave_the_global_generator_alone():
    before = torch.random.get_rng_state()
    a, b, c = (VAE(seed).encoder[0].weight for seed in (0, 0, 1))
    assert torch.equal(a, b) and not torch.equal(a, c)
    assert torch.equal(before, torch.random.get_rng_state())


def test_training_lowers_the_loss_and_is_reproducible(films):
    def train():
        vae, hnn = VAE(seed=0), LatentHNN(seed=0)
        history = fit_films(vae, hnn, films, steps=40, beta=1e-4)
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
        def force(self, q):
            return -q.sin()

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
    def run():
        vae, hnn = VAE(seed=0), LatentHNN(seed=0)
        history = fit_films(vae, hnn, films, steps=2, beta=1e-4)
        return history["future"].float(), read_angle(films[:2])[0]

    usual = run()
    torch.set_default_dtype(torch.float64)
    try:
        other = run()
    finally:
        torch.set_default_dtype(torch.float32)
    for a, b in zip(usual, other, strict=True):
        assert a.dtype == b.dtype
        torch.testing.assert_close(a, b)


def test_films_shorter_than_a_clip_are_refused(films):
    with pytest.raises(ValueError, match="films have 17 frames; expected 18"):
        fit_films(VAE(0), LatentHNN(0), films[:, :17], steps=1, beta=1e-4)


@pytest.mark.parametrize("latent", [0, 1, 3, -2])
def test_odd_latent_dimension_is_refused(latent):
    with pytest.raises(ValueError, match=f"latent is {latent}; expected 2, 4"):
        VAE(seed=0, latent=latent)


@pytest.mark.parametrize(
    "shape", [(1, 28, 28), (28, 28), (5, 28, 27), (2, 5, 27, 28), ()]
)
def test_film_of_the_wrong_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"film has shape .*expected"):
        pairs(torch.zeros(shape))


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, 255.0])
def test_film_outside_zero_and_one_is_refused(value):
    frames = torch.zeros(3, 28, 28)
    frames[1, 2, 3] = value
    with pytest.raises(ValueError, match=r"film has values .*expected \[0, 1\]"):
        pairs(frames)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_angle_that_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match=f"angle is {bad}; expected finite"):
        render(torch.tensor([0.0, bad]))


def test_a_size_of_frames_that_cannot_be_read_is_refused():
    with pytest.raises(ValueError, match="frames have shape"):
        read_angle(torch.zeros(2, 27, 28))


def test_less_than_one_step_of_training_is_refused(films):
    with pytest.raises(ValueError, match="steps is 0"):
        fit_films(VAE(0), LatentHNN(0), films, steps=0, beta=1e-4)
