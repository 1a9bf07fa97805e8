"""What dots stand for: the general term of x_1, x_2, ..., x_n, and the general entry of a matrix.

A general term holds the letter DOTTED where the first term has its number; a general entry holds DOTTED for
its row and ACROSS for its column. What dots mean is guessed only where all that is written agrees with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from derive.reader import latex as tex

DOTTED = "·dots"
ACROSS = "·across"
Cells = Sequence[tex.Node | None]


def general_term(first: tex.Node, last: tex.Node, start: int) -> tex.Node | None:
    """The term of which `first` is the one numbered `start`; None where `last` is not of the same form."""
    if (
        isinstance(first, tex.Number)
        and first.text == str(start)
        and isinstance(last, (tex.Symbol, tex.Number, tex.Plus))
    ):
        return tex.Symbol(first.start, first.end, DOTTED) if first != last else first
    if type(first) is not type(last):
        return None
    if not isinstance(
        first, (tex.Script, tex.Juxtapose, tex.Fence, tex.Fraction, tex.Infix, tex.Commas, tex.Plus)
    ):
        return first if first == last else None
    parts, others = list(tex.children(first)), list(tex.children(last))
    if len(parts) != len(others):
        return None
    replaced: dict[int, tex.Node] = {}
    for one, other in zip(parts, others, strict=True):
        made = general_term(one, other, start)
        if made is None:
            return None
        replaced[id(one)] = made
    return tex.with_children(first, lambda child: replaced[id(child)])


def cells_of(node: tex.Node) -> tuple[list[tex.Node], bool] | None:
    """What a list in brackets, a row or a column holds, and whether it stands upright; None for the rest.

    A transposition turns it; without brackets nothing is a list.
    """
    match node:
        case tex.Script(base=base, sub=None, sup=tex.Symbol(letter="T" | r"\top" | r"\intercal"), primes=0):
            inner = cells_of(base)
            return None if inner is None else (inner[0], not inner[1])
        case tex.Fence(open="[" | "(", body=tex.Commas(items=items)):
            return list(items), False
        case tex.Fence(open="[" | "(", body=tex.Juxtapose(items=items)) if any(
            isinstance(item, tex.Dots) for item in items
        ):
            return list(items), False
        case tex.Fence(open="[" | "(", body=tex.Matrix() as matrix):
            return cells_of(matrix)
        case tex.Matrix(rows=rows) if rows and 1 in (len(rows), len(rows[0])):
            cells = [cell for row in rows for cell in row if cell is not None]
            return cells, len(rows) > 1
    return None


def spike(cells: Sequence[tex.Node | None]) -> tex.Node | None:
    """The entry that stands out in 0, ..., a, ..., 0; None where the list is of another form."""
    written = [cell for cell in cells if cell is not None and not isinstance(cell, tex.Dots)]
    if len(written) == len(cells):
        return None
    others = [cell for cell in written if not (isinstance(cell, tex.Number) and cell.text == "0")]
    if len(others) != 1 or written[0] is others[0] or written[-1] is others[0]:
        return None
    at = next(n for n, cell in enumerate(cells) if cell is others[0])
    gaps = [any(isinstance(cell, tex.Dots) for cell in part) for part in (cells[:at], cells[at + 1 :])]
    return others[0] if all(gaps) else None


@dataclass
class General:
    """A pattern that some cells have in common, found by comparing them leaf by leaf.

    Attributes:
        lasts: for each letter of the pattern, the number that the last cell in its direction has.
    """

    start: int
    lasts: dict[str, tex.Node] = field(default_factory=dict)

    def common(self, cells: Sequence[tex.Node], letters: Mapping[tuple[bool, ...], str]) -> tex.Node | None:
        """The node of which all cells are instances.

        `letters` names the letter of a leaf by where it has its first number: at (True, False) the first
        cell has it and the second has the last number.
        """
        first = cells[0]
        if all(cell == first for cell in cells):
            return first
        firsts = tuple(isinstance(cell, tex.Number) and cell.text == str(self.start) for cell in cells)
        if (letter := letters.get(firsts)) is not None:
            others = [cell for cell, is_first in zip(cells, firsts, strict=True) if not is_first]
            last = self.lasts.setdefault(letter, others[0])
            is_number = isinstance(last, (tex.Symbol, tex.Number, tex.Plus))
            return tex.Symbol(first.start, first.end, letter) if is_number and set(others) == {last} else None
        cells = [_digits(cell) for cell in cells] if any(map(_is_pair, cells)) else list(cells)
        parts = [list(tex.children(cell)) for cell in cells]
        alike = len({type(cell) for cell in cells}) == 1 and len({len(part) for part in parts}) == 1
        if not alike or not parts[0] or _bare(cells[0]) != _bare(cells[-1]):
            return None
        made = [self.common(column, letters) for column in zip(*parts, strict=True)]
        if any(part is None for part in made):
            return None
        replaced = {id(old): new for old, new in zip(parts[0], made, strict=True)}
        return tex.with_children(cells[0], lambda child: replaced[id(child)] or child)

    def at(self, general: tex.Node, places: Mapping[str, int]) -> tex.Node:
        """The pattern at a place: from the front counted 0, 1, ..., from the end -1."""
        for letter, place in places.items():
            number: tex.Node = tex.Number(0, 0, str(place + self.start))
            if place < 0:
                number = self.lasts.get(letter, number)
            general = filled(general, letter, number)
        return general


def _is_pair(node: tex.Node) -> bool:
    return isinstance(node, tex.Juxtapose) and len(node.items) == 2


def _digits(node: tex.Node) -> tex.Node:
    """11 as 1 1, where it stands beside 1n."""
    if isinstance(node, tex.Number) and len(node.text) == 2:
        digits = tuple(tex.Number(node.start, node.end, digit) for digit in node.text)
        return tex.Juxtapose(node.start, node.end, digits)
    return node


def _bare(node: tex.Node) -> list[object]:
    """What is not a child of a node: signs, operators, delimiters."""
    values = [getattr(node, entry.name) for entry in fields(node) if entry.name not in ("start", "end")]
    if isinstance(node, tex.Plus):
        return [sign for sign, _ in node.terms]
    return [v for v in values if not isinstance(v, (tex.Node, tuple))]


def list_pattern(cells: Cells) -> tuple[tex.Node, tex.Node, int] | None:
    """The general term of a list with dots, its last number and its first; None where a cell does not fit."""
    for start in (1, 0):
        found = _pattern_from(cells, start)
        if found is not None:
            return *found, start
    return None


def _pattern_from(cells: Cells, start: int) -> tuple[tex.Node, tex.Node] | None:
    written = [cell for cell in cells if cell is not None and not isinstance(cell, tex.Dots)]
    if len(written) < 2:
        return None
    general = General(start)
    made = general.common([written[0], written[-1]], {(True, False): DOTTED})
    if made is None or DOTTED not in general.lasts:
        return None
    dots = next((n for n, cell in enumerate(cells) if isinstance(cell, tex.Dots)), len(cells))
    for place, cell in enumerate(cells[:-1]):
        if isinstance(cell, tex.Dots) or cell is None:
            continue
        if place < dots:
            fits = _same(general.at(made, {DOTTED: place}), cell)
        else:  # x_i, or x_{n-1}, between dots or behind them
            among = General(start)
            numbers = (tex.Symbol, tex.Plus, tex.Number)
            fits = among.common([written[0], cell], {(True, False): DOTTED}) == made and isinstance(
                among.lasts[DOTTED], numbers
            )
        if not fits:
            return None
    return made, general.lasts[DOTTED]


def grid_pattern(
    rows: Sequence[Cells], start: int
) -> tuple[tex.Node, tex.Node | None, dict[str, tex.Node]] | None:
    """The general entry of a matrix with dots, that of its diagonal where it differs, the last numbers."""
    width = len(rows[0])
    corners = [rows[0][0], rows[0][-1], rows[-1][0], rows[-1][-1]]
    zero = tex.Number(0, 0, "0")
    dotted = any(isinstance(cell, tex.Dots) for row in rows for cell in row)
    if not dotted or any(len(row) != width for row in rows) or any(isinstance(c, tex.Dots) for c in corners):
        return None
    first, right, below, last = (zero if corner is None else corner for corner in corners)
    general = General(start)
    both: dict[tuple[bool, ...], str] = {
        (True, True, False, False): DOTTED,
        (True, False, True, False): ACROSS,
    }
    made = general.common([first, right, below, last], both)
    diagonal: tex.Node | None = None
    if made is None:
        general = General(start)
        made = general.common([right, below], {(True, False): DOTTED, (False, True): ACROSS})
        on = General(start)
        diagonal = on.common([first, last], {(True, False): DOTTED})
        if made is None or diagonal is None or DOTTED not in on.lasts:
            return None
        for letter in (DOTTED, ACROSS):
            if general.lasts.setdefault(letter, on.lasts[DOTTED]) != on.lasts[DOTTED]:
                return None
    heights = _places(
        [any(isinstance(c, tex.Dots) for c in (row[0], row[-1], *row)) and _is_gap(row) for row in rows]
    )
    across = _places([_is_gap([row[n] for row in rows]) for n in range(width)])
    for height, row in zip(heights, rows, strict=True):
        for side, cell in zip(across, row, strict=True):
            if height is None or side is None or isinstance(cell, tex.Dots):
                continue
            on_diagonal = diagonal is not None and height == side
            pattern = diagonal if on_diagonal and diagonal is not None else made
            expected = general.at(pattern, {DOTTED: height, ACROSS: side})
            if not _same(expected, zero if cell is None else cell):
                return None
    return made, diagonal, general.lasts


def _is_gap(cells: Cells) -> bool:
    """Whether a row or a column of a matrix is only dots and blanks."""
    return any(isinstance(c, tex.Dots) for c in cells) and all(
        c is None or isinstance(c, tex.Dots) for c in cells
    )


def _places(gaps: Sequence[bool]) -> list[int | None]:
    """The place of each row: counted from the front before the dots, from the end behind them."""
    if not any(gaps):
        return list(range(len(gaps)))
    first, last = gaps.index(True), len(gaps) - 1 - gaps[::-1].index(True)
    return [
        n if n < first else (n - len(gaps) if n == len(gaps) - 1 else None) if n > last else None
        for n in range(len(gaps))
    ]


def _same(one: tex.Node, other: tex.Node) -> bool:
    """Whether two nodes say the same, with 11 read as 1 1."""
    if one == other or _digits(one) == _digits(other):
        return True
    parts, others = list(tex.children(one)), list(tex.children(other))
    return (
        type(one) is type(other)
        and bool(parts)
        and len(parts) == len(others)
        and _bare(one) == _bare(other)
        and all(map(_same, parts, others))
    )


def filled(general: tex.Node, letter: str, number: tex.Node) -> tex.Node:
    """The general term with a node put for one of its letters."""
    if isinstance(general, tex.Symbol) and general.letter == letter:
        return number
    return tex.with_children(general, lambda child: filled(child, letter, number))


def at_letter(general: tex.Node, letter: str) -> tex.Node:
    """The general term with a letter for its number."""
    return filled(general, DOTTED, tex.Symbol(general.start, general.end, letter))


def numbered(general: tex.Node, number: int) -> tex.Node:
    """The general term with a number put in."""
    return filled(general, DOTTED, tex.Number(general.start, general.end, str(number)))
