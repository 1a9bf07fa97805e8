r"""Matrix calculus: derivatives of what a person types, in steps that a person would write.

    derive_gradient(expression, wrt, given=..., layout=..., method=...)  ->  Gradient

| file | what |
| --- | --- |
| `problem.py` | the question: LaTeX to expressions; shapes that nobody declared |
| `differentials.py` | one function a rule: d(UV) = dU V + U dV and all the others |
| `linear.py` | what is linear in dX: as tr(Gᵀ dX), as J dx, transposed |
| `indices.py` | expressions by their entries, and the laws of Kronecker deltas |
| `routes.py` | three ways to write a derivation: by rules, by differentials, by components |
| `tidy.py`, `shortest.py` | a shorter way to write an expression |
| `gradient.py` | all of it on one page; the kernel judges each step |

Nothing here is trusted. Each line that is printed is a claim, and the kernel proves it or it is shown as
not proved.
"""
