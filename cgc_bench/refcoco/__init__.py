"""RefCOCO, RefCOCO+, and RefCOCOg: single-image grounding, to show whether a gain on several images reduces accuracy on
one image.
"""

from cgc_bench.refcoco.benchmark import BENCHMARK

__all__ = ["BENCHMARK"]
