"""Formulas as one line of Unicode text, for terminals: ∂CE/∂W = (ŷ − y) xᵀ."""

from __future__ import annotations

import unicodedata

from derive.reader import latex as tex

SUPERSCRIPTS = dict(zip("0123456789+-=()nTijk", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿᵀⁱʲᵏ", strict=True))
SUBSCRIPTS = dict(zip("0123456789aehijklmnoprstuvx+-=()", "₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ₊₋₌₍₎", strict=True))
ACCENTS = {
    "hat": "\u0302", "tilde": "\u0303", "bar": "\u0304", "vec": "\u20d7", "dot": "\u0307",
    "mathring": "\u030a",
}  # fmt: skip
LETTERS = {
    r"\alpha": "α", r"\beta": "β", r"\gamma": "γ", r"\delta": "δ", r"\epsilon": "ε", r"\varepsilon": "ε",
    r"\zeta": "ζ", r"\eta": "η", r"\theta": "θ", r"\iota": "ι", r"\kappa": "κ", r"\lambda": "λ", r"\mu": "μ",
    r"\nu": "ν", r"\xi": "ξ", r"\pi": "π", r"\rho": "ρ", r"\sigma": "σ", r"\tau": "τ", r"\upsilon": "υ",
    r"\phi": "φ", r"\varphi": "φ", r"\chi": "χ", r"\psi": "ψ", r"\omega": "ω", r"\Gamma": "Γ", r"\Delta": "Δ",
    r"\Theta": "Θ", r"\Lambda": "Λ", r"\Xi": "Ξ", r"\Pi": "Π", r"\Sigma": "Σ", r"\Phi": "Φ", r"\Psi": "Ψ",
    r"\Omega": "Ω", r"\partial": "∂", r"\nabla": "∇", r"\infty": "∞", r"\ell": "ℓ", r"\top": "T", "T": "T",
}  # fmt: skip
SIGNS = {
    r"\cdot": "·", r"\times": "×", r"\odot": "⊙", r"\circ": "∘", r"\otimes": "⊗", r"\neq": "≠", r"\le": "≤",
    r"\ge": "≥", r"\in": "∈", r"\to": "→", r"\approx": "≈", r"\leftarrow": "←", r"\equiv": "≡",
}  # fmt: skip
BIG = {"sum": "Σ", "prod": "Π", "int": "∫"}
FENCES = {r"\|": "‖", "{": "{", "}": "}", r"\langle": "⟨", r"\rangle": "⟩", ".": ""}
SUM, PRODUCT, ATOM = 1, 2, 3


def plain(text: str, words: frozenset[str] = tex.BUILTIN_WORDS) -> str:
    """LaTeX as one line of Unicode; what cannot be read stays as it is."""
    clauses = tex.parse_formula(text, words)
    parts: list[str] = []
    for clause in clauses:
        part = "" if clause.first is None else _show(clause.first)[0]
        for link in clause.links:
            part += f" {SIGNS.get(link.relation, link.relation)} {_show(link.node)[0]}"
        parts.append(part.strip())
    result = ", ".join(p for p in parts if p)
    return text if "�" in result or not result else result


def _show(node: tex.Node) -> tuple[str, int]:
    """The text of a node, and how tightly it holds together."""
    match node:
        case tex.Number(text=text):
            return text, ATOM
        case tex.Symbol(letter=letter, accents=accents):
            name = LETTERS.get(letter, letter.removeprefix("\\"))
            for accent in accents:
                name = unicodedata.normalize("NFC", name + ACCENTS.get(accent, ""))
            return name, ATOM
        case tex.Accent(accent=accent, body=body):
            return _tight(body) + ACCENTS.get(accent, ""), ATOM
        case tex.Script():
            return _script(node), ATOM
        case tex.Commas(items=parts):
            return ", ".join(_show(part)[0] for part in parts), ATOM
        case tex.Juxtapose(items=factors):
            return _row(factors), PRODUCT
        case tex.Infix(op=op, left=left, right=right):
            sign = SIGNS.get(op, op)
            space = "" if op == "/" else " "
            return f"{_at(left, PRODUCT)}{space}{sign}{space}{_at(right, PRODUCT)}", PRODUCT
        case tex.Plus(terms=terms):
            total = ""
            for sign, term in terms:
                mark = {"-": "−", r"\pm": "±", r"\mp": "∓"}.get(sign, "+")
                part = _at(term, PRODUCT)
                total += f" {mark} {part}" if total else (f"{mark}{part}" if mark != "+" else part)
            return total, SUM
        case tex.Fraction(numerator=above, denominator=below):
            return f"{_tight(above, differential=True)}/{_tight(below, differential=True)}", PRODUCT
        case tex.Root(body=body):
            return "√" + _tight(body), ATOM
        case tex.Fence(open=opening, close=closing, body=body):
            return f"{FENCES.get(opening, opening)}{_show(body)[0]}{FENCES.get(closing, closing)}", ATOM
        case tex.Big(op=op, sub=sub, sup=sup, body=body):
            return f"{_limits(BIG.get(op, op), sub, sup)} {_at(body, PRODUCT)}", PRODUCT
        case tex.Relation(op=op, left=left, right=right):
            return f"{_show(left)[0]}{SIGNS.get(op, op)}{_show(right)[0]}", SUM
        case tex.Annotated(body=body) | tex.Evaluation(body=body):
            return _show(body)
        case tex.Matrix(rows=rows):
            return "[" + "; ".join(
                ", ".join("" if c is None else _show(c)[0] for c in r) for r in rows
            ) + "]", ATOM
        case tex.Cases(rows=rows):
            return "{ " + "; ".join(_case(row) for row in rows) + " }", ATOM
        case tex.Text(content=content):
            return content, ATOM
        case tex.Dots():
            return "…", ATOM
    return "�", ATOM


def _case(row: tex.Case) -> str:
    conditions = []
    for clause in row.condition:
        if clause.first is not None:
            links = "".join(f" {SIGNS.get(k.relation, k.relation)} {_show(k.node)[0]}" for k in clause.links)
            conditions.append(_show(clause.first)[0] + links)
        conditions += [text.content for text in clause.texts]
    return f"{_show(row.value)[0]} if {', '.join(conditions)}" if conditions else _show(row.value)[0]


def _at(node: tex.Node, needed: int) -> str:
    text, binding = _show(node)
    return text if binding >= needed else f"({text})"


def _tight(node: tex.Node, differential: bool = False) -> str:
    """A node as a factor that needs no parentheses around it; ∂x counts as one where it is allowed."""
    if differential and isinstance(node, tex.Juxtapose) and len(node.items) == 2:
        first = node.items[0].base if isinstance(node.items[0], tex.Script) else node.items[0]
        if isinstance(first, tex.Symbol) and first.letter in (r"\partial", "d"):
            return _row(node.items)
    if (
        differential
        and isinstance(node, tex.Juxtapose)
        and not any(isinstance(i, tex.Big) for i in node.items)
    ):
        first = node.items[0].base if isinstance(node.items[0], tex.Script) else node.items[0]
        if isinstance(first, tex.Symbol) and first.letter == r"\partial":
            return f"{_show(node.items[0])[0]}({_row(node.items[1:])})"
    return _at(node, ATOM)


def _row(items: tuple[tex.Node, ...]) -> str:
    """Factors beside each other, with a space where letters would run together."""
    text = ""
    before: tex.Node | None = None
    for item in items:
        piece = _at(item, PRODUCT)
        base = before.base if isinstance(before, tex.Script) else before
        glued = isinstance(base, tex.Symbol) and (
            (base.letter in (r"\partial", r"\nabla", "d") and before is base)
            or (
                (isinstance(item, (tex.Fence, tex.Script)) and piece[:1] in "([")
                and (
                    (len(base.letter) > 1 and not base.letter.startswith("\\"))
                    or (base.letter in (r"\sigma", "f", "g", "u", "a", "H") and not _is_transposed(before))
                )
            )
        )
        dotted = (isinstance(before, tex.Fraction) and not _is_operator(before)) or (
            isinstance(item, tex.Fraction) and before is not None and not glued
        )
        text += piece if not text or glued else f" · {piece}" if dotted else f" {piece}"
        before = item
    return text


def _is_transposed(node: tex.Node | None) -> bool:
    """Whether a T is raised on this, so that what follows is a factor and no argument."""
    return (
        isinstance(node, tex.Script)
        and isinstance(node.sup, tex.Symbol)
        and node.sup.letter in ("T", r"\top")
    )


def _is_operator(node: tex.Fraction) -> bool:
    """Whether this is ∂/∂x, waiting for what it differentiates."""
    above = node.numerator.base if isinstance(node.numerator, tex.Script) else node.numerator
    return isinstance(above, tex.Symbol) and above.letter in (r"\partial", "d")


def _script(node: tex.Script) -> str:
    text = _tight(node.base)
    if node.sub is not None:
        text += _small(_show(node.sub)[0], SUBSCRIPTS, "_")
    text += "′" * node.primes
    if node.sup is not None:
        text += _small(_show(node.sup)[0], SUPERSCRIPTS, "^")
    return text


def _limits(sign: str, sub: tex.Node | None, sup: tex.Node | None) -> str:
    below = "" if sub is None else _small(_show(sub)[0], SUBSCRIPTS, "_")
    above = "" if sup is None else _small(_show(sup)[0], SUPERSCRIPTS, "^")
    return sign + below + above


def _small(text: str, alphabet: dict[str, str], mark: str) -> str:
    """Text raised or lowered, by Unicode letters where all of them exist."""
    plain_text = text.replace("−", "-").replace(" ", "")
    if all(c in alphabet for c in plain_text):
        return "".join(alphabet[c] for c in plain_text)
    return f"{mark}{text}" if len(text) == 1 else f"{mark}({text})" if text[:1] != "(" else f"{mark}{text}"
