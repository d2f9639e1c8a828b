"""Writes two kinds of report pages. One shows the results of models on benchmarks. The other compares models with a
base model, item by item.
"""

from cgc_bench.report.comparison import write_comparison
from cgc_bench.report.report import write_report

__all__ = ["write_comparison", "write_report"]
