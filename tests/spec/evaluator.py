"""What terms mean, by a second mouth: their values at one point in ball arithmetic (python-flint).

It shares nothing with the kernel but `derive.terms`, and nothing at all with `numeric/`. Derivatives are
central differences with a step of 2^-150 at 900 bits, with a generous ball around each for what that
leaves out, so that values which hinge on more digits than there are show it; what bends within a step
(the sine of something of size 10^75) has no slope here.

    World(sizes, seed)                  one point: a number for every entry of every tensor
    World.value(term, indices)          the term there; raises Nowhere where it has no value
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from itertools import product

from flint import arb, ctx, fmpq

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
    Size,
    Sum,
    Term,
    walk,
)

BITS = 900
STEP = arb(2) ** -150
TRUNCATED = arb(2) ** -280  # what a central difference may miss, generously: its terms of order STEP ** 2
BENT = arb(2) ** -60  # how far one-sided differences may be off: by terms of order STEP
CLOSE = 1e-12  # relative: second derivatives still have more digits, what is false differs in the first few

Place = tuple[int, ...]
Scope = dict[Index, int]
Held = Mapping[str, Callable[[Place], arb]]


class Nowhere(ArithmeticError):
    """The term has no value at this point."""


class Ambiguous(Exception):
    """A term to which no meaning is given, such as a derivative by what a held quantity rests on."""


def real(value: int | Fraction) -> arb:
    value = Fraction(value)
    return arb(fmpq(value.numerator, value.denominator))


def sign_of(value: arb) -> int:
    """-1, 0 or 1. Raises Nowhere where the ball cannot tell."""
    if value > 0:
        return 1
    if value < 0:
        return -1
    if value == 0:
        return 0
    raise Nowhere("a sign that cannot be told")


def logarithm(value: arb) -> arb:
    if sign_of(value) <= 0:
        raise Nowhere("log of what is not positive")
    return value.log()


def quotient(above: arb, below: arb) -> arb:
    if sign_of(below) == 0:
        raise Nowhere("division by zero")
    return above / below


def raised(base: arb, exponent: arb, number: Fraction | None) -> arb:
    """base ** exponent; `number` is the exponent where it is written as one, or happens to be an integer."""
    if number is not None and number.denominator == 1:
        result = arb(1)
        for _ in range(abs(int(number))):
            result = result * base
        return result if number >= 0 else quotient(arb(1), result)
    side = sign_of(base)
    if side < 0:
        raise Nowhere("a power of something negative")
    if side == 0:
        if number is not None and number > 0:
            return arb(0)
        raise Nowhere("a power of zero")
    return (exponent * base.log()).exp()


def whole_number(value: arb) -> Fraction | None:
    """The small integer that a value is exactly, if it is one: t^n is defined for negative t."""
    number = value.unique_fmpz() if value.is_finite() and value.rad() == 0 and value.is_integer() else None
    return None if number is None or abs(number) > 64 else Fraction(int(number))


def smooth(seed: str, order: int, at: arb) -> arb:
    """The derivative of this order of the smooth function that a name stands for here."""
    rng = random.Random(seed)
    a, b, c, q, p = (Fraction(rng.randint(3, 17), 8) for _ in range(5))
    wave = real(a) * real(b) ** order * (real(b) * at + real(c) + arb.pi() / 2 * order).sin()
    tail = {0: real(q) * at * at + real(p) * at, 1: 2 * real(q) * at + real(p), 2: 2 * real(q)}.get(
        order, arb(0)
    )
    return wave + tail


def difference(value: Callable[[arb], arb]) -> arb:
    """The slope of value(step) at 0 as a central difference, with a ball for its error.

    Raises Nowhere where the difference to one side is another: then the function bends within a step, and
    the ball would not hold its slope.
    """
    above, here, below = value(STEP), value(arb(0)), value(-STEP)
    slope = (above - below) / (2 * STEP)
    if not abs((above - here) / STEP - slope) < BENT * (1 + abs(slope)):
        raise Nowhere("a slope that cannot be told")
    return slope + arb(0, TRUNCATED * (1 + abs(slope.mid())))


def absolute(value: arb) -> arb:
    return value if sign_of(value) >= 0 else -value


FUNCTIONS: dict[str, Callable[[arb], arb]] = {
    "exp": lambda x: x.exp(),
    "log": logarithm,
    "sqrt": lambda x: raised(x, arb("0.5"), Fraction(1, 2)),
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
    "tanh": lambda x: x.tanh(),
    "relu": lambda x: x if sign_of(x) >= 0 else arb(0),
    "abs": absolute,
    "sign": lambda x: quotient(x, absolute(x)),
    "softplus": lambda x: (1 + x.exp()).log(),
    "sinh": lambda x: x.sinh(),
    "cosh": lambda x: x.cosh(),
    "sin": lambda x: x.sin(),
    "cos": lambda x: x.cos(),
    "arctan": lambda x: x.atan(),
}
KINKED = frozenset({"relu", "abs", "sign"})


def applied(function: str, order: int, at: arb) -> arb:
    if function not in FUNCTIONS:
        return smooth(function, order, at)
    if order == 0:
        return FUNCTIONS[function](at)
    if function in KINKED and sign_of(at) == 0:
        raise Nowhere("a derivative at a kink")
    return difference(lambda step: applied(function, order - 1, at + step))


def determinant(rows: list[list[arb]]) -> arb:
    """By expansion along the first row."""
    if not rows:
        return arb(1)
    total = arb(0)
    for column, head in enumerate(rows[0]):
        minor = [row[:column] + row[column + 1 :] for row in rows[1:]]
        total = total + (-1) ** column * head * determinant(minor)
    return total


def cofactor_inverse(rows: list[list[arb]], i: int, j: int) -> arb:
    """Entry (i, j) of the inverse: the cofactor (j, i) over the determinant."""
    minor = [row[:i] + row[i + 1 :] for place, row in enumerate(rows) if place != j]
    return quotient((-1) ** (i + j) * determinant(minor), determinant(rows))


@dataclass
class World:
    """One point: sizes of the dimensions, and a number for each entry, made when it is asked for.

    Attributes:
        sizes: the value of each dimension symbol.
        seed: decides every number.
        kinds: how the entries of some tensors are made; see `makers`.
        fixed: where the free indices of the claim stand.
    """

    sizes: dict[str, int]
    seed: int
    context: Context = field(default_factory=Context)
    kinds: Mapping[str, Callable[[World, str, Place], arb]] = field(default_factory=dict)
    fixed: Scope = field(default_factory=dict)
    made: dict[tuple[str, Place], arb] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ctx.prec = BITS

    def draw(self, *key: object) -> Fraction:
        """A rational number that this key always gives; half of them negative, none 0."""
        rng = random.Random(repr((self.seed, *key)))
        return rng.choice([-1, 1]) * Fraction(rng.randint(2, 30), 10)

    def number(self, tensor: str, place: Place) -> arb:
        key = (tensor, place)
        if key not in self.made:
            maker = self.kinds.get(tensor)
            self.made[key] = maker(self, tensor, place) if maker else real(self.draw(tensor, place))
        return self.made[key]

    def admits(self, hypothesis: Hypothesis) -> bool:
        """Whether a hypothesis about indices or dimensions holds here."""
        match hypothesis:
            case Coincide(left, right, equal):
                at = [i.name if isinstance(i.name, int) else self.fixed[i] for i in (left, right)]
                return (at[0] == at[1]) is equal
            case AtLeast(dimension, bound):
                return dimension.value(self.sizes) >= bound
        return True

    def satisfies(self, hypothesis: Hypothesis) -> bool:
        """Whether a hypothesis about entries holds here, for every value of its free indices."""
        if isinstance(hypothesis, (Coincide, AtLeast)):
            return self.admits(hypothesis)
        terms = sides(hypothesis)
        free = sorted(frozenset[Index]().union(*map(free_of, terms)), key=str)
        choices = [
            [self.fixed[i]] if i.name in self.context.constants else range(self.extent(i.range)) for i in free
        ]
        for places in product(*choices):
            try:
                values = [self.value(side, dict(zip(free, places, strict=True))) for side in terms]
            except Nowhere:
                return False
            if isinstance(hypothesis, Equation) and not abs(values[0] - values[1]) < CLOSE:
                return False
            if isinstance(hypothesis, Positive) and not values[0] > 0:
                return False
            if isinstance(hypothesis, Nonzero) and values[0] == 0:
                return False
        return True

    def extent(self, dimension: Dimension) -> int:
        size = dimension.value(self.sizes)
        if size < 1:
            raise Nowhere(f"{dimension} is {size}")
        return size

    def value(self, term: Term, scope: Scope, held: Held | None = None) -> arb:
        """The value of a term; `scope` places its free indices, `held` are the tensors being varied."""
        held = held or {}

        def at(index: Index) -> int:
            place = index.name if isinstance(index.name, int) else scope[index]
            if place >= self.extent(index.range):
                raise Nowhere(f"there is no position {place}")
            return place

        def again(part: Term, inner: Scope | None = None) -> arb:
            return self.value(part, scope if inner is None else inner, held)

        match term:
            case Number(value):
                return real(value)
            case Size(dimension):
                return arb(self.extent(dimension))
            case Entry(tensor, indices):
                return self.entry(tensor, tuple(map(at, indices)), held)
            case Delta(left, right):
                return arb(int(at(left) == at(right)))
            case Plus(terms):
                return sum((again(part) for part in terms), arb(0))
            case Product(factors):
                result = arb(1)
                for factor in factors:
                    result = result * again(factor)
                return result
            case Sum(index, body):
                places = range(self.extent(index.range))
                return sum((again(body, {**scope, index: place}) for place in places), arb(0))
            case Power(base, exponent):
                above = again(exponent)
                number = Fraction(exponent.value) if isinstance(exponent, Number) else whole_number(above)
                return raised(again(base), above, number)
            case Apply(function, argument, order):
                return applied(function, order, again(argument))
            case Component(function, indices, arguments, derivatives):
                taken = [(slot, tuple(map(at, by))) for slot, by in derivatives]
                return self.component(function, tuple(map(at, indices)), arguments, taken, scope, held)
            case Inverse(matrix, row, column):
                return cofactor_inverse(self.rows(matrix, scope, held), at(row), at(column))
            case Determinant(matrix):
                return determinant(self.rows(matrix, scope, held))
            case Partial(body, Entry(tensor, indices)):
                return self.slope(body, tensor, tuple(map(at, indices)), scope, held)
        raise TypeError(term)

    def entry(self, tensor: str, place: Place, held: Held) -> arb:
        if tensor in held:
            return held[tensor](place)
        definition = self.context.definitions.get(tensor)
        if definition is None:
            return self.number(tensor, place)
        # its free indices are those of the claim, whatever binds the same names where the entry stands
        inner = {**self.fixed, **dict(zip(definition.indices, place, strict=True))}
        return self.value(definition.body, inner, held)

    def rows(self, matrix: Abstraction, scope: Scope, held: Held) -> list[list[arb]]:
        r, c = matrix.indices
        size = self.extent(r.range)
        return [
            [self.value(matrix.body, {**scope, r: i, c: j}, held) for j in range(size)] for i in range(size)
        ]

    def component(
        self,
        function: str,
        place: Place,
        arguments: tuple[Abstraction, ...],
        derivatives: list[tuple[int, Place]],
        scope: Scope,
        held: Held,
    ) -> arb:
        values = {}
        for slot, argument in enumerate(arguments):
            for at in product(*(range(self.extent(i.range)) for i in argument.indices)):
                inner = {**scope, **dict(zip(argument.indices, at, strict=True))}
                values[slot, at] = self.value(argument.body, inner, held)
        return ridges(self, function, place, values, derivatives)

    def slope(self, body: Term, tensor: str, place: Place, scope: Scope, held: Held) -> arb:
        """A derivative: the tensor is held at its value here but for one entry, which is moved a little."""
        for other in held:
            if other != tensor and self.rests_on(other, tensor):
                raise Ambiguous(f"{other} is held, and rests on {tensor}")

        def moved(step: arb) -> arb:
            def entry(at: Place) -> arb:
                value = self.entry(tensor, at, held)
                return value + step if at == place else value

            return self.value(body, scope, {**held, tensor: entry})

        return difference(moved)

    def rests_on(self, tensor: str, other: str) -> bool:
        definition = self.context.definitions.get(tensor)
        if definition is None:
            return tensor == other
        return any(
            self.rests_on(part.tensor, other) for part in walk(definition.body) if isinstance(part, Entry)
        )


def ridges(
    world: World,
    function: str,
    place: Place,
    values: Mapping[tuple[int, Place], arb],
    derivatives: list[tuple[int, Place]],
) -> arb:
    """An unknown map: two ridges sin(w.u + v), smooth, with all mixed derivatives in closed form."""
    total = arb(0)
    for ridge in range(2):
        slope, phase = arb(1), real(world.draw(function, place, ridge))
        for by in derivatives:
            slope = slope * real(world.draw(function, place, ridge, by))
        for at, value in values.items():
            phase = phase + real(world.draw(function, place, ridge, at)) * value
        total = total + slope * (phase + arb.pi() / 2 * len(derivatives)).sin()
    return total


def free_of(term: Term, bound: frozenset[Index] = frozenset()) -> frozenset[Index]:
    """The named indices of a term that nothing in it binds."""
    if isinstance(term, Sum):
        return free_of(term.body, bound | {term.index})
    found: set[Index] = set()
    for slot in fields(term):  # type: ignore[arg-type]
        todo: list[object] = [getattr(term, slot.name)]
        while todo:
            part = todo.pop()
            if isinstance(part, Index):
                found |= {part} - bound if isinstance(part.name, str) else set()
            elif isinstance(part, Abstraction):
                found |= free_of(part.body, bound | set(part.indices))
            elif isinstance(part, Term):
                found |= free_of(part, bound)
            elif isinstance(part, tuple):
                todo += part
    return frozenset(found)


def sides(hypothesis: Hypothesis) -> tuple[Term, ...]:
    """The terms that a hypothesis is about."""
    if isinstance(hypothesis, Equation):
        return (hypothesis.lhs, hypothesis.rhs)
    return (hypothesis.term,) if isinstance(hypothesis, (Positive, Nonzero)) else ()


def symbols_of(part: object) -> frozenset[str]:
    """The names of the dimensions that occur in a claim, a term, a hypothesis ..."""
    if isinstance(part, Dimension):
        return part.names
    if isinstance(part, (tuple, frozenset)):
        return frozenset[str]().union(*map(symbols_of, part))
    if isinstance(part, Mapping):
        return symbols_of(tuple(part.values()))
    slots = getattr(type(part), "__dataclass_fields__", ())
    return frozenset[str]().union(*(symbols_of(getattr(part, slot)) for slot in slots))


def worlds(claim: Claim, kinds: Mapping[str, str], seed: int, count: int) -> Iterator[World]:
    """Points at which hypotheses about indices and dimensions hold; those about entries come from `kinds`."""
    rng = random.Random(seed)
    hypotheses = claim.context.hypotheses
    made = {name: makers()[kind] for name, kind in kinds.items()}
    free = free_of(claim.lhs) | free_of(claim.rhs)
    for part in (*hypotheses, *claim.context.definitions.values()):
        if isinstance(part, Coincide):
            free |= {i for i in (part.left, part.right) if isinstance(i.name, str)}
        elif isinstance(part, Abstraction):
            free |= free_of(part.body) - set(part.indices)
    for term in (part for h in hypotheses for part in sides(h)):
        free |= {i for i in free_of(term) if i.name in claim.context.constants}
    for attempt in range(40 * count):
        sizes = {name: rng.choice((1, 2, 2, 3)) for name in sorted({"c", "n"} | symbols_of(claim))}
        world = World(sizes, rng.randrange(10**9), claim.context, made)
        try:
            world.fixed = {i: rng.randrange(world.extent(i.range)) for i in sorted(free, key=str)}
            if not all(map(world.admits, hypotheses)):
                continue
        except Nowhere:
            continue
        if attempt % 2:  # every other point has positive entries, so that logarithms have values
            everything = {
                e.tensor for side in (claim.lhs, claim.rhs) for e in walk(side) if isinstance(e, Entry)
            }
            everything |= {
                e.tensor for g in claim.context.definitions.values() for e in walk(g) if isinstance(e, Entry)
            }
            world.kinds = {name: makers()["positive"] for name in everything} | made
        yield world
        count -= 1
        if not count:
            return


def verdict(claim: Claim, world: World) -> bool | None:
    """Whether a claim holds at one point; None where it has no meaning there, or too few digits."""
    try:
        left, right = (world.value(side, dict(world.fixed)) for side in (claim.lhs, claim.rhs))
    except (Nowhere, Ambiguous, KeyError, OverflowError, RecursionError):
        return None
    gap = left - right
    size = 1 + abs(left) + abs(right)
    if not (gap.is_finite() and size.is_finite()) or gap.rad() > CLOSE * size.lower() / 100:
        return None
    near = bool(abs(gap) < CLOSE * size)
    if near and claim.relation in ("<", ">") and gap != 0:
        return None
    if claim.relation == "=":
        return near
    order = {">": gap > 0, ">=": near or gap > 0, "<": gap < 0, "<=": near or gap < 0}
    return bool(order[claim.relation])


def _place_of(world: World, name: str) -> int:
    return next(at for index, at in world.fixed.items() if index.name == name)


def _reflection(v: list[Fraction], i: int, j: int) -> Fraction:
    return Fraction(int(i == j)) - 2 * v[i] * v[j] / sum(w * w for w in v)


def makers() -> dict[str, Callable[[World, str, Place], arb]]:
    """How to make entries with a property, by its name."""

    def whole(world: World, tensor: str, size: int, row: Place = ()) -> list[Fraction]:
        return [abs(world.draw(tensor, *row, place)) for place in range(size)]

    def positive(world: World, tensor: str, place: Place) -> arb:
        return real(abs(world.draw(tensor, place)))

    def simplex(world: World, tensor: str, place: Place, size: int | None = None) -> arb:
        """Positive, with the sum 1 along the last index."""
        *row, at = place
        weights = whole(world, tensor, size or world.sizes["c"], tuple(row))
        return real(weights[at] / sum(weights))

    def symmetric(world: World, tensor: str, place: Place) -> arb:
        return real(world.draw(tensor, tuple(sorted(place))))

    def one_hot(world: World, tensor: str, place: Place, size: int | None = None) -> arb:
        *row, at = place
        chosen = random.Random(" ".join(map(str, (world.seed, tensor, *row)))).randrange(
            size or world.sizes["c"]
        )
        return arb(int(at == chosen))

    def one_hot_at_k(world: World, tensor: str, place: Place) -> arb:
        return arb(int(place[0] == _place_of(world, "k")))

    def rotation(world: World, tensor: str, place: Place) -> arb:
        """I - 2 v v^T / v^T v, an orthogonal (and symmetric) matrix."""
        return real(_reflection(whole(world, tensor, world.sizes["n"]), *place))

    def turned(world: World, tensor: str, place: Place) -> arb:
        """A product of two reflections: orthogonal and, for n > 1, not symmetric."""
        size = world.sizes.get("n", 2)
        total = Fraction(0)
        for middle in range(size):
            total += _reflection(whole(world, tensor + "1", size), place[0], middle) * _reflection(
                whole(world, tensor + "2", size), middle, place[1]
            )
        return real(total)

    def turned_two(world: World, tensor: str, place: Place) -> arb:
        return real(_reflection(whole(world, tensor, 2), *place))

    def chosen(positive_at: Callable[[World, Place], bool]) -> Callable[[World, str, Place], arb]:
        def made(world: World, tensor: str, place: Place) -> arb:
            value = world.draw(tensor, place)
            return real(abs(value) if positive_at(world, place) else value)

        return made

    def summing(world: World, tensor: str, place: Place) -> arb:
        """Of both signs, but with a positive sum."""
        value = world.draw(tensor, place)
        low = sum((abs(world.draw(tensor, (at,))) for at in range(world.sizes["c"])), Fraction(1))
        return real(value + (low if place == (0,) else 0))

    def corner(world: World, tensor: str, place: Place) -> arb:
        return real(world.draw(tensor, (0, 1) if place == (1, 0) else place))

    def first(world: World, tensor: str, place: Place) -> arb:
        return arb(1) if place == (0,) else real(world.draw(tensor, place))

    return {
        "rotation": turned,
        "rotation of two": turned_two,
        "positive at k": chosen(lambda world, place: place[0] == _place_of(world, "k")),
        "positive on the diagonal": chosen(lambda world, place: place[0] == place[1]),
        "positive sum": summing,
        "symmetric at 0, 1": corner,
        "first is one": first,
        "two": lambda world, tensor, place: arb(2),
        "one": lambda world, tensor, place: arb(1),
        "e": lambda world, tensor, place: arb(1).exp(),
        "zero": lambda world, tensor, place: arb(0),
        "negative": lambda world, tensor, place: -real(abs(world.draw(tensor, place))),
        "positive": positive,
        "simplex": simplex,
        "simplex of 2": lambda world, tensor, place: simplex(world, tensor, place, 2),
        "one-hot of 2": lambda world, tensor, place: one_hot(world, tensor, place, 2),
        "symmetric": symmetric,
        "one-hot": one_hot,
        "one-hot at k": one_hot_at_k,
        "orthogonal": rotation,
    }


def spell(term: object) -> str:
    """A term as a line of text, for messages."""
    match term:
        case Number(value):
            return str(value)
        case Size(dimension):
            return str(dimension)
        case Entry(tensor, indices):
            return tensor + (f"[{','.join(map(str, indices))}]" if indices else "")
        case Delta(left, right):
            return f"d({left},{right})"
        case Plus(terms):
            return f"({' + '.join(map(spell, terms))})"
        case Product(factors):
            return f"({' * '.join(map(spell, factors))})"
        case Sum(index, body):
            return f"sum_{index}:{index.range}[{spell(body)}]"
        case Power(base, exponent):
            return f"{spell(base)}^{spell(exponent)}"
        case Apply(function, argument, order):
            return f"{function}{chr(39) * order}({spell(argument)})"
        case Partial(body, variable):
            return f"D[{spell(body)}; {spell(variable)}]"
        case Abstraction(indices, body):
            return f"({','.join(map(str, indices))} -> {spell(body)})"
        case Inverse(matrix, row, column):
            return f"inv{spell(matrix)}[{row},{column}]"
        case Determinant(matrix):
            return f"det{spell(matrix)}"
        case Component(function, indices, arguments, derivatives):
            taken = "".join(f";{slot}:{','.join(map(str, by))}" for slot, by in derivatives)
            return f"{function}{list(map(str, indices))}({', '.join(map(spell, arguments))}{taken})"
        case Claim(lhs, rhs, relation, context):
            return f"{spell(lhs)}  {relation}  {spell(rhs)}  given {[h.labels for h in context.hypotheses]}"
    return repr(term)
