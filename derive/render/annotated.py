"""A document as its author wrote it, with a mark beside each equation and the findings under it.

Markdown and the Markdown cells of notebooks are set as they would be published; LaTeX is shown as its source,
with each formula that claims something set below the line on which it ends. To set Markdown, each formula is
taken out, a pair of private characters with its number put in its place, and the formula put back when the
text around it has become HTML. No HTML of the document's own is let through, no image is loaded, and links
lead to http and https only.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from derive.documents import passages_of
from derive.reader import markdown
from derive.reader.macros import Macros
from derive.reader.passage import Passage
from derive.render.mathml import visible
from derive.render.pieces import Notes, Pieces
from derive.report import Report, Step

LARGEST = 1_000_000  # characters of Markdown that are set; a larger document is shown as its source
_LONGEST_LINE = 2_000  # characters of a line of source that are shown
_WIDE = 24  # characters of an inline formula that certainly fits on the line of a telephone
_SHOWN = ("display", "inline", "given", "skip")  # the kinds of passage that are set in a way of their own
_NEAR = 3  # lines of source around a formula that are shown of a large document
_MANY_LINES = 5_000
_LINE_START = re.compile(r"\r\n?|\n")
_FRONT_MATTER = re.compile(
    r"\ufeff?(?:---|\+\+\+)[ \t]*\r?\n.*?\n(?:---|\+\+\+|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL
)
_HOLE = re.compile("\ufdd0([0-9]+)\ufdd1")  # no characters: neither a text nor its entities can hold them

# how a formula opens, and how it then closes
_DELIMITERS = tuple(
    (re.compile(opening + r"\s*\Z"), re.compile(r"\s*" + closing))
    for opening, closing in (
        (r"\$\$", r"\$\$"),
        (r"\\\\\[", r"\\\\\]"),
        (r"\\\[", r"\\\]"),
        (r"\\\\\(", r"\\\\\)"),
        (r"\\\(", r"\\\)"),
        (r"\$`+", r"`+\$"),
        (r"(?::math:|\{math\})`+", r"`+"),
        (r"<script[^<>]*>", r"</script\s*>"),
        (r"\$", r"\$"),
    )
)
_ALIGNED = "align|aligned|alignat|alignedat|flalign|xalignat|eqnarray|split|IEEEeqnarray"
_WRAPPED = re.compile(
    r"\s*\\begin\{(equation|displaymath|math|dmath|gather|multline|gathered|" + _ALIGNED + r")(\*?)\}(.*)"
    r"\\end\{\1\2\}\s*([.,;]?)\s*\Z",
    re.DOTALL,
)
_ARGUMENT = re.compile(r"\s*\{[^{}]{0,20}\}")
_SEPARATOR = re.compile(
    r"(?P<change>\\begin\s*\{|\\end\s*\{|[{}])|(?P<row>\\\\\*?(?:\[[^\[\]]{0,12}\])?)|\\.|(?P<cell>&)",
    re.DOTALL,
)
_CHANGES = {"\\beg": 2, "\\end": 0, "{": 1, "}": -1}
_KIND = re.compile(r"\s(elementwise|invertible)\Z")  # words at the end of statements
_TAG = re.compile(r"\\tag\*?\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_NOT_SET = re.compile(r"\\label\s*\{[^{}]*\}|\\(?:notag|nonumber)(?![A-Za-z])")


@dataclass(slots=True)
class Formula:
    """A formula of a document, and the steps that its signs make.

    Attributes:
        start, end: where it stands in the source, with its delimiters.
        steps: for each, its place in the text of the passage, its number in the report, and the step.
    """

    passage: Passage
    start: int
    end: int
    steps: list[tuple[int, int, Step]] = field(default_factory=list)


@dataclass(slots=True)
class Annotated:
    """Sets one document.

    Attributes:
        report: what was found in it.
        pieces: writes the parts.
        prefix: what the names of its anchors begin with.
        lowered: by how much its headings are lowered below those of the page.
        is_titled: whether a heading that it begins with is the page's own, and is left out.
    """

    report: Report
    pieces: Pieces
    prefix: str = ""
    lowered: int = 1
    is_titled: bool = False
    pending: list[str] = field(default_factory=list)  # findings that wait for the end of their block
    placed: set[int] = field(default_factory=set)  # the formulas that are on the page
    notes: Notes = field(init=False)  # of the report, by their places

    def __post_init__(self) -> None:
        self.notes = self.report.notes_by_place()

    def html(self) -> str:
        """The document; formulas that found no place in it come last."""
        formulas = self.formulas()
        suffix = Path(self.report.path).suffix.lower()
        if suffix == ".ipynb":
            body = self.notebook(formulas)
        elif suffix == ".tex" or len(self.report.source) > LARGEST:
            body = self.lines(formulas)
        else:
            body = self.markdown(self.report.source, formulas, range(len(formulas)))
        lost = [f for n, f in enumerate(formulas) if n not in self.placed and _has_claim(f.steps)]
        housed = {number for formula in formulas for _, number, _ in formula.steps}
        homeless = [(n, step) for n, step in enumerate(self.report.steps) if n not in housed]
        rest = "".join(map(self.display, lost)) + "".join(
            f'<span id="{self.anchor(n)}"></span>{self.pieces.findings([("", step)], self.notes)}'
            for n, step in homeless
            if step.kind == "claim"
        )
        if rest:
            body += f"<h3>{self.pieces.say('elsewhere in the document')}</h3>{rest}"
        return body

    # ------------------------------------------------------------------ formulas and their steps

    def formulas(self) -> list[Formula]:
        """The formulas and given blocks of the document in order, each with its steps."""
        text = self.report.source
        passages = sorted(
            (p for p in passages_of(Path(self.report.path), text) if p.kind in _SHOWN),
            key=lambda passage: passage.offsets[0],
        )
        found = _found(passages, text)
        starts = [0, *(end.end() for end in _LINE_START.finditer(text))]
        homes = [formula for formula in found if formula.passage.kind != "skip"]
        begins = [home.passage.offsets[0] for home in homes]
        for number, step in enumerate(self.report.steps):
            if not homes or not 1 <= step.line <= len(starts):
                continue
            offset = starts[step.line - 1] + step.column - 1
            home = homes[max(0, bisect_right(begins, offset) - 1)]
            home.steps.append((bisect_right(home.passage.offsets, offset) - 1, number, step))
        return found

    def anchor(self, number: int) -> str:
        """The name of the place of a step on the page."""
        return f"{self.prefix}s{number}"

    def numbered(self, formula: Formula) -> list[tuple[str, Step]]:
        """The steps of a formula, labelled where there are several."""
        several = sum(step.kind == "claim" for _, _, step in formula.steps) > 1
        labelled: list[tuple[str, Step]] = []
        count = 0
        for _, _, step in formula.steps:
            count += step.kind == "claim"
            labelled.append((f"({count})" if several else "", step))
        return labelled

    # ------------------------------------------------------------------ displays

    def display(self, formula: Formula) -> str:
        """A displayed formula, row by row, with its marks on the left and its findings below."""
        if formula.passage.kind == "given":
            return self.given(formula)
        rows = rows_of(formula.passage.text)
        columns = max((len(cells) for _, _, cells in rows), default=1)
        labels = {id(step): label for label, step in self.numbered(formula)}
        shown: list[str] = []
        for place, (end, tag, cells) in enumerate(rows):
            start = rows[place - 1][0] if place else -1
            last = place == len(rows) - 1
            here = [
                (number, step)
                for at, number, step in formula.steps
                if start <= at < end or (last and at >= end) or (not place and at < start)
            ]
            marks = "".join(
                f"<span>{self.pieces.mark(step, self.anchor(number))}"
                + (f' <span class="label">{labels[id(step)]}</span>' if step.kind == "claim" else "")
                + "</span>"
                for number, step in _distinct(here)
            )
            rule = next((step.rule for _, step in here if step.rule), None) or tag
            marks += self.pieces.rule(rule)
            alone = columns == 1
            parts = []
            for column, cell in enumerate(cells):
                body = self.pieces.formula(cell, True) if cell.strip() else ""
                side = "alone" if alone else "left" if column % 2 else "right"
                parts.append(f'<div class="cell {side}">{body}</div>')
            parts += ["<div></div>"] * (columns - len(cells))
            shown.append(f'<div class="marks">{marks}</div>{"".join(parts)}')
        grid = f'<div class="rows" style="--columns:{min(columns, 12)}">{"".join(shown)}</div>'
        findings = self.pieces.findings(self.numbered(formula), self.notes)
        return f'<div class="display">{grid}{findings}</div>'

    def inline(self, formula: Formula) -> str:
        """A formula in a line, with its marks; its findings wait for the end of the paragraph."""
        math = self.pieces.formula(formula.passage.text)
        marks = "".join(
            f" {self.pieces.mark(step, self.anchor(number))}"
            for _, number, step in formula.steps
            if step.kind in ("claim", "given")
        )
        findings = self.pieces.findings(self.numbered(formula), self.notes)
        if findings:
            self.pending.append(findings)
        wide = len(formula.passage.text) > _WIDE or math.startswith("<code")
        return f'<span class="long">{math}</span>{marks}' if wide else f"{math}{marks}"

    def given(self, formula: Formula) -> str:
        """What a comment states for derive alone."""
        lines: list[str] = []
        for line in formula.passage.text.split("\n"):
            said = line.strip()
            name, colon, rest = said.partition(":")
            kind = _KIND.search(said)
            if name == "layout" and rest.strip() in ("numerator", "denominator"):
                lines.append(self.pieces.say(f"{rest.strip()} layout"))
            elif colon and name in ("layout", "source"):
                lines.append(f"{self.pieces.say(name)}: {escape(visible(rest.strip()), quote=False)}")
            elif said:
                end = kind.start() if kind else len(said)
                lines.append(self.pieces.formula(said[:end]) + said[end:])
        unread = [(label, step) for label, step in self.numbered(formula) if step.kind == "claim"]
        anchors = "".join(f'<span id="{self.anchor(number)}"></span>' for _, number, _ in formula.steps)
        head = f'<span class="head">{self.pieces.say("given")}</span>'
        findings = self.pieces.findings(unread, self.notes)
        items = "".join(f"<li>{line}</li>" for line in lines)
        return f'<div class="given">{anchors}{head}<ul>{items}</ul></div>{findings}'

    # ------------------------------------------------------------------ Markdown

    def markdown(self, text: str, formulas: Sequence[Formula], numbers: Sequence[int]) -> str:
        """Markdown as HTML. `numbers` are those of the formulas among all of the document."""
        front = _FRONT_MATTER.match(text)
        position = front.end() if front else 0
        pieces: list[str] = []
        for number, formula in zip(numbers, formulas, strict=True):
            if formula.start >= position:
                pieces += [visible(text[position : formula.start]), f"\ufdd0{number}\ufdd1"]
                position = formula.end
        pieces.append(visible(text[position:]))
        by_number = dict(zip(numbers, formulas, strict=True))
        head = f'<pre class="source">{escape(visible(front[0].strip()), quote=False)}</pre>' if front else ""
        setter = _Setter(self, by_number, text)
        environment = {"setter": setter}
        tokens = _PARSER.parse("".join(pieces), environment)
        if self.is_titled and tokens and tokens[0].type == "heading_open":
            tokens = tokens[3:]
        body: str = _PARSER.renderer.render(tokens, _PARSER.options, environment)
        return head + body + self.flush()

    def flush(self) -> str:
        """The findings that have waited."""
        found, self.pending = "".join(self.pending), []
        return found

    # ------------------------------------------------------------------ notebooks

    def notebook(self, formulas: Sequence[Formula]) -> str:
        """The cells of a notebook: its Markdown set, its code as it is."""
        shown: list[str] = []
        macros = Macros()
        place = 0
        for number, (kind, text) in enumerate(_cells(self.report.source), 1):
            label = self.pieces.say("cell {cell}", cell=number)
            if kind != "markdown":
                code = f'<pre class="source">{escape(visible(text), quote=False)}</pre>'
                shown.append(f'<section class="notebook"><span class="head">{label}</span>{code}</section>')
                continue
            inside = [p for p in markdown.read(text, macros) if p.kind in _SHOWN]
            inside.sort(key=lambda passage: passage.offsets[0])
            here = range(place, min(place + len(inside), len(formulas)))
            place = here.stop
            local = _found(inside, text)[: len(here)]
            for formula, n in zip(local, here, strict=True):
                formula.steps = formulas[n].steps
            body = self.markdown(text, local, here)
            shown.append(f'<section class="notebook"><span class="head">{label}</span>{body}</section>')
        return "".join(shown)

    # ------------------------------------------------------------------ source

    def lines(self, formulas: Sequence[Formula]) -> str:
        """The source line by line; what claims something is set below the line on which it ends."""
        text = self.report.source
        starts = [0, *(end.end() for end in _LINE_START.finditer(text))]
        below: dict[int, list[int]] = {}
        for number, formula in enumerate(formulas):
            if _has_claim(formula.steps):
                below.setdefault(bisect_right(starts, max(formula.start, formula.end - 1)), []).append(number)
        lines = _LINE_START.split(text)
        if len(lines) <= _MANY_LINES:
            wanted = set(range(1, len(lines) + 1))
        else:
            wanted = {
                line
                for last, numbers in below.items()
                for first in [bisect_right(starts, min(formulas[n].start for n in numbers))]
                for line in range(first - _NEAR, last + _NEAR + 1)
            }
        parts: list[str] = []
        run: list[str] = []

        def close() -> None:
            if run:
                parts.append(f'<pre class="source">{"".join(run)}</pre>')
                run.clear()

        gap = False
        for number, line in enumerate(lines, 1):
            if number not in wanted:
                gap = True
                continue
            if gap:
                run.append('<span class="number">…</span>\n')
                gap = False
            cut = line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + " …"
            run.append(f'<span class="number">{number}</span>{escape(visible(cut), quote=False)}\n')
            if number in below:
                close()
                for n in below[number]:
                    self.placed.add(n)
                    parts.append(self.display(formulas[n]))
        close()
        return "".join(parts)


# ── formulas taken apart ───────────────────────────────────────────────────────────────────────────────────


def _found(passages: Sequence[Passage], text: str) -> list[Formula]:
    """The passages of a text, each with its place."""
    found: list[Formula] = []
    for passage in passages:
        found.append(Formula(passage, *_extent(passage, text, found[-1].end if found else 0)))
    return found


def _extent(passage: Passage, text: str, free: int) -> tuple[int, int]:
    """From where to where a passage stands in the source, its delimiters included, but none before `free`."""
    start, end = passage.offsets[0], passage.offsets[-1]
    if passage.kind in ("given", "skip"):
        opening, closing = text.rfind("<!--", max(0, start - 200), start), text.find("-->", end)
        return (opening, closing + 3) if opening >= 0 and closing >= 0 else (start, end)
    before = text[max(free, start - 80) : start]
    for opens, closes in _DELIMITERS:
        found = opens.search(before)
        if found:
            after = closes.match(text, end)
            return start - (len(before) - found.start()), after.end() if after else end
    return start, end


def rows_of(text: str) -> list[tuple[int, str | None, list[str]]]:
    """The rows of a display: where each ends in the text, its tag, and its cells."""
    begin, end, is_aligned, after = 0, len(text), False, ""
    while found := _WRAPPED.match(text, begin, end):
        argument = _ARGUMENT.match(text, found.start(3), found.end(3))
        wants = found[1] in ("alignat", "alignedat", "xalignat", "IEEEeqnarray")
        begin = argument.end() if argument and wants else found.start(3)
        end, after = found.end(3), found[4] or after
        is_aligned = is_aligned or found[1] in _ALIGNED.split("|")
    rows: list[tuple[int, str | None, list[str]]] = []
    cells: list[str] = []
    level, start = 0, begin
    for sign in _SEPARATOR.finditer(text, begin, end):
        if sign[
            "change"
        ]:  # the brace of \begin{…} and of \end{…} stands in their sign, and closes as any other
            level += _CHANGES[sign["change"][:4]]
        elif level == 0 and sign["cell"] and is_aligned:
            cells.append(text[start : sign.start()])
            start = sign.end()
        elif level == 0 and sign["row"]:
            rows.append(_row(sign.end(), [*cells, text[start : sign.start()]]))
            cells, start = [], sign.end()
    if text[start:end].strip() or cells or not rows:
        rows.append(_row(len(text), [*cells, text[start:end] + after]))
    return rows


def _has_claim(steps: Sequence[tuple[int, int, Step]]) -> bool:
    return any(step.kind == "claim" for _, _, step in steps)


def _distinct(steps: Sequence[tuple[int, Step]]) -> list[tuple[int, Step]]:
    """The claims among some steps, and the first of each other kind."""
    kinds = [step.kind for _, step in steps]
    return [
        (number, step)
        for place, (number, step) in enumerate(steps)
        if step.kind == "claim" or step.kind not in kinds[:place]
    ]


def _row(end: int, cells: list[str]) -> tuple[int, str | None, list[str]]:
    tags = [found[1] for cell in cells for found in _TAG.finditer(cell)]
    bare = [_NOT_SET.sub("", _TAG.sub("", cell)) for cell in cells]
    return end, ", ".join(tags) or None, bare


def _cells(text: str) -> Iterator[tuple[str, str]]:
    """The kind and the text of each cell of a notebook that has been read before."""
    notebook: Any = json.loads(text.removeprefix("\ufeff"), parse_int=float)
    for cell in notebook["cells"]:
        if isinstance(cell, dict):
            held = cell.get("source", "")
            parts = [held] if isinstance(held, str) else held if isinstance(held, list) else []
            yield str(cell.get("cell_type")), "".join(part for part in parts if isinstance(part, str))
        else:
            yield "", ""


# ── Markdown set as HTML ───────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Setter:
    """Puts formulas back where they were taken out."""

    document: Annotated
    formulas: dict[int, Formula]
    text: str

    def fill(self, text: str) -> str:
        """A run of text, escaped, with its formulas."""
        parts = _HOLE.split(text)
        for place, part in enumerate(parts):
            parts[place] = self.formula(int(part)) if place % 2 else escape(visible(part), quote=False)
        return "".join(parts)

    def formula(self, number: int) -> str:
        formula = self.formulas[number]
        self.document.placed.add(number)
        if formula.passage.kind == "inline":
            return self.document.inline(formula)
        if formula.passage.kind == "skip":
            reason = escape(visible(formula.passage.text), quote=False)
            return f'<span class="head">{self.document.pieces.say("skipped")}: {reason}</span>'
        return self.document.display(formula)

    def raw(self, text: str) -> str:
        """A run of text in which formulas are shown as they are written."""
        parts = _HOLE.split(text)
        for place in range(1, len(parts), 2):
            formula = self.formulas[int(parts[place])]
            parts[place] = visible(self.text[formula.start : formula.end])
        return escape("".join(parts), quote=False)

    def has_display(self, text: str) -> bool:
        return any(self.formulas[int(n)].passage.kind in ("display", "given") for n in _HOLE.findall(text))


class _Writer(RendererHTML):
    """Markdown's tokens as HTML. A paragraph that holds a display is a division, as a paragraph cannot."""

    def text(self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]) -> str:
        filled: str = env["setter"].fill(tokens[idx].content)
        return filled

    def code_inline(
        self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]
    ) -> str:
        return f"<code>{env['setter'].raw(tokens[idx].content)}</code>"

    def code_block(
        self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]
    ) -> str:
        return f"<pre><code>{env['setter'].raw(tokens[idx].content)}</code></pre>\n"

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]) -> str:
        token = tokens[idx]
        if token.info.strip() in ("math", "{math}") and _HOLE.search(token.content):
            return "".join(env["setter"].formula(int(n)) for n in _HOLE.findall(token.content))
        return self.code_block(tokens, idx, options, env)

    def image(self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]) -> str:
        shown = env["setter"].raw(tokens[idx].content)
        return f'<span class="image">{env["setter"].document.pieces.say("image")}: {shown}</span>'

    def link_open(
        self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]
    ) -> str:
        url = str(tokens[idx].attrGet("href"))
        return f'<a href="{escape(url)}" rel="noopener noreferrer">' if url else "<a>"

    def paragraph_open(
        self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]
    ) -> str:
        if tokens[idx].hidden:
            return ""
        return '<div class="paragraph">' if env["setter"].has_display(tokens[idx + 1].content) else "<p>"

    def paragraph_close(
        self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]
    ) -> str:
        findings = env["setter"].document.flush()
        if tokens[idx].hidden:
            return str(findings)
        closing = "</div>" if env["setter"].has_display(tokens[idx - 1].content) else "</p>"
        return f"{closing}{findings}\n"

    def heading_open(
        self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]
    ) -> str:
        return f"<{self._heading(tokens[idx], env)}>"

    def heading_close(
        self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]
    ) -> str:
        return f"</{self._heading(tokens[idx], env)}>{env['setter'].document.flush()}\n"

    def _heading(self, token: Token, env: MutableMapping[str, Any]) -> str:
        return f"h{min(6, int(token.tag[1]) + env['setter'].document.lowered)}"

    def table_open(
        self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]
    ) -> str:
        return '<div class="scroll"><table class="plain">'

    def table_close(
        self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]
    ) -> str:
        return f"</table></div>{env['setter'].document.flush()}\n"


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}, renderer_cls=_Writer)
    parser.enable(["table", "strikethrough"])
    parser.validateLink = lambda url: re.match(r"https?://", url) is not None  # type: ignore[method-assign]
    return parser


_PARSER = _parser()
