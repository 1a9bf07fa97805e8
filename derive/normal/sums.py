"""Sums over an index, and the rebuilding of a polynomial whose indices or entries change: TRUSTED."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from derive.normal.laws import Exhausted
from derive.normal.polynomial import (
    UNIT,
    Atom,
    Frozen,
    Mono,
    Poly,
    Rational,
    add,
    contents,
    delta_on,
    freeze,
    labellings,
    level,
    occurs,
)
from derive.normal.signs import Signs

REPEATED = 64  # at most such a power of a sum is written as nested sums


class Sums(Signs):
    """Contractions in canonical form."""

    def sum_over(self, k: Atom, poly: Poly) -> Poly:
        """The sum over k of a polynomial, monomial by monomial."""
        total: Poly = {}
        for mono, coefficient in poly.items():
            add(total, self.contract(k, mono), coefficient)
        return total

    def contract(self, k: Atom, mono: Mono) -> Poly:
        """Sum_k of a monomial: a delta substitutes, constants move out, the rest becomes one contraction."""
        self.spend(1)
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
        bound, merged = [k], Sums._merge((), {})
        body: Poly = {UNIT: 1}
        for atom, exponent in within:
            if atom[0] == "S" and exponent.denominator == 1 and exponent > 0:
                if exponent > REPEATED:
                    raise Exhausted
                for _ in range(int(exponent)):
                    opened, summand = self.open_sum(atom)
                    bound += opened
                    body = self.multiply(body, summand)
            else:
                Sums._merge(((atom, exponent),), merged)
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
        symmetric = frozenset(self.symmetric) - set(self.stops)

        @cache
        def alike(a: Atom, b: Atom) -> bool:
            return self._renamed({mono: 1}, {a: b, b: a}) == {mono: 1}

        for number, order in enumerate(labellings(bound, mono, symmetric, alike)):
            names = {b: (2, height, place, b[-1]) for place, b in enumerate(order)}
            candidate = freeze(self._renamed({mono: 1}, names))
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
                if exponent > REPEATED:
                    raise Exhausted
                for _ in range(int(exponent)):
                    opened, body = self.open_sum(atom)
                    if len(body) != 1 or next(iter(body.values())) != 1:
                        Sums._merge(((atom, 1),), atoms)
                        continue
                    bound += opened
                    Sums._merge(next(iter(body)), atoms)
            else:
                Sums._merge(((atom, exponent),), atoms)
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
        still = values is None  # what none of this occurs in stays as it is
        touched = {*moves} if zero is None else {*moves, zero}
        if still and not touched:
            return dict(poly)
        total: Poly = {}
        for mono, coefficient in poly.items():
            kept: dict[Atom, Rational] = {}
            part: Poly = {UNIT: coefficient}
            for atom, exponent in mono:
                if still and touched.isdisjoint(contents(atom)):
                    kept[atom] = exponent
                else:
                    moved = self.transform_atom(atom, moves, values, zero)
                    part = self.multiply(part, self.power(moved, exponent))
            if len(kept) == len(mono):
                add(total, {mono: coefficient})
            else:
                add(total, self.multiply(part, self.monomial(kept)) if kept else part)
        return total

    def transform_atom(
        self,
        atom: Atom,
        moves: Mapping[Atom, Atom],
        values: Callable[[str, tuple[Atom, ...]], Poly | None] | None,
        zero: Atom | None,
    ) -> Poly:
        if atom[0] == "T":
            places = tuple([moves.get(index, index) for index in atom[2:]])
            value = values(atom[1], places) if values else None
            return self.entry(atom[1], places) if value is None else value

        def again(poly: Poly) -> Poly:
            return self.transform(poly, moves, values, zero)

        def opened(part: tuple[tuple[Atom, ...], Frozen]) -> tuple[tuple[Atom, ...], Poly]:
            fresh = tuple(self.fresh(b[-1]) for b in part[0])
            renamed = self.transform(dict(part[1]), dict(zip(part[0], fresh, strict=True)))
            return fresh, self.reduce(again(renamed))

        def at(index: Atom) -> Atom:
            return moves.get(index, index)

        match atom:
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
        return tuple(names.values()), freeze(self._renamed(body, names))

    def _renamed(self, poly: Poly, names: Mapping[Atom, Atom]) -> Poly:
        """The polynomial with indices bound by other names, which demands nothing that it did not before."""
        conditions, self.conditions = self.conditions, set()
        try:
            return self.transform(poly, names)
        finally:
            self.conditions = conditions
