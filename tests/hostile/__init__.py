"""Documents that mean harm: bombs, and mutants of real documents; what they may do to derive, and what not.

    python -m tests.hostile --documents 10000 --seed 7

A document must never bring forth a traceback, a hang, a process that grows without bound, or an exit status
other than 0, 1 and 2; every format renders its report; nothing of it reaches a terminal or a page raw; and no
file is opened but those named.
"""
