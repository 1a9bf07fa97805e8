"""derive.repair: each kind of slip is told, each repair is proved, and what cannot be mended stays so.

MENDED lists false steps by what went wrong: the right side as it was written, the one that is right (None
where another reading or a hypothesis mends the step instead), and what the report says.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import pytest

from derive import expression as x
from derive import repair
from derive import terms as t
from derive.expression import Expression, Layout
from derive.kernel import Theorem, prove
from derive.lowering import state
from derive.printing import latex
from derive.repair import BUDGET, KINDS, Broken, Scale, mend, places, quotient, scaled, search, transposed
from derive.terms import ONE, Dimension, Index
from numeric.evidence import gather

# ---------------------------------------------------------------------- what the tables are written in

c, d, m, n = (Dimension.of(letter) for letter in "cdmn")
i, j, k = (Index(letter, c) for letter in "ijk")
i_d, j_d, i_n, j_n = Index("i", d), Index("j", d), Index("i", n), Index("j", n)
NUMERATOR: Layout = "numerator"
T, tr, diag, inv, neg, det = x.Transpose, x.Trace, x.Diagonal, x.Inverse, x.Negate, x.Determinant
grad = x.Gradient


def matrix(name: str, rows: Dimension = ONE, columns: Dimension = ONE) -> x.Symbol:
    return x.Symbol(name, (rows, columns))


def number(value: int | str) -> Expression:
    return x.Constant(Fraction(value))


def times(*factors: Expression | int) -> Expression:
    return x.product(*(f if isinstance(f, Expression) else number(f) for f in factors))


def plus(*terms: Expression) -> Expression:
    return x.Add(terms)


def minus(left: Expression, right: Expression) -> Expression:
    return x.Add((left, neg(right)))


def by(body: Expression, variable: Expression, layout: Layout = "denominator") -> Expression:
    return x.Partial(body, variable, layout)


def at(body: Expression, *indices: Index) -> Expression:
    return x.Entry(body, indices)


def fn(name: str, body: Expression, order: int = 0) -> Expression:
    return x.Apply(name, body, order)


def squared(body: Expression) -> Expression:
    return x.Power(body, number(2))


# the linear classifier: z = W x + b, p = softmax(z), L = -y^T log p
W, f, b, y = matrix("W", c, d), matrix("x", d), matrix("b", c), matrix("y", c)
z, p, L = matrix("z", c), matrix("p", c), matrix("L")
CLASSIFIER = {"z": plus(times(W, f), b), "p": x.Softmax(z), "L": neg(times(T(y), fn("log", p)))}
SUM_Y = t.Equation(t.Sum(i, t.Entry("y", (i,))), t.Number(1), (r"\sum_i y_i = 1",))
P_I, P_J, D_IJ = at(p, i), at(p, j), x.Delta(i, j)
JACOBIAN = minus(diag(p), times(p, T(p)))
UPDATE = times(minus(p, y), T(f))

# least squares, also with a penalty
X, w, v, lam = matrix("X", m, n), matrix("w", n), matrix("v", m), matrix(r"\lambda")
ERROR = minus(times(X, w), v)
LOSS = squared(x.Norm(ERROR))
NORMAL = times(2, T(X), ERROR)
RIDGE = plus(LOSS, times(lam, squared(x.Norm(w))))

# square matrices, a vector, scalars
A, B, C, u, e = matrix("A", n, n), matrix("B", n, n), matrix("C", n, n), matrix("u", n), matrix("e", n)
g, s, q, one = matrix("g", n), matrix("s"), matrix("q"), number(1)
QUADRATIC = times(T(u), A, u)


@dataclass(frozen=True)
class Row:
    """A false step, what is right, how that is said, and what the step rests on."""

    kind: str
    lhs: Expression
    wrong: Expression
    right: Expression | None
    message: str
    definitions: dict[str, Expression] = field(default_factory=dict)
    hypotheses: tuple[t.Hypothesis, ...] = ()
    constants: frozenset[str] = frozenset()

    @property
    def context(self) -> tuple[dict[str, Expression], tuple[t.Hypothesis, ...], frozenset[str]]:
        return self.definitions, self.hypotheses, self.constants


def ce(kind: str, lhs: Expression, wrong: Expression, right: Expression | None, message: str) -> Row:
    """A row about the linear classifier, whose labels sum to 1."""
    return Row(kind, lhs, wrong, right, message, CLASSIFIER, (SUM_Y,))


def unlabelled(lhs: Expression, wrong: Expression, message: str) -> Row:
    """A row about the linear classifier, of whose labels nothing is known."""
    return Row("hypothesis", lhs, wrong, None, message, CLASSIFIER)


LAYOUT = [
    ce("layout", by(L, z, NUMERATOR), minus(p, y), None, "right in denominator layout"),
    ce("layout", by(L, z), T(minus(p, y)), None, "right in numerator layout"),
    ce("layout", by(L, W, NUMERATOR), UPDATE, None, "right in denominator layout"),
    ce("layout", by(L, W), transposed(UPDATE), None, "right in numerator layout"),
    Row("layout", by(times(A, u), u), A, None, "right in numerator layout"),
    Row("layout", by(fn("log", det(A)), A), inv(A), None, "right in numerator layout"),
    Row(
        "layout", plus(by(times(A, u), u), by(times(B, u), u)), plus(A, T(B)), None,
        r"right where \frac{\partial \left(A u\right)}{\partial u} is read in numerator layout",
    ),
    Row(
        "layout", by(g, w), times(by(g, u), by(u, w)), None, "right in numerator layout",
        {"g": times(A, fn("exp", u)), "u": times(B, fn("sin", w))},
    ),
]  # fmt: skip

TRANSPOSE = [
    Row("transpose", grad(LOSS, w), times(2, T(ERROR), X), NORMAL, "transposed"),
    Row("transpose", grad(tr(times(A, B)), A), B, T(B), "transposed"),
    Row("transpose", grad(QUADRATIC, u), times(plus(A, A), u), times(plus(T(A), A), u), "A^T instead of A"),
    Row("transpose", tr(times(T(A), B)), tr(times(A, B)), tr(times(A, T(B))), "B^T instead of B"),
    Row("transpose", grad(tr(times(A, B)), A), inv(B), T(B), "B^T instead of B^{-1}"),
    Row(
        "transpose", grad(squared(x.Norm(times(A, u))), u), times(2, A, T(A), u), times(2, T(A), A, u),
        "A^T instead of A",
    ),
    ce("transpose", grad(L, W), times(f, T(minus(y, p))), UPDATE, "transposed, and the sign is wrong"),
]  # fmt: skip

SIGN = [
    ce("sign", by(L, z), minus(y, p), minus(p, y), "the sign is wrong"),
    ce("sign", by(L, b, NUMERATOR), T(minus(y, p)), neg(T(minus(y, p))), "the sign is wrong"),
    ce("sign", by(p, z), plus(diag(p), times(p, T(p))), JACOBIAN, "the sign of p p^T is wrong"),
    ce("sign", by(L, p), x.Divide(y, p), neg(x.Divide(y, p)), "the sign is wrong"),
    Row("sign", grad(LOSS, w), times(2, T(X), minus(v, times(X, w))), NORMAL, "the sign is wrong"),
    Row(
        "sign",
        fn("sigmoid", neg(s)),
        plus(one, fn("sigmoid", s)),
        minus(one, fn("sigmoid", s)),
        "the sign of",
    ),
]

FACTOR = [
    Row("factor", grad(LOSS, w), times(T(X), ERROR), NORMAL, "a factor 2 is missing"),
    Row(
        "factor", grad(x.Divide(LOSS, x.Count(m)), w), NORMAL,
        times(x.Divide(number(2), x.Count(m)), T(X), ERROR), r"a factor \frac{1}{m} is missing",
    ),
    Row(
        "factor", grad(RIDGE, w), plus(NORMAL, times(lam, w)), plus(NORMAL, times(2, lam, w)),
        r"a factor 2 is missing at \lambda w",
    ),
    Row(
        "factor", grad(RIDGE, w), plus(NORMAL, times(2, w)), plus(NORMAL, times(2, lam, w)),
        r"the factor \lambda is missing",
    ),
    Row(
        "factor", neg(times(at(y, i), minus(one, P_I))), plus(neg(at(y, i)), P_I),
        plus(neg(at(y, i)), times(at(y, i), P_I)), "the factor y_{i} is missing",
    ),
    Row("factor", by(fn(r"\phi", times(q, s)), s), fn(r"\phi", times(q, s), 1),
        times(q, fn(r"\phi", times(q, s), 1)), "the factor q is missing"),
    Row("factor", tr(times(A, B)), tr(times(B, C, A)), tr(times(B, A)), "the factor C is one too many"),
    Row(
        "factor", grad(squared(x.Norm(times(A, u))), u), times(2, A, u), times(2, T(A), A, u),
        "the factor A^T is missing",
    ),
    Row("factor", fn("tanh", s), minus(times(2, fn("sigmoid", s)), one),
        minus(times(2, fn("sigmoid", times(2, s))), one), "instead of"),
    Row("factor", grad(x.Norm(u), u), x.Divide(u, squared(x.Norm(u))), x.Divide(u, x.Norm(u)), "instead of"),
    Row(
        "factor", by(fn("tanh", s), s), minus(one, fn("tanh", s)), minus(one, squared(fn("tanh", s))),
        "instead of",
    ),
]  # fmt: skip

ORDER = [
    Row("order", inv(times(A, B)), times(inv(A), inv(B)), times(inv(B), inv(A)), "another order"),
    Row("order", T(times(A, B)), times(T(A), T(B)), times(T(B), T(A)), "another order"),
    Row("order", tr(times(A, B, C)), tr(times(A, C, B)), tr(times(C, A, B)), "another order"),
]

INDEX = [
    ce("index", by(L, at(W, i, j_d)), times(minus(P_I, at(y, i)), at(f, i_d)),
       times(minus(P_I, at(y, i)), at(f, j_d)), "x_{j} instead of x_{i}"),
    ce("index", by(L, at(W, i, j_d)), times(minus(P_J, at(y, j)), at(f, i_d)),
       times(minus(P_I, at(y, i)), at(f, j_d)), "j instead of i, i instead of j"),
    ce("index", by(P_I, at(z, j)), times(P_I, minus(D_IJ, P_I)), times(P_J, minus(D_IJ, P_I)), "instead of"),
    ce(
        "index", by(L, at(z, k)), x.Sum(k, times(at(y, k), minus(at(p, k), x.Delta(k, k)))),
        x.Sum(i, times(at(y, i), minus(at(p, k), x.Delta(k, i)))), "the sum captures the index k",
    ),
    Row(
        "index", by(at(times(A, u), i_n), at(u, j_n)), at(A, j_n, i_n), at(A, i_n, j_n),
        "A_{ij} instead of A_{ji}",
    ),
]  # fmt: skip

DELTA = [
    Row(
        "delta", by(L, at(z, i)), minus(P_I, one), minus(P_I, x.Delta(i, k)), r"\delta_{ik} is missing",
        {"p": x.Softmax(z), "L": neg(fn("log", at(p, k)))}, (), frozenset({"k"}),
    ),
    ce("delta", by(P_I, at(z, j)), minus(P_I, times(P_I, P_J)), minus(times(D_IJ, P_I), times(P_I, P_J)),
       r"\delta_{ij} is missing"),
    ce("delta", by(P_I, at(z, j)), times(P_I, minus(one, P_J)), times(P_I, minus(D_IJ, P_J)),
       r"\delta_{ij} is missing"),
]  # fmt: skip

SHAPE = [
    Row("shape", by(u, u), one, x.Identity(n), "the left side is n×n, the right side scalar"),
    Row(
        "shape", grad(x.Sum(i_n, at(u, i_n)), u), one, x.Fill(Fraction(1), (n, ONE)), "the right side scalar"
    ),
    ce(
        "shape",
        by(L, at(z, i)),
        minus(p, y),
        at(minus(p, y), i),
        "the left side is scalar, the right side c×1",
    ),
    ce("shape", by(L, z), minus(P_I, at(y, i)), minus(p, y), "the left side is c×1, the right side scalar"),
]

HYPOTHESIS = [
    unlabelled(by(L, z), minus(p, y), r"needs \sum_i y_i = 1"),
    unlabelled(by(P_I, at(z, j)), neg(times(P_I, P_J)), r"needs i \neq j"),
    unlabelled(by(P_I, at(z, j)), times(P_I, minus(one, P_I)), "needs i = j"),
    unlabelled(squared(at(y, i)), at(y, i), r"needs y_i \in \{0,1\}"),
    unlabelled(
        times(at(y, i), at(y, j)), times(D_IJ, at(y, j)), r"needs y_i \in \{0,1\} and \sum_i y_i = 1"
    ),
    Row("hypothesis", grad(QUADRATIC, u), times(2, A, u), None, "needs A = A^T"),
    Row("hypothesis", T(times(A, B)), times(B, A), None, "needs A = A^T and B = B^T"),
    Row("hypothesis", squared(x.Norm(times(A, u))), squared(x.Norm(u)), None, "needs A^T A = I"),
    Row("hypothesis", times(T(u), u, T(e), e), times(T(e), e), None, "needs u^T u = 1"),
    Row("hypothesis", fn("sqrt", squared(s)), s, None, "needs s > 0"),
    Row(
        "hypothesis", by(L, at(z, i)), P_I, None, r"needs i \neq k",
        {"p": x.Softmax(z), "L": neg(fn("log", at(p, k)))}, (), frozenset({"k"}),
    ),
]  # fmt: skip

DIAG = [
    Row("diag", by(fn(r"\phi", u), u), fn(r"\phi", u, 1), diag(fn(r"\phi", u, 1)), "diag is missing at"),
    Row("diag", times(diag(u), e), times(u, T(e)), x.Hadamard(u, e), r"u \odot e instead of u e^T"),
    Row("diag", T(times(T(B), T(A))), x.Hadamard(A, B), times(A, B), r"A B instead of A \odot B"),
    Row(
        "diag", grad(x.Sum(i_n, fn(r"\phi", at(u, i_n))), u), diag(fn(r"\phi", u, 1)), fn(r"\phi", u, 1),
        "needs no diag",
    ),
]  # fmt: skip

SUMMANDS = times(at(y, i), minus(P_J, D_IJ))
GRAM, ONES = times(T(A), A), x.Fill(Fraction(1), (ONE, n))
SUM = [
    ce("sum", by(L, at(z, j)), SUMMANDS, x.Sum(i, SUMMANDS), "the sum over i is missing"),
    ce(
        "sum", by(L, at(z, i)), x.Sum(i, minus(P_I, at(y, i))), minus(P_I, at(y, i)),
        "the sum over i is one too many",
    ),
    Row("sum", grad(squared(x.Norm(A, "F")), A), grad(GRAM, A), grad(tr(GRAM), A), "the trace of A^T A is"),
    Row(
        "sum", x.Sum(i_n, fn("exp", at(u, i_n))), fn("exp", u), times(ONES, fn("exp", u)),
        "the sum of the entries of",
    ),
]  # fmt: skip

TERM = [
    ce("term", by(p, z), diag(p), JACOBIAN, "the term -p p^T is missing"),
    Row(
        "term", grad(QUADRATIC, u), times(T(A), u), plus(times(T(A), u), times(A, u)),
        "the term A u is missing",
    ),
    Row(
        "term", grad(QUADRATIC, u), plus(times(A, u), times(T(A), u), e), plus(times(A, u), times(T(A), u)),
        "the term e is one too many",
    ),
    Row("term", by(L, w), LOSS, by(LOSS, w), "the derivative by w is missing", {"L": LOSS}),
    Row("term", inv(times(A, B)), times(inv(B), A), times(inv(B), inv(A)), "the inverse of A is missing"),
    Row("term", T(times(A, B)), times(T(B), T(C)), times(T(B), T(A)), "A instead of C"),
]  # fmt: skip

MENDED = [
    *LAYOUT, *TRANSPOSE, *SIGN, *FACTOR, *ORDER, *INDEX, *DELTA, *SHAPE, *HYPOTHESIS, *DIAG, *SUM, *TERM,
]  # fmt: skip


def name(row: Row) -> str:
    return f"{latex(row.lhs)} = {latex(row.wrong)}"


def holds(row: Row, rhs: Expression) -> bool:
    """Whether the kernel proves that the left side of a row equals `rhs`."""
    if row.lhs.shape != rhs.shape:
        return False
    definitions, hypotheses, constants = row.context
    return isinstance(prove(state(row.lhs, rhs, "=", definitions, hypotheses, constants).claim), Theorem)


# ---------------------------------------------------------------------- what is offered


@pytest.mark.parametrize("row", MENDED, ids=name)
def test_a_slip_is_told(row: Row) -> None:
    """The step is false, and the repair is of the kind that was made and says what is right."""
    assert not holds(row, row.wrong)
    found = mend(row.lhs, row.wrong, *row.context)
    assert found is not None
    assert found.kind == row.kind
    assert row.message in found.message
    assert not found.message.endswith(".")
    if row.right is not None:
        assert holds(row, row.right)
        assert found.latex == latex(row.right)
        assert found.latex in found.message


@pytest.mark.parametrize("row", MENDED, ids=name)
def test_what_is_offered_is_proved(row: Row) -> None:
    """The theorem is about the sides that the repair shows; an independent judge does not object."""
    found = search(Broken(row.lhs, row.wrong, *row.context, BUDGET))
    assert found is not None
    candidate, theorem = found
    assert isinstance(theorem, Theorem)
    definitions, hypotheses, constants = row.context
    lhs, rhs = candidate.lhs or row.lhs, candidate.rhs or row.wrong
    stated = state(lhs, rhs, "=", definitions, (*candidate.hypotheses, *hypotheses), constants).claim
    assert (theorem.claim.lhs, theorem.claim.rhs) == (stated.lhs, stated.rhs)
    assert set(theorem.claim.context.hypotheses) == set(stated.context.hypotheses)
    assert {label for h in candidate.hypotheses for label in h.labels} <= set(theorem.uses)
    evidence = gather(theorem.claim)
    assert evidence is None or evidence.agrees is not False


@pytest.mark.parametrize("row", MENDED, ids=name)
def test_the_left_side_stays(row: Row) -> None:
    """Only the reading of its derivatives may change, and nothing is offered that repeats a side."""
    found = search(Broken(row.lhs, row.wrong, *row.context, BUDGET))
    assert found is not None
    candidate, _ = found
    assert (candidate.lhs is None) == (candidate.kind != "layout")
    assert (candidate.rhs is None) == bool(candidate.hypotheses)
    if candidate.rhs is not None and candidate.kind != "layout":
        assert candidate.rhs not in (row.lhs, row.wrong)


def test_the_table_has_every_kind() -> None:
    assert {row.kind for row in MENDED} == set(KINDS)


# ---------------------------------------------------------------------- what is not

UNMENDABLE = [
    (det(plus(A, B)), plus(det(A), det(B))),
    (times(A, u), u),
    (tr(A), det(A)),
    (times(A, B), times(B, A)),
    (fn("sin", s), fn("cos", s)),
    (QUADRATIC, times(T(e), B, e)),
    (fn("exp", plus(s, q)), plus(fn("exp", s), fn("exp", q))),
    (inv(plus(A, B)), plus(inv(A), inv(B))),
    (grad(tr(times(A, B)), A), times(B, u)),
    (number(0), times(T(u), u)),
    (times(T(u), A, u), number(1)),
]  # fmt: skip


@pytest.mark.parametrize(("lhs", "rhs"), UNMENDABLE)
def test_nothing_is_offered_where_nothing_mends(lhs: Expression, rhs: Expression) -> None:
    """A step that is wrong all through, one that only its left side would mend, and ill-shaped ones."""
    assert mend(lhs, rhs) is None


def test_what_contradicts_a_hypothesis_is_not_proposed() -> None:
    """A^T A = 2 I leaves no room for A^T A = I, under which anything might follow."""
    stated = state(times(T(A), A), times(2, x.Identity(n))).claim
    given = t.Equation(stated.lhs, stated.rhs, ("A^T A = 2 I",))
    found = mend(squared(x.Norm(times(A, u))), squared(x.Norm(u)), None, (given,))
    assert found is not None
    assert found.kind != "hypothesis"


# ---------------------------------------------------------------------- how much is asked


@pytest.mark.parametrize("budget", [0, 1, 7, BUDGET])
@pytest.mark.parametrize(("lhs", "rhs"), UNMENDABLE)
def test_the_kernel_is_not_asked_more_often(
    lhs: Expression, rhs: Expression, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counting(called: str) -> Callable[..., object]:
        function = getattr(repair, called)
        return lambda *arguments: (asked.append(called), function(*arguments))[1]  # type: ignore[func-returns-value]

    for called in ("prove", "normal_form", "lift"):
        monkeypatch.setattr(repair, called, counting(called))
    mend(lhs, rhs, budget=budget)
    assert len(asked) <= budget


def test_a_large_claim_costs_more() -> None:
    """A question that takes more effort than one may counts for several."""
    sums = plus(*(times(matrix(f"a_{n}"), matrix(f"b_{n}")) for n in range(6)))
    large = x.Power(sums, number(9))
    step = Broken(large, times(2, large), {}, (), frozenset(), BUDGET)
    assert search(step) is None
    assert step.left <= BUDGET - repair.LARGE


@pytest.mark.parametrize("row", MENDED[::5], ids=name)
def test_the_same_is_found_again(row: Row) -> None:
    assert mend(row.lhs, row.wrong, *row.context) == mend(row.lhs, row.wrong, *row.context)


# ---------------------------------------------------------------------- mutants of what is true

TRUE = [
    (by(L, z), minus(p, y)),
    (by(L, W), UPDATE),
    (by(L, W, NUMERATOR), transposed(UPDATE)),
    (by(p, z), JACOBIAN),
    (by(P_I, at(z, j)), times(P_I, minus(D_IJ, P_J))),
    (grad(LOSS, w), NORMAL),
    (grad(RIDGE, w), plus(NORMAL, times(2, lam, w))),
    (grad(QUADRATIC, u), times(plus(A, T(A)), u)),
    (grad(tr(times(A, B, T(A))), A), plus(times(A, B), times(A, T(B)))),
    (by(fn("log", det(A)), A), T(inv(A))),
    (inv(times(A, B, C)), times(inv(C), inv(B), inv(A))),
]


def mutants(e: Expression) -> list[Expression]:
    """An expression with its sign, its transpose, a factor, a term, or the order of two factors changed."""
    found = [neg(e), times(3, e), transposed(e)]
    for part, put in places(e):
        match part:
            case x.Add(terms=terms):
                for number_ in range(len(terms)):
                    rest = (*terms[:number_], *terms[number_ + 1 :])
                    found.append(put(x.Add((*rest, neg(terms[number_])))))
                    found.append(put(x.Add(rest) if len(rest) > 1 else rest[0]))
            case x.Multiply(left=left, right=right) if left.shape == right.shape:
                found.append(put(x.Multiply(right, left)))
    return found


@pytest.mark.parametrize(("lhs", "rhs"), TRUE)
def test_every_small_slip_is_mended(lhs: Expression, rhs: Expression) -> None:
    """Each obvious mutant of a true identity is true as well, or it is mended."""
    context = (CLASSIFIER, (SUM_Y,), frozenset[str]())
    row = Row("", lhs, rhs, rhs, "", *context)
    assert holds(row, rhs)
    for mutant in mutants(rhs):
        if not holds(row, mutant):
            assert mend(lhs, mutant, *context) is not None, latex(mutant)


# ---------------------------------------------------------------------- the parts


def test_scales_join_what_stands_there() -> None:
    half = Scale(Fraction(1, 2))
    table = [
        (times(2, u), half, "u"),
        (neg(u), half, r"-\frac{1}{2} u"),
        (times(2, u), Scale(Fraction(3), (("m", -1), ("n", 1))), r"\frac{6 n}{m} u"),
        (times(x.Divide(one, x.Count(m)), u), Scale(Fraction(1), (("m", 1),)), "u"),
        (minus(u, e), Scale(Fraction(-1)), "e - u"),
        (times(A, minus(u, e)), Scale(Fraction(-1)), r"A \left(e - u\right)"),
        (number(4), half, "2"),
    ]
    for expression, scale, expected in table:
        assert latex(scaled(expression, scale)) == expected


def test_quotients_are_read_off() -> None:
    def mono(**powers: int) -> frozenset[tuple[tuple[str, str], int]]:
        return frozenset((("T", atom), power) for atom, power in powers.items())

    bottom = {mono(a=1): Fraction(2), mono(b=2): Fraction(-4)}
    top = {mono(a=1, s=1): Fraction(1), mono(b=2, s=1): Fraction(-2)}
    assert quotient(top, bottom) == (Fraction(1, 2), {("T", "s"): 1})
    assert quotient({}, bottom) == (Fraction(0), {})
    assert quotient(bottom, {}) is None
    assert quotient({mono(a=1): Fraction(1)}, bottom) is None
    assert quotient({mono(a=1): Fraction(1), mono(b=2): Fraction(1)}, bottom) is None


def test_transposes_go_inside() -> None:
    table = [
        (times(2, A, u), "2 u^T A^T"),
        (plus(T(A), neg(B)), "A - B^T"),
        (diag(u), r"\operatorname{diag}\left(u\right)"),
        (times(T(u), e), "u^T e"),
        (inv(A), r"\left(A^{-1}\right)^T"),
    ]
    for expression, expected in table:
        assert latex(transposed(expression)) == expected


def test_places_give_every_part_and_put_it_back() -> None:
    """The symbol of an entry and the variable of a derivative are no parts of their own."""
    found = list(places(NORMAL))
    assert [latex(part) for part, _ in found] == [
        latex(NORMAL), "2 X^T", "2", "X^T", "X", "X w - v", "X w", "X", "w", "-v", "v"
    ]  # fmt: skip
    assert all(put(part) == NORMAL for part, put in found)
    assert [latex(part) for part, _ in places(by(P_I, z))] == [latex(by(P_I, z)), "p_{i}"]
