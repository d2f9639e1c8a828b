"""The held-out split of a release (`cgc_contrast`): one number per kind of image confusion."""

from cgc_bench.contrast.benchmark import BENCHMARK

__all__ = ["BENCHMARK"]
