"""The kernel against the tables of tests/spec: what it must prove, must never prove, and must refuse."""

import copy
import pickle
import signal
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest

from derive.kernel import Residual, Theorem, normal_form, positive, prove
from derive.normal.polynomial import labellings
from derive.terms import (
    Abstraction,
    Apply,
    Claim,
    Coincide,
    Context,
    Delta,
    Dimension,
    Entry,
    Equation,
    Index,
    Inverse,
    Number,
    Partial,
    Plus,
    Power,
    Product,
    ShapeError,
    Size,
    Sum,
)
from tests.spec.build import (
    N,
    a,
    c,
    d,
    exp,
    i,
    index,
    j,
    log,
    matrix,
    n,
    p,
    phi,
    plus,
    power,
    root,
    t,
    total,
    x,
)
from tests.spec.claims import FALSE, OPEN, TRUE
from tests.spec.evaluator import sides, verdict, worlds

SECONDS = 15  # of processor time, for anything that the kernel is asked here, on a slow machine


def rows(table):
    """The rows of a table as parameters, those of open findings expected to fail."""
    return [
        pytest.param(
            row, id=row.name, marks=[pytest.mark.xfail(strict=True, reason=row.known)] if row.known else []
        )
        for row in table
    ]


def shape(poly):
    """A normal form up to the names of its indices and a positive factor."""
    names = {}

    def visit(part):
        if type(part) is not tuple:
            return part
        if len(part) in (3, 4) and type(part[0]) is int and type(part[-1]) is str:
            return ("index", names.setdefault(part, len(names)), part[-1])
        return tuple(map(visit, part))

    size = abs(Fraction(poly[0][1]))
    return visit(tuple((mono, Fraction(coefficient) / size) for mono, coefficient in poly))


def demanded(kind, poly):
    """A condition as something to compare: != 0 does not see the sign."""
    seen = shape(poly)
    negated = shape(tuple((mono, -coefficient) for mono, coefficient in poly))
    return (kind, min(seen, negated, key=repr) if kind == "!= 0" else seen)


@pytest.mark.parametrize("row", rows(TRUE))
def test_true_claims_are_proved(row):
    found = prove(row.claim)
    assert isinstance(found, Theorem), f"{found.reason} {found.poly}"
    assert set(found.uses) == set(row.uses)
    assert found.claim is row.claim or found.claim == row.claim


@pytest.mark.parametrize("row", rows([row for row in TRUE if row.conditions is not None]))
def test_what_a_proof_demands_is_recorded(row):
    found = prove(row.claim)
    assert isinstance(found, Theorem)
    expected = {demanded(kind, normal_form(term)) for term, kind in row.conditions}
    assert {demanded(condition.kind, condition.poly) for condition in found.conditions} == expected


@pytest.mark.parametrize("row", rows([row for row in TRUE if row.uses]))
def test_uses_are_enough_and_none_is_too_many(row):
    context = row.claim.context
    assert isinstance(prove(replace(row.claim, context=context.keeping(frozenset(row.uses)))), Theorem)
    for label in row.uses:
        without = replace(row.claim, context=context.keeping(frozenset(row.uses) - {label}))
        assert isinstance(prove(without), Residual), f"{label} is reported, and superfluous"


@pytest.mark.parametrize("row", rows(FALSE))
def test_false_claims_are_not_proved(row):
    found = prove(row.claim)
    assert isinstance(found, Residual), f"proved, using {found.uses}, where {found.conditions}"


@pytest.mark.parametrize("row", rows(OPEN))
def test_open_claims_end_quietly(row):
    assert isinstance(prove(row.claim), (Theorem, Residual))


def test_the_tables_are_large_and_their_names_differ():
    assert len(TRUE) >= 120
    assert len(FALSE) >= 150
    for table in (TRUE, FALSE, OPEN):
        names = [row.name for row in table]
        assert len(set(names)) == len(names), [name for name in names if names.count(name) > 1]


def points(row, count):
    """Points where the hypotheses hold."""
    for world in worlds(row.claim, row.kinds, 7, count):
        assert all(world.satisfies(h) for h in row.claim.context.hypotheses if sides(h)) or not row.kinds
        yield world


@pytest.mark.parametrize("row", TRUE + OPEN, ids=lambda row: row.name)
def test_what_the_tables_call_true_agrees_with_the_evaluator(row):
    seen = [verdict(row.claim, world) for world in points(row, 5)]
    assert False not in seen
    assert True in seen


@pytest.mark.parametrize("row", [row for row in FALSE if not row.why], ids=lambda row: row.name)
def test_what_the_tables_call_false_does_not(row):
    assert any(
        verdict(row.claim, world) is False
        for world in worlds(row.claim, row.kinds, 7, 400)
        if all(world.satisfies(h) for h in row.claim.context.hypotheses)
    )


# ---------------------------------------------------------------- theorems


@pytest.fixture
def theorem():
    found = prove(Claim(t(), t()))
    assert isinstance(found, Theorem)
    return found


FALSEHOOD = Claim(N(0), N(1))


@pytest.mark.parametrize("seal", [None, object(), Theorem, "seal", True])
def test_the_constructor_refuses(seal):
    with pytest.raises(TypeError):
        Theorem(seal, FALSEHOOD, (), ())


@pytest.mark.parametrize("name", ["claim", "uses", "conditions"])
def test_a_theorem_cannot_be_changed(theorem, name):
    with pytest.raises(AttributeError):
        setattr(theorem, name, FALSEHOOD)
    with pytest.raises((AttributeError, TypeError)):
        theorem.extra = 1


def test_nothing_can_be_deleted_from_a_theorem(theorem):
    with pytest.raises(AttributeError):
        del theorem.claim


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_is_the_same_theorem_or_none(theorem, way):
    try:
        copied = way(theorem)
    except (AttributeError, TypeError):
        return
    assert (copied.claim, copied.uses, copied.conditions) == (theorem.claim, theorem.uses, theorem.conditions)


def test_a_theorem_is_no_dataclass_to_be_replaced(theorem):
    with pytest.raises(TypeError):
        replace(theorem, claim=FALSEHOOD)


def test_there_are_no_kinds_of_theorem():
    with pytest.raises(TypeError):
        type("Forged", (Theorem,), {"__init__": lambda self: None})


def test_what_a_theorem_says_does_not_change_with_the_dictionary_it_was_made_from():
    definitions = {"g": Abstraction((), N(1))}
    found = prove(Claim(Entry("g"), N(1), "=", Context(definitions)))
    definitions["g"] = Abstraction((), N(2))
    assert found.claim.context.definitions["g"].body == N(1)


# ---------------------------------------------------------------- what is not a claim


REFUSED = {
    "a relation that is none": lambda: Claim(t(), t(), "!="),
    "another spelling of equality": lambda: Claim(N(0), N(1), "=="),
    "another spelling of at most": lambda: Claim(N(0), N(1), "≤"),
    "a delta of two ranges": lambda: Delta(i, a),
    "indices of two ranges coincide": lambda: Coincide(i, a, True, ("i = a",)),
    "a hypothesis without a label": lambda: Context({}, (Equation(t(), N(1), ()),)),
    "a sum over a position": lambda: Sum(index(0), x(index(0))),
    "a dimension below one": lambda: Dimension.of(0),
    "an inverse of a rectangle": lambda: Inverse(Abstraction((i, a), x(i)), i, a),
    "an inverse at another range": lambda: Inverse(matrix(Delta, c), p, p),
    "a position beyond the range": lambda: index(5, 3),
    "a position below zero": lambda: index(-1, 3),
    "a dimension named like a number": lambda: Dimension.of("3"),
    "a dimension named like a product": lambda: Dimension.of("2 n"),
    "parameters of one name": lambda: Abstraction((i, i), x(i)),
    "a position as a parameter": lambda: Abstraction((index(0),), N(1)),
    "a derivative of negative order": lambda: Apply("sigmoid", t(), -1),
}  # fmt: skip


@pytest.mark.parametrize("build", REFUSED.values(), ids=REFUSED)
def test_what_is_ill_formed_is_refused(build):
    with pytest.raises((ShapeError, ValueError)):
        build()


# ---------------------------------------------------------------- hostile claims


@contextmanager
def at_most(seconds):
    """Fails what takes longer."""

    def stop(*_):
        raise TimeoutError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def nested(times, step, start=None):
    term = start if start is not None else t()
    for _ in range(times):
        term = step(term)
    return term


def chain(length):
    """M M M ... v, written with nested sums."""
    term = Entry("v", (index(f"b{length}"),))
    for at in range(length, 0, -1):
        factor = Entry("M", (index(f"b{at - 1}"), index(f"b{at}")))
        term = Sum(index(f"b{at}"), Product((factor, term)))
    return term


def over_all(count, body):
    for at in range(count):
        body = Sum(index(f"b{at}"), body)
    return body


GROWING = {"d0": Abstraction((), t())} | {
    f"d{at}": Abstraction((), exp(Entry(f"d{at - 1}") + exp(Entry(f"d{at - 1}")))) for at in range(1, 41)
}
SQUARED = {"d0": Abstraction((), t() + N(1))} | {
    f"d{at}": Abstraction((), Product((Entry(f"d{at - 1}"), Entry(f"d{at - 1}")))) for at in range(1, 41)
}


def vertex(at):
    return index(f"b{at}")


def product(parts):
    return Product(tuple(parts))


def nested_sums(count, body):
    """Over range twelve, which is written out."""
    for at in range(count):
        body = Sum(index(f"b{at}", 12), body)
    return body


HEAVY = plus(*(phi(product(Entry(f"q{at}_{by}") for by in range(30))) for at in range(40)))
EDGES = [Entry("M", (vertex(f), vertex(g))) for f in range(7) for g in range(7) if f != g]
HOSTILE = {  # term, definitions, and the finding while one is open
    "a huge power of two": (power(N(2), 10**9), {}, ""),
    "a huge negative power of two": (power(N(2), -(10**9)), {}, ""),
    "a tower of powers": (nested(3, lambda term: power(term, 10**4), N(2)), {}, ""),
    "exp of a huge multiple of log 2": (exp(product((N(10**9), log(N(2))))), {}, ""),
    "a huge power of a variable": (power(t(), 10**9), {}, ""),
    "a huge power of a sum": (power(t() + N(1), 10**9), {}, ""),
    "a huge power of a quotient": (power(power(t() + N(1), -1), -(10**6)), {}, ""),
    "a huge power of a contraction": (power(total(i, x(i)), 10**7), {}, ""),
    "a contraction to the fortieth": (total(j, x(j) * power(total(i, x(i) * phi(x(j))), 40)), {}, ""),
    "definitions that double": (Entry("d40"), SQUARED, ""),
    "definitions that grow": (Entry("d40"), GROWING, ""),
    "the derivative of definitions that grow": (Partial(Entry("d16"), t()), GROWING, ""),
    "deeply nested exponentials": (nested(3000, exp), {}, ""),
    "deeply nested fractions": (nested(40, lambda term: power(N(1) + term, -1)), {}, ""),
    "deeply nested roots": (nested(20, lambda term: root(N(1) + power(term, 2))), {}, ""),
    "t + 1/t, ten times": (nested(10, lambda term: term + power(term, -1)), {}, ""),
    "a twelfth derivative": (Apply("tanh", t(), 12), {}, ""),
    "a huge order of an unknown function": (Apply("phi", t(), 10**9), {}, ""),
    "a huge order of a known function": (Apply("sigmoid", t(), 10**9), {}, ""),
    "a product of thirty sums": (product(Entry(f"f{at}") + Entry(f"g{at}") for at in range(30)), {}, ""),
    "a chain of thirty matrices": (chain(30), {}, ""),
    "a function of ten bound indices": (
        over_all(10, phi(product(x(vertex(at)) for at in range(10)))),
        {},
        "",
    ),
    "a complete graph on seven": (over_all(7, product(EDGES)), {}, ""),
    "six indices in six denominators": (
        over_all(
            6, product(x(vertex(at)) / plus(N(1), *(x(vertex(by)) for by in range(6))) for at in range(6))
        ),
        {},
        "",
    ),
    "nine free indices with deltas": (product(Delta(vertex(0), vertex(at)) for at in range(1, 10)), {}, ""),
    "five indices of range twelve": (product(x(index(f"b{at}", 12)) for at in range(5)), {}, ""),
    "the root of a huge number": (root(N(10**3000 + 7)), {}, ""),
    "log of a huge fraction": (log(N(Fraction(10**300 + 7, 10**299 + 9))), {}, ""),
    "a contraction to the huge below a sum": (
        total(j, x(j) * power(total(i, Entry("M", (j, i))), 10**9)),
        {},
        "",
    ),
    "seven sums of range twelve": (
        nested_sums(7, Entry("T", tuple(index(f"b{at}", 12) for at in range(7)))),
        {},
        "",
    ),
    "seven indices of range twelve": (
        Entry("T", tuple(index(f"b{at}", 12) for at in range(7))),
        {},
        "",
    ),
    "sixteen binomials of exponentials": (
        product(N(1) + exp(Entry(f"f{at}")) for at in range(16)),
        {},
        "",
    ),
    "a product of heavy atoms": (
        product(phi(N(at) * HEAVY + t()) + exp(N(at + 20) * HEAVY) for at in range(1, 14)),
        {},
        "",
    ),
    "the derivative of a tower of powers by dimensions": (
        Partial(nested(4, lambda term: power(term + x(i) * Entry("w"), Size(n + n * c + 1)), t()), t()),
        {},
        "",
    ),
}  # fmt: skip


SLOWEST = {  # seconds each, so not among the tests of every day
    "t + 1/t, ten times",
    "a huge order of a known function",
    "six indices in six denominators",
    "seven sums of range twelve",
    "sixteen binomials of exponentials",
    "the derivative of a tower of powers by dimensions",
}


def marks(name, known):
    # not run while open: each would take its whole time
    open_one = [pytest.mark.xfail(run=False, reason=known)] if known else []
    return open_one + [pytest.mark.slow] * (name in SLOWEST)


@pytest.mark.parametrize(
    ("term", "definitions"),
    [
        pytest.param(term, definitions, id=name, marks=marks(name, known))
        for name, (term, definitions, known) in HOSTILE.items()
    ],
)
def test_hostile_claims_end_in_time(term, definitions):
    with at_most(SECONDS):
        assert isinstance(prove(Claim(term, N(0), "=", Context(definitions))), Residual)


@pytest.mark.parametrize(
    ("lhs", "rhs"),
    [
        (Entry("a") * exp(Entry("a")), Entry("a")),
        (Entry("a") * Entry("a"), Entry("a") * exp(Entry("b")) + exp(Entry("a"))),
    ],
)
def test_rules_that_feed_themselves_end(lhs, rhs):
    with at_most(SECONDS):
        claim = Claim(Entry("a"), N(0), "=", Context({}, (Equation(lhs, rhs, ("h",)),)))
        assert isinstance(prove(claim), (Theorem, Residual))


def test_a_hundred_hypotheses_are_no_burden():
    chain_of = tuple(Equation(Entry(f"f{at}"), Entry(f"f{at + 1}"), (f"step {at}",)) for at in range(100))
    with at_most(SECONDS):
        assert isinstance(prove(Claim(t(), x(i), "=", Context({}, chain_of))), Residual)


def test_a_small_budget_ends_in_a_residual():
    found = prove(Claim(power(plus(*(Entry(f"f{at}") for at in range(9))), 5), N(0)), effort=200)
    assert isinstance(found, Residual)
    assert "budget" in found.reason


# ---------------------------------------------------------------- the other public names


def test_positive_is_not_generous():
    assert positive(exp(t()))
    assert positive(total(i, exp(x(i))))
    assert positive(Plus((N(1), power(t(), 2)))) in (True, False)
    assert not positive(t())
    assert not positive(power(t(), 2))
    assert not positive(N(0))
    assert not positive(N(-1))
    assert not positive(total(i, x(i)))
    assert not positive(Delta(i, j))


def test_normal_forms_are_the_same_for_the_same_term():
    assert normal_form(total(i, x(i)) * total(j, x(j))) == normal_form(power(total(j, x(j)), 2))
    assert normal_form(Number(0)) == ()
    assert normal_form(Power(Entry("w"), N(1))) == normal_form(Entry("w"))


def test_dimensions_stay_apart():
    assert c != d != n
    assert normal_form(Sum(index("k", d), N(1))) != normal_form(Sum(index("k", c), N(1)))
    assert index("k") != Index("k", d)


def test_bound_indices_that_are_alike_have_one_labelling():
    """Seven indices that may change places at will: 5040 orders, of which one is tried."""
    seven = [(3, number, "n") for number in range(7)]
    pairs = tuple((("T", "A", p, q), 1) for p in seven for q in seven if p != q)
    assert len(list(labellings(seven, pairs, frozenset(), lambda p, q: True))) == 1
    line = tuple((("T", "A", p, q), 1) for p, q in pairwise(seven))
    assert len(list(labellings(seven, line, frozenset(), lambda p, q: False))) == 1


def test_the_order_of_seven_like_indices_does_not_matter():
    indices = [Index(f"i{number}", n) for number in range(7)]
    entries = [Entry("A", (p, q)) for p in indices for q in indices if p != q]

    def summed(order, factors):
        body = Product(tuple(factors))
        for bound in order:
            body = Sum(bound, body)
        return body

    one, other = summed(indices, entries), summed(indices[::-1], entries[::-1])
    assert normal_form(one, effort=20_000) == normal_form(other, effort=20_000)
    fewer = summed(indices, [*entries[:-1], Entry("A", (indices[0], indices[1]))])
    assert normal_form(one) != normal_form(fewer)
