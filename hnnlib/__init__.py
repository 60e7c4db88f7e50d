"""Hamiltonian neural networks: ``from hnnlib.models import HNN`` says where it lives."""

__version__ = "0.1.0"
