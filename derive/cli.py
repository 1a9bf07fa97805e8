"""The command line.

    derive list                       the ready derivations, a line each
    derive show NAME                  one of them, every step judged now
    derive check FILE...              documents: a verdict on every equation, and what is wrong with it
    derive prove EQUATION             the verdict on one equation
    derive explain CODE               what a diagnostic means, with an example

Exit status: 0 when every claim is proved, 1 when one is not, 2 for bad usage or what cannot be opened.

What a command needs is imported in it, since start-up is most of what a short run takes: no command but
`show` loads SymPy, and `check` colours its report without rich.
"""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from derive.render.report import Style
    from derive.report import Report

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A verifier for matrix-calculus derivations.",
    rich_markup_mode=None,
)


class LayoutName(StrEnum):
    """How the entries of a derivative are arranged."""

    denominator = "denominator"
    numerator = "numerator"


class Format(StrEnum):
    """What is printed."""

    text = "text"
    latex = "latex"
    markdown = "markdown"
    json = "json"


class ReportFormat(StrEnum):
    """How a report is printed."""

    text = "text"
    json = "json"
    markdown = "markdown"


class ProofFormat(StrEnum):
    """How the verdict on one equation is printed."""

    text = "text"
    json = "json"


class Tolerated(StrEnum):
    """A verdict that does not make the exit status 1."""

    unknown = "unknown"
    unread = "unread"


LayoutOption = Annotated[LayoutName | None, typer.Option(help="How derivatives are arranged.")]
TimeoutOption = Annotated[float, typer.Option(metavar="SECONDS", help="How long one claim may take.")]


@app.command("list")
def list_derivations() -> None:
    """List the ready derivations."""
    from derive import catalogue

    names = catalogue.documents()
    width = max(map(len, names))
    for name in names:
        typer.echo(f"{name:<{width}}  {catalogue.title(name)}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A derivation, as `derive list` names it.")],
    layout: Annotated[
        LayoutName, typer.Option(help="How derivatives are arranged.")
    ] = LayoutName.denominator,
    classes: Annotated[int | None, typer.Option(help="A number for c, the number of classes.")] = None,
    features: Annotated[int | None, typer.Option(help="A number for d, the number of features.")] = None,
    form: Annotated[Format, typer.Option("--format", help="What to print.")] = Format.text,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A file to write to.")] = None,
) -> None:
    """Print a ready derivation, with every step proved and cross-checked now."""
    from derive import catalogue

    sizes: dict[str, int] = {}
    for symbol, option, size in (("c", "--classes", classes), ("d", "--features", features)):
        if size is not None:
            if not 1 <= size <= 12:
                fail(f"{option} is a number from 1 to 12, not {size}")
            sizes[symbol] = size
    try:
        derivation = catalogue.load(name, layout.value, sizes)
    except catalogue.UnknownDerivation as trouble:
        fail(f"{trouble}; `derive list` names them all")
    write(_rendered(derivation, form), output)
    raise typer.Exit(0 if derivation.proved else 1)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Documents: .md, .tex or .ipynb, or folders of them.")],
    given: Annotated[
        list[Path] | None, typer.Option(help="A file with statements, one a line; repeatable.")
    ] = None,
    layout: LayoutOption = None,
    form: Annotated[ReportFormat, typer.Option("--format", help="What to print.")] = ReportFormat.text,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show proved claims, too.")] = False,
    show_reading: Annotated[bool, typer.Option(help="Show how each step was understood.")] = False,
    timeout: TimeoutOption = 10.0,
    allow: Annotated[
        list[Tolerated] | None, typer.Option(help="A verdict that does not fail the check; repeatable.")
    ] = None,
) -> None:
    """Check every equation of documents: Markdown, LaTeX, notebooks."""
    from derive import documents

    _demand_time(timeout)
    try:
        stated = documents.given_files(given or [])
    except documents.Unopenable as trouble:
        fail(str(trouble))
    found = documents.check_files(files, stated, layout.value if layout else None, timeout)
    reports: list[Report] = []
    if form is ReportFormat.text:
        from derive.render.report import given_text, report_text, totals_text

        style = _style(verbose, show_reading)
        for report in stated.reports:
            write(given_text(report, style))
        for report in found:  # each as soon as it is ready
            reports.append(report)
            write(report_text(report, style))
        write(totals_text([*reports], style))
    elif form is ReportFormat.markdown:
        from derive.render.markdown import reports_markdown

        reports += found
        write(reports_markdown(reports, stated.reports))
    else:
        from derive.render.json import reports_json

        reports += found
        write(reports_json(reports, stated.reports))
    raise typer.Exit(_status([*stated.reports, *reports], allow or []))


@app.command()
def prove(
    equation: Annotated[str, typer.Argument(help="An equation, or a chain of them, in LaTeX.")],
    given: Annotated[
        list[str] | None, typer.Option(help="A declaration, definition or hypothesis; repeatable.")
    ] = None,
    layout: LayoutOption = None,
    form: Annotated[ProofFormat, typer.Option("--format", help="What to print.")] = ProofFormat.text,
    show_reading: Annotated[bool, typer.Option(help="Show how the equation was understood.")] = False,
    timeout: TimeoutOption = 10.0,
) -> None:
    r"""Prove one equation, such as '\frac{\partial x^T x}{\partial x} = 2 x', or refute it."""
    from derive import documents

    _demand_time(timeout)
    stated = documents.given_statements(given or [])
    report = documents.check_equation(equation, stated, layout.value if layout else None, timeout)
    claims = [step for step in report.steps if step.kind == "claim"]
    if form is ProofFormat.json:
        from derive.render.json import proof_json

        write(proof_json(report, stated.reports))
    else:
        from derive.render.report import claims_text, given_text

        style = _style(True, show_reading)
        for trouble in stated.reports:
            write(given_text(trouble, style))
        if report.error is None and claims:
            write(claims_text(report, style))
    if report.error is not None:
        fail(report.error)
    if not claims:
        fail(
            "this is not an equation that claims something; what defines or declares a symbol goes in --given"
        )
    raise typer.Exit(_status([*stated.reports, report], []))


@app.command()
def explain(
    code: Annotated[
        str | None, typer.Argument(help="A code such as D012; all of them if none is named.")
    ] = None,
) -> None:
    """Explain a diagnostic: what it means, why, a document that provokes it, and one that is right."""
    from derive import diagnostics
    from derive.render.report import diagnostic_text

    if code is None:
        write("".join(f"{entry.code}  {entry.title}\n" for entry in diagnostics.DIAGNOSTICS.values()))
        return
    try:
        entry = diagnostics.explain(code)
    except diagnostics.UnknownCode as trouble:
        fail(f"{trouble}; `derive explain` lists them all")
    write(diagnostic_text(entry, _style()))


def _status(reports: Sequence[Report], allow: Sequence[str]) -> int:
    """The exit status that these reports call for."""
    if any(report.error is not None for report in reports):
        return 2
    bad = {"refuted", "unknown", "unread"} - {str(verdict.value) for verdict in map(Tolerated, allow)}
    return int(
        any(step.verdict in bad for report in reports for step in report.steps if step.kind == "claim")
    )


def _demand_time(seconds: float) -> None:
    if not 0 < seconds < 1e6:
        fail(f"--timeout is a number of seconds above 0, not {seconds:g}")


def _style(verbose: bool = False, reading: bool = False) -> Style:
    """For the terminal that standard output is, or for a pipe."""
    from shutil import get_terminal_size

    from derive.render.report import Style

    is_terminal = sys.stdout.isatty()
    columns = get_terminal_size((100, 24)).columns
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return Style(max(40, min(columns, 200)), is_terminal and not plain, verbose, reading)


def _rendered(derivation: object, form: Format) -> str:
    from derive.derivation import Derivation

    assert isinstance(derivation, Derivation)
    if form is Format.json:
        from derive.render.json import derivation_json

        return derivation_json(derivation)
    if form is Format.latex:
        from derive.render.latex import derivation_latex

        return derivation_latex(derivation)
    if form is Format.markdown:
        from derive.render.markdown import derivation_markdown

        return derivation_markdown(derivation)
    from io import StringIO

    from rich.console import Console

    from derive.render.terminal import show_derivation
    from derive.rules import RULES

    reading = {rule.name: getattr(rule, derivation.layout or "denominator") for rule in RULES.values()}
    terminal = Console()
    buffer = Console(
        file=StringIO(), width=terminal.width, force_terminal=terminal.is_terminal,
        no_color=terminal.no_color,
        color_system=terminal.color_system if terminal.is_terminal else None,  # type: ignore[arg-type]
    )  # fmt: skip
    show_derivation(derivation, buffer, reading)
    return buffer.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def write(text: str, output: Path | None = None) -> None:
    """To a file, or to standard output as UTF-8; what UTF-8 does not have is escaped."""
    if output is None:
        if text:
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
            sys.stdout.write(text if text.endswith("\n") else text + "\n")
            sys.stdout.flush()
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as trouble:
        fail(f"cannot write {output}: {trouble.strerror or trouble}")


def fail(message: str) -> NoReturn:
    """One line to standard error, and exit status 2."""
    line = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in message)
    sys.stderr.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    typer.echo(f"derive: {line}", err=True)
    raise typer.Exit(2)


def main() -> None:
    """The console script."""
    try:
        app()
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
