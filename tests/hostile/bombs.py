"""Documents built to do harm, by name: each is small to describe and large, deep, or strange to read.

Sizes are those that a stranger would send: up to some megabytes. None of these needs to be understood; each
has to be answered, in bounded time and memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

LETTERS = "ijklmnopqrstuvw"
BIDI = "\u202a\u202b\u202d\u202e\u202c\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e"
C1 = "".join(map(chr, range(0x80, 0xA0)))
CONTROL = "".join(chr(c) for c in range(1, 32) if chr(c) not in "\t\n\r") + "\x7f" + C1
OSC8 = "\x1b]8;;http://evil.example/\x1b\\click\x1b]8;;\x1b\\"
MARKUP = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "</math><script>alert(1)</script>",
    "</code></pre></details></section><script>alert(1)</script>",
    '"><a href="javascript:alert(1)">x</a>',
    "<!--><script>alert(1)</script>-->",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<style>*{display:none}</style>",
    "<base href=//evil.example>",
    "<annotation-xml encoding='text/html'><script>alert(1)</script></annotation-xml>",
)
LINKS = (
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](vbscript:msgbox(1))",
    "![x](file:///etc/passwd)",
    "![x](http://evil.example/pixel.png)",
    '[x](http://a.example" onmouseover="alert(1))',
    "<javascript:alert(1)>",
    "[x][1]\n\n[1]: javascript:alert(1)\n",
)
GIVEN = "<!-- derive\nx, y \\in \\mathbb{R}^n, A \\in \\mathbb{R}^{n \\times n}, s \\in \\mathbb{R}\n-->\n\n"


@dataclass(frozen=True, slots=True)
class Bomb:
    """A document to be, and the kind of file that it is."""

    write: Callable[[], str | bytes]
    suffix: str = ".md"

    def data(self) -> bytes:
        """What the file holds; a lone surrogate as the three bytes that are no UTF-8."""
        made = self.write()
        return made if isinstance(made, bytes) else made.encode("utf-8", "surrogatepass")


def display(formula: str, given: str = GIVEN) -> str:
    """A document with one display."""
    return f"{given}$$\n{formula}\n$$\n"


def _doubling() -> str:
    names = ["\\" + "abcdefghij"[n // 10] + "abcdefghij"[n % 10] + "x" for n in range(60)]
    chain = "\n".join(f"\\newcommand{{{a}}}{{{b}{b}}}" for a, b in zip(names, [*names[1:], "x"], strict=True))
    return f"{GIVEN}$${chain}$$\n\n$${names[0]} = x$$\n\n" * 3


def _arguments() -> str:
    calls = "\\b{" * 12 + "x" + "}" * 12
    return f"{GIVEN}\\newcommand{{\\b}}[1]{{#1#1#1#1#1#1#1#1#1}}\n\n$${calls} = x$$\n"


def _nested_sums(depth: int) -> str:
    head = "".join(f"\\sum_{{{LETTERS[n % 15]}_{{{n}}}=1}}^n " for n in range(depth))
    return display(f"{head} s = s")


def _notebook(cells: list[object], **rest: object) -> str:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells, **rest})


def _cell(source: object) -> object:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


BOMBS: dict[str, Bomb] = {
    # ── macros
    "macros that double": Bomb(_doubling),
    "macros that call themselves": Bomb(
        lambda: f"\\newcommand{{\\a}}{{\\b}}\\newcommand{{\\b}}{{\\a\\a}}\n\n$$\\a = x$$\n{GIVEN}$$\\b = x$$\n"
    ),
    "macros whose arguments double": Bomb(_arguments),
    "a thousand macros": Bomb(
        lambda: "\n".join(f"\\def\\m{'abcdefghij'[n % 10] * (1 + n // 10)}{{x}}" for n in range(1000))
        + "\n\n$x = x$\n" * 1000
    ),
    "macros in LaTeX": Bomb(lambda: f"\\documentclass{{a}}\\begin{{document}}{_doubling()}\\end{{document}}", ".tex"),
    # ── length
    "a sum of a megabyte": Bomb(lambda: display("x = " + " + ".join(["x"] * 250_000))),
    "a product of a megabyte": Bomb(lambda: display("s = " + " s" * 500_000)),
    "a chain of 20,000 signs": Bomb(lambda: display(" = ".join(["x"] * 20_000))),
    "a megabyte of one letter": Bomb(lambda: display("x" * 1_000_000 + " = y")),
    "a megabyte of digits": Bomb(lambda: display("9" * 1_000_000 + " = s")),
    "a megabyte of backslashes": Bomb(lambda: display("\\" * 1_000_000)),
    "a megabyte of dollars": Bomb(lambda: "$" * 1_000_000),
    "a megabyte of carets": Bomb(lambda: display("x" + "^2" * 300_000)),
    "a megabyte of primes": Bomb(lambda: display("f" + "'" * 1_000_000 + "(x) = x")),
    "100,000 rows of align": Bomb(
        lambda: GIVEN + "\\begin{align}\n" + "x &= x \\\\\n" * 100_000 + "\\end{align}\n"
    ),
    "a matrix of 300 by 300": Bomb(
        lambda: display(
            "A = \\begin{pmatrix}" + " \\\\ ".join(" & ".join(["1"] * 300) for _ in range(300)) + "\\end{pmatrix}"
        )
    ),
    "10,000 symbols": Bomb(
        lambda: "<!-- derive\n"
        + "".join(f"v_{{{n}}} \\in \\mathbb{{R}}^{{n_{{{n}}}}}\n" for n in range(10_000))
        + "-->\n\n$v_{1} = v_{1}$\n"
    ),
    "10,000 definitions": Bomb(
        lambda: GIVEN + "".join(f"$$v_{{{n + 1}}} = v_{{{n}}} + x$$\n\n" for n in range(3000))
    ),
    "5,000 headings": Bomb(lambda: "# x\n\n$x = x$\n\n" * 5000),
    "an open display in every paragraph": Bomb(lambda: "\\[ x = x\n\nand so\n\n" * 20_000),
    "open comments": Bomb(lambda: "<!-- derive: " * 50_000),
    "given blocks that are not closed": Bomb(lambda: "<!-- derive\nx \\in \\mathbb{R}^n\n" * 20_000),
    # ── depth
    "10,000 braces": Bomb(lambda: display("{" * 10_000 + "x" + "}" * 10_000 + " = x")),
    "10,000 braces that never close": Bomb(lambda: display("{" * 10_000 + "x = x")),
    "10,000 braces that never open": Bomb(lambda: display("x = x" + "}" * 10_000)),
    "10,000 parentheses": Bomb(lambda: display("(" * 10_000 + "x" + ")" * 10_000 + " = x")),
    "10,000 fractions": Bomb(lambda: display("\\frac{1}{" * 10_000 + "s" + "}" * 10_000 + " = s")),
    "39 fractions": Bomb(lambda: display("\\frac{1}{1+" * 39 + "s" + "}" * 39 + " = s")),
    "fractions without braces": Bomb(lambda: display("\\frac" * 100_000 + "1 2 = s")),
    "roots without braces": Bomb(lambda: display("\\sqrt" * 100_000 + "s = s")),
    "10,000 left delimiters": Bomb(lambda: display("\\left(" * 10_000 + "x" + "\\right)" * 10_000 + " = x")),
    "delimiters that alternate": Bomb(lambda: display("([{|\\|\\langle" * 5000 + "x" + "\\rangle\\||}])" * 5000 + "=x")),
    "10,000 bars": Bomb(lambda: display("|" * 10_000 + "s" + "|" * 10_000 + " = s")),
    "bars between letters": Bomb(lambda: display("|s" * 5000 + " = s")),
    "10,000 quotations": Bomb(lambda: "> " * 10_000 + "$x = x$\n"),
    "10,000 list levels": Bomb(lambda: "".join("  " * n + "- $x = x$\n" for n in range(1000))),
    "environments inside one another": Bomb(
        lambda: display("\\begin{pmatrix}" * 3000 + "1" + "\\end{pmatrix}" * 3000 + " = A")
    ),
    "emphasis": Bomb(lambda: "*a _b " * 30_000 + "\n\n$x = x$\n"),
    "links": Bomb(lambda: "[" * 50_000 + "](x)" * 50_000),
    "a table of 2,000 columns": Bomb(
        lambda: "|a" * 2000 + "|\n" + "|-" * 2000 + "|\n" + ("|$x = x$" * 2000 + "|\n") * 3
    ),
    # ── mathematics that costs
    "40 nested sums": Bomb(lambda: _nested_sums(40)),
    "1,000 nested sums": Bomb(lambda: _nested_sums(1000)),
    "a power of a sum": Bomb(lambda: display("(" + " + ".join(f"s_{n}" for n in range(30)) + ")^{64} = 0")),
    "a tower of powers": Bomb(lambda: display("9^{9^{9^{9^{9}}}} = s")),
    "a huge exponent": Bomb(lambda: display("s^{" + "9" * 5000 + "} = 2^{" + "9" * 5000 + "}")),
    "a tiny number": Bomb(lambda: display("0." + "0" * 100_000 + "1 = s")),
    "factors that multiply out": Bomb(
        lambda: display("".join(f"(s + {n} s^2 + x^T x)" for n in range(40)) + " = 0")
    ),
    "exponentials of exponentials": Bomb(lambda: display("\\exp(" * 30 + "s" + ")" * 30 + " = s")),
    "derivatives of derivatives": Bomb(
        lambda: display("\\frac{\\partial}{\\partial x}" * 30 + "\\log\\sum_i \\exp(x_i) = 0")
    ),
    "a chain of forty functions": Bomb(
        lambda: display(
            "\\frac{\\partial}{\\partial x} \\sum_i " + "\\sigma(" * 35 + "x_i" + ")" * 35 + " = x"
        )
    ),
    "inverses of inverses": Bomb(lambda: display("(A + " * 30 + "A" + ")^{-1}" * 30 + " = A")),
    "a determinant of products": Bomb(lambda: display("\\det(" + "(A + A^T) " * 12 + ") = 1")),
    "seven bound indices": Bomb(
        lambda: display(
            "".join(f"\\sum_{c} " for c in "abcdefg")
            + " ".join(f"A_{{{p}{q}}}" for p in "abcdefg" for q in "abcdefg" if p != q)
            + " = 0"
        )
    ),
    "a size of a million": Bomb(
        lambda: "<!-- derive\nx \\in \\mathbb{R}^{1000000}\n-->\n\n$$x^T x = 2 x^T x$$\n\n$$\\sum_{i=1}^{1000000} x_i = 0$$\n"
    ),
    # ── characters
    "null characters": Bomb(lambda: b"$x = x$\0\n"),
    "lone surrogates": Bomb(lambda: "$x = \ud800x$\n"),
    "bytes that are no text": Bomb(lambda: bytes(range(256)) * 100),
    "UTF-16": Bomb(lambda: "$x = x$".encode("utf-16")),
    "bidirectional overrides": Bomb(lambda: GIVEN + "".join(f"{c} ${c}x{c} = {c}y{c}${c}\n\n" for c in BIDI)),
    "zero-width characters": Bomb(lambda: GIVEN + "".join(f"$x{c} = {c}y$\n\n" for c in ZERO_WIDTH)),
    "100,000 combining marks": Bomb(lambda: display("x" + "\u0301\u0316" * 50_000 + " = y")),
    "control characters": Bomb(lambda: GIVEN + "".join(f"{c} $x = {c}y{c}$ {c}\n\n" for c in CONTROL)),
    "terminal escapes": Bomb(
        lambda: f"{GIVEN}# \x1b[2J{OSC8}\n\n$$x = \\text{{{OSC8}}} y \x1b[31m\x9b1m$$\n\n<!-- derive: skip because {OSC8} -->\n\n$x = 2x$\n"
    ),
    "line separators": Bomb(lambda: GIVEN + "$x =\u2028 2x$\u2029$x\x0b=\x0c3x\x85$\r\r\n$x = 4x$\x1c\x1d\x1e\n"),
    "letters from everywhere": Bomb(
        lambda: GIVEN + "".join(f"${chr(c)} = {chr(c)} + x$\n\n" for c in [*range(0xA1, 0x600, 13), *range(0x1D400, 0x1D800, 71)])
    ),
    # ── markup
    "markup in text": Bomb(lambda: GIVEN + "\n\n".join(MARKUP) + "\n\n$x = 2x$\n"),
    "markup in formulas": Bomb(lambda: GIVEN + "\n\n".join(f"$$x = {m} y$$\n\n$x = \\text{{{m}}}$" for m in MARKUP)),
    "markup in names": Bomb(
        lambda: GIVEN
        + "\n\n".join(f"$\\mathrm{{{m}}} = 2x$ and $\\operatorname{{{m}}}(x) = x$ and $x \\tag{{{m}}} = 2x$" for m in MARKUP)
    ),
    "markup in given blocks": Bomb(
        lambda: "".join(f"<!-- derive\nsource: {m}\nlayout: {m}\n{m} \\in \\mathbb{{R}}\n-->\n\n$x = 2x$\n\n" for m in MARKUP if "-->" not in m)
    ),
    "markup in code and links": Bomb(
        lambda: "\n\n".join((*(f"`{m}`\n\n```{m}\n{m}\n```" for m in MARKUP), *LINKS, *(f"# {m}" for m in LINKS))) + "\n\n$x = 2x$\n"
    ),
    "links in formulas": Bomb(
        lambda: GIVEN
        + "$$x = \\href{javascript:alert(1)}{y}$$\n\n$$x = \\htmlClass{x\" onclick=\"alert(1)}{y}$$\n\n"
        + "$$x = \\style{background:url(javascript:alert(1))}{y} \\color{red;x:expression(1)}{y}$$\n\n"
        + "$$x = \\includegraphics{/etc/passwd} \\unicode{60}script\\unicode{62}$$\n"
    ),
    "a giant piece of HTML": Bomb(lambda: "<div " + "a='b' " * 100_000 + ">" + "<b>" * 100_000 + "$x = x$\n"),
    "tags that never end": Bomb(lambda: "<a " * 100_000 + "\n\n" + "<!" * 100_000 + "\n\n$x = x$\n"),
    "characters by number": Bomb(
        lambda: GIVEN
        + "$x = 2x$ "
        + " ".join(f"&#{n}; &#x{n:x};" for n in (0, 8, 27, 60, 62, 0x9B, 0x202E, 0x2066, 0xD800, 0xFEFF))
        + "$\\text{&#x202e;&#27;&lt;b&gt;} = &#x202e; x$ $x&#x9b; = \\text{&#xd800;}$"
        + " &lt;script&gt; &#xE000;0&#xE001; &#xE000;7&#xE001; &#xE000;x&#xE001; &Tab; &NewLine; &bsol;\n\n"
        + "[&#xE000;0&#xE001;](http://a.example/&#x202E;&quot;&#xE000;0&#xE001;)\n\n# &#xE000;0&#xE001;\n"
    ),
    "workflow commands": Bomb(
        lambda: GIVEN + "$$x = y\n::error::pwned\n::set-output name=x::y$$\n\n$$x = \\text{%0A::warning::y}$$\n"
    ),
    # ── files
    "files that LaTeX would read": Bomb(
        lambda: "\\documentclass{article}\\usepackage{secret}\\begin{document}\\input{/etc/passwd}\\include{../secret}"
        "\\InputIfFileExists{/etc/hosts}{}{}\\openin5=/etc/passwd \\read5 to \\x \\write18{touch /tmp/pwned}"
        "\\lstinputlisting{/etc/passwd}\\includegraphics{/etc/passwd}\\bibliography{/etc/passwd}"
        "$x = 2x$\\end{document}",
        ".tex",
    ),
    "unclosed LaTeX": Bomb(lambda: "\\begin{document}" + "\\begin{align} x &= x" * 3000, ".tex"),
    "LaTeX comments": Bomb(lambda: "% derive: x = x\n" * 30_000 + "$x = x$", ".tex"),
    # ── notebooks
    "a notebook of brackets": Bomb(lambda: "[" * 100_000, ".ipynb"),
    "a notebook that nests": Bomb(lambda: '{"cells": ' + "[" * 5000 + "]" * 5000 + "}", ".ipynb"),
    "a notebook of huge numbers": Bomb(lambda: _notebook([], n=0)[:-1] + ', "m": ' + "9" * 100_000 + "}", ".ipynb"),
    "a notebook with lone surrogates": Bomb(
        lambda: _notebook([_cell(["$x = \ud800 2x$ \udfff\n", "# \ud83d\n"]), _cell("<b>\ud800</b> $y=\\text{\udc80}$")]), ".ipynb"
    ),
    "a notebook with control characters": Bomb(
        lambda: _notebook([_cell([f"$x = {c} 2x$ {c}\n" for c in CONTROL + "\0" + BIDI])]), ".ipynb"
    ),
    "a notebook of 20,000 cells": Bomb(lambda: _notebook([_cell("$x = x$")] * 20_000), ".ipynb"),
    "a notebook whose sources are no text": Bomb(
        lambda: _notebook([_cell(s) for s in (None, 1, {}, [1, None, ["$x=x$"]], {"a": "$x=x$"})] + [None, 1, [], "x"]),
        ".ipynb",
    ),
    "a notebook with its keys twice": Bomb(
        lambda: '{"cells": [{"cell_type": "markdown", "source": "$x=x$", "source": ["$y=y$"]}], "cells": 5}', ".ipynb"
    ),
    "a notebook whose cells are NaN": Bomb(lambda: '{"cells": [NaN, Infinity, -Infinity, 1e999]}', ".ipynb"),
    "no document": Bomb(lambda: ""),
}  # fmt: skip
