r"""The named rules of matrix calculus that derivations cite, each as one statement in either layout.

A derivation's step names the rule that justifies it; `RULES[name]` says what that rule is. A rule is written
in the notation of documents: `given` holds declarations, definitions and hypotheses, one a line, and the
statement is an equation or inequality that follows from them alone. So a rule is itself a claim, and the
tests prove each one in both layouts with the reader and the kernel that judge documents. Nothing here is
trusted.

Where a rule is about entries, or holds entry by entry, it is used in either form.
"""

from __future__ import annotations

from dataclasses import dataclass

COOKBOOK = "Petersen & Pedersen, The Matrix Cookbook, 2012"
MAGNUS = "Magnus & Neudecker, Matrix Differential Calculus"
WIKIPEDIA = 'Wikipedia, "Matrix calculus"'
BISHOP = "Bishop, Pattern Recognition and Machine Learning, 2006"


@dataclass(frozen=True, slots=True)
class Rule:
    """A law that steps may cite.

    Attributes:
        name: as it stands in a step's tag.
        denominator, numerator: the statement in each layout, in LaTeX; equal where layout plays no part.
        given: what the statement rests on, one declaration, definition or hypothesis a line.
        source: where the law can be looked up.
    """

    name: str
    denominator: str
    numerator: str
    given: str
    source: str


def _given(*lines: str) -> str:
    return "\n".join(lines)


def _law(name: str, statement: str, given: str, source: str) -> Rule:
    """A rule that reads the same in both layouts."""
    return Rule(name, statement, statement, given, source)


_VECTOR_OF_VECTOR = _given(r"x \in \mathbb{R}^n", r"f: \mathbb{R}^n \to \mathbb{R}^m", "u = f(x)")
_SCALAR_OF_VECTOR = _given(r"x \in \mathbb{R}^n", r"f: \mathbb{R}^n \to \mathbb{R}", "s = f(x)")
_TWO_SCALARS_OF_VECTOR = _given(_SCALAR_OF_VECTOR, r"g: \mathbb{R}^n \to \mathbb{R}", "t = g(x)")
_SOFTMAX = _given(r"z \in \mathbb{R}^c", r"\hat{y} = \mathrm{softmax}(z)")
_SIGMOID = _given(r"t \in \mathbb{R}", r"p = \mathrm{sigmoid}(t)")
_LABEL = _given(r"y \in \mathbb{R}^c", r"\sum_i y_i = 1")
_LOSS = r"CE = -y^T \log \hat{y}"
_POSITIVE = _given(r"p \in \mathbb{R}^n", "p_i > 0")
_CLASSIFIER = _given(
    r"W \in \mathbb{R}^{c \times d}, x \in \mathbb{R}^d, b \in \mathbb{R}^c",
    _LABEL,
    "z = W x + b",
    r"\hat{y} = \mathrm{softmax}(z)",
    _LOSS,
)
_FUNCTION_OF_LAYER = _given(
    r"W \in \mathbb{R}^{c \times d}, x \in \mathbb{R}^d, b \in \mathbb{R}^c",
    r"g: \mathbb{R}^c \to \mathbb{R}",
    "z = W x + b",
    "s = g(z)",
)
_BASIS = _given(r"e_j \in \mathbb{R}^n", r"(e_j)_i = \delta_{ij}")

_DEFINITIONS = (
    _law(
        "definition of softmax",
        r"\hat{y} = \frac{1}{\mathbf{1}^T e^z} e^z",
        _SOFTMAX,
        f"{BISHOP}, eq. (4.104)",
    ),
    _law(
        "definition of cross entropy",
        r"-y^T \log p = -\sum_i y_i \log p_i",
        _given(r"y \in \mathbb{R}^n", _POSITIVE),
        f"{BISHOP}, eq. (4.108)",
    ),
    _law(
        "definition of sigmoid",
        r"p = \frac{1}{1 + e^{-t}}",
        _SIGMOID,
        f"{BISHOP}, eq. (4.59)",
    ),
    _law(
        "definition of the norm",
        r"\|A\|_F^2 = \mathrm{tr}(A^T A)",
        r"A \in \mathbb{R}^{m \times n}",
        f"{COOKBOOK}, sec. 10.4 (Frobenius norm; of a column, the Euclidean norm)",
    ),
)

_HYPOTHESES = (
    _law(
        "sum of y is 1",
        r"\mathbf{1}^T y = 1",
        _LABEL,
        "what makes y a distribution: the hypothesis itself, as an inner product",
    ),
    _law(
        "one-hot vector",
        r"\sum_i y_i v_i = v_k",
        _given(
            r"y \in \{0,1\}^c",
            r"\sum_i y_i = 1",
            r"k \in \{1, \dots, c\}",
            "y_k = 1",
            r"v \in \mathbb{R}^c",
        ),
        f"{BISHOP}, sec. 4.3.4 (1-of-K coding)",
    ),
)

_ALGEBRA = (
    _law(
        "distributivity",
        "(A + B) C = A C + B C",
        _given(
            r"A \in \mathbb{R}^{m \times n}, B \in \mathbb{R}^{m \times n}",
            r"C \in \mathbb{R}^{n \times p}",
        ),
        f"{MAGNUS}, ch. 1 (matrices: addition and multiplication)",
    ),
    _law(
        "cancellation",
        r"\frac{s r}{t r} = \frac{s}{t}",
        _given(r"s \in \mathbb{R}, t \in \mathbb{R}, r \in \mathbb{R}", r"t \neq 0", r"r \neq 0"),
        "arithmetic of fractions",
    ),
    _law(
        "common denominator",
        r"\sum_i \frac{v_i}{t} = \frac{\sum_i v_i}{t}",
        _given(r"v \in \mathbb{R}^n, t \in \mathbb{R}", r"t \neq 0"),
        "arithmetic of fractions",
    ),
    _law(
        "scalar factors",
        r"s \, \mathrm{diag}(v) - s^2 v v^T = \mathrm{diag}(s v) - (s v) (s v)^T",
        r"s \in \mathbb{R}, v \in \mathbb{R}^n",
        f"{MAGNUS}, ch. 1 (a scalar commutes with every matrix)",
    ),
    _law(
        "transpose of a sum",
        "(A + B)^T = A^T + B^T",
        r"A \in \mathbb{R}^{m \times n}, B \in \mathbb{R}^{m \times n}",
        f"{COOKBOOK}, eq. (4)",
    ),
    _law(
        "transpose of a product",
        "(A B)^T = B^T A^T",
        r"A \in \mathbb{R}^{m \times n}, B \in \mathbb{R}^{n \times p}",
        f"{COOKBOOK}, eq. (5)",
    ),
    _law(
        "inverse of diag",
        r"\left( (\mathrm{diag}(p))^{-1} v \right)_i = \frac{v_i}{p_i}",
        _given(_POSITIVE, r"v \in \mathbb{R}^n"),
        "the inverse of a diagonal matrix holds the reciprocals of its entries",
    ),
    _law(
        "diag times a vector",
        r"\mathrm{diag}(u) v = u \odot v",
        r"u \in \mathbb{R}^n, v \in \mathbb{R}^n",
        f"{MAGNUS}, ch. 3 (Hadamard product)",
    ),
    _law(
        "trace of a scalar",
        r"u^T v = \mathrm{tr}(u^T v)",
        r"u \in \mathbb{R}^n, v \in \mathbb{R}^n",
        f"{COOKBOOK}, eq. (11), for a matrix with one row and one column",
    ),
    _law(
        "trace of an outer product",
        r"v^T u = \mathrm{tr}(u v^T)",
        r"u \in \mathbb{R}^n, v \in \mathbb{R}^n",
        f"{COOKBOOK}, eq. (14), with one-column factors",
    ),
    _law(
        "linearity of the trace",
        r"s \, \mathrm{tr}(A) + t \, \mathrm{tr}(B) = \mathrm{tr}(s A + t B)",
        _given(
            r"s \in \mathbb{R}, t \in \mathbb{R}",
            r"A \in \mathbb{R}^{n \times n}, B \in \mathbb{R}^{n \times n}",
        ),
        f"{COOKBOOK}, eq. (15)",
    ),
    _law(
        "norm of an outer product",
        r"\|u v^T\|_F^2 = \|u\|^2 \|v\|^2",
        r"u \in \mathbb{R}^m, v \in \mathbb{R}^n",
        f"{COOKBOOK}, eq. (14), applied to the trace that defines the norm",
    ),
    _law(
        "gradient step",
        r"(A - \lambda G) - A = -\lambda G",
        r"A \in \mathbb{R}^{m \times n}, G \in \mathbb{R}^{m \times n}, \lambda \in \mathbb{R}",
        f"{BISHOP}, eq. (3.22) (sequential gradient descent)",
    ),
    _law(
        "variance",
        r"\sum_i p_i v_i^2 - \left( \sum_i p_i v_i \right)^2"
        r" = \sum_i p_i \left( v_i - \sum_k p_k v_k \right)^2",
        _given(r"p \in \mathbb{R}^n, v \in \mathbb{R}^n", r"\sum_i p_i = 1"),
        f"{BISHOP}, eqs. (1.38) and (1.39)",
    ),
    _law(
        "exp of a sum",
        "e^s e^t = e^{s + t}",
        r"s \in \mathbb{R}, t \in \mathbb{R}",
        "functional equation of the exponential",
    ),
    _law(
        "exp of a logarithm",
        r"\frac{1}{t} = e^{-\log t}",
        _given(r"t \in \mathbb{R}", "t > 0"),
        "the exponential inverts the logarithm",
    ),
    _law(
        "logarithm of exp",
        r"\log e^t = t",
        r"t \in \mathbb{R}",
        "the logarithm inverts the exponential",
    ),
    _law(
        "logarithm of a quotient",
        r"\log p_i - \log p_j = \log \left( \frac{p_i}{p_j} \right)",
        _POSITIVE,
        "functional equation of the logarithm",
    ),
)

_ENTRIES = (
    _law(
        "Kronecker delta",
        r"\sum_j \delta_{ij} v_j = v_i",
        r"v \in \mathbb{R}^n",
        'Wikipedia, "Kronecker delta"',
    ),
    _law(
        "case distinction",
        r"\delta_{ij} v_j = \begin{cases} v_i & i = j \\ 0 & i \neq j \end{cases}",
        r"v \in \mathbb{R}^n",
        'Wikipedia, "Kronecker delta"',
    ),
    _law(
        "splitting a sum",
        r"\sum_j v_j = v_i + \sum_{j \neq i} v_j",
        r"v \in \mathbb{R}^n",
        "a sum does not depend on the order of its terms",
    ),
    _law(
        "entries of a product",
        r"(A B)_{ij} = \sum_k A_{ik} B_{kj}",
        r"A \in \mathbb{R}^{m \times n}, B \in \mathbb{R}^{n \times p}",
        f"{MAGNUS}, ch. 1 (matrix multiplication)",
    ),
    _law(
        "entries of an outer product",
        "(u v^T)_{ij} = u_i v_j",
        r"u \in \mathbb{R}^m, v \in \mathbb{R}^n",
        f"{MAGNUS}, ch. 1 (matrix multiplication)",
    ),
    _law(
        "basis vector",
        "e_i^T v = v_i",
        _given(r"v \in \mathbb{R}^n", _BASIS),
        f"{COOKBOOK}, sec. 9.7 (single-entry vectors and matrices)",
    ),
    _law(
        "vector form",
        r"v = \sum_i v_i e_i",
        _given(r"v \in \mathbb{R}^n", _BASIS),
        "a column is known by its entries",
    ),
    _law(
        "matrix form",
        r"A = \sum_i \sum_j A_{ij} e_i h_j^T",
        _given(
            r"A \in \mathbb{R}^{n \times m}",
            _BASIS,
            r"h_j \in \mathbb{R}^m",
            r"(h_j)_i = \delta_{ij}",
        ),
        "a matrix is known by its entries",
    ),
)

_LAYOUTS = (
    Rule(
        "derivative by a scalar",
        r"\frac{\partial u}{\partial t} = \sum_k \frac{\partial u_k}{\partial t} e_k^T",
        r"\frac{\partial u}{\partial t} = \sum_k \frac{\partial u_k}{\partial t} e_k",
        _given(r"t \in \mathbb{R}", r"f: \mathbb{R} \to \mathbb{R}^n", "u = f(t)", _BASIS),
        f"{WIKIPEDIA}, layout conventions",
    ),
    Rule(
        "derivative by a vector",
        r"\frac{\partial s}{\partial x} = \sum_i \frac{\partial s}{\partial x_i} e_i",
        r"\frac{\partial s}{\partial x} = \sum_i \frac{\partial s}{\partial x_i} e_i^T",
        _given(_SCALAR_OF_VECTOR, _BASIS),
        f"{WIKIPEDIA}, layout conventions",
    ),
    Rule(
        "Jacobian by entries",
        r"\left( \frac{\partial u}{\partial x} \right)_{ij} = \frac{\partial u_j}{\partial x_i}",
        r"\left( \frac{\partial u}{\partial x} \right)_{ij} = \frac{\partial u_i}{\partial x_j}",
        _VECTOR_OF_VECTOR,
        f"{WIKIPEDIA}, layout conventions",
    ),
    Rule(
        "derivative by a matrix",
        r"\left( \frac{\partial s}{\partial W} \right)_{ij} = \frac{\partial s}{\partial W_{ij}}",
        r"\left( \frac{\partial s}{\partial W} \right)_{ji} = \frac{\partial s}{\partial W_{ij}}",
        _FUNCTION_OF_LAYER,
        f"{WIKIPEDIA}, layout conventions",
    ),
)

_CALCULUS = (
    _law(
        "linearity",
        r"\frac{\partial (s u + t v)}{\partial x}"
        r" = s \frac{\partial u}{\partial x} + t \frac{\partial v}{\partial x}",
        _given(
            r"s \in \mathbb{R}, t \in \mathbb{R}",
            _VECTOR_OF_VECTOR,
            r"g: \mathbb{R}^n \to \mathbb{R}^m",
            "v = g(x)",
        ),
        f"{COOKBOOK}, eqs. (34) and (35)",
    ),
    _law(
        "constants vanish",
        r"\frac{\partial (u + b)}{\partial x} = \frac{\partial u}{\partial x}",
        _given(_VECTOR_OF_VECTOR, r"b \in \mathbb{R}^m"),
        f"{COOKBOOK}, eq. (33)",
    ),
    Rule(
        "product rule",
        r"\frac{\partial (a u)}{\partial x}"
        r" = a \frac{\partial u}{\partial x} + \frac{\partial a}{\partial x} u^T",
        r"\frac{\partial (a u)}{\partial x}"
        r" = a \frac{\partial u}{\partial x} + u \frac{\partial a}{\partial x}",
        _given(_VECTOR_OF_VECTOR, r"g: \mathbb{R}^n \to \mathbb{R}", "a = g(x)"),
        f"{WIKIPEDIA}, vector-by-vector identities",
    ),
    _law(
        "product rule by entries",
        r"\frac{\partial (s t)}{\partial x_i}"
        r" = s \frac{\partial t}{\partial x_i} + \frac{\partial s}{\partial x_i} t",
        _TWO_SCALARS_OF_VECTOR,
        f"{COOKBOOK}, eq. (37)",
    ),
    _law(
        "quotient rule",
        r"\frac{\partial}{\partial x_i} \left( \frac{s}{t} \right)"
        r" = \frac{\frac{\partial s}{\partial x_i} t - s \frac{\partial t}{\partial x_i}}{t^2}",
        _TWO_SCALARS_OF_VECTOR,
        'Wikipedia, "Quotient rule"',
    ),
    _law(
        "derivative of a reciprocal",
        r"\frac{\partial}{\partial x} \left( \frac{1}{s} \right)"
        r" = -\frac{1}{s^2} \frac{\partial s}{\partial x}",
        _SCALAR_OF_VECTOR,
        f"{COOKBOOK}, eq. (40), for a matrix with one row and one column",
    ),
    Rule(
        "chain rule",
        r"\frac{\partial v}{\partial x} = \frac{\partial u}{\partial x} \frac{\partial v}{\partial u}",
        r"\frac{\partial v}{\partial x} = \frac{\partial v}{\partial u} \frac{\partial u}{\partial x}",
        _given(_VECTOR_OF_VECTOR, r"g: \mathbb{R}^m \to \mathbb{R}^p", "v = g(u)"),
        f"{WIKIPEDIA}, vector-by-vector identities; {MAGNUS}, ch. 5 (the chain rule)",
    ),
    _law(
        "chain rule by entries",
        r"\frac{\partial s}{\partial x_i}"
        r" = \sum_k \frac{\partial s}{\partial u_k} \frac{\partial u_k}{\partial x_i}",
        _given(_VECTOR_OF_VECTOR, r"g: \mathbb{R}^m \to \mathbb{R}", "s = g(u)"),
        f"{COOKBOOK}, eq. (136)",
    ),
    Rule(
        "trace form of the chain rule",
        r"\frac{\partial s}{\partial t}"
        r" = \mathrm{tr} \left( \frac{\partial u}{\partial t} \frac{\partial s}{\partial u} \right)",
        r"\frac{\partial s}{\partial t}"
        r" = \mathrm{tr} \left( \frac{\partial s}{\partial u} \frac{\partial u}{\partial t} \right)",
        _given(
            r"t \in \mathbb{R}",
            r"f: \mathbb{R} \to \mathbb{R}^n",
            "u = f(t)",
            r"g: \mathbb{R}^n \to \mathbb{R}",
            "s = g(u)",
        ),
        f"{COOKBOOK}, eq. (137)",
    ),
    _law(
        "derivative of an entry",
        r"\frac{\partial W_{kl}}{\partial W_{ij}} = \delta_{ik} \delta_{jl}",
        r"W \in \mathbb{R}^{m \times n}",
        f"{COOKBOOK}, eq. (32)",
    ),
    Rule(
        "derivative of a linear form",
        r"\frac{\partial (a^T x)}{\partial x} = a",
        r"\frac{\partial (a^T x)}{\partial x} = a^T",
        r"x \in \mathbb{R}^n, a \in \mathbb{R}^n",
        f"{COOKBOOK}, eq. (69)",
    ),
    Rule(
        "derivative of an affine map",
        r"\frac{\partial (A x + b)}{\partial x} = A^T",
        r"\frac{\partial (A x + b)}{\partial x} = A",
        r"A \in \mathbb{R}^{m \times n}, x \in \mathbb{R}^n, b \in \mathbb{R}^m",
        f"{WIKIPEDIA}, vector-by-vector identities",
    ),
    Rule(
        "derivative by a weight",
        r"\frac{\partial (W x)}{\partial W_{ij}} = x_j e_i^T",
        r"\frac{\partial (W x)}{\partial W_{ij}} = x_j e_i",
        _given(r"W \in \mathbb{R}^{n \times m}, x \in \mathbb{R}^m", _BASIS),
        f"{COOKBOOK}, eq. (74), for a matrix A with one column",
    ),
    Rule(
        "derivative of a squared norm",
        r"\frac{\partial \|x - b\|^2}{\partial x} = 2 (x - b)",
        r"\frac{\partial \|x - b\|^2}{\partial x} = 2 (x - b)^T",
        r"x \in \mathbb{R}^n, b \in \mathbb{R}^n",
        f"{COOKBOOK}, eqs. (85) and (131)",
    ),
    _law(
        "derivative of an elementwise function",
        r"\frac{\partial \sigma(x)}{\partial x} = \mathrm{diag}(\sigma'(x))",
        _given(r"x \in \mathbb{R}^n", r"\sigma: \mathbb{R} \to \mathbb{R} elementwise"),
        f"{WIKIPEDIA}, layout conventions",
    ),
    _law(
        "derivative of exp",
        r"\frac{\partial e^x}{\partial x} = \mathrm{diag}(e^x)",
        r"x \in \mathbb{R}^n",
        f"{WIKIPEDIA}, layout conventions (an elementwise function)",
    ),
    Rule(
        "derivative of a sum of exp",
        r"\frac{\partial (\mathbf{1}^T e^x)}{\partial x} = e^x",
        r"\frac{\partial (\mathbf{1}^T e^x)}{\partial x} = (e^x)^T",
        r"x \in \mathbb{R}^n",
        f"{COOKBOOK}, eq. (69), and the derivative of exp",
    ),
    _law(
        "derivative of log",
        r"\frac{\partial \log p}{\partial p} = (\mathrm{diag}(p))^{-1}",
        _POSITIVE,
        f"{WIKIPEDIA}, layout conventions (an elementwise function)",
    ),
    _law(
        "derivative of sigmoid",
        r"\frac{\partial p}{\partial t} = p (1 - p)",
        _SIGMOID,
        f"{BISHOP}, eq. (4.88)",
    ),
)

_MATRIX_CALCULUS = (
    Rule(
        "product rule of the entrywise product",
        r"\frac{\partial (u \odot v)}{\partial x} = \frac{\partial u}{\partial x} \mathrm{diag}(v)"
        r" + \frac{\partial v}{\partial x} \mathrm{diag}(u)",
        r"\frac{\partial (u \odot v)}{\partial x} = \mathrm{diag}(v) \frac{\partial u}{\partial x}"
        r" + \mathrm{diag}(u) \frac{\partial v}{\partial x}",
        _given(_VECTOR_OF_VECTOR, r"g: \mathbb{R}^n \to \mathbb{R}^m", "v = g(x)"),
        f"{COOKBOOK}, eq. (38)",
    ),
    _law(
        "power rule",
        r"\frac{\partial s^p}{\partial x} = p s^{p-1} \frac{\partial s}{\partial x}",
        _given(_SCALAR_OF_VECTOR, r"p \in \mathbb{R}", "f(x) > 0"),
        'Wikipedia, "Power rule"',
    ),
    _law(
        "derivative of a general power",
        r"\frac{\partial a^t}{\partial t} = a^t \log a",
        _given(r"a \in \mathbb{R}, t \in \mathbb{R}", "a > 0"),
        'Wikipedia, "Exponential function"',
    ),
    Rule(
        "derivative of a norm",
        r"\frac{\partial \|x\|}{\partial x} = \frac{x}{\|x\|}",
        r"\frac{\partial \|x\|}{\partial x} = \frac{x^T}{\|x\|}",
        _given(r"x \in \mathbb{R}^n", r"x \neq 0"),
        f"{COOKBOOK}, eq. (129)",
    ),
    Rule(
        "derivative of a quadratic form",
        r"\frac{\partial (x^T A x)}{\partial x} = (A + A^T) x",
        r"\frac{\partial (x^T A x)}{\partial x} = x^T (A + A^T)",
        r"x \in \mathbb{R}^n, A \in \mathbb{R}^{n \times n}",
        f"{COOKBOOK}, eq. (81)",
    ),
    Rule(
        "derivative of log det",
        r"\frac{\partial \log \det X}{\partial X} = (X^{-1})^T",
        r"\frac{\partial \log \det X}{\partial X} = X^{-1}",
        _given(r"X \in \mathbb{R}^{n \times n}", r"\det X > 0"),
        f"{COOKBOOK}, eq. (57)",
    ),
    Rule(
        "derivative of a determinant",
        r"\frac{\partial \det X}{\partial X} = \det(X) (X^{-1})^T",
        r"\frac{\partial \det X}{\partial X} = \det(X) X^{-1}",
        _given(r"X \in \mathbb{R}^{n \times n}", r"\det X \neq 0"),
        f"{COOKBOOK}, eq. (49)",
    ),
    Rule(
        "derivative of an inverse",
        r"\frac{\partial (a^T X^{-1} b)}{\partial X} = -(X^{-1})^T a b^T (X^{-1})^T",
        r"\frac{\partial (a^T X^{-1} b)}{\partial X} = -X^{-1} b a^T X^{-1}",
        _given(r"X \in \mathbb{R}^{n \times n}", r"\det X \neq 0", r"a \in \mathbb{R}^n, b \in \mathbb{R}^n"),
        f"{COOKBOOK}, eq. (61)",
    ),
    Rule(
        "derivative of the trace of a power",
        r"\frac{\partial \mathrm{tr}(X^3)}{\partial X} = 3 (X^T)^2",
        r"\frac{\partial \mathrm{tr}(X^3)}{\partial X} = 3 X^2",
        r"X \in \mathbb{R}^{n \times n}",
        f"{COOKBOOK}, eq. (122), for the third power",
    ),
    Rule(
        "derivative by an entry",
        r"\frac{\partial X}{\partial X_{ij}} = h_j e_i^T",
        r"\frac{\partial X}{\partial X_{ij}} = e_i h_j^T",
        _given(r"X \in \mathbb{R}^{n \times m}", _BASIS, r"h_j \in \mathbb{R}^m", r"(h_j)_i = \delta_{ij}"),
        f"{COOKBOOK}, sec. 9.7 (single-entry matrices)",
    ),
    Rule(
        "derivative of log-sum-exp",
        r"\frac{\partial \mathrm{logsumexp}(z)}{\partial z} = \mathrm{softmax}(z)",
        r"\frac{\partial \mathrm{logsumexp}(z)}{\partial z} = \mathrm{softmax}(z)^T",
        r"z \in \mathbb{R}^c",
        f"{BISHOP}, eq. (4.104)",
    ),
    _law(
        "derivative of tanh",
        r"\frac{\partial \tanh(t)}{\partial t} = 1 - \tanh(t)^2",
        r"t \in \mathbb{R}",
        'Wikipedia, "Hyperbolic functions"',
    ),
)

_SOFTMAX_LAWS = (
    _law(
        "softmax sums to 1",
        r"\mathbf{1}^T \hat{y} = 1",
        _SOFTMAX,
        f"{BISHOP}, eq. (4.104)",
    ),
    _law(
        "Jacobian of softmax",
        r"\frac{\partial \hat{y}}{\partial z} = \mathrm{diag}(\hat{y}) - \hat{y} \hat{y}^T",
        _SOFTMAX,
        f"{BISHOP}, eq. (4.106)",
    ),
    Rule(
        "derivative of log-softmax",
        r"\frac{\partial \log \hat{y}}{\partial z} = I - \hat{y} 1_c^T",
        r"\frac{\partial \log \hat{y}}{\partial z} = I - 1_c \hat{y}^T",
        _given(
            _SOFTMAX,
            r"1_c \in \mathbb{R}^c",
            "(1_c)_i = 1",
            r"I \in \mathbb{R}^{c \times c}",
            r"I_{ij} = \delta_{ij}",
        ),
        f"{BISHOP}, eq. (4.106), divided by the probability",
    ),
    Rule(
        "derivative of cross entropy",
        r"\frac{\partial (-y^T \log p)}{\partial p} = (\mathrm{diag}(p))^{-1} (-y)",
        r"\frac{\partial (-y^T \log p)}{\partial p} = (-y)^T (\mathrm{diag}(p))^{-1}",
        _given(r"y \in \mathbb{R}^n", _POSITIVE),
        f"{BISHOP}, eq. (4.108), differentiated by the probabilities",
    ),
    Rule(
        "softmax with cross entropy",
        r"\frac{\partial CE}{\partial z} = \hat{y} - y",
        r"\frac{\partial CE}{\partial z} = (\hat{y} - y)^T",
        _given(_LABEL, _SOFTMAX, _LOSS),
        f"{BISHOP}, sec. 4.3.6 (the softmax is the canonical link of the cross entropy)",
    ),
    Rule(
        "derivative by the weights",
        r"\frac{\partial CE}{\partial W} = (\hat{y} - y) x^T",
        r"\frac{\partial CE}{\partial W} = x (\hat{y} - y)^T",
        _CLASSIFIER,
        f"{BISHOP}, eq. (4.109)",
    ),
    Rule(
        "derivative by the biases",
        r"\frac{\partial CE}{\partial b} = \hat{y} - y",
        r"\frac{\partial CE}{\partial b} = (\hat{y} - y)^T",
        _CLASSIFIER,
        f"{BISHOP}, eq. (4.109), with a constant feature",
    ),
)

_STANDARDISED = _given(
    r"x \in \mathbb{R}^n",
    r"\epsilon \in \mathbb{R}",
    r"1_n \in \mathbb{R}^n",
    r"(1_n)_i = 1",
    r"I \in \mathbb{R}^{n \times n}",
    r"I_{ij} = \delta_{ij}",
    r"\mu = \frac{1}{n} 1_n^T x",
    r"u = x - \mu 1_n",
    r"s = \left( \frac{1}{n} u^T u + \epsilon \right)^{\frac{1}{2}}",
    r"z = \frac{1}{s} u",
)
IOFFE = "Ioffe & Szegedy, Batch Normalization, 2015, sec. 3"

_MODELS = (
    _law(
        "definition of the inverse",
        "A^{-1} A x = x",
        r"A \in \mathbb{R}^{n \times n}, x \in \mathbb{R}^n",
        f"{COOKBOOK}, sec. 3.1",
    ),
    _law(
        "symmetric matrix",
        "x^T A = (A x)^T",
        _given(r"A \in \mathbb{R}^{n \times n}, x \in \mathbb{R}^n", "A = A^T"),
        f"{COOKBOOK}, sec. 9.7",
    ),
    _law(
        "orthonormal columns",
        r"\|W x\|^2 = \|x\|^2",
        _given(r"W \in \mathbb{R}^{m \times n}, x \in \mathbb{R}^n", "W^T W = I"),
        f"{COOKBOOK}, sec. 9.6",
    ),
    _law(
        "normal equations",
        "X^T X v = X^T y",
        _given(r"X \in \mathbb{R}^{n \times d}, y \in \mathbb{R}^n", "v = (X^T X)^{-1} X^T y"),
        f"{BISHOP}, eq. (3.15)",
    ),
    Rule(
        "logistic loss",
        r"\frac{\partial L}{\partial t} = p - y",
        r"\frac{\partial L}{\partial t} = (p - y)^T",
        _given(
            r"t \in \mathbb{R}^n, y \in \mathbb{R}^n",
            r"p = \mathrm{sigmoid}(t)",
            r"L = -\sum_i y_i \log p_i - \sum_i (1 - y_i) \log(1 - p_i)",
        ),
        f"{BISHOP}, eq. (4.91)",
    ),
    _law(
        "deviations sum to zero",
        r"\sum_i \left( x_i - \frac{1}{n} \sum_k x_k \right) = 0",
        r"x \in \mathbb{R}^n",
        "the mean is what a sum has to be shared out to",
    ),
    Rule(
        "derivative of a standard deviation",
        r"\frac{\partial s}{\partial x} = \frac{1}{n} z",
        r"\frac{\partial s}{\partial x} = \frac{1}{n} z^T",
        _STANDARDISED,
        IOFFE,
    ),
    _law(
        "derivative of standardisation",
        r"\frac{\partial z}{\partial x}"
        r" = \frac{1}{s} \left( I - \frac{1}{n} 1_n 1_n^T - \frac{1}{n} z z^T \right)",
        _STANDARDISED,
        IOFFE,
    ),
    Rule(
        "derivative of a trace",
        r"\frac{\partial \, \mathrm{tr}(A X)}{\partial X} = A^T",
        r"\frac{\partial \, \mathrm{tr}(A X)}{\partial X} = A",
        r"X \in \mathbb{R}^{m \times n}, A \in \mathbb{R}^{n \times m}",
        f"{COOKBOOK}, eq. (100)",
    ),
    Rule(
        "derivative of a quadratic trace",
        r"\frac{\partial \, \mathrm{tr}(X^T A X)}{\partial X} = (A + A^T) X",
        r"\frac{\partial \, \mathrm{tr}(X^T A X)}{\partial X} = X^T (A + A^T)",
        r"X \in \mathbb{R}^{m \times n}, A \in \mathbb{R}^{m \times m}",
        f"{COOKBOOK}, eq. (108)",
    ),
)

_INEQUALITIES = (
    _law(
        "exp is positive",
        "e^t > 0",
        r"t \in \mathbb{R}",
        "range of the exponential",
    ),
    _law(
        "sum of squares",
        r"0 \le \sum_i v_i^2",
        r"v \in \mathbb{R}^n",
        "a square is never negative; a positive weight is a square, too",
    ),
    _law(
        "a part is less than the whole",
        r"e^{v_i} < \sum_j e^{v_j}",
        _given(r"v \in \mathbb{R}^n", r"n \ge 2"),
        "the other terms are positive, and there is at least one",
    ),
)

RULES: dict[str, Rule] = {
    rule.name: rule
    for group in (
        _DEFINITIONS,
        _HYPOTHESES,
        _ALGEBRA,
        _ENTRIES,
        _LAYOUTS,
        _CALCULUS,
        _MATRIX_CALCULUS,
        _SOFTMAX_LAWS,
        _MODELS,
        _INEQUALITIES,
    )
    for rule in group
}
"""Every rule by its name."""
