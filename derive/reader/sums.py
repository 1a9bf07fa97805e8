r"""How far a sum reaches, and what it runs over.

\sum_i a_i + b_i is read (\sum_i a_i) + b_i, as the grammar has it; but where i means nothing outside the sum,
b_i has to be part of it: everybody writes \sum_i y_i \log p_i + (1 - y_i) \log(1 - p_i). A letter means
something outside where an equation, or the head of its chain, carries it without binding it.

\sum x_i y_i runs over i, the one letter below it that means nothing outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from derive.reader import latex as tex
from derive.reader.scope import key


def reaching(clauses: Iterable[tex.Clause]) -> Iterator[tex.Clause]:
    """The clauses of a formula, each sum extended over the terms that its letter binds."""
    head: frozenset[str] | None = None
    for clause in clauses:
        clause = replace(
            clause,
            first=None if clause.first is None else _as_meant(clause.first),
            links=tuple(replace(link, node=_as_meant(link.node)) for link in clause.links),
        )
        sides = [link.node for link in clause.links]
        if clause.first is not None:
            sides.append(clause.first)
            head = _free(clause.first) - _bare_letters(clause.first)
        if head is None or not any(isinstance(part, tex.Big) for side in sides for part in tex.walk(side)):
            yield clause
            continue
        first = None if clause.first is None else _indexed(clause.first, head)
        links = tuple(replace(link, node=_indexed(link.node, head)) for link in clause.links)
        free = head.union(*(_free(link.node) for link in links))
        first = None if first is None else _widened(first, free)
        links = tuple(replace(link, node=_widened(link.node, free)) for link in links)
        yield replace(clause, first=first, links=links)


def bound_letters(node: tex.Node) -> frozenset[str]:
    """The letters that a sum binds: those of i, i=1, i \\neq j and i,j."""
    if not (isinstance(node, tex.Big) and node.op in ("sum", "prod")) or node.sub is None:
        return frozenset()
    parts = node.sub.items if isinstance(node.sub, (tex.Commas, tex.Juxtapose)) else (node.sub,)
    heads = (part.left if isinstance(part, tex.Relation) else part for part in parts)
    return frozenset(head.letter for head in heads if isinstance(head, tex.Symbol))


def summed_names(clauses: Iterable[tex.Clause]) -> Iterator[tuple[str, str]]:
    """The names that stand below a sum with its letter alone as their index: x and i of \\sum_i y_i x_i."""
    for clause in clauses:
        for part in tex.walk(clause):
            letters = bound_letters(part)
            for below in tex.walk(part) if letters else ():
                if isinstance(below, tex.Script) and isinstance(below.sub, tex.Symbol):
                    name = key(below.base)
                    if name is not None and below.sub.letter in letters:
                        yield name, below.sub.letter


def with_partials(node: tex.Node) -> tex.Node:
    """A node in which \\frac{\\delta f}{\\delta x} is the derivative that its author meant."""
    node = tex.with_children(node, with_partials)
    if not isinstance(node, tex.Fraction):
        return node
    above, below = _after_delta(node.numerator), _after_delta(node.denominator)
    if above is None or below is None or not isinstance(below, tex.Juxtapose):
        return node
    return replace(node, numerator=above, denominator=below)


def _as_meant(node: tex.Node) -> tex.Node:
    return with_primed_letters(with_partials(node))


def _after_delta(node: tex.Node) -> tex.Node | None:
    """\\delta f as \\partial f, None for anything else."""
    items = node.items if isinstance(node, tex.Juxtapose) else (node,)
    first = items[0]
    if not (isinstance(first, tex.Symbol) and first.letter == r"\delta" and not first.accents):
        return None
    sign = replace(first, letter=r"\partial")
    return replace(node, items=(sign, *items[1:])) if isinstance(node, tex.Juxtapose) else sign


def with_primed_letters(node: tex.Node, below: bool = False) -> tex.Node:
    """A node in which the j' of s_{j'} is one letter."""
    if below and isinstance(node, tex.Script) and node.primes and not (node.sub or node.sup):
        base = node.base
        if isinstance(base, tex.Symbol) and not base.accents and len(base.letter) == 1:
            return replace(base, end=node.end, letter=base.letter + "'" * node.primes)
    if isinstance(node, (tex.Script, tex.Big)) and node.sub is not None:
        node = replace(node, sub=with_primed_letters(node.sub, True))
    return tex.with_children(node, lambda child: with_primed_letters(child, below))


def _is_bare(node: tex.Node) -> bool:
    return isinstance(node, tex.Big) and node.op == "sum" and node.sub is None and node.sup is None


def _index_letters(node: tex.Node) -> frozenset[str]:
    """The letters in subscripts, and in parentheses above, as a sum's index would stand."""
    found: set[str] = set()
    for part in tex.walk(node):
        if isinstance(part, tex.Script):
            places = [part.sub, part.sup.body if isinstance(part.sup, tex.Fence) else None]
            found |= {
                mark.letter
                for place in places
                if place is not None
                for mark in tex.walk(place)
                if isinstance(mark, tex.Symbol) and len(mark.letter) == 1 and mark.letter.islower()
            }
    bound = frozenset[str]().union(*map(bound_letters, tex.walk(node)))
    return frozenset(found) - bound


def _bare_letters(node: tex.Node) -> frozenset[str]:
    """The letters under the sums of a side that do not say what they run over."""
    return frozenset[str]().union(*(_index_letters(n) for n in tex.walk(node) if _is_bare(n)))


def _indexed(node: tex.Node, free: frozenset[str]) -> tex.Node:
    """The node with its one letter put below each sum that has none."""
    node = tex.with_children(node, lambda child: _indexed(child, free))
    if isinstance(node, tex.Big) and _is_bare(node):
        letters = _index_letters(node.body) - free
        if len(letters) == 1:
            (letter,) = letters
            return replace(node, sub=tex.Symbol(node.start, node.start, letter))
    return node


def _marks(node: tex.Node, inside: bool = False) -> frozenset[str]:
    """The letters in subscripts and superscripts, but for those that a sum below binds."""
    if isinstance(node, tex.Symbol):
        return frozenset({node.letter}) if inside else frozenset()
    if isinstance(node, tex.Script):
        scripts = [part for part in (node.sub, node.sup) if part is not None]
        return _marks(node.base, inside).union(*(_marks(part, True) for part in scripts))
    found = frozenset[str]().union(*(_marks(child, inside) for child in tex.children(node)))
    return found - bound_letters(node)


def _free(node: tex.Node) -> frozenset[str]:
    """The letters that a side carries without binding them, if its sums reach as far as they can."""
    if isinstance(node, tex.Plus):
        found: frozenset[str] = frozenset()
        bound: frozenset[str] = frozenset()
        for _, term in node.terms:
            found |= _free(term) - bound
            last = _last_sum(term)
            bound |= frozenset() if last is None else bound_letters(last)
        return found
    if isinstance(node, (tex.Script, tex.Symbol)):
        return _marks(node)
    return frozenset[str]().union(*map(_free, tex.children(node))) - bound_letters(node)


def _last_sum(term: tex.Node) -> tex.Big | None:
    """The sum at the end of a term: that of a \\sum_i b_i."""
    while isinstance(term, (tex.Juxtapose, tex.Infix)):
        term = term.items[-1] if isinstance(term, tex.Juxtapose) else term.right
    return term if isinstance(term, tex.Big) and term.op == "sum" else None


def _widened(node: tex.Node, free: frozenset[str]) -> tex.Node:
    """The node with each sum extended over the terms behind it that carry its letters."""
    node = tex.with_children(node, lambda child: _widened(child, free))
    if not isinstance(node, tex.Plus):
        return node
    terms = list(node.terms)
    for at in range(len(terms) - 1, -1, -1):
        last = _last_sum(terms[at][1])
        letters = frozenset() if last is None else bound_letters(last) - free
        reach = max((n for n in range(at + 1, len(terms)) if letters & _marks(terms[n][1])), default=at)
        if last is None or reach == at:
            continue
        inner = last.body.terms if isinstance(last.body, tex.Plus) else (("+", last.body),)
        body = tex.Plus(last.body.start, terms[reach][1].end, (*inner, *terms[at + 1 : reach + 1]))
        whole = replace(last, end=body.end, body=body)
        terms[at : reach + 1] = [(terms[at][0], _with_last(terms[at][1], whole))]
    if len(terms) == 1 and terms[0][0] == "+":
        return terms[0][1]
    return replace(node, terms=tuple(terms))


def _with_last(term: tex.Node, whole: tex.Big) -> tex.Node:
    """A term with another sum at its end."""
    match term:
        case tex.Juxtapose(items=items):
            return replace(term, end=whole.end, items=(*items[:-1], _with_last(items[-1], whole)))
        case tex.Infix(right=right):
            return replace(term, end=whole.end, right=_with_last(right, whole))
    return whole
