"""The trusted kernel: it alone can make a Theorem.

    prove(claim) -> Theorem | Residual
    positive(term, context), normal_form(term, context)    what the kernel sees, for display

A claim relates two terms whose free indices are arbitrary, under definitions and hypotheses. It is
proved by showing that the *normal form* of lhs - rhs is the empty polynomial. A normal form is a
polynomial {monomial: rational}; a monomial is a sorted tuple of (atom, exponent); an atom is one of

    ("T", tensor, i, ...)        an entry                ("D", i, j)     a Kronecker delta
    ("N", name)                  a dimension symbol      ("Q", p)        a prime, to a fractional power
    ("E", monomial)              exp of a monomial       ("L", poly)     log of a polynomial
    ("P", poly)                  a polynomial, to a power that is negative or fractional
    ("S", (k, ...), monomial)    a contraction: the sum over k, ... of a connected monomial
    ("F", name, order, poly)     a function that stays opaque
    ("M", name, (i, ...), ((argument, (k, ...)), ...), (abstraction, ...))   f(u, v)_i and its derivatives
    ("I", abstraction, i, j)     an entry of an inverse  ("J", abstraction)   a determinant

where an abstraction is (indices, poly). Indices are tuples ending in their dimension: (0, n, dim) a fixed
position, (1, name, dim) a free index, (2, level, place, dim) a bound one, (3, n, dim) one being worked
on. A binder's level exceeds every level inside it, so renaming can never capture.

Soundness rests on these facts, each used where it stands: all laws applied are equalities of real
functions wherever both sides of the claim are defined; what must not vanish, or must be positive, for
that is in `Theorem.conditions`; hypotheses are never used below a derivative by what they mention.
Dimensions are at least 1. Unequal normal forms prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product as cartesian
from typing import Any

from derive.functions import FUNCTIONS
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
    children,
)

VERSION = 1

Rational = int | Fraction
Atom = tuple[Any, ...]
Mono = tuple[tuple[Atom, Rational], ...]
Poly = dict[Mono, Rational]
Frozen = tuple[tuple[Mono, Rational], ...]

UNIT: Mono = ()
EXPANDED = 12  # sums over concrete dimensions up to this size are written out
_SEAL = object()


class Exhausted(RuntimeError):
    """The work allowed for one claim is used up: nothing is shown."""


class Undefined(ValueError):
    """A term that has no value anywhere, such as 1/0 or a derivative by something unrelated."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Where a claim makes sense: `poly` (a normal form) is '!= 0' or '> 0'."""

    poly: Frozen
    kind: str


@dataclass(frozen=True, slots=True)
class Residual:
    """What is left of a claim that was not proved: the normal form of lhs - rhs, or a reason."""

    poly: Frozen
    reason: str = ""


class Theorem:
    """A claim that holds for all dimensions and all values at which both sides are defined.

    Attributes:
        claim: the statement, with its definitions and hypotheses.
        uses: the labels of the hypotheses without which it could not be proved.
        conditions: what must not vanish or must be positive for the statement to make sense.
    """

    __slots__ = ("claim", "conditions", "uses")

    def __init__(self, seal: object, claim: Claim, uses: tuple[str, ...], conditions: tuple[Condition, ...]):
        if seal is not _SEAL:
            raise TypeError("a Theorem comes only from derive.kernel.prove")
        for name, value in (("claim", claim), ("uses", uses), ("conditions", conditions)):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Theorem cannot be changed")

    claim: Claim
    uses: tuple[str, ...]
    conditions: tuple[Condition, ...]


def prove(claim: Claim, effort: int = 200_000) -> Theorem | Residual:
    """Decide a claim, without hypotheses first, then with as few as will do.

    `effort` bounds the number of monomial products. Never raises on well-formed terms.
    """
    labels: list[str] = []
    for hypothesis in claim.context.hypotheses:
        labels += [label for label in hypothesis.labels if label not in labels]
    best = _attempt(claim, frozenset(), effort)
    if isinstance(best, Theorem) or not labels:
        return best
    best = _attempt(claim, frozenset(labels), effort)
    if isinstance(best, Residual):
        return best
    needed = list(labels)
    for label in labels:
        fewer = [other for other in needed if other != label]
        shorter = _attempt(claim, frozenset(fewer), effort)
        if isinstance(shorter, Theorem):
            needed, best = fewer, shorter
    return best


def _attempt(claim: Claim, labels: frozenset[str], effort: int) -> Theorem | Residual:
    """One attempt with the hypotheses that rest on `labels`, then with what the statement itself demands."""
    context = claim.context.keeping(labels)
    demands: frozenset[Condition] = frozenset()
    try:
        for _ in range(2):
            engine = Engine(context, effort, demands)
            left = engine.holds(claim)
            conditions = frozenset(engine.conditions)
            if left is None:
                uses = tuple(sorted(labels, key=_label_order(claim.context)))
                return Theorem(_SEAL, claim, uses, tuple(sorted(conditions, key=repr)))
            if conditions <= demands:
                break
            demands = conditions
        return Residual(freeze(left))
    except Exhausted:
        return Residual((), "the claim is too large for its budget")
    except Undefined as trouble:
        return Residual((), str(trouble))
    except RecursionError:
        return Residual((), "the claim is nested too deeply")


def _label_order(context: Context) -> Callable[[str], int]:
    order: dict[str, int] = {}
    for hypothesis in context.hypotheses:
        for label in hypothesis.labels:
            order.setdefault(label, len(order))
    return lambda label: order[label]


def normal_form(term: Term, context: Context | None = None, effort: int = 200_000) -> Frozen:
    """The normal form of a term. Raises Undefined, or Exhausted when it is too large."""
    engine = Engine(context or Context(), effort)
    return freeze(engine.reduce(engine.normalise(term, {})))


def positive(term: Term, context: Context | None = None) -> bool:
    """Whether the kernel can show that a term is positive wherever it is defined."""
    engine = Engine(context or Context(), 50_000)
    try:
        return engine.is_positive(engine.reduce(engine.normalise(term, {})))
    except (Undefined, Exhausted, RecursionError):
        return False


def freeze(poly: Poly) -> Frozen:
    return tuple(sorted(poly.items()))


def occurs(part: object, whole: object) -> bool:
    """Whether `part` stands somewhere inside the nested tuples of `whole`."""
    return part == whole or (type(whole) is tuple and any(occurs(part, piece) for piece in whole))


def _level(whole: object) -> int:
    """The highest level of a bound index inside."""
    if type(whole) is not tuple:
        return 0
    if len(whole) == 4 and whole[0] == 2 and type(whole[1]) is int:
        return whole[1]
    return max(map(_level, whole), default=0)


def _shape(whole: object, marks: Mapping[Atom, object]) -> object:
    """What stays of a nested tuple under renaming and reordering: its leaves, indices by their marks."""
    if type(whole) is not tuple:
        return repr(whole)
    if whole in marks:
        return str(marks[whole])
    return tuple(sorted((_shape(piece, marks) for piece in whole), key=repr))


def _small(value: Rational) -> Rational:
    return int(value) if value.denominator == 1 else value


def _add(into: Poly, poly: Poly, factor: Rational = 1) -> Poly:
    for mono, coefficient in poly.items():
        total = into.get(mono, 0) + coefficient * factor
        if total:
            into[mono] = _small(total)
        else:
            into.pop(mono, None)
    return into


def _greater(a: Mono, b: Mono) -> bool:
    """The monomial order: by total degree, then by the first atom in which the exponents differ."""
    if a == b:
        return False
    degrees = sum(e for _, e in a), sum(e for _, e in b)
    if degrees[0] != degrees[1]:
        return degrees[0] > degrees[1]
    for (x, e), (y, f) in zip(a, b, strict=False):
        if x != y:
            return x < y
        if e != f:
            return e > f
    return len(a) > len(b)


def _leading(poly: Poly | Mapping[Mono, Rational]) -> Mono:
    best = None
    for mono in poly:
        if best is None or _greater(mono, best):
            best = mono
    assert best is not None
    return best


def _primes(number: int) -> dict[int, int]:
    """The prime factors of a positive integer; what is left beyond a bound stays as one factor."""
    found: dict[int, int] = {}
    divisor = 2
    while divisor * divisor <= number and divisor < 10_000:
        while number % divisor == 0:
            found[divisor] = found.get(divisor, 0) + 1
            number //= divisor
        divisor += 1
    if number > 1:
        found[number] = found.get(number, 0) + 1
    return found


def _partitions(items: list[Atom]) -> Iterator[dict[Atom, Atom]]:
    """Every way in which indices can coincide: maps each to the representative of its class."""
    if not items:
        yield {}
        return
    for rest in _partitions(items[:-1]):
        last = items[-1]
        for head in dict.fromkeys(rest.values()):
            if head[-1] == last[-1] and not (head[0] == 0 and last[0] == 0):
                yield {**rest, last: head}
        yield {**rest, last: last}


@dataclass(frozen=True, slots=True)
class Rule:
    """pattern -> result, an equation between monomials; indices of rank 4 match anything of their range."""

    pattern: tuple[tuple[Atom, int], ...]
    bound: tuple[Atom, ...]
    result: Frozen


class Engine:
    """Normal forms in one context. Its methods return polynomials and never change their arguments."""

    def __init__(self, context: Context, effort: int, demands: frozenset[Condition] = frozenset()):
        self.context = context
        self.effort = effort
        self.demands = demands
        self.conditions: set[Condition] = set()
        self.dimensions: dict[str, Dimension] = {}
        self.count = 0
        self.apart = False  # distinct free indices have distinct values
        self.stops: tuple[str, ...] = ()  # tensors being differentiated by, hence not unfolded
        self.rules_at: dict[tuple[str, ...], tuple[Rule, ...]] = {}
        self.compiling = False
        self.unfolded: dict[tuple[str, tuple[str, ...]], tuple[tuple[Atom, ...], Poly]] = {}
        self.symmetric = frozenset(
            name for h in context.hypotheses if (name := _symmetric_tensor(h)) is not None
        )
        self.facts: dict[str, set[Frozen]] = {"> 0": set(), "!= 0": set()}
        for condition in demands:
            self.facts[condition.kind].add(condition.poly)
        for hypothesis in context.hypotheses:
            if isinstance(hypothesis, (Positive, Nonzero)):
                poly = self.normalise(hypothesis.term, {})
                kind = "> 0" if isinstance(hypothesis, Positive) else "!= 0"
                self.facts[kind].add(self.skeleton(poly))

    # ------------------------------------------------------------------ the decision

    def holds(self, claim: Claim) -> Poly | None:
        """None where the claim is shown, else what is left of lhs - rhs."""
        difference = claim.lhs - claim.rhs if claim.relation in ("=", ">", ">=") else claim.rhs - claim.lhs
        shown = self.vanishes if claim.relation == "=" else (
            lambda poly: self.is_positive_sum(poly, strict=claim.relation in ("<", ">")))  # fmt: skip
        merged, parted = self._coincidences()
        free = [self.index(i) for i in sorted(_free(difference), key=str)]
        concrete = [i for i in free if i[0] == 1 and self._expanded(i[-1])]
        poly: Poly = {}
        if not (concrete or merged or parted):
            poly = self.normalise(difference, {})
            if shown(poly):
                return None
            if not occurs_tag("D", freeze(self.reduce(poly))):
                return self.reduce(poly)
        for case in self._cases(free, concrete, merged, parted):
            self.apart = True
            poly = self.normalise(difference, case)
            if not shown(poly):
                return self.reduce(poly) or poly
        return None

    def _coincidences(self) -> tuple[list[tuple[Atom, Atom]], list[tuple[Atom, Atom]]]:
        pairs: tuple[list[tuple[Atom, Atom]], list[tuple[Atom, Atom]]] = ([], [])
        for hypothesis in self.context.hypotheses:
            if isinstance(hypothesis, Coincide):
                pair = self.index(hypothesis.left), self.index(hypothesis.right)
                pairs[0 if hypothesis.equal else 1].append(pair)
        return pairs

    def _cases(
        self,
        free: list[Atom],
        concrete: list[Atom],
        merged: list[tuple[Atom, Atom]],
        parted: list[tuple[Atom, Atom]],
    ) -> Iterator[dict[Atom, Atom]]:
        """Every way in which the free indices can coincide, as a map from each to a representative.

        Indices of a concrete range take each of its values; the others are grouped in every way.
        """
        named = [i for i in free if i not in concrete]
        for pair in merged + parted:
            named += [i for i in pair if i not in named and i not in concrete and i[0] == 1]
        if len(named) > 7:
            raise Exhausted
        values = [[(0, n, i[-1]) for n in range(self.dimensions[i[-1]].number or 0)] for i in concrete]
        for grouping in _partitions(sorted(named)):
            for choice in cartesian(*values):
                case = {**grouping, **dict(zip(concrete, choice, strict=True))}
                if all(case.get(a, a) == case.get(b, b) for a, b in merged) and all(
                    case.get(a, a) != case.get(b, b) for a, b in parted
                ):
                    yield case

    def vanishes(self, poly: Poly) -> bool:
        """Whether a polynomial is 0 once it is reduced and its denominators are cleared."""
        for _ in range(6):
            poly = self.reduce(poly)
            if not poly:
                return True
            lowest: dict[Atom, Rational] = {}
            for mono in poly:
                for atom, exponent in mono:
                    if atom[0] == "P" and exponent < lowest.get(atom, 0):
                        lowest[atom] = exponent
            if not lowest:
                return False
            for atom, exponent in lowest.items():
                poly = self.multiply(poly, self.raise_atom(atom, -exponent))
        return False

    # ------------------------------------------------------------------ terms to polynomials

    def index(self, index: Index) -> Atom:
        key = str(index.range)
        self.dimensions.setdefault(key, index.range)
        return (0 if isinstance(index.name, int) else 1, index.name, key)

    def _expanded(self, dimension: str) -> bool:
        """Whether sums over this range are written out."""
        number = self.dimensions[dimension].number
        return number is not None and number <= EXPANDED

    def fresh(self, dimension: str) -> Atom:
        self.count += 1
        return (3, self.count, dimension)

    def normalise(self, term: Term, scope: Mapping[Atom, Atom]) -> Poly:
        """The normal form of a term; `scope` says what its indices stand for."""

        def at(index: Index) -> Atom:
            key = self.index(index)
            return scope.get(key, key)

        match term:
            case Number(value):
                return {UNIT: _small(Fraction(value))} if value else {}
            case Size(dimension):
                return self.size(dimension)
            case Entry(tensor, indices):
                return self.entry(tensor, tuple(map(at, indices)))
            case Delta(left, right):
                return self.delta(at(left), at(right))
            case Plus(terms):
                total: Poly = {}
                for part in terms:
                    _add(total, self.normalise(part, scope))
                return total
            case Product(factors):
                result: Poly = {UNIT: 1}
                for factor in factors:
                    result = self.multiply(result, self.normalise(factor, scope))
                return result
            case Power(base, exponent):
                above = self.normalise(exponent, scope)
                below = self.normalise(base, scope)
                if not above or list(above) == [UNIT]:
                    return self.power(below, above.get(UNIT, 0))
                return self.exp(self.multiply(above, self.log(below)))
            case Sum(index, body):
                key = self.index(index)
                if self._expanded(key[-1]):
                    total = {}
                    for value in range(index.range.number or 0):
                        _add(total, self.normalise(body, {**scope, key: (0, value, key[-1])}))
                    return total
                bound = self.fresh(key[-1])
                return self.sum_over(bound, self.normalise(body, {**scope, key: bound}))
            case Apply(function, argument, order):
                return self.apply(function, order, self.normalise(argument, scope))
            case Component(function, indices, arguments, derivatives):
                places = tuple(sorted((slot, tuple(map(at, by))) for slot, by in derivatives))
                inner = tuple(self.abstract(*self.open_term(part, scope)) for part in arguments)
                return {((("M", function, tuple(map(at, indices)), places, inner), 1),): 1}
            case Inverse(matrix, row, column):
                (r, c), body = self.open_term(matrix, scope)
                return self.inverse(r, c, body, at(row), at(column))
            case Determinant(matrix):
                (r, c), body = self.open_term(matrix, scope)
                return self.determinant(r, c, body)
            case Partial(body, Entry(tensor, indices)):
                return self.partial(body, tensor, tuple(map(at, indices)), scope)
        raise TypeError(f"not a term: {term!r}")

    def open_term(self, part: Abstraction, scope: Mapping[Atom, Atom]) -> tuple[tuple[Atom, ...], Poly]:
        keys = [self.index(i) for i in part.indices]
        bound = tuple(self.fresh(key[-1]) for key in keys)
        body = self.normalise(part.body, {**scope, **dict(zip(keys, bound, strict=True))})
        return bound, self.reduce(body)

    def size(self, dimension: Dimension | str) -> Poly:
        whole = self.dimensions[dimension] if isinstance(dimension, str) else dimension
        total: Poly = {}
        for names, coefficient in whole.monomials:
            part: Poly = {UNIT: coefficient}
            for name in names:
                part = self.multiply(part, {((("N", name), 1),): 1})
            _add(total, part)
        return total

    def entry(self, tensor: str, at: tuple[Atom, ...]) -> Poly:
        definition = self.context.definitions.get(tensor)
        if definition is not None and tensor not in self.stops:
            if len(definition.indices) != len(at):
                raise Undefined(f"{tensor} has {len(definition.indices)} indices, not {len(at)}")
            bound, body = self.unfold(tensor, definition)
            return self.transform(body, dict(zip(bound, at, strict=True)))
        if tensor in self.symmetric and tensor not in self.stops:
            at = tuple(sorted(at))
        return {((("T", tensor, *at), 1),): 1}

    def unfold(self, tensor: str, definition: Abstraction) -> tuple[tuple[Atom, ...], Poly]:
        """The general entry of a defined tensor, remembered for the present stops."""
        key = (tensor, self.stops)
        if key not in self.unfolded:
            self.unfolded[key] = ((), {})
            self.unfolded[key] = self.open_term(definition, {})
        if definition.indices and not self.unfolded[key][0]:
            raise Undefined(f"{tensor} is defined by itself")
        return self.unfolded[key]

    def delta(self, left: Atom, right: Atom) -> Poly:
        if left == right:
            return {UNIT: 1}
        if (left[0] == 0 and right[0] == 0) or (self.apart and left[0] <= 1 and right[0] <= 1):
            return {}
        return {((("D", min(left, right), max(left, right)), 1),): 1}

    def apply(self, function: str, order: int, argument: Poly) -> Poly:
        record = FUNCTIONS.get(function)
        if record is None:
            return {((("F", function, order, freeze(self.reduce(argument))), 1),): 1}
        if order == 0:
            if function == "exp":
                return self.exp(argument)
            if function == "log":
                return self.log(argument)
            if record.definition is None:
                return {((("F", function, 0, freeze(self.reduce(argument))), 1),): 1}
        # A known function is unfolded at a variable of its own, differentiated there, then moved.
        variable = f"{function}'s argument"
        at = Entry(variable)
        body = record.definition(at) if record.definition else Apply(function, at)
        poly = self.normalise(body, {})
        for _ in range(order):
            poly = self.differentiate(poly, variable, ())
        return self.transform(poly, {}, lambda tensor, _: argument if tensor == variable else None)

    # ------------------------------------------------------------------ arithmetic

    def multiply(self, left: Poly, right: Poly) -> Poly:
        self.effort -= len(left) * len(right)
        if self.effort < 0:
            raise Exhausted
        result: Poly = {}
        for m, c in left.items():
            for n, d in right.items():
                if not m or not n:
                    _add(result, {m or n: c * d})
                else:
                    merged = dict(m)
                    for atom, exponent in n:
                        merged[atom] = merged.get(atom, 0) + exponent
                    _add(result, self.monomial(merged), c * d)
        return result

    def monomial(self, exponents: Mapping[Atom, Rational]) -> Poly:
        """A product of powers of atoms, settled: deltas used once, powers of polynomials reduced."""
        kept: list[tuple[Atom, Rational]] = []
        expand: list[Poly] = []
        factor: Rational = 1
        for atom, exponent in exponents.items():
            if not exponent:
                continue
            tag = atom[0]
            if tag == "D":
                kept.append((atom, 1))
                continue
            if tag == "Q" and not 0 < exponent < 1:
                whole = exponent.numerator // exponent.denominator
                factor = factor * Fraction(atom[1]) ** whole
                exponent -= whole
                if not exponent:
                    continue
            elif tag == "P" and exponent >= 1:
                whole = int(exponent)
                expand += [dict(atom[1])] * whole
                exponent -= whole
                if not exponent:
                    continue
            kept.append((atom, _small(exponent)))
        kept.sort()
        deltas = [atom for atom, _ in kept if atom[0] == "D"]
        for _, i, j in deltas:
            rest = [(a, e) for a, e in kept if a != ("D", i, j)]
            if any(occurs(j, a) for a, _ in rest):
                # delta_ij f(j) = delta_ij f(i)
                moved = self.transform({tuple(rest): factor}, {j: i})
                return self._expand(self.multiply(moved, {((("D", i, j), 1),): 1}), expand)
        mono = tuple(kept)
        for atom, exponent in kept:
            if atom[0] == "P" and exponent < 0:
                # P = scale * lead + tail, hence lead * P^e = (P^(e+1) - tail * P^e) / scale
                lead = _leading(dict(atom[1]))
                quotient = _divide(mono, lead)
                if quotient is not None:
                    scale = dict(atom[1])[lead]
                    tail = {m: -c for m, c in atom[1] if m != lead}
                    raised = dict(quotient)
                    raised[atom] += 1
                    whole = _add(self.multiply({quotient: 1}, tail), self.monomial(raised))
                    return self._expand(_add({}, whole, Fraction(factor) / scale), expand)
        return self._expand({mono: _small(factor)}, expand)

    def _expand(self, poly: Poly, factors: list[Poly]) -> Poly:
        for factor in factors:
            poly = self.multiply(poly, factor)
        return poly

    def power(self, poly: Poly, exponent: Rational) -> Poly:
        """poly ** exponent, with what that demands of poly."""
        whole = exponent.denominator == 1
        if exponent == 0:
            return {UNIT: 1}
        if whole and exponent > 0:
            return self._natural_power(poly, int(exponent))
        poly = self.reduce(poly)
        if not poly:
            if exponent > 0:
                return {}
            raise Undefined("it divides by something that is always 0")
        if whole:
            self.require("!= 0", poly)
        elif not self.is_nonnegative(poly):
            self.require(">= 0" if exponent > 0 else "> 0", poly)
        elif exponent < 0:
            self.require("!= 0", poly)
        if len(poly) == 1:
            ((mono, scale),) = poly.items()
            return self._monomial_power(mono, scale, exponent)
        outside, rest = self._content(poly, everything=whole)
        if len(rest) < 2:
            return self.multiply(self._monomial_power(outside, 1, exponent), self.power(rest, exponent))
        scale = rest[_leading(rest)]
        if not whole:
            scale = abs(scale)
        rest = _add({}, rest, 1 / Fraction(scale))
        return self.multiply(
            self._monomial_power(outside, scale, exponent), self.raise_atom(("P", freeze(rest)), exponent)
        )

    def _natural_power(self, poly: Poly, exponent: int) -> Poly:
        if len(poly) == 1:
            ((mono, scale),) = poly.items()
            if not any(atom[0] == "D" for atom, _ in mono):
                return _add({}, self.monomial({a: e * exponent for a, e in mono}), scale**exponent)
            exponent = 1 if scale == 1 and all(a[0] == "D" for a, _ in mono) else exponent
        if exponent > 64:
            raise Exhausted
        result = poly
        for _ in range(exponent - 1):
            result = self.multiply(result, poly)
        return result

    def raise_atom(self, atom: Atom, exponent: Rational) -> Poly:
        return self.monomial({atom: exponent})

    def _content(self, poly: Poly, everything: bool) -> tuple[Mono, Poly]:
        """The largest monomial that divides every term, and the quotient; only positive atoms unless `everything`."""
        lowest: dict[Atom, Rational] = {}
        for number, mono in enumerate(poly):
            here = dict(mono)
            for atom in here.keys() | lowest.keys():
                before = lowest.get(atom, 0) if number else here.get(atom, 0)
                lowest[atom] = min(before, here.get(atom, 0))
        outside = {
            a: e for a, e in lowest.items() if e and a[0] != "D" and (everything or self.is_positive_atom(a))
        }
        if not outside:
            return UNIT, poly
        return tuple(sorted(outside.items())), self.multiply(poly, self.monomial({a: -e for a, e in outside.items()}))

    def _monomial_power(self, mono: Mono, scale: Rational, exponent: Rational) -> Poly:
        """(scale * mono) ** exponent; a fractional power splits only over factors that are not negative."""
        if any(atom[0] == "D" for atom, _ in mono) and exponent < 0:
            raise Undefined("it divides by a Kronecker delta, which is 0 off the diagonal")
        if exponent.denominator == 1:
            return _add({}, self.monomial({a: e * exponent for a, e in mono}), Fraction(scale) ** int(exponent))
        doubtful = [(a, e) for a, e in mono if not self.is_positive_power(a, 1)]
        lone = len(doubtful) == 1 and doubtful[0][1].numerator % 2 == 1 and scale > 0
        if all(self.is_positive_power(a, 1, strict=False) for a, _ in doubtful) and scale > 0:
            lone = True
        inside = () if lone else tuple(doubtful)
        result: Poly = {UNIT: 1}
        if scale > 0:
            for primes, sign in ((_primes(scale.numerator), 1), (_primes(scale.denominator), -1)):
                for prime, times in primes.items():
                    result = self.multiply(result, self.monomial({("Q", prime): exponent * times * sign}))
        elif not inside:
            raise Undefined("it takes a root of something negative")
        outer = {a: e * exponent for a, e in mono if (a, e) not in inside}
        result = self.multiply(result, self.monomial(outer))
        if inside:
            result = self.multiply(result, self.raise_atom(("P", ((inside, 1 if scale > 0 else scale),)), exponent))
        return result

    def exp(self, poly: Poly) -> Poly:
        """exp of a sum is a product of exponentials; exp(q log t) = t^q."""
        poly = self.reduce(poly)
        result: Poly = {UNIT: 1}
        for mono, coefficient in poly.items():
            if len(mono) == 1 and mono[0][0][0] == "L" and mono[0][1] == 1:
                part = self.power(dict(mono[0][0][1]), coefficient)
            else:
                part = self.raise_atom(("E", mono), coefficient)
            result = self.multiply(result, part)
        return result

    def log(self, poly: Poly) -> Poly:
        """log of a product splits over its positive factors; log exp t = t."""
        poly = self.reduce(poly)
        if not poly:
            raise Undefined("it takes the logarithm of something that is always 0")
        self.require("> 0", poly)
        if len(poly) > 1:
            outside, rest = self._content(poly, everything=False)
            scale = abs(rest[_leading(rest)])
            total = _add(self._log_monomial(outside), self._log_rational(scale))
            if outside and len(rest) < 2:
                return _add(total, self.log(_add({}, rest, 1 / Fraction(scale))))
            return _add(total, {((("L", freeze(_add({}, rest, 1 / Fraction(scale)))), 1),): 1})
        ((mono, scale),) = poly.items()
        doubtful = [(a, e) for a, e in mono if not self.is_positive_power(a, e)]
        if len(doubtful) == 1 and scale > 0 and doubtful[0][1].numerator % 2 == 1:
            doubtful = []  # the whole is positive and so are all other factors
        total = self._log_rational(abs(scale))
        if scale < 0 and not doubtful:
            raise Undefined("it takes the logarithm of something negative")
        if doubtful:
            _add(total, {((("L", ((tuple(doubtful), 1 if scale > 0 else -1),)), 1),): 1})
        return _add(total, self._log_monomial(tuple(pair for pair in mono if pair not in doubtful)))

    def _log_monomial(self, mono: Mono) -> Poly:
        total: Poly = {}
        for atom, exponent in mono:
            if atom[0] == "E":
                _add(total, {atom[1]: 1}, exponent)
            elif atom[0] == "P":
                _add(total, self.log(dict(atom[1])), exponent)
            elif atom[0] == "Q":
                _add(total, self._log_rational(atom[1]), exponent)
            else:
                _add(total, {((("L", ((((atom, 1),), 1),)), 1),): 1}, exponent)
        return total

    def _log_rational(self, value: Rational) -> Poly:
        total: Poly = {}
        for number, sign in ((value.numerator, 1), (value.denominator, -1)):
            for prime, times in _primes(number).items():
                _add(total, {((("L", ((UNIT, prime),)), 1),): 1}, sign * times)
        return total

    # ------------------------------------------------------------------ signs and conditions

    def is_positive_atom(self, atom: Atom) -> bool:
        tag = atom[0]
        if tag in ("E", "N", "Q"):
            return True
        if tag == "P":
            return self.is_positive(dict(atom[1]))
        if tag == "S" and all(self.is_positive_power(a, e) for a, e in atom[2]):
            return True
        if tag == "T" and atom[1] in self.stops and atom[1] in self.context.definitions:
            stops, self.stops = self.stops, ()
            try:  # at the point where the derivative is taken it has its defined value
                return self.is_positive(self.entry(atom[1], atom[2:]))
            finally:
                self.stops = stops
        return self._known("> 0", {((atom, 1),): 1})

    def is_positive_power(self, atom: Atom, exponent: Rational, strict: bool = True) -> bool:
        """Whether atom ** exponent is positive (or, not strictly, at least 0) wherever it is defined."""
        if self.is_positive_atom(atom):
            return True
        if strict:
            return atom[0] == "P" and exponent < 0 and exponent.denominator > 1
        if atom[0] == "S" and all(self.is_positive_power(a, e, strict=False) for a, e in atom[2]):
            return True
        return atom[0] == "D" or exponent.denominator > 1 or exponent.numerator % 2 == 0

    def is_positive(self, poly: Poly) -> bool:
        if not poly:
            return False
        if all(c > 0 and all(self.is_positive_power(a, e) for a, e in m) for m, c in poly.items()):
            return True
        return self._known("> 0", poly)

    def is_nonnegative(self, poly: Poly) -> bool:
        return all(
            c > 0 and all(self.is_positive_power(a, e, strict=False) for a, e in m) for m, c in poly.items()
        )

    def _known(self, kind: str, poly: Poly) -> bool:
        """Whether a hypothesis, or a demand of the statement itself, says so."""
        facts = self.facts[kind]
        if not facts:
            return False
        scaled = _add({}, poly, 1 / abs(Fraction(poly[_leading(poly)])))
        return freeze(scaled) in facts or self.skeleton(scaled, 3) in facts or self.skeleton(scaled) in facts

    def skeleton(self, poly: Poly, lowest_rank: int = 1) -> Frozen:
        """The polynomial with its indices (of this rank or above) turned into numbered blanks, scaled."""
        if not poly:
            return ()
        blanks: dict[Atom, Atom] = {}

        def visit(part: Any) -> Any:
            if type(part) is not tuple:
                return part
            if _is_index(part):
                if part[0] < lowest_rank or part[0] == 2 or part[1] in self.context.constants:
                    return part
                return blanks.setdefault(part, (4, len(blanks), part[-1]))
            return tuple(map(visit, part))

        scaled = _add({}, poly, 1 / abs(Fraction(poly[_leading(poly)])))
        result: Frozen = visit(freeze(scaled))
        return result

    def require(self, kind: str, poly: Poly) -> None:
        """Record that the statement makes sense only where poly is '!= 0', '> 0' or '>= 0'."""
        if self.compiling or self.is_positive(poly) or (kind == ">= 0" and self.is_nonnegative(poly)):
            return
        if kind == "!= 0":
            if len(poly) == 1:
                for atom, _ in next(iter(poly)):
                    self._require_atom(atom)
                return
            if self.is_positive({m: -c for m, c in poly.items()}) or self._known(kind, poly):
                return
        self.conditions.add(Condition(self.skeleton(poly, 3), kind))

    def _require_atom(self, atom: Atom) -> None:
        if atom[0] == "P":
            if len(atom[1]) == 1 or not self.is_positive(dict(atom[1])):
                self.require("!= 0", dict(atom[1]))
        elif not self.is_positive_atom(atom) and not self._known("!= 0", {((atom, 1),): 1}):
            self.conditions.add(Condition(self.skeleton({((atom, 1),): 1}, 3), "!= 0"))

    def at_least(self, dimension: str) -> int:
        """A lower bound of a dimension."""
        bounds = [1, self.dimensions[dimension].number or 1]
        for hypothesis in self.context.hypotheses:
            if isinstance(hypothesis, AtLeast) and str(hypothesis.dimension) == dimension:
                bounds.append(hypothesis.bound)
        return max(bounds)

    def is_positive_sum(self, poly: Poly, strict: bool) -> bool:
        """poly > 0 (or >= 0): positive terms, where a sum over k may pay for its terms at distinct k."""
        poly = self.reduce(poly)
        if not poly:
            return not strict
        poly = self.reduce(self._content(poly, everything=False)[1])
        for atom, exponent in {pair for mono in poly for pair in mono if pair[0][0] == "P" and pair[1] < 0}:
            if self.is_positive_atom(atom):
                poly = self.reduce(self.multiply(poly, self.raise_atom(atom, -exponent)))
        debts = {m: -c for m, c in poly.items() if c < 0}
        shown_strict = False
        for mono, amount in ((m, c) for m, c in poly.items() if c > 0):
            if not all(self.is_positive_power(a, e, strict=False) for a, e in mono):
                return False
            paid = [m for m, debt in debts.items() if debt <= amount and self._is_instance(m, mono)]
            for m in paid:
                del debts[m]
            if not paid:
                shown_strict |= all(self.is_positive_power(a, e) for a, e in mono)
            elif (size := self._distinct(paid, mono)) is not None:
                shown_strict |= size
            else:
                return False
        return not debts and (shown_strict or not strict)

    def _is_instance(self, part: Mono, whole: Mono) -> bool:
        return self._instance_at(part, whole) is not None

    def _instance_at(self, part: Mono, whole: Mono) -> Atom | None:
        """The index at which `part` is one summand of the contraction in `whole`."""
        for atom, exponent in whole:
            if atom[0] != "S" or exponent != 1 or len(atom[1]) != 1:
                continue
            rest = {tuple(pair for pair in whole if pair != (atom, 1)): 1}
            for index in _indices(part):
                if index[-1] == atom[1][0][-1]:
                    summand = self.transform({atom[2]: 1}, {atom[1][0]: index})
                    if self.multiply(summand, rest) == {part: 1}:
                        return index
        return None

    def _distinct(self, parts: list[Mono], whole: Mono) -> bool | None:
        """None unless the summands stand at distinct places; then whether one more summand is left."""
        places = {self._instance_at(part, whole) for part in parts}
        if len(places) < len(parts) or None in places or (len(parts) > 1 and not self.apart):
            return None
        (place, *_) = places
        assert place is not None
        positive = all(self.is_positive_power(a, e) for a, e in whole)
        return positive and self.at_least(place[-1]) > len(parts)

    # ------------------------------------------------------------------ sums

    def sum_over(self, k: Atom, poly: Poly) -> Poly:
        """The sum over k of a polynomial, monomial by monomial."""
        total: Poly = {}
        for mono, coefficient in poly.items():
            _add(total, self.contract(k, mono), coefficient)
        return total

    def contract(self, k: Atom, mono: Mono) -> Poly:
        """Sum_k of a monomial: a delta substitutes, constants move out, the rest becomes one contraction."""
        self.effort -= 1
        if self.effort < 0:
            raise Exhausted
        outside = tuple(pair for pair in mono if not occurs(k, pair[0]))
        inside = tuple(pair for pair in mono if occurs(k, pair[0]))
        if not inside:
            return self.multiply({mono: 1}, self.size(k[-1]))
        for atom, _ in inside:
            if atom[0] == "D":
                rest = tuple(pair for pair in mono if pair[0] != atom)
                return self.transform({rest: 1}, {k: atom[2] if atom[1] == k else atom[1]})
        nested = _find_delta(k, inside)
        if nested is not None:
            # f(delta_kj) = f(0) for k != j and f(1) at k = j
            j = nested[2] if nested[1] == k else nested[1]
            if not (type(j) is tuple and j[0] == 2):
                off = self.transform({mono: 1}, {}, zero=nested)
                total = _add(self.transform({mono: 1}, {k: j}), self.sum_over(k, off))
                return _add(total, self.transform(off, {k: j}), -1)
        bound, merged = [k], Engine._merge((), {})
        body: Poly = {UNIT: 1}
        for atom, exponent in inside:
            if atom[0] == "S" and exponent.denominator == 1 and exponent > 0:
                for _ in range(int(exponent)):
                    opened, summand = self.open_sum(atom)
                    bound += opened
                    body = self.multiply(body, summand)
            else:
                Engine._merge(((atom, exponent),), merged)
        body = self.multiply(body, self.monomial(merged))
        if len(body) == 1 and len(bound) > 1:
            ((whole, scale),) = body.items()
            if all(self._connected(b, whole) for b in bound):
                summed = _add({}, self.contraction(bound, whole), scale)
                return self.multiply({outside: 1}, summed)
        if len(bound) == 1 and body == {inside: 1}:
            return self.multiply({outside: 1}, self.contraction(bound, inside))
        for b in reversed(bound):
            body = self.sum_over(b, body)
        return self.multiply({outside: 1}, body)

    @staticmethod
    def _merge(pairs: Mono, into: dict[Atom, Rational]) -> dict[Atom, Rational]:
        for atom, exponent in pairs:
            into[atom] = into.get(atom, 0) + exponent
        return into

    @staticmethod
    def _connected(b: Atom, mono: Mono) -> bool:
        return any(occurs(b, atom) and atom[0] not in ("D", "S") for atom, _ in mono) and not any(
            atom[0] in ("D", "S") and occurs(b, atom) for atom, _ in mono
        )

    def open_sum(self, atom: Atom) -> tuple[list[Atom], Poly]:
        """The bound indices of a contraction, renamed, and its summand."""
        fresh = [self.fresh(b[-1]) for b in atom[1]]
        return fresh, self.transform({atom[2]: 1}, dict(zip(atom[1], fresh, strict=True)))

    def contraction(self, bound: list[Atom], mono: Mono) -> Poly:
        """One contraction with its bound indices named canonically."""
        level = 1 + _level(mono)
        best: tuple[Frozen, tuple[Atom, ...]] | None = None
        for number, order in enumerate(_labellings(bound, mono)):
            names = {b: (2, level, place, b[-1]) for place, b in enumerate(order)}
            candidate = freeze(self.transform({mono: 1}, names))
            if best is None or candidate < best[0]:
                best = candidate, tuple(names[b] for b in order)
            if number >= 120:
                break
        assert best is not None
        total: Poly = {}
        for inner, coefficient in best[0]:
            _add(total, {((("S", best[1], inner), 1),): coefficient})
        return total

    # ------------------------------------------------------------------ one traversal

    def transform(
        self,
        poly: Poly,
        moves: Mapping[Atom, Atom],
        values: Callable[[str, tuple[Atom, ...]], Poly | None] | None = None,
        zero: Atom | None = None,
    ) -> Poly:
        """The polynomial with indices moved, entries replaced by `values`, and one delta set to 0.

        With `values` everything is built anew, so that definitions no longer stopped unfold.
        """
        total: Poly = {}
        for mono, coefficient in poly.items():
            kept: dict[Atom, Rational] = {}
            part: Poly = {UNIT: coefficient}
            for atom, exponent in mono:
                if values is None and not any(occurs(k, atom) for k in moves) and (
                    zero is None or not occurs(zero, atom)
                ):  # fmt: skip
                    kept[atom] = exponent
                else:
                    moved = self.transform_atom(atom, moves, values, zero)
                    part = self.multiply(part, self.power(moved, exponent))
            _add(total, self.multiply(part, self.monomial(kept)) if kept else part)
        return total

    def transform_atom(
        self,
        atom: Atom,
        moves: Mapping[Atom, Atom],
        values: Callable[[str, tuple[Atom, ...]], Poly | None] | None,
        zero: Atom | None,
    ) -> Poly:
        def again(poly: Poly) -> Poly:
            return self.transform(poly, moves, values, zero)

        def opened(part: tuple[tuple[Atom, ...], Frozen]) -> tuple[tuple[Atom, ...], Poly]:
            fresh = tuple(self.fresh(b[-1]) for b in part[0])
            renamed = self.transform(dict(part[1]), dict(zip(part[0], fresh, strict=True)))
            return fresh, self.reduce(again(renamed))

        def at(index: Atom) -> Atom:
            return moves.get(index, index)

        match atom:
            case ("T", tensor, *places):
                value = values(tensor, tuple(map(at, places))) if values else None
                return self.entry(tensor, tuple(map(at, places))) if value is None else value
            case ("D", i, j):
                return {} if atom == zero else self.delta(at(i), at(j))
            case ("E", mono):
                return self.exp(again({mono: 1}))
            case ("L", poly):
                return self.log(again(dict(poly)))
            case ("P", poly):
                return again(dict(poly))
            case ("S", _, _):
                fresh, body = self.open_sum(atom)
                body = again(body)
                for b in reversed(fresh):
                    body = self.sum_over(b, body)
                return body
            case ("F", name, order, poly):
                return {((("F", name, order, freeze(self.reduce(again(dict(poly))))), 1),): 1}
            case ("M", name, indices, places, arguments):
                slots = tuple(sorted((slot, tuple(map(at, by))) for slot, by in places))
                inner = tuple(self.abstract(*opened(part)) for part in arguments)
                return {((("M", name, tuple(map(at, indices)), slots, inner), 1),): 1}
            case ("I", matrix, i, j):
                (r, c), body = opened(matrix)
                return self.inverse(r, c, body, at(i), at(j))
            case ("J", matrix):
                (r, c), body = opened(matrix)
                return self.determinant(r, c, body)
        return {((atom, 1),): 1}

    def abstract(self, indices: tuple[Atom, ...], body: Poly) -> tuple[tuple[Atom, ...], Frozen]:
        """indices -> body with the bound indices named canonically."""
        level = 1 + _level(freeze(body))
        names = {index: (2, level, place, index[-1]) for place, index in enumerate(indices)}
        return tuple(names.values()), freeze(self.transform(body, names))

    # ------------------------------------------------------------------ inverses and determinants

    def inverse(self, r: Atom, c: Atom, body: Poly, i: Atom, j: Atom) -> Poly:
        """Entry (i, j) of the inverse of the matrix with entries body(r, c)."""
        if not body:
            raise Undefined("it inverts a matrix that is always 0")
        diagonal = _diagonal(body, r, c)
        if diagonal is not None:
            entries = self.power(self.transform(diagonal, {r: i}), -1)
            return self.multiply(self.delta(i, j), entries)
        if self.dimensions[r[-1]].number == 1:
            return self.power(self.transform(body, {r: (0, 0, r[-1]), c: (0, 0, r[-1])}), -1)
        scale, inner = self._scalar_content(body, r, c)
        if scale != {UNIT: 1}:
            return self.multiply(self.power(scale, -1), self.inverse(r, c, inner, i, j))
        split = self._square_factors(body, r, c)
        if split is not None:
            (k, left, right) = split
            # (A B)^-1 = B^-1 A^-1
            middle = self.fresh(r[-1])
            first = self.inverse(k, c, right, i, middle)
            return self.sum_over(middle, self.multiply(first, self.inverse(r, k, left, middle, j)))
        if len(body) == 1 and len(next(iter(body))) == 1:
            (((atom, exponent),),) = body
            if atom[0] == "I" and exponent == 1 and {atom[2], atom[3]} == {r, c}:
                (p, q), matrix = atom[1]
                ends = {p: i, q: j} if atom[2] == r else {p: j, q: i}
                return self.transform(dict(matrix), ends)
        matrix, (i, j) = self._oriented(body, r, c, (i, j))
        return {((("I", matrix, i, j), 1),): 1}

    def determinant(self, r: Atom, c: Atom, body: Poly) -> Poly:
        """det of the matrix with entries body(r, c): det(AB) = det A det B for square A and B."""
        if not body:
            return {}
        if body == self.delta(r, c):
            return {UNIT: 1}
        if self.dimensions[r[-1]].number == 1:
            return self.transform(body, {r: (0, 0, r[-1]), c: (0, 0, r[-1])})
        scale, inner = self._scalar_content(body, r, c)
        if scale != {UNIT: 1} and (self.is_positive(scale) or self.dimensions[r[-1]].number is not None):
            size = self.size(r[-1])
            if list(size) == [UNIT]:
                factor = self.power(scale, size[UNIT])
            else:
                factor = self.exp(self.multiply(size, self.log(scale)))
            return self.multiply(factor, self.determinant(r, c, inner))
        split = self._square_factors(body, r, c)
        if split is not None:
            k, left, right = split
            return self.multiply(self.determinant(r, k, left), self.determinant(k, c, right))
        if len(body) == 1 and len(next(iter(body))) == 1:
            (((atom, exponent),),) = body
            if atom[0] == "I" and exponent == 1 and {atom[2], atom[3]} == {r, c}:
                return self.power({((("J", atom[1]), 1),): 1}, -1)
        return {((("J", self._oriented(body, r, c, None)[0]), 1),): 1}

    def _scalar_content(self, body: Poly, r: Atom, c: Atom) -> tuple[Poly, Poly]:
        """A common factor that mentions neither index, and the rest."""
        outside, rest = self._content(body, everything=True)
        common = {a: e for a, e in outside if not occurs(r, a) and not occurs(c, a)}
        rest = self.multiply(body, self.monomial({a: -e for a, e in common.items()}))
        scale = rest[_leading(rest)]
        return _add({}, self.monomial(common), scale), _add({}, rest, 1 / Fraction(scale))

    def _square_factors(self, body: Poly, r: Atom, c: Atom) -> tuple[Atom, Poly, Poly] | None:
        """Square matrices with body(r, c) = Sum_k left(r, k) right(k, c), where body is such a product."""
        if len(body) != 1 or len(next(iter(body))) != 1:
            return None
        (((atom, exponent),),) = body
        if atom[0] != "S" or exponent != 1:
            return None
        bound, opened = self.open_sum(atom)
        if len(opened) != 1:
            return None
        (mono,) = opened
        for k in bound:
            if k[-1] != r[-1]:
                continue
            near: set[Atom] = {r}
            left: list[tuple[Atom, Rational]] = []
            grown = True
            while grown:
                grown = False
                for pair in mono:
                    if pair not in left and any(occurs(n, pair[0]) for n in near):
                        left.append(pair)
                        near |= {b for b in bound if b != k and occurs(b, pair[0])}
                        grown = True
            right = [pair for pair in mono if pair not in left]
            if right and not any(occurs(c, a) for a, _ in left) and any(occurs(k, a) for a, _ in left):
                parts: list[Poly] = [self.monomial(dict(left)), self.monomial(dict(right))]
                for b in bound:
                    if b != k:
                        side = 0 if b in near else 1
                        parts[side] = self.sum_over(b, parts[side])
                return k, parts[0], parts[1]
        return None

    def _oriented(
        self, body: Poly, r: Atom, c: Atom, at: tuple[Atom, Atom] | None
    ) -> tuple[tuple[tuple[Atom, ...], Frozen], tuple[Atom, Atom]]:
        """The abstraction of a matrix or of its transpose, whichever comes first; symmetric ones sort `at`."""
        as_is, flipped = self.abstract((r, c), body), self.abstract((c, r), body)
        i, j = at or (r, c)
        if as_is[1] == flipped[1]:
            return as_is, (min(i, j), max(i, j))
        return (as_is, (i, j)) if as_is[1] < flipped[1] else (flipped, (j, i))

    # ------------------------------------------------------------------ differentiation

    def partial(self, body: Term, tensor: str, at: tuple[Atom, ...], scope: Mapping[Atom, Atom]) -> Poly:
        """The partial derivative of a term by an entry; see derive.terms.Partial for its meaning."""
        stops, conditions = self.stops, self.conditions
        self.stops, self.conditions = tuple(sorted({*stops, tensor})), set()
        try:
            poly = self.reduce(self.normalise(body, scope))
            slope = self.differentiate(poly, tensor, at)
            if not slope:
                self._demand_dependence(poly, tensor)
            demanded = self.conditions
        finally:
            self.stops, self.conditions = stops, conditions
        for condition in demanded:
            self.require(condition.kind, self.transform(dict(condition.poly), {}, lambda *_: None))
        return self.transform(slope, {}, lambda *_: None)

    def _demand_dependence(self, poly: Poly, tensor: str) -> None:
        """Refuse a derivative by a defined quantity that is related to `poly` without standing in it."""
        definition = self.context.definitions.get(tensor)
        if definition is None or occurs(tensor, freeze(poly)):
            return
        stops, self.stops = self.stops, tuple(s for s in self.stops if s != tensor)
        try:
            behind = _tensors(freeze(self.unfold(tensor, definition)[1]))
        finally:
            self.stops = stops
        if behind & _tensors(freeze(poly)):
            raise Undefined(f"what is differentiated does not mention {tensor}, only what {tensor} is made of")

    def differentiate(self, poly: Poly, tensor: str, at: tuple[Atom, ...]) -> Poly:
        """d poly / d tensor[at], by the rules of Leibniz and the chain rule."""
        total: Poly = {}
        for mono, coefficient in poly.items():
            for place, (atom, exponent) in enumerate(mono):
                slope = self.differentiate_atom(atom, tensor, at)
                if slope:
                    rest = dict(mono[:place] + mono[place + 1 :])
                    rest[atom] = exponent - 1
                    outer = self.monomial(rest)
                    _add(total, self.multiply(outer, slope), coefficient * exponent)
        return total

    def differentiate_atom(self, atom: Atom, tensor: str, at: tuple[Atom, ...]) -> Poly:
        def again(poly: Poly) -> Poly:
            return self.differentiate(poly, tensor, at)

        if not occurs(tensor, atom):
            return {}
        match atom:
            case ("T", name, *places):
                # dT[i,j]/dT[k,l] = delta_ik delta_jl
                if name != tensor or len(places) != len(at):
                    return {}
                slope: Poly = {UNIT: 1}
                for here, there in zip(places, at, strict=True):
                    if here[-1] != there[-1]:
                        raise Undefined(f"an index of {tensor} runs over {there[-1]} and over {here[-1]}")
                    slope = self.multiply(slope, self.delta(here, there))
                return slope
            case ("E", mono):
                return self.multiply({((atom, 1),): 1}, again({mono: 1}))
            case ("L", poly):
                return self.multiply(self.power(dict(poly), -1), again(dict(poly)))
            case ("P", poly):
                return again(dict(poly))
            case ("S", _, _):
                fresh, body = self.open_sum(atom)
                slope = again(body)
                for b in reversed(fresh):
                    slope = self.sum_over(b, slope)
                return slope
            case ("F", name, order, poly):
                record = FUNCTIONS.get(name)
                if record is None or record.derivative is None:
                    outer: Poly = {((("F", name, order + 1, poly), 1),): 1}
                else:
                    variable = f"{name}'s argument"
                    outer = self.transform(
                        self.normalise(record.derivative(Entry(variable)), {}),
                        {},
                        lambda t, _: dict(poly) if t == variable else None,
                    )
                return self.multiply(outer, again(dict(poly)))
            case ("M", name, indices, places, arguments):
                slope = {}
                for slot, (bound, inner) in enumerate(arguments):
                    fresh = [self.fresh(b[-1]) for b in bound]
                    moved = self.transform(dict(inner), dict(zip(bound, fresh, strict=True)))
                    slots = tuple(sorted((*places, (slot, tuple(fresh)))))
                    outer = {((("M", name, indices, slots, arguments), 1),): 1}
                    part = self.multiply(outer, again(moved))
                    for b in reversed(fresh):
                        part = self.sum_over(b, part)
                    _add(slope, part)
                return slope
            case ("I", ((r, c), inner), i, j):
                # d(A^-1) = -A^-1 dA A^-1
                return _add({}, self._through_inverse(atom[1], r, c, again, i, j, inner), -1)
            case ("J", ((r, c), inner)):
                # d(det A) = det A tr(A^-1 dA), for invertible A
                k, m = self.fresh(r[-1]), self.fresh(c[-1])
                moved = again(self.transform(dict(inner), {r: k, c: m}))
                opened = self.transform(dict(inner), {r: (r2 := self.fresh(r[-1])), c: (c2 := self.fresh(c[-1]))})
                self.require("!= 0", {((atom, 1),): 1})
                slope = self.multiply(moved, self.inverse(r2, c2, opened, m, k))
                return self.multiply({((atom, 1),): 1}, self.sum_over(k, self.sum_over(m, slope)))
        return {}

    def _through_inverse(
        self,
        matrix: Any,
        r: Atom,
        c: Atom,
        again: Callable[[Poly], Poly],
        i: Atom,
        j: Atom,
        inner: Frozen,
    ) -> Poly:
        k, m = self.fresh(r[-1]), self.fresh(c[-1])
        slope = again(self.transform(dict(inner), {r: k, c: m}))

        def entry(a: Atom, b: Atom) -> Poly:
            rr, cc = self.fresh(r[-1]), self.fresh(c[-1])
            return self.inverse(rr, cc, self.transform(dict(inner), {r: rr, c: cc}), a, b)

        whole = self.multiply(entry(i, k), self.multiply(slope, entry(m, j)))
        return self.sum_over(k, self.sum_over(m, whole))

    # ------------------------------------------------------------------ hypotheses as rewrite rules

    def rules(self) -> tuple[Rule, ...]:
        """The oriented equations that may be used under the present stops.

        An equation about a tensor restricts its values, so it says nothing about how a term varies with
        that tensor: below a derivative by T, what mentions T (unfolded down to T) is left out.
        """
        if self.stops not in self.rules_at:
            self.rules_at[self.stops] = ()
            found: list[Rule] = []
            self.compiling, before = True, self.compiling
            for hypothesis in self.context.hypotheses:
                if isinstance(hypothesis, Equation) and _symmetric_tensor(hypothesis) is None:
                    poly = self.normalise(hypothesis.lhs - hypothesis.rhs, {})
                    if poly and not any(occurs(stop, freeze(poly)) for stop in self.stops):
                        rule = self.oriented(poly)
                        if rule is not None:
                            found.append(rule)
            self.compiling = before
            self.rules_at[self.stops] = tuple(found)
        return self.rules_at[self.stops]

    def oriented(self, poly: Poly) -> Rule | None:
        """poly = 0 as a rewrite rule: its largest monomial becomes the rest."""
        flat = {mono: self.flatten(mono) for mono in poly}
        usable = [
            m for m, (_, atoms) in flat.items()
            if atoms and all(a[0] in "TFMI" and e.denominator == 1 and e > 0 for a, e in atoms.items())
        ]  # fmt: skip
        if not usable:
            return None
        best = max(usable, key=lambda m: (sum(flat[m][1].values()), len(_indices(m)), repr(m)))
        bound, atoms = flat[best]
        blanks = {
            i: (4, str(i), i[-1])
            for i in sorted(_indices(tuple(atoms)) | _indices(freeze(poly)))
            if i[0] == 3 or (i[0] == 1 and i[1] not in self.context.constants)
        }
        rest = {m: -Fraction(c) / poly[best] for m, c in poly.items() if m != best}
        pattern = tuple((_rename(a, blanks), int(e)) for a, e in atoms.items())
        result = self.transform(rest, blanks)
        if not _indices(freeze(result)) & set(blanks.values()) <= _indices(pattern):
            return None
        return Rule(pattern, tuple(blanks[b] for b in bound), freeze(result))

    def inverse_rules(self, atom: Atom) -> Iterator[Rule]:
        """A A^-1 = I and A^-1 A = I for the matrix under an inverse, solved for its leading monomial."""
        (r, c), inner = atom[1]
        body = dict(inner)
        usable = {m: v for m, v in body.items() if not occurs_tag("D", m)}
        if not usable:
            return
        lead = _leading(usable)
        one, two = (4, "one", r[-1]), (4, "two", r[-1])
        for left in (True, False):
            k = self.fresh(r[-1])
            names = {r: one, c: k} if left else {r: k, c: two}
            factor = ("I", atom[1], k, two) if left else ("I", atom[1], one, k)
            moved = self.transform(body, names)
            bound, atoms = self.flatten(next(iter(self.transform({lead: 1}, names))))
            tail = self.multiply(self.transform({m: v for m, v in body.items() if m != lead}, names), {((factor, 1),): 1})
            result = _add(self.delta(one, two), self.sum_over(k, tail), -1)
            blanks = {b: (4, str(b), b[-1]) for b in [k, *bound]}
            pattern = [(_rename(factor, blanks), 1)] + [(_rename(a, blanks), int(e)) for a, e in atoms.items()]
            if moved and all(e.denominator == 1 and e > 0 for e in atoms.values()):
                scale = 1 / Fraction(body[lead])
                yield Rule(tuple(pattern), tuple(blanks.values()), freeze(_add({}, result, scale)))

    def flatten(self, mono: Mono) -> tuple[list[Atom], dict[Atom, Rational]]:
        """A monomial with its contractions opened: the bound indices and the atoms."""
        bound: list[Atom] = []
        atoms: dict[Atom, Rational] = {}
        for atom, exponent in mono:
            if atom[0] == "S" and exponent.denominator == 1 and exponent > 0:
                for _ in range(int(exponent)):
                    opened, body = self.open_sum(atom)
                    if len(body) != 1 or next(iter(body.values())) != 1:
                        Engine._merge(((atom, 1),), atoms)
                        continue
                    bound += opened
                    Engine._merge(next(iter(body)), atoms)
            else:
                Engine._merge(((atom, exponent),), atoms)
        return bound, atoms

    def reduce(self, poly: Poly) -> Poly:
        """The polynomial with every rule applied until none applies."""
        if self.compiling:
            return poly
        rules = self.rules()
        if not rules and not any(occurs_tag("I", mono) for mono in poly):
            return poly
        result: Poly = {}
        todo = list(poly.items())
        while todo:
            mono, coefficient = todo.pop()
            rewritten = self._rewrite(mono, rules)
            if rewritten is None:
                _add(result, {mono: coefficient})
            else:
                self.effort -= 20
                if self.effort < 0:
                    raise Exhausted
                todo += [(m, c * coefficient) for m, c in rewritten.items()]
        return result

    def _rewrite(self, mono: Mono, rules: tuple[Rule, ...]) -> Poly | None:
        heads = {_head(atom) for atom in _atoms(mono)}
        candidates = [rule for rule in rules if all(_head(a) in heads for a, _ in rule.pattern)]
        if not candidates and ("I",) not in heads:
            return None
        bound, atoms = self.flatten(mono)
        for atom in [a for a in atoms if a[0] == "I"]:
            candidates += self.inverse_rules(atom)
        for rule in candidates:
            for binding, left in self._matches(rule.pattern, atoms, {}):
                summed = [binding[b] for b in rule.bound]
                if len(set(summed)) < len(summed) or not all(
                    b in bound and not any(occurs(b, a) for a in left) for b in summed
                ):
                    continue
                if any(binding[blank] in summed for blank in binding if blank not in rule.bound):
                    continue
                new = self.multiply(self.monomial(left), self.transform(dict(rule.result), binding))
                for b in bound:
                    if b not in summed:
                        new = self.sum_over(b, new)
                return new
        return None

    def _matches(
        self, pattern: tuple[tuple[Atom, int], ...], atoms: dict[Atom, Rational], binding: dict[Atom, Atom]
    ) -> Iterator[tuple[dict[Atom, Atom], dict[Atom, Rational]]]:
        """Every way to find the pattern among the atoms: what its blanks stand for, and what is left."""
        if not pattern:
            yield binding, atoms
            return
        (atom, exponent), *rest = pattern
        for target, available in atoms.items():
            if available.denominator != 1 or available < exponent or _head(target) != _head(atom):
                continue
            for variant in self._variants(target):
                extended = _unify(atom, variant, binding)
                if extended is not None:
                    left = {a: e - exponent if a == target else e for a, e in atoms.items()}
                    yield from self._matches(tuple(rest), {a: e for a, e in left.items() if e}, extended)

    def _variants(self, atom: Atom) -> Iterator[Atom]:
        """The atom, and the same entry of a symmetric matrix with its indices swapped."""
        yield atom
        if atom[0] == "T" and atom[1] in self.symmetric and len(atom) == 4:
            yield (*atom[:2], atom[3], atom[2])
        if atom[0] == "I":
            (r, c), body = atom[1]
            if self.abstract((c, r), dict(body))[1] == body:
                yield (*atom[:2], atom[3], atom[2])


def _divide(mono: Mono, lead: Mono) -> Mono | None:
    """mono / lead where every exponent allows it."""
    have = dict(mono)
    for atom, exponent in lead:
        if atom[0] == "P" or have.get(atom, 0) < exponent:
            return None
        have[atom] -= exponent
    return tuple((a, e) for a, e in have.items() if e)


def _is_index(part: Any) -> bool:
    return type(part) is tuple and len(part) in (3, 4) and type(part[0]) is int and type(part[-1]) is str


def _indices(whole: object) -> set[Atom]:
    """Every index that stands somewhere inside, except those bound there."""
    if type(whole) is not tuple:
        return set()
    if _is_index(whole):
        return set() if whole[0] == 2 else {whole}
    return {index for piece in whole for index in _indices(piece)}


def _tensors(whole: object) -> set[str]:
    if type(whole) is not tuple:
        return set()
    if len(whole) >= 2 and whole[0] == "T" and type(whole[1]) is str:
        return {whole[1]}
    return {name for piece in whole for name in _tensors(piece)}


def occurs_tag(tag: str, whole: object) -> bool:
    """Whether an atom of this kind stands somewhere inside."""
    return type(whole) is tuple and (
        (len(whole) > 1 and whole[0] == tag and type(whole[0]) is str)
        or any(occurs_tag(tag, piece) for piece in whole)
    )


def _atoms(mono: Mono) -> Iterator[Atom]:
    """The atoms of a monomial, and those in its contractions."""
    for atom, _ in mono:
        yield atom
        if atom[0] == "S":
            yield from _atoms(atom[2])


def _head(atom: Atom) -> Atom:
    return atom[:2] if atom[0] in "TFM" else atom[:1]


def _find_delta(k: Atom, whole: object) -> Atom | None:
    if type(whole) is not tuple:
        return None
    if len(whole) == 3 and whole[0] == "D" and (whole[1] == k or whole[2] == k):
        return whole
    for piece in whole:
        found = _find_delta(k, piece)
        if found is not None:
            return found
    return None


def _diagonal(body: Poly, r: Atom, c: Atom) -> Poly | None:
    """The diagonal of a matrix all of whose monomials hold delta_rc, as a polynomial in r."""
    pair = ("D", min(r, c), max(r, c))
    if not all(any(atom == pair for atom, _ in mono) for mono in body):
        return None
    kept = {tuple(p for p in mono if p[0] != pair): v for mono, v in body.items()}
    return {_rename(mono, {c: r}): v for mono, v in kept.items()}


def _rename(whole: Any, names: Mapping[Atom, Atom]) -> Any:
    """Indices replaced as they stand; for patterns, whose atoms need not be in canonical order."""
    if type(whole) is not tuple:
        return whole
    return names[whole] if whole in names else tuple(_rename(piece, names) for piece in whole)


def _unify(pattern: Any, target: Any, binding: dict[Atom, Atom]) -> dict[Atom, Atom] | None:
    """The binding, extended so that the pattern reads as the target; None where it cannot."""
    if type(pattern) is not tuple or type(target) is not tuple:
        return binding if pattern == target else None
    if _is_index(pattern) and pattern[0] == 4:
        if not _is_index(target) or target[-1] != pattern[-1] or target[0] == 2:
            return None
        if pattern in binding:
            return binding if binding[pattern] == target else None
        return {**binding, pattern: target}
    if len(pattern) != len(target):
        return None
    extended: dict[Atom, Atom] | None = binding
    for left, right in zip(pattern, target, strict=True):
        extended = _unify(left, right, extended)
        if extended is None:
            return None
    return extended


def _labellings(bound: list[Atom], mono: Mono) -> Iterator[tuple[Atom, ...]]:
    """Orders of the bound indices among which the canonical one is: refinement, then individualisation.

    Indices are coloured by the atoms in which they stand, and by the colours of their neighbours there,
    until that tells no more apart; ties are broken by trying each member of the first tied class.
    """

    def refine(colours: dict[Atom, int]) -> dict[Atom, int]:
        while True:
            seen = {}
            for b in bound:
                places = []
                for atom, exponent in mono:
                    if occurs(b, atom):
                        marks = {o: f"#{colours[o]}" for o in bound if o != b} | {b: "*"}
                        flat = atom[0] in ("T", "D")
                        shape = _rename(atom, marks) if flat else _shape(atom, marks)  # type: ignore[arg-type]
                        places.append(repr((shape, exponent)))
                seen[b] = (colours[b], b[-1], tuple(sorted(places)))
            ranks = {key: rank for rank, key in enumerate(sorted(set(seen.values())))}
            finer = {b: ranks[seen[b]] for b in bound}
            if len(set(finer.values())) == len(set(colours.values())):
                return finer
            colours = finer

    def search(colours: dict[Atom, int]) -> Iterator[tuple[Atom, ...]]:
        colours = refine(colours)
        classes: dict[int, list[Atom]] = {}
        for b, colour in colours.items():
            classes.setdefault(colour, []).append(b)
        tied = next((classes[colour] for colour in sorted(classes) if len(classes[colour]) > 1), None)
        if tied is None:
            yield tuple(sorted(bound, key=lambda b: colours[b]))
            return
        for chosen in tied:
            yield from search({b: 2 * colour + (b != chosen) for b, colour in colours.items()})

    if len(bound) == 1:
        yield tuple(bound)
    else:
        yield from search(dict.fromkeys(bound, 0))


def _symmetric_tensor(hypothesis: Hypothesis) -> str | None:
    """The name of A where the hypothesis says A[i, j] = A[j, i] for all i and j."""
    match hypothesis:
        case Equation(Entry(a, (i, j)), Entry(b, (k, l))) if a == b and i == l and j == k and i != j:
            return a
    return None


def _free(term: Term | Abstraction, bound: frozenset[Index] = frozenset()) -> frozenset[Index]:
    """The free indices of a term, fixed positions included."""
    if isinstance(term, Abstraction):
        return _free(term.body, bound | set(term.indices))
    if isinstance(term, Sum):
        return _free(term.body, bound | {term.index})
    here: list[Index] = []
    match term:
        case Entry(_, indices):
            here += indices
        case Delta(left, right):
            here += (left, right)
        case Component(_, indices, _, derivatives):
            here += [*indices, *(i for _, by in derivatives for i in by)]
        case Inverse(_, row, column):
            here += (row, column)
        case Partial(_, Entry(_, indices)):
            here += indices
    found = frozenset(index for index in here if index not in bound)
    return found.union(*(_free(child, bound) for child in children(term)))
