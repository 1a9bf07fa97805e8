r"""Derivatives as functions in NumPy, PyTorch, JAX and SymPy: text that runs as it is.

    import numpy as np


    def gradient(*, X, a, b):
        return X @ (np.outer(b, a) + np.outer(a, b))

Vectors are arrays of shape (n,), rows and columns alike, matrices have shape (m, n), scalars are floats; a
value with more dimensions than two comes from `einsum`. Inverses become `solve`, diagonal matrices scale, and
a chain that ends in a vector is evaluated from that end.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from derive import expression as x
from derive.calculus.gradient import Unanswerable
from derive.calculus.indices import substituted
from derive.calculus.tidy import Term, factors, number, terms
from derive.expression import Expression, Shape
from derive.functions import FUNCTIONS
from derive.lowering import Lowering
from derive.printing import latex
from derive.render.plain import plain
from derive.terms import ONE, Dimension, Index

if TYPE_CHECKING:
    from derive.calculus.gradient import Gradient

SUM, PRODUCT, SIGN, ATOM = 1, 2, 3, 4  # how tightly a piece of code holds together
Code = tuple[str, int]

NUMPY = {name: record.numpy for name, record in FUNCTIONS.items()}
TORCH = {
    name: f"torch.{name}(x)"
    for name in ("exp", "log", "sqrt", "sigmoid", "tanh", "relu", "abs", "sign", "sinh", "cosh", "sin", "cos")
} | {"softplus": "torch.nn.functional.softplus(x)", "arctan": "torch.arctan(x)"}
JAX = {name: text.replace("np.", "jnp.") for name, text in NUMPY.items()} | {"sigmoid": "jax.nn.sigmoid(x)"}
HELPERS = {
    "softmax": "def softmax(z):\n    e = np.exp(z - z.max(axis=-1, keepdims=True))\n"
    "    return e / e.sum(axis=-1, keepdims=True)\n",
    "logsumexp": "def logsumexp(z):\n    return z.max() + np.log(np.sum(np.exp(z - z.max())))\n",
}


def code(found: Gradient, target: str) -> str:
    """A derivative as the text of a function in "numpy", "torch", "jax" or "sympy".

    Raises Unanswerable for a result that holds something of which there is no code.
    """
    if target == "sympy":
        from derive.render.code_sympy import sympy_code

        return sympy_code(found)
    return _Arrays(found, target).text()


# ── names and shapes ───────────────────────────────────────────────────────────────────────────────────────


class Parameters:
    """What the function takes: a name for every symbol, function and free index; and where sizes are."""

    def __init__(self, found: Gradient):
        scope = found.problem.scope
        lowering = Lowering(scope.definitions)
        used = lowering.free_symbols(found.problem.body) | lowering.free_symbols(found.result)
        used |= {found.problem.symbol.name}
        self.shapes: dict[str, Shape] = {
            name: scope.shapes[name] for name in sorted(used) if name in scope.shapes
        }
        self.names: dict[str, str] = {}
        for name in self.shapes:
            self.names[name] = self._free(ascii_name(name))
        self.functions: dict[str, str] = {}
        self.indices: dict[Index, str] = {}
        self.sizes: dict[str, str] = {}

    def _free(self, wanted: str) -> str:
        taken = {*self.names.values(), "np", "torch", "jax", "jnp", "sp"}
        if keyword.iskeyword(wanted) or wanted in taken:
            wanted += "_"
        while wanted in taken:
            wanted += "_"
        return wanted

    def function(self, name: str, order: int) -> str:
        """The parameter for a function without formula, or for one of its derivatives."""
        spelled = ascii_name(name) + ("_" + "_".join(["prime"] * order) if order else "")
        return self.functions.setdefault(spelled, self._free(spelled))

    def index(self, index: Index) -> str:
        """The parameter for an index that is free in the result."""
        if isinstance(index.name, int):
            return str(index.name)
        return self.indices.setdefault(index, self._free(ascii_name(str(index.name))))

    def size(self, d: Dimension) -> str:
        """A dimension as code: a number, or the name of a variable that holds it."""
        if d.number is not None:
            return str(d.number)
        places = [
            (name, axis, shape)
            for name, shape in self.shapes.items()
            for axis, size in enumerate(shape)
            if size == d
        ]
        if not places:
            raise Unanswerable(f"the code cannot tell {d}: no symbol has this size")
        name, axis, shape = places[0]
        wide = [size for size in shape if size != ONE]
        local = re.sub(r"\W+", "_", str(d))
        self.sizes[local] = f"{self.names[name]}.shape[{axis if len(wide) == 2 else 0}]"
        return local

    def documented(self) -> list[str]:
        """A line for each parameter, with its shape."""
        lines = [f"{self.names[name]}: {shape_text(shape)}" for name, shape in self.shapes.items()]
        lines += [f"{name}: a function of one array" for name in self.functions.values()]
        return lines + [f"{name}: an index, counted from 0" for name in self.indices.values()]

    def signature(self) -> str:
        """All of them, as keyword parameters."""
        return ", ".join([*self.names.values(), *self.functions.values(), *self.indices.values()])


def ascii_name(latex_name: str) -> str:
    r"""A name in LaTeX as an identifier: \lambda is lambda_, \hat{y} is y_hat, W^{(1)} is W_1."""
    text = latex_name
    for _ in range(5):
        text = re.sub(r"\\(?:math\w+|boldsymbol|bm)\{([^{}]*)\}", r"\1", text)
        text = re.sub(r"\\(hat|bar|tilde|vec|dot|mathring)\{([^{}]*)\}", r"\2_\1", text)
    text = text.replace("'", "_prime").replace("\\", "")
    text = re.sub(r"\W+", "_", text).strip("_") or "value"
    text = re.sub(r"_+", "_", text)
    return f"{text}_" if keyword.iskeyword(text) else f"_{text}" if text[0].isdigit() else text


def shape_text(shape: Shape) -> str:
    """The shape of an array: (n,) for rows and columns."""
    wide = [str(d) for d in shape if d != ONE]
    return "a scalar" if not wide else f"({wide[0]},)" if len(wide) == 1 else f"({', '.join(wide)})"


def docstring(found: Gradient, parameters: Parameters, value: str) -> list[str]:
    """The lines of the docstring."""
    layout, asked = found.problem.layout, plain(latex(found.derivative))
    lines = [f'"""{asked}', "", f"In {layout} layout: {value}.", ""]
    return [*lines, *parameters.documented(), '"""']


def wrap(piece: Code, needed: int) -> str:
    """Code with parentheses where it holds together less than needed."""
    return piece[0] if piece[1] >= needed else f"({piece[0]})"


# ── arrays ─────────────────────────────────────────────────────────────────────────────────────────────────


class _Arrays:
    """Writes an expression for NumPy, or for what looks like it."""

    def __init__(self, found: Gradient, target: str):
        self.found = found
        self.target = target
        self.np = {"numpy": "np", "torch": "torch", "jax": "jnp"}[target]
        self.parameters = Parameters(found)
        self.helpers: set[str] = set()

    def text(self) -> str:
        """The whole text: imports, helpers, the function."""
        found, parameters = self.found, self.parameters
        value = self.write(found.result)[0]
        name = "hessian" if found.order == 2 else "gradient"
        imports = {
            "numpy": "import numpy as np",
            "torch": "import torch",
            "jax": "import jax\nimport jax.numpy as jnp",
        }
        lines = [imports[self.target], "", ""]
        for helper in sorted(self.helpers):
            lines += [HELPERS[helper], ""]
        lines.append(f"def {name}(*, {parameters.signature()}):")
        body = docstring(found, parameters, shape_text(found.result.shape))
        if self.target == "torch":
            for symbol, shape in parameters.shapes.items():
                if shape == x.SCALAR:
                    own = parameters.names[symbol]
                    body.append(f"{own} = torch.as_tensor({own}, dtype={self.dtype()})")
        body += [f"{size} = {place}" for size, place in sorted(parameters.sizes.items())]
        body.append(f"return {value}")
        lines += [f"    {line}" if line else "" for line in body]
        return "\n".join(lines) + "\n"

    def dtype(self) -> str:
        arrays = [self.parameters.names[n] for n, s in self.parameters.shapes.items() if s != x.SCALAR]
        return f"{arrays[0]}.dtype" if arrays else "torch.float64"

    def like(self) -> str:
        """What makes a new array of PyTorch have the type of the others."""
        return f", dtype={self.dtype()}" if self.target == "torch" else ""

    def call(self, name: str, *arguments: str) -> Code:
        return f"{self.np}.{name}({', '.join(arguments)})", ATOM

    def bare(self, e: Expression) -> str:
        """An expression where nothing stands beside it."""
        return self.write(e)[0]

    def at(self, e: Expression, needed: int) -> str:
        return wrap(self.write(e), needed)

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
                return self.sum(parts)
            case x.Negate(body=body):
                return "-" + self.at(body, SIGN), SIGN
            case x.Multiply():
                return self.product(e)
            case x.Hadamard(left=left, right=right):
                return f"{self.at(left, PRODUCT)} * {self.at(right, SIGN)}", PRODUCT
            case x.Divide(numerator=x.Fill(value=value), denominator=below) if not below.is_scalar:
                return f"{self.number(value)[0]} / {self.at(below, SIGN)}", PRODUCT
            case x.Divide(numerator=above, denominator=below):
                return f"{self.at(above, PRODUCT)} / {self.at(below, SIGN)}", PRODUCT
            case x.Power(base=base, exponent=exponent, entrywise=entrywise):
                if base.is_scalar or entrywise:
                    return f"{self.at(base, ATOM)} ** {self.at(exponent, ATOM)}", SIGN
                return self.call("linalg.matrix_power", self.bare(base), self.bare(exponent))
            case x.Transpose(body=body):
                return self.write(body) if ONE in body.shape else (f"{self.at(body, ATOM)}.T", ATOM)
            case x.Inverse(body=body):
                return self.call("linalg.inv", self.bare(body))
            case x.Determinant(body=body):
                return self.call("linalg.det", self.bare(body))
            case x.Trace(body=body):
                return self.trace(body)
            case x.Diagonal(body=body):
                return self.write(body) if body.is_scalar else self.call("diag", self.bare(body))
            case x.Apply(function=function, body=body, order=order):
                return self.function(function, body, order)
            case x.Softmax(body=body):
                if self.target == "numpy":
                    self.helpers.add("softmax")
                    return f"softmax({self.bare(body)})", ATOM
                known = {"torch": "torch.softmax({}, dim=-1)", "jax": "jax.nn.softmax({}, axis=-1)"}
                return known[self.target].format(self.bare(body)), ATOM
            case x.LogSumExp(body=body):
                if self.target == "numpy":
                    self.helpers.add("logsumexp")
                    return f"logsumexp({self.bare(body)})", ATOM
                known = {"torch": "torch.logsumexp({}.flatten(), 0)", "jax": "jax.nn.logsumexp({})"}
                return known[self.target].format(self.at(body, ATOM)), ATOM
            case x.Norm(body=body, kind=kind):
                if kind == "1":
                    return self.call("sum", f"{self.np}.abs({self.bare(body)})")
                return self.call("abs" if body.is_scalar else "linalg.norm", self.bare(body))
            case x.Fill(value=value, size=size):
                if size == x.SCALAR:
                    return self.number(value)
                wide = [self.parameters.size(d) for d in size if d != ONE]
                shape = f"({', '.join(wide)}{',' if len(wide) == 1 else ''})"
                if value in (0, 1):
                    return f"{self.np}.{'ones' if value else 'zeros'}({shape}{self.like()})", ATOM
                return f"{self.np}.full({shape}, {self.number(value)[0]}{self.like()})", ATOM
            case x.Identity(dimension=d):
                return f"{self.np}.eye({self.parameters.size(d)}{self.like()})", ATOM
            case x.Basis(index=index):
                return (
                    f"{self.np}.eye({self.parameters.size(index.range)}{self.like()})[{self.parameters.index(index)}]",
                    ATOM,
                )
            case x.Entry(body=body, indices=indices) if not body.is_scalar:
                places = ", ".join(self.parameters.index(i) for i in indices if i.range != ONE)
                return f"{self.at(body, ATOM)}[{places}]", ATOM
            case x.Delta(left=left, right=right):
                return f"float({self.parameters.index(left)} == {self.parameters.index(right)})", ATOM
            case x.Entries() | x.Sum():
                return self.tensor(e)
        raise Unanswerable(f"there is no code for {plain(latex(e))}")

    def number(self, value: Fraction) -> Code:
        if value.denominator == 1:
            return str(value), ATOM if value >= 0 else SIGN
        if value.denominator in (2, 4, 8, 5, 10):
            return str(float(value)), ATOM if value >= 0 else SIGN
        return f"{value.numerator} / {value.denominator}", PRODUCT

    def sum(self, parts: tuple[Expression, ...]) -> Code:
        """A sum; ones beside other arrays are the number 1."""
        arrays = any(not isinstance(_positive(part), x.Fill) for part in parts)
        text = ""
        for part in parts:
            negative = isinstance(part, x.Negate)
            body = _positive(part)
            if isinstance(body, x.Fill) and arrays:
                piece = self.number(body.value)[0]
            else:
                piece = self.at(body, PRODUCT)
            if not text:
                text = f"-{piece}" if negative else piece
            else:
                text += f" - {piece}" if negative else f" + {piece}"
        return text, SUM

    def function(self, function: str, body: Expression, order: int) -> Code:
        argument = self.bare(body)
        known = {"numpy": NUMPY, "torch": TORCH, "jax": JAX}[self.target]
        if function in known and not order:
            template = known[function]
            inner = argument if re.search(r"\(x\)", template) else wrap(self.write(body), ATOM)
            text = re.sub(r"\bx\b", lambda _: inner, template)
            return text, ATOM if text.endswith(")") and "/" not in template else PRODUCT
        return f"{self.parameters.function(function, order)}({argument})", ATOM

    # products

    def product(self, e: Expression) -> Code:
        """Scalars first, and then the chain of matrices, cut where a column meets a row."""
        found = factors(e)
        scalars = [factor for factor in found if factor.is_scalar]
        chain = [factor for factor in found if not factor.is_scalar]
        pieces = [self.write(factor) for factor in scalars]
        runs: list[list[Expression]] = [[]]
        for factor in chain:
            if runs[-1] and factor.shape[0] == ONE:
                runs.append([])
            runs[-1].append(factor)
        runs = [run for run in runs if run]
        inner = [run for run in runs if run[0].shape[0] == ONE and run[-1].shape[1] == ONE]
        outer = [run for run in runs if run not in inner]
        pieces += [self.chain(run) for run in inner]
        if len(outer) == 2:
            pieces.append(self.call("outer", self.chain(outer[0])[0], self.chain(outer[1])[0]))
        elif outer:
            pieces.append(self.chain(outer[0]))
        if len(pieces) == 1:
            return pieces[0]
        return " * ".join([wrap(pieces[0], PRODUCT) if "@" not in pieces[0][0] else wrap(pieces[0], SIGN),
                           *(wrap(piece, SIGN) for piece in pieces[1:])]), PRODUCT  # fmt: skip

    def chain(self, run: list[Expression]) -> Code:
        """A product of matrices: from the right where it ends in a column, else from the left."""
        if len(run) == 1:
            return self.write(run[0])
        if run[-1].shape[1] == ONE:
            return self.from_left(run[0], self.chain(run[1:]), True)
        left = self.chain(run[:-1])
        if len(run) == 2 and self.is_special(run[0]) and not self.is_special(run[1]):
            return self.from_left(run[0], self.write(run[1]), False)
        return self.from_right(left, run[:-1], run[-1])

    def is_special(self, e: Expression) -> bool:
        """Whether a factor is not multiplied with as a matrix: a diagonal one, an inverse."""
        e = e.body if isinstance(e, x.Transpose) else e
        return isinstance(e, x.Inverse) or (isinstance(e, x.Diagonal) and e.body.is_vector)

    def from_left(self, factor: Expression, rest: Code, is_vector: bool) -> Code:
        match factor:
            case x.Diagonal(body=body) if body.is_vector:
                scale = self.at(body, SIGN if is_vector else ATOM)
                return f"{scale if is_vector else scale + '[:, None]'} * {wrap(rest, SIGN)}", PRODUCT
            case x.Inverse(body=body):
                return self.call("linalg.solve", self.bare(body), rest[0])
            case x.Transpose(body=x.Inverse(body=body)):
                return self.call("linalg.solve", f"{self.at(body, ATOM)}.T", rest[0])
        return f"{self.at(factor, SIGN)} @ {wrap(rest, SIGN)}", PRODUCT

    def from_right(self, left: Code, run: list[Expression], factor: Expression) -> Code:
        is_vector = run[0].shape[0] == ONE
        match factor:
            case x.Diagonal(body=body) if body.is_vector:
                return f"{wrap(left, SIGN)} * {self.at(body, SIGN)}", PRODUCT
            case x.Inverse(body=body) | x.Transpose(body=x.Inverse(body=body)):
                matrix = self.at(body, ATOM) + ("" if isinstance(factor, x.Transpose) else ".T")
                if is_vector:
                    return self.call("linalg.solve", matrix, left[0])
                return self.call("linalg.solve", matrix, f"{wrap(left, ATOM)}.T")[0] + ".T", ATOM
        if len(run) > 1 and not self.is_special(run[-1]) and left[1] == PRODUCT and "*" not in left[0]:
            return f"{left[0]} @ {self.at(factor, SIGN)}", PRODUCT
        return f"{wrap(left, SIGN)} @ {self.at(factor, SIGN)}", PRODUCT

    def trace(self, body: Expression) -> Code:
        """tr(A B) as the sum of A_ij B_ji, which does not need the product."""
        chain = factors(body)
        if len(chain) > 1 and not any(factor.is_scalar for factor in chain):
            first, rest = chain[0], x.product(*chain[1:])
            if ONE not in first.shape:
                return self.call("einsum", '"ij,ji->"', self.bare(first), self.bare(rest))
        return self.call("trace", self.bare(body))

    # index notation

    def tensor(self, e: Expression) -> Code:
        """What is written by its entries, as an array over its indices."""
        match e:
            case x.Entries(indices=indices, body=body):
                order = [i for i in indices if i.range != ONE]
                return self.over(body, order), ATOM
        text, open_indices = self.general(e, set())
        if open_indices:
            raise Unanswerable(f"there is no code for {plain(latex(e))}")
        return text, SUM

    def over(self, e: Expression, order: list[Index]) -> str:
        """The array of a scalar's values over these indices, each of them an axis."""
        parts = [self.monomial(term, set(order), order)[0] for term in terms(e)]
        if not parts:
            shape = ", ".join(self.parameters.size(i.range) for i in order)
            return f"{self.np}.zeros(({shape},){self.like()})"
        return _joined(parts)

    def general(self, e: Expression, bound: set[Index]) -> tuple[str, list[Index]]:
        """A scalar expression as an array over those of the bound indices that it mentions."""
        parts = [self.monomial(term, bound) for term in terms(e)]
        if not parts:
            return "0.0", []
        if len(parts) == 1:
            return parts[0]
        axes = list(dict.fromkeys(i for _, found in parts for i in found))
        return _joined([self.aligned(text, found, axes) for text, found in parts]), axes

    def aligned(self, text: str, axes: list[Index], order: list[Index]) -> str:
        """An array with its axes in another order, and axes of length 1 for those that it does not have."""
        if axes == order or not axes:
            return text
        kept = [i for i in order if i in axes]
        if kept != axes:
            text = self.einsum([(text, axes)], kept)
        places = ", ".join(":" if i in axes else "None" for i in order)
        return f"({text})[{places}]" if kept != order else text

    def einsum(self, operands: list[tuple[str, list[Index]]], axes: list[Index]) -> str:
        """The product of arrays, summed over what is not among the axes."""
        covered = {i for _, found in operands for i in found}
        operands = [*operands, *((self.ones(i), [i]) for i in axes if i not in covered)]
        letters = self.letters([*axes, *(i for _, found in operands for i in found)])
        subscripts = ",".join("".join(letters[i] for i in found) for _, found in operands)
        arrays = ", ".join(text for text, _ in operands)
        return f'{self.np}.einsum("{subscripts}->{"".join(letters[i] for i in axes)}", {arrays})'

    def ones(self, index: Index) -> str:
        return f"{self.np}.ones({self.parameters.size(index.range)}{self.like()})"

    def letters(self, indices: list[Index]) -> Mapping[Index, str]:
        return dict(zip(dict.fromkeys(indices), "ijklpqrstuvwabcdefghmnoxyz", strict=False))

    def monomial(
        self, term: Term, bound: set[Index], order: list[Index] | None = None
    ) -> tuple[str, list[Index]]:
        """One term as an einsum over arrays, sums and Kronecker deltas included; over `order`, if given."""
        summed: list[Index] = []
        operands: list[tuple[str, list[Index]]] = []
        scale = term.coefficient
        outside: list[str] = []

        def take(base: Expression, exponent: Fraction) -> None:
            nonlocal scale
            if isinstance(base, x.Sum) and exponent == 1 and not base.without:
                inner = terms(base.body)
                if len(inner) == 1:
                    fresh = Index(f"{base.index.name}'{len(summed)}", base.index.range)
                    summed.append(fresh)
                    bound.add(fresh)
                    (only,) = inner
                    scale *= only.coefficient
                    for part, k in only.scalars.items():
                        take(substituted(part, {base.index: fresh}), k)
                    return
            text, axes = self.factor(base, bound)
            if exponent != 1:
                text = f"({text}) ** {wrap(self.number(exponent), ATOM)}"
            if axes:
                operands.append((text, axes))
            else:
                outside.append(text)

        for base, exponent in term.scalars.items():
            take(base, exponent)
        axes = list(dict.fromkeys(i for _, found in operands for i in found if i not in summed))
        axes = axes if order is None else order
        covered = {i for _, found in operands for i in found}
        operands += [(self.ones(i), [i]) for i in summed if i not in covered]
        scalars = [f"({part})" for part in outside]
        if not operands and not axes:
            text = " * ".join(scalars) or "1.0"
        elif len(operands) == 1 and not summed and operands[0][1] == axes:
            text = " * ".join([*scalars, operands[0][0]])
        else:
            text = " * ".join([*scalars, self.einsum(operands, axes)])
        bound -= set(summed)
        if abs(scale) != 1:
            text = f"{wrap(self.number(abs(scale)), SIGN)} * {text}"
        if scale < 0:
            text = f"-{text}"
        return text, axes

    def factor(self, e: Expression, bound: set[Index]) -> tuple[str, list[Index]]:
        """One factor as an array over the bound indices that it mentions."""
        match e:
            case x.Entry(body=body, indices=indices):
                wide = [i for i in indices if i.range != ONE]
                axes = [i for i in wide if i in bound]
                if not axes:
                    return self.write(e)[0], []
                places = ", ".join(":" if i in bound else self.parameters.index(i) for i in wide)
                whole = self.at(body, ATOM)
                return (whole if len(axes) == len(wide) else f"{whole}[{places}]"), axes
            case x.Delta(left=left, right=right):
                axes = [i for i in (left, right) if i in bound]
                eye = f"{self.np}.eye({self.parameters.size(left.range)}{self.like()})"
                if len(axes) == 1:
                    other = right if axes[0] == left else left
                    return f"{eye}[{self.parameters.index(other)}]", axes
                return (eye, axes) if axes else (self.write(e)[0], [])
            case x.Apply(function=function, body=body, order=order):
                inner, axes = self.general(body, bound)
                if not axes:
                    return self.write(e)[0], []
                own = x.Symbol("⟨argument⟩", x.SCALAR)
                self.parameters.names[own.name] = f"({inner})"
                text = self.function(function, own, order)[0]
                del self.parameters.names[own.name]
                return text, axes
            case x.Power(base=base, exponent=exponent):
                inner, axes = self.general(base, bound)
                return f"({inner}) ** {self.at(exponent, ATOM)}", axes
            case x.Add():
                inner, axes = self.general(e, bound)
                return f"({inner})", axes
            case x.Sum(index=index, body=body, without=()):
                fresh = Index(f"{index.name}'s{len(bound)}", index.range)
                inner, axes = self.general(substituted(body, {index: fresh}), bound | {fresh})
                kept = [i for i in axes if i != fresh]
                if fresh not in axes:
                    return f"{self.parameters.size(index.range)} * ({inner})", kept
                return self.einsum([(inner, axes)], kept), kept
        return self.write(e)[0], []


def _joined(parts: list[str]) -> str:
    """A sum of pieces, those that begin with a minus subtracted."""
    text = parts[0]
    for part in parts[1:]:
        text += f" - {part[1:]}" if part.startswith("-") else f" + {part}"
    return text


def _positive(e: Expression) -> Expression:
    return e.body if isinstance(e, x.Negate) else e


__all__ = ["Parameters", "ascii_name", "code", "docstring", "number", "shape_text", "wrap"]
