"""Our benchmarks as tasks of lmms-eval: found with no flag, prepared on first use, scored as everywhere."""
