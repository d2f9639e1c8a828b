"""Checks whether a recipe is worth its GPU hours. Covers everything about a run that a CPU can verify before the run
starts.
"""

from cgc_train.check.context import Finding
from cgc_train.check.run import CHECKS, run_checks

__all__ = ["CHECKS", "Finding", "run_checks"]
