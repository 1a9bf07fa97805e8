"""English and Chinese: every phrase that is used has both, and what an author wrote stays what it is."""

import ast
import json
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from derive import catalogue, cli
from derive.calculus.gradient import Method, within
from derive.diagnostics import DIAGNOSTICS
from derive.documents import Given, check_source
from derive.reader import markdown
from derive.render import chinese
from derive.render.html import reports_html
from derive.render.language import diagnostic, message, preferred, rule_name, say, title
from derive.render.pieces import MARKS
from derive.render.report import NOUNS, Style, report_text, width, wrap
from derive.report import BY_DEFINITION, Report
from derive.rules import RULES

RENDER = Path(cli.__file__).parent / "render"
TABLES = {"PHRASES": chinese.PHRASES, "MESSAGES": chinese.MESSAGES}
WRONG = (
    "<!-- derive\nlayout: denominator\nx \\in \\mathbb{R}^n\n-->\n\n"
    "$$ \\frac{\\partial x^T x}{\\partial x} = x $$\n"
)


def is_chinese(text: str) -> bool:
    """Whether there is a Chinese character in a text."""
    return any("\u4e00" <= character <= "\u9fff" for character in text)


def fields(template: str) -> set[str]:
    """The names of the fields of a template."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def said() -> Iterator[str]:
    """Every literal that stands as a phrase in a call of `say`, in all of what renders."""
    for path in [*RENDER.glob("*.py"), Path(cli.__file__)]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "say":
                branches = [
                    part
                    for argument in node.args
                    for part in (
                        [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]
                    )
                ]
                yield from (
                    b.value for b in branches if isinstance(b, ast.Constant) and isinstance(b.value, str)
                )


def reported(source: str) -> Report:
    """The report on a Markdown document."""
    return check_source("a.md", source, markdown.read(source), Given())


# ── the table ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("phrase", sorted(set(said())))
def test_every_phrase_that_is_said_has_its_chinese(phrase: str) -> None:
    assert phrase in chinese.PHRASES


@pytest.mark.parametrize("word", [*MARKS, *NOUNS, *NOUNS.values(), BY_DEFINITION, "mixed layout"])
def test_words_that_are_said_by_name_have_their_chinese(word: str) -> None:
    assert is_chinese(say("zh", word, condition=""))


@pytest.mark.parametrize("table", TABLES)
def test_both_languages_have_the_same_fields(table: str) -> None:
    for english, translated in TABLES[table].items():
        assert fields(english) == fields(translated), english
        assert is_chinese(translated) or not is_chinese(english), english


@pytest.mark.parametrize("name", RULES)
def test_every_rule_has_a_chinese_name(name: str) -> None:
    assert rule_name("en", name) == name
    assert is_chinese(rule_name("zh", name)) or name == "Kronecker delta"


def test_no_two_rules_have_the_same_name() -> None:
    assert len(set(chinese.RULES.values())) == len(chinese.RULES)
    assert set(chinese.RULES) == set(RULES)


@pytest.mark.parametrize("name", catalogue.documents())
def test_every_derivation_has_a_chinese_title(name: str) -> None:
    english = catalogue.title(name)
    assert title("en", english) == english
    assert is_chinese(title("zh", english))


@pytest.mark.parametrize("method", ["rules", "differential", "components"])
@pytest.mark.parametrize("expression", ["x^T A x", "A x", r"\log \|x\|^2"])
def test_a_derivation_that_was_asked_for_is_in_chinese(expression: str, method: Method) -> None:
    """Its title and the names of its rules."""
    given = [r"A \in \mathbb{R}^{n \times n}", r"x \in \mathbb{R}^n"]
    derivation = within(10, expression, "x", given, method=method).derivation
    assert is_chinese(title("zh", derivation.title))
    rules = {step.rule for step in derivation.report.steps if step.rule}
    assert all(is_chinese(rule_name("zh", rule)) or rule == "Kronecker delta" for rule in rules)


@pytest.mark.parametrize("code", DIAGNOSTICS)
def test_every_diagnostic_is_explained_in_chinese(code: str) -> None:
    assert all(map(is_chinese, diagnostic("zh", DIAGNOSTICS[code])))


def test_there_is_no_chinese_for_what_is_not_there() -> None:
    assert set(chinese.DIAGNOSTICS) == set(DIAGNOSTICS)
    assert set(chinese.TITLES) == {catalogue.title(name) for name in catalogue.documents()}


# ── messages ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", DIAGNOSTICS)
def test_what_an_example_provokes_is_said_in_chinese(code: str) -> None:
    report = reported(DIAGNOSTICS[code].bad)
    messages = [step.message for step in report.steps if step.verdict != "proved" and step.message]
    messages += [note.message for note in report.notes]
    assert messages
    for text in messages:
        assert is_chinese(message("zh", text)), text


def test_fields_of_a_message_are_translated_in_turn() -> None:
    assert (
        message("zh", "transposed, and the sign is wrong: -x would be right")
        == "转置了，并且符号错了：-x 才对"
    )


def test_formulas_in_a_message_are_told_from_its_words() -> None:
    shown = message("en", r"a factor \frac{2}{3} is missing: 2 x would be right", str.upper, "<{}>".format)
    assert shown == r"A FACTOR <\frac{2}{3}> IS MISSING: <2 x> WOULD BE RIGHT"


def test_what_is_not_known_stays_as_it_is() -> None:
    assert message("zh", "something quite different") == "something quite different"
    assert rule_name("zh", "my own rule") == "my own rule"
    assert title("zh", "My own notes") == "My own notes"


def test_a_hostile_message_takes_no_time() -> None:
    assert message("zh", "a factor " * 20_000)
    assert message("zh", " is missing: " * 45)


# ── which language ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        ({"LANG": "de_DE"}, "en"),
    ],
)
def test_the_locale_decides(environment: dict[str, str], language: str) -> None:
    assert preferred(environment) == language


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """Runs a command in a Chinese locale, beside a document with a mistake."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    monkeypatch.setenv("COLUMNS", "80")
    Path("a.md").write_text(WRONG, encoding="utf-8")

    def _run(*arguments: str) -> str:
        cli.run(arguments)
        return capsys.readouterr().out

    return _run


def test_the_commands_speak_chinese(run) -> None:
    assert "softmax-cross-entropy             Softmax 与交叉熵\n" in run("list")
    assert run("explain", "D102").startswith("D102  被反例推翻\n")
    shown = run("show", "squared-error")
    assert "✓ 已证明 对所有 c · 链式法则" in shown
    assert "7 步中 7 步已证明" in shown
    checked = run("check", "a.md")
    assert "a.md:6:38: 已推翻 [D102] 当 n = 1 时两边已经不等" in checked
    assert "建议: 缺少因子 2：2 x 才对" in checked
    assert '<html lang="zh">' in run("check", "a.md", "--format", "html")


def test_english_can_be_asked_for(run) -> None:
    assert "refuted [D102] the two sides differ" in run("check", "a.md", "--lang", "en")


def test_json_is_english_in_any_language(run) -> None:
    assert run("check", "a.md", "--format", "json") == run(
        "check", "a.md", "--format", "json", "--lang", "en"
    )
    step = json.loads(run("check", "a.md", "--format", "json"))["documents"][0]["steps"][-1]
    assert step["message"] == "the two sides differ already for n = 1"


@pytest.mark.parametrize("code", ["D001", "D011", "D101", "D102", "D103", "D110", "D201"])
def test_reports_are_chinese_throughout(code: str) -> None:
    """Text and page: whatever is not in the table would raise KeyError."""
    report = reported(DIAGNOSTICS[code].bad)
    text = report_text(report, Style(60, verbose=True, reading=True, language="zh"))
    assert is_chinese(text)
    assert all(width(line) <= 60 for line in text.splitlines())
    assert is_chinese(reports_html([report], (), "zh"))


def test_chinese_is_broken_between_characters_and_not_before_a_full_stop() -> None:
    lines = wrap("等式两边相等，第 21 行除外；其余各行都不成立。", 12)
    assert all(width(line) <= 14 for line in lines)
    assert not any(line[0] in "，。；" for line in lines)
    assert "".join(lines).replace(" ", "") == "等式两边相等，第21行除外；其余各行都不成立。"
