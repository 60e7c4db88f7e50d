"""`make handout` and `make mark`: what students get, and how it is marked."""

import ast
import csv
import re
import runpy
import subprocess
import sys
from functools import cache
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EVERY_NOTEBOOK = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
CHEAP = ROOT / "notebooks" / "01_energy_landscape.ipynb"
DEAR = [pytest.param(p, marks=pytest.mark.long) for p in PATHS if p != CHEAP]
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
    assert all("right" in c.outputs[0].text.splitlines() for c in solved)


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


def solutions(path):
    """The worked solutions, {check: source of an expression}, and their definitions."""
    found, defined = {}, {}
    for cell in original(path).cells:
        if cell.cell_type == "code" and "solution" in tags(cell) and checks(cell):
            tree = ast.parse(cell.source)
            end = next(
                i
                for i, n in enumerate(tree.body)
                if isinstance(n, ast.Expr) and ast.unparse(n).startswith("check_")
            )
            call = tree.body[end].value
            found[call.func.id] = ast.unparse(call.args[0])
            tree.body = tree.body[:end]
            defined[call.func.id] = ast.unparse(tree) + "\n"
    return found, defined


def hand_in(folder, student, stem, copy, answers, before=None):
    """Save a copy with answers, {check: source}, written below their stubs."""
    copy, stub = nbformat.from_dict(copy), None
    for cell in (c for c in copy.cells if c.cell_type == "code"):
        stub = cell if "exercise" in tags(cell) else stub
        asked = re.findall(r"^(check_\w+)\((.*)\)$", cell.source, re.M)
        for check, name in asked if "check" in tags(cell) else []:
            if check in answers:
                lines = (before or {}).get(check, "") + f"{name} = {answers[check]}"
                stub.source += "\n" + lines
    (folder / student).mkdir(exist_ok=True)
    nbformat.write(copy, folder / student / f"{stem}.ipynb")


def marks(folder, *seconds):
    command = [sys.executable, ROOT / "classroom" / "mark.py", folder, *seconds]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    with open(folder / "marks.csv", encoding="utf-8", newline="") as file:
        return {row.pop("student"): row for row in csv.DictReader(file)}, done.stdout


@RUNS
def test_marks_of_a_class(path, students, tmp_path):
    """Untouched and wrong score nothing, the worked solutions all, crashes their own."""
    copy, stem = students[path.stem], path.stem
    hand_in(tmp_path, "untouched", stem, copy, {})
    answers, before = solutions(path)
    hand_in(tmp_path, "solved", stem, copy, answers, before)
    table = ROOT / "tests" / "answers" / f"{stem[:2]}.py"
    if table.exists():
        wrong = runpy.run_path(table)["WRONG"]
        mistakes = {check: tries[0][0] for check, tries in wrong.items()}
        hand_in(tmp_path, "wrong", stem, copy, mistakes)
    rows, screen = marks(tmp_path)
    for student, row in rows.items():
        right, of = int(row.pop("right")), int(row.pop("of"))
        assert of == len(row) == len(answers) >= 2
        assert right == (of if student == "solved" else 0), row
        words = "right" if student == "solved" else "not yet"
        assert all(line.startswith(words) for line in row.values()), row
        assert f"{student} · {right} · {of}" in screen
