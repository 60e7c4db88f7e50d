"""Hamiltonian neural networks; ``from hnnlib.models import HNN`` tells where it lives.

Each module may import only those before it: see the table in README.md.
"""

__version__ = "0.1.0"
