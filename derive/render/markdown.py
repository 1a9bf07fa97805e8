"""Derivations as Markdown with dollar mathematics."""

from __future__ import annotations

from derive.derivation import Derivation
from derive.render.latex import chains
from derive.report import Step


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
        verdict += ", where " + ", ".join(f"${condition}$" for condition in step.conditions)
    formula = f"{step.relation} {step.rhs}".replace("|", r"\vert ").replace("\n", " ")
    return f"| ${formula}$ | {step.rule or ''} | {verdict} |"
