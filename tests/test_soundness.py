"""The kernel against an independent evaluator (tests/spec/evaluator.py): mutants, random terms, derivatives.

The quick version runs by default; `pytest -m slow tests/test_soundness.py` goes on for DERIVE_FUZZ_SECONDS
(60 each, if unset). Every failure names the seed that reproduces it.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.kernel import Exhausted, Residual, Theorem, Undefined, normal_form, prove
from derive.terms import (
    Abstraction,
    Apply,
    Claim,
    Coincide,
    Context,
    Delta,
    Entry,
    Equation,
    Index,
    Inverse,
    Number,
    Partial,
    Plus,
    Power,
    Product,
    Sum,
    Term,
    rebuild,
    tensors,
)
from tests.spec.claims import TRUE
from tests.spec.evaluator import Ambiguous, Nowhere, World, free_of, makers, spell, verdict, worlds
from tests.spec.normal import Reading
from tests.spec.random_terms import DIMENSIONS, FREE, POSITIVE, SHAPES, Rewrites, Terms

EFFORT = 20_000
BUDGET = float(os.environ.get("DERIVE_FUZZ_SECONDS", "60"))
RANDOM = st.randoms(use_true_random=False)


def seeds() -> Iterator[int]:
    """Seeds until the budget is spent."""
    start = time.monotonic()
    seed = time.time_ns() % 10**9
    while time.monotonic() < start + BUDGET:
        yield (seed := seed + 1)


# ---------------------------------------------------------------- mutants


def mutants(term: Term) -> Iterator[Term]:
    """The term with one small mistake in it, in every way and at every place."""
    match term:
        case Number(value):
            yield Number(Fraction(value) + 1)
            if value:
                yield Number(-Fraction(value))
        case Plus(terms) if len(terms) > 1:
            for place in range(len(terms)):
                yield Plus(terms[:place] + terms[place + 1 :])
                yield Plus((*terms[:place], -terms[place], *terms[place + 1 :]))
        case Product(factors) if len(factors) > 1:
            for place in range(len(factors)):
                yield Product(factors[:place] + factors[place + 1 :])
        case Power(base, Number(value)):
            yield Power(base, Number(Fraction(value) + 1))
            yield Power(base, Number(-Fraction(value)))
        case Delta(_, _):
            yield Number(1)
            yield Number(0)
        case Entry(tensor, (row, column)) if row.range == column.range:
            yield Entry(tensor, (column, row))
        case Inverse(matrix, row, column):
            yield Inverse(matrix, column, row)
        case Sum(_, body):
            yield from (part for part in (body,) if not free_of(body) - free_of(term))
        case Apply(function, argument, order):
            yield Apply(function, argument, order + 1)
            yield Apply(function, -argument, order)
        case Partial(body, _):
            yield body
    parts = list(_parts(term))
    for place, part in enumerate(parts):
        for changed in mutants(part):
            yield _with_part(term, place, changed)


def _parts(term: Term) -> Iterator[Term]:
    found: list[Term] = []

    def keep(part: Term) -> Term:
        found.append(part)
        return part

    rebuild(term, keep, lambda index: index)
    return iter(found)


def _with_part(term: Term, place: int, changed: Term) -> Term:
    count = iter(range(10**6))

    def swap(part: Term) -> Term:
        return changed if next(count) == place else part

    built = rebuild(term, swap, lambda index: index)
    if isinstance(term, Partial) and not isinstance(built.variable, Entry):  # type: ignore[attr-defined]
        return term
    return built


def index_mutants(term: Term) -> Iterator[Term]:
    """The term with one free index taken for another."""
    free = sorted(free_of(term), key=str)
    for one in free:
        for other in free:
            if one != other and one.range == other.range:
                yield _reindexed(term, one, other)


def _reindexed(term: Term, one, other) -> Term:
    if isinstance(term, Sum) and term.index in (one, other):
        return term
    return rebuild(
        term, lambda part: _reindexed(part, one, other), lambda index: other if index == one else index
    )


def claim_mutants(claim: Claim) -> Iterator[Claim]:
    """Claims that differ from a true one in one place."""
    yield replace(claim, rhs=-claim.rhs)
    yield replace(claim, rhs=Number(2) * claim.rhs)
    yield replace(claim, rhs=claim.rhs + Number(1))
    for changed in (*mutants(claim.rhs), *index_mutants(claim.rhs)):
        yield replace(claim, rhs=changed)
    for changed in mutants(claim.lhs):
        yield replace(claim, lhs=changed)
    opposite = {">": "<", "<": ">", ">=": "<", "<=": ">", "=": "="}
    if claim.relation != "=":
        yield replace(claim, relation=opposite[claim.relation])
    labels = {label for hypothesis in claim.context.hypotheses for label in hypothesis.labels}
    for label in sorted(labels):
        yield replace(claim, context=claim.context.keeping(frozenset(labels - {label})))


def judge_mutants(row, chosen: list[Claim], counts: Counter[str]) -> None:
    for number, claim in enumerate(chosen):
        kinds = row.kinds if claim.context.hypotheses == row.claim.context.hypotheses else {}
        points = worlds(claim, kinds, number, 8)
        if not any(
            verdict(claim, w) is False for w in points if all(map(w.satisfies, claim.context.hypotheses))
        ):
            counts["undecided"] += 1
            continue
        found = prove(claim)
        assert isinstance(found, Residual), f"a mutant of {row.name} is proved: {spell(claim)}"
        counts["killed"] += 1


def test_mutants_of_true_claims_are_not_proved(capsys):
    """Some mutants of each claim; the long version takes all of them."""
    counts: Counter[str] = Counter()
    for number, row in enumerate(TRUE):
        everything = list(claim_mutants(row.claim))
        judge_mutants(row, Random(number).sample(everything, min(3, len(everything))), counts)
    with capsys.disabled():
        print(f"\nmutants: {counts['killed']} killed, {counts['undecided']} undecided", end=" ")
    assert counts["killed"] > 3 * counts["undecided"]


@pytest.mark.slow
def test_all_mutants_of_true_claims(capsys):
    counts: Counter[str] = Counter()
    for row in TRUE:
        judge_mutants(row, list(claim_mutants(row.claim)), counts)
    with capsys.disabled():
        print(f"\nall mutants: {counts['killed']} killed, {counts['undecided']} undecided", end=" ")


# ---------------------------------------------------------------- random terms


def random_worlds(random: Random, context: Context, count: int, kinds=()) -> Iterator[World]:
    """Points with small rectangular sizes, at some of which everything is positive."""
    makes = makers()
    for number in range(count):
        sizes = {"c": random.choice([1, 2, 2, 3]), "d": random.choice([1, 2, 3]), "n": random.choice([1, 2])}
        world = World(sizes, random.randrange(10**9), context)
        positive = SHAPES if number % 2 else POSITIVE
        world.kinds = dict.fromkeys(positive, makes["positive"]) | dict(kinds)
        world.fixed = {index: random.randrange(world.extent(index.range)) for index in FREE}
        yield world


def indicator(world: World, _: str, place: tuple[int, ...]) -> arb:
    return arb(int(place[0] == world.fixed[FREE[1]]))


def where(world: World) -> str:
    return f"{world.sizes}, { ({str(index): place for index, place in world.fixed.items()}) }"


def check_normal_form(random: Random, term: Term) -> str:
    """The value of a term is that of its normal form, wherever both have one."""
    try:
        form = normal_form(term, effort=EFFORT)
    except (Undefined, Exhausted):
        return "refused"
    except RecursionError:
        return "recursion"
    agreed = "nowhere"
    for world in random_worlds(random, Context(), 3):
        try:
            direct = world.value(term, dict(world.fixed))
            read = Reading(world, DIMENSIONS).poly(form)
        except (Nowhere, Ambiguous, OverflowError):
            continue
        gap, size = abs(direct - read), 1 + abs(direct) + abs(read)
        if not (gap.is_finite() and size.is_finite()) or gap.rad() > size.lower() * 1e-15:
            continue
        assert gap < size * 1e-12, (
            f"{spell(term)} is {float(direct)}, its normal form {float(read)} at {where(world)}"
        )
        agreed = "agrees"
    return agreed


def check_rewrite(random: Random) -> str:
    """A term equals what shuffling, renaming, regrouping, distributing and inserting make of it."""
    term = Terms(random, total=True).term(depth=random.randint(2, 5))
    other = Rewrites(random).everywhere(term)
    claim = Claim(term, other)
    found = prove(claim)
    if isinstance(found, Theorem):
        assert found.uses == ()
        return "proved"
    sound = all(verdict(claim, world) is not False for world in random_worlds(random, Context(), 4))
    assert sound, f"the rewrite is wrong, or the evaluator: {spell(claim)}"
    return "no time" if found.reason else "not proved"


def check_demands(random: Random) -> bool:
    """t + |x| = t + x only where t makes x positive; what is proved holds wherever both sides are defined."""
    terms = Terms(random)
    term = Plus(tuple(terms.demanding() for _ in range(random.randint(1, 3))))
    entry = terms.entry(FREE[:2], "sxxA")
    left, right = random.choice(
        [
            (Apply("abs", entry), entry),
            (Product((entry, Power(entry, Number(-1)))), Number(1)),
            (Apply("abs", entry), -entry),
            (Power(Power(entry, Number(2)), Number(Fraction(3, 2))), Power(entry, Number(3))),
        ]
    )
    weight = random.choice([Number(1), Plus((Number(1), Delta(*FREE[:2]))), Delta(*FREE[:2])])
    context = Context(
        {
            "g": Abstraction(
                (AT,),
                random.choice(
                    [Apply("log", X), Power(X, Number(-1)), Power(X, HALF), terms.demanding((AT,), 1)]
                ),
            )
        },
        random.choice([(), (INDICATOR,)]),
        frozenset({FREE[1].name}),
    )
    if "g" in tensors(context.definitions["g"].body):
        return False
    return check_claim(random, Claim(term + weight * left, term + weight * right, "=", context))


AT = Index("o", FREE[0].range)
X = Entry("x", (AT,))
HALF = Number(Fraction(-1, 2))
INDICATOR = Equation(Entry("y", (AT,)), Delta(AT, FREE[1]), ("y = e_j",))  # j being one fixed class


def check_cases(random: Random) -> bool:
    """Claims that hold, or not, by cases of i = j."""
    terms = Terms(random)
    i, j = FREE[:2]
    term, more = terms.term(depth=2), terms.term(depth=1)
    other = random.choice(
        [
            term + Delta(i, j) * more,
            term + (Number(1) - Delta(i, j)) * more,
            Delta(i, j) * _reindexed(term, i, j) + (Number(1) - Delta(i, j)) * term,
            _reindexed(term, i, j),
        ]
    )
    given_ = random.choice([(), (Coincide(i, j, True, ("i = j",)),), (Coincide(i, j, False, ("i != j",)),)])
    return check_claim(random, Claim(term, other, "=", Context({}, given_)))


def check_claim(random: Random, claim: Claim) -> bool:
    """Whether it was proved; if so it holds at random points."""
    found = prove(claim, EFFORT)
    if isinstance(found, Theorem):
        for world in random_worlds(
            random, claim.context, 8, {"y": indicator} if INDICATOR in claim.context.hypotheses else {}
        ):
            if all(map(world.admits, claim.context.hypotheses)):
                assert verdict(claim, world) is not False, f"{spell(claim)} at {where(world)}"
    return isinstance(found, Theorem)


def check_derivative(random: Random) -> str:
    """The kernel's derivative against differences of the evaluator."""
    terms = Terms(random, total=True)
    body = terms.term(depth=3)
    variables = [terms.entry(FREE) for _ in range(random.choice([1, 1, 2]))]
    for variable in variables:
        body = Partial(body, variable)
    return check_normal_form(random, body)


QUICK = settings(max_examples=60, deadline=None, print_blob=True)


@QUICK
@given(RANDOM)
def test_normal_forms_keep_the_value(random):
    check_normal_form(random, Terms(random).term(depth=3))


@QUICK
@given(RANDOM)
def test_rewrites_are_proved(random):
    assert check_rewrite(random) != "not proved"


@QUICK
@given(RANDOM)
def test_derivatives_agree_with_differences(random):
    check_derivative(random)


@QUICK
@given(RANDOM)
def test_what_is_proved_from_demands_holds(random):
    check_demands(random)


@QUICK
@given(RANDOM)
def test_what_is_proved_by_cases_holds(random):
    check_cases(random)


@pytest.mark.slow
@pytest.mark.parametrize(
    "check",
    [
        lambda random: check_normal_form(random, Terms(random).term(depth=random.randint(2, 5))),
        check_rewrite,
        check_derivative,
        check_demands,
        check_cases,
    ],
    ids=["normal forms", "rewrites", "derivatives", "demands", "cases"],
)
def test_long(check, capsys):
    outcomes: Counter[object] = Counter()
    for seed in seeds():
        try:
            outcomes[check(Random(seed))] += 1
        except Exception as trouble:
            raise AssertionError(f"seed {seed}: {trouble}") from trouble
    with capsys.disabled():
        print(f"\n{dict(outcomes)}", end=" ")
    assert outcomes["not proved"] <= outcomes["proved"] / 1000
