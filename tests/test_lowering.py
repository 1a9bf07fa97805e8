"""Lowering, judged by NumPy entry by entry; and lifting, judged by the kernel: lift(lower(e)) = e."""

import itertools
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from derive.expression import (
    SCALAR,
    Add,
    Apply,
    Basis,
    Blocks,
    Call,
    Constant,
    Count,
    Delta,
    Determinant,
    Diagonal,
    Divide,
    Entries,
    Entry,
    Expression,
    Fill,
    Gradient,
    Hadamard,
    Identity,
    Inverse,
    Kronecker,
    LogSumExp,
    Multiply,
    Negate,
    Norm,
    Partial,
    Power,
    Softmax,
    Sum,
    Symbol,
    Trace,
    Transpose,
    children,
    product,
)
from derive.functions import FUNCTIONS
from derive.kernel import Theorem, prove
from derive.lifting import Names, NotLifted, lift
from derive.lowering import Lowering, Unsupported, state
from derive.terms import ONE, Context, Dimension, Index, ShapeError, free_indices
from numeric import central_difference, reference
from numeric.evaluate import FLOATS, Circuit, Evaluation, Scope

C, D = Dimension.of("c"), Dimension.of("d")
i, j, k, l = Index("i", C), Index("j", D), Index("k", C), Index("l", C)  # noqa: E741
A, B, M, S, R = (
    Symbol(name, shape)
    for name, shape in (("A", (C, D)), ("B", (C, D)), ("M", (D, C)), ("S", (C, C)), ("R", (C, C)))
)
x, w, z, y, row = (
    Symbol(name, shape)
    for name, shape in (("x", (D, ONE)), ("w", (D, ONE)), ("z", (C, ONE)), ("y", (C, ONE)), ("r", (ONE, C)))
)
s, t = Symbol("s", SCALAR), Symbol("t", SCALAR)
SYMBOLS = {q.name: q for q in (A, B, M, S, R, x, w, z, y, row, s, t)}
SIZES = [{"c": 2, "d": 3}, {"c": 3, "d": 1}, {"c": 1, "d": 3}, {"c": 1, "d": 1}]
ONE_, TWO, HALF, MINUS = (Constant(Fraction(v)) for v in (1, 2, "1/2", -1))
Array = np.ndarray


def values_at(sizes: Mapping[str, int], seed: int = 0) -> dict[str, Array]:
    """A positive matrix for each symbol; square ones are far from singular."""
    rng = np.random.default_rng([seed, *sizes.values()])
    found = {}
    for name, symbol in SYMBOLS.items():
        shape = tuple(size.value(dict(sizes)) for size in symbol.shape)
        found[name] = rng.uniform(0.5, 1.5, shape) + (3 * np.eye(*shape) if name in "SR" else 0)
    return found


def lowered(
    e: Expression, sizes: Mapping[str, int], at: Mapping[str, Array], free: Mapping[Index, int]
) -> Array:
    """Every entry of an expression, from its lowered term."""
    statement = state(e, e)
    circuit = Circuit(Scope(statement.claim.context), sizes)
    shape = tuple(size.value(dict(sizes)) for size in e.shape)
    found = np.empty(shape)
    nodes = {}
    for place in itertools.product(*map(range, shape)):
        kept = [p for p, size in zip(place, e.shape, strict=True) if size != ONE]
        where = {**free, **dict(zip(statement.indices, kept, strict=True))}
        nodes[place] = circuit.write(statement.claim.lhs, where)
    given = {}
    for name, array in at.items():
        kept_axes = [axis for axis, size in enumerate(SYMBOLS[name].shape) if size != ONE]
        for position in np.ndindex(array.shape):
            leaf = circuit.node("leaf", name, tuple(position[axis] for axis in kept_axes))
            given[leaf] = array[position]
    evaluation = Evaluation(circuit, FLOATS, given)
    for place, node in nodes.items():
        found[place] = evaluation.value(node)
    return found


def softmax_columns(v: Array) -> Array:
    return reference.softmax(v.T).T


Row = tuple[Expression, Callable[..., Any]]
PLAIN: dict[str, Row] = {
    "constant": (Constant(Fraction(-3, 7)), lambda **_: -3 / 7),
    "count": (Count(C * D + 1), lambda A, **_: A.size + 1),
    "scalar": (s, lambda s, **_: s),
    "matrix": (A, lambda A, **_: A),
    "row": (row, lambda r, **_: r),
    "sum": (Add((A, Negate(B), A)), lambda A, B, **_: A - B + A),
    "no parentheses lost": (Add((s, Negate(Add((t, s))))), lambda s, t, **_: s - (t + s)),
    "product": (Multiply(A, x), lambda A, x, **_: A @ x),
    "layer": (Add((Multiply(A, x), z)), lambda A, x, z, **_: A @ x + z),
    "three factors": (product(A, M, S), lambda A, M, S, **_: A @ M @ S),
    "inner": (Multiply(Transpose(z), y), lambda z, y, **_: z.T @ y),
    "outer": (Multiply(z, Transpose(x)), lambda z, x, **_: z @ x.T),
    "row by matrix": (Multiply(row, A), lambda r, A, **_: r @ A),
    "row by column": (Multiply(row, z), lambda r, z, **_: r @ z),
    "scalar first": (Multiply(s, A), lambda s, A, **_: s * A),
    "scalar last": (Multiply(A, s), lambda s, A, **_: s * A),
    "scalar by product": (product(row, z, A), lambda r, z, A, **_: (r @ z) * A),
    "entrywise product": (Hadamard(A, B), lambda A, B, **_: A * B),
    "quotient": (Divide(A, s), lambda A, s, **_: A / s),
    "quotient by an inner product": (Divide(z, Multiply(row, z)), lambda z, r, **_: z / (r @ z)),
    "entrywise quotient": (Divide(z, y), lambda z, y, **_: z / y),
    "power": (Power(s, TWO), lambda s, **_: s**2),
    "power of a power": (Power(Power(s, HALF), Add((t, ONE_))), lambda s, t, **_: s ** ((t + 1) / 2)),
    "S³": (Power(S, Constant(Fraction(3))), lambda S, **_: S @ S @ S),
    "S⁰": (Power(S, Constant(Fraction(0))), lambda S, **_: np.eye(len(S))),
    "S⁻²": (Power(S, Constant(Fraction(-2))), lambda S, **_: np.linalg.inv(S @ S)),
    "entrywise power": (Power(A, TWO, entrywise=True), lambda A, **_: A**2),
    "entrywise power of a square": (Power(S, TWO, entrywise=True), lambda S, **_: S**2),
    "transpose": (Transpose(A), lambda A, **_: A.T),
    "transposed product": (Transpose(Multiply(A, x)), lambda A, x, **_: (A @ x).T),
    "twice transposed": (Transpose(Transpose(A)), lambda A, **_: A),
    "inverse": (Inverse(S), lambda S, **_: np.linalg.inv(S)),
    "inverse of a scalar": (Inverse(s), lambda s, **_: 1 / s),
    "inverse of a product": (Inverse(Multiply(S, R)), lambda S, R, **_: np.linalg.inv(S @ R)),
    "transposed inverse": (Transpose(Inverse(S)), lambda S, **_: np.linalg.inv(S).T),
    "trace": (Trace(Multiply(A, M)), lambda A, M, **_: np.trace(A @ M)),
    "trace of a scalar": (Trace(s), lambda s, **_: s),
    "determinant": (Determinant(S), lambda S, **_: np.linalg.det(S)),
    "determinant of a product": (Determinant(Multiply(S, R)), lambda S, R, **_: np.linalg.det(S @ R)),
    "diag of a column": (Diagonal(z), lambda z, **_: np.diag(z[:, 0])),
    "diag of a row": (Diagonal(row), lambda r, **_: np.diag(r[0])),
    "diag of a matrix": (Diagonal(S), lambda S, **_: np.diag(S)[:, None]),
    "diag of a scalar": (Diagonal(s), lambda s, **_: s),
    "diag of diag": (Diagonal(Diagonal(z)), lambda z, **_: z),
    "diag inverse": (Inverse(Diagonal(z)), lambda z, **_: np.diag(1 / z[:, 0])),
    "softmax": (Softmax(z), lambda z, **_: softmax_columns(z)),
    "softmax of a layer": (
        Softmax(Add((Multiply(A, x), z))),
        lambda A, x, z, **_: softmax_columns(A @ x + z),
    ),
    "softmax of a row": (Softmax(row), lambda r, **_: reference.softmax(r)),
    "softmax of rows": (Softmax(A), lambda A, **_: reference.softmax(A)),
    "log-sum-exp": (LogSumExp(z), lambda z, **_: np.log(np.exp(z).sum())),
    "log-sum-exp of a matrix": (LogSumExp(A), lambda A, **_: np.log(np.exp(A).sum())),
    "norm": (Norm(z), lambda z, **_: np.linalg.norm(z)),
    "Frobenius norm": (Norm(A, "F"), lambda A, **_: np.linalg.norm(A)),
    "squared norm": (Power(Norm(Add((z, Negate(y)))), TWO), lambda z, y, **_: ((z - y) ** 2).sum()),
    "1-norm": (Norm(Negate(A), "1"), lambda A, **_: np.abs(A).sum()),
    "entry": (Entry(A, (i, j)), lambda A, i, j, **_: A[i, j]),
    "entry of a column": (Entry(z, (i,)), lambda z, i, **_: z[i, 0]),
    "entry of a row": (Entry(row, (i,)), lambda r, i, **_: r[0, i]),
    "entry of a product": (Entry(Multiply(A, x), (i,)), lambda A, x, i, **_: (A @ x)[i, 0]),
    "first entry": (Entry(z, (Index(0, C),)), lambda z, **_: z[0, 0]),
    "sum over an index": (
        Sum(j, Multiply(Entry(A, (i, j)), Entry(x, (j,)))),
        lambda A, x, i, **_: (A @ x)[i, 0],
    ),
    "sum of a constant": (Sum(j, s), lambda s, A, **_: A.shape[1] * s),
    "sum that leaves one out": (Sum(k, Entry(z, (k,)), (i,)), lambda z, i, **_: z.sum() - z[i, 0]),
    "nested sums of one name": (
        Sum(k, Multiply(Entry(z, (k,)), Sum(k, Entry(y, (k,))))),
        lambda z, y, **_: z.sum() * y.sum(),
    ),
    "sum inside exp inside a sum": (
        Sum(k, Apply("exp", Multiply(Entry(z, (k,)), Sum(k, Entry(y, (k,)))))),
        lambda z, y, **_: np.exp(z * y.sum()).sum(),
    ),
    "delta": (Delta(i, k), lambda i, k, **_: float(i == k)),
    "delta inside a sum": (Sum(k, Multiply(Delta(i, k), Entry(z, (k,)))), lambda z, i, **_: z[i, 0]),
    "by its entries": (Entries((k, j), Multiply(Entry(z, (k,)), Entry(x, (j,)))), lambda z, x, **_: z @ x.T),
    "by its entries, transposed": (Entries((j, k), Entry(A, (k, j))), lambda A, **_: A.T),
    "column by its entries": (
        Entries((k, Index(0, ONE)), Sum(i, Entry(S, (i, k)))),
        lambda S, **_: S.sum(axis=0)[:, None],
    ),
    "written out": (
        Blocks(((s, t, ONE_), (TWO, Multiply(s, t), MINUS))),
        lambda s, t, **_: np.array([[s[0, 0], t[0, 0], 1], [2, (s * t)[0, 0], -1]]),
    ),
    "a column written out": (Blocks(((s,), (t,))), lambda s, t, **_: np.vstack([s, t])),
    "ones": (Fill(Fraction(1), (C, ONE)), lambda z, **_: np.ones_like(z)),
    "sum by ones": (Multiply(Fill(Fraction(1), (ONE, C)), z), lambda z, **_: z.sum()),
    "identity": (Identity(D), lambda x, **_: np.eye(len(x))),
    "identity in a product": (product(A, Identity(D), x), lambda A, x, **_: A @ x),
    "basis": (Basis(i), lambda z, i, **_: np.eye(len(z))[:, i : i + 1]),
    "basis in a product": (Multiply(Transpose(Basis(i)), z), lambda z, i, **_: z[i, 0]),
}
FUNCTION_ROWS: dict[str, Row] = {
    name: (
        Apply(name, A),
        lambda A, record=record, **_: eval(record.numpy, {"np": np, "x": A}),  # the table's own text
    )
    for name, record in FUNCTIONS.items()
}


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("name", PLAIN | FUNCTION_ROWS)
def test_lowering_is_numpy(name: str, sizes: dict[str, int]) -> None:
    """Each node type, entry by entry, at rectangular sizes, 1 included; free indices at every place."""
    expression, in_numpy = (PLAIN | FUNCTION_ROWS)[name]
    at = values_at(sizes)
    for places in itertools.product(range(sizes["c"]), range(sizes["d"]), range(sizes["c"])):
        free = dict(zip((i, j, k), places, strict=True))
        expected = in_numpy(**at, **{str(index): place for index, place in free.items()})
        found = lowered(expression, sizes, at, free)
        np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), rtol=1e-12, atol=1e-12)
        if not free_indices(state(expression, expression).claim.lhs) & {i, j, k}:
            break


# ── derivatives ────────────────────────────────────────────────────────────────────────────────────────────


def by(function: Callable[..., Any], variable: str, at: dict[str, Array]) -> Array:
    """The derivative of a NumPy function by one of its matrices: axes of the value first."""
    return central_difference(lambda point: function(**(at | {variable: point})), at[variable]).value


def scalar(value: Any) -> Array:
    return np.array([[value]])


# where the axes of a derivative, ab of the value and cd of the variable, stand in numerator and in
# denominator layout
BY_SCALAR, OF_SCALAR = ("ab", "ba"), ("dc", "cd")

DERIVATIVES: dict[str, tuple[Expression, Symbol, Callable[..., Any], tuple[str, str]]] = {
    "scalar by scalar": (Multiply(Power(s, TWO), t), s, lambda s, t, **_: s**2 * t, BY_SCALAR),
    "column by scalar": (Multiply(Power(s, TWO), z), s, lambda s, z, **_: s**2 * z, BY_SCALAR),
    "row by scalar": (Multiply(s, row), s, lambda s, r, **_: s * r, BY_SCALAR),
    "matrix by scalar": (Multiply(Power(s, TWO), A), s, lambda s, A, **_: s**2 * A, BY_SCALAR),
    "scalar by column": (product(Transpose(z), S, z), z, lambda z, S, **_: z.T @ S @ z, OF_SCALAR),
    "scalar by row": (product(row, S, Transpose(row)), row, lambda r, S, **_: r @ S @ r.T, OF_SCALAR),
    "scalar by matrix": (product(row, A, x), A, lambda r, A, x, **_: r @ A @ x, OF_SCALAR),
    "scalar by an absent matrix": (product(row, z), A, lambda r, z, **_: r @ z, OF_SCALAR),
    "trace": (Trace(product(A, M, S)), A, lambda A, M, S, **_: scalar(np.trace(A @ M @ S)), OF_SCALAR),
    "inverse": (Trace(Inverse(S)), S, lambda S, **_: scalar(np.trace(np.linalg.inv(S))), OF_SCALAR),
    "log det": (Apply("log", Determinant(S)), S, lambda S, **_: scalar(np.log(np.linalg.det(S))), OF_SCALAR),
    "cross entropy": (
        Negate(Multiply(Transpose(y), Apply("log", Softmax(Add((Multiply(A, x), z)))))),
        A,
        lambda A, x, y, z, **_: -y.T @ np.log(softmax_columns(A @ x + z)),
        OF_SCALAR,
    ),
    "column by column": (Softmax(Multiply(A, x)), x, lambda A, x, **_: softmax_columns(A @ x), ("ac", "ca")),
    "row by column": (Transpose(Multiply(A, x)), x, lambda A, x, **_: (A @ x).T, ("cb", "cb")),
    "column by matrix": (Multiply(A, x), A, lambda A, x, **_: A @ x, ("acd", "cda")),
    "matrix by column": (Multiply(z, Transpose(z)), z, lambda z, **_: z @ z.T, ("abc", "cab")),
    "matrix by matrix": (Multiply(A, M), A, lambda A, M, **_: A @ M, ("abcd", "cdab")),
}


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("layout", ["numerator", "denominator"])
@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_are_arranged_as_the_layout_has_it(name: str, layout: str, sizes: dict[str, int]) -> None:
    """Against central differences of the NumPy function, for every kind of argument and result."""
    body, variable, in_numpy, orders = DERIVATIVES[name]
    at = values_at(sizes)
    slopes = by(in_numpy, variable.name, at)
    expected = np.einsum(f"abcd->{orders[layout == 'denominator']}", slopes)
    assert expected.size == slopes.size  # only axes of size 1 have no place
    found = lowered(Partial(body, variable, layout), sizes, at, {})
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_gradient_is_shaped_like_its_argument(sizes: dict[str, int]) -> None:
    """∇ of a scalar by a row, a column or a matrix; of a vector, the n × m array of ∂u_j/∂x_i."""
    at = values_at(sizes)
    for body, variable, in_numpy in (
        (Multiply(row, z), row, lambda r, z, **_: r @ z),
        (Multiply(row, z), z, lambda r, z, **_: r @ z),
        (Trace(Multiply(A, M)), A, lambda A, M, **_: np.array([[np.trace(A @ M)]])),
    ):
        found = lowered(Gradient(body, variable), sizes, at, {})
        np.testing.assert_allclose(found, by(in_numpy, variable.name, at)[0, 0], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(lowered(Gradient(Multiply(A, x), x), sizes, at, {}), at["A"].T)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_derivatives_by_entries_and_transposes(sizes: dict[str, int]) -> None:
    """∂/∂A_ij has the shape of what is differentiated; ∂z/∂xᵀ is the Jacobian in either layout."""
    at = values_at(sizes)
    jacobian = by(lambda A, x, **_: np.exp(A @ x), "x", at)[:, 0, :, 0]
    body = Apply("exp", Multiply(A, x))
    for layout in ("numerator", "denominator"):
        found = lowered(Partial(body, Transpose(x), layout), sizes, at, {})
        np.testing.assert_allclose(found, jacobian, rtol=1e-6)
        for places in itertools.product(range(sizes["c"]), range(sizes["d"])):
            slope = Partial(Multiply(A, x), Entry(A, (i, j)), layout)
            found = lowered(slope, sizes, at, dict(zip((i, j), places, strict=True)))
            expected = at["x"][places[1], 0] * np.eye(sizes["c"])[:, places[:1]]
            np.testing.assert_allclose(found, expected if layout == "numerator" else expected.T)


# ── definitions ────────────────────────────────────────────────────────────────────────────────────────────


def definitions() -> dict[str, Expression]:
    """z = A x + y, ŷ = softmax(z) and the loss −wᵀ log ŷ."""
    scores, chances, label = (Symbol(name, (C, ONE)) for name in ("z", "ŷ", "label"))
    return {
        "z": Add((Multiply(A, x), y)),
        "ŷ": Softmax(scores),
        "CE": Negate(Multiply(Transpose(label), Apply("log", chances))),
    }


CHANCES, LOSS, LABEL = Symbol("ŷ", (C, ONE)), Symbol("CE", SCALAR), Symbol("label", (C, ONE))


def proved(lhs: Expression, rhs: Expression) -> bool:
    return isinstance(prove(state(lhs, rhs, definitions=definitions()).claim), Theorem)


@pytest.mark.parametrize("layout", ["numerator", "denominator"])
def test_derivatives_by_defined_quantities(layout: str) -> None:
    """∂CE/∂ŷ unfolds CE down to ŷ and no further; ∂CE/∂log ŷ down to that expression."""

    def arranged(column: Expression) -> Expression:
        return Transpose(column) if layout == "numerator" else column

    ratio = Negate(Divide(LABEL, CHANCES))
    assert proved(Partial(LOSS, CHANCES, layout), arranged(ratio))
    assert proved(Partial(LOSS, Apply("log", CHANCES), layout), arranged(Negate(LABEL)))
    assert proved(Partial(z, y, layout), Identity(C))
    assert not proved(Partial(LOSS, CHANCES, layout), arranged(Add((CHANCES, Negate(LABEL)))))


@pytest.mark.parametrize(
    ("body", "variable", "message"),
    [
        (z, TWO, "constant"),
        (z, Identity(C), "constant"),
        (z, Apply("exp", y), "does not stand in it"),
        (Add((Apply("exp", y), y)), Apply("exp", y), "in another way"),
        (LOSS, Apply("log", z), "does not stand in it"),
    ],
)
def test_what_cannot_be_differentiated_by(body: Expression, variable: Expression, message: str) -> None:
    """An expression must stand in what it differentiates, and be all by which that depends on its parts."""
    with pytest.raises(Unsupported, match=message):
        state(
            Partial(body, variable, "numerator"),
            Partial(body, variable, "numerator"),
            definitions=definitions(),
        )


def test_unsupported_nodes_say_so() -> None:
    """A Kronecker product has no index form here, nor has a huge matrix power."""
    for e in (Kronecker(A, B), Power(S, Constant(Fraction(99)))):
        with pytest.raises(Unsupported):
            state(e, e)


def test_sides_of_different_shapes() -> None:
    """An error that names both; a scalar 0 fits any shape."""
    with pytest.raises(ShapeError, match=r"c×1.*1×c"):
        state(z, row)
    zero = Constant(Fraction(0))
    assert state(A, zero).claim.rhs == state(A, Fill(Fraction(0), (C, D))).claim.rhs
    assert state(zero, z).indices == state(z, z).indices


def test_bound_indices_are_fresh() -> None:
    """Every sum gets an index of its own, so that nothing is captured."""
    lowering = Lowering()
    term = lowering.lower(Add((Multiply(A, x), Multiply(A, x))), (Index("a", C), Index(0, ONE)), {})
    first, second = (part.index for part in term.terms)
    assert first != second
    assert {first, second}.isdisjoint({i, j, k})


def test_calls_carry_whole_arguments() -> None:
    """f(z, A) is a component of f at two tensors, and equal arguments make equal components."""
    call = Call("f", (z, A), (D, ONE))
    twin = Call("f", (Transpose(Transpose(z)), A), (D, ONE))
    other = Call("f", (y, A), (D, ONE))
    assert isinstance(prove(state(call, twin).claim), Theorem)
    assert not isinstance(prove(state(call, other).claim), Theorem)


# ── lifting ────────────────────────────────────────────────────────────────────────────────────────────────

LIFTED: dict[str, Expression] = {
    "zero": Add((A, Negate(A))),
    "scalar": Multiply(TWO, s),
    "fraction": Divide(z, s),
    "layer": Add((Multiply(A, x), z)),
    "inner": Multiply(Transpose(z), y),
    "outer": Multiply(z, Transpose(x)),
    "row": Multiply(row, A),
    "quadratic form": product(Transpose(z), S, z),
    "bilinear form": product(Transpose(z), A, x),
    "three factors": product(A, M, A),
    "trace": Trace(Multiply(A, M)),
    "trace of three": Trace(product(S, R, S)),
    "transpose": Transpose(Multiply(A, x)),
    "transposes inside": product(Transpose(A), S, A),
    "entrywise": Hadamard(A, Add((A, B))),
    "entrywise vectors": Hadamard(z, Multiply(A, x)),
    "entrywise power": Power(A, TWO, entrywise=True),
    "diag": Diagonal(z),
    "diag times": product(Diagonal(z), A, Diagonal(x)),
    "diag of a matrix": Diagonal(S),
    "identity": Identity(C),
    "scaled identity": Add((Multiply(s, Identity(C)), S)),
    "ones": Multiply(z, Fill(Fraction(1), (ONE, D))),
    "sum of entries": Multiply(Fill(Fraction(1), (ONE, C)), z),
    "exp": Apply("exp", Multiply(A, x)),
    "log": Apply("log", z),
    "log-sum-exp": LogSumExp(z),
    "unknown function": Apply("σ", z, 1),
    "softmax": Softmax(z),
    "softmax of a layer": Softmax(Add((Multiply(A, x), z))),
    "softmax Jacobian": Add((Diagonal(Softmax(z)), Negate(Multiply(Softmax(z), Transpose(Softmax(z)))))),
    "residual": Multiply(Add((Softmax(Add((Multiply(A, x), z))), Negate(y))), Transpose(x)),
    "inverse": Inverse(S),
    "inverse in a product": product(Transpose(z), Inverse(S), z),
    "transposed inverse": Transpose(Inverse(S)),
    "determinant": Multiply(Determinant(S), z),
    "squared norm": Power(Norm(Add((z, Negate(y)))), TWO),
    "norm": Norm(z),
    "count": Multiply(Count(C), z),
    "entry": Entry(A, (i, j)),
    "entry of a column": Multiply(Entry(z, (i,)), s),
    "derivative": Partial(product(Transpose(z), S, z), z, "denominator"),
    "gradient of the loss": Partial(
        Negate(Multiply(Transpose(y), Apply("log", Softmax(Add((Multiply(A, x), z)))))), A, "denominator"
    ),
}


def lift_back(e: Expression) -> Expression:
    lowering = Lowering()
    at = tuple(Index(0, ONE) if d == ONE else Index(f"entry {n}", d) for n, d in enumerate(e.shape))
    kept = tuple(index for index in at if index.range != ONE)
    names = Names({name: symbol.shape for name, symbol in SYMBOLS.items()})
    return lift(lowering.lower(e, at, {}), kept, e.shape, Context(lowering.context_definitions()), names)


@pytest.mark.parametrize("name", LIFTED)
def test_lifting_returns_what_was_lowered(name: str) -> None:
    """An expression of the same shape, in the same symbols, that the kernel proves equal."""
    expression = LIFTED[name]
    lifted = lift_back(expression)
    assert lifted.shape == expression.shape
    assert isinstance(prove(state(lifted, expression).claim), Theorem)
    assert symbols(lifted) <= symbols(expression)
    assert not isinstance(lifted, Entries | Partial)


def symbols(e: Expression) -> frozenset[str]:
    own = frozenset({e.name}) if isinstance(e, Symbol) else frozenset()
    return own.union(*map(symbols, children(e)))


def test_lifting_finds_short_forms() -> None:
    """The normal form of what people write comes back as they would write it."""
    for expression in (
        Multiply(A, x),
        product(A, M, A),
        Softmax(z),
        Diagonal(z),
        Identity(C),
        Inverse(S),
        LogSumExp(z),
        Multiply(z, Transpose(x)),
    ):
        assert lift_back(expression) == expression


def test_what_cannot_be_lifted_says_so() -> None:
    """An array of three indices has no matrix form."""
    with pytest.raises(NotLifted):
        lift_back(Partial(Multiply(A, x), A, "numerator"))
