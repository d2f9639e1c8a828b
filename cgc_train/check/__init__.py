"""Checks whether a recipe is valid and likely to work. The checks run on a CPU, before the run uses GPU time."""

from cgc_train.check.context import Finding
from cgc_train.check.run import CHECKS, run_checks

__all__ = ["CHECKS", "Finding", "run_checks"]
