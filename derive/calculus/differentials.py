r"""The rules of differentiation, one function each, all of them as differentials.

A rule takes an expression U that varies with X, and says what dU is in terms of the differentials of its
parts: `product_rule` says d(UV) = dU V + U dV. Nothing here depends on a layout. By a scalar t the same rules
hold with ∂/∂t for d, and by a vector they become rules for Jacobians (see `linear.jacobian`).

`apply` tries the rules in the order in which they stand here. Sources: Magnus & Neudecker, Matrix
Differential Calculus, ch. 8 and 9, and Petersen & Pedersen, The Matrix Cookbook, sec. 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from derive import expression as x
from derive.calculus.tidy import factors, is_zero, negated, number, scaled, total, transposed, zero
from derive.expression import Expression
from derive.functions import FUNCTIONS
from derive.lowering import Lowering
from derive.terms import ONE

HALF = Fraction(1, 2)


class NotDifferentiable(ValueError):
    """An expression for which there is no rule; the message names it."""


@dataclass(frozen=True)
class Calculus:
    """What varies, and what symbols abbreviate.

    Attributes:
        variable: the symbol X that varies.
        definitions: what symbols abbreviate.
    """

    variable: x.Symbol
    definitions: dict[str, Expression]

    @property
    def direction(self) -> x.Symbol:
        """dX."""
        return x.Symbol(f"d{self.variable.name}", self.variable.shape)

    def varies(self, e: Expression) -> bool:
        return self.variable.name in Lowering(self.definitions).all_symbols(e)

    def d(self, e: Expression) -> Expression:
        """dU, to be worked out later; d(Uᵀ) is written (dU)ᵀ, and d(-U) as -dU."""
        if not self.varies(e):
            return zero(e.shape)
        if e == self.variable:
            return self.direction
        match e:
            case x.Negate(body=body):
                return negated(self.d(body))
            case x.Transpose(body=body):
                return transposed(self.d(body))
        return x.Differential(e, (self.variable,), (self.direction,))

    def linear(self, e: Expression) -> Expression:
        """dU, with what is linear in U worked out already."""
        match e:
            case x.Negate(body=body):
                return negated(self.linear(body))
            case x.Transpose(body=body):
                return transposed(self.linear(body))
        found = linearity(e, self) if self.varies(e) else None
        return self.d(e) if found is None else found


Rule = Callable[[Expression, Calculus], Expression | None]
RULES: dict[str, Rule] = {}


def rule(name: str) -> Callable[[Rule], Rule]:
    """Enters a rule under the name by which steps cite it."""

    def enter(function: Rule) -> Rule:
        RULES[name] = function
        return function

    return enter


def apply(e: Expression, c: Calculus) -> tuple[str, Expression]:
    """The name of the first rule that fits, and dU by it. Raises NotDifferentiable."""
    for name, function in RULES.items():
        found = function(e, c)
        if found is not None:
            return _specific(name, e), found
    raise NotDifferentiable(f"there is no rule for the derivative of {_described(e)}")


def _specific(name: str, e: Expression) -> str:
    """The name of a rule about all functions, for the function at hand."""
    if name == "derivative of an elementwise function" and isinstance(e, x.Apply):
        scalar = e.body.is_scalar
        if e.function in FUNCTIONS:
            return f"derivative of {e.function}"
        return "chain rule" if scalar else name
    return name


def _described(e: Expression) -> str:
    match e:
        case x.Kronecker():
            return "a Kronecker product"
        case x.Power():
            return "this power"
        case x.Call(function=function):
            return f"{function}, of which only the arguments are known"
    return f"a {type(e).__name__.lower()}"


# ── linearity, and the functions of log det that are known by name ─────────────────────────────────────────


@rule("derivative of log det")
def log_determinant(e: Expression, c: Calculus) -> Expression | None:
    """d log det U = tr(U⁻¹ dU), and the same for log |det U|: Cookbook (43)."""
    match e:
        case (
            x.Apply(function="log", order=0, body=x.Determinant(body=u))
            | x.Apply(
                function="log", order=0, body=x.Apply(function="abs", order=0, body=x.Determinant(body=u))
            )
        ):
            return x.Trace(x.Multiply(x.Inverse(u), c.d(u)))
    return None


@rule("derivative of log-softmax")
def log_softmax(e: Expression, c: Calculus) -> Expression | None:
    """d log softmax(u) = du - 1 pᵀ du with p = softmax(u), for a column u."""
    match e:
        case x.Apply(function="log", order=0, body=x.Softmax(body=u) as p) if u.shape[1] == ONE:
            return x.Add((c.d(u), x.Negate(x.product(_ones(u), x.Transpose(p), c.d(u)))))
    return None


@rule("derivative of the trace of a power")
def trace_of_power(e: Expression, c: Calculus) -> Expression | None:
    """d tr(Uᵏ) = k tr(Uᵏ⁻¹ dU) for a whole k: Cookbook (122)."""
    if isinstance(e, x.Trace):
        base, times = _power_of(e.body)
        if times not in (0, 1) and c.varies(base):
            return x.Multiply(number(times), x.Trace(x.Multiply(_matrix_power(base, times - 1), c.d(base))))
    return None


@rule("derivative of a quadratic form")
def quadratic_form(e: Expression, c: Calculus) -> Expression | None:
    """d(uᵀ A u) = uᵀ (A + Aᵀ) du for a constant A, and d(uᵀ u) = 2 uᵀ du: Cookbook (81)."""
    row, middle, column = _form(e)
    if row is None or column is None or row != transposed(column) or not c.varies(column):
        return None
    if any(map(c.varies, middle)):
        return None
    if not middle:
        return x.product(number(2), row, c.d(column))
    a = x.product(*middle)
    both = x.Add((a, transposed(a))) if a != transposed(a) else x.Multiply(number(2), a)
    return x.product(row, both, c.d(column))


@rule("linearity")
def linearity(e: Expression, c: Calculus) -> Expression | None:
    """d(a U + b V + C) = a dU + b dV, d(A U B) = A dU B, d tr U = tr dU, d diag U = diag dU.

    All the way down to what is not linear; None where the expression is not linear in its parts at all.
    """
    match e:
        case x.Add(terms=terms):
            return total([c.linear(term) for term in terms if c.varies(term)])
        case x.Multiply():
            chain = factors(e)
            places = [n for n, factor in enumerate(chain) if c.varies(factor)]
            if len(places) == 1:
                chain[places[0]] = c.linear(chain[places[0]])
                return x.product(*chain)
        case x.Negate() | x.Transpose():
            return c.linear(e)
        case x.Trace(body=body) if _power_of(body)[1] in (0, 1):
            return x.Trace(c.linear(body))
        case x.Diagonal(body=body):
            return x.Diagonal(c.linear(body))
        case x.Hadamard(left=left, right=right) if not c.varies(left):
            return x.Hadamard(left, c.linear(right))
        case x.Hadamard(left=left, right=right) if not c.varies(right):
            return x.Hadamard(c.linear(left), right)
        case x.Divide(numerator=above, denominator=below) if not c.varies(below):
            return x.Divide(c.linear(above), below)
        case x.Entry(body=x.Symbol() as body) if body == c.variable:
            return None  # an entry of X is as far down as it gets
        case x.Entry(body=x.Inverse()):
            return None  # see the derivative of an inverse
        case x.Entry(body=body, indices=indices):
            return x.Entry(c.linear(body), indices)
        case x.Sum(index=index, body=body, without=without):
            return x.Sum(index, c.linear(body), without)
        case x.Entries(indices=indices, body=body):
            return x.Entries(indices, c.linear(body))
        case x.Blocks(rows=rows):
            return x.Blocks(tuple(tuple(c.linear(cell) for cell in row) for row in rows))
    return None


# ── products, quotients, powers ────────────────────────────────────────────────────────────────────────────


@rule("product rule")
def product_rule(e: Expression, c: Calculus) -> Expression | None:
    """d(U V) = dU V + U dV, for any number of factors and with constants between them: Cookbook (37)."""
    if not isinstance(e, x.Multiply):
        return None
    chain = factors(e)
    parts = []
    for n, factor in enumerate(chain):
        if c.varies(factor):
            parts.append(x.product(*chain[:n], c.d(factor), *chain[n + 1 :]))
    return total(parts)


@rule("product rule of the entrywise product")
def entrywise_product(e: Expression, c: Calculus) -> Expression | None:
    """d(U ⊙ V) = dU ⊙ V + U ⊙ dV: Cookbook (38)."""
    match e:
        case x.Hadamard(left=left, right=right):
            return x.Add((x.Hadamard(c.d(left), right), x.Hadamard(left, c.d(right))))
    return None


@rule("derivative of a reciprocal")
def reciprocal(e: Expression, c: Calculus) -> Expression | None:
    """d(C / s) = -C ds / s² for a constant C and a scalar s, and the same entry by entry."""
    match e:
        case x.Divide(numerator=above, denominator=below) if not c.varies(above):
            return x.Negate(
                _over(
                    x.Hadamard(above, c.d(below)) if not below.is_scalar else x.Multiply(c.d(below), above),
                    _square(below),
                )
            )
        case x.Power(base=below, exponent=x.Constant(value=value)) if value == -1 and below.is_scalar:
            return x.Negate(_over(c.d(below), _square(below)))
    return None


@rule("quotient rule")
def quotient(e: Expression, c: Calculus) -> Expression | None:
    """d(U / s) = dU / s - ds U / s² for a scalar s, and the same entry by entry."""
    match e:
        case x.Divide(numerator=above, denominator=below):
            change = x.Hadamard(c.d(below), above) if not below.is_scalar else x.Multiply(c.d(below), above)
            return x.Add((_over(c.d(above), below), x.Negate(_over(change, _square(below)))))
    return None


@rule("derivative of a squared norm")
def squared_norm(e: Expression, c: Calculus) -> Expression | None:
    """d ‖u‖² = 2 uᵀ du, and d ‖U‖_F² = 2 tr(Uᵀ dU): Cookbook (131) and (132)."""
    match e:
        case x.Power(base=x.Norm(body=u, kind="2" | "F"), exponent=x.Constant(value=value)) if value == 2:
            return x.Multiply(number(2), _inner(u, c.d(u)))
    return None


@rule("derivative of a norm")
def norm(e: Expression, c: Calculus) -> Expression | None:
    """d ‖u‖ = uᵀ du / ‖u‖ where u is not 0, and d ‖U‖_F = tr(Uᵀ dU) / ‖U‖_F: Cookbook (129)."""
    match e:
        case x.Norm(body=u, kind="2" | "F"):
            return x.Divide(_inner(u, c.d(u)), e)
        case x.Norm(body=u, kind="1"):
            return _inner(x.Apply("sign", u), c.d(u))
    return None


@rule("power rule")
def power(e: Expression, c: Calculus) -> Expression | None:
    """d sᵖ = p sᵖ⁻¹ ds for a constant p, entry by entry for arrays; d Uᵏ = Σ Uʲ dU Uᵏ⁻¹⁻ʲ for matrices."""
    match e:
        case x.Power(base=u, exponent=p, entrywise=entrywise) if not c.varies(p):
            if u.is_scalar or entrywise:
                slope = scaled(p, _lowered(u, p, entrywise))
                return x.Multiply(slope, c.d(u)) if u.is_scalar else x.Hadamard(slope, c.d(u))
            if isinstance(p, x.Constant) and 2 <= p.value <= 12:
                return product_rule(x.product(*[u] * int(p.value)), c)
            if isinstance(p, x.Constant) and p.value == 1:
                return c.d(u)
            if isinstance(p, x.Constant) and -12 <= p.value < 0:
                return inverse(x.Inverse(_matrix_power(u, int(-p.value))), c)
    return None


@rule("derivative of a general power")
def general_power(e: Expression, c: Calculus) -> Expression | None:
    """d sᵗ = sᵗ (dt log s + t ds / s) for s > 0."""
    match e:
        case x.Power(base=s, exponent=t) if s.is_scalar:
            parts = []
            if c.varies(t):
                parts.append(x.Multiply(x.Apply("log", s), c.d(t)))
            if c.varies(s):
                parts.append(x.Multiply(x.Divide(t, s), c.d(s)))
            return x.Multiply(e, total(parts))
    return None


# ── functions ──────────────────────────────────────────────────────────────────────────────────────────────


@rule("derivative of an elementwise function")
def elementwise(e: Expression, c: Calculus) -> Expression | None:
    """d f(U) = f′(U) ⊙ dU: the chain rule, entry by entry."""
    match e:
        case x.Apply(body=u):
            slope = derivative_of(e)
            return x.Multiply(slope, c.d(u)) if u.is_scalar else x.Hadamard(slope, c.d(u))
    return None


@rule("Jacobian of softmax")
def softmax(e: Expression, c: Calculus) -> Expression | None:
    """dp = (diag(p) - p pᵀ) du for p = softmax(u); for the rows of a matrix, P ⊙ dU - diag((P ⊙ dU) 1) P."""
    match e:
        case x.Softmax(body=u) if u.shape[1] == ONE:
            return x.Multiply(x.Add((x.Diagonal(e), x.Negate(x.Multiply(e, x.Transpose(e))))), c.d(u))
        case x.Softmax(body=u) if u.shape[0] == ONE:
            p = x.Transpose(e)
            return x.Multiply(c.d(u), x.Add((x.Diagonal(p), x.Negate(x.Multiply(p, e)))))
        case x.Softmax(body=u):
            weighted = x.Hadamard(e, c.d(u))
            sums = x.Multiply(weighted, x.Fill(Fraction(1), (u.shape[1], ONE)))
            return x.Add((weighted, x.Negate(x.Multiply(x.Diagonal(sums), e))))
    return None


@rule("derivative of log-sum-exp")
def log_sum_exp(e: Expression, c: Calculus) -> Expression | None:
    """d log Σ exp(u) = softmax(u)ᵀ du."""
    match e:
        case x.LogSumExp(body=u) if u.shape[1] == ONE:
            return x.Multiply(x.Transpose(x.Softmax(u)), c.d(u))
        case x.LogSumExp(body=u) if u.shape[0] == ONE:
            return x.Multiply(c.d(u), x.Transpose(x.Softmax(u)))
        case x.LogSumExp(body=u):
            share = x.Apply("exp", x.Add((u, x.Negate(x.Multiply(e, x.Fill(Fraction(1), u.shape))))))
            return _inner(share, c.d(u))
    return None


@rule("derivative of a determinant")
def determinant(e: Expression, c: Calculus) -> Expression | None:
    """d det U = det(U) tr(U⁻¹ dU), where U is invertible: Jacobi's formula, Cookbook (41)."""
    match e:
        case x.Determinant(body=u):
            return x.Multiply(e, x.Trace(x.Multiply(x.Inverse(u), c.d(u))))
    return None


@rule("derivative of an inverse")
def inverse(e: Expression, c: Calculus) -> Expression | None:
    """d U⁻¹ = -U⁻¹ dU U⁻¹: Cookbook (40)."""
    match e:
        case x.Inverse(body=u):
            return x.Negate(x.product(e, c.d(u), e))
        case x.Entry(body=x.Inverse(body=u) as whole, indices=indices):
            return x.Negate(x.Entry(x.product(whole, c.d(u), whole), indices))
    return None


def derivative_of(e: x.Apply) -> Expression:
    """f′(u) as people write it: 1 - tanh², sigmoid (1 - sigmoid); f′ itself where there is no formula."""
    u = e.body
    one = number(1) if u.is_scalar else x.Fill(Fraction(1), u.shape)

    def times(a: Expression, b: Expression) -> Expression:
        return x.Multiply(a, b) if u.is_scalar else x.Hadamard(a, b)

    def f(name: str) -> Expression:
        return x.Apply(name, u)

    if e.order:
        return x.Apply(e.function, u, e.order + 1)
    match e.function:
        case "exp":
            return e
        case "log":
            return x.Divide(one, u)
        case "sqrt":
            return x.Divide(one, x.Multiply(number(2), e))
        case "sigmoid":
            return times(e, x.Add((one, x.Negate(e))))
        case "tanh":
            return x.Add((one, x.Negate(_square(e))))
        case "relu":
            return x.Multiply(number(HALF), x.Add((one, f("sign"))))
        case "abs":
            return f("sign")
        case "sign":
            return zero(u.shape)
        case "softplus":
            return f("sigmoid")
        case "sinh":
            return f("cosh")
        case "cosh":
            return f("sinh")
        case "sin":
            return f("cos")
        case "cos":
            return x.Negate(f("sin"))
        case "arctan":
            return x.Divide(one, x.Add((one, _square(u))))
    if e.function in FUNCTIONS:
        raise NotDifferentiable(f"there is no rule for the derivative of {e.function}")
    return x.Apply(e.function, u, 1)


# ── parts of rules ─────────────────────────────────────────────────────────────────────────────────────────


def _form(e: Expression) -> tuple[Expression | None, list[Expression], Expression | None]:
    """A scalar as row · matrices · column; (None, [], None) where it is none."""
    chain = factors(e) if isinstance(e, x.Multiply) and e.is_scalar else []
    if len(chain) < 2 or not (chain[0].shape[0] == ONE and chain[0].is_vector and chain[-1].is_vector):
        return None, [], None
    if any(ONE in factor.shape for factor in chain[1:-1]):
        return None, [], None
    return chain[0], chain[1:-1], chain[-1]


def _inner(u: Expression, change: Expression) -> Expression:
    """⟨u, change⟩: uᵀ du for columns, tr(Uᵀ dU) for matrices."""
    if u.is_scalar:
        return x.Multiply(u, change)
    if u.shape[0] == ONE:
        return x.Multiply(change, transposed(u))
    inner = x.Multiply(transposed(u), change)
    return inner if inner.is_scalar else x.Trace(inner)


def _ones(u: Expression) -> Expression:
    return x.Fill(Fraction(1), u.shape)


def _square(u: Expression) -> Expression:
    return x.Power(u, number(2)) if u.is_scalar else x.Hadamard(u, u)


def _over(above: Expression, below: Expression) -> Expression:
    return above if is_zero(above) else x.Divide(above, below)


def _power_of(e: Expression) -> tuple[Expression, int]:
    """U and k of a matrix Uᵏ; k is 0 where this is none."""
    match e:
        case x.Power(base=base, exponent=x.Constant(value=value), entrywise=False) if (
            value.denominator == 1 and not base.is_scalar
        ):
            return base, int(value)
    return e, 0


def _matrix_power(base: Expression, times: int) -> Expression:
    if times == 0:
        return x.Identity(base.shape[0])
    return base if times == 1 else x.Power(base, number(times))


def _lowered(u: Expression, p: Expression, entrywise: bool) -> Expression:
    """uᵖ⁻¹."""
    if isinstance(p, x.Constant):
        if p.value == 1:
            return number(1) if u.is_scalar else _ones(u)
        return u if p.value == 2 else x.Power(u, number(p.value - 1), entrywise)
    return x.Power(u, x.Add((p, number(-1))), entrywise)
