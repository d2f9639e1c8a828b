"""Sources: annotation files in COCO or LVIS format, and their photos.

A file is read once into columns (`SourceTable`) and cached; masks are read from it one by one (`Segmentations`).
"""

from cgc_data.sources.photos import PhotoStore, open_photos
from cgc_data.sources.read import read_source
from cgc_data.sources.segmentation import Segmentations
from cgc_data.sources.table import KINDS, Kind, SourceTable

__all__ = ["KINDS", "Kind", "PhotoStore", "Segmentations", "SourceTable", "open_photos", "read_source"]
