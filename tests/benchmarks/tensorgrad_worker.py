"""tensorgrad's side of the comparison; runs in an environment of its own, with nothing of this project.

Prints a line for each task: its name, and the least processor time in seconds of several warm runs of
`Derivative(...).full_simplify()`, or why there is none.
"""

import sys
import time

import tensorgrad.functions as F
from sympy import symbols
from tensorgrad import Derivative, Variable

c, d, e, n, p, q = symbols("c d e n p q")


def gradient_by_scores():
    z, y = Variable("z", c), Variable("y", c)
    return Derivative(F.cross_entropy(z, y, "c"), z)


def gradient_by_weights():
    w, x, y = Variable("W", c, d), Variable("x", d), Variable("y", c)
    return Derivative(F.cross_entropy(w @ x, y, "c"), w)


def hessian():
    z, y = Variable("z", c), Variable("y", c)
    return Derivative(Derivative(F.cross_entropy(z, y, "c"), z), z)


def trace():
    a, x, b, right = Variable("A", n, p), Variable("X", p, q), Variable("B", q, r=q), Variable("C", s=p, n=n)
    return Derivative(a @ x @ b @ x.rename(p="s", q="r") @ right, x)


def log_determinant():
    x = Variable("X", n, m=n)
    return Derivative(F.log(F.det(x)), x)


def attention():
    query, keys, values, g = Variable("q", d), Variable("K", n, d), Variable("V", n, e), Variable("g", e)
    return Derivative(F.softmax(keys @ query, "n") @ values @ g, query)


TASKS = {
    "CE by z": gradient_by_scores, "CE by W": gradient_by_weights, "Hessian of CE": hessian,
    "tr(AXBXᵀC)": trace, "log det X": log_determinant, "attention": attention,
}  # fmt: skip

if __name__ == "__main__":
    for name, make in TASKS.items():
        least, end = float("inf"), time.perf_counter() + float(sys.argv[1])
        try:
            make().full_simplify()  # warm
            while time.perf_counter() < end:
                start = time.process_time()
                make().full_simplify()
                least = min(least, time.process_time() - start)
            print(name, least, sep="\t", flush=True)
        except Exception as trouble:
            print(name, f"fails: {type(trouble).__name__}", sep="\t", flush=True)
