"""Run of a saved notebook only the cells that a test needs; no tests here."""

import ast
import symtable
from functools import cache
from pathlib import Path

import matplotlib
import nbformat
import torch

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@cache
def code_cells(number):
    """The code cells of the notebook whose name begins with the number."""
    (path,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
    return [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]


def printed(cell):
    return "".join(o.get("text", "") for o in cell.outputs)


def scopes(table):
    yield table
    for child in table.get_children():
        yield from scopes(child)


def root(node):
    """The name at the start of ``name[...].x``, or None."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return getattr(node, "id", None)


def changed(source):
    """The names whose values a cell changes: items set or added, models trained."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(getattr(node, "ctx", None), ast.Store):
            yield root(node)
        if isinstance(node, ast.Call):
            if getattr(node.func, "attr", "") in ("append", "update", "extend", "pop"):
                yield root(node.func)
            if getattr(node.func, "id", "") == "fit":
                yield root(node.args[0])


def names(source):
    """The global names that a cell defines or changes, and those that it uses."""
    top = symtable.symtable(source, "cell", "exec")
    defined = {s.get_name() for s in top.get_symbols() if s.is_assigned()}
    defined |= {s.get_name() for s in top.get_symbols() if s.is_imported()}
    used = {
        s.get_name()
        for table in scopes(top)
        for s in table.get_symbols()
        if s.is_referenced() and (table is top or s.is_global())
    }
    return defined | (set(changed(source)) & used), used


def needed(sources, last):
    """The places, in their order, of all cells that the last one needs, and its own."""
    wanted, found = names(sources[last])[1] | {"plt"}, [last]
    for j in range(last - 1, -1, -1):
        defined, used = names(sources[j])
        if defined & wanted or "set_default_dtype" in sources[j]:
            found.insert(0, j)
            wanted |= used
    return found


def run(sources, places, number, **space):
    """The names of a notebook after the cells at some places, beside those given."""
    matplotlib.use("Agg")
    space = {"torch": torch} | space
    for j in places:
        exec(compile(sources[j], f"{number}, code cell {j + 1}", "exec"), space)
    return space
