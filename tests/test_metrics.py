"""Metrics against closed forms; none changes what it is given."""

import math

import pytest
import torch

from hnnlib.metrics import energy_mse, period, phase, relative_energy
from hnnlib.systems import MassSpring

SPRINGS = pytest.mark.parametrize("m, k", [(1.0, 1.0), (0.25, 3.0), (4.0, 0.5)])


def times(end, steps):
    return torch.linspace(0, end, steps + 1, dtype=torch.float64)


def circle(angle):
    """Start at each angle of the phase plane, (..., 2)."""
    return torch.stack([angle.cos(), angle.sin()], dim=-1)


ROUND = circle(times(6, 12))  # 13 starts in all quadrants


def test_relative_energy_is_one_at_the_start_and_follows_the_energy():
    spring, t = MassSpring(2.0, 3.0), times(5, 50)
    z = spring.solution(ROUND, t) * (-0.1 * t).exp()[:, None]
    expected = (-0.2 * t).exp().expand(13, -1)
    torch.testing.assert_close(relative_energy(spring.energy, z), expected)


def test_a_ratio_of_negative_energies_is_one_at_the_start():
    z = torch.tensor([[-2.0, 0.0], [-1.0, 0.0], [4.0, 0.0]]).expand(2, 3, 2)
    ratio = relative_energy(lambda z: z[..., 0], z)
    assert ratio.tolist() == [[1.0, 0.5, -2.0]] * 2


@pytest.mark.parametrize("start", [[0.0, 0.0], [torch.pi, 2.0]])
def test_a_ratio_to_no_energy_is_refused_with_the_member(start):
    def energy(z):  # at rest, or on the separatrix: 0
        q, p = z.unbind(-1)
        return p**2 / 2 - (1 - q.cos()) if start[0] else p**2 / 2 + 1 - q.cos()

    z = torch.tensor([[1.0, 0.5], start], dtype=torch.float64)[:, None].expand(2, 3, 2)
    with pytest.raises(ValueError, match=r"member \[1\] starts with energy 0"):
        relative_energy(energy, z)


def test_an_energy_that_is_zero_but_for_rounding_is_refused():
    z = torch.tensor([[[math.pi / 2, 0.0], [1.5, 0.2]]], dtype=torch.float64)
    with pytest.raises(ValueError, match=r"member \[0\] starts with energy 0"):
        relative_energy(lambda z: z[..., 1] ** 2 / 2 - z[..., 0].cos(), z)
    z[..., 0] -= 1e-6  # energy -1e-6: small, and no rounding
    assert relative_energy(lambda z: -z[..., 0].cos(), z)[0, 0] == 1


@pytest.mark.parametrize("energy", [lambda z: z[..., :1], lambda z: z.sum()])
def test_an_energy_that_is_not_one_number_a_state_is_refused(energy):
    z = torch.ones(3, 5, 2)
    for call in (relative_energy, lambda h, z: energy_mse(h, z, z)):
        with pytest.raises(ValueError, match=r"energy\(z\) has shape .*expected \(3"):
            call(energy, z)


def test_energy_mse_is_the_mean_square_of_the_energy_error():
    spring, t = MassSpring(2.0, 3.0), times(5, 50)
    true = spring.solution(ROUND, t)
    h = spring.energy(true)[:, 0]
    got = energy_mse(spring.energy, true, 1.1 * true)
    torch.testing.assert_close(got, (0.21 * h) ** 2)
    ramp = energy_mse(lambda z: z[..., 0], torch.zeros(1, 4, 2), torch.eye(4)[None])
    assert ramp.tolist() == [0.25]  # (1 + 0 + 0 + 0)/4


@SPRINGS
def test_period_of_the_spring_is_its_closed_form_from_every_start(m, k):
    spring = MassSpring(m, k)
    t = times(4.3 * spring.period, 400)
    got = period(t, spring.solution(ROUND, t))
    assert got.shape == (13,)
    assert (got / spring.period - 1).abs().max() < 1e-4


def test_phase_and_period_of_more_than_one_coordinate_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 9, 4\); expected \(3, 9, 2"):
        period(times(1, 8), torch.ones(3, 9, 4))


@pytest.mark.parametrize("stretch", [1.05, 0.9])
def test_period_of_a_stretched_trajectory_is_stretched(stretch):
    spring, t = MassSpring(2.0, 3.0), times(20, 800)
    z = spring.solution(ROUND, t / stretch)
    assert (period(t, z) / spring.period - stretch).abs().max() < 1e-3


def test_period_does_not_depend_on_when_the_clock_starts():
    t, z = times(20, 200), MassSpring().solution(ROUND, times(20, 200))
    torch.testing.assert_close(period(t + 7, z), period(t, z))


@pytest.mark.parametrize("turns, known", [(0.9, False), (1.1, True), (-3.0, False)])
def test_period_is_nan_without_a_whole_clockwise_turn(turns, known):
    t = times(1, 200)
    z = circle(-2 * math.pi * turns * t)
    got = period(t, torch.stack([z, circle(-8 * math.pi * t)]))
    assert got[0].isfinite().item() is known
    assert got[1].item() == pytest.approx(0.25, abs=1e-6)


def test_period_of_a_trajectory_at_rest_is_nan():
    z = torch.tensor([0.3, 0.1]).expand(20, 2)
    assert period(times(5, 19), z).isnan()


def test_a_turn_that_ends_at_the_last_sample_is_one():
    z = torch.tensor([[1.0, 0], [0, -1], [-1, 0], [0, 1], [1, 0]]).double()
    assert period(torch.tensor([0, 1, 2, 3, 5.0]).double(), z).item() == 5.0


def test_turns_are_counted_to_the_greatest_angle_not_to_the_last():
    t = times(2, 400)
    there = torch.where(t < 1.25, t, 2.5 - t)  # 1.25 turns on, then back
    got = period(t, circle(-2 * math.pi * there))
    assert got.item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "t, message",
    [
        (times(1, 8).flip(0), "expected rising times"),
        (times(1, 9), r"z has shape \(3, 9, 2\); expected \(3, 10, 2\)"),
    ],
)
def test_times_that_fall_or_do_not_fit_are_refused(t, message):
    with pytest.raises(ValueError, match=message):
        period(t, torch.ones(3, 9, 2))


def test_phase_grows_by_two_pi_a_period_and_starts_at_zero():
    t = times(30, 300)
    got = phase(MassSpring().solution(ROUND, t))
    torch.testing.assert_close(got, t.expand(13, -1), rtol=0, atol=1e-9)
    assert not got[:, 0].any()
    back = phase(MassSpring().solution(ROUND, -t))
    torch.testing.assert_close(back, -t.expand(13, -1), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "metric",
    [
        lambda t, z: relative_energy(lambda z: z[..., 0], z),  # a view of z
        lambda t, z: energy_mse(lambda z: z[..., 0], z, 2 * z),
        lambda t, z: phase(z),
        period,
    ],
)
def test_metrics_leave_their_arguments_alone(metric):
    t = times(9, 90)
    z = MassSpring().solution(ROUND, t)
    before = t.clone(), z.clone()
    first = metric(t, z)
    assert torch.equal(t, before[0])
    assert torch.equal(z, before[1])
    assert torch.equal(metric(t, z), first)
