r"""What the mathematics says: the LaTeX of one display or inline formula as a syntax tree.

The tree is what stands on the page, with the place of everything in it; it knows nothing of shapes or
meaning. `parse_formula` gives the clauses of a formula (a chain `a = b = c` is one clause with two links),
`parse_expression` one expression. Neither raises on any text: a side of a relation that cannot be read is an
`Unread`, and the other sides are read all the same. That is why a formula is first cut into rows, clauses and
sides, and only then parsed.

Binding, from loose to tight: a lone bar (`P(a | b)`), commas, relations, + and -, then \cdot \times / and
their like (from the left, so `a/b c` is a/(b c) and `a/b/c` is (a/b)/c), then juxtaposition, then scripts.
\sum and its like take the rest of their term: `\sum_j a_j b_j \cdot c + d` is (\sum_j a_j b_j \cdot c) + d.
Whether `f(x)` is an application or a product is not for this module: it is a juxtaposition.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from itertools import accumulate, dropwhile
from operator import is_

from derive.reader.tokens import (
    ACCENTS,
    LIMITS,
    MAX_NESTING,
    Piece,
    Pieces,
    Trouble,
    braces,
    names,
    nest,
    pair,
    spell,
    tokenise,
)

MAX_LENGTH = 50_000
"""Characters of one formula: ten times the longest display that anybody writes, and read within seconds."""
MAX_DEPTH = 200
"""How deep a tree may be, so that whoever walks it may recurse."""

BUILTIN_WORDS = names(
    """exp log ln tr Tr trace Trace diag Diag det softmax Softmax logsoftmax sigmoid Sigmoid logit softplus
    tanh sign sgn max min relu ReLU gelu vec vech adj cof rank sin cos tan sinh cosh arctan sqrt norm
    logsumexp argmax argmin const inv pinv erf elementwise invertible symmetric orthogonal positive definite
    singular"""
)
"""The names that are read in a run of letters; `parse_formula(text, BUILTIN_WORDS | {"CE"})` adds one."""

# Words that make a statement without a relation, or say how to take one: X + A invertible.
_PREDICATES = names("elementwise invertible symmetric orthogonal positive definite singular")
# Words of the text around mathematics: in \text or \mathrm, and as bare letters.
_CUES = names(
    """if iff where when with for and or otherwise else such let then hence thus so since because as is are
    that by from on at all each every any given subject assume suppose denote note also similarly therefore
    while but which use using we"""
)
_BARE_CUES = names("if where when for and otherwise such with given then let")


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """A part of a formula; `text[start:end]` is what its author wrote. Equality is of structure.

    Nobody changes a node. The classes are not frozen, and share these methods, because Python takes as long
    to make thirty frozen dataclasses as to check ten equations.
    """

    start: int = field(compare=False)
    end: int = field(compare=False)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and structure(self) == structure(other)

    def __hash__(self) -> int:
        return hash((type(self), *structure(self)))

    def __repr__(self) -> str:
        values = ", ".join(f"{entry.name}={getattr(self, entry.name)!r}" for entry in fields(self))
        return f"{type(self).__name__}({values})"


@dataclass(slots=True, eq=False, repr=False)
class Number(Node):
    """A decimal number."""

    text: str


@dataclass(slots=True, eq=False, repr=False)
class Symbol(Node):
    r"""One identifier: `x`, `\theta`, `softmax`. The font is '', bold, cal, bb, rm, it, sf or frak."""

    letter: str
    font: str = ""
    accents: tuple[str, ...] = ()


@dataclass(slots=True, eq=False, repr=False)
class Script(Node):
    """A base with its index, exponent and primes."""

    base: Node
    sub: Node | None = None
    sup: Node | None = None
    primes: int = 0


@dataclass(slots=True, eq=False, repr=False)
class Commas(Node):
    """A list; empty for ()."""

    items: tuple[Node, ...]


@dataclass(slots=True, eq=False, repr=False)
class Juxtapose(Node):
    """Factors side by side."""

    items: tuple[Node, ...]


@dataclass(slots=True, eq=False, repr=False)
class Infix(Node):
    r"""A product-like operator, or the bar of P(a | b) with op '|' or '\|'."""

    op: str
    left: Node
    right: Node


@dataclass(slots=True, eq=False, repr=False)
class Plus(Node):
    """Signed terms; one term with a sign is a Plus as well."""

    terms: tuple[tuple[str, Node], ...]


@dataclass(slots=True, eq=False, repr=False)
class Fraction(Node):
    r"""\frac and {a \over b}."""

    numerator: Node
    denominator: Node


@dataclass(slots=True, eq=False, repr=False)
class Root(Node):
    r"""\sqrt[degree]{body}."""

    body: Node
    degree: Node | None = None


@dataclass(slots=True, eq=False, repr=False)
class Accent(Node):
    r"""An accent over more than one symbol: \overline{x + y}, \hat{AB}."""

    accent: str
    body: Node


@dataclass(slots=True, eq=False, repr=False)
class Fence(Node):
    r"""Delimiters around a body; open is one of ( [ { | \| \langle \lfloor \lceil . and close its like."""

    open: str
    close: str
    body: Node


@dataclass(slots=True, eq=False, repr=False)
class Evaluation(Node):
    """body |_{condition}."""

    body: Node
    condition: Node


@dataclass(slots=True, eq=False, repr=False)
class Big(Node):
    """sum, prod, int, lim, max, min, argmax or argmin with its range, over the rest of its term."""

    op: str
    sub: Node | None
    sup: Node | None
    body: Node


@dataclass(slots=True, eq=False, repr=False)
class Relation(Node):
    """A relation inside a fence or a script; a chain leans to the left."""

    op: str
    left: Node
    right: Node


@dataclass(slots=True, eq=False, repr=False)
class Annotated(Node):
    r"""\underset{m \times n}{X}."""

    body: Node
    annotation: Node


@dataclass(slots=True, eq=False, repr=False)
class Matrix(Node):
    r"""Rows of cells, None where a cell is empty; delimiter is what opens it: '' ( [ { | or \|."""

    rows: tuple[tuple[Node | None, ...], ...]
    delimiter: str = ""


@dataclass(slots=True, eq=False, repr=False)
class Text(Node):
    """Words, without the command that sets them."""

    content: str


@dataclass(slots=True, eq=False, repr=False)
class Dots(Node):
    """What is left out."""


@dataclass(slots=True, eq=False, repr=False)
class Unread(Node):
    """A side that could not be read: `start` is where the trouble is, `side` where the side begins."""

    message: str
    expected: str
    side: int = field(compare=False)


@dataclass(slots=True, eq=False, repr=False)
class Link(Node):
    """A relation sign and what stands right of it; `position` is the place of the sign."""

    relation: str
    position: int = field(compare=False)
    node: Node


@dataclass(slots=True, eq=False, repr=False)
class Clause(Node):
    r"""One statement: a chain of relations, or a lone expression, or only words.

    first      None where the row begins with a relation and so continues the chain before it, and
               where there are only words
    row        which row of the display it begins in
    separator  what stands before it: '' (nothing), '\\' (it begins a row), ',' '\quad' '\,' (a smaller space)
               '&' (a column) '\implies' '\iff' '\impliedby' '\because' or 'text'
    texts      words and remarks in it or beside it
    """

    first: Node | None
    links: tuple[Link, ...]
    row: int = 0
    separator: str = ""
    texts: tuple[Text, ...] = ()
    tag: str | None = None


@dataclass(slots=True, eq=False, repr=False)
class Case(Node):
    """A value and when it holds: no clause where nothing is said, a clause of only words for `otherwise`."""

    value: Node
    condition: tuple[Clause, ...] = ()


@dataclass(slots=True, eq=False, repr=False)
class Cases(Node):
    """A definition by cases."""

    rows: tuple[Case, ...]


_STRUCTURE: dict[type, tuple[str, ...]] = {}


def structure(node: Node) -> list[object]:
    """What two nodes share that say the same, wherever they stand."""
    kind = type(node)
    if kind not in _STRUCTURE:
        _STRUCTURE[kind] = tuple(entry.name for entry in fields(kind) if entry.compare)
    return [getattr(node, name) for name in _STRUCTURE[kind]]


BARE = (int, str, str | None, tuple[str, ...])  # the types of fields that hold no nodes


_SLOTS: dict[type, tuple[str, ...]] = {}


def slots(node: Node) -> tuple[str, ...]:
    """The names of the fields of a node that may hold nodes, or tuples of them."""
    kind = type(node)
    if kind not in _SLOTS:
        _SLOTS[kind] = tuple(entry.name for entry in fields(kind) if entry.type not in BARE)
    return _SLOTS[kind]


def children(node: Node) -> list[Node]:
    """The nodes directly below a node, from left to right."""
    found: list[Node] = []
    for name in slots(node):
        _gather(getattr(node, name), found)
    return found


def _gather(value: object, found: list[Node]) -> None:
    if isinstance(value, Node):
        found.append(value)
    elif isinstance(value, tuple):
        for part in value:
            _gather(part, found)


def with_children(node: Node, change: Callable[[Node], Node]) -> Node:
    """The node with each of its direct children changed."""

    def visit(value: object) -> object:
        if isinstance(value, Node):
            return change(value)
        if isinstance(value, tuple):
            parts = tuple([visit(part) for part in value])
            return value if all(map(is_, parts, value)) else parts
        return value

    changed = {}
    for name in slots(node):
        value = getattr(node, name)
        new = visit(value)
        if new is not value:
            changed[name] = new
    return replace(node, **changed) if changed else node  # type: ignore[arg-type]


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it, from left to right."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(children(node))


def parse_formula(text: str, words: frozenset[str] = BUILTIN_WORDS) -> tuple[Clause, ...]:
    """The clauses of a display or an inline formula; `words` are the multi-letter names of letter runs."""
    try:
        return tuple(_Formula(text, words).clauses())
    except Trouble as trouble:
        unread = Unread(trouble.position, len(text), trouble.message, trouble.expected, 0)
        return (Clause(0, len(text), unread, ()),)


def parse_expression(text: str, words: frozenset[str] = BUILTIN_WORDS) -> Node:
    """One expression without relations, or an Unread."""
    try:
        formula = _Formula(text, words)
        pieces = formula.entered(formula.pieces)
        for piece in pieces:
            if piece.kind in ("relation", "arrow", "break"):
                raise Trouble(piece.start, f"found {piece.text}", "one expression")
        return formula.side(pieces, 0)
    except Trouble as trouble:
        return Unread(trouble.position, len(text), trouble.message, trouble.expected, 0)


# Rows and clauses.

_DELIMITED = {"bmatrix": "[", "pmatrix": "(", "vmatrix": "|", "Vmatrix": r"\|", "Bmatrix": "{"}
_ARRAYS = frozenset({"array", "darray", "matrix", "smallmatrix", "tabular", "subarray"})
_CASES = frozenset({"cases", "dcases", "rcases", "drcases", "numcases"})
_PUNCTUATION = frozenset({"align", "gap", "tag", "comma", "stop"})
_MARKS = _PUNCTUATION | {"text"}
_JOINING = frozenset({"sign", "infix", "relation"})
_STRENGTH = {"": 0, r"\,": 1, "&": 2, r"\quad": 3, ",": 4, "text": 5}
_ARROW = 6
_LABEL = re.compile(r"[A-Z]?[0-9]+(?:\.[0-9]+)*[a-z]?'*|\*+|\\star|\\dagger|[A-Za-z-]+")


@dataclass(slots=True)
class _Segment:
    """What stands between two separators of a row: pieces, or one text."""

    separator: str
    spaced: bool = False  # whether a wide space, or a column, stands before it
    mark: Piece | None = None  # the comma or the space
    pieces: list[Piece] = field(default_factory=list)
    text: Piece | None = None


@dataclass(slots=True)
class _Draft:
    """A clause in the making."""

    separator: str
    pieces: list[Piece] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    stated: bool = False

    def add(self, pieces: list[Piece]) -> None:
        """Go on with these pieces."""
        self.pieces.extend(pieces)
        self.stated = self.stated or _states(pieces)


def _broken(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """The rows between line breaks."""
    rows: list[list[Piece]] = [[]]
    for piece in pieces:
        if piece.kind == "break":
            rows.append([])
        else:
            rows[-1].append(piece)
    return rows


def _states(pieces: Iterable[Piece]) -> bool:
    """Whether there is a relation, or a word such as `invertible` that makes a statement without one."""
    return any(piece.kind == "relation" or piece.text in _PREDICATES for piece in pieces)


def _opens(pieces: list[Piece]) -> bool:
    """Whether an expression has to go on: it ends with an operator, or with a sum of nothing yet."""
    base = next((piece for piece in reversed(pieces) if piece.kind not in ("sub", "sup")), pieces[-1])
    return pieces[-1].kind in _JOINING or (base.text in LIMITS and base is not pieces[-1])


def _trimmed(pieces: list[Piece]) -> list[Piece]:
    """Without the marks and the punctuation at either end."""
    first, last = 0, len(pieces)
    while first < last and pieces[first].kind in _PUNCTUATION:
        first += 1
    while first < last and pieces[last - 1].kind in _PUNCTUATION:
        last -= 1
    return pieces[first:last]


def _is_label(piece: Piece) -> bool:
    """Whether this is a remark in brackets: (1), (*), (a), (where c is the cofactor matrix)."""
    if piece.kind != "fence" or piece.text not in ("(", "["):
        return False
    label = "".join(part.text for part in piece.parts)
    return any(part.kind == "text" for part in piece.parts) or _LABEL.fullmatch(label) is not None


def _divides(row: list[Piece], at: int) -> bool:
    """Whether an & parts two columns of statements, and does not only align a sign or open the row."""
    aligned = _JOINING | _MARKS | {"arrow"}
    if at == 0 or row[at - 1].kind in aligned:
        return False
    after = _next(row, at)
    return after is not None and after.kind not in aligned


def _next(row: list[Piece], at: int) -> Piece | None:
    """What follows a place in a row, alignment marks aside."""
    return next((row[after] for after in range(at + 1, len(row)) if row[after].kind != "align"), None)


class _Formula:
    """One formula: its text, its words, and its pieces cut into rows, clauses and sides."""

    def __init__(self, text: str, words: frozenset[str]) -> None:
        if len(text) > MAX_LENGTH:
            raise Trouble(MAX_LENGTH, f"longer than {MAX_LENGTH} characters", "a shorter formula")
        self.text, self.words = text, words
        self.pieces = nest(tokenise(text, words))
        self.partner = braces(text)

    def prepared(self, pieces: Iterable[Piece]) -> list[Piece]:
        """Letters spelt, brackets paired, and words such as `if` told from names: ready to be cut."""
        return pair(
            piece._replace(kind="text")
            if piece.kind == "name" and piece.text.lower() in (_CUES if piece.font == "rm" else _BARE_CUES)
            else piece
            for piece in spell(pieces, self.words, _BARE_CUES)
        )

    # Rows.

    def clauses(self) -> Iterator[Clause]:
        """All clauses of all rows."""
        for number, row in self.rows():
            yield from self.row_clauses(row, number)

    def rows(self) -> list[tuple[int, list[Piece]]]:
        """The rows of the display with their numbers, each together with the rows that only go on with it."""
        rows: list[tuple[int, list[Piece]]] = []
        latest: list[Piece] = []
        for number, pieces in enumerate(_broken(self.opened(self.pieces, []))):
            row = self.prepared(pieces)
            inner = _trimmed(row)
            if not inner:
                if rows:
                    rows[-1][1].extend(row)
            elif rows and self.goes_on(latest, inner):
                rows[-1][1].extend(dropwhile(lambda piece: piece.kind in ("align", "gap"), row))
            else:
                rows.append((number, row))
            latest = inner or latest
        return [(number, pair(_mended(row))) for number, row in rows]

    def opened(self, pieces: Iterable[Piece], row: list[Piece]) -> Iterator[Piece]:
        """The pieces, with the environments that only lay out rows replaced by these rows."""
        for piece in pieces:
            layout = self.layout(piece, bare=not row)
            if layout is not None:
                last = next((at for at in range(len(layout), 0, -1) if layout[at - 1].kind != "break"), 0)
                yield from self.opened(layout[:last], row)
                continue
            if piece.kind == "break":
                row.clear()
            elif piece.kind not in _MARKS:
                row.append(piece)
            yield piece

    def layout(self, piece: Piece, *, bare: bool) -> Pieces | None:
        """The rows of an environment that is no value in a row; `bare` if nothing stands before it there."""
        if piece.kind == "environment":
            name = piece.text.rstrip("*")
            if name in _CASES:
                return piece.parts if bare and self.is_system(piece.parts) else None
            if name in _ARRAYS:
                return piece.parts if bare and any(part.kind == "relation" for part in piece.parts) else None
            return None if name in _DELIMITED else piece.parts
        if bare and piece.kind == "fence" and (piece.text, piece.close) in (("{", "."), (".", "}")):
            parts = _content(piece)
            rows = parts is not piece.parts or any(part.kind == "break" for part in parts)
            return parts if rows and self.is_system(parts) else None
        return None

    def is_system(self, pieces: Pieces) -> bool:
        """Whether a brace holds equations rather than cases: each row states something before any remark."""
        rows = [self.segments(self.prepared(row)) for row in _broken(pieces)]
        return any(rows) and all(_states(row[0].pieces) for row in rows if row)

    def goes_on(self, latest: list[Piece], row: list[Piece]) -> bool:
        """Whether a row only goes on with the expression of the row before it."""
        relation = next((at for at, piece in enumerate(row) if piece.kind == "relation"), len(row))
        if latest[-1].kind in _JOINING or (_opens(latest) and relation == len(row)):
            return True
        if latest[-1].close == "." and row[0].kind == "fence" and row[0].text == ".":
            return True
        if any(piece.kind == "open" for piece in latest) and any(
            piece.kind == "close" for piece in row[:relation]
        ):
            return True
        if row[0].kind == "sign" and row[0].text != "+":
            return relation == len(row)
        return row[0].kind in ("sign", "infix")

    # Clauses.

    def row_clauses(self, row: list[Piece], number: int) -> Iterator[Clause]:
        """The clauses of a row."""
        tag = next((piece.text for piece in row if piece.kind == "tag"), None)
        for at, draft in enumerate(self.drafts(self.segments(row))):
            if at == 0 and _STRENGTH.get(draft.separator, _ARROW) < _ARROW:
                draft.separator = "\\\\" if number else ""
            yield self.clause(draft, number, tag)

    def segments(self, row: list[Piece]) -> list[_Segment]:
        """A row cut at commas, wide spaces, words, arrows and columns; none of the segments is empty."""
        segments = [_Segment("")]

        def separate(separator: str, mark: Piece | None = None) -> None:
            last = segments[-1]
            if last.pieces or last.text:
                segments.append(last := _Segment(separator))
            if _STRENGTH.get(separator, _ARROW) > _STRENGTH.get(last.separator, _ARROW):
                last.separator = separator
            last.mark = mark or last.mark

        for at, piece in enumerate(row):
            if piece.kind == "gap" and piece.text != r"\quad":
                separate(r"\,")
            elif piece.kind == "gap" or (piece.kind == "align" and _divides(row, at)):
                separate(
                    r"\quad" if piece.kind == "gap" else "&", segments[-1].mark or piece._replace(kind="gap")
                )
                segments[-1].spaced = True
            elif piece.kind in ("comma", "stop"):
                separate(",", piece._replace(kind="comma"))
            elif piece.kind == "arrow":
                separate(piece.text)
            elif piece.kind == "text" and not self.is_operand(row, at, segments[-1].pieces):
                separate("text")
                segments[-1].text = piece
                separate("text")
            elif piece.kind not in ("tag", "align"):
                segments[-1].pieces.append(piece)
        return [segment for segment in segments if segment.pieces or segment.text]

    def is_operand(self, row: list[Piece], at: int, before: list[Piece]) -> bool:
        r"""Whether words stand where a symbol could, as in `\text{cross entropy} = …` and `(1)式 = …`."""
        words = row[at]
        if words.text.startswith("\\") or words.text.split()[0].strip(",.:;").lower() in _CUES:
            return False
        if before and before[-1].kind in _JOINING:
            return True
        after = _next(row, at)
        if after is None or not all(map(_is_label, before)):
            return False
        applied = after.kind == "fence" and after.start == words.end and self.text[words.start] == "\\"
        return after.kind in ("relation", "infix", "sub", "sup") or (applied and not before)

    def drafts(self, segments: list[_Segment]) -> list[_Draft]:
        """Segments gathered to clauses."""
        for segment in segments[1:]:  # `, \quad (i = j)` states i = j
            inner = segment.pieces
            if (
                segment.separator != "text"
                and len(inner) == 1
                and inner[0].text == "("
                and _states(inner[0].parts)
            ):
                segment.pieces = self.prepared(inner[0].parts)
        listed = self.listed(segments)
        drafts = [_Draft(segment.separator) for segment in segments[:1]]
        for at, segment in enumerate(segments):
            draft = drafts[-1]
            after = segments[at + 1] if at + 1 < len(segments) else None
            opens = not draft.pieces or _opens(draft.pieces)
            if segment.text:
                if draft.pieces and after and after.separator != ",":
                    drafts.append(draft := _Draft(segment.separator))
                draft.texts.append(Text(segment.text.start, segment.text.end, segment.text.text))
            elif self.is_remark(segment, after) and not (draft.pieces and opens):
                start, end = segment.pieces[0].start, segment.pieces[0].end
                draft.texts.append(Text(start, end, self.text[start:end]))
            elif not draft.pieces:
                draft.add(segment.pieces)
            elif not opens and self.parts_from(draft, segment, listed[at]):
                drafts.append(_Draft(segment.separator))
                drafts[-1].add(segment.pieces)
            else:
                head = segment.pieces[0].kind
                marked = draft.stated and head not in _JOINING
                if segment.separator == ",":
                    marked = head != "relation"
                if segment.mark and marked and not opens:
                    draft.add([segment.mark])
                draft.add(segment.pieces)
        return drafts

    def is_remark(self, segment: _Segment, after: _Segment | None) -> bool:
        """Whether a segment is a remark on the statement that it stands apart from: (1), linearity."""
        (first, *more) = segment.pieces
        if more or (after and after.pieces and after.pieces[0].kind == "relation"):
            return False
        if segment.spaced or (after and after.spaced):
            named = first.font == "rm" and len(first.text) > 3 and first.text not in self.words | _PREDICATES
            return _is_label(first) or (named and segment.spaced)
        return segment.separator == r"\," and _is_label(first) and first.parts[0].kind == "number"

    def listed(self, segments: list[_Segment]) -> list[bool | None]:
        r"""For each segment: None if no later one states anything, else whether it goes on with a list.

        In `i = 1, 2, \dots, n, x \in S` the 2 and the n do, and in `a \in S, x, y \in T` the x does not.
        """
        out: list[bool | None] = [None] * len(segments)
        for at in reversed(range(len(segments))):
            segment, after = segments[at], segments[at + 1] if at + 1 < len(segments) else None
            if segment.text:
                continue
            if _states(segment.pieces):
                out[at] = False
            elif after and not after.text and _STRENGTH.get(after.separator, _ARROW) <= _STRENGTH[","]:
                element = len(segment.pieces) == 1 and segment.pieces[0].kind in ("dots", "number")
                out[at] = out[at + 1] if out[at + 1] is None else element or out[at + 1]
        for at in range(1, len(segments)):
            if [piece.kind for piece in segments[at - 1].pieces] == ["dots"] and not _states(
                segments[at].pieces
            ):
                out[at] = None if out[at] is None else True
        return out

    def parts_from(self, draft: _Draft, segment: _Segment, listed: bool | None) -> bool:
        """Whether a segment begins a clause of its own."""
        head = segment.pieces[0].kind
        if segment.separator not in _STRENGTH:
            return True
        if head == "relation" or (segment.separator != "," and head in _JOINING):
            return False
        if segment.separator == ",":
            return draft.stated and listed is False
        states = _states(segment.pieces)
        return (states or not draft.stated) if segment.separator == r"\quad" else (states and draft.stated)

    def clause(self, draft: _Draft, row: int, tag: str | None, depth: int = 0) -> Clause:
        """A chain of relations from its pieces, at a depth of nesting (that of cases, for a condition)."""
        signs: list[Piece] = []
        sides: list[list[Piece]] = [[]]
        if len(draft.pieces) > 1 and draft.pieces[-1].text == ":":
            draft.pieces.pop()  # a colon at the end is punctuation
        for piece in draft.pieces:
            if piece.kind == "relation":
                signs.append(piece)
                sides.append([])
            else:
                sides[-1].append(piece)
        first = self.side(sides[0], 0, depth) if sides[0] else None
        if (
            len(draft.pieces) == 1 and draft.pieces[0].kind in _JOINING
        ):  # the name of a sign, as in "the = of $=$"
            sign, signs, sides = draft.pieces[0], [], [[]]
            first = Symbol(sign.start, sign.end, sign.text)
        links = []
        for sign, pieces in zip(signs, sides[1:], strict=True):
            node = self.side(pieces, sign.end, depth)
            links.append(Link(sign.start, max(sign.end, node.end), sign.text, sign.start, node))
        places = [(piece.start, piece.end) for piece in draft.pieces] + [
            (text.start, text.end) for text in draft.texts
        ]
        start, end = min(start for start, _ in places), max(end for _, end in places)
        texts = tuple(sorted(draft.texts, key=lambda text: text.start))
        return Clause(start, end, first, tuple(links), row, draft.separator, texts, tag)

    # Sides.

    def side(self, pieces: list[Piece], at: int, depth: int = 0) -> Node:
        """One side of a relation; `at` is where it should stand."""
        pieces = _trimmed(pieces)
        if not pieces:
            return Unread(at, at, "nothing stands here", "an expression", at)
        start, end = self.balanced(pieces[0].start, pieces[-1].end)
        words = len(
            pieces
        )  # where the words of `X + A invertible` begin: they say something of all before them
        while words > 1 and pieces[words - 1].text in _PREDICATES:
            words -= 1
        try:
            node = _Expression(self, pieces[:words], depth).whole()
            if pieces[words:]:
                items = node.items if isinstance(node, Juxtapose) else (node,)
                said = (Symbol(piece.start, piece.end, piece.text, piece.font) for piece in pieces[words:])
                node = Juxtapose(start, end, (*items, *said))
            if end - start > MAX_DEPTH and _height(node) > MAX_DEPTH:
                raise Trouble(start, f"an expression more than {MAX_DEPTH} levels deep", "a flatter one")
        except Trouble as trouble:
            return Unread(trouble.position, end, trouble.message, trouble.expected, start)
        return node if (node.start, node.end) == (start, end) else replace(node, start=start, end=end)

    def balanced(self, start: int, end: int) -> tuple[int, int]:
        """The smallest stretch around another that cuts no pair of braces, and so can be shown as LaTeX."""
        low, high = start, end
        for match in re.finditer(r"\\.|[{}]", self.text[start:end], re.DOTALL):
            partner = self.partner.get(start + match.start(), start)
            low, high = min(low, partner), max(high, partner + 1)
        return low, high

    def entered(self, pieces: Pieces) -> list[Piece]:
        """The pieces inside a group, ready to be parsed."""
        visible = (
            piece for piece in pieces if piece.kind not in ("align", "tag") and piece.text != r"\hspace"
        )
        inner = pair(spell(visible, self.words))
        while inner and inner[-1].kind in ("gap", "stop"):
            inner.pop()
        return inner


def _mended(row: list[Piece]) -> list[Piece]:
    r"""Joined rows as one: `= \\ =` says = once, and \left( … \right. \\ \left. … \right) is one fence."""
    out: list[Piece] = []
    edge = -1  # where the last piece that is no mark stands in out
    for piece in row:
        before = out[edge] if out else None
        if before and before[:2] == piece[:2] and piece.kind == "relation":
            continue
        if before and before.kind == piece.kind == "fence" and before.close == piece.text == ".":
            parts = (*before.parts, *piece.parts)
            out[edge:] = [before._replace(end=piece.end, parts=parts, close=piece.close)]
            continue
        out.append(piece)
        if piece.kind not in _PUNCTUATION:
            edge = len(out) - 1
    return out


def _content(fence: Piece) -> Pieces:
    """What a fence holds, without the environment that only lays it out."""
    only = fence.parts[0] if len(fence.parts) == 1 else None
    if only and only.kind == "environment" and only.text not in _DELIMITED and only.text not in _CASES:
        return only.parts
    return fence.parts


def _height(node: Node) -> int:
    """The number of levels of a tree."""
    height, level = 0, [node]
    while level:
        height, level = height + 1, [child for parent in level for child in children(parent)]
    return height


# Expressions.

_FACTORS = frozenset({"letter", "name", "number", "dots", "fence", "group", "command", "environment"})
_ENDS = frozenset({"sign", "infix", "relation", "comma", "mid", "arrow", "over"})


class _Expression:
    """Recursive descent over the pieces between two delimiters."""

    def __init__(self, formula: _Formula, pieces: list[Piece], depth: int) -> None:
        self.formula, self.pieces, self.depth = formula, pieces, depth
        self.at = 0
        self.bars: list[str] = []  # the bars that are open, as '|' or '\\|'
        self.later: dict[str, list[int]] = {}  # how many bars of each kind stand from each place on
        if any(piece.kind == "bar" for piece in pieces):
            bars = [self.bar(at) if piece.kind == "bar" else "" for at, piece in enumerate(pieces)]
            right = [bar + piece.close for bar, piece in zip(bars, pieces, strict=True)]
            for kind, found in ("|", bars), (r"\|", bars), ("|r", right), (r"\|r", right):
                self.later[kind] = list(accumulate((kind == bar for bar in reversed(found)), initial=0))[::-1]
        self.deepen(0)

    def deepen(self, levels: int) -> None:
        """Enter or leave a level of recursion."""
        self.depth += levels
        if self.depth > MAX_NESTING:
            place = self.pieces[min(self.at, len(self.pieces) - 1)].start
            raise Trouble(place, f"nested deeper than {MAX_NESTING} levels", "a flatter formula")

    def peek(self) -> Piece | None:
        """The piece to come."""
        return self.pieces[self.at] if self.at < len(self.pieces) else None

    def kind(self, ahead: int = 0) -> str:
        """The kind of a piece to come; '' at the end."""
        at = self.at + ahead
        return self.pieces[at].kind if at < len(self.pieces) else ""

    def span(self, first: int) -> tuple[int, int]:
        """The stretch of text from a piece up to the last one read."""
        return self.pieces[first].start, self.pieces[self.at - 1].end

    def fail(self, expected: str) -> Trouble:
        """What to raise at the piece to come."""
        piece = self.peek()
        if piece is None:
            return Trouble(self.pieces[-1].end, "the expression ends here", expected)
        found = self.formula.text[piece.start : min(piece.end, piece.start + 20)]
        return Trouble(piece.start, f"found {' '.join(found.split())}", expected)

    def inner(self, pieces: Pieces, place: int) -> Node:
        """What stands in a group or a fence that begins at a place."""
        entered = self.formula.entered(pieces)
        if not entered:
            raise Trouble(place, "nothing stands here", "an expression")
        return _Expression(self.formula, entered, self.depth + 1).whole()

    def script(self, pieces: Pieces) -> tuple[int, Node | None]:
        """The primes and the expression of an index or an exponent."""
        primes = 0
        while pieces and (pieces[0].kind == "prime" or pieces[0].text == r"\prime"):
            primes, pieces = primes + 1, pieces[1:]
        return primes, self.inner(pieces, pieces[0].start) if pieces else None

    def whole(self) -> Node:
        """All of the pieces."""
        over = next((at for at, piece in enumerate(self.pieces) if piece.kind == "over"), None)
        if over is not None:
            upper, lower = self.pieces[:over], self.pieces[over + 1 :]
            if not upper or not lower:
                self.at = over
                raise self.fail("an expression on either side of it")
            parts = [_Expression(self.formula, part, self.depth + 1).whole() for part in (upper, lower)]
            return Fraction(upper[0].start, lower[-1].end, *parts)
        node = self.conditional()
        if self.at < len(self.pieces):
            raise self.fail("an operator or the end")
        return node

    def conditional(self) -> Node:
        """a | b."""
        first, node = self.at, self.commas()
        while (piece := self.peek()) and (piece.kind == "mid" or (piece.kind == "bar" and not self.bars)):
            bar = self.pass_bar()
            right = self.commas()
            node = Infix(*self.span(first), bar, node, right)
        return node

    def commas(self) -> Node:
        """a, b, c."""
        first, items = self.at, [self.relation()]
        while self.kind() == "comma":
            self.at += 1
            if self.peek() is None:
                break  # a comma after the last item
            items.append(self.relation())
        return items[0] if len(items) == 1 else Commas(*self.span(first), tuple(items))

    def relation(self) -> Node:
        """a = b, and a sign that stands alone: the + of X^+, the : of T_{n,:}, the dot of f(\\cdot)."""
        first, piece = self.at, self.peek()
        if piece and self.depth and piece.kind in ("sign", "infix", "relation"):
            symbol = Symbol(piece.start, piece.end, piece.text)
            if self.kind(1) in ("", "comma", "mid") or (self.kind(1) == "bar" and piece.kind == "infix"):
                self.at += 1
                return symbol
            if piece.kind != "sign":  # x_{<t}, x^{\odot 2}
                self.at += 1
                rest = self.plus()
                return Juxtapose(*self.span(first), (symbol, rest))
        node = self.plus()
        while (piece := self.peek()) and piece.kind == "relation":
            self.at += 1
            if piece.text == ":" and self.kind() in ("", "comma"):
                symbol = Symbol(piece.start, piece.end, ":")
                return Juxtapose(*self.span(first), (node, symbol))
            right = self.plus()
            node = Relation(*self.span(first), piece.text, node, right)
        return node

    def plus(self) -> Node:
        """+ a - b."""
        first = self.at
        signed = self.kind() == "sign"
        terms: list[tuple[str, Node]] = []
        while not terms or self.kind() == "sign":
            sign = "+"
            if (piece := self.peek()) and piece.kind == "sign":
                sign = piece.text
                self.at += 1
            terms.append((sign, self.signed(self.infix)))
        return Plus(*self.span(first), tuple(terms)) if signed or len(terms) > 1 else terms[0][1]

    def signed(self, operand: Callable[[], Node]) -> Node:
        """An operand that may have signs of its own: a \\cdot -b."""
        signs: list[tuple[int, str]] = []
        while (piece := self.peek()) and piece.kind == "sign":
            signs.append((self.at, piece.text))
            self.at += 1
        node = operand()
        for at, sign in reversed(signs):
            node = Plus(*self.span(at), ((sign, node),))
        return node

    def infix(self) -> Node:
        """a \\cdot b / c, from the left."""
        first, node = self.at, self.juxtaposition()
        while (piece := self.peek()) and piece.kind == "infix":
            self.at += 1
            right = self.signed(self.juxtaposition)
            node = Infix(*self.span(first), piece.text, node, right)
        return node

    def juxtaposition(self) -> Node:
        """a b c."""
        first = self.at
        factors: list[Node] = []
        while (piece := self.peek()) and piece.kind not in _ENDS:
            if piece.kind == "gap":
                if factors and self.kind(1) in _FACTORS:
                    raise self.fail(
                        "an operator: a wide space between two factors may be a list or a product"
                    )
                self.at += 1
                continue
            if piece.kind == "bar" and factors:
                role = self.role()
                if role == "condition":
                    self.pass_bar()
                    body = factors[0] if len(factors) == 1 else Juxtapose(*self.span(first), tuple(factors))
                    factors = [self.scripted(first, self.evaluation(first, body))]
                    continue
                if role != "opens":
                    break
            node = self.factor()
            # A group without a script is only as much as what it holds.
            factors.extend(node.items if piece.kind == "group" and isinstance(node, Juxtapose) else [node])
        if not factors:
            raise self.fail("a symbol, a number or a bracket")
        return factors[0] if len(factors) == 1 else Juxtapose(*self.span(first), tuple(factors))

    # Bars.

    def bar(self, at: int) -> str:
        """Which bar stands at a place, | or \\| or none: two single ones that touch are a double one."""
        piece = self.pieces[at]
        if piece.kind not in ("bar", "mid"):
            return ""
        after = self.pieces[at + 1] if at + 1 < len(self.pieces) else piece
        touching = piece[:2] == after[:2] == ("bar", "|") and piece.end == after.start
        return r"\|" if touching and self.bars[-1:] != ["|"] else piece.text

    def pass_bar(self) -> str:
        """Read a bar."""
        bar = self.bar(self.at)
        self.at += 1 if bar == self.pieces[self.at].text else 2
        return bar

    def role(self) -> str:
        """What a bar after a factor does: close the open one, open another, state a condition, or part."""
        at, bar, side = self.at, self.bar(self.at), self.pieces[self.at].close
        if bar in self.bars[-1:]:
            return "opens" if side == "l" and self.later[bar + "r"][at] else "closes"
        if self.kind(1 if bar == self.pieces[at].text else 2) == "sub":
            return "condition"
        return "opens" if side == "l" or self.later[bar][at] % 2 == 0 else "parts"

    def barred(self) -> Node:
        """|a| or ‖a‖."""
        first, bar = self.at, self.pass_bar()
        self.bars.append(bar)
        self.deepen(1)
        body = self.commas()
        if self.at >= len(self.pieces) or self.bar(self.at) != bar:
            raise self.fail(f"a closing {bar}")
        self.pass_bar()
        self.deepen(-1)
        self.bars.pop()
        return Fence(*self.span(first), bar, bar, body)

    def evaluation(self, first: int, body: Node) -> Node:
        """What follows a bar that states a condition."""
        condition = self.script(self.pieces[self.at].parts)[1]
        self.at += 1
        if condition is None:
            raise self.fail("a condition")
        return Evaluation(*self.span(first), body, condition)

    # Factors.

    def factor(self) -> Node:
        """An atom with its scripts."""
        first, piece = self.at, self.pieces[self.at]
        after = self.pieces[self.at + 1] if self.at + 1 < len(self.pieces) else piece
        if piece.text == "arg" and after.text in ("max", "min"):
            self.at += 1
            piece = after._replace(start=piece.start, text="arg" + after.text)
        if piece.kind == "name" and piece.text in LIMITS:
            return self.big(first, piece)
        return self.scripted(first, self.atom(piece))

    def scripted(self, first: int, base: Node) -> Node:
        """A base with all scripts that follow it; a second index or exponent makes a level of its own."""
        sub: Node | None = None
        sup: Node | None = None
        primes = 0
        while self.kind() in ("sub", "sup", "prime"):
            kind = self.kind()
            more, node = (1, None) if kind == "prime" else self.script(self.pieces[self.at].parts)
            if node and (sub if kind == "sub" else sup):
                base = Script(*self.span(first), base, sub, sup, primes)
                sub, sup, primes = None, None, 0
            sub, sup = node if kind == "sub" else sub, (node or sup) if kind == "sup" else sup
            primes += more
            self.at += 1
        return Script(*self.span(first), base, sub, sup, primes) if sub or sup or primes else base

    def big(self, first: int, piece: Piece) -> Node:
        r"""A sum over the rest of its term; `\sum` with nothing to sum is a name, `\max(…)` a function."""
        symbol = self.symbol(piece)
        self.at += 1
        node = self.scripted(first, symbol)
        sub, sup, plain = None, None, node is symbol
        if isinstance(node, Script) and node.base is symbol and not node.primes:
            sub, sup, plain = node.sub, node.sup, True
        while self.kind() == "gap":
            self.at += 1
        follows = self.peek()
        if not plain or not follows or (sub is None and not piece.text.startswith("\\")):
            return node
        # \sum_j -p_j is a sum, \sum - e_j a difference.
        negative = follows[:2] == ("sign", "-") and sub is not None
        closes = follows.kind == "bar" and self.bar(self.at) in self.bars[-1:]
        if (follows.kind in _ENDS and not negative) or closes:
            return node
        self.deepen(1)
        body = self.signed(self.infix)
        self.deepen(-1)
        return Big(*self.span(first), symbol.letter.lstrip("\\"), sub, sup, body)

    def symbol(self, piece: Piece) -> Symbol:
        """An identifier."""
        # The sign of transposition is set in either upright face.
        font = "rm" if piece.text == "T" and piece.font == "sf" else piece.font
        return Symbol(piece.start, piece.end, piece.text, font)

    def atom(self, piece: Piece) -> Node:
        """What scripts can stand at."""
        first, place = self.at, (piece.start, piece.end)
        if piece.kind == "bar":
            return self.barred()
        self.at += 1
        match piece.kind:
            case "number":
                return Number(*place, piece.text)
            case "letter" | "name":
                return self.symbol(piece)
            case "dots":
                return Dots(*place)
            case "text":
                return Text(*place, piece.text)
            case "fence":
                return self.fence(first, piece)
            case "group":
                return replace(self.inner(piece.parts, piece.start), start=piece.start, end=piece.end)
            case "command":
                return self.command(piece)
            case "environment":
                return self.environment(piece)
        self.at = first
        raise self.fail(piece.close or _EXPECTED.get(piece.kind, "mathematics"))

    def command(self, piece: Piece) -> Node:
        """A fraction, a root, an accent or an annotated expression."""
        name, place = piece.text, (piece.start, piece.end)
        nodes = [self.inner(argument, piece.end) for argument in piece.arguments]
        if name == "frac":
            return Fraction(*place, *nodes)
        if name == "sqrt":
            return Root(*place, *nodes)
        if name == "annotated":
            return Annotated(*place, *nodes)
        return replace(_accented(nodes[0], ACCENTS.get(name, name)), start=piece.start, end=piece.end)

    def fence(self, first: int, piece: Piece) -> Node:
        """Delimiters around an expression, a matrix or cases."""
        content = _content(piece)
        if content is not piece.parts or any(part.kind == "break" for part in content):
            if (piece.text, piece.close) in (("{", "."), (".", "}")):
                return self.cases(piece, content)
            return self.matrix(piece, content, piece.text)
        inside = Commas(piece.start, piece.end, ())
        body = self.inner(piece.parts, piece.start) if self.formula.entered(piece.parts) else inside
        if piece.text == "." and piece.close in ("|", r"\|") and self.kind() == "sub":
            return self.evaluation(first, body)
        return Fence(piece.start, piece.end, piece.text, piece.close, body)

    def environment(self, piece: Piece) -> Node:
        """A matrix, cases, or a single row that an environment only lays out."""
        name = piece.text.rstrip("*")
        if name in _CASES:
            return self.cases(piece, piece.parts)
        if name in _DELIMITED or name in _ARRAYS:
            return self.matrix(piece, piece.parts, _DELIMITED.get(name, ""))
        if any(part.kind == "break" for part in piece.parts):
            raise Trouble(
                piece.start, f"found the rows of {name} inside an expression", "a matrix or one row"
            )
        return self.inner(piece.parts, piece.start)

    def matrix(self, piece: Piece, content: Pieces, delimiter: str) -> Matrix:
        """Rows of cells."""
        rows: list[tuple[Node | None, ...]] = []
        for row in _broken(content):
            cells: list[list[Piece]] = [[]]
            for part in row:
                if part.kind == "align":
                    cells.append([])
                else:
                    cells[-1].append(part)
            entered = [self.formula.entered(tuple(cell)) for cell in cells]
            if any(entered):
                rows.append(
                    tuple(
                        _Expression(self.formula, cell, self.depth + 1).whole() if cell else None
                        for cell in entered
                    )
                )
        return Matrix(piece.start, piece.end, tuple(rows), delimiter)

    def cases(self, piece: Piece, content: Pieces) -> Cases:
        """Values and their conditions."""
        rows = (_trimmed(self.formula.prepared(row)) for row in _broken(content))
        return Cases(piece.start, piece.end, tuple(self.case(row) for row in rows if row))

    def case(self, row: list[Piece]) -> Case:
        """A value, and what stands behind an &, a wide space, words or in brackets: its condition."""
        aligned = [
            at for at, part in enumerate(row[:-1]) if part.kind == "align" and row[at + 1].kind != "relation"
        ]
        head, tail = (row[: aligned[0]], row[aligned[0] + 1 :]) if aligned else (row, [])
        segments = self.formula.segments(head)
        value = list((segments[0].pieces if segments else []) or head)
        rest = _trimmed([part for part in head if part.start >= value[-1].end] + tail)
        if not rest and len(value) > 1 and _is_condition(value[-1]):
            rest = [value.pop()]
        if len(rest) == 1 and _is_condition(rest[0]):
            rest = self.formula.prepared(rest[0].parts)
        drafts = self.formula.drafts(self.formula.segments(rest))
        condition = tuple(self.formula.clause(draft, 0, None, self.depth + 1) for draft in drafts)
        pieces = [part for part in _trimmed(value) if part.kind not in ("gap", "align")]
        if not pieces:
            raise Trouble(row[0].start, "nothing stands here", "a value")
        node = _Expression(self.formula, pieces, self.depth + 1).whole()
        return Case(row[0].start, row[-1].end, node, condition)


_EXPECTED = {
    "open": "its closing bracket",
    "close": "an opening bracket before it",
    "sub": "something that the index stands at",
    "sup": "something that the exponent stands at",
    "prime": "something that the prime stands at",
    "break": "one row",
}


def _is_condition(piece: Piece) -> bool:
    """(i = j), (otherwise)."""
    return piece.kind == "fence" and piece.text == "(" and (_states(piece.parts) or _is_label(piece))


def _accented(node: Node, accent: str) -> Node:
    """An accent over a symbol belongs to it, also where the author drew it over the index too."""
    match node:
        case Symbol():
            return replace(node, accents=(*node.accents, accent))
        case Number():
            return Symbol(node.start, node.end, node.text, "", (accent,))
        case Script(base=Symbol() | Number() as base):
            return replace(node, base=_accented(base, accent))
    return Accent(node.start, node.end, accent, node)
