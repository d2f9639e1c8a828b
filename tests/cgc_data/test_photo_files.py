"""Photos as cameras and tools store them: turned by EXIF, of several formats, of modes that readers do not show."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from cgc_data.builder.finishing import Built
from cgc_data.builder.release import build_release
from cgc_data.cli import cli
from cgc_data.common.errors import PlanError, SourceError
from cgc_data.config import BuildConfig, Orientation, Source
from cgc_data.images import ORIENTATION, decode_photo, turned
from cgc_data.index.facts import Facts, photo_facts
from cgc_data.release.read import open_release
from cgc_data.release.reference import load_reference
from cgc_data.release.render import TURNED, UNTAGGED
from cgc_data.release.rows import Row
from cgc_data.validate import validate
from cgc_data.validate.statistics import clustered_auc, held_out_scores
from tests.cgc_data.drawn import Thing, coco

ANIMALS = ("dog", "cow", "horse", "bird", "bear", "zebra")
BACK = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}  # the orientation that undoes another


def animals(folder: Path, count: int = 24, **settings: Any) -> Source:
    """Photos of one animal each, in a box that no flip or turn leaves where it is."""
    photos = {f"shop_{n:03d}.jpg": [Thing(ANIMALS[n % len(ANIMALS)], (20, 30, 150, 100))] for n in range(count)}
    return coco(folder, photos, **settings)


def config(source: Source, samples: int = 12) -> BuildConfig:
    only_inter = {"intra/same_object": 0.0, "intra/locate_all": 0.0, "inter/locate_all": 0.0}
    return BuildConfig(sources=[source], samples=samples, preset="paper", confusable="labeled", tasks=only_inter)


def converted(source: Source, change: Callable[[int, Path], None]) -> None:
    for number, path in enumerate(sorted(Path(source.images).iterdir())):
        change(number, path)


def tagged(source: Source, orientation: int, *, displayed: bool) -> None:
    """Photos with this tag; `displayed`: so stored that they look as annotated once they are turned by it."""

    def change(_: int, path: Path) -> None:
        pixels = cv2.imread(str(path))
        stored = turned(pixels, BACK[orientation]) if displayed else pixels
        data = Image.Exif()
        data[ORIENTATION] = orientation
        Image.fromarray(stored[:, :, ::-1]).save(path, quality=95, exif=data)

    converted(source, change)


def stated(source: Source, orientation: Orientation | None) -> Source:
    return source.model_copy(update={"orientation": orientation})


def rows(folder: Path) -> Iterator[Row]:
    return open_release(folder).rows(images=True)


# -- EXIF


@pytest.mark.parametrize("orientation", [3, 6])
def test_boxes_lie_on_photos_as_displayed_if_that_is_stated(tmp_path: Path, orientation: int) -> None:
    source = animals(tmp_path)
    plain = {path.name: cv2.imread(str(path)) for path in Path(source.images).iterdir()}
    tagged(source, orientation, displayed=True)
    build_release(config(stated(source, "as_displayed")), tmp_path / "R")
    for row in rows(tmp_path / "R"):
        for view, image in zip(row["views"], row["images"], strict=True):
            assert view["changes"] == TURNED
            shown = decode_photo(image["bytes"]).astype(np.int16)
            assert np.abs(shown - plain[view["file_name"]]).mean() < 6
    assert validate(tmp_path / "R").valid


def test_photos_as_stored_lose_their_tag_if_that_is_stated(tmp_path: Path) -> None:
    source = animals(tmp_path)
    tagged(source, 3, displayed=False)
    build_release(config(stated(source, "as_stored")), tmp_path / "R")
    assert {view["changes"] for row in rows(tmp_path / "R") for view in row["views"]} == {UNTAGGED}
    assert validate(tmp_path / "R").valid


def test_the_wrong_way_up_is_found_by_validate(tmp_path: Path) -> None:
    source = animals(tmp_path)
    tagged(source, 3, displayed=True)
    build_release(config(stated(source, "as_stored")), tmp_path / "R")
    manifest = json.loads((tmp_path / "R" / "manifest.json").read_text())
    manifest["sources"][0]["orientation"] = "as_displayed"
    (tmp_path / "R" / "manifest.json").write_text(json.dumps(manifest))
    assert "photos untouched" in _failed(tmp_path / "R")


def test_a_release_without_images_is_turned_alike(tmp_path: Path) -> None:
    source = animals(tmp_path)
    tagged(source, 6, displayed=True)
    settings = config(stated(source, "as_displayed"))
    build_release(settings, tmp_path / "R")
    build_release(settings.model_copy(update={"images": "reference"}), tmp_path / "S")
    embedded = [[image["bytes"] for image in row["images"]] for row in rows(tmp_path / "R")]
    assert [[image["bytes"] for image in row["images"]] for row in load_reference(tmp_path / "S")] == embedded


@pytest.mark.parametrize("orientation", [2, 3, 4])
def test_the_build_asks_where_the_size_cannot_tell(tmp_path: Path, orientation: int) -> None:
    source = animals(tmp_path)
    tagged(source, orientation, displayed=True)
    with pytest.raises(
        SourceError, match=rf"EXIF orientation {orientation} and 23 more; .* add `--orientation as_displayed`"
    ):
        build_release(config(source), tmp_path / "R")


@pytest.mark.parametrize("orientation", [5, 6])
def test_sizes_tell_of_quarter_turns(tmp_path: Path, orientation: int) -> None:
    """Boxes on the stored frame need no statement, others do, and the message names EXIF."""
    source = animals(tmp_path)
    tagged(source, orientation, displayed=False)
    build_release(config(source), tmp_path / "R")
    other = animals(tmp_path / "other")
    tagged(other, orientation, displayed=True)
    with pytest.raises(
        SourceError, match=rf"EXIF orientation {orientation}, which rotates the photo to 320 x 240, the size in"
    ):
        build_release(config(other), tmp_path / "S")


def test_the_command_line_states_the_orientation(tmp_path: Path) -> None:
    source = animals(tmp_path)
    tagged(source, 3, displayed=True)
    arguments = ["build", "--coco", f"{source.annotations}:{source.images}", "--samples", "12", "--dry-run"]
    arguments += ["--out", str(tmp_path / "R"), "preset=paper", "confusable=labeled", "tasks.intra/same_object=0"]
    arguments += ["tasks.intra/locate_all=0", "tasks.inter/locate_all=0"]
    assert isinstance(CliRunner().invoke(cli, arguments).exception, SourceError)
    assert CliRunner().invoke(cli, [*arguments, "--orientation", "as_displayed"]).exit_code == 0


# -- modes


def deep(path: Path) -> None:
    gray = np.asarray(Image.open(path).convert("L")).astype(np.uint16) * 16
    buffer = io.BytesIO()
    Image.fromarray(gray).save(buffer, "PNG")
    path.write_bytes(buffer.getvalue())


def test_photos_that_readers_show_white_are_left_out_and_counted(tmp_path: Path) -> None:
    source = animals(tmp_path)
    converted(source, lambda number, path: deep(path) if number < 4 else None)
    converted(source, lambda number, path: _blank(path) if number == 4 else None)
    built = build_release(config(source), tmp_path / "R")
    note = "skipped 5 photos (more than 8 bits per channel: 4, only one color: 1)"
    assert note in built.notes
    shown = {view["file_name"] for row in rows(tmp_path / "R") for view in row["views"]}
    assert shown.isdisjoint(f"shop_{n:03d}.jpg" for n in range(5))


def _blank(path: Path) -> None:
    Image.new("RGB", (320, 240), "white").save(path)


def test_a_folder_of_deep_photos_is_refused_by_the_reason(tmp_path: Path) -> None:
    source = animals(tmp_path)
    converted(source, lambda _, path: deep(path))
    with pytest.raises(PlanError, match="more than 8 bits per channel: 24"):
        build_release(config(source), tmp_path / "R")


# -- formats


def half_png(folder: Path, *, tied: bool) -> Built:
    """A release of photos half of which are PNG: all dogs, cows, and horses if `tied`, else some of each animal."""
    source = animals(folder, 96)

    def change(number: int, path: Path) -> None:
        if number % len(ANIMALS) < 3 if tied else number // len(ANIMALS) % 2:
            Image.open(path).save(path, "PNG")

    converted(source, change)
    return build_release(config(source, 160), folder / "R")


def told_by_files(folder: Path) -> float:
    """Held-out AUC of a logistic classifier of the target image by its format, bytes, and quality in its row."""
    features, truths, groups = [], [], []
    for number, row in enumerate(rows(folder)):
        targets = {entry["img_idx"] for entry in row["objects"]}
        measures = np.array([_measures(image["bytes"]) for image in row["images"]])
        for place, measure in enumerate(measures, 1):
            apart = measure - measures.mean(axis=0)
            asked = [float(row["query"]["labels"] == [label]) for label in ANIMALS]
            features.append([*apart, *(apart[0] * label for label in asked)])
            truths.append(place in targets)
            groups.append(number)
    families, folds = np.array(groups), np.array(groups) % 5
    table = np.array(features)
    table = (table - table.mean(axis=0)) / np.maximum(table.std(axis=0), 1e-9)
    scores = held_out_scores(table, np.array(truths), folds)
    return float(clustered_auc(scores, np.array(truths), families, folds)[0])


def _measures(content: bytes) -> list[float]:
    with Image.open(io.BytesIO(content)) as image:
        tables = getattr(image, "quantization", None) or {0: [0]}
        return [float(image.format == "PNG"), float(np.log(len(content))), float(sum(tables[0]))]


def test_files_do_not_tell_the_target_in_a_half_png_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    half_png(tmp_path, tied=True)
    assert told_by_files(tmp_path / "R") < 0.6
    assert not {"encoded alike", "photos untouched"} & _failed(tmp_path / "R")
    with monkeypatch.context() as patch:  # the measure sees the fault if the formats are not kept apart
        patch.setattr("cgc_data.plan.build.photo_facts", _without_forms)
        half_png(tmp_path / "mixed", tied=True)
    assert told_by_files(tmp_path / "mixed" / "R") > 0.75
    assert "encoded alike" in _failed(tmp_path / "mixed" / "R")


def test_files_do_not_tell_absence_in_a_half_png_folder(tmp_path: Path) -> None:
    half_png(tmp_path, tied=False)
    formats = [(row["task"], tuple(_format(image["bytes"]) for image in row["images"])) for row in rows(tmp_path / "R")]
    assert all(len(set(shown)) == 1 for _, shown in formats)
    absent = {form: [task == "absent" for task, shown in formats if shown[0] == form] for form in ("PNG", "JPEG")}
    assert all(0.03 < np.mean(tasks) < 0.2 for tasks in absent.values())
    assert "absent from sizes and bytes" not in _failed(tmp_path / "R")


def _format(content: bytes) -> str:
    with Image.open(io.BytesIO(content)) as image:
        return str(image.format)


def _without_forms(*arguments: Any) -> Facts:
    facts = photo_facts(*arguments)
    return replace(facts, forms=np.full(len(facts.forms), "JPEG"))


def _failed(folder: Path) -> set[str]:
    return {check.name for check in validate(folder).checks if check.status == "fail"}
