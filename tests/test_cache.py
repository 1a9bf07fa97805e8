"""The cache: what is taken from it is what would be found, and nothing that is wrong with it matters."""

import multiprocessing
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import fields, replace
from hashlib import sha256
from pathlib import Path

import pytest

from derive import cache as module
from derive import cli, documents
from derive.cache import Cache, fingerprint
from derive.documents import Given, Settings, check_document, given_statements
from derive.report import Report
from tests.benchmarks.corpus import document, write

ROOT = Path(__file__).resolve().parents[1]
NOTES = r"""<!-- derive
x \in \mathbb{R}^n, A \in \mathbb{R}^{n \times n}
x^T x = 1
-->

$$\frac{\partial x^T x}{\partial x} = x$$

$$x^T x \, A = A, \quad \|x + A x\| \le 1, \quad A x = Q x, \quad A x = x A$$
"""
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `derive check`, and returns its exit status and what it printed."""

    def _run(*arguments: object) -> tuple[int, str]:
        status = cli.run(["check", *map(str, arguments)])
        return status, capsys.readouterr().out

    return _run


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The documents that are really checked, in order."""
    seen: list[str] = []

    def check(path: str, source: str, settings: Settings) -> Report:
        seen.append(Path(path).name)
        return check_document(path, source, settings)

    monkeypatch.setattr(documents, "check_document", check)
    return seen


@pytest.fixture
def kept(own_cache: Path) -> Path:
    """The file in which `derive check` keeps reports."""
    return own_cache / "derive" / "reports.sqlite"


# ── it is the same ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", ["text", "json", "markdown", "html", "sarif", "github"])
def test_reports_are_the_same_to_the_byte(tmp_path: Path, run: Run, judged: list[str], form: str) -> None:
    """Without a cache, with a cold one and with a warm one; and only the warm one saves the work."""
    (tmp_path / "notes.md").write_text(NOTES)
    (tmp_path / "more.md").write_text(document(3, steps=6))
    options = (tmp_path, "--format", form, *(["-v", "--show-reading"] if form == "text" else []))
    without, cold = run(*options, "--no-cache"), run(*options)
    assert judged == ["more.md", "notes.md"] * 2
    assert run(*options) == cold == without
    assert len(judged) == 4


def test_a_changed_document_is_checked_again_and_no_other(
    tmp_path: Path, run: Run, judged: list[str]
) -> None:
    """One word is enough; and what is changed back is still known."""
    paths = list(write(tmp_path, 4, steps=2))
    run(tmp_path)
    before = paths[2].read_text()
    paths[2].write_text(before.replace("Notes", "Remarks"))
    run(tmp_path)
    assert judged == [path.name for path in (*paths, paths[2])]
    paths[2].write_text(before)
    run(tmp_path)
    assert len(judged) == 5


def test_the_same_text_elsewhere_is_known(tmp_path: Path, run: Run, judged: list[str]) -> None:
    """By another name, which the report then has; but not as another kind of file."""
    for name in ("a.md", "b.md", "c.tex"):
        (tmp_path / name).write_text(NOTES)
    _, text = run(tmp_path)
    assert judged == ["a.md", "c.tex"]
    assert f"{tmp_path / 'b.md'}:6:" in text


def test_without_a_cache_none_is_written(tmp_path: Path, run: Run, kept: Path) -> None:
    """`--no-cache` leaves no trace, and the default does, where the user's caches are."""
    (tmp_path / "notes.md").write_text(NOTES)
    run(tmp_path, "--no-cache")
    assert not kept.exists()
    run(tmp_path)
    assert kept.exists()


# ── the key ────────────────────────────────────────────────────────────────────────────────────────────────

GIVEN = given_statements([r"x \in \mathbb{R}^n"])
OTHERS = {
    "given": GIVEN,
    "layout": "numerator",
    "seconds": 9.0,
    "cross_check": False,
    "certify": True,
    "document_seconds": 9.0,
    "translate": True,
}


def test_every_setting_is_in_the_key() -> None:
    """What a report depends on makes another key: each setting, the text, and the kind of the file."""
    assert {slot.name for slot in fields(Settings)} == OTHERS.keys()
    settings = Settings()
    keys = [
        Cache.key(".md", "x", settings),
        Cache.key(".md", "y", settings),
        Cache.key(".tex", "x", settings),
    ]
    keys += [Cache.key(".md", "x", replace(settings, **{name: value})) for name, value in OTHERS.items()]
    moved = replace(GIVEN, passages=tuple(replace(p, offsets=range(1, 20)) for p in GIVEN.passages))
    keys += [Cache.key(".md", "x", Settings(given)) for given in (moved, replace(GIVEN, source="x"))]
    assert len(set(keys)) == len(keys)
    assert Cache.key(".MD", "x", Settings(Given())) == keys[0]


def test_what_is_given_counts(tmp_path: Path, run: Run, judged: list[str]) -> None:
    """The text of a given file, not its name; and options that matter."""
    (tmp_path / "a.md").write_text("$$\\frac{\\partial x^T x}{\\partial x} = 2 x$$")
    for text in ("x \\in \\mathbb{R}^n", "x \\in \\mathbb{R}^{1 \\times n}", "x \\in \\mathbb{R}^n"):
        (tmp_path / "shapes.txt").write_text(text)
        verdict = "proved" if "times" not in text else "refuted"
        assert verdict in run(tmp_path / "a.md", "--given", tmp_path / "shapes.txt")[1]
    assert len(judged) == 2
    run(tmp_path / "a.md", "--given", tmp_path / "shapes.txt", "--layout", "numerator")
    assert len(judged) == 3


def test_the_sources_are_in_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed line anywhere in the packages forgets everything; what is no source does not."""
    for name in ("derive", "numeric"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(module, "__file__", str(tmp_path / "derive" / "cache.py"))
    first = fingerprint.__wrapped__()
    assert first == fingerprint()
    (tmp_path / "derive" / "catalogue" / "sgd-update.numerator.md").unlink()
    assert fingerprint.__wrapped__() == first
    seen = {first}
    for name in ("derive/kernel.py", "derive/normal/laws.py", "derive/reader/tex.py", "numeric/certify.py"):
        with (tmp_path / name).open("a") as file:
            file.write("# changed\n")
        seen.add(fingerprint.__wrapped__())
    (tmp_path / "derive" / "new.py").touch()
    seen.add(fingerprint.__wrapped__())
    assert len(seen) == 6
    monkeypatch.setattr(sys, "version", "4.0")
    assert fingerprint.__wrapped__() not in seen


def test_the_key_is_the_same_in_every_process() -> None:
    """Nothing in it depends on how Python hashes in this run."""
    code = (
        "from derive.cache import Cache; from derive.documents import Settings, given_statements\n"
        r"print(Cache.key('.md', 'x', Settings(given_statements([r'x \in \mathbb{R}^n']))).hex())"
    )
    keys = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(keys) == 1


# ── what is kept ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_report_is_read_back_whole(tmp_path: Path) -> None:
    """Every field of it, but for the path and the text, which the asker has."""
    report = check_document("notes.md", NOTES, Settings(certify=True))
    assert {str(step.verdict) for step in report.steps if step.kind == "claim"} >= {"proved", "refuted"}
    assert report.certificate
    with Cache(tmp_path / "c") as cache:
        cache.put(b"key", report)
        assert cache.get(b"key") == replace(report, path="", source="")
        assert cache.get(b"other") is None
    with Cache(tmp_path / "c") as cache:
        assert cache.get(b"key") == replace(report, path="", source="")


HARD = r"$a \in \mathbb{R}$ $$\sin(a)^2 + \cos(a)^2 = 1$$"


def test_what_the_clock_cut_short_is_not_kept(tmp_path: Path) -> None:
    """Next time it may be decided: neither a time-out, nor a search that ended early, nor an error."""
    cut = check_document("a.md", NOTES, Settings(seconds=1e-6))
    assert not cut.whole
    lost = check_document("a.ipynb", "{", Settings())
    assert lost.error is not None
    whole = check_document("a.md", RIGHT, Settings())
    assert whole.whole
    with Cache(tmp_path / "c") as cache:
        for number, report in enumerate((cut, lost, whole)):
            cache.put(bytes([number]), report)
        assert [cache.get(bytes([number])) is not None for number in range(3)] == [False, False, True]


RIGHT = "$a \\in \\mathbb{R}$\n\n$$ a + a = 2 a $$\n"


def test_a_search_that_ended_early_is_put_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim that stays unknown because the search for a counterexample had no more time."""
    assert check_document("a.md", HARD, Settings()).whole
    monkeypatch.setattr(documents, "REFUTING", 1e-9)
    report = check_document("a.md", HARD, Settings())
    assert report.counts["unknown"] == 1
    assert not report.whole


def test_an_error_in_a_claim_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What went wrong inside derive may be mended, or have been a want of memory."""

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("derive.checker.prove", fail)
    report = check_document("a.md", RIGHT, Settings())
    assert report.counts["unknown"] == 1
    assert not report.whole


def test_its_size_is_bounded(tmp_path: Path) -> None:
    """What was not used for longest goes first, and what was used stays."""
    report = check_document("a.md", document(1, steps=2), Settings())
    size = len(module._packed(b"0", report))
    path = tmp_path / "c"
    with Cache(path, most=10 * size + 9) as cache:
        for number in range(10):
            cache.put(b"%d" % number, report)
    with Cache(path, most=10 * size + 9) as cache:
        assert cache.get(b"0") is not None
        for number in range(5):
            cache.put(b"1%d" % number, report)
    with Cache(path, most=10 * size + 9) as cache:
        left = [key for key in (*range(10), *range(10, 15)) if cache.get(b"%d" % key) is not None]
    assert left == [0, 6, 7, 8, 9, 10, 11, 12, 13, 14]
    with Cache(path, most=1) as cache:
        cache.put(b"large", report)
        assert cache.get(b"large") is None


# ── what is wrong with it does not matter ──────────────────────────────────────────────────────────────────


def damage(path: Path, change: Callable[[bytes, bytes], bytes]) -> None:
    """Change the content of every entry."""
    with sqlite3.connect(path) as database:
        for key, content in database.execute("SELECT key, content FROM reports").fetchall():
            database.execute("UPDATE reports SET content = ? WHERE key = ?", (change(key, content), key))
    database.close()


def packed(key: bytes, value: object) -> bytes:
    """A value as an entry whose hash fits."""
    body = zlib.compress(pickle.dumps(value))
    return sha256(key + body).digest() + body


class Bomb:
    """What, when it is loaded, would write a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


def test_damaged_entries_are_not_used(tmp_path: Path, run: Run, judged: list[str], kept: Path) -> None:
    """Cut off, changed, of another document, of another type, or a bomb: the document is checked again."""
    path = tmp_path / "notes.md"
    path.write_text(NOTES)
    right = run(path)
    other = check_document("a.md", RIGHT, Settings())
    changes: list[Callable[[bytes, bytes], object]] = [
        lambda key, content: b"",
        lambda key, content: content[:-1],
        lambda key, content: content[:50] + bytes([content[50] ^ 1]) + content[51:],
        lambda key, content: packed(key[::-1], replace(other, path="", source="")),
        lambda key, content: "text",
        lambda key, content: None,
        lambda key, content: packed(key, {"steps": []}),
        lambda key, content: packed(key, Bomb(tmp_path / "bomb")),
        lambda key, content: packed(key, subprocess.Popen),
        lambda key, content: sha256(key + b"no zlib").digest() + b"no zlib",
    ]
    for number, change in enumerate(changes):
        damage(kept, change)  # type: ignore[arg-type]
        assert run(path) == right
        assert len(judged) == number + 2
        assert run(path) == right  # and is kept again
        assert len(judged) == number + 2
    assert not (tmp_path / "bomb").exists()


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_made_anew(tmp_path: Path, run: Run, kept: Path, content: bytes) -> None:
    """The run goes on without a cache at worst, and the next one has one again."""
    path = tmp_path / "notes.md"
    path.write_text(NOTES)
    right = run(path, "--no-cache")
    kept.parent.mkdir(parents=True)
    kept.write_bytes(content)
    assert [run(path) for _ in range(3)] == [right] * 3
    with sqlite3.connect(kept) as database:
        assert database.execute("SELECT COUNT(*) FROM reports").fetchone() == (1,)
    database.close()


def test_a_table_of_another_form(tmp_path: Path, run: Run, kept: Path) -> None:
    """A database of somebody else's is left alone."""
    path = tmp_path / "notes.md"
    path.write_text(NOTES)
    kept.parent.mkdir(parents=True)
    with sqlite3.connect(kept) as database:
        database.execute("CREATE TABLE reports (name TEXT)")
    database.close()
    assert run(path) == run(path, "--no-cache")


def test_where_nothing_can_be_written(tmp_path: Path, run: Run, own_cache: Path) -> None:
    """A file where the folder should be: there is no cache, and no complaint."""
    path = tmp_path / "notes.md"
    path.write_text(NOTES)
    (own_cache / "derive").write_text("in the way")
    assert run(path) == run(path, "--no-cache")


def test_a_file_that_is_locked(tmp_path: Path, run: Run, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program holds it: after some patience there is no cache."""
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    path = tmp_path / "notes.md"
    path.write_text(NOTES)
    right = run(path)
    other = sqlite3.connect(kept, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert run(path) == right
    other.close()
    assert kept.exists()


def keep_many(path: Path, start: int) -> None:
    """Put entries of one's own, and read those of the others meanwhile."""
    report = check_document("a.md", RIGHT, Settings())
    for number in range(start, start + 40):
        with Cache(path) as cache:
            cache.put(b"%d" % number, report)
            assert cache.get(b"%d" % number) == replace(report, path="", source="")
            for other in (0, 40, 80):
                assert cache.get(b"%d" % other) in (None, replace(report, path="", source=""))


def test_many_runs_at_once(tmp_path: Path) -> None:
    """Three processes write and read the same file, and nothing is lost."""
    path = tmp_path / "c"
    context = multiprocessing.get_context("spawn")
    runs = [context.Process(target=keep_many, args=(path, start)) for start in (0, 40, 80)]
    for process in runs:
        process.start()
    for process in runs:
        process.join(60)
    assert [process.exitcode for process in runs] == [0, 0, 0]
    with Cache(path) as cache:
        assert all(cache.get(b"%d" % number) is not None for number in range(120))
