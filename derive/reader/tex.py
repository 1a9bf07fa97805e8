"""Where the mathematics stands in LaTeX.

Formulas are `$…$`, `\\(…\\)`, `$$…$$`, `\\[…\\]` and the mathematical environments. What LaTeX does not set
is passed over: comments, verbatim text, `\\iffalse…\\fi`, and what is outside the document body, if it has
one; but macros are collected from the preamble too. Sections are headings; items of lists and rows of tables
are blocks of their own. Comments that begin with `% derive:` are given:

    % derive: W \\in \\mathbb{R}^{c \\times d}       a statement, or
    % derive:                                      nothing, and then the lines of comment under it
    % W \\in \\mathbb{R}^{c \\times d}                state something each

This is a scanner and not pylatexenc, whose parser is recursive: a thousand open braces end it.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from itertools import islice

from derive.reader.delimiters import (
    BLANK,
    OPEN_ENVIRONMENT,
    SKIP,
    closing,
    find_end,
    has_evidence,
    look_ahead,
    rest_of_line,
)
from derive.reader.macros import DEFINITION, Macro, Macros, define, expand, pairs
from derive.reader.passage import Container, Kind, Passage, Stretch, plain, stitch

_BODY = re.compile(r"\\begin\{document\}(?P<body>.*?)(?:\\end\{document\}|\Z)", re.DOTALL)
_SECTION = r"\\(?:part|chapter|(?:sub){0,2}section|(?:sub)?paragraph)\b\*?"
_STOP = re.compile(rf"\s*(?:{_SECTION}|\\(?:begin|end)\{{document\}})")
_UNSET = re.compile(
    r"""\\verb\*?(?P<bar>[^\w\s*]).*?(?P=bar)
      | \\begin\{(?P<verbatim>verbatim|Verbatim|lstlisting|minted|comment|alltt)\*?\}
      | (?P<iffalse>\\iffalse\b)
      | \\(?:.|$)
      | (?P<comment>%(?P<remark>.*)(?:\n[ \t]*+(?!\n|\Z))?)
    """,
    re.VERBOSE,
)
_REMARK = re.compile(r"[%\s]*(?P<given>derive:[ \t]*)?")
_TOKEN = re.compile(
    rf"""(?P<blank>\n[ \t]*\n\s*|\\par\b)
       | {OPEN_ENVIRONMENT}
       | \\(?P<change>begin|end)\{{(?P<name>[^{{}}\n]*)\}}
       | (?P<opening>\$\$|\\[(\[])
       | (?P<dollar>\$)
       | (?P<item>\\item\b)
       | (?P<section>{_SECTION}\s*(?:\[[^\[\]\n]*\])?\s*(?=\{{))
       | (?P<definition>{DEFINITION.pattern})
       | (?P<row>\\\\)
       | \\.
       | (?P<column>&)
    """,
    re.VERBOSE | re.DOTALL,
)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_DOLLAR = re.compile(r"(?:[^\\$\n]++|\\.|\n(?![ \t]*\n))*+\$", re.DOTALL)
_CONTAINERS: dict[str, Container] = {
    "itemize": "item", "enumerate": "item", "description": "item",
    "quote": "quote", "quotation": "quote",
    "tabular": "row", "tabularx": "row", "longtable": "row",
}  # fmt: skip


def read(source: str) -> tuple[Passage, ...]:
    """The passages of a LaTeX document."""
    source = plain(source)
    stretch, comments = _without_comments(source)
    document = _Document(stretch, _given(source, comments))
    body = _BODY.search(stretch.text)
    if body:
        document.collect_macros(body.start())
    document.read(*(body.span("body") if body else (0, len(stretch.text))))
    document.give(len(source) + 1)
    return tuple(document.passages)


def _without_comments(source: str) -> tuple[Stretch, list[re.Match[str]]]:
    """The source without what LaTeX does not set, and the comments taken out of it."""
    kept, comments, unclosed = list[tuple[int, int]](), list[re.Match[str]](), set[str]()
    start = position = 0
    while unset := _UNSET.search(source, position):
        position = unset.end()
        if unset["comment"]:
            comments.append(unset)
        elif name := unset["verbatim"] or unset["iffalse"]:
            end = -1 if name in unclosed else source.find(_end_of(name), position)
            if end < 0:
                unclosed.add(name)
                continue
            position = end + len(_end_of(name))
        elif not unset["bar"]:
            continue
        kept.append((start, unset.start()))
        start = position
    return stitch(source, [*kept, (start, len(source))]), comments


def _end_of(name: str) -> str:
    return r"\fi" if name == r"\iffalse" else rf"\end{{{name}}}"


def _given(source: str, comments: list[re.Match[str]]) -> list[tuple[Kind, Stretch]]:
    """What the comments give; lines that follow one another state it together."""
    given = list[tuple[Kind, list[tuple[int, int]]]]()
    follows_at, line_end, is_list = -1, 0, False
    for comment in comments:
        remark = _REMARK.match(source, *comment.span("remark"))
        follows, stop = comment.start() == follows_at, comment.end("remark")
        follows_at = -1
        if not remark or not (remark["given"] or (follows and is_list)):
            continue
        start = remark.end()
        if remark["given"] and (skip := SKIP.match(source, start, stop)):
            given.append(("skip", [(skip.end(), stop)]))
            continue
        if follows:
            given[-1][1].extend([(line_end, line_end + 1), (start, stop)])
        else:
            given.append(("given", [(start, stop)]))
        is_list = start == stop or (follows and is_list)
        follows_at, line_end = comment.end(), stop
    return [(kind, stitch(source, spans).strip()) for kind, spans in given]


class _Document:
    """A document while it is being read: where its scanner is, and what it has found."""

    def __init__(self, stretch: Stretch, given: list[tuple[Kind, Stretch]]) -> None:
        self.stretch, self.text = stretch, stretch.text
        self.given = given[::-1]
        self.macros = Macros({r"\ensuremath": Macro(("#1",), 1), r"\xspace": Macro(())})
        self.passages = list[Passage]()
        self.surroundings = list[Container]()
        self.in_heading = False
        self.blocks = self.block = 1
        self.column: int | None = None
        self.unread = 0  # where prose begins that is not yet a passage

    @cached_property
    def braces(self) -> dict[int, int]:
        """Where each brace closes."""
        return pairs(self.text)

    @cached_property
    def line_ends(self) -> list[int]:
        """Where each line ends."""
        return [*(end.start() for end in re.finditer("\n", self.text)), len(self.text)]

    @property
    def container(self) -> Container:
        """What the scanner is in."""
        if self.in_heading:
            return "heading"
        return self.surroundings[-1] if self.surroundings else "paragraph"

    def collect_macros(self, end: int) -> None:
        """Read the definitions of the preamble."""
        position = 0
        while head := DEFINITION.search(self.text, position, end):
            position = define(self.text, head.start(), self.braces, self.macros) or head.end()

    def read(self, start: int, end: int) -> None:
        """Read from `start` to `end`."""
        position = self.unread = start
        while token := _TOKEN.search(self.text, position, end):
            after = self.token(token, end)
            if after is None:
                position = token.end()
            else:
                position = self.unread = after
        self.prose(end)

    def token(self, token: re.Match[str], end: int) -> int | None:
        """Read on from a token: where what it begins has ended, or `None` if it is a part of the prose."""
        start, after = token.span()
        match token.lastgroup:
            case "environment":
                return self.display(token, closing(token["environment"]), end)
            case "opening" if token["opening"] != r"\(":
                return self.display(token, closing(token["opening"]), end)
            case "opening":
                return self.inline(token, end)
            case "dollar":
                if not (closed := _DOLLAR.match(self.text, after, end)):
                    return None
                return self.formula("inline", start, after, closed.end() - 1, closed.end())
            case "definition":
                defined = define(self.text, start, self.braces, self.macros)
                if defined is not None:
                    self.prose(start)
                return defined
            case "section" if not self.in_heading and after in self.braces:
                return self.heading(start, after + 1, self.braces[after])
            case "name":
                return self.change(token)
            case "blank" | "item":
                return self.new_block(start, after)
            case "row" if self.container == "row":
                return self.new_block(start, after)
            case "column" if self.container == "row":
                self.prose(start)
                self.column = (self.column or 1) + 1
                return after
        return None

    def display(self, token: re.Match[str], ending: re.Pattern[str], end: int) -> int | None:
        """Read a display: until its end, or until it is plain that it has none."""
        start, inside = token.span()
        is_environment = token.lastgroup == "environment"
        taken, match = look_ahead(ending, 0, self.text, self.lines(inside, end), _STOP)
        if match:
            stop, after = match.start(), match.start() if match.lastgroup == "again" else match.end()
        else:
            stop = after = max((line[1] for line in islice(self.lines(inside, end), taken)), default=inside)
            if not (is_environment or has_evidence(self.text, inside, stop)):
                return None
        if is_environment:
            return self.formula("display", start, start, after, after)
        return self.formula("display", start, inside, stop, after)

    def inline(self, token: re.Match[str], end: int) -> int | None:
        """Read what `\\(` opens; a paragraph's end ends it."""
        inside = token.end()
        match, _ = find_end(closing(token[0]), self.text, inside, end)
        if match and match.lastgroup == "close" and not _BLANK_LINE.search(self.text, inside, match.start()):
            return self.formula("inline", token.start(), inside, match.start(), match.end())
        stop = rest_of_line(self.text, inside)
        return self.formula("inline", token.start(), inside, stop, stop) if stop else None

    def heading(self, start: int, inside: int, stop: int) -> int:
        """Read a heading, a block of its own."""
        self.new_block(start, start)
        self.in_heading = True
        self.read(inside, stop)
        self.in_heading = False
        return self.new_block(stop, stop + 1)

    def change(self, token: re.Match[str]) -> int:
        """Enter or leave an environment that is not mathematics."""
        after = token.end()
        self.new_block(token.start(), after)
        if token["change"] == "end":
            if self.surroundings:
                self.surroundings.pop()
        else:
            self.surroundings.append(_CONTAINERS.get(token["name"].rstrip("*"), self.container))
            while self.container == "row" and after in self.braces:
                after = self.braces[after] + 1
        self.column = 1 if self.container == "row" else None
        return after

    def lines(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Where the lines from `start` on begin and end; the first is the rest of one, if there is any."""
        line = bisect_left(self.line_ends, start)
        if BLANK.match(self.text, start, self.line_ends[line]):
            start, line = self.line_ends[line] + 1, line + 1
        while start < end:
            yield start, min(self.line_ends[line], end)
            start, line = self.line_ends[line] + 1, line + 1

    def new_block(self, start: int, after: int) -> int:
        """End a block at `start`; the next one begins at `after`."""
        self.prose(start)
        self.blocks += 1
        self.block = self.blocks
        self.column = 1 if self.container == "row" else None
        return after

    def prose(self, end: int) -> None:
        """Add the prose since the last formula."""
        if self.text[self.unread : end].strip():
            self.add("heading" if self.in_heading else "prose", self.stretch.cut(self.unread, end))
        self.unread = end

    def formula(self, kind: Kind, before: int, start: int, stop: int, after: int) -> int:
        """Add the formula from `start` to `stop`, and the prose before it; reading goes on at `after`."""
        self.prose(before)
        formula = expand(self.stretch.cut(start, stop), self.macros)
        if formula.text.strip():
            self.add(kind, formula)
        return after

    def add(self, kind: Kind, piece: Stretch) -> None:
        """Add a passage, after what is given before it."""
        self.give(piece.offsets[0])
        passage = Passage(kind, piece.text, piece.offsets, self.block, self.container, self.column)
        self.passages.append(passage)

    def give(self, end: int) -> None:
        """Add what is given before the offset `end`; each is a block of its own."""
        while self.given and self.given[-1][1].offsets[0] < end:
            kind, piece = self.given.pop()
            piece = expand(piece, self.macros)
            self.blocks += 1
            self.passages.append(Passage(kind, piece.text, piece.offsets, self.blocks, "paragraph"))
