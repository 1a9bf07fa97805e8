"""The public functions, SymPy in and SymPy out: what they prove, refute, compute and refuse."""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
import pytest
import sympy
from sympy import (
    DiagMatrix,
    Dummy,
    Eq,
    Function,
    HadamardProduct,
    Identity,
    KroneckerDelta,
    Lambda,
    Matrix,
    MatrixSymbol,
    Max,
    Ne,
    OneMatrix,
    Sum,
    Symbol,
    Trace,
    ZeroMatrix,
    exp,
    log,
    sqrt,
    symbols,
)
from sympy.matrices.expressions.diagonal import DiagonalMatrix

import derive
from derive import cross_entropy, gradient, one_hot, partial, prove, softmax
from derive.algebra import Softmax
from derive.functions import FUNCTIONS
from derive.lowering import state
from derive.second_opinion import entrywise
from derive.terms import Apply, Claim, Entry, Number, ShapeError
from derive.terms import Partial as TermPartial
from numeric import central_difference, complex_step, reference

c, d = symbols("c d", integer=True, positive=True)
i, j, k, l = symbols("i j k l", integer=True)  # noqa: E741
t, u, v = symbols("t u v")
W, A, M = MatrixSymbol("W", c, d), MatrixSymbol("A", c, c), MatrixSymbol("M", d, c)
x, b, y, z = (MatrixSymbol(name, size, 1) for name, size in (("x", d), ("b", c), ("y", c), ("z", c)))
p, q = softmax(z), softmax(W * x + b)
SUM = Eq(Sum(y[i, 0], (i, 0, c - 1)), 1)
LOSS, MODEL = cross_entropy(y, p), cross_entropy(y, q)
TOTAL = Sum(exp(z[k, 0]), (k, 0, c - 1))
LAYOUTS = ("denominator", "numerator")


def arranged(result: Any, layout: str) -> Any:
    """The gradient of a scalar, shaped like its variable, as the layout has it."""
    return result if layout == "denominator" else result.T


# ── what is proved ─────────────────────────────────────────────────────────────────────────────────────────

JACOBIAN = DiagMatrix(p) - p * p.T
PROVED = {  # in both layouts: (what is differentiated, by what, the denominator-layout gradient, hypotheses)
    "softmax": (p, z, JACOBIAN, ()),
    "cross entropy by scores": (LOSS, z, p - y, (SUM,)),
    "cross entropy by scores, one-hot": (LOSS, z, p - y, (one_hot(y),)),
    "cross entropy by scores, any label": (LOSS, z, Sum(y[i, 0], (i, 0, c - 1)) * p - y, ()),
    "by the weights": (MODEL, W, (q - y) * x.T, (SUM,)),
    "by the biases": (MODEL, b, q - y, (SUM,)),
    "by the features": (MODEL, x, W.T * (q - y), (SUM,)),
    "hessian": (p - y, z, JACOBIAN, ()),
    "log-sum-exp": (log(TOTAL), z, p, ()),
    "an affine map": (W * x + b, x, W.T, ()),
    "a quadratic form": ((z.T * A * z)[0, 0], z, (A + A.T) * z, ()),
    "a quadratic form, symmetric": ((z.T * A * z)[0, 0], z, 2 * A * z, (Eq(A.T, A),)),
    "half a squared distance": (((z - y).T * (z - y))[0, 0] / 2, z, z - y, ()),
    "a trace": (Trace(W * M), W, M.T, ()),
    "log det": (log(sympy.Determinant(A)), A, A.inv().T, ()),
    "a sum of exponentials": (TOTAL, z, z.applyfunc(exp), ()),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", PROVED)
def test_derivatives_are_proved(name: str, layout: str) -> None:
    """For all sizes, in both layouts, from the hypotheses given and all of them."""
    body, variable, expected, given = PROVED[name]
    proof = prove(partial(body, variable), arranged(expected, layout), given=given, layout=layout)
    assert proof
    assert proof.verdict == "proved"
    assert proof.layout == layout
    assert len(proof.uses) == len(given)
    mentioned = {size for m in (body.atoms(MatrixSymbol) | {variable}) for size in m.shape} & {c, d}
    assert set(proof.dimensions) == {size.name for size in mentioned}
    assert proof.counterexample is None


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", [n for n, row in PROVED.items() if row[3]])
def test_hypotheses_are_needed(name: str, layout: str) -> None:
    """Without them the same claims are refuted."""
    body, variable, expected, _ = PROVED[name]
    proof = prove(partial(body, variable), arranged(expected, layout), layout=layout)
    assert proof.verdict == "refuted"
    assert not proof
    assert proof.uses == ()


IDENTITIES = {
    "sum of softmax": (Sum(p[i, 0], (i, 0, c - 1)), 1),
    "shift": (softmax(z + t * OneMatrix(c, 1)), p),
    "rows of a softmax": (Sum(softmax(W)[i, j], (j, 0, d - 1)), 1),
    "a row's softmax": (softmax(z.T), p.T),
    "J1 = 0": ((DiagMatrix(p) - p * p.T) * OneMatrix(c, 1), ZeroMatrix(c, 1)),
    "log-softmax": (log(p[i, 0]), z[i, 0] - log(TOTAL)),
    "trace is cyclic": (Trace(W * M), Trace(M * W)),
    "trace of the identity": (Trace(Identity(c)), c),
    "inverse": (A.inv() * A, Identity(c)),
    "powers": (A**3, A * A * A),
    "transpose of a product": ((W * x).T, x.T * W.T),
    "entry of a derivative": (partial(p, z)[i, j], p[j, 0] * (KroneckerDelta(i, j) - p[i, 0])),
    "trace of a derivative": (Trace(partial(p, z)), 1 - (p.T * p)[0, 0]),
    "diag times vector": (DiagMatrix(z) * y, HadamardProduct(z, y)),
    "quotient of exponentials": (exp(u) / exp(v), exp(u - v)),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_identities_are_proved(name: str) -> None:
    """Without derivatives the layout plays no part."""
    lhs, rhs = IDENTITIES[name]
    assert prove(lhs, rhs)
    assert prove(rhs, lhs, layout="numerator")


# ── what is refuted ────────────────────────────────────────────────────────────────────────────────────────


def array(values: Any) -> np.ndarray:
    """A value of a counterexample, whose exact fractions are written as "1/3"."""
    return np.vectorize(lambda value: float(sympy.Rational(str(value))))(np.asarray(values, dtype=object))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_jacobian_with_a_plus_is_refuted(layout: str) -> None:
    """∂ŷ/∂z = diag ŷ + ŷŷᵀ: the sides really differ at the counterexample."""
    proof = prove(partial(p, z), DiagMatrix(p) + p * p.T, layout=layout)
    assert proof.verdict == "refuted"
    found = proof.counterexample
    values = reference.softmax(array(found.values["z"]))
    right, wrong = np.diag(values) - np.outer(values, values), np.diag(values) + np.outer(values, values)
    assert found.dimensions == {"c": len(values)}
    assert float(found.lhs) == pytest.approx(right[found.entry], abs=1e-7)
    assert float(found.rhs) == pytest.approx(wrong[found.entry], abs=1e-7)
    assert found.method in ("exact", "ball")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_label_that_does_not_sum_to_one_is_found(layout: str) -> None:
    """∂CE/∂z = ŷ − y without Σy = 1."""
    proof = prove(partial(LOSS, z), arranged(p - y, layout), layout=layout)
    assert proof.verdict == "refuted"
    label, scores = (array(proof.counterexample.values[name]) for name in ("y", "z"))
    assert label.sum() != 1
    right = label.sum() * reference.softmax(scores) - label
    place = max(proof.counterexample.entry, default=0)
    assert float(proof.counterexample.lhs) == pytest.approx(right[place], abs=1e-7)
    assert float(proof.counterexample.rhs) == pytest.approx(
        (reference.softmax(scores) - label)[place], abs=1e-7
    )


def test_transposed_gradient_is_refuted_by_its_shape() -> None:
    """∂CE/∂W = x(ŷ − y)ᵀ in denominator layout, and its transpose in numerator layout."""
    for layout in LAYOUTS:
        wrong = arranged(x * (q - y).T, layout)
        proof = prove(partial(MODEL, W), wrong, given=[SUM], layout=layout)
        assert proof.verdict == "refuted"
        assert "c×d" in proof.message
        assert "d×c" in proof.message
        sizes = proof.counterexample.dimensions
        assert sizes["c"] != sizes["d"]
        assert proof.counterexample.method == "shape"


def test_off_diagonal_entry_without_its_sign_is_refuted() -> None:
    """∂ŷ_i/∂z_j = ŷ_i ŷ_j for i ≠ j; with the sign it is proved, from i ≠ j."""
    proof = prove(partial(p[i, 0], z[j, 0]), p[i, 0] * p[j, 0], given=[Ne(i, j)])
    assert proof.verdict == "refuted"
    assert proof.counterexample.dimensions["c"] >= 2
    assert float(proof.counterexample.lhs) == -float(proof.counterexample.rhs) != 0
    signed = prove(partial(p[i, 0], z[j, 0]), -p[i, 0] * p[j, 0], given=[Ne(i, j)])
    assert signed
    assert signed.uses == (str(Ne(i, j)),)


REFUTED = {
    "matrices do not commute": (A * MatrixSymbol("B", c, c), MatrixSymbol("B", c, c) * A, ()),
    "a square root forgets the sign": (sqrt(u**2), u, ()),
    "not symmetric": (A, A.T, ()),
    "log det is not constant": (partial(log(sympy.Determinant(A)), A), ZeroMatrix(c, c), ()),
    "softmax is not its argument's logistic": (p[i, 0], 1 / (1 + exp(-z[i, 0])), ()),
    "a hypothesis does not reach under a derivative": (partial(v, u), 1, (Eq(u, v),)),
    "nor does a sum": (partial(Sum(y[i, 0], (i, 0, c - 1)), y), ZeroMatrix(c, 1), (SUM,)),
    "diagonal only": (partial(p, z), DiagMatrix(p), ()),
    "one index for two": (partial(p[i, 0], z[j, 0]), p[i, 0] * (1 - p[i, 0]), ()),
    "half the gradient": (partial((z.T * z)[0, 0], z), z, ()),
}


@pytest.mark.parametrize("name", REFUTED)
def test_false_claims_are_refuted(name: str) -> None:
    """With values, and with two sides that differ there."""
    lhs, rhs, given = REFUTED[name]
    proof = prove(lhs, rhs, given=given)
    assert proof.verdict == "refuted"
    assert proof.counterexample.lhs != proof.counterexample.rhs
    assert proof.counterexample.lhs in str(proof)


# ── hypotheses ─────────────────────────────────────────────────────────────────────────────────────────────

GIVEN = {
    "an equation of sums": (Sum(2 * y[i, 0], (i, 0, c - 1)), 2, [SUM], [str(SUM)]),
    "an equation of scalars": (u * v, v**2, [Eq(u, v)], ["Eq(u, v)"]),
    "an equation of matrices": (A * z, A.T * z, [Eq(A, A.T)], ["Eq(A, A.T)"]),
    "equal indices": (z[i, 0], z[j, 0], [Eq(i, j)], ["Eq(i, j)"]),
    "distinct indices": (KroneckerDelta(i, j) * z[i, 0] * z[j, 0], 0, [Ne(i, j)], ["Ne(i, j)"]),
    "nonzero": (1 / (1 / u), u, [Ne(u, 0)], []),
    "positive": (sqrt(u**2), u, [u > 0], ["u > 0"]),
    "positive, written the other way": (sympy.Abs(u), u, [sympy.S.Zero < u], ["0 < u"]),
    "one-hot entries": (y[i, 0] ** 2, y[i, 0], [one_hot(y)], ["y one-hot"]),
    "one-hot, two places": (y[i, 0] * y[j, 0], 0, [one_hot(y), Ne(i, j)], ["y one-hot", "Ne(i, j)"]),
    "one-hot sums to one": (Sum(y[i, 0], (i, 0, c - 1)), 1, [one_hot(y)], ["Sum y = 1"]),
    "more than is needed": (Sum(y[i, 0], (i, 0, c - 1)), 1, [SUM, u > 0, Eq(A, A.T)], [str(SUM)]),
    "two classes": (z[1, 0] - z[1, 0], 0, [c >= 2], []),
}


@pytest.mark.parametrize("name", GIVEN)
def test_kinds_of_hypotheses(name: str) -> None:
    """Each is understood, and named among `uses` exactly when the proof rests on it."""
    lhs, rhs, given, uses = GIVEN[name]
    proof = prove(lhs, rhs, given=given)
    assert proof, proof
    assert list(proof.uses) == uses
    if uses:
        assert not prove(lhs, rhs)


def test_dimension_bound_excludes_the_small_case() -> None:
    """Counterexamples respect c >= 2, and c > 2."""
    for bound, smallest in ((c >= 2, 2), (c > 2, 3)):
        proof = prove(p[i, 0], z[i, 0], given=[bound])
        assert proof.verdict == "refuted"
        assert proof.counterexample.dimensions == {"c": smallest}


def test_conditions_are_named() -> None:
    """What must be positive, or must not vanish, for both sides to be defined."""
    assert set(prove(log(u * v), log(u) + log(v)).conditions) == {"u v > 0", "u > 0", "v > 0"}
    assert prove(partial(log(sympy.Determinant(A)), A), A.inv().T).conditions == (r"\det\left(A\right) > 0",)


# ── gradient ───────────────────────────────────────────────────────────────────────────────────────────────


def value(e: Any, at: Mapping[str, np.ndarray]) -> Any:
    """A SymPy result at explicit matrices, in NumPy: its own few rules, none of them from derive."""
    if isinstance(e, MatrixSymbol):
        return at[e.name]
    if isinstance(e, Softmax):
        return reference.softmax(value(e.arg, at).T).T
    if isinstance(e, (sympy.MatAdd, sympy.Add)):
        return reduce(np.add, (value(part, at) for part in e.args))
    if isinstance(e, (sympy.MatMul, sympy.Mul)):
        factors = [value(part, at) for part in e.args]
        return reduce(lambda a, b: a * b if np.ndim(a) == 0 or np.ndim(b) == 0 else a @ b, factors)
    if isinstance(e, sympy.Transpose):
        return value(e.arg, at).T
    if isinstance(e, DiagMatrix):
        return np.diag(value(e.args[0], at)[:, 0])
    if isinstance(e, Sum):
        return sum(at[e.function.args[0].name][:, 0])
    return float(e)


GRADIENTS = {"W": (W, (q - y) * x.T), "b": (b, q - y), "x": (x, W.T * (q - y))}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("given", [(SUM,), (one_hot(y),), ()], ids=["sum", "one-hot", "nothing"])
@pytest.mark.parametrize("by", GRADIENTS)
def test_gradient_of_the_home_derivation(by: str, given: tuple[Any, ...], layout: str) -> None:
    """Proved, in the reader's own terms, and right at explicit matrices of several sizes."""
    variable, expected = GRADIENTS[by]
    found = gradient(MODEL, variable, layout=layout, given=given)
    assert found.proved
    assert found.layout == layout
    assert found.steps[0].numeric.agrees
    assert found.result.shape == arranged(variable, layout).shape
    if given:
        assert prove(found.result, arranged(expected, layout))
        assert found.result.expand() == sympy.expand(arranged(expected, layout)).doit()
        assert not found.result.atoms(exp)
    rng = np.random.default_rng(7)
    for classes, features in ((1, 1), (3, 2), (2, 4)):
        at = {
            "W": rng.normal(size=(classes, features)),
            "x": rng.normal(size=(features, 1)),
            "b": rng.normal(size=(classes, 1)),
            "y": np.eye(classes)[:, :1] if given else rng.normal(size=(classes, 1)),
        }

        def loss(point: np.ndarray, at: dict[str, np.ndarray] = at) -> Any:
            there = {
                name: array[..., 0] if name != "W" else array for name, array in (at | {by: point}).items()
            }
            return reference.linear_cross_entropy(there["y"], there["W"], there["x"], there["b"])

        estimate = central_difference(loss, at[by])
        measured = estimate.value if layout == "denominator" else estimate.value.T
        np.testing.assert_allclose(value(found.result, at), measured, atol=1e-7)


def test_gradient_equals_the_closed_form() -> None:
    """The very SymPy expression that one would write."""
    assert gradient(MODEL, W, given=[SUM]).result == (q - y) * x.T
    assert gradient(MODEL, b, given=[SUM]).result == q - y
    assert gradient(p, z).result == DiagMatrix(p) - p * p.T
    assert gradient(log(TOTAL), z).result == p
    assert gradient((z.T * A * z)[0, 0], z).result == (A + A.T) * z


def test_gradient_shows_its_steps() -> None:
    """From the derivative to the result, each step beginning where the last ended."""
    found = gradient(MODEL, W, given=[SUM])
    assert [step.rule for step in found.steps] == [
        "differentiation by entries",
        "simplification under the hypotheses",
    ]
    assert found.steps[0].rhs == found.steps[1].lhs
    assert [step.uses for step in found.steps] == [(), (r"\sum_{i} y_{i} = 1",)]
    assert all(step.verdict == "proved" and step.dimensions == ("c", "d") for step in found.steps)
    assert dict(found.quantities)["W"] == r"\mathbb{R}^{c \times d}"
    assert found.result_latex == found.steps[-1].rhs
    assert "= (softmax(W x + b) − y) xᵀ" in str(found)


def test_gradient_by_an_entry() -> None:
    """∂CE/∂W_ij as a scalar expression in i and j."""
    found = gradient(MODEL, W[i, j], given=[SUM])
    assert found.proved
    assert prove(found.result, (q[i, 0] - y[i, 0]) * x[j, 0])


# ── explicit classes ───────────────────────────────────────────────────────────────────────────────────────

Z, Y = Matrix(symbols("z1:4")), Matrix(symbols("y1:4"))
P = softmax(Z)
EXPLICIT_SUM = Eq(Y[0] + Y[1] + Y[2], 1)


def test_three_explicit_classes() -> None:
    """Entry by entry with plain symbols, and SymPy's own derivative beside ours."""
    loss = cross_entropy(Y, P)
    for n in range(3):
        proof = prove(partial(loss, Z[n]), P[n] - Y[n], given=[EXPLICIT_SUM])
        assert proof
        assert proof.uses == (str(EXPLICIT_SUM),)
        assert prove(partial(loss, Z[n]), P[n] - Y[n]).verdict == "refuted"
        assert prove(partial(loss, Z[n]), sympy.diff(loss, Z[n]))
        found = gradient(loss, Z[n], given=[EXPLICIT_SUM])
        assert found.proved
        assert prove(found.result, P[n] - Y[n], given=[EXPLICIT_SUM])
        for m in range(3):
            assert prove(partial(P[n], Z[m]), P[n] * (int(m == n) - P[m]))
            assert prove(partial(P[n], Z[m]), P[n] * (int(m == n) + P[m])).verdict == "refuted"


def test_three_classes_as_a_concrete_dimension() -> None:
    """MatrixSymbols of size 3 x 2: the same claims, and none about all sizes."""
    big_w, big_x, big_b, label = (
        MatrixSymbol(name, *shape)
        for name, shape in (("W", (3, 2)), ("x", (2, 1)), ("b", (3, 1)), ("y", (3, 1)))
    )
    prediction = softmax(big_w * big_x + big_b)
    loss = cross_entropy(label, prediction)
    total = Eq(Sum(label[i, 0], (i, 0, 2)), 1)
    for given in (total, Eq(label[0, 0] + label[1, 0] + label[2, 0], 1), one_hot(label)):
        proof = prove(partial(loss, big_w), (prediction - label) * big_x.T, given=[given])
        assert proof
        assert proof.dimensions == ()
    assert prove(partial(loss, big_w), (prediction + label) * big_x.T, given=[total]).verdict == "refuted"
    scores = MatrixSymbol("z", 3, 1)
    written_out = Matrix(3, 3, lambda n, m: softmax(scores)[n, 0] * (int(n == m) - softmax(scores)[m, 0]))
    assert prove(partial(softmax(scores), scores), written_out)


def test_one_class() -> None:
    """Softmax of one score is 1, and its derivative 0."""
    lone = MatrixSymbol("z", 1, 1)
    assert prove(softmax(lone), OneMatrix(1, 1))
    assert prove(partial(softmax(lone), lone), ZeroMatrix(1, 1))
    assert softmax(Matrix([t])) == Matrix([1])


def test_builders() -> None:
    """What softmax and cross_entropy make, symbolic and explicit."""
    assert isinstance(p, Softmax)
    assert p.shape == (c, 1)
    assert str(p) == "softmax(z)"
    assert "softmax" in sympy.latex(p)
    assert p[i, 0].has(exp)
    assert Matrix([exp(s) / (exp(Z[0]) + exp(Z[1]) + exp(Z[2])) for s in Z]) == P
    assert cross_entropy(Y, P) == -sum(Y[n] * log(P[n]) for n in range(3))
    assert isinstance(-LOSS, Sum)
    assert prove(LOSS, -Sum(y[i, 0] * log(p[i, 0]), (i, 0, c - 1)))
    assert derive.load("softmax-jacobian").proved


# ── against SymPy itself ───────────────────────────────────────────────────────────────────────────────────


def test_sympy_drops_terms_of_the_softmax_jacobian() -> None:
    """Its matrix-level diff keeps the first term; that answer is refuted, the whole one proved."""
    row = (OneMatrix(1, c) * z.applyfunc(exp))[0, 0]
    theirs = sympy.diff(z.applyfunc(exp) / row, z)
    assert theirs.has(DiagMatrix)
    assert not theirs.has(sympy.Transpose)  # no outer product
    first_term = DiagMatrix(z.applyfunc(exp)) / TOTAL
    assert prove(partial(z.applyfunc(exp) / row, z), first_term).verdict == "refuted"
    assert prove(partial(z.applyfunc(exp) / row, z), JACOBIAN)


@pytest.mark.parametrize(
    ("body", "by", "right"),
    [(log(TOTAL), z, p), (log(sympy.Determinant(A)), A, A.inv().T), (LOSS, z, None)],
    ids=["log-sum-exp", "log det", "cross entropy"],
)
def test_sympy_answers_zero(body: Any, by: Any, right: Any) -> None:
    """Where SymPy's matrix-level diff says 0, which is refuted."""
    assert sympy.diff(body, by) == ZeroMatrix(*by.shape)
    assert prove(partial(body, by), ZeroMatrix(*by.shape)).verdict == "refuted"
    assert right is None or prove(partial(body, by), right)


def test_sympy_captures_a_bound_index() -> None:
    """d/dz_k of Sum_k exp(z_k) is exp(z_k), not the sum."""
    indexed = sympy.IndexedBase("z")
    total = Sum(exp(indexed[k]), (k, 0, c - 1))
    assert sympy.diff(total, indexed[k]) == total  # the k of the sum and the k outside are taken for one
    assert prove(partial(TOTAL, z[k, 0]), exp(z[k, 0]))
    assert prove(partial(TOTAL, z[k, 0]), TOTAL).verdict == "refuted"
    twice = Sum(z[k, 0] * z[i, 0], (k, 0, c - 1))
    outer = Sum(z[l, 0], (l, 0, c - 1))
    assert prove(partial(twice, z[k, 0]), z[i, 0] + KroneckerDelta(i, k) * outer)


# ── every function ─────────────────────────────────────────────────────────────────────────────────────────

THEIRS: dict[str, Callable[[Any], Any]] = {  # as SymPy has them; softplus and its like are not in SymPy
    "sigmoid": lambda s: 1 / (1 + exp(-s)),
    "softplus": lambda s: log(1 + exp(s)),
    "relu": lambda s: (s + sympy.Abs(s)) / 2,
    "abs": sympy.Abs,
    "arctan": sympy.atan,
}
real = Symbol("t", real=True)
MINE = {"abs": sympy.Abs, "arctan": sympy.atan}


def theirs_of(name: str) -> Callable[[Any], Any]:
    return THEIRS.get(name) or getattr(sympy, name)


def mine_of(name: str) -> Callable[[Any], Any]:
    return MINE.get(name) or getattr(sympy, name, None) or Function(name)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_agrees_with_sympy(name: str) -> None:
    """Value, first and second derivative: ours of the name is SymPy's of its own function."""
    mine, theirs = mine_of(name)(real), theirs_of(name)(real)
    given = [real > 0] if FUNCTIONS[name].domain == "x > 0" else [Ne(real, 0)]
    assert prove(mine, theirs, given=given)
    slope = sympy.diff(theirs, real)
    if name == "sign":  # SymPy has a delta function at the kink, where ours is not defined
        assert slope == 2 * sympy.DiracDelta(real)
        slope = sympy.Integer(0)
    assert prove(partial(mine, real), slope, given=given)
    if name not in ("sign", "abs", "relu"):
        assert prove(partial(partial(mine, real), real), sympy.diff(theirs, real, 2), given=given)
    assert prove(partial(mine, real), slope + 1, given=given).verdict == "refuted"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_engines_agree_on_function(name: str) -> None:
    """SymPy's entry-wise derivative of the definition, handed back to the kernel, is the kernel's."""
    slope = TermPartial(Apply(name, Entry("t")), Entry("t"))
    assert entrywise(Claim(slope, Number(0))) is True


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_agrees_with_differences(name: str) -> None:
    """At points of both signs, by complex steps where NumPy's function takes complex numbers."""
    record = FUNCTIONS[name]
    points = np.array([0.3, 1.0, 2.5] if record.domain == "x > 0" else [-2.5, -1.0, -0.3, 0.3, 1.0, 2.5])

    def function(points: Any) -> Any:
        return eval(record.numpy, {"np": np, "x": points})  # the table's own text

    result = sympy.lambdify(t, gradient(mine_of(name)(t), t).result, "numpy")
    found = np.ravel(result(points) * np.ones_like(points))
    analytic = name in ("exp", "log", "sqrt", "sigmoid", "tanh", "sinh", "cosh", "sin", "cos")
    if analytic:
        measured = np.diagonal(complex_step(function, points))
        np.testing.assert_allclose(found, measured, rtol=1e-12)
    else:
        measured = np.diagonal(central_difference(function, points).value)
        np.testing.assert_allclose(found, measured, atol=1e-9)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_at_each_entry(name: str, layout: str) -> None:
    """∂f(z)/∂z = diag(f′(z)) for a column, and for an arbitrary f as well."""
    mine = mine_of(name)
    slope = gradient(mine(t), t).result
    diagonal = DiagMatrix(z.applyfunc(Lambda(t, slope))) if slope != 0 else ZeroMatrix(c, c)
    if name not in ("relu", "abs", "sigmoid", "tanh", "softplus"):  # their slopes are sums of several powers
        assert prove(partial(z.applyfunc(mine), z), diagonal, layout=layout)
    entry = slope.subs(t, z[i, 0])
    assert prove(partial(mine(z[i, 0]), z[j, 0]), KroneckerDelta(i, j) * entry, layout=layout)


# ── errors ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("lhs", "shapes"),
    [
        (sympy.Add(W, x, evaluate=False), ("c×d", "d×1")),
        (W + x, ("c×d", "d×1")),
        (W * b, ("c×d", "c×1")),
        (z + z.T, ("c×1", "1×c")),
        (HadamardProduct(z, x), ("c×1", "d×1")),
    ],
    ids=["sum unevaluated", "sum", "product", "column and row", "entrywise"],
)
def test_shape_errors_name_both_shapes(lhs: Any, shapes: tuple[str, str]) -> None:
    """SymPy lets symbolic shapes pass that cannot conform for all sizes; here they are errors."""
    with pytest.raises(ShapeError) as trouble:
        prove(lhs, lhs)
    assert all(shape in str(trouble.value) for shape in shapes)


def test_cross_entropy_demands_equal_shapes() -> None:
    """A label for other classes than there are."""
    with pytest.raises(ShapeError, match=r"\(c, 1\) and \(d, 1\)"):
        cross_entropy(y, x)


def test_one_name_for_two_shapes_is_an_error() -> None:
    """A name means one quantity."""
    with pytest.raises(ShapeError, match="c×1 and d×1"):
        prove(z, MatrixSymbol("z", d, 1))


@pytest.mark.parametrize(
    "call",
    [
        lambda layout: prove(z, z, layout=layout),
        lambda layout: partial(p, z, layout=layout),
        lambda layout: gradient(p, z, layout=layout),
    ],
)
@pytest.mark.parametrize("layout", ["sideways", "Numerator", "", 1])
def test_layout_has_two_names(call: Callable[[Any], Any], layout: Any) -> None:
    """Everywhere the same message, with what was given."""
    with pytest.raises(ValueError, match="'numerator' or 'denominator'") as trouble:
        call(layout)
    assert repr(layout) in str(trouble.value)


@pytest.mark.parametrize("statement", [SUM.lhs, True, sympy.false, u, "u > 0", None, [SUM]])
def test_given_takes_hypotheses_only(statement: Any) -> None:
    """An expression, a truth value or a string is none."""
    with pytest.raises(TypeError):
        prove(u, u, given=[statement])


@pytest.mark.parametrize(
    "thing",
    [
        sympy.nan, sympy.oo, sympy.zoo, sympy.I, sympy.pi, sympy.Float(0.5), sympy.true, Eq(u, v), None, [u],
        Max(u, 0), sympy.Derivative(Function("f")(u, v), u), sympy.Integral(Function("f")(u), u),
        sympy.BlockMatrix([[A, A]]), sympy.Piecewise((u, u > 0), (0, True)),
    ],
    ids=str,
)  # fmt: skip
def test_what_has_no_reading_is_a_type_error(thing: Any) -> None:
    """Nothing is guessed."""
    with pytest.raises(TypeError):
        prove(thing, u)


def test_softmax_takes_vectors() -> None:
    """A scalar is no vector."""
    with pytest.raises(TypeError, match="takes a vector"):
        softmax(t)


def test_derivative_that_is_no_matrix() -> None:
    """A vector by a matrix has three indices: gradient says what to do instead."""
    with pytest.raises(TypeError, match="use prove"):
        gradient(W * x, W)
    assert prove(partial((W * x)[i, 0], W[k, l]), KroneckerDelta(i, k) * x[l, 0])


def test_too_large_a_claim_is_not_proved() -> None:
    """A budget ends the proof; what comes back is never `proved`."""
    assert prove((u + v + t + 1) ** 60, (u + v + t) ** 60).verdict != "proved"


# ── found as defects ───────────────────────────────────────────────────────────────────────────────────────

f = Function("f")
positive = Symbol("t", positive=True)
NEVER_PROVED = {
    "one index letter for two sums": (Sum(1, (i, 0, c - 1)) + Sum(1, (i, 0, d - 1)), 2 * d, ()),
    "an index as a number": (Sum(i, (i, 0, c - 1)), c * i, ()),
    "two dummies": (Dummy("t"), Dummy("t"), ()),
    "two symbols of one name": (t, Symbol("t", integer=True), ()),
    "an unread exponent": (z.applyfunc(Lambda(t, 2**t)), y.applyfunc(Lambda(t, 2**t)), ()),
    "an unread maximum": (z.applyfunc(Lambda(t, Max(t, 0))), y.applyfunc(Lambda(t, Max(t, 0))), ()),
    "a function of two": (z.applyfunc(Lambda(t, f(u, t))), y.applyfunc(Lambda(t, f(u, t))), ()),
    "a weak inequality": (sympy.sign(u), 1, (u >= 0,)),
    "a place that c = 1 lacks": (Sum(KroneckerDelta(i, 1), (i, 0, c - 1)), 1, ()),
    "strings": ("u + u", "2*u", ()),
}


@pytest.mark.parametrize("name", NEVER_PROVED)
def test_never_proved(name: str) -> None:
    """False statements, and such as must be refused."""
    lhs, rhs, given = NEVER_PROVED[name]
    try:
        proof = prove(lhs, rhs, given=given)
    except (TypeError, ValueError):
        return
    assert not proof or {r"u \neq 0", r"c \ge 2"} & set(proof.conditions)


NEVER_REFUTED = {
    "one index letter for two sums": (
        Sum(z[i, 0], (i, 0, c - 1)) + Sum(x[i, 0], (i, 0, d - 1)),
        Sum(z[k, 0], (k, 0, c - 1)) + Sum(x[l, 0], (l, 0, d - 1)),
        (),
    ),
    "an index in a delta alone": (KroneckerDelta(i, j) * z[i, 0], 0, (Ne(i, j),)),
    "a function that SymPy knows": (sympy.tan(u), sympy.sin(u) / sympy.cos(u), ()),
    "a recurrence": (sympy.gamma(u + 1), u * sympy.gamma(u), ()),
    "an assumption": (sqrt(positive**2 + 2 * positive + 1), positive + 1, ()),
}


@pytest.mark.parametrize("name", NEVER_REFUTED)
def test_never_refuted(name: str) -> None:
    """True statements: unknown or refused at worst."""
    try:
        lhs, rhs, given = NEVER_REFUTED[name]
        proof = prove(lhs, rhs, given=given)
    except (TypeError, ValueError):
        return
    assert proof.verdict != "refuted"


def test_gradient_with_an_arbitrary_activation() -> None:
    """(σ(z) − y) ⊙ σ′(z), and not ⊙ σ(z)."""
    sigma = Function("sigma")
    residual = z.applyfunc(sigma) - y
    try:
        result = gradient((residual.T * residual)[0, 0] / 2, z).result
    except TypeError:
        return  # no SymPy form
    assert result is None or result.has(sympy.Derivative, sympy.Subs)


def test_gradient_for_concrete_sizes() -> None:
    """ŷ − y for three classes."""
    scores, label = MatrixSymbol("z", 3, 1), MatrixSymbol("y", 3, 1)
    total = Eq(Sum(label[i, 0], (i, 0, 2)), 1)
    found = gradient(cross_entropy(label, softmax(scores)), scores, given=[total])
    assert prove(found.result, softmax(scores) - label)


def test_arithmetic_with_an_unevaluated_derivative() -> None:
    """∂CE/∂z − (ŷ − y) = 0, and one entry of ∂CE/∂z."""
    assert partial(LOSS, z).shape == (c, 1)
    assert prove(partial(LOSS, z) - (p - y), ZeroMatrix(c, 1), given=[SUM])
    assert prove(partial(LOSS, z)[i, 0], p[i, 0] - y[i, 0], given=[SUM])


def test_zero_is_a_number() -> None:
    """The derivative of one scalar by another that it does not contain."""
    assert gradient(u, v).result == sympy.Integer(0)


def test_sums_that_start_at_one() -> None:
    """Sum over z[i - 1] from 1 to c; z[c] is out of range, and never taken for z[c - 1]."""
    assert prove(Sum(z[i - 1, 0], (i, 1, c)), Sum(z[i, 0], (i, 0, c - 1)))
    try:
        proof = prove(Sum(z[i, 0], (i, 1, c)), Sum(z[i, 0], (i, 0, c - 1)))
    except (TypeError, ValueError):
        return
    assert not proof


nonnegative, whole = Symbol("t", nonnegative=True), Symbol("t", integer=True)
VERDICTS = {  # what is assumed of symbols, and which places there are
    "a root of a positive number": (sqrt((positive + 1) ** 2), positive + 1, (), "proved"),
    "refuted where it is positive": (sqrt((positive - 1) ** 2), positive - 1, (), "refuted"),
    "refuted where it is not negative": (nonnegative**2, nonnegative, (), "refuted"),
    "refuted where it is whole": (whole**2, whole, (), "refuted"),
    "the only even prime": (Symbol("t", prime=True), 2, (), "unknown"),
    "a second entry": (z[1, 0], z[0, 0], (), "refuted"),
    "the same index in nested sums": (
        Sum(z[i, 0] * Sum(x[i, 0], (i, 0, d - 1)), (i, 0, c - 1)),
        Sum(x[j, 0], (j, 0, d - 1)) * Sum(z[j, 0], (j, 0, c - 1)),
        (),
        "proved",
    ),
    "a free and a bound index": (Sum(z[i, 0] * x[j, 0], (i, 0, c - 1)), x[j, 0] * Sum(z[i, 0], (i, 0, c - 1)),
                                 (), "proved"),
    "a sum that starts at one": (Sum(KroneckerDelta(i, 1) * z[i - 1, 0], (i, 1, c)), z[0, 0], (), "proved"),
    "outside of that sum": (Sum(KroneckerDelta(i, 0) * z[i - 1, 0], (i, 1, c)), 0, (), "proved"),
    "a function of any form": (
        z.applyfunc(Lambda(t, 2**t)), z.applyfunc(Lambda(t, exp(t * log(2)))), (), "proved"
    ),
    "applied twice": (
        z.applyfunc(Lambda(t, t + 1)).applyfunc(Lambda(t, t**2))[i, 0], (z[i, 0] + 1) ** 2, (), "proved"
    ),
    "sizes in order": (Sum(1, (i, 0, c - 1)), Sum(1, (i, 0, d - 1)), (c >= d,), "refuted"),
    "sizes that are equal": (z, x, (Eq(c, d),), "unknown"),
    "second derivatives": (sympy.diff(partial(u**3, u), u), 6 * u, (), "proved"),
    "an unknown function's derivative": (sympy.diff(f(u**2), u), partial(f(u**2), u), (), "proved"),
}  # fmt: skip


@pytest.mark.parametrize("name", VERDICTS)
def test_verdicts(name: str) -> None:
    """Counterexamples fit the assumptions and the places; scopes are kept apart."""
    lhs, rhs, given, verdict = VERDICTS[name]
    proof = prove(lhs, rhs, given=given)
    assert proof.verdict == verdict, str(proof)
    if name == "a second entry":
        assert proof.counterexample.dimensions == {"c": 2}


REFUSED = {
    "an index as a factor": lambda: prove(i * z[i, 0], z[i, 0]),
    "an index of unknown range": lambda: prove(KroneckerDelta(i, j), 0),
    "an index of two ranges": lambda: prove(z[i, 0], x[i, 0]),
    "a triangular sum": lambda: prove(Sum(1, (j, 0, i), (i, 0, c - 1)), c),
    "the last entry": lambda: prove(z[c - 1, 0], 0),
    "an exponential of a matrix": lambda: prove(exp(A), A.applyfunc(exp)),
    "DiagMatrix of a matrix": lambda: prove(DiagMatrix(A), A),
    "the diagonal part": lambda: prove(DiagonalMatrix(A), A),
    "symbols that do not commute": lambda: prove(Symbol("a", commutative=False), 1),
    "an imaginary number": lambda: prove(Symbol("a", imaginary=True), 1),
    "an assumption on a function": lambda: prove(Function("g", positive=True)(u), u),
    "a weak inequality": lambda: prove(u, v, given=[u >= v]),
    "by a size": lambda: prove(partial(c**2, c), 2 * c),
    "by a bound entry": lambda: prove(partial(Sum(log(z[i, 0]), (i, 0, c - 1)), log(z[i, 0])), c),
    "by a matrix with a symbol twice": lambda: partial(u, Matrix([u, u])).shape,
    "one-hot matrix": lambda: prove(u, v, given=[one_hot(W)]),
    "a name that is made up here": lambda: prove(Symbol("·1"), 0),
    "text to softmax": lambda: softmax("z"),
    "text to partial": lambda: partial("u", u),
    "text to gradient": lambda: gradient("u**2", u),
    "text to one_hot": lambda: one_hot("y"),
    "text for the hypotheses": lambda: prove(u, v, given="u > 0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """What has no reading, or two, is an error and not a guess."""
    with pytest.raises((TypeError, ShapeError)):
        REFUSED[name]()


EXPLICIT = {
    "cross entropy": (cross_entropy(Y, P), (EXPLICIT_SUM,), P - Y),
    "one-hot": (cross_entropy(Y, P), (one_hot(Y),), P - Y),
    "any label": (cross_entropy(Y, P), (), sum(Y) * P - Y),
    "softmax": (P, (), Matrix(3, 3, lambda n, m: P[m] * (int(n == m) - P[n]))),
    "a product": (Z[0] * Z[1] ** 2, (), Matrix([Z[1] ** 2, 2 * Z[0] * Z[1], 0])),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", EXPLICIT)
def test_gradient_by_an_explicit_matrix(name: str, layout: str) -> None:
    """Cell by cell, in a short form."""
    body, given, expected = EXPLICIT[name]
    found = gradient(body, Z, layout=layout, given=given)  # type: ignore[arg-type]
    assert found.proved
    difference = found.result - arranged(expected, layout)
    assert sympy.simplify(difference) == sympy.zeros(*difference.shape)
    assert prove(partial(body, Z), arranged(expected, layout), given=given, layout=layout)  # type: ignore[arg-type]


def test_gradient_of_concrete_sizes_has_the_short_form() -> None:
    """The very expression that one would write, and explicit entries where there is none."""
    label, scores, weights = MatrixSymbol("y", 3, 1), MatrixSymbol("z", 3, 1), MatrixSymbol("W", 3, 2)
    feature = MatrixSymbol("x", 2, 1)
    for given in (one_hot(label), Eq(label[0, 0] + label[1, 0] + label[2, 0], 1)):
        found = gradient(cross_entropy(label, softmax(weights * feature)), weights, given=[given])
        assert found.result == (softmax(weights * feature) - label) * feature.T
    assert (
        gradient(softmax(scores), scores).result
        == DiagMatrix(softmax(scores)) - softmax(scores) * softmax(scores).T
    )
    assert gradient(scores[0, 0] * scores[1, 0], scores).result == Matrix([scores[1, 0], scores[0, 0], 0])


def test_gradient_by_an_entry_keeps_its_delta() -> None:
    """∂ŷ_i/∂z_j with both indices free."""
    found = gradient(p[i, 0], z[j, 0])
    assert found.result.has(KroneckerDelta)
    assert prove(found.result, p[i, 0] * (KroneckerDelta(i, j) - p[j, 0]))


def test_statements_are_inert() -> None:
    """`state` keeps what was written: both sides of z = z are lowered, none is simplified."""
    from derive.expression import Symbol as Quantity
    from derive.terms import ONE, Dimension

    scores = Quantity("z", (Dimension.of("c"), ONE))
    made = state(scores, scores)
    assert made.claim.lhs == made.claim.rhs == Entry("z", made.indices)
