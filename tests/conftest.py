"""Shared by all tests: one thread, and a generator of known seed."""

import pytest
import torch

torch.set_num_threads(1)  # more are slower on tensors this small


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)
