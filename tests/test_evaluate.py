"""numeric.evaluate: terms to numbers in floats, exactly and in balls; derivatives by nested dual numbers."""

import math
from fractions import Fraction

import flint
import numpy as np
import pytest
from flint import arb, fmpq

from derive.functions import FUNCTIONS
from derive.terms import (
    Abstraction,
    Apply,
    Component,
    Context,
    Delta,
    Determinant,
    Dimension,
    Entry,
    Index,
    Inverse,
    Number,
    Partial,
    Plus,
    Power,
    Product,
    Size,
    Sum,
)
from numeric import reference
from numeric.evaluate import (
    BALLS,
    FLOATS,
    RATIONALS,
    Circuit,
    Evaluation,
    Inexpressible,
    OutsideDomain,
    Scope,
    Unevaluable,
)

C, N = Dimension.of("c"), Dimension.of("n")
i, j, k = (Index(name, C) for name in "ijk")
r, s, t, u = (Index(name, N) for name in "rstu")
x, y = Entry("x"), Entry("y")
TWO, HALF = Number(2), Number(Fraction(1, 2))
SOFTMAX = {
    "ŷ": Abstraction((i,), Apply("exp", Entry("z", (i,))) / Sum(k, Apply("exp", Entry("z", (k,))))),
    "CE": Abstraction((), -Sum(i, Entry("y", (i,)) * Apply("log", Entry("ŷ", (i,))))),
}


def evaluate(term, values=None, numbers=RATIONALS, where=None, sizes=None, definitions=None):
    """The value of a term; `values` gives the entries of tensors by name and position."""
    circuit = Circuit(Scope(Context(definitions or {})), sizes or {})
    node = circuit.write(term, where or {})
    given = {
        circuit.node("leaf", name, position): value for (name, position), value in (values or {}).items()
    }
    return Evaluation(circuit, numbers, given).value(node)


def scalars(**values):
    return {(name, ()): value for name, value in values.items()}


def entries(name, array):
    return {(name, position): array[position] for position in np.ndindex(np.shape(array))}


def exactly(array):
    """An integer array with fmpq entries."""
    return np.array([fmpq(int(v)) for v in np.ravel(array)], dtype=object).reshape(np.shape(array))


AT_2_3 = scalars(x=fmpq(2), y=fmpq(3), absent=fmpq(1))


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (Plus(()), 0),
        (Product(()), 1),
        (x + y, 5),
        (x - y, -1),
        (x / y, fmpq(2, 3)),
        (Power(x, Number(-2)), fmpq(1, 4)),
        (Power(x - x, Number(0)), 1),
        (Power(Number(Fraction(9, 4)), HALF), fmpq(3, 2)),
        (Power(x, Number(1) / TWO * TWO), 2),
        (Apply("exp", x - x), 1),
        (Apply("log", x - Number(1)), 0),
        (Partial(x * x * y, x), 12),
        (Partial(Partial(x * x * y, x), y), 4),
        (Partial(x / y, y), fmpq(-2, 9)),
        (Partial(Power(x, Number(0)), x), 0),
        (Partial(Number(7), x), 0),
        (Partial(y, Entry("absent")), 0),
        # d/dx (x d/dy (x + y)) = 1: the two perturbations must not meet
        (Partial(x * Partial(x + y, y), x), 1),
        # d/dx (x d/dx x²) = 4x, the inner variable being the outer one
        (Partial(x * Partial(x * x, x), x), 8),
        (Partial(Partial(Partial(Power(x, Number(3)), x), x), x), 6),
    ],
)
def test_exact_values(term, expected):
    assert evaluate(term, AT_2_3) == expected


@pytest.mark.parametrize(
    ("term", "trouble"),
    [
        (Number(1) / (x - TWO), OutsideDomain),
        (Power(Number(0), Number(-1)), OutsideDomain),
        (Apply("log", x - TWO), OutsideDomain),
        (Apply("log", x - TWO) * Number(0), OutsideDomain),
        (Power(x - TWO, HALF), OutsideDomain),
        (Partial(Apply("abs", x - TWO), x), OutsideDomain),
        (Partial(Apply("log", x - y), y) * Number(0), OutsideDomain),
        (Power(-x, y), OutsideDomain),
        (Apply("exp", x), Inexpressible),
        (Power(x, HALF), Inexpressible),
        (Power(x, Number(10**6)), Unevaluable),
        (Sum(Index("i", Dimension.of(10**9)), x), Unevaluable),
        (Entry("v", (i,)), Unevaluable),
        (Apply("σ", x, 99), Unevaluable),
        (Apply("f", x) + Component("f", (), (Abstraction((), x),)), Unevaluable),
        (Entry("x", (Index(0, Dimension.of(2)),)) + x, Unevaluable),
    ],
)
def test_what_has_no_value_says_so(term, trouble):
    with pytest.raises(trouble):
        evaluate(term, AT_2_3)


def test_floats_give_nan_where_there_is_no_value():
    samples = np.array([-1.0, 0.0, 1.0, 4.0])
    with np.errstate(all="ignore"):
        for term in (Apply("log", x), Power(x, HALF), Partial(Apply("log", x), x), Power(x, y)):
            values = evaluate(term, scalars(x=samples, y=samples), FLOATS)
            assert list(np.isnan(values)) == [True, True, False, False]
        assert list(np.isnan(evaluate(Number(1) / x, scalars(x=samples), FLOATS))) == [
            False,
            True,
            False,
            False,
        ]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_known_function_and_its_derivatives(name):
    """Against NumPy's own where there is one, and each derivative against differences of the one below."""
    plain = {
        "sigmoid": reference.sigmoid,
        "softplus": reference.softplus,
        "relu": lambda v: np.maximum(v, 0),
    }
    function = plain.get(name) or getattr(np, name)
    samples = np.array([0.25, 0.5, 1.5, 3.0])
    value = evaluate(Apply(name, x), scalars(x=samples), FLOATS)
    np.testing.assert_allclose(value, function(samples), rtol=1e-14)
    for order in (1, 2, 3):
        h = 1e-6
        right = evaluate(Apply(name, x, order - 1), scalars(x=samples + h), FLOATS)
        left = evaluate(Apply(name, x, order - 1), scalars(x=samples - h), FLOATS)
        slope = evaluate(Apply(name, x, order), scalars(x=samples), FLOATS)
        np.testing.assert_allclose(slope, (right - left) / (2 * h), rtol=1e-7, atol=1e-8)


def test_arbitrary_functions_have_the_derivatives_of_their_polynomials():
    circuit = Circuit(Scope(Context()), {})
    node = circuit.write(Apply("σ", x, 2), {})
    values = {circuit.node("coefficient", "σ", (power,)): fmpq(power + 1) for power in range(5)}
    values[circuit.node("leaf", "x", ())] = fmpq(2)
    # (1 + 2t + 3t² + 4t³ + 5t⁴)'' = 6 + 24t + 60t²
    assert Evaluation(circuit, RATIONALS, values).value(node) == 6 + 24 * 2 + 60 * 4


def test_derivatives_of_arbitrary_functions_of_tensors_obey_the_chain_rule():
    rng = np.random.default_rng(0)
    inner = Abstraction((r,), Sum(s, Entry("A", (r, s)) * Entry("v", (s,))))
    whole = Partial(Component("f", (), (inner,)), Entry("v", (t,)))
    parts = Sum(u, Component("f", (), (inner,), ((0, (u,)),)) * Entry("A", (u, t)))
    twice = Partial(Partial(Component("f", (), (inner,)), Entry("v", (t,))), Entry("v", (s,)))
    circuit = Circuit(Scope(Context()), {"n": 3})
    nodes = [circuit.write(term, {t: 1, s: 2}) for term in (whole, parts, twice)]
    swapped = circuit.write(twice, {t: 2, s: 1})
    values = {leaf: fmpq(int(rng.integers(-3, 4))) for leaf in circuit.complete()}
    evaluation = Evaluation(circuit, RATIONALS, values)
    first, second, third = (evaluation.value(node) for node in nodes)
    assert first == second
    assert third == evaluation.value(swapped) != 0


def test_softmax_and_its_derivatives_against_formulas_written_by_hand():
    z = np.array([0.5, -1.0, 2.0])
    labels = np.array([0.2, 0.3, 0.6])
    values = {key: np.array([v]) for key, v in {**entries("z", z), **entries("y", labels)}.items()}

    def value(term, where):
        return evaluate(term, values, FLOATS, where, {"c": 3}, SOFTMAX)[0]

    by_z = Partial(Entry("CE"), Entry("z", (i,)))
    for a in range(3):
        np.testing.assert_allclose(value(Entry("ŷ", (i,)), {i: a}), reference.softmax(z)[a])
        np.testing.assert_allclose(value(by_z, {i: a}), reference.cross_entropy_gradient(labels, z)[a])
        for b in range(3):
            slope = value(Partial(Entry("ŷ", (i,)), Entry("z", (j,))), {i: a, j: b})
            np.testing.assert_allclose(slope, reference.softmax_jacobian(z)[a, b])
            twice = value(Partial(by_z, Entry("z", (j,))), {i: a, j: b})
            np.testing.assert_allclose(twice, reference.cross_entropy_hessian(labels, z)[a, b])


def test_a_defined_quantity_is_varied_as_if_it_were_independent():
    """With u = x², f = u³ + x: ∂f/∂u = 3u² and ∂f/∂x = 6x⁵ + 1; but 3u² by x follows u again."""
    definitions = {
        "u": Abstraction((), x * x),
        "f": Abstraction((), Power(Entry("u"), Number(3)) + x),
    }
    at_2 = scalars(x=fmpq(2))
    by_u = Partial(Entry("f"), Entry("u"))
    assert evaluate(by_u, at_2, definitions=definitions) == 3 * 4**2
    assert evaluate(Partial(Entry("f"), x), at_2, definitions=definitions) == 6 * 2**5 + 1
    assert evaluate(Partial(by_u, x), at_2, definitions=definitions) == 12 * 2**3
    assert evaluate(Partial(by_u, Entry("u")), at_2, definitions=definitions) == 6 * 4


@pytest.mark.parametrize(
    "term",
    [
        Partial(x, Entry("u")),  # x is what u is made of, and does not contain u
        Partial(Partial(Entry("f"), x), Entry("u")),  # u varies x, or x varies u?
        Entry("loop"),
    ],
)
def test_ambiguous_derivatives_are_declined(term):
    definitions = {
        "u": Abstraction((), x * x),
        "f": Abstraction((), Entry("u") * x),
        "loop": Abstraction((), Entry("loop") + x),
    }
    with pytest.raises(Unevaluable):
        evaluate(term, scalars(x=fmpq(2)), definitions=definitions)


def test_bound_indices_hide_free_ones():
    """Σ_i v_i · v_i of the outer i, and a definition that speaks of the claim's own k."""
    v = exactly([2, 3, 5])
    at = {**entries("v", v)}
    shadowed = Entry("v", (i,)) * Sum(i, Entry("v", (i,)))
    assert evaluate(shadowed, at, where={i: 1}, sizes={"c": 3}) == 30
    definitions = {"w": Abstraction((i,), Entry("v", (i,)) + Entry("v", (k,)))}
    total = Sum(k, Entry("w", (k,)))
    assert evaluate(total, at, where={k: 2}, sizes={"c": 3}, definitions=definitions) == 10 + 3 * 5


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_determinants_and_inverses(size):
    rng = np.random.default_rng(size)
    matrix = rng.integers(-4, 5, (size, size))
    while round(np.linalg.det(matrix)) == 0:
        matrix = rng.integers(-4, 5, (size, size))
    whole = Abstraction((r, s), Entry("X", (r, s)))
    at, sizes = entries("X", exactly(matrix)), {"n": size}
    expected = flint.fmpq_mat(size, size, [int(v) for v in matrix.ravel()])
    assert evaluate(Determinant(whole), at, sizes=sizes) == expected.det()
    for row, column in np.ndindex(matrix.shape):
        where = {r: row, s: column}
        entry = Inverse(whole, r, s)
        assert evaluate(entry, at, where=where, sizes=sizes) == expected.inv()[row, column]
        slope = Partial(Determinant(whole), Entry("X", (r, s)))
        assert evaluate(slope, at, where=where, sizes=sizes) == expected.det() * expected.inv()[column, row]


def test_the_determinant_of_a_singular_matrix_has_a_derivative_and_no_inverse():
    whole = Abstraction((r, s), Entry("X", (r, s)))
    at = entries("X", exactly([[1, 2], [2, 4]]))
    assert evaluate(Determinant(whole), at, sizes={"n": 2}) == 0
    slope = Partial(Determinant(whole), Entry("X", (r, s)))
    assert evaluate(slope, at, where={r: 0, s: 0}, sizes={"n": 2}) == 4
    with pytest.raises(OutsideDomain):
        evaluate(Inverse(whole, r, s), at, where={r: 0, s: 0}, sizes={"n": 2})


def test_sizes_are_numbers_and_ranges():
    assert evaluate(Sum(Index("g", N * N + 1), Size(N)), sizes={"n": 3}) == 30
    assert evaluate(Sum(r, Sum(s, Delta(r, s))), sizes={"n": 3}) == 3
    with pytest.raises(OutsideDomain):
        evaluate(Sum(Index("g", N + -1), Number(1)), sizes={"n": 1})


def test_balls_enclose_and_never_guess():
    third = scalars(x=arb(fmpq(1, 3)), y=arb(2))
    with flint.ctx.workprec(128):
        value = evaluate(Apply("exp", x), third, BALLS)
        assert value.contains(arb(fmpq(1, 3)).exp())
        assert abs(float(value) - math.exp(1 / 3)) < 1e-15
        around_0 = {**third, ("x", ()): arb(0, 0.5)}
        assert evaluate(Power(x, TWO), around_0, BALLS).contains(0.25)
        for term in (Number(1) / x, Apply("log", x), Power(x, HALF), Partial(Apply("abs", x), x)):
            with pytest.raises(OutsideDomain):
                evaluate(term, around_0, BALLS)
