"""Sources: annotation files of the formats in `formats/`, and their photos.

A file is read once into columns (`SourceTable`), which are cached. Masks are read from the file one by one
(`Segmentations`).
"""

from cgc_data.sources.formats import FORMATS, Format, Kind
from cgc_data.sources.photo_store import PhotoStore
from cgc_data.sources.photos import open_photos
from cgc_data.sources.read import read_source
from cgc_data.sources.segmentation import Segmentations
from cgc_data.sources.table import SourceTable

__all__ = [
    "FORMATS",
    "Format",
    "Kind",
    "PhotoStore",
    "Segmentations",
    "SourceTable",
    "open_photos",
    "read_source",
]
