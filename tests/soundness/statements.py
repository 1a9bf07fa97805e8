"""True statements whose truth does not rest on derive: by construction, or because the catalogue says so.

A Base is a statement with how it came about; `true_statement(random)` makes one of one of the KINDS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from random import Random
from unittest.mock import patch

from derive import catalogue, checker
from derive import expression as X
from derive.expression import SCALAR, Expression
from derive.judge import Judge
from derive.kernel import Residual
from derive.lowering import Statement, Unsupported, state
from derive.reader import markdown
from derive.terms import (
    ONE,
    Claim,
    Context,
    Delta,
    Entry,
    Equation,
    Hypothesis,
    Index,
    Number,
    Positive,
    ShapeError,
    Sum,
    Term,
    free_indices,
    walk,
)
from tests.soundness.derivatives import NoRule, differential, gradient, jacobian
from tests.soundness.expressions import GENERAL, LAYOUTS, SYMBOLS, C, D, Expressions, N, nodes, size, symbols
from tests.soundness.laws import HYPOTHETICAL, LAWS, rewrite
from tests.spec.random_terms import FREE, POSITIVE, Rewrites, Terms

LARGEST = 45  # nodes of a side
TERMS = 60  # nodes of a side of index terms


@dataclass(frozen=True)
class Base:
    """A true statement.

    Attributes:
        kind: what it is an example of.
        statement: as the verifier is asked.
        kinds: how to make the entries of some tensors so that the hypotheses hold; see spec.evaluator.makers.
        lhs, rhs, definitions: the same as expressions, where it was made of such.
    """

    kind: str
    statement: Statement
    kinds: Mapping[str, str] = field(default_factory=dict)
    lhs: Expression | None = None
    rhs: Expression | None = None
    definitions: Mapping[str, Expression] = field(default_factory=dict)

    def restated(self, lhs: Expression, rhs: Expression) -> Statement:
        """The statement between other expressions. Raises ShapeError, Unsupported."""
        context = self.statement.claim.context
        relation = self.statement.claim.relation
        return state(lhs, rhs, relation, self.definitions, context.hypotheses, context.constants)


# ---------------------------------------------------------------- what is given of some symbols


def _entry(name: str, *at: Index) -> Entry:
    return Entry(name, at)


_i, _j, _k = (Index(name, C) for name in ("h1", "h2", "h3"))
_e, _f, _g = (Index(name, N) for name in ("h1", "h2", "h3"))
_TOTAL = Equation(Sum(_k, _entry("y", _k)), Number(1), ("y sums to one",))
_IDEMPOTENT = Equation(_entry("y", _i) * _entry("y", _j), Delta(_i, _j) * _entry("y", _i), ("y is one-hot",))
GIVEN: Mapping[str, tuple[tuple[Hypothesis, ...], str]] = {
    "S": ((Equation(_entry("S", _e, _f), _entry("S", _f, _e), ("S is symmetric",)),), "symmetric"),
    "Q": (
        (Equation(Sum(_g, _entry("Q", _g, _e) * _entry("Q", _g, _f)), Delta(_e, _f), ("Q is orthogonal",)),),
        "rotation",
    ),
    "p": ((Positive(_entry("p"), ("p > 0",)),), "positive"),
    "q": ((Positive(_entry("q"), ("q > 0",)),), "positive"),
    "r": ((Positive(_entry("r", _i), ("r > 0",)),), "positive"),
}
SIMPLEX = ((_TOTAL, Positive(_entry("y", _i), ("y > 0",))), "simplex")
ONE_HOT = ((_TOTAL, _IDEMPOTENT), "one-hot")


def given(names: frozenset[str], hot: bool) -> tuple[tuple[Hypothesis, ...], dict[str, str]]:
    """The hypotheses on these symbols, and how to make them."""
    known = {**GIVEN, "y": ONE_HOT if hot else SIMPLEX}
    mentioned = sorted(names & known.keys())
    hypotheses = tuple(h for name in mentioned for h in known[name][0])
    return hypotheses, {name: known[name][1] for name in mentioned}


class Unfit(Exception):
    """A draw that came to nothing: another one is made."""


def between(
    kind: str,
    lhs: Expression,
    rhs: Expression,
    hot: bool = False,
    definitions: Mapping[str, Expression] | None = None,
) -> Base:
    """lhs = rhs under all that is given of its symbols. Raises Unfit."""
    if max(size(lhs), size(rhs)) > LARGEST:
        raise Unfit
    meant = dict(definitions or {})
    names = frozenset[str]().union(*map(symbols, (lhs, rhs, *meant.values())))
    hypotheses, kinds = given(names, hot)
    try:
        return Base(kind, state(lhs, rhs, "=", meant, hypotheses), kinds, lhs, rhs, meant)
    except (ShapeError, Unsupported) as trouble:
        raise Unfit from trouble


# ---------------------------------------------------------------- kinds of true statements


def by_laws(random: Random) -> Base:
    """An expression, and what some laws make of it."""
    e = _some_expression(random)
    other, used = rewrite(e, random, random.randint(1, 5))
    if not used:
        raise Unfit
    return between("laws: " + " ".join(sorted(used)), e, other)


def by_two_ways(random: Random) -> Base:
    """What some laws make of an expression, and what others do."""
    e = _some_expression(random)
    one, used = rewrite(e, random, random.randint(1, 3))
    other, more = rewrite(e, random, random.randint(1, 3))
    if one == other:
        raise Unfit
    return between("laws: " + " ".join(sorted(used | more)), one, other)


def by_hypotheses(random: Random) -> Base:
    """The same with laws that rest on what is given, at least once."""
    hot = random.random() < 0.5
    e = _some_expression(random)
    law = random.choice([law for law in HYPOTHETICAL if hot or law.__name__ != "one_hot"])
    first, used = rewrite(e, random, 1, (law,))
    if not used:
        raise Unfit
    other = rewrite(first, random, random.randint(0, 3))[0] if random.random() < 0.7 else first
    return between(f"hypotheses: {law.__name__}", e, other, hot)


def by_indices(random: Random) -> Base:
    """A matrix form, and its entries written out."""
    indexed = tuple(law for law in LAWS if law.__name__ in INDEX_LAWS)
    e = _some_expression(random)
    other, used = rewrite(e, random, random.randint(1, 4), indexed)
    if not used:
        raise Unfit
    return between("index form: " + " ".join(sorted(used)), e, other)


INDEX_LAWS = frozenset({"by_entries", "entry_laws", "sum_laws", "dot_as_sum", "trace_laws"})


def by_terms(random: Random) -> Base:
    """An index term, and what rewrites make of it."""
    term = Terms(random, total=True).term(depth=random.choice([2, 3, 3, 4]))
    other = Rewrites(random).everywhere(term)
    if max(len(list(walk(side))) for side in (term, other)) > TERMS or term == other:
        raise Unfit
    claim = Claim(term, other)
    indices = tuple(i for i in FREE if i in free_indices(term) | free_indices(other))
    return Base("index terms", Statement(claim, indices), dict.fromkeys(POSITIVE, "positive"))


def by_gradient(random: Random) -> Base:
    """A gradient, in a layout, and the one by the rules of tests.soundness.derivatives."""
    names = frozenset(random.sample(sorted(SYMBOLS), 9)) | {random.choice(["W", "x", "A", "v", "z"])}
    e = Expressions(random, names, smooth=True).of(SCALAR, random.choice([2, 3, 3, 4]))
    name = _variable(e, random)
    symbol = X.Symbol(name, SYMBOLS[name])
    try:
        found = gradient(e, name, symbol.shape)
    except (NoRule, ShapeError) as trouble:
        raise Unfit from trouble
    found, _ = rewrite(found, random, random.choice([0, 0, 1, 2])) if size(found) > 1 else (found, set())
    chance = random.random()
    if chance < 0.4:
        return between("gradient", X.Gradient(e, symbol), found)
    if chance < 0.7 or symbol.is_scalar:
        return between("gradient, denominator layout", X.Partial(e, symbol, "denominator"), found)
    return between("gradient, numerator layout", X.Partial(e, symbol, "numerator"), X.Transpose(found))


def by_jacobian(random: Random) -> Base:
    """A Jacobian, in a layout, and the one by the rules."""
    shape = (random.choice([C, D, N]), ONE)
    e = Expressions(random, GENERAL | {"y"}, smooth=True).of(shape, random.choice([2, 3, 4]))
    name = _variable(e, random, lambda shape: shape[1] == ONE != shape[0])
    symbol = X.Symbol(name, SYMBOLS[name])
    try:
        found = jacobian(e, name, symbol.shape)
    except (NoRule, ShapeError) as trouble:
        raise Unfit from trouble
    layout = random.choice(LAYOUTS)
    if layout == "denominator":
        found = X.Transpose(found)
    return between(f"jacobian, {layout} layout", X.Partial(e, symbol, layout), found)


def by_differential(random: Random) -> Base:
    """A differential, and the one by the rules."""
    shape = random.choice([SCALAR, (C, ONE), (N, N), (C, D)])
    e = Expressions(random, smooth=random.random() < 0.8).of(shape, random.choice([2, 3]))
    name = _variable(e, random)
    symbol = X.Symbol(name, SYMBOLS[name])
    direction = X.Symbol("d" + name, symbol.shape)
    try:
        found = differential(e, name, direction)
    except (NoRule, ShapeError) as trouble:
        raise Unfit from trouble
    return between("differential", X.Differential(e, (symbol,), (direction,)), found)


def by_definitions(random: Random) -> Base:
    """A gradient of what is defined in steps, or by what is itself defined, and the one by the rules."""
    maker = Expressions(random, smooth=True)
    e = maker.of(SCALAR, random.choice([2, 3]))
    name = _variable(e, random)
    symbol = X.Symbol(name, SYMBOLS[name])
    others = sorted(symbols(e) & GENERAL - {name})
    try:
        if others and random.random() < 0.7:  # through a step in between
            step = X.Symbol(other := random.choice(others), SYMBOLS[other])
            meaning = Expressions(random, GENERAL - {other}, smooth=True).of(
                step.shape, random.choice([1, 2])
            )
            found = gradient(X.replace(e, step, meaning), name, symbol.shape)
            if random.random() < 0.5:
                found = X.replace(found, meaning, step)
            definitions = {other: meaning}
        else:  # by a step, as if nothing stood behind it
            names = GENERAL - symbols(e)
            definitions = {name: Expressions(random, names, smooth=True).of(symbol.shape, 2)}
            found = gradient(e, name, symbol.shape)
    except (NoRule, ShapeError) as trouble:
        raise Unfit from trouble
    return between("definitions", X.Gradient(e, symbol), found, definitions=definitions)


def _some_expression(random: Random) -> Expression:
    maker = Expressions(random)
    return maker.of(maker.shape(), random.choice([1, 2, 2, 3, 3]))


def _variable(e: Expression, random: Random, fits: Callable[[X.Shape], bool] = lambda shape: True) -> str:
    """A symbol to differentiate by, of which nothing is given, so that no direction is excluded."""
    if any(isinstance(part, (X.Partial, X.Gradient, X.Call)) for _, part in nodes(e)):
        raise Unfit
    names = sorted(name for name in symbols(e) & GENERAL if fits(SYMBOLS[name]))
    if not names:
        raise Unfit
    return random.choice(names)


# ---------------------------------------------------------------- the catalogue


@cache
def catalogue_steps() -> tuple[Base, ...]:
    """Every step of every document of the catalogue, in both layouts, each once."""
    made: dict[int, tuple[Statement, Expression, Expression, Mapping[str, Expression]]] = {}

    def recording(
        lhs: Expression,
        rhs: Expression,
        relation: str = "=",
        definitions: Mapping[str, Expression] | None = None,
        hypotheses: tuple[Hypothesis, ...] = (),
        constants: frozenset[str] = frozenset(),
    ) -> Statement:
        statement = state(lhs, rhs, relation, definitions, hypotheses, constants)
        made[id(statement)] = statement, lhs, rhs, dict(definitions or {})
        return statement

    found: dict[Claim, Base] = {}
    unread = Residual((), "the steps are wanted, not their proofs")
    with patch.object(checker, "state", recording), patch.object(checker, "prove", lambda claim: unread):
        for name in catalogue.documents():
            for layout in catalogue.LAYOUTS:
                file, body = catalogue.text(name, layout)
                judged: list[Statement] = []
                checker.check(
                    file, body, markdown.read(body), Judge(), layout, None,
                    lambda _, statement, judged=judged: judged.append(statement),
                )  # fmt: skip
                for number, statement in enumerate(judged):
                    _, lhs, rhs, definitions = made[id(statement)]
                    claim = statement.claim
                    base = Base(
                        f"catalogue: {file}, {layout}, step {number}",
                        statement, kinds_of(claim.context), lhs, rhs, definitions,
                    )  # fmt: skip
                    found.setdefault(_Key(claim), base)  # type: ignore[arg-type]
    return tuple(found.values())


class _Key(tuple[object, ...]):
    """A claim as something to compare: contexts hold mappings, which cannot be hashed."""

    def __new__(cls, claim: Claim) -> _Key:
        context = claim.context
        parts = (claim.lhs, claim.rhs, claim.relation, *sorted(context.definitions.items(), key=repr))
        return super().__new__(cls, (*parts, *context.hypotheses, context.constants))


def kinds_of(context: Context) -> dict[str, str]:
    """How to make tensors so that hypotheses of the usual forms hold; the others are left to be checked."""
    found: dict[str, str] = {}
    idempotent: set[str] = set()
    for hypothesis in context.hypotheses:
        match hypothesis:
            case Equation(Sum(index, Entry(name, at)), Number(1)) if at[-1:] == (index,):
                found[name] = "simplex" if index.range == C else f"simplex of {index.range}"
            case Positive(term):
                if (name := _lone_entry(term)) is not None and name not in found:
                    found[name] = "positive"
            case Equation(lhs, _) if not isinstance(lhs, (Sum, Entry)):
                idempotent |= {part.tensor for part in walk(lhs) if isinstance(part, Entry)}
            case Equation(Entry(name, (at,)), Delta(left, right)):
                other = right if left == at else left
                if other.name in context.constants:
                    found[name] = "one-hot at k"
    for name in idempotent & found.keys():
        found[name] = found[name].replace("simplex", "one-hot")
    return found


def _lone_entry(term: Term) -> str | None:
    """The name of T where a term reads T_i, or T_i - 0."""
    entries = [part for part in walk(term) if isinstance(part, Entry)]
    numbers = [part.value for part in walk(term) if isinstance(part, Number)]
    return entries[0].tensor if len(entries) == 1 and set(numbers) <= {0, -1} else None


def from_catalogue(random: Random) -> Base:
    """A step of the catalogue."""
    return random.choice(catalogue_steps())


KINDS: tuple[tuple[Callable[[Random], Base], int], ...] = (
    (by_laws, 14),
    (by_two_ways, 12),
    (by_hypotheses, 14),
    (by_indices, 10),
    (by_terms, 14),
    (by_gradient, 12),
    (by_jacobian, 7),
    (by_differential, 7),
    (by_definitions, 6),
    (from_catalogue, 4),
)


def true_statement(random: Random) -> Base:
    """A true statement of some kind."""
    makers, weights = zip(*KINDS, strict=True)
    while True:
        maker = random.choices(makers, weights)[0]
        for _ in range(40):
            try:
                return maker(random)
            except (Unfit, RecursionError):
                continue
