"""Mark a class: run handed-in notebooks with our checks, and write a table.

`python classroom/mark.py FOLDER [SECONDS]` reads every notebook below FOLDER whose name
holds that of one of the series, as ada/01_energy_landscape.ipynb or
ada_01_energy_landscape.ipynb, and writes FOLDER/marks.csv: a row a student, a column an
exercise, in it the last line of its check. Outputs that were handed in do not count.
Each notebook runs in a process of its own, without network where the system can cut it.
A cell has SECONDS (60) if it is a check or not as we wrote it, else 600; all, an hour.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import nbclient
import nbformat
from traitlets.config import Config

HERE, NONE = Path(__file__).resolve(), subprocess.DEVNULL
SERIES = {p.stem: p for p in sorted((HERE.parents[1] / "notebooks").glob("*.ipynb"))}
REAL = "from hnnlib.claims import explain\n"  # whatever a student calls so
ALONE = "unshare --map-root-user --net --pid --fork --kill-child".split()
LIMIT = {"interrupt_on_timeout": True, "error_on_timeout": {"ename": "time limit"}}
if os.name == "posix":  # talk to the kernel by files: it may have no network
    LIMIT["config"] = Config(KernelManager={"transport": "ipc"})


def checks(stem):
    """Return [(check cell, exercise cell, name of the check or None)] of a notebook."""
    found, exercise = [], None
    for cell in nbformat.read(SERIES[stem], 4).cells:
        tags = cell.metadata.get("tags", []) if cell.cell_type == "code" else []
        exercise = cell if "exercise" in tags else exercise
        if "check" in tags:
            name = re.search(r"^def check_(\w+)", cell.source, re.M)
            found.append((cell, exercise, name and f"{stem[:2]} {name[1]}"))
    return found


def run(stem, path, seconds):
    """Run a notebook with our checks in it; return {check: its last line}."""
    notebook, known = nbformat.read(path, 4), SERIES[stem].read_text("utf-8")
    notebook.cells = [c for c in notebook.cells if c.cell_type == "code"]
    place = {c.get("id", c.metadata.get("id")): c for c in notebook.cells}  # or Colab's
    for cell, *_ in checks(stem):
        if cell.id not in place:  # deleted by the student
            notebook.cells.append(place.setdefault(cell.id, cell))
        place[cell.id].source = REAL + cell.source
    for cell in notebook.cells:
        cell.outputs = []
    ...
