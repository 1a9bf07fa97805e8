"""What a document tells of its symbols: shapes in lists and tables, definitions after declarations."""

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
