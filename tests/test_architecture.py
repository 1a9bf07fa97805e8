"""The tree itself: who may import whom, who may make a Theorem, what is documented, what a start loads."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("derive", "numeric")

# what a verdict of `proved` rests on; it may import nothing of ours but itself
TRUSTED = frozenset(
    {
        "derive.terms",
        "derive.functions",
        "derive.kernel",
        "derive.normal",
        "derive.normal.polynomial",
        "derive.normal.laws",
        "derive.normal.signs",
        "derive.normal.sums",
        "derive.normal.normal_form",
        "derive.normal.hypotheses",
    }
)
FROM_DERIVE_TO_NUMERIC = frozenset({"derive.terms", "derive.functions", "derive.report"})
STANDARD_FOR_THE_TRUSTED = frozenset(
    {
        "__future__",
        "collections",
        "dataclasses",
        "fractions",
        "functools",
        "itertools",
        "math",
        "types",
        "typing",
    }
)


@cache
def sources():
    """Each module of ours, by its name, as a tree."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text(), str(path))
    return found


def imported(tree, everywhere):
    """The modules that a module imports: when it is loaded, or (`everywhere`) at all, type checking aside."""
    found = set()

    def visit(node):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                visit(other)
            return
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and not everywhere:
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import at line {node.lineno}"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in sources() else node.module)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(tree)
    return found


def ours(names):
    return {name for name in names if name.split(".")[0] in PACKAGES}


def test_terms_import_nothing_of_ours():
    assert not ours(imported(sources()["derive.terms"], True))


def test_functions_import_terms_alone():
    assert ours(imported(sources()["derive.functions"], True)) <= {"derive.terms"}


@pytest.mark.parametrize("name", sorted(TRUSTED))
def test_the_trusted_import_only_each_other(name):
    everything = imported(sources()[name], True)
    assert ours(everything) <= TRUSTED
    assert {part.split(".")[0] for part in everything - ours(everything)} <= STANDARD_FOR_THE_TRUSTED


def test_the_list_of_what_is_trusted_is_complete():
    assert set(sources()) >= TRUSTED
    assert {name for name in sources() if name.startswith("derive.normal")} <= TRUSTED


@pytest.mark.parametrize("name", sorted(name for name in sources() if name.split(".")[0] == "numeric"))
def test_numeric_shares_only_terms_functions_and_reports(name):
    shared = {part for part in imported(sources()[name], True) if part.split(".")[0] == "derive"}
    assert shared <= FROM_DERIVE_TO_NUMERIC


def test_the_reference_shares_nothing():
    assert not ours(imported(sources()["numeric.reference"], True))


@pytest.mark.parametrize("name", ["derive.checker", "derive.judge"])
def test_what_judges_receives_its_evidence(name):
    assert not {part for part in imported(sources()[name], True) if part.split(".")[0] == "numeric"}


def test_there_are_no_import_cycles():
    graph = {}
    for name, tree in sources().items():
        needed = ours(imported(tree, False))
        graph[name] = {part for part in needed if part != name and not name.startswith(part + ".")}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as trouble:
        raise AssertionError(f"an import cycle: {' <- '.join(trouble.args[1])}") from trouble


def test_theorems_are_made_in_the_kernel_alone():
    for name, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Theorem":
                assert name == "derive.kernel", f"{name}, line {node.lineno}"
            if isinstance(node, (ast.Name, ast.Attribute)) and ast.unparse(node).split(".")[-1] == "_SEAL":
                assert name == "derive.kernel", f"{name}, line {node.lineno}"
            if isinstance(node, ast.ClassDef):
                assert not any(ast.unparse(base).split(".")[-1] == "Theorem" for base in node.bases), name


def test_theorems_are_made_in_one_place():
    calls = [
        node
        for node in ast.walk(sources()["derive.kernel"])
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Theorem"
    ]
    assert len(calls) == 1


@pytest.mark.parametrize("name", sorted(sources()))
def test_nothing_is_evaluated(name):
    """Documents come from strangers: no text of theirs is ever run."""
    for node in ast.walk(sources()[name]):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("eval", "exec", "compile", "__import__"), f"line {node.lineno}"
            assert called.split(".")[-1] not in ("parse_expr", "parse_latex"), f"line {node.lineno}"
            strict = any(keyword.arg == "strict" for keyword in node.keywords)
            assert called.split(".")[-1] != "sympify" or strict, f"line {node.lineno}"


def public_names(tree):
    """The module itself, and its functions and classes that do not begin with an underscore."""
    yield tree, "the module"
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node, node.name


@pytest.mark.parametrize("name", sorted(sources()))
def test_public_names_are_documented(name):
    bare = [label for node, label in public_names(sources()[name]) if not ast.get_docstring(node)]
    assert not bare


def test_importing_derive_is_light():
    heavy = ("sympy", "numpy", "flint", "rich", "typer")
    code = f"import derive, sys; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_kernel_needs_no_package():
    """The kernel runs on the standard library alone."""
    code = (
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('sympy', 'numpy', 'flint', 'mpmath', 'rich', 'typer'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Block())\n"
        "from derive.kernel import Theorem, prove\n"
        "from derive.terms import Claim, Entry\n"
        "print(type(prove(Claim(Entry('x'), Entry('x')))) is Theorem)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "True"
