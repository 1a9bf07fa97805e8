"""The pytest plugin in a project of its own, loaded by its entry point; and `assert_identity`."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sympy import MatrixSymbol, Symbol, symbols

import derive
from derive import cli

ROOT = Path(__file__).resolve().parents[1]
TRUE = r"""# Right

$x \in \mathbb{R}^n$

$$ x^T x = \|x\|^2 $$

$x + x = 2x$ and $x^T x + x^T x = 2 x^T x = 2\|x\|^2$.
"""
FALSE = r"""# Wrong in one place

$x \in \mathbb{R}^n$

$$ \frac{\partial x^T x}{\partial x} = 2 x $$

$$ x^T x = 3 x^T x $$
"""
LATEX = "% derive: a \\in \\mathbb{R}\n\\begin{align}\na + a &= 2 a \\\\\n&= 3 a\n\\end{align}\n"
NOTEBOOK = {
    "nbformat": 4,
    "metadata": {},
    "cells": [{"cell_type": "markdown", "source": ["$a \\in \\mathbb{R}$\n", "\n", "$$a + a = 2 a$$\n"]}],
}
FAULT = "docs/false.md::false.md:7"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the project is installed, as far as entry points go."""
    folder = tmp_path_factory.mktemp("site")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = folder / f"derive_verifier-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    points = project["entry-points"]["pytest11"]
    lines = [f"{name} = {module}\n" for name, module in points.items()]
    (info / "entry_points.txt").write_text("[pytest11]\n" + "".join(lines))
    return folder


@pytest.fixture
def run(installed: Path, tmp_path: Path):
    """Runs pytest in a project: the exit status, and the lines it prints."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "true.md").write_text(TRUE, encoding="utf-8")
    (tmp_path / "docs" / "false.md").write_text(FALSE, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--strict-markers"\n')

    def pytest_in(*arguments: str, files: dict[str, str] | None = None) -> tuple[int, list[str]]:
        for name, text in (files or {}).items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))}
        env |= {"PYTHONPATH": f"{ROOT}{os.pathsep}{installed}", "COLUMNS": "200"}
        command = [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", "-q", *arguments]
        ran = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        return ran.returncode, (ran.stdout + ran.stderr).splitlines()

    return pytest_in


def failed(lines: list[str]) -> set[str]:
    """The tests that failed."""
    return {found[1] for line in lines if (found := re.match(r"FAILED (\S+)", line))}


# ── documents as tests ─────────────────────────────────────────────────────────────────────────────────────


def test_each_claim_is_a_test(run) -> None:
    """Its id is its line, made unique; listing does not judge."""
    status, lines = run("--derive", "docs", "--collect-only")
    assert status == 0
    assert [line for line in lines if "::" in line] == [
        "docs/false.md::false.md:5",
        "docs/false.md::false.md:7",
        "docs/true.md::true.md:5",
        "docs/true.md::true.md:7:8",
        "docs/true.md::true.md:7:33",
        "docs/true.md::true.md:7:43",
    ]


def test_exactly_the_false_claim_fails(run, tmp_path: Path) -> None:
    """With its diagnostic and no traceback, in JUnit's XML, too; and with two workers the same."""
    xml = tmp_path / "junit.xml"
    status, lines = run("--derive", "docs/", f"--junitxml={xml}")
    assert status == 1
    assert failed(lines) == {FAULT}
    assert lines[-1].startswith("1 failed, 5 passed")
    assert "docs/false.md:7:10: refuted [D102] the two sides differ already for n = 1" in lines
    assert "   7 | $$ x^T x = 3 x^T x $$" in lines
    assert not any("pytest_plugin" in line or "Traceback" in line for line in lines)
    cases = ElementTree.parse(xml).getroot().findall(".//testcase")
    assert len(cases) == 6
    (bad,) = (case for case in cases if case.find("failure") is not None)
    assert bad.get("name") == "false.md:7"
    assert "refuted [D102]" in bad.find("failure").get("message")

    status, lines = run("--derive", "docs/", "-n", "2")
    assert status == 1
    assert failed(lines) == {FAULT}
    assert lines[-1].startswith("1 failed, 5 passed")


def test_the_failure_that_the_readme_shows(run) -> None:
    """Is the one that pytest prints for the example before it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    line = re.search(r"^FAILED (.*) …$", readme, re.MULTILINE)[1]
    equation = re.search(r"^   8 \| (.*)$", readme, re.MULTILINE)[1]
    given = "<!-- derive\nlayout: denominator\nx \\in \\mathbb{R}^n\n-->\n"
    _, lines = run("--derive", "docs/notes.md", files={"docs/notes.md": f"{given}\n\n\n{equation}\n"})
    assert any(printed.startswith(f"FAILED {line}") for printed in lines)


def test_what_pytest_offers_works(run) -> None:
    """-x, -k, -m and --lf."""
    status, lines = run("--derive", "docs", "-x")
    assert status == 1
    assert lines[-1].startswith("1 failed, 1 passed")
    status, lines = run("--derive", "docs", "--lf", "--last-failed-no-failures=none")
    assert failed(lines) == {FAULT}
    assert lines[-1].startswith("1 failed in")
    status, lines = run("--derive", "docs", "-k", "true")
    assert status == 0
    assert lines[-1].startswith("4 passed, 2 deselected")
    status, lines = run("--derive", "docs", "-m", "not derive")
    assert status == 5
    assert lines[-1].startswith("6 deselected")


def test_paths_in_the_configuration(run) -> None:
    """Beside the tests that are collected anyway; a path on the command line goes before it."""
    settings = (
        '[tool.pytest.ini_options]\ntestpaths = ["tests"]\nderive_paths = ["docs/false.md"]\n'
        'addopts = "--strict-markers"\n'
    )
    test = (
        "import derive, pytest\n\n@pytest.mark.derive\ndef test_one():\n"
        "    derive.assert_identity('a + a', '3 a', given=['a \\\\in \\\\mathbb{R}'])\n"
    )
    files = {"pyproject.toml": settings, "tests/test_one.py": test}
    status, lines = run(files=files)
    assert status == 1
    assert failed(lines) == {FAULT, "tests/test_one.py::test_one"}
    assert "E       AssertionError: equation:1:7: refuted [D102] the two sides differ" in lines
    assert lines[-1].startswith("2 failed, 1 passed")
    status, lines = run("tests")
    assert failed(lines) == {"tests/test_one.py::test_one"}
    status, lines = run("docs")
    assert failed(lines) == {FAULT}


def test_every_kind_of_document(run) -> None:
    """Markdown, LaTeX and notebooks; the diagnostic has their lines."""
    status, lines = run(
        "--derive",
        "a.tex",
        "--derive",
        "b.ipynb",
        files={"a.tex": LATEX, "b.ipynb": json.dumps(NOTEBOOK, indent=1)},
    )
    assert status == 1
    assert failed(lines) == {"a.tex::a.tex:4"}
    assert lines[-1].startswith("1 failed, 2 passed")
    assert any(line.startswith("a.tex:4:2: refuted") for line in lines)


def test_unknown_and_unread_fail_unless_allowed(run) -> None:
    """What is allowed is skipped: it was not verified."""
    text = "$x, y \\in \\mathbb{R}^n$\n\n$$ \\|x + y\\| \\le \\|x\\| + \\|y\\| $$\n\n$$ V x = x $$\n"
    status, lines = run("--derive", "a.md", files={"a.md": text})
    assert status == 1
    assert lines[-1].startswith("2 failed")
    settings = '[tool.derive]\nallow = ["unknown"]\n'
    status, lines = run("--derive", "a.md", "-rfs", files={"pyproject.toml": settings})
    assert failed(lines) == {"a.md::a.md:5"}
    assert lines[-1].startswith("1 failed, 1 skipped")
    assert any("unknown, which is allowed" in line for line in lines)


def test_what_is_excused(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment skips, the baseline expects a failure, and a comment in vain is a warning."""
    text = (
        "$x \\in \\mathbb{R}^n$\n\n<!-- derive: skip because it is a sketch -->\n$$ x^T x = 3 x^T x $$\n\n"
        "$$ x^T x = 5 x^T x $$\n\n<!-- derive: skip because of nothing -->\n"
    )
    settings = '[tool.derive]\nbaseline = "known.json"\ngiven = ["given.txt"]\n'
    files = {"a.md": text, "given.txt": "x \\in \\mathbb{R}^n\n"}
    for name, said in files.items():
        (tmp_path / name).write_text(said, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert cli.run(["check", "a.md", "--write-baseline", "known.json"]) == 0
    status, lines = run("--derive", "a.md", "-rsx", files={"pyproject.toml": settings})
    assert status == 0
    assert lines[-1].startswith("1 skipped, 1 xfailed, 1 warning")
    assert any("it is a sketch" in line for line in lines)
    assert any("a.md:8:27: [D301]" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (["--derive", "none"], "", "none: No such file or directory"),
        (["--derive", "pyproject.toml"], "", "not a kind of document"),
        (["--derive", "docs"], "[tool.derive]\nlayouts = 1\n", "has no key 'layouts'; did you mean layout?"),
        (
            ["--derive", "docs"],
            "[tool.derive]\ngiven = ['none.txt']\n",
            "none.txt: No such file or directory",
        ),
    ],
)
def test_usage_errors_take_a_line(run, arguments: list[str], settings: str, said: str) -> None:
    status, lines = run(*arguments, files={"pyproject.toml": settings})
    assert status == 4
    assert any(line.startswith("ERROR: derive: ") and said in line for line in lines)
    assert not any("Traceback" in line for line in lines)


def test_a_document_that_cannot_be_opened_is_an_error(run) -> None:
    """One of collection, which names the file."""
    status, lines = run("--derive", "a.ipynb", files={"a.ipynb": "{"})
    assert status == 2
    assert any("a.ipynb: line 1: not a notebook" in line for line in lines)
    assert not any("Traceback" in line for line in lines)


def test_without_documents_nothing_is_loaded(run) -> None:
    """Neither the reader nor the kernel nor NumPy, in a project that has the plugin and does not use it."""
    heavy = ("derive.documents", "derive.checker", "derive.kernel", "markdown_it", "sympy", "numpy", "flint")
    test = (
        "import sys\n\ndef test():\n    assert 'derive.pytest_plugin' in sys.modules\n"
        f"    assert not [name for name in {heavy} if name in sys.modules]\n"
    )
    status, lines = run(files={"test_a.py": test})
    assert status == 0, lines


# ── assert_identity ────────────────────────────────────────────────────────────────────────────────────────

VECTOR = [r"x \in \mathbb{R}^n"]
OPEN = r"\sum_i \log(1 + x_i^2 + x_i^4)", r"\sum_i \log(1 + x_i + x_i^2) + \sum_i \log(1 - x_i + x_i^2)"


def test_assert_identity_of_latex() -> None:
    derive.assert_identity(r"\frac{\partial x^T x}{\partial x}", "2 x", given=VECTOR, layout="denominator")
    derive.assert_identity(r"\frac{\partial x^T x}{\partial x}", "2 x^T", given=VECTOR, layout="numerator")
    with pytest.raises(AssertionError) as failure:
        derive.assert_identity(r"\frac{\partial x^T x}{\partial x}", "x", given=VECTOR)
    said = str(failure.value)
    assert said.startswith("equation:1:35: refuted [D102] the two sides differ already for n = 1\n")
    assert "a factor 2 is missing" in said
    with pytest.raises(AssertionError, match=r"unread \[D011\] V has no meaning yet"):
        derive.assert_identity("V x", "x", given=VECTOR)
    with pytest.raises(AssertionError, match=r"unknown \[D201\]"):
        derive.assert_identity(*OPEN, given=VECTOR)


def test_assert_identity_of_sympy() -> None:
    n = symbols("n", integer=True, positive=True)
    x = MatrixSymbol("x", n, 1)
    derive.assert_identity(derive.partial(x.T * x, x), 2 * x)
    derive.assert_identity(Symbol("a") * 2, Symbol("a") + Symbol("a"))
    with pytest.raises(AssertionError, match=r"(?s)refuted.*at n = 1"):
        derive.assert_identity(derive.partial(x.T * x, x), x)


@pytest.mark.parametrize(
    ("lhs", "rhs", "given", "error", "said"),
    [
        ("x", Symbol("x"), [], TypeError, "both"),
        ("x", "x", VECTOR[0], TypeError, "is a list"),
        ("x", "x", [Symbol("x")], TypeError, "is LaTeX, too"),
        ("x = x", "x", VECTOR, ValueError, "one expression"),
        ("x", "x \\\\ x = x", VECTOR, ValueError, "one expression"),
        ("x", "x % y", VECTOR, ValueError, "one expression"),
        ("", "x", VECTOR, ValueError, "one expression"),
        ("f", "x", VECTOR, ValueError, "f has no meaning yet"),
        (r"x \in \mathbb{R}^n", "x", [], ValueError, "one expression"),
    ],
)
def test_what_is_no_identity_is_refused(lhs, rhs, given, error: type, said: str) -> None:
    """A definition passes as little as an equation that stands in a side."""
    with pytest.raises(error, match=said):
        derive.assert_identity(lhs, rhs, given=given)


def test_given_statements_that_cannot_be_read_fail() -> None:
    with pytest.raises(AssertionError, match="given 1:1"):
        derive.assert_identity("x", "x", given=[r"T \in \mathbb{R}^{m \times n \times k}"])


def test_an_unknown_layout() -> None:
    with pytest.raises(ValueError, match="the layout is 'numerator' or 'denominator', not 'jacobian'"):
        derive.assert_identity("x", "x", given=VECTOR, layout="jacobian")
