"""Derivatives: every step proved, every result run as code beside derivatives of hand-written functions."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from derive import cli
from derive import expression as x
from derive.calculus import differentials
from derive.calculus.gradient import Unanswerable, derive_gradient
from derive.calculus.problem import Question, read
from derive.checker import check
from derive.judge import Judge
from derive.reader import markdown
from derive.render.code import ascii_name, code
from derive.report import Step
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


def read_again(row: Row, method: str) -> list[tuple[str, str, str, str | None]]:
    """The steps of a derivation, as a document that derive checks: those that it does not prove."""
    found = derive_gradient(read(row.expression, row.wrt, row.given, row.layout), row.order, method)
    steps = [s for s in found.derivation.steps if s.kind == "claim"]
    given = [f"{s.lhs} {s.relation} {s.rhs}" for s in found.derivation.steps if s.kind != "claim"]
    lines = ["<!-- derive", f"layout: {row.layout}", *given, "-->", ""]
    source = "\n".join([*lines, *(f"$${s.lhs} = {s.rhs}$$\n" for s in steps)])
    report, _ = check("again.md", source, markdown.read(source), Judge(), row.layout)
    claims = [s for s in report.steps if s.kind == "claim"]
    assert len(claims) == len(steps)
    for step in claims:
        assert step.layout in ("any", row.layout, None), step.lhs
    return [(str(s.verdict), s.lhs, s.rhs, s.message) for s in claims if s.verdict != "proved"]


# what is not read yet: ones whose size nothing beside them tells
NOT_READ_AGAIN = (r"-y^T \log \mathrm{softmax}(x)", r"\log \mathrm{softmax}(x)")


@pytest.mark.parametrize("row", ROWS[::8], ids=label)
def test_the_steps_can_be_read_and_proved_again(row: Row) -> None:
    assert row.expression in NOT_READ_AGAIN or not read_again(row, "rules")


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("row", ROWS, ids=label)
def test_the_steps_of_every_method_can_be_read_and_proved_again(row: Row, method: str) -> None:
    assert {verdict for verdict, *_ in read_again(row, method)} <= {"unread"}


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


def claims(found) -> list[Step]:
    return [step for step in found.derivation.steps if step.kind == "claim"]


def gradient(expression: str, wrt: str, *given: str, layout: str = D, **options):
    return derive_gradient(read(expression, wrt, given, layout), **options)


@pytest.mark.parametrize(
    ("expression", "wrt", "conditions"),
    [
        (r"\|x - a\|", "x", {r"x - a \neq 0"}),
        (r"\|x - \log a\|", "x", {r"x - \log\left(a\right) \neq 0", r"a_{i} > 0"}),
        (r"\|A x\|_1", "x", {r"\left(A x\right)_{i} \neq 0"}),
        (r"a^T X^{-1} b", "X", {r"\det\left(X\right) \neq 0"}),
        (r"\log\det X", "X", {r"\det\left(X\right) > 0"}),
        (r"\frac{x}{\|x\|}", "x", {r"x \neq 0"}),
    ],
)
def test_side_conditions(expression: str, wrt: str, conditions: set[str]) -> None:
    assert set(claims(gradient(expression, wrt))[-1].conditions) == conditions


@pytest.mark.parametrize(
    ("expression", "wrt", "layout", "result"),
    [
        (r"\frac12 \|Ax-b\|^2 + \frac\lambda2 \|x\|^2", "x", D, r"A^T \left(A x - b\right) + \lambda x"),
        (r"\frac12 \|Ax-b\|^2", "x", N, r"\left(A x - b\right)^T A"),
        (r"\log\det X", "X", N, "X^{-1}"),
        (r"-y^T \log \mathrm{softmax}(z)", "z", D, None),
        (r"x^T A x", "x", D, r"\left(A^T + A\right) x"),
        (r"\mathrm{tr}(A X)", "X", N, "A"),
        (r"\|x\|", "x", D, r"\frac{x}{\left\|x\right\|}"),
    ],
)
def test_results_are_short(expression: str, wrt: str, layout: str, result: str | None) -> None:
    found = gradient(expression, wrt, layout=layout)
    if result is not None:
        assert found.derivation.result_latex == result
    assert found.proved


def test_hypotheses_shorten_a_result_and_are_named() -> None:
    y = r"y \in \mathbb{R}^c, z \in \mathbb{R}^c"
    plain = gradient(r"-y^T \log \mathrm{softmax}(z)", "z", y)
    short = gradient(r"-y^T \log \mathrm{softmax}(z)", "z", y, r"\sum_i y_i = 1")
    assert short.derivation.result_latex == r"\operatorname{softmax}\left(z\right) - y"
    assert claims(short)[-1].uses == (r"\sum_i y_i = 1",)
    assert len(short.derivation.result_latex) < len(plain.derivation.result_latex)


def test_definitions_are_unfolded_down_to_the_variable() -> None:
    given = (
        r"W \in \mathbb{R}^{c \times d}, x \in \mathbb{R}^d, y \in \mathbb{R}^c",
        r"\sum_i y_i = 1",
        "z = W x",
        r"p = \mathrm{softmax}(z)",
        r"L = -y^T \log p",
    )
    by_weights, by_scores = gradient("L", "W", *given), gradient("L", "z", *given)
    assert by_weights.proved
    assert by_scores.proved
    assert by_scores.derivation.result_latex == r"\operatorname{softmax}\left(z\right) - y"
    assert "z" not in by_weights.derivation.result_latex


def test_the_details() -> None:
    steps = {d: len(claims(gradient(r"\|A x - b\|^2", "x", detail=d, method="components")))
             for d in ("brief", "normal", "full")}  # fmt: skip
    assert steps["brief"] < steps["normal"] <= steps["full"]


def test_a_wrong_step_is_shown_as_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def half(e, c):
        """d ‖u‖² = uᵀ du, which lacks a factor 2."""
        return x.Multiply(x.Transpose(e.base.body), c.d(e.base.body)) if isinstance(e, x.Power) else None

    monkeypatch.setitem(differentials.RULES, "derivative of a squared norm", half)
    found = gradient(r"\|x\|^2", "x")
    assert not found.proved
    assert any(step.verdict == "unknown" for step in claims(found))


def test_what_was_assumed_is_said() -> None:
    found = gradient(r"x_1^T A x_2", "x_1")
    assert set(found.problem.assumed) == {"x_{1}", "x_{2}", "A"}
    assert found.derivation.result_latex == "A x_{2}"


@pytest.mark.parametrize(
    ("name", "ascii_form"),
    [(r"\lambda", "lambda_"), (r"\hat{y}", "y_hat"), ("x_{1}", "x_1"), (r"\mathbf{x}", "x"),
     (r"W^{(1)}", "W_1"), (r"\bar{\theta}", "theta_bar"), ("x'", "x_prime")],
)  # fmt: skip
def test_names_in_code(name: str, ascii_form: str) -> None:
    assert ascii_name(name) == ascii_form


CALL = ["gradient", r"\frac12 \|A x - b\|^2", "--wrt", "x"]


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(CALL) == 0
    out = capsys.readouterr().out
    assert "result  ∂(1/2 · ‖A x − b‖²)/∂x = Aᵀ (A x − b)" in out
    assert "numbers agree" in out
    assert cli.run([*CALL, "--format", "json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert body["derivation"]["result"] == r"A^T \left(A x - b\right)"
    assert {step["verdict"] for step in body["derivation"]["steps"] if step["kind"] == "claim"} == {"proved"}
    for form in ("latex", "markdown", "numpy", "torch", "jax", "sympy"):
        assert cli.run([*CALL, "--format", form]) == 0
        assert capsys.readouterr().out.strip()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["gradient", "x +", "--wrt", "x"], "ends here"),
        (["gradient", "x^T x"], "--wrt"),
        (["gradient", r"A \otimes x", "--wrt", "x"], "Kronecker"),
        (["gradient", "x^T x", "--wrt", "x", "--order", "3"], "--order"),
        (["gradient", "x^T x", "--wrt", "x", "--given", "y \\in"], "given"),
        (["gradient", "x^T x", "--wrt", "x^T x"], "--wrt"),
        (["gradient", r"\tanh(A\tanh(A\tanh(A x)))", "--wrt", "x", "--timeout", "0.05"], "seconds"),
    ],
)
def test_bad_usage_takes_one_line(
    arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == 2
    captured = capsys.readouterr()
    assert word in captured.err
    assert captured.err.count("\n") == 1
    assert not captured.out
