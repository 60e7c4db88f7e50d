"""Mark a class: run handed-in notebooks with our checks, and write a table.

`python classroom/mark.py FOLDER [SECONDS]` reads every notebook below FOLDER whose name
holds that of one of the series, as ada/01_energy_landscape.ipynb or
ada_01_energy_landscape.ipynb, and writes FOLDER/marks.csv: a row a student, a column an
exercise, in it the last line of its check. Outputs that were handed in do not count.
Each notebook runs in a process of its own, without network where the system can cut it.
A cell has SECONDS, 60, if it is a check or not as we wrote it, else ten minutes.
"""

import csv
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL
from tempfile import TemporaryDirectory

import nbclient
import nbformat
from jupyter_client import AsyncKernelManager

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
SERIES = {path.stem: path for path in sorted(NOTEBOOKS.glob("*.ipynb"))}
REAL = "from hnnlib.claims import explain\n"  # whatever a student calls so
ALONE = "unshare --map-root-user --net"
CUT = os.name == "posix" and not os.system(f"{ALONE} true 2>/dev/null")


def checks(cells):
    """Return [(check cell, exercise cell, name of the check or None)] of our cells."""
    found, exercise = [], None
    for cell in cells:
        tags = cell.metadata.get("tags", []) if cell.cell_type == "code" else []
        exercise = cell if "exercise" in tags else exercise
        if "check" in tags:
            name = re.search(r"^def check_(\w+)", cell.source, re.M)
            found.append((cell, exercise, name and f"{cell.id[:2]} {name[1]}"))
    return found


def run(notebook, ours, seconds):
    """Run a notebook with our checks in it; return {name of a check: its last line}."""
    place = {c.get("id", c.metadata.get("id")): c for c in notebook.cells}  # or Colab's
    for cell, *_ in checks(ours):
        if cell.id not in place:  # deleted by the student
            notebook.cells.append(place.setdefault(cell.id, cell.copy()))
        place[cell.id].update(cell_type="code", source=REAL + cell.source)
    for cell in notebook.cells:
        cell.outputs = []
    kernel = AsyncKernelManager(transport="ipc" if CUT else "tcp")
    kernel.kernel_spec.argv[:1] = [*(ALONE.split() if CUT else []), sys.executable]
    client, known = nbclient.NotebookClient(notebook, kernel), {c.source for c in ours}
    client.allow_errors = client.interrupt_on_timeout = True
    client.error_on_timeout = {"ename": "time limit"}
    client.timeout_func = lambda cell: 600 if cell.source in known else seconds
    # When a kernel dies, what its cells said before stands.
    with TemporaryDirectory() as folder, suppress(nbclient.exceptions.DeadKernelError):
        kernel.connection_file = f"{folder}/kernel.json"
        client.resources = {"metadata": {"path": folder}}
        client.execute(stdout=DEVNULL, stderr=DEVNULL)
    return {n: said(place[c.id], place.get(e.id)) for c, e, n in checks(ours) if n}


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
    """Return what a file says, {name of a check: its last line}, whatever it is."""
    ours = nbformat.read(SERIES[stem], 4).cells
    try:
        return run(nbformat.read(path, 4), ours, seconds)
    except Exception as error:  # it is no notebook, say
        return {n: f"not run: {error}".splitlines()[0] for *_, n in checks(ours) if n}


def main(folder, seconds="60"):
    """Mark a folder; write its table, and a line a student on the screen."""
    folder, jobs, students, names = Path(folder).resolve(), {}, {}, {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for stem in SERIES:
            for path in sorted(folder.rglob(f"*{stem}*.ipynb")):
                if ".ipynb_checkpoints" not in path.parts:
                    student = path.relative_to(folder).with_suffix("").as_posix()
                    key = student.replace(stem, "").strip("/ _-"), stem
                    jobs[key] = pool.submit(mark, stem, path, float(seconds))
    for (student, _), job in jobs.items():
        students.setdefault(student, {}).update(job.result())
        names.update(job.result())
    with open(folder / "marks.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["student", "right", "of", *names])
        table.writeheader()
        for student, row in sorted(students.items()):
            right = {"right": [*row.values()].count("right"), "of": len(row)}
            table.writerow({"student": student} | right | row)
            print(student, *right.values(), *map(": ".join, row.items()), sep=" · ")


if __name__ == "__main__":
    main(*sys.argv[1:])
