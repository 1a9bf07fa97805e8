"""What a document tells of its symbols: shapes in lists and tables, definitions after declarations."""

import pytest

from derive.documents import Given, check_source
from derive.reader import markdown
from derive.report import Report, Verdict

ITEMS = r"""Notations:

- \(W\): weights, a \(c\times d\) matrix
- \(x\): input, a \(d\times 1\) column
- \(y\): the label，是一个one-hot vector, \(c\times 1\)
- \(z=Wx\): output, \(c\times 1\)
"""
ROWS = r"""
| symbol | size |
| --- | --- |
| $W$ | $c \times d$ |
| $x$ | $d \times 1$ |
| $y$ | one-hot, $c \times 1$ |
"""
DECLARED = (
    r"Let $W \in \mathbb{R}^{c\times d}$, $x \in \mathbb{R}^d$, $y \in \mathbb{R}^c$, $z \in \mathbb{R}^c$."
)


def checked(text: str) -> Report:
    return check_source("x.md", text, markdown.read(text), Given())


def verdicts(text: str) -> list[Verdict | None]:
    return [step.verdict for step in checked(text).steps if step.kind == "claim"]


@pytest.mark.parametrize(
    ("before", "formula", "expected"),
    [
        (ITEMS, r"\frac{\partial z_i}{\partial x_j} = W_{ij}", [Verdict.PROVED]),
        (ITEMS, r"\frac{\partial z_i}{\partial x_j} = W_{ji}", [Verdict.REFUTED]),
        (ITEMS, r"y^T y = 1", [Verdict.PROVED]),
        (ITEMS, r"x^T x = 1", [Verdict.REFUTED]),
        (ITEMS, r"W^T z = W^T W x", [Verdict.PROVED]),
        (ROWS, r"(W x)^T y = x^T W^T y", [Verdict.PROVED]),
        (ROWS, r"\sum_i y_i = 1", [Verdict.PROVED]),
        (ROWS, r"(W x)^T y = x^T W y", [Verdict.REFUTED]),
    ],
)
def test_sizes_beside_a_symbol(before: str, formula: str, expected: list[Verdict]) -> None:
    assert verdicts(f"{before}\n$${formula}$$\n") == expected


@pytest.mark.parametrize(
    ("formulas", "expected"),
    [
        ([r"z = W x", r"\frac{\partial z_i}{\partial x_j} = W_{ij}"], [Verdict.PROVED]),
        ([r"r = z - y", r"z = W x", r"r = W x - y"], [Verdict.PROVED]),
        ([r"z = W x", r"z = 2 W x"], [Verdict.REFUTED]),
        ([r"z = W x", r"y = z + y"], [Verdict.REFUTED]),
        ([r"z = x"], [Verdict.REFUTED]),
        ([r"z = W^T x"], [Verdict.REFUTED]),
        ([r"r = z - y", r"z = r + y"], [Verdict.PROVED]),
        ([r"y = y + z"], [Verdict.REFUTED]),
    ],
)
def test_a_declared_symbol_may_be_defined_later(formulas: list[str], expected: list[Verdict]) -> None:
    """Once, by something else of the same shape, and not in a circle."""
    text = "\n\n".join(f"$${formula}$$" for formula in formulas)
    assert verdicts(f"{DECLARED}\n\n{text}\n") == expected


def test_a_size_that_is_not_known_refutes_nothing() -> None:
    found = verdicts(r"$$ \frac{v}{1^T v} = \frac{v}{1^T v} + 0 $$" + "\n\n" + r"$$ \frac{1}{1_c^T} = 1 $$")
    assert found
    assert Verdict.REFUTED not in found
