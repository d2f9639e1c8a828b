"""Finds the option that a free-form response names. One rule is used for every model and benchmark."""

from cgc_bench.options.reading import read_option

__all__ = ["read_option"]
