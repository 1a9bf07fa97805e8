"""Documents that mean harm: no traceback, no hang, nothing raw, no file but those named."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive import cli, documents
from derive.documents import Budget, check
from derive.report import Step
from tests.hostile.bombs import BOMBS, GIVEN, LINKS, MARKUP
from tests.hostile.examine import acting, examine, markup
from tests.hostile.mutation import CHARACTERS, COMMANDS, CORPUS, LINES, as_file, mutate, seeds

ROOT = Path(__file__).resolve().parent.parent
QUICK = [name for name, bomb in BOMBS.items() if len(bomb.data()) < 12_000]


@pytest.mark.parametrize("name", QUICK)
def test_bomb(name, tmp_path):
    path = tmp_path / f"bomb{BOMBS[name].suffix}"
    path.write_bytes(BOMBS[name].data())
    found = examine(path, 0.2)
    assert not found.complaints
    assert found.status in (0, 1, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(BOMBS.keys() - set(QUICK)))
def test_large_bomb(name, tmp_path):
    test_bomb(name, tmp_path)


def test_mutants_of_real_documents(tmp_path):
    known = seeds(CORPUS)
    texts = [text for text, _ in known]
    for number in range(8):
        rng = random.Random(number)
        text, suffix = rng.choice(known)
        path = tmp_path / f"{number}{suffix}"
        path.write_bytes(as_file(mutate(text, texts, rng), suffix, rng))
        assert not examine(path, 0.1).complaints, number


PIECES = st.sampled_from(
    [*COMMANDS, *CHARACTERS, *LINES, *MARKUP, *LINKS, "$", "$$", "x", "y = x", "A", "\n\n", " "]
)


@settings(max_examples=25, deadline=None)
@given(st.lists(PIECES | st.text(max_size=4), max_size=25), st.sampled_from([".md", ".tex", ".ipynb"]))
def test_pieces_in_any_order(tmp_path_factory, pieces, suffix):
    path = tmp_path_factory.mktemp("pieces") / f"x{suffix}"
    text = f"{GIVEN}$ {' '.join(pieces)} $".encode("utf-8", "ignore").decode()
    path.write_bytes(as_file(text, suffix, random.Random(0)))
    assert not examine(path, 0.1).complaints


# ── what each of the finds was ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name",
    [
        "a\x1b[31m.md",
        "\u202eevil.md",
        "<script>.md",
        "a\nb::error::c.md",
        "\x9b1m.md",
        "'\"`|$.md",
        b"\xff\xfe.md",
    ],
)
@pytest.mark.parametrize("form", ["text", "json", "markdown", "html", "sarif", "github"])
def test_names_of_files_are_not_trusted(name, form, tmp_path, capsys):
    path = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), os.fsencode(name))))
    path.write_text(f"{GIVEN}$x = 2x$\n", encoding="utf-8")
    assert cli.run(["check", str(path), "--format", form, "--isolated", "--lang", "en"]) == 1
    printed = capsys.readouterr().out
    assert not list(acting(form, printed))
    assert not list(markup(form, printed))
    assert "\n::error::" not in printed
    path.unlink()
    assert cli.run(["check", str(path), "--format", form, "--isolated", "--lang", "en"]) == 2
    seen = capsys.readouterr()
    assert not list(acting(form, seen.out + seen.err))


def test_an_entity_cannot_stand_for_a_formula():
    report = check(f"{GIVEN}$x = 2x$ and &#xE000;7&#xE001; &#xFDD0;0&#xFDD1; &#xFDD0;9&#xFDD1; &#x202E;\n")
    page = report._repr_mimebundle_()["text/html"] + _rendered(report, "html")
    assert page.count("refuted") >= 2
    assert not list(acting("html", page))


def test_json_holds_no_character_that_a_terminal_acts_on():
    report = check("$x = \\text{\x9b31m \u202e \x7f é 中} y$")
    text = _rendered(report, "json")
    assert "é 中" in text
    assert r"\u009b31m \u202e \u007f" in text


def _rendered(report, form):
    import argparse

    return cli._reported([report], (), argparse.Namespace(form=form, lang="en", allow=[]))


def test_a_number_of_many_digits_is_unread():
    (step,) = check("<!-- derive\ns \\in \\mathbb{R}\n-->\n$s = " + "9" * 5000 + " s$").steps[1:]
    assert step.verdict == "unread"
    assert "5000" in step.message


def test_a_text_cannot_write_the_marks_that_stand_for_formulas():
    assert (
        check("⟦7⟧ is one-hot, ⟦9⟧ is a vector of length ⟦8⟧. The number of classes is $²$. $x = x$").error
        is None
    )


def test_an_alarm_leaves_no_module_half_made(tmp_path, monkeypatch):
    (tmp_path / "half_made.py").write_text(
        "import time\nend = time.monotonic() + 0.3\nwhile time.monotonic() < end:\n    pass\nwhole = True\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    step = Step(1, 1, "claim", "=", "x", "x")
    with Budget(0.05)(step):
        import half_made
    assert half_made.whole
    with Budget(0.05)(step):
        time.sleep(5)
    assert step.code == "D202"
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_an_alarm_where_a_guard_ends_is_not_raised():
    guard, rung = Budget(10)(Step(1, 1, "claim", "=", "x", "x")), []

    def look(frame, event, _):
        if event == "call" and frame.f_code is type(guard).__exit__.__code__:
            rung.append(guard.alarm.ring(signal.SIGALRM, frame))

    with guard:
        sys.setprofile(look)
    sys.setprofile(None)
    assert rung == [None]


def test_a_notebook_in_one_line_is_decoded_once(monkeypatch):
    from derive.render import report as rendering

    cells = [{"cell_type": "markdown", "source": f"$x_{n} = x$"} for n in range(30)]
    source = json.dumps({"nbformat": 4, "cells": cells})
    path = Path("x.ipynb")
    report = documents.check_source(str(path), source, documents.passages_of(path, source), documents.Given())
    strings, decode = [], rendering._decoded
    monkeypatch.setattr(
        rendering, "_decoded", lambda line, string: strings.append(string[0]) or decode(line, string)
    )
    printed = rendering.report_text(report, rendering.Style(80, False))
    assert printed.count("x.ipynb:1:") == 30
    assert all(f"$x_{n} = x$" in printed for n in range(30))
    assert len(strings) == source.count('"') // 2


def test_only_named_files_are_touched(tmp_path):
    secret = tmp_path / "secret.tex"
    secret.write_text("$s = 2$")
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.tex").write_bytes(BOMBS["files that LaTeX would read"].data())
    (folder / "b.md").write_text(
        f"![x](../secret.tex) \\input{{../secret.tex}} {GIVEN}$x = 2x$ <img src='{secret}'>\n"
    )
    (folder / "link.md").symlink_to(secret)
    listing = tmp_path / "listing.txt"
    command = [sys.executable, "-m", "tests.hostile.watch", listing, "check", "--isolated", "--format=html"]
    command.append("--no-cache")  # the one other place to which anything is written
    ran = subprocess.run([*command, folder], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 2, ran.stderr
    assert "a link that leads out of its folder" in ran.stdout
    opened = {line.split("'")[1] for line in listing.read_text().splitlines()}
    assert opened <= {str(folder), str(folder / "a.tex"), str(folder / "b.md")}
    assert {str(folder / "a.tex"), str(folder / "b.md")} <= opened


def test_links_within_a_folder_are_followed(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.md").write_text("$x = x$")
    (tmp_path / "b.md").symlink_to(tmp_path / "sub" / "a.md")
    found = list(documents.find([tmp_path]))
    assert [trouble for _, trouble in found] == [None]


def test_the_fuzzer_says_what_it_did():
    command = [
        sys.executable,
        "-m",
        "tests.hostile",
        "--documents",
        "6",
        "--seed",
        "5",
        "--no-bombs",
        "--json",
    ]
    ran = subprocess.run([*command, "--no-guided"], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert '"seed": 5' in ran.stdout
