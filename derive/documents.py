"""Documents on disk: found, opened, read by their kind, and checked one by one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from derive.catalogue import default_judge
from derive.checker import check
from derive.expression import Layout
from derive.reader import markdown
from derive.reader.passage import Passage
from derive.report import Report


def check_files(files: Sequence[Path], given: Sequence[Path], layout: Layout | None) -> list[Report]:
    """The reports of all documents, in order."""
    prefix = [_given(path) for path in given]
    reports: list[Report] = []
    for path in files:
        source = path.read_text(encoding="utf-8")
        passages = [*prefix, *_passages(path, source)]
        report, _ = check(str(path), source, passages, default_judge(), layout)
        reports.append(report)
    return reports


def _passages(path: Path, source: str) -> Sequence[Passage]:
    if path.suffix == ".tex":
        from derive.reader import tex

        return tex.read(source)
    if path.suffix == ".ipynb":
        from derive.reader import notebook

        return notebook.read(source)
    return markdown.read(source)


def _given(path: Path) -> Passage:
    """A file of statements as a given block before the document."""
    text = path.read_text(encoding="utf-8")
    return Passage("given", text, [0] * (len(text) + 1), 0, "paragraph")
