r"""Derivatives with their derivations: the whole flow on one page.

    derive_gradient(read(r"x^T A x", "x"))  ->  Gradient: its derivation, and its result as an expression

A route writes the steps; the kernel judges every one of them; the result is the shortest form that the kernel
proves. What a route cannot write (a derivative with more than two dimensions, a sum over entries) is written
by components. Where there is no matrix form, the result is in index notation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from derive import expression as x
from derive.calculus.differentials import Calculus, NotDifferentiable
from derive.calculus.indices import NoComponents
from derive.calculus.linear import NotLinear
from derive.calculus.problem import Problem, Question, depends, read
from derive.calculus.routes import Chain, Detail, Method, Route, TooLong, names_in, unfolded
from derive.calculus.shortest import by_entries, candidates, lifted, without_indices
from derive.calculus.tidy import cost, number, tidy, transposed, zero
from derive.derivation import Derivation
from derive.documents import Budget
from derive.expression import Expression, Layout
from derive.judge import Gatherer, Judge
from derive.kernel import Theorem, prove
from derive.lowering import Statement, Unsupported, state
from derive.printing import latex, shape_latex
from derive.report import Report, Step, Verdict
from derive.terms import ONE, ShapeError


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
    used_basis: bool = False

    def statement(self, left: Expression, right: Expression) -> Statement:
        p = self.problem
        return state(left, right, "=", p.definitions, p.hypotheses, p.constants)

    def step(self, left: Expression, right: Expression, rule: str) -> Step:
        """One line, judged: what cannot be stated at all is unknown, with the reason."""
        made = Step(0, 0, "claim", "=", latex(left), latex(right), rule=rule, layout=self.problem.layout)
        try:
            found = self.judge(self.statement(left, right))
        except (ShapeError, Unsupported, RecursionError) as trouble:
            made.verdict, made.message = Verdict.UNKNOWN, str(trouble)
        else:
            made.verdict, made.message, made.uses = found.verdict, found.message, found.uses
            made.dimensions, made.conditions = found.dimensions, self.readable(found.conditions, left, right)
            made.counterexample, made.numeric = found.counterexample, found.evidence
        self.used_basis |= any(map(_has_basis, (left, right)))
        self.steps.append(made)
        return made

    def result(self, derivative: Expression, result: Expression, rule: str) -> None:
        """The step that says what a derivative is, or what its general entry is."""
        if isinstance(result, x.Entries):
            places = tuple(i for i in result.indices if i.range != ONE)
            derivative, result = x.Entry(derivative, places) if places else derivative, result.body
        self.step(derivative, result, rule)

    def chain(self, chain: Chain, brief: bool = False) -> None:
        """All lines of a chain; in brief, the first one and the last, with the rules in between."""
        left, lines = chain.start, chain.lines
        if brief and len(lines) > 2:
            rules = dict.fromkeys(rule for rule, _ in lines[1:])
            lines = [lines[0], (", ".join(rules), lines[-1][1])]
        for rule, form in lines:
            self.step(left, form, rule)
            left = form

    def readable(self, conditions: tuple[str, ...], *sides: Expression) -> tuple[str, ...]:
        """The same conditions, u ≠ 0 for what is said of the entries of u wherever ‖u‖ or |u| stands."""
        known: dict[str, str] = {}
        for u, kink in dict.fromkeys(pair for side in sides for pair in _kinks(side)):
            shown = latex(u) if kink.is_scalar or u.is_scalar else _entry_of(u)
            try:
                inner = {_relation(c)[0] for c in Judge()(self.statement(u, u)).conditions}
                found = Judge()(self.statement(kink, kink)).conditions
            except (ShapeError, Unsupported):
                continue
            about = {_relation(c)[0] for c in found} - inner
            known.update(dict.fromkeys(about, rf"{shown} \neq 0"))
        shown_conditions = dict.fromkeys(
            known.get(_relation(c)[0], c)
            for c in conditions
            if not (_relation(c)[0] in known and _relation(c)[1] == r"\ge 0")
        )
        return tuple(shown_conditions)

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
        writer.result(derivative, result, "altogether")
    if gather is not None and writer.steps:
        writer.steps[-1].numeric = gather(writer.statement(derivative, result).claim)
    introduction = _introduction(problem)
    if writer.used_basis:
        introduction.append(Step(0, 0, "given", "=", r"(e_j)_i", r"\delta_{ij}"))
    report = Report("", problem.layout, [*introduction, *writer.steps])
    title = _kind(problem, order)
    derivation = Derivation(
        "gradient", report, _quantities(problem), latex(result), None, title, scope=problem.scope
    )
    return Gradient(derivation, derivative, result, problem, order)


def proved_result(problem: Problem, order: int = 1) -> Expression | None:
    """The shortest matrix form of a derivative that the kernel proves, without a derivation; None if none is.

    Several times as fast as `derive_gradient`, for who needs the answer and not the way to it.
    """
    derivative = x.Partial(problem.body, problem.variable, problem.layout)
    if order == 2:
        derivative = x.Partial(derivative, problem.variable, problem.layout)
    writer = _Writer(problem, Judge())
    forms = dict.fromkeys(tidy(form) for form in lifted(derivative, problem))
    return next((form for form in sorted(forms, key=cost) if writer.proves(derivative, form)), None)


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
    last = chains[-1]
    for chain in chains if not isinstance(last.end, x.Entries) else chains[:-1]:
        writer.chain(chain, detail == "brief")
    return _finished(writer, route.derivative, last.end)


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


def _finished(writer: _Writer, derivative: x.Partial, reached: Expression) -> Expression:
    """The shortest form of a result, with a last step where that is not how it stands already."""
    in_indices = isinstance(reached, x.Entries)
    for form in candidates(derivative, reached, writer.problem):
        if form == reached:
            break
        if cost(form) < cost(reached) and writer.proves(derivative, form):
            start, rule = (derivative, "matrix form") if in_indices else (reached, "simplification")
            writer.step(start, form, rule)
            return form
    if in_indices:
        writer.result(derivative, reached, "in index notation")
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


def _introduction(problem: Problem) -> list[Step]:
    """What was declared, defined and given, and what was assumed of the rest."""
    steps = list(problem.given)
    for name in problem.assumed:
        shape = shape_latex(problem.scope.shapes[name])
        steps.append(Step(0, 0, "declaration", r"\in", name, shape, message="assumed"))
    return steps


def _kinks(e: Expression) -> Iterator[tuple[Expression, Expression]]:
    """What may not be 0 for a norm or an absolute value to be smooth, and an expression that demands it."""
    match e:
        case x.Norm(body=u, kind="2" | "F"):
            yield u, x.Divide(number(1), e)
        case x.Norm(body=u, kind="1"):
            yield u, x.Apply("sign", u)
            yield u, x.Apply("abs", u)
        case x.Apply(function="abs" | "sign" | "relu", body=u):
            yield u, x.Apply("sign", u)
            yield u, x.Apply("abs", u)
    for child in x.children(e):
        yield from _kinks(child)


def _entry_of(u: Expression) -> str:
    """The general entry of an array, as LaTeX."""
    letters = "".join(letter for letter, size in zip("ij", u.shape, strict=False) if size != ONE)
    whole = latex(u) if isinstance(u, x.Symbol) else rf"\left({latex(u)}\right)"
    return f"{whole}_{{{letters}}}"


def _relation(condition: str) -> tuple[str, str]:
    """A condition, as what it is about and what it says of that."""
    for sign in (r"\neq 0", r"\ge 0", "> 0"):
        if condition.endswith(sign):
            return condition.removesuffix(sign).strip(), sign
    return condition, ""


def _has_basis(e: Expression) -> bool:
    return isinstance(e, x.Basis) or any(map(_has_basis, x.children(e)))


def _quantities(problem: Problem) -> tuple[tuple[str, str], ...]:
    return tuple((s.lhs, f"{s.relation} {s.rhs}") for s in _introduction(problem))
