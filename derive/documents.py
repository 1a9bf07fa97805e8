"""Documents on disk: found, opened, read by their kind, and checked one by one.

    check_files([Path("notes.md"), Path("chapters")])  ->  a Report for each document, one after the other
    check("text") or check(Path("notes.md"))           ->  the Report on one

Nothing that one document holds stops the others: what cannot be opened, and what makes derive itself fail,
becomes the `error` of its report. A claim has a budget of time; where that ends, it is unknown.

Statements that a second file gives stand before the document while it is checked. Their text is put *behind*
the document's, so that lines and columns of the document are those of the file on disk, and the steps that
the statements make can be told by their lines.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import traceback
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from time import monotonic
from types import FrameType

from derive import checker
from derive.diagnostics import classify
from derive.expression import Layout
from derive.judge import Judge, KernelUnsound
from derive.lowering import Statement
from derive.reader.passage import Passage, Positions
from derive.report import Counterexample, Evidence, Note, Report, Step, Verdict
from derive.suppression import suppress
from derive.terms import Claim, Index

KINDS = (".md", ".markdown", ".tex", ".ipynb")
SKIPPED = frozenset({"node_modules", "__pycache__"})
LARGEST = 64 * 2**20  # bytes of one document
SECONDS = 10.0  # for one claim
DOCUMENT_SECONDS = 600.0  # for one document
LISTING = 1.0  # seconds for one claim when claims are only listed
SHORTCUTS = 50  # at most so many chains of one document are tried for errors that cancel
REFUTING = 5.0  # seconds at most that are spent on the search for one counterexample

_COMMENT = re.compile(r"^[ \t]*[#%].*$", re.MULTILINE)


class Unopenable(Exception):
    """A file, or a folder, that cannot be read as a document, and why."""


# ── finding and opening ────────────────────────────────────────────────────────────────────────────────────


def find(arguments: Iterable[Path]) -> Iterator[tuple[Path, str | None]]:
    """Every document that the arguments name, each once, in order; or what is wrong with an argument.

    Of a folder, all documents below it, sorted; hidden files and folders, node_modules and virtual
    environments are left out, and a link that leads out of the folder is told and not followed.
    """
    seen: set[str] = set()
    for argument in arguments:
        if argument.is_dir():
            found, trouble = _below(argument)
            if not found and not trouble:
                trouble = [(argument, f"no document in this folder ({', '.join(KINDS)})")]
            yield from trouble
        elif argument.suffix.lower() in KINDS or not argument.exists():
            found = [argument]
        else:
            yield argument, f"not a kind of document that derive reads ({', '.join(KINDS)})"
            continue
        for path in found:
            real = os.path.realpath(path)
            if real not in seen:
                seen.add(real)
                yield path, None


def _below(folder: Path) -> tuple[list[Path], list[tuple[Path, str | None]]]:
    """The documents in a folder and in those below it, and the folders that cannot be opened."""
    found: list[Path] = []
    trouble: list[tuple[Path, str | None]] = []

    def closed(error: OSError) -> None:
        trouble.append((Path(error.filename), error.strerror or str(error)))

    for where, folders, files in os.walk(folder, onerror=closed):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in SKIPPED
            and not os.path.exists(os.path.join(where, name, "pyvenv.cfg"))
        )
        for name in files:
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in KINDS:
                path = Path(where, name)
                if not path.is_symlink() or _is_inside(path, folder):
                    found.append(path)
                else:
                    trouble.append(
                        (path, "a link that leads out of its folder; name the file to have it read")
                    )
    return sorted(found), trouble


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether a link leads to something below a folder: what stands elsewhere nobody has named."""
    return os.path.realpath(path).startswith(os.path.join(os.path.realpath(folder), ""))


def text_of(path: Path) -> str:
    """What a file says. Raises Unopenable."""
    try:
        if path.exists() and not path.is_file():
            raise Unopenable("not a regular file")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise Unopenable(error.strerror or str(error)) from None
    if len(data) > LARGEST:
        raise Unopenable(f"larger than {LARGEST // 2**20} MB")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unopenable("not UTF-8 but UTF-16 text; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unopenable(
            f"not UTF-8 text: byte 0x{data[error.start]:02x} in line {line}; save it as UTF-8"
        ) from None
    if "\0" in text:
        raise Unopenable("not a text: it has null bytes in it")
    return text


def passages_of(path: Path, source: str) -> tuple[Passage, ...]:
    """The passages of a document, which is read by its kind. Raises Unopenable."""
    match path.suffix.lower():
        case ".tex":
            from derive.reader import tex

            return tex.read(source)
        case ".ipynb":
            from derive.reader import notebook

            try:
                return notebook.read(source)
            except notebook.NotebookError as error:
                raise Unopenable(str(error)) from None
        case _:
            from derive.reader import markdown

            return markdown.read(source)


# ── what is given beside the documents ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Given:
    """Statements that hold in every document.

    Attributes:
        source: the texts that they stand in, one after the other.
        passages: the statements, with their places in `source`.
        places: what each text is called, where it begins, and the text.
        reports: for each text with a statement that cannot be read: those statements.
    """

    source: str = ""
    passages: tuple[Passage, ...] = ()
    places: tuple[tuple[str, int, str], ...] = ()
    reports: tuple[Report, ...] = ()


def given_files(paths: Iterable[Path]) -> Given:
    """What files give: one statement a line, or a document's given blocks. Raises Unopenable."""
    texts: list[tuple[str, str, tuple[Passage, ...]]] = []
    for path in paths:
        try:
            text = text_of(path)
            blocks = passages_of(path, text) if path.suffix.lower() in KINDS else ()
        except Unopenable as trouble:
            raise Unopenable(f"{path}: {trouble}") from None
        stated = tuple(passage for passage in blocks if passage.kind == "given")
        texts.append((str(path), text, stated or (_lines(text),)))
    return _given(texts)


def given_statements(statements: Sequence[str]) -> Given:
    """Statements that somebody typed, one in each text."""
    return _given([(f"given {n}", text, (_lines(text),)) for n, text in enumerate(statements, 1)])


def _lines(text: str) -> Passage:
    """Statements one a line; lines that begin with # or % are remarks."""
    bare = _COMMENT.sub(lambda remark: " " * len(remark[0]), text)
    return Passage("given", bare, range(len(text) + 1), 0, "paragraph")


def _given(texts: Sequence[tuple[str, str, tuple[Passage, ...]]]) -> Given:
    source, passages, places = "", list[Passage](), list[tuple[str, int, str]]()
    for name, text, stated in texts:
        places.append((name, len(source), text))
        passages += [_moved(passage, len(source), -1 - len(passages)) for passage in stated]
        source += text + "\n"
    given = Given(source, tuple(passages), tuple(places))
    return replace(given, reports=tuple(_unread(given)))


def _unread(given: Given) -> Iterator[Report]:
    """The statements among those given that cannot be read, by the text that they stand in.

    A symbol without a meaning may get one from a document: see `check_source`.
    """
    if not given.passages:
        return
    report, _ = checker.check("", given.source, given.passages, Judge(), guard=Budget())
    where = Positions(given.source)
    for name, start, text in given.places:
        first, last = where(start)[0], where(start + len(text))[0]
        steps = [
            _higher(step, first - 1)
            for step in report.steps
            if step.verdict is Verdict.UNREAD and step.code not in checker.OPEN and first <= step.line <= last
        ]
        if steps:
            yield Report(name, None, steps, source=text)


def _moved(passage: Passage, by: int, block: int | None = None) -> Passage:
    """A passage that stands `by` characters further on."""
    if isinstance(passage.offsets, range):
        offsets: Sequence[int] = range(passage.offsets.start + by, passage.offsets.stop + by)
    else:
        offsets = tuple(offset + by for offset in passage.offsets)
    return replace(passage, offsets=offsets, block=passage.block if block is None else block)


def _higher(step: Step, lines: int) -> Step:
    """A step whose text begins so many lines further up."""
    place = None if step.place is None else (step.place[0] - lines, step.place[1])
    return replace(step, line=step.line - lines, place=place)


# ── the budget of a claim, and that of a document ────────────────────────────────────────────────────────


class OutOfTime(BaseException):
    """The time is up. Not an Exception, so that nothing on the way takes it for its own trouble."""


class Alarm:
    """Raises OutOfTime in the midst of the work when its time is up; one alarm may stand inside another.

    Only where the system has an alarm, and in the main thread; elsewhere nothing rings.
    """

    def __init__(self, seconds: float):
        self.seconds = seconds
        is_main = threading.current_thread() is threading.main_thread()
        self.has_alarm = is_main and hasattr(signal, "setitimer")
        self.armed = False

    def __enter__(self) -> None:
        if self.has_alarm:
            self.before = signal.signal(signal.SIGALRM, self.ring)
            self.start = monotonic()
            # again and again: where Python runs a callback of its own, it swallows what is raised
            self.outer, _ = signal.setitimer(signal.ITIMER_REAL, max(self.seconds, 1e-6), 0.25)
            self.armed = True

    def ring(self, number: int, frame: FrameType | None) -> None:
        if self.armed and not _is_untimely(frame):
            raise OutOfTime

    def __exit__(self, *trouble: object) -> None:
        self.armed = False
        if self.has_alarm:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self.before)
            if self.outer:
                left = self.outer - (monotonic() - self.start)
                signal.setitimer(signal.ITIMER_REAL, max(left, 1e-6), 0.25)


@dataclass(slots=True)
class Budget:
    """The time that one claim may take; `budget(step)` is the context in which it is read and judged.

    Attributes:
        seconds: how long.
        deadline: when the time of the present claim is up.
        step: the present claim.
        late: the claims for which not all could be done.
        whole: whether everything could be done, whatever the clock and the memory said.
    """

    seconds: float = SECONDS
    deadline: float = float("inf")
    step: Step | None = None
    late: list[Step] = field(default_factory=list)
    whole: bool = True

    def __call__(self, step: Step) -> _Guard:
        return _Guard(self, step)

    def left(self) -> float:
        """The seconds that the present claim has left; when there are none, that is put down."""
        left = self.deadline - monotonic()
        if left <= 0 and self.step is not None:
            self.late.append(self.step)
            self.whole = False
        return max(0.0, left)

    def give_up(self, step: Step) -> None:
        """What is not decided by now stays unknown; what is refuted by now stays so, without a repair."""
        if step.verdict is not Verdict.REFUTED:
            _unknown(step, "D202", f"not decided in {self.seconds:g} seconds")

    def refute(self, claim: Claim, entry: tuple[Index, ...]) -> Counterexample | None:
        """A certified counterexample, as far as the time suffices to find one."""
        from numeric.certify import refute  # what computes is loaded only for what is computed

        start, seconds = monotonic(), min(REFUTING, self.left())
        found = refute(claim, entry=entry, seconds=seconds) if seconds else None
        if found is None:
            self.left()  # puts down that the search was cut short, if it was
            self.whole &= monotonic() - start < seconds
        return found

    def gather(self, claim: Claim) -> Evidence | None:
        """Numeric evidence, if there is any time left."""
        from numeric.evidence import A_GLANCE, gather

        return gather(claim, shapes=A_GLANCE) if self.left() else None


class _Guard:
    """The work on one claim: ended when it runs too long, and what goes wrong in it stays in it.

    Where no alarm rings, the time is only looked at between proof, evidence and counterexample.
    """

    def __init__(self, budget: Budget, step: Step):
        self.budget, self.step = budget, step
        self.alarm = Alarm(budget.seconds)

    def __enter__(self) -> None:
        self.budget.step, self.budget.deadline = self.step, monotonic() + self.budget.seconds
        self.alarm.__enter__()

    def __exit__(self, kind: object, trouble: BaseException | None, _: object) -> bool:
        self.alarm.__exit__()
        self.budget.step, self.budget.deadline = None, float("inf")
        self.budget.whole &= trouble is None
        match trouble:
            case OutOfTime():
                self.budget.give_up(self.step)
            case RecursionError() | MemoryError():
                _unknown(self.step, "D202", "the claim is too large")
            case KernelUnsound():
                return False
            case Exception():
                _unknown(self.step, None, _bug(trouble))
            case _:
                return False
        return True


def _is_untimely(frame: FrameType | None) -> bool:
    """Whether an alarm must wait for its next ring.

    A module that is being imported would stay half made; and what is raised where a guard begins or ends is
    not caught by it, and would leave the alarm on.
    """
    ends = [method.__code__ for kind in (Alarm, _Guard) for method in (kind.__enter__, kind.__exit__)]
    while frame is not None:
        if frame.f_code in ends or frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _unknown(step: Step, code: str | None, message: str) -> None:
    step.verdict, step.code, step.message = Verdict.UNKNOWN, code, message


def _bug(trouble: BaseException) -> str:
    """What went wrong inside derive, and where, in a line."""
    frames = traceback.extract_tb(trouble.__traceback__)
    home = Path(__file__).resolve().parent.parent
    ours = [
        f for f in frames if f.filename.startswith((str(home / "derive"), str(home / "numeric")))
    ] or frames
    place = f" at {os.path.basename(ours[-1].filename)}:{ours[-1].lineno}" if ours else ""
    text = " ".join(str(trouble).split())[:200]
    return f"a bug in derive, please report it: {type(trouble).__name__}{place}" + (
        f": {text}" if text else ""
    )


# ── checking ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Settings:
    """What a report depends on beside the text of its document and the kind of the file.

    Attributes:
        given: what holds in all documents.
        layout: of derivatives, where a document does not say.
        seconds: how long one claim may take.
        cross_check: compare proved derivatives with finite differences, too.
        certify: put down what `derive.certificate` writes.
        document_seconds: how long one document may take.
        translate: put each claim in components and in matrices, too.
    """

    given: Given = field(default_factory=Given)
    layout: Layout | None = None
    seconds: float = SECONDS
    cross_check: bool = True
    certify: bool = False
    document_seconds: float = DOCUMENT_SECONDS
    translate: bool = False


def check_files(
    files: Iterable[Path],
    given: Given | None = None,
    layout: Layout | None = None,
    seconds: float = SECONDS,
    cross_check: bool = True,
    translate: bool = False,
) -> Iterator[Report]:
    """The report on each document below these paths, one after the other; see `Settings`."""
    settings = Settings(given or Given(), layout, seconds, cross_check, translate=translate)
    for path, trouble in find(files):
        try:
            if trouble is not None:
                raise Unopenable(trouble)
            source = text_of(path)
        except Unopenable as closed:
            yield Report(str(path), None, error=str(closed))
        else:
            yield check_document(str(path), source, settings)


def check_document(path: str, source: str, settings: Settings) -> Report:
    """The report on one document that has been opened. Raises nothing: what goes wrong is its `error`."""
    error = f"not checked in {settings.document_seconds:g} seconds"
    try:
        with Alarm(settings.document_seconds):
            passages = passages_of(Path(path), source)
            return check_source(
                path, source, passages, settings.given, settings.layout, settings.seconds,
                settings.cross_check, settings.certify, settings.translate,
            )  # fmt: skip
    except Unopenable as closed:
        error = str(closed)
    except OutOfTime:
        pass
    except MemoryError:
        error = "not checked, for it needs more memory than there is"
    except Exception as bug:
        error = _bug(bug)
    return Report(path, None, error=error, whole=False)


def check(
    document: str | Path,
    given: Sequence[str] = (),
    layout: Layout | None = None,
    seconds: float = SECONDS,
) -> Report:
    """A verdict on every equation of one document: what `derive check` prints, from Python.

    Args:
        document: Markdown as text, or the path of a Markdown, LaTeX or notebook file.
        given: statements in LaTeX that hold in it, such as r"x \\in \\mathbb{R}^n".
        layout: of derivatives, where the document does not say.
        seconds: how long one claim may take.

    Returns:
        the Report; `print` shows it with all claims, those that are proved included.

    Raises:
        Unopenable: for a file that cannot be read as a document.
        TypeError: for `given` as one text instead of a list of them.
        ValueError: for a layout that is none, or a given statement that cannot be read.
    """
    holds = stated(given, layout)
    if isinstance(document, str):
        name, path, source = "text", Path("text.md"), document
    else:
        name, path, source = str(document), document, text_of(document)
    return check_source(name, source, passages_of(path, source), holds, layout, seconds)


def stated(given: Sequence[str], layout: Layout | None) -> Given:
    """What somebody gives from Python. Raises TypeError and ValueError, as `check` says."""
    if isinstance(given, str):
        raise TypeError(f"`given` is a list of statements; write [{given!r}]")
    if layout not in (None, "numerator", "denominator"):
        raise ValueError(f"the layout is 'numerator' or 'denominator', not {layout!r}")
    holds = given_statements(given)
    for trouble in holds.reports:
        raise ValueError(f"{trouble.path} cannot be read: {trouble.steps[0].message}")
    return holds


def claims(path: Path, given: Given, layout: Layout | None = None) -> list[tuple[int, int]]:
    """Where the claims of a document stand, in order. Raises Unopenable, for a bug in derive, too.

    The document is read as when it is checked, with the kernel alone: what a formula is (a claim, a
    definition) depends on those before it, and not on verdicts.
    """
    source = text_of(path)
    whole = f"{source}\n{given.source}"
    first = [_moved(passage, len(source) + 1) for passage in given.passages]
    passages = [*first, *passages_of(path, source)]
    try:
        report, _ = checker.check(
            str(path), whole, passages, Judge(), layout or "denominator", guard=Budget(LISTING)
        )
    except (Exception, OutOfTime) as bug:
        raise Unopenable(_bug(bug)) from None
    end = Positions(whole)(len(source) + 1)[0]
    return [(s.line, s.column) for s in report.steps if s.kind == "claim" and s.line < end]


def check_equation(
    equation: str,
    given: Given,
    layout: Layout | None = None,
    seconds: float = SECONDS,
    translate: bool = False,
) -> Report:
    """The report on one equation in LaTeX, or on a chain of them."""
    passage = Passage("display", equation, range(len(equation) + 1), 1, "paragraph")
    try:
        return check_source("equation", equation, [passage], given, layout, seconds, translate=translate)
    except (Exception, OutOfTime) as bug:
        return Report("equation", None, error=_bug(bug))


def check_source(
    name: str,
    source: str,
    passages: Sequence[Passage],
    given: Given,
    layout: Layout | None = None,
    seconds: float = SECONDS,
    cross_check: bool = True,
    certify: bool = False,
    translate: bool = False,
) -> Report:
    """The report on one document that is in memory; see `Settings`."""
    budget = Budget(seconds)
    shift = len(source) + 1
    whole = f"{source}\n{given.source}"
    first = [_moved(passage, shift) for passage in given.passages]
    judge = Judge(budget.refute, budget.gather, cross_check=cross_check)
    judged: dict[int, tuple[Step, Statement]] = {}  # with the step, or another one might get its id
    watch = (lambda step, statement: judged.update({id(step): (step, statement)})) if certify else None
    report, reader = checker.check(
        name, whole, [*first, *passages], judge, layout, watch=watch, guard=budget, translate=translate
    )
    end = Positions(whole)(shift)[0]
    for step in report.steps:
        if step.line >= end and step.verdict is Verdict.UNREAD and step.code in checker.OPEN:
            said = f"the given {step.lhs} {step.relation} {step.rhs} is not used: {step.message}"
            report.notes.append(Note(1, 1, said, step.code))
    report.steps = [step for step in report.steps if step.line < end]
    report.source = source
    report.words = frozenset(n for n in reader.scope.shapes if n.isalpha() and len(n) > 1)
    for step in budget.late:
        if step.verdict is Verdict.UNKNOWN:
            budget.give_up(step)
    classify(report)
    suppress(report, passages)
    if any(passage.kind in ("display", "inline") for passage in passages):
        shortcuts = _shortcuts(report.steps)
        if shortcuts:
            again = [*first, *passages]
            report.notes += _cancelling(whole, again, report.steps, shortcuts, reader.used_layout, budget)
        if not any(step.kind == "claim" for step in report.steps):
            report.notes.append(
                Note(1, 1, "there is mathematics here, but no equation that claims something")
            )
    elif not any(passage.kind == "given" for passage in passages):
        report.notes.append(Note(1, 1, "there is no mathematics in this document"))
    report.whole = budget.whole
    if certify:
        from derive.certificate import certified  # what few runs ask for

        report.certificate = certified(report, {number: found for number, (_, found) in judged.items()})
    return report


# ── errors that cancel ─────────────────────────────────────────────────────────────────────────────────────


def _shortcuts(steps: Sequence[Step]) -> list[tuple[Step, Step]]:
    """Pairs of steps in one chain such that the left side of one may equal the right side of the other.

    Two steps that are wrong, each with the next one and the first with the last; and two neighbours of which
    neither can be read, since what they have in common cannot.
    """
    found: dict[tuple[int, int], tuple[Step, Step]] = {}
    chain: list[Step] = []
    for step in [*steps, None]:
        if step is not None and chain and step.kind == "claim" and step.lhs == chain[-1].rhs:
            chain.append(step)
            continue
        wrong = [s for s in chain if s.verdict is Verdict.REFUTED and s.relation == "="]
        unread = [s for s in chain if s.verdict is Verdict.UNREAD and s.relation == "="]
        pairs = [*pairwise(wrong)]
        if len(wrong) > 2:
            pairs.append((wrong[0], wrong[-1]))
        pairs += [(start, end) for start, end in pairwise(unread) if start.rhs == end.lhs]
        found.update({(id(start), id(end)): (start, end) for start, end in pairs})
        chain = [step] if step is not None and step.kind == "claim" else []
    return list(found.values())[:SHORTCUTS]


def _cancelling(
    whole: str,
    passages: Sequence[Passage],
    steps: Sequence[Step],
    shortcuts: Sequence[tuple[Step, Step]],
    layout: Layout,
    budget: Budget,
) -> list[Note]:
    """Notes on those shortcuts that are true.

    The document is read once more without the formulas that only claim something, and with an equation
    between the two ends behind each chain: the kernel alone judges it there, with all that has been said.
    """
    where = Positions(whole)
    formulas = [n for n, passage in enumerate(passages) if passage.kind in ("display", "inline")]
    starts = [where(passages[n].offsets[0]) for n in formulas]
    within: dict[int, list[Step]] = {}
    for step in steps:
        place = bisect_right(starts, (step.line, step.column)) - 1
        if place >= 0:
            within.setdefault(formulas[place], []).append(step)
    homes = {id(step): n for n, held in within.items() for step in held}
    inserted: dict[int, list[Passage]] = {}
    lines: dict[int, tuple[Step, Step]] = {}
    text = f"{whole}\n"
    for start, end in shortcuts:
        equation = f"{start.lhs} = {end.rhs}".replace("\n", " ")
        if not start.lhs or not end.rhs or id(end) not in homes:
            continue
        home = homes[id(end)]
        lines[Positions(text)(len(text))[0]] = start, end
        offsets = range(len(text), len(text) + len(equation) + 1)
        shortcut = replace(passages[home], kind="display", text=equation, offsets=offsets)
        inserted.setdefault(home, []).append(shortcut)
        text += f"{equation}\n"
    again: list[Passage] = []
    for number, passage in enumerate(passages):
        if passage.kind not in ("display", "inline") or any(
            s.kind != "claim" for s in within.get(number, ())
        ):
            again.append(passage)
        again += inserted.get(number, ())
    report, _ = checker.check("", text, again, Judge(), layout, guard=budget)
    true = [lines[s.line] for s in report.steps if s.line in lines and s.verdict is Verdict.PROVED]
    return [
        _bridge(start, end)
        for number, (start, end) in enumerate(true)
        if not any(start is s and end is not e for s, e in true[:number])
    ]


def _bridge(start: Step, end: Step) -> Note:
    """The note that what stands before one step equals what stands after another."""
    place = f"in line {start.line}" if start.line != end.line else f"in column {start.column}"
    equal = f"what stands before the sign {place} equals what stands after this one"
    if end.verdict is Verdict.REFUTED:
        said = f"two errors cancel: {equal}; only what is between them is wrong"
        return Note(end.line, end.column, said, "D110")
    return Note(end.line, end.column, f"{equal}; only what is between them could not be read")
