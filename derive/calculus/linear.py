r"""What is linear in a change: brought into the form from which a derivative can be read off.

    gradient(ds, dX)     the G of ds = tr(Gᵀ dX), for a scalar s
    jacobian(du)         the ∂u/∂x of du = ∂u/∂x dx, for a column (or a scalar) u and a column x

Both go down to where the change stands, and carry what is multiplied with it along.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from derive import expression as x
from derive.calculus.tidy import number, total, transposed
from derive.expression import Expression
from derive.terms import ONE

Changes = Callable[[Expression], bool]


class NotLinear(ValueError):
    """An expression that is not linear in its changes in a way that is known here."""


def gradient(e: Expression, direction: Expression) -> Expression | None:
    """The G, of the shape of X, such that the scalar e is tr(Gᵀ dX); None where dX does not occur.

    ⟨G, A dX B⟩ = ⟨Aᵀ G Bᵀ, dX⟩ and its like move everything to the side of G. Raises NotLinear.
    """
    found: list[Expression] = []

    def changes(part: Expression) -> bool:
        return x.contains(part, direction)

    def collect(part: Expression, weight: Expression) -> None:
        """Adds what ⟨weight, part⟩ is in terms of dX."""
        match part:
            case _ if part == direction:
                found.append(weight)
            case _ if not changes(part):
                return
            case x.Add(terms=terms):
                for term in terms:
                    collect(term, weight)
            case x.Negate(body=body):
                collect(body, x.Negate(weight))
            case x.Transpose(body=body):
                collect(body, transposed(weight))
            case x.Trace(body=body):
                collect(body, x.Multiply(weight, x.Identity(body.shape[0])))
            case x.Multiply(left=left, right=right):
                if changes(right):
                    collect(right, _to_the_right(left, right, weight))
                if changes(left):
                    collect(
                        left,
                        transposed(_to_the_right(transposed(right), transposed(left), transposed(weight))),
                    )
            case x.Hadamard(left=left, right=right):
                if changes(right):
                    collect(right, x.Hadamard(left, weight))
                if changes(left):
                    collect(left, x.Hadamard(weight, right))
            case x.Divide(numerator=above, denominator=below) if not changes(below):
                collect(above, x.Divide(weight, below))
            case x.Diagonal(body=body) if body.is_vector:
                spread = x.Diagonal(weight)
                collect(body, spread if body.shape[1] == ONE else transposed(spread))
            case x.Diagonal(body=body) if not body.is_scalar:
                collect(body, x.Diagonal(weight))
            case _:
                raise NotLinear(f"the change stands inside a {type(part).__name__.lower()}")

    collect(e, number(1))
    return total(found) if found else None


def _to_the_right(left: Expression, right: Expression, weight: Expression) -> Expression:
    """The weight of B in ⟨weight, A B⟩: Aᵀ weight, or a product of scalars."""
    if left.is_scalar:
        return x.Multiply(left, weight)
    if right.is_scalar:
        return (
            x.Trace(x.Multiply(transposed(weight), left))
            if not weight.is_scalar
            else x.Multiply(left, weight)
        )
    if weight.is_scalar and left.shape[0] == ONE:
        return x.Multiply(weight, transposed(left))
    return x.Multiply(transposed(left), weight)


def jacobian(e: Expression, changes: Changes, derivative: Callable[[Expression], Expression]) -> Expression:
    """The Jacobian, in numerator layout, of a column or scalar that is linear in changes.

    Args:
        changes: whether an expression contains one.
        derivative: of a change du, what ∂u/∂x is to be written as.

    In front of a change a matrix stays where it is, A du; behind it only a scalar can stand, and a row that
    changes is turned: duᵀ v = vᵀ du. Raises NotLinear for anything else, such as a matrix that changes.
    """

    def again(part: Expression) -> Expression:
        return jacobian(part, changes, derivative)

    if isinstance(e, (x.Differential, x.Symbol)):
        if e.shape[1] != ONE:
            raise NotLinear("a matrix changes")
        return derivative(e)
    match e:
        case x.Add(terms=terms):
            return total([again(term) for term in terms])
        case x.Negate(body=body):
            return x.Negate(again(body))
        case x.Transpose(body=body) if body.is_scalar:
            return again(body)
        case x.Trace(body=body) if body.is_scalar:
            return again(body)
        case x.Trace(body=x.Multiply(left=left, right=right)) if (
            right.shape[1] == ONE or left.shape[1] == ONE
        ):
            return again(x.Multiply(right, left))
        case x.Multiply(left=left, right=right) if not changes(left):
            if right.shape[1] == ONE:
                return x.Multiply(left, again(right))
        case x.Multiply(left=left, right=right) if not changes(right):
            if left.shape[1] == ONE and right.is_scalar:
                return x.Multiply(right, again(left))
            if left.is_scalar and right.shape[1] == ONE:
                return x.Multiply(right, again(left))
            if e.is_scalar:
                return again(x.Multiply(transposed(right), transposed(left)))
            if isinstance(left, x.Diagonal) and right.shape[1] == ONE and left.body.shape[1] == ONE:
                return again(x.Hadamard(right, left.body))
            if isinstance(left, x.Multiply) and right.shape[1] == ONE:
                return again(x.Multiply(left.left, x.Multiply(left.right, right)))
        case x.Hadamard(left=left, right=right) if e.is_scalar or e.shape[1] == ONE:
            kept, changing = (left, right) if changes(right) else (right, left)
            return x.Multiply(kept if e.is_scalar else x.Diagonal(kept), again(changing))
        case x.Divide(numerator=above, denominator=below) if not changes(below):
            if below.is_scalar:
                return x.Divide(again(above), below)
            ones = x.Fill(Fraction(1), below.shape)
            return x.Multiply(x.Diagonal(x.Divide(ones, below)), again(above))
    raise NotLinear(
        f"the change stands inside a {type(e).__name__.lower()} with {x.show_shape(e.shape)} entries"
    )
