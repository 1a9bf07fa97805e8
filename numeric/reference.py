"""Softmax, cross entropy and their neighbours, straight in NumPy; their derivatives written out by hand.

This is the independent opinion: nothing here comes from `derive/`, and no derivative here is computed by
differences or by differentiating a program. Every function is stable for logits as large as ±1e4, and far
beyond.

z  logits (..., c): one row of scores per sample, the last axis runs over the c classes
y  labels of the same shape: one-hot, soft, or any weights; a row need not sum to 1
W  weights (c, d);  x  features (d,), or a batch (N, d);  b  bias (c,)

Derivatives carry the function's axes first and the variable's last: ∂ŷ_i/∂z_j is entry (..., i, j); the
gradient of a scalar has the shape of its argument. Losses are per sample: where a batch shares a parameter,
its gradient is that of the sum of the losses; divided by N it is that of their mean.

All functions take whatever NumPy makes an array of doubles of, and raise NumPy's ValueError where shapes do
not fit. Sources: Bishop, Pattern Recognition and Machine Learning (2006), §4.3.2 and §4.3.4, pp. 205-210;
Blanchard, Higham & Higham, Accurately computing the log-sum-exp and softmax functions, IMA J. Numer. Anal.
41 (2021) 2311-2330.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def _array(value: ArrayLike) -> Array:
    return np.asarray(value, dtype=np.float64)


# ── one logit ──────────────────────────────────────────────────────────────────────────────────────────


def sigmoid(z: ArrayLike) -> Array:
    """σ(z) = 1/(1 + e^−z), entrywise. Bishop (4.59), p. 197."""
    z = _array(z)
    # 1/(1 + e^−z) for positive z and e^z/(1 + e^z) for negative, as one: no exponent is positive.
    return _array(np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z))))


def softplus(z: ArrayLike) -> Array:
    """log(1 + e^z), entrywise: the integral of the sigmoid."""
    z = _array(z)
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def log_sigmoid(z: ArrayLike) -> Array:
    """log σ(z) = −softplus(−z), entrywise."""
    return -softplus(-_array(z))


def sigmoid_derivative(z: ArrayLike) -> Array:
    """σ′(z) = σ(z) σ(−z), entrywise. Bishop (4.88), p. 206, where it is written σ(1 − σ)."""
    z = _array(z)
    return sigmoid(z) * sigmoid(-z)


def binary_cross_entropy(y: ArrayLike, z: ArrayLike) -> Array:
    """−y log σ(z) − (1 − y) log σ(−z), entrywise, from the logit. Bishop (4.90), p. 206."""
    y, z = _array(y), _array(z)
    return y * softplus(-z) + (1 - y) * softplus(z)


def binary_cross_entropy_gradient(y: ArrayLike, z: ArrayLike) -> Array:
    """∂/∂z of `binary_cross_entropy`: σ(z) − y, entrywise. Bishop (4.91), p. 206."""
    return sigmoid(z) - _array(y)


def sigmoid_squared_error(y: ArrayLike, z: ArrayLike) -> Array:
    """½ (σ(z) − y)², entrywise. Nielsen, Neural Networks and Deep Learning (2015), ch. 3."""
    return (sigmoid(z) - _array(y)) ** 2 / 2


def sigmoid_squared_error_gradient(y: ArrayLike, z: ArrayLike) -> Array:
    """∂/∂z of `sigmoid_squared_error`: (σ(z) − y) σ′(z), entrywise. Nielsen, ch. 3."""
    return (sigmoid(z) - _array(y)) * sigmoid_derivative(z)


# ── c logits ───────────────────────────────────────────────────────────────────────────────────────────


def _shifted(z: Array) -> tuple[Array, Array]:
    """z − max z, and log Σ_j e^{z_j − max z} with a last axis of length 1.

    The largest term is 1 exactly: kept out of the sum and put back by log1p, it does not swallow the others.
    """
    shifted = z - z.max(axis=-1, keepdims=True)
    others = np.exp(shifted)
    np.put_along_axis(others, shifted.argmax(axis=-1, keepdims=True), 0.0, axis=-1)
    return shifted, np.log1p(others.sum(axis=-1, keepdims=True))


def log_sum_exp(z: ArrayLike) -> Array:
    """log Σ_j e^{z_j}: (..., c) to (...). Blanchard, Higham & Higham, shifted by the maximum."""
    z = _array(z)
    return _array(z.max(axis=-1) + _shifted(z)[1][..., 0])


def log_softmax(z: ArrayLike) -> Array:
    """log ŷ_i = z_i − log Σ_j e^{z_j}: (..., c) to (..., c)."""
    shifted, log_total = _shifted(_array(z))
    return shifted - log_total


def softmax(z: ArrayLike) -> Array:
    """ŷ_i = e^{z_i} / Σ_j e^{z_j}: (..., c) to (..., c); each row sums to 1. Bishop (4.104), p. 209."""
    z = _array(z)
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return _array(powers / powers.sum(axis=-1, keepdims=True))


def softmax_jacobian(z: ArrayLike) -> Array:
    """∂ŷ_i/∂z_j = ŷ_i (δ_ij − ŷ_j), diag(ŷ) − ŷŷᵀ: (..., c) to (..., c, c). Bishop (4.106), p. 209."""
    p = softmax(z)
    return _array(p[..., :, None] * (np.eye(p.shape[-1]) - p[..., None, :]))


def cross_entropy(y: ArrayLike, z: ArrayLike) -> Array:
    """−Σ_i y_i log ŷ_i, from the logits: (..., c) to (...). Bishop (4.108), p. 209.

    A class with y_i = 0 adds 0 whatever its logit, −∞ included: 0 log 0 = 0.
    """
    y = _array(y)
    return _array(-(y * np.where(y == 0, 0.0, log_softmax(z))).sum(axis=-1))


def cross_entropy_gradient(y: ArrayLike, z: ArrayLike) -> Array:
    """∂/∂z of `cross_entropy`: (Σ_i y_i) ŷ − y, so ŷ − y where Σ_i y_i = 1: (..., c). Bishop (4.109)."""
    y = _array(y)
    return _array(y.sum(axis=-1, keepdims=True) * softmax(z) - y)


def cross_entropy_hessian(y: ArrayLike, z: ArrayLike) -> Array:
    """∂²/∂z² of `cross_entropy`: (Σ_i y_i) (diag(ŷ) − ŷŷᵀ): (..., c, c). Bishop (4.110), p. 210."""
    return _array(_array(y).sum(axis=-1)[..., None, None] * softmax_jacobian(z))


# ── the linear layer below them ────────────────────────────────────────────────────────────────────────


def logits(W: ArrayLike, x: ArrayLike, b: ArrayLike) -> Array:
    """z = W x + b: (c,), or for a batch (N, c)."""
    return _array(_array(x) @ _array(W).T + _array(b))


def linear_cross_entropy(y: ArrayLike, W: ArrayLike, x: ArrayLike, b: ArrayLike) -> Array:
    """`cross_entropy` of the logits W x + b: (), or for a batch (N,)."""
    return cross_entropy(y, logits(W, x, b))


def linear_cross_entropy_gradient_W(y: ArrayLike, W: ArrayLike, x: ArrayLike, b: ArrayLike) -> Array:
    """∂/∂W of `linear_cross_entropy`: (ŷ − y) xᵀ, over a batch Σ_n (ŷ_n − y_n) x_nᵀ: (c, d)."""
    errors = cross_entropy_gradient(y, logits(W, x, b))
    return _array(np.atleast_2d(errors).T @ np.atleast_2d(_array(x)))


def linear_cross_entropy_gradient_b(y: ArrayLike, W: ArrayLike, x: ArrayLike, b: ArrayLike) -> Array:
    """∂/∂b of `linear_cross_entropy`: ŷ − y, over a batch Σ_n (ŷ_n − y_n): (c,)."""
    return _array(np.atleast_2d(cross_entropy_gradient(y, logits(W, x, b))).sum(axis=0))


def linear_cross_entropy_gradient_x(y: ArrayLike, W: ArrayLike, x: ArrayLike, b: ArrayLike) -> Array:
    """∂/∂x of `linear_cross_entropy`: Wᵀ (ŷ − y), a row for each sample: (d,) or (N, d)."""
    return _array(cross_entropy_gradient(y, logits(W, x, b)) @ _array(W))
