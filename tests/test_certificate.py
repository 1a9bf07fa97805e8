"""Certificates: claims as JSON and back, what confirms them, and what is refused."""

import ast
import copy
import json
import random
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from derive import certificate, claims, cli
from derive.claims import Malformed, decode, dimensions, encode
from derive.documents import Settings, check_document
from derive.terms import (
    Abstraction,
    Apply,
    Claim,
    Context,
    Delta,
    Dimension,
    Entry,
    Equation,
    Index,
    Number,
    Power,
    Sum,
    Term,
)
from tests.spec.claims import FALSE, OPEN, TRUE
from tests.test_architecture import ROOT, TRUSTED, imported, ours, sources

Data = dict  # of JSON
Recheck = Callable[[object], tuple[int, str, str]]

DOCUMENT = r"""# Notes

<!-- derive
layout: denominator
y \in \mathbb{R}^c, z \in \mathbb{R}^c, x \in \mathbb{R}^n, A \in \mathbb{R}^{n \times c}
\sum_i y_i = 1
p = \mathrm{softmax}(z)
L = -y^T \log p
-->

$$\frac{\partial L}{\partial z} = p - y$$

$$\frac{x_i}{x_i} = 1$$

$$\frac{\partial x^T x}{\partial x} = 3 x$$

$$A x = x$$

$$\|x\| \le \|x\| + 1 - e^{-\|x\|}$$

$$x = \oint x$$
"""
PROVED, UNDER, REFUTED, SHAPES, UNKNOWN, UNREAD = range(6)


@pytest.fixture(scope="module")
def written() -> Data:
    """The certificate of a document with every verdict."""
    report = check_document("notes.md", DOCUMENT, Settings(certify=True))
    assert report.error is None
    return json.loads(certificate.certificate([certificate.document(report)]))


@pytest.fixture
def recheck(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Recheck:
    """Runs `derive recheck` on a certificate, or on a text."""

    def _recheck(data: object) -> tuple[int, str, str]:
        path = tmp_path / "out.json"
        path.write_text(data if isinstance(data, str) else json.dumps(data))
        status = cli.run(["recheck", str(path)])
        return status, *capsys.readouterr()

    return _recheck


def sealed(data: Data) -> Data:
    """The certificate with every hash made to fit again, as a forger would."""
    data = copy.deepcopy(data)
    for document in data["documents"]:
        document["claims"] = [certificate._sealed(entry) for entry in document["claims"]]
    return certificate._sealed(data)


def changed(data: Data, number: int, **entries: object) -> Data:
    """The certificate with other entries of one claim; None drops one."""
    data = copy.deepcopy(data)
    claim = data["documents"][0]["claims"][number]
    for name, value in entries.items():
        claim.pop(name, None)
        if value is not None:
            claim[name] = value
    return data


# ── claims as data ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("row", TRUE + FALSE + OPEN, ids=lambda row: row.name)
def test_a_claim_is_read_back_as_it_was(row) -> None:
    """Every kind of term, hypothesis and dimension, through the text of JSON."""
    assert decode(Claim, json.loads(json.dumps(encode(row.claim)))) == row.claim


def test_every_kind_of_term_is_among_them() -> None:
    """So the test above leaves none out."""
    text = json.dumps([encode(row.claim) for row in TRUE + FALSE + OPEN])
    assert [kind.__name__ for kind in claims.TERMS if f'["{kind.__name__}"' not in text] == []
    assert {kind.__name__ for kind in claims.TERMS} == {
        node.name
        for node in sources()["derive.terms"].body
        if isinstance(node, ast.ClassDef) and [ast.unparse(base) for base in node.bases] == ["Term"]
    }


X = Entry("x", (Index("i", Dimension.of("n")),))


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        (Term, ["Exec", "x"], "'Exec' stands where"),
        (Term, ["Claim", ["Number", 1], ["Number", 1], "=", []], "'Claim' stands where"),
        (Term, [], "None stands where"),
        (Term, "x", "'x' stands where a list has to"),
        (Term, ["Number", True], "True stands where int has to"),
        (Term, ["Number", 0.5], "0.5 stands where int has to"),
        (Term, ["Number", "2/4"], "not written in its one way"),
        (Term, ["Number", "1/0"], "'1/0' is not a fraction"),
        (Term, ["Number", "٣/٤"], "not written in its one way"),
        (Term, ["Number", "x/3"], "invalid literal"),
        (Term, ["Number", 10**5000], "more than 1000 digits"),
        (Term, ["Number", "1" * 3000 + "/3"], "is not a fraction"),
        (Term, ["Number", 1, 2], "Number has 1 parts, not 2"),
        (Term, ["Entry", "x", [["i", 0]]], "a dimension is at least 1"),
        (Term, ["Entry", "x", [["i", "3 n"]]], "not the name of a dimension"),
        (Term, ["Entry", "x", [["i", [[["n"], 1]]]]], "not written in its one way"),
        (Term, ["Entry", "x", [["i", [[["m"], 1], [["m"], 1]]]]], "not written in its one way"),
        (Term, ["Entry", "x\0", []], "the character 0"),
        (Term, ["Delta", ["i", "n"], ["j", "m"]], "compares indices of one range"),
        (Term, ["Sum", [3, "n"], ["Number", 1]], "a named index"),
        (Term, ["Apply", "sin", ["Number", 1], 10**6], "order 1000000 is more than 100"),
        (Term, ["Apply", "sin", ["Number", 1], -1], "not negative"),
        (Term, ["Determinant", [[["i", "n"], ["j", "m"]], ["Number", 1]]], "a square matrix"),
        (Term, ["Determinant", [[["i", "n"]], ["Number", 1]]], "a square matrix"),
        (Claim, ["Claim", ["Number", 1], ["Number", 1], "is", ["Context", {}, [], []]], "a claim relates"),
        (Context, ["Context", {}, [["Positive", ["Number", 1], []]], []], "needs a label"),
        (Context, ["Context", {}, [["Number", 1]], []], "'Number' stands where"),
        (Context, ["Context", [], [], []], "a list stands where an object has to"),
        (Context, ["Context", {}, [], ["k", "a"]], "not written in its one way"),
        (Context, ["Context", {}, [], ["k", "k"]], "not written in its one way"),
    ],
)
def test_what_is_not_written_so_is_refused(kind: object, data: object, said: str) -> None:
    """One line says why, whatever stands there."""
    with pytest.raises(Malformed) as refused:
        decode(kind, data)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_nesting_has_an_end() -> None:
    """A term that is nested without end is refused, and not read until Python gives up."""
    data: object = ["Number", 1]
    for _ in range(5_000):
        data = ["Power", data, ["Number", 2]]
    with pytest.raises(Malformed, match="nested too deeply"):
        decode(Term, data)


def test_whatever_is_changed_it_is_refused_or_a_claim() -> None:
    """Random damage to the data of a claim raises Malformed and nothing else, or leaves another claim."""
    rng = random.Random(7)
    rows = [json.dumps(encode(row.claim)) for row in TRUE]
    pieces = ["Sum", "n", 0, -1, 2.5, None, True, [], {}, ["Number", 1], "1/3", 10**30]
    others = 0
    for _ in range(3000):
        data = json.loads(rng.choice(rows))
        place = data
        while isinstance(place, list) and place:
            where = rng.randrange(len(place))
            if rng.random() < 0.3 or not isinstance(place[where], list) or not place[where]:
                place[where] = rng.choice(pieces)
                break
            place = place[where]
        try:
            others += isinstance(decode(Claim, data), Claim)
        except Malformed:
            continue
    assert 0 < others < 3000


def test_dimensions_of_a_claim() -> None:
    """Those of both sides, of definitions on which they rest, and of no others."""
    n, m = Dimension.of("n"), Dimension.of("m")
    at = Index("i", m)
    definitions = {
        "g": Abstraction((), Sum(at, Entry("u", (at,)))),
        "h": Abstraction((), Entry("v", (Index(0, Dimension.of("l")),))),
    }
    claim = Claim(X, Entry("g"), context=Context(definitions))
    assert dimensions(claim) == ("m", "n")
    assert dimensions(Claim(Number(1), Number(1))) == ()
    assert dimensions(Claim(Delta(Index(0, n + 1), Index(0, n + 1)), Number(1))) == ("n",)


# ── what is confirmed ──────────────────────────────────────────────────────────────────────────────────────


def test_a_certificate_holds_what_was_judged(written: Data) -> None:
    """Each verdict, with what belongs to it."""
    judged = written["documents"][0]["claims"]
    assert [entry["verdict"] for entry in judged] == [
        "proved", "proved", "refuted", "refuted", "unknown", "unread",
    ]  # fmt: skip
    assert judged[PROVED]["uses"] == [r"\sum_i y_i = 1"]
    assert judged[PROVED]["dimensions"] == ["c"]
    assert judged[PROVED]["line"] == 11
    assert judged[PROVED]["equation"] == r"\frac{\partial L}{\partial z} = p - y"
    assert [kind for kind, _ in judged[UNDER]["conditions"]] == ["!= 0"]
    assert judged[REFUTED]["counterexample"]["dimensions"] == {"n": 1}
    assert judged[SHAPES]["unequal"]
    assert "claim" in judged[UNKNOWN]
    assert "claim" not in judged[UNREAD]
    assert written["kernel"] == certificate.kernel_version()


def test_it_is_confirmed(written: Data, recheck: Recheck) -> None:
    """What is proved and what is refuted; of the rest nothing is said."""
    status, said, trouble = recheck(written)
    assert (status, trouble) == (0, "")
    assert said.endswith(
        "2 proved and 2 refuted, confirmed; 2 unknown or unread, of which nothing is asserted\n"
    )
    assert sealed(written) == written


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And with a cache that is cold, warm or left aside, in this process and in others, it is the same."""
    path, texts = tmp_path / "notes.md", set()
    path.write_text(DOCUMENT)
    for options in ([], [], ["--no-cache"], ["--no-cache", "--jobs", "1"]):
        out = tmp_path / "out.json"
        assert cli.run(["check", str(path), "--certificate", str(out), *options]) == 1
        texts.add(out.read_text())
        out.unlink()
    assert len(texts) == 1
    (tmp_path / "out.json").write_text(texts.pop())
    capsys.readouterr()
    assert cli.run(["recheck", str(tmp_path / "out.json")]) == 0


def test_only_the_trusted_are_needed(written: Data, tmp_path: Path) -> None:
    """To confirm what is proved, nothing of ours is loaded but what the kernel rests on, and no package."""
    few = copy.deepcopy(written)
    few["documents"][0]["claims"] = [
        few["documents"][0]["claims"][n] for n in (PROVED, UNDER, SHAPES, UNKNOWN)
    ]
    path = tmp_path / "out.json"
    path.write_text(json.dumps(sealed(few)))
    code = (
        "import sys\n"
        "from derive import cli\n"
        f"status = cli.run(['recheck', {str(path)!r}])\n"
        "ours = [n for n in sys.modules if n.split('.')[0] in ('derive', 'numeric')]\n"
        "more = ('numpy', 'sympy', 'flint', 'rich', 'markdown_it', 'pickle')\n"
        "heavy = [n for n in more if n in sys.modules]\n"
        "print(status, *ours, *heavy)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    said, modules = ran.stdout.splitlines()
    assert "2 proved and 1 refuted, confirmed" in said
    status, *loaded = modules.split()
    assert status == "0"
    assert set(loaded) <= TRUSTED | {"derive", "derive.cli", "derive.certificate", "derive.claims"}


def test_what_rechecks_imports_no_more() -> None:
    """Read from the sources: the kernel's modules, and for refuted claims one of `numeric`."""
    assert ours(imported(sources()["derive.claims"], True)) <= {"derive.terms", "derive"}
    needed = ours(imported(sources()["derive.certificate"], True))
    assert needed <= TRUSTED | {"derive", "derive.claims", "numeric.certify"}
    assert "numeric.certify" not in imported(sources()["derive.certificate"], False)


# ── what is refused ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("number", "entries"),
    [
        (PROVED, {"verdict": "refuted"}),
        (PROVED, {"line": 12}),
        (PROVED, {"equation": "1 = 0"}),
        (PROVED, {"uses": []}),
        (PROVED, {"claim": None}),
        (PROVED, {"hash": "0" * 64}),
        (REFUTED, {"verdict": "proved"}),
        (UNKNOWN, {"verdict": "proved"}),
        (UNREAD, {"verdict": "unknown"}),
    ],
)
def test_what_was_changed_is_refused(written: Data, recheck: Recheck, number: int, entries: Data) -> None:
    """Each change by hand is noticed, in its claim and in the whole."""
    status, said, trouble = recheck(changed(written, number, **entries))
    assert (status, trouble) == (1, "")
    line = entries.get("line", written["documents"][0]["claims"][number]["line"])
    assert "out.json: certificate, not confirmed: it is not as it was written\n" in said
    assert f"notes.md:{line}:" in said
    assert "not confirmed: this claim is not as it was written\n" in said


def test_a_claim_that_is_dropped_is_missed(written: Data, recheck: Recheck) -> None:
    """Although all others are as they were."""
    less = copy.deepcopy(written)
    del less["documents"][0]["claims"][REFUTED]
    status, said, _ = recheck(less)
    assert status == 1
    assert said.count("not confirmed") == 2
    assert "it is not as it was written" in said


def without_hypotheses(entry: Data) -> Data:
    claim = copy.deepcopy(entry["claim"])
    assert claim[4][0] == "Context"
    claim[4][2] = []
    return {"claim": claim}


def test_forged_certificates_are_refused(written: Data, recheck: Recheck) -> None:
    """Hashes that fit again do not help: the kernel has to prove what is said to be proved."""
    judged = written["documents"][0]["claims"]
    wrong = copy.deepcopy(judged[PROVED]["claim"])
    wrong[2] = ["Number", 0]
    misfit = [[left, left] for left, _ in judged[SHAPES]["unequal"]]
    other = {**judged[REFUTED]["counterexample"], "lhs": "7"}
    forged = [
        (PROVED, {"claim": wrong}, "the kernel cannot prove it"),
        (PROVED, without_hypotheses(judged[PROVED]), "the kernel cannot prove it"),
        (PROVED, {"uses": []}, r"the kernel proves it from other hypotheses: \sum_i y_i = 1"),
        (PROVED, {"dimensions": ["c", "d"]}, "it is made for other dimensions"),
        (PROVED, {"claim": None}, "there are no terms"),
        (PROVED, {"verdict": "refuted", "indices": []}, "there is no certified counterexample"),
        (UNDER, {"conditions": []}, "under other conditions"),
        (UNDER, {"conditions": None}, "under other conditions"),
        (REFUTED, {"verdict": "proved", "uses": [], "conditions": []}, "the kernel cannot prove it"),
        (REFUTED, {"counterexample": other}, "its counterexample is another one"),
        (REFUTED, {"counterexample": None}, "its counterexample is another one"),
        (SHAPES, {"unequal": misfit}, "refuted by shapes, and they agree"),
        (SHAPES, {"unequal": None}, "there are no terms"),
        (SHAPES, {"verdict": "proved"}, "there are no terms"),
        (UNKNOWN, {"verdict": "proved", "uses": [], "conditions": []}, "the kernel cannot prove it"),
        (UNKNOWN, {"verdict": "refuted", "indices": []}, "there is no certified counterexample"),
        (UNREAD, {"verdict": "proved"}, "there are no terms"),
    ]
    for number, entries, reason in forged:
        status, said, trouble = recheck(sealed(changed(written, number, **entries)))
        assert (status, trouble) == (1, ""), entries
        assert reason in said, (entries, said)
        assert said.count("not confirmed: ") == 1


def test_another_kernel_is_named(written: Data, recheck: Recheck) -> None:
    """A certificate of another version is confirmed by this one, which says so."""
    older = copy.deepcopy(written)
    older["kernel"]["sources"] = "0" * 64
    status, said, _ = recheck(sealed(older))
    assert status == 0
    assert "written by kernel 1 (00000000), confirmed by kernel 1 (" in said


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "the certificate is no object"),
        ("{}", "the certificate has no 'version'"),
        ('{"version": 1, "version": 1}', "a name twice"),
        ('{"version": 1.0}', "1.0 is no whole number"),
        ('{"version": NaN}', "NaN is no whole number"),
        ('{"version": ' + "9" * 5000 + "}", "not JSON"),
        ("[" * 200_000, "nested too deeply"),
        ('{"a":' * 200_000, "nested too deeply"),
        ('{"version": 2, "kernel": {}, "documents": [], "hash": ""}', "of version 2"),
        ('{"version": 1, "kernel": {}, "documents": [], "hash": ""}', "the kernel has no 'version'"),
        ('"\ud83d', "not JSON"),
    ],
)
def test_what_is_no_certificate(recheck: Recheck, text: str, reason: str, tmp_path: Path) -> None:
    """One line, and exit status 2."""
    (tmp_path / "out.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    status = cli.run(["recheck", str(tmp_path / "out.json")])
    assert status == 2


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"claim": ["Claim"]}, "notes.md:11:33: Claim has 4 parts, not 0"),
        ({"claim": "1 = 1"}, "'1 = 1' stands where a list has to"),
        ({"verdict": "true"}, "'true' is no verdict"),
        ({"line": "11"}, "a claim has no 'line', or it is of another kind"),
        ({"proof": "trust me"}, "a claim has 'proof', which it should not"),
    ],
)
def test_claims_that_are_none(written: Data, recheck: Recheck, entries: Data, reason: str) -> None:
    """What is not of the form is named with its place, on standard error."""
    status, _, trouble = recheck(sealed(changed(written, PROVED, **entries)))
    assert status == 2
    assert trouble.count("\n") == 1
    assert reason in trouble


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line."""
    assert cli.run(["recheck", str(tmp_path / "none.json")]) == 2
    assert capsys.readouterr().err.endswith("No such file or directory\n")


def test_bombs_end(recheck: Recheck, written: Data) -> None:
    """Claims that would take for ever to decide are not confirmed, or refused, and soon."""
    great = Number(10**300)
    x = Entry("x")
    tower = Power(Power(x + Number(1), great), great)
    wide = Index("k", Dimension.of(10**9))
    definitions = {f"g{n}": Abstraction((), Entry(f"g{n + 1}") * Entry(f"g{n + 1}")) for n in range(60)}
    circle = {"g": Abstraction((), Entry("g") + Number(1))}
    hard = [
        Claim(tower, Number(0)),
        Claim(Power(great, great), Number(1)),
        Claim(Sum(wide, Entry("y", (wide,))), Number(1)),
        Claim(Entry("g0"), Number(1), context=Context(definitions)),
        Claim(Entry("g"), Number(1), context=Context(circle)),
        Claim(Apply("sin", x, 90), Number(Fraction(1, 3))),
        Claim(x, Number(1), context=Context({}, (Equation(x, Number(2), ("x is 2",)),))),
    ]
    for claim in hard:
        entries = {"claim": encode(claim), "dimensions": [], "uses": [], "conditions": []}
        status, said, trouble = recheck(sealed(changed(written, PROVED, **entries)))
        assert (status, trouble) == (1, "")
        assert "the kernel cannot prove it" in said
