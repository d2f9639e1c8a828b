"""This project's benchmarks as lmms-eval tasks. They need no flag, are prepared on first use, and share the scoring
code.
"""
