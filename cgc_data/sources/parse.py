"""One pass over an annotation file: its four lists into tables. COCO and LVIS differ in the rules they hand in."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pyarrow as pa

from cgc_data.common.errors import SourceError
from cgc_data.geometry import BoxFormat
from cgc_data.sources.columns import AnnotationColumns, category_columns, image_columns, license_columns, sorted_by_id
from cgc_data.sources.records import Annotation, Category, Image, License
from cgc_data.sources.stream import Batch, JsonStream, ListDecoder
from cgc_data.sources.table import CATEGORIES, IMAGES, LICENSES, Tables


class FileNames(Protocol):
    """Says which photos image records stand for; raises SourceError where they do not say."""

    def __call__(self, path: Path, images: list[Image]) -> list[str]: ...


@dataclass(frozen=True)
class Format:
    """What differs between the two formats."""

    file_names: FileNames
    crowd_unless_stated: int  # crowd flag of an annotation that has none


_DECODERS: dict[str, ListDecoder] = {
    "images": msgspec.json.Decoder(list[Image]),
    "annotations": msgspec.json.Decoder(list[Annotation]),
    "categories": msgspec.json.Decoder(list[Category]),
    "licenses": msgspec.json.Decoder(list[License]),
}


def parse(path: Path, form: Format, box_format: BoxFormat = "xywh") -> Tables:
    """Tables of an annotation file. Raises SourceError where it is not whole or not of the schema."""
    annotations = AnnotationColumns(path, form.crowd_unless_stated, box_format)
    parts: dict[str, list[pa.Table]] = {name: [] for name in _DECODERS}
    try:
        with JsonStream(path) as stream:
            for batch in stream.batches(_DECODERS):
                if batch.section == "annotations":
                    annotations.add(batch)
                else:
                    parts[batch.section].append(_columns(path, form, batch))
            _require(path, stream.sections)
        images = sorted_by_id(path, "image", parts["images"], IMAGES)
        categories = sorted_by_id(path, "category", parts["categories"], CATEGORIES)
        joined = annotations.table(images["image_id"].to_numpy(), categories["category_id"].to_numpy())
        licenses = pa.concat_tables([LICENSES.empty_table(), *parts["licenses"]]).combine_chunks()
    except (OverflowError, pa.ArrowInvalid) as error:
        raise SourceError(f"{path}: holds an integer that is too large ({error}); correct it") from error
    return Tables(images=images, categories=categories, annotations=joined, licenses=licenses)


def _columns(path: Path, form: Format, batch: Batch) -> pa.Table:
    items: list[Any] = batch.items
    if batch.section == "images":
        return image_columns(path, items, form.file_names(path, items))
    return category_columns(items) if batch.section == "categories" else license_columns(items)


def _require(path: Path, sections: list[str]) -> None:
    missing = [name for name in ("images", "annotations", "categories") if name not in sections]
    if missing:
        raise SourceError(f"{path}: has no {' and no '.join(missing)}; give a file in COCO or LVIS format")
