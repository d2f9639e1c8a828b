"""RefCOCO, RefCOCO+, and RefCOCOg: grounding in a single image. They show whether a model that gained accuracy on
multi-image tasks lost accuracy on single images.
"""

from cgc_bench.refcoco.benchmark import BENCHMARK

__all__ = ["BENCHMARK"]
