"""Derivatives: every step proved, every result run as code beside derivatives of hand-written functions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from derive.calculus.gradient import Unanswerable, derive_gradient
from derive.calculus.problem import Question, read
from derive.render.code import ascii_name, code
from numeric import central_difference, complex_step
from tests.spec.gradients import OPEN, ROWS, UNSUPPORTED, D, N, Row

SIZES = ({"m": 2, "n": 3, "p": 4, "q": 1}, {"m": 4, "n": 2, "p": 1, "q": 3})
METHODS = ("rules", "differential", "components")


def label(row: Row) -> str:
    return f"{row.expression} by {row.wrt}, {row.layout}" + (" twice" if row.order == 2 else "")


def point(row: Row, sizes: dict[str, int], seed: int) -> dict[str, np.ndarray]:
    """Positive entries; square matrices that are well away from singular ones."""
    rng = np.random.default_rng(seed)
    values = {}
    for name, dims in row.sizes.items():
        shape = tuple(sizes[d] for d in dims)
        if len(dims) == 2 and dims[0] == dims[1]:
            values[ascii_name(name)] = 2 * np.eye(shape[0]) + 0.3 * rng.uniform(-1, 1, shape)
        else:
            values[ascii_name(name)] = rng.uniform(0.5, 1.5, shape)
    if "A = A^T" in row.shapes:
        values["A"] = (values["A"] + values["A"].T) / 2
    if "Q^T Q = I" in row.shapes:
        values["Q"] = np.linalg.qr(values["Q"])[0]
    return values


def expected(row: Row, values: dict[str, np.ndarray]) -> np.ndarray:
    """The derivative of the hand-written function, laid out."""
    name = ascii_name(row.wrt)

    def at(v):
        v = v if np.ndim(values[name]) else np.asarray(v).reshape(())
        named = row.function.__name__ != "<lambda>"  # a function of the one variable
        return row.function(v) if named else row.function(**{**values, name: v})

    def first(v):
        return complex_step(at, v)

    derivative = central_difference(first, values[name]).value if row.order == 2 else first(values[name])
    inner, outer = np.ndim(values[name]), np.ndim(at(values[name]))
    if row.order == 2:
        outer = inner  # the derivative of the gradient, which has the variable's axes
        if row.layout == N and inner == 2:
            return np.moveaxis(derivative, (0, 1), (1, 0))
    if row.layout == N:
        return derivative.T if row.order == 1 and outer == 0 else derivative
    if inner == 0:
        return derivative.T
    axes = [*range(outer, outer + inner), *range(outer)]
    return np.transpose(derivative, axes)


def run(text: str, values: dict[str, np.ndarray], name: str = "gradient"):
    scope: dict[str, object] = {}
    exec(compile(text, "code", "exec"), scope)
    return scope[name](**values)


def check_code(row: Row, found) -> None:
    if row.function is None:
        return
    text = code(found, "numpy")
    for seed, sizes in enumerate(SIZES):
        values = point(row, sizes, seed)
        got = np.asarray(run(text, values, "hessian" if row.order == 2 else "gradient"))
        wanted = expected(row, values)
        assert got.shape == wanted.shape, text
        assert np.max(np.abs(got - wanted), initial=0) <= 1e-8 * max(1, np.max(np.abs(wanted), initial=0)), (
            text
        )


def all_proved(found) -> None:
    open_steps = [s for s in found.derivation.steps if s.kind == "claim" and s.verdict != "proved"]
    assert not open_steps, [(s.lhs, s.rhs, s.rule, s.message) for s in open_steps]
    assert any(s.kind == "claim" for s in found.derivation.steps)


def test_the_table_is_long_enough() -> None:
    assert len(ROWS) >= 120


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_each_derivative_is_proved_and_its_code_is_right(row: Row) -> None:
    found = derive_gradient(read(row.expression, row.wrt, row.given, row.layout), row.order)
    all_proved(found)
    check_code(row, found)


@pytest.mark.slow
@pytest.mark.parametrize(("row", "method", "layout"), list(itertools.product(ROWS, METHODS, (D, N))),
                         ids=lambda v: label(v) if isinstance(v, Row) else v)  # fmt: skip
def test_every_method_in_both_layouts(row: Row, method: str, layout: str) -> None:
    row = row._replace(layout=layout)
    found = derive_gradient(read(row.expression, row.wrt, row.given, layout), row.order, method)
    all_proved(found)
    check_code(row, found)


@pytest.mark.parametrize("row", OPEN, ids=label)
def test_what_the_kernel_does_not_prove_is_shown_as_such(row: Row) -> None:
    found = derive_gradient(read(row.expression, row.wrt, row.given, row.layout), row.order)
    assert not found.proved
    assert {s.verdict for s in found.derivation.steps if s.kind == "claim"} == {"proved", "unknown"}
    check_code(row, found)


@pytest.mark.parametrize(("expression", "shapes", "wrt", "word"), UNSUPPORTED)
def test_what_is_not_supported_is_said_by_name(expression: str, shapes: str, wrt: str, word: str) -> None:
    row = Row(expression, shapes, wrt, D, np.sum)
    with pytest.raises((Question, Unanswerable)) as trouble:
        derive_gradient(read(row.expression, row.wrt, row.given, row.layout))
    assert word in str(trouble.value)
    assert "\n" not in str(trouble.value)


IN_CODE = [row for row in ROWS if row.function is not None]


@pytest.mark.parametrize("row", IN_CODE[::9], ids=label)
def test_sympy_code(row: Row) -> None:
    found = derive_gradient(read(row.expression, row.wrt, row.given, row.layout), row.order)
    check_framework(row, code(found, "sympy"), lambda v: v, lambda v: np.array(v.tolist(), dtype=float))


@pytest.mark.slow
@pytest.mark.parametrize("row", IN_CODE[::5], ids=label)
def test_torch_code(row: Row) -> None:
    torch = pytest.importorskip("torch")
    found = derive_gradient(read(row.expression, row.wrt, row.given, row.layout), row.order)
    check_framework(row, code(found, "torch"), torch.as_tensor, lambda v: v.numpy())


@pytest.mark.slow
@pytest.mark.parametrize("row", IN_CODE[::5], ids=label)
def test_jax_code(row: Row) -> None:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    found = derive_gradient(read(row.expression, row.wrt, row.given, row.layout), row.order)
    check_framework(row, code(found, "jax"), jax.numpy.asarray, np.asarray)


def check_framework(row: Row, text: str, into, back) -> None:
    """The code gives what the derivative is, apart from axes of length 1."""
    values = point(row, {"m": 2, "n": 3, "p": 2, "q": 2}, 0)
    given = {name: float(v) if np.ndim(v) == 0 else into(v) for name, v in values.items()}
    value = run(text, given, "hessian" if row.order == 2 else "gradient")
    got = np.asarray(value, dtype=float) if np.ndim(value) == 0 else back(value)
    wanted = expected(row, values)
    assert got.size == wanted.size
    assert got.shape == wanted.shape or 1 in got.shape
    assert np.max(np.abs(got.reshape(wanted.shape) - wanted)) <= 1e-8 * max(1, np.max(np.abs(wanted))), text
