"""Mark a class: run handed-in notebooks with our checks, and write a table.

`python classroom/mark.py FOLDER [SECONDS]` reads every notebook below FOLDER whose name
holds that of one of the series, as ada/01_energy_landscape.ipynb or
ada_01_energy_landscape.ipynb, and writes FOLDER/marks.csv: a row a student, a column an
exercise, in it the last line of its check. Outputs that were handed in do not count.
Each notebook runs in a process of its own, without network where the system can cut it.
A cell has SECONDS, 60, if it is a check or not as we wrote it, else ten minutes.
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
FILES = "ipc" if os.name == "posix" else "tcp"  # for a kernel without network
HOW = {
    "allow_errors": True,
    "interrupt_on_timeout": True,
    "error_on_timeout": {"ename": "time limit"},
    "config": Config(KernelManager={"transport": FILES}),
}


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
    notebook, ours = nbformat.read(path, 4), nbformat.read(SERIES[stem], 4)
    place = {c.get("id", c.metadata.get("id")): c for c in notebook.cells}  # or Colab's
    for cell, *_ in checks(stem):
        if cell.id not in place:  # deleted by the student
            notebook.cells.append(place.setdefault(cell.id, cell))
        place[cell.id].update(cell_type="code", source=REAL + cell.source)
    notebook.cells = [c for c in notebook.cells if c.cell_type == "code"]
    for cell in notebook.cells:
        cell.outputs = []
    known = {cell.source for cell in ours.cells}
    limit = {"timeout_func": lambda c: 600 if c.source in known else seconds}
    with suppress(nbclient.exceptions.DeadKernelError):
        nbclient.NotebookClient(notebook, **HOW, **limit).execute(stdout=NONE)
    cells = [(name, place[c.id], place.get(e.id)) for c, e, name in checks(stem)]
    return {name: said(check, answer) for name, check, answer in cells if name}


def said(check, answer):
    """Return the last line of a check, or what it, or its exercise, met instead."""
    outputs = [*(answer or check).outputs, *check.outputs]
    errors = [f"{o.ename}: {o.evalue}" for o in outputs if o.output_type == "error"]
    text = "".join(o.text for o in check.outputs if o.get("name") == "stdout").strip()
    if text.endswith("right") and check.outputs[-1].output_type != "error":
        return text.splitlines()[-1]
    lines = [*errors, *text.splitlines()[-1:], "stopped: its kernel died"]
    return lines[0].replace("KeyboardInterrupt:", "time limit") if answer else "missing"


def mark(stem, path, seconds):
    """Have a notebook run by a process of its own; return what it said, or its end."""
    cut = shutil.which(ALONE[0]) and not subprocess.call([*ALONE, "true"], stderr=NONE)
    command = [*(ALONE if cut else []), sys.executable, HERE, stem, path, seconds]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if done.returncode == 0:
        return json.loads(done.stdout)
    end = "not run: " + done.stderr.strip().splitlines()[-1]
    return {name: end for *_, name in checks(stem) if name}


def main(folder, seconds="60"):
    """Mark a folder; write its table, and a line a student on the screen."""
    folder, jobs, students = Path(folder).resolve(), {}, defaultdict(dict)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path in sorted(folder.rglob("*.ipynb")):
            stem = next((s for s in SERIES if s in path.stem), None)
            if stem and ".ipynb_checkpoints" not in path.parts:
                student = str(path.relative_to(folder).with_suffix(""))
                student = student.replace(stem, "").strip("/\\ _-")
                jobs[student, stem] = pool.submit(mark, stem, path, seconds)
    for (student, _), job in jobs.items():
        students[student] |= job.result()
    names = dict.fromkeys(name for row in students.values() for name in row)
    names = sorted(names, key=lambda name: name[:2])  # by notebook, else as they stand
    with open(folder / "marks.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["student", "right", "of", *names])
        table.writeheader()
        for student, row in students.items():
            right = {"right": [*row.values()].count("right"), "of": len(row)}
            table.writerow({"student": student} | right | row)
            print(student, *right.values(), *map(": ".join, row.items()), sep=" · ")


if __name__ == "__main__":
    if sys.argv[1] in SERIES:
        print(json.dumps(run(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
    else:
        main(*sys.argv[1:])
