"""The value of a normal form, read as derive/normal/polynomial.py describes it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import product
from typing import Any

from flint import arb

from derive.terms import Dimension
from tests.spec.evaluator import (
    World,
    applied,
    cofactor_inverse,
    determinant,
    logarithm,
    raised,
    real,
    ridges,
)

Atom = tuple[Any, ...]


class Reading:
    """Reads normal forms at one point; `dimensions` are those that occur, by their spelling."""

    def __init__(self, world: World, dimensions: Mapping[str, Dimension]):
        self.world = world
        self.dimensions = dimensions
        self.places: dict[Atom, int] = {
            (1, index.name, str(index.range)): place for index, place in world.fixed.items()
        }

    def poly(self, poly: Any, places: Mapping[Atom, int] | None = None) -> arb:
        here = self.places if places is None else places
        return sum((real(scale) * self.mono(mono, here) for mono, scale in poly), arb(0))

    def mono(self, mono: Any, places: Mapping[Atom, int]) -> arb:
        result = arb(1)
        for atom, exponent in mono:
            result = result * raised(self.atom(atom, places), real(exponent), Fraction(exponent))
        return result

    def size(self, index: Atom) -> range:
        return range(self.world.extent(self.dimensions[index[-1]]))

    def atom(self, atom: Atom, places: Mapping[Atom, int]) -> arb:
        def at(index: Atom) -> int:
            return int(index[1]) if index[0] == 0 else places[index]

        match atom:
            case ("T", tensor, *indices):
                return self.world.number(tensor, tuple(map(at, indices)))
            case ("D", left, right):
                return arb(int(at(left) == at(right)))
            case ("N", name):
                return arb(self.world.sizes[name])
            case ("Q", prime):
                return real(prime)
            case ("E", mono):
                return self.mono(mono, places).exp()
            case ("L", poly):
                return logarithm(self.poly(poly, places))
            case ("P", poly):
                return self.poly(poly, places)
            case ("R", poly, sizes):
                power = int(self.mono(sizes, places).unique_fmpz())
                return raised(self.poly(poly, places), arb(power), Fraction(power))
            case ("S", bound, mono):
                total = arb(0)
                for chosen in product(*map(self.size, bound)):
                    total = total + self.mono(mono, {**places, **dict(zip(bound, chosen, strict=True))})
                return total
            case ("F", name, order, poly):
                return applied(name, order, self.poly(poly, places))
            case ("I", matrix, i, j):
                return cofactor_inverse(self.rows(matrix, places), at(i), at(j))
            case ("J", matrix):
                return determinant(self.rows(matrix, places))
            case ("M", name, indices, derivatives, arguments):
                values = {}
                for slot, (bound, poly) in enumerate(arguments):
                    for chosen in product(*map(self.size, bound)):
                        inner = {**places, **dict(zip(bound, chosen, strict=True))}
                        values[slot, chosen] = self.poly(poly, inner)
                taken = [(slot, tuple(map(at, by))) for slot, by in derivatives]
                return ridges(self.world, name, tuple(map(at, indices)), values, taken)
        raise TypeError(atom)

    def rows(self, matrix: Any, places: Mapping[Atom, int]) -> list[list[arb]]:
        (r, c), poly = matrix
        return [[self.poly(poly, {**places, r: i, c: j}) for j in self.size(r)] for i in self.size(r)]
