"""Find the option that a free-form response names, by one rule for every model and benchmark."""

from cgc_bench.options.reading import read_option

__all__ = ["read_option"]
