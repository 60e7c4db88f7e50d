"""`make handout` and `make mark`: what students get, and how it is marked."""

import ast
import csv
import re
import runpy
import shutil
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

import nbclient
import nbformat
import pytest

ROOT = Path(__file__).parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EVERY_NOTEBOOK = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
CHEAP = ROOT / "notebooks" / "01_energy_landscape.ipynb"
DEAR = [pytest.param(p, marks=pytest.mark.long) for p in PATHS if p != CHEAP]
NO_NETWORK = "unshare --map-root-user --net --pid --fork --kill-child true"
CUT = shutil.which("unshare") and not subprocess.call(NO_NETWORK.split())
RUNS = pytest.mark.parametrize("path", [CHEAP, *DEAR], ids=lambda path: path.stem)


def tags(cell):
    return cell.metadata.get("tags", [])


def convert(config, folder):
    command = [sys.executable, "-m", "nbconvert", "--to=notebook", *map(str, PATHS)]
    command += [f"--config={ROOT / 'classroom' / config}", f"--output-dir={folder}"]
    subprocess.run(command, check=True, capture_output=True)
    return {path.stem: nbformat.read(folder / path.name, 4) for path in PATHS}


@pytest.fixture(scope="module")
def students(tmp_path_factory):
    return convert("student.py", tmp_path_factory.mktemp("student"))


@pytest.fixture(scope="module")
def instructors(tmp_path_factory):
    return convert("instructor.py", tmp_path_factory.mktemp("instructor"))


@cache
def original(path):
    return nbformat.read(path, 4)


def plain(text):
    """Text without HTML and line breaks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)).strip()


def sentences(cell):
    """What a solution says: sentences, comments, and lines of code of some length."""
    if cell.cell_type == "markdown":
        said = re.split(r"(?<=[.:?!])\s|\n\n", re.sub(r"<[^>]*>", "\n\n", cell.source))
        return [plain(x) for x in said if len(plain(x).split()) > 3]
    lines = [line.strip() for line in cell.source.splitlines()]
    return [line for line in lines if len(line) > 20 or "#" in line]


def taught(path):
    """The code before the exercises, whose lines a solution may use."""
    cells = original(path).cells
    first = next(i for i, c in enumerate(cells) if "exercise" in tags(c))
    return "\n".join(c.source for c in cells[:first] if c.cell_type == "code")


@EVERY_NOTEBOOK
def test_a_students_copy_holds_no_sentence_of_a_solution(path, students):
    copy = plain("\n".join(c.source for c in students[path.stem].cells))
    solutions = [c for c in original(path).cells if "solution" in tags(c)]
    assert len(solutions) >= 2
    known = taught(path)
    for sentence in (s for cell in solutions for s in sentences(cell)):
        assert plain(sentence) not in copy or sentence in known, sentence


@EVERY_NOTEBOOK
def test_a_students_copy_has_all_else_and_no_outputs(path, students):
    wanted = [c for c in original(path).cells if "solution" not in tags(c)]
    copy = students[path.stem].cells
    assert [(c.id, c.source) for c in copy] == [(c.id, c.source) for c in wanted]
    code = [c for c in copy if c.cell_type == "code"]
    assert all(c.outputs == [] and c.execution_count is None for c in code)


@EVERY_NOTEBOOK
def test_a_students_copy_speaks_of_no_solutions_to_unfold(path, students):
    prose = [c.source for c in students[path.stem].cells if c.cell_type == "markdown"]
    speaks = r"unfold|<details|worked solution|solutions? [^.]*(fold|click|below|open)"
    assert not re.findall(speaks, "\n".join(prose), re.I)


def bound(cells):
    """The names that cells bind, outside and inside of functions."""
    nodes = [n for c in cells for n in ast.walk(ast.parse(c.source))]
    names = {n.id for n in nodes if isinstance(n, ast.Name) and n.ctx != ast.Load()}
    names |= {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    names |= {n.arg for n in nodes if isinstance(n, ast.arg)}
    return names | {n.asname or n.name for n in nodes if isinstance(n, ast.alias)}


@EVERY_NOTEBOOK
def test_no_cell_of_a_students_copy_needs_a_name_of_a_solution(path, students):
    code = [c for c in original(path).cells if c.cell_type == "code"]
    copy = [c for c in students[path.stem].cells if c.cell_type == "code"]
    lost = bound([c for c in code if "solution" in tags(c)]) - bound(copy)
    nodes = [n for c in copy for n in ast.walk(ast.parse(c.source))]
    assert not lost & {n.id for n in nodes if isinstance(n, ast.Name)}


def checks(cell):
    return re.findall(r"^(check_\w+)\(", cell.source, re.M)


def last_line(cell):
    return "".join(o.get("text", "") for o in cell.outputs).strip().splitlines()[-1]


@EVERY_NOTEBOOK
def test_saved_checks_say_not_yet_of_the_stubs_and_right_of_the_solutions(path):
    """What is saved is compared, strictly, with what a run says: --nbval."""
    code = [c for c in original(path).cells if c.cell_type == "code"]
    stubs = {
        name: last_line(c) for c in code if "check" in tags(c) for name in checks(c)
    }
    solved = [c for c in code if "solution" in tags(c) and checks(c)]
    assert len(stubs) >= 2 and {n for c in solved for n in checks(c)} == set(stubs)
    assert all(line.startswith("not yet") for line in stubs.values())
    assert all(re.search("^right", c.outputs[0].text, re.M) for c in solved)


@EVERY_NOTEBOOK
def test_a_lecturers_copy_has_all_cells_and_outputs_and_folds_nothing(
    path, instructors
):
    copy = instructors[path.stem].cells
    assert [c.source for c in copy] == [c.source for c in original(path).cells]
    assert [c.get("outputs") for c in copy] == [
        c.get("outputs") for c in original(path).cells
    ]
    assert not any("jupyter" in c.metadata for c in copy)


def worked(path):
    """The worked solutions of a notebook, {check: (lines before, an expression)}."""
    found = {}
    for cell in original(path).cells:
        if "solution" in tags(cell) and cell.cell_type == "code":
            if call := re.search(r"^(check_\w+)\(", cell.source, re.M):
                before, rest = cell.source[: call.start()], cell.source[call.start() :]
                answer = ast.parse(rest).body[0].value.args[0]
                found[call[1]] = before, ast.unparse(answer)
    return found


def hand_in(copy, path, answers):
    """Save a copy with answers, {check: (lines, an expression)}, below their stubs."""
    copy, stub = nbformat.from_dict(copy), None
    for cell in (c for c in copy.cells if c.cell_type == "code"):
        stub = cell if "exercise" in tags(cell) else stub
        for check, name in re.findall(r"^(check_\w+)\((.*)\)$", cell.source, re.M):
            if check in answers:
                before, answer = answers[check]
                stub.source += f"\n{before}\n{name} = {answer}"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(copy, path)


def marks(folder, *seconds):
    """Mark a folder; return its table, {student: {column: entry}}, and the screen's."""
    command = [sys.executable, ROOT / "classroom" / "mark.py", folder, *seconds]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    with open(folder / "marks.csv", encoding="utf-8", newline="") as file:
        return {row.pop("student"): row for row in csv.DictReader(file)}, done.stdout


@RUNS
def test_a_students_copy_runs_to_its_end_and_says_not_yet(path, students):
    copy = nbformat.from_dict(students[path.stem])
    nbclient.NotebookClient(copy, timeout=600).execute()  # raises what a cell raises
    said = [last_line(c) for c in copy.cells if "check" in tags(c) and checks(c)]
    assert said and all(line.startswith("not yet") for line in said)


@pytest.mark.parametrize("path", DEAR, ids=lambda path: path.stem)
def test_worked_solutions_score_all_and_an_untouched_copy_nothing(
    path, students, tmp_path
):
    for student, answers in {"none": {}, "all": worked(path)}.items():
        hand_in(students[path.stem], tmp_path / student / path.name, answers)
    rows, _ = marks(tmp_path)
    assert rows["none"]["right"] == "0", rows
    assert int(rows["all"]["right"]) == int(rows["all"]["of"]) >= 2, rows


CALL_HOME = """import socket
socket.create_connection(("127.0.0.1", {}), 5)
raise RuntimeError("nobody stopped me")"""


@pytest.fixture(scope="module")
def a_class(students, tmp_path_factory):
    """Marks of students who hand in exercises of notebook 01, each in their own way."""
    folder, copy = tmp_path_factory.mktemp("class"), students[CHEAP.stem]
    first = next(i for i, c in enumerate(copy.cells) if "exercise" in tags(c))
    imports = next(c for c in copy.cells if c.cell_type == "code")
    short = nbformat.from_dict(copy | {"cells": [imports, *copy.cells[first:]]})
    right = worked(CHEAP)
    wrong = runpy.run_path(ROOT / "tests" / "answers" / "01.py")["WRONG"]
    wrong = [(check, tries[0][0]) for check, tries in wrong.items()]
    k, ball = right
    ways = {
        "untouched": {},
        "solved": right,
        "endless": right | {k: ("while True: pass", "4")},
        "dead": right | {ball: ("import os; os._exit(1)", "4")},
    }
    for student, answers in ways.items():
        hand_in(short, folder / student / CHEAP.name, answers)

    lines = "explain = lambda check: lambda answer: print('right')"
    path = folder / f"wrong_{CHEAP.name}"  # and what they print now counts, not before
    hand_in(short, path, {check: (lines, answer) for check, answer in wrong})
    cheat = nbformat.read(path, 4)
    for cell in (c for c in cheat.cells if "check" in tags(c)):
        cell.source = "print('right')"
        cell.outputs = [nbformat.v4.new_output("stream", text="right")]
    nbformat.write(cheat, path)

    holes = nbformat.from_dict(short)  # a stub and a check are gone, the rest crashes
    holes.cells = [c for c in holes.cells if c.id not in ("01-42", "01-47")]
    with socket.create_server(("127.0.0.1", 0)) as server:
        stub = next(c for c in holes.cells if c.id == "01-46")
        stub.source = CALL_HOME.format(server.getsockname()[1])
        nbformat.write(holes, folder / f"holes_{CHEAP.name}")
        (folder / f"torn_{CHEAP.name}").write_text("{")
        return marks(folder, "8")


@pytest.mark.parametrize(
    "student, right, k, ball",
    [
        ("untouched", 0, "not yet: ", "not yet: "),
        ("solved", 2, "right", "right"),
        ("endless", 1, "time limit", "right"),
        ("dead", 1, "right", "stopped"),
        ("wrong", 0, "not yet: ", "not yet: "),
        ("holes", 0, "missing", "OSError" if CUT else "RuntimeError"),
        ("torn", 0, "not run: ", "not run: "),
    ],
)
def test_every_student_has_their_own_line(a_class, student, right, k, ball):
    rows, screen = a_class
    row = rows[student]
    assert row["01 k"].startswith(k) and row["01 ball"].startswith(ball), row
    assert (row["right"], row["of"]) == (str(right), "2")
    assert f"{student} · {right} · 2 · " in screen
