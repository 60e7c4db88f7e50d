"""The rooms of hnnlib: who may import whom, how large, what is documented."""

import ast
import io
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "hnnlib"
ROOMS = (  # each may import only those before it
    "checks mechanics integrators systems bodies data models training "
    "metrics claims plots live explore"
).split()
# Said by the classes: Separable, SeparableHNN.
WRITTEN = "energy velocity force state kinetic potential".split()
HEADLESS = ROOMS[: ROOMS.index("plots")]
SOURCE = {path.stem: path.read_text(encoding="utf-8") for path in PACKAGE.glob("*.py")}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)
EMPTY = (
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE),
    *(tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER),
)
EVERY = pytest.mark.parametrize("module", SOURCE)


def nodes(module, *kinds):
    return (n for n in ast.walk(ast.parse(SOURCE[module])) if isinstance(n, kinds))


def imports(module):
    """Full names of all modules and objects that a module imports."""
    for node in nodes(module, ast.Import):
        yield from (alias.name for alias in node.names)
    for node in nodes(module, ast.ImportFrom):
        assert node.level == 0, f"{module} has a relative import"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def public(body):
    """Public functions, classes and methods, dunder methods included."""
    for node in body:
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            continue
        if not node.name.startswith("_") or node.name.endswith("__"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def test_every_module_has_its_place_in_the_order():
    assert set(SOURCE) == {"__init__", *ROOMS}


@EVERY
def test_modules_import_only_those_before_them(module):
    own = {name.split(".")[1] for name in imports(module) if name.startswith("hnnlib.")}
    allowed = () if module == "__init__" else ROOMS[: ROOMS.index(module)]
    assert own <= set(allowed)
    assert "hnnlib" not in imports(module)


@EVERY
def test_everything_public_has_a_docstring_and_type_hints(module):
    tree = ast.parse(SOURCE[module])
    assert ast.get_docstring(tree)
    for node in public(tree.body):
        where = f"{module}.{node.name}, line {node.lineno}"
        told = node.name.startswith("__") or node.name in WRITTEN
        assert ast.get_docstring(node) or told, where
        if isinstance(node, ast.FunctionDef):
            a = node.args  # keywords handed through, as **line, need no hint
            args = [*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg]
            bare = [x.arg for x in args if x and not x.annotation]
            assert set(bare) <= {"self", "cls"}, where
            assert node.returns or node.name == "__init__", where


def code_lines(text):
    """The numbers of the lines with code: no blanks, comments and docstrings."""
    bodies = [n.body for n in ast.walk(ast.parse(text)) if isinstance(n, DOCUMENTED)]
    docs = [b[0] for b in bodies if b and isinstance(b[0], ast.Expr)]
    docs = [d for d in docs if isinstance(getattr(d.value, "value", None), str)]
    prose = {i for d in docs for i in range(d.lineno, d.end_lineno + 1)}
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    code = [t for t in tokens if t.type not in EMPTY]
    return {i for t in code for i in range(t.start[0], t.end[0] + 1)} - prose


def test_package_stays_small_enough_to_read():
    lines = {module: len(text.splitlines()) for module, text in SOURCE.items()}
    assert sum(lines.values()) <= 1400
    assert sum(len(code_lines(text)) for text in SOURCE.values()) <= 900
    assert max(lines.values()) <= 200


@EVERY
def test_no_function_is_too_long_to_be_said_in_one_sentence(module):
    for node in nodes(module, ast.FunctionDef):
        assert node.end_lineno - node.lineno < 40, node.name
        first = (ast.get_docstring(node) or "It is.").splitlines()[0]
        assert first.endswith((".", ":")) or "; " in first, f"{node.name}: {first}"


@EVERY
def test_no_concrete_class_of_the_package_has_heirs_in_it(module):
    abstract = {"Separable", "Predictor"}
    own = {
        n.name
        for text in SOURCE.values()
        for n in ast.walk(ast.parse(text))
        if isinstance(n, ast.ClassDef)
    }
    for node in nodes(module, ast.ClassDef):
        parents = {base.id for base in node.bases if isinstance(base, ast.Name)}
        assert parents & own <= abstract, node.name


def test_import_needs_no_screen_and_leaves_torch_as_it_was():
    code = f"""if True:
        import sys, torch
        def state():
            threads = torch.get_num_threads(), torch.get_num_interop_threads()
            random = torch.random.get_rng_state().tolist()
            grad = torch.is_grad_enabled()
            return threads, random, grad, torch.get_default_dtype()
        torch.set_num_threads(3)
        before = state()
        from hnnlib import {", ".join(HEADLESS)}
        assert state() == before, "the import changed torch"
        heavy = {{"matplotlib", "IPython", "ipywidgets"}} & set(sys.modules)
        assert not heavy, heavy
    """
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout + done.stderr == ""
