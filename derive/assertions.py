"""Assertions for tests: mathematics that has to stay true.

derive.assert_identity(lhs, rhs, given=..., layout=...)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from derive.expression import Layout


def assert_identity(lhs: Any, rhs: Any, given: Iterable[Any] = (), layout: Layout | None = None) -> None:
    r"""Assert that two sides are proved equal.

    Args:
        lhs, rhs: both SymPy expressions, or both LaTeX such as r"\frac{\partial x^T x}{\partial x}".
        given: for SymPy hypotheses as `derive.prove` takes them, for LaTeX statements such as
            r"x \in \mathbb{R}^n", as a given block has them.
        layout: how derivatives are arranged; as for `derive.prove`, and as for `derive check`.

    Raises:
        AssertionError: the equation is refuted, unknown or unread; its message is the diagnostic.
        ValueError: a side in LaTeX is an equation itself, or a name that this would define.
        TypeError: one side is LaTeX and the other is not; and for what has no reading in SymPy.
    """
    __tracebackhide__ = True  # pytest shows where the assertion was called, and not this
    if isinstance(lhs, str) != isinstance(rhs, str):
        raise TypeError("the two sides are both SymPy expressions or both LaTeX")
    said = _latex(lhs, rhs, given, layout) if isinstance(lhs, str) else _sympy(lhs, rhs, given, layout)
    if said is not None:
        raise AssertionError(said)


def _sympy(lhs: Any, rhs: Any, given: Iterable[Any], layout: Layout | None) -> str | None:
    """What is to be said of two SymPy expressions that are not proved equal."""
    from derive.algebra import prove

    proof = prove(lhs, rhs, given, layout)
    return None if proof else f"{lhs} = {rhs}\n{proof}"


def _latex(lhs: str, rhs: str, given: Iterable[Any], layout: Layout | None) -> str | None:
    """The diagnostic of an equation in LaTeX that is not proved."""
    from derive import documents
    from derive.render.report import Style, claims_text, given_text
    from derive.report import Verdict

    if layout not in (None, "numerator", "denominator"):
        raise ValueError(f"the layout is 'numerator' or 'denominator', not {layout!r}")
    if isinstance(given, str):
        raise TypeError(f"`given` is a list of statements; write [{given!r}]")
    statements = list(given)
    if not all(isinstance(statement, str) for statement in statements):
        raise TypeError("what is given beside LaTeX is LaTeX, too")
    for side in (lhs, rhs):
        _demand_one_expression(side)
    stated = documents.given_statements(statements)
    if stated.reports:
        return "\n".join(given_text(report, Style(100)).rstrip() for report in stated.reports)
    report = documents.check_equation(f"{lhs} = {rhs}", stated, layout)
    if report.error is not None:
        return report.error
    steps = [step for step in report.steps if step.kind == "claim"]
    if len(steps) != 1 or len(report.steps) != 1:
        raise ValueError(f"{lhs} has no meaning yet, so that this would define it; say in `given` what it is")
    return None if steps[0].verdict is Verdict.PROVED else claims_text(report, Style(100)).rstrip()


def _demand_one_expression(side: str) -> None:
    """Refuse what would make another equation of the two sides than the one between them."""
    from derive.reader import latex

    clauses = latex.parse_formula(side)
    if len(clauses) != 1 or clauses[0].links or "%" in side.replace(r"\%", ""):
        raise ValueError(f"a side is one expression, without relation signs and remarks, not {side!r}")
