"""numeric.evidence: true claims agree within their tolerance, and false ones do not."""

import numpy as np
import pytest
from test_certify import (
    BY_Z,
    DISTINCT,
    FALSE,
    GRAM_REGULAR,
    JACOBIAN,
    ONE,
    RESIDUAL,
    SLOPE,
    SUM_Y,
    TRUE,
    ZERO,
    C,
    E,
    claim,
    equation,
    exp,
    i,
    log,
    p,
    positive,
    r,
    square,
)

from derive.terms import (
    Abstraction,
    Apply,
    AtLeast,
    Claim,
    Dimension,
    Index,
    Number,
    Partial,
    Power,
    Sum,
)
from numeric.evidence import extrapolated, gather

TIES = {"softmax < 1", "Σ p² < 1", "x² > 0"}  # false only where the two sides are equal


@pytest.mark.parametrize("name", TRUE)
def test_true_claims_agree(name):
    for seed in range(2):
        found = gather(TRUE[name], seed=seed)
        if name == "an inconsistent size":
            assert found is None
            return
        assert found.agrees is True
        assert found.max_error <= found.tolerance < 1e-5
        assert found.samples > 0


@pytest.mark.parametrize("name", FALSE)
def test_false_claims_do_not_agree(name):
    false, _ = FALSE[name]
    found = gather(false)
    if name in TIES:
        assert found.agrees is not False
    else:
        assert found.agrees is False
        assert found.max_error > 1e-6


def test_derivatives_are_taken_by_differences():
    assert gather(claim(E("t"), E("t"))).method == "float64 evaluation"
    first = gather(claim(SLOPE, JACOBIAN))
    assert first.method == "central differences (Richardson)"
    assert 0 < first.max_error < 1e-9
    twice = gather(TRUE["CE by z twice"])
    assert twice.method == "central differences (Richardson) of exact inner derivatives"
    assert gather(claim(Apply("sigmoid", E("t"), 1), ONE)).method == first.method


def test_rectangular_sizes_are_tried_1_included():
    sizes = gather(claim(BY_Z, RESIDUAL, SUM_Y)).sizes
    assert {(s["c"], s["d"]) for s in sizes} == {(1, 1), (2, 3), (3, 2), (4, 1)}
    given = gather(claim(BY_Z, RESIDUAL, SUM_Y), sizes=[{"c": 5, "d": 2}])
    assert given.sizes == ({"c": 5, "d": 2},)
    at_least = gather(claim(SLOPE, JACOBIAN, AtLeast(C, 3, ("",))))
    assert {s["c"] for s in at_least.sizes} == {3, 4}
    apart = gather(claim(SLOPE, -E("ŷ", i) * E("ŷ", Index("j", C)), DISTINCT))
    assert all(s["c"] > 1 for s in apart.sizes)


def test_a_seed_reproduces_the_points():
    true = TRUE["CE by W"]
    assert gather(true, seed=3) == gather(true, seed=3)
    assert gather(true, seed=3).max_error != gather(true, seed=4).max_error


@pytest.mark.parametrize("order", ["<", "<=", ">", ">="])
def test_inequalities(order):
    upward = order in ("<", "<=")
    small, large = square(E("t")), square(E("t")) + ONE
    assert gather(claim(*((small, large) if upward else (large, small)), relation=order)).agrees is True
    assert gather(claim(*((large, small) if upward else (small, large)), relation=order)).agrees is False
    tied = gather(claim(small, small, relation=order))
    assert tied.agrees is (True if "=" in order else None)
    assert tied.max_error == 0


@pytest.mark.parametrize(
    "impossible",
    [
        claim(E("t"), ZERO, equation(E("t"), ONE), equation(E("t"), ZERO)),
        claim(log(-square(E("t"))), ZERO),
        claim(Apply("abs", E("t") - E("t"), 1), ZERO),
        claim(Partial(E("W", i, p), E("z", Index("j", C))), ZERO),
        claim(E("loop"), ZERO, definitions={"loop": Abstraction((), E("loop"))}),
        claim(Sum(Index("g", Dimension.of(10**9)), E("x", Index("g", Dimension.of(10**9)))), ZERO),
    ],
)
def test_what_cannot_be_evaluated_has_no_evidence(impossible):
    assert gather(impossible) is None


def test_points_outside_the_domain_do_not_count():
    found = gather(claim(exp(log(E("t"))), E("t")))
    assert found.agrees is True
    assert found.samples < gather(claim(exp(log(E("t"))), E("t"), positive(E("t")))).samples


def test_singular_matrices_do_not_count():
    """(XᵀX)⁻¹ where X has more columns than rows: in floating point its determinant is noise, not 0."""
    true = TRUE["projection"]
    wide = Claim(true.lhs, true.rhs)
    assert GRAM_REGULAR in true.context.hypotheses
    assert gather(wide, sizes=[{"m": 2, "n": 3}, {"m": 1, "n": 2}]) is None
    for seed in range(5):
        assert gather(wide, seed=seed).agrees is True


def test_kinks_do_not_count():
    """At 0 a central difference of |t| is 0, without a doubt; it is no derivative."""
    at_0 = equation(E("t"), ZERO)
    assert gather(claim(Apply("abs", E("t"), 1), ZERO, at_0)) is None
    flat = Apply("relu", Sum(r, E("x", r) - E("x", r)), 1)
    assert gather(claim(flat, ZERO)) is None


def test_large_and_small_values_are_judged_relatively():
    steep = claim(Partial(exp(Number(9) * E("t")), E("t")), Number(9) * exp(Number(9) * E("t")))
    found = gather(steep)
    assert found.agrees is True
    assert found.max_error < 1e-9
    off = claim(
        Partial(exp(Number(9) * E("t")), E("t")), Power(Number(9), ONE) * exp(Number(9) * E("t")) + ONE
    )
    assert gather(off).agrees is False


@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (np.exp, np.exp),
        (np.sin, np.cos),
        (lambda x: 1 / x, lambda x: -1 / x**2),
        (lambda x: x**7, lambda x: 7 * x**6),
        (np.log, lambda x: 1 / x),
    ],
)
def test_the_estimated_error_bounds_the_true_one(function, slope):
    points = np.random.default_rng(0).uniform(0.3, 3, 200)
    steps = points / 8 * 0.5 ** np.arange(10)[:, None]
    sides = [function(points + steps), function(points - steps), function(points + 0 * steps)]
    value, error = extrapolated(*sides, steps)
    true = slope(points)
    assert (np.abs(value - true) <= error + 1e-15).mean() > 0.98
    assert (np.abs(value - true) <= 4 * error + 1e-15).all()
    assert (error < 1e-9 * np.maximum(1, np.abs(true))).all()
