"""The held-out split of a release (`cgc_contrast`), with a separate metric for each way in which a model can confuse
images.
"""

from cgc_bench.contrast.benchmark import BENCHMARK

__all__ = ["BENCHMARK"]
