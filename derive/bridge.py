r"""The same equation in matrices and by entries.

    translations(A x = b, ...)              ->  Σ_j A_ij x_j = b_i
    translations((A x)_i = Σ_j A_ij x_j)    ->  A x = A x

Neither way is trusted: each side that is shown has been proved by the kernel to be the side that was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations

from derive import expression as x
from derive.calculus.indices import UNIT, Components, NoComponents, contract
from derive.calculus.tidy import cost, tidy, transposed
from derive.expression import Expression, Layout, Shape
from derive.kernel import Exhausted, Theorem, Undefined, prove
from derive.lifting import Names, NotLifted, lift
from derive.lowering import Lowering, Statement, Unsupported
from derive.printing import latex
from derive.terms import ONE, Claim, Context, Index, ShapeError

EFFORT = 20_000  # of the kernel, for one side
NO_FORM = (NoComponents, NotLifted, Undefined, Exhausted, Unsupported, ShapeError)


def translations(
    lhs: Expression,
    rhs: Expression,
    relation: str,
    statement: Statement,
    definitions: dict[str, Expression],
    layout: Layout,
) -> tuple[str | None, str | None]:
    """An equation by its entries, and in matrices, as LaTeX; None where it is written so, or cannot be.

    Args:
        lhs, rhs: its sides as they were read.
        statement: what they say, with the context that it rests on.
        definitions: what the symbols abbreviate.
        layout: how a derivative in matrices is arranged.
    """
    context = statement.claim.context  # of which no hypothesis is used: each side is put in other words alone

    def same(left: Expression, right: Expression) -> bool:
        lowering = Lowering(definitions)
        try:
            one, other = (lowering.lower(side, (UNIT, UNIT), {}) for side in (left, right))
            known = Context(lowering.context_definitions(), (), context.constants)
            return isinstance(prove(Claim(one, other, "=", known), EFFORT), Theorem)
        except NO_FORM:
            return False

    by_entries = _by_entries(lhs, rhs, same)
    in_matrices = _in_matrices(lhs, rhs, definitions, context, layout, same)
    written = (lhs, rhs)
    sides = [None if found in (None, written) else found for found in (by_entries, in_matrices)]
    first, second = (None if f is None else f"{latex(f[0])} {relation} {latex(f[1])}" for f in sides)
    return first, second


Same = Callable[[Expression, Expression], bool]
Sides = tuple[Expression, Expression]


class _Entries(Components):
    """Entries of derivatives as well: those of the function by those of the variable."""

    def entry(self, e: Expression, at: tuple[Index, ...]) -> Expression:
        match e:
            case x.Gradient(body=body, variable=variable) if body.is_scalar:
                return self.entry(x.Partial(body, variable, "denominator"), at)
            case x.Partial(body=body, variable=x.Symbol() | x.Entry() as variable, layout=layout):
                places = {"body": [UNIT] * len(body.shape), "variable": [UNIT] * len(variable.shape)}
                for index, (_, (side, axis)) in zip(at, e.arrangement(), strict=True):
                    places[side][axis] = index
                kept = tuple(i for i in places["variable"] if i.range != ONE)
                by = x.Entry(variable, kept) if kept else variable
                whole = self.entry(body, tuple(places["body"]))
                return x.Partial(whole, by, layout)
        return super().entry(e, at)


def _by_entries(lhs: Expression, rhs: Expression, same: Same) -> Sides | None:
    taken = frozenset(str(i.name) for side in (lhs, rhs) for i in _letters(side))
    names = frozenset(str(n) for side in (lhs, rhs) for n in _names(side))
    components = _Entries(taken | names)
    try:
        at = components.general(lhs.shape)
        sides = [contract(components.entry(side, at)) for side in (lhs, rhs)]
        wholes = [side if side.is_scalar else x.Entry(side, at) for side in (lhs, rhs)]
    except (*NO_FORM, AssertionError):
        return None
    return (sides[0], sides[1]) if all(map(same, wholes, sides)) else None


def _in_matrices(
    lhs: Expression,
    rhs: Expression,
    definitions: dict[str, Expression],
    context: Context,
    layout: Layout,
    same: Same,
) -> Sides | None:
    """Both sides as scalars, columns or matrices of which they are entries."""
    if not lhs.is_scalar or not rhs.is_scalar:
        return None
    free = [i for i in dict.fromkeys((*_free(lhs), *_free(rhs))) if str(i.name) not in context.constants]
    if len(free) > 2 or any(isinstance(i.name, int) for i in free):
        return None

    def form(side: Expression, at: tuple[Index, ...], lifted: bool) -> Expression | None:
        shape = (*(i.range for i in at), *(ONE,) * (2 - len(at)))
        for candidate in _candidates(side, at, shape, definitions, context, layout, lifted):
            if candidate.shape == shape and same(x.Entry(candidate, at) if at else candidate, side):
                return candidate
        return None

    for lifted in (False, True):  # a derivative stays one where it can
        for at in permutations(free):
            left = form(lhs, at, lifted)
            right = None if left is None else form(rhs, at, True)
            if left is not None and right is not None:
                return left, right
    return None


def _candidates(
    side: Expression,
    at: tuple[Index, ...],
    shape: Shape,
    definitions: dict[str, Expression],
    context: Context,
    layout: Layout,
    lifted: bool,
) -> Iterator[Expression]:
    """What a side may be an entry of: what it is written as an entry of, and what the lifter finds."""
    if not _has_entries(side):
        yield side
    match side:
        case x.Entry(body=body):
            yield body
        case x.Partial(body=body, variable=x.Entry(body=variable)):
            whole = body.body if isinstance(body, x.Entry) else body
            if not _has_entries(whole):
                yield x.Partial(whole, variable, layout)
    if not lifted:
        return
    try:
        lowering = Lowering(definitions)
        term = lowering.lower(side, (UNIT, UNIT), {})
        shapes = {s.name: s.size for s in _symbols(side, definitions)}
        for meanings in ({}, lowering.context_definitions()):
            form = lift(term, at, shape, Context(meanings, (), context.constants), Names(shapes))
            yield from map(_traced, sorted((tidy(form), form), key=cost))
    except NO_FORM:
        return


def _traced(e: Expression) -> Expression:
    """1^T (A o B) 1 as tr(A B^T), as people write the sum over A_ij B_ij."""
    match e:
        case x.Multiply(
            left=x.Multiply(left=row, right=x.Hadamard(left=a, right=b)), right=x.Fill(value=one)
        ):
            ones = row.body if isinstance(row, x.Transpose) else row
            if isinstance(ones, x.Fill) and ones.value == one == 1:
                return x.Trace(x.Multiply(a, transposed(b)))
    return e


def _symbols(e: Expression, definitions: dict[str, Expression]) -> Iterator[x.Symbol]:
    """The symbols that an expression rests on."""
    if isinstance(e, x.Symbol):
        yield e
        if e.name in definitions:
            yield from _symbols(definitions[e.name], definitions)
    for child in x.children(e):
        yield from _symbols(child, definitions)


def _names(e: Expression) -> Iterator[str]:
    """The names of symbols, and of dimensions, which an index should not have."""
    if isinstance(e, x.Symbol):
        yield e.name
    yield from (name for size in e.shape for name in size.names)
    for child in x.children(e):
        yield from _names(child)


def _own(e: Expression) -> tuple[Index, ...]:
    """The indices that a node mentions itself."""
    match e:
        case x.Entry(indices=indices) | x.Entries(indices=indices):
            return indices
        case x.Delta(left=left, right=right):
            return (left, right)
        case x.Basis(index=index) | x.Sum(index=index):
            return (index,)
    return ()


def _letters(e: Expression) -> Iterator[Index]:
    yield from _own(e)
    for child in x.children(e):
        yield from _letters(child)


def _free(e: Expression) -> list[Index]:
    """The indices that an expression mentions and does not bind, in the order in which they come up."""
    below = [i for child in x.children(e) for i in _free(child)]
    if isinstance(e, (x.Sum, x.Entries)):
        return [i for i in below if i not in _own(e)]
    return list(dict.fromkeys([*below, *_own(e)] if not isinstance(e, x.Partial) else below))


def _has_entries(e: Expression) -> bool:
    """Whether something in an expression is written by its entries."""
    return bool(_own(e)) or any(map(_has_entries, x.children(e)))
