"""Expressions: their shapes, with symbols and with numbers for dimensions; what they refuse; inertness."""

import itertools
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from fractions import Fraction
from typing import ClassVar

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
    contains,
    product,
    rebuild,
    replace,
    show_shape,
)
from derive.terms import ONE, Dimension, Index, ShapeError

NUMBERS = {"c": 2, "d": 3, "m": 4, "n": 5, "p": 6, "q": 7}
EACH_KIND = pytest.mark.parametrize("concrete", [False, True], ids=["symbols", "numbers"])


def size(spelling: str, concrete: bool) -> Dimension:
    """A dimension by its name, as a symbol or as the number that NUMBERS has for it."""
    if spelling.isdigit():
        return Dimension.of(int(spelling))
    return Dimension.of(NUMBERS[spelling] if concrete else spelling)


def shape(text: str, concrete: bool) -> tuple[Dimension, ...]:
    """'c×d' as a shape."""
    return tuple(size(part, concrete) for part in text.split("×"))


class Quantities:
    """The symbols of the tables below, by attribute; every dimension a symbol, or every one a number."""

    SHAPES: ClassVar = {
        "A": "c×d", "B": "c×d", "M": "d×c", "S": "c×c", "R": "c×c", "x": "d×1", "z": "c×1", "y": "c×1",
        "row": "1×c", "s": "1×1", "t": "1×1", "v": "n×1", "u": "m×1", "X": "p×q", "w": "1×n", "h": "1×m",
    }  # fmt: skip

    def __init__(self, concrete: bool):
        self.concrete = concrete

    def __getattr__(self, name: str) -> Symbol:
        return Symbol(name, shape(self.SHAPES[name], self.concrete))

    def size(self, spelling: str) -> Dimension:
        return size(spelling, self.concrete)

    def index(self, name: str | int, spelling: str) -> Index:
        return Index(name, self.size(spelling))


Table = dict[str, tuple[Callable[[Quantities], Expression], str]]
TWO, HALF = Constant(Fraction(2)), Constant(Fraction(1, 2))

SHAPES: Table = {
    "constant": (lambda _: TWO, "1×1"),
    "count": (lambda q: Count(q.size("c")), "1×1"),
    "symbol": (lambda q: q.A, "c×d"),
    "sum": (lambda q: Add((q.A, q.B, q.A)), "c×d"),
    "one term": (lambda q: Add((q.x,)), "d×1"),
    "negated": (lambda q: Negate(q.row), "1×c"),
    "product": (lambda q: Multiply(q.A, q.x), "c×1"),
    "three factors": (lambda q: product(q.A, q.M, q.A), "c×d"),
    "inner": (lambda q: Multiply(Transpose(q.z), q.y), "1×1"),
    "outer": (lambda q: Multiply(q.z, Transpose(q.x)), "c×d"),
    "row by matrix": (lambda q: Multiply(q.row, q.A), "1×d"),
    "scalar first": (lambda q: Multiply(q.s, q.A), "c×d"),
    "scalar last": (lambda q: Multiply(q.A, q.s), "c×d"),
    "scalars": (lambda q: Multiply(q.s, q.t), "1×1"),
    "scalar from a product": (lambda q: product(Transpose(q.z), q.y, q.A), "c×d"),
    "entrywise product": (lambda q: Hadamard(q.A, q.B), "c×d"),
    "quotient": (lambda q: Divide(q.A, q.s), "c×d"),
    "entrywise quotient": (lambda q: Divide(q.z, q.y), "c×1"),
    "power of a scalar": (lambda q: Power(q.s, q.t), "1×1"),
    "power of a matrix": (lambda q: Power(q.S, TWO), "c×c"),
    "entrywise power": (lambda q: Power(q.A, HALF, entrywise=True), "c×d"),
    "transpose": (lambda q: Transpose(q.A), "d×c"),
    "transposed column": (lambda q: Transpose(q.x), "1×d"),
    "inverse": (lambda q: Inverse(q.S), "c×c"),
    "trace": (lambda q: Trace(Multiply(q.A, q.M)), "1×1"),
    "determinant": (lambda q: Determinant(q.S), "1×1"),
    "diag of a column": (lambda q: Diagonal(q.z), "c×c"),
    "diag of a row": (lambda q: Diagonal(q.row), "c×c"),
    "diag of a matrix": (lambda q: Diagonal(q.S), "c×1"),
    "function": (lambda q: Apply("tanh", q.A), "c×d"),
    "its derivative": (lambda q: Apply("σ", q.z, 1), "c×1"),
    "softmax": (lambda q: Softmax(q.z), "c×1"),
    "softmax of a row": (lambda q: Softmax(q.row), "1×c"),
    "softmax of rows": (lambda q: Softmax(q.A), "c×d"),
    "log-sum-exp": (lambda q: LogSumExp(q.z), "1×1"),
    "norm": (lambda q: Norm(q.z), "1×1"),
    "Frobenius norm": (lambda q: Norm(q.A, "F"), "1×1"),
    "entry of a vector": (lambda q: Entry(q.z, (q.index("i", "c"),)), "1×1"),
    "entry of a row": (lambda q: Entry(q.row, (q.index("i", "c"),)), "1×1"),
    "entry of a matrix": (lambda q: Entry(q.A, (q.index("i", "c"), q.index("j", "d"))), "1×1"),
    "fixed entry": (lambda q: Entry(q.z, (q.index(0, "c"),)), "1×1"),
    "indexed sum": (lambda q: Sum(q.index("i", "c"), q.A), "c×d"),
    "delta": (lambda q: Delta(q.index("i", "c"), q.index("j", "c")), "1×1"),
    "by its entries": (lambda q: Entries((q.index("i", "c"), q.index("j", "d")), q.s), "c×d"),
    "written out": (lambda q: Blocks(((q.s, q.t, q.s), (q.t, q.s, TWO))), "2×3"),
    "ones": (lambda q: Fill(Fraction(1), (q.size("c"), ONE)), "c×1"),
    "identity": (lambda q: Identity(q.size("c")), "c×c"),
    "basis": (lambda q: Basis(q.index("i", "c")), "c×1"),
    "call": (lambda q: Call("f", (q.z, q.A), (q.size("m"), ONE)), "m×1"),
    "gradient": (lambda q: Gradient(q.s, q.A), "c×d"),
    "gradient by a row": (lambda q: Gradient(q.s, q.row), "1×c"),
    "gradient of a vector": (lambda q: Gradient(q.u, q.v), "n×m"),
}


@EACH_KIND
@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name: str, concrete: bool) -> None:
    """Each node knows its shape as soon as it is built, the same way for symbols and for numbers."""
    build, expected = SHAPES[name]
    assert build(Quantities(concrete)).shape == shape(expected, concrete)


@EACH_KIND
def test_kronecker_multiplies_sizes(concrete: bool) -> None:
    """A ⊗ B is (rows·rows) × (columns·columns)."""
    found = Kronecker(Quantities(concrete).A, Quantities(concrete).X).shape
    assert tuple(str(d) for d in found) == (("12", "21") if concrete else ("c p", "d q"))


@EACH_KIND
def test_the_linear_layer_composes(concrete: bool) -> None:
    """(c×d)·(d×1) + (c×1) is a column of c."""
    q = Quantities(concrete)
    assert Add((Multiply(q.A, q.x), q.z)).shape == q.z.shape
    assert q.z.is_vector
    assert not q.z.is_scalar
    assert q.s.is_scalar
    assert not q.s.is_vector
    assert not q.A.is_vector
    assert show_shape(q.s.shape) == "scalar"
    assert show_shape(q.A.shape) == ("2×3" if concrete else "c×d")


# ── what does not fit ──────────────────────────────────────────────────────────────────────────────────────

MISFITS: dict[str, tuple[Callable[[Quantities], Expression], tuple[str, ...]]] = {
    "a column and a row": (lambda q: Add((q.z, q.row)), ("c×1", "1×c")),
    "matrices turned round": (lambda q: Add((q.A, q.M)), ("c×d", "d×c")),
    "a third term": (lambda q: Add((q.A, q.B, q.S)), ("c×d", "c×c")),
    "matrix and scalar": (lambda q: Add((q.A, TWO)), ("c×d", "scalar")),
    "product the wrong way": (lambda q: Multiply(q.A, q.z), ("c×d", "c×1")),
    "two columns": (lambda q: Multiply(q.z, q.y), ("c×1", "c×1")),
    "two rows": (lambda q: Multiply(q.row, q.row), ("1×c", "1×c")),
    "A A": (lambda q: Multiply(q.A, q.B), ("c×d", "c×d")),
    "entrywise product": (lambda q: Hadamard(q.x, q.z), ("d×1", "c×1")),
    "entrywise quotient": (lambda q: Divide(q.x, q.z), ("d×1", "c×1")),
    "inverse": (lambda q: Inverse(q.A), ("c×d",)),
    "trace": (lambda q: Trace(q.A), ("c×d",)),
    "determinant": (lambda q: Determinant(q.z), ("c×1",)),
    "matrix power": (lambda q: Power(q.A, TWO), ("c×d",)),
    "exponent": (lambda q: Power(q.s, q.z), ("c×1",)),
    "diag": (lambda q: Diagonal(q.A), ("c×d",)),
    "cell": (lambda q: Blocks(((q.s, q.z),)), ("c×1",)),
    "general entry": (lambda q: Entries((q.index("i", "c"),), q.z), ("c×1",)),
    "too many indices": (lambda q: Entry(q.A, (q.index("i", "c"),)), ("c×d",)),
}


@EACH_KIND
@pytest.mark.parametrize("name", MISFITS)
def test_misfits_name_the_shapes(name: str, concrete: bool) -> None:
    """Nothing ill-shaped can be built, and the error says which shapes meet, symbols or numbers."""
    build, named = MISFITS[name]
    with pytest.raises(ShapeError) as trouble:
        build(Quantities(concrete))
    for text in named:
        spelled = show_shape(shape(text, concrete)) if text != "scalar" else text
        assert spelled in str(trouble.value)


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda: Blocks(((TWO, TWO), (TWO,))), "different lengths"),
        (lambda: Power(Symbol("S", shape("c×c", False)), HALF), "integer exponent"),
        (lambda: Norm(Symbol("A", shape("c×d", False))), "index F"),
        (lambda: Delta(Index("i", Dimension.of("c")), Index("j", Dimension.of("d"))), "different ranges"),
        (lambda: Entry(Symbol("z", shape("c×1", False)), (Index("j", Dimension.of("d")),)), "runs to d"),
        (lambda: Transpose(third_order()), "index notation"),
        (lambda: Multiply(third_order(), Symbol("z", shape("c×1", False))), "index notation"),
        (lambda: Dimension.of(0), "at least 1"),
    ],
)
def test_other_misfits(build: Callable[[], object], expected: str) -> None:
    """Ranges, orders and exponents are checked as well."""
    with pytest.raises(ShapeError, match=expected):
        build()


def third_order() -> Partial:
    q = Quantities(False)
    return Partial(Multiply(q.A, q.x), q.A, "numerator")


# ── derivatives ────────────────────────────────────────────────────────────────────────────────────────────

# s scalar, u of m, v of n, X of p × q: the shape in numerator layout, and in denominator layout
DERIVATIVES: dict[tuple[str, str], tuple[str, str]] = {
    ("s", "t"): ("1×1", "1×1"),
    ("s", "v"): ("1×n", "n×1"),
    ("s", "w"): ("n×1", "1×n"),
    ("u", "s"): ("m×1", "1×m"),
    ("h", "s"): ("1×m", "m×1"),
    ("u", "v"): ("m×n", "n×m"),
    ("s", "X"): ("q×p", "p×q"),
    ("X", "s"): ("p×q", "q×p"),
    ("X", "v"): ("p×q×n", "n×p×q"),
    ("u", "X"): ("m×p×q", "p×q×m"),
    ("X", "A"): ("p×q×c×d", "c×d×p×q"),
}


@EACH_KIND
@pytest.mark.parametrize(("body", "variable"), DERIVATIVES)
def test_shapes_of_derivatives(body: str, variable: str, concrete: bool) -> None:
    """Every row of the layout table, and the arrays of higher order."""
    q = Quantities(concrete)
    for layout, expected in zip(("numerator", "denominator"), DERIVATIVES[body, variable], strict=True):
        found = Partial(getattr(q, body), getattr(q, variable), layout)
        assert found.shape == shape(expected, concrete)


@pytest.mark.parametrize("layout", ["numerator", "denominator"])
def test_where_the_entries_of_derivatives_stand(layout: str) -> None:
    """numerator: (i, j) is ∂u_i/∂v_j and, of a scalar by a matrix, ∂s/∂X_ji; denominator: the other way."""
    q = Quantities(False)
    sides = [place for _, place in Partial(q.u, q.v, layout).arrangement()]
    assert sides == (
        [("body", 0), ("variable", 0)] if layout == "numerator" else [("variable", 0), ("body", 0)]
    )
    axes = [place for _, place in Partial(q.s, q.X, layout).arrangement()]
    assert axes == [("variable", axis) for axis in ((1, 0) if layout == "numerator" else (0, 1))]


@pytest.mark.parametrize("layout", ["numerator", "denominator"])
def test_transposed_variables_fix_the_jacobian(layout: str) -> None:
    """∂u/∂vᵀ is m × n and ∂uᵀ/∂v is n × m in either layout."""
    q = Quantities(False)
    assert Partial(q.u, Transpose(q.v), layout).shape == shape("m×n", False)
    assert Partial(Transpose(q.u), q.v, layout).shape == shape("n×m", False)


def test_derivatives_chain_by_their_shapes() -> None:
    """x → u → y: the factors conform in the order of each layout, and in no other."""
    q = Quantities(False)
    first, second = (q.v, q.u), (q.u, q.z)
    for layout in ("numerator", "denominator"):
        inner, outer = (Partial(to, by, layout) for by, to in (first, second))
        factors = (outer, inner) if layout == "numerator" else (inner, outer)
        assert Multiply(*factors).shape == Partial(q.z, q.v, layout).shape
        with pytest.raises(ShapeError):
            Multiply(*reversed(factors))


# ── inertness ──────────────────────────────────────────────────────────────────────────────────────────────

Q = Quantities(False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Add((Q.A, Q.B)), Add((Q.B, Q.A))),
        (Add((Q.A, Q.B, Q.A)), Add((Add((Q.A, Q.B)), Q.A))),
        (Multiply(Multiply(Q.A, Q.M), Q.A), Multiply(Q.A, Multiply(Q.M, Q.A))),
        (Transpose(Transpose(Q.A)), Q.A),
        (Transpose(Q.S), Q.S),
        (Negate(Negate(Q.s)), Q.s),
        (Add((Q.s, Negate(Q.s))), Constant(Fraction(0))),
        (Multiply(Constant(Fraction(1)), Q.s), Q.s),
        (Multiply(Constant(Fraction(0)), Q.s), Constant(Fraction(0))),
        (Multiply(TWO, HALF), Constant(Fraction(1))),
        (Multiply(Q.S, Identity(Q.size("c"))), Q.S),
        (Power(Q.s, Constant(Fraction(1))), Q.s),
        (Divide(Q.s, Q.s), Constant(Fraction(1))),
        (Apply("log", Apply("exp", Q.s)), Q.s),
        (Symbol("s", SCALAR), Symbol("t", SCALAR)),
        (Symbol("s", SCALAR), Symbol("s", shape("c×1", False))),
        (Norm(Q.z), Norm(Q.z, "1")),
        (Partial(Q.u, Q.v, "numerator"), Partial(Q.u, Q.v, "denominator")),
        (Trace(Multiply(Q.A, Q.M)), Trace(Multiply(Q.M, Q.A))),
        (Fill(Fraction(0), shape("c×c", False)), Multiply(Constant(Fraction(0)), Q.S)),
        (Sum(Q.index("i", "c"), Q.s), Sum(Q.index("j", "c"), Q.s)),
    ],
)
def test_equality_is_identity_of_structure(one: Expression, other: Expression) -> None:
    """Never "equal up to something": what the author wrote stays as it was written."""
    assert one != other
    assert other != one


@pytest.mark.parametrize("name", SHAPES)
def test_equal_structure_is_equal(name: str) -> None:
    """Built twice, equal and with one hash; built of numbers, different."""
    build, _ = SHAPES[name]
    one, other = build(Quantities(False)), build(Quantities(False))
    assert one == other
    assert hash(one) == hash(other)
    assert repr(one) == repr(other)


def test_expressions_cannot_be_changed() -> None:
    """Neither parts nor shape."""
    whole = Add((Q.A, Q.B))
    for name, value in (("terms", (Q.A,)), ("shape", SCALAR)):
        with pytest.raises(FrozenInstanceError):
            setattr(whole, name, value)


# ── traversal ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", SHAPES)
def test_rebuilding_with_nothing_changed(name: str) -> None:
    """`children` and `rebuild` see the same parts, each once."""
    whole = SHAPES[name][0](Q)
    seen: list[Expression] = []
    assert rebuild(whole, lambda child: seen.append(child) or child) == whole
    assert tuple(seen) == children(whole)


def test_replace_and_contains() -> None:
    """As written, everywhere, cells of matrices included; shapes are checked anew."""
    whole = Add((Multiply(Q.A, Q.x), Hadamard(Q.z, Apply("exp", Q.z))))
    assert contains(whole, Q.z)
    assert contains(whole, whole)
    assert not contains(whole, Q.y)
    assert replace(whole, Q.z, Q.y) == Add((Multiply(Q.A, Q.x), Hadamard(Q.y, Apply("exp", Q.y))))
    assert replace(Blocks(((Q.s, TWO),)), Q.s, Q.t) == Blocks(((Q.t, TWO),))
    assert replace(whole, Q.y, Q.z) == whole
    with pytest.raises(ShapeError):
        replace(whole, Q.x, Q.z)


def test_dimensions_are_polynomials() -> None:
    """n + 1 and 2 n are sizes; equality is of the polynomial, and values follow."""
    n, m = Dimension.of("n"), Dimension.of("m")
    assert n + m == m + n
    assert n * m == m * n
    assert (n + 1) * m == n * m + m
    assert str(n + 1) == "n + 1"
    assert str(n * n + n) == "n n + n"
    assert (n * m + 1).value({"n": 3, "m": 4}) == 13
    assert Dimension.of(7).number == 7
    assert n.number is None
    assert {a == b for a, b in itertools.product((n, m, n + m), repeat=2)} == {True, False}
