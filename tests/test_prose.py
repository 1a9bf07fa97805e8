"""What a document says of its symbols in words: hypotheses, and what they hold for."""

import pytest

from derive.documents import Given, check_source
from derive.reader import markdown
from derive.report import Report, Verdict

QUADRATIC = r"$$\frac{\partial\, x^T A x}{\partial x} = 2Ax$$"
SHAPES = r"Take $A \in \mathbb{R}^{n \times n}$ and $x \in \mathbb{R}^n$. "
LOSS = (
    r"Let $p_i = \frac{e^{z_i}}{\sum_{k=1}^K e^{z_k}}$ with $z \in \mathbb{R}^K$, "
    r"and $L = -\sum_i y_i \log p_i$"
)
PROVED, REFUTED, UNREAD = Verdict.PROVED, Verdict.REFUTED, Verdict.UNREAD


def checked(text: str) -> Report:
    return check_source("x.md", text, markdown.read(text), Given())


def verdicts(text: str) -> list[Verdict | None]:
    return [step.verdict for step in checked(text).steps if step.kind == "claim"]


@pytest.mark.parametrize(
    "words",
    [
        "Here $A$ is symmetric.",
        "Let $A$ be a symmetric matrix.",
        "If $A$ is symmetric, then",
        "For a symmetric matrix $A$ we have",
        "For symmetric positive definite $A$:",
        "设 $A$ 是对称正定矩阵。",
        "若 $A$ 对称，则",
        "对于对称矩阵 $A$，",
    ],
)
def test_a_matrix_that_is_called_symmetric(words: str) -> None:
    report = checked(f"{SHAPES}{words}\n{QUADRATIC}\n")
    (step,) = [step for step in report.steps if step.kind == "claim"]
    assert step.verdict is PROVED
    assert step.uses == ("A = A^T",)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Here $A$ is square.",
        "Here $A$ is not symmetric.",
        "Here $A$ need not be symmetric.",
        "这里 $A$ 不是对称矩阵。",
        "$X$ is symmetric.",
    ],
)
def test_a_matrix_that_is_not(words: str) -> None:
    assert verdicts(f"{SHAPES}{words}\n{QUADRATIC}\n") == [REFUTED]


def test_what_holds_in_a_case_ends_with_its_section() -> None:
    """Said with `if` it ends with the section, said outright it does not."""
    for words, after in (("If $A$ is symmetric,", REFUTED), ("The matrix $A$ is symmetric:", PROVED)):
        assert verdicts(f"{SHAPES}\n\n{words}\n{QUADRATIC}\n\n## In general\n\n{QUADRATIC}\n") == [
            PROVED,
            after,
        ]


def test_a_declared_symbol_keeps_what_a_given_block_says() -> None:
    given = "<!-- derive\nA \\in \\mathbb{R}^{n \\times n}, x \\in \\mathbb{R}^n\n-->\n"
    assert verdicts(f"{given}If $A$ is symmetric,\n{QUADRATIC}\n") == [REFUTED]


@pytest.mark.parametrize(
    ("said", "formula", "expected"),
    [
        ("A symmetric", QUADRATIC, [PROVED]),
        ("A, B symmetric", r"$$A + B^T = A^T + B$$", [PROVED]),
        ("A + A^T invertible", r"$$(A + A^T)^{-1}(A + A^T) = I$$", [PROVED]),
        ("B orthogonal", r"$$B^T B = I$$", [PROVED]),
        ("A symmetric positive definite", QUADRATIC, [PROVED]),
        ("A banded", QUADRATIC, [UNREAD, REFUTED]),
    ],
)
def test_words_in_a_given_block(said: str, formula: str, expected: list[Verdict]) -> None:
    """None of them is passed over in silence."""
    given = rf"A, B \in \mathbb{{R}}^{{n \times n}}, x \in \mathbb{{R}}^n{chr(10)}{said}"
    assert verdicts(f"<!-- derive\n{given}\n-->\n{formula}\n") == expected


@pytest.mark.parametrize(
    "words", ["where $y$ is one-hot.", "where $y$ is the one-hot label.", "其中 $y$ 是独热向量。"]
)
def test_one_hot_said_of_a_vector_without_a_size(words: str) -> None:
    assert verdicts(f"{LOSS}, {words}\n$$\\frac{{\\partial L}}{{\\partial z}} = p - y$$\n") == [PROVED]


@pytest.mark.parametrize(
    "words",
    [
        "The class label $c$ gives",
        "where $c$ is the true class, so that",
        "where $c$ denotes the index of the correct class.",
        "其中 $c$ 是真实类别，",
    ],
)
def test_the_class_of_a_one_hot_vector(words: str) -> None:
    text = f"{LOSS}, where $y$ is one-hot. {words}\n$$L = -\\log p_c$$\n"
    assert verdicts(text) == [PROVED]
    assert verdicts(text.replace(words, "This is")) != [PROVED]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"(1 - y)^T \log(1 - h) = \sum_i (1 - y_i) \log(1 - h_i)", PROVED),
        (r"X^T(1 - y) = X^T \mathbf{1} - X^T y", PROVED),
        (r"(1 - y)^T(1 - y) = m - y^T y", REFUTED),
        (r"(1 - A) x = x - A x", REFUTED),  # an identity is no array of ones
    ],
)
def test_one_minus_a_vector(formula: str, expected: Verdict) -> None:
    shapes = r"$X \in \mathbb{R}^{m \times n}$, $A \in \mathbb{R}^{m \times m}$, $x, y, h \in \mathbb{R}^m$"
    assert verdicts(f"Take {shapes}.\n$${formula}$$\n") == [expected]


@pytest.mark.parametrize("mark", ["_{}", "^{{({})}}"])
def test_samples_declared_as_a_list(mark: str) -> None:
    first, last, one = ("x" + mark.format(number) for number in ("1", "N", "n"))
    text = (
        rf"Let ${first}, \dots, {last} \in \mathbb{{R}}^d$ and $\mu \in \mathbb{{R}}^d$."
        "\n"
        rf"$$J = \frac{{N}}{{2}} \sum_{{n=1}}^N ({one} - \mu)^T({one} - \mu)$$"
        "\n"
        rf"$$\frac{{\partial J}}{{\partial \mu}} = -N \sum_{{n=1}}^N ({one} - \mu)$$"
        "\n"
    )
    assert verdicts(text) == [PROVED]


@pytest.mark.parametrize(
    ("shapes", "error", "formulas"),
    [
        (
            r"$X \in \mathbb{R}^{m \times n}$, $w \in \mathbb{R}^n$, $y \in \mathbb{R}^m$",
            r"e = Xw - y",
            [r"e_i = \sum_j X_{ij} w_j - y_i", r"e^T e = \|e\|^2", r"e^y = \exp(y)"],
        ),
        (
            r"$z, t \in \mathbb{R}$",
            r"e = \frac{1}{1 + e^{-z}} - t",
            [r"e^2 = e \cdot e", r"\frac{\partial e^2}{\partial z} = \frac{2 e e^{-z}}{(1 + e^{-z})^2}"],
        ),
    ],
    ids=["vector", "scalar"],
)
def test_an_error_that_is_called_e(shapes: str, error: str, formulas: list[str]) -> None:
    """Its powers and transposes are its own; e to anything else is the exponential."""
    text = f"Let {shapes}.\n\n$${error}$$\n\n" + "".join(f"$${formula}$$\n\n" for formula in formulas)
    assert verdicts(text) == [PROVED] * len(formulas)


@pytest.mark.parametrize(
    "formula", [r"I - \mathbf{1} p^T = I - \mathbf{1} q^T", r"\mathbf{1} = u \mathbf{1}", r"I = I u"]
)
def test_sizes_that_nothing_tells(formula: str) -> None:
    """Such a line is unread, and no trouble for the next one."""
    found = checked(f"$${formula}$$\n\n$2 = 2$\n")
    assert found.error is None
    assert [step.verdict for step in found.steps if step.kind == "claim"] == [UNREAD, PROVED]
