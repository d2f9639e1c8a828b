"""Multi-image grounding benchmarks, scored as their authors score them, plus diagnostics that those scores hide.

Data flow: items -> responses -> item results -> tables, all without torch. `cgc_bench.lmms` contains the tasks for
lmms-eval. `read_option` finds the option that a free-form response names.
"""

from cgc_bench.options import read_option

__all__ = ["read_option"]
