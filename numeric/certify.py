"""Certified counterexamples: values at which a claim is false beyond doubt.

The smallest sizes come first. At each of them floats look for a place where the two sides seem to differ;
only there exact rational arithmetic decides, or, where an exponential or a root enters, ball arithmetic: each
side is enclosed in an interval that certainly contains it, and the intervals must lie apart. Both sides must
certainly be defined at the point, and every hypothesis must certainly hold there (see `numeric.sampling`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product as cartesian
from time import monotonic

import flint
import numpy as np
from flint import fmpq
from numpy.typing import NDArray

from derive.report import Counterexample
from derive.report import Value as Shown
from derive.terms import Claim, Index
from numeric.evaluate import (
    BALLS,
    FLOATS,
    RATIONALS,
    Evaluation,
    Inexpressible,
    OutsideDomain,
    Unevaluable,
    Value,
)
from numeric.sampling import Place, Point, Question, Setting, enclosed

POINTS = (32, 12, 12, 6)  # at the sizes 1, …, 1; where these are exceeded by 1, by 2, and by more in all
MORE = 24  # where none of these lies in the domain
TRIES = 12  # certifications at each choice of sizes
PRECISIONS = (53, 128, 256, 512)
DIGITS = 8

VIOLATED: Mapping[str, Callable[[Value, Value], bool]] = {
    "=": lambda left, right: left != right,
    "<": lambda left, right: left >= right,
    "<=": lambda left, right: left > right,
    ">": lambda left, right: left <= right,
    ">=": lambda left, right: left < right,
}
"""When a relation is false. Balls compare true only where every pair of their points does."""


def refute(
    claim: Claim,
    *,
    entry: tuple[Index, ...] = (),
    seed: int = 0,
    seconds: float = 5.0,
    largest: int = 4,
) -> Counterexample | None:
    """A certified counterexample at the smallest sizes at which one is found, or None.

    Args:
        claim: what may be false.
        entry: the free indices whose values tell the place, in the order in which they are to be told.
        seed: reproduces the search.
        seconds: when to give up.
        largest: the largest size of a dimension symbol.
    """
    deadline = monotonic() + seconds
    try:
        question = Question(claim, seed)
        for sizes in ladder(question.symbols, largest):
            count = POINTS[min(sum(sizes.values()) - len(sizes), 3)]
            for setting, points in question.settings(sizes, count):
                found = _search(setting, points, entry)
                if found is not None:
                    return found
                if monotonic() > deadline:
                    return None
    except (Unevaluable, RecursionError):
        return None
    return None


def ladder(names: list[str], largest: int) -> Iterator[dict[str, int]]:
    """Sizes for these symbols in the order of their sum: all up to `largest` for one or two symbols.

    Of three, not all are large at once; of more, none is.
    """
    if len(names) <= 3:
        choices = list(cartesian(range(1, largest + 1), repeat=len(names)))
        if len(names) == 3:
            choices = [choice for choice in choices if sum(choice) <= 2 * largest]
    else:
        choices = list(cartesian((1, 2), repeat=min(len(names), 6)))
        choices = [choice + (2,) * (len(names) - len(choice)) for choice in choices]
        for place in range(len(names)):
            choices.append(tuple(3 if place == other else 2 for other in range(len(names))))
    for choice in sorted(choices, key=lambda choice: (sum(choice), choice)):
        yield dict(zip(names, choice, strict=True))


def _search(setting: Setting, points: list[Point], entry: tuple[Index, ...]) -> Counterexample | None:
    """A counterexample among these points, or among more where none of them lies in the domain."""
    candidates, defined = _candidates(setting, points)
    if not defined:
        points = setting.points(MORE, start=len(points))
        candidates, _ = _candidates(setting, points)
    for number, place in candidates[:TRIES]:
        found = _certify(setting, points[number], place, entry)
        if found is not None:
            return found
    return None


def _candidates(setting: Setting, points: list[Point]) -> tuple[list[tuple[int, Place]], bool]:
    """The points and places where floats contradict the claim, and whether they had a value anywhere."""
    if not points:
        return [], False
    relation = setting.claim.relation
    values = {leaf: floats([point[leaf] for point in points]) for leaf in points[0]}
    evaluation = Evaluation(setting.circuit, FLOATS, values, setting.assigned)
    found: list[tuple[int, Place]] = []
    defined = False
    with np.errstate(all="ignore"):
        for place in setting.places:
            left, right = evaluation.value(place.lhs), evaluation.value(place.rhs)
            slack = 1e-9 * np.maximum(np.abs(left), np.abs(right)) + 1e-12
            gap = right - left if relation.startswith("<") else left - right
            false = (
                np.abs(gap) > slack if relation == "=" else gap < (slack if len(relation) == 1 else -slack)
            )
            defined |= bool(np.isfinite(gap).any())
            found += [(int(n), place) for n in np.flatnonzero(np.broadcast_to(false, len(points)))]
    return sorted(found, key=lambda pair: pair[0]), defined


def floats(values: list[Value]) -> NDArray[np.float64]:
    """Exact numbers in double precision, nan where that cannot hold them."""

    def nearest(value: Value) -> float:
        try:
            return int(value.p) / int(value.q)
        except OverflowError:
            return np.nan

    return np.array([nearest(value) for value in values])


def _certify(setting: Setting, point: Point, place: Place, entry: tuple[Index, ...]) -> Counterexample | None:
    """The counterexample at this point and place, if it certainly is one."""
    violated = VIOLATED[setting.claim.relation]
    try:
        exact = Evaluation(setting.circuit, RATIONALS, point, setting.assigned)
        left, right = exact.value(place.lhs), exact.value(place.rhs)
        if not violated(left, right):
            return None
        return _counterexample(setting, point, place, entry, (str(left), str(right)), "exact")
    except Inexpressible:
        pass
    except OutsideDomain:
        return None
    for precision in PRECISIONS:
        try:
            if violated(*_enclosures(setting, point, place, precision)):
                texts = _decimals(*_enclosures(setting, point, place, PRECISIONS[-1]))
                return _counterexample(setting, point, place, entry, texts, "ball")
        except OutsideDomain:
            continue
    return None


def _enclosures(setting: Setting, point: Point, place: Place, precision: int) -> tuple[Value, Value]:
    """Balls that certainly contain the two sides."""
    with flint.ctx.workprec(precision):
        balls = Evaluation(setting.circuit, BALLS, enclosed(point), setting.assigned)
        return balls.value(place.lhs), balls.value(place.rhs)


# ── how it is told ─────────────────────────────────────────────────────────────────────────────────────────


def _counterexample(
    setting: Setting,
    point: Point,
    place: Place,
    entry: tuple[Index, ...],
    sides: tuple[str, str],
    method: str,
) -> Counterexample:
    where = tuple(i.name if isinstance(i.name, int) else place.where.get(i, 0) for i in entry)
    sizes = {name: setting.circuit.sizes[name] for name in setting.question.symbols}
    return Counterexample(sizes, _values(setting, point), *sides, where, method)


def _decimals(left: Value, right: Value) -> tuple[str, str]:
    """Both sides with as many digits as tell them apart, if any do."""
    for digits in (DIGITS, 16, 30, 100):
        texts = _decimal(left, digits), _decimal(right, digits)
        if texts[0] != texts[1]:
            return texts
    return _decimal(left, DIGITS), _decimal(right, DIGITS)


def _decimal(value: Value, digits: int) -> str:
    if abs(value) < 1e-30 and value.contains(0):
        return "0"
    return str(value.str(digits, radius=False))


def _values(setting: Setting, point: Point) -> dict[str, Shown]:
    """The tensors and arbitrary functions on which the claim depends, as they are at the point."""
    circuit = setting.circuit
    mask = 0
    for place in setting.places:
        mask |= circuit.masks[place.lhs] | circuit.masks[place.rhs]
    for _ in setting.assigned:
        for leaf, node in setting.assigned.items():
            if mask & circuit.bits[leaf]:
                mask |= circuit.masks[node]
    balls = Evaluation(circuit, BALLS, enclosed(point), setting.assigned)

    def shown(tensor: str, position: tuple[int, ...], shape: tuple[int, ...]) -> Shown:
        if len(position) < len(shape):
            return [shown(tensor, (*position, k), shape) for k in range(shape[len(position)])]
        leaf = circuit.node("leaf", tensor, position)
        if leaf in setting.assigned:
            return _decimal(balls.value(leaf), DIGITS)
        return int(point[leaf].p) if point[leaf].q == 1 else str(point[leaf])

    found = {name: shown(name, (), circuit.shapes[name]) for name in sorted(circuit.names(mask))}
    return {**found, **_functions(setting, point, mask)}


def _functions(setting: Setting, point: Point, mask: int) -> dict[str, Shown]:
    """What was chosen for arbitrary functions, written as polynomials."""
    circuit = setting.circuit
    coefficients: dict[str, dict[tuple[Value, ...], Value]] = {}
    for leaf, bit in circuit.bits.items():
        operation, name, *position = circuit.nodes[leaf]
        if operation == "coefficient" and bit & mask:
            coefficients.setdefault(name, {})[position[0]] = point[leaf]
    found: dict[str, Shown] = {}
    for name, known in coefficients.items():
        shapes = circuit.arguments[name]
        if shapes is None:
            powers = [(known[(k,)], f"t^{k}" if k > 1 else "t" * k) for k in reversed(range(len(known)))]
            found[name] = f"{name}(t) = {_polynomial(powers)}"
        else:
            found[name] = "; ".join(_components(name, shapes, known))
    return found


def _components(
    name: str, shapes: tuple[tuple[int, ...], ...], known: dict[tuple[Value, ...], Value]
) -> Iterator[str]:
    """The components of a function of tensors, as Circuit writes them; u, v, … are its arguments."""
    letters = "uvwxyz"[: len(shapes)]
    entries = [
        letter + "_" * bool(position) + "".join(str(k + 1) for k in position)
        for letter, shape in zip(letters, shapes, strict=False)
        for position in np.ndindex(shape)
    ]
    for component in sorted({key[0] for key in known}):

        def terms(
            kind: str, power: str = "", component: tuple[int, ...] = component
        ) -> list[tuple[Value, str]]:
            return [(known.get((component, kind, k), fmpq(0)), u + power) for k, u in enumerate(entries)]

        cube = _polynomial(terms("d"))
        start = (known.get((component, "a"), fmpq(0)), "")
        whole = _polynomial([start, *terms("b"), *terms("c", "^2"), (fmpq(cube != "0"), f"({cube})^3")])
        place = "_" * bool(component) + "".join(str(k + 1) for k in component)
        yield f"{name}({', '.join(letters)}){place} = {whole}"


def _polynomial(terms: list[tuple[Value, str]]) -> str:
    """A sum of multiples, such as t^3/3 - 2 t + 1."""
    text = ""
    for coefficient, what in terms:
        if coefficient == 0:
            continue
        size = abs(coefficient)
        top = " ".join(filter(None, ("" if size.p == 1 and what else str(size.p), what)))
        part = top if size.q == 1 else f"{top}/{size.q}"
        sign = "-" if coefficient < 0 else "+" if text else ""
        text += f" {sign} {part}" if text else f"{sign}{part}"
    return text or "0"
