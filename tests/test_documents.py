"""Documents on disk: which are found, what cannot be opened, what is given beside them, what is bounded."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import derive
from derive import documents
from derive.documents import (
    Budget,
    Given,
    Unopenable,
    check_equation,
    check_files,
    check_source,
    find,
    given_files,
    given_statements,
    text_of,
)
from derive.judge import KernelUnsound
from derive.reader import markdown
from derive.report import Report, Step, Verdict

RIGHT = "$a \\in \\mathbb{R}$\n\n$$ a + a = 2 a $$\n"
WRONG = "$a \\in \\mathbb{R}$\n\n$$ a + a = 3 a $$\n"
Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file below a folder of its own."""

    def _write(name: str, text: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return _write


def one(path: Path, **options: object) -> Report:
    """The report on one file."""
    (report,) = check_files([path], **options)  # type: ignore[arg-type]
    return report


def claims(report: Report) -> list[tuple[int, int, str]]:
    """Line, column and verdict of each claim."""
    return [(s.line, s.column, str(s.verdict)) for s in report.steps if s.kind == "claim"]


def checked(text: str, given: Given | None = None) -> Report:
    """The report on a Markdown document in memory."""
    return check_source("x.md", text, markdown.read(text), given or Given())


# ── finding ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_is_searched_in_order(write: Write, tmp_path: Path) -> None:
    """All kinds of documents are found, and what is hidden or installed is not."""
    for name in ("b.md", "a/z.tex", "a/n.ipynb", "c.markdown", "D.MD"):
        write(name, RIGHT)
    for name in (
        "x.txt",
        ".hidden.md",
        ".venv/x.md",
        "env/pyvenv.cfg",
        "env/x.md",
        "node_modules/x.md",
        "x.py",
    ):
        write(name, RIGHT)
    found = [(path.relative_to(tmp_path).as_posix(), trouble) for path, trouble in find([tmp_path])]
    assert found == [(name, None) for name in ("D.MD", "a/n.ipynb", "a/z.tex", "b.md", "c.markdown")]


def test_each_document_is_checked_once(write: Write, tmp_path: Path) -> None:
    """A folder that is named twice, and a document in it that is named, too."""
    document = write("sub/a.md", RIGHT)
    twice = [tmp_path, document, tmp_path / "sub" / ".." / "sub", tmp_path]
    assert [trouble for _, trouble in find(twice)] == [None]


def test_links_do_not_lead_in_circles(write: Write, tmp_path: Path) -> None:
    """A folder that contains itself ends."""
    write("sub/a.md", RIGHT)
    (tmp_path / "sub" / "loop").symlink_to(tmp_path)
    assert len(list(find([tmp_path]))) == 1


def test_a_folder_without_documents(tmp_path: Path) -> None:
    """It is said, and the kinds that there are."""
    (report,) = check_files([tmp_path])
    assert report.error == "no document in this folder (.md, .markdown, .tex, .ipynb)"


# ── opening ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("a.txt", "x", "not a kind of document that derive reads"),
        (
            "a.md",
            "caf\u00e9\n\u00e9".encode("latin-1"),
            "not UTF-8 text: byte 0xe9 in line 1; save it as UTF-8",
        ),
        ("a.md", "a = a".encode("utf-16"), "not UTF-8 but UTF-16 text"),
        ("a.md", b"a\0b", "null bytes"),
        ("a.ipynb", "{", "line 1: not a notebook"),
        ("a.ipynb", '{"worksheets": []}', "not a notebook of format 4"),
    ],
)
def test_what_cannot_be_opened(write: Write, name: str, text: str | bytes, error: str) -> None:
    """The reason is named, and the other documents are checked."""
    path, other = write(name, text), write("other.md", RIGHT)
    broken, right = check_files([path, other])
    assert error in (broken.error or "")
    assert right.counts["proved"] == 1


def test_what_is_not_there(tmp_path: Path) -> None:
    """A missing file is one line."""
    assert one(tmp_path / "a.md").error == "No such file or directory"


def test_a_file_without_permission(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may not be read is one line."""
    path = write("a.md", RIGHT)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert one(path).error == "Permission denied"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Only regular files are opened."""
    os.mkfifo(tmp_path / "a.md")
    assert one(tmp_path / "a.md").error == "not a regular file"


def test_a_file_that_is_too_large(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more is read than the limit."""
    monkeypatch.setattr(documents, "LARGEST", 1000)
    with pytest.raises(Unopenable, match="larger than"):
        text_of(write("a.md", "x" * 1001))


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_places_are_those_of_an_editor(write: Write, ending: str, mark: str) -> None:
    """Whatever ends a line, and with a byte order mark, which no editor counts as a column."""
    text = mark + ending.join(["$a \\in \\mathbb{R}$, $a + a = 2 a$", "", "$$ a + a = 3 a $$", ""])
    assert claims(one(write("a.md", text))) == [(1, 28, "proved"), (3, 10, "refuted")]


def test_each_kind_is_read_as_what_it_is(write: Write) -> None:
    """Markdown, LaTeX with a comment, and a notebook."""
    tex = write("a.tex", "% derive: a \\in \\mathbb{R}\n\\begin{equation} a + a = 2 a \\end{equation}\n")
    cells = [{"cell_type": "code", "source": []}, {"cell_type": "markdown", "source": RIGHT}]
    notebook = write("a.ipynb", json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}))
    for path in (tex, notebook, write("a.md", RIGHT)):
        assert one(path).counts["proved"] == 1
    step = next(step for step in one(notebook).steps if step.kind == "claim")
    assert step.cell == 2


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("", "there is no mathematics in this document"),
        ("# A title\n\nIt costs $5, not $6.\n", "there is no mathematics in this document"),
        ("Let $x$ be.\n", "there is mathematics here, but no equation that claims something"),
    ],
)
def test_a_document_that_claims_nothing(text: str, note: str) -> None:
    """It says so."""
    assert [(note.code, note.message) for note in checked(text).notes] == [(None, note)]


# ── what is given beside the documents ─────────────────────────────────────────────────────────────────────


def test_statements_from_a_file_hold_in_every_document(write: Write) -> None:
    """They are not steps of the documents, whose lines stay as they are."""
    given = given_files([write("shapes.txt", "# shapes\nx \\in \\mathbb{R}^n\n\n% and\nx^T x = 1\n")])
    for text in ("$$ x^T x = 1 $$", "\n$$ x^T x = 1 $$\n\n", "\r\n$$ x^T x = 1 $$\r\n"):
        report = checked(text, given)
        assert [(step.kind, step.verdict) for step in report.steps] == [("claim", "proved")]
        assert report.steps[0].uses == ("x^T x = 1",)
        assert (report.steps[0].line, report.steps[0].column) == (1 + text.startswith(("\n", "\r")), 10)
    assert not given.reports


def test_a_document_may_give_its_blocks(write: Write) -> None:
    """Of a Markdown file with given blocks, these are taken, and not its equations."""
    given = given_files([write("notes.md", "$$ 1 = 2 $$\n\n<!-- derive\na \\in \\mathbb{R}\n-->\n")])
    assert claims(checked("$$ a + a = 2 a $$", given)) == [(1, 10, "proved")]
    plain = given_files([write("plain.md", "a \\in \\mathbb{R}\n")])
    assert claims(checked("$$ a + a = 2 a $$", plain)) == [(1, 10, "proved")]


def test_a_given_statement_that_cannot_be_read_is_told_once(write: Write) -> None:
    """By the file that it stands in, and its line there."""
    first = write("one.txt", "a \\in \\mathbb{R}\n")
    second = write("two.txt", "b \\in \\mathbb{R}\n\nc \\in \\mathbb{R}^{m \\times n \\times k}\n")
    given = given_files([first, second])
    (report,) = given.reports
    (step,) = report.steps
    assert (report.path, step.line, step.column, step.code) == (str(second), 3, 3, "D005")
    assert report.source == second.read_text()
    assert [step.kind for step in checked("$$ a + b = b + a $$", given).steps] == ["claim"]


def test_a_given_file_that_cannot_be_opened(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(Unopenable, match=r"none\.txt: No such file"):
        given_files([tmp_path / "none.txt"])


def test_typed_statements() -> None:
    """What `derive prove --given` takes; each is called by its number."""
    given = given_statements([r"a \in \mathbb{R}", r"b \in \mathbb{R}^{1 \times 2 \times 3}"])
    assert [report.path for report in given.reports] == ["given 2"]
    assert claims(check_equation("a + a = 2 a", given)) == [(1, 7, "proved")]


# ── what stays bounded ─────────────────────────────────────────────────────────────────────────────────────


def test_a_bug_stays_in_its_document(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """One clear line; the next document is checked."""
    original = markdown.read

    def fail(source: str) -> object:
        if "boom" in source:
            raise KeyError("a\nbug")
        return original(source)

    monkeypatch.setattr(markdown, "read", fail)
    broken, right = check_files([write("a.md", "boom"), write("b.md", RIGHT)])
    assert (broken.error or "").startswith("a bug in derive, please report it: KeyError")
    assert "\n" not in (broken.error or "")
    assert right.counts["proved"] == 1


def test_the_time_of_a_claim_is_bounded() -> None:
    """What runs on is interrupted, and the claim is unknown."""
    step = Step(1, 1, "claim", "=", "a", "b")
    started = time.monotonic()
    with Budget(0.05)(step):
        while time.monotonic() < started + 20:
            pass
    assert time.monotonic() < started + 10
    assert (step.verdict, step.code) == (Verdict.UNKNOWN, "D202")
    assert step.message == "not decided in 0.05 seconds"


def test_a_refuted_claim_stays_refuted_when_its_repair_takes_too_long() -> None:
    step = Step(1, 1, "claim", "=", "a", "b")
    started = time.monotonic()
    with Budget(0.05)(step):
        step.verdict, step.code = Verdict.REFUTED, "D102"
        while time.monotonic() < started + 20:
            pass
    assert (step.verdict, step.code) == (Verdict.REFUTED, "D102")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_alarm_that_is_swallowed_rings_again() -> None:
    """As it is when it rings while Python calls back, in a destructor for one."""

    class Slow:
        def __del__(self) -> None:
            while time.monotonic() < started + 0.2:
                pass

    step = Step(1, 1, "claim", "=", "a", "b")
    started = time.monotonic()
    with Budget(0.05)(step):
        Slow()
        while time.monotonic() < started + 20:
            pass
    assert time.monotonic() < started + 10
    assert step.verdict is Verdict.UNKNOWN


def test_the_alarm_is_silent_afterwards() -> None:
    """A claim that ends in time leaves nothing behind."""
    step = Step(1, 1, "claim", "=", "a", "b", Verdict.PROVED)
    with Budget(0.05)(step):
        pass
    time.sleep(0.1)
    assert step.verdict is Verdict.PROVED


def test_a_bug_stays_in_its_claim() -> None:
    """It is unknown then, and says that derive is to blame."""
    step = Step(1, 1, "claim", "=", "a", "b")
    with Budget()(step):
        raise ZeroDivisionError("oh")
    assert step.verdict is Verdict.UNKNOWN
    assert (step.message or "").startswith("a bug in derive, please report it: ZeroDivisionError")


def test_nothing_swallows_a_contradiction() -> None:
    """A claim that is both proved and refuted stops the document."""
    with pytest.raises(KernelUnsound), Budget()(Step(1, 1, "claim", "=", "a", "b")):
        raise KernelUnsound("both")


def test_without_time_there_are_no_counterexamples() -> None:
    """What the budget leaves is what the search for a counterexample gets."""
    assert claims(checked(WRONG)) == [(3, 10, "refuted")]
    report = check_source("x.md", WRONG, markdown.read(WRONG), Given(), seconds=1e-9)
    (step,) = (step for step in report.steps if step.kind == "claim")
    assert (step.verdict, step.code) == (Verdict.UNKNOWN, "D202")


@pytest.mark.parametrize(
    "formula",
    [
        "a + " * 260_000 + "a = a",
        "{" * 10_000 + "a" + "}" * 10_000 + " = a",
        "(" * 10_000 + "a" + ")" * 10_000 + " = a",
        "\\frac{" * 10_000 + "a" + "}{2}" * 10_000 + " = a",
        "\\sqrt{" * 10_000 + " = a",
        "a" + "^{a" * 10_000 + "}" * 10_000 + " = a",
        "\\left(" * 10_000 + "a = a",
    ],
    ids=["a megabyte", "braces", "parentheses", "fractions", "roots", "towers", "open fences"],
)
def test_a_formula_of_any_size_is_bounded(formula: str) -> None:
    """The formula is not proved, and the one after it is."""
    started = time.monotonic()
    report = checked(f"$a \\in \\mathbb{{R}}$\n\n$$ {formula} $$\n\n$$ a + a = 2 a $$\n")
    assert time.monotonic() < started + 15
    assert claims(report)[-1][0::2] == (5, "proved")
    assert report.counts["proved"] == 1


# ── errors that cancel ─────────────────────────────────────────────────────────────────────────────────────

CHAIN = """<!-- derive
A \\in \\mathbb{R}^{m \\times n}
x \\in \\mathbb{R}^n
-->

$$
\\begin{align*}
(A x)^T (A x) &= x^T A^T A x \\\\
&= %s \\\\
&= %s
\\end{align*}
$$
"""


@pytest.mark.parametrize(
    ("middle", "last", "notes"),
    [
        ("x^T A^T A x", "x^T (A^T A) x", []),
        ("2 x^T A^T A x", "x^T (A^T A) x", ["D110"]),
        ("x^T A A x", "x^T (A^T A) x", ["D110"]),
        ("x^T A^T V x", "x^T (A^T A) x", [None]),
        ("2 x^T A^T A x", "3 x^T A^T A x", []),
        ("2 x^T A^T A x", "2 x^T (A^T A) x", []),
    ],
    ids=["no error", "a factor", "a shape", "not read", "two errors", "one error"],
)
def test_two_errors_that_cancel(middle: str, last: str, notes: list[str | None]) -> None:
    """The step that goes back to the truth is told to do so."""
    report = checked(CHAIN % (middle, last))
    assert [(note.code, note.line) for note in report.notes] == [(code, 10) for code in notes]


def test_errors_that_cancel_in_their_context(tmp_path: Path) -> None:
    """The ends of a chain are compared with what the document has said by then, and not later."""
    given = given_statements([r"a, b \in \mathbb{R}"])
    chain = "$$ a = a + 1 = b $$\n"
    supposed = "<!-- derive\na = b\n-->\n\n"
    assert not checked(f"{chain}\n{supposed}", given).notes
    (note,) = checked(f"{supposed}{chain}", given).notes
    assert (note.line, note.column) == (5, 14)
    assert "in column 6" in note.message


TEXT = r"""<!-- derive
layout: denominator
x \in \mathbb{R}^n
-->
$$\frac{\partial x^T x}{\partial x} = 2 x$$

$$\frac{\partial x^T x}{\partial x} = 2 x^T$$
"""


def test_a_text_is_checked_from_python() -> None:
    report = derive.check(TEXT)
    assert [str(step.verdict) for step in report.steps if step.kind == "claim"] == ["proved", "refuted"]
    printed = str(report)
    assert "text:5:37: proved for all n" in printed
    assert "text:7:37: refuted [D103]" in printed
    assert "help: right in numerator layout" in printed
    assert repr(report) == printed


def test_a_path_is_read_by_its_kind(tmp_path: Path) -> None:
    cell = {"cell_type": "markdown", "id": "one", "metadata": {}, "source": TEXT}
    notebook = tmp_path / "notes.ipynb"
    notebook.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    report = derive.check(notebook)
    assert report.path == str(notebook)
    assert report.counts["proved"] == report.counts["refuted"] == 1
    with pytest.raises(documents.Unopenable):
        derive.check(tmp_path / "nothing.md")


def test_what_is_given_from_python() -> None:
    equation = r"$$\frac{\partial x^T x}{\partial x} = 2 x^T$$"
    given = [r"x \in \mathbb{R}^n"]
    assert derive.check(equation, given, layout="numerator").counts["proved"] == 1
    for wrong, trouble in (
        ({"given": r"x \in \mathbb{R}^n"}, TypeError),
        ({"given": [r"x \in"]}, ValueError),
        ({"layout": "row"}, ValueError),
    ):
        with pytest.raises(trouble):
            derive.check(equation, **wrong)
