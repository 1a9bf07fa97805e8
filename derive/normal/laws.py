"""The laws of arithmetic, exp, log, signs and sums on polynomials: TRUSTED.

Every law here is an equality of real functions wherever what it starts from is defined; what must not
vanish or must be positive for that is recorded as a Condition. Dimensions are at least 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from derive.normal.polynomial import (
    UNIT,
    Atom,
    Frozen,
    Mono,
    Poly,
    Rational,
    add,
    delta_on,
    free_indices,
    freeze,
    is_index,
    labellings,
    leading,
    level,
    magnitude,
    occurs,
    occurs_tag,
    prime_factors,
    quotient,
    small,
    weight,
)
from derive.terms import AtLeast, Context, Dimension

LARGEST = 20_000  # pieces that one atom may hold
EXPANDED = 12  # sums over concrete dimensions up to this size are written out
MINUS_ONE: Frozen = ((UNIT, -1),)


class Exhausted(RuntimeError):
    """The work allowed for one claim is used up: nothing is shown."""


class Undefined(ValueError):
    """A term that has no value anywhere, such as 1/0 or a derivative by something unrelated."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Where a claim makes sense: `poly` (a normal form) is '!= 0', '> 0' or '>= 0'.

    A condition is `needed` where the term as it is written demands it. What is met later, when parts of a
    normal form have been moved or split, may be stronger: it is reported, but never used in a proof.
    """

    poly: Frozen
    kind: str
    needed: bool = False


class Laws:
    """Polynomials in one context. The methods return polynomials and never change their arguments.

    Attributes:
        context: definitions and hypotheses.
        effort: how many more products of monomials are allowed.
        conditions: what the terms seen so far demand in order to be defined.
        fired: the labels of the hypotheses that were used.
        apart: whether distinct free indices are known to have distinct values.
        stops: the tensors that are being differentiated by, which are not unfolded.
        facts: what is known to be "> 0" or "!= 0", each with the labels that it rests on.
    """

    def __init__(self, context: Context, effort: int, apart: bool = False):
        self.context = context
        self.effort = effort
        self.apart = apart
        self.conditions: set[Condition] = set()
        self.fired: set[str] = set()
        self.facts: dict[tuple[str, Frozen], tuple[str, ...]] = {}
        self.dimensions: dict[str, Dimension] = {}
        self.stops: tuple[str, ...] = ()
        self.symmetric: dict[str, tuple[str, ...]] = {}
        self.expanding = True
        self.compiling = False
        self.parameters: set[Atom] = set()  # of the definitions that are being unfolded
        self.count = 0

    def reduce(self, poly: Poly) -> Poly:
        """The polynomial under the hypotheses in force."""
        raise NotImplementedError

    def entry(self, tensor: str, at: tuple[Atom, ...]) -> Poly:
        """An entry of a tensor, unfolded where it is defined."""
        raise NotImplementedError

    def inverse(self, r: Atom, c: Atom, body: Poly, i: Atom, j: Atom) -> Poly:
        """Entry (i, j) of the inverse of the matrix with entries body(r, c)."""
        raise NotImplementedError

    def determinant(self, r: Atom, c: Atom, body: Poly) -> Poly:
        """The determinant of the matrix with entries body(r, c)."""
        raise NotImplementedError

    def fresh(self, dimension: str) -> Atom:
        self.count += 1
        return (3, self.count, dimension)

    def expands(self, dimension: str) -> bool:
        """Whether sums over this range are written out."""
        number = self.dimensions[dimension].number
        return number == 1 or (self.expanding and number is not None and number <= EXPANDED)

    def size(self, dimension: Dimension | str) -> Poly:
        whole = self.dimensions[dimension] if isinstance(dimension, str) else dimension
        total: Poly = {}
        for names, coefficient in whole.monomials:
            part: Poly = {UNIT: coefficient}
            for name in names:
                part = self.multiply(part, {((("N", name), 1),): 1})
            add(total, part)
        return total

    def delta(self, left: Atom, right: Atom) -> Poly:
        if left == right:
            return {UNIT: 1}
        if (left[0] == 0 and right[0] == 0) or (self.apart and left[0] <= 1 and right[0] <= 1):
            return {}
        return {((("D", min(left, right), max(left, right)), 1),): 1}

    def multiply(self, left: Poly, right: Poly) -> Poly:
        self.effort -= len(left) * len(right)
        if self.effort < 0:
            raise Exhausted
        if len(left) == 1 and UNIT in left:
            return right if left[UNIT] == 1 else add({}, right, left[UNIT])
        if len(right) == 1 and UNIT in right:
            return left if right[UNIT] == 1 else add({}, left, right[UNIT])
        result: Poly = {}
        for m, c in left.items():
            for n, d in right.items():
                if not m or not n:
                    add(result, {m or n: c * d})
                else:
                    merged = dict(m)
                    for atom, exponent in n:
                        merged[atom] = merged.get(atom, 0) + exponent
                    add(result, self.monomial(merged), c * d)
        return result

    def monomial(self, exponents: Mapping[Atom, Rational]) -> Poly:
        """A product of powers of atoms, settled: deltas used once, powers of polynomials reduced."""
        if not any(atom[0] in "DPQR" for atom in exponents):
            return {tuple(sorted((a, small(e)) for a, e in exponents.items() if e)): 1}
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
                factor = factor * self.rational_power(atom[1], whole)
                exponent -= whole
                if not exponent:
                    continue
            elif tag == "P" and exponent >= 1:
                whole = int(exponent)
                if whole > 64:
                    raise Exhausted
                expand += [dict(atom[1])] * whole
                exponent -= whole
                if not exponent:
                    continue
            elif tag == "R" and atom[1] == MINUS_ONE:
                exponent %= 2
                if not exponent:
                    continue
            kept.append((atom, small(exponent)))
        kept.sort()
        deltas = [atom for atom, _ in kept if atom[0] == "D"]
        for _, i, j in deltas:
            others = [(a, e) for a, e in kept if a != ("D", i, j)]
            if any(occurs(j, a) for a, _ in others):
                # delta_ij f(j) = delta_ij f(i)
                moved = self.transform({tuple(others): factor}, {j: i})
                return self._expand(self.multiply(moved, {((("D", i, j), 1),): 1}), expand)
        mono = tuple(kept)
        for atom, exponent in kept:
            if atom[0] == "P" and exponent < 0:
                # P = scale * lead + tail, hence lead * P^e = (P^(e+1) - tail * P^e) / scale
                lead = leading(dict(atom[1]))
                if not lead or any(e <= 0 for _, e in lead):
                    continue
                rest = quotient(mono, lead)
                if rest is not None:
                    scale = dict(atom[1])[lead]
                    tail = {m: -c for m, c in atom[1] if m != lead}
                    raised = dict(rest)
                    raised[atom] += 1
                    moved = add(self.multiply({rest: 1}, tail), self.monomial(raised))
                    return self._expand(add({}, moved, Fraction(factor) / scale), expand)
        return self._expand({mono: small(factor)}, expand)

    def _expand(self, poly: Poly, factors: list[Poly]) -> Poly:
        for factor in factors:
            poly = self.multiply(poly, factor)
        return poly

    def power(self, poly: Poly, exponent: Rational) -> Poly:
        """poly ** exponent, with what that demands of poly."""
        if exponent == 1:
            return poly
        if exponent == 0:
            return {UNIT: 1}
        whole = exponent.denominator == 1
        if whole and exponent > 0:
            return self._natural_power(poly, int(exponent))
        poly = self.reduce(poly)
        if not poly:
            if exponent > 0:
                return {}
            raise Undefined("it divides by something that is always 0")
        self.demand_power(poly, exponent)
        if len(poly) == 1:
            ((mono, scale),) = poly.items()
            return self._monomial_power(mono, scale, exponent)
        outside, rest = self._content(poly, everything=whole)
        if len(rest) < 2:
            return self.multiply(self._monomial_power(outside, 1, exponent), self.power(rest, exponent))
        scale = rest[leading(rest)]
        if not whole:
            scale = magnitude(scale)
        rest = add({}, rest, 1 / Fraction(scale))
        return self.multiply(
            self._monomial_power(outside, scale, exponent),
            self.raise_atom(self.bounded(("P", freeze(rest))), exponent),
        )

    def demand_power(self, poly: Poly, exponent: Rational, needed: bool = False) -> None:
        """Record what makes poly ** exponent defined."""
        if exponent.denominator == 1:
            if exponent < 0:
                self.require("!= 0", poly, needed)
        elif not self.is_nonnegative(poly):
            self.require(">= 0" if exponent > 0 else "> 0", poly, needed)
        elif exponent < 0:
            self.require("!= 0", poly, needed)

    def bounded(self, atom: Atom) -> Atom:
        """An atom that is not absurdly large. Raises Exhausted for one that is."""
        if weight(atom) > LARGEST:
            raise Exhausted
        return atom

    def power_by_dimensions(self, poly: Poly, exponent: Poly) -> Poly:
        """poly ** exponent for an integer such as 2n or n + 1."""
        result = self.power(poly, exponent.get(UNIT, 0))
        for sizes, times in exponent.items():
            if sizes != UNIT:
                result = self.multiply(result, self._power_by_product(poly, sizes, int(times)))
        return result

    def _power_by_product(self, poly: Poly, sizes: Mono, times: int) -> Poly:
        """poly ** (times * sizes): (ab)^n = a^n b^n for all a and b, t^n = exp(n log t) for positive t."""
        poly = self.reduce(poly)
        if not poly:
            if times > 0:
                return {}
            raise Undefined("it divides by something that is always 0")
        if self.is_positive(poly):
            return self.exp(self.multiply({sizes: times}, self.log(poly)))
        if times < 0:
            self.require("!= 0", poly)
        outside, rest = self._content(poly, everything=True)
        if outside:
            result = self._power_by_product(rest, sizes, times)
            for atom, exponent in outside:
                result = self.multiply(result, self._atom_by_product(atom, exponent, sizes, times))
            return result
        scale = rest[leading(rest)]
        size = self.exp(self.multiply({sizes: times}, self._log_rational(magnitude(scale))))
        sign: Poly = self.raise_atom(("R", MINUS_ONE, sizes), times) if scale < 0 else {UNIT: 1}
        rest = add({}, rest, 1 / Fraction(scale))
        if len(rest) > 1:
            rest = self.raise_atom(self.bounded(("R", freeze(rest), sizes)), times)
        elif times < 0 and rest != {UNIT: 1}:
            raise Undefined("it divides by a Kronecker delta, which is 0 off the diagonal")
        return self.multiply(self.multiply(size, sign), rest)

    def _atom_by_product(self, atom: Atom, exponent: Rational, sizes: Mono, times: int) -> Poly:
        """(atom ** exponent) ** (times * sizes)."""
        if self.is_positive_power(atom, exponent):
            return self.exp(self.multiply({sizes: times}, self.log(self.raise_atom(atom, exponent))))
        if exponent.denominator == 1:
            times, exponent = times * int(exponent), 1
        base = self.raise_atom(atom, exponent)
        if atom[0] == "R" and exponent == 1:  # (t^n)^m = t^(nm)
            base, (sizes,) = dict(atom[1]), self.multiply({sizes: 1}, {atom[2]: 1})
        return self.raise_atom(self.bounded(("R", freeze(base), sizes)), times)

    def _natural_power(self, poly: Poly, exponent: int) -> Poly:
        if len(poly) == 1:
            ((mono, scale),) = poly.items()
            if not any(atom[0] == "D" for atom, _ in mono):
                return add(
                    {},
                    self.monomial({a: e * exponent for a, e in mono}),
                    self.rational_power(scale, exponent),
                )
            exponent = 1 if scale == 1 and all(a[0] == "D" for a, _ in mono) else exponent
        if exponent > 64:
            raise Exhausted
        result = poly
        for _ in range(exponent - 1):
            result = self.multiply(result, poly)
        return result

    def rational_power(self, base: Rational, exponent: int) -> Rational:
        """A power of a rational. Raises Exhausted for numbers of absurd length."""
        bits = max(abs(base.numerator).bit_length(), base.denominator.bit_length())
        if bits > 1 and abs(exponent) * bits > 20_000:
            raise Exhausted
        return small(Fraction(base) ** exponent)

    def scale(self, poly: Poly, exponents: Mapping[Atom, Rational]) -> Poly:
        """The polynomial times powers of atoms, which meet those in each monomial before anything expands."""
        total: Poly = {}
        for mono, coefficient in poly.items():
            merged = dict(mono)
            for atom, exponent in exponents.items():
                merged[atom] = merged.get(atom, 0) + exponent
            add(total, self.monomial(merged), coefficient)
        return total

    def raise_atom(self, atom: Atom, exponent: Rational) -> Poly:
        return self.monomial({atom: exponent})

    def _content(self, poly: Poly, everything: bool) -> tuple[Mono, Poly]:
        """The largest monomial that divides every term, and what remains.

        Only positive atoms are taken out unless `everything` is.
        """
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
        return tuple(sorted(outside.items())), self.scale(poly, {a: -e for a, e in outside.items()})

    def _monomial_power(self, mono: Mono, scale: Rational, exponent: Rational) -> Poly:
        """(scale * mono) ** exponent; a fractional power splits only over factors that are not negative."""
        if any(atom[0] == "D" for atom, _ in mono) and exponent < 0:
            raise Undefined("it divides by a Kronecker delta, which is 0 off the diagonal")
        if exponent.denominator == 1:
            return add(
                {},
                self.monomial({a: e * exponent for a, e in mono}),
                self.rational_power(scale, int(exponent)),
            )
        doubtful = [(a, e) for a, e in mono if not self.is_positive_power(a, 1)]
        lone = len(doubtful) == 1 and doubtful[0][1].numerator % 2 == 1 and scale > 0
        if all(self.is_positive_power(a, 1, strict=False) for a, _ in doubtful) and scale > 0:
            lone = True
        kept = () if lone else tuple(doubtful)
        result: Poly = {UNIT: 1}
        if scale > 0:
            for primes, sign in ((prime_factors(scale.numerator), 1), (prime_factors(scale.denominator), -1)):
                for prime, times in primes.items():
                    result = self.multiply(result, self.monomial({("Q", prime): exponent * times * sign}))
        elif not kept:
            raise Undefined("it takes a root of something negative")
        outer = {a: e * exponent for a, e in mono if (a, e) not in kept}
        result = self.multiply(result, self.monomial(outer))
        if kept:
            opaque = self.bounded(("P", ((kept, 1 if scale > 0 else scale),)))
            result = self.multiply(result, self.raise_atom(opaque, exponent))
        return result

    def exp(self, poly: Poly) -> Poly:
        """exp of a sum is a product of exponentials; exp(q log t) = t^q."""
        poly = self.reduce(poly)
        result: Poly = {UNIT: 1}
        for mono, coefficient in poly.items():
            if len(mono) == 1 and mono[0][0][0] == "L" and mono[0][1] == 1:
                part = self.power(dict(mono[0][0][1]), coefficient)
            else:
                part = self.raise_atom(self.bounded(("E", mono)), coefficient)
            result = self.multiply(result, part)
        return result

    def log(self, poly: Poly) -> Poly:
        """log of a product splits over its positive factors; log exp t = t."""
        poly = self.reduce(poly)
        if not poly:
            raise Undefined("it takes the logarithm of something that is always 0")
        self.require("> 0", poly)
        if len(poly) > 1:
            for atom in sorted({a for m in poly for a, e in m if a[0] == "P" and e < 0}):
                if self.is_positive({m: -c for m, c in atom[1]}):
                    # N / P = (-N) / (-P) with -P > 0
                    power = min(e for m in poly for a, e in m if a == atom)
                    if power.denominator == 1:
                        above = self.scale(poly, {atom: -power})
                        signed = add({}, above, -1 if power % 2 else 1)
                        below = self.log({m: -c for m, c in atom[1]})
                        return add(self.log(signed), below, power)
            outside, rest = self._content(poly, everything=False)
            scale = magnitude(rest[leading(rest)])
            total = add(self._log_monomial(outside), self._log_rational(scale))
            if outside and len(rest) < 2:
                return add(total, self.log(add({}, rest, 1 / Fraction(scale))))
            inner = self.bounded(("L", freeze(add({}, rest, 1 / Fraction(scale)))))
            return add(total, {((inner, 1),): 1})
        ((mono, scale),) = poly.items()
        doubtful = [(a, e) for a, e in mono if not self.is_positive_power(a, e)]
        if len(doubtful) == 1 and scale > 0 and doubtful[0][1].numerator % 2 == 1:
            doubtful = []  # the whole is positive and so are all other factors
        if (
            scale < 0
            and len(doubtful) == 1
            and doubtful[0][0][0] == "P"
            and doubtful[0][1].numerator % 2 == 1
        ):
            denominator, exponent = doubtful[0]
            opposite: Poly = {m: -c for m, c in denominator[1]}
            if self.is_positive(opposite):  # -1 / P = 1 / (-P)
                others = self._log_monomial(tuple(pair for pair in mono if pair not in doubtful))
                add(others, self._log_rational(magnitude(scale)))
                return add(others, self.log(opposite), exponent)
        total = self._log_rational(magnitude(scale))
        if scale < 0 and not doubtful:
            raise Undefined("it takes the logarithm of something negative")
        if doubtful:
            inner = self.bounded(("L", ((tuple(doubtful), 1 if scale > 0 else -1),)))
            add(total, {((inner, 1),): 1})
        return add(total, self._log_monomial(tuple(pair for pair in mono if pair not in doubtful)))

    def _log_monomial(self, mono: Mono) -> Poly:
        total: Poly = {}
        for atom, exponent in mono:
            if atom[0] == "E":
                add(total, {atom[1]: 1}, exponent)
            elif atom[0] == "P":
                add(total, self.log(dict(atom[1])), exponent)
            elif atom[0] == "Q":
                add(total, self._log_rational(atom[1]), exponent)
            else:
                add(total, {((self.bounded(("L", ((((atom, 1),), 1),))), 1),): 1}, exponent)
        return total

    def _log_rational(self, value: Rational) -> Poly:
        total: Poly = {}
        for number, sign in ((value.numerator, 1), (value.denominator, -1)):
            for prime, times in prime_factors(number).items():
                add(total, {((("L", ((UNIT, prime),)), 1),): 1}, sign * times)
        return total

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
        if self.is_nonnegative(poly) and any(
            all(self.is_positive_power(a, e) for a, e in mono) for mono in poly
        ):
            return True
        return self._known("> 0", poly) or self._is_positive_over_denominators(poly)

    def _is_positive_over_denominators(self, poly: Poly) -> bool:
        """The same after multiplying by positive denominators."""
        pairs = sorted({(a, e) for m in poly for a, e in m if a[0] == "P" and e < 0})
        cleared = poly
        for atom in dict.fromkeys(a for a, _ in pairs):
            if self.is_positive_atom(atom):
                lowest = min(e for a, e in pairs if a == atom)
                cleared = self.scale(cleared, {atom: -lowest})
        return cleared != poly and self.is_positive(cleared)

    def is_nonnegative(self, poly: Poly) -> bool:
        return all(
            c > 0 and all(self.is_positive_power(a, e, strict=False) for a, e in m) for m, c in poly.items()
        )

    def _known(self, kind: str, poly: Poly) -> bool:
        """Whether a hypothesis, or a demand of the statement itself, says so."""
        if not self.facts:
            return False
        scaled = add({}, poly, 1 / abs(Fraction(poly[leading(poly)])))
        for trial in (freeze(scaled), *(self.skeleton(scaled, rank) for rank in (3, 1, 0))):
            if (kind, trial) in self.facts:
                self.fired.update(self.facts[kind, trial])
                return True
        return False

    def skeleton(self, poly: Poly, lowest_rank: int = 1) -> Frozen:
        """The polynomial with its indices (of this rank or above) turned into numbered blanks, scaled."""
        if not poly:
            return ()
        blanks: dict[Atom, Atom] = {}
        # bound outside, hence free here, unless something here binds as well
        bound_too = not any(occurs_tag(tag, freeze(poly)) for tag in "SMIJ")

        def visit(part: Any) -> Any:
            if type(part) is not tuple:
                return part
            if is_index(part):
                if part[0] < lowest_rank or part[1] in self.context.constants or part in self.parameters:
                    return part
                if part[0] == 2 and not bound_too:
                    return part
                return blanks.setdefault(part, (4, len(blanks), part[-1]))
            return tuple(map(visit, part))

        scaled = add({}, poly, 1 / abs(Fraction(poly[leading(poly)])))
        result: Frozen = visit(freeze(scaled))
        return result

    def require(self, kind: str, poly: Poly, needed: bool = False) -> None:
        """Record that the statement makes sense only where poly is '!= 0', '> 0' or '>= 0'.

        It is `needed` where the term as it is written says so: see Condition.
        """
        if self.compiling or (kind == ">= 0" and self.is_nonnegative(poly)):
            return
        if not poly:
            raise Undefined(f"it demands that something which is always 0 be {kind}")
        if self.is_positive(poly):
            return
        if kind == "!= 0":
            if len(poly) == 1:
                for atom, _ in next(iter(poly)):
                    self._require_atom(atom, needed)
                return
            if self.is_positive({m: -c for m, c in poly.items()}) or self._known(kind, poly):
                return
        self.conditions.add(Condition(self.skeleton(poly, 3), kind, needed))

    def _require_atom(self, atom: Atom, needed: bool) -> None:
        if atom[0] == "P":
            if len(atom[1]) == 1 or not self.is_positive(dict(atom[1])):
                self.require("!= 0", dict(atom[1]), needed)
        elif atom[0] == "R":
            self.require("!= 0", dict(atom[1]), needed)
        elif not self.is_positive_atom(atom) and not self._known("!= 0", {((atom, 1),): 1}):
            self.conditions.add(Condition(self.skeleton({((atom, 1),): 1}, 3), "!= 0", needed))

    def at_least(self, dimension: str) -> int:
        """A lower bound of a dimension."""
        best = self.dimensions[dimension].number or 1
        for hypothesis in self.context.hypotheses:
            if isinstance(hypothesis, AtLeast) and str(hypothesis.dimension) == dimension:
                if hypothesis.bound > best:
                    self.fired.update(hypothesis.labels)
                    if self.dimensions[dimension].number is not None:
                        raise Undefined("its hypotheses about sizes contradict each other")
                best = max(best, hypothesis.bound)
        return best

    def is_positive_sum(self, poly: Poly, strict: bool) -> bool:
        """poly > 0 (or >= 0): positive terms, where a sum over k may pay for its terms at distinct k."""
        poly = self.reduce(poly)
        if not poly:
            return not strict
        poly = self.reduce(self._content(poly, everything=False)[1])
        for atom, exponent in {pair for mono in poly for pair in mono if pair[0][0] == "P" and pair[1] < 0}:
            if self.is_positive_atom(atom):
                poly = self.reduce(self.scale(poly, {atom: -exponent}))
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
            if not all(self.is_positive_power(a, e, strict=False) for a, e in atom[2]):
                continue  # a sum pays for one summand only if no other summand is negative
            rest: Poly = {tuple(pair for pair in whole if pair != (atom, 1)): 1}
            for index in free_indices(part):
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
        summands = [pair for atom, _ in whole if atom[0] == "S" for pair in atom[2]]
        positive = all(self.is_positive_power(a, e) for a, e in [*whole, *summands])
        return positive and self.at_least(place[-1]) > len(parts)

    def sum_over(self, k: Atom, poly: Poly) -> Poly:
        """The sum over k of a polynomial, monomial by monomial."""
        total: Poly = {}
        for mono, coefficient in poly.items():
            add(total, self.contract(k, mono), coefficient)
        return total

    def contract(self, k: Atom, mono: Mono) -> Poly:
        """Sum_k of a monomial: a delta substitutes, constants move out, the rest becomes one contraction."""
        self.effort -= 1
        if self.effort < 0:
            raise Exhausted
        outside = tuple(pair for pair in mono if not occurs(k, pair[0]))
        within = tuple(pair for pair in mono if occurs(k, pair[0]))
        if not within:
            return self.multiply({mono: 1}, self.size(k[-1]))
        for atom, _ in within:
            if atom[0] == "D":
                rest = tuple(pair for pair in mono if pair[0] != atom)
                return self.transform({rest: 1}, {k: atom[2] if atom[1] == k else atom[1]})
        nested = delta_on(k, within)
        if nested is not None:
            # f(delta_kj) = f(0) for k != j and f(1) at k = j
            j = nested[2] if nested[1] == k else nested[1]
            if not (type(j) is tuple and j[0] == 2):
                total = self.transform({mono: 1}, {k: j})
                off = self.transform({mono: 1}, {}, zero=nested)
                add(total, self.sum_over(k, off))
                add(total, self.transform(off, {k: j}), -1)
                return total
        bound, merged = [k], Laws._merge((), {})
        body: Poly = {UNIT: 1}
        for atom, exponent in within:
            if atom[0] == "S" and exponent.denominator == 1 and exponent > 0:
                for _ in range(int(exponent)):
                    opened, summand = self.open_sum(atom)
                    bound += opened
                    body = self.multiply(body, summand)
            else:
                Laws._merge(((atom, exponent),), merged)
        body = self.multiply(body, self.monomial(merged))
        if len(body) == 1 and len(bound) > 1:
            ((whole, scale),) = body.items()
            if all(self._connected(b, whole) for b in bound):
                summed = add({}, self.contraction(bound, whole), scale)
                return self.multiply({outside: 1}, summed)
        if len(bound) == 1 and body == {within: 1}:
            return self.multiply({outside: 1}, self.contraction(bound, within))
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
        height = 1 + level(mono)
        best: tuple[Frozen, tuple[Atom, ...]] | None = None
        for number, order in enumerate(labellings(bound, mono, frozenset(self.symmetric) - set(self.stops))):
            names = {b: (2, height, place, b[-1]) for place, b in enumerate(order)}
            candidate = freeze(self.transform({mono: 1}, names))
            if best is None or candidate < best[0]:
                best = candidate, tuple(names[b] for b in order)
            if number >= 120:
                break
        assert best is not None
        total: Poly = {}
        for inner, coefficient in best[0]:
            add(total, {((self.bounded(("S", best[1], inner)), 1),): coefficient})
        return total

    def flatten(self, mono: Mono) -> tuple[list[Atom], dict[Atom, Rational]]:
        """A monomial with its contractions opened: the bound indices and the atoms."""
        bound: list[Atom] = []
        atoms: dict[Atom, Rational] = {}
        for atom, exponent in mono:
            if atom[0] == "S" and exponent.denominator == 1 and exponent > 0:
                for _ in range(int(exponent)):
                    opened, body = self.open_sum(atom)
                    if len(body) != 1 or next(iter(body.values())) != 1:
                        Laws._merge(((atom, 1),), atoms)
                        continue
                    bound += opened
                    Laws._merge(next(iter(body)), atoms)
            else:
                Laws._merge(((atom, exponent),), atoms)
        return bound, atoms

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
            add(total, self.multiply(part, self.monomial(kept)) if kept else part)
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
            case ("R", poly, sizes):
                return self._power_by_product(again(dict(poly)), sizes, 1)
            case ("S", _, _):
                fresh, body = self.open_sum(atom)
                body = again(body)
                for b in reversed(fresh):
                    body = self.sum_over(b, body)
                return body
            case ("F", name, order, poly):
                return {((self.bounded(("F", name, order, freeze(self.reduce(again(dict(poly)))))), 1),): 1}
            case ("M", name, indices, places, arguments):
                slots = tuple(sorted((slot, tuple(map(at, by))) for slot, by in places))
                inner = tuple(self.abstract(*opened(part)) for part in arguments)
                return {((self.bounded(("M", name, tuple(map(at, indices)), slots, inner)), 1),): 1}
            case ("I", matrix, i, j):
                (r, c), body = opened(matrix)
                return self.inverse(r, c, body, at(i), at(j))
            case ("J", matrix):
                (r, c), body = opened(matrix)
                return self.determinant(r, c, body)
        return {((atom, 1),): 1}

    def abstract(self, indices: tuple[Atom, ...], body: Poly) -> tuple[tuple[Atom, ...], Frozen]:
        """indices -> body with the bound indices named canonically."""
        height = 1 + level(freeze(body))
        names = {index: (2, height, place, index[-1]) for place, index in enumerate(indices)}
        return tuple(names.values()), freeze(self.transform(body, names))
