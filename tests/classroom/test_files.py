"""The files of a class: what is laid into homes, and what the cluster is told."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LAY_OUT = ROOT / "classroom" / "lay_out.py"


def run(*words):
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def handout(tmp_path):
    folder = tmp_path / "handout"
    (folder / "notebooks").mkdir(parents=True)
    (folder / "notebooks" / "00_a.ipynb").write_text("new")
    (folder / "notebooks" / "01_b.ipynb").write_text("new")
    return folder


def test_a_home_gets_what_it_lacks_and_keeps_what_it_has(handout, tmp_path):
    home = tmp_path / "home" / "hnnlib"
    for _ in range(2):
        assert run(LAY_OUT, handout, home).returncode == 0
    mine = home / "notebooks" / "00_a.ipynb"
    assert mine.read_text() == "new"
    mine.write_text("mine")
    (home / "notebooks" / "01_b.ipynb").unlink()
    (home / "notebooks" / "notes.txt").write_text("mine")
    run(LAY_OUT, handout, home)
    found = {p.name: p.read_text() for p in (home / "notebooks").iterdir()}
    assert found == {"00_a.ipynb": "mine", "01_b.ipynb": "new", "notes.txt": "mine"}


def test_a_link_in_the_home_is_not_followed(handout, tmp_path):
    outside = tmp_path / "outside.txt"
    home = tmp_path / "home"
    (home / "notebooks").mkdir(parents=True)
    (home / "notebooks" / "00_a.ipynb").symlink_to(outside)
    run(LAY_OUT, handout, home)
    assert not outside.exists()


def test_a_handout_that_was_not_made_is_an_error_in_words(tmp_path):
    result = run(LAY_OUT, tmp_path, tmp_path / "home")
    assert result.returncode == 1 and "make handout" in result.stderr
    assert not (tmp_path / "home").exists()


def test_the_clusters_values_name_memory_culling_and_the_handout():
    path = ROOT / "classroom" / "config.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    student = values["singleuser"]
    assert student["memory"] == {"guarantee": "700M", "limit": "2G"}
    assert "lay_out.py" in student["lifecycleHooks"]["postStart"]["exec"]["command"][-1]
    kernels = student["extraFiles"]["kernels"]["data"]["MappingKernelManager"]
    assert values["cull"]["enabled"] and kernels["cull_idle_timeout"] > 0


def test_a_notebook_that_was_not_executed_is_refused(tmp_path):
    executed = ROOT / "tests" / "executed.py"
    good = next((ROOT / "notebooks").glob("00_*.ipynb"))
    assert run(executed, good).returncode == 0
    bad = tmp_path / "bad.ipynb"
    text = good.read_text(encoding="utf-8")
    bad.write_text(text.replace('"execution_count": 3', '"execution_count": 7'))
    result = run(executed, good, bad)
    assert result.returncode == 1 and "bad.ipynb" in result.stderr


def test_the_guides_clocks_are_those_of_the_notebooks():
    guide = (ROOT / "docs" / "TEACHING.md").read_text(encoding="utf-8")
    clock = runpy.run_path(str(ROOT / "docs" / "clock.py"))
    assert clock["with_clocks"](guide) == guide, "python docs/clock.py writes them"
    titled = len(list((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")))
    assert guide.count("*Clock.* opening") == titled
