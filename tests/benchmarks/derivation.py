"""The home derivation, T1 to T6: proved by the kernel for every size, and decided by others at one size.

The kernel proves each claim for every c and d, lowering from expressions included, warm and in process.

- SymPy, explicit: for every entry, `simplify(diff(...) - expected) == 0` over explicit symbols, at one size
- symengine: the same entries, `expand(diff(...) - expected) == 0`; it has no simplify, so it differentiates
  all of them and shows few to be 0
- SymPy, Sum: one general entry for a symbolic size, `simplify(diff(...).doit() - expected) == 0`

Each of these runs in a process of its own and gets a share of the seconds; where that ends before the last
entry, the total is estimated from the entries that were done, and marked ≈.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

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
from tests.benchmarks.clock import best, told

LAYOUTS: tuple[Layout, ...] = ("denominator", "numerator")
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


def kernel_seconds(task: str) -> float:
    """The slower of the two layouts."""
    measured = []
    for layout in LAYOUTS:
        provers = list(claims(task, layout))
        for prover in provers:
            if not isinstance(prover(), Theorem):
                raise SystemExit(f"{task} is not proved in {layout} layout")
        measured.append(best(lambda provers=provers: [prover() for prover in provers]))
    return max(measured)


# ── SymPy and symengine ────────────────────────────────────────────────────────────────────────────────────


def entries(tool: Any, task: str, c: int, d: int) -> list[Callable[[], Any]]:
    """For each entry of a claim, what should come out as 0; `tool` is sympy or symengine."""
    Function, exp, log, symbols = tool.Function, tool.exp, tool.log, tool.symbols
    c = 2 if task == "T5" else c
    w = [[tool.Symbol(f"W{i}_{j}") for j in range(d)] for i in range(c)]
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


def general(task: str) -> list[Callable[[], Any]]:
    """The general entry of a claim for a symbolic number of classes and features, with SymPy's Sum."""
    from sympy import Function, IndexedBase, KroneckerDelta, Sum, exp, log, symbols

    c, d = symbols("c d", integer=True, positive=True)
    i, j, k, n = symbols("i j k n", integer=True, nonnegative=True)
    w, x, b, y, z = map(IndexedBase, "Wxbyz")

    def score(k: Any) -> Any:
        return Sum(w[k, n] * x[n], (n, 0, d - 1)) + b[k] if task == "T3" else z[k]

    def chance(k: Any) -> Any:
        m = symbols("m", integer=True, nonnegative=True)
        return exp(score(k)) / Sum(exp(score(m)), (m, 0, c - 1))

    loss = -Sum(y[k] * log(chance(k)), (k, 0, c - 1))
    if task == "T1":
        return [lambda: chance(i).diff(z[j]).doit() - chance(i) * (KroneckerDelta(i, j) - chance(j))]
    if task == "T4":
        return [lambda: loss.diff(z[i], z[j]).doit() - chance(i) * (KroneckerDelta(i, j) - chance(j))]
    if task == "T3":
        return [
            lambda: loss.diff(w[i, j]).doit() - (chance(i) - y[i]) * x[j],
            lambda: loss.diff(b[i]).doit() - (chance(i) - y[i]),
        ]
    if task == "T6":
        sigma = Function("sigma")
        distance = Sum((sigma(z[k]) - y[k]) ** 2, (k, 0, c - 1)) / 2
        return [lambda: distance.diff(z[i]).doit() - (sigma(z[i]) - y[i]) * sigma(z[i]).diff(z[i])]
    return [lambda: loss.diff(z[i]).doit() - (chance(i) - y[i])]


def work(tool: str, task: str, c: int, d: int) -> None:
    """The process that does one task with one tool: the number of entries, then a line for each."""
    module = __import__(tool.split("-")[0])
    todo = general(task) if tool == "sympy-sum" else entries(module, task, c, d)
    reduce = module.expand if tool == "symengine" else module.simplify
    print(len(todo), flush=True)
    for entry in todo:
        start = time.process_time()
        try:
            zero = reduce(entry()) == 0
        except Exception:  # SymPy's own: it is not shown, then
            zero = False
        print(time.process_time() - start, int(zero), flush=True)


@dataclass(frozen=True)
class Timing:
    """What a tool needed for some of the entries of a claim."""

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
            return f"> {told(self.seconds)}"
        mark = "" if self.done == self.entries else "≈ "
        return f"{mark}{told(self.total)}"

    @property
    def remark(self) -> str:
        """How much of it was done, and shown."""
        done = "" if self.done == self.entries else f"{self.done} of {self.entries} entries in time"
        doubt = (
            "" if self.shown == self.done else f"{self.done - self.shown} of {self.done} not shown to be 0"
        )
        return "; ".join(part for part in (done, doubt) if part)


def timing(tool: str, task: str, c: int, d: int, limit: float) -> Timing:
    """One task at one size, for at most so many seconds after the tool has been loaded."""
    command = [sys.executable, "-m", "tests.benchmarks", "--worker", tool, task, str(c), str(d)]
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
