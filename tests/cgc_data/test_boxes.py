"""Boxes written in another form: refused by name if it shows, read if it is stated, and never a right file refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from cgc_data import open_release
from cgc_data.cli import cli
from cgc_data.common.errors import SourceError
from cgc_data.config import BuildConfig, Source
from cgc_data.geometry import BOX_FORMATS, BoxFormat, corners
from cgc_data.index.build import build_index
from cgc_data.sources import SourceTable, read_source
from cgc_data.sources.boxes import Leaving, check_boxes
from cgc_data.validate import validate

Document = dict[str, Any]

REAL_FILES = (
    "coco_sample/instances.json",
    "coco_val_boxes/instances.json",
    "lvis_sample/lvis.json",
    "lvis_sample/coco_boxes.json",
)
CORNERS = ("x1", "y1", "x2", "y2")
OTHERS: tuple[BoxFormat, ...] = ("xyxy", "cxcywh", "yxhw")


def rewritten(box: list[float], form: BoxFormat) -> list[float]:
    x, y, w, h = box
    forms = {"xyxy": [x, y, x + w, y + h], "cxcywh": [x + w / 2, y + h / 2, w, h], "yxhw": [y, x, h, w], "xywh": box}
    return forms[form.partition("_")[0]]


def spoiled(
    painted: list[Source], form: BoxFormat, *, masks: bool, every: int = 1, photos: int | None = None
) -> Document:
    """The painted training file with every n-th box in another form."""
    content: Document = json.loads(Path(painted[0].annotations).read_text())
    content["images"] = content["images"][:photos]
    kept = {image["id"] for image in content["images"]}
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] in kept and not a.get("iscrowd")]
    for number, annotation in enumerate(content["annotations"]):
        if number % every == 0:
            annotation["bbox"] = rewritten(annotation["bbox"], form)
        annotation["segmentation"] = annotation.get("segmentation", []) if masks else []
    return content


def in_form(table: SourceTable, form: BoxFormat) -> SourceTable:
    """The table that a file in this form gives if it is read as x, y, width, height."""
    x1, y1, x2, y2 = (table.annotations.column(name).to_numpy() for name in CORNERS)
    written = np.array([rewritten([x, y, u - x, v - y], form) for x, y, u, v in zip(x1, y1, x2, y2, strict=True)])
    read = corners(*written.T, "xywh")  # type: ignore[call-arg]
    annotations = table.annotations
    for name, values in zip(CORNERS, read, strict=True):
        annotations = annotations.set_column(annotations.column_names.index(name), name, pa.array(values))
    return replace(table, annotations=annotations)


def table_of(content: Document, folder: Path) -> SourceTable:
    (folder / "mine.json").write_text(json.dumps(content))
    return read_source("coco", folder / "mine.json")


@pytest.mark.parametrize("form", BOX_FORMATS)
def test_corners_of_every_form(form: BoxFormat) -> None:
    columns = [np.array([value], dtype=float) for value in rewritten([10, 20, 30, 40], form)]
    assert [float(value[0]) for value in corners(*columns, form)] == [10, 20, 40, 60]  # type: ignore[call-arg]


@pytest.mark.parametrize("masks", [False, True], ids=["boxes alone", "with masks"])
@pytest.mark.parametrize("photos", [None, 20], ids=["all photos", "20 photos"])
@pytest.mark.parametrize("form", ["xyxy", "cxcywh", "yxhw"])
def test_another_form_is_refused_by_its_name(
    painted: list[Source], tmp_path: Path, form: BoxFormat, photos: int | None, masks: bool
) -> None:
    table = table_of(spoiled(painted, form, masks=masks, photos=photos), tmp_path)
    with pytest.raises(SourceError, match=rf"mine\.json: .* boxes extend beyond .*; .* add `--bbox-format {form}` "):
        check_boxes(table, None)


@pytest.mark.parametrize("every", [5, 10])
@pytest.mark.parametrize("form", ["xyxy", "cxcywh", "yxhw"])
def test_a_part_in_another_form_is_refused_too(
    painted: list[Source], tmp_path: Path, form: BoxFormat, every: int
) -> None:
    with pytest.raises(SourceError, match=f"--bbox-format {form}`"):
        check_boxes(table_of(spoiled(painted, form, masks=False, every=every), tmp_path), None)


def test_a_tenth_of_boxes_of_resized_photos_is_refused_too(painted: list[Source], tmp_path: Path) -> None:
    content = spoiled(painted, "xywh", masks=False)
    for annotation in content["annotations"][::10]:
        annotation["bbox"] = [3 * value for value in annotation["bbox"]]
    with pytest.raises(SourceError, match="boxes extend beyond their photos"):
        check_boxes(table_of(content, tmp_path), None)


def test_boxes_of_resized_photos_are_told_by_their_size(painted: list[Source], tmp_path: Path) -> None:
    content = spoiled(painted, "xywh", masks=False)
    sides = {image["id"]: max(image["width"], image["height"]) for image in content["images"]}
    for annotation in content["annotations"]:
        annotation["bbox"] = [value * 1333 / sides[annotation["image_id"]] for value in annotation["bbox"]]
    with pytest.raises(SourceError, match=r"photos that were resized to 13[0-9]{2} pixels on the longer side"):
        check_boxes(table_of(content, tmp_path), None)


def test_a_few_boxes_beyond_the_border_are_counted(painted: list[Source], tmp_path: Path) -> None:
    content = spoiled(painted, "xywh", masks=False)
    for annotation in content["annotations"][:2]:
        annotation["bbox"][2] += 2000
    found = check_boxes(table_of(content, tmp_path), None)
    assert found == Leaving(2, len(content["annotations"]))


def test_masks_vouch_for_boxes_that_are_cut_at_the_border(painted: list[Source], tmp_path: Path) -> None:
    """Boxes with a mask are compared with it: some annotators also draw what is beyond the picture."""
    content = spoiled(painted, "xywh", masks=True)
    content["annotations"] = [a for a in content["annotations"] if a["segmentation"]]
    for annotation in content["annotations"][::3]:
        annotation["bbox"][0] -= 500
        annotation["bbox"][2] += 500
    assert check_boxes(table_of(content, tmp_path), None).boxes > 10
    for annotation in content["annotations"]:
        annotation["segmentation"] = []
    with pytest.raises(SourceError, match=r"fit no known format; .* add `--bbox-format xywh`"):
        check_boxes(table_of(content, tmp_path), None)
    assert check_boxes(table_of(content, tmp_path), "xywh").boxes > 10


def test_the_painted_sample_has_none(painted: list[Source]) -> None:
    for source in painted:
        assert check_boxes(read_source(source.kind, Path(source.annotations)), None).boxes == 0


@pytest.mark.parametrize("form", OTHERS)
def test_a_stated_form_gives_the_same_boxes(painted: list[Source], tmp_path: Path, form: BoxFormat) -> None:
    plain = table_of(spoiled(painted, "xywh", masks=True), tmp_path).annotations
    (tmp_path / "other.json").write_text(json.dumps(spoiled(painted, form, masks=True)))
    stated = read_source("coco", tmp_path / "other.json", box_format=form).annotations
    for name in CORNERS:
        assert np.allclose(stated.column(name).to_numpy(), plain.column(name).to_numpy(), atol=1e-6)


@pytest.mark.slow
def test_a_stated_form_is_built_from_and_validated(painted: list[Source], tmp_path: Path) -> None:
    """`validate` reads the form from the manifest by itself."""
    (tmp_path / "mine.json").write_text(json.dumps(spoiled(painted, "xyxy", masks=False)))
    source = ["--coco", f"{tmp_path / 'mine.json'}:{painted[0].images}", "--exhaustive", "--bbox-format", "xyxy"]
    done = CliRunner().invoke(cli, ["build", *source, "--samples", "30", "--out", str(tmp_path / "R")])
    assert done.exit_code == 0, done.output
    assert open_release(tmp_path / "R").manifest["sources"][0]["bbox_format"] == "xyxy"
    assert validate(tmp_path / "R").valid


def test_the_cache_of_a_form_serves_no_other(painted: list[Source], tmp_path: Path) -> None:
    path, cache = Path(painted[0].annotations), tmp_path / "cache"
    plain = read_source("coco", path, cache).annotations
    assert read_source("coco", path, cache, box_format="cxcywh").annotations != plain
    assert read_source("coco", path, cache).annotations == plain


@pytest.mark.parametrize("file", REAL_FILES)
def test_real_files_are_not_refused(real_data: Path, file: str) -> None:
    kind = "lvis" if file.endswith("lvis.json") else "coco"
    assert check_boxes(read_source(kind, real_data / file), None).boxes == 0  # type: ignore[arg-type]


def test_small_parts_of_a_real_file_are_not_refused(real_data: Path) -> None:
    """A thousand draws of 20 photos; and in the other forms such a part is refused in nearly all of them."""
    table = read_source("coco", real_data / "coco_val_boxes/instances.json")
    spoilt = {form: in_form(table, form) for form in OTHERS}
    rows, rng = table.annotations.column("image_row").to_numpy(), np.random.default_rng(0)
    caught = dict.fromkeys(spoilt, 0)
    for draw in range(1000):
        chosen = np.isin(rows, rng.choice(table.images.num_rows, 20, replace=False))
        assert check_boxes(replace(table, annotations=table.annotations.filter(chosen)), None).boxes == 0
        for form, other in spoilt.items() if draw < 100 else ():
            try:
                check_boxes(replace(other, annotations=other.annotations.filter(chosen)), None)
            except SourceError:
                caught[form] += 1
    assert caught == dict.fromkeys(spoilt, 100)


def test_a_build_is_refused_before_anything_is_written(painted: list[Source], tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(json.dumps(spoiled(painted, "xyxy", masks=False)))
    source = Source(kind="coco", annotations=str(tmp_path / "mine.json"), images=painted[0].images, exhaustive=True)
    with pytest.raises(SourceError, match="`--bbox-format xyxy`"):
        build_index(BuildConfig(sources=[source]), tmp_path / "cache")
