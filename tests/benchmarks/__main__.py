"""How long the kernel takes for the home derivation, beside SymPy at explicit sizes; and how long to start.

    python -m tests.benchmarks [--seconds 120] [--runs 15] [--sizes 3x2 4x3 5x4 6x6 8x8]

The kernel proves each claim for every c and d, lowering from expressions included, warm and in process. SymPy
decides the same claim at one size: for every entry, `simplify(diff(...) - expected) == 0` over explicit
symbols. Each (claim, size) of SymPy's runs in a process of its own and gets a share of the seconds; where
that ends before the last entry, the total is estimated from the entries that were done, and marked ≈.
Times are of the processor, so that what else runs on the machine counts for little; start-up is by the clock.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from rich.console import Console
from rich.table import Table

from derive.expression import (
    SCALAR,
    Add,
    Apply,
    Constant,
    Diagonal,
    Divide,
    Expression,
    Fill,
    Hadamard,
    Layout,
    Multiply,
    Negate,
    Norm,
    Partial,
    Power,
    Softmax,
    Symbol,
    Transpose,
)
from derive.kernel import Theorem, prove
from derive.lowering import state
from derive.terms import ONE, Dimension, Equation

LAYOUTS: tuple[Layout, ...] = ("denominator", "numerator")
SIZES = ("3x2", "4x3", "5x4", "6x6", "8x8")
TITLES = {
    "T1": "∂ŷ/∂z = diag ŷ − ŷŷᵀ",
    "T2": "∂CE/∂z = ŷ − y",
    "T3": "∂CE/∂W = (ŷ − y)xᵀ and ∂CE/∂b",
    "T4": "∂²CE/∂z² = diag ŷ − ŷŷᵀ",
    "T5": "two classes: ∂CE/∂z = ŷ − y",
    "T6": "∂½‖σ(z) − y‖²/∂z = (σ(z) − y) ⊙ σ′(z)",
}

# ── the kernel ─────────────────────────────────────────────────────────────────────────────────────────────


def claims(task: str, layout: Layout) -> Iterator[Callable[[], Theorem | object]]:
    """What proves the claims of a task, from expressions to theorems."""
    c, d = Dimension.of(2 if task == "T5" else "c"), Dimension.of("d")
    w, x = Symbol("W", (c, d)), Symbol("x", (d, ONE))
    b, y = Symbol("b", (c, ONE)), Symbol("y", (c, ONE))
    z, chances, loss = Symbol("z", (c, ONE)), Symbol("ŷ", (c, ONE)), Symbol("CE", SCALAR)
    definitions: dict[str, Expression] = {
        "z": Add((Multiply(w, x), b)),
        "ŷ": Softmax(z),
        "CE": Negate(Multiply(Transpose(y), Apply("log", chances))),
    }
    total = state(Multiply(Fill(Fraction(1), (ONE, c)), y), Constant(Fraction(1))).claim
    sum_of_y = Equation(total.lhs, total.rhs, ("Σy = 1",))
    error = Add((chances, Negate(y)))
    curvature = Add((Diagonal(chances), Negate(Multiply(chances, Transpose(chances)))))

    def up(e: Expression) -> Expression:
        """The gradient of a scalar as it stands in this layout."""
        return Transpose(e) if layout == "numerator" else e

    slope = Partial(loss, z, layout)
    activation = Apply("σ", z)
    residual = Add((activation, Negate(y)))
    distance = Divide(Power(Norm(residual), Constant(Fraction(2))), Constant(Fraction(2)))
    sides: dict[str, list[tuple[Expression, Expression]]] = {
        "T1": [(Partial(chances, z, layout), curvature)],
        "T2": [(slope, up(error))],
        "T3": [
            (Partial(loss, w, layout), up(Multiply(error, Transpose(x)))),
            (Partial(loss, b, layout), up(error)),
        ],
        "T4": [(Partial(up(slope), z, layout), curvature)],
        "T5": [(slope, up(error))],
        "T6": [(Partial(distance, z, layout), up(Hadamard(residual, Apply("σ", z, 1))))],
    }
    known = {} if task == "T6" else definitions
    for lhs, rhs in sides[task]:
        yield lambda lhs=lhs, rhs=rhs: prove(state(lhs, rhs, "=", known, (sum_of_y,)).claim)


def kernel_seconds(task: str, layout: Layout, runs: int) -> float:
    """The median over several runs, after one that warms up."""
    provers = list(claims(task, layout))
    for prover in provers:
        if not isinstance(prover(), Theorem):
            raise SystemExit(f"{task} is not proved in {layout} layout")
    measured = []
    for _ in range(runs):
        start = time.process_time()
        for prover in provers:
            prover()
        measured.append(time.process_time() - start)
    return statistics.median(measured)


# ── SymPy ──────────────────────────────────────────────────────────────────────────────────────────────────


def entries(task: str, c: int, d: int) -> list[Callable[[], Any]]:
    """For each entry of a claim, what should come out as 0."""
    import sympy
    from sympy import Function, exp, log, symbols

    c = 2 if task == "T5" else c
    w = [[sympy.Symbol(f"W{i}_{j}") for j in range(d)] for i in range(c)]
    x, b, z = symbols(f"x:{d}"), symbols(f"b:{c}"), symbols(f"z:{c}")
    y = [*symbols(f"y:{c}")]
    y[-1] = 1 - sum(y[:-1])
    if task == "T6":
        sigma = Function("sigma")
        labels = symbols(f"y:{c}")
        errors = [sigma(z[i]) - labels[i] for i in range(c)]
        distance = sum(error**2 for error in errors) / 2
        return [lambda i=i: distance.diff(z[i]) - errors[i] * sigma(z[i]).diff(z[i]) for i in range(c)]
    scores = [sum(w[i][j] * x[j] for j in range(d)) + b[i] for i in range(c)] if task == "T3" else list(z)
    chances = [exp(s) / sum(map(exp, scores)) for s in scores]
    loss = -sum(y[i] * log(chances[i]) for i in range(c))
    if task in ("T1", "T4"):
        curvature = [[chances[i] * (int(i == j) - chances[j]) for j in range(c)] for i in range(c)]
        if task == "T1":
            return [
                lambda i=i, j=j: chances[i].diff(z[j]) - curvature[i][j]
                for i, j in itertools.product(range(c), repeat=2)
            ]
        return [
            lambda i=i, j=j: loss.diff(z[i], z[j]) - curvature[i][j]
            for i, j in itertools.product(range(c), repeat=2)
        ]
    if task in ("T2", "T5"):
        return [lambda i=i: loss.diff(z[i]) - (chances[i] - y[i]) for i in range(c)]
    weights = [
        lambda i=i, j=j: loss.diff(w[i][j]) - (chances[i] - y[i]) * x[j]
        for i, j in itertools.product(range(c), range(d))
    ]
    return weights + [lambda i=i: loss.diff(b[i]) - (chances[i] - y[i]) for i in range(c)]


def work(task: str, c: int, d: int) -> None:
    """The process that does one of SymPy's tasks: the number of entries, then a line for each."""
    from sympy import simplify

    todo = entries(task, c, d)
    print(len(todo), flush=True)
    for entry in todo:
        start = time.process_time()
        zero = simplify(entry()) == 0
        print(time.process_time() - start, int(zero), flush=True)


@dataclass(frozen=True)
class Timing:
    """What SymPy needed for some of the entries of a claim."""

    seconds: float
    done: int
    entries: int
    shown: int  # of those done, how many came out as 0
    waited: float  # by the clock

    @property
    def total(self) -> float:
        """For all entries, estimated from those done; at least the seconds spent where none is."""
        return self.seconds * self.entries / self.done if self.done else self.seconds

    def __str__(self) -> str:
        if not self.done:
            return f"> {seconds(self.seconds)}"
        mark = "" if self.done == self.entries else "≈ "
        left = "" if self.done == self.entries else f" ({self.done}/{self.entries})"
        doubt = "" if self.shown == self.done else f", {self.done - self.shown} not 0"
        return f"{mark}{seconds(self.total)}{left}{doubt}"


def sympy_timing(task: str, c: int, d: int, limit: float) -> Timing:
    """One task at one size, for at most so many seconds after SymPy has been loaded."""
    command = [sys.executable, "-m", "tests.benchmarks", "--worker", task, str(c), str(d)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        count = int(worker.stdout.readline())
        start = time.perf_counter()
        clock = threading.Timer(limit, worker.kill)
        clock.start()
        rows = [line.split() for line in worker.stdout]
        clock.cancel()
        waited = time.perf_counter() - start
    done = [(float(spent), int(zero)) for spent, zero in rows]
    spent = sum(row[0] for row in done) if done else limit
    return Timing(spent, len(done), count, sum(row[1] for row in done), waited)


# ── the tables ─────────────────────────────────────────────────────────────────────────────────────────────


def seconds(value: float) -> str:
    return f"{value * 1000:.2f} ms" if value < 1 else f"{value:.1f} s"


def derivatives(console: Console, sizes: list[tuple[int, int]], budget: float, runs: int) -> None:
    """The kernel in both layouts, SymPy at each size, and how many times longer that takes."""
    table = Table(title="kernel: every c and d, both layouts · SymPy: one size, diff and simplify")
    for heading in ("claim", *LAYOUTS, *(f"SymPy {c}×{d}" for c, d in sizes)):
        table.add_column(heading, justify="left" if heading == "claim" else "right")
    kernel = {task: [kernel_seconds(task, layout, runs) for layout in LAYOUTS] for task in TITLES}
    left = budget
    cells = [(task, size) for size in sizes for task in TITLES if task != "T5" or size == sizes[0]]
    found: dict[tuple[str, tuple[int, int]], Timing] = {}
    for number, (task, size) in enumerate(cells):
        share = left / (len(cells) - number)
        if share > 0.2:
            found[task, size] = sympy_timing(task, *size, share)
            left -= found[task, size].waited
    for task, title in TITLES.items():
        slower = max(kernel[task])
        row = []
        for size in sizes:
            timing = found.get((task, size))
            if timing is None:
                row.append("as above" if task == "T5" else "skipped")
                continue
            row.append(f"{timing}\n{timing.total / slower:,.0f} ×")
        table.add_row(f"{task}  {title}", *map(seconds, kernel[task]), *row)
    together = [sum(times) for times in zip(*kernel.values(), strict=True)]
    totals = []
    for size in sizes:
        here = [found.get((task, sizes[0] if task == "T5" else size)) for task in TITLES]
        if any(timing is None for timing in here):
            totals.append("skipped")
            continue
        total = sum(timing.total for timing in here if timing is not None)
        totals.append(f"{seconds(total)}\n{total / max(together):,.0f} ×")
    table.add_section()
    table.add_row("together", *map(seconds, together), *totals)
    console.print(table)
    skipped = [f"{task} at {c}×{d}" for task, (c, d) in cells if (task, (c, d)) not in found]
    if skipped:
        console.print(f"skipped, for want of time (--seconds {budget:g}): {', '.join(skipped)}")
    if any(timing.done < timing.entries for timing in found.values()):
        console.print("≈ estimated from the entries that were done in time; > not even one was")


def start_up(console: Console, runs: int) -> None:
    """Whole processes, from the shell's view."""
    commands = {
        "python -c pass": ["-c", "pass"],
        "python -c 'import rich'": ["-c", "import rich"],
        "python -c 'import rich.console'": ["-c", "import rich.console"],
        "python -c 'import derive'": ["-c", "import derive"],
        "derive list": ["-m", "derive", "list"],
    }
    measured: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, arguments in commands.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
            measured[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(times[1:]) for name, times in measured.items()}
    table = Table(title="start-up")
    for heading in ("command", "time", "against bare Python", "against Python with rich"):
        table.add_column(heading, justify="left" if heading == "command" else "right")
    bare, rich = medians["python -c pass"], medians["python -c 'import rich'"]
    for name, median in medians.items():
        table.add_row(name, seconds(median), f"{median / bare:.2f} ×", f"{median / rich:.2f} ×")
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120, help="of SymPy's work in all (default 120)")
    parser.add_argument("--runs", type=int, default=15, help="of the kernel and of each command (default 15)")
    parser.add_argument(
        "--sizes", nargs="+", default=SIZES, metavar="CxD", help=f"(default {' '.join(SIZES)})"
    )
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        task, c, d = options.worker
        work(task, int(c), int(d))
        return
    sizes = [tuple(map(int, size.split("x"))) for size in options.sizes]
    console = Console(width=None if sys.stdout.isatty() else 150)
    derivatives(console, sizes, options.seconds, options.runs)
    start_up(console, options.runs)


if __name__ == "__main__":
    main()
