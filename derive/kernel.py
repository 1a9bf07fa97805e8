"""The trusted kernel: it alone can make a Theorem.

    prove(claim) -> Theorem | Residual
    positive(term, context), normal_form(term, context)    what the kernel sees, for display

A claim relates two terms whose free indices are arbitrary, under definitions and hypotheses. It is
proved by showing that the normal form of lhs - rhs is the empty polynomial, in every way in which its
free indices can coincide. `derive/normal/` holds the normal form, and is trusted with this file; both
import nothing of ours but terms and functions.

Soundness rests on these facts, each used where it stands: all laws applied are equalities of real
functions wherever both sides of the claim are defined; what must not vanish, or must be positive, for
that is in `Theorem.conditions`; hypotheses are never used below a derivative by what they mention.
Dimensions are at least 1. Unequal normal forms prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product as cartesian
from math import prod

from derive.normal.hypotheses import Engine
from derive.normal.laws import Condition, Exhausted, Undefined
from derive.normal.polynomial import Atom, Frozen, Poly, Rational, freeze, occurs_tag
from derive.terms import (
    Abstraction,
    Apply,
    Claim,
    Coincide,
    Context,
    Dimension,
    Entry,
    Equation,
    Index,
    Nonzero,
    Number,
    Plus,
    Positive,
    Power,
    Product,
    Size,
    Sum,
    Term,
    free_indices,
    tensors,
    walk,
)

__all__ = [
    "VERSION",
    "Condition",
    "Exhausted",
    "Residual",
    "Theorem",
    "Undefined",
    "normal_form",
    "positive",
    "prove"
]  # fmt: skip

VERSION = 1
CASES = 7  # at most so many indices are compared with each other: 877 ways to coincide
CHOICES = 10_000  # ways to choose positions for indices of concrete ranges
_SEAL = object()


@dataclass(frozen=True, slots=True)
class Residual:
    """What is left of a claim that was not proved: the normal form of lhs - rhs, or a reason."""

    poly: Frozen
    reason: str = ""


class Theorem:
    """A claim that holds for all dimensions and all values at which both sides are defined.

    Only `prove` makes one. Python cannot keep a determined program from forging objects, so what reads
    theorems from elsewhere proves their claims again.

    Attributes:
        claim: the statement, with its definitions and hypotheses.
        uses: the labels of the hypotheses without which it could not be proved.
        conditions: what must not vanish or must be positive for the statement to make sense.
    """

    __slots__ = ("claim", "conditions", "uses")

    def __init__(self, seal: object, claim: Claim, uses: tuple[str, ...], conditions: tuple[Condition, ...]):
        if seal is not _SEAL:
            raise TypeError("a Theorem comes only from derive.kernel.prove")
        for name, value in (("claim", claim), ("uses", uses), ("conditions", conditions)):
            object.__setattr__(self, name, value)

    def __init_subclass__(cls) -> None:
        raise TypeError("a Theorem has no other kinds")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Theorem cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a Theorem cannot be changed")

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Theorem cannot be copied or stored: prove its claim again")

    claim: Claim
    uses: tuple[str, ...]
    conditions: tuple[Condition, ...]


def prove(claim: Claim, effort: int = 200_000) -> Theorem | Residual:
    """Decide a claim, with as few of its hypotheses as will do.

    `effort` bounds the number of monomial products. Never raises on well-formed terms.
    """
    labels = frozenset(label for hypothesis in claim.context.hypotheses for label in hypothesis.labels)
    best = _attempt(claim, labels, effort)
    if isinstance(best, Residual):
        return best
    for label in best.uses:
        if label in best.uses:
            shorter = _attempt(claim, frozenset(best.uses) - {label}, effort)
            if isinstance(shorter, Theorem):
                best = shorter
    return best


def _attempt(claim: Claim, labels: frozenset[str], effort: int) -> Theorem | Residual:
    """One attempt with the hypotheses that rest on `labels`.

    Sums over concrete dimensions are written out only where a proof for all sizes fails.
    """
    left = Residual((), "")
    for expanding in (False, True):
        search = Search(claim, claim.context.keeping(labels), effort, expanding)
        try:
            rest = search.remainder()
            if rest is None:
                uses = tuple(sorted(search.fired, key=_label_order(claim.context)))
                return Theorem(_SEAL, claim, uses, _distinct(search.conditions))
            left = Residual(freeze(rest))
        except Exhausted:
            left = Residual((), "the claim is too large for its budget")
        except Undefined as trouble:
            left = Residual((), str(trouble))
        except RecursionError:
            left = Residual((), "the claim is nested too deeply")
        if not search.concrete:
            break
    return left


def _distinct(conditions: set[Condition]) -> tuple[Condition, ...]:
    """The conditions in a fixed order, each once."""
    needed = {(c.kind, c.poly): c for c in sorted(conditions, key=lambda c: c.needed)}
    return tuple(sorted(needed.values(), key=repr))


def _label_order(context: Context) -> Callable[[str], int]:
    order: dict[str, int] = {}
    for hypothesis in context.hypotheses:
        for label in hypothesis.labels:
            order.setdefault(label, len(order))
    return lambda label: order[label]


class Search:
    """The decision of one claim from one set of hypotheses.

    Attributes:
        conditions, fired: gathered over all cases; see derive.normal.laws.Laws.
    """

    def __init__(self, claim: Claim, context: Context, effort: int, expanding: bool):
        self.claim, self.context, self.effort, self.expanding = claim, context, effort, expanding
        self.concrete = False  # whether there are sums that could be written out
        self.conditions: set[Condition] = set()
        self.fired: set[str] = set()

    def remainder(self) -> Poly | None:
        """None where the claim is shown, else what is left of lhs - rhs."""
        self._demand_consistency()
        merged, parted = self._coincidences()
        engine = Engine(self.context, self.effort, expanding=self.expanding)
        free = sorted(engine.index(i) for i in self._indices())
        concrete = [i for i in free if i[0] == 1 and engine.expands(i[-1])]
        if not (concrete or merged or parted):
            left = self._remainder(None)
            if left is None or not occurs_tag("D", freeze(left)):
                return left
        possible = False
        for case in self._cases(free, concrete, merged, parted, engine):
            possible = True
            left = self._remainder(case)
            if left is not None:
                return left
        if not possible:
            raise Undefined("its hypotheses about indices contradict each other")
        return None

    def _remainder(self, case: dict[Atom, Atom] | None) -> Poly | None:
        """The same in one case, or for indices of which nothing is known.

        A second pass may use what the first one found to be needed for both sides to be defined.
        """
        demands: frozenset[Condition] = frozenset()
        left: Poly | None = None
        for _ in range(2):
            engine = Engine(self.context, self.effort, demands, case, self.expanding)
            left = self._left_in(engine)
            self.fired |= engine.fired
            self.effort = engine.effort
            self.concrete |= any(d.number not in (None, 1) for d in engine.dimensions.values())
            found = demands | engine.conditions
            if left is None:
                self.conditions |= found
                return None
            if found == demands:
                break
            demands = frozenset(found)
        return left

    def _left_in(self, engine: Engine) -> Poly | None:
        claim = self.claim
        great, small = (
            (claim.lhs, claim.rhs) if claim.relation in ("=", ">", ">=") else (claim.rhs, claim.lhs)
        )
        poly = engine.normalise(great - small, {})
        if claim.relation == "=":
            shown = vanishes(engine, poly)
        else:
            shown = engine.is_positive_sum(poly, strict=claim.relation in ("<", ">"))
            shown |= claim.relation in ("<=", ">=") and small == Number(Fraction(0)) and nonnegative(great)
        return None if shown else engine.reduce(poly) or poly

    def _demand_consistency(self) -> None:
        """Refuse a tensor that is used with different numbers or ranges of indices."""
        shapes: dict[str, tuple[Dimension, ...]] = {
            name: tuple(i.range for i in definition.indices)
            for name, definition in self.context.definitions.items()
        }
        for term in self._terms():
            for part in walk(term):
                if isinstance(part, Entry):
                    ranges = tuple(i.range for i in part.indices)
                    if shapes.setdefault(part.tensor, ranges) != ranges:
                        raise Undefined(f"{part.tensor} is used with indices of different numbers or ranges")

    def _terms(self) -> Iterator[Term]:
        """The sides of the claim, the definitions that they reach, and the hypotheses."""
        claim, context = self.claim, self.context
        yield claim.lhs
        yield claim.rhs
        for definition in context.definitions.values():
            yield definition.body
        for hypothesis in context.hypotheses:
            if isinstance(hypothesis, Equation):
                yield hypothesis.lhs
                yield hypothesis.rhs
            elif isinstance(hypothesis, (Positive, Nonzero)):
                yield hypothesis.term

    def _indices(self) -> frozenset[Index]:
        """The indices that have one particular value, here or in what the claim unfolds to."""
        claim, context = self.claim, self.context
        found = free_indices(claim.lhs) | free_indices(claim.rhs)
        names = tensors(claim.lhs) | tensors(claim.rhs)
        for hypothesis in context.hypotheses:
            terms: tuple[Term, ...] = ()
            if isinstance(hypothesis, Equation):
                terms = (hypothesis.lhs, hypothesis.rhs)
            elif isinstance(hypothesis, (Positive, Nonzero)):
                terms = (hypothesis.term,)
            if isinstance(hypothesis, Coincide):
                found |= {hypothesis.left, hypothesis.right}
            for term in terms:
                names |= tensors(term)
                found |= {
                    i for i in free_indices(term) if i.name in context.constants or isinstance(i.name, int)
                }
        done: set[str] = set()
        while todo := [n for n in names - done if n in context.definitions]:
            for name in todo:
                definition: Abstraction = context.definitions[name]
                found |= free_indices(definition.body) - set(definition.indices)
                names |= tensors(definition.body)
                done.add(name)
        return found

    def _coincidences(self) -> tuple[list[tuple[Atom, Atom]], list[tuple[Atom, Atom]]]:
        """The pairs of indices that a hypothesis declares equal, and those that it declares distinct."""
        pairs: tuple[list[tuple[Atom, Atom]], list[tuple[Atom, Atom]]] = ([], [])
        engine = Engine(Context(), 1)
        for hypothesis in self.context.hypotheses:
            if isinstance(hypothesis, Coincide):
                self.fired.update(hypothesis.labels)
                pair = engine.index(hypothesis.left), engine.index(hypothesis.right)
                pairs[0 if hypothesis.equal else 1].append(pair)
        return pairs

    def _cases(
        self,
        free: list[Atom],
        concrete: list[Atom],
        merged: list[tuple[Atom, Atom]],
        parted: list[tuple[Atom, Atom]],
        engine: Engine,
    ) -> Iterator[dict[Atom, Atom]]:
        """Every way in which the free indices can coincide, as a map from each to a representative.

        Indices of a concrete range take each of its values; the others are grouped in every way.
        """
        named = [i for i in free if i not in concrete]
        if len(named) > CASES:
            raise Exhausted
        if prod(engine.dimensions[i[-1]].number or 1 for i in concrete) > CHOICES:
            raise Exhausted
        values = [[(0, n, i[-1]) for n in range(engine.dimensions[i[-1]].number or 0)] for i in concrete]
        for grouping in _partitions(sorted(named)):
            for choice in cartesian(*values):
                case = {**grouping, **dict(zip(concrete, choice, strict=True))}
                if all(case[a] == case[b] for a, b in merged) and all(case[a] != case[b] for a, b in parted):
                    yield case


def vanishes(engine: Engine, poly: Poly) -> bool:
    """Whether a polynomial is 0 once it is reduced and its denominators are cleared."""
    for _ in range(6):
        poly = engine.reduce(poly)
        if not poly:
            return True
        lowest: dict[Atom, Rational] = {}
        for mono in poly:
            for atom, exponent in mono:
                if atom[0] == "P" and exponent < lowest.get(atom, 0):
                    lowest[atom] = exponent
        if not lowest:
            return False
        poly = engine.scale(poly, {atom: -exponent for atom, exponent in lowest.items()})
    return False


def nonnegative(term: Term) -> bool:
    """Whether a term is visibly at least 0: sums and products of even powers, exponentials and such."""
    match term:
        case Number(value):
            return value >= 0
        case Size():
            return True
        case Apply("exp" | "abs", _, 0):
            return True
        case Power(_, Number(value)) if Fraction(value).denominator == 1 and int(value) % 2 == 0:
            return True
        case Plus(parts) | Product(parts):
            return all(map(nonnegative, parts))
        case Sum(_, body):
            return nonnegative(body)
    return False


def normal_form(term: Term, context: Context | None = None, effort: int = 200_000) -> Frozen:
    """The normal form of a term. Raises Undefined, or Exhausted when it is too large."""
    engine = Engine(context or Context(), effort)
    return freeze(engine.reduce(engine.normalise(term, {})))


def positive(term: Term, context: Context | None = None) -> bool:
    """Whether the kernel can show that a term is positive wherever it is defined."""
    engine = Engine(context or Context(), 50_000)
    try:
        return engine.is_positive(engine.reduce(engine.normalise(term, {})))
    except (Undefined, Exhausted, RecursionError):
        return False


def _partitions(items: list[Atom]) -> Iterator[dict[Atom, Atom]]:
    """Every way in which indices can coincide: maps each to the representative of its class."""
    if not items:
        yield {}
        return
    for rest in _partitions(items[:-1]):
        last = items[-1]
        for head in dict.fromkeys(rest.values()):
            if head[-1] == last[-1] and not (head[0] == 0 and last[0] == 0):
                yield {**rest, last: head}
        yield {**rest, last: last}
