"""The functions of one real variable that a formula may name: one record each.

exp and log are known to the kernel itself. A function with a `definition` unfolds to exp, log and
powers, so that its derivatives and its identities follow from theirs; one with a `derivative` stays an
atom. A name without a record is an arbitrary smooth function with derivatives f', f'', ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from derive.terms import Apply, Number, Plus, Power, Product, Term

ONE_TERM = Number(1)
HALF = Number(Fraction(1, 2))


@dataclass(frozen=True, slots=True)
class Function:
    """What is known of one function.

    Attributes:
        name: its name in terms.
        latex: how it is printed.
        numpy: its value, as an expression in `x` over NumPy (`np`); stable where that is easy.
        definition: the term that it abbreviates, or None.
        derivative: its derivative as a term in its argument, or None.
        domain: where it is defined and smooth, in words; empty for all reals.
        spellings: other names by which a reader may call it.
    """

    name: str
    latex: str
    numpy: str
    definition: Callable[[Term], Term] | None = None
    derivative: Callable[[Term], Term] | None = None
    domain: str = ""
    spellings: tuple[str, ...] = ()


def _exp(x: Term) -> Term:
    return Apply("exp", x)


def _absolute(x: Term) -> Term:
    """|x| = (x^2)^(1/2): smooth where x is not 0."""
    return Power(Power(x, Number(2)), HALF)


def _sigmoid(x: Term) -> Term:
    """1 / (1 + exp(-x))."""
    return ONE_TERM / (ONE_TERM + _exp(-x))


def _tanh(x: Term) -> Term:
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x))."""
    return (_exp(x) - _exp(-x)) / (_exp(x) + _exp(-x))


def _relu(x: Term) -> Term:
    """max(x, 0) = (x + |x|) / 2: smooth where x is not 0."""
    return HALF * (x + _absolute(x))


FUNCTIONS: dict[str, Function] = {
    record.name: record
    for record in (
        Function("exp", r"\exp", "np.exp(x)"),
        Function("log", r"\log", "np.log(x)", domain="x > 0", spellings=("ln",)),
        Function("sqrt", r"\sqrt", "np.sqrt(x)", lambda x: Power(x, HALF), domain="x > 0"),
        Function("sigmoid", r"\operatorname{sigmoid}", "1 / (1 + np.exp(-x))", _sigmoid,
                 spellings=("sigm", "logistic")),
        Function("tanh", r"\tanh", "np.tanh(x)", _tanh),
        Function("relu", r"\operatorname{relu}", "np.maximum(x, 0)", _relu, domain="x != 0",
                 spellings=("ReLU",)),
        Function("abs", r"\operatorname{abs}", "np.abs(x)", _absolute, domain="x != 0"),
        Function("sign", r"\operatorname{sign}", "np.sign(x)", lambda x: x / _absolute(x), domain="x != 0",
                 spellings=("sgn",)),
        Function("softplus", r"\operatorname{softplus}", "np.logaddexp(0, x)",
                 lambda x: Apply("log", ONE_TERM + _exp(x))),
        Function("sinh", r"\sinh", "np.sinh(x)", lambda x: HALF * (_exp(x) - _exp(-x))),
        Function("cosh", r"\cosh", "np.cosh(x)", lambda x: HALF * (_exp(x) + _exp(-x))),
        Function("sin", r"\sin", "np.sin(x)", derivative=lambda x: Apply("cos", x)),
        Function("cos", r"\cos", "np.cos(x)", derivative=lambda x: -Apply("sin", x)),
        Function("arctan", r"\arctan", "np.arctan(x)",
                 derivative=lambda x: ONE_TERM / Plus((ONE_TERM, Product((x, x)))), spellings=("atan",)),
    )
}  # fmt: skip

SPELLINGS: dict[str, str] = {
    spelling: record.name for record in FUNCTIONS.values() for spelling in (record.name, *record.spellings)
}
