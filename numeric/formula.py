"""The values of formulas at a point that the hypotheses allow, and what rounding may do to them.

The values are computed in balls at the very numbers that a program is called with, so they are right to the
last bit. Beside them stands a running error: how far off the first formula is likely to be when each
operation in it is rounded, to first order, in units of the precision u. A sum is (a + b)(1 + δ), a product
a b (1 + δ), |δ| ≤ u, and errors pass on by the derivative of what they go through. Rounding errors are taken
for independent, so that they add up as the root of the sum of their squares; their bound, the sum itself,
would hide a wrong digit in single precision. Another order of the same operations has another error of the
same size. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), section 3.3; Higham & Mary,
A new approach to probabilistic rounding error analysis, SIAM J. Sci. Comput. 41 (2019) A2815-A2835.

Numbers that no hypothesis restricts are odd multiples of 1/32 below 1/2: they are exact even in bfloat16,
none of them is 0, and the scores that they add up to do not saturate a softmax.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import flint
import numpy as np
from flint import arb, fmpq
from numpy.typing import NDArray

from derive.terms import Claim, Index, Term, tensors
from numeric.evaluate import BALLS, Evaluation, OutsideDomain, Rational, Unevaluable, Value, reachable
from numeric.sampling import STYLES, Question, Setting

Array = NDArray[np.float64]

ATTEMPTS = 8
NODES = 1_000_000
BITS = 128
SHORT = 8  # bits of a number that bfloat16 holds


@dataclass(frozen=True)
class Evaluated:
    """Formulas at one point.

    Attributes:
        arrays: what the formulas are made of, by name.
        values: of each formula, the double that is nearest.
        rounding: how far off the first formula is likely to be, in units of the precision.
    """

    arrays: Mapping[str, Array]
    values: tuple[Array, ...]
    rounding: Array


def evaluate(
    claim: Claim, formulas: Sequence[Term], axes: Sequence[Index], sizes: Mapping[str, int], seed: int
) -> Evaluated | None:
    """Formulas under the hypotheses of a claim, at sizes; None where the hypotheses allow no point there.

    Args:
        claim: both sides decide which arrays there are; the left one has to have a value at the point.
        formulas: what is evaluated, with the context of the claim.
        axes: the free indices of the formulas, each an axis of the values.
        sizes: a number for each dimension symbol.

    Raises Unevaluable for what leaves a function open, or is too large.
    """
    question = Question(claim, seed)
    rng = np.random.default_rng(seed)
    names = reachable(tensors(claim.lhs) | tensors(claim.rhs), claim.context.definitions)
    for attempt in range(ATTEMPTS):
        try:
            where = {i: int(rng.integers(max(1, i.range.value(dict(sizes))))) for i in question.constants}
            setting = Setting(question, sizes, where)
            setting.circuit.limit, setting.circuit.work = NODES, 4 * NODES
            points = setting.points(1, start=seed % len(STYLES) + attempt)
            if points:
                free = names - question.constrained()
                point = _drawn(setting, points[0], free, rng, attempt >= ATTEMPTS // 2)
                return _at(setting, point, formulas, axes, names)
        except OutsideDomain:
            continue
    return None


def _drawn(
    setting: Setting,
    point: Mapping[int, Value],
    free: frozenset[str],
    rng: np.random.Generator,
    positive: bool,
) -> dict[int, float]:
    """The point in doubles, the entries of free tensors drawn anew."""
    found = {}
    for leaf, value in point.items():
        operation, name, _ = setting.circuit.nodes[leaf]
        if operation == "leaf" and name in free:
            drawn = (2 * int(rng.integers(-8, 8)) + 1) / 32
            found[leaf] = abs(drawn) if positive else drawn
        else:
            found[leaf] = int(value.p) / int(value.q)
    return found


def _at(
    setting: Setting,
    point: Mapping[int, float],
    formulas: Sequence[Term],
    axes: Sequence[Index],
    names: frozenset[str],
) -> Evaluated:
    """The values of formulas at a point."""
    circuit, claim = setting.circuit, setting.claim
    shape = tuple(circuit.size(index.range) for index in axes)
    places = [{**setting.constants, **dict(zip(axes, at, strict=True))} for at in np.ndindex(*shape)]
    nodes = [[circuit.write(formula, where) for where in places] for formula in formulas]
    beside = [i for i in setting.question.free([claim.lhs]) if i not in setting.constants]
    domain = circuit.write(claim.lhs, {**setting.constants, **dict.fromkeys(beside, 0)})
    if circuit.arguments:
        raise Unevaluable(f"the derivation leaves the function {min(circuit.arguments)} open")
    rounded = Evaluation(
        circuit,
        ROUNDED,
        {leaf: Rounded(v, _unexact(v)) for leaf, v in point.items()},
        setting.assigned,
        4 * NODES,
    )
    rounded.value(domain)
    errors = [rounded.value(node).error for node in nodes[0]]
    with flint.ctx.workprec(BITS):
        exact = {leaf: arb(fmpq(*value.as_integer_ratio())) for leaf, value in point.items()}
        balls = Evaluation(circuit, BALLS, exact, setting.assigned, 4 * NODES)
        values = [[float(balls.value(node).mid()) for node in row] for row in nodes]
        arrays = {}
        for name, dimensions in circuit.shapes.items():
            if name in names:
                leaves = [circuit.node("leaf", name, at) for at in np.ndindex(*dimensions)]
                numbers = [point[k] if k in point else float(balls.value(k).mid()) for k in leaves]
                arrays[name] = np.array(numbers).reshape(dimensions)
    return Evaluated(
        arrays, tuple(np.array(row).reshape(shape) for row in values), np.array(errors).reshape(shape)
    )


def _unexact(value: float) -> float:
    """The error that a number has, in units of the precision, before anything is computed with it."""
    mantissa, _ = math.frexp(value)
    return 0.0 if (mantissa * 2**SHORT).is_integer() else abs(value)


@dataclass(frozen=True, slots=True)
class Rounded:
    """A double, and its likely error in units of the precision."""

    value: float
    error: float

    def __add__(self, other: Value) -> Rounded:
        if not isinstance(other, Rounded):
            return NotImplemented  # a Dual of these knows how to add one
        total = self.value + other.value
        return Rounded(total, math.hypot(self.error, other.error, total))

    def __mul__(self, other: Value) -> Rounded:
        if not isinstance(other, Rounded):
            return NotImplemented
        product = self.value * other.value
        return Rounded(product, math.hypot(self.value * other.error, self.error * other.value, product))


class RunningError:
    """The arithmetic of doubles with their errors."""

    def number(self, value: Rational) -> Value:
        nearest = value.numerator / value.denominator
        return Rounded(nearest, _unexact(nearest))

    def power(self, base: Value, exponent: Rational) -> Value:
        if base.value == 0 and exponent < 0:
            raise OutsideDomain("a division by 0")
        if base.value <= 0 and exponent.denominator > 1:
            raise OutsideDomain("a root of something not positive")
        power = base.value ** float(exponent)
        slope = abs(float(exponent) * power / base.value) if base.value else float(exponent == 1)
        return Rounded(power, math.hypot(slope * base.error, power))

    def function(self, name: str, argument: Value) -> Value:
        u = argument.value
        if name == "log" and u <= 0:
            raise OutsideDomain("the logarithm of something not positive")
        try:
            match name:
                case "exp":
                    value = slope = math.exp(u)
                case "log":
                    value, slope = math.log(u), 1 / u
                case "sin":
                    value, slope = math.sin(u), math.cos(u)
                case "cos":
                    value, slope = math.cos(u), math.sin(u)
                case _:  # arctan
                    value, slope = math.atan(u), 1 / (1 + u * u)
        except OverflowError:
            raise OutsideDomain("a number beyond double precision") from None
        return Rounded(value, math.hypot(slope * argument.error, value))

    def settle(self, value: Value) -> None:
        if isinstance(value, Rounded) and not (math.isfinite(value.value) and math.isfinite(value.error)):
            raise OutsideDomain("a number beyond double precision")

    def slope(self, slope: Value, value: Value) -> Value:
        return slope


ROUNDED = RunningError()
