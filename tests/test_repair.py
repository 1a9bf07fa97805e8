"""derive.repair: each kind of slip is told, each repair is proved, and what cannot be mended stays so.

MENDED lists false steps by what went wrong: the right side as it was written, and the one that is right.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import pytest

from derive import expression as x
from derive import repair
from derive import terms as t
from derive.expression import Expression, Layout
from derive.kernel import Theorem, prove
from derive.lowering import state
from derive.printing import latex
from derive.repair import BUDGET, KINDS, Broken, Scale, mend, places, ratio, scaled, search, transposed
from derive.terms import ONE, Dimension, Index
from numeric.evidence import gather

# ---------------------------------------------------------------------- what the tables are written in

c, d, m, n = (Dimension.of(letter) for letter in "cdmn")
i, j, k = (Index(letter, c) for letter in "ijk")
i_m, j_d, j_n = Index("i", m), Index("j", d), Index("j", n)
NUMERATOR: Layout = "numerator"
T, tr, diag, inv, neg = x.Transpose, x.Trace, x.Diagonal, x.Inverse, x.Negate


def matrix(name: str, rows: Dimension = ONE, columns: Dimension = ONE) -> x.Symbol:
    return x.Symbol(name, (rows, columns))


def number(value: int | str) -> Expression:
    return x.Constant(Fraction(value))


def times(*factors: Expression | int | str) -> Expression:
    return x.product(*(f if isinstance(f, Expression) else number(f) for f in factors))


def plus(*terms: Expression) -> Expression:
    return x.Add(terms)


def minus(left: Expression, right: Expression) -> Expression:
    return x.Add((left, neg(right)))


def by(body: Expression, variable: Expression, layout: Layout = "denominator") -> Expression:
    return x.Partial(body, variable, layout)


def at(body: Expression, *indices: Index) -> Expression:
    return x.Entry(body, indices)


def fn(name: str, body: Expression, order: int = 0) -> Expression:
    return x.Apply(name, body, order)


def squared(body: Expression) -> Expression:
    return x.Power(body, number(2))


def over(above: Expression, below: Expression) -> Expression:
    return x.Divide(above, below)


# the linear classifier: z = W x + b, p = softmax(z), CE = -y^T log p
W, f, b, y = matrix("W", c, d), matrix("x", d), matrix("b", c), matrix("y", c)
z, p, CE = matrix("z", c), matrix("p", c), matrix("CE")
CLASSIFIER = {"z": plus(times(W, f), b), "p": x.Softmax(z), "CE": neg(times(T(y), fn("log", p)))}
SUM_Y = t.Equation(t.Sum(i, t.Entry("y", (i,))), t.Number(1), (r"\sum_i y_i = 1",))
GRADIENT, UPDATE = minus(p, y), times(minus(p, y), T(f))
JACOBIAN = minus(diag(p), times(p, T(p)))
P_I, P_J, D_IJ = at(p, i), at(p, j), x.Delta(i, j)

# least squares, with and without a penalty
X, w, v, lam = matrix("X", m, n), matrix("w", n), matrix("v", m), matrix(r"\lambda")
ERROR = minus(times(X, w), v)
LOSS = squared(x.Norm(ERROR))
NORMAL = times(2, T(X), ERROR)
RIDGE = plus(LOSS, times(lam, squared(x.Norm(w))))

# square matrices and a vector, rectangular ones, scalars
A, B, C, u, e = matrix("A", n, n), matrix("B", n, n), matrix("C", n, n), matrix("u", n), matrix("e", n)
F, G, H, a = matrix("F", m, n), matrix("G", n, m), matrix("H", m, n), matrix("a", m)
s, q = matrix("s"), matrix("q")
QUADRATIC = times(T(u), A, u)


@dataclass(frozen=True)
class Row:
    """A false step; the right side that is right, None where a hypothesis or a reading mends it instead."""

    kind: str
    lhs: Expression
    wrong: Expression
    right: Expression | None
    message: str = ""
    definitions: dict[str, Expression] = field(default_factory=dict)
    hypotheses: tuple[t.Hypothesis, ...] = ()
    constants: frozenset[str] = frozenset()

    @property
    def context(self) -> tuple[dict[str, Expression], tuple[t.Hypothesis, ...], frozenset[str]]:
        return self.definitions, self.hypotheses, self.constants

    def broken(self, budget: int = BUDGET) -> Broken:
        return Broken(self.lhs, self.wrong, *self.context, budget)


def ce(
    kind: str, lhs: Expression, wrong: Expression, right: Expression | None, message: str = "",
    *hypotheses: t.Hypothesis,
) -> Row:  # fmt: skip
    """A row about the linear classifier, whose labels sum to 1 where nothing else is assumed."""
    return Row(kind, lhs, wrong, right, message, CLASSIFIER, hypotheses or (SUM_Y,))


NO_HYPOTHESIS = t.AtLeast(c, 1, ("c \\ge 1",))

MENDED = {
    "layout: gradient": ce("layout", by(CE, z, NUMERATOR), GRADIENT, None, "right in denominator layout"),
    "layout: row": ce("layout", by(CE, z), T(GRADIENT), None, "right in numerator layout"),
    "layout: weights": ce("layout", by(CE, W), T(UPDATE), None, "right in numerator layout"),
    "layout: weights, other way": ce("layout", by(CE, W, NUMERATOR), UPDATE, None, "denominator layout"),
    "layout: A u by u": Row("layout", by(times(A, u), u), A, None, "right in numerator layout"),
    "layout: log det": Row("layout", by(fn("log", x.Determinant(A)), A), inv(A), None, "numerator layout"),
    "layout: chain rule": Row(
        "layout", by(matrix("t", n), u), times(by(matrix("t", n), e), by(e, u)), None, "in numerator layout",
        {"t": times(A, fn("exp", e)), "e": times(B, u)},
    ),
    "layout: one derivative": ce(
        "layout", by(CE, at(W, i, j_d)), times(T(by(CE, z)), by(z, at(W, i, j_d), "denominator")), None,
    ) if False else Row(
        "layout", by(LOSS, w, NUMERATOR), times(by(LOSS, matrix("r", m)), by(matrix("r", m), w, NUMERATOR)),
        None, "read",
    ) if False else Row("layout", by(times(B, u), u), plus(by(times(B, u), u), A), None) if False else
    ce("layout", by(CE, z), T(GRADIENT), None),
}
