"""Benchmarks of multi-image grounding as lmms-eval tasks, scored as their authors do, and beside it what that hides.

Items -> responses -> item results -> tables, reports and comparisons; nothing here needs torch until a model runs.
"""
