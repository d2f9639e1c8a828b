"""From COCO and LVIS annotations to contrast data sets: sources -> index -> plan -> render -> release.

What users of the package call: `load_reference`, `open_release`; what training and benchmarks share: `cgc_data.answer`,
`cgc_data.geometry`, `cgc_data.matching`.
"""

from cgc_data.reference import load_reference
from cgc_data.release.read import Release, open_release

__all__ = ["Release", "load_reference", "open_release"]
