"""What is wrong with how derive takes a document, if anything: `examine(path)`.

The document is checked once, as the command line checks it, and its report rendered in every format. What
is complained of: a bug that derive reports of itself, an exception in a renderer, a status other than 0, 1
and 2, an output that is not well formed, and characters or markup of the document that act on who reads it.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import sys
import time
import traceback
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from markdown_it import MarkdownIt

from derive import cli, documents
from derive.render.report import Style, Tally, report_text, totals_text
from derive.report import Report

FORMATS = ("json", "markdown", "html", "sarif", "github")
BUG = "a bug in derive"
VOID = {"meta", "br", "hr", "input"}
ELEMENTS = VOID | frozenset(
    re.findall(
        r"\S+",
        """html head title style body main section header footer article h1 h2 h3 h4 h5 h6 p div span ul ol
        li dl dt dd table caption thead tbody tr th td details summary small b i em strong s code pre
        blockquote a label math mrow mi mn mo ms mtext mspace msub msup msubsup munder mover munderover
        mfrac msqrt mroot mstyle mtable mtr mtd mpadded mphantom menclose mmultiscripts mprescripts none
        mfenced semantics merror""",
    )
)
HTTP = re.compile(r"https?://|#")
COLOUR = re.compile("\x1b\\[[0-9;]*m")
JOINERS = "\u200c\u200d"  # scripts need them; they hide nothing and turn nothing around


@dataclass
class Examination:
    """What was found of one document.

    Attributes:
        complaints: what must not be, a line each.
        status: the exit status.
        seconds: for checking and for rendering.
        peak: the most memory that the process had meanwhile, in bytes.
        claims: how many claims got a verdict.
    """

    complaints: list[str] = field(default_factory=list)
    status: int = -1
    seconds: float = 0.0
    peak: int = 0
    claims: int = 0


def examine(path: Path, seconds: float) -> Examination:
    """Check a document, a claim in so many seconds, and look at what comes out."""
    found = Examination()
    forget_peak()
    start = time.perf_counter()
    try:
        reports = list(documents.check_files([path], seconds=seconds))
        found.complaints += [said for report in reports for said in bugs(report)]
        found.status = cli._status(reports, ())
        found.claims = sum(step.kind == "claim" for report in reports for step in report.steps)
        if found.status not in (0, 1, 2):
            found.complaints.append(f"exit status {found.status}")
        found.complaints += rendered(reports)
    except Exception as trouble:
        found.complaints.append(told(trouble))
    found.seconds = time.perf_counter() - start
    found.peak = peak()
    return found


def told(trouble: BaseException) -> str:
    """An exception, and where it was raised, in a line."""
    last = traceback.extract_tb(trouble.__traceback__)[-1]
    return f"{type(trouble).__name__} at {Path(last.filename).name}:{last.lineno}: {str(trouble)[:200]!r}"


def bugs(report: Report) -> Iterator[str]:
    """What derive says of itself."""
    said = [report.error, *(step.message for step in report.steps), *(note.message for note in report.notes)]
    yield from (text for text in said if text is not None and BUG in text)


def rendered(reports: list[Report]) -> Iterator[str]:
    """What is wrong with the formats."""
    tally = Tally()
    for report in reports:
        tally.add(report)
    for style in (Style(80, False), Style(60, True, verbose=True, reading=True, language="zh")):
        text = "".join(report_text(report, style) for report in reports) + totals_text(tally, style)
        yield from acting("text", COLOUR.sub("", text) if style.colour else text)
    for form in FORMATS:
        options = argparse.Namespace(form=form, lang="en", allow=[])
        text = cli._reported(reports, (), options)
        text.encode("utf-8")  # what is written to a file
        yield from acting(form, text)
        if form in ("json", "sarif"):
            json.loads(text)
        yield from markup(form, text)


def markup(form: str, text: str) -> list[str]:
    """Markup, or commands, that the format does not have of itself."""
    if form == "html":
        return _Page().read(text)
    if form == "markdown":
        return list(_raw_html(text))
    if form == "github":
        return [f"github: a line {line!r}" for line in text.split("\n") if not _annotation(line)]
    return []


def acting(form: str, text: str) -> Iterator[str]:
    """Characters that a terminal or a browser acts on."""
    allowed = "\n\t" + (JOINERS if form == "html" else "")
    for character in sorted(set(text)):
        if (
            character not in allowed
            and not character.isprintable()
            and unicodedata.category(character) != "Zs"
        ):
            yield f"{form}: the character U+{ord(character):04X} as it is"


def _annotation(line: str) -> bool:
    return not line or line.startswith(("::error ", "::warning ", "::notice ", "derive: "))


def _raw_html(text: str) -> Iterator[str]:
    """Elements in a Markdown report that are not Markdown's own."""
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text):
        for part in (token, *(token.children or ())):
            if part.type in ("html_block", "html_inline", "link_open", "image"):
                yield f"markdown: {part.type} {(part.content or str(part.attrs))[:60]!r}"


class _Page(HTMLParser):
    """A page is made of known elements, closed in order, without anything that runs or loads."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.complaints: list[str] = []
        self.pieces: list[str] = []

    def read(self, page: str) -> list[str]:
        self.feed(page)
        self.close()
        if self.open:
            self.complaints.append(f"html: left open: {self.open}")
        body = page.partition("<body>")[2].partition("</body>")[0]
        if not self.complaints:
            try:  # an element that is closed where HTML closes it is one that XML closes there
                xml = re.sub(r"<(br|hr|input)([^<>]*)>", r"<\1/>", body)
                xml = re.sub(r" (scope|colspan)=(\w+)", r' \1="\2"', xml)
                ElementTree.fromstring(f"<body>{re.sub(r' open>', '>', xml)}</body>")
            except ElementTree.ParseError as trouble:
                self.complaints.append(f"html: {trouble}")
        return self.complaints

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in ELEMENTS:
            self.complaints.append(f"html: <{tag}>")
        for name, value in attributes:
            if name.startswith("on") or name in (
                "src",
                "srcset",
                "action",
                "formaction",
                "srcdoc",
                "xlink:href",
            ):
                self.complaints.append(f"html: {name}={value!r}")
            elif name == "href" and not HTTP.match(value or ""):
                self.complaints.append(f"html: a link to {value!r}")
            elif name == "style" and not re.fullmatch(
                r"--columns:\d+|(text-align|padding|margin)[\w:;%. -]*", value or ""
            ):
                self.complaints.append(f"html: style={value!r}")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.complaints.append(f"html: </{tag}> closes nothing")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_comment(self, data: str) -> None:
        self.complaints.append(f"html: a comment {data[:40]!r}")


# ── memory ─────────────────────────────────────────────────────────────────────────────────────────────────


def forget_peak() -> None:
    """Measure the peak of this process from now on, where the system can."""
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """The most memory that this process had, in bytes: since `forget_peak` on Linux, else at all."""
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text()
        return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) * 1024  # type: ignore[index]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
