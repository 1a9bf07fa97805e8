r"""Documents by the thousand, all different: what the benchmarks and the tests of many documents read.

    python -m tests.benchmarks.corpus FOLDER [--count 2000] [--steps 20] [--seed 0]

Each document is a Markdown text of sections. A section draws its symbols, its dimensions and its numbers,
declares them, and makes the claims of one of the `SECTIONS`, in chains or alone; now and then a number of a
claim is wrong. The seed and the number of a document determine its text.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator
from pathlib import Path

VECTORS = ("x", "u", "v", "a", "p", "q", "s", "h")
MATRICES = ("A", "B", "C", "G", "K", "M", "R", "V")
SIZES = ("n", "m", "d", "c", "k", "l")
WRONG = 0.01  # of the numbers in claims

# ruff: noqa: E501 (a claim is one line)

Section = tuple[list[str], list[str]]
"""Statements of a given block, and chains of claims; each `=` that is a claim stands behind an `&`."""


class Draw:
    """The symbols and numbers of one section."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.vectors = iter(rng.sample(VECTORS, len(VECTORS)))
        self.matrices = iter(rng.sample(MATRICES, len(MATRICES)))
        self.sizes = iter(rng.sample(SIZES, len(SIZES)))

    def number(self) -> int:
        return self.rng.randint(2, 99)

    def said(self, number: int) -> int:
        """The number, as the author of the document has it."""
        return number + (self.rng.random() < WRONG)


def linear(draw: Draw) -> Section:
    """Linear and quadratic forms."""
    x, a, m, n = next(draw.vectors), next(draw.vectors), next(draw.matrices), next(draw.sizes)
    k, j = draw.number(), draw.number()
    return [rf"{x} \in \mathbb{{R}}^{n}, {a} \in \mathbb{{R}}^{n}, {m} \in \mathbb{{R}}^{{{n} \times {n}}}"], [
        rf"\frac{{\partial {k} {a}^T {x}}}{{\partial {x}}} &= {draw.said(k)} {a}",
        rf"\frac{{\partial {x}^T {m} {x}}}{{\partial {x}}} &= {m} {x} + {m}^T {x} &= ({m} + {m}^T) {x}",
        rf"\frac{{\partial ({j} {x}^T {x} + {k} {a}^T {x})}}{{\partial {x}}} &= {draw.said(2 * j)} {x} + {k} {a}",
    ]  # fmt: skip


def least_squares(draw: Draw) -> Section:
    """Half the squared error of a linear model, with a ridge."""
    x, b, m, n, d = (
        next(draw.vectors),
        next(draw.vectors),
        next(draw.matrices),
        *(next(draw.sizes) for _ in "nd"),
    )
    k = draw.number()
    return [
        rf"{m} \in \mathbb{{R}}^{{{n} \times {d}}}, {x} \in \mathbb{{R}}^{d}, {b} \in \mathbb{{R}}^{n}",
        rf"r = {m} {x} - {b}",
    ], [
        rf"\frac{{1}}{{2}} r^T r &= \frac{{1}}{{2}} \|{m} {x} - {b}\|^2",
        rf"\frac{{\partial r^T r}}{{\partial {x}}} &= 2 {m}^T r &= 2 {m}^T ({m} {x} - {b})",
        rf"\frac{{\partial ({k} \|{x}\|^2)}}{{\partial {x}}} &= {draw.said(2 * k)} {x}",
        rf"\|r\|^2 &= {x}^T {m}^T {m} {x} - 2 {b}^T {m} {x} + {b}^T {b}",
    ]  # fmt: skip


def softmax(draw: Draw) -> Section:
    """The last layer of a classifier."""
    x, b, w = next(draw.vectors), next(draw.vectors), next(draw.matrices)
    c, d = next(draw.sizes), next(draw.sizes)
    k = draw.number()
    return [
        rf"{w} \in \mathbb{{R}}^{{{c} \times {d}}}, {x} \in \mathbb{{R}}^{d}, {b} \in \mathbb{{R}}^{c}",
        rf"y \in \mathbb{{R}}^{c}",
        r"\sum_i y_i = 1",
        rf"z = {w} {x} + {b}",
        r"\hat{y} = \mathrm{softmax}(z)",
        rf"L = -{k} y^T \log \hat{{y}}",
    ], [
        rf"\frac{{\partial L}}{{\partial z}} &= {draw.said(k)} (\hat{{y}} - y)",
        rf"\frac{{\partial L}}{{\partial {w}}} &= \frac{{\partial L}}{{\partial z}} {x}^T &= {k} (\hat{{y}} - y) {x}^T",
        rf"\frac{{\partial L}}{{\partial {b}}} &= {k} (\hat{{y}} - y)",
        rf"\frac{{\partial L}}{{\partial {x}}} &= {k} {w}^T (\hat{{y}} - y)",
    ]  # fmt: skip


def traces(draw: Draw) -> Section:
    """Traces, products and transposes."""
    a, b, x = next(draw.matrices), next(draw.matrices), next(draw.matrices)
    n, m = next(draw.sizes), next(draw.sizes)
    k = draw.number()
    return [
        rf"{a} \in \mathbb{{R}}^{{{n} \times {m}}}, {b} \in \mathbb{{R}}^{{{m} \times {n}}}, {x} \in \mathbb{{R}}^{{{n} \times {m}}}"
    ], [
        rf"\mathrm{{tr}}({a} {b}) &= \mathrm{{tr}}({b} {a})",
        rf"({a} {b})^T &= {b}^T {a}^T",
        rf"\frac{{\partial \mathrm{{tr}}({k} {b} {x})}}{{\partial {x}}} &= {draw.said(k)} {b}^T",
        rf"{b} ({k} {a} + {x}) &= {k} {b} {a} + {b} {x}",
        rf"\mathrm{{tr}}({x}^T {x}) &= \|{x}\|_F^2",
    ]  # fmt: skip


def scalars(draw: Draw) -> Section:
    """Binomials, exponentials and logarithms."""
    a, b = next(draw.vectors), next(draw.vectors)
    k, j = draw.number(), draw.number()
    return [rf"{a} \in \mathbb{{R}}, {b} \in \mathbb{{R}}"], [
        rf"({k} {a} + {j} {b})^2 &= {k * k} {a}^2 + {draw.said(2 * k * j)} {a} {b} + {j * j} {b}^2",
        rf"e^{{{k} {a} + {b}}} &= e^{{{k} {a}}} e^{{{b}}}",
        rf"\frac{{\partial e^{{{j} {a}}}}}{{\partial {a}}} &= {draw.said(j)} e^{{{j} {a}}}",
        rf"\log(e^{{{k} {a}}} e^{{{j} {b}}}) &= {k} {a} + {j} {b}",
        rf"\frac{{\partial}}{{\partial {a}}} \frac{{1}}{{1 + e^{{-{a}}}}} &= \frac{{e^{{-{a}}}}}{{(1 + e^{{-{a}}})^2}}",
    ]  # fmt: skip


def entries(draw: Draw) -> Section:
    """Sums over entries."""
    x, a, n = next(draw.vectors), next(draw.vectors), next(draw.sizes)
    k, j = draw.number(), draw.number()
    return [rf"{x} \in \mathbb{{R}}^{n}, {a} \in \mathbb{{R}}^{n}"], [
        rf"\sum_i ({k} {x}_i + {j} {a}_i) &= {k} \sum_i {x}_i + {j} \sum_i {a}_i",
        rf"\frac{{\partial}}{{\partial {x}_i}} \sum_j {k} {x}_j^2 &= {draw.said(2 * k)} {x}_i",
        rf"\frac{{\partial}}{{\partial {x}_i}} \log \sum_j e^{{{x}_j}} &= \frac{{e^{{{x}_i}}}}{{\sum_j e^{{{x}_j}}}}",
        rf"\sum_i ({x}_i - {a}_i)^2 &= \|{x} - {a}\|^2 &= {x}^T {x} - 2 {a}^T {x} + {a}^T {a}",
    ]


SECTIONS: tuple[Callable[[Draw], Section], ...] = (linear, least_squares, softmax, traces, scalars, entries)


def document(number: int, steps: int = 20, seed: int = 0) -> str:
    """The text of one document with so many claims."""
    rng = random.Random(f"{seed} {number}")
    parts = [f"# Notes {number}", "<!-- derive\nlayout: denominator\n-->"]
    while steps > 0:
        draw = Draw(rng)
        section = rng.choice(SECTIONS)
        given, chains = section(draw)
        parts += [f"## {section.__doc__ or ''}".strip(), "<!-- derive\n" + "\n".join(given) + "\n-->"]
        for chain in rng.sample(chains, rng.randint(2, len(chains))):
            first, *claims = chain.split(" &= ")
            shown = claims[:steps]
            steps -= len(shown)
            if shown:
                rows = " \\\\\n".join(f"&= {claim}" for claim in shown)
                parts.append(f"$$\n\\begin{{align*}}\n{first}\n{rows}\n\\end{{align*}}\n$$")
    return "\n\n".join(parts) + "\n"


def write(folder: Path, count: int, steps: int = 20, seed: int = 0) -> Iterator[Path]:
    """Write so many documents below a folder, a hundred to a folder of its own."""
    for number in range(count):
        path = folder / f"{number // 100:03d}" / f"{number:05d}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document(number, steps, seed), encoding="utf-8")
        yield path


def main() -> None:
    """Write the documents that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"{len(list(write(options.folder, options.count, options.steps, options.seed)))} documents")


if __name__ == "__main__":
    main()
