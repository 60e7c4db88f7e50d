"""Hamiltonian neural networks; import a name from its own module."""

__version__ = "0.2.0"
