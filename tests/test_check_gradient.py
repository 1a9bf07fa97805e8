"""check_gradient: right gradients agree, wrong ones are caught, named and placed, and doubt is owned."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numeric import GradientCheck, check_gradient, derivative_check, reference

SIZES = [(1, 1), (1, 4), (3, 1), (3, 2), (2, 5), (4, 4), (20, 20), (40, 25)]


def classifier(c, d, seed=0):
    """Loss in W, its gradient at W, and W, for one sample of a linear softmax classifier."""
    rng = np.random.default_rng(seed)
    y, W, x, b = np.eye(c)[c // 2], 0.3 * rng.normal(size=(c, d)), rng.normal(size=d), rng.normal(size=c)

    def loss(W):
        return reference.linear_cross_entropy(y, W, x, b)

    return loss, reference.linear_cross_entropy_gradient_W(y, W, x, b), W


def spread(c, d, seed=0):
    """Another scalar function of a matrix, none of whose gradient's entries are small or equal."""
    rng = np.random.default_rng(seed)
    A, W = rng.uniform(1, 2, size=(c, d)), rng.uniform(1, 2, size=(c, d))
    return lambda W: np.sum(A * W**3), 3 * A * W**2, W


# ── right ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("problem", [classifier, spread])
@pytest.mark.parametrize(("c", "d"), SIZES)
def test_a_right_gradient_agrees(problem, c, d):
    function, gradient, W = problem(c, d)
    check = check_gradient(function, gradient, W, seed=1)
    assert check.verdict == "agree"
    assert check
    assert check.looks_like is None
    assert abs(check.expected - check.actual) <= check.tolerance


@pytest.mark.parametrize("scale", [1e-3, 1e-1, 1.0, 10.0, 1e3])
def test_right_gradients_agree_at_every_scale_of_the_point(scale):
    x = scale * np.array([1.0, -0.7, 0.4])
    assert check_gradient(lambda x: np.sum(x**3), lambda x: 3 * x**2, x)
    assert check_gradient(lambda x: np.sum(np.sin(x)), np.cos, x)
    assert check_gradient(lambda x: np.sum(1 / x), lambda x: -1 / x**2, x)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 6), st.floats(1e-3, 3), st.integers(0, 2**32 - 1))
def test_cross_entropy_agrees_in_z_at_random_points(c, scale, seed):
    rng = np.random.default_rng(seed)
    z, y = scale * rng.normal(size=c), rng.dirichlet(np.ones(c))
    check = check_gradient(lambda z: reference.cross_entropy(y, z), lambda z: reference.softmax(z) - y, z)
    assert check, check


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_a_changed_entry_never_agrees(c, d, seed):
    function, gradient, W = spread(c, d, seed)
    index = np.unravel_index(seed % gradient.size, gradient.shape)
    gradient[index] *= 1.001
    check = check_gradient(function, gradient, W)
    assert check.verdict == "disagree"
    assert check.index == index


def test_a_gradient_that_vanishes_agrees_where_it_does():
    A = np.random.default_rng(0).normal(size=(9, 4))
    b = A @ np.ones(4)
    squares, gradient = (lambda x: np.sum((A @ x - b) ** 2)), (lambda x: 2 * A.T @ (A @ x - b))
    assert check_gradient(squares, gradient, np.ones(4))
    assert check_gradient(lambda x: 5.0, np.zeros(3), np.ones(3))
    assert check_gradient(lambda x: 5.0, np.ones(3), np.ones(3)).verdict == "disagree"


def test_one_by_one_arrays_and_python_numbers_are_scalars():
    assert check_gradient(lambda x: x.T @ x, lambda x: 2 * x, np.ones((3, 1)))
    assert check_gradient(lambda x: float(x) ** 2, 3.0, 1.5)
    assert check_gradient(lambda x: x[0] * x[1], [2, 1], [1, 2])


def test_the_gradient_may_be_in_single_precision():
    x = np.random.default_rng(1).normal(size=5)
    assert check_gradient(lambda x: np.sum(x**2), (2 * x).astype(np.float32), x)


# ── wrong, and what it is instead ───────────────────────────────────────────────────────────────────────────

MUTANTS = {
    "the opposite sign": lambda G: -G,
    "2 times the expected gradient": lambda G: 2 * G,
    "1/2 times the expected gradient": lambda G: G / 2,
    "-1/32 times the expected gradient": lambda G: -G / 32,
    "1/1797 times the expected gradient": lambda G: G / 1797,
    "4/3 times the expected gradient": lambda G: G * 4 / 3,
    "1.0005 times the expected gradient": lambda G: G * 1.0005,
    "the expected gradient + 0.5 in every entry": lambda G: G + 0.5,
    "the expected gradient − 0.001 in every entry": lambda G: G - 0.001,
    "one wrong entry": lambda G: G * np.where(np.arange(G.size).reshape(G.shape) == G.size - 2, 1.01, 1),
    "None": lambda G: G + 0.01 * np.random.default_rng(9).normal(size=G.shape),
}


@pytest.mark.parametrize(("c", "d"), [(3, 2), (20, 20), (40, 25)])
@pytest.mark.parametrize("mistake", MUTANTS)
def test_a_wrong_gradient_is_caught_and_named(mistake, c, d):
    function, gradient, W = spread(c, d)
    check = check_gradient(function, MUTANTS[mistake](gradient), W, seed=2)
    assert check.verdict == "disagree"
    assert not check
    assert str(check.looks_like) == mistake
    assert check.expected == pytest.approx(gradient[check.index], abs=2 * check.error)
    assert check.actual == MUTANTS[mistake](gradient)[check.index]


@pytest.mark.parametrize("n", [2, 4, 20])
def test_a_square_transposed_gradient_is_named(n):
    function, gradient, W = classifier(n, n)
    check = check_gradient(function, gradient.T, W, seed=3)
    assert (check.verdict, check.looks_like) == ("disagree", "transposed")


@pytest.mark.parametrize(("c", "d"), [(3, 2), (40, 25)])
def test_a_transposed_gradient_has_the_wrong_shape_and_is_named(c, d):
    function, gradient, W = classifier(c, d)
    check = check_gradient(function, gradient.T, W)
    assert (check.verdict, check.looks_like) == ("disagree", "transposed")
    assert f"({d}, {c}), not ({c}, {d})" in check.reason


@pytest.mark.parametrize("wrong", [lambda G: G[:, 0], lambda G: G[None], lambda G: 2 * G.T, lambda G: 0.0])
def test_a_gradient_of_another_shape_disagrees(wrong):
    function, gradient, W = classifier(3, 2)
    check = check_gradient(function, wrong(gradient), W)
    assert (check.verdict, check.looks_like) == ("disagree", "wrong shape")


def test_swapped_axes_are_named():
    x = np.random.default_rng(5).uniform(1, 2, size=(3, 3, 3))
    w = np.random.default_rng(6).uniform(1, 2, size=(3, 3, 3))
    check = check_gradient(lambda x: np.sum(w * x**2), (2 * w * x).transpose(2, 0, 1), x)
    assert (check.verdict, check.looks_like) == ("disagree", "axes swapped: its transpose(1, 2, 0) agrees")


def test_a_wrong_number_is_named_only_where_it_is_simple():
    assert check_gradient(lambda x: x**2, 12.0, 3.0).looks_like == "2 times the expected gradient"
    assert check_gradient(lambda x: x**2, 6.5432, 3.0).looks_like is None


def test_a_nan_in_the_gradient_disagrees_where_the_function_is_finite():
    check = check_gradient(np.sum, np.array([1.0, np.nan]), np.ones(2))
    assert (check.verdict, check.index) == ("disagree", (1,))


# ── large ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def large():
    return classifier(1000, 100)


def test_a_large_gradient_is_checked_in_a_dozen_evaluations_to_ten_digits(large):
    function, gradient, W = large
    calls = []
    check = check_gradient(lambda W: calls.append(1) or function(W), gradient, W, seed=4)
    assert check
    assert (check.samples, check.seed, check.index) == (1, 4, None)
    assert check.evaluations == len(calls) <= 20
    assert check.error <= 1e-10 * abs(check.expected)


@pytest.mark.parametrize("mistake", [m for m in MUTANTS if m not in ("one wrong entry", "None")])
def test_a_large_wrong_gradient_is_caught_and_named(mistake, large):
    function, gradient, W = large
    check = check_gradient(function, MUTANTS[mistake](gradient), W, seed=5)
    assert (check.verdict, check.looks_like) == ("disagree", mistake)


@pytest.mark.parametrize("seed", range(3))
def test_one_wrong_entry_of_a_hundred_thousand_is_found_in_a_few_hundred_evaluations(large, seed):
    function, gradient, W = large
    wrong = gradient.copy()
    index = (137 * seed + 11, 19 * seed + 3)
    wrong[index] += 1e-6
    check = check_gradient(function, wrong, W, seed=seed)
    assert (check.verdict, check.looks_like, check.index) == ("disagree", "one wrong entry", index)
    assert check.evaluations < 400


@pytest.mark.parametrize("seed", range(20))
def test_one_percent_of_one_entry_of_400_is_found(seed):
    function, gradient, W = classifier(20, 20, seed)
    index = (seed, (7 * seed) % 20)
    gradient[index] *= 1.01
    check = check_gradient(function, gradient, W, seed=seed)
    assert (check.verdict, check.looks_like, check.index) == ("disagree", "one wrong entry", index)


def test_two_errors_that_cancel_in_their_sum_are_caught():
    function, gradient, W = spread(20, 20)
    gradient[3, 4] += 1e-3
    gradient[4, 3] -= 1e-3
    check = check_gradient(function, gradient, W, seed=6)
    assert check.verdict == "disagree"
    assert check.index in {(3, 4), (4, 3)}


def test_the_seed_repeats_the_check_and_is_drawn_where_none_is_given(large):
    function, gradient, W = large
    drawn = check_gradient(function, gradient, W)
    assert check_gradient(function, gradient, W, seed=drawn.seed) == drawn
    assert f"seed={drawn.seed}" in str(drawn)
    assert check_gradient(np.sum, np.ones(2), np.ones(2)).seed is None


def test_directions_may_be_asked_for():
    function, gradient, W = classifier(3, 2)
    check = check_gradient(function, gradient, W, directions=4, seed=7)
    assert check
    assert check.samples == 4
    assert check_gradient(function, 2 * gradient, W, directions=1, seed=7).looks_like.startswith("2 times")


# ── inconclusive ────────────────────────────────────────────────────────────────────────────────────────────


def naive_loss(z):
    return -np.log(np.exp(z) / np.exp(z).sum())[0]


@pytest.mark.parametrize("gradient", [[0.0, 0.0], [1.0, -1.0], [np.nan, np.nan]])
def test_a_naive_softmax_that_overflows_is_inconclusive(gradient):
    check = check_gradient(naive_loss, gradient, np.array([1000.0, 0.0]))
    assert check.verdict == "inconclusive"
    assert "not finite" in check.reason


def test_a_stable_softmax_does_not_mind():
    z = np.array([1000.0, 999.0])
    assert check_gradient(lambda z: reference.cross_entropy([0, 1], z), reference.softmax(z) - [0, 1], z)


def test_a_function_that_is_finite_at_the_point_alone_is_inconclusive():
    check = check_gradient(lambda x: 0.0 if x == 1 else np.nan, 1.0, 1.0)
    assert check.verdict == "inconclusive"
    assert "around" in check.reason


@pytest.mark.parametrize("gradient", [-1.0, 0.0, 0.3, 1.0, 5.0])
def test_nothing_agrees_at_a_kink(gradient):
    check = check_gradient(np.abs, gradient, 0.0)
    assert check.verdict != "agree"
    if abs(gradient) <= 1:
        assert check.verdict == "inconclusive"
        assert "kink" in check.reason


def test_a_kink_under_one_of_many_entries_is_inconclusive():
    x = np.random.default_rng(8).uniform(1, 2, size=300)
    x[77] = 0
    check = check_gradient(lambda x: np.sum(np.abs(x)), np.sign(x), x, seed=8)
    assert check.verdict == "inconclusive"


def test_a_kink_nearby_spoils_nothing():
    rng = np.random.default_rng(9)
    X, v, W = rng.normal(size=(20, 30)), rng.normal(size=40), rng.normal(size=(40, 30))

    def relu_sum(W):
        return np.sum(np.maximum(X @ W.T, 0) @ v)

    check = check_gradient(relu_sum, lambda W: ((X @ W.T > 0) * v).T @ X, W, seed=9)
    assert check
    assert check_gradient(relu_sum, np.outer(v, X.sum(axis=0)), W, seed=9).verdict == "disagree"


def test_a_noisy_function_is_inconclusive():
    rng = np.random.default_rng(10)
    check = check_gradient(lambda x: x @ x + 1e-3 * rng.normal(), lambda x: 2 * x, np.ones(3))
    assert check.verdict == "inconclusive"


def test_a_gradient_below_the_round_off_of_its_parts_is_inconclusive():
    z = np.array([40.0, 0.0, 0.0])
    for wrong in (1, 2):
        gradient = wrong * reference.cross_entropy_gradient([1, 0, 0], z)
        for loss in (
            lambda z: reference.cross_entropy([1, 0, 0], z),
            lambda z: reference.log_sum_exp(z) - z[0],
        ):
            assert check_gradient(loss, gradient, z).verdict == "inconclusive"


@pytest.mark.parametrize("size", [3.0, 10.0, 20.0])
def test_a_saturated_softmax_still_agrees(size):
    z = np.array([size, 0.0, -size])
    assert check_gradient(
        lambda z: reference.cross_entropy([1, 0, 0], z), lambda z: reference.softmax(z) - [1, 0, 0], z
    )


# ── names and layouts ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def layer():
    rng = np.random.default_rng(11)
    y, x = np.eye(3)[1], rng.normal(size=2)
    at = {"W": rng.normal(size=(3, 2)), "b": rng.normal(size=3)}

    def loss(W, b):
        return reference.linear_cross_entropy(y, W, x, b)

    def gradient(W, b):
        return {
            "W": reference.linear_cross_entropy_gradient_W(y, W, x, b),
            "b": reference.linear_cross_entropy_gradient_b(y, W, x, b),
        }

    return loss, gradient, at


def test_named_arguments_are_all_checked(layer):
    loss, gradient, at = layer
    check = check_gradient(loss, gradient, at)
    assert check
    assert {name: part.verdict for name, part in check.parts.items()} == {"W": "agree", "b": "agree"}
    assert check.evaluations == sum(part.evaluations for part in check.parts.values())


def test_the_wrong_one_of_several_arguments_is_named(layer):
    loss, gradient, at = layer
    mixed = {"W": lambda W, b: gradient(W, b)["W"], "b": -gradient(**at)["b"]}
    check = check_gradient(loss, mixed, at)
    assert (check.verdict, check.argument, check.looks_like) == ("disagree", "b", "the opposite sign")
    assert check.parts["W"].verdict == "agree"


def test_arguments_whose_gradient_is_left_out_are_not_checked(layer):
    loss, gradient, at = layer
    assert set(check_gradient(loss, {"b": gradient(**at)["b"]}, at).parts) == {"b"}


@pytest.mark.parametrize(("c", "d"), [(3, 2), (4, 4), (20, 15)])
def test_numerator_layout_wants_the_transpose(c, d):
    function, gradient, W = classifier(c, d)
    assert check_gradient(function, gradient.T, W, layout="numerator", seed=12)
    check = check_gradient(function, gradient, W, layout="numerator", seed=12)
    assert (check.verdict, check.looks_like) == ("disagree", "transposed")


def test_numerator_layout_wants_a_row_for_a_vector():
    x = np.array([1.0, 2.0])
    assert check_gradient(lambda x: x @ x, 2 * x[None, :], x, layout="numerator")
    assert check_gradient(lambda x: x @ x, 2 * x, x, layout="numerator")
    assert check_gradient(lambda x: x @ x, 2 * x[:, None], x, layout="numerator").looks_like == "wrong shape"
    assert check_gradient(lambda x: x @ x, 2 * x[None, :], x).looks_like == "wrong shape"


# ── arrays by arrays ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 3), (3, 2), (2, 4)])
def test_a_right_jacobian_agrees_and_a_transposed_one_does_not(m, n):
    A = np.random.default_rng(13).uniform(1, 2, size=(m, n))
    x = np.linspace(0.1, 1, n)

    def jacobian(x):
        return (1 - np.tanh(A @ x) ** 2)[:, None] * A

    assert derivative_check(lambda x: np.tanh(A @ x), jacobian, x)
    if (m, n) != (1, 1):
        assert derivative_check(lambda x: np.tanh(A @ x), jacobian(x).T, x).looks_like == "transposed"
        assert derivative_check(lambda x: np.tanh(A @ x), 2 * jacobian(x).T, x).looks_like == "wrong shape"


def test_the_softmax_jacobian_agrees_and_its_diagonal_alone_does_not():
    z = np.array([0.3, -1.0, 2.0])
    assert derivative_check(reference.softmax, reference.softmax_jacobian, z)
    diagonal = derivative_check(reference.softmax, lambda z: np.diag(reference.softmax(z)), z)
    assert diagonal.verdict == "disagree"
    assert diagonal.expected == pytest.approx(reference.softmax_jacobian(z)[diagonal.index], abs=1e-10)


def test_a_derivative_of_a_vector_by_a_matrix_has_the_output_first():
    X = np.random.default_rng(14).normal(size=(2, 3))
    v = np.array([1.0, 2.0, 4.0])
    right = np.einsum("ik,j->ikj", np.eye(2), v)
    assert derivative_check(lambda X: X @ v, right, X)
    assert derivative_check(lambda X: X @ v, np.moveaxis(right, 0, -1), X).looks_like == "transposed"


def test_derivatives_that_are_not_finite_are_reported():
    assert derivative_check(np.log, np.ones((1, 1)), [-1.0]).verdict == "inconclusive"
    check = derivative_check(np.exp, [[np.inf]], [0.0])
    assert (check.verdict, check.index) == ("disagree", (0, 0))


# ── words ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_summary_says_what_was_found():
    check = check_gradient(lambda x: np.sum(x**2), lambda x: 4 * x, np.array([1.0, 3.0]))
    text = str(check)
    assert text.splitlines()[0] == "gradient, shape (2,): disagree"
    assert re.search(r"looks like +2 times the expected gradient", text)
    assert re.search(r"worst +entry \(1,\)", text)
    assert re.search(r"expected \(finite differences\) +6 ± \d", text)
    assert re.search(r"actual \(given\) +12\n", text)
    assert re.search(r"every entry by central differences: 2, in \d+ function calls", text)


def test_the_summary_names_arguments_and_reasons(layer):
    loss, gradient, at = layer
    assert "\n  W: agree\n  b: agree" in str(check_gradient(loss, gradient, at))
    text = str(check_gradient(np.sum, np.ones(3), np.ones((3, 2))))
    assert "wrong shape" in text
    assert "the gradient has shape (3,), not (3, 2)" in text
    assert "expected" not in text


def test_a_check_is_plain_data():
    check = check_gradient(np.sum, np.ones(2), np.ones(2))
    assert isinstance(check, GradientCheck)
    assert check == check_gradient(np.sum, np.ones(2), np.ones(2))


def failing(x):
    raise KeyError("lost")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: check_gradient(np.exp, np.ones(3), np.ones(3)), ValueError, r"scalar, got shape \(3,\)"),
        (
            lambda: check_gradient(failing, np.ones(3), np.ones(3)),
            ValueError,
            r"function raised KeyError.*\(3,\)",
        ),
        (
            lambda: check_gradient(np.sum, failing, np.ones(3)),
            ValueError,
            r"gradient raised KeyError.*\(3,\)",
        ),
        (lambda: check_gradient(lambda: 1, np.ones(3), np.ones(3)), TypeError, "function raised TypeError"),
        (
            lambda: check_gradient(np.sum, lambda x: None, np.ones(3)),
            TypeError,
            "gradient must be real numbers",
        ),
        (lambda: check_gradient(np.sum, 1j * np.ones(3), np.ones(3)), TypeError, "complex128"),
        (
            lambda: check_gradient(lambda x: x[0] * 1j, np.ones(3), np.ones(3)),
            TypeError,
            "value must be real",
        ),
        (lambda: check_gradient(lambda x: None, np.ones(3), np.ones(3)), TypeError, "value must be real"),
        (lambda: check_gradient(np.sum, np.ones(3), ["a", "b", "c"]), TypeError, "the point must be real"),
        (lambda: check_gradient(np.sum, np.ones(0), np.ones(0)), ValueError, r"\(0,\), is empty"),
        (lambda: check_gradient(np.sum, np.ones(2), [1.0, np.nan]), ValueError, "not finite"),
        (lambda: check_gradient(np.sum, 1.0, 1.0, directions=0), ValueError, "at least 1"),
        (lambda: check_gradient(np.sum, 1.0, 1.0, layout="row"), ValueError, "'row'"),
        (lambda: check_gradient(np.sum, np.ones(2), {"x": np.ones(2)}), TypeError, "mapping from names"),
        (lambda: check_gradient(np.sum, {"z": 1.0}, {"x": 1.0}), ValueError, "names z; the point has x"),
        (lambda: check_gradient(np.sum, {}, {"x": 1.0}), ValueError, "names nothing"),
        (lambda: derivative_check(failing, np.ones(3), np.ones(3)), ValueError, "function raised KeyError"),
    ],
)
def test_bad_arguments_are_refused_with_what_was_seen(call, error, message):
    with pytest.raises(error, match=message):
        call()
