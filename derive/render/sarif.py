"""Reports as SARIF 2.1.0, which code scanning and editors read.

A claim that is not proved is a result: an error when it is refuted, a warning when it is unknown or unread,
a note where that is allowed. What a comment skips is suppressed in source, with its reason; what the baseline
has is suppressed by it. A document that cannot be opened is a notification of the invocation.

OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0 Plus Errata 01 (2023).
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import derive
from derive.baseline import fingerprint
from derive.diagnostics import DIAGNOSTICS, Diagnostic
from derive.render.report import claim_messages, safe
from derive.report import Report, Step, Verdict

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def reports_sarif(reports: Sequence[Report], given: Sequence[Report] = (), allow: Sequence[str] = ()) -> str:
    """The reports as one run."""
    every = [*given, *reports]
    results = [result for report in every for result in _results(report, allow)]
    codes = sorted({result["ruleId"] for result in results if "ruleId" in result})
    for result in results:
        if "ruleId" in result:
            result["ruleIndex"] = codes.index(result["ruleId"])
    closed = [
        {"level": "error", "message": {"text": safe(report.error)}, "locations": [_location(report.path)]}
        for report in every
        if report.error is not None
    ]
    run = {
        "tool": {
            "driver": {
                "name": "derive",
                "version": derive.__version__,
                "rules": [_rule(DIAGNOSTICS[code]) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": not closed, "toolExecutionNotifications": closed}],
        "results": results,
    }
    return json.dumps({"version": "2.1.0", "$schema": SCHEMA, "runs": [run]}, indent=1)


def _rule(entry: Diagnostic) -> dict[str, Any]:
    return {
        "id": entry.code,
        "shortDescription": {"text": entry.title},
        "fullDescription": {"text": entry.what},
        "help": {"text": f"{entry.why}\n\nFor example:\n\n{entry.bad}\nInstead:\n\n{entry.instead}"},
    }


def _results(report: Report, allow: Sequence[str]) -> Iterator[dict[str, Any]]:
    times = Counter[str]()
    noted = set()
    told = claim_messages(report)
    for step in report.steps:
        if step.kind == "claim" and step.verdict is not Verdict.PROVED:
            name = fingerprint(report, step)
            times[name] += 1
            noted.add((step.line, step.column))
            result = _result(
                _level(step, allow), step.code, told(step), report.path,
                step.place or (step.line, step.column),
            )  # fmt: skip
            result["partialFingerprints"] = {"derive/v1": f"{name}:{times[name]}"}
            if step.skipped is not None:
                result["suppressions"] = [{"kind": "inSource", "justification": safe(step.skipped)}]
            elif step.known:
                result["suppressions"] = [{"kind": "external", "justification": "in the baseline"}]
            yield result
    for note in report.notes:
        if note.code and (note.line, note.column) not in noted:
            yield _result("note", note.code, safe(note.message), report.path, (note.line, note.column))


def _level(step: Step, allow: Sequence[str]) -> str:
    if step.verdict in allow:
        return "note"
    return "error" if step.verdict is Verdict.REFUTED else "warning"


def _result(level: str, code: str | None, message: str, path: str, place: tuple[int, int]) -> dict[str, Any]:
    line, column = place
    region = {"startLine": line, "startColumn": column}
    rule = {} if code is None else {"ruleId": code}
    return {
        **rule, "level": level, "message": {"text": message}, "locations": [_location(path, region)],
    }  # fmt: skip


def _location(path: str, region: dict[str, int] | None = None) -> dict[str, Any]:
    """A place; a path below the current folder is relative to the root of the sources."""
    artifact = {"uri": quote(os.fsencode(path.replace(os.sep, "/"))), "uriBaseId": "%SRCROOT%"}
    if os.path.isabs(path):
        artifact = {"uri": Path(path).as_uri()}
    place: dict[str, Any] = {"artifactLocation": artifact}
    return {"physicalLocation": place if region is None else {**place, "region": region}}
