r"""A shorter way to write a matrix expression, by the laws that everybody applies without a word.

    tidy(2 · ½ (Ax - b)ᵀ A + 0)  ->  (Ax - b)ᵀ A

An expression becomes a sum of terms, each a rational coefficient, scalar factors with their exponents, and a
chain of matrix factors. Transposes go down to the symbols, scalars to the front, a row times a column is a
scalar, diag(u) v is u ⊙ v; equal terms are added up, and factors that terms share are taken out. Products of
sums are never multiplied out, so that what somebody wrote as Ax - b stays together.

Nothing here is trusted: what `tidy` returns is shown only when the kernel has proved it equal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import reduce
from math import gcd

from derive import expression as x
from derive.expression import Expression, Shape
from derive.printing import latex
from derive.terms import ONE, Index

Powers = dict[Expression, Fraction]
LARGEST_POWER = 12
PASSES = 4  # what one pass takes out of a sum, the next one may add up


# ── small constructors ─────────────────────────────────────────────────────────────────────────────────────


def number(value: Fraction | int) -> x.Constant:
    """A rational number as an expression."""
    return x.Constant(Fraction(value))


def zero(shape: Shape) -> Expression:
    """The array of this shape with nothing but zeros."""
    return number(0) if shape == x.SCALAR else x.Fill(Fraction(0), shape)


def is_zero(e: Expression) -> bool:
    """Whether this is written as zero."""
    return isinstance(e, (x.Constant, x.Fill)) and e.value == 0


def negated(e: Expression) -> Expression:
    """-A, where A is not itself written as one."""
    return e.body if isinstance(e, x.Negate) else e if is_zero(e) else x.Negate(e)


def scaled(s: Expression, e: Expression) -> Expression:
    """s A for a scalar s, without a factor 1."""
    return e if s == number(1) else x.Multiply(s, e)


def total(parts: Iterable[Expression]) -> Expression:
    """The sum of at least one expression."""
    parts = tuple(parts)
    return parts[0] if len(parts) == 1 else x.Add(parts)


def factors(e: Expression) -> list[Expression]:
    """The factors of a product, one after the other; a scalar beside a matrix stays in one piece."""
    if not isinstance(e, x.Multiply):
        return [e]
    found: list[Expression] = []
    for part in (e.left, e.right):
        whole = part.is_scalar and not e.is_scalar
        found += [part] if whole or (part is e.right and part.is_scalar) else factors(part)
    return found


def transposed(e: Expression) -> Expression:
    """Aᵀ, with (AB)ᵀ = Bᵀ Aᵀ and its like applied, down to what has no parts."""
    match e:
        case x.Transpose(body=body):
            return body
        case _ if e.is_scalar:
            return e
        case x.Diagonal(body=body) if body.is_vector or body.is_scalar:
            return e
        case x.Identity():
            return e
        case x.Fill(value=value, size=size):
            return x.Fill(value, (size[1], size[0]))
        case x.Negate(body=body):
            return x.Negate(transposed(body))
        case x.Add(terms=terms):
            each = x.Add(tuple(map(transposed, terms)))
            return each if _turns(each) <= _turns(e) + 1 else x.Transpose(e)
        case x.Multiply(left=left, right=right):
            if left.is_scalar:
                return x.Multiply(left, transposed(right))
            if right.is_scalar:
                return x.Multiply(transposed(left), right)
            return x.Multiply(transposed(right), transposed(left))
        case x.Hadamard(left=left, right=right) if not e.is_vector:
            return x.Hadamard(transposed(left), transposed(right))
        case x.Divide(numerator=above, denominator=below) if below.is_scalar:
            return x.Divide(transposed(above), below)
        case x.Inverse(body=body):
            turned = transposed(body)
            return x.Transpose(e) if isinstance(turned, x.Transpose) else x.Inverse(turned)
        case x.Partial():
            return _other_layout(e)
    return x.Transpose(e)


def _turns(e: Expression) -> int:
    """How many transposes stand in an expression."""
    return isinstance(e, x.Transpose) + sum(map(_turns, x.children(e)))


def _other_layout(e: x.Partial) -> Expression:
    """A derivative of at most two dimensions, as the transpose of the one in the other layout."""
    other: x.Layout = "numerator" if e.layout == "denominator" else "denominator"
    return x.Transpose(e) if len(e.shape) != 2 else x.Partial(e.body, e.variable, other)


# ── terms ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Term:
    """coefficient · Π scalars^exponent · chain; the chain is () for a scalar."""

    coefficient: Fraction
    scalars: Powers = field(default_factory=dict)
    chain: tuple[Expression, ...] = ()

    @property
    def key(self) -> object:
        return frozenset(self.scalars.items()), self.chain

    def times(self, other: Term) -> Term:
        """The product with another term, in this order; the chains are not yet looked at."""
        powers = dict(self.scalars)
        for base, exponent in other.scalars.items():
            _multiply(powers, base, exponent)
        return Term(self.coefficient * other.coefficient, powers, self.chain + other.chain)


def _multiply(powers: Powers, base: Expression, exponent: Fraction) -> None:
    powers[base] = powers.get(base, Fraction(0)) + exponent
    if not powers[base]:
        del powers[base]


def tidy(e: Expression) -> Expression:
    """A shorter expression that denotes the same; the same one where there is nothing to do."""
    for _ in range(PASSES):
        before, e = e, written(terms(e), e.shape)
        if e == before:
            break
    return e


def terms(e: Expression) -> list[Term]:
    """An expression as a sum of terms, equal ones added up."""
    found: dict[object, Term] = {}
    for term in _terms(e):
        known = found.get(term.key)
        found[term.key] = term if known is None else replace(
            known, coefficient=known.coefficient + term.coefficient
        )  # fmt: skip
    return [term for term in found.values() if term.coefficient]


def _terms(e: Expression) -> list[Term]:
    match e:
        case x.Constant(value=value) | x.Fill(value=value) if value == 0:
            return []
        case x.Constant(value=value):
            return [Term(value)]
        case x.Fill(value=value, size=size) if value != 1:
            return [Term(value, {}, (x.Fill(Fraction(1), size),))]
        case x.Add(terms=parts):
            return [term for part in parts for term in terms(part)]
        case x.Negate(body=body):
            return [replace(term, coefficient=-term.coefficient) for term in terms(body)]
        case x.Multiply():
            return [_conformed(reduce(Term.times, map(_one_term, factors(e))))]
        case x.Divide(numerator=above, denominator=below) if below.is_scalar:
            inverse = _power(_one_term(below), Fraction(-1))
            return [_conformed(term.times(inverse)) for term in terms(above)]
        case x.Power(base=base, exponent=x.Constant(value=value)) if base.is_scalar:
            return [_power(_one_term(base), value)]
        case x.Hadamard() | x.Divide() | x.Power(entrywise=True):
            return [_entrywise(e)]
        case x.Transpose(body=body):
            inner = transposed(body)
            if isinstance(inner, x.Transpose) or inner == body:
                return [Term(Fraction(1), {}, (_inside(inner),))] if not inner.is_scalar else terms(inner)
            return terms(inner)
        case x.Trace(body=body):
            return [_traced(term) for term in terms(body)]
        case x.Diagonal(body=body) if body.is_vector:
            return [_on_diagonal(_one_term(body))]
        case x.Diagonal(body=body) if not body.is_scalar:
            return [_on_diagonal(term) for term in terms(body)]
        case x.Sum(index=index, body=body, without=()):
            return [_summed(index, term) for term in terms(body)]
    return [_alone(_inside(e))]


def _alone(e: Expression) -> Term:
    """One factor that is not looked into."""
    if isinstance(e, x.Constant):
        return Term(e.value)
    return Term(Fraction(1), {e: Fraction(1)}) if e.is_scalar else Term(Fraction(1), {}, (e,))


def _inside(e: Expression) -> Expression:
    """The same expression with its parts tidied."""
    return x.rebuild(e, tidy)


def _one_term(e: Expression) -> Term:
    """An expression as one term: a sum is one factor, what its terms share taken out of it."""
    found = terms(e)
    if len(found) == 1:
        return found[0]
    if not found:
        return Term(Fraction(0), {}, () if e.is_scalar else (zero(e.shape),))
    common, rest = _common(found)
    if common == Term(Fraction(1)):
        return _alone(_sum(found, e.shape))
    return _filled(common, _sum(rest, product_shape(rest[0].chain)))


def _power(term: Term, exponent: Fraction) -> Term:
    """A scalar term to a rational power; (s²)^½ is not s."""
    if exponent.denominator == 1 and abs(exponent) <= LARGEST_POWER and (term.coefficient or exponent > 0):
        powers = {base: e * exponent for base, e in term.scalars.items()}
        return Term(term.coefficient ** int(exponent), powers if exponent else {})
    return Term(Fraction(1), {written([term], x.SCALAR): exponent})


def _summed(index: Index, term: Term) -> Term:
    """What does not mention the index of a sum moves out of it."""
    outside: Powers = {}
    inside: Powers = {}
    for base, exponent in term.scalars.items():
        _multiply(inside if mentions(base, index) else outside, base, exponent)
    if not inside and not any(mentions(part, index) for part in term.chain):
        return Term(term.coefficient, outside, term.chain).times(
            Term(Fraction(1), {x.Count(index.range): Fraction(1)})
        )
    body = written([Term(Fraction(1), inside, term.chain)], product_shape(term.chain))
    return Term(term.coefficient, outside).times(_alone(x.Sum(index, body)))


def mentions(e: Expression, index: Index) -> bool:
    """Whether an index occurs in an expression; its name bound further in counts, too."""
    held: tuple[object, ...] = ()
    match e:
        case x.Entry(indices=indices) | x.Entries(indices=indices):
            held = indices
        case x.Delta(left=left, right=right):
            held = (left, right)
        case x.Basis(index=at):
            held = (at,)
        case x.Sum(without=without):
            held = without
    return index in held or any(mentions(child, index) for child in x.children(e))


def product_shape(chain: tuple[Expression, ...]) -> Shape:
    """The shape of a product of matrices; a scalar's for none."""
    return (chain[0].shape[0], chain[-1].shape[1]) if chain else x.SCALAR


# ── chains ─────────────────────────────────────────────────────────────────────────────────────────────────


def _conformed(term: Term) -> Term:
    """A term whose chain is as short as it gets: rows times columns are scalars, diag(u) v is u ⊙ v."""
    chain = [f for f in term.chain if not isinstance(f, x.Identity)]
    if not chain:
        return replace(term, chain=term.chain[:1])
    place = 0
    while place + 1 < len(chain):
        merged = _merged(chain[place], chain[place + 1])
        if merged is None:
            place += 1
            continue
        chain[place : place + 2] = [merged] if not isinstance(merged, x.Identity) or len(chain) == 2 else []
        place = max(0, place - 1)
    result = Term(term.coefficient, term.scalars)
    first, last = chain[0].shape[0], chain[-1].shape[1]
    pieces: list[list[Expression]] = [[]]
    for factor in chain:
        if pieces[-1] and factor.shape[0] == ONE:
            pieces.append([])
        pieces[-1].append(factor)
    kept: list[Expression] = []
    for number_, piece in enumerate(pieces):
        shape = (piece[0].shape[0], piece[-1].shape[1])
        outer = (number_ == 0 and first != ONE) or (number_ == len(pieces) - 1 and last != ONE)
        if outer or shape != x.SCALAR:
            kept += piece
        else:
            result = result.times(_alone(x.product(*oriented(piece))))
    return result.times(Term(Fraction(1), {}, tuple(kept)))


def _merged(left: Expression, right: Expression) -> Expression | None:
    """Two neighbours in a chain as one, where a law says so."""
    match left, right:
        case x.Diagonal(body=u), _ if left.shape[0] != ONE and u.is_vector and right.shape[1] == ONE:
            return _inside_product(_column(u), right)
        case _, x.Diagonal(body=u) if u.is_vector and left.shape[0] == ONE and left.shape[1] != ONE:
            return transposed(_inside_product(transposed(left), _column(u)))
        case x.Diagonal(body=u), x.Diagonal(body=v) if u.is_vector and v.is_vector:
            return x.Diagonal(_inside_product(_column(u), _column(v)))
        case x.Inverse(body=body), _ if body == right:
            return x.Identity(right.shape[0])
        case _, x.Inverse(body=body) if body == left:
            return x.Identity(left.shape[0])
    return None


def _column(u: Expression) -> Expression:
    return u if u.shape[1] == ONE else transposed(u)


def _inside_product(u: Expression, v: Expression) -> Expression:
    return written([_entrywise(x.Hadamard(u, v))], u.shape)


def oriented(piece: list[Expression]) -> list[Expression]:
    """The factors of uᵀ A v, or of vᵀ Aᵀ u where that is simpler: one way to write a scalar."""
    flipped = [transposed(factor) for factor in reversed(piece)]
    return min(piece, flipped, key=_looks)


def _looks(piece: Iterable[Expression]) -> tuple[int, int, str]:
    """What is better to read comes first: a change dx that is not transposed, then fewer transposes."""
    piece = tuple(piece)
    text = [latex(factor) for factor in piece]
    turned = sum(t.startswith("d") and isinstance(f, x.Transpose) for t, f in zip(text, piece, strict=True))
    return turned, sum(t.count("^T") for t in text), " ".join(text)


def _traced(term: Term) -> Term:
    """The trace of a term: tr(u vᵀ) = vᵀ u, and otherwise the best way round the circle."""
    chain = term.chain
    outside = Term(term.coefficient, term.scalars)
    if not chain:
        return outside
    if len(chain) == 1 and isinstance(chain[0], x.Identity):
        return outside.times(_alone(x.Count(chain[0].dimension)))
    for place, factor in enumerate(chain):
        if factor.shape[0] == ONE and place:
            return outside.times(_conformed(Term(Fraction(1), {}, chain[place:] + chain[:place])))
    turns = [chain[n:] + chain[:n] for n in range(len(chain))]
    flipped = tuple(transposed(factor) for factor in reversed(chain))
    turns += [flipped[n:] + flipped[:n] for n in range(len(chain))]
    return outside.times(_alone(x.Trace(x.product(*min(turns, key=_looks)))))


def _on_diagonal(term: Term) -> Term:
    """diag of a term: diag(1) = I, diag(diag(v)) = v, diag(u vᵀ) = u ⊙ v."""
    outside = Term(term.coefficient, term.scalars)
    match term.chain:
        case (x.Fill(value=value) as ones,) if value == 1 and ones.is_vector:
            return outside.times(_alone(x.Identity(max(ones.shape, key=lambda d: d != ONE))))
        case (x.Diagonal(body=body),) if body.is_vector:
            return outside.times(_alone(_column(body)))
        case (x.Identity(dimension=size),):
            return outside.times(_alone(x.Fill(Fraction(1), (size, ONE))))
    for place in range(1, len(term.chain)):
        if term.chain[place].shape[0] == ONE:
            left = x.product(*term.chain[:place])
            right = transposed(x.product(*term.chain[place:]))
            return outside.times(_entrywise(x.Hadamard(left, right)))
    return outside.times(_alone(x.Diagonal(x.product(*term.chain))))


def _entrywise(e: Expression) -> Term:
    """An entrywise product as one term; its factors are gathered with their exponents."""
    outside = Term(Fraction(1))
    powers: Powers = {}

    def gather(part: Expression, exponent: Fraction) -> None:
        nonlocal outside
        match part:
            case x.Hadamard(left=left, right=right):
                gather(left, exponent)
                gather(right, exponent)
            case x.Divide(numerator=above, denominator=below) if not below.is_scalar:
                gather(above, exponent)
                gather(below, -exponent)
            case x.Power(base=base, exponent=x.Constant(value=value), entrywise=True) if (
                exponent.denominator == 1 and not base.is_scalar
            ):
                gather(base, value * exponent)
            case x.Fill(value=value) if value == 1:
                pass
            case _ if exponent.denominator != 1:
                _multiply(powers, tidy(part), exponent)
            case _:
                term = _one_term(part)
                scale = _power(Term(term.coefficient, term.scalars), exponent)
                outside = outside.times(scale)
                inner = x.product(*term.chain)
                if isinstance(inner, (x.Hadamard, x.Divide, x.Power)) and inner != part:
                    gather(inner, exponent)
                    return
                _multiply(powers, inner, exponent)

    gather(e, Fraction(1))
    if any(is_zero(base) for base in powers):
        return Term(Fraction(0), {}, (zero(e.shape),))
    above = [_raised(base, k) for base, k in powers.items() if k > 0]
    below = [_raised(base, -k) for base, k in powers.items() if k < 0]
    whole = reduce(x.Hadamard, above) if above else x.Fill(Fraction(1), e.shape)
    if below:
        whole = x.Divide(whole, reduce(x.Hadamard, below))
    return outside.times(_alone(whole))


def _raised(base: Expression, exponent: Fraction) -> Expression:
    if exponent == 2 and not base.is_scalar:
        return x.Hadamard(base, base)
    return base if exponent == 1 else x.Power(base, number(exponent), entrywise=not base.is_scalar)


# ── writing terms down ─────────────────────────────────────────────────────────────────────────────────────


def written(found: list[Term], shape: Shape) -> Expression:
    """A sum of terms as an expression of this shape, what they share taken out."""
    if not found:
        return zero(shape)
    if len(found) == 1:
        return _term(found[0])
    common, rest = _common(found)
    if common == Term(Fraction(1)):
        return _sum(found, shape)
    return _term(_filled(common, _sum(rest, product_shape(rest[0].chain))))


def _filled(common: Term, inner: Expression) -> Term:
    """What terms share, with the sum of the rest where it belongs."""
    place = next((n for n, f in enumerate(common.chain) if f is _HOLE), len(common.chain))
    chain = (*common.chain[:place], inner, *common.chain[place + 1 :])
    if inner.is_scalar and not common.chain:
        return replace(common, scalars={**common.scalars, inner: Fraction(1)}, chain=())
    return replace(common, chain=chain)


_HOLE = x.Symbol("⟨sum⟩", x.SCALAR)  # where the rest of a sum belongs, among the factors taken out of it


def _common(found: list[Term]) -> tuple[Term, list[Term]]:
    """What all terms share, with a hole in its chain where the sum belongs, and the terms without it."""
    coefficient = _common_coefficient([term.coefficient for term in found])
    scalars = {
        base: exponent
        for base, exponent in found[0].scalars.items()
        if all(term.scalars.get(base) == exponent for term in found)
    }
    chains = [term.chain for term in found]
    leading, trailing = _shared(chains)
    rest = [
        Term(
            term.coefficient / coefficient,
            {base: k for base, k in term.scalars.items() if base not in scalars},
            term.chain[len(leading) : len(term.chain) - len(trailing)],
        )
        for term in found
    ]
    chain = (*leading, _HOLE, *trailing) if leading or trailing else ()
    return Term(coefficient, scalars, chain), rest


def _common_coefficient(values: list[Fraction]) -> Fraction:
    """The largest number that leaves integers without a common divisor; 1 where they are these already."""
    below = reduce(lambda a, b: a * b // gcd(a, b), [v.denominator for v in values])
    above = reduce(gcd, [int(v * below) for v in values])
    shared = Fraction(above, below)
    return -shared if all(v < 0 for v in values) else shared


def _shared(
    chains: list[tuple[Expression, ...]],
) -> tuple[tuple[Expression, ...], tuple[Expression, ...]]:
    """The factors with which all chains begin and end; each chain keeps at least one."""
    shortest = min(map(len, chains))
    leading = 0
    while leading < shortest - 1 and len({chain[leading] for chain in chains}) == 1:
        leading += 1
    trailing = 0
    while trailing < shortest - 1 - leading and len({chain[-1 - trailing] for chain in chains}) == 1:
        trailing += 1
    return chains[0][:leading], chains[0][len(chains[0]) - trailing :]


def _sum(found: list[Term], shape: Shape) -> Expression:
    """A sum in which those that begin, or end, with the same factor stand together."""
    group = _largest_group(found)
    if group is not None and len(group) < len(found):
        apart = [term for term in found if term not in group]
        together, rest = written(group, shape), written(apart, shape)
        first = found[0] in group
        return _added([together, rest] if first else [rest, together])
    parts = [_term(term) for term in found]
    return _added(parts)


def _added(parts: list[Expression]) -> Expression:
    """A sum that does not begin with a minus, if that can be."""
    flat = [p for part in parts for p in (part.terms if isinstance(part, x.Add) else (part,))]
    first = next((n for n, part in enumerate(flat) if not isinstance(part, x.Negate)), 0)
    return total([flat[first], *flat[:first], *flat[first + 1 :]])


def _largest_group(found: list[Term]) -> list[Term] | None:
    """The most terms that begin, or end, with the same factor; None where no two do."""
    best: list[Term] = []
    for end in (0, -1):
        for term in found:
            if len(term.chain) > 1:
                group = [o for o in found if len(o.chain) > 1 and o.chain[end] == term.chain[end]]
                best = max(best, group, key=len)
    return best if len(best) > 1 else None


def _term(term: Term) -> Expression:
    """coefficient · scalars · chain, with a fraction bar for what is divided by."""
    chain = term.chain
    above = [_raised(base, k) for base, k in term.scalars.items() if k > 0]
    below = [_raised(base, -k) for base, k in term.scalars.items() if k < 0]
    size = abs(term.coefficient)
    if below:
        below = ([number(size.denominator)] if size.denominator != 1 else []) + below
        size = Fraction(size.numerator)
    parts = ([number(size)] if size != 1 or not (above or chain) else []) + above + list(chain)
    if len(parts) > 1 and parts[0] == number(1):
        parts = parts[1:]
    if below and chain and not isinstance(chain[0], x.Add) and len(chain) > 2:
        # 1/s in front of a long chain reads better than a long fraction
        front = parts[: len(parts) - len(chain)]
        lead = x.Divide(x.product(*front) if front else number(1), x.product(*below))
        whole: Expression = x.product(lead, *chain)
    else:
        whole = x.product(*parts)
        if below:
            whole = x.Divide(whole, x.product(*below))
    return x.Negate(whole) if term.coefficient < 0 else whole


# ── how long an expression is ──────────────────────────────────────────────────────────────────────────────


WEIGHTS: dict[type[Expression], float] = {
    x.Constant: 0.5, x.Transpose: 0.5, x.Multiply: 0.3, x.Negate: 0.2, x.Add: 0.3, x.Power: 0.5, x.Fill: 1.5,
    x.Entry: 0.5, x.Sum: 3.0, x.Delta: 3.0, x.Entries: 8.0,
}  # fmt: skip


def cost(e: Expression) -> float:
    """How long an expression is to read: symbols and operations, what is rare counted double."""
    own = WEIGHTS.get(type(e), 1.0)
    if isinstance(e, x.Power) and e.entrywise and not e.base.is_scalar:
        own += 2
    if isinstance(e, x.Multiply) and isinstance(e.right, x.Multiply) and not e.right.is_scalar:
        own += 0.1  # A (B C) has parentheses that A B C has not
    return own + sum(map(cost, x.children(e)))
