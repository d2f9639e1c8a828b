"""Finds the multiple-choice option that a free-form response names. Every model and benchmark uses the same rules."""

from cgc_bench.options.reading import read_option

__all__ = ["read_option"]
