"""The table of diagnostics: each example yields its code, and each correction yields none."""

import re
from pathlib import Path

import pytest

import derive
from derive.diagnostics import DIAGNOSTICS, Diagnostic, UnknownCode, classify, explain
from derive.documents import Given, check_source
from derive.reader import markdown
from derive.report import Counterexample, Repair, Report, Step, Verdict

SOURCES = sorted(Path(derive.__file__).parent.rglob("*.py"))
ENTRIES = sorted(DIAGNOSTICS.values(), key=lambda entry: entry.code)
each_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.code)


def checked(text: str) -> Report:
    """The report on a Markdown document."""
    return check_source("example.md", text, markdown.read(text), Given())


def codes(report: Report) -> list[str]:
    """The codes of all steps and notes, in order."""
    found = [step.code for step in report.steps] + [note.code for note in report.notes]
    return [code for code in found if code]


@each_entry
def test_its_example_yields_the_code(entry: Diagnostic) -> None:
    """A diagnostic is what its example provokes."""
    report = checked(entry.bad)
    assert entry.code in codes(report), [(step.verdict, step.message) for step in report.steps]


@each_entry
def test_its_correction_yields_nothing(entry: Diagnostic) -> None:
    """What is offered instead is read and proved, and claims something."""
    report = checked(entry.instead)
    assert not codes(report)
    verdicts = [step.verdict for step in report.steps if step.kind == "claim"]
    assert verdicts
    assert set(verdicts) == {Verdict.PROVED}


@each_entry
def test_an_entry_is_complete(entry: Diagnostic) -> None:
    """Each entry says what, why and what instead, in sentences."""
    assert re.fullmatch(r"D[0123]\d\d", entry.code)
    assert not entry.title.endswith(".")
    for text in (entry.what, entry.why):
        assert len(text) > 30
        assert text.endswith(".")
    assert entry.bad != entry.instead


def test_every_code_in_the_sources_is_in_the_table() -> None:
    """Whatever code derive may print can be explained."""
    used = {code for path in SOURCES for code in re.findall(r"[\"'](D\d\d\d)[\"']", path.read_text("utf-8"))}
    assert used == DIAGNOSTICS.keys()


def test_the_table_is_in_order() -> None:
    """Entries are sorted, and none is there twice."""
    assert list(DIAGNOSTICS) == sorted(DIAGNOSTICS)
    assert all(code == entry.code for code, entry in DIAGNOSTICS.items())


@pytest.mark.parametrize("spelling", ["D011", "d011", " D011 "])
def test_explain_finds_a_code(spelling: str) -> None:
    """However it is spelled."""
    assert explain(spelling).code == "D011"


def test_explain_offers_what_is_close() -> None:
    """A slip of the finger is recognised."""
    with pytest.raises(UnknownCode, match=r"there is no diagnostic called 'D111'; did you mean D1\d\d"):
        explain("D111")
    with pytest.raises(UnknownCode, match=r"'xyz'$"):
        explain("xyz")


def step(verdict: Verdict, **fields: object) -> Step:
    """A claim with a verdict."""
    return Step(1, 1, "claim", "=", "a", "b", verdict, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("claim", "code", "message"),
    [
        (step(Verdict.PROVED), None, None),
        (
            step(Verdict.REFUTED, counterexample=Counterexample({"c": 1}, {}, "1", "2")),
            "D102",
            "the two sides differ already for c = 1",
        ),
        (step(Verdict.REFUTED), "D102", "the two sides differ"),
        (step(Verdict.REFUTED, code="D101", message="shapes"), "D101", "shapes"),
        (
            step(
                Verdict.REFUTED,
                code="D101",
                message="shapes",
                repair=Repair("layout", "A^T", "right in numerator layout"),
            ),
            "D103",
            "shapes",
        ),
        (step(Verdict.UNKNOWN), "D201", "neither proved nor refuted"),
        (step(Verdict.UNKNOWN, code="D201", message="too large for its budget"), "D202", None),
        (step(Verdict.UNREAD, code="D001", message="nested deeper than 40 levels"), "D003", None),
        (step(Verdict.UNREAD, code="D001", message="found )"), "D001", "found )"),
    ],
)
def test_a_verdict_without_a_code_gets_one(claim: Step, code: str | None, message: str | None) -> None:
    """What the checker leaves open follows from the verdict."""
    classify(Report("x.md", None, [claim]))
    assert claim.code == code
    assert message is None or claim.message == message
