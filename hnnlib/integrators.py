"""Turn a vector field into a trajectory; introduced in notebooks 02 and 08.

Starts z0 (*batch, 2n) and increasing times t (time,) in, a trajectory (*batch, time,
2n) out. ``rollout`` is adaptive and accurate; the others take exactly one step between
neighbouring times and can be differentiated when z0 requires a gradient. A separable
H = T(p) + V(q) comes as velocity ``dq_dt(p)`` = ∂T/∂p and force ``dp_dt(q)`` = −∂V/∂q,
each (*batch, n) -> (*batch, n). All raise ValueError on a state that is odd or not
finite, on times that do not increase, and on a field of the wrong shape.
"""

import warnings
from collections.abc import Callable

import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from hnnlib.mechanics import VectorField, check_positive, check_state, split

Rate = Callable[[Tensor], Tensor]  # velocity of p, or force of q
Step = Callable[[Tensor, float], Tensor]  # (z, dt) -> z one step later


def check_arguments(field: VectorField, z0: Tensor, t: Tensor) -> None:
    """Raise ValueError unless z0, t and field are what an integrator can use."""
    check_state(z0, "z0")
    if not torch.is_tensor(t) or t.ndim != 1 or len(t) < 2 or not t.isfinite().all():
        got = f"{type(t).__name__} t has shape {tuple(getattr(t, 'shape', ()))}"
        raise ValueError(f"{got}; expected (time,), 2 or more, finite, in a tensor")
    for i in (t.diff() <= 0).nonzero().flatten().tolist():
        pair = f"t[{i}] = {t[i]:g}, then t[{i + 1}] = {t[i + 1]:g}"
        raise ValueError(f"t is not increasing: {pair}")
    with torch.no_grad():
        got, expected = tuple(field(z0).shape), tuple(z0.shape)
    if got != expected:
        raise ValueError(f"field(z0) has shape {got}; expected {expected}")


def rollout(
    field: VectorField, z0: Tensor, t: Tensor, rtol: float = 1e-9, atol: float = 1e-9
) -> Tensor:
    """Integrate a whole batch of starts in one call of scipy's DOP853.

    An adaptive Runge–Kutta method of order 8 (Hairer, Nørsett & Wanner 1993). The
    batch shares one step, chosen by its root-mean-square error. A member whose rate is
    no longer finite is named in a warning and NaN from then on.

    Returns the trajectory (*batch, time, 2n) in z0's dtype, without a graph. Raises
    RuntimeError if the solver fails, with scipy's message, the time it reached and the
    batch member that moved fastest there.
    """
    check_arguments(field, z0, t)
    reached, rate = float(t[0]), torch.zeros_like(z0)
    end = torch.full_like(z0[..., 0], torch.inf).double()  # of each member, (*batch)
    lost: list[list[int]] = []

    def flat_field(_time, flat):
        nonlocal rate, end, lost
        rate = field(torch.as_tensor(flat, dtype=z0.dtype).reshape(z0.shape))
        if lost or not rate.isfinite().all():
            end = end.where(rate.isfinite().all(dim=-1), end.clamp(max=reached))
            rate = rate.where(end[..., None].isinf(), 0.0)  # a lost member stands still
            lost = end.isfinite().nonzero().tolist()
        return rate.reshape(-1).double().numpy()

    def accepted(time, _flat):  # scipy looks for events after each step it keeps
        nonlocal reached
        reached = time
        return 1.0

    times, start = t.double().numpy(), z0.detach().reshape(-1).double().numpy()
    options = {"method": "DOP853", "rtol": rtol, "atol": atol, "events": accepted}
    with torch.no_grad():
        solution = solve_ivp(flat_field, times[[0, -1]], start, t_eval=times, **options)
    if not solution.success:
        speed = rate.norm(dim=-1)  # (*batch)
        member = (speed == speed.max()).nonzero()[0].tolist()
        raise RuntimeError(
            f"{solution.message} Reached t = {reached:.6g}; batch member {member} "
            f"moved fastest there, |dz/dt| = {speed.max():.3g}"
        )
    if lost:
        warnings.warn(f"{len(lost)} batch members lost: {lost}", stacklevel=2)
    z = torch.as_tensor(solution.y, dtype=z0.dtype).reshape(*z0.shape, len(t))
    return z.where(t <= end[..., None, None], torch.nan).movedim(-1, -2)


def march(step: Step, field: VectorField, z0: Tensor, t: Tensor) -> Tensor:
    """Repeat ``step(z, dt)``, made of a field, over times t; (*batch, time, 2n)."""
    check_arguments(field, z0, t)
    states = [z0]
    with torch.set_grad_enabled(torch.is_grad_enabled() and z0.requires_grad):
        for dt in t.diff().tolist():
            states.append(step(states[-1], dt))
        return torch.stack(states, dim=-2)


def iterate(step: Callable[[Tensor], Tensor], z0: Tensor, n: int) -> Tensor:
    """Apply a map n times: (*batch, 2n) -> (*batch, n + 1, 2n); ValueError if n < 1."""
    check_positive(n=n)
    return march(lambda z, _: step(z), step, z0, torch.arange(n + 1.0))


def separable_field(dq_dt: Rate, dp_dt: Rate) -> VectorField:
    """Return the field (dq_dt(p), dp_dt(q)) of a separable H."""
    return lambda z: torch.cat([dq_dt(split(z)[1]), dp_dt(split(z)[0])], dim=-1)


def rk4(field: VectorField, z0: Tensor, t: Tensor) -> Tensor:
    """Integrate by the classical Runge–Kutta method, order 4 (Kutta 1901)."""

    def step(z, dt):
        k1 = field(z)
        k2 = field(z + dt / 2 * k1)
        k3 = field(z + dt / 2 * k2)
        k4 = field(z + dt * k3)
        return z + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    return march(step, field, z0, t)


def symplectic_euler(dq_dt: Rate, dp_dt: Rate, z0: Tensor, t: Tensor) -> Tensor:
    """Integrate a separable H by a kick, then a drift; order 1 (de Vogelaere 1956)."""

    def step(z, dt):
        q, p = split(z)
        p = p + dt * dp_dt(q)
        return torch.cat([q + dt * dq_dt(p), p], dim=-1)

    return march(step, separable_field(dq_dt, dp_dt), z0, t)


def leapfrogs(dq_dt: Rate, dp_dt: Rate, parts: tuple[float, ...]) -> Step:
    """Return a step of one leapfrog for each part of dt: half a kick, a drift, half.

    The last force of a step is the first of the next, so it is not computed again.
    """
    force = None

    def step(z, dt):
        nonlocal force
        q, p = split(z)
        for part in parts:
            p = p + part * dt / 2 * (dp_dt(q) if force is None else force)
            q = q + part * dt * dq_dt(p)
            force = dp_dt(q)
            p = p + part * dt / 2 * force
        return torch.cat([q, p], dim=-1)

    return step


def leapfrog(dq_dt: Rate, dp_dt: Rate, z0: Tensor, t: Tensor) -> Tensor:
    """Integrate a separable H; order 2, symplectic, reversible (Verlet 1967)."""
    return march(leapfrogs(dq_dt, dp_dt, (1.0,)), separable_field(dq_dt, dp_dt), z0, t)


def yoshida4(dq_dt: Rate, dp_dt: Rate, z0: Tensor, t: Tensor) -> Tensor:
    """Integrate a separable H by three leapfrogs a step; order 4 (Yoshida 1990)."""
    outer = 1 / (2 - 2 ** (1 / 3))
    step = leapfrogs(dq_dt, dp_dt, (outer, 1 - 2 * outer, outer))
    return march(step, separable_field(dq_dt, dp_dt), z0, t)


def implicit_midpoint(field: VectorField, z0: Tensor, t: Tensor) -> Tensor:
    """Integrate by z₁ = z₀ + dt·f((z₀ + z₁)/2); order 2, symplectic for any H.

    The midpoint comes from fixed-point iteration to 1e-13; RuntimeError if 99 are not
    enough (Hairer, Lubich & Wanner 2006, II.1 and VIII.6). Two multiply the error of
    an oscillation by about −(ω·dt/2)²; Aitken (1926) jumps ahead by the factor seen.
    At a state of rest, three iterations are all that a derivative sees.
    """

    def step(z, dt):
        middle, near = z, max(1e-13, 4 * torch.finfo(z.dtype).eps)
        for _ in range(33):
            first = z + dt / 2 * field(middle)
            second = z + dt / 2 * field(first)
            third = z + dt / 2 * field(second)
            if ((third - second).abs() <= near * (1 + second.abs())).all():
                return 2 * third - z
            before, after = first - middle, third - second
            square = (before**2).sum(-1, True) + torch.finfo(z.dtype).tiny  # no 0/0
            factor = ((before * after).sum(-1, True) / square).clamp(-0.9, 0.5)
            middle = third + factor / (1 - factor) * (third - first)
        raise RuntimeError(f"no midpoint after 99 iterations: dt = {dt:g} is too long")

    return march(step, field, z0, t)
