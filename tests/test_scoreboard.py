"""The scoreboard of tests/soundness and the finite fields of tests/spec/field.py: both can fail."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from flint import fmpz

from derive.kernel import Theorem, prove
from derive.lowering import Statement, state
from derive.terms import Apply, Claim, Entry, Number, Partial, Plus, Power, Product, Sum
from tests.soundness import board
from tests.soundness.board import Board, outcome, run
from tests.soundness.derivatives import gradient, jacobian
from tests.soundness.expressions import SYMBOLS, nodes, put, symbols
from tests.soundness.laws import HYPOTHETICAL, LAWS
from tests.soundness.mutants import is_false, mutant, put_term, spots
from tests.soundness.shrink import shrunk, weight
from tests.soundness.statements import Unfit, by_hypotheses, by_laws, catalogue_steps, true_statement
from tests.spec.build import i, j, log, root, sq, total, x
from tests.spec.claims import FALSE, TRUE
from tests.spec.evaluator import verdict, worlds
from tests.spec.field import CHAIN, HOME, MAKERS, G, decide, discrete_log, is_square

ROOT = Path(__file__).resolve().parents[1]
BUDGET = float(os.environ.get("DERIVE_FUZZ_SECONDS", "60"))
S, T, EXP = Entry("s"), Entry("t"), lambda term: Apply("exp", term)


def judge(claim, kinds=None, seed=0):
    return decide(claim, kinds or {}, Random(seed))


# ---------------------------------------------------------------- finite fields


def test_the_chain_is_one_of_primes_in_which_small_numbers_are_positive():
    for level, prime in enumerate(CHAIN):
        assert fmpz(prime).is_prime()
        assert all(is_square(number, level) for number in range(1, 13))
        assert not is_square(-1 % prime, level)
    for upper, lower in pairwise(CHAIN):
        assert upper == 2 * lower + 1
    assert min(CHAIN) > 2**27


def test_logarithms_undo_powers():
    for level in range(len(CHAIN) - 1):
        for exponent in (0, 1, 12345, CHAIN[level + 1] - 1):
            assert discrete_log(pow(G, exponent, CHAIN[level]), level) == exponent


HALF = Fraction(1, 2)
EQUAL = [
    (EXP(S + T), EXP(S) * EXP(T)),
    (log(EXP(S)), S),
    (log(S * T), log(S) + log(T)),
    (EXP(log(S)), S),
    (root(S) * root(S), S),
    (root(sq(S)), Apply("abs", S)),
    (EXP(EXP(S)) * EXP(-EXP(S)), Number(1)),
    (Power(S, T), EXP(T * log(S))),
    (Apply("tanh", S), Number(2) * Apply("sigmoid", Number(2) * S) - Number(1)),
    (Partial(EXP(S * S), S), Number(2) * S * EXP(S * S)),
    (Partial(Partial(log(S), S), S), -Power(S, Number(-2))),
    (Partial(Power(S, Number(HALF)), S), Number(HALF) * Power(S, Number(-HALF))),
    (Partial(Apply("arctan", S), S), Power(Number(1) + S * S, Number(-1))),
    (Apply("arctan", S, 2), Number(-2) * S * Power(Number(1) + S * S, Number(-2))),
    (Partial(Partial(Apply("sin", S), S), S), -Apply("sin", S)),
    (Partial(Apply("phi", S * T), S), T * Apply("phi", S * T, 1)),
    (Partial(Apply("phi", S * S, 1), S), Number(2) * S * Apply("phi", S * S, 2)),
    (Partial(log(total(i, EXP(x(i)))), x(j)), EXP(x(j)) / total(i, EXP(x(i)))),
    (Apply("softplus", S, 1), Apply("sigmoid", S)),
    (Apply("sigmoid", S, 2), Partial(Partial(Apply("sigmoid", S), S), S)),
]


@pytest.mark.parametrize(("lhs", "rhs"), EQUAL)
def test_the_laws_hold_in_finite_fields(lhs, rhs):
    assert judge(Claim(lhs, rhs)) is True
    assert judge(Claim(lhs, Number(2) * rhs)) is False
    assert judge(Claim(lhs, rhs + Number(1))) is False


def test_finite_fields_abstain_from_what_they_do_not_decide():
    assert judge(Claim(S, T, "<")) is None
    assert judge(Claim(S, S), {"s": "of no known kind"}) is None
    deep = S
    for _ in range(len(CHAIN) - HOME):
        deep = EXP(deep)
    assert judge(Claim(deep, deep)) is None
    assert judge(Claim(log(-EXP(S)), log(-EXP(S)))) is None


def test_finite_fields_never_contradict_the_table_of_true_claims():
    told = Counter(decide(row.claim, row.kinds, Random(1)) for row in TRUE)
    assert told[False] == 0
    assert told[True] > 200


def test_finite_fields_see_through_most_of_the_false_claims():
    told = Counter(decide(row.claim, row.kinds, Random(1)) for row in FALSE if not row.why)
    assert told[False] > 4 * told[True]


@pytest.mark.parametrize("kind", sorted(set(MAKERS) - {"symmetric"}))
def test_what_is_made_by_a_kind_has_its_property(kind):
    """Every hypothesis of the scoreboard holds at points made for it, or the point is passed over."""
    rows = [row for row in TRUE if kind in row.kinds.values() and set(row.kinds.values()) <= MAKERS.keys()]
    assert all(decide(row.claim, row.kinds, Random(2)) is not False for row in rows)


# ---------------------------------------------------------------- what claims are made of


def test_every_law_applies_somewhere_and_holds():
    """Each law of the generator, against the evaluator alone."""
    wanted = {law.__name__ for law in (*LAWS, *HYPOTHETICAL)}
    seen: Counter[str] = Counter()
    random = Random(11)
    for _ in range(4000):
        if all(seen[name] for name in wanted):
            break
        make = random.choice([by_laws, by_hypotheses])
        try:
            base = make(random)
        except (Unfit, RecursionError):
            continue
        names = base.kind.partition(": ")[2].split()
        if all(seen[name] for name in names):
            continue
        claim = base.statement.claim
        values = [verdict(claim, world) for world in worlds(claim, base.kinds, 5, 3)]
        assert False not in values, base.kind
        seen.update(names if True in values else [])
    assert wanted <= set(seen)


def test_rules_for_derivatives_are_those_of_the_books():
    from derive import expression as X
    from tests.soundness.expressions import N

    A, v = X.Symbol("A", SYMBOLS["A"]), X.Symbol("v", SYMBOLS["v"])
    form = X.Multiply(X.Transpose(v), X.Multiply(A, v))
    found = gradient(form, "v", v.shape)
    right = X.Add((X.Multiply(A, v), X.Multiply(X.Transpose(A), v)))
    assert isinstance(prove(state(found, right).claim), Theorem)
    assert jacobian(X.Multiply(A, v), "v", v.shape) == X.Multiply(A, X.Identity(N))


@pytest.mark.slow
def test_every_step_of_the_catalogue_is_there_and_proved():
    steps = catalogue_steps()
    assert len(steps) > 300
    sample = Random(3).sample(steps, 25)
    assert all(isinstance(prove(step.statement.claim), Theorem) for step in sample)
    assert all(step.lhs is not None for step in steps)


@pytest.mark.slow
def test_mutants_are_false_by_the_evaluator_and_differ_by_one_mistake():
    random = Random(5)
    mistakes: Counter[str] = Counter()
    for _ in range(120):
        try:
            made = mutant(true_statement(random), random)
        except (Unfit, RecursionError):
            continue
        if is_false(made.statement.claim, made.kinds, 1):
            mistakes[made.mistake] += 1
    assert len(mistakes) > 12, mistakes


def test_places_in_expressions_and_terms_can_be_reached():
    random = Random(8)
    base = true_statement(random)
    while base.lhs is None:
        base = true_statement(random)
    for path, part in nodes(base.lhs):
        assert put(base.lhs, path, part) == base.lhs
    term = base.statement.claim.lhs
    for path, part, _ in spots(term):
        assert put_term(term, path, part) == term
    assert symbols(base.lhs) <= {*SYMBOLS, *("d" + name for name in SYMBOLS)}


# ---------------------------------------------------------------- the scoreboard


def test_a_seed_makes_the_same_claims_again():
    def outcomes():
        return [(found.truth, found.verdict, found.kind) for found in (outcome(9, n) for n in range(12))]

    assert outcomes() == outcomes()


def test_a_quick_scoreboard():
    """The whole run is `python -m tests.soundness`; here a few claims, new ones each time."""
    seed = time.time_ns() % 10**6
    found = run(seed, 60)
    assert not found.failed, f"seed {seed}: {found.failures}"
    assert sum(found.counts["true"].values()) + sum(found.counts["false"].values()) + found.too_slow == 60
    assert found.counts["true"]["proved"] > 20


def wrong_kernel(claim, effort=200_000):
    """A kernel that proves what is true of positive numbers, whatever the sign: |a| = a."""

    def drop(term):
        from derive.terms import rebuild

        below = term if isinstance(term, Entry) else rebuild(term, drop, lambda index: index)
        return below.argument if isinstance(below, Apply) and below.function == "abs" else below

    return prove(Claim(drop(claim.lhs), drop(claim.rhs), claim.relation, claim.context), effort)


def test_an_unsound_kernel_is_noticed_and_the_claim_shrunk():
    kept = Entry("u") * EXP(T) + total(i, x(i) * x(i))
    claim = Claim(kept + Apply("abs", S * Number(3)), kept + Number(3) * S)
    assert is_false(claim, {}, 1)
    assert isinstance(wrong_kernel(claim), Theorem)

    def fails(smaller):
        return isinstance(wrong_kernel(smaller), Theorem) and bool(is_false(smaller, {}, 1))

    small = shrunk(claim, fails)
    assert fails(small)
    assert weight(small) <= weight(Claim(Apply("abs", S), Product((S,)))), small


def test_failures_make_a_run_fail(monkeypatch):
    """With a judge that proves everything, and one that refutes everything."""
    for word, truth in (("proved", "false"), ("refuted", "true")):
        monkeypatch.setattr(board, "judged", lambda statement, word=word: word)
        monkeypatch.setattr(board, "is_proved", lambda claim: True)
        monkeypatch.setattr(board, "shrunk", lambda claim, fails, trials=0: claim)
        found = run(3, 6)
        assert found.failed
        assert found.counts[truth][word] == 3
        assert any(text.startswith("claim ") for text in found.failures)
    assert not Board(1).failed


def test_shrinking_ends_where_nothing_smaller_fails():
    claim = Claim(Sum(i, Product((x(i), Plus((S, T))))), Number(7))
    assert weight(shrunk(claim, lambda smaller: True)) == (2, 0, 0)
    assert shrunk(claim, lambda smaller: False) == claim


@pytest.mark.slow
def test_the_command():
    def ran(*arguments):
        command = [sys.executable, "-m", "tests.soundness", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    good = ran("--claims", "8", "--seed", "4", "--json", "--processes", "1")
    assert good.returncode == 0, good.stderr
    counts = json.loads(good.stdout)
    assert counts["seed"] == 4
    assert sum(counts["true"].values()) == sum(counts["false"].values()) == 4
    assert counts["true"].keys() == counts["false"].keys() == {"proved", "unknown", "refuted"}
    assert ran("--claims", "0").returncode == 2
    assert ran("document.md").returncode == 2


@pytest.mark.slow
def test_long_scoreboard(capsys):
    """As many new claims as the budget allows; the seed is printed."""
    seed = time.time_ns() % 10**6
    with capsys.disabled():
        print(f"\nscoreboard with seed {seed}", end=" ", flush=True)
    found = run(seed, 10**9, BUDGET, os.cpu_count() or 1)
    with capsys.disabled():
        print({truth: dict(counts) for truth, counts in found.counts.items()}, end=" ")
    assert not found.failed, f"seed {seed}: {found.failures}"


def test_statements_are_what_the_checker_judges():
    base = catalogue_steps()[0]
    assert isinstance(base.statement, Statement)
    assert board.judged(base.statement) == "proved"
