"""Benchmarks, outside the timed suite: `python -m tests.benchmarks`."""
