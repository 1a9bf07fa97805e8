"""Reports as annotations of a GitHub workflow: a line for each fault, shown beside the line that it is in.

    ::error file=notes.md,line=8,col=37,title=derive: refuted [D102]::the two sides differ …

What is in a property or in a message is escaped as GitHub's runner undoes it, so that nothing in a document
can end a command or begin another one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from derive.render.report import claim_messages, count_text, safe
from derive.report import Report


def reports_github(
    reports: Sequence[Report], given: Sequence[Report] = (), allow: Sequence[str] = ()
) -> Iterator[str]:
    """Annotations, and a line for each document.

    What fails is an error, what is allowed a notice, and another remark a warning.
    """
    for report in [*given, *reports]:
        if report.error is not None:
            yield _command("error", report.path, None, None, "derive: not checked", report.error)
        at = set()
        told = claim_messages(report)
        for step in report.steps:
            if step.is_fault:
                level = "notice" if step.verdict in allow else "error"
                line, column = step.place or (step.line, step.column)
                at.add((step.line, step.column))
                code = f" [{step.code}]" if step.code else ""
                title = f"derive: {step.verdict}{code}"
                yield _command(level, report.path, line, column, title, told(step))
        for note in report.notes:
            if note.code and (note.line, note.column) not in at:
                title = f"derive: note [{note.code}]"
                yield _command("warning", report.path, note.line, note.column, title, safe(note.message))
        if report.error is None:
            yield f"derive: {safe(report.path)}: {count_text(report.counts)}"


def _command(level: str, path: str, line: int | None, column: int | None, title: str, message: str) -> str:
    properties = {"file": _file(path), "line": line, "col": column, "title": title}
    said = ",".join(
        f"{key}={_property(str(value))}" for key, value in properties.items() if value is not None
    )
    return f"::{level} {said}::{_data(message)}"


def _file(path: str) -> str:
    """A path from the root of the repository, where the runner says which that is."""
    root, there = os.environ.get("GITHUB_WORKSPACE"), os.path.abspath(path)
    if root and there.startswith(os.path.join(os.path.abspath(root), "")):
        path = os.path.relpath(there, root)
    return "\n".join(map(safe, path.replace(os.sep, "/").split("\n")))  # a line's end is escaped later


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
