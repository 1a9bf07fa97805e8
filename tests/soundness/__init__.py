"""The scoreboard: how often the verifier is right about claims whose truth is known by other means.

See `python -m tests.soundness --help`.
"""
