"""What is positive, and what a statement demands in order to be defined: TRUSTED."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from derive.normal.laws import Condition, Laws, Undefined
from derive.normal.polynomial import (
    Atom,
    Frozen,
    Mono,
    Poly,
    Rational,
    add,
    free_indices,
    freeze,
    head,
    is_index,
    leading,
    occurs_tag,
)
from derive.terms import AtLeast


class Signs(Laws):
    """The signs of polynomials, from the signs of their atoms and from what is known."""

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
        if self._gist(kind, poly) not in self.gists:
            return False
        scaled = add({}, poly, 1 / abs(Fraction(poly[leading(poly)])))
        for trial in (freeze(scaled), *(self.skeleton(scaled, rank) for rank in (3, 1, 0))):
            if (kind, trial) in self.facts:
                self.fired.update(self.facts[kind, trial])
                return True
        return False

    def know(self, kind: str, poly: Frozen, labels: tuple[str, ...]) -> None:
        """Take a skeleton for "> 0" or "!= 0", for good reasons."""
        self.facts[kind, poly] = labels
        self.gists.add(self._gist(kind, dict(poly)))

    @staticmethod
    def _gist(kind: str, poly: Poly) -> tuple[str, int, frozenset[Atom]]:
        """What polynomials with the same skeleton have in common, at a glance."""
        return kind, len(poly), frozenset([head(atom) for mono in poly for atom, _ in mono])

    def skeleton(self, poly: Poly, lowest_rank: int = 1) -> Frozen:
        """The polynomial with its indices (of this rank or above) turned into numbered blanks, scaled.

        Constants are turned into blanks only with all else: what holds of every index holds of them.
        """
        if not poly:
            return ()
        blanks: dict[Atom, Atom] = {}
        # bound outside, hence free here, unless something here binds as well
        bound_too = not any(occurs_tag(tag, freeze(poly)) for tag in "SMIJ")

        def visit(part: Any) -> Any:
            if type(part) is not tuple:
                return part
            if is_index(part):
                constant = lowest_rank > 0 and part[1] in self.context.constants
                if part[0] < lowest_rank or constant or part in self.parameters:
                    return part
                if part[0] == 2 and not bound_too:
                    return part
                return blanks.setdefault(part, (4, f"#{len(blanks)}", part[-1]))
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
            paid = self._paid([m for m, debt in debts.items() if debt <= amount], mono)
            for m in paid:
                del debts[m]
            if not paid:
                shown_strict |= all(self.is_positive_power(a, e) for a, e in mono)
            elif (more := self._distinct(list(paid.values()), mono)) is not None:
                shown_strict |= more
            else:
                return False
        return not debts and (shown_strict or not strict)

    def _paid(self, parts: list[Mono], whole: Mono) -> dict[Mono, Atom]:
        """Those parts that are summands of one contraction in `whole`, each with the index where it stands.

        All of one contraction: summands of two, as in (Sum_k a_k)(Sum_m b_m), have a_i b_j in common.
        """
        most: dict[Mono, Atom] = {}
        for atom, exponent in whole:
            if atom[0] == "S" and exponent == 1 and len(atom[1]) == 1:
                found = {part: self._instance_at(part, whole, atom) for part in parts}
                paid = {part: index for part, index in found.items() if index is not None}
                most = paid if len(paid) > len(most) else most
        return most

    def _instance_at(self, part: Mono, whole: Mono, contraction: Atom) -> Atom | None:
        """The index at which `part` is one summand of a contraction in `whole`."""
        if not all(self.is_positive_power(a, e, strict=False) for a, e in contraction[2]):
            return None  # a sum pays for one summand only if no other summand is negative
        rest: Poly = {tuple(pair for pair in whole if pair != (contraction, 1)): 1}
        for index in free_indices(part):
            if index[-1] == contraction[1][0][-1]:
                summand = self.transform({contraction[2]: 1}, {contraction[1][0]: index})
                if self.multiply(summand, rest) == {part: 1}:
                    return index
        return None

    def _distinct(self, places: list[Atom], whole: Mono) -> bool | None:
        """None unless the summands stand at distinct places; then whether one more summand is left."""
        if len({*places}) < len(places) or (len(places) > 1 and not self.apart):
            return None
        summands = [pair for atom, _ in whole if atom[0] == "S" for pair in atom[2]]
        positive = all(self.is_positive_power(a, e) for a, e in [*whole, *summands])
        return positive and self.at_least(places[0][-1]) > len(places)
