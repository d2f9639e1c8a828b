"""The fields that are read from each record of a COCO or LVIS file. All other keys are skipped while parsing."""

import msgspec


class Category(msgspec.Struct, gc=False):
    """A category; only LVIS has the WordNet fields."""

    id: int
    name: str
    supercategory: str | None = None
    synset: str | None = None
    synonyms: list[str] | None = None
    frequency: str | None = None


class License(msgspec.Struct, gc=False):
    """A license that images refer to by its id."""

    id: int | str | None = None
    url: str | None = None
    name: str | None = None


class Image(msgspec.Struct, gc=False):
    """A photo; only LVIS has the two lists of category ids."""

    id: int
    width: int
    height: int
    file_name: str | None = None
    license: int | str | None = None
    coco_url: str | None = None
    flickr_url: str | None = None
    neg_category_ids: list[int] | None = None
    not_exhaustive_category_ids: list[int] | None = None


class Box(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """A box as COCO writes it: [x, y, width, height] in pixels."""

    x: float
    y: float
    width: float
    height: float


class Annotation(msgspec.Struct, kw_only=True, gc=False):
    """An instance. Its segmentation stays undecoded. The fields have the same order as in COCO's files, because this
    makes decoding faster.
    """

    segmentation: msgspec.Raw = msgspec.Raw(b"")
    area: float | None = None
    iscrowd: int | bool | None = None
    image_id: int
    bbox: Box | None  # None: the file does not state a readable value
    category_id: int
    id: int
