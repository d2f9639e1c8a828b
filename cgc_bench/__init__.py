"""Benchmarks for lmms-eval: built on `cgc_data`, not part of this version yet."""
