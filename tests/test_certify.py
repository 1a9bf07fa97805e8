"""numeric.certify: true claims are never refuted, false ones are, at the smallest sizes; and points keep hypotheses."""

from fractions import Fraction

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
    Plus,
    Positive,
    Power,
    Product,
    Size,
    Sum,
    Term,
)
from numeric.certify import ladder, refute
from numeric.evaluate import RATIONALS, Evaluation
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


def claim(lhs: Term, rhs: Term, *hypotheses, relation="=", definitions=SOFTMAX, constants=()) -> Claim:
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
SIGMA_Z = Apply("σ", E("z", i))
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
    "softmax by z, elementwise": (claim(SLOPE, Delta(i, j) * E("ŷ", i) * (ONE - E("ŷ", i))), {"c": 2, "d": 1}),
    "softmax by z, i ≠ j, sign": (claim(SLOPE, E("ŷ", i) * E("ŷ", j), DISTINCT), {"c": 2, "d": 1}),
    "softmax < 1": (claim(E("ŷ", i), ONE, relation="<"), {"c": 1, "d": 1}),
    "softmax < 1/2": (claim(E("ŷ", i), HALF, AtLeast(C, 3, ("",)), relation="<"), {"c": 3, "d": 1}),
    "CE by z without Σy = 1": (claim(BY_Z, RESIDUAL), {"c": 1, "d": 1}),
    "CE by z, sign": (claim(BY_Z, -RESIDUAL, SUM_Y), {"c": 2, "d": 1}),
    "CE by z, one-hot, sign": (claim(BY_Z, E("ŷ", j) + E("y", j), ONE_HOT, SUM_Y), {"c": 1, "d": 1}),
    "CE by W, transposed": (
        claim(Partial(E("CE"), E("W", i, j)), E("x", i) * RESIDUAL, SUM_Y, definitions={
            "z": Abstraction((i,), Sum(k, E("W", i, k) * E("x", k)) + E("b", i)), "ŷ": SOFTMAX["ŷ"], "CE": SOFTMAX["CE"]
        }),
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
    "log det without transpose": (claim(Partial(log(determinant("X")), E("X", r, s)), inverse("X", r, s)), {"n": 2}),
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
    "f is linear": (claim(Partial(Partial(F, E("x", s)), E("x", t)), ZERO), {"n": 1}),
    "Hessian is diagonal": (
        claim(Partial(Partial(F, E("x", s)), E("x", t)), Delta(s, t) * Partial(Partial(F, E("x", s)), E("x", s))),
        {"n": 2},
    ),
    "n + 1 terms, miscounted": (claim(Sum(PLUS_ONE, ONE), Size(N)), {"n": 1}),
    "x² > 0": (claim(square(E("t")), ZERO, relation=">"), {}),
    "x² ≥ x": (claim(square(E("t")), E("t"), relation=">="), {}),
    "Σ p² < 1": (
        claim(Sum(r, square(E("p", r))), ONE, equation(Sum(r, E("p", r)), ONE), positive(E("p", r)), relation="<"),
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


def test_every_true_claim_has_points_that_keep_its_hypotheses():
    """A search that never finds a point would refute nothing either: points exist, and the equations hold there."""
    for name, true in TRUE.items():
        if name == "an inconsistent size":
            continue
        question = Question(true, seed=1)
        sizes = dict.fromkeys(question.symbols, 2)
        drawn = list(question.settings(sizes, 6))
        assert drawn, name
        for setting, points in drawn:
            assert len(points) >= 2, name
