"""Benchmarks of multi-image grounding, scored as their authors do, and beside it what that hides.

Items -> responses -> item results -> tables; none of it needs torch. `cgc_bench.lmms` has the tasks for lmms-eval.
`read_option` reads which option a free response names.
"""

from cgc_bench.options import read_option

__all__ = ["read_option"]
