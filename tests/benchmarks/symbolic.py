"""Derivatives with a derivation, beside tensorgrad's.

derive is given LaTeX and answers with the result in matrix form, which the kernel has proved; or with that
and a derivation, of which it has proved every step. tensorgrad is given its own tensors and answers with a
simplified tensor network. It proves nothing and does not write matrices. It runs in an environment of its
own, which is made below the cache directory at the first run; it is licensed under the AGPL, and nothing
here depends on it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

from derive.calculus.gradient import derive_gradient, proved_result
from derive.calculus.problem import read
from tests.benchmarks.clock import best

VERSION = "0.3.0"
SUM = r"\sum_i y_i = 1"
QUESTIONS: dict[str, tuple[str, str, tuple[str, ...], int]] = {
    "CE by z": (r"-y^T \log(\mathrm{softmax}(z))", "z", (r"y, z \in \mathbb{R}^c", SUM), 1),
    "CE by W": (
        r"-y^T \log(\mathrm{softmax}(W x))",
        "W",
        (r"W \in \mathbb{R}^{c \times d}, y \in \mathbb{R}^c, x \in \mathbb{R}^d", SUM),
        1,
    ),
    "Hessian of CE": (r"-y^T \log(\mathrm{softmax}(z))", "z", (r"y, z \in \mathbb{R}^c", SUM), 2),
    "tr(AXBXᵀC)": (
        r"\mathrm{tr}(A X B X^T C)",
        "X",
        (
            r"A \in \mathbb{R}^{n \times p}, X \in \mathbb{R}^{p \times q}, B \in \mathbb{R}^{q \times q}",
            r"C \in \mathbb{R}^{p \times n}",
        ),
        1,
    ),
    "log det X": (r"\log\det X", "X", (), 1),
    "attention": (
        r"g^T V^T \mathrm{softmax}(K q)",
        "q",
        (
            r"q \in \mathbb{R}^d, K \in \mathbb{R}^{n \times d}",
            r"V \in \mathbb{R}^{n \times e}, g \in \mathbb{R}^e",
        ),
        1,
    ),
}


def ours(name: str) -> float | str:
    """The time of a proved derivation with its lifted result, from LaTeX."""
    expression, wrt, given, order = QUESTIONS[name]
    if not derive_gradient(read(expression, wrt, given), order=order, detail="brief").proved:
        return "not proved"
    return best(lambda: derive_gradient(read(expression, wrt, given), order=order, detail="brief"), 1.0)


def result(name: str) -> float | str:
    """The time of the proved, lifted result alone, from LaTeX."""
    expression, wrt, given, order = QUESTIONS[name]
    if proved_result(read(expression, wrt, given), order) is None:
        return "not found"
    return best(lambda: proved_result(read(expression, wrt, given), order), 1.0)


def theirs(seconds: float) -> dict[str, float | str]:
    """tensorgrad's times, each task run for so many seconds; nothing where it cannot be installed."""
    python = _environment()
    if python is None:
        return {}
    script = Path(__file__).with_name("tensorgrad_worker.py")
    done = subprocess.run([python, "-I", script, str(seconds)], capture_output=True, text=True)
    rows = (line.split("\t") for line in done.stdout.splitlines())
    return {name: said if said.startswith("fails") else float(said) for name, said in rows}


def _environment() -> Path | None:
    """The Python of an environment that has tensorgrad; None where that cannot be had."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    home = cache / "derive-benchmarks" / f"tensorgrad-{VERSION}"
    python = home / "bin" / "python"
    if not (home / "ready").exists():
        print(f"installing tensorgrad {VERSION} into {home} …", file=sys.stderr)
        venv.create(home, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "-q", f"tensorgrad=={VERSION}"]
        if subprocess.run(install, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            return None
        (home / "ready").touch()
    return python
