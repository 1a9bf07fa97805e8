"""numeric.certify: true claims are never refuted; false ones are, at the smallest sizes."""

import math
from fractions import Fraction
from time import monotonic

import numpy as np
import pytest

from derive.terms import (
    Abstraction,
    Apply,
    AtLeast,
    Claim,
    Coincide,
    Component,
    Context,
    Delta,
    Determinant,
    Dimension,
    Entry,
    Equation,
    Index,
    Inverse,
    Nonzero,
    Number,
    Partial,
    Positive,
    Power,
    Size,
    Sum,
    Term,
    tensors,
)
from numeric.certify import ladder, refute
from numeric.sampling import Question

C, D, M, N = (Dimension.of(name) for name in "cdmn")
i, j, k, h = (Index(name, C) for name in "ijkh")
p, q = (Index(name, D) for name in "pq")
r, s, t, u = (Index(name, N) for name in "rstu")
a, b, e = (Index(name, M) for name in "abe")
ZERO, ONE, TWO, HALF = Number(0), Number(1), Number(2), Number(Fraction(1, 2))


def E(tensor: str, *indices: Index) -> Entry:
    return Entry(tensor, indices)


def exp(x: Term) -> Term:
    return Apply("exp", x)


def log(x: Term) -> Term:
    return Apply("log", x)


def square(x: Term) -> Term:
    return Power(x, TWO)


def root(x: Term) -> Term:
    return Power(x, HALF)


def equation(lhs: Term, rhs: Term) -> Equation:
    return Equation(lhs, rhs, ("given",))


def positive(x: Term) -> Positive:
    return Positive(x, ("given",))


def inverse(name: str, row: Index, column: Index) -> Term:
    return Inverse(Abstraction((t, u), E(name, t, u)), row, column)


def determinant(name: str) -> Term:
    return Determinant(Abstraction((t, u), E(name, t, u)))


# z = Wx + b, ŷ = softmax(z), CE = −yᵀ log ŷ
SOFTMAX = {
    "z": Abstraction((i,), Sum(p, E("W", i, p) * E("x", p)) + E("b", i)),
    "ŷ": Abstraction((i,), exp(E("z", i)) / Sum(k, exp(E("z", k)))),
    "CE": Abstraction((), -Sum(i, E("y", i) * log(E("ŷ", i)))),
}
SQUARE = {**SOFTMAX, "z": Abstraction((i,), Sum(k, E("W", i, k) * E("x", k)) + E("b", i))}
SUM_Y = equation(Sum(i, E("y", i)), ONE)
ONE_HOT = equation(E("y", i) * E("y", j), Delta(i, j) * E("y", i))
BINARY = equation(square(E("y", i)), E("y", i))
CLASS_K = equation(E("y", k), ONE)
SYMMETRIC = equation(E("A", r, s), E("A", s, r))
ANTISYMMETRIC = equation(E("A", r, s), -E("A", s, r))
COLUMNS = equation(Sum(a, E("Q", a, r) * E("Q", a, s)), Delta(r, s))
ORTHOGONAL = equation(Sum(t, E("Q", t, r) * E("Q", t, s)), Delta(r, s))
ROWS = equation(Sum(t, E("Q", r, t) * E("Q", s, t)), Delta(r, s))
IDEMPOTENT = equation(Sum(t, E("P", r, t) * E("P", t, s)), E("P", r, s))
DISTINCT = Coincide(i, j, False, ("i ≠ j",))
EQUAL = Coincide(i, j, True, ("i = j",))


def claim(lhs: Term, rhs: Term, *hypotheses, relation="=", definitions=None, constants=()) -> Claim:
    """A claim, in the context of a softmax classifier where it mentions one."""
    if definitions is None:
        definitions = {} if SOFTMAX.keys().isdisjoint(tensors(lhs) | tensors(rhs)) else SOFTMAX
    return Claim(lhs, rhs, relation, Context(definitions, hypotheses, frozenset(constants)))


SLOPE = Partial(E("ŷ", i), E("z", j))
JACOBIAN = Delta(i, j) * E("ŷ", i) - E("ŷ", i) * E("ŷ", j)
BY_Z = Partial(E("CE"), E("z", j))
BY_W = Partial(E("CE"), E("W", j, q))
RESIDUAL = E("ŷ", j) - E("y", j)
QUADRATIC = Sum(r, Sum(s, E("x", r) * E("A", r, s) * E("x", s)))
NORM = root(Sum(r, square(E("x", r))))
FITTED = Sum(r, E("X", a, r) * E("w", r)) - E("v", a)
SQUARES = Sum(a, square(FITTED))
LIKELIHOOD = E("y") * log(E("φ")) + (ONE - E("y")) * log(ONE - E("φ"))
BETWEEN = (positive(E("φ")), positive(ONE - E("φ")))
GRAM = Abstraction((t, u), Sum(a, E("X", a, t) * E("X", a, u)))
GRAM_REGULAR = Nonzero(Determinant(GRAM), ("XᵀX invertible",))
AX = Sum(s, E("A", r, s) * E("x", s))
F_OF_X = Abstraction((r,), E("x", r))
F = Component("f", (), (F_OF_X,))
HESSIAN = Partial(Partial(F, E("x", s)), E("x", t))
SIGMA_Z = Apply("σ", E("z", i))
PROBABILITIES = equation(Sum(r, E("p", r)), ONE), positive(E("p", r))
PLUS_ONE = Index("g", N + 1)

TRUE = {
    "softmax by z": claim(SLOPE, JACOBIAN),
    "softmax by z, i ≠ j": claim(SLOPE, -E("ŷ", i) * E("ŷ", j), DISTINCT),
    "softmax by z, i = j": claim(SLOPE, E("ŷ", i) * (ONE - E("ŷ", i)), EQUAL),
    "softmax sums to 1": claim(Sum(i, E("ŷ", i)), ONE),
    "softmax is positive": claim(E("ŷ", i), ZERO, relation=">"),
    "softmax < 1 for c ≥ 2": claim(E("ŷ", i), ONE, AtLeast(C, 2, ("c ≥ 2",)), relation="<"),
    "softmax ≤ 1": claim(E("ŷ", i), ONE, relation="<="),
    "CE by z": claim(BY_Z, RESIDUAL, SUM_Y),
    "CE by z, one-hot": claim(BY_Z, RESIDUAL, ONE_HOT, SUM_Y),
    "CE by z, any y": claim(BY_Z, E("ŷ", j) * Sum(i, E("y", i)) - E("y", j)),
    "CE by W": claim(BY_W, RESIDUAL * E("x", q), SUM_Y),
    "CE by b": claim(Partial(E("CE"), E("b", j)), RESIDUAL, SUM_Y),
    "CE by ŷ": claim(Partial(E("CE"), E("ŷ", j)), -E("y", j) / E("ŷ", j)),
    "CE by z twice": claim(Partial(Partial(E("CE"), E("z", i)), E("z", j)), JACOBIAN, SUM_Y),
    "CE of the class k": claim(E("CE"), -log(E("ŷ", k)), ONE_HOT, SUM_Y, CLASS_K, constants="k"),
    "one-hot squares": claim(Sum(i, square(E("y", i))), ONE, BINARY, SUM_Y),
    "variance": claim(
        Sum(i, Sum(j, E("v", i) * JACOBIAN * E("v", j))),
        Sum(i, E("ŷ", i) * square(E("v", i) - Sum(k, E("ŷ", k) * E("v", k)))),
    ),
    "quadratic form": claim(Partial(QUADRATIC, E("x", r)), Sum(s, (E("A", r, s) + E("A", s, r)) * E("x", s))),
    "quadratic form, symmetric": claim(Partial(QUADRATIC, E("x", r)), TWO * AX, SYMMETRIC),
    "quadratic form, antisymmetric": claim(QUADRATIC, ZERO, ANTISYMMETRIC),
    "eigenvector": claim(
        QUADRATIC, E("λ") * Sum(r, square(E("x", r))), SYMMETRIC, equation(AX, E("λ") * E("x", r))
    ),
    "least squares": claim(Partial(SQUARES, E("w", s)), TWO * Sum(a, E("X", a, s) * FITTED)),
    "normal equations": claim(
        Partial(SQUARES, E("w", s)), ZERO, equation(Sum(a, E("X", a, s) * FITTED), ZERO)
    ),
    "projection": claim(
        Sum(e, Sum(r, Sum(s, E("X", a, r) * Inverse(GRAM, r, s) * E("X", e, s))) * E("X", e, t)),
        E("X", a, t),
        GRAM_REGULAR,
    ),
    "X X⁻¹ = I": claim(Sum(r, E("X", s, r) * inverse("X", r, t)), Delta(s, t)),
    "X⁻¹ by X": claim(Partial(inverse("X", r, s), E("X", t, u)), -inverse("X", r, t) * inverse("X", u, s)),
    "log det": claim(Partial(log(determinant("X")), E("X", r, s)), inverse("X", s, r)),
    "det": claim(Partial(determinant("X"), E("X", r, s)), determinant("X") * inverse("X", s, r)),
    "tr AB = tr BA": claim(
        Sum(a, Sum(r, E("A", a, r) * E("B", r, a))), Sum(r, Sum(a, E("B", r, a) * E("A", a, r)))
    ),
    "tr AX": claim(Partial(Sum(a, Sum(r, E("A", a, r) * E("X", r, a))), E("X", s, e)), E("A", e, s)),
    "norm": claim(Partial(NORM, E("x", s)), E("x", s) / NORM),
    "unit vector": claim(Sum(r, square(E("x", r))), ONE, equation(NORM, ONE)),
    "Cauchy-Schwarz": claim(
        square(Sum(r, E("x", r) * E("w", r))),
        Sum(r, square(E("x", r))) * Sum(r, square(E("w", r))),
        relation="<=",
    ),
    "isometry": claim(Sum(a, square(Sum(r, E("Q", a, r) * E("x", r)))), Sum(r, square(E("x", r))), COLUMNS),
    "orthogonal inverse": claim(inverse("Q", r, s), E("Q", s, r), ORTHOGONAL),
    "orthogonal rows": claim(Sum(t, E("Q", t, r) * E("Q", t, s)), Delta(r, s), ROWS),
    "complement of a projection": claim(
        Sum(t, (Delta(r, t) - E("P", r, t)) * (Delta(t, s) - E("P", t, s))),
        Delta(r, s) - E("P", r, s),
        IDEMPOTENT,
    ),
    "sigmoid": claim(
        Apply("sigmoid", E("t"), 1), Apply("sigmoid", E("t")) * (ONE - Apply("sigmoid", E("t")))
    ),
    "tanh twice": claim(
        Apply("tanh", E("t"), 2), Number(-2) * Apply("tanh", E("t")) * (ONE - square(Apply("tanh", E("t"))))
    ),
    "relu": claim(Apply("relu", E("t"), 1), ONE, positive(E("t"))),
    "abs": claim(Apply("abs", E("t"), 1), Apply("sign", E("t"))),
    "log sigmoid": claim(log(Apply("sigmoid", E("t"))), -Apply("softplus", -E("t"))),
    "sin² + cos²": claim(square(Apply("sin", E("t"))) + square(Apply("cos", E("t"))), ONE),
    "arctan": claim(Apply("arctan", E("t"), 1), ONE / (ONE + square(E("t")))),
    "power": claim(
        Partial(Power(E("x"), E("p")), E("x")), E("p") * Power(E("x"), E("p") - ONE), positive(E("x"))
    ),
    "likelihood": claim(Partial(LIKELIHOOD, E("φ")), (E("y") - E("φ")) / (E("φ") * (ONE - E("φ"))), *BETWEEN),
    "σ elementwise": claim(Partial(SIGMA_Z, E("x", p)), Apply("σ", E("z", i), 1) * E("W", i, p)),
    "chain rule": claim(
        Partial(Component("f", (), (Abstraction((r,), AX),)), E("x", t)),
        Sum(s, Component("f", (), (Abstraction((r,), AX),), ((0, (s,)),)) * E("A", s, t)),
    ),
    "second derivatives commute": claim(
        Partial(Partial(F, E("x", s)), E("x", t)), Component("f", (), (F_OF_X,), ((0, (t,)), (0, (s,))))
    ),
    "product rule": claim(
        Partial(F * Component("g", (a,), (F_OF_X,)), E("x", s)),
        F * Component("g", (a,), (F_OF_X,), ((0, (s,)),))
        + Component("g", (a,), (F_OF_X,)) * Component("f", (), (F_OF_X,), ((0, (s,)),)),
    ),
    "n + 1 terms": claim(Sum(PLUS_ONE, ONE), Size(N) + ONE),
    "ones": claim(Sum(r, E("1", r) * E("x", r)), Sum(r, E("x", r)), equation(E("1", r), ONE)),
    "an assigned tensor": claim(log(E("T", r)), E("x", r), equation(E("T", r), exp(E("x", r)))),
    "nested derivatives": claim(Partial(E("x") * Partial(E("x") + E("w"), E("w")), E("x")), ONE),
    "fixed positions": claim(
        Sum(Index("g", Dimension.of(2)), E("x", Index("g", Dimension.of(2)))),
        E("x", Index(0, Dimension.of(2))) + E("x", Index(1, Dimension.of(2))),
    ),
    "Σ p² ≤ 1": claim(
        Sum(r, square(E("p", r))), ONE, equation(Sum(r, E("p", r)), ONE), positive(E("p", r)), relation="<="
    ),
    "an inconsistent size": claim(E("x", r), E("x", r) + ONE, AtLeast(N, 9, ("n ≥ 9",))),
}

FALSE = {  # the claim, and the sizes at which it first fails
    "softmax by z, sign": (claim(SLOPE, Delta(i, j) * E("ŷ", i) + E("ŷ", i) * E("ŷ", j)), {"c": 1, "d": 1}),
    "softmax by z, only diagonal": (claim(SLOPE, Delta(i, j) * E("ŷ", i)), {"c": 1, "d": 1}),
    "softmax by z, elementwise": (
        claim(SLOPE, Delta(i, j) * E("ŷ", i) * (ONE - E("ŷ", i))), {"c": 2, "d": 1}
    ),
    "softmax by z, i ≠ j, sign": (claim(SLOPE, E("ŷ", i) * E("ŷ", j), DISTINCT), {"c": 2, "d": 1}),
    "softmax < 1": (claim(E("ŷ", i), ONE, relation="<"), {"c": 1, "d": 1}),
    "softmax < 1/2": (claim(E("ŷ", i), HALF, AtLeast(C, 3, ("",)), relation="<"), {"c": 3, "d": 1}),
    "CE by z without Σy = 1": (claim(BY_Z, RESIDUAL), {"c": 1, "d": 1}),
    "CE by z, sign": (claim(BY_Z, -RESIDUAL, SUM_Y), {"c": 2, "d": 1}),
    "CE by z, one-hot, sign": (claim(BY_Z, E("ŷ", j) + E("y", j), ONE_HOT, SUM_Y), {"c": 1, "d": 1}),
    "CE by W, transposed": (
        claim(Partial(E("CE"), E("W", i, j)), E("x", i) * RESIDUAL, SUM_Y, definitions=SQUARE),
        {"c": 2},
    ),
    "CE of another class": (
        claim(E("CE"), -log(E("ŷ", h)), ONE_HOT, SUM_Y, CLASS_K, DISTINCT, constants=("k", "h")),
        {"c": 2, "d": 1},
    ),
    "y² = 1": (claim(square(E("y", i)), ONE, BINARY), {"c": 1}),
    "AB = BA": (
        claim(Sum(t, E("A", r, t) * E("B", t, s)), Sum(t, E("B", r, t) * E("A", t, s))), {"n": 2}
    ),
    "(AB)ᵀ = AᵀBᵀ": (
        claim(Sum(t, E("A", s, t) * E("B", t, r)), Sum(t, E("A", t, r) * E("B", s, t))), {"n": 2}
    ),
    "quadratic form without symmetry": (claim(Partial(QUADRATIC, E("x", r)), TWO * AX), {"n": 2}),
    "quadratic form, factor": (claim(Partial(QUADRATIC, E("x", r)), AX, SYMMETRIC), {"n": 1}),
    "least squares, sign": (
        claim(Partial(SQUARES, E("w", s)), Number(-2) * Sum(a, E("X", a, s) * FITTED)), {"m": 1, "n": 1}
    ),
    "log det without transpose": (
        claim(Partial(log(determinant("X")), E("X", r, s)), inverse("X", r, s)), {"n": 2}
    ),
    "X⁻¹ by X, sign": (
        claim(Partial(inverse("X", r, s), E("X", t, u)), inverse("X", r, t) * inverse("X", u, s)), {"n": 1}
    ),
    "norm without the root": (claim(Partial(NORM, E("x", s)), E("x", s)), {"n": 1}),
    "QQᵀ = I for columns": (
        claim(Sum(r, E("Q", a, r) * E("Q", b, r)), Delta(a, b), COLUMNS), {"m": 2, "n": 1}
    ),
    "Q symmetric": (claim(E("Q", r, s), E("Q", s, r), ORTHOGONAL), {"n": 2}),
    "P = I": (claim(E("P", r, s), Delta(r, s), IDEMPOTENT), {"n": 1}),
    "relu by default": (claim(Apply("relu", E("t"), 1), ONE), {}),
    "|t| = t": (claim(Apply("abs", E("t")), E("t")), {}),
    "sigmoid, sign": (claim(Apply("sigmoid", E("t"), 1), -Apply("sigmoid", E("t"))), {}),
    "likelihood, sign": (claim(Partial(LIKELIHOOD, E("φ")), (E("φ") - E("y")) / E("φ"), *BETWEEN), {}),
    "σ' left out": (claim(Partial(SIGMA_Z, E("x", p)), SIGMA_Z * E("W", i, p)), {"c": 1, "d": 1}),
    "σ'' = 0": (claim(Apply("σ", E("t"), 2), ZERO), {}),
    "f is linear": (claim(HESSIAN, ZERO), {"n": 1}),
    "Hessian is diagonal": (
        claim(HESSIAN, Delta(s, t) * Partial(Partial(F, E("x", s)), E("x", s))),
        {"n": 2},
    ),
    "n + 1 terms, miscounted": (claim(Sum(PLUS_ONE, ONE), Size(N)), {"n": 1}),
    "x² > 0": (claim(square(E("t")), ZERO, relation=">"), {}),
    "x² ≥ x": (claim(square(E("t")), E("t"), relation=">="), {}),
    "Σ p² < 1": (
        claim(Sum(r, square(E("p", r))), ONE, *PROBABILITIES, relation="<"),
        {"n": 1},
    ),
    "an assigned tensor, squared": (
        claim(log(E("T", r)), square(E("x", r)), equation(E("T", r), exp(E("x", r)))), {"n": 1}
    ),
    "only at the fourth entry": (claim(E("x", Index(3, N)), E("x", Index(0, N))), {"n": 4}),
}  # fmt: skip


@pytest.mark.parametrize("name", TRUE)
def test_true_claims_are_never_refuted(name):
    for seed in range(3):
        assert refute(TRUE[name], seed=seed, largest=3) is None


@pytest.mark.parametrize("name", FALSE)
def test_false_claims_are_refuted_at_the_smallest_sizes(name):
    false, sizes = FALSE[name]
    for seed in range(3):
        found = refute(false, seed=seed)
        assert found is not None
        assert found.dimensions == sizes


def test_a_search_is_reproduced_by_its_seed():
    false, _ = FALSE["QQᵀ = I for columns"]
    assert refute(false, seed=5) == refute(false, seed=5)


# ── what a counterexample says ─────────────────────────────────────────────────────────────────────────────


def test_exact_counterexamples_are_fractions():
    found = refute(claim(E("x") / E("w"), E("w") / E("x")), seed=1)
    assert found.method == "exact"
    x, w = (Fraction(found.values[name]) for name in ("x", "w"))
    assert Fraction(found.lhs) == x / w != Fraction(found.rhs) == w / x


def test_balls_give_correct_digits():
    found = refute(claim(exp(E("t")), ZERO))
    assert found.method == "ball"
    assert float(found.lhs) == pytest.approx(math.exp(Fraction(found.values["t"])), rel=1e-7)
    assert found.rhs == "0"


def test_close_values_are_told_apart():
    """e and a fraction that agrees with it to 9 digits."""
    almost = Fraction(271828182, 10**8)
    found = refute(claim(exp(Number(1)), Number(almost)))
    assert found.lhs != found.rhs
    assert found.lhs.startswith("2.71828182845")


def test_only_what_matters_is_listed_with_nested_lists():
    unrelated = positive(E("λ"))
    found = refute(claim(Sum(p, E("W", i, p) * E("x", p)), ZERO, unrelated, AtLeast(D, 2, ("",))), entry=(i,))
    assert found.dimensions == {"c": 1, "d": 2}
    assert found.entry == (0,)
    assert set(found.values) == {"W", "x"}
    (row,), x = found.values["W"], found.values["x"]
    assert Fraction(found.lhs) == sum(Fraction(v) * Fraction(w) for v, w in zip(row, x, strict=True))


def test_the_entry_follows_the_order_asked_for():
    """Equal but for the entry (i, j) = (0, 1): a matrix that is claimed to be lower triangular."""
    lower = claim(E("A", r, s), ZERO, equation(E("A", r, r), ZERO), Coincide(r, s, False, ("",)))
    found = refute(lower, entry=(s, r))
    assert found.dimensions == {"n": 2}
    column, row = found.entry
    assert str(found.values["A"][row][column]) == found.lhs


def test_arbitrary_functions_are_written_out():
    found = refute(claim(Apply("σ", E("t"), 1), Apply("σ", E("t"))))
    assert found.values["σ"].startswith("σ(t) = ")
    t_value = Fraction(found.values["t"])
    text = found.values["σ"].removeprefix("σ(t) = ").replace(" - ", " + -").split(" + ")
    powers = [term.partition("t") for term in text]

    def exponent(variable, power):
        return 0 if not variable else int(power.lstrip("^") or 1)

    def coefficient(front):
        return Fraction(
            front.strip().replace("-", "-1") if front.strip() in ("", "-") else front.strip() or 1
        )

    polynomial = {
        exponent(variable, power): Fraction(1) if front.strip() == "" else coefficient(front)
        for front, variable, power in powers
    }
    assert Fraction(found.rhs) == sum(c * t_value**n for n, c in polynomial.items())
    assert Fraction(found.lhs) == sum(c * n * t_value ** (n - 1) for n, c in polynomial.items() if n)


# ── hypotheses ─────────────────────────────────────────────────────────────────────────────────────────────


def drawn(hypotheses, lhs=ZERO, count=6, **sizes):
    """The tensors at some points, as arrays of fractions, for a claim about the tensors of the hypotheses."""
    question = Question(claim(lhs, ONE, *hypotheses), seed=2)
    found = []
    for setting, points in question.settings(sizes, count):
        circuit = setting.circuit
        for point in points:
            arrays = {}
            for name, shape in circuit.shapes.items():
                values = [point[circuit.node("leaf", name, place)] for place in np.ndindex(shape)]
                fractions = [Fraction(int(value.p), int(value.q)) for value in values]
                arrays[name] = np.array(fractions, dtype=object).reshape(shape)
            found.append(arrays)
    assert len(found) >= 2
    return found


def test_probabilities():
    for at in drawn([equation(Sum(r, E("p", r)), ONE), positive(E("p", r))], n=4):
        assert sum(at["p"]) == 1
        assert min(at["p"]) > 0


@pytest.mark.parametrize("hypotheses", [[ONE_HOT, SUM_Y], [BINARY, SUM_Y], [SUM_Y, BINARY, ONE_HOT]])
def test_one_hot(hypotheses):
    points = drawn(hypotheses, lhs=E("free"), c=3)
    assert {tuple(sorted(at["y"])) for at in points} == {(0, 0, 1)}
    assert len({tuple(at["y"]) for at in points}) > 1


def test_symmetric_and_antisymmetric_matrices():
    for at in drawn([SYMMETRIC], n=3):
        assert (at["A"] == at["A"].T).all()
        assert len(set(at["A"].ravel())) > 1 or not at["A"].any()
    for at in drawn([ANTISYMMETRIC], n=3):
        assert (at["A"] == -at["A"].T).all()


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_orthonormal_columns(rows):
    for columns in range(1, rows + 1):
        for at in drawn([COLUMNS], m=rows, n=columns, lhs=E("free")):
            assert (at["Q"].T @ at["Q"] == np.eye(columns, dtype=int)).all()


def test_more_orthonormal_columns_than_rows_have_no_points():
    question = Question(claim(E("free"), ONE, COLUMNS), seed=0)
    assert not list(question.settings({"m": 1, "n": 2}, 4))


def test_projections_eigenvectors_and_unit_vectors():
    for at in drawn([IDEMPOTENT], n=2):
        assert (at["P"] @ at["P"] == at["P"]).all()
    for at in drawn([equation(AX, E("λ") * E("x", r)), SYMMETRIC], n=3):
        assert (at["A"] @ at["x"] == at["λ"] * at["x"]).all()
        assert (at["A"] == at["A"].T).all()
    for at in drawn([equation(NORM, ONE)], n=2):
        assert sum(at["x"] ** 2) == 1


def test_normal_equations_are_solved():
    for at in drawn([equation(Sum(a, E("X", a, s) * FITTED), ZERO), GRAM_REGULAR], m=3, n=2):
        X, v, w = at["X"], at["v"], at["w"]
        assert (X.T @ (X @ w - v) == 0).all()


def test_given_entries_are_assigned():
    ones = equation(E("1", r), ONE)
    unit = equation(E("I", r, s), Delta(r, s))
    for at in drawn([ones, unit], lhs=E("free"), n=3):
        assert (at["1"] == 1).all()
        assert (at["I"] == np.eye(3, dtype=int)).all()


def test_constants_are_one_place_and_other_indices_are_all():
    """y_k = 1 for a constant k fixes one entry; y_i = 1 for any i fixes all."""
    fixed = claim(E("y", k), ZERO, CLASS_K, AtLeast(C, 3, ("",)), constants="k")
    assert sorted(refute(fixed).values["y"]).count(1) < 3
    universal = claim(E("y", i), ZERO, equation(E("y", i), ONE), AtLeast(C, 3, ("",)))
    assert refute(universal).values["y"] == [1, 1, 1]


def test_an_inconsistent_context_refutes_nothing():
    contradiction = [equation(E("t"), ONE), equation(E("t"), TWO)]
    assert refute(claim(E("t"), ZERO, *contradiction)) is None
    assert refute(claim(E("w"), ZERO, *contradiction)) is None
    assert refute(claim(E("t"), ZERO, positive(E("t")), positive(-E("t")))) is None


def test_a_hypothesis_that_cannot_be_confirmed_lets_nothing_be_refuted():
    irrational = equation(exp(E("t")) + E("t"), TWO)
    assert refute(claim(E("t"), ZERO, irrational)) is None
    assert refute(claim(E("w"), ZERO, irrational)) is not None  # it has no part in this one


def test_what_is_said_of_an_arbitrary_function_may_be_meant_for_all_arguments():
    always = positive(Apply("σ", E("t")))
    assert refute(claim(Apply("σ", E("w")), ZERO, always, relation=">")) is None
    assert refute(claim(Apply("σ", E("t")), ZERO, always, relation=">")) is None
    assert refute(claim(Apply("σ", E("t")), ZERO, always, relation="<")) is not None
    ode = equation(Apply("σ", E("t"), 1), Apply("σ", E("t")))
    assert refute(claim(Apply("σ", E("t"), 2), ZERO, ode)) is None


def test_a_size_that_only_hypotheses_mention_is_chosen():
    tall = equation(Sum(r, E("Q", r, a) * E("Q", r, b)), Delta(a, b))  # n ≥ m
    found = refute(claim(E("v", a), ZERO, tall))
    assert found.dimensions == {"m": 1}


# ── bounds ─────────────────────────────────────────────────────────────────────────────────────────────────


def nested(depth: int) -> Term:
    term: Term = E("t")
    for _ in range(depth):
        term = term * term
    return term


@pytest.mark.parametrize(
    "hostile",
    [
        Claim(nested(100), ZERO),
        claim(Sum(Index("g", Dimension.of(10**12)), E("x", Index("g", Dimension.of(10**12)))), ZERO),
        claim(Power(Power(E("t"), Number(999)), Number(999)), ONE),
        claim(Power(E("t"), Number(10**9)), ONE),
        claim(exp(exp(exp(exp(exp(E("t")))))), ZERO),
        claim(E("x", r), E("x", i)),
        claim(Partial(E("x", r), E("x", i)), ONE),
        claim(E("loop"), ZERO, definitions={"loop": Abstraction((), E("loop"))}),
        claim(Partial(E("W", i, p), E("z", j)), ZERO),
        claim(E("t"), ZERO, equation(Power(E("w"), Number(7)) + E("w"), Number(5))),
    ],
)
def test_nothing_raises_or_takes_long(hostile):
    start = monotonic()
    refute(hostile, seconds=1)
    assert monotonic() - start < 3


def test_a_derivative_that_means_nothing_is_not_refuted():
    """∂W/∂z where z = Wx + b: W does not contain z, and is not independent of it."""
    assert refute(claim(Partial(E("W", i, p), E("z", j)), ZERO)) is None
    assert refute(claim(Partial(E("W", i, p), E("z", j)), ONE)) is None


def test_the_ladder_of_sizes():
    assert list(ladder([], 4)) == [{}]
    assert [sizes["n"] for sizes in ladder(["n"], 4)] == [1, 2, 3, 4]
    both = [tuple(sizes.values()) for sizes in ladder(["c", "d"], 3)]
    assert both[:3] == [(1, 1), (1, 2), (2, 1)]
    assert len(both) == 9
    for names in (["a", "b", "c"], list("abcd"), list("abcdefghij")):
        sizes = list(ladder(names, 4))
        assert sizes[0] == dict.fromkeys(names, 1) or len(names) > 6
        assert len(sizes) < 100
        totals = [sum(chosen.values()) for chosen in sizes]
        assert totals == sorted(totals)
