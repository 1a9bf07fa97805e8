"""`derive list` and `derive show` as a user meets them: in a terminal, in a pipe and in a script."""

import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import pytest
from rich.cells import cell_len

from derive import catalogue
from derive.cli import run

BARE = {
    name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR", "NO_COLOR")
}
HOME = "softmax-cross-entropy"
SMALL = "squared-error"
RESULT = {"denominator": "∂CE/∂W = (ŷ − y) xᵀ", "numerator": "∂CE/∂W = x (ŷ − y)ᵀ"}
STEP_KEYS = {
    "line", "column", "kind", "verdict", "relation", "lhs", "rhs", "dimensions", "uses", "conditions",
    "layout", "code", "message", "repair", "counterexample", "numeric",
}  # fmt: skip


@cache
def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`derive` in a process of its own, its output in a pipe."""
    return subprocess.run(
        [sys.executable, "-m", "derive", *arguments],
        capture_output=True,
        encoding="utf-8",
        env=BARE | environment,
        timeout=300,
    )


def shown(*arguments: str, **environment: str) -> str:
    """What `derive show` prints in a pipe when all is well."""
    found = process("show", *arguments, **environment)
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stderr == ""
    return found.stdout


@cache
def printed(*arguments: str) -> str:
    """The same, in this process."""
    with redirect_stdout(StringIO()) as output, patch.dict(os.environ, BARE | {"COLUMNS": "80"}):
        assert run(["show", *arguments]) == 0
    return output.getvalue()


# ── list ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_list() -> None:
    """A line for each derivation, the home one first, its name set apart from what it is."""
    found = process("list")
    assert (found.returncode, found.stderr) == (0, "")
    lines = found.stdout.splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == list(catalogue.documents())
    assert lines[0].startswith(f"{HOME} ")
    assert all(re.fullmatch(r"\S+ {2,}\S.*", line) and len(line) <= 80 for line in lines)


def test_console_script_and_module_are_one() -> None:
    """`derive list` and `python -m derive list`."""
    script = Path(sys.executable).with_name("derive")
    if not script.exists():
        pytest.skip("the console script is not installed beside this Python")
    found = subprocess.run([script, "list"], capture_output=True, encoding="utf-8", env=BARE, timeout=60)
    assert found.stdout == process("list").stdout


@pytest.mark.parametrize(
    "statement", ["import derive", "from derive.cli import main; sys.argv[1:] = ['list']; main()"]
)
def test_heavy_packages_stay_out(statement: str) -> None:
    """Neither importing derive nor listing loads SymPy or NumPy."""
    program = (
        f"import sys\ntry:\n    {statement}\nfinally:\n    print(sys.modules.keys() & {{'sympy', 'numpy'}})"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", timeout=60)
    assert found.stdout.splitlines()[-1] == "set()", found.stderr


# ── show ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_home_derivation_in_a_pipe() -> None:
    """Quantities, steps, rules, verdicts, hypotheses, conditions, numbers, result; in 80 plain columns."""
    text = shown(HOME, COLUMNS="80")
    assert "\x1b" not in text
    assert max(map(cell_len, text.splitlines())) <= 80
    (result,) = [line for line in text.splitlines() if line.startswith("result")]
    assert result.split("  ", 1)[1] == RESULT["denominator"]
    for piece in (
        "Softmax with cross entropy",
        "denominator layout",
        "W ∈ R^(c × d)",
        "ŷ = softmax(z)",
        "= diag(ŷ) − ŷ ŷᵀ",
        "= ŷ − y",
        "✓ proved for all c, d · product rule",
        "uses Σᵢ yᵢ = 1",
        "where ŷᵢ ≠ 0",
        "product rule: ∂(a u)/∂x = a · ∂u/∂x + ∂a/∂x · uᵀ",
        "37 of 37 steps proved",
        "central differences",
        "largest error",
        "seed",
        "SymPy and the kernel agree",
    ):
        assert piece in text, piece
    assert not re.search(r"refuted|unknown|unread|DISAGREE|Traceback", text)


def test_explicit_entries_in_numerator_layout() -> None:
    """`--classes 3 --features 2`: numbers instead of c and d, and the result entry by entry."""
    text = shown(HOME, "--layout", "numerator", "--classes", "3", "--features", "2", COLUMNS="80")
    assert RESULT["numerator"] in text
    assert "numerator layout" in text
    assert "38 of 38 steps proved" in text
    assert "proved for all" not in text
    for entry in ("x₁ (ŷ₁ − y₁)", "x₁ (ŷ₃ − y₃)", "x₂ (ŷ₁ − y₁)", "x₂ (ŷ₃ − y₃)"):
        assert entry in text
    assert "x₃" not in text
    assert max(map(cell_len, text.splitlines())) <= 80


def test_layouts_differ() -> None:
    """The order of factors changes, and the rules are shown as they read there."""
    one, other = (printed(SMALL, "--layout", layout) for layout in RESULT)
    assert "= ∂a/∂z · ∂C/∂a" in one
    assert "= ∂C/∂a · ∂a/∂z" in other
    assert "chain rule: ∂v/∂x = ∂u/∂x · ∂v/∂u" in one
    assert "chain rule: ∂v/∂x = ∂v/∂u · ∂u/∂x" in other


def test_one_size_at_a_time() -> None:
    """`--classes` alone fixes c."""
    text = printed(SMALL, "--classes", "2")
    assert "proved for all" not in text
    assert "7 of 7 steps proved" in text


@pytest.mark.parametrize("layout", RESULT)
def test_json(layout: str) -> None:
    """Version 1: the keys that were promised, and only proved claims."""
    found = json.loads(printed(SMALL, "--format", "json", "--layout", layout))
    assert found["version"] == 1
    assert set(found) == {"version", "derivation"}
    derivation = found["derivation"]
    assert {"name", "layout", "result", "steps"} <= derivation.keys()
    assert (derivation["name"], derivation["layout"]) == (SMALL, layout)
    kinds = {step["kind"] for step in derivation["steps"]}
    assert kinds <= {"claim", "definition", "given", "declaration"}
    for step in derivation["steps"]:
        assert step.keys() >= STEP_KEYS
        assert step["line"] > 0
        assert step["column"] > 0
        if step["kind"] != "claim":
            assert step["verdict"] is None
            continue
        assert step["verdict"] == "proved"
        assert step["dimensions"] == ["c"]
        assert step["layout"] in (layout, "any")
        assert step["rule"]
        if step["numeric"] is not None:
            assert step["numeric"].keys() >= {"method", "samples", "max_error"}
            assert 0 <= step["numeric"]["max_error"] < 1e-6
            assert step["numeric"]["samples"] > 1
    assert any(step["numeric"] for step in derivation["steps"])
    assert derivation["result"] == derivation["steps"][-1]["rhs"]


def test_latex() -> None:
    """Balanced `align*` environments, a rule and a verdict beside each row, the rows as written."""
    text = printed(SMALL, "--format", "latex")
    assert text.count(r"\begin{align*}") == text.count(r"\end{align*}") > 2
    assert text.count("proved") == 7
    assert r"&= (a - y) \odot \sigma'(z) && \text{diag times a vector; proved}" in text
    assert text.startswith("% Squared error")
    for environment in re.findall(r"\\begin\{align\*\}(.*?)\\end\{align\*\}", text, re.DOTALL):
        assert environment.count("{") == environment.count("}")
        assert "\n\n" not in environment


def test_markdown() -> None:
    """A heading, a table for each chain with as many cells in each row, and the result."""
    text = printed(SMALL, "--format", "markdown")
    assert text.startswith("# Squared error behind an activation (denominator layout)\n")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.count("|") == 4 for line in rows)
    assert sum("proved for all c" in line for line in rows) == 7
    assert text.rstrip().endswith(r"**Result:** $(a - y) \odot \sigma'(z)$")


def test_markdown_keeps_norms() -> None:
    r"""A \| inside a table does not end a cell, and stays a norm."""
    assert r"\\vert" not in printed(SMALL, "--format", "markdown")


def test_output_file(tmp_path: Path) -> None:
    """`-o FILE` writes what would have been printed, as UTF-8, and prints nothing."""
    target = tmp_path / "out.txt"
    assert printed(SMALL, "--format", "text", "-o", str(target)) == ""
    assert target.read_text(encoding="utf-8") == printed(SMALL)


def test_any_environment() -> None:
    """A locale that knows ASCII only, no COLUMNS, no colour, a dumb terminal: UTF-8 in 80 plain columns."""
    text = shown(SMALL, LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0", NO_COLOR="1", TERM="dumb")
    assert "∂C/∂z" in text
    assert "\x1b" not in text
    assert max(map(cell_len, text.splitlines())) <= 80


def test_a_false_step_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 1, the step marked as refuted with its counterexample, the others still proved."""
    file, text = catalogue.text(SMALL, "denominator")
    false = text.replace(r"&= (a - y) \odot \sigma'(z)", r"&= (a + y) \odot \sigma'(z)")
    assert false != text
    monkeypatch.setattr(catalogue, "text", lambda name, layout: (file, false))
    assert run(["show", SMALL]) == 1
    output = capsys.readouterr().out
    assert "✗ refuted" in output
    assert "counterexample: c = 1" in output
    assert "6 of 7 steps proved, 1 refuted" in output


def test_quantities_are_shown_whole() -> None:
    """σ maps numbers to numbers, entry by entry."""
    assert re.search("σ ?: R → R", printed(SMALL))


def test_conditions_are_shown_as_formulas() -> None:
    """No condition is passed over with an excuse."""
    assert "without a short form" not in shown(HOME, COLUMNS="80")


# ── bad input ──────────────────────────────────────────────────────────────────────────────────────────────

BAD = {  # what is typed, and what the one line says
    "unknown name": (("show", "softmax-cross-entrpy"), f"did you mean {HOME}"),
    "nothing like it": (("show", "zzzzz"), "there is no derivation called 'zzzzz'"),
    "no classes": (("show", SMALL, "--classes", "0"), "--classes is a number from 1"),
    "negative features": (("show", SMALL, "--features", "-1"), "--features is a number from 1"),
    "too many classes": (("show", SMALL, "--classes", "1000000"), "not 1000000"),
    "no such folder": (("show", SMALL, "-o", "/nonexistent/out.txt"), "cannot write /nonexistent/out.txt"),
    "a folder": (("show", SMALL, "-o", "/"), "cannot write /"),
    "sideways": (("show", SMALL, "--layout", "sideways"), "'sideways'"),
    "half a class": (("show", SMALL, "--classes", "2.5"), "--classes"),
    "no such format": (("show", SMALL, "--format", "pdf"), "'pdf'"),
    "no name": (("show",), "NAME"),
    "no such command": (("shew",), "shew"),
    "no such option": (("show", SMALL, "--colour"), "--colour"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_status_2(case: str) -> None:
    """One clear line on standard error, nothing on standard output, no traceback."""
    arguments, expected = BAD[case]
    found = process(*arguments)
    assert found.returncode == 2
    assert found.stdout == ""
    (line,) = found.stderr.splitlines()
    assert line.startswith("derive: ")
    assert expected in line


@pytest.mark.parametrize("arguments", [("list",), ("show", SMALL), ("show", SMALL, "--format", "json")])
def test_a_closed_pipe_is_no_error(arguments: tuple[str, ...]) -> None:
    """The reader has gone before the first line: no traceback, no complaint."""
    child = subprocess.Popen(
        [sys.executable, "-m", "derive", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=BARE
    )
    child.stdout.close()
    errors = child.stderr.read().decode()
    assert child.wait(60) in (0, 1, 141, -13)
    assert errors == ""


def test_head_takes_one_line() -> None:
    """`derive show … | head -1`."""
    found = subprocess.run(
        f'"{sys.executable}" -m derive show {SMALL} | head -1',
        shell=True,
        capture_output=True,
        encoding="utf-8",
        env=BARE,
        timeout=60,
    )
    assert found.stdout == "Squared error behind an activation   (denominator layout)\n"
    assert found.stderr == ""
