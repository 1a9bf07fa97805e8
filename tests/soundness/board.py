"""One run of the scoreboard: claims made from a seed, judged as a user would have them judged, and counted.

Claim n of a seed is the same in every run, whatever the number of processes. Even claims are true ones, odd
ones false; every fifth false one is a mutant of the next step of the catalogue, in turn.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from random import Random
from time import monotonic, process_time
from types import FrameType

from derive.judge import Judge, KernelUnsound
from derive.kernel import Theorem, prove
from derive.lowering import Statement
from derive.report import Verdict
from derive.terms import Claim
from numeric.certify import refute
from tests.soundness.mutants import Mutant, is_false, mutant
from tests.soundness.shrink import shrunk
from tests.soundness.statements import Base, Unfit, catalogue_steps, true_statement
from tests.spec import field as fields
from tests.spec.evaluator import spell, verdict, worlds

PATIENCE = 60.0  # seconds of processor time for one claim, mutants that were not used included
REFUTING = 5.0  # of these for the search for a counterexample, as for a user
CROSSED = 16  # of so many true claims that are proved, one is given to the search for counterexamples, too
VERDICTS = ("proved", "unknown", "refuted")


class TooSlow(Exception):
    """The patience with one claim is at an end."""


@dataclass(frozen=True)
class Outcome:
    """What became of one claim.

    Attributes:
        truth: "true" or "false"; None where nothing was asked.
        verdict: "proved", "unknown" or "refuted".
        kind: how a true claim came about; the mistake in a false one.
        equal: what the finite fields say of a true claim, or of one that may be either.
        failures: what must not happen, each with the shrunk claim.
        undecided: mutants of which it could not be told whether they are false.
        ambiguous: those of them that are proved (and that the fields do not contradict).
    """

    number: int
    truth: str | None
    verdict: str
    kind: str
    equal: bool | None = None
    crossed: bool = False
    failures: tuple[str, ...] = ()
    undecided: int = 0
    ambiguous: int = 0
    seconds: float = 0.0


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Raises TooSlow in what takes longer, by the clock of the processor."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


JUDGE = Judge(lambda claim, entry: refute(claim, entry=entry, seconds=REFUTING))


def judged(statement: Statement) -> str:
    """The verdict that a user gets."""
    return JUDGE(statement).verdict.value


def is_proved(claim: Claim) -> bool:
    return isinstance(prove(claim), Theorem)


def holds(base: Base | Mutant, claim: Claim, seed: int) -> bool:
    """Whether the evaluator sees a claim hold, here and there, and fail nowhere."""
    seen = Counter(verdict(claim, world) for world in worlds(claim, base.kinds, seed, 10))
    return seen[True] > 0 and seen[False] == 0


def outcome(seed: int, number: int) -> Outcome:
    """Makes claim `number` and judges it."""
    random = Random(f"{seed}/{number}")
    start = process_time()
    try:
        with patience(PATIENCE):
            found = _true(random, number) if number % 2 == 0 else _false(random, number)
    except TooSlow:
        found = Outcome(number, None, "unknown", "too slow")
    return Outcome(**{**found.__dict__, "seconds": process_time() - start})


def _true(random: Random, number: int) -> Outcome:
    base = true_statement(random)
    claim, seed = base.statement.claim, random.randrange(10**9)
    told = judged(base.statement)
    equal = fields.decide(claim, base.kinds, Random(seed))
    failures: list[str] = []
    if told == Verdict.REFUTED.value:

        def refuted(smaller: Claim) -> bool:
            entry = base.statement.indices
            return holds(base, smaller, seed) and judged(Statement(smaller, entry)) == told

        failures.append(_told(number, f"a true claim is refuted ({base.kind})", claim, refuted))
    if told == Verdict.PROVED.value and equal is False:
        failures.append(_told(number, f"a proved claim differs in finite fields ({base.kind})", claim,
                              lambda smaller: _contradicted(base, smaller, seed)))  # fmt: skip
    crossed = told == Verdict.PROVED.value and number % (2 * CROSSED) == 0
    if crossed and refute(claim, seconds=1.0, largest=2) is not None:

        def both(smaller: Claim) -> bool:
            return is_proved(smaller) and refute(smaller, seconds=1.0, largest=2) is not None

        failures.append(_told(number, f"a claim is proved and refuted ({base.kind})", claim, both))
    return Outcome(number, "true", told, base.kind, equal, crossed, tuple(failures))


def _contradicted(base: Base | Mutant, claim: Claim, seed: int) -> bool:
    return is_proved(claim) and fields.decide(claim, base.kinds, Random(seed)) is False


def _false(random: Random, number: int) -> Outcome:
    undecided = ambiguous = 0
    failures: list[str] = []
    steps = catalogue_steps()
    turn = number // 10 if number % 10 == 1 else None
    while True:
        base = true_statement(random) if turn is None else steps[turn % len(steps)]
        for _ in range(20):
            try:
                made = mutant(base, random)
            except (Unfit, RecursionError):
                continue
            claim, seed = made.statement.claim, random.randrange(10**9)
            if is_false(claim, made.kinds, seed):
                break
            undecided += 1
            if undecided == 1 and is_proved(claim):
                ambiguous += 1
                if fields.decide(claim, made.kinds, Random(seed)) is False:
                    differs = partial(_contradicted, made, seed=seed)
                    failures.append(_told(number, "a proved claim differs in finite fields", claim, differs))
        else:
            turn = None
            continue
        break
    try:
        told = judged(made.statement)
    except KernelUnsound:
        told = Verdict.PROVED.value
    if told == Verdict.PROVED.value:

        def proved(smaller: Claim) -> bool:
            return is_proved(smaller) and bool(is_false(smaller, made.kinds, seed))

        failures.append(
            _told(number, f"a false claim is proved ({made.mistake} in {base.kind})", claim, proved)
        )
    kind = made.mistake + (" of the catalogue" if base.kind.startswith("catalogue") else "")
    return Outcome(number, "false", told, kind, None, False, tuple(failures), undecided, ambiguous)


def _told(number: int, what: str, claim: Claim, fails: Callable[[Claim], bool]) -> str:
    return f"claim {number}: {what}: {spell(shrunk(claim, fails, 400))}"


@dataclass
class Board:
    """The counts of one run."""

    seed: int
    counts: dict[str, Counter[str]] = field(default_factory=lambda: {"true": Counter(), "false": Counter()})
    fields: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    mistakes: dict[str, Counter[str]] = field(default_factory=dict)
    undecided: int = 0
    ambiguous: int = 0
    crossed: int = 0
    too_slow: int = 0
    failures: list[str] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, 0)
    seconds: float = 0.0

    def add(self, found: Outcome) -> None:
        self.undecided += found.undecided
        self.ambiguous += found.ambiguous
        self.crossed += found.crossed
        self.failures += found.failures
        self.slowest = max(self.slowest, (found.seconds, found.number))
        if found.truth is None:
            self.too_slow += 1
            return
        self.counts[found.truth][found.verdict] += 1
        if found.truth == "true":
            self.fields[{True: "equal", False: "different", None: "abstained"}[found.equal]] += 1
            if found.verdict == "unknown":
                said = {True: "equal in finite fields", None: "not decided there", False: "different there"}
                self.missed[f"{found.kind.partition(':')[0]}, {said[found.equal]}"] += 1
        else:
            self.mistakes.setdefault(found.kind, Counter())[found.verdict] += 1

    @property
    def failed(self) -> bool:
        """Whether something happened that must not."""
        return bool(self.failures or self.counts["true"]["refuted"] or self.counts["false"]["proved"])

    def summary(self) -> dict[str, object]:
        """The counts as plain data."""
        return {
            "seed": self.seed,
            **{truth: {name: self.counts[truth][name] for name in VERDICTS} for truth in self.counts},
            "fields": {name: self.fields[name] for name in ("equal", "different", "abstained")},
            "crossed": self.crossed,
            "undecided": self.undecided,
            "undecided and proved": self.ambiguous,
            "too slow": self.too_slow,
            "unknown": dict(self.missed.most_common()),
            "mistakes": {
                kind: {name: counts[name] for name in VERDICTS}
                for kind, counts in sorted(self.mistakes.items())
            },
            "failures": self.failures,
            "slowest": {"claim": self.slowest[1], "seconds": round(self.slowest[0], 1)},
            "seconds": round(self.seconds, 1),
        }


def run(
    seed: int,
    claims: int,
    seconds: float | None = None,
    processes: int = 1,
    watch: Callable[[Board], None] | None = None,
) -> Board:
    """Judges so many claims, or as many as the seconds allow, or as are done when it is interrupted."""
    board = Board(seed)
    start = monotonic()
    catalogue_steps()  # once, before the processes part
    numbers = ((seed, number) for number in range(claims))

    def late() -> bool:
        return seconds is not None and monotonic() > start + seconds

    def take(found: Outcome) -> None:
        board.add(found)
        board.seconds = monotonic() - start
        if watch is not None:
            watch(board)

    with suppress(KeyboardInterrupt):
        if processes == 1:
            for pair in numbers:
                take(outcome(*pair))
                if late():
                    break
            return board
        with get_context("fork").Pool(processes, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
            for found in pool.imap_unordered(_outcome, numbers, chunksize=20):
                take(found)
                if late():
                    break
    return board


def _outcome(pair: tuple[int, int]) -> Outcome:
    return outcome(*pair)
