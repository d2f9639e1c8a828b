"""Validation of a release: derived anew from the raw sources, sharing no code with what built it.

The annotation files are read by the reference readers of their formats, such as pycocotools and lvis.
"""

from cgc_data.validate.report import Breach, Check, Report
from cgc_data.validate.run import SourcePaths, validate

__all__ = ["Breach", "Check", "Report", "SourcePaths", "validate"]
