r"""Formula text to nested pieces: everything about LaTeX that a grammar need not know.

Three steps, each linear in the text: `tokenise` classifies what stands on the page (a sign, a relation, a
delimiter, a letter …) and drops what only sets it; `nest` closes braces, environments and \left … \right,
gives each command and each script its arguments, and takes away braces that group nothing; `pair` and
`spell`, for one row at a time, find the partners of brackets and the words in runs of letters. Every piece
carries its place in the text. Broken input raises nothing, but for nesting beyond `MAX_NESTING`: a brace
without its partner becomes a piece of kind `stray`, at which the parser stops.

Why a tokeniser of our own, when pylatexenc is at hand: its LatexWalker drops a brace that closes nothing
without a word (the verdict would be about a formula that nobody wrote), recurses in Python until
RecursionError at some 300 nested groups, and leaves `x_1^2 := f'(x)` as one run of characters, to be
tokenised all over again. This module takes a third of its time.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

MAX_NESTING = 40
"""Braces, brackets, environments inside one another; formulas that people write stay below a dozen."""

LONGEST_NUMBER = 1000
"""Characters of a number. Python refuses to turn more than 4300 digits into an integer."""


class Trouble(Exception):
    """Something that cannot be read: where it stands, what was found, and what was expected."""

    def __init__(self, position: int, message: str, expected: str = "") -> None:
        super().__init__(message)
        self.position, self.message, self.expected = position, message, expected


class Piece(NamedTuple):
    """A classified stretch of a formula; `parts` are what a group, fence, script or environment holds."""

    kind: str
    text: str
    start: int
    end: int
    parts: "tuple[Piece, ...]" = ()
    arguments: "tuple[tuple[Piece, ...], ...]" = ()
    font: str = ""
    close: str = (
        ""  # of a fence its right delimiter, of a bar "l" or "r" if it says so, of a stray what it lacks
    )


Pieces = tuple[Piece, ...]


def names(listing: str) -> frozenset[str]:
    """A set of names from a listing with blanks between them."""
    return frozenset(listing.split())


# What each sign means, as `spelling` or `spelling~normal form`.
_SPELLINGS = {
    "sign": r"+ - \pm \mp ±~\pm ∓~\mp −~- –~-",
    "infix": r"""\cdot \times * \ast~* .* ./ / \odot \circ \otimes \oplus \ominus \oslash \star \bullet \div
        \wedge \land~\wedge \vee \lor~\vee \cup \cap \setminus \bigodot~\odot ·~\cdot ⋅~\cdot ×~\times ⊙~\odot
        ∘~\circ
        ⊗~\otimes ⊕~\oplus ∗~* ⋆~\star •~\bullet ÷~\div ∪~\cup ∩~\cap ∖~\setminus ∧~\wedge ∨~\vee""",
    "relation": r"""= ==~= := ≔~:= \coloneqq~:= \triangleq~:= ≜~:= \defeq~:= =: : \colon~: ∶~:
        \equiv ≡~\equiv \approx ≈~\approx \simeq ≃~\simeq \cong \sim ∼~\sim \propto ∝~\propto \doteq
        \neq \ne~\neq ≠~\neq !=~\neq < > \lt~< \gt~> \ll \gg \succ \succeq \prec \preceq \perp
        \le \leq~\le \leqslant~\le \leqq~\le ≤~\le ⩽~\le <=~\le
        \ge \geq~\ge \geqslant~\ge \geqq~\ge ≥~\ge ⩾~\ge >=~\ge
        \in ∈~\in \notin ∉~\notin \ni \subset ⊂~\subset \subseteq ⊆~\subseteq \supset \supseteq
        \to \rightarrow~\to \longrightarrow~\to →~\to ->~\to \mapsto \longmapsto~\mapsto ↦~\mapsto
        \leftarrow \gets~\leftarrow \longleftarrow~\leftarrow ←~\leftarrow
        \leftrightarrow ↔~\leftrightarrow""",
    "arrow": r"""\implies \Rightarrow~\implies \Longrightarrow~\implies \therefore~\implies ⇒~\implies
        ⟹~\implies ∴~\implies =>~\implies \iff \Leftrightarrow~\iff \Longleftrightarrow~\iff ⇔~\iff ⟺~\iff
        <=>~\iff \because ∵~\because \impliedby \Leftarrow~\impliedby
        \Longleftarrow~\impliedby ⇐~\impliedby""",
    "comma": ", ; 、~,",
    "stop": "。~.",
    "open": r"""( [ \{~{ \lbrace~{ \lbrack~[ \lparen~( \langle ⟨~\langle 〈~\langle
        \lfloor ⌊~\lfloor \lceil ⌈~\lceil""",
    "close": r""") ] \}~} \rbrace~} \rbrack~] \rparen~) \rangle ⟩~\rangle 〉~\rangle
        \rfloor ⌋~\rfloor \rceil ⌉~\rceil""",
    "bar": r"| \vert~| \lvert~| \rvert~| \| \Vert~\| \lVert~\| \rVert~\| ‖~\| ∥~\|",
    "mid": r"\mid~| ∣~| \parallel~\|",
    "dots": r"\dots \ldots \cdots \vdots \ddots \dotsc \dotsb \dotsm \dotsi \dotso \hdots \iddots … ⋯ ⋮ ⋱ ⋰",
    "name": r"""\triangledown~\nabla \bigtriangledown~\nabla ∇~\nabla ▽~\nabla ∂~\partial ∞~\infty ℓ~\ell
        ∑~\sum ∏~\prod ∫~\int ⊤~\top ⊥~\bot †~\dagger µ~\mu ∆~\Delta ∅~\emptyset ⊺~\intercal ! \#""",
    "text": r"\forall \exists ∀~\forall ∃~\exists",
    "prime": "' ’~' ′~'",
    "sub": "_",
    "sup": "^",
    "align": "&",
    "{": "{",
    "}": "}",
    "over": r"\over",
    "stray": r"""\left \right \middle \big \Big \bigg \Bigg \bigl \bigr \Bigl \Bigr \biggl \biggr \Biggl
        \Biggr \atop \choose √""",
}
_MEANING = {
    spelling: (kind, normal or spelling)
    for kind, row in _SPELLINGS.items()
    for spelling, _, normal in (entry.partition("~") for entry in row.split())
}
_SETS = {"\\R": "R", "\\RR": "R", "\\reals": "R", "\\Reals": "R", "\\N": "N", "\\Z": "Z", "\\C": "C"}

# Commands that only set their argument, or nothing: `\boxed{x}` is `{x}`, and a group is what it holds.
_SILENT = names(
    """displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits nonumber notag hline allowbreak
    nobreak mathstrut strut relax large Large small normalsize boxed fbox cancel bcancel xcancel sout
    ensuremath mathop mathrel mathbin mathord mathopen mathclose mathinner mathpunct smash thinspace enspace
    enskip medspace
    thickspace negthinspace noindent square blacksquare Box qed"""
)
# Commands whose argument is no mathematics.
_DROPPED = names("label color vspace phantom hphantom vphantom require textcolor colorbox hdotsfor")
_REMARKS = names("intertext shortintertext")
_UNREAD = _DROPPED | _REMARKS | names("tag ref eqref cite")
# Commands whose argument is one name, if it is one word: the first in text mode, the second in math mode.
_QUOTED = names("text mbox hbox textrm textnormal textup textit textsf texttt textsc textbf")
_UPRIGHT = names("mathrm operatorname mathit mathsf")
_TEXT_FONTS = {
    "textbf": "bold",
    "textit": "it",
    "mathit": "it",
    "textsf": "sf",
    "mathsf": "sf",
    "texttt": "sf",
}
FONTS = {
    "mathbf": "bold", "boldsymbol": "bold", "bm": "bold", "pmb": "bold", "mathbfit": "bold", "symbf": "bold",
    "mathcal": "cal", "mathscr": "cal", "mathbb": "bb", "mathds": "bb", "mathbbm": "bb", "mathrm": "rm",
    "operatorname": "rm", "mathit": "it", "mathsf": "sf", "mathtt": "sf", "mathfrak": "frak",
}  # fmt: skip
_WHOLE = frozenset({"rm", "it", "sf"})  # what stands together in these fonts is one name
_SWITCHES = {
    "bf": "bold", "boldmath": "bold", "rm": "rm", "it": "it", "cal": "cal", "sf": "sf", "frak": "frak",
}  # fmt: skip
ACCENTS = {
    "hat": "hat", "widehat": "hat", "tilde": "tilde", "widetilde": "tilde", "bar": "bar", "overline": "bar",
    "vec": "vec", "overrightarrow": "vec", "dot": "dot", "ddot": "ddot", "mathring": "ring", "check": "check",
    "widecheck": "check", "breve": "breve", "acute": "acute", "grave": "grave", "underline": "underline",
}  # fmt: skip
_FRACTIONS = frozenset({"frac", "dfrac", "tfrac", "cfrac"})
_ARITY = (
    dict.fromkeys([*FONTS, *ACCENTS, "sqrt", "underbrace", "overbrace", "substack"], 1)
    | dict.fromkeys([*_FRACTIONS, "overset", "underset", "stackrel"], 2)
    | dict.fromkeys(["xrightarrow", "xleftarrow", "xlongequal"], 1)
)
_STRETCHED = {"xrightarrow": r"\to", "xleftarrow": r"\leftarrow", "xlongequal": "="}
# Operators that LaTeX itself sets upright under their own name.
_OPERATORS = names(
    """arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf limsup ln
    log Pr max min sec sin sinh sup tan tanh"""
)
LIMITS = frozenset({r"\sum", r"\prod", r"\int", "max", "min", "argmax", "argmin", "lim"})
_COMBINING = {
    "\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0305": "bar", "\u0307": "dot", "\u0308": "ddot",
    "\u20d7": "vec", "\u030c": "check",
}  # fmt: skip
_FACES = {"BOLD": "bold", "SCRIPT": "cal", "DOUBLE-STRUCK": "bb", "FRAKTUR": "frak", "SANS-SERIF": "sf"}
_COLUMNED = re.compile(r"(?:x?x?align(?:ed)?at|array|darray|tabular|subarray)\*?$")

_TOKEN = re.compile(
    r"""
    (?P<gap> \\q?quad(?![A-Za-z]) | \\(?:hfill?|l?eqno)(?![A-Za-z]) )
  | (?P<narrow> \\[hm]space\*?\s*\{[^{}]*\} | (?:(?:~|\\[ ;:>,])\s*){3,} )
  | (?P<blank> (?: [\s\u00ad\u200b-\u200f\u2060-\u2064\ufeff] | %[^\n]* )+ | ~ | \\[\s,;:!>/]
             | \\(?:hskip|kern|mkern|mskip)\s*-?[0-9.]+\s*[a-z]{2} )
  | (?P<begin> \\begin\s*\{[^{}]*\}(?:\[[tcblr]\])? )
  | (?P<end> \\end\s*\{[^{}]*\} )
  | (?P<sized> \\(?P<size>left|right|middle|[bB]igg?[lrm]?)(?![A-Za-z])\s*
               (?P<delimiter>\\[A-Za-z]+|\\.|[^\s\\]) )
  | (?P<break> \\\\\*?(?:\[\s*-?[0-9.]+\s*[a-z]{2}\s*\])? | \\(?:newline|cr)(?![A-Za-z]) )
  | (?P<negated> \\not\s*(?:=|<|>|\\[A-Za-z]+) | =\s*\\not(?![A-Za-z]) )
  | (?P<defined> :(?:\s|\\!)*= )
  | (?P<prose> (?<![A-Za-z\\])(?:s\.t|i\.e|e\.g|w\.r\.t|resp|a\.s)\.(?![A-Za-z]) )
  | (?P<command> \\(?:operatorname\*|tag\*|[A-Za-z]+|.) )
  | (?P<number> [0-9]+(?:\{,\}[0-9]{3})*(?:\.[0-9]+)? | \.[0-9]+ )
  | (?P<dots> \.{2,} )
  | (?P<sign> <=> | => | == | =: | <= | >= | != | -> | \.\* | \./ )
  | (?P<letter> [A-Za-z] )
  | (?P<char> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_SPACING = re.compile(r"\\[\s,;:!>]|~|\s+")
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:-[A-Za-z0-9]+)*")


def tokenise(text: str, words: frozenset[str]) -> Iterator[Piece]:
    r"""The pieces of a formula, flat and in order; \softmax is a word where `words` has it."""
    partner = braces(text)
    at = 0
    while match := _TOKEN.match(text, at):
        kind, found = str(match.lastgroup), match.group()
        start, at = at, match.end()
        match kind:
            case "blank":
                pass
            case "gap" | "narrow":
                yield Piece("gap", r"\quad" if kind == "gap" else r"\hspace", start, at)
            case "begin":
                name = found[found.index("{") + 1 : found.index("}")]
                brace = _next_brace(text, at, partner)
                if brace is not None and _COLUMNED.match(name):
                    at = partner[brace] + 1
                yield Piece(kind, name, start, at)
            case "sized":
                yield _sized(match["size"], match["delimiter"], start, at)
            case "negated":
                negated = found.replace(r"\not", "").strip()
                known = {"=": r"\neq", r"\in": r"\notin"}
                yield Piece("relation", known.get(negated, rf"\not{negated}"), start, at)
            case "defined":
                yield Piece("relation", ":=", start, at)
            case "command":
                piece, at = _command(text, found, start, at, partner, words)
                if piece is not None:
                    yield piece
            case "char" if not found.isascii():
                pieces, at = _unicode(text, start)
                yield from pieces
            case "char" if found == ".":
                # A full stop ends a sentence; inside a word (`np.exp`) it is no mathematics.
                ends = at == len(text) or text[at] in " \t\n\\&$}~'’"
                yield Piece("stop" if ends else "stray", ".", start, at)
            case "char" | "sign":
                yield Piece(*_MEANING.get(found, ("stray", found)), start, at)
            case "prose":
                yield Piece("text", found, start, at)
            case "number":
                if len(found) > LONGEST_NUMBER:
                    raise Trouble(start, f"a number of {len(found)} characters", "a shorter one")
                yield Piece(kind, found.replace("{,}", ""), start, at)
            case _:
                yield Piece(kind, found, start, at)


def braces(text: str) -> dict[int, int]:
    """Where the partner of each brace stands."""
    partner: dict[int, int] = {}
    opened: list[int] = []
    for match in re.finditer(r"\\.|%[^\n]*|[{}]", text, re.DOTALL):
        if match.group() == "{":
            opened.append(match.start())
        elif match.group() == "}" and opened:
            first = opened.pop()
            partner[first], partner[match.start()] = match.start(), first
    return partner


def _next_brace(text: str, at: int, partner: dict[int, int]) -> int | None:
    """Where an argument in braces opens, if the next thing is one."""
    while at < len(text) and text[at].isspace():
        at += 1
    return at if text.startswith("{", at) and at in partner else None


def _sized(size: str, delimiter: str, start: int, end: int) -> Piece:
    r"""\left( and \big(: a delimiter that says how large it is, and often which side it closes."""
    special = {"<": ("open", r"\langle"), ">": ("close", r"\rangle"), ".": ("none", ".")}
    kind, normal = special.get(delimiter) or _MEANING.get(delimiter, ("stray", delimiter))
    if size in ("left", "right"):
        fits = kind in ("open", "close", "bar", "none")
        return Piece(size, normal, start, end) if fits else Piece("stray", f"\\{size}", start, end)
    if kind == "none":
        return Piece("gap", r"\hspace", start, end)
    if kind == "bar" and size.endswith(("m", "middle")):
        kind = "mid"
    return Piece(kind, normal, start, end, close=size[-1] if size.endswith(("l", "r")) else "")


def _command(
    text: str, found: str, start: int, end: int, partner: dict[int, int], words: frozenset[str]
) -> tuple[Piece | None, int]:
    """What a backslash begins, and where reading goes on."""
    name = found[1:].rstrip("*")
    if found in _MEANING:
        side = name[0] if name in ("lvert", "rvert", "lVert", "rVert") else ""
        return Piece(*_MEANING[found], start, end, close=side), end
    if found in _SETS:
        return Piece("name", _SETS[found], start, end, font="bb"), end
    brace = _next_brace(text, end, partner)
    if brace is not None and name in _UNREAD | _QUOTED | _UPRIGHT:
        after = partner[brace] + 1
        word = _word(name, text[brace + 1 : after - 1])
        if name in _UNREAD or name in _QUOTED or word:
            return _quoted(name, word, text[brace + 1 : after - 1].strip(), text[start:after], start), after
    if name in _SILENT or name in _UNREAD:
        return None, end
    if name in _ARITY or name in _SWITCHES:
        return Piece("command", name, start, end), end
    known = name in _OPERATORS or (name in words and found not in LIMITS)
    return Piece("name", name if known else found, start, end), end


def _quoted(name: str, word: str | None, content: str, source: str, start: int) -> Piece | None:
    """The piece for a command whose argument is no mathematics, or is one word."""
    end = start + len(source)
    if name in _DROPPED:
        return None
    if name in ("tag", "ref", "eqref", "cite"):
        return Piece("tag", content, start, end) if name == "tag" else Piece("text", source, start, end)
    if word:
        return Piece("name", word, start, end, font=_TEXT_FONTS.get(name, "rm"))
    return Piece("text", content, start, end) if content else None


def _word(name: str, content: str) -> str | None:
    r"""The identifier that \text{…} or \mathrm{…} spells, if it spells one.

    Only math mode ignores blanks, and in math mode only \operatorname has hyphens: \mathrm{x-y} is a
    difference.
    """
    word = content.strip().replace(r"\_", "_")
    if name in _UPRIGHT or re.fullmatch(r"arg\s*(?:max|min)", word):
        word = _SPACING.sub("", word)
    if (
        name in _REMARKS
        or not _IDENTIFIER.fullmatch(word)
        or ("-" in word and name in _UPRIGHT - {"operatorname"})
    ):
        return None
    return word


def _unicode(text: str, at: int) -> tuple[list[Piece], int]:
    """Pieces for a character outside ASCII, in the LaTeX that it stands for, and where reading goes on."""
    char, end = text[at], at + 1
    tag, *codes = unicodedata.decomposition(char).split() or [""]
    if char in _MEANING:
        return [Piece(*_MEANING[char], at, end)], end
    if char in _COMBINING:
        return [Piece("accent", char, at, end)], end
    if "\uff01" <= char <= "\uff5e":  # full-width forms: （ ） ＝ ，
        return [_plain(chr(ord(char) - 0xFEE0), at)], end
    if tag in ("<super>", "<sub>"):
        return _small(text, at, tag)
    if tag == "<font>":
        face = unicodedata.name(char, "")
        font = next((font for name, font in _FACES.items() if name in face), "")
        piece = _plain(chr(int(codes[0], 16)), at)
        return [piece._replace(kind="name", font=font) if font else piece], end
    base, *marks = list(unicodedata.normalize("NFD", char))
    if marks and all(mark in _COMBINING for mark in marks):
        piece = _plain(base, at)
        for mark in marks:
            piece = Piece("command", _COMBINING[mark], at, end, arguments=((piece,),))
        return [piece], end
    if _greek(char) or not char.isalpha():
        return [_plain(char, at)], end
    while end < len(text) and _prose(text[end]):
        end += 1
    return [Piece("text", text[at:end], at, end)], end


def _small(text: str, at: int, tag: str) -> tuple[list[Piece], int]:
    """x² and Wᵀ: a run of raised or lowered characters is a script with its braces."""
    pieces = [Piece("sup" if tag == "<super>" else "sub", "", at, at), Piece("{", "{", at, at)]
    while at < len(text) and unicodedata.decomposition(text[at]).startswith(tag):
        codes = unicodedata.decomposition(text[at]).split()[1:]
        pieces += [_plain(chr(int(code, 16)), at) for code in codes]
        at += 1
    return [*pieces, Piece("}", "}", at, at)], at


def _plain(char: str, at: int) -> Piece:
    """One character that stands for itself, or for a LaTeX command."""
    if char.isdigit() and char.isascii():
        return Piece("number", char, at, at + 1)
    if char.isalpha() and char.isascii():
        return Piece("letter", char, at, at + 1)
    greek = _greek(char)
    kind, normal = ("name", greek) if greek else _MEANING.get(char, ("stray", char))
    return Piece("stop" if char == "." else kind, normal, at, at + 1)


def _greek(char: str) -> str | None:
    """θ as \\theta; the curly and the straight form of one letter are one letter."""
    words = unicodedata.name(char, "").split()
    if words[:1] != ["GREEK"] or not char.isalpha() or "WITH" in words:
        return None
    name = words[-2] if words[-1] == "SYMBOL" else words[-1]
    name = {"LAMDA": "LAMBDA"}.get(name, "VARSIGMA" if "FINAL" in words else name)
    return "\\" + (name.capitalize() if "CAPITAL" in words else name.lower())


def _prose(char: str) -> bool:
    """Whether a character belongs to words in a script that mathematics does not use (漢字, слово, …)."""
    if not char.isalpha() or char.isascii() or char in _MEANING or _greek(char):
        return False
    decomposed = unicodedata.normalize("NFD", char)
    return not decomposed[0].isascii() and not unicodedata.decomposition(char).startswith("<")


# Nesting.

_CLOSERS = {"}": "{", "right": "left", "end": "begin"}
_LACKS = {
    "{": "its closing }", "left": r"its \right", "begin": r"its \end", "}": "an opening { before it",
    "right": r"a \left before it", "end": r"a \begin before it", "sub": "an index", "sup": "an exponent",
}  # fmt: skip
_OPERATORS_AND_MARKS = names("sign infix relation arrow comma stop gap text align break environment tag mid")
_OPERANDS = names("letter name number dots fence command group")


def nest(tokens: Iterable[Piece]) -> Pieces:
    r"""Braces become groups, \left … \right fences, \begin … \end environments."""
    stack: list[tuple[Piece | None, list[Piece]]] = [(None, [])]
    for token in tokens:
        if token.kind in ("{", "left", "begin"):
            if len(stack) > MAX_NESTING:
                raise Trouble(token.start, f"nested deeper than {MAX_NESTING} levels", "a flatter formula")
            stack.append((token, []))
        elif token.kind in _CLOSERS:
            if not any(opener and opener.kind == _CLOSERS[token.kind] for opener, _ in stack):
                stack[-1][1].append(token._replace(kind="stray", close=_LACKS[token.kind]))
                continue
            opener, items = stack.pop()
            while opener is None or opener.kind != _CLOSERS[token.kind]:
                _dissolve(opener, items, stack)
                opener, items = stack.pop()
            kind = {"{": "group", "left": "fence", "begin": "environment"}[opener.kind]
            text = "" if kind == "group" else opener.text
            close = token.text if kind == "fence" else ""
            stack[-1][1].append(Piece(kind, text, opener.start, token.end, arrange(items), close=close))
        else:
            stack[-1][1].append(token)
    while len(stack) > 1:
        _dissolve(*stack.pop(), stack)
    return arrange(stack[0][1])


def _dissolve(
    opener: Piece | None, items: list[Piece], stack: list[tuple[Piece | None, list[Piece]]]
) -> None:
    """What never closes is no group: its content goes on in the group around it, after a stray opener."""
    if opener is not None:
        stack[-1][1].append(opener._replace(kind="stray", close=_LACKS[opener.kind]))
    stack[-1][1].extend(items)


def arrange(items: list[Piece]) -> Pieces:
    """Commands and scripts with their arguments; groups that group nothing, opened."""
    return _Arrangement(items).run()


class _Arrangement:
    """One pass over the pieces between two braces."""

    def __init__(self, items: list[Piece]) -> None:
        self.items, self.at = items, 0

    def run(self) -> Pieces:
        """All of the pieces; a font switch holds up to the closing brace, or to the next switch."""
        out: list[Piece] = []
        switch, since = "", 0
        while self.at < len(self.items):
            piece = self.items[self.at]
            if piece.kind == "command" and piece.text in _SWITCHES:
                self.at += 1
                out[since:] = _faced(tuple(out[since:]), switch)
                switch, since = _SWITCHES[piece.text], len(out)
            elif piece.kind == "accent":  # a combining mark stands after its letter
                self.at += 1
                base = out.pop() if out else piece._replace(kind="stray")
                place = (base.start, piece.end)
                out.append(Piece("command", _COMBINING[piece.text], *place, arguments=((base,),)))
            else:
                out.extend(self.unit(0))
        out[since:] = _faced(tuple(out[since:]), switch)
        return tuple(out)

    def unit(self, depth: int) -> Pieces:
        """The next piece with all that belongs to it."""
        piece = self.items[self.at]
        if depth > MAX_NESTING:
            raise Trouble(piece.start, f"nested deeper than {MAX_NESTING} levels", "a flatter formula")
        self.at += 1
        if piece.kind in ("sub", "sup"):
            argument, end = self.argument(depth)
            if end is None:
                return (piece._replace(kind="stray", close=_LACKS[piece.kind]),)
            return (piece._replace(parts=argument, end=end),) if argument else ()
        if piece.kind == "command" and not piece.arguments:
            return self.command(piece, depth)
        if piece.kind == "group":
            return self.opened(piece)
        return (piece,)

    def argument(self, depth: int) -> tuple[Pieces, int | None]:
        """What a command or a script applies to, and where it ends; without braces that is one character."""
        if self.at >= len(self.items):
            return (), None
        piece = self.items[self.at]
        if piece.kind in ("align", "break", "gap", "sub", "sup", "tag", "relation", "arrow"):
            return (), None
        if piece.kind == "group":
            self.at += 1
            return piece.parts, piece.end
        if piece.kind == "number" and len(piece.text) > 1:
            self.items[self.at] = piece._replace(text=piece.text[1:], start=piece.start + 1)
            return (piece._replace(text=piece.text[0], end=piece.start + 1),), piece.start + 1
        if piece.kind == "command" and piece.text in _SWITCHES:
            return (), None
        found = self.unit(depth + 1)
        return found, found[-1].end if found else piece.end

    def command(self, piece: Piece, depth: int) -> Pieces:
        """A command with its arguments, or the pieces that it stands for."""
        name, end = piece.text, piece.end
        degree: Pieces = self.degree() if name == "sqrt" else ()
        arguments: list[Pieces] = []
        for _ in range(_ARITY[name]):
            found, stop = self.argument(depth)
            if stop is None:
                stray = piece._replace(kind="stray", close="its arguments")
                return (stray, *(part for one in arguments for part in one))
            arguments.append(found)
            end = stop
        if name in FONTS:
            return self.opened(Piece("group", "", piece.start, end, _faced(arguments[0], FONTS[name])))
        if name in ("underbrace", "overbrace"):
            if self.at < len(self.items) and self.items[self.at].kind in ("sub", "sup"):
                self.at += 1
                self.argument(depth)
            return self.opened(Piece("group", "", piece.start, end, arguments[0]))
        if name in _STRETCHED:
            return (Piece("relation", _STRETCHED[name], piece.start, end),)
        if name in ("overset", "underset", "stackrel"):
            return _stacked(piece._replace(end=end), *arguments)
        if name == "substack":
            rows = tuple(
                part._replace(kind="comma") if part.kind == "break" else part for part in arguments[0]
            )
            return (Piece("group", "", piece.start, end, rows),)
        if name in _FRACTIONS:
            name = "frac"
        return (
            piece._replace(
                text=name, end=end, arguments=(*arguments, degree) if degree else tuple(arguments)
            ),
        )

    def degree(self) -> Pieces:
        r"""The [3] of \sqrt[3]{x}."""
        start = self.at
        if start < len(self.items) and self.items[start][:2] == ("open", "["):
            for stop in range(start + 1, min(start + 20, len(self.items))):
                if self.items[stop][:2] == ("close", "]"):
                    self.at = stop + 1
                    return arrange(self.items[start + 1 : stop])
        return ()

    def opened(self, group: Piece) -> Pieces:
        """A group as the page shows it: braces that hold a sum, a relation or a script group nothing there.

        They are kept where a script follows, since LaTeX attaches it to the whole group.
        """
        parts = group.parts
        if parts and parts[0].font in _WHOLE:
            parts = tuple(spell(parts, frozenset()))  # {\rm if} is one name
        scripted = self.at < len(self.items) and self.items[self.at].kind in ("sub", "sup", "prime")
        if not parts:
            return ()
        if len(parts) == 1 and parts[0].kind in _OPERANDS:
            kind = "name" if parts[0].kind == "letter" else parts[0].kind  # {e}xp is not the word exp
            return (parts[0]._replace(kind=kind, start=group.start, end=group.end),)
        if len(parts) == 1 or (_loose(parts) and not scripted):
            return parts
        return (group._replace(parts=parts),)


def _loose(parts: Pieces) -> bool:
    """Whether an operator or a mark stands in a group outside all of its brackets."""
    if parts[0].kind in ("sub", "sup", "prime"):
        return True
    level = 0
    loose = False
    for part in parts:
        if part.kind == "over":
            return False
        level += (part.kind == "open") - (part.kind == "close")
        loose = loose or (level == 0 and part.kind in _OPERATORS_AND_MARKS) or level < 0
    return loose or level != 0


def _faced(parts: Pieces, font: str) -> Pieces:
    """The same pieces in a font, where they have none yet; scripts keep their own."""
    if not font:
        return parts
    if len(parts) == 1 and parts[0].kind == "number" and font not in _WHOLE:
        return (parts[0]._replace(kind="name", font=font),)  # \mathbf{1} is a name, not the number
    out = []
    for part in parts:
        if (
            part.kind in ("letter", "name")
            and not part.font
            and not (len(part.text) > 1 and part.text.isalpha())
        ):
            part = part._replace(font=font)
        elif part.kind in ("group", "fence", "command", "environment"):
            arguments = tuple(_faced(argument, font) for argument in part.arguments)
            part = part._replace(parts=_faced(part.parts, font), arguments=arguments)
        out.append(part)
    return tuple(out)


def _stacked(command: Piece, annotation: Pieces, base: Pieces) -> Pieces:
    r"""\overset, \underset, \stackrel: over a relation a remark, at a sum its range, else an annotation."""
    if base and base[-1].kind == "relation":
        remark = " ".join(part.text for part in _flat(annotation)).lower()
        defines = base[-1].text == "=" and re.search(r"d ?e ?f|delta|triangle|定义|△", remark)
        return (base[-1]._replace(text=":="),) if defines else base[-1:]
    if base and base[-1].kind in ("arrow", "infix"):
        return base
    bounded = [part for part in base if part.kind not in ("sub", "sup")]
    if bounded and annotation and bounded[-1].kind == "name" and bounded[-1].text in LIMITS:
        kind = "sub" if command.text == "underset" else "sup"
        return (*base, Piece(kind, "", base[-1].end, command.end, annotation))
    if not annotation or not base:
        return base
    return (command._replace(text="annotated", arguments=(base, annotation)),)


def _flat(parts: Pieces) -> Iterator[Piece]:
    """Pieces with all that they hold."""
    for part in parts:
        yield part
        yield from _flat(part.parts)


def pair(pieces: Iterable[Piece]) -> list[Piece]:
    """Round, square, curly and angle brackets as fences; what has no partner stays as it is.

    Any closing bracket closes the last opening one: [0, 1) is an interval.
    """
    levels: list[list[Piece]] = [[]]
    openers: list[Piece] = []
    for piece in pieces:
        if piece.kind == "open":
            if len(openers) >= MAX_NESTING:
                raise Trouble(piece.start, f"nested deeper than {MAX_NESTING} levels", "a flatter formula")
            openers.append(piece)
            levels.append([])
        elif piece.kind == "close" and openers:
            opener, inner = openers.pop(), levels.pop()
            levels[-1].append(
                Piece("fence", opener.text, opener.start, piece.end, tuple(inner), close=piece.text)
            )
        else:
            levels[-1].append(piece)
    while openers:
        inner = levels.pop()
        levels[-1].extend([openers.pop(), *inner])
    return levels[0]


def spell(
    pieces: Iterable[Piece], words: frozenset[str], whole: frozenset[str] = frozenset()
) -> Iterator[Piece]:
    """Letters that stand together as the words that they spell: the longest from the left, else one letter.

    A word of `whole` counts only where nothing else stands with it. Upright and italic letters are one name,
    since that is what these fonts are for.
    """
    longest = max(map(len, words), default=1)
    runs: list[list[Piece]] = []
    for piece in pieces:
        last = runs[-1][-1] if runs else None
        if (
            last
            and last.kind == piece.kind == "letter"
            and (last.end, last.font) == (piece.start, piece.font)
        ):
            runs[-1].append(piece)
        else:
            runs.append([piece])
    for run in runs:
        text = "".join(piece.text for piece in run)
        if len(run) == 1:
            yield run[0]
        elif text in whole or run[0].font in _WHOLE:
            yield run[0]._replace(kind="name", text=text, end=run[-1].end)
        else:
            at = 0
            while at < len(run):
                sizes = range(min(longest, len(run) - at), 1, -1)
                size = next((n for n in sizes if text[at : at + n] in words), 1)
                kind = "name" if size > 1 else "letter"
                yield run[at]._replace(kind=kind, text=text[at : at + size], end=run[at + size - 1].end)
                at += size
