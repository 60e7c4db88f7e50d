"""Run the tests in a profile of their own, and from every folder of the project."""

import os
import tempfile

PROFILE = ("IPYTHONDIR", "MPLCONFIGDIR")
PROFILE += tuple(f"JUPYTER_{name}_DIR" for name in ("CONFIG", "DATA", "RUNTIME"))


def start_in_an_empty_profile(config):
    """Let no reader's settings of IPython, matplotlib or Jupyter reach a notebook."""
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    os.environ.update(dict.fromkeys(PROFILE, folder.name))
    for name in ("MATPLOTLIBRC", "MPLBACKEND", "PYTHONSTARTUP", "JUPYTER_PATH"):
        os.environ.pop(name, None)
    # An empty profile has no font cache: a notebook would print that it builds one.
    import matplotlib.font_manager  # noqa: F401


def pytest_addoption(parser):
    """Offer what tests/test_twice.py does, too long for every day."""
    parser.addoption("--twice", action="store_true", help="run notebooks' cells twice")


def pytest_configure(config):
    """Make the profile, once, and find nbval's sanitise file from every folder."""
    option = config.option
    option.nbval_sanitize_with = str(config.rootpath / option.nbval_sanitize_with)
    if not hasattr(config, "workerinput"):  # xdist's workers inherit the first one's
        start_in_an_empty_profile(config)
