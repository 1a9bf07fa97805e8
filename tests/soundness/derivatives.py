"""Derivatives by rules written down by hand, matrix by matrix: none of derive's own.

differential: how an expression changes with a direction. gradient: backwards, what is shaped like the
variable. jacobian: of a column by a column, row for row. Each returns None where it has no rule.
"""

from __future__ import annotations

from collections.abc import Callable

from derive import expression as X
from derive.expression import Expression
from derive.terms import ONE
from tests.soundness.expressions import fill, minus, number, ones, symbols

T, mul, had = X.Transpose, X.Multiply, X.Hadamard


class NoRule(Exception):
    """An expression that these rules do not differentiate."""


def one(e: Expression) -> Expression:
    return fill(1, e.shape)


def apply(name: str) -> Callable[[Expression], Expression]:
    return lambda e: X.Apply(name, e)


SLOPES: dict[str, Callable[[Expression], Expression]] = {
    "exp": apply("exp"),
    "log": lambda e: X.Divide(one(e), e),
    "sqrt": lambda e: X.Divide(number("1/2"), X.Apply("sqrt", e)) if e.is_scalar
    else X.Divide(mul(number("1/2"), one(e)), X.Apply("sqrt", e)),
    "sigmoid": lambda e: had(X.Apply("sigmoid", e), minus(one(e), X.Apply("sigmoid", e))),
    "tanh": lambda e: minus(one(e), X.Power(X.Apply("tanh", e), number(2), entrywise=True)),
    "softplus": apply("sigmoid"),
    "relu": lambda e: mul(number("1/2"), X.Add((one(e), X.Apply("sign", e)))),
    "abs": apply("sign"),
    "sign": lambda e: fill(0, e.shape),
    "sinh": apply("cosh"),
    "cosh": apply("sinh"),
    "sin": apply("cos"),
    "cos": lambda e: X.Negate(X.Apply("sin", e)),
    "arctan": lambda e: X.Divide(one(e), X.Add((one(e), had(e, e)))),
}  # fmt: skip


def slope(e: X.Apply) -> Expression:
    """f'(x), entry by entry."""
    if e.function in SLOPES:
        if e.order:
            raise NoRule
        return SLOPES[e.function](e.body)
    return X.Apply(e.function, e.body, e.order + 1)


def inner(left: Expression, right: Expression) -> Expression:
    """The sum of the products of entries, tr(L^T R)."""
    if left.is_scalar:
        return mul(left, right)
    product = mul(T(left), right)
    return product if product.is_scalar else X.Trace(product)


def column(e: Expression) -> bool:
    return e.is_vector and e.shape[1] == ONE


def added(parts: list[Expression], shape: X.Shape) -> Expression:
    if not parts:
        return fill(0, shape)
    return parts[0] if len(parts) == 1 else X.Add(tuple(parts))


def differential(e: Expression, name: str, direction: Expression) -> Expression:
    """The change of e, to first order, when the symbol changes in a direction. Raises NoRule."""

    def again(part: Expression) -> Expression:
        return differential(part, name, direction)

    if name not in symbols(e):
        return fill(0, e.shape)
    match e:
        case X.Symbol():
            return direction
        case X.Add(terms):
            return X.Add(tuple(map(again, terms)))
        case X.Negate(a):
            return X.Negate(again(a))
        case X.Multiply(a, b):
            return X.Add((mul(again(a), b), mul(a, again(b))))
        case X.Hadamard(a, b):
            return X.Add((had(again(a), b), had(a, again(b))))
        case X.Divide(a, b) if b.is_scalar:
            square = mul(b, b)
            return minus(X.Divide(again(a), b), mul(X.Divide(again(b), square), a))
        case X.Divide(a, b):
            return minus(X.Divide(again(a), b), X.Divide(had(a, again(b)), had(b, b)))
        case X.Transpose(a):
            return T(again(a))
        case X.Trace(a):
            return X.Trace(again(a))
        case X.Determinant(a) if not a.is_scalar:
            return mul(e, X.Trace(mul(X.Inverse(a), again(a))))
        case X.Inverse(a) if not a.is_scalar:
            return X.Negate(mul(mul(e, again(a)), e))
        case X.Diagonal(a):
            return X.Diagonal(again(a))
        case X.Apply(_, a, _):
            return had(slope(e), again(a))
        case X.Softmax(a) if column(a):
            change = again(a)
            return minus(had(e, change), mul(e, mul(T(e), change)))
        case X.LogSumExp(a) if column(a):
            return mul(T(X.Softmax(a)), again(a))
        case X.Norm(a, "2" | "F") if not a.is_scalar:
            return X.Divide(inner(a, again(a)), e)
        case X.Norm(a, "1") if not a.is_scalar:
            return inner(X.Apply("sign", a), again(a))
        case X.Power(a, X.Constant(k), entrywise) if a.is_scalar or entrywise:
            lower = X.Power(a, number(k - 1), entrywise)
            return mul(number(k), had(lower, again(a)))
        case X.Power(a, X.Constant(k), False) if k == 2:
            return X.Add((mul(again(a), a), mul(a, again(a))))
        case X.Sum(k, body, without):
            return X.Sum(k, again(body), without)
        case X.Entry(a, at):
            return X.Entry(again(a), at)
        case X.Entries(at, body):
            return X.Entries(at, again(body))
    raise NoRule


def gradient(e: Expression, name: str, shape: X.Shape) -> Expression:
    """The gradient of a scalar by a symbol, shaped like it, by working backwards. Raises NoRule."""
    found: list[Expression] = []
    _backward(e, name, number(1), found)
    return added(found, shape)


def _backward(e: Expression, name: str, g: Expression, found: list[Expression]) -> None:
    """Adds what reaches the symbol when the change of e is worth <g, de>."""

    def back(part: Expression, worth: Expression) -> None:
        _backward(part, name, worth, found)

    if name not in symbols(e):
        return
    match e:
        case X.Symbol():
            found.append(g)
        case X.Add(terms):
            for term in terms:
                back(term, g)
        case X.Negate(a):
            back(a, X.Negate(g))
        case X.Multiply(a, b) if a.is_scalar:
            back(a, inner(g, b))
            back(b, mul(a, g))
        case X.Multiply(a, b) if b.is_scalar:
            back(b, inner(g, a))
            back(a, mul(b, g))
        case X.Multiply(a, b):
            back(a, mul(g, T(b)))
            back(b, mul(T(a), g))
        case X.Hadamard(a, b):
            back(a, had(g, b))
            back(b, had(g, a))
        case X.Divide(a, b) if b.is_scalar:
            back(a, X.Divide(g, b))
            back(b, X.Negate(X.Divide(inner(g, a), mul(b, b))))
        case X.Divide(a, b):
            back(a, X.Divide(g, b))
            back(b, X.Negate(X.Divide(had(g, a), had(b, b))))
        case X.Transpose(a):
            back(a, T(g))
        case X.Trace(a) if not a.is_scalar:
            back(a, mul(g, X.Identity(a.shape[0])))
        case X.Determinant(a) if not a.is_scalar:
            back(a, mul(mul(g, e), T(X.Inverse(a))))
        case X.Inverse(a) if not a.is_scalar:
            back(a, X.Negate(mul(mul(T(e), g), T(e))))
        case X.Diagonal(a) if column(a):
            back(a, X.Diagonal(g))
        case X.Diagonal(a) if not a.is_scalar and a.shape[0] == a.shape[1]:
            back(a, X.Diagonal(g))
        case X.Apply(_, a, _):
            back(a, had(g, slope(e)))
        case X.Softmax(a) if column(a):
            back(a, had(e, minus(g, mul(inner(e, g), ones(a.shape[0])))))
        case X.LogSumExp(a) if column(a):
            back(a, mul(g, X.Softmax(a)))
        case X.Norm(a, "2" | "F") if not a.is_scalar:
            back(a, X.Divide(mul(g, a), e))
        case X.Norm(a, "1") if not a.is_scalar:
            back(a, mul(g, X.Apply("sign", a)))
        case X.Power(a, X.Constant(k), entrywise) if a.is_scalar or entrywise:
            back(a, mul(number(k), had(g, X.Power(a, number(k - 1), entrywise))))
        case X.Entry(a, (i, j)) if a.shape[0] != ONE != a.shape[1]:
            back(a, mul(g, mul(X.Basis(i), T(X.Basis(j)))))
        case X.Entry(a, (i,)) if column(a):
            back(a, mul(g, X.Basis(i)))
        case _:
            raise NoRule


def jacobian(e: Expression, name: str, shape: X.Shape) -> Expression:
    """The m x n matrix of d e_i / d x_j of a column by a column. Raises NoRule."""

    def again(part: Expression) -> Expression:
        return jacobian(part, name, shape)

    n = shape[0]
    if name not in symbols(e):
        return fill(0, (e.shape[0], n))
    match e:
        case X.Symbol():
            return X.Identity(n)
        case X.Add(terms):
            return X.Add(tuple(map(again, terms)))
        case X.Negate(a):
            return X.Negate(again(a))
        case X.Multiply(a, b) | X.Multiply(b, a) if a.is_scalar and column(b):
            return X.Add((mul(a, again(b)), mul(b, T(gradient(a, name, shape)))))
        case X.Multiply(a, b) if name not in symbols(a) and column(b):
            return mul(a, again(b))
        case X.Hadamard(a, b):
            return X.Add((mul(X.Diagonal(a), again(b)), mul(X.Diagonal(b), again(a))))
        case X.Divide(a, b) if b.is_scalar and column(a):
            outer = mul(a, T(gradient(b, name, shape)))
            return minus(X.Divide(again(a), b), X.Divide(outer, mul(b, b)))
        case X.Divide(a, b) if column(a):
            left = mul(X.Diagonal(X.Divide(one(b), b)), again(a))
            return minus(left, mul(X.Diagonal(X.Divide(a, had(b, b))), again(b)))
        case X.Apply(_, a, _):
            return mul(X.Diagonal(slope(e)), again(a))
        case X.Softmax(a):
            return mul(minus(X.Diagonal(e), mul(e, T(e))), again(a))
        case X.Power(a, X.Constant(k), True):
            return mul(X.Diagonal(mul(number(k), X.Power(a, number(k - 1), True))), again(a))
    raise NoRule
