"""Bodies that attract: closed forms, laws of conservation, the paper's starts."""

import math

import pytest
import torch
from notebook_cells import defined

from hnnlib.bodies import NBody, ring, separations, three_body_starts
from hnnlib.integrators import leapfrog, rollout
from hnnlib.mechanics import hamiltonian_vector_field, split

two_body_starts = defined("09", "recipe")["two_body_starts"]
UNEQUAL = NBody((1.0, 0.2, 3.0, 0.7), G=2.0)
SAMPLERS = pytest.mark.parametrize(
    "sample, n", [(two_body_starts, 2), (three_body_starts, 3)]
)


def draw(rng, *shape):
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def turn(x, angle):
    """Rotate each of the vectors in q or in p (..., 2N)."""
    c, s = math.cos(angle), math.sin(angle)
    matrix = torch.tensor([[c, s], [-s, c]], dtype=x.dtype)
    return (x.unflatten(-1, (-1, 2)) @ matrix).flatten(-2)


@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_field_is_the_symplectic_gradient_of_the_energy(shape, rng):
    z = draw(rng, *shape, 16)
    expected = hamiltonian_vector_field(UNEQUAL.energy, z)
    torch.testing.assert_close(UNEQUAL.field(z), expected)


def test_energy_of_two_bodies_is_kinetic_plus_newtonian():
    z = torch.tensor([0.0, 0, 3, 4, 1, 0, 0, 2])
    kinetic, potential = 1 / (2 * 2) + 4 / (2 * 5), -10 * 2 * 5 / 5
    assert NBody((2, 5), G=10).energy(z).item() == pytest.approx(kinetic + potential)


def test_two_bodies_on_a_circle_obey_keplers_third_law():
    r = torch.tensor([0.7, 1.0, 2.1], dtype=torch.float64)
    z0 = ring(torch.stack([r, 0 * r], dim=-1), 2)
    period = 2 * math.pi * ((2 * r) ** 3 / 2).sqrt()  # T² = 4π²a³/G(m₁ + m₂)
    for start, time in zip(z0, period, strict=True):
        t = time * torch.tensor([0, 0.5, 1], dtype=torch.float64)
        z = rollout(NBody((1, 1)).field, start, t, 1e-11, 1e-11)
        torch.testing.assert_close(z[1], -start, rtol=0, atol=1e-7)
        torch.testing.assert_close(z[2], start, rtol=0, atol=1e-7)


@pytest.mark.parametrize("n", [2, 3])
def test_bodies_on_a_ring_go_round_counterclockwise(n):
    z0 = ring(torch.tensor([0.6, 0.8], dtype=torch.float64), n)
    assert (NBody((1,) * n).angular_momentum(z0) > 0.1).all()
    q, p = (x.unflatten(-1, (n, 2)) for x in split(z0))
    assert (q[0] @ torch.tensor([[0, 1], [-1, 0]]).double() @ p[0]).item() > 0.1
    following = turn(q[0], 2 * math.pi / n)  # stands the second, and so on
    torch.testing.assert_close(q[1], following, rtol=0, atol=1e-14)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_bodies_on_a_ring_keep_their_distance_from_the_centre(n):
    z0 = ring(torch.tensor([0.6, 0.8], dtype=torch.float64), n)
    t = torch.linspace(0, 3, 5, dtype=torch.float64)
    q, _ = split(rollout(NBody((1,) * n).field, z0, t, 1e-12, 1e-12))
    r = q.unflatten(-1, (n, 2)).norm(dim=-1)
    torch.testing.assert_close(r, torch.ones_like(r), rtol=0, atol=1e-7)


def test_momentum_and_angular_momentum_are_conserved(rng):
    start = three_body_starts(4, rng) + 0.1 * draw(rng, 12)  # boosted: P is not 0
    system, t = NBody((1, 1, 1)), torch.linspace(0, 3, 301, dtype=torch.float64)
    assert system.momentum(start).abs().min() > 1e-3
    for z in (
        rollout(system.field, start, t, 1e-12, 1e-12),
        leapfrog(system.velocity, system.force, start, t),
    ):
        p, spin = system.momentum(z), system.angular_momentum(z)
        assert p.shape == (4, 301, 2) and spin.shape == (4, 301)
        assert (p - p[:, :1]).abs().max() < 1e-12
        assert (spin - spin[:, :1]).abs().max() < 1e-9


def test_momenta_are_sums_over_bodies():
    z = torch.tensor([1.0, 0, 0, 2, 3, 4, 5, 6])
    assert NBody((1, 2)).momentum(z).tolist() == [8, 10]
    assert NBody((1, 2)).angular_momentum(z).item() == 1 * 4 - 2 * 5


def test_energy_is_the_same_for_moved_and_turned_bodies(rng):
    q, p = split(draw(rng, 5, 16))
    moved = turn(q + torch.tensor([3.0, -1.0]).repeat(4), 0.7)
    expected = UNEQUAL.energy(torch.cat([q, p], dim=-1))
    h = UNEQUAL.energy(torch.cat([moved, turn(p, 0.7)], dim=-1))
    torch.testing.assert_close(h, expected)


@SAMPLERS
def test_starts_are_almost_circular_as_in_the_paper(sample, n, rng):
    z = sample(2000, rng)
    assert z.shape == (2000, 4 * n) and z.dtype == torch.float64
    q, p = (x.unflatten(-1, (n, 2)) for x in split(z))
    r = q.norm(dim=-1)
    low, high = {2: (0.5 * 2**0.5, 1.5 * 2**0.5), 3: (0.9, 1.2)}[n]
    assert low <= r.min() < low + 0.05 and high - 0.05 < r.max() <= high
    assert (r.amax(dim=-1) - r.amin(dim=-1)).max() < 1e-12
    assert q.mean(dim=-2).abs().max() < 1e-12
    speed = p.norm(dim=-1) * r.sqrt() / {2: 0.25, 3: 3**-0.5}[n] ** 0.5
    assert speed.mean().item() == pytest.approx(1, abs=0.01)
    assert speed.std().item() == pytest.approx({2: 0.05, 3: 0.2 / 6**0.5}[n], rel=0.3)
    if n == 2:
        assert ((q[:, 0] > 0.5) & (q[:, 0] < 1.5)).all()  # first quadrant
        torch.testing.assert_close(p[:, 1], -p[:, 0])  # one factor for both


@SAMPLERS
def test_same_seed_draws_the_same_starts_and_another_seed_others(sample, n):
    a, b, c = (sample(9, torch.Generator().manual_seed(i)) for i in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.isclose(a, c).all(dim=-1).any()


@SAMPLERS
@pytest.mark.parametrize("count", [0, -1])
def test_at_least_one_start_must_be_drawn(sample, n, count, rng):
    with pytest.raises(ValueError, match=f"n is {count}; expected a positive whole"):
        sample(count, rng)


def test_separations_are_those_of_all_pairs():
    q = torch.tensor([[0.0, 0], [3, 4], [0, 1]])
    apart, r = separations(q)
    assert apart.tolist() == [[3, 4], [0, 1], [-3, -3]]
    torch.testing.assert_close(r, torch.tensor([5, 1, 18**0.5]))


@pytest.mark.parametrize("apart", [0, 1e-14])
@pytest.mark.parametrize("ask", ["energy", "field"])
def test_bodies_that_coincide_are_named(ask, apart, rng):
    z = draw(rng, 3, 12)
    z[1, 4:6] = z[1, :2] = torch.tensor([1.0, 2.0])
    z[1, 4] += apart
    message = r"bodies 0 and 2 coincide at \[1.0, 2.0\], index \[1\]"
    with pytest.raises(ValueError, match=message):
        getattr(NBody((1, 1, 1)), ask)(z)


@pytest.mark.parametrize("m", [0.0, -1.0, math.nan, math.inf])
def test_masses_and_constant_must_be_positive(m):
    with pytest.raises(ValueError, match=rf"masses\[1\] is {m}; expected a positive"):
        NBody((1.0, m))
    with pytest.raises(ValueError, match=f"G is {m}; expected a positive"):
        NBody((1.0, 1.0), G=m)


def test_one_body_is_too_few():
    with pytest.raises(ValueError, match=r"masses are \(1.0,\); expected two or more"):
        NBody((1.0,))


@pytest.mark.parametrize("ask", ["energy", "field", "momentum", "angular_momentum"])
def test_states_of_another_number_of_bodies_are_refused(ask):
    message = r"q or p of 3 bodies has shape \(5, 4\); expected \(5, 6\)"
    with pytest.raises(ValueError, match=message):
        getattr(NBody((1, 1, 1)), ask)(torch.ones(5, 8))


@pytest.mark.parametrize("scale", [1e-15, 1.0, 1e15])
def test_bodies_coincide_when_no_digit_of_their_distance_is_left(scale):
    near = torch.tensor([[1.0, 2], [1 + 1e-9, 2]], dtype=torch.float64) * scale
    assert separations(near)[1].item() == pytest.approx(1e-9 * scale, rel=1e-6)
    for coincide in (near[:1].expand(2, 2), 0 * near):
        with pytest.raises(ValueError, match="bodies 0 and 1 coincide"):
            separations(coincide)
