"""Pages that open without a network and without a script: formulas in MathML, folds and switch in plain HTML.

    derivations_html(derivations, layout)   a ready derivation, with a switch where there are two layouts
    reports_html(reports)                   documents, annotated, each with its ledger
    derivation_cell, report_cell, proof_cell   tables for a notebook's cell

A page holds everything that it shows; its content policy lets it load nothing and run nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from derive.render.annotated import Annotated
from derive.render.language import Language, engines_phrase, rule_name, title
from derive.render.latex import chains
from derive.render.mathml import visible
from derive.render.pieces import Pieces
from derive.render.report import NOUNS
from derive.report import Report, Step, Verdict
from derive.rules import RULES

if TYPE_CHECKING:
    from derive.algebra import Proof
    from derive.derivation import Derivation

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@cache
def _style(name: str) -> str:
    return files("derive.render").joinpath(name).read_text(encoding="utf-8").strip()


def _page(title_text: str, body: str, language: Language) -> str:
    """A whole page; the title is text, the body HTML."""
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(visible(title_text), quote=False)}</title>\n"
        f"<style>\n{_style('page.css')}\n</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


# ── documents ──────────────────────────────────────────────────────────────────────────────────────────────


def reports_html(reports: Sequence[Report], given: Sequence[Report] = (), language: Language = "en") -> str:
    """A page with several documents, each annotated.

    Args:
        given: statements that cannot be read, in the files that hold for all documents.
    """
    pieces = Pieces(language)
    sections = [_given(report, Pieces(language, report.words)) for report in given]
    sections += [_document(report, f"d{number}", language) for number, report in enumerate(reports, 1)]
    contents = _contents(reports, pieces) if len(reports) != 1 else ""
    heading = reports[0].path if len(reports) == 1 else "derive check"
    body = f"{contents}\n{''.join(sections)}\n{_legend(pieces)}"
    return _page(f"{heading} · derive" if len(reports) == 1 else heading, body, language)


def _contents(reports: Sequence[Report], pieces: Pieces) -> str:
    """A table of the documents."""
    head = "".join(f"<th scope=col>{pieces.say(verdict)}</th>" for verdict in Verdict)
    rows = []
    for number, report in enumerate(reports, 1):
        cells = "".join(_number(report.counts[verdict], verdict) for verdict in Verdict)
        if report.error is not None:
            cells = f'<td class="refuted" colspan={len(Verdict)}>{pieces.say("error")}</td>'
        name = escape(visible(report.path), quote=False)
        rows.append(f'<tr><th scope=row><a href="#d{number}">{name}</a></th>{cells}</tr>')
    return (
        f'<h1>derive check</h1><div class="scroll" tabindex="0"><table class="plain contents">'
        f"<thead><tr><th scope=col>{pieces.say('document')}</th>{head}</tr></thead>"
        f"{''.join(rows)}</table></div>"
    )


def _number(count: int, verdict: str) -> str:
    return f'<td class="{verdict}">{count}</td>' if count else "<td>0</td>"


def _document(report: Report, prefix: str, language: Language) -> str:
    pieces = Pieces(language, report.words)
    name = escape(visible(report.path), quote=False)
    if report.error is not None:
        error = f'<p class="error"><b>{pieces.say("error")}</b> {pieces.text(report.error)}</p>'
        return f'<section class="document" id="{prefix}"><h1>{name}</h1>{error}</section>'
    annotated = Annotated(report, pieces, prefix).html()
    return (
        f'<section class="document" id="{prefix}"><header><h1>{name}</h1>{_outcome(report, pieces)}</header>'
        f'<article class="text">{annotated}</article>{_ledger(report, pieces, prefix)}</section>'
    )


def _outcome(report: Report, pieces: Pieces, has_layout: bool = True) -> str:
    """What a document comes to, in a row of words, with its layout where that is not said already."""
    counts = report.counts
    chips = "".join(
        f'<li class="mark {verdict}">{counts[verdict]} {pieces.say(verdict)}</li>'
        for verdict in Verdict
        if counts[verdict]
    )
    chips += "".join(
        f'<li class="mark other">{counts[kind]} {pieces.say(said)}</li>'
        for kind, said in (("skipped", "skipped"), ("baseline", "in the baseline"))
        if counts.get(kind)
    )
    chips = chips or f'<li class="mark other">{pieces.say("no claims")}</li>'
    layout = ""
    if report.layout and has_layout:
        layout = f'<li class="mark other">{pieces.say(f"{report.layout} layout")}</li>'
    return f'<ul class="outcome">{chips}{layout}</ul>'


def _given(report: Report, pieces: Pieces) -> str:
    steps = pieces.findings([("", step) for step in report.steps])
    return f"<section><h2>{escape(visible(report.path), quote=False)}</h2>{steps}</section>"


def _ledger(report: Report, pieces: Pieces, prefix: str) -> str:
    """What a document comes to: how many claims got which verdict, what it needs, its layout, and notes."""
    rows = [(pieces.say("claims"), pieces.counts(report.counts))]
    others = ", ".join(
        f"{report.counts[kind]} {pieces.say(NOUNS[kind] if report.counts[kind] != 1 else kind)}"
        for kind in ("declaration", "definition", "given")
        if report.counts[kind]
    )
    if others:
        rows.append((pieces.say("statements"), others))
    open_steps = [(number, step) for number, step in enumerate(report.steps) if step.is_fault]
    if open_steps:
        rows.append(
            (pieces.say("not proved"), "<br>".join(_open(n, s, pieces, prefix) for n, s in open_steps))
        )
    for number, (use, places) in enumerate(_needs(report).items()):
        label = pieces.say("needs") if not number else ""
        rows.append((label, f"{pieces.formula(use)} <small>{_links(places, report, pieces, prefix)}</small>"))
    rows += _layouts(report, pieces, prefix)
    at = {(step.line, step.column) for step in report.steps}
    rows += [
        (pieces.say("note"), pieces.text(note.message))
        for note in report.notes
        if (note.line, note.column) not in at
    ]
    body = "".join(f"<tr><th scope=row>{label}</th><td>{said}</td></tr>" for label, said in rows)
    return (
        f'<section class="ledger"><h2>{pieces.say("What it comes to")}</h2>'
        f'<div class="scroll" tabindex="0"><table>{body}</table></div></section>'
    )


def _open(number: int, step: Step, pieces: Pieces, prefix: str) -> str:
    code = f' <span class="code">{escape(step.code)}</span>' if step.code else ""
    said = f" {pieces.text(step.message)}" if step.message else ""
    place = f'<a href="#{prefix}s{number}">{pieces.place(step)}</a>'
    return f"{pieces.mark(step)} {place}{code}{said}"


def _needs(report: Report) -> Mapping[str, list[int]]:
    """Which hypotheses the proofs need, and in which steps."""
    needed: dict[str, list[int]] = {}
    for number, step in enumerate(report.steps):
        for use in step.uses:
            needed.setdefault(use, []).append(number)
    return needed


def _layouts(report: Report, pieces: Pieces, prefix: str) -> Iterator[tuple[str, str]]:
    """The layout, and the lines that are not in it."""
    found: dict[str, list[int]] = {}
    for number, step in enumerate(report.steps):
        if step.kind == "claim" and step.layout in ("numerator", "denominator"):
            found.setdefault(step.layout, []).append(number)
    if len(found) > 1 or report.layout == "mixed":
        yield pieces.say("layout"), pieces.say("mixed")
        for name, numbers in sorted(found.items()):
            yield "", f"{pieces.say(name)} <small>{_links(numbers, report, pieces, prefix)}</small>"
    elif found or report.layout:
        yield pieces.say("layout"), pieces.say(report.layout or next(iter(found)))


def _links(numbers: Sequence[int], report: Report, pieces: Pieces, prefix: str) -> str:
    """The lines of some steps, each with a link to the first of its steps."""
    first: dict[int, int] = {}
    for number in numbers:
        first.setdefault(report.steps[number].line, number)
    *links, last = [f'<a href="#{prefix}s{number}">{line}</a>' for line, number in first.items()]
    if not links:
        return pieces.say("in line {line}", line=last)
    return pieces.say("in lines {lines} and {last}", lines=", ".join(links), last=last)


def _legend(pieces: Pieces) -> str:
    """What the verdicts mean."""
    rows = "".join(
        f'<dt><span class="mark {verdict}">{pieces.say(verdict)}</span></dt><dd>{pieces.say(meaning)}</dd>'
        for verdict, meaning in (
            ("proved", "holds for every size and every value at which both sides are defined"),
            (
                "refuted",
                "false: a counterexample is shown, its inequality certified by exact or ball arithmetic",
            ),
            ("unknown", "neither could be shown; that both sides agree in numbers proves nothing"),
            ("unread", "this equation could not be read"),
        )
    )
    head = pieces.say("What the verdicts mean")
    return f"<footer><details><summary>{head}</summary><dl>{rows}</dl></details></footer>"


# ── derivations ────────────────────────────────────────────────────────────────────────────────────────────


def derivations_html(
    derivations: Sequence[Derivation], layout: str | None = None, language: Language = "en"
) -> str:
    """A page with one derivation, in one layout or in several.

    Args:
        derivations: the same derivation in each of its layouts.
        layout: the one that is shown first.
    """
    pieces = Pieces(language)
    chosen = next((d for d in derivations if d.layout == layout), derivations[0])
    inputs, labels, sections = "", "", ""
    for number, derivation in enumerate(derivations):
        name = derivation.layout or ""
        if len(derivations) > 1:
            checked = " checked" if derivation is chosen else ""
            inputs += (
                f'<input type="radio" name="layout" id="layout{number}" class="switch{number}"{checked}>'
            )
            labels += (
                f'<label for="layout{number}" class="for{number}">{pieces.say(f"{name} layout")}</label>'
            )
        sections += _derivation(derivation, number, language, len(derivations) == 1)
    if labels:
        labels = f'<div class="switch">{labels}</div>'
    heading = title(language, derivations[0].title or derivations[0].name)
    body = f"<h1>{escape(heading, quote=False)}</h1>{inputs}{labels}{sections}{_legend(pieces)}"
    return _page(f"{heading} · derive", body, language)


def _derivation(derivation: Derivation, number: int, language: Language, has_layout: bool) -> str:
    report = derivation.report
    prefix, kind = f"d{number}", f"version{number}"
    names = derivation.scope.shapes if derivation.scope is not None else ()
    words = frozenset(n for n in names if n.isalpha() and len(n) > 1)
    cited = list(dict.fromkeys(s.rule for s in derivation.steps if s.rule in RULES and s.rule is not None))
    pieces = Pieces(language, words, {name: f"{prefix}r{n}" for n, name in enumerate(cited)})
    if report.source:
        body = Annotated(report, pieces, prefix, 0, True).html()
    else:
        body = _chains(derivation.steps, pieces)
    layout = derivation.layout or "denominator"
    rules = "".join(
        f'<dt id="{pieces.rules[name]}">{escape(rule_name(language, name), quote=False)}</dt>'
        f'<dd><div class="formula" tabindex="0">{pieces.formula(getattr(RULES[name], layout), True)}</div>'
        f"<small>{escape(RULES[name].source, quote=False)}</small></dd>"
        for name in cited
    )
    if rules:
        rules = f'<section class="rules"><h2>{pieces.say("Rules")}</h2><dl>{rules}</dl></section>'
    return (
        f'<section class="document derivation {kind}"><header>{_outcome(report, pieces, has_layout)}</header>'
        f'<article class="text">{body}</article>{rules}{_checks(derivation, pieces)}</section>'
    )


def _checks(derivation: Derivation, pieces: Pieces) -> str:
    """The result, and what else than the kernel was asked."""
    rows = [
        (
            pieces.say("result"),
            f'<div class="formula" tabindex="0">{pieces.formula(result(derivation), True)}</div>',
        )
    ]
    rows.append((pieces.say("claims"), pieces.counts(derivation.report.counts)))
    for use, _ in _needs(derivation.report).items():
        rows.append((pieces.say("needs"), pieces.formula(use)))
    checks = [s.numeric for s in derivation.steps if s.numeric is not None]
    if checks:
        said = pieces.say(
            "{count} derivatives checked by {methods}; "
            "{samples} samples, largest error {error}, seed {seeds}",
            count=len(checks),
            methods=", ".join(pieces.text(method) for method in dict.fromkeys(e.method for e in checks)),
            samples=sum(e.samples for e in checks),
            error=f"{max(e.max_error for e in checks):.0e}",
            seeds=", ".join(dict.fromkeys(str(e.seed) for e in checks)),
        )
        rows.append((pieces.say("numbers"), said))
    agree, compared = derivation.engines
    if compared:
        rows.append(("SymPy", pieces.say(engines_phrase(agree, compared), agree=agree, compared=compared)))
    body = "".join(f"<tr><th scope=row>{label}</th><td>{said}</td></tr>" for label, said in rows)
    return (
        f'<section class="ledger"><h2>{pieces.say("What it comes to")}</h2>'
        f'<div class="scroll" tabindex="0"><table>{body}</table></div></section>'
    )


def result(derivation: Derivation) -> str:
    """What the last chain comes to: its beginning equals its end."""
    found = chains(derivation.steps)
    return f"{found[-1][0].lhs} = {found[-1][-1].rhs}" if found else derivation.result_latex


def _chains(steps: list[Step], pieces: Pieces) -> str:
    """The claims of a derivation that has no document, chain by chain, in tables."""
    return "".join(_table(chain, pieces) for chain in chains(steps))


# ── cells of notebooks ─────────────────────────────────────────────────────────────────────────────────────


def _cell(body: str) -> str:
    """A cell's output: a notebook shows many, so the style is short and bound to a class of its own."""
    return f'<div class="derive-cell"><style>{_style("cell.css")}</style>{body}</div>'


def _table(chain: Sequence[Step], pieces: Pieces) -> str:
    rows = [f"<tr><td colspan=3>{_formula(chain[0].lhs, pieces)}</td></tr>"]
    for step in chain:
        remarks = "".join(_remarks(step, pieces))
        formula = _formula(f"{step.relation} {step.rhs}", pieces)
        if step.explicit:
            formula += pieces.matrix(step.explicit)
        rows.append(
            f"<tr><td>{formula}</td><td>{pieces.rule(step.rule)}</td>"
            f"<td>{pieces.mark(step)}{remarks}</td></tr>"
        )
    head = "".join(f"<th scope=col>{pieces.say(name)}</th>" for name in ("step", "rule", "verdict"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _formula(latex: str, pieces: Pieces) -> str:
    """A formula in a table, which scrolls where it is too wide."""
    return f'<div class="formula">{pieces.formula(latex, True)}</div>'


def _remarks(step: Step, pieces: Pieces) -> Iterator[str]:
    """What stands beside the verdict in a table of steps."""
    if step.verdict is Verdict.PROVED and step.dimensions:
        yield " " + pieces.say("for all {sizes}", sizes=", ".join(map(pieces.formula, step.dimensions)))
    for label, formulas in (("uses", step.uses), ("where", step.conditions)):
        if formulas:
            yield f"<div>{pieces.say(label)} {pieces.formulas(formulas)}</div>"
    if step.message:
        yield f"<div>{pieces.text(step.message)}</div>"
    if step.counterexample is not None:
        yield pieces.counterexample(step.counterexample)
    if step.repair is not None:
        yield pieces.repair(step)


def derivation_cell(derivation: Derivation, language: Language = "en") -> str:
    """A derivation for a notebook: a table of steps for each chain, and the result."""
    names = derivation.scope.shapes if derivation.scope is not None else ()
    pieces = Pieces(language, frozenset(n for n in names if n.isalpha() and len(n) > 1))
    head = escape(title(language, derivation.title or derivation.name), quote=False)
    if derivation.layout in ("numerator", "denominator"):
        head += f" · {pieces.say(f'{derivation.layout} layout')}"
    counts = pieces.counts(derivation.report.counts)
    last = f"<p>{pieces.say('result')} {pieces.formula(result(derivation))} · {counts}</p>"
    return _cell(f"<p><b>{head}</b></p>{_chains(derivation.steps, pieces)}{last}")


def report_cell(report: Report, language: Language = "en") -> str:
    """A report for a notebook: a row for each claim."""
    pieces = Pieces(language, report.words)
    head = f"<p><b>{escape(visible(report.path), quote=False)}</b>: {pieces.counts(report.counts)}</p>"
    if report.error is not None:
        return _cell(f"{head}<p><b>{pieces.say('error')}</b> {pieces.text(report.error)}</p>")
    rows = "".join(
        f"<tr><td>{step.line}</td><td>{pieces.mark(step)}{''.join(_remarks(step, pieces))}</td>"
        f"<td>{_formula(f'{step.lhs} {step.relation} {step.rhs}', pieces)}</td></tr>"
        for step in report.steps
        if step.kind == "claim"
    )
    names = "".join(f"<th scope=col>{pieces.say(name)}</th>" for name in ("line", "verdict", "step"))
    table = f"<table><thead><tr>{names}</tr></thead><tbody>{rows}</tbody></table>" if rows else ""
    return _cell(head + table)


def proof_cell(proof: Proof, language: Language = "en") -> str:
    """The verdict on one equation for a notebook."""
    pieces = Pieces(language)
    verdict = Verdict(proof.verdict)
    step = Step(
        1, 1, "claim", "=", "", "", verdict, proof.dimensions, proof.uses, proof.conditions,
        message=proof.message, counterexample=proof.counterexample,
    )  # fmt: skip
    return _cell(f"<div>{pieces.mark(step)}{''.join(_remarks(step, pieces))}</div>")
