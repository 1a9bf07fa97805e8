"""Pictures for teaching: each function returns a matplotlib Figure, and nothing is drawn on a screen.

    step_size(phi, slope)            the error of difference quotients against their step
    temperature(z)                   softmax of z/τ against τ
    convexity(loss, start, end)      a loss over a plane, and along a line in it with its chord
    convergence(curves)              how fast iterations get near an optimum
    rows_as_images(W, (8, 8))        the weights of a classifier of images, one picture for each class

matplotlib (the extra `notebooks`) is loaded when a picture is made. Colours are those of Okabe & Ito, Color
Universal Design (2008), which readers with a colour vision deficiency can tell apart; lines differ in their
dashes or markers, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numeric.reference import softmax

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
GREY = "#666666"


def step_size(phi: Callable[[Any], Any], slope: float, at: float = 0.0) -> Figure:
    """The error of four estimates of φ′(t), relative to it, for steps from 1 down to 1e-16.

    Args:
        phi: a function of one number, which must be analytic and take complex numbers.
        slope: φ′(t), as exactly as it is known; not 0.
        at: t.
    """
    steps = np.logspace(0, -16, 97)

    def central(h: float) -> float:
        return float((phi(at + h) - phi(at - h)) / (2 * h))

    estimates = {
        "forward difference": [(phi(at + h) - phi(at)) / h for h in steps],
        "central difference": [central(h) for h in steps],
        "central, one Richardson step": [(4 * central(h / 2) - central(h)) / 3 for h in steps],
        "complex step": [np.imag(phi(at + 1j * h)) / h for h in steps],
    }
    smallest = np.finfo(np.float64).eps / 4  # an error of 0 has no place on a logarithmic axis
    figure, axes = _single(6.4, 4.2)
    for (name, values), colour, marker in zip(estimates.items(), COLOURS, "os^D", strict=False):
        error = np.abs(np.array(values, dtype=float) - slope) / abs(slope)
        axes.loglog(steps, np.maximum(error, smallest), marker, color=colour, markersize=3, label=name)
    epsilon = float(np.finfo(np.float64).eps)
    axes.loglog(steps, np.minimum(epsilon / steps, 3), color=GREY, linewidth=1, linestyle=":")
    axes.text(1e-11, 0.05, "round-off, about ε/h", color=GREY, fontsize=9)
    axes.text(2e-4, 1.0, "truncation", color=GREY, fontsize=9, horizontalalignment="right")
    axes.set(xlabel="step h", ylabel="relative error", ylim=(2e-17, 10), xlim=(2e-17, 3))
    axes.grid(True, alpha=0.3)
    figure.legend(loc="outside upper center", ncols=2, frameon=False, markerscale=2)
    return figure


def temperature(z: ArrayLike, names: Sequence[str] | None = None) -> Figure:
    """softmax(z/τ) against the temperature τ: the largest takes all as τ → 0, all are equal as τ → ∞.

    Args:
        z: scores (c,), at most seven of them.
        names: of the classes; their scores where None.
    """
    scores = np.asarray(z, dtype=np.float64)
    if scores.ndim != 1 or not 1 <= scores.size <= len(COLOURS):
        raise ValueError(f"the scores are a vector of 1 to {len(COLOURS)} numbers, not {scores.shape}")
    labels = names or [f"z = {score:g}" for score in scores]
    temperatures = np.logspace(-1.2, 1.5, 300)
    shares = softmax(scores / temperatures[:, None])
    figure, axes = _single(6.4, 3.6)
    for share, label, colour, dash in zip(shares.T, labels, COLOURS, DASHES, strict=False):
        axes.semilogx(temperatures, share, color=colour, linestyle=dash, linewidth=2, label=label)
    axes.axvline(1, color=GREY, linewidth=1)
    axes.text(1.04, 0.93, "τ = 1", color=GREY, fontsize=9)
    axes.axhline(1 / scores.size, color=GREY, linewidth=1, linestyle=":")
    axes.text(temperatures[0], 1 / scores.size + 0.015, f"1/{scores.size}", color=GREY, fontsize=9)
    axes.set(xlabel="temperature τ", ylabel="probability", ylim=(-0.02, 1.02))
    axes.grid(True, alpha=0.3)
    axes.legend(frameon=False)
    return figure


def convexity(
    loss: Callable[[float, float], float],
    start: tuple[float, float],
    end: tuple[float, float],
    names: tuple[str, str] = ("u", "v"),
) -> Figure:
    """Level lines of a loss over the plane, and the loss along a segment, below its chord if it is convex.

    Args:
        loss: a number for each point (u, v).
        start, end: of the segment.
        names: of the two coordinates.
    """
    first, last = np.array(start, dtype=float), np.array(end, dtype=float)
    margin = 0.25 * float(np.max(np.abs(last - first)))
    low, high = np.minimum(first, last) - margin, np.maximum(first, last) + margin
    us, vs = np.linspace(low[0], high[0], 90), np.linspace(low[1], high[1], 90)
    heights = np.array([[loss(float(u), float(v)) for u in us] for v in vs])
    share = np.linspace(0, 1, 101)
    along = np.array([loss(*map(float, first + t * (last - first))) for t in share])

    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.6, 3.5), dpi=100, layout="constrained")
    plane, section = figure.subplots(1, 2)
    levels = plane.contourf(us, vs, heights, levels=14, cmap="viridis")
    figure.colorbar(levels, ax=plane, label="loss")
    plane.plot(*zip(first, last, strict=True), "o-", color="white", markeredgecolor="black", linewidth=2)
    plane.set(xlabel=names[0], ylabel=names[1], title="the loss over a plane")
    section.plot(share, along, color=BLUE, linewidth=2, label="loss")
    section.plot([0, 1], along[[0, -1]], "o--", color=RED, linewidth=1.5, label="chord")
    section.fill_between(share, along, along[0] + share * (along[-1] - along[0]), color=SKY, alpha=0.25)
    section.set(xlabel="share of the segment", title="along the segment")
    section.grid(True, alpha=0.3)
    section.legend(frameon=False)
    return figure


def convergence(curves: Mapping[str, ArrayLike], ylabel: str) -> Figure:
    """Positive quantities on a logarithmic axis, against the number of iterations; at most seven curves."""
    if not 1 <= len(curves) <= len(COLOURS):
        raise ValueError(f"there are 1 to {len(COLOURS)} curves, not {len(curves)}")
    figure, axes = _single(6.4, 3.6)
    for (name, values), colour, dash in zip(curves.items(), COLOURS, DASHES, strict=False):
        points: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
        axes.semilogy(points, color=colour, linestyle=dash, label=name)
    axes.set(xlabel="iteration", ylabel=ylabel)
    axes.grid(True, alpha=0.3)
    if len(curves) > 1:
        axes.legend(frameon=False)
    return figure


def rows_as_images(W: ArrayLike, shape: tuple[int, int], names: Sequence[str] | None = None) -> Figure:
    """Each row of a matrix as a picture: blue for negative entries, white for 0, red for positive ones.

    Args:
        W: (c, d).
        shape: rows and columns of a picture, whose product is d.
        names: of the c pictures; their numbers where None.
    """
    rows = np.asarray(W, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != shape[0] * shape[1]:
        raise ValueError(
            f"pictures of {shape[0]}×{shape[1]} need rows of that many entries, not {rows.shape}"
        )
    across = min(5, len(rows))
    down = -(-len(rows) // across)

    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.3 * across + 0.7, 1.5 * down), dpi=100, layout="constrained")
    cells = np.atleast_1d(figure.subplots(down, across)).ravel()
    largest = float(np.abs(rows).max())
    for number, (cell, row) in enumerate(zip(cells, rows, strict=False)):
        picture = cell.imshow(row.reshape(shape), cmap="RdBu_r", vmin=-largest, vmax=largest)
        cell.set_title(names[number] if names else str(number), fontsize=10)
    for cell in cells:
        cell.axis("off")
    figure.colorbar(picture, ax=list(cells), label="weight", shrink=0.8)
    return figure


def _single(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure with one pair of axes, without the two sides of the frame that say nothing."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
