"""Polynomials over atoms, the data of the kernel: TRUSTED.

A polynomial is {monomial: rational}; a monomial is a sorted tuple of (atom, exponent); an atom is one of

    ("T", tensor, i, ...)        an entry                ("D", i, j)     a Kronecker delta
    ("N", name)                  a dimension symbol      ("Q", p)        a prime, to a fractional power
    ("E", monomial)              exp of a monomial       ("L", poly)     log of a polynomial
    ("P", poly)                  a polynomial, to a power that is negative or fractional
    ("R", poly, monomial)        a polynomial raised to a product of dimensions
    ("S", (k, ...), monomial)    a contraction: the sum over k, ... of a connected monomial
    ("F", name, order, poly)     a function that stays opaque
    ("M", name, (i, ...), ((argument, (k, ...)), ...), (abstraction, ...))   f(u, v)_i and its derivatives
    ("I", abstraction, i, j)     an entry of an inverse  ("J", abstraction)   a determinant

where an abstraction is (indices, poly). An index is a tuple that ends in its dimension: (0, n, dim) is a
fixed position, (1, name, dim) a free index, (2, level, place, dim) a bound one, (3, n, dim) one that is
being worked on, (4, name, dim) a blank in a pattern. A binder's own indices are always renamed to fresh
ones before anything below it is touched, so that nothing is ever captured.

The functions here compute with this data and know no law of mathematics beyond the sum of polynomials.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

Rational = int | Fraction
Atom = tuple[Any, ...]
Mono = tuple[tuple[Atom, Rational], ...]
Poly = dict[Mono, Rational]
Frozen = tuple[tuple[Mono, Rational], ...]

UNIT: Mono = ()


def freeze(poly: Poly) -> Frozen:
    """A polynomial as a sorted tuple, which can be compared and hashed."""
    return tuple(sorted(poly.items()))


@lru_cache(maxsize=1 << 16)
def contents(whole: Any) -> frozenset[object]:
    """What stands somewhere in a nested tuple: its indices, its strings, its tagged pieces and itself."""
    if is_index(whole):
        return frozenset((whole,))
    found: set[object] = {whole}
    for piece in whole:
        if type(piece) is tuple:
            found |= contents(piece)
        elif type(piece) is str:
            found.add(piece)
    return frozenset(found)


@lru_cache(maxsize=1 << 16)
def weight(whole: Any) -> int:
    """The number of pieces of a nested tuple, each as often as it stands there."""
    return 1 + sum(weight(piece) for piece in whole if type(piece) is tuple)


def occurs(part: object, whole: Any) -> bool:
    """Whether an index, a name or an atom stands somewhere inside."""
    return part in contents(whole)


def occurs_tag(tag: str, whole: Any) -> bool:
    """Whether an atom of this kind stands somewhere inside."""
    return any(type(part) is tuple and part and part[0] == tag for part in contents(whole))


@lru_cache(maxsize=1 << 16)
def level(whole: Any) -> int:
    """The highest level of a bound index inside."""
    if is_index(whole):
        return whole[1] if whole[0] == 2 else 0
    return max((level(piece) for piece in whole if type(piece) is tuple), default=0)


def outline(whole: object, marks: Mapping[Atom, object]) -> object:
    """What stays of a nested tuple under renaming and reordering: its leaves, indices by their marks."""
    if type(whole) is not tuple:
        return repr(whole)
    if whole in marks:
        return str(marks[whole])
    return tuple(sorted((outline(piece, marks) for piece in whole), key=repr))


def small(value: Rational) -> Rational:
    """An integer instead of a fraction with denominator 1."""
    return value if type(value) is int else int(value) if value.denominator == 1 else value


def magnitude(value: Rational) -> Rational:
    """The absolute value of a rational."""
    return value if value > 0 else -value


def add(into: Poly, poly: Poly, factor: Rational = 1) -> Poly:
    """Add factor * poly to a polynomial in place, and return it."""
    if factor == 1 and not into:
        into.update(poly)
        return into
    for mono, coefficient in poly.items():
        total = into.get(mono, 0) + coefficient * factor
        if total:
            into[mono] = small(total)
        else:
            into.pop(mono, None)
    return into


def greater(a: Mono, b: Mono) -> bool:
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


def leading(poly: Poly | Mapping[Mono, Rational]) -> Mono:
    """The greatest monomial of a polynomial."""
    best = None
    for mono in poly:
        if best is None or greater(mono, best):
            best = mono
    assert best is not None
    return best


def prime_factors(number: int) -> dict[int, int]:
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


def quotient(mono: Mono, lead: Mono) -> Mono | None:
    """mono / lead where every exponent allows it."""
    have = dict(mono)
    for atom, exponent in lead:
        if atom[0] == "P" or have.get(atom, 0) < exponent:
            return None
        have[atom] = have.get(atom, 0) - exponent
    return tuple((a, e) for a, e in have.items() if e)


def is_size(mono: Mono) -> bool:
    """Whether a monomial is a product of dimensions, a natural number."""
    return all(atom[0] == "N" and exponent.denominator == 1 and exponent > 0 for atom, exponent in mono)


def is_index(part: Any) -> bool:
    """Whether a nested tuple is an index."""
    return type(part) is tuple and len(part) in (3, 4) and type(part[0]) is int and type(part[-1]) is str


def free_indices(whole: Any) -> set[Atom]:
    """Every index that stands somewhere inside, except those bound there."""
    return {part for part in contents(whole) if is_index(part) and part[0] != 2}  # type: ignore[index, misc]


def tensor_names(whole: Any) -> set[str]:
    """The tensors of which entries stand somewhere inside."""
    return {part[1] for part in contents(whole) if type(part) is tuple and len(part) > 1 and part[0] == "T"}


def atoms_of(mono: Mono) -> Iterator[Atom]:
    """The atoms of a monomial, and those in its contractions."""
    for atom, _ in mono:
        yield atom
        if atom[0] == "S":
            yield from atoms_of(atom[2])


def head(atom: Atom) -> Atom:
    """What two atoms must share before they are compared: the kind, and the name where there is one."""
    return atom[:2] if atom[0] in "TFM" else atom[:1]


def delta_on(k: Atom, whole: Any) -> Atom | None:
    """The first Kronecker delta inside that has the index k."""
    found = [p for p in contents(whole) if type(p) is tuple and len(p) == 3 and p[0] == "D" and k in p[1:]]
    return min(found, default=None)


def diagonal_of(body: Poly, r: Atom, c: Atom) -> Poly | None:
    """The diagonal of a matrix all of whose monomials hold delta_rc, as a polynomial in r."""
    pair = ("D", min(r, c), max(r, c))
    if not all(any(atom == pair for atom, _ in mono) for mono in body):
        return None
    kept = {tuple(p for p in mono if p[0] != pair): v for mono, v in body.items()}
    return {substitute(mono, {c: r}): v for mono, v in kept.items()}


def substitute(whole: Any, names: Mapping[Atom, Atom]) -> Any:
    """Indices replaced as they stand; for patterns, whose atoms need not be in canonical order."""
    if type(whole) is not tuple:
        return whole
    return names[whole] if whole in names else tuple(substitute(piece, names) for piece in whole)


def unify(pattern: Any, target: Any, binding: dict[Atom, Atom]) -> dict[Atom, Atom] | None:
    """The binding, extended so that the pattern reads as the target; None where it cannot."""
    if type(pattern) is not tuple or type(target) is not tuple:
        return binding if pattern == target else None
    if is_index(pattern) and pattern[0] == 4:
        if not is_index(target) or target[-1] != pattern[-1] or target[0] == 2:
            return None
        if pattern in binding:
            return binding if binding[pattern] == target else None
        return {**binding, pattern: target}
    if len(pattern) != len(target):
        return None
    for left, right in zip(pattern, target, strict=True):
        extended = unify(left, right, binding)
        if extended is None:
            return None
        binding = extended
    return binding


def labellings(
    bound: list[Atom], mono: Mono, symmetric: frozenset[str], alike: Callable[[Atom, Atom], bool]
) -> Iterator[tuple[Atom, ...]]:
    """Orders of the bound indices among which the canonical one is: refinement, then individualisation.

    Indices are coloured by the atoms in which they stand, and by the colours of their neighbours there,
    until that tells no more apart; ties are broken by trying each member of the first tied class, but of
    members that are `alike`, only one: the monomial stays itself where two of them change places, so that
    what follows from either is the same. The indices of a symmetric tensor have no order.
    """

    def refine(colours: dict[Atom, int]) -> dict[Atom, int]:
        while True:
            seen = {}
            for b in bound:
                places = []
                for atom, exponent in mono:
                    if occurs(b, atom):
                        marks = {o: f"#{colours[o]}" for o in bound if o != b} | {b: "*"}
                        flat = atom[0] == "T" and atom[1] not in symmetric
                        shape = substitute(atom, marks) if flat else outline(atom, marks)  # type: ignore[arg-type]
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
        tried: list[Atom] = []
        for chosen in tied:
            if any(alike(chosen, other) for other in tried):
                continue
            tried.append(chosen)
            yield from search({b: 2 * colour + (b != chosen) for b, colour in colours.items()})

    if len(bound) == 1:
        yield tuple(bound)
    else:
        yield from search(dict.fromkeys(bound, 0))
