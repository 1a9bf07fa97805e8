"""Short names with which the tables of claims are written.

Index level: `x(i)` is an entry, `total(k, x(k))` a sum, `D(f, x(j))` a derivative, `N(2)` a number.
Matrix level: `mul(A, B)`, `tr(A)`, `jac(y, x)` ... build expressions, and `same(lhs, rhs)` lowers them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from derive import expression as X
from derive.lowering import state
from derive.terms import (
    Abstraction,
    Apply,
    AtLeast,
    Claim,
    Coincide,
    Component,
    Context,
    Delta,
    Determinant,
    Dimension,
    Entry,
    Equation,
    Hypothesis,
    Index,
    Inverse,
    Nonzero,
    Number,
    Partial,
    Plus,
    Positive,
    Power,
    Product,
    Sum,
    Term,
)

c, d, n, m = (Dimension.of(name) for name in "cdnm")
TWO, THREE = Dimension.of(2), Dimension.of(3)


def index(name: str | int, dimension: Dimension | int = c) -> Index:
    return Index(name, Dimension.of(dimension))


i, j, k, g, o = (index(name) for name in "ijkgo")  # over the classes
a, b = index("a", d), index("b", d)  # over the features
p, q, r, s = (index(name, n) for name in "pqrs")  # over n
u = index("u", m)


def N(value: int | Fraction | str) -> Number:
    return Number(Fraction(value))


def tensor(name: str) -> Callable[..., Entry]:
    return lambda *indices: Entry(name, indices)


x, y, z, w, v, t, A, B, W, Q, M = map(tensor, ("x", "y", "z", "w", "v", "t", "A", "B", "W", "Q", "M"))


def total(*parts: Index | Term) -> Term:
    """total(i, j, body) sums body over i and over j."""
    *over, body = parts
    assert isinstance(body, Term)
    for at in reversed(over):
        assert isinstance(at, Index)
        body = Sum(at, body)
    return body


def plus(*terms: Term) -> Term:
    return Plus(terms)


def times(*factors: Term) -> Term:
    return Product(factors)


def power(base: Term, exponent: Term | int | str) -> Term:
    return Power(base, exponent if isinstance(exponent, Term) else N(exponent))


def sq(base: Term) -> Term:
    return power(base, 2)


def root(base: Term) -> Term:
    return power(base, "1/2")


def over(base: Term) -> Term:
    return power(base, -1)


def delta(left: Index, right: Index) -> Term:
    return Delta(left, right)


def fn(name: str, order: int = 0) -> Callable[[Term], Term]:
    return lambda argument: Apply(name, argument, order)


exp, log, sigmoid, tanh, softplus, relu, absolute, sign, phi = map(
    fn, ("exp", "log", "sigmoid", "tanh", "softplus", "relu", "abs", "sign", "phi")
)


def D(body: Term, *variables: Entry) -> Term:
    """The derivative of body by the first variable, then by the next ..."""
    for variable in variables:
        body = Partial(body, variable)
    return body


def matrix(entry: Callable[[Index, Index], Term], size: Dimension | int = n) -> Abstraction:
    row, column = index("row", size), index("column", size)
    return Abstraction((row, column), entry(row, column))


def inverse(entry: Callable[[Index, Index], Term], row: Index, column: Index) -> Term:
    return Inverse(matrix(entry, row.range), row, column)


def determinant(entry: Callable[[Index, Index], Term], size: Dimension | int = n) -> Term:
    return Determinant(matrix(entry, size))


def vector(entry: Callable[[Index], Term], dimension: Dimension | int = c) -> Abstraction:
    at = index("at", dimension)
    return Abstraction((at,), entry(at))


def component(name: str, at: tuple[Index, ...], *arguments: Abstraction) -> Callable[..., Term]:
    """component(f, at, u, v)(...) is f(u, v)[at], differentiated by the given (slot, place) pairs."""
    return lambda *derivatives: Component(name, at, arguments, derivatives)


# ---------------------------------------------------------------- hypotheses


@dataclass(frozen=True)
class Given:
    """Hypotheses, with how to make numbers that satisfy them (see spec.evaluator.makers)."""

    hypotheses: tuple[Hypothesis, ...]
    kinds: Mapping[str, str] = field(default_factory=dict)
    constants: frozenset[str] = frozenset()


def sums_to_one(name: str = "y") -> Given:
    return Given((Equation(total(k, tensor(name)(k)), N(1), ("sums to one",)),), {name: "simplex"})


def _orthogonal_idempotents(name: str) -> Equation:
    entry = tensor(name)
    return Equation(entry(i) * entry(j), delta(i, j) * entry(i), ("one-hot",))


def one_hot(name: str = "y") -> Given:
    one = Equation(total(k, tensor(name)(k)), N(1), ("one-hot",))
    return Given((_orthogonal_idempotents(name), one), {name: "one-hot"})


def label_is_k(name: str = "y") -> Given:
    """y_k = 1 for one fixed class k, and 0 elsewhere."""
    unit = Equation(tensor(name)(i), delta(i, k), ("y is e_k",))
    return Given((unit,), {name: "one-hot at k"}, frozenset("k"))


def symmetric(name: str = "A") -> Given:
    entry = tensor(name)
    return Given((Equation(entry(p, q), entry(q, p), ("symmetric",)),), {name: "symmetric"})


def orthogonal(name: str = "Q") -> Given:
    entry = tensor(name)
    gram = Equation(total(r, entry(r, p) * entry(r, q)), delta(p, q), ("orthogonal",))
    return Given((gram,), {name: "orthogonal"})


def positive(term: Term, name: str) -> Given:
    return Given((Positive(term, (f"{name} > 0",)),), {name: "positive"})


def nonzero(term: Term, name: str) -> Given:
    return Given((Nonzero(term, (f"{name} != 0",)),))


def equal(left: Index, right: Index) -> Given:
    return Given((Coincide(left, right, True, (f"{left} = {right}",)),))


def distinct(left: Index, right: Index) -> Given:
    return Given((Coincide(left, right, False, (f"{left} != {right}",)),))


def at_least(dimension: Dimension, bound: int) -> Given:
    return Given((AtLeast(dimension, bound, (f"{dimension} >= {bound}",)),))


def given(
    lhs: Term, rhs: Term, label: str, kinds: Mapping[str, str] | None = None, constants: str = ""
) -> Given:
    return Given((Equation(lhs, rhs, (label,)),), kinds or {}, frozenset(constants))


# ---------------------------------------------------------------- claims


@dataclass(frozen=True)
class Case:
    """One row of a table.

    Attributes:
        uses: the hypotheses that a proof needs.
        conditions: what a proof must have recorded: (term, "!= 0" | "> 0" | ">= 0"); None: not said.
        kinds: how to make the entries of some tensors.
        why: for what cannot be shown false by numbers: why it must not be proved all the same.
        known: the finding, while the kernel still gets this wrong.
    """

    name: str
    claim: Claim
    uses: tuple[str, ...] = ()
    conditions: tuple[tuple[Term, str], ...] | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    why: str = ""
    known: str = ""


def case(
    name: str,
    lhs: Term,
    rhs: Term | int,
    *givens: Given,
    relation: str = "=",
    define: Mapping[str, Abstraction] | None = None,
    uses: tuple[str, ...] = (),
    conditions: tuple[tuple[Term, str], ...] | None = None,
    kinds: Mapping[str, str] | None = None,
    why: str = "",
    known: str = "",
) -> Case:
    """A row whose claim is between index terms."""
    hypotheses = tuple(h for g in givens for h in g.hypotheses)
    constants = frozenset[str]().union(*(g.constants for g in givens))
    made = {name: kind for g in givens for name, kind in g.kinds.items()} | dict(kinds or {})
    right = rhs if isinstance(rhs, Term) else N(rhs)
    claim = Claim(lhs, right, relation, Context(define or {}, hypotheses, constants))
    return Case(name, claim, uses, conditions, made, why, known)


def same(
    name: str,
    lhs: X.Expression,
    rhs: X.Expression,
    *givens: Given,
    define: Mapping[str, X.Expression] | None = None,
    relation: str = "=",
    uses: tuple[str, ...] = (),
    conditions: tuple[tuple[Term, str], ...] | None = None,
    kinds: Mapping[str, str] | None = None,
    why: str = "",
    known: str = "",
) -> Case:
    """A row whose claim is between matrix expressions."""
    hypotheses = tuple(h for g in givens for h in g.hypotheses)
    constants = frozenset[str]().union(*(g.constants for g in givens))
    made = {name: kind for g in givens for name, kind in g.kinds.items()} | dict(kinds or {})
    claim = state(lhs, rhs, relation, define, hypotheses, constants).claim
    return Case(name, claim, uses, conditions, made, why, known)


# ---------------------------------------------------------------- matrix expressions

one = Dimension.of(1)


def mat(name: str, rows: Dimension = n, columns: Dimension = n) -> X.Symbol:
    return X.Symbol(name, (rows, columns))


def col(name: str, size: Dimension = n) -> X.Symbol:
    return X.Symbol(name, (size, one))


def num(name: str) -> X.Symbol:
    return X.Symbol(name, (one, one))


mul = X.product
T, tr, diag, inv, det, had = X.Transpose, X.Trace, X.Diagonal, X.Inverse, X.Determinant, X.Hadamard
softmax, lse, norm = X.Softmax, X.LogSumExp, X.Norm


def num_(value: int | str) -> X.Constant:
    return X.Constant(Fraction(value))


def add(*parts: X.Expression) -> X.Expression:
    return X.Add(parts)


def sub(left: X.Expression, right: X.Expression) -> X.Expression:
    return X.Add((left, X.Negate(right)))


def scaled(value: int | str, body: X.Expression) -> X.Expression:
    return X.Multiply(num_(value), body)


def eye(size: Dimension = n) -> X.Expression:
    return X.Identity(size)


def ones(size: Dimension = n) -> X.Expression:
    return X.Fill(Fraction(1), (size, one))


def zeros(rows: Dimension, columns: Dimension = one) -> X.Expression:
    return X.Fill(Fraction(0), (rows, columns))


def jac(body: X.Expression, variable: X.Expression) -> X.Expression:
    return X.Partial(body, variable, "numerator")


def den(body: X.Expression, variable: X.Expression) -> X.Expression:
    return X.Partial(body, variable, "denominator")


grad = X.Gradient


def each(name: str, body: X.Expression, order: int = 0) -> X.Expression:
    return X.Apply(name, body, order)
