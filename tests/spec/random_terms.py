"""Random terms, and rewrites that keep their value. Everything is decided by one random.Random."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from random import Random

from derive.terms import (
    Abstraction,
    Apply,
    Component,
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
    children,
    rebuild,
)
from tests.spec.evaluator import free_of

C, D_, N_, TWO = Dimension.of("c"), Dimension.of("d"), Dimension.of("n"), Dimension.of(2)
DIMENSIONS = {str(dimension): dimension for dimension in (C, D_, N_, TWO, N_ + 1)}
FREE = (Index("i", C), Index("j", C), Index("a", D_), Index("e", TWO))
SHAPES = {"s": (), "p": (), "x": (C,), "q": (C,), "u": (D_,), "h": (TWO,), "W": (C, D_), "A": (C, C)}
SHAPES |= {"y": (C,), "g": (C,)}  # an indicator, and a defined quantity, where a context has them
POSITIVE = frozenset("pq")  # these are always made positive
Scope = tuple[Index, ...]


class Terms:
    """Makes random terms over SHAPES.

    Attributes:
        total: only what is defined everywhere: no log or root of, and no division by, just anything.
    """

    def __init__(self, random: Random, total: bool = False):
        self.random, self.total = random, total

    def place(self, scope: Scope, dimension: Dimension) -> Index | None:
        if dimension.number is not None and self.random.random() < 0.3:
            return Index(self.random.randrange(dimension.number), dimension)
        fitting = [index for index in scope if index.range == dimension]
        return self.random.choice(fitting) if fitting else None

    def entry(self, scope: Scope, tensors: str = "spxquhWA") -> Entry:
        for _ in range(9):
            tensor = self.random.choice(tensors)
            places = [self.place(scope, dimension) for dimension in SHAPES[tensor]]
            if None not in places:
                return Entry(tensor, tuple(places))  # type: ignore[arg-type]
        return Entry("s")

    def atom(self, scope: Scope) -> Term:
        chance = self.random.random()
        if chance < 0.15:
            return Number(self.random.choice([0, 1, 2, 3, -1, -2, Fraction(1, 2), Fraction(-2, 3)]))
        if chance < 0.22:
            return Size(self.random.choice([C, D_, N_, N_ + 1]))
        return self.delta(scope) if chance < 0.35 else self.entry(scope)

    def delta(self, scope: Scope) -> Term:
        dimension = self.random.choice([C, C, C, D_, TWO])
        left, right = self.place(scope, dimension), self.place(scope, dimension)
        return Number(1) if left is None or right is None else Delta(left, right)

    def bind(self, scope: Scope, dimension: Dimension) -> tuple[Index, Scope]:
        """A new bound index, named on purpose like others, and the scope below it."""
        index = Index(self.random.choice("ijka"), dimension)
        return index, (*(other for other in scope if other != index), index)

    def positive(self, scope: Scope, depth: int) -> Term:
        """Something positive everywhere."""
        make: Callable[[], Term] = self.random.choice(
            [
                lambda: Entry("p"),
                lambda: Apply("exp", self.term(scope, depth)),
                lambda: Plus((Number(1), Apply("exp", self.term(scope, depth)))),
                lambda: Plus((Number(2), Power(Apply("exp", self.term(scope, depth)), Number(2)))),
                lambda: Plus((Number(1), self.delta(scope))),
            ]
        )
        return make()

    def term(self, scope: Scope = FREE, depth: int = 3) -> Term:
        if depth <= 0 or self.random.random() < 0.12:
            return self.atom(scope)
        kinds = "plus plus plus product product product product sum sum sum sum exp exp phi power delta"
        kinds += " quotient log root partial partial unknown known"
        kinds += "" if self.total else " inverse determinant tower raw-log raw-root raw-quotient"
        return getattr(self, "_" + self.random.choice(kinds.split()).replace("-", "_"))(scope, depth - 1)  # type: ignore[no-any-return]

    def _plus(self, scope: Scope, depth: int) -> Term:
        return Plus(tuple(self.term(scope, depth) for _ in range(self.random.randint(2, 3))))

    def _product(self, scope: Scope, depth: int) -> Term:
        return Product(tuple(self.term(scope, depth) for _ in range(self.random.randint(2, 3))))

    def _sum(self, scope: Scope, depth: int) -> Term:
        index, inner = self.bind(scope, self.random.choice([C, C, C, D_, TWO]))
        return Sum(index, self.term(inner, depth))

    def _exp(self, scope: Scope, depth: int) -> Term:
        return Apply("exp", self.term(scope, depth))

    def _phi(self, scope: Scope, depth: int) -> Term:
        return Apply("phi", self.term(scope, depth), self.random.choice([0, 0, 1]))

    def _power(self, scope: Scope, depth: int) -> Term:
        exponents: list[Term] = [Number(0), Number(2), Number(2), Number(3)]
        if not self.total:  # powers by dimensions are not decided completely: (x - y)^n, (y - x)^n
            exponents += [Size(N_), Size(C), Size(N_ + 1), Size(N_ + N_)]
        return Power(self.term(scope, depth), self.random.choice(exponents))

    def _delta(self, scope: Scope, depth: int) -> Term:
        make: Callable[[], Term] = self.random.choice(
            [
                lambda: Product((self.delta(scope), self.term(scope, depth))),
                lambda: Apply("exp", Product((self.delta(scope), self.term(scope, depth)))),
                lambda: Apply("phi", Plus((self.delta(scope), self.term(scope, depth)))),
                lambda: Power(Number(2), self.delta(scope)),
                lambda: Power(
                    Plus((Number(1), self.delta(scope))), Number(self.random.choice([-1, 2, Fraction(1, 2)]))
                ),
            ]
        )
        return make()

    def _quotient(self, scope: Scope, depth: int) -> Term:
        return Product((self.term(scope, depth), Power(self.positive(scope, depth), Number(-1))))

    def _log(self, scope: Scope, depth: int) -> Term:
        return Apply("log", self.positive(scope, depth))

    def _root(self, scope: Scope, depth: int) -> Term:
        exponent = Fraction(self.random.choice([-3, -1, 1, 2, 3]), self.random.choice([2, 3]))
        return Power(self.positive(scope, depth), Number(exponent))

    def _known(self, scope: Scope, depth: int) -> Term:
        name = self.random.choice(["sigmoid", "tanh", "softplus", "sin", "arctan"])
        return Apply(name, self.term(scope, depth), self.random.choice([0, 0, 1]))

    def _partial(self, scope: Scope, depth: int) -> Term:
        return Partial(self.term(scope, depth), self.entry(scope))

    def _unknown(self, scope: Scope, depth: int) -> Term:
        index, inner = self.bind(scope, C)
        arguments = (Abstraction((index,), self.term(inner, depth)), Abstraction((), self.term(scope, depth)))
        at = self.place(scope, C)
        return Component("f", () if at is None else (at,), arguments)

    def _matrix(self, scope: Scope, depth: int) -> Abstraction:
        row, column = Index("i", C), Index("k", C)
        inner = (*(index for index in scope if index not in (row, column)), row, column)
        body = self.term(inner, depth - 1)
        if self.random.random() < 0.7:
            body = Plus((body, Entry("A", (row, column))))
        return Abstraction((row, column), body)

    def _determinant(self, scope: Scope, depth: int) -> Term:
        return Determinant(self._matrix(scope, depth))

    def _inverse(self, scope: Scope, depth: int) -> Term:
        row, column = self.place(scope, C), self.place(scope, C)
        if row is None or column is None:
            return self.atom(scope)
        return Inverse(self._matrix(scope, depth), row, column)

    def _tower(self, scope: Scope, depth: int) -> Term:
        return Power(self.positive(scope, depth), self.term(scope, depth))

    def _raw_log(self, scope: Scope, depth: int) -> Term:
        return Apply("log", self.term(scope, depth))

    def _raw_root(self, scope: Scope, depth: int) -> Term:
        base = self.term(scope, depth)
        if self.random.random() < 0.5:
            base = Power(base, self.random.choice([Number(2), Number(2), Number(3), Number(-2), Size(N_)]))
        return Power(
            base, Number(Fraction(self.random.choice([-3, -1, 1, 2, 3]), self.random.choice([2, 3])))
        )

    def _raw_quotient(self, scope: Scope, depth: int) -> Term:
        exponents = [Number(-1), Number(-1), Number(-2), -Size(N_), Size(N_) - Size(C)]
        return Power(self.term(scope, depth), self.random.choice(exponents))

    # ------------------------------------------------------------ claims that hinge on what is demanded

    def demanding(self, scope: Scope = FREE, depth: int = 2) -> Term:
        """Something that is defined only where some entries are positive, or not 0.

        `y` may be an indicator there, and `g` a defined vector.
        """
        argument = self._argument(scope)
        make: Callable[[], Term] = self.random.choice(
            [
                lambda: Apply("log", argument),
                lambda: Power(argument, Number(Fraction(self.random.choice([-1, 1]), 2))),
                lambda: Power(argument, Number(-1)),
                lambda: Power(argument, self.random.choice([Size(N_), Entry("s")])),
                lambda: Product((self.delta(scope), Apply("log", argument))),
                lambda: Product((Plus((Number(1), -self.delta(scope))), Apply("log", argument))),
                lambda: self._demanding_sum(scope, depth),
                lambda: Partial(
                    self.demanding(scope, depth - 1) if depth else argument, self.entry(scope, "sx")
                ),
                lambda: Apply(
                    self.random.choice(["sqrt", "abs", "sign", "log"]),
                    argument,
                    self.random.choice([0, 1, 2]),
                ),
                lambda: Apply("exp", Product((self.delta(scope), Apply("log", argument)))),
                lambda: Apply("exp", Product((self.entry(scope, "y"), Apply("log", argument)))),
                lambda: Power(
                    Plus((Number(2), Product((self.entry(scope, "y"), Apply("log", argument))))), Number(-1)
                ),
                lambda: Product((self.entry(scope, "yx"), self.entry(scope, "g"))),
                lambda: Partial(self._of_defined(scope), self.entry(scope, "g")),
                lambda: Partial(
                    Product((self.entry(scope, "yx"), self.entry(scope, "g"))), self.entry(scope, "x")
                ),
            ]
        )
        return make()

    def _of_defined(self, scope: Scope) -> Term:
        g = self.entry(scope, "g")
        weight = self.random.choice(
            [self.delta(scope), Plus((Number(1), -self.delta(scope))), self.entry(scope, "y")]
        )
        value = self.random.choice(
            [Power(g, Number(2)), Apply("exp", g), Apply("log", g), Power(g, Number(-1))]
        )
        return self.random.choice([Product((weight, value)), Apply("exp", Product((weight, value)))])

    def _demanding_sum(self, scope: Scope, depth: int) -> Term:
        index, inner = self.bind(scope, C)
        body = self.demanding(inner, depth - 1) if depth else self._argument(inner)
        return Sum(
            index,
            Product((self.random.choice([Number(1), self.delta(inner), self.entry(inner, "xA")]), body)),
        )

    def _argument(self, scope: Scope) -> Term:
        one, other = self.entry(scope, "sxxA"), self.entry(scope, "sxxA")
        return self.random.choice(
            [
                one,
                one,
                Plus((one, self.delta(scope))),
                Product((one, other)),
                Product((one, Plus((Number(1), self.delta(scope))))),
                Plus((one, other)),
                Power(one, Number(self.random.choice([2, 3, -1, Fraction(1, 2)]))),
            ]
        )


class Rewrites:
    """Changes a term without changing its value: shuffles, regroups, renames, distributes, inserts."""

    def __init__(self, random: Random):
        self.random, self.count = random, 0

    def fresh(self, dimension: Dimension) -> Index:
        self.count += 1
        return Index(f"fresh{self.count}", dimension)

    def everywhere(self, term: Term) -> Term:
        """The term with a rewrite, or none, at each of its nodes."""
        if isinstance(term, Partial):  # its variable stays as it is
            below: Term = Partial(self.everywhere(term.body), term.variable)
        else:
            below = rebuild(term, self.everywhere, lambda index: index)
        return self.here(below) if self.random.random() < 0.6 else below

    def here(self, term: Term) -> Term:
        match term:
            case Plus(terms) if len(terms) > 1:
                return Plus(self.regrouped(list(terms), Plus))
            case Product(factors) if len(factors) > 1:
                return self.product(list(factors))
            case Sum(index, body):
                return self.sum(index, body)
            case Apply("exp", Plus(terms), 0):
                return Product(tuple(Apply("exp", part) for part in terms))
            case Apply("exp", argument, 0) if self.random.random() < 0.5:
                half = Product((Number(Fraction(1, 2)), argument))
                return Power(Apply("exp", half), Number(2))
            case Power(base, Number(2)):
                return Product((base, base))
            case Number(value) if self.random.random() < 0.3:
                return Plus((Number(Fraction(value) - 1), Number(1)))
            case Entry(tensor, indices) if indices and self.random.random() < 0.3:
                return self.through_delta(tensor, indices)
            case Partial(Plus(terms), variable):
                return Plus(tuple(Partial(part, variable) for part in terms))
        if self.random.random() < 0.15:
            return Plus((term, Apply("log", Apply("exp", Entry("s"))), Product((Number(-1), Entry("s")))))
        return term

    def regrouped(self, parts: list[Term], kind: type[Plus] | type[Product]) -> tuple[Term, ...]:
        self.random.shuffle(parts)
        if len(parts) > 2 and self.random.random() < 0.5:
            return (kind(tuple(parts[:2])), *parts[2:])
        return tuple(parts)

    def product(self, factors: list[Term]) -> Term:
        for place, factor in enumerate(factors):
            if isinstance(factor, Plus) and self.random.random() < 0.5:
                rest = factors[:place] + factors[place + 1 :]
                return Plus(tuple(Product((*rest, part)) for part in factor.terms))
        return Product(self.regrouped(factors, Product))

    def sum(self, index: Index, body: Term) -> Term:
        if isinstance(body, Plus) and self.random.random() < 0.5:
            return Plus(tuple(Sum(index, part) for part in body.terms))
        if isinstance(body, Sum) and body.index != index and self.random.random() < 0.5:
            return Sum(body.index, Sum(index, body.body))
        if isinstance(body, Product) and self.random.random() < 0.5:
            outside = [part for part in body.factors if index not in free_of(part)]
            inside = [part for part in body.factors if index in free_of(part)]
            return Product((*outside, Sum(index, Product(tuple(inside)))))
        new = self.fresh(index.range)
        return Sum(new, renamed(body, index, new))

    def through_delta(self, tensor: str, indices: tuple[Index, ...]) -> Term:
        """x_i = sum_k delta_ik x_k."""
        place = self.random.randrange(len(indices))
        new = self.fresh(indices[place].range)
        moved = Entry(tensor, (*indices[:place], new, *indices[place + 1 :]))
        return Sum(new, Product((Delta(indices[place], new), moved)))


def renamed(term: Term, old: Index, new: Index) -> Term:
    """A free index replaced by one that occurs nowhere."""
    if isinstance(term, Sum) and term.index == old:
        return term
    if any(isinstance(part, Abstraction) and old in part.indices for part in children(term)):
        return _renamed_beside(term, old, new)
    return rebuild(term, lambda part: renamed(part, old, new), lambda index: new if index == old else index)


def _renamed_beside(term: Term, old: Index, new: Index) -> Term:
    """The same where some abstractions below bind the old index themselves."""

    def argument(part: Abstraction) -> Abstraction:
        return part if old in part.indices else Abstraction(part.indices, renamed(part.body, old, new))

    def at(index: Index) -> Index:
        return new if index == old else index

    match term:
        case Component(function, indices, arguments, derivatives):
            taken = tuple((slot, tuple(map(at, by))) for slot, by in derivatives)
            return Component(function, tuple(map(at, indices)), tuple(map(argument, arguments)), taken)
        case Inverse(matrix, row, column):
            return Inverse(argument(matrix), at(row), at(column))
        case Determinant(matrix):
            return Determinant(argument(matrix))
    raise TypeError(term)
