"""Hypotheses: facts about signs, and equations as oriented rewrite rules. TRUSTED."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from derive.normal.laws import Condition, Exhausted
from derive.normal.normal_form import NormalForm
from derive.normal.polynomial import (
    Atom,
    Frozen,
    Mono,
    Poly,
    Rational,
    add,
    atoms_of,
    free_indices,
    freeze,
    head,
    leading,
    occurs,
    occurs_tag,
    substitute,
    tensor_names,
    unify,
)
from derive.terms import Context, Entry, Equation, Hypothesis, Nonzero, Positive, Term, tensors
from derive.terms import free_indices as term_indices

STEPS = 500  # rules applied to one polynomial before they are taken to go round in circles


@dataclass(frozen=True, slots=True)
class Rule:
    """pattern -> result, an equation between monomials; indices of rank 4 match anything of their range."""

    pattern: tuple[tuple[Atom, int], ...]
    bound: tuple[Atom, ...]
    result: Frozen
    labels: tuple[str, ...] = ()
    heads: frozenset[Atom] = frozenset()  # those of the atoms in the pattern


class Engine(NormalForm):
    """Normal forms under the hypotheses of a context, and under what a statement itself demands."""

    def __init__(
        self,
        context: Context,
        effort: int,
        demands: frozenset[Condition] = frozenset(),
        case: Mapping[Atom, Atom] | None = None,
        expanding: bool = True,
    ):
        super().__init__(context, effort, case)
        self.expanding = expanding
        self._rules: dict[tuple[str, ...], tuple[Rule, ...]] = {}
        self._compiled: dict[tuple[int, tuple[str, ...]], tuple[Rule | None, frozenset[str]]] = {}
        self.symmetric = {
            name: h.labels for h in context.hypotheses if (name := self._symmetric_tensor(h)) is not None
        }
        for demand in demands:
            if demand.needed:
                self.know(demand.kind, demand.poly, ())
        self.compiling = True
        for hypothesis in context.hypotheses:
            if isinstance(hypothesis, (Positive, Nonzero)):
                kind = "> 0" if isinstance(hypothesis, Positive) else "!= 0"
                self.know(kind, self.skeleton(self.general(hypothesis.term), 3), hypothesis.labels)
        self.compiling = False

    def general(self, term: Term) -> Poly:
        """The normal form of a hypothesis: its universal indices as fresh ones, its constants as they are."""
        universal = [
            self.index(i)
            for i in sorted(term_indices(term), key=str)
            if isinstance(i.name, str) and i.name not in self.context.constants
        ]
        return self.normalise(term, {key: self.fresh(key[-1]) for key in universal})

    def _symmetric_tensor(self, hypothesis: Hypothesis) -> str | None:
        """The name of A where the hypothesis says A[i, j] = A[j, i] for all i and j."""
        match hypothesis:
            case Equation(Entry(a, (i, j)), Entry(b, (k, l))) if a == b and i == l and j == k and i != j:
                general = all(
                    isinstance(n, str) and n not in self.context.constants for n in (i.name, j.name)
                )
                return a if general and a not in self.context.definitions else None
        return None

    def rules(self) -> tuple[Rule, ...]:
        """The oriented equations that may be used under the present stops.

        An equation about a tensor restricts its values, so it says nothing about how a term varies with
        that tensor: below a derivative by T, what mentions T (unfolded down to T) is left out.
        """
        if self.stops not in self._rules:
            self._rules[self.stops] = ()
            compiled = [self._compiled_rule(h) for h in self.context.hypotheses if isinstance(h, Equation)]
            self._rules[self.stops] = tuple(
                rule for rule, names in compiled if rule is not None and names.isdisjoint(self.stops)
            )
        return self._rules[self.stops]

    def _compiled_rule(self, equation: Equation) -> tuple[Rule | None, frozenset[str]]:
        """The rule of an equation, if it makes one, and the tensors in it.

        These depend on the stops where a tensor in it is defined (it may be unfolded) or symmetric.
        """
        named = tensors(equation.lhs) | tensors(equation.rhs)
        plain = named.isdisjoint(self.context.definitions) and named.isdisjoint(self.symmetric)
        key = (id(equation), () if plain else self.stops)
        if key not in self._compiled:
            self._compiled[key] = (None, frozenset())
            if self._symmetric_tensor(equation) is None:
                self.compiling, before = True, self.compiling
                poly = self.general(equation.lhs - equation.rhs)
                rule = self.oriented(poly, equation.labels) if poly else None
                self.compiling = before
                self._compiled[key] = rule, frozenset(tensor_names(freeze(poly)))
        return self._compiled[key]

    def oriented(self, poly: Poly, labels: tuple[str, ...]) -> Rule | None:
        """poly = 0 as a rewrite rule: its largest monomial becomes the rest."""
        flat = {mono: self.flatten(mono) for mono in poly}
        usable = [
            m for m, (_, atoms) in flat.items()
            if atoms and all(a[0] in "TFMI" and e.denominator == 1 and e > 0 for a, e in atoms.items())
        ]  # fmt: skip
        if not usable:
            return None
        usable = [m for m in usable if not self._nested(flat, m)]
        if not usable:
            return None
        best = max(usable, key=lambda m: (sum(flat[m][1].values()), len(free_indices(m)), repr(m)))
        bound, atoms = flat[best]
        blanks = {
            i: (4, str(i), i[-1])
            for i in sorted(free_indices(tuple(atoms)) | free_indices(freeze(poly)))
            if i[0] == 3
        }
        rest: Poly = {m: -Fraction(c) / poly[best] for m, c in poly.items() if m != best}
        pattern = tuple((substitute(a, blanks), int(e)) for a, e in atoms.items())
        result = self.transform(rest, blanks)
        if not free_indices(freeze(result)) & set(blanks.values()) <= free_indices(pattern):
            return None
        heads = frozenset(head(atom) for atom, _ in pattern)
        return Rule(pattern, tuple(blanks[b] for b in bound), freeze(result), labels, heads)

    @staticmethod
    def _nested(flat: Mapping[Mono, tuple[list[Atom], dict[Atom, Rational]]], mono: Mono) -> bool:
        """Whether what a monomial is made of stands in a function in another one: x = f(x) has no end."""
        inside = {
            n
            for m, (_, atoms) in flat.items()
            if m != mono
            for a in atoms
            if a[0] != "T"
            for n in tensor_names(a)
        }
        return any(a[0] == "T" and a[1] in inside for a in flat[mono][1])

    def inverse_rules(self, atom: Atom) -> Iterator[Rule]:
        """A A^-1 = I and A^-1 A = I for the matrix under an inverse, solved for its leading monomial."""
        (r, c), inner = atom[1]
        body = dict(inner)
        usable = {m: v for m, v in body.items() if not occurs_tag("D", m)}
        if not usable:
            return
        lead = leading(usable)
        one, two = (4, "one", r[-1]), (4, "two", r[-1])
        for left in (True, False):
            k = self.fresh(r[-1])
            names = {r: one, c: k} if left else {r: k, c: two}
            factor = ("I", atom[1], k, two) if left else ("I", atom[1], one, k)
            moved = self.transform(body, names)
            leads = self.transform({lead: 1}, names)
            if list(leads.values()) != [1]:
                continue
            bound, atoms = self.flatten(next(iter(leads)))
            tail = self.multiply(
                self.transform({m: v for m, v in body.items() if m != lead}, names), {((factor, 1),): 1}
            )
            result = add(self.delta(one, two), self.sum_over(k, tail), -1)
            blanks = {b: (4, str(b), b[-1]) for b in [k, *bound]}
            pattern = [(substitute(factor, blanks), 1)] + [
                (substitute(a, blanks), int(e)) for a, e in atoms.items()
            ]
            known = free_indices(tuple(atom for atom, _ in pattern))
            whole = all(e.denominator == 1 and e > 0 for e in atoms.values())
            if moved and whole and {one, two} <= known:
                scale = 1 / Fraction(body[lead])
                yield Rule(tuple(pattern), tuple(blanks.values()), freeze(add({}, result, scale)))

    def reduce(self, poly: Poly) -> Poly:
        """The polynomial with every rule applied until none applies."""
        if self.compiling:
            return poly
        rules = self.rules()
        if not rules and not any(occurs_tag("I", mono) for mono in poly):
            return poly
        result: Poly = {}
        todo = list(poly.items())
        steps = 0
        while todo:
            mono, coefficient = todo.pop()
            rewritten = self._rewrite(mono, rules)
            if rewritten is None:
                add(result, {mono: coefficient})
            else:
                self.spend(20)
                steps += 1
                if steps > STEPS:
                    raise Exhausted
                todo += [(m, c * coefficient) for m, c in rewritten.items()]
        return result

    def _rewrite(self, mono: Mono, rules: tuple[Rule, ...]) -> Poly | None:
        heads = {head(atom) for atom in atoms_of(mono)}
        candidates = [rule for rule in rules if rule.heads <= heads]
        if not candidates and ("I",) not in heads:
            return None
        bound, atoms = self.flatten(mono)
        for atom in [a for a in atoms if a[0] == "I"]:
            candidates += self.inverse_rules(atom)
        for rule in candidates:
            for binding, left in self._matches(rule.pattern, atoms, {}):
                summed = [binding[b] for b in rule.bound]
                elsewhere = (rule.pattern, tuple(left))  # the matrix under an inverse stands in its pattern
                if len(set(summed)) < len(summed) or not all(
                    b in bound and not occurs(b, elsewhere) for b in summed
                ):
                    continue
                if any(binding[blank] in summed for blank in binding if blank not in rule.bound):
                    continue
                new = self.multiply(self.monomial(left), self.transform(dict(rule.result), binding))
                for b in bound:
                    if b not in summed:
                        new = self.sum_over(b, new)
                self.fired.update(rule.labels)
                return new
        return None

    def _matches(
        self, pattern: tuple[tuple[Atom, int], ...], atoms: dict[Atom, Rational], binding: dict[Atom, Atom]
    ) -> Iterator[tuple[dict[Atom, Atom], dict[Atom, Rational]]]:
        """Every way to find the pattern among the atoms: what its blanks stand for, and what is left."""
        if not pattern:
            yield binding, atoms
            return
        (atom, exponent), *rest = pattern
        for target, available in atoms.items():
            if available.denominator != 1 or available < exponent or head(target) != head(atom):
                continue
            for variant in self._variants(target):
                extended = unify(atom, variant, binding)
                if extended is not None:
                    left = {a: e - exponent if a == target else e for a, e in atoms.items()}
                    yield from self._matches(tuple(rest), {a: e for a, e in left.items() if e}, extended)

    def _variants(self, atom: Atom) -> Iterator[Atom]:
        """The atom, and the same entry of a symmetric matrix with its indices swapped."""
        yield atom
        symmetric = atom[0] == "T" and atom[1] in self.symmetric and atom[1] not in self.stops
        if symmetric and len(atom) == 4:
            self.fired.update(self.symmetric[atom[1]])
            yield (*atom[:2], atom[3], atom[2])
        if atom[0] == "I":
            (r, c), body = atom[1]
            if self.abstract((c, r), dict(body))[1] == body:
                yield (*atom[:2], atom[3], atom[2])
