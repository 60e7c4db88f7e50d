"""What every saved notebook must be: executed, complete, readable without a kernel."""

import ast
import base64
import importlib.util
import io
import json
import math
import re
from pathlib import Path

import matplotlib.image
import nbformat
import pytest

ROOT = Path(__file__).parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EVERY_NOTEBOOK = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


def pictures(path):
    outputs = [o for cell in code_cells(path) for o in cell.outputs]
    return [o for o in outputs if "image/png" in o.get("data", {})]


def test_the_series_is_numbered_without_gaps():
    numbers = [int(path.stem[:2]) for path in PATHS]
    assert numbers == list(range(numbers[0], numbers[0] + len(PATHS)))
    assert numbers[0] <= 1 and len(PATHS) >= 6


@EVERY_NOTEBOOK
def test_it_was_executed_from_top_to_bottom_without_errors(path):
    cells = code_cells(path)
    assert [c.execution_count for c in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        if "raises-exception" not in tags(cell):
            assert all(o.output_type != "error" for o in cell.outputs), cell.source
        if re.search(r"^\s*(print|show)\(", cell.source, flags=re.M):
            inside_function = cell.source.lstrip().startswith("def ")
            assert cell.outputs or inside_function, cell.source


@EVERY_NOTEBOOK
def test_it_holds_no_widget_state_and_no_traces_of_a_machine(path):
    notebook = read(path)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    assert all(set(c.metadata) <= {"tags", "jupyter"} for c in notebook.cells)
    assert path.stat().st_size <= 700_000
    printed = json.dumps([c.outputs for c in code_cells(path)])
    assert not re.search(r"/(home|root|tmp|Users|work)/|site-packages", printed)


@EVERY_NOTEBOOK
def test_every_figure_is_a_real_picture_with_a_text_for_who_cannot_see_it(path):
    figures = pictures(path)
    assert figures
    for output in figures:
        png = base64.b64decode(output.data["image/png"])
        pixels = matplotlib.image.imread(io.BytesIO(png), format="png")
        assert min(pixels.shape[:2]) > 100
        assert pixels[..., :3].std() > 0.01
        assert len(output.metadata["image/png"]["alt"]) > 40


@EVERY_NOTEBOOK
def test_every_cell_that_hides_its_output_is_followed_by_a_checked_claim(path):
    cells = [c for c in code_cells(path) if not {"check", "solution"} & set(tags(c))]
    hidden = [i for i, c in enumerate(cells) if "nbval-ignore-output" in tags(c)]
    assert len(hidden) <= 0.35 * len(code_cells(path))
    for i in hidden:
        after = [
            c for c in cells[i + 1 : i + 6] if "nbval-ignore-output" not in tags(c)
        ]
        printed = "".join(o.get("text", "") for c in after for o in c.outputs)
        assert printed, f"nothing is claimed after: {cells[i].source}"


@EVERY_NOTEBOOK
def test_it_opens_and_ends_as_every_notebook_of_the_series(path):
    cells = read(path).cells
    opening = ("# ", "What you'll do", "What you'll learn", "What you'll need", "Time")
    assert all(words in cells[0].source for words in opening)
    prose = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    for words in (
        "Predict first",
        "What we measured",
        "## Exercises",
        "Further reading",
    ):
        assert words in prose
    for tag in ("exercise", "check", "solution"):
        assert sum(tag in tags(c) for c in cells) >= 2, f"few cells are tagged {tag}"
    links = re.findall(r"\]\(([^)]+\.ipynb)\)", prose)
    assert links and all((path.parent / link).exists() for link in links)
    longest = max(len(c.source.splitlines()) for c in code_cells(path))
    assert longest <= 25, "a student retypes what is short"


def title(path):
    return read(path).cells[0].source.splitlines()[0].removeprefix("# ")


@EVERY_NOTEBOOK
def test_a_link_says_number_and_title_of_the_notebook_that_it_leads_to(path):
    titles = {p.name: title(p) for p in PATHS}
    prose = "\n".join(c.source for c in read(path).cells if c.cell_type == "markdown")
    for words, name in re.findall(r"\[(\d\d · [^\]]+)\]\(([^)]+\.ipynb)\)", prose):
        assert words in (titles[name], titles[name].split(":")[0]), name
    for number, name in re.findall(r"\[(\d\d)\]\(([^)]+\.ipynb)\)", prose):
        assert name.startswith(number), name
    for number in re.findall(r"notebook (\d\d)\b", prose):
        assert int(number) < len(PATHS), number


def test_the_rows_of_the_map_have_the_titles_of_their_notebooks():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in PATHS:
        number, name = title(path).split(" · ", 1)
        assert f"| {number} | [{name}](notebooks/{path.name}) |" in readme


def test_the_environment_check_says_what_is_missing_and_how_to_mend_it(
    capsys, monkeypatch
):
    check, *_ = code_cells(ROOT / "notebooks" / "00_start_here.ipynb")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: name != "hnnlib" or None
    )
    exec(check.source, {})
    said = capsys.readouterr().out
    assert "does not have: hnnlib\n" in said
    assert "pip install" in said and "Everything is here" not in said


def test_the_map_in_the_first_notebook_is_the_readmes():
    readme = (ROOT / "README.md").read_text(encoding="utf-8").replace("notebooks/", "")
    rows = [line for line in readme.splitlines() if re.match(r"\| \d\d \| \[", line)]
    here = "\n".join(c.source for c in read(ROOT / "notebooks" / PATHS[0].name).cells)
    assert len(rows) == len(PATHS) and all(row in here for row in rows[1:])


def test_the_readme_lists_every_notebook_and_shows_a_figure_of_the_series():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"notebooks/{path.name}" in readme for path in PATHS)
    shown = (ROOT / "notebooks" / "energy.png").read_bytes()
    judged = pictures(ROOT / "notebooks" / "06_judge_fairly.ipynb")
    saved = base64.b64decode(judged[0].data["image/png"])
    assert shown == saved, "make notebooks refreshes it"


@EVERY_NOTEBOOK
def test_only_what_draws_checks_or_solves_and_named_tools_are_folded(path):
    for cell in code_cells(path):
        folded = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        if folded:
            allowed = {"figure", "check", "solution", "tool"}
            assert allowed & set(tags(cell)), cell.source
        if "figure" in tags(cell):
            assert not re.search(r"\b(fit|rollout|claim)\(", cell.source), cell.source
        if {"check", "solution", "tool"} & set(tags(cell)):
            assert folded, cell.source


@EVERY_NOTEBOOK
def test_a_tool_only_defines_what_else_would_be_imported_and_is_named_in_words(path):
    prose = "\n".join(c.source for c in read(path).cells if c.cell_type == "markdown")
    _, seen = words_and_seen(path)
    for cell in (c for c in code_cells(path) if "tool" in tags(c)):
        body = ast.parse(cell.source).body
        functions = {n.name for n in body if isinstance(n, ast.FunctionDef)}
        kinds = ast.FunctionDef, ast.Import, ast.ImportFrom
        assert functions and all(isinstance(n, kinds) for n in body), cell.source
        assert not cell.outputs and "claim(" not in cell.source
        others = [c for c in code_cells(path) if c.source != cell.source]
        for name in functions:
            used = [c for c in others if re.search(rf"\b{name}\b", c.source)]
            assert used, f"nobody needs {name}"
            in_sight = any(c in seen for c in used)
            assert not in_sight or f"`{name}`" in prose, name


def test_no_two_notebooks_have_the_same_tool():
    tools = [c for p in PATHS for c in code_cells(p) if "tool" in tags(c)]
    names = [n for c in tools for n in re.findall(r"^def (\w+)", c.source, re.M)]
    assert len(names) >= 9 and len(set(names)) == len(names)


def size(cells):  # lines that are not blank
    return sum(bool(line.strip()) for c in cells for line in c.source.splitlines())


def words_and_seen(path):
    """The number of words, and the code cells of a reader who unfolds nothing."""
    prose = [c.source for c in read(path).cells if c.cell_type == "markdown"]
    words = sum(len(re.findall(r"[A-Za-z]{2,}", source)) for source in prose)
    folded = [c.metadata.get("jupyter", {}) for c in code_cells(path)]
    pairs = zip(code_cells(path), folded, strict=True)
    return words, [c for c, jupyter in pairs if not jupyter.get("source_hidden")]


@EVERY_NOTEBOOK
def test_code_that_is_seen_is_told_in_words_and_can_be_retyped(path):
    words, seen = words_and_seen(path)
    assert words >= 10 * size(seen)
    assert size(seen) <= 0.7 * size(code_cells(path))
    assert max(size([cell]) for cell in seen) <= 20


@EVERY_NOTEBOOK
def test_reading_time_is_what_the_rule_gives_and_readme_says_the_same(path):
    """150 words, and 8 lines of code that is seen, a minute; up to the next five."""
    words, seen = words_and_seen(path)
    minutes = 5 * math.ceil((words / 150 + size(seen) / 8) / 5)
    opening = read(path).cells[0].source
    said = re.search(r"(\d+) minutes to read.*, (.*) (second|minute)s? to run", opening)
    to_read, number, unit = said.groups()
    assert int(to_read) == minutes
    seconds = (60 if unit == "minute" else 1) * float({"one": 1}.get(number, number))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| {path.stem[:2]} \|.*$", readme, re.M)
    assert row.endswith(f"| {minutes} min | {seconds:g} s |")
