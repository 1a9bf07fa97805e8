"""What linters, workflows and hooks read: SARIF, annotations, the pre-commit hooks and the GitHub action."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from derive import cli
from derive.render.github import reports_github
from derive.render.sarif import reports_sarif
from derive.report import Report, Step, Verdict

ROOT = Path(__file__).resolve().parents[1]
# as Microsoft's SARIF Multitool 5.7 ships it, MIT licence
SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
GIVEN = "<!-- derive\nx \\in \\mathbb{R}^n\n-->\n\n"
FALSE = GIVEN + "Text with é and 𝔸, then $x^T x = 3 x^T x$, and\n\n$$ V x = x $$\n"
NOTEBOOK = {
    "nbformat": 4,
    "metadata": {},
    "cells": [
        {
            "cell_type": "markdown",
            "source": ["$x \\in \\mathbb{R}^n$\n", "\n", 'a "quoted" word: $x^T x = 3 x^T x$\n'],
        }
    ],
}
LATEX = r"""% derive: x \in \mathbb{R}^n
\begin{document}
\begin{align}
  x^T x &= 3 x^T x
\end{align}
\end{document}
"""


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """`derive check` in a folder of its own: the exit status and what is printed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        status = cli.run(["check", *arguments])
        return status, capsys.readouterr().out

    return run


def valid(text: str) -> dict:
    """The run of a log that is valid SARIF."""
    log = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(SCHEMA, format_checker=checker).validate(log)
    (run,) = log["runs"]
    return run


def at(text: str, line: int, column: int) -> str:
    """What stands at a place of a text, from there on."""
    return text.split("\n")[line - 1][column - 1 :]


# ── SARIF ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_sarif_of_documents(check) -> None:
    Path("notes.md").write_text(FALSE, encoding="utf-8")
    Path("a b.tex").write_text(LATEX, encoding="utf-8")
    status, printed = check("notes.md", "a b.tex", "none.md", "--format", "sarif")
    run = valid(printed)
    assert status == 2
    assert [(r["ruleId"], r["level"]) for r in run["results"]] == [
        ("D102", "error"), ("D011", "warning"), ("D102", "error"),
    ]  # fmt: skip
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["D011", "D102"]
    assert [r["ruleIndex"] for r in run["results"]] == [1, 0, 1]
    places = [r["locations"][0]["physicalLocation"] for r in run["results"]]
    assert [p["artifactLocation"]["uri"] for p in places] == ["notes.md", "notes.md", "a%20b.tex"]
    region = places[0]["region"]
    assert at(FALSE, region["startLine"], region["startColumn"]).startswith("= 3 x^T x$")
    assert run["columnKind"] == "unicodeCodePoints"
    assert "n = 1" in run["results"][0]["message"]["text"]
    (invocation,) = run["invocations"]
    assert not invocation["executionSuccessful"]
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == "No such file or directory"


def test_sarif_of_what_is_proved(check) -> None:
    Path("a.md").write_text("$a \\in \\mathbb{R}$\n\n$$a + a = 2 a$$\n")
    status, printed = check("a.md", "--format", "sarif")
    run = valid(printed)
    assert status == 0
    assert run["results"] == []
    assert run["invocations"][0]["executionSuccessful"]


def test_sarif_of_what_is_excused(check) -> None:
    """What a comment skips and what is in the baseline is suppressed; what is allowed is a note."""
    sketch = "<!-- derive: skip because a sketch -->\n$$x^T x = 5 x^T x$$\n\n<!-- derive: skip -->\n"
    Path("a.md").write_text(GIVEN + "$$x^T x = 3 x^T x$$\n\n", encoding="utf-8")
    assert check("a.md", "--write-baseline", "b.json")[0] == 0
    Path("a.md").write_text(GIVEN + "$$x^T x = 3 x^T x$$\n\n" + sketch + "\n$$V x = x$$\n", encoding="utf-8")
    status, printed = check("a.md", "--baseline", "b.json", "--allow", "unread", "--format", "sarif")
    results = valid(printed)["results"]
    assert status == 0
    assert [(r["ruleId"], r["level"]) for r in results] == [
        ("D102", "error"), ("D102", "error"), ("D011", "note"), ("D302", "note"),
    ]  # fmt: skip
    assert [r.get("suppressions", [{}])[0].get("kind") for r in results] == [
        "external",
        "inSource",
        None,
        None,
    ]
    assert results[1]["suppressions"][0]["justification"] == "a sketch"


def test_the_same_fault_twice_has_two_fingerprints(check) -> None:
    Path("a.md").write_text(GIVEN + "$$x^T x = 3 x^T x$$\n\nand $x^T x = 3 x^T x$\n")
    results = valid(check("a.md", "--format", "sarif")[1])["results"]
    one, two = (r["partialFingerprints"]["derive/v1"] for r in results)
    assert one.split(":")[0] == two.split(":")[0]
    assert one != two


def test_sarif_of_anything(check) -> None:
    """Absolute paths, half a surrogate pair, control characters and a fault without a code are valid, too."""
    bad = Step(1, 2, "claim", "=", "\ud800", "\x1b[31m", Verdict.UNKNOWN, message="\x1b]0;bug\x07 \ud800")
    run = valid(reports_sarif([Report("/a b/ü.md", None, [bad], source="x")]))
    assert "ruleId" not in run["results"][0]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "file:///a%20b/%C3%BC.md"
    }


# ── annotations ────────────────────────────────────────────────────────────────────────────────────────────


def annotations(printed: str) -> list[tuple[str, dict[str, str], str]]:
    """The commands in what was printed, as GitHub's runner takes them apart."""
    found = []
    for line in printed.splitlines():
        command = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line)
        if command:
            level, properties, message = command.groups()
            pairs = dict(pair.split("=", 1) for pair in properties.split(","))
            found.append((level, {k: unescaped(v) for k, v in pairs.items()}, unescaped(message)))
    return found


def unescaped(text: str) -> str:
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(code, character)
    return text


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("notes.md", FALSE, "= 3 x^T x$, and"),
        ("a.tex", LATEX, "= 3 x^T x"),
        ("a.ipynb", json.dumps(NOTEBOOK, indent=1), '= 3 x^T x$\\n"'),
        ("b.ipynb", json.dumps(NOTEBOOK), '= 3 x^T x$\\n"'),
    ],
)
def test_annotations_point_at_the_sign(check, name: str, text: str, shown: str) -> None:
    """In the file as it is on disk, whatever kind it is."""
    Path(name).write_text(text, encoding="utf-8")
    status, printed = check(name, "--format", "github")
    level, properties, message = annotations(printed)[0]
    assert status == 1
    assert (level, properties["file"], properties["title"]) == ("error", name, "derive: refuted [D102]")
    assert at(text, int(properties["line"]), int(properties["col"])).startswith(shown)
    assert message.startswith("the two sides differ already for n = 1\ncounterexample: n = 1")
    assert re.search(rf"^derive: {name}: \d claims?: ", printed, re.MULTILINE)


def test_annotations_of_what_is_no_error(check) -> None:
    """What is allowed is a notice, a comment in vain a warning, and a file that is missing an error."""
    text = GIVEN + "$$V x = x$$\n\n<!-- derive: skip because of nothing -->\n"
    Path("a.md").write_text(text)
    status, printed = check("a.md", "none.md", "--allow", "unread", "--format", "github")
    assert status == 2
    assert [(level, p["file"], p.get("line")) for level, p, _ in annotations(printed)] == [
        ("notice", "a.md", "5"), ("warning", "a.md", "7"), ("error", "none.md", None),
    ]  # fmt: skip


def test_paths_are_those_from_the_root_of_the_repository(check, tmp_path: Path, monkeypatch) -> None:
    """As the runner has it, from whatever folder the check is run."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text(FALSE, encoding="utf-8")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.chdir(tmp_path / "docs")
    _, printed = check("a.md", "--format", "github")
    assert {properties["file"] for _, properties, _ in annotations(printed)} == {"docs/a.md"}


def test_nothing_in_a_document_makes_a_command() -> None:
    """Line ends, percent signs, colons and commas stay what they are."""
    message = "50% of\r\n::error::x, y"
    step = Step(3, 4, "claim", "=", "a", "b", Verdict.UNREAD, code="D001", message=message)
    path = "a,b:c%\n::error::.md"
    printed = "\n".join(reports_github([Report(path, None, [step], source="a\n\na = b")]))
    ((level, properties, said),) = annotations(printed)
    assert (level, properties["file"], properties["line"], properties["col"]) == ("error", path, "3", "4")
    assert said == message.replace("\r\n", "  ")
    assert not any(line.startswith("::error::") for line in printed.splitlines())


# ── hooks and the action ───────────────────────────────────────────────────────────────────────────────────


def test_the_hooks_run(tmp_path: Path) -> None:
    """Each names a command that exists, with what pre-commit demands of a hook."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert [hook["id"] for hook in hooks] == ["derive-check", "derive-check-project"]
    (tmp_path / "a.md").write_text(FALSE, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text('[tool.derive]\npaths = ["a.md"]\n')
    for hook in hooks:
        assert {"id", "name", "entry", "language"} <= hook.keys()
        assert hook["language"] == "python"
        program, *arguments = hook["entry"].split()
        assert program == "derive"
        files = ["a.md"] if hook.get("pass_filenames", True) else []
        run = [sys.executable, "-m", "derive", *arguments, *files]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        ran = subprocess.run(run, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert ran.returncode == 1, hook["id"]
        assert "a.md: 2 claims: 1 refuted, 1 unread" in ran.stdout


def test_the_action_runs(tmp_path: Path) -> None:
    """Its steps that are shell run as they are, with the inputs as the environment has them."""
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    assert action["runs"]["using"] == "composite"
    steps = {step["name"]: step for step in action["runs"]["steps"] if "run" in step}
    for step in action["runs"]["steps"]:
        assert ("uses" in step) != ("run" in step)
        if "run" in step:
            assert step["shell"] == "bash"
            assert "${{" not in step["run"], "an input would become a part of the script"
            for value in step.get("env", {}).values():
                (name,) = re.findall(r"\$\{\{ inputs\.([\w-]+) \}\}", value)
                assert name in action["inputs"]
    assert "$GITHUB_ACTION_PATH" in steps["Install derive"]["run"]
    assert (ROOT / "pyproject.toml").exists()
    folder = tmp_path / "my notes"
    folder.mkdir()
    (folder / "a.md").write_text(FALSE, encoding="utf-8")
    script = tmp_path / "bin" / "derive"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m derive "$@"\n')
    script.chmod(0o755)
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{script.parent}{os.pathsep}{os.environ['PATH']}",
        "DERIVE_PATHS": "my notes\n",
        "DERIVE_ARGUMENTS": "--allow=unread",
        "DERIVE_SARIF": "out.sarif",
    }
    ran = {}
    for name in ("Write SARIF", "Check the documents"):
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", steps[name]["run"]]
        ran[name] = subprocess.run(shell, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert ran["Write SARIF"].returncode == 0, ran["Write SARIF"].stderr
    results = valid((tmp_path / "out.sarif").read_text())["results"]
    assert [result["level"] for result in results] == ["error", "note"]
    assert ran["Check the documents"].returncode == 1
    levels = [level for level, _, _ in annotations(ran["Check the documents"].stdout)]
    assert levels == ["error", "notice"]
