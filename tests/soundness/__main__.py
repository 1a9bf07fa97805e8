"""How often the verifier is right about claims whose truth is known by other means.

    python -m tests.soundness [--claims 100000] [--seed S] [--seconds B] [--processes 2] [--json]
    python -m tests.soundness --only 4711 --seed S          one claim of such a run, in full
    python -m tests.soundness --coverage [DOCUMENT ...]     what of the kernel is exercised, and by what

True claims are true by construction; false ones have a mistake in them, and are found false in ball
arithmetic, without derive. Both are judged as a user would have them judged. Two numbers must be 0: true
claims that are refuted, and false ones that are proved; so must be the claims that are proved though they
differ in finite fields (tests/spec/field.py). Exit status 1 where one of them is not.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.soundness.board import VERDICTS, Board, outcome, run


def main() -> int:
    """Runs the scoreboard and prints it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.soundness", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--claims", type=int, help="how many (default: 100000, or what the seconds allow)")
    parser.add_argument("--seed", type=int, help="makes the same claims again (default: a new one)")
    parser.add_argument("--seconds", type=float, help="stop after this time")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    parser.add_argument("--only", type=int, metavar="N", help="judge claim N of the seed alone")
    parser.add_argument("--coverage", action="store_true", help="print what of the kernel is exercised")
    parser.add_argument("documents", nargs="*", type=Path, help="with --coverage: documents to check")
    wanted = parser.parse_args()
    if wanted.documents and not wanted.coverage:
        parser.error("documents are read with --coverage alone")
    if missing := [str(path) for path in wanted.documents if not path.is_file()]:
        parser.error(f"there is no file {missing[0]}")
    limits = (wanted.processes, wanted.claims, wanted.seconds)
    if any(limit is not None and limit <= 0 for limit in limits):
        parser.error("--claims, --seconds and --processes are greater than 0")
    seed = wanted.seed if wanted.seed is not None else time.time_ns() % 10**6
    if wanted.coverage:
        from tests.soundness.reach import report  # needs the package coverage

        return report(seed, wanted.claims or 2000, wanted.documents)
    if wanted.only is not None:
        print(found := outcome(seed, wanted.only))
        return int(bool(found.failures))
    claims = wanted.claims or (10**9 if wanted.seconds else 100_000)
    if not wanted.json:
        print(f"seed {seed}", flush=True)
    board = run(seed, claims, wanted.seconds, wanted.processes, _progress if sys.stderr.isatty() else None)
    print(json.dumps(board.summary())) if wanted.json else show(board)
    return int(board.failed)


def _progress(board: Board) -> None:
    done = sum(sum(counts.values()) for counts in board.counts.values())
    if done % 200 == 0:
        print(f"\r{done} claims, {len(board.failures)} failures", end="\r", file=sys.stderr, flush=True)


def show(board: Board) -> None:
    """The counts as tables."""
    console = Console()
    table = Table("", *(f"[b]{name}[/b]" for name in VERDICTS), title="the verifier's word")
    bad = {"true": "refuted", "false": "proved"}
    for truth, counts in board.counts.items():
        cells = []
        for name in VERDICTS:
            text = f"{counts[name]:,}"
            style = ("bold red" if counts[name] else "bold green") if bad[truth] == name else ""
            cells.append(f"[{style}]{text}[/]" if style else text)
        table.add_row(f"{truth} claims", *cells)
    console.print(table)
    fields = board.fields
    console.print(
        f"finite fields: of the true claims {fields['equal']:,} equal, {fields['different']:,} different, "
        f"{fields['abstained']:,} not decided"
    )
    console.print(
        f"search for counterexamples to {board.crossed:,} of the proved claims; "
        f"{board.undecided:,} mutants not used, since nothing shows them to be false "
        f"({board.ambiguous:,} of them proved); {board.too_slow:,} claims given up as too slow"
    )
    if board.missed:
        console.print("true claims that are unknown:")
        for kind, count in board.missed.most_common(12):
            console.print(f"  {count:6,}  {kind}", highlight=False)
    left = {kind: counts["unknown"] for kind, counts in board.mistakes.items() if counts["unknown"]}
    if left:
        console.print("false claims that are unknown, by their mistake:")
        for kind, count in sorted(left.items(), key=lambda pair: -pair[1])[:12]:
            total = sum(board.mistakes[kind].values())
            console.print(f"  {count:6,} of {total:,}  {kind}", highlight=False)
    console.print(
        f"{board.seconds:.0f} s; the slowest claim, {board.slowest[1]}, took {board.slowest[0]:.1f} s"
    )
    for failure in board.failures:
        console.print(failure, style="red", markup=False)


if __name__ == "__main__":
    sys.exit(main())
