"""How long something takes, and how that is told. Times are of the processor unless it is said otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable


def best(action: Callable[[], object], seconds: float = 0.5, runs: int = 25) -> float:
    """The least processor time of several runs after one that warms up, within so many seconds altogether."""
    action()
    least, end = float("inf"), time.perf_counter() + seconds
    for _ in range(runs):
        start = time.process_time()
        action()
        least = min(least, time.process_time() - start)
        if time.perf_counter() > end:
            break
    return least


def told(seconds: float) -> str:
    """A time with its unit."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.1f} s"


def ratio(theirs: float, ours: float) -> str:
    """How many times as long as derive takes."""
    times = theirs / ours
    return f"{times:,.0f} ×" if times >= 10 else f"{times:.2f} ×"
