"""Let `pytest --nbval` find its sanitise file from every folder of the project."""


def pytest_configure(config):
    """Resolve the path against the project, not against the current folder."""
    option = config.option
    option.nbval_sanitize_with = str(config.rootpath / option.nbval_sanitize_with)
