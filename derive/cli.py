"""The command line.

    derive list                       the ready derivations, a line each
    derive show NAME                  one of them, every step judged now

Exit status: 0 when every claim is proved, 1 when one is not, 2 for bad usage or what cannot be opened.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

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
    classes: Annotated[Optional[int], typer.Option(help="A number for c, the number of classes.")] = None,  # noqa: UP045 (typer)
    features: Annotated[Optional[int], typer.Option(help="A number for d, the number of features.")] = None,  # noqa: UP045
    form: Annotated[Format, typer.Option("--format", help="What to print.")] = Format.text,
    output: Annotated[Optional[Path], typer.Option("-o", "--output", help="A file to write to.")] = None,  # noqa: UP045
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
    given: Annotated[Optional[list[Path]], typer.Option(help="A file with statements, one a line.")] = None,  # noqa: UP045
    form: Annotated[Format, typer.Option("--format", help="What to print.")] = Format.text,
    layout: Annotated[Optional[LayoutName], typer.Option(help="How derivatives are arranged.")] = None,  # noqa: UP045
) -> None:
    """Check every equation of a document."""
    from derive import documents

    reports = documents.check_files(files, given or [], layout.value if layout else None)
    if form is Format.json:
        from derive.render.json import reports_json

        write(reports_json(reports), None)
    else:
        for report in reports:
            for step in report.steps:
                if step.kind == "claim" and step.verdict != "proved":
                    typer.echo(
                        f"{report.path}:{step.line}:{step.column}: {step.verdict}: {step.code or ''} {step.message or ''}"
                    )
            typer.echo(f"{report.path}: {report.counts}")


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
        file=StringIO(), width=terminal.width, force_terminal=terminal.is_terminal, no_color=terminal.no_color,
        color_system=terminal.color_system if terminal.is_terminal else None,  # type: ignore[arg-type]
    )  # fmt: skip
    show_derivation(derivation, buffer, reading)
    return buffer.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def write(text: str, output: Path | None) -> None:
    """To a file, or to standard output as UTF-8."""
    if output is None:
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as trouble:
        fail(f"cannot write {output}: {trouble.strerror or trouble}")


def fail(message: str) -> None:
    """One line to standard error, and exit status 2."""
    typer.echo(f"derive: {message}", err=True)
    raise typer.Exit(2)


def main() -> None:
    """The console script."""
    try:
        app()
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
