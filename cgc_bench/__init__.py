"""Scores multi-image grounding benchmarks by their authors' rules. Also diagnoses errors that these scores do not show.

Data flow: items -> responses -> item results -> tables. None of these steps needs torch. `cgc_bench.lmms` contains the
tasks for lmms-eval. `read_option` finds the multiple-choice option that a free-form response names.
"""

from cgc_bench.options import read_option

__all__ = ["read_option"]
