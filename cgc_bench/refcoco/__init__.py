"""RefCOCO, RefCOCO+, and RefCOCOg: grounding in a single image. They show whether a gain on several images reduces
accuracy on one image.
"""

from cgc_bench.refcoco.benchmark import BENCHMARK

__all__ = ["BENCHMARK"]
