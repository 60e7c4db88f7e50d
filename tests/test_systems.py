"""The spring's closed forms, and starts drawn as promised."""

import math

import pytest
import torch
from scipy.stats import kstest, uniform

from hnnlib.integrators import rollout
from hnnlib.mechanics import hamiltonian_vector_field
from hnnlib.metrics import period
from hnnlib.systems import MassSpring, Pendulum, sample_by_radius

SPRINGS = pytest.mark.parametrize("m, k", [(1.0, 1.0), (0.25, 3.0), (7.0, 0.5)])
N = 4000


def by_energy(low, high, generator, n=N):
    return MassSpring(m=0.25, k=3.0).sample_by_energy(n, low, high, generator)


def by_radius(low, high, generator, n=N):
    return sample_by_radius(n, low, high, generator)


BOTH = pytest.mark.parametrize("sample", [by_energy, by_radius])


def circle(sample, z):
    """The drawn quantity, and the phase, of states in units where orbits are round."""
    if sample is by_radius:
        return z.norm(dim=-1), torch.atan2(z[:, 1], z[:, 0])
    scaled = z * torch.tensor([math.sqrt(3.0 / 2), math.sqrt(1 / 0.5)])
    return (scaled**2).sum(dim=-1), torch.atan2(scaled[:, 1], scaled[:, 0])


@SPRINGS
def test_field_of_the_spring_is_the_symplectic_gradient_of_its_energy(m, k, rng):
    z = torch.randn(9, 2, generator=rng, dtype=torch.float64, requires_grad=True)
    spring = MassSpring(m, k)
    (dh_dz,) = torch.autograd.grad(spring.energy(z).sum(), z)
    expected = torch.stack([dh_dz[:, 1], -dh_dz[:, 0]], dim=-1)
    torch.testing.assert_close(spring.field(z), expected)


@pytest.mark.parametrize("system", [MassSpring(0.5, 2.0), Pendulum()])
def test_energy_of_two_coordinates_is_the_sum_of_both(system, rng):
    z = torch.randn(5, 4, generator=rng, dtype=torch.float64)
    both = system.energy(z[:, ::2]) + system.energy(z[:, 1::2])
    torch.testing.assert_close(system.energy(z), both)


def test_energy_of_the_spring_is_kinetic_plus_potential():
    z = torch.tensor([[3.0, 0.0], [0.0, 4.0], [3.0, 4.0]])
    assert MassSpring(m=2.0, k=10.0).energy(z).tolist() == [45, 4, 49]


@SPRINGS
def test_solution_obeys_the_equations_of_motion(m, k, rng):
    spring, z0 = MassSpring(m, k), torch.randn(5, 2, generator=rng).double()
    h = 1e-4
    t = torch.linspace(0, 3, 7, dtype=torch.float64)
    rate = (spring.solution(z0, t + h) - spring.solution(z0, t - h)) / (2 * h)
    torch.testing.assert_close(
        rate, spring.field(spring.solution(z0, t)), rtol=1e-5, atol=1e-5
    )
    with pytest.raises(ValueError, match=r"z0 has shape \(4,\); expected \(2,\)"):
        spring.solution(torch.ones(4).double(), t[:2])  # two springs at two times


@SPRINGS
def test_solution_conserves_energy_and_has_the_period(m, k, rng):
    spring = MassSpring(m, k)
    z0 = torch.randn(2, 3, 2, generator=rng, dtype=torch.float64)
    t = spring.period * torch.linspace(0, 2, 9, dtype=torch.float64)
    z = spring.solution(z0, t)
    assert z.shape == (2, 3, 9, 2)
    assert torch.equal(z[..., 0, :], z0)
    h = spring.energy(z)
    torch.testing.assert_close(h, h[..., :1].expand_as(h))
    torch.testing.assert_close(z[..., 2, :], -z0)  # half a period
    torch.testing.assert_close(z[..., 4, :], z0)
    assert spring.period == pytest.approx(2 * math.pi * (m / k) ** 0.5)


@BOTH
def test_starts_fill_their_range_and_all_phases_evenly(sample, rng):
    z = sample(0.2, 1.0, rng)
    assert z.shape == (N, 2)
    assert z.dtype == torch.float64
    value, angle = circle(sample, z)
    assert 0.2 <= value.min() < 0.21
    assert 0.99 < value.max() <= 1 + 1e-12
    assert kstest(value, uniform(0.2, 0.8).cdf).pvalue > 0.01
    assert kstest(angle, uniform(-math.pi, 2 * math.pi).cdf).pvalue > 0.01
    assert abs(torch.corrcoef(torch.stack([value, angle]))[0, 1]) < 0.05


@BOTH
def test_same_seed_draws_the_same_starts_and_another_seed_others(sample):
    a, b, c = (sample(0.2, 1.0, torch.Generator().manual_seed(i)) for i in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.isclose(a, c).all(dim=-1).any()


@BOTH
def test_drawing_starts_leaves_the_global_generator_alone(sample, rng):
    before = torch.random.get_rng_state()
    sample(0.2, 1.0, rng)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("name", ["m", "k"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_mass_and_stiffness_must_be_positive(name, value):
    message = f"^{name} is {value}; expected a positive number"
    with pytest.raises(ValueError, match=message):
        MassSpring(**{name: value})
    name = {"m": "l", "k": "g"}[name]
    with pytest.raises(ValueError, match=f"^{name} is {value}; expected a positive"):
        Pendulum(**{name: value})


@BOTH
@pytest.mark.parametrize(
    "low, high",
    [(1.0, 0.2), (0.5, 0.5), (-0.1, 1.0), (0.2, math.inf), (math.nan, 1.0)],
)
def test_range_of_starts_must_be_one(sample, low, high, rng):
    name = sample.__name__.removeprefix("by_")
    message = f"{name}_low, {name}_high are {low}, {high}; expected 0 <= low < high"
    with pytest.raises(ValueError, match=message):
        sample(low, high, rng)


@BOTH
@pytest.mark.parametrize("n", [0, -1])
def test_at_least_one_start_must_be_drawn(sample, n, rng):
    with pytest.raises(ValueError, match=f"n is {n}; expected a positive whole"):
        sample(0.2, 1.0, rng, n)


PENDULUMS = pytest.mark.parametrize(
    "m, length, g", [(1, 1, 1), (0.5, 1, 6), (2, 0.3, 9.8)]
)


@PENDULUMS
def test_field_of_the_pendulum_is_the_symplectic_gradient_of_its_energy(
    m, length, g, rng
):
    z = 3 * torch.randn(9, 2, generator=rng, dtype=torch.float64)
    pendulum = Pendulum(m, length, g)
    expected = hamiltonian_vector_field(pendulum.energy, z)
    torch.testing.assert_close(pendulum.field(z), expected)


def test_pendulum_of_the_paper_has_its_energy(rng):
    q, p = z = torch.randn(2, 7, generator=rng, dtype=torch.float64)
    paper = Pendulum(m=0.5, l=1.0, g=6.0)
    torch.testing.assert_close(paper.energy(z.T), p**2 + 3 * (1 - q.cos()))
    assert paper.energy(torch.tensor([math.pi, 0.0])).item() == pytest.approx(6)


@PENDULUMS
def test_period_of_the_pendulum_is_that_of_its_motion(m, length, g):
    pendulum = Pendulum(m, length, g)
    top = 2 * pendulum.m * pendulum.g * pendulum.l
    h = top * torch.tensor([0.01, 0.3, 0.9, 0.999]).double()
    q = 2 * torch.asin((h / top).sqrt())  # at rest
    z0 = torch.stack([q, torch.zeros_like(q)], dim=-1)
    torch.testing.assert_close(pendulum.energy(z0), h)
    quarter = pendulum.period(h) / 4  # after which it hangs straight down
    for start, time in zip(z0, quarter, strict=True):
        z = rollout(pendulum.field, start, time * torch.tensor([0, 1]), 1e-12, 1e-12)
        assert abs(z[-1, 0]) < 1e-9
    t = torch.linspace(0, 10 * quarter.max(), 2000, dtype=torch.float64)
    measured = period(t, rollout(pendulum.field, z0[:1], t, 1e-11, 1e-11))
    torch.testing.assert_close(measured, 4 * quarter[:1], rtol=1e-5, atol=0)


def test_small_swings_have_the_period_of_a_spring_and_the_shape_of_their_energies():
    h = torch.full((2, 3), 1e-9, dtype=torch.float64)
    period = Pendulum(m=3, l=2, g=8).period(h)
    torch.testing.assert_close(period, torch.full_like(h, math.pi))


@pytest.mark.parametrize("h", [0.0, -1.0, 2.0, 7.5, math.nan])
def test_only_a_swing_has_a_period(h):
    for call in (Pendulum().period, lambda h: Pendulum().state(h, torch.zeros(2))):
        with pytest.raises(ValueError, match=r"h is tensor.*; expected .* 2mgl = 2"):
            call(torch.tensor([0.5, h]))


def test_period_takes_a_number_and_a_tensor_with_a_graph():
    assert Pendulum().period(0.5).item() == pytest.approx(6.7430, abs=1e-4)
    h = torch.tensor([0.5], requires_grad=True)
    assert not Pendulum().period(h).requires_grad


@pytest.mark.parametrize("system", [MassSpring(2.0, 3.0), Pendulum(2.0, 0.5, 3.0)])
def test_a_state_has_its_energy_and_turns_clockwise_from_rest(system):
    h, angle = torch.tensor(0.7).double(), torch.linspace(-3, 3, 7).double()
    z = system.state(h, angle)
    torch.testing.assert_close(system.energy(z), h.expand(7))
    q, p = z[3]  # at angle 0
    assert q > 0 and p == 0
    assert (z[4:, 1] > 0).all() and (z[:3, 1] < 0).all()


def test_starts_of_the_pendulum_fill_their_energies_and_phases(rng):
    pendulum = Pendulum(m=2.0, l=0.5, g=3.0)  # separatrix at 6
    z = pendulum.sample_by_energy(N, 0.5, 5.5, rng)
    h = pendulum.energy(z)
    assert kstest(h, uniform(0.5, 5.0).cdf).pvalue > 0.01
    q, p = z.T
    angle = torch.atan2(p / torch.sqrt(2 * h * 0.5), (q / 2).sin() / (h / 6).sqrt())
    assert kstest(angle, uniform(-math.pi, 2 * math.pi).cdf).pvalue > 0.01


@pytest.mark.parametrize("high", [2.0, 3.0, math.nan])
def test_starts_of_the_pendulum_must_swing(high, rng):
    message = "h is .*; expected .* 2mgl = 2|expected 0 <= low < high"
    with pytest.raises(ValueError, match=message):
        Pendulum().sample_by_energy(3, 0.1, high, rng)
