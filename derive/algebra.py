"""The SymPy engine: builds, differentiates and simplifies with SymPy; SymPy in and out.

    softmax(v)  cross_entropy(y, p)  partial(f, x)  one_hot(y)     builders
    prove(lhs, rhs, given=..., layout=...) -> Proof                 the kernel's verdict
    gradient(expression, wrt, layout=..., given=...) -> Derivation  result and proved steps
    entrywise(claim) -> Claim | None                                SymPy's derivatives against the kernel's

SymPy's matrix-level `diff` is never used: in 1.14 it drops terms of softmax's Jacobian and takes the
derivative of log det X to be 0. Entry-wise `diff` on indexed symbols is sound as long as the index by
which it differentiates differs from every bound one, which fresh names guarantee here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf

from derive import expression as x
from derive import terms as t
from derive.derivation import Derivation
from derive.expression import Expression, Layout
from derive.functions import FUNCTIONS, SPELLINGS
from derive.judge import Judge, Judgement, mismatch, shape_counterexample
from derive.kernel import Exhausted, Theorem, Undefined
from derive.kernel import prove as kernel_prove
from derive.lifting import Names, NotLifted, lift
from derive.lowering import Lowering, Statement, Unsupported, state
from derive.printing import latex, shape_latex
from derive.report import Counterexample, Report, Step, Verdict
from derive.terms import ONE, Dimension, Index, ShapeError
from numeric.certify import refute
from numeric.evidence import gather


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
        if columns == 1:
            total = sympy.Sum(sympy.exp(self.arg[k, 0]), (k, 0, rows - 1))
        else:
            total = sympy.Sum(sympy.exp(self.arg[i, k]), (k, 0, columns - 1))
        return sympy.exp(self.arg[i, j]) / total

    def _latex(self, printer: Any, *_: Any) -> str:
        return rf"\operatorname{{softmax}}\left({printer._print(self.arg)}\right)"

    def _sympystr(self, printer: Any, *_: Any) -> str:
        return f"softmax({printer._print(self.arg)})"


class PartialDerivative(sympy.MatrixExpr):  # type: ignore[misc]
    """An unevaluated derivative, arranged by a layout; args are the body, the variable and the layout."""

    @property
    def layout(self) -> str:
        return str(self.args[2])

    @property
    def shape(self) -> Any:
        sizes = _Reader().read(self).shape
        return tuple(_dimension_to_sympy(d) for d in sizes[:2])

    def _entry(self, i: Any, j: Any, **_: Any) -> Any:
        return sympy.matrices.expressions.matexpr.MatrixElement(self, i, j)

    def _latex(self, printer: Any, *_: Any) -> str:
        return rf"\frac{{\partial {printer._print(self.args[0])}}}{{\partial {printer._print(self.args[1])}}}"

    def _sympystr(self, printer: Any, *_: Any) -> str:
        return f"partial({printer._print(self.args[0])}, {printer._print(self.args[1])})"


@dataclass(frozen=True, slots=True)
class OneHot:
    """The hypothesis that a vector has one entry 1 and all others 0."""

    vector: Any


def softmax(v: Any) -> Any:
    """softmax of a SymPy column, with symbolic or explicit entries.

    Args:
        v: an n x 1 matrix expression, or an explicit Matrix.

    Returns:
        an unevaluated `Softmax` of the same shape; for an explicit matrix, the explicit entries.
    """
    v = sympy.sympify(v)
    if isinstance(v, sympy.MatrixBase):
        total = sum((sympy.exp(entry) for entry in v), sympy.Integer(0))
        return v.applyfunc(lambda entry: sympy.exp(entry) / total)
    if not getattr(v, "is_Matrix", False):
        raise TypeError(f"softmax takes a vector, not {v!r}")
    return Softmax(v)


def cross_entropy(y: Any, p: Any) -> Any:
    """-Sum_i y_i log p_i for two SymPy columns of one size. Raises ShapeError for different sizes."""
    y, p = sympy.sympify(y), sympy.sympify(p)
    if y.shape != p.shape:
        raise ShapeError(f"cross entropy needs two columns of one size, not {y.shape} and {p.shape}")
    rows = y.shape[0]
    if rows.is_Integer if hasattr(rows, "is_Integer") else True:
        return -sum((y[i, 0] * sympy.log(p[i, 0]) for i in range(int(rows))), sympy.Integer(0))
    i = sympy.Dummy("i", integer=True)
    return -sympy.Sum(y[i, 0] * sympy.log(p[i, 0]), (i, 0, rows - 1))


def partial(f: Any, variable: Any, layout: Layout = "denominator") -> Any:
    """The derivative of f by a variable, not evaluated: something for `prove` to judge.

    Args:
        f: a scalar or matrix expression.
        variable: a MatrixSymbol, a Symbol, or an entry such as W[i, j].
        layout: how the entries are arranged; `prove(..., layout=...)` overrides it.
    """
    _check_layout(layout)
    return PartialDerivative(sympy.sympify(f), sympy.sympify(variable), sympy.Symbol(layout))


def one_hot(y: Any) -> OneHot:
    """The hypothesis that y is one-hot, for `given`."""
    return OneHot(sympy.sympify(y))


def _check_layout(layout: str | None) -> None:
    if layout not in (None, "numerator", "denominator"):
        raise ValueError(f"the layout is 'numerator' or 'denominator', not {layout!r}")


@dataclass(frozen=True)
class Proof:
    """The verdict on one equation; true in a condition exactly when it is proved.

    Attributes:
        verdict: "proved", "refuted" or "unknown".
        uses: the hypotheses without which it could not be proved.
        conditions: what must hold for both sides to make sense, as LaTeX.
        counterexample: certified values at which the sides differ, when refuted.
        dimensions: the symbolic dimensions for all of which it holds, when proved.
        layout: the layout in which derivatives were read.
        message: why it is unknown, or what the shapes are.
    """

    verdict: str
    uses: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    counterexample: Counterexample | None = None
    dimensions: tuple[str, ...] = ()
    layout: str = "denominator"
    message: str | None = None

    def __bool__(self) -> bool:
        return self.verdict == "proved"

    def __str__(self) -> str:
        lines = [self.verdict]
        if self.verdict == "proved" and self.dimensions:
            lines[0] += f" for all {', '.join(self.dimensions)}"
        lines += [f"uses {', '.join(self.uses)}"] if self.uses else []
        lines += [f"where {', '.join(self.conditions)}"] if self.conditions else []
        lines += [self.message] if self.message else []
        if self.counterexample is not None:
            at = {**self.counterexample.dimensions, **self.counterexample.values}
            values = ", ".join(f"{k} = {v}" for k, v in at.items())
            lines.append(
                f"at {values}: {self.counterexample.lhs} on the left, {self.counterexample.rhs} on the right"
            )
        return "\n".join(lines)


def prove(lhs: Any, rhs: Any, given: Iterable[Any] = (), layout: Layout | None = None) -> Proof:
    """Decide whether two SymPy expressions are equal for every dimension and every value.

    Args:
        lhs, rhs: scalar or matrix expressions; derivatives come from `partial`.
        given: hypotheses: equations such as Eq(Sum(y[i, 0], (i, 0, c - 1)), 1), inequalities such as
            c >= 2 or x > 0, Ne(x, 0), and `one_hot(y)`.
        layout: how every derivative is arranged; None keeps each one's own (denominator by default).

    Returns:
        a Proof; sides of different shapes are refuted by their shapes.

    Raises:
        ShapeError: when one side by itself does not conform.
        TypeError: for SymPy objects that have no reading here.
    """
    _check_layout(layout)
    reader = _Reader(layout)
    reader.collect(lhs, rhs)
    for statement in given:
        reader.collect(statement)
    left, right = reader.read(lhs), reader.read(rhs)
    shown: Layout = layout or "denominator"
    hypotheses = tuple(h for statement in given for h in reader.hypothesis(statement))
    try:
        statement = state(left, right, hypotheses=hypotheses)
    except ShapeError:
        against = shape_counterexample(left, right)
        return Proof("refuted" if against else "unknown", (), (), against, (), shown, mismatch(left, right))
    found = _judge(reader)(statement)
    return _proof(found, shown)


def _judge(reader: _Reader) -> Judge:
    return Judge(lambda claim, entry: refute(claim, entry=entry), gather, reader.shapes)


def _proof(found: Judgement, layout: Layout) -> Proof:
    return Proof(
        str(found.verdict),
        found.uses,
        found.conditions,
        found.counterexample,
        found.dimensions,
        layout,
        found.message,
    )


def gradient(
    expression: Any, wrt: Any, layout: Layout = "denominator", given: Iterable[Any] = ()
) -> Derivation:
    """The derivative of a SymPy expression, simplified to a matrix expression and proved.

    Args:
        expression: a scalar (or matrix) expression, such as cross_entropy(y, softmax(W * x + b)).
        wrt: a MatrixSymbol, a Symbol, or an entry of one.
        layout: "denominator" (a gradient shaped like `wrt`) or "numerator".
        given: hypotheses as for `prove`; with Sum y = 1 the result is the short one.

    Returns:
        a Derivation whose `result` is a SymPy expression and each of whose steps carries its verdict.
    """
    _check_layout(layout)
    reader = _Reader(layout)
    reader.collect(expression, wrt, *given)
    body, variable = reader.read(expression), reader.read(wrt)
    hypotheses = tuple(h for statement in given for h in reader.hypothesis(statement))
    derivative = x.Partial(body, variable, layout)
    lowering = Lowering()
    at = tuple(Index(0, ONE) if d == ONE else Index(f"entry {n}", d) for n, d in enumerate(derivative.shape))
    kept = tuple(i for i in at if i.range != ONE)
    term = lowering.lower(derivative, at, {})
    context = t.Context(lowering.context_definitions(), hypotheses)
    names = Names(reader.shapes)
    judge = _judge(reader)
    report = Report("", layout, title="gradient")
    general = t.Context(context.definitions, ())
    lifted: list[tuple[str, Expression]] = []
    for rule, here in (
        ("differentiation by entries", general),
        ("simplification under the hypotheses", context),
    ):
        try:
            result = lift(term, kept, derivative.shape, here, names)
        except NotLifted:
            continue
        if not lifted or lifted[-1][1] != result:
            lifted.append((rule, result))
    if not lifted:
        raise TypeError("the derivative has no matrix form; use prove with an entry of the variable")
    left: Expression = derivative
    for rule, right in lifted:
        found = judge(state(left, right, hypotheses=hypotheses))
        report.steps.append(_step(left, right, rule, found, layout))
        left = right
    result = lifted[-1][1]
    quantities = tuple((latex(reader.symbols[n]), shape_latex(s)) for n, s in sorted(reader.shapes.items()))
    return Derivation("gradient", report, quantities, latex(result), reader.write(result))


def _step(left: Expression, right: Expression, rule: str, found: Judgement, layout: Layout) -> Step:
    return Step(
        0,
        0,
        "claim",
        "=",
        latex(left),
        latex(right),
        found.verdict,
        found.dimensions,
        found.uses,
        found.conditions,
        layout,
        rule,
        message=found.message,
        counterexample=found.counterexample,
        numeric=found.evidence,
    )


def _dimension_to_sympy(dimension: Dimension) -> Any:
    total = sympy.Integer(0)
    for names, coefficient in dimension.monomials:
        total += coefficient * sympy.prod([sympy.Symbol(n, integer=True, positive=True) for n in names])
    return total


@dataclass
class _Reader:
    """SymPy expressions to ours and back. Shapes and symbols are remembered by name."""

    layout: Layout | None = None
    shapes: dict[str, x.Shape] = field(default_factory=dict)
    symbols: dict[str, Expression] = field(default_factory=dict)
    originals: dict[str, Any] = field(default_factory=dict)
    ranges: dict[Any, Dimension] = field(default_factory=dict)
    sizes: dict[str, Any] = field(default_factory=dict)
    anonymous: dict[Any, str] = field(default_factory=dict)

    def collect(self, *objects: Any) -> None:
        """Learn which symbols are dimensions and which are indices, and over what they range."""
        for top in objects:
            if isinstance(top, OneHot):
                top = top.vector
            for part in sympy.preorder_traversal(top):
                if isinstance(part, sympy.MatrixExpr) and not isinstance(part, PartialDerivative):
                    for size in part.shape:
                        self.sizes.update({s.name: s for s in getattr(size, "free_symbols", ())})
                if isinstance(part, sympy.Sum):
                    for index, low, high in part.limits:
                        self.sizes.update({s.name: s for s in (high - low).free_symbols})
                        self.ranges[index] = self.dimension(high - low + 1)
                if isinstance(part, sympy.matrices.expressions.matexpr.MatrixElement):
                    matrix, *places = part.args
                    if not isinstance(matrix, PartialDerivative):
                        for place, size in zip(places, matrix.shape, strict=True):
                            if place.is_Symbol:
                                self.ranges.setdefault(place, self.dimension(size))

    def dimension(self, size: Any) -> Dimension:
        size = sympy.sympify(size)
        if size.is_Integer:
            return Dimension.of(int(size))
        total: Dimension | None = None
        for monomial, coefficient in sympy.expand(size).as_coefficients_dict().items():
            if not sympy.sympify(coefficient).is_Integer:
                raise TypeError(f"a dimension needs integer coefficients: {size}")
            names: list[str] = []
            for base, exponent in monomial.as_powers_dict().items():
                if base.is_Symbol and exponent.is_Integer:
                    self.sizes.setdefault(base.name, base)
                    names += [base.name] * int(exponent)
                elif base != 1:
                    raise TypeError(f"a dimension is a polynomial in symbols, not {size}")
            part = Dimension(((tuple(sorted(names)), int(coefficient)),))
            total = part if total is None else total + part
        assert total is not None
        return total

    def index(self, place: Any, dimension: Dimension) -> Index:
        if place.is_Integer:
            return Index(int(place), dimension)
        if place.is_Symbol:
            return Index(self.letter(place), dimension)
        raise TypeError(f"an index is a symbol or a number, not {place}")

    def letter(self, place: Any) -> str:
        """The name of an index symbol; an anonymous one gets a letter of its own."""
        if not isinstance(place, sympy.Dummy):
            return str(place.name)
        if place not in self.anonymous:
            taken = {str(p.name) for p in self.ranges if not isinstance(p, sympy.Dummy)}
            taken |= {*self.anonymous.values(), *self.sizes, *self.shapes}
            letters = [*"ijklmnpqrs", *(f"i_{{{n}}}" for n in range(1, 1000))]
            self.anonymous[place] = next(name for name in letters if name not in taken)
        return self.anonymous[place]

    def _symbol(self, name: str, shape: x.Shape, original: Any) -> Expression:
        if self.shapes.setdefault(name, shape) != shape:
            raise ShapeError(
                f"{name} has the shapes {x.show_shape(self.shapes[name])} and {x.show_shape(shape)}"
            )
        self.originals[name] = original
        self.symbols[name] = x.Symbol(name, shape)
        return self.symbols[name]

    def read(self, e: Any) -> Expression:
        """A SymPy expression as ours. Raises ShapeError or TypeError."""
        e = sympy.sympify(e)
        again = self.read
        if isinstance(e, (sympy.Integer, sympy.Rational)):
            return x.Constant(Fraction(int(e.p), int(e.q)))
        if isinstance(e, sympy.MatrixSymbol):
            rows, columns = map(self.dimension, e.shape)
            return self._symbol(e.name, (rows, columns), e)
        if isinstance(e, sympy.Symbol):
            if e.name in self.sizes:
                return x.Count(Dimension.of(e.name))
            return self._symbol(str(e.name), x.SCALAR, e)
        if isinstance(e, Softmax):
            return x.Softmax(again(e.arg))
        if isinstance(e, PartialDerivative):
            layout = self.layout or e.layout
            return x.Partial(again(e.args[0]), again(e.args[1]), layout)  # type: ignore[arg-type]
        if isinstance(e, sympy.matrices.expressions.matexpr.MatrixElement):
            body = again(e.args[0])
            shape = body.shape
            places = tuple(self.index(p, d) for p, d in zip(e.args[1:], shape, strict=True))
            kept = tuple(p for p, d in zip(places, shape, strict=True) if d != ONE)
            return body if body.is_scalar else x.Entry(body, kept if ONE in shape else places)
        if isinstance(e, sympy.Sum):
            return self._sum(e)
        if isinstance(e, sympy.KroneckerDelta):
            return self._delta(e)
        if isinstance(e, (sympy.MatAdd, sympy.Add)):
            return x.Add(tuple(map(again, e.args)))
        if isinstance(e, (sympy.MatMul, sympy.Mul)):
            return self._product(list(e.args))
        if isinstance(e, sympy.HadamardProduct):
            return self._hadamard(e)
        if isinstance(e, sympy.Transpose):
            return x.Transpose(again(e.arg))
        if isinstance(e, sympy.Inverse):
            return x.Inverse(again(e.arg))
        if isinstance(e, sympy.MatPow):
            return x.Power(again(e.base), again(e.exp))
        if isinstance(e, sympy.HadamardPower):
            return x.Power(again(e.base), again(e.exp), entrywise=True)
        if isinstance(e, sympy.Trace):
            return x.Trace(again(e.arg))
        if isinstance(e, sympy.Determinant):
            return x.Determinant(again(e.arg))
        if isinstance(e, (DiagMatrix, DiagonalMatrix, DiagonalOf)):
            return x.Diagonal(again(e.args[0]))
        if isinstance(e, ElementwiseApplyFunction):
            argument = sympy.Dummy("argument")
            return self._applied(e.function(argument), argument, again(e.expr))
        if isinstance(e, sympy.Identity):
            return x.Identity(self.dimension(e.shape[0]))
        if isinstance(e, (sympy.OneMatrix, sympy.ZeroMatrix)):
            value = Fraction(int(isinstance(e, sympy.OneMatrix)))
            rows, columns = map(self.dimension, e.shape)
            return x.Fill(value, (rows, columns))
        if isinstance(e, sympy.MatrixBase):
            return x.Blocks(tuple(tuple(again(cell) for cell in e.row(r)) for r in range(e.rows)))
        if isinstance(e, sympy.Pow):
            if e.base == sympy.E:
                return x.Apply("exp", again(e.exp))
            return x.Power(again(e.base), again(e.exp))
        if isinstance(e, sympy.exp):
            return x.Apply("exp", again(e.args[0]))
        if isinstance(e, sympy.Abs):
            return x.Apply("abs", again(e.args[0]))
        if e == sympy.E:
            return x.Apply("exp", x.Constant(Fraction(1)))
        if isinstance(e, sympy.Function) and len(e.args) == 1:
            name = e.func.__name__
            return x.Apply(SPELLINGS.get(name, name), again(e.args[0]))
        raise TypeError(f"no reading for the SymPy object {e!r} of type {type(e).__name__}")

    def _applied(self, body: Any, argument: Any, at: Expression) -> Expression:
        """A function of one variable, given by an expression in `argument`, at each entry."""
        if body == argument:
            return at
        if argument not in getattr(body, "free_symbols", ()):
            return (
                x.Fill(Fraction(1), at.shape)
                if body == 1
                else x.Multiply(self.read(body), x.Fill(Fraction(1), at.shape))
            )
        if isinstance(body, sympy.Add):
            return x.Add(tuple(self._applied(part, argument, at) for part in body.args))
        if isinstance(body, sympy.Mul):
            result = self._applied(body.args[0], argument, at)
            for part in body.args[1:]:
                result = x.Hadamard(result, self._applied(part, argument, at))
            return result
        if isinstance(body, sympy.Pow) and body.base != sympy.E:
            return x.Power(self._applied(body.base, argument, at), self.read(body.exp), entrywise=True)
        inner = self._applied(body.exp if isinstance(body, sympy.Pow) else body.args[0], argument, at)
        if isinstance(body, (sympy.Pow, sympy.exp)):
            return x.Apply("exp", inner)
        name = "abs" if isinstance(body, sympy.Abs) else body.func.__name__
        return x.Apply(SPELLINGS.get(name, name), inner)

    def _product(self, factors: list[Any]) -> Expression:
        """A product, with a sign and a fraction as one would write them."""
        below = [
            f.base**-f.exp for f in factors if isinstance(f, sympy.Pow) and f.exp.is_Integer and f.exp < 0
        ]
        above = [f for f in factors if not (isinstance(f, sympy.Pow) and f.exp.is_Integer and f.exp < 0)]
        sign = bool(above) and above[0] == -1
        above = above[1:] if sign else above
        result = x.product(*map(self.read, above)) if above else x.Constant(Fraction(1))
        if below:
            result = x.Divide(result, x.product(*map(self.read, below)))
        return x.Negate(result) if sign else result

    def _hadamard(self, e: Any) -> Expression:
        result = self.read(e.args[0])
        for part in e.args[1:]:
            result = x.Hadamard(result, self.read(part))
        return result

    def _sum(self, e: Any) -> Expression:
        body = e.function
        for index, low, _ in e.limits:
            if low != 0:
                body = body.xreplace({index: index + low})
        result = self.read(body)
        for index, _, _ in e.limits:
            result = x.Sum(Index(self.letter(index), self.ranges[index]), result)
        return result

    def _delta(self, e: Any) -> Expression:
        places = e.args[:2]
        known = next((self.ranges[p] for p in places if p in self.ranges), None)
        if known is None:
            raise TypeError(f"the range of the indices of {e} is not known")
        left, right = (self.index(p, self.ranges.get(p, known)) for p in places)
        return x.Delta(left, right)

    def hypothesis(self, statement: Any) -> list[t.Hypothesis]:
        """A SymPy relation, or `one_hot(y)`, as hypotheses of the kernel."""
        lowering = Lowering()
        unit = (Index(0, ONE), Index(0, ONE))
        if isinstance(statement, OneHot):
            vector = self.read(statement.vector)
            i, j = (Index(n, vector.shape[0]) for n in ("·i", "·j"))
            at_i, at_j = (lowering.lower(vector, (k, Index(0, ONE)), {}) for k in (i, j))
            total = lowering.lower(x.Sum(i, x.Entry(vector, (i,))), unit, {})
            name = str(statement.vector)
            return [
                t.Equation(at_i * at_j, t.Delta(i, j) * at_i, (f"{name} one-hot",)),
                t.Equation(total, t.Number(1), (f"Sum {name} = 1",)),
            ]
        label = (str(statement),)
        sides = getattr(statement, "args", ())
        if isinstance(statement, (sympy.Eq, sympy.Ne)) and all(side in self.ranges for side in sides):
            left, right = (self.index(side, self.ranges[side]) for side in sides)
            return [t.Coincide(left, right, isinstance(statement, sympy.Eq), label)]
        if isinstance(statement, sympy.Eq):
            made = state(self.read(statement.lhs), self.read(statement.rhs))
            return [t.Equation(made.claim.lhs, made.claim.rhs, label)]
        if isinstance(statement, sympy.Ne):
            return [
                t.Nonzero(
                    lowering.lower(
                        x.Add((self.read(statement.lhs), x.Negate(self.read(statement.rhs)))), unit, {}
                    ),
                    label,
                )
            ]
        if isinstance(
            statement, (sympy.GreaterThan, sympy.StrictGreaterThan, sympy.LessThan, sympy.StrictLessThan)
        ):
            high, low = statement.gts, statement.lts
            if high.is_Symbol and high.name in self.sizes and low.is_Integer:
                strict = isinstance(statement, (sympy.StrictGreaterThan, sympy.StrictLessThan))
                return [t.AtLeast(Dimension.of(high.name), int(low) + strict, label)]
            difference = x.Add((self.read(high), x.Negate(self.read(low))))
            return [t.Positive(lowering.lower(difference, unit, {}), label)]
        raise TypeError(f"not a hypothesis: {statement!r}; give an equation, an inequality or one_hot(y)")

    def write(self, e: Expression) -> Any:
        """Our expression as a SymPy one. Raises TypeError for what SymPy has no form for."""
        again = self.write
        match e:
            case x.Constant(value=value):
                return sympy.Rational(value.numerator, value.denominator)
            case x.Count(dimension=dimension):
                return self._size(dimension)
            case x.Symbol(name=name):
                if name in self.originals:
                    return self.originals[name]
                if e.is_scalar:
                    return sympy.Symbol(name)
                return sympy.MatrixSymbol(name, *map(self._size, e.shape))
            case x.Add(terms=parts):
                return sum((again(p) for p in parts[1:]), again(parts[0]))
            case x.Negate(body=body):
                return -again(body)
            case x.Multiply(left=left, right=right):
                return self._scalar_or_matrix(left) * self._scalar_or_matrix(right)
            case x.Hadamard(left=left, right=right):
                return sympy.HadamardProduct(again(left), again(right))
            case x.Divide(numerator=above, denominator=below):
                return again(above) / self._scalar_or_matrix(below)
            case x.Power(base=base, exponent=exponent, entrywise=entrywise):
                if entrywise and not base.is_scalar:
                    return sympy.HadamardPower(again(base), again(exponent))
                return self._scalar_or_matrix(base) ** again(exponent)
            case x.Transpose(body=body):
                return again(body).T
            case x.Inverse(body=body):
                return again(body).inv()
            case x.Trace(body=body):
                return sympy.Trace(again(body))
            case x.Determinant(body=body):
                return sympy.Determinant(again(body))
            case x.Diagonal(body=body):
                return DiagMatrix(again(body)) if body.is_vector else sympy.diagonalize_vector(again(body))
            case x.Apply(function=function, body=body):
                record = FUNCTIONS.get(function)
                applied = getattr(sympy, record.name if record else function, None) or sympy.Function(
                    function
                )
                return applied(again(body)) if body.is_scalar else again(body).applyfunc(applied)
            case x.Softmax(body=body):
                return Softmax(again(body))
            case x.Entry(body=body, indices=indices):
                places = [
                    sympy.Integer(i.name) if isinstance(i.name, int) else sympy.Symbol(i.name, integer=True)
                    for i in indices
                ]
                return again(body)[tuple(places) if len(places) == 2 else (places[0], 0)]
            case x.Sum(index=index, body=body, without=()):
                k = sympy.Symbol(str(index), integer=True)
                return sympy.Sum(again(body), (k, 0, self._size(index.range) - 1))
            case x.Fill(value=value, size=size):
                ones = sympy.OneMatrix(*map(self._size, size))
                return (
                    ones
                    if value == 1
                    else sympy.ZeroMatrix(*map(self._size, size))
                    if not value
                    else value * ones
                )
            case x.Identity(dimension=dimension):
                return sympy.Identity(self._size(dimension))
        raise TypeError(f"SymPy has no form for {latex(e)}")

    def _scalar_or_matrix(self, e: Expression) -> Any:
        """A 1 x 1 matrix expression becomes its entry, so that it can scale."""
        written = self.write(e)
        return written[0, 0] if e.is_scalar and getattr(written, "is_Matrix", False) else written

    def _size(self, dimension: Dimension) -> Any:
        total = sympy.Integer(0)
        for names, coefficient in dimension.monomials:
            symbols = [self.sizes.get(n, sympy.Symbol(n, integer=True, positive=True)) for n in names]
            total += coefficient * sympy.prod(symbols)
        return total


# ---------------------------------------------------------------------- the second opinion


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
                except (TypeError, Undefined, Exhausted):
                    return None
                ours = kernel_prove(t.Claim(part, theirs, "=", claim.context))
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


__all__ = [
    "OneHot",
    "Proof",
    "Softmax",
    "Unsupported",
    "Verdict",
    "cross_entropy",
    "entrywise",
    "gradient",
    "one_hot",
    "partial",
    "prove",
    "softmax",
]
