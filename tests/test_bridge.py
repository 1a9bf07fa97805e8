"""One side in matrices and the other in components, and each equation shown both ways."""

from __future__ import annotations

import json

import pytest

from derive import cli
from derive.documents import check_equation, given_statements
from derive.report import Step

SHAPES = (
    r"A \in \mathbb{R}^{m \times n}, B \in \mathbb{R}^{n \times m}, M \in \mathbb{R}^{n \times n}, "
    r"x \in \mathbb{R}^n, y \in \mathbb{R}^m"
)
CLASSIFIER = [
    r"W \in \mathbb{R}^{c \times d}, x \in \mathbb{R}^d, b, y \in \mathbb{R}^c",
    r"\sum_i y_i = 1",
    "z = W x + b",
    r"\hat y = \mathrm{softmax}(z)",
    r"CE = -y^T \log \hat y",
]


def judged(equation: str, given: list[str], layout: str = "denominator", translate: bool = False) -> Step:
    """The one claim of an equation."""
    found = check_equation(equation, given_statements(given), layout, 60, translate)
    (step,) = [step for step in found.steps if step.kind == "claim"]
    return step


@pytest.mark.parametrize(
    "equation",
    [
        r"\frac{\partial CE}{\partial W_{ij}} = [(\hat y - y) x^T]_{ij}",
        r"\frac{\partial CE}{\partial W_{ij}} = ((\hat y - y) x^\top)_{i,j}",
        r"\frac{\partial CE}{\partial W_{ij}} = (\hat y_i - y_i) x_j",
        r"\frac{\partial CE}{\partial w_{ij}} = (\hat y - y)_i x_j",
        r"\left[ \frac{\partial CE}{\partial W} \right]_{ij} = (\hat y_i - y_i) x_j",
        r"(\nabla_W CE)_{ij} = (\hat y_i - y_i) x_j",
        r"\frac{\partial CE}{\partial W_{11}} = (\hat y_1 - y_1) x_1",
        r"\frac{\partial CE}{\partial z_k} = e_k^T (\hat y - y)",
        r"\left( \frac{\partial CE}{\partial z} \right)_k = \hat y_k - y_k",
    ],
)
def test_a_gradient_in_matrices_beside_one_in_components(equation: str) -> None:
    assert judged(equation, CLASSIFIER).verdict == "proved"


@pytest.mark.parametrize(
    "equation",
    [
        r"(A x)_i = \sum_j A_{ij} x_j",
        r"[A x]_i = \sum_{j=1}^n A_{ij} x_j",
        r"A x = \sum_j x_j A_{:,j}",
        r"\mathrm{tr}(A B) = \sum_{ij} A_{ij} B_{ji}",
        r"\operatorname{Tr}(A B) = \sum_{i=1}^m \sum_{j=1}^n a_{ij} b_{ji}",
        r"\mathrm{tr}(A B) = \sum_{i,j=1}^{m,n} A_{ij} B_{ji}",
        r"y^T A x = \sum_{i,j} y_i A_{ij} x_j",
        r"\langle y, A x \rangle = \sum_i y_i \sum_j A_{ij} x_j",
        r"\|A\|_F^2 = \sum_{ij} A_{ij}^2",
        r"(A \odot B^T)_{ij} = A_{ij} B_{ji}",
        r"A = \sum_{ij} A_{ij} e_i e_j^T",
        r"A_{ij} = e_i^T A e_j",
        r"\frac{\partial (A x)_i}{\partial x_j} = A_{ij}",
        r"\frac{\partial (x^T M x)}{\partial x_k} = \sum_j (M_{kj} + M_{jk}) x_j",
        r"\frac{\partial}{\partial x_k} \sum_{i,j} x_i M_{ij} x_j = [(M + M^T) x]_k",
    ],
)
def test_matrices_beside_components(equation: str) -> None:
    assert judged(equation, [SHAPES]).verdict == "proved"


@pytest.mark.parametrize(
    ("equation", "given", "layout", "by_entries", "in_matrices"),
    [
        (r"\frac{\partial CE}{\partial W_{ij}} = (\hat y_i - y_i) x_j", CLASSIFIER, "denominator",
         None, r"\frac{\partial CE}{\partial W} = \left(\hat{y} - y\right) x^T"),
        (r"\frac{\partial CE}{\partial W_{ij}} = (\hat y_i - y_i) x_j", CLASSIFIER, "numerator",
         None, r"\frac{\partial CE}{\partial W} = x \left(\hat{y}^T - y^T\right)"),
        (r"\frac{\partial z_i}{\partial x_j} = W_{ij}", CLASSIFIER, "numerator",
         None, r"\frac{\partial z}{\partial x} = W"),
        (r"A x = y", [SHAPES], "denominator", r"\sum_{j} A_{ij} x_{j} = y_{i}", None),
        (r"\frac{\partial (A x)}{\partial x} = A^T", [SHAPES], "denominator",
         r"\frac{\partial \left(\sum_{k} A_{jk} x_{k}\right)}{\partial x_{i}} = A_{ji}", None),
        (r"\sum_j M_{ij} M_{kj} = \delta_{ik}", [SHAPES], "denominator", None, "M M^T = I"),
        (r"\sum_{ij} A_{ij} B_{ji} = 1", [SHAPES], "denominator",
         None, r"\operatorname{tr}\left(A B\right) = 1"),
    ],
)  # fmt: skip
def test_translations(
    equation: str, given: list[str], layout: str, by_entries: str | None, in_matrices: str | None
) -> None:
    step = judged(equation, given, layout, True)
    assert (step.by_entries, step.in_matrices) == (by_entries, in_matrices)


@pytest.mark.parametrize(
    ("equation", "layout"),
    [
        (r"\frac{\partial CE}{\partial W_{ij}} = (\hat y_i - y_i) x_j", "numerator"),
        (r"\frac{\partial CE}{\partial z} = \hat y - y", "denominator"),
        (r"\frac{\partial \hat y}{\partial z} = \mathrm{diag}(\hat y) - \hat y \hat y^T", "numerator"),
        (r"\frac{\partial \hat y_i}{\partial z_j} = \hat y_i (\delta_{ij} - \hat y_j)", "denominator"),
    ],
)
def test_a_translation_is_as_true_as_what_it_translates(equation: str, layout: str) -> None:
    """Read again, it is proved; and that of a false equation is not."""
    for change, verdict in (("", "proved"), (" + x_j x_j x_i" if "_j" in equation else " + z", "refuted")):
        step = judged(equation + change, [*CLASSIFIER, r"\hat y \in \mathbb{R}^c"][:5], layout, True)
        shown = [form for form in (step.by_entries, step.in_matrices) if form]
        assert step.verdict in (verdict, "unread", "unknown") if change else step.verdict == verdict
        for form in shown:
            assert judged(form, CLASSIFIER, layout).verdict == step.verdict, form


def test_show_reading_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--given", SHAPES]
    assert cli.run(["prove", r"(A x)_i = \sum_j A_{ij} x_j", *given, "--show-reading"]) == 0
    shown = capsys.readouterr().out
    assert "by entries: Σₖ Aᵢₖ xₖ = Σⱼ Aᵢⱼ xⱼ" in shown
    assert "in matrices: A x = A x" in shown
    assert cli.run(["prove", "A x = y", *given, "--show-reading", "--format", "json"]) == 1
    assert r"\sum_{j} A_{ij} x_{j} = y_{i}" in json.dumps(json.loads(capsys.readouterr().out)).replace(
        "\\\\", "\\"
    )
    assert cli.run(["prove", "A x = A x", *given]) == 0
    assert "by entries" not in capsys.readouterr().out


# ── what may be meant otherwise ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("equation", "given", "verdict"),
    [
        (r"x^t x = x^T x", [SHAPES], "proved"),
        (r"x^t x = x^T x", [SHAPES, r"t \in \mathbb{R}"], "unread"),  # a power, which vectors do not have
        (r"x_i = e_i^T x", [SHAPES], "proved"),
        (r"x_i = -e_i^T x", [SHAPES], "unread"),  # nobody said that e_i is a basis vector
        (r"\mathrm{tr}(e^M) = \sum_i e^{M_{ii}}", [SHAPES], "proved"),
        (r"e^M e^{-M} = I", [SHAPES], "unread"),  # true of the exponential of a matrix
        (r"e^{A} = A", [SHAPES], "refuted"),
        (r"\frac{I}{\|x\|} - x x^T = -x x^T + \|x\|^{-1} I", [SHAPES], "proved"),
        (
            r"(I - \frac{1}{n} \mathbf{1} \mathbf{1}^T) x = x - \frac{1}{n} \mathbf{1} \mathbf{1}^T x",
            [SHAPES],
            "proved",
        ),
        (r"B - x \mathbf{1}^T = -(x \mathbf{1}^T - B)", [SHAPES], "proved"),
    ],
)
def test_readings(equation: str, given: list[str], verdict: str) -> None:
    assert judged(equation, given).verdict == verdict
