"""What of the kernel is exercised, function by function, by what: lines and branches (package coverage)."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import coverage
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from derive.kernel import prove
from tests.soundness.board import outcome
from tests.soundness.statements import catalogue_steps
from tests.spec.claims import FALSE, OPEN, TRUE

ROOT = Path(__file__).resolve().parents[2]
KERNEL = ("derive/kernel.py", *(f"derive/normal/{name}.py" for name in (
    "hypotheses", "laws", "normal_form", "polynomial", "signs", "sums",
)))  # fmt: skip


def _catalogue() -> None:
    for step in catalogue_steps():
        prove(step.statement.claim)


def _tables() -> None:
    for row in (*TRUE, *FALSE, *OPEN):
        prove(row.claim)


def _fuzz(seed: int, claims: int) -> None:
    catalogue_steps()
    for number in range(claims):
        outcome(seed, number)


def _documents(paths: Sequence[Path]) -> None:
    from derive.documents import Unopenable, check

    for path in paths:
        try:
            check(path, seconds=60.0)
        except Unopenable as trouble:
            print(f"{path}: {trouble}", file=sys.stderr)


def measure(sources: dict[str, Callable[[], None]]) -> dict[str, dict[str, Any]]:
    """The coverage of the kernel by each of these, and by all of them ("all"), as coverage's JSON reports."""
    measured = coverage.Coverage(
        data_file=None, branch=True, config_file=False, include=[str(ROOT / name) for name in KERNEL]
    )
    measured.exclude("raise NotImplementedError")  # what the rooms above see to
    found: dict[str, dict[str, Any]] = {}
    for name, run in sources.items():
        measured.start()
        measured.switch_context(name)
        try:
            run()
        finally:
            measured.stop()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        for name in (*sources, "all"):
            contexts = None if name == "all" else [f"^{name}$"]
            measured.json_report(outfile=str(file), contexts=contexts)
            found[name] = json.loads(file.read_text())["files"]
    return found


def report(seed: int, claims: int, documents: Sequence[Path]) -> int:
    """Prints the table, and the lines and branches that nothing exercises."""
    sources: dict[str, Callable[[], None]] = {"catalogue": _catalogue}
    if documents:
        sources["documents"] = lambda: _documents(documents)
    sources |= {"tables": _tables, "fuzz": lambda: _fuzz(seed, claims)}
    found = measure(sources)
    console = Console()
    title = f"lines exercised, in percent ({claims:,} claims of seed {seed})"
    table = Table(title=title, box=SIMPLE, pad_edge=False)
    table.add_column("function", overflow="fold", min_width=24)
    for name in ("lines", *sources, "all", "branches"):
        table.add_column(name, justify="right")
    missing: list[str] = []
    for path in KERNEL:
        whole = next(body for name, body in found["all"].items() if name.endswith(path))
        parts = {
            name: next((body for file, body in files.items() if file.endswith(path)), None)
            for name, files in found.items()
        }
        table.add_section()
        table.add_row(f"[b]{path}[/b]")
        for function, region in whole["functions"].items():
            summary = region["summary"]
            if not function or not summary["num_statements"]:
                continue
            shares = [_percent(_region(parts[name], function)) for name in (*sources, "all")]
            branches = summary.get("num_branches", 0)
            taken = f"{summary['covered_branches']}/{branches}" if branches else ""
            table.add_row(function.rpartition(".")[2], str(summary["num_statements"]), *shares, taken)
            if region["missing_lines"]:
                lines = ", ".join(map(str, region["missing_lines"]))
                missing.append(f"{path}: {function}: lines {lines}")
            jumps = [
                (a, b) for a, b in region.get("missing_branches", ()) if a not in region["missing_lines"]
            ]
            jumps = [(a, b) for a, b in jumps if b not in region["missing_lines"]]
            if jumps:
                told = ", ".join(f"{a} to {b if b > 0 else 'the end'}" for a, b in jumps)
                missing.append(f"{path}: {function}: branches {told}")
    console.print(table)
    console.print("never exercised:" if missing else "nothing is left out", highlight=False)
    for line in missing:
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
    return 0


def _region(body: dict[str, Any] | None, function: str) -> dict[str, Any] | None:
    return None if body is None else body["functions"][function]["summary"]


def _percent(summary: dict[str, Any] | None) -> str:
    if summary is None or not summary["covered_lines"]:
        return "-"
    return f"{100 * summary['covered_lines'] // summary['num_statements']}"
