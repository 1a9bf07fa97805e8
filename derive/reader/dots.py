"""What dots stand for: the general term of x_1, x_2, ..., x_n.

A general term holds the letter DOTTED where the first term has its number. What dots mean is guessed only
where all that is written agrees with the guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

from derive.reader import latex as tex

DOTTED = "·dots"


def general_term(first: tex.Node, last: tex.Node, start: int) -> tex.Node | None:
    """The term of which `first` is the one numbered `start`; None where `last` is not of the same form."""
    if (
        isinstance(first, tex.Number)
        and first.text == str(start)
        and isinstance(last, (tex.Symbol, tex.Number, tex.Plus))
    ):
        return tex.Symbol(first.start, first.end, DOTTED) if first != last else first
    if type(first) is not type(last):
        return None
    if not isinstance(
        first, (tex.Script, tex.Juxtapose, tex.Fence, tex.Fraction, tex.Infix, tex.Commas, tex.Plus)
    ):
        return first if first == last else None
    parts, others = list(tex.children(first)), list(tex.children(last))
    if len(parts) != len(others):
        return None
    replaced: dict[int, tex.Node] = {}
    for one, other in zip(parts, others, strict=True):
        made = general_term(one, other, start)
        if made is None:
            return None
        replaced[id(one)] = made
    return with_children(first, lambda child: replaced[id(child)])


def with_children(node: tex.Node, change: Callable[[tex.Node], tex.Node]) -> tex.Node:
    """The node with each of its direct children changed."""

    def visit(value: object) -> object:
        if isinstance(value, tex.Node):
            return change(value)
        if isinstance(value, tuple):
            return tuple(visit(part) for part in value)
        return value

    return type(node)(*(visit(getattr(node, slot.name)) for slot in fields(node)))  # type: ignore[arg-type]


def at_letter(general: tex.Node, letter: str) -> tex.Node:
    """The general term with a letter for its number."""
    if isinstance(general, tex.Symbol) and general.letter == DOTTED:
        return tex.Symbol(general.start, general.end, letter)
    return with_children(general, lambda child: at_letter(child, letter))


def numbered(general: tex.Node, number: int) -> tex.Node:
    """The general term with a number put in."""
    if isinstance(general, tex.Symbol) and general.letter == DOTTED:
        return tex.Number(general.start, general.end, str(number))
    return with_children(general, lambda child: numbered(child, number))
