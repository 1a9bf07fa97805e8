"""numeric.reference against SciPy, against differences of itself, and at the edges of the doubles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special

from numeric import reference
from numeric.differences import central_difference

# (classes, features): rectangular both ways, and 1
SIZES = [(1, 1), (1, 3), (2, 1), (3, 2), (2, 5), (4, 4)]

LOGITS = arrays(np.float64, st.integers(1, 6), elements=st.floats(-1e4, 1e4))


@pytest.fixture
def rng():
    return np.random.default_rng(20)


def classifier(c, d, rng):
    """y (soft, summing to 1), W, x, b."""
    return rng.dirichlet(np.ones(c)), rng.normal(size=(c, d)), rng.normal(size=d), rng.normal(size=c)


def agrees_with_differences(gradient, function, at):
    estimate = central_difference(function, at)
    assert gradient.shape == estimate.value.shape
    np.testing.assert_array_less(np.abs(gradient - estimate.value), estimate.error + 1e-14)


@settings(max_examples=40, deadline=None)
@given(LOGITS)
def test_logarithms_and_softmax_agree_with_scipy(z):
    np.testing.assert_allclose(reference.log_sum_exp(z), special.logsumexp(z), rtol=1e-14)
    np.testing.assert_allclose(reference.log_softmax(z), special.log_softmax(z), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(reference.softmax(z), special.softmax(z), rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, 5, elements=st.floats(-1e4, 1e4)))
def test_sigmoid_family_agrees_with_scipy(z):
    for ours, theirs in (
        (reference.sigmoid(z), special.expit(z)),
        (reference.log_sigmoid(z), special.log_expit(z)),
        (reference.softplus(z), np.logaddexp(0, z)),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-305)  # below it, doubles lose digits


@settings(max_examples=40, deadline=None)
@given(LOGITS)
def test_softmax_sums_to_1_and_does_not_feel_a_common_shift(z):
    assert reference.softmax(z).sum() == pytest.approx(1, abs=1e-14)
    np.testing.assert_allclose(reference.softmax(z + 8.0), reference.softmax(z), atol=1e-11)


@settings(max_examples=40, deadline=None)
@given(LOGITS)
def test_no_value_overflows_or_is_nan_for_logits_up_to_1e4(z):
    y = np.eye(len(z))[0]
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for value in (
            reference.log_sum_exp(z),
            reference.log_softmax(z),
            reference.softmax(z),
            reference.softmax_jacobian(z),
            reference.cross_entropy(y, z),
            reference.cross_entropy_gradient(y, z),
            reference.cross_entropy_hessian(y, z),
            reference.sigmoid(z),
            reference.sigmoid_derivative(z),
            reference.log_sigmoid(z),
            reference.softplus(z),
            reference.binary_cross_entropy(y, z),
            reference.sigmoid_squared_error(y, z),
        ):
            assert np.isfinite(value).all()


def test_extreme_logits_give_their_limits():
    z = np.array([1e4, 0.0, -1e4])
    assert reference.log_sum_exp(z) == 1e4
    assert reference.softmax(z).tolist() == [1, 0, 0]
    assert reference.cross_entropy([0, 0, 1], z) == 2e4
    assert reference.sigmoid([1e4, -1e4]).tolist() == [1, 0]
    assert reference.binary_cross_entropy([1, 0], [-1e4, 1e4]).tolist() == [1e4, 1e4]


def test_a_small_loss_keeps_its_digits():
    # log(1 + 2e^-40): computed as log of a sum it would be 0
    assert reference.cross_entropy([1, 0, 0], [40, 0, 0]) == pytest.approx(2 * np.exp(-40), rel=1e-14)
    assert reference.binary_cross_entropy(1, 40) == pytest.approx(np.exp(-40), rel=1e-14)


def test_a_class_that_is_ruled_out_adds_nothing_to_the_loss():
    assert reference.cross_entropy([1, 0], [0, -np.inf]) == 0
    assert reference.cross_entropy([0, 1], [0, -np.inf]) == np.inf


def test_integers_are_taken_as_numbers():
    assert reference.softmax([0, 0]).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 5.0])
@pytest.mark.parametrize("c", [1, 2, 5])
def test_derivatives_in_the_logits_agree_with_differences(c, scale, rng):
    z = scale * rng.normal(size=c)
    for y in (np.eye(c)[0], rng.dirichlet(np.ones(c)), rng.normal(size=c)):  # one-hot, soft, sum not 1
        agrees_with_differences(
            reference.cross_entropy_gradient(y, z), lambda z, y=y: reference.cross_entropy(y, z), z
        )
        agrees_with_differences(
            reference.cross_entropy_hessian(y, z), lambda z, y=y: reference.cross_entropy_gradient(y, z), z
        )
    agrees_with_differences(reference.softmax_jacobian(z), reference.softmax, z)
    agrees_with_differences(reference.softmax(z), reference.log_sum_exp, z)


@pytest.mark.parametrize("z", [-30.0, -1.0, 0.0, 0.5, 20.0])
def test_derivatives_in_one_logit_agree_with_differences(z):
    for y in (0.0, 0.3, 1.0):
        agrees_with_differences(
            reference.binary_cross_entropy_gradient(y, z),
            lambda z, y=y: reference.binary_cross_entropy(y, z),
            z,
        )
        agrees_with_differences(
            reference.sigmoid_squared_error_gradient(y, z),
            lambda z, y=y: reference.sigmoid_squared_error(y, z),
            z,
        )
    agrees_with_differences(reference.sigmoid_derivative(z), reference.sigmoid, z)
    agrees_with_differences(reference.sigmoid(z), reference.softplus, z)


@pytest.mark.parametrize(("c", "d"), SIZES)
def test_derivatives_in_the_linear_layer_agree_with_differences(c, d, rng):
    y, W, x, b = classifier(c, d, rng)
    loss = reference.linear_cross_entropy
    agrees_with_differences(
        reference.linear_cross_entropy_gradient_W(y, W, x, b), lambda W: loss(y, W, x, b), W
    )
    agrees_with_differences(
        reference.linear_cross_entropy_gradient_b(y, W, x, b), lambda b: loss(y, W, x, b), b
    )
    agrees_with_differences(
        reference.linear_cross_entropy_gradient_x(y, W, x, b), lambda x: loss(y, W, x, b), x
    )


@pytest.mark.parametrize(("c", "d"), SIZES)
def test_a_batch_is_its_samples(c, d, rng):
    _, W, _, b = classifier(c, d, rng)
    x, y = rng.normal(size=(7, d)), rng.dirichlet(np.ones(c), size=7)
    z = reference.logits(W, x, b)

    def one_by_one(function, *batched):
        return np.array([function(*sample) for sample in zip(*batched, strict=True)])

    np.testing.assert_allclose(z, one_by_one(lambda x: W @ x + b, x))
    for function in (
        reference.cross_entropy,
        reference.cross_entropy_gradient,
        reference.cross_entropy_hessian,
    ):
        np.testing.assert_allclose(function(y, z), one_by_one(function, y, z))
    for function in (reference.log_sum_exp, reference.softmax, reference.softmax_jacobian):
        np.testing.assert_allclose(function(z), one_by_one(function, z))
    for function, combine in (
        (reference.linear_cross_entropy, np.asarray),
        (reference.linear_cross_entropy_gradient_x, np.asarray),
        (reference.linear_cross_entropy_gradient_W, lambda parts: parts.sum(axis=0)),
        (reference.linear_cross_entropy_gradient_b, lambda parts: parts.sum(axis=0)),
    ):
        parts = one_by_one(lambda y, x, function=function: function(y, W, x, b), y, x)
        np.testing.assert_allclose(function(y, W, x, b), combine(parts), atol=1e-14)


def test_hessian_is_symmetric_positive_and_blind_to_a_common_shift(rng):
    H = reference.cross_entropy_hessian(np.eye(5)[1], rng.normal(size=5))
    np.testing.assert_array_equal(H, H.T)
    np.testing.assert_allclose(H @ np.ones(5), 0, atol=1e-16)
    assert np.linalg.eigvalsh(H).min() > -1e-16
