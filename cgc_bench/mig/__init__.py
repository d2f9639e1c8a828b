"""MIG-Bench (arXiv 2501.05767): multi-image grounding, one box an item, scored as its authors do, and strictly."""

from cgc_bench.mig.benchmark import BENCHMARK

__all__ = ["BENCHMARK"]
