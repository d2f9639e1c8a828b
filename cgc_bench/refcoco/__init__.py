"""RefCOCO, RefCOCO+, and RefCOCOg: single-image grounding, to show whether a gain on several images costs accuracy
here.
"""

from cgc_bench.refcoco.benchmark import BENCHMARK

__all__ = ["BENCHMARK"]
