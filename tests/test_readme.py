"""What the README says is true: its Python runs, and its commands exist."""

from __future__ import annotations

import pathlib
import re
import shlex
import subprocess
import sys

import pytest
import yaml

from derive import cli, configuration, documents

ROOT = pathlib.Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.S)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_each_python_example_runs(number: int) -> None:
    exec(compile(EXAMPLES[number], f"README example {number + 1}", "exec"), {"__name__": "__main__"})


def test_there_are_two_commands_for_a_fresh_machine() -> None:
    block = README.split("<!-- commands -->")[1].split("<!-- /commands -->")[0]
    commands = [line for line in block.splitlines() if line and not line.startswith("```")]
    assert len(commands) == 2
    assert all("activate" not in command for command in commands)


def test_the_refutation_that_it_prints_is_the_one_that_is_printed(tmp_path: pathlib.Path) -> None:
    block = next(b for b in re.findall(r"```text\n(.*?)```", README, re.S) if "notes.md:8:37" in b)
    notes = tmp_path / "notes.md"
    equation = re.search(r"8 \| (.*)", block)
    assert equation is not None
    given = "<!-- derive\nlayout: denominator\nx \\in \\mathbb{R}^n\n-->\n"
    notes.write_text(given + "\n\n\n" + equation.group(1) + "\n", encoding="utf-8")
    run = [sys.executable, "-m", "derive", "check", "notes.md"]
    printed = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert printed.returncode == 1
    for line in block.splitlines():
        assert line.rstrip() in [p.rstrip() for p in printed.stdout.splitlines()]


def test_the_translation_that_it_prints_is_the_one_that_is_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (block,) = re.findall(r"```console\n\$ derive (.*?)```", README, re.S)
    command, _, output = block.partition("\n")
    assert cli.run(shlex.split(command)) == 0
    printed = capsys.readouterr().out.splitlines()
    assert output.splitlines() == printed[: len(output.splitlines())]


def test_every_subcommand_that_it_names_has_help() -> None:
    named = set(re.findall(r"^derive (\w+)", README, re.M)) | set(re.findall(r"`derive (\w+)", README))
    for name in sorted(named):
        run = [sys.executable, "-m", "derive", name, "--help"]
        assert subprocess.run(run, capture_output=True, check=False).returncode == 0, name


def test_the_configuration_that_it_shows_is_one(tmp_path: pathlib.Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", README, re.S)
    (tmp_path / "pyproject.toml").write_text(block, encoding="utf-8")
    project = configuration.load(tmp_path)
    assert project.allow == ("unknown",)
    assert [path.name for path in project.paths] == ["docs"]


def test_the_hook_and_the_inputs_that_it_shows_exist() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", README, re.S)
    step, hook = yaml.safe_load(block)
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    assert step["with"].keys() <= action["inputs"].keys()
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert {entry["id"] for entry in hook["hooks"]} <= {entry["id"] for entry in hooks}


def test_the_comments_that_it_shows_skip(tmp_path: pathlib.Path) -> None:
    markdown, latex = re.search(r"line before it: `(.*?)`, in LaTeX `(.*?)`", README, re.S).groups()
    (tmp_path / "a.md").write_text(f"$a \\in \\mathbb{{R}}$\n\n{markdown}\n$$a + a = 3 a$$\n")
    (tmp_path / "a.tex").write_text(f"$a \\in \\mathbb{{R}}$\n\n{latex}\n$$a + a = 3 a$$\n")
    for report in documents.check_files([tmp_path / "a.md", tmp_path / "a.tex"]):
        assert report.counts["skipped"] == 1
