"""`derive check`, `derive prove` and `derive explain`: what is printed, and the exit status."""

import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from derive.cli import app
from derive.render.markdown import reports_markdown
from derive.render.report import Style, beside, claims_text, picture, report_text, safe, width, wrap
from derive.report import Counterexample, Evidence, Note, Repair, Report, Step, Value, Verdict

DOCUMENT = r"""# Notes

<!-- derive
layout: denominator
x \in \mathbb{R}^n
A \in \mathbb{R}^{n \times n}
y \in \mathbb{R}^n
x^T x = 1
-->

The gradient is

$$
\begin{align*}
\frac{\partial x^T x}{\partial x}
&= x + x \tag{product rule} \\
&= 3 x \\
&= 2 x
\end{align*}
$$

and $y = (x^T x) y$, but $\|x + y\| \le \|x\| + \|y\|$ is open, and $V x = x$ unread.
"""
RIGHT = "$a \\in \\mathbb{R}$\n\n$$ a + a = 2 a $$\n"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in a folder of its own, on a terminal of 80 columns without colours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("LINES", raising=False)

    def _run(*arguments: str, **files: str) -> Result:
        for name, text in files.items():
            Path(f"{name}.md").write_text(text, encoding="utf-8")
        return CliRunner().invoke(app, arguments)

    return _run


def page(*steps: Step, source: str = "", style: Style | None = None, **fields: object) -> str:
    """The text report on some steps."""
    report = Report("p.md", None, list(steps), source=source, **fields)  # type: ignore[arg-type]
    return report_text(report, style or Style())


# ── derive check, as text ──────────────────────────────────────────────────────────────────────────────────


def test_a_report_reads_like_a_compilers(run: Run) -> None:
    """Place, verdict, code, the line with a caret, why, numbers to recompute; the ledger ends it."""
    result = run("check", "notes.md", notes=DOCUMENT)
    assert result.exit_code == 1
    assert result.stdout == r"""notes.md:17:2: refuted [D102] the two sides differ already for n = 1
     |
  16 | &= x + x \tag{product rule} \\
  17 | &= 3 x \\
     |  ^
     = counterexample: n = 1, entry 1
         x = (-1)
         left side  -2
         right side -3

notes.md:18:2: refuted [D102] the two sides differ already for n = 1
     |
  17 | &= 3 x \\
  18 | &= 2 x
     |  ^
     = counterexample: n = 1, entry 1
         x = (-1)
         left side  -3
         right side -2
     = note [D110]: two errors cancel: what stands before the sign in line 17
         equals what stands after this one; only what is between them is wrong

notes.md:22:38: unknown [D201] neither proved nor refuted
     |
  22 | and $y = (x^T x) y$, but $\|x + y\| \le \|x\| + \|y\|$ is open, and $V …
     |                                     ^^^
     = numbers: both sides agree in 24 samples, up to 0e+00; that proves nothing

notes.md:22:74: unread [D011] V has no meaning yet
     |
  22 | … \|y\|$ is open, and $V x = x$ unread.
     |                        ^
     = expected: its shape, such as V \in \mathbb{R}^n, or its definition

notes.md: 6 claims: 2 proved, 2 refuted, 1 unknown, 1 unread (3 declarations, 1
  given)
  needs   xᵀ x = 1   in line 22
  layout  denominator

`derive explain D011` tells more about a code
"""
