"""MIG-Bench (arXiv 2501.05767): multi-image grounding with one box per item. You can score responses by the authors'
rules or by strict rules.
"""

from cgc_bench.mig.benchmark import BENCHMARK

__all__ = ["BENCHMARK"]
