r"""The shortest way to write a result, among all that can be found.

Candidates are what a derivation arrived at, and what the lifter reads off the kernel's normal form, without
and with the hypotheses; each of them tidied. A function that the kernel unfolds, such as sigmoid, is kept
closed while lifting. Whoever shows a candidate has the kernel prove it first.
"""

from __future__ import annotations

from collections.abc import Iterator

from derive import expression as x
from derive import terms as t
from derive.calculus.differentials import NotDifferentiable, derivative_of
from derive.calculus.problem import Problem
from derive.calculus.tidy import cost, tidy
from derive.expression import Expression
from derive.functions import FUNCTIONS
from derive.kernel import Exhausted, Undefined
from derive.lifting import Names, NotLifted, lift
from derive.lowering import Lowering, Unsupported
from derive.terms import ONE, Index, ShapeError

CLOSED = "°"  # the mark of a function that is not to be unfolded


def candidates(derivative: Expression, reached: Expression, problem: Problem) -> list[Expression]:
    """Ways to write a derivative, the shortest first; `reached` is one of them."""
    found = [reached, tidy(reached)]
    if len(derivative.shape) == 2:
        for form in lifted(derivative, problem):
            found += [form, tidy(form)]
    fitting = [e for e in found if e.shape == derivative.shape]
    return sorted(dict.fromkeys(fitting), key=cost)


def without_indices(body: Expression, problem: Problem) -> list[Expression]:
    """Forms of a function in which nothing is written by entries: -yᵀ log x for -Σ_i y_i log x_i."""
    found = [tidy(form) for form in lifted(body, problem)]
    return sorted([f for f in found if not by_entries(f) and cost(f) < 1.5 * cost(body)], key=cost)


def by_entries(e: Expression) -> bool:
    """Whether something in an expression is written by its entries."""
    return isinstance(e, (x.Entry, x.Sum, x.Entries, x.Delta, x.Basis)) or any(map(by_entries, x.children(e)))


def lifted(derivative: Expression, problem: Problem) -> Iterator[Expression]:
    """What the kernel's normal form of an expression says in matrices, without and with the hypotheses."""
    varied = problem.symbol.name  # keeps its name, where it is a defined quantity
    closed = {name: _closed(body) for name, body in problem.definitions.items() if name != varied}
    lowering = Lowering(closed)
    at = tuple(Index(0, ONE) if d == ONE else Index(f"entry {n}", d) for n, d in enumerate(derivative.shape))
    kept = tuple(i for i in at if i.range != ONE)
    names = Names(problem.scope.shapes)
    for hypotheses in dict.fromkeys(((), problem.hypotheses)):
        try:
            term = lowering.lower(_closed(derivative), at, {})
            context = t.Context(lowering.context_definitions(), hypotheses, problem.constants)
            yield _opened(lift(term, kept, derivative.shape, context, names))
        except (NotLifted, NotDifferentiable, Undefined, Exhausted, Unsupported, ShapeError, RecursionError):
            continue


def _closed(e: Expression) -> Expression:
    """The functions that the kernel would unfold, under a name that it does not know."""
    match e:
        case x.Apply(function=function, body=body, order=order) if _unfolds(function):
            return x.Apply(function + CLOSED, _closed(body), order)
    return x.rebuild(e, _closed)


def _unfolds(function: str) -> bool:
    return function in FUNCTIONS and FUNCTIONS[function].definition is not None


def _opened(e: Expression) -> Expression:
    """The same functions under their own names, and their derivatives by a formula."""
    match e:
        case x.Apply(function=function, body=body, order=order) if function.endswith(CLOSED):
            own = x.Apply(function.removesuffix(CLOSED), _opened(body))
            if order > 1:
                raise NotDifferentiable("a higher derivative")
            return derivative_of(own) if order else own
    return x.rebuild(e, _opened)
