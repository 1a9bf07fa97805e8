"""Derivations for a terminal, with rich: readable at 80 columns, without colour, and in a pipe."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import StringIO

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from derive.derivation import Derivation
from derive.reader.latex import BUILTIN_WORDS
from derive.render.language import Language, engines_phrase, message, rule_name, say, title
from derive.render.plain import plain
from derive.report import BY_DEFINITION, Counterexample, Step, Verdict
from derive.rules import RULES

MARKS = {
    Verdict.PROVED: ("✓", "green"),
    Verdict.REFUTED: ("✗", "red"),
    Verdict.UNKNOWN: ("?", "yellow"),
    Verdict.UNREAD: ("–", "yellow"),
}


def derivation_text(derivation: Derivation, width: int = 88) -> str:
    """A derivation as text without colour, in lines of at most so many columns where formulas allow it."""
    page = StringIO()
    rules = {rule.name: getattr(rule, derivation.layout or "denominator") for rule in RULES.values()}
    # In a notebook, rich would display each line by itself instead of writing it to the page.
    console = Console(file=page, width=width, color_system=None, force_jupyter=False)
    show_derivation(derivation, console, rules)
    return "\n".join(line.rstrip() for line in page.getvalue().rstrip().splitlines())


def show_derivation(
    derivation: Derivation,
    console: Console,
    rules: dict[str, str] | None = None,
    language: Language = "en",
) -> None:
    """Print a derivation: its quantities, its steps with rule and verdict, its result.

    Args:
        rules: for each rule that is cited, how it reads in this layout, as LaTeX.
    """
    words = BUILTIN_WORDS | _words(derivation)

    def formula(latex: str) -> str:
        return plain(latex, words)

    layout = f"   ({say(language, f'{derivation.layout} layout')})" if derivation.layout else ""
    heading = title(language, derivation.title or derivation.name)
    console.print(Text(heading, style="bold") + Text(layout, style="dim"))
    if any(step.kind != "claim" for step in derivation.steps):
        console.print()
        _quantities(derivation, console, formula, language)
    previous = None
    explained: set[str] = set()
    for step in derivation.steps:
        if step.kind != "claim":
            continue
        if step.lhs != previous:
            console.print()
            console.print(Text(formula(step.lhs)), soft_wrap=False)
        sign = plain(f"a {step.relation} b").removeprefix("a ").removesuffix(" b")
        console.print(Padding(Text(f"{sign} {formula(step.rhs)}", style="bold"), (0, 0, 0, 2)))
        for line in _notes(step, formula, language):
            console.print(Padding(line, (0, 0, 0, 6)))
        if rules and step.rule in rules and step.rule not in explained:
            explained.add(step.rule)
            law = f"{rule_name(language, step.rule)}: {formula(rules[step.rule])}"
            console.print(Padding(Text(law, style="dim"), (0, 0, 0, 6)))
        previous = step.rhs
    console.print()
    _summary(derivation, console, formula, language)


def _words(derivation: Derivation) -> frozenset[str]:
    """Names of several letters that the derivation uses, such as CE."""
    names = derivation.scope.shapes if derivation.scope is not None else ()
    return frozenset(n for n in names if n.isalpha() and len(n) > 1)


def _quantities(
    derivation: Derivation, console: Console, formula: Callable[[str], str], language: Language
) -> None:
    shapes = [s for s in derivation.steps if s.kind == "declaration" and s.message is None]
    assumed = [s for s in derivation.steps if s.kind == "declaration" and s.message is not None]
    defined = [s for s in derivation.steps if s.kind == "definition"]
    given = [s for s in derivation.steps if s.kind == "given"]
    for heading, group in (
        ("quantities", shapes),
        ("assumed", assumed),
        ("given", given),
        ("definitions", defined),
    ):
        if group:
            signs = [formula(f"{s.lhs} {s.relation} {s.rhs}") for s in group]
            joined = (
                ",  ".join(dict.fromkeys(signs))
                if heading != "definitions"
                else "\n".join(dict.fromkeys(signs))
            )
            console.print(Text(say(language, heading), style="dim"))
            console.print(Padding(Text(joined), (0, 0, 0, 2)))


def _notes(step: Step, formula: Callable[[str], str], language: Language) -> Iterable[Text]:
    """The lines under a step: verdict and rule, hypotheses and conditions, the numeric cross-check."""
    verdict = step.verdict or Verdict.UNKNOWN
    mark, colour = MARKS[verdict]
    text = Text(f"{mark} {say(language, str(verdict))}", style=colour)
    if verdict is Verdict.PROVED and step.dimensions:
        text.append(f" {say(language, 'for all {sizes}', sizes=', '.join(step.dimensions))}")
    if step.rule:
        text.append(f" · {rule_name(language, step.rule)}", style="italic")
    yield text
    if step.uses:
        yield Text(f"{say(language, 'uses')} {', '.join(map(formula, step.uses))}", style="cyan")
    if step.conditions:
        conditions = (
            say(language, BY_DEFINITION, condition=formula(c)) if c in step.guaranteed else formula(c)
            for c in step.conditions
        )
        yield Text(f"{say(language, 'where')} {', '.join(conditions)}", style="dim")
    if step.message:
        yield Text(message(language, step.message), style=colour)
    if step.counterexample is not None:
        yield Text(counterexample(step.counterexample, formula, language), style=colour)
    if step.numeric is not None:
        e = step.numeric
        phrase = {
            True: "numbers agree: error {error} in {samples} samples (tolerance {tolerance})",
            False: "numbers DISAGREE: error {error} in {samples} samples (tolerance {tolerance})",
            None: "numbers are inconclusive: error {error} in {samples} samples (tolerance {tolerance})",
        }[e.agrees]
        error, tolerance = f"{e.max_error:.0e}", f"{e.tolerance:.0e}"
        said = say(language, phrase, error=error, samples=e.samples, tolerance=tolerance)
        yield Text(said, style="dim")
    if step.explicit:
        yield Text(_written_out(step.explicit, formula))


def _written_out(rows: tuple[tuple[str, ...], ...], formula: Callable[[str], str]) -> str:
    """A matrix entry by entry, its columns aligned."""
    cells = [[formula(cell) for cell in row] for row in rows]
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    if max(map(len, lines)) > 100:
        return "\n".join(
            f"({r + 1},{c + 1}): {cell}" for r, row in enumerate(cells) for c, cell in enumerate(row)
        )
    return "\n".join(f"[ {line.rstrip()} ]" if len(cells) > 1 else f"[ {line} ]" for line in lines)


def counterexample(found: Counterexample, formula: Callable[[str], str], language: Language = "en") -> str:
    """A counterexample as one sentence."""
    sizes = ", ".join(f"{name} = {size}" for name, size in found.dimensions.items())
    values = ", ".join(f"{formula(name)} = {value}" for name, value in found.values.items())
    where = "; ".join(part for part in (sizes, values) if part)
    if found.entry:
        where += ", " + say(language, "entry {place}", place=tuple(i + 1 for i in found.entry))
    phrase = "counterexample: {where}: left {left}, right {right}"
    return say(language, phrase, where=where, left=found.lhs, right=found.rhs)


def _summary(
    derivation: Derivation, console: Console, formula: Callable[[str], str], language: Language
) -> None:
    counts = derivation.report.counts
    claims = sum(counts[v] for v in ("proved", "refuted", "unknown", "unread"))
    last = next((s for s in reversed(derivation.steps) if s.kind == "claim"), None)
    if last is not None:
        chain = [s for s in derivation.steps if s.kind == "claim"]
        start = last
        for step in reversed(chain[:-1]):
            if step.rhs != start.lhs:
                break
            start = step
        console.print(
            Text(f"{say(language, 'result')}  ", style="dim")
            + Text(f"{formula(start.lhs)} = {formula(last.rhs)}", style="bold")
        )
    line = say(language, "{proved} of {claims} steps proved", proved=counts["proved"], claims=claims)
    for kind in ("refuted", "unknown", "unread"):
        if counts[kind]:
            line += f", {counts[kind]} {say(language, kind)}"
    console.print(Text(line))
    checks = [s.numeric for s in derivation.steps if s.numeric is not None]
    if checks:
        methods = ", ".join(dict.fromkeys(message(language, e.method) for e in checks))
        sizes = dict.fromkeys(
            ",".join(f"{k}={v}" for k, v in s.items()) for e in checks for s in e.sizes if s
        )
        seeds = ", ".join(dict.fromkeys(str(e.seed) for e in checks))
        phrase = (
            "{count} derivatives checked by {methods}; at {sizes}; {samples} samples, "
            "largest error {error}, seed {seeds}"
        )
        if not sizes:
            phrase = (
                "{count} derivatives checked by {methods}; {samples} samples, "
                "largest error {error}, seed {seeds}"
            )
        said = say(
            language, phrase, count=len(checks), methods=methods, sizes="  ".join(sizes),
            samples=sum(e.samples for e in checks), error=f"{max(e.max_error for e in checks):.0e}",
            seeds=seeds,
        )  # fmt: skip
        console.print(Text(said, style="dim"))
    agree, compared = derivation.engines
    if compared:
        said = say(language, engines_phrase(agree, compared), agree=agree, compared=compared)
        console.print(Text(said, style="dim"))
