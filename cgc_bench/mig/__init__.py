"""MIG-Bench (arXiv 2501.05767): multi-image grounding, one box per item, with the authors' scoring and strict
scoring.
"""

from cgc_bench.mig.benchmark import BENCHMARK

__all__ = ["BENCHMARK"]
