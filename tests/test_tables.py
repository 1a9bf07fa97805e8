"""The tables of identities: every row proved in its layout, and refuted in the other if false there."""

from __future__ import annotations

from functools import cache

import pytest

from derive import catalogue
from derive.documents import Given, check_equation, check_source, given_statements
from derive.expression import Layout
from derive.reader import markdown
from derive.report import Report, Step

NAMES = ["matrix-calculus-identities", "matrix-cookbook-derivatives"]
SECONDS = 60.0  # for one claim, on a slow machine
OTHER: dict[Layout, Layout] = {"denominator": "numerator", "numerator": "denominator"}
each_table = pytest.mark.parametrize("name", NAMES)
each_layout = pytest.mark.parametrize("layout", ["denominator", "numerator"])


@cache
def report(name: str, written: Layout, read: Layout, cross_check: bool = False) -> Report:
    """What `derive check` finds of the table written in one layout when it is declared to be in another."""
    _, text = catalogue.text(name, written)
    text = text.replace(f"layout: {written}", f"layout: {read}")
    return check_source(
        "table.md", text, markdown.read(text), Given(), seconds=SECONDS, cross_check=cross_check
    )


def rows(found: Report) -> list[Step]:
    return [step for step in found.steps if step.kind == "claim"]


@each_layout
@each_table
def test_every_row_is_proved_in_its_layout(name: str, layout: Layout) -> None:
    found = report(name, layout, layout)
    assert found.counts["proved"] == len(rows(found)) > 100
    assert {step.layout for step in rows(found)} <= {layout, "any"}
    assert found.layout == layout


@pytest.mark.slow
@each_table
def test_both_layouts_have_the_same_rows(name: str) -> None:
    """In the same order, with the same left sides."""
    left, right = (rows(report(name, layout, layout)) for layout in OTHER)
    assert [step.lhs for step in left] == [step.lhs for step in right]


@pytest.mark.slow
@each_layout
@each_table
def test_a_row_of_the_other_layout_is_refuted_with_its_repair(name: str, layout: Layout) -> None:
    """Unless the kernel proves it in this layout, too.

    A derivative by a number is read in the other layout where only that makes it true, which is reported.
    """
    own, other = rows(report(name, layout, layout)), rows(report(name, OTHER[layout], layout))
    refuted = turned = 0
    for mine, step in zip(own, other, strict=True):
        if step.verdict == "proved" and step.layout in (layout, "any"):
            continue
        assert step.rhs != mine.rhs, step.lhs
        if step.verdict == "proved":
            turned += 1
            assert step.message == f"this line is read in {OTHER[layout]} layout"
            continue
        refuted += 1
        assert (step.verdict, step.code) == ("refuted", "D103"), (step.lhs, step.rhs, step.message)
        assert step.repair is not None
        assert (step.repair.kind, step.repair.message) == ("layout", f"right in {OTHER[layout]} layout")
        assert step.counterexample is not None
    assert refuted > 50
    assert turned < 20


@pytest.mark.slow
@each_layout
@each_table
def test_numbers_agree_with_every_row(name: str, layout: Layout) -> None:
    """Finite differences, which know nothing of the rules."""
    for step in rows(report(name, layout, layout, cross_check=True)):
        assert step.numeric is None or step.numeric.agrees is True, (step.lhs, step.rhs, step.numeric)


# ── what the tables leave out ──────────────────────────────────────────────────────────────────────────────

MATRIX_FUNCTION = "the matrix function of that name is not supported"
SQUARE = r"A, X \in \mathbb{R}^{n \times n}"
OF_A_NUMBER = r"x \in \mathbb{R}"
LEFT_OUT = [
    # (source, row, statements, why it is not in the table: what is said of it)
    ("both: the trace of a function of a matrix",
     r"\frac{\partial \, \mathrm{tr}(e^X)}{\partial X} = e^{X^T}", [SQUARE], MATRIX_FUNCTION),
    ("both: the trace of a function of a matrix",
     r"\frac{\partial \, \mathrm{tr}(\sin(X))}{\partial X} = \cos(X)^T", [SQUARE], MATRIX_FUNCTION),
    ("Wikipedia: the exponential of a matrix",
     r"\frac{\partial e^{x A}}{\partial x} = (A e^{x A})^T", [SQUARE, OF_A_NUMBER], MATRIX_FUNCTION),
    ("Wikipedia: the exponential of a matrix",
     r"\frac{\partial \, \mathrm{tr}(e^{x A})}{\partial x} = \mathrm{tr}(A e^{x A})",
     [SQUARE, OF_A_NUMBER], MATRIX_FUNCTION),
    ("both: a Kronecker product",
     r"d(X \otimes A) = dX \otimes A + X \otimes dA", [SQUARE], "Kronecker"),
    ("Cookbook: the trace of a Kronecker product",
     r"\frac{\partial \, \mathrm{tr}(A \otimes X)}{\partial X} = \mathrm{tr}(A) I", [SQUARE], "Kronecker"),
    ("Cookbook: the trace of a Kronecker product",
     r"\frac{\partial \, \mathrm{tr}(X \otimes X)}{\partial X} = 2 \, \mathrm{tr}(X) I",
     [SQUARE], "Kronecker"),
    ("both: a power whose exponent is a letter",
     r"\frac{\partial \, \mathrm{tr}(X^k)}{\partial X} = k (X^{k-1})^T",
     [SQUARE, r"k \in \mathbb{R}"], "integer exponent"),
    ("both: a power whose exponent is a letter",
     r"\frac{\partial \det(X^k)}{\partial X} = k \det(X^k) (X^{-1})^T",
     [SQUARE, r"k \in \mathbb{R}"], "integer exponent"),
    ("both: by a pseudo-inverse as it is written there (the tables differentiate by a free matrix instead)",
     r"\frac{\partial \log \det(X^T X)}{\partial P} = -2 X^T",
     [r"X \in \mathbb{R}^{m \times n}", "P = (X^T X)^{-1} X^T"], "does not mention P"),
    ("both: the differential of a constant matrix, which no letter is by itself",
     r"d I = 0", [SQUARE], "what varies"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "row", "given", "said"), LEFT_OUT, ids=[row[1] for row in LEFT_OUT])
def test_rows_that_are_not_supported_are_said_to_be(
    source: str, row: str, given: list[str], said: str
) -> None:
    """Neither proved nor refuted: they are true of what their authors mean, and derive says what it lacks."""
    found = check_equation(row, given_statements(given), "denominator", SECONDS)
    (step,) = rows(found)
    assert step.verdict in ("unread", "unknown"), (source, step.verdict, step.message)
    assert said in (step.message or ""), step.message


def test_a_hypothesis_that_the_book_leaves_out() -> None:
    """Its trace with two inverses needs a symmetric A; with another one it is false."""
    _, text = catalogue.text("matrix-cookbook-derivatives", "denominator")
    text = text.replace("\nA = A^T\n", "\n")
    found = check_source("table.md", text, markdown.read(text), Given(), seconds=SECONDS, cross_check=False)
    (step,) = [step for step in rows(found) if step.verdict != "proved"]
    assert step.verdict == "refuted"
    assert "(A + X^T C X)^{-1}" in step.lhs
