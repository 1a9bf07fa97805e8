"""Code against a derivation: right code agrees; wrong code, mathematics and tolerance are told apart."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import derive
from derive import cli
from derive.gradcheck import NotComparable, addends, gradcheck, identifier
from derive.terms import Claim, Dimension, Entry, Index, Number, Plus, Product
from numeric.formula import evaluate

ROOT = Path(__file__).resolve().parents[1]
NAME = "softmax-cross-entropy"
SIZES = {"c": 3, "d": 5}


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def backward(W, x, b, y):
    """The gradient by W."""
    return np.outer(softmax(W @ x + b) - y, x)


def naive(W, x, b, y):
    """The same with other operations."""
    z = np.einsum("ij,j->i", W, x) + b
    return (np.exp(z - np.log(np.sum(np.exp(z)))) - y)[:, None] * x[None, :]


def in_precision(dtype, back=None):
    """The gradient computed in a precision, and returned in another one."""

    def function(**arrays):
        found = backward(**{name: array.astype(dtype) for name, array in arrays.items()})
        return found if back is None else found.astype(back)

    return function


# ── what is right ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("function", [backward, naive, lambda **k: {"b": 0, "W": backward(**k)}])
def test_right_code_agrees(function) -> None:
    derive.assert_gradient(function, of=NAME, wrt="W", layout="denominator")
    found = gradcheck(function, NAME, "W")
    assert found
    assert str(found).startswith(
        "the code agrees: every entry, up to the rounding of float64, at c = 3, d = 5 and"
    )


@pytest.mark.parametrize(
    ("of", "wrt", "layout", "function"),
    [
        (NAME, "W", "numerator", lambda W, x, b, y: np.outer(x, softmax(W @ x + b) - y)),
        (NAME, "b", "denominator", lambda W, x, b, y: softmax(W @ x + b) - y),
        (NAME, "b", "denominator", lambda W, x, b, y: (softmax(W @ x + b) - y)[:, None]),
        (NAME, "b", "numerator", lambda W, x, b, y: (softmax(W @ x + b) - y)[None, :]),
        (NAME, "z", "denominator", lambda z, y: softmax(z) - y),
        (NAME, r"\hat{y}", "denominator", lambda y_hat, y: -y / y_hat),
        (NAME, "y_hat", "numerator", lambda y_hat, y: -y / y_hat),
        (
            "softmax-jacobian",
            "z",
            "denominator",
            lambda z: np.diag(softmax(z)) - np.outer(softmax(z), softmax(z)),
        ),
        ("binary-cross-entropy", "t", "denominator", lambda t, y: 1 / (1 + np.exp(-t)) - y),
    ],
)
def test_every_symbol_and_both_layouts(of, wrt, layout, function) -> None:
    """What is a definition in the derivation is an argument where it is differentiated by."""
    derive.assert_gradient(function, of=of, wrt=wrt, layout=layout)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("function", [backward, naive])
def test_rounding_is_no_fault(function, dtype: str, seed: int) -> None:
    """Whatever the order of the operations, in double and in single precision, also for long sums."""
    found = gradcheck(function, NAME, "W", sizes={"c": 2, "d": 50}, precision=dtype, seed=seed)
    assert found, str(found)


# ── what is wrong ──────────────────────────────────────────────────────────────────────────────────────────


def test_one_entry_off_by_one_per_cent() -> None:
    """It is found, and named with its numbers."""

    def function(**arrays):
        gradient = backward(**arrays)
        if gradient.shape == (20, 20):
            gradient[7, 13] *= 1.01
        return gradient

    found = gradcheck(function, NAME, "W")
    assert (found.verdict, found.entry, found.looks_like) == ("code", (7, 13), "one wrong entry")
    assert found.actual == pytest.approx(1.01 * found.expected)
    assert found.tolerance < 1e-12
    with pytest.raises(
        AssertionError, match=r"(?s)^the code is wrong.*worst entry  \(7, 13\).*c = 20, d = 20"
    ):
        derive.assert_gradient(function, of=NAME, wrt="W")


@pytest.mark.parametrize(
    ("function", "looks_like"),
    [
        (lambda **k: 1.0005 * backward(**k), "1.0005 times the expected gradient"),
        (lambda **k: np.float32(1.0005) * in_precision("float32")(**k), "1.0005 times the expected gradient"),
        (lambda **k: 2 * backward(**k), "2 times the expected gradient"),
        (lambda **k: -backward(**k), "the opposite sign"),
        (lambda **k: backward(**k).T, "transposed, which is the numerator layout"),
        (lambda **k: backward(**k) * len(k["y"]), "c times the expected gradient: a factor 1/c is missing"),
        (lambda **k: backward(**k) / len(k["x"]), "1/d times the expected gradient: a factor 1/d too many"),
        (lambda **k: backward(**{**k, "y": 0 * k["y"]}), "the term −y xᵀ is missing"),
        (lambda **k: backward(**{**k, "y": -k["y"]}), "the term −y xᵀ has the opposite sign"),
        (lambda **k: backward(**{**k, "y": 2 * k["y"]}), "the term −y xᵀ is there twice"),
        (lambda **k: -np.outer(k["y"], k["x"]), "the term ŷ xᵀ is missing"),
        (lambda **k: backward(**k) + 0.5, "the expected gradient + 0.5 in every entry"),
        (lambda **k: np.sin(backward(**k)), None),
        (lambda **k: 0 * backward(**k), None),
        (lambda **k: np.nan * backward(**k), None),
        (lambda **k: 1.0, None),
        (lambda **k: backward(**{**k, "b": 0 * k["b"]}), None),
    ],
)
def test_wrong_code_and_what_it_looks_like(function, looks_like: str | None) -> None:
    found = gradcheck(function, NAME, "W")
    assert (found.verdict, found.looks_like) == ("code", looks_like)
    assert str(found).startswith("the code is wrong: ")
    assert "∂CE/∂W = (ŷ − y) xᵀ (denominator layout)" in str(found)


def test_a_square_matrix_transposed() -> None:
    """Its shape does not tell; its entries do."""
    found = gradcheck(lambda **k: backward(**k).T, NAME, "W", sizes={"c": 4, "d": 4})
    assert (found.verdict, found.looks_like) == ("code", "transposed, which is the numerator layout")


def test_a_missing_label_in_a_vector_is_a_missing_term() -> None:
    """And not the one entry that differs for a one-hot label."""
    found = gradcheck(lambda W, x, b, y: softmax(W @ x + b), NAME, "b")
    assert found.looks_like == "the term −y is missing"


def backward_weighted(W, x, b, y, w, epsilon, tau):
    q, p = (1 - epsilon) * y + epsilon / len(y), softmax((W @ x + b) / tau)
    return np.outer((w @ q * p - w * q) / tau, x)


def backward_batch(X, W, b, Y):
    P = np.array([softmax(W @ x + b) for x in X])
    return (P - Y).T @ X / len(X)


def test_weights_smoothing_and_temperature() -> None:
    """A factor that is another one at each point is not told as a number."""
    derive.assert_gradient(backward_weighted, of="softmax-cross-entropy-weighted", wrt="W")
    found = gradcheck(
        lambda tau, **k: tau * backward_weighted(tau=tau, **k), "softmax-cross-entropy-weighted", "W"
    )
    assert (found.verdict, found.looks_like) == ("code", None)


def test_a_batch_and_its_mean() -> None:
    """Where the sum was taken instead, a factor 1/N is missing."""
    of = "softmax-cross-entropy-batch"
    derive.assert_gradient(backward_batch, of=of, wrt="W")
    derive.assert_gradient(lambda **k: backward_batch(**k).T, of=of, wrt="W", layout="numerator")
    found = gradcheck(lambda **k: backward_batch(**k) * len(k["X"]), of, "W")
    assert found.looks_like == "N times the expected gradient: a factor 1/N is missing"


def backward_ignored(X, W, b, Y, m):
    P = np.array([softmax(W @ x + b) for x in X])
    return (m[:, None] * (P - Y)).T @ X / m.sum()


def test_a_sum_and_a_batch_of_which_some_are_ignored() -> None:
    """Each has its own gradient, and the mean is neither."""
    derive.assert_gradient(
        lambda **k: backward_batch(**k) * len(k["X"]), of="softmax-cross-entropy-sum", wrt="W"
    )
    assert not gradcheck(backward_batch, "softmax-cross-entropy-sum", "W")
    derive.assert_gradient(backward_ignored, of="softmax-cross-entropy-ignored", wrt="W")
    found = gradcheck(
        lambda m, **k: backward_ignored(m=m, **k) * m.sum(), "softmax-cross-entropy-ignored", "W"
    )
    assert found.verdict == "code"


def test_reductions_are_those_of_pytorch() -> None:
    """`reduction`, `ignore_index` and `weight` of its cross_entropy mean what the derivations say."""
    torch = pytest.importorskip("torch")
    entropy = torch.nn.functional.cross_entropy

    def summed(X, W, b, Y):
        W = W.detach().requires_grad_()
        return torch.autograd.grad(entropy(X @ W.T + b, Y, reduction="sum"), W)[0]

    derive.assert_gradient(summed, of="softmax-cross-entropy-sum", wrt="W", arrays="torch")
    rng = np.random.default_rng(5)
    for c, d in ((3, 2), (2, 4), (5, 1)):
        X, W, b = rng.normal(size=(6, d)), rng.normal(size=(c, d)), rng.normal(size=c)
        classes, weight = rng.integers(0, c, 6), rng.uniform(0.5, 2, c)
        classes[[1, 4]] = -100
        Y = np.eye(c)[np.where(classes == -100, 0, classes)]
        for weights in (None, weight):
            leaf = torch.tensor(W, requires_grad=True)
            loss = entropy(
                torch.tensor(X) @ leaf.T + torch.tensor(b), torch.tensor(classes), ignore_index=-100,
                weight=None if weights is None else torch.tensor(weights),
            )  # fmt: skip
            (expected,) = torch.autograd.grad(loss, leaf)
            m = (classes != -100) * (1.0 if weights is None else Y @ weights)
            np.testing.assert_allclose(backward_ignored(X, W, b, Y, m), expected, rtol=1e-10, atol=1e-12)


def test_every_class_is_tried() -> None:
    """Code that is right for one label only is wrong."""

    def function(W, x, b, y):
        return np.outer(softmax(W @ x + b) - np.eye(len(y))[0], x)

    assert not gradcheck(function, NAME, "W")


# ── the tolerance ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("function", "precision", "verdict", "said"),
    [
        (in_precision("float32"), None, "agree", "float32"),
        (in_precision("float32", "float64"), None, "tolerance", "compare with precision='float32'"),
        (in_precision("float32", "float64"), "float32", "agree", "float32"),
        (in_precision("float16", "float64"), None, "tolerance", "compare with precision='float16'"),
        (
            in_precision("float16"),
            None,
            "tolerance",
            "float16 cannot tell this gradient from one that is off by",
        ),
        (backward, "float16", "agree", "up to the rounding of float16"),
        (lambda **k: 2 * backward(**k), "float16", "code", "not what is proved"),
    ],
)
def test_a_low_precision_is_neither_wrong_nor_right(function, precision, verdict, said: str) -> None:
    found = gradcheck(function, NAME, "W", sizes=SIZES, precision=precision)
    assert found.verdict == verdict
    assert said in str(found)


# ── the mathematics ────────────────────────────────────────────────────────────────────────────────────────

GIVEN = r"""<!-- derive
layout: denominator
W \in \mathbb{R}^{m \times n}, x \in \mathbb{R}^n, t \in \mathbb{R}^m
-->

"""
LOSS = "$$L = \\|W x - t\\|^2$$\n\n"
STEP = "$$\\frac{\\partial L}{\\partial W} = %s$$\n"


def residual(W, x, t):
    return 2 * np.outer(W @ x - t, x)


@pytest.mark.parametrize("kind", ["md", "tex"])
def test_a_document_of_ones_own(tmp_path: Path, kind: str) -> None:
    text = GIVEN + LOSS + STEP % "2 (W x - t) x^T"
    if kind == "tex":
        given, _, rest = text.partition("-->")
        lines = given.splitlines()[1:]
        text = "% derive:\n" + "".join(f"% {line}\n" for line in lines) + rest
    path = tmp_path / f"loss.{kind}"
    path.write_text(text, encoding="utf-8")
    derive.assert_gradient(residual, of=str(path), wrt="W")
    derive.assert_gradient(lambda **k: residual(**k).T, of=str(path), wrt="W", layout="numerator")
    found = gradcheck(lambda **k: residual(**k) / 2, str(path), "W")
    assert (found.verdict, found.looks_like) == ("code", "1/2 times the expected gradient")


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("(W x - t) x^T", "a factor 2 is missing"),
        ("2 x (W x - t)^T", "help: right in numerator layout"),
        ("2 (V x - t) x^T", "unread [D011] V has no meaning yet"),
        ("2 (W x - t) x^T = 3 (W x - t) x^T", "refuted [D102]"),
    ],
)
def test_wrong_mathematics_is_not_blamed_on_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, formula: str, said: str
) -> None:
    """Whatever the function returns, the step that is not proved is shown."""
    monkeypatch.chdir(tmp_path)
    Path("loss.md").write_text(GIVEN + LOSS + STEP % formula, encoding="utf-8")
    found = gradcheck(residual, "loss.md", "W")
    assert found.verdict == "mathematics"
    assert str(found).startswith("the mathematics is wrong: a step of the derivation is not proved\n")
    assert said in str(found)
    with pytest.raises(AssertionError, match="the mathematics is wrong"):
        derive.assert_gradient(residual, of="loss.md", wrt="W")


# ── what cannot be compared ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("function", "options", "said"),
    [
        (backward, {"of": "softmax"}, "there is no derivation called 'softmax'; did you mean"),
        (backward, {"of": "none.md"}, "none.md: No such file"),
        (
            backward,
            {"wrt": "V"},
            "has no derivative by V that could be evaluated; it has those by W, b, y_hat, z",
        ),
        (backward, {"layout": "jacobian"}, "the layout is"),
        (backward, {"precision": "float8"}, "the precision is one of"),
        (backward, {"precision": "bfloat16"}, "NumPy has no bfloat16"),
        (backward, {"sizes": {"c": 3}}, "sizes are for c, d, not for c"),
        (backward, {"sizes": {"c": 3, "d": 0}}, "a size is a number from 1 on"),
        (lambda W, x: 1, {}, "the function does not take b, y; the derivation has W, b, x, y"),
        (lambda W, x, b, y, rate: 1, {}, "the function asks for rate; the derivation has W, b, x, y"),
        (lambda **k: {"V": 1}, {}, "a mapping without 'W': it has V"),
        (lambda **k: "gradient", {}, "the function returns str"),
        (lambda **k: 1 / 0, {}, "the function raised ZeroDivisionError when called with"),
        (lambda a, z, y: z, {"of": "squared-error", "wrt": "z"}, "leaves the function \\sigma open"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_line(function, options: dict, said: str) -> None:
    with pytest.raises(NotComparable) as trouble:
        gradcheck(function, **{"of": NAME, "wrt": "W", **options})
    assert said in str(trouble.value)
    assert "\n" not in str(trouble.value)


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("W", "W"), (r"\hat{y}", "y_hat"), (r"\lambda", "lambda_"), (r"\mathbf{x}", "x"), ("W_{1}", "W_1"),
        (r"\hat{\mathbf{y}}", "y_hat"), (r"\theta", "theta"), ("x^{(i)}", "x_i"), ("y'", "y_prime"),
        (r"\hat y", "y_hat"),
    ],
)  # fmt: skip
def test_symbols_as_names_in_python(symbol: str, name: str) -> None:
    assert identifier(symbol) == name
    assert name.isidentifier()


# ── formulas at a point ────────────────────────────────────────────────────────────────────────────────────


def test_products_are_multiplied_out() -> None:
    a, b, x = Entry("a"), Entry("b"), Entry("x")
    minus = Product((Number(-1), b))
    assert list(addends(Product((Plus((a, minus)), x)))) == [
        Product((a, x)),
        Product((Product((Number(-1), b)), x)),
    ]


def test_values_are_right_to_the_last_bit() -> None:
    """a² − b² at doubles: the difference is rounded once, and its error estimated from the squares."""
    a, b = Entry("a"), Entry("b")
    formula = a * a - b * b
    found = evaluate(Claim(formula, formula), [formula], (), {}, seed=4)
    assert found is not None
    left, right = (float(found.arrays[name]) for name in "ab")
    assert float(found.values[0]) == (left - right) * (left + right)
    assert left**2 < found.rounding < 3


def test_numbers_are_exact_in_bfloat16() -> None:
    i = Index("i", Dimension.of("n"))
    found = evaluate(Claim(Entry("x", (i,)), Entry("x", (i,))), [Entry("x", (i,))], (i,), {"n": 50}, seed=0)
    assert found is not None
    assert len(set(found.arrays["x"])) > 10
    assert (found.arrays["x"] * 32 % 2 == 1).all()
    assert (found.values[0] == found.arrays["x"]).all()


# ── the command ────────────────────────────────────────────────────────────────────────────────────────────

MODULE = """import numpy as np
def right(W, x, b, y):
    z = W @ x + b
    e = np.exp(z - z.max())
    return np.outer(e / e.sum() - y, x)
def wrong(W, x, b, y):
    return right(W, x, b, y).T
value = 3
class Model:
    @staticmethod
    def backward(**k):
        return right(**k)
"""


def test_the_command(tmp_path: Path) -> None:
    """It finds the module in the current folder, and tells by its exit status."""
    (tmp_path / "model.py").write_text(MODULE)
    for name, status, said in (("right", 0, "the code agrees"), ("wrong", 1, "looks like   transposed")):
        run = [sys.executable, "-m", "derive", "gradcheck", f"model:{name}", "--of", NAME, "--wrt", "W"]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        ran = subprocess.run(run, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stderr) == (status, "")
        assert said in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["{}:right", "--size", "c=2", "--size", "d=3"], 0, "at c = 2, d = 3"),
        (["{}:Model.backward", "--size", "c=2", "--size", "d=3"], 0, "the code agrees"),
        (["{}:right", "--size", "c"], 2, "a size is written as NAME=NUMBER"),
        (["{}:none"], 2, "has no attribute 'none'"),
        (["{}:value"], 2, "is not a function"),
        (["{}"], 2, "a function is written as module:function"),
        (["nowhere:right"], 2, "ModuleNotFoundError"),
        (["{}:right", "--wrt", "Q"], 2, "has no derivative by Q"),
    ],
)
def test_the_usage_of_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, said: str
) -> None:
    module = tmp_path / f"model{abs(hash(said))}.py"
    module.write_text(MODULE)
    given = [argument.format(module) for argument in arguments]
    assert cli.run(["gradcheck", "--of", NAME, "--wrt", "W", *given]) == status
    printed = capsys.readouterr()
    assert said in printed.out + printed.err
    assert status != 2 or printed.err.count("\n") == 1


# ── PyTorch and JAX ────────────────────────────────────────────────────────────────────────────────────────


def test_pytorch() -> None:
    """By autograd, in double, single and half precision; a wrong one is found."""
    torch = pytest.importorskip("torch")

    def function(W, x, b, y):
        W = W.clone().requires_grad_()
        loss = -(y * torch.log_softmax(W @ x + b, dim=0)).sum()
        (gradient,) = torch.autograd.grad(loss, W)
        return gradient

    derive.assert_gradient(function, of=NAME, wrt="W")
    derive.assert_gradient(function, of=NAME, wrt="W", precision="float32", arrays="torch")
    assert (
        gradcheck(function, NAME, "W", sizes=SIZES, precision="bfloat16", arrays="torch").precision
        == "bfloat16"
    )
    found = gradcheck(lambda **k: 1.0005 * function(**k), NAME, "W")
    assert (found.verdict, found.looks_like) == ("code", "1.0005 times the expected gradient")


def test_jax() -> None:
    """In its own single precision."""
    jax = pytest.importorskip("jax")

    def loss(W, x, b, y):
        return -(y * jax.nn.log_softmax(W @ x + b)).sum()

    def function(W, x, b, y):
        return jax.grad(loss)(W, x, b, y)

    found = gradcheck(function, NAME, "W", arrays="jax")
    assert found, str(found)
    assert found.precision == "float32"
    wrong = gradcheck(lambda **k: 1.0005 * function(**k), NAME, "W", arrays="jax")
    assert (wrong.verdict, wrong.looks_like) == ("code", "1.0005 times the expected gradient")


def test_arrays_that_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(NotComparable, match=r"torch is not installed; pip install derive-verifier\[torch\]"):
        gradcheck(backward, NAME, "W", arrays="torch")
