r"""Derivatives as people ask for them: (expression, shapes, by what, layout, the same function in NumPy).

The functions are written by hand, so that nothing of derive's own reading or code is trusted. They are
analytic where they are evaluated: complex steps give their derivatives to machine precision.

Shapes are written "X:mn a:n t:" for X in R^{m x n}, a in R^n, t in R. Further statements follow after "|".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

N, D = "numerator", "denominator"


class Row(NamedTuple):
    """One question; `order` is 2 for a Hessian."""

    expression: str
    shapes: str
    wrt: str
    layout: str
    function: Callable[..., Any]
    order: int = 1

    @property
    def given(self) -> list[str]:
        """The declarations and hypotheses in LaTeX."""
        shapes, *hypotheses = self.shapes.split("|")
        stated = []
        for part in shapes.split():
            name, _, size = part.partition(":")
            dims = r" \times ".join(size)
            stated.append(rf"{name} \in \mathbb{{R}}" + (f"^{{{dims}}}" if dims else ""))
        return stated + [h.strip() for h in hypotheses if h.strip()]

    @property
    def sizes(self) -> dict[str, str]:
        """The dimensions of each symbol, by its name."""
        parts = [part.partition(":") for part in self.shapes.split("|")[0].split()]
        return {name: size for name, _, size in parts}


def norm(v):
    return np.sqrt(np.sum(v * v))


def logdet(m):
    return np.log(np.linalg.det(m))


def magnitude(v):
    return np.where(np.real(v) > 0, v, -v)


def relu(v):
    return np.where(np.real(v) > 0, v, 0 * v)


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def softmax(v):
    e = np.exp(v)
    return e / np.sum(e, axis=-1, keepdims=True)


def lse(v):
    return np.log(np.sum(np.exp(v)))


def tr(m):
    return np.trace(m)


inv, det = np.linalg.inv, np.linalg.det

SCALAR_BY_VECTOR = [
    Row(r"a^T x", "a:n x:n", "x", D, lambda a, x: a @ x),
    Row(r"a^T x", "a:n x:n", "x", N, lambda a, x: a @ x),
    Row(r"x^T a", "a:n x:n", "x", D, lambda a, x: a @ x),
    Row(r"x^T x", "x:n", "x", D, lambda x: x @ x),
    Row(r"x^T x", "x:n", "x", N, lambda x: x @ x),
    Row(r"x^T A x", "A:nn x:n", "x", D, lambda A, x: x @ A @ x),
    Row(r"x^T A x", "A:nn x:n", "x", N, lambda A, x: x @ A @ x),
    Row(r"x^T A x", "A:nn x:n | A = A^T", "x", D, lambda A, x: x @ (A + A.T) @ x / 2),
    Row(r"b^T A x", "A:mn x:n b:m", "x", D, lambda A, x, b: b @ A @ x),
    Row(r"b^T A x", "A:mn x:n b:m", "x", N, lambda A, x, b: b @ A @ x),
    Row(
        r"(A x + b)^T C (D x + e)",
        "A:mn b:m C:mp D:pn e:p x:n",
        "x",
        D,
        lambda A, b, C, D, e, x: (A @ x + b) @ C @ (D @ x + e),
    ),
    Row(
        r"(A x + b)^T C (D x + e)",
        "A:mn b:m C:mp D:pn e:p x:n",
        "x",
        N,
        lambda A, b, C, D, e, x: (A @ x + b) @ C @ (D @ x + e),
    ),
    Row(
        r"\frac12 \|Ax-b\|^2 + \frac\lambda2 \|x\|^2",
        r"A:mn b:m x:n \lambda:",
        "x",
        D,
        lambda A, b, x, lambda_: 0.5 * (A @ x - b) @ (A @ x - b) + lambda_ / 2 * x @ x,
    ),
    Row(
        r"\frac12 \|Ax-b\|^2 + \frac\lambda2 \|x\|^2",
        r"A:mn b:m x:n \lambda:",
        "x",
        N,
        lambda A, b, x, lambda_: 0.5 * (A @ x - b) @ (A @ x - b) + lambda_ / 2 * x @ x,
    ),
    Row(r"\|x - a\|", "x:n a:n", "x", D, lambda x, a: norm(x - a)),
    Row(r"\|x - a\|", "x:n a:n", "x", N, lambda x, a: norm(x - a)),
    Row(r"\|A x - b\|", "A:mn b:m x:n", "x", D, lambda A, b, x: norm(A @ x - b)),
    Row(r"\|x\|^3", "x:n", "x", D, lambda x: norm(x) ** 3),
    Row(r"\|x\|_1", "x:n", "x", D, lambda x: np.sum(magnitude(x))),
    Row(r"\|A x - b\|_1", "A:mn b:m x:n", "x", D, lambda A, b, x: np.sum(magnitude(A @ x - b))),
    Row(r"\frac{x^T A x}{x^T x}", "A:nn x:n", "x", D, lambda A, x: (x @ A @ x) / (x @ x)),
    Row(r"\frac{x^T A x}{x^T x}", "A:nn x:n", "x", N, lambda A, x: (x @ A @ x) / (x @ x)),
    Row(r"\frac{a^T x}{b^T x}", "a:n b:n x:n", "x", D, lambda a, b, x: (a @ x) / (b @ x)),
    Row(r"\frac{1}{1 + x^T x}", "x:n", "x", D, lambda x: 1 / (1 + x @ x)),
    Row(r"\frac{a^T x}{\|x\|}", "a:n x:n", "x", D, lambda a, x: a @ x / norm(x)),
    Row(r"\sqrt{x^T A x}", "A:nn x:n", "x", D, lambda A, x: np.sqrt(x @ A @ x)),
    Row(
        r"e^{-\frac12 (x-a)^T A (x-a)}",
        "A:nn a:n x:n",
        "x",
        D,
        lambda A, a, x: np.exp(-0.5 * (x - a) @ A @ (x - a)),
    ),
    Row(r"\log(x^T A x)", "A:nn x:n", "x", D, lambda A, x: np.log(x @ A @ x)),
    Row(r"(a^T x)^2", "a:n x:n", "x", D, lambda a, x: (a @ x) ** 2),
    Row(r"(a^T x)(b^T x)", "a:n b:n x:n", "x", D, lambda a, b, x: (a @ x) * (b @ x)),
    Row(r"(a^T x)(b^T x)", "a:n b:n x:n", "x", N, lambda a, b, x: (a @ x) * (b @ x)),
    Row(r"\mathrm{sigmoid}(a^T x)", "a:n x:n", "x", D, lambda a, x: sigmoid(a @ x)),
    Row(r"\log(1 + e^{-a^T x})", "a:n x:n", "x", D, lambda a, x: np.log(1 + np.exp(-a @ x))),
    Row(
        r"-y \log \mathrm{sigmoid}(a^T x) - (1-y) \log(1 - \mathrm{sigmoid}(a^T x))",
        "a:n x:n y:",
        "a",
        D,
        lambda a, x, y: -y * np.log(sigmoid(a @ x)) - (1 - y) * np.log(1 - sigmoid(a @ x)),
    ),
    Row(r"\sum_i \log(1 + e^{x_i})", "x:n", "x", D, lambda x: np.sum(np.log(1 + np.exp(x)))),
    Row(r"-\sum_i y_i \log x_i", "x:n y:n", "x", D, lambda x, y: -np.sum(y * np.log(x))),
    Row(r"\sum_i x_i \log x_i", "x:n", "x", D, lambda x: np.sum(x * np.log(x))),
    Row(r"\sum_i \sum_j x_i A_{ij} x_j", "A:nn x:n", "x", D, lambda A, x: x @ A @ x),
    Row(r"\sum_i (x_i - a_i)^4", "x:n a:n", "x", D, lambda x, a: np.sum((x - a) ** 4)),
    Row(r"\mathbf{1}^T e^{x}", "x:n", "x", N, lambda x: np.sum(np.exp(x))),
    Row(r"y^T \log(x)", "x:n y:n", "x", D, lambda x, y: y @ np.log(x)),
    Row(r"\mathrm{logsumexp}(A x)", "A:mn x:n", "x", D, lambda A, x: lse(A @ x)),
    Row(r"\mathrm{logsumexp}(x) - y^T x", "x:n y:n", "x", N, lambda x, y: lse(x) - y @ x),
    Row(r"-y^T \log \mathrm{softmax}(x)", "x:n y:n", "x", D, lambda x, y: -y @ np.log(softmax(x))),
    Row(
        r"-y^T \log \mathrm{softmax}(A x + b)",
        "A:mn b:m x:n y:m",
        "x",
        N,
        lambda A, b, x, y: -y @ np.log(softmax(A @ x + b)),
    ),
    Row(r"a^T \mathrm{softmax}(x)", "a:n x:n", "x", D, lambda a, x: a @ softmax(x)),
    Row(r"(x \odot a)^T (x \odot b)", "a:n b:n x:n", "x", D, lambda a, b, x: (x * a) @ (x * b)),
    Row(r"x^T (a \odot x)", "a:n x:n", "x", N, lambda a, x: x @ (a * x)),
    Row(r"x^T \mathrm{diag}(x) x", "x:n", "x", D, lambda x: np.sum(x**3)),
    Row(r"x^T \mathrm{diag}(a) x", "a:n x:n", "x", D, lambda a, x: np.sum(a * x * x)),
    Row(r"\mathrm{tr}(\mathrm{diag}(x) A)", "A:nn x:n", "x", D, lambda A, x: tr(np.diag(x) @ A)),
    Row(r"\mathrm{tr}(x x^T A)", "A:nn x:n", "x", D, lambda A, x: x @ A @ x),
    Row(r"\|x x^T - A\|_F^2", "A:nn x:n", "x", D, lambda A, x: np.sum((np.outer(x, x) - A) ** 2)),
    Row(r"\log\det(A + x x^T)", "A:nn x:n", "x", D, lambda A, x: logdet(A + np.outer(x, x))),
    Row(r"a^T (A + x x^T)^{-1} a", "A:nn x:n a:n", "x", D, lambda A, x, a: a @ inv(A + np.outer(x, x)) @ a),
    Row(r"\det(A + x b^T)", "A:nn x:n b:n", "x", D, lambda A, x, b: det(A + np.outer(x, b))),
    Row(r"b^T \tanh(A x)", "A:mn x:n b:m", "x", D, lambda A, x, b: b @ np.tanh(A @ x)),
    Row(r"b^T \mathrm{relu}(A x)", "A:mn x:n b:m", "x", N, lambda A, x, b: b @ relu(A @ x)),
    Row(
        r"w^T \tanh(V \tanh(U x))",
        "U:mn V:pm w:p x:n",
        "x",
        D,
        lambda U, V, w, x: w @ np.tanh(V @ np.tanh(U @ x)),
    ),
    Row(r"\sin(a^T x) \cos(b^T x)", "a:n b:n x:n", "x", D, lambda a, b, x: np.sin(a @ x) * np.cos(b @ x)),
    Row(r"(1 + x^T x)^{\alpha}", r"x:n \alpha:", "x", D, lambda x, alpha: (1 + x @ x) ** alpha),
    Row(r"\arctan(a^T x)", "a:n x:n", "x", D, lambda a, x: np.arctan(a @ x)),
    Row(r"\|Q x\|^2", "Q:nn x:n | Q^T Q = I", "x", D, None),
]

SCALAR_BY_MATRIX = [
    Row(r"a^T X b", "X:mn a:m b:n", "X", D, lambda X, a, b: a @ X @ b),
    Row(r"a^T X b", "X:mn a:m b:n", "X", N, lambda X, a, b: a @ X @ b),
    Row(r"a^T X^T b", "X:mn a:n b:m", "X", D, lambda X, a, b: a @ X.T @ b),
    Row(r"a^T X^T X b", "X:mn a:n b:n", "X", D, lambda X, a, b: a @ X.T @ X @ b),
    Row(r"a^T X^T X b", "X:mn a:n b:n", "X", N, lambda X, a, b: a @ X.T @ X @ b),
    Row(r"a^T X X^T a", "X:mn a:m", "X", D, lambda X, a: a @ X @ X.T @ a),
    Row(
        r"(X a + b)^T C (X a + b)",
        "X:mn a:n b:m C:mm",
        "X",
        D,
        lambda X, a, b, C: (X @ a + b) @ C @ (X @ a + b),
    ),
    Row(r"\|X a - b\|^2", "X:mn a:n b:m", "X", D, lambda X, a, b: np.sum((X @ a - b) ** 2)),
    Row(r"\|X a - b\|^2", "X:mn a:n b:m", "X", N, lambda X, a, b: np.sum((X @ a - b) ** 2)),
    Row(r"\mathrm{tr}(X)", "X:nn", "X", D, tr),
    Row(r"\mathrm{tr}(A X)", "A:nm X:mn", "X", D, lambda A, X: tr(A @ X)),
    Row(r"\mathrm{tr}(A X)", "A:nm X:mn", "X", N, lambda A, X: tr(A @ X)),
    Row(r"\mathrm{tr}(A X B)", "A:pm X:mn B:np", "X", D, lambda A, X, B: tr(A @ X @ B)),
    Row(r"\mathrm{tr}(A X^T B)", "A:pn X:mn B:mp", "X", N, lambda A, X, B: tr(A @ X.T @ B)),
    Row(r"\mathrm{tr}(X^T X)", "X:mn", "X", D, lambda X: tr(X.T @ X)),
    Row(r"\mathrm{tr}(X^T A X)", "A:mm X:mn", "X", D, lambda A, X: tr(X.T @ A @ X)),
    Row(r"\mathrm{tr}(X^T A X)", "A:mm X:mn", "X", N, lambda A, X: tr(X.T @ A @ X)),
    Row(r"\mathrm{tr}(X^T A X B)", "A:mm X:mn B:nn", "X", D, lambda A, X, B: tr(X.T @ A @ X @ B)),
    Row(r"\mathrm{tr}(X A X^T B)", "A:nn X:mn B:mm", "X", D, lambda A, X, B: tr(X @ A @ X.T @ B)),
    Row(r"\mathrm{tr}(A X B X)", "A:nm X:mn B:nm", "X", D, lambda A, X, B: tr(A @ X @ B @ X)),
    Row(r"\mathrm{tr}(X^2)", "X:nn", "X", D, lambda X: tr(X @ X)),
    Row(r"\mathrm{tr}(X^3)", "X:nn", "X", D, lambda X: tr(X @ X @ X)),
    Row(r"\mathrm{tr}(X^4)", "X:nn", "X", N, lambda X: tr(X @ X @ X @ X)),
    Row(r"\mathrm{tr}(A X^2)", "A:nn X:nn", "X", D, lambda A, X: tr(A @ X @ X)),
    Row(r"\mathrm{tr}(X^{-1})", "X:nn", "X", D, lambda X: tr(inv(X))),
    Row(r"\mathrm{tr}(A X^{-1} B)", "A:mn X:nn B:nm", "X", D, lambda A, X, B: tr(A @ inv(X) @ B)),
    Row(r"\mathrm{tr}(A X^{-1} B)", "A:mn X:nn B:nm", "X", N, lambda A, X, B: tr(A @ inv(X) @ B)),
    Row(r"a^T X^{-1} b", "X:nn a:n b:n", "X", D, lambda X, a, b: a @ inv(X) @ b),
    Row(
        r"a^T (X^T X + \lambda I)^{-1} a",
        r"X:mn a:n \lambda:",
        "X",
        D,
        lambda X, a, lambda_: a @ inv(X.T @ X + lambda_ * np.eye(X.shape[1])) @ a,
    ),
    Row(r"\mathrm{tr}((X + A)^{-1})", "X:nn A:nn", "X", D, lambda X, A: tr(inv(X + A))),
    Row(r"\det(X)", "X:nn", "X", D, det),
    Row(r"\det(X)", "X:nn", "X", N, det),
    Row(r"\det(A X B)", "A:nn X:nn B:nn", "X", D, lambda A, X, B: det(A @ X @ B)),
    Row(r"\det(X)^2", "X:nn", "X", D, lambda X: det(X) ** 2),
    Row(r"\det(X^{-1})", "X:nn", "X", D, lambda X: 1 / det(X)),
    Row(r"\log\det X", "X:nn", "X", D, logdet),
    Row(r"\log\det X", "X:nn", "X", N, logdet),
    Row(r"\log|\det X|", "X:nn", "X", D, logdet),
    Row(r"\log\det(X^T X)", "X:nn", "X", D, lambda X: logdet(X.T @ X)),
    Row(
        r"\log\det(X^T X + \lambda I)",
        r"X:mn \lambda:",
        "X",
        D,
        lambda X, lambda_: logdet(X.T @ X + lambda_ * np.eye(X.shape[1])),
    ),
    Row(r"\det(X^T A X)", "A:nn X:nn", "X", D, lambda A, X: det(X.T @ A @ X)),
    Row(r"\log\det X + \mathrm{tr}(A X^{-1})", "A:nn X:nn", "X", D, lambda A, X: logdet(X) + tr(A @ inv(X))),
    Row(r"\|X\|_F", "X:mn", "X", D, norm),
    Row(r"\|X\|_F^2", "X:mn", "X", N, lambda X: np.sum(X**2)),
    Row(r"\|A X - B\|_F^2", "A:pm X:mn B:pn", "X", D, lambda A, X, B: np.sum((A @ X - B) ** 2)),
    Row(
        r"\frac12 \|A X - B\|_F^2 + \frac\lambda2 \|X\|_F^2",
        r"A:pm X:mn B:pn \lambda:",
        "X",
        D,
        lambda A, X, B, lambda_: 0.5 * np.sum((A @ X - B) ** 2) + lambda_ / 2 * np.sum(X**2),
    ),
    Row(r"\|X - A B^T\|_F^2", "X:mn A:mp B:np", "A", D, lambda X, A, B: np.sum((X - A @ B.T) ** 2)),
    Row(r"\|X - A B^T\|_F^2", "X:mn A:mp B:np", "B", N, lambda X, A, B: np.sum((X - A @ B.T) ** 2)),
    Row(r"\|A \odot (X - B)\|_F^2", "A:mn X:mn B:mn", "X", D, lambda A, X, B: np.sum((A * (X - B)) ** 2)),
    Row(r"a^T (X \odot X) b", "X:mn a:m b:n", "X", D, lambda X, a, b: a @ (X * X) @ b),
    Row(r"\mathrm{tr}(A (X \odot B))", "A:nm X:mn B:mn", "X", D, lambda A, X, B: tr(A @ (X * B))),
    Row(r"a^T \mathrm{diag}(X)", "X:nn a:n", "X", D, lambda X, a: a @ np.diag(X)),
    Row(r"a^T e^{X} b", "X:mn a:m b:n", "X", D, lambda X, a, b: a @ np.exp(X) @ b),
    Row(r"a^T \tanh(X b)", "X:mn a:m b:n", "X", D, lambda X, a, b: a @ np.tanh(X @ b)),
    Row(r"a^T \mathrm{sigmoid}(X b)", "X:mn a:m b:n", "X", N, lambda X, a, b: a @ sigmoid(X @ b)),
    Row(r"\|\tanh(X a) - b\|^2", "X:mn a:n b:m", "X", D, lambda X, a, b: np.sum((np.tanh(X @ a) - b) ** 2)),
    Row(r"w^T \mathrm{relu}(X a + b)", "X:mn a:n b:m w:m", "X", D, lambda X, a, b, w: w @ relu(X @ a + b)),
    Row(
        r"w^T \tanh(V \tanh(U x))",
        "U:mn V:pm w:p x:n",
        "U",
        D,
        lambda U, V, w, x: w @ np.tanh(V @ np.tanh(U @ x)),
    ),
    Row(
        r"-y^T \log \mathrm{softmax}(W x + b)",
        r"W:mn x:n b:m y:m",
        "W",
        D,
        lambda W, x, b, y: -y @ np.log(softmax(W @ x + b)),
    ),
    Row(
        r"-y^T \log \mathrm{softmax}(W x + b)",
        r"W:mn x:n b:m y:m",
        "b",
        D,
        lambda W, x, b, y: -y @ np.log(softmax(W @ x + b)),
    ),
    Row(r"\mathrm{logsumexp}(X a)", "X:mn a:n", "X", N, lambda X, a: lse(X @ a)),
    Row(r"\mathrm{logsumexp}(X)", "X:mn", "X", D, lse),
    Row(r"\sum_i \sum_j A_{ij} X_{ij}^2", "A:mn X:mn", "X", D, lambda A, X: np.sum(A * X**2)),
    Row(r"\sum_i (X_{ii})^2", "X:nn", "X", D, lambda X: np.sum(np.diag(X) ** 2)),
    Row(r"\sqrt{a^T X b}", "X:mn a:m b:n", "X", D, lambda X, a, b: np.sqrt(a @ X @ b)),
    Row(r"\log(a^T X a)", "X:nn a:n", "X", D, lambda X, a: np.log(a @ X @ a)),
    Row(r"(a^T X b)^3", "X:mn a:m b:n", "X", D, lambda X, a, b: (a @ X @ b) ** 3),
    Row(r"e^{\mathrm{tr}(A X)}", "A:nm X:mn", "X", D, lambda A, X: np.exp(tr(A @ X) / 1)),
    Row(r"\frac{a^T X b}{\|X\|_F}", "X:mn a:m b:n", "X", D, lambda X, a, b: a @ X @ b / norm(X)),
]

VECTORS_AND_MORE = [
    Row(r"A x", "A:mn x:n", "x", D, lambda A, x: A @ x),
    Row(r"A x", "A:mn x:n", "x", N, lambda A, x: A @ x),
    Row(r"x^T A", "A:nm x:n", "x", D, lambda A, x: x @ A),
    Row(r"x", "x:n", "x", D, lambda x: x + 0),
    Row(r"x x^T a", "x:n a:n", "x", D, lambda x, a: x * (x @ a)),
    Row(r"x x^T a", "x:n a:n", "x", N, lambda x, a: x * (x @ a)),
    Row(r"(a^T x) A x", "A:mn a:n x:n", "x", D, lambda A, a, x: (a @ x) * (A @ x)),
    Row(r"\tanh(A x + b)", "A:mn b:m x:n", "x", D, lambda A, b, x: np.tanh(A @ x + b)),
    Row(r"\tanh(A x + b)", "A:mn b:m x:n", "x", N, lambda A, b, x: np.tanh(A @ x + b)),
    Row(r"\mathrm{sigmoid}(x)", "x:n", "x", D, sigmoid),
    Row(r"\mathrm{softmax}(A x)", "A:mn x:n", "x", D, lambda A, x: softmax(A @ x)),
    Row(r"\mathrm{softmax}(A x)", "A:mn x:n", "x", N, lambda A, x: softmax(A @ x)),
    Row(r"\log \mathrm{softmax}(x)", "x:n", "x", D, lambda x: np.log(softmax(x))),
    Row(r"\frac{x}{\|x\|}", "x:n", "x", D, lambda x: x / norm(x)),
    Row(r"x \odot x \odot a", "x:n a:n", "x", D, lambda x, a: x * x * a),
    Row(r"x \odot (A x)", "A:nn x:n", "x", N, lambda A, x: x * (A @ x)),
    Row(r"\mathrm{diag}(a) x", "a:n x:n", "x", D, lambda a, x: a * x),
    Row(r"\mathrm{diag}(x) A x", "A:nn x:n", "x", D, lambda A, x: x * (A @ x)),
    Row(r"(A \odot (x x^T)) x", "A:nn x:n", "x", D, lambda A, x: (A * np.outer(x, x)) @ x),
    Row(r"\log(x)", "x:n", "x", N, np.log),
    Row(r"(A + t B)^{-1}", "A:nn B:nn t:", "t", D, lambda A, B, t: inv(A + t * B)),
    Row(r"(A + t B)^{-1}", "A:nn B:nn t:", "t", N, lambda A, B, t: inv(A + t * B)),
    Row(r"e^{t A} \odot B", "A:mn B:mn t:", "t", N, lambda A, B, t: np.exp(t * A) * B),
    Row(r"\log\det(A + t B)", "A:nn B:nn t:", "t", D, lambda A, B, t: logdet(A + t * B)),
    Row(r"\|a + t b\|", "a:n b:n t:", "t", D, lambda a, b, t: norm(a + t * b)),
    Row(r"t^2 a + \sin(t) b", "a:n b:n t:", "t", N, lambda a, b, t: t**2 * a + np.sin(t) * b),
    Row(r"X a", "X:mn a:n", "X", D, lambda X, a: X @ a),
    Row(r"X a", "X:mn a:n", "X", N, lambda X, a: X @ a),
    Row(r"A X B", "A:pm X:mn B:nq", "X", N, lambda A, X, B: A @ X @ B),
    Row(r"X^T X", "X:mn", "X", D, lambda X: X.T @ X),
    Row(r"X^{-1}", "X:nn", "X", D, inv),
    Row(r"x x^T", "x:n", "x", D, lambda x: np.outer(x, x)),
    Row(r"X \odot X", "X:mn", "X", N, lambda X: X * X),
    Row(r"\tanh(X a)", "X:mn a:n", "X", D, lambda X, a: np.tanh(X @ a)),
]

HESSIANS = [
    Row(r"x^T A x", "A:nn x:n", "x", D, lambda A, x: x @ A @ x, 2),
    Row(r"\frac12 \|Ax-b\|^2 + \frac\lambda2 \|x\|^2", r"A:mn b:m x:n \lambda:", "x", N,
        lambda A, b, x, lambda_: 0.5 * (A @ x - b) @ (A @ x - b) + lambda_ / 2 * x @ x, 2),
    Row(r"\mathrm{logsumexp}(x)", "x:n", "x", D, lse, 2),
    Row(r"e^{a^T x}", "a:n x:n", "x", N, lambda a, x: np.exp(a @ x), 2),
    Row(r"\log(1 + e^{a^T x})", "a:n x:n", "x", D, lambda a, x: np.log(1 + np.exp(a @ x)), 2),
    Row(r"\|x\|", "x:n", "x", D, norm, 2),
    Row(r"\sum_i x_i \log x_i", "x:n", "x", D, lambda x: np.sum(x * np.log(x)), 2),
    Row(r"\mathrm{tr}(X^T A X)", "A:mm X:mn", "X", D, lambda A, X: tr(X.T @ A @ X), 2),
    Row(r"b^T \tanh(A x)", "A:mn x:n b:m", "x", D, lambda A, x, b: b @ np.tanh(A @ x), 2),
    Row(r"\frac{1}{1 + x^T x}", "x:n", "x", D, lambda x: 1 / (1 + x @ x), 2),
    Row(r"t^3 \lambda", r"t: \lambda:", "t", D, lambda t, lambda_: t**3 * lambda_, 2),
]  # fmt: skip

# what the kernel does not prove: the answer is shown as not proved
OPEN = [
    Row(r"\mathrm{tr}(A \, \mathrm{softmax}(X))", "A:nm X:mn", "X", D, lambda A, X: tr(A @ softmax(X))),
]

# what has no rule or no reading, and what the message has to name: (expression, shapes, by what, word)
UNSUPPORTED = [
    (r"A \otimes X", "A:mn X:mn", "X", "Kronecker"),
    (r"\mathrm{tr}(A \otimes X)", "A:nn X:nn", "X", "Kronecker"),
    (r"f(x)", "x:n | f: \\mathbb{R}^n \\to \\mathbb{R}", "x", "f"),
    (r"\|X\|_\infty", "X:mn", "X", "norm"),
    (r"\max(x)", "x:n", "x", "max"),
    (r"x \star a", "x:n a:n", "x", "star"),
    (r"a x", "a:n x:n", "x", "conform"),
    (r"\|X\|", "X:mn", "X", "norm"),
    (r"x + A", "A:nn x:n", "x", "shapes"),
    (r"x^T y", "x:n", "2 x", "--wrt"),
    (r"X^{-1}", "X:mn", "X", "square"),
    (r"\det(X)", "X:mn", "X", "square"),
    (r"x =", "x:n", "x", "expression"),
    (r"", "x:n", "x", "expression"),
]

ROWS = [*SCALAR_BY_VECTOR, *SCALAR_BY_MATRIX, *VECTORS_AND_MORE, *HESSIANS]
