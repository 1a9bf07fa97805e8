"""Random matrix expressions, well shaped, over every operator and function. One random.Random decides all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from random import Random

from derive import expression as X
from derive.expression import SCALAR, Expression, Shape
from derive.lowering import Unsupported
from derive.terms import ONE, Dimension, Index, ShapeError

C, D, N, TWO = (*map(Dimension.of, "cdn"), Dimension.of(2))
DIMENSIONS = (C, D, N)
SYMBOLS: dict[str, Shape] = {
    "W": (C, D), "V": (C, D), "X": (N, D), "M": (C, N), "A": (N, N), "B": (N, N), "S": (N, N), "Q": (N, N),
    "x": (D, ONE), "u": (D, ONE), "z": (C, ONE), "b": (C, ONE), "y": (C, ONE), "r": (C, ONE),
    "v": (N, ONE), "w": (N, ONE), "s": SCALAR, "t": SCALAR, "p": SCALAR, "q": SCALAR,
}  # fmt: skip
GENERAL = frozenset(SYMBOLS) - {"S", "Q", "y", "r", "p", "q"}  # of which no hypothesis speaks
FUNCTIONS = ("exp", "sigmoid", "tanh", "softplus", "sinh", "cosh", "sin", "cos", "arctan", "phi")
KINKED = ("relu", "abs", "sign")
FREE = tuple(Index(name, dimension) for name, dimension in (("i", C), ("j", C), ("a", D), ("e", N), ("f", N)))


def number(value: int | str | Fraction) -> Expression:
    return X.Constant(Fraction(value))


def fill(value: int, shape: Shape) -> Expression:
    return number(value) if shape == SCALAR else X.Fill(Fraction(value), shape)


def ones(dimension: Dimension) -> Expression:
    return fill(1, (dimension, ONE))


def minus(left: Expression, right: Expression) -> Expression:
    return X.Add((left, X.Negate(right)))


def symbols(e: Expression) -> frozenset[str]:
    """The names of the symbols in an expression."""
    here = frozenset({e.name}) if isinstance(e, X.Symbol) else frozenset[str]()
    return here.union(*map(symbols, X.children(e)))


def size(e: Expression) -> int:
    return 1 + sum(map(size, X.children(e)))


def nodes(e: Expression, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Expression]]:
    """Every expression inside one, each with the way to it; what is differentiated by is left out."""
    yield path, e
    inside = X.children(e)
    if isinstance(e, (X.Partial, X.Gradient, X.Differential)):
        inside = inside[:1]
    for place, child in enumerate(inside):
        yield from nodes(child, (*path, place))


def put(e: Expression, path: tuple[int, ...], new: Expression) -> Expression:
    """The expression with another one at the end of a path. Raises ShapeError where that does not fit."""
    if not path:
        return new
    count = iter(range(10**6))
    return X.rebuild(e, lambda child: put(child, path[1:], new) if next(count) == path[0] else child)


class Expressions:
    """Makes random expressions of a given shape.

    Attributes:
        names: the symbols that may occur.
        smooth: whether functions with a kink are left out.
    """

    def __init__(self, random: Random, names: frozenset[str] = frozenset(SYMBOLS), smooth: bool = False):
        self.random, self.names, self.smooth = random, names, smooth
        self.count = 0

    def shape(self) -> Shape:
        one = self.random.choice(DIMENSIONS)
        other = self.random.choice(DIMENSIONS)
        return self.random.choice([SCALAR, SCALAR, (one, ONE), (one, ONE), (one, one), (one, other)])

    def of(self, shape: Shape, depth: int) -> Expression:
        """An expression of this shape."""
        if depth <= 0 or self.random.random() < 0.1:
            return self.leaf(shape)
        makers = self.anything()
        if shape == SCALAR:
            makers += self.scalars() * 2
        elif shape[0] == shape[1]:
            makers += self.squares()
        elif shape[1] == ONE:
            makers += self.columns()
        for _ in range(8):
            try:
                made = self.random.choice(makers)(shape, depth - 1)
            except (ShapeError, Unsupported):
                continue
            if made is not None and made.shape == shape:
                return made
        return self.leaf(shape)

    def leaf(self, shape: Shape) -> Expression:
        fitting = [name for name in sorted(self.names) if SYMBOLS[name] == shape]
        turned = [name for name in sorted(self.names) if SYMBOLS[name] == shape[::-1] != shape]
        chance = self.random.random()
        if shape == SCALAR and chance < 0.35:
            if chance < 0.08:
                return X.Count(self.random.choice(DIMENSIONS))
            return number(self.random.choice(["1", "2", "3", "-1", "1/2", "-2/3"]))
        if shape[0] == shape[1] != ONE and chance < 0.2:
            return X.Identity(shape[0])
        if fitting and (chance < 0.8 or not turned):
            return X.Symbol(name := self.random.choice(fitting), SYMBOLS[name])
        if turned:
            return X.Transpose(X.Symbol(name := self.random.choice(turned), SYMBOLS[name]))
        if shape[1] == ONE and chance < 0.5:
            return X.Basis(self.index(shape[0]))
        if ONE in shape or chance < 0.3:
            return fill(1, shape)
        return X.Multiply(self.leaf((shape[0], ONE)), self.leaf((ONE, shape[1])))

    def index(self, dimension: Dimension) -> Index:
        """A free index, or a new one where none has this range."""
        fitting = [index for index in FREE if index.range == dimension]
        return self.random.choice(fitting) if fitting else Index("o", dimension)

    def fresh(self, dimension: Dimension) -> Index:
        self.count += 1
        return Index(f"k{self.count}", dimension)

    def positive(self, shape: Shape, depth: int) -> Expression:
        """An expression that is positive everywhere."""
        inner = self.of(shape, depth - 1)
        choices = [
            X.Apply("exp", inner),
            X.Add((fill(1, shape), X.Apply("exp", inner))),
            X.Add((fill(1, shape), X.Hadamard(inner, inner))),
        ]
        if shape == SCALAR and "p" in self.names:
            choices += [X.Symbol("p", SCALAR), X.Multiply(X.Symbol("p", SCALAR), X.Symbol("q", SCALAR))]
        if shape == (C, ONE):
            choices += [X.Softmax(inner)] + ([X.Symbol("r", shape)] if "r" in self.names else [])
        return self.random.choice(choices)

    def anything(self) -> list[Callable[[Shape, int], Expression | None]]:
        """What makes expressions of every shape."""
        again, random = self.of, self.random

        def product(shape: Shape, depth: int) -> Expression:
            middle = random.choice([*DIMENSIONS, ONE])
            return X.Multiply(again((shape[0], middle), depth), again((middle, shape[1]), depth))

        def applied(shape: Shape, depth: int) -> Expression:
            if not self.smooth and random.random() < 0.12:
                return X.Apply(random.choice(KINKED), again(shape, depth))
            if random.random() < 0.2:
                return X.Apply(random.choice(["log", "sqrt"]), self.positive(shape, depth))
            return X.Apply(random.choice(FUNCTIONS), again(shape, depth))

        def derivative(shape: Shape, depth: int) -> Expression | None:
            if shape == SCALAR:
                name = random.choice(["s", "t"])
                return X.Partial(again(SCALAR, depth), X.Symbol(name, SCALAR), random.choice(LAYOUTS))
            fitting = [name for name in sorted(self.names & GENERAL) if SYMBOLS[name] == shape]
            if not fitting:
                return None
            name = random.choice(fitting)
            return X.Gradient(again(SCALAR, depth), X.Symbol(name, shape))

        return [
            lambda shape, depth: X.Add((again(shape, depth), again(shape, depth))),
            lambda shape, depth: minus(again(shape, depth), again(shape, depth)),
            lambda shape, depth: X.Negate(again(shape, depth)),
            product,
            product,
            product,
            lambda shape, depth: X.Multiply(again(SCALAR, depth), again(shape, depth)),
            lambda shape, depth: X.Transpose(again(shape[::-1], depth)),
            lambda shape, depth: X.Hadamard(again(shape, depth), again(shape, depth)),
            lambda shape, depth: X.Divide(again(shape, depth), self.positive(shape, depth)),
            lambda shape, depth: X.Divide(again(shape, depth), self.positive(SCALAR, depth)),
            lambda shape, depth: X.Power(again(shape, depth), number(2), entrywise=True),
            applied,
            applied,
            derivative,
            self.entries,
            self.total,
            lambda shape, depth: X.Call("F", (again((C, ONE), depth), again(SCALAR, depth)), shape),
        ]

    def entries(self, shape: Shape, depth: int) -> Expression | None:
        """The array of the entries of another expression."""
        if ONE in shape:
            return None
        body = self.of(shape, depth)
        at = tuple(self.fresh(dimension) for dimension in shape)
        return X.Entries(at, X.Entry(body, at))

    def total(self, shape: Shape, depth: int) -> Expression:
        """A sum over an index, of something with an entry in it."""
        dimension = self.random.choice(DIMENSIONS)
        k = self.fresh(dimension)
        entry: Expression = X.Entry(self.of((dimension, ONE), depth), (k,))
        if self.random.random() < 0.2:
            entry = X.Multiply(X.Delta(k, self.index(dimension)), entry)
        without = (self.index(dimension),) if self.random.random() < 0.1 else ()
        return X.Sum(k, X.Multiply(entry, self.of(shape, depth - 1)), without)

    def scalars(self) -> list[Callable[[Shape, int], Expression | None]]:
        again, random = self.of, self.random

        def square(depth: int) -> Expression:
            dimension = random.choice(DIMENSIONS)
            return again((dimension, dimension), depth)

        def column(depth: int) -> Expression:
            return again((random.choice(DIMENSIONS), ONE), depth)

        def entry(_: Shape, depth: int) -> Expression:
            shape = random.choice([(C, ONE), (C, C), (C, D), (N, N)])
            at = tuple(self.index(dimension) for dimension in shape if dimension != ONE)
            return X.Entry(again(shape, depth), at)

        return [
            lambda _, depth: X.Trace(square(depth)),
            lambda _, depth: X.Determinant(square(depth)),
            lambda _, depth: X.LogSumExp(column(depth)),
            lambda _, depth: X.Norm(column(depth)),
            lambda _, depth: X.Norm(again((C, D), depth), "F"),
            lambda _, depth: X.Norm(column(depth), "1"),
            lambda _, depth: X.Power(X.Norm(column(depth)), number(2)),
            lambda _, depth: X.Power(again(SCALAR, depth), number(random.choice([2, 3]))),
            lambda _, depth: X.Power(
                self.positive(SCALAR, depth), number(random.choice(["-1", "1/2", "-3/2"]))
            ),
            lambda _, depth: X.Power(self.positive(SCALAR, depth), X.Count(N)),
            lambda _, depth: X.Determinant(
                X.Blocks(tuple(tuple(again(SCALAR, depth - 1) for _ in "ab") for _ in "ab"))
            ),
            entry,
            entry,
            lambda _, depth: X.Delta(self.index(C), self.index(C)),
            lambda _, depth: X.Multiply(X.Transpose(v := column(depth)), again(v.shape, depth)),
        ]

    def squares(self) -> list[Callable[[Shape, int], Expression | None]]:
        again = self.of
        return [
            lambda shape, depth: X.Inverse(again(shape, depth)),
            lambda shape, depth: X.Diagonal(again((shape[0], ONE), depth)),
            lambda shape, depth: X.Diagonal(again((shape[0], ONE), depth)),
            lambda shape, depth: X.Power(again(shape, depth - 1), number(2)),
            lambda shape, depth: X.Partial(
                again((shape[0], ONE), depth),
                self.column_symbol(shape[0]),
                self.random.choice(LAYOUTS),
            ),
        ]

    def column_symbol(self, dimension: Dimension) -> Expression:
        fitting = [name for name in sorted(GENERAL) if SYMBOLS[name] == (dimension, ONE)]
        return X.Symbol(self.random.choice(fitting), (dimension, ONE))

    def columns(self) -> list[Callable[[Shape, int], Expression | None]]:
        again = self.of
        return [
            lambda shape, depth: X.Softmax(again(shape, depth)),
            lambda shape, depth: X.Diagonal(again((shape[0], shape[0]), depth)),
            lambda shape, depth: X.Basis(self.index(shape[0])),
        ]


LAYOUTS: tuple[X.Layout, ...] = ("numerator", "denominator")
