r"""Derivatives with their derivations: the whole flow on one page.

    derive_gradient(read(r"x^T A x", "x"))  ->  Gradient: its derivation, and its result as an expression

A route writes the steps; the kernel judges every one of them; the result is the shortest form that the kernel
proves. What a route cannot write (a derivative with more than two dimensions, a sum over entries) is written
by components. Where there is no matrix form, the result is in index notation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from derive import expression as x
from derive.calculus.differentials import Calculus, NotDifferentiable
from derive.calculus.indices import NoComponents
from derive.calculus.linear import NotLinear
from derive.calculus.problem import Problem, Question, depends, read
from derive.calculus.routes import Chain, Detail, Method, Route, TooLong, names_in, unfolded
from derive.calculus.shortest import by_entries, candidates, without_indices
from derive.calculus.tidy import cost, tidy, transposed, zero
from derive.derivation import Derivation
from derive.documents import Budget
from derive.expression import Expression, Layout
from derive.judge import Gatherer, Judge
from derive.kernel import Theorem, prove
from derive.lowering import Statement, Unsupported, state
from derive.printing import latex, shape_latex
from derive.report import Report, Step, Verdict
from derive.terms import ShapeError


class Unanswerable(ValueError):
    """What is not differentiable, or not supported, by name."""


@dataclass(frozen=True)
class Gradient:
    """A derivative.

    Attributes:
        derivation: the steps, each with its verdict.
        derivative: what was asked for, unevaluated.
        result: what it is equal to.
        problem: the question.
        order: 1 for a gradient or Jacobian, 2 for a Hessian.
    """

    derivation: Derivation
    derivative: Expression
    result: Expression
    problem: Problem
    order: int = 1

    @property
    def proved(self) -> bool:
        return self.derivation.proved


@dataclass
class _Writer:
    """Turns chains of expressions into judged steps."""

    problem: Problem
    judge: Judge
    steps: list[Step] = field(default_factory=list)

    def statement(self, left: Expression, right: Expression) -> Statement:
        p = self.problem
        return state(left, right, "=", p.definitions, p.hypotheses, p.constants)

    def step(self, left: Expression, right: Expression, rule: str) -> Step:
        """One line, judged: what cannot be stated at all is unknown, with the reason."""
        made = Step(0, 0, "claim", "=", latex(left), latex(right), rule=rule, layout=self.problem.layout)
        try:
            found = self.judge(self.statement(left, right))
        except (ShapeError, Unsupported) as trouble:
            made.verdict, made.message = Verdict.UNKNOWN, str(trouble)
        else:
            made.verdict, made.message, made.uses = found.verdict, found.message, found.uses
            made.dimensions, made.conditions = found.dimensions, found.conditions
            made.counterexample, made.numeric = found.counterexample, found.evidence
        self.steps.append(made)
        return made

    def chain(self, chain: Chain) -> None:
        left = chain.start
        for rule, form in chain.lines:
            self.step(left, form, rule)
            left = form

    def proves(self, left: Expression, right: Expression) -> bool:
        try:
            return isinstance(prove(self.statement(left, right).claim), Theorem)
        except (ShapeError, Unsupported):
            return False


def within(
    seconds: float,
    expression: str,
    wrt: str,
    given: Sequence[str] = (),
    layout: Layout | None = None,
    order: int = 1,
    method: Method = "rules",
    detail: Detail = "normal",
) -> Gradient:
    """The derivative of what somebody typed, with numeric evidence, in so many seconds at most.

    Raises Unanswerable for what cannot be read or differentiated, and when the time is up.
    """
    work = Step(0, 0, "claim", "=", "", "")
    budget = Budget(seconds)
    found: list[Gradient] = []
    with budget(work):
        try:
            problem = read(expression, wrt, given, layout)
            judge = Judge(budget.refute)
            found.append(derive_gradient(problem, order, method, detail, judge, budget.gather))
        except (Question, Unanswerable) as trouble:
            work.message = str(trouble)
    if not found:
        raise Unanswerable(work.message or "this derivative cannot be taken")
    return found[0]


def derive_gradient(
    problem: Problem,
    order: int = 1,
    method: Method = "rules",
    detail: Detail = "normal",
    judge: Judge | None = None,
    gather: Gatherer | None = None,
) -> Gradient:
    """The derivative of an expression, with its derivation.

    Args:
        order: 1 for the first derivative, 2 for the derivative of that.
        method: by rules, by differentials, or by components.
        detail: brief, normal or full.
        judge: of the steps; the kernel alone by default.
        gather: compares the result with finite differences; that is shown beside the last step.

    Raises:
        Unanswerable: for what is not differentiable, or not supported.
    """
    writer = _Writer(problem, judge or Judge())
    calculus = Calculus(problem.symbol, problem.definitions)
    first = x.Partial(problem.body, problem.variable, problem.layout)
    result = _derived(writer, calculus, problem.body, first, method, detail)
    derivative: Expression = first
    if order == 2:
        column = transposed(result) if problem.layout == "numerator" and len(result.shape) == 2 else result
        derivative = x.Partial(first, problem.variable, problem.layout)
        again = x.Partial(tidy(column), problem.variable, problem.layout)
        if again.shape != derivative.shape:
            again = x.Partial(result, problem.variable, problem.layout)
        writer.step(derivative, again, "derivative of the gradient")
        result = _derived(writer, calculus, again.body, again, method, detail)
    if order == 2 and _last_start(writer.steps) != latex(derivative):
        writer.step(derivative, result, "altogether")
    if gather is not None and writer.steps:
        writer.steps[-1].numeric = gather(writer.statement(derivative, result).claim)
    if detail == "brief":
        writer.steps = _brief(writer.steps)
    report = Report("", problem.layout, [*_introduction(problem), *writer.steps])
    title = _kind(problem, order)
    derivation = Derivation(
        "gradient", report, _quantities(problem), latex(result), None, title, scope=problem.scope
    )
    return Gradient(derivation, derivative, result, problem, order)


def _derived(
    writer: _Writer, c: Calculus, body: Expression, derivative: x.Partial, method: Method, detail: Detail
) -> Expression:
    """The steps of one differentiation, and the shortest form of its result."""
    problem = writer.problem
    if not depends(problem, body):
        result = zero(derivative.shape)
        writer.step(derivative, result, "constants vanish")
        return result
    plain = unfolded(body, c)
    taken = names_in(plain, c) | frozenset(problem.scope.shapes)
    route = Route(plain, problem.variable, c, problem.layout, detail, taken)
    if plain != body:
        writer.step(derivative, route.derivative, "definitions")
    if by_entries(plain) and method != "components" and len(plain.shape) == 2:
        for form in without_indices(plain, problem):
            if writer.proves(plain, form):
                before, route = route, replace(route, body=form)
                writer.step(before.derivative, route.derivative, "matrix form of the function")
                break
    try:
        chains = _chains(route, method)
    except (NotDifferentiable, NoComponents, NotLinear, TooLong) as trouble:
        raise Unanswerable(f"{trouble}") from None
    except ShapeError as trouble:
        raise Unanswerable(f"this derivative cannot be written in two dimensions: {trouble}") from None
    for chain in chains:
        writer.chain(chain)
    return _finished(writer, derivative, chains[-1].end)


def _chains(route: Route, method: Method) -> list[Chain]:
    """The steps by the method that was asked for, or by components where that has no way to write them."""
    try:
        if method == "differential":
            return route.by_differentials()
        if method == "rules" and isinstance(route.variable, x.Symbol):
            return route.by_rules()
    except NotLinear:
        pass
    return route.by_components()


def _finished(writer: _Writer, derivative: Expression, reached: Expression) -> Expression:
    """The shortest form of a result, with a last step where that is not how it stands already."""
    for form in candidates(derivative, reached, writer.problem):
        if form == reached:
            return reached
        if cost(form) < cost(reached) and writer.proves(derivative, form):
            writer.step(reached, form, "matrix form" if isinstance(reached, x.Entries) else "simplification")
            return form
    return reached


def _last_start(steps: list[Step]) -> str:
    """What the last chain of steps begins with."""
    n = len(steps) - 1
    while n and steps[n - 1].rhs == steps[n].lhs:
        n -= 1
    return steps[n].lhs


def _kind(problem: Problem, order: int) -> str:
    if order == 2:
        return "Hessian" if problem.body.is_scalar else "Second derivative"
    if problem.body.is_scalar:
        return "Derivative" if problem.variable.is_scalar else "Gradient"
    return "Jacobian" if problem.body.is_vector and problem.variable.is_vector else "Derivative"


def _brief(steps: list[Step]) -> list[Step]:
    """Of every chain the first line and the last."""
    found: list[Step] = []
    for n, step in enumerate(steps):
        starts = n == 0 or steps[n - 1].rhs != step.lhs
        ends = n + 1 == len(steps) or steps[n + 1].lhs != step.rhs
        if starts or not ends:
            found.append(step)
    return found


def _introduction(problem: Problem) -> list[Step]:
    """What was declared, defined and given, and what was assumed of the rest."""
    steps = list(problem.given)
    for name in problem.assumed:
        shape = shape_latex(problem.scope.shapes[name])
        steps.append(Step(0, 0, "declaration", r"\in", name, shape, message="assumed"))
    return steps


def _quantities(problem: Problem) -> tuple[tuple[str, str], ...]:
    return tuple((s.lhs, f"{s.relation} {s.rhs}") for s in _introduction(problem))
