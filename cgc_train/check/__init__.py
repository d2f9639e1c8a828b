"""Is a recipe worth its GPU hours? Everything that arithmetic and a CPU can verify about a run before it starts."""

from cgc_train.check.context import Finding
from cgc_train.check.run import CHECKS, run_checks

__all__ = ["CHECKS", "Finding", "run_checks"]
