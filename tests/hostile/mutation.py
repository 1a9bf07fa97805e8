"""Mutants of real documents: `mutate(text, others, rng)`, and the documents to begin with: `seeds()`.

A mutant keeps most of what it was, so that it gets past the first checks of a reader, and breaks a little.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from pathlib import Path

from tests.hostile.bombs import BIDI, C1, LINKS, MARKUP, OSC8, ZERO_WIDTH

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\s+|[A-Za-z]+|[0-9]+|.", re.DOTALL)
LARGEST = 1500  # characters of a seed
BRACKETS = (*"{}[]()|&$`", "\\{", "\\}", "\\left", "\\right", "$$", "\\[", "\\]", "\\(", "\\)", "-->", "<!--")
COMMANDS = (
    *(f"\\{name}" for name in (
        "frac sqrt sum prod partial nabla hat bar mathbf mathrm mathbb operatorname text begin{align} end{align}"
        " begin{pmatrix} end{pmatrix} begin{cases} end{cases} \\ over limits tag label ref eqref exp log det"
        " overset underset underbrace substack left right middle big not in to cdot odot otimes top dots quad"
        " newcommand{\\f}[1]{#1#1} def\\f{\\f\\f} let\\sum\\prod DeclareMathOperator{\\f}{f} f input{/etc/passwd}"
        " href{javascript:x}{y} color{red} displaystyle mathchoice char"
    ).split()),
    "_", "^", "'", "=", "<", ">", "\\le", ":=", "\\neq", "+", "-", "/", "0", "1", "10^{100}", "1/0", "\\infty",
)  # fmt: skip
LINES = (
    "<!-- derive\nlayout: numerator\n-->", "<!-- derive: skip because -->", "<!-- derive", "-->", "# if $i = j$",
    "where $x = 0$,", "let $\\nabla = 0$", "```math", "```", "~~~", "---", "> ", "| a | $x = x$ |\n|---|---|", "- $x$",
    "$y$ is a one-hot vector of length $c$", "% derive: x = x", "\\begin{equation}", "\\end{document}", "⟦9⟧ is one-hot",
    "number of classes is $²$", "\ue0000\ue001", "\ufdd00\ufdd1", "1. $x \\in \\mathbb{R}^{0}$", "$x \\in \\mathbb{R}^{-1 \\times n}$",
)  # fmt: skip
CHARACTERS = (
    *BIDI,
    *ZERO_WIDTH,
    *C1,
    "\x1b",
    "\x07",
    "\0",
    "\u0301",
    "\u2028",
    "\x0b",
    "\r",
    "\ud800",
    "²",
    "𝐱",
    "①",
    "Ａ",
    "ß",
    "ı",
    "\ue000",
    "ⅷ",
    "٣",
)


def seeds(corpus: Path) -> list[tuple[str, str]]:
    """Real documents, each with the suffix of its kind; long ones in parts.

    Args:
        corpus: a folder with more documents, if it is there.
    """
    folders = [ROOT / "derive" / "catalogue", ROOT / "notebooks", corpus, ROOT]
    found: list[tuple[str, str]] = []
    for folder in folders:
        for path in sorted(folder.glob("*.md")) + sorted(folder.glob("*.tex")):
            text = path.read_text(encoding="utf-8")
            found += [(part, path.suffix) for part in _parts(text)]
        for path in sorted(folder.glob("*.ipynb")):
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
            found += [(part, ".ipynb") for part in _parts("\n\n".join(texts))]
    return found + [(part, ".tex") for part, suffix in found if suffix == ".md"][::5]


def _parts(text: str) -> list[str]:
    """A text in parts of whole paragraphs."""
    parts = [""]
    for paragraph in re.split(r"(?<=\n)\n+", text):
        if parts[-1] and len(parts[-1]) + len(paragraph) > LARGEST:
            parts.append("")
        parts[-1] += paragraph[:LARGEST] + "\n\n"
    return parts


def mutate(text: str, others: Sequence[str], rng: random.Random) -> str:
    """A few changes: tokens and lines cut, doubled, swapped, taken from another document, put in."""
    for _ in range(rng.choice((1, 1, 2, 3, 5, 9))):
        text = rng.choice(CHANGES)(text, rng.choice(others), rng)[: 4 * LARGEST]
    return text


def as_file(text: str, suffix: str, rng: random.Random) -> bytes:
    """The bytes of a document; of a notebook, its JSON, now and then broken as well."""
    if suffix == ".ipynb":
        cells = [{"cell_type": "markdown", "metadata": {}, "source": part} for part in text.split("\n\n\n")]
        text = json.dumps(
            {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells},
            ensure_ascii=rng.random() < 0.5,
        )
        if rng.random() < 0.2:
            text = _cut(text, "", rng)
    data = text.encode("utf-8", "surrogatepass" if rng.random() < 0.1 else "ignore")
    if rng.random() < 0.02:
        place = rng.randrange(len(data) + 1)
        data = data[:place] + rng.randbytes(3) + data[place:]
    return data


def _span(tokens: Sequence[str], rng: random.Random, longest: int = 40) -> tuple[int, int]:
    start = rng.randrange(len(tokens) + 1)
    return start, min(len(tokens), start + rng.randint(1, longest))


def _cut(text: str, _: str, rng: random.Random) -> str:
    tokens = TOKEN.findall(text)
    start, end = _span(tokens, rng)
    return "".join(tokens[:start] + tokens[end:])


def _double(text: str, _: str, rng: random.Random) -> str:
    tokens = TOKEN.findall(text)
    start, end = _span(tokens, rng)
    return "".join(tokens[:end] + tokens[start:end] * rng.choice((1, 1, 2, 30)) + tokens[end:])


def _swap(text: str, _: str, rng: random.Random) -> str:
    tokens = TOKEN.findall(text)
    if tokens:
        a, b = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        tokens[a], tokens[b] = tokens[b], tokens[a]
    return "".join(tokens)


def _splice(text: str, other: str, rng: random.Random) -> str:
    tokens, taken = TOKEN.findall(text), TOKEN.findall(other)
    start, end = _span(taken, rng, 120)
    place = rng.randrange(len(tokens) + 1)
    return "".join(tokens[:place] + taken[start:end] + tokens[place + rng.choice((0, end - start)) :])


def _put(choices: Sequence[str], text: str, rng: random.Random) -> str:
    tokens = TOKEN.findall(text)
    for _ in range(rng.choice((1, 1, 2, 6))):
        tokens.insert(rng.randrange(len(tokens) + 1), rng.choice(choices) * rng.choice((1, 1, 1, 1, 3, 50)))
    return "".join(tokens)


def _line(text: str, _: str, rng: random.Random) -> str:
    lines = text.split("\n")
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(LINES))
    return "\n".join(lines)


def _shuffle(text: str, _: str, rng: random.Random) -> str:
    parts = text.split("\n\n")
    rng.shuffle(parts)
    return "\n\n".join(parts)


def _into_formula(text: str, _: str, rng: random.Random) -> str:
    """Something inside a formula."""
    places = [place.end() for place in re.finditer(r"\$\$?|\\\[|\\begin\{\w+\}|[=+]", text)]
    if not places:
        return text
    place = rng.choice(places)
    what = rng.choice((COMMANDS, BRACKETS, CHARACTERS, MARKUP))
    return text[:place] + rng.choice(what) + text[place:]


CHANGES = (
    _cut, _cut, _double, _swap, _swap, _splice, _splice, _line, _shuffle, _into_formula, _into_formula,
    lambda text, _, rng: _put(BRACKETS, text, rng),
    lambda text, _, rng: _put(COMMANDS, text, rng),
    lambda text, _, rng: _put(COMMANDS, text, rng),
    lambda text, _, rng: _put(CHARACTERS, text, rng),
    lambda text, _, rng: _put((*MARKUP, *LINKS, OSC8), text, rng),
)  # fmt: skip
