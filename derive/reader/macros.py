"""The author's own macros: found where they are defined, and put in where they are used.

`\\newcommand`, `\\renewcommand`, `\\providecommand`, `\\def`, `\\gdef`, `\\DeclareMathOperator` and `\\let`
are read, with `#1 … #9` and one default argument; `\\def` with other text among its parameters is passed
over. A definition holds from its place on. What a body brings in stands at the call; what the author wrote
as an argument stands where it was written.

A document may come from a stranger, so expansion is bounded: a formula that would need more than `LIMIT`
characters or `DEPTH` calls within calls, or that lacks an argument, is left as it was written. So is every
formula after those that together have needed `TOTAL`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from derive.reader.passage import Stretch

LIMIT = 200_000
TOTAL = 1_000_000
DEPTH = 50

DEFINITION = re.compile(
    r"\\(?P<command>(?:re)?newcommand|providecommand|DeclareMathOperator|g?def|let)(?![A-Za-z])(?P<star>\*?)"
)
_NAME = re.compile(r"\s*(?:\{\s*(\\(?:[A-Za-z]+|.))\s*\}|(\\(?:[A-Za-z]+|.)))", re.DOTALL)
_SIGNATURE = re.compile(r"\s*(?:\[(?P<count>[0-9])\])?\s*(?:\[(?P<default>[^\[\]]*)\])?\s*(?=\{)")
_PARAMETERS = re.compile(r"(?P<parameters>(?:#[1-9])*)\s*(?=\{)")
_ALIAS = re.compile(r"\s*=?\s?(\\(?:[A-Za-z]+|.)|[^\s{}])", re.DOTALL)
_TOKEN = re.compile(r"#[1-9]|\\(?:[A-Za-z]+|.)|\s+|.", re.DOTALL)
_BRACE = re.compile(r"\\.|(?P<open>\{)|(?P<close>\})", re.DOTALL)
_CONTROL_WORD = re.compile(r"\\[A-Za-z]+")

# After these an expansion of several tokens is one argument: \hat\y is \hat{\mathbf y}.
_TAKES_ARGUMENT = frozenset(
    r"""^ _ \frac \dfrac \tfrac \cfrac \sqrt \hat \tilde \bar \vec \dot \ddot \overline \underline \widehat
    \widetilde \mathbf \mathrm \mathbb \mathcal \mathsf \mathit \boldsymbol \bm \operatorname \text""".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Macro:
    """What a name stands for. A `final` body is not expanded: `\\let\\old\\vec` keeps the old `\\vec`."""

    body: tuple[str, ...]
    arity: int = 0
    default: tuple[str, ...] | None = None
    final: bool = False


class Macros(dict[str, Macro]):
    """The macros of a document by name, and the number of characters that they have brought in."""

    spent = 0


class _Token(NamedTuple):
    text: str
    offsets: tuple[int, ...]
    depth: int


class _TooMuch(Exception):
    """The expansion has no end in sight, or an argument is missing."""


def pairs(text: str) -> dict[int, int]:
    """For each `{` that is closed, where its `}` is; `\\{` and `\\}` do not count."""
    found, opened = dict[int, int](), list[int]()
    for brace in _BRACE.finditer(text):
        if brace["open"]:
            opened.append(brace.start())
        elif brace["close"] and opened:
            found[opened.pop()] = brace.start()
    return found


def define(text: str, start: int, braces: dict[int, int], macros: Macros) -> int | None:
    """Read the definition that begins at `start`, add it to the macros, and say where it ends.

    `None`: it is no definition, or none of these kinds. `braces` are the pairs of the whole text.
    """
    head = DEFINITION.match(text, start)
    named = head and _NAME.match(text, head.end())
    if not head or not named:
        return None
    name = named[1] or named[2]
    if head["command"] == "let":
        if not (alias := _ALIAS.match(text, named.end())):
            return None
        macros[name] = macros.get(alias[1], Macro((alias[1],), final=True))
        return alias.end()
    signature = (_PARAMETERS if head["command"].endswith("def") else _SIGNATURE).match(text, named.end())
    if not signature or signature.end() not in braces:
        return None
    opened, closed = signature.end(), braces[signature.end()]
    body = text[opened + 1 : closed]
    groups = signature.groupdict()
    if head["command"] == "DeclareMathOperator":
        macros[name] = Macro(_tokens(f"\\operatorname{head['star']}{{{body}}}"))
    elif head["command"] != "providecommand" or name not in macros:
        arity = int(groups.get("count") or len(groups.get("parameters") or "") // 2)
        default = groups.get("default")
        macros[name] = Macro(_tokens(body), arity, None if default is None else _tokens(default))
    return closed + 1


def expand(formula: Stretch, macros: Macros) -> Stretch:
    """The formula without the definitions in it, which join the macros, and with its macros put in."""
    formula = _take_definitions(formula, macros)
    if not macros or macros.spent > TOTAL or macros.keys().isdisjoint(_tokens(formula.text)):
        return formula
    try:
        return _Expansion(formula, macros).result()
    except _TooMuch:
        return formula


def _take_definitions(formula: Stretch, macros: Macros) -> Stretch:
    head = DEFINITION.search(formula.text)
    if not head:
        return formula
    braces, taken = pairs(formula.text), list[tuple[int, int]]()
    while head:
        end = define(formula.text, head.start(), braces, macros)
        if end is not None:
            taken.append((head.start(), end))
        head = DEFINITION.search(formula.text, end or head.end())
    return formula.without(taken) if taken else formula


def _tokens(text: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(text))


class _Expansion:
    """One formula being expanded: tokens still to read, the next one last, and those already written."""

    def __init__(self, formula: Stretch, macros: Macros) -> None:
        self.macros = macros
        self.end = formula.offsets[-1]
        self.waiting = [
            _Token(token[0], tuple(formula.offsets[token.start() : token.end()]), 0)
            for token in _TOKEN.finditer(formula.text)
        ][::-1]
        self.written = list[_Token]()
        self.last_sign = ""
        self.spent = 0

    def result(self) -> Stretch:
        """Read to the end."""
        while self.waiting:
            token = self.waiting.pop()
            macro = self.macros.get(token.text)
            if macro is None:
                self.write(token)
            else:
                self.call(token, macro)
        text = "".join(token.text for token in self.written)
        return Stretch(text, (*(offset for token in self.written for offset in token.offsets), self.end))

    def write(self, token: _Token) -> None:
        """Write a token; a letter must not run into the control word before it."""
        last = self.written[-1].text if self.written else ""
        if token.text.isascii() and token.text.isalpha() and _CONTROL_WORD.fullmatch(last):
            self.written.append(_Token(" ", token.offsets[:1], 0))
        self.written.append(token)
        if not token.text.isspace():
            self.last_sign = token.text

    def call(self, name: _Token, macro: Macro) -> None:
        """Put a macro's body among the tokens to read."""
        if name.depth >= DEPTH:
            raise _TooMuch
        place, depth = name.offsets[0], name.depth + 1

        def brought(text: str) -> _Token:
            return _Token(text, (place,) * len(text), depth)

        arguments = list[list[_Token]]()
        if macro.default is not None:
            given = self.optional()
            arguments.append([brought(text) for text in macro.default] if given is None else given)
        while len(arguments) < macro.arity:
            arguments.append(self.argument())
        body = list[_Token]()
        for text in macro.body:
            if text[0] == "#" and text[1:].isdigit():
                number = int(text[1:])
                argument = arguments[number - 1] if number <= len(arguments) else []
                self.spend(argument)
                body += [token._replace(depth=max(token.depth, depth)) for token in argument]
            else:
                body.append(brought(text))
        self.spend([name, *body])
        if macro.final:
            for token in body:
                self.write(token)
            return
        if len(body) > 1 and self.last_sign in _TAKES_ARGUMENT:
            body = [brought("{"), *body, brought("}")]
        self.waiting += reversed(body)

    def spend(self, tokens: Iterable[_Token]) -> None:
        """Account for what an expansion brings in."""
        size = sum(len(token.text) for token in tokens)
        self.spent += size
        self.macros.spent += size
        if self.spent > LIMIT or self.macros.spent > TOTAL:
            raise _TooMuch

    def skip_spaces(self) -> None:
        """Spaces mean nothing before an argument."""
        while self.waiting and self.waiting[-1].text.isspace():
            self.waiting.pop()

    def argument(self) -> list[_Token]:
        """The next token, or what the next pair of braces holds."""
        self.skip_spaces()
        if not self.waiting:
            raise _TooMuch
        token = self.waiting.pop()
        return self.until("}") if token.text == "{" else [token]

    def optional(self) -> list[_Token] | None:
        """What the next pair of brackets holds, if there is one."""
        self.skip_spaces()
        if not self.waiting or self.waiting[-1].text != "[":
            return None
        self.waiting.pop()
        return self.until("]")

    def until(self, close: str) -> list[_Token]:
        """The tokens up to a closing sign outside all inner braces."""
        taken, depth = list[_Token](), 0
        while self.waiting:
            token = self.waiting.pop()
            if token.text == close and depth == 0:
                return taken
            depth += (token.text == "{") - (token.text == "}")
            self.spend([token])
            taken.append(token)
        raise _TooMuch
