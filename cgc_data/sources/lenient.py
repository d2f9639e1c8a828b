"""Reads records whose values have unexpected types: ids as text or floats, unused fields of any type, or null boxes.

A list is first decoded strictly, which is fast. If this fails, the list is decoded again, record by record.
"""

import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from cgc_data.sources.records import Annotation, Box, Category, Image, License

Record = TypeVar("Record")
_WHOLE = re.compile(r"\s*([+-]?[0-9]+)(?:\.0*)?\s*")


class LooseAnnotation(msgspec.Struct, kw_only=True, gc=False):
    """An annotation whose fields may have any type."""

    segmentation: msgspec.Raw = msgspec.Raw(b"")
    area: Any = None
    iscrowd: Any = None
    image_id: Any
    bbox: Any = None
    category_id: Any
    id: Any


class LooseRecord(msgspec.Struct, kw_only=True, gc=False):
    """An image, category, or license whose fields may have any type."""

    id: Any = None
    name: Any = None
    width: Any = None
    height: Any = None
    file_name: Any = None
    license: Any = None
    coco_url: Any = None
    flickr_url: Any = None
    neg_category_ids: Any = None
    not_exhaustive_category_ids: Any = None
    supercategory: Any = None
    synset: Any = None
    synonyms: Any = None
    frequency: Any = None
    url: Any = None


class Forgiving:
    """A decoder for a list of records. It falls back to lenient reading if the types do not match."""

    def __init__(self, strict: type[Any], loose: type[Any], convert: Callable[[Any], Any]) -> None:
        self._strict, self._loose = msgspec.json.Decoder(list[strict]), msgspec.json.Decoder(list[loose])  # type: ignore[valid-type]
        self._convert = convert

    def decode(self, text: memoryview) -> list[Any]:
        """Decode the records. Raises msgspec.ValidationError, which locates the unreadable value, if lenient reading
        fails too.
        """
        try:
            return self._strict.decode(text)
        except msgspec.ValidationError:
            return [self._one(number, record) for number, record in enumerate(self._loose.decode(text))]

    def _one(self, number: int, record: Any) -> Any:
        try:
            return self._convert(record)
        except _Unreadable as error:
            raise msgspec.ValidationError(f"{error} - at `$[{number}].{error.field}`") from None


class _Unreadable(ValueError):
    def __init__(self, field: str, wanted: str, value: Any) -> None:
        shown = msgspec.json.encode(value).decode()
        super().__init__(f"Expected {wanted}, got {shown if len(shown) < 40 else shown[:40] + '...'}")
        self.field = field


def whole(field: str, value: Any) -> int:
    """An integer that may be written as a float or as text. Raises ValueError for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and (found := _WHOLE.fullmatch(value)):
        return int(found[1])
    raise _Unreadable(field, "a whole number", value)


def box(value: Any) -> Box | None:
    """A box of four finite numbers in the file's format, possibly written as text; None for anything else."""
    try:
        numbers = [float(number) for number in value]
    except (TypeError, ValueError):
        return None
    return Box(*numbers) if len(numbers) == 4 and all(map(math.isfinite, numbers)) else None


def annotation(loose: LooseAnnotation) -> Annotation:
    """Convert an annotation. Its id, image id, and category id must be readable, and so must the crowd flag, if
    present.
    """
    return Annotation(
        segmentation=loose.segmentation,
        area=loose.area if isinstance(loose.area, int | float) else None,
        iscrowd=_flag(loose.iscrowd),
        image_id=whole("image_id", loose.image_id),
        bbox=box(loose.bbox),
        category_id=whole("category_id", loose.category_id),
        id=whole("id", loose.id),
    )


def image(loose: LooseRecord) -> Image:
    """Convert an image record. Its id and size must be readable, and so must the lists of category ids, if present."""
    return Image(
        id=whole("id", loose.id),
        width=whole("width", loose.width),
        height=whole("height", loose.height),
        file_name=_text(loose.file_name),
        license=number_of(loose.license),
        coco_url=_text(loose.coco_url),
        flickr_url=_text(loose.flickr_url),
        neg_category_ids=_wholes("neg_category_ids", loose.neg_category_ids),
        not_exhaustive_category_ids=_wholes("not_exhaustive_category_ids", loose.not_exhaustive_category_ids),
    )


def category(loose: LooseRecord) -> Category:
    """Convert a category. Its id and name must be readable."""
    if not isinstance(loose.name, str):
        raise _Unreadable("name", "a text", loose.name)
    synonyms = loose.synonyms if isinstance(loose.synonyms, list) else []
    return Category(
        id=whole("id", loose.id),
        name=loose.name,
        supercategory=_text(loose.supercategory),
        synset=_text(loose.synset),
        synonyms=[word for word in synonyms if isinstance(word, str)],
        frequency=_text(loose.frequency),
    )


def license_of(loose: LooseRecord) -> License:
    """Convert a license. A field that cannot be read becomes None."""
    return License(id=number_of(loose.id), url=_text(loose.url), name=_text(loose.name))


def number_of(value: Any) -> int | None:
    """The number of a license; None if it cannot be read."""
    try:
        return whole("license", value)
    except _Unreadable:
        return None


def _flag(value: Any) -> int | None:
    return value if value is None or isinstance(value, bool) else whole("iscrowd", value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _wholes(field: str, values: Any) -> list[int] | None:
    if values is None:
        return None
    if not isinstance(values, list):
        raise _Unreadable(field, "a list", values)
    return [whole(field, value) for value in values]
