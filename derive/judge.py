"""From a statement to a verdict.

The kernel proves; a refuter (numeric.certify.refute) finds certified counterexamples and a gatherer
(numeric.evidence.gather) compares both sides in floating point. Both are passed in, so that this module
rests on neither. Numerical agreement never upgrades a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, product

from derive import claims
from derive import terms as t
from derive.expression import UNKNOWN_SIZE, Expression, Shape, show_shape
from derive.kernel import Exhausted, Residual, Theorem, Undefined, prove
from derive.lifting import NotLifted, lift_scalar
from derive.lowering import Statement
from derive.normal.hypotheses import Engine
from derive.normal.polynomial import Frozen
from derive.printing import latex
from derive.report import Counterexample, Evidence, Verdict
from derive.terms import Claim, Context, Dimension, Index, ShapeError

NO_SHORT_FORM = r"\text{(an expression without a short form)}"
Refuter = Callable[[Claim, tuple[Index, ...]], Counterexample | None]
Gatherer = Callable[[Claim], Evidence | None]


class KernelUnsound(AssertionError):
    """A claim was both proved and refuted: a bug in derive, never a fact about the claim."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of one statement.

    Attributes:
        conditions: what must hold for the statement to make sense, as LaTeX.
        guaranteed: those of them that the definitions see to, as that of softmax does to its entries.
        residual: the normal form of what is left of lhs - rhs, for what was not proved.
    """

    verdict: Verdict
    theorem: Theorem | None = None
    counterexample: Counterexample | None = None
    evidence: Evidence | None = None
    message: str | None = None
    dimensions: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    guaranteed: frozenset[str] = frozenset()
    residual: Frozen = ()

    @property
    def uses(self) -> tuple[str, ...]:
        return self.theorem.uses if self.theorem else ()


@dataclass(frozen=True, slots=True)
class Judge:
    """Decides statements.

    Attributes:
        refute, gather: see the module's docstring; None leaves that part out.
        shapes: the shape of each symbol, for printing conditions.
        cross_check: gather evidence for proved claims with a derivative in them, too.
    """

    refute: Refuter | None = None
    gather: Gatherer | None = None
    shapes: dict[str, Shape] = field(default_factory=dict)
    cross_check: bool = True

    def __call__(self, statement: Statement, found: Theorem | Residual | None = None) -> Judgement:
        """The verdict on a statement, or on what the kernel has already found of it.

        Raises KernelUnsound when the two judges contradict each other.
        """
        claim = statement.claim
        if found is None:
            found = prove(claim)
        dimensions = claims.dimensions(claim)
        evidence = None
        doubtful = isinstance(found, Residual) or (self.cross_check and _has_derivative(claim))
        if self.gather is not None and doubtful:
            evidence = self.gather(claim)
        if isinstance(found, Theorem):
            if evidence is not None and evidence.agrees is False and self.refute is not None:
                against = self.refute(claim, statement.indices)
                if against is not None:
                    raise KernelUnsound(f"proved, yet {against.lhs} is not {against.rhs} at {against.values}")
            conditions, guaranteed = self.conditions(found)
            return Judgement(
                Verdict.PROVED,
                found,
                evidence=evidence,
                dimensions=dimensions,
                conditions=conditions,
                guaranteed=guaranteed,
            )
        counterexample = self.refute(claim, statement.indices) if self.refute is not None else None
        verdict = Verdict.UNKNOWN if counterexample is None else Verdict.REFUTED
        message = found.reason or None
        return Judgement(verdict, None, counterexample, evidence, message, dimensions, residual=found.poly)

    def conditions(self, theorem: Theorem) -> tuple[tuple[str, ...], frozenset[str]]:
        """What the statement demands as it is written, and which of these demands its definitions meet.

        They meet what mentions a defined quantity where the kernel, which unfolds it, demands nothing at all.
        """
        claim = theorem.claim
        assumed = [_condition(self.short(c.poly), c.kind) for c in theorem.conditions]
        bare = Engine(Context({}, claim.context.hypotheses, claim.context.constants), 50_000)
        try:
            for side in (claim.lhs, claim.rhs):
                bare.normalise(_without_derivatives(side), {})
        except (Undefined, Exhausted, RecursionError):
            return tuple(dict.fromkeys(assumed)), frozenset()
        written: dict[str, Frozen] = {}
        for condition in sorted(bare.conditions, key=repr):
            short = self.short(condition.poly)
            if short is not None:
                written.setdefault(_condition(short, condition.kind), condition.poly)
        names = dict.fromkeys([*assumed, *written])
        defined = set(claim.context.definitions) if not assumed else set[str]()
        guaranteed = frozenset(name for name, poly in written.items() if _mentions(poly, defined))
        return tuple(_strongest(list(names))), guaranteed

    def short(self, poly: Frozen) -> str | None:
        """A normal form as LaTeX, where the lifter finds a form for it."""
        try:
            return latex(lift_scalar(poly, self.shapes))
        except (NotLifted, ShapeError, Undefined, Exhausted, RecursionError):
            return None


def _condition(short: str | None, kind: str) -> str:
    sign = {"!= 0": r"\neq 0", "> 0": "> 0", ">= 0": r"\ge 0"}[kind]
    return f"{short if short is not None else NO_SHORT_FORM} {sign}"


def _strongest(conditions: list[str]) -> list[str]:
    """Without those that another one implies: a > 0 makes a != 0 and a >= 0 superfluous."""
    positive = {c.removesuffix(" > 0") for c in conditions if c.endswith(" > 0")}
    return [
        c
        for c in conditions
        if c.endswith(" > 0") or c.removesuffix(r" \neq 0").removesuffix(r" \ge 0") not in positive
    ]


def _mentions(poly: object, names: set[str]) -> bool:
    if isinstance(poly, tuple):
        return any(_mentions(part, names) for part in poly)
    return isinstance(poly, str) and poly in names


def _has_derivative(claim: Claim) -> bool:
    sides = (claim.lhs, claim.rhs)
    return any(isinstance(part, t.Partial) for side in sides for part in t.walk(side))


def _without_derivatives(term: t.Term) -> t.Term:
    """The term with its derivatives put to 1: what is left are the demands that one can see."""
    if isinstance(term, t.Partial):
        return t.Number(1)
    return t.rebuild(term, _without_derivatives, lambda index: index)


def shape_counterexample(lhs: Expression, rhs: Expression) -> Counterexample | None:
    """The smallest sizes at which two sides have different shapes; None where there are none."""
    for sizes in _assignments((*lhs.shape, *rhs.shape)):
        left, right = (tuple(d.value(sizes) for d in side.shape) for side in (lhs, rhs))
        if left != right:
            return _misfit(sizes, f"an array of shape {_by(left)}", f"an array of shape {_by(right)}")
    return None


def unequal_sizes(pairs: tuple[tuple[Dimension, Dimension], ...]) -> Counterexample | None:
    """The smallest sizes at which dimensions that would have to be equal are not."""
    for sizes in _assignments(tuple(chain.from_iterable(pairs))):
        for left, right in ((one.value(sizes), other.value(sizes)) for one, other in pairs):
            if left != right:
                return _misfit(sizes, f"a dimension of {left}", f"a dimension of {right}")
    return None


def _misfit(sizes: dict[str, int], left: str, right: str) -> Counterexample:
    return Counterexample(sizes, {}, left, right, (), "shape")


def _assignments(dimensions: tuple[Dimension, ...]) -> Iterator[dict[str, int]]:
    """Sizes up to 3 for the names in some dimensions, smallest first; none where a size is not known."""
    names = sorted(frozenset[str]().union(*(d.names for d in dimensions)))
    if UNKNOWN_SIZE.names <= set(names):
        return
    sizes = (dict(zip(names, values, strict=True)) for values in product((1, 2, 3), repeat=len(names)))
    yield from sorted(sizes, key=lambda chosen: max(chosen.values(), default=0))


def _by(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def mismatch(lhs: Expression, rhs: Expression) -> str:
    """Why two sides of different shapes cannot be equal, in a sentence."""
    return f"the left side is {show_shape(lhs.shape)}, the right side {show_shape(rhs.shape)}"
