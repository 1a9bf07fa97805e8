"""From a statement to a verdict.

The kernel proves; a refuter (numeric.certify.refute) finds certified counterexamples and a gatherer
(numeric.evidence.gather) compares both sides in floating point. Both are passed in, so that this module
rests on neither. Numerical agreement never upgrades a verdict.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from derive import terms as t
from derive.expression import UNKNOWN_SIZE, Expression, Shape, show_shape
from derive.kernel import Exhausted, Residual, Theorem, Undefined, prove
from derive.lifting import NotLifted, lift_scalar
from derive.lowering import Statement
from derive.normal.hypotheses import Engine
from derive.normal.polynomial import Frozen
from derive.printing import latex
from derive.report import Counterexample, Evidence, Verdict
from derive.terms import Claim, Context, Dimension, Index

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
        discharged: those of them that the definitions already guarantee.
        residual: the normal form of what is left of lhs - rhs, for what was not proved.
    """

    verdict: Verdict
    theorem: Theorem | None = None
    counterexample: Counterexample | None = None
    evidence: Evidence | None = None
    message: str | None = None
    dimensions: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    discharged: frozenset[str] = frozenset()
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

    def __call__(self, statement: Statement, found: Theorem | Residual | None = None) -> Judgement:
        """The verdict on a statement, or on what the kernel has already found of it.

        Raises KernelUnsound when the two judges contradict each other.
        """
        claim = statement.claim
        if found is None:
            found = prove(claim)
        dimensions = claim_dimensions(claim)
        evidence = None
        if self.gather is not None and (isinstance(found, Residual) or _has_derivative(claim)):
            evidence = self.gather(claim)
        if isinstance(found, Theorem):
            if evidence is not None and evidence.agrees is False and self.refute is not None:
                against = self.refute(claim, statement.indices)
                if against is not None:
                    raise KernelUnsound(f"proved, yet {against.lhs} is not {against.rhs} at {against.values}")
            conditions, discharged = self.conditions(found)
            return Judgement(
                Verdict.PROVED,
                found,
                evidence=evidence,
                dimensions=dimensions,
                conditions=conditions,
                discharged=discharged,
            )
        counterexample = self.refute(claim, statement.indices) if self.refute is not None else None
        verdict = Verdict.UNKNOWN if counterexample is None else Verdict.REFUTED
        message = found.reason or None
        return Judgement(verdict, None, counterexample, evidence, message, dimensions, residual=found.poly)

    def conditions(self, theorem: Theorem) -> tuple[tuple[str, ...], frozenset[str]]:
        """What the statement demands as it is written, and which of these demands its definitions meet."""
        claim = theorem.claim
        assumed = [self._condition(c.poly, c.kind) for c in theorem.conditions]
        bare = Engine(Context({}, claim.context.hypotheses, claim.context.constants), 50_000)
        try:
            for side in (claim.lhs, claim.rhs):
                bare.normalise(_without_derivatives(side), {})
        except (Undefined, Exhausted, RecursionError):
            return tuple(dict.fromkeys(assumed)), frozenset()
        shown = sorted((c for c in bare.conditions if self._short(c.poly) is not None), key=repr)
        written = [self._condition(c.poly, c.kind) for c in shown]
        names = dict.fromkeys(assumed + [w for w in written if w not in assumed])
        open_ones = set(assumed)
        defined = set(claim.context.definitions)
        discharged = {
            self._condition(c.poly, c.kind)
            for c in shown
            if self._condition(c.poly, c.kind) not in open_ones and _mentions(c.poly, defined)
        }
        return tuple(_strongest(list(names))), frozenset(discharged)

    def _condition(self, poly: Frozen, kind: str) -> str:
        sign = {"!= 0": r"\neq 0", "> 0": "> 0", ">= 0": r"\ge 0"}[kind]
        short = self._short(poly)
        return f"{short if short is not None else NO_SHORT_FORM} {sign}"

    def _short(self, poly: Frozen) -> str | None:
        """A normal form as LaTeX, where the lifter finds a form for it."""
        try:
            return latex(lift_scalar(poly, self.shapes))
        except (NotLifted, RecursionError):
            return None


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


def claim_dimensions(claim: Claim) -> tuple[str, ...]:
    """The names of the dimensions for all of which a claim is made."""
    seen: dict[str, None] = {}
    done: set[str] = set()

    def visit(part: object) -> None:
        if isinstance(part, Dimension):
            seen.update(dict.fromkeys(sorted(part.names)))
        elif isinstance(part, Index):
            visit(part.range)
        elif isinstance(part, t.Abstraction):
            for index in part.indices:
                visit(index)
            visit(part.body)
        elif isinstance(part, t.Term):
            if isinstance(part, t.Entry) and part.tensor not in done:
                done.add(part.tensor)
                visit(claim.context.definitions.get(part.tensor))
            for slot in part.__dataclass_fields__:  # type: ignore[attr-defined]
                visit(getattr(part, slot))
        elif isinstance(part, tuple):
            for piece in part:
                visit(piece)

    visit(claim.lhs)
    visit(claim.rhs)
    return tuple(sorted(seen))


def shape_counterexample(lhs: Expression, rhs: Expression) -> Counterexample | None:
    """The smallest sizes at which two sides have different shapes; None where there are none."""
    names = sorted(frozenset[str]().union(*(d.names for d in (*lhs.shape, *rhs.shape))))
    if UNKNOWN_SIZE.names <= set(names):
        return None  # a size that is not known refutes nothing
    for largest in (1, 2, 3):
        for sizes in _assignments(names, largest):
            left = tuple(d.value(sizes) for d in lhs.shape)
            right = tuple(d.value(sizes) for d in rhs.shape)
            if left != right:
                return Counterexample(
                    sizes,
                    {},
                    f"an array of shape {_by(left)}",
                    f"an array of shape {_by(right)}",
                    (),
                    "shape",
                )
    return None


def unequal_sizes(pairs: tuple[tuple[Dimension, Dimension], ...]) -> Counterexample | None:
    """The smallest sizes at which dimensions that would have to be equal are not."""
    names = sorted(frozenset[str]().union(*(d.names for pair in pairs for d in pair)))
    if UNKNOWN_SIZE.names <= set(names):
        return None  # a size that is not known refutes nothing
    for largest in (1, 2, 3):
        for sizes in _assignments(names, largest):
            for left, right in pairs:
                if left.value(sizes) != right.value(sizes):
                    found = (str(left.value(sizes)), str(right.value(sizes)))
                    return Counterexample(
                        sizes, {}, f"a dimension of {found[0]}", f"a dimension of {found[1]}", (), "shape"
                    )
    return None


def _assignments(names: list[str], largest: int) -> list[dict[str, int]]:
    found: list[dict[str, int]] = [{}]
    for name in names:
        found = [{**sizes, name: size} for sizes in found for size in range(1, largest + 1)]
    return [s for s in found if not names or max(s.values()) == largest]


def _by(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def mismatch(lhs: Expression, rhs: Expression) -> str:
    """Why two sides of different shapes cannot be equal, in a sentence."""
    return f"the left side is {show_shape(lhs.shape)}, the right side {show_shape(rhs.shape)}"
