"""The ready derivations: every step proved in both layouts, from no more than it needs; no false step is."""

import re
from collections.abc import Iterator
from functools import cache

import pytest

from derive import catalogue
from derive.catalogue import LAYOUTS, UnknownDerivation, documents
from derive.checker import check
from derive.derivation import Derivation
from derive.judge import Judge
from derive.kernel import Residual, Theorem
from derive.kernel import prove as kernel_prove
from derive.lowering import Statement
from derive.reader import markdown
from derive.report import Step, Verdict
from derive.rules import RULES
from derive.terms import AtLeast, Claim, Coincide, Partial, walk
from numeric.evidence import gather

TABLES = [name for name in documents() if r"\tag" not in catalogue.text(name, "denominator")[1]]
DERIVATIONS = [name for name in documents() if name not in TABLES]
MODELS = (
    "batch-normalisation",
    "gaussian-log-likelihood",
    "kalman-gain",
    "layer-normalisation",
    "least-squares",
    "logistic-regression",
    "principal-components",
    "scaled-dot-product-attention",
    "two-layer-perceptron",
    "word2vec",
)


def selected(name: str, *rest: object) -> object:
    """A test's parameters; what is done with the derivations of models takes its time."""
    marks = [pytest.mark.slow] if name in MODELS else []
    return pytest.param(name, *rest, marks=marks, id="-".join(map(str, (name, *rest))))


PAIRS = [selected(name, layout) for name in DERIVATIONS for layout in LAYOUTS]
SUM_OF_Y = r"\sum_i y_i = 1"
NO_SYMPY = {"chain-rule", "product-rule"}  # about arbitrary functions of vectors; SymPy has no form for them
each_pair = pytest.mark.parametrize(("name", "layout"), PAIRS)

Judged = tuple[tuple[Step, Statement | None], ...]


@pytest.fixture(scope="session", params=[pytest.param(p.values, marks=p.marks, id=p.id) for p in PAIRS])
def shown(request: pytest.FixtureRequest) -> Derivation:
    """What `derive show` would print, numeric evidence and SymPy's opinion included."""
    return catalogue.load(*request.param)


def judged(text: str, layout: str, sizes: dict[str, int] | None = None) -> Judged:
    """The claims of a document, each with its statement where it has one, judged by the kernel alone."""
    statements: dict[int, Statement] = {}
    report, _ = check(
        "test.md",
        text,
        markdown.read(text),
        Judge(),
        layout,
        sizes,
        lambda step, statement: statements.update({id(step): statement}),
    )
    return tuple((step, statements.get(id(step))) for step in report.steps if step.kind == "claim")


@cache
def steps(name: str, layout: str) -> Judged:
    """The claims of a ready derivation."""
    return judged(catalogue.text(name, layout)[1], layout)


def has_derivative(claim: Claim) -> bool:
    return any(isinstance(part, Partial) for side in (claim.lhs, claim.rhs) for part in walk(side))


# ── every step ─────────────────────────────────────────────────────────────────────────────────────────────


def test_every_claim_is_proved(shown: Derivation) -> None:
    """No refuted, unknown or unread step, and no message."""
    left = [(s.verdict, s.lhs, s.rhs, s.message) for s in claims(shown) if s.verdict != "proved" or s.message]
    assert left == []
    assert shown.proved
    assert len(claims(shown)) > 5


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", MODELS)
def test_every_step_of_a_model_is_proved_in_its_layout(name: str, layout: str) -> None:
    """By the kernel alone, which is quick."""
    assert len(steps(name, layout)) > 5
    for step, _ in steps(name, layout):
        assert step.verdict == "proved", (step.lhs, step.rhs, step.message)
        assert step.layout in (layout, "any"), (step.lhs, step.rhs)


def test_every_derivative_is_read_in_the_layout_asked_for(shown: Derivation) -> None:
    """None is proved only because it was read the other way."""
    assert {step.layout for step in claims(shown)} <= {shown.layout, "any"}


def test_dimensions_are_named(shown: Derivation) -> None:
    """Each claim names the dimensions for which it holds, and together they name all of the document."""
    declared = {name for shape in shown.scope.shapes.values() for size in shape for name in size.names}
    assert {name for step in claims(shown) for name in step.dimensions} == declared
    assert not declared or all(step.dimensions for step in claims(shown))
    assert declared or shown.name == "binary-cross-entropy"


def test_each_derivative_is_checked_in_numbers(shown: Derivation) -> None:
    """Evidence at several rectangular sizes, within what its own error estimate allows."""
    checked = 0
    for step, (_, statement) in zip(claims(shown), steps(shown.name, shown.layout), strict=True):
        if has_derivative(statement.claim):
            checked += 1
            assert step.numeric is not None, step.rhs
            assert step.numeric.agrees is True, (step.rhs, step.numeric)
            assert step.numeric.max_error <= step.numeric.tolerance < 1e-4, (step.rhs, step.numeric)
            assert step.numeric.samples > 1
            if step.dimensions:
                assert len(step.numeric.sizes) > 2
                hypotheses = statement.claim.context.hypotheses
                apart = any(isinstance(h, Coincide) and not h.equal for h in hypotheses)
                assert apart or any(1 in sizes.values() for sizes in step.numeric.sizes)
    assert checked > 3


def test_sympy_and_the_kernel_agree(shown: Derivation) -> None:
    """Every derivative that SymPy can take entry by entry is the kernel's."""
    agree, compared = shown.engines
    assert agree == compared
    derivatives = sum(has_derivative(statement.claim) for _, statement in steps(shown.name, shown.layout))
    if shown.name in MODELS:  # there are arbitrary losses and matrices' inverses in them
        assert compared <= derivatives
    else:
        assert compared == (0 if shown.name in NO_SYMPY else derivatives)


def claims(derivation: Derivation) -> list[Step]:
    return [step for step in derivation.steps if step.kind == "claim"]


@each_pair
def test_every_rule_is_known(name: str, layout: str) -> None:
    """Each step cites a rule, each cited rule is in the table, and tags are read whole."""
    _, text = catalogue.text(name, layout)
    tags = re.findall(r"\\tag\{([^}]*)\}", text)
    assert set(tags) <= RULES.keys()
    assert [step.rule for step, _ in steps(name, layout)] == tags


def test_layouts_differ_in_their_steps() -> None:
    """Where there are two documents, their routes differ and not just the ends."""
    for name, suffixes in documents().items():
        if name in TABLES:
            continue
        first, second = ([(s.lhs, s.rhs) for s, _ in steps(name, layout)] for layout in LAYOUTS)
        if suffixes == ("",):
            assert first == second
            continue
        assert suffixes == ("denominator", "numerator"), name
        inner = set(first[:-1]) - set(second)
        assert len(inner) > 1, f"{name}: only {inner} differ"


@pytest.mark.parametrize(
    ("layout", "weights", "scores"),
    [
        ("denominator", r"(\hat{y} - y) x^T", r"\hat{y} - y"),
        ("numerator", r"x (\hat{y} - y)^T", r"(\hat{y} - y)^T"),
    ],
)
def test_results_of_the_home_derivation(layout: str, weights: str, scores: str) -> None:
    """In the reader's own names, not in exponentials."""
    ends = {step.lhs: step.rhs for step, _ in steps("softmax-cross-entropy", layout)}
    start, found = "", {}
    for step, _ in steps("softmax-cross-entropy", layout):
        start = start if step.lhs in found.values() and step.lhs != start else step.lhs
        found[start] = step.rhs
    assert found[r"\frac{\partial CE}{\partial W}"] == weights
    assert found[r"\frac{\partial CE}{\partial z}"] == scores
    assert found[r"\frac{\partial CE}{\partial b}"] == scores
    assert found[r"\frac{\partial \hat{y}}{\partial z}"] == r"\mathrm{diag}(\hat{y}) - \hat{y} \hat{y}^T"
    assert ends


def test_unknown_name_suggests_close_ones() -> None:
    """A typing slip is answered with the names that it may stand for."""
    with pytest.raises(UnknownDerivation, match="did you mean softmax-jacobian") as trouble:
        catalogue.load("softmax-jacobain")
    assert trouble.value.close[0] == "softmax-jacobian"


# ── hypotheses ─────────────────────────────────────────────────────────────────────────────────────────────


@each_pair
def test_sum_of_y_is_used_exactly_where_it_is_needed(name: str, layout: str) -> None:
    """Without the line in the document, the steps that use it fail and no others."""
    _, text = catalogue.text(name, layout)
    if f"\n{SUM_OF_Y}\n" not in text:
        assert all(SUM_OF_Y not in step.uses for step, _ in steps(name, layout))
        return
    without = judged(text.replace(f"\n{SUM_OF_Y}\n", "\n\n"), layout)
    assert any(SUM_OF_Y in step.uses for step, _ in steps(name, layout))
    for (before, _), (after, _) in zip(steps(name, layout), without, strict=True):
        assert before.rhs == after.rhs
        assert (SUM_OF_Y in before.uses) == (after.verdict != "proved"), (before.lhs, before.rhs)


@each_pair
def test_hypotheses_are_minimal(name: str, layout: str) -> None:
    """What a step uses is enough for it, and leaving out any one of these is not."""
    for step, statement in steps(name, layout):
        claim = statement.claim
        kept = frozenset(step.uses)
        assert isinstance(restricted(claim, kept), Theorem), step.rhs
        for label in kept:
            assert isinstance(restricted(claim, kept - {label}), Residual), (step.rhs, label)


def restricted(claim: Claim, labels: frozenset[str]) -> Theorem | Residual:
    """The kernel's answer where only the hypotheses with these labels are given."""
    return kernel_prove(Claim(claim.lhs, claim.rhs, claim.relation, claim.context.keeping(labels)))


# ── rules ──────────────────────────────────────────────────────────────────────────────────────────────────


def statement_of(rule: str, layout: str, given: bool = True) -> str:
    record = RULES[rule]
    block = f"<!-- derive\nlayout: {layout}\n{record.given if given else ''}\n-->"
    return f"{block}\n\n$${getattr(record, layout)}$$\n"


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_proved(rule: str, layout: str) -> None:
    """As one document, through the reader that reads everybody's."""
    ((step, _),) = judged(statement_of(rule, layout), layout)
    assert step.verdict == "proved", step.message


TWO_SIDED = [r.name for r in RULES.values() if r.denominator != r.numerator and "trace" not in r.name]


@pytest.mark.parametrize("rule", TWO_SIDED)
def test_rules_need_their_layout(rule: str) -> None:
    """What reads differently in the two layouts is not proved in the wrong one, unless as a mixture of both.

    A trace does not mind the order of its factors.
    """
    for layout, other in zip(LAYOUTS, reversed(LAYOUTS), strict=True):
        text = statement_of(rule, layout).replace(f"layout: {layout}", f"layout: {other}")
        ((step, _),) = judged(text, other)
        assert step.verdict != "proved" or step.layout == layout


# ── sizes ──────────────────────────────────────────────────────────────────────────────────────────────────


SIZES = [("denominator", {"c": 3, "d": 2}), ("numerator", {"c": 2, "d": 4})]
CONCRETE = [
    selected(name, layout, sizes)
    for name in DERIVATIONS
    for layout, sizes in SIZES
    if (name, sizes["c"]) != ("softmax-cross-entropy", 3)  # for the command line's tests: it takes its time
]


@pytest.mark.parametrize(("name", "layout", "sizes"), CONCRETE)
def test_concrete_sizes(name: str, layout: str, sizes: dict[str, int]) -> None:
    """With numbers for c and d every step is proved as well, and no symbol is left where a number stands."""
    for step, _ in judged(catalogue.text(name, layout)[1], layout, sizes):
        assert step.verdict == "proved", (step.lhs, step.rhs, step.message)
        assert not {"c", "d"} & set(step.dimensions)


def vacuous(claim: Claim) -> bool:
    """Whether a hypothesis excludes the case of one class and one feature."""
    return any(
        (isinstance(h, Coincide) and not h.equal and h.left.range.number == 1)
        or (isinstance(h, AtLeast) and (h.dimension.number or 0) < h.bound)
        for h in claim.context.hypotheses
    )


@each_pair
def test_one_class_and_one_feature(name: str, layout: str) -> None:
    """c = d = 1: all is proved but what demands two classes, and of that nothing is."""
    for step, statement in judged(catalogue.text(name, layout)[1], layout, {"c": 1, "d": 1}):
        allowed = ("proved", "unknown") if vacuous(statement.claim) else ("proved",)
        assert step.verdict in allowed, (step.lhs, step.rhs, step.message)


def test_entries_below_one_need_two_classes() -> None:
    """a_i < 1 is proved from c >= 2, named as used, and not without it."""
    (step, statement) = steps("softmax-properties", "denominator")[-1]
    assert (step.relation, step.rhs, step.uses) == ("<", "1", (r"c \ge 2",))
    assert isinstance(restricted(statement.claim, frozenset()), Residual)


# ── false steps ────────────────────────────────────────────────────────────────────────────────────────────

PARTNERS = ((r"\hat{y}", "y"), ("a", "y"), ("r", "y"), ("p", "q"), ("u", "v"))


def flip_a_sign(text: str) -> str | None:
    """The first + or - between terms turned round, or a minus put before the whole."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character in "({") - (character in ")}")
        if depth == 0 and character in "+-" and place:
            return text[:place] + "+-"[character == "+"] + text[place + 1 :]
    return text.removeprefix("-") if text.startswith("-") else f"-({text})"


def swap_two_vectors(text: str) -> str | None:
    r"""\hat{y} and y, or whatever pair of like shape the document has, exchanged."""
    for one, other in PARTNERS:
        found = [re.compile(rf"(?<![\\A-Za-z{{]){re.escape(name)}(?![A-Za-z])") for name in (one, other)]
        if all(pattern.search(text) for pattern in found):
            marked = found[0].sub("@", text)
            return found[1].sub(lambda _, name=one: name, marked).replace("@", other)
    return None


def drop_a_transpose(text: str) -> str | None:
    return text.replace("^T", "", 1) if "^T" in text else None


def swap_two_indices(text: str) -> str | None:
    """i and j exchanged in all subscripts."""
    swapped = re.sub(r"_(\{[^{}]*\}|[a-z])", lambda m: m.group().translate(str.maketrans("ij", "ji")), text)
    return swapped if swapped != text else None


MUTATIONS = (flip_a_sign, swap_two_vectors, drop_a_transpose, swap_two_indices)


def mutants(name: str, layout: str) -> Iterator[tuple[str, set[int]]]:
    """The document with some right sides changed, no two that meet in one step; and which these are."""
    _, text = catalogue.text(name, layout)
    lines = text.splitlines(keepends=True)
    for turn in (0, 1) if layout == "denominator" else (2,):
        body, changed = text, set()
        for number, (step, _) in reversed(list(enumerate(steps(name, layout)))):
            candidates = [m for change in MUTATIONS if (m := change(step.rhs)) not in (None, step.rhs)]
            if number % 2 != turn % 2:
                continue
            start = sum(map(len, lines[: step.line - 1])) + step.column
            pattern = re.compile(r"\s+".join(map(re.escape, step.rhs.split())))
            place = pattern.search(body, start)
            assert place is not None, step.rhs
            mutant = candidates[(number + turn) // 2 % len(candidates)]
            body = body[: place.start()] + mutant + body[place.end() :]
            changed.add(number)
        yield body, changed


@each_pair
def test_false_steps_are_not_proved(name: str, layout: str) -> None:
    """A changed step is proved only where independent arithmetic says that the change keeps it true."""
    tried = caught = 0
    for text, changed in mutants(name, layout):
        found = judged(text, layout)
        assert len(found) == len(steps(name, layout))
        for number, (step, statement) in enumerate(found):
            if number not in changed and number - 1 not in changed:
                continue
            tried += 1
            if step.verdict is Verdict.PROVED:
                evidence = gather(statement.claim)
                assert evidence is not None, (step.lhs, step.rhs)
                assert evidence.agrees is True, (step.lhs, step.rhs, evidence)
            else:
                caught += 1
    assert caught > tried / 3
