"""Integrators against closed forms, scipy and the laws they promise to keep."""

import math

import numpy as np
import pytest
import torch
from cells import code_cells
from scipy.integrate import solve_ivp
from torch import nn
from torch.autograd.functional import jacobian

from hnnlib import integrators, systems
from hnnlib.data import spring_dataset
from hnnlib.integrators import iterate, leapfrog, rollout
from hnnlib.mechanics import split
from hnnlib.models import HNN, MLP, DerivativePredictor, StepPredictor
from hnnlib.systems import MassSpring
from hnnlib.training import fit

ORDER = {"rk4": 4, "leapfrog": 2, "yoshida4": 4, "implicit_midpoint": 2}
SEPARABLE = {"leapfrog", "yoshida4"}
SYMPLECTIC = SEPARABLE | {"implicit_midpoint"}
FIXED = pytest.mark.parametrize("method", ORDER)
EVERY = pytest.mark.parametrize("method", [*ORDER, "rollout"])
TIGHT = {"rtol": 1e-11, "atol": 1e-11}
SPRING = MassSpring(m=0.5, k=2.0)


class Pendulum:
    """H = p²/2 + 1 - cos q: not linear, so that no order is reached by luck."""

    @staticmethod
    def energy(z):
        q, p = z.unbind(-1)
        return p**2 / 2 + 1 - q.cos()

    @staticmethod
    def velocity(p):
        return p

    @staticmethod
    def force(q):
        return -q.sin()

    @staticmethod
    def field(z):
        q, p = split(z)
        return torch.cat([p, -q.sin()], dim=-1)


def run(method, system, z0, t, **tolerance):
    function = getattr(integrators, method)
    if method in SEPARABLE:
        return function(system.velocity, system.force, z0, t)
    return function(system.field, z0, t, **tolerance)


def states(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def times(end, steps):
    return torch.linspace(0, end, steps + 1, dtype=torch.float64)


def starts(rng, *shape):
    return 2 * torch.rand(*shape, 2, generator=rng, dtype=torch.float64) - 1


# Accuracy


def exact(system, z0, t):
    if system is SPRING:
        return SPRING.solution(z0, t)
    return rollout(system.field, z0, t, rtol=1e-13, atol=1e-13)


@FIXED
@pytest.mark.parametrize("system", [SPRING, Pendulum])
def test_order_of_convergence_is_that_of_theory(method, system):
    z0 = states([1.2, 0.3], [-0.4, 1.5])
    error = [
        (run(method, system, z0, t) - exact(system, z0, t)).norm(dim=-1).max()
        for t in (times(2, 64), times(2, 128))
    ]
    assert math.log2(error[0] / error[1]) == pytest.approx(ORDER[method], abs=0.1)


def test_rollout_follows_the_closed_form(rng):
    z0, t = starts(rng, 50), times(20, 200)
    error = rollout(SPRING.field, z0, t, **TIGHT) - SPRING.solution(z0, t)
    assert error.abs().max() < 1e-8


def test_rollout_of_a_batch_equals_scipy_one_start_at_a_time(rng):
    z0, t = starts(rng, 50), times(20, 200)
    alone = [
        solve_ivp(
            lambda _, z: [z[1], -np.sin(z[0])],
            (0, 20),
            start,
            method="DOP853",
            t_eval=t.numpy(),
            **TIGHT,
        ).y.T
        for start in z0.numpy()
    ]
    error = rollout(Pendulum.field, z0, t, **TIGHT).numpy() - np.stack(alone)
    assert np.abs(error).max() < 1e-8


def test_rollout_at_its_default_tolerance_keeps_the_energy():
    z = rollout(Pendulum.field, states([1.5, 0.0]), times(200, 100))
    assert (Pendulum.energy(z) - Pendulum.energy(z[:, :1])).abs().max() < 1e-6


# Laws


@pytest.mark.parametrize("method", [*sorted(SYMPLECTIC), "rk4"])
def test_running_back_returns_to_the_start_by_reversible_methods(method, rng):
    z0, t = starts(rng, 5), times(50, 100)
    turn = torch.tensor([1.0, -1.0], dtype=torch.float64)
    end = run(method, Pendulum, z0, t)[:, -1]
    back = run(method, Pendulum, end * turn, t)[:, -1] * turn
    error = (back - z0).abs().max()
    if method == "rk4":
        assert error > 1e-3
    else:
        assert error < 1e-10


@FIXED
@pytest.mark.parametrize("z0", [[1.2, 0.3], [-2.0, 1.0]])
def test_one_step_preserves_area_by_symplectic_methods(method, z0):
    z0, t = torch.tensor(z0, dtype=torch.float64), times(0.5, 1)
    det = torch.det(jacobian(lambda z: run(method, Pendulum, z, t)[-1], z0))
    error = abs(det.item() - 1)
    if method == "rk4":
        assert error > 1e-6
    else:  # the midpoint's derivative converges an iteration after the midpoint
        assert error < (1e-11 if method == "implicit_midpoint" else 1e-14)


def test_symplectic_euler_of_notebook_08_kicks_before_it_drifts():
    (cell,) = (c for c in code_cells("08") if "def kick_drift(" in c.source)
    exec(cell.source, space := {"Pendulum": systems.Pendulum})
    q, p = space["kick_drift"](*states(1.0, 0.5), 0.1)
    kicked = 0.5 - 0.1 * math.sin(1)
    assert [q.item(), p.item()] == pytest.approx([1 + 0.1 * kicked, kicked], abs=1e-15)


def test_leapfrog_energy_error_stays_bounded_for_ten_thousand_periods():
    h, t = SPRING.period / 20, times(1e4 * SPRING.period, 200_000)
    z = leapfrog(SPRING.velocity, SPRING.force, states(1.0, 0.0), t)
    error = (SPRING.energy(z) / SPRING.energy(z[0]) - 1).abs()
    bound = (h * SPRING.k / 2) ** 2 / (SPRING.k * SPRING.m)  # (ωh)²/4
    assert 0.999 * bound < error[:20].max()
    assert error.max() < bound * (1 + 1e-9)


@FIXED
def test_energy_error_of_the_pendulum_stays_bounded_by_symplectic_methods(method):
    z = run(method, Pendulum, states([1.5, 0.0]), times(1000, 4000))
    error = (Pendulum.energy(z) - Pendulum.energy(z[:, :1])).abs().squeeze()
    growth = error.max() / error[:200].max()
    if method == "rk4":
        assert growth > 10
    else:
        assert growth < 1.1


def test_implicit_midpoint_needs_ten_evaluations_a_step_and_solves_its_equation():
    calls = []

    def field(z):
        calls.append(1)
        return Pendulum.field(z)

    z0, t = states([0.8, 0.0], [2.0, 0.5], [0.0, 0.0]), times(30, 100)
    z = integrators.implicit_midpoint(field, z0, t)
    middle = (z[:, 1:] + z[:, :-1]) / 2
    error = z[:, 1:] - z[:, :-1] - 0.3 * Pendulum.field(middle)
    assert error.abs().max() < 1e-12
    assert len(calls) <= 10 * 100


def test_implicit_midpoint_settles_for_large_states_as_for_small(rng):
    z0, t = starts(rng, 200), times(3, 10)
    large = integrators.implicit_midpoint(SPRING.field, 1e6 * z0, t)
    small = integrators.implicit_midpoint(SPRING.field, z0, t)
    torch.testing.assert_close(large / 1e6, small, rtol=0, atol=1e-11)


def test_a_state_at_rest_among_others_keeps_a_finite_gradient():
    z0 = states([0.0, 0.0], [1.0, 0.3]).requires_grad_()
    integrators.implicit_midpoint(Pendulum.field, z0, times(3, 10)).sum().backward()
    assert z0.grad.isfinite().all()


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_runaway_is_refused_by_the_implicit_midpoint():
    with pytest.raises(RuntimeError, match="dt = 1 is too long"):
        integrators.implicit_midpoint(lambda z: z**3, states([10.0, 10.0]), times(2, 2))


def test_implicit_midpoint_settles_in_float32_for_a_large_batch(rng):
    z0 = starts(rng, 200).float()
    z = integrators.implicit_midpoint(Pendulum.field, z0, times(3, 10))
    exact = integrators.implicit_midpoint(Pendulum.field, z0.double(), times(3, 10))
    assert z.dtype == torch.float32
    assert (z - exact).abs().max() < 1e-4


# Shapes, types and graphs


@EVERY
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_batch_of_any_shape_equals_its_members_alone(method, shape, rng):
    z0, t = starts(rng, *shape), times(2, 20)
    z = run(method, Pendulum, z0, t)
    assert z.shape == (*shape, 21, 2)
    assert torch.equal(z[..., 0, :], z0)
    for start, member in zip(z0.view(-1, 2), z.view(-1, 21, 2), strict=True):
        assert (run(method, Pendulum, start, t) - member).abs().max() < 1e-7


@EVERY
def test_several_degrees_of_freedom_are_integrated_side_by_side(method, rng):
    pairs, t = starts(rng, 3), times(2, 20)  # three pendulums, then as one system
    together = run(method, Pendulum, pairs.T.reshape(6), t).view(21, 2, 3)
    alone = run(method, Pendulum, pairs, t)
    torch.testing.assert_close(together.permute(2, 0, 1), alone, rtol=0, atol=1e-7)


@EVERY
def test_float32_stays_float32(method):
    z0 = torch.tensor([[1.0, 0.3], [0.7, -0.2]])
    z = run(method, Pendulum, z0, times(2, 20))
    assert z.dtype == torch.float32
    assert (z - run(method, Pendulum, z0.double(), times(2, 20))).abs().max() < 1e-5


@EVERY
def test_times_need_not_be_evenly_spaced_nor_start_at_zero(method):
    z0, t = states([1.0, 0.3]), states(3.0, 3.1, 3.3, 3.35, 4.0)
    steps = [z0]
    for i in range(4):
        steps.append(run(method, Pendulum, steps[-1], t[i : i + 2])[..., -1, :])
    error = run(method, Pendulum, z0, t) - torch.stack(steps, dim=-2)
    assert error.abs().max() < 1e-8


@FIXED
def test_trajectory_is_differentiable_in_its_start(method):
    t, basis = times(1, 10), torch.eye(2, dtype=torch.float64)
    columns = run(method, SPRING, basis, t)[:, -1]  # the spring is linear
    got = jacobian(lambda z: run(method, SPRING, z, t)[-1], basis[0])
    torch.testing.assert_close(got, columns.T, rtol=0, atol=1e-11)


@pytest.mark.parametrize("method", ["rk4", "implicit_midpoint", "iterate", "rollout"])
def test_trajectory_of_a_model_follows_the_grad_mode_of_torch(method):
    model = DerivativePredictor(MLP(2, 8, 2, seed=0))
    t = 3 if method == "iterate" else times(1, 3)
    march = getattr(integrators, method)
    assert march(model, states([1.0, 0.3]), t).requires_grad == (method != "rollout")
    with torch.no_grad():
        z = march(model, states([1.0, 0.3]).requires_grad_(), t)
    assert not z.requires_grad


@FIXED
@pytest.mark.parametrize("grad", [True, False])
def test_a_field_is_called_in_the_grad_mode_of_torch(method, grad):
    class Watched:
        def field(self, z):
            seen.append(torch.is_grad_enabled())
            return -z

        velocity = force = field

    seen: list[bool] = []
    with torch.set_grad_enabled(grad):
        run(method, Watched(), states([1.0, 0.3]), times(1, 3))
        assert torch.is_grad_enabled() == grad
    check = 2 if method in SEPARABLE else 1  # of the arguments, whose result is lost
    assert not any(seen[:check])
    assert set(seen[check:]) == {grad}


class Spring(nn.Module):
    """H = p²/2 + kq²/2, whose stiffness k can be learned."""

    def __init__(self, k):
        super().__init__()
        self.k = nn.Parameter(torch.tensor(k, dtype=torch.float64))

    def velocity(self, p):
        return p

    def force(self, q):
        return -self.k * q

    def field(self, z):
        q, p = split(z)
        return torch.cat([p, -self.k * q], dim=-1)


@FIXED
def test_a_loss_through_an_integrator_teaches_what_the_field_is_made_of(method):
    z0, t = states([1.0, 0.3], [0.2, -0.5]), states(0.0, 0.1, 0.2)
    later = states([0.9, 0.1], [0.3, -0.4])

    def loss(spring):
        return ((run(method, spring, z0, t)[:, -1] - later) ** 2).mean()

    spring, h = Spring(2.0), 1e-6
    loss(spring).backward()
    slope = (loss(Spring(2.0 + h)) - loss(Spring(2.0 - h))).item() / (2 * h)
    assert abs(slope) > 1e-3
    assert spring.k.grad.item() == pytest.approx(slope, rel=1e-6)


def test_rollout_says_that_it_has_no_gradient_and_leaves_its_start_alone():
    z0 = states([1.0, 0.3]).requires_grad_()
    with pytest.raises(ValueError, match="z0 requires a gradient; expected none in"):
        rollout(Pendulum.field, z0, times(1, 3))
    assert z0.requires_grad
    z = rollout(DerivativePredictor(MLP(2, 8, 2, seed=0)), z0.detach(), times(1, 3))
    assert not z.requires_grad


def test_a_map_is_no_field():
    step, z0 = StepPredictor(MLP(2, 8, 2, seed=0)), states([1.0, 0.3])
    for integrate in (rollout, integrators.rk4, integrators.implicit_midpoint):
        with pytest.raises(ValueError, match="StepPredictor is a map, no field"):
            integrate(step, z0, times(1, 3))
    assert iterate(step, z0, 2).shape == (1, 3, 2)


@FIXED
def test_a_run_remembers_nothing_of_the_run_before(method):
    t, a, b = times(1, 4), states([1.2, 0.3]), states([-0.7, 0.9])
    run(method, Pendulum, a, t)
    after = run(method, Pendulum, b, t)
    assert torch.equal(after, run(method, Pendulum, b, t))
    halves = [run(method, Pendulum, b, t[:3])]
    halves.append(run(method, Pendulum, halves[0][..., -1, :], t[2:])[..., 1:, :])
    torch.testing.assert_close(after, torch.cat(halves, -2), rtol=1e-12, atol=1e-12)


def test_a_separable_field_is_velocity_of_p_then_force_of_q(rng):
    field = integrators.separable(Pendulum.velocity, Pendulum.force)
    z = starts(rng, 5)
    assert torch.equal(field(z), Pendulum.field(z))


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_iterate_applies_a_map_again_and_again(shape, rng):
    z0 = starts(rng, *shape)
    turn = states([0.8, 0.6], [-0.6, 0.8])
    z = iterate(lambda z: z @ turn.T, z0, 4)
    assert z.shape == (*shape, 5, 2)
    for i in range(5):
        torch.testing.assert_close(z[..., i, :], z0 @ turn.matrix_power(i).T)


# Members in company, small units, short digits


class Counted:
    """A field that counts its calls."""

    def __init__(self, field):
        self.field, self.calls = field, 0

    def __call__(self, z):
        self.calls += 1
        return self.field(z)


def springs(k):
    """A field of springs with unit masses, one stiffness a member."""
    k = torch.as_tensor(k, dtype=torch.float64)[:, None]
    return lambda z: torch.cat([split(z)[1], -k * split(z)[0]], dim=-1)


@pytest.mark.parametrize("slow", [1, 49, 20_000])
def test_a_fast_member_is_as_accurate_in_company_as_alone(slow):
    t, z0 = times(2, 8), states([1.0, 0.0])
    exact = MassSpring(k=100.0).solution(z0, t)
    alone = (rollout(springs([100.0]), z0, t) - exact).abs().max()
    crowd = springs([*[0.01] * slow, 100.0])
    among = rollout(crowd, z0.expand(slow + 1, 2), t)[-1:]
    assert (among - exact).abs().max() < 3 * alone
    assert alone < 1e-7


def test_a_turning_pendulum_is_as_accurate_among_a_thousand_that_swing(rng):
    t, fast = times(20, 100), states([0.0, 10.0])
    slow = systems.Pendulum().sample_by_energy(999, 1e-4, 1e-2, rng)
    right = rollout(Pendulum.field, fast, t, 1e-12, 1e-14)
    alone = (rollout(Pendulum.field, fast, t) - right).abs().max()
    among = rollout(Pendulum.field, torch.cat([slow, fast]), t)[-1:]
    assert (among - right).abs().max() < 3 * alone


def test_company_costs_what_the_docstring_says():
    calls = []
    for n in (1, 50, 20_000):
        field = Counted(Pendulum.field)
        rollout(field, states([1.5, 0.0]).expand(n, 2), times(20, 2))
        calls.append(field.calls)
    assert calls[1] < 1.4 * calls[0] and calls[2] < 2.1 * calls[0]


def test_rollout_is_of_order_eight():
    calls = []
    for rtol in (1e-6, 1e-10):
        field = Counted(Pendulum.field)
        rollout(field, states([1.5, 0.0]), times(100, 2), rtol, 1e-4 * rtol)
        calls.append(field.calls)
    assert calls[1] / calls[0] < 4.2  # 3.4; RK45, of order five, 5.0
    assert calls[0] < 2300  # 1776; RK45 2859


def test_relative_and_absolute_tolerance_are_not_exchanged():
    big, t = states([1e6, 0.0]), times(20, 2)
    exact = MassSpring().solution(big, t)
    error = (rollout(MassSpring().field, big, t, rtol=1e-3, atol=1e-12) - exact).abs()
    assert error.max() > 1e-6 * 1e6
    error = (rollout(MassSpring().field, big, t, rtol=1e-12, atol=1e-3) - exact).abs()
    assert error.max() < 1e-8 * 1e6


TINY = [(1e-12, 1.0, 1e-6), (1.66e-27, 500.0, 1e-11), (9.1e-31, 500.0, 1e-11)]


@pytest.mark.parametrize("m, k, q0", TINY)  # kg, N/m, m
@pytest.mark.parametrize("atol", [1e-9, 1e-13])
def test_units_smaller_than_atol_are_as_right_as_others(m, k, q0, atol):
    spring, z0 = MassSpring(m, k), states([q0, 0.0])
    t = times(5 * spring.period, 50)
    z = rollout(spring.field, z0, t, atol=atol)
    size = torch.tensor([q0, q0 * math.sqrt(m * k)])
    assert ((z - spring.solution(z0, t)).abs().amax(dim=(0, 1)) / size).max() < 1e-6


@pytest.mark.parametrize("power", [*range(0, -13, -1), -30, -200])
def test_a_state_of_any_size_is_right_to_a_millionth(power):
    z0, t = states([10.0**power, 0.0]), times(5 * MassSpring().period, 50)
    error = rollout(MassSpring().field, z0, t) - MassSpring().solution(z0, t)
    assert error.abs().max() < 1e-6 * 10.0**power


@pytest.mark.parametrize("k", [1e-4, 1.0, 100.0])
def test_a_start_far_below_atol_is_right_after_many_periods(k):
    z0, t = states([2.8e-30, 0.0]), times(75 / k**0.5, 20)  # atol alone gives 1e-15
    exact = MassSpring(k=k).solution(z0, t)
    z = rollout(MassSpring(k=k).field, z0, t)
    assert (
        (z - exact).abs().amax(dim=(0, 1)) / exact.abs().amax(dim=(0, 1))
    ).max() < 1e-6


def chain(z):
    """Three unit masses between four unit springs."""
    stiffness = states([2, -1, 0], [-1, 2, -1], [0, -1, 2])
    q, p = split(z)
    return torch.cat([p, -q @ stiffness], dim=-1)


def planet(z):
    """A planet in space, GM = 1."""
    q, p = split(z)
    return torch.cat([p, -q / q.norm(dim=-1, keepdim=True) ** 3], dim=-1)


@pytest.mark.parametrize(
    "field, z0, end",
    [
        (MassSpring().field, states(0.0, 0.0), 1),
        (MassSpring().field, states(1.0, 6e-17, 0.0, 0.0), 1),
        (MassSpring().field, states(1.0, 0.0), 1e-6),  # p has hardly begun to grow
        (chain, states(1.0, 0.0, -1.0, 0.0, 0.0, 0.0), 10),  # the middle one rests
        *((planet, states(1.0, 0.0, z, 0.0, 1.0, 0.0), 10) for z in (1e-15, 1e-8)),
        (Pendulum.field, states(math.pi, 0.0), 5),  # upside down
    ],
)
def test_components_that_are_small_by_nature_do_not_hold_a_run_up(field, z0, end):
    counted = Counted(field)
    assert rollout(counted, z0, times(end, 4)).isfinite().all()
    assert counted.calls < 2000


def well(z):
    """A unit mass in q⁴ − q², at rest where q² = 1/2: its force there is rounding."""
    q, p = split(z)
    return torch.cat([p, -4 * q * (q**2 - 0.5)], dim=-1)


@pytest.mark.parametrize("off", [1e-8, 1e-10, 1e-12])
def test_a_motion_near_rest_is_found_as_far_as_rounding_lets(off):
    field, z0, t = Counted(well), states([0.5**0.5 + off, 0.0]), times(20, 50)
    q = rollout(field, z0, t)[0, :, 0]
    exact = 0.5**0.5 + off * (2 * t).cos()  # 1.5 off² to second order
    assert (q - exact).abs().max() < 1e-5 * off + 3 * off**2 + 1e-14
    assert field.calls < 20_000


def test_a_small_component_is_as_accurate_as_a_large_one():
    z = rollout(planet, states(1.0, 0.0, 1e-8, 0.0, 1.0, 0.0), times(10, 100))
    assert (z[:, 2] / 1e-8 - times(10, 100).cos()).abs().max() < 1e-6


@pytest.mark.parametrize("others", [0, 1, 49])
def test_a_small_member_is_as_right_among_large_ones_as_alone(others):
    z0, t = states(*[[1.0, 0.0]] * others, [1e-9, 0.0]), times(1, 10)
    z = rollout(springs([*[1.0] * others, 1e4]), z0, t)[-1]
    exact = MassSpring(k=1e4).solution(z0[-1], t)
    assert ((z - exact).abs().amax(dim=0) / exact.abs().amax(dim=0)).max() < 1e-6


def test_no_states_are_refused_in_words():
    with pytest.raises(
        ValueError, match=r"z0 has shape \(0, 2\); expected one or more"
    ):
        rollout(MassSpring().field, torch.zeros(0, 2), times(1, 2))


@pytest.mark.parametrize("rtol", [1e-13, 1e-16, 1e-30])
def test_no_tolerance_is_too_fine(rtol):
    z0, t = states([1.0, 0.0]), times(10, 10)
    error = rollout(MassSpring().field, z0, t, rtol=rtol) - MassSpring().solution(z0, t)
    assert error.abs().max() < 1e-11


def test_implicit_midpoint_solves_its_equation_in_any_unit():
    atom = MassSpring(1e-27, 1e-27)
    z = integrators.implicit_midpoint(atom.field, states([1e-10, 0.0]), times(20, 100))
    assert (atom.energy(z) / atom.energy(z[0, 0]) - 1).abs().max() < 1e-11


def test_a_field_without_numbers_at_the_start_is_refused_at_once():
    field = Counted(lambda z: z * torch.nan)
    with pytest.raises(ValueError, match=r"field\(z0\) at \[0\] is \[nan, nan\]"):
        rollout(field, states([1.0, 0.0]), times(1, 2))
    assert field.calls == 1


def test_a_field_of_another_dtype_is_refused():
    with pytest.raises(ValueError, match=r"field\(z\) is torch.float32; expected"):
        rollout(lambda z: Pendulum.field(z.float()), states([1.0, 0.0]), times(1, 2))


def test_a_component_is_judged_along_the_run_not_at_the_times_asked_for():
    t = MassSpring().period * torch.tensor([0, 0.5, 1], dtype=torch.float64)
    z = rollout(MassSpring().field, states([1.0, 0.0]), t)
    assert z[..., 1].abs().max() < 1e-7  # asked for where p is 0


def test_an_rtol_too_fine_for_float32_is_raised(monkeypatch):
    def spy(*args, rtol, atol, **options):
        seen.append((rtol, atol))
        return solve_ivp(*args, rtol=rtol, atol=atol, **options)

    seen: list[tuple[float, float]] = []
    monkeypatch.setattr(integrators, "solve_ivp", spy)
    rollout(Pendulum.field, torch.tensor([1.0, 0.3]), times(1, 2), 1e-9, 1e-13)
    ((rtol, atol),) = seen
    assert rtol == pytest.approx(1.2e-6, rel=0.01)
    assert atol == 1e-13


def test_float32_costs_no_more_calls_than_float64():
    train, _ = spring_dataset(0)
    hnn = HNN(MLP(2, 32, 32, 1, seed=0)).float()
    fit(hnn, *(x.float() for x in train.samples()), steps=100)
    z0, t, calls = states([1.0, 0.0]), times(15, 150), []
    for dtype in (torch.float32, torch.float64):
        field = Counted(hnn.to(dtype))
        z = rollout(field, z0.to(dtype), t)
        assert z.dtype == dtype
        calls.append(field.calls)
    assert calls[0] < 1.5 * calls[1]


# Runs that fail


def test_blow_up_in_finite_time_tells_when_and_where():
    message = r"Required step size .*Reached t = 0\.\d+; batch member \[1\] moved"
    with pytest.raises(RuntimeError, match=message) as error:
        rollout(lambda z: z**2, states([0.1, 0.1], [1.2, 1.0]), times(3, 10))
    reached = float(str(error.value).split("t = ")[1].split(";")[0])
    assert reached == pytest.approx(1 / 1.2, abs=1e-3)


def test_a_rate_that_is_no_number_ends_the_run_and_names_the_member():
    def wall(z):  # free motion, undefined from q = 2 on
        q, p = split(z)
        return torch.cat([p, 0 * p], dim=-1).where(q < 2, torch.nan)

    with pytest.raises(RuntimeError, match=r"batch member \[0, 1\] moved") as error:
        rollout(wall, states([[0, 0.5], [0, 1]], [[1, 0.1], [0, -1]]), times(3, 60))
    reached = float(str(error.value).split("t = ")[1].split(";")[0])
    assert reached == pytest.approx(2, abs=1e-3)


def test_a_run_that_never_ends_is_ended(monkeypatch):
    monkeypatch.setattr(integrators, "MAX_CALLS", 500)
    with pytest.raises(RuntimeError, match="500 calls, no end: .* Reached t"):
        rollout(Pendulum.field, states([1.0, 0.0]), times(1e3, 3))


def test_too_long_a_step_for_the_implicit_midpoint_is_refused():
    field = Counted(Pendulum.field)
    with pytest.raises(RuntimeError, match="99 iterations: dt = 5 is too long"):
        integrators.implicit_midpoint(field, states([1.0, 0.3]), times(10, 2))
    assert field.calls == 1 + 99  # the first is of check_arguments


# Bad input is refused before any work

GOOD_T = times(1, 4)
BAD_START = [
    (torch.zeros(4, 3), r"z0 has shape \(4, 3\); expected \(\.\.\., 2n\)"),
    (torch.tensor(1.0), r"z0 has shape \(\); expected \(\.\.\., 2n\)"),
    (torch.zeros(4, 2, dtype=torch.int64), "z0 is Tensor torch.int64; .*as_tensor"),
    (torch.zeros(4, 2, dtype=torch.float16), "z0 is Tensor torch.float16; expected"),
    ([1.0, 0.0], "z0 is list; expected a float tensor, as torch.as_tensor"),
    (np.array([1.0, 0.0]), "z0 is ndarray float64; expected a float tensor"),
    (states([0, 0], [1, math.nan]), r"z0 at \[1\] is \[1.0, nan\]; expected finite"),
    (states([[0, 0], [math.inf, 1]]), r"z0 at \[0, 1\] is \[inf, 1.0\]"),
    (states(1.0, -math.inf), r"z0 at \[\] is \[1.0, -inf\]"),
]
BAD_TIMES = [
    (states(0, 1, 1, 2), "t goes from 1 to 1 at 1; expected rising times"),
    (states(0, 1, 0.5), "t goes from 1 to 0.5 at 1; expected rising times"),
    (states(0, math.nan, 2), "t goes from 0 to nan at 0; expected rising times"),
    (states(0, 1, math.inf), "t goes from 1 to inf at 1; expected rising times"),
    (states(0.0), r"t has shape \(1,\); expected a tensor \(time,\) of 2 or more"),
    (states([0, 1], [2, 3]), r"t has shape \(2, 2\); expected a tensor \(time,\)"),
    (torch.tensor(0.0), r"t has shape \(\); expected a tensor \(time,\)"),
    ([0.0, 1.0], r"list t has shape \(\); expected a tensor \(time,\)"),
    (np.array([0.0, 1.0]), r"ndarray t has shape \(2,\); expected a tensor"),
]


class Recorder:
    """A system that remembers whether it was asked anything."""

    def __init__(self):
        self.calls = 0

    def field(self, z):
        self.calls += 1
        return z

    velocity = force = field


@EVERY
@pytest.mark.parametrize(
    "z0, t, message",
    [(z0, GOOD_T, message) for z0, message in BAD_START]
    + [(states([0.0, 1.0]), t, message) for t, message in BAD_TIMES],
)
def test_bad_start_or_times_are_refused_before_the_field_is_called(
    method, z0, t, message
):
    system = Recorder()
    with pytest.raises(ValueError, match=message):
        run(method, system, z0, t)
    assert system.calls == 0


@pytest.mark.parametrize("z0, message", BAD_START)
def test_bad_start_is_refused_before_the_map_is_called(z0, message):
    system = Recorder()
    with pytest.raises(ValueError, match=message):
        iterate(system.field, z0, 3)
    assert system.calls == 0


@pytest.mark.parametrize("n", [0, -2, 2.5])
def test_no_whole_number_of_iterations_is_refused(n):
    with pytest.raises(ValueError, match=f"n is {n}; expected a positive whole number"):
        iterate(lambda z: z, states([0.0, 1.0]), n)


@EVERY
@pytest.mark.parametrize("wrong", [lambda x: x[..., :1], lambda x: x[0]])
def test_field_of_the_wrong_shape_is_refused(method, wrong):
    class System:
        field = velocity = force = staticmethod(wrong)

    with pytest.raises(ValueError, match="has shape .*; expected"):
        run(method, System, torch.ones(3, 4), GOOD_T)


def test_map_of_the_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"has shape \(3, 1\); expected \(3, 2\)"):
        iterate(lambda z: z[..., :1], torch.ones(3, 2), 3)


@pytest.mark.parametrize("name", ["rtol", "atol"])
@pytest.mark.parametrize("value", [0.0, -1e-9, math.nan, math.inf])
def test_tolerances_that_would_never_end_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}; expected a positive"):
        rollout(Pendulum.field, states([1.0, 0.0]), GOOD_T, **{name: value})


def forgets(z):
    split(z)


@pytest.mark.parametrize(
    "field, message",
    [
        (forgets, r"field\(z\) is NoneType; expected a float tensor"),
        (lambda z: tuple(split(z)), r"field\(z\) is tuple; expected a float tensor"),
        (lambda z: -np.asarray(z), r"field\(z\) is ndarray float64; expected"),
        (
            lambda t, z: z,
            r"field\(z\) fails: .*; expected a function of the state alone",
        ),
    ],
)
@pytest.mark.parametrize("integrate", [rollout, integrators.rk4])
def test_a_readers_field_that_is_none_is_refused_in_words(integrate, field, message):
    with pytest.raises(ValueError, match=message):
        integrate(field, states([1.0, 0.0]), GOOD_T)


def test_float32_starts_of_a_float64_model_are_refused_in_words():
    hnn, z0 = HNN(MLP(2, 8, 1, seed=0)), torch.tensor([[1.0, 0.0]])
    with pytest.raises(ValueError, match="x is torch.float32; expected torch.float64"):
        rollout(hnn, z0, GOOD_T)
