"""pyproject.toml, constraints.txt, environment.yml, Makefile and README agree."""

import re
import shutil
import socket
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path

import nbval.kernel
import pytest
import yaml
from jupyter_client.connect import LocalPortCache
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
PIP_NAME = {"pytorch-cpu": "torch", "matplotlib-base": "matplotlib"}  # conda: pip


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def by_name(lines):
    """{name: specifier} of requirements, by the names of PyPI."""
    parsed = [Requirement(line) for line in lines]
    return {PIP_NAME.get(r.name, r.name): r.specifier for r in parsed}


PYPROJECT = tomllib.loads(text("pyproject.toml"))["project"]
ENVIRONMENT = yaml.safe_load(text("environment.yml"))
EXTRAS = PYPROJECT["optional-dependencies"]  # the others are no part of the set-up
NEEDED = by_name(PYPROJECT["dependencies"] + EXTRAS["test"])
PYTHON, *CONDA_LINES, PIP = ENVIRONMENT["dependencies"]  # the last: {"pip": [...]}
CONDA = by_name(CONDA_LINES + [x for x in PIP["pip"] if not x.startswith("-")])
PINS = by_name(re.findall(r"^\w.*", text("constraints.txt"), re.M))
TESTED = {name: str(pin).removeprefix("==") for name, pin in PINS.items()}


@pytest.mark.parametrize("name", NEEDED)
def test_every_range_admits_the_tested_and_the_installed_version(name):
    for found in (TESTED[name], version(name)):
        assert found in NEEDED[name]
        assert found in CONDA[name]


def test_environment_yml_repeats_every_requirement_of_pyproject():
    assert CONDA == NEEDED | by_name(["pip"])


def test_environment_yml_pins_a_python_that_binder_reads_and_pyproject_admits():
    (minor,) = re.findall(r"^python\s*=+\s*([\d.]+)$", PYTHON)  # as repo2docker does
    assert minor in SpecifierSet(PYPROJECT["requires-python"])


def test_environment_yml_uses_conda_forge_alone_and_installs_hnnlib():
    assert ENVIRONMENT["channels"] == ["conda-forge"]
    assert "-e ." in PIP["pip"]


def test_constraints_txt_pins_exact_versions():
    assert all(re.fullmatch(r"==[\d.]+", str(pin)) for pin in PINS.values())


def test_nbval_is_pinned_everywhere():
    assert NEEDED["nbval"] == CONDA["nbval"] == PINS["nbval"]


def test_make_test_oldest_finds_every_lower_bound():
    bounds = re.findall(r'^ *"(.*)>=[\d.]+', text("pyproject.toml"), re.M)
    assert {*bounds, "nbval"} == set(NEEDED)


def test_every_make_target_of_the_readme_exists():
    named = re.findall(r"(?:^ *|`)make ([a-z-]+)", text("README.md"), re.M)
    targets = re.findall(r"^([a-z-]+):", text("Makefile"), re.M)
    assert {"lab", "test"} <= set(named) <= set(targets)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_says_in_words_that_a_home_cannot_be_written():
    home = ROOT / "README.md" / "home"  # no folder can be made in a file
    command = ["make", "home", f"HOME={home}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode and str(home) in done.stdout
    assert "make lab HOME=/some/folder" in done.stdout


def test_a_notebook_whose_port_was_taken_gets_a_kernel(monkeypatch):
    find = LocalPortCache.find_available_port
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = [other.getsockname()[1]]
        monkeypatch.setattr(
            LocalPortCache,
            "find_available_port",
            lambda cache, ip: taken.pop() if taken else find(cache, ip),
        )
        manager, client = nbval.kernel.start_new_kernel()
    assert not taken and manager.is_alive()
    client.stop_channels()
    manager.shutdown_kernel(now=True)
