"""Points inside the hypotheses of a claim, with rational coordinates, small ones first.

A Setting is a claim at one choice of sizes, written out together with its hypotheses; its points are drawn
so that every hypothesis holds exactly. An equation that is polynomial in the unknown entries is *solved*:
entries are drawn one after the other, and what an equation then determines is computed, with a step back
where it cannot be met. So Σ_i y_i = 1 leaves one entry to compute, and y_i² = y_i chooses between 0 and 1.
Matrices with QᵀQ = I come from Cayley's transform. An equation T_i = t between an entry and something that is
not a polynomial *assigns* t to the entry. Whatever way a point came about, every hypothesis is then checked
at it by exact arithmetic (or certified by balls); a point at which one cannot be confirmed is not used.

Hypotheses speak of the point, never of other values of the same tensors. What is said of an arbitrary
function could be meant for all its arguments; where that would make a difference, the claim is declined.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, cycle, islice
from math import prod

import flint
from flint import arb, fmpq, fmpq_mat, fmpq_poly

from derive.functions import FUNCTIONS
from derive.terms import (
    Abstraction,
    Apply,
    AtLeast,
    Claim,
    Coincide,
    Component,
    Delta,
    Entry,
    Equation,
    Hypothesis,
    Index,
    Nonzero,
    Positive,
    Product,
    Sum,
    Term,
    tensors,
    walk,
)
from numeric.evaluate import (
    BALLS,
    RATIONALS,
    Circuit,
    Evaluation,
    Inexpressible,
    OutsideDomain,
    Rational,
    Scope,
    Unevaluable,
    Value,
    Where,
    dimensions,
    reachable,
)

Point = dict[int, Value]  # the value (fmpq) of each leaf of a circuit
Uses = set[
    tuple[str, frozenset[str]]
]  # ("x", ∅) for a tensor, ("f()", {"x"}) for an arbitrary function of it

STYLES = tuple(
    tuple(fmpq(*map(int, text.split("/"))) for text in pool.split())
    for pool in (
        "1 2 -1 3 -2",
        "1/2 2 1 3 1/3 3/2",
        "1/2 1/3 1/4 2/3 1/5 1/6 1/8",
        "-1/2 -1 -2 -1/3 -3",
        "1/2 -1/2 3/2 -1 1/3 -2/3 2",
        "0 1 0 -1 2 0",
        "0",
        "4 -5 10 -3",
    )
)
"""Where the coordinates of the first points come from, one style a point; later points mix them."""

LONGEST = 20_000  # parts of a claim, definitions included
MOST_PLACES = 100  # choices of the free indices that are all tried; beyond it some are picked
MOST_INSTANCES = 3000  # of one hypothesis
ATTEMPTS = 12  # draws for one point


class Question:
    """A claim as it concerns sampling: read once, then set at many sizes.

    Attributes:
        claim: the claim.
        symbols: the dimension symbols that both sides depend on.
        beside: those that only the hypotheses mention.
        indices: the free indices of both sides, in order, but for the constant ones.
        constants: the free indices that are particular ones.
        relevant: the hypotheses on what the claim depends on, directly or through other hypotheses.
    """

    def __init__(self, claim: Claim, seed: int):
        self.claim = claim
        self.rng = random.Random(seed)
        self.stated = _stated(claim.context.hypotheses)
        both = [claim.lhs, claim.rhs]
        bodies = [definition.body for definition in claim.context.definitions.values()]
        parts = chain.from_iterable(map(walk, both + self.stated + bodies))
        if next(islice(parts, LONGEST, None), None) is not None:
            raise Unevaluable("the claim is too long")
        self.scope = Scope(claim.context)
        own = set(self._symbols(both))
        self.symbols = sorted(own)
        mentioned = {name for h in claim.context.hypotheses for name in _range_names(h)}
        self.beside = sorted((mentioned | set(self._symbols(self.stated))) - own)
        particular = claim.context.constants
        self.indices = [i for i in self.free(both) if i.name not in particular]
        self.constants = [i for i in self.free(both + self.stated) if i.name in particular]
        self.relevant = self._relevant(claim.context.hypotheses, self._uses(both))
        self._demand_one_meaning()

    def behind(self, terms: list[Term]) -> list[Abstraction]:
        """The definitions on which terms rest."""
        definitions = self.claim.context.definitions
        names = reachable(chain.from_iterable(map(tensors, terms)), definitions)
        return [definitions[name] for name in sorted(names & definitions.keys())]

    def _symbols(self, terms: list[Term]) -> Iterator[str]:
        for part in chain(terms, self.behind(terms)):
            for dimension in dimensions(part):
                yield from dimension.names

    def free(self, terms: list[Term]) -> list[Index]:
        """The free indices of terms, in order, those that come in through definitions included."""
        found = {i for part in chain(terms, self.behind(terms)) for i in self.scope.free(part)}
        return sorted(found, key=lambda i: (str(i.name), str(i.range)))

    def _uses(self, terms: list[Term]) -> Uses:
        """The tensors and the arbitrary functions behind terms."""
        found: Uses = set()
        bodies = [definition.body for definition in self.behind(terms)]
        for part in chain.from_iterable(map(walk, terms + bodies)):
            if isinstance(part, Entry):
                found.add((part.tensor, frozenset()))
            elif isinstance(part, Component) or (isinstance(part, Apply) and part.function not in FUNCTIONS):
                found.add((f"{part.function}()", tensors(part)))
        return found

    def _relevant(self, hypotheses: tuple[Hypothesis, ...], uses: Uses) -> list[Hypothesis]:
        names = {name for name, _ in uses}
        mentioned = [(h, {name for name, _ in self._uses(_stated([h]))}) for h in hypotheses]
        found: list[Hypothesis] = []
        while grown := [pair for pair in mentioned if pair[0] not in found and names & pair[1]]:
            found += [h for h, _ in grown]
            names = names.union(*(more for _, more in grown))
        return found

    def _demand_one_meaning(self) -> None:
        """Refuse what may be meant for all arguments of f: an equation, or a sign at another place."""
        both = self._uses([self.claim.lhs, self.claim.rhs])
        for hypothesis in self.relevant:
            stated = {use for use in self._uses(_stated([hypothesis])) if use[0].endswith("()")}
            functions = {name for name, _ in stated}
            elsewhere = {use for use in both if use[0] in functions} - stated
            if elsewhere or (stated and isinstance(hypothesis, Equation)):
                raise Unevaluable("a hypothesis on an arbitrary function may be meant for all its arguments")

    def constrained(self) -> frozenset[str]:
        """The tensors of which a relevant hypothesis says something, itself or through definitions."""
        names = chain.from_iterable(map(tensors, _stated(self.relevant)))
        return reachable(names, self.claim.context.definitions)

    def settings(self, sizes: Mapping[str, int], count: int) -> Iterator[tuple[Setting, list[Point]]]:
        """The claim at these sizes, with up to `count` points, for each choice (or some) of its constants.

        Sizes that are missing are chosen here. Nothing comes where the sizes are excluded, or no point was
        found. Raises Unevaluable.
        """
        missing = [name for name in self.symbols + self.beside if name not in sizes]
        bounds = [h for h in self.claim.context.hypotheses if isinstance(h, AtLeast)]
        for other in (2, 1, 4) if missing else (0,):
            chosen = {**dict.fromkeys(missing, other), **sizes}
            if any(h.dimension.value(chosen) < h.bound for h in bounds):
                continue
            found = False
            try:
                values = Circuit(self.scope, chosen).values(self.constants)
                choices = list(islice(values, 1000))
                for choice in choices if len(choices) <= 4 else self.rng.sample(choices, 3):
                    setting = Setting(self, chosen, dict(zip(self.constants, choice, strict=True)))
                    points = setting.points(count) if setting.places else []
                    if points:
                        found = True
                        yield setting, points
            except OutsideDomain:
                continue
            if found:
                return


def _stated(hypotheses: Iterable[Hypothesis]) -> list[Term]:
    """The terms of hypotheses."""
    found: list[Term] = []
    for hypothesis in hypotheses:
        if isinstance(hypothesis, Equation):
            found += [hypothesis.lhs, hypothesis.rhs]
        elif isinstance(hypothesis, Positive | Nonzero):
            found.append(hypothesis.term)
    return found


def _range_names(hypothesis: Hypothesis) -> frozenset[str]:
    if isinstance(hypothesis, AtLeast):
        return hypothesis.dimension.names
    return hypothesis.left.range.names if isinstance(hypothesis, Coincide) else frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """One choice of a claim's free indices, and the nodes of both sides there."""

    where: Where
    lhs: int
    rhs: int


class Setting:
    """A claim at one choice of sizes and of its constant indices, written out with its hypotheses.

    Attributes:
        circuit: where both sides and all hypotheses are written.
        places: both sides, for each choice of the free indices.
        assigned: leaves that hypotheses set equal to another node.
    """

    def __init__(self, question: Question, sizes: Mapping[str, int], constants: Where):
        self.question = question
        self.claim = claim = question.claim
        self.rng = question.rng
        self.constants = constants
        self.circuit = Circuit(question.scope, sizes)
        self.places = [
            Place(where, self.circuit.write(claim.lhs, where), self.circuit.write(claim.rhs, where))
            for where in self._choices()
        ]
        self.assigned: dict[int, int] = {}
        self._equations: list[tuple[int, ...]] = []  # pairs of nodes
        self._system: list[Polynomial] = []  # those that are polynomial, as p = 0
        self._orthogonal: list[tuple[str, int]] = []
        self._signs: list[tuple[int, bool]] = []  # nodes that are not 0, and whether they are positive
        self._impose()

    def _choices(self) -> Iterator[dict[Index, int]]:
        """The values of the free indices, in order, where the hypotheses about them allow."""
        coinciding = [h for h in self.claim.context.hypotheses if isinstance(h, Coincide)]
        named = {i for h in coinciding for i in (h.left, h.right) if isinstance(i.name, str)}
        own = self.question.indices
        indices = own + sorted(named - set(own) - self.constants.keys(), key=str)
        ranges = [self.circuit.size(i.range) for i in indices]
        if prod(ranges) <= MOST_PLACES:
            choices = self.circuit.values(indices)
        else:
            picked = (tuple(self.rng.randrange(r) for r in ranges) for _ in range(40))
            choices = chain([tuple(0 for _ in ranges), tuple(r - 1 for r in ranges)], picked)
        for choice in choices:
            where = {**self.constants, **dict(zip(indices, choice, strict=True))}
            if all((_value(h.left, where) == _value(h.right, where)) == h.equal for h in coinciding):
                yield where

    # ── the hypotheses ──

    def _impose(self) -> None:
        """Write the hypotheses out, and find out how to meet them.

        One that the claim has nothing to do with is left out where it is too large or not polynomial.
        """
        written: list[tuple[Equation, list[tuple[int, ...]]]] = []
        for hypothesis in self.claim.context.hypotheses:
            if isinstance(hypothesis, Coincide | AtLeast):
                continue
            try:
                nodes = self._instances(hypothesis)
            except Unevaluable:
                if hypothesis in self.question.relevant:
                    raise
                continue
            if isinstance(hypothesis, Equation):
                written.append((hypothesis, nodes))
            else:
                self._signs += [(node, isinstance(hypothesis, Positive)) for (node,) in nodes]
        self.leaves = self.circuit.complete()
        unknown = {leaf: Polynomial({(leaf,): fmpq(1)}) for leaf in self.leaves}
        algebra = Evaluation(self.circuit, POLYNOMIALS, unknown)
        for equation, nodes in written:
            orthogonal = _orthogonal(equation)
            if orthogonal and orthogonal[0] in self.circuit.shapes:
                self._orthogonal.append(orthogonal)
            try:
                self._system += [p for p in (_flat(algebra, *pair) for pair in nodes) if p.terms]
            except (Inexpressible, OutsideDomain):
                if equation not in self.question.relevant:
                    continue
                for lhs, rhs in nodes:
                    self._assign(lhs, rhs)
            self._equations += nodes

    def _instances(self, hypothesis: Equation | Positive | Nonzero) -> list[tuple[int, ...]]:
        """The nodes of a hypothesis for every value of its universal indices."""
        terms = _stated([hypothesis])
        universal = [i for i in self.question.free(terms) if i not in self.constants]
        if prod(self.circuit.size(i.range) for i in universal) > MOST_INSTANCES:
            raise Unevaluable("a hypothesis has too many instances")
        found = []
        for choice in self.circuit.values(universal):
            where = {**self.constants, **dict(zip(universal, choice, strict=True))}
            found.append(tuple(self.circuit.write(term, where) for term in terms))
        return found

    def _assign(self, lhs: int, rhs: int) -> None:
        """Let a leaf be worth the other side of an equation, where a side is one.

        Otherwise the equation may still hold by chance, as many do at 0.
        """
        for leaf, node in ((lhs, rhs), (rhs, lhs)):
            if self.circuit.nodes[leaf][0] == "leaf" and leaf not in self.assigned:
                mask = self.circuit.masks[node]
                for _ in self.assigned:
                    for other, behind in self.assigned.items():
                        if mask & self.circuit.bits[other]:
                            mask |= self.circuit.masks[behind]
                if not mask & self.circuit.bits[leaf]:
                    self.assigned[leaf] = node
                    return

    # ── points ──

    def points(self, count: int, start: int = 0) -> list[Point]:
        """Up to `count` different points; `start` is how many styles to pass over."""
        found: list[Point] = []
        for number in range(start, start + count):
            confirmed = 0
            for attempt in range(ATTEMPTS):
                point = self._draw(number + attempt // 2)
                if point is not None and self._confirmed(point):
                    confirmed += 1
                    if point not in found:
                        found.append(point)
                        break
                    if confirmed == 4:
                        break
            if not found and number > start:
                break
        return found

    def _draw(self, style: int) -> Point | None:
        supplies: dict[str, Iterator[Value]] = {}
        positive = {node for node, above in self._signs if above}

        def draw(leaf: int) -> Value:
            operation, name, _ = self.circuit.nodes[leaf]
            key = f"{operation} {name}"
            if key not in supplies:
                number = style if style < len(STYLES) else self.rng.randrange(len(STYLES))
                pool = list(STYLES[0 if operation == "coefficient" else number])
                if style:
                    self.rng.shuffle(pool)
                shift = len(supplies) % len(pool)
                supplies[key] = cycle(pool[shift:] + pool[:shift])
            value = next(supplies[key])
            return (abs(value) or fmpq(1)) if leaf in positive else value

        point: Point = {}
        for tensor, contracted in self._orthogonal:
            matrix = self._cayley(tensor, contracted)
            if matrix is None:
                return None
            point.update(matrix)
        system = self._system
        for leaf, value in point.items():
            system = [p.substituted(leaf, Polynomial.constant(value)) for p in system]
        solution = Solver(draw, self.rng).solve(system)
        if solution is None:
            return None
        point.update(solution)
        for leaf in self.leaves:
            if leaf not in point and leaf not in self.assigned:
                point[leaf] = draw(leaf)
        return point

    def _cayley(self, tensor: str, contracted: int) -> Point | None:
        """Orthonormal columns (rows) from Q = (I − S)(I + S)⁻¹ D, with S antisymmetric and D of signs ±1.

        `contracted` is the position of the index that Σ_k Q_ki Q_kj sums over.
        """
        shape = self.circuit.shapes[tensor]
        n, m = shape[contracted], shape[1 - contracted]
        if m > n:
            return None  # no more than n orthonormal vectors have n entries
        skew = fmpq_mat(n, n)
        for r in range(n):
            for c in range(r):
                skew[r, c] = self.rng.choice((1, -1, 2, fmpq(1, 2), fmpq(1, 3)))
                skew[c, r] = -skew[r, c]
        unit = fmpq_mat(n, n, [int(r == c) for r in range(n) for c in range(n)])
        whole = (unit - skew) * (unit + skew).inv()
        point: Point = {}
        for c in range(m):
            sign = self.rng.choice((1, -1))
            for r in range(n):
                position = (r, c) if contracted == 0 else (c, r)
                point[self.circuit.node("leaf", tensor, position)] = sign * whole[r, c]
        return point

    def _confirmed(self, point: Point) -> bool:
        """Whether every hypothesis certainly holds at a point."""
        exact = Evaluation(self.circuit, RATIONALS, point, self.assigned)
        with flint.ctx.workprec(128):
            balls = Evaluation(self.circuit, BALLS, enclosed(point), self.assigned)

            def value(node: int) -> Value:
                try:
                    return exact.value(node)
                except Inexpressible:
                    return balls.value(node)

            try:
                for node, above in self._signs:
                    if not (value(node) > 0 if above else value(node) != 0):
                        return False
                for lhs, rhs in self._equations:
                    if self.assigned.get(lhs) == rhs or self.assigned.get(rhs) == lhs:
                        continue
                    if not _identical(value(lhs), value(rhs)):
                        return False
            except OutsideDomain:
                return False
        return True


def enclosed(point: Point) -> dict[int, Value]:
    """The point in balls, at the working precision."""
    return {leaf: arb(value) for leaf, value in point.items()}


def _identical(left: Value, right: Value) -> bool:
    """Whether two numbers, exact or in balls, certainly are the same."""
    if isinstance(left, fmpq) and isinstance(right, fmpq):
        return bool(left == right)
    return bool((arb(left) - arb(right)).is_zero())


def _value(index: Index, where: Where) -> int:
    return index.name if isinstance(index.name, int) else where[index]


def _orthogonal(equation: Equation) -> tuple[str, int] | None:
    """The tensor Q of a hypothesis Σ_k Q_ki Q_kj = δ_ij (or Σ_k Q_ik Q_jk), and the position of k."""
    for left, right in ((equation.lhs, equation.rhs), (equation.rhs, equation.lhs)):
        match left, right:
            case Sum(k, Product((Entry(q, first), Entry(other, second)))), Delta(i, j) if q == other:
                for contracted in (0, 1):
                    if len(first) == len(second) == 2 and first[contracted] == second[contracted] == k:
                        outer = first[1 - contracted], second[1 - contracted]
                        if outer in ((i, j), (j, i)) and i != j:
                            return q, contracted
    return None


# ── polynomial equations ───────────────────────────────────────────────────────────────────────────────────


class Polynomial:
    """A polynomial in leaves with rational coefficients: {sorted leaves, repeated: coefficient}, no zeros."""

    __slots__ = ("terms",)

    def __init__(self, terms: dict[tuple[int, ...], Value]):
        self.terms = terms

    @staticmethod
    def constant(value: Value) -> Polynomial:
        return Polynomial({(): value} if value != 0 else {})

    def __add__(self, other: Value) -> Polynomial:
        if not isinstance(other, Polynomial):
            return NotImplemented  # a Dual of polynomials knows how to add one
        total = dict(self.terms)
        for monomial, coefficient in other.terms.items():
            joined = total.get(monomial, 0) + coefficient
            if joined != 0:
                total[monomial] = joined
            else:
                del total[monomial]
        return Polynomial(total)

    def __mul__(self, other: Value) -> Polynomial:
        if not isinstance(other, Polynomial):
            return NotImplemented
        total: dict[tuple[int, ...], Value] = {}
        for m, a in self.terms.items():
            for n, b in other.terms.items():
                key = tuple(sorted(m + n))
                total[key] = total.get(key, 0) + a * b
        return Polynomial({m: c for m, c in total.items() if c != 0})

    @property
    def unknowns(self) -> set[int]:
        return set(chain.from_iterable(self.terms))

    def substituted(self, unknown: int, value: Polynomial) -> Polynomial:
        """The polynomial with an unknown replaced."""
        if not any(unknown in monomial for monomial in self.terms):
            return self
        total = Polynomial({m: c for m, c in self.terms.items() if unknown not in m})
        for monomial, coefficient in self.terms.items():
            if unknown in monomial:
                part = Polynomial({tuple(leaf for leaf in monomial if leaf != unknown): coefficient})
                for _ in range(monomial.count(unknown)):
                    part = part * value
                total = total + part
        return total

    def roots(self) -> list[Value]:
        """The rational roots of a polynomial in one unknown."""
        coefficients = [fmpq(0)] * (1 + max(map(len, self.terms)))
        for monomial, coefficient in self.terms.items():
            coefficients[len(monomial)] = coefficient
        if len(coefficients) == 2:
            return [-coefficients[0] / coefficients[1]]
        return [root for root, _ in fmpq_poly(coefficients).roots()]

    def solvable(self) -> int | None:
        """An unknown that occurs in one term only, and there linearly and alone."""
        lone = [m[0] for m in self.terms if len(m) == 1]
        for unknown in sorted(lone, reverse=True):
            if sum(unknown in monomial for monomial in self.terms) == 1:
                return unknown
        return None


class Polynomials:
    """The arithmetic of polynomials: nothing is divided by but numbers."""

    def number(self, value: Rational) -> Value:
        return Polynomial.constant(RATIONALS.number(value))

    def power(self, base: Value, exponent: Rational) -> Value:
        if set(base.terms) <= {()}:
            return Polynomial.constant(RATIONALS.power(base.terms.get((), fmpq(0)), exponent))
        if exponent.denominator > 1 or not 0 <= exponent <= 8:
            raise Inexpressible
        result = self.number(1)
        for _ in range(int(exponent)):
            result = result * base
        return result

    def function(self, name: str, argument: Value) -> Value:
        if set(argument.terms) <= {()}:
            return Polynomial.constant(RATIONALS.function(name, argument.terms.get((), fmpq(0))))
        raise Inexpressible

    def settle(self, value: Value) -> None:
        if isinstance(value, Polynomial) and len(value.terms) > 1000:
            raise Inexpressible

    def slope(self, slope: Value, value: Value) -> Value:
        return slope


POLYNOMIALS = Polynomials()


def _flat(algebra: Evaluation, lhs: int, rhs: int) -> Polynomial:
    """lhs − rhs as a polynomial; for √t = q with a positive number q, it is t − q²."""
    nodes = algebra.circuit.nodes
    for root, other in ((lhs, rhs), (rhs, lhs)):
        value = algebra.circuit.constant(other)
        if nodes[root][0] == "power" and nodes[root][2] == Fraction(1, 2) and value is not None and value > 0:
            square: Polynomial = algebra.value(nodes[root][1]) + algebra.numbers.number(-value * value)
            return square
    difference: Polynomial = algebra.value(lhs) + algebra.numbers.number(-1) * algebra.value(rhs)
    return difference


class Solver:
    """Rational solutions of polynomial equations: draw, compute what is determined, step back.

    `draw` proposes a value for an unknown; `steps` bounds the work of one solution.
    """

    def __init__(self, draw: Callable[[int], Value], rng: random.Random, steps: int = 300):
        self.draw = draw
        self.rng = rng
        self.steps = steps

    def solve(self, system: list[Polynomial]) -> Point | None:
        """Values for all unknowns of these equations p = 0, or None where none were found."""
        self.steps -= 1
        system = [p for p in system if p.terms]
        if not system:
            return {}
        if self.steps < 0 or any(set(p.terms) == {()} for p in system):
            return None
        single = [p for p in system if len(p.unknowns) == 1]
        if single:
            equation = min(single, key=lambda p: max(map(len, p.terms)))
            (unknown,) = equation.unknowns
            roots = equation.roots()
            self.rng.shuffle(roots)
            return self._try(system, unknown, roots)
        for equation in sorted(system, key=lambda p: len(p.terms)):
            pivot = equation.solvable()
            if pivot is not None:
                scale = Polynomial.constant(-1 / equation.terms[(pivot,)])
                value = Polynomial({m: c for m, c in equation.terms.items() if m != (pivot,)}) * scale
                rest = self.solve([p.substituted(pivot, value) for p in system])
                if rest is None:
                    return None
                for unknown in sorted(value.unknowns - rest.keys()):
                    rest[unknown] = self.draw(unknown)
                for unknown in value.unknowns:
                    value = value.substituted(unknown, Polynomial.constant(rest[unknown]))
                return {**rest, pivot: value.terms.get((), fmpq(0))}
        entangled = [leaf for p in system for m in p.terms if len(m) > 1 for leaf in set(m)]
        unknown = max(sorted(set(entangled)), key=entangled.count)
        return self._try(system, unknown, [self.draw(unknown) for _ in range(3)])

    def _try(self, system: list[Polynomial], unknown: int, values: list[Value]) -> Point | None:
        for value in values:
            rest = self.solve([p.substituted(unknown, Polynomial.constant(value)) for p in system])
            if rest is not None:
                return {**rest, unknown: value}
        return None
