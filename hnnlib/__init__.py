"""Hamiltonian neural networks, small enough to read in one sitting.

Import from the module that owns a name: ``from hnnlib.models import HNN``.
"""

__version__ = "0.1.0"
