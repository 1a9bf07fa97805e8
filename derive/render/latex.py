"""Derivations as LaTeX: a fragment for \\input with amsmath loaded."""

from __future__ import annotations

from derive.derivation import Derivation
from derive.report import Step


def derivation_latex(derivation: Derivation) -> str:
    """One `align*` for each chain of steps; rule, hypotheses and verdict stand beside each row."""
    blocks: list[str] = [
        f"% {derivation.title}" + (f" ({derivation.layout} layout)" if derivation.layout else "")
    ]
    introduced = [rf"{name} &{meaning}" for name, meaning in derivation.quantities]
    if introduced:
        blocks.append(_align(introduced))
    for chain in chains(derivation.steps):
        rows = [rf"{chain[0].lhs} &{chain[0].relation} {chain[0].rhs} && {_remark(chain[0])}"]
        rows += [rf"&{step.relation} {step.rhs} && {_remark(step)}" for step in chain[1:]]
        blocks.append(_align(rows))
    return "\n\n".join(blocks) + "\n"


def chains(steps: list[Step]) -> list[list[Step]]:
    """The claims, grouped so that each begins where the one before it ended."""
    found: list[list[Step]] = []
    for step in steps:
        if step.kind == "claim":
            if found and found[-1][-1].rhs == step.lhs:
                found[-1].append(step)
            else:
                found.append([step])
    return found


def _align(rows: list[str]) -> str:
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


def _remark(step: Step) -> str:
    words = f"{step.rule}; {step.verdict}" if step.rule else str(step.verdict)
    uses = "".join(rf", uses ${use}$" for use in step.uses)
    return rf"\text{{{words}{uses}}}"
