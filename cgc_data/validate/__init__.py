"""Validates a release against the raw sources, from which every fact is derived again. No code is shared with the
index, planner, and renderer of a build.

Annotation files are read by the reference readers of their formats, such as pycocotools and lvis.
"""

from cgc_data.validate.report import Breach, Check, Report
from cgc_data.validate.run import SourcePaths, validate

__all__ = ["Breach", "Check", "Report", "SourcePaths", "validate"]
