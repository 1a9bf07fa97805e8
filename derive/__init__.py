"""derive: a verifier for matrix-calculus derivations.

    derive.prove(lhs, rhs, given=..., layout=...)      the verdict on one equation of SymPy expressions
    derive.gradient(expression, wrt, layout=...)       a derivative, with proved steps
    derive.check(document)                             a verdict on every equation of a document
    derive.check_many(paths, executor=...)             the same of many documents, in other processes, too
    derive.load(name)                                  a ready derivation
    derive.assert_identity(lhs, rhs, given=...)        the same as an assertion, for tests; LaTeX, too
    derive.assert_gradient(function, of=name, wrt=...) that code computes a proved gradient
    derive.softmax, cross_entropy, partial, one_hot    builders

Importing this package loads neither SymPy nor NumPy; each name loads what it needs when it is first used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # for type checkers; typing itself would double the time that this import takes
    from typing import Any

    from derive.algebra import Proof, cross_entropy, gradient, one_hot, partial, prove, softmax
    from derive.assertions import assert_gradient, assert_identity
    from derive.catalogue import load
    from derive.derivation import Derivation
    from derive.documents import check
    from derive.many import check_many
    from derive.report import Counterexample, Evidence, Report, Step, Verdict

__version__ = "0.1.0"

__all__ = [
    "Counterexample",
    "Derivation",
    "Evidence",
    "Proof",
    "Report",
    "Step",
    "Verdict",
    "assert_gradient",
    "assert_identity",
    "check",
    "check_many",
    "cross_entropy",
    "gradient",
    "load",
    "one_hot",
    "partial",
    "prove",
    "softmax",
]

_HOMES = {
    **dict.fromkeys(
        ("Proof", "cross_entropy", "gradient", "one_hot", "partial", "prove", "softmax"), "derive.algebra"
    ),
    **dict.fromkeys(("Counterexample", "Evidence", "Report", "Step", "Verdict"), "derive.report"),
    "Derivation": "derive.derivation",
    "check": "derive.documents",
    "check_many": "derive.many",
    **dict.fromkeys(("assert_gradient", "assert_identity"), "derive.assertions"),
    "load": "derive.catalogue",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'derive' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
