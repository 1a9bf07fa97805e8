"""A baseline: the faults that a text had when it was adopted, and that are let pass.

    {"version": 1, "faults": [{"path", "fingerprint", "verdict", "claim"}, …]}

A fault is known by what the claim says and not by its line, so that text may be moved around it; the same
claim twice is two faults. It is let pass as long as its verdict gets no worse: what could not be read when
the baseline was written, and is refuted now, fails. Paths are those from the folder of the baseline.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from derive.report import Report, Step

VERSION = 1
_SEVERITY = ("unread", "unknown", "refuted")
_LINE_END = re.compile(r"\r\n?|\n")


class BadBaseline(ValueError):
    """A baseline that cannot be read or written, and why."""


class Baseline:
    """The faults that are let pass; `apply` marks them in a report, each entry once."""

    def __init__(self, path: Path, faults: Iterable[dict[str, str]]):
        self.path = path
        self._left: dict[tuple[str, str], list[int]] = {}
        for fault in faults:
            place = fault["path"], fault["fingerprint"]
            self._left.setdefault(place, []).append(_SEVERITY.index(fault["verdict"]))

    @staticmethod
    def read(path: Path) -> Baseline:
        """A baseline from its file. Raises BadBaseline."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except OSError as trouble:
            raise BadBaseline(f"cannot open the baseline {path}: {trouble.strerror or trouble}") from None
        except (ValueError, RecursionError) as trouble:
            raise BadBaseline(f"the baseline {path} is not JSON: {trouble}") from None
        if not isinstance(data, dict) or data.get("version") != VERSION:
            raise BadBaseline(
                f"{path} is not a baseline of version {VERSION}; write one with --write-baseline"
            )
        faults = data.get("faults")
        if not isinstance(faults, list) or not all(map(_is_fault, faults)):
            raise BadBaseline(f"the baseline {path} has faults of another form; write it again")
        return Baseline(path, faults)

    def applied(self, reports: Iterable[Report]) -> Iterator[Report]:
        """These reports, with the faults marked that the baseline has."""
        for report in reports:
            self.apply(report)
            yield report

    def apply(self, report: Report) -> None:
        """Mark the faults of a report that the baseline has."""
        name = _relative(report.path, self.path)
        for step in report.steps:
            if step.is_fault:
                known = self._left.get((name, fingerprint(report, step)), [])
                severity = _SEVERITY.index(str(step.verdict))
                fitting = [recorded for recorded in known if recorded >= severity]
                if fitting:
                    known.remove(min(fitting))
                    step.known = True

    def stale(self, reports: Iterable[Report]) -> int:
        """How many entries for these documents nothing was found for any more."""
        names = {_relative(report.path, self.path) for report in reports if report.error is None}
        return sum(len(left) for (name, _), left in self._left.items() if name in names)


def write_baseline(path: Path, reports: Sequence[Report], allow: Sequence[str] = ()) -> int:
    """Write the faults of these reports, those of an older baseline included; how many there are.

    What is allowed is no fault, and neither is what the document skips. Raises BadBaseline.
    """
    faults = [
        {
            "path": _relative(report.path, path),
            "fingerprint": fingerprint(report, step),
            "verdict": str(step.verdict),
            "claim": " ".join(f"{step.lhs} {step.relation} {step.rhs}".split()),
        }
        for report in reports
        for step in report.steps
        if (step.is_fault or step.known) and step.verdict not in allow
    ]
    text = json.dumps({"version": VERSION, "faults": faults}, ensure_ascii=True, indent=1)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as trouble:
        raise BadBaseline(f"cannot write the baseline {path}: {trouble.strerror or trouble}") from None
    return len(faults)


def fingerprint(report: Report, step: Step) -> str:
    """What a claim says, whatever its spaces, as a short name; of what has no sides, its whole line."""
    said = [step.lhs, step.relation, step.rhs]
    if not step.lhs and not step.rhs:
        lines = _lines(report.source)
        said = [lines[step.line - 1] if step.line <= len(lines) else ""]
    content = "\0".join(" ".join(part.split()) for part in said)
    return sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:20]


@lru_cache(maxsize=1)  # one report asks for each of its claims
def _lines(source: str) -> list[str]:
    return _LINE_END.split(source)


def _relative(document: str, baseline: Path) -> str:
    """The path of a document as a baseline has it."""
    try:
        found = os.path.relpath(document, baseline.parent)
    except ValueError:  # on another drive
        found = os.path.abspath(document)
    return found.replace(os.sep, "/")


def _is_fault(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(key), str) for key in ("path", "fingerprint"))
        and entry.get("verdict") in _SEVERITY
    )
