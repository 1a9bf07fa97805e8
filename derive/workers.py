"""Worker processes: an executor of which one process may die without the others.

with Processes(2, seconds=60) as workers:
    workers.submit(function, argument).result()
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext
    from multiprocessing.process import BaseProcess

PRELOADED = ["derive.many", "numeric.certify", "numeric.evidence"]

P = ParamSpec("P")
T = TypeVar("T")
Task = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class WorkerLost(RuntimeError):
    """The process that had a task is gone, and how it went."""


class Processes(Executor):
    """Worker processes with one task each at a time, so that it is known which task a process died of.

    ProcessPoolExecutor breaks as a whole when one of its processes dies. Here the task that a process was
    working on fails with WorkerLost, as it does when it takes too long, and another process takes its place.

    Args:
        jobs: how many processes.
        seconds: after which a task is given up, and its process killed; None for never.
    """

    def __init__(self, jobs: int, seconds: float | None = None):
        self.seconds = seconds
        self.tasks: SimpleQueue[tuple[Future[Any], Task] | None] = SimpleQueue()
        self.closed = False
        self.workers = [_Worker(self) for _ in range(jobs)]

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The promise of what a function returns; function, arguments and result are pickled."""
        if self.closed:
            raise RuntimeError("these processes have been shut down")
        future: Future[T] = Future()
        self.tasks.put((future, (fn, args, kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the processes end: when all tasks are done, or now, where these are to be cancelled."""
        self.closed = True
        if cancel_futures:
            while not self.tasks.empty():
                task = self.tasks.get()
                if task is not None:
                    task[0].cancel()
            for worker in self.workers:
                worker.kill()
        for _ in self.workers:
            self.tasks.put(None)
        if wait:
            for worker in self.workers:
                worker.thread.join()


class _Worker:
    """One process after the other, and the thread that hands tasks to it."""

    def __init__(self, owner: Processes):
        self.owner = owner
        self.context = _context()
        self.process: BaseProcess | None = None
        self.connection: Connection[Any, Any] | None = None
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        """Take tasks until there are no more."""
        while (task := self.owner.tasks.get()) is not None:
            future, work = task
            if not future.set_running_or_notify_cancel():
                continue
            try:
                succeeded, value = self.ask(work)
            except Exception as trouble:
                succeeded, value = False, trouble
            if succeeded:
                future.set_result(value)
            else:
                future.set_exception(value)
        if self.connection is not None:
            self.connection.close()  # the process ends when nobody can ask it anything more

    def ask(self, work: Task) -> tuple[bool, Any]:
        """What comes of a task. Raises WorkerLost."""
        if self.process is None or self.connection is None or not self.process.is_alive():
            self.start()
        process, connection = self.process, self.connection
        assert process is not None
        assert connection is not None
        try:
            connection.send(work)
            if not connection.poll(self.owner.seconds):
                self.kill()
                self.process = None
                raise WorkerLost(
                    f"it took longer than {self.owner.seconds:g} seconds, and its process was killed"
                )
            answer: tuple[bool, Any] = connection.recv()
        except (EOFError, OSError):
            process.join()
            self.process = None
            raise WorkerLost(_ending(process.exitcode)) from None
        return answer

    def start(self) -> None:
        """Start a process."""
        self.connection, other = self.context.Pipe()
        process: Any = self.context.Process(  # type: ignore[attr-defined]
            target=_work, args=(other,), daemon=True, name="derive-worker"
        )
        process.start()
        self.process = process
        other.close()

    def kill(self) -> None:
        """End the process, whatever it is doing."""
        if self.process is not None:
            self.process.kill()


def _context() -> BaseContext:
    """How processes are started: from one that has loaded what they need, or each from nothing.

    A fork of this process might inherit locks that a thread of it holds.
    """
    if "forkserver" in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        return context
    return multiprocessing.get_context("spawn")


def _work(connection: Connection[Any, Any]) -> None:
    """The life of a worker process: answers until nobody asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that hands out the work
    gc.set_threshold(100_000, 50, 50)  # as in derive.cli
    while True:
        try:
            function, arguments, named = connection.recv()
        except EOFError:
            return
        try:
            answer: tuple[bool, Any] = True, function(*arguments, **named)
        except Exception as trouble:
            answer = False, trouble
        connection.send(answer)


def _ending(status: int | None) -> str:
    """How a process ended."""
    if status is not None and status < 0:
        name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
        return f"its process was killed by {name}" + (
            ", perhaps for want of memory" if name == "SIGKILL" else ""
        )
    return f"its process ended with status {status}"
