"""Refuse bad input in words, where it enters; nothing here is mechanics."""

from numbers import Integral

import torch
from torch import Tensor


def expect(ok: bool, got: str, expected: str) -> None:
    """Raise ValueError unless ok."""
    if not ok:
        raise ValueError(f"{got}; expected {expected}")


def positive(**values: float) -> None:
    """Refuse, by its name, a value that is not positive and finite."""
    for name, value in values.items():
        expect(0 < value < torch.inf, f"{name} is {value}", "a positive number")


def count(**values: int) -> None:
    """Refuse, by its name, a value that is not a whole number from 1 on."""
    for name, value in values.items():
        whole = isinstance(value, Integral) and value > 0
        expect(whole, f"{name} is {value}", "a positive whole number")


def tensor(
    x: Tensor, name: str, shape: tuple | None = None, dtype: torch.dtype | None = None
) -> None:
    """Refuse what is no tensor of float64 or float32, of this shape and dtype."""
    if not (torch.is_tensor(x) and x.dtype in (torch.float64, torch.float32)):
        got = f"{name} is {type(x).__name__} {getattr(x, 'dtype', '')}".strip()
        expect(False, got, "a float tensor, as torch.as_tensor(...).double() makes")
    if shape is not None and x.shape != shape:
        expect(False, f"{name} has shape {tuple(x.shape)}", f"{tuple(shape)}")
    if dtype is not None and x.dtype != dtype:
        expect(False, f"{name} is {x.dtype}", f"{dtype}: use .double() or .float()")


def state(z: Tensor, name: str = "z") -> None:
    """Refuse what is no tensor (..., 2n)."""
    tensor(z, name)
    fits = z.ndim > 0 and z.shape[-1] > 0 and z.shape[-1] % 2 == 0
    expect(fits, f"{name} has shape {tuple(z.shape)}", "(..., 2n), q first, then p")


def finite(x: Tensor, name: str) -> None:
    """Refuse a tensor (..., k) with a row that is not finite."""
    tensor(x, name)
    for at in (~x.isfinite().all(dim=-1)).nonzero().tolist():
        expect(False, f"{name} at {at} is {x[tuple(at)].tolist()}", "finite numbers")


def times(t: Tensor) -> None:
    """Refuse what is not two or more rising times (time,)."""
    got = f"{type(t).__name__} t has shape {tuple(getattr(t, 'shape', ()))}"
    fits = torch.is_tensor(t) and t.ndim == 1 and len(t) > 1
    expect(fits, got, "a tensor (time,) of 2 or more numbers")
    steps = t.diff()
    for i in (~((0 < steps) & (steps < torch.inf))).nonzero().flatten().tolist():
        expect(False, f"t goes from {t[i]:g} to {t[i + 1]:g} at {i}", "rising times")
