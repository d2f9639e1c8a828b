"""The benchmarks of this project as lmms-eval tasks: found without a flag, prepared on first use, scored by the same
code.
"""
