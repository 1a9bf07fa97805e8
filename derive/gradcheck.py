"""A program against a derivation: does this function compute the gradient that is proved there?

    gradcheck(backward, of="softmax-cross-entropy", wrt="W") -> CodeCheck

Three things may be wrong, and the answer says which. The mathematics: a step between the derivative and its
last form is not proved. The code: it differs from the proved formula by more than rounding explains. The
tolerance: it differs by what a lower precision than that of its numbers explains, or its precision is too low
to tell anything.

The function is called with keyword arguments, under the derivation's own names, at several sizes: vectors of
shape (n,), matrices (m, n). What it returns is compared with the right side of the proved equation, every
entry, at the very numbers that it was called with; no differences are taken.
"""

from __future__ import annotations

import inspect
import keyword
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from itertools import product as cartesian
from pathlib import Path
from typing import Any, Literal

import numpy as np

from derive import catalogue, documents
from derive import terms as t
from derive.checker import check
from derive.diagnostics import classify
from derive.expression import Layout, Shape
from derive.judge import Judge
from derive.lifting import Names, NotLifted, lift
from derive.lowering import Statement
from derive.printing import latex
from derive.reader import markdown
from derive.reader.latex import BUILTIN_WORDS
from derive.render.plain import plain
from derive.render.report import Style, claim_text
from derive.report import Report, Step, Verdict
from derive.terms import Entry, Index, Partial, Plus, Product, Sum, Term
from numeric.evaluate import Unevaluable, dimensions
from numeric.formula import Array, Evaluated, evaluate
from numeric.gradient import likeness

Finding = Literal["agree", "mathematics", "code", "tolerance"]
Kind = Literal["numpy", "torch", "jax"]

SMALL = (3, 5, 4, 2)  # sizes of the first trial, all different, so that a transpose shows
LARGE = 20
POINTS = 3  # at small sizes, and at those that are asked for
SAFETY = 8  # rounding errors are likely to be no larger than estimated, and they are not independent
RESOLUTION = 1e-4  # of the largest entry: with fewer than four digits, a factor 1.0005 would pass for 1
COARSEST = 0.25  # where a low precision is asked for; beyond it even that tells nothing
MOST_PARTS = 16
UNIT = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
DIGITS = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}


ROUNDING = "a computation in a lower precision"
_SLIPS = (
    (1, "the term {} is missing"),
    (2, "the term {} has the opposite sign"),
    (-1, "the term {} is there twice"),
)


class NotComparable(ValueError):
    """Nothing can be compared: no such derivation, no such gradient, or a function that cannot be called."""


@dataclass(frozen=True)
class CodeCheck:
    """How the comparison ended. True in a condition where the verdict is 'agree'.

    Attributes:
        verdict: 'agree', or what is wrong: 'mathematics', 'code' or 'tolerance'.
        claim: the equation that is proved, or should be, in a line.
        layout: how its derivative is arranged.
        message: what is wrong, in words.
        sizes: the dimensions where that shows.
        entry: the worst entry, counted from 0.
        expected, actual: the proved formula there, and what the function returned.
        tolerance: how far the two may be apart there.
        precision: in which the function answered.
        looks_like: what wrong code is: 'transposed', 'c times the expected gradient' …; None if unclear.
    """

    verdict: Finding
    claim: str
    layout: Layout
    message: str
    sizes: Mapping[str, int]
    entry: tuple[int, ...] | None = None
    expected: float = float("nan")
    actual: float = float("nan")
    tolerance: float = float("nan")
    precision: str = "float64"
    looks_like: str | None = None

    def __bool__(self) -> bool:
        return self.verdict == "agree"

    def __str__(self) -> str:
        head = "the code agrees" if self else f"the {self.verdict} is wrong"
        lines = [f"{head}: {self.message}", f"  {'formula':<13}{self.claim} ({self.layout} layout)"]
        at = ", ".join(map(str, self.entry or ()))
        rows = [("looks like", self.looks_like)]
        if self.entry is not None and not self:
            rows += [
                (
                    "worst entry",
                    f"{at if len(self.entry) == 1 else f'({at})'}, counted from 0" if at else None,
                ),
                ("expected", f"{self.expected:.10g}"),
                ("actual", f"{self.actual:.10g}"),
                ("difference", f"{abs(self.actual - self.expected):.2g}, tolerance {self.tolerance:.2g}"),
            ]
        rows.append(("sizes", _sizes(self.sizes) or None if not self else None))
        lines += [f"  {label:<13}{text}" for label, text in rows if text]
        return "\n".join(lines)


def _sizes(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {size}" for name, size in sizes.items())


def gradcheck(
    function: Callable[..., Any],
    of: str,
    wrt: str,
    layout: Layout = "denominator",
    *,
    sizes: Mapping[str, int] | None = None,
    precision: str | None = None,
    arrays: Kind | None = None,
    seed: int = 0,
) -> CodeCheck:
    """Compare a function with the gradient that a derivation proves.

    Args:
        function: called with the derivation's symbols by name; returns the gradient, or a mapping from
            names to gradients. It is a NumPy, PyTorch or JAX function.
        of: a ready derivation, or the path of a document.
        wrt: the symbol by which is differentiated, as the derivation has it, or as a name in Python.
        layout: how the gradient is arranged.
        sizes: a number for each dimension; by default a few small ones, and 20.
        precision: of the numbers that the function is called with, and of its answer; by default it is
            called with float64 and answers as it likes.
        arrays: what it is called with; by default NumPy's, and where it raises TypeError PyTorch's or JAX's
            if one of these is loaded.
        seed: of the numbers.

    Raises NotComparable, as its docstring says.
    """
    if layout not in ("denominator", "numerator"):
        raise NotComparable(f"the layout is 'denominator' or 'numerator', not {layout!r}")
    if precision is not None and precision not in UNIT:
        raise NotComparable(f"the precision is one of {', '.join(UNIT)}, not {precision!r}")
    found = _proved(of, wrt, layout)
    if isinstance(found, CodeCheck):
        return found
    program = _Program(function, found, precision, arrays)
    outcomes = [program.compare(trial) for trial in _trials(found, sizes, seed)]
    wrong = [outcome for outcome in outcomes if outcome.verdict == "code"]
    if wrong:
        likely = {outcome.looks_like for outcome in wrong}
        words = likely.pop() if len(likely) == 1 else _by_dimension(wrong)
        return replace(wrong[0], looks_like=words)
    clear = [outcome for outcome in outcomes if outcome]
    for outcome in outcomes:  # at a point where rounding drowns the answer, nothing was learnt
        if not outcome and (outcome.looks_like == ROUNDING or not clear):
            return outcome
    worst = max(clear, key=lambda outcome: abs(outcome.actual - outcome.expected) / outcome.tolerance)
    tried = " and ".join(filter(None, dict.fromkeys(_sizes(outcome.sizes) for outcome in clear)))
    return replace(worst, message=f"{worst.message}{', at ' if tried else ''}{tried}")


# ── the derivation ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Gradient:
    """A derivative that a derivation has, in its last form.

    Attributes:
        name: the symbol by which is differentiated.
        claim: on the left what is differentiated, on the right the formula, with the context of both.
        axes: the indices of the gradient, in the order that the layout gives them.
        text: the equation that is proved, in a line.
        shapes, words: of the symbols, and those that have several letters.
    """

    name: str
    claim: t.Claim
    axes: tuple[Index, ...]
    text: str
    layout: Layout
    shapes: Mapping[str, Shape]
    words: frozenset[str]

    @property
    def is_column(self) -> bool:
        return self.layout == "denominator"

    @property
    def formula(self) -> Term:
        return self.claim.rhs


@dataclass(frozen=True)
class _Read:
    """A derivation that has been read: its report, what each step says, and the shapes of its symbols."""

    report: Report
    said: Mapping[int, Statement]  # by the place of the step in the report
    shapes: Mapping[str, Shape]


def _read(of: str, layout: Layout, judge: Judge) -> _Read:
    suffix = Path(of).suffix.lower()
    try:
        if suffix in documents.KINDS:
            source = documents.text_of(Path(of))
            name, passages = of, documents.passages_of(Path(of), source)
        else:
            name, source = catalogue.text(of, layout)
            passages = markdown.read(source)
    except documents.Unopenable as trouble:
        raise NotComparable(f"{of}: {trouble}") from None
    except catalogue.UnknownDerivation as trouble:
        raise NotComparable(f"{trouble} (`derive list` names them all; a document ends in .md, …)") from None
    seen: list[tuple[Step, Statement]] = []
    budget = documents.Budget()
    report, reader = check(
        name, source, passages, judge, layout, watch=lambda *pair: seen.append(pair), guard=budget
    )
    report.source = source
    report.words = frozenset(n for n in reader.scope.shapes if n.isalpha() and len(n) > 1)
    statements = {id(step): statement for step, statement in seen}
    said = {n: statements[id(step)] for n, step in enumerate(report.steps) if id(step) in statements}
    return _Read(report, said, dict(reader.scope.shapes))


@lru_cache(maxsize=32)
def _ready(of: str, layout: Layout) -> _Read:
    """A derivation of the catalogue, which does not change."""
    return _read(of, layout, Judge())


def _proved(of: str, wrt: str, layout: Layout) -> Gradient | CodeCheck:
    """The gradient in a derivation, or that its mathematics is wrong."""
    in_catalogue = of in catalogue.documents()
    read = _ready(of, layout) if in_catalogue else _read(of, layout, Judge())
    chains = [chain for chain in _chains(read) if identifier(chain[0].variable.tensor) == identifier(wrt)]
    if not chains:
        unsound = (
            n
            for n, step in enumerate(read.report.steps)
            if step.kind == "claim" and step.verdict is not Verdict.PROVED and _differentiates(step.lhs, wrt)
        )
        bad = next(unsound, None)
        if bad is not None:
            return _unproved(of, layout, bad)
        names = sorted({identifier(start.variable.tensor) for start, _ in _chains(read)})
        has = f"it has those by {', '.join(names)}" if names else "it has none"
        raise NotComparable(f"{of} has no derivative by {wrt} that could be evaluated; {has}")
    start, places = min(enumerate(chains), key=lambda pair: (pair[1][0].rank, -pair[0]))[1]
    steps = [read.report.steps[n] for n in places]
    bad = next((n for n in places if read.report.steps[n].verdict is not Verdict.PROVED), None)
    if bad is not None:
        return _unproved(of, layout, bad)
    words = read.report.words | BUILTIN_WORDS
    shown = plain(f"{steps[0].lhs} = {steps[-1].rhs}", words)
    last = read.said[places[-1]]
    context = last.claim.context
    if start.variable.tensor in context.definitions:  # what is differentiated by varies by itself
        kept = {n: d for n, d in context.definitions.items() if n != start.variable.tensor}
        context = t.Context(kept, context.hypotheses, context.constants)
    axes = start.axes if steps[0].layout in (layout, "any", None) else start.axes[::-1]
    claim = t.Claim(start.body, last.claim.rhs, "=", context)
    return Gradient(start.variable.tensor, claim, axes, shown, layout, read.shapes, words)


def _unproved(of: str, layout: Layout, place: int) -> CodeCheck:
    """That a step of a derivation is not proved, with its diagnostic."""
    budget = documents.Budget()
    report = _read(of, layout, Judge(budget.refute, budget.gather)).report
    classify(report)
    step = report.steps[place]
    claim = plain(f"{step.lhs} {step.relation} {step.rhs}", report.words | BUILTIN_WORDS)
    said = claim_text(report, step, Style(width=100)).rstrip()
    return CodeCheck("mathematics", claim, layout, f"a step of the derivation is not proved\n{said}", {})


@dataclass(frozen=True)
class _Start:
    """A derivative with which a chain begins."""

    body: Term
    variable: Entry
    axes: tuple[Index, ...]

    @property
    def rank(self) -> tuple[bool, bool]:
        """Gradients of numbers before Jacobians, whole ones before those that are stated by their entries."""
        is_jacobian = len(self.axes) > len(self.variable.indices)
        return is_jacobian, any(not str(index.name).startswith("entry ") for index in self.axes)


def _chains(read: _Read) -> Iterator[tuple[_Start, list[int]]]:
    """The chains of a derivation that begin with a derivative: that, and the places of their steps."""
    steps = read.report.steps
    place = 0
    while place < len(steps):
        end = place + 1
        while end < len(steps) and steps[end].kind == "claim" and steps[end].lhs == steps[end - 1].rhs:
            end += 1
        places = list(range(place, end))
        if steps[place].kind == "claim" and place in read.said:
            start = _start(read.said[place])
            if start is not None and all(steps[n].relation in ("=", ":=", r"\equiv") for n in places):
                yield start, places
        place = end


def _start(said: Statement) -> _Start | None:
    """The derivative on the left of an equation, of first order and by a whole tensor."""
    match said.claim.lhs:
        case Partial(body, Entry(_, indices) as variable):
            particular = said.claim.context.constants
            free = {index for index in t.free_indices(body) if index.name not in particular}
            whole = all(isinstance(index.name, str) and index.name not in particular for index in indices)
            if (
                not whole
                or len(set(indices)) < len(indices)
                or any(isinstance(p, Partial) for p in t.walk(body))
            ):
                return None
            if set(said.indices) == {*indices, *free}:
                return _Start(body, variable, said.indices)
            if not said.indices and not free:
                return _Start(body, variable, indices)
    return None


def _differentiates(text: str, wrt: str) -> bool:
    """Whether a side that may have no reading is written as a derivative by a symbol."""
    below = re.search(r"\\partial\s*((?:(?!\\partial).)*)\}\s*$", text, re.DOTALL)
    return below is not None and identifier(below[1].strip()) == identifier(wrt)


# ── the program ────────────────────────────────────────────────────────────────────────────────────────────


def identifier(name: str) -> str:
    r"""A symbol as a name in Python: W, y_hat for \hat{y}, lambda_ for \lambda, W_1 for W_{1}."""
    previous = None
    while previous != name:
        previous = name
        name = re.sub(r"\\(?:math\w+|boldsymbol|bm|text)\s*\{([^{}]*)\}", r"\1", name)
        name = re.sub(r"\\(hat|tilde|bar|vec|dot)\s*\{([^{}]*)\}", r"\2_\1", name)
        name = re.sub(r"\\(hat|tilde|bar|vec|dot)\s+(\w)", r"\2_\1", name)
    name = re.sub(r"[\W_]+", "_", name.replace("\\", "").replace("'", "_prime")).strip("_")
    return f"{name}_" if keyword.iskeyword(name) else name


@dataclass(frozen=True)
class Trial:
    """A point at which the program is run, the seed that it is drawn from, and the formula's values there."""

    sizes: Mapping[str, int]
    seed: int
    at: Evaluated


def _trials(found: Gradient, sizes: Mapping[str, int] | None, seed: int) -> list[Trial]:
    names = sorted({name for part in _behind(found.claim) for d in dimensions(part) for name in d.names})
    if sizes is not None:
        if sizes.keys() != set(names):
            asked, has = ", ".join(sizes) or "nothing", ", ".join(names) or "nothing"
            raise NotComparable(f"sizes are for {has}, not for {asked}")
        if not all(isinstance(size, int) and size > 0 for size in sizes.values()):
            raise NotComparable("a size is a number from 1 on")
    small = {name: SMALL[n % len(SMALL)] for n, name in enumerate(names)}
    chosen = [small if sizes is None else dict(sizes)] * POINTS
    chosen += [dict.fromkeys(names, LARGE)] if sizes is None else []
    trials, trouble = [], "no point was found at which its hypotheses hold"
    for number, size in enumerate(chosen):
        try:
            at = evaluate(found.claim, [found.formula], found.axes, size, seed + number)
        except Unevaluable as error:  # at large sizes, perhaps, and not at small ones
            trouble = str(error)
        else:
            trials += [] if at is None else [Trial(size, seed + number, at)]
    if not trials:
        raise NotComparable(f"the formula {found.text} cannot be evaluated: {trouble}")
    return trials


def _behind(claim: t.Claim) -> Iterator[Any]:
    """A claim's sides, and the definitions on which they rest."""
    todo, seen = [claim.lhs, claim.rhs], set[str]()
    while todo:
        term = todo.pop()
        yield term
        for name in t.tensors(term) - seen:
            seen.add(name)
            if name in claim.context.definitions:
                yield claim.context.definitions[name]
                todo.append(claim.context.definitions[name].body)


def addends(term: Term) -> Iterator[Term]:
    """The terms of which a formula is the sum, its products multiplied out."""
    match term:
        case Plus(parts):
            for part in parts:
                yield from addends(part)
        case Product(factors):
            for choice in cartesian(*(list(addends(factor)) for factor in factors)):
                yield Product(tuple(choice))
        case Sum(index, body):
            for part in addends(body):
                yield Sum(index, part)
        case _:
            yield term


class _Program:
    """The function that is checked."""

    def __init__(
        self, function: Callable[..., Any], found: Gradient, precision: str | None, arrays: Kind | None
    ):
        self.function, self.found, self.precision, self.arrays = function, found, precision, arrays

    def compare(self, trial: Trial) -> CodeCheck:
        """What the function returns at a point, beside the proved formula."""
        actual, precision = self._answer(trial)
        expected = trial.at.values[0]
        outcome = CodeCheck("code", self.found.text, self.found.layout, "", trial.sizes, precision=precision)
        shaped = self._shaped(actual, expected.shape)
        if shaped is None:
            turned = actual.T.shape == expected.shape and not self._off(actual.T, trial, precision).any()
            words = self._transposed() if turned else None
            said = f"it returns an array of shape {actual.shape}, not {expected.shape}"
            return replace(outcome, message=said, looks_like=words)
        if not np.isfinite(shaped).all():
            entry = tuple(int(i) for i in np.argwhere(~np.isfinite(shaped))[0])
            tolerance = float(self._tolerance(trial, precision)[entry])
            return replace(
                outcome, message=f"it returns {shaped[entry]} where the formula has a value", entry=entry,
                expected=float(expected[entry]), actual=float(shaped[entry]), tolerance=tolerance,
            )  # fmt: skip
        return self._judged(shaped, trial, outcome)

    def _judged(self, actual: Array, trial: Trial, outcome: CodeCheck) -> CodeCheck:
        """The verdict on an answer that is comparable."""
        expected, precision = trial.at.values[0], outcome.precision
        tolerance = self._tolerance(trial, precision)
        gap = np.abs(actual - expected)
        at = np.unravel_index(int(np.argmax(gap / tolerance)), gap.shape)
        entry = tuple(int(i) for i in at)
        outcome = replace(
            outcome, entry=entry, expected=float(expected[entry]), actual=float(actual[entry]),
            tolerance=float(tolerance[entry]),
        )  # fmt: skip
        size = float(np.max(np.abs(expected)))
        if (gap <= tolerance).all():
            resolution = RESOLUTION if self.precision in (None, "float64", "float32") else COARSEST
            if size and float(np.max(tolerance)) > resolution * size:
                said = (
                    f"{precision} cannot tell this gradient from one that is off by "
                    f"{np.max(tolerance) / size:.1g} of it; compare in float32 or float64"
                )
                return replace(outcome, verdict="tolerance", message=said)
            return replace(
                outcome, verdict="agree", message=f"every entry, up to the rounding of {precision}"
            )
        words = self._likeness(actual, trial, tolerance)
        for lower in UNIT:
            if UNIT[lower] <= UNIT[precision] or self._off(actual, trial, lower).any():
                continue
            held = _held(actual, lower)
            if held or (lower == "float32" and words is None):
                said = f"the differences are those of {lower}; compare with precision={lower!r}"
                return replace(outcome, verdict="tolerance", message=said, looks_like=ROUNDING)
        return replace(outcome, message="it is not what is proved", looks_like=words)

    def _tolerance(self, trial: Trial, precision: str) -> Array:
        """How far an answer may be from the formula: its own rounding, and that of the largest entry."""
        largest = np.max(np.abs(trial.at.values[0]), initial=0.0)
        tolerance: Array = SAFETY * UNIT[precision] * (trial.at.rounding + largest) + np.finfo(float).tiny
        return tolerance

    def _off(self, actual: Array, trial: Trial, precision: str) -> Any:
        return ~(np.abs(actual - trial.at.values[0]) <= self._tolerance(trial, precision))

    def _likeness(self, actual: Array, trial: Trial, tolerance: Array) -> str | None:
        """What a wrong answer looks like."""
        expected = trial.at.values[0]
        words = likeness(actual, expected, tolerance)
        if words == "transposed":
            return self._transposed()
        if words is not None and words != "one wrong entry" and not words.startswith("the expected gradient"):
            return words
        parts = list(islice(addends(self.found.formula), MOST_PARTS + 1))
        if not 1 < len(parts) <= MOST_PARTS:
            return words
        again = evaluate(self.found.claim, parts, self.found.axes, trial.sizes, trial.seed)
        for part, value in zip(parts, again.values if again is not None else (), strict=False):
            if not value.any():
                continue
            for times, said in _SLIPS:
                if (np.abs(actual - (expected - times * value)) <= tolerance).all():
                    return said.format(self._shown(part))
        return words

    def _transposed(self) -> str:
        other = "denominator" if self.found.layout == "numerator" else "numerator"
        return f"transposed, which is the {other} layout"

    def _shown(self, part: Term) -> str:
        """A part of the formula in a line."""
        ranges = tuple(index.range for index in self.found.axes)
        units = (t.ONE,) * (2 - len(ranges))
        shape = (*ranges, *units) if self.found.is_column else (*units, *ranges)
        try:
            form = lift(part, self.found.axes, shape, t.Context(), Names(dict(self.found.shapes)))
        except (NotLifted, ValueError):
            return "of the formula"
        return plain(latex(form), self.found.words)

    # ── calling it ──

    def _answer(self, trial: Trial) -> tuple[Array, str]:
        """What the function returns, as doubles, and the precision that it came in."""
        named = {identifier(name): array for name, array in trial.at.arrays.items()}
        if len(named) < len(trial.at.arrays):
            raise NotComparable(f"two symbols have the same name in Python: {', '.join(trial.at.arrays)}")
        named = self._accepted(named)
        value = self._called(named)
        wrt = identifier(self.found.name)
        if isinstance(value, Mapping):
            if wrt not in value:
                has = ", ".join(map(str, value))
                raise NotComparable(f"the function returns a mapping without {wrt!r}: it has {has}")
            value = value[wrt]
        return self._doubles(value)

    def _accepted(self, named: Mapping[str, Array]) -> dict[str, Array]:
        """The arguments that the function takes; it has to take those that the formula is made of."""
        try:
            parameters = inspect.signature(self.function).parameters.values()
        except (TypeError, ValueError):  # a function without a signature
            return dict(named)
        takes = {p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
        needed = {p.name for p in parameters if p.default is p.empty and p.name in takes}
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            takes |= named.keys()
        own = ", ".join(sorted(named))
        if needed - named.keys():
            strange = ", ".join(sorted(needed - named.keys()))
            raise NotComparable(f"the function asks for {strange}; the derivation has {own}")
        missing = (self._necessary() & named.keys()) - takes
        if missing:
            absent = ", ".join(sorted(missing))
            raise NotComparable(f"the function does not take {absent}; the derivation has {own}")
        return {name: array for name, array in named.items() if name in takes}

    def _necessary(self) -> set[str]:
        """The names that the formula itself is made of."""
        claim = replace(self.found.claim, lhs=self.found.formula)
        names = {name for part in _behind(claim) if isinstance(part, Term) for name in t.tensors(part)}
        return {identifier(name) for name in names if name not in claim.context.definitions}

    def _called(self, named: Mapping[str, Array]) -> Any:
        kinds: Sequence[Kind] = [self.arrays] if self.arrays is not None else ["numpy", *_loaded()]
        first: Exception | None = None
        for kind in kinds:
            try:
                given = {name: _array(array, kind, self.precision) for name, array in named.items()}
            except ImportError:
                raise NotComparable(f"{kind} is not installed; pip install derive-verifier[{kind}]") from None
            try:
                return self.function(**given)
            except Exception as trouble:  # whatever the function of a stranger raises
                first = first or trouble
                if not isinstance(trouble, (TypeError, AttributeError)):
                    break
        shapes = ", ".join(f"{name} {array.shape}" for name, array in named.items())
        said = f"the function raised {type(first).__name__} when called with {shapes}: {first}"
        raise NotComparable(said) from first

    def _doubles(self, value: Any) -> tuple[Array, str]:
        """An answer in doubles, and its precision."""
        if hasattr(value, "detach"):
            name = str(value.dtype).removeprefix("torch.")
            value = value.detach().cpu().double().numpy()
        else:
            name = str(getattr(value, "dtype", "float64"))
        try:
            array = np.asarray(value).astype(np.float64)
        except (TypeError, ValueError):
            raise NotComparable(
                f"the function returns {type(value).__name__}, not an array of numbers"
            ) from None
        name = name if name in UNIT else "float64"
        asked = self.precision or "float64"
        return array, max(name, asked, key=lambda precision: UNIT[precision])

    def _shaped(self, actual: Array, shape: tuple[int, ...]) -> Array | None:
        """The answer in the shape of the formula; a vector may be a column or a row, as the layout has it."""
        row = (*shape, 1) if self.found.is_column else (1, *shape)
        same = actual.shape == shape or (len(shape) == 1 and actual.shape == row)
        return actual.reshape(shape) if same or (shape == () and actual.size == 1) else None


def _loaded() -> list[Kind]:
    kinds: tuple[Kind, ...] = ("torch", "jax")
    return [kind for kind in kinds if kind in sys.modules]


def _array(array: Array, kind: Kind, precision: str | None) -> Any:
    """An array as the function wants it."""
    precision = precision or "float64"
    if kind == "torch":
        import torch

        return torch.from_numpy(array.copy()).to(getattr(torch, precision))
    if kind == "jax":
        import jax.numpy

        return jax.numpy.asarray(array, dtype=precision if precision != "float64" else None)
    if precision == "bfloat16":
        raise NotComparable("NumPy has no bfloat16; pass arrays='torch' or arrays='jax'")
    return array.astype(precision)


def _held(actual: Array, precision: str) -> bool:
    """Whether a precision has all of these numbers."""
    mantissa, _ = np.frexp(actual)
    scaled = mantissa * 2.0 ** DIGITS[precision]
    return bool((scaled == np.round(scaled)).all())


def _by_dimension(wrong: Sequence[CodeCheck]) -> str | None:
    """Where the answer is a multiple by a size, or by its inverse, at all sizes: which one."""
    factors = []
    for outcome in wrong:
        match = re.fullmatch(r"(\S+) times the expected gradient", outcome.looks_like or "")
        if match is None:
            return None
        top, _, bottom = match[1].partition("/")
        factors.append(float(top) / float(bottom or 1))
    if len({tuple(outcome.sizes.values()) for outcome in wrong}) < 2:
        return None
    for name in wrong[0].sizes:
        sizes = [outcome.sizes[name] for outcome in wrong]
        if all(abs(factor - size) < 1e-6 * size for factor, size in zip(factors, sizes, strict=True)):
            return f"{name} times the expected gradient: a factor 1/{name} is missing"
        if all(abs(factor * size - 1) < 1e-6 for factor, size in zip(factors, sizes, strict=True)):
            return f"1/{name} times the expected gradient: a factor 1/{name} too many"
    return None
