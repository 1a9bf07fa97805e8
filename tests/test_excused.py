"""What a project lets pass: claims that a comment skips, a baseline, and the configuration."""

import json
from pathlib import Path

import pytest

from derive import cli, configuration
from derive.configuration import Configuration, Misconfigured

GIVEN = "<!-- derive\nx \\in \\mathbb{R}^n\n-->\n\n"
FALSE = "$$x^T x = 3 x^T x$$\n"
WHY = "<!-- derive: skip because it is a sketch -->\n"


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """`derive check` on files that it writes first: the exit status, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str, **files: str) -> tuple[int, str, str]:
        for name, text in files.items():
            Path(name.replace("_", ".")).write_text(text, encoding="utf-8")
        status = cli.run(["check", *arguments])
        return status, *capsys.readouterr()

    return run


def steps(printed: str) -> list[tuple[int, str, str | None]]:
    """The line, verdict and reason of each claim in a JSON report."""
    (document,) = json.loads(printed)["documents"]
    return [
        (step["line"], step["verdict"], step["skipped"])
        for step in document["steps"]
        if step["kind"] == "claim"
    ]


def notes(printed: str) -> list[tuple[int, str]]:
    (document,) = json.loads(printed)["documents"]
    return [
        (note["line"], note["code"]) for note in document["notes"] if (note["code"] or "").startswith("D3")
    ]


# ── comments that skip ─────────────────────────────────────────────────────────────────────────────────────

ALIGN = "\\begin{align*}\nx^T x &= 3 x^T x%s \\\\\n&= 5 x^T x\n\\end{align*}"


@pytest.mark.parametrize(
    ("text", "skipped"),
    [
        (WHY + FALSE, [6]),
        (WHY + "\n\n" + FALSE, [8]),
        ("$x^T x = 3 x^T x$ " + WHY, [5]),
        ("$x^T x = 3 x^T x$ " + WHY + FALSE, [5]),
        (FALSE + WHY, []),
        (WHY + "$$\n" + ALIGN % "" + "\n$$\n", [8]),
        (WHY + "```math\n" + ALIGN % "" + "\n```\n", [8]),
        (WHY + ALIGN % "" + "\n", [7]),
        (
            "$$\n" + ALIGN.replace("x^T", "%% derive: skip because it is a sketch\nx^T", 1) % "" + "\n$$\n",
            [8],
        ),
        ("$$\n" + ALIGN % " \\\\ % derive: skip because it is a sketch\n&= 4 x^T x" + "\n$$\n", [7]),
        ("<!-- derive: skip because\nit is\na sketch -->\n" + FALSE, [8]),
        ("<!-- derive: skip because it is a sketch\n-->\n" + FALSE, [7]),
        (WHY + "some words\n\n" + FALSE, []),
        ("> " + WHY + "> " + FALSE, [6]),
        ("| a | b |\n|---|---|\n| $x^T x = 3 x^T x$ | " + WHY.strip() + " |\n", [7]),
    ],
)
def test_a_comment_skips_the_claim_in_its_line_or_the_next(check, text: str, skipped: list[int]) -> None:
    _, printed, _ = check("a.md", "--format", "json", a_md=GIVEN + text)
    assert [line for line, _, why in steps(printed) if why == "it is a sketch"] == skipped
    assert {verdict for _, verdict, _ in steps(printed)} == {"refuted"}
    assert [code for _, code in notes(printed)] == ["D301"] * (not skipped)


@pytest.mark.parametrize("indent", [None, 1])
def test_in_a_notebook_a_line_is_a_line_of_a_cell(check, indent: int | None) -> None:
    """Whether the JSON has the cell in one line or not, and whether a cell is one string or a list."""
    said = GIVEN + WHY + FALSE + "\n" + FALSE
    for source in (said, said.splitlines(keepends=True)):
        cells = [{"cell_type": "markdown", "source": source}, {"cell_type": "markdown", "source": FALSE}]
        text = json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}, indent=indent)
        _, printed, _ = check("a.ipynb", "--format", "json", a_ipynb=text)
        assert [why for _, _, why in steps(printed)] == ["it is a sketch", None, None]
        assert not notes(printed)


def test_a_comment_at_the_end_of_a_cell_means_nothing_in_the_next(check) -> None:
    cells = [{"cell_type": "markdown", "source": text} for text in (GIVEN + WHY.strip(), FALSE)]
    text = json.dumps({"nbformat": 4, "metadata": {}, "cells": cells})
    _, printed, _ = check("a.ipynb", "--format", "json", a_ipynb=text)
    assert [why for _, _, why in steps(printed)] == [None]
    assert [code for _, code in notes(printed)] == ["D301"]


def test_in_latex(check) -> None:
    text = (
        "% derive: x \\in \\mathbb{R}^n\n% derive: skip because it is a sketch\n\\begin{align}\n"
        "x^T x &= 3 x^T x \\\\\n&= 4 x^T x \\\\ % derive: skip because of that\n&= 5 x^T x\n\\end{align}\n"
    )
    _, printed, _ = check("a.tex", "--format", "json", a_tex=text)
    assert steps(printed) == [
        (4, "refuted", "it is a sketch"),
        (5, "refuted", "of that"),
        (6, "refuted", None),
    ]


def test_what_is_skipped_is_counted(check) -> None:
    """It fails nothing, is not shown, and stands in the summary; `--verbose` shows it with its reason."""
    text = GIVEN + WHY + FALSE + "\n$$x^T x = \\|x\\|^2$$\n"
    status, printed, _ = check("a.md", a_md=text)
    assert status == 0
    assert printed.splitlines()[0] == "a.md: 2 claims: 1 proved, 1 skipped (1 declaration)"
    status, printed, _ = check("a.md", "--verbose")
    assert "refuted [D102] the two sides differ already for n = 1 (skipped: it is a sketch)" in printed
    status, printed, _ = check("a.md", "--format", "json")
    assert json.loads(printed)["documents"][0]["counts"]["skipped"] == 1
    assert json.loads(printed)["documents"][0]["counts"]["refuted"] == 0
    status, printed, _ = check("a.md", "--format", "markdown")
    assert "claims that are let pass: 1 skipped" in printed


def test_without_a_reason_nothing_is_skipped(check) -> None:
    for comment in ("<!-- derive: skip -->\n", "<!-- derive: skip because -->\n"):
        status, printed, _ = check("a.md", "--format", "json", a_md=GIVEN + comment + FALSE)
        assert status == 1
        assert steps(printed) == [(6, "refuted", None)]
        assert notes(printed) == [(5, "D302")]
    assert "gives no reason" in check("a.md")[1]


def test_a_comment_that_is_not_needed_is_reported(check) -> None:
    status, printed, _ = check("a.md", a_md=GIVEN + WHY + "$$x^T x = \\|x\\|^2$$\n")
    assert status == 0
    assert "note [D301], in line 5: this comment skips nothing: what it means is proved" in printed


# ── the baseline ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_baseline_lets_old_faults_pass_and_no_new_ones(check) -> None:
    old = GIVEN + FALSE + "\n$$V x = x$$\n"
    status, _, said = check("a.md", "--write-baseline", "b.json", a_md=old)
    assert (status, said) == (0, "derive: 2 faults written to b.json\n")
    status, printed, said = check("a.md", "--baseline", "b.json")
    assert (status, said) == (0, "")
    assert printed.startswith("a.md: 2 claims: 2 in the baseline (1 declaration)")
    moved = "# Title\n\nMore.\n\n" + GIVEN + "\n$$x^T x  =  3 x^T x$$\n\n$$V x = x$$\n"
    assert check("a.md", "--baseline", "b.json", a_md=moved)[0] == 0
    status, printed, _ = check("a.md", "--baseline", "b.json", a_md=moved + "\n$$x^T x = 7 x^T x$$\n")
    assert status == 1
    assert printed.count("refuted [D102]") == 1
    assert "a.md:14:9: refuted" in printed


def test_the_same_fault_twice_needs_two_entries(check) -> None:
    assert check("a.md", "--write-baseline", "b.json", a_md=GIVEN + FALSE)[0] == 0
    assert check("a.md", "--baseline", "b.json", a_md=GIVEN + FALSE + "\n" + FALSE)[0] == 1
    assert check("a.md", "--write-baseline", "b.json")[0] == 0
    assert check("a.md", "--baseline", "b.json")[0] == 0


def test_a_verdict_may_not_get_worse(check) -> None:
    """What could not be read and is refuted now is a new fault; the other way round it is not."""
    unread, refuted = (
        "$$x^T V x = 3 x^T V x$$\n",
        "$V \\in \\mathbb{R}^{n \\times n}$\n\n$$x^T V x = 3 x^T V x$$\n",
    )
    check("a.md", "--write-baseline", "b.json", a_md=GIVEN + unread)
    assert check("a.md", "--baseline", "b.json", a_md=GIVEN + refuted)[0] == 1
    check("a.md", "--write-baseline", "b.json")
    assert check("a.md", "--baseline", "b.json", a_md=GIVEN + unread)[0] == 0


def test_entries_that_are_left_over_are_reported(check) -> None:
    check("a.md", "--write-baseline", "b.json", a_md=GIVEN + FALSE)
    status, _, said = check("a.md", "--baseline", "b.json", a_md=GIVEN + "$$x^T x = \\|x\\|^2$$\n")
    assert status == 0
    assert said == "derive: 1 entry of the baseline is no longer needed; --write-baseline b.json drops them\n"


def test_formulas_without_sides_are_told_apart(check) -> None:
    """Of a formula that cannot be taken apart, the line stands for it."""
    broken = "$$ \\frac{a = $$\n"
    check("a.md", "--write-baseline", "b.json", a_md=GIVEN + broken)
    assert check("a.md", "--baseline", "b.json", a_md="\n\n" + GIVEN + broken)[0] == 0
    assert check("a.md", "--baseline", "b.json", a_md=GIVEN + broken.replace("a", "b"))[0] == 1


def test_paths_are_those_from_the_baseline(check, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So it does not matter from which folder the check is run."""
    check("a.md", "--write-baseline", "b.json", a_md=GIVEN + FALSE)
    assert json.loads(Path("b.json").read_text())["faults"][0]["path"] == "a.md"
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert check("../a.md", "--baseline", "../b.json")[0] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot open the baseline b.json: No such file or directory"),
        ("{", "the baseline b.json is not JSON"),
        ("[" * 100_000, "the baseline b.json is not JSON"),
        ("[]", "b.json is not a baseline of version 1"),
        ('{"version": 2}', "b.json is not a baseline of version 1"),
        ('{"version": 1, "faults": [{"path": 3}]}', "has faults of another form"),
        ('{"version": 1, "faults": 7}', "has faults of another form"),
    ],
)
def test_a_baseline_that_is_none(check, text: str | None, said: str) -> None:
    files = {} if text is None else {"b_json": text}
    status, printed, error = check("a.md", "--baseline", "b.json", a_md=FALSE, **files)
    assert (status, printed) == (2, "")
    assert error.startswith("derive: ")
    assert said in error
    assert error.count("\n") == 1


def test_no_baseline_is_written_of_half_a_check(check) -> None:
    status, _, error = check("a.md", "none.md", "--write-baseline", "b.json", a_md=FALSE)
    assert status == 2
    assert "no baseline is written, for none.md could not be checked" in error
    assert not Path("b.json").exists()
    assert check("a.md", "--write-baseline", "no/b.json")[0] == 2


# ── [tool.derive] ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_configuration_is_used_and_the_command_line_wins(check, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "docs").mkdir()
    row = "$$ \\frac{\\partial x^T x}{\\partial x} = 2 x^T $$\n\n$$ V x = x $$\n"
    (tmp_path / "docs" / "a.md").write_text(row)
    table = (
        '[tool.derive]\npaths = ["docs"]\ngiven = ["shapes.txt"]\nlayout = "numerator"\nallow = ["unread"]\n'
    )
    files = {"pyproject_toml": table, "shapes_txt": "x \\in \\mathbb{R}^n\n"}
    status, printed, _ = check(**files)
    assert status == 0
    assert "docs/a.md: 2 claims: 1 proved, 1 unread" in printed
    assert "read in" not in check("--verbose", "--format", "json")[1]
    assert "right in numerator layout" in check("--layout", "denominator", "--format", "json")[1]
    assert check("--allow", "unknown")[0] == 1
    assert check("--isolated")[0] == 2
    assert check("docs/a.md", "--isolated")[0] == 1
    monkeypatch.chdir(tmp_path / "docs")  # found upwards, and paths are those from its folder
    status, printed, _ = check()
    assert status == 0
    assert "a.md: 2 claims: 1 proved, 1 unread" in printed


def test_the_baseline_may_be_configured(check) -> None:
    table = '[tool.derive]\npaths = ["a.md"]\nbaseline = "b.json"\n'
    assert check("--write-baseline", "b.json", pyproject_toml=table, a_md=GIVEN + FALSE)[0] == 0
    assert check()[0] == 0
    assert check("--write-baseline", "b.json")[0] == 0
    assert len(json.loads(Path("b.json").read_text())["faults"]) == 1


def test_the_nearest_table_holds(tmp_path: Path) -> None:
    """A pyproject.toml without the table is passed by."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.derive]\ntimeout = 3\n")
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.other]\nderive = 1\n")
    assert configuration.load(inner) == Configuration(timeout=3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.derive", "is not TOML"),
        ("[tool]\nderive = 3", "[tool.derive] is a table"),
        ("[tool.derive]\npath = ['a']", "has no key 'path'; did you mean paths?"),
        ("[tool.derive]\npaths = 'docs'", "paths is a list of texts"),
        ("[tool.derive]\nallow = ['refuted']", "allow takes unknown and unread, not 'refuted'"),
        ("[tool.derive]\nlayout = 'mixed'", "layout is 'numerator' or 'denominator', not 'mixed'"),
        ("[tool.derive]\ntimeout = true", "timeout is a number of seconds"),
        ("[tool.derive]\ntimeout = 0", "timeout is a number of seconds"),
        ("[tool.derive]\nbaseline = 1", "baseline is the path of a file"),
    ],
)
def test_a_configuration_that_is_wrong(check, tmp_path: Path, text: str, said: str) -> None:
    """One line that names the file, and exit status 2."""
    status, printed, error = check("a.md", pyproject_toml=text, a_md=FALSE)
    assert (status, printed) == (2, "")
    assert error.startswith(f"derive: {tmp_path / 'pyproject.toml'}")
    assert said in error
    assert error.count("\n") == 1
    with pytest.raises(Misconfigured):
        configuration.load(tmp_path)
