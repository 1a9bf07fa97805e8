"""From what a formula says to what it means: syntax trees to shape-checked expressions.

Juxtaposition is a product, an application or an operator, as shapes and declarations decide. Where the
shape of 1 (ones) or I (identity) is not declared it follows from its neighbour.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from derive import expression as x
from derive.expression import Expression, Layout, Shape
from derive.functions import SPELLINGS
from derive.lowering import Lowering
from derive.reader import latex as tex
from derive.reader.dots import (
    ACROSS,
    DOTTED,
    at_letter,
    cells_of,
    general_term,
    grid_pattern,
    list_pattern,
    numbered,
    spike,
)
from derive.reader.scope import Formula, Function, Scope, Unreadable, key
from derive.reader.scope import dimension as statement_dimension
from derive.terms import ONE, Dimension, Index, ShapeError

TRANSPOSES = frozenset({"T", r"\top", r"\intercal", "t"})
DOTS = frozenset({r"\cdot", "*", r"\bullet"})  # between two vectors: an inner product, or entry by entry
PRODUCTS = frozenset({r"\cdot", r"\times", "*", r"\bullet"})
HADAMARDS = frozenset({r"\odot", r"\circ", ".*"})
OF_MATRICES = frozenset({"exp", "log", "sqrt", "sin", "cos", "sinh", "cosh"})  # also by their power series
_ONE = tex.Number(0, 0, "1")
DIFFERENTIALS = frozenset({r"\partial", "d"})


@dataclass(eq=False, repr=False)
class Pending(Expression):
    """Ones, an identity or a zero array whose size follows from what stands beside it."""

    kind: str  # "ones" | "identity" | "zero"

    def _shape(self) -> Shape:
        return (x.UNKNOWN_SIZE, x.UNKNOWN_SIZE if self.kind != "ones" else ONE)

    def sized(self, shape: Shape) -> Expression:
        """The array itself. Raises ShapeError where an identity would not be square."""
        if self.kind != "identity":
            return x.Fill(Fraction(int(self.kind == "ones")), shape)
        if shape[0] != shape[1]:
            raise ShapeError(
                f"an identity matrix is square, not {x.show_shape(shape)}", ((shape[0], shape[1]),)
            )
        return x.Identity(shape[0])


@dataclass
class Elaborator:
    """Reads expressions in a scope.

    Attributes:
        scope: what symbols mean.
        layout: how derivatives are arranged.
        by_scalar: how derivatives of vectors by scalars are arranged, where differently.
        bound: the indices that sums bind here.
        ranges: what the free index letters of the formula range over.
        assumed: for each hint that was taken, what it was, for `--show-reading`.
    """

    scope: Scope
    layout: Layout = "denominator"
    by_scalar: Layout | None = None
    bound: dict[str, Index] = field(default_factory=dict)
    ranges: dict[str, Dimension] = field(default_factory=dict)
    nodes: list[tex.Node] = field(default_factory=list)  # what was read to learn ranges from it
    swap_dots: bool = False  # whether a dot between vectors is entrywise here, and a star an inner product
    met_dot: bool = False
    doubts: list[Unreadable] = field(default_factory=list)  # where what is written may mean something else
    measured: frozenset[str] = frozenset()  # the bound letters whose range a factor under their sum gives

    # ------------------------------------------------------------------ entry points

    def side(self, node: tex.Node) -> Expression:
        """One side of a relation. Raises Unreadable with the node at fault."""
        try:
            return self.expression(node)
        except ShapeError as trouble:
            expected = "factors and terms whose shapes fit"
            raise Unreadable("D010", str(trouble), node, expected, trouble.pairs) from None
        except RecursionError:
            raise Unreadable("D003", "the formula is nested too deeply", node) from None

    def learn_ranges(self, *nodes: tex.Node) -> None:
        """Find out what index letters range over, from the tensors that carry them."""
        self.nodes += nodes
        self._learn(*nodes)

    def mentioned(self) -> frozenset[str | None]:
        """The names that stand in the formula as they are."""
        return frozenset(key(part) for node in self.nodes for part in tex.walk(node))

    def _learn(self, *nodes: tex.Node) -> None:
        for part in nodes:
            if isinstance(part, tex.Juxtapose):
                self._learn_tables(part)
                families = [
                    n
                    for n, pair in enumerate(zip(part.items, part.items[1:], strict=False))
                    if self._family_pair(pair)
                ]
                self._learn(
                    *(
                        item
                        for n, item in enumerate(part.items)
                        if n not in families and n - 1 not in families
                    )
                )
                continue
            if isinstance(part, tex.Script) and (part.sub is not None or part.sup is not None):
                self._learn_script(part)
            self._learn(*tex.children(part))

    def _family_pair(self, pair: tuple[tex.Node, tex.Node]) -> bool:
        """Whether two factors are one of the vectors f(x_n); its letter is learnt then."""
        second = pair[1].base if isinstance(pair[1], tex.Script) else pair[1]
        if not (isinstance(second, tex.Fence) and isinstance(second.body, tex.Script)):
            return False
        for head in (pair[0], *other_fonts(pair[0])):
            family = self.family_name(tex.Juxtapose(head.start, second.end, (head, second)))
            if family is not None and family[0] in self.scope.shapes:
                self.ranges.setdefault(family[1], self.scope.shapes[family[0]][0])
                return True
        return False

    def _learn_tables(self, part: tex.Juxtapose) -> None:
        for name, fence in zip(part.items, part.items[1:], strict=False):
            known = key(name)
            if (
                known in self.scope.tables
                and isinstance(fence, tex.Fence)
                and isinstance(fence.body, tex.Symbol)
            ):
                self.ranges.setdefault(fence.body.letter, self.scope.shapes[known][0])
                self.scope.letters[fence.body.letter] = self.scope.shapes[known][0]

    def _learn_script(self, part: tex.Script) -> None:
        numbered = self.family_of(part) if self.scope.indexed and self.known(part) is None else None
        if numbered is not None and isinstance(numbered[1], tex.Symbol):
            size = self.scope.range_of_letter(*self.scope.indexed[numbered[0]])
            self.ranges.setdefault(numbered[1].letter, size)
            self.scope.letters.setdefault(numbered[1].letter, size)
        letters = self.index_nodes(part.sub)
        if letters is None or self.known(part, with_sup=False) is not None:
            return
        base = part.base
        name = self.capital(base) if len(letters) == 2 and self.capital(base) else self.resolve(base)
        name = self.without_sub(part) or self.marked_capital(part) or name
        if name is not None and name in self.scope.shapes:
            shape = self.scope.shapes[name]
        elif isinstance(base, tex.Fence):
            try:
                shape = self.expression(base).shape
            except (Unreadable, ShapeError):
                return
        else:
            return
        if name in self.scope.stacked and len(letters) == 1:
            shape = (shape[0], ONE)
        try:
            sizes = x.entry_ranges(x.Symbol("·", shape), len(letters))
        except ShapeError:
            return
        for letter, size in zip(letters, sizes, strict=True):
            if isinstance(letter, tex.Symbol) and letter.letter not in {*self.scope.constants, ":"}:
                self.ranges.setdefault(letter.letter, size)
                self.scope.letters[letter.letter] = size

    # ------------------------------------------------------------------ names

    def resolve(self, node: tex.Node) -> str | None:
        """The key under which a name is known, in this font or, failing that, in the only other one."""
        name = key(node)
        if name is None or self.scope.knows(name):
            return name
        spellings = self.scope.spellings
        if name not in spellings:
            spellings[name] = tuple(key(other) or "" for other in other_fonts(node))
        return next((spelled for spelled in spellings[name] if self.scope.knows(spelled)), None)

    def known(self, node: tex.Script, with_sup: bool = True) -> str | None:
        """The key of a name of which scripts are a part, such as z^L or P_k^-, the longest that is known."""
        trials = [node] if with_sup or node.sup is None else []
        if node.sup is not None and node.sub is not None and not with_sup:
            trials = []
        if node.sub is not None and not with_sup:
            trials.append(tex.Script(node.start, node.end, node.base, node.sub))
        for trial in trials:
            name = self.resolve(trial)
            if name is not None and self.scope.knows(name):
                return name
        return None

    def family_name(self, node: tex.Node) -> tuple[str, str] | None:
        """f(x_n), a quantity numbered by n, as a name and its letter; None where x_n is known by itself."""
        if not (
            isinstance(node, tex.Juxtapose) and len(node.items) == 2 and isinstance(node.items[1], tex.Fence)
        ):
            return None
        function, inner = key(node.items[0]), node.items[1].body
        if function is None or not isinstance(inner, tex.Script) or not isinstance(inner.sub, tex.Symbol):
            return None
        base = key(inner.base)
        if function in {*SPELLINGS, *OPERATORS} or (key(inner) or "") in self.scope.shapes:
            return None
        if self.resolve(inner) is not None:
            return None
        if base is None or inner.sup is not None or self.scope.knows(function) or base in self.scope.shapes:
            return None
        return f"{function}({base})", inner.sub.letter

    def index_nodes(self, sub: tex.Node | None) -> list[tex.Node] | None:
        """The separate indices of a subscript, None where it is not made of indices."""
        match sub:
            case tex.Symbol():
                return [sub]
            case tex.Number():
                return [sub]
            case tex.Relation(op=r"\neq", left=left):
                return self.index_nodes(left)  # s_{k != i} is s_k, for k other than i
            case tex.Relation(op="=", right=right):
                return self.index_nodes(right)
            case tex.Commas(items=items):
                return list(items) if all(isinstance(i, (tex.Symbol, tex.Number)) for i in items) else None
            case tex.Juxtapose(items=items):
                if len(items) == 2 and isinstance(items[1], tex.Fence) and isinstance(items[0], tex.Symbol):
                    return [items[0]]  # i(j): either index, where both agree
                return list(items) if all(isinstance(i, (tex.Symbol, tex.Number)) for i in items) else None
        return None

    def index(self, node: tex.Node, size: Dimension) -> Index:
        match node:
            case tex.Number(text=text) if text.isdigit():
                place = int(text) - self.scope.first
                if place < 0 or (size.number is not None and place >= size.number):
                    raise Unreadable(
                        "D013", f"the index {text} is outside 1..{size}", node, "an index in range"
                    )
                return Index(place, size)
            case tex.Symbol(letter=letter):
                return self.named_index(letter, size)
        raise Unreadable("D013", "this is not an index", node, "a letter or a number")

    def named_index(self, letter: str, size: Dimension) -> Index:
        if letter in self.scope.dimensions and str(size) == letter:
            self.scope.constants.setdefault(letter, Index(letter, size))  # phi_k of k entries is the last one
        found = self.bound.get(letter) or self.scope.constants.get(letter) or Index(letter, size)
        if found.range != size:
            # a sum whose own factors disagree; a letter of the text may be reused for something else
            pairs = ((found.range, size),) if letter in self.bound and letter in self.measured else ()
            said = f"the index {letter} runs to {found.range}, but here it needs to run to {size}"
            raise ShapeError(said, pairs)
        return found

    def range_of(self, letter: str, node: tex.Node, *within: tex.Node | None) -> Dimension:
        """What an index letter ranges over, from the tensors below that carry it."""
        found = dict(self.ranges)
        inner = Elaborator(self.scope, self.layout, self.by_scalar, dict(self.bound))
        inner.bound.pop(letter, None)
        inner.learn_ranges(*(n for n in within if n is not None))
        found.update(inner.ranges)
        self.measured = self.measured | {letter} if letter in inner.ranges else self.measured - {letter}
        if letter in self.typed_letters():
            return self.scope.range_of_letter(letter)
        size = found.get(letter) or self.scope.letters.get(letter)
        if size is None:
            raise Unreadable(
                "D012", f"what the index {letter} ranges over is not known", node,
                "a tensor of known shape that carries it",
            )  # fmt: skip
        return size

    # ------------------------------------------------------------------ expressions

    def expression(self, node: tex.Node) -> Expression:
        match node:
            case tex.Number(text=text):
                return x.Constant(Fraction(text))
            case tex.Symbol() | tex.Accent():
                return self.name(node)
            case tex.Script():
                return self.script(node)
            case tex.Plus(terms=terms):
                return self.plus(terms)
            case tex.Juxtapose(items=items):
                return self.juxtaposed(list(items))
            case tex.Infix(op=op, left=left, right=right):
                return self.infix(op, left, right, node)
            case tex.Fraction():
                return self.fraction(node, [])
            case tex.Root(body=body, degree=None):
                return self.entrywise("sqrt", self.expression(body), node)
            case tex.Root(body=body, degree=degree) if degree is not None:
                power = x.Divide(x.Constant(Fraction(1)), self.expression(degree))
                return x.Power(self.expression(body), power)
            case tex.Fence():
                return self.fence(node)
            case tex.Big():
                return self.big(node)
            case tex.Matrix(rows=rows):
                return self.matrix(node, rows)
            case tex.Cases(rows=rows):
                return self.cases(node, rows)
            case tex.Evaluation(body=body, condition=tex.Relation(op="=", left=left, right=right)):
                return self.evaluated(body, left, right, node)
            case tex.Annotated(body=body):
                return self.expression(body)
            case tex.Unread(message=message, expected=expected):
                raise Unreadable("D001", message, node, expected)
        raise Unreadable("D002", f"no reading for this {type(node).__name__.lower()} yet", node)

    def evaluated(self, body: tex.Node, left: tex.Node, right: tex.Node, node: tex.Node) -> Expression:
        """A derivative at a place, |_{x = y}."""
        value, variable, place = self.expression(body), self.expression(left), self.expression(right)
        names = Lowering(self.scope.definitions).all_symbols(value)
        if not isinstance(variable, x.Symbol) or variable.shape != place.shape:
            raise Unreadable("D002", "this place of evaluation has no reading yet", node, "x = y")
        rests = [
            n
            for n in names
            if n in self.scope.definitions and self.scope.rests_on(self.scope.symbol(n), variable.name)
        ]
        if rests or variable.name in self.scope.definitions:
            raise Unreadable(
                "D002", "what is evaluated here rests on definitions", node, "a formula in x itself"
            )
        return x.replace(value, variable, self.scope.hide(place))

    def name(self, node: tex.Node) -> Expression:
        known = self.resolve(node)
        if known is not None and known in self.scope.shapes:
            return self.scope.symbol(known)
        if known is not None and known in self.scope.functions:
            return self.bare_function(self.scope.functions[known], node)
        if isinstance(node, tex.Symbol):
            letter = node.letter
            if node.font in ("bold", "bb") and letter == "1":
                return Pending("ones")
            if node.font == "bold" and letter == "0":
                return Pending("zero")
            if letter == "I" and not node.accents:
                return Pending("identity")
            if letter == "O" and not node.accents and not node.font:
                return Pending("zero")
            if letter in self.scope.dimensions and not node.accents:
                size = self.scope.dimension(letter)
                return x.Constant(Fraction(size.number)) if size.number is not None else x.Count(size)
            if letter == "e" and not node.accents:
                return x.Apply("exp", x.Constant(Fraction(1)))
        raise Unreadable(
            "D011", f"{self.spelled(node)} has no meaning yet", node,
            rf"its shape, such as {self.spelled(node)} \in \mathbb{{R}}^n, or its definition",
        )  # fmt: skip

    def bare_function(self, function: Function, node: tex.Node) -> Expression:
        """f for f(x), where x is the one declared symbol of the right shape."""
        (domain,) = function.arguments
        fitting = [
            name
            for name, shape in self.scope.shapes.items()
            if shape == domain and name not in self.scope.definitions and "·" not in name
        ]
        if len(fitting) > 1:  # u beside x is u(x), whatever other symbols there are
            mentioned = self.mentioned()
            fitting = [name for name in fitting if name in mentioned]
        if function.elementwise or len(fitting) != 1:
            raise Unreadable("D004", f"the function {function.name} needs its argument", node, "f(x)")
        return x.Call(function.name, (self.scope.symbol(fitting[0]),), function.values)

    def spelled(self, node: tex.Node) -> str:
        return key(node) or "this"

    def dotted(self, terms: tuple[tuple[str, tex.Node], ...]) -> Expression:
        """x_1 + x_2 + ... + x_n as a sum; a term between two rows of dots stands for its place in it."""
        places = [n for n, (_, term) in enumerate(terms) if isinstance(term, tex.Dots)]
        first, last = terms[0][1], None
        for n in range(places[-1] + 1, len(terms)):
            if general_term(first, terms[n][1], self.scope.first) is not None:
                last = n
        if last is None or terms[0][0] != "+":
            raise Unreadable(
                "D017",
                "what these dots stand for is not clear",
                terms[places[0]][1],
                "x_1 + x_2 + \\dots + x_n",
            )
        general = general_term(first, terms[last][1], self.scope.first)
        assert general is not None
        inner = Elaborator(self.scope, self.layout, self.by_scalar, dict(self.bound), dict(self.ranges))
        size = inner.range_of(DOTTED, first, general)
        inner.bound[DOTTED] = Index(DOTTED, size)
        value: Expression = x.Sum(Index(DOTTED, size), inner.expression(general))
        between = [
            terms[n] for n in range(1, last) if n > places[0] and not isinstance(terms[n][1], tex.Dots)
        ]
        before = [term for _, term in terms[1 : places[0]]]
        for number, term in enumerate(before, start=1):
            expected = numbered(general, number + self.scope.first)
            if expected != term:
                raise Unreadable("D017", "this term does not fit the first one and the last", term)
        parts: list[Expression] = [value]
        for sign, term in between:
            special = self.special(general, term)
            part = self.expression(term)
            parts += [x.Negate(special), part if sign == "+" else x.Negate(part)]
        rest = self.plus(terms[last + 1 :]) if len(terms) > last + 1 else None
        if rest is not None:
            parts.append(rest)
        return parts[0] if len(parts) == 1 else x.Add(tuple(parts))

    def special(self, general: tex.Node, term: tex.Node) -> Expression:
        """The general term at the place of one that is written out between dots, which its index tells."""
        letters = [
            n.letter
            for part in tex.walk(term)
            if isinstance(part, tex.Script)
            for n in self.index_nodes(part.sub) or []
            if isinstance(n, tex.Symbol) and n.letter in {*self.ranges, *self.scope.letters}
        ]
        if len(set(letters)) != 1:
            raise Unreadable("D017", "the place of this term among the dots is not clear", term)
        return self.expression(at_letter(general, letters[0]))

    def inside(self, body: tex.Node) -> Expression:
        """What stands in parentheses, where the 1 of (1 - a) is a vector of ones if a is a vector."""
        return self.plus(body.terms, ones=True) if isinstance(body, tex.Plus) else self.expression(body)

    def plus(self, terms: tuple[tuple[str, tex.Node], ...], ones: bool = False) -> Expression:
        if any(isinstance(term, tex.Dots) for _, term in terms):
            return self.dotted(terms)
        parts: list[Expression] = []
        for sign, term in terms:
            if sign not in "+-":
                raise Unreadable("D002", "a sign that is both plus and minus has two readings", term)
            part = self.expression(term)
            parts.append(x.Negate(part) if sign == "-" else part)
        vector = next((p.shape for p in parts if p.is_vector and not _pending(p)), None) if ones else None
        if vector is not None:
            one = x.Constant(Fraction(1))
            signs = {one: x.Fill(Fraction(1), vector), x.Negate(one): x.Fill(Fraction(-1), vector)}
            parts = [signs.get(p, p) for p in parts]
        zero = x.Constant(Fraction(0))
        shapes = [p.shape for p in parts if not _pending(p) and p not in (zero, x.Negate(zero))]
        shape = shapes[0] if shapes else None
        if shape is not None and shape != x.SCALAR:
            parts = [Pending("zero") if p in (zero, x.Negate(zero)) else p for p in parts]
        if shape is not None:
            parts = [_resolved(p, shape) for p in parts]
        if len(parts) == 1:
            return parts[0]
        return x.Add(tuple(_broadcast(part, parts) for part in parts))

    def infix(self, op: str, left: tex.Node, right: tex.Node, node: tex.Node) -> Expression:
        if op == r"\cdot" and (applied := self.directional(left, right)) is not None:
            return applied
        if op in PRODUCTS:
            last = _factors(left)[-1]
            if isinstance(last, tex.Fraction) and _is_operator(last):
                return self.juxtaposed([*_factors(left), *_factors(right)])
            a, b = self.expression(left), self.expression(right)
            if op in DOTS and a.shape == b.shape and a.is_vector and not a.is_scalar and not _pending(a):
                return self.dot(op, a, b)
            return self.multiply(a, b)
        if op in HADAMARDS:
            left, right = _with_ones(left), _with_ones(right)
        a, b = self.expression(left), self.expression(right)
        if op in HADAMARDS:
            return x.Hadamard(_resolved(a, b.shape), _resolved(b, a.shape))
        if op in ("/", "./"):
            return x.Divide(a, b)
        if op == r"\otimes":
            return x.Kronecker(a, b)
        raise Unreadable("D002", f"no reading for the operator {op} yet", node)

    def dot(self, op: str, a: Expression, b: Expression) -> Expression:
        """A dot or a star between two vectors of one shape: their inner product, or entry by entry.

        A dot means the first and a star the second, unless the shapes of the equation ask for the other.
        """
        self.met_dot = True
        if self.swap_dots == (op == r"\cdot"):
            return x.Hadamard(a, b)
        return x.Multiply(x.Transpose(a), b) if a.shape[1] == ONE else x.Multiply(a, x.Transpose(b))

    def multiply(self, left: Expression, right: Expression) -> Expression:
        if isinstance(left, x.Multiply) and _is_outer(left) and not right.is_scalar:
            return self.multiply(left.left, self.multiply(left.right, right))
        if isinstance(right, x.Multiply) and _is_outer(right) and not left.is_scalar:
            return self.multiply(self.multiply(left, right.left), right.right)
        if _pending(left) and not _pending(right):
            left = _beside(left, right, first=True)
        elif _pending(right) and not _pending(left):
            right = _beside(right, left, first=False)
        return x.Multiply(left, right)

    def juxtaposed(self, items: list[tex.Node]) -> Expression:
        """A row of factors: functions take what follows, operators all the rest, the others multiply."""
        result: Expression | None = None
        while items:
            item = items.pop(0)
            if isinstance(item, tex.Fraction) and _is_operator(item):
                # d/dx (f) g differentiates what is in the parentheses, d/dx f g all that follows
                reach = 1 if items and _complete(items[0]) else len(items)
                factor = self.fraction(item, items[:reach])
                items = items[reach:]
            elif isinstance(item, tex.Juxtapose):
                items = [*item.items, *items]
                continue
            elif _is_indicator(item, items):
                factor = self.expression(items.pop(0))
            elif items and self.is_differential_sign(item, items[0]):
                factor = self.differential(items)
            elif _is_nabla(item) or _is_partial_sign(item):
                reach = 1 if items and _complete(items[0]) else len(items)
                factor = self.operator(item, items[:reach])
                items = items[reach:]
            else:
                factor = self.applied(item, items)
            result = factor if result is None else self.multiply(result, factor)
        assert result is not None
        return result

    def is_differential_sign(self, item: tex.Node, argument: tex.Node | None = None) -> bool:
        """Whether this d takes a differential: no symbol of the document, and differentials are written.

        Where d is a dimension, too, dX is one of an array of which the document writes differentials.
        """
        if not isinstance(item, tex.Symbol) or item.letter != "d" or item.accents or self.scope.knows("d"):
            return False
        if "d" not in self.scope.dimensions:
            return True
        varying = {n for n in self.scope.differentials if self.scope.shapes.get(n, x.SCALAR) != x.SCALAR}
        base = argument.base if isinstance(argument, tex.Script) else argument
        if isinstance(base, tex.Fence):
            return any(key(part) in varying for part in tex.walk(base))
        return base is not None and key(base) in varying

    def differential(self, items: list[tex.Node]) -> Expression:
        """d f or dz, which takes its argument from the front of the factors."""
        body = self.applied(items.pop(0), items)
        place: tuple[Index, ...] | None = None
        if isinstance(body, x.Entry) and isinstance(body.body, x.Symbol):
            place, body = body.indices, body.body
        variables = self.varying()
        if isinstance(body, x.Symbol) and body in variables:
            value: Expression = _direction(body)
        elif variables:
            value = x.Differential(body, tuple(variables), tuple(map(_direction, variables)))
        else:
            raise Unreadable(
                "D016",
                "what varies in this differential is not said",
                items[0] if items else None,
                "dz somewhere",
            )
        return value if place is None else x.Entry(value, place)

    def varying(self) -> list[x.Symbol]:
        """The symbols of which the document writes differentials and that rest on no other such symbol."""
        known = [n for n in sorted(self.scope.differentials) if n in self.scope.shapes]
        below = {n: Lowering(self.scope.definitions).all_symbols(self.scope.symbol(n)) - {n} for n in known}
        return [self.scope.symbol(n) for n in known if not below[n] & set(known)]

    def directional(self, left: tex.Node, right: tex.Node) -> Expression | None:
        """d f(x) . h, the derivative of f at x applied to h; None where this is not what is written."""
        factors = _factors(left)
        place = next((n for n, f in enumerate(factors) if self.is_differential_sign(f)), None)
        if place is None or self.varying():
            return None
        body = self.juxtaposed(factors[place + 1 :])
        free = [
            self.scope.symbol(n)
            for n in sorted(Lowering(self.scope.definitions).free_symbols(body))
            if n in self.scope.shapes and self.scope.shapes[n] == body.shape
        ]
        direction = self.expression(right)
        candidates = [
            s for s in free if s.shape == direction.shape and s != direction and not x.contains(direction, s)
        ]
        named = [s for s in candidates if s.name == "x"] or candidates
        if len(named) != 1:
            return None
        value: Expression = x.Differential(body, (named[0],), (direction,))
        return self.multiply(self.juxtaposed(factors[:place]), value) if place else value

    def operator(self, sign: tex.Node, items: list[tex.Node]) -> Expression:
        """nabla_x f, shaped like x, and the partial sign with a subscript, like a fraction of them."""
        if not items:
            raise Unreadable("D004", "a derivative of nothing", sign, "what is differentiated")
        body = self.juxtaposed(list(items))
        sub = sign.sub if isinstance(sign, tex.Script) else None
        if _is_partial_sign(sign):
            assert sub is not None
            return self.partial(body, self.expression(sub))
        if sub is not None:
            variable = self.expression(sub)
        elif self.scope.nabla is not None:
            variable = self.scope.symbol(self.scope.nabla)
        else:
            variable = self.only_variable(body, sign)
        if isinstance(sign, tex.Script) and isinstance(sign.sup, tex.Number) and sign.sup.text == "2":
            return x.Gradient(x.Gradient(body, variable), variable)
        return x.Gradient(body, variable)

    def only_variable(self, body: Expression, node: tex.Node) -> Expression:
        """What a bare nabla refers to: the parameter of the one function below it, or the one free symbol."""
        if isinstance(body, x.Symbol) and body.name in self.scope.formulas:
            parameters = self.scope.formulas[body.name].parameters
            if len(parameters) == 1:
                return parameters[0]
        if isinstance(body, x.Call) and len(body.arguments) == 1 and isinstance(body.arguments[0], x.Symbol):
            return body.arguments[0]
        raise Unreadable(
            "D016",
            "what this nabla differentiates by is not said",
            node,
            r"\nabla_x, or \nabla = \nabla_x in a given block",
        )

    def applied(self, item: tex.Node, rest: list[tex.Node]) -> Expression:
        """One factor; a function takes its argument from the front of `rest`."""
        if _fenced(rest):
            outer = rest[0] if isinstance(rest[0], tex.Script) else None
            fence = outer.base if outer is not None else rest[0]
            for head in (item, *other_fonts(item)):
                family = self.family_name(tex.Juxtapose(item.start, fence.end, (head, fence)))
                if family is not None and family[0] in self.scope.shapes:
                    rest.pop(0)
                    symbol = self.scope.symbol(family[0])
                    member = self.member(symbol, self.named_index(family[1], symbol.shape[0]))
                    return self.finished(member, tex.Number(item.start, item.end, "1"), outer)
        base = item.base if isinstance(item, tex.Script) else item
        word = base.letter if isinstance(base, tex.Symbol) and not base.accents else ""
        name = self.resolve(base) if isinstance(base, (tex.Symbol, tex.Accent)) else None
        if isinstance(item, tex.Script):
            whole = self.known(tex.Script(item.start, item.end, item.base, item.sub, item.sup))
            if whole is not None:
                name, word = whole, ""
        if name is not None and name in self.scope.formulas and _fenced(rest):
            return self.formula(name, item, rest)
        if name is not None and name in self.scope.functions and (rest or name not in self.scope.shapes):
            if not rest and not self.scope.functions[name].elementwise:
                return self.expression(item)
            return self.declared_function(self.scope.functions[name], item, rest)
        if name is None or name not in self.scope.shapes:
            if word in SPELLINGS or word in OPERATORS:
                return self.builtin(word, item, rest)
            if word == r"\sigma":
                return self.builtin("sigmoid", item, rest)
        elif name in self.scope.tables and rest and isinstance(rest[0], tex.Fence):
            fence = rest.pop(0)
            assert isinstance(fence, tex.Fence)
            return self.entry(self.scope.symbol(name), fence.body, fence)
        elif rest and self._is_argument(name, rest[0]):
            # CE(z): the quantity, with what it depends on
            recalled = rest.pop(0)
            if isinstance(recalled, tex.Script):
                return self.finished(self.expression(item), tex.Number(item.start, item.end, "1"), recalled)
        return self.expression(item)

    def _is_argument(self, name: str, node: tex.Node) -> bool:
        """Whether a parenthesis after a defined quantity only recalls what it is a function of."""
        if isinstance(node, tex.Script):
            raised = isinstance(node.base, tex.Fence) and isinstance(node.base.body, tex.Script)
            if node.sup is not None and raised and node.base.body.sup is not None:  # type: ignore[attr-defined]
                return False  # d (a^{(l)})^T: the parenthesis is there for the transpose
            node = node.base
        if not (isinstance(node, tex.Fence) and node.open == "(") or name not in self.scope.definitions:
            return False
        parts = node.body.items if isinstance(node.body, tex.Commas) else (node.body,)
        names = [self.resolve(part) for part in parts]
        if not all(n is not None and n in self.scope.shapes for n in names):
            return False
        shape = self.scope.shapes[name]
        return isinstance(node.body, tex.Commas) or shape == x.SCALAR or all(
            self.scope.shapes[n] != x.SCALAR for n in names if n is not None
        )  # fmt: skip

    def argument(
        self, item: tex.Node, rest: list[tex.Node], whole: bool = False
    ) -> tuple[Expression, tex.Script | None]:
        """What a function is applied to, and the scripts that stand on its parenthesis."""
        if not rest:
            raise Unreadable("D004", f"{self.spelled(item)} is applied to nothing", item, "an argument")
        first = rest[0]
        outer = first if isinstance(first, tex.Script) and isinstance(first.base, tex.Fence) else None
        fence = outer.base if outer is not None else first
        if isinstance(fence, tex.Fence) and fence.open in ("(", "[", "{") and not whole:
            rest.pop(0)
            return self.inside(fence.body), outer
        taken: list[tex.Node] = []
        while rest and (whole or not taken or not _starts_function(rest[0])):
            taken.append(rest.pop(0))
        return self.juxtaposed(taken), None

    def finished(self, value: Expression, item: tex.Node, outer: tex.Script | None) -> Expression:
        """An application with the scripts of its function and of its parenthesis."""
        if isinstance(item, tex.Script) and item.sup is not None:
            value = self.raised(value, item.sup, item)
        if outer is not None:
            if outer.sub is not None:
                value = self.entry(value, outer.sub, outer)
            if outer.sup is not None:
                value = self.raised(value, outer.sup, outer)
        return value

    def formula(self, name: str, item: tex.Node, rest: list[tex.Node]) -> Expression:
        """g(A) or g'(A) for a function that is given by a formula."""
        formula = self.scope.formulas[name]
        fence = rest.pop(0)
        outer = fence if isinstance(fence, tex.Script) else None
        fence = fence.base if isinstance(fence, tex.Script) else fence
        assert isinstance(fence, tex.Fence)
        parts = fence.body.items if isinstance(fence.body, tex.Commas) else (fence.body,)
        if len(parts) != len(formula.parameters):
            raise Unreadable("D004", f"{name} takes {len(formula.parameters)} arguments", fence)
        arguments = [self.expression(part) for part in parts]
        order = item.primes if isinstance(item, tex.Script) else 0
        if not order and name in self.scope.shapes and list(formula.parameters) == arguments:
            return self.finished(self.scope.symbol(name), _without_primes(item), outer)
        value = formula.value
        (parameter, argument) = (formula.parameters[0], arguments[0])
        if len(arguments) == 1 and parameter.is_scalar and not argument.is_scalar:
            return self.finished(self._each_entry(formula, argument, order), _without_primes(item), outer)
        for _ in range(order):
            value = x.Partial(value, parameter, self.layout)
        if order and argument != parameter:
            local = self.scope.hide(argument)
            value = x.replace(value, parameter, local)
        else:
            for parameter, argument in zip(formula.parameters, arguments, strict=True):
                if parameter.shape != argument.shape:
                    raise ShapeError(
                        f"{name} takes {x.show_shape(parameter.shape)}, not {x.show_shape(argument.shape)}"
                    )
                value = x.replace(value, parameter, argument)
        return self.finished(value, _without_primes(item), outer)

    def _each_entry(self, formula: Formula, argument: Expression, order: int) -> Expression:
        """A function of one number at each entry of a vector."""
        if order or not argument.is_vector:
            raise Unreadable(
                "D002", "this function is of one number; its derivative here has no reading yet", None
            )
        size = argument.shape[0] if argument.shape[1] == ONE else argument.shape[1]
        index = Index("·entry", size)
        value = x.replace(formula.value, formula.parameters[0], x.Entry(argument, (index,)))
        column = x.Entries((index, Index("·column", ONE)), value)
        return column if argument.shape[1] == ONE else x.Transpose(column)

    def declared_function(self, function: Function, item: tex.Node, rest: list[tex.Node]) -> Expression:
        order = item.primes if isinstance(item, tex.Script) else 0
        if not function.elementwise:
            if order:
                raise Unreadable(
                    "D002", "a prime on a function of several variables has no reading yet", item
                )
            if not _fenced(rest):
                return self.finished(self.bare_function(function, item), item, None)
            first = rest.pop(0)
            outer = first if isinstance(first, tex.Script) else None
            fence = outer.base if outer is not None else first
            assert isinstance(fence, tex.Fence)
            parts = fence.body.items if isinstance(fence.body, tex.Commas) else (fence.body,)
            arguments = tuple(map(self.expression, parts))
            return self.finished(x.Call(function.name, arguments, function.values), item, outer)
        body, outer = self.argument(item, rest)
        return self.finished(x.Apply(function.name, body, order), _without_primes(item), outer)

    def builtin(self, word: str, item: tex.Node, rest: list[tex.Node]) -> Expression:
        order = item.primes if isinstance(item, tex.Script) else 0
        kind = OPERATORS.get(word)
        if kind == "diagonal" and rest:
            rest[0] = _with_ones(rest[0])
        body, outer = self.argument(item, rest, whole=kind == "trace" and not _fenced(rest))
        if kind is None:
            value: Expression = self.entrywise(SPELLINGS.get(word, word), body, item, order)
        elif kind == "softmax":
            value = x.Softmax(body)
        elif kind == "trace":
            value = body if body.is_scalar else x.Trace(body)
        elif kind == "determinant":
            value = x.Determinant(body)
        elif kind == "diagonal":
            value = x.Diagonal(body)
        elif kind == "logsumexp":
            value = x.LogSumExp(body)
        elif kind == "adjugate":
            value = x.Multiply(x.Determinant(body), x.Inverse(body))
        elif kind == "cofactor":
            value = x.Multiply(x.Determinant(body), x.Transpose(x.Inverse(body)))
        else:
            raise Unreadable("D002", f"no reading for {word} yet", item)
        return self.finished(value, _without_primes(item), outer)

    # ------------------------------------------------------------------ scripts

    def entrywise(self, function: str, body: Expression, node: tex.Node, order: int = 0) -> Expression:
        """A function of each entry; of a square matrix, an author may mean what its power series gives."""
        rows, columns = body.shape[0], body.shape[-1]
        if function in OF_MATRICES and len(body.shape) == 2 and rows == columns != ONE:
            said = (
                f"{function} of a square matrix is read entry by entry, and this is false then; "
                "the matrix function of that name is not supported"
            )
            self.doubts.append(Unreadable("D002", said, node, "a formula without that matrix function"))
        return x.Apply(function, body, order)

    def script(self, node: tex.Script) -> Expression:
        turned = self.turned(node)
        if turned is not None:
            return turned
        if isinstance(node.base, tex.Juxtapose) and node.sub is None:
            # {ab}^T looks like a b^T
            *firsts, last = node.base.items
            scripted = tex.Script(last.start, node.end, last, None, node.sup, node.primes)
            try:
                return self.juxtaposed([*firsts, scripted])
            except ShapeError:
                return (
                    self.raised(self.expression(node.base), node.sup, node)
                    if node.sup
                    else self.expression(node.base)
                )
        whole = self.known(node)
        if whole is not None and whole in self.scope.shapes:
            return self.named(whole)
        if isinstance(node.sup, tex.Symbol) and node.sup.letter in self.scope.omitted:
            plain = tex.Script(node.start, node.end, node.base, node.sub, None, node.primes)
            return self.expression(plain if node.sub is not None or node.primes else node.base)
        e = self.scope.shapes.get("e")
        is_e = isinstance(node.base, tex.Symbol) and node.base.letter == "e" and (
            e is None or not (isinstance(node.sup, tex.Number) or _is_transposition(node.sup))
        )  # fmt: skip
        is_numbered = node.sub is not None and ("e" in self.scope.families or _is_transposition(node.sup))
        if is_e and node.sup is not None and not node.primes and not is_numbered:
            exponent = self.expression(node.sup)
            if node.sub is not None:  # e^z_i is printed for e^{z_i}
                exponent = self.entry(exponent, node.sub, node)
            return self.entrywise("exp", exponent, node)
        if isinstance(node.base, tex.Fence) and node.base.open in ("|", r"\|") and node.sub is not None:
            value = self.norm(node.base, node.sub)
        elif (named := self.known(node, with_sup=False)) is not None and named in self.scope.shapes:
            value = self.named(named)
        elif (member := self.without_sub(node)) is not None:
            return self.entry(self.named(member), node.sub, node)  # type: ignore[arg-type]
        elif (other := self.numbered(node)) is not None:
            value, rest = other
            if rest is not None and rest.sub is not None:
                value = self.entry(value, rest.sub, node)
            return value if rest is None or rest.sup is None else self.raised(value, rest.sup, node)
        elif (matrix := self.marked_capital(node)) is not None:
            return self.entry(self.scope.symbol(matrix), node.sub, node)  # type: ignore[arg-type]
        elif node.sub is not None:
            value = self.subscripted(node)
        else:
            value = self.expression(node.base)
        if node.primes and (primed := self.primed(node)) is not None:
            return primed
        if node.primes == 1 and self.scope.turning_primes and not value.is_scalar:
            value = x.Transpose(value)
        elif node.primes:
            raise Unreadable("D002", "a prime here is neither a derivative nor part of a name", node)
        return value if node.sup is None else self.raised(value, node.sup, node)

    def turned(self, node: tex.Script) -> Expression | None:
        """W^{[2]T}, a mark and a transposition in one superscript."""
        if not isinstance(node.sup, tex.Juxtapose) or self.known(node) is not None:
            return None
        *marks, last = node.sup.items
        if not _is_transposition(last):
            return None
        mark = marks[0] if len(marks) == 1 else tex.Juxtapose(node.start, node.end, tuple(marks))
        marked = tex.Script(node.start, node.end, node.base, node.sub, mark)
        known = self.known(marked) or self.without_sub(marked)
        return None if known is None else self.raised(self.expression(marked), last, node)

    def primed(self, node: tex.Script) -> Expression | None:
        """A quantity whose name has a prime, e'_j or S'."""
        name = self.resolve(tex.Script(node.start, node.end, node.base, None, None, node.primes))
        if name is None or name not in self.scope.shapes:
            return None
        symbol = self.scope.symbol(name)
        return symbol if node.sub is None else self.entry(symbol, node.sub, node)

    def named(self, name: str) -> Expression:
        """A known name; one that was declared by its general entry, as w_{ij}, is that entry."""
        symbol = self.scope.symbol(name)
        letters = self.scope.indexed.get(name)
        if letters is None:
            return symbol
        places = tuple(self.named_index(n, self.scope.range_of_letter(n)) for n in letters)
        rest = tuple(d for d in symbol.shape[len(places) :] if d != ONE)
        if not rest:
            return x.Entry(symbol, places)
        inner = Index("·entry", rest[0])
        return x.Entries((inner, Index("·column", ONE)), x.Entry(symbol, (*places, inner)))

    def numbered(self, node: tex.Script) -> tuple[Expression, tex.Script | None] | None:
        """x_j or x_2 of a quantity that was declared as x_i, and what of its scripts is left to read."""
        found = self.family_of(node)
        if found is None:
            return None
        name, mark, rest = found
        (letter,) = self.scope.indexed[name]
        symbol = self.scope.symbol(name)
        size = self.scope.range_of_letter(letter)
        place = self.index(mark, size)
        inner = tuple(d for d in symbol.shape[1:] if d != ONE)
        return (self.member(symbol, place) if inner else x.Entry(symbol, (place,))), rest

    def family_of(self, node: tex.Script) -> tuple[str, tex.Node, tex.Script | None] | None:
        """The name x_i under which x_j is declared, the mark j, and the scripts outside the name."""
        typed = self.typed_letters()
        for mark in (node.sub, node.sup):
            inner = mark.body if isinstance(mark, tex.Fence) and mark.open in ("(", "[", "{") else mark
            if not isinstance(inner, (tex.Symbol, tex.Number)) or (inner is mark and mark is node.sup):
                continue
            if isinstance(inner, tex.Symbol) and (inner.letter in typed or inner.accents):
                continue
            for letter in sorted(typed):
                general = tex.Symbol(inner.start, inner.end, letter)
                put = general if inner is mark else replace(mark, body=general)  # type: ignore[type-var]
                sub = mark is node.sub
                whole = tex.Script(
                    node.start, node.end, node.base, put if sub else None, None if sub else put
                )
                name = self.resolve(whole)
                if name is not None and self.scope.indexed.get(name) == (letter,):
                    rest = replace(node, sub=None) if sub else replace(node, sup=None)
                    return name, inner, rest if rest.sub or rest.sup else None
        return None

    def member(self, symbol: x.Symbol, index: Index) -> Expression:
        """One of the vectors that are numbered by an index, as a column."""
        inner = Index("·entry", symbol.shape[1])
        return x.Entries((inner, Index("·column", ONE)), x.Entry(symbol, (index, inner)))

    def without_sub(self, node: tex.Script) -> str | None:
        """The key of the name with its superscript, where that is known: x^{(i)} in x^{(i)}_j."""
        if node.sub is None or node.sup is None:
            return None
        name = self.resolve(tex.Script(node.start, node.end, node.base, None, node.sup))
        return name if name is not None and name in self.scope.shapes else None

    def subscripted(self, node: tex.Script) -> Expression:
        base = key(node.base)
        family = self.scope.families.get(base) if base is not None else None
        letters = self.index_nodes(node.sub)
        if family is not None and letters is not None and len(letters) == 1:
            general = family.general
            if general is None and isinstance(letters[0], tex.Symbol):
                return x.Basis(Index(letters[0].letter, self.range_of(letters[0].letter, node)))
            assert isinstance(general, x.Basis)
            return x.Basis(self.index(letters[0], general.index.range))
        if (said := _indicated(node)) is not None:
            delta = self.delta(said.left, said.right, node)
            return delta if said.op == "=" else x.Add((x.Constant(Fraction(1)), x.Negate(delta)))
        if isinstance(node.base, tex.Number) and node.base.text == "1":
            return Pending("ones")
        capital = self.capital(node.base)
        if capital is not None and letters is not None and len(letters) == 2 and node.sub is not None:
            return self.entry(self.scope.symbol(capital), node.sub, node)
        if (
            isinstance(node.base, tex.Symbol)
            and node.base.letter == r"\delta"
            and letters
            and len(letters) == 2
        ):
            return self.delta(letters[0], letters[1], node)
        assert node.sub is not None
        if base == "e" and letters and len(letters) == 1 and not self.scope.knows("e"):
            return self.presumed_basis(letters[0], node)
        return self.entry(self.expression(node.base), node.sub, node)

    def presumed_basis(self, place: tex.Node, node: tex.Node) -> Expression:
        """e_i of which nobody said what it is: a basis vector, if i has a range. Raises Unreadable."""
        size = self._range_if_known(place)
        no_meaning = Unreadable(
            "D011", f"{key(node) or 'e'} has no meaning yet", node,
            r"that it is a basis vector, (e_j)_i = \delta_{ij}, or its shape",
        )  # fmt: skip
        if size is None:
            raise no_meaning
        self.doubts.append(no_meaning)
        return x.Basis(self.index(place, size))

    def capital(self, base: tex.Node) -> str | None:
        """The matrix A of which a_ij is an entry, where a itself means nothing."""
        if not isinstance(base, tex.Symbol) or not (len(base.letter) == 1 and base.letter.islower()):
            return None
        if self.resolve(base) in self.scope.shapes:
            return None
        capital = tex.Symbol(base.start, base.end, base.letter.upper(), base.font, base.accents)
        names = [
            name
            for name in map(key, [capital, *other_fonts(capital)])
            if name in self.scope.shapes and not self.scope.symbol(name).is_vector
        ]
        mentioned = self.mentioned() if names else frozenset()
        names = [n for n in names if n in mentioned] or [
            n for n in names if n == self.scope.capitals.get(base.letter, n)
        ]
        if not names or names[0] is None:
            return None
        self.scope.capitals[base.letter] = names[0]
        return names[0]

    def marked_capital(self, node: tex.Script) -> str | None:
        """The matrix W^{(l)} of which w^{(l)}_{ij} is an entry, where w^{(l)} itself means nothing."""
        letters = self.index_nodes(node.sub)
        if node.sup is None or letters is None or len(letters) != 2 or not isinstance(node.base, tex.Symbol):
            return None
        if not (len(node.base.letter) == 1 and node.base.letter.islower()):
            return None
        capital = tex.Symbol(
            node.base.start, node.base.end, node.base.letter.upper(), node.base.font, node.base.accents
        )
        name = self.without_sub(tex.Script(node.start, node.end, capital, node.sub, node.sup))
        return name if name is not None and not self.scope.symbol(name).is_vector else None

    def delta(self, left: tex.Node, right: tex.Node, node: tex.Node) -> Expression:
        """The Kronecker delta; a letter takes its range from the other one where it has none yet."""
        sizes = [self._range_if_known(part) for part in (left, right)]
        size = sizes[0] or sizes[1]
        if size is None:
            raise Unreadable(
                "D012",
                "what these indices range over is not known",
                node,
                "a tensor that carries one of them",
            )
        return x.Delta(self.index(left, size), self.index(right, sizes[1] or size))

    def _range_if_known(self, node: tex.Node) -> Dimension | None:
        if not isinstance(node, tex.Symbol):
            return None
        letter = node.letter
        fixed = self.bound.get(letter) or self.scope.constants.get(letter)
        return fixed.range if fixed else self.ranges.get(letter) or self.scope.letters.get(letter)

    def entry(self, body: Expression, sub: tex.Node, node: tex.Node) -> Expression:
        letters = self.index_nodes(sub)
        if letters is None:
            raise Unreadable("D013", "this subscript is not made of indices", sub, "i, or i j")
        if body.is_scalar:
            return body
        if len(letters) == 2 and any(isinstance(n, tex.Symbol) and n.letter == ":" for n in letters):
            return self.slice(body, letters)
        if isinstance(body, x.Symbol) and body.name in self.scope.stacked and len(letters) == 1:
            return self.member(body, self.index(letters[0], body.shape[0]))
        if (
            len(letters) == 1
            and isinstance(letters[0], tex.Number)
            and len(letters[0].text) == 2
            and not body.is_vector
        ):
            digits = letters[0]
            letters = [tex.Number(digits.start, digits.end, digit) for digit in digits.text]
        sizes = x.entry_ranges(body, len(letters))
        return x.Entry(body, tuple(self.index(n, s) for n, s in zip(letters, sizes, strict=True)))

    def slice(self, body: Expression, letters: list[tex.Node]) -> Expression:
        """A row T_{n,:} or a column T_{:,k} of a matrix."""
        row, column = letters
        rows, columns = body.shape
        if isinstance(row, tex.Symbol) and row.letter == ":":
            inner = Index("·entry", rows)
            return x.Entries(
                (inner, Index("·column", ONE)), x.Entry(body, (inner, self.index(column, columns)))
            )
        inner = Index("·entry", columns)
        column_form = x.Entries((inner, Index("·column", ONE)), x.Entry(body, (self.index(row, rows), inner)))
        return x.Transpose(column_form)

    def raised(self, value: Expression, sup: tex.Node, node: tex.Node) -> Expression:
        if (
            isinstance(sup, tex.Symbol)
            and sup.letter in TRANSPOSES
            and not (value.is_scalar and self.scope.knows(sup.letter))
            and not (sup.letter == "t" and self.scope.shapes.get("t") == x.SCALAR)  # a power, as in A^t
        ):
            return value if value.is_scalar else x.Transpose(value)
        if isinstance(sup, tex.Plus) and len(sup.terms) == 1 and sup.terms[0][0] == "-":
            inner = sup.terms[0][1]
            if isinstance(inner, tex.Symbol) and inner.letter in TRANSPOSES:
                return x.Transpose(x.Inverse(value))
            if isinstance(inner, tex.Number) and inner.text == "1" and not value.is_scalar:
                return x.Inverse(value)
        if isinstance(sup, tex.Symbol) and sup.letter in ("+", r"\dagger") and not value.is_scalar:
            # the pseudo-inverse of a matrix with independent columns
            transposed = x.Transpose(value)
            return x.Multiply(x.Inverse(x.Multiply(transposed, value)), transposed)
        exponent = self.expression(sup)
        if isinstance(exponent, x.Negate) and isinstance(exponent.body, x.Constant):
            exponent = x.Constant(-exponent.body.value)
        if value.is_vector:
            raise Unreadable(
                "D014", "a power of a vector has no fixed meaning", node, r"entrywise: v \odot v"
            )
        return x.Power(value, exponent)

    # ------------------------------------------------------------------ fences, sums, cases

    def fence(self, node: tex.Fence) -> Expression:
        if node.open == r"\|":
            return self.norm(node, None)
        if node.open == "|":
            body = self.expression(node.body)
            return x.Apply("abs", body) if body.is_scalar else x.Determinant(body)
        if node.open == r"\langle" and isinstance(node.body, tex.Commas):
            left, right = map(self.expression, node.body.items)
            inner = x.Multiply(x.Transpose(left), right)
            return inner if inner.is_scalar else x.Trace(inner)
        if isinstance(node.body, tex.Relation):
            if node.body.op not in ("=", r"\neq"):
                raise Unreadable("D002", "an indicator is of i = j or i \\neq j", node)
            delta = self.delta(node.body.left, node.body.right, node)
            return delta if node.body.op == "=" else x.Add((x.Constant(Fraction(1)), x.Negate(delta)))
        if isinstance(node.body, tex.Commas):
            if node.open in ("[", "(") and any(isinstance(i, tex.Dots) for i in node.body.items):
                return x.Transpose(self.listed(node.body.items, node))
            raise Unreadable("D002", "a list in brackets has no reading here yet", node)
        if (
            node.open == "["
            and (found := cells_of(node)) is not None
            and any(isinstance(cell, tex.Dots) for cell in found[0])
        ):
            return x.Transpose(self.listed(found[0], node))
        if node.open in (r"\lfloor", r"\lceil"):
            raise Unreadable("D002", f"no reading for the brackets {node.open} yet", node)
        return self.inside(node.body)

    def norm(self, node: tex.Fence, sub: tex.Node | None) -> Expression:
        body = self.expression(node.body)
        mark = "" if sub is None else (getattr(sub, "text", "") or getattr(sub, "letter", ""))
        if mark not in ("", "1", "2", "F"):
            raise Unreadable("D002", f"no reading for a norm with the index {mark}", node)
        return x.Norm(body, mark or "2")

    def big(self, node: tex.Big) -> Expression:
        if node.op == "prod":
            # a product of positive factors, as exp of a sum of logarithms
            logs = tex.Big(node.start, node.end, "sum", node.sub, node.sup, tex.Juxtapose(
                node.start, node.end, (tex.Symbol(node.start, node.start, "log"),
                                       tex.Fence(node.start, node.end, "(", ")", node.body))))  # fmt: skip
            return x.Apply("exp", self.big(logs))
        if node.op != "sum":
            raise Unreadable("D002", f"no reading for a {node.op} yet", node)
        if node.sub is None:
            raise Unreadable("D012", "a sum without an index", node, r"\sum_i")
        letters, start, without = self.sum_limits(node.sub)
        sizes = [self.sum_range(letter, start, node) for letter in letters]
        before = dict(self.bound)
        indices = [Index(letter, size) for letter, size in zip(letters, sizes, strict=True)]
        excluded = tuple(self.index(w, sizes[0]) for w in without)
        if start is not None and node.sup is not None and sizes:
            # from 1 to m, of entries numbered 0 to m
            reaches_end = self.limit(node.sup, self.scope.first) == sizes[0]
            excluded += tuple(
                Index(place, sizes[0]) for place in range(start - self.scope.first) if reaches_end
            )
        self.bound.update({str(i.name): i for i in indices})
        try:
            body = self.expression(node.body)
        finally:
            self.bound = before
        for place, index in reversed(list(enumerate(indices))):
            body = x.Sum(index, body, excluded if place == 0 else ())
        return body

    def sum_range(self, letter: str, start: int | None, node: tex.Big) -> Dimension:
        """What a sum runs over: the range of the tensors under it, else its limits."""
        limit = None if node.sup is None else self.limit(node.sup, start)
        try:
            size = self.range_of(letter, node, node.body)
        except Unreadable:
            if limit is None:
                raise
            return limit
        if limit is not None and start is not None and letter not in self.typed_letters():
            expected = limit if start == self.scope.first else None
            if expected is not None and expected != size and not self.scope.may_equal(expected, size):
                raise Unreadable(
                    "D012",
                    f"the sum over {letter} ends at {limit}, but what it sums has {size} entries",
                    node,
                )
        return size

    def typed_letters(self) -> set[str]:
        return {letter for letters in self.scope.indexed.values() for letter in letters}

    def limit(self, sup: tex.Node, start: int | None) -> Dimension | None:
        """The number of terms from the first one up to an upper limit; None where it is not a dimension."""
        try:
            return statement_dimension(sup, self.scope) + (1 - (self.scope.first if start is None else start))
        except Unreadable:
            return None

    def sum_limits(self, sub: tex.Node) -> tuple[list[str], int | None, list[tex.Node]]:
        """The bound letters of a sum, where it starts if that is said, and the values that it leaves out."""
        letters: list[str] = []
        start: int | None = None
        without: list[tex.Node] = []
        parts = sub.items if isinstance(sub, (tex.Commas, tex.Juxtapose)) else (sub,)
        for part in parts:
            match part:
                case tex.Symbol(letter=letter):
                    letters.append(letter)
                case tex.Relation(op="=", left=tex.Symbol(letter=letter), right=tex.Number(text=text)) if (
                    text.isdigit()
                ):
                    letters.append(letter)
                    start = int(text)
                case tex.Relation(op=op, left=tex.Symbol(letter=letter), right=right) if op in (
                    r"\neq",
                    r"\ne",
                ):
                    letters.append(letter)
                    without.append(right)
                case _:
                    raise Unreadable("D012", "these limits have no reading yet", part, r"i, i=1 or j \neq i")
        return list(dict.fromkeys(letters)), start, without

    def matrix(self, node: tex.Matrix, rows: tuple[tuple[tex.Node | None, ...], ...]) -> Expression:
        cells = [cell for row in rows for cell in row]
        if any(isinstance(cell, tex.Dots) for cell in cells):
            if 1 not in (len(rows), len(rows[0])):
                return self.grid(node, rows)
            column = self.listed(cells, node)
            return column if len(rows) > 1 else x.Transpose(column)
        if any(cell is None for cell in cells):
            raise Unreadable("D002", "a matrix with empty places has no reading here yet", node)
        return x.Blocks(tuple(tuple(self.expression(c) for c in row if c is not None) for row in rows))

    def listed(self, cells: Sequence[tex.Node | None], node: tex.Node) -> Expression:
        """a_1, a_2, ..., a_n as a column, by its general entry; 0, ..., a, ..., 0 by where its a stands."""
        alone = spike(cells)
        if alone is not None:
            return self.standing_out(alone, node)
        pattern = list_pattern(cells)
        if pattern is None:
            raise Unreadable(
                "D017", "the general entry of this list is not clear", node, "x_1, x_2, \\dots, x_n"
            )
        general, last, start = pattern
        inner = Elaborator(self.scope, self.layout, self.by_scalar, dict(self.bound), dict(self.ranges))
        size = inner.range_of(DOTTED, node, general)
        self.ends(last, start, size, node)
        inner.bound[DOTTED] = Index(DOTTED, size)
        value = inner.expression(general)
        if not value.is_scalar:
            raise Unreadable("D002", "a list of arrays with dots has no reading here yet", node)
        return x.Entries((Index(DOTTED, size), Index("·column", ONE)), value)

    def ends(self, last: tex.Node, start: int, size: Dimension, node: tex.Node) -> None:
        """Check that dots end where what they number ends. Raises Unreadable."""
        said = self.limit(last, start)
        if (
            said is not None
            and said != size
            and size.number is None
            and not said.names - self.scope.dimensions
        ):
            raise Unreadable("D017", f"the dots end at {said}, but what they number has {size} entries", node)

    def standing_out(self, alone: tex.Node, node: tex.Node) -> Expression:
        """0, ..., a, ..., 0 as a column: a at the place that the text, or the chain, names."""
        place = self.scope.place
        size = None if place is None else self._range_if_known(tex.Symbol(node.start, node.end, place))
        if place is None or size is None:
            raise Unreadable("D017", "at which place this entry stands is not clear", alone, "x_j e_i")
        value = self.expression(alone)
        if not value.is_scalar:
            raise Unreadable("D002", "a list of arrays with dots has no reading here yet", node)
        return x.Multiply(value, x.Basis(self.named_index(place, size)))

    def grid(self, node: tex.Matrix, rows: Sequence[Sequence[tex.Node | None]]) -> Expression:
        """A matrix with dots by its general entry, and that of its diagonal where it is another."""
        pattern = grid_pattern(rows, self.scope.first)
        if pattern is None:
            raise Unreadable(
                "D017", "the general entry of this matrix is not clear", node, r"a_{11} & \dots & a_{1n}"
            )
        general, diagonal, lasts = pattern
        parts = [general] if diagonal is None else [general, diagonal]
        inner = Elaborator(self.scope, self.layout, self.by_scalar, dict(self.bound), dict(self.ranges))
        sizes: dict[str, Dimension] = {}
        for letter in (DOTTED, ACROSS):
            try:
                sizes[letter] = inner.range_of(letter, node, *parts)
            except Unreadable:
                if diagonal is None:
                    raise
        if diagonal is not None:
            known = next(iter(sizes.values()), None)
            if known is None:
                raise Unreadable("D012", "the size of this matrix is not known", node)
            sizes = {DOTTED: sizes.get(DOTTED, known), ACROSS: sizes.get(ACROSS, known)}
        for letter, size in sizes.items():
            if letter in lasts:
                self.ends(lasts[letter], self.scope.first, size, node)
            inner.bound[letter] = Index(letter, size)
        row, column = (Index(letter, sizes[letter]) for letter in (DOTTED, ACROSS))
        value = inner.expression(general)
        if diagonal is not None:
            if row.range != column.range:
                raise ShapeError("the diagonal of a matrix that is not square")
            delta: Expression = x.Delta(row, column)
            off = x.Add((x.Constant(Fraction(1)), x.Negate(delta)))
            value = x.Add((x.Multiply(delta, inner.expression(diagonal)), x.Multiply(off, value)))
        if not value.is_scalar:
            raise Unreadable("D002", "a matrix of arrays with dots has no reading here yet", node)
        return x.Entries((row, column), value)

    def cases(self, node: tex.Cases, rows: tuple[tex.Case, ...]) -> Expression:
        """Values for i = j and for i != j, as delta_ij a + (1 - delta_ij) b."""
        total: list[Expression] = []
        for number, row in enumerate(rows):
            value = self.expression(row.value)
            pair = self.condition(row.condition)
            if pair is None and number == 1 == len(rows) - 1 and _is_otherwise(row.condition):
                pair = self.condition(rows[0].condition)
                pair = None if pair is None else (pair[0], pair[1], not pair[2])
            if pair is None:
                raise Unreadable(
                    "D002", "the condition of this case has no reading", node, "i = j, or i \\neq j"
                )
            left, right, equal = pair
            delta: Expression = x.Delta(left, right)
            if not equal:
                delta = x.Add((x.Constant(Fraction(1)), x.Negate(delta)))
            total.append(x.Multiply(delta, value))
        return x.Add(tuple(total))

    def condition(self, clauses: tuple[tex.Clause, ...]) -> tuple[Index, Index, bool] | None:
        """i = j or i != j between two indices; None for anything else."""
        found = [c for c in clauses if c.first is not None and len(c.links) == 1]
        if len(found) != 1:
            return None
        (clause,) = found
        link = clause.links[0]
        if not isinstance(clause.first, tex.Symbol) or not isinstance(link.node, tex.Symbol):
            return None
        if link.relation not in ("=", r"\neq", r"\ne"):
            return None
        names = (clause.first.letter, link.node.letter)
        sizes = [self.ranges.get(n) or self.scope.letters.get(n) for n in names]
        size = next((s for s in sizes if s is not None), None)
        if size is None:
            return None
        return self.named_index(names[0], size), self.named_index(names[1], size), link.relation == "="

    # ------------------------------------------------------------------ derivatives

    def fraction(self, node: tex.Fraction, rest: list[tex.Node]) -> Expression:
        above = _differential(node.numerator)
        below = _denominators(node.denominator)
        if above is not None and above[1] and below is None:
            said = "a differential sign stands above this fraction and none below"
            # dx/x is taken entry by entry by those who write it; what stands behind a \partial is not divided
            is_half = any(
                isinstance(p, tex.Symbol) and p.letter == r"\partial" for p in tex.walk(node.numerator)
            )
            pairs = self.unlike_one(node) if is_half else ()
            if pairs:
                said += ", which divides by an array"
            raise Unreadable("D018", said, node.denominator, r"\partial x below", pairs)
        if above is None or below is None:
            numerator, denominator = self.expression(node.numerator), self.expression(node.denominator)
            if _pending(numerator) and not (denominator.is_scalar and numerator.shape[1] != ONE):
                numerator = _resolved(numerator, denominator.shape)
            return x.Divide(numerator, denominator)
        order, body_items = above
        variables = [v for v, times in below for _ in range(times)]
        if order == 1 and len(variables) > 1 and len(below) == 1:
            variables = [_factors(node.denominator)[1:]]  # the square belongs to the name, as in sigma_B^2
        if order != len(variables):
            raise Unreadable("D015", f"a derivative of order {order} by {len(variables)} variables", node)
        if body_items:
            body = self.juxtaposed(list(body_items))
        elif rest:
            body = self.juxtaposed(list(rest))
        else:
            raise Unreadable("D004", "a derivative of nothing", node, "what is differentiated")
        for variable in reversed(variables):
            body = self.partial(body, self.variable(variable))
        return body

    def unlike_one(self, node: tex.Fraction) -> tuple[tuple[Dimension, Dimension], ...]:
        """The dimensions of a denominator that would have to be 1 to divide by it."""
        try:
            return tuple((size, ONE) for size in self.expression(node.denominator).shape if size != ONE)
        except (Unreadable, ShapeError):
            return ()

    def partial(self, body: Expression, variable: Expression) -> Expression:
        """A derivative in the layout of this reading."""
        layout = self.by_scalar if self.by_scalar and variable.is_scalar else self.layout
        return x.Partial(body, variable, layout)

    def variable(self, nodes: list[tex.Node]) -> Expression:
        """What a derivative is taken by."""
        return self.juxtaposed(list(nodes))


OPERATORS: Mapping[str, str] = {
    "softmax": "softmax", "Softmax": "softmax",
    "tr": "trace", "Tr": "trace", "trace": "trace",
    "det": "determinant",
    "diag": "diagonal", "Diag": "diagonal",
    "logsumexp": "logsumexp", "LSE": "logsumexp",
    "adj": "adjugate", "cof": "cofactor",
}  # fmt: skip


def other_fonts(node: tex.Node) -> list[tex.Node]:
    """The same name in other fonts: x_i is an entry of bold x where only that is declared."""
    match node:
        case tex.Symbol(start=start, end=end, letter=letter, accents=accents):
            variants: list[tex.Node] = [
                tex.Symbol(start, end, letter, font, accents) for font in ("", "bold", "cal", "rm")
            ]
            if accents == ("vec",):
                variants += [tex.Symbol(start, end, letter, font) for font in ("", "bold")]
            return variants if accents else [*variants, tex.Symbol(start, end, letter, "", ("vec",))]
        case tex.Accent(start=start, end=end, accent=accent, body=body):
            return [tex.Accent(start, end, accent, other) for other in other_fonts(body)]
        case tex.Script(start=start, end=end, base=base, sub=sub, sup=sup, primes=primes):
            return [tex.Script(start, end, other, sub, sup, primes) for other in other_fonts(base)]
    return []


def _complete(node: tex.Node) -> bool:
    """Whether a derivative sign before this means it alone; (Ax - b)^T begins a longer product."""
    if isinstance(node, tex.Script):
        return isinstance(node.base, tex.Fence) and not _is_transposition(node.sup) and not node.primes
    return isinstance(node, tex.Fence)


def _fenced(rest: list[tex.Node]) -> bool:
    first = rest[0] if rest else None
    return isinstance(first, tex.Fence) or (
        isinstance(first, tex.Script) and isinstance(first.base, tex.Fence)
    )


def _starts_function(node: tex.Node) -> bool:
    base = node.base if isinstance(node, tex.Script) else node
    if isinstance(base, tex.Symbol):
        return base.letter in SPELLINGS or base.letter in OPERATORS
    return isinstance(base, tex.Big)


def _is_indicator(item: tex.Node, rest: list[tex.Node]) -> bool:
    """Whether this 1 belongs to 1{i = j}."""
    one = isinstance(item, tex.Number) and item.text == "1"
    one |= isinstance(item, tex.Symbol) and item.letter in ("1", "I") and item.font in ("bold", "bb")
    first = rest[0] if rest else None
    return one and isinstance(first, tex.Fence) and isinstance(first.body, tex.Relation)


def _with_ones(node: tex.Node) -> tex.Node:
    """An operand of an entrywise product, in which the 1 of (1 - a) stands for a vector of ones."""
    match node:
        case tex.Infix(op=op, left=left, right=right) if op in HADAMARDS:
            return replace(node, left=_with_ones(left), right=_with_ones(right))
        case tex.Fence(body=tex.Infix() as body):
            return replace(node, body=_with_ones(body))
        case tex.Fence(body=tex.Plus(terms=terms) as body):
            ones = tuple(
                (sign, tex.Symbol(term.start, term.end, "1", "bold") if term == _ONE else term)
                for sign, term in terms
            )
            return replace(node, body=replace(body, terms=ones))
    return node


def _indicated(node: tex.Script) -> tex.Relation | None:
    """The i = j of an indicator that has it below, 1_{i = j} or I_{\\{i = j\\}}."""
    base, said = node.base, node.sub.body if isinstance(node.sub, tex.Fence) else node.sub
    one = isinstance(base, tex.Number) and base.text == "1"
    one |= isinstance(base, tex.Symbol) and base.letter in ("1", "I") and base.font in ("bold", "bb")
    one |= isinstance(base, tex.Symbol) and base.letter == r"\delta"
    return said if one and isinstance(said, tex.Relation) and said.op in ("=", r"\neq") else None


def _is_otherwise(clauses: tuple[tex.Clause, ...]) -> bool:
    """Whether a case is for all that is left: otherwise, else, 其他."""
    words = " ".join(text.content for clause in clauses for text in clause.texts).lower()
    stated = any(clause.first is not None or clause.links for clause in clauses)
    return not stated and re.search(r"otherwise|else|其他|其它|否则|その他|sinon|sonst", words) is not None


def _direction(variable: x.Symbol) -> x.Symbol:
    """dz, the differential of an independent variable."""
    return x.Symbol(f"d{variable.name}", variable.shape)


def _is_transposition(sup: tex.Node | None) -> bool:
    return isinstance(sup, tex.Symbol) and sup.letter in TRANSPOSES


def _is_nabla(item: tex.Node) -> bool:
    base = item.base if isinstance(item, tex.Script) else item
    return isinstance(base, tex.Symbol) and base.letter == r"\nabla"


def _is_partial_sign(item: tex.Node) -> bool:
    """The partial sign with a subscript: the derivative by what stands there."""
    return (
        isinstance(item, tex.Script)
        and isinstance(item.base, tex.Symbol)
        and item.base.letter == r"\partial"
        and item.sub is not None
    )


def _without_primes(item: tex.Node) -> tex.Node:
    if isinstance(item, tex.Script) and item.primes:
        return tex.Script(item.start, item.end, item.base, item.sub, item.sup)
    return item


def _factors(node: tex.Node) -> list[tex.Node]:
    """The factors of a row, operators like \\cdot left aside."""
    if isinstance(node, tex.Juxtapose):
        return list(node.items)
    if isinstance(node, tex.Infix) and node.op in PRODUCTS:
        return [*_factors(node.left), *_factors(node.right)]
    return [node]


def _is_differential(node: tex.Node) -> int:
    """The order of a differential sign: 1 for ∂ or d, 2 where it is squared, 0 for anything else."""
    if isinstance(node, tex.Symbol) and node.letter in DIFFERENTIALS and not node.accents:
        return 1
    if isinstance(node, tex.Script) and node.sub is None and isinstance(node.sup, tex.Number):
        return int(node.sup.text) if _is_differential(node.base) == 1 and node.sup.text.isdigit() else 0
    return 0


def _differential(numerator: tex.Node) -> tuple[int, list[tex.Node]] | None:
    """The order and what is differentiated, where a numerator is d, dy or d^2 y; None for anything else."""
    if isinstance(numerator, tex.Plus) and len(numerator.terms) == 1 and numerator.terms[0][0] == "-":
        inner = _differential(numerator.terms[0][1])
        if inner is None or not inner[1]:
            return None
        minus = tex.Plus(
            numerator.start,
            numerator.end,
            (("-", tex.Juxtapose(numerator.start, numerator.end, tuple(inner[1]))),),
        )
        return inner[0], [minus]
    items = _factors(numerator)
    order = _is_differential(items[0])
    return (order, items[1:]) if order else None


def _denominators(denominator: tex.Node) -> list[tuple[list[tex.Node], int]] | None:
    """The variables under a derivative with the number of times for each; None where there is no d."""
    items = _factors(denominator)
    if not items or not _is_differential(items[0]):
        return None
    found: list[list[tex.Node]] = []
    for item in items:
        if _is_differential(item):
            found.append([])
        else:
            found[-1].append(item)
    result: list[tuple[list[tex.Node], int]] = []
    for nodes in found:
        times = 1
        last = nodes[-1] if nodes else None
        if isinstance(last, tex.Script) and isinstance(last.sup, tex.Number) and last.sup.text.isdigit():
            times = int(last.sup.text)
            plain = (
                tex.Script(last.start, last.end, last.base, last.sub) if last.sub is not None else last.base
            )
            nodes = [*nodes[:-1], plain]
        if not nodes:
            return None
        result.append((nodes, times))
    return result


def _is_operator(node: tex.Fraction) -> bool:
    above, below = _differential(node.numerator), _denominators(node.denominator)
    return above is not None and not above[1] and below is not None


def _broadcast(part: Expression, parts: Sequence[Expression]) -> Expression:
    """A row added to a matrix is added to each of its rows, as the bias of a batch is."""
    for other in parts:
        wide = len(other.shape) == 2 and other.shape[0] != ONE and other.shape[1] != ONE
        if wide and part.shape == (ONE, other.shape[1]):
            return x.Multiply(x.Fill(Fraction(1), (other.shape[0], ONE)), part)
    return part


def _sized_part(e: Expression) -> Expression | None:
    """The part of an expression that has the size of the whole, or of its transpose."""
    match e:
        case x.Transpose(body=body) | x.Negate(body=body):
            return body
        case x.Multiply(left=left, right=right) if left.is_scalar or right.is_scalar:
            return right if left.is_scalar else left
        case x.Divide(numerator=above, denominator=below) if below.is_scalar:
            return above
    return None


def _is_outer(e: Expression) -> bool:
    """Whether an expression is a column times a row, and ones whose length is not known are one of these."""
    if not isinstance(e, x.Multiply) or e.left.is_scalar or e.right.is_scalar:
        return False
    return e.left.shape[1] == ONE == e.right.shape[0] and (_pending(e.left) or _pending(e.right))


def _pending(e: Expression) -> bool:
    if isinstance(e, x.Add):
        return all(map(_pending, e.terms))
    part = _sized_part(e)
    return isinstance(e, Pending) or (part is not None and _pending(part)) or _is_outer(e)


def _resolved(e: Expression, shape: Shape) -> Expression:
    """An expression whose size follows from the shape that it must have."""
    if not _pending(e):
        return e
    if isinstance(e, Pending):
        return e.sized(shape)
    if isinstance(e, x.Add):
        return x.Add(tuple(_resolved(term, shape) for term in e.terms))
    if isinstance(e, x.Multiply) and _is_outer(e):
        return x.Multiply(_resolved(e.left, (shape[0], ONE)), _resolved(e.right, (ONE, shape[1])))
    part = _sized_part(e)
    assert part is not None
    sized = _resolved(part, (shape[1], shape[0]) if isinstance(e, x.Transpose) else shape)
    return x.rebuild(e, lambda child: sized if child is part else child)


def _is_square(e: Expression) -> bool:
    """Whether an expression without a size is square, for there is an identity in it."""
    if isinstance(e, x.Add):
        return any(map(_is_square, e.terms))
    part = _sized_part(e)
    return e == Pending("identity") or (part is not None and _is_square(part))


def _beside(e: Expression, neighbour: Expression, first: bool) -> Expression:
    """Ones or an identity whose size follows from the factor beside it."""
    if neighbour.is_scalar:
        return e
    size = neighbour.shape[0] if first else neighbour.shape[1]
    if _is_square(e):
        return _resolved(e, (size, size))
    if first == (e.shape[0] == ONE):
        return _resolved(e, (ONE, size) if first else (size, ONE))
    if size == ONE:
        return e  # as in X - 1 m^T, where what stands beside the product tells
    raise Unreadable("D012", "the size of this vector of ones is not known", None, r"1_n \in \mathbb{R}^n")


def fitted(left: Expression, right: Expression) -> tuple[Expression, Expression]:
    """Two sides of which one may be an identity or zeros whose size follows from the other."""
    if _pending(right) and not _pending(left) and not left.is_scalar:
        return left, _resolved(right, left.shape)
    if _pending(left) and not _pending(right) and not right.is_scalar:
        return _resolved(left, right.shape), right
    if _pending(left) and _pending(right):
        raise Unreadable(
            "D012", "nothing here tells the size of I, or of the ones", None, r"x \in \mathbb{R}^n"
        )
    return left, right
