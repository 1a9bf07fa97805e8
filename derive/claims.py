"""Claims as data: written as JSON, read back strictly, and what dimensions they are made for.

    encode(term)                      ["Product", [["Number", 2], ["Entry", "x", [["i", "n"]]]]]
    decode(Claim, data)               the claim again; Malformed for anything that `encode` would not write

A term, a claim, a context or a hypothesis is a list: the name of its class, then its fields. The classes of
`derive.terms`, with the types that they give to their fields, are the table by which this is done. What
stands where only one class can stand has no name: an index is [name, range], an abstraction [indices, body],
a dimension its number, its name, or its monomials.

This module imports terms alone, so that what re-checks a certificate needs no more than the kernel does.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from derive import terms as t
from derive.terms import Abstraction, Claim, Context, Dimension, Entry, Index, Term

DIGITS = 1000  # of a number, about
BITS = 3400
ORDER = 100  # of the derivative of a function
UNNAMED = (Index, Abstraction)
HYPOTHESES = get_args(t.Hypothesis)
TERMS = tuple(k for k in vars(t).values() if isinstance(k, type) and issubclass(k, Term) and k is not Term)
NAMED = (*TERMS, *HYPOTHESES, Context, Claim)


class Malformed(ValueError):
    """Data that is not what `encode` writes, and why."""


# ── writing ────────────────────────────────────────────────────────────────────────────────────────────────


def encode(value: Any) -> Any:
    """A part of a claim as what JSON can hold."""
    match value:
        case Fraction():
            return f"{value.numerator}/{value.denominator}" if value.denominator > 1 else value.numerator
        case Dimension():
            return _dimension(value)
        case tuple():
            return [encode(part) for part in value]
        case frozenset():
            return sorted(value)
        case Mapping():
            return {name: encode(part) for name, part in value.items()}
    if is_dataclass(value):
        parts = [encode(getattr(value, slot.name)) for slot in fields(value)]
        return parts if isinstance(value, UNNAMED) else [type(value).__name__, *parts]
    return value


def _dimension(value: Dimension) -> Any:
    if value.number is not None and value.number > 0:
        return value.number
    if len(value.monomials) == 1 and value.monomials[0][1] == 1 and len(value.monomials[0][0]) == 1:
        return value.monomials[0][0][0]
    return [[list(names), coefficient] for names, coefficient in value.monomials]


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────


def decode(kind: Any, data: Any) -> Any:
    """What `encode` wrote of a value of this kind. Raises Malformed for anything else."""
    try:
        value = _reader(kind)(data)
        if encode(value) == data:
            return value
    except Malformed:
        raise
    except RecursionError:
        raise Malformed("it is nested too deeply") from None
    except (ValueError, TypeError, AttributeError) as trouble:  # what the constructors refuse
        raise Malformed(str(trouble)) from None
    raise Malformed("a value is not written in its one way")


Reader = Callable[[Any], Any]


@cache
def _reader(kind: Any) -> Reader:
    """What reads a value of this type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Term:
        return _named(TERMS)
    if kind == t.Hypothesis:
        return _named(HYPOTHESES)
    if kind is Dimension:
        return _read_dimension
    if kind in UNNAMED:
        return _record(kind)
    if kind in NAMED:
        return _named((kind,))
    if kind == int | Fraction:
        return _read_number
    if origin in (Union, types.UnionType) or kind in (int, str):
        return _plain(arguments or (kind,))
    if origin is tuple and arguments[-1] is Ellipsis:
        return lambda data: tuple(map(_reader(arguments[0]), _list(data)))
    if origin is tuple:
        return _pair(arguments)
    if origin is frozenset:
        return lambda data: frozenset(map(_reader(arguments[0]), _list(data)))
    if origin is Mapping:
        return lambda data: {name: _reader(arguments[1])(part) for name, part in _object(data).items()}
    if kind is bool:
        return _plain((bool,))
    raise TypeError(f"no rule for {kind}")


def _named(kinds: tuple[Any, ...]) -> Reader:
    """Reads [name, fields ...] of one of these classes."""
    names = {kind.__name__: kind for kind in kinds}

    def read(data: Any) -> Any:
        head = _list(data)[0] if data else None
        if not isinstance(head, str) or head not in names:
            raise Malformed(f"{_shown(head)} stands where {_either(names)} has to")
        return _record(names[head])(data[1:])

    return read


@cache
def _record(kind: Any) -> Reader:
    """Reads the fields of a class."""
    hints = get_type_hints(kind)
    slots = [(slot.name, _Late(hints[slot.name])) for slot in fields(kind)]

    def read(data: Any) -> Any:
        parts = _list(data)
        if len(parts) != len(slots):
            raise Malformed(f"{kind.__name__} has {len(slots)} parts, not {len(parts)}")
        values = {name: reader(part) for (name, reader), part in zip(slots, parts, strict=True)}
        if values.get("order", 0) > ORDER:
            raise Malformed(f"a derivative of order {values['order']} is more than {ORDER}")
        return kind(**values)

    return read


class _Late:
    """The reader of a type, found when it is used, for terms hold terms."""

    def __init__(self, kind: Any):
        self.kind = kind

    def __call__(self, data: Any) -> Any:
        return _reader(self.kind)(data)


def _plain(kinds: tuple[Any, ...]) -> Reader:
    def read(data: Any) -> Any:
        if type(data) not in kinds:
            raise Malformed(f"{_shown(data)} stands where {_either(k.__name__ for k in kinds)} has to")
        return _bounded(data) if type(data) is int else data

    return read


def _pair(kinds: tuple[Any, ...]) -> Reader:
    def read(data: Any) -> Any:
        if len(_list(data)) != len(kinds):
            raise Malformed(f"{len(data)} values stand where {len(kinds)} have to")
        return tuple(_reader(kind)(part) for kind, part in zip(kinds, data, strict=True))

    return read


def _read_number(data: Any) -> int | Fraction:
    if type(data) is str:
        above, slash, below = data.partition("/")
        if len(data) <= 2 * DIGITS and slash and below.isdecimal() and int(below) > 1:
            return Fraction(int(above), int(below))
        raise Malformed(f"{_shown(data)} is not a fraction")
    number: int = _plain((int,))(data)
    return number


def _read_dimension(data: Any) -> Dimension:
    if type(data) in (int, str):
        return Dimension.of(_plain((int, str))(data))
    monomials = _reader(tuple[tuple[tuple[str, ...], int], ...])(data)
    total = Dimension(())
    for names, coefficient in monomials:
        for name in names:
            Dimension.of(name)
        total = total._collect(iter((*total.monomials, (tuple(sorted(names)), coefficient))))
    return total


def _bounded(number: int) -> int:
    if number.bit_length() > BITS:
        raise Malformed(f"a number has more than {DIGITS} digits")
    return number


def _list(data: Any) -> list[Any]:
    if type(data) is not list:
        raise Malformed(f"{_shown(data)} stands where a list has to")
    return data


def _object(data: Any) -> dict[str, Any]:
    if type(data) is not dict:
        raise Malformed(f"{_shown(data)} stands where an object has to")
    return data


def _shown(data: Any) -> str:
    """A value, short enough for a message."""
    if isinstance(data, (list, dict)):
        return "a list" if isinstance(data, list) else "an object"
    if isinstance(data, int) and data.bit_length() > 100:
        return "a huge number"
    said = repr(data)
    return said if len(said) <= 40 else said[:37] + "..."


def _either(names: Any) -> str:
    found = list(names)
    return " or ".join(filter(None, [", ".join(found[:-1]), found[-1]]))


# ── what a claim is about ──────────────────────────────────────────────────────────────────────────────────


def dimensions(claim: Claim) -> tuple[str, ...]:
    """The names of the dimensions for all of which a claim is made."""
    seen: set[str] = set()
    done: set[str] = set()

    def visit(part: object) -> None:
        if isinstance(part, Dimension):
            seen.update(part.names)
        elif isinstance(part, tuple):
            for piece in part:
                visit(piece)
        elif isinstance(part, (Index, Abstraction, Term)):
            if isinstance(part, Entry) and part.tensor not in done:
                done.add(part.tensor)
                visit(claim.context.definitions.get(part.tensor))
            for slot in fields(part):  # type: ignore[arg-type]
                visit(getattr(part, slot.name))

    visit(claim.lhs)
    visit(claim.rhs)
    return tuple(sorted(seen))
