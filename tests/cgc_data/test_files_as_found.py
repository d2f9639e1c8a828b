"""Annotation files and photos as tools and people leave them: read like the plain file, or refused by the reason."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cgc_data.common.errors import SourceError
from cgc_data.config import Source
from cgc_data.index.build import Index
from tests.cgc_data.drawn import SYNSETS, Thing, coco, index_of, lvis, state

Document = dict[str, Any]
Spoil = Callable[[Document, Path], object]
PHOTOS = {
    "a.jpg": [Thing("dog"), Thing("cup", (180, 60, 60, 90))],
    "b.jpg": [Thing("dog", (20, 30, 120, 90))],
    "c.jpg": [Thing("zebra")],
}
LVIS_PHOTOS = {f"{number:012d}.jpg": things for number, things in enumerate(PHOTOS.values(), 1)}


def spoiled(source: Source, spoil: Spoil) -> Source:
    """The source with its annotations, or the photos in its folder, changed."""
    document = json.loads(Path(source.annotations).read_text())
    spoil(document, Path(source.images))
    Path(source.annotations).write_text(json.dumps(document))
    return source


def of_all(section: str, change: Callable[[Document], object]) -> Spoil:
    """A change of every record of a section."""
    return lambda document, _: [change(record) for record in document[section]]


def without(section: str, *keys: str) -> Spoil:
    return of_all(section, lambda record: [record.pop(key, None) for key in keys])


def seen(index: Index) -> set[tuple[str, str, tuple[float, ...]]]:
    """Photo, concept, and box of every object."""
    objects = zip(index.instances.photo, index.instances.concept, index.instances.box.tolist(), strict=True)
    return {(Path(index.photos[p].file_name).stem, index.concepts[c], tuple(box)) for p, c, box in objects}


def more_categories(*names: str) -> Spoil:
    """Categories that no annotation has, before the others."""
    more = [{"id": 900 + number, "name": name, "supercategory": "none"} for number, name in enumerate(names)]
    return lambda document, _: document["categories"].__setitem__(slice(0, 0), more)


def whole_paths(document: Document, folder: Path) -> None:
    for image in document["images"]:
        image["file_name"] = str(folder / image["file_name"])


def saved_as(form: str, mode: str, suffix: str) -> Spoil:
    """The photos encoded again, under names with this ending."""

    def spoil(document: Document, folder: Path) -> None:
        for image in document["images"]:
            path = folder / image["file_name"]
            buffer = io.BytesIO()
            Image.open(path).convert(mode).save(buffer, form)
            path.unlink()
            path.with_suffix(suffix).write_bytes(buffer.getvalue())
            image["file_name"] = Path(image["file_name"]).with_suffix(suffix).name

    return spoil


def boxes_for_polygons(annotation: Document) -> None:
    annotation["segmentation"] = [annotation["bbox"]]


READ: dict[str, Spoil] = {
    "a background that nothing is": more_categories("_background_"),
    "superclasses that nothing is": more_categories("animal", "vehicle"),
    "whole paths of the photos": whole_paths,
    "neither areas nor crowd flags": without("annotations", "area", "iscrowd"),
    "four numbers for polygons": of_all("annotations", boxes_for_polygons),
    "PNG named JPEG": saved_as("PNG", "RGB", ".jpg"),
    "PNG with alpha": saved_as("PNG", "RGBA", ".png"),
    "WebP": saved_as("WEBP", "RGB", ".webp"),
    "TIFF": saved_as("TIFF", "RGB", ".tif"),
}


@pytest.mark.parametrize("case", READ)
def test_it_is_read_like_the_plain_file(tmp_path: Path, case: str) -> None:
    settings: dict[str, Any] = {"categories": ["dog", "cup", "zebra"], "exhaustive": True}
    plain = index_of(coco(tmp_path / "plain", PHOTOS, **settings), cache=tmp_path)
    index = index_of(spoiled(coco(tmp_path / "other", PHOTOS, **settings), READ[case]), cache=tmp_path)
    assert seen(index) == seen(plain)
    assert len(seen(index)) == 4
    for name in PHOTOS:
        shown = next(Path(p.file_name).name for p in index.photos if Path(p.file_name).stem == Path(name).stem)
        for concept in ("dog.n.01", "cup.n.01", "zebra.n.01"):
            assert state(index, shown, concept) == state(plain, name, concept)


def addresses_of_2014(image: Document) -> None:
    name = image["coco_url"].rpartition("/")[2]
    image["coco_url"] = f"http://images.cocodataset.org/val2014/COCO_val2014_{name}"


def names_of_2014(image: Document) -> None:
    """As LVIS v0.5 has them."""
    image["file_name"] = f"COCO_val2014_{image.pop('coco_url').rpartition('/')[2]}"


READ_LVIS: dict[str, Spoil] = {
    "addresses of 2014": of_all("images", addresses_of_2014),
    "names of 2014": of_all("images", names_of_2014),
    "no synsets": without("categories", "synset", "synonyms", "def"),
    "a negative of no category": lambda document, _: document["images"][0]["neg_category_ids"].append(99999),
}


@pytest.mark.parametrize("case", READ_LVIS)
def test_lvis_is_read_like_the_plain_file(tmp_path: Path, case: str) -> None:
    kinds = {name: SYNSETS[name] for name in ("dog", "cup", "zebra")}
    negative = {"000000000003.jpg": ["dog"]}
    sources = [lvis(tmp_path / part, LVIS_PHOTOS, negative=negative, categories=kinds) for part in ("plain", "other")]
    plain = index_of(sources[0], cache=tmp_path)
    index = index_of(spoiled(sources[1], READ_LVIS[case]), cache=tmp_path)
    assert seen(index) == seen(plain)
    assert len(seen(index)) == 4
    for name in LVIS_PHOTOS:
        for concept in kinds.values():
            assert state(index, name, concept) == state(plain, name, concept)


def test_lvis_photos_without_lists_warrant_nothing(tmp_path: Path) -> None:
    negative = {name: ["puppy"] for name in LVIS_PHOTOS}
    source = lvis(tmp_path, LVIS_PHOTOS, negative=negative)
    lists = ("neg_category_ids", "not_exhaustive_category_ids")
    index = index_of(
        spoiled(source, lambda document, _: [image.pop(key) for image in document["images"][1:] for key in lists]),
        cache=tmp_path,
    )
    assert [state(index, name, "puppy.n.01") for name in LVIS_PHOTOS] == ["absent", "unknown", "unknown"]
    assert state(index, "000000000001.jpg", "dog.n.01") == "present_all"
    assert state(index, "000000000002.jpg", "dog.n.01") == "present_some"


def as_captions(document: Document, _: Path) -> None:
    del document["categories"]
    for annotation in document["annotations"]:
        number, image_id = annotation["id"], annotation["image_id"]
        annotation.clear()
        annotation.update(id=number, image_id=image_id, caption="a dog")


def far_ids(document: Document, _: Path) -> None:
    for image in document["images"]:
        image["id"] += 2**63
    for annotation in document["annotations"]:
        annotation["image_id"] += 2**63


def no_area(annotation: Document) -> None:
    annotation["area"] = float("nan")


def without_ending(image: Document) -> None:
    image["file_name"] = Path(image["file_name"]).stem


def not_unicode(image: Document) -> None:
    image["file_name"] = "\ud800.jpg"


REFUSED: dict[str, tuple[Spoil, str]] = {
    "annotations without ids": (without("annotations", "id"), r"required field `id` - at annotations\[0\]"),
    "captions": (as_captions, r"required field `category_id` - at annotations\[0\]"),
    "categories without names": (without("categories", "name"), r"a text, got null - at categories\[0\]\.name"),
    "photos without sizes": (without("images", "width", "height"), r"got null - at images\[0\]\.width"),
    "areas that are no number": (of_all("annotations", no_area), "NaN in annotations"),
    "ids beyond all numbers": (far_ids, "an integer that is too large"),
    "names without an ending": (of_all("images", without_ending), "holds none of the 3 photos .* such as a;"),
    "names that are not Unicode": (of_all("images", not_unicode), "not JSON in images, .* surrogate pair"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_by_the_reason(tmp_path: Path, case: str) -> None:
    spoil, message = REFUSED[case]
    source = coco(tmp_path, PHOTOS, categories=["dog", "cup", "zebra"], exhaustive=True)
    with pytest.raises(SourceError, match=message) as caught:
        index_of(spoiled(source, spoil), cache=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_line_for_every_annotation_is_no_annotation_file(tmp_path: Path) -> None:
    source = coco(tmp_path, PHOTOS)
    annotations = json.loads(Path(source.annotations).read_text())["annotations"]
    Path(source.annotations).write_text("\n".join(map(json.dumps, annotations)))
    with pytest.raises(SourceError, match=r"truncated or not JSON .*unexpected content after the end of the object"):
        index_of(source, cache=tmp_path)
