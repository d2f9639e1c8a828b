"""Multi-image grounding benchmarks, scored by their authors' rules, with diagnostics for errors that these scores do
not show.

Data flow: items -> responses -> item results -> tables. None of these steps needs torch. `cgc_bench.lmms` contains the
tasks for lmms-eval. `read_option` finds the multiple-choice option that a free-form response names.
"""

from cgc_bench.options import read_option

__all__ = ["read_option"]
