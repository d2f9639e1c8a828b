"""Finds the multiple-choice option that a free-form response names, with the same rule for every model and
benchmark.
"""

from cgc_bench.options.reading import read_option

__all__ = ["read_option"]
