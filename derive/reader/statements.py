"""Statements that set the scene: declarations, definitions and hypotheses.

W \\in \\mathbb{R}^{c \\times d}        a shape                  y \\in \\{0,1\\}^c      zeros and ones
k \\in \\{1, \\dots, c\\}               one fixed index          c \\ge 2               a bound on a dimension
f: \\mathbb{R}^n \\to \\mathbb{R}       an arbitrary function    \\sigma: ... elementwise
z = W x + b                            a definition, where z has no meaning yet
\\sum_i y_i = 1, A = A^T, p_i > 0      hypotheses
"""

from __future__ import annotations

from fractions import Fraction

from derive import expression as x
from derive import terms as t
from derive.expression import Expression, Shape
from derive.lowering import Lowering, Unsupported, state
from derive.reader import latex as tex
from derive.reader.elaborate import Elaborator
from derive.reader.scope import Family, Function, Scope, Unreadable, entry_term, key
from derive.terms import ONE, Dimension, Index, ShapeError


RESERVED = frozenset({*tex.BUILTIN_WORDS, "e", r"\partial", r"\nabla", "sum", r"\delta", "d"})  # never defined


def is_declaration(clause: tex.Clause) -> bool:
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
    for name in names:
        declare_symbol(name, link.node, scope)


def declare_symbol(node: tex.Node, where: tex.Node, scope: Scope) -> None:
    name = key(node)
    if name is None:
        raise Unreadable("D005", "only a name can be declared", node, r"x \in \mathbb{R}^n")
    values = _set_of_numbers(where)
    if values is not None:
        (size,) = values
        scope.forget(name)
        scope.constants[name] = Index(name, dimension(size, scope))
        return
    shape = shape_of(where, scope)
    scope.declare(name, shape)
    scope.constants.pop(name, None)
    if _is_binary(where):
        scope.binary[name] = rf"{name} \in \{{0,1\}}" + (f"^{{{shape[0]}}}" if shape != x.SCALAR else "")


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


def dimension(node: tex.Node, scope: Scope) -> Dimension:
    """A dimension: a name, a number, or a sum of these. Raises Unreadable."""
    match node:
        case tex.Number(text=text) if text.isdigit() and int(text) > 0:
            return Dimension.of(int(text))
        case tex.Symbol() | tex.Script():
            name = key(node)
            if name is not None:
                return scope.dimension(name)
        case tex.Fence(body=body):
            return dimension(body, scope)
        case tex.Plus(terms=terms):
            total: Dimension | None = None
            for sign, term in terms:
                factor = -1 if sign == "-" else 1
                if isinstance(term, tex.Number) and term.text.isdigit():
                    part = Dimension((((), factor * int(term.text)),))
                elif factor == 1:
                    part = dimension(term, scope)
                else:
                    raise Unreadable("D005", "a dimension is not a difference of symbols", node, "n + 1")
                total = part if total is None else total + part
            if total is not None:
                return total
    raise Unreadable("D005", "this is not a dimension", node, r"n, 3 or n+1")


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
    if clause.first is None or not clause.links or clause.links[0].relation not in ("=", ":="):
        return False
    name = defined_name(clause.first, scope)
    return name is not None and (clause.links[0].relation == ":=" or not scope.knows(name))


def defined_name(node: tex.Node, scope: Scope) -> str | None:
    """The name that an equation with this left side would define: z, a_j or CE(z)."""
    if isinstance(node, tex.Juxtapose) and len(node.items) == 2 and isinstance(node.items[1], tex.Fence):
        node = node.items[0]
        if isinstance(node, tex.Symbol) and node.letter in RESERVED:
            return None
    whole = key(node)
    if isinstance(node, tex.Script) and node.sup is None and not node.primes:
        letters = Elaborator(scope).index_nodes(node.sub)
        base = key(node.base)
        if letters and base is not None and all(_is_index_letter(n, scope) for n in letters):
            return base
        known = Elaborator(scope).resolve(node.base)
        if letters and known in scope.shapes and scope.shapes[known] != x.SCALAR:
            return known  # an entry of something known
        return whole
    if isinstance(node, (tex.Symbol, tex.Accent)) or (isinstance(node, tex.Script) and whole is not None):
        base = node.base if isinstance(node, tex.Script) else node
        letter = base.letter if isinstance(base, tex.Symbol) else ""
        if letter in RESERVED or (base is node and (letter in scope.dimensions or letter in scope.constants)):
            return None
        return whole
    return None


def _is_index_letter(node: tex.Node, scope: Scope) -> bool:
    return isinstance(node, tex.Symbol) and not node.accents and node.letter not in scope.dimensions


def define(clause: tex.Clause, scope: Scope, layout: x.Layout) -> None:
    """Carry out a definition. Raises Unreadable."""
    assert clause.first is not None
    node, meaning = clause.first, clause.links[0].node
    if isinstance(node, tex.Juxtapose):
        node = node.items[0]
    name = defined_name(node, scope)
    assert name is not None
    elaborator = Elaborator(scope, layout)
    elaborator.learn_ranges(meaning)
    if isinstance(node, tex.Script) and key(node) != name:
        letters = elaborator.index_nodes(node.sub) or []
        indices = tuple(
            Index(n.letter, elaborator.range_of(n.letter, n, meaning))
            for n in letters
            if isinstance(n, tex.Symbol)
        )
        entries = x.Entries(indices, elaborator.side(meaning))
        value: Expression = _column(entries) if len(indices) == 1 else entries
    else:
        value = elaborator.side(meaning)
    scope.define(name, value)


def _column(value: x.Entries) -> Expression:
    """Entries over one index as a column."""
    return x.Entries((*value.indices, Index("·column", ONE)), value.body)


def assume(clause: tex.Clause, scope: Scope, label: str, layout: x.Layout) -> None:
    """Take a relation as a hypothesis, or as the definition of a declared symbol by its entries."""
    if clause.first is None or len(clause.links) != 1:
        raise Unreadable("D006", "a hypothesis is one relation", clause.first, r"\sum_i y_i = 1")
    link = clause.links[0]
    if _bounds_dimension(clause, scope, label) or _family(clause, scope):
        return
    elaborator = Elaborator(scope, layout)
    elaborator.learn_ranges(clause.first, link.node)
    if link.relation == "=" and _by_entries(clause, scope, elaborator):
        return
    left, right = elaborator.side(clause.first), elaborator.side(link.node)
    try:
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
            size = next((d for d in scope.shapes.get(key(member) or "", ()) if d != ONE), None)
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
