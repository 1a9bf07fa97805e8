"""Reports that need not be made again.

    with Cache.of_user() as cache:
        key = cache.key(".md", text, settings)
        report = cache.get(key)          # None: check the document, and then
        cache.put(key, report)

What is kept is the report on a whole document. A claim alone is no unit: what it means depends on all that is
declared, defined and assumed before it, and its layout, the reach of a sum, what counts from 0 and which
letters are transposed or primed are read off the document as a whole. So a changed line checks its document
again, and no other.

The key is a hash of everything that a report depends on: the text, the kind of the file, what is given beside
it, every other setting, the source files of derive, and the versions of Python and of the packages that it
computes with. A report that the clock or an error cut short is not kept, for it might be another one next
time.

The file is an SQLite database in the user's cache folder ($XDG_CACHE_HOME where that is set), which several
runs may use at once. Whatever is wrong with it costs time only: an entry whose hash does not fit is not used,
a damaged file is made anew, and without a place to write to there is no cache. What is read back is plain
data: no other class is loaded than those of a report.
"""

from __future__ import annotations

import io
import os
import pickle
import sqlite3
import sys
import time
import zlib
from contextlib import closing, suppress
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from derive import report as plain
from derive.report import Report
from derive.terms import Dimension

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from derive.documents import Settings

MOST = 256 * 2**20  # bytes of all entries; beyond it, those that were not used for longest go
PATIENCE = 5.0  # seconds to wait while another run writes
OFTEN = 500  # entries that are written before the size is looked at
COMPUTED_WITH = ("numpy-", "python_flint-", "markdown_it_py-")
PLAIN = {
    (kind.__module__, kind.__qualname__): kind
    for kind in (
        plain.Report, plain.Step, plain.Note, plain.Counterexample, plain.Evidence, plain.Repair,
        plain.Verdict, Dimension,
    )
}  # fmt: skip
_TABLE = "CREATE TABLE IF NOT EXISTS reports (key BLOB PRIMARY KEY, used INTEGER, size INTEGER, content BLOB)"
_SURPLUS = (
    "DELETE FROM reports WHERE key IN (SELECT key FROM (SELECT key, SUM(size) OVER (ORDER BY used DESC, key)"
    " AS total FROM reports) WHERE total > ?)"
)


@cache
def fingerprint() -> str:
    """A hash of what computes: the sources of derive, Python, and the packages that verdicts rest on."""
    home = Path(__file__).resolve().parent.parent
    content = sha256(repr((sys.version, sys.platform, sys.flags.optimize, sys.getrecursionlimit())).encode())
    for place in sys.path:  # read off folder names: importlib.metadata takes long to load
        with suppress(OSError):
            installed = (name for name in os.listdir(place or ".") if name.endswith(".dist-info"))
            versions = sorted(name for name in installed if name.startswith(COMPUTED_WITH))
            content.update("".join(f"{name}\n" for name in versions).encode())
    for path in sorted((*home.glob("derive/**/*.py"), *home.glob("numeric/**/*.py"))):
        source = path.read_bytes()
        content.update(f"{path.relative_to(home).as_posix()} {len(source)}\n".encode() + source)
    return content.hexdigest()


def folder() -> Path:
    """The folder of the user's cache."""
    from platformdirs import user_cache_path

    return user_cache_path("derive", appauthor=False)


class Cache:
    """Reports by their keys, in a file. Never raises: a cache that fails is one that knows nothing."""

    def __init__(self, path: Path, most: int = MOST):
        self.path, self.most = path, most
        self._database: sqlite3.Connection | None = None
        self._used: set[bytes] = set()
        self._written = 0
        self._open()

    @classmethod
    def of_user(cls) -> Self:
        """The cache in the user's folder."""
        return cls(folder() / "reports.sqlite")

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            database = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
            self._database = database
            database.execute("PRAGMA synchronous = OFF")  # what a crash of the machine spoils is found out
            database.execute(_TABLE)
        except (sqlite3.Error, OSError) as trouble:
            self._failed(trouble)

    def _failed(self, trouble: Exception) -> None:
        """Go on without a cache; a file that is no database any more is removed, for the next run."""
        if self._database is not None:
            with suppress(sqlite3.Error):
                self._database.close()
            self._database = None
        if type(trouble) is sqlite3.DatabaseError:  # and none of the kinds that say locked, full or read-only
            with suppress(OSError):
                self.path.unlink()

    @staticmethod
    def key(kind: str, source: str, settings: Settings) -> bytes:
        """What determines the report on a text, read as a kind of file such as ".md"."""
        given = settings.given
        rest = replace(settings, given=type(given)())
        said = repr((fingerprint(), kind.lower(), rest, given.source, given.passages))
        content = sha256(said.encode("utf-8", "surrogatepass"))
        content.update(b"\0" + source.encode("utf-8", "surrogatepass"))
        return content.digest()

    def get(self, key: bytes) -> Report | None:
        """The report that was kept under a key, without its path and its source."""
        if self._database is None:
            return None
        try:
            row = self._database.execute("SELECT content FROM reports WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as trouble:
            self._failed(trouble)
            return None
        found = _unpacked(key, row[0]) if row is not None else None
        if found is not None:
            self._used.add(key)
        return found

    def put(self, key: bytes, report: Report) -> None:
        """Keep a report, if nothing cut it short."""
        if self._database is None or not report.whole or report.error is not None:
            return
        content = _packed(key, report)
        if len(content) > self.most:
            return
        row = (key, time.time_ns(), len(content), content)
        try:
            self._database.execute("INSERT OR REPLACE INTO reports VALUES (?, ?, ?, ?)", row)
            self._written += 1
            if self._written % OFTEN == 0:
                self._trim()
        except sqlite3.Error as trouble:
            self._failed(trouble)

    def _trim(self) -> None:
        """Note what was used, and delete what is too much."""
        assert self._database is not None
        now = time.time_ns()
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany(
            "UPDATE reports SET used = ? WHERE key = ?", [(now, k) for k in self._used]
        )
        self._database.execute(_SURPLUS, (self.most,))
        self._database.execute("COMMIT")
        self._used.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, trouble: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._database is not None:
            try:
                with closing(self._database):
                    if self._used or self._written:
                        self._trim()
            except sqlite3.Error as failed:
                self._failed(failed)
            self._database = None


# ── a report as bytes ──────────────────────────────────────────────────────────────────────────────────────


def _packed(key: bytes, report: Report) -> bytes:
    body = zlib.compress(pickle.dumps(replace(report, path="", source=""), protocol=5), 1)
    return sha256(key + body).digest() + body


def _unpacked(key: bytes, content: Any) -> Report | None:
    """What was packed, if it is what was packed under this key."""
    if type(content) is not bytes or sha256(key + content[32:]).digest() != content[:32]:
        return None
    try:
        found = _Plain(io.BytesIO(zlib.decompress(content[32:]))).load()
    except Exception:  # whatever somebody else has put there
        return None
    return found if isinstance(found, Report) else None


class _Plain(pickle.Unpickler):
    """Loads plain data: numbers, texts, lists and the classes of a report."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in PLAIN:
            return PLAIN[module, name]
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a report")
