r"""The question: what is differentiated, by what, and what the symbols mean.

    read(r"\|A x - b\|^2", "x", ())  ->  Problem

Shapes are declared as in documents (`A \in \mathbb{R}^{m \times n}`). A symbol that nobody declared gets the
shape that its letter suggests: a capital is a matrix, another Latin letter a column, a Greek letter a
scalar. The sizes follow from where it stands; `Problem.assumed` tells what was assumed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from derive import expression as x
from derive import terms as t
from derive.checker import Checker, parse
from derive.documents import given_statements
from derive.expression import Expression, Layout
from derive.judge import Judge
from derive.lowering import Lowering
from derive.reader import latex as tex
from derive.reader.elaborate import TRANSPOSES, Elaborator
from derive.reader.inference import SIZES, TRIALS, Guesses
from derive.reader.passage import Positions
from derive.reader.scope import Scope, Unreadable, key
from derive.report import Step, Verdict
from derive.terms import ShapeError


class Question(ValueError):
    """A question that cannot be asked: what is wrong, and what instead, in one line."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is differentiated.

    Attributes:
        body, variable: an expression, and the symbol (or entry of one) by which it is differentiated.
        layout: how derivatives are arranged.
        scope: what the symbols mean.
        assumed: the shapes that nobody declared, by name.
        given: the statements that were read.
        source: the body as it was typed.
    """

    body: Expression
    variable: Expression
    layout: Layout
    scope: Scope
    assumed: tuple[str, ...]
    given: tuple[Step, ...]
    source: str

    @property
    def definitions(self) -> dict[str, Expression]:
        return self.scope.definitions

    @property
    def hypotheses(self) -> tuple[t.Hypothesis, ...]:
        return self.scope.context(())[0]

    @property
    def constants(self) -> frozenset[str]:
        return self.scope.context(())[1]

    @property
    def symbol(self) -> x.Symbol:
        """The symbol that varies: X, also where the derivative is by an entry of it."""
        whole = self.variable.body if isinstance(self.variable, x.Entry) else self.variable
        assert isinstance(whole, x.Symbol)
        return whole


def read(expression: str, wrt: str, given: Sequence[str] = (), layout: Layout | None = None) -> Problem:
    """The question that somebody typed. Raises Question for what cannot be read."""
    stated = given_statements(given)
    checker = Checker(Judge(), Positions(stated.source), layout)
    checker.read(stated.passages)
    for step in checker.steps:
        if step.verdict is Verdict.UNREAD:
            raise Question(
                f"the given `{step.lhs} {step.relation} {step.rhs}` cannot be read: {step.message}"
            )
    scope = checker.scope
    words = tex.BUILTIN_WORDS | frozenset(checker.words) | frozenset(n for n in scope.shapes if n.isalpha())
    body, variable = _node(expression, "the expression", words), _node(wrt, "what --wrt names", words)
    guesses = Guesses(scope)
    body = _with_ones(body)
    if (name := key(variable)) is not None and not scope.knows(name):
        guesses.declare(name, variable)  # before x_1 is met, which is an entry of x where x varies
    guesses.numbered(body)
    read_layout: Layout = scope.layout or layout or "denominator"
    for _ in range(TRIALS):
        elaborator = Elaborator(scope, read_layout)
        text = wrt
        try:
            elaborator.learn_ranges(variable, body)
            by = elaborator.side(variable)
            text = expression
            what = elaborator.side(body)
            break
        except Unreadable as trouble:
            if not guesses.learn(trouble):
                raise Question(_said(trouble, text)) from None
        except (ShapeError, RecursionError) as trouble:
            raise Question(str(trouble) or "the expression is nested too deeply") from None
    else:
        raise Question("the shapes of its symbols cannot be told; declare them with --given")
    what = guesses.settle(what)
    by = guesses.settle(by)
    if _has_unknown_size(what):
        raise Question(r"the size of 1 or I is not known here; declare it, as in 1_n \in \mathbb{R}^n")
    whole = by.body if isinstance(by, x.Entry) else by
    if not isinstance(whole, x.Symbol):
        raise Question(f"--wrt names a symbol or an entry of one, such as x or X_{{ij}}, not {wrt}")
    return Problem(
        what, by, read_layout, scope, tuple(guesses.made), tuple(checker.steps), expression.strip()
    )


def depends(problem: Problem, e: Expression) -> bool:
    """Whether an expression changes when the variable does."""
    return problem.symbol.name in Lowering(problem.definitions).all_symbols(e)


def _node(text: str, what: str, words: frozenset[str]) -> tex.Node:
    clauses = parse(text, words)
    if len(clauses) != 1 or clauses[0].first is None:
        raise Question(f"{what} is one expression in LaTeX, not {text!r}")
    if clauses[0].links:
        raise Question(f"{what} is an expression, not an equation; `derive prove` judges equations")
    return clauses[0].first


def _with_ones(node: tex.Node) -> tex.Node:
    """1ᵀ is a row of ones: nobody transposes the number."""

    def visit(part: object) -> object:
        match part:
            case tex.Script(
                base=tex.Number(start=start, end=end, text="1"), sub=None, sup=tex.Symbol(letter=letter)
            ) if letter in TRANSPOSES:
                return replace(part, base=tex.Symbol(start, end, "1", "bold"))
            case tex.Node():
                made: tex.Node = replace(part, **{f.name: visit(getattr(part, f.name)) for f in fields(part)})  # type: ignore[arg-type]
                return made
            case tuple():
                return tuple(map(visit, part))
        return part

    return visit(node)  # type: ignore[return-value]


def _said(trouble: Unreadable, text: str) -> str:
    """What is wrong, where, and what instead; sizes that were never named get letters."""
    node = trouble.node
    part = text[node.start : node.end].strip() if node is not None else ""
    where = f" (in `{part}`)" if part and part != text.strip() else ""
    expected = f"; expected {trouble.expected}" if trouble.expected else ""
    said = f"{trouble}{where}{expected}"
    open_sizes = dict.fromkeys(re.findall(r"\?\d+", said))
    for size, letter in zip(open_sizes, SIZES, strict=False):
        said = said.replace(size, letter)
    return said + ("; declare the shapes with --given" if open_sizes else "")


def _has_unknown_size(e: Expression) -> bool:
    unknown = any(x.UNKNOWN_SIZE.names & d.names for d in e.shape)
    return unknown or any(map(_has_unknown_size, x.children(e)))
