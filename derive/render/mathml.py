"""Formulas as MathML, which browsers set without a script; what cannot be converted stays LaTeX.

latex2mathml reads the LaTeX and yields a tree. It is written out here, and not by latex2mathml, because the
formulas come from strangers: only elements and attributes of MathML Core that cannot load, link or run
anything are written, text is escaped, and where an element lacks a part, or a command has no meaning, the
whole formula is shown as its source instead.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from html import escape, unescape
from xml.etree.ElementTree import Element

from latex2mathml.converter import Converter

LONGEST = 4_000  # characters of a formula that are converted; longer ones are shown as their source
DEEPEST = 60

_PARTS = {
    "mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3,
}  # fmt: skip
_ELEMENTS = {
    "mrow", "mi", "mo", "mn", "mtext", "mspace", "mstyle", "mpadded", "mphantom", "msqrt", "mtable", "mtr",
    "mtd", *_PARTS,
}  # fmt: skip
_LEAVES = {"mi", "mo", "mn", "mtext"}
_TRUTH = re.compile("true|false")
_LENGTH = re.compile(r"-?\d{1,2}(?:\.\d{1,4})?(?:em|ex|pt)?")
_ATTRIBUTES = {
    "stretchy": _TRUTH, "fence": _TRUTH, "form": re.compile("prefix|infix|postfix"), "accent": _TRUTH,
    "movablelimits": _TRUTH, "displaystyle": _TRUTH, "scriptlevel": re.compile(r"[0-3]"), "width": _LENGTH,
    "minsize": _LENGTH, "maxsize": _LENGTH, "linethickness": _LENGTH,
}  # fmt: skip
_DEFINING = re.compile(r"\\(?:re|provide)?newcommand|\\[egx]?def\b|\\let\b|\\Declare")
_OPERATOR = re.compile(r"\\operatorname\s*\*?\s*\{([A-Za-z ]*)(?:\\[,;:! ])?([A-Za-z ]*)\}")
# what latex2mathml does not know by its name, and what it sets a script to the last part of
_ENVIRONMENTS = (
    (re.compile(r"\\(begin|end)\s*\{(?:aligned|split|eqnarray\*?)\}"), r"\\\1{align*}"),
    (re.compile(r"\\(begin|end)\s*\{gathered\}"), r"\\\1{matrix}"),
    (re.compile(r"(\\begin\s*\{(?:[pbBvV]?matrix|smallmatrix|array|align\*)\})"), r"{\1"),
    (re.compile(r"(\\end\s*\{(?:[pbBvV]?matrix|smallmatrix|array|align\*)\})"), r"\1}"),
)
_SIGNS = frozenset("+-−±∓")
_CLOSINGS = frozenset(")]}|‖⟩!′″")
_VARIANTS = {
    "bold": "MATHEMATICAL BOLD", "bold-italic": "MATHEMATICAL BOLD ITALIC",
    "double-struck": "MATHEMATICAL DOUBLE-STRUCK", "script": "MATHEMATICAL SCRIPT",
    "fraktur": "MATHEMATICAL FRAKTUR", "sans-serif": "MATHEMATICAL SANS-SERIF",
    "monospace": "MATHEMATICAL MONOSPACE",
}  # fmt: skip


class _Untranslatable(Exception):
    """A formula that has no MathML that could be relied on."""


def mathml(latex: str, display: bool = False, words: frozenset[str] = frozenset()) -> str:
    """A formula as a MathML element, or as `<code>` with its source.

    Args:
        display: set apart, with limits above and below sums.
        words: names of several letters, such as CE, that are set as one name.
    """
    text = latex.strip()
    return _mathml(text, display, frozenset(word for word in words if word in text))


@lru_cache(maxsize=4096)
def _mathml(text: str, display: bool, words: frozenset[str]) -> str:
    try:
        inner = "".join(_converted(text, display, words))
    except Exception:  # whatever the converter stumbles over: the source is always there
        return source(text)
    return f'<math display="block">{inner}</math>' if display else f"<math>{inner}</math>"


def source(latex: str) -> str:
    """The LaTeX of a formula as it is written."""
    return f'<code class="tex">{escape(visible(latex))}</code>'


def visible(text: str) -> str:
    """The text with every character made visible that would act on those around it."""
    return text if text.isprintable() else "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    if character.isprintable() or character in "\n\t\u200c\u200d":
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    if character == "\r":
        return ""
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _converted(text: str, display: bool, words: frozenset[str]) -> list[str]:
    if not text or len(text) > LONGEST or _DEFINING.search(text) or visible(text) != text:
        raise _Untranslatable
    converter = Converter(xmlns="", display="block" if display else "inline")
    plainer = _OPERATOR.sub(r"\\operatorname{\1\2}", text)
    for environments, known in _ENVIRONMENTS:
        plainer = environments.sub(known, plainer)
    tree = converter.convert_to_element(plainer)
    here = [word for word in words if re.search(rf"(?<![A-Za-z\\]){word}(?![A-Za-z])", text)]
    top = tree[0] if len(tree) == 1 and tree[0].tag == "mrow" else tree
    return _children(top, tuple(sorted(here, key=len, reverse=True)), 0)


def _children(parent: Element, words: tuple[str, ...], depth: int) -> list[str]:
    """What stands in an element, names joined and set apart from what follows them."""
    if depth > DEEPEST:
        raise _Untranslatable
    nodes = [_function(node) for node in parent]
    if parent.tag not in _PARTS:
        nodes = _joined(nodes, words)
    parts: list[str] = []
    for place, node in enumerate(nodes):
        if node.tag == "mo" and unescape(node.text or "") in _SIGNS and _expects_a_term(nodes[:place]):
            node.set("form", "prefix")  # a sign, and not an operation: no space behind it
        parts.append(_element(node, words, depth))
        after = nodes[place + 1] if place + 1 < len(nodes) else None
        if after is not None and parent.tag not in _PARTS and _is_function(node) and not _opens(after):
            parts.append('<mspace width=".17em"/>')
    return parts


def _expects_a_term(before: list[Element]) -> bool:
    """Whether what stands before a sign cannot be what it is added to."""
    return not before or (before[-1].tag == "mo" and unescape(before[-1].text or "") not in _CLOSINGS)


def _element(node: Element, words: tuple[str, ...], depth: int) -> str:
    """An element, if it is one of those that are harmless, with all of its parts."""
    tag, style = node.tag, ""
    if tag == "menclose" and node.get("notation") == "box":
        tag, style = "mrow", ' style="border:1px solid;padding:.2em"'
    if tag not in _ELEMENTS or len(node) != _PARTS.get(tag, len(node)):
        raise _Untranslatable
    attributes = style + "".join(
        f' {name}="{value}"'
        for name, value in node.attrib.items()
        if name in _ATTRIBUTES and _ATTRIBUTES[name].fullmatch(value)
    )
    if tag in _LEAVES and not len(node):
        return f"<{tag}{attributes}{_normal(node)}>{escape(_text(node), quote=False)}</{tag}>"
    if tag in _LEAVES:  # an operator that is made of others
        tag = "mrow"
    if tag == "mtd" and node.get("columnalign") in ("left", "right"):
        attributes += ' style="text-align:{}"'.format(node.attrib["columnalign"])
    parts = _children(node, words, depth + 1)
    if tag == "mrow" and len(parts) == 1 and not attributes and not parts[0].startswith("<mo"):
        return parts[0]
    return f"<{tag}{attributes}/>" if tag == "mspace" else f"<{tag}{attributes}>{''.join(parts)}</{tag}>"


def _text(leaf: Element) -> str:
    """What a leaf shows. Raises _Untranslatable where the converter lost or did not know something."""
    text = visible(unescape(leaf.text or ""))
    is_empty = leaf.tag == "mo" and not text and not leaf.get("fence")
    if text.startswith("\\") or text == "&" or is_empty:
        raise _Untranslatable
    variant = leaf.get("mathvariant")
    if variant in _VARIANTS and leaf.tag != "mtext":
        return "".join(_styled(character, _VARIANTS[variant]) for character in text)
    return text


def _normal(leaf: Element) -> str:
    """A single letter is italic unless that is said to be otherwise."""
    upright = leaf.get("mathvariant") == "normal" and leaf.tag == "mi" and len(leaf.text or "") == 1
    return ' mathvariant="normal"' if upright else ""


def _function(node: Element) -> Element:
    """A named operator as an identifier, which has no space of its own around it."""
    if node.tag == "mo" and (node.text or "").isalpha() and len(node.text or "") > 1:
        named = Element("mi")
        named.text = node.text
        return named
    return node


def _is_function(node: Element) -> bool:
    """Whether this is log, tr, max with its limits …, which stands apart from what follows."""
    base = node[0] if node.tag in _PARTS and len(node) and node.tag not in ("mfrac", "mroot") else node
    return base.tag in ("mi", "mo") and len(base.text or "") > 1 and (base.text or "").isalpha()


def _opens(node: Element) -> bool:
    """Whether an element begins with a bracket or is an operator, either of which keeps its own distance."""
    while len(node) and node.tag not in ("mfrac", "mroot", "msqrt", "mtable"):
        node = node[0]
    return node.tag in ("mo", "mspace")


def _joined(nodes: list[Element], words: tuple[str, ...]) -> list[Element]:
    """The elements with single letters joined that are upright, or that spell one of the words."""
    found: list[Element] = []
    place = 0
    while place < len(nodes):
        taken = _upright(nodes, place) or _word(nodes, place, words)
        found.append(_one(nodes[place : place + taken]) if taken > 1 else nodes[place])
        place += max(1, taken)
    return found


def _one(nodes: list[Element]) -> Element:
    """Letters as one name; the scripts of the last one are those of the name."""
    name = Element("mi")
    name.text = "".join(unescape(_letter(node)) for node in nodes)
    if nodes[-1].tag not in _PARTS:
        return name
    scripted = Element(nodes[-1].tag, nodes[-1].attrib)
    scripted.extend([name, *nodes[-1][1:]])
    return scripted


def _upright(nodes: list[Element], place: int) -> int:
    end = place
    while end < len(nodes) and nodes[end].tag == "mi" and nodes[end].get("mathvariant") == "normal":
        end += 1
    return end - place


def _word(nodes: list[Element], place: int, words: tuple[str, ...]) -> int:
    """How many of the elements spell one of the words; only the last of them may have scripts."""
    letters = ""
    for node in nodes[place : place + max(map(len, words), default=0)]:
        letter = _letter(node)
        if len(letter) != 1:
            break
        letters += letter
        if node.tag in _PARTS:
            break
    return next((len(word) for word in words if letters.startswith(word)), 0)


def _letter(node: Element) -> str:
    """The letter that an element is, or that it is the script of."""
    if node.tag in ("msub", "msup", "msubsup") and len(node):
        node = node[0]
    return (node.text or "") if node.tag == "mi" and not len(node) else ""


def _styled(character: str, style: str) -> str:
    """A letter or digit in an alphabet of its own, since MathML Core has no attribute for that."""
    name = unicodedata.name(character, "")
    plain = re.sub(r"^(?:LATIN|GREEK) (CAPITAL|SMALL) LETTER ", r"\1 ", name)
    if plain == name and not name.startswith("DIGIT "):
        return character
    short = style.removeprefix("MATHEMATICAL ").replace("FRAKTUR", "BLACK-LETTER")
    for candidate in (f"{style} {plain}", f"{short} {plain}", f"{style.replace(' ITALIC', '')} {plain}"):
        try:
            return unicodedata.lookup(candidate)
        except KeyError:
            continue
    return character
