"""What would make a false step true, offered only once the kernel has proved the mended step.

    mend(lhs, rhs, definitions, hypotheses, constants) -> Repair | None

Each slip that people make is one function below, from a step to what could mend it; SLIPS lists them, the
likelier ones first. The left side is never changed, and nothing that stands here is trusted. Most of what is
suggested never reaches the kernel: its shape is not the left side's, an index hangs in the air, or it was
suggested before. What remains is bounded by a count. What can be read off normal forms is not guessed: the
difference of the sides, divided by one of the terms, is the factor which that term lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, wraps
from itertools import combinations, islice, permutations
from typing import Any

from derive import expression as x
from derive import terms as t
from derive.expression import Expression, Layout
from derive.kernel import Exhausted, Theorem, Undefined, normal_form, prove
from derive.lifting import Names, NotLifted, lift, lift_scalar
from derive.lowering import Statement, Unsupported, state
from derive.printing import latex
from derive.report import Repair
from derive.terms import ONE, Dimension, Hypothesis, Index, ShapeError

__all__ = ["BUDGET", "KINDS", "mend"]

KINDS = (
    "layout", "transpose", "sign", "factor", "order", "index", "delta", "shape", "hypothesis", "diag", "sum",
    "term",
)  # fmt: skip
BUDGET = 60  # how often the kernel is asked about one step
SHARE = 12  # of that, at most so often for one kind of slip
EFFORT = 2_000  # of the kernel, for one question
LARGE = 15  # questions for which one counts that takes more effort
PLACES, TERMS, PAIRS = 120, 8, 3  # at most so many parts of a side, terms, and pairs of indices are looked at
NODES = 300  # of larger steps, only layout, transpose, sign and factors are looked at
SUGGESTIONS = 400  # at most so many changes are made for one kind of slip, those that do not fit included
ZERO, UNIT, TWO = (x.Constant(Fraction(n)) for n in (0, 1, 2))
OTHER: dict[Layout, Layout] = {"numerator": "denominator", "denominator": "numerator"}
LETTERS = "ijklmnpqrstu"

Put = Callable[[Expression], Expression]
Change = Callable[[Expression | None], Expression]
Poly = dict[frozenset[Any], Fraction]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A suggestion: another right side, another reading of both sides, or hypotheses to add.

    Attributes:
        kind: of slip, one of KINDS.
        reason: the slip in words; where it is empty, `instead` says what stands for what.
        rhs, lhs: the sides after the change, where they change; None also for what does not conform.
        hypotheses: what is assumed besides.
    """

    kind: str
    reason: str = ""
    rhs: Expression | None = None
    lhs: Expression | None = None
    hypotheses: tuple[Hypothesis, ...] = ()
    instead: tuple[Expression, Expression] | None = None

    def repair(self, step: Broken) -> Repair:
        """What the report says."""
        if self.hypotheses:
            return Repair(self.kind, self.reason, f"needs {self.reason}")
        mended = latex(self.rhs or step.rhs)
        if self.lhs is not None:
            return Repair(self.kind, mended, self.reason)
        old, new = map(latex, self.instead or (ZERO, ZERO))
        reason = self.reason or f"{new} instead of {old}"
        return Repair(self.kind, mended, f"{reason}: {mended} would be right")


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
    try:
        step = Broken(lhs, rhs, definitions or {}, hypotheses, constants, budget)
        found = search(step)
        return None if found is None else found[0].repair(step)
    except RecursionError:
        return None


def search(step: Broken) -> tuple[Candidate, Theorem] | None:
    """The first candidate that the kernel proves, with what it proved."""
    small = sum(1 for side in (step.lhs, step.rhs) for _ in parts(side, Expression)) <= NODES
    try:
        for slip in SLIPS if small else SLIPS[:4]:
            for candidate in islice(filter(step.admits, slip(step)), SHARE):
                theorem = step.prove(candidate) if step.likely(candidate) else None
                if theorem is not None and not step.trivial(candidate):
                    return candidate, theorem
    except Spent:
        pass
    return None


@dataclass
class Broken:
    """A step that does not hold, and how often the kernel may still be asked about it."""

    lhs: Expression
    rhs: Expression
    definitions: Mapping[str, Expression]
    hypotheses: tuple[Hypothesis, ...]
    constants: frozenset[str]
    left: int
    seen: set[tuple[Expression, Expression, tuple[Hypothesis, ...]]] = field(default_factory=set)
    known: dict[Expression, Poly] = field(default_factory=dict)

    def __post_init__(self) -> None:
        used = [s.name for s in self.symbols if s.name in self.definitions]
        self.definitions = {name: self.definitions[name] for name in used}
        self.seen.add((self.lhs, self.rhs, ()))

    # ------------------------------------------------------------------ judging a candidate

    def sides(self, candidate: Candidate) -> tuple[Expression, Expression]:
        return candidate.lhs or self.lhs, candidate.rhs or self.rhs

    def admits(self, candidate: Candidate) -> bool:
        """Whether a candidate is new and fits the left side in shape and indices."""
        lhs, rhs = self.sides(candidate)
        key = lhs, rhs, candidate.hypotheses
        if lhs.shape != rhs.shape or lhs == rhs or key in self.seen:
            return False
        self.seen.add(key)
        return {i.name for i in free(rhs) - free(lhs)} <= self.constants

    def likely(self, candidate: Candidate) -> bool:
        """False where normal forms, which are cheaper than a proof, show that there will be none.

        What is looked at is the case of distinct indices; denominators and logarithms are left to the proof.
        """
        if candidate.rhs is None or candidate.lhs is not None or candidate.hypotheses or not self.general:
            return True
        difference = total(self.forms[0], self.form(candidate.rhs), -1)
        apart = [mono for mono in difference if not any(atom[0] == "D" for atom, _ in mono)]
        return not apart or any(occurs(tag, tuple(apart)) for tag in "DPL")

    def prove(self, candidate: Candidate) -> Theorem | None:
        self.ask()
        try:
            found = prove(self.state(*self.sides(candidate), candidate.hypotheses).claim, EFFORT)
        except (ShapeError, Unsupported):
            return None
        if isinstance(found, Theorem):
            return found
        if "too large" in found.reason:
            self.left -= LARGE
        return None

    def trivial(self, candidate: Candidate) -> bool:
        """Whether a candidate repeats the left side, up to the order of terms and to brackets in products,
        or is 0 as the left side is: then anything can be bent to fit."""
        if candidate.rhs is None:
            return False
        lhs, rhs = self.sides(candidate)
        return settled(lhs) == settled(rhs) or (candidate.lhs is None and not self.forms[0])

    def ask(self) -> None:
        """Take one question from the budget. Raises Spent."""
        if self.left <= 0:
            raise Spent
        self.left -= 1

    def state(self, lhs: Expression, rhs: Expression, extra: tuple[Hypothesis, ...] = ()) -> Statement:
        return state(lhs, rhs, "=", self.definitions, (*extra, *self.hypotheses), self.constants)

    def form(self, e: Expression) -> Poly:
        """The normal form of an expression, empty where there is none."""
        if e in self.known:
            return self.known[e]
        self.ask()
        found: Poly = {}
        try:
            claim = self.state(e, ZERO).claim
            found = {frozenset(m): Fraction(v) for m, v in normal_form(claim.lhs, claim.context, EFFORT)}
        except Exhausted:
            self.left -= LARGE
        except (ShapeError, Unsupported, Undefined):
            pass
        return self.known.setdefault(e, found)

    # ------------------------------------------------------------------ what stands in the step

    @cached_property
    def fits(self) -> bool:
        return self.lhs.shape == self.rhs.shape

    @cached_property
    def general(self) -> bool:
        """Whether the kernel need not tell cases apart before it compares normal forms."""
        sizes = [d for d in self.lhs.shape if d != ONE] + [i.range for i in self.indices]
        apart = any(isinstance(h, t.Coincide) for h in self.hypotheses)
        return not apart and all(size.number is None for size in sizes)

    @cached_property
    def forms(self) -> tuple[Poly, Poly]:
        """The normal forms of both sides; that of the right one is empty where it does not fit."""
        return self.form(self.lhs), self.form(self.rhs) if self.fits else {}

    @cached_property
    def residual(self) -> Poly:
        """The normal form of what is left of the difference, empty where the sides do not fit."""
        return total(*self.forms, -1) if self.fits else {}

    @cached_property
    def places(self) -> list[tuple[Expression, Put]]:
        """The parts of the right side."""
        return list(islice(places(self.rhs), PLACES))

    @cached_property
    def summands(self) -> list[tuple[Expression, Change]]:
        """The right side and each term of its sums, with the way to put another, or none, in its place."""
        found: list[tuple[Expression, Change]] = [(self.rhs, lambda new: new or ZERO)]
        for whole, put in self.places:
            if isinstance(whole, x.Add):
                found += [(term, _changing(whole.terms, n, put)) for n, term in enumerate(whole.terms)]
        return found[: TERMS + 1]

    def share(self, term: Expression, change: Change) -> Poly:
        """What a term contributes to the normal form of the right side."""
        return self.forms[1] if term is self.rhs else total(self.forms[1], self.form(change(None)), -1)

    @cached_property
    def symbols(self) -> tuple[x.Symbol, ...]:
        """The symbols that the step rests on, in the order in which they come up."""
        found = list(dict.fromkeys(s for side in (self.lhs, self.rhs) for s in parts(side, x.Symbol)))
        for symbol in found:
            body = self.definitions.get(symbol.name, ZERO)
            found += [s for s in dict.fromkeys(parts(body, x.Symbol)) if s not in found]
        return tuple(found)

    @cached_property
    def indices(self) -> tuple[Index, ...]:
        """The indices that have one value in the step, or in what it unfolds to."""
        found = free(self.lhs) | free(self.rhs)
        for body in self.definitions.values():
            found |= {i for i in free(body) if i.name in self.constants}
        return tuple(sorted(found, key=_spelled))

    @cached_property
    def pairs(self) -> list[tuple[Index, Index]]:
        """Pairs of such indices that can coincide."""
        return [(i, j) for i, j in combinations(self.indices, 2) if i.range == j.range][:PAIRS]

    @cached_property
    def letters(self) -> list[Index]:
        """Every index that stands in the step, bound ones included."""
        nodes = [*parts(self.lhs, Expression), *parts(self.rhs, Expression)]
        found = {i for e in nodes for i in carried(e)} | {e.index for e in nodes if isinstance(e, x.Sum)}
        return sorted((i for i in found if isinstance(i.name, str)), key=_spelled)


def _changing(terms: tuple[Expression, ...], number: int, put: Put) -> Change:
    def change(new: Expression | None) -> Expression:
        kept = [*terms[:number], *([] if new is None else [new]), *terms[number + 1 :]]
        return put(added(kept))

    return change


Slip = Callable[[Broken], Iterator[Candidate]]


def anywhere(change: Callable[[Broken, Expression], Iterator[Candidate]]) -> Slip:
    """A slip that changes one part of the right side, from what it makes of such a part."""

    @wraps(change)
    def slip(step: Broken) -> Iterator[Candidate]:
        made = ((put, part, candidate) for part, put in step.places for candidate in change(step, part))
        for put, part, candidate in islice(made, SUGGESTIONS):
            whole = None if candidate.rhs is None else tried(put, candidate.rhs)
            if whole is not None and candidate.rhs is not None:
                instead = None if candidate.reason else (part, candidate.rhs)
                yield Candidate(candidate.kind, candidate.reason, whole, instead=instead)

    return slip


def tried(build: Callable[..., Expression], *arguments: Any) -> Expression | None:
    """What `build` makes of its arguments, None where shapes do not conform."""
    try:
        return build(*arguments)
    except ShapeError:
        return None


# ---------------------------------------------------------------------- expressions


def places(e: Expression) -> Iterator[tuple[Expression, Put]]:
    """Every part of an expression, outermost first, with the way to put something in its place.

    The symbol of an entry and the variable of a derivative belong to these and are no parts.
    """
    yield e, lambda new: new
    if isinstance(e, x.Entry) and isinstance(e.body, x.Symbol):
        return
    for number, child in enumerate(x.children(e)):
        if number and isinstance(e, (x.Partial, x.Gradient)) and not isinstance(child, x.Entry):
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


def parts(e: Expression, kind: type[Expression] | tuple[type[Expression], ...]) -> Iterator[Any]:
    """Every part of this kind, outermost first."""
    if isinstance(e, kind):
        yield e
    for child in x.children(e):
        yield from parts(child, kind)


def _spelled(index: Index) -> tuple[str, str]:
    return str(index), str(index.range)


def carried(e: Expression) -> tuple[Index, ...]:
    """The indices that a node mentions itself and does not bind."""
    match e:
        case x.Entry(indices=indices):
            return indices
        case x.Delta(left=left, right=right):
            return (left, right)
        case x.Basis(index=index):
            return (index,)
    return ()


def carrying(e: Expression, *indices: Index) -> Expression:
    """The same node with other indices. Raises ShapeError."""
    match e:
        case x.Entry(body=body):
            return x.Entry(body, indices)
        case x.Delta():
            return x.Delta(*indices)
    return x.Basis(*indices)


def free(e: Expression) -> frozenset[Index]:
    """The indices that an expression mentions and does not bind, fixed positions left out."""
    below = frozenset[Index]().union(*map(free, x.children(e)))
    match e:
        case x.Sum(index=index, without=without):
            return (below | frozenset(without)) - {index}
        case x.Entries(indices=indices):
            return below - frozenset(indices)
    return below | {i for i in carried(e) if isinstance(i.name, str)}


def renamed(e: Expression, names: Mapping[Index, Index]) -> Expression:
    """The expression with free indices renamed; binders are left alone."""
    if isinstance(e, (x.Sum, x.Entries)):
        bound = (e.index,) if isinstance(e, x.Sum) else e.indices
        names = {old: new for old, new in names.items() if old not in bound}
    if carried(e):
        e = carrying(e, *(names.get(i, i) for i in carried(e)))
    return x.rebuild(e, lambda child: renamed(child, names))


def rebound(e: Expression, old: Index, new: Index) -> Expression:
    """The expression with every sum over `old` as one over `new`."""
    e = x.rebuild(e, lambda child: rebound(child, old, new))
    if isinstance(e, x.Sum) and e.index == old:
        return x.Sum(new, renamed(e.body, {old: new}), e.without)
    return e


def is_square(e: Expression) -> bool:
    """Whether an expression is a square matrix and no scalar."""
    return len(e.shape) == 2 and e.shape[0] == e.shape[1] and not e.is_scalar


def factors(e: Expression) -> list[Expression]:
    """The factors of a matrix product; a scalar product inside stays whole."""
    if not isinstance(e, x.Multiply):
        return [e]
    numbers = e.left.is_scalar and e.right.is_scalar
    inner = [factors(side) if numbers or not side.is_scalar else [side] for side in (e.left, e.right)]
    return inner[0] + inner[1]


def multiplied(chain: list[Expression]) -> Expression:
    """The product of factors, 1 where there are none. Raises ShapeError."""
    return x.product(*chain) if chain else UNIT


def added(terms: list[Expression]) -> Expression:
    """The sum of terms, 0 where there are none."""
    return x.Add(tuple(terms)) if len(terms) > 1 else terms[0] if terms else ZERO


def settled(e: Expression) -> Expression:
    """The expression with terms in one order and products associated to the left."""
    e = x.rebuild(e, settled)
    match e:
        case x.Add(terms=terms):
            return x.Add(tuple(sorted(terms, key=latex)))
        case x.Multiply():
            return multiplied(factors(e))
        case x.Transpose(body=body) | x.Trace(body=body) | x.Determinant(body=body) if body.is_scalar:
            return body
    return e


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
            return multiplied(scalars + [transposed(f) for f in reversed(factors(e)) if not f.is_scalar])
        case x.Divide(numerator=above, denominator=below) if below.is_scalar:
            return x.Divide(transposed(above), below)
        case x.Identity() | x.Diagonal() if is_square(e):
            return e
        case x.Fill(value=value, size=(rows, columns)):
            return x.Fill(value, (columns, rows))
    return x.Transpose(e)


# ---------------------------------------------------------------------- scales and normal forms


@dataclass(frozen=True, slots=True)
class Scale:
    """A number times powers of dimensions, such as 2/n."""

    number: Fraction = Fraction(1)
    powers: tuple[tuple[str, int], ...] = ()

    def __mul__(self, other: Scale) -> Scale:
        found = dict(self.powers)
        for name, exponent in other.powers:
            found[name] = found.get(name, 0) + exponent
        return Scale(self.number * other.number, tuple((n, e) for n, e in sorted(found.items()) if e))

    def inverse(self) -> Scale:
        return Scale(1 / self.number, tuple((name, -exponent) for name, exponent in self.powers))

    def times(self, *rest: Expression) -> Expression:
        """The product of the scale with factors, a minus sign in front."""
        size = abs(self.number)
        above = [_count(name, e) for name, e in self.powers if e > 0]
        below = [_count(name, -e) for name, e in self.powers if e < 0]
        if below:
            below = ([x.Constant(Fraction(size.denominator))] if size.denominator != 1 else []) + below
            size = Fraction(size.numerator)
        above = ([x.Constant(size)] if size != 1 else []) + above
        scale = [x.Divide(multiplied(above), multiplied(below))] if below else above
        if self.number < 0:
            turned = _turned_round(rest)
            return multiplied([*scale, *turned]) if turned else x.Negate(multiplied([*scale, *rest]))
        return multiplied([*scale, *rest])


MINUS = Scale(Fraction(-1))


def _count(name: str, exponent: int) -> Expression:
    count = x.Count(Dimension.of(name))
    return count if exponent == 1 else x.Power(count, x.Constant(Fraction(exponent)))


def _turned_round(chain: tuple[Expression, ...]) -> list[Expression]:
    """Factors with a - b as b - a, where one of them is such a difference."""
    for n, factor in enumerate(chain):
        match factor:
            case x.Add(terms=(first, x.Negate(body=second))) if not isinstance(first, x.Negate):
                return [*chain[:n], x.Add((second, x.Negate(first))), *chain[n + 1 :]]
    return []


def scale_of(e: Expression) -> tuple[Scale, list[Expression]]:
    """A product as its scale and its other factors."""
    match e:
        case x.Constant(value=value) if value:
            return Scale(value), []
        case x.Count(dimension=Dimension(monomials=((((name,), 1),)))):
            return Scale(powers=((name, 1),)), []
        case x.Negate(body=body):
            scale, rest = scale_of(body)
            return scale * MINUS, rest
        case x.Divide(numerator=above, denominator=below):
            under, rest = scale_of(below)
            if not rest:
                over, rest = scale_of(above)
                return over * under.inverse(), rest
        case x.Multiply():
            whole, kept = Scale(), list[Expression]()
            for factor in factors(e):
                scale, rest = scale_of(factor) if factor.is_scalar else (Scale(), [factor])
                whole, kept = whole * scale, kept + rest
            return whole, kept
    return Scale(), [e]


def scaled(e: Expression, scale: Scale) -> Expression:
    """The expression times a scale, which joins the one that stands in it."""
    if scale == MINUS and isinstance(e, x.Add):
        terms = [scaled(term, scale) for term in e.terms]
        return x.Add(tuple(sorted(terms, key=lambda term: isinstance(term, x.Negate))))
    present, rest = scale_of(e)
    return (present * scale).times(*rest)


def total(left: Poly, right: Poly, sign: int = 1) -> Poly:
    """The sum of two normal forms, or their difference."""
    found = dict(left)
    for mono, value in right.items():
        found[mono] = found.get(mono, Fraction(0)) + sign * value
    return {mono: value for mono, value in found.items() if value}


def quotient(top: Poly, bottom: Poly) -> tuple[Fraction, dict[Any, Any]] | None:
    """The number and the powers of atoms that make `top` of `bottom`; None where there are none such."""
    if not bottom or (top and len(top) != len(bottom)):
        return None
    atoms = {atom: None for mono in (*top, *bottom) for atom, _ in mono} if top else {}
    powers = {atom: power for atom in atoms if (power := _highest(atom, top) - _highest(atom, bottom))}
    moved = {_raised(mono, powers): value for mono, value in bottom.items()}
    if top and moved.keys() != top.keys():
        return None
    numbers = {top.get(mono, Fraction(0)) / value for mono, value in moved.items()}
    return (numbers.pop(), powers) if len(numbers) == 1 else None


def _highest(atom: object, poly: Poly) -> Any:
    return max(next((e for a, e in mono if a == atom), 0) for mono in poly)


def _raised(mono: frozenset[Any], powers: Mapping[Any, Any]) -> frozenset[Any]:
    atoms = dict(mono)
    for atom, exponent in powers.items():
        atoms[atom] = atoms.get(atom, 0) + exponent
    return frozenset((atom, exponent) for atom, exponent in atoms.items() if exponent)


def ratio(top: Poly, bottom: Poly) -> Scale | None:
    """The scale that makes `top` of `bottom`; None where there is none, or it is 1."""
    found = quotient(top, bottom)
    if found is None or any(atom[0] != "N" for atom in found[1]):
        return None
    scale = Scale(found[0], tuple(sorted((atom[1], int(exponent)) for atom, exponent in found[1].items())))
    return None if scale == Scale() else scale


def occurs(name: str, whole: object) -> bool:
    """Whether a name or a tag stands somewhere in nested tuples, sets and dictionaries."""
    if isinstance(whole, (tuple, frozenset, dict)):
        return any(occurs(name, part) for part in whole)
    return whole == name


# ---------------------------------------------------------------------- layout, transpose, sign, factor


def layouts(step: Broken) -> Iterator[Candidate]:
    """The derivatives, or one of them, were read in the wrong layout."""
    found = dict.fromkeys(p for side in (step.lhs, step.rhs) for p in parts(side, x.Partial))
    turning = [p for p in found if p.arrangement() != _turned(p).arrangement()]
    if turning:
        names = sorted({OTHER[p.layout] for p in turning})
        reason = f"right in {names[0]} layout" if len(names) == 1 else "right with each derivative transposed"
        yield from _read(step, reason, found)
    for p in turning[:4] if len(found) > 1 else ():
        yield from _read(step, f"right where {latex(p)} is read in {OTHER[p.layout]} layout", {p: None})


def _turned(p: x.Partial) -> x.Partial:
    return x.Partial(p.body, p.variable, OTHER[p.layout])


def _read(step: Broken, reason: str, which: Mapping[x.Partial, None]) -> Iterator[Candidate]:
    """Both sides with some of their derivatives read in the other layout."""

    def turn(e: Expression) -> Expression:
        below = x.rebuild(e, turn)
        return _turned(below) if e in which and isinstance(below, x.Partial) else below

    lhs, rhs = tried(turn, step.lhs), tried(turn, step.rhs)
    if lhs is not None and rhs is not None:
        yield Candidate("layout", reason, rhs, lhs)


def transposed_whole(step: Broken) -> Iterator[Candidate]:
    """The right side is transposed."""
    yield Candidate("transpose", "transposed", tried(transposed, step.rhs))


def scales(step: Broken) -> Iterator[Candidate]:
    """The sign or another factor of the right side is wrong, or that of one of its terms."""
    for term, change in step.summands if step.fits else ():
        share = step.share(term, change)
        scale = ratio(total(step.residual, share), share)
        place = "" if term is step.rhs else latex(term.body if isinstance(term, x.Negate) else term)
        if scale is None or not (scale.number or place):
            continue
        if not scale.number:
            yield Candidate("term", f"the term {place} is one too many", change(None))
        elif scale == MINUS:
            reason = f"the sign of {place} is wrong" if place else "the sign is wrong"
            yield Candidate("sign", reason, change(scaled(term, scale)))
        else:
            reason = f"a factor {latex(scale.times())} is missing" + (f" at {place}" if place else "")
            yield Candidate("factor", reason, change(scaled(term, scale)))


def transposed_scales(step: Broken) -> Iterator[Candidate]:
    """The right side is transposed, and has a wrong sign or factor besides."""
    turned = tried(transposed, step.rhs)
    if turned is not None and turned.shape == step.lhs.shape and turned != step.rhs:
        scale = ratio(step.forms[0], step.form(turned))
        if scale is not None and scale.number:
            what = "the sign is wrong" if scale == MINUS else f"a factor {latex(scale.times())} is missing"
            yield Candidate("transpose", f"transposed, and {what}", scaled(turned, scale))


@anywhere
def transposed_part(step: Broken, part: Expression) -> Iterator[Candidate]:
    """A part of the right side is transposed, or an inverse is written for a transpose."""
    if not part.is_scalar:
        yield Candidate("transpose", rhs=tried(transposed, part))
    match part:
        case x.Inverse(body=body):
            yield Candidate("transpose", rhs=transposed(body))
        case x.Transpose(body=body) if is_square(body):
            yield Candidate("transpose", rhs=x.Inverse(body))


def transposed_symbol(step: Broken) -> Iterator[Candidate]:
    """A symbol is transposed wherever it stands in the right side."""
    for symbol in dict.fromkeys(parts(step.rhs, x.Symbol)):
        if not symbol.is_scalar:
            whole = tried(_throughout, step.rhs, symbol)
            yield Candidate("transpose", rhs=whole, instead=(symbol, x.Transpose(symbol)))


def _throughout(e: Expression, symbol: x.Symbol) -> Expression:
    if isinstance(e, (x.Partial, x.Gradient, x.Entry)):
        return e
    if e in (symbol, x.Transpose(symbol)):
        return transposed(e)
    return x.rebuild(e, lambda child: _throughout(child, symbol))


# ---------------------------------------------------------------------- order and indices


@anywhere
def orders(step: Broken, part: Expression) -> Iterator[Candidate]:
    """Factors of a matrix product stand in the wrong order."""
    scalars = [f for f in factors(part) if f.is_scalar]
    chain = [f for f in factors(part) if not f.is_scalar]
    swaps = [[*chain[:n], chain[n + 1], chain[n], *chain[n + 2 :]] for n in range(len(chain) - 1)]
    turns = [[*chain[n:], *chain[:n]] for n in range(1, len(chain))]
    for order in (*swaps, chain[::-1], *turns):
        if order != chain:
            reason = "the factors stand in another order"
            yield Candidate("order", reason, tried(multiplied, scalars + order))


def captured(step: Broken) -> Iterator[Candidate]:
    """A sum runs over a letter that means something outside, and captures one or two of its indices."""
    names = {i.name for i in step.letters}
    for old in dict.fromkeys(s.index for s in parts(step.rhs, x.Sum) if s.index in free(step.lhs)):
        letter = next((letter for letter in LETTERS if letter not in names), None)
        if letter is None:
            return
        new = Index(letter, old.range)
        once = list(_one_renamed(rebound(step.rhs, old, new), new, old))
        twice = [two for one in once for two in _one_renamed(one, new, old)]
        for released in (*once, *twice):
            yield Candidate("index", f"the sum captures the index {old}", released)


def _one_renamed(e: Expression, old: Index, new: Index) -> Iterator[Expression]:
    """The expression with one occurrence of an index renamed, in every way."""
    for part, put in islice(places(e), PLACES):
        here = carried(part)
        for n, index in enumerate(here):
            if index == old:
                yield put(carrying(part, *here[:n], new, *here[n + 1 :]))


@anywhere
def one_index(step: Broken, part: Expression) -> Iterator[Candidate]:
    """An index is another one's, two of them are interchanged, or a sum runs over the wrong one."""
    here = carried(part)
    if len(here) == 2:
        yield Candidate("index", rhs=tried(carrying, part, *reversed(here)))
    for n, old in enumerate(here):
        for new in step.letters:
            if new != old and new.range == old.range:
                yield Candidate("index", rhs=carrying(part, *here[:n], new, *here[n + 1 :]))
    if isinstance(part, x.Sum):
        for new in step.letters:
            if new != part.index and new.range == part.index.range:
                yield Candidate("index", f"the sum runs over {new}", x.Sum(new, part.body, part.without))


def all_indices(step: Broken) -> Iterator[Candidate]:
    """An index is another one's, or two of them are interchanged, in the whole right side."""
    strange = sorted(free(step.rhs) - free(step.lhs), key=_spelled)
    known = sorted(free(step.lhs), key=_spelled)
    renamings = [{old: new for old in strange for new in known if old.range == new.range}]
    for one, other in combinations(step.letters, 2):
        if one.range == other.range:
            renamings += [{one: other, other: one}, {one: other}, {other: one}]
    for names in renamings:
        reason = ", ".join(f"{new} instead of {old}" for old, new in names.items())
        yield Candidate("index", reason, tried(renamed, step.rhs, names))


def deltas(step: Broken) -> Iterator[Candidate]:
    """A Kronecker delta is forgotten, or one too many."""
    for i, j in step.pairs:
        delta = x.Delta(i, j)
        for term, change in step.summands:
            scale, rest = scale_of(term)
            yield Candidate("delta", f"{latex(delta)} is missing", tried(change, scale.times(delta, *rest)))
    for part, put in step.places:
        if isinstance(part, x.Delta):
            yield Candidate("delta", f"{latex(part)} is one too many", put(UNIT))


# ---------------------------------------------------------------------- shapes


def shapes(step: Broken) -> Iterator[Candidate]:
    """An entry is written for the whole or the whole for an entry, or a number for an array."""
    lhs, rhs = step.lhs, step.rhs
    reason = f"the left side is {x.show_shape(lhs.shape)}, the right side {x.show_shape(rhs.shape)}"
    if lhs.is_scalar and not rhs.is_scalar:
        letters = sorted(free(lhs), key=_spelled)
        for at in (*permutations(letters, 1), *permutations(letters, 2)):
            yield Candidate("shape", reason, tried(x.Entry, rhs, at))
    elif rhs.is_scalar and not lhs.is_scalar and len(lhs.shape) == 2:
        yield Candidate("shape", reason, tried(_whole, rhs))
        scale, rest = scale_of(rhs)
        arrays: list[Expression] = [x.Identity(lhs.shape[0])] if is_square(lhs) else []
        for array in (*arrays, x.Fill(Fraction(1), lhs.shape)):
            yield Candidate("shape", reason, scale.times(*rest, array))


def _whole(e: Expression) -> Expression:
    """The expression with the vector for every entry of one. Raises ShapeError."""
    return e.body if isinstance(e, x.Entry) and len(e.indices) == 1 else x.rebuild(e, _whole)


@anywhere
def products(step: Broken, part: Expression) -> Iterator[Candidate]:
    """A diag is forgotten or one too many, or one kind of product is written for another."""
    if part.is_vector:
        yield Candidate("diag", f"diag is missing at {latex(part)}", x.Diagonal(part))
    if isinstance(part, x.Diagonal):
        yield Candidate("diag", f"{latex(part)} needs no diag", part.body)
    if isinstance(part, x.Hadamard):
        for pair in _pairs(part.left, part.right):
            yield Candidate("diag", rhs=pair)
    chain = factors(part)
    for n in range(len(chain) - 1):
        written = f"{latex(chain[n])} {latex(chain[n + 1])}"
        for pair in _pairs(chain[n], chain[n + 1]):
            if latex(pair) != written:
                reason = f"{latex(pair)} instead of {written}"
                yield Candidate("diag", reason, tried(multiplied, [*chain[:n], pair, *chain[n + 2 :]]))


def _pairs(a: Expression, b: Expression) -> Iterator[Expression]:
    """The products of two vectors, or of two matrices of one shape."""
    if a.is_vector and b.is_vector:
        a, b = (transposed(v) if v.shape[0] == ONE else v for v in (a, b))
        if a.shape == b.shape:
            yield x.Hadamard(a, b)
            yield x.Multiply(transposed(a), b)
        yield x.Multiply(a, transposed(b))
        yield x.Multiply(b, transposed(a))
    elif a.shape == b.shape and len(a.shape) == 2 and not a.is_scalar:
        yield x.Hadamard(a, b)
        if is_square(a):
            yield x.Multiply(a, b)


@anywhere
def sums(step: Broken, part: Expression) -> Iterator[Candidate]:
    """A sum or a trace is forgotten, or one too many."""
    if isinstance(part, x.Sum):
        yield Candidate("sum", f"the sum over {part.index} is one too many", part.body)
    for i in sorted(free(part) - free(step.lhs), key=_spelled) if not isinstance(part, x.Negate) else ():
        yield Candidate("sum", f"the sum over {i} is missing", x.Sum(i, part))
    if is_square(part):
        yield Candidate("sum", f"the trace of {latex(part)} is missing", x.Trace(part))
    if part.is_vector:
        ones = x.Fill(Fraction(1), (part.shape[1], part.shape[0]))
        whole = x.Multiply(ones, part) if part.shape[1] == ONE else x.Multiply(part, ones)
        yield Candidate("sum", f"the sum of the entries of {latex(part)} is missing", whole)


# ---------------------------------------------------------------------- hypotheses


def hypotheses(step: Broken) -> Iterator[Candidate]:
    """The step holds under a condition that is not stated.

    All conditions of one sort are assumed at once; the kernel tells which of them are needed.
    """
    undefined = [s for s in step.symbols if s.name not in step.definitions]
    concerned = [s for s in undefined if _open_to(s.name, step.residual)]
    sorts: list[tuple[Hypothesis, ...]] = [
        tuple(h for s in concerned for h in sort(s, step)) for sort in USUAL
    ]
    for i, j in step.pairs:
        sorts.append((t.Coincide(i, j, True, (f"{i} = {j}",)),))
        sorts.append((t.Coincide(i, j, False, (rf"{i} \neq {j}",)),))
    if occurs("P", step.residual):
        sorts.append(tuple(h for s in concerned for h in _positive(s)))
    for assumed in sorts if step.fits else ():
        theorem = step.prove(Candidate("hypothesis", hypotheses=assumed)) if assumed else None
        if theorem is not None:
            needed = tuple(h for h in assumed if set(h.labels) <= set(theorem.uses))
            labels = dict.fromkeys(label for h in needed for label in h.labels)
            yield Candidate("hypothesis", " and ".join(labels), hypotheses=needed)


def _open_to(name: str, whole: object) -> bool:
    """Whether a hypothesis about a tensor bears on a normal form: functions of it are left out."""
    if isinstance(whole, (tuple, frozenset, dict)):
        closed = isinstance(whole, tuple) and whole and whole[0] in ("E", "L", "F", "M")
        return not closed and any(_open_to(name, part) for part in whole)
    return whole == name


def _equations(symbol: x.Symbol, step: Broken) -> list[t.Equation]:
    """What is assumed of a symbol already."""
    equations = [h for h in step.hypotheses if isinstance(h, t.Equation)]
    return [h for h in equations if symbol.name in t.tensors(h.lhs) | t.tensors(h.rhs)]


def _equation(left: Expression, right: Expression, label: str) -> t.Equation:
    claim = state(left, right).claim
    return t.Equation(claim.lhs, claim.rhs, (label,))


def _marked(name: str, mark: str) -> str:
    """A name with a script, in braces where it carries such a script already."""
    return f"{{{name}}}{mark}" if mark[0] in name else name + mark


def _orthogonal(q: x.Symbol, step: Broken) -> Iterator[Hypothesis]:
    """Q^T Q = I, and for a square Q what follows: Q Q^T = I."""
    if not (q.is_vector or q.is_scalar or _equations(q, step)):
        label = f"{_marked(q.name, '^T')} {q.name} = I"
        yield _equation(x.Multiply(x.Transpose(q), q), x.Identity(q.shape[1]), label)
        if is_square(q):
            yield _equation(x.Multiply(q, x.Transpose(q)), x.Identity(q.shape[0]), label)


def _unit(v: x.Symbol, step: Broken) -> Iterator[Hypothesis]:
    """v^T v = 1."""
    if v.is_vector and v.shape[1] == ONE and not _equations(v, step):
        yield _equation(x.Multiply(x.Transpose(v), v), UNIT, f"{_marked(v.name, '^T')} {v.name} = 1")


def _symmetric(a: x.Symbol, step: Broken) -> Iterator[Hypothesis]:
    """A = A^T."""
    if is_square(a) and not _equations(a, step):
        yield _equation(a, x.Transpose(a), f"{a.name} = {_marked(a.name, '^T')}")


def _distribution(y: x.Symbol, step: Broken) -> Iterator[Hypothesis]:
    """y_i in {0, 1}, sum_i y_i = 1, and y_i y_j = delta_ij y_i, which follows from both."""
    if not y.is_vector:
        return
    (size,) = (d for d in y.shape if d != ONE)
    i, j = Index("·i", size), Index("·j", size)
    yi, yj = t.Entry(y.name, (i,)), t.Entry(y.name, (j,))
    known = _equations(y, step)
    totals = [h for h in known if isinstance(h.lhs, t.Sum) and h.rhs == t.Number(1)]
    squares = [h for h in known if isinstance(h.lhs, t.Product)]
    if len(totals) + len(squares) == len(known):
        entry = _marked(y.name, "_i")
        zeros_and_ones = squares[0].labels if squares else (rf"{entry} \in \{{0,1\}}",)
        sum_is_one = totals[0].labels if totals else (rf"\sum_i {entry} = 1",)
        yield t.Equation(yi * yi, yi, zeros_and_ones)
        yield t.Equation(yi * yj, t.Delta(i, j) * yi, (*zeros_and_ones, *sum_is_one))
        yield t.Equation(t.Sum(i, yi), t.Number(1), sum_is_one)


def _positive(v: x.Symbol) -> Iterator[Hypothesis]:
    """v > 0 for a scalar, v_i > 0 for a vector."""
    at = tuple(Index("·i", d) for d in v.shape if d != ONE)
    if len(at) < 2:
        entry = _marked(v.name, "_i") if at else v.name
        yield t.Positive(t.Entry(v.name, at), (f"{entry} > 0",))


USUAL = (_unit, _distribution, _symmetric, _orthogonal)


# ---------------------------------------------------------------------- what is missing, or one too many


@anywhere
def inner(step: Broken, part: Expression) -> Iterator[Candidate]:
    """A power, a prime, or a factor inside of a function is wrong."""
    match part:
        case x.Apply(function=function, body=body, order=order):
            for scale in (MINUS, Scale(Fraction(2)), Scale(Fraction(1, 2))):
                yield Candidate("factor", rhs=x.Apply(function, scaled(body, scale), order))
            for other in (order + 1, order - 1):
                if other >= 0 and function != "exp":
                    yield Candidate("factor", rhs=x.Apply(function, body, other))
        case x.Power(base=base, exponent=x.Constant(value=value), entrywise=entrywise):
            for exponent in (value + 1, value - 1, -value):
                power = tried(x.Power, base, x.Constant(exponent), entrywise)
                yield Candidate("factor", rhs=base if exponent == 1 else power)
    if part.is_scalar and isinstance(part, (x.Norm, x.Entry, x.Symbol, x.Apply)):
        yield Candidate("factor", rhs=x.Power(part, TWO))


def missing_term(step: Broken) -> Iterator[Candidate]:
    """One more term is needed: what is left of the difference, where the right side is a part of the left."""
    left, right = step.forms
    if not right or not 0 < len(step.residual) <= 3 or len(left) != len(right) + len(step.residual):
        return
    step.ask()
    names = Names({s.name: s.size for s in step.symbols}, tuple(step.definitions))
    try:
        made = step.state(x.Add((step.lhs, x.Negate(step.rhs))), ZERO)
        term = settled(lift(made.claim.lhs, made.indices, step.lhs.shape, made.claim.context, names))
        whole = x.Add((*(step.rhs.terms if isinstance(step.rhs, x.Add) else (step.rhs,)), term))
    except (NotLifted, ShapeError, Unsupported, Undefined, Exhausted):
        return
    if not isinstance(term, x.Add) and all(s in step.symbols for s in parts(term, x.Symbol)):
        yield Candidate("term", f"the term {latex(term)} is missing", whole)


@anywhere
def one_too_many(step: Broken, part: Expression) -> Iterator[Candidate]:
    """A factor, an inverse or a derivative is one too many."""
    chain = factors(part)
    for n, factor in enumerate(chain if len(chain) > 1 else ()):
        reason = f"the factor {latex(factor)} is one too many"
        yield Candidate("factor", reason, tried(multiplied, [*chain[:n], *chain[n + 1 :]]))
    match part:
        case x.Hadamard(left=left, right=right):
            for kept, dropped in ((left, right), (right, left)):
                yield Candidate("factor", f"the factor {latex(dropped)} is one too many", kept)
        case x.Divide(numerator=above, denominator=below):
            yield Candidate("factor", f"the denominator {latex(below)} is one too many", above)
        case x.Partial(body=body) | x.Gradient(body=body) | x.Inverse(body=body):
            yield Candidate("term", rhs=body)


def missing_scalar(step: Broken) -> Iterator[Candidate]:
    """The right side, or one of its terms, lacks a scalar factor: the quotient of two normal forms."""
    sizes = {s.name: s.size for s in step.symbols}
    for term, change in step.summands if step.fits else ():
        share = step.share(term, change)
        number, powers = quotient(total(step.residual, share), share) or (Fraction(0), {})
        atom, power = next(iter(powers.items())) if number and len(powers) == 1 else (("",), 0)
        if abs(power) != 1 or atom[0] not in "TEFL" or any(occurs(f"entry {n}", atom) for n in (1, 2)):
            continue
        try:
            factor = lift_scalar(((((atom, 1),), Fraction(1)),), sizes)
        except (NotLifted, ShapeError):
            continue
        scale, rest = scale_of(term)
        lacking = factor if power == 1 else x.Divide(UNIT, factor)
        if factor not in rest:
            whole = change((scale * Scale(number)).times(lacking, *rest))
            yield Candidate("factor", f"the factor {latex(lacking)} is missing", whole)


@anywhere
def missing_factor(step: Broken, part: Expression) -> Iterator[Candidate]:
    """A matrix, a vector or the derivative of a function is forgotten as a factor."""
    if isinstance(part, (x.Add, x.Negate, x.Constant, x.Count)):
        return
    scalars = [f for f in factors(part) if f.is_scalar]
    chain = [f for f in factors(part) if not f.is_scalar]
    for piece in dict.fromkeys(_pieces(step)):
        reason = f"the factor {latex(piece)} is missing"
        for n in (0,) if piece.is_scalar else range(len(chain) + 1):
            yield Candidate("factor", reason, tried(multiplied, [*scalars, *chain[:n], piece, *chain[n:]]))
        if piece.shape == part.shape and not part.is_scalar:
            yield Candidate("factor", reason, x.Hadamard(part, piece))


def _pieces(step: Broken) -> Iterator[Expression]:
    """What could be forgotten: derivatives of the functions, the symbols and their transposes."""
    for side in (step.rhs, step.lhs, *step.definitions.values()):
        for part in parts(side, x.Apply):
            if part.function != "exp":
                yield x.Apply(part.function, part.body, part.order + 1)
    for symbol in step.symbols:
        if not symbol.is_scalar:
            yield from (symbol, x.Transpose(symbol))


@anywhere
def missing_operator(step: Broken, part: Expression) -> Iterator[Candidate]:
    """A derivative or an inverse is forgotten."""
    if not isinstance(part, (x.Constant, x.Count)):
        for d in dict.fromkeys(parts(step.lhs, (x.Partial, x.Gradient))):
            layout = (d.layout,) if isinstance(d, x.Partial) else ()
            reason = f"the derivative by {latex(d.variable)} is missing"
            yield Candidate("term", reason, tried(type(d), part, d.variable, *layout))
    if is_square(part):
        yield Candidate("term", f"the inverse of {latex(part)} is missing", x.Inverse(part))


@anywhere
def exchanged(step: Broken, part: Expression) -> Iterator[Candidate]:
    """One symbol is written for another of the same shape."""
    for symbol in step.symbols:
        match part:
            case x.Symbol(size=size) if size == symbol.size:
                yield Candidate("term", rhs=symbol)
            case x.Entry(body=x.Symbol(size=size), indices=at) if size == symbol.size:
                yield Candidate("term", rhs=x.Entry(symbol, at))


SLIPS: tuple[Slip, ...] = (
    layouts, transposed_whole, scales, transposed_scales, transposed_part, transposed_symbol, orders,
    captured, one_index, all_indices, deltas, shapes, inner, hypotheses, products, sums, missing_term,
    one_too_many, missing_scalar, missing_operator, missing_factor, exchanged,
)  # fmt: skip
