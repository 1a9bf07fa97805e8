"""What people write: matrix expressions, shape-checked when they are built and otherwise inert.

Every expression has a shape of symbolic dimensions: (rows, columns) for matrices, with columns of shape
(n, 1), rows of shape (1, n) and scalars of shape (1, 1). A derivative of a matrix by a vector or a matrix
has three or four dimensions. Nothing simplifies here; == is identity of structure.

An expression may mention free indices (in Entry, Delta, Sum ...), as in the component form of a
derivation: x_i y_i is a scalar expression with the free index i.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field, fields
from fractions import Fraction
from itertools import zip_longest
from typing import Literal

from derive.terms import ONE, Dimension, Index, ShapeError

Layout = Literal["numerator", "denominator"]
Shape = tuple[Dimension, ...]
SCALAR: Shape = (ONE, ONE)
UNKNOWN_SIZE = Dimension.of("?")  # the size of ones, or of an identity, that nothing beside it tells


def show_shape(shape: Shape) -> str:
    """A shape as people write it: 'c×d', or 'scalar'."""
    return "scalar" if shape == SCALAR else "×".join(map(str, shape))


@dataclass(eq=False, repr=False)
class Expression:
    """The base of all expressions; `shape` is set once, by the subclass's `_shape`.

    An expression never changes. Its classes share the methods that say so, and those for == and hash, because
    Python takes as long to make thirty frozen dataclasses as to check ten equations.
    """

    shape: Shape = field(init=False)

    def __post_init__(self) -> None:
        self.shape = self._shape()

    def __setattr__(self, name: str, value: object) -> None:
        if "shape" in self.__dict__:
            raise FrozenInstanceError(f"an expression never changes: {name} cannot be set")
        self.__dict__[name] = value

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"an expression never changes: {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and parts(self) == parts(other)

    def __hash__(self) -> int:
        return hash((type(self), *parts(self)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, parts(self)))})"

    def _shape(self) -> Shape:
        raise NotImplementedError

    @property
    def is_scalar(self) -> bool:
        return self.shape == SCALAR

    @property
    def is_vector(self) -> bool:
        """A column or a row, but not a scalar."""
        return len(self.shape) == 2 and (self.shape[0] == ONE) != (self.shape[1] == ONE)


def _demand_matrix(expression: Expression, what: str) -> None:
    if len(expression.shape) != 2:
        raise ShapeError(
            f"{what} needs a matrix, not an array of {len(expression.shape)} dimensions "
            f"({show_shape(expression.shape)}); write it in index notation"
        )


def _demand_square(expression: Expression, what: str) -> None:
    _demand_matrix(expression, what)
    if expression.shape[0] != expression.shape[1]:
        raise ShapeError(
            f"{what} needs a square matrix, not a {show_shape(expression.shape)} one",
            ((expression.shape[0], expression.shape[1]),),
        )


def _demand_scalar(expression: Expression, what: str) -> None:
    if not expression.is_scalar:
        raise ShapeError(f"{what} must be a scalar, not {show_shape(expression.shape)}")


def _same_shape(left: Expression, right: Expression, what: str) -> Shape:
    if left.shape != right.shape:
        # Beside an array of more axes, one has further axes of size 1.
        pairs = zip_longest(left.shape, right.shape, fillvalue=ONE)
        raise ShapeError(
            f"{what} needs equal shapes, not {show_shape(left.shape)} and {show_shape(right.shape)}",
            tuple(pairs),
        )
    return left.shape


@dataclass(eq=False, repr=False)
class Constant(Expression):
    """A rational number."""

    value: Fraction

    def _shape(self) -> Shape:
        return SCALAR


@dataclass(eq=False, repr=False)
class Count(Expression):
    """A dimension as a number: the n in 1/n."""

    dimension: Dimension

    def _shape(self) -> Shape:
        return SCALAR


@dataclass(eq=False, repr=False)
class Symbol(Expression):
    """A quantity with a name, in LaTeX. Its meaning, if it is a defined one, is in the context."""

    name: str
    size: Shape

    def _shape(self) -> Shape:
        return self.size


@dataclass(eq=False, repr=False)
class Add(Expression):
    """A sum of expressions of one shape."""

    terms: tuple[Expression, ...]

    def _shape(self) -> Shape:
        for term in self.terms[1:]:
            _same_shape(self.terms[0], term, "a sum")
        return self.terms[0].shape


@dataclass(eq=False, repr=False)
class Negate(Expression):
    """-A."""

    body: Expression

    def _shape(self) -> Shape:
        return self.body.shape


@dataclass(eq=False, repr=False)
class Multiply(Expression):
    """A matrix product, associated to the left; a scalar multiplies anything."""

    left: Expression
    right: Expression

    def _shape(self) -> Shape:
        if self.left.is_scalar:
            return self.right.shape
        if self.right.is_scalar:
            return self.left.shape
        _demand_matrix(self.left, "a matrix product")
        _demand_matrix(self.right, "a matrix product")
        if self.left.shape[1] != self.right.shape[0]:
            raise ShapeError(
                f"a product of {show_shape(self.left.shape)} with {show_shape(self.right.shape)} "
                f"does not conform: {self.left.shape[1]} columns meet {self.right.shape[0]} rows",
                ((self.left.shape[1], self.right.shape[0]),),
            )
        return (self.left.shape[0], self.right.shape[1])


@dataclass(eq=False, repr=False)
class Hadamard(Expression):
    """The entrywise product."""

    left: Expression
    right: Expression

    def _shape(self) -> Shape:
        return _same_shape(self.left, self.right, "an entrywise product")


@dataclass(eq=False, repr=False)
class Divide(Expression):
    """numerator / denominator with a scalar denominator, or entrywise with two equal shapes."""

    numerator: Expression
    denominator: Expression

    def _shape(self) -> Shape:
        if not self.denominator.is_scalar:
            return _same_shape(self.numerator, self.denominator, "an entrywise quotient")
        return self.numerator.shape


@dataclass(eq=False, repr=False)
class Power(Expression):
    """base ** exponent: of scalars; of a square matrix with a natural exponent; or entrywise."""

    base: Expression
    exponent: Expression
    entrywise: bool = False

    def _shape(self) -> Shape:
        _demand_scalar(self.exponent, "an exponent")
        if not self.base.is_scalar and not self.entrywise:
            _demand_square(self.base, "a matrix power")
            if not (isinstance(self.exponent, Constant) and self.exponent.value.denominator == 1):
                raise ShapeError("a matrix power needs an integer exponent")
        return self.base.shape


@dataclass(eq=False, repr=False)
class Transpose(Expression):
    """The transpose."""

    body: Expression

    def _shape(self) -> Shape:
        _demand_matrix(self.body, "a transpose")
        return (self.body.shape[1], self.body.shape[0])


@dataclass(eq=False, repr=False)
class Inverse(Expression):
    """The inverse of a square matrix."""

    body: Expression

    def _shape(self) -> Shape:
        _demand_square(self.body, "an inverse")
        return self.body.shape


@dataclass(eq=False, repr=False)
class Trace(Expression):
    """The trace of a square matrix."""

    body: Expression

    def _shape(self) -> Shape:
        _demand_square(self.body, "a trace")
        return SCALAR


@dataclass(eq=False, repr=False)
class Determinant(Expression):
    """The determinant of a square matrix."""

    body: Expression

    def _shape(self) -> Shape:
        _demand_square(self.body, "a determinant")
        return SCALAR


@dataclass(eq=False, repr=False)
class Diagonal(Expression):
    """diag: the diagonal matrix of a vector; of a square matrix, the column of its diagonal."""

    body: Expression

    def _shape(self) -> Shape:
        _demand_matrix(self.body, "diag")
        rows, columns = self.body.shape
        if rows == ONE or columns == ONE:
            size = columns if rows == ONE else rows
            return (size, size)
        _demand_square(self.body, "diag of a matrix")
        return (rows, ONE)


@dataclass(eq=False, repr=False)
class Apply(Expression):
    """A function of one variable at each entry, or its derivative of the given order."""

    function: str
    body: Expression
    order: int = 0

    def _shape(self) -> Shape:
        return self.body.shape


@dataclass(eq=False, repr=False)
class Softmax(Expression):
    """exp(z_i) / sum_k exp(z_k) for a vector; of a matrix, each row by itself."""

    body: Expression

    def _shape(self) -> Shape:
        _demand_matrix(self.body, "softmax")
        return self.body.shape


@dataclass(eq=False, repr=False)
class LogSumExp(Expression):
    """log sum_k exp(z_k) over all entries."""

    body: Expression

    def _shape(self) -> Shape:
        _demand_matrix(self.body, "log-sum-exp")
        return SCALAR


@dataclass(eq=False, repr=False)
class Norm(Expression):
    """A norm of a vector or matrix: kind "2" (Euclidean; Frobenius for matrices), "F" or "1"."""

    body: Expression
    kind: str = "2"

    def _shape(self) -> Shape:
        _demand_matrix(self.body, "a norm")
        if self.kind == "2" and not (self.body.is_vector or self.body.is_scalar):
            raise ShapeError("the norm of a matrix needs its kind: write the Frobenius norm with the index F")
        return SCALAR


@dataclass(eq=False, repr=False)
class Entry(Expression):
    """An entry of an expression; a vector takes one index, a matrix two."""

    body: Expression
    indices: tuple[Index, ...]

    def _shape(self) -> Shape:
        for index, dimension in zip(self.indices, entry_ranges(self.body, len(self.indices)), strict=True):
            if index.range != dimension:
                raise ShapeError(
                    f"the index {index} runs to {index.range}, but here it needs to run to {dimension}"
                )
        return SCALAR


def entry_ranges(body: Expression, count: int) -> Shape:
    """The ranges of the indices that an entry takes. Raises ShapeError when their number is wrong."""
    if count == len(body.shape):
        return body.shape
    if count == 1 and len(body.shape) == 2 and ONE in body.shape:
        return (body.shape[1],) if body.shape[0] == ONE else (body.shape[0],)
    raise ShapeError(f"an entry of a {show_shape(body.shape)} array does not take {count} indices")


@dataclass(eq=False, repr=False)
class Sum(Expression):
    """The sum of `body` over `index`, which leaves out the values in `without`."""

    index: Index
    body: Expression
    without: tuple[Index, ...] = ()

    def _shape(self) -> Shape:
        return self.body.shape


@dataclass(eq=False, repr=False)
class Delta(Expression):
    """The Kronecker delta, or the indicator of i = j."""

    left: Index
    right: Index

    def _shape(self) -> Shape:
        if self.left.range != self.right.range:
            raise ShapeError(
                f"indices of different ranges are compared: {self.left} (to {self.left.range}) "
                f"and {self.right} (to {self.right.range})"
            )
        return SCALAR


@dataclass(eq=False, repr=False)
class Entries(Expression):
    """The array whose general entry is `body`: (indices) -> body."""

    indices: tuple[Index, ...]
    body: Expression

    def _shape(self) -> Shape:
        _demand_scalar(self.body, "an entry")
        return tuple(index.range for index in self.indices)


@dataclass(eq=False, repr=False)
class Blocks(Expression):
    """A matrix written out, row by row; its cells are scalars."""

    rows: tuple[tuple[Expression, ...], ...]

    def _shape(self) -> Shape:
        if len({len(row) for row in self.rows}) != 1:
            raise ShapeError("the rows of a matrix have different lengths")
        for row in self.rows:
            for cell in row:
                _demand_scalar(cell, "a cell of a matrix")
        return (Dimension.of(len(self.rows)), Dimension.of(len(self.rows[0])))


@dataclass(eq=False, repr=False)
class Fill(Expression):
    """A matrix all of whose entries are one number: ones, or zeros."""

    value: Fraction
    size: Shape

    def _shape(self) -> Shape:
        return self.size


@dataclass(eq=False, repr=False)
class Identity(Expression):
    """The identity matrix."""

    dimension: Dimension

    def _shape(self) -> Shape:
        return (self.dimension, self.dimension)


@dataclass(eq=False, repr=False)
class Basis(Expression):
    """e_i, the column with 1 in place i and 0 elsewhere."""

    index: Index

    def _shape(self) -> Shape:
        return (self.index.range, ONE)


@dataclass(eq=False, repr=False)
class Kronecker(Expression):
    """The Kronecker product, blocks a_ij B."""

    left: Expression
    right: Expression

    def _shape(self) -> Shape:
        _demand_matrix(self.left, "a Kronecker product")
        _demand_matrix(self.right, "a Kronecker product")
        return (self.left.shape[0] * self.right.shape[0], self.left.shape[1] * self.right.shape[1])


@dataclass(eq=False, repr=False)
class Call(Expression):
    """An arbitrary smooth function of tensors, f(u, v), with values of the given shape."""

    function: str
    arguments: tuple[Expression, ...]
    size: Shape

    def _shape(self) -> Shape:
        return self.size


@dataclass(eq=False, repr=False)
class Partial(Expression):
    """The derivative of `body` by `variable`, a symbol or an entry of one, arranged as the layout has it.

    | by | numerator layout | denominator layout |
    | scalar by column (n) | 1 x n | n x 1 |
    | vector (m) by scalar | m x 1 | 1 x m |
    | vector (m) by vector (n) | m x n, d y_i / d x_j | n x m, d y_j / d x_i |
    | scalar by matrix (p x q) | q x p | p x q |

    Of higher order, the function's indices come first in numerator layout, the variable's in denominator
    layout. A transposed variable, dy/dx^T, gives the m x n Jacobian, and dy^T/dx the n x m one, in
    either layout, as in econometrics (Magnus & Neudecker, Matrix Differential Calculus, sec. 9.4).
    """

    body: Expression
    variable: Expression
    layout: Layout

    def _shape(self) -> Shape:
        return tuple(dimension for dimension, _ in self.arrangement())

    def arrangement(self) -> tuple[tuple[Dimension, tuple[str, int]], ...]:
        """For each dimension of the result, its size and where it indexes: ("body" or "variable", axis)."""
        body, variable = self.body.shape, self.variable.shape
        here = [(body[a], ("body", a)) for a in range(len(body))]
        there = [(variable[a], ("variable", a)) for a in range(len(variable))]
        numerator = self.layout == "numerator"
        if self.variable.is_scalar:
            return tuple(here) if numerator or self.body.is_scalar else tuple(reversed(here))
        if self.body.is_scalar:
            return tuple(reversed(there)) if numerator else tuple(there)
        if self.body.is_vector and self.variable.is_vector:
            (above,) = [part for part in here if part[0] != ONE]
            (below,) = [part for part in there if part[0] != ONE]
            if isinstance(self.variable, Transpose) != isinstance(self.body, Transpose):
                numerator = isinstance(self.variable, Transpose)
            return (above, below) if numerator else (below, above)
        # a column has no second index worth keeping
        above_all = [part for part in here if not (self.body.is_vector and part[0] == ONE)]
        below_all = [part for part in there if not (self.variable.is_vector and part[0] == ONE)]
        return tuple(above_all + below_all if numerator else below_all + above_all)


@dataclass(eq=False, repr=False)
class Differential(Expression):
    """The change of `body`, to first order, when each variable changes in its direction.

    d f = Sum_k (d f / d x_k) dx_k; the directions are symbols dx, or what a derivative is applied to.
    """

    body: Expression
    variables: tuple[Expression, ...]
    directions: tuple[Expression, ...]

    def _shape(self) -> Shape:
        for variable, direction in zip(self.variables, self.directions, strict=True):
            _same_shape(variable, direction, "a differential")
        return self.body.shape


@dataclass(eq=False, repr=False)
class Gradient(Expression):
    """nabla: the derivative of a scalar, shaped like what it is taken by.

    Of a vector it is the n x m array of d y_j / d x_i.
    """

    body: Expression
    variable: Expression

    def _shape(self) -> Shape:
        if self.body.is_scalar:
            return self.variable.shape
        return Partial(self.body, self.variable, "denominator").shape


_PARTS: dict[type, tuple[str, ...]] = {}


def parts(expression: Expression) -> list[object]:
    """What an expression was made of: its arguments, in their order."""
    kind = type(expression)
    if kind not in _PARTS:
        _PARTS[kind] = tuple(slot.name for slot in fields(kind) if slot.init)
    values = expression.__dict__
    return [values[name] for name in _PARTS[kind]]


def children(expression: Expression) -> tuple[Expression, ...]:
    """The expressions directly below one."""
    found: list[Expression] = []

    def visit(value: object) -> None:
        if isinstance(value, Expression):
            found.append(value)
        elif isinstance(value, tuple):
            for part in value:
                visit(part)

    for value in parts(expression):
        visit(value)
    return tuple(found)


def rebuild(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """The same expression with `change` applied to each of its children."""

    def visit(value: object) -> object:
        if isinstance(value, Expression):
            return change(value)
        if isinstance(value, tuple):
            return tuple(visit(part) for part in value)
        return value

    return type(expression)(*map(visit, parts(expression)))


def contains(whole: Expression, part: Expression) -> bool:
    """Whether an expression stands, as written, somewhere inside another."""
    return whole == part or any(contains(child, part) for child in children(whole))


def replace(whole: Expression, old: Expression, new: Expression) -> Expression:
    """The expression with every occurrence of `old`, as written, replaced."""
    return new if whole == old else rebuild(whole, lambda child: replace(child, old, new))


def product(*factors: Expression) -> Expression:
    """The product of at least one factor, associated to the left."""
    result = factors[0]
    for factor in factors[1:]:
        result = Multiply(result, factor)
    return result
