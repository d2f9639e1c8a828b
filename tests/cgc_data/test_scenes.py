"""The painter: exact masks, true facts, the awkward cases, and the same bytes for the same seed."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from lvis import LVIS
from PIL import Image
from pycocotools import mask as rle_tools
from pycocotools.coco import COCO

from cgc_data.cli.paint import paint as paint_command
from cgc_data.common.errors import ConfigError
from cgc_data.painter import PaintedSource, paint
from cgc_data.painter.annotations import coco_categories, lvis_categories
from cgc_data.painter.awkward import encode
from cgc_data.painter.casting import Settings
from cgc_data.painter.composer import compose
from cgc_data.painter.kinds import KINDS, Look, sketch
from cgc_data.painter.outlines import polygons_of, trace
from cgc_data.painter.places import PLACES, PLAIN

PHOTOS = 52  # one period of the awkward cases


def _generator(*seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(list(seed)))


@pytest.fixture(scope="module")
def standard(tmp_path_factory: pytest.TempPathFactory) -> list[PaintedSource]:
    return paint("standard", tmp_path_factory.mktemp("standard"), photos=PHOTOS)


@pytest.fixture(scope="module")
def train(standard: list[PaintedSource]) -> dict[str, Any]:
    return json.loads(standard[0].annotations.read_bytes())


@pytest.fixture(scope="module")
def federated(standard: list[PaintedSource]) -> dict[str, Any]:
    return json.loads(standard[2].annotations.read_bytes())


def _bytes_of(source: PaintedSource, image: dict[str, Any]) -> bytes:
    return (source.images / "/".join(image["coco_url"].split("/")[-2:])).read_bytes()


@pytest.mark.parametrize("name", list(KINDS))
def test_every_kind_has_several_looks_that_differ(name: str) -> None:
    kind = KINDS[name]
    looks = [Look(v, p) for v in range(len(kind.looks)) for p in range(len(kind.palettes))]
    pictures = {sketch(kind, look, 90).pixels.tobytes() for look in looks}
    assert len(pictures) >= 3
    for look in looks:
        layer = sketch(kind, look, 90)
        assert layer.mask.any()
        assert layer.pixels.shape[:2] == layer.alpha.shape
        assert not layer.pixels[layer.alpha == 0].any()


def test_a_turned_drawing_is_not_cut_off() -> None:
    for kind in KINDS.values():
        upright = np.count_nonzero(sketch(kind, Look(0, 0), 120).mask)
        for turn in (45.0, 90.0, 200.0):
            assert np.count_nonzero(sketch(kind, Look(0, 0, turn=turn), 120).mask) == pytest.approx(upright, rel=0.03)


@pytest.mark.parametrize("place", [*PLACES, *PLAIN], ids=lambda place: place.name)
def test_polygons_rasterise_to_the_mask(place: Any) -> None:
    scene = compose(place, (480, 400), Settings(crowd=1, tiny=0), _generator(5))
    assert scene.pixels.shape == (400, 480, 3)
    for instance in scene.instances:
        outline = trace(instance)
        assert np.array_equal(rle_tools.decode(outline.rle) > 0, instance.mask)
        drawn = rle_tools.decode(rle_tools.merge(rle_tools.frPyObjects(outline.polygons, *outline.size))) > 0
        assert np.count_nonzero(drawn ^ instance.mask) <= max(4, 0.03 * np.count_nonzero(instance.mask))


def test_a_mask_with_holes_becomes_polygons_without() -> None:
    mask = np.zeros((60, 80), bool)
    mask[10:50, 5:70] = True
    mask[20:40, 15:30] = mask[15:45, 40:60] = False
    drawn = rle_tools.decode(rle_tools.merge(rle_tools.frPyObjects(polygons_of(mask), 60, 80))) > 0
    assert np.array_equal(drawn, mask)


def test_what_stands_in_front_hides_what_is_behind() -> None:
    for seed in range(8):
        scene = compose(PLACES[0], (320, 240), Settings(overlap=0.6), _generator(seed))
        covered = np.sum([instance.mask for instance in scene.instances], axis=0)
        assert covered.max() == 1


def test_everything_drawn_is_annotated() -> None:
    """Nothing but annotated pixels, shadows and soft edges may differ from the empty place."""
    full = compose(PLACES[2], (400, 300), Settings(shadow=False), _generator(3))
    empty = compose(PLACES[2], (400, 300), Settings(shadow=False), _generator(3), empty=True)
    changed = (full.pixels != empty.pixels).any(axis=2)
    masks = np.any([instance.mask for instance in full.instances], axis=0)
    grown = cv2.dilate(masks.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert not (changed & ~grown).any()


def test_boxes_and_areas_are_those_of_the_masks(standard: list[PaintedSource]) -> None:
    coco = COCO(str(standard[1].annotations))
    assert len(coco.anns) > 50
    for annotation in coco.anns.values():
        rle = coco.annToRLE(annotation)
        assert annotation["area"] == rle_tools.area(rle)
        assert annotation["bbox"] == pytest.approx(rle_tools.toBbox(rle), abs=1)


def test_photos_have_the_stated_size_in_the_stored_frame(standard: list[PaintedSource]) -> None:
    for source in standard:
        for image in json.loads(source.annotations.read_bytes())["images"]:
            with Image.open(source.images / image["coco_url"].split("/", 3)[-1]) as photo:
                assert photo.size == (image["width"], image["height"])


def test_scenes_are_rich(train: dict[str, Any]) -> None:
    by_image = {image["id"]: Counter[int]() for image in train["images"]}
    for annotation in train["annotations"]:
        by_image[annotation["image_id"]][annotation["category_id"]] += 1
    shown = [kinds for kinds in by_image.values() if kinds]
    assert all(2 <= kinds.total() <= 14 for kinds in shown)
    assert np.mean([len(kinds) for kinds in shown]) > 3
    assert sum(any(n >= 2 for n in kinds.values()) for kinds in shown) > 0.6 * len(shown)
    assert sum(any(n == 1 for n in kinds.values()) for kinds in shown) > 0.6 * len(shown)
    assert len({c for kinds in shown for c in kinds}) >= 30


def test_the_awkward_cases_are_there(standard: list[PaintedSource], train: dict[str, Any]) -> None:
    annotations, images = train["annotations"], {image["id"]: image for image in train["images"]}
    used = {annotation["image_id"] for annotation in annotations}
    shapes = Counter(type(a.get("segmentation")).__name__ for a in annotations)
    assert shapes["list"] > shapes["dict"] > 0
    assert shapes["NoneType"] > 0
    assert any(a.get("iscrowd") == 1 and isinstance(a["segmentation"]["counts"], list) for a in annotations)
    assert any(a.get("iscrowd") == 0 and isinstance(a.get("segmentation"), dict) for a in annotations)
    assert any(len(a["segmentation"]) > 1 for a in annotations if isinstance(a.get("segmentation"), list))
    assert any("iscrowd" not in a for a in annotations)
    assert any(a["area"] == 0 for a in annotations)
    assert any(a["bbox"][0] < 0 or a["bbox"][0] + a["bbox"][2] > images[a["image_id"]]["width"] for a in annotations)
    assert set(images) > used
    ids = sorted(images)
    assert ids != list(range(ids[0], ids[0] + len(ids)))
    photos = [Image.open(path) for path in sorted((standard[0].images / "train2017").glob("*.jpg"))]
    assert Counter(photo.mode for photo in photos).keys() == {"RGB", "L", "CMYK"}
    assert sum(photo.getexif().get(0x0112) == 6 for photo in photos) == 2


@pytest.mark.parametrize("case", ["", "cmyk", "rotated", "duplicate"])
def test_an_awkward_photo_decodes_to_the_scene(case: str) -> None:
    pixels = compose(PLACES[5], (200, 160), Settings(), _generator(1)).pixels
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    decoded = cv2.imdecode(np.frombuffer(encode(pixels, case), np.uint8), flags)[:, :, ::-1]
    assert np.abs(decoded.astype(int) - pixels).mean() < 8


def test_federated_facts_are_true(
    train: dict[str, Any], federated: dict[str, Any], standard: list[PaintedSource]
) -> None:
    """On the photos of both files, found by their bytes: LVIS agrees with COCO, which is exhaustive."""
    digest = {hashlib.sha256(_bytes_of(standard[0], image)).hexdigest(): image["id"] for image in train["images"]}
    kind_ids = {category["name"]: category["id"] for category in coco_categories()}
    kinds = {label: kind.name for kind in KINDS.values() for names in kind.looks for label in names}
    general = {names[0] for kind in KINDS.values() for names in kind.looks if names}
    names = {category["id"]: category["name"] for category in federated["categories"]}
    counts = Counter((a["image_id"], a["category_id"]) for a in train["annotations"] if a["area"] > 0)
    listed = Counter((a["image_id"], a["category_id"]) for a in federated["annotations"])
    crowds = {(a["image_id"], a["category_id"]) for a in train["annotations"] if a.get("iscrowd")}
    joined = 0
    for image in federated["images"]:
        assert "file_name" not in image
        assert not {c for i, c in listed if i == image["id"]} & set(image["neg_category_ids"])
        coco_id = digest.get(hashlib.sha256(_bytes_of(standard[2], image)).hexdigest())
        if coco_id is None:
            continue
        joined += 1
        for category in image["neg_category_ids"]:
            if names[category] in general:
                assert counts[coco_id, kind_ids[kinds[names[category]]]] == 0
        for (image_id, category), number in listed.items():
            if image_id != image["id"] or names[category] not in general:
                continue
            key = (coco_id, kind_ids[kinds[names[category]]])
            whole = category not in image["not_exhaustive_category_ids"]
            assert number == counts[key] if whole else number < counts[key]
            assert not (whole and key in crowds)
    assert joined == PHOTOS / 2
    assert len(federated["images"]) > joined
    assert {image["coco_url"].split("/")[-2] for image in federated["images"]} == {"train2017", "val2017"}


def test_the_references_read_the_files(standard: list[PaintedSource]) -> None:
    lvis = LVIS(str(standard[2].annotations))
    for annotation in list(lvis.anns.values())[::7]:
        assert rle_tools.area(lvis.ann_to_rle(annotation)) == annotation["area"]
    assert [source.split for source in standard] == ["auto", "test", "auto"]
    assert [source.exhaustive for source in standard] == [True, True, None]


def test_category_tables_cover_the_kinds() -> None:
    names = {category["name"] for category in coco_categories()}
    assert set(KINDS) < names
    labels = {label for kind in KINDS.values() for look in kind.looks for label in look}
    assert labels < {category["name"] for category in lvis_categories()}


def _digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_same_seed_same_bytes_and_more_photos_keep_the_first(tmp_path: Path) -> None:
    for name, seed, photos in (("a", 0, 6), ("b", 0, 6), ("more", 0, 9), ("other", 1, 6)):
        paint("standard", tmp_path / name, seed=seed, photos=photos)
    first, again, more, other = (_digest(tmp_path / name) for name in ("a", "b", "more", "other"))
    assert first == again
    photos = {path: digest for path, digest in first.items() if path.startswith("images/")}
    assert photos.items() <= more.items()
    assert not set(photos.values()) & set(other.values())


def test_easy_is_few_kinds_and_large_objects(tmp_path: Path) -> None:
    train, test = (json.loads(s.annotations.read_bytes()) for s in paint("easy", tmp_path, photos=40))
    assert len(train["categories"]) == 6
    assert {(image["width"], image["height"]) for image in train["images"]} == {(128, 128)}
    per_photo = Counter(a["image_id"] for a in train["annotations"])
    assert all(1 <= per_photo[image["id"]] <= 4 for image in train["images"])
    assert min(min(a["bbox"][2:]) for a in train["annotations"]) > 18
    assert len(test["images"]) == 12


@pytest.mark.parametrize(("preset", "photos"), [("lavish", 4), ("easy", 0)])
def test_what_cannot_be_painted_is_refused(preset: Any, photos: int, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        paint(preset, tmp_path, photos=photos)


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not an empty folder"):
        paint("easy", tmp_path, photos=2)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_command_names_the_sources(tmp_path: Path) -> None:
    result = CliRunner().invoke(paint_command, ["easy", "--to", str(tmp_path / "out"), "--photos", "3"])
    assert result.exit_code == 0, result.output
    assert "--coco" in result.output
    assert (tmp_path / "out" / "annotations" / "instances_test.json").is_file()


def test_single_is_one_kind_a_photo(tmp_path: Path) -> None:
    train, _ = (json.loads(s.annotations.read_bytes()) for s in paint("single", tmp_path, photos=40))
    kinds: dict[int, set[int]] = {}
    for annotation in train["annotations"]:
        kinds.setdefault(annotation["image_id"], set()).add(annotation["category_id"])
    assert len(kinds) == 40
    assert all(len(found) == 1 for found in kinds.values())
    assert len({next(iter(found)) for found in kinds.values()}) > 3, "all photos show the same"
