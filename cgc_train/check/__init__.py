"""Is a recipe worth its GPU hours? Everything about a run that arithmetic and a CPU can tell before it starts."""

from cgc_train.check.context import Finding
from cgc_train.check.run import CHECKS, run_checks

__all__ = ["CHECKS", "Finding", "run_checks"]
