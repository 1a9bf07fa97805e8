r"""Three ways to write the derivation of one derivative.

All of them come from one chain of differentials, ds = ... = tr(Gᵀ dX), in which each line follows from the
one before it by a rule:

- **differential** prints this chain, and reads ∂s/∂X off its last line;
- **rules** prints every line as a derivative: du as the Jacobian ∂u/∂x where x is a column and only columns
  and scalars change, du as ∂u/∂X_ij where a matrix does;
- **components** writes the function by its entries first, and every du as ∂u/∂X_ij.

The layout enters where a differential becomes a derivative, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from derive import expression as x
from derive.calculus import linear
from derive.calculus.differentials import Calculus, apply
from derive.calculus.indices import Components, contract
from derive.calculus.linear import NotLinear
from derive.calculus.tidy import negated, number, tidy, total, transposed, zero
from derive.expression import Expression, Layout
from derive.lowering import Lowering
from derive.terms import ONE, Index

Method = Literal["rules", "differential", "components"]
Detail = Literal["brief", "normal", "full"]
LINES = 60  # at most, in one chain
Line = tuple[str, Expression]


@dataclass
class Chain:
    """start = line = line ..., each line with the rule that leads to it."""

    start: Expression
    lines: list[Line] = field(default_factory=list)

    @property
    def end(self) -> Expression:
        return self.lines[-1][1] if self.lines else self.start

    def add(self, rule: str, form: Expression) -> None:
        """A further line, unless it says what the last one says."""
        if form != self.end:
            self.lines.append((rule, form))


class TooLong(ValueError):
    """A derivation with more lines than anybody would read."""


# ── the chain of differentials ─────────────────────────────────────────────────────────────────────────────


def differentials(
    body: Expression, c: Calculus, detail: Detail, after: Callable[[Expression], Expression] | None = None
) -> Chain:
    """d body, worked out line by line until dX alone is left. Raises NotDifferentiable.

    Args:
        after: what is done to an expression once a rule has been used.
    """
    start = c.d(body)
    chain = Chain(start)
    form = start
    for _ in range(LINES):
        found = _first_change(form, c)
        if found is None:
            return chain
        name, _ = apply(found.body, c)
        form = _rewritten(form, c, name, only=found if detail == "full" else None)
        if after is not None:
            form = after(form)
        if detail == "full":
            chain.add(name, form)
            chain.add("collecting terms", tidy(form))
            form = chain.end
        else:
            form = tidy(form)
            chain.add(name, form)
    raise TooLong("the derivation has too many lines")


def _first_change(e: Expression, c: Calculus) -> x.Differential | None:
    """The first differential that is not one of X itself, or of an entry of it."""
    if isinstance(e, x.Differential):
        is_entry = isinstance(e.body, x.Entry) and e.body.body == c.variable
        return None if is_entry else e
    return next((found for child in x.children(e) if (found := _first_change(child, c)) is not None), None)


def _rewritten(e: Expression, c: Calculus, name: str, only: x.Differential | None) -> Expression:
    """The rule of this name used on one differential, or on every one that it fits first."""
    if isinstance(e, x.Differential):
        if _first_change(e, c) is None or (only is not None and e != only):
            return e
        rule, value = apply(e.body, c)
        return value if rule == name else e
    return x.rebuild(e, lambda child: _rewritten(child, c, name, only))


def unfolded(e: Expression, c: Calculus) -> Expression:
    """An expression with the definitions of what varies put in for their names, down to the variable."""
    if e == c.variable:
        return e
    if isinstance(e, x.Symbol):
        return unfolded(c.definitions[e.name], c) if e.name in c.definitions and c.varies(e) else e
    return x.rebuild(e, lambda child: unfolded(child, c))


# ── the three routes ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Route:
    """One derivative, to be written in one of the three ways.

    Attributes:
        body, variable: what is differentiated, and by what: a symbol, or an entry of one.
        calculus: what varies.
        layout: of the result.
        taken: names that no index may have.
    """

    body: Expression
    variable: Expression
    calculus: Calculus
    layout: Layout
    detail: Detail
    taken: frozenset[str]

    @property
    def derivative(self) -> x.Partial:
        return x.Partial(self.body, self.variable, self.layout)

    def by_differentials(self) -> list[Chain]:
        """d body = ... = tr(Gᵀ dX) or J dx, and then what it says of the derivative. Raises NotLinear."""
        c = self.calculus
        if not isinstance(self.variable, x.Symbol):
            raise NotLinear("an entry alone changes")
        chain = differentials(self.body, c, self.detail)
        result, last = self._identified(chain.end)
        chain.add("trace form" if not self.variable.is_vector else "collecting terms", last)
        return [chain, Chain(self.derivative, [("identification of the derivative", result)])]

    def _identified(self, end: Expression) -> tuple[Expression, Expression]:
        """The derivative that a last line tells, and this line in the form from which it can be read off."""
        c, body = self.calculus, self.body
        dx = c.direction
        if c.variable.is_scalar:
            slope = tidy(x.replace(end, dx, number(1)))
            return self.laid_out(slope), tidy(x.Multiply(slope, dx))
        if body.is_scalar:
            g = linear.gradient(end, dx)
            g = zero(dx.shape) if g is None else tidy(g)
            row = tidy(transposed(g))
            return (row if self.layout == "numerator" else g), _inner_product(row, dx)
        if self.variable.shape[1] == ONE and body.shape[1] == ONE:
            j = tidy(self._jacobian(end, lambda u: x.Identity(u.shape[0])))
            return self.laid_out(j), x.Multiply(j, dx)
        raise NotLinear("the derivative has more than two dimensions")

    def laid_out(self, slope: Expression) -> Expression:
        """What is written in numerator layout, in the layout that is asked for."""
        return (
            slope
            if self.layout == "numerator" or self.derivative.shape == x.SCALAR
            else tidy(transposed(slope))
        )

    def _jacobian(self, e: Expression, derivative: Callable[[Expression], Expression]) -> Expression:
        if not self.calculus.varies(e) and not x.contains(e, self.calculus.direction):
            return zero((e.shape[0], self.variable.shape[0]))
        return linear.jacobian(e, self._changes, derivative)

    def _changes(self, e: Expression) -> bool:
        return x.contains(e, self.calculus.direction) or _has_differential(e)

    # by rules

    def by_rules(self) -> list[Chain]:
        """The product and chain rules as this layout has them. Raises NotLinear."""
        chain = differentials(self.body, self.calculus, self.detail)
        views = [self._by_entries]
        if self.variable.is_scalar:
            views = [self._by_scalar]
        elif self.body.is_scalar or (self.body.shape[1] == ONE and self.variable.shape[1] == ONE):
            views = [self._as_derivatives, self._by_entries]
        for view in views:
            try:
                return view(chain)
            except NotLinear as trouble:
                reason = trouble
        raise reason

    def _as_derivatives(self, chain: Chain) -> list[Chain]:
        """Every line as a derivative by the whole of x: ∂u/∂x for du."""
        is_column = self.variable.shape[1] == ONE
        made = Chain(self.derivative)
        for rule, line in chain.lines:
            if is_column:
                slope = self._jacobian(line, self._jacobian_of)
                made.add(rule, tidy(slope) if self.layout == "numerator" else tidy(_each_transposed(slope)))
            elif rule.startswith("product rule") and x.contains(line, self.calculus.direction):
                raise NotLinear("factors that are matrices change")
            else:
                made.add(rule, tidy(self._scalar_parts(line)))
        if not chain.lines:
            made.add("derivative of the variable", self._identified(chain.end)[0])
        if _unfinished(made.end):
            raise NotLinear("an entry of the variable changes")
        return [made]

    def _jacobian_of(self, u: Expression) -> Expression:
        """∂u/∂x of a change as numerator layout has it, written with the derivatives of this layout."""
        if isinstance(u, x.Differential):
            slope = x.Partial(u.body, self.variable, self.layout)
            return slope if self.layout == "numerator" else x.Transpose(slope)
        return x.Identity(u.shape[0])

    def _scalar_parts(self, e: Expression) -> Expression:
        """The same for a scalar and a matrix X: scalars may change, and what is linear in dX."""
        if isinstance(e, x.Differential) and e.is_scalar:
            return x.Partial(e.body, self.variable, self.layout)
        if not _has_differential(e):
            g = linear.gradient(e, self.calculus.direction)
            if g is None:
                return zero(self.derivative.shape)
            return transposed(tidy(g)) if self.layout == "numerator" else tidy(g)
        match e:
            case x.Add(terms=terms):
                return total([self._scalar_parts(term) for term in terms])
            case x.Negate(body=body):
                return negated(self._scalar_parts(body))
            case x.Multiply(left=left, right=right) if left.is_scalar and right.is_scalar:
                kept, changing = (left, right) if self._changes(right) else (right, left)
                if not self._changes(kept):
                    return x.Multiply(kept, self._scalar_parts(changing))
            case x.Divide(numerator=above, denominator=below) if not self._changes(below):
                return x.Divide(self._scalar_parts(above), below)
        raise NotLinear("a matrix changes")

    def _by_scalar(self, chain: Chain) -> list[Chain]:
        """Every du as ∂u/∂t for a scalar t."""
        made = Chain(self.derivative)
        for rule, line in chain.lines:
            made.add(rule, self._view(line, self.variable))
        if not chain.lines:
            made.add("derivative of the variable", self._view(chain.end, self.variable))
        return [made]

    def _view(self, line: Expression, t: Expression) -> Expression:
        """A line of differentials with ∂/∂t for d, in this layout."""
        whole = x.Symbol(self.calculus.variable.name, self.calculus.variable.shape)

        def visit(e: Expression) -> Expression:
            if isinstance(e, x.Differential):
                return self._by(e.body, t)
            if e == self.calculus.direction:
                return number(1) if whole == t else self._by(whole, t)
            return x.rebuild(e, visit)

        shown = tidy(visit(line))
        if self.layout == "denominator" and not shown.is_scalar:
            shown = tidy(transposed(shown))
        return shown

    def _by(self, u: Expression, t: Expression) -> Expression:
        """∂u/∂t with the shape of u."""
        by = x.Partial(u, t, self.layout)
        return by if self.layout == "numerator" or u.is_scalar else x.Transpose(by)

    def _by_entries(self, chain: Chain) -> list[Chain]:
        """Every du as ∂u/∂X_ij, and X itself as the matrix with a single one; the entries put together."""
        symbol = self.calculus.variable
        if not self.body.is_scalar:
            raise NotLinear("the derivative has more than two dimensions")
        names = Components(self.taken)
        at = names.general(symbol.shape)
        kept = tuple(i for i in at if i.range != ONE)
        entry = x.Entry(symbol, kept)
        made = Chain(x.Partial(self.body, entry, self.layout))
        for rule, line in chain.lines:
            made.add(rule, self._view(line, entry))
        bases = [x.Basis(i) for i in at if i.range != ONE]
        single: Expression = x.Multiply(bases[0], x.Transpose(bases[1])) if len(bases) == 2 else bases[0]
        if symbol.shape[0] == ONE:
            single = x.Transpose(single)
        made.add("derivative by an entry", tidy(x.replace(chain.end, self.calculus.direction, single)))
        result = self._identified(chain.end)[0]
        places = kept[::-1] if self.layout == "numerator" else kept
        made.add("definition by entries", x.Entry(result, places))
        return [made, Chain(self.derivative, [("matrix form" if len(bases) == 2 else "vector form", result)])]

    # by components

    def by_components(self) -> list[Chain]:
        """Indices and Kronecker deltas. The last line is the general entry of the derivative."""
        c = self.calculus
        names = Components(self.taken)
        if isinstance(self.variable, x.Entry):
            by: tuple[Index, ...] = ()
            entry: Expression = self.variable
        else:
            by = names.general(self.variable.shape)
            kept = tuple(i for i in by if i.range != ONE)
            entry = x.Entry(self.variable, kept) if kept else self.variable
        at = names.general(self.body.shape)
        scalar = names.entry(self.body, at)
        places = tuple(i for i in at if i.range != ONE)
        whole = x.Partial(x.Entry(self.body, places) if places else self.body, entry, self.layout)
        made = Chain(whole)
        made.add("definition by entries", x.Partial(scalar, entry, self.layout))

        def by_entries(e: Expression) -> Expression:
            return names.entry(e, (Index(0, ONE), Index(0, ONE)))

        def view(e: Expression) -> Expression:
            """∂u/∂X_ij for du."""
            match e:
                case x.Differential(body=body):
                    return x.Partial(body, entry, self.layout)
                case x.Entry(body=body, indices=indices) if body == c.direction:
                    return x.Partial(x.Entry(c.variable, indices), entry, self.layout)
            return number(1) if e == c.direction else x.rebuild(e, view)

        def deltas(e: Expression) -> Expression:
            """The same with δ_ki δ_lj for ∂X_kl/∂X_ij."""
            match view(e) if isinstance(e, (x.Differential, x.Entry)) else e:
                case x.Partial(body=x.Entry(body=body, indices=indices)) if body == c.variable:
                    assert isinstance(entry, x.Entry)
                    pairs = zip(indices, entry.indices, strict=True)
                    return x.product(*(number(1) if a == b else x.Delta(a, b) for a, b in pairs))
            return number(1) if e == c.direction else x.rebuild(e, deltas)

        chain = differentials(scalar, c, self.detail, by_entries)
        for rule, line in chain.lines:
            made.add(rule, view(line))
        with_deltas = tidy(deltas(chain.end))
        made.add("derivative of an entry", with_deltas)
        made.add("Kronecker delta", tidy(contract(with_deltas)))
        at_axes = {"body": at, "variable": by or (Index(0, ONE),) * 2}
        indices = tuple(at_axes[side][axis] for _, (side, axis) in self.derivative.arrangement())
        return [made, Chain(self.derivative, [("in index notation", x.Entries(indices, made.end))])]


def _each_transposed(e: Expression) -> Expression:
    """The transpose of a sum, term by term."""
    if isinstance(e, x.Add):
        return x.Add(tuple(map(_each_transposed, e.terms)))
    return x.Negate(_each_transposed(e.body)) if isinstance(e, x.Negate) else transposed(e)


def _inner_product(g: Expression, dx: Expression) -> Expression:
    """tr(g dX), with a minus in front of everything; g dx for a column."""
    if isinstance(g, x.Negate):
        return x.Negate(_inner_product(g.body, dx))
    if dx.shape[0] == ONE:
        return x.Multiply(dx, g)
    inner = x.Multiply(g, dx)
    return inner if inner.is_scalar else x.Trace(inner)


def _unfinished(e: Expression) -> bool:
    return isinstance(e, (x.Partial, x.Differential)) or any(map(_unfinished, x.children(e)))


def _has_differential(e: Expression) -> bool:
    return isinstance(e, x.Differential) or any(map(_has_differential, x.children(e)))


def indices_of(e: Expression) -> tuple[Index, ...]:
    """The indices that an expression itself mentions, its parts aside."""
    match e:
        case x.Entry(indices=indices) | x.Entries(indices=indices):
            return indices
        case x.Sum(index=index, without=without):
            return (index, *without)
        case x.Delta(left=left, right=right):
            return (left, right)
        case x.Basis(index=index):
            return (index,)
    return ()


def names_in(e: Expression, c: Calculus) -> frozenset[str]:
    """Every name, and every dimension, that an index should not be confused with."""
    symbols = Lowering(c.definitions).all_symbols(e)
    found: set[str] = set(symbols)

    def visit(part: Expression) -> None:
        for d in part.shape:
            found.update(d.names)
        found.update(str(index.name) for index in indices_of(part))
        for child in x.children(part):
            visit(child)

    visit(e)
    return frozenset(found)
