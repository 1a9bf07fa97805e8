"""Shapes that nobody declares, found out from the use of their symbols.

    z = W x + b with W in R^(c x d)  ->  x in R^d, b in R^c

A small Latin letter is taken for a column, and a capital one, where somebody asks for a derivative, for a
matrix; their sizes are unified as the factors and terms around them demand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from derive import expression as x
from derive import terms as t
from derive.expression import Expression, Layout, Shape
from derive.reader import latex as tex
from derive.reader.elaborate import Elaborator, fitted
from derive.reader.scope import Scope, Unreadable, key, resized
from derive.terms import ONE, Dimension, ShapeError

TRIALS = 60  # at most so many guesses and unifications
SIZES = ("n", "m", "p", "q", "r", "s", "k", "l")
GREEK = frozenset(
    ("alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "kappa", "lambda",
     "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "varphi", "chi", "psi", "omega")
)  # fmt: skip


def inferred(nodes: Sequence[tex.Node], scope: Scope, layout: Layout) -> dict[str, Shape]:
    """The shapes of undeclared symbols in the sides of an equation, where declared ones leave no size open.

    Only columns are inferred: an undeclared matrix, or a Greek letter, may be anything. Nothing is where a
    size stays open or something else is wrong.
    """
    trial: Scope = resized(scope, {})
    guesses = Guesses(trial, columns_only=True)
    for _ in range(TRIALS):
        elaborator = Elaborator(trial, layout)
        try:
            elaborator.learn_ranges(*nodes)
            sides = [elaborator.side(node) for node in nodes]
            if len(sides) == 2:
                sides = list(fitted(*sides))
        except Unreadable as trouble:
            if not guesses.learn(trouble):
                return {}
            continue
        except (ShapeError, RecursionError):
            return {}
        if len(sides) == 2:  # an equation between different shapes is left to whoever judges it
            for one, other in zip(sides[0].shape, sides[1].shape, strict=False):
                guesses.unify(one, other)
        shapes = {name: tuple(map(guesses.resolve, trial.shapes[name])) for name in guesses.made}
        closed = all(
            d.number is not None or d.names <= scope.dimensions for shape in shapes.values() for d in shape
        )
        return shapes if closed else {}
    return {}


class Guesses:
    """Shapes for symbols that nobody declared, their sizes unified as the expression demands.

    Attributes:
        made: the names for which a shape was assumed.
        columns_only: whether capital and Greek letters are left alone.
    """

    def __init__(self, scope: Scope, columns_only: bool = False):
        self.scope = scope
        self.columns_only = columns_only
        self.made: list[str] = []
        self.solved: dict[str, Dimension] = {}
        self.count = 0

    def learn(self, trouble: Unreadable) -> bool:
        """Whether what went wrong could be mended: a symbol declared, or two sizes made equal."""
        if trouble.code == "D011" and trouble.node is not None:
            name = key(trouble.node)
            return name is not None and self.declare(name, trouble.node)
        pairs = [(self.resolve(a), self.resolve(b)) for a, b in trouble.pairs]
        open_pairs = [(a, b) for a, b in pairs if a != b]
        return bool(open_pairs) and all(self.unify(a, b) for a, b in open_pairs)

    def numbered(self, node: tex.Node) -> None:
        """Declares x_1 and w_0, where x and w themselves mean nothing, as symbols of their own."""
        for part in tex.walk(node):
            if isinstance(part, tex.Script) and isinstance(part.sub, tex.Number):
                whole = tex.Script(part.start, part.end, part.base, part.sub)
                name, base = key(whole), key(part.base)
                if name and base and not self.scope.knows(name) and not self.scope.knows(base):
                    self.declare(name, whole)

    def declare(self, name: str, node: tex.Node) -> bool:
        letter = _letter(node)
        if letter is None:
            return False
        if self.columns_only and not (letter.islower() and len(letter) == 1):
            return False
        if letter.removeprefix("\\") in GREEK:
            shape: Shape = x.SCALAR
        elif letter.isupper():
            shape = (self.fresh(), self.fresh())
        elif letter.islower() and len(letter) == 1:
            shape = (self.fresh(), ONE)
        else:
            return False
        self.scope.declare(name, shape)
        self.made.append(name)
        return True

    def fresh(self) -> Dimension:
        self.count += 1
        return Dimension.of(f"?{self.count}")

    def resolve(self, d: Dimension) -> Dimension:
        while len(d.monomials) == 1 and len(d.monomials[0][0]) == 1 and d.monomials[0][1] == 1:
            name = d.monomials[0][0][0]
            if name not in self.solved:
                return d
            d = self.solved[name]
        return d

    def unify(self, a: Dimension, b: Dimension) -> bool:
        a, b = self.resolve(a), self.resolve(b)
        if a == b:
            return True
        for one, other in ((a, b), (b, a)):
            name = str(one)
            if name.startswith("?") and name[1:].isdigit() and other != ONE and name not in other.names:
                self.solved[name] = other
                self.redeclare()
                return True
        return False

    def redeclare(self) -> None:
        for name in self.made:
            self.scope.shapes[name] = tuple(map(self.resolve, self.scope.shapes[name]))

    def settle(self, e: Expression) -> Expression:
        """The expression with letters for the sizes that were left open."""
        taken = {*self.scope.dimensions, *self.scope.shapes}
        for name in self.made:
            for d in self.scope.shapes[name]:
                open_name = str(self.resolve(d))
                if open_name.startswith("?"):
                    letter = next(s for s in (*SIZES, *(f"n_{i}" for i in range(99))) if s not in taken)
                    taken.add(letter)
                    self.solved[open_name] = self.scope.dimension(letter)
        self.redeclare()
        return _resized(e, self.resolve)


def _letter(node: tex.Node) -> str | None:
    """The letter of a name, without accents and scripts."""
    match node:
        case tex.Symbol(letter=letter, font=font) if font != "bb":
            return letter
        case tex.Accent(body=body):
            return _letter(body)
        case tex.Script(base=base, sup=None):
            return _letter(base)
    return None


def _resized(value: Expression, resolve: Callable[[Dimension], Dimension]) -> Expression:
    """An expression with every size in it replaced."""

    def visit(part: object) -> object:
        if isinstance(part, Dimension):
            return resolve(part)
        if isinstance(part, t.Index):
            return t.Index(part.name, resolve(part.range))
        if isinstance(part, Expression):
            slots = [s for s in part.__dataclass_fields__.values() if s.init]
            return type(part)(*(visit(getattr(part, s.name)) for s in slots))
        if isinstance(part, tuple):
            return tuple(map(visit, part))
        return part

    return visit(value)  # type: ignore[return-value]
