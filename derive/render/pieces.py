"""The parts that pages and notebook cells are made of: marks, formulas, steps, counterexamples.

Every method returns HTML in which all text of a document is escaped. A verdict is always told in words, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from types import MappingProxyType

from derive.reader.latex import BUILTIN_WORDS
from derive.render.language import Language, message, rule_name, say
from derive.render.mathml import mathml, source, visible
from derive.render.report import count_text
from derive.report import BY_DEFINITION, Counterexample, Evidence, Note, Step, Value, Verdict

MARKS = {"proved": "✓", "refuted": "✗", "unknown": "?", "unread": "–"}
_SYMPY = re.compile(r"(?<![\\A-Za-z])(?:Eq|Ne|Sum|Gt|Ge|Lt|Le)\(|\*\*|\w[<>]=")
Notes = Mapping[tuple[int, int], Sequence[Note]]
_LARGEST_TABLE = 400  # entries of a value that are laid out; a larger one is written in a line


@dataclass(frozen=True, slots=True)
class Pieces:
    """Writes parts of a page.

    Attributes:
        language: of everything that derive says.
        words: names of several letters that formulas set as one name.
        rules: for the rules that the page states, where.
    """

    language: Language = "en"
    words: frozenset[str] = frozenset()
    rules: Mapping[str, str] = field(default_factory=dict)

    # ------------------------------------------------------------------ words and formulas

    def say(self, phrase: str, /, **fields: object) -> str:
        """A phrase in the page's language; the fields are HTML."""
        return escape(say(self.language, phrase), quote=False).format_map(fields)

    def text(self, words: str) -> str:
        """What derive composed about a document: translated where there is a translation, and escaped."""
        return message(self.language, words, _shown, self.formula)

    def formula(self, latex: str, display: bool = False) -> str:
        """LaTeX as MathML."""
        return mathml(latex, display, self.words | BUILTIN_WORDS)

    def formulas(self, several: Iterable[str]) -> str:
        """Hypotheses or conditions in a row of text; those that came from SymPy are shown as they are."""
        return ", ".join(source(one) if _SYMPY.search(one) else self.formula(one) for one in several)

    # ------------------------------------------------------------------ marks

    def mark(self, step: Step, anchor: str = "") -> str:
        """The verdict on a step, or what kind of statement it is."""
        verdict = str(step.verdict) if step.kind == "claim" and step.verdict is not None else None
        label = f' id="{anchor}"' if anchor else ""
        if verdict is None:
            return f'<span class="mark other"{label}>{self.say(step.kind)}</span>'
        sign = f'<span aria-hidden="true">{MARKS[verdict]}</span>'
        mark = f'<span class="mark {verdict}"{label}>{sign} {self.say(verdict)}</span>'
        excused = "skipped" if step.skipped is not None else "in the baseline" if step.known else ""
        return f'{mark} <span class="mark other">{self.say(excused)}</span>' if excused else mark

    def rule(self, name: str | None) -> str:
        """The rule that a step cites, with a link to its statement where the page has one."""
        if not name:
            return ""
        shown = escape(visible(rule_name(self.language, name)), quote=False)
        at = self.rules.get(name)
        return f'<a class="rule" href="#{at}">{shown}</a>' if at else f'<span class="rule">{shown}</span>'

    def counts(self, counts: Mapping[str, int]) -> str:
        """How many claims got which verdict, in words."""
        return _shown(count_text(counts, self.language))

    # ------------------------------------------------------------------ steps

    def findings(self, steps: Sequence[tuple[str, Step]], notes: Notes = MappingProxyType({})) -> str:
        """What is to be said of some steps, each with a label: what is not proved first, and open.

        Args:
            steps: a label for each, such as its number in a chain, and the step.
            notes: the remarks of the report by their places.
        """
        claims = [(label, step) for label, step in steps if step.kind == "claim"]
        proved = [(label, step) for label, step in claims if step.verdict is Verdict.PROVED]
        parts = [
            self.problem(label, step, notes.get((step.line, step.column), ()))
            for label, step in claims
            if step.verdict is not Verdict.PROVED
        ]
        if len(proved) == 1:
            step = proved[0][1]
            head, more = self.extent(step), self.remarks(step)
            whole = f'<details class="step proved"><summary>{head}</summary>{more}</details>'
            parts.append(whole if more else f'<div class="plainly">{head}</div>')
        elif proved:
            head = self.say("{total} steps proved", total=len(proved))
            rows = "".join(self.proved(label, step) for label, step in proved)
            parts.append(f'<details class="step proved"><summary>{head}</summary>{rows}</details>')
        return f'<div class="findings">{"".join(parts)}</div>' if parts else ""

    def proved(self, label: str, step: Step) -> str:
        """Why a step holds: for which sizes, by which rule, under which hypotheses."""
        head = f'<span class="label">{label}</span> {self.extent(step)}'
        return f'<div class="row"><div>{head}</div>{self.remarks(step)}</div>'

    def extent(self, step: Step) -> str:
        """For which sizes a step is proved, and by which rule."""
        head = self.say("proved")
        if step.dimensions:
            sizes = ", ".join(map(self.formula, step.dimensions))
            head += " " + self.say("for all {sizes}", sizes=sizes)
        return head + (f" · {self.rule(step.rule)}" if step.rule else "")

    def problem(self, label: str, step: Step, notes: Sequence[Note] = ()) -> str:
        """What is wrong with a step, or keeps it from being decided, and what would mend it."""
        head = f'<span class="label">{label}</span> ' if label else ""
        head += self.mark(step)
        if step.code:
            head += f' <span class="code">{escape(step.code)}</span>'
        if step.message:
            head += f' <span class="message">{self.text(step.message)}</span>'
        body = [f'<div class="place">{self.place(step)}</div>', self.sides(step), self.remarks(step)]
        if step.counterexample is not None:
            body.append(self.counterexample(step.counterexample))
        if step.repair is not None:
            body.append(self.repair(step))
        body += [self.note(note) for note in notes]
        verdict = str(step.verdict or Verdict.UNKNOWN)
        is_open = " open" if step.is_fault else ""
        return f'<details class="step {verdict}"{is_open}><summary>{head}</summary>{"".join(body)}</details>'

    def place(self, step: Step) -> str:
        """Where a step stands in its file."""
        line, column = step.place or (step.line, step.column)
        if step.cell is not None:
            return self.say(
                "cell {cell}, line {line}, column {column}", cell=step.cell, line=line, column=column
            )
        return self.say("line {line}, column {column}", line=line, column=column)

    def sides(self, step: Step) -> str:
        """The step as a formula, unless its reading says it; as its source where it could not be read."""
        if step.reading:
            return ""
        if step.verdict is Verdict.UNREAD:
            body = source(f"{step.lhs} {step.relation} {step.rhs}".strip())
        else:
            body = self.formula(f"{step.lhs} {step.relation} {step.rhs}", True)
        return f'<div class="formula">{body}</div>'

    def remarks(self, step: Step) -> str:
        """Hypotheses, conditions, what was expected, the numeric check, and a matrix written out."""
        rows = [f"<dt>{label}</dt><dd>{said}</dd>" for label, said in self._remarks(step)]
        return f"<dl>{''.join(rows)}</dl>" if rows else ""

    def _remarks(self, step: Step) -> Iterator[tuple[str, str]]:
        if step.verdict is Verdict.PROVED and step.message:
            yield self.say("note"), self.text(step.message)
        if step.skipped is not None:
            yield self.say("skipped"), _shown(step.skipped)
        if step.expected:
            said = self.text(step.expected)
            yield self.say("expected"), said if said != _shown(step.expected) else source(step.expected)
        if step.reading and step.verdict is not Verdict.PROVED:
            yield self.say("read as"), self.formula(step.reading)
        if step.uses:
            yield self.say("uses"), self.formulas(step.uses)
        if step.conditions:
            conditions = (
                self.say(BY_DEFINITION, condition=self.formula(c))
                if c in step.guaranteed
                else self.formula(c)
                for c in step.conditions
            )
            yield self.say("where"), ", ".join(conditions)
        if step.residual and step.verdict is Verdict.UNKNOWN:
            left = self.formula(step.residual)
            yield self.say("left over"), self.say("{left}, which is not shown to be 0", left=left)
        if step.numeric is not None and step.verdict is not Verdict.REFUTED:
            yield self.say("numbers"), self.numbers(step, step.numeric)
        if step.explicit:
            yield self.say("written out"), self.matrix(step.explicit)

    def numbers(self, step: Step, found: Evidence) -> str:
        """How well both sides agree in numbers."""
        fields = {"error": f"{found.max_error:.0e}", "samples": found.samples}
        if found.agrees is None:
            return self.say("rounding drowns the answer")
        if step.verdict is Verdict.PROVED:
            method = self.text(found.method)
            if not found.max_error:
                return self.say("{method}: no difference in {samples} samples", method=method, **fields)
            return self.say("{method}: at most {error} apart in {samples} samples", method=method, **fields)
        if not found.agrees:
            return self.say("the sides seem to differ, but no counterexample could be certified")
        if step.relation == "=":
            return self.say(
                "both sides agree up to {error} in {samples} samples; that proves nothing", **fields
            )
        return self.say("it holds in {samples} samples; that proves nothing", **fields)

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        """A matrix of formulas."""
        cells = "".join(
            f"<tr>{''.join(f'<td>{self.formula(cell)}</td>' for cell in row)}</tr>" for row in rows
        )
        return f'<div class="scroll"><table class="matrix">{cells}</table></div>'

    def note(self, note: Note) -> str:
        """A remark on the document."""
        code = f' <span class="code">{escape(note.code)}</span>' if note.code else ""
        return f'<p class="note"><b>{self.say("note")}</b>{code} {self.text(note.message)}</p>'

    def repair(self, step: Step) -> str:
        """What would make a step true; the kernel has proved that it would."""
        assert step.repair is not None
        kind = step.repair.kind
        said = step.repair.message
        formula = ""
        if kind != "layout" and step.repair.latex not in said:
            formula = f'<div class="formula">{self.formula(step.repair.latex, True)}</div>'
        return f'<p class="help"><b>{self.say("help")}</b> {self.text(said)}</p>{formula}'

    # ------------------------------------------------------------------ counterexamples

    def counterexample(self, found: Counterexample) -> str:
        """The values at which the sides differ, as a table."""
        sizes = ", ".join(self.formula(f"{name} = {size}") for name, size in found.dimensions.items())
        if found.method == "shape":
            said = self.say(
                "for {sizes}: {left} against {right}",
                sizes=sizes, left=self.text(found.lhs), right=self.text(found.rhs),
            )  # fmt: skip
            return f'<p class="counter"><b>{self.say("counterexample")}</b> {said}</p>'
        place = ""
        if found.entry:
            place = self.say("entry {place}", place=", ".join(str(k + 1) for k in found.entry))
        caption = ", ".join(part for part in (sizes, place) if part) or self.say("at this point")
        rows = [
            f"<tr><th scope=row>{self.formula(name)}</th><td>{self.value(value)}</td></tr>"
            for name, value in found.values.items()
        ]
        rounded = ""
        if found.method == "ball":
            rounded = f" <small>{self.say('(rounded; certified by ball arithmetic)')}</small>"
        for side, value, more in (("left side", found.lhs, ""), ("right side", found.rhs, rounded)):
            said = _figure(value)
            rows.append(f'<tr class="side"><th scope=row>{self.say(side)}</th><td>{said}{more}</td></tr>')
        head = f"<caption><b>{self.say('counterexample')}</b> {caption}</caption>"
        return f'<div class="scroll"><table class="counter">{head}{"".join(rows)}</table></div>'

    def value(self, value: Value) -> str:
        """A number, a vector as a row, a matrix as a table, a function by its formula."""
        if isinstance(value, str) and "=" in value:
            return "; ".join(self.formula(part.strip()) for part in value.split(";"))
        if not isinstance(value, list):
            return _figure(str(value))
        rows = value if value and all(isinstance(row, list) for row in value) else [value]
        entries = [entry for row in rows if isinstance(row, list) for entry in row]
        if len(entries) > _LARGEST_TABLE or any(isinstance(entry, list) for entry in entries):
            return escape(visible(str(value).replace("'", "")), quote=False)
        cells = "".join(
            f"<tr>{''.join(f'<td>{_figure(str(entry))}</td>' for entry in row)}</tr>"
            for row in rows
            if isinstance(row, list)
        )
        if rows[0] is value:
            return f"({', '.join(_figure(str(entry)) for entry in value)})"
        return f'<table class="matrix">{cells}</table>'


def _shown(text: str) -> str:
    """Text as HTML."""
    return escape(visible(text), quote=False)


def _figure(number: str) -> str:
    """A number as HTML, with a minus sign in the place of a hyphen."""
    return re.sub(r"(?<!\w)-(?=\d)", "−", _shown(number))
