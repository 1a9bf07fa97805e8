"""check_gradient: is this the gradient of that function, and if not, what is it?

Small arguments have every entry compared with a difference. For large ones ⟨G, V⟩ is compared with the
derivative along a random rank-one direction V: some 15 evaluations whatever the size. A gradient that is
wrong by D is then wrong by ⟨D, V⟩, a random number about as large as D: it goes unseen when that happens to
be smaller than the tolerance, which is some 1e-11 of the gradient.

The tolerance is the error estimate of the differences and the round-off of what was given, times `SAFETY`;
no other constant enters it. To lie within it is agreement only if it is itself small beside the gradient
(`RESOLUTION`): if not, nothing was learnt, and the verdict is inconclusive. Agreement is evidence, no proof.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from html import escape
from itertools import permutations
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numeric.differences import (
    Array,
    Estimate,
    central_difference,
    directional_difference,
    random_direction,
    real_array,
)

Verdict = Literal["agree", "disagree", "inconclusive"]
Layout = Literal["denominator", "numerator"]

SAFETY = 8  # the error estimates bound the errors in practice, not in theory
RESOLUTION = 1e-4  # of the gradient's size: with fewer than four digits, a factor 1.0005 would pass for 1
EVERY_ENTRY = 256  # entries: up to here each is compared
DIAGNOSIS = 3  # directions along which to look at a wrong gradient; a factor would explain any single one


@dataclass(frozen=True)
class GradientCheck:
    """How the check ended. True in a condition where the verdict is 'agree'.

    verdict      'agree', 'disagree' or 'inconclusive'
    shape        of the argument (`derivative_check`: of the derivative)
    index        the worst entry; None where directions were compared and no entry stands out
    expected     what the differences say of that entry, or of the worst direction; nan where none were taken
    actual       what the given gradient says
    error        the estimated error of `expected`
    tolerance    how far the two may be apart: SAFETY × (error + round-off of the given value)
    method       what was compared
    samples      how many entries or directions that was
    evaluations  how often the function was called
    seed         repeats the same directions; None where there were none
    looks_like   what a wrong gradient is: 'transposed', '2 times the expected gradient' …; None if unclear
    reason       why the verdict is inconclusive, or what is wrong besides the numbers
    argument     the name of the argument, where arguments have names
    parts        the check of each named argument, of which this one repeats the worst
    """

    verdict: Verdict
    shape: tuple[int, ...]
    index: tuple[int, ...] | None
    expected: float
    actual: float
    error: float
    tolerance: float
    method: str
    samples: int
    evaluations: int
    seed: int | None = None
    looks_like: str | None = None
    reason: str | None = None
    argument: str | None = None
    parts: Mapping[str, "GradientCheck"] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.verdict == "agree"

    def __str__(self) -> str:
        about = f"{self.argument}, shape" if self.argument else "shape"
        lines = [f"gradient, {about} {self.shape}: {self.verdict}"]
        lines += [f"  {label:<31}{text}" for label, text in self._rows()]
        lines += [f"  {name}: {part.verdict}" for name, part in self.parts.items()]
        return "\n".join(lines)

    def _rows(self) -> list[tuple[str, str]]:
        """What was found, each with its label."""
        rows = [
            ("looks like", self.looks_like),
            ("reason", self.reason),
            ("worst", "direction" if self.index is None else f"entry {self.index}"),
            ("expected (finite differences)", f"{self.expected:.12g} ± {self.error:.1e}"),
            ("actual (given)", f"{self.actual:.12g}"),
            ("difference", f"{abs(self.actual - self.expected):.1e}, tolerance {self.tolerance:.1e}"),
            ("compared", f"{self.method}: {self.samples}, in {self.evaluations} function calls"),
            ("repeat with", None if self.seed is None else f"seed={self.seed}"),
        ]
        if not self.samples:
            rows = rows[:3] if self.index is not None else rows[:2]
        return [(label, text) for label, text in rows if text]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """How a notebook shows it: the verdict, and what was found as a table."""
        mark, colour = {
            "agree": ("✓", "#2a8c4e"), "disagree": ("✗", "#d0443a"), "inconclusive": ("?", "#b07a10"),
        }[self.verdict]  # fmt: skip
        rows = [*self._rows(), *((name, part.verdict) for name, part in self.parts.items())]
        cells = "".join(
            f'<tr><th scope="row" style="text-align:left">{escape(label)}</th>'
            f'<td style="text-align:left">{escape(text)}</td></tr>'
            for label, text in rows
        )
        about = f"gradient, {self.argument + ', ' if self.argument else ''}shape {self.shape}"
        head = f'{escape(about)}: <b style="color:{colour}">{mark} {self.verdict}</b>'
        return {"text/html": f"<div><p>{head}</p><table>{cells}</table></div>", "text/plain": str(self)}


def check_gradient(
    function: Callable[..., ArrayLike],
    gradient: Any,
    at: ArrayLike | Mapping[str, ArrayLike],
    *,
    seed: int | None = None,
    directions: int | None = None,
    layout: Layout = "denominator",
) -> GradientCheck:
    """Compare the gradient of a scalar-valued function with finite differences at a point.

    at          the point: an array, or a mapping from names to arrays
    function    called with that array, or with those arrays by name; returns a number or an array of one
    gradient    an array, or a function called in the same way; for a point with names, a mapping from names
                to either, or a function that returns a mapping. Names that it leaves out are not checked
    seed        of the random directions; one is drawn and reported where it is None
    directions  how many random directions to compare along. None: every entry of an argument of up to 256
                entries, one direction for a larger one
    layout      'denominator': the gradient has the shape of its argument; 'numerator': of its transpose, a
                row for a vector. The outcome speaks of entries of the argument in both

    Some 15 evaluations for an entry or a direction, up to 41 where the function is noisy or has a kink, and
    for a wrong gradient of a large argument a few hundred more to find the place. The arrays that the
    function sees are copies, in double precision.

    A gradient of the wrong shape is an outcome, 'disagree'. Raises ValueError where the function or the
    gradient fails at the point, the function's value is not a scalar, the point is empty or not finite, or
    a name is unknown; TypeError where something that should be real numbers is not.
    """
    if directions is not None and directions < 1:
        raise ValueError(f"directions must be at least 1, got {directions}")
    if layout not in ("denominator", "numerator"):
        raise ValueError(f"layout must be 'denominator' or 'numerator', got {layout!r}")
    if not isinstance(at, Mapping):
        point = real_array(at, "the point")
        given = _call("the gradient", gradient, point) if callable(gradient) else gradient
        return _check(function, given, point, seed, directions, layout)

    points = {name: real_array(value, f"the point's {name}") for name, value in at.items()}
    parts = {}
    for name, given in _by_name(gradient, points).items():
        part = _check(_in_one(function, points, name), given, points[name], seed, directions, layout)
        parts[name] = replace(part, argument=name)
    worst = max(parts.values(), key=_severity)
    return replace(worst, parts=parts, evaluations=sum(part.evaluations for part in parts.values()))


def derivative_check(function: Callable[[Array], ArrayLike], jacobian: Any, at: ArrayLike) -> GradientCheck:
    """Compare the derivative of an array by an array with finite differences, every entry of it.

    jacobian    an array, or a function of the point that returns one, of shape (output shape + input shape):
                its entry (i, j) is ∂y_i/∂x_j

    Some 15 evaluations for an entry of the point. Wrong shapes and errors are as for `check_gradient`.
    """
    point = _finite_point(real_array(at, "the point"))
    value = real_array(_call("the function", function, point), "the function's value")
    jacobian = _call("the jacobian", jacobian, point) if callable(jacobian) else jacobian
    given, precision = _given(jacobian, "the jacobian")
    estimate = central_difference(function, point)
    comparison, calls = _Comparison(estimate, None, precision), 1 + estimate.evaluations
    shape = value.shape + point.shape
    if given.shape == shape:
        unfit = _not_finite(value, given, calls)
        return _every_entry(given, comparison, calls) if unfit is None else unfit
    transposed = False
    if given.shape == point.shape + value.shape:
        turned = np.moveaxis(given, range(point.ndim), range(-point.ndim, 0))
        transposed = bool(_every_entry(turned, comparison, calls))
    return _wrong_shape(given.shape, shape, transposed, calls)


# ── the arguments ──────────────────────────────────────────────────────────────────────────────────────


def _call(what: str, function: Callable[..., Any], *args: Array, **named: Array) -> Any:
    """What the caller's function returns; its exceptions, with the shapes that it was called with."""
    try:
        with np.errstate(all="ignore"):
            return function(*(a.copy() for a in args), **{k: a.copy() for k, a in named.items()})
    except Exception as error:
        shapes = ", ".join([str(a.shape) for a in args] + [f"{k} {a.shape}" for k, a in named.items()])
        kind = TypeError if isinstance(error, TypeError) else ValueError
        message = f"{what} raised {type(error).__name__} when called with shape {shapes}: {error}"
        raise kind(message) from error


def _by_name(gradient: Any, points: Mapping[str, Array]) -> Mapping[str, Any]:
    given = _call("the gradient", gradient, **points) if callable(gradient) else gradient
    if not isinstance(given, Mapping):
        kind = type(given).__name__
        raise TypeError(f"at a point with names, the gradient must be a mapping from names, got {kind}")
    if not given or not given.keys() <= points.keys():
        names = ", ".join(map(str, given)) or "nothing"
        raise ValueError(f"the gradient names {names}; the point has {', '.join(points)}")
    return {
        name: _call(f"the gradient in {name}", value, **points) if callable(value) else value
        for name, value in given.items()
    }


def _in_one(
    function: Callable[..., ArrayLike], points: Mapping[str, Array], name: str
) -> Callable[[Array], ArrayLike]:
    """The function of one named argument, the others held."""

    def held(value: Array) -> ArrayLike:
        others = {key: array.copy() for key, array in points.items() if key != name}
        return function(**{name: value}, **others)

    return held


def _given(value: Any, what: str) -> tuple[Array, float]:
    """The given derivative in doubles, and the machine precision that it came in."""
    dtype = np.asarray(value).dtype
    return real_array(value, what), float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps)


def _finite_point(point: Array) -> Array:
    if not point.size or not np.isfinite(point).all():
        raise ValueError(f"the point, of shape {point.shape}, is empty or not finite")
    return point


class _Scalar:
    """The function with its value as a 0-dimensional array, and its calls counted."""

    def __init__(self, function: Callable[[Array], ArrayLike]) -> None:
        self.function = function
        self.calls = 0

    def __call__(self, point: Array) -> NDArray[Any]:
        self.calls += 1
        value = np.asarray(self.function(point))
        if value.size != 1:
            raise ValueError(f"the function must return a scalar, got shape {value.shape}")
        return value.reshape(())


# ── the comparison ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Comparison:
    """What differences say of the true gradient: its entries, or its products with directions."""

    estimate: Estimate
    directions: Sequence[Array] | None
    precision: float

    def claimed(self, gradient: Array) -> Array:
        """The same of a gradient that is claimed."""
        if self.directions is None:
            return gradient
        return np.array([_inner(direction, gradient) for direction in self.directions])

    def tolerance(self, gradient: Array) -> Array:
        # A probability less a label lost what is below the last bit of 1, however small it is: max(1, ·).
        # Round-off is independent from entry to entry: it adds up to the root of the sum of squares.
        size = np.maximum(1.0, np.abs(gradient))
        if self.directions is not None:
            size = self.lengths(size)
        return np.asarray(SAFETY * (self.estimate.error + self.precision * size))

    def lengths(self, gradient: Array) -> Array:
        """The Euclidean length of the gradient's entries times those of each direction."""
        assert self.directions is not None
        parts = [np.ravel(direction * gradient) for direction in self.directions]
        return np.array([math.sqrt(np.einsum("i,i", part, part)) for part in parts])

    def gap(self, gradient: Array) -> Array:
        return np.abs(self.claimed(gradient) - self.estimate.value)

    def wrong(self, gradient: Array) -> NDArray[np.bool_]:
        return np.asarray(self.gap(gradient) > self.tolerance(gradient))

    def size(self, gradient: Array, claimed: Array) -> float:
        """How large the gradient is, or, where it vanishes, the slopes nearby."""
        sizes = [claimed, self.estimate.value, self.estimate.steepness]
        if self.directions is not None:
            sizes.append(self.lengths(gradient))
        every = np.abs(np.concatenate([np.ravel(size) for size in sizes]))
        return float(np.max(every[np.isfinite(every)], initial=0.0))

    def outcome(self, gradient: Array, method: str, evaluations: int) -> GradientCheck:
        """The verdict, and the numbers of the entry or direction that decides it."""
        found, claimed, tolerance = self.estimate, self.claimed(gradient), self.tolerance(gradient)
        gap = np.abs(claimed - found.value)
        wrong, size = gap > tolerance, self.size(gradient, claimed)
        # A size of 0 is a function that never changes, and a gradient of 0: there is nothing to resolve.
        unclear = ~np.isfinite(tolerance) | ((tolerance > RESOLUTION * size) & (size > 0))
        verdict: Verdict = "disagree" if wrong.any() else "inconclusive" if unclear.any() else "agree"
        decisive = {
            "disagree": np.where(wrong, gap, -1.0),
            "inconclusive": np.where(unclear, tolerance, -1.0),
            "agree": gap / tolerance,
        }[verdict]
        position = tuple(int(i) for i in np.unravel_index(np.argmax(decisive), decisive.shape))
        error, jump = float(found.error[position]), float(found.jump[position])
        reason = None
        if verdict == "inconclusive":
            if not np.isfinite(error):
                reason = "the function is not finite around the point"
            elif abs(jump) > error:
                reason = f"a kink: the slope jumps by {abs(jump):.3g}"
            elif 2 * SAFETY * error > tolerance[position]:
                reason = f"an error of {error:.1e} beside slopes of {size:.1e}: round-off, noise or a kink"
            else:
                reason = f"slopes of {size:.1e} are too near to the round-off of the given numbers"
        return GradientCheck(
            verdict,
            gradient.shape,
            position if self.directions is None else None,
            float(found.value[position]),
            float(claimed[position]),
            error,
            float(tolerance[position]),
            method,
            found.value.size,
            evaluations,
            reason=reason,
        )


def _check(
    function: Callable[[Array], ArrayLike],
    gradient: Any,
    point: Array,
    seed: int | None,
    directions: int | None,
    layout: Layout,
) -> GradientCheck:
    given, precision = _given(gradient, "the gradient")
    scalar = _Scalar(function)
    value = real_array(_call("the function", scalar, _finite_point(point)), "the function's value")
    wanted, came = point.shape, given.shape
    if layout == "numerator" and point.ndim == 1:
        wanted = (1, *point.shape)  # a row; NumPy's vectors, being neither row nor column, pass for one
        given = given.reshape(point.shape) if came == wanted else given
    elif layout == "numerator":
        wanted, given = point.shape[::-1], given.T
    if given.shape != point.shape:
        transposed = given.T.shape == point.shape
        transposed = transposed and bool(_check(scalar, given.T, point, seed, directions, "denominator"))
        return replace(_wrong_shape(came, wanted, transposed, scalar.calls), shape=point.shape)
    unfit = _not_finite(value, given, scalar.calls)
    if unfit is not None:
        return unfit
    if directions is None and point.size <= EVERY_ENTRY:
        estimate = central_difference(scalar, point)
        return _every_entry(given, _Comparison(estimate, None, precision), scalar.calls)
    seed = int(np.random.default_rng().integers(2**32)) if seed is None else seed
    outcome = _random_directions(scalar, given, point, seed, directions or 1, precision)
    return replace(outcome, evaluations=scalar.calls, seed=seed)


def _every_entry(given: Array, comparison: _Comparison, calls: int) -> GradientCheck:
    outcome = comparison.outcome(given, "every entry by central differences", calls)
    if outcome.verdict != "disagree":
        return outcome
    words, _ = _resemblance(given, comparison)
    return replace(outcome, looks_like=words)


def _random_directions(
    function: _Scalar, given: Array, point: Array, seed: int, directions: int, precision: float
) -> GradientCheck:
    rng = np.random.default_rng(seed)
    tests = [random_direction(point.shape, rng) for _ in range(directions)]
    slopes = [directional_difference(function, point, test) for test in tests]
    comparison = _Comparison(_joined(slopes), tests, precision)
    outcome = comparison.outcome(given, "random directions by differences", function.calls)
    if outcome.verdict != "disagree":
        return outcome

    more = [random_direction(point.shape, rng) for _ in range(DIAGNOSIS - directions)]
    slopes += [directional_difference(function, point, test) for test in more]
    tests += more
    comparison = _Comparison(_joined(slopes), tests, precision)
    words, mended = _resemblance(given, comparison)
    index: tuple[int, ...] | None
    if mended is not None:
        index = tuple(int(i) for i in np.unravel_index(np.argmax(np.abs(mended - given)), given.shape))
    else:
        gaps = comparison.claimed(given) - comparison.estimate.value
        worst = int(np.argmax(np.where(comparison.wrong(given), np.abs(gaps), -1.0)))
        index = _bisect(function, given, point, tests[worst], float(gaps[worst]))
    if index is None:
        return replace(outcome, looks_like=words)

    one = np.zeros(point.shape)
    one[index] = 1.0
    there = _Comparison(_joined([directional_difference(function, point, one)]), [one], precision)
    entry = there.outcome(given, outcome.method, function.calls)
    if entry.verdict != "disagree":
        return replace(outcome, looks_like=words)
    alone = given + (entry.expected - entry.actual) * one
    if words is None and not comparison.wrong(alone).any():
        words = "one wrong entry"
    return replace(entry, index=index, samples=directions, looks_like=words)


def _inner(a: Array, b: Array) -> float:
    """Σ aᵢ bᵢ over all entries: in pairs, as NumPy adds, and in this thread."""
    return float(np.sum(a * b))


def _joined(slopes: list[Estimate]) -> Estimate:
    value, error, jump, steepness = np.array([[s.value, s.error, s.jump, s.steepness] for s in slopes]).T
    return Estimate(value, error, jump, steepness, sum(s.evaluations for s in slopes))


def _bisect(
    function: _Scalar, given: Array, point: Array, direction: Array, gap: float
) -> tuple[int, ...] | None:
    """A wrong entry: of a block of entries that is off by `gap` along `direction` the worse half, repeatedly.

    The gaps of the halves add up to that of the whole, so log₂ n directional differences do.
    """
    low, high = 0, given.size
    while high - low > 1:
        middle = (low + high) // 2
        block = np.zeros(given.shape)
        block.flat[low:middle] = direction.flat[low:middle]
        left = float(np.sum(block * given) - directional_difference(function, point, block).value)
        if not np.isfinite(left):
            return None
        if abs(left) >= abs(gap - left):
            high, gap = middle, left
        else:
            low, gap = middle, gap - left
    return tuple(int(i) for i in np.unravel_index(low, given.shape))


# ── what a wrong gradient is instead ───────────────────────────────────────────────────────────────────


def _resemblance(given: Array, comparison: _Comparison) -> tuple[str | None, Array | None]:
    """The first mistake whose undoing makes the gradient agree: its name, and the mended gradient."""
    for words, mended in _mistakes(given, comparison):
        if not comparison.wrong(mended).any():
            return words, mended
    return None, None


def likeness(given: Array, expected: Array, tolerance: Array) -> str | None:
    """What a wrong gradient is when the right one is known: 'transposed', '2 times …'; None if unclear."""
    zero = np.zeros(expected.shape)
    estimate = Estimate(expected, tolerance / SAFETY, zero, np.abs(expected), 0)
    return _resemblance(given, _Comparison(estimate, None, 0.0))[0]


def _mistakes(given: Array, comparison: _Comparison) -> Iterator[tuple[str, Array]]:
    yield "the opposite sign", -given
    for order in list(permutations(range(given.ndim)))[1:]:
        if given.transpose(order).shape == given.shape:
            name = "transposed" if given.ndim == 2 else f"axes swapped: its transpose{order} agrees"
            yield name, given.transpose(order)

    known = np.isfinite(comparison.estimate.value)
    claimed, expected = comparison.claimed(given)[known], comparison.estimate.value[known]
    overlap = float(np.sum(claimed * expected))
    ratio = float(np.sum(claimed**2)) / overlap if overlap else 0.0
    simple = _simple_fraction(ratio)
    if simple:
        yield f"{simple} times the expected gradient", given / float(simple)
    if given.size == 1:
        return
    wrong = comparison.wrong(given)
    if comparison.directions is None and np.count_nonzero(wrong) == 1:
        yield "one wrong entry", np.where(wrong, comparison.estimate.value, given)
    if ratio:
        yield f"{ratio:.6g} times the expected gradient", given / ratio
    ones = comparison.claimed(np.ones(given.shape))[known]
    shift = float(np.sum(ones * (claimed - expected)) / np.sum(ones**2))
    yield f"the expected gradient {'+' if shift > 0 else '−'} {abs(shift):.6g} in every entry", given - shift


def _simple_fraction(ratio: float) -> Fraction | None:
    """The fraction meant by a factor such as 2, −1/2, 3/2 or 1/N; None where there is none as simple."""
    fraction = Fraction(ratio).limit_denominator(10_000)
    top, bottom = abs(fraction.numerator), fraction.denominator
    return fraction if top and (top == 1 or bottom == 1 or max(top, bottom) <= 20) else None


# ── outcomes without numbers ───────────────────────────────────────────────────────────────────────────


def _unmeasured(verdict: Verdict, shape: tuple[int, ...], calls: int, reason: str) -> GradientCheck:
    nan = float("nan")
    return GradientCheck(verdict, shape, None, nan, nan, nan, nan, "nothing", 0, calls, reason=reason)


def _not_finite(value: Array, given: Array, calls: int) -> GradientCheck | None:
    if not np.isfinite(value).all():
        reason = "the function is not finite at the point"
        return _unmeasured("inconclusive", given.shape, calls, reason)
    if not np.isfinite(given).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(given))[0])
        reason = f"the gradient is {given[index]} where the function is finite"
        return replace(_unmeasured("disagree", given.shape, calls, reason), index=index)
    return None


def _wrong_shape(
    given: tuple[int, ...], wanted: tuple[int, ...], transposed: bool, calls: int
) -> GradientCheck:
    outcome = _unmeasured("disagree", wanted, calls, f"the gradient has shape {given}, not {wanted}")
    return replace(outcome, looks_like="transposed" if transposed else "wrong shape")


def _severity(part: GradientCheck) -> tuple[int, float]:
    """The worst first: a disagreement before doubt, doubt before agreement, then by the gap in tolerances."""
    gap = abs(part.actual - part.expected) / part.tolerance
    return ("agree", "inconclusive", "disagree").index(part.verdict), gap if np.isfinite(gap) else 0.0
