"""What the readers of Markdown, LaTeX and notebooks hand on: passages, and where they stand.

A reader takes a document apart into passages in document order. A formula is one passage; so is each run of
prose between formulas. What only holds the document together (the `> ` of a quotation, a list's indentation,
LaTeX comments, the escapes of JSON) is not in a passage's text, so each character keeps its own offset in
the source: a verdict can point at the very sign that it is about, in the file as it is on disk.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["display", "inline", "prose", "heading", "given", "skip"]
Container = Literal["paragraph", "item", "quote", "row", "heading"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document.

    kind       `display` and `inline` are formulas. `heading` is prose in a heading; a formula there stays a
               formula, and its container is `heading`. `given` is what an author states for `derive` alone,
               and `skip` the reason why the mathematics beside it is not to be checked.
    text       of a formula, the LaTeX between its delimiters, or all of a bare `\\begin{align}…\\end{align}`
    offsets    the place in the source of each character of the text, and of its end: one more than characters
    block      passages with the same number stand in one paragraph, list item, table row or heading
    container  what kind of block that is; the innermost one, when they are nested
    column     in a table row, which cell; the leftmost is 1
    cell       in a notebook, which cell, of all its cells; the first is 1
    """

    kind: Kind
    text: str
    offsets: Sequence[int]
    block: int
    container: Container
    column: int | None = None
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Text taken out of a source, with the offset of each character and of the end."""

    text: str
    offsets: Sequence[int]

    def cut(self, start: int, end: int) -> "Stretch":
        """The part from `start` to `end`."""
        offsets = self.offsets[start : end + 1]
        return Stretch(self.text[start:end], offsets if isinstance(offsets, range) else tuple(offsets))

    def strip(self) -> "Stretch":
        """Without the spaces at both ends."""
        start = len(self.text) - len(self.text.lstrip())
        return self.cut(start, start + len(self.text.strip()))

    def without(self, holes: Iterable[tuple[int, int]]) -> "Stretch":
        """What remains when each hole, from its start to its end, is taken out."""
        start, kept, offsets = 0, list[str](), list[int]()
        for hole, end in (*holes, (len(self.text), len(self.text))):
            kept.append(self.text[start:hole])
            offsets += self.offsets[start:hole]
            start = end
        return Stretch("".join(kept), (*offsets, self.offsets[-1]))


def stitch(source: str, spans: Sequence[tuple[int, int]]) -> Stretch:
    """The spans of the source, one after another; offsets without a gap are a `range`, which is small."""
    joined = list[tuple[int, int]]()
    for start, end in spans:
        if joined and joined[-1][1] == start:
            joined[-1] = joined[-1][0], end
        else:
            joined.append((start, end))
    if len(joined) == 1:
        start, end = joined[0]
        return Stretch(source[start:end], range(start, end + 1))
    text = "".join(source[start:end] for start, end in joined)
    offsets = (offset for span in joined for offset in range(*span))
    return Stretch(text, (*offsets, joined[-1][1] if joined else 0))


def plain(source: str) -> str:
    """The source with `\\n` at the end of every line, and each character at the offset that it had."""
    return source.replace("\r\n", " \n").replace("\r", "\n")


class Positions:
    """Maps an offset to its line and column, both counted from 1; a column is a character.

    A line ends with `\\n`, `\\r\\n` or a lone `\\r`.
    """

    def __init__(self, source: str) -> None:
        self._starts = [0, *(end.end() for end in re.finditer(r"\r\n?|\n", source))]

    def __call__(self, offset: int) -> tuple[int, int]:
        """The line and column of the character at `offset`."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1
