r"""What would make a false step true, offered only once the kernel has proved the mended step.

    mend(lhs, rhs, definitions, hypotheses, constants) -> Repair | None

Each slip that people make is one function below, from a step to what could mend it; SLIPS lists them, the
likelier ones first. The left side is never changed, and nothing that stands here is trusted. Most of what is
suggested never reaches the kernel: its shape is not the left side's, an index hangs in the air, or it was
suggested before. What remains is bounded by a count. What can be read off normal forms is not guessed: that
of the difference, divided by that of a term, is the factor which that term needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import combinations, islice, permutations
from typing import Any

from derive import expression as x
from derive import terms as t
from derive.expression import Expression, Layout
from derive.kernel import Exhausted, Theorem, Undefined, normal_form, prove
from derive.lifting import Names, NotLifted, lift
from derive.lowering import Statement, Unsupported, state
from derive.printing import latex
from derive.report import Repair
from derive.terms import ONE, Dimension, Hypothesis, Index, ShapeError

__all__ = ["BUDGET", "KINDS", "mend"]

KINDS = (
    "layout", "transpose", "sign", "factor", "index", "order", "delta", "hypothesis", "diag", "sum", "term",
    "shape",
)  # fmt: skip
BUDGET = 60  # how often the kernel is asked about one step
SHARE = 12  # of that, at most so often for one kind of slip
EFFORT = 10_000  # of the kernel, for one question
PLACES = 120  # at most so many subexpressions are looked at
ZERO = x.Constant(Fraction(0))
OTHER: dict[Layout, Layout] = {"numerator": "denominator", "denominator": "numerator"}
LETTERS = "ijklmnpqrstu"

Put = Callable[[Expression], Expression]
Poly = dict[frozenset[Any], Fraction]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A suggestion: another right side, another reading of both sides, or hypotheses to add.

    Attributes:
        kind: of slip, one of KINDS.
        reason: the slip in words; where it is empty, `instead` says what stands for what.
        rhs, lhs: the sides after the change, where they change.
        hypotheses: what is assumed besides.
    """

    kind: str
    reason: str = ""
    rhs: Expression | None = None
    lhs: Expression | None = None
    hypotheses: tuple[Hypothesis, ...] = ()
    instead: tuple[Expression, Expression] | None = None

    def message(self, mended: Expression) -> str:
        if self.rhs is None or self.lhs is not None:
            return self.reason
        reason = self.reason
        if self.instead is not None:
            old, new = map(latex, self.instead)
            reason = f"{new} instead of {old}"
        return f"{reason}: {latex(mended)} would be right"


class Spent(Exception):
    """The kernel has been asked as often as it may be."""


def mend(
    lhs: Expression,
    rhs: Expression,
    definitions: Mapping[str, Expression] | None = None,
    hypotheses: tuple[Hypothesis, ...] = (),
    constants: frozenset[str] = frozenset(),
    budget: int = BUDGET,
) -> Repair | None:
    """What makes the false step lhs = rhs true, as the kernel has proved; None where nothing is found.

    Args:
        lhs, rhs: the sides as they were read; their shapes may differ.
        definitions, hypotheses, constants: what the step rests on, as `derive.lowering.state` takes them.
        budget: how often the kernel may be asked.
    """
    broken = Broken(lhs, rhs, definitions or {}, hypotheses, constants, budget)
    try:
        for slip in SLIPS:
            for candidate in islice(filter(broken.admits, slip(broken)), SHARE):
                theorem = broken.prove(candidate)
                if theorem is not None:
                    return _repair(broken, candidate, theorem)
    except (Spent, RecursionError):
        pass
    return None


def _repair(broken: Broken, candidate: Candidate, theorem: Theorem) -> Repair:
    mended = candidate.rhs or broken.rhs
    return Repair(candidate.kind, latex(mended), candidate.message(mended))


@dataclass
class Broken:
    """A step that does not hold, and how much may still be asked about it."""

    lhs: Expression
    rhs: Expression
    definitions: Mapping[str, Expression]
    hypotheses: tuple[Hypothesis, ...]
    constants: frozenset[str]
    left: int
    seen: set[tuple[Expression, Expression, tuple[Hypothesis, ...]]] = field(default_factory=set)

    def __post_init__(self) -> None:
        used = [s.name for s in self.symbols if s.name in self.definitions]
        self.definitions = {name: self.definitions[name] for name in used}
        self.seen.add((self.lhs, self.rhs, ()))

    # ------------------------------------------------------------------ asking the kernel

    def admits(self, candidate: Candidate) -> bool:
        """Whether a suggestion is worth a question: it fits, is new, and is not the left side again."""
        lhs, rhs = candidate.lhs or self.lhs, candidate.rhs or self.rhs
        key = lhs, rhs, candidate.hypotheses
        if lhs.shape != rhs.shape or key in self.seen or flattened(rhs) == flattened(lhs):
            return False
        self.seen.add(key)
        return {i.name for i in free(rhs) - free(lhs)} <= self.constants

    def prove(self, candidate: Candidate) -> Theorem | None:
        self.ask()
        lhs, rhs = candidate.lhs or self.lhs, candidate.rhs or self.rhs
        try:
            found = prove(self.state(lhs, rhs, candidate.hypotheses).claim, EFFORT)
        except (ShapeError, Unsupported):
            return None
        return found if isinstance(found, Theorem) else None

    def ask(self) -> None:
        """Take one question from the budget. Raises Spent."""
        if self.left <= 0:
            raise Spent
        self.left -= 1

    def state(self, lhs: Expression, rhs: Expression, extra: tuple[Hypothesis, ...] = ()) -> Statement:
        return state(lhs, rhs, "=", self.definitions, (*extra, *self.hypotheses), self.constants)

    def form(self, e: Expression) -> Poly:
        """The normal form of an expression, empty where there is none."""
        self.ask()
        try:
            claim = self.state(e, ZERO).claim
            found = normal_form(claim.lhs, claim.context, EFFORT)
        except (ShapeError, Unsupported, Undefined, Exhausted):
            return {}
        return {frozenset(mono): Fraction(value) for mono, value in found}

    # ------------------------------------------------------------------ what stands in the step

    @cached_property
    def places(self) -> list[tuple[Expression, Put]]:
        return list(islice(places(self.rhs), PLACES))

    @cached_property
    def symbols(self) -> tuple[x.Symbol, ...]:
        """The symbols that the step rests on, in the order in which they come up."""
        found = dict.fromkeys((*symbols(self.lhs), *symbols(self.rhs)))
        todo = list(found)
        for symbol in todo:
            for inner in symbols(self.definitions.get(symbol.name, ZERO)):
                if inner not in found:
                    found[inner] = None
                    todo.append(inner)
        return tuple(found)

    @cached_property
    def indices(self) -> tuple[Index, ...]:
        """The indices that have one value on both sides, or in what these unfold to."""
        found = free(self.lhs) | free(self.rhs)
        for body in self.definitions.values():
            found |= {i for i in free(body) if i.name in self.constants}
        return tuple(sorted(found, key=str))

    @cached_property
    def forms(self) -> tuple[Poly, Poly]:
        """The normal forms of both sides."""
        return self.form(self.lhs), self.form(self.rhs)

    @cached_property
    def residual(self) -> Poly:
        """The normal form of what is left of the difference."""
        return _sum(*self.forms, {})

    def fits(self) -> bool:
        return self.lhs.shape == self.rhs.shape

    def everywhere(self, change: Callable[[Expression], Iterator[Candidate]]) -> Iterator[Candidate]:
        """The right side with one of its parts changed, in every way that `change` knows."""
        for part, put in self.places:
            for candidate in change(part):
                assert candidate.rhs is not None
                instead = None if candidate.reason else (part, candidate.rhs)
                try:
                    whole = put(candidate.rhs)
                except ShapeError:
                    continue
                yield Candidate(candidate.kind, candidate.reason, whole, instead=instead)


# ---------------------------------------------------------------------- expressions


def places(e: Expression) -> Iterator[tuple[Expression, Put]]:
    """Every part of an expression, outermost first, with the way to put something in its place.

    The symbol of an entry and the variable of a derivative belong to these and are no parts.
    """
    yield e, lambda new: new
    below = x.children(e)
    if isinstance(e, x.Entry) and isinstance(e.body, x.Symbol):
        below = ()
    for number, child in enumerate(below):
        if isinstance(e, (x.Partial, x.Gradient)) and number == 1 and not isinstance(child, x.Entry):
            continue
        for part, put in places(child):
            yield part, _within(e, number, put)


def _within(e: Expression, number: int, put: Put) -> Put:
    def whole(new: Expression) -> Expression:
        below = list(x.children(e))
        below[number] = put(new)
        rest = iter(below)
        return x.rebuild(e, lambda _: next(rest))

    return whole


def symbols(e: Expression) -> Iterator[x.Symbol]:
    if isinstance(e, x.Symbol):
        yield e
    for child in x.children(e):
        yield from symbols(child)


def parts(e: Expression, kind: type[Expression] | tuple[type[Expression], ...]) -> Iterator[Any]:
    """Every part of this kind, outermost first."""
    if isinstance(e, kind):
        yield e
    for child in x.children(e):
        yield from parts(child, kind)


def free(e: Expression) -> frozenset[Index]:
    """The indices that an expression mentions and does not bind; fixed positions left out."""
    below = frozenset[Index]().union(*map(free, x.children(e)))
    match e:
        case x.Sum(index=index, without=without):
            return (below | frozenset(without)) - {index}
        case x.Entries(indices=indices):
            return below - frozenset(indices)
    return below | {i for i in mentioned(e) if isinstance(i.name, str)}


def mentioned(e: Expression) -> tuple[Index, ...]:
    """The indices that a node carries itself, those that it binds left out."""
    match e:
        case x.Entry(indices=indices):
            return indices
        case x.Delta(left=left, right=right):
            return (left, right)
        case x.Basis(index=index):
            return (index,)
    return ()


def carrying(e: Expression, indices: tuple[Index, ...]) -> Expression:
    """The same node with other indices."""
    return x.Entry(e.body, indices) if isinstance(e, x.Entry) else type(e)(*indices)  # type: ignore[arg-type]


def renamed(e: Expression, names: Mapping[Index, Index]) -> Expression:
    """The expression with free indices renamed; binders are left alone."""
    if isinstance(e, (x.Sum, x.Entries)):
        bound = (e.index,) if isinstance(e, x.Sum) else e.indices
        names = {old: new for old, new in names.items() if old not in bound}
    if mentioned(e):
        e = carrying(e, tuple(names.get(i, i) for i in mentioned(e)))
    return x.rebuild(e, lambda child: renamed(child, names))


def factors(e: Expression) -> list[Expression]:
    """The factors of a matrix product; a scalar product inside stays whole."""
    if not isinstance(e, x.Multiply):
        return [e]
    inner = [
        factors(side) if not side.is_scalar or (e.left.is_scalar and e.right.is_scalar) else [side]
        for side in (e.left, e.right)
    ]
    return [factor for side in inner for factor in side]


def multiplied(parts: list[Expression]) -> Expression:
    """The product of factors, 1 where there are none. Raises ShapeError."""
    return x.product(*parts) if parts else x.Constant(Fraction(1))


def added(terms: list[Expression]) -> Expression:
    return x.Add(tuple(terms)) if len(terms) != 1 else terms[0]


def flattened(e: Expression) -> Expression:
    """The expression with products associated to the left throughout."""
    e = x.rebuild(e, flattened)
    return multiplied(factors(e)) if isinstance(e, x.Multiply) else e


def transposed(e: Expression) -> Expression:
    """The transpose, taken inside as people write it: (A b)^T is b^T A^T. Raises ShapeError."""
    if e.is_scalar:
        return e
    match e:
        case x.Transpose(body=body):
            return body
        case x.Add() | x.Negate() | x.Hadamard():
            return x.rebuild(e, transposed)
        case x.Multiply():
            scalars = [f for f in factors(e) if f.is_scalar]
            others = [transposed(f) for f in reversed(factors(e)) if not f.is_scalar]
            return multiplied(scalars + others)
        case x.Divide(numerator=above, denominator=below) if below.is_scalar:
            return x.Divide(transposed(above), below)
        case x.Identity() | x.Diagonal() if e.shape[0] == e.shape[1]:
            return e
        case x.Fill(value=value, size=(rows, columns)):
            return x.Fill(value, (columns, rows))
    return x.Transpose(e)


@dataclass(frozen=True, slots=True)
class Scale:
    """A number times powers of dimensions, such as 2/n."""

    number: Fraction = Fraction(1)
    powers: tuple[tuple[str, int], ...] = ()

    def __mul__(self, other: Scale) -> Scale:
        total = dict(self.powers)
        for name, exponent in other.powers:
            total[name] = total.get(name, 0) + exponent
        return Scale(self.number * other.number, tuple((n, e) for n, e in sorted(total.items()) if e))

    def inverse(self) -> Scale:
        return Scale(1 / self.number, tuple((name, -exponent) for name, exponent in self.powers))

    def times(self, rest: list[Expression]) -> Expression:
        """The product of the scale with factors, a minus sign in front."""
        size = abs(self.number)
        above = [_count(name, e) for name, e in self.powers if e > 0]
        below = [_count(name, -e) for name, e in self.powers if e < 0]
        if below:
            below = ([x.Constant(Fraction(size.denominator))] if size.denominator != 1 else []) + below
            size = Fraction(size.numerator)
        above = ([x.Constant(size)] if size != 1 else []) + above
        scale = [x.Divide(multiplied(above), multiplied(below))] if below else above
        body = multiplied(scale + rest)
        return x.Negate(body) if self.number < 0 else body


def _count(name: str, exponent: int) -> Expression:
    count = x.Count(Dimension.of(name))
    return count if exponent == 1 else x.Power(count, x.Constant(Fraction(exponent)))


def scale_of(e: Expression) -> tuple[Scale, list[Expression]]:
    """A product as its scale and its other factors."""
    match e:
        case x.Constant(value=value) if value:
            return Scale(value), []
        case x.Count(dimension=Dimension(monomials=((((name,), 1),)))):
            return Scale(Fraction(1), ((name, 1),)), []
        case x.Negate(body=body):
            scale, rest = scale_of(body)
            return scale * Scale(Fraction(-1)), rest
        case x.Divide(numerator=above, denominator=below):
            scale, rest = scale_of(below)
            if not rest:
                over, others = scale_of(above)
                return over * scale.inverse(), others
        case x.Multiply():
            total, kept = Scale(), []
            for factor in factors(e):
                scale, rest = scale_of(factor) if factor.is_scalar else (Scale(), [factor])
                total, kept = total * scale, kept + rest
            return total, kept
    return Scale(), [e]


def scaled(e: Expression, scale: Scale) -> Expression:
    """The expression times a scale, which joins the one that stands in it."""
    if scale == Scale(Fraction(-1)) and isinstance(e, x.Add):
        terms = [scaled(term, scale) for term in e.terms]
        return x.Add(tuple(sorted(terms, key=lambda term: isinstance(term, x.Negate))))
    present, rest = scale_of(e)
    return (present * scale).times(rest)


def ratio(top: Poly, bottom: Poly) -> Scale | None:
    """The scale that `top` is of `bottom`; None where it is no multiple of it."""
    if not bottom or (top and len(top) != len(bottom)):
        return None
    if not top:
        return Scale(Fraction(0))
    shift = _sizes(top) * _sizes(bottom).inverse()
    moved = {_shifted(mono, shift.powers): value for mono, value in bottom.items()}
    if moved.keys() != top.keys():
        return None
    numbers = {top[mono] / value for mono, value in moved.items()}
    return Scale(numbers.pop(), shift.powers) if len(numbers) == 1 else None


def _sizes(poly: Poly) -> Scale:
    """The highest power of each dimension in a normal form."""
    highest: dict[str, int] = {}
    for mono in poly:
        for name in {atom[1] for atom, _ in mono if atom[0] == "N"} | highest.keys():
            here = next((int(e) for atom, e in mono if atom == ("N", name)), 0)
            highest[name] = max(highest.get(name, here), here)
    return Scale(Fraction(1), tuple(sorted(highest.items())))


def _shifted(mono: frozenset[Any], powers: tuple[tuple[str, int], ...]) -> frozenset[Any]:
    atoms = dict(mono)
    for name, exponent in powers:
        atoms[("N", name)] = atoms.get(("N", name), 0) + exponent
    return frozenset((atom, exponent) for atom, exponent in atoms.items() if exponent)


# ---------------------------------------------------------------------- the slips


def layouts(step: Broken) -> Iterator[Candidate]:
    """The derivatives, or one of them, were read in the wrong layout."""
    found = dict.fromkeys(p for side in (step.lhs, step.rhs) for p in parts(side, x.Partial))
    turning = [p for p in found if p.arrangement() != _turned(p).arrangement()]
    if not turning:
        return
    names = {OTHER[p.layout] for p in turning}
    reason = f"right in {names.pop()} layout" if len(names) == 1 else "right with each derivative transposed"
    yield from _read(step, reason, lambda e: isinstance(e, x.Partial))
    for p in turning[:4] if len(turning) > 1 else ():
        reason = f"right where {latex(p)} is read in {OTHER[p.layout]} layout"
        yield from _read(step, reason, lambda e, p=p: e == p)  # type: ignore[misc]


def _turned(p: x.Partial) -> x.Partial:
    return x.Partial(p.body, p.variable, OTHER[p.layout])


def _read(step: Broken, reason: str, which: Callable[[Expression], bool]) -> Iterator[Candidate]:
    """Both sides with some of their derivatives read in the other layout."""

    def turn(e: Expression) -> Expression:
        below = x.rebuild(e, turn)
        return _turned(below) if which(e) and isinstance(below, x.Partial) else below

    try:
        lhs, rhs = turn(step.lhs), turn(step.rhs)
    except ShapeError:
        return
    yield Candidate("layout", reason, rhs, lhs)


def transposed_whole(step: Broken) -> Iterator[Candidate]:
    """The right side is transposed."""
    if len(step.rhs.shape) == 2:
        yield Candidate("transpose", "transposed", transposed(step.rhs))


def scales(step: Broken) -> Iterator[Candidate]:
    """The sign or another factor of the right side is wrong, or of one of its terms."""
    if not step.fits():
        return
    left, right = step.forms
    yield from _rescaled(step.rhs, ratio(left, right))
    for whole, put in step.places:
        if not isinstance(whole, x.Add):
            continue
        for number, term in enumerate(whole.terms):
            alone = step.form(put(term))
            scale = ratio(_sum(left, right, alone), alone)
            if scale is None or scale == Scale():
                continue
            rest = list(whole.terms)
            rest[number : number + 1] = [scaled(term, scale)] if scale.number else []
            yield from _named(term, scale, put(added(rest)))


def _sum(left: Poly, right: Poly, alone: Poly) -> Poly:
    """left - right + alone."""
    total: Poly = dict(left)
    for poly, sign in ((right, -1), (alone, 1)):
        for mono, value in poly.items():
            total[mono] = total.get(mono, Fraction(0)) + sign * value
    return {mono: value for mono, value in total.items() if value}


def _named(term: Expression, scale: Scale, whole: Expression) -> Iterator[Candidate]:
    body = latex(term.body if isinstance(term, x.Negate) else term)
    if not scale.number:
        yield Candidate("term", f"{body} is one term too many", whole)
    elif scale == Scale(Fraction(-1)):
        yield Candidate("sign", f"the sign of {body} is wrong", whole)
    else:
        yield Candidate("factor", f"a factor {latex(scale.times([]))} is missing at {body}", whole)


def _rescaled(e: Expression, scale: Scale | None, before: str = "") -> Iterator[Candidate]:
    if scale is None or not scale.number or scale == Scale():
        return
    kind, reason = "factor", f"a factor {latex(scale.times([]))} is missing"
    if scale == Scale(Fraction(-1)):
        kind, reason = "sign", "the sign is wrong"
    yield Candidate("transpose" if before else kind, before + reason, scaled(e, scale))


def transposed_parts(step: Broken) -> Iterator[Candidate]:
    """One part of the right side is transposed, or an inverse is written for a transpose."""

    def change(part: Expression) -> Iterator[Candidate]:
        if len(part.shape) == 2 and not part.is_scalar:
            yield Candidate("transpose", rhs=transposed(part))
        match part:
            case x.Inverse(body=body):
                yield Candidate("transpose", rhs=transposed(body))
            case x.Transpose(body=body) if body.shape[0] == body.shape[1]:
                yield Candidate("transpose", rhs=x.Inverse(body))

    yield from step.everywhere(change)
    for symbol in dict.fromkeys(symbols(step.rhs)):
        if not symbol.is_scalar:
            yield from _throughout(step, symbol)


def _throughout(step: Broken, symbol: x.Symbol) -> Iterator[Candidate]:
    """A symbol transposed wherever it stands."""

    def turn(e: Expression) -> Expression:
        if isinstance(e, (x.Partial, x.Gradient, x.Entry)):
            return e
        if e == x.Transpose(symbol):
            return symbol
        return x.Transpose(symbol) if e == symbol else x.rebuild(e, turn)

    try:
        yield Candidate("transpose", rhs=turn(step.rhs), instead=(symbol, x.Transpose(symbol)))
    except ShapeError:
        return


def captured(step: Broken) -> Iterator[Candidate]:
    """A sum runs over a letter that means something outside, and captures one or two of its indices."""
    used = {i.name for side in (step.lhs, step.rhs) for i in _all_indices(side)}
    for old in dict.fromkeys(s.index for s in parts(step.rhs, x.Sum) if s.index in free(step.lhs)):
        letter = next((letter for letter in LETTERS if letter not in used), None)
        if letter is None:
            return
        new = Index(letter, old.range)
        whole = _rebound(step.rhs, old, new)
        once = list(_one_renamed(whole, new, old))
        twice = [two for one in once for two in _one_renamed(one, new, old)]
        for released in (*once, *twice):
            yield Candidate("index", f"the sum captures the index {old}", released)


def _rebound(e: Expression, old: Index, new: Index) -> Expression:
    """Every sum over `old` as one over `new`."""
    e = x.rebuild(e, lambda child: _rebound(child, old, new))
    if isinstance(e, x.Sum) and e.index == old:
        return x.Sum(new, renamed(e.body, {old: new}), e.without)
    return e


def _one_renamed(e: Expression, old: Index, new: Index) -> Iterator[Expression]:
    for part, put in islice(places(e), PLACES):
        here = mentioned(part)
        for place, index in enumerate(here):
            if index == old:
                yield put(carrying(part, (*here[:place], new, *here[place + 1 :])))


def _all_indices(e: Expression) -> Iterator[Index]:
    """The indices that stand in an expression, fixed positions left out."""
    yield from (i for i in mentioned(e) if isinstance(i.name, str))
    if isinstance(e, x.Sum):
        yield e.index
    for child in x.children(e):
        yield from _all_indices(child)


def indices(step: Broken) -> Iterator[Candidate]:
    """An index is another one's, two of them are interchanged, or a sum runs over the wrong one."""
    letters = sorted({i for side in (step.lhs, step.rhs) for i in _all_indices(side)}, key=str)

    def change(part: Expression) -> Iterator[Candidate]:
        here = mentioned(part)
        if len(here) == 2 and here[0].range == here[1].range:
            yield Candidate("index", rhs=carrying(part, (here[1], here[0])))
        for place, old in enumerate(here):
            for new in letters:
                if new != old and new.range == old.range:
                    yield Candidate("index", rhs=carrying(part, (*here[:place], new, *here[place + 1 :])))
        if isinstance(part, x.Sum):
            for new in letters:
                if new != part.index and new.range == part.index.range:
                    yield Candidate("index", f"the sum runs over {new}", x.Sum(new, part.body, part.without))

    yield from step.everywhere(change)
    for one, other in combinations(letters, 2):
        if one.range == other.range:
            for names in ({one: other, other: one}, {one: other}, {other: one}):
                pairs = ", ".join(f"{new} instead of {old}" for old, new in names.items())
                yield Candidate("index", pairs, renamed(step.rhs, names))


def orders(step: Broken) -> Iterator[Candidate]:
    """Factors of a matrix product stand in the wrong order."""

    def change(part: Expression) -> Iterator[Candidate]:
        scalars = [f for f in factors(part) if f.is_scalar]
        others = [f for f in factors(part) if not f.is_scalar]
        orders = [(*others[:n], others[n + 1], others[n], *others[n + 2 :]) for n in range(len(others) - 1)]
        orders.append(tuple(reversed(others)))
        orders += [(*others[n:], *others[:n]) for n in range(1, len(others))]
        for order in dict.fromkeys(orders):
            if order != tuple(others):
                yield from _built("order", "the factors stand in another order", [*scalars, *order])

    yield from step.everywhere(change)


def _built(kind: str, reason: str, chain: list[Expression]) -> Iterator[Candidate]:
    """The product of a chain, where its factors conform."""
    try:
        yield Candidate(kind, reason, multiplied(chain))
    except ShapeError:
        return


def deltas(step: Broken) -> Iterator[Candidate]:
    """A Kronecker delta is forgotten, or one too many."""
    pairs = [
        x.Delta(i, j) for i, j in combinations(sorted(step.indices, key=str), 2) if i.range == j.range
    ]

    def change(part: Expression) -> Iterator[Candidate]:
        if isinstance(part, x.Delta):
            yield Candidate("delta", f"{latex(part)} is one too many", x.Constant(Fraction(1)))
        terms = part.terms if isinstance(part, x.Add) else ()
        for delta in pairs if part.is_scalar else ():
            reason = f"{latex(delta)} is missing"
            for number, term in enumerate(terms):
                changed = (*terms[:number], _with_delta(term, delta), *terms[number + 1 :])
                yield Candidate("delta", reason, x.Add(changed))
            if part == step.rhs:
                yield Candidate("delta", reason, _with_delta(part, delta))

    yield from step.everywhere(change)


def _with_delta(term: Expression, delta: x.Delta) -> Expression:
    if isinstance(term, x.Negate):
        return x.Negate(_with_delta(term.body, delta))
    scale, rest = scale_of(term)
    return scale.times([delta, *rest])


def hypotheses(step: Broken) -> Iterator[Candidate]:
    """The step holds under a condition that is not stated.

    All that could be meant is assumed at once; the kernel tells which of it is needed.
    """
    if not step.fits():
        return
    open_symbols = (s for s in step.symbols if s.name not in step.definitions)
    concerned = [s for s in open_symbols if _occurs(s.name, step.residual)]
    usual = tuple(h for propose in USUAL for symbol in concerned for h in propose(symbol, step))
    apart = [
        t.Coincide(i, j, equal, (f"{i} {sign} {j}",))
        for i, j in combinations(step.indices, 2)
        if i.range == j.range
        for equal, sign in ((True, "="), (False, r"\neq"))
    ]
    for assumed in (usual, *((h, *usual) for h in apart), _positive(concerned)):
        theorem = step.prove(Candidate("hypothesis", hypotheses=assumed)) if assumed else None
        if theorem is not None:
            needed = tuple(h for h in assumed if set(h.labels) <= set(theorem.uses))
            labels = dict.fromkeys(label for h in needed for label in h.labels)
            if len(labels) <= 2:
                yield Candidate("hypothesis", f"needs {' and '.join(labels)}", hypotheses=needed)


def _occurs(name: str, whole: object) -> bool:
    """Whether a name stands somewhere in nested tuples and sets."""
    if isinstance(whole, (tuple, frozenset, dict)):
        return any(_occurs(name, part) for part in whole)
    return whole == name


def _equations(symbol: x.Symbol, step: Broken) -> list[t.Equation]:
    """What is assumed of a symbol already."""
    equations = [h for h in step.hypotheses if isinstance(h, t.Equation)]
    return [h for h in equations if symbol.name in t.tensors(h.lhs) | t.tensors(h.rhs)]


def _assumed(left: Expression, right: Expression) -> t.Equation:
    claim = state(left, right).claim
    return t.Equation(claim.lhs, claim.rhs, (f"{latex(left)} = {latex(right)}",))


def _orthogonal(symbol: x.Symbol, step: Broken) -> Iterator[Hypothesis]:
    """Q^T Q = I, and for a square Q what follows: Q Q^T = I."""
    if symbol.is_vector or symbol.is_scalar or _equations(symbol, step):
        return
    q = symbol
    first = _assumed(x.Multiply(x.Transpose(q), q), x.Identity(q.shape[1]))
    yield first
    if q.shape[0] == q.shape[1]:
        second = _assumed(x.Multiply(q, x.Transpose(q)), x.Identity(q.shape[0]))
        yield t.Equation(second.lhs, second.rhs, first.labels)


def _unit(symbol: x.Symbol, step: Broken) -> Iterator[Hypothesis]:
    """x^T x = 1."""
    if symbol.is_vector and symbol.shape[1] == ONE and not _equations(symbol, step):
        yield _assumed(x.Multiply(x.Transpose(symbol), symbol), x.Constant(Fraction(1)))


def _symmetric(symbol: x.Symbol, step: Broken) -> Iterator[Hypothesis]:
    """A = A^T."""
    if not symbol.is_scalar and symbol.shape[0] == symbol.shape[1] and not _equations(symbol, step):
        yield _assumed(symbol, x.Transpose(symbol))


def _distribution(symbol: x.Symbol, step: Broken) -> Iterator[Hypothesis]:
    """y_i in {0, 1}, sum_i y_i = 1, and what follows from both."""
    if not symbol.is_vector:
        return
    (size,) = (d for d in symbol.shape if d != ONE)
    i, j = Index("·i", size), Index("·j", size)
    yi, yj = t.Entry(symbol.name, (i,)), t.Entry(symbol.name, (j,))
    known = _equations(symbol, step)
    totals = [h for h in known if isinstance(h.lhs, t.Sum) and h.rhs == t.Number(1)]
    squares = [h for h in known if isinstance(h.lhs, t.Product)]
    if len(totals) + len(squares) < len(known):
        return
    binary = squares[0].labels if squares else (rf"{symbol.name}_i \in \{{0,1\}}",)
    total = totals[0].labels if totals else (rf"\sum_i {symbol.name}_i = 1",)
    yield t.Equation(yi * yi, yi, binary)
    yield t.Equation(yi * yj, t.Delta(i, j) * yi, (*binary, *total))
    yield t.Equation(t.Sum(i, yi), t.Number(1), total)


def _positive(symbols: list[x.Symbol]) -> tuple[Hypothesis, ...]:
    """x > 0 for each scalar, x_i > 0 for each vector."""
    found: list[Hypothesis] = []
    for symbol in symbols:
        sizes = [d for d in symbol.shape if d != ONE]
        if len(sizes) < 2:
            at = tuple(Index("·i", d) for d in sizes)
            name = f"{symbol.name}_i" if sizes else symbol.name
            found.append(t.Positive(t.Entry(symbol.name, at), (f"{name} > 0",)))
    return tuple(found)


USUAL = (_orthogonal, _unit, _symmetric, _distribution)  # the stronger ones first: they are dropped first


def products(step: Broken) -> Iterator[Candidate]:
    """A diag is forgotten or one too many, or one kind of product is written for another."""

    def change(part: Expression) -> Iterator[Candidate]:
        if part.is_vector:
            yield Candidate("diag", f"diag is missing at {latex(part)}", x.Diagonal(part))
        if isinstance(part, x.Diagonal):
            yield Candidate("diag", f"{latex(part)} needs no diag", part.body)
        if isinstance(part, x.Hadamard):
            for pair in _pairs(part.left, part.right):
                yield Candidate("diag", rhs=pair)
        chain = factors(part)
        for n in range(len(chain) - 1):
            for pair in _pairs(chain[n], chain[n + 1]):
                reason = f"{latex(pair)} instead of {latex(x.Multiply(chain[n], chain[n + 1]))}"
                yield from _built("diag", reason, [*chain[:n], pair, *chain[n + 2 :]])

    yield from step.everywhere(change)


def _pairs(a: Expression, b: Expression) -> Iterator[Expression]:
    """The products of two vectors, or of two matrices of one shape."""
    if a.is_vector and b.is_vector:
        a, b = (transposed(v) if v.shape[0] == ONE else v for v in (a, b))
        if a.shape == b.shape:
            yield x.Hadamard(a, b)
            yield x.Multiply(transposed(a), b)
        yield x.Multiply(a, transposed(b))
        yield x.Multiply(b, transposed(a))
    elif a.shape == b.shape and not a.is_scalar and len(a.shape) == 2:
        yield x.Hadamard(a, b)
        if a.shape[0] == a.shape[1]:
            yield x.Multiply(a, b)


def sums(step: Broken) -> Iterator[Candidate]:
    """A sum or a trace is forgotten, or one too many."""
    hanging = sorted(free(step.rhs) - free(step.lhs), key=str)

    def change(part: Expression) -> Iterator[Candidate]:
        if isinstance(part, x.Sum):
            yield Candidate("sum", f"the sum over {part.index} is one too many", part.body)
        for index in hanging:
            if index in free(part) and not isinstance(part, x.Negate):
                yield Candidate("sum", f"the sum over {index} is missing", x.Sum(index, part))
        if not part.is_scalar and len(part.shape) == 2 and part.shape[0] == part.shape[1]:
            yield Candidate("sum", f"the trace of {latex(part)} is missing", x.Trace(part))
        if part.is_vector:
            ones = x.Fill(Fraction(1), (part.shape[1], part.shape[0]))
            column = part.shape[1] == ONE
            total = x.Multiply(ones, part) if column else x.Multiply(part, ones)
            yield Candidate("sum", f"the sum of the entries of {latex(part)} is missing", total)

    yield from step.everywhere(change)


def shapes(step: Broken) -> Iterator[Candidate]:
    """An entry is written for the whole or the whole for an entry, or a number for an array."""
    lhs, rhs = step.lhs, step.rhs
    if step.fits():
        return
    reason = f"the left side is {x.show_shape(lhs.shape)}, the right side {x.show_shape(rhs.shape)}"
    if lhs.is_scalar:
        letters = sorted(free(lhs), key=str)
        for at in (*((i,) for i in letters), *permutations(letters, 2)):
            try:
                yield Candidate("shape", reason, x.Entry(rhs, at))
            except ShapeError:
                continue
    elif rhs.is_scalar and len(lhs.shape) == 2:
        try:
            yield Candidate("shape", reason, _whole(rhs))
        except ShapeError:
            pass
        arrays: list[Expression] = [x.Fill(Fraction(1), lhs.shape)]
        if lhs.shape[0] == lhs.shape[1]:
            arrays.insert(0, x.Identity(lhs.shape[0]))
        for array in arrays:
            scale, rest = scale_of(rhs)
            yield Candidate("shape", reason, scale.times([*rest, array]))


def _whole(e: Expression) -> Expression:
    """The expression with every entry of a vector replaced by the vector. Raises ShapeError."""
    return e.body if isinstance(e, x.Entry) and len(e.indices) == 1 else x.rebuild(e, _whole)


def drops(step: Broken) -> Iterator[Candidate]:
    """A factor, an inverse or a derivative is one too many."""

    def change(part: Expression) -> Iterator[Candidate]:
        chain = factors(part)
        for n, factor in enumerate(chain if len(chain) > 1 else ()):
            reason = f"the factor {latex(factor)} is one too many"
            yield from _built("factor", reason, [*chain[:n], *chain[n + 1 :]])
        match part:
            case x.Hadamard(left=left, right=right):
                for kept, dropped in ((left, right), (right, left)):
                    yield Candidate("factor", f"the factor {latex(dropped)} is one too many", kept)
            case x.Divide(numerator=above, denominator=below):
                yield Candidate("factor", f"the denominator {latex(below)} is one too many", above)
            case x.Partial(body=body) | x.Gradient(body=body):
                yield Candidate("term", rhs=body)
            case x.Inverse(body=body):
                yield Candidate("term", f"the inverse of {latex(body)} is one too many", body)

    yield from step.everywhere(change)


def missing_term(step: Broken) -> Iterator[Candidate]:
    """One more term is needed: what is left of the difference, where that is a single product."""
    if not step.fits() or len(step.residual) != 1 or not step.forms[1]:
        return
    names = Names({s.name: s.size for s in step.symbols}, tuple(step.definitions))
    try:
        made = step.state(x.Add((step.lhs, x.Negate(step.rhs))), ZERO)
        step.ask()
        term = lift(made.claim.lhs, made.indices, step.lhs.shape, made.claim.context, names)
        whole = added([*(step.rhs.terms if isinstance(step.rhs, x.Add) else [step.rhs]), term])
    except (NotLifted, ShapeError, Unsupported, Undefined, Exhausted):
        return
    yield Candidate("term", f"the term {latex(term)} is missing", whole)


def missing_factors(step: Broken) -> Iterator[Candidate]:
    """A factor that stands elsewhere in the step is forgotten."""
    pool = list(dict.fromkeys(_pieces(step)))

    def change(part: Expression) -> Iterator[Candidate]:
        if isinstance(part, (x.Add, x.Negate, x.Constant, x.Count)):
            return
        chain = factors(part)
        for piece in pool:
            reason = f"the factor {latex(piece)} is missing"
            for n in (0,) if piece.is_scalar else range(len(chain) + 1):
                yield from _built("factor", reason, [*chain[:n], piece, *chain[n:]])
            if piece.shape == part.shape and not part.is_scalar:
                yield Candidate("factor", reason, x.Hadamard(part, piece))

    yield from step.everywhere(change)


def _pieces(step: Broken) -> Iterator[Expression]:
    """What could be a forgotten factor: derivatives of functions, entries, symbols, their transposes."""
    sides = (step.rhs, step.lhs, *step.definitions.values())
    for side in sides:
        for part in parts(side, x.Apply):
            yield x.Apply(part.function, part.body, part.order + 1)
    for side in sides[:2]:
        yield from parts(side, x.Entry)
    for symbol in step.symbols:
        yield symbol
        if not symbol.is_scalar:
            yield x.Transpose(symbol)


def wrappings(step: Broken) -> Iterator[Candidate]:
    """A derivative, an inverse or a power is forgotten, or an argument has the wrong factor."""
    taken = list(dict.fromkeys(p for p in parts(step.lhs, (x.Partial, x.Gradient))))
    one, two = x.Constant(Fraction(1)), x.Constant(Fraction(2))

    def change(part: Expression) -> Iterator[Candidate]:
        for p in taken:
            by = {"layout": p.layout} if isinstance(p, x.Partial) else {}
            if not isinstance(part, (x.Constant, x.Count)):
                reason = f"the derivative by {latex(p.variable)} is missing"
                try:
                    yield Candidate("term", reason, type(p)(part, p.variable, **by))
                except ShapeError:
                    continue
        if not part.is_scalar and len(part.shape) == 2 and part.shape[0] == part.shape[1]:
            yield Candidate("term", f"the inverse of {latex(part)} is missing", x.Inverse(part))
        match part:
            case x.Apply(function=function, body=body, order=order):
                for scale in (Scale(Fraction(-1)), Scale(Fraction(2)), Scale(Fraction(1, 2))):
                    yield Candidate("factor", rhs=x.Apply(function, scaled(body, scale), order))
                yield Candidate("factor", rhs=x.Apply(function, body, order + 1))
                if order:
                    yield Candidate("factor", rhs=x.Apply(function, body, order - 1))
            case x.Power(base=base, exponent=x.Constant(value=value), entrywise=entrywise):
                for exponent in (value + 1, value - 1, -value):
                    power = x.Constant(exponent)
                    yield Candidate("factor", rhs=base if exponent == 1 else x.Power(base, power, entrywise))
            case x.Norm() | x.Entry() | x.Symbol() if part.is_scalar:
                yield Candidate("factor", rhs=x.Power(part, two))
                yield Candidate("factor", rhs=x.Divide(one, part))

    yield from step.everywhere(change)


def transposed_scales(step: Broken) -> Iterator[Candidate]:
    """The right side is transposed, and has a wrong sign or factor besides."""
    try:
        turned = transposed(step.rhs)
    except ShapeError:
        return
    if turned.shape == step.lhs.shape and turned != step.rhs:
        left = step.forms[0] if step.fits() else step.form(step.lhs)
        yield from _rescaled(turned, ratio(left, step.form(turned)), "transposed, and ")


def exchanged(step: Broken) -> Iterator[Candidate]:
    """One symbol is written for another."""

    def change(part: Expression) -> Iterator[Candidate]:
        if isinstance(part, x.Symbol):
            for symbol in step.symbols:
                if symbol != part and symbol.size == part.size:
                    yield Candidate("term", rhs=symbol)
        if isinstance(part, x.Entry) and isinstance(part.body, x.Symbol):
            for symbol in step.symbols:
                if symbol != part.body and symbol.size == part.body.size:
                    yield Candidate("term", rhs=x.Entry(symbol, part.indices))

    yield from step.everywhere(change)


SLIPS: tuple[Callable[[Broken], Iterator[Candidate]], ...] = (
    layouts, transposed_whole, scales, transposed_scales, transposed_parts, orders, captured, indices, deltas,
    shapes, hypotheses, products, sums, missing_term, drops, wrappings, missing_factors, exchanged,
)  # fmt: skip
