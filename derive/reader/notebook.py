"""Where the mathematics stands in a Jupyter notebook: its Markdown cells are read as Markdown.

A notebook is JSON. Neither nbformat nor `json` tells where in the file a character of a cell stands, so this
module walks down to the cells, leaving all parsing to `json`, and counts the escapes in their strings.
Macros hold on from cell to cell, as they do in Jupyter.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from derive.reader import markdown
from derive.reader.macros import Macros
from derive.reader.passage import Passage, Stretch

_ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.")
_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder(parse_int=float)  # an int of many digits is an error


class NotebookError(ValueError):
    """A file that is not a notebook; `line` is where that shows."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line


def read(source: str) -> tuple[Passage, ...]:
    """The passages of a notebook's Markdown cells, with their places in the file that is read from."""
    try:
        cells = _cells(source)
    except json.JSONDecodeError as error:
        raise NotebookError(f"not a notebook: {error.msg}", error.lineno) from None
    except RecursionError:
        raise NotebookError("not a notebook: too many brackets within brackets", 1) from None
    passages, macros = list[Passage](), Macros()
    for number, cell in enumerate(cells, 1):
        before = passages[-1].block if passages else 0
        for passage in markdown.read(cell.text, macros):
            offsets = tuple(cell.offsets[offset] for offset in passage.offsets)
            passages.append(replace(passage, offsets=offsets, block=before + passage.block, cell=number))
    return tuple(passages)


def _cells(source: str) -> list[Stretch]:
    """The text of each cell; none for cells that are not Markdown."""
    start = _skip(source, int(source.startswith("\ufeff")))
    notebook, end = _DECODER.raw_decode(source, start)
    if (end := _skip(source, end)) < len(source):
        raise json.JSONDecodeError("Extra data", source, end)
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise NotebookError("not a notebook of format 4: it has no list of cells", 1)
    members = {key: place for key, _, place, _ in _members(source, start)}
    return [_text(source, cell, place) for _, cell, place, _ in _members(source, members["cells"])]


def _text(source: str, cell: Any, opening: int) -> Stretch:
    """The text of the cell that opens at `opening`; it may be a string, or a list of strings, one a line."""
    text, offsets, last = list[str](), list[int](), opening
    if isinstance(cell, dict) and cell.get("cell_type") == "markdown":
        members = {key: (value, place, end) for key, value, place, end in _members(source, opening)}
        value, place, end = members.get("source", ("", opening, opening))
        lines = [(None, value, place, end)] if isinstance(value, str) else _members(source, place)
        for _, line, begin, stop in lines:
            if isinstance(line, str):
                text.append(line)
                offsets += _places(source, begin + 1, stop - 1)
                last = stop - 1
    return Stretch("".join(text), (*offsets, last))


def _places(source: str, start: int, stop: int) -> Iterator[int]:
    """Where each character of the string between two quotes stands; an escape is one character."""
    for escape in _ESCAPE.finditer(source, start, stop):
        yield from range(start, escape.start() + 1)
        start = escape.end()
    yield from range(start, stop)


def _members(source: str, opening: int) -> Iterator[tuple[str | None, Any, int, int]]:
    """The members of an object or array: the key, if there is one, the value, and where that stands."""
    is_object = source[opening] == "{"
    place = _skip(source, opening + 1)
    while source[opening] in "{[" and source[place] not in "}]":
        key = None
        if is_object:
            key, place = _DECODER.raw_decode(source, place)
            place = _skip(source, _skip(source, place) + 1)
        value, end = _DECODER.raw_decode(source, place)
        yield key, value, place, end
        place = _skip(source, end)
        place = _skip(source, place + (source[place] == ","))


def _skip(source: str, place: int) -> int:
    """The first place, from this one on, that has no space."""
    space = _SPACE.match(source, place)
    return space.end() if space else place
