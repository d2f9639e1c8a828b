"""One pass over an annotation file: its four lists into tables. COCO and LVIS differ in the rules they hand in."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cgc_data.errors import SourceError
from cgc_data.sources.columns import AnnotationColumns, category_table, image_table, license_table
from cgc_data.sources.records import Annotation, Category, Image, License
from cgc_data.sources.stream import JsonStream, ListDecoder
from cgc_data.sources.table import Tables


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


def parse(path: Path, form: Format) -> Tables:
    """Tables of an annotation file. Raises SourceError where it is not whole or not of the schema."""
    annotations = AnnotationColumns(path, form.crowd_unless_stated)
    lists: dict[str, list[Any]] = {name: [] for name in _DECODERS if name != "annotations"}
    with JsonStream(path) as stream:
        for batch in stream.batches(_DECODERS):
            if batch.section == "annotations":
                annotations.add(batch)
            else:
                lists[batch.section].extend(batch.items)
        _require(path, stream.sections)
    try:
        return _tables(path, form, annotations, lists)
    except (OverflowError, pa.ArrowInvalid) as error:
        raise SourceError(f"{path}: holds an integer that is too large ({error}); renumber its ids") from error


def _tables(path: Path, form: Format, annotations: AnnotationColumns, lists: dict[str, list[Any]]) -> Tables:
    lists["images"].sort(key=lambda image: image.id)
    images = image_table(path, lists["images"], form.file_names(path, lists["images"]))
    categories = category_table(path, lists["categories"])
    return Tables(
        images=images,
        categories=categories,
        annotations=annotations.table(_ids(images, "image_id"), _ids(categories, "category_id")),
        licenses=license_table(lists["licenses"]),
    )


def _require(path: Path, sections: list[str]) -> None:
    missing = [name for name in ("images", "annotations", "categories") if name not in sections]
    if missing:
        raise SourceError(f"{path}: has no {' and no '.join(missing)}; give a file in COCO or LVIS format")


def _ids(table: pa.Table, name: str) -> npt.NDArray[np.int64]:
    ids: npt.NDArray[np.int64] = table[name].to_numpy()
    return ids
