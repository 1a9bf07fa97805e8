"""Terms to polynomials: definitions, inverses, determinants and differentiation. TRUSTED."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from derive.functions import FUNCTIONS
from derive.normal.laws import Condition, Undefined
from derive.normal.polynomial import (
    UNIT,
    Atom,
    Frozen,
    Poly,
    Rational,
    add,
    diagonal_of,
    freeze,
    is_size,
    leading,
    occurs,
    small,
    tensor_names,
)
from derive.normal.sums import Sums
from derive.terms import (
    Abstraction,
    Apply,
    Component,
    Context,
    Delta,
    Determinant,
    Entry,
    Equation,
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

ARGUMENT = "\0"  # no tensor of a claim can have this name


@dataclass(frozen=True, slots=True)
class Argument(Term):
    """The variable at which a known function is unfolded and differentiated."""


def is_fixed(whole: object, *indices: Atom) -> bool:
    """Whether something depends on none of these indices."""
    return not any(occurs(index, whole) for index in indices)


class NormalForm(Sums):
    """The normal form of terms.

    Attributes:
        case: which free indices are taken to be equal: each with its representative.
        symmetric: the matrices known to be symmetric, each with the labels that this rests on.
    """

    def __init__(self, context: Context, effort: int, case: Mapping[Atom, Atom] | None = None):
        super().__init__(context, effort, apart=case is not None)
        self.case: Mapping[Atom, Atom] = case or {}
        self._demanded: dict[tuple[str, tuple[str, ...], bool], frozenset[Condition]] = {}
        self._open: set[tuple[str, tuple[str, ...], bool]] = set()
        self._unfolded: dict[tuple[str, tuple[str, ...], bool], tuple[tuple[Atom, ...], Poly]] = {}

    def index(self, index: Index) -> Atom:
        key = str(index.range)
        self.dimensions.setdefault(key, index.range)
        return (0 if isinstance(index.name, int) else 1, index.name, key)

    def normalise(self, term: Term, scope: Mapping[Atom, Atom]) -> Poly:
        """The normal form of a term; `scope` says what its indices stand for."""

        def at(index: Index) -> Atom:
            key = self.index(index)
            return scope[key] if key in scope else self.case.get(key, key)

        match term:
            case Argument():
                return {((("T", ARGUMENT), 1),): 1}
            case Number(value):
                return {UNIT: small(Fraction(value))} if value else {}
            case Size(dimension):
                return self.size(dimension)
            case Entry(tensor, indices):
                return self.entry(tensor, tuple(map(at, indices)), written=True)
            case Delta(left, right):
                return self.delta(at(left), at(right))
            case Plus(terms):
                total: Poly = {}
                for part in terms:
                    add(total, self.normalise(part, scope))
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
                    exponent_value = above.get(UNIT, 0)
                    reduced = self.reduce(below)
                    self.demand_power(reduced, exponent_value, needed=True)
                    return self.power(below, exponent_value)
                if all(is_size(mono) and times.denominator == 1 for mono, times in above.items()):
                    return self.power_by_dimensions(below, above)
                return self.exp(self.multiply(above, self.log(below)))
            case Sum(index, body):
                key = self.index(index)
                if self.expands(key[-1]):
                    total = {}
                    for value in range(index.range.number or 0):
                        self.spend(1)
                        add(total, self.normalise(body, {**scope, key: (0, value, key[-1])}))
                    return total
                bound = self.fresh(key[-1])
                return self.sum_over(bound, self.normalise(body, {**scope, key: bound}))
            case Apply(function, argument, order):
                inside = self.normalise(argument, scope)
                if function == "log":
                    self.require("> 0", self.reduce(inside), needed=True)
                return self.apply(function, order, inside)
            case Component(function, indices, arguments, derivatives):
                places = tuple(sorted((slot, tuple(map(at, by))) for slot, by in derivatives))
                inner = tuple(self.abstract(*self.open_term(part, scope)) for part in arguments)
                atom = ("M", function, tuple(map(at, indices)), places, inner)
                return {((self.bounded(atom), 1),): 1}
            case Inverse(matrix, row, column):
                (r, c), entry = self.open_term(matrix, scope)
                return self.closed(self.inverse(r, c, entry, at(row), at(column)), r, c)
            case Determinant(matrix):
                (r, c), entry = self.open_term(matrix, scope)
                return self.closed(self.determinant(r, c, entry), r, c)
            case Partial(body, Entry(tensor, indices)):
                return self.partial(body, tensor, tuple(map(at, indices)), scope)
        raise TypeError(f"not a term: {term!r}")

    def open_term(self, part: Abstraction, scope: Mapping[Atom, Atom]) -> tuple[tuple[Atom, ...], Poly]:
        keys = [self.index(i) for i in part.indices]
        bound = tuple(self.fresh(key[-1]) for key in keys)
        body = self.normalise(part.body, {**scope, **dict(zip(keys, bound, strict=True))})
        return bound, self.reduce(body)

    def closed(self, poly: Poly, *indices: Atom) -> Poly:
        """The polynomial, which must not mention indices that were only lent to a matrix."""
        if not is_fixed(freeze(poly), *indices):
            raise Undefined("a row or column index escapes from its matrix")
        return poly

    def entry(self, tensor: str, at: tuple[Atom, ...], written: bool = False) -> Poly:
        """An entry, unfolded where it is defined; what that demands is needed only of an entry as written."""
        definition = self.context.definitions.get(tensor)
        if definition is not None and tensor not in self.stops:
            if len(definition.indices) != len(at):
                raise Undefined(f"{tensor} has {len(definition.indices)} indices, not {len(at)}")
            bound, body = self.unfold(tensor, definition)
            self._demand_at(tensor, bound, at, written)
            return self.transform(body, dict(zip(bound, at, strict=True)))
        if tensor in self.symmetric and tensor not in self.stops and len(at) == 2:
            if at != tuple(sorted(at)):
                self.fired.update(self.symmetric[tensor])
            at = tuple(sorted(at))
        return {((("T", tensor, *at), 1),): 1}

    def unfold(self, tensor: str, definition: Abstraction) -> tuple[tuple[Atom, ...], Poly]:
        """The general entry of a defined tensor, remembered for the present stops.

        While hypotheses are compiled nothing is recorded or reduced, so that is remembered apart.
        """
        key = (tensor, self.stops, self.compiling)
        if key in self._open:
            raise Undefined(f"{tensor} is defined by itself")
        if key not in self._unfolded:
            self._open.add(key)
            conditions, self.conditions = self.conditions, set()
            bound = tuple(self.fresh(str(index.range)) for index in definition.indices)
            self.parameters |= set(bound)
            try:
                keys = [self.index(index) for index in definition.indices]
                body = self.reduce(self.normalise(definition.body, dict(zip(keys, bound, strict=True))))
                self._unfolded[key] = bound, body
                self._demanded[key] = frozenset(self.conditions)
            finally:
                self._open.discard(key)
                self.parameters -= set(bound)
                self.conditions = conditions
        return self._unfolded[key]

    def _demand_at(self, tensor: str, bound: tuple[Atom, ...], at: tuple[Atom, ...], written: bool) -> None:
        """What a definition demands, of the entry that is used."""
        moves = dict(zip(bound, at, strict=True))
        for condition in self._demanded[tensor, self.stops, self.compiling]:
            moved = self.transform(dict(condition.poly), moves)
            self.require(condition.kind, moved, needed=written and condition.needed)

    def apply(self, function: str, order: int, argument: Poly) -> Poly:
        record = FUNCTIONS.get(function)
        if record is None:
            return {((self.bounded(("F", function, order, freeze(self.reduce(argument)))), 1),): 1}
        if order == 0:
            if function == "exp":
                return self.exp(argument)
            if function == "log":
                return self.log(argument)
            if record.definition is None:
                return {((self.bounded(("F", function, 0, freeze(self.reduce(argument)))), 1),): 1}
        # A known function is unfolded at a variable of its own, differentiated there, then moved.
        variable, at = ARGUMENT, Argument()
        conditions, self.conditions = self.conditions, set()
        poly = self.normalise(record.definition(at) if record.definition else Apply(function, at), {})
        for _ in range(order):
            poly = self.differentiate(poly, variable, ())
        met, self.conditions = self.conditions, conditions

        def moved(part: Poly) -> Poly:
            return self.transform(part, {}, lambda tensor, _: argument if tensor == variable else None)

        for condition in met:
            self.require(condition.kind, moved(dict(condition.poly)))
        return moved(poly)

    def inverse(self, r: Atom, c: Atom, body: Poly, i: Atom, j: Atom) -> Poly:
        """Entry (i, j) of the inverse of the matrix with entries body(r, c)."""
        if not body:
            raise Undefined("it inverts a matrix that is always 0")
        diagonal = diagonal_of(body, r, c)
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
            if atom[0] == "I" and exponent == 1 and {*atom[2:]} == {r, c} and is_fixed(atom[1], r, c):
                (p, q), matrix = atom[1]
                ends = {p: i, q: j} if atom[2] == r else {p: j, q: i}
                return self.transform(dict(matrix), ends)
        self.require("!= 0", self.determinant(r, c, body))
        matrix, (i, j) = self._oriented(body, r, c, (i, j))
        return {((self.bounded(("I", matrix, i, j)), 1),): 1}

    def determinant(self, r: Atom, c: Atom, body: Poly) -> Poly:
        """det of the matrix with entries body(r, c): det(AB) = det A det B for square A and B."""
        if not body:
            return {}
        if body == self.delta(r, c):
            return {UNIT: 1}
        if self.dimensions[r[-1]].number == 1:
            return self.transform(body, {r: (0, 0, r[-1]), c: (0, 0, r[-1])})
        scale, inner = self._scalar_content(body, r, c)
        if scale != {UNIT: 1}:
            factor = self.power_by_dimensions(scale, self.size(r[-1]))
            return self.multiply(factor, self.determinant(r, c, inner))
        split = self._square_factors(body, r, c)
        if split is not None:
            k, left, right = split
            return self.multiply(self.determinant(r, k, left), self.determinant(k, c, right))
        if len(body) == 1 and len(next(iter(body))) == 1:
            (((atom, exponent),),) = body
            if atom[0] == "I" and exponent == 1 and {*atom[2:]} == {r, c} and is_fixed(atom[1], r, c):
                return self.power({((("J", atom[1]), 1),): 1}, -1)
        return {((self.bounded(("J", self._oriented(body, r, c, None)[0])), 1),): 1}

    def _scalar_content(self, body: Poly, r: Atom, c: Atom) -> tuple[Poly, Poly]:
        """A common factor that mentions neither index, and the rest."""
        outside, rest = self._content(body, everything=True)
        common = {a: e for a, e in outside if not occurs(r, a) and not occurs(c, a)}
        rest = self.scale(body, {a: -e for a, e in common.items()})
        scale = rest[leading(rest)]
        return add({}, self.monomial(common), scale), add({}, rest, 1 / Fraction(scale))

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
        """The abstraction of a matrix or of its transpose, whichever comes first, and the indices to match.

        For a symmetric matrix these are sorted.
        """
        as_is, flipped = self.abstract((r, c), body), self.abstract((c, r), body)
        i, j = at or (r, c)
        if as_is[1] == flipped[1]:
            return as_is, (min(i, j), max(i, j))
        return (as_is, (i, j)) if as_is[1] < flipped[1] else (flipped, (j, i))

    def partial(self, body: Term, tensor: str, at: tuple[Atom, ...], scope: Mapping[Atom, Atom]) -> Poly:
        """The partial derivative of a term by an entry; see derive.terms.Partial for its meaning."""
        held = next((stop for stop in self.stops if tensor in self._rests_on(stop)), None)
        if held is not None:
            raise Undefined(f"{held} is held fixed here, but it depends on {tensor}")
        stops, conditions = self.stops, self.conditions
        self.stops, self.conditions = tuple(sorted({*stops, tensor})), set()
        try:
            poly = self.reduce(self.normalise(body, scope))
            slope = self.differentiate(poly, tensor, at)
            if not slope:
                self._demand_independence(poly, tensor)
                self._demand_dependence(poly, tensor)
            demanded = self.conditions
        finally:
            self.stops, self.conditions = stops, conditions
        for condition in demanded:
            moved = self.transform(dict(condition.poly), {}, lambda *_: None)
            self.require(condition.kind, moved, needed=condition.needed)
        return self.transform(slope, {}, lambda *_: None)

    def _rests_on(self, tensor: str) -> frozenset[str]:
        """The tensors through which a tensor is defined, directly and further down."""
        found: set[str] = set()
        todo = [tensor]
        while todo:
            definition = self.context.definitions.get(todo.pop())
            new = tensors(definition.body) - found if definition is not None else frozenset()
            found |= new
            todo += new
        return frozenset(found)

    def _demand_independence(self, poly: Poly, tensor: str) -> None:
        """Refuse to call a derivative 0 where an equation relates the two: with a = 2b, is da/db 0 or 2?"""
        inside = tensor_names(freeze(poly))
        inside |= {name for stop in inside & set(self.stops) for name in self._rests_on(stop)}
        for hypothesis in self.context.hypotheses:
            if isinstance(hypothesis, Equation):
                mentioned = tensors(hypothesis.lhs) | tensors(hypothesis.rhs)
                mentioned |= {name for other in mentioned for name in self._rests_on(other)}
                if tensor in mentioned:
                    free = mentioned - self.context.definitions.keys() - {tensor} - self._rests_on(tensor)
                    if related := sorted(free & inside):
                        raise Undefined(
                            f"a hypothesis relates {related[0]} to {tensor}, by which it is differentiated"
                        )

    def _demand_dependence(self, poly: Poly, tensor: str) -> None:
        """Refuse a derivative by a defined quantity that is related to `poly` without standing in it."""
        definition = self.context.definitions.get(tensor)
        if definition is None or tensor in tensor_names(freeze(poly)):
            return
        stops, self.stops = self.stops, tuple(s for s in self.stops if s != tensor)
        try:
            behind = tensor_names(freeze(self.unfold(tensor, definition)[1]))
        finally:
            self.stops = stops
        if behind & tensor_names(freeze(poly)):
            raise Undefined(
                f"what is differentiated does not mention {tensor}, only what {tensor} is made of"
            )

    def differentiate(self, poly: Poly, tensor: str, at: tuple[Atom, ...]) -> Poly:
        """d poly / d tensor[at], by the rules of Leibniz and the chain rule."""
        total: Poly = {}
        for mono, coefficient in poly.items():
            for place, (atom, exponent) in enumerate(mono):
                slope = self.differentiate_atom(atom, tensor, at)
                if slope and 0 < exponent < 1:
                    self.require("!= 0", {((atom, 1),): 1})  # a root has no derivative at 0
                if slope:
                    rest = dict(mono[:place] + mono[place + 1 :])
                    rest[atom] = exponent - 1
                    outer = self.monomial(rest)
                    add(total, self.multiply(outer, slope), coefficient * exponent)
        return total

    def differentiate_atom(self, atom: Atom, tensor: str, at: tuple[Atom, ...]) -> Poly:
        def again(poly: Poly) -> Poly:
            return self.differentiate(poly, tensor, at)

        if tensor not in tensor_names(atom):
            return {}
        match atom:
            case ("T", name, *places):
                # dT[i,j]/dT[k,l] = delta_ik delta_jl
                if name != tensor:
                    return {}
                if len(places) != len(at):
                    raise Undefined(f"{tensor} has {len(places)} indices here, and {len(at)} there")
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
            case ("R", poly, sizes):
                # d t^m = m t^(m-1) dt
                lower = self.multiply({((atom, 1),): 1}, self.power(dict(poly), -1))
                return self.multiply(self.multiply({sizes: 1}, lower), again(dict(poly)))
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
                    conditions, self.conditions = self.conditions, set()
                    outer = self.normalise(record.derivative(Argument()), {})
                    self.conditions = conditions
                    outer = self.transform(outer, {}, lambda t, _: dict(poly) if t == ARGUMENT else None)
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
                    add(slope, part)
                return slope
            case ("I", ((r, c), inner), i, j):
                # d(A^-1) = -A^-1 dA A^-1
                return add({}, self._through_inverse(atom[1], r, c, again, i, j, inner), -1)
            case ("J", ((r, c), inner)):
                # d(det A) = det A tr(A^-1 dA), for invertible A
                k, m = self.fresh(r[-1]), self.fresh(c[-1])
                moved = again(self.transform(dict(inner), {r: k, c: m}))
                opened = self.transform(
                    dict(inner), {r: (r2 := self.fresh(r[-1])), c: (c2 := self.fresh(c[-1]))}
                )
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
