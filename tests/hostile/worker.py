"""The processes that examine documents: `mutants`, and `guided` by what a mutant reaches.

Each writes a line of JSON to standard output before a document and one after it, so that who waits for them
sees which document hangs or kills the process.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from tests.hostile.bombs import BOMBS
from tests.hostile.mutation import as_file, mutate, seeds

SUFFIXES = (".md", ".tex", ".ipynb")
INSTRUMENTED = [
    "derive.reader",
    "derive.checker",
    "derive.documents",
    "derive.lowering",
    "derive.suppression",
    "derive.render",
]


def documents(seed: int, start: int, stop: int, corpus: Path) -> Iterator[tuple[str, str, bytes]]:
    """The mutants with these numbers: a name, the suffix, and what the file holds."""
    known = seeds(corpus)
    texts = [text for text, _ in known]

    def made(number: int) -> tuple[str, str, bytes]:
        rng = random.Random(f"{seed}/{number}")
        text, suffix = rng.choice(known)
        return f"mutant {number}", suffix, as_file(mutate(text, texts, rng), suffix, rng)

    return map(made, range(start, stop))


def bombs(start: int, stop: int) -> Iterator[tuple[str, str, bytes]]:
    """The bombs with these numbers."""
    for name, bomb in list(BOMBS.items())[start:stop]:
        yield name, bomb.suffix, bomb.data()


class Examiner:
    """Examines documents in a folder of its own, and says what it does."""

    def __init__(self, seconds: float, memory: int):
        from tests.hostile.examine import examine
        from tests.hostile.watch import watch

        self.examine, self.seconds = examine, seconds
        self.folder = Path(tempfile.mkdtemp(prefix="hostile-"))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        inside = os.path.join(os.path.realpath(self.folder), "")
        self.opened = watch(
            lambda name, writing: name.startswith((inside, "/proc/self/")) or name == os.devnull
        )

    def __call__(self, name: str, suffix: str, data: bytes) -> None:
        path = self.folder / f"document{suffix}"
        path.write_bytes(data)
        self.say({"begin": name, "suffix": suffix})
        found = self.examine(path, self.seconds)
        found.complaints += self.opened
        self.opened.clear()
        self.say(
            {"end": name, "size": len(data), **asdict(found), "path": self.kept(name, path, found.complaints)}
        )

    def kept(self, name: str, path: Path, complaints: list[str]) -> str | None:
        """Where a document that something is wrong with stays."""
        if not complaints:
            return None
        where = self.folder / f"{name.replace(' ', '-').replace('/', '-')}{path.suffix}"
        where.write_bytes(path.read_bytes())
        return str(where)

    @staticmethod
    def say(record: dict[str, object]) -> None:
        os.write(1, json.dumps(record).encode() + b"\n")


def guided(seed: int, count: int, corpus: Path, seconds: float, memory: int) -> None:
    """Fuzz with atheris: what reaches new code is kept, and mutated further."""
    import atheris

    known = seeds(corpus)
    texts = [text for text, _ in known]
    with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
        examiner = Examiner(seconds, memory)
    begin = examiner.folder / "seeds"
    begin.mkdir()
    for number, (text, suffix) in enumerate(known):
        (begin / str(number)).write_bytes(bytes([SUFFIXES.index(suffix)]) + text.encode())
    done = 0

    def one(data: bytes) -> None:
        nonlocal done
        done += 1
        suffix = SUFFIXES[data[0] % 3] if data else ".md"
        text = data[1:].decode("utf-8", "surrogatepass" if data[:1] > b"\x80" else "replace")
        with contextlib.suppress(UnicodeEncodeError):  # a lone surrogate
            examiner(f"guided {done}", suffix, as_file(text, suffix, random.Random(done)))

    def mutated(data: bytes, largest: int, number: int) -> bytes:
        rng = random.Random(number)
        if rng.random() < 0.3:
            return bytes(atheris.Mutate(data, largest))
        text = mutate(data[1:].decode("utf-8", "replace"), texts, rng)
        return (data[:1] or b"\0") + text.encode("utf-8", "replace")[: largest - 1]

    arguments = [
        f"-runs={count}",
        f"-seed={seed % 2**31}",
        "-timeout=0",
        "-max_len=6000",
        "-rss_limit_mb=0",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *arguments, str(begin)], one, custom_mutator=mutated)
    atheris.Fuzz()


def main(kind: str, seed: int, start: int, stop: int, corpus: Path, seconds: float, memory: int) -> None:
    """What one process does."""
    if kind == "guided":
        guided(seed, stop - start, corpus, seconds, memory)
        return
    found = bombs(start, stop) if kind == "bombs" else documents(seed, start, stop, corpus)
    examiner = Examiner(seconds, memory)
    for name, suffix, data in found:
        examiner(name, suffix, data)
