"""Where the mathematics stands in Markdown.

markdown-it finds the blocks, with four of its rules exchanged for ours: while it parses, its state knows
where the text of each line begins, past the quotation marks, list markers and indentation before it, and that
is where exact positions come from. Its tokens, which know lines only, are not used. Link definitions and HTML
make no blocks here: what stands in them is read as a paragraph is.

A formula is
    $…$  \\(…\\)  \\\\(…\\\\)  $`…`$  :math:`…`  <script type="math/tex">           in a line
    $$…$$  \\[…\\]  \\\\[…\\\\]  ```math  \\begin{align}…  <script … mode=display>    displayed

`$` is also money. As in pandoc, a `$` and the next one in the paragraph are a formula if no space stands
inside next to either, and no digit behind. But many authors leave such spaces, and nobody writes money
in TeX: spaces are allowed where the content shows that it is mathematics (it has a command, `^`, `=` or a
subscript), and the digit where it has a `\\`.

A display goes before blocks: it may hold blank lines, and rows that look like list items, quotations,
headings or tables. So do comments and preformatted HTML.

What is broken stays small. A display that is never closed ends before the next heading or fence, or before
that where prose follows a blank line (`look_ahead` has the rule). An open `\\[` ends with its paragraph, an
open `\\(` with its line, and only what follows can show that they are formulas. Where `\\(` and `\\)` stand
inside `$…$`, and in no braces, they are the wrong way round: each `\\(` ends the mathematics and each `\\)`
begins it again.
"""

import re
from bisect import bisect_left
from functools import cache, cached_property
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, fence, heading, table

from derive.reader.delimiters import (
    OPEN_ENVIRONMENT,
    SKIP,
    closing,
    find_end,
    has_evidence,
    look_ahead,
    rest_of_line,
)
from derive.reader.macros import DEFINITION, Macros, define, expand, pairs
from derive.reader.passage import Container, Kind, Passage, Stretch, plain, stitch

_RAW = "script|style|pre|code|textarea"
_TOKEN = re.compile(
    rf"""(?P<opening>\\\\?\[|\$\$)
       | {OPEN_ENVIRONMENT}
       | (?P<parenthesis>\\\\?\()
       | (?P<definition>{DEFINITION.pattern})
       | \\.
       | (?P<dollar>\$)(?!`)
       | (?:\$|:math:|\{{math\}})(?P<ticks>`+)
       | (?P<code>`+)
       | (?P<comment><!--)
       | <(?P<raw>(?i:{_RAW}))(?P<attributes>(?:\s[^<>]*)?)>
       | </?[A-Za-z][A-Za-z0-9-]*+(?:\s+[\w:.-]++(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]++))?)*+\s*/?>
       | https?://(?:[A-Za-z0-9_.~:/?\#\[\]@!$&'()*+,;=%-]|\\[()_])++
       | \]\([\w./\#?](?:[^\s()\\]|\\.)*+
       | (?P<bar>\|)
    """,
    re.VERBOSE | re.DOTALL,
)
_DOLLAR = re.compile(r"(?:[^\\$]++|\\.)*+\$", re.DOTALL)
_SWAP = re.compile(r"\\\\|(?P<swap>\\[()])|\\.|(?P<up>\{)|(?P<down>\})", re.DOTALL)
_RUN = re.compile("`+")
_COMMENT_END = re.compile("(?P<close>-->)")
_GIVEN = re.compile(r"\s*derive(?::|(?=\s|\Z))\s*")
_MATH_SCRIPT = re.compile(r"type\s*=\s*[\"']?math/tex(?P<display>\s*;\s*mode\s*=\s*display)?", re.IGNORECASE)

_FRONT_MATTER = re.compile(r" ?(---|\+\+\+)[ \t]*\n(?![ \t]*\n)(?:.*\n)*?(?:\1|\.\.\.)[ \t]*(?:\n|\Z)")
_STOP = re.compile(r"#{1,6}(?:[ \t]|$)|```|~~~|<!--")
_UNDERLINE = re.compile(r"(?:=+|-+)[ \t]*$")
_CONTAINERS: dict[str, Container] = {"list": "item", "blockquote": "quote"}


def read(source: str, macros: Macros | None = None) -> tuple[Passage, ...]:
    """The passages of a Markdown document; its macros join the given ones, which hold from its beginning."""
    text = plain(source)
    if text.startswith("\ufeff"):
        text = " " + text[1:]
    if front := _FRONT_MATTER.match(text):
        text = re.sub(r"[^\n]", " ", front[0]) + text[front.end() :]
    reader = _Reader(source, Macros() if macros is None else macros)
    parser = _parser()
    parser.block.parse(text, parser, {"reader": reader}, [])
    return tuple(reader.passages)


@cache
def _parser() -> MarkdownIt:
    """markdown-it, for its blocks alone, with our rules for those that hold text."""
    parser = MarkdownIt("commonmark", {"maxNesting": 20}).enable("table")
    parser.disable(["reference", "html_block", "lheading"])
    rules = parser.block.ruler
    rules.at("table", _table, {"alt": ["paragraph"]})
    rules.at("fence", _fence, {"alt": ["paragraph", "blockquote", "list"]})
    rules.at("heading", _heading, {"alt": ["paragraph", "blockquote"]})
    rules.at("paragraph", _paragraph)
    return parser


class _Found(NamedTuple):
    """A passage in the text of a block."""

    kind: Kind
    start: int
    stop: int
    column: int | None


class _Open(NamedTuple):
    """Something that a block opens and does not close: what would end it, and how much is open inside."""

    ending: re.Pattern[str]
    level: int
    is_display: bool


class _Reader:
    """A document while it is being read."""

    def __init__(self, source: str, macros: Macros) -> None:
        self.source, self.macros = source, macros
        self.passages = list[Passage]()
        self.blocks = 0
        self.searched = dict[re.Pattern[str], int]()

    def stretch(self, state: StateBlock, lines: range, start: int, stop: int | None = None) -> Stretch:
        """The text of some lines; in the first from `start` on, and in the last until `stop`."""
        spans = list[tuple[int, int]]()
        for line in lines:
            begin, end = start if line == lines[0] else _begin(state, line), state.eMarks[line]
            spans.append((begin, end - (begin < end and self.source.startswith("\r\n", end - 1))))
            spans.append((end, end + 1))
        begin, end = spans[-2]
        return stitch(self.source, [*spans[:-2], (begin, end if stop is None else stop)])

    def add(self, stretch: Stretch, found: list[_Found], container: Container) -> None:
        """Add what was found in a stretch of the present block."""
        for kind, start, stop, column in found:
            piece = stretch.cut(start, stop)
            if kind in ("display", "inline", "given"):
                piece = expand(piece, self.macros)
            if piece.text.strip() or kind == "skip":
                self.passages.append(Passage(kind, piece.text, piece.offsets, self.blocks, container, column))

    def add_line(self, state: StateBlock, line: int, start: int, container: Container) -> None:
        """Add a block of one line."""
        self.blocks += 1
        stretch = self.stretch(state, range(line, line + 1), start)
        self.add(stretch, _Scan(stretch.text, container, is_whole=True).all(), container)

    def look_ahead(self, state: StateBlock, opened: _Open, first: int, end: int) -> tuple[int, int | None]:
        """How many lines, from `first` on, belong to what is open, and where it ends, if it does."""
        lines = ((_begin(state, line), state.eMarks[line]) for line in range(first, end))
        if opened.is_display:
            taken, match = look_ahead(opened.ending, opened.level, state.src, lines, _STOP)
            return (0, None) if match and match.lastgroup == "again" else (taken, match and match.end())
        if self.searched.get(opened.ending, 0) < end:
            for taken, (start, stop) in enumerate(lines, 1):
                if match := opened.ending.search(state.src, start, stop):
                    return taken, match.end()
            self.searched[opened.ending] = end
        return 0, None


class _Scan:
    """The text of a block, read from left to right. `is_whole`: what it opens ends with it at the latest."""

    def __init__(self, text: str, container: Container, is_whole: bool = False) -> None:
        self.text, self.container, self.is_whole = text, container, is_whole
        self.found = list[_Found]()
        self.opened: _Open | None = None
        self.unread = 0  # where prose begins that has not been found yet
        self.column = None if container != "row" else 0 if text.lstrip().startswith("|") else 1
        self.hopeless = set[re.Pattern[str]]()

    @cached_property
    def braces(self) -> dict[int, int]:
        """Where each brace closes."""
        return pairs(self.text)

    @cached_property
    def runs(self) -> dict[int, list[int]]:
        """Where runs of backticks stand, by their length."""
        runs = dict[int, list[int]]()
        for run in _RUN.finditer(self.text):
            runs.setdefault(len(run[0]), []).append(run.start())
        return runs

    def read(self) -> _Open | None:
        """Find all passages, or say what is open at the end."""
        position = 0
        while token := _TOKEN.search(self.text, position):
            position = self.token(token)
            if self.opened:
                return self.opened
        self.prose(len(self.text))
        return None

    def all(self) -> list[_Found]:
        """All passages of a text that has all lines of what it opens."""
        self.read()
        return self.found

    def token(self, token: re.Match[str]) -> int:
        """Find what a token begins; reading goes on behind it."""
        start, after = token.span()
        match token.lastgroup:
            case "opening":
                return self.region(token, closing(token[0]), "display")
            case "environment":
                return self.region(token, closing(token["environment"]), "display")
            case "comment":
                return self.region(token, _COMMENT_END, None)
            case "attributes":
                math = _MATH_SCRIPT.search(token["attributes"])
                kind: Kind | None = None if not math else "display" if math["display"] else "inline"
                return self.region(token, _end_tag(token["raw"].lower()), kind)
            case "parenthesis":
                return self.parenthesis(token)
            case "dollar":
                return self.dollar(token)
            case "definition":  # a formula of which nothing will remain
                defined = define(self.text, start, self.braces, Macros())
                return self.formula("inline", start, start, defined, defined) if defined else after
            case "ticks" | "code":
                return self.code(token)
            case "bar" if self.column is not None:
                self.prose(start)
                self.column += 1
                self.unread = after
        return after

    def region(self, token: re.Match[str], ending: re.Pattern[str], kind: Kind | None) -> int:
        """Find what may go on beyond the block: a display, a comment or preformatted text."""
        start, inside = token.span()
        is_environment = token.lastgroup == "environment"
        is_display = is_environment or token.lastgroup == "opening"
        is_given = token.lastgroup == "comment" and _GIVEN.match(self.text, inside)
        end = inside if ending in self.hopeless else len(self.text)
        match, level = find_end(ending, self.text, inside, end)
        if match and match.lastgroup != "again":
            stop, after = match.span()
        elif not match and not self.is_whole:
            self.opened = _Open(ending, level, is_display)
            return inside
        else:
            stop = after = match.start() if match else len(self.text)
            if not (is_given or is_environment or (is_display and has_evidence(self.text, inside, stop))):
                self.hopeless.update(() if match else (ending,))
                return inside
        if is_given:
            return self.given(start, is_given.end(), stop, after)
        if kind is None:
            return self.leave_out(start, after)
        if is_environment:
            return self.formula(kind, start, start, after, after)
        return self.formula(kind, start, inside, stop, after)

    def given(self, before: int, start: int, stop: int, after: int) -> int:
        """Find what a comment gives."""
        skip = SKIP.match(self.text, start, stop)
        start = skip.end() if skip else start
        stop = start + len(self.text[start:stop].rstrip())
        return self.formula("skip" if skip else "given", before, start, stop, after)

    def parenthesis(self, token: re.Match[str]) -> int:
        r"""Find what \( opens."""
        start, inside = token.span()
        match, _ = find_end(closing(token[0]), self.text, inside, len(self.text))
        if match and match.lastgroup == "close":
            return self.formula("inline", start, inside, match.start(), match.end())
        stop = rest_of_line(self.text, inside)
        return self.formula("inline", start, inside, stop, stop) if stop else inside

    def dollar(self, token: re.Match[str]) -> int:
        r"""Find what a dollar opens, unless it is money; in it, `\(` and `\)` may be the wrong way round."""
        inside, closed = token.end(), _DOLLAR.match(self.text, token.end())
        if not closed or not _is_mathematics(closed[0][:-1], self.text[closed.end() : closed.end() + 1]):
            return inside
        before, start, level = token.start(), inside, 0
        in_formula = True
        for swap in _SWAP.finditer(self.text, inside, closed.end() - 1):
            level += (swap.lastgroup == "up") - (swap.lastgroup == "down")
            if swap.lastgroup == "swap" and level <= 0:
                if in_formula:
                    self.formula("inline", before, start, swap.start(), swap.end())
                in_formula = swap[0] == r"\)"
                before, start = swap.span()
        if in_formula:
            return self.formula("inline", before, start, closed.end() - 1, closed.end())
        return self.leave_out(closed.end() - 1, closed.end())

    def code(self, token: re.Match[str]) -> int:
        """Pass over code between backticks, or find the formula that it is."""
        ticks = token["ticks"] or token["code"]
        starts = self.runs.get(len(ticks), [])
        following = bisect_left(starts, token.end())
        if following == len(starts):
            return token.end()
        stop, after = starts[following], starts[following] + len(ticks)
        if token[0].startswith("$"):
            if not self.text.startswith("$", after):
                return after
            after += 1
        return self.formula("inline", token.start(), token.end(), stop, after) if token["ticks"] else after

    def formula(self, kind: Kind, before: int, start: int, stop: int, after: int) -> int:
        """Take in the formula from `start` to `stop`, and the prose before it; reading goes on at `after`."""
        self.leave_out(before, after)
        self.found.append(_Found(kind, start, stop, self.column))
        return after

    def leave_out(self, start: int, after: int) -> int:
        """End the prose at `start`; reading goes on at `after`."""
        self.prose(start)
        self.unread = after
        return after

    def prose(self, end: int) -> None:
        """Take in the prose until `end`."""
        kind: Kind = "heading" if self.container == "heading" else "prose"
        self.found.append(_Found(kind, self.unread, end, self.column))


def _is_mathematics(content: str, following: str) -> bool:
    """Whether it is mathematics that stands between two dollars, and not money."""
    if content.count("`") % 2 or (following in "0123456789" and following and "\\" not in content):
        return False
    return not (content[0].isspace() or content[-1].isspace()) or has_evidence(content, 0, len(content))


@cache
def _end_tag(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?P<close></{name}\s*>)", re.IGNORECASE)


# --- the rules of markdown-it that are ours ---


def _begin(state: StateBlock, line: int) -> int:
    """Where the text of a line begins."""
    return state.bMarks[line] + state.tShift[line]


def _surroundings(state: StateBlock) -> Container:
    return _CONTAINERS.get(state.parentType, "paragraph")


def _paragraph(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A paragraph, with all lines of the displays in it, or a heading that is underlined."""
    reader: _Reader = state.env["reader"]
    reader.blocks += 1
    container, line, place = _surroundings(state), start, _begin(state, start)
    while True:
        following, is_underlined = _extent(state, line, end)
        stretch = reader.stretch(state, range(line, following), place)
        scan = _Scan(stretch.text, container)
        if not (opened := scan.read()):
            break
        taken, stop = reader.look_ahead(state, opened, following, end)
        following += taken
        stretch = reader.stretch(state, range(line, following), place, stop)
        scan = _Scan(stretch.text, container, is_whole=True)
        scan.read()
        if stop is None:
            is_underlined = False
            break
        reader.add(stretch, scan.found, container)
        line, place = following - 1, stop
    if is_underlined and line == start and not any(found.kind == "display" for found in scan.found):
        reader.add(stretch, _Scan(stretch.text, "heading", is_whole=True).all(), "heading")
        following += 1
    else:
        reader.add(stretch, scan.found, container)
    state.line = following
    return True


def _extent(state: StateBlock, start: int, end: int) -> tuple[int, bool]:
    """The line behind the paragraph that the line `start` is in, and whether it makes a heading of it."""
    rules = state.md.block.ruler.getRules("paragraph")
    surroundings, state.parentType = state.parentType, "paragraph"
    line, is_underlined = start + 1, False
    while line < end and not state.isEmpty(line):
        indent = state.sCount[line] - state.blkIndent
        if 0 <= indent <= 3 and _UNDERLINE.match(state.src, _begin(state, line), state.eMarks[line]):
            is_underlined = True
            break
        if indent <= 3 and state.sCount[line] >= 0 and any(rule(state, line, end, True) for rule in rules):
            break
        line += 1
    state.parentType = surroundings
    return line, is_underlined


def _heading(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A heading that begins with `#`."""
    if not heading(state, start, end, silent):
        return False
    if not silent:
        reader: _Reader = state.env["reader"]
        text = state.src[_begin(state, start) : state.eMarks[start]].lstrip("#").lstrip(" \t")
        reader.add_line(state, start, state.eMarks[start] - len(text), "heading")
    return True


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A table; a line between formulas does not end a cell when it is inside one, as in `$p(a|b)$`."""
    if not table(state, start, end, True):
        return False
    if silent:
        return True
    rules = state.md.block.ruler.getRules("blockquote")
    state.env["reader"].add_line(state, start, _begin(state, start), "row")
    state.line = start + 2
    while (
        state.line < end
        and not state.isEmpty(state.line)
        and 0 <= state.sCount[state.line] - state.blkIndent <= 3
        and not any(rule(state, state.line, end, True) for rule in rules)
    ):
        state.env["reader"].add_line(state, state.line, _begin(state, state.line), "row")
        state.line += 1
    return True


def _fence(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Fenced code; it is a formula if it says `math`."""
    if not fence(state, start, end, silent):
        return False
    if silent or state.tokens[-1].info.strip() not in ("math", "{math}"):
        return True
    content = state.tokens[-1].content
    first = start + 1
    last = first + content.count("\n") + (not content.endswith("\n") and content != "")
    while first < last and state.src.startswith(":", _begin(state, first)):
        first += 1  # an option of MyST's, such as `:label: eq`
    if first < last:
        reader: _Reader = state.env["reader"]
        reader.blocks += 1
        stretch = reader.stretch(state, range(first, last), _begin(state, first))
        reader.add(stretch, [_Found("display", 0, len(stretch.text), None)], _surroundings(state))
    return True
