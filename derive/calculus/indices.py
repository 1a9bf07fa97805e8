r"""Expressions by their entries, and what Kronecker deltas do to sums.

Components(...).entry(xᵀ A x, ())  ->  Σ_k Σ_l x_k A_kl x_l
contract(Σ_k δ_ki a_k)             ->  a_i
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from derive import expression as x
from derive.calculus.tidy import Term, mentions, number, terms, total, written
from derive.expression import Expression, Shape
from derive.terms import ONE, Dimension, Index

UNIT = Index(0, ONE)
LETTERS = "ijklprstuvqwh"  # those with a subscript of their own in Unicode first


class NoComponents(ValueError):
    """An expression of which there is no general entry here; the message names it."""


class Components:
    """Writes expressions by their entries, with a letter of its own for every sum.

    Args:
        taken: the names that are no longer free for an index.
    """

    def __init__(self, taken: frozenset[str]):
        free = [*LETTERS, *(f"{a}_{n}" for n in range(1, 40) for a in LETTERS)]
        self.letters: Iterator[str] = iter([letter for letter in free if letter not in taken])

    def fresh(self, size: Dimension) -> Index:
        """An index that nothing else uses."""
        return Index(next(self.letters), size)

    def general(self, shape: Shape) -> tuple[Index, ...]:
        """An index for every dimension, a fixed one where that is 1."""
        return tuple(UNIT if size == ONE else self.fresh(size) for size in shape)

    def entry(self, e: Expression, at: tuple[Index, ...]) -> Expression:
        """The entry of an expression at these indices, one for each dimension. Raises NoComponents."""

        def here(part: Expression) -> Expression:
            return self.entry(part, (UNIT, UNIT) if part.is_scalar else at)

        match e:
            case x.Constant() | x.Count() | x.Delta():
                return e
            case x.Symbol():
                kept = tuple(i for i in at if i.range != ONE)
                return x.Entry(e, kept) if kept else e
            case x.Fill(value=value):
                return number(value)
            case x.Identity():
                return x.Delta(*at)
            case x.Basis(index=index):
                return x.Delta(at[0], index)
            case x.Add() | x.Negate() | x.Divide():
                return x.rebuild(e, here)
            case x.Apply(function=function, body=body, order=order):
                return x.Apply(function, here(body), order)
            case x.Transpose(body=body):
                return self.entry(body, (at[1], at[0]))
            case x.Hadamard(left=left, right=right):
                return x.Multiply(here(left), here(right))
            case x.Multiply(left=left, right=right):
                if left.is_scalar or right.is_scalar:
                    return x.Multiply(here(left), here(right))
                return self.summed(
                    left.shape[1],
                    lambda k: x.Multiply(self.entry(left, (at[0], k)), self.entry(right, (k, at[1]))),
                )
            case x.Power(base=x.Norm(body=body, kind="2" | "F"), exponent=x.Constant(value=value)) if (
                value == 2
            ):
                return self.over_entries(body, lambda v: x.Power(v, number(2)))
            case x.Power(base=base, exponent=exponent, entrywise=entrywise):
                if base.is_scalar or entrywise:
                    return x.Power(here(base), self.entry(exponent, (UNIT, UNIT)))
                assert isinstance(exponent, x.Constant)
                if exponent.value == 0:
                    return x.Delta(*at)
                factor = base if exponent.value > 0 else x.Inverse(base)
                return self.entry(x.product(*[factor] * min(12, abs(int(exponent.value)))), at)
            case x.Trace(body=body):
                return self.summed(body.shape[0], lambda k: self.entry(body, (k, k)))
            case x.Diagonal(body=body) if body.is_vector:
                place = (at[0], UNIT) if body.shape[1] == ONE else (UNIT, at[0])
                return x.Multiply(x.Delta(*at), self.entry(body, place))
            case x.Diagonal(body=body):
                return self.entry(body, (at[0], at[0]))
            case x.Norm(body=body, kind=kind):
                if kind == "1":
                    return self.over_entries(body, lambda v: x.Apply("abs", v))
                return x.Power(
                    self.over_entries(body, lambda v: x.Power(v, number(2))), number(Fraction(1, 2))
                )
            case x.LogSumExp(body=body):
                return x.Apply("log", self.over_entries(body, lambda v: x.Apply("exp", v)))
            case x.Softmax(body=body):
                axis = 0 if body.shape[1] == ONE else 1
                whole = self.summed(
                    body.shape[axis],
                    lambda k: x.Apply("exp", self.entry(body, (k, at[1]) if axis == 0 else (at[0], k))),
                )
                return x.Divide(x.Apply("exp", self.entry(body, at)), whole)
            case x.Entry(body=body, indices=indices):
                if len(indices) < len(body.shape):
                    indices = (UNIT, *indices) if body.shape[0] == ONE else (*indices, UNIT)
                return self.entry(body, indices)
            case x.Sum(index=index, body=body, without=without):
                return x.Sum(index, self.entry(body, at), without)
            case x.Entries(indices=indices, body=body):
                return substituted(self.entry(body, (UNIT, UNIT)), dict(zip(indices, at, strict=True)))
            case x.Differential(body=body, variables=variables, directions=directions):
                return x.Differential(self.entry(body, at), variables, directions)
            case x.Determinant():
                return e
            case x.Inverse():
                return x.Entry(e, at)
        raise NoComponents(f"there is no general entry of a {type(e).__name__.lower()} here")

    def summed(self, size: Dimension, body: Callable[[Index], Expression]) -> Expression:
        """The sum over an index of this range."""
        if size == ONE:
            return body(UNIT)
        index = self.fresh(size)
        return x.Sum(index, body(index))

    def over_entries(self, e: Expression, change: Callable[[Expression], Expression]) -> Expression:
        """The sum of change(entry) over all entries."""
        at = self.general(e.shape)
        whole = change(self.entry(e, at))
        for index in reversed([i for i in at if i.range != ONE]):
            whole = x.Sum(index, whole)
        return whole


def substituted(e: Expression, places: Mapping[Index, Index]) -> Expression:
    """An expression with indices put for others."""

    def visit(part: object) -> object:
        if isinstance(part, Index):
            return places.get(part, part)
        if isinstance(part, Expression):
            slots = [slot for slot in part.__dataclass_fields__.values() if slot.init]
            return type(part)(*(visit(getattr(part, slot.name)) for slot in slots))
        if isinstance(part, tuple):
            return tuple(map(visit, part))
        return part

    return visit(e)  # type: ignore[return-value]


def contract(e: Expression) -> Expression:
    """Every Σ_k δ_ki f(k) as f(i), and δ_ii as 1."""
    e = x.rebuild(e, contract)
    match e:
        case x.Delta(left=left, right=right) if left == right:
            return number(1)
        case x.Sum(index=index, body=body, without=()):
            parts = terms(body)
            return total([_contracted(index, term) for term in parts]) if parts else number(0)
        case x.Multiply(left=left, right=right):
            return written(terms(e), e.shape)
    return e


def _contracted(index: Index, term: Term) -> Expression:
    for base, exponent in term.scalars.items():
        if isinstance(base, x.Delta) and exponent == 1 and index in (base.left, base.right):
            other = base.right if base.left == index else base.left
            rest = {b: k for b, k in term.scalars.items() if b != base}
            return contract(substituted(written([Term(term.coefficient, rest)], x.SCALAR), {index: other}))
    whole = written([term], x.SCALAR)
    if mentions(whole, index):
        inner = terms(x.Sum(index, whole))
        return written(inner, x.SCALAR)
    return x.Multiply(x.Count(index.range), whole)
