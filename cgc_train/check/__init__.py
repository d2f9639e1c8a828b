"""Checks on a CPU, before a run uses GPU time, whether its recipe is valid and likely to work."""

from cgc_train.check.context import Finding
from cgc_train.check.run import CHECKS, run_checks

__all__ = ["CHECKS", "Finding", "run_checks"]
