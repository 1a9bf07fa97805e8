"""How a formula that has been opened ends, in LaTeX and in Markdown."""

import re
from collections.abc import Iterable
from functools import cache

_ENVIRONMENTS = """equation align alignat flalign xalignat gather multline eqnarray split aligned alignedat
    gathered displaymath math dmath IEEEeqnarray array cases [pbBvV]?matrix smallmatrix""".split()  # noqa: SIM905
OPEN_ENVIRONMENT = rf"\\begin\{{(?P<environment>(?:{'|'.join(_ENVIRONMENTS)})\*?)\}}"

_CLOSINGS = {
    "$$": r"\\.|(?P<up>\{)|(?P<down>\})|(?P<close>\$\$)|(?P<lone>\$)",
    r"\(": r"\\\\|(?P<close>\\\))|(?P<again>\\\()|\\.",
    r"\[": r"\\\\|(?P<close>\\\])|(?P<again>\\\[)|\\.",
    r"\\(": r"\\{4}|(?P<close>\\{2}\))|(?P<again>\\{2}\()",
    r"\\[": r"\\{4}|(?P<close>\\{2}\])|(?P<again>\\{2}\[)",
}
_STEP = {"up": 1, "down": -1, "end": -1}


@cache
def closing(opening: str) -> re.Pattern[str]:
    """What to look for after a delimiter or inside an environment, given by its name. By its group, a match

    close       ends the formula
    end, lone   ends it, unless something is open inside
    up, down    opens and closes something inside
    again       shows that the formula was never closed, since another one opens

    A dollar by itself in a display is a slip for two, but for one inside braces, as in `\\text{where $x$}`.
    """
    name = re.escape(opening)
    environment = rf"(?P<up>\\begin\{{{name}\}})|(?P<end>\\end\{{{name}\}})|\\."
    return re.compile(_CLOSINGS.get(opening, environment), re.DOTALL)


def find_end(
    ending: re.Pattern[str], text: str, start: int, end: int, level: int = 0
) -> tuple[re.Match[str] | None, int]:
    """The match before `end` that ends what is open at `start`; and how much is open inside it by then."""
    for match in ending.finditer(text, start, end):
        name = match.lastgroup or ""
        if name in ("close", "again") or (level <= 0 and name in ("end", "lone")):
            return match, level
        level += _STEP.get(name, 0)
    return None, level


def look_ahead(
    ending: re.Pattern[str], level: int, text: str, lines: Iterable[tuple[int, int]], stop: re.Pattern[str]
) -> tuple[int, re.Match[str] | None]:
    """How many of these lines of a text a display takes, and the match in the last of them that ends it.

    There may be blank lines in a display. But one that is never closed ends before a line that `stop` matches
    and, once there was a blank line, before a paragraph that reads as prose or a line with a lone dollar.
    """
    taken, after_blank, paragraphs = 0, False, 1
    for number, (start, end) in enumerate(lines, 1):
        if BLANK.match(text, start, end):
            after_blank = True
            continue
        paragraphs += after_blank
        if stop.match(text, start, end) or (after_blank and _reads_as_prose(text[start:end])):
            break
        match, level = find_end(ending, text, start, end, level)
        if match and match.lastgroup == "lone" and paragraphs > 1:
            break
        if match:
            return number, match
        taken, after_blank = number, False
    return taken, None


def rest_of_line(text: str, start: int) -> int | None:
    """Where an inline formula that is never closed ends: with its line, or before the next formula in it.

    `None`: nothing shows that it is mathematics.
    """
    rest = _REST.match(text, start)
    return rest.end() if rest and has_evidence(text, start, rest.end()) else None


def has_evidence(text: str, start: int, end: int) -> bool:
    """Whether the delimiter before a text that it would not make mathematics by itself may do so.

    There must be a command of TeX, `^`, `=` or a subscript in it, and no code or link of Markdown.
    """
    return bool(_EVIDENCE.search(text, start, end)) and not _MARKUP.search(text, start, end)


_EVIDENCE = re.compile(r"\\[A-Za-z{,;\\]|[\^=]|(?<![A-Za-z0-9])[A-Za-z]_|[)}\]]_")
_MARKUP = re.compile(r"`|\]\(|https?://")
_REST = re.compile(r"(?:[^\\$\n]|\\[^(\n])*+")
BLANK = re.compile(r"\s*\Z")
SKIP = re.compile(r"skip\b[ \t]*(?:because\b[ \t]*)?")  # what suppresses a claim, after `derive:`
_IN_TEXT = re.compile(r"\\(?:text[a-z]*|[mh]box|intertext)\s*\{[^{}]*\}")
_OTHER_FORMULA = re.compile(r"(?<![\\$])\$(?!\$)|(?<!\\)\\[(\[]")
_MATHEMATICS = re.compile(r"[\\=^_&{}<>+]")
_WORDS = re.compile(r"[^\W\d_]{2,},? +[^\W\d_]{2,}|[\u3040-\u30ff\u4e00-\u9fff]{2,}")


def _reads_as_prose(line: str) -> bool:
    """It has a formula of its own, or else words and nothing that mathematics is written with."""
    line = _IN_TEXT.sub("", line)
    if _OTHER_FORMULA.search(line) or (line.startswith("$$") and line.count("$$") % 2 == 0):
        return True
    return bool(_WORDS.search(line)) and not _MATHEMATICS.search(line)
