"""From normal forms back to what people write: matrix products, the reader's own names, few factors.

Nothing here is trusted: a lifted expression is shown only after the kernel has proved it equal to what it
was lifted from. The way back is read off a graph: in Sum_kl A_ik B_kl x_l each index is a node, a matrix
is an edge and a vector a mark on a node, so that a path between the free ends is a matrix product, a
cycle a trace, and a tree a vector.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from derive import expression as x
from derive.expression import Expression, Shape
from derive.normal.hypotheses import Engine
from derive.normal.polynomial import (
    Atom,
    Mono,
    Poly,
    Rational,
    free_indices,
    freeze,
    head,
    substitute,
    unify,
)
from derive.terms import ONE, Context, Dimension, Index, Term


class NotLifted(ValueError):
    """A normal form for which no matrix expression was found."""


@dataclass(frozen=True, slots=True)
class Names:
    """How tensors are called and shaped: a symbol for each tensor of the normal form."""

    shapes: Mapping[str, Shape]
    folded: tuple[str, ...] = ()  # defined quantities to be recognised, outermost first


def lift(term: Term, indices: tuple[Index, ...], shape: Shape, context: Context, names: Names) -> Expression:
    """A matrix expression of the given shape whose entry at `indices` is `term`.

    Raises NotLifted where none is found; derive.kernel.Undefined and Exhausted as the kernel does.
    """
    engine = Engine(context, 200_000)
    poly = engine.reduce(engine.normalise(term, {}))
    for name in names.folded:
        poly = _fold(engine, poly, name)
        engine.stops = (*engine.stops, name)
    poly, softmaxes = _fold_softmaxes(engine, poly)
    lifter = _Lifter(engine, names, softmaxes)
    ends = [engine.index(i) for i in indices]
    row = ends[0] if shape[0] != ONE and ends else None
    column = ends[-1] if len(shape) == 2 and shape[1] != ONE and ends else None
    if len(shape) != 2:
        raise NotLifted("an array of more than two dimensions has no matrix form")
    return lifter.matrix(poly, row, column)


def _fold(engine: Engine, poly: Poly, name: str) -> Poly:
    """The polynomial with the unfolded definition of a quantity put back as its name.

    It is recognised where its normal form is one monomial, such as exp(z_i) (Sum_k exp z_k)^-1.
    """
    definition = engine.context.definitions[name]
    bound, body = engine.unfold(name, definition)
    if len(body) != 1:
        return poly
    ((whole, scale),) = body.items()
    if scale != 1 or not whole:
        return poly
    blanks: dict[Atom, Atom] = {b: (4, str(place), b[-1]) for place, b in enumerate(bound)}
    pattern = [(substitute(atom, blanks), exponent) for atom, exponent in whole]
    stops, engine.stops = engine.stops, (*engine.stops, name)
    total: Poly = {}
    for mono, coefficient in poly.items():
        _accumulate(total, _fold_monomial(engine, mono, name, pattern, list(blanks.values())), coefficient)
    engine.stops = stops
    return total


def _fold_softmaxes(engine: Engine, poly: Poly) -> tuple[Poly, dict[str, tuple[Atom, Poly]]]:
    """exp(u_i) / Sum_k exp(u_k) as entries of new vectors; for each its u, by its general entry."""
    found: dict[str, tuple[Atom, Poly]] = {}
    totals = {a for mono in poly for a, e in mono if a[0] == "S" and e < 0 and len(a[1]) == 1}
    for number, total in enumerate(sorted(totals), start=1):
        (k,), body = engine.open_sum(total)
        ((mono, scale),) = body.items()
        if scale != 1 or any(atom[0] != "E" for atom, _ in mono):
            continue
        blank: Atom = (4, "0", k[-1])
        pattern = [(substitute(atom, {k: blank}), exponent) for atom, exponent in mono] + [(total, -1)]
        name = f"softmax {number}"
        folded: Poly = {}
        for part, coefficient in poly.items():
            _accumulate(folded, _fold_monomial(engine, part, name, pattern, [blank]), coefficient)
        argument: Poly = {}
        for atom, exponent in mono:
            _accumulate(argument, {atom[1]: 1}, exponent)
        poly, found[name] = folded, (k, argument)
    return poly, found


def _fold_monomial(
    engine: Engine, mono: Mono, name: str, pattern: list[tuple[Any, Rational]], blanks: list[Atom]
) -> Poly:
    """The same for one monomial: the pattern, or its reciprocal, is divided out as often as it goes."""
    atoms: dict[Atom, Rational] = dict(mono)
    _divide_out(atoms, name, [(part, -exponent) for part, exponent in pattern], blanks, -1)
    bound, atoms = engine.flatten(tuple(sorted(atoms.items())))
    _divide_out(atoms, name, pattern, blanks, 1)
    poly = engine.monomial(atoms)
    for b in reversed(bound):
        poly = engine.sum_over(b, poly)
    return poly


def _divide_out(
    atoms: dict[Atom, Rational],
    name: str,
    pattern: list[tuple[Any, Rational]],
    blanks: list[Atom],
    power: int,
) -> None:
    """Replace each occurrence of the pattern by a power of the named tensor, in place."""
    while binding := next((b for b in _bindings(pattern, atoms, {}) if set(b) >= set(blanks)), None):
        symbol = ("T", name, *(binding[blank] for blank in blanks))
        for part, exponent in [*((substitute(p, binding), e) for p, e in pattern), (symbol, -power)]:
            atoms[part] = atoms.get(part, 0) - exponent
            if not atoms[part]:
                del atoms[part]


def _bindings(
    pattern: list[tuple[Any, Rational]], atoms: Mapping[Atom, Rational], binding: dict[Atom, Atom]
) -> Iterable[dict[Atom, Atom]]:
    """Every way in which each power of the pattern divides a power of the same sign among the atoms."""
    if not pattern:
        yield binding
        return
    (part, exponent), *rest = pattern
    for atom, available in atoms.items():
        if head(atom) == head(part) and (available >= exponent > 0 or available <= exponent < 0):
            extended = unify(part, atom, binding)
            if extended is not None:
                yield from _bindings(rest, atoms, extended)


def _accumulate(into: Poly, poly: Poly, factor: Rational) -> None:
    for mono, coefficient in poly.items():
        total = into.get(mono, 0) + coefficient * factor
        if total:
            into[mono] = total
        else:
            into.pop(mono, None)


@dataclass
class _Lifter:
    engine: Engine
    names: Names
    softmaxes: Mapping[str, tuple[Atom, Poly]] = field(default_factory=dict)

    def matrix(self, poly: Poly, row: Atom | None, column: Atom | None) -> Expression:
        """A polynomial as a sum of products, a common first or last factor taken out."""
        if not poly:
            return x.Fill(Fraction(0), (self._size(row), self._size(column)))
        chains = [
            (Fraction(value), self.chain(mono, row, column))
            for mono, value in sorted(poly.items(), key=lambda item: (item[1] < 0, item[0]))
        ]
        return _factored(chains)

    def _size(self, index: Atom | None) -> Dimension:
        return ONE if index is None else self.engine.dimensions[index[-1]]

    def chain(self, mono: Mono, row: Atom | None, column: Atom | None) -> tuple[Expression, ...]:
        """One monomial as a chain of matrix factors (scalars first)."""
        bound, atoms = self.engine.flatten(mono)
        graph = _Graph(self, list(bound), row, column)
        for atom, exponent in atoms.items():
            graph.add(atom, exponent)
        return graph.chain()

    def scalar(self, mono: Mono) -> Expression:
        return x.product(*self.chain(mono, None, None)) if mono else x.Constant(Fraction(1))

    def piece(self, atom: Atom, ends: tuple[Atom, ...]) -> Expression:
        """One atom as an expression over the indices `ends` (a scalar, a column or a matrix)."""
        row = ends[0] if ends else None
        column = ends[1] if len(ends) > 1 else None
        match atom:
            case ("T", name, *at) if name in self.softmaxes:
                k, argument = self.softmaxes[name]
                vector = x.Softmax(self.matrix(argument, k, None))
                return vector if ends else x.Entry(vector, (self._index(at[0]),))
            case ("T", name, *at):
                shape = self.names.shapes.get(name) or self._shape_of(at)
                symbol: Expression = x.Symbol(name, shape)
                if not at:
                    return symbol
                if len(at) == 1:
                    symbol = symbol if shape[1] == ONE else x.Transpose(symbol)
                    return symbol if ends else x.Entry(symbol, (self._index(at[0]),))
                if len(at) == 2 and at[0] == at[1] and ends:
                    return x.Diagonal(symbol)
                if len(at) == 2 and len(ends) == 2:
                    return symbol if tuple(at) == ends else x.Transpose(symbol)
                if len(at) == 2 and len(ends) == 1:
                    # one index is fixed or free elsewhere: a row or a column of the matrix
                    raise NotLifted("a single row or column of a matrix")
                return x.Entry(symbol, tuple(self._index(i) for i in at))
            case ("E", inner):
                return x.Apply("exp", self.matrix({inner: 1}, row, column))
            case ("L", ((((("S", (k,), mono), 1),), 1),)) if all(a[0] == "E" for a, _ in mono):
                ((k,), body) = self.engine.open_sum(atom[1][0][0][0][0])
                argument = {}
                for part, exponent in next(iter(body)):
                    _accumulate(argument, {part[1]: 1}, exponent)
                return x.LogSumExp(self.matrix(argument, k, None))
            case ("L", inner):
                return x.Apply("log", self.matrix(dict(inner), row, column))
            case ("F", name, order, inner):
                return x.Apply(name, self.matrix(dict(inner), row, column), order)
            case ("P", inner):
                return self.matrix(dict(inner), row, column)
            case ("R", inner, sizes):
                base = self.matrix(dict(inner), row, column)
                return x.Power(base, self.scalar(sizes), entrywise=not base.is_scalar)
            case ("N", name):
                return x.Count(Dimension.of(name))
            case ("Q", prime):
                return x.Constant(Fraction(prime))
            case ("D", i, j) if not ends:
                return x.Delta(self._index(i), self._index(j))
            case ("D", i, j) if len(ends) == 1:
                return x.Basis(self._index(j if i == row else i))
            case ("S", _, _):
                return self.matrix({((atom, 1),): 1}, row, column)
            case ("J", ((r, c), inner)):
                return x.Determinant(self._opened(r, c, inner))
            case ("I", ((r, c), inner), i, j):
                inverse = x.Inverse(self._opened(r, c, inner))
                if (i, j) == ends:
                    return inverse
                if (j, i) == ends:
                    return x.Transpose(inverse)
                if i == j and len(ends) == 1:
                    return x.Diagonal(inverse)
                return x.Entry(inverse, (self._index(i), self._index(j)))
        raise NotLifted(f"no matrix form for an atom of kind {atom[0]}")

    def _shape_of(self, at: list[Atom]) -> Shape:
        """The shape of a tensor that takes these indices, a column where there is one."""
        sizes = tuple(self.engine.dimensions[i[-1]] for i in at)
        return sizes if len(sizes) > 1 else (*sizes, ONE) if sizes else x.SCALAR

    def _opened(self, r: Atom, c: Atom, inner: Any) -> Expression:
        fresh = {r: self.engine.fresh(r[-1]), c: self.engine.fresh(c[-1])}
        body = self.engine.transform(dict(inner), fresh)
        return self.matrix(body, fresh[r], fresh[c])

    def _index(self, index: Atom) -> Index:
        if index[0] > 1:
            raise NotLifted("a bound index would stand alone")
        return Index(index[1], self.engine.dimensions[index[-1]])


class _Graph:
    """Indices as nodes, matrices as edges, vectors as marks on nodes, scalars apart."""

    def __init__(self, lifter: _Lifter, bound: list[Atom], row: Atom | None, column: Atom | None):
        self.lifter, self.bound, self.row, self.column = lifter, bound, row, column
        self.scalars: list[Expression] = []
        self.marks: dict[Atom, list[Expression]] = {}
        self.edges: list[tuple[Atom, Atom, Expression]] = []
        self.diagonal = False

    def add(self, atom: Atom, exponent: Rational) -> None:
        ends = {self.row, self.column, *self.bound} - {None}
        here = sorted(i for i in free_indices(atom) if i in ends)
        if atom[0] == "D" and set(here) == {self.row, self.column} - {None} and len(here) == 2:
            self.diagonal = True
            return
        if atom[0] == "T":
            here = list(dict.fromkeys(i for i in atom[2:] if i in ends))
            distinct = atom[2:]
            if len(here) == 1 and len(distinct) == 2 and distinct[0] != distinct[1]:
                raise NotLifted("a single row or column of a matrix")
        if len(here) > 2:
            raise NotLifted("an array of more than two dimensions has no matrix form")
        piece = self.lifter.piece(atom, tuple(here))
        powered = _power(piece, exponent)
        if not here:
            self.scalars.append(powered)
        elif len(here) == 1:
            squared = exponent == 2 and piece.is_vector
            self.marks.setdefault(here[0], []).extend([piece, piece] if squared else [powered])
        else:
            self.edges.append((here[0], here[1], powered))

    def chain(self) -> tuple[Expression, ...]:
        self._merge_parallel()
        factors: list[Expression] = list(self.scalars)
        if self.diagonal:
            assert self.row is not None
            kept, dropped = min(self.row, self.column or self.row), max(self.row, self.column or self.row)
            self.marks.setdefault(kept, []).extend(self.marks.pop(dropped, []))
            vector = self._tree(kept, None)
            factors.append(x.Identity(self.lifter._size(self.row)) if vector is None else x.Diagonal(vector))
            tail: list[Expression] = []
        elif self.row is not None and self.column is not None:
            tail = self._matrix(self.row, self.column)
        elif self.row is not None:
            tail = self._column(self.row)
        elif self.column is not None:
            tail = [_transposed(f) for f in reversed(self._column(self.column))]
        else:
            tail = []
        while remaining := [b for b in self.bound if b in self.marks or any(b in e[:2] for e in self.edges)]:
            factors.append(self._closed(remaining))
        return (*factors, *tail) or (x.Constant(Fraction(1)),)

    def _merge_parallel(self) -> None:
        merged: dict[tuple[Atom, Atom], Expression] = {}
        for i, j, piece in self.edges:
            key, value = ((i, j), piece) if i <= j else ((j, i), _transposed(piece))
            merged[key] = x.Hadamard(merged[key], value) if key in merged else value
        self.edges = [(i, j, piece) for (i, j), piece in merged.items()]

    def _column(self, node: Atom) -> list[Expression]:
        """The vector at a node, as a chain of factors where it is a plain path."""
        vector = self._tree(node, None)
        if vector is None:
            return [x.Fill(Fraction(1), (self.lifter._size(node), ONE))]
        return _split(vector)

    def _tree(self, node: Atom, parent: Atom | None) -> Expression | None:
        """The product of everything that hangs at a node away from its parent; None where nothing does."""
        parts = self.marks.pop(node, [])
        for edge in [e for e in self.edges if node in e[:2] and parent not in e[:2]]:
            if edge not in self.edges:
                raise NotLifted("indices that form a cycle beside a free one")
            self.edges.remove(edge)
            i, j, piece = edge
            there, oriented = (j, piece) if i == node else (i, _transposed(piece))
            below = self._tree(there, node)
            if below is None:
                below = x.Fill(Fraction(1), (self.lifter._size(there), ONE))
            parts.append(x.product(oriented, *_split(below)))
        if not parts:
            return None
        result = parts[0]
        for part in parts[1:]:
            result = x.Hadamard(result, part)
        return result

    def _matrix(self, row: Atom, column: Atom) -> list[Expression]:
        """The chain along the path from row to column, or an outer product where there is none."""
        path = self._path(row, column)
        if path is None:
            return [*self._column(row), *(_transposed(f) for f in reversed(self._column(column)))]
        factors: list[Expression] = []
        for edge in path:
            self.edges.remove(edge)
        node = row
        for i, j, piece in path:
            hanging = self._tree(node, None)
            if hanging is not None:
                factors.append(x.Diagonal(hanging))
            factors.append(piece if i == node else _transposed(piece))
            node = j if i == node else i
        hanging = self._tree(column, None)
        return [*factors, x.Diagonal(hanging)] if hanging is not None else factors

    def _path(self, start: Atom, goal: Atom) -> list[tuple[Atom, Atom, Expression]] | None:
        reached: dict[Atom, list[tuple[Atom, Atom, Expression]]] = {start: []}
        todo = [start]
        while todo:
            node = todo.pop(0)
            if node == goal:
                return reached[node]
            for edge in self.edges:
                if node in edge[:2]:
                    there = edge[1] if edge[0] == node else edge[0]
                    if there not in reached:
                        reached[there] = [*reached[node], edge]
                        todo.append(there)
        return None

    def _closed(self, nodes: list[Atom]) -> Expression:
        """A contraction without free ends: a trace, an inner product, or a sum of entries."""
        start = next((n for n in nodes if self.marks.get(n)), nodes[0])
        if not self.marks.get(start):
            cycle = self._cycle(nodes[0])
            if cycle is not None:
                return x.Trace(x.product(*cycle))
        first = self.marks.get(start, [])
        if len(first) > 1 or not any(start in e[:2] for e in self.edges):
            head = first.pop(0) if first else x.Fill(Fraction(1), (self.lifter._size(start), ONE))
            rest = self._tree(start, None)
            if rest is None:
                return x.Multiply(x.Transpose(x.Fill(Fraction(1), head.shape)), head)
            return x.product(_transposed(head), *_split(rest))
        head = first.pop(0) if first else x.Fill(Fraction(1), (self.lifter._size(start), ONE))
        rest = self._tree(start, None)
        assert rest is not None
        return x.product(_transposed(head), *_split(rest))

    def _cycle(self, start: Atom) -> list[Expression] | None:
        """The matrices along a cycle through a node, which is taken out of the graph."""
        for edge in self.edges:
            if start in edge[:2]:
                self.edges.remove(edge)
                there = edge[1] if edge[0] == start else edge[0]
                path = self._path(there, start)
                if path is None:
                    self.edges.append(edge)
                    continue
                if any(self.marks.get(n) for e in path for n in e[:2]):
                    raise NotLifted("a cycle with vectors on it")
                factors = [edge[2] if edge[0] == start else _transposed(edge[2])]
                node = there
                for i, j, piece in path:
                    self.edges.remove((i, j, piece))
                    factors.append(piece if i == node else _transposed(piece))
                    node = j if i == node else i
                return factors
        return None


def _power(piece: Expression, exponent: Rational) -> Expression:
    if exponent == 1:
        return piece
    return x.Power(piece, x.Constant(Fraction(exponent)), entrywise=not piece.is_scalar)


def _transposed(piece: Expression) -> Expression:
    if isinstance(piece, x.Transpose):
        return piece.body
    if piece.is_scalar or isinstance(piece, (x.Diagonal, x.Identity)):
        return piece
    return x.Transpose(piece)


def _split(e: Expression) -> list[Expression]:
    """The factors of a product."""
    return [*_split(e.left), *_split(e.right)] if isinstance(e, x.Multiply) else [e]


def _factored(chains: list[tuple[Fraction, tuple[Expression, ...]]]) -> Expression:
    """The sum of scaled products, with factors that all of them share at an end taken out."""
    ends: list[Expression] = []
    starts: list[Expression] = []
    while _share(chains, -1):
        ends.insert(0, chains[0][1][-1])
        chains = [(v, c[:-1]) for v, c in chains]
    while _share(chains, 0):
        starts.append(chains[0][1][0])
        chains = [(v, c[1:]) for v, c in chains]
    scale = Fraction(1)
    sizes = {abs(v) for v, _ in chains}
    if len(chains) > 1 and len(sizes) == 1 and (starts or ends):
        scale = sizes.pop()
        chains = [(v / scale, c) for v, c in chains]
    terms = [_scaled(value, x.product(*factors)) for value, factors in chains]
    middle = terms[0] if len(terms) == 1 else x.Add(tuple(terms))
    return _scaled(scale, x.product(*starts, middle, *ends))


def _share(chains: list[tuple[Fraction, tuple[Expression, ...]]], end: int) -> bool:
    """Whether all chains have the factor at this end in common, and what is left of them has one shape."""
    if len(chains) < 2 or any(len(c) < 2 for _, c in chains) or len({c[end] for _, c in chains}) > 1:
        return False
    return len({x.product(*(c[:-1] if end else c[1:])).shape for _, c in chains}) == 1


def _scaled(value: Fraction, e: Expression) -> Expression:
    if value == 1:
        return e
    if value == -1:
        return x.Negate(e)
    if isinstance(e, x.Constant):
        return x.Constant(value * e.value)
    body = x.Multiply(x.Constant(abs(value)), e)
    return x.Negate(body) if value < 0 else body


def show(poly: Any) -> str:
    """A normal form as one line of text, for residuals."""
    return " + ".join(f"{value}*{mono}" for mono, value in freeze(dict(poly)))


def lift_scalar(poly: Any, shapes: Mapping[str, Shape]) -> Expression:
    """A normal form without context as a scalar expression; blanks and free indices get letters.

    Raises NotLifted where none is found.
    """
    engine = Engine(Context(), 50_000)
    names: dict[Atom, Atom] = {}
    known = {str(d): d for shape in shapes.values() for d in shape}
    for key in sorted(_dimensions(poly)):
        name: int | str = int(key) if key.isdigit() else key
        engine.dimensions[key] = known.get(key) or Dimension.of(
            name if isinstance(name, int) else name.replace(" ", "")
        )
    for index in sorted(free_indices(poly)):
        if index[0] != 0:
            letter = next(a for a in "ijklmnpqrs" if all(a != n[1] for n in names.values()))
            plain = index[0] == 1 and " " not in index[1]
            names[index] = (1, index[1] if plain else letter, index[-1])
    renamed = engine.transform(dict(poly), names)
    return _Lifter(engine, Names(shapes)).matrix(renamed, None, None)


def _dimensions(whole: Any) -> set[str]:
    """The ranges of all indices inside."""
    if type(whole) is not tuple:
        return set()
    if len(whole) in (3, 4) and type(whole[0]) is int and type(whole[-1]) is str:
        return {whole[-1]}
    return {name for piece in whole for name in _dimensions(piece)}
