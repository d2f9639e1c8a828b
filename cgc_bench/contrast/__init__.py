"""The held-out split of a release (`cgc_contrast`), with one figure for each way to confuse images."""

from cgc_bench.contrast.benchmark import BENCHMARK

__all__ = ["BENCHMARK"]
