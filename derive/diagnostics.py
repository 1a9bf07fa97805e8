"""What derive says about a document, one entry for each code.

D0xx cannot be read, D1xx wrong, D2xx not decided, D3xx passed over. An entry has an example that provokes it
and one that is as it should be; both are documents, and the tests check that the one yields the code and the
other nothing.
A new code is one more entry here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from derive.report import Report, Step, Verdict


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing that derive may say.

    Attributes:
        code: how it is called.
        title: what it is, in a few words.
        what: when derive says it.
        why: why it matters, or why derive does not guess.
        bad: a Markdown document that provokes it.
        instead: the same document as it should be.
    """

    code: str
    title: str
    what: str
    why: str
    bad: str
    instead: str


def _given(*statements: str) -> str:
    return "<!-- derive\n" + "".join(f"{statement}\n" for statement in statements) + "-->\n\n"


def _chain(first: str, *others: str) -> str:
    rows = " \\\\\n".join(f"&= {other}" for other in others)
    return f"$$\n\\begin{{align*}}\n{first}\n{rows}\n\\end{{align*}}\n$$\n"


_NUMBERS = _given(r"a, b \in \mathbb{R}")
_VECTOR = _given(r"x \in \mathbb{R}^n")
_MATRIX = _given("layout: denominator", r"A \in \mathbb{R}^{m \times n}", r"x \in \mathbb{R}^n")

_ENTRIES = (
    # ── what cannot be read ────────────────────────────────────────────────────────────────────────────────
    Diagnostic(
        "D001",
        "the formula is broken",
        "A bracket has no partner, an argument is missing, or a sign stands where no sign can stand. The "
        "caret shows where the reading stopped, and the message says what might have followed there.",
        "derive does not guess where a bracket should have closed: each guess is another equation. The "
        "other sides of the chain are read all the same.",
        _NUMBERS + "$$ (a + b = b + a $$\n",
        _NUMBERS + "$$ (a + b) = b + a $$\n",
    ),
    Diagnostic(
        "D002",
        "no reading for this notation",
        "The formula is well-formed, but derive has no meaning for a part of it: a sign that stands for two "
        "(\\pm), an operator that it does not know, a kind of matrix that it does not read.",
        "A meaning that is made up might prove something that the author did not say.",
        _NUMBERS + "$$ (a \\pm b)^2 = a^2 \\pm 2 a b + b^2 $$\n",
        _NUMBERS + "$$ (a + b)^2 = a^2 + 2 a b + b^2 $$\n\n$$ (a - b)^2 = a^2 - 2 a b + b^2 $$\n",
    ),
    Diagnostic(
        "D003",
        "the formula is too long or too deep",
        "Brackets are nested more than forty levels deep, or the formula has many thousands of characters.",
        "Documents come from strangers; whatever they hold, reading them takes bounded time and memory.",
        _NUMBERS + "$$ " + "(" * 60 + "a" + ")" * 60 + " + b = b + a $$\n",
        _NUMBERS + "$$ a + b = b + a $$\n",
    ),
    Diagnostic(
        "D004",
        "applied to nothing",
        "A function or a derivative stands without its argument: \\log with nothing after it, or "
        "\\frac{\\partial}{\\partial x} with nothing that is differentiated.",
        "An equation between functions is not judged; write it for an argument.",
        _NUMBERS + "$$ \\frac{\\partial}{\\partial a} = 2 a $$\n",
        _NUMBERS + "$$ \\frac{\\partial}{\\partial a} a^2 = 2 a $$\n",
    ),
    Diagnostic(
        "D005",
        "the declaration cannot be read",
        "A statement with \\in, or with a colon, does not say what derive understands: a set such as "
        "\\mathbb{R}, \\mathbb{R}^n, \\mathbb{R}^{m \\times n}, \\{0,1\\}^c or \\{1, \\dots, c\\}, or a "
        "function f: \\mathbb{R}^n \\to \\mathbb{R}.",
        "What a symbol is decides what the formulas with it mean. Arrays have at most two dimensions, each "
        "of them a name, a number or a sum of these.",
        _given(r"T \in \mathbb{R}^{m \times n \times k}") + "$$ T + T = 2 T $$\n",
        _given(r"T \in \mathbb{R}^{m \times n}") + "$$ T + T = 2 T $$\n",
    ),
    Diagnostic(
        "D006",
        "no hypothesis is made of this",
        "A statement in a given block is neither a declaration nor a definition nor a hypothesis. A "
        "hypothesis is one relation with =, <, > or \\neq.",
        "Only what has an exact meaning can be used in a proof.",
        _given(r"a, b \in \mathbb{R}", r"a \approx b") + "$$ a - b = 0 $$\n",
        _given(r"a, b \in \mathbb{R}", "a = b") + "$$ a - b = 0 $$\n",
    ),
    Diagnostic(
        "D007",
        "no such layout",
        "A given block declares a layout other than numerator or denominator.",
        "In numerator layout a gradient is a row and ∂y/∂x has the entry ∂y_i/∂x_j in row i; in denominator "
        "layout it is the transpose. Most derivatives are right in one of them only. Without a declaration "
        "derive finds out which one a document is in.",
        _given("layout: jacobian", r"x \in \mathbb{R}^n")
        + "$$ \\frac{\\partial x^T x}{\\partial x} = 2 x^T $$\n",
        _given("layout: numerator", r"x \in \mathbb{R}^n")
        + "$$ \\frac{\\partial x^T x}{\\partial x} = 2 x^T $$\n",
    ),
    Diagnostic(
        "D008",
        "nothing stands on the left",
        "A row begins with a relation sign, and no formula stands before it that it could go on from.",
        "A row that begins with = continues the row, or the display, before it.",
        _VECTOR + "$$ = x^T x $$\n",
        _VECTOR + "$$ \\|x\\|^2 $$\n\n$$ = x^T x $$\n",
    ),
    Diagnostic(
        "D010",
        "shapes that do not fit",
        "Inside a statement shapes do not fit, whatever the sizes are: an entry is given more indices than "
        "the array has, or a function gets what it cannot take. Where the sizes alone are at fault, as in a "
        "product whose factors do not fit, the step is refuted instead (D101).",
        "Such a side has no value, so nothing can be said of it. Vectors are columns, unless they are "
        "declared otherwise: x \\in \\mathbb{R}^{1 \\times n} is a row.",
        _MATRIX + "$$ \\sum_j A_{ijk} x_j = (A x)_i $$\n",
        _MATRIX + "$$ \\sum_j A_{ij} x_j = (A x)_i $$\n",
    ),
    Diagnostic(
        "D011",
        "a symbol without a meaning",
        "A formula uses a symbol that is neither declared nor defined, and whose shape does not follow from "
        "its use.",
        "Whether V is a matrix, a vector or a number decides what a formula says. Say it where readers see "
        "it, or in a comment that they do not see: <!-- derive V \\in \\mathbb{R}^{m \\times n} -->.",
        _VECTOR + "$$ \\mathrm{tr}(V x x^T) = x^T V x $$\n",
        _given(r"x \in \mathbb{R}^n", r"V \in \mathbb{R}^{n \times n}")
        + "$$ \\mathrm{tr}(V x x^T) = x^T V x $$\n",
    ),
    Diagnostic(
        "D012",
        "an index without a range",
        "What an index runs over cannot be told: nothing of known shape carries it, its sum names no index, "
        "or the limits have no reading.",
        "An index ranges over the dimension of what carries it: i in x_i over that of x.",
        _VECTOR + "$$ \\sum_k 1 = \\sum_k 1 $$\n",
        _VECTOR + "$$ \\sum_k x_k = \\sum_j x_j $$\n",
    ),
    Diagnostic(
        "D013",
        "not an index",
        "A subscript is neither part of a declared name nor made of indices, or it is a number outside the "
        "range of the index, which is counted from 1.",
        "Subscripts mean many things; derive takes one as part of a name only if that name is declared.",
        _given(r"x \in \mathbb{R}^3") + "$$ x_5 + x_1 = x_1 + x_5 $$\n",
        _given(r"x \in \mathbb{R}^3") + "$$ x_1 + x_2 + x_3 = \\sum_i x_i $$\n",
    ),
    Diagnostic(
        "D014",
        "a power of a vector",
        "A vector is raised to a power, and its factors are not written out.",
        "Authors mean different things by it, x^T x or the powers of its entries among them.",
        _VECTOR + "$$ x + x^3 = x^3 + x $$\n",
        _VECTOR + "$$ x + x \\odot x \\odot x = x \\odot x \\odot x + x $$\n",
    ),
    Diagnostic(
        "D015",
        "a derivative of a different order",
        "The order above the fraction bar is not the number of variables below it.",
        "One of the two is a slip, and which one changes the meaning.",
        _NUMBERS + "$$ \\frac{\\partial^2 a^3}{\\partial a} = 6 a $$\n",
        _NUMBERS + "$$ \\frac{\\partial^2 a^3}{\\partial a^2} = 6 a $$\n",
    ),
    Diagnostic(
        "D016",
        "what varies is not said",
        "A nabla does not name what it differentiates by, and several quantities come into question; or a "
        "differential stands in a formula where nothing varies.",
        "The same expression has a gradient for each of its variables.",
        _given(r"x, y \in \mathbb{R}^n") + "$$ \\nabla x^T y = y $$\n",
        _given(r"x, y \in \mathbb{R}^n") + "$$ \\nabla_x x^T y = y $$\n",
    ),
    Diagnostic(
        "D017",
        "dots that cannot be filled in",
        "A sum, a list or a matrix with dots does not show its pattern: the terms that are written do not "
        "belong to one general term, or the range of its index is not known.",
        "What dots stand for is guessed only where all that is written agrees with the guess.",
        _VECTOR + "$$ x_1 + x_3 + \\dots + x_n = \\sum_i x_i $$\n",
        _VECTOR + "$$ x_1 + x_2 + \\dots + x_n = \\sum_i x_i $$\n",
    ),
    Diagnostic(
        "D018",
        "half a derivative",
        "A fraction has a differential above its bar and none below: \\frac{\\partial y}{x}.",
        "Almost always a sign was forgotten below. As a quotient the fraction would have no meaning.",
        _VECTOR + "$$ \\frac{\\partial x^T x}{x} = 2 x $$\n",
        _VECTOR + "$$ \\frac{\\partial x^T x}{\\partial x} = 2 x $$\n",
    ),
    # ── what is wrong ──────────────────────────────────────────────────────────────────────────────────────
    Diagnostic(
        "D101",
        "the two sides have different shapes",
        "Each side has a meaning, but the left one is an array of another shape than the right one. The "
        "counterexample is the smallest choice of sizes at which that shows.",
        "A missing transpose, a sum that was forgotten, or the other layout. For a size of 1 the sides may "
        "even agree; derive demands that an equation holds for all sizes.",
        _VECTOR + "$$ x x^T = x^T x $$\n",
        _VECTOR + "$$ \\mathrm{tr}(x x^T) = x^T x $$\n",
    ),
    Diagnostic(
        "D102",
        "refuted by a counterexample",
        "At the values shown the hypotheses hold, both sides are defined, and they differ. The sizes are "
        "the smallest at which this was found; the inequality is certified by exact or ball arithmetic, and "
        "can be checked by hand.",
        "An equation in a derivation claims to hold for all sizes and all values. If it is meant to hold "
        "only under a condition, state that condition: the ledger then says which lines need it.",
        _VECTOR + "$$ \\frac{\\partial x^T x}{\\partial x} = x $$\n",
        _given("layout: denominator", r"x \in \mathbb{R}^n")
        + "$$ \\frac{\\partial x^T x}{\\partial x} = 2 x $$\n",
    ),
    Diagnostic(
        "D103",
        "right in the other layout",
        "The step is wrong in the layout that the document is in, and proved in the other one.",
        "Within one derivation the layouts cannot be mixed: the chain rule multiplies in the opposite "
        "order. Transpose this step, or declare the layout that is meant.",
        _MATRIX + "$$ \\frac{\\partial A x}{\\partial x} = A $$\n",
        _MATRIX + "$$ \\frac{\\partial A x}{\\partial x} = A^T $$\n",
    ),
    Diagnostic(
        "D110",
        "two errors that cancel",
        "Steps of a chain are wrong, yet what stands before the first of them equals what stands after the "
        "last one. Each = is judged by itself, so the row that goes back to the truth is wrong as well.",
        "The result of such a chain may be used; only the rows in between need mending. Often one row has a "
        "misprint.",
        _NUMBERS + _chain("(a + b)^2", "a^2 + b^2", "b^2 + 2 a b + a^2"),
        _NUMBERS + _chain("(a + b)^2", "a^2 + 2 a b + b^2", "b^2 + 2 a b + a^2"),
    ),
    # ── what is not decided ────────────────────────────────────────────────────────────────────────────────
    Diagnostic(
        "D201",
        "neither proved nor refuted",
        "The kernel could not prove the step, and no counterexample was found. The report says what is left "
        "of the difference of its sides, and how well they agree in numbers.",
        "Agreement in numbers is no proof, and never becomes one here. A hypothesis that the author has in "
        "mind may be missing, or the step may need a law that the kernel does not have; smaller steps help.",
        _given(r"x, y \in \mathbb{R}^n") + "$$ \\|x + y\\| \\le \\|x\\| + \\|y\\| $$\n",
        _given(r"x, y \in \mathbb{R}^n") + "$$ \\|x + y\\|^2 = \\|x\\|^2 + 2 x^T y + \\|y\\|^2 $$\n",
    ),
    Diagnostic(
        "D202",
        "the budget of the claim is used up",
        "Each claim has a budget of time (--timeout) and of size. This one used it up, and no "
        "counterexample had been found by then.",
        "Some claims are small to write and enormous to work out. A document from a stranger must not stop "
        "derive; split the step, or give it more time.",
        _given(r"a, b, c, d, e \in \mathbb{R}")
        + "$$ (a + b + c + d + e)^{20} = (e + d + c + b + a)^{20} $$\n",
        _given(r"a, b, c, d, e \in \mathbb{R}") + "$$ a + b + c + d + e = e + d + c + b + a $$\n",
    ),
    # ── what is passed over ────────────────────────────────────────────────────────────────────────────────
    Diagnostic(
        "D301",
        "a comment that skips nothing",
        "A comment asks for a claim to be skipped, and there is no claim in its line or in the next one, or "
        "what stands there is proved.",
        "A comment that is left behind would hide the next mistake in its place.",
        _NUMBERS + "<!-- derive: skip because it is a sketch -->\n$$ a + b = b + a $$\n",
        _NUMBERS + "$$ a + b = b + a $$\n",
    ),
    Diagnostic(
        "D302",
        "a comment that gives no reason",
        "A comment asks for a claim to be skipped, and does not say why. The claim is judged as if nothing "
        "had been said.",
        "Whoever reads the text later has to know why an equation in it need not be true.",
        _NUMBERS + "<!-- derive: skip -->\n$$ a + b = b $$\n",
        _NUMBERS + "$$ a + b = b + a $$\n",
    ),
)

DIAGNOSTICS: dict[str, Diagnostic] = {entry.code: entry for entry in _ENTRIES}


class UnknownCode(KeyError):
    """A code that the table does not have; `close` are those most like it."""

    def __init__(self, code: str, close: Iterable[str]):
        super().__init__(code)
        self.code, self.close = code, tuple(close)

    def __str__(self) -> str:
        hint = f"; did you mean {' or '.join(self.close)}?" if self.close else ""
        return f"there is no diagnostic called {self.code!r}{hint}"


def explain(code: str) -> Diagnostic:
    """The entry of a code, upper case or not. Raises UnknownCode."""
    found = DIAGNOSTICS.get(code.strip().upper())
    if found is None:
        from difflib import get_close_matches  # loaded only for the hint

        raise UnknownCode(code, get_close_matches(code.strip().upper(), DIAGNOSTICS, 2, 0.5))
    return found


# ── codes that follow from a verdict ───────────────────────────────────────────────────────────────────────

_TOO_LARGE = ("nested deeper than", "longer than", "an expression more than")


def classify(report: Report) -> None:
    """Give each claim that is not proved a code and a message, where the checker has left that open."""
    for step in report.steps:
        if step.verdict is Verdict.UNREAD:
            if step.code == "D001" and (step.message or "").startswith(_TOO_LARGE):
                step.code = "D003"
        elif step.verdict is Verdict.REFUTED:
            if step.repair is not None and step.repair.kind == "layout":
                step.code = "D103"
            if step.code in (None, "D102"):
                step.code = step.code or "D102"
                step.message = _difference(step)
        elif step.verdict is Verdict.UNKNOWN and step.code in (None, "D201"):
            if "budget" in (step.message or "") or "nested too deeply" in (step.message or ""):
                step.code = "D202"
            elif not (step.message or "").startswith("a bug in derive"):
                step.code = "D201"
                step.message = step.message or "neither proved nor refuted"


def _difference(step: Step) -> str:
    """What a counterexample shows, in words."""
    found = step.counterexample
    if found is None:
        return "the two sides differ"
    sizes = ", ".join(f"{name} = {size}" for name, size in found.dimensions.items())
    at = f" already for {sizes}" if sizes else ""
    if step.relation in ("=", ":=", r"\equiv"):
        return f"the two sides differ{at}"
    return f"this fails{at}"
