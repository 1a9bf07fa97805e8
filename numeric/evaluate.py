"""Terms to numbers: one evaluator over floats, exact rationals and balls.

    circuit = Circuit(Scope(context), {"c": 2})      definitions, at one choice of sizes
    node = circuit.write(term, {i: 0, j: 1})         a term, at one choice of its free indices
    Evaluation(circuit, BALLS, {leaf: value, ...}).value(node)

Writing a term out leaves a *circuit* of sums, products, constant powers and functions of one variable,
in which equal parts are one *node*. What remains unknown are its *leaves*: the entries of tensors without a
definition. An arbitrary function is a polynomial, whose coefficients are leaves too. An entry of a defined
tensor by which something is differentiated is *held*: a leaf for that derivative, and worth its definition
elsewhere.

A derivative is taken by dual numbers v + s ε, ε² = 0. Each derivative opens a *frame* inside the one where it
stands; in it one leaf is worth v + ε, and only what depends on that leaf is computed anew. The ε of a frame
has the frame's depth as its level, and a product of two levels treats the lower one as a constant, so that
the perturbations of nested derivatives never meet (Siskind & Pearlmutter, Perturbation confusion and
referential transparency, 2005).

Evaluation is strict: a part without a value, such as log 0, leaves the whole without one, even in 0 · log 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from itertools import product as cartesian
from math import prod
from typing import Any, Protocol

import numpy as np
from flint import arb, fmpq, fmpz

from derive.functions import FUNCTIONS
from derive.terms import (
    Abstraction,
    Apply,
    Component,
    Context,
    Delta,
    Determinant,
    Dimension,
    Entry,
    Index,
    Inverse,
    Number,
    Partial,
    Plus,
    Power,
    Product,
    Size,
    Sum,
    Term,
    tensors,
)

Value = Any  # a float array, fmpq, arb or polynomial, or a Dual of these
Node = tuple[Any, ...]  # (operation, operands); operands are places in Circuit.nodes unless said otherwise
Where = Mapping[Index, int]
Rational = int | Fraction
Matrix = tuple[tuple[int, ...], ...]

DEGREE = 4  # of the polynomial that an arbitrary function of one variable becomes
LARGEST_EXPONENT = 1000
LARGEST_HEIGHT = 20_000  # bits of an exact numerator or denominator


class OutsideDomain(ArithmeticError):
    """Something has no value at this point, or not certainly; another point may do."""


class Unevaluable(ValueError):
    """A claim to which no number can be given: ill-shaped, ambiguous, unknown or too large."""


class Inexpressible(ArithmeticError):
    """This kind of number cannot express the value; another kind can."""


# ── what terms mention ─────────────────────────────────────────────────────────────────────────────────────


def dimensions(part: object) -> Iterator[Dimension]:
    """The dimensions that occur in a term: the ranges of all indices, and sizes."""
    if isinstance(part, Dimension):
        yield part
    elif isinstance(part, Index):
        yield part.range
    else:
        for inner in _parts(part):
            yield from dimensions(inner)


def _parts(part: object) -> Iterable[object]:
    if isinstance(part, tuple):
        return part
    if isinstance(part, Term | Abstraction):
        return [getattr(part, slot.name) for slot in fields(part)]  # type: ignore[arg-type]
    return ()


def reachable(names: Iterable[str], definitions: Mapping[str, Abstraction]) -> frozenset[str]:
    """The tensors behind these, through their definitions; the given ones included."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            if name in definitions:
                todo += tensors(definitions[name].body)
    return frozenset(found)


class Scope:
    """The definitions of a context, and the free indices of terms, worked out once for all sizes.

    Attributes:
        definitions: the general entries of defined tensors.
        loose: the indices that are free in definitions; they are those of the whole claim.
    """

    def __init__(self, context: Context):
        self.definitions = context.definitions
        self._known: dict[int, tuple[object, frozenset[Index]]] = {}
        parts = self.definitions.values()
        self.loose = tuple(sorted({i for part in parts for i in self.free(part)}, key=str))

    def free(self, part: object) -> frozenset[Index]:
        """The named indices that are free in a term as it stands, without definitions."""
        if isinstance(part, Index):
            return frozenset((part,) if isinstance(part.name, str) else ())
        known = self._known.get(id(part))
        if known is None:
            found = frozenset(index for inner in _parts(part) for index in self.free(inner))
            if isinstance(part, Sum):
                found -= {part.index}
            elif isinstance(part, Abstraction):
                found -= set(part.indices)
            known = self._known[id(part)] = part, found  # kept alive, for its id to stay its own
        return known[1]


# ── circuits ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Given(Term):
    """A node of a circuit, where a term may stand."""

    node: int


class Circuit:
    """Terms written out at one choice of sizes. Operations:

    ("number", q)                     a rational number
    ("leaf", T, position)             an entry of a tensor without definition
    ("coefficient", f, position)      a coefficient of the polynomial that stands for f
    ("held", name, position, base)    a leaf for a derivative by it, `base` elsewhere
    ("sum", parts), ("product", parts)
    ("power", base, q)                a constant power
    ("exp", argument)                 and the other names in SLOPES
    ("partial", body, leaf)           the derivative of a node by a leaf

    Attributes:
        nodes: the operations; operands stand before what uses them.
        masks: for each node, the leaves that it depends on, as the bits of an integer.
        bits: the bit of each leaf.
        shapes: the shape of each tensor without definition.
        arguments: the shapes of an arbitrary function's arguments, None for a function of one variable.
    """

    def __init__(self, scope: Scope, sizes: Mapping[str, int], limit: int = 50_000):
        self.scope = scope
        self.definitions = scope.definitions
        self.sizes = dict(sizes)
        self.limit = limit
        self.work = 4 * limit
        self.nodes: list[Node] = []
        self.masks: list[int] = []
        self.bits: dict[int, int] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.arguments: dict[str, tuple[tuple[int, ...], ...] | None] = {}
        self._place: dict[Node, int] = {}
        self._named: dict[str, int] = {}  # all bits of one tensor, free or held
        self._written: dict[tuple[object, ...], int] = {}
        self._adjugates: dict[Matrix, tuple[Matrix, int]] = {}
        self._unfolding: list[str] = []
        self._top: dict[Index, int] = {}

    # the nodes

    def node(self, *node: Any) -> int:
        """The place of a node, which is added unless it is there."""
        place = self._place.get(node)
        if place is None:
            place = self._place[node] = len(self.nodes)
            if place >= self.limit:
                raise Unevaluable("the claim is too large to be written out")
            self.nodes.append(node)
            self.masks.append(self._mask(place, node))
        return place

    def _mask(self, place: int, node: Node) -> int:
        operation, first, *rest = node
        if operation in ("leaf", "coefficient", "held"):
            bit = self.bits[place] = 1 << len(self.bits)
            if operation != "coefficient":
                self._named[first] = self._named.get(first, 0) | bit
            return bit | self.masks[rest[1]] if operation == "held" else bit
        if operation == "number":
            return 0
        if operation in ("sum", "product"):
            mask = 0
            for part in first:
                mask |= self.masks[part]
            return mask
        return self.masks[first] | (self.masks[rest[0]] if operation == "partial" else 0)

    def names(self, mask: int) -> frozenset[str]:
        """The tensors without definition to which these leaves belong."""
        return frozenset(name for name, bits in self._named.items() if bits & mask and name in self.shapes)

    def complete(self) -> list[int]:
        """Every leaf, all entries of every tensor among them."""
        for name, shape in self.shapes.items():
            for position in np.ndindex(shape):
                self.node("leaf", name, position)
        return [place for place in self.bits if self.nodes[place][0] != "held"]

    def number(self, value: Rational) -> int:
        return self.node("number", Fraction(value))

    def constant(self, place: int) -> Fraction | None:
        """The value of a node that is written as a number."""
        node = self.nodes[place]
        return node[1] if node[0] == "number" else None

    def sum(self, parts: Iterable[int]) -> int:
        return self._fold("sum", parts, Fraction(0), Fraction.__add__)

    def product(self, *parts: int) -> int:
        return self._fold("product", parts, Fraction(1), Fraction.__mul__)

    def _fold(
        self,
        operation: str,
        parts: Iterable[int],
        unit: Fraction,
        join: Callable[[Fraction, Fraction], Fraction],
    ) -> int:
        """The node with its numbers joined into one; nothing else goes away, not even 0 · x."""
        known, rest = unit, []
        for part in parts:
            value = self.constant(part)
            if value is None:
                rest.append(part)
            else:
                known = join(known, value)
        if known != unit or not rest:
            rest.append(self.number(known))
        return rest[0] if len(rest) == 1 else self.node(operation, tuple(rest))

    def power(self, base: int, exponent: Rational) -> int:
        if max(abs(exponent.numerator), exponent.denominator) > LARGEST_EXPONENT:
            raise Unevaluable(f"the exponent {exponent} is too large")
        if exponent.denominator > 1:
            return self.node("power", base, exponent)
        whole = int(exponent)
        value = self.constant(base)
        if value is not None and (value or whole >= 0):
            return self.number(value**whole)
        return base if whole == 1 else self.node("power", base, whole)

    # terms

    def size(self, dimension: Dimension) -> int:
        """The number that a dimension stands for. Raises OutsideDomain where it is below 1."""
        try:
            value = dimension.value(self.sizes)
        except KeyError as missing:
            raise Unevaluable(f"the dimension {missing} has no size") from None
        if value < 1:
            raise OutsideDomain(f"{dimension} is below 1")
        if value > self.limit:
            raise Unevaluable(f"the dimension {value} is too large")
        return value

    def values(self, indices: Iterable[Index]) -> Iterator[tuple[int, ...]]:
        """Every choice of values for these indices."""
        return cartesian(*(range(self.size(index.range)) for index in indices))

    def write(self, term: Term, where: Where) -> int:
        """The node of a term whose free indices have the values in `where`.

        Raises Unevaluable, and OutsideDomain where these sizes leave the term without meaning.
        """
        self._top = {index: where[index] for index in self.scope.loose if index in where}
        return self._write(term, where, ())

    def _write(self, term: Term, where: Where, held: tuple[str, ...]) -> int:
        """`held` names the defined tensors that derivatives further out vary, the outermost first."""
        self.work -= 1
        if self.work < 0:
            raise Unevaluable("the claim takes too long to write out")
        match term:
            case Given(node):
                return node
            case Number(value):
                return self.number(value)
            case Size(dimension):
                return self.number(self.size(dimension))
            case Delta(left, right):
                return self.number(int(self._at(left, where) == self._at(right, where)))
            case Entry(tensor, indices):
                return self._entry(tensor, indices, where, held)
        values = tuple([where.get(index) for index in self.scope.free(term)])
        key = id(term), values, held, *self._top.values()
        place = self._written.get(key)
        if place is None:
            place = self._written[key] = self._compose(term, where, held)
        return place

    def _compose(self, term: Term, where: Where, held: tuple[str, ...]) -> int:
        match term:
            case Plus(parts):
                return self.sum([self._write(part, where, held) for part in parts])
            case Product(parts):
                return self.product(*[self._write(part, where, held) for part in parts])
            case Sum(index, body):
                values = range(self.size(index.range))
                return self.sum([self._write(body, {**where, index: v}, held) for v in values])
            case Power(base, exponent):
                below, above = self._write(base, where, held), self._write(exponent, where, held)
                constant = self.constant(above)
                if constant is not None:
                    return self.power(below, constant)
                return self.node("exp", self.product(above, self.node("log", below)))
            case Apply(function, argument, order):
                return self._apply(function, self._write(argument, where, held), order)
            case Component():
                return self._component(term, where, held)
            case Inverse(matrix, row, column):
                adjugate, determinant = self._adjugate(self._matrix(matrix, where, held))
                cofactor = adjugate[self._at(row, where)][self._at(column, where)]
                return self.product(cofactor, self.power(determinant, -1))
            case Determinant(matrix):
                return self._adjugate(self._matrix(matrix, where, held))[1]
            case Partial(body, variable):
                return self._partial(body, variable, where, held)
        raise Unevaluable(f"not a term: {term!r}")

    def _at(self, index: Index, where: Where) -> int:
        if isinstance(index.name, int):
            if not 0 <= index.name < self.size(index.range):
                raise OutsideDomain(f"{index.range} leaves no room for the position {index.name}")
            return index.name
        if index not in where:
            raise Unevaluable(f"the index {index} has no value")
        return where[index]

    def _entry(self, tensor: str, indices: tuple[Index, ...], where: Where, held: tuple[str, ...]) -> int:
        position = tuple([self._at(index, where) for index in indices])
        shape = tuple([self.size(index.range) for index in indices])
        definition = self.definitions.get(tensor)
        if definition is None:
            if self.shapes.setdefault(tensor, shape) != shape:
                raise Unevaluable(f"{tensor} is used with the shapes {shape} and {self.shapes[tensor]}")
            return self.node("leaf", tensor, position)
        if shape != tuple([self.size(index.range) for index in definition.indices]):
            raise Unevaluable(f"{tensor} is used with the shape {shape}, and defined with another one")
        if tensor in held:
            base = self._unfold(tensor, position, held[: held.index(tensor)])
            return self.node("held", tensor, position, base)
        return self._unfold(tensor, position, held)

    def _unfold(self, tensor: str, position: tuple[int, ...], held: tuple[str, ...]) -> int:
        if tensor in self._unfolding:
            raise Unevaluable(f"{tensor} is defined by itself")
        definition = self.definitions[tensor]
        self._unfolding.append(tensor)
        try:
            bound = dict(zip(definition.indices, position, strict=True))
            return self._write(definition.body, {**self._top, **bound}, held)
        finally:
            self._unfolding.pop()

    def _partial(self, body: Term, variable: Entry, where: Where, held: tuple[str, ...]) -> int:
        tensor = variable.tensor
        inside = held if tensor in held or tensor not in self.definitions else (*held, tensor)
        node = self._write(body, where, inside)
        leaf = self._entry(tensor, variable.indices, where, inside)
        mask = self.masks[node]
        for other in held:
            if other != tensor and self._named.get(other, 0) & mask and tensor in self._behind(other):
                raise Unevaluable(f"{other}, which depends on {tensor}, is held where {tensor} varies")
        if tensor in inside and not self._named[tensor] & mask:
            related = [name for name in self._behind(tensor) if self._named.get(name, 0) & mask]
            if related:
                raise Unevaluable(f"what is differentiated does not mention {tensor}, only {related[0]}")
        return self.node("partial", node, leaf)

    def _behind(self, tensor: str) -> frozenset[str]:
        return reachable([tensor], self.definitions) - {tensor}

    # functions

    def _apply(self, function: str, argument: int, order: int) -> int:
        """f(argument), or its derivative by a variable that is held at the argument."""
        if order:
            if order > 8:
                raise Unevaluable(f"a derivative of order {order}")
            variable = self.node("held", f"{function}()", (), argument)
            node = self._apply(function, variable, 0)
            for _ in range(order):
                node = self.node("partial", node, variable)
            return node
        if function in SLOPES:
            return self.node(function, argument)
        record = FUNCTIONS.get(function)
        if record is None:
            self._demand_arguments(function, None)
            # Horner's scheme
            node = self.node("coefficient", function, (DEGREE,))
            for k in reversed(range(DEGREE)):
                node = self.sum([self.product(node, argument), self.node("coefficient", function, (k,))])
            return node
        if record.definition is None:
            raise Unevaluable(f"{function} has no value here")
        key = function, argument
        if key not in self._written:
            self._written[key] = self._write(record.definition(Given(argument)), {}, ())
        return self._written[key]

    def _demand_arguments(self, function: str, shapes: tuple[tuple[int, ...], ...] | None) -> None:
        if self.arguments.setdefault(function, shapes) != shapes:
            raise Unevaluable(f"{function} is used with arguments of different shapes")

    def _component(self, term: Component, where: Where, held: tuple[str, ...]) -> int:
        """f(u, v)_i = a + Σ_k (b_k u_k + c_k u_k²) + (Σ_k d_k u_k)³ over all entries u_k of all arguments."""
        shapes = tuple(tuple(self.size(i.range) for i in part.indices) for part in term.arguments)
        self._demand_arguments(term.function, shapes)
        entries: dict[tuple[int, tuple[int, ...]], int] = {}
        for slot, part in enumerate(term.arguments):
            for position in self.values(part.indices):
                bound = dict(zip(part.indices, position, strict=True))
                node = self._write(part.body, {**where, **bound}, held)
                if term.derivatives:
                    node = self.node("held", f"{term.function}({slot})", position, node)
                entries[slot, position] = node
        component = tuple([self._at(index, where) for index in term.indices])
        node = self._polynomial(term.function, component, list(entries.values()))
        for slot, by in term.derivatives:
            place = slot, tuple([self._at(index, where) for index in by])
            if place not in entries:
                raise Unevaluable(f"{term.function} has no argument {place}")
            node = self.node("partial", node, entries[place])
        return node

    def _polynomial(self, function: str, component: tuple[int, ...], entries: list[int]) -> int:
        def coefficient(*kind: int | str) -> int:
            return self.node("coefficient", function, (component, *kind))

        parts, cube = [coefficient("a")], []
        for k, u in enumerate(entries):
            parts.append(self.product(coefficient("b", k), u))
            parts.append(self.product(coefficient("c", k), u, u))
            cube.append(self.product(coefficient("d", k), u))
        return self.sum([*parts, self.power(self.sum(cube), 3)])

    # matrices

    def _matrix(self, matrix: Abstraction, where: Where, held: tuple[str, ...]) -> Matrix:
        row, column = matrix.indices
        size = range(self.size(row.range))
        return tuple(
            tuple(self._write(matrix.body, {**where, row: r, column: c}, held) for c in size) for r in size
        )

    def _adjugate(self, matrix: Matrix) -> tuple[Matrix, int]:
        """The adjugate and the determinant of a matrix A, by the method of Faddeev and LeVerrier:

        M_1 = I,  c_k = −tr(A M_k)/k,  M_{k+1} = A M_k + c_k I;  adj A = (−1)^{n−1} M_n,  det A = (−1)^n c_n.

        It divides by nothing but 1, …, n, so singular matrices and their derivatives are no exception.
        """
        if matrix not in self._adjugates:
            size = range(len(matrix))
            current: Matrix = tuple(tuple(self.number(int(r == c)) for c in size) for r in size)
            for k in range(1, len(matrix) + 1):
                image = [
                    [self.sum([self.product(matrix[r][m], current[m][c]) for m in size]) for c in size]
                    for r in size
                ]
                trace = self.sum([image[r][r] for r in size])
                coefficient = self.product(self.number(Fraction(-1, k)), trace)
                if k < len(matrix):
                    current = tuple(
                        tuple(self.sum([image[r][c], coefficient]) if r == c else image[r][c] for c in size)
                        for r in size
                    )
            sign = self.number((-1) ** (len(matrix) - 1))
            adjugate = tuple(tuple(self.product(sign, entry) for entry in row) for row in current)
            self._adjugates[matrix] = adjugate, self.product(sign, self.number(-1), coefficient)
        return self._adjugates[matrix]


# ── numbers ────────────────────────────────────────────────────────────────────────────────────────────────


class Arithmetic(Protocol):
    """A kind of number. Its values add and multiply by + and *.

    Every method raises OutsideDomain where the result has no value, or not certainly, and Inexpressible where
    it is no number of this kind. Floats give nan instead: one of their samples may be good and another not.
    """

    def number(self, value: Rational) -> Value:
        """A rational number."""

    def power(self, base: Value, exponent: Rational) -> Value:
        """base ** exponent; the base is positive unless the exponent is an integer."""

    def function(self, name: str, argument: Value) -> Value:
        """One of the functions in SLOPES."""

    def settle(self, value: Value) -> None:
        """Raise where a result has outgrown its use."""

    def slope(self, slope: Value, value: Value) -> Value:
        """The slope of something that has this value, without one where that is missing."""


class Floats:
    """Arrays of double precision, one entry for each sample."""

    functions: Mapping[str, Callable[[Value], Value]] = {
        "exp": np.exp,
        "log": lambda x: np.log(np.where(x > 0, x, np.nan)),
        "sin": np.sin,
        "cos": np.cos,
        "arctan": np.arctan,
    }

    def number(self, value: Rational) -> Value:
        try:
            return np.float64(value.numerator / value.denominator)
        except OverflowError:
            raise OutsideDomain("a number beyond double precision") from None

    def power(self, base: Value, exponent: Rational) -> Value:
        if exponent.denominator > 1:
            return np.where(base > 0, base, np.nan) ** float(exponent)
        if exponent == -1:
            return 1 / np.where(base == 0, np.nan, base)
        return (base if exponent >= 0 else np.where(base == 0, np.nan, base)) ** exponent.numerator

    def function(self, name: str, argument: Value) -> Value:
        return self.functions[name](argument)

    def settle(self, value: Value) -> None:
        pass

    def slope(self, slope: Value, value: Value) -> Value:
        while isinstance(value, Dual):
            value = value.value
        return slope * np.where(np.isnan(value), np.nan, 1.0)


class Rationals:
    """Exact rational numbers (fmpq); functions only where their value is known to be rational."""

    known: Mapping[str, tuple[int, int]] = {
        "exp": (0, 1),
        "log": (1, 0),
        "sin": (0, 0),
        "cos": (0, 1),
        "arctan": (0, 0),
    }

    def number(self, value: Rational) -> Value:
        return fmpq(value.numerator, value.denominator)

    def power(self, base: Value, exponent: Rational) -> Value:
        if exponent.denominator == 1:
            if base == 0 and exponent < 0:
                raise OutsideDomain("a division by 0")
            if base.height_bits() * abs(exponent.numerator) > LARGEST_HEIGHT:
                raise OutsideDomain("too large a number")
            return base**exponent.numerator
        if base <= 0:
            raise OutsideDomain("a root of something not positive")
        root = fmpq(fmpz(base.p).root(exponent.denominator), fmpz(base.q).root(exponent.denominator))
        if root**exponent.denominator != base:
            raise Inexpressible
        return root**exponent.numerator

    def function(self, name: str, argument: Value) -> Value:
        if name == "log" and argument <= 0:
            raise OutsideDomain("the logarithm of something not positive")
        where, value = self.known[name]
        if argument != where:
            raise Inexpressible
        return fmpq(value)

    def settle(self, value: Value) -> None:
        if isinstance(value, Dual):
            self.settle(value.value)
            self.settle(value.slope)
        elif value.height_bits() > LARGEST_HEIGHT:
            raise OutsideDomain("too large a number")

    def slope(self, slope: Value, value: Value) -> Value:
        return slope


class Balls:
    """Balls that certainly contain the value (arb), at the working precision of flint."""

    functions: Mapping[str, Callable[[Value], Value]] = {
        "exp": arb.exp,
        "log": arb.log,
        "sin": arb.sin,
        "cos": arb.cos,
        "arctan": arb.atan,
    }

    def number(self, value: Rational) -> Value:
        return arb(fmpq(value.numerator, value.denominator))

    def power(self, base: Value, exponent: Rational) -> Value:
        if exponent.denominator == 1:
            if not base.contains(0):
                return base**exponent.numerator
            if exponent < 0:
                raise OutsideDomain("a division by what may be 0")
            return prod([base] * int(exponent))  # arb has no powers of balls around 0
        if not base > 0:
            raise OutsideDomain("a root of what may not be positive")
        root = base.sqrt() if exponent.denominator == 2 else base.root(exponent.denominator)
        return root**exponent.numerator

    def function(self, name: str, argument: Value) -> Value:
        if name == "log" and not argument > 0:
            raise OutsideDomain("the logarithm of what may not be positive")
        return self.functions[name](argument)

    def settle(self, value: Value) -> None:
        if not isinstance(value, Dual) and not value.is_finite():
            raise OutsideDomain("no finite enclosure")

    def slope(self, slope: Value, value: Value) -> Value:
        return slope


FLOATS, RATIONALS, BALLS = Floats(), Rationals(), Balls()


class Dual:
    """value + slope ε with ε² = 0, where the ε of each level is another one."""

    __slots__ = ("level", "slope", "value")
    __array_ufunc__ = None  # array + Dual is a Dual, not an array of objects

    def __init__(self, level: int, value: Value, slope: Value):
        self.level, self.value, self.slope = level, value, slope

    def __add__(self, other: Value) -> Dual:
        if isinstance(other, Dual):
            if other.level == self.level:
                return Dual(self.level, self.value + other.value, self.slope + other.slope)
            if other.level > self.level:
                return Dual(other.level, self + other.value, other.slope)
        return Dual(self.level, self.value + other, self.slope)

    __radd__ = __add__

    def __mul__(self, other: Value) -> Dual:
        if isinstance(other, Dual):
            if other.level == self.level:
                slope = self.value * other.slope + self.slope * other.value
                return Dual(self.level, self.value * other.value, slope)
            if other.level > self.level:
                return Dual(other.level, self * other.value, self * other.slope)
        return Dual(self.level, self.value * other, self.slope * other)

    __rmul__ = __mul__


def raised(numbers: Arithmetic, base: Value, exponent: Rational) -> Value:
    """base ** exponent, with (u^q)′ = q u^{q−1} u′."""
    if exponent == 0:
        return numbers.number(1)
    if isinstance(base, Dual):
        slope = numbers.number(exponent) * raised(numbers, base.value, exponent - 1) * base.slope
        return Dual(base.level, raised(numbers, base.value, exponent), slope)
    return numbers.power(base, exponent)


def applied(numbers: Arithmetic, name: str, argument: Value) -> Value:
    """f(argument), with f(u)′ = f′(u) u′."""
    if isinstance(argument, Dual):
        value = applied(numbers, name, argument.value)
        return Dual(argument.level, value, SLOPES[name](numbers, argument.value, value) * argument.slope)
    return numbers.function(name, argument)


SLOPES: Mapping[str, Callable[[Arithmetic, Value, Value], Value]] = {
    "exp": lambda numbers, u, exp_u: exp_u,
    "log": lambda numbers, u, log_u: raised(numbers, u, -1),
    "sin": lambda numbers, u, sin_u: applied(numbers, "cos", u),
    "cos": lambda numbers, u, cos_u: numbers.number(-1) * applied(numbers, "sin", u),
    "arctan": lambda numbers, u, arctan_u: raised(numbers, numbers.number(1) + u * u, -1),
}
"""The functions that are evaluated as they are: f′(u), from u and f(u)."""


# ── evaluation ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Frame:
    """The values of nodes while one leaf, that of `bit`, varies; the outermost frame has bit 0."""

    outer: Frame | None
    bit: int
    depth: int
    memo: dict[int, Value]
    inner: dict[int, Frame] = field(default_factory=dict)


class Evaluation:
    """The values of a circuit's nodes at one point.

    `values` gives each leaf its number; `assigned` gives leaves that are worth another node instead.
    `work` bounds the number of nodes computed: beyond it Unevaluable is raised.
    """

    def __init__(
        self,
        circuit: Circuit,
        numbers: Arithmetic,
        values: Mapping[int, Value],
        assigned: Mapping[int, int] | None = None,
        work: int = 100_000,
    ):
        self.circuit = circuit
        self.numbers = numbers
        self.assigned = assigned or {}
        self.work = work
        self.root = Frame(None, 0, 0, dict(values))

    def value(self, node: int, frame: Frame | None = None) -> Value:
        """The value of a node in a frame: computed in the innermost one on whose leaf it depends."""
        frame = frame or self.root
        mask = self.circuit.masks[node]
        while frame.outer is not None and not mask & frame.bit:
            frame = frame.outer
        found = frame.memo.get(node)
        if found is None:
            found = frame.memo[node] = self._compute(node, frame)
        return found

    def _compute(self, node: int, frame: Frame) -> Value:
        self.work -= 1
        if self.work < 0:
            raise Unevaluable("the claim takes too long to evaluate")
        operation, first, *rest = self.circuit.nodes[node]
        numbers = self.numbers
        if operation == "product":
            result = self.value(first[0], frame)
            for part in first[1:]:
                result = result * self.value(part, frame)
        elif operation == "sum":
            result = self.value(first[0], frame)
            for part in first[1:]:
                result = result + self.value(part, frame)
        elif operation == "number":
            return numbers.number(first)
        elif operation == "power":
            result = raised(numbers, self.value(first, frame), rest[0])
        elif operation == "partial":
            result = self.slope(first, rest[0], frame)
        elif operation == "held":
            return self.value(rest[1], frame)
        elif operation == "leaf":
            return self.value(self.assigned[node], frame)
        else:
            result = applied(numbers, operation, self.value(first, frame))
        numbers.settle(result)
        return result

    def slope(self, body: int, leaf: int, frame: Frame) -> Value:
        """The derivative of a node by a leaf, in a frame."""
        inner = frame.inner.get(leaf)
        if inner is None:
            depth = frame.depth + 1
            varied = Dual(depth, self.value(leaf, frame), self.numbers.number(1))
            inner = frame.inner[leaf] = Frame(frame, self.circuit.bits[leaf], depth, {leaf: varied})
        result = self.value(body, inner)
        if isinstance(result, Dual) and result.level == inner.depth:
            return self.numbers.slope(result.slope, result.value)
        return self.numbers.slope(self.numbers.number(0), result)
