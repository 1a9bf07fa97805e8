"""Expressions to index terms: what each matrix operation means, entry by entry.

A dimension of size 1 written in a shape carries no index, so a column of shape (n, 1) becomes a tensor
with one index and a scalar one with none. Bound indices get fresh names ("·1", "·2", ...), so that
nothing is ever captured. Where a derivative's entries stand is said by `Partial.arrangement`; this module
only follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from derive import expression as x
from derive import terms as t
from derive.expression import Expression, Shape
from derive.terms import ONE, Dimension, Index, ShapeError, Term

HALF = t.Number(Fraction(1, 2))
UNIT = Index(0, ONE)


class Unsupported(ValueError):
    """An expression that has a meaning which cannot be put in index terms here."""


@dataclass
class Lowering:
    """Lowers expressions that rest on definitions.

    Attributes:
        definitions: what a symbol abbreviates.
        hidden: definitions made here for derivatives by an expression, such as d / d log y.
    """

    definitions: Mapping[str, Expression] = field(default_factory=dict)
    hidden: dict[str, Expression] = field(default_factory=dict)
    _count: int = 0

    def fresh(self, dimension: Dimension) -> Index:
        """A bound index that no one else uses."""
        self._count += 1
        return Index(f"·{self._count}", dimension)

    def general_entry(self, expression: Expression) -> t.Abstraction:
        """An expression as the abstraction of its entry over the dimensions that are not 1."""
        at = tuple(UNIT if d == ONE else self.fresh(d) for d in expression.shape)
        kept = tuple(i for i, d in zip(at, expression.shape, strict=True) if d != ONE)
        return t.Abstraction(kept, self.lower(expression, at, {}))

    def context_definitions(self) -> dict[str, t.Abstraction]:
        """Every definition, lowered, those made while lowering included."""
        lowered = {name: self.general_entry(body) for name, body in self.definitions.items()}
        while missing := self.hidden.keys() - lowered.keys():
            for name in sorted(missing):
                lowered[name] = self.general_entry(self.hidden[name])
        return lowered

    def lower(self, e: Expression, at: tuple[Index, ...], scope: Mapping[Index, Index]) -> Term:
        """The entry of `e` at the indices `at`, one for each dimension of its shape.

        `scope` maps the indices that `e` mentions to those that they stand for.
        """

        def here(body: Expression) -> Term:
            return self.lower(body, at, scope)

        def scalar(body: Expression) -> Term:
            return self.lower(body, (UNIT, UNIT), scope)

        def find(index: Index) -> Index:
            return scope.get(index, index)

        def summed(dimension: Dimension, body: object) -> Term:
            assert callable(body)
            if dimension == ONE:
                return body(UNIT)  # type: ignore[no-any-return]
            bound = self.fresh(dimension)
            return t.Sum(bound, body(bound))

        match e:
            case x.Constant(value=value):
                return t.Number(value)
            case x.Count(dimension=dimension):
                return t.Size(dimension)
            case x.Symbol(name=name):
                return t.Entry(name, _kept(e.shape, at))
            case x.Add(terms=terms):
                return t.Plus(tuple(map(here, terms)))
            case x.Negate(body=body):
                return -here(body)
            case x.Multiply(left=left, right=right):
                if left.is_scalar:
                    return scalar(left) * here(right)
                if right.is_scalar:
                    return here(left) * scalar(right)
                row, column = at
                return summed(
                    left.shape[1],
                    lambda k: self.lower(left, (row, k), scope) * self.lower(right, (k, column), scope),
                )
            case x.Hadamard(left=left, right=right):
                return here(left) * here(right)
            case x.Divide(numerator=above, denominator=below):
                return here(above) / (scalar(below) if below.is_scalar else here(below))
            case x.Power(base=base, exponent=exponent, entrywise=entrywise):
                return self._power(base, exponent, entrywise, at, scope)
            case x.Transpose(body=body):
                return self.lower(body, (at[1], at[0]), scope)
            case x.Inverse(body=body):
                if body.is_scalar:
                    return t.Power(scalar(body), t.Number(-1))
                return t.Inverse(self._matrix(body, scope), *at)
            case x.Determinant(body=body):
                return scalar(body) if body.is_scalar else t.Determinant(self._matrix(body, scope))
            case x.Trace(body=body):
                return summed(body.shape[0], lambda k: self.lower(body, (k, k), scope))
            case x.Diagonal(body=body):
                if body.is_scalar:
                    return scalar(body)
                if body.is_vector:
                    place = (at[0], UNIT) if body.shape[1] == ONE else (UNIT, at[0])
                    return t.Delta(*at) * self.lower(body, place, scope)
                return self.lower(body, (at[0], at[0]), scope)
            case x.Apply(function=function, body=body, order=order):
                return t.Apply(function, here(body), order)
            case x.Softmax(body=body):
                return self._softmax(body, at, scope)
            case x.LogSumExp(body=body):
                return t.Apply("log", self._over_entries(body, scope, lambda v: t.Apply("exp", v)))
            case x.Norm(body=body, kind=kind):
                if kind == "1":
                    return self._over_entries(body, scope, lambda v: t.Apply("abs", v))
                return t.Power(self._over_entries(body, scope, _square), HALF)
            case x.Entry(body=body, indices=indices):
                inner = tuple(map(find, indices))
                if len(inner) < len(body.shape):
                    inner = (UNIT, *inner) if body.shape[0] == ONE else (*inner, UNIT)
                return self.lower(body, inner, scope)
            case x.Sum(index=index, body=body, without=without):
                bound = self.fresh(index.range)
                inside = self.lower(body, at, {**scope, index: bound})
                for other in without:
                    inside = (t.Number(1) - t.Delta(bound, find(other))) * inside
                return t.Sum(bound, inside)
            case x.Delta(left=left_index, right=right_index):
                return t.Delta(find(left_index), find(right_index))
            case x.Entries(indices=indices, body=body):
                return self.lower(body, (UNIT, UNIT), {**scope, **dict(zip(indices, at, strict=True))})
            case x.Blocks(rows=rows):
                return t.Plus(
                    tuple(
                        t.Product((*_at_cell(at, e.shape, r, c), scalar(cell)))
                        for r, row_ in enumerate(rows)
                        for c, cell in enumerate(row_)
                    )
                )
            case x.Fill(value=value):
                return t.Number(value)
            case x.Identity():
                return t.Delta(*at)
            case x.Basis(index=index):
                return t.Delta(at[0], find(index))
            case x.Call(function=function, arguments=arguments):
                inner_arguments = tuple(self._argument(part, scope) for part in arguments)
                return t.Component(function, _kept(e.shape, at), inner_arguments)
            case x.Partial(body=body, variable=variable):
                return self._partial(e, at, scope)
            case x.Differential(body=body, variables=variables, directions=directions):
                parts = []
                for variable, direction in zip(variables, directions, strict=True):
                    by = tuple(UNIT if d == ONE else self.fresh(d) for d in variable.shape)
                    slope = self._differentiated(body, at, variable, by, scope) * self.lower(
                        direction, by, scope
                    )
                    for index in reversed(_kept(variable.shape, by)):
                        slope = t.Sum(index, slope)
                    parts.append(slope)
                return t.Plus(tuple(parts))
            case x.Gradient(body=body, variable=variable):
                if body.is_scalar:
                    return self._differentiated(body, (UNIT, UNIT), variable, at, scope)
                return self._partial(x.Partial(body, variable, "denominator"), at, scope)
        raise Unsupported(f"{type(e).__name__} has no index form here")

    def _matrix(self, body: Expression, scope: Mapping[Index, Index]) -> t.Abstraction:
        row, column = self.fresh(body.shape[0]), self.fresh(body.shape[1])
        return t.Abstraction((row, column), self.lower(body, (row, column), scope))

    def _argument(self, body: Expression, scope: Mapping[Index, Index]) -> t.Abstraction:
        at = tuple(UNIT if d == ONE else self.fresh(d) for d in body.shape)
        return t.Abstraction(_kept(body.shape, at), self.lower(body, at, scope))

    def _over_entries(self, body: Expression, scope: Mapping[Index, Index], change: object) -> Term:
        """The sum of change(entry) over all entries of a matrix."""
        assert callable(change)
        at = tuple(UNIT if d == ONE else self.fresh(d) for d in body.shape)
        total: Term = change(self.lower(body, at, scope))
        for index in reversed(_kept(body.shape, at)):
            total = t.Sum(index, total)
        return total

    def _softmax(self, body: Expression, at: tuple[Index, ...], scope: Mapping[Index, Index]) -> Term:
        top = t.Apply("exp", self.lower(body, at, scope))
        axis = 0 if body.shape[1] == ONE else 1
        if body.shape[axis] == ONE:
            return top / t.Apply("exp", self.lower(body, at, scope))
        k = self.fresh(body.shape[axis])
        place = (k, at[1]) if axis == 0 else (at[0], k)
        return top / t.Sum(k, t.Apply("exp", self.lower(body, place, scope)))

    def _power(
        self,
        base: Expression,
        exponent: Expression,
        entrywise: bool,
        at: tuple[Index, ...],
        scope: Mapping[Index, Index],
    ) -> Term:
        if isinstance(exponent, x.Constant) and exponent.value.denominator == 1:
            number = int(exponent.value)
            if isinstance(base, x.Norm) and base.kind in ("2", "F") and number == 2:
                return self._over_entries(base.body, scope, _square)
            if not base.is_scalar and not entrywise:
                if abs(number) > 12:
                    raise Unsupported(f"a matrix power of {number} is too large to write out")
                if number == 0:
                    return t.Delta(*at)
                factor = base if number > 0 else x.Inverse(base)
                return self.lower(x.product(*[factor] * abs(number)), at, scope)
        above = self.lower(exponent, (UNIT, UNIT), scope)
        return t.Power(self.lower(base, at, scope), above)

    def _partial(self, e: x.Partial, at: tuple[Index, ...], scope: Mapping[Index, Index]) -> Term:
        places = {"body": [UNIT] * len(e.body.shape), "variable": [UNIT] * len(e.variable.shape)}
        for index, (_, (side, axis)) in zip(at, e.arrangement(), strict=True):
            places[side][axis] = index
        return self._differentiated(
            e.body, tuple(places["body"]), e.variable, tuple(places["variable"]), scope
        )

    def _differentiated(
        self,
        body: Expression,
        body_at: tuple[Index, ...],
        variable: Expression,
        at: tuple[Index, ...],
        scope: Mapping[Index, Index],
    ) -> Term:
        """d body[body_at] / d variable[at]."""
        match variable:
            case x.Symbol(name=name) if isinstance(self.definitions.get(name), x.Symbol):
                return self._differentiated(
                    body, body_at, self.definitions[name], at, scope
                )  # another name of it
            case x.Symbol(name=name):
                return t.Partial(self.lower(body, body_at, scope), t.Entry(name, _kept(variable.shape, at)))
            case x.Transpose(body=inner):
                return self._differentiated(body, body_at, inner, (at[1], at[0]), scope)
            case x.Entry(body=x.Symbol(name=name) as whole, indices=indices):
                inner_at = tuple(scope.get(i, i) for i in indices)
                if len(inner_at) == len(whole.shape):
                    inner_at = _kept(whole.shape, inner_at)
                return t.Partial(self.lower(body, body_at, scope), t.Entry(name, inner_at))
        name = self._name_expression(variable)
        symbol = x.Symbol(name, variable.shape)
        return t.Partial(
            self.lower(self._abstracted(body, variable, symbol), body_at, scope),
            t.Entry(name, _kept(variable.shape, at)),
        )

    def _name_expression(self, variable: Expression) -> str:
        """The hidden symbol that stands for an expression by which something is differentiated."""
        if isinstance(variable, (x.Constant, x.Count, x.Fill, x.Identity)):
            raise Unsupported("it differentiates by a constant")
        for name, meaning in self.hidden.items():
            if meaning == variable:
                return name
        name = f"⟨{len(self.hidden) + 1}⟩"
        self.hidden[name] = variable
        return name

    def _abstracted(self, body: Expression, variable: Expression, symbol: x.Symbol) -> Expression:
        """`body`, its definitions unfolded until `variable` shows up in it, with `symbol` put for that."""
        for _ in range(12):
            if x.contains(body, variable):
                break
            wider = self._unfold_once(body)
            if wider == body:
                raise Unsupported("it is differentiated by an expression that does not stand in it")
            body = wider
        body = x.replace(body, variable, symbol)
        if self.free_symbols(body) & self.free_symbols(variable):
            raise Unsupported(
                "it depends on the parts of what it is differentiated by in another way as well"
            )
        return body

    def _unfold_once(self, e: Expression) -> Expression:
        if isinstance(e, x.Symbol) and e.name in self.definitions:
            return self.definitions[e.name]
        return x.rebuild(e, self._unfold_once)

    def all_symbols(self, e: Expression) -> frozenset[str]:
        """Every symbol that an expression rests on, defined ones included."""
        found: set[str] = set()
        todo = [e]
        while todo:
            part = todo.pop()
            if isinstance(part, x.Symbol):
                if part.name not in found and part.name in self.definitions:
                    todo.append(self.definitions[part.name])
                found.add(part.name)
            todo += x.children(part)
        return frozenset(found)

    def free_symbols(self, e: Expression, seen: frozenset[str] = frozenset()) -> frozenset[str]:
        """The undefined symbols that an expression rests on."""
        if isinstance(e, x.Symbol):
            if e.name not in self.definitions or e.name in seen:
                return frozenset({e.name})
            return self.free_symbols(self.definitions[e.name], seen | {e.name})
        return frozenset[str]().union(*(self.free_symbols(child, seen) for child in x.children(e)))


def _square(v: Term) -> Term:
    return t.Power(v, t.Number(2))


def _kept(shape: Shape, at: tuple[Index, ...]) -> tuple[Index, ...]:
    """The indices of the dimensions that are not 1."""
    return tuple(index for index, dimension in zip(at, shape, strict=True) if dimension != ONE)


def _at_cell(at: tuple[Index, ...], shape: Shape, row: int, column: int) -> list[Term]:
    """The deltas that single out one cell of a matrix written out."""
    return [
        t.Delta(index, Index(place, dimension))
        for index, dimension, place in zip(at, shape, (row, column), strict=True)
        if dimension != ONE
    ]


@dataclass(frozen=True)
class Statement:
    """An equation or inequality between expressions, lowered to a claim.

    `indices` are the free indices that stand for the row and the column (and more, for higher orders).
    """

    claim: t.Claim
    indices: tuple[Index, ...]


def state(
    lhs: Expression,
    rhs: Expression,
    relation: str = "=",
    definitions: Mapping[str, Expression] | None = None,
    hypotheses: tuple[t.Hypothesis, ...] = (),
    constants: frozenset[str] = frozenset(),
) -> Statement:
    """The claim `lhs relation rhs` entry by entry.

    Raises ShapeError when the sides have different shapes (a scalar 0 fits any), Unsupported for what
    has no index form.
    """
    if lhs.shape != rhs.shape:
        if rhs == x.Constant(Fraction(0)):
            rhs = x.Fill(Fraction(0), lhs.shape)
        elif lhs == x.Constant(Fraction(0)):
            lhs = x.Fill(Fraction(0), rhs.shape)
        else:
            raise ShapeError(
                f"the left side is {x.show_shape(lhs.shape)}, the right side {x.show_shape(rhs.shape)}"
            )
    lowering = Lowering(definitions or {})
    at = tuple(UNIT if d == ONE else Index(f"entry {place}", d) for place, d in enumerate(lhs.shape, start=1))
    left, right = lowering.lower(lhs, at, {}), lowering.lower(rhs, at, {})
    context = t.Context(lowering.context_definitions(), hypotheses, constants)
    return Statement(t.Claim(left, right, relation, context), _kept(lhs.shape, at))
