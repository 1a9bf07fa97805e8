"""A derivation: named quantities, steps with their rules and verdicts, and a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from derive.report import Report, Step

if TYPE_CHECKING:
    from derive.reader.scope import Scope


@dataclass(slots=True, repr=False)
class Derivation:
    """What `derive show` prints and `derive.gradient` returns.

    Attributes:
        name: as `derive list` has it.
        report: the steps, each with its verdict, computed when the derivation was made.
        quantities: (name, what it is) pairs in LaTeX: shapes, definitions and hypotheses.
        result_latex: the last right side.
        result: the same as a SymPy expression, where it has one.
        title: what is derived, in a line.
        engines: how many statements with derivatives SymPy and the kernel agree on, and of how many.
        scope: what the symbols mean, for a derivation that was read from a document.
    """

    name: str
    report: Report
    quantities: tuple[tuple[str, str], ...]
    result_latex: str
    result: Any = None
    title: str = ""
    engines: tuple[int, int] = (0, 0)
    scope: Scope | None = None

    @property
    def steps(self) -> list[Step]:
        return self.report.steps

    @property
    def layout(self) -> str | None:
        return self.report.layout

    @property
    def proved(self) -> bool:
        """Whether every claim is proved."""
        return all(step.verdict == "proved" for step in self.steps if step.kind == "claim")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """How a notebook shows it: a table of its steps."""
        from derive.render.html import derivation_cell  # loaded where a notebook asks for it

        return {"text/html": derivation_cell(self), "text/plain": str(self)}

    def __str__(self) -> str:
        from derive.render.terminal import derivation_text  # rich is loaded only where something is printed

        return derivation_text(self)

    def __repr__(self) -> str:
        return str(self)
