"""Readers: as pycocotools and lvis read, with the awkward cases of real files, and one line for each fault."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lvis import LVIS
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from cgc_data.common.errors import SegmentationError, SourceError
from cgc_data.sources import Kind, Segmentations, SourceTable, cache, read_source
from cgc_data.sources.faults import NO_BOX, NO_CATEGORY, NO_IMAGE, TWICE

SQUARE = [[1.0, 1.0, 5.0, 1.0, 5.0, 4.0, 1.0, 4.0]]


def image(id: int, **fields: Any) -> dict[str, Any]:
    return {"id": id, "file_name": f"{id}.jpg", "width": 20, "height": 10, **fields}


def annotation(id: int, image_id: int = 7, **fields: Any) -> dict[str, Any]:
    return {"id": id, "image_id": image_id, "category_id": 3, "bbox": [1, 2, 4.5, 3], "area": 9, "iscrowd": 0, **fields}


def document(**changes: Any) -> dict[str, Any]:
    content = {
        "info": "any",
        "images": [image(9), image(7)],
        "annotations": [annotation(2), annotation(1, 9)],
        "categories": [{"id": 90, "name": "toothbrush"}, {"id": 3, "name": "car", "supercategory": "vehicle"}],
    }
    return {key: value for key, value in {**content, **changes}.items() if value is not None}


def write(folder: Path, content: Any, **style: Any) -> Path:
    path = folder / "annotations.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content, **style), "utf-8")
    return path


def read(folder: Path, kind: Kind = "coco", **changes: Any) -> SourceTable:
    return read_source(kind, write(folder, document(**changes)))


def same_as_api(table: SourceTable, api: COCO | LVIS) -> None:
    """Counts, boxes, areas, crowd flags, names and masks of every annotation."""
    images, rows = table.images.to_pylist(), table.annotations.to_pylist()
    categories = table.categories.to_pylist()
    assert (len(images), len(rows), len(categories)) == (len(api.imgs), len(api.anns), len(api.cats))
    for row in images:
        assert (row["width"], row["height"]) == (
            api.imgs[row["image_id"]]["width"],
            api.imgs[row["image_id"]]["height"],
        )
    with Segmentations(table) as masks:
        for number, row in enumerate(rows):
            theirs = api.anns[row["annotation_id"]]
            photo, category = images[row["image_row"]], categories[row["category_row"]]
            assert (photo["image_id"], category["category_id"]) == (theirs["image_id"], theirs["category_id"])
            assert category["name"] == api.cats[theirs["category_id"]]["name"]
            box = [row["x1"], row["y1"], row["x2"] - row["x1"], row["y2"] - row["y1"]]
            np.testing.assert_allclose([*box, row["area"]], [*theirs["bbox"], theirs["area"]], atol=1e-9)
            rle = masks.rle(number, photo["height"], photo["width"])
            assert (rle is None) == (not theirs.get("segmentation"))
            if rle:
                their_rle = api.annToRLE(theirs) if isinstance(api, COCO) else api.ann_to_rle(theirs)
                np.testing.assert_array_equal(coco_mask.decode(rle), coco_mask.decode(their_rle))


@pytest.mark.parametrize("name", ["coco_sample/instances.json", "coco_val_boxes/instances.json"])
def test_real_coco_is_read_as_by_pycocotools(real_data: Path, name: str) -> None:
    table, api = read_source("coco", real_data / name), COCO(real_data / name)
    same_as_api(table, api)
    assert table.annotations["crowd"].to_pylist() == [api.anns[i]["iscrowd"] for i in table.annotations[0].to_pylist()]
    assert table.images["file_name"].to_pylist() == [api.imgs[i]["file_name"] for i in sorted(api.imgs)]
    assert table.licenses.num_rows == 8


def test_real_lvis_is_read_as_by_lvis(real_data: Path) -> None:
    path = real_data / "lvis_sample/lvis.json"
    table, api = read_source("lvis", path), LVIS(path)
    same_as_api(table, api)
    for row in table.images.to_pylist():
        theirs = api.imgs[row["image_id"]]
        assert theirs["coco_url"].endswith(row["file_name"])
        assert row["file_name"].startswith("val2017/")
        assert row["negative"] == theirs["neg_category_ids"]
        assert row["not_exhaustive"] == theirs["not_exhaustive_category_ids"]
    for row in table.categories.to_pylist():
        theirs = api.cats[row["category_id"]]
        assert [row[key] for key in ("synset", "synonyms", "frequency")] == [
            theirs[key] for key in ("synset", "synonyms", "frequency")
        ]


def test_rows_are_sorted_and_joined(tmp_path: Path) -> None:
    table = read(tmp_path, annotations=[annotation(5, 9), annotation(4, 7), annotation(3, 9, category_id=90)])
    assert table.images["image_id"].to_pylist() == [7, 9]
    assert table.categories["name"].to_pylist() == ["car", "toothbrush"]
    columns = ("annotation_id", "image_row", "category_row", "x1", "y1", "x2", "y2", "area", "crowd")
    assert list(zip(*(table.annotations[name].to_pylist() for name in columns), strict=True)) == [
        (4, 0, 0, 1.0, 2.0, 5.5, 5.0, 9.0, 0),
        (3, 1, 1, 1.0, 2.0, 5.5, 5.0, 9.0, 0),
        (5, 1, 0, 1.0, 2.0, 5.5, 5.0, 9.0, 0),
    ]
    assert table.key == f"coco-{table.sha256[:8]}"


@pytest.mark.parametrize("style", [{}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}])
@pytest.mark.parametrize("order", [("images", "annotations"), ("annotations", "images")])
def test_offsets_hold_in_any_style_and_order(tmp_path: Path, style: dict[str, Any], order: tuple[str, str]) -> None:
    content = document(
        info={"name": "zażółć 写真 \U0001f600"},
        annotations=[annotation(i, note="é", segmentation=SQUARE, bbox=[1, 2, 4.5, i]) for i in (1, 2)],
    )
    keys = ["info", *order, "categories"]
    table = read_source("coco", write(tmp_path, {key: content[key] for key in keys}, **style))
    with Segmentations(table) as masks:
        for row in range(2):
            rle = masks.rle(row, 10, 20)
            assert rle is not None
            assert coco_mask.area(rle) == coco_mask.area(coco_mask.frPyObjects(SQUARE, 10, 20))[0]


@pytest.mark.parametrize(
    ("fields", "column", "value"),
    [
        ({"iscrowd": 1}, "crowd", 1),
        ({"iscrowd": None}, "crowd", -1),
        ({"iscrowd": True}, "crowd", 1),
        ({"area": None}, "area", 13.5),
        ({"area": 0}, "area", 0.0),
        ({"bbox": [-5, 1, 400, 2]}, "x2", 395.0),
        ({"bbox": [3, 1, 0, 2]}, "x2", 3.0),
        ({"image_id": 2**40}, "image_row", 2),
        ({"keypoints": [{"x": 1}, {"x": 2}], "attributes": {"segmentation": [1]}}, "crowd", 0),
    ],
)
def test_awkward_annotations(tmp_path: Path, fields: dict[str, Any], column: str, value: float) -> None:
    table = read(tmp_path, images=[image(7), image(9), image(2**40)], annotations=[annotation(1, **fields)])
    assert table.annotations[column].to_pylist() == [value]


def test_a_missing_crowd_flag_is_unknown_in_coco_and_none_in_lvis(tmp_path: Path) -> None:
    bare = {key: value for key, value in annotation(1).items() if key != "iscrowd"}
    images = [image(7, neg_category_ids=[90], not_exhaustive_category_ids=[])]
    kinds: list[Kind] = ["coco", "lvis"]
    flags = [read(tmp_path, kind, images=images, annotations=[bare]).annotations["crowd"].to_pylist() for kind in kinds]
    assert flags == [[-1], [0]]


def test_lvis_photos_are_named_with_their_folder(tmp_path: Path) -> None:
    images = [
        {"id": 1, "width": 2, "height": 2, "neg_category_ids": [3], "coco_url": "http://x/train2017/000000000001.jpg"},
        {"id": 2, "width": 2, "height": 2, "neg_category_ids": [], "coco_url": "http://x/val2017/000000000002.jpg"},
        {"id": 3, "width": 2, "height": 2, "neg_category_ids": [], "file_name": "own.jpg"},
    ]
    table = read(tmp_path, "lvis", images=images, annotations=[])
    assert table.images["file_name"].to_pylist() == [
        "train2017/000000000001.jpg",
        "val2017/000000000002.jpg",
        "own.jpg",
    ]
    assert table.images["negative"].to_pylist() == [[3], [], []]


def test_empty_lists_are_empty_tables(tmp_path: Path) -> None:
    table = read(tmp_path, images=[], annotations=[], categories=[])
    assert (table.images.num_rows, table.categories.num_rows, table.annotations.num_rows) == (0, 0, 0)


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("coco", [{"question": "where?"}], "not a JSON object"),
        ("coco", "not JSON", "not a JSON object"),
        ("coco", {"info": 1}, "no images and no annotations and no categories"),
        ("coco", document(categories=None), "has no categories"),
        ("coco", document(images={"1": image(1)}), "images is not a list"),
        ("coco", document(images=[image(7), image(7)]), "image id 7 occurs more than once"),
        ("coco", document(annotations=[annotation(5), annotation(5)]), "annotation id 5 occurs more than once"),
        ("coco", document(categories=[{"id": 3, "name": "a"}, {"id": 3, "name": "b"}]), "category id 3 occurs more"),
        (
            "coco",
            document(annotations=[annotation(1, 1000)]),
            r"1 of 1 annotations \(the first is annotation 1\) refer to images .* image 1000;",
        ),
        (
            "coco",
            document(annotations=[annotation(1, category_id=4)]),
            r"the first is annotation 1\) refer to categories .* such as 4;",
        ),
        ("coco", document(images=[], annotations=[annotation(1)]), "annotation 1. refer to images .* image 7;"),
        ("coco", document(images=[image(7, width=0)]), "image 7 is 0 x 10 pixels"),
        (
            "coco",
            document(images=[image(7, file_name=None)]),
            "image 7 has no file_name; an LVIS file is given as --lvis",
        ),
        ("coco", document(images=[image(2**63)]), "too large"),
        ("coco", document(annotations=[annotation(1, bbox=[float("nan"), 0, 1, 1])]), "NaN in annotations"),
        ("coco", document(annotations=[annotation(1, bbox=[0, 0, float("inf"), 1])]), "Infinity in annotations"),
        (
            "coco",
            document(annotations=[annotation(1, bbox=[1, 2])]),
            "1 of 1 annotations .* have a box that is not four numbers",
        ),
        (
            "coco",
            document(annotations=[annotation(1, bbox=None)]),
            "1 of 1 annotations .* have a box that is not four numbers",
        ),
        ("coco", document(annotations=[annotation(1, bbox=[9, 9, -1, 2])]), "whose width or height is negative"),
        ("coco", document(annotations=[annotation(1, iscrowd="x")]), r"got \"x\" - at annotations\[0\]\.iscrowd"),
        ("coco", document(annotations=[annotation("x")]), r"whole number, got \"x\" - at annotations\[0\]\.id"),  # type: ignore[arg-type]
        ("coco", document(images=[image(7), image(7.5)]), r"whole number, got 7\.5 - at images\[1\]\.id"),  # type: ignore[arg-type]
        ("coco", document(images=[image(7, width=None)]), r"whole number, got null - at images\[0\]\.width"),
        ("coco", document(categories=[{"id": 3, "name": 5}]), r"a text, got 5 - at categories\[0\]\.name"),
        (
            "coco",
            document(annotations=[*map(annotation, range(1, 98)), annotation(98, 1), annotation(99, 2)]),
            "2 of 99",
        ),
        ("coco", json.dumps(document())[:-40], "download it again"),
        ("coco", json.dumps(document(annotations=[annotation(i) for i in range(99)]))[:900], "download it again"),
        ("lvis", document(), "a COCO file is given as --coco"),
        ("lvis", document(images=[{"id": 1, "width": 1, "height": 1, "neg_category_ids": []}]), "image 1 has neither"),
    ],
)
def test_a_fault_is_one_line_with_file_and_mend(tmp_path: Path, kind: Kind, content: Any, message: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(SourceError, match=message) as caught:
        read_source(kind, path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def loosened(content: dict[str, Any], *keys: str, to: Callable[[Any], Any]) -> dict[str, Any]:
    """The document with these fields of all its records in another type."""
    lists = {name: records for name, records in content.items() if isinstance(records, list)}
    changed = {
        name: [{key: to(value) if key in keys else value for key, value in record.items()} for record in records]
        for name, records in lists.items()
    }
    return {**content, **changed}


IDS = ("id", "image_id", "category_id")
LOOSE: dict[str, dict[str, Any]] = {
    "ids as text": loosened(document(), *IDS, to=str),
    "ids as text in annotations": document(annotations=loosened(document(), *IDS, to=str)["annotations"]),
    "ids with zeros before": loosened(document(), *IDS, to=lambda value: f"{value:012d}"),
    "ids as floats": loosened(document(), *IDS, to=float),
    "ids as floats in text": loosened(document(), *IDS, to=lambda value: f"{value}.0"),
    "sizes as floats": loosened(document(), "width", "height", to=float),
    "sizes as text": loosened(document(), "width", "height", to=str),
    "boxes as text": loosened(document(), "bbox", to=lambda box: [str(value) for value in box]),
    "flags as text": loosened(document(), "iscrowd", to=str),
    "unused fields of other types": document(
        images=[{**record, "coco_url": 5, "flickr_url": [], "date_captured": {}} for record in document()["images"]],
        categories=[{**record, "supercategory": 7, "synonyms": "x"} for record in document()["categories"]],
        licenses=[{"id": [], "name": 5, "url": None}],
    ),
    "null licenses": document(
        images=[{**record, "license": None, "coco_url": None} for record in document()["images"]]
    ),
    "categories listed twice": document(categories=document()["categories"] * 2),
    "a root that nothing is": document(
        categories=[{"id": 0, "name": "vehicle", "supercategory": "none"}, *document()["categories"]]
    ),
    "a root with the name of a category": document(
        categories=[{"id": 0, "name": "car", "supercategory": "none"}, *document()["categories"]]
    ),
}


@pytest.mark.parametrize("case", LOOSE)
def test_what_is_right_in_another_type_is_read_the_same(tmp_path: Path, case: str) -> None:
    plain, loose = read(tmp_path), read_source("coco", write(tmp_path, LOOSE[case]))
    assert loose.images.drop_columns("coco_url").equals(plain.images.drop_columns("coco_url"))
    used = ["category_id", "name"]
    assert loose.categories.select(used).equals(plain.categories.select(used))
    moved = ["segmentation_offset"]
    assert loose.annotations.drop_columns(moved).equals(plain.annotations.drop_columns(moved))
    assert loose.unusable.num_rows == 0


def test_areas_of_another_type_are_those_of_the_boxes(tmp_path: Path) -> None:
    table = read(tmp_path, annotations=[annotation(1, area=[9])])
    assert table.annotations["area"].to_pylist() == [13.5]


FAULTY: dict[str, tuple[dict[str, Any], str, bool]] = {
    "of no photo": (annotation(100, 8), NO_IMAGE, False),
    "of no category": (annotation(100, category_id=4), NO_CATEGORY, False),
    "empty box": (annotation(100, bbox=[]), NO_BOX, True),
    "no box": (annotation(100, bbox=None), NO_BOX, True),
    "box of text": (annotation(100, bbox="x"), NO_BOX, True),
    "negative box": (annotation(100, bbox=[5, 5, -4, 2]), NO_BOX, True),
    "written twice": (annotation(100, bbox=[1, 2, 4.5, 50]), TWICE, False),
}


@pytest.mark.parametrize("case", FAULTY)
def test_one_faulty_annotation_among_many_is_listed(tmp_path: Path, case: str) -> None:
    """One without a box stays, so that its category does not count as absent from the photo."""
    record, reason, stays = FAULTY[case]
    others = [annotation(number, bbox=[1, 2, 4.5, number]) for number in range(1, 100)]
    table = read(tmp_path, annotations=[*others, record])
    assert table.unusable.to_pylist() == [{"annotation_id": 100, "image_id": record["image_id"], "reason": reason}]
    assert (100 in table.annotations["annotation_id"].to_pylist()) == stays


def test_objects_with_one_box_but_other_masks_are_two(tmp_path: Path) -> None:
    other = [[1, 1, 5, 1, 5, 3, 1, 3]]
    table = read(tmp_path, annotations=[annotation(1, segmentation=SQUARE), annotation(2, segmentation=other)])
    assert table.annotations.num_rows == 2


@pytest.mark.parametrize("name", ["MIG_data.json", "revised_MIG_bench.json"])
def test_a_benchmark_of_another_schema_is_refused(real_data: Path, name: str) -> None:
    with pytest.raises(SourceError, match="COCO or LVIS format"):
        read_source("coco", real_data / "mig_bench" / name)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.json: no such file; give"):
        read_source("coco", tmp_path / "none.json")


@pytest.mark.parametrize(
    ("segmentation", "pixels"),
    [
        (None, None),
        ([], None),
        ([[]], None),
        ([[1, 1, 5, 5]], None),
        (SQUARE, 12),
        ([*SQUARE, [10, 2, 14, 2, 14, 6, 10, 6]], 28),
        ([[-50, -50, 500, -50, 500, 500, -50, 500]], 200),
        ({"size": [10, 20], "counts": [0, 15, 185]}, 15),
        ({"size": [10, 20], "counts": [10, 5, 0, 5, 180]}, 10),
        ({"size": [10, 20], "counts": [200]}, 0),
        (coco_mask.encode(np.asfortranarray(np.eye(10, 20, dtype=np.uint8))), 10),
    ],
)
def test_forms_of_segmentation(tmp_path: Path, segmentation: Any, pixels: int | None) -> None:
    if isinstance(segmentation, dict) and isinstance(segmentation["counts"], bytes):
        segmentation = {**segmentation, "counts": segmentation["counts"].decode()}
    table = read(
        tmp_path,
        annotations=[annotation(1), annotation(2, segmentation=segmentation, area=1, iscrowd=1), annotation(3, 9)],
    )
    with Segmentations(table) as masks:
        rles = [masks.rle(row, 10, 20) for row in range(3)]
    assert rles[0] is None
    assert rles[2] is None
    assert (rles[1] and coco_mask.area(rles[1])) == pixels


@pytest.mark.parametrize(
    "segmentation",
    [
        "polygon",
        [1, 2, 3],
        [[1, 1, 5, 1, 5, 4, 1]],
        [[1, 1, 1e9, 1, 5, 4]],
        {"size": [10, 20], "counts": [100]},
        {"size": [20, 10], "counts": [200]},
        {"size": [10, 20], "counts": [300, -100]},
        {"size": [10, 20], "counts": "`"},
        {"size": [10, 20], "counts": "é"},
        {"size": [10, 20]},
    ],
)
def test_a_broken_segmentation_names_its_annotation(tmp_path: Path, segmentation: Any) -> None:
    table = read(tmp_path, annotations=[annotation(12, segmentation=segmentation)])
    with Segmentations(table) as masks, pytest.raises(SegmentationError, match=r"annotation 12: .*; correct it"):
        masks.rle(0, 10, 20)


def test_masks_of_another_file_are_refused(tmp_path: Path) -> None:
    table = read(tmp_path)
    table.path.write_text("{}")
    with pytest.raises(SourceError, match="changed since"):
        Segmentations(table)
    table.path.unlink()
    with pytest.raises(SourceError, match="put the annotation file back"):
        Segmentations(table)


def test_the_cache_gives_the_same_tables_without_parsing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, folder = write(tmp_path, document()), tmp_path / "cache"
    fresh = read_source("coco", path, folder)
    assert len(list(folder.iterdir())) == 1
    monkeypatch.setattr("cgc_data.sources.read.parse", None)
    assert read_source("coco", path, folder) == fresh


def test_another_content_has_a_cache_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    before = read_source("coco", write(tmp_path, document()), folder)
    after = read_source("coco", write(tmp_path, document(images=[image(7), image(9), image(11)])), folder)
    assert (before.images.num_rows, after.images.num_rows) == (2, 3)
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "garbage"])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, damage: str) -> None:
    path, folder = write(tmp_path, document()), tmp_path / "cache"
    fresh = read_source("coco", path, folder)
    (kept,) = folder.iterdir()
    whole = kept.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    kept.unlink()
    kept.write_bytes({"empty": b"", "cut": whole[:-9], "flipped": bytes(flipped), "garbage": b"x" * 99}[damage])
    assert read_source("coco", path, folder) == fresh
    assert kept.read_bytes() == whole


def test_a_cache_of_another_reader_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, folder = write(tmp_path, document()), tmp_path / "cache"
    read_source("coco", path, folder)
    monkeypatch.setattr(cache, "READER_VERSION", cache.READER_VERSION + 1)
    read_source("coco", path, folder)
    assert len(list(folder.iterdir())) == 2


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert read_source("coco", write(tmp_path, document()), tmp_path / "file").images.num_rows == 2
