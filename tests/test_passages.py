"""Where the mathematics stands: every form of formula, its exact place, and what must not be taken for one.

The tables say what is found in a document. A formula is written `line:column text`, where the column is that
of its first character; spaces around a formula are left out of the comparison, and count for its column.
"""

import json
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from string import ascii_lowercase
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.reader import markdown, notebook, tex
from derive.reader.macros import DEPTH, TOTAL, Macro, Macros, expand
from derive.reader.passage import Passage, Positions, Stretch

FORMULA = ("display", "inline")


def placed(source: str, passages: Iterable[Passage], *kinds: str) -> list[str]:
    """Each passage of these kinds as `line:column text`."""
    at = Positions(source)
    found = []
    for passage in passages:
        if passage.kind in (kinds or FORMULA):
            first = len(passage.text) - len(passage.text.lstrip())
            line, column = at(passage.offsets[first])
            found.append(f"{line}:{column} {passage.text.strip()}")
    return found


# --- Markdown: what is a formula ---

MARKDOWN = {
    "dollars": ("Let $x$ and $y_1 = 2$.", ["1:6 x", "1:14 y_1 = 2"]),
    "dollars side by side": ("$y$$z$ $$w$$", ["1:2 y", "1:5 z", "1:10 w"]),
    "dollars over a line's end": ("a $b +\nc$ d", ["1:4 b +\nc"]),
    "dollars with spaces": (
        r"$ \x $, $ a_1 $, $ e^x $, $ a = b $",
        [r"1:3 \x", "1:11 a_1", "1:20 e^x", "1:29 a = b"],
    ),
    "dollars in emphasis": ("**1. 当$i=j$时，有：**", ["1:8 i=j"]),
    "parentheses": (r"权重\(W=[w_1]\)和\(b\)", ["1:5 W=[w_1]", "1:17 b"]),
    "doubly escaped": ("a \\\\(x\\\\) b\n\\\\[ y\n= z \\\\]", ["1:6 x", "2:5 y\n= z"]),
    "rows in doubly escaped": (r"\\[ a \\\\[2pt] b \\]", [r"1:5 a \\\\[2pt] b"]),
    "GitLab's dollars": ("so $`x^2`$ is", ["1:6 x^2"]),
    "a role of reStructuredText": ("so :math:`x^2` and {math}`y`", ["1:11 x^2", "1:27 y"]),
    "a display in a line": ("有$$a=b$$，又$$c$$。", ["1:4 a=b", "1:13 c"]),
    "a display of several lines": ("so\n$$\na\n  &= b\n$$\nand $c$", ["3:1 a\n&= b", "6:6 c"]),
    "brackets": ("so \\[ a\n= b \\] and\n\\[c\\]", ["1:7 a\n= b", "3:3 c"]),
    "brackets over row ends": ("\\[ a \\\\[4pt] b \\]", [r"1:4 a \\[4pt] b"]),
    "a fence": ("x\n```math\na\n= b\n```\n~~~ math\nc\n~~~", ["3:1 a\n= b", "7:1 c"]),
    "a fence without an end": ("```math\na\n= b", ["2:1 a\n= b"]),
    "a directive of MyST": ("```{math}\n:label: one\na\n```", ["3:1 a"]),
    "a bare environment": (
        "so \\begin{align}\na &= b\\\\\n\n&= c\n\\end{align} x",
        ["1:4 \\begin{align}\na &= b\\\\\n\n&= c\n\\end{align}"],
    ),
    "an environment in itself": (
        r"\begin{array}{l}\begin{array}{l}a\end{array}b\end{array} $c$",
        [r"1:1 \begin{array}{l}\begin{array}{l}a\end{array}b\end{array}", "1:59 c"],
    ),
    "a script": (
        '<script type="math/tex; mode=display">a\n\n= b</script>\nx <script type="math/tex">c</script>',
        ["1:39 a\n\n= b", "4:27 c"],
    ),
    "a list": ("- $a$\n- see\n  $$\n  b\n  = c\n  $$\n1. $d$", ["1:4 a", "4:3 b\n= c", "7:5 d"]),
    "a list with looser lines": ("1. see\n$$\nb\n= c\n$$\n2. $d$", ["3:1 b\n= c", "6:5 d"]),
    "a list with a display of its own": ("1. see\n\n   $$\n   b\n   $$\n\n   $c$", ["4:4 b", "7:5 c"]),
    "a quotation": ("> $$ a $$\n> $b$", ["1:6 a", "2:4 b"]),
    "a quotation over lines": ("> $$\n> a\n>\n> = b\n> $$", ["2:3 a\n\n= b"]),
    "a quotation in a list": ("- x\n  > - $a$\n  >   \\(b\n  >   c\\)", ["2:8 a", "3:9 b\nc"]),
    "a table": (
        "| 符号 | 维度 |\n|:--|--|\n| $\\bm{z}$ | $(N\\times 1)$ |\n$p(a|b)$ | c",
        [r"3:4 \bm{z}", r"3:15 (N\times 1)", "4:2 p(a|b)"],
    ),
    "an escaped backtick": ("\\`` $a$ ` $b$", ["1:12 b"]),
    "headings": ("## 3.3 求$\\bm z$\n\nOf $x$\n---\n\nOf $y$\n===", [r"1:10 \bm z", "3:5 x", "6:5 y"]),
    "HTML": ("<div>\n$$a$$\n</div>\n\n<p>$b$</p>", ["2:3 a", "5:5 b"]),
    "text in a display": ("$$\n\\text{for all $x$ in} S\n$$", ["2:1 \\text{for all $x$ in} S"]),
    "zero-width characters": ("x\u200b $a\u200b= \u2060b$", ["1:5 a\u200b= \u2060b"]),
    "Windows' line ends": ("a\r\n$$\r\nx\r\n= y\r\n$$\r\n> \\(z\r\n> w\\)\r\n", ["3:1 x\n= y", "6:5 z\nw"]),
    "a Macintosh's line ends": ("a\r$$\rx\r$$\r- $b$", ["3:1 x", "5:4 b"]),
    "characters beyond the BMP": ("𝐱 is $𝐱$", ["1:7 𝐱"]),
}

ROWS = {
    "an underline": "=",
    "a sum": "= x\n+ y\n- z",
    "an item": "- x\n* y\n1. z",
    "a quotation": "> 0",
    "a table": "| x |\n|---|\n| y |",
    "a rule": "---",
    "blank lines": "\n= y\n\n  \n= z",
    "code": "\n    = y",
    "an underline of dashes": "y\n-",
}

NOT_MATHEMATICS = {
    "fenced code": "```python\n$x$ $$y$$\n```\n~~~\n\\(z\\)\n~~~",
    "fenced code in a list": "- a\n  ```\n  $x$\n  ```",
    "indented code": "a\n\n    $$ x $$\n\n    \\[ y \\]",
    "inline code": "`$x$` ``a ` $$y$$`` `\\(z\\)`",
    "escaped dollars": r"\$x\$ and \$\$y\$\$",
    "money": "costs $5 and $6, US$7 or $8-$9, $1,000 or $ 6 $",
    "money beside a formula": "it costs $5 = £4 and $6",
    "variables of a shell": "use `$HOME` or $HOME and $PATH, or put $MY_ROOT/bin in $MY_PATH",
    "addresses": "https://a.b/$x$/c\\(d\\) <https://a.b/$y$> [l](/a$b$c) ![i](d$e$.png) [w](/w_\\(z\\))",
    "attributes": "<a href=\"$x$\" title='$y$' data-z=$z$>b</a>",
    "preformatted HTML": "<pre>\n$x$\n\n$$y$$\n</pre> <code>\\(z\\)</code> <style>$a$</style>",
    "other scripts": "<script>\nlet a = '$x$'\n\nlet b = `$$`\n</script>",
    "comments": "a <!-- $x$ --> b\n\n<!--\n$$ y $$\n\n- $z$\n-->",
    "comments that derive does not own": "<!-- derived: $x$ -->\n\n<!-- rederive -->",
    "front matter": "---\ntitle: $x$\nmath: $$y$$\n---\n\na",
    "TOML front matter": "+++\ntitle = '$x$'\n+++",
    "nothing": "",
    "empty formulas": "$$$$ and \\(\\) and $ $",
    "a footnote's brackets": "\\[1] So it is said, and \\[2] denied",
    "escaped brackets": "\\[[`b6e01`](https://a.b/c_d)] - fix = x_1\n\\[*a\\_b*] c \\(d\\_e and so on",
    "a dollar each in two paragraphs": "a $x\n\ny$ b",
}

BROKEN = {
    "a display never closed ends before a heading": (
        "$$ a = b\n\n= c\n\n## H\n\n$d$",
        ["1:4 a = b\n\n= c", "7:2 d"],
    ),
    "or with the document": ("$$\na = b\n\n= c\n", ["2:1 a = b\n\n= c"]),
    "or before a fence": ("$$\na = b\n```\n$c$\n```\n$d$", ["2:1 a = b", "6:2 d"]),
    "or where prose follows": ("$$\na = b\n\nThen we see $c$.\n\n$$d$$", ["2:1 a = b", "4:14 c", "6:3 d"]),
    "or where prose in Chinese follows": ("$$\na = b\n\n因此，我们有\n\n$$d$$", ["2:1 a = b", "6:3 d"]),
    "or where the next one begins": ("$$ a = b\n\n$$ c = d $$\n\n$e$", ["1:4 a = b", "3:4 c = d", "5:2 e"]),
    "or with a quotation": ("> $$ a = b\n\n$c$", ["1:6 a = b", "3:2 c"]),
    "a display that is only closed": ("a $$\n\nSome more words.\n\n$$ c = d $$", ["5:4 c = d"]),
    "a display that ends with one dollar": ("$$ a = b $ so\n\n$c$", ["1:4 a = b", "3:2 c"]),
    "dollars in prose": ("rated $$ by us.\n\n- item $x=1$", ["3:9 x=1"]),
    "brackets end with their paragraph": ("\\[ a = b\nso\n\n$c$", ["1:4 a = b\nso", "4:2 c"]),
    "brackets that open again": ("\\[ a = b\n\\[ c \\]", ["1:4 a = b", "2:4 c"]),
    "a parenthesis ends with its line": ("\\( a = b so\nthen \\(c\\)", ["1:4 a = b so", "2:8 c"]),
    "an environment ends before a heading": (
        "\\begin{align}\na\n\n# H\n\n$c_1$",
        ["1:1 \\begin{align}\na", "6:2 c_1"],
    ),
    "a comment is not closed": ("a <!-- $x$\n\n$y$", ["1:9 x", "3:2 y"]),
    "delimiters the wrong way round": (
        r"设$a=a(x) \(，这里\) x\(是，`n`下，\)\frac{a}{b}=c \(，则\)d$，对比 $e$",
        ["1:3 a=a(x)", "1:18 x", "1:30 \\frac{a}{b}=c", "1:50 d", "1:57 e"],
    ),
    "but not in braces": (r"$a \text{ if \(b\)}$", [r"1:2 a \text{ if \(b\)}"]),
}  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), MARKDOWN.values(), ids=MARKDOWN)
def test_formulas_of_markdown(source: str, expected: list[str]) -> None:
    """Each form of a formula, at its place."""
    assert placed(source, markdown.read(source)) == expected


@pytest.mark.parametrize(
    ("opening", "closing"),
    [("$$\na", "$$"), ("so $$ a", "$$"), ("so\n\\[ a", "\\]"), ("\\begin{align}\na", "\\end{align}")],
    ids=["dollars", "dollars in a paragraph", "brackets", "environment"],
)
@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_displays_go_before_blocks(opening: str, closing: str, rows: str) -> None:
    """Rows that look like blocks stay in the display, and the document goes on after it."""
    source = f"{opening}\n{rows}\n{closing} then $b$\n\n$c$"
    display, *rest = [passage for passage in markdown.read(source) if passage.kind in FORMULA]
    assert "\n".join(row.strip() for row in rows.split("\n")) in display.text
    assert [passage.text for passage in rest] == ["b", "c"]


@pytest.mark.parametrize("source", NOT_MATHEMATICS.values(), ids=NOT_MATHEMATICS)
def test_what_is_not_mathematics(source: str) -> None:
    """No formula is found, and one after it is."""
    assert placed(source, markdown.read(source)) == []
    after = source + "\n\n# so\n\n$q$"
    assert [text.split()[-1] for text in placed(after, markdown.read(after))] == ["q"]


@pytest.mark.parametrize(("source", "expected"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_stays_small(source: str, expected: list[str]) -> None:
    """A delimiter that is missing or wrong does not lose the rest of the document."""
    assert placed(source, markdown.read(source)) == expected


# --- Markdown: prose, blocks, what is given ---


def outline(passages: Iterable[Passage]) -> list[tuple[int, str, str, str]]:
    """Block, container, kind and text of each passage."""
    return [(one.block, one.container, one.kind, one.text.strip()) for one in passages]


def test_blocks_and_prose() -> None:
    """What stands in one paragraph, item or heading has one number; prose stands between formulas."""
    source = "## On $x$\n\nLet $x$ be `code`,\nand $y$.\n\n- $W$: $c$\n  more\n- b\n\n> $q$\n"
    assert outline(markdown.read(source)) == [
        (1, "heading", "heading", "On"),
        (1, "heading", "inline", "x"),
        (2, "paragraph", "prose", "Let"),
        (2, "paragraph", "inline", "x"),
        (2, "paragraph", "prose", "be `code`,\nand"),
        (2, "paragraph", "inline", "y"),
        (2, "paragraph", "prose", "."),
        (3, "item", "inline", "W"),
        (3, "item", "prose", ":"),
        (3, "item", "inline", "c"),
        (3, "item", "prose", "more"),
        (4, "item", "prose", "b"),
        (5, "quote", "inline", "q"),
    ]


def test_columns_of_a_table() -> None:
    """Each row is a block, and each of its passages says in which column it stands."""
    source = "a | b\n--|--\n| $W$ | a $c \\times d$ |\n`|` | \\| | $x$\n\nafter"
    assert [(one.block, one.column, one.text.strip()) for one in markdown.read(source)] == [
        (1, 1, "a"),
        (1, 2, "b"),
        (2, 1, "W"),
        (2, 2, "a"),
        (2, 2, r"c \times d"),
        (3, 1, "`|`"),
        (3, 2, r"\|"),
        (3, 3, "x"),
        (4, None, "after"),
    ]


GIVEN = {
    "a block": (
        "a\n\n<!-- derive\nlayout: numerator\n\n\\sum_i y_i = 1\n-->",
        ["4:1 layout: numerator\n\n\\sum_i y_i = 1"],
    ),
    "in a line": ("a <!-- derive: W = 1 --> b", ["1:16 W = 1"]),
    "with a colon and lines": ("<!-- derive:\nW = 1\n-->", ["2:1 W = 1"]),
    "in a quotation": ("> <!-- derive\n> W = 1\n>\n> z = 2\n> -->", ["2:3 W = 1\n\nz = 2"]),
    "in a list": ("- a\n\n  <!-- derive\n  - W\n  -->\n- b", ["4:3 - W"]),
    "at the end of a line": ("$$a$$ <!-- derive: b = c\nd -->", ["1:20 b = c\nd"]),
    "that is not closed": ("<!-- derive\nW = 1\n\n$a$", ["2:1 W = 1"]),
    "that is empty": ("<!-- derive -->", []),
}  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), GIVEN.values(), ids=GIVEN)
def test_what_a_comment_gives(source: str, expected: list[str]) -> None:
    """The lines after `derive`, whatever the comment stands in."""
    assert placed(source, markdown.read(source), "given") == expected


@pytest.mark.parametrize(
    "source",
    ["$$a$$\n<!-- derive: skip because it is only a sketch -->", "<!-- derive: skip it is only a sketch -->"],
)
def test_skip(source: str) -> None:
    """A comment may say why something is not checked."""
    (skip,) = [passage for passage in markdown.read(source) if passage.kind == "skip"]
    assert skip.text == "it is only a sketch"


# --- LaTeX ---

TEX = {
    "inline": (r"Let $x$ and \(y\), \$z\$.", ["1:6 x", "1:15 y"]),
    "displays": ("a $$ b\n= c $$ \\[ d \\]", ["1:6 b\n= c", "2:11 d"]),
    "environments": (
        "\\begin{equation}\\label{a}\na\n\\end{equation}\n\\begin{align*}b&=c\\end{align*}",
        ["1:1 \\begin{equation}\\label{a}\na\n\\end{equation}", r"4:1 \begin{align*}b&=c\end{align*}"],
    ),
    "blank lines in a display": (
        "\\begin{align}\na\n\n&= b\n\\end{align} $c$",
        ["1:1 \\begin{align}\na\n\n&= b\n\\end{align}", "5:14 c"],
    ),
    "only words in a display": ("\\[\nloss is cost\n\\]", ["2:1 loss is cost"]),
    "the body alone": ("$a$\n\\begin{document}\n$b$\n\\end{document}\n$c$", ["3:2 b"]),
    "comments": ("$a % $b$\n= c$ \\% $d$ \\\\% $e$\n% $f$\n$g$", ["1:2 a = c", "2:10 d", "4:2 g"]),
    "comments do not part paragraphs": ("$a\n% so\n= b$", ["1:2 a\n= b"]),
    "verbatim text": (
        "\\verb|$a$| \\begin{verbatim}\n$b$\n\\end{verbatim}\n"
        "\\begin{lstlisting}[x]\n% $c$\n\\end{lstlisting} $d$",
        ["6:19 d"],
    ),
    "text that is switched off": ("\\iffalse $a$ \\fi $b$", ["1:19 b"]),
    "a dollar without another": ("a $ b\n\n$c$", ["3:2 c"]),
    "a display without an end": ("\\[ a = b\n\nSome more words.\n\n$c$", ["1:4 a = b", "5:2 c"]),
    "text in a display": ("$$ a \\text{ if $b$} $$", ["1:4 a \\text{ if $b$}"]),
    "Windows' line ends": ("a\r\n\\[\r\nb\r\n\\]\r\n", ["3:1 b"]),
}  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), TEX.values(), ids=TEX)
def test_formulas_of_latex(source: str, expected: list[str]) -> None:
    """Each form of a formula, at its place, and nothing that LaTeX does not set."""
    assert placed(source, tex.read(source)) == expected


def test_blocks_of_latex() -> None:
    """Headings, items of lists and rows of tables are blocks of their own."""
    source = (
        "\\section{On $x$}\nOne\n\n\\begin{itemize}\n\\item $a$ b\n\\item c\n\\end{itemize}\n"
        "\\begin{tabular}{l p{3cm}}\n$W$ & $c \\times d$ \\\\\n e & f\n\\end{tabular} & \\par g"
    )
    passages = tex.read(source)
    assert [(container, kind, text) for _, container, kind, text in outline(passages)] == [
        ("heading", "heading", "On"),
        ("heading", "inline", "x"),
        ("paragraph", "prose", "One"),
        ("item", "inline", "a"),
        ("item", "prose", "b"),
        ("item", "prose", "c"),
        ("row", "inline", "W"),
        ("row", "inline", r"c \times d"),
        ("row", "prose", "e"),
        ("row", "prose", "f"),
        ("paragraph", "prose", "&"),
        ("paragraph", "prose", "g"),
    ]
    blocks = [passage.block for passage in passages]
    assert [blocks.index(block) for block in blocks] == [0, 0, 2, 3, 3, 5, 6, 6, 8, 8, 10, 11]
    assert [passage.column for passage in passages][6:] == [1, 2, 1, 2, None, None]


def test_given_in_latex() -> None:
    """Lines that begin with `% derive:` belong together; an empty one begins a list of comments."""
    source = (
        "% derive: W = 1\n%  derive: x = 2\ntext\n% derive:\n%  y = 3\n% z = 4\n\n% other\n"
        "$a$ % derive: skip because so"
    )
    passages = tex.read(source)
    assert placed(source, passages, "given") == ["1:11 W = 1\nx = 2", "5:4 y = 3\nz = 4"]
    assert placed(source, passages, "skip") == ["9:28 so"]
    assert [passage.kind for passage in passages] == ["given", "prose", "given", "inline", "skip"]


# --- macros ---

MACROS = {
    r"\newcommand{\R}{\mathbb{R}} $x \in \R^n$": r"x \in \mathbb{R}^n",
    r"\newcommand\R{\mathbb R} $\R$": r"\mathbb R",
    r"\renewcommand*{\vec}[1]{\mathbf{#1}} $\vec x+\vec{yz}$": r"\mathbf{x}+\mathbf{yz}",
    r"\newcommand{\E}[2][X]{E_{#1}[#2]} $\E{Y} \E[Z]{W}$": "E_{X}[Y] E_{Z}[W]",
    r"\def\pd#1#2{\frac{\partial #1}{\partial #2}} $\pd L{z_i}$": r"\frac{\partial L}{\partial z_i}",
    r"\DeclareMathOperator{\tr}{tr} $\tr A$": r"\operatorname{tr} A",
    r"\DeclareMathOperator*{\am}{arg\,min} $\am_x$": r"\operatorname*{arg\,min}_x",
    r"\let\eps=\varepsilon $\eps$": r"\varepsilon",
    r"\let\old\vec \renewcommand{\vec}[1]{\old{\mathbf{#1}}} $\vec x$": r"\vec{\mathbf{x}}",
    r"\newcommand{\R}{A} \providecommand{\R}{B} \providecommand{\S}{C} $\R\S$": "AC",
    r"\newcommand{\y}{\mathbf y} $\hat\y^\y$": r"\hat{\mathbf y}^{\mathbf y}",
    r"\newcommand{\a}[1]{\alpha#1} $\a x$": r"\alpha x",
    r"\newcommand{\a}{b} \newcommand{\c}{\a\a} $\c$ \renewcommand{\a}{d} $\c$": "bb|dd",
    r"$\a$ \newcommand{\a}{b} $\a$": r"\a|b",
    r"\newcommand{\a}{b} $\ab \a$": r"\ab b",
    # what cannot be expanded stays as it is
    r"\newcommand{\a}[1]{#1} $\a$": r"\a",
    r"\newcommand{\a}{\a} $\a = 1$": r"\a = 1",
    r"\def\a#1.{#1} $\a b.$": r"\a b.",
    r"\newcommand{\a}{b $\a$": r"\a",
}


@pytest.mark.parametrize(("source", "expected"), MACROS.items())
@pytest.mark.parametrize("reader", [tex, markdown], ids=["LaTeX", "Markdown"])
def test_macros(reader: ModuleType, source: str, expected: str) -> None:
    """Macros are put in, in LaTeX and where Markdown has them in its text."""
    assert "|".join(one.text for one in reader.read(source) if one.kind == "inline") == expected


def test_macros_in_formulas_and_in_what_is_given() -> None:
    """A formula that only defines macros is none, and what is given may use them."""
    definitions = "$$\n\\newcommand{\\R}{\\mathbb{R}}\n\\def\\x{\\mathbf x}\n$$\n"
    source = definitions + "<!-- derive: \\x \\in \\R^n -->\n\n$\\x = 0$"
    assert placed(source, markdown.read(source), *FORMULA, "given") == [
        r"5:14 \mathbf x \in \mathbb{R}^n",
        r"7:2 \mathbf x = 0",
    ]


def test_macros_in_the_preamble() -> None:
    """Macros hold from the preamble on."""
    assert [one.text for one in tex.read("\\def\\x{y}\n\\begin{document}\n$\\x$\n\\end{document}")] == ["y"]


def test_places_of_what_a_macro_brings_in() -> None:
    """What a body brings in stands at the call; an argument stands where it was written."""
    (formula,) = [one for one in tex.read(r"\newcommand{\n}[1]{|#1|} $a+\n{b=c}d$") if one.kind == "inline"]
    assert formula.text == "a+|b=c|d"
    call = 28
    assert list(formula.offsets) == [26, 27, call, call + 3, call + 4, call + 5, call, call + 7, call + 8]


DOUBLING = "".join(f"\\def\\{a}{{\\{b}\\{b}}}" for a, b in pairwise(ascii_lowercase))
BOMBS = {
    "doubling": DOUBLING,
    "doubling nothing": DOUBLING + r"\def\z{}",
    "doubling arguments": r"\def\a#1{\b{#1#1}}\def\b#1{\a{#1#1}}",
    "many arguments": r"\def\a#1{" + "#1" * 1000 + "}",
}  # fmt: skip


@pytest.mark.parametrize("definitions", BOMBS.values(), ids=BOMBS)
def test_expansion_is_bounded(definitions: str) -> None:
    """A formula that would grow without end is left alone."""
    formula = r"\a{" + "x" * 1000 + "} = 1"
    started = time.process_time()
    assert [one.text for one in tex.read(f"{definitions}${formula}$") if one.kind == "inline"] == [formula]
    assert time.process_time() - started < 10


def test_expansion_of_a_document_is_bounded() -> None:
    """Many formulas together cannot do what one may not."""
    macros = Macros({r"\a": Macro(("x",) * 100)})
    macros.spent = TOTAL - 110
    texts = [expand(Stretch(r"\a", range(3)), macros).text for _ in range(3)]
    assert texts == ["x" * 100, r"\a", r"\a"]


def test_expansion_may_be_deep() -> None:
    """Calls within calls are followed almost to the bound."""
    names = [f"\\{'x' * number}" for number in range(1, DEPTH + 1)]
    source = "".join(f"\\def{name}{{{body}}}" for name, body in zip(names, [*names[1:], "y"], strict=True))
    assert [one.text for one in tex.read(f"{source}${names[0]}$")] == ["y"]


# --- notebooks ---

CELLS = [
    {"cell_type": "code", "source": "a = '$x$'"},
    {"cell_type": "markdown", "source": ["# On $T$\n", 'α $a="b"$ 𝐱 $c$\n', "<!-- derive: q = 1 -->\n"]},
    {"cell_type": "markdown", "source": "$\\def\\x{y}$\n$$\nx\n= z\n$$\n"},
    {"cell_type": "markdown", "source": "$\\x$"},
]


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("indent", [None, 1])
def test_notebook(ascii_only: bool, indent: int | None) -> None:
    """Every character is at its place in the file, whatever escapes it takes there."""
    source = json.dumps(
        {"metadata": {"source": "$y$"}, "cells": CELLS}, ensure_ascii=ascii_only, indent=indent
    )
    passages = notebook.read(source)
    assert [(one.cell, one.kind, one.text.strip()) for one in passages] == [
        (2, "heading", "On"),
        (2, "inline", "T"),
        (2, "prose", "α"),
        (2, "inline", 'a="b"'),
        (2, "prose", "𝐱"),
        (2, "inline", "c"),
        (2, "given", "q = 1"),
        (3, "display", "x\n= z"),
        (4, "inline", "y"),
    ]
    for passage in passages[:-1]:
        assert json.loads(f'"{source[passage.offsets[0] : passage.offsets[-1]]}"') == passage.text
    assert source[passages[-1].offsets[0] :].startswith(r"\\x$")
    assert len({passage.block for passage in passages}) == 4


def test_positions_in_a_notebook() -> None:
    """Line and column are those of the file."""
    source = '{"cells": [\n {"source": ["a\\n",\n  "\\u03b1 $\\\\beta$"], "cell_type": "markdown"}]}'
    assert placed(source, notebook.read(source)) == [r"3:12 \beta"]


NOT_NOTEBOOKS = {
    "": 1,
    "{\n\n x}": 3,
    "[]": 1,
    "{}": 1,
    '{"cells": 3}': 1,
    '{"cells": []}\n\nx': 3,
    "[" * 100_000: 1,
    '{"worksheets": []}': 1,
}


@pytest.mark.parametrize(("source", "line"), NOT_NOTEBOOKS.items(), ids=range(len(NOT_NOTEBOOKS)))
def test_what_is_no_notebook(source: str, line: int) -> None:
    """The error says in which line."""
    with pytest.raises(notebook.NotebookError, match=f"line {line}: not a notebook") as caught:
        notebook.read(source)
    assert caught.value.line == line


@pytest.mark.parametrize(
    "cell", ["1", "null", "[]", "{}", '{"cell_type": "markdown", "source": [1, "$a$", {}]}']
)
def test_odd_cells(cell: str) -> None:
    """What is not text in a notebook is passed over."""
    source = (
        f'\ufeff {{"cells": [{cell}, {{"cell_type": "markdown", "source": "$b$"}}], "cells_": {"9" * 9999}}}'
    )
    assert [one.text for one in notebook.read(source)][-1:] == ["b"]


# --- positions ---


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ("", [(1, 1)]),
        ("ab\nc\n", [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 1)]),
        ("a\r\nb", [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]),
        ("a\rb\n\rc", [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (4, 1), (4, 2)]),
        ("\u2028a\x0b\x85b", [(1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (1, 6)]),
    ],
)
def test_positions(source: str, places: list[tuple[int, int]]) -> None:
    """Lines end with \\n, \\r\\n or \\r, and with nothing else."""
    assert [Positions(source)(offset) for offset in range(len(source) + 1)] == places


# --- strangers' documents ---

PIECES = r"""
$ $$ \( \) \[ \] \\( \\) \\[ \\] \begin{align} \end{align} { } \ \\ \text{ = a b_1 --- === > - 1. # |
|- |-|-| ` `` ``` ```math ~~~ :math:` $` <!-- --> <!--derive derive: skip <pre> </pre> <script </script>
type="math/tex" \newcommand{\a} \def\a #1 \a % %derive: \verb| \section{ \item \begin{itemize} &
\begin{tabular} \par https:// ]( \iffalse \fi \begin{verbatim} \end{verbatim} \begin{document} \end{document}
""".split()  # noqa: SIM905
SPACES = ["\n", "\n\n", "\r\n", "\r", " ", "    ", "\t", "\x00", "\ufeff", "\u200b", "中文", "𝐱"]
documents = st.lists(st.sampled_from([*PIECES, *SPACES]) | st.text(max_size=3), max_size=100).map("".join)


@given(documents)
@settings(max_examples=400, deadline=None)
def test_any_markdown(source: str) -> None:
    """Nothing raises; passages are in order, and without macros each character is the one in the source."""
    passages = markdown.read(source)
    for passage in passages:
        assert len(passage.offsets) == len(passage.text) + 1
        if "\\newcommand" not in source and "\\def" not in source:
            assert "".join(source[offset] for offset in passage.offsets[:-1]) == passage.text
            assert list(passage.offsets) == sorted(passage.offsets)
    starts = [passage.offsets[0] for passage in passages]
    assert starts == sorted(starts)


@given(documents)
@settings(max_examples=400, deadline=None)
def test_any_latex(source: str) -> None:
    """Nothing raises, and each character of a passage has a place in the source, in order."""
    passages = tex.read(source)
    for passage in passages:
        assert len(passage.offsets) == len(passage.text) + 1
        assert all(0 <= offset <= len(source) for offset in passage.offsets)
    starts = [passage.offsets[0] for passage in passages]
    assert starts == sorted(starts)


@given(st.lists(documents), st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_notebook(cells: list[str], ascii_only: bool) -> None:
    """A notebook's cells read as they do by themselves."""
    notebook_cells = [{"cell_type": "markdown", "source": cell.splitlines(keepends=True)} for cell in cells]
    source, macros = json.dumps({"cells": notebook_cells}, ensure_ascii=ascii_only), Macros()
    expected = [
        (number, one.kind, one.text)
        for number, cell in enumerate(cells, 1)
        for one in markdown.read(cell, macros)
    ]
    assert [(one.cell, one.kind, one.text) for one in notebook.read(source)] == expected


@given(documents)
@settings(max_examples=200, deadline=None)
def test_any_text_as_notebook(source: str) -> None:
    """Only `NotebookError` is raised."""
    with pytest.raises(notebook.NotebookError):
        notebook.read(source)


Read = Callable[[str], tuple[Passage, ...]]
READERS: dict[str, Read] = {"Markdown": markdown.read, "LaTeX": tex.read}
HOSTILE = [
    *("$$x$$\n", "\\section{$$x$$}\n", "$$\n\\section{", "\\begin{align}x\\end{align}\n\n"),
    *("$", "$$", "$ ", "$${", "$$\n\n", "$$ a\n\n", "$$ {\n\n", "\\text{ $", "{", "\\"),
    *("\\(", "\\( ", "\\[", "\\[\n\n", "x\n\\[ y\n\n", "\\\\(", "\\begin{align}"),
    *("\\begin{align}\\begin{align}\\end{align}\n\n", "`", "`a``b", "$`", "=\n", "a\n---\n", "\r", "\x00"),
    *("> ", ">", "> $$\n", "- ", "- $$\n", "    $$\n", "|a|-|\n|-|-|\na\n", "[a]: b\n", "](", "https://$"),
    *("<!--", "<!--\n\n", "<!-- derive -->", "<pre>\n\n", "<code>", '<a b="', "<a "),
    *("\\newcommand{\\a}{", "\\newcommand{\\a}{\\a\\a}$\\a$", "\\def\\a#1{#1#1}$\\a{\\a{", "\\verb|", "%"),
    *("% derive:\n", "\\begin{verbatim}", "\\iffalse", "\\section{", "\\begin{itemize}", "\\begin{tabular}{"),
]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_time_grows_with_length_alone(read: Read, piece: str) -> None:
    """What a quadratic reader would not finish today."""
    started = time.process_time()
    read(piece * (100_000 // len(piece)))
    assert time.process_time() - started < 10


@pytest.mark.parametrize("piece", ["$", "\\(", "> ", "\\[ $$ "])
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_million_characters(read: Read, piece: str) -> None:
    """A document of a megabyte."""
    started = time.process_time()
    read(piece * (1_000_000 // len(piece)))
    assert time.process_time() - started < 30


@pytest.mark.slow
@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_million_characters_of_anything(read: Read, piece: str) -> None:
    """All the hostile documents, ten times as long."""
    started = time.process_time()
    read(piece * (1_000_000 // len(piece)))
    assert time.process_time() - started < 120


def test_runs_of_backticks_of_all_lengths() -> None:
    """Looking for the end of each among all the others takes no longer."""
    started = time.process_time()
    markdown.read(" ".join("`" * length for length in range(1, 1000)))
    assert time.process_time() - started < 10
