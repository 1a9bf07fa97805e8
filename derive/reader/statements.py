"""Statements that set the scene: declarations, definitions and hypotheses.

W \\in \\mathbb{R}^{c \\times d}        a shape                  y \\in \\{0,1\\}^c      zeros and ones
k \\in \\{1, \\dots, c\\}               one fixed index          c \\ge 2               a bound on a dimension
f: \\mathbb{R}^n \\to \\mathbb{R}       an arbitrary function    \\sigma: ... elementwise
z = W x + b                            a definition, where z has no meaning yet
\\sum_i y_i = 1, A = A^T, p_i > 0      hypotheses
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from derive import expression as x
from derive import terms as t
from derive.expression import Expression, Shape
from derive.lowering import Lowering, Unsupported, state
from derive.reader import latex as tex
from derive.reader.dots import DOTTED, cells_of, list_pattern, spike
from derive.reader.elaborate import TRANSPOSES, Elaborator, Pending, fitted, other_fonts
from derive.reader.scope import Family, Formula, Function, Scope, Unreadable, dimension, entry_term, key
from derive.terms import ONE, Dimension, Index, ShapeError

RESERVED = frozenset({*tex.BUILTIN_WORDS, "e", r"\partial", r"\nabla", "d"}) - {"sum"}  # never defined


def is_declaration(clause: tex.Clause) -> bool:
    """Whether a clause says what set something is from."""
    return bool(clause.links) and clause.links[0].relation in (r"\in", ":")


def declare(clause: tex.Clause, scope: Scope) -> None:
    """Carry out a declaration. Raises Unreadable."""
    (link,) = clause.links[:1]
    if clause.first is None:
        raise Unreadable("D005", "a declaration of nothing", link.node, r"x \in \mathbb{R}^n")
    if link.relation == ":":
        declare_function(clause, scope)
        return
    names = clause.first.items if isinstance(clause.first, tex.Commas) else (clause.first,)
    if (sample := _sample(names, scope)) is not None:
        declare_general_entry(key(sample) or "", _index_letters(sample, scope), link.node, scope)
        return
    for name in names:
        declare_symbol(name, link.node, scope)


def _sample(names: tuple[tex.Node, ...], scope: Scope) -> tex.Script | None:
    """The x_n that x_1, ..., x_N or x^{(1)}, ..., x^{(N)} stand for; n is the letter of a sum up to N."""
    first, last = names[0], names[-1]
    if not any(isinstance(name, tex.Dots) for name in names):
        return None
    if not (isinstance(first, tex.Script) and isinstance(last, tex.Script) and first.base == last.base):
        return None
    mark = last.sub if last.sub is not None else last.sup
    inner = mark.body if isinstance(mark, tex.Fence) else mark
    upper = None if inner is None else key(inner)
    if upper is None or not isinstance(inner, tex.Symbol):
        return None
    letter = next((some for some, limit in scope.limits.items() if limit == upper), "i")
    scope.limits.setdefault(letter, upper)
    general: tex.Node = tex.Symbol(inner.start, inner.end, letter)
    general = replace(mark, body=general) if isinstance(mark, tex.Fence) else general
    return replace(last, sub=general) if last.sub is not None else replace(last, sup=general)


def declare_symbol(node: tex.Node, where: tex.Node, scope: Scope) -> None:
    """Carry out x \\in S for one name. Raises Unreadable."""
    name = key(node)
    if name is None:
        raise Unreadable("D005", "only a name can be declared", node, r"x \in \mathbb{R}^n")
    letters = _index_letters(node, scope)
    if letters and _is_scalar_set(where) | _is_binary(where) | (
        not isinstance(node, tex.Script) or node.sup is not None or _is_summed(node, scope)
    ):
        declare_general_entry(name, letters, where, scope)
        return
    values = _set_of_numbers(where)
    if values is not None:
        (size,) = values
        scope.forget(name)
        scope.constants[name] = Index(name, dimension(size, scope))
        return
    shape = shape_of(where, scope)
    scope.declare(name, shape)
    if shape == x.SCALAR and isinstance(where, tex.Script) and where.sup is not None:
        scope.single.add(name)
    scope.constants.pop(name, None)
    if _is_binary(where):
        scope.binary[name] = rf"{name} \in \{{0,1\}}" + (f"^{{{shape[0]}}}" if shape != x.SCALAR else "")


def _index_letters(node: tex.Node, scope: Scope) -> tuple[str, ...]:
    """The letters of a name that stands for many: i and j of w_{ij}, i of x^{(i)}; () for a plain name."""
    if not isinstance(node, tex.Script):
        return ()
    marks = [m for m in (node.sub, _parenthesised(node.sup)) if m is not None]
    if (node.sup is not None and _parenthesised(node.sup) is None) or not marks:
        return ()
    letters: list[str] = []
    for mark in marks:
        parts = mark.items if isinstance(mark, (tex.Juxtapose, tex.Commas)) else (mark,)
        for part in parts:
            if not isinstance(part, tex.Symbol) or len(part.letter) != 1 or part.accents:
                return ()
            if part.letter in scope.dimensions or part.letter.isupper() or part.letter in scope.labels:
                return ()
            letters.append(part.letter)
    return tuple(letters)


def _is_summed(node: tex.Script, scope: Scope) -> bool:
    """Whether x_i is one of many: the document sums over i somewhere in x_i."""
    names = {key(other) for other in (node.base, *other_fonts(node.base))}
    return isinstance(node.sub, tex.Symbol) and any((name, node.sub.letter) in scope.summed for name in names)


def _parenthesised(sup: tex.Node | None) -> tex.Node | None:
    """The index of a sample, the i of x^{(i)}."""
    return sup.body if isinstance(sup, tex.Fence) and sup.open in ("(", "[", "{") else None


def _is_scalar_set(where: tex.Node) -> bool:
    return isinstance(where, tex.Symbol) and where.letter == "R"


def declare_general_entry(name: str, letters: tuple[str, ...], where: tex.Node, scope: Scope) -> None:
    """w_{ij} in R, x^{(i)} in R^m: one quantity with an index for each letter."""
    inner = tuple(d for d in shape_of(where, scope) if d != ONE)
    shape = (*(scope.range_of_letter(letter) for letter in letters), *inner)
    scope.declare(name, shape if len(shape) > 1 else (*shape, ONE))
    scope.indexed[name] = letters
    for letter in letters:
        scope.letters[letter] = scope.range_of_letter(letter)
    if _is_binary(where):
        scope.binary[name] = name


def _set_of_numbers(where: tex.Node) -> tuple[tex.Node] | None:
    """The last number of {1, ..., n}."""
    match where:
        case tex.Fence(open="{", body=tex.Commas(items=items)) if any(isinstance(i, tex.Dots) for i in items):
            return (items[-1],)
    return None


def _is_binary(where: tex.Node) -> bool:
    base = where.base if isinstance(where, tex.Script) else where
    match base:
        case tex.Fence(open="{", body=tex.Commas(items=(tex.Number(text="0"), tex.Number(text="1")))):
            return True
    return False


def shape_of(where: tex.Node, scope: Scope) -> Shape:
    """The shape of the elements of R, R^n, R^{m x n}, {0,1}^n or N. Raises Unreadable."""
    base, sup = (where.base, where.sup) if isinstance(where, tex.Script) else (where, None)
    is_set = (isinstance(base, tex.Symbol) and base.letter in ("R", "N", "Z", r"\reals")) or _is_binary(base)
    if not is_set:
        raise Unreadable("D005", "this set is not known", where, r"\mathbb{R}^{m \times n}")
    if sup is None:
        return x.SCALAR
    sizes = [dimension(part, scope) for part in _times(sup)]
    if len(sizes) > 2:
        raise Unreadable("D005", "an array of more than two dimensions cannot be declared", sup)
    return (sizes[0], sizes[1] if len(sizes) == 2 else ONE)


def _times(sup: tex.Node) -> list[tex.Node]:
    if isinstance(sup, tex.Infix) and sup.op in (r"\times", "*"):
        return [*_times(sup.left), *_times(sup.right)]
    if isinstance(sup, tex.Fence):
        return _times(sup.body)
    return [sup]


def declare_function(clause: tex.Clause, scope: Scope) -> None:
    """f: R^n -> R^m, an arbitrary smooth function; with the word elementwise, of each entry."""
    names = clause.first.items if isinstance(clause.first, tex.Commas) else (clause.first,)
    source, target = clause.links[0], clause.links[1] if len(clause.links) > 1 else None
    if target is None or target.relation != r"\to":
        raise Unreadable(
            "D005",
            "a function is declared with its domain and range",
            source.node,
            r"f: \mathbb{R}^n \to \mathbb{R}",
        )
    range_node = target.node
    elementwise = False
    if isinstance(range_node, tex.Juxtapose):
        words = [i for i in range_node.items[1:] if isinstance(i, tex.Symbol) and i.letter == "elementwise"]
        elementwise, range_node = bool(words), range_node.items[0]
    elementwise |= any("elementwise" in text.content for text in clause.texts)
    numbers = _set_of_numbers(source.node)
    if numbers is not None:
        # a function of 1, ..., q is a vector, P(j) its entry
        for node in names:
            name = key(node) if node is not None else None
            if name is not None:
                scope.declare(name, (dimension(numbers[0], scope), ONE))
                scope.tables.add(name)
        return
    domain, values = shape_of(source.node, scope), shape_of(range_node, scope)
    for node in names:
        name = key(node) if node is not None else None
        if name is None:
            raise Unreadable("D005", "only a name can be declared", node)
        scope.forget(name)
        each = elementwise or (domain == values == x.SCALAR)
        scope.functions[name] = Function(name, each, (domain,), values)


def defines(clause: tex.Clause, scope: Scope) -> bool:
    """Whether the first sign of a chain introduces its left side."""
    if clause.first is None or not clause.links or clause.links[0].relation not in ("=", ":=", r"\equiv"):
        return False
    name = defined_name(clause.first, scope, clause.links[0].node)
    if name is None:
        return False
    if clause.links[0].relation == ":=" or not scope.settled(name):
        return True
    if scope.only_sized(name) and (
        _gives_meaning(clause.first, clause.links[0].node, name, scope)
        or _gives_entries(clause.first, clause.links[0].node, name, scope)
    ):
        return True
    # l = l(y): the value of an arbitrary function gets the function's name
    meaning = clause.links[0].node
    return name in scope.functions and name not in scope.shapes and _applies(meaning, name)


def _gives_meaning(symbol: tex.Node, meaning: tex.Node, name: str, scope: Scope) -> bool:
    """Whether z = W x + b can be the definition of a symbol z whose shape was declared before."""
    if key(symbol) != name or isinstance(meaning, (tex.Number, tex.Symbol)):
        return False
    if any(key(part) == name for part in tex.walk(meaning)):
        return False  # A = A^T says something of A
    elaborator = Elaborator(scope)
    try:
        elaborator.learn_ranges(meaning)
        value = elaborator.side(meaning)
        return value.shape == scope.shapes[name] and not scope.rests_on(value, name)
    except (Unreadable, ShapeError):
        return False


def _gives_entries(entry: tex.Node, meaning: tex.Node, name: str, scope: Scope) -> bool:
    """Whether z_i = \\sum_j W_{ij} x_j can define all entries of a symbol whose shape was declared before."""
    if not isinstance(entry, tex.Script) or isinstance(meaning, (tex.Number, tex.Symbol)):
        return False
    elaborator = Elaborator(scope)
    nodes = elaborator.index_nodes(entry.sub) or []
    letters = [n.letter for n in nodes if isinstance(n, tex.Symbol)]
    axes = [d for d in scope.shapes[name] if d != ONE]
    if (
        not letters
        or len(letters) < len(nodes)
        or len({*letters}) < len(letters)
        or len(letters) != len(axes)
    ):
        return False
    if any(letter in {*scope.constants, *scope.dimensions, ":"} for letter in letters):
        return False
    try:
        elaborator.learn_ranges(meaning)
        elaborator.ranges.update(zip(letters, axes, strict=True))
        value = elaborator.side(meaning)
        free = {str(index.name) for index in t.free_indices(entry_term(value))} if value.is_scalar else {""}
    except (Unreadable, ShapeError, Unsupported):
        return False
    return free <= {*letters, *scope.constants} and not scope.rests_on(value, name)


def _applies(node: tex.Node, name: str) -> bool:
    return isinstance(node, tex.Juxtapose) and len(node.items) == 2 and key(node.items[0]) == name


def _carries(meaning: tex.Node, letters: list[tex.Node], scope: Scope) -> bool:
    """Whether these letters are indices on a right side."""
    elaborator = Elaborator(scope)
    elaborator.learn_ranges(meaning)
    return all(isinstance(n, tex.Symbol) and n.letter in elaborator.ranges for n in letters)


def defined_name(node: tex.Node, scope: Scope, meaning: tex.Node | None = None) -> str | None:
    """The name that an equation with this left side would define: z, a_j or CE(z)."""
    head = node.items[0] if isinstance(node, tex.Juxtapose) else node
    numbered = isinstance(head, tex.Script) and head.sub is not None and head.sup is None
    head = head.base if isinstance(head, tex.Script) else head
    if isinstance(head, tex.Symbol) and head.letter in RESERVED:
        error = head.letter == "e" and (numbered or (node is head and not isinstance(meaning, tex.Number)))
        if not error:  # e = Xw - y is an error, e^x is not
            return None
    family = Elaborator(scope).family_name(node)
    if family is not None:
        return family[0]
    if numbered and isinstance(head, tex.Symbol) and head.letter == r"\delta" and _is_application(node):
        return None  # a Kronecker delta times what is in parentheses
    if _is_application(node):
        node = node.items[0]  # type: ignore[attr-defined]
        if isinstance(node, tex.Symbol) and node.letter in RESERVED:
            return None
    whole = key(node)
    if isinstance(node, tex.Script) and not node.primes and not (whole is not None and scope.knows(whole)):
        marked = Elaborator(scope).without_sub(node)
        if marked is not None and scope.shapes[marked] != x.SCALAR:
            return marked  # an entry of something known with a mark, as d_i of d^{(l)}
        letters = Elaborator(scope).index_nodes(node.sub)
        layer = key(tex.Script(node.start, node.end, node.base, None, node.sup))
        if (
            letters
            and layer
            and all(_is_index_letter(n, scope) for n in letters)
            and _is_layer(node.sup, scope)
        ):
            return layer
    if (
        isinstance(node, tex.Script)
        and node.sup is not None
        and not (whole is not None and scope.knows(whole))
    ):
        inner = Elaborator(scope).resolve(
            tex.Script(node.start, node.end, node.base, node.sub) if node.sub else node.base
        )
        known_base = inner is not None and scope.knows(inner)
        if not _is_mark(node.sup, scope) or (known_base and _is_power(node.sup, scope)):
            return None  # a power or a transpose of something known
    if isinstance(node, tex.Script) and node.primes:
        plain = Elaborator(scope).resolve(node.base)
        if plain is not None and (plain in scope.formulas or plain in scope.functions):
            return None  # the derivative of a known function
    if isinstance(node, tex.Script) and node.sup is None and node.primes and node.sub is not None:
        return key(tex.Script(node.start, node.end, node.base, None, None, node.primes))
    if isinstance(node, tex.Script) and node.sup is None and not node.primes:
        letters = Elaborator(scope).index_nodes(node.sub)
        base = key(node.base)
        if _typed_names(node, scope) or (whole is not None and scope.knows(whole)):
            return whole
        known = Elaborator(scope).resolve(node.base)
        if letters and known in scope.shapes and (scope.shapes[known] != x.SCALAR or known in scope.single):
            return known  # an entry of something known
        if (
            letters
            and known in scope.shapes
            and not (meaning is not None and _carries(meaning, letters, scope))
        ):
            return whole  # a number has no entries: E_n is another name than E
        if letters and base is not None and all(_is_index_letter(n, scope) for n in letters):
            return base
        return whole
    if isinstance(node, (tex.Symbol, tex.Accent)) or (isinstance(node, tex.Script) and whole is not None):
        letter = node.letter if isinstance(node, tex.Symbol) else ""
        if letter in scope.dimensions or letter in scope.constants:
            return None
        return whole
    return None


def _is_power(sup: tex.Node, scope: Scope) -> bool:
    """Whether a superscript is an exponent: a number, or a quantity that is known."""
    return isinstance(sup, tex.Number) or Elaborator(scope).resolve(sup) is not None or (
        isinstance(sup, tex.Symbol) and sup.letter in scope.dimensions
    )  # fmt: skip


def _is_mark(sup: tex.Node, scope: Scope) -> bool:
    """Whether a superscript can be part of a name, as that of a layer, a sample or an optimum."""
    if isinstance(sup, tex.Number):
        return True
    if isinstance(sup, tex.Symbol):
        return sup.letter not in ("T", r"\top", r"\intercal")
    return isinstance(sup, (tex.Fence, tex.Juxtapose)) or _is_layer(sup, scope)


def _is_layer(sup: tex.Node | None, scope: Scope) -> bool:
    """Whether a superscript names a layer: l, l + 1, (l), [2]."""
    if isinstance(sup, tex.Fence) and sup.open in ("(", "["):
        return isinstance(sup.body, tex.Number) or _is_layer(sup.body, scope)
    if isinstance(sup, tex.Plus):
        return any(_is_layer(term, scope) for _, term in sup.terms)
    return isinstance(sup, tex.Symbol) and sup.letter in scope.labels


def _is_application(node: tex.Node) -> bool:
    """f(x), or an entry f(x)_i of it."""
    if not (isinstance(node, tex.Juxtapose) and len(node.items) == 2):
        return False
    first, last = node.items
    if isinstance(first, tex.Script) and first.sup is not None:
        return False
    if isinstance(last, tex.Script) and last.sup is None and last.sub is not None:
        last = last.base
    if not isinstance(last, tex.Fence) or last.open != "(":
        return False
    arguments = last.body.items if isinstance(last.body, tex.Commas) else (last.body,)
    return all(isinstance(part, tex.Text) or key(part) is not None for part in arguments)


def _is_index_letter(node: tex.Node, scope: Scope) -> bool:
    return isinstance(node, tex.Symbol) and not node.accents and node.letter not in scope.dimensions


def define(clause: tex.Clause, scope: Scope, layout: x.Layout) -> None:
    """Carry out a definition. Raises Unreadable."""
    assert clause.first is not None
    node, meaning = clause.first, clause.links[0].node
    whole = Elaborator(scope, layout).family_name(node)
    if whole is not None:
        name, member = whole
        elaborator = Elaborator(scope, layout)
        elaborator.learn_ranges(meaning)
        index = Index(member, elaborator.range_of(member, node, meaning))
        stack = _by_letters(name, (index,), elaborator.side(meaning), scope)
        scope.define(name, stack.body if isinstance(stack, _Stack) else stack)
        if isinstance(stack, _Stack):
            scope.stacked.add(name)
        return
    parameters: tuple[tex.Node, ...] = ()
    if isinstance(node, tex.Juxtapose):
        node, fence = node.items
        if isinstance(fence, tex.Script):
            node = tex.Script(node.start, fence.end, node, fence.sub)
            fence = fence.base
        assert isinstance(fence, tex.Fence)
        parameters = fence.body.items if isinstance(fence.body, tex.Commas) else (fence.body,)
    found = defined_name(node, scope, meaning)
    assert found is not None
    name = found
    presume(parameters, scope)
    elaborator = Elaborator(scope, layout)
    elaborator.learn_ranges(meaning)
    letters = _entry_letters(node, name, meaning, elaborator)
    if not letters and isinstance(node, tex.Script) and key(node) != name and scope.only_sized(name):
        letters = [n.letter for n in elaborator.index_nodes(node.sub) or [] if isinstance(n, tex.Symbol)]
        axes = (d for d in scope.shapes[name] if d != ONE)
        elaborator.ranges.update(zip(letters, axes, strict=True))
    value: Expression
    if letters:
        indices = tuple(Index(letter, elaborator.range_of(letter, node, meaning)) for letter in letters)
        value = _by_letters(name, indices, elaborator.side(meaning), scope)
    else:
        value = elaborator.side(meaning)
        name = key(node) or name
    if _unsized(value):
        raise Unreadable(
            "D012", "the size of this array is not known", meaning, r"I \in \mathbb{R}^{n \times n}"
        )
    function = scope.functions.get(name)
    scope.define(name, value.body if isinstance(value, _Stack) else value)
    if isinstance(value, _Stack):
        scope.stacked.add(name)
    if function is not None and _applies(meaning, name):
        scope.functions[name] = function
    symbols = [elaborator.resolve(p) for p in parameters]
    free = [s for s in symbols if s in scope.shapes and s not in scope.definitions]
    if symbols and len(free) == len(symbols):
        scope.formulas[name] = Formula(tuple(scope.symbol(s) for s in free if s is not None), value)
    if isinstance(node, tex.Script) and name in _typed_names(node, scope):
        scope.indexed[name] = tuple(letters)


@dataclass(eq=False, repr=False)
class _Stack(x.Expression):
    """A definition of t_n by a vector: the matrix whose rows they are."""

    body: Expression

    def _shape(self) -> Shape:
        return self.body.shape


def _by_letters(name: str, indices: tuple[Index, ...], value: Expression, scope: Scope) -> Expression:
    """What a_j, A_ij or (a vector) t_n is defined to be, for all indices at once."""
    if not value.is_scalar:
        if len(indices) != 1 or not value.is_vector:
            raise ShapeError(
                f"{name} is numbered by {len(indices)} indices, but its value is {x.show_shape(value.shape)}"
            )
        size = value.shape[0] if value.shape[1] == ONE else value.shape[1]
        inner = Index("·entry", size)
        return _Stack(x.Entries((*indices, inner), x.Entry(value, (inner,))))
    entries = x.Entries(indices, value)
    return _column(entries) if len(indices) == 1 else entries


def _entry_letters(node: tex.Node, name: str, meaning: tex.Node, elaborator: Elaborator) -> list[str]:
    """The letters of a left side that are indices: those that the right side carries as such."""
    if isinstance(node, tex.Script) and node.sub is None and node.sup is not None:
        sample = _parenthesised(node.sup)
        typed = isinstance(sample, tex.Symbol) and sample.letter in elaborator.typed_letters()
        return [sample.letter] if typed and isinstance(sample, tex.Symbol) else []
    if not isinstance(node, tex.Script) or node.sub is None:
        return []
    nodes = elaborator.index_nodes(node.sub) or []
    letters = [n.letter for n in nodes if isinstance(n, tex.Symbol)]
    if not letters or len(letters) < len(nodes):
        return []
    if name in _typed_names(node, elaborator.scope):
        return letters
    inner = Elaborator(elaborator.scope, elaborator.layout)
    inner.learn_ranges(meaning)
    carried = {*inner.ranges, *elaborator.typed_letters()}
    return (
        letters if all(letter in carried for letter in letters) and len(set(letters)) == len(letters) else []
    )


def _unsized(value: Expression) -> bool:
    return isinstance(value, Pending) or any(map(_unsized, x.children(value)))


def presume(parameters: tuple[tex.Node, ...], scope: Scope) -> None:
    """Parameters of a function without a meaning of their own are scalars."""
    for parameter in parameters:
        name = key(parameter)
        known = Elaborator(scope).resolve(parameter) is not None
        if isinstance(parameter, tex.Symbol) and name is not None and not known:
            scope.declare(name, _shape_of_members(name, scope))
            scope.presumed.add(name)


def _shape_of_members(name: str, scope: Scope) -> Shape:
    """The shape of each x^{(i)} for an x that stands for any of them, a number where there are none."""
    for indexed, letters in scope.indexed.items():
        if indexed.startswith((f"{name}^{{", f"{name}_{{")) and len(letters) == 1:
            inner = tuple(d for d in scope.shapes[indexed][1:] if d != ONE)
            if len(inner) == 1:
                return (inner[0], ONE)
    return x.SCALAR


def _typed_names(node: tex.Script, scope: Scope) -> set[str]:
    """The whole name of an entry whose letters stand for layers or samples, as z_j beside z_k, or z^{(i)}."""
    if node.sub is None and node.sup is not None:
        sample = _parenthesised(node.sup)
        typed = isinstance(sample, tex.Symbol) and sample.letter in Elaborator(scope).typed_letters()
        return {key(node) or ""} if typed else set()
    letters = Elaborator(scope).index_nodes(node.sub) or []
    layers = Elaborator(scope).typed_letters()
    if letters and all(isinstance(n, tex.Symbol) and n.letter in layers for n in letters):
        return {key(node) or ""}
    return set()


def _column(value: x.Entries) -> Expression:
    """Entries over one index as a column."""
    return x.Entries((*value.indices, Index("·column", ONE)), value.body)


def enumerates(clause: tex.Clause, scope: Scope) -> bool:
    r"""Carry out an equation that only shows what a name holds, and say whether it was one.

    y = [0, \dots, 1, \dots, 0]^T         zeros and ones, of which one is 1
    e_j = [0, \dots, 1, \dots, 0]^T       the basis vectors
    x = [x_1, \dots, x_n]^T              a vector, by its entries
    W = [w_1, \dots, w_c]                a matrix, by its columns
    """
    if clause.first is None or not clause.links or clause.links[0].relation not in ("=", ":="):
        return False
    more = clause.links[1:]
    if len(more) > 1 or (more and more[0].relation != r"\in"):
        return False
    held = cells_of(clause.links[0].node)
    if held is None or not any(isinstance(cell, tex.Dots) for cell in held[0]):
        return False
    cells, upright = held
    shape = shape_of(more[0].node, scope) if more else None
    node = clause.first
    alone = spike(cells)
    if alone is not None:
        if not isinstance(alone, tex.Number) or alone.text != "1":
            return False
        return one_hot(node, shape, scope)
    pattern = list_pattern(cells)
    name = key(node)
    if pattern is None or name is None or name in scope.definitions:
        return False
    size = Elaborator(scope).limit(pattern[1], pattern[2]) if _may_number(pattern[1]) else None
    match pattern[0]:
        case tex.Script(base=base, sub=tex.Symbol(letter=letter), sup=None, primes=0) if letter == DOTTED:
            return size is not None and _shown(name, base, size, upright, scope)
        case tex.Script(
            base=tex.Script(base=base, sub=tex.Symbol(letter=letter), sup=None), sub=None, sup=sup
        ) if letter == DOTTED and sup is not None and upright and _is_transposed(sup):
            return size is not None and _columns(name, base, size, scope, transposed=True)
    return False


def _may_number(last: tex.Node) -> bool:
    """Whether this can be how many there are: n, 5 or n - 1."""
    return isinstance(last, (tex.Symbol, tex.Number, tex.Plus))


def _is_transposed(sup: tex.Node) -> bool:
    return isinstance(sup, tex.Symbol) and sup.letter in TRANSPOSES


def one_hot(node: tex.Node, shape: Shape | None, scope: Scope) -> bool:
    """e_j or y as a column of zeros and one 1."""
    if isinstance(node, tex.Script) and isinstance(node.sub, tex.Symbol) and node.sup is None:
        base = key(node.base)
        if base is None or node.sub.letter in scope.dimensions:
            return False
        if base not in scope.families:
            general = (
                None if shape is None else x.Basis(Index(node.sub.letter, max(shape, key=lambda d: d != ONE)))
            )
            scope.forget(base)
            scope.families[base] = Family(node.sub.letter, general)
        return True
    name = Elaborator(scope).resolve(node) or key(node)
    if name is None:
        return False
    if name not in scope.shapes:
        scope.declare(name, shape or (scope.dimension(f"n_{name}"), ONE))
    if name in scope.definitions or not scope.symbol(name).is_vector:
        return False
    if not totals_one(name, scope):
        scope.binary.setdefault(name, rf"{name} \text{{ one-hot}}")
        index = Index("·place", next(d for d in scope.shapes[name] if d != ONE))
        total = t.Sum(index, t.Entry(name, (index,)))
        scope.assume(t.Equation(total, t.Number(1), (rf"\sum_i {name}_i = 1",)))
    return True


def totals_one(name: str, scope: Scope) -> bool:
    """Whether a hypothesis says what the entries of a symbol add up to."""
    return any(
        isinstance(h, t.Equation) and isinstance(h.lhs, t.Sum) and name in t.tensors(h.lhs)
        for h in scope.hypotheses
    )


def _shown(name: str, base: tex.Node, size: Dimension, upright: bool, scope: Scope) -> bool:
    """x = [x_1, ..., x_n]^T for a vector of numbers, or W = [w_1, ..., w_c] for a matrix of columns."""
    entries = key(base)
    if entries is None:
        return False
    if (
        _letters(entries).lower() == _letters(name).lower()
        and (_letters(name).islower() or name not in scope.shapes or scope.symbol(name).is_vector)
        and _letters(name) == _letters(entries)
    ):
        if name not in scope.shapes:
            scope.declare(name, (size, ONE))
            return True
        return not upright and scope.shapes[name] == (size, ONE)  # a column, written in a line
    return not upright and _columns(name, base, size, scope, transposed=False)


def _letters(name: str) -> str:
    """A name without its font and its accents."""
    return re.sub(r"\\(?:math[a-z]+|hat|bar|tilde|vec|dot|ddot)\b|[{}]", "", name)


def _columns(name: str, base: tex.Node, size: Dimension, scope: Scope, *, transposed: bool) -> bool:
    """W = [w_1, ..., w_c]: w_j is a column of W, or a row where it is transposed."""
    member = key(base)
    if member is None or scope.knows(member):
        return False
    if name not in scope.shapes:
        if not transposed:
            scope.columns[name] = size
        return not transposed
    symbol = scope.symbol(name)
    if symbol.shape[0 if transposed else 1] != size:
        if not transposed:
            scope.columns[name] = size
        return not transposed and symbol.shape[0] == size
    scope.define(member, symbol if transposed else x.Transpose(symbol))
    scope.stacked.add(member)
    return True


def restricts(clause: tex.Clause, scope: Scope) -> bool:
    r"""Whether an equation can only be meant as a condition.

    \sum_i y_i = 1, A = A^T, Q^T Q = I, \|u\| = 1: of symbols that are known by their shapes alone no such
    equation is true for all values.
    """
    if clause.first is None or len(clause.links) != 1 or clause.links[0].relation != "=":
        return False
    elaborator = Elaborator(scope)
    left, right = clause.first, clause.links[0].node
    try:
        elaborator.learn_ranges(left, right)
        first = elaborator.side(left)
        second = None if _is_unit(right) else elaborator.side(right)
    except (Unreadable, ShapeError):
        return False
    match first, second:
        case (x.Symbol() as symbol, x.Transpose(body=other)) | (
            x.Transpose(body=other),
            x.Symbol() as symbol,
        ):
            return symbol == other and scope.only_sized(symbol.name)
        case x.Sum(body=x.Entry(body=x.Symbol() as symbol)), None:
            return scope.only_sized(symbol.name)
        case x.Norm(body=x.Symbol() as symbol) | x.Power(base=x.Norm(body=x.Symbol() as symbol)), None:
            return scope.only_sized(symbol.name)
        case x.Multiply(left=x.Transpose(body=x.Symbol() as symbol), right=x.Symbol() as other), None:
            return symbol == other and scope.only_sized(symbol.name)
    return False


def _is_unit(node: tex.Node) -> bool:
    """1 or I."""
    return (isinstance(node, tex.Number) and node.text == "1") or (
        isinstance(node, tex.Symbol) and node.letter == "I"
    )


def fix_class(clause: tex.Clause, scope: Scope) -> None:
    """y_k = 1 for a vector of zeros and ones names the class k: one fixed index."""
    match clause.first, clause.links[0].node:
        case tex.Script(base=base, sub=tex.Symbol(letter=letter)), tex.Number(text="1"):
            name = Elaborator(scope).resolve(base)
            if name in scope.binary and letter not in scope.constants:
                scope.constants[letter] = Index(letter, scope.shapes[name][0])


PROPERTIES = {
    "symmetric": r"{0} = {0}^T",
    "orthogonal": r"{0}^T {0} = I",
    "invertible": r"\det {0} \neq 0",
    "positive": r"\det {0} > 0",
    "definite": None,
}
"""What is said of matrices, as statements; of a positive definite one only what its determinant tells."""


def in_words(node: tex.Node, text: str) -> list[str] | None:
    """`A, B symmetric` as A = A^T and B = B^T; None where there are other words, or none."""
    if not isinstance(node, tex.Juxtapose):
        return None
    words = [part.letter for part in node.items if isinstance(part, tex.Symbol) and part.letter in PROPERTIES]
    about = node.items[: len(node.items) - len(words)]
    if not words or not about:
        return None
    parts = about[0].items if isinstance(about[0], tex.Commas) else (about,)
    ends = [(part[0], part[-1]) if isinstance(part, tuple) else (part, part) for part in parts]
    subjects = [text[first.start : last.end].strip() for first, last in ends]
    named = [part if re.fullmatch(r"\\?[A-Za-z]+", part) else f"({part})" for part in subjects]
    return [meaning.format(part) for word in words if (meaning := PROPERTIES[word]) for part in named]


def assume(clause: tex.Clause, scope: Scope, label: str, layout: x.Layout) -> None:
    """Take a relation as a hypothesis, or as the definition of a declared symbol by its entries."""
    if clause.first is None or len(clause.links) != 1:
        raise Unreadable("D006", "a hypothesis is one relation", clause.first, r"\sum_i y_i = 1")
    link = clause.links[0]
    if (
        _entrywise(clause, scope)
        or _bounds_dimension(clause, scope, label)
        or _family(clause, scope)
        or _nabla(clause, scope)
    ):
        return
    elaborator = Elaborator(scope, layout)
    elaborator.learn_ranges(clause.first, link.node)
    if link.relation == "=" and _by_entries(clause, scope, elaborator):
        return
    left, right = elaborator.side(clause.first), elaborator.side(link.node)
    try:
        left, right = fitted(left, right)
        made = state(left, right)
    except (ShapeError, Unsupported) as trouble:
        raise Unreadable("D010", str(trouble), clause.first) from None
    lhs, rhs = made.claim.lhs, made.claim.rhs
    match link.relation:
        case "=" | ":=":
            scope.assume(t.Equation(lhs, rhs, (label,)))
        case ">":
            scope.assume(t.Positive(lhs - rhs, (label,)))
        case "<":
            scope.assume(t.Positive(rhs - lhs, (label,)))
        case r"\neq":
            scope.assume(t.Nonzero(_distance(left, right), (label,)))
        case _:
            raise Unreadable(
                "D006", f"no hypothesis is made with {link.relation}", link.node, "=, >, < or \\neq"
            )


def _distance(left: Expression, right: Expression) -> t.Term:
    """What is nonzero where two sides differ: their difference, or its squared length."""
    difference = left if right == x.Constant(Fraction(0)) else x.Add((left, x.Negate(right)))
    if difference.is_scalar:
        return entry_term(difference)
    kind = "2" if difference.is_vector else "F"
    return entry_term(x.Power(x.Norm(difference, kind), x.Constant(Fraction(2))))


def _entrywise(clause: tex.Clause, scope: Scope) -> bool:
    """F(x)_i = g(x_i) gives a function of each entry its formula."""
    match clause.first:
        case tex.Juxtapose(
            items=(name, tex.Script(base=tex.Fence(body=argument), sub=tex.Symbol(letter=letter)))
        ):
            function = scope.functions.get(key(name) or "")
            vector = Elaborator(scope).resolve(argument)
            if function is None or not function.elementwise or vector not in scope.shapes:
                return False
            elaborator = Elaborator(scope)
            elaborator.learn_ranges(clause.links[0].node)
            symbol = scope.symbol(vector)
            entry = x.Entry(
                symbol, (Index(letter, elaborator.range_of(letter, argument, clause.links[0].node)),)
            )
            parameter = x.Symbol(f"{function.name}·", x.SCALAR)
            value = x.replace(elaborator.side(clause.links[0].node), entry, parameter)
            if x.contains(value, symbol):
                return False
            scope.functions.pop(function.name)
            scope.formulas[function.name] = Formula((parameter,), value)
            return True
    return False


def _nabla(clause: tex.Clause, scope: Scope) -> bool:
    """nabla = nabla_X says what a bare nabla differentiates by."""
    match clause.first, clause.links[0].node:
        case tex.Symbol(letter=r"\nabla"), tex.Script(base=tex.Symbol(letter=r"\nabla"), sub=sub) if (
            sub is not None
        ):
            scope.nabla = Elaborator(scope).resolve(sub)
            return True
    return False


def _bounds_dimension(clause: tex.Clause, scope: Scope, label: str) -> bool:
    """c >= 2 for a dimension c."""
    link = clause.links[0]
    match clause.first, link.node:
        case tex.Symbol(letter=letter), tex.Number(text=text) if (
            letter in scope.dimensions and text.isdigit()
        ):
            if link.relation in (r"\ge", r"\geq", ">"):
                bound = int(text) + (link.relation == ">")
                scope.assume(t.AtLeast(scope.dimension(letter), bound, (label,)))
                return True
    return False


def _family(clause: tex.Clause, scope: Scope) -> bool:
    """(e_j)_i = delta_ij defines every e_j at once."""
    match clause.first:
        case tex.Script(
            base=tex.Fence(body=tex.Script(base=base, sub=tex.Symbol(letter=letter), sup=None) as member),
            sub=tex.Symbol(letter=place),
            sup=None,
        ) if (name := key(base)) is not None and letter not in scope.dimensions:
            known = key(member) or ""
            own = scope.shapes.get(known, ())[len(scope.indexed.get(known, ())) :]
            size = next((d for d in own if d != ONE), None)
            if size is None and _is_delta(clause.links[0].node):
                scope.families[name] = Family(letter, None)
                return True
            if size is None:
                return False
            inner = Elaborator(scope, ranges={letter: size, place: size})
            value = inner.side(clause.links[0].node) if not _is_delta(clause.links[0].node) else None
            if value is not None:
                return False
            scope.forget(key(member) or "")
            scope.families[name] = Family(letter, x.Basis(Index(letter, size)))
            return True
    return False


def _is_delta(node: tex.Node) -> bool:
    return (
        isinstance(node, tex.Script) and isinstance(node.base, tex.Symbol) and node.base.letter == r"\delta"
    )


def strays(nodes: Sequence[tex.Node], scope: Scope) -> list[tuple[tex.Script, tex.Script, bool]]:
    """Names without a meaning beside the one that was probably meant, and whether only a capital differs.

    K_K where there is a K_k; b_i where there is a b_j and i is the letter of another layer.
    """
    found: list[tuple[tex.Script, tex.Script, bool]] = []
    elaborator = Elaborator(scope)
    typed = elaborator.typed_letters()
    for node in (part for side in nodes for part in tex.walk(side)):
        if not isinstance(node, tex.Script) or not isinstance(node.sub, tex.Symbol) or node.primes:
            continue
        plain = replace(node, sup=None)
        if elaborator.known(plain) is not None or elaborator.resolve(node.base) in scope.shapes:
            continue
        swapped = [node.sub.letter.swapcase()] if len(node.sub.letter) == 1 else []
        for letter in (*swapped, *(sorted(typed) if node.sub.letter in typed else ())):
            meant = replace(plain, sub=replace(node.sub, letter=letter))
            if elaborator.known(meant) is not None and (plain, meant, letter in swapped) not in found:
                found.append((plain, meant, letter in swapped))
    return found


def stand_in(name: tex.Script, like: tex.Script, scope: Scope) -> None:
    """Declare a name as a quantity of its own, of the kind that another one is."""
    known = Elaborator(scope).known(like)
    spelled, letter = key(name), name.sub
    assert known is not None
    assert spelled is not None
    assert isinstance(letter, tex.Symbol)
    if known in scope.indexed:
        inner = scope.shapes[known][1:]
        scope.declare(spelled, (scope.range_of_letter(letter.letter), *inner))
        scope.indexed[spelled] = (letter.letter,)
    else:
        scope.declare(spelled, scope.shapes[known])


def with_name(node: tex.Node, old: tex.Script, new: tex.Script) -> tex.Node:
    """A formula with one name put for another."""
    if isinstance(node, tex.Script) and replace(node, sup=None) == old:
        return replace(node, sub=new.sub)
    return tex.with_children(node, lambda child: with_name(child, old, new))


def _by_entries(clause: tex.Clause, scope: Scope, elaborator: Elaborator) -> bool:
    """I_ij = delta_ij or (1_c)_i = 1 says all there is to say of a declared symbol: its definition."""
    node = clause.first
    if not isinstance(node, tex.Script) or node.sup is not None or node.sub is None:
        return False
    base = node.base.body if isinstance(node.base, tex.Fence) else node.base
    name = elaborator.resolve(base)
    letters = elaborator.index_nodes(node.sub)
    if name is None or name not in scope.shapes or name in scope.definitions or not letters:
        return False
    if not all(isinstance(n, tex.Symbol) and n.letter not in scope.constants for n in letters):
        return False
    names = [n.letter for n in letters if isinstance(n, tex.Symbol)]
    shape = scope.shapes[name]
    if shape == x.SCALAR:  # of size 1: its one entry
        elaborator.ranges.update(dict.fromkeys(names, ONE))
        value = elaborator.side(clause.links[0].node)
        for letter in names:
            value = x.Sum(Index(letter, ONE), value)
        scope.define(name, value)
        return True
    if len(set(names)) < len(names):
        return False
    sizes = x.entry_ranges(scope.symbol(name), len(names))
    elaborator.ranges.update(dict(zip(names, sizes, strict=True)))
    value = elaborator.side(clause.links[0].node)
    if name in Lowering().free_symbols(value):
        return False
    indices = tuple(Index(n, s) for n, s in zip(names, sizes, strict=True))
    entries = x.Entries(indices, value)
    scope.define(name, entries if len(names) == len(shape) else _column(entries))
    return True
