"""Benchmarks of multi-image grounding, scored as their authors do, and beside it what that hides.

Items -> responses -> item results -> tables; nothing needs torch. Tasks for lmms-eval are not part of this version.
"""
