"""How long derive takes, beside what a user would pick instead; and how that grows.

    python -m tests.benchmarks [--seconds 60] [--size 4x3] [--only kernel numbers gradients start growth]

One table of ratios: each row is one tool at one task, with its time and how many times as long as derive's
that is. What each tool is asked to do stands in the docstrings of derivation.py, checkers.py and symbolic.py,
and is printed below the table. All is measured in one run on one machine, warm, the best of several, in
processor time with one thread. A tool that is not installed is named; they are the extra `benchmarks`.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # read when NumPy is loaded

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from tests.benchmarks import checkers, derivation, growth, symbolic  # noqa: E402
from tests.benchmarks.clock import ratio, told  # noqa: E402

PARTS = ("kernel", "numbers", "gradients", "start", "growth")
TOOLS = {"sympy": "SymPy, every entry", "sympy-sum": "SymPy, Sum", "symengine": "symengine, every entry"}
CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
CATALOGUE = Path(__file__).resolve().parents[2] / "derive" / "catalogue"


@dataclass(frozen=True)
class Row:
    """One tool at one task; its first row of a task is derive's own."""

    task: str
    tool: str
    time: str
    ratio: str = ""
    remark: str = ""


def kernel(size: tuple[int, int], budget: float) -> Iterator[Row]:
    """T1 to T6."""
    share = budget / (len(derivation.TITLES) * len(TOOLS))
    for task, title in derivation.TITLES.items():
        ours = derivation.kernel_seconds(task)
        yield Row(f"{task}  {title}", "derive, every c and d", told(ours), "", "proved")
        for tool, name in TOOLS.items():
            try:
                __import__(tool.split("-")[0])
            except ImportError:
                yield Row("", name, "", "", "not installed")
                continue
            found = derivation.timing(tool, task, *size, share)
            more = ">" if not found.done else ""
            where = "one general entry" if tool == "sympy-sum" else f"c, d = {size[0]}, {size[1]}"
            said = "; ".join(part for part in (where, found.remark) if part)
            yield Row("", name, str(found), more + ratio(found.total, ours), said)


def numbers() -> Iterator[Row]:
    """∂CE/∂W at three sizes."""
    for c, d in checkers.SIZES:
        found = dict(checkers.timings(c, d))
        ours = found.pop(checkers.COLUMNS[0])
        assert isinstance(ours, float)
        off = f"error {checkers.error(c, d):.0e} of the gradient"
        yield Row(f"∂CE/∂W at ({c}, {d})", checkers.COLUMNS[0], told(ours), "", off)
        for tool, time in found.items():
            if isinstance(time, str):
                yield Row("", tool, "", "", time)
            else:
                yield Row("", tool, told(time), ratio(time, ours))


def gradients(seconds: float) -> Iterator[Row]:
    """Derivations beside tensorgrad's derivatives."""
    theirs = symbolic.theirs(seconds)
    for name in symbolic.QUESTIONS:
        ours = symbolic.result(name)
        assert isinstance(ours, float), f"{name}: {ours}"
        yield Row(name, "derive, result", told(ours), "", "proved, lifted")
        rest = {"derive, derivation": (symbolic.ours(name), "each step proved, too"),
                "tensorgrad": (theirs.get(name, "not installed"), "simplified")}  # fmt: skip
        for tool, (time, remark) in rest.items():
            if isinstance(time, float):
                yield Row("", tool, told(time), ratio(time, ours), remark)
            else:
                yield Row("", tool, "", "", time)


def start(runs: int) -> Iterator[Row]:
    """Whole processes, bytecode written before: their processor time."""
    document = next(
        (path for path in (CORPUS / "seed-000.md",) if path.exists()), CATALOGUE / "cross-entropy.md"
    )
    catalogue = sorted(map(str, CATALOGUE.glob("*.md")))
    derive = ["-m", "derive"]
    yield Row(
        f"a document: {document.name}",
        "derive check",
        *_beside([*derive, "check", "--isolated", str(document)], runs),
    )
    for name, command in {
        "import sympy": ["-c", "import sympy"],
        "import numpy": ["-c", "import numpy"],
    }.items():
        yield Row("", f"python -c '{name}'", *_beside(command, runs))
    yield Row(
        "the catalogue",
        f"derive check, {len(catalogue)} documents",
        *_beside([*derive, "check", "--isolated", *catalogue], 3),
    )
    yield Row("", "derive list", *_beside([*derive, "list"], runs))
    yield Row("", "python -c pass", *_beside(["-c", "pass"], runs))


_first: list[float] = []


def _beside(arguments: list[str], runs: int) -> tuple[str, str, str]:
    """The least time of a process, and how many times the first one's that is."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    least = float("inf")
    for _ in range(runs + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    _first.append(least)
    return told(least), "" if len(_first) == 1 else ratio(least, _first[0]), "a whole process"


def table(console: Console, rows: Iterator[Row]) -> None:
    """The rows as they come."""
    made = Table(title="beside derive")
    for heading in ("task", "tool", "time", "ratio", ""):
        made.add_column(heading, justify="right" if heading in ("time", "ratio") else "left")
    for row in rows:
        if row.task:
            made.add_section()
        made.add_row(row.task, row.tool, row.time, row.ratio, row.remark)
    console.print(made)


def growing(console: Console) -> None:
    """The curves: a line for each."""
    made = Table(title="growth")
    for heading in ("with", "size: time", "as"):
        made.add_column(heading)
    for name, points, power in growth.curves():
        made.add_row(name, ", ".join(f"{size}: {told(time)}" for size, time in points), f"size^{power:.1f}")
    console.print(made)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="for SymPy and symengine in all (60)")
    parser.add_argument("--size", default="4x3", metavar="CxD", help="at which they decide T1 to T6 (4x3)")
    parser.add_argument("--runs", type=int, default=7, help="of each process (7)")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=f"of {PARTS}")
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        tool, task, c, d = options.worker
        derivation.work(tool, task, int(c), int(d))
        return
    c, d = map(int, options.size.split("x"))
    console = Console(width=None if sys.stdout.isatty() else 120)

    def rows() -> Iterator[Row]:
        if "kernel" in options.only:
            yield from kernel((c, d), options.seconds)
        if "numbers" in options.only:
            yield from numbers()
        if "gradients" in options.only:
            yield from gradients(2.0)
        if "start" in options.only:
            yield from start(options.runs)

    if set(options.only) - {"growth"}:
        table(console, rows())
        for module in (derivation, checkers, symbolic):
            console.print(f"\n{(module.__doc__ or '').strip()}", highlight=False, markup=False)
    if "growth" in options.only:
        growing(console)


if __name__ == "__main__":
    main()
