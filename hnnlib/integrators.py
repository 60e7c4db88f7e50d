"""Turn a vector field into a trajectory; introduced in notebooks 02 and 08.

Starts z0 (*batch, 2n) and rising times t (time,) give a trajectory (*batch, time, 2n).
``rollout`` is adaptive; the others step from each time to the next, and keep a graph
unless under ``torch.no_grad``. Those of a separable H = T(p) + V(q) take ``dq_dt(p)`` =
∂T/∂p and ``dp_dt(q)`` = −∂V/∂q, (*batch, n) -> (*batch, n).
"""

from collections.abc import Callable

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from hnnlib import checks
from hnnlib.checks import expect
from hnnlib.mechanics import VectorField, rates, split

Rate = Callable[[Tensor], Tensor]  # velocity of p, or force of q
MAX_CALLS = 1_000_000  # of a field: a run that needs more never ends


def check_arguments(field: VectorField, z0: Tensor, t: Tensor) -> None:
    """Refuse z0, t and field unless an integrator can use them."""
    is_map = getattr(field, "is_map", False)
    expect(not is_map, f"{type(field).__name__} is a map, no field", "iterate for it")
    checks.state(z0, "z0")
    expect(z0.numel() > 0, f"z0 has shape {tuple(z0.shape)}", "one or more states")
    checks.finite(z0, "z0")
    checks.times(t)
    with torch.no_grad():
        checks.finite(rates(field, z0), "field(z0)")


class Batch:
    """Offer a field of many members to scipy, as one of a long vector in float64."""

    def __init__(self, field: VectorField, z0: Tensor, most: int):
        self.field, self.z0, self.most = field, z0, most
        self.calls, self.size = 0, 0.0

    def __call__(self, _time: float, flat: np.ndarray) -> np.ndarray:
        if self.calls == self.most:
            why = "no end: is the field smooth, the model in eval()?"
            raise RuntimeError(f"{self.most} calls, {why} {self.news()}")
        z = torch.as_tensor(flat, dtype=self.z0.dtype).reshape(self.z0.shape)
        self.rate, self.calls = self.field(z), self.calls + 1
        return self.rate.reshape(-1).double().numpy()

    def accepted(self, time: float, flat: np.ndarray) -> float:
        """Note time and largest sizes: scipy looks for zeros after steps it keeps."""
        self.time, self.size = time, np.maximum(self.size, np.abs(flat))
        return 1.0

    def news(self) -> str:
        """Say how far the run came, and who holds it up."""
        speed = self.rate.norm(dim=-1).nan_to_num(torch.inf, torch.inf)  # (*batch)
        member = (speed == speed.max()).nonzero()[0].tolist()
        who = f"batch member {member} moved fastest there, |dz/dt| = {speed.max():.3g}"
        return f"Reached t = {self.time:.6g}; {who}"


def solve(
    field: VectorField, z0: Tensor, t: Tensor, rtol: float, atol: float, most: int
) -> tuple[Tensor, Tensor, int]:
    """Return the trajectory, the largest size of each component, and the calls."""
    root = z0.shape[:-1].numel() ** 0.5
    finest = max(10 * torch.finfo(z0.dtype).eps, 2.3e-14)  # of scipy itself
    batch = Batch(field, z0, most)
    options = {"rtol": max(rtol / root, finest), "atol": atol / root}
    options |= {"t_eval": t.double().numpy(), "events": batch.accepted}
    span, start = (t[0].item(), t[-1].item()), z0.detach().double().flatten().numpy()
    with torch.no_grad():
        solution = solve_ivp(batch, span, start, "DOP853", **options)
    if not solution.success:
        raise RuntimeError(f"{solution.message} {batch.news()}")
    z = torch.as_tensor(solution.y, dtype=z0.dtype).reshape(*z0.shape, len(t))
    return z.movedim(-1, -2), torch.from_numpy(batch.size).view(z0.shape), batch.calls


def rollout(
    field: VectorField, z0: Tensor, t: Tensor, rtol: float = 1e-9, atol: float = 1e-13
) -> Tensor:
    """Integrate a whole batch of starts in one call of scipy's DOP853.

    An adaptive Runge–Kutta method of order 8 (Hairer, Nørsett & Wanner 1993). Members
    share each step; scipy bounds the root mean square of their errors, so tolerances
    are divided by the root of their number n: none is less accurate than alone, for at
    most n^(1/16) times the calls. In float32 a finer rtol is raised to 1.2e-6. Where
    atol may cost a component a millionth, or 100 rtol, of its largest size, atol falls
    by thousands, a run each, until it cannot, or ten times the calls show that rounding
    is resolved. What is small at first and grows later needs an atol of yours.

    The trajectory has z0's dtype and no graph. ValueError if z0 requires a gradient;
    RuntimeError if it fails or never ends, with the time and the fastest member there.
    """
    checks.positive(rtol=rtol, atol=atol)
    check_arguments(field, z0, t)
    graph = z0.requires_grad and torch.is_grad_enabled()
    expect(not graph, "z0 requires a gradient", "none in rollout; rk4 has one")
    z, size, calls = solve(field, z0, t, rtol, atol, MAX_CALLS)
    rounding, part = 1000 * torch.finfo(z0.dtype).eps, max(100 * rtol, 1e-7)
    while ((rounding * size.amax(-1, True) < size) & (part * size < atol)).any():
        atol /= 1000
        try:
            z, size, calls = solve(field, z0, t, rtol, atol, 10 * calls)
        except RuntimeError:  # a motion takes about 1000^(1/8) = 2.4 times
            break
    return z


def march(step: Callable[[Tensor, float], Tensor], z0: Tensor, t: Tensor) -> Tensor:
    """Repeat ``step(z, dt)`` over times t; return the states (*batch, time, 2n)."""
    states = [z0]
    for dt in t.diff().tolist():
        states.append(step(states[-1], dt))
    return torch.stack(states, dim=-2)


def iterate(step: Callable[[Tensor], Tensor], z0: Tensor, n: int) -> Tensor:
    """Apply a map n times: (*batch, 2n) -> (*batch, n + 1, 2n); ValueError if n < 1."""
    checks.count(n=n)
    check_arguments(lambda z: step(z), z0, torch.arange(n + 1.0))
    return march(lambda z, _: step(z), z0, torch.arange(n + 1.0))


def rk4(field: VectorField, z0: Tensor, t: Tensor) -> Tensor:
    """Integrate by the classical Runge–Kutta method, order 4 (Kutta 1901)."""

    def step(z, dt):
        k1 = field(z)
        k2 = field(z + dt / 2 * k1)
        k3 = field(z + dt / 2 * k2)
        k4 = field(z + dt * k3)
        return z + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    check_arguments(field, z0, t)
    return march(step, z0, t)


def separable(dq_dt: Rate, dp_dt: Rate) -> VectorField:
    """Return the field (dq_dt(p), dp_dt(q)) of a separable H."""
    return lambda z: torch.cat([dq_dt(split(z)[1]), dp_dt(split(z)[0])], dim=-1)


def leapfrogs(dq_dt: Rate, dp_dt: Rate, z0: Tensor, t: Tensor, parts: tuple) -> Tensor:
    """Integrate a separable H by one leapfrog for each part of every step."""
    check_arguments(separable(dq_dt, dp_dt), z0, t)
    q, p = split(z0)
    states, force = [z0], dp_dt(q)
    for dt in t.diff().tolist():
        for part in parts:
            p = p + part * dt / 2 * force
            q = q + part * dt * dq_dt(p)
            force = dp_dt(q)  # serves the next half kick as well
            p = p + part * dt / 2 * force
        states.append(torch.cat([q, p], dim=-1))
    return torch.stack(states, dim=-2)


def leapfrog(dq_dt: Rate, dp_dt: Rate, z0: Tensor, t: Tensor) -> Tensor:
    """Integrate a separable H; order 2, symplectic, reversible (Verlet 1967)."""
    return leapfrogs(dq_dt, dp_dt, z0, t, (1.0,))


def yoshida4(dq_dt: Rate, dp_dt: Rate, z0: Tensor, t: Tensor) -> Tensor:
    """Integrate a separable H by three leapfrogs a step; order 4 (Yoshida 1990)."""
    outer = 1 / (2 - 2 ** (1 / 3))
    return leapfrogs(dq_dt, dp_dt, z0, t, (outer, 1 - 2 * outer, outer))


def implicit_midpoint(field: VectorField, z0: Tensor, t: Tensor) -> Tensor:
    """Integrate by z₁ = z₀ + dt·f((z₀ + z₁)/2); order 2, symplectic for any H.

    Fixed-point iteration to 1e-13; RuntimeError after 99 (Hairer, Lubich & Wanner 2006,
    II.1, VIII.6). Two iterations multiply an oscillation's error by −(ω·dt/2)²; Aitken
    (1926) jumps ahead by the factor seen. At rest three are all a derivative sees.
    """

    def step(z, dt):
        middle, near = z, max(1e-13, 4 * torch.finfo(z.dtype).eps)
        for _ in range(33):
            first = z + dt / 2 * field(middle)
            second = z + dt / 2 * field(first)
            third = z + dt / 2 * field(second)
            size = z.abs() + (second - z).abs()  # of each component, in its own unit
            if ((third - second).abs() <= near * size).all():
                return 2 * third - z
            before, after = first - middle, third - second
            square = (before**2).sum(-1, True) + torch.finfo(z.dtype).tiny  # no 0/0
            factor = ((before * after).sum(-1, True) / square).clamp(-0.9, 0.5)
            middle = third + factor / (1 - factor) * (third - first)
        raise RuntimeError(f"no midpoint after 99 iterations: dt = {dt:g} is too long")

    check_arguments(field, z0, t)
    return march(step, z0, t)
