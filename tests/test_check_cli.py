"""`derive check`, `derive prove` and `derive explain`: what is printed, and the exit status."""

import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from derive import cli
from derive.render.markdown import reports_markdown
from derive.render.report import Style, beside, claims_text, picture, report_text, safe, width, wrap
from derive.report import Counterexample, Evidence, Note, Repair, Report, Step, Value, Verdict

DOCUMENT = r"""# Notes

<!-- derive
layout: denominator
x \in \mathbb{R}^n
A \in \mathbb{R}^{n \times n}
y \in \mathbb{R}^n
x^T x = 1
-->

The gradient is

$$
\begin{align*}
\frac{\partial x^T x}{\partial x}
&= x + x \tag{product rule} \\
&= 3 x \\
&= 2 x
\end{align*}
$$

and $y = (x^T x) y$, but

$$ \|x + y\| \le \|x\| + \|y\| $$

is open, and $V x = x$ unread.
"""
RIGHT = "$a \\in \\mathbb{R}$\n\n$$ a + a = 2 a $$\n"


@dataclass(frozen=True)
class Result:
    """What a command did."""

    exit_code: int
    stdout: str
    stderr: str


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in a folder of its own, on a terminal of 80 columns without colours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("LINES", raising=False)

    def _run(*arguments: str, **files: str) -> Result:
        for name, text in files.items():
            Path(f"{name}.md").write_text(text, encoding="utf-8")
        status = cli.run(arguments)
        return Result(status, *capsys.readouterr())

    return _run


def page(*steps: Step, source: str = "", style: Style | None = None, **fields: object) -> str:
    """The text report on some steps."""
    report = Report("p.md", None, list(steps), source=source, **fields)  # type: ignore[arg-type]
    return report_text(report, style or Style())


# ── derive check, as text ──────────────────────────────────────────────────────────────────────────────────


def test_a_report_tells_what_was_found(run: Run) -> None:
    """Each claim that is not proved, with its place and a caret under its sign, and then the ledger."""
    result = run("check", "notes.md", notes=DOCUMENT)
    assert result.exit_code == 1
    heads = re.findall(r"^notes\.md:(\d+):(\d+): (\w+) \[(D\d+)\]", result.stdout, re.MULTILINE)
    assert heads == [
        ("17", "2", "refuted", "D102"),
        ("18", "2", "refuted", "D102"),
        ("24", "14", "unknown", "D201"),
        ("26", "19", "unread", "D011"),
    ]
    assert "\n  16 | &= x + x \\tag{product rule} \\\\\n  17 | &= 3 x \\\\\n     |  ^\n" in result.stdout
    assert "left side  2\n         right side 3\n" in result.stdout
    assert "note [D110]: two errors cancel" in result.stdout
    ledger = result.stdout[result.stdout.index("notes.md: 6 claims") :]
    assert ledger.startswith(
        "notes.md: 6 claims: 2 proved, 2 refuted, 1 unknown, 1 unread (3 declarations, 1\n  given)\n"
        "  needs   xᵀ x = 1   in line 22\n  layout  denominator\n"
    )
    assert "proved for all" not in result.stdout
    assert all(width(line) <= 80 for line in result.stdout.splitlines())


def test_verbose_shows_what_is_proved(run: Run) -> None:
    """With the rule that it cites, and the hypotheses that it uses."""
    result = run("check", "notes.md", "--verbose", notes=DOCUMENT)
    assert "notes.md:16:2: proved for all n · product rule\n         ∂(xᵀ x)/∂x = x + x\n" in result.stdout
    assert "     = uses: xᵀ x = 1\n" in result.stdout


def test_show_reading_tells_how_each_step_was_understood(run: Run) -> None:
    """Declarations by the shape that they give, claims with the shape and layout of both sides."""
    said = run("check", "notes.md", "--show-reading", notes=DOCUMENT).stdout
    assert "notes.md:6:3: declaration\n         A ∈ R^(n × n)\n     = read as: A ∈ R^(n × n)\n" in said
    assert "     = read as: ∂(xᵀ x)/∂x = x + x ∈ Rⁿ, in denominator layout\n" in said
    assert "     = read as: y = (xᵀ x) y ∈ Rⁿ\n" in said


def test_a_condition_that_a_definition_sees_to_is_marked(run: Run) -> None:
    """p > 0 follows from p := e^u; of v nothing is known."""
    text = r"""$u, v \in \mathbb{R}$ and $p = e^u$.

$$ \log(p v) = \log p + \log v $$

$$ \log p^2 = 2 \log p $$
"""
    said = run("check", "a.md", "--verbose", a=text).stdout
    first, second = re.findall("where: (.*)", said)
    assert "v > 0" in first.split(", ")
    assert "by definition" not in first
    assert second == "p > 0 (by definition), p² > 0 (by definition)"


def test_a_proved_document(run: Run) -> None:
    """There is only the ledger."""
    result = run("check", "a.md", a=RIGHT)
    assert result.exit_code == 0
    assert result.stdout == "a.md: 1 claim: 1 proved (1 declaration)\n\n"


def test_several_documents(run: Run) -> None:
    """One that cannot be opened does not stop the others, and the totals come last."""
    result = run("check", "none.md", "a.md", "b.md", a=RIGHT, b=DOCUMENT)
    assert result.exit_code == 2
    assert result.stdout.startswith("none.md: error: No such file or directory\na.md: 1 claim: 1 proved")
    assert "3 documents, 1 of them could not be checked: 7 claims: 3 proved, 2 refuted" in result.stdout


@pytest.mark.parametrize(
    ("text", "arguments", "status"),
    [
        (RIGHT, [], 0),
        ("nothing here", [], 0),
        (RIGHT.replace("2 a", "3 a"), [], 1),
        (RIGHT.replace("2 a", "3 a"), ["--allow", "unknown", "--allow", "unread"], 1),
        (RIGHT.replace("2 a", "2 b"), [], 1),
        (RIGHT.replace("2 a", "2 b"), ["--allow", "unread"], 0),
        (RIGHT.replace("2 a", "2 b"), ["--allow", "unknown"], 1),
        (RIGHT.replace("a + a =", r"\|a + a\| \le"), ["--allow", "unread"], 1),
        (RIGHT, ["--timeout", "0"], 2),
        (RIGHT, ["--given", "none.txt"], 2),
        (RIGHT, ["--format", "yaml"], 2),
        (RIGHT, ["--layout", "jacobian"], 2),
    ],
)
def test_the_exit_status(run: Run, text: str, arguments: list[str], status: int) -> None:
    """0 all proved, 1 something is not, 2 bad usage or a file that cannot be opened."""
    if status == 1 and r"\le" in text:
        text = "<!-- derive\nx, y \\in \\mathbb{R}^n\n-->\n\n$$ \\|x + y\\| \\le \\|x\\| + \\|y\\| $$\n"
    result = run("check", "a.md", *arguments, a=text)
    assert result.exit_code == status, result
    assert status != 2 or re.fullmatch("derive: [^\n]*\n", result.stderr)


def test_without_arguments(run: Run) -> None:
    """There is nothing to check."""
    assert run("check").exit_code == 2


def test_given_statements(run: Run) -> None:
    """What a second file states holds; what cannot be read in it is told with its line."""
    Path("shapes.txt").write_text("a \\in \\mathbb{R}\n")
    assert run("check", "a.md", "--given", "shapes.txt", a="$$ a + a = 2 a $$").exit_code == 0
    Path("shapes.txt").write_text("a \\in \\mathbb{R}\n\nb \\in \\mathbb{R}^{m \\times n \\times k}\n")
    result = run("check", "a.md", "--given", "shapes.txt")
    assert result.exit_code == 1
    assert result.stdout.startswith("shapes.txt:3:3: unread [D005] an array of more than two dimensions")
    assert "a.md: 1 claim: 1 proved\n" in result.stdout
    assert run("check", "a.md", "--given", "shapes.txt", "--allow", "unread").exit_code == 0


def test_the_layout_is_an_option(run: Run) -> None:
    """Where a document does not say it; then no other layout will do."""
    text = "<!-- derive\nA \\in \\mathbb{R}^{m \\times n}\nx \\in \\mathbb{R}^n\n-->\n\n"
    text += "$$ \\frac{\\partial A x}{\\partial x} = A $$\n"
    assert "layout  numerator" in run("check", "a.md", "--layout", "numerator", a=text).stdout
    assert "right in numerator layout" in run("check", "a.md", "--layout", "denominator", a=text).stdout
    assert "layout  numerator" in run("check", "a.md", a=text).stdout


def test_nothing_from_a_document_reaches_the_terminal_raw(run: Run) -> None:
    """Escape sequences, control characters and reversed writing are spelled out."""
    text = "<!-- derive\na \\in \\mathbb{R}\n-->\n\n"
    text += "$$ a \x1b[31m = 2 a \x07\u202e $$ $\\mathrm{\x1b]0;x\x07} = a$\n"
    for form in ("text", "markdown", "json"):
        result = run("check", "a.md", "--verbose", "--format", form, a=text)
        raw = {c for c in result.stdout if unicodedata.category(c) in ("Cc", "Cf")} - {"\n"}
        assert raw <= ({"\u202e"} if form == "json" else set())
    assert "\\x1b[31m" in run("check", "a.md").stdout


def test_no_colours_in_a_pipe(run: Run) -> None:
    """Escape sequences are for terminals."""
    assert "\x1b" not in run("check", "a.md", "-v", a=DOCUMENT).stdout


# ── derive check, as data ──────────────────────────────────────────────────────────────────────────────────


def test_json_is_version_one(run: Run) -> None:
    """Each promised key is there, with the promised kind of value."""
    result = run("check", "notes.md", "none.md", "--format", "json", notes=DOCUMENT)
    assert result.exit_code == 2
    data = json.loads(result.stdout)
    assert data["version"] == 1
    document, missing = data["documents"]
    assert (missing["path"], missing["error"]) == ("none.md", "No such file or directory")
    assert (document["path"], document["layout"], document["error"]) == ("notes.md", "denominator", None)
    assert document["counts"] == {
        "proved": 2, "refuted": 2, "unknown": 1, "unread": 1, "definition": 0, "given": 1, "declaration": 3,
    }  # fmt: skip
    promised = {
        "line", "column", "kind", "verdict", "relation", "lhs", "rhs", "dimensions", "uses", "conditions",
        "layout", "code", "message", "repair", "counterexample", "numeric",
    }  # fmt: skip
    assert all(promised <= step.keys() for step in document["steps"])
    assert all((step["verdict"] is None) == (step["kind"] != "claim") for step in document["steps"])
    refuted = next(step for step in document["steps"] if step["verdict"] == "refuted")
    assert refuted["counterexample"].keys() >= {"dimensions", "values", "lhs", "rhs", "entry"}
    assert refuted["counterexample"]["entry"] == [0]
    assert refuted["numeric"].keys() >= {"method", "samples", "max_error"}
    used = next(step for step in document["steps"] if step["uses"])
    assert (used["uses"], used["layout"]) == (["x^T x = 1"], "any")
    assert used["reading"] == r"y = \left(x^T x\right) y \in \mathbb{R}^{n}"
    assert [note["code"] for note in document["notes"]] == ["D110"]
    open_one = next(step for step in document["steps"] if step["verdict"] == "unknown")
    assert r"\left\|x + y\right\|" in open_one["reading"]
    assert open_one["residual"].count(r"\sqrt") == 3


def test_json_holds_what_cannot_be_encoded(run: Run) -> None:
    """Half a surrogate pair from a notebook stays an escape."""
    cell = {"cell_type": "markdown", "source": "$$ a\ud800 = a $$"}
    Path("a.ipynb").write_text(json.dumps({"nbformat": 4, "metadata": {}, "cells": [cell]}))
    result = run("check", "a.ipynb", "--format", "json")
    assert json.loads(result.stdout)["documents"][0]["counts"]["unread"] == 1


def test_a_markdown_report(run: Run) -> None:
    """A table of documents, and what is wrong in each."""
    result = run("check", "notes.md", "--format", "markdown", notes=DOCUMENT)
    assert "| `notes.md` | 2 | 2 | 1 | 1 | denominator |" in result.stdout
    assert "- line 17, column 2: **refuted** D102" in result.stdout
    assert "  ```latex\n  x + x\n    = 3 x\n  ```\n" in result.stdout
    assert "- needs `x^T x = 1` in line 22" in result.stdout


def test_markdown_cannot_be_broken_out_of() -> None:
    """Whatever a document holds stays code or plain words."""
    step = Step(1, 1, "claim", "=", "````\n# a", "<b>|", Verdict.UNREAD, message="<script> *x* [y](z) ``")
    text = reports_markdown([Report("a|`b.md", None, [step])])
    assert "| ``a\\|`b.md`` |" in text
    assert "\\<script\\> \\*x\\* \\[y\\](z) \\`\\`" in text
    assert "\n  `````latex\n  ````\n  # a\n    = <b>|\n  `````\n" in text


# ── derive prove ───────────────────────────────────────────────────────────────────────────────────────────

SHAPES = ["--given", r"A \in \mathbb{R}^{m \times n}", "--given", r"x \in \mathbb{R}^n"]
DERIVATIVE = r"\frac{\partial A x}{\partial x}"


@pytest.mark.parametrize(
    ("equation", "arguments", "status", "said"),
    [
        (f"{DERIVATIVE} = A^T", [*SHAPES, "--layout", "denominator"], 0, "proved for all m, n"),
        (f"{DERIVATIVE} = A", [*SHAPES, "--layout", "numerator"], 0, "proved for all m, n"),
        ("x^T x = 1", [*SHAPES, "--given", "x^T x = 1"], 0, "uses: xᵀ x = 1"),
        (r"\frac{x}{x^T x} (x^T x) = x", SHAPES, 0, "where:"),
        ("x + x = 3 x", SHAPES, 1, "right side 3"),
        ("x + x = 2 x = 3 x", SHAPES, 1, "proved for all n"),
        ("x + x = 2 V", SHAPES, 1, "V has no meaning yet"),
        ("z = 2", SHAPES, 2, "not an equation that claims something"),
        ("x", SHAPES, 2, "not an equation that claims something"),
        ("x + x = 2 x", ["--given", r"x \in \mathbb{R}^{a \times b \times c}"], 1, "given 1:1:3: unread"),
    ],
)
def test_prove(run: Run, equation: str, arguments: list[str], status: int, said: str) -> None:
    """The verdict, what it uses and needs, or a counterexample."""
    result = run("prove", equation, *arguments)
    assert result.exit_code == status, result
    assert said in result.stdout + result.stderr


def test_prove_as_json(run: Run) -> None:
    """The same step objects as in reports."""
    data = json.loads(run("prove", "x + x = 2 x", *SHAPES, "--format", "json").stdout)
    assert (data["version"], data["proved"], len(data["steps"])) == (1, True, 1)
    assert data["steps"][0]["dimensions"] == ["n"]


# ── derive explain ─────────────────────────────────────────────────────────────────────────────────────────


def test_explain(run: Run) -> None:
    """What, why, an example and a correction."""
    result = run("explain", "d011")
    assert result.exit_code == 0
    assert result.stdout.startswith("D011  a symbol without a meaning\n")
    assert "for example:\n\n    <!-- derive\n    x \\in" in result.stdout
    assert "instead:" in result.stdout
    assert len(run("explain").stdout.splitlines()) > 15


def test_explain_an_unknown_code(run: Run) -> None:
    """Says what is close."""
    result = run("explain", "D111")
    assert result.exit_code == 2
    assert "did you mean" in result.stderr


# ── what a report looks like ───────────────────────────────────────────────────────────────────────────────


def test_a_step_with_everything() -> None:
    """A counterexample is laid out, and what would mend the step is shown."""
    source = "$$\n\\frac{\\partial A x}{\\partial x}\n = A $$\n"
    found = Counterexample(
        {"m": 1, "n": 2},
        {"A": [["1/2", -1]], "x": [1, 0], "\\sigma": "\\sigma(t) = t^2"},
        "1",
        "2",
        (0, 1),
        "ball",
    )
    step = Step(
        3, 2, "claim", "=", r"\frac{\partial A x}{\partial x}", "A", Verdict.REFUTED, code="D102",
        message="no", layout="denominator", counterexample=found,
        repair=Repair("transpose", "A^T", "with a transpose it is proved"),
        reading=r"J",
    )  # fmt: skip
    note = Note(3, 2, "something", "D110")
    text = page(step, source=source, style=Style(reading=True), notes=[note])
    assert (
        text
        == """p.md:3:2: refuted [D102] no
     |
   2 | \\frac{\\partial A x}{\\partial x}
   3 |  = A $$
     |  ^
     = read as: J, in denominator layout
     = counterexample: m = 1, n = 2, entry (1, 2)
         A = [ 1/2  -1 ]   x = (1, 0)   σ(t) = t²
         left side  1
         right side 2 (rounded; certified by ball arithmetic)
     = help: with a transpose it is proved
         A^T
     = note [D110]: something

p.md: 1 claim: 1 refuted
  layout  denominator

"""
    )


def test_an_unread_step_has_its_caret_at_the_trouble() -> None:
    """And says what might have stood there."""
    step = Step(1, 8, "claim", "=", "f(x", "y", Verdict.UNREAD, code="D001", message="no end", cell=2)
    step.place, step.expected = (1, 5), "a closing bracket"
    text = page(step, source="$$ f(x = y $$")
    assert "p.md:1:8: (cell 2) unread [D001] no end\n" in text
    assert "\n   1 | $$ f(x = y $$\n     |     ^\n     = expected: a closing bracket\n" in text


@pytest.mark.parametrize(
    ("agrees", "relation", "said"),
    [
        (True, "=", "both sides agree up to 1e-09 in 5 samples; that proves nothing"),
        (True, "<=", "it holds in 5 samples; that proves nothing"),
        (False, "=", "the sides seem to differ, but no counterexample could be certified"),
        (None, "=", "rounding drowns the answer"),
    ],
)
def test_an_unknown_step_tells_what_there_is(agrees: bool | None, relation: str, said: str) -> None:
    """What is left over, and how well the numbers agree."""
    numeric = Evidence("central differences", (), 5, 1e-9, 1e-8, agrees, 0)
    step = Step(1, 1, "claim", relation, "a", "b", Verdict.UNKNOWN, residual="a - b", numeric=numeric)
    text = " ".join(page(step, source="a = b").split())
    assert "left over: a − b, which is not shown to be 0" in text
    assert said in text


def test_the_ledger_tells_the_layouts() -> None:
    """Which lines are read which way, where they are mixed."""
    steps = [
        Step(n, 1, "claim", "=", "a", "b", Verdict.PROVED, layout=layout)
        for n, layout in enumerate(("numerator", "denominator", "any", "denominator", "denominator"), 1)
    ]
    text = report_text(Report("p.md", "mixed", steps), Style())
    assert (
        "  layout  mixed\n          denominator in lines 2, 4 and 5\n          numerator in line 1\n" in text
    )


def test_a_long_line_is_cut_around_the_sign() -> None:
    """Wherever the sign is, and however wide the characters before it are."""
    for before, after in ((500, 500), (0, 500), (500, 0), (30, 500), (500, 30)):
        for letter in "a漢":
            source = letter * before + "=" + letter * after
            step = Step(1, before + 1, "claim", "=", "a", "b", Verdict.UNREAD)
            for columns in (40, 80, 120):
                lines = page(step, source=source, style=Style(columns)).splitlines()
                (shown,), (marks,) = (
                    [line for line in lines if line.startswith(start)] for start in ("   1 |", "     |  ")
                ) if before else ([lines[2]], [lines[3]])  # fmt: skip
                assert width(shown) <= columns
                assert marks.index("^") == width(shown[: shown.index("=")])


def test_a_row_of_a_notebook_is_shown_as_it_reads() -> None:
    """Without the escapes of JSON, and with the caret in its place."""
    source = '{"source": [\n "x\\\\alpha\\n\\t= \\u4e2d\\ud83d\\n", "next"]}'
    column = source.split("\n")[1].index("=") + 1
    step = Step(2, column, "claim", "=", "x\\alpha", "中", Verdict.UNREAD)
    text = claims_text(Report("a.ipynb", None, [step], source=source), Style())
    assert "\n   2 | x\\alpha\n   2 |     = 中\\ud83d\n     |     ^\n" in text


@pytest.mark.parametrize(
    ("name", "value", "lines"),
    [
        ("a", "1/3", ["a = 1/3"]),
        ("x", [1, "-1/2"], ["x = (1, -1/2)"]),
        ("A", [[1, "-1/2"], [10, 0]], ["A = [  1  -1/2 ]", "    [ 10     0 ]"]),
        ("T", [[[1], [2]]], ["T = [[[1], [2]]]"]),
    ],
)
def test_values_are_laid_out(name: str, value: Value, lines: list[str]) -> None:
    """A matrix is drawn in rows."""
    assert picture(name, value) == lines


def test_pictures_stand_beside_each_other() -> None:
    """As long as there is room."""
    pictures = [picture("A", [[1, 2], [3, 4]]), picture("x", [1, 2]), picture("y", [1])]
    assert beside(pictures, 40) == ["A = [ 1  2 ]   x = (1, 2)   y = (1)", "    [ 3  4 ]"]
    assert beside(pictures, 26) == ["A = [ 1  2 ]   x = (1, 2)", "    [ 3  4 ]", "y = (1)"]


@pytest.mark.parametrize(
    ("text", "shown", "columns"),
    [
        ("a = b", "a = b", 5),
        ("a\tb\nc", "a    b c", 8),
        ("\x1b[2J\x07", "\\x1b[2J\\x07", 11),
        ("a\u200bb\u202e", "ab\\u202e", 8),
        ("中文，", "中文，", 6),
        ("x\u0302\u3000\xa0y", "x\u0302   y", 5),
        ("\U000e0041\ud800", "\\U000e0041\\ud800", 16),
    ],
)
def test_safe_text(text: str, shown: str, columns: int) -> None:
    """A terminal acts on nothing in it, and its width is known."""
    assert safe(text) == shown
    assert width(safe(text)) == columns


def test_text_is_wrapped_by_its_width() -> None:
    """At spaces, and inside words that are too long for a line."""
    assert wrap("one two three", 8) == ["one two", "three"]
    assert wrap("中文中文 ab", 5) == ["中文", "中文", "ab"]
    assert wrap("", 5) == [""]
    assert wrap("abcdef", 1) == list("abcdef")


# ── start-up ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "arguments", [["check", "a.md"], ["prove", "1 + 1 = 2"], ["explain", "D011"], ["list"]]
)
def test_sympy_is_not_loaded(arguments: list[str], tmp_path: Path) -> None:
    """What checks a document does without it, and colours its report without rich."""
    (tmp_path / "a.md").write_text(DOCUMENT, encoding="utf-8")
    program = (
        "import sys; from derive.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "loaded = {'sympy', 'rich', 'mpmath', 'nbformat'} & set(sys.modules)\n"
        "print('loaded:', sorted(loaded))"
    )
    command = [sys.executable, "-c", program, *arguments]
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert found.stdout.endswith("loaded: []\n"), found.stdout + found.stderr
