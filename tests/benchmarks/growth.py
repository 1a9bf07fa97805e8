"""How the time grows: with the length of a chain, bound indices, nesting, the number of documents."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from derive import documents
from derive.kernel import normal_form
from derive.report import Verdict
from derive.terms import Apply, Dimension, Entry, Index, Product, Sum, Term
from tests.benchmarks.clock import best

N = Dimension.of("n")
GIVEN = "<!-- derive\nx, y \\in \\mathbb{R}^n, A \\in \\mathbb{R}^{n \\times n}\n-->\n\n"


def chain(length: int) -> Callable[[], object]:
    """One display with so many signs, each step a true one: products re-associated and distributed."""
    sides = [f"A(x + {n} y)" if n % 2 else f"A x + {n} A y" for n in range(2, length + 2)]
    rows = " \\\\\n".join(f"&= {side} - {n} A y" for n, side in enumerate(sides, 2))
    text = f"{GIVEN}$$\\begin{{aligned}}\nA (x + y - y) {rows}\n\\end{{aligned}}$$\n"
    return lambda: _proved(documents.check(text))


def contraction(body: Callable[[list[Index]], Sequence[Term]], count: int) -> Callable[[], object]:
    """The normal form of Σ over so many indices, in the order given and in reverse, which must agree."""
    indices = [Index(f"i{n}", N) for n in range(count)]
    forward, backward = Product(tuple(body(indices))), Product(tuple(body(indices))[::-1])
    for index in indices:
        forward, backward = Sum(index, forward), Sum(index, backward)  # type: ignore[assignment]
    assert normal_form(forward) == normal_form(backward)
    return lambda: normal_form(forward)


def a_chain(i: list[Index]) -> list[Term]:
    """A_ij A_jk A_kl …"""
    return [Entry("A", (p, q)) for p, q in pairwise(i)]


def all_pairs(i: list[Index]) -> list[Term]:
    """A_ij for every two different indices: any permutation of them is the same."""
    return [Entry("A", (p, q)) for p in i for q in i if p != q]


def one_function(i: list[Index]) -> list[Term]:
    """f(x_i x_j x_k …), in which no index differs from another."""
    return [Apply("f", Product(tuple(Entry("x", (p,)) for p in i)))]


def nesting(depth: int) -> Callable[[], object]:
    """∂/∂x of Σ σ(σ(… σ(x) …)), so many deep, against the product of the slopes."""
    inner = ["x"]
    for _ in range(depth):
        inner.append(f"\\sigma({inner[-1]})")
    slopes = " \\odot ".join(f"\\sigma'({argument})" for argument in reversed(inner[:-1]))
    claim = f"\\nabla_x \\mathbf{{1}}^T {inner[-1]} = {slopes}"
    given = ["x \\in \\mathbb{R}^n", "\\sigma: \\mathbb{R} \\to \\mathbb{R} elementwise"]
    return lambda: _proved(documents.check(f"$${claim}$$", given))


def files(count: int) -> Callable[[], object]:
    """So many documents of ten claims, in one run."""
    folder = Path(tempfile.mkdtemp(prefix="growth-"))
    for number in range(count):
        claims = "".join(f"$A(x + {n} y) = A x + {n} A y$\n\n" for n in range(2, 12))
        (folder / f"{number}.md").write_text(f"# {number}\n\n{GIVEN}{claims}", encoding="utf-8")
    return lambda: [_proved(report) for report in documents.check_files([folder], cross_check=False)]


def _proved(report: documents.Report) -> None:
    wrong = [step for step in report.steps if step.kind == "claim" and step.verdict is not Verdict.PROVED]
    assert not wrong, f"{wrong[0].lhs} = {wrong[0].rhs}: {wrong[0].verdict} {wrong[0].message}"


CURVES: dict[str, tuple[Callable[[int], Callable[[], object]], Sequence[int]]] = {
    "signs in a chain": (chain, (5, 10, 20, 40, 80)),
    "bound indices, A_ij A_jk …": (lambda n: contraction(a_chain, n), (2, 3, 4, 5, 6, 7)),
    "bound indices, all pairs": (lambda n: contraction(all_pairs, n), (2, 3, 4, 5, 6, 7)),
    "bound indices, f(x_i x_j …)": (lambda n: contraction(one_function, n), (2, 3, 4, 5, 6, 7)),
    "nested functions": (nesting, (1, 2, 4, 8, 16)),
    "documents of ten claims": (files, (1, 2, 4, 8, 16)),
}


def curves() -> Iterator[tuple[str, list[tuple[int, float]], float]]:
    """For each curve its points, and the power of the size with which its last half grows."""
    for name, (make, sizes) in CURVES.items():
        points = [(size, best(make(size), 1.0, 7)) for size in sizes]
        (a, s), (b, t) = points[len(points) // 2], points[-1]
        yield name, points, math.log(t / s) / math.log(b / a)
