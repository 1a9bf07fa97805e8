"""The pytest plugin: each claim of a document is a test.

    pytest --derive docs/          or, in pytest's configuration, derive_paths = ["docs"]

Documents are found as `derive check` finds them. A claim that is proved passes, one that is not fails with
its diagnostic, what a comment skips is skipped with its reason, and what the baseline has is an expected
failure. What is allowed to be unknown or unread has not been verified, so it is skipped and does not pass.
Statements that are given, the layout, what is allowed and the baseline stand in [tool.derive] of
pyproject.toml.

pytest loads this module in every project where derive is installed. So it imports nothing but pytest, and
what reads and judges only once there is a document. To list claims, a document is read and its proofs tried,
but no counterexample is looked for; it is judged when the first of its claims is run.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from derive.baseline import Baseline
    from derive.configuration import Configuration
    from derive.documents import Given
    from derive.report import Report, Step


class DeriveWarning(pytest.PytestWarning):
    """Something about a document that makes no test fail."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option and the setting that name documents."""
    group = parser.getgroup("derive")
    group.addoption(
        "--derive", action="append", default=[], metavar="PATH",
        help="a document (.md, .tex, .ipynb) or a folder of them; each claim in it is a test",
    )  # fmt: skip
    parser.addini("derive_paths", "documents, or folders of them, whose claims are tests", "args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker; find the documents, if any are named, and have them collected."""
    config.addinivalue_line("markers", "derive: a claim of a document, or a test of mathematics by derive")
    asked, settled = config.getoption("derive", []), config.getini("derive_paths")
    if not asked and not settled:
        return
    here, root = config.invocation_params.dir, config.inipath.parent if config.inipath else config.rootpath
    named = _found([here / path for path in asked])
    usual = _found([root / path for path in settled])
    config.stash[_PROJECT] = _Project.of(config)
    config.pluginmanager.register(Documents(frozenset(named + usual)), "derive-documents")
    explicit = config.args_source is pytest.Config.ArgsSource.ARGS
    for path in named if explicit else named + usual:
        if str(path) not in config.args:
            config.args.append(str(path))


def _found(paths: list[Path]) -> list[Path]:
    """The documents that paths name. Raises UsageError."""
    from derive.documents import find

    documents = []
    for path, trouble in find(paths):
        if trouble is None and not path.exists():
            trouble = "No such file or directory"
        if trouble is not None:
            raise pytest.UsageError(f"derive: {path}: {trouble}")
        documents.append(Path(os.path.abspath(path)))
    return documents


@dataclass(frozen=True)
class Documents:
    """Collects these documents, wherever pytest comes upon them."""

    paths: frozenset[Path]

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> Document | None:
        """The collector of a document."""
        if file_path not in self.paths:
            return None
        document: Document = Document.from_parent(parent, path=file_path)
        return document


@dataclass
class _Project:
    """What holds for all documents of a project."""

    settings: Configuration
    given: Given
    baseline: Baseline | None

    @staticmethod
    def of(config: pytest.Config) -> _Project:
        """That of a run of pytest. Raises UsageError."""
        from derive.baseline import BadBaseline, Baseline
        from derive.configuration import Misconfigured, load
        from derive.documents import Unopenable, given_files
        from derive.render.report import Style, given_text

        try:
            settings = load(config.rootpath)
            given = given_files(settings.given)
            baseline = None if settings.baseline is None else Baseline.read(settings.baseline)
        except (Misconfigured, Unopenable, BadBaseline) as trouble:
            raise pytest.UsageError(f"derive: {trouble}") from None
        if given.reports:
            said = "".join(given_text(report, Style()) for report in given.reports)
            raise pytest.UsageError(f"derive: what is given cannot be read\n{said}")
        return _Project(settings, given, baseline)


_PROJECT = pytest.StashKey[_Project]()


class Document(pytest.File):
    """A document, with its claims in order."""

    _report: Report | None = None

    def collect(self) -> Iterator[Claim]:
        """The claims, known by their lines, and by their columns where a line has several."""
        from derive.documents import Unopenable, claims

        project = self.config.stash[_PROJECT]
        try:
            self.places = claims(self.path, project.given, project.settings.layout)
        except Unopenable as trouble:
            raise self.CollectError(f"{self.path}: {trouble}") from None
        in_line, same = Counter(line for line, _ in self.places), Counter[str]()
        for number, (line, column) in enumerate(self.places):
            name = f"{self.path.name}:{line}" + (f":{column}" if in_line[line] > 1 else "")
            same[name] += 1
            suffix = f"#{same[name]}" if same[name] > 1 else ""
            claim: Claim = Claim.from_parent(self, name=name + suffix)
            claim.number, claim.line = number, line
            claim.add_marker("derive")
            yield claim

    def report(self) -> Report:
        """The report on the document, which is judged once."""
        if self._report is None:
            from derive.documents import SECONDS, check_files

            project = self.config.stash[_PROJECT]
            settings = project.settings
            (self._report,) = check_files(
                [self.path], project.given, settings.layout, settings.timeout or SECONDS
            )
            self._report.path = _shown(self.path, self.config)
            if project.baseline is not None:
                project.baseline.apply(self._report)
            for note in self._report.notes:
                if (note.code or "").startswith("D3"):
                    place = f"{self._report.path}:{note.line}:{note.column}"
                    self.warn(DeriveWarning(f"{place}: [{note.code}] {note.message}"))
        return self._report

    def step(self, number: int) -> Step:
        """The claim with this number. Fails where the document does not have the claims that were listed."""
        report = self.report()
        if report.error is not None:
            pytest.fail(f"{report.path}: {report.error}", pytrace=False)
        steps = [step for step in report.steps if step.kind == "claim"]
        if [(step.line, step.column) for step in steps] != self.places:
            pytest.fail(f"{report.path}: its claims are not those that were listed", pytrace=False)
        return steps[number]


class Claim(pytest.Item):
    """A claim as a test."""

    number: int
    line: int

    def runtest(self) -> None:
        """Judge the claim."""
        from derive.render.report import Style, claim_text
        from derive.report import Verdict

        document: Any = self.parent
        step: Step = document.step(self.number)
        if step.verdict is Verdict.PROVED:
            return
        if step.skipped is not None:
            pytest.skip(step.skipped)
        if step.known:
            pytest.xfail(f"{step.verdict}, as the baseline has it")
        if step.verdict in self.config.stash[_PROJECT].settings.allow:
            pytest.skip(f"{step.verdict}, which is allowed: {step.message}")
        pytest.fail(claim_text(document.report(), step, Style(width=100)).rstrip(), pytrace=False)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the claim stands."""
        return self.path, self.line - 1, self.name


def _shown(path: Path, config: pytest.Config) -> str:
    """A path as it is best told: from where pytest was called, if it is below."""
    try:
        return str(path.relative_to(config.invocation_params.dir))
    except ValueError:
        return str(path)
