"""Smaller claims with the same failure: subterms give way to their parts, numbers to smaller ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from fractions import Fraction

from derive.terms import (
    Abstraction,
    Claim,
    Component,
    Determinant,
    Entry,
    Number,
    Plus,
    Product,
    Term,
    rebuild,
    walk,
)
from tests.soundness.mutants import put_term, spots


def weight(claim: Claim) -> tuple[int, int, int]:
    """What shrinks: terms, hypotheses and definitions, and the size of numbers."""
    context = claim.context
    sides = [*walk(claim.lhs), *walk(claim.rhs)]
    numbers = [Fraction(part.value) for part in sides if isinstance(part, Number)]
    size = sum(abs(v.numerator) + v.denominator + (v < 0) for v in numbers)
    return len(sides), len(context.hypotheses) + len(context.definitions), size


def smaller_terms(term: Term) -> Iterator[Term]:
    """Terms that may stand for a term and are smaller."""
    yield Number(0)
    yield Number(1)
    if isinstance(term, Number):
        value = Fraction(term.value)
        yield from (Number(v) for v in (Fraction(int(value)), Fraction(int(value / 2)), abs(value)))
    if isinstance(term, (Plus, Product)):
        parts = term.terms if isinstance(term, Plus) else term.factors
        for place in range(len(parts)):
            yield type(term)(parts[:place] + parts[place + 1 :])
    for slot in fields(term):  # type: ignore[arg-type]
        value = getattr(term, slot.name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Term):
                yield part
            elif isinstance(part, Abstraction) and not isinstance(term, (Component, Determinant)):
                yield part.body


def without_one(term: Term) -> Iterator[tuple[Term, Term]]:
    """A sum or product without one of its parts, at any depth of sums or of products, and that part."""
    if isinstance(term, (Plus, Product)):
        parts = term.terms if isinstance(term, Plus) else term.factors
        for place, part in enumerate(parts):
            yield type(term)(parts[:place] + parts[place + 1 :]), part
            if type(part) is type(term):
                for rest, gone in without_one(part):
                    yield type(term)((*parts[:place], rest, *parts[place + 1 :])), gone


def everywhere(term: Term, old: Term, new: Term) -> Term:
    """The term with each occurrence of another one replaced."""
    if term == old:
        return new
    return rebuild(term, lambda part: everywhere(part, old, new), lambda index: index)


def smaller_claims(claim: Claim) -> Iterator[Callable[[], Claim]]:
    """How to make claims that are a little smaller; some of them cannot be made, and raise."""
    context = claim.context
    labels = frozenset(label for h in context.hypotheses for label in h.labels)
    for label in sorted(labels):
        yield lambda label=label: replace(claim, context=context.keeping(labels - {label}))
    for gone in context.definitions:
        kept = {name: body for name, body in context.definitions.items() if name != gone}
        yield lambda kept=kept: replace(claim, context=replace(context, definitions=kept))
    for left, one in without_one(claim.lhs):
        for right, other in without_one(claim.rhs):
            if one == other:  # a summand or a factor that both sides have
                yield lambda left=left, right=right: replace(claim, lhs=left, rhs=right)
    shared = {part for part in walk(claim.lhs) if not isinstance(part, Entry)} & set(walk(claim.rhs))
    for old in sorted(shared, key=lambda part: (-len(list(walk(part))), repr(part))):
        for new in (Entry("s"), *smaller_terms(old)):
            yield lambda old=old, new=new: replace(
                claim, lhs=everywhere(claim.lhs, old, new), rhs=everywhere(claim.rhs, old, new)
            )
    for side in ("lhs", "rhs"):
        whole: Term = getattr(claim, side)
        for path, part, _ in spots(whole):
            for new in smaller_terms(part):
                yield lambda side=side, whole=whole, path=path, new=new: replace(
                    claim, **{side: put_term(whole, path, new)}
                )


def shrunk(claim: Claim, fails: Callable[[Claim], bool], trials: int = 2000) -> Claim:
    """The smallest claim found that still fails, after so many trials."""
    found = True
    while found:
        found = False
        for make in smaller_claims(claim):
            try:
                smaller = make()
                if weight(smaller) >= weight(claim):
                    continue
                trials -= 1
                if trials < 0:
                    return claim
                found = fails(smaller)
            except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError):
                continue  # what cannot be made, or means nothing, is no smaller claim
            if found:
                claim = smaller
                break
    return claim
