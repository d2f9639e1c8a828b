"""RefCOCO, RefCOCO+, and RefCOCOg: single-image grounding, to show what a gain on several images costs."""

from cgc_bench.refcoco.benchmark import BENCHMARK

__all__ = ["BENCHMARK"]
