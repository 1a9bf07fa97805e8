"""What derive says in another language than English: one table, and its five uses.

English is the language of the program; a phrase is its own key, and what varies in it is a named field:

    say("zh", "for all {sizes}", sizes="c, d")      对所有 c, d

Messages on documents are composed where the trouble is found. `message` recognises them by their own
templates, and translates what stands in their fields as well; one that it does not know stays English, as do
names, formulas and whatever an author wrote. JSON is always English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Literal

from derive.render import chinese

if TYPE_CHECKING:
    from derive.diagnostics import Diagnostic

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
_LONGEST = 600  # characters of a message that is worth taking apart
_FIELD = re.compile(r"\\\{(\w+)\\\}")
_PROSE = re.compile(r"(?<![\\{A-Za-z])[a-z]{2,} [a-z]{2,}")  # what no formula has
_BRACED = re.compile(r"\{(\w+)\}")


def preferred(environment: Mapping[str, str]) -> Language:
    """The language of a locale environment: the first of LC_ALL, LC_MESSAGES and LANG that is set decides."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(name):
            return "zh" if environment[name].lower().startswith("zh") else "en"
    return "en"


def say(language: Language, phrase: str, /, **fields: object) -> str:
    """A phrase in a language, its fields filled in. KeyError: the table does not have it."""
    template = phrase if language == "en" else chinese.PHRASES[phrase]
    return template.format_map(fields) if fields else template


def engines_phrase(agree: int, compared: int) -> str:
    """What is said of SymPy beside the kernel."""
    if agree == compared:
        return "SymPy and the kernel agree on the derivatives of {agree} of {compared} steps"
    return "SymPy and the kernel DISAGREE on the derivatives of {agree} of {compared} steps"


def rule_name(language: Language, name: str) -> str:
    """The name of a rule; an author's own tag stays as it is."""
    return name if language == "en" else {**chinese.MOVES, **chinese.RULES}.get(name, name)


def title(language: Language, english: str) -> str:
    """The title of a ready derivation, or of one that was asked for; any other stays as it is."""
    return english if language == "en" else {**chinese.KINDS, **chinese.TITLES}.get(english, english)


def diagnostic(language: Language, entry: Diagnostic) -> tuple[str, str, str]:
    """The title of a diagnostic, what it means, and why it matters."""
    if language == "en":
        return entry.title, entry.what, entry.why
    return chinese.DIAGNOSTICS[entry.code]


def message(
    language: Language,
    text: str,
    words: Callable[[str], str] = str,
    formula: Callable[[str], str] = str,
) -> str:
    """What was composed about a document.

    Args:
        words, formula: how text, and a field that holds LaTeX, are shown.
    """
    if len(text) > _LONGEST:
        return words(text)
    if "{" not in text and text in chinese.MESSAGES:
        return words(text if language == "en" else chinese.MESSAGES[text])
    for english in _templates():
        found = text.startswith(english.partition("{")[0]) and _pattern(english).fullmatch(text)
        if found:
            fields = {
                name: formula(value)
                if name.startswith("formula") and not _PROSE.search(value)
                else message(language, value, words, formula)
                for name, value in found.groupdict().items()
            }
            parts = _BRACED.split(english if language == "en" else chinese.MESSAGES[english])
            return "".join(fields[part] if place % 2 else words(part) for place, part in enumerate(parts))
    return words(text)


@cache
def _templates() -> tuple[str, ...]:
    """The messages with fields; those with more words of their own go first."""
    templates = (english for english in chinese.MESSAGES if "{" in english)
    return tuple(sorted(templates, key=lambda english: -len(_BRACED.sub("", english))))


@cache
def _pattern(english: str) -> re.Pattern[str]:
    return re.compile(_FIELD.sub(r"(?P<\1>.+?)", re.escape(english)), re.DOTALL)
