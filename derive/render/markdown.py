"""Derivations as Markdown with dollar mathematics, and reports as Markdown for a review or a summary page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from derive.render.latex import chains
from derive.report import BY_DEFINITION, EXCUSED, Note, Report, Step, Verdict

if TYPE_CHECKING:
    from derive.derivation import Derivation

_BAR = re.compile(r"\\.|\|")


def derivation_markdown(derivation: Derivation) -> str:
    """A heading, the quantities, a table of steps for each chain, and the result."""
    layout = f" ({derivation.layout} layout)" if derivation.layout else ""
    lines = [f"# {derivation.title or derivation.name}{layout}", ""]
    lines += [f"- ${name} {meaning}$" for name, meaning in derivation.quantities]
    for chain in chains(derivation.steps):
        lines += ["", f"${chain[0].lhs}$", "", "| step | rule | verdict |", "| --- | --- | --- |"]
        lines += [_row(step) for step in chain]
    lines += ["", f"**Result:** ${derivation.result_latex}$"]
    return "\n".join(lines) + "\n"


def _row(step: Step) -> str:
    verdict = str(step.verdict)
    if step.verdict == "proved" and step.dimensions:
        verdict += f" for all {', '.join(step.dimensions)}"
    if step.uses:
        verdict += ", uses " + ", ".join(f"${use}$" for use in step.uses)
    if step.conditions:
        verdict += ", where " + ", ".join(
            BY_DEFINITION.format(condition=f"${c}$") if c in step.guaranteed else f"${c}$"
            for c in step.conditions
        )
    formula = _BAR.sub(_unbarred, f"{step.relation} {step.rhs}".replace("\n", " "))
    return f"| ${formula}$ | {step.rule or ''} | {verdict} |"


def _unbarred(bar: re.Match[str]) -> str:
    """A bar by its name, since a bar itself would end a cell."""
    return {"|": r"\vert ", r"\|": r"\Vert "}.get(bar[0], bar[0])


def reports_markdown(reports: Sequence[Report], given: Sequence[Report] = ()) -> str:
    """A table of documents, and a section for each that is not proved, or that needs a hypothesis."""
    lines = ["# derive check", "", f"| document | {' | '.join(Verdict)} | layout |"]
    lines.append("| --- |" + " --- |" * (len(Verdict) + 1))
    for report in reports:
        counts = " | ".join(str(report.counts[verdict]) for verdict in Verdict)
        lines.append(f"| {_code(report.path)} | {counts} | {report.layout or ''} |")
    for report in [*given, *reports]:
        lines += _section(report)
    return "\n".join(lines) + "\n"


def _section(report: Report) -> list[str]:
    open_steps = [step for step in report.steps if step.is_fault]
    excused = [f"{report.counts[key]} {key}" for key in EXCUSED if key in report.counts]
    needed: dict[str, list[int]] = {}
    for step in report.steps:
        for use in step.uses:
            needed.setdefault(use, []).append(step.line)
    if not (open_steps or excused or needed or report.notes or report.error):
        return []
    lines = ["", f"## {_code(report.path)}", ""]
    if report.error:
        lines += [f"**error**: {_words(report.error)}", ""]
    notes = report.notes_by_place()
    for step in open_steps:
        lines += _item(step, notes.get((step.line, step.column), ()))
    at = {(step.line, step.column) for step in open_steps}
    lines += [f"- {_note(note.message)}" for note in report.notes if (note.line, note.column) not in at]
    for use, places in needed.items():
        numbers = ", ".join(map(str, dict.fromkeys(places)))
        lines.append(f"- needs {_code(use)} in line {numbers}")
    lines += [f"- claims that are let pass: {', '.join(excused)}"] if excused else []
    return lines


def _item(step: Step, notes: Iterable[Note]) -> Iterator[str]:
    code = f" {step.code}" if step.code else ""
    cell = f", cell {step.cell}" if step.cell is not None else ""
    message = f": {_words(step.message)}" if step.message else ""
    yield f"- line {step.line}{cell}, column {step.column}: **{step.verdict}**{code}{message}"
    yield ""
    formula = f"{step.lhs}\n  {step.relation} {step.rhs}"
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", formula)), default=0))
    yield f"  {fence}latex"
    yield from (f"  {_printable(line)}" for line in formula.split("\n") if line.strip())
    yield f"  {fence}"
    if step.expected:
        yield f"  expected: {_words(step.expected)}  "
    found = step.counterexample
    if found is not None:
        parts = [f"{name} = {size}" for name, size in found.dimensions.items()]
        parts += [f"{name} = {value}".replace("'", "") for name, value in found.values.items()]
        if found.entry:
            parts.append(f"entry ({', '.join(str(k + 1) for k in found.entry)})")
        sides = f"left {_code(found.lhs)}, right {_code(found.rhs)}"
        yield f"  counterexample: {_code('; '.join(parts))}: {sides}  "
    if step.repair is not None:
        yield f"  what would mend it ({_words(step.repair.kind)}): {_code(step.repair.latex)}  "
    for note in notes:
        yield f"  {_note(note.message)}  "
    yield ""


def _note(message: str) -> str:
    return f"note: {_words(message)}"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " if c.isspace() else f"\\u{ord(c):04x}" for c in text)


def _code(text: str) -> str:
    """A text as code in a line, whatever backticks are in it."""
    text = _printable(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}".replace("|", r"\|")


def _words(text: str) -> str:
    """Words in which nothing is Markdown or HTML."""
    return re.sub(r"([\\`*_{}\[\]<>#|$&~])", r"\\\1", _printable(text))
