"""Annotation files as tools and people write them: each builds, and validation derives every row of it again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from cgc_data.builder.release import build_release
from cgc_data.config import BuildConfig, Source
from cgc_data.release.read import open_release
from cgc_data.validate import validate

Document = dict[str, Any]
OWN_NAMES = {
    **{"person": "Person", "dog": " dog", "cat": "cat ", "car": "CAR", "cup": "cup/mug", "boat": "奶牛"},
    **{"bench": '"bench"', "kite": "KITE_01", "bicycle": "class_3", "clock": "1", "bird": "WBC", "book": "Book_2"},
}


def texts_for_numbers(document: Document) -> None:
    for image in document["images"]:
        image.update(id=str(image["id"]), width=float(image["width"]), height=float(image["height"]))
    for annotation in document["annotations"]:
        annotation.update(image_id=str(annotation["image_id"]), category_id=float(annotation["category_id"]))


def unused_fields_of_any_type(document: Document) -> None:
    for image in document["images"]:
        image.update(license=None, flickr_url=7, date_captured=["today"])
    for annotation in document["annotations"]:
        annotation.update(area=[annotation["area"]], attributes={"occluded": None})
    document["info"], document["licenses"] = None, None


def roots_and_repeats(document: Document) -> None:
    root = {"id": 0, "name": "objects", "supercategory": "none"}
    document["categories"] = [root, *({**c, "supercategory": "objects"} for c in document["categories"])]
    document["categories"].append(dict(document["categories"][1]))
    document["annotations"] += [{**document["annotations"][0], "id": 10**9}]


def single_faults(document: Document) -> None:
    first, second, *_ = document["annotations"]
    document["annotations"].append({**first, "id": 10**9, "image_id": 10**9})
    document["annotations"].append({**second, "id": 10**9 + 1, "bbox": []})


def polygons_that_hold_nothing(document: Document) -> None:
    for place, annotation in enumerate(document["annotations"]):
        polygons = annotation.get("segmentation")
        if isinstance(polygons, list):
            annotation["segmentation"] = ([[]], [*polygons, [1.0, 1.0]], [[10, 10, 20, 20], *polygons])[place % 3]


def own_names(document: Document) -> None:
    for category in document["categories"]:
        category["name"] = OWN_NAMES.get(category["name"], category["name"])


def windows_paths(document: Document) -> None:
    for image in document["images"]:
        image["file_name"] = f"C:\\data\\{image['file_name'].replace('/', chr(92))}"
        del image["coco_url"]


def encoded_urls(document: Document) -> None:
    for image in document["images"]:
        image["file_name"] = f"/data/local-files/?d={quote(image['file_name'], safe='')}"
        del image["coco_url"]


CASES = (
    texts_for_numbers,
    unused_fields_of_any_type,
    roots_and_repeats,
    single_faults,
    polygons_that_hold_nothing,
    own_names,
    windows_paths,
    encoded_urls,
)


@pytest.mark.slow
@pytest.mark.parametrize("change", CASES, ids=lambda change: change.__name__)
def test_it_builds_and_is_valid(painted: list[Source], tmp_path: Path, change: Callable[[Document], None]) -> None:
    document = json.loads(Path(painted[0].annotations).read_text(encoding="utf-8"))
    change(document)
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8-sig")
    source = painted[0].model_copy(update={"annotations": str(file), "exhaustive": True})
    build_release(BuildConfig(sources=[source], samples=40, confusable="labeled"), tmp_path / "out")
    rows = list(open_release(tmp_path / "out").rows(images=False))
    assert len(rows) >= 40
    assert validate(tmp_path / "out").failed() == []


def test_every_name_of_a_category_is_asked_for_as_the_file_writes_it(painted: list[Source], tmp_path: Path) -> None:
    document = json.loads(Path(painted[0].annotations).read_text(encoding="utf-8"))
    own_names(document)
    (tmp_path / "mine.json").write_text(json.dumps(document), encoding="utf-8")
    source = painted[0].model_copy(update={"annotations": str(tmp_path / "mine.json"), "exhaustive": True})
    build_release(BuildConfig(sources=[source], samples=200, confusable="labeled"), tmp_path / "out")
    asked = {label for row in open_release(tmp_path / "out").rows(images=False) for label in row["query"]["labels"]}
    assert {"person", "dog", "cat", "KITE 01", "WBC", "book 2"} <= asked
    assert not asked & {" dog", "cat ", "KITE_01", "Book_2"}
