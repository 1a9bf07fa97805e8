"""Reports for a terminal, as the best compilers tell what they find.

For each claim that is not proved: where it stands, its lines with a caret under the sign or under what cannot
be read, why, the counterexample as numbers that one can recompute by hand, and what would mend it. At the end
of a document stands its ledger: how many claims got which verdict, which hypotheses are needed where, and the
layout.

Whatever comes from a document passes through `safe`: no control character of it reaches a terminal.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from derive.diagnostics import Diagnostic
from derive.reader.latex import BUILTIN_WORDS
from derive.render.language import Language, diagnostic, message, rule_name, say
from derive.render.plain import plain
from derive.report import BY_DEFINITION, Counterexample, Note, Report, Step, Value, Verdict

NOUNS = {
    "proved": "proved", "refuted": "refuted", "unknown": "unknown", "unread": "unread",
    "definition": "definitions", "given": "given", "declaration": "declarations",
}  # fmt: skip
_COLOURS = {
    "proved": "32", "refuted": "1;31", "unknown": "1;33", "unread": "1;35", "bold": "1", "dim": "2",
    "caret": "1;31", "help": "36",
}  # fmt: skip
_LINE_END = re.compile(r"\r\n?|\n")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_WIDE = "\u3000-\u303f\u3400-\u9fff\uff00-\uffef"
_BREAKABLE = rf"[^{_WIDE}，。；：、）！？」』]+[，。；：、）！？」』]*|[{_WIDE}][，。；：、）！？」』]*"
_LONGEST_FORMULA = 1_000  # characters of a formula that are set as Unicode; longer ones are cut short
_ROWS_BEFORE, _ROWS_AFTER = 3, 2
_INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufeff\u00ad")


@dataclass(frozen=True, slots=True)
class Style:
    """How a report looks.

    Attributes:
        width: columns of the terminal.
        colour: whether escape sequences for colours are used.
        verbose: whether proved claims are shown, too.
        reading: whether it is shown how each step was understood.
        language: of what derive says.
    """

    width: int = 80
    colour: bool = False
    verbose: bool = False
    reading: bool = False
    language: Language = "en"

    def say(self, phrase: str, /, **fields: object) -> str:
        """A phrase in the report's language."""
        return say(self.language, phrase, **fields)

    def paint(self, text: str, colour: str) -> str:
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self.colour and text else text


# ── text that is safe to print, and its width ──────────────────────────────────────────────────────────────


def safe(text: str) -> str:
    """The text with everything escaped that a terminal would act on, and all of it in one line."""
    return text if text.isprintable() else "".join(map(_safe_character, text))


def _safe_character(character: str) -> str:
    if character.isprintable():
        return character
    if character in _INVISIBLE:
        return ""
    if character in "\n\r":
        return " "
    if character == "\t":
        return "    "
    if unicodedata.category(character) == "Zs":
        return " " * max(1, width(character))
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


@lru_cache(maxsize=4096)
def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def wrap(text: str, room: int) -> list[str]:
    """Lines of at most so many columns, broken at spaces and between Chinese characters, or by need."""
    lines, line = list[str](), ""
    for word in safe(text).split(" "):
        space = " "
        for part in [word] if word.isascii() else re.findall(_BREAKABLE, word):
            if line and width(line) + len(space) + width(part) <= room:
                line += space + part
            else:
                if line:
                    lines.append(line)
                while width(part) > room:
                    head, part = _split(part, room)
                    lines.append(head)
                line = part
            space = ""
    return [*lines, line] if line or not lines else lines


def _split(word: str, room: int) -> tuple[str, str]:
    """The head of a word that fits, and the rest."""
    taken = 0
    for place, character in enumerate(word):
        taken += _columns(character)
        if taken > max(1, room):
            return word[: max(1, place)], word[max(1, place) :]
    return word, ""


# ── a report ───────────────────────────────────────────────────────────────────────────────────────────────


def report_text(report: Report, style: Style) -> str:
    """All that is to be said of one document, its ledger last."""
    if report.error is not None:
        error = message(style.language, report.error)
        said = wrap(style.say("{path}: error: {error}", path=report.path, error=error), style.width)
        return "\n".join([style.paint(said[0], "bold"), *said[1:]]) + "\n"
    page = _Page(report, style)
    for step in report.steps:
        if step.kind == "claim" and (step.is_fault or style.verbose or style.reading):
            page.claim(step)
        elif step.kind != "claim" and style.reading:
            page.statement(step)
    page.ledger()
    return "\n".join(page.lines) + "\n"


def given_text(report: Report, style: Style) -> str:
    """The statements of a given file that cannot be read."""
    page = _Page(report, style)
    for step in report.steps:
        page.claim(step)
    return "\n".join(page.lines).rstrip("\n") + "\n\n"


def claims_text(report: Report, style: Style) -> str:
    """The claims of a report, without its ledger."""
    page = _Page(report, style)
    for step in report.steps:
        if step.kind == "claim":
            page.claim(step)
    return "\n".join(page.lines).rstrip("\n") + "\n"


def claim_text(report: Report, step: Step, style: Style) -> str:
    """One claim of a report."""
    page = _Page(report, style)
    page.claim(step)
    return "\n".join(page.lines).rstrip("\n") + "\n"


def claim_messages(report: Report) -> Callable[[Step], str]:
    """What is to be said of a claim of this report where its place and its text are shown anyway."""
    page = _Page(report, Style(width=100))
    lead = len(f"{' ' * page.source.gutter} = ")

    def told(step: Step) -> str:
        page.lines = []
        page.details(step)
        first = safe(step.message or f"not proved: {step.verdict}")
        return "\n".join([first, *(line[lead:] for line in page.lines)])

    return told


@dataclass
class Tally:
    """What many reports come to, counted while they pass by.

    Attributes:
        documents, closed: how many there are, and how many of them could not be checked.
        counts: how many claims got each verdict, as `Report.counts` has it.
        faults: the verdicts of claims that count against a document.
        codes: of what is said of faults, and in notes.
    """

    documents: int = 0
    closed: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    faults: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)

    def add(self, report: Report) -> None:
        """Count one more report."""
        faults = [step for step in report.steps if step.is_fault]
        self.documents += 1
        self.closed += report.error is not None
        self.counts.update(report.counts)
        self.faults.update(str(step.verdict) for step in faults)
        self.codes.update(step.code for step in faults if step.code)
        self.codes.update(note.code for note in report.notes if note.code)


def totals_text(tally: Tally, style: Style) -> str:
    """What is found in all documents together, for more than one; and where codes are explained."""
    lines: list[str] = []
    if tally.documents > 1:
        phrase = "{documents} documents: {counts}"
        if tally.closed:
            phrase = "{documents} documents, {closed} of them could not be checked: {counts}"
        counts = count_text(tally.counts, style.language)
        said = style.say(phrase, documents=tally.documents, closed=tally.closed, counts=counts)
        lines += wrap(said, style.width)
    if tally.codes:
        more = style.say("`derive explain {code}` tells more about a code", code=min(tally.codes))
        lines.append(style.paint(more, "dim"))
    return "".join(f"{line}\n" for line in lines)


def diagnostic_text(entry: Diagnostic, style: Style) -> str:
    """What a diagnostic means, with its examples."""
    title, *texts = diagnostic(style.language, entry)
    lines = [f"{style.paint(entry.code, 'bold')}  {style.paint(title, 'bold')}", ""]
    for text in texts:
        lines += [*wrap(text, style.width), ""]
    for label, example in (("for example", entry.bad), ("instead", entry.instead)):
        lines += [style.paint(f"{style.say(label)}:", "help"), ""]
        lines += [f"    {line}".rstrip() for line in example.rstrip().splitlines()]
        lines.append("")
    return "\n".join(lines)


def count_text(counts: Mapping[str, int], language: Language = "en") -> str:
    """How many claims there are, and how many of them got which verdict."""
    named = {str(key): str(key) for key in (*Verdict, "skipped")} | {"baseline": "in the baseline"}
    claims = sum(counts.get(key, 0) for key in named)
    if not claims:
        return say(language, "no claims")
    parts = ", ".join(
        f"{counts[key]} {say(language, said)}" for key, said in named.items() if counts.get(key)
    )
    phrase = "1 claim: {parts}" if claims == 1 else "{claims} claims: {parts}"
    return say(language, phrase, claims=claims, parts=parts)


@dataclass
class _Page:
    """A report while it is being written."""

    report: Report
    style: Style
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.words = BUILTIN_WORDS | self.report.words
        self.source = _Source(self.report)
        self.notes = self.report.notes_by_place()

    # ------------------------------------------------------------------ steps

    def claim(self, step: Step) -> None:
        """A claim, with its verdict and what belongs to that."""
        verdict = step.verdict or Verdict.UNKNOWN
        code = f" [{step.code}]" if step.code else ""
        if verdict is Verdict.PROVED:
            sizes = ", ".join(step.dimensions)
            said = f" {self.say('for all {sizes}', sizes=sizes)}" if sizes else ""
            said += f" · {rule_name(self.style.language, step.rule)}" if step.rule else ""
        else:
            said = f" {self.message(step.message)}" if step.message else ""
        if step.skipped is not None:
            said += f" ({self.say('skipped')}: {step.skipped})"
        elif step.known:
            said += f" ({self.say('in the baseline')})"
        self.head(step, str(verdict), code, said)
        if verdict is Verdict.PROVED:
            self.formula(step)
        else:
            self.excerpt(step)
        self.details(step)
        self.lines.append("")

    def details(self, step: Step) -> None:
        """What belongs to a verdict: remarks, the counterexample, what would mend it, notes."""
        for label, text in self.remarks(step):
            self.remark(label, text)
        if step.counterexample is not None:
            self.counterexample(step.counterexample)
        if step.repair is not None:
            said = step.repair.message
            self.remark("help", self.message(said))
            if step.repair.kind != "layout" and step.repair.latex not in said:
                self.block(wrap(step.repair.latex, self.style.width - 10))
        for note in self.notes.get((step.line, step.column), ()):
            self.remark("note", self.message(note.message), note.code)

    def statement(self, step: Step) -> None:
        """What is declared, defined or given, and how it was understood."""
        self.head(step, step.kind, "", "")
        self.formula(step)
        if step.reading:
            self.remark("read as", self.plain(step.reading))
        self.lines.append("")

    def head(self, step: Step, verdict: str, code: str, said: str) -> None:
        cell = f" ({self.say('cell {cell}', cell=step.cell)})" if step.cell is not None else ""
        place = f"{safe(self.report.path)}:{step.line}:{step.column}:{cell}"
        label = f"{self.say(verdict)}{code}"
        first, *rest = wrap(f"{place} {label}{said}", self.style.width)
        if first.startswith(f"{place} {label}"):
            colour = verdict if verdict in tuple(Verdict) else "dim"
            first = (
                f"{self.style.paint(place, 'bold')} {self.style.paint(label, colour)}"
                + first[len(place) + 1 + len(label) :]
            )
        self.lines += [first, *(f"  {line}" for line in rest)]

    def formula(self, step: Step) -> None:
        """The step in one line of Unicode."""
        sign = self.plain(f"a {step.relation} b").removeprefix("a ").removesuffix(" b")
        self.block(wrap(f"{self.plain(step.lhs)} {sign} {self.plain(step.rhs)}", self.style.width - 10))

    def remarks(self, step: Step) -> Iterator[tuple[str, str]]:
        """The lines under a claim: a label, and what it says."""
        if step.expected:
            yield "expected", self.message(step.expected)
        if step.reading and self.style.reading:
            reading = self.plain(step.reading)
            if step.layout not in (None, "any"):
                layout = self.say(f"{step.layout} layout")
                reading = self.say("{formula}, in {layout}", formula=reading, layout=layout)
            yield "read as", reading
        if step.by_entries and self.style.reading:
            yield "by entries", self.plain(step.by_entries)
        if step.in_matrices and self.style.reading:
            yield "in matrices", self.plain(step.in_matrices)
        if step.uses:
            yield "uses", ", ".join(map(self.plain, step.uses))
        if step.conditions:
            conditions = (
                self.say(BY_DEFINITION, condition=self.plain(c)) if c in step.guaranteed else self.plain(c)
                for c in step.conditions
            )
            yield "where", ", ".join(conditions)
        if step.residual and step.verdict is Verdict.UNKNOWN:
            left = self.plain(step.residual)
            yield "left over", self.say("{left}, which is not shown to be 0", left=left)
        numeric = step.numeric
        if step.verdict is Verdict.PROVED and numeric is not None:
            method, error = self.message(numeric.method), f"{numeric.max_error:.0e}"
            phrase = "{method}: no difference in {samples} samples"
            if numeric.max_error:
                phrase = "{method}: at most {error} apart in {samples} samples"
            yield "numbers", self.say(phrase, method=method, error=error, samples=numeric.samples)
        if step.verdict is Verdict.UNKNOWN and numeric is not None:
            error = f"{numeric.max_error:.0e}"
            fields: dict[str, object] = {"error": error, "samples": numeric.samples}
            if numeric.agrees and step.relation == "=":
                phrase = "both sides agree up to {error} in {samples} samples; that proves nothing"
                if not numeric.max_error:
                    phrase = "both sides agree in {samples} samples; that proves nothing"
                yield "numbers", self.say(phrase, **fields)
            elif numeric.agrees:
                yield "numbers", self.say("it holds in {samples} samples; that proves nothing", **fields)
            elif numeric.agrees is False:
                yield (
                    "numbers",
                    self.say("the sides seem to differ, but no counterexample could be certified"),
                )
            else:
                yield "numbers", self.say("rounding drowns the answer")

    def remark(self, label: str, text: str, code: str | None = None) -> None:
        label = self.say(label) + (f" [{code}]" if code else "")
        indent = " " * self.source.gutter
        first, *rest = wrap(f"{label}: {text}", self.style.width - len(indent) - 5)
        if first.startswith(f"{label}:"):
            first = self.style.paint(f"{label}:", "help") + first[len(label) + 1 :]
        self.lines += [f"{indent} = {first}", *(f"{indent}     {line}" for line in rest)]

    def block(self, lines: Iterable[str]) -> None:
        self.lines += [f"{' ' * self.source.gutter}     {line}" for line in lines]

    def say(self, phrase: str, /, **fields: object) -> str:
        return self.style.say(phrase, **fields)

    def message(self, text: str) -> str:
        """What was composed about the document, in the report's language."""
        return message(self.style.language, text)

    def plain(self, latex: str) -> str:
        """A formula as a line of Unicode; a long one is cut short."""
        if len(latex) > _LONGEST_FORMULA:
            return safe(latex[: _LONGEST_FORMULA // 2]) + " …"
        return safe(plain(latex, self.words))

    # ------------------------------------------------------------------ excerpts

    def excerpt(self, step: Step) -> None:
        """The lines of a step, with a caret under its sign, or under what cannot be read."""
        at = step.place or (step.line, step.column)
        rows = self.source.rows(at, step)
        bar = self.style.paint("|", "dim")
        empty = f"{' ' * self.source.gutter} {bar}"
        room = max(20, self.style.width - self.source.gutter - 3)
        if rows:
            self.lines.append(empty)
        for row, caret in rows:
            shown, start = _window(row.text, caret if caret is not None else row.focus, room)
            number = self.style.paint(f"{row.number:>{self.source.gutter}}", "dim")
            self.lines.append(f"{number} {bar} {shown}".rstrip())
            if caret is not None:
                marks = max(1, width(safe(row.text[caret : caret + row.marked])))
                mark = self.style.paint("^" * min(marks, max(1, room - start)), "caret")
                self.lines.append(f"{empty} {' ' * start}{mark}")

    # ------------------------------------------------------------------ counterexamples

    def counterexample(self, found: Counterexample) -> None:
        """The values at which the sides differ, laid out."""
        sizes = ", ".join(f"{self.plain(name)} = {size}" for name, size in found.dimensions.items())
        if found.method == "shape":
            left, right = self.message(found.lhs), self.message(found.rhs)
            said = self.say("for {sizes}: {left} against {right}", sizes=sizes, left=left, right=right)
            self.remark("counterexample", said)
            return
        place = ""
        if found.entry:
            numbers = ", ".join(str(k + 1) for k in found.entry)
            place = self.say("entry {place}", place=numbers if len(found.entry) == 1 else f"({numbers})")
        where = ", ".join(part for part in (sizes, place) if part) or self.say("at this point")
        self.remark("counterexample", where)
        room = self.style.width - self.source.gutter - 5
        pictures = [self._picture(name, value) for name, value in found.values.items()]
        rounded = f" {self.say('(rounded; certified by ball arithmetic)')}" if found.method == "ball" else ""
        self.block(beside(pictures, room))
        sides = [self.say("left side"), self.say("right side")]
        names = [side + " " * (max(map(width, sides)) - width(side)) for side in sides]
        self.block(wrap(f"{names[0]} {found.lhs}", room))
        self.block(wrap(f"{names[1]} {found.rhs}{rounded}", room))

    def _picture(self, name: str, value: Value) -> list[str]:
        if isinstance(value, str) and "=" in value:
            return wrap(
                "; ".join(self.plain(part.strip()) for part in value.split(";")), self.style.width - 12
            )
        return picture(self.plain(name), value)

    # ------------------------------------------------------------------ the ledger

    def ledger(self) -> None:
        """What the document comes to."""
        report, counts = self.report, self.report.counts
        others = ", ".join(
            f"{counts[kind]} {self.say(NOUNS[kind] if counts[kind] != 1 else kind)}"
            for kind in ("declaration", "definition", "given")
            if counts[kind]
        )
        head, *rest = wrap(
            f"{report.path}: {count_text(counts, self.style.language)}" + (f" ({others})" if others else ""),
            self.style.width,
        )
        self.lines += [self.style.paint(head, "bold"), *(f"  {line}" for line in rest)]
        for label, text in (*self._assumed(), *self._needs(), *self._layouts()):
            first, *rest = wrap(text, self.style.width - 10)
            self.lines += [
                f"  {self.style.paint(label + ' ' * (7 - width(label)), 'dim')} {first}",
                *(f"          {line}" for line in rest),
            ]
        shown = (s for s in report.steps if s.kind == "claim" and s.verdict is not Verdict.PROVED)
        at = {(step.line, step.column) for step in shown}
        for note in report.notes:
            if (note.line, note.column) not in at:
                self._remaining(note)
        self.lines.append("")

    def _remaining(self, note: Note) -> None:
        code = f" [{note.code}]" if note.code else ""
        place = f", {self.in_lines([note.line])}" if note.line > 1 else ""
        said = f"{self.say('note')}{code}{place}: {self.message(note.message)}"
        self.lines += [f"  {line}" for line in wrap(said, self.style.width - 2)]

    def _needs(self) -> Iterator[tuple[str, str]]:
        """Which hypotheses the proofs need, and where."""
        needed: dict[str, list[int]] = {}
        for step in self.report.steps:
            for use in step.uses:
                needed.setdefault(use, []).append(step.line)
        label = self.say("needs")
        for use, lines in needed.items():
            yield label, f"{self.plain(use)}   {self.in_lines(lines)}"
            label = ""

    def _assumed(self) -> Iterator[tuple[str, str]]:
        """The shapes that nobody declared."""
        label = self.say("assumes")
        for step in self.report.steps:
            if step.kind == "declaration" and step.message is not None:
                declared = self.plain(f"{step.lhs} {step.relation} {step.rhs}")
                yield label, f"{declared}   {self.say(step.message)}, {self.in_lines([step.line])}"
                label = ""

    def _layouts(self) -> Iterator[tuple[str, str]]:
        """The layout, and the lines that are not in it."""
        found: dict[str, list[int]] = {}
        for step in self.report.steps:
            if step.kind == "claim" and step.layout in ("numerator", "denominator"):
                found.setdefault(step.layout, []).append(step.line)
        if len(found) > 1 or self.report.layout == "mixed":
            yield self.say("layout"), self.say("mixed")
            for name, lines in sorted(found.items()):
                yield "", f"{self.say(name)} {self.in_lines(lines)}"
        elif found or self.report.layout:
            yield self.say("layout"), self.say(self.report.layout or next(iter(found)))

    def in_lines(self, numbers: Iterable[int]) -> str:
        """Line numbers in words: in lines 3, 5 and 8."""
        *first, last = [str(n) for n in dict.fromkeys(numbers)]
        if not first:
            return self.say("in line {line}", line=last)
        return self.say("in lines {lines} and {last}", lines=", ".join(first), last=last)


# ── numbers, laid out ──────────────────────────────────────────────────────────────────────────────────────


def picture(name: str, value: Value) -> list[str]:
    """A quantity and its value: a number, a vector in one line, a matrix in rows."""
    if not isinstance(value, list):
        return [f"{name} = {safe(str(value))}"]
    if not any(isinstance(row, list) for row in value):
        return [f"{name} = ({', '.join(safe(str(entry)) for entry in value)})"]
    if any(not isinstance(row, list) or any(isinstance(entry, list) for entry in row) for row in value):
        return [f"{name} = {safe(str(value)).replace(chr(39), '')}"]
    cells = [[safe(str(entry)) for entry in row] for row in value if isinstance(row, list)]
    widths = [max(width(row[k]) for row in cells) for k in range(len(cells[0]))] if cells else []
    rows = ["  ".join(cell.rjust(size) for cell, size in zip(row, widths, strict=True)) for row in cells]
    start = f"{name} = "
    return [f"{start if not k else ' ' * width(start)}[ {row} ]" for k, row in enumerate(rows)]


def beside(pictures: Sequence[list[str]], room: int) -> list[str]:
    """Pictures next to each other as long as there is room, else below."""
    lines, group, used = list[str](), list[list[str]](), 0
    for one in pictures:
        size = max(map(width, one), default=0)
        if group and used + 3 + size > room:
            lines += _side_by_side(group)
            group, used = [], 0
        used += size + (3 if group else 0)
        group.append(one)
    return [*lines, *_side_by_side(group)]


def _side_by_side(group: Sequence[list[str]]) -> list[str]:
    sizes = [max(map(width, one), default=0) for one in group]
    rows = []
    for k in range(max(map(len, group), default=0)):
        cells = [one[k] if k < len(one) else "" for one in group]
        padded = (cell + " " * (size - width(cell)) for cell, size in zip(cells, sizes, strict=True))
        rows.append("   ".join(padded).rstrip())
    return rows


# ── where a step stands in the file ────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Row:
    """A line as it is shown, with the column of each character in the file."""

    number: int
    text: str
    columns: Sequence[int]
    focus: int = 0  # what is to be seen of a long row without a caret
    marked: int = 1  # characters that the caret marks

    def at(self, column: int) -> int | None:
        """The place of a column of the file, None where it is not in this row."""
        if not self.columns or not self.columns[0] <= column <= self.columns[-1]:
            return None
        return bisect_left(self.columns, column)


class _Source:
    """The lines of a document; of a notebook, the lines of its cells."""

    def __init__(self, report: Report):
        self.lines = _LINE_END.split(report.source)
        self.is_notebook = report.path.lower().endswith(".ipynb")
        self.decoded: dict[int, list[_Row]] = {}
        numbers = [step.line for step in report.steps]
        self.gutter = max(4, len(str(max(numbers, default=1))) + 1)

    def rows(self, at: tuple[int, int], step: Step) -> list[tuple[_Row, int | None]]:
        """The row with a place in it, the place, and the rows around it that belong to the step."""
        line, column = at
        here = self.of_line(line)
        found = bisect_right(here, column, key=lambda row: row.columns[0]) - 1
        caret = here[found].at(column) if found >= 0 else None
        if caret is None:
            return []
        row = here[found]
        marked = len(step.relation) if row.text.startswith(step.relation, caret) else 1
        shown = _Row(row.number, row.text, row.columns, marked=marked)
        if step.place is not None:
            return [(shown, caret)]
        before: list[tuple[_Row, int | None]] = []
        if not re.search(
            r"\w|[)\]}|]", re.sub(r"\\(?:begin|left|quad|qquad)\b\s*(?:\{\w+\*?\})?", "", row.text[:caret])
        ):
            wanted = min(_ROWS_BEFORE, 1 + step.lhs.strip().count("\n"))
            for other in self._above(line, found):
                if other.text.strip():
                    before.insert(0, (_Row(other.number, other.text, other.columns, len(other.text)), None))
                if len(before) == wanted:
                    break
        after = [
            (other, None)
            for _, other in zip(
                range(min(_ROWS_AFTER, step.rhs.strip().count("\n"))), self._below(line, found), strict=False
            )
        ]
        return [*before, (shown, caret), *after]

    def of_line(self, line: int) -> list[_Row]:
        """What a line of the file shows."""
        if not 1 <= line <= len(self.lines):
            return []
        text = self.lines[line - 1]
        if not self.is_notebook:
            return [_Row(line, text, range(1, len(text) + 2))]
        if line not in self.decoded:  # all of a notebook may stand in one line
            self.decoded[line] = [row for string in _STRING.finditer(text) for row in _decoded(line, string)]
        return self.decoded[line]

    def _above(self, line: int, found: int) -> Iterator[_Row]:
        here = self.of_line(line)
        yield from (here[k] for k in range(found - 1, -1, -1))
        for other in range(line - 1, max(0, line - 6), -1):
            yield from reversed(self.of_line(other))

    def _below(self, line: int, found: int) -> Iterator[_Row]:
        yield from islice(self.of_line(line), found + 1, None)
        for other in range(line + 1, line + 6):
            yield from self.of_line(other)


def _decoded(line: int, string: re.Match[str]) -> Iterator[_Row]:
    """The lines of text that a JSON string holds."""
    text, columns = "", list[int]()
    place, end = string.start() + 1, string.end() - 1
    source = string.string
    while place < end:
        escape = _ESCAPE.match(source, place, end) if source[place] == "\\" else None
        if escape is None:
            character, after = source[place], place + 1
        else:
            character = chr(int(escape[1], 16)) if escape[1] else _ESCAPED.get(escape[2], escape[2])
            after = escape.end()
        if character == "\n":
            yield _Row(line, text, [*columns, place + 1])
            text, columns = "", []
        else:
            text += character
            columns.append(place + 1)
        place = after
    if text:
        yield _Row(line, text, [*columns, place + 1])


def _window(text: str, focus: int, room: int) -> tuple[str, int]:
    """The part of a line around a place that fits, and the column at which the place is then shown."""
    low, high = max(0, focus - 4 * room), focus + 4 * room  # a line may be a megabyte
    before, after = list(map(safe, text[low:focus])), list(map(safe, text[focus:high]))
    left, right = sum(map(width, before)), sum(map(width, after))
    if low == 0 and high >= len(text) and left + right <= room:
        return "".join(before + after), left
    shown = _fitting(before[::-1], max(room * 45 // 100, room - right - 2), low > 0)
    head = f"… {''.join(shown[::-1])}" if len(shown) < len(before) or low > 0 else "".join(shown[::-1])
    column = width(head)
    shown = _fitting(after, room - column, high < len(text))
    return head + "".join(shown) + (" …" if len(shown) < len(after) or high < len(text) else ""), column


def _fitting(cells: Sequence[str], room: int, is_cut: bool) -> list[str]:
    """The first cells that fit, with room for the sign that some are left out."""
    sizes = list(map(width, cells))
    if not is_cut and sum(sizes) <= room:
        return list(cells)
    kept, used = 0, 0
    while kept < len(cells) and used + sizes[kept] <= room - 2:
        used += sizes[kept]
        kept += 1
    return list(cells[:kept])
