"""Answers to the exercises: every right form is right, every wrong one gets a reason.

`answers/NN.py` names the checks of notebook NN and, for each, answers as source that is
evaluated in that notebook: RIGHT and WRONG = {check: [...]}, wrong ones with a word of
the reason. Only the cells are run that a check needs.
"""

import ast
import runpy
from functools import cache
from pathlib import Path

import pytest
from cells import code_cells, needed, run

ROOT = Path(__file__).parents[1]
TABLES = {
    path.stem: runpy.run_path(path)
    for path in sorted((ROOT / "tests" / "answers").glob("[0-9][0-9].py"))
}
RIGHT = [
    (number, check, answer)
    for number, table in TABLES.items()
    for check, answers in table["RIGHT"].items()
    for answer in answers
]
WRONG = [
    (number, check, *answer)
    for number, table in TABLES.items()
    for check, answers in table["WRONG"].items()
    for answer in answers
]
pytestmark = [
    pytest.mark.usefixtures("as_notebooks"),
    pytest.mark.skipif(
        "not config.getoption('nbval')", reason="trains what checks need: --nbval"
    ),
]
CHECKS = sorted({(number, check) for number, check, *_ in RIGHT})
ODD = (
    *("None", "...", "'text'", "[]", "()", "{}", "[1, 2]", "(1.0, 2.0)", "1j"),
    *(
        "float('nan')",
        "torch.tensor(float('nan'))",
        "torch.zeros(0)",
        "torch.ones(7, 3)",
    ),
    *("lambda *a, **k: None", "lambda: 1", "(lambda z: z[0])", "1 / torch.zeros(2)"),
)


def cells(number):
    code = code_cells(number)
    return [c.source for c in code if "solution" not in c.metadata.get("tags", [])]


def without_calls(source):
    """The functions of a cell, without the call that ends it."""
    tree = ast.parse(source)
    tree.body = [n for n in tree.body if not isinstance(n, ast.Expr)]
    return ast.unparse(tree)


@cache
def notebook(number):
    """The names of a notebook after the cells that its checks need, in their order."""
    sources, places = cells(number), set()
    for i, source in enumerate(sources):
        if "def check_" in source:
            sources[i] = without_calls(source)
            places |= {*needed(sources, i)}
    return run(sources, sorted(places), number)


def said(number, check, answer, capsys):
    space = notebook(number)
    value = eval(answer, space)
    capsys.readouterr()
    space[check](value)
    return capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("number, check, answer", RIGHT)
def test_a_right_answer_is_right_in_every_form(number, check, answer, capsys):
    assert said(number, check, answer, capsys) == "right"


@pytest.mark.parametrize("number, check, answer, word", WRONG)
def test_a_wrong_answer_gets_its_reason(number, check, answer, word, capsys):
    line = said(number, check, answer, capsys)
    assert line.startswith("not yet: ") and word in line


@pytest.mark.parametrize("number, check", CHECKS)
def test_no_check_raises_on_anything(number, check, capsys):
    for odd in ODD:
        assert said(number, check, odd, capsys).startswith("not yet: "), odd


@pytest.mark.parametrize("number, check", CHECKS)
def test_every_check_has_two_right_answers_and_three_wrong_ones(number, check):
    assert sum(x[:2] == (number, check) for x in RIGHT) >= 2
    assert sum(x[:2] == (number, check) for x in WRONG) >= 3


@pytest.mark.parametrize("number", TABLES)
def test_every_check_of_the_notebook_has_its_answers(number):
    tree = [n for s in cells(number) for n in ast.walk(ast.parse(s))]
    defined = [n.name for n in tree if isinstance(n, ast.FunctionDef)]
    checks = {name for name in defined if name.startswith("check_")}
    assert checks == set(TABLES[number]["RIGHT"]) == set(TABLES[number]["WRONG"])
