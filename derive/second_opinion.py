"""The second opinion: SymPy's entry-wise derivatives beside the kernel's, and entries written out.

    entrywise(claim) -> bool | None     whether SymPy's derivatives of a claim's terms are the kernel's
    explicit(statement) -> rows         the right side of a statement for concrete sizes, as LaTeX

SymPy's matrix-level `diff` is never used: in 1.14 it drops terms of softmax's Jacobian and takes the
derivative of log det X to be 0. Entry-wise `diff` on indexed symbols is sound as long as the index by
which it differentiates differs from every bound one, which fresh names guarantee here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from derive import terms as t
from derive.functions import FUNCTIONS
from derive.kernel import Exhausted, Theorem, Undefined, prove
from derive.lowering import Statement
from derive.terms import ONE, Dimension, Index


def entrywise(claim: t.Claim) -> bool | None:
    """Whether SymPy's entry-wise derivatives of a claim's terms are those of the kernel.

    Each derivative in the claim is taken by SymPy and handed back to the kernel, which compares it with
    its own. None where there is no derivative, or SymPy has no form for what is differentiated.
    """
    found: list[bool] = []
    for side in (claim.lhs, claim.rhs):
        for part in t.walk(side):
            if isinstance(part, t.Partial):
                try:
                    theirs = _SymPyTerms(claim.context).derivative(part)
                except (TypeError, ValueError, Undefined, Exhausted):  # ValueError: a slope inside a slope
                    return None
                ours = prove(t.Claim(part, theirs, "=", claim.context))
                found.append(isinstance(ours, Theorem))
    return all(found) if found else None


def explicit(statement: Statement) -> tuple[tuple[str, ...], ...]:
    """The right side of a statement written out, row by row, as LaTeX; () where that says nothing more.

    Only for concrete sizes, without derivatives, in the names that the statement itself uses.
    """
    term, indices = statement.claim.rhs, statement.indices
    sizes = [index.range.number for index in indices]
    if (
        not indices
        or len(indices) > 2
        or None in sizes
        or set(t.free_indices(term)) - set(indices) - {Index(0, ONE)}
    ):
        return ()
    if any(isinstance(part, (t.Partial, t.Inverse, t.Determinant, t.Component)) for part in t.walk(term)):
        return ()
    columns = range(sizes[1] or 0) if len(sizes) == 2 else (None,)
    rows: list[tuple[str, ...]] = []
    for row in range(sizes[0] or 0):
        cells: list[str] = []
        for column in columns:
            places = (row,) if column is None else (row, column)
            scope = {i: sympy.Integer(place) for i, place in zip(indices, places, strict=True)}
            cells.append(_entry_latex(term, scope))
        rows.append(tuple(cells))
    return tuple(rows)


def _entry_latex(term: t.Term, scope: Mapping[Index, Any]) -> str:
    """One entry as LaTeX, its sums written out and its symbols numbered from 1."""
    entry = _SymPyTerms(t.Context()).term(term, scope, frozenset()).doit()
    names: dict[Any, Any] = {}
    for part in entry.atoms(sympy.Indexed):
        places = "".join(str(int(i) + 1) for i in part.indices)
        names[part] = sympy.Symbol(f"{str(part.base.name).split('|')[0]}_{{{places}}}")
    for part in entry.free_symbols:
        if part.name.endswith("|"):
            names[part] = sympy.Symbol("{" + part.name[:-1] + "}")
    return str(sympy.latex(entry.xreplace(names), order="none"))


@dataclass
class _SymPyTerms:
    """Index terms as scalar SymPy expressions over indexed symbols, and back."""

    context: t.Context
    indices: dict[Any, Index] = field(default_factory=dict)
    count: int = 0

    def derivative(self, part: t.Partial) -> t.Term:
        return self.back(self.term(part, {}, frozenset()))

    def symbol(self, index: Index, scope: Mapping[Index, Any]) -> Any:
        if index in scope:
            return scope[index]
        made = (
            sympy.Integer(index.name)
            if isinstance(index.name, int)
            else sympy.Symbol(f"i_{index.name}_{index.range}", integer=True)
        )
        self.indices[made] = index
        return made

    def bound(self, index: Index) -> Any:
        self.count += 1
        made = sympy.Symbol(f"b{self.count}", integer=True)
        self.indices[made] = Index(f"·b{self.count}", index.range)
        return made

    def entry(self, e: t.Entry, scope: Mapping[Index, Any], stops: frozenset[str]) -> Any:
        definition = self.context.definitions.get(e.tensor)
        places = [self.symbol(i, scope) for i in e.indices]
        if definition is not None and e.tensor not in stops:
            return self.term(definition.body, dict(zip(definition.indices, places, strict=True)), stops)
        ranges = ",".join(str(i.range) for i in e.indices)
        return (
            sympy.IndexedBase(f"{e.tensor}|{ranges}")[tuple(places)]
            if places
            else sympy.Symbol(f"{e.tensor}|")
        )

    def term(self, e: t.Term, scope: Mapping[Index, Any], stops: frozenset[str]) -> Any:
        def again(body: t.Term) -> Any:
            return self.term(body, scope, stops)

        match e:
            case t.Number(value=value):
                return sympy.Rational(value.numerator, value.denominator)
            case t.Size(dimension=dimension):
                return _dimension_to_sympy(dimension)
            case t.Entry():
                return self.entry(e, scope, stops)
            case t.Delta(left=left, right=right):
                return sympy.KroneckerDelta(self.symbol(left, scope), self.symbol(right, scope))
            case t.Sum(index=index, body=body):
                k = self.bound(index)
                high = _dimension_to_sympy(index.range) - 1
                return sympy.Sum(self.term(body, {**scope, index: k}, stops), (k, 0, high))
            case t.Plus(terms=parts):
                return sympy.Add(*map(again, parts))
            case t.Product(factors=parts):
                return sympy.Mul(*map(again, parts))
            case t.Power(base=base, exponent=exponent):
                return sympy.Pow(again(base), again(exponent))
            case t.Apply(function=function, argument=argument, order=0):
                record = FUNCTIONS.get(function)
                if record is not None and record.definition is not None:
                    return again(record.definition(argument))
                known = {
                    "exp": sympy.exp,
                    "log": sympy.log,
                    "sin": sympy.sin,
                    "cos": sympy.cos,
                    "arctan": sympy.atan,
                }
                if function in known:
                    return known[function](again(argument))
                if record is None:
                    return sympy.Function(function)(again(argument))
            case t.Apply(function=function, argument=argument, order=order) if function not in FUNCTIONS:
                xi = sympy.Dummy("xi")
                return sympy.Subs(
                    sympy.Derivative(sympy.Function(function)(xi), (xi, order)), xi, again(argument)
                )
            case t.Partial(body=body, variable=variable):
                inner = self.term(body, scope, stops | {variable.tensor})
                by = self.entry(variable, scope, stops | {variable.tensor})
                return self._unfold(sympy.diff(inner, by), stops)
        raise TypeError(f"SymPy has no scalar form for a term of kind {type(e).__name__}")

    def _unfold(self, slope: Any, stops: frozenset[str]) -> Any:
        """Definitions that were held fixed while differentiating, unfolded afterwards."""

        meanings: dict[Any, Any] = {}
        for e in slope.atoms(sympy.Indexed) | {v for v in slope.free_symbols if v.name.endswith("|")}:
            indexed = isinstance(e, sympy.Indexed)
            name = str(e.base.name if indexed else e.name).split("|")[0]
            definition = self.context.definitions.get(name)
            if definition is not None and name not in stops:
                places = dict(zip(definition.indices, e.indices if indexed else (), strict=True))
                meanings[e] = self.term(definition.body, places, stops)
        return slope.xreplace(meanings)

    def back(self, e: Any) -> t.Term:
        again = self.back
        if e.is_Rational:
            return t.Number(Fraction(int(e.p), int(e.q)))
        if isinstance(e, sympy.Indexed):
            name, ranges = str(e.base.name).split("|")
            sizes = ranges.split(",")
            return t.Entry(name, tuple(self._index(p, s) for p, s in zip(e.indices, sizes, strict=True)))
        if e.is_Symbol:
            return t.Entry(e.name.split("|")[0]) if "|" in e.name else t.Size(Dimension.of(e.name))
        if isinstance(e, sympy.KroneckerDelta):
            left, right = e.args[:2]
            known = self.indices[left if left in self.indices and not left.is_Integer else right]
            return t.Delta(self._index(left, known), self._index(right, known))
        if isinstance(e, sympy.Sum):
            result = again(e.function)
            for k, _, _ in e.limits:
                result = t.Sum(self.indices[k], result)
            return result
        if isinstance(e, sympy.Add):
            return t.Plus(tuple(map(again, e.args)))
        if isinstance(e, sympy.Mul):
            return t.Product(tuple(map(again, e.args)))
        if isinstance(e, sympy.exp):
            return t.Apply("exp", again(e.args[0]))
        if isinstance(e, sympy.Pow):
            return t.Power(again(e.base), again(e.exp))
        if isinstance(e, (sympy.log, sympy.sin, sympy.cos)):
            return t.Apply(e.func.__name__, again(e.args[0]))
        if isinstance(e, sympy.atan):
            return t.Apply("arctan", again(e.args[0]))
        if isinstance(e, AppliedUndef):
            return t.Apply(e.func.__name__, again(e.args[0]))
        if isinstance(e, sympy.Subs) and isinstance(e.expr, sympy.Derivative) and len(e.variables) == 1:
            return self._primed(e.expr, again(e.point[0]))
        if isinstance(e, sympy.Derivative):
            return self._primed(e, again(e.expr.args[0]))
        raise TypeError(f"no way back from {type(e).__name__}")

    def _primed(self, e: Any, argument: t.Term) -> t.Term:
        """A derivative of an undefined function of one variable by that variable."""
        if (
            not isinstance(e.expr, AppliedUndef)
            or e.expr.args != e.variables[:1]
            or len(set(e.variables)) > 1
        ):
            raise TypeError(f"no way back from {e}")
        return t.Apply(e.expr.func.__name__, argument, len(e.variables))

    def _index(self, place: Any, like: Index | str) -> Index:
        if place in self.indices and not place.is_Integer:
            return self.indices[place]
        if place.is_Integer:
            dimension = (
                like.range if isinstance(like, Index) else Dimension.of(int(like) if like.isdigit() else like)
            )
            return Index(int(place), dimension)
        raise TypeError(f"an unknown index {place}")


def _dimension_to_sympy(dimension: Dimension) -> Any:
    total = sympy.Integer(0)
    for names, coefficient in dimension.monomials:
        total += coefficient * sympy.prod([sympy.Symbol(n, integer=True, positive=True) for n in names])
    return total
