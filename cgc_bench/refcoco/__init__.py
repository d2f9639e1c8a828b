"""RefCOCO, RefCOCO+ and RefCOCOg: one object in one image, whose loss would stand beside a gain on several."""

from cgc_bench.refcoco.benchmark import BENCHMARK

__all__ = ["BENCHMARK"]
