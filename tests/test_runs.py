"""A run of notebooks is the same whose home it is, and saving it twice changes nothing.

Both start notebooks, and so run with --nbval only.
"""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(
    "not config.getoption('nbval')", reason="runs notebooks: --nbval"
)
PROFILE = """
c = get_config()
c.InlineBackend.figure_formats = {"svg"}
c.InteractiveShell.ast_node_interactivity = "all"
c.InteractiveShellApp.exec_lines = ["print('good morning')"]
"""
BAR = """
import sys, time, tqdm
for step in tqdm.trange(9, file=sys.stdout):
    time.sleep(0.02)
"""
SLIDER = """
import ipywidgets
ipywidgets.IntSlider()
"""


def run(*module_and_arguments, **environment):
    command = [sys.executable, "-m", *map(str, module_and_arguments)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, **options)
    assert done.returncode == 0, done.stdout.decode(errors="replace")


def test_a_readers_settings_do_not_reach_the_notebooks(tmp_path):
    (tmp_path / "profile_default").mkdir()
    (tmp_path / "profile_default" / "ipython_config.py").write_text(PROFILE)
    (tmp_path / "matplotlibrc").write_text("text.usetex: true")
    names = ("IPYTHONDIR", "MPLCONFIGDIR", "MATPLOTLIBRC")
    own = dict.fromkeys(names, str(tmp_path))
    run("pytest", "--nbval", "notebooks/01_energy_landscape.ipynb", **own)


def test_saving_a_notebook_a_second_time_changes_nothing(tmp_path):
    path = tmp_path / "saved.ipynb"
    nbformat.write(new_notebook(cells=list(map(new_code_cell, (BAR, SLIDER)))), path)
    saved = []
    for _ in range(2):
        config = ROOT / "tests" / "nbconvert_config.py"
        options = ("--to=notebook", "--inplace", "--execute")
        run("nbconvert", f"--config={config}", *options, path)
        saved.append(path.read_text(encoding="utf-8"))
    assert saved[0] == saved[1]
    assert "9/9 […]" in saved[0] and "IntSlider(value=0)" in saved[0]
