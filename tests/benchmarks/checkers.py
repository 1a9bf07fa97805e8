"""∂CE/∂W checked by numbers: what each tool is asked for a gradient that is right, at three sizes.

All get the same function W ↦ −yᵀ log softmax(W x + b), written in their own arrays in double precision, and
the gradient (ŷ − y)xᵀ or, where the tool differentiates by itself, its own. They do not do the same:

- numeric.check_gradient, one direction (∇·V against a difference along V, with an error estimate), which is
  what it does by itself at more than 256 entries; below that, it compares every entry
- torch.autograd.gradcheck(fast_mode=True): one random projection of the Jacobian, a tolerance of 1e-5
- jax.test_util.check_grads(order=1, modes=["rev"]): one random direction, central difference, a tolerance
- scipy.optimize.check_grad: a forward difference for every entry, and returns the distance
- numdifftools.Gradient: an extrapolated difference for every entry, and the largest distance from the claim
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator

import numpy as np

from numeric import check_gradient
from tests.benchmarks.clock import best

SIZES = ((10, 20), (100, 50), (1000, 100))
SLOW = 6_000  # entries at which a tool that differentiates each of them is left out
COLUMNS = (
    "numeric, one direction",
    "numeric, as it comes",
    "torch fast",
    "jax",
    "scipy",
    "numdifftools",
    "one W @ x",
)


def problem(c: int, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """W, x, b and a one-hot y."""
    rng = np.random.default_rng(c + d)
    return rng.normal(size=(c, d)) * 0.1, rng.normal(size=d), rng.normal(size=c), np.eye(c)[c // 2]


def timings(c: int, d: int) -> Iterator[tuple[str, float | str]]:
    """For each tool the time, or why there is none."""
    w, x, b, y = problem(c, d)

    def loss(w: np.ndarray) -> float:
        z = w @ x + b
        top = z.max()
        return float(np.log(np.exp(z - top).sum()) + top - y @ z)

    def gradient(w: np.ndarray) -> np.ndarray:
        z = w @ x + b
        powers = np.exp(z - z.max())
        return np.outer(powers / powers.sum() - y, x)

    found = check_gradient(loss, gradient, w, seed=1, directions=1)
    assert found, str(found)
    yield COLUMNS[0], best(lambda: check_gradient(loss, gradient, w, seed=1, directions=1))
    yield COLUMNS[1], best(lambda: check_gradient(loss, gradient, w, seed=1))
    for name, tool in (
        ("torch fast", _torch),
        ("jax", _jax),
        ("scipy", _scipy),
        ("numdifftools", _numdifftools),
    ):
        module = name.split()[0]
        if importlib.util.find_spec(module) is None:
            yield name, "not installed"
        elif module in ("scipy", "numdifftools") and c * d >= (SLOW if module == "scipy" else SLOW // 10):
            yield name, "too slow"
        else:
            yield name, best(tool(w, x, b, y, loss, gradient))
    yield COLUMNS[-1], best(lambda: w @ x, runs=1000)


def error(c: int, d: int) -> float:
    """How far the difference along a direction is from the right slope, beside the gradient's length."""
    w, x, b, y = problem(c, d)
    z = w @ x + b
    powers = np.exp(z - z.max())

    def loss(w: np.ndarray) -> float:
        z = w @ x + b
        return float(np.log(np.exp(z - z.max()).sum()) + z.max() - y @ z)

    found = check_gradient(loss, np.outer(powers / powers.sum() - y, x), w, seed=1, directions=1)
    return abs(found.expected - found.actual) / float(np.linalg.norm(np.outer(powers / powers.sum() - y, x)))


Maker = Callable[..., Callable[[], object]]


def _torch(w, x, b, y, loss, gradient):  # type: ignore[no-untyped-def]
    import torch

    torch.set_num_threads(1)
    given, others = torch.tensor(w, requires_grad=True), [torch.tensor(v) for v in (x, b, y)]

    def function(w):  # type: ignore[no-untyped-def]
        z = w @ others[0] + others[1]
        return torch.logsumexp(z, 0) - others[2] @ z

    return lambda: torch.autograd.gradcheck(function, (given,), fast_mode=True)


def _jax(w, x, b, y, loss, gradient):  # type: ignore[no-untyped-def]
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    function = jax.jit(lambda w: jax.nn.logsumexp(w @ x + b) - y @ (w @ x + b))
    given = jax.numpy.asarray(w)
    return lambda: check_grads(function, (given,), order=1, modes=["rev"])


def _scipy(w, x, b, y, loss, gradient):  # type: ignore[no-untyped-def]
    from scipy.optimize import check_grad

    shape = w.shape
    return lambda: check_grad(
        lambda flat: loss(flat.reshape(shape)), lambda flat: gradient(flat.reshape(shape)).ravel(), w.ravel()
    )


def _numdifftools(w, x, b, y, loss, gradient):  # type: ignore[no-untyped-def]
    from numdifftools import Gradient

    shape = w.shape
    differentiate = Gradient(lambda flat: loss(flat.reshape(shape)))
    return lambda: np.abs(differentiate(w.ravel()) - gradient(w).ravel()).max()
