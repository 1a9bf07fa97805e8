"""Pages: whole, well-formed, and harmless whatever a document holds; in Chromium, where there is one."""

import html
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

import derive
from derive import catalogue, cli
from derive.documents import Given, check_files, check_source
from derive.reader import markdown
from derive.render.annotated import LARGEST, rows_of
from derive.render.html import derivation_cell, derivations_html, proof_cell, report_cell, reports_html
from derive.render.mathml import mathml, visible
from derive.render.pieces import Pieces
from derive.report import Counterexample, Note, Report, Step, Verdict
from numeric import check_gradient

VOID = {"meta", "br", "hr", "input", "col", "img", "mspace", "wbr"}
HARMLESS = {
    "html", "head", "title", "style", "body", "main", "article", "section", "header", "footer", "div",
    "span", "p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "table", "thead",
    "tbody", "tr", "th", "td", "caption", "pre", "code", "blockquote", "em", "strong", "s", "small", "b",
    "a", "label", "details", "summary", "math", "mrow", "mi", "mo", "mn", "mtext", "mstyle", "mpadded",
    "mphantom", "msqrt", "mroot", "mfrac", "msub", "msup", "msubsup", "munder", "mover", "munderover",
    "mtable", "mtr", "mtd", *VOID - {"img"},
}  # fmt: skip
DOCUMENT = r"""---
title: notes
---
# Least squares

<!-- derive
layout: denominator
x, y \in \mathbb{R}^n
A \in \mathbb{R}^{n \times n}
x^T x = 1
-->

The *form* is $x^T A x$, and $x^T x = \|x\|^2$, see [a book](https://example.org/book).

$$
\begin{align*}
\frac{\partial x^T x}{\partial x}
&= x + x \tag{product rule} \\
&= 3 x \\
&= 2 x
\end{align*}
$$

- in a list: $x + y = y - x$
- and $y = (x^T x) y$:

  $$ A + A = 2 A $$

> quoted $$ \|x + y\| \le \|x\| + \|y\| $$

| what | equation |
| --- | --- |
| sum | $x + x = 2 x$ |

```python
x = "$not = mathematics$"
```

```math
V x = x
```
"""
TEX = r"""\documentclass{article}
\begin{document}
Let $x \in \mathbb{R}^n$. % <b>no</b>
\begin{align}
\frac{\partial x^T x}{\partial x} &= x + x \label{a} \\
&= 3 x
\end{align}
\end{document}
"""
HOSTILE = (
    "# <script>alert(1)</script> \x1b[31mred\u202eevil\u2066\u200b\n\n"
    "<img src=x onerror=alert(2)> [click](javascript:alert(3)) [data](data:text/html,<script>) "
    '![p](http://evil.example/p.png "t") <style>body{display:none}</style> </main></body>\n\n'
    '[q](https://example.org/"onmouseover="alert(4)) `</code><script>` \ue0000\ue001 \ue00099\ue001\n\n'
    "$<script>alert(5)</script> = x$ and "
    " $\\text{<img src=x onerror=alert(6)>} = \\href{javascript:alert(7)}{x}$\n\n"
    '$$ \\style{background:url(http://evil.example)}{x} = \\class{"onclick=alert(8)}{x} $$\n\n'
    "$$ \\color{red;background:url(x)}{x} = \\unknown{x}<b> $$\n\n"
    "<!-- derive\n</style><script>alert(9)</script> = 1\n-->\n\n"
    "| <b>a</b> | \u202e |\n| --- | --- |\n| $x = <i>$ | </table> |\n"
)


class Tree(HTMLParser):
    """What a page holds: its elements in order, whether each is closed where it should be, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[tuple[str, tuple[int, int]]] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append((tag, self.getpos()))

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words += data


def tree(page: str) -> Tree:
    """The page, which is well-formed, and has nothing in it that could load or run anything."""
    found = Tree(page)
    assert not found.wrong
    assert not found.open
    assert {tag for tag, _ in found.elements} <= HARMLESS
    for tag, attributes in found.elements:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in ("src", "srcset", "action", "formaction", "background", "xlink:href"), (
                tag,
                name,
            )
            if name == "href":
                assert tag == "a"
                assert re.match(r"#|https?://", value or ""), value
            if name == "style":
                assert "url" not in (value or "")
    names = [a["id"] for _, a in found.elements if "id" in a]
    assert len(names) == len(set(names))
    linked = {a["href"][1:] for _, a in found.elements if (a.get("href") or "").startswith("#")}
    assert linked <= set(names)
    return found


def reported(source: str, name: str = "notes.md") -> Report:
    """The report on a Markdown document."""
    return check_source(name, source, markdown.read(source), Given())


@cache
def notes() -> Report:
    """The report on the document above."""
    return reported(DOCUMENT)


def placed(page: str, prefix: str = "d1") -> set[int]:
    """The numbers of the steps that have a place on a page."""
    return set(map(int, re.findall(rf'id="{prefix}s(\d+)"', page)))


def claims(report: Report) -> set[int]:
    return {number for number, step in enumerate(report.steps) if step.kind == "claim"}


# ── documents ──────────────────────────────────────────────────────────────────────────────────────────────


def test_every_claim_has_its_mark_beside_it_and_its_findings_below() -> None:
    report = notes()
    page = reports_html([report])
    found = tree(page)
    assert claims(report) <= placed(page)
    assert report.counts["refuted"] == 3
    for verdict in ("proved", "refuted", "unknown", "unread"):
        assert report.counts[verdict]
        marks = re.findall(
            rf'<span class="mark {verdict}" id="d1s\d+"><span aria-hidden="true">.</span> {verdict}<', page
        )
        assert len(marks) == report.counts[verdict]
    for step in report.steps:
        if step.kind == "claim" and step.verdict != "proved" and step.message:
            assert step.message.split("V ")[-1] in found.words
    assert "two errors cancel" in found.words
    assert "elsewhere in the document" not in found.words


def test_the_text_is_set_as_markdown() -> None:
    found = tree(reports_html([notes()]))
    tags = [tag for tag, _ in found.elements]
    assert {"em", "ul", "blockquote", "table", "pre"} <= set(tags)
    assert "Least squares" in found.words
    assert 'x = "$not = mathematics$"' in found.words
    assert "title: notes" in found.words
    assert ("a", {"href": "https://example.org/book", "rel": "noopener noreferrer"}) in found.elements
    assert "$" not in found.words.replace("$not = mathematics$", "")


def test_the_ledger_says_what_the_document_comes_to() -> None:
    words = tree(reports_html([notes()])).words
    ledger = words[words.index("What it comes to") :]
    assert "10 claims: 5 proved, 3 refuted, 1 unknown, 1 unread" in ledger
    assert ledger.count("refutedline ") == 3 or ledger.count("refuted line ") == 3
    assert "denominator" in ledger


def test_a_counterexample_is_a_table() -> None:
    found = Counterexample(
        {"n": 2}, {"A": [["1", "1/2"], ["0", "3"]], "x": ["1", "2"]}, "3", "4", (0, 1), "ball"
    )
    written = Pieces().counterexample(found)
    words = " ".join(re.sub(r"<[^>]*>", " ", written).split())
    assert "counterexample n = 2 , entry 1, 2" in words
    assert written.count("<table") == 2
    assert "( 1, 2)" in words.replace("(1", "( 1")
    assert "left side 3" in words
    assert "right side 4 (rounded; certified by ball arithmetic)" in words


def test_latex_is_shown_as_its_source_with_the_formula_below() -> None:
    report = next(iter_reports({"a.tex": TEX}))
    page = reports_html([report])
    found = tree(page)
    assert claims(report) <= placed(page)
    assert r"\documentclass{article}" in found.words
    assert "% <b>no</b>" in found.words
    assert page.index(r"\end{align}") < page.index('id="d1s1"') < page.index(r"\end{document}")


def iter_reports(files: dict[str, str]):
    """The reports on files with these texts."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            Path(folder, name).write_text(text, encoding="utf-8")
        yield from check_files([Path(folder, name) for name in files])


def test_the_cells_of_a_notebook() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["Let $x \\in \\mathbb{R}^n$.\n", "\n", "$$ x + x = 2 x $$\n"]},
        {"cell_type": "code", "source": "print('<b>')"},
        {"cell_type": "markdown", "source": "so $x + x = 3 x$ \u00e9"},
        {"cell_type": "markdown", "source": 7},
        "not a cell",
    ]
    notebook = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})
    report = next(iter_reports({"n.ipynb": notebook}))
    assert report.error is None
    page = reports_html([report])
    words = tree(page).words
    assert claims(report) <= placed(page)
    assert "print('<b>')" in words
    words = words[words.index("cell 1") :]
    assert words.index("proved") < words.index("cell 2") < words.index("print") < words.index("refuted")


def test_several_documents_have_a_table_of_contents() -> None:
    closed = Report("no<b>.md", None, error="No such file or directory")
    page = reports_html([notes(), closed, reported("$$ 1 + 1 = 2 $$\n", "b.md")])
    words = tree(page).words
    assert '<a href="#d3">b.md</a>' in page
    assert "no<b>.md" in words
    assert "No such file or directory" in words


def test_statements_of_a_given_file_that_cannot_be_read() -> None:
    step = Step(1, 3, "claim", "=", "a", "b", Verdict.UNREAD, message="<i>no</i>", code="D005")
    assert "<i>no</i>" in tree(reports_html([notes()], [Report("given.md", None, [step])])).words


def test_what_is_skipped_is_shown_as_that() -> None:
    source = "$a \\in \\mathbb{R}$\n\n<!-- derive: skip because of <b> -->\n$$ a = a + 1 $$\n"
    words = tree(reports_html([reported(source)])).words
    assert "✗ refuted skipped" in words
    assert "of <b>" in words
    assert "not proved" not in words


# ── hostile documents ──────────────────────────────────────────────────────────────────────────────────────


def test_what_a_document_holds_is_shown_as_text() -> None:
    report = reported(HOSTILE, "<script>.md")
    page = reports_html([report])
    words = tree(page).words
    assert "<script>alert(1)</script> \\x1b[31mred\\u202eevil" in words
    assert "javascript:alert(3)" in words
    assert "<img src=x onerror=alert(2)>" in words
    assert claims(report) <= placed(page)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ue000-\uf8ff]", page)
    assert page.count("<script") == 0


@pytest.mark.parametrize("name", ["h.md", "h.tex", "h.ipynb"])
def test_the_same_in_other_kinds_of_document(name: str) -> None:
    text = HOSTILE
    if name.endswith("ipynb"):
        cells = [{"cell_type": kind, "source": HOSTILE} for kind in ("markdown", "code", "<raw>")]
        text = json.dumps({"nbformat": 4, "cells": cells})
    page = reports_html(list(iter_reports({name: text})))
    tree(page)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ue000-\uf8ff]", page)


def test_messages_of_a_step_are_text() -> None:
    bad = "</details><script>alert(1)</script>\x1b\u202e"
    step = Step(
        1, 1, "claim", bad, bad, bad, Verdict.REFUTED, (bad,), (bad,), (bad,), rule=bad, code="D102",
        message=bad, reading=bad, expected=bad, residual=bad,
        counterexample=Counterexample({bad: 1}, {bad: [bad], "f": f"f = {bad}"}, bad, bad),
    )  # fmt: skip
    report = Report(
        "a.md", None, [step], notes=[Note(1, 1, bad, "D110"), Note(9, 9, bad)], source="$a = b$\n"
    )
    page = reports_html([report])
    tree(page)
    assert "<script" not in page
    assert not re.search("[\x1b\u202e]", page)


def test_a_page_can_load_and_run_nothing() -> None:
    for page in (reports_html([notes()]), derivations_html([catalogue.load("cross-entropy")])):
        policy = re.search('http-equiv="Content-Security-Policy" content="([^"]*)"', page)
        assert policy is not None
        assert policy[1].startswith("default-src 'none'; style-src 'unsafe-inline'")
        style = page[page.index("<style>") : page.index("</style>")]
        assert "url(" not in style
        assert "@import" not in style
        assert "http" not in style


def test_a_large_document_is_shown_in_part() -> None:
    filler = "nothing to see here\n" * (LARGEST // 19)
    page = reports_html([reported(f"{filler}\n$$ 1 + 1 = 3 $$\n{filler}")])
    assert len(page) < 60_000
    assert placed(page) == {0}
    tree(page)


@pytest.mark.parametrize(
    "text",
    [
        "> " * 300 + "$a=b$",
        "- " * 200 + "a",
        "*" * 5000,
        "[" * 3000,
        "$" * 2001,
        "|" * 3000 + "\n|--|\n",
        "`" * 3000,
    ],
)
def test_markdown_that_is_hard_to_read(text: str) -> None:
    tree(reports_html([reported(text)]))


# ── formulas ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\frac{a}{b}", "<mfrac><mi>a</mi><mi>b</mi></mfrac>"),
        (r"\mathrm{softmax}(z)", "<mi>softmax</mi>"),
        (r"\operatorname{tr}(A)", "<mi>tr</mi>"),
        (r"\operatorname*{arg\,max}_x f", "<msub><mi>argmax</mi><mi>x</mi></msub>"),
        (r"\mathbf{W} \boldsymbol{\theta}", "<mi>𝐖</mi><mi>𝜽</mi>"),
        (r"\mathbb{R}^{n}", "<msup><mi>ℝ</mi><mi>n</mi></msup>"),
        ("CE^2", "<msup><mi>CE</mi><mn>2</mn></msup>"),
        (r"\log x", '<mi>log</mi><mspace width=".17em"/><mi>x</mi>'),
        (r"a = -b", '<mo form="prefix">−</mo>'),
        ("a < b & c", "<code"),
        (r"\begin{bmatrix} a & b \end{bmatrix}^T", "<msup><mrow><mo>[</mo><mtable>"),
        (r"\left\{ \begin{aligned} a &= b \\ c &= d \end{aligned} \right.", "<mtable"),
        (r"\text{<b>}", "<mtext>&lt;b&gt;</mtext>"),
        (r"\href{javascript:alert(1)}{x}", "<math><mi>x</mi></math>"),
        (r"\style{color:red}{x}", "<math><mi>x</mi></math>"),
    ],
)
def test_formulas(latex: str, expected: str) -> None:
    assert expected in mathml(latex, words=frozenset({"CE"}))


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac{a", r"\unknown{x}", "{" * 3000, r"x_{" * 500, r"\left( a", "a^b^c", r"\cancel{x}", "",
        "x" * 5000, r"\newcommand{\a}{\b\b}\newcommand{\b}{\a\a} \a", r"\def\a{b} \a", "\x00", "a\u202eb",
        r"\begin{align} a", "\\", "&", r"\hline",
    ],
)  # fmt: skip
def test_what_cannot_be_converted_is_its_source(latex: str) -> None:
    written = mathml(latex)
    assert written == f'<code class="tex">{html.escape(visible(latex.strip()))}</code>'


def test_characters_that_act_on_others_are_made_visible() -> None:
    assert (
        visible("a\x1b[0m\u202eb\u00a0\u2028\r\n\t\u200d\ue000")
        == "a\\x1b[0m\\u202eb \\u2028\n\t\u200d\\ue000"
    )
    assert visible("汉字 é") == "汉字 é"


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("a = b", [["a = b"]]),
        (r"\begin{align*} a &= b \\ &= c \end{align*}", [[" a ", "= b "], [" ", "= c "]]),
        (
            r"\begin{equation}\begin{split} a &= b \\[2pt] &= c \end{split}.\end{equation}",
            [[" a ", "= b "], [" ", "= c ."]],
        ),
        (r"\begin{matrix} 1 & 2 \\ \end{matrix} \\ b", [[r"\begin{matrix} 1 & 2 \\ \end{matrix} "], [" b"]]),
        (r"\begin{alignat}{2} a & b \end{alignat}", [[" a ", " b "]]),
        (r"\begin{align} a \label{x} &= {b \\ c} \notag \end{align}", [[" a  ", r"= {b \\ c}  "]]),
        (r"\} & a", [[r"\} & a"]]),
    ],
)  # fmt: skip
def test_a_display_is_taken_apart_into_rows_and_cells(text: str, cells: list[list[str]]) -> None:
    assert [row for _, _, row in rows_of(text)] == cells


def test_a_tag_stands_beside_its_row() -> None:
    assert [tag for _, tag, _ in rows_of(r"\begin{align} a &= b \tag{one} \\ &= c \end{align}")] == [
        "one",
        None,
    ]


# ── derivations ────────────────────────────────────────────────────────────────────────────────────────────


@cache
def shown() -> str:
    """The page of a derivation in both layouts."""
    layouts = ("denominator", "numerator")
    return derivations_html([catalogue.load("squared-error", layout) for layout in layouts], "numerator")


def test_both_layouts_are_on_one_page() -> None:
    page = shown()
    found = tree(page)
    radios = [a for tag, a in found.elements if tag == "input"]
    assert [("checked" in a, a["type"]) for a in radios] == [(False, "radio"), (True, "radio")]
    assert {a["for"] for tag, a in found.elements if tag == "label"} == {a["id"] for a in radios}
    for number, layout in enumerate(("denominator", "numerator")):
        report = catalogue.load("squared-error", layout, compare_engines=False).report
        assert claims(report) <= placed(page, f"d{number}")
    assert found.words.count("7 claims: 7 proved") == 2


def test_a_derivation_cites_its_rules() -> None:
    page = shown()
    words = tree(page).words
    assert '<a class="rule" href="#d0r0">' in page
    assert "The Matrix Cookbook" in words
    assert "derivatives checked by central differences" in words
    assert "SymPy and the kernel agree on the derivatives of 6 of 6 steps" in words


def test_a_derivation_in_one_layout_has_no_switch() -> None:
    page = derivations_html([catalogue.load("cross-entropy", compare_engines=False)])
    assert "<input" not in page
    assert 'class="document derivation version0"' in page


def test_show_writes_a_page(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    assert cli.run(["show", "squared-error", "--classes", "2", "--format", "html", "-o", str(path)]) == 0
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "written out" in tree(page).words


@pytest.mark.parametrize("form", ["text", "json", "markdown", "html", "sarif", "github"])
def test_check_writes_to_a_file(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes_file, output = tmp_path / "a.md", tmp_path / "report"
    notes_file.write_text(DOCUMENT, encoding="utf-8")
    assert cli.run(["check", str(notes_file), "--format", form, "-o", str(output)]) == 1
    assert capsys.readouterr().out == ""
    assert "refuted" in output.read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.md").write_text(DOCUMENT, encoding="utf-8")
    assert cli.run(["check", str(tmp_path / "a.md"), "--format", "html", "-o", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("derive: cannot write")


# ── cells of notebooks ─────────────────────────────────────────────────────────────────────────────────────


def test_results_show_themselves_in_a_notebook() -> None:
    from sympy import Eq, MatrixSymbol, Sum, symbols

    c, i = symbols("c", integer=True, positive=True), symbols("i", integer=True)
    y, z = MatrixSymbol("y", c, 1), MatrixSymbol("z", c, 1)
    total = Eq(Sum(y[i, 0], (i, 0, c - 1)), 1)
    loss = derive.cross_entropy(y, derive.softmax(z))
    slope = derive.partial(loss, z)
    right, wrong = (
        derive.prove(slope, derive.softmax(z) - y, [total]),
        derive.prove(slope, derive.softmax(z) - y),
    )
    results = [
        right,
        wrong,
        derive.gradient(loss, z, given=[total]),
        catalogue.load("cross-entropy"),
        notes(),
    ]
    for result in results:
        bundle = result._repr_mimebundle_()
        assert set(bundle) == {"text/html", "text/plain"}
        assert bundle["text/plain"] == str(result)
        words = tree(bundle["text/html"]).words
        assert "proved" in words or result is wrong
    assert "✓ proved for all c" in " ".join(tree(proof_cell(right)).words.split())
    assert "Eq(Sum(y[i, 0], (i, 0, c - 1)), 1)" in tree(proof_cell(right)).words
    assert "counterexample" in tree(proof_cell(wrong)).words
    assert "rule" in tree(derivation_cell(catalogue.load("cross-entropy"))).words
    assert "✗ refuted" in tree(report_cell(notes())).words
    assert "not there" in tree(report_cell(Report("a<b>.md", None, error="not there"))).words


@pytest.mark.parametrize(("factor", "word"), [(2.0, "✓ agree"), (1.0, "✗ disagree")])
def test_the_check_of_a_gradient_shows_itself(factor: float, word: str) -> None:
    check = check_gradient(lambda x: float(x @ x), lambda x: factor * x, [1.0, 2.0])
    bundle = check._repr_mimebundle_()
    assert bundle["text/plain"] == str(check)
    words = tree(bundle["text/html"]).words
    assert word in words
    assert "every entry" in words


# ── in Chromium ────────────────────────────────────────────────────────────────────────────────────────────

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PROBE = """<!DOCTYPE html><meta charset="utf-8"><body><script>
const trouble = [];
const frames = %s;
const page = %s;
function wait(frame) { return new Promise(done => { frame.onload = () => done(frame); }); }
async function look(width) {
  const frame = document.createElement("iframe");
  frame.style.cssText = `width:${width}px;height:800px;border:0`;
  const ready = wait(frame);
  frame.srcdoc = page;
  document.body.append(frame);
  await ready;
  const d = frame.contentDocument, w = frame.contentWindow;
  w.addEventListener("error", e => trouble.push(String(e.message)));
  d.addEventListener("securitypolicyviolation", e => trouble.push(e.violatedDirective));
  const seen = e => e.getClientRects().length > 0;
  const state = () => [...d.querySelectorAll(".derivation")].map(seen);
  const found = {width, scroll: d.documentElement.scrollWidth, inner: w.innerWidth};
  const maths = [...d.querySelectorAll("math")].filter(seen);
  found.maths = maths.length;
  const box = e => e.getBoundingClientRect();
  found.flat = maths.filter(m => !(box(m).width > 1 && box(m).height > 4)).length;
  found.before = state();
  const radios = [...d.querySelectorAll("input[type=radio]")];
  const other = radios.find(radio => !radio.checked);
  if (other) d.querySelector(`label[for=${other.id}]`).click();
  found.after = state();
  for (const radio of radios) { radio.focus(); found.focused = d.activeElement === radio; }
  for (const fold of d.querySelectorAll("details:not([open])")) fold.querySelector("summary").click();
  found.shut = d.querySelectorAll("details:not([open])").length;
  found.unfolded = d.documentElement.scrollWidth;
  const scrolls = ".rows, .scroll, .formula, pre, .long, dd, .given li";
  const stray = e => seen(e) && box(e).right > w.innerWidth + 1 && !e.closest(scrolls);
  found.stray = [...d.querySelectorAll("main *")].filter(stray).map(e => e.outerHTML.slice(0, 120));
  frame.remove();
  return found;
}
(async () => {
  const all = [];
  for (const width of frames) all.push(await look(width));
  document.body.textContent = "RESULT" + JSON.stringify({all, trouble}) + "END";
})();
</script></body>"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict]:
    """Opens a page in frames of 360 and 1280 pixels, and tells what is to be seen there."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")

    def _look(page: str) -> dict:
        folder = tmp_path_factory.mktemp("page")
        quoted = json.dumps(page).replace("</", "<\\/").replace("<!--", "<\\!--")
        (folder / "probe.html").write_text(PROBE % ("[360, 1280]", quoted), encoding="utf-8")
        (folder / "page.html").write_text(page, encoding="utf-8")
        options = [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}", "--window-size=1400,900",
            "--virtual-time-budget=20000", "--dump-dom",
        ]  # fmt: skip
        environment = {**os.environ, "HOME": str(folder)}
        logs = ""
        for name in ("page.html", "probe.html"):
            ran = subprocess.run(
                [*options, str(folder / name)],
                capture_output=True,
                encoding="utf-8",
                timeout=120,
                env=environment,
            )
            logs += ran.stderr
        result = re.search("RESULT(.*)END", ran.stdout, re.DOTALL)
        assert result is not None, ran.stderr[-2000:]
        found = json.loads(html.unescape(result[1]))
        found["console"] = [line for line in logs.splitlines() if ":CONSOLE" in line]
        return found

    return _look


@pytest.mark.parametrize("kind", ["derivation", "report", "hostile"])
def test_in_chromium(kind: str, browser: Callable[[str], dict]) -> None:
    """No console errors; formulas have size; the switch works; nothing is wider than the window."""
    wide = (
        "\n\n$$ "
        + " + ".join(f"x_{{{k}}}^T x" for k in range(60))
        + " = 0 $$\n\nand $"
        + "x + " * 60
        + "x = x$\n"
    )
    page = {
        "derivation": shown,
        "report": lambda: reports_html([notes(), reported(DOCUMENT + wide + "\n`" + "w" * 300 + "`\n")]),
        "hostile": lambda: reports_html([reported(HOSTILE)]),
    }[kind]()
    found = browser(page)
    assert not found["trouble"]
    assert not found["console"]
    assert [look["width"] for look in found["all"]] == [360, 1280]
    for look in found["all"]:
        assert look["scroll"] <= look["inner"], look
        assert look["unfolded"] <= look["inner"], look
        assert not look["stray"]
        assert look["flat"] == 0
        assert look["shut"] == 0
        if kind == "derivation":
            assert look["maths"] > 20
            assert look["before"] == [False, True]
            assert look["after"] == [True, False]
            assert look["focused"]
