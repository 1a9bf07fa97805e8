"""numeric.differences: the errors that it estimates bound the errors that it makes, and cost what it says."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numeric import reference
from numeric.differences import (
    central_difference,
    complex_step,
    directional_difference,
    random_direction,
    taylor_slope,
)

# name: (function, derivative, the points it is good for)
FUNCTIONS = {
    "exp": (np.exp, np.exp, (1e-3, 50)),
    "sin": (np.sin, np.cos, (1e-3, 1e3)),
    "fast sin": (lambda x: np.sin(100 * x), lambda x: 100 * np.cos(100 * x), (1e-3, 200)),
    "1/x": (lambda x: 1 / x, lambda x: -1 / x**2, (1e-3, 1e3)),
    "log": (np.log, lambda x: 1 / x, (1e-3, 1e3)),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x), (1e-3, 1e3)),
    "square": (lambda x: x * x, lambda x: 2 * x, (1e-3, 1e3)),
    "quintic": (lambda x: x**5 - 3 * x**2 + 1, lambda x: 5 * x**4 - 6 * x, (1e-3, 1e3)),
    "softplus": (reference.softplus, reference.sigmoid, (1e-3, 1e3)),
    "narrow bell": (lambda x: np.exp(-50 * x * x), lambda x: -100 * x * np.exp(-50 * x * x), (1e-3, 3)),
    "constant": (lambda x: 7.0 + 0 * x, lambda x: 0 * x, (1e-3, 1e3)),
}

# functions whose values are far less precise than their last bit: what they cancel is larger than they are
CANCELLING = {
    "x out of 1e4": (lambda x: (x + 1e4) - 1e4 + 1e-3 * np.exp(x), lambda x: 1 + 1e-3 * np.exp(x)),
    "log out of 1e6": (
        lambda x: np.log(1e6 + np.exp(x)) - np.log(1e6),
        lambda x: np.exp(x) / (1e6 + np.exp(x)),
    ),
    "single precision": (lambda x: np.float32(np.sin(np.float32(x))), np.cos),
}

SCALES = [1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1e3]


def points(scale, lowest, highest, count=6):
    """Points about a scale; a fixed irregular spread, the same in every run."""
    spread = scale * (0.5 + np.arange(1, count + 1) * 0.61803398875 % 1)
    return [float(x) for x in spread if lowest <= x <= highest]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_estimated_error_bounds_the_true_one_and_is_small(name, scale):
    function, derivative, (lowest, highest) = FUNCTIONS[name]
    for x in points(scale, lowest, highest):
        estimate = central_difference(function, x)
        true = derivative(x)
        assert abs(estimate.value - true) <= estimate.error
        # small beside the derivative, or beside what the values themselves could resolve
        assert estimate.error <= 1e-8 * abs(true) + 1e-11 * (1 + abs(function(x)) / min(x, 1))


@pytest.mark.parametrize("scale", [1e-2, 0.1, 1.0, 5.0])
@pytest.mark.parametrize("name", CANCELLING)
def test_estimated_error_bounds_the_true_one_where_the_function_is_noisy(name, scale):
    function, derivative = CANCELLING[name]
    for x in points(scale, 0, 10):
        estimate = central_difference(function, x)
        assert abs(estimate.value - derivative(x)) <= 2 * estimate.error
        assert estimate.error < 1e-3


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=1, max_size=7))
def test_polynomials_are_differentiated_within_the_estimate(coefficients):
    p = np.polynomial.Polynomial(coefficients)
    estimate = central_difference(p, 0.7)
    assert abs(estimate.value - p.deriv()(0.7)) <= estimate.error


@pytest.mark.parametrize("scale", [1e-3, 1.0, 5.0])
@pytest.mark.parametrize("c", [1, 2, 5])
def test_softmax_derivatives_lie_within_their_errors(c, scale):
    z = scale * np.random.default_rng(c).normal(size=c)
    jacobian = central_difference(reference.softmax, z)
    assert jacobian.value.shape == (c, c)
    assert (np.abs(jacobian.value - reference.softmax_jacobian(z)) <= jacobian.error + 1e-16).all()
    assert jacobian.error.max() < 1e-10 / min(scale, 1)


@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 3), (2, 3), (4, 1)])
def test_the_result_has_the_output_axes_first(m, n):
    A = np.random.default_rng(0).normal(size=(m, n))
    np.testing.assert_allclose(central_difference(lambda x: A @ x, np.ones(n)).value, A, atol=1e-12)
    cube = central_difference(lambda X: X @ np.arange(n), np.ones((m, n)))
    assert cube.value.shape == (m, m, n)
    np.testing.assert_allclose(cube.value, np.einsum("ik,j->ikj", np.eye(m), np.arange(n)), atol=1e-12)


def test_a_kink_at_the_point_is_in_the_error():
    kink = central_difference(np.abs, 0.0)
    assert kink.error >= 1
    assert kink.jump == pytest.approx(2)
    both = central_difference(np.abs, np.array([0.0, 1.0]))
    assert both.error[0, 0] >= 1
    assert both.error[1, 1] < 1e-12


@pytest.mark.parametrize("distance", [0.3, 1e-2, 1e-4])
def test_a_kink_near_the_point_costs_precision_and_no_truth(distance):
    estimate = central_difference(lambda x: np.abs(x - 1) + 3 * np.abs(x - 1 - distance / 3), 1 + distance)
    assert abs(estimate.value - 4) <= estimate.error < 1e-8


def test_a_kink_too_near_to_see_is_in_the_error():
    estimate = central_difference(np.abs, 1e-9)
    assert abs(estimate.value - 1) <= estimate.error


def test_a_step_is_not_a_slope():
    assert central_difference(np.sign, 0.0).error > 1e3


def test_periods_that_divide_the_steps_do_not_deceive():
    # with halved steps, 32 periods are a multiple of the first five: the slope would seem to be 0
    x = 32 * 2 * np.pi * 4
    estimate = central_difference(np.sin, x)
    assert abs(estimate.value - np.cos(x)) <= estimate.error < 1e-10


def test_values_below_their_last_bit_are_not_taken_for_flat():
    z = np.array([30.0, 0.0, 0.0])
    estimate = central_difference(lambda z: reference.log_sum_exp(z) - z[0], z)
    assert (np.abs(estimate.value - reference.cross_entropy_gradient([1, 0, 0], z)) <= estimate.error).all()


@pytest.mark.parametrize("function", [np.log, math.log, np.sqrt])
def test_a_domain_nearby_only_shortens_the_steps(function):
    x = 1e-4
    estimate = central_difference(function, x)
    true = 0.5 / np.sqrt(x) if function is np.sqrt else 1 / x
    assert abs(estimate.value - true) <= estimate.error < 1e-8 * true


def test_what_is_not_finite_is_unknown():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimate = central_difference(lambda x: np.exp(x) / np.exp(x), 1000.0)
    assert np.isnan(estimate.value)
    assert np.isinf(estimate.error)


def test_the_function_may_spoil_its_argument():
    def spoiling(x):
        x *= 2
        return x.sum()

    at = np.ones(3)
    np.testing.assert_allclose(central_difference(spoiling, at).value, 2)
    assert (at == 1).all()


@pytest.mark.parametrize("shape", [(3,), (2, 3), (1, 1), (50, 40)])
def test_a_directional_difference_is_the_product_with_the_gradient(shape):
    rng = np.random.default_rng(1)
    x, v = rng.normal(size=shape), random_direction(shape, rng)
    calls = []
    estimate = directional_difference(lambda x: calls.append(1) or np.sum(np.sin(x)), x, v)
    assert abs(estimate.value - np.sum(np.cos(x) * v)) <= estimate.error
    assert len(calls) == estimate.evaluations <= 21


def test_a_directional_difference_costs_no_more_and_loses_no_digits_at_1000_by_100():
    rng = np.random.default_rng(2)
    c, d = 1000, 100
    y, W, x, b = np.eye(c)[7], 0.1 * rng.normal(size=(c, d)), rng.normal(size=d), rng.normal(size=c)
    for _ in range(3):
        v = random_direction((c, d), rng)
        estimate = directional_difference(lambda W: reference.linear_cross_entropy(y, W, x, b), W, v)
        true = np.sum(reference.linear_cross_entropy_gradient_W(y, W, x, b) * v)
        assert abs(estimate.value - true) <= estimate.error < 1e-10 * abs(true)
        assert estimate.evaluations <= 21


def test_a_directional_difference_scales_with_its_direction():
    x, v = np.array([1.0, 2.0]), np.array([1.0, -3.0])
    small = directional_difference(lambda x: np.sum(np.exp(x)), x, 1e-6 * v)
    large = directional_difference(lambda x: np.sum(np.exp(x)), x, v)
    assert small.value == pytest.approx(1e-6 * large.value, rel=1e-11)


@pytest.mark.parametrize("shape", [(), (1,), (5,), (1, 4), (6, 3), (2, 3, 4)])
def test_random_directions_have_rank_one_and_no_small_entries(shape):
    direction = random_direction(shape, np.random.default_rng(3))
    assert direction.shape == shape
    assert np.abs(direction).min() >= 0.5 ** len(shape)
    assert np.abs(direction).max() <= 1.5 ** len(shape)
    if len(shape) == 2:
        assert np.linalg.matrix_rank(direction) == 1
    again = random_direction(shape, np.random.default_rng(3))
    np.testing.assert_array_equal(direction, again)


def test_the_complex_step_is_exact_to_the_last_digits():
    x = np.array([0.3, 1.7, 1e-3])
    jacobian = complex_step(lambda x: np.exp(x) * np.sin(x[0]), x)
    expected = np.diag(np.exp(x) * np.sin(x[0]))
    expected[:, 0] += np.exp(x) * np.cos(x[0])
    np.testing.assert_allclose(jacobian, expected, rtol=1e-15)


def test_the_complex_step_and_differences_agree():
    x = np.random.default_rng(4).normal(size=(2, 3))
    function = lambda X: np.sum(np.tanh(X) @ np.ones(3) ** 2)  # noqa: E731
    estimate = central_difference(function, x)
    assert (np.abs(complex_step(function, x) - estimate.value) <= estimate.error).all()


def test_the_complex_step_refuses_a_function_that_drops_the_imaginary_part():
    with pytest.raises(TypeError, match="drops the imaginary part"):
        complex_step(np.abs, 1.0)


def test_taylor_remainders_fall_with_h_squared_where_the_slope_is_right_and_with_h_where_not():
    x, v = np.array([0.4, -1.0]), np.array([1.0, 2.0])
    slope = float(np.sum(np.exp(x) * v))
    orders = [taylor_slope(lambda x: np.exp(x).sum(), x, v, slope * k).order for k in (1, 1.0005, 2, -1)]
    assert orders[0] == pytest.approx(2, abs=0.05)
    assert orders[1:] == pytest.approx([1, 1, 1], abs=0.05)


def test_a_taylor_test_has_an_order_where_there_is_nothing_to_measure():
    x = np.array([1.0, 2.0])
    assert taylor_slope(np.sum, x, x, 3.0).order == math.inf
    assert math.isnan(taylor_slope(lambda x: np.log(-x[0]), x, x, 1.0).order)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: central_difference(np.sum, ["a"]), TypeError, "real numbers, got <U1"),
        (lambda: central_difference(np.sum, 1j), TypeError, "real numbers, got complex128"),
        (lambda: central_difference(np.sum, []), ValueError, r"shape \(0,\)"),
        (lambda: central_difference(lambda x: x * 1j, 1.0), TypeError, "must return real numbers"),
        (lambda: central_difference(lambda x: "no", 1.0), TypeError, "must return real numbers"),
        (lambda: central_difference(lambda x: x[x > 0], np.zeros(2)), ValueError, "changes shape"),
        (lambda: directional_difference(np.sum, np.ones(2), np.ones(3)), ValueError, r"\(3,\).*\(2,\)"),
        (lambda: directional_difference(np.sum, np.ones(2), np.zeros(2)), ValueError, "zero"),
        (lambda: taylor_slope(np.sum, np.ones(2), np.ones(3), 1.0), ValueError, r"\(3,\).*\(2,\)"),
    ],
)
def test_bad_arguments_are_refused_with_what_was_seen(call, error, message):
    with pytest.raises(error, match=message):
        call()
