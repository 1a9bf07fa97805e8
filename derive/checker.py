"""The whole flow on one page: find the mathematics, read it, give it meaning, judge it, report.

    check(source, passages, judge) -> Report

Each relation sign of a document becomes one step: a declaration, a definition, something given, or a claim
with a verdict. A step that cannot be read is reported as unread and costs nothing but itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import groupby

from derive import expression as x
from derive import terms as t
from derive.expression import Expression, Layout
from derive.judge import Judge, Judgement, mismatch, shape_counterexample, unequal_sizes
from derive.kernel import Residual, Theorem, prove
from derive.lowering import Statement, Unsupported, state
from derive.printing import latex, shape_latex
from derive.reader import latex as tex
from derive.reader import prose, statements
from derive.reader.dots import cells_of, spike
from derive.reader.elaborate import Elaborator, fitted
from derive.reader.inference import inferred
from derive.reader.passage import Passage, Positions
from derive.reader.scope import Scope, Unreadable, key, resized
from derive.reader.sums import reaching, summed_names
from derive.report import Note, Repair, Report, Step, Verdict
from derive.terms import ShapeError

RELATIONS = {
    "=": "=",
    ":=": "=",
    r"\equiv": "=",
    "<": "<",
    ">": ">",
    r"\le": "<=",
    r"\leq": "<=",
    r"\ge": ">=",
    r"\geq": ">=",
}
OTHER: dict[Layout, Layout] = {"numerator": "denominator", "denominator": "numerator"}
NAME = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{2,}(?![A-Za-z])")
COMMAND_WORDS = re.compile(
    r"\\(?:begin|end|tag|label|text|mathrm|operatorname|mathbf|mathbb)\s*\{[^}]*\}|\\[A-Za-z]+"
)

CUE = re.compile(
    r"(?:\b(?:let|suppose|assume|assuming|if|where|given|when|for|with|define|denote|case|satisfying"
    r"|subject to|such that|provided)(?:\s+(?:that|the|we|have|set))*"
    r"|设|假设|假定|若|如果|令|记|其中|当|已知|这里|此处|满足|使得)\s*(?:仅|只有|only)?\s*[,:，：]?\s*$",
    re.IGNORECASE,
)
DIFFERENTIAL = re.compile(
    r"(?:\{\\rm\s*d\}|\\mathrm\s*\{?d\}?|(?<![A-Za-z\\{])d)\s*"
    r"(\\(?:hat|tilde|bar|vec|mathbf|boldsymbol|bm)\s*\{?\\?[A-Za-z]+\}?|\\(?:theta|beta|sigma|mu|phi|alpha|lambda|omega)|[A-Za-z])(?![A-Za-z(])"
)
BRACED = re.compile(r"(?<![A-Za-z_^\\])\{([A-Za-z]{3,})\}")
TRANSPOSED = re.compile(
    r"\^\s*\{?\s*(?:\\(?:top|intercal|mathsf|mathrm|text|rm|mathbf)?\s*\{?\s*)?(?:T|top|intercal)(?![a-z])"
)
LAYER = re.compile(r"\^\s*\{?\s*([(\[]?)\s*([a-z])\s*[-+]\s*1\s*[)\]]?")
COUNTS_FROM_0 = re.compile(r"[A-Za-z}]_\{?0+\}?(?![0-9])|[A-Za-z}]_\{0[0-9]\}")
LIMITS = re.compile(
    r"\\sum(?:\\limits)?\s*_\s*\{?\s*([a-z])\s*=\s*([01])\s*\}?\s*\^\s*\{?\s*([A-Za-z])\s*(?:\}|(?![A-Za-z{]))"
)
EQUATION = re.compile(r"式|等式|公式|方程|\beq(?:uation|n)?s?\b|formula|\b[lr]hs\b", re.IGNORECASE)
NUMBERED = re.compile(r"\(\s*([0-9]+[a-z]?)\s*\)")
REFERENCE = re.compile(r"\\(?:eq)?ref\s*\{([^{}]*)\}")
LABEL = re.compile(r"\\label\s*\{([^{}]*)\}")


@lru_cache(maxsize=4096)  # a document is read several times to find its layout
def parse(text: str, words: frozenset[str] = tex.BUILTIN_WORDS) -> tuple[tex.Clause, ...]:
    """The clauses of a formula, with sums that reach as far as their letters."""
    return tuple(reaching(tex.parse_formula(text, words)))


Guard = Callable[[Step], AbstractContextManager[None]]
Watch = Callable[[Step, Statement], None]
Proofs = dict[tuple[object, ...], Theorem | Residual]
Waiting = tuple[Callable[[], None], Step, tuple[tex.Node, ...]]
"""How to decide a step once more, the step, and the nodes whose symbols must have a meaning for that."""


FROM_USE = "as its use demands"
OPEN = ("D011", "D012")  # what a symbol without a meaning leaves open


@dataclass
class Checker:
    """Reads one document from top to bottom.

    Attributes:
        judge: decides claims.
        positions: places in the file on disk.
        layout: of every derivative, unless a given block names another.
        scope: what the symbols mean so far; a layout that a block declares is kept there.
        watch: called with every step that is judged, and its statement.
        proofs: what the kernel has found of claims, in this reading of the document and in others.
    """

    judge: Judge
    positions: Positions
    layout: Layout | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    watch: Watch | None = None
    guard: Guard | None = None
    proofs: Proofs = field(default_factory=dict)
    translate: bool = False  # whether each claim is also put in components, or in matrices
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scope = Scope(self.sizes)
        self.words: set[str] = set()
        self.last: tex.Node | None = None
        self.last_text = ""
        self.alternatives = True
        self.inferred = False  # whether the layout is only the likelier one
        self.differentiated: list[str] = []
        self.local: list[t.Hypothesis] = []  # assumed in prose, until the next heading
        self.supposed: list[tuple[tex.Clause, Source]] = []  # what waits for the meaning of a symbol
        self.ended = False
        self.case: list[t.Hypothesis] = []  # "if i = j", until the next case or heading
        self.one_hot: dict[int, str] = {}  # symbols that a block calls one-hot, by their formula's place
        self.head: tex.Node | None = None  # the first side of the chain
        self.open: list[Waiting] = []  # steps of the last display whose symbols had no meaning
        self.count: int | None = None  # of classes, where a text restricts the next display to so many
        self.stated: set[str] = set()  # the symbols that given blocks speak of
        self.tagged: dict[str, tex.Node] = {}  # what equation (1) says
        self.places: dict[int, str] = {}  # where the text says that an entry stands, by the display's offset
        self.postponed: list[tuple[tex.Clause, Source]] = []
        self.columns: list[tuple[str, Step]] = []  # matrices that are written as a list of columns
        self.notes: list[Note] = []

    @property
    def used_layout(self) -> Layout:
        return self.scope.layout or self.layout or "denominator"

    def read(self, passages: Sequence[Passage]) -> None:
        self.survey(passages)
        for _, group in groupby(passages, key=lambda p: p.block):
            block = list(group)
            self.described(block)
            self.one_hot = {p.offsets[0]: name for name, p in prose.one_hot_said(block)}
            said = [(p.offsets[0], text, case) for text, case, p in prose.properties_said(block)]
            classes = {p.offsets[0]: letter for letter, p in prose.class_said(block)}
            self.count = prose.count_said(block) or self.count
            before = ""
            for passage in block:
                known = self.scope.size
                if passage.kind == "given":
                    self.given(passage)
                elif passage.kind == "heading":
                    self.infer()
                    self.local, self.case = [], []
                    self.scope.supposed = self.local
                elif passage.kind == "inline":
                    self.inline(passage, before)
                elif passage.kind == "display":
                    self.infer()
                    self.formula(passage)
                    self.count = None
                before = passage.text if passage.kind == "prose" else ""
                self.called_one_hot(passage)
                for place, text, case in said:
                    if place == passage.offsets[0]:
                        self.called(text, case, passage)
                if passage.kind == "inline" and passage.offsets[0] in classes:
                    self.called_class(classes[passage.offsets[0]], passage)
                if self.open and passage.kind != "display" and self.scope.size > known:
                    self.try_again()
        self.infer()
        self.ended = True
        self.resume()
        self.compare_columns()
        for clause, source in self.postponed:
            self.unread(clause, 0, source, self.reason(clause))
        self.steps.sort(key=lambda step: (step.line, step.column))

    def reason(self, clause: tex.Clause) -> Unreadable | ShapeError:
        """Why a statement of a given block never got a meaning."""
        nodes = [node for node in (clause.first, clause.links[0].node) if node is not None]
        try:
            for node in nodes:
                elaborator = Elaborator(self.scope, self.used_layout)
                elaborator.learn_ranges(*nodes)
                elaborator.side(node)
        except (Unreadable, ShapeError) as trouble:
            return trouble
        return Unreadable("D006", "this statement has no reading", clause.first)

    def survey(self, passages: Sequence[Passage]) -> None:
        """What only the whole document tells: whether it counts from 0, and how far sums over a letter go."""
        limits: dict[str, set[str]] = {}
        self.survey_places(passages)
        for _, group in groupby(passages, key=lambda p: p.block):
            self.scope.omitted |= prose.omitted(list(group))
        for passage in passages:
            if passage.kind in ("display", "inline", "given"):
                self.scope.labels.update(letter for _, letter in LAYER.findall(passage.text))
                if COUNTS_FROM_0.search(passage.text):
                    self.scope.first = 0
                for symbol in DIFFERENTIAL.findall(passage.text):
                    self.differentiated.append(symbol)
                if r"\sum" in passage.text:
                    self.scope.summed.update(summed_names(parse(passage.text)))
                for letter, start, upper in LIMITS.findall(passage.text):
                    limits.setdefault(letter, set()).add(upper if start == "1" else "")
        formulas = [p.text for p in passages if p.kind in ("display", "inline", "given")]
        self.scope.turning_primes = not any(TRANSPOSED.search(text) for text in formulas)
        for text in dict.fromkeys(self.differentiated):
            clauses = parse(text)
            node = clauses[0].first if clauses else None
            node = node.base if isinstance(node, tex.Script) else node
            name = None if node is None else key(node)
            if name is not None and name != "d":
                self.scope.differentials.add(name)
        self.scope.limits.update({k: v.pop() for k, v in limits.items() if len(v) == 1 and "" not in v})

    def survey_places(self, passages: Sequence[Passage]) -> None:
        """Where the words before or behind a display say that the entry of a list in it stands."""
        open_display: int | None = None
        waiting: str | None = None
        for _, group in groupby(passages, key=lambda p: p.block):
            block = list(group)
            for start, part in _between_displays(block):
                said = prose.place_said(part)
                if said is not None and open_display is not None:
                    self.places.setdefault(open_display, said)
                waiting = said or waiting
                if start is not None:
                    if waiting is not None:
                        self.places.setdefault(start, waiting)
                    open_display, waiting = start, None

    def described(self, block: Sequence[Passage]) -> None:
        """The sizes that a block of text gives to symbols that have none, as c \\times d and one-hot."""
        for name, (rows, columns), one_hot, place in prose.sizes_said(block):
            first = parse(name)[:1]
            symbol = None if not first or first[0].first is None else key(first[0].first)
            if symbol is None or symbol in self.scope.dimensions:
                continue
            if self.scope.knows(symbol) and not self.redeclared(symbol, (rows, columns), place):
                continue
            numbers = r"\{0,1\}" if one_hot else r"\mathbb{R}"
            said = [rf"{name} \in {numbers}^{{{rows} \times {columns}}}"]
            if one_hot:
                said.append(rf"\sum_i {{{name}}}_i = 1")
            self.say(said, place)

    def called_one_hot(self, passage: Passage) -> None:
        """Take a symbol of known shape for one-hot where its text says so."""
        name = self.one_hot.get(passage.offsets[0]) if passage.kind == "inline" else None
        first = parse(name)[:1] if name is not None else ()
        node = first[0].first if first else None
        if node is not None and self.open and Elaborator(self.scope).resolve(node) not in self.scope.shapes:
            self.infer()
        symbol = None if node is None else Elaborator(self.scope).resolve(node)
        if node is None or symbol is None or symbol in self.stated or not self.scope.bare(symbol):
            return
        statements.one_hot(node, None, self.scope)

    def called(self, statement: str, conditional: bool, passage: Passage) -> None:
        """Take what a text says of a known matrix; what it says after `if` holds until the next heading."""
        names = {key(part) for part in tex.walk(parse(statement)[0])}
        symbols = [self.scope.symbol(name) for name in self.scope.shapes.keys() & names - self.stated]
        known = any(statement in h.labels for h in (*self.scope.hypotheses, *self.local))
        if known or not any(s.shape[0] == s.shape[1] and not s.is_scalar for s in symbols):
            return
        before = len(self.scope.hypotheses)
        self.say([statement], passage)
        if conditional:
            self.local += self.scope.hypotheses[before:]
            self.scope.supposed = self.local
            del self.scope.hypotheses[before:]

    def called_class(self, letter: str, passage: Passage) -> None:
        """Take a letter for the class at which the only one-hot vector is 1, until the next heading."""
        scope = self.scope
        hot = [n for n in scope.binary if n in scope.shapes and statements.totals_one(n, scope)]
        if len(hot) != 1 or scope.knows(letter) or letter in scope.dimensions or letter in scope.constants:
            return
        size = next(d for d in scope.shapes[hot[0]] if d != x.SCALAR[0])
        before = len(scope.hypotheses)
        self.say([rf"{letter} \in \{{1, \dots, {size}\}}", rf"{hot[0]}_{letter} = 1"], passage)
        self.local += scope.hypotheses[before:]
        scope.supposed = self.local
        del scope.hypotheses[before:]

    def redeclared(self, symbol: str, size: tuple[str, str], place: Passage) -> bool:
        """Whether a table of notation gives a symbol of an earlier section another size."""
        shape = self.scope.shapes.get(symbol)
        if shape is None or place.container != "row" or symbol in self.stated:
            return False
        return tuple(map(str, shape)) != size

    def say(self, statements_said: Sequence[str], passage: Passage) -> None:
        """What a text says in words and sizes, put as a given block would put it."""
        offsets = [passage.offsets[0]]
        for text in statements_said:
            source = Source(text, offsets * (len(text) + 1), passage)
            self.clauses(source, kind="given")

    # ------------------------------------------------------------------ given blocks

    def given(self, passage: Passage) -> None:
        """One statement a line; `layout:` and `source:` lines apart."""
        start = 0
        for line in passage.text.split("\n"):
            offsets = passage.offsets[start : start + len(line) + 1]
            start += len(line) + 1
            text = line.strip()
            if not text or text.startswith("source:"):
                continue
            if text.startswith("layout:"):
                self.declare_layout(text.removeprefix("layout:").strip(), offsets)
                continue
            self.clauses(Source(line, tuple(offsets), passage), kind="given")
        self.stated |= self.scope.shapes.keys()

    def declare_layout(self, name: str, offsets: Sequence[int]) -> None:
        if name in ("numerator", "denominator"):
            self.scope.layout = name  # type: ignore[assignment]
        else:
            line, column = self.positions(offsets[0])
            self.steps.append(
                Step(line, column, "claim", "=", "layout", name, Verdict.UNREAD, code="D007",
                     message=f"the layout is numerator or denominator, not {name}")
            )  # fmt: skip

    # ------------------------------------------------------------------ formulas

    def inline(self, passage: Passage, before: str) -> None:
        """A formula in prose: given where a cue word opens it, and a case where it compares indices."""
        if not CUE.search(before):
            stated = parse(passage.text)
            if len(stated) != 1 or not (
                self.condition_of(stated[0]) or statements.restricts(stated[0], self.scope)
            ):
                self.formula(passage)
                return
        source = Source(passage.text, passage.offsets, passage)
        self.learn_words(source.text)
        for clause in parse(source.text, tex.BUILTIN_WORDS | frozenset(self.words)):
            if self.enumerated(clause, source, "given"):
                continue
            condition = self.condition_of(clause)
            if condition is not None:
                self.case = [condition]
                self.record(clause, 0, source, "given" if condition.equal else "declaration")
            elif clause.links:
                with self.understanding():
                    self.assume(clause, source)

    def assume(self, clause: tex.Clause, source: Source) -> None:
        """What prose supposes: a definition of something new, else a hypothesis until the next heading."""
        known = len(self.scope.hypotheses)
        if self.follows(clause):
            self.chain(clause, source, "formula", [])
            return
        try:
            if statements.is_declaration(clause):
                statements.declare(clause, self.scope)
            elif statements.defines(clause, self.scope):
                statements.define(clause, self.scope, self.used_layout)
            else:
                label = source.text[_start(clause) : _end(clause)].strip()
                statements.fix_class(clause, self.scope)
                statements.assume(clause, self.scope, label, self.used_layout)
        except (Unreadable, ShapeError) as trouble:
            if isinstance(trouble, Unreadable) and trouble.code in OPEN and not self.ended:
                self.supposed.append((clause, source))  # let p_i = ..., with z in R^K
                return
            # what is only assumed and cannot be read is not used
        self.local += self.scope.hypotheses[known:]
        self.scope.supposed = self.local
        del self.scope.hypotheses[known:]
        kind = "declaration" if statements.is_declaration(clause) else "given"
        for number in range(len(clause.links)):
            self.record(clause, number, source, kind)
        self.resume()

    def follows(self, clause: tex.Clause) -> bool:
        """Whether what prose seems to suppose is proved from all that is known: where p_i = e^{z_i} / ..."""
        if clause.first is None or any(link.relation != "=" for link in clause.links):
            return False
        if statements.defines(clause, self.scope):
            return False
        sides = [clause.first, *(link.node for link in clause.links)]
        extra = (*self.local, *self.case)
        return all(
            any(reading.proved for reading in self.readings(left, link, extra))
            for left, link in zip(sides, clause.links, strict=False)
        )

    def formula(self, passage: Passage) -> None:
        self.clauses(Source(passage.text, passage.offsets, passage), kind="formula")

    def clauses(self, source: Source, kind: str) -> None:
        self.read_clauses(source, kind)
        if self.last is not None and kind != "given":
            for label in LABEL.findall(source.text):
                self.tagged[label] = self.last

    def read_clauses(self, source: Source, kind: str) -> None:
        self.learn_words(source.text)
        parsed = parse(source.text, tex.BUILTIN_WORDS | frozenset(self.words))
        for number, clause in enumerate(parsed):
            if number and kind != "given" and self.condition_of(clause) is not None:
                continue
            extra = self.conditions_after(parsed, number) if kind != "given" else []
            with self.understanding():
                self.clause(clause, source, kind, extra)

    @contextmanager
    def understanding(self) -> Iterator[None]:
        """Put down, of what is declared, defined or given meanwhile, which shapes were learnt by it."""
        before, number = dict(self.scope.shapes), len(self.steps)
        yield
        new = {name: shape for name, shape in self.scope.shapes.items() if before.get(name) != shape}
        learnt = [rf"{name} \in {shape_latex(shape)}" for name, shape in new.items()]
        for step in self.steps[number:]:
            if step.kind != "claim" and learnt:
                step.reading = r",\; ".join(learnt)

    def learn_words(self, text: str) -> None:
        """Runs of letters that name one quantity: what is defined, none of whose letters has a meaning."""
        bare = COMMAND_WORDS.sub(" ", text)
        in_braces = set(BRACED.findall(text))
        for match in NAME.finditer(bare):
            word = match.group()
            after = bare[match.end() :].lstrip(" &")
            if word in tex.BUILTIN_WORDS or not (
                word in in_braces or after.startswith(("=", "(", ":=", ","))
            ):
                continue
            if not any(self.scope.knows(letter) for letter in word):
                self.words.add(word)

    def condition_of(self, clause: tex.Clause) -> t.Coincide | None:
        """i = j or i != j beside an equation."""
        pair = Elaborator(self.scope, self.used_layout).condition((clause,))
        if pair is None:
            return None
        left, right, equal = pair
        sign = "=" if equal else r"\neq"
        return t.Coincide(left, right, equal, (f"{left} {sign} {right}",))

    def conditions_after(self, parsed: Sequence[tex.Clause], number: int) -> list[t.Hypothesis]:
        found: list[t.Hypothesis] = []
        for clause in parsed[number + 1 :]:
            if clause.row != parsed[number].row:
                break
            condition = self.condition_of(clause)
            if condition is not None:
                found.append(condition)
        return found

    def clause(self, clause: tex.Clause, source: Source, kind: str, extra: list[t.Hypothesis]) -> None:
        if not clause.links:
            self.last = clause.first
            if isinstance(clause.first, tex.Unread) and re.search(
                r"(?<!\\)=", source.text[clause.start : clause.end]
            ):
                self.lost(clause.first, source)
            elif kind == "given" and clause.first is not None:
                self.said(clause.first, source)
            return
        if self.enumerated(clause, source, "given" if kind == "given" else "definition"):
            return
        try:
            if statements.is_declaration(clause):
                statements.declare(clause, self.scope)
                self.record(clause, 0, source, "declaration")
                return
            if kind == "given" and not statements.defines(clause, self.scope) and not self.redefines(clause):
                label = source.text[_start(clause) : _end(clause)].strip()
                statements.assume(clause, self.scope, label, self.used_layout)
                self.record(clause, 0, source, "given")
                return
            if kind == "given":
                statements.define(clause, self.scope, self.used_layout)
                self.record(clause, 0, source, "given")
                return
        except (Unreadable, ShapeError) as trouble:
            if kind == "given" and isinstance(trouble, Unreadable) and trouble.code in OPEN:
                self.postponed.append((clause, source))
                return
            if statements.is_declaration(clause) and kind != "given":
                self.record(clause, 0, source, "declaration")  # a membership that declares no shape
                return
            self.unread(clause, 0, source, trouble)
            return
        self.chain(clause, source, kind, extra)
        self.resume()

    def said(self, node: tex.Node, source: Source) -> None:
        """A statement of a given block that is made in words, X^T X invertible."""
        found = statements.in_words(node, source.text)
        if found is None:
            expected = "a relation, or symmetric, orthogonal, invertible, positive definite"
            self.lost(tex.Unread(node.start, node.end, "this statement has no reading", expected, 0), source)
        else:
            at = source.offsets[min(node.start, len(source.offsets) - 1)]
            for text in found:
                self.clauses(Source(text, [at] * (len(text) + 1), source.passage), kind="given")

    def enumerated(self, clause: tex.Clause, source: Source, kind: str) -> bool:
        """Whether a clause only shows what a name holds, such as x = [x_1, ..., x_n]^T."""
        before = set(self.scope.columns)
        try:
            if not statements.enumerates(clause, self.scope):
                return False
        except (Unreadable, ShapeError):
            return False
        step = self.record(clause, 0, source, kind)
        for number in range(1, len(clause.links)):
            self.record(clause, number, source, "declaration")
        self.columns += [(name, step) for name in self.scope.columns.keys() - before]
        self.last = clause.links[0].node
        self.resume()
        return True

    def compare_columns(self) -> None:
        """Say where a matrix W = [w_1, ..., w_c] is declared with another number of columns."""
        for name, step in self.columns:
            shape, count = self.scope.shapes.get(name), self.scope.columns[name]
            if shape is not None and shape[1] != count:
                rows = f": the {count} vectors are its rows" if shape[0] == count else ""
                message = (
                    f"written like this {name} has {count} columns, but it is {x.show_shape(shape)}{rows}"
                )
                self.notes.append(Note(step.line, step.column, message))
                step.message = message

    def redefines(self, clause: tex.Clause) -> bool:
        """Whether a given block gives a defined quantity another meaning."""
        if clause.first is None or len(clause.links) != 1 or clause.links[0].relation not in ("=", ":="):
            return False
        name = statements.defined_name(clause.first, self.scope, clause.links[0].node)
        return name in self.scope.definitions or name in self.scope.functions

    def lost(self, node: tex.Unread, source: Source) -> None:
        """A formula with a relation sign of which nothing could be read is one unread step."""
        line, column = self.positions(source.offsets[min(node.start, len(source.offsets) - 1)])
        step = Step(line, column, "claim", "=", "", "", cell=source.passage.cell)
        self.steps.append(step)
        self.explain(step, source, Unreadable("D001", node.message, node, node.expected))

    def resume(self) -> None:
        """Try again what a given block said of symbols that had no meaning there yet."""
        waiting, self.postponed = self.postponed, []
        for clause, source in waiting:
            self.clause(clause, source, "given", [])
        supposed, self.supposed = self.supposed, []
        for clause, source in supposed:
            self.assume(clause, source)

    def chain(self, clause: tex.Clause, source: Source, kind: str, extra: list[t.Hypothesis]) -> None:
        left = clause.first if clause.first is not None else self.last
        if clause.first is not None:
            self.head = clause.first
            self.scope.place = self.places.get(source.passage.offsets[0])
        if left is not None and (meant := self.referred(left, clause)) is not left:
            left = self.last = meant
            self.last_text = source.text[clause.start : clause.links[0].position].strip(" &\n")
        if self.restates(clause):
            # C = Loss(a, y) = ...: a name for the function, then what both are
            self.define_last(clause, source)
            return
        for number, link in enumerate(clause.links):
            if number == 0 and statements.defines(clause, self.scope):
                try:
                    statements.define(clause, self.scope, self.used_layout)
                    self.record(clause, 0, source, "given" if kind == "given" else "definition")
                except (Unreadable, ShapeError) as trouble:
                    self.unread(clause, 0, source, trouble)
                    if kind != "given" and isinstance(trouble, Unreadable) and trouble.code in OPEN:
                        self.wait_for(clause, source, self.steps[-1])
            elif left is None:
                nothing = Unreadable(
                    "D008", "nothing stands on the left of this sign", link.node, "an expression"
                )
                self.unread(clause, number, source, nothing)
            elif link.relation in ("=", ":=", r"\equiv") or (
                link.relation in RELATIONS and source.passage.kind == "display"
            ):
                self.claim(left, clause, number, source, extra)
                if _is_zero(link.node) and self.head is not None and _is_derivative(self.head):
                    self.stationary(self.steps[-1])
            left = link.node
        self.last = left
        for label in _labels(clause):
            self.tagged[label] = clause.links[-1].node

    def referred(self, left: tex.Node, clause: tex.Clause) -> tex.Node:
        """What (1)式, or equation (1), says, where that is written as the left side of another one."""
        if clause.first is None:
            labels = [m[1] for text in clause.texts if (m := REFERENCE.fullmatch(text.content))]
            return self.tagged.get(labels[0], left) if labels else left
        number = _equation_number(clause.first, [text.content for text in clause.texts])
        return left if number is None else self.tagged.get(number, left)

    def wait_for(self, clause: tex.Clause, source: Source, step: Step) -> None:
        """Keep a definition until its symbols have a meaning."""
        again = partial(self.define_late, clause, source, step)
        self.open.append((again, step, (clause.links[0].node,)))

    def define_late(self, clause: tex.Clause, source: Source, step: Step) -> None:
        """Carry out a definition whose symbols the words behind it, or their use, explain."""
        try:
            statements.define(clause, self.scope, self.used_layout)
        except (Unreadable, ShapeError) as trouble:
            self.explain(step, source, trouble)
            self.wait_for(clause, source, step)
        else:
            step.kind, step.verdict = "definition", None
            step.code = step.message = step.expected = step.place = None

    def stationary(self, step: Step) -> None:
        """A derivative that is set to zero: not true of every value, and not meant to be."""
        if step.verdict is not Verdict.PROVED:
            step.kind, step.verdict = "given", None
            step.code = step.message = step.expected = step.place = step.layout = None
            step.counterexample = step.repair = step.numeric = step.residual = None
            step.dimensions = step.uses = step.conditions = ()

    def restates(self, clause: tex.Clause) -> bool:
        """Whether a chain introduces its left side through an application of something unknown."""
        if clause.first is None or len(clause.links) != 2:
            return False
        middle = clause.links[0].node
        if not (isinstance(middle, tex.Juxtapose) and isinstance(middle.items[-1], tex.Fence)):
            return False
        head = middle.items[0]
        known = isinstance(head, tex.Symbol) and (
            head.letter in tex.BUILTIN_WORDS or Elaborator(self.scope).resolve(head) is not None
        )
        name = statements.defined_name(clause.first, self.scope)
        return not known and len(middle.items) == 2 and name is not None

    def define_last(self, clause: tex.Clause, source: Source) -> None:
        assert clause.first is not None
        whole = tex.Clause(clause.start, clause.end, clause.first, (clause.links[1],))
        try:
            statements.define(whole, self.scope, self.used_layout)
        except (Unreadable, ShapeError) as trouble:
            self.unread(clause, 0, source, trouble)
        else:
            self.record(clause, 0, source, "definition")
            self.record(clause, 1, source, "definition")
        self.last = clause.links[1].node

    def claim(
        self, left: tex.Node, clause: tex.Clause, number: int, source: Source, extra: list[t.Hypothesis]
    ) -> None:
        step = self.record(clause, number, source, "claim", left)
        self.settle(step, left, clause.links[number], source, extra)

    def settle(
        self, step: Step, left: tex.Node, link: tex.Link, source: Source, extra: list[t.Hypothesis]
    ) -> None:
        """Decide a step; where a symbol has no meaning, wait for the words behind the display."""
        general, place = self.scope, self.scope.place
        try:
            with self.guard(step) if self.guard is not None else nullcontext():
                self.decide(step, left, link, source, extra)
        finally:
            self.scope = general
        if step.verdict is Verdict.UNREAD and step.code in OPEN:

            def again() -> None:
                self.scope.place = place
                step.verdict = step.code = step.message = step.expected = step.place = None
                self.settle(step, left, link, source, extra)

            self.open.append((again, step, (left, link.node)))

    def try_again(self) -> None:
        """Decide once more what had no meaning yet: where \\delta = ... often stands behind a display."""
        waiting, self.open = self.open, []
        for again, _, _ in waiting:
            again()

    def infer(self) -> None:
        """Decide what nobody explained, with the shapes that follow from the use of its symbols."""
        waiting, self.open = self.open, []
        for again, step, nodes in waiting:
            if step.verdict is Verdict.UNREAD:
                self.learn_shapes(step, nodes)
                again()
        self.open = []

    def learn_shapes(self, step: Step, nodes: tuple[tex.Node, ...]) -> None:
        """Declare what the use of symbols tells of their shapes, and put that down."""
        for name, shape in inferred(nodes, self.scope, self.used_layout).items():
            self.scope.declare(name, shape)
            within = shape_latex(shape)
            taken = Step(step.line, step.column, "declaration", r"\in", name, within, cell=step.cell)
            taken.message = FROM_USE
            self.steps.append(taken)

    def decide(
        self, step: Step, left: tex.Node, link: tex.Link, source: Source, extra: list[t.Hypothesis]
    ) -> None:
        readings = self.readings(left, link, (*extra, *self.local, *self.case))
        restriction: str | None = None
        if self.count is not None and not any(reading.proved for reading in readings):
            said = self.restricted(left, link, (*extra, *self.local, *self.case))
            if said is not None:
                size, readings = said
                restriction = f"read for {size} = {self.count}, as the text says"
            elif all(r.ill_typed for r in readings):  # in the text's special case the shapes may be others
                step.verdict, step.code = Verdict.UNREAD, "D010"
                step.message = str(readings[0].trouble)
                return
        formed = [r for r in readings if not r.ill_typed]
        if not formed:
            trouble = readings[0].trouble
            assert isinstance(trouble, (Unreadable, ShapeError))
            self.refute_shapes(step, trouble)
            if step.verdict is Verdict.REFUTED and not self.doubted(step, readings[0], source):
                self.turned(step, left, link, (*extra, *self.local, *self.case))
            return
        if isinstance(unreadable := formed[0].trouble, Unreadable):
            if unreadable.code != "D011" or not self.slip(step, left, link, source, extra):
                self.explain(step, source, unreadable)
            return
        reading = next((r for r in formed if r.proved), formed[0])
        step.layout = reading.layout
        if isinstance(reading.trouble, Unsupported):
            step.verdict, step.code, step.message = Verdict.UNREAD, "D002", str(reading.trouble)
            return
        assert reading.lhs is not None
        assert reading.rhs is not None
        step.reading = _in_latex(reading.lhs, reading.rhs, link.relation)
        if reading.statement is None:
            step.message = mismatch(reading.lhs, reading.rhs)
            step.code = "D101"
            step.misfit = tuple(zip(reading.lhs.shape, reading.rhs.shape, strict=False))
            step.counterexample = shape_counterexample(reading.lhs, reading.rhs)
            step.verdict = Verdict.REFUTED if step.counterexample else Verdict.UNKNOWN
            if not self.doubted(step, reading, source) and not self.turned(
                step, left, link, (*extra, *self.local, *self.case)
            ):
                self.mend(step, reading)
            return
        if self.watch is not None:
            self.watch(step, reading.statement)
        if not self.alternatives:  # a layout is tried, and only verdicts count
            step.verdict = Verdict.PROVED if reading.proved else Verdict.UNKNOWN
            return
        judge = replace(self.judge, shapes=dict(self.scope.shapes))
        found = judge(reading.statement, reading.found)
        _fill(step, found)
        if step.verdict is Verdict.REFUTED:
            step.code = "D102"
            if not self.doubted(step, reading, source) and not self.turned(
                step, left, link, (*extra, *self.local, *self.case)
            ):
                self.mend(step, reading)
        elif step.verdict is Verdict.PROVED and reading.layout not in ("any", self.used_layout):
            step.message = f"this line is read in {reading.layout} layout"
        elif step.verdict is Verdict.UNKNOWN:
            step.code, step.residual = "D201", judge.short(found.residual) if found.residual else None
        step.message = restriction or step.message
        if self.translate:
            self.translated(step, reading)

    def slip(
        self, step: Step, left: tex.Node, link: tex.Link, source: Source, extra: list[t.Hypothesis]
    ) -> bool:
        """Refute an equation with K_K for K_k: false if K_K is something else, and nobody said what it is."""
        names = statements.strays((left, link.node), self.scope)
        if len({name for name, _, _ in names}) != 1:
            return False
        for name, meant, is_case in names:
            mended = [statements.with_name(side, name, meant) for side in (left, link.node)]
            trial = Step(step.line, step.column, "claim", step.relation, step.lhs, step.rhs)
            general = self.scope
            self.decide(trial, mended[0], replace(link, node=mended[1]), source, extra)
            if trial.verdict is not Verdict.PROVED and not (is_case and trial.verdict is Verdict.REFUTED):
                self.scope = general
                continue
            self.scope = resized(general, {})
            statements.stand_in(name, meant, self.scope)
            self.decide(step, left, link, source, extra)
            self.scope = general
            if step.verdict is Verdict.REFUTED:
                said = f"{key(name)} has no meaning"
                if trial.verdict is Verdict.PROVED:
                    step.repair = Repair("index", key(meant) or "", f"{said}; {key(meant)} in its place")
                else:
                    step.repair, step.message = None, f"{said}, and with {key(meant)} this is wrong as well"
                return True
        return False

    def restricted(
        self, left: tex.Node, link: tex.Link, extra: tuple[t.Hypothesis, ...]
    ) -> tuple[str, list[Reading]] | None:
        """A proof for the number of classes that the text has just named, and the dimension that it is of."""
        assert self.count is not None
        general = self.scope
        try:
            for name in sorted(general.dimensions):
                self.scope = resized(general, {name: self.count})
                readings = self.readings(left, link, resized(extra, {name: self.count}))
                if any(reading.proved for reading in readings):
                    return name, readings
            return None
        finally:
            self.scope = general

    def mend(self, step: Step, reading: Reading) -> None:
        """Look for what would make a refuted step true."""
        if self.judge.refute is None or reading.lhs is None or reading.rhs is None:
            return  # a trial, of which only the verdicts count
        from derive.repair import mend  # loaded only where something is refuted

        hypotheses, constants = self.scope.context((*self.local, *self.case))
        step.repair = mend(reading.lhs, reading.rhs, self.scope.definitions, hypotheses, constants)
        if step.repair is not None and step.repair.kind == "layout":
            step.code = "D103"

    def refute_shapes(self, step: Step, trouble: Unreadable | ShapeError) -> None:
        """A side that is ill-typed makes an equation false: at sizes at which its parts do not fit."""
        is_half = isinstance(trouble, Unreadable) and trouble.code == "D018"
        step.code, step.message = "D018" if is_half else "D101", str(trouble)
        step.misfit = trouble.pairs
        step.counterexample = unequal_sizes(trouble.pairs)
        step.verdict = Verdict.REFUTED if step.counterexample else Verdict.UNREAD

    def translated(self, step: Step, reading: Reading) -> None:
        """Put a claim in components, and in matrices, where it is not written so."""
        from derive.bridge import translations  # loaded only where it is asked for

        assert reading.lhs is not None
        assert reading.rhs is not None
        assert reading.statement is not None
        step.by_entries, step.in_matrices = translations(
            reading.lhs,
            reading.rhs,
            step.relation,
            reading.statement,
            self.scope.definitions,
            self.used_layout,
        )

    def doubted(self, step: Step, reading: Reading, source: Source) -> bool:
        """Whether a step is false only as it was taken to be meant, and may be true otherwise."""
        if not reading.doubts:
            return False
        step.counterexample = step.numeric = None
        step.dimensions = step.conditions = ()
        self.explain(step, source, reading.doubts[0])
        return True

    def turned(self, step: Step, left: tex.Node, link: tex.Link, extra: tuple[t.Hypothesis, ...]) -> bool:
        """Whether a false step is proved in the other layout, which is its repair then."""
        if self.judge.refute is None:
            return False  # a trial, of which only the verdicts count
        other = OTHER[self.used_layout]
        reading = self.reading(left, link, extra, other, None)
        if not (reading.proved and reading.depends_on_layout and reading.rhs is not None):
            return False
        step.code = "D103"
        step.repair = Repair("layout", latex(reading.rhs), f"right in {other} layout")
        return True

    def readings(self, left: tex.Node, link: tex.Link, extra: tuple[t.Hypothesis, ...]) -> list[Reading]:
        """The readings of an equation, up to the first that is proved: in the document's layout, then others.

        A vector differentiated by a scalar is often written as a column in denominator layout, too. The
        other layout altogether is tried only where none is declared.
        """
        if self.scope.place is None and (_stands_out(left) or _stands_out(link.node)):
            for place in self.free_letters(left, link.node):
                self.scope.place = place
                placed = self.readings(left, link, extra)
                if any(reading.proved for reading in placed):
                    return placed  # the chain goes on with this place
            self.scope.place = None
        found: list[Reading] = []
        layout = self.used_layout
        other = OTHER[layout]
        trials: list[tuple[Layout, Layout | None]] = [(layout, None)]
        if self.alternatives:
            declared = self.scope.layout is not None or (self.layout is not None and not self.inferred)
            trials += [(layout, other)] if declared else [(other, None), (layout, other)]
        for by, by_scalar in trials:
            reading = self.reading(left, link, extra, by, by_scalar)
            found.append(reading)
            if reading.proved or not reading.depends_on_layout:
                break
        return found

    def free_letters(self, *nodes: tex.Node) -> list[str]:
        """The index letters of an equation, as far as their ranges are known."""
        elaborator = Elaborator(self.scope)
        elaborator.learn_ranges(*nodes)
        return [*elaborator.ranges]

    def distinct(self, *nodes: tex.Node) -> list[t.Hypothesis]:
        """What subscripts such as s_{k \\neq i} say of their letters."""
        found: list[t.Hypothesis] = []
        for node in nodes:
            for part in tex.walk(node):
                if (
                    isinstance(part, tex.Script)
                    and isinstance(part.sub, tex.Relation)
                    and part.sub.op == r"\neq"
                ):
                    base = Elaborator(self.scope).resolve(part.base)
                    shape = self.scope.shapes.get(base or "")
                    one, other = part.sub.left, part.sub.right
                    if shape and isinstance(one, tex.Symbol) and isinstance(other, tex.Symbol):
                        elaborator = Elaborator(self.scope)
                        left = elaborator.named_index(one.letter, shape[0])
                        right = elaborator.named_index(other.letter, shape[0])
                        found.append(t.Coincide(left, right, False, (rf"{left} \neq {right}",)))
        return found

    def reading(
        self,
        left: tex.Node,
        link: tex.Link,
        extra: tuple[t.Hypothesis, ...],
        layout: Layout,
        by_scalar: Layout | None,
    ) -> Reading:
        found = self.sides(left, link, extra, Elaborator(self.scope, layout, by_scalar))
        if (
            found.misfit and found.met_dot
        ):  # where a dot cannot be an inner product it is taken entry by entry
            other = self.sides(left, link, extra, Elaborator(self.scope, layout, by_scalar, swap_dots=True))
            found = found if other.misfit else other
        return found

    def sides(
        self, left: tex.Node, link: tex.Link, extra: tuple[t.Hypothesis, ...], elaborator: Elaborator
    ) -> Reading:
        """An equation as an elaborator reads it."""
        layout, by_scalar = elaborator.layout, elaborator.by_scalar
        shown: str = by_scalar or layout
        try:
            elaborator.learn_ranges(left, link.node)
            lhs, rhs = fitted(elaborator.side(left), elaborator.side(link.node))
        except (Unreadable, ShapeError) as trouble:
            dependent = _mentions_derivative(left) or _mentions_derivative(link.node)
            return Reading(
                shown, dependent, trouble=trouble, met_dot=elaborator.met_dot, doubts=elaborator.doubts
            )
        depends = _depends_on_layout(lhs) or _depends_on_layout(rhs)
        shown = shown if depends else "any"
        extra = (*extra, *self.distinct(left, link.node))
        hypotheses, constants = self.scope.context(extra)
        try:
            statement = state(
                lhs, rhs, RELATIONS[link.relation], self.scope.definitions, hypotheses, constants
            )
        except ShapeError:
            return Reading(shown, depends, lhs, rhs, met_dot=elaborator.met_dot, doubts=elaborator.doubts)
        except Unsupported as trouble:
            return Reading(shown, depends, lhs, rhs, trouble=trouble)
        proof = self.proof(statement.claim)
        if isinstance(proof, Residual) and (optimal := [h for h in extra if _is_optimality(h)]):
            # that a derivative vanishes somewhere says nothing of how it is computed
            rest = tuple(h for h in extra if h not in optimal)
            hypotheses, constants = self.scope.context(rest)
            plain = state(lhs, rhs, RELATIONS[link.relation], self.scope.definitions, hypotheses, constants)
            if isinstance(other := self.proof(plain.claim), Theorem):
                statement, proof = plain, other
        return Reading(
            shown, depends, lhs, rhs, statement, proof, met_dot=elaborator.met_dot, doubts=elaborator.doubts
        )

    def proof(self, claim: t.Claim) -> Theorem | Residual:
        """What the kernel finds of a claim, or has found before."""
        context = claim.context
        key = (
            claim.lhs,
            claim.rhs,
            claim.relation,
            *context.definitions.items(),
            context.hypotheses,
            context.constants,
        )
        if key not in self.proofs:
            self.proofs[key] = prove(claim)
        return self.proofs[key]

    # ------------------------------------------------------------------ steps

    def record(
        self, clause: tex.Clause, number: int, source: Source, kind: str, left: tex.Node | None = None
    ) -> Step:
        link = clause.links[number]
        before = left or (clause.links[number - 1].node if number else clause.first)
        line, column = self.positions(source.offsets[min(link.position, len(source.offsets) - 1)])
        if before is not None and before is not self.last:
            lhs = source.text[before.start : before.end].strip()
        else:
            lhs = self.last_text
        last = clause.links[-1] if kind == "declaration" else link
        rhs = source.text[link.node.start : last.node.end].strip()
        self.last_text = rhs
        step = Step(line, column, kind, link.relation, lhs, rhs, rule=clause.tag, cell=source.passage.cell)
        self.steps.append(step)
        return step

    def unread(
        self, clause: tex.Clause, number: int, source: Source, trouble: Unreadable | ShapeError
    ) -> None:
        self.explain(self.record(clause, number, source, "claim"), source, trouble)

    def explain(self, step: Step, source: Source, trouble: Unreadable | ShapeError) -> None:
        """Say of an unread step what is wrong, where, and what was expected."""
        step.verdict = Verdict.UNREAD
        step.code = trouble.code if isinstance(trouble, Unreadable) else "D010"
        step.message = str(trouble)
        if isinstance(trouble, Unreadable):
            step.expected = trouble.expected or None
            if trouble.node is not None and trouble.node.start < len(source.offsets):
                step.place = self.positions(source.offsets[trouble.node.start])


@dataclass(frozen=True, slots=True)
class Reading:
    """What an equation says in one layout: its sides and, where their shapes agree, the statement."""

    layout: str
    depends_on_layout: bool
    lhs: Expression | None = None
    rhs: Expression | None = None
    statement: Statement | None = None
    found: Theorem | Residual | None = None
    trouble: Unreadable | ShapeError | Unsupported | None = None
    met_dot: bool = False
    doubts: Sequence[Unreadable] = ()

    @property
    def misfit(self) -> bool:
        """Whether shapes do not fit, within a side or between the two."""
        return self.ill_typed or (self.statement is None and self.trouble is None)

    @property
    def proved(self) -> bool:
        return isinstance(self.found, Theorem)

    @property
    def ill_typed(self) -> bool:
        """Whether a side cannot be formed, for its shapes do not fit."""
        return isinstance(self.trouble, ShapeError) or (
            isinstance(self.trouble, Unreadable)
            and self.trouble.code in ("D010", "D018")
            and bool(self.trouble.pairs)
        )


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a formula, with each character's place in the file."""

    text: str
    offsets: Sequence[int]
    passage: Passage


def _labels(clause: tex.Clause) -> list[str]:
    """The numbers of an equation: its tag, or what stands behind it in parentheses."""
    remarks = [m[1] for text in clause.texts if (m := NUMBERED.fullmatch(text.content.strip()))]
    return [*remarks, *([clause.tag.strip("() ")] if clause.tag else [])]


def _equation_number(node: tex.Node, texts: Sequence[str]) -> str | None:
    """The number of the equation that a left side names: (1)式, 式(1), \\text{Eq. (1)}."""
    words = ""
    fences: list[tex.Fence] = []
    for part in node.items if isinstance(node, tex.Juxtapose) else (node,):
        if isinstance(part, tex.Text):
            words += part.content
        elif isinstance(part, tex.Fence) and isinstance(part.body, tex.Number):
            fences.append(part)
        else:
            return None
    inside = re.search(r"\((\d+[a-z]?)\)", words)
    named = EQUATION.search(words or " ".join(texts)) is not None
    if len(fences) == 1 and isinstance(fences[0].body, tex.Number) and (named or not words):
        return fences[0].body.text
    return inside[1] if inside and named and not fences else None


def _between_displays(block: Sequence[Passage]) -> Iterable[tuple[int | None, list[Passage]]]:
    """The stretches of words of a block, each with the offset of the display that ends it."""
    part: list[Passage] = []
    for passage in block:
        if passage.kind == "display":
            yield passage.offsets[0], part
            part = []
        else:
            part.append(passage)
    yield None, part


def _stands_out(node: tex.Node) -> bool:
    """Whether there is a list such as 0, ..., a, ..., 0 in a formula."""
    lists = (cells_of(part) for part in tex.walk(node) if isinstance(part, (tex.Fence, tex.Matrix)))
    return any(held is not None and spike(held[0]) is not None for held in lists)


def _is_optimality(hypothesis: t.Hypothesis) -> bool:
    """Whether a hypothesis says that a derivative is zero."""
    return isinstance(hypothesis, t.Equation) and any(
        isinstance(part, t.Partial) for side in (hypothesis.lhs, hypothesis.rhs) for part in t.walk(side)
    )


def _start(clause: tex.Clause) -> int:
    return clause.first.start if clause.first is not None else clause.links[0].position


def _end(clause: tex.Clause) -> int:
    return clause.links[-1].node.end


def _depends_on_layout(e: Expression) -> bool:
    """Whether a derivative inside is arranged differently in the two layouts."""
    if isinstance(e, x.Partial) and not (e.body.is_scalar and e.variable.is_scalar):
        return True
    return any(map(_depends_on_layout, x.children(e)))


def _is_zero(node: tex.Node) -> bool:
    """0, bold or not."""
    return (
        isinstance(node, (tex.Number, tex.Symbol))
        and getattr(node, "text", getattr(node, "letter", "")) == "0"
    )


def _is_derivative(node: tex.Node) -> bool:
    """Whether a side is one derivative and nothing else: where that is equated to zero, it is a condition."""
    first = node.items[0] if isinstance(node, tex.Juxtapose) else node
    first = first.base if isinstance(first, tex.Script) else first
    if isinstance(first, tex.Fraction):
        return _mentions_derivative(first.numerator) and _mentions_derivative(first.denominator)
    return isinstance(first, tex.Symbol) and first.letter == r"\nabla"


def _mentions_derivative(node: tex.Node) -> bool:
    signs = (r"\partial", "d")
    return any(isinstance(part, tex.Symbol) and part.letter in signs for part in tex.walk(node))


def _in_latex(lhs: Expression, rhs: Expression, relation: str) -> str:
    """How an equation was understood: its sides as LaTeX, and their shapes."""
    left, right = shape_latex(lhs.shape), shape_latex(rhs.shape)
    if left == right:
        return rf"{latex(lhs)} {relation} {latex(rhs)} \in {right}"
    return rf"{latex(lhs)} \in {left},\; {latex(rhs)} \in {right}"


def _fill(step: Step, found: Judgement) -> None:
    step.verdict = found.verdict
    step.dimensions = found.dimensions
    step.uses = found.uses
    step.conditions, step.guaranteed = found.conditions, found.guaranteed
    step.counterexample = found.counterexample
    step.numeric = found.evidence
    step.message = found.message


def check(
    path: str,
    source: str,
    passages: Sequence[Passage],
    judge: Judge,
    layout: Layout | None = None,
    sizes: Mapping[str, int] | None = None,
    watch: Watch | None = None,
    guard: Guard | None = None,
    translate: bool = False,
) -> tuple[Report, Checker]:
    """Check one document that has been taken apart into passages.

    Args:
        path: how the document is called in the report.
        source: its text as it is on disk, for line and column numbers.
        layout: of derivatives, where the document does not say.
        sizes: numbers for dimension symbols, such as {"c": 3}.
        watch: called with every step that is judged, and its statement.
        guard: surrounds the work on one claim, to bound its time and to contain its errors.
        translate: put each claim in components and in matrices, too.

    Returns:
        the report, and the checker at the end of the document, which knows what the symbols mean.
    """
    proofs: Proofs = {}
    sizes = sizes or {}
    checker = Checker(judge, Positions(source), layout, sizes, watch, guard, proofs, translate)
    checker.read(passages)
    dependent = _dependent(checker)
    if checker.layout is None and checker.scope.layout is None and dependent:
        # the layout in which more is proved; in numerator layout only where that is better
        checker.layout = "denominator"
        proved = _proved_in("denominator", dependent)
        if proved < len(dependent):
            trial = Checker(Judge(), Positions(source), "numerator", sizes, guard=guard, proofs=proofs)
            trial.alternatives = False
            trial.read(passages)
            if _proved_in("numerator", _dependent(trial)) > proved:
                checker = Checker(
                    judge, Positions(source), "numerator", sizes, watch, guard, proofs, translate
                )
                checker.inferred = True
                checker.read(passages)
    return Report(path, _layout_of(checker), checker.steps, notes=checker.notes), checker


def _dependent(checker: Checker) -> list[Step]:
    """The steps with derivatives that are arranged differently in the two layouts."""
    return [step for step in checker.steps if step.layout in ("denominator", "numerator")]


def _proved_in(layout: Layout, steps: Sequence[Step]) -> int:
    return sum(step.verdict is Verdict.PROVED and step.layout == layout for step in steps)


def _layout_of(checker: Checker) -> str | None:
    """The layout of a document; 'mixed' where some lines hold only in the other, None without derivatives."""
    used = {s.layout for s in checker.steps if s.verdict is Verdict.PROVED} - {"any", None}
    if len(used) > 1:
        return "mixed"
    return checker.scope.layout or checker.layout or (used.pop() if used else None)
