"""Claims that an author wants passed over, each with a reason.

    <!-- derive: skip because the step is only a sketch -->      in Markdown and in notebooks
    % derive: skip because the step is only a sketch             in LaTeX, and inside a display anywhere

The comment stands in the line of the claim, or before it: it then means the claims in the next line that is
not blank, or, where that line opens a display, the first ones in the display. A line is a line of the text;
in a notebook that is a line of a cell, however the JSON is laid out.

The claim is judged all the same. So a comment that skips nothing can be told (D301), and one that gives no
reason skips nothing (D302).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from derive.reader.passage import Passage, Positions
from derive.report import Note, Report, Step, Verdict

_INSIDE = re.compile(r"(?<!\\)%[ \t]*derive:[ \t]*skip\b[ \t]*(?:because\b[ \t]*)?(?P<reason>[^\n]*)")
_LINE_END = re.compile(r"\r\n?|\n")
_ESCAPE = re.compile(r"\\(?:(?P<newline>n)|.)", re.DOTALL)
_GLUE = re.compile(r"[\s\",]")  # what stands in JSON between two lines of a cell
_FENCE = re.compile(r"\s*(?:```|~~~|:::)")


@dataclass(frozen=True, slots=True)
class Skip:
    """A comment that asks for a claim to be skipped: where it begins and ends in the file, and why."""

    start: int
    end: int
    reason: str
    cell: int | None


def suppress(report: Report, passages: Sequence[Passage]) -> None:
    """Mark the claims of a report that its document skips, and note the comments that do not do so."""
    lines = _Lines(report.source, any(passage.cell is not None for passage in passages))
    claims = [step for step in report.steps if step.kind == "claim"]
    where = Positions(report.source)
    for skip in _skips(report.source, passages):
        meant = _meant(skip, claims, passages, lines)
        faults = [step for step in meant if step.verdict is not Verdict.PROVED]
        if not skip.reason:
            message = "this comment gives no reason, and so it skips nothing"
            report.notes.append(Note(*where(skip.start), message, "D302"))
        elif not faults:
            found = "what it means is proved" if meant else "no claim stands in its line or in the next one"
            report.notes.append(Note(*where(skip.start), f"this comment skips nothing: {found}", "D301"))
        else:
            for step in faults:
                step.skipped = skip.reason


def _skips(source: str, passages: Sequence[Passage]) -> Iterator[Skip]:
    """The comments beside formulas, and those inside them."""
    for passage in passages:
        if passage.kind == "skip":
            start, end = passage.offsets[0], passage.offsets[-1]
            closing = re.compile(r"(?:\s|\\n|[\",])*-->").match(source, end)
            reason = " ".join(passage.text.split())
            yield Skip(start, closing.end() if closing else end, reason, passage.cell)
        elif passage.kind in ("display", "inline"):
            for comment in _INSIDE.finditer(passage.text):
                start, end = (passage.offsets[place] for place in comment.span())
                yield Skip(start, max(start, end - 1), comment["reason"].strip(), passage.cell)


def _meant(skip: Skip, claims: Sequence[Step], passages: Sequence[Passage], lines: _Lines) -> list[Step]:
    """The claims that a comment means."""
    rows = [(lines.row(lines.offset(step)), step) for step in claims if step.cell == skip.cell]
    first, last = lines.row(skip.start), lines.row(skip.end)
    beside = [step for row, step in rows if first <= row <= last]
    if beside:
        return beside
    following = lines.next_row(last)
    if following is None:
        return []
    below = [step for row, step in rows if row == following]
    if below:
        return below
    opened = following + bool(_FENCE.match(lines.text(following)))
    for passage in passages:
        start, end = passage.offsets[0], passage.offsets[-1]
        if passage.kind == "display" and passage.cell == skip.cell and lines.row(start) == opened:
            inside = [(row, step) for row, step in rows if start <= lines.offset(step) <= end]
            return [step for row, step in inside if row == inside[0][0]]
    return []


class _Lines:
    """The lines of a text; of a notebook, the lines of its cells, which end where the JSON has `\\n`."""

    def __init__(self, source: str, is_notebook: bool):
        self.source, self.is_notebook = source, is_notebook
        self.starts = [0, *(end.end() for end in _LINE_END.finditer(source))]
        self.rows = self.starts
        if is_notebook:
            self.rows = [0, *(e.end() for e in _ESCAPE.finditer(source) if e["newline"])]

    def offset(self, step: Step) -> int:
        """Where in the file a step stands."""
        return self.starts[step.line - 1] + step.column - 1

    def row(self, offset: int) -> int:
        """The number of the line that a place is in, from 1."""
        return bisect_right(self.rows, offset)

    def text(self, row: int) -> str:
        """What a line says; in a notebook, without spaces and quotation marks."""
        text = self.source[self.rows[row - 1] : self.rows[row] if row < len(self.rows) else None]
        return _GLUE.sub("", text.removesuffix("\\n")) if self.is_notebook else text

    def next_row(self, row: int) -> int | None:
        """The first line after this one that is not blank."""
        return next((n for n in range(row + 1, len(self.rows) + 1) if self.text(n).strip()), None)
