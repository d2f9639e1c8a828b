"""VLM2-Bench (arXiv 2502.12084): linking visual cues across images, scored by its authors' rules."""

from cgc_bench.vlm2.benchmark import BENCHMARK

__all__ = ["BENCHMARK"]
