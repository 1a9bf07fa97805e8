"""Many documents: in this process, in several, or on other machines.

    check_many([Path("chapters")])                       a report after the other
    check_many([Path("chapters")], executor=pool)        the same, by any executor of concurrent.futures
    reports(found, settings, processes(4, settings), cache)     what the command line does

Documents are opened here and handed on as text, so the workers need no common disk, and what is checked is
what was hashed for the cache. Reports come in the order of the documents, each exactly once. A worker that
dies, and a document that takes too long, cost that document its verdicts, which its `error` says, and nothing
else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import suppress
from dataclasses import dataclass, replace
from os import cpu_count
from pathlib import Path
from typing import TYPE_CHECKING

from derive import documents
from derive.cache import Cache, fingerprint
from derive.documents import DOCUMENT_SECONDS, SECONDS, Settings, Unopenable, find, stated, text_of
from derive.expression import Layout
from derive.report import Report

if TYPE_CHECKING:
    from derive.workers import Processes

AHEAD = 256  # documents that are handed on before the first of them is waited for
GRACE = 10.0  # seconds that a worker gets beyond the time of its document, before it is killed


def check_many(
    paths: Iterable[str | Path],
    executor: Executor | None = None,
    *,
    given: Sequence[str] = (),
    layout: Layout | None = None,
    seconds: float = SECONDS,
    document_seconds: float = DOCUMENT_SECONDS,
    cache: bool = False,
) -> Iterator[Report]:
    """A verdict on every equation of many documents.

    Args:
        paths: documents, and folders of them, as `derive check` takes them.
        executor: checks them: a ProcessPoolExecutor, say, or that of a Dask client; None for this thread. The
            caller shuts it down. In threads, a claim's time is looked at between proof, evidence and
            counterexample only.
        given: statements in LaTeX that hold in all of them.
        layout: of derivatives, where a document does not say.
        seconds: how long one claim may take.
        document_seconds: how long one document may take.
        cache: take from the user's cache what is unchanged, and keep there what is new.

    Returns:
        an iterator over the reports, one for each document, in order. What could not be opened or checked has
        its `error` set, and no steps.

    Raises:
        TypeError, ValueError: as `derive.check` does, when it is called.
    """
    settings = Settings(stated(given, layout), layout, seconds, document_seconds=document_seconds)
    found = find(map(Path, paths))
    if not cache:
        return reports(found, settings, executor)

    def kept() -> Iterator[Report]:
        with Cache.of_user() as store:
            yield from reports(found, settings, executor, store)

    return kept()


def reports(
    found: Iterable[tuple[Path, str | None]],
    settings: Settings,
    executor: Executor | None = None,
    cache: Cache | None = None,
) -> Iterator[Report]:
    """The reports on documents that `derive.documents.find` has found, in their order."""
    run = _Run(settings, executor, cache)
    waiting: deque[_Document] = deque()
    try:
        for path, trouble in found:
            waiting.append(run.begin(path, trouble))
            if len(waiting) >= (AHEAD if executor is not None else 1):
                yield run.end(waiting[0])
                waiting.popleft()
        while waiting:
            yield run.end(waiting[0])
            waiting.popleft()
    except KeyboardInterrupt:
        for document in waiting:  # behind one that takes long, others may be ready
            if document.is_ready:
                yield run.end(document)
        raise
    finally:
        for document in waiting:
            if document.future is not None:
                document.future.cancel()
        run.close()


@dataclass
class _Document:
    """A document on its way: what it says, and its report or the promise of one."""

    path: str
    source: str = ""
    key: bytes | None = None
    report: Report | None = None
    future: Future[Report] | None = None

    @property
    def is_ready(self) -> bool:
        return self.report is not None or (self.future is not None and self.future.done())


class _Run:
    """Hands documents on, and takes their reports back."""

    def __init__(self, settings: Settings, executor: Executor | None, cache: Cache | None):
        self.settings, self.executor, self.cache = settings, executor, cache
        self.rescue: Processes | None = None  # in the place of an executor that broke

    def begin(self, path: Path, trouble: str | None) -> _Document:
        """Open a document, and have it checked unless its report is known."""
        document = _Document(str(path))
        try:
            if trouble is not None:
                raise Unopenable(trouble)
            document.source = text_of(path)
        except Unopenable as closed:
            document.report = Report(document.path, None, error=str(closed))
            return document
        if self.cache is not None:
            document.key = self.cache.key(path.suffix, document.source, self.settings)
            document.report = self.cache.get(document.key)
        if document.report is None and self.executor is not None:
            self.submit(document)
        return document

    def submit(self, document: _Document) -> None:
        task = document.path, document.source, self.settings, fingerprint()
        if self.rescue is None:
            assert self.executor is not None
            with suppress(BrokenExecutor):
                document.future = self.executor.submit(_check, *task)
                return
            self.call_rescue()
        assert self.rescue is not None
        document.future = self.rescue.submit(_check, *task)

    def call_rescue(self) -> None:
        """Have processes of our own do what a broken executor no longer does."""
        self.rescue = self.rescue or processes(cpu_count() or 1, self.settings)

    def end(self, document: _Document) -> Report:
        """The report on a document, as soon as there is one."""
        is_new = document.report is None
        report = document.report or self.made(document)
        report = replace(report, path=document.path, source=document.source)
        if is_new and self.cache is not None and document.key is not None:
            self.cache.put(document.key, report)
        return report

    def made(self, document: _Document) -> Report:
        if document.future is None:
            return documents.check_document(document.path, document.source, self.settings)
        try:
            try:
                return document.future.result()
            except BrokenExecutor:
                # nobody knows which of the documents at work broke it: each is checked once more, where a
                # process that dies takes no other with it
                self.call_rescue()
                self.submit(document)
                return document.future.result()
        except CancelledError:
            error = "not checked, for the executor gave it up"
        except Exception as trouble:  # of the executor: a document's own are in its report
            from derive.workers import WorkerLost  # it is loaded if it was raised

            kind = "" if isinstance(trouble, WorkerLost) else f"{type(trouble).__name__}: "
            error = f"not checked: {kind}{' '.join(str(trouble).split())[:200]}"
        return Report(document.path, None, error=error, whole=False)

    def close(self) -> None:
        if self.rescue is not None:
            self.rescue.shutdown(wait=False, cancel_futures=True)


def processes(jobs: int, settings: Settings) -> Processes:
    """So many worker processes, each of which is killed when it holds on to a document for too long."""
    from derive.workers import Processes  # few runs need other processes

    return Processes(jobs, settings.document_seconds + GRACE)


def _check(path: str, source: str, settings: Settings, expected: str) -> Report:
    """What a worker does: the report on a document, without its source, which the caller has."""
    if fingerprint() != expected:
        error = "the worker runs another derive, or other versions of Python or of what derive rests on"
        return Report(path, None, error=error, whole=False)
    return replace(documents.check_document(path, source, settings), source="")
