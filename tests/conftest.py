"""Shared by all tests: one thread, and a generator of known seed."""

import pytest
import torch

torch.set_num_threads(1)  # more are slower on tensors this small


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
