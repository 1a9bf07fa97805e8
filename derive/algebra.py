"""The SymPy engine: what `derive` offers to those who compute with SymPy.

    softmax(v)  cross_entropy(y, p)  partial(f, x)  one_hot(y)     builders
    prove(lhs, rhs, given=..., layout=...) -> Proof                 the kernel's verdict
    gradient(expression, wrt, layout=..., given=...) -> Derivation  result and proved steps

How SymPy's objects are read stands in `derive.sympy_bridge`. SymPy's matrix-level `diff` is never used:
in 1.14 it drops terms of softmax's Jacobian and takes the derivative of log det X to be 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product as cartesian
from typing import Any

import sympy
from sympy.core.symbol import Str

from derive import expression as x
from derive import terms as t
from derive.derivation import Derivation
from derive.expression import Expression, Layout
from derive.judge import Judge, Judgement, mismatch
from derive.kernel import Exhausted, Theorem, Undefined
from derive.kernel import prove as kernel_prove
from derive.lifting import Names, NotLifted, lift
from derive.lowering import Lowering, state
from derive.printing import latex, shape_latex
from derive.report import Counterexample, Evidence, Report, Step, Verdict
from derive.sympy_bridge import (
    Bridge,
    OneHot,
    PartialDerivative,
    ScalarDerivative,
    Softmax,
    as_sympy,
    cell,
    concrete_vectors,
    sized,
)
from derive.terms import ONE, Index, ShapeError
from numeric.certify import refute
from numeric.evidence import gather

Form = tuple[str, Expression]  # the rule by which it was found, and what was found


def softmax(v: Any) -> Any:
    """softmax of a SymPy column, with symbolic or explicit entries; of a matrix, of each row.

    Args:
        v: a matrix expression, or an explicit Matrix.

    Returns:
        an unevaluated `Softmax` of the same shape; for an explicit matrix, the explicit entries.
    """
    v = as_sympy(v)
    if isinstance(v, sympy.MatrixBase):
        powers = v.applyfunc(sympy.exp)
        totals = [sum(powers)] * v.rows if v.cols == 1 else [sum(powers.row(n)) for n in range(v.rows)]
        return sympy.Matrix(v.rows, v.cols, lambda i, j: powers[i, j] / totals[i])
    if not getattr(v, "is_Matrix", False):
        raise TypeError(f"softmax takes a vector, not {v!r}")
    return Softmax(v)


def cross_entropy(y: Any, p: Any) -> Any:
    """-Sum_i y_i log p_i for two SymPy columns of one size.

    Raises ShapeError for different sizes, TypeError for what is not a column.
    """
    y, p = as_sympy(y), as_sympy(p)
    for v in (y, p):
        if not getattr(v, "is_Matrix", False) or v.shape[1] != 1:
            raise TypeError(f"cross entropy takes two columns, not {v}")
    if y.shape != p.shape:
        raise ShapeError(f"cross entropy needs two columns of one size, not {y.shape} and {p.shape}")
    rows = y.shape[0]
    if isinstance(y, sympy.MatrixBase) or isinstance(p, sympy.MatrixBase):
        return -sum((y[i, 0] * sympy.log(p[i, 0]) for i in range(int(rows))), sympy.Integer(0))
    i = sympy.Dummy("i", integer=True)
    return -sympy.Sum(y[i, 0] * sympy.log(p[i, 0]), (i, 0, rows - 1))


def partial(f: Any, variable: Any, layout: Layout = "denominator") -> Any:
    """The derivative of f by a variable, not evaluated: something for `prove` to judge.

    Args:
        f: a scalar or matrix expression.
        variable: a MatrixSymbol, a Symbol, an entry such as W[i, j], or an explicit Matrix of symbols.
        layout: how the entries are arranged; `prove(..., layout=...)` overrides it.

    Returns:
        a matrix expression, with a shape; a scalar where both f and the variable are scalars.
    """
    _check_layout(layout)
    f, variable = as_sympy(f), as_sympy(variable)
    scalar = not (getattr(f, "is_Matrix", False) or getattr(variable, "is_Matrix", False))
    return (ScalarDerivative if scalar else PartialDerivative)(f, variable, Str(layout))


def one_hot(y: Any) -> OneHot:
    """The hypothesis that y is one-hot, for `given`."""
    return OneHot(as_sympy(y))


def _check_layout(layout: str | None) -> None:
    if layout not in (None, "numerator", "denominator"):
        raise ValueError(f"the layout is 'numerator' or 'denominator', not {layout!r}")


@dataclass(frozen=True, repr=False)
class Proof:
    """The verdict on one equation; true in a condition exactly when it is proved.

    Attributes:
        verdict: "proved", "refuted" or "unknown".
        uses: the hypotheses without which it could not be proved.
        conditions: what must hold for both sides to make sense, as LaTeX.
        counterexample: certified values at which the sides differ, when refuted.
        dimensions: the symbolic dimensions for all of which it holds, when proved.
        layout: the layout in which derivatives were read.
        message: why it is unknown, or what the shapes are.
    """

    verdict: str
    uses: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    counterexample: Counterexample | None = None
    dimensions: tuple[str, ...] = ()
    layout: str = "denominator"
    message: str | None = None

    def __bool__(self) -> bool:
        return self.verdict == "proved"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """How a notebook shows it: the verdict, what it rests on, and a counterexample."""
        from derive.render.html import proof_cell  # loaded where a notebook asks for it

        return {"text/html": proof_cell(self), "text/plain": str(self)}

    def __str__(self) -> str:
        lines = [self.verdict]
        if self.verdict == "proved" and self.dimensions:
            lines[0] += f" for all {', '.join(self.dimensions)}"
        lines += [f"uses {', '.join(self.uses)}"] if self.uses else []
        lines += [f"where {', '.join(self.conditions)}"] if self.conditions else []
        lines += [self.message] if self.message else []
        if self.counterexample is not None:
            at = {**self.counterexample.dimensions, **self.counterexample.values}
            values = ", ".join(f"{k} = {v}" for k, v in at.items())
            if self.counterexample.entry:
                values += f", entry ({', '.join(str(place + 1) for place in self.counterexample.entry)})"
            lines.append(
                f"at {values}: {self.counterexample.lhs} on the left, {self.counterexample.rhs} on the right"
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)


def prove(lhs: Any, rhs: Any, given: Iterable[Any] = (), layout: Layout | None = None) -> Proof:
    """Decide whether two SymPy expressions are equal for every dimension and every real value.

    Args:
        lhs, rhs: scalar or matrix expressions; derivatives come from `partial`.
        given: hypotheses: equations such as Eq(Sum(y[i, 0], (i, 0, c - 1)), 1), inequalities such as
            c >= 2 or x > 0, Ne(x, 0), and `one_hot(y)`. An index that is free in an equation or in an
            inequality of entries stands for all of its values. That a symbol was declared positive,
            negative or nonzero is one of the hypotheses.
        layout: how every derivative is arranged; None keeps each one's own (denominator by default).

    Returns:
        a Proof; sides of different shapes are refuted by their shapes.

    Raises:
        ShapeError: when one side by itself does not conform.
        TypeError: for SymPy objects that have no reading here, and for text.
        Unsupported: for what has a meaning that cannot be put in index terms.
    """
    _check_layout(layout)
    bridge = Bridge(layout)
    given = _statements(given)
    lhs, rhs = as_sympy(lhs), as_sympy(rhs)
    bridge.collect(lhs, rhs, *given)
    left, right = bridge.read(lhs), bridge.read(rhs)
    shown: Layout = layout or "denominator"
    hypotheses = bridge.hypotheses(given)
    try:
        statement = state(left, right, hypotheses=hypotheses)
    except ShapeError:
        against = _unequal_shapes(left, right, given, bridge)
        return Proof("refuted" if against else "unknown", (), (), against, (), shown, mismatch(left, right))
    judge = _Judge(bridge)
    found = judge(statement)
    return Proof(
        str(found.verdict),
        found.uses,
        found.conditions,
        found.counterexample,
        found.dimensions,
        shown,
        found.message or judge.message,
    )


def _statements(given: Iterable[Any]) -> tuple[Any, ...]:
    """Hypotheses as SymPy objects. Raises TypeError for what is none."""
    if isinstance(given, (str, sympy.Basic, OneHot)):
        raise TypeError(f"`given` is a list of hypotheses; write [{given}]")
    return tuple(statement if isinstance(statement, OneHot) else as_sympy(statement) for statement in given)


def _unequal_shapes(
    left: Expression, right: Expression, given: tuple[Any, ...], bridge: Bridge
) -> Counterexample | None:
    """The smallest sizes, inside the hypotheses on sizes, at which two sides have different shapes."""
    symbols = set(bridge.sizes.values())
    about = [
        s for s in given if isinstance(s, sympy.core.relational.Relational) and s.free_symbols <= symbols
    ]
    involved = {name for d in (*left.shape, *right.shape) for name in d.names}
    names = sorted(
        involved | {name for name, s in bridge.sizes.items() for e in about if s in e.free_symbols}
    )
    choices = cartesian(range(1, 7 if len(names) < 4 else 3), repeat=len(names))
    for choice in sorted(choices, key=lambda choice: (sum(choice), choice)):
        sizes = dict(zip(names, choice, strict=True))
        shapes = [tuple(d.value(sizes) for d in side.shape) for side in (left, right)]
        texts = [f"an array of shape {'×'.join(map(str, shape))}" for shape in shapes]
        found = Counterexample(sizes, {}, texts[0], texts[1], (), "shape")
        here = {bridge.sizes[name]: size for name, size in sizes.items()}
        meant = all(statement.subs(here) is sympy.true for statement in about)
        if shapes[0] != shapes[1] and meant and bridge.admits(found):
            return found
    return None


class _Judge:
    """A judge whose counterexamples fit what is assumed of the symbols and the places that are mentioned.

    Attributes:
        message: why a counterexample was not one, if so.
    """

    def __init__(self, bridge: Bridge):
        self.bridge = bridge
        self.message: str | None = None
        self.judge = Judge(self._refute, self._gather, bridge.shapes)

    def __call__(self, statement: Any) -> Judgement:
        found = self.judge(statement)
        if found.verdict is not Verdict.PROVED:
            return found
        return replace(found, conditions=(*found.conditions, *self.bridge.conditions()))

    def _restricted(self, claim: t.Claim) -> t.Claim:
        context = claim.context
        return replace(
            claim, context=replace(context, hypotheses=(*context.hypotheses, *self.bridge.restrictions()))
        )

    def _refute(self, claim: t.Claim, entry: tuple[Index, ...]) -> Counterexample | None:
        largest = max([4, *(bound for bound in self.bridge.needs.values() if bound <= 8)])
        for seed in range(3):
            found = refute(self._restricted(claim), entry=entry, seed=seed, largest=largest)
            if found is None or self.bridge.admits(found):
                return found
        self.message = "where it was seen to fail, the assumptions on its symbols do not hold"
        return None

    def _gather(self, claim: t.Claim) -> Evidence | None:
        return gather(self._restricted(claim))


def gradient(
    expression: Any, wrt: Any, layout: Layout = "denominator", given: Iterable[Any] = ()
) -> Derivation:
    """The derivative of a SymPy expression, simplified to a matrix expression and proved.

    Args:
        expression: a scalar (or matrix) expression, such as cross_entropy(y, softmax(W * x + b)).
        wrt: a MatrixSymbol, a Symbol, an entry of a matrix, or an explicit Matrix of symbols.
        layout: "denominator" (a gradient shaped like `wrt`) or "numerator".
        given: hypotheses as for `prove`; with Sum y = 1 the result is the short one.

    Returns:
        a Derivation each of whose steps carries its verdict. Its `result` is a SymPy expression: an
        explicit Matrix where concrete sizes have no matrix form, None where SymPy has no form.

    Raises:
        ShapeError, TypeError, Unsupported: as `prove` does; TypeError also where no form was found.
    """
    _check_layout(layout)
    given = _statements(given)
    asked = partial(expression, wrt, layout)
    bridge = Bridge(layout)
    bridge.collect(asked, *given)
    derivative = bridge.read(asked)
    hypotheses = bridge.hypotheses(given)
    forms = _generic_forms(asked, given, hypotheses, bridge) or _forms(derivative, hypotheses, bridge)
    if not forms:
        raise TypeError("the derivative has no matrix form; use prove with an entry of the variable")
    report = Report("", layout, title="gradient")
    judge = _Judge(bridge)
    left, steps = derivative, list[Step]()
    for rule, right in forms:
        if right == left:
            continue
        found = judge(state(left, right, hypotheses=hypotheses))
        step = _step(left, right, rule, found, layout)
        if found.verdict is Verdict.PROVED:
            left = right
            report.steps.append(step)
        steps.append(step)
    named = {label: formula for statement in given for label, formula in _formulas(statement, bridge)}
    for step in steps:
        step.uses = tuple(named.get(use, use) for use in step.uses)
    if not report.steps:
        report.steps, left = steps[-1:], forms[-1][1]
    quantities = tuple(
        (latex(x.Symbol(name, shape)), shape_latex(shape)) for name, shape in sorted(bridge.shapes.items())
    )
    result = _written(left, hypotheses, bridge)
    return Derivation("gradient", report, quantities, latex(left), result)


def _forms(derivative: Expression, hypotheses: tuple[t.Hypothesis, ...], bridge: Bridge) -> list[Form]:
    """Simpler forms of a derivative, the simplest last; nothing of it is trusted."""
    if isinstance(derivative, x.Blocks):
        return _cells(derivative.rows, hypotheses, bridge)
    forms = _lifted(derivative, hypotheses, bridge)
    sizes = [dimension.number for dimension in derivative.shape]
    if forms and derivative.is_scalar and not bridge.sizes:
        forms = _shorter(forms, hypotheses, bridge)
    if forms or len(sizes) != 2 or None in sizes or sizes == [1, 1]:
        return forms
    rows, columns = (range(size or 0) for size in sizes)
    return _cells(tuple(tuple(cell(derivative, (r, c)) for c in columns) for r in rows), hypotheses, bridge)


def _cells(
    rows: tuple[tuple[Expression, ...], ...], hypotheses: tuple[t.Hypothesis, ...], bridge: Bridge
) -> list[Form]:
    """The forms of a matrix written out: the first of each cell, and the last of each."""
    found = [[_forms(part, hypotheses, bridge) for part in row] for row in rows]
    if not all(forms for row in found for forms in row):
        return []
    made: list[Form] = []
    for place in (0, -1):
        rule = next((f[place][0] for row in found for f in row if len(f) > 1), found[0][0][place][0])
        whole = x.Blocks(tuple(tuple(forms[place][1] for forms in row) for row in found))
        if not made or made[-1][1] != whole:
            made.append((rule, whole))
    return made


def _lifted(derivative: Expression, hypotheses: tuple[t.Hypothesis, ...], bridge: Bridge) -> list[Form]:
    """What the lifter makes of a derivative, without and with the hypotheses."""
    lowering = Lowering()
    at = tuple(Index(0, ONE) if d == ONE else Index(f"entry {n}", d) for n, d in enumerate(derivative.shape))
    term = lowering.lower(derivative, at, {})
    definitions = lowering.context_definitions()
    kept = tuple(i for i in at if i.range != ONE)
    forms: list[Form] = []
    for rule, known in (
        ("differentiation by entries", ()),
        ("simplification under the hypotheses", hypotheses),
    ):
        try:
            form = lift(term, kept, derivative.shape, t.Context(definitions, known), Names(bridge.shapes))
        except (NotLifted, Undefined, Exhausted, RecursionError):
            continue
        if not forms or forms[-1][1] != form:
            forms.append((rule, form))
    return forms


def _generic_forms(
    asked: Any, given: tuple[Any, ...], hypotheses: tuple[t.Hypothesis, ...], bridge: Bridge
) -> list[Form]:
    """The forms of the same derivative with a symbol for each concrete size, put back afterwards.

    The kernel writes sums over a concrete dimension out, after which no matrix form shows any more. A
    vector of which the entries sum to 1 here is taken to do so there.
    """
    wide = Bridge(bridge.layout, generic=True)
    try:
        wide.collect(asked, *given)
        derivative = wide.read(asked)
        if not any(name.startswith("⟨") for shape in wide.shapes.values() for d in shape for name in d.names):
            return []
        known = list(wide.hypotheses(given))
        for vector in concrete_vectors(asked):
            k = sympy.Dummy("k", integer=True)
            total = sympy.Sum(vector[k, 0], (k, 0, vector.shape[0] - 1))
            statement = state(bridge.read(total), x.Constant(Fraction(1)), hypotheses=hypotheses)
            if isinstance(kernel_prove(statement.claim), Theorem):
                known += wide.hypothesis(sympy.Eq(total, 1))
        return [(rule, sized(form)) for rule, form in _lifted(derivative, tuple(known), wide)]
    except (ShapeError, TypeError):
        return []


def _shorter(forms: list[Form], hypotheses: tuple[t.Hypothesis, ...], bridge: Bridge) -> list[Form]:
    """The same forms, the last one replaced by a shorter way to write it where one is found.

    What is known to be linear, by a hypothesis or because exp(z_k) / Sum_k exp(z_k) sums to 1, is solved
    for each of its symbols in turn.
    """
    try:
        candidates = [bridge.write(form) for _, form in forms]
        if sympy.count_ops(candidates) > 1000:
            return forms
        shares, known = _shares(candidates)
        tried = [sympy.expand(e.subs(known)) for e in candidates]
        equations = [*bridge.equations, *([sum(shares) - 1] if shares else [])]
        for difference in reversed(equations):
            for symbol in sorted(difference.free_symbols & {*bridge.quantities.values(), *shares}, key=str):
                slope = sympy.diff(difference, symbol)
                if slope.is_Rational and slope != 0:
                    tried += [sympy.expand(e.subs(symbol, symbol - difference / slope)) for e in tried[:4]]
            tried = sorted(dict.fromkeys(tried), key=sympy.count_ops)[:12]
        best = min([*tried, sympy.collect(tried[0], [*shares])], key=sympy.count_ops).subs(shares)
        last = bridge.read(best)
        if best.has(*known.values()) or sympy.count_ops(best) >= sympy.count_ops(candidates[-1]):
            return forms
        proved = kernel_prove(state(forms[0][1], last, hypotheses=hypotheses).claim)
        return [*forms[:-1], (forms[-1][0], last)] if isinstance(proved, Theorem) else forms
    except TypeError:
        return forms


def _shares(candidates: list[Any]) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """A symbol for each T_k / Sum_k T_k, with what it stands for; and the T_k, by these and their total."""
    totals = {p.base for e in candidates for p in e.atoms(sympy.Pow) if p.base.is_Add and p.exp.is_negative}
    if len(totals) != 1:
        return {}, {}
    (total,) = totals
    whole = sympy.Dummy("total")
    shares = {sympy.Dummy(f"share {n}"): part / total for n, part in enumerate(total.args)}
    return shares, {total: whole} | {p: s * whole for s, p in zip(shares, total.args, strict=True)}


def _written(form: Expression, hypotheses: tuple[t.Hypothesis, ...], bridge: Bridge) -> Any:
    """A form as a SymPy expression that reads as the same; None where there is none."""
    try:
        result = bridge.write(form)
        bridge.collect(as_sympy(result))
        statement = state(form, bridge.read(as_sympy(result)), hypotheses=hypotheses)
    except (TypeError, ShapeError):
        return None
    return result if isinstance(kernel_prove(statement.claim), Theorem) else None


def _formulas(statement: Any, bridge: Bridge) -> list[tuple[str, str]]:
    """The labels of a hypothesis, each with its LaTeX; an equation in the notation of the steps."""
    if isinstance(statement, OneHot):
        vector = latex(bridge.read(statement.vector))
        return [
            (f"{statement.vector} one-hot", rf"{vector} \text{{ one-hot}}"),
            (f"Sum {statement.vector} = 1", rf"\sum_i {vector}_i = 1"),
        ]
    formula = sympy.latex(statement)
    if isinstance(statement, sympy.Eq):
        with suppress(TypeError, ShapeError):
            formula = f"{latex(bridge.read(statement.lhs))} = {latex(bridge.read(statement.rhs))}"
    return [(str(statement), formula)]


def _step(left: Expression, right: Expression, rule: str, found: Judgement, layout: Layout) -> Step:
    return Step(
        0,
        0,
        "claim",
        "=",
        latex(left),
        latex(right),
        found.verdict,
        found.dimensions,
        found.uses,
        found.conditions,
        layout,
        rule,
        message=found.message,
        counterexample=found.counterexample,
        numeric=found.evidence,
    )


__all__ = [
    "OneHot",
    "Proof",
    "Softmax",
    "cross_entropy",
    "gradient",
    "one_hot",
    "partial",
    "prove",
    "softmax",
]
