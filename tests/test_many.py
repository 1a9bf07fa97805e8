"""Many documents: in order, each exactly once, whatever becomes of a worker, a document or of patience."""

import ctypes
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import derive
from derive import cli, documents, many
from derive.documents import Settings, Unopenable, find
from derive.render import progress
from derive.report import Report
from derive.workers import Processes, WorkerLost
from tests.benchmarks.corpus import document, write

ROOT = Path(__file__).resolve().parents[1]
RIGHT = "$a \\in \\mathbb{R}$\n\n$$ a + a = 2 a $$\n"
CHECK = many._check


def hostile(path: str, source: str, settings: Settings, expected: str) -> Report:
    """What a worker does, where a document can make it fail."""
    match re.match("!(.*)", source):
        case re.Match() as order:
            match order[1]:
                case "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "crash":
                    ctypes.string_at(0)
                case "exit":
                    os._exit(3)
                case "memory":
                    raise MemoryError
                case "unpicklable":
                    return Report(path, None, title=lambda: None)  # type: ignore[arg-type]
                case "hang":
                    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
                    time.sleep(600)
    return CHECK(path, source, settings, expected)


def write_all(folder: Path, texts: list[str]) -> list[Path]:
    """Documents with these texts, in order."""
    paths = [folder / f"{number:03d}.md" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    return paths


def told(report: Report) -> tuple[str, str | None, list[tuple[int, str]]]:
    """What a report says, in short."""
    claims = [(step.line, str(step.verdict)) for step in report.steps if step.kind == "claim"]
    return report.path, report.error, claims


@pytest.fixture
def few(tmp_path: Path) -> list[Path]:
    """Eight documents, with something wrong here and there."""
    paths = list(write(tmp_path, 6, steps=2))
    paths[3].write_text(RIGHT.replace("2 a", "3 a"))
    (tmp_path / "latin.md").write_bytes(b"caf\xe9")
    (tmp_path / "right.tex").write_text(r"$a \in \mathbb{R}$, \[ a + a = 2 a \]")
    return [tmp_path]


# ── in order, whoever checks them ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "executor",
    [lambda: ThreadPoolExecutor(2), lambda: ProcessPoolExecutor(2), lambda: Processes(2)],
    ids=["threads", "processes", "workers"],
)
def test_the_reports_are_those_of_one_process(few: list[Path], executor: Callable[[], Executor]) -> None:
    """The same reports in the same order, with their texts."""
    alone = list(derive.check_many(few))
    with executor() as pool:
        together = list(derive.check_many(few, executor=pool))
    assert [told(report) for report in together] == [told(report) for report in alone]
    assert [r.steps for r in together] == [r.steps for r in alone]
    assert [r.source for r in together] == [r.source for r in alone]
    assert [path for path, _ in find(few)] == [Path(report.path) for report in alone]
    assert sum(report.error is not None for report in alone) == 1
    assert sum(report.counts["refuted"] for report in alone) == 1


def test_what_is_given_holds_in_all(tmp_path: Path) -> None:
    """And is looked at when the function is called."""
    write_all(tmp_path, ["$$\\frac{\\partial x^T x}{\\partial x} = 2 x$$"] * 2)
    shape = [r"x \in \mathbb{R}^n"]
    assert [r.counts["proved"] for r in derive.check_many([tmp_path], given=shape)] == [1, 1]
    assert [r.counts["proved"] for r in derive.check_many([str(tmp_path)], given=shape, cache=True)] == [1, 1]
    (numerator,) = {
        r.counts["refuted"] for r in derive.check_many([tmp_path], given=shape, layout="numerator")
    }
    assert numerator == 1
    with pytest.raises(TypeError, match="is a list of statements"):
        derive.check_many([tmp_path], given="x")
    with pytest.raises(ValueError, match="the layout is"):
        derive.check_many([tmp_path], layout="both")  # type: ignore[arg-type]


def test_no_more_is_handed_on_than_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of texts do not pile up before the first report is taken."""
    monkeypatch.setattr(many, "AHEAD", 3)
    write_all(tmp_path, [RIGHT] * 10)
    open_now: list[int] = []

    class Counting(Executor):
        """Checks at once, and counts what is out."""

        out = 0

        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            Counting.out += 1
            open_now.append(Counting.out)
            future: Future[Any] = Future()
            future.set_result(fn(*args, **kwargs))
            return future

    for _ in many.reports(find([tmp_path]), Settings(), Counting()):
        Counting.out -= 1
    assert len(open_now) == 10
    assert max(open_now) == 3


def test_the_command_prints_the_same(few: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    """To the byte, in every form."""
    for form in ("text", "json"):
        said = set()
        for options in ([], ["--jobs", "2"]):
            status = cli.run(["check", str(few[0]), "--no-cache", "--format", form, *options])
            assert status == 2
            said.add(capsys.readouterr().out)
        assert len(said) == 1


@pytest.mark.parametrize("jobs", ["0", "-1", "two", "1.5", "100000"])
def test_jobs_are_a_number(jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And not together with a scheduler."""
    assert cli.run(["check", "x.md", "--jobs", jobs]) == 2
    assert "invalid number of processes" in capsys.readouterr().err
    assert cli.run(["check", "x.md", "--jobs", "2", "--scheduler", "tcp://localhost:1"]) == 2
    assert "not allowed with" in capsys.readouterr().err


# ── what goes wrong in one document stays in it ────────────────────────────────────────────────────────────

ORDERS = {
    "kill": "its process was killed by SIGKILL, perhaps for want of memory",
    "crash": "its process was killed by SIGSEGV",
    "exit": "its process ended with status 3",
    "memory": "not checked: MemoryError",
    "unpicklable": "not checked: ",
    "hang": "it took longer than",
}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signals")
def test_a_worker_that_dies_costs_one_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it dies; that document says so, and each other one has its report, in order."""
    monkeypatch.setattr(many, "_check", hostile)
    texts = [RIGHT]
    for order in ORDERS:
        texts += [f"!{order}", RIGHT, RIGHT]
    write_all(tmp_path, texts)
    with Processes(2, seconds=3) as workers:
        reports = list(many.reports(find([tmp_path]), Settings(), workers))
    assert [Path(report.path).name for report in reports] == [f"{n:03d}.md" for n in range(len(texts))]
    errors = {report.source[1:]: report.error for report in reports if report.error is not None}
    assert errors.keys() == ORDERS.keys()
    for order, said in ORDERS.items():
        assert said in errors[order], (order, errors[order])
    assert sum(report.counts["proved"] for report in reports) == texts.count(RIGHT)


def test_a_pool_that_breaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ProcessPoolExecutor gives up all its tasks when a process dies: they are done elsewhere, each once."""
    monkeypatch.setattr(many, "_check", hostile)
    texts = [RIGHT, RIGHT, "!kill", RIGHT, RIGHT, "!exit", RIGHT]
    write_all(tmp_path, texts)
    with ProcessPoolExecutor(2) as pool:
        reports = list(many.reports(find([tmp_path]), Settings(), pool))
    assert [report.source for report in reports] == texts
    assert [report.error is not None for report in reports] == [text.startswith("!") for text in texts]
    assert "SIGKILL" in (reports[2].error or "")
    assert "status 3" in (reports[5].error or "")
    assert sum(report.counts["proved"] for report in reports) == 5


def test_the_command_says_which_document_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for it, exit status 2, and the rest as usual; what was lost is not kept."""
    monkeypatch.setattr(many, "_check", hostile)
    write_all(tmp_path, [RIGHT, "!kill", RIGHT])
    for _ in range(2):
        assert cli.run(["check", str(tmp_path), "--jobs", "1"]) == 2
        said = " ".join(capsys.readouterr().out.split())
        assert "001.md: error: not checked: its process was killed by SIGKILL" in said
        assert "3 documents, 1 of them could not be checked: 2 claims: 2 proved" in said


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an alarm")
def test_a_document_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process an alarm ends it, between its claims as well as in them."""
    read = documents.passages_of

    def slow(path: Path, source: str) -> Any:
        if "slow" in source:
            time.sleep(60)
        return read(path, source)

    monkeypatch.setattr(documents, "passages_of", slow)
    write_all(tmp_path, [RIGHT, f"slow {RIGHT}", RIGHT])
    first, second, third = derive.check_many([tmp_path], document_seconds=0.3)
    assert second.error == "not checked in 0.3 seconds"
    assert first.counts["proved"] == third.counts["proved"] == 1
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an alarm")
def test_an_alarm_does_not_ring_while_it_is_set_or_put_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is raised there nobody catches, and the alarm would go on ringing."""
    set_timer, seen = signal.setitimer, list[bool]()

    def setting(*arguments: float) -> tuple[float, float]:
        seen.append(documents._is_untimely(sys._getframe(1)))
        return set_timer(*arguments)

    monkeypatch.setattr(signal, "setitimer", setting)
    with documents.Alarm(60):
        assert not documents._is_untimely(sys._getframe())
    assert seen == [True, True]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an alarm")
def test_alarms_stand_inside_each_other() -> None:
    """The inner one rings for itself, and gives the outer one the time that it has left."""
    rung: list[str] = []

    def sleep(seconds: float, name: str) -> None:
        try:
            with documents.Alarm(seconds):
                if name == "outer":
                    sleep(60, "unused")
                    sleep(0.01, "inner")
                if name != "unused":
                    time.sleep(60)
        except documents.OutOfTime:
            rung.append(name)

    sleep(0.2, "outer")
    assert rung == ["inner", "outer"]
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_want_of_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no bug."""

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(documents, "passages_of", fail)
    report = documents.check_document("a.md", RIGHT, Settings())
    assert report.error == "not checked, for it needs more memory than there is"
    monkeypatch.setattr(documents, "passages_of", lambda *_: (_ for _ in ()).throw(Unopenable("why")))
    assert documents.check_document("a.md", RIGHT, Settings()).error == "why"


def test_a_worker_that_runs_another_derive_is_refused() -> None:
    """Its verdicts would be those of other sources."""
    report = many._check("a.md", RIGHT, Settings(), "0" * 64)
    assert "the worker runs another derive" in (report.error or "")
    assert not report.whole


# ── worker processes ───────────────────────────────────────────────────────────────────────────────────────


def test_workers_are_an_executor() -> None:
    """Results, exceptions, cancelling, and an end."""
    with Processes(1) as workers:
        assert workers.submit(divmod, 7, 2).result() == (3, 1)
        assert list(workers.map(abs, [-1, -2])) == [1, 2]
        with pytest.raises(ZeroDivisionError):
            workers.submit(divmod, 1, 0).result()
        pid = workers.submit(os.getpid).result()
        assert workers.submit(os.getpid).result() == pid != os.getpid()
        with pytest.raises(WorkerLost, match="status 5"):
            workers.submit(os._exit, 5).result()
        assert workers.submit(os.getpid).result() != pid
        with pytest.raises(Exception, match="pickle"):
            workers.submit(lambda: None).result()
        assert workers.submit(abs, -1).result() == 1
    with pytest.raises(RuntimeError, match="shut down"):
        workers.submit(abs, 1)


def test_workers_end_when_they_are_told_to() -> None:
    """Also in the midst of a task, and without leaving a process behind."""
    workers = Processes(1)
    pid = workers.submit(os.getpid).result()
    busy, waiting = workers.submit(time.sleep, 600), workers.submit(abs, 1)
    while not busy.running():
        time.sleep(0.01)
    workers.shutdown(cancel_futures=True)
    assert waiting.cancelled()
    assert isinstance(busy.exception(), WorkerLost)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


# ── somebody who does not want to wait ─────────────────────────────────────────────────────────────────────


def test_what_is_ready_is_told_before_the_end(tmp_path: Path) -> None:
    """Ctrl-C while the first document is waited for: the reports behind it that are ready still come."""
    write_all(tmp_path, [RIGHT] * 4)

    class Stuck(Executor):
        """Does the second and the third task only."""

        def __init__(self) -> None:
            self.futures: list[Future[Any]] = []

        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Interrupted() if not self.futures else Future()
            if len(self.futures) in (1, 2):
                future.set_result(fn(*args, **kwargs))
            self.futures.append(future)
            return future

    class Interrupted(Future[Any]):
        def result(self, timeout: float | None = None) -> Any:
            raise KeyboardInterrupt

    names: list[str] = []
    executor = Stuck()
    reports = many.reports(find([tmp_path]), Settings(), executor)
    with pytest.raises(KeyboardInterrupt):
        names.extend(Path(report.path).name for report in reports)
    assert names == ["001.md", "002.md"]
    assert executor.futures[3].cancelled()


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
@pytest.mark.parametrize("options", [["--format", "text"], ["--format", "json", "--jobs", "2"]])
def test_ctrl_c_leaves_a_partial_report(tmp_path: Path, options: list[str]) -> None:
    """What was finished, a line that says how many were not, exit status 130, and no traceback."""
    for number in range(400):
        (tmp_path / f"{number:03d}.md").write_text(document(number, steps=8))
    cache = tmp_path / "cache"
    process = subprocess.Popen(
        [sys.executable, "-m", "derive", "check", str(tmp_path), f"--certificate={tmp_path / 'c'}", *options],
        cwd=ROOT, env={**os.environ, "XDG_CACHE_HOME": str(cache)}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    kept = cache / "derive" / "reports.sqlite"
    while process.poll() is None and not (kept.exists() and kept.stat().st_size > 20_000):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    said, trouble = process.communicate(timeout=60)
    assert process.returncode == 130, trouble
    (line,) = trouble.splitlines()
    left = int(re.fullmatch(r"derive: interrupted: (\d+) of 400 documents were not checked", line)[1])
    assert 0 < left < 400
    if "json" in options:
        assert len(json.loads(said)["documents"]) == 400 - left
    else:
        assert f"{400 - left} documents: {8 * (400 - left)} claims" in said
    assert not (tmp_path / "c").exists()


class Terminal(io.StringIO):
    """A standard error, or output, that somebody looks at."""

    def isatty(self) -> bool:
        return True


def bar(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, count: int, same: bool = False) -> None:
    """Follow so many reports, with no patience."""
    monkeypatch.setattr(progress, "WAIT", -1.0)
    monkeypatch.setattr(progress, "OFTEN", -1.0)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    reports: Iterator[Report] = (Report(str(number), None) for number in range(count))
    for report in progress.followed(reports, count, same):
        stream.write(f"<{report.path}>")
    monkeypatch.undo()


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how far it is; it is gone at the end, and while something is written to the same terminal."""
    for same in (False, True):
        stream = Terminal()
        bar(monkeypatch, stream, 3, same)
        said = stream.getvalue()
        assert "checking" in said
        assert "2/3" in said
        assert (
            said.endswith("\x1b[2K")
            or said.rstrip("\x1b[?25h").endswith("\x1b[2K")
            or "\x1b[2K" in said[-40:]
        )
        if same:
            for number in range(1, 3):
                erased = said.rindex("\x1b[2K", 0, said.index(f"<{number}>"))
                assert "checking" not in said[erased : said.index(f"<{number}>")]


def test_no_bar_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in a pipe, and nothing for what is soon over."""
    stream = io.StringIO()
    bar(monkeypatch, stream, 3)
    assert stream.getvalue() == "<0><1><2>"
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert len(list(progress.followed([Report("a", None)] * 3, 3, True))) == 3
    assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]


# ── other machines ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A Dask cluster of two worker processes."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster


@pytest.mark.slow
def test_a_cluster_of_which_a_worker_is_killed(tmp_path: Path, cluster: Any) -> None:
    """Every document gets its report exactly once, in order, and the same as here."""
    from distributed import Client

    paths = list(write(tmp_path, 24, steps=5))
    with Client(cluster, set_as_default=False) as client:
        pids = client.run(os.getpid)
        assert len(set(pids.values()) - {os.getpid()}) == 2
        reports = []
        for report in derive.check_many([tmp_path], executor=client.get_executor()):
            reports.append(report)
            if len(reports) == 3:
                os.kill(next(iter(pids.values())), signal.SIGKILL)
        assert client.run(os.getpid).values() != pids.values()
    assert [report.path for report in reports] == [str(path) for path in paths]
    assert [report.error for report in reports] == [None] * 24
    alone = list(derive.check_many([tmp_path]))
    assert [report.steps for report in reports] == [report.steps for report in alone]


@pytest.mark.slow
def test_the_command_on_a_cluster(few: list[Path], cluster: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """`--scheduler` prints what is printed without it."""
    said = []
    for options in (["--scheduler", cluster.scheduler_address], []):
        assert cli.run(["check", str(few[0]), "--no-cache", *options]) == 2
        said.append(capsys.readouterr())
    assert said[0].out == said[1].out
    assert said[0].err == said[1].err == ""


def test_a_scheduler_that_is_not_there(
    few: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, and exit status 2; so it is where Dask is not installed."""
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "distributed", None)
        assert cli.run(["check", str(few[0]), "--scheduler", "tcp://127.0.0.1:1"]) == 2
        assert "pip install 'derive-verifier[distributed]'" in capsys.readouterr().err
    pytest.importorskip("distributed")
    monkeypatch.setattr(cli, "CONNECTING", 0.5)
    for address in ("tcp://127.0.0.1:1", "nonsense://x"):
        assert cli.run(["check", str(few[0]), "--scheduler", address]) == 2
        trouble = capsys.readouterr().err
        assert trouble.startswith(f"derive: cannot reach the scheduler {address}: ")
        assert trouble.count("\n") == 1


def test_settings_travel() -> None:
    """What is handed to a worker comes back from pickle as it was."""
    import pickle

    settings = Settings(documents.given_statements([r"x \in \mathbb{R}^n"]), "numerator", 3.0, certify=True)
    again = pickle.loads(pickle.dumps(settings))
    assert again == settings
    report = documents.check_document("a.md", document(0, steps=4), replace(settings, layout=None))
    assert pickle.loads(pickle.dumps(report)) == report
