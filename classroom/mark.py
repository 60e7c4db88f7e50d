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
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from traitlets.config import Config

SERIES = {p.stem: p for p in (Path(__file__).parents[1] / "notebooks").glob("*.ipynb")}
REAL = "from hnnlib.claims import explain\n"  # whatever a student calls so
ALONE = "unshare --map-root-user --net --pid --fork --kill-child".split()
LIMIT = {"interrupt_on_timeout": True, "error_on_timeout": {"ename": "time limit"}}
if os.name == "posix":  # files, where others talk to their kernels over the network
    LIMIT["config"] = Config(KernelManager={"transport": "ipc"})


def checks(stem):
    """Return [(check cell, exercise cell, what is checked or "")] of our notebook."""
    found, exercise = [], None
    for cell in nbformat.read(SERIES[stem], 4).cells:
        tags = cell.metadata.get("tags", []) if cell.cell_type == "code" else []
        exercise = cell if "exercise" in tags else exercise
        if "check" in tags:
            name = re.search(r"^def check_(\w+)", cell.source, re.M)
            found.append((cell, exercise, f"{stem[:2]} {name[1]}" if name else ""))
    return found


def run(stem, path, seconds):
    """Run a notebook with our checks in it; return {exercise: check's last line}."""
    notebook, ours = nbformat.read(path, 4), nbformat.read(SERIES[stem], 4)
    notebook.cells = [c for c in notebook.cells if c.cell_type == "code"]
    place = {c.get("id", c.metadata.get("id")): c for c in notebook.cells}  # or Colab's
    for cell, *_ in checks(stem):
        if cell.id not in place:  # deleted by the student
            notebook.cells.append(place.setdefault(cell.id, cell))
        place[cell.id].source = REAL + cell.source
    for cell in notebook.cells:
        cell.outputs = []
    known = {c.source for c in ours.cells}
    limit = {"timeout_func": lambda c: 600 if c.source in known else seconds}
    client = NotebookClient(notebook, allow_errors=True, **limit, **LIMIT)
    with suppress(DeadKernelError):
        client.execute(cwd=SERIES[stem].parent, stdout=subprocess.DEVNULL)
    asked = [(name, c.id, e.id) for c, e, name in checks(stem) if name]
    return {name: said(place[c], place.get(e)) for name, c, e in asked}


def said(check, answer):
    """Return the last line of a check, or the error that came instead."""
    if check.outputs and check.outputs[-1].output_type == "stream":
        return check.outputs[-1].text.strip().splitlines()[-1]
    outputs = [*answer.outputs, *check.outputs] if answer else []
    errors = [f"{o.ename}: {o.evalue}" for o in outputs if o.output_type == "error"]
    stopped = "stopped: over its time, or its kernel died"
    return [*errors, stopped][0] if answer else "missing"


def mark(stem, path, seconds):
    """Have a notebook run by a process of its own; return what it said, or its end."""
    cut = subprocess.run([*ALONE, "true"], capture_output=True).returncode == 0
    command = [*(ALONE if cut else []), sys.executable, __file__, stem, path, seconds]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=3600)
        return json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        reason = "over an hour"
    except ValueError:  # no table was printed
        reason = done.stderr.strip().splitlines()[-1]
    return {name: f"not run: {reason}" for *_, name in checks(stem) if name}


def main(folder, seconds="60"):
    """Mark a folder; write its table, and a line a student on the screen."""
    students, jobs = defaultdict(dict), {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path in sorted(Path(folder).rglob("*.ipynb")):
            stem = next((s for s in SERIES if s in path.stem), None)
            if stem and ".ipynb_checkpoints" not in path.parts:
                student = str(path.relative_to(folder)).replace(stem, "")
                student = student.removesuffix(".ipynb").strip("/\\ _-")
                jobs[student, stem] = pool.submit(mark, stem, str(path), seconds)
    for (student, _), job in jobs.items():
        students[student] |= job.result()
    columns = sorted({name for row in students.values() for name in row})
    with open(Path(folder) / "marks.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["student", "right", "of", *columns])
        table.writeheader()
        for student, row in sorted(students.items()):
            right = {"right": [*row.values()].count("right"), "of": len(row)}
            table.writerow({"student": student} | right | row)
            print(student, *right.values(), *row.items(), sep=" · ")


if __name__ == "__main__":
    if sys.argv[1] in SERIES:
        print(json.dumps(run(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
    else:
        main(*sys.argv[1:])
