"""Validates a release by deriving it again from the raw sources. No code is shared with the builder.

Annotation files are read by the reference readers of their formats, such as pycocotools and lvis.
"""

from cgc_data.validate.report import Breach, Check, Report
from cgc_data.validate.run import SourcePaths, validate

__all__ = ["Breach", "Check", "Report", "SourcePaths", "validate"]
