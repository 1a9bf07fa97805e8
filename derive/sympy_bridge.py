"""SymPy expressions to ours and back.

Every SymPy symbol plays one part in a problem, and what would need a second one is a TypeError:

- a *dimension* stands in a shape, or in the upper limit of a sum, or is declared to be a positive
  integer and is no index: an integer, at least 1;
- an *index* is summed over, or stands in the place of an entry or in a Kronecker delta. The range of a
  bound one is read off its own Sum, that of a free one off the matrices whose entries it picks;
- any other symbol is a *quantity*, a real number.

Different SymPy symbols of one name get different names here. Assumptions on a quantity become hypotheses
where they are open conditions (positive, negative, nonzero); the others only restrict counterexamples.
What has no reading is a TypeError too, never a guess: an *arbitrary* function is one that SymPy itself
has no definition of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.matexpr import MatrixElement

from derive import expression as x
from derive import terms as t
from derive.expression import Expression, Layout, Shape
from derive.functions import FUNCTIONS, SPELLINGS
from derive.lowering import Lowering, state
from derive.printing import latex
from derive.report import Counterexample
from derive.terms import ONE, Dimension, Index, ShapeError

UNIT = Index(0, ONE)
LETTERS = (*"ijklmnpqrs", *(f"i_{{{n}}}" for n in range(1, 1000)))

OURS = {
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.sin: "sin",
    sympy.cos: "cos",
    sympy.atan: "arctan",
    sympy.sinh: "sinh",
    sympy.cosh: "cosh",
    sympy.tanh: "tanh",
    sympy.sign: "sign",
    sympy.Abs: "abs",
}
ORDERED = (sympy.Gt, sympy.Ge, sympy.Lt, sympy.Le)
THEIRS = {ours: theirs for theirs, ours in OURS.items()} | {"sqrt": sympy.sqrt}

FINER = ("integer", "noninteger", "rational", "irrational", "algebraic", "transcendental",
         "even", "odd", "prime", "composite", "zero")  # fmt: skip
"""Assumptions that no hypothesis can state: a counterexample is held against them afterwards."""


class Softmax(sympy.MatrixExpr):  # type: ignore[misc]
    """softmax of a column (or, for a matrix, of each row): exp(v_i) / Sum_k exp(v_k)."""

    @property
    def arg(self) -> Any:
        return self.args[0]

    @property
    def shape(self) -> Any:
        return self.arg.shape

    def _entry(self, i: Any, j: Any, **_: Any) -> Any:
        k = sympy.Dummy("k", integer=True)
        rows, columns = self.shape
        place, size = ((k, sympy.S.Zero), rows) if columns == 1 else ((i, k), columns)
        above, below = (sympy.exp(self.arg._entry(*at, expand=False)) for at in ((i, j), place))
        return above / sympy.Sum(below, (k, 0, size - 1))

    def _latex(self, printer: Any, *_: Any) -> str:
        return rf"\operatorname{{softmax}}\left({printer._print(self.arg)}\right)"

    def _sympystr(self, printer: Any, *_: Any) -> str:
        return f"softmax({printer._print(self.arg)})"


class _Unevaluated:
    """What both kinds of derivative below have in common; args are the body, the variable and the layout."""

    args: tuple[Any, ...]

    def _latex(self, printer: Any, *_: Any) -> str:
        return rf"\frac{{\partial {printer._print(self.args[0])}}}{{\partial {printer._print(self.args[1])}}}"

    def _sympystr(self, printer: Any, *_: Any) -> str:
        return f"partial({printer._print(self.args[0])}, {printer._print(self.args[1])})"


class PartialDerivative(_Unevaluated, sympy.MatrixExpr):  # type: ignore[misc]
    """An unevaluated derivative, arranged by a layout, where the body or the variable is a matrix."""

    @property
    def shape(self) -> Any:
        return _shape_of(self)

    def _entry(self, i: Any, j: Any, **_: Any) -> Any:
        return MatrixElement(self, i, j)


class ScalarDerivative(_Unevaluated, sympy.Expr):  # type: ignore[misc]
    """An unevaluated derivative of a scalar by a scalar."""

    is_commutative = True

    def _eval_derivative(self, s: Any) -> Any:
        return self.func(self, s, self.args[2])


@lru_cache(maxsize=256)
def _shape_of(derivative: PartialDerivative) -> tuple[Any, ...]:
    bridge = Bridge()
    bridge.collect(derivative)
    sizes = bridge.read(derivative).shape
    if len(sizes) != 2:
        raise ShapeError(f"the derivative has {len(sizes)} indices; differentiate an entry, or by an entry")
    return tuple(map(bridge.size, sizes))


@dataclass(frozen=True, slots=True)
class OneHot:
    """The hypothesis that a vector has one entry 1 and all others 0."""

    vector: Any


def as_sympy(value: Any) -> Any:
    """A SymPy object; numbers are turned into one, text never is."""
    if isinstance(value, str):
        raise TypeError(f"text is not read as mathematics here: give a SymPy expression instead of {value!r}")
    try:
        made = sympy.sympify(value, strict=True)
    except sympy.SympifyError:
        raise TypeError(f"not a SymPy expression: {value!r} of type {type(value).__name__}") from None
    return made.as_immutable() if isinstance(made, sympy.MatrixBase) else made


@dataclass
class Bridge:
    """Reads the expressions of one problem, after `collect` has seen all of them, and writes back.

    Attributes:
        layout: how every derivative is arranged; None keeps each one's own.
        generic: read the concrete size 3 as a dimension symbol of its own; see `sized`.
        shapes: the shape of each tensor, by name.
        quantities, sizes, indices: the SymPy symbol of each scalar, dimension and free index, by name.
        needs: how large dimensions must be for the fixed places that are mentioned.
        ranges: the ranges of the free indices.
        equations: what is given to be 0, of the scalar equations among the hypotheses.
    """

    layout: Layout | None = None
    generic: bool = False
    shapes: dict[str, Shape] = field(default_factory=dict)
    quantities: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, Any] = field(default_factory=dict)
    indices: dict[str, Any] = field(default_factory=dict)
    needs: dict[Dimension, int] = field(default_factory=dict)
    ranges: dict[Any, Dimension] = field(default_factory=dict)
    equations: list[Any] = field(default_factory=list)
    _bound: set[Any] = field(default_factory=set)
    _originals: dict[str, Any] = field(default_factory=dict)
    _functions: dict[str, Any] = field(default_factory=dict)
    _names: dict[Any, str] = field(default_factory=dict)
    _scope: dict[Any, tuple[Index, int]] = field(default_factory=dict)  # bound index: ours, its lowest value
    _arguments: dict[Any, Expression] = field(default_factory=dict)  # what applyfunc's variable stands for

    # ── which symbol plays which part ──────────────────────────────────────────────────────────────────────

    def collect(self, *objects: Any) -> None:
        """Learn which symbols are dimensions and which are indices, and over what these range."""
        tops = [top.vector if isinstance(top, OneHot) else top for top in objects]
        parts = [part for top in tops for part in sympy.preorder_traversal(top)]
        for part in parts:
            if isinstance(part, sympy.Sum):
                self._bound |= {limits[0] for limits in part.limits}
        symbols = dict.fromkeys(part for part in parts if isinstance(part, sympy.Symbol))
        for symbol in sorted(symbols, key=lambda s: isinstance(s, sympy.Dummy)):
            self.name(symbol)
        for part in parts:
            if isinstance(part, (sympy.MatrixSymbol, sympy.OneMatrix, sympy.ZeroMatrix, sympy.Identity)):
                for size in part.shape:
                    self.dimension(size)
            if isinstance(part, sympy.Sum):
                for limits in part.limits:
                    self._limits(limits)
            if isinstance(part, ORDERED) and part.lts.is_Integer:
                high = part.gts
                if high.is_Symbol and high.is_integer and high.is_positive:
                    self._size_name(high)
        known = -1
        while known < len(self.ranges):
            known = len(self.ranges)
            for top in tops:
                self._learn(top, {})

    def _learn(self, e: Any, bound: Mapping[Any, Dimension]) -> None:
        """The ranges of the free indices of an expression, as far as the places that they take tell."""
        if isinstance(e, sympy.Sum):
            inside = dict(bound)
            for limits in reversed(e.limits):
                inside[limits[0]] = self._limits(limits)[1]
            self._learn(e.function, inside)
            return
        if isinstance(e, MatrixElement):
            try:
                shape = e.args[0].shape
            except TypeError:  # a derivative that mentions indices of which nothing is known yet
                shape = ()
            for place, size in zip(e.args[1:], shape, strict=False):
                self._range(place, self.dimension(size), bound)
        if isinstance(e, (sympy.KroneckerDelta, sympy.Eq, sympy.Ne)):
            ranges = {**self.ranges, **bound}
            for one, other in (e.args[:2], e.args[1::-1]):
                if other in ranges and other not in self._names_of_sizes():
                    self._range(one, ranges[other], bound)
        for part in e.args:
            self._learn(part, bound)

    def _names_of_sizes(self) -> set[Any]:
        return set(self.sizes.values())

    def _range(self, place: Any, dimension: Dimension, bound: Mapping[Any, Dimension]) -> None:
        if isinstance(place, sympy.Symbol) and place not in bound and place not in self._names_of_sizes():
            if self.ranges.setdefault(place, dimension) != dimension:
                raise ShapeError(
                    f"the index {place} runs to {self.ranges[place]} in one place, to {dimension} in another"
                )
            self.indices[self.name(place)] = place

    def name(self, symbol: Any) -> str:
        """The name of a symbol: its own, marked where another symbol has it already."""
        if symbol not in self._names:
            self._names[symbol] = _unused(_checked(str(symbol.name)), self._names.values())
        return self._names[symbol]

    def dimension(self, size: Any) -> Dimension:
        """A size as a polynomial in dimension symbols. Raises TypeError for anything else."""
        size = as_sympy(size)
        if size.is_Integer:
            generic = self.generic and size > 1
            return Dimension.of(f"⟨{size}⟩" if generic else int(size))
        total: Dimension | None = None
        for monomial, coefficient in sympy.expand(size).as_coefficients_dict().items():
            if not as_sympy(coefficient).is_Integer:
                raise TypeError(f"a dimension needs integer coefficients: {size}")
            names: list[str] = []
            for base, exponent in monomial.as_powers_dict().items():
                if base.is_Symbol and exponent.is_Integer and exponent > 0:
                    names += [self._size_name(base)] * int(exponent)
                elif base != 1:
                    raise TypeError(f"a dimension is a polynomial in symbols, not {size}")
            part = Dimension(((tuple(sorted(names)), int(coefficient)),))
            total = part if total is None else total + part
        assert total is not None
        if any(coefficient < 0 for _, coefficient in total.monomials):
            self.needs.setdefault(total, 1)
        return total

    def _size_name(self, symbol: Any) -> str:
        if symbol in self._bound or symbol in self.ranges:
            raise TypeError(f"{symbol} is an index, and cannot be a size as well")
        if symbol.is_integer is False or symbol.is_positive is False or not symbol.is_commutative:
            raise TypeError(f"a size is a positive integer, which {symbol} is assumed not to be")
        name = self.name(symbol)
        if not re.fullmatch(r"[^\W\d][^\s+-]*|\\[^\s+-]+", name):
            raise TypeError(f"{name!r} cannot be the name of a size")
        self.sizes[name] = symbol
        return name

    def _limits(self, limits: Any) -> tuple[Any, Dimension, int]:
        """The index of a sum, its range, and its lowest value."""
        if len(limits) != 3:
            raise TypeError(f"a sum needs both of its limits: {limits}")
        index, low, high = limits
        if not low.is_Integer:
            raise TypeError(f"the lower limit of a sum is a number, not {low}")
        return index, self.dimension(high - low + 1), int(low)

    # ── from SymPy ─────────────────────────────────────────────────────────────────────────────────────────

    def read(self, e: Any) -> Expression:
        """A SymPy expression as ours. Raises ShapeError or TypeError."""
        again = self.read
        match e:
            case sympy.Rational():
                return x.Constant(Fraction(int(e.p), int(e.q)))
            case sympy.MatrixSymbol():
                rows, columns = map(self.dimension, e.shape)
                return self._symbol(_checked(e.name), (rows, columns), e)
            case sympy.Symbol():
                return self._scalar(e)
            case Softmax():
                return x.Softmax(again(e.arg))
            case _Unevaluated():
                body, variable, layout = e.args
                return self._derivative(body, variable, self.layout or layout.name)
            case MatrixElement():
                return self._entry(again(e.args[0]), e.args[1:])
            case sympy.Sum():
                return self._sum(e)
            case sympy.KroneckerDelta():
                return self._delta(e)
            case sympy.MatAdd() | sympy.Add():
                return x.Add(tuple(map(again, e.args)))
            case sympy.MatMul() | sympy.Mul():
                return self._product(list(e.args))
            case sympy.HadamardProduct():
                result = again(e.args[0])
                for part in e.args[1:]:
                    result = x.Hadamard(result, again(part))
                return result
            case sympy.Transpose():
                return x.Transpose(again(e.arg))
            case sympy.Inverse():
                return x.Inverse(again(e.arg))
            case sympy.MatPow():
                return x.Power(again(e.base), again(e.exp))
            case sympy.HadamardPower():
                return x.Power(again(e.base), again(e.exp), entrywise=True)
            case sympy.Trace():
                return x.Trace(again(e.arg))
            case sympy.Determinant():
                return x.Determinant(again(e.arg))
            case DiagMatrix():
                vector = again(e.args[0])
                if vector.is_vector or vector.is_scalar:
                    return x.Diagonal(vector)
            case DiagonalOf():
                return x.Diagonal(again(e.args[0]))
            case ElementwiseApplyFunction():
                return self._applied(e.function, again(e.expr))
            case sympy.Identity():
                return x.Identity(self.dimension(e.shape[0]))
            case sympy.OneMatrix() | sympy.ZeroMatrix():
                rows, columns = map(self.dimension, e.shape)
                return x.Fill(Fraction(int(isinstance(e, sympy.OneMatrix))), (rows, columns))
            case sympy.MatrixBase():
                return x.Blocks(tuple(tuple(map(again, e.row(r))) for r in range(e.rows)))
            case sympy.Pow() if e.base != sympy.E:
                return x.Power(self._number(e.base, "a power"), self._number(e.exp, "an exponent"))
            case sympy.Pow() | sympy.core.numbers.Exp1():
                return x.Apply("exp", self._number(getattr(e, "exp", sympy.S.One), "exp"))
            case sympy.Subs() | sympy.Derivative() | sympy.Function():
                found = self._called(e)
                if found is not None:
                    function, order, argument = found
                    return x.Apply(function, self._number(argument, function), order)
        raise TypeError(f"no reading for the SymPy object {e} of type {type(e).__name__}")

    def _number(self, e: Any, what: str) -> Expression:
        made = self.read(e)
        if not made.is_scalar:
            raise TypeError(f"{what} of the matrix {e} is not taken entry by entry: use applyfunc for that")
        return made

    def _called(self, e: Any) -> tuple[str, int, Any] | None:
        """f(a), f'(a) ... of one argument: the function's name, the order, the argument."""
        order = 0
        point = None
        if isinstance(e, sympy.Subs) and isinstance(e.expr, sympy.Derivative):
            if len(e.variables) != 1 or tuple(e.expr.expr.args) != tuple(e.variables):
                return None
            (point,), e = e.point, e.expr
        if isinstance(e, sympy.Derivative):
            if not isinstance(e.expr, AppliedUndef) or {*e.variables} != {*e.expr.args}:
                return None
            order, e = len(e.variables), e.expr
        if len(e.args) != 1 or not (e.func in OURS or isinstance(e, AppliedUndef)):
            return None
        name = OURS[e.func] if e.func in OURS else self._function(e.func)
        return name, order, e.args[0] if point is None else point

    def _function(self, function: Any) -> str:
        """The name of a function that SymPy has no definition of; sigmoid and its like are known here."""
        assumed = {key for key, value in function._kwargs.items() if value}
        if assumed - {"complex", "commutative", "real", "extended_real", "finite", "hermitian"} or (
            {"commutative", "real", "finite"} & (function._kwargs.keys() - assumed)
        ):
            raise TypeError(f"assumptions on the function {function} cannot be used here: {sorted(assumed)}")
        name = str(function.__name__)
        if name in SPELLINGS:
            return SPELLINGS[name]
        for key, known in self._functions.items():
            if known == function:
                return key
        key = _unused(_checked(name), self._functions)
        self._functions[key] = function
        return key

    def _symbol(self, name: str, shape: Shape, original: Any) -> Expression:
        if self.shapes.setdefault(name, shape) != shape:
            known = x.show_shape(self.shapes[name])
            raise ShapeError(f"{name} has the shapes {known} and {x.show_shape(shape)}")
        if self._originals.setdefault(name, original) != original:
            raise TypeError(f"two different SymPy objects are called {name}")
        return x.Symbol(name, shape)

    def _scalar(self, symbol: Any) -> Expression:
        if symbol in self._arguments:
            return self._arguments[symbol]
        if symbol in self._scope or symbol in self._bound or symbol in self.ranges:
            raise TypeError(f"{symbol} is an index here, and an index is not read as a number")
        name = self.name(symbol)
        if name in self.sizes or (symbol.is_integer and symbol.is_positive):
            return x.Count(Dimension.of(self._size_name(symbol)))
        if symbol.is_real is False or not symbol.is_commutative:
            raise TypeError(f"quantities are real numbers, which {symbol} is assumed not to be")
        self.quantities[name] = symbol
        return self._symbol(name, x.SCALAR, symbol)

    def _product(self, factors: list[Any]) -> Expression:
        """A product, with a sign and a fraction as one would write them."""
        inverted = [isinstance(f, sympy.Pow) and f.exp.is_Integer and f.exp < 0 for f in factors]
        below = [f.base**-f.exp for f, under in zip(factors, inverted, strict=True) if under]
        above = [f for f, under in zip(factors, inverted, strict=True) if not under]
        sign = bool(above) and above[0] == -1
        above = above[1:] if sign else above
        result = x.product(*map(self.read, above)) if above else x.Constant(Fraction(1))
        if below:
            result = x.Divide(result, x.product(*map(self.read, below)))
        return x.Negate(result) if sign else result

    def _letter(self, wish: Any = None) -> str:
        """A name for a bound index: its own where it has a good one, else the next letter that is free."""
        taken = {*self.indices, *self.sizes, *(index.name for index, _ in self._scope.values())}
        own = str(wish.name) if isinstance(wish, sympy.Symbol) and not isinstance(wish, sympy.Dummy) else None
        if own is not None and own not in taken and self.name(wish) == own:
            return own
        return _first(letter for letter in LETTERS if letter not in taken and letter not in self.shapes)

    def _sum(self, e: Any) -> Expression:
        outside, self._scope = self._scope, dict(self._scope)
        bound: list[Index] = []
        for limits in reversed(e.limits):  # the outermost first
            symbol, dimension, low = self._limits(limits)
            bound.append(Index(self._letter(symbol), dimension))
            self._scope[symbol] = (bound[-1], low)
        try:
            result = self.read(e.function)
        finally:
            self._scope = outside
        for index in reversed(bound):
            result = x.Sum(index, result)
        return result

    def _position(self, place: Any) -> tuple[Index | None, Any]:
        """A place as an index that counts from 0, if it has one, and what is to be added to it."""
        if place.is_Integer:
            return None, place
        for symbol in place.free_symbols:
            index, low = self._scope.get(symbol, (None, 0))
            if index is None and symbol in self.ranges:
                index = Index(self.name(symbol), self.ranges[symbol])
            shift = sympy.expand(place - symbol + low)
            if index is not None and shift.is_Integer:
                return index, shift
        if place.is_Symbol:
            raise TypeError(f"over what {place} ranges is not known: it stands in the place of no entry")
        raise TypeError(f"an index is a symbol or a number, not {place}")

    def _fixed(self, number: Any, dimension: Dimension) -> Index:
        """A fixed place, counted from 0; the dimension is remembered to be large enough for it."""
        size = dimension.number
        if number < 0 or (size is not None and number >= size):
            raise TypeError(f"there is no place {number} among {dimension}, which are counted from 0")
        if size is None and number > 0:
            self.needs[dimension] = max(self.needs.get(dimension, 1), int(number) + 1)
        return Index(int(number), dimension)

    def _place(self, place: Any, dimension: Dimension) -> Index:
        """The place of an entry along a dimension: a number, or an index that runs over all of it."""
        index, shift = self._position(place)
        if index is None:
            return self._fixed(shift, dimension)
        if shift != 0 or index.range != dimension:
            run = f"from {shift} on, over {index.range} values"
            raise ShapeError(f"the place {place} runs {run}; the places there are 0 to {dimension} - 1")
        return index

    def _entry(self, body: Expression, at: Iterable[Any]) -> Expression:
        places = [self._place(place, d) for place, d in zip(at, body.shape, strict=True)]
        kept = tuple(place for place, d in zip(places, body.shape, strict=True) if d != ONE)
        if body.is_scalar:
            return body
        return x.Entry(body, kept if ONE in body.shape else tuple(places))

    def _delta(self, e: Any) -> Expression:
        if len(e.args) != 2:
            raise TypeError(f"a Kronecker delta with a range of its own has no reading: {e}")
        (left, first), (right, second) = map(self._position, e.args)
        if left is None:
            left, first, right, second = right, second, left, first
        if left is None:
            return x.Constant(Fraction(int(first == second)))
        if right is None:
            number, size = second - first, left.range.number
            if number < 0 or (size is not None and number >= size):
                return x.Constant(Fraction(0))
            return x.Delta(left, self._fixed(number, left.range))
        if first != second:
            raise TypeError(f"the indices of {e} are counted from different numbers")
        return x.Delta(left, right)

    def _applied(self, function: Any, at: Expression) -> Expression:
        """A function of one variable at each entry of a matrix."""
        argument = sympy.Dummy("argument")
        body = function(argument)
        called = self._called(body) if isinstance(body, (sympy.Function, sympy.Derivative)) else None
        if body == argument:
            return at
        if called is not None and called[2] == argument:
            return x.Apply(called[0], at, called[1])
        outside, self._scope = self._scope, dict(self._scope)
        places: list[Index] = []
        for dimension in at.shape:
            places.append(Index(self._letter(), dimension))
            self._scope[sympy.Dummy()] = (places[-1], 0)
        kept = tuple(p for p in places if p.range != ONE)
        self._arguments[argument] = (
            at if at.is_scalar else x.Entry(at, kept if ONE in at.shape else tuple(places))
        )
        try:
            return x.Entries(tuple(places), self._number(body, "a function"))
        finally:
            self._scope = outside

    def _derivative(self, body: Any, variable: Any, layout: Layout) -> Expression:
        if isinstance(variable, sympy.MatrixBase):
            return self._cell_by_cell(self.read(body), variable, layout)
        by = self.read(variable)
        plain = variable.args[0] if isinstance(variable, (MatrixElement, sympy.Transpose)) else variable
        if isinstance(by, x.Count):
            raise TypeError(f"nothing is differentiated by the size {variable}")
        if not isinstance(plain, sympy.Symbol | sympy.MatrixSymbol) and (
            plain.free_symbols & (self._scope.keys() | self._bound | self.ranges.keys())
            or variable.atoms(MatrixElement)
        ):
            raise TypeError(f"differentiate by a symbol or by an entry of one, not by {variable}")
        return x.Partial(self.read(body), by, layout)

    def _cell_by_cell(self, body: Expression, variable: Any, layout: Layout) -> Expression:
        """The derivative by an explicit matrix of different symbols, written out."""
        symbols = {v for v in variable if isinstance(v, (sympy.Symbol, MatrixElement))}
        if len(symbols) < len(variable):
            raise TypeError(f"differentiate by a matrix of different symbols, not by {variable}")
        shape = tuple(map(Dimension.of, variable.shape))
        whole = x.Partial(body, x.Symbol("variable", shape), layout).arrangement()
        sizes = [dimension.number for dimension, _ in whole]
        if len(whole) != 2 or None in sizes:
            raise TypeError("the derivative by an explicit matrix is itself none; take it entry by entry")
        rows: list[tuple[Expression, ...]] = []
        for place in range(sizes[0] or 0):
            row: list[Expression] = []
            for other in range(sizes[1] or 0):
                at = {"body": [0, 0], "variable": [0, 0]}
                for number, (_, (side, axis)) in zip((place, other), whole, strict=True):
                    at[side][axis] = number
                below = self.read(variable[tuple(at["variable"])])
                row.append(x.Partial(cell(body, at["body"]), below, layout))
            rows.append(tuple(row))
        return x.Blocks(tuple(rows))

    # ── hypotheses ─────────────────────────────────────────────────────────────────────────────────────────

    def hypotheses(self, given: Iterable[Any]) -> tuple[t.Hypothesis, ...]:
        """What is given, and what the assumptions on the symbols read so far say."""
        found = [h for statement in given for h in self.hypothesis(statement)]
        for name, symbol in self.quantities.items():
            entry = t.Entry(name)
            if symbol.is_positive:
                found.append(t.Positive(entry, (f"{name} > 0",)))
            elif symbol.is_negative:
                found.append(t.Positive(-entry, (f"{name} < 0",)))
            elif symbol.is_nonzero:
                found.append(t.Nonzero(entry, (f"Ne({name}, 0)",)))
        return tuple(found)

    def restrictions(self) -> tuple[t.Hypothesis, ...]:
        """What counterexamples must respect beside the hypotheses, for the statement to be meant there."""
        found: list[t.Hypothesis] = [t.AtLeast(d, n, ("size",)) for d, n in self.needs.items()]
        for name, symbol in self.quantities.items():
            if symbol.is_nonnegative and not symbol.is_positive:
                found.append(t.Positive(t.Entry(name), ("assumption",)))
            elif symbol.is_nonpositive and not symbol.is_negative:
                found.append(t.Positive(-t.Entry(name), ("assumption",)))
        return tuple(found)

    def admits(self, found: Counterexample) -> bool:
        """Whether a counterexample fits what is assumed of the symbols."""
        for name, symbol in (*self.quantities.items(), *self.sizes.items()):
            value = found.values.get(name, found.dimensions.get(name))
            assumed = {key: symbol.assumptions0[key] for key in FINER if key in symbol.assumptions0}
            if value is None or not assumed:
                continue
            if not re.fullmatch(r"-?\d+(/\d+)?", str(value)):
                if assumed != {"zero": False}:
                    return False
            elif any(getattr(sympy.Rational(str(value)), f"is_{k}") != wish for k, wish in assumed.items()):
                return False
        return True

    def conditions(self) -> tuple[str, ...]:
        """How large the dimensions must be for the places that are mentioned, as LaTeX."""
        return tuple(rf"{dimension} \ge {bound}" for dimension, bound in self.needs.items())

    def hypothesis(self, statement: Any) -> list[t.Hypothesis]:
        """A SymPy relation, or `one_hot(y)`, as hypotheses of the kernel."""
        if isinstance(statement, OneHot):
            return self._one_hot(statement.vector)
        label = (str(statement),)
        if isinstance(statement, (sympy.Eq, sympy.Ne)):
            equal = isinstance(statement, sympy.Eq)
            left, right = statement.args
            if left in self.ranges or right in self.ranges:
                dimension = self.ranges[left if left in self.ranges else right]
                return [t.Coincide(self._place(left, dimension), self._place(right, dimension), equal, label)]
            if not equal:
                return [t.Nonzero(self._difference(left, right, statement), label)]
            made = state(self.read(left), self.read(right))
            if made.claim.context.definitions:
                raise TypeError(f"a hypothesis differentiates by symbols only: {statement}")
            if not (getattr(left, "is_Matrix", False) or getattr(right, "is_Matrix", False)):
                self.equations.append(left - right)
            return [t.Equation(made.claim.lhs, made.claim.rhs, label)]
        if isinstance(statement, ORDERED):
            high, low = statement.gts, statement.lts
            strict = isinstance(statement, (sympy.Gt, sympy.Lt))
            if high in self._names_of_sizes() and low.is_Integer:
                return [t.AtLeast(Dimension.of(self.name(high)), int(low) + strict, label)]
            if strict:
                return [t.Positive(self._difference(high, low, statement), label)]
            if (high - low).is_integer and statement.free_symbols <= self._names_of_sizes():
                return [t.Positive(self._difference(high + 1, low, statement), label)]
            raise TypeError(
                f"{statement} cannot be assumed: >= is understood between sizes only. "
                f"Give {high} > {low} if that is meant"
            )
        raise TypeError(f"not a hypothesis: {statement!r}; give an equation, an inequality or one_hot(y)")

    def _difference(self, high: Any, low: Any, statement: Any) -> t.Term:
        difference = x.Add((self.read(high), x.Negate(self.read(low))))
        if not difference.is_scalar:
            raise TypeError(f"only numbers are compared in a hypothesis: {statement}")
        lowering = Lowering()
        term = lowering.lower(difference, (UNIT, UNIT), {})
        if lowering.hidden:
            raise TypeError(f"a hypothesis differentiates by symbols only: {statement}")
        return term

    def _one_hot(self, vector: Any) -> list[t.Hypothesis]:
        made = self.read(vector)
        if not (made.is_vector or made.is_scalar):
            raise TypeError(f"only a vector is one-hot, not the {x.show_shape(made.shape)} matrix {vector}")
        lowering = Lowering()
        size = made.shape[0] if made.shape[1] == ONE else made.shape[1]
        whole, one = (f"{vector} one-hot",), (f"Sum {vector} = 1",)

        def at(k: Index) -> t.Term:
            place = (k, UNIT) if made.shape[1] == ONE else (UNIT, k)
            return lowering.lower(made, place if size != ONE else (UNIT, UNIT), {})

        if isinstance(made, x.Blocks):
            self.equations.append(sum(vector) - 1)
            cells = [lowering.lower(part, (UNIT, UNIT), {}) for row in made.rows for part in row]
            squares = [t.Equation(a * a, a, whole) for a in cells]
            mixed = [t.Equation(a * b, t.Number(0), whole) for n, a in enumerate(cells) for b in cells[:n]]
            return [*squares, *mixed, t.Equation(t.Plus(tuple(cells)), t.Number(1), one)]
        i, j = Index("one", size), Index("two", size)
        if size == ONE:
            return [t.Equation(at(UNIT), t.Number(1), one)]
        return [
            t.Equation(at(i) * at(j), t.Delta(i, j) * at(i), whole),
            t.Equation(t.Sum(i, at(i)), t.Number(1), one),
        ]

    # ── to SymPy ───────────────────────────────────────────────────────────────────────────────────────────

    def write(self, e: Expression) -> Any:
        """Our expression as a SymPy one, a number for a scalar. Raises TypeError where SymPy has no form."""
        written = self._write(e)
        return written[0, 0] if e.is_scalar and getattr(written, "is_Matrix", False) else written

    def _write(self, e: Expression) -> Any:
        again = self.write
        match e:
            case x.Constant(value=value):
                return sympy.Rational(value.numerator, value.denominator)
            case x.Count(dimension=dimension):
                return self.size(dimension)
            case x.Symbol(name=name):
                return self._originals[name]
            case x.Add(terms=parts):
                return sum((again(p) for p in parts[1:]), again(parts[0]))
            case x.Negate(body=body):
                return -again(body)
            case x.Multiply(left=left, right=right):
                return again(left) * again(right)
            case x.Hadamard(left=left, right=right):
                if e.is_scalar:
                    return again(left) * again(right)
                return sympy.HadamardProduct(again(left), again(right))
            case x.Divide(numerator=above, denominator=below) if below.is_scalar:
                return again(above) / again(below)
            case x.Power(base=base, exponent=exponent, entrywise=entrywise):
                if entrywise and not base.is_scalar:
                    return sympy.HadamardPower(again(base), again(exponent))
                return again(base) ** again(exponent)
            case x.Transpose(body=body):
                return again(body).T if not body.is_scalar else again(body)
            case x.Inverse(body=body):
                return again(body).inv() if not body.is_scalar else 1 / again(body)
            case x.Trace(body=body) if not body.is_scalar:
                return sympy.Trace(again(body))
            case x.Determinant(body=body) if not body.is_scalar:
                return sympy.Determinant(again(body))
            case x.Diagonal(body=body) if not body.is_scalar:
                return DiagMatrix(again(body)) if body.is_vector else DiagonalOf(again(body))
            case x.Apply(function=function, body=body, order=order):
                return self._write_function(function, order, again(body))
            case x.Softmax(body=body) if not body.is_scalar:
                return Softmax(again(body))
            case x.LogSumExp(body=body) if body.is_vector:
                k = sympy.Dummy("k", integer=True)
                column = again(body) if body.shape[1] == ONE else again(body).T
                size = self.size(body.shape[0] if body.shape[1] == ONE else body.shape[1])
                return sympy.log(sympy.Sum(sympy.exp(column[k, 0]), (k, 0, size - 1)))
            case x.Entry(body=body, indices=indices):
                places = [self._write_index(i) for i in indices]
                if len(places) == 1:
                    places = [*places, sympy.S.Zero] if body.shape[1] == ONE else [sympy.S.Zero, *places]
                return again(body)[tuple(places)]
            case x.Delta(left=one, right=other):
                return sympy.KroneckerDelta(self._write_index(one), self._write_index(other))
            case x.Basis(index=index) if isinstance(index.name, int) and self.size(index.range).is_Integer:
                return sympy.eye(int(self.size(index.range)))[:, index.name]
            case x.Fill(value=value, size=shape):
                if e.is_scalar:
                    return again(x.Constant(value))
                sizes = tuple(map(self.size, shape))
                if not value:
                    return sympy.ZeroMatrix(*sizes)
                return sympy.OneMatrix(*sizes) * again(x.Constant(value))
            case x.Identity(dimension=dimension):
                return sympy.Identity(self.size(dimension))
            case x.Blocks(rows=rows):
                return sympy.Matrix([[again(part) for part in row] for row in rows])
        raise TypeError(f"SymPy has no form for {latex(e)}")

    def _write_index(self, index: Index) -> Any:
        return sympy.Integer(index.name) if isinstance(index.name, int) else self.indices[index.name]

    def _write_function(self, name: str, order: int, argument: Any) -> Any:
        """A function, or its derivative, at a number or at each entry of a matrix."""
        if not order:
            made = THEIRS.get(name) or self._functions.get(name) or sympy.Function(name)
            return argument.applyfunc(made) if argument.is_Matrix else made(argument)
        if name in FUNCTIONS:
            raise TypeError(f"SymPy has no form for a derivative of {name}")
        function, xi = self._functions[name], sympy.Dummy("xi")
        primed = sympy.Derivative(function(xi), (xi, order))
        if argument.is_Matrix:
            return argument.applyfunc(sympy.Lambda(xi, primed))
        if argument.is_Symbol:
            return sympy.Derivative(function(argument), (argument, order))
        return sympy.Subs(primed, xi, argument)

    def size(self, dimension: Dimension) -> Any:
        """A dimension in SymPy's symbols."""
        total = sympy.Integer(0)
        for names, coefficient in dimension.monomials:
            symbols = [sympy.Integer(n[1:-1]) if n.startswith("⟨") else self.sizes[n] for n in names]
            total += coefficient * sympy.prod(symbols)
        return total


def cell(e: Expression, at: Iterable[int]) -> Expression:
    """One cell of a matrix of concrete size; a scalar is its own."""
    row, column = at
    if e.is_scalar:
        return e
    if isinstance(e, x.Blocks):
        return e.rows[row][column]
    places = tuple(Index(n, d) for n, d in zip((row, column), e.shape, strict=True))
    return x.Entry(e, tuple(p for p in places if p.range != ONE) if ONE in e.shape else places)


def sized(value: Any) -> Any:
    """An expression of a generic bridge with the sizes that its dimension symbols stand for."""
    if isinstance(value, Dimension):
        total = Dimension(())
        for names, coefficient in value.monomials:
            part = Dimension((((), coefficient),))
            for name in names:
                part = part * Dimension.of(int(name[1:-1]) if name.startswith("⟨") else name)
            total = total + part
        return total
    if isinstance(value, Index):
        return Index(value.name, sized(value.range))
    if isinstance(value, Expression):
        slots = value.__dataclass_fields__
        return type(value)(*(sized(getattr(value, name)) for name, slot in slots.items() if slot.init))
    return tuple(map(sized, value)) if isinstance(value, tuple) else value


def concrete_vectors(*objects: Any) -> Iterator[Any]:
    """The symbols for vectors of concrete size."""
    for symbol in sorted({s for e in objects for s in e.atoms(sympy.MatrixSymbol)}, key=str):
        rows, columns = symbol.shape
        if columns == 1 and rows.is_Integer and rows > 1:
            yield symbol


def _unused(name: str, taken: Iterable[str]) -> str:
    """The name, with a number where it is taken."""
    used = set(taken)
    return _first(n for n in (name, *(f"{name}_{{({k})}}" for k in range(2, 10_000))) if n not in used)


def _first(names: Iterable[str]) -> str:
    return next(iter(names))


def _checked(name: str) -> str:
    """A name, unless it is one that is made up here."""
    if not name or re.search("[\0·⟨⟩]", name) or name.startswith("entry "):
        raise TypeError(f"{name!r} cannot be used as a name here")
    return name


__all__ = ["Bridge", "OneHot", "PartialDerivative", "ScalarDerivative", "Softmax", "as_sympy"]
