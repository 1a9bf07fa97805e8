"""The laws of arithmetic, exp and log on polynomials: TRUSTED.

Every law here is an equality of real functions wherever what it starts from is defined; what must not
vanish or must be positive for that is recorded as a Condition. Dimensions are at least 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from derive.normal.polynomial import (
    UNIT,
    Atom,
    Frozen,
    Mono,
    Poly,
    Rational,
    add,
    freeze,
    leading,
    magnitude,
    occurs,
    prime_factors,
    quotient,
    small,
    weight,
)
from derive.terms import Context, Dimension

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
        effort: how much more work is allowed, counted in products of small monomials.
        conditions: what the terms seen so far demand in order to be defined.
        fired: the labels of the hypotheses that were used.
        apart: whether distinct free indices are known to have distinct values.
        stops: the tensors that are being differentiated by, which are not unfolded.
        facts: what is known to be "> 0" or "!= 0", each with the labels that it rests on.
        gists: what these look like at a glance, to pass over most of what is asked for.
    """

    def __init__(self, context: Context, effort: int, apart: bool = False):
        self.context = context
        self.effort = effort
        self.apart = apart
        self.conditions: set[Condition] = set()
        self.fired: set[str] = set()
        self.facts: dict[tuple[str, Frozen], tuple[str, ...]] = {}
        self.gists: set[tuple[str, int, frozenset[Atom]]] = set()
        self.dimensions: dict[str, Dimension] = {}
        self.stops: tuple[str, ...] = ()
        self.symmetric: dict[str, tuple[str, ...]] = {}
        self.expanding = True
        self.compiling = False
        self.parameters: set[Atom] = set()  # of the definitions that are being unfolded
        self.count = 0

    # what the rooms above this one see to: signs.py, sums.py, normal_form.py, hypotheses.py

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

    def transform(
        self,
        poly: Poly,
        moves: Mapping[Atom, Atom],
        values: Callable[[str, tuple[Atom, ...]], Poly | None] | None = None,
        zero: Atom | None = None,
    ) -> Poly:
        """The polynomial with indices moved, entries replaced and one delta set to 0."""
        raise NotImplementedError

    def is_positive(self, poly: Poly) -> bool:
        """Whether a polynomial is positive wherever it is defined."""
        raise NotImplementedError

    def is_positive_atom(self, atom: Atom) -> bool:
        """The same of an atom."""
        raise NotImplementedError

    def is_positive_power(self, atom: Atom, exponent: Rational, strict: bool = True) -> bool:
        """The same of a power of an atom, which is at least 0 unless `strict`."""
        raise NotImplementedError

    def is_nonnegative(self, poly: Poly) -> bool:
        """Whether a polynomial is at least 0 wherever it is defined."""
        raise NotImplementedError

    def require(self, kind: str, poly: Poly, needed: bool = False) -> None:
        """Record that the statement makes sense only where poly is '!= 0', '> 0' or '>= 0'."""
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
        if len(left) == 1 and UNIT in left:
            return right if left[UNIT] == 1 else add({}, right, left[UNIT])
        if len(right) == 1 and UNIT in right:
            return left if right[UNIT] == 1 else add({}, left, right[UNIT])
        products = len(left) * len(right)
        if products > 1:  # one of them stands for all
            products *= 1 + (weight(next(iter(left))) + weight(next(iter(right)))) // 200
        self.spend(products)
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

    def spend(self, work: int) -> None:
        """Take note of some work. Raises Exhausted when that is more than is allowed."""
        self.effort -= work
        if self.effort < 0:
            raise Exhausted

    def monomial(self, exponents: Mapping[Atom, Rational]) -> Poly:
        """A product of powers of atoms, settled: deltas used once, powers of polynomials reduced."""
        for atom in exponents:
            if atom[0] in "DPQR":
                break
        else:
            return {tuple(sorted([(a, small(e)) for a, e in exponents.items() if e])): 1}
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
            elif tag == "P" and exponent >= 1:
                whole = int(exponent)
                if whole > 64:
                    raise Exhausted
                expand += [dict(atom[1])] * whole
                exponent -= whole
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
                    moved = add(self.multiply(self.monomial(dict(rest)), tail), self.monomial(raised))
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
        """An atom that is not absurdly large; what handles it takes time with its size. Raises Exhausted."""
        pieces = weight(atom)
        if pieces > LARGEST:
            raise Exhausted
        self.spend(pieces // 50)
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
