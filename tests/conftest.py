"""Shared by all tests: one thread, and a generator of known seed."""

import nbval.kernel
import pytest
import torch

torch.set_num_threads(1)  # more are slower on tensors this small
start_once = nbval.kernel.start_new_kernel


def start_new_kernel(*args, **options):
    """Start a kernel, and once again if it dies before it runs anything.

    Its five ports are free when they are chosen and taken a second later: kernels that
    start side by side choose the same in one of a thousand pairs.
    """
    try:
        return start_once(*args, **options)
    except RuntimeError:
        return start_once(*args, **options)


nbval.kernel.start_new_kernel = start_new_kernel


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def as_notebooks():
    """Notebooks set double precision; other tests must not see it."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)
