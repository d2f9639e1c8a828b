"""This project's benchmarks as lmms-eval tasks, which need no flag, are prepared on first use, and use the same scoring
code.
"""
