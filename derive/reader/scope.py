"""What the symbols of a document mean, from its beginning to here.

A declaration gives a symbol a shape, a definition a meaning, a hypothesis restricts its values. A new
declaration drops the old meaning. Symbols are known by their key, a canonical spelling in LaTeX that
includes fonts, accents and those scripts that belong to the name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from derive import expression as x
from derive import terms as t
from derive.expression import Expression, Shape
from derive.lowering import Lowering
from derive.reader import latex as tex
from derive.terms import ONE, Dimension, Index


class Unreadable(ValueError):
    """Mathematics without a reading: what is wrong, where (offsets into the formula), and what instead."""

    def __init__(
        self,
        code: str,
        message: str,
        node: tex.Node | None,
        expected: str = "",
        pairs: tuple[tuple[Dimension, Dimension], ...] = (),
    ):
        super().__init__(message)
        self.pairs = pairs
        self.code, self.message, self.node, self.expected = code, message, node, expected


@dataclass(frozen=True, slots=True)
class Function:
    """A declared function without a formula: elementwise, or of tensors with these shapes."""

    name: str
    elementwise: bool
    arguments: tuple[Shape, ...] = ()
    values: Shape = x.SCALAR


@dataclass(frozen=True, slots=True)
class Family:
    """Quantities numbered by an index, such as the basis vectors e_j: the general one, and its letter."""

    letter: str
    general: Expression | None  # None: a basis vector of a size that its use decides


@dataclass(frozen=True, slots=True)
class Formula:
    """A function given by a formula, g(z) = 1 / (1 + e^-z): its parameters, and its value in them."""

    parameters: tuple[x.Symbol, ...]
    value: Expression


@dataclass
class Scope:
    """The meanings in force. `sizes` fixes dimensions to numbers, as in c = 3."""

    sizes: Mapping[str, int] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    definitions: dict[str, Expression] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    families: dict[str, Family] = field(default_factory=dict)
    formulas: dict[str, Formula] = field(default_factory=dict)
    indexed: dict[str, tuple[str, ...]] = field(default_factory=dict)  # w_{ij} declared by its general entry
    limits: dict[str, str] = field(
        default_factory=dict
    )  # upper limits of sums over a letter, in the document
    presumed: set[str] = field(default_factory=set)  # scalars that were met as a function's parameter
    differentials: set[str] = field(default_factory=set)  # symbols z of which the document writes dz
    stacked: set[str] = field(default_factory=set)  # vectors numbered by an index, t_n, kept as one matrix
    capitals: dict[str, str] = field(
        default_factory=dict
    )  # the matrix whose entries a letter was last used for
    tables: set[str] = field(default_factory=set)  # vectors that are written as functions of a number, P(j)
    single: set[str] = field(default_factory=set)  # arrays that have one entry, for the sizes that are fixed
    first: int = 1  # the number of the first entry, 0 or 1
    constants: dict[str, Index] = field(default_factory=dict)
    letters: dict[str, Dimension] = field(default_factory=dict)
    dimensions: set[str] = field(default_factory=set)
    hypotheses: list[t.Hypothesis] = field(default_factory=list)
    supposed: list[t.Hypothesis] = field(default_factory=list)  # in prose, until the next heading
    binary: dict[str, str] = field(default_factory=dict)  # vectors of zeros and ones, and where that is said
    layout: x.Layout | None = None
    nabla: str | None = None  # what a bare nabla refers to
    summed: set[tuple[str, str]] = field(default_factory=set)  # (x, i) where a sum runs over i in x_i
    turning_primes: bool = False  # whether a prime transposes, for want of any other sign of it
    labels: set[str] = field(default_factory=set)  # the l of layers, where there is a layer l + 1 or l - 1
    omitted: set[str] = field(default_factory=set)  # marks, as of a layer, that the text says it leaves out
    place: str | None = None  # where the entry stands that a list such as 0, ..., a, ..., 0 shows
    columns: dict[str, Dimension] = field(default_factory=dict)  # how many vectors W = [w_1, ..., w_c] lists
    spellings: dict[str, tuple[str, ...]] = field(default_factory=dict)  # a name in other fonts

    def may_equal(self, left: Dimension, right: Dimension) -> bool:
        """Whether two dimensions could be the same number under different names."""
        return bool(left.names - right.names) and left.number is None

    def hide(self, meaning: Expression) -> x.Symbol:
        """A symbol of its own for an expression, to differentiate by."""
        name = f"·{len(self.definitions)}"
        self.shapes[name] = meaning.shape
        self.definitions[name] = meaning
        return x.Symbol(name, meaning.shape)

    def dimension(self, name: str) -> Dimension:
        """A dimension symbol, or its size where that is fixed."""
        self.dimensions.add(name)
        return Dimension.of(self.sizes.get(name, name))

    def declare(self, name: str, shape: Shape) -> None:
        """Give a symbol a shape, and drop what it meant before together with what was assumed of it."""
        self.forget(name)
        self.shapes[name] = shape

    def define(self, name: str, meaning: Expression) -> None:
        """Give a symbol a value: what mentions a symbol that had a shape alone now mentions that value."""
        if not (self.only_sized(name) and self.shapes[name] == meaning.shape):
            self.forget(name)
        self.shapes[name] = meaning.shape
        self.definitions[name] = meaning

    def forget(self, name: str) -> None:
        if name in self.shapes or name in self.functions:
            self.hypotheses = [h for h in self.hypotheses if not _mentions(h, name)]
            if name not in self.presumed:
                self._freeze_dependents(name)
        for table in (
            self.shapes,
            self.definitions,
            self.functions,
            self.binary,
            self.families,
            self.formulas,
        ):
            table.pop(name, None)
        self.indexed.pop(name, None)
        self.stacked.discard(name)
        self.presumed.discard(name)

    def _freeze_dependents(self, name: str) -> None:
        """Quantities defined through the old meaning keep it, under a name that no one else uses."""
        users = [n for n, body in self.definitions.items() if n != name and _uses(body, name)]
        if not users or name not in self.shapes:
            return
        old = f"{name}·{len(self.shapes)}"
        symbol, former = x.Symbol(name, self.shapes[name]), x.Symbol(old, self.shapes[name])
        self.shapes[old] = self.shapes[name]
        if name in self.definitions:
            self.definitions[old] = self.definitions[name]
        for user in users:
            self.definitions[user] = x.replace(self.definitions[user], symbol, former)
        for user, formula in self.formulas.items():
            parameters = tuple(former if p == symbol else p for p in formula.parameters)
            self.formulas[user] = Formula(parameters, x.replace(formula.value, symbol, former))

    def symbol(self, name: str) -> x.Symbol:
        return x.Symbol(name, self.shapes[name])

    def knows(self, name: str) -> bool:
        return name in self.shapes or name in self.functions or name in self.families or name in self.formulas

    @property
    def size(self) -> int:
        """How many names have a meaning."""
        tables = (self.shapes, self.functions, self.families, self.formulas, self.constants)
        return sum(len(table) for table in tables)

    def settled(self, name: str) -> bool:
        """Whether a symbol has a meaning that a later equation would not give it."""
        return self.knows(name) and name not in self.presumed

    def bare(self, name: str) -> bool:
        """Whether of a vector no more is known than its shape, and perhaps that it has zeros and ones."""
        tables = (
            self.definitions,
            self.functions,
            self.families,
            self.formulas,
            self.constants,
            self.indexed,
        )
        return (
            name in self.shapes
            and self.symbol(name).is_vector
            and not any(name in table for table in tables)
            and not any(_mentions(h, name) for h in (*self.hypotheses, *self.supposed))
        )

    def only_sized(self, name: str) -> bool:
        """Whether all that is known of a symbol is its shape."""
        tables = (self.definitions, self.functions, self.families, self.formulas, self.constants)
        return (
            name in self.shapes
            and not any(name in table for table in (*tables, self.indexed, self.binary))
            and not any(_mentions(h, name) for h in (*self.hypotheses, *self.supposed))
        )

    def rests_on(self, meaning: Expression, name: str) -> bool:
        """Whether an expression contains a symbol, also through the definitions of others."""
        return _uses(meaning, name) or any(
            _uses(meaning, other) and self.rests_on(body, name) for other, body in self.definitions.items()
        )

    def range_of_letter(self, letter: str) -> Dimension:
        """The dimension of a letter that stands for a whole layer or sample, as in w_{ij} or x^{(i)}."""
        return self.dimension(self.limits.get(letter) or f"n_{letter}")

    def assume(self, hypothesis: t.Hypothesis) -> None:
        self.hypotheses.append(hypothesis)

    def context(
        self, extra: tuple[t.Hypothesis, ...] = ()
    ) -> tuple[tuple[t.Hypothesis, ...], frozenset[str]]:
        """The hypotheses in force, with what follows from several of them together, and the fixed indices."""
        given = (*self.hypotheses, *extra)
        return (*given, *self._one_hot(given)), frozenset(self.constants)

    def _one_hot(self, given: tuple[t.Hypothesis, ...]) -> list[t.Hypothesis]:
        """y_i^2 = y_i of zeros and ones; if Sum y = 1, y_i y_j = delta_ij y_i; if y_k = 1, y_i = delta_ik."""
        found: list[t.Hypothesis] = []
        for name, label in self.binary.items():
            (size,) = [d for d in self.shapes[name] if d != ONE] or [ONE]
            if size == ONE:
                at = t.Entry(name)
                found.append(t.Equation(at * at, at, (label,)))
                continue
            i, j = Index("·i", size), Index("·j", size)
            yi, yj = t.Entry(name, (i,)), t.Entry(name, (j,))
            found.append(t.Equation(yi * yi, yi, (label,)))
            totals = [h for h in given if _is_total(h, name)]
            for total in totals:
                found.append(t.Equation(yi * yj, t.Delta(i, j) * yi, (label, *total.labels)))
                for h in given:
                    if (
                        isinstance(h, t.Equation)
                        and isinstance(h.lhs, t.Entry)
                        and h.lhs.tensor == name
                        and h.rhs == t.Number(1)
                        and h.lhs.indices
                    ):
                        k = h.lhs.indices[0]
                        found.append(t.Equation(yi, t.Delta(i, k), (label, *total.labels, *h.labels)))
        return found


def resized(value: Any, sizes: Mapping[str, int]) -> Any:
    """A scope, an expression or a hypothesis with numbers put for some of its dimensions."""
    match value:
        case Dimension():
            total = Dimension(())
            for names, coefficient in value.monomials:
                for name in names:
                    coefficient *= sizes.get(name, 1)
                total = total + Dimension(((tuple(n for n in names if n not in sizes), coefficient),))
            return total
        case dict():
            return {k: resized(v, sizes) for k, v in value.items()}
        case list() | tuple():
            return type(value)(resized(v, sizes) for v in value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            changed = {
                slot.name: resized(getattr(value, slot.name), sizes) for slot in fields(value) if slot.init
            }
            if isinstance(value, Scope):
                changed["sizes"] = {**value.sizes, **sizes}
                changed["dimensions"] = value.dimensions - sizes.keys()
            return replace(value, **changed)
    return value


def _is_total(hypothesis: t.Hypothesis, name: str) -> bool:
    match hypothesis:
        case t.Equation(t.Sum(i, t.Entry(tensor, (j,))), t.Number(value)):
            return tensor == name and i == j and value == 1
    return False


def _uses(body: Expression, name: str) -> bool:
    return (isinstance(body, x.Symbol) and body.name == name) or any(
        _uses(child, name) for child in x.children(body)
    )


def _mentions(hypothesis: t.Hypothesis, name: str) -> bool:
    match hypothesis:
        case t.Equation(lhs, rhs):
            return name in t.tensors(lhs) | t.tensors(rhs)
        case t.Positive(term) | t.Nonzero(term):
            return name in t.tensors(term)
    return False


def entry_term(expression: Expression) -> t.Term:
    """A scalar expression as a term."""
    unit = Index(0, ONE)
    return Lowering().lower(expression, (unit, unit), {})


def key(node: tex.Node) -> str | None:
    """The canonical spelling of a name; None for what cannot be one."""
    match node:
        case tex.Symbol():
            spelled = node.letter
            if node.font in ("bold", "cal", "bb", "frak", "sf"):
                spelled = f"\\math{ {'bold': 'bf'}.get(node.font, node.font) }{{{spelled}}}"
            for accent in node.accents:
                spelled = f"\\{accent}{{{spelled}}}"
            return spelled
        case tex.Accent(accent=accent, body=body):
            inner = key(body)
            return None if inner is None else f"\\{accent}{{{inner}}}"
        case tex.Script(base=base, sub=sub, sup=sup, primes=primes):
            spelled_base = key(base)
            if spelled_base is None:
                if isinstance(base, tex.Number):
                    spelled_base = base.text
                else:
                    return None
            below = "" if sub is None else f"_{{{_mark(sub)}}}"
            above = "" if sup is None else f"^{{{_mark(sup)}}}"
            return f"{spelled_base}{below}{above}{chr(39) * primes}"
    return None


def _mark(node: tex.Node) -> str:
    """A script that belongs to a name, spelled canonically."""
    match node:
        case tex.Number(text=text):
            return text
        case tex.Commas(items=items):
            return ",".join(map(_mark, items))
        case tex.Juxtapose(items=items):
            return "".join(map(_mark, items))
        case tex.Fence(open=opening, close=closing, body=body):
            return f"{opening}{_mark(body)}{closing}"
        case tex.Plus(terms=terms):
            return "".join(f"{sign}{_mark(term)}" for sign, term in terms)
        case tex.Infix(op=op, left=left, right=right):
            return f"{_mark(left)}{op}{_mark(right)}"
    return key(node) or "?"


def dimension(node: tex.Node, scope: Scope) -> Dimension:
    """A dimension: a name, a number, or a sum of these. Raises Unreadable."""
    match node:
        case tex.Number(text=text) if text.isdigit() and int(text) > 0:
            return Dimension.of(int(text))
        case tex.Symbol() | tex.Script():
            name = key(node)
            if name is not None:
                return scope.dimension(name)
        case tex.Fence(body=body):
            return dimension(body, scope)
        case tex.Plus(terms=terms):
            total: Dimension | None = None
            for sign, term in terms:
                factor = -1 if sign == "-" else 1
                if isinstance(term, tex.Number) and term.text.isdigit():
                    part = Dimension((((), factor * int(term.text)),))
                elif factor == 1:
                    part = dimension(term, scope)
                else:
                    raise Unreadable("D005", "a dimension is not a difference of symbols", node, "n + 1")
                total = part if total is None else total + part
            if total is not None:
                return total
    raise Unreadable("D005", "this is not a dimension", node, r"n, 3 or n+1")
