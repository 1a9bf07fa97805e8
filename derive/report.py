"""What checking a document or a claim yields: plain data, ready for every renderer."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from derive.terms import Dimension


class Verdict(StrEnum):
    """What is known of a claim."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNKNOWN = "unknown"
    UNREAD = "unread"


BY_DEFINITION = "{condition} (by definition)"  # said of a condition that the definitions see to
EXCUSED = ("skipped", "baseline")  # what a claim counts as that need not be proved
Value = int | float | str | list["Value"]


@dataclass(frozen=True, slots=True)
class Counterexample:
    """Values inside the hypotheses at which the two sides certainly differ.

    Attributes:
        dimensions: the size of each dimension symbol.
        values: the value of each free quantity, nested lists for vectors and matrices; exact fractions
            are written "1/3", and an arbitrary function is written as the one that was chosen.
        lhs, rhs: the two sides there, in decimals or exactly.
        entry: the place at which they differ, counted from 0; () for scalars.
        method: "exact" for rational arithmetic, "ball" for certified enclosures.
    """

    dimensions: dict[str, int]
    values: dict[str, Value]
    lhs: str
    rhs: str
    entry: tuple[int, ...] = ()
    method: str = "exact"


@dataclass(frozen=True, slots=True)
class Evidence:
    """How well both sides agree numerically; it never decides a verdict.

    Attributes:
        method: how derivatives were taken, e.g. "central differences".
        sizes: the dimensions tried, each a mapping from symbol to size.
        samples: how many points were evaluated in all.
        max_error: the largest difference between the sides, relative to max(1, |value|).
        tolerance: what the error estimates allow at the worst place.
        agrees: True, False, or None where rounding drowns the answer.
        seed: reproduces the points.
    """

    method: str
    sizes: tuple[dict[str, int], ...]
    samples: int
    max_error: float
    tolerance: float
    agrees: bool | None
    seed: int


@dataclass(frozen=True, slots=True)
class Repair:
    """A change that the kernel has proved to mend a false step."""

    kind: str
    latex: str
    message: str


@dataclass(slots=True)
class Step:
    """One relation sign of a document, or one step of a derivation.

    Attributes:
        line, column: where the sign stands in the file, counted from 1.
        lhs, rhs: the two sides as they are written.
        dimensions: the symbols for all of whose sizes a proved claim holds.
        uses, conditions: the hypotheses that a proof needs, and what must not vanish or must be positive.
        guaranteed: those of the conditions that the definitions see to.
        layout: how its derivatives are arranged; "any" where it has none.
        code, message: which diagnostic it is (see derive.diagnostics), and what is wrong, in words.
        reading: how the step was understood.
        by_entries, in_matrices: the same in components, and in matrices, where it is written otherwise.
        place, expected: of what is unread, where the trouble is, and what might have stood there.
        residual: of what is unknown, what is left of lhs - rhs.
        misfit: of what is refuted by shapes, the dimensions that would have to be equal.
        skipped: why the author wants the claim passed over although it is not proved.
        known: whether it is in the baseline of faults that are let pass.
    """

    line: int
    column: int
    kind: str  # "claim" | "definition" | "given" | "declaration"
    relation: str
    lhs: str
    rhs: str
    verdict: Verdict | None = None
    dimensions: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    layout: str | None = None
    rule: str | None = None
    code: str | None = None
    message: str | None = None
    reading: str | None = None
    by_entries: str | None = None
    in_matrices: str | None = None
    repair: Repair | None = None
    counterexample: Counterexample | None = None
    numeric: Evidence | None = None
    cell: int | None = None
    explicit: tuple[tuple[str, ...], ...] = ()  # the right side written out, for concrete sizes
    place: tuple[int, int] | None = None
    expected: str | None = None
    residual: str | None = None
    guaranteed: frozenset[str] = frozenset()
    misfit: tuple[tuple[Dimension, Dimension], ...] = ()
    skipped: str | None = None
    known: bool = False

    @property
    def is_fault(self) -> bool:
        """Whether it is a claim that is not proved, and that nobody has excused."""
        excused = self.skipped is not None or self.known
        return self.kind == "claim" and self.verdict is not Verdict.PROVED and not excused


@dataclass(frozen=True, slots=True)
class Note:
    """A remark on a document, beside its steps: where it belongs, and what it says."""

    line: int
    column: int
    message: str
    code: str | None = None


@dataclass(slots=True, repr=False)
class Report:
    """The steps of one document, in order.

    Attributes:
        path: how the document is called.
        layout: of its derivatives; "mixed" where some are read one way and some the other.
        notes: remarks, such as two errors that cancel.
        error: why it could not be opened or checked; there are no steps then.
        source: its text, from which an excerpt is shown.
        words: its names of several letters, which a formula shows as one name.
        whole: whether nothing was cut short, by the clock or by what went wrong; only then would it be the
            same the next time.
        certificate: its claims as terms, where that is asked for (see derive.certificate).
    """

    path: str
    layout: str | None
    steps: list[Step] = field(default_factory=list)
    title: str = ""
    notes: list[Note] = field(default_factory=list)
    error: str | None = None
    source: str = field(default="", repr=False)
    words: frozenset[str] = frozenset()
    whole: bool = True
    certificate: list[dict[str, Any]] = field(default_factory=list, repr=False)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """How a notebook shows it: a row for each claim."""
        from derive.render.html import report_cell  # loaded where a notebook asks for it

        return {"text/html": report_cell(self), "text/plain": str(self)}

    @property
    def counts(self) -> dict[str, int]:
        """How many claims got each verdict, and how many statements of other kinds there are.

        A claim that is skipped, or is in the baseline, counts as that and not by its verdict.
        """
        keys = ("proved", "refuted", "unknown", "unread", "definition", "given", "declaration")
        found = [
            step.kind
            if step.kind != "claim"
            else "skipped"
            if step.skipped is not None
            else "baseline"
            if step.known
            else str(step.verdict)
            for step in self.steps
        ]
        return {key: found.count(key) for key in (*keys, *EXCUSED) if key in keys or key in found}

    def notes_by_place(self) -> dict[tuple[int, int], list[Note]]:
        """The remarks, by the line and column that they belong to."""
        found: dict[tuple[int, int], list[Note]] = {}
        for note in self.notes:
            found.setdefault((note.line, note.column), []).append(note)
        return found

    def __str__(self) -> str:
        from derive.render.report import Style, report_text  # loaded only where something is printed

        return report_text(self, Style(verbose=True)).rstrip("\n")

    def __repr__(self) -> str:
        return str(self)
