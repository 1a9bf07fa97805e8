"""Statements with one mistake in them, as people make them: in a matrix expression, or in an index term.

A mutant may be true all the same (the transpose of a symmetric matrix): whether it is false is decided by
`is_false`, which asks tests/spec/evaluator.py and nothing of derive's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random

from derive import expression as X
from derive.expression import Expression
from derive.lowering import Statement, Unsupported
from derive.terms import (
    Abstraction,
    Apply,
    Claim,
    Delta,
    Entry,
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
    Term,
    free_indices,
    rebuild,
)
from tests.soundness.expressions import DIMENSIONS, fill, nodes, number, ones, put
from tests.soundness.statements import Base, Unfit
from tests.spec.evaluator import symbols_of, verdict, worlds

WORLDS = 8  # points at which a mutant may turn out to be false


@dataclass(frozen=True)
class Mutant:
    """A statement that may be false; `mistake` says what was done to a true one."""

    mistake: str
    statement: Statement
    kinds: Mapping[str, str]


def is_false(claim: Claim, kinds: Mapping[str, str], seed: int, count: int = WORLDS) -> bool | None:
    """True where the claim fails at some point at which all its hypotheses hold; None where none shows it."""
    for world in worlds(claim, kinds, seed, count):
        try:
            if verdict(claim, world) is False and all(map(world.satisfies, claim.context.hypotheses)):
                return True
        except (ArithmeticError, KeyError, RecursionError):
            continue
    return None


# ---------------------------------------------------------------- in expressions

Change = Callable[[Expression, Random], Expression | None]


def sign(e: Expression, random: Random) -> Expression | None:
    """A becomes -A, -A becomes A."""
    return e.body if isinstance(e, X.Negate) else X.Negate(e)


def factor(e: Expression, random: Random) -> Expression | None:
    """A becomes 2A or A / 2; a number becomes another one."""
    if isinstance(e, X.Constant):
        return number(random.choice([e.value + 1, e.value - 1, 2 * e.value, e.value / 2]))
    return X.Multiply(number(random.choice(["2", "1/2", "-2"])), e)


def transpose(e: Expression, random: Random) -> Expression | None:
    """A becomes A^T, A^T becomes A."""
    if len(e.shape) != 2 or e.shape[0] != e.shape[1] or e.is_scalar:
        return None
    return e.body if isinstance(e, X.Transpose) else X.Transpose(e)


def order(e: Expression, random: Random) -> Expression | None:
    """AB becomes BA."""
    match e:
        case X.Multiply(a, b) if not a.is_scalar and not b.is_scalar:
            return X.Multiply(b, a)
        case X.Divide(a, b):
            return X.Divide(b, a)
        case X.Add((a, X.Negate(b))):
            return X.Add((b, X.Negate(a)))
    return None


def product(e: Expression, random: Random) -> Expression | None:
    """A matrix product becomes an entrywise one, and the reverse."""
    match e:
        case X.Multiply(a, b) if a.shape == b.shape:
            return X.Hadamard(a, b)
        case X.Hadamard(a, b):
            return X.Multiply(a, b)
        case X.Power(a, k, entrywise) if not a.is_scalar:
            return X.Power(a, k, not entrywise)
    return None


def outer(e: Expression, random: Random) -> Expression | None:
    """x^T y becomes x^T x, x y^T becomes y x^T."""
    match e:
        case X.Multiply(X.Transpose(a), b) if e.is_scalar:
            return X.Multiply(X.Transpose(a), a) if a.shape == b.shape and a != b else None
        case X.Multiply(a, X.Transpose(b)) if a.is_vector and b.is_vector:
            return X.Multiply(b, X.Transpose(a))
    return None


def index(e: Expression, random: Random) -> Expression | None:
    """A_ij becomes A_ji or A_ii; e_i becomes e_j; a sum leaves out, or no longer leaves out, an index."""
    match e:
        case X.Entry(a, (i, j)) if i.range == j.range:
            return X.Entry(a, random.choice([(j, i), (i, i), (j, j)]))
        case X.Entry(a, at):
            return X.Entry(a, tuple(Index(0, i.range) if random.random() < 0.6 else i for i in at))
        case X.Delta(i, j):
            return X.Delta(i, Index(0, j.range))
        case X.Basis(i):
            return X.Basis(Index(0, i.range))
        case X.Sum(k, body, without):
            return X.Sum(k, body) if without else X.Sum(k, body, (Index(0, k.range),))
    return None


def delta(e: Expression, random: Random) -> Expression | None:
    """I becomes 11^T, diag(x) becomes x1^T, delta_ij becomes 1."""
    match e:
        case X.Identity(n):
            return fill(1, (n, n))
        case X.Diagonal(a) if a.is_vector and a.shape[1] == X.ONE:
            return X.Multiply(a, X.Transpose(ones(a.shape[0])))
        case X.Delta():
            return number(1)
        case X.Trace(a) if not a.is_scalar:
            n = a.shape[0]
            return X.Multiply(X.Multiply(X.Transpose(ones(n)), a), ones(n))
    return None


def dropped(e: Expression, random: Random) -> Expression | None:
    """A + B becomes A; AB becomes A; f(A) becomes A."""
    options: list[Expression] = [part for part in X.children(e) if part.shape == e.shape]
    if isinstance(e, X.Add) and len(e.terms) > 1:
        place = random.randrange(len(e.terms))
        options.append(X.Add(e.terms[:place] + e.terms[place + 1 :]))
    return random.choice(options) if options and not isinstance(e, (X.Partial, X.Gradient)) else None


def dimension(e: Expression, random: Random) -> Expression | None:
    """n becomes d."""
    if isinstance(e, X.Count):
        return X.Count(random.choice([d for d in DIMENSIONS if d != e.dimension]))
    return None


def layout(e: Expression, random: Random) -> Expression | None:
    """A derivative is arranged in the other layout."""
    match e:
        case X.Partial(a, variable, arranged):
            return X.Partial(a, variable, "numerator" if arranged == "denominator" else "denominator")
        case X.Gradient(a, variable) if a.is_scalar:
            return X.Partial(a, variable, "numerator")
    return None


def function(e: Expression, random: Random) -> Expression | None:
    """f becomes f' or another function; an exponent changes; softmax becomes exp, |x| becomes |x|^2."""
    match e:
        case X.Apply(name, a, k):
            others = [name for name in ("exp", "sigmoid", "tanh", "sin", "cos") if name != e.function]
            return random.choice([X.Apply(name, a, k + 1), X.Apply(random.choice(others), a, k)])
        case X.Softmax(a):
            return X.Apply(random.choice(["exp", "sigmoid"]), a)
        case X.Norm(a, kind):
            return random.choice(
                [X.Power(e, number(2)), X.Norm(a, "1" if kind != "1" else "F"), X.Multiply(e, e)]
            )
        case X.Power(a, X.Constant(k), entrywise):
            return X.Power(a, number(k + random.choice([1, -1])), entrywise)
        case X.LogSumExp(a):
            return X.Apply("log", X.Norm(a, "1"))
        case X.Inverse(a):
            return a
    return None


IN_EXPRESSIONS: tuple[Change, ...] = (
    sign, factor, transpose, order, product, outer, index, delta, dropped, dimension, layout, function,
)  # fmt: skip


def mutated(base: Base, random: Random) -> Mutant:
    """A statement between expressions with one mistake in it. Raises Unfit."""
    if base.lhs is None or base.rhs is None:
        raise Unfit
    change = random.choice(IN_EXPRESSIONS)
    sides = [base.lhs, base.rhs]
    which = 1 if random.random() < 0.7 else 0
    candidates = [(path, part) for path, part in nodes(sides[which])]
    random.shuffle(candidates)
    for path, part in candidates[:30]:
        try:
            new = change(part, random)
            if new is None or new == part:
                continue
            sides[which] = put(sides[which], path, new)
            return Mutant(change.__name__, base.restated(*sides), base.kinds)
        except (ShapeError, Unsupported):
            continue
    raise Unfit


# ---------------------------------------------------------------- in index terms

Spot = tuple[tuple[int, ...], Term, tuple[Index, ...]]


def spots(term: Term, path: tuple[int, ...] = (), scope: tuple[Index, ...] = ()) -> Iterator[Spot]:
    """Every term inside one, with the way to it and the indices bound there."""
    yield path, term, scope
    parts: list[tuple[Term, tuple[Index, ...]]] = []
    bound = {id(a.body): a.indices for a in _abstractions(term)}

    def note(part: Term) -> Term:
        inner = (term.index,) if isinstance(term, Sum) else bound.get(id(part), ())
        parts.append((part, (*scope, *inner)))
        return part

    rebuild(term, note, lambda index: index)
    for place, (part, inner) in enumerate(parts):
        if not (isinstance(term, Partial) and place == 1):
            yield from spots(part, (*path, place), inner)


def _abstractions(term: Term) -> Iterator[Abstraction]:
    for slot in term.__dataclass_fields__:  # type: ignore[attr-defined]
        value = getattr(term, slot)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Abstraction):
                yield part


def put_term(term: Term, path: tuple[int, ...], new: Term) -> Term:
    """The term with another one at the end of a path."""
    if not path:
        return new
    count = iter(range(10**6))
    return rebuild(
        term, lambda part: put_term(part, path[1:], new) if next(count) == path[0] else part, lambda i: i
    )


def term_mistakes(
    term: Term, scope: tuple[Index, ...], sizes: tuple[X.Dimension, ...], random: Random
) -> Iterator[tuple[str, Term]]:
    """What one may write instead of a term."""
    yield "sign", -term
    yield "factor", Number(2) * term

    def other(index: Index) -> Index | None:
        fitting = [i for i in scope if i.range == index.range and i != index]
        return random.choice(fitting) if fitting else None

    match term:
        case Number(value):
            yield "factor", Number(Fraction(value) + 1)
            yield "sign", Number(-Fraction(value))
        case Size(here):
            for there in sizes:
                if there != here:
                    yield "dimension", Size(there)
        case Plus(terms) if len(terms) > 1:
            place = random.randrange(len(terms))
            yield "dropped", Plus(terms[:place] + terms[place + 1 :])
        case Product(factors) if len(factors) > 1:
            place = random.randrange(len(factors))
            yield "dropped", Product(factors[:place] + factors[place + 1 :])
        case Power(base, Number(value)):
            yield "exponent", Power(base, Number(Fraction(value) + 1))
            yield "exponent", Power(base, Number(-Fraction(value)))
        case Delta(left, right):
            yield "delta", Number(1)
            yield "delta", Number(0)
            if (new := other(left)) is not None:
                yield "index", Delta(new, right)
        case Entry(tensor, indices) if indices:
            place = random.randrange(len(indices))
            if (new := other(indices[place])) is not None:
                yield "index", Entry(tensor, (*indices[:place], new, *indices[place + 1 :]))
            if len(indices) == 2 and indices[0].range == indices[1].range:
                yield "transpose", Entry(tensor, indices[::-1])
        case Inverse(matrix, row, column):
            yield "transpose", Inverse(matrix, column, row)
        case Sum(index, Product((first, *rest))) if rest:
            yield "sum split", Sum(index, first) * Sum(index, Product(tuple(rest)))
        case Sum(index, body) if index not in free_indices(body):
            yield "dimension", body
        case Apply(name, argument, times):
            yield "function", Apply(name, argument, times + 1)
            yield "function", argument
        case Partial(body, variable):
            yield "dropped", body
            if variable.indices and (new := other(variable.indices[0])) is not None:
                yield "index", Partial(body, Entry(variable.tensor, (new, *variable.indices[1:])))


def mutated_term(base: Base, random: Random) -> Mutant:
    """A statement with one mistake in an index term of it. Raises Unfit."""
    claim = base.statement.claim
    side = "rhs" if random.random() < 0.7 else "lhs"
    whole: Term = getattr(claim, side)
    free = tuple(sorted((i for i in free_indices(claim.lhs) | free_indices(claim.rhs)), key=str))
    named = sorted(symbols_of((claim.lhs, claim.rhs)))
    sizes = tuple(map(X.Dimension.of, named))
    everywhere = list(spots(whole))
    options: dict[str, tuple[tuple[int, ...], Term]] = {}
    for path, term, bound in random.sample(everywhere, min(6, len(everywhere))):
        for mistake, new in term_mistakes(term, (*free, *bound), sizes, random):
            options[mistake] = path, new
    mistake = random.choice(sorted(options))
    path, new = options[mistake]
    changed = replace(claim, **{side: put_term(whole, path, new)})
    return Mutant(f"term: {mistake}", Statement(changed, base.statement.indices), base.kinds)


def without_hypothesis(base: Base, random: Random) -> Mutant:
    """A statement without one of its hypotheses; what it was about is then anything. Raises Unfit."""
    claim = base.statement.claim
    labels = sorted({label for h in claim.context.hypotheses for label in h.labels})
    if not labels:
        raise Unfit
    dropped_label = random.choice(labels)
    context = claim.context.keeping(frozenset(labels) - {dropped_label})
    gone = [h for h in claim.context.hypotheses if h not in context.hypotheses]
    about = {name for name in base.kinds for h in gone if _mentions(h, name)}
    kinds = {name: kind for name, kind in base.kinds.items() if name not in about}
    for name in about:
        rest = [h for h in context.hypotheses if _mentions(h, name)]
        weaker = {"one-hot": "simplex", "one-hot of 2": "simplex of 2"}.get(base.kinds[name])
        if rest and weaker:  # what is left of one-hot is, mostly, a sum of 1
            kinds[name] = weaker
        elif rest and base.kinds[name] == "simplex":
            kinds[name] = "positive"
    changed = Statement(replace(claim, context=context), base.statement.indices)
    return Mutant("hypothesis", changed, kinds)


def _mentions(part: object, name: str) -> bool:
    if isinstance(part, Entry) and part.tensor == name:
        return True
    if isinstance(part, (tuple, frozenset)):
        return any(_mentions(piece, name) for piece in part)
    if hasattr(part, "__dataclass_fields__"):
        return any(_mentions(getattr(part, slot), name) for slot in part.__dataclass_fields__)
    return False


def mutant(base: Base, random: Random) -> Mutant:
    """A statement with one mistake of some kind. Raises Unfit."""
    chance = 0.4 if base.kind.startswith("hypotheses") else 0.1
    if base.statement.claim.context.hypotheses and random.random() < chance:
        return without_hypothesis(base, random)
    return (mutated if base.lhs is not None and random.random() < 0.6 else mutated_term)(base, random)
