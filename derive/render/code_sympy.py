r"""Derivatives as SymPy functions: explicit matrices in, explicit matrices out.

A vector is a Matrix with one column, and the value has exactly the shape of the layout. With more than two
dimensions it is an Array.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from derive import expression as x
from derive.calculus.gradient import Unanswerable
from derive.expression import Expression
from derive.printing import latex
from derive.render.code import ATOM, PRODUCT, SIGN, SUM, Code, Parameters, docstring, wrap
from derive.render.plain import plain
from derive.terms import ONE, Index

if TYPE_CHECKING:
    from derive.calculus.gradient import Gradient

FUNCTIONS = {
    "exp": "sp.exp({})", "log": "sp.log({})", "sqrt": "sp.sqrt({})", "sigmoid": "1 / (1 + sp.exp(-({})))",
    "tanh": "sp.tanh({})", "relu": "sp.Max({}, 0)", "abs": "sp.Abs({})", "sign": "sp.sign({})",
    "softplus": "sp.log(1 + sp.exp({}))", "sinh": "sp.sinh({})", "cosh": "sp.cosh({})", "sin": "sp.sin({})",
    "cos": "sp.cos({})", "arctan": "sp.atan({})",
}  # fmt: skip
HELPERS = {
    "softmax": "def softmax(z):\n    e = z.applyfunc(sp.exp)\n    if 1 in z.shape:\n"
    "        return e / sum(e)\n"
    "    return sp.Matrix(z.rows, z.cols, lambda i, j: e[i, j] / sum(e.row(i)))\n",
}


def sympy_code(found: Gradient) -> str:
    """A derivative as the text of a function of explicit SymPy matrices. Raises Unanswerable."""
    return _SymPy(found).text()


class _SymPy:
    def __init__(self, found: Gradient):
        self.found = found
        self.parameters = Parameters(found)
        self.helpers: set[str] = set()
        self.bound: dict[Index, str] = {}

    def text(self) -> str:
        found, parameters = self.found, self.parameters
        value = self.write(found.result)[0]
        name = "hessian" if found.order == 2 else "gradient"
        lines = ["import sympy as sp", "", ""]
        for helper in sorted(self.helpers):
            lines += [HELPERS[helper], ""]
        lines.append(f"def {name}(*, {parameters.signature()}):")
        shape = "a scalar" if found.result.is_scalar else "×".join(map(str, found.result.shape))
        body = docstring(found, parameters, shape)
        for symbol, size in parameters.shapes.items():
            if size != x.SCALAR:
                own = parameters.names[symbol]
                row = f".reshape(1, len({own}))" if size[0] == ONE else ""
                body.append(f"{own} = sp.Matrix({own}){row}")
        body += [f"{size} = {place}" for size, place in sorted(parameters.sizes.items())]
        body.append(f"return {value}")
        return "\n".join([*lines, *(f"    {line}" if line else "" for line in body)]) + "\n"

    def bare(self, e: Expression) -> str:
        return self.write(e)[0]

    def at(self, e: Expression, needed: int) -> str:
        return wrap(self.write(e), needed)

    def index(self, index: Index) -> str:
        return self.bound.get(index) or self.parameters.index(index)

    def write(self, e: Expression) -> Code:
        """An expression as code."""
        match e:
            case x.Constant(value=value):
                return self.number(value)
            case x.Count(dimension=d):
                return self.parameters.size(d), ATOM
            case x.Symbol(name=name):
                if name in self.found.problem.definitions:
                    return self.write(self.found.problem.definitions[name])
                return self.parameters.names[name], ATOM
            case x.Add(terms=parts):
                text = self.at(parts[0], SUM)
                for part in parts[1:]:
                    body = part.body if isinstance(part, x.Negate) else part
                    text += (" + " if body is part else " - ") + self.at(body, PRODUCT)
                return text, SUM
            case x.Negate(body=body):
                return "-" + self.at(body, SIGN), SIGN
            case x.Multiply(left=left, right=right):
                text = f"{self.at(left, PRODUCT)} * {self.at(right, SIGN)}"
                made_scalar = e.is_scalar and not left.is_scalar
                return (f"({text})[0, 0]", ATOM) if made_scalar else (text, PRODUCT)
            case x.Hadamard(left=left, right=right):
                if e.is_scalar:
                    return f"{self.at(left, PRODUCT)} * {self.at(right, SIGN)}", PRODUCT
                return f"{self.at(left, ATOM)}.multiply_elementwise({self.bare(right)})", ATOM
            case x.Divide(numerator=above, denominator=below):
                if below.is_scalar:
                    return f"{self.at(above, PRODUCT)} / {self.at(below, SIGN)}", PRODUCT
                inverse = f"{self.at(below, ATOM)}.applyfunc(lambda t: 1 / t)"
                return f"{self.at(above, ATOM)}.multiply_elementwise({inverse})", ATOM
            case x.Power(base=base, exponent=exponent, entrywise=entrywise):
                power = self.at(exponent, ATOM)
                if entrywise and not base.is_scalar:
                    return f"{self.at(base, ATOM)}.applyfunc(lambda t: t ** {power})", ATOM
                return f"{self.at(base, ATOM)} ** {power}", SIGN
            case x.Transpose(body=body):
                return self.write(body) if body.is_scalar else (f"{self.at(body, ATOM)}.T", ATOM)
            case x.Inverse(body=body):
                return f"{self.at(body, ATOM)}.inv()", ATOM
            case x.Determinant(body=body):
                return f"{self.at(body, ATOM)}.det()", ATOM
            case x.Trace(body=body):
                return f"{self.at(body, ATOM)}.trace()", ATOM
            case x.Diagonal(body=body):
                if body.is_scalar:
                    return self.write(body)
                if body.is_vector:
                    return f"sp.diag(*{self.at(body, ATOM)})", ATOM
                return f"{self.at(body, ATOM)}.diagonal().T", ATOM
            case x.Apply(function=function, body=body, order=order):
                return self.function(function, body, order)
            case x.Softmax(body=body):
                self.helpers.add("softmax")
                return f"softmax({self.bare(body)})", ATOM
            case x.LogSumExp(body=body):
                return f"sp.log(sum({self.at(body, ATOM)}.applyfunc(sp.exp)))", ATOM
            case x.Norm(body=body, kind=kind):
                if body.is_scalar:
                    return f"sp.Abs({self.bare(body)})", ATOM
                if kind == "1":
                    return f"sum({self.at(body, ATOM)}.applyfunc(sp.Abs))", ATOM
                return f"sp.sqrt(sum({self.at(body, ATOM)}.applyfunc(lambda t: t ** 2)))", ATOM
            case x.Fill(value=value, size=size):
                if size == x.SCALAR:
                    return self.number(value)
                shape = ", ".join(map(self.parameters.size, size))
                if value in (0, 1):
                    return f"sp.{'ones' if value else 'zeros'}({shape})", ATOM
                return f"{self.number(value)[0]} * sp.ones({shape})", PRODUCT
            case x.Identity(dimension=d):
                return f"sp.eye({self.parameters.size(d)})", ATOM
            case x.Basis(index=index):
                return f"sp.eye({self.parameters.size(index.range)}).col({self.index(index)})", ATOM
            case x.Delta(left=left, right=right):
                return f"sp.KroneckerDelta({self.index(left)}, {self.index(right)})", ATOM
            case x.Entry(body=body, indices=indices):
                if body.is_scalar:
                    return self.write(body)
                places = [self.index(i) for i in indices]
                if len(places) == 1:
                    places = [*places, "0"] if body.shape[1] == ONE else ["0", *places]
                return f"{self.at(body, ATOM)}[{', '.join(places)}]", ATOM
            case x.Sum(index=index, body=body, without=()):
                return f"sum({self.with_index(index, body)})", ATOM
            case x.Entries(indices=indices, body=body):
                return self.entries(list(indices), body)
        raise Unanswerable(f"there is no code for {plain(latex(e))}")

    def with_index(self, index: Index, body: Expression) -> str:
        """`body for i in range(n)`."""
        name = f"i{len(self.bound)}"
        self.bound[index] = name
        text = self.bare(body)
        del self.bound[index]
        return f"{text} for {name} in range({self.parameters.size(index.range)})"

    def entries(self, indices: list[Index], body: Expression) -> Code:
        """A nested list over the indices, as a Matrix or an Array."""
        names = {index: f"i{len(self.bound) + n}" for n, index in enumerate(indices) if index.range != ONE}
        self.bound.update(names)
        text = self.bare(body)
        for index in names:
            del self.bound[index]
        for index in reversed(indices):
            text = (
                f"[{text} for {names[index]} in range({self.parameters.size(index.range)})]"
                if index in names
                else f"[{text}]"
            )
        return f"sp.{'Matrix' if len(indices) == 2 else 'Array'}({text})", ATOM

    def number(self, value: Fraction) -> Code:
        if value.denominator == 1:
            return str(value), ATOM if value >= 0 else SIGN
        return f"sp.Rational({value.numerator}, {value.denominator})", ATOM

    def function(self, function: str, body: Expression, order: int) -> Code:
        if function in FUNCTIONS and not order:
            if body.is_scalar:
                text = FUNCTIONS[function].format(self.bare(body))
                return text, ATOM if text.startswith("sp.") else PRODUCT
            return f"{self.at(body, ATOM)}.applyfunc(lambda t: {FUNCTIONS[function].format('t')})", ATOM
        name = self.parameters.function(function, order)
        inner = self.bare(body)
        return (
            f"{name}({inner})" if body.is_scalar else f"{wrap(self.write(body), ATOM)}.applyfunc({name})"
        ), ATOM
