"""One annotation file as columns, which are the same for all formats.

Only the readers work on the file itself. All later code works on these columns. Ids are unique, rows are sorted, and
boxes are given by their corners. Segmentations are not decoded: only their byte ranges in the file are stored.
"""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

IMAGES = pa.schema(
    [
        ("image_id", pa.int64()),
        ("file_name", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("license", pa.int32()),  # 0: not stated
        ("coco_url", pa.string()),
        ("flickr_url", pa.string()),
        ("negative", pa.list_(pa.int32())),  # LVIS category ids verified absent
        ("not_exhaustive", pa.list_(pa.int32())),  # LVIS category ids with unlabeled instances in the photo
    ]
)
CATEGORIES = pa.schema(
    [
        ("category_id", pa.int64()),
        ("name", pa.string()),
        ("synset", pa.string()),  # "" if the file states none
        ("synonyms", pa.list_(pa.string())),
        ("supercategory", pa.string()),
        ("frequency", pa.string()),  # LVIS: r(are), c(ommon), f(requent)
    ]
)
ANNOTATIONS = pa.schema(
    [
        ("annotation_id", pa.int64()),
        ("image_row", pa.int32()),
        ("category_row", pa.int32()),
        ("x1", pa.float64()),
        ("y1", pa.float64()),
        ("x2", pa.float64()),
        ("y2", pa.float64()),
        ("area", pa.float64()),
        ("crowd", pa.int8()),  # 0, 1, or -1 if the file does not state it
        ("segmentation_offset", pa.int64()),
        ("segmentation_length", pa.int32()),  # 0: none
    ]
)
UNUSABLE = pa.schema([("annotation_id", pa.int64()), ("image_id", pa.int64()), ("reason", pa.string())])
LICENSES = pa.schema([("license", pa.int32()), ("url", pa.string()), ("name", pa.string())])


@dataclass(frozen=True)
class Tables:
    """The tables of a source whose hash is not known yet.

    Images and categories are sorted by id; annotations are sorted by image row, and then by annotation id. `unusable`
    lists the annotations that are dropped and those that are kept without a box, each with the reason.
    """

    images: pa.Table
    categories: pa.Table
    annotations: pa.Table
    licenses: pa.Table
    unusable: pa.Table


@dataclass(frozen=True)
class SourceTable(Tables):
    """One annotation file as columns.

    Boxes are x1, y1, x2, y2 in pixels, as annotated. They may cross the border of the photo, and may be empty.
    `image_row` and `category_row` are row numbers in `images` and `categories`.
    """

    kind: str  # name of its format
    path: Path
    sha256: str
    num_bytes: int

    @property
    def key(self) -> str:
        """Key of the source in rows and manifests: its kind and the first 8 hex digits of the file's sha256."""
        return f"{self.kind}-{self.sha256[:8]}"
