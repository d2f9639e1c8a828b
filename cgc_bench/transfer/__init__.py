"""Five benchmarks whose answers are not boxes. They measure whether grounding skills transfer to other questions."""

from cgc_bench.transfer.benchmark import BENCHMARK

__all__ = ["BENCHMARK"]
