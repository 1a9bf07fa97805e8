"""Index-notation terms: the language that the kernel decides on.

A term denotes one real number once its free indices have values. A matrix identity A = B is the claim
that the terms A[i, j] and B[i, j] agree for every i and j, so all of matrix calculus fits in here:

    (Wx)_i              Sum(k, Product((Entry("W", (i, k)), Entry("x", (k,)))))
    d z_i / d x_j       Partial(Entry("z", (i,)), Entry("x", (j,)))

Vocabulary: a *dimension* is the range of an index, such as c, 3 or n + 1; an index is *bound* by the
Sum or Abstraction that introduces it and *free* otherwise; an index whose name is an integer is a fixed
position, counted from 0. Every dimension is at least 1.

Terms are inert: nothing simplifies when one is built, and == is identity of structure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Any


class ShapeError(ValueError):
    """Shapes, ranges or numbers of indices that do not fit together.

    `pairs` are the dimensions that would have to be equal, where that is what is wrong.
    """

    def __init__(self, message: str, pairs: tuple[tuple[Dimension, Dimension], ...] = ()):
        super().__init__(message)
        self.pairs = pairs


@dataclass(frozen=True, slots=True)
class Dimension:
    """A polynomial in dimension symbols with integer coefficients; `str` is its canonical spelling.

    `monomials` maps a sorted tuple of names to its coefficient: n + 1 is ((("n",), 1), ((), 1)).
    """

    monomials: tuple[tuple[tuple[str, ...], int], ...]

    @staticmethod
    def of(value: int | str | Dimension) -> Dimension:
        """A number or a name as a dimension. Raises ShapeError for a number below 1."""
        if isinstance(value, Dimension):
            return value
        if isinstance(value, str):
            if not value or value[0] in "0123456789+-" or " " in value:
                raise ShapeError(f"{value!r} is not the name of a dimension")
            return Dimension((((value,), 1),))
        if value < 1:
            raise ShapeError(f"a dimension is at least 1, not {value}")
        return Dimension((((), int(value)),))

    @property
    def number(self) -> int | None:
        """The value of a concrete dimension, None for a symbolic one."""
        if len(self.monomials) == 1 and self.monomials[0][0] == ():
            return self.monomials[0][1]
        return 0 if not self.monomials else None

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for names, _ in self.monomials for name in names)

    def value(self, sizes: dict[str, int]) -> int:
        """The number that it stands for when each name has a size."""
        total = 0
        for names, coefficient in self.monomials:
            for name in names:
                coefficient *= sizes[name]
            total += coefficient
        return total

    def _collect(self, parts: Iterator[tuple[tuple[str, ...], int]]) -> Dimension:
        total: dict[tuple[str, ...], int] = {}
        for names, coefficient in parts:
            total[names] = total.get(names, 0) + coefficient
        kept = [(names, c) for names, c in total.items() if c]
        return Dimension(tuple(sorted(kept, key=lambda part: (-len(part[0]), part[0]))))

    def __add__(self, other: Dimension | int) -> Dimension:
        added = Dimension((((), other),)) if isinstance(other, int) else other
        return self._collect(iter(self.monomials + added.monomials))

    def __mul__(self, other: Dimension) -> Dimension:
        return self._collect(
            (tuple(sorted(a + b)), p * q) for a, p in self.monomials for b, q in other.monomials
        )

    def __str__(self) -> str:
        text = ""
        for names, coefficient in self.monomials:
            size = abs(coefficient)
            body = " ".join(([str(size)] if size != 1 or not names else []) + list(names))
            sign = "-" if coefficient < 0 else "+" if text else ""
            text += f" {sign} {body}" if text else f"{sign}{body}"
        return text or "0"


ONE = Dimension.of(1)


@dataclass(frozen=True, slots=True)
class Index:
    """An index and its range; an integer name is the fixed position with that number, from 0."""

    name: str | int
    range: Dimension

    def __post_init__(self) -> None:
        size = self.range.number
        if size is not None and size < 1:
            raise ShapeError(f"a dimension is at least 1, not {size}")
        if isinstance(self.name, int) and (self.name < 0 or (size is not None and self.name >= size)):
            raise ShapeError(f"there is no position {self.name} among {self.range}, counted from 0")

    def __str__(self) -> str:
        return str(self.name)


class Term:
    """What denotes a number. The subclasses below are all there are."""

    __slots__ = ()

    def __add__(self, other: Term) -> Term:
        return Plus((self, other))

    def __sub__(self, other: Term) -> Term:
        return Plus((self, -other))

    def __neg__(self) -> Term:
        return Product((Number(-1), self))

    def __mul__(self, other: Term) -> Term:
        return Product((self, other))

    def __truediv__(self, other: Term) -> Term:
        return Product((self, Power(other, Number(-1))))


@dataclass(frozen=True, slots=True)
class Number(Term):
    """A rational number."""

    value: int | Fraction


@dataclass(frozen=True, slots=True)
class Size(Term):
    """A dimension as a number: the n in 1/n."""

    dimension: Dimension


@dataclass(frozen=True, slots=True)
class Entry(Term):
    """T[i, j, ...], an entry of a tensor; a scalar variable has no indices."""

    tensor: str
    indices: tuple[Index, ...] = ()

    def __post_init__(self) -> None:
        if "\0" in self.tensor:
            raise ShapeError("a name does not contain the character 0, which the kernel keeps for itself")


@dataclass(frozen=True, slots=True)
class Delta(Term):
    """The Kronecker delta: 1 where both indices agree, 0 elsewhere."""

    left: Index
    right: Index

    def __post_init__(self) -> None:
        if self.left.range != self.right.range:
            raise ShapeError(
                f"a Kronecker delta compares indices of one range, not {self.left} (1..{self.left.range}) "
                f"with {self.right} (1..{self.right.range})"
            )


@dataclass(frozen=True, slots=True)
class Sum(Term):
    """The sum of `body` over every value of `index`."""

    index: Index
    body: Term

    def __post_init__(self) -> None:
        if not isinstance(self.index.name, str):
            raise ShapeError(f"a sum runs over a named index, not over the fixed position {self.index}")


@dataclass(frozen=True, slots=True)
class Plus(Term):
    """The sum of finitely many terms; 0 when there are none."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Product(Term):
    """The product of finitely many factors; 1 when there are none."""

    factors: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Power(Term):
    """base ** exponent over the reals.

    Any base may be raised to an integer, which is a number or a polynomial of dimensions such as n + 1. For
    every other exponent the power is exp(exponent log base), which only a positive base has: what is said
    of t^w is said of positive t, also where the value of w could be an integer.
    """

    base: Term
    exponent: Term


@dataclass(frozen=True, slots=True)
class Apply(Term):
    """A function of one real variable, or its derivative of the given order, at `argument`.

    A name that `derive.functions` does not know is an arbitrary smooth function.
    """

    function: str
    argument: Term
    order: int = 0

    def __post_init__(self) -> None:
        if self.order < 0:
            raise ShapeError(f"the order of a derivative is not negative, as {self.order} is")


@dataclass(frozen=True, slots=True)
class Abstraction:
    """indices -> body: a whole tensor, given by its general entry."""

    indices: tuple[Index, ...]
    body: Term

    def __post_init__(self) -> None:
        if len(set(self.indices)) < len(self.indices) or any(isinstance(i.name, int) for i in self.indices):
            raise ShapeError("an abstraction binds distinct named indices")


@dataclass(frozen=True, slots=True)
class Component(Term):
    """An entry of an arbitrary smooth function of tensors, or of one of its partial derivatives.

    f(u, v)[i] with f: R^m x R^n -> R^p is Component("f", (i,), (u, v)); `derivatives` lists the entries
    of the arguments by which f is differentiated: ((0, (k,)),) is the derivative by u_k.
    """

    function: str
    indices: tuple[Index, ...]
    arguments: tuple[Abstraction, ...]
    derivatives: tuple[tuple[int, tuple[Index, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Inverse(Term):
    """Entry (row, column) of the inverse of a square matrix, which must be invertible."""

    matrix: Abstraction
    row: Index
    column: Index

    def __post_init__(self) -> None:
        _demand_square(self.matrix, "the inverse")
        if not self.row.range == self.column.range == self.matrix.indices[0].range:
            raise ShapeError("the indices of an inverse have the ranges of its matrix")


@dataclass(frozen=True, slots=True)
class Determinant(Term):
    """The determinant of a square matrix."""

    matrix: Abstraction

    def __post_init__(self) -> None:
        _demand_square(self.matrix, "the determinant")


@dataclass(frozen=True, slots=True)
class Partial(Term):
    """The partial derivative of `body` by one entry of a tensor.

    Where the tensor is a defined quantity, definitions in `body` are unfolded down to it and no
    further, it is varied as if it were independent, and only then is it unfolded itself. Tensors without
    a definition are independent of each other: a hypothesis restricts the point, not the directions.
    """

    body: Term
    variable: Entry


def _demand_square(matrix: Abstraction, what: str) -> None:
    ranges = [index.range for index in matrix.indices]
    if len(ranges) != 2 or ranges[0] != ranges[1]:
        raise ShapeError(f"{what} is of a square matrix, not of a {' x '.join(map(str, ranges))} one")


@dataclass(frozen=True, slots=True)
class Equation:
    """A hypothesis lhs = rhs for every value of its free indices; `labels` are the statements it rests on."""

    lhs: Term
    rhs: Term
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Positive:
    """A hypothesis term > 0 for every value of its free indices."""

    term: Term
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Nonzero:
    """A hypothesis term != 0 for every value of its free indices."""

    term: Term
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coincide:
    """The hypothesis that two particular indices are equal (or, with `equal` False, distinct)."""

    left: Index
    right: Index
    equal: bool
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.left.range != self.right.range:
            raise ShapeError(f"{self.left} and {self.right} have different ranges and cannot be compared")


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The hypothesis that a dimension is at least `bound`."""

    dimension: Dimension
    bound: int
    labels: tuple[str, ...]


Hypothesis = Equation | Positive | Nonzero | Coincide | AtLeast


@dataclass(frozen=True, slots=True)
class Context:
    """What a claim may rest on.

    A definition gives a tensor's general entry. A hypothesis holds for every value of its free indices
    except those named in `constants`, which are particular ones, such as the class k with y_k = 1.
    """

    definitions: Mapping[str, Abstraction] = field(default_factory=dict)
    hypotheses: tuple[Hypothesis, ...] = ()
    constants: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "definitions", MappingProxyType(dict(self.definitions)))
        if not all(hypothesis.labels for hypothesis in self.hypotheses):
            raise ValueError("every hypothesis needs a label, so that its use can be reported")

    def keeping(self, labels: frozenset[str]) -> Context:
        """The same context with only the hypotheses that rest on these statements alone."""
        kept = tuple(h for h in self.hypotheses if labels.issuperset(h.labels))
        return Context(self.definitions, kept, self.constants)


@dataclass(frozen=True, slots=True)
class Claim:
    """lhs relation rhs for every value of the free indices; relation is '=', '<', '<=', '>' or '>='."""

    lhs: Term
    rhs: Term
    relation: str = "="
    context: Context = field(default_factory=Context)

    def __post_init__(self) -> None:
        if self.relation not in ("=", "<", "<=", ">", ">="):
            raise ValueError(f"a claim relates its sides by =, <, <=, > or >=, not by {self.relation!r}")


@cache
def _slots(kind: Any) -> tuple[str, ...]:
    return tuple(slot.name for slot in fields(kind))


def children(term: Term) -> list[Term | Abstraction]:
    """The terms and abstractions directly below a term."""
    found: list[Term | Abstraction] = []
    kind: Any = type(term)
    for slot in _slots(kind):
        value = getattr(term, slot)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, (Term, Abstraction)):
                found.append(part)
    return found


def rebuild(term: Term, on_term: Callable[[Term], Term], on_index: Callable[[Index], Index]) -> Term:
    """The same term with `on_term` applied to its children and `on_index` to the indices that it holds."""

    def visit(value: object) -> object:
        if isinstance(value, Term):
            return on_term(value)
        if isinstance(value, Index):
            return on_index(value)
        if isinstance(value, Abstraction):
            return Abstraction(tuple(map(on_index, value.indices)), on_term(value.body))
        if isinstance(value, tuple):
            return tuple(visit(part) for part in value)
        return value

    return type(term)(*(visit(getattr(term, slot.name)) for slot in fields(term)))  # type: ignore[arg-type]


def walk(term: Term | Abstraction) -> Iterator[Term]:
    """The term and every term below it, each before what is below it."""
    todo = [term]
    while todo:
        part = todo.pop()
        if isinstance(part, Abstraction):
            todo.append(part.body)
        else:
            yield part
            todo += reversed(children(part))


def tensors(term: Term) -> frozenset[str]:
    """The names of the tensors whose entries occur in a term."""
    return frozenset(part.tensor for part in walk(term) if isinstance(part, Entry))


def free_indices(term: Term | Abstraction) -> frozenset[Index]:
    """The free indices of a term, fixed positions included."""
    if isinstance(term, Abstraction):
        return free_indices(term.body) - set(term.indices)
    if isinstance(term, Sum):
        return free_indices(term.body) - {term.index}
    here: tuple[Index, ...] = ()
    match term:
        case Entry(_, indices) | Partial(_, Entry(_, indices)):
            here = indices
        case Delta(left, right):
            here = (left, right)
        case Component(_, indices, _, derivatives):
            here = (*indices, *(i for _, by in derivatives for i in by))
        case Inverse(_, row, column):
            here = (row, column)
    return frozenset(here).union(*map(free_indices, children(term)))
