"""How fast many documents are checked, with one process and with two, and with a warm cache; and the memory.

    python -m tests.benchmarks.many [--count 2000] [--steps 20] [--block 100]

The documents of `tests.benchmarks.corpus` are checked block by block, each block with one process and with
two in turn, so that what else runs on the machine meets both alike. Beside the time on the clock stands that
of the processor, workers included; *efficiency* is how much of a second process is not lost: on the clock,
(time with one) / (2 × time with two), and of the processor, (time with one) / (time with two). Needs psutil.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from derive import many
from derive.cache import Cache
from derive.documents import Settings, find
from derive.workers import Processes
from tests.benchmarks.corpus import write


class Clock:
    """Seconds on the clock and of the processor, and claims."""

    def __init__(self) -> None:
        self.wall = self.used = 0.0
        self.claims = self.proved = 0

    def run(self, paths: list[Path], processes: Processes | None, cache: Cache | None = None) -> None:
        pids = [psutil.Process(), *_of(processes)]
        before, start = sum(map(_used, pids)), time.monotonic()
        for report in many.reports(find(paths), Settings(cross_check=False), processes, cache):
            assert report.error is None, report.error
            self.claims += sum(step.kind == "claim" for step in report.steps)
            self.proved += report.counts["proved"]
        self.wall += time.monotonic() - start
        self.used += sum(map(_used, pids)) - before

    def __str__(self) -> str:
        clock = f"{self.claims / self.wall:6.0f}/s on the clock ({self.wall:.0f} s)"
        processor = f"{self.claims / self.used:6.0f}/s of the processor ({self.used:.0f} s)"
        return f"{self.claims} claims, {self.proved} proved: {clock}, {processor}"


def _of(processes: Processes | None) -> Iterator[psutil.Process]:
    for worker in processes.workers if processes else ():
        if worker.process is not None:
            yield psutil.Process(worker.process.pid)


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _memory(processes: Processes | None) -> str:
    held = [p.memory_info().rss / 2**20 for p in (psutil.Process(), *_of(processes))]
    return " ".join(f"{size:.0f}" for size in held) + " MB"


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--block", type=int, default=100)
    options = parser.parse_args()
    gc.set_threshold(100_000, 50, 50)  # as in derive.cli
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = list(write(folder / "documents", options.count, options.steps))
        with Processes(1) as one, Processes(2) as two:
            for pool in (one, two):  # start them, and load what they need
                Clock().run(paths[:8], pool)
            alone, single, double = Clock(), Clock(), Clock()
            print("memory at the start:", _memory(one), "and", _memory(two), flush=True)
            for start in range(0, len(paths), options.block):
                block = paths[start : start + options.block]
                order = [(single, one), (double, two)]
                for clock, pool in order if start // options.block % 2 else order[::-1]:
                    clock.run(block, pool)
                if start < len(paths) // 10:
                    alone.run(block, None)
                print(start + len(block), "documents:", _memory(one), "and", _memory(two), flush=True)
            print("in this process:", alone)
            print("1 process:      ", single)
            print("2 processes:    ", double)
            print(f"efficiency: {single.wall / (2 * double.wall):.2f} on the clock, "
                  f"{single.used / double.used:.2f} of the processor")  # fmt: skip
            with Cache(folder / "reports.sqlite") as cache:
                for report in many.reports(find(paths), Settings(cross_check=False), two, cache):
                    assert report.error is None
            warm = Clock()
            with Cache(folder / "reports.sqlite") as cache:
                warm.run(paths, None, cache)
            print("warm cache:     ", warm)


if __name__ == "__main__":
    main()
