"""Mutation testing of the trusted kernel: small mistakes in its source, and whether the tests see them.

    python -m tests.mutation [--sample N] [--seed S] [--only derive/normal/signs.py] [--seconds B]

Each mutant is one change to one function of derive/kernel.py or derive/normal/: a comparison flipped, a
condition dropped or fixed, `and` for `or`, + for -, a constant changed, arguments swapped, a call or a step
left out. It is put into the running kernel of a child process, which then runs the tables of
tests/spec/claims.py, a fixed number of claims of tests/soundness, and comparisons of normal forms with the
evaluator. What nothing notices is listed; tests/mutants.md explains what is known to survive.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import CodeType, FunctionType
from typing import Any

from derive.kernel import Residual, Theorem, normal_form, prove
from tests.soundness.board import is_proved
from tests.soundness.mutants import is_false, mutant
from tests.soundness.statements import Unfit, catalogue_steps, true_statement
from tests.spec.claims import FALSE, TRUE
from tests.spec.random_terms import Terms
from tests.test_kernel import demanded
from tests.test_soundness import check_cases, check_demands, check_derivative, check_normal_form

ROOT = Path(__file__).resolve().parents[1]
MODULES = ("derive.kernel", *(f"derive.normal.{name}" for name in (
    "hypotheses", "laws", "normal_form", "polynomial", "signs", "sums",
)))  # fmt: skip
TIME = 90  # seconds of the processor for one mutant; whoever takes longer is noticed
FUZZ = 12  # rounds of tests/test_soundness.py
CLAIMS = 100  # of tests/soundness, true and false ones each
FIXED = "4711"  # their seed


@dataclass(frozen=True)
class Mutation:
    """One change: the how manieth of its module, where it is, and what it is."""

    module: str
    number: int
    function: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.module.replace('.', '/')}.py:{self.line} {self.function}: {self.what}"


FLIPS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.Pow: ast.Mult,
}
KINDS = ("> 0", "!= 0", ">= 0")


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST | None]]:
    """What may stand instead of a node; None leaves a statement out."""
    match node:
        case ast.Compare(left, [op], [right]):
            for flipped in FLIPS[type(op)]:
                yield ast.unparse(node), ast.Compare(left, [flipped()], [right])
        case ast.BoolOp(op, values):
            yield "and/or", ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            for place, gone in enumerate(values):
                rest = values[:place] + values[place + 1 :]
                new = rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
                yield f"without {ast.unparse(gone)}", new
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield f"without the sign of {ast.unparse(operand)}", operand
        case ast.BinOp(left, op, right) if type(op) in ARITHMETIC:
            yield "operator", ast.BinOp(left, ARITHMETIC[type(op)](), right)
        case ast.AugAssign(_, op, _) if type(op) in ARITHMETIC:
            yield "left out", None
        case ast.Constant(bool(value)):
            yield f"not {value}", ast.Constant(not value)
        case ast.Constant(int(value)):
            yield f"{value} + 1", ast.Constant(value + 1)
        case ast.Constant(str(value)) if value in KINDS:
            for kind in KINDS:
                if kind != value:
                    yield f"{value} as {kind}", ast.Constant(kind)
        case ast.If(test, body, orelse):
            for fixed in (True, False):
                yield f"if {fixed}", ast.If(ast.Constant(fixed), body, orelse)
        case ast.IfExp(test, body, orelse):
            yield "branches swapped", ast.IfExp(test, orelse, body)
        case ast.Expr(ast.Call()):
            yield "left out", None
        case ast.Call(ast.Name("all"), arguments, _):
            yield "any", ast.Call(ast.Name("any", ast.Load()), arguments, [])
        case ast.Call(ast.Name("any"), arguments, _):
            yield "all", ast.Call(ast.Name("all", ast.Load()), arguments, [])
        case ast.Call(function, [first, second, *rest], keywords) if not any(
            isinstance(a, ast.Starred) for a in (first, second)
        ):
            yield "arguments swapped", ast.Call(function, [second, first, *rest], keywords)
        case ast.comprehension(target, iterable, tests, is_async) if tests:
            yield "without its condition", ast.comprehension(target, iterable, [], is_async)
        case ast.Continue():
            yield "break", ast.Break()
        case ast.Break():
            yield "continue", ast.Continue()
    if isinstance(node, ast.Call) and node.keywords and not isinstance(node.func, ast.Name):
        yield "without keywords", ast.Call(node.func, node.args, [])


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions of a module and the methods of its classes."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", inner


def changed(module: str) -> Iterator[tuple[Mutation, ast.Module]]:
    """Every change to a module with the changed tree, which is put back before the next one."""
    tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text())
    number = 0
    for name, function in functions(tree):
        for parent in [function, *(node for statement in function.body for node in ast.walk(statement))]:
            for put, child in places(parent):
                for what, new in changes(child):
                    if new is None and not isinstance(child, ast.stmt):
                        continue
                    line = getattr(child, "lineno", getattr(parent, "lineno", 0))
                    put(new or ast.Pass())
                    yield Mutation(module, number, name, line, what), tree
                    put(child)
                    number += 1


def places(parent: ast.AST) -> Iterator[tuple[Callable[[ast.AST], None], ast.AST]]:
    """The children of a node that may change, each with what puts another one in its place."""
    for slot, value in ast.iter_fields(parent):
        if isinstance(parent, ast.FunctionDef) and slot != "body":
            continue
        if slot in ("annotation", "exc", "msg", "cause", "pattern"):
            continue
        if isinstance(value, ast.AST):
            yield lambda new, slot=slot: setattr(parent, slot, new), value
        elif isinstance(value, list):
            for place, child in enumerate(value):
                if isinstance(child, ast.AST):
                    yield lambda new, value=value, place=place: value.__setitem__(place, new), child


def mutations(module: str) -> list[Mutation]:
    """Every change to a module."""
    return [mutation for mutation, _ in changed(module)]


def install(mutation: Mutation) -> None:
    """Puts the changed function into the running kernel."""
    tree = next(tree for found, tree in changed(mutation.module) if found == mutation)
    code = compile(ast.fix_missing_locations(tree), f"<{mutation.module}>", "exec")
    for part in mutation.function.split("."):
        code = next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == part)
    found: Any = importlib.import_module(mutation.module)
    for part in mutation.function.split("."):
        found = vars(found)[part]
    found = getattr(found, "__wrapped__", found)  # below a cache
    found = getattr(found, "__func__", found)  # of a static method
    assert isinstance(found, FunctionType)
    found.__code__ = code


class Noticed(Exception):
    """A test that sees the mutant."""


@dataclass(frozen=True)
class Trials:
    """What each mutant has to pass, made once with the kernel as it is."""

    true: tuple[Any, ...]
    more_true: tuple[Any, ...]
    more_false: tuple[Any, ...]

    def run(self) -> None:
        """Raises Noticed at the first test that fails."""
        for row in self.true:
            found = prove(row.claim)
            if not isinstance(found, Theorem):
                raise Noticed(f"true, not proved: {row.name}")
            if set(found.uses) != set(row.uses):
                raise Noticed(f"other hypotheses: {row.name}")
            if row.conditions is not None:
                expected = {demanded(kind, normal_form(term)) for term, kind in row.conditions}
                if {demanded(c.kind, c.poly) for c in found.conditions} != expected:
                    raise Noticed(f"other conditions: {row.name}")
        for row in FALSE:
            if not row.known and isinstance(prove(row.claim), Theorem):
                raise Noticed(f"false, proved: {row.name}")
        for claim, uses, conditions in self.more_true:
            found = prove(claim)
            if isinstance(found, Residual):
                raise Noticed("a true claim of the scoreboard is not proved")
            if found.uses != uses or len(found.conditions) != conditions:
                raise Noticed("a claim of the scoreboard rests on something else")
        if any(map(is_proved, self.more_false)):
            raise Noticed("a false claim of the scoreboard is proved")
        for seed in range(FUZZ):
            random = Random(seed)
            try:
                check_normal_form(random, Terms(random).term(depth=3))
                check_derivative(random)
                check_demands(random)
                check_cases(random)
            except AssertionError as trouble:
                raise Noticed("the fuzz") from trouble


def trials() -> Trials:
    """The tests, the quick ones first."""
    timed: list[tuple[float, int, Any]] = []
    for number, row in enumerate(TRUE):
        start = time.process_time()
        prove(row.claim)
        timed.append((time.process_time() - start, number, row))
    random = Random(FIXED)
    true: list[Any] = []
    false: list[Any] = []
    for base in random.sample(catalogue_steps(), 40):
        true.append(base.statement.claim)
    while len(true) < CLAIMS:
        true.append(true_statement(random).statement.claim)
    while len(false) < CLAIMS:
        with suppress(Unfit, RecursionError):
            made = mutant(true_statement(random), random)
            if is_false(made.statement.claim, made.kinds, 0):
                false.append(made.statement.claim)
    more_true = []
    for claim in true:
        found = prove(claim)
        if isinstance(found, Theorem):
            more_true.append((claim, found.uses, len(found.conditions)))
    return Trials(tuple(row for *_, row in sorted(timed)), tuple(more_true), tuple(false))


def in_child(work: Callable[[], None], seconds: int) -> str:
    """What stopped the work in a process of its own; empty where nothing did."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        told = b""
        with open(os.devnull, "w") as nowhere:
            sys.stdout = sys.stderr = nowhere
            signal.setitimer(signal.ITIMER_VIRTUAL, seconds)  # its signal ends the process
            try:
                work()
            except Noticed as seen:
                told = str(seen).encode()
            except BaseException as trouble:
                told = f"raises {type(trouble).__name__}".encode()
        os.write(writing, told[:4000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    return told.decode() or ("runs on and on" if os.WIFSIGNALED(status) else "")


def main() -> int:
    """Tries mutants and lists those that survive; exit status 1 where any does."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--sample", type=int, help="so many mutants, drawn at random (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="of one file, or of what has this in its description")
    parser.add_argument("--seconds", type=float, help="stop after this time")
    parser.add_argument("--verbose", action="store_true", help="say what notices each mutant")
    wanted = parser.parse_args()
    everything = [m for module in MODULES for m in mutations(module)]
    if wanted.only:
        everything = [m for m in everything if wanted.only in str(m)]
    if wanted.sample is not None and wanted.sample < len(everything):
        everything = Random(wanted.seed).sample(everything, wanted.sample)
    tests = trials()
    if trouble := in_child(tests.run, 10 * TIME):
        print(f"the kernel as it is does not pass: {trouble}")
        return 2
    print(f"{len(everything)} mutants", flush=True)
    counts: Counter[str] = Counter()
    start = time.monotonic()
    for mutation in everything:
        if wanted.seconds is not None and time.monotonic() > start + wanted.seconds:
            break

        def work(mutation: Mutation = mutation) -> None:
            install(mutation)
            tests.run()

        seen = in_child(work, TIME)
        counts[seen.partition(":")[0] or "survives"] += 1
        if wanted.verbose:
            print(f"{seen or 'SURVIVES'} <- {mutation}", flush=True)
        if not seen:
            print(f"survives: {mutation}", flush=True)
    for reason, count in counts.most_common():
        print(f"{count:6} {reason}")
    return int(bool(counts["survives"]))


if __name__ == "__main__":
    sys.exit(main())
