"""A progress bar on standard error, for people who wait."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from time import monotonic

from derive.report import Report

WAIT = 1.0  # seconds before a bar appears: what is soon over needs none
OFTEN = 0.1  # seconds between two looks


def followed(reports: Iterable[Report], total: int, shares_terminal: bool) -> Iterator[Report]:
    """These reports, with a bar on standard error while the next one is waited for.

    Nothing is shown where standard error is no terminal. Where the reports are written to the same terminal,
    the bar is gone while one of them is written.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield from reports
        return
    start = last = monotonic()
    bar = None
    try:
        for number, report in enumerate(reports, 1):
            now = monotonic()
            if bar is None and now - start > WAIT:
                from rich.console import Console
                from rich.progress import (  # loaded only for those who wait
                    BarColumn,
                    MofNCompleteColumn,
                    Progress,
                    TextColumn,
                    TimeRemainingColumn,
                )

                bar = Progress(
                    TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                    TimeRemainingColumn(), console=Console(stderr=True), transient=True, auto_refresh=False,
                    redirect_stdout=False, redirect_stderr=False,
                )  # fmt: skip
                task = bar.add_task("checking", total=total)
                bar.start()
            if bar is not None and (shares_terminal or now - last > OFTEN):
                bar.update(task, completed=number, refresh=not shares_terminal)
                last = now
            if bar is not None and shares_terminal:
                bar.stop()
                yield report
                bar.start()
                bar.refresh()
            else:
                yield report
    finally:
        if bar is not None:
            bar.stop()
