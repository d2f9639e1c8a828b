"""Five benchmarks that ask no boxes: whether what a model learned of grounding carries over to other questions."""

from cgc_bench.transfer.benchmark import BENCHMARK

__all__ = ["BENCHMARK"]
