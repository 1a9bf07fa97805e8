"""The ready derivations: Markdown documents in the format that users write, checked when they are shown.

A derivation whose steps depend on the layout has two documents, NAME.denominator.md and NAME.numerator.md;
one without such steps has NAME.md alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from derive.derivation import Derivation
    from derive.expression import Layout
    from derive.judge import Judge
    from derive.lowering import Statement
    from derive.report import Step

LAYOUTS: tuple[Layout, ...] = ("denominator", "numerator")


class UnknownDerivation(KeyError):
    """A name that the catalogue does not have; `close` are the names most like it."""

    def __init__(self, name: str, close: tuple[str, ...]):
        super().__init__(name)
        self.name, self.close = name, close

    def __str__(self) -> str:
        hint = f"; did you mean {' or '.join(self.close)}?" if self.close else ""
        return f"there is no derivation called {self.name!r}{hint}"


@cache
def documents() -> Mapping[str, tuple[str, ...]]:
    """The names of all derivations, each with the suffixes of its documents, in reading order."""
    found: dict[str, list[str]] = {}
    for entry in files(__name__).iterdir():
        if entry.name.endswith(".md"):
            name, _, layout = entry.name.removesuffix(".md").partition(".")
            found.setdefault(name, []).append(layout)
    order = ["softmax-cross-entropy", "softmax-cross-entropy-components"]
    names = [n for n in order if n in found] + sorted(n for n in found if n not in order)
    return {name: tuple(sorted(found[name])) for name in names}


def text(name: str, layout: Layout) -> tuple[str, str]:
    """The document of a derivation in a layout: its file name and its text. Raises UnknownDerivation."""
    if name not in documents():
        from difflib import get_close_matches  # loaded only for the hint

        raise UnknownDerivation(name, tuple(get_close_matches(name, documents(), 2, 0.4)))
    suffix = f".{layout}" if layout in documents()[name] else ""
    file = f"{name}{suffix}.md"
    return file, files(__name__).joinpath(file).read_text(encoding="utf-8")


def title(name: str) -> str:
    """The heading of a derivation."""
    _, body = text(name, "denominator")
    return next((line[2:].strip() for line in body.splitlines() if line.startswith("# ")), name)


def load(
    name: str,
    layout: Layout = "denominator",
    sizes: Mapping[str, int] | None = None,
    judge: Judge | None = None,
    compare_engines: bool = True,
) -> Derivation:
    """A ready derivation, every step judged now.

    Args:
        name: one of `documents()`.
        layout: "denominator" or "numerator".
        sizes: numbers for dimension symbols, such as {"c": 3, "d": 2}; symbolic where not given.
        judge: decides the steps; by default the kernel, with numeric evidence for derivatives.
        compare_engines: have SymPy differentiate, too, and the kernel compare the results.

    Raises:
        UnknownDerivation: for a name that is not in the catalogue.
    """
    from derive.checker import check  # what judges is loaded only when something is judged
    from derive.derivation import Derivation
    from derive.reader import markdown

    file, body = text(name, layout)
    judged: list[tuple[Step, Statement]] = []
    report, checker = check(
        file,
        body,
        markdown.read(body),
        judge or default_judge(),
        layout,
        sizes,
        lambda *pair: judged.append(pair),
    )
    report.source = body
    engines = (0, 0)
    if compare_engines:
        from derive.second_opinion import entrywise, explicit  # SymPy is loaded only where it is used

        opinions = [opinion for _, s in judged if (opinion := entrywise(s.claim)) is not None]
        engines = (sum(opinions), len(opinions))
        for step, statement in judged if sizes else ():
            step.explicit = explicit(statement)
    claims = [step for step in report.steps if step.kind == "claim"]
    result = claims[-1].rhs if claims else ""
    return Derivation(
        name, report, _quantities(report.steps), result, None, title(name), engines, checker.scope
    )


def default_judge() -> Judge:
    """The kernel, with certified counterexamples and numeric evidence."""
    from derive.judge import Judge
    from numeric.certify import refute
    from numeric.evidence import gather

    return Judge(lambda claim, entry: refute(claim, entry=entry), gather)


def _quantities(steps: list[Step]) -> tuple[tuple[str, str], ...]:
    """What is declared, defined and given: (name, relation and meaning) in LaTeX."""
    return tuple(
        (step.lhs, f"{step.relation} {step.rhs}")
        for step in steps
        if step.kind in ("declaration", "definition", "given")
    )
