"""Benchmarks of multi-image grounding, scored as their authors do, and beside it what that hides.

Items -> responses -> item results -> tables; nothing here needs torch. There are no tasks for lmms-eval in this version.
"""
