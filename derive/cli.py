"""The command line.

    derive list                       the ready derivations, a line each
    derive show NAME                  one of them, every step judged now
    derive check FILE...              documents: a verdict on every equation, and what is wrong with it
    derive recheck CERTIFICATE        what `derive check --certificate` wrote, confirmed by the kernel alone
    derive prove EQUATION             the verdict on one equation
    derive gradient EXPRESSION        the derivative of what somebody types, with its derivation, or as code
    derive gradcheck MODULE:FUNCTION  a function in Python beside the gradient that a derivation proves
    derive explain CODE               what a diagnostic means, with an example

Exit status: 0 when every claim is proved, 1 when one is not, 2 for bad usage or what cannot be opened.

Start-up is most of what a short run takes. So the command line is taken apart by argparse, each command
imports what it needs, no command but `show` loads SymPy or rich, and `explain` and `list` no NumPy either.
What a person reads is English or Chinese, as the locale says or `--lang`; what machines read is English.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from derive.baseline import Baseline
    from derive.cache import Cache
    from derive.derivation import Derivation
    from derive.documents import Settings
    from derive.expression import Layout
    from derive.render.language import Language
    from derive.render.report import Style
    from derive.report import Report

LAYOUTS = ("denominator", "numerator")
CODE = ("numpy", "torch", "jax", "sympy")
LARGEST_SIZE = 12
CONNECTING = 10  # seconds in which a scheduler must answer


class Failure(Exception):
    """Bad usage, or something that cannot be opened: one line for standard error, and exit status 2."""


# ── the commands ───────────────────────────────────────────────────────────────────────────────────────────


def list_derivations(options: argparse.Namespace) -> int:
    """List the ready derivations."""
    from derive import catalogue
    from derive.render.language import title

    names = catalogue.documents()
    width = max(map(len, names))
    titles = {name: title(options.lang, catalogue.title(name)) for name in names}
    write("".join(f"{name:<{width}}  {said}\n" for name, said in titles.items()))
    return 0


def show(options: argparse.Namespace) -> int:
    """Print a ready derivation, with every step proved and cross-checked now."""
    from derive import catalogue

    sizes: dict[str, int] = {}
    for symbol, option, size in (("c", "--classes", options.classes), ("d", "--features", options.features)):
        if size is not None:
            if not 1 <= size <= LARGEST_SIZE:
                raise Failure(f"{option} is a number from 1 to {LARGEST_SIZE}, not {size}")
            sizes[symbol] = size
    try:
        derivation = catalogue.load(options.name, options.layout, sizes)
    except catalogue.UnknownDerivation as trouble:
        raise Failure(f"{trouble} (`derive list` names them all)") from None
    if options.form == "html":
        write(_derivation_page(derivation, sizes, options.lang), options.output)
    else:
        write(_rendered(derivation, options.form, options.lang), options.output)
    return 0 if derivation.proved else 1


def check(options: argparse.Namespace) -> int:
    """Check every equation of documents: Markdown, LaTeX, notebooks."""
    from derive import documents, many
    from derive.render.progress import followed
    from derive.render.report import Tally, given_text, report_text, totals_text

    _configure(options)
    try:
        stated = documents.given_files(options.given)
    except documents.Unopenable as trouble:
        raise Failure(str(trouble)) from None
    shown = options.form != "text" or options.verbose  # only there is anything said of what is proved
    settings = documents.Settings(
        stated, options.layout, options.timeout, shown, options.certificate is not None,
        options.document_timeout, options.show_reading,
    )  # fmt: skip
    paths = list(documents.find(options.files))
    known = _baseline(options)
    in_pieces = options.form == "text"
    style = _style(options.verbose, options.show_reading, options.lang)
    pieces: list[str] = []  # what goes to a file is written in one piece
    tell = write if options.output is None else pieces.append
    tally = Tally()
    kept: list[Report] = []
    certified: list[dict[str, Any]] = []
    for report in stated.reports if in_pieces else ():
        tell(given_text(report, style))
    with ExitStack() as resources:
        executor, cache = _executor(options, settings, resources), _cache(options, resources)
        found = many.reports(paths, settings, executor, cache)
        same_terminal = in_pieces and options.output is None and sys.stdout.isatty()
        interrupted = False
        try:
            for report in followed(found, len(paths), same_terminal):  # each as soon as it is ready
                if known is not None:
                    known.apply(report)
                tally.add(report)
                if in_pieces:
                    tell(report_text(report, style))
                if not in_pieces or known is not None or options.write_baseline is not None:
                    kept.append(report)  # else nothing grows with the number of documents
                if settings.certify and report.error is None:
                    from derive.certificate import document

                    certified.append(document(report))
        except KeyboardInterrupt:
            interrupted = True
    if in_pieces:
        tell(totals_text(tally, style))
        if options.output is not None:
            write("".join(pieces), options.output)
    else:
        write(_reported(kept, stated.reports, options), options.output)
    if interrupted:
        left = len(paths) - tally.documents
        print(f"derive: interrupted: {left} of {len(paths)} documents were not checked", file=sys.stderr)
        return 130
    if options.certificate is not None:
        from derive.certificate import certificate

        write(certificate(certified), options.certificate)
    if options.write_baseline is not None:
        return _write_baseline(options, kept)
    if known is not None and (stale := known.stale(kept)):
        remark = f"{stale} {'entry of the baseline is' if stale == 1 else 'entries of the baseline are'}"
        print(f"derive: {remark} no longer needed; --write-baseline {known.path} drops them", file=sys.stderr)
    for report in stated.reports:
        tally.add(report)
    return 2 if tally.closed else int(bool(tally.faults.difference(options.allow)))


def _executor(options: argparse.Namespace, settings: Settings, resources: ExitStack) -> Executor | None:
    """Who checks the documents: a Dask cluster, processes, or nobody else."""
    if options.scheduler is not None:
        import logging
        from importlib import import_module

        try:
            dask: Any = import_module("distributed")
        except ImportError:
            raise Failure("--scheduler needs Dask: pip install 'derive-verifier[distributed]'") from None
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # the reports say what went wrong
        try:
            client = dask.Client(options.scheduler, timeout=CONNECTING, set_as_default=False)
        except (OSError, ValueError) as trouble:
            said = " ".join(str(trouble).split())
            raise Failure(f"cannot reach the scheduler {options.scheduler}: {said}") from None
        cluster: Executor = resources.enter_context(client).get_executor()
        return cluster
    if options.jobs is not None:
        from derive.many import processes

        workers = processes(options.jobs, settings)
        resources.callback(workers.shutdown, cancel_futures=True)
        return workers
    return None


def _cache(options: argparse.Namespace, resources: ExitStack) -> Cache | None:
    """Where reports are kept from run to run, unless that is not wanted."""
    if not options.cache:
        return None
    from derive.cache import Cache

    return resources.enter_context(Cache.of_user())


def recheck(options: argparse.Namespace) -> int:
    """Confirm a certificate that `derive check --certificate` wrote, with the kernel alone."""
    from derive.certificate import recheck as findings
    from derive.claims import Malformed

    confirmed = dict.fromkeys(("proved", "refuted", "unknown", "unread"), 0)
    troubles = 0
    try:
        for finding in findings(options.file):
            if finding.trouble is not None:
                troubles += 1
                write(
                    f"{finding.place}: {finding.verdict or 'certificate'}, not confirmed: {finding.trouble}"
                )
            elif finding.remark is not None:
                write(f"{finding.place}: {finding.remark}")
            elif finding.verdict is not None:
                confirmed[finding.verdict] += 1
    except OSError as trouble:
        raise Failure(f"cannot open {options.file}: {trouble.strerror or trouble}") from None
    except Malformed as trouble:
        raise Failure(f"{options.file} is not a certificate: {trouble}") from None
    said = f"{confirmed['proved']} proved and {confirmed['refuted']} refuted, confirmed"
    if troubles:
        said += f"; {troubles} not confirmed"
    if idle := confirmed["unknown"] + confirmed["unread"]:
        said += f"; {idle} unknown or unread, of which nothing is asserted"
    write(f"{options.file}: {said}")
    return int(troubles > 0)


def _reported(reports: Sequence[Report], given: Sequence[Report], options: argparse.Namespace) -> str:
    """Reports in a form that is written in one piece."""
    if options.form == "markdown":
        from derive.render.markdown import reports_markdown

        return reports_markdown(reports, given)
    if options.form == "sarif":
        from derive.render.sarif import reports_sarif

        return reports_sarif(reports, given, options.allow)
    if options.form == "github":
        from derive.render.github import reports_github

        return "\n".join(reports_github(reports, given, options.allow))
    if options.form == "html":
        from derive.render.html import reports_html

        return reports_html(reports, given, options.lang)
    from derive.render.json import reports_json

    return reports_json(reports, given)


def _configure(options: argparse.Namespace) -> None:
    """Fill in what the command line leaves open from [tool.derive]."""
    from derive import configuration
    from derive.documents import SECONDS

    try:
        project = configuration.load(Path()) if not options.isolated else configuration.Configuration()
    except configuration.Misconfigured as trouble:
        raise Failure(str(trouble)) from None
    options.files = options.files or project.paths
    options.given = options.given or project.given
    options.layout = options.layout or project.layout
    options.allow = options.allow or project.allow
    options.baseline = options.baseline or project.baseline
    options.timeout = options.timeout or project.timeout or SECONDS
    if not options.files:
        raise Failure(
            "no file is named, and no paths in [tool.derive] of a pyproject.toml; see `derive check --help`"
        )


def _baseline(options: argparse.Namespace) -> Baseline | None:
    """The faults that are let pass; a baseline that is yet to be written need not be there."""
    from derive.baseline import BadBaseline, Baseline

    renewed = options.write_baseline is not None and not (options.baseline and options.baseline.exists())
    if options.baseline is None or renewed:
        return None
    try:
        return Baseline.read(options.baseline)
    except BadBaseline as trouble:
        raise Failure(str(trouble)) from None


def _write_baseline(options: argparse.Namespace, reports: Sequence[Report]) -> int:
    """Write down the faults there are, and let them pass."""
    from derive.baseline import BadBaseline, write_baseline

    closed = next((report for report in reports if report.error is not None), None)
    if closed is not None:
        raise Failure(f"no baseline is written, for {closed.path} could not be checked: {closed.error}")
    try:
        count = write_baseline(options.write_baseline, reports, options.allow)
    except BadBaseline as trouble:
        raise Failure(str(trouble)) from None
    faults = "1 fault" if count == 1 else f"{count} faults"
    print(f"derive: {faults} written to {options.write_baseline}", file=sys.stderr)
    return 0


def prove(options: argparse.Namespace) -> int:
    """Prove one equation in LaTeX, or a chain of them, or refute it."""
    from derive import documents

    stated = documents.given_statements(options.given)
    report = documents.check_equation(
        options.equation, stated, options.layout, options.timeout, options.show_reading
    )
    claims = [step for step in report.steps if step.kind == "claim"]
    if options.form == "json":
        from derive.render.json import proof_json

        write(proof_json(report, stated.reports))
    else:
        from derive.render.report import claims_text, given_text

        style = _style(True, options.show_reading, options.lang)
        for trouble in stated.reports:
            write(given_text(trouble, style))
        if report.error is None and claims:
            write(claims_text(report, style))
    if report.error is not None:
        raise Failure(report.error)
    if not claims:
        raise Failure(
            "this is not an equation that claims something; what defines or declares a symbol goes in --given"
        )
    return _status([*stated.reports, report], [])


def gradient(options: argparse.Namespace) -> int:
    """Differentiate an expression in LaTeX by named rules; or as code in NumPy, PyTorch, JAX or SymPy."""
    from derive.calculus.gradient import Unanswerable, within

    try:
        found = within(
            options.timeout, options.expression, options.wrt, options.given, options.layout,
            options.order, options.method, options.detail,
        )  # fmt: skip
        if options.form in CODE:
            from derive.render.code import code

            text = code(found, options.form)
        else:
            text = _rendered(found.derivation, options.form, options.lang)
    except Unanswerable as trouble:
        raise Failure(str(trouble)) from None
    write(text, options.output)
    return 0 if found.proved else 1


def gradcheck(options: argparse.Namespace) -> int:
    """Compare a function in Python with the gradient that a derivation proves."""
    from derive.gradcheck import NotComparable
    from derive.gradcheck import gradcheck as compare

    function = _function(options.function)
    sizes: dict[str, int] = {}
    for text in options.size:
        name, _, number = text.partition("=")
        if not name or not number.isdecimal():
            raise Failure(f"a size is written as NAME=NUMBER, such as c=10, and not {text}")
        sizes[name.strip()] = int(number)
    try:
        found = compare(
            function, options.of, options.wrt, options.layout, sizes=sizes or None,
            precision=options.precision, arrays=options.arrays,
        )  # fmt: skip
    except NotComparable as trouble:
        raise Failure(str(trouble)) from None
    write(str(found))
    return 0 if found else 1


def _function(name: str) -> Callable[..., Any]:
    """The function that a module, or the path of one, has under a name."""
    from importlib import import_module

    home, _, attribute = name.rpartition(":")
    if not home or not attribute:
        raise Failure(f"a function is written as module:function, or file.py:function, and not {name}")
    folder, module = (Path(home).parent, Path(home).stem) if home.endswith(".py") else (Path(), home)
    sys.path.insert(0, str(folder.resolve()))
    try:
        found: Any = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as trouble:  # whatever the module of a stranger raises
        raise Failure(f"cannot load {name}: {type(trouble).__name__}: {trouble}") from None
    finally:
        sys.path.pop(0)
    if not callable(found):
        raise Failure(f"{name} is not a function")
    return found  # type: ignore[no-any-return]


def explain(options: argparse.Namespace) -> int:
    """Explain a diagnostic: what it means, why, a document that provokes it, and one that is right."""
    from derive import diagnostics

    if options.code is None:
        from derive.render.language import diagnostic

        entries = diagnostics.DIAGNOSTICS.values()
        write("".join(f"{entry.code}  {diagnostic(options.lang, entry)[0]}\n" for entry in entries))
        return 0
    try:
        entry = diagnostics.explain(options.code)
    except diagnostics.UnknownCode as trouble:
        raise Failure(f"{trouble}; `derive explain` lists them all") from None
    from derive.render.report import diagnostic_text

    write(diagnostic_text(entry, _style(language=options.lang)))
    return 0


def _status(reports: Sequence[Report], allow: Sequence[str]) -> int:
    """The exit status that these reports call for."""
    if any(report.error is not None for report in reports):
        return 2
    bad = {"refuted", "unknown", "unread"}.difference(allow)
    return int(any(step.is_fault and step.verdict in bad for report in reports for step in report.steps))


def _style(verbose: bool = False, reading: bool = False, language: Language = "en") -> Style:
    """For the terminal that standard output is, or for a pipe."""
    from shutil import get_terminal_size

    from derive.render.report import Style

    columns = get_terminal_size((100, 24)).columns
    plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return Style(max(40, min(columns, 200)), not plain, verbose, reading, language)


def _derivation_page(derivation: Derivation, sizes: dict[str, int], language: Language) -> str:
    """The derivation in each of its layouts, the given one shown first."""
    from derive import catalogue
    from derive.render.html import derivations_html

    layouts: tuple[Layout, ...] = ("denominator", "numerator")
    if len(catalogue.documents()[derivation.name]) == 1:
        return derivations_html([derivation], derivation.layout, language)
    versions = [
        derivation if layout == derivation.layout else catalogue.load(derivation.name, layout, sizes)
        for layout in layouts
    ]
    return derivations_html(versions, derivation.layout, language)


def _rendered(derivation: Derivation, form: str, language: Language) -> str:
    if form == "html":
        from derive.render.html import derivations_html

        return derivations_html([derivation], derivation.layout, language)
    if form == "json":
        from derive.render.json import derivation_json

        return derivation_json(derivation)
    if form == "latex":
        from derive.render.latex import derivation_latex

        return derivation_latex(derivation)
    if form == "markdown":
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
    show_derivation(derivation, buffer, reading, language)
    printed: str = buffer.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in printed.splitlines())


# ── taking the command line apart ──────────────────────────────────────────────────────────────────────────


class _Parser(argparse.ArgumentParser):
    """What is wrong with the usage takes one line."""

    def error(self, message: str) -> NoReturn:
        command = self.prog.partition(" ")[2]
        raise Failure(
            f"{message}; see `derive {command} --help`" if command else f"{message}; see `derive --help`"
        )


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < 1e6:
        raise ValueError
    return seconds


_seconds.__name__ = "number of seconds"  # argparse puts it into its message


def _jobs(text: str) -> int:
    jobs = int(text)
    if not 1 <= jobs <= 1000:
        raise ValueError
    return jobs


_jobs.__name__ = "number of processes"


def _parser() -> _Parser:
    parser = _Parser(
        "derive", description="A verifier for matrix-calculus derivations.", allow_abbrev=False,
        epilog="Exit status: 0 every claim proved, 1 one is not, 2 bad usage or what cannot be opened.",
    )  # fmt: skip
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        doc = (run.__doc__ or "").strip()
        made = commands.add_parser(name, help=doc, description=doc, allow_abbrev=False)
        made.set_defaults(run=run)
        return made

    _language(command("list", list_derivations))

    made = command("show", show)
    made.add_argument("name", metavar="NAME", help="a derivation, as `derive list` names it")
    _layout(made, "denominator")
    made.add_argument("--classes", type=int, metavar="N", help="a number for c, the number of classes")
    made.add_argument("--features", type=int, metavar="N", help="a number for d, the number of features")
    _format(made, "text", "latex", "markdown", "json", "html")
    _output(made)
    _language(made)

    made = command("check", check)
    made.add_argument(
        "files",
        type=Path,
        nargs="*",
        metavar="FILE",
        help=".md, .markdown, .tex or .ipynb, or a folder of them; by default the paths in [tool.derive]",
    )
    made.add_argument(
        "--given", type=Path, action="append", default=[], metavar="FILE",
        help="statements that hold in all documents, one a line; may be repeated",
    )  # fmt: skip
    _layout(made)
    _format(made, "text", "json", "markdown", "html", "sarif", "github")
    _output(made)
    _language(made)
    made.add_argument("-v", "--verbose", action="store_true", help="show proved claims, too")
    _judging(made)
    made.add_argument(
        "--allow", action="append", default=[], choices=("unknown", "unread"),
        help="a verdict that does not fail the check; may be repeated",
    )  # fmt: skip
    made.add_argument("--baseline", type=Path, metavar="FILE", help="faults that are known, and let pass")
    made.add_argument(
        "--write-baseline", type=Path, metavar="FILE", help="write the faults there are, and let them pass"
    )
    made.add_argument("--certificate", type=Path, metavar="FILE", help="write what `derive recheck` confirms")
    made.add_argument("--no-cache", dest="cache", action="store_false", help="check what is unchanged, too")
    where = made.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=_jobs, metavar="N", help="check documents in N processes")
    where.add_argument("--scheduler", metavar="ADDRESS", help="have a Dask cluster check them, tcp://…")
    made.add_argument(
        "--document-timeout", type=_seconds, default=600.0, metavar="SECONDS",
        help="how long one document may take (600)",
    )  # fmt: skip
    made.add_argument("--isolated", action="store_true", help="leave [tool.derive] of pyproject.toml aside")
    made.set_defaults(timeout=None)

    made = command("recheck", recheck)
    made.add_argument(
        "file", type=Path, metavar="CERTIFICATE", help="what `derive check --certificate` wrote"
    )

    made = command("prove", prove)
    made.add_argument(
        "equation", metavar="EQUATION", help=r"such as '\frac{\partial x^T x}{\partial x} = 2 x'"
    )
    made.add_argument(
        "--given", action="append", default=[], metavar="STATEMENT",
        help=r"a declaration, definition or hypothesis, such as 'x \in \mathbb{R}^n'; may be repeated",
    )  # fmt: skip
    _layout(made)
    _format(made, "text", "json")
    _judging(made)
    _language(made)

    made = command("gradient", gradient)
    made.add_argument("expression", metavar="EXPRESSION", help=r"such as '\frac12 \|A x - b\|^2'")
    made.add_argument("--wrt", required=True, metavar="X", help="the symbol by which to differentiate")
    made.add_argument(
        "--given", action="append", default=[], metavar="STATEMENT",
        help="a declaration, definition or hypothesis; may be repeated. What is not declared is a matrix if "
             "it is a capital, a scalar if it is Greek, and else a column",
    )  # fmt: skip
    _layout(made)
    made.add_argument("--order", type=int, choices=(1, 2), default=1, help="2 for the Hessian")
    made.add_argument(
        "--method", choices=("rules", "differential", "components"), default="rules",
        help="how to derive it: by the rules of this layout, by differentials, or by indices",
    )  # fmt: skip
    made.add_argument(
        "--detail", choices=("brief", "normal", "full"), default="normal", help="how many steps"
    )
    _format(made, "text", "latex", "markdown", "html", "json", *CODE)
    _output(made)
    _language(made)
    made.add_argument(
        "--timeout", type=_seconds, default=60.0, metavar="SECONDS", help="how long all of it may take (60)"
    )

    made = command("gradcheck", gradcheck)
    made.add_argument("function", metavar="MODULE:FUNCTION", help="called with the symbols by name")
    made.add_argument(
        "--of", required=True, metavar="NAME", help="a derivation, as `derive list` names it, or a document"
    )
    made.add_argument("--wrt", required=True, metavar="SYMBOL", help="what is differentiated by, such as W")
    _layout(made, "denominator")
    made.add_argument(
        "--size",
        action="append",
        default=[],
        metavar="NAME=N",
        help="the size of a dimension; may be repeated",
    )
    made.add_argument(
        "--precision", metavar="NAME", help="float64, float32, float16 or bfloat16, in which it computes"
    )
    made.add_argument("--arrays", choices=("numpy", "torch", "jax"), help="what the function is called with")

    made = command("explain", explain)
    made.add_argument(
        "code", nargs="?", metavar="CODE", help="such as D012; without one, all codes are listed"
    )
    _language(made)
    return parser


def _layout(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    parser.add_argument("--layout", choices=LAYOUTS, default=default, help="how derivatives are arranged")


def _format(parser: argparse.ArgumentParser, *forms: str) -> None:
    parser.add_argument("--format", dest="form", choices=forms, default=forms[0], help="what to print")


def _output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="a file to write to")


def _language(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--lang", choices=("en", "zh"), default=None, help="English or Chinese (from the locale)"
    )


def _judging(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--show-reading",
        action="store_true",
        help="show how each step was understood, and put it in components, or in matrices",
    )
    parser.add_argument(
        "--timeout", type=_seconds, default=10.0, metavar="SECONDS", help="how long one claim may take (10)"
    )


# ── running ────────────────────────────────────────────────────────────────────────────────────────────────


def write(text: str, output: Path | None = None) -> None:
    """To a file, or to standard output as UTF-8; what UTF-8 does not have is escaped."""
    if text and not text.endswith("\n"):
        text += "\n"
    if output is not None:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as trouble:
            raise Failure(f"cannot write {output}: {trouble.strerror or trouble}") from None
    elif text:
        sys.stdout.write(text)
        sys.stdout.flush()


def run(arguments: Sequence[str]) -> int:
    """Run a command, and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    parser = _parser()
    if not arguments:
        parser.print_help()
        return 2
    try:
        options = parser.parse_args(arguments)
        if getattr(options, "lang", "en") is None:
            from derive.render.language import preferred

            options.lang = preferred(os.environ)
        status: int = options.run(options)
    except Failure as trouble:
        line = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in str(trouble))
        print(f"derive: {line}", file=sys.stderr)
        return 2
    return status


def main() -> NoReturn:
    """The console script."""
    gc.set_threshold(100_000, 50, 50)  # terms and polynomials hold no cycles: looking for them is in vain
    try:
        status = run(sys.argv[1:])
    except BrokenPipeError:  # the reader has gone; nothing may be written when Python ends, either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
