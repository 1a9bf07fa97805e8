"""Reports and derivations as JSON, format version 1: names are never changed, only added."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from derive.derivation import Derivation
from derive.report import Report, Step

VERSION = 1
_OUTSIDE_ASCII = re.compile(r"[^\n -~]")


def dumped(body: object) -> str:
    """JSON as text: letters as they are, and what a terminal or an editor would act on as an escape."""
    text = json.dumps(body, ensure_ascii=False, indent=1)
    if text.isascii() and "\x7f" not in text:
        return text
    return _OUTSIDE_ASCII.sub(lambda found: found[0] if found[0].isprintable() else _escaped(found[0]), text)


def _escaped(character: str) -> str:
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]


def step_object(step: Step) -> dict[str, Any]:
    """One step as plain data."""
    numeric = step.numeric
    return {
        "line": step.line,
        "column": step.column,
        "kind": step.kind,
        "verdict": str(step.verdict) if step.verdict is not None else None,
        "relation": step.relation,
        "lhs": step.lhs,
        "rhs": step.rhs,
        "dimensions": list(step.dimensions),
        "uses": list(step.uses),
        "conditions": list(step.conditions),
        "layout": step.layout,
        "rule": step.rule,
        "code": step.code,
        "message": step.message,
        "expected": step.expected,
        "place": None if step.place is None else list(step.place),
        "reading": step.reading,
        "by_entries": step.by_entries,
        "in_matrices": step.in_matrices,
        "residual": step.residual,
        "skipped": step.skipped,
        "baseline": step.known,
        "cell": step.cell,
        "explicit": [list(row) for row in step.explicit] or None,
        "repair": None if step.repair is None else asdict(step.repair),
        "counterexample": None
        if step.counterexample is None
        else {**asdict(step.counterexample), "entry": list(step.counterexample.entry)},
        "numeric": None
        if numeric is None
        else {
            "method": numeric.method,
            "samples": numeric.samples,
            "max_error": numeric.max_error,
            "tolerance": numeric.tolerance,
            "agrees": numeric.agrees,
            "sizes": [dict(sizes) for sizes in numeric.sizes],
            "seed": numeric.seed,
        },
    }


def report_object(report: Report) -> dict[str, Any]:
    """One document as plain data; `error` says why it could not be checked."""
    return {
        "path": report.path,
        "layout": report.layout,
        "error": report.error,
        "counts": report.counts,
        "notes": [asdict(note) for note in report.notes],
        "steps": [step_object(step) for step in report.steps],
    }


def reports_json(reports: Sequence[Report], given: Sequence[Report] = ()) -> str:
    """The reports of several documents, and of what cannot be read in the files that give statements."""
    body = {"version": VERSION, "documents": list(map(report_object, reports))}
    if given:
        body["given"] = list(map(report_object, given))
    return dumped(body)


def proof_json(report: Report, given: Sequence[Report] = ()) -> str:
    """The verdict on one equation: its claims, and what is given but cannot be read."""
    claims = [step for step in report.steps if step.kind == "claim"]
    body = {
        "version": VERSION,
        "proved": bool(claims) and all(step.verdict == "proved" for step in claims),
        "error": report.error,
        "steps": list(map(step_object, claims)),
        "given": list(map(report_object, given)),
    }
    return dumped(body)


def derivation_json(derivation: Derivation) -> str:
    """A ready or computed derivation."""
    body = {
        "name": derivation.name,
        "title": derivation.title,
        "layout": derivation.layout,
        "result": derivation.result_latex,
        "quantities": [list(pair) for pair in derivation.quantities],
        "engines": {"agree": derivation.engines[0], "compared": derivation.engines[1]},
        "steps": [step_object(step) for step in derivation.steps],
    }
    return dumped({"version": VERSION, "derivation": body})
