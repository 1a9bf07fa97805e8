"""How well the two sides of a claim agree in double precision, derivatives being taken by differences.

A judge that shares no rule with the kernel: a derivative is read off central differences,
(f(x + h) − f(x − h))/2h at h, h/2, h/4, …, extrapolated to h = 0 (Richardson), with an estimate of its error.
Only a derivative inside another one is taken by dual numbers.

How far the two sides may be off is found by trying it out. Every number is an array over *variants* of the
same points: the first is the plain one; in the others what is rounded is moved by a few units in the last
place, and each derivative by its own estimated error, up or down at random. What that changes in a side is
what rounding and truncation may have changed. Points at which this is too much to tell anything do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from derive.report import Evidence
from derive.terms import Abstraction, Apply, Claim, Component, Partial, Term, children
from numeric.certify import floats
from numeric.evaluate import Evaluation, Floats, Frame, Rational, Unevaluable, Value
from numeric.sampling import Point, Question, Setting

Array = NDArray[np.float64]

SHAPES = ((1, 1), (2, 3), (3, 2), (4, 1))  # sizes for every two dimension symbols
A_GLANCE = ((1, 1), (2, 3))  # enough beside a verdict, where speed matters
POINTS = 6
VARIANTS = 4
WORK = 10_000  # nodes computed at one choice of sizes
WOBBLE = 2.0**-50  # relative change between variants
UNSURE = 1e-6  # a divisor that differs by more between variants may be 0
LEVELS = 10  # halvings of the step
COLUMNS = 5  # of Richardson's tableau
FLOOR = 1e-12  # of the tolerance, relative to max(1, |value|)
DROWNED = 1e-5  # a tolerance beyond this one tells nothing


def gather(
    claim: Claim,
    *,
    seed: int = 0,
    sizes: Sequence[Mapping[str, int]] | None = None,
    shapes: Sequence[tuple[int, int]] = SHAPES,
) -> Evidence | None:
    """Both sides at random points of several sizes; None where the claim cannot be evaluated.

    Args:
        claim: what is to be looked at.
        seed: reproduces the points.
        sizes: the sizes to try, by default those that `shapes` gives.
        shapes: sizes for the dimension symbols taken in turn; by default a few rectangular ones, 1 included.
    """
    tried: list[dict[str, int]] = []
    holds: list[bool | None] = []
    samples, worst, allowed = 0, 0.0, 0.0
    try:
        question = Question(claim, seed)
    except (Unevaluable, RecursionError):
        return None
    for chosen in sizes if sizes is not None else _sizes(question.symbols, shapes):
        for used, excess, tolerance in _comparisons(question, chosen, seed):
            if used not in tried:
                tried.append(used)
            holds.append(_holds(claim.relation, excess, tolerance))
            samples += excess.shape[1]
            worst = max(worst, float(excess.max()))
            allowed = max(allowed, float(tolerance.max()))
    if not tried:
        return None
    agrees = False if False in holds else None if None in holds else True
    return Evidence(_method(question), tuple(tried), samples, worst, allowed, agrees, seed)


def _comparisons(
    question: Question, chosen: Mapping[str, int], seed: int
) -> Iterator[tuple[dict[str, int], Array, Array]]:
    """The sizes used, and what `_compare` tells there, wherever it tells anything."""
    try:
        for setting, points in question.settings(chosen, POINTS):
            excess, tolerance = _compare(setting, points, seed)
            if not excess.size:
                more = setting.points(2 * POINTS, start=POINTS)
                excess, tolerance = _compare(setting, more, seed)
            if excess.size:
                yield {name: setting.circuit.sizes[name] for name in question.symbols}, excess, tolerance
    except (Unevaluable, RecursionError):
        return


def _holds(relation: str, excess: Array, tolerance: Array) -> bool | None:
    """Whether a relation seems to hold, or None where a strict one cannot be told from an equality."""
    if (excess > tolerance).any():
        return False
    return None if relation in ("<", ">") and (excess > -tolerance).any() else True


def _sizes(names: list[str], shapes: Sequence[tuple[int, int]]) -> list[dict[str, int]]:
    """Every shape for the symbols taken in turn: of (2, 3), the sizes 2, 3, 2, 3, …"""
    if not names:
        return [{}]
    return [{name: shape[place % 2] for place, name in enumerate(names)} for shape in shapes]


def _compare(setting: Setting, points: list[Point], seed: int) -> tuple[Array, Array]:
    """How far the claim is from true and how much of that arithmetic may explain, by place and usable point.

    Both are relative to max(1, |value|). For an inequality the first is negative where it holds.
    """
    if not points:
        return np.empty((0, 0)), np.empty((0, 0))
    rng = np.random.default_rng(seed)
    shape = VARIANTS, len(points)
    values = {leaf: floats([point[leaf] for point in points]) * wobble(rng, shape) for leaf in points[0]}
    evaluation = Differences(setting, values, shape, rng)
    relation = setting.claim.relation
    excesses, tolerances = [], []
    with np.errstate(all="ignore"):
        for place in setting.places:
            nodes = place.lhs, place.rhs
            left, right = (np.broadcast_to(evaluation.value(node), shape) for node in nodes)
            gap = (left - right)[0]
            scale = np.maximum(1, np.maximum(np.abs(left[0]), np.abs(right[0])))
            spread = np.abs(left - left[0]).max(axis=0) + np.abs(right - right[0]).max(axis=0)
            excesses.append((np.abs(gap) if relation == "=" else gap if relation[0] == "<" else -gap) / scale)
            tolerances.append(4 * spread / scale + FLOOR)
    excess, tolerance = np.array(excesses), np.array(tolerances)
    usable = (np.isfinite(excess) & (tolerance < DROWNED)).all(axis=0)
    return excess[:, usable], tolerance[:, usable]


class Wobbling(Floats):
    """Floats in which rounded numbers differ between variants, and what may be 0 then divides nothing."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng

    def number(self, value: Rational) -> Value:
        nearest = super().number(value)
        return nearest if Fraction(float(nearest)) == value else nearest * wobble(self.rng, (VARIANTS, 1))

    def power(self, base: Value, exponent: Rational) -> Value:
        if exponent < 0 and np.ndim(base) >= 2:
            plain = base[..., :1, :]
            spread = np.abs(base - plain).max(axis=-2, keepdims=True)
            base = np.where(spread > UNSURE * np.abs(plain), np.nan, base)
        return super().power(base, exponent)


def wobble(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Factors that are 1 in the first variant and a few units in the last place off in the others."""
    factors = 1 + WOBBLE * rng.choice((-1.0, 1.0), shape)
    factors[0] = 1
    return factors


class Differences(Evaluation):
    """Values in floats, with the outermost derivatives by central differences."""

    def __init__(
        self, setting: Setting, values: Mapping[int, Value], shape: tuple[int, int], rng: np.random.Generator
    ):
        super().__init__(setting.circuit, Wobbling(rng), values, setting.assigned, WORK)
        self.shape = shape
        self.rng = rng

    def slope(self, body: int, leaf: int, frame: Frame) -> Value:
        """The derivative of a node by a leaf; each variant but the first moves it by its estimated error."""
        if frame is not self.root:
            return super().slope(body, leaf, frame)
        centre = np.broadcast_to(self.value(leaf, frame), self.shape)
        steps = np.maximum(np.abs(centre), 0.25) / 8 * 0.5 ** np.arange(LEVELS).reshape(-1, 1, 1)
        inner = frame.inner.get(leaf)
        if inner is None:
            moved = np.stack([centre + steps, centre - steps, centre + 0 * steps])
            inner = frame.inner[leaf] = Frame(frame, self.circuit.bits[leaf], 1, {leaf: moved})
        around = np.asarray(self.value(body, inner))
        if around.ndim < 4:  # it does not depend on the leaf
            return self.numbers.slope(np.float64(0), around)
        value, error = extrapolated(around[0], around[1], around[2], steps)
        signs = self.rng.choice((-1.0, 1.0), self.shape)
        signs[0] = 0
        return value + signs * error


def extrapolated(right: Array, left: Array, centre: Array, steps: Array) -> tuple[Array, Array]:
    """The limit of (f(x + h) − f(x − h))/2h as h → 0, from steps that halve along the first axis; its error.

    Column j of the tableau is free of the errors h², …, h^{2j}. The entry is chosen that differs least from
    the two from which it was computed; its error is that difference, and what rounding f does at its step.
    Ridders, Accurate computation of F′(x) and F′(x)F″(x), Adv. Eng. Software 4 (1982).

    The slopes to the right and to the left of x differ by O(h) unless there is a kink; then the error is nan.
    """
    column = (right - left) / (2 * steps)
    noise = 2.0**-52 * np.maximum(np.abs(right), np.abs(left)) / steps
    jump = np.abs(right - 2 * centre + left)[-2:] / steps[-2:]
    kink = (jump[1] > 0.7 * jump[0]) & (jump[1] > 1e-6 * np.maximum(1, np.abs(centre[-1])))
    values, errors = [], []
    for j in range(1, COLUMNS):
        finer = column[1:] + (column[1:] - column[:-1]) / (4.0**j - 1)
        noise = noise[1:]
        moved = np.maximum(np.abs(finer - column[1:]), np.abs(finer - column[:-1]))
        values.append(finer)
        errors.append(moved + 2 * noise)
        column = finer
    value, error = np.concatenate(values), np.concatenate(errors)
    best = np.argmin(np.where(np.isfinite(error), error, np.inf), axis=0)[None]
    found = np.take_along_axis(value, best, 0)[0]
    return found, np.where(kink | np.isnan(centre[-1]), np.nan, np.take_along_axis(error, best, 0)[0])


def _method(question: Question) -> str:
    """What was done about derivatives, in words."""
    both = [question.claim.lhs, question.claim.rhs]
    depth = max(_depth(term) for term in both + [part.body for part in question.behind(both)])
    if depth == 0:
        return "float64 evaluation"
    if depth == 1:
        return "central differences (Richardson)"
    return "central differences (Richardson) of exact inner derivatives"


def _depth(part: Term | Abstraction) -> int:
    """How deep derivatives are nested."""
    if isinstance(part, Abstraction):
        return _depth(part.body)
    own = (
        len(part.derivatives) if isinstance(part, Component) else part.order if isinstance(part, Apply) else 0
    )
    return own + isinstance(part, Partial) + max((_depth(child) for child in children(part)), default=0)
