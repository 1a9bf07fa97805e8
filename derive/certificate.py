r"""Certificates: what was judged, so that the kernel alone can confirm it.

    derive check notes.md --certificate out.json       writes one
    derive recheck out.json                            confirms it

    {"version": 1,
     "kernel": {"version": 1, "sources": "<hash of the trusted source files>"},
     "documents": [
      {"path": "notes.md", "text": "<hash of its text>", "claims": [
       {"line": 31, "column": 14, "equation": "<as written>", "verdict": "proved", "dimensions": ["c", "d"],
        "claim": ["Claim", lhs, rhs, "=", ["Context", {definitions}, [hypotheses], [constants]]],
        "uses": ["\\sum_i y_i = 1"], "conditions": [["> 0", <normal form>]], "hash": "<of this claim>"}]}],
     "hash": "<of all of it>"}

How terms are written is said in `derive.claims`. To re-check, terms, functions and the kernel are enough: a
proved claim is proved again, from the same hypotheses and under the same conditions. A refuted one carries
its counterexample and the indices that tell its `entry`; `numeric.certify` certifies it again. Where sides do
not fit together, `unequal` holds the dimensions that would have to be equal. Unknown and unread claims say
nothing, so there is nothing to confirm.

A hash tells of damage and of changes by hand; it is no signature. What a certificate asserts is believed
since the kernel proves it again, whoever wrote it. Not confirmed is that the terms are what the equation
means: that rests on the reader of documents.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from derive import kernel
from derive.claims import Malformed, decode, dimensions, encode
from derive.terms import Claim, Dimension, Index

if TYPE_CHECKING:
    from derive.lowering import Statement
    from derive.report import Counterexample, Report, Step

VERSION = 1
LARGEST = 512 * 2**20  # bytes of a certificate
REFUTING = 60.0  # seconds for the counterexample of one claim
VERDICTS = ("proved", "refuted", "unknown", "unread")
TRUSTED = ("terms.py", "functions.py", "kernel.py", "normal/*.py")
_PLACE = {"line": int, "column": int, "equation": str, "verdict": str, "hash": str}
_MORE = ("dimensions", "claim", "uses", "conditions", "indices", "counterexample", "unequal")


def kernel_version() -> dict[str, Any]:
    """The number of the kernel, and a hash of the source files that are trusted."""
    home = Path(__file__).parent
    content = sha256()
    for path in sorted(path for pattern in TRUSTED for path in home.glob(pattern)):
        source = path.read_bytes().replace(b"\r\n", b"\n")
        content.update(f"{path.relative_to(home).as_posix()} {len(source)}\n".encode() + source)
    return {"version": kernel.VERSION, "sources": content.hexdigest()}


# ── writing ────────────────────────────────────────────────────────────────────────────────────────────────


def certified(report: Report, judged: Mapping[int, Statement]) -> list[dict[str, Any]]:
    """The entries for the claims of a report; `judged` has their statements, by the id of the step."""
    return [_sealed(_entry(step, judged.get(id(step)))) for step in report.steps if step.kind == "claim"]


def _entry(step: Step, statement: Statement | None) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "line": step.line,
        "column": step.column,
        "equation": f"{step.lhs} {step.relation} {step.rhs}",
        "verdict": str(step.verdict),
    }
    if step.counterexample is not None:
        entry["counterexample"] = _written(step.counterexample)
        if step.counterexample.method == "shape":
            return {**entry, "unequal": encode(step.misfit)}
    if statement is not None and step.verdict != "unread":
        claim = statement.claim
        try:
            entry |= {"dimensions": list(dimensions(claim)), "claim": encode(claim)}
        except RecursionError:
            return entry  # too deep to be written, and then it is not confirmed
        if step.verdict == "proved":
            entry |= _proof(claim) or {}
        elif step.verdict == "refuted":
            entry["indices"] = encode(statement.indices)
    return entry


def _proof(claim: Claim) -> dict[str, Any] | None:
    """What the kernel's theorem rests on; None where it has none."""
    found = kernel.prove(claim)
    if not isinstance(found, kernel.Theorem):
        return None
    return {"uses": list(found.uses), "conditions": encode(tuple((c.kind, c.poly) for c in found.conditions))}


def _written(found: Counterexample) -> dict[str, Any]:
    names = ("dimensions", "values", "lhs", "rhs", "entry", "method")
    written = {name: getattr(found, name) for name in names}
    return {**written, "entry": list(found.entry)}


def document(report: Report) -> dict[str, Any]:
    """What a certificate says of one report, which was made for it (see `derive.documents.Settings`)."""
    return {"path": report.path, "text": _hash_of(report.source), "claims": report.certificate}


def certificate(documents: Sequence[dict[str, Any]]) -> str:
    """The certificate of these documents."""
    whole = _sealed({"version": VERSION, "kernel": kernel_version(), "documents": list(documents)})
    parts = [
        f' {{"path": {json.dumps(document["path"])}, "text": "{document["text"]}", "claims": [\n'
        + ",\n".join(f"  {json.dumps(claim)}" for claim in document["claims"])
        + "]}"
        for document in documents
    ]
    return (
        f'{{"version": {VERSION}, "kernel": {json.dumps(whole["kernel"])},\n"documents": [\n'
        + ",\n".join(parts)
        + f'],\n"hash": "{whole["hash"]}"}}\n'
    )


def _sealed(content: dict[str, Any]) -> dict[str, Any]:
    """The same with the hash of the rest."""
    rest = {name: value for name, value in content.items() if name != "hash"}
    return {**rest, "hash": _hash_of(json.dumps(rest, sort_keys=True, separators=(",", ":")))}


def _hash_of(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# ── re-checking ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one claim of a certificate, or of the certificate itself.

    Attributes:
        place: the document, the line and the column.
        verdict: what the certificate says; None of the certificate itself.
        trouble: why that is not confirmed; None where it is, or where nothing is asserted.
        remark: what is worth knowing beside that.
    """

    place: str
    verdict: str | None
    trouble: str | None = None
    remark: str | None = None


def recheck(path: Path) -> Iterator[Finding]:
    """What the kernel says of each claim of a certificate.

    Raises:
        Malformed: for what is not a certificate: no JSON, another form, terms that are none.
        OSError: for a file that cannot be opened.
    """
    whole = _read(path)
    if _sealed(whole)["hash"] != whole["hash"]:
        yield Finding(str(path), None, "it is not as it was written")
    if whole["kernel"] != (ours := kernel_version()):
        versions = (f"kernel {k['version']} ({k['sources'][:8]})" for k in (whole["kernel"], ours))
        yield Finding(str(path), None, remark="written by {}, confirmed by {}".format(*versions))
    for document in whole["documents"]:
        for entry in document["claims"]:
            place = f"{document['path']}:{entry['line']}:{entry['column']}"
            try:
                yield Finding(place, entry["verdict"], _trouble(entry))
            except Malformed as trouble:
                raise Malformed(f"{place}: {trouble}") from None


def _trouble(entry: Mapping[str, Any]) -> str | None:
    """Why an entry is not confirmed."""
    if _sealed(dict(entry))["hash"] != entry["hash"]:
        return "this claim is not as it was written"
    if "unequal" in entry and entry["verdict"] == "refuted":
        return _misfit(entry)
    if "claim" not in entry:
        no_terms = "there are no terms from which it could be confirmed"
        return no_terms if entry["verdict"] in ("proved", "refuted") else None
    claim = decode(Claim, entry["claim"])
    if entry.get("dimensions") != list(dimensions(claim)):
        return "it is made for other dimensions"
    if entry["verdict"] == "proved":
        proof = _proof(claim)
        if proof is None:
            return "it is said to be proved, and the kernel cannot prove it"
        if proof["uses"] != entry.get("uses"):
            return f"the kernel proves it from other hypotheses: {', '.join(proof['uses']) or 'none'}"
        if proof["conditions"] != entry.get("conditions"):
            return "the kernel proves it under other conditions"
    if entry["verdict"] == "refuted":
        from numeric.certify import refute  # with NumPy and FLINT: only for what is refuted

        indices = decode(tuple[Index, ...], entry.get("indices"))
        found = refute(claim, entry=indices, seconds=REFUTING)
        if found is None:
            return "it is said to be refuted, and there is no certified counterexample"
        if _written(found) != entry.get("counterexample"):
            return "its counterexample is another one"
    return None


def _misfit(entry: Mapping[str, Any]) -> str | None:
    """Why dimensions that would have to be equal are not shown to be unequal."""
    pairs = decode(tuple[tuple[Dimension, Dimension], ...], entry["unequal"])
    shown = entry.get("counterexample")
    sizes = shown.get("dimensions") if isinstance(shown, dict) else None
    names = frozenset[str]().union(*(d.names for pair in pairs for d in pair))
    if not isinstance(sizes, dict) or not names <= sizes.keys():
        raise Malformed("the sizes of its dimensions are missing")
    if any(type(size) is not int or not 1 <= size <= 1000 for size in sizes.values()):
        raise Malformed("the size of a dimension is no number from 1 to 1000")
    if all(left.value(sizes) == right.value(sizes) for left, right in pairs):
        return "it is said to be refuted by shapes, and they agree"
    return None


def _read(path: Path) -> dict[str, Any]:
    """A certificate whose outer form is right."""
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Malformed(f"larger than {LARGEST // 2**20} MB")
    try:
        whole = json.loads(data, object_pairs_hook=_unique, parse_float=_refuse, parse_constant=_refuse)
    except Malformed:
        raise
    except RecursionError:
        raise Malformed("it is nested too deeply") from None
    except ValueError as trouble:
        raise Malformed(f"not JSON: {trouble}") from None
    _demand(whole, {"version": int, "kernel": dict, "documents": list, "hash": str}, "the certificate")
    if whole["version"] != VERSION:
        raise Malformed(f"a certificate of version {whole['version']}, and not of version {VERSION}")
    _demand(whole["kernel"], {"version": int, "sources": str}, "the kernel")
    for document in whole["documents"]:
        _demand(document, {"path": str, "text": str, "claims": list}, "a document")
        for entry in document["claims"]:
            _demand(entry, _PLACE, "a claim", _MORE)
            if entry["verdict"] not in VERDICTS:
                raise Malformed(f"{entry['verdict'][:40]!r} is no verdict ({', '.join(VERDICTS)})")
    return whole  # type: ignore[no-any-return]


def _demand(value: Any, form: Mapping[str, type], what: str, more: Iterable[str] = ()) -> None:
    """Refuse what is not an object of this form."""
    if type(value) is not dict:
        raise Malformed(f"{what} is no object")
    for name, kind in form.items():
        if type(value.get(name)) is not kind:
            raise Malformed(f"{what} has no {name!r}, or it is of another kind")
    for name in value:
        if name not in form and name not in more:
            raise Malformed(f"{what} has {name[:40]!r}, which it should not")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Malformed("an object has a name twice")
    return found


def _refuse(text: str) -> Any:
    raise Malformed(f"{text[:40]} is no whole number")
