"""RefCOCO, RefCOCO+, and RefCOCOg: grounding in a single image. They show whether a model lost accuracy on single
images while it gained accuracy on multi-image tasks.
"""

from cgc_bench.refcoco.benchmark import BENCHMARK

__all__ = ["BENCHMARK"]
