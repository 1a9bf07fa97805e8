"""What a document tells of its symbols: shapes in lists and tables, definitions after declarations."""

import re

import pytest

from derive.documents import Given, check_source
from derive.reader import markdown
from derive.report import Report, Verdict

ITEMS = r"""Notations:

- \(W\): weights, a \(c\times d\) matrix
- \(x\): input, a \(d\times 1\) column
- \(y\): the label，是一个one-hot vector, \(c\times 1\)
- \(z=Wx\): output, \(c\times 1\)
"""
ROWS = r"""
| symbol | size |
| --- | --- |
| $W$ | $c \times d$ |
| $x$ | $d \times 1$ |
| $y$ | one-hot, $c \times 1$ |
"""
DECLARED = (
    r"Let $W \in \mathbb{R}^{c\times d}$, $x \in \mathbb{R}^d$, $y \in \mathbb{R}^c$, $z \in \mathbb{R}^c$."
)


def checked(text: str) -> Report:
    return check_source("x.md", text, markdown.read(text), Given())


def verdicts(text: str) -> list[Verdict | None]:
    return [step.verdict for step in checked(text).steps if step.kind == "claim"]


@pytest.mark.parametrize(
    ("before", "formula", "expected"),
    [
        (ITEMS, r"\frac{\partial z_i}{\partial x_j} = W_{ij}", [Verdict.PROVED]),
        (ITEMS, r"\frac{\partial z_i}{\partial x_j} = W_{ji}", [Verdict.REFUTED]),
        (ITEMS, r"y^T y = 1", [Verdict.PROVED]),
        (ITEMS, r"x^T x = 1", [Verdict.REFUTED]),
        (ITEMS, r"W^T z = W^T W x", [Verdict.PROVED]),
        (ROWS, r"(W x)^T y = x^T W^T y", [Verdict.PROVED]),
        (ROWS, r"\sum_i y_i = 1", [Verdict.PROVED]),
        (ROWS, r"(W x)^T y = x^T W y", [Verdict.REFUTED]),
    ],
)
def test_sizes_beside_a_symbol(before: str, formula: str, expected: list[Verdict]) -> None:
    assert verdicts(f"{before}\n$${formula}$$\n") == expected


@pytest.mark.parametrize(
    ("formulas", "expected"),
    [
        ([r"z = W x", r"\frac{\partial z_i}{\partial x_j} = W_{ij}"], [Verdict.PROVED]),
        ([r"r = z - y", r"z = W x", r"r = W x - y"], [Verdict.PROVED]),
        ([r"z = W x", r"z = 2 W x"], [Verdict.REFUTED]),
        ([r"z = W x", r"y = z + y"], [Verdict.REFUTED]),
        ([r"z = x"], [Verdict.REFUTED]),
        ([r"z = W^T x"], [Verdict.REFUTED]),
        ([r"r = z - y", r"z = r + y"], [Verdict.PROVED]),
        ([r"y = y + z"], [Verdict.REFUTED]),
    ],
)
def test_a_declared_symbol_may_be_defined_later(formulas: list[str], expected: list[Verdict]) -> None:
    """Once, by something else of the same shape, and not in a circle."""
    text = "\n\n".join(f"$${formula}$$" for formula in formulas)
    assert verdicts(f"{DECLARED}\n\n{text}\n") == expected


def test_a_size_that_is_not_known_refutes_nothing() -> None:
    found = verdicts(r"$$ \frac{v}{1^T v} = \frac{v}{1^T v} + 0 $$" + "\n\n" + r"$$ \frac{1}{1_c^T} = 1 $$")
    assert found
    assert Verdict.REFUTED not in found


WORDS = r"""
$W$ is the weight matrix of size $c \times d$, $x$ is a $d$-dimensional vector. The label $y$ is a one-hot
vector of length $c$. Let $A$, $B$ be matrices. Consider the $m \times n$ matrix $M$.
"""
CHINESE = "其中 $W$ 为 $c\\times d$ 的权重矩阵，$x$ 是 $d$ 维列向量，$y$ 是长度为 $c$ 的独热向量。"


@pytest.mark.parametrize(
    ("before", "formula", "expected"),
    [
        (WORDS, r"(W x)^T y = x^T W^T y", [Verdict.PROVED]),
        (WORDS, r"(W x)^T y = x^T W y", [Verdict.REFUTED]),
        (WORDS, r"\sum_i y_i = 1", [Verdict.PROVED]),
        (WORDS, r"\sum_i x_i = 1", [Verdict.REFUTED]),
        (WORDS, r"M^T M = (M^T M)^T", [Verdict.PROVED]),
        (WORDS, r"A B = B A", [Verdict.UNREAD]),
        (CHINESE, r"y^T W x = x^T W^T y", [Verdict.PROVED]),
        (CHINESE, r"y^T y = 1", [Verdict.PROVED]),
        ("$x$ is multiplied by the $m \\times n$ matrix $A$.", r"x^T x = 0", [Verdict.UNREAD]),
        ("$x$ 与 $m\\times n$ 矩阵 $A$ 相乘。", r"x^T x = 0", [Verdict.UNREAD]),
        ("The $n$ vectors are $u$ and $v$.", r"u^T v = v^T u", [Verdict.UNREAD]),
    ],
)
def test_sizes_in_words(before: str, formula: str, expected: list[Verdict]) -> None:
    assert verdicts(f"{before}\n$${formula}$$\n") == expected


def test_a_table_of_notation_speaks_of_another_section() -> None:
    """Its y is not the y of before, unless a given block speaks of y."""
    table = "\n| | |\n|---|---|\n| $y$ | one-hot, $N \\times 1$ |\n"
    text = f"Let $x \\in \\mathbb{{R}}^n$ and $y = 2 x$.\n{table}\n$$y^T y = 1$$\n"
    assert verdicts(text) == [Verdict.PROVED]
    assert verdicts(f"<!-- derive\ny \\in \\mathbb{{R}}^n\n-->\n{table}\n$$y^T y = 1$$\n") == [
        Verdict.REFUTED
    ]


BASIS = (
    r"Let $W \in \mathbb{R}^{c\times d}$, $x \in \mathbb{R}^d$, and $e_j=[0,...,1,...,0]^T \in \mathbb{R}^c$."
)


@pytest.mark.parametrize(
    ("formula", "after", "expected"),
    [
        (r"[0,\cdots, x_j,\cdots, 0]^T = x_j e_i", "", [Verdict.UNREAD]),
        (
            r"\frac{\partial W x}{\partial W_{ij}} = [0,\cdots, x_j,\cdots, 0]^T = x_j e_i",
            "",
            [Verdict.PROVED, Verdict.PROVED],
        ),
        (  # one place for the whole chain
            r"\frac{\partial W x}{\partial W_{ij}} = [0,\cdots, x_j,\cdots, 0]^T = x_i e_j",
            "",
            [Verdict.PROVED, Verdict.REFUTED],
        ),
        (
            r"\frac{\partial W x}{\partial W_{ij}} = [0,\cdots, x_j,\cdots, 0]^T",
            "where $x_j$ stands in row $i$.",
            [Verdict.PROVED],
        ),
        (
            r"\frac{\partial W x}{\partial W_{ij}} = [0,\cdots, x_i,\cdots, 0]^T",
            "其中它出现在第 $i$ 行。",
            [Verdict.REFUTED],
        ),
        (
            r"\frac{\partial W x}{\partial W_{ij}} = "
            r"\begin{bmatrix} 0 \\ \vdots \\ 2 x_j \\ \vdots \\ 0 \end{bmatrix}",
            "",
            [Verdict.UNREAD],
        ),
    ],
)
def test_one_entry_among_zeros(formula: str, after: str, expected: list[Verdict]) -> None:
    assert verdicts(f"{BASIS}\n\n$${formula}$$\n\n{after}\n") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$$y = [0, \\dots, 1, \\dots, 0]^T$$\n\n$$y^T y = 1$$", [Verdict.PROVED]),
        ("$$y = [0, \\dots, 2, \\dots, 0]^T$$\n\n$$y^T y = 4$$", [Verdict.UNREAD, Verdict.UNREAD]),
        ("$$x = [x_1, \\dots, x_n]^T$$\n\n$$x^T x = \\sum_i x_i^2$$", [Verdict.PROVED]),
        (
            "Let $X \\in \\mathbb{R}^{d \\times n}$ and $X = [x_1, x_2, \\dots, x_n]$."
            "\n\n$$X X^T = \\sum_i x_i x_i^T$$\n\n$$X^T X = \\sum_i x_i x_i^T$$",
            [Verdict.PROVED, Verdict.REFUTED],
        ),
    ],
)
def test_what_a_name_holds(text: str, expected: list[Verdict]) -> None:
    assert verdicts(text) == expected


def test_columns_that_are_rows() -> None:
    report = checked(
        "$W=[w_1,w_2,...,w_c]$\n\n- $W$: weights, $c\\times d$\n- $x$: input, $d\\times 1$\n\n"
        "$$x^T W^T = (W x)^T$$\n"
    )
    (note,) = report.notes
    assert (note.line, note.column) == (1, 3)
    assert note.message.endswith("has c columns, but it is c×d: the c vectors are its rows")


SOFTMAX = r"""Let $z \in \mathbb{R}^n$ and $a = \mathrm{softmax}(z)$.

$$\frac{\partial a_j}{\partial z_i} = \frac{\partial}{\partial z_i} \frac{e^{z_j}}{\sum_k e^{z_k}} \quad(1)$$
"""


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"(1)式 = a_j (\delta_{ij} - a_i)", Verdict.PROVED),
        (r"\text{Eq. (1)} = a_j \delta_{ij}", Verdict.REFUTED),
        (r"(2)式 = a_j (\delta_{ij} - a_i)", Verdict.UNREAD),
        (r"(2) = a_j", Verdict.REFUTED),
    ],
)
def test_equations_by_their_numbers(formula: str, expected: Verdict) -> None:
    assert verdicts(f"{SOFTMAX}\n$${formula}$$\n")[1:] == [expected]


def test_a_label_as_the_left_side() -> None:
    text = (
        "Let $z \\in \\mathbb{R}^n$.\n\n$$z^T z = \\sum_i z_i^2 \\label{q}$$\n\n$$2 z_i = 2 z_i$$\n\n"
        "$$\\eqref{q} = %s$$\n"
    )
    assert verdicts(text % r"\|z\|^2")[-1] is Verdict.PROVED
    assert verdicts(text % "2 z_i")[-1] is not Verdict.PROVED


CLASSES = r"""Let $y \in \mathbb{R}^c$ and $p \in \mathbb{R}^c$, $L = -\sum_i y_i p_i$. %s

$$L = -\sum_{i=1}^{2} y_i p_i = -y_1 p_1 - y_2 p_2$$

$$L = -y_1 p_1 - y_2 p_2$$
"""


def test_two_classes_in_the_next_display_only() -> None:
    assert Verdict.PROVED not in verdicts(CLASSES % "")
    found = verdicts(CLASSES % "For two classes:")
    assert found == [Verdict.PROVED, Verdict.PROVED, Verdict.REFUTED]


def test_what_a_text_supposes_may_follow() -> None:
    """An equation behind a cue word is a claim where it can be proved, else it is given."""
    text = "Let $z \\in \\mathbb{R}^n$, $a = \\mathrm{softmax}(z)$, where $a_i = %s$.\n"
    assert verdicts(text % r"\frac{e^{z_i}}{\sum_k e^{z_k}}") == [Verdict.PROVED]
    assert verdicts(text % "z_i") == []


def test_division_by_an_array_for_want_of_a_sign() -> None:
    (step,) = checked("$x \\in \\mathbb{R}^n$\n\n$$\\frac{\\partial x^T x}{x} = 2x$$\n").steps[1:]
    assert (step.verdict, step.code) == (Verdict.REFUTED, "D018")
    (step,) = checked("$x \\in \\mathbb{R}$\n\n$$\\frac{\\partial x^2}{x} = 2x$$\n").steps[1:]
    assert (step.verdict, step.code) == (Verdict.UNREAD, "D018")


def test_marks_that_a_text_leaves_out() -> None:
    text = "Let $z \\in \\mathbb{R}^n$. %s\n\n$$(z^L)^T z^L = \\sum_i z_i^2$$\n"
    assert verdicts(text % "We omit the superscript $L$.") == [Verdict.PROVED]
    assert verdicts(text % "") == [Verdict.UNREAD]


GRID = r"Let $A \in \mathbb{R}^{m\times n}$, $x \in \mathbb{R}^n$, $s = \mathrm{softmax}(x)$."
FULL = (
    r"\begin{bmatrix} %s_{11} & \cdots & %s_{1n} \\ \vdots & \ddots & \vdots \\"
    r" %s_{m1} & \cdots & %s_{mn} \end{bmatrix}"
)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("A = " + FULL.replace("%s", "a"), Verdict.PROVED),
        ("A^T = " + FULL.replace("%s", "a"), Verdict.REFUTED),
        ("2A = " + FULL.replace("%s", "A"), Verdict.REFUTED),
        (
            r"\operatorname{diag}(x) = \begin{pmatrix} x_1 & & \\ & \ddots & \\ & & x_n \end{pmatrix}",
            Verdict.PROVED,
        ),
        (
            r"\operatorname{diag}(s) - s s^T = \begin{bmatrix} s_1(1-s_1) & -s_1 s_2 & \cdots & -s_1 s_n \\"
            r" -s_2 s_1 & s_2(1-s_2) & \cdots & -s_2 s_n \\ \vdots & \vdots & \ddots & \vdots \\"
            r" -s_n s_1 & -s_n s_2 & \cdots & s_n(1-s_n) \end{bmatrix}",
            Verdict.PROVED,
        ),
        (
            r"\operatorname{diag}(s) - s s^T = \begin{bmatrix} s_1(1-s_1) & \cdots & s_1 s_n \\"
            r" \vdots & \ddots & \vdots \\ s_n s_1 & \cdots & s_n(1-s_n) \end{bmatrix}",
            Verdict.REFUTED,
        ),
        (  # the second row does not fit the first and the last
            r"A = \begin{bmatrix} a_{11} & \cdots & a_{1n} \\ a_{31} & \cdots & a_{3n} \\"
            r" \vdots & & \vdots \\ a_{m1} & \cdots & a_{mn} \end{bmatrix}",
            Verdict.UNREAD,
        ),
        (r"x = [x_1, x_3, \dots, x_n]^T", Verdict.UNREAD),
        (r"2 x = [2x_1, 2x_2, \dots, 2x_n]^T", Verdict.PROVED),
        (r"x = [x_1, \dots, x_i, \dots, x_n]^T", Verdict.PROVED),
    ],
)
def test_matrices_with_dots(formula: str, expected: Verdict) -> None:
    assert verdicts(f"{GRID}\n\n$${formula}$$\n") == [expected]


VECTORS = r"Let $x \in \mathbb{R}^n$, $y \in \mathbb{R}^n$, $A \in \mathbb{R}^{n\times n}$."


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"x^T y = \sum x_i y_i", Verdict.PROVED),
        (r"(A x)_i = \sum A_{ij} x_j", Verdict.PROVED),
        (r"(A x)_i = \sum A_{ji} x_j", Verdict.REFUTED),
        (r"x^T x + y^T y = \sum_i x_i^2 + y_i^2", Verdict.PROVED),
        (r"x^T x - y^T y = \sum_i x_i^2 + y_i^2", Verdict.REFUTED),
        (r"x_i + x^T x = \sum_k x_k^2 + x_i", Verdict.PROVED),
        (r"x_k + x^T x = \sum_k x_k^2 + x_k", Verdict.PROVED),  # k means something outside
        (r"x \cdot y = x^T y", Verdict.PROVED),
        (r"x \cdot (A y) = y \cdot (A x)", Verdict.REFUTED),
        (r"\nabla_x (x \cdot x) = 2 x", Verdict.PROVED),
        (r"\operatorname{diag}(x) y = x * y", Verdict.PROVED),
        (r"\operatorname{diag}(x) y = x \cdot y", Verdict.PROVED),  # shapes ask for it
        (r"A x = x \cdot y", Verdict.REFUTED),
        (r"\frac{\delta (x^T A x)}{\delta x} = (A + A^T) x", Verdict.PROVED),
        (r"\frac{\delta (x^T A x)}{\delta x} = 2 A x", Verdict.REFUTED),
        (r"x \odot (1 - y) = x - \operatorname{diag}(y) x", Verdict.PROVED),
        (
            r"\operatorname{diag}(x \odot (1 - x)) = \operatorname{diag}(x) - \operatorname{diag}(x)^2",
            Verdict.PROVED,
        ),
        (r"x \odot (1 - y) = x - y", Verdict.REFUTED),
        (r"1 - y = x", Verdict.REFUTED),  # nothing says that this 1 is a vector
        (r"A A^{-1} = I", Verdict.PROVED),
        (r"A A^{T} = I", Verdict.REFUTED),
        (r"x - x = \mathbf{0}", Verdict.PROVED),
    ],
)
def test_how_people_write(formula: str, expected: Verdict) -> None:
    assert verdicts(f"{VECTORS}\n\n$${formula}$$\n") == [expected]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"(y - Xu)'(y - Xu) = y'y - 2 u'X'y + u'X'Xu", Verdict.PROVED),
        (r"(y - Xu)'(y - Xu) = y'y - u'X'y + u'X'Xu", Verdict.REFUTED),
        (r"\frac{\partial}{\partial u} (y-Xu)'(y-Xu) = -2X'(y-Xu)", Verdict.PROVED),
        (r"u' X^T = (X u)^T", Verdict.UNREAD),  # where another sign transposes, a prime does not
    ],
)
def test_primes_that_transpose(formula: str, expected: Verdict) -> None:
    given = r"Let $X \in \mathbb{R}^{n\times p}$, $u \in \mathbb{R}^p$, $y \in \mathbb{R}^n$."
    assert verdicts(f"{given}\n\n$${formula}$$\n") == [expected]


SAMPLES = r"""<!-- derive
x_i \in \mathbb{R}^d, y_i \in \mathbb{R}, w \in \mathbb{R}^d
a^{(i)} \in \mathbb{R}^d, t^{(i)} \in \mathbb{R}
-->
"""


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"\sum_i y_i x_i = x_i \sum_i y_i", Verdict.REFUTED),  # x_i is not one vector
        (r"\sum_{i=1}^N y_i x_i = \sum_{j=1}^N y_j x_j", Verdict.PROVED),
        (r"\sum_i (w^T x_i)^2 = w^T \left(\sum_j x_j x_j^T\right) w", Verdict.PROVED),
        (r"\sum_{i=1}^N y_i = y_1 + y_2 + \cdots + y_N", Verdict.PROVED),
        (r"\frac1N \sum_{i=1}^N y_i = y_1 + y_2 + \cdots + y_N", Verdict.REFUTED),
        (r"\sum_i a^{(i)} t^{(i)} = \sum_j t^{(j)} a^{(j)}", Verdict.PROVED),
        (
            r"\frac{\partial}{\partial w_j} \sum_{i=1}^{m} (w^T a^{(i)} - t^{(i)})^2 ="
            r" 2 \sum_{i=1}^{m} (w^T a^{(i)} - t^{(i)}) a_j^{(i)}",
            Verdict.PROVED,
        ),
    ],
)
def test_quantities_with_a_number(formula: str, expected: Verdict) -> None:
    assert verdicts(f"{SAMPLES}\n$${formula}$$\n") == [expected]


def test_one_quantity_may_carry_a_letter() -> None:
    """x_k is one vector where nothing sums over k."""
    declared = "Let $x_k \\in \\mathbb{R}^d$, $P_k \\in \\mathbb{R}^{d \\times d}$."
    text = f"{declared}\n\n$$x_k^T P_k x_k = x_k^T P_k^T x_k$$\n"
    assert verdicts(text) == [Verdict.PROVED]


LAYERS = r"""<!-- derive
W^{(l)} \in \mathbb{R}^{m \times n}, a^{(l-1)} \in \mathbb{R}^n, W^{(l+1)} \in \mathbb{R}^{p \times m}
\sigma: \mathbb{R} \to \mathbb{R} elementwise
C: \mathbb{R}^p \to \mathbb{R}
z^{(l)} = W^{(l)} a^{(l-1)}
z^{(l+1)} = W^{(l+1)} \sigma(z^{(l)})
C = C(z^{(l+1)})
\delta^{(l+1)} = \frac{\partial C}{\partial z^{(l+1)}}
\delta^{(l)} = \frac{\partial C}{\partial z^{(l)}}
-->
"""


@pytest.mark.parametrize("style", ["(l)", "[l]", "l"])
@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"\delta^{(l)} = ((W^{(l+1)})^T \delta^{(l+1)}) \odot \sigma'(z^{(l)})", Verdict.PROVED),
        (r"\delta^{(l)} = (W^{(l+1)} \delta^{(l+1)}) \odot \sigma'(z^{(l)})", Verdict.REFUTED),
        (r"\frac{\partial C}{\partial W^{(l)}} = \delta^{(l)} (a^{(l-1)})^T", Verdict.PROVED),
        (r"\frac{\partial C}{\partial W^{(l)}_{ij}} = \delta^{(l)}_i a^{(l-1)}_j", Verdict.PROVED),
        (r"\frac{\partial C}{\partial w^{(l)}_{ij}} = \delta^{(l)}_j a^{(l-1)}_i", Verdict.REFUTED),
        (
            r"\delta^{(l)}_i = \sum_{j=1}^{p} W^{(l+1)}_{ji} \delta^{(l+1)}_j \sigma'(z^{(l)}_i)",
            Verdict.PROVED,
        ),
        (
            r"\delta^{(l)}_i = \sum_{j=1}^{p} W^{(l+1)}_{ij} \delta^{(l+1)}_j \sigma'(z^{(l)}_i)",
            Verdict.REFUTED,
        ),
    ],
)
def test_layers(style: str, formula: str, expected: Verdict) -> None:
    text = f"{LAYERS}\n$${formula}$$\n"
    if style == "[l]":
        text = re.sub(r"\^\{\((l[+-]?1?)\)", r"^{[\1]", text)
    elif style == "l":
        text = re.sub(r"\^\{\((l[+-]?1?)\)", r"^{\1", text)
    assert verdicts(text) == [expected]


def test_a_mark_and_a_transposition_in_one_superscript() -> None:
    formula = r"\frac{\partial C}{\partial W^{(l)}} = \delta^{(l)} a^{(l-1)T}"
    assert verdicts(f"{LAYERS}\n$${formula}$$\n") == [Verdict.PROVED]


ENTRIES = (
    r"Let $z \in \mathbb{R}^c$, $W \in \mathbb{R}^{c\times d}$, "
    r"$x \in \mathbb{R}^d$, $J \in \mathbb{R}^{c\times c}$."
)


@pytest.mark.parametrize(
    ("formulas", "expected"),
    [
        ([r"z_i = \sum_j W_{ij} x_j", r"\frac{\partial z_i}{\partial x_j} = W_{ij}"], [Verdict.PROVED]),
        ([r"z_i = \sum_j W_{ij} x_j", r"z = W x", r"z = 2 W x"], [Verdict.PROVED, Verdict.REFUTED]),
        ([r"J_{ij} = z_i z_j", r"J = z z^T"], [Verdict.PROVED]),
        ([r"z_i = W_{ij} x_j"], [Verdict.REFUTED]),  # j is not bound
        ([r"z_i = \sum_j z_j + z_i"], [Verdict.REFUTED]),  # nothing is defined by itself
        ([r"z_i = 1"], [Verdict.REFUTED]),
    ],
)
def test_a_declared_symbol_may_be_defined_by_entries(formulas: list[str], expected: list[Verdict]) -> None:
    text = "\n\n".join(f"$${formula}$$" for formula in formulas)
    assert verdicts(f"{ENTRIES}\n\n{text}\n") == expected


def test_symbols_that_the_words_behind_a_display_define() -> None:
    text = (
        "Let $x \\in \\mathbb{R}^n$, $A \\in \\mathbb{R}^{n\\times n}$.\n\n$$\\|Ax\\|^2 = x^T G x$$\n\n%s\n"
    )
    assert verdicts(text % "where $G = A^T A$ is the Gram matrix.") == [Verdict.PROVED]
    assert verdicts(text % "where $G = A A^T$.") == [Verdict.REFUTED]
    assert verdicts(text % "$$G = A^T A$$\n") == [Verdict.UNREAD]


KALMAN = r"""<!-- derive
K_k \in \mathbb{R}^{n \times m}, H \in \mathbb{R}^{m \times n}
-->
"""


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"(K_k H)^T = H^T K_K^T", Verdict.REFUTED),  # K_k is meant
        (r"(K_k H)^T = K_K^T H^T", Verdict.REFUTED),
        (r"K_K H = K_K H", Verdict.UNREAD),  # true of whatever it is
        (r"(K_k H)^T = H^T K_j^T", Verdict.UNREAD),  # no slip of a capital
    ],
)
def test_a_letter_that_nothing_has(formula: str, expected: Verdict) -> None:
    (step,) = (s for s in checked(f"{KALMAN}\n$${formula}$$\n").steps if s.kind == "claim")
    assert step.verdict is expected


def test_a_derivative_that_is_set_to_zero() -> None:
    """The condition for an optimum is given, and says nothing of how derivatives are computed."""
    text = (
        "Let $A \\in \\mathbb{R}^{m\\times n}$, $x \\in \\mathbb{R}^n$, $b \\in \\mathbb{R}^m$, "
        "$J = \\|Ax - b\\|^2$.\n\n$$\\frac{\\partial J}{\\partial x} = 2A^T(Ax-b) = 0$$\n\n"
        "Let $\\frac{\\partial J}{\\partial x} = 0$.\n\n"
        "$$\\frac{\\partial J}{\\partial x} = 2A^TAx - 2A^Tb$$\n\n$$x^T x = 0$$\n"
    )
    kinds = [(s.kind, s.verdict) for s in checked(text).steps[4:]]
    assert kinds == [
        ("claim", Verdict.PROVED),
        ("given", None),
        ("given", None),
        ("claim", Verdict.PROVED),
        ("claim", Verdict.REFUTED),
    ]


def test_a_given_statement_without_a_reading_is_reported() -> None:
    (step, *_) = checked("<!-- derive\nz = W q\n-->\n\n$$1 = 1$$\n").steps
    assert (step.line, step.verdict) == (2, Verdict.UNREAD)


FUNCTIONS = r"""<!-- derive
f: \mathbb{R}^n \to \mathbb{R}
g: \mathbb{R}^n \to \mathbb{R}
u: \mathbb{R}^n \to \mathbb{R}^m
v: \mathbb{R}^n \to \mathbb{R}^m
x \in \mathbb{R}^n, y \in \mathbb{R}^n, t \in \mathbb{R}, A \in \mathbb{R}^{n\times n}
-->
"""


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (  # the exponent of a function belongs to its value
            r"\frac{\partial}{\partial x} \left[\frac{f(x)}{g(x)}\right] = \frac{1}{g^2(x)}"
            r" \left[\frac{\partial f(x)}{\partial x} g(x) - f(x) \frac{\partial g(x)}{\partial x}\right]",
            Verdict.PROVED,
        ),
        (r"f(x)^2 = f(x) f(x)", Verdict.PROVED),
        (r"f(x)^2 = f(x)", Verdict.REFUTED),
        (
            r"\frac{\partial u^T v}{\partial x}"
            r" = \frac{\partial u}{\partial x} v + \frac{\partial v}{\partial x} u",
            Verdict.PROVED,
        ),
        (r"\frac{\partial u^T v}{\partial x} = \frac{\partial u}{\partial x} v", Verdict.REFUTED),
        (r"\frac{\partial f^2}{\partial x} = 2 f \nabla f", Verdict.PROVED),
        (r"f'(x) = \nabla f", Verdict.UNREAD),
        (r"\sigma(-t) = 1 - \sigma(t)", Verdict.PROVED),
        (r"\sigma(-t) = \sigma(t)", Verdict.REFUTED),
        (r"\vec{x}^T \vec{y} = y^T x", Verdict.PROVED),
        (r"A^{-2} = (A^2)^{-1}", Verdict.PROVED),
        (r"\left.\frac{\partial x^T A x}{\partial x}\right|_{x=y} = (A + A^T) y", Verdict.PROVED),
        (r"\left.\frac{\partial x^T A x}{\partial x}\right|_{x=y} = (A + A^T) x", Verdict.REFUTED),
    ],
)
def test_functions_and_their_arguments(formula: str, expected: Verdict) -> None:
    assert verdicts(f"{FUNCTIONS}\n$${formula}$$\n") == [expected]


JACOBIAN = r"Let $a \in \mathbb{R}^n$, $s = \mathrm{softmax}(a)$."


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        (r"s_i (\mathbb{1}_{i=j} - s_j)", Verdict.PROVED),
        (r"s_i (\mathbf{1}_{\{i=j\}} - s_j)", Verdict.PROVED),
        (r"s_i ([i=j] - s_j)", Verdict.PROVED),
        (r"s_i (\mathbb{1}_{i \neq j} - s_j)", Verdict.REFUTED),
        (r"\begin{cases} s_i (1-s_j), & i=j, \\ -s_i s_j, & \text{otherwise.} \end{cases}", Verdict.PROVED),
        (r"\begin{cases} s_i (1-s_j), & i=j, \\ s_i s_j, & \text{otherwise.} \end{cases}", Verdict.REFUTED),
        (r"\begin{cases} s_i (1-s_j), & i=j, \\ -s_i s_j, & \text{perhaps.} \end{cases}", Verdict.UNREAD),
    ],
)
def test_indicators_and_what_is_left(right: str, expected: Verdict) -> None:
    formula = rf"\frac{{\partial s_i}}{{\partial a_j}} = {right}"
    assert verdicts(f"{JACOBIAN}\n\n$${formula}$$\n") == [expected]


def test_an_index_with_a_prime() -> None:
    formula = r"\mathrm{softmax}(a)_j = \frac{e^{a_j}}{\sum_{j'=1}^n e^{a_{j'}}}"
    assert verdicts(f"Let $a \\in \\mathbb{{R}}^n$.\n\n$${formula}$$\n") == [Verdict.PROVED]


@pytest.mark.parametrize(
    ("condition", "formula", "expected"),
    [
        ("$y \\in \\{0,1\\}^n$ is a one-hot vector", "y^T y = 1", [Verdict.PROVED]),
        ("标签 $y\\in\\{0,1\\}^n$ 为 one-hot 向量", "y^T y = 1", [Verdict.PROVED]),
        ("$y \\in \\{0,1\\}^n$ is not one-hot", "y^T y = 1", [Verdict.REFUTED]),
        ("$y \\in \\mathbb{R}^n$ has $\\sum_i y_i = 1$", "\\sum_k y_k = 1", [Verdict.PROVED]),
        ("$y \\in \\mathbb{R}^{n \\times n}$ and $y = y^T$", "y_{ij} = y_{ji}", [Verdict.PROVED]),
        (
            "$y \\in \\mathbb{R}^{n \\times n}$ and $y y = y$",
            "y_{ij} = y_{ji}",
            [Verdict.REFUTED, Verdict.REFUTED],
        ),
    ],
)
def test_conditions_without_a_cue(condition: str, formula: str, expected: list[Verdict]) -> None:
    """What can only be meant as a condition is one; nothing else is assumed."""
    assert verdicts(f"Here {condition}.\n\n$${formula}$$\n") == expected


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"d(A^{-1}) = -A^{-1} (dA) A^{-1}", Verdict.PROVED),
        (r"d(A^{-1}) = A^{-1} (dA) A^{-1}", Verdict.REFUTED),
        (r"d(\operatorname{tr}(A^T A)) = 2 \operatorname{tr}(A^T dA)", Verdict.PROVED),
        (r"\sum_{k=1}^d s = d s", Verdict.PROVED),
        (r"d (s + 1) = d s + d", Verdict.PROVED),
    ],
)
def test_d_may_be_a_dimension_and_a_differential(formula: str, expected: Verdict) -> None:
    """dA of an array that varies; d s of a number is d times s."""
    text = r"Let $A \in \mathbb{R}^{m \times m}$, $x \in \mathbb{R}^d$, $s \in \mathbb{R}$, and $dA$."
    assert verdicts(f"{text}\n\n$${formula}$$\n") == [expected]


def test_a_size_belongs_to_the_last_of_the_names_before_it() -> None:
    text = r"Let $z \in \mathbb{R}^K$, $a = 2 z$ and $y$ is a one-hot vector of $K$ classes."
    assert verdicts(f"{text}\n\n$$\\sum_i y_i = 1, \\quad y^T a = 2 \\sum_i y_i z_i$$\n") == [
        Verdict.PROVED,
        Verdict.PROVED,
    ]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"\frac{\partial z_i}{\partial x_j} = W_{ij}", Verdict.PROVED),
        (r"\frac{\partial z_i}{\partial b_j} = \delta_{ij}", Verdict.PROVED),
        (r"\frac{\partial z_i}{\partial x_j} = W_{ji}", Verdict.REFUTED),
        (r"u^T W x = x^T W^T u", Verdict.PROVED),
        (r"u^T W x = x^T W u", Verdict.UNREAD),  # no shape of u will do
        (r"u^T z = z^T u + s", Verdict.UNREAD),  # s may be anything
        (r"V x = x", Verdict.UNREAD),  # and so may V
        (r"\lambda x = x", Verdict.UNREAD),
    ],
)
def test_shapes_that_follow_from_use(formula: str, expected: Verdict) -> None:
    """W is declared, and so there is no choice about x, b and z in z = W x + b."""
    text = r"Let $W \in \mathbb{R}^{c \times d}$ and $z = W x + b$."
    assert verdicts(f"{text}\n\n$${formula}$$\n") == [expected]


def test_an_inferred_shape_is_put_down() -> None:
    report = checked(r"Let $A \in \mathbb{R}^{m \times n}$." + "\n\n$$(A x)^T = x^T A^T$$\n")
    taken = [(s.lhs, s.rhs) for s in report.steps if s.kind == "declaration" and s.message is not None]
    assert taken == [("x", r"\mathbb{R}^{n}")]
    assert "assumes x ∈ Rⁿ   as its use demands, in line 3" in str(report)
