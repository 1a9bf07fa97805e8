r"""What the words around formulas say: sizes, places and cases.

A block (a paragraph, an item, a table row) is taken as one line of text in which each inline formula is a
mark, ⟦0⟧, ⟦1⟧, …; a pattern says what a phrase means, in the notation of a given block:

    ⟦W⟧ is a ⟦c \times d⟧ matrix        W \in \mathbb{R}^{c \times d}
    ⟦y⟧ is a one-hot vector of length ⟦c⟧    y \in \{0,1\}^{c}, \sum_i y_i = 1
    其中 1 出现在第 ⟦j⟧ 个位置             the place is j

Only phrases of which the meaning is plain are read; what a text says of two symbols at once is left alone,
unless it says it of both. Sizes that a document declares in mathematics come first: words give a size only
to a symbol that has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from derive.reader.passage import Passage

NAME = r"(?:\\[A-Za-z]+|[A-Za-z])"
SIZE = re.compile(
    rf"\s*[(（\[]?\s*(?P<rows>{NAME}(?:_\{{?\w+\}}?)?|[0-9]+)\s*(?:\\times|\*|×|x(?=\s*[0-9A-Z(])|\\ast)\s*"
    rf"(?P<columns>{NAME}(?:_\{{?\w+\}}?)?|[0-9]+)\s*[)）\]]?\s*"
)
LENGTH = re.compile(rf"\s*(?P<length>{NAME}(?:_\{{?\w+\}}?)?|[0-9]+)\s*")
# z, or the z of z = W x; nothing raised, such as a transpose
SYMBOL = re.compile(
    r"\s*(?P<name>(?:\\(?:bm|boldsymbol|mathbf|vec|hat|tilde|bar|mathcal|mathrm|textbf|pmb)\s*)*"
    r"(?:\{(?:[^{}=]|\{[^{}]*\})*\}|\\?[A-Za-z]+)(?:_(?:\w|\{\w+\}))?)\s*(?:=.*)?",
    re.DOTALL,
)
ONE_HOT = re.compile(r"(?<![a-z])one\W{0,4}hot|独热", re.IGNORECASE)

_OURS = str.maketrans("⟦⟧", "()")  # a text cannot write our marks
_MARK = r"⟦(\d+)⟧"
_MARKS = r"⟦(\d+)⟧(?:(?:\s*(?:,|，|、|and|和|与|及)\s*)+⟦\d+⟧)*"
_PLAIN = (  # what may stand between a symbol and its size
    r"(?:is|are|be|as|has|have|of|a|an|the|all|each|both|some|any|given|real|fixed|constant|known|unknown|random"
    r"|weight|weights|bias|biases|data|design|parameter|parameters|feature|features|label|labels|target|input"
    r"|inputs|output|outputs|hidden|activation|score|scores|covariance|state|gain|kalman|measurement|noise|rotation"
    r"|identity|square|symmetric|invertible|orthogonal|diagonal|positive|definite|semidefinite|dense|one|hot"
    r"|row|column|matrix|matrices|vector|vectors|array|denotes?|denoting|represents?|size|sizes|length"
    r"|dimension|dimensions|dimensionality|shape|order|with|in|over|that|which)"
)
_PLAIN_CHINESE = r"[\u4e00-\u9fff]"
_NOT_CHINESE = r"(?![^⟦]{0,30}(?:乘|除|加|减|和|与|及|把|将|对|由|从|每|个|若|则|使|经))"
_SIZED = (
    re.compile(  # an n x m matrix A, a d-dimensional vector x  # an n x m matrix A, a d-dimensional vector x
        rf"(?P<size>⟦\d+⟧)\s*(?:-?\s*dimensional|-?\s*D\b|-?\s*维|维|阶)?\s*(?:的)?\s*"
        rf"(?:real|实|input|column|symmetric|square|weight|输入|输出|列|权重|对称|one-hot|\s)*\s*"
        rf"(?:matrix|matrices|vectors?|矩阵|方阵|列?向量)\s*(?P<names>{_MARKS})"
    ),
    re.compile(  # W is the weight matrix of size c x d
        rf"(?P<names>{_MARKS})\s*(?:[:,(-]|\s|{_PLAIN}(?![A-Za-z]))+(?P<size>⟦\d+⟧)", re.IGNORECASE
    ),
    re.compile(  # x 为 n 维列向量
        rf"(?P<names>{_MARKS})\s*[:：,，(（]?\s*{_NOT_CHINESE}(?:{_PLAIN_CHINESE}|\s|[,，:：(（]){{0,24}}?(?P<size>⟦\d+⟧)"
    ),
)
_SINGULAR = re.compile(r"\s*(?:is|has|denotes|represents)\b", re.IGNORECASE)
_AFTER_LENGTH = re.compile(
    r"\s*(?:-?\s*dimensional|-?\s*dim\b|-?\s*D\b|-?\s*维|维|-?\s*(?:element|entry|component)|个(?:元素|分量)|classes|个类别)"
)
_BEFORE_LENGTH = re.compile(
    r"(?:length|dimension|size|dimensionality|长度|维度|维数|大小|vector (?:in|with|over|of))\s*"
    r"(?:of|为|是|is|=|:|：)?\s*$",
    re.IGNORECASE,
)
_VECTOR = re.compile(r"vector|向量|one\W{0,4}hot|length|dimensional|维|长度", re.IGNORECASE)
_ROW = re.compile(r"row[- ]vector|行向量", re.IGNORECASE)
_SQUARE = re.compile(r"square|方阵|阶", re.IGNORECASE)

_PLACE = (
    re.compile(rf"(?:出现在|位于|处于|是在|在)\s*第\s*{_MARK}\s*(?:个|行|位|列|分量)"),
    re.compile(rf"第\s*{_MARK}\s*(?:个位置|行|位|个分量|个元素)\s*(?:上|处)?\s*(?:为|是|等于)\s*(?:1|一)"),
    re.compile(
        rf"(?:at|in|on|is|stands|appears)\s+(?:the\s+)?(?:place|position|row|index|entry|component|slot)\s+{_MARK}",
        re.I,
    ),
    re.compile(
        rf"(?:at|in|on|of)\s+(?:the\s+)?{_MARK}\s*(?:-|–)?\s*(?:th|st|nd|rd)?\s+(?:place|position|row|entry|component|slot|coordinate)",
        re.I,
    ),
)
_ORDINAL = re.compile(r"\s*(?P<letter>[a-z])\s*(?:\^\s*\{?\s*(?:\\(?:text|mathrm|rm)\s*\{?\s*)?th\s*\}*)?\s*")
_COUNT = re.compile(
    rf"(?:类别数|类数|类别)(?:量|目)?\s*(?:仅|只)?\s*(?:为|是|有|等于)\s*(?:{_MARK}|(?P<word>2|二|两))"
    r"|(?P<two>二分类|两分类|两类|\btwo[- ]class\b|\btwo classes\b"
    r"|\bbinary (?:classification|case|classifier)\b)",
    re.IGNORECASE,
)
_ONE_HOT_SAID = re.compile(  # y is one-hot; 标签 y 为 one-hot 向量; the one-hot label vector y
    rf"{_MARK}\s*(?:(?:is|be|being|as|are|a|an|the|vector|label|true|target|its|encoded)\s+|[,，(（]|是|为|用|采用|一个|的|向量|标签|类型)*"
    rf"\s*(?:one\W?hot|独热)"
    rf"|(?:one\W?hot|独热)\s*(?:(?:encoded|encoding|label|labels|target|vector|of|the)\s*|[编码向量标签的为])*\s*{_MARK}",
    re.IGNORECASE,
)
_OMITTED = re.compile(
    rf"(?:omit|omitting|drop|dropping|suppress|leave out)\s+the\s+(?:[a-z]+\s+){{0,2}}"
    rf"(?:superscript|subscript|index|script)s?\s+{_MARK}"
    rf"|省略(?:了|掉)?[^⟦。，,;；.]{{0,12}}(?:上标|下标|角标)\s*{_MARK}",
    re.IGNORECASE,
)
_PROPERTIES = (  # what is said, as a statement about the symbol
    (r"symmetric|covariance|对称|协方差", r"{0} = {0}^T"),
    (r"orthogonal|正交", r"{0}^T {0} = I"),
    (r"invertible|non-?singular|positive[- ]definite|可逆|非奇异|正定", r"\det({0}) \neq 0"),
)
_ADJECTIVE = (
    r"(?:(?:real|square|strictly|constant|fixed|given|symmetric|orthogonal|invertible|non-?singular|diagonal|dense"
    r"|positive[- ]definite|covariance|and|⟦\d+⟧)[\s,-]*)+"
)
_CHINESE_ADJECTIVE = r"(?:实|方|常数?|对称|正交|可逆|非奇异|正定|协方差|且|、|的|⟦\d+⟧)+"
_DESCRIBED = (
    rf"(?P<names>{_MARKS})\s*(?:is|are|be|being|both)\s+(?:all\s+|both\s+)?(?:an?\s+|the\s+)?(?P<said>{_ADJECTIVE})",
    rf"(?P<said>{_ADJECTIVE})(?:matrix|matrices)?\s*(?P<names>{_MARKS})",
    rf"(?P<names>{_MARKS})\s*(?:都|均)?(?:是|为)?(?:一个)?(?P<said>{_CHINESE_ADJECTIVE})",
    rf"(?P<said>{_CHINESE_ADJECTIVE})(?:矩阵|阵)?\s*(?P<names>{_MARKS})",
)
_CONDITIONAL = r"(?:\b(?:if|when|whenever|unless|for)\b|若|如果|当|假如)[^.;。；]*$"
_TRUE_CLASS = (
    r"(?:(?:class|true|correct|target|ground[- ]truth) (?:label|class)"
    r"|(?:真实|正确|目标)(?:的)?(?:类别|标签)|类别标签)"
    rf"\s*(?:is|be|为|是)?\s*{_MARK}",
    rf"{_MARK}\s*(?:is|denotes|being|为|是)\s*(?:the\s+)?(?:index\s+of\s+the\s+)?"
    rf"(?:(?:true|correct|target|ground[- ]truth)\s+(?:class|label)|(?:真实|正确|目标)(?:的)?(?:类别|标签))",
)


@dataclass(frozen=True, slots=True)
class Line:
    """A block as one line: its words with marks, and the formulas that these stand for."""

    text: str
    formulas: tuple[Passage, ...]

    def formula(self, number: str) -> str:
        """The text of a marked formula."""
        return self.formulas[int(number)].text


def line_of(block: Sequence[Passage]) -> Line:
    """The words and inline formulas of a block; a display breaks the line."""
    parts: list[str] = []
    formulas: list[Passage] = []
    for passage in block:
        if passage.kind == "inline":
            parts.append(f"⟦{len(formulas)}⟧")
            formulas.append(passage)
        elif passage.kind == "prose":
            parts.append(passage.text.translate(_OURS))
        elif passage.kind == "display":
            parts.append(" . ")
    return Line("".join(parts).replace("\n", " ").replace("`", "").replace("*", ""), tuple(formulas))


def sizes_said(block: Sequence[Passage]) -> Iterator[tuple[str, tuple[str, str], bool, Passage]]:
    """(name, (rows, columns), whether it is one-hot, where) for each symbol that a block gives a size."""
    line = line_of(block)
    for names, size, phrase, said in list(_in_columns(block, line)) or list(_in_words(line)):
        filled = re.sub(_MARK, lambda mark: line.formula(mark[1]), phrase)  # one-hot may be in italics
        one_hot = ONE_HOT.search(filled) is not None and len(names) == 1 and "1" in size
        for name in names:
            yield name, size, one_hot, said


Said = tuple[list[str], tuple[str, str], str, Passage]
"""Symbols, the size that they are given, the phrase that does it, and where the size stands."""


def one_hot_said(block: Sequence[Passage]) -> Iterator[tuple[str, Passage]]:
    """The symbols that a block calls one-hot, beside what gives their size."""
    line = line_of(block)
    for match in _ONE_HOT_SAID.finditer(line.text):
        number = int(match[1] or match[2])
        name = SYMBOL.match(line.formulas[number].text)
        if name is not None:
            yield name["name"], line.formulas[number]


def _in_columns(block: Sequence[Passage], line: Line) -> Iterator[Said]:
    """A table row that pairs its first symbol with a size, and a list item that does."""
    container, formulas = block[0].container, line.formulas
    if container not in ("item", "row") or len(formulas) < 2:
        return
    name = SYMBOL.fullmatch(formulas[0].text)
    if container == "row":
        if any(f.column == formulas[0].column for f in formulas[1:]):
            return  # of several symbols in one cell
        sizes = [f for f in formulas[1:] if SIZE.fullmatch(f.text) and f.column != formulas[0].column]
    else:
        sizes = [f for f in formulas[1:2] if SIZE.fullmatch(f.text)]
    if name is None or len(sizes) != 1:
        return
    size = SIZE.fullmatch(sizes[0].text)
    assert size is not None
    yield [name["name"]], (size["rows"], size["columns"]), line.text, sizes[0]


def _in_words(line: Line) -> Iterator[Said]:
    """Phrases that give one symbol, or several, a size."""
    taken: set[str] = set()
    used: set[str] = set()
    for pattern in _SIZED:
        for match in pattern.finditer(line.text):
            marks = re.findall(_MARK, match["names"])
            if _SINGULAR.match(line.text[match.end("names") :]):  # z = Wx + b, and y is a vector of length c
                marks = marks[-1:]
            names = [SYMBOL.fullmatch(line.formula(n)) for n in marks]
            size = _size(line, match)
            spelt = [n["name"] for n in names if n is not None]
            if size is None or len(spelt) < len(names) or taken & set(spelt) or match["size"] in used:
                continue
            taken |= set(spelt)
            used.add(match["size"])
            phrase = match.group() + re.split(r"[⟦。.,，;；]", line.text[match.end() :])[0]
            yield spelt, size, phrase, line.formulas[int(match["size"][1:-1])]


def _size(line: Line, match: re.Match[str]) -> tuple[str, str] | None:
    """The size that a phrase names: c x d as it stands, or a length beside words that say it is one."""
    text = line.formula(match["size"][1:-1])
    before, after = line.text[match.start() : match.start("size")], line.text[match.end("size") :]
    if size := SIZE.fullmatch(text):
        return size["rows"], size["columns"]
    length = LENGTH.fullmatch(text)
    if length is None:
        return None
    is_length = bool(_AFTER_LENGTH.match(after) or _BEFORE_LENGTH.search(before))
    phrase = line.text[match.start() : match.end() + 25]
    if not is_length or not _VECTOR.search(phrase):
        return None
    if _SQUARE.search(match.group() + after[:6]):
        return length["length"], length["length"]
    return ("1", length["length"]) if _ROW.search(phrase) else (length["length"], "1")


def properties_said(block: Sequence[Passage]) -> Iterator[tuple[str, bool, Passage]]:
    """What a block says of matrices in words, A symmetric as A = A^T, and whether that is only a case."""
    line = line_of(block)
    for pattern in _DESCRIBED if line.formulas else ():
        for match in re.finditer(pattern, line.text, re.IGNORECASE):
            conditional = re.search(_CONDITIONAL, line.text[: match.start()], re.IGNORECASE) is not None
            for number in re.findall(_MARK, match["names"]):
                name = SYMBOL.fullmatch(line.formula(number).partition(r"\in")[0].strip())
                if name is None:
                    continue
                for words, statement in _PROPERTIES:
                    if re.search(words, match["said"], re.IGNORECASE):
                        yield statement.format(name["name"]), conditional, line.formulas[int(number)]


def class_said(block: Sequence[Passage]) -> Iterator[tuple[str, Passage]]:
    """The letter that a block uses for the one class to which the sample belongs."""
    line = line_of(block)
    for pattern in _TRUE_CLASS:
        for match in re.finditer(pattern, line.text, re.IGNORECASE):
            if re.fullmatch(r"\s*[a-z]\s*", line.formula(match[1])):
                yield line.formula(match[1]).strip(), line.formulas[int(match[1])]


def place_said(block: Sequence[Passage]) -> str | None:
    """The letter of the place at which a block says that an entry stands."""
    line = line_of(block)
    for pattern in _PLACE:
        for match in pattern.finditer(line.text):
            letter = _ORDINAL.fullmatch(line.formula(match[1]))
            if letter is not None:
                return letter["letter"]
    return None


def count_said(block: Sequence[Passage]) -> int | None:
    """The number of classes to which a block restricts what follows."""
    line = line_of(block)
    match = _COUNT.search(line.text)
    if match is None:
        return None
    if match[1] is not None:
        number = line.formula(match[1]).strip()
        return int(number) if len(number) == 1 and number.isdecimal() and 0 < int(number) < 10 else None
    return 2


def omitted(block: Sequence[Passage]) -> set[str]:
    """The marks that a block says are left out, as the L of the last layer."""
    line = line_of(block)
    formulas = [line.formula(match[1] or match[2]).strip() for match in _OMITTED.finditer(line.text)]
    return {formula for formula in formulas if re.fullmatch(r"[A-Za-z]", formula)}
