"""Expressions and normal forms as LaTeX, for display only."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from derive import expression as x
from derive.expression import Expression
from derive.functions import FUNCTIONS
from derive.terms import ONE, Index

SUM, PRODUCT, POWER, ATOM = 1, 2, 3, 4  # how tightly a piece of LaTeX holds together


def latex(expression: Expression) -> str:
    """An expression as LaTeX."""
    return _render(expression)[0]


def _wrap(piece: tuple[str, int], needed: int) -> str:
    text, binding = piece
    return text if binding >= needed else rf"\left({text}\right)"


def _indices(indices: tuple[Any, ...]) -> str:
    """Subscripts; a fixed position is printed counting from 1."""
    names = [_letter(i) for i in indices]
    return (
        "".join(names)
        if all(len(n.lstrip("\\")) == 1 or n.startswith("\\") for n in names)
        else ",".join(names)
    )


def _letter(index: Index) -> str:
    """An index as it is printed: a position counted from 1, one without a name of its own as k."""
    if isinstance(index.name, int):
        return str(index.name + 1)
    return "k" if index.name.startswith("·") else index.name


def _render(e: Expression) -> tuple[str, int]:
    def at(body: Expression, needed: int) -> str:
        return _wrap(_render(body), needed)

    match e:
        case x.Constant(value=value):
            return _number(value)
        case x.Count(dimension=dimension):
            return str(dimension), ATOM if len(dimension.monomials) == 1 else SUM
        case x.Symbol(name=name):
            return name, ATOM
        case x.Add(terms=terms):
            text = at(terms[0], SUM)
            for term in terms[1:]:
                if isinstance(term, x.Negate):
                    text += " - " + at(term.body, PRODUCT)
                elif isinstance(term, x.Constant) and term.value < 0:
                    text += " - " + _number(-term.value)[0]
                else:
                    text += " + " + at(term, SUM)
            return text, SUM
        case x.Negate(body=body):
            return "-" + at(body, PRODUCT), SUM
        case x.Multiply(left=left, right=right):
            return f"{_factor(left, right)} {at(right, POWER)}", PRODUCT
        case x.Hadamard(left=left, right=right):
            return rf"{at(left, POWER)} \odot {at(right, POWER)}", PRODUCT
        case x.Divide(numerator=above, denominator=below):
            return rf"\frac{{{latex(above)}}}{{{latex(below)}}}", ATOM
        case x.Power(base=base, exponent=exponent, entrywise=entrywise):
            if exponent == x.Constant(Fraction(1, 2)):
                return rf"\sqrt{{{latex(base)}}}", ATOM
            mark = r"\odot " if entrywise and not base.is_scalar else ""
            return f"{at(base, ATOM)}^{{{mark}{latex(exponent)}}}", POWER
        case x.Transpose(body=body):
            return f"{at(body, ATOM)}^T", POWER
        case x.Inverse(body=body):
            return f"{at(body, ATOM)}^{{-1}}", POWER
        case x.Trace(body=body):
            return rf"\operatorname{{tr}}\left({latex(body)}\right)", POWER
        case x.Determinant(body=body):
            return rf"\det\left({latex(body)}\right)", POWER
        case x.Diagonal(body=body):
            return rf"\operatorname{{diag}}\left({latex(body)}\right)", POWER
        case x.Apply(function=function, body=body, order=order):
            record = FUNCTIONS.get(function)
            name = record.latex if record else function
            if function == "sqrt" and not order:
                return rf"\sqrt{{{latex(body)}}}", ATOM
            return rf"{name}{chr(39) * order}\left({latex(body)}\right)", POWER
        case x.Softmax(body=body):
            return rf"\operatorname{{softmax}}\left({latex(body)}\right)", POWER
        case x.LogSumExp(body=body):
            return rf"\operatorname{{logsumexp}}\left({latex(body)}\right)", POWER
        case x.Norm(body=body, kind=kind):
            return rf"\left\|{latex(body)}\right\|" + (f"_{kind}" if kind != "2" else ""), ATOM
        case x.Entry(body=body, indices=indices):
            return f"{at(body, ATOM)}_{{{_indices(indices)}}}", ATOM
        case x.Sum(index=index, body=body, without=without):
            letter = _letter(index)
            limits = letter + "".join(rf", {letter} \neq {_letter(other)}" for other in without)
            return rf"\sum_{{{limits}}} {at(body, PRODUCT)}", PRODUCT
        case x.Delta(left=left_index, right=right_index):
            return rf"\delta_{{{_indices((left_index, right_index))}}}", ATOM
        case x.Entries(indices=indices, body=body):
            indices = tuple(i for i in indices if i.range != ONE) or indices
            return rf"\left[{latex(body)}\right]_{{{_indices(indices)}}}", ATOM
        case x.Blocks(rows=rows):
            cells = r" \\ ".join(" & ".join(map(latex, row)) for row in rows)
            return rf"\begin{{bmatrix}} {cells} \end{{bmatrix}}", ATOM
        case x.Fill(value=value, size=size):
            if size == x.SCALAR:
                return _number(value)
            turned = "^T" if size[0] == ONE else ""
            return rf"\mathbf{{{value}}}{turned}", POWER if turned else ATOM
        case x.Identity():
            return "I", ATOM
        case x.Basis(index=index):
            return rf"e_{{{_indices((index,))}}}", ATOM
        case x.Kronecker(left=left, right=right):
            return rf"{at(left, POWER)} \otimes {at(right, POWER)}", PRODUCT
        case x.Call(function=called, arguments=arguments):
            return rf"{called}\left({', '.join(map(latex, arguments))}\right)", POWER
        case x.Partial(body=body, variable=variable):
            power = ""
            if isinstance(body, x.Partial) and body.variable == variable and isinstance(variable, x.Symbol):
                body, power = body.body, "^2"
            simple = isinstance(body, (x.Symbol, x.Entry))
            differentiated = latex(body) if simple else rf"\left({latex(body)}\right)"
            return rf"\frac{{\partial{power} {differentiated}}}{{\partial {latex(variable)}{power}}}", ATOM
        case x.Differential(body=body):
            simple = isinstance(body, (x.Symbol, x.Entry))
            return rf"d {latex(body)}" if simple else rf"d \left({latex(body)}\right)", PRODUCT
        case x.Gradient(body=body, variable=variable):
            return rf"\nabla_{{{latex(variable)}}} {at(body, POWER)}", PRODUCT
    raise TypeError(f"not an expression: {e!r}")


def _factor(left: Expression, right: Expression) -> str:
    """What stands before a factor: an entrywise product, and a scalar made of matrices, in parentheses."""
    piece = _render(left)
    inner = left.body if isinstance(left, x.Transpose) else left
    scalar = left.is_scalar and not right.is_scalar and isinstance(inner, x.Multiply)
    apart = isinstance(left, (x.Hadamard, x.Kronecker)) or (
        scalar and any(not child.is_scalar for child in x.children(inner))
    )
    return _wrap(piece, ATOM if apart else PRODUCT)


def _number(value: Fraction) -> tuple[str, int]:
    if value.denominator == 1:
        return str(value), ATOM if value >= 0 else SUM
    sign = "-" if value < 0 else ""
    return rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}", ATOM if not sign else SUM


def shape_latex(shape: x.Shape) -> str:
    """The set that an expression of this shape lives in."""
    if shape == x.SCALAR:
        return r"\mathbb{R}"
    if len(shape) == 2 and shape[1] == ONE:
        return rf"\mathbb{{R}}^{{{shape[0]}}}"
    return r"\mathbb{R}^{" + r" \times ".join(map(str, shape)) + "}"
