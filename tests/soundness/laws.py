"""True equations between matrix expressions: each law turns an expression into an equal one.

A law is a function (expression, random) -> an equal expression, or None where it does not apply. Those of
HYPOTHETICAL rest on what is given of a symbol: see `tests.soundness.statements.GIVEN`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from derive import expression as X
from derive.expression import SCALAR, Expression
from derive.terms import ONE, Dimension, Index, ShapeError
from tests.soundness.expressions import (
    SYMBOLS,
    C,
    N,
    fill,
    minus,
    nodes,
    number,
    ones,
    put,
)

Law = Callable[[Expression, Random], Expression | None]
T, mul = X.Transpose, X.Multiply


def matrices(*parts: Expression) -> bool:
    """Whether these are matrices, and none is a scalar."""
    return all(len(part.shape) == 2 and not part.is_scalar for part in parts)


def fresh(dimension: Dimension, random: Random) -> Index:
    """An index that nothing else uses, as good as surely."""
    return Index(f"g{random.randrange(10**9)}", dimension)


def reassociate(e: Expression, random: Random) -> Expression | None:
    """(AB)C = A(BC)."""
    match e:
        case X.Multiply(X.Multiply(a, b), c) if random.random() < 0.5 or not isinstance(e.right, X.Multiply):
            return mul(a, mul(b, c))
        case X.Multiply(a, X.Multiply(b, c)):
            return mul(mul(a, b), c)
    return None


def distribute(e: Expression, random: Random) -> Expression | None:
    """A(B + C) = AB + AC and (A + B)C = AC + BC, for both products."""
    match e:
        case X.Multiply(a, X.Add(terms)) | X.Hadamard(a, X.Add(terms)):
            return X.Add(tuple(type(e)(a, term) for term in terms))
        case X.Multiply(X.Add(terms), b) | X.Hadamard(X.Add(terms), b):
            return X.Add(tuple(type(e)(term, b) for term in terms))
        case X.Divide(X.Add(terms), b):
            return X.Add(tuple(X.Divide(term, b) for term in terms))
    return None


def shuffle(e: Expression, random: Random) -> Expression | None:
    """A + B = B + A; A o B = B o A; sA = As."""
    match e:
        case X.Add(terms):
            return X.Add(tuple(random.sample(terms, len(terms))))
        case X.Hadamard(a, b):
            return X.Hadamard(b, a)
        case X.Multiply(a, b) if a.is_scalar or b.is_scalar:
            return mul(b, a)
    return None


def negate_inside(e: Expression, random: Random) -> Expression | None:
    """-(A + B) = (-A) + (-B); -(AB) = (-A)B; -A = (-1)A; -(-A) = A."""
    match e:
        case X.Negate(X.Add(terms)):
            return X.Add(tuple(map(X.Negate, terms)))
        case X.Negate(X.Multiply(a, b)):
            return mul(X.Negate(a), b) if random.random() < 0.5 else mul(a, X.Negate(b))
        case X.Negate(X.Negate(a)):
            return a
        case X.Negate(a):
            return mul(number(-1), a)
    return None


def transpose_product(e: Expression, random: Random) -> Expression | None:
    """(AB)^T = B^T A^T; (A + B)^T = A^T + B^T; A^TT = A; f(A)^T = f(A^T); (A^-1)^T = (A^T)^-1."""
    match e:
        case X.Transpose(X.Multiply(a, b)):
            left = a if a.is_scalar else T(a)
            right = b if b.is_scalar else T(b)
            return mul(right, left)
        case X.Transpose(X.Add(terms)):
            return X.Add(tuple(map(T, terms)))
        case X.Transpose(X.Transpose(a)):
            return a
        case X.Transpose(X.Apply(f, a, order)):
            return X.Apply(f, T(a), order)
        case X.Transpose(X.Inverse(a)):
            return X.Inverse(T(a))
        case X.Transpose(X.Hadamard(a, b)):
            return X.Hadamard(T(a), T(b))
        case X.Transpose(X.Diagonal(a)) if matrices(e.body) and e.shape[0] == e.shape[1]:
            return e.body
        case X.Transpose(X.Negate(a)):
            return X.Negate(T(a))
    return None


def transpose_twice(e: Expression, random: Random) -> Expression | None:
    """A = A^TT; a scalar is its transpose: x^T A y = (x^T A y)^T."""
    if len(e.shape) != 2:
        return None
    if e.is_scalar:
        return T(e)
    return T(transpose_product(T(e), random) or T(e))


def trace_laws(e: Expression, random: Random) -> Expression | None:
    """tr AB = tr BA; tr A = tr A^T; tr(A + B) = tr A + tr B; tr(AB) = 1^T (A o B^T) 1; tr A = sum_k A_kk."""
    if not isinstance(e, X.Trace) or e.body.is_scalar:
        return None
    options: list[Expression] = [X.Trace(T(e.body))]
    k = fresh(e.body.shape[0], random)
    options.append(X.Sum(k, X.Entry(e.body, (k, k))))
    match e.body:
        case X.Multiply(a, b) if matrices(a, b):
            turned = mul(b, a)
            options += [X.Trace(turned)] * 2
            entrywise = X.Hadamard(a, T(b))
            rows, columns = entrywise.shape
            options.append(mul(mul(T(ones(rows)), entrywise), ones(columns)))
        case X.Multiply(a, b):
            scale, matrix = (a, b) if a.is_scalar else (b, a)
            options.append(mul(scale, X.Trace(matrix)))
        case X.Add(terms):
            options.append(X.Add(tuple(map(X.Trace, terms))))
    return random.choice(options)


def quadratic_as_trace(e: Expression, random: Random) -> Expression | None:
    """x^T y = tr(y x^T)."""
    match e:
        case X.Multiply(a, b) if e.is_scalar and matrices(a, b):
            return X.Trace(mul(b, a))
    return None


def determinant_laws(e: Expression, random: Random) -> Expression | None:
    """det AB = det A det B; det A^T = det A; det A^-1 = 1 / det A; det sA = s^n det A."""
    if not isinstance(e, X.Determinant) or e.body.is_scalar:
        return None
    match e.body:
        case X.Multiply(a, b) if matrices(a, b) and a.shape == b.shape == e.body.shape:
            return mul(X.Determinant(a), X.Determinant(b))
        case X.Multiply(a, b) if a.is_scalar and matrices(b):
            return mul(X.Power(a, X.Count(b.shape[0])), X.Determinant(b))
        case X.Inverse(a):
            return X.Divide(number(1), X.Determinant(a))
    return X.Determinant(T(e.body))


def inverse_laws(e: Expression, random: Random) -> Expression | None:
    """(AB)^-1 = B^-1 A^-1; (A^T)^-1 = (A^-1)^T; (A^-1)^-1 = A; (sA)^-1 = A^-1 / s."""
    if not isinstance(e, X.Inverse) or e.body.is_scalar:
        return None
    match e.body:
        case X.Multiply(a, b) if matrices(a, b) and a.shape == b.shape == e.shape:
            return mul(X.Inverse(b), X.Inverse(a))
        case X.Multiply(a, b) if a.is_scalar and matrices(b):
            return X.Divide(X.Inverse(b), a)
        case X.Transpose(a):
            return T(X.Inverse(a))
        case X.Inverse(a):
            return a
    return T(X.Inverse(T(e.body)))


def identity_laws(e: Expression, random: Random) -> Expression | None:
    """A = AI = IA; A A^-1 = I."""
    if isinstance(e, X.Identity):
        if e.dimension != N:
            return None
        a = X.Symbol(random.choice("AB"), (N, N))
        return mul(a, X.Inverse(a)) if random.random() < 0.5 else mul(X.Inverse(a), a)
    if len(e.shape) != 2 or e.is_scalar:
        return None
    left = mul(X.Identity(e.shape[0]), e) if e.shape[0] != ONE else None
    right = mul(e, X.Identity(e.shape[1])) if e.shape[1] != ONE else None
    return random.choice([part for part in (left, right) if part is not None])


def diagonal_laws(e: Expression, random: Random) -> Expression | None:
    """diag(x) y = x o y; diag(x) A = (x 1^T) o A; diag(diag(x)) = x; diag(x) = (x 1^T) o I."""
    match e:
        case X.Multiply(X.Diagonal(x), a) if x.is_vector and x.shape[1] == ONE and matrices(a):
            if a.shape[1] == ONE:
                return X.Hadamard(x, a)
            return X.Hadamard(mul(x, T(ones(a.shape[1]))), a)
        case X.Multiply(a, X.Diagonal(x)) if x.is_vector and x.shape[1] == ONE and matrices(a):
            return X.Hadamard(a, mul(ones(a.shape[0]), T(x)) if a.shape[0] != ONE else T(x))
        case X.Diagonal(X.Diagonal(x)) if x.is_vector and x.shape[1] == ONE:
            return x
        case X.Diagonal(X.Add(terms)):
            return X.Add(tuple(map(X.Diagonal, terms)))
        case X.Diagonal(x) if x.is_vector and x.shape[1] == ONE:
            return X.Hadamard(mul(x, T(ones(x.shape[0]))), X.Identity(x.shape[0]))
        case X.Hadamard(x, y) if x.shape[1] == ONE and matrices(x):
            return mul(X.Diagonal(x), y)
    return None


def powers(e: Expression, random: Random) -> Expression | None:
    """A o A = A^(o2); s^2 = s s; A^2 = A A; s^3 = s s^2; x / y = x o y^(o-1)."""
    match e:
        case X.Power(a, X.Constant(value), True) if value == 2:
            return X.Hadamard(a, a)
        case X.Power(a, X.Constant(value), False) if value == 2:
            return mul(a, a)
        case X.Power(a, X.Constant(value), False) if value == 3 and a.is_scalar:
            return mul(a, X.Power(a, number(2)))
        case X.Hadamard(a, b) if a == b:
            return X.Power(a, number(2), entrywise=True)
        case X.Divide(a, b) if b.is_scalar:
            return mul(X.Power(b, number(-1)), a)
        case X.Divide(a, b):
            return X.Hadamard(a, X.Power(b, number(-1), entrywise=True))
    return None


def norms(e: Expression, random: Random) -> Expression | None:
    """|x|^2 = x^T x; |A|_F^2 = tr A^T A; |x| = sqrt(x^T x)."""
    match e:
        case X.Power(X.Norm(a, "2"), X.Constant(value)) if value == 2 and a.is_vector and a.shape[1] == ONE:
            return mul(T(a), a)
        case X.Power(X.Norm(a, "F"), X.Constant(value)) if value == 2:
            return X.Trace(mul(T(a), a))
        case X.Norm(a, "2") if a.is_vector and a.shape[1] == ONE:
            return X.Apply("sqrt", mul(T(a), a))
        case X.Norm(a, "F"):
            return X.Power(X.Trace(mul(a, T(a))), number("1/2"))
    return None


def softmax_laws(e: Expression, random: Random) -> Expression | None:
    """softmax x = exp x / 1^T exp x = softmax(x + s1); lse x = log 1^T exp x; log softmax x = x - 1 lse x."""
    match e:
        case X.Softmax(x) if x.is_vector and x.shape[1] == ONE:
            if random.random() < 0.5:
                shift = X.Symbol(random.choice("st"), SCALAR)
                return X.Softmax(X.Add((x, mul(shift, ones(x.shape[0])))))
            return X.Divide(X.Apply("exp", x), mul(T(ones(x.shape[0])), X.Apply("exp", x)))
        case X.LogSumExp(x) if x.is_vector and x.shape[1] == ONE:
            return X.Apply("log", mul(T(ones(x.shape[0])), X.Apply("exp", x)))
        case X.Apply("log", X.Softmax(x), 0) if x.is_vector and x.shape[1] == ONE:
            return minus(x, mul(X.LogSumExp(x), ones(x.shape[0])))
    return None


def _one(e: Expression) -> Expression:
    return fill(1, e.shape)


def functions(e: Expression, random: Random) -> Expression | None:
    """exp(a + b) = exp a o exp b; sigmoid(-a) = 1 - sigmoid a; tanh a = 2 sigmoid(2a) - 1; and their kin."""
    if not isinstance(e, X.Apply) or e.order:
        return None
    a = e.body
    exp = X.Apply("exp", a)
    match e.function:
        case "exp":
            if isinstance(a, X.Add) and len(a.terms) == 2:
                return X.Hadamard(*(X.Apply("exp", term) for term in a.terms))
            if isinstance(a, X.Negate):
                return X.Divide(_one(a), X.Apply("exp", a.body))
            half = X.Apply("exp", mul(number("1/2"), a))
            return X.Hadamard(half, half)
        case "sigmoid":
            if random.random() < 0.5:
                return minus(_one(a), X.Apply("sigmoid", X.Negate(a)))
            return X.Divide(exp, X.Add((_one(a), exp)))
        case "tanh":
            if random.random() < 0.5:
                return minus(mul(number(2), X.Apply("sigmoid", mul(number(2), a))), _one(a))
            return X.Divide(X.Apply("sinh", a), X.Apply("cosh", a))
        case "softplus":
            if random.random() < 0.5:
                return X.Add((a, X.Apply("softplus", X.Negate(a))))
            return X.Apply("log", X.Add((_one(a), exp)))
        case "sinh":
            return X.Divide(minus(exp, X.Apply("exp", X.Negate(a))), number(2))
        case "cosh":
            if random.random() < 0.5:
                return X.Apply("cosh", X.Negate(a))
            sinh = X.Apply("sinh", a)
            return X.Apply("sqrt", X.Add((_one(a), X.Hadamard(sinh, sinh))))
        case "relu":
            return mul(number("1/2"), X.Add((a, X.Apply("abs", a))))
        case "abs":
            return X.Hadamard(a, X.Apply("sign", a)) if random.random() < 0.5 else X.Apply("abs", X.Negate(a))
        case "sqrt":
            return X.Power(a, number("1/2"), entrywise=not a.is_scalar)
        case "log":
            if isinstance(a, X.Apply) and a.function == "exp" and not a.order:
                return a.body
    return None


def exp_of_log(e: Expression, random: Random) -> Expression | None:
    """a = log exp a, for everything."""
    return X.Apply("log", X.Apply("exp", e)) if random.random() < 0.3 and len(e.shape) == 2 else None


def by_entries(e: Expression, random: Random) -> Expression | None:
    """A is the array of its entries; those of AB are sum_k A_ik B_kj; those of I are delta_ij."""
    if len(e.shape) != 2 or ONE in e.shape:
        return None
    i, j = (fresh(dimension, random) for dimension in e.shape)
    match e:
        case X.Identity():
            return X.Entries((i, j), X.Delta(i, j))
        case X.Multiply(a, b) if matrices(a, b):
            k = fresh(a.shape[1], random)
            if a.shape[1] == ONE:
                return X.Entries((i, j), mul(X.Entry(a, (i,)), X.Entry(b, (j,))))
            return X.Entries((i, j), X.Sum(k, mul(X.Entry(a, (i, k)), X.Entry(b, (k, j)))))
        case X.Transpose(a):
            return X.Entries((i, j), X.Entry(a, (j, i)))
        case X.Hadamard(a, b):
            return X.Entries((i, j), mul(X.Entry(a, (i, j)), X.Entry(b, (i, j))))
        case X.Diagonal(x) if x.is_vector:
            return X.Entries((i, j), mul(X.Delta(i, j), X.Entry(x, (i,))))
        case X.Apply(f, a, order):
            return X.Entries((i, j), X.Apply(f, X.Entry(a, (i, j)), order))
    return X.Entries((i, j), X.Entry(e, (i, j)))


def entry_laws(e: Expression, random: Random) -> Expression | None:
    """A_ij = e_i^T A e_j; (A + B)_ij = A_ij + B_ij; (AB)_ij = sum_k A_ik B_kj; x_i = sum_k delta_ik x_k."""
    if not isinstance(e, X.Entry):
        return None
    a, at = e.body, e.indices
    match a:
        case X.Add(terms):
            return X.Add(tuple(X.Entry(term, at) for term in terms))
        case X.Multiply(b, c) if matrices(b, c) and b.shape[1] != ONE and len(at) == 2:
            k = fresh(b.shape[1], random)
            return X.Sum(k, mul(X.Entry(b, (at[0], k)), X.Entry(c, (k, at[1]))))
        case X.Multiply(b, c) if matrices(b, c) and b.shape[1] != ONE and len(at) == 1 and a.shape[1] == ONE:
            if b.shape[0] == ONE:
                return None
            k = fresh(b.shape[1], random)
            return X.Sum(k, mul(X.Entry(b, (at[0], k)), X.Entry(c, (k,))))
    if len(at) == 2:
        return mul(mul(T(X.Basis(at[0])), a), X.Basis(at[1]))
    if a.shape[1] == ONE:
        if random.random() < 0.5:
            k = fresh(at[0].range, random)
            return X.Sum(k, mul(X.Delta(k, at[0]), X.Entry(a, (k,))))
        return mul(T(X.Basis(at[0])), a)
    return None


def sum_laws(e: Expression, random: Random) -> Expression | None:
    """sum_k (a + b) = sum_k a + sum_k b; bound indices have any name; what lacks k moves out."""
    match e:
        case X.Sum(k, X.Add(terms), without):
            return X.Add(tuple(X.Sum(k, term, without) for term in terms))
        case X.Sum(k, body, without) if k.name not in {i.name for i in without}:
            new = fresh(k.range, random)
            return X.Sum(new, _reindexed(body, k, new), without)
    return None


def _reindexed(e: Expression, old: Index, new: Index) -> Expression:
    """The expression with one index replaced where it is free."""
    match e:
        case X.Sum(k, body, without):
            inner = body if k == old else _reindexed(body, old, new)
            return X.Sum(k, inner, tuple(new if i == old else i for i in without))
        case X.Entries(at, _) if old in at:
            return e
        case X.Entry(body, at):
            return X.Entry(_reindexed(body, old, new), tuple(new if i == old else i for i in at))
        case X.Delta(i, j):
            return X.Delta(new if i == old else i, new if j == old else j)
        case X.Basis(i):
            return X.Basis(new if i == old else i)
        case X.Partial(body, X.Entry(symbol, at), layout):
            variable = X.Entry(symbol, tuple(new if i == old else i for i in at))
            return X.Partial(_reindexed(body, old, new), variable, layout)
    return X.rebuild(e, lambda part: _reindexed(part, old, new))


def dot_as_sum(e: Expression, random: Random) -> Expression | None:
    """x^T y = sum_k x_k y_k."""
    match e:
        case X.Multiply(X.Transpose(x), y) if e.is_scalar and x.is_vector and y.is_vector:
            if x.shape[1] != ONE or y.shape[1] != ONE:
                return None
            k = fresh(x.shape[0], random)
            return X.Sum(k, mul(X.Entry(x, (k,)), X.Entry(y, (k,))))
    return None


def derivative_laws(e: Expression, random: Random) -> Expression | None:
    """Derivatives are linear; the layouts are transposes of each other; nabla is the denominator's."""
    match e:
        case X.Partial(X.Add(terms), variable, layout):
            return X.Add(tuple(X.Partial(term, variable, layout) for term in terms))
        case X.Partial(X.Negate(a), variable, layout):
            return X.Negate(X.Partial(a, variable, layout))
        case X.Partial(a, variable, layout) if (a.is_vector or a.is_scalar) and (
            variable.is_vector or variable.is_scalar
        ):
            if isinstance(a, X.Transpose) or isinstance(variable, X.Transpose):
                return None
            other: X.Layout = "denominator" if layout == "numerator" else "numerator"
            return T(X.Partial(a, variable, other))
        case X.Gradient(a, variable) if a.is_scalar:
            if isinstance(a, X.Add):
                return X.Add(tuple(X.Gradient(term, variable) for term in a.terms))
            return X.Partial(a, variable, "denominator")
    return None


def insert_zero(e: Expression, random: Random) -> Expression | None:
    """A = A + B - B; A = (1/2)(2A)."""
    if len(e.shape) != 2 or random.random() < 0.5:
        return None
    if random.random() < 0.5:
        return mul(number("1/2"), mul(number(2), e))
    fitting = [name for name, shape in SYMBOLS.items() if shape == e.shape]
    if not fitting:
        return None
    b = X.Symbol(random.choice(fitting), e.shape)
    return minus(X.Add((e, b)), b)


# ---------------------------------------------------------------- what rests on hypotheses


def symmetry(e: Expression, random: Random) -> Expression | None:
    """S = S^T."""
    return T(e) if e == X.Symbol("S", (N, N)) else None


def orthogonality(e: Expression, random: Random) -> Expression | None:
    """Q^T Q = I = Q Q^T; Q^-1 = Q^T; |Qv| = |v|."""
    q = X.Symbol("Q", (N, N))
    match e:
        case X.Identity(dimension) if dimension == N:
            return mul(T(q), q) if random.random() < 0.5 else mul(q, T(q))
        case X.Inverse(a) if a == q:
            return T(q)
        case X.Norm(a, "2") if a.shape == (N, ONE):
            return X.Norm(mul(q, a))
        case X.Symbol("v" | "w"):
            return mul(T(q), mul(q, e))
        case X.Symbol("A" | "B"):
            return mul(mul(e, q), T(q))
    return None


def total_one(e: Expression, random: Random) -> Expression | None:
    """1 = 1^T y = sum_k y_k."""
    y = X.Symbol("y", (C, ONE))
    k = fresh(C, random)
    one = random.choice([mul(T(ones(C)), y), X.Sum(k, X.Entry(y, (k,)))])
    if e == number(1):
        return one
    if isinstance(e, X.Symbol) and (e.is_scalar or e.name in ("z", "b", "W")):
        return mul(one, e)
    return None


def one_hot(e: Expression, random: Random) -> Expression | None:
    """y o y = y, y y^T = diag(y), y^T y = 1, for y one-hot."""
    y = X.Symbol("y", (C, ONE))
    match e:
        case X.Symbol("y"):
            return X.Hadamard(y, y)
        case X.Diagonal(a) if a == y:
            return mul(y, T(y))
        case X.Constant(value) if value == 1:
            return mul(T(y), y)
        case X.Multiply(a, X.Transpose(b)) if a == b == y:
            return X.Diagonal(y)
    return None


def positivity(e: Expression, random: Random) -> Expression | None:
    """p = |p| = sqrt(p^2); log(p q) = log p + log q; r / |r| = 1; all for what is positive."""
    match e:
        case X.Symbol("p" | "q" | "r"):
            square = X.Power(e, number(2), entrywise=not e.is_scalar)
            return random.choice([X.Apply("abs", e), X.Apply("sqrt", square)])
        case X.Apply("log", X.Multiply(a, b), 0) if a.is_scalar and b.is_scalar:
            if {*map(_name, (a, b))} <= {"p", "q"}:
                return X.Add((X.Apply("log", a), X.Apply("log", b)))
        case X.Constant(value) if value > 0:
            p = X.Symbol("p", SCALAR)
            return mul(number(value), X.Apply("sign", p))
    return None


def _name(e: Expression) -> str:
    return e.name if isinstance(e, X.Symbol) else ""


LAWS: tuple[Law, ...] = (
    reassociate,
    distribute,
    shuffle,
    negate_inside,
    transpose_product,
    transpose_twice,
    trace_laws,
    quadratic_as_trace,
    determinant_laws,
    inverse_laws,
    identity_laws,
    diagonal_laws,
    powers,
    norms,
    softmax_laws,
    functions,
    exp_of_log,
    by_entries,
    entry_laws,
    sum_laws,
    dot_as_sum,
    derivative_laws,
    insert_zero,
)
HYPOTHETICAL: tuple[Law, ...] = (symmetry, orthogonality, total_one, one_hot, positivity)


def rewrite(
    e: Expression, random: Random, steps: int, laws: tuple[Law, ...] = LAWS
) -> tuple[Expression, set[str]]:
    """An expression after so many uses of laws at random places, and the names of these laws."""
    used: set[str] = set()
    for _ in range(12 * steps):
        path, part = random.choice(list(nodes(e)))
        law = random.choice(laws)
        try:
            new = law(part, random)
            if new is None or new == part or new.shape != part.shape:
                continue
            e = put(e, path, new)
        except ShapeError:
            continue
        used.add(law.__name__)
        steps -= 1
        if not steps:
            break
    return e, used
