"""Send derive documents that mean harm, and say what they did.

    python -m tests.hostile [--documents 10000] [--seed N] [--jobs 2] [--json]

First every bomb (tests/hostile/bombs.py); then so many mutants of real documents, a part of them guided by
coverage with atheris, where that is installed. Each document is checked and rendered in every format, in a
process that is watched: its peak memory, the files it opens, and the time until it answers.

Exit status: 0 when nothing is wrong, 1 when something is; the documents that did it are kept, and named.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import selectors
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.hostile import worker
from tests.hostile.bombs import BOMBS
from tests.hostile.mutation import CORPUS

GUIDED = 10  # one document in so many is found by coverage
MEMORY = 3 * 2**30  # bytes of address space that a process may have
WORST = 8


@dataclass
class Tally:
    """What was found of some documents."""

    records: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def run(kind: str, start: int, stop: int, options: argparse.Namespace) -> Tally:
    """Examine documents in a process, and in another one where that dies or hangs."""
    tally = Tally()
    while start < stop:
        done = _once(kind, start, stop, options, tally)
        start += done
        if done == 0:
            tally.faults.append(f"{kind}: the process could not begin")
            return tally
        if kind == "guided" and start < stop:  # what was reached is lost with the process
            return tally
    return tally


def _once(kind: str, start: int, stop: int, options: argparse.Namespace, tally: Tally) -> int:
    """How many documents a process got through; the one that it died of counts."""
    numbers = [options.seed, start, stop, options.corpus, options.seconds, MEMORY]
    command = [sys.executable, "-m", "tests.hostile", "--worker", kind, *map(str, numbers)]
    count, open_name = 0, None
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        with selectors.DefaultSelector() as ready, ThreadPoolExecutor(1) as pool:
            errors = pool.submit(process.stderr.read)
            ready.register(process.stdout, selectors.EVENT_READ)
            rest, alive = b"", True
            while alive:
                if not ready.select(options.limit):
                    tally.faults.append(f"{open_name}: no answer in {options.limit:g} seconds")
                    process.kill()
                    break
                data = process.stdout.read1(1 << 16)  # type: ignore[attr-defined]
                alive = bool(data)
                *lines, rest = (rest + data).split(b"\n")
                for record in map(json.loads, lines):
                    if "begin" in record:
                        open_name, count = record["begin"], count + 1
                    else:
                        open_name = None
                        tally.records.append(record)
                        tally.faults += [
                            f"{record['end']}: {said} ({record['path']})" for said in record["complaints"]
                        ]
            process.wait()
            if open_name is not None and process.returncode not in (0, -9):
                last = errors.result().decode(errors="replace").strip().splitlines()[-1:]
                tally.faults.append(f"{open_name}: the process ended with {process.returncode}: {last}")
    return count


def shares(count: int, jobs: int) -> list[tuple[int, int]]:
    """So many documents in as many parts as there are processes."""
    return [(count * n // jobs, count * (n + 1) // jobs) for n in range(jobs)]


def table(title: str, tally: Tally, began: float) -> None:
    """What some documents came to, and the worst of them."""
    records = tally.records
    statuses = Counter(record["status"] for record in records)
    print(f"\n{title}: {len(records)} documents, {sum(r['claims'] for r in records)} claims, ", end="")
    print(f"{sum(r['size'] for r in records) / 1e6:.1f} MB, in {time.perf_counter() - began:.0f} s")
    print(f"  exit status    {', '.join(f'{status}: {n}' for status, n in sorted(statuses.items()))}")
    print(f"  wrong          {len(tally.faults)}")
    for measure, unit, scale in (("seconds", "s", 1.0), ("peak", "MB", 2.0**-20)):
        print(f"  most {measure}")
        for record in sorted(records, key=lambda r: -r[measure])[:WORST]:
            size = f"{record['size'] / 1000:.1f} kB, {record['claims']} claims"
            print(f"    {record[measure] * scale:8.1f} {unit}  {record['end']} ({size})")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=10_000, help="how many mutants (10000)")
    parser.add_argument("--seed", type=int, default=None, help="of the mutants; a new one is printed without")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (2)")
    parser.add_argument("--seconds", type=float, default=0.3, help="that a claim may take (0.3)")
    parser.add_argument(
        "--limit", type=float, default=180.0, help="seconds until a process counts as hung (180)"
    )
    parser.add_argument(
        "--corpus", type=Path, default=CORPUS, help="a folder with more documents to begin with"
    )
    parser.add_argument("--no-bombs", action="store_true", help="mutants alone")
    parser.add_argument("--no-guided", dest="guided", action="store_false", help="without atheris")
    parser.add_argument("--json", action="store_true", help="print one object instead")
    parser.add_argument("--worker", nargs=7, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        kind, seed, start, stop, corpus, seconds, memory = options.worker
        worker.main(kind, int(seed), int(start), int(stop), Path(corpus), float(seconds), int(memory))
        return 0
    options.seed = random.SystemRandom().randrange(2**31) if options.seed is None else options.seed
    has_atheris = options.guided and importlib.util.find_spec("atheris") is not None
    count = options.documents // GUIDED if has_atheris else 0
    parts = {
        "bombs": 0 if options.no_bombs else len(BOMBS),
        "mutants": options.documents - count,
        "guided": count,
    }
    if not options.json:
        print(
            f"seed {options.seed}"
            + (
                ""
                if has_atheris
                else "; nothing is guided by coverage"
                + ("" if not options.guided else ": atheris is not installed")
            )
        )
    found: dict[str, Tally] = {}
    for kind, number in parts.items():
        began = time.perf_counter()
        spans = [
            span for span in shares(number, 1 if kind == "guided" else options.jobs) if span[0] < span[1]
        ]
        with ThreadPoolExecutor(options.jobs) as pool:
            tallies = list(pool.map(lambda span, kind=kind: run(kind, *span, options), spans))
        found[kind] = Tally([r for t in tallies for r in t.records], [f for t in tallies for f in t.faults])
        if number and not options.json:
            table(kind, found[kind], began)
    faults = [fault for tally in found.values() for fault in tally.faults]
    if options.json:
        figures = {
            kind: {
                "documents": len(tally.records), "wrong": len(tally.faults),
                "seconds": max((r["seconds"] for r in tally.records), default=0.0),
                "peak": max((r["peak"] for r in tally.records), default=0),
            }
            for kind, tally in found.items()
        }  # fmt: skip
        print(json.dumps({"seed": options.seed, **figures, "faults": faults}, indent=1))
    else:
        print(f"\n{len(faults)} wrong" if faults else "\nnothing wrong")
        for fault in faults[:50]:
            print(f"  {fault}")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
