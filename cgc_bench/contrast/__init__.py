"""The held-out split of a release (`cgc_contrast`): one number per way of confusing images."""

from cgc_bench.contrast.benchmark import BENCHMARK

__all__ = ["BENCHMARK"]
