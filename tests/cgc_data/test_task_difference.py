"""`intra/difference`: rows are true by a separate derivation, false ones are named, and nothing else reveals them."""

import copy
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from cgc_data import load_reference, open_release
from cgc_data.builder.release import build_release
from cgc_data.builder.remove import rows_to_remove
from cgc_data.common.errors import LicenseError
from cgc_data.config import BuildConfig, Source
from cgc_data.hub.gate import check_licenses
from cgc_data.index.build import build_index
from cgc_data.licenses import composite_license
from cgc_data.plan.framing import DRAWS, Framings
from cgc_data.release.manifest import read_manifest
from cgc_data.tasks import PLANNED
from cgc_data.validate import validate
from cgc_data.validate.limits import Limits, limits_of
from cgc_data.validate.report import Check
from cgc_data.validate.samples import Part, read_sample
from cgc_data.validate.tasks.intra_difference import check, measures
from cgc_data.validate.trace import Trace, trace_of
from cgc_data.validate.world import World
from tests.cgc_data.tasks_alone import build_alone, real_sources, rows_of, world_of

Row = dict[str, Any]
TASKS = {task: float(task == "intra/difference") for task in PLANNED}


@pytest.fixture(scope="module")
def config(painted: list[Source]) -> BuildConfig:
    return BuildConfig(sources=painted, samples=26, tasks=TASKS, absent=0.15, seed=1)


@pytest.fixture(scope="module")
def made(config: BuildConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of this task alone."""
    out = tmp_path_factory.mktemp("difference") / "release"
    build_release(config, out)
    return out


@pytest.fixture(scope="module")
def rows(made: Path) -> list[Row]:
    return rows_of(made)


@pytest.fixture(scope="module")
def world(made: Path) -> World:
    return world_of(made)


@pytest.fixture(scope="module")
def limits(made: Path) -> Limits:
    return limits_of(read_manifest(made))


def pixels(row: Row, view: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(row["images"][view]["bytes"], np.uint8), 1), dtype=np.uint8)


def added(view: Row) -> set[tuple[str, tuple[float, ...]]]:
    return {(part["annotation_id"], tuple(part["transform"])) for part in view["parts"][1:]}


def aligned(row: Row) -> bool:
    return bool(row["views"][0]["window"] == row["views"][1]["window"])


# -- what rows show


def test_validation_accepts_them(made: Path) -> None:
    report = validate(made)
    assert report.failed() == []
    for name in ("one difference", "pasted objects", "difference box", "pasted sensibly", "little hidden"):
        assert report.check(name).status == "pass"


def test_both_forms_and_both_wordings_are_made(rows: list[Row]) -> None:
    assert len(rows) >= 24
    assert {aligned(row) for row in rows} == {True, False}
    assert {row["query"]["img_idx"] is None for row in rows} == {True, False}
    assert {row["objects"][0]["img_idx"] for row in rows if row["objects"]} == {1, 2}
    assert all(row["query"]["labels"] == [] for row in rows)


def test_one_view_shows_one_object_more(rows: list[Row]) -> None:
    for row in rows:
        first, second = map(added, row["views"])
        assert len(first & second) >= 2
        assert [name for name, _ in first ^ second] == [target["annotation_id"] for target in row["objects"]]
        if row["objects"]:
            more = 1 if len(first) > len(second) else 2
            assert row["objects"][0]["img_idx"] == more
            assert row["query"]["img_idx"] in (None, more)


def test_the_box_is_that_of_the_mask_in_the_view(rows: list[Row], world: World) -> None:
    for row in (row for row in rows if row["objects"]):
        (target,) = row["objects"]
        view = row["views"][target["img_idx"] - 1]
        part = next(part for part in view["parts"] if part["annotation_id"] == target["annotation_id"])
        width, height = world.sources[part["source"]].size(part["image_id"])
        x, y, w, h = coco_mask.toBbox({"size": [height, width], "counts": part["mask"].encode()})
        scale, _, right, _, _, down = part["transform"]
        x1, y1, x2, y2 = view["window"]
        across, lower = 1000 / (x2 - x1), 1000 / (y2 - y1)
        true = [
            (x * scale + right - x1) * across,
            (y * scale + down - y1) * lower,
            ((x + w) * scale + right - x1) * across,
            ((y + h) * scale + down - y1) * lower,
        ]
        assert target["bbox_2d"] == pytest.approx(true, abs=1)


def test_pixels_of_aligned_views_differ_most_inside_the_box(rows: list[Row]) -> None:
    looked = [row for row in rows if aligned(row) and row["objects"]]
    assert looked
    for row in looked:
        first, second = (pixels(row, view).astype(np.float64) for view in (0, 1))
        apart = np.abs(first * (second.mean() / first.mean()) - second).mean(axis=2)
        x1, y1, x2, y2 = map(round, row["objects"][0]["bbox_px"])
        inside = np.zeros(apart.shape, dtype=bool)
        inside[y1:y2, x1:x2] = True
        assert apart[inside].mean() > 2 * apart[~inside].mean()


def test_an_empty_row_is_the_twin_of_one_that_is_not(rows: list[Row]) -> None:
    empty = [row for row in rows if not row["objects"]]
    assert 0 < len(empty) <= 0.15 * len(rows)
    for row in empty:
        (twin,) = (other for other in rows if other["pair_id"] == row["pair_id"] and other is not row)
        assert twin["objects"]
        assert row["template_id"] == twin["template_id"]
        assert row["query"] == twin["query"]
        assert [(v["window"], v["width"]) for v in row["views"]] == [(v["window"], v["width"]) for v in twin["views"]]
        assert added(row["views"][0]) == added(row["views"][1]) == added(twin["views"][0]) | added(twin["views"][1])


def test_qualities_are_drawn_and_no_view_is_enlarged(rows: list[Row]) -> None:
    qualities = [view["operations"][-1]["values"][0] for row in rows for view in row["views"]]
    assert len(set(qualities)) > 8
    for view in (view for row in rows for view in row["views"]):
        assert view["width"] < view["window"][2] - view["window"][0]


def test_composites_have_a_license_that_all_their_photos_allow(rows: list[Row]) -> None:
    for row in rows:
        urls = {part["license_url"] for view in row["views"] for part in view["parts"]}
        assert row["composite_license"] == composite_license(urls)


def test_a_build_by_reference_makes_the_same_rows_and_views(
    config: BuildConfig, rows: list[Row], tmp_path: Path
) -> None:
    light = config.model_copy(update={"images": "reference"})
    build_release(light, tmp_path / "light")
    found = {row["id"]: dict(row) for row in load_reference(tmp_path / "light", None)}
    assert found == {row["id"]: row for row in rows}


def test_lenders_count_as_photos_of_the_release(made: Path, rows: list[Row]) -> None:
    stats = json.loads((made / "stats.json").read_text(encoding="utf-8"))
    lent = [part for row in rows for view in row["views"] for part in view["parts"][1:]]
    shown = {(part["source"], part["file_name"]) for row in rows for view in row["views"] for part in view["parts"]}
    assert stats["photos"]["by_role"]["lent"] == len(lent)
    assert stats["photos"]["views"] == 2 * len(rows)
    assert stats["photos"]["distinct"] == sum(entry["photos"] for entry in stats["licenses"]) == len(shown)


def test_no_object_is_published_whose_photo_may_not_be_changed(
    made: Path, rows: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = open_release(made)
    check_licenses(release)
    row = copy.deepcopy(rows[0])
    row["views"][1]["parts"][-1]["license_url"] = "http://creativecommons.org/licenses/by-nd/2.0/"
    monkeypatch.setattr(type(release), "rows", lambda self, columns: iter([row]))
    with pytest.raises(LicenseError, match=r"1 embedded views may not be published .*by-nd"):
        check_licenses(release)


def test_removing_a_lender_removes_what_shows_its_object(made: Path, rows: list[Row]) -> None:
    row = rows[0]
    part = row["views"][0]["parts"][1]
    leaving = rows_to_remove(open_release(made), part["image_id"], part["source"])
    assert row["id"] in leaving
    assert len(leaving) < len(rows)


def test_the_mix_of_wordings_is_a_setting(config: BuildConfig, tmp_path: Path) -> None:
    settings = config.model_copy(update={"named_image": 1.0, "images": "reference", "samples": 6})
    build_release(settings, tmp_path / "named")
    assert all(row["query"]["img_idx"] for row in open_release(tmp_path / "named").rows())


# -- false rows


def moved_answer(row: Row) -> None:
    row["objects"][0]["bbox_2d"] = [value - 4 for value in row["objects"][0]["bbox_2d"]]


def answer_in_the_other_image(row: Row) -> None:
    row["objects"][0]["img_idx"] = 3 - row["objects"][0]["img_idx"]
    row["views"][0]["role"], row["views"][1]["role"] = row["views"][1]["role"], row["views"][0]["role"]


def answered_with_what_both_show(row: Row) -> None:
    other = row["views"][2 - row["objects"][0]["img_idx"]]
    row["objects"][0]["annotation_id"] = other["parts"][1]["annotation_id"]


def nothing_answered(row: Row) -> None:
    row["objects"].clear()
    for view in row["views"]:
        view["role"] = "context"


def second_difference(row: Row) -> None:
    _lose(row["views"][2 - row["objects"][0]["img_idx"]], 1)


def too_few_in_both(row: Row) -> None:
    target = row["objects"][0]["annotation_id"]
    for view in row["views"]:
        while len([part for part in view["parts"][1:] if part["annotation_id"] != target]) > 1:
            _lose(view, next(n for n, part in enumerate(view["parts"]) if n and part["annotation_id"] != target))


def _lose(view: Row, number: int) -> None:
    """Take a pasted object from a view."""
    del view["parts"][number]
    view["operations"] = view["operations"][1:]


def views_of_two_photos(row: Row) -> None:
    lender = row["views"][0]["parts"][1]
    row["views"][0] |= {name: lender[name] for name in ("source", "image_id", "file_name")}


def roles_exchanged(row: Row) -> None:
    row["views"][0]["role"], row["views"][1]["role"] = row["views"][1]["role"], row["views"][0]["role"]


def pasted_after_the_crop(row: Row) -> None:
    operations = row["views"][0]["operations"]
    operations.insert(5, operations.pop(0))


def not_pasted(row: Row) -> None:
    row["views"][0]["operations"].pop(0)


def _each(row: Row, change: Callable[[Row], None], number: int = 0) -> None:
    """Change one object wherever it is pasted."""
    name = row["views"][2 - row["objects"][0]["img_idx"]]["parts"][number + 1]["annotation_id"]
    for view in row["views"]:
        for part in view["parts"]:
            if part["annotation_id"] == name:
                change(part)


def mirrored(row: Row) -> None:
    def change(part: Row) -> None:
        part["transform"] = [-part["transform"][0], *part["transform"][1:]]

    _each(row, change)


def another_mask(row: Row) -> None:
    mask = coco_mask.decode(_rle(row, row["views"][0]["parts"][1]))
    other = coco_mask.encode(np.asfortranarray(np.roll(mask, 1, axis=1)))["counts"].decode()
    _each(row, lambda part: part.update(mask=other))


def another_mask_in_one_view(row: Row) -> None:
    mask = coco_mask.decode(_rle(row, row["views"][1]["parts"][1]))
    row["views"][1]["parts"][1]["mask"] = coco_mask.encode(np.asfortranarray(mask[::-1]))["counts"].decode()


def of_the_photo_itself(row: Row) -> None:
    def change(part: Row) -> None:
        part |= {name: row["views"][0][name] for name in ("source", "image_id", "file_name")}

    _each(row, change)


def no_annotation(row: Row) -> None:
    _each(row, lambda part: part.update(annotation_id=part["annotation_id"] + "99"))


def twice_as_high(row: Row) -> None:
    def change(part: Row) -> None:
        scale, _, right, _, _, down = part["transform"]
        part["transform"] = [scale * 2.5, 0.0, right - 1.5 * scale * 100, 0.0, scale * 2.5, down - 1.5 * scale * 100]

    _each(row, change)


def in_the_sky(row: Row) -> None:
    def change(part: Row) -> None:
        part["transform"] = [*part["transform"][:5], part["transform"][5] - 300]

    _each(row, change)


def beyond_the_border(row: Row) -> None:
    def change(part: Row) -> None:
        part["transform"] = [*part["transform"][:2], part["transform"][2] - 700, *part["transform"][3:]]

    _each(row, change)


def on_one_another(row: Row) -> None:
    first, second = row["views"][2 - row["objects"][0]["img_idx"]]["parts"][1:3]
    apart = [second["transform"][place] - first["transform"][place] for place in (2, 5)]
    box = [coco_mask.toBbox(_rle(row, part)) for part in (first, second)]
    shift = [apart[a] + box[1][a] * second["transform"][0] - box[0][a] * first["transform"][0] for a in (0, 1)]

    def change(part: Row) -> None:
        a, b, right, d, e, down = part["transform"]
        part["transform"] = [a, b, right + shift[0], d, e, down + shift[1]]

    _each(row, change)


def _rle(row: Row, part: Row) -> Row:
    width, height = row["sizes"][part["source"], part["image_id"]]
    return {"size": [height, width], "counts": part["mask"].encode()}


def narrower_window(row: Row) -> None:
    x1, y1, x2, y2 = row["views"][0]["window"]
    row["views"][0]["window"] = [x1, y1, x1 + (x2 - x1) // 5, y1 + (y2 - y1) // 5]


FALSE = [
    (moved_answer, "difference box"),
    (answer_in_the_other_image, "one difference"),
    (answered_with_what_both_show, "one difference"),
    (nothing_answered, "one difference"),
    (second_difference, "one difference"),
    (too_few_in_both, "one difference"),
    (views_of_two_photos, "one difference"),
    (roles_exchanged, "one difference"),
    (pasted_after_the_crop, "pasted objects"),
    (not_pasted, "pasted objects"),
    (mirrored, "pasted objects"),
    (another_mask, "pasted objects"),
    (another_mask_in_one_view, "one difference"),
    (of_the_photo_itself, "pasted objects"),
    (no_annotation, "pasted objects"),
    (twice_as_high, "pasted sensibly"),
    (in_the_sky, "pasted sensibly"),
    (beyond_the_border, "pasted sensibly"),
    (on_one_another, "little hidden"),
    (narrower_window, "shown alike"),
]


def faults(row: Row, world: World, limits: Limits) -> set[str]:
    sample = read_sample(row, "shard")  # type: ignore[arg-type]
    return {finding.check for finding in check(sample, world, limits) if finding.fault}


@pytest.mark.parametrize(("spoil", "name"), FALSE, ids=[spoil.__name__ for spoil, _ in FALSE])
def test_a_false_row_is_named(
    spoil: Callable[[Row], None], name: str, rows: list[Row], world: World, limits: Limits
) -> None:
    row = copy.deepcopy(next(row for row in rows if row["objects"]))
    sizes = {(key, image): source.size(image) for key, source in world.sources.items() for image in source.images}
    assert faults(row, world, limits) == set()
    spoil(row | {"sizes": sizes})
    assert name in faults(row, world, limits)


def test_a_hidden_object_is_named(rows: list[Row], world: World, limits: Limits) -> None:
    """An object is pasted on an existing one with its label."""
    hidden = Counter[str]()
    for row in copy.deepcopy([row for row in rows if row["objects"]][:6]):
        part = row["views"][2 - row["objects"][0]["img_idx"]]["parts"][1]
        found = world.instance(part["annotation_id"])
        assert found is not None
        view = read_sample(row, "shard").views[0]  # type: ignore[arg-type]
        there = next(i for fact in world.facts(world.photo(view), found.concept) for i in fact.instances)
        scale = part["transform"][0]

        def cover(part: Row, own: Any = found, other: Any = there, scale: float = scale) -> None:
            right, down = other.box[0] - own.box[0] * scale, other.box[3] - own.box[3] * scale
            part["transform"] = [scale, 0.0, right, 0.0, scale, down]

        _each(row, cover)
        hidden.update(faults(row, world, limits))
    assert hidden["little hidden"] > 3  # a place may be one at which the photo has nothing


def test_an_object_that_cannot_be_seen_is_named(
    rows: list[Row], world: World, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = next(row for row in rows if row["objects"])

    def black(part: Part) -> NDArray[np.uint8]:
        return np.zeros((*world.sources[part.source].size(part.image_id)[::-1], 3), np.uint8)

    monkeypatch.setattr(world.pixels, "of", black)
    assert faults(row, world, limits) == {"pasted sensibly"}


def test_color_in_a_black_and_white_photo_is_named(
    rows: list[Row], world: World, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = next(row for row in rows if row["objects"])
    host, read = row["views"][0]["parts"][0]["image_id"], world.pixels.of

    def gray(part: Part) -> NDArray[np.uint8]:
        return _in_gray(read(part)) if part.image_id == host else read(part)

    monkeypatch.setattr(world.pixels, "of", gray)
    assert faults(row, world, limits) == {"pasted sensibly"}


def _in_gray(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(pixels[:, :, 1:2], 3, axis=2)


def test_objects_in_color_are_pasted_into_photos_in_color(painted: list[Source], tmp_path: Path) -> None:
    sources = [_half_in_gray(source, tmp_path / str(number)) for number, source in enumerate(painted)]
    rows = rows_of(build_alone("intra/difference", sources, 26, tmp_path / "release", seed=1))
    found = [{_is_odd(part["file_name"]) for part in view["parts"]} for row in rows for view in row["views"]]
    assert all(len(kinds) == 1 for kinds in found)
    assert set.union(*found) == {True, False}


def _half_in_gray(source: Source, folder: Path) -> Source:
    """The source with photos of odd numbers in black and white."""
    shutil.copytree(source.images, folder)
    for path in folder.rglob("*.jpg"):
        if _is_odd(path.name):
            cv2.imwrite(str(path), _in_gray(np.asarray(cv2.imread(str(path)), dtype=np.uint8)))
    return source.model_copy(update={"images": str(folder)})


def _is_odd(name: str) -> bool:
    return int(re.findall(r"\d+", name)[-1]) % 2 == 1


# -- shortcuts


def traces(rows: list[Row], world: World, **planted: Callable[[Trace], Any]) -> list[Trace]:
    """Traces of the rows with an object, many times over, with random files and what is planted."""
    rng = np.random.default_rng(0)
    own = [trace_of(read_sample(row, "s"), world) for row in rows if row["objects"]]  # type: ignore[arg-type]
    drawn = [own[int(place)] for place in rng.integers(len(own), size=3000)]
    plain = [
        replace(
            trace, id=str(n), tuple_id=str(n), pair_id="", photos=(str(n), str(n)),
            qualities=tuple(rng.integers(80, 97, 2).tolist()),
            num_bytes=tuple(rng.integers(20_000, 60_000, 2).tolist()),
        )
        for n, trace in enumerate(drawn)
    ]  # fmt: skip
    return [replace(trace, **{name: change(trace) for name, change in planted.items()}) for trace in plain]


def more(trace: Trace) -> tuple[int, ...]:
    """More of the image that contains the answer."""
    return tuple(90 if number in trace.targets else 85 for number in (1, 2))


def less(trace: Trace) -> tuple[int, ...]:
    return tuple(85 if number in trace.targets else 90 for number in (1, 2))


def measured(found: list[Trace]) -> dict[str, Check]:
    return {check.name.removeprefix("difference by "): check for check in measures(found, Limits())}


def test_files_that_are_drawn_alike_pass(rows: list[Row], world: World) -> None:
    assert {check.status for check in measured(traces(rows, world)).values()} == {"pass"}


@pytest.mark.parametrize(("name", "field"), [("file size", "num_bytes"), ("quality", "qualities")])
@pytest.mark.parametrize("plant", [more, less])
def test_a_file_that_tells_is_found(
    name: str, field: str, plant: Callable[[Trace], Any], rows: list[Row], world: World
) -> None:
    found = measured(traces(rows, world, **{field: plant}))
    assert {check for check, result in found.items() if result.status == "fail"} == {name}


# -- framing


@given(seed=st.integers(0, 2**32), corner=st.tuples(st.integers(0, 500), st.integers(0, 400)), alike=st.booleans())
def test_two_views_show_the_same(
    framings: tuple[Framings, int], seed: int, corner: tuple[int, int], alike: bool
) -> None:
    frame, photo = framings
    index = frame._index
    shown = index.photos[photo]
    x, y = min(corner[0], shown.width - 60), min(corner[1], shown.height - 60)
    box = np.array([[x, y, x + 40.0, y + 50.0]])
    pair = frame.draw(photo, box, np.random.default_rng(seed), aligned=alike)
    if pair is None:
        assert min(x, y, shown.width - x - 40, shown.height - y - 50) < 0.15 * max(shown.width, shown.height)
        return
    assert alike == (pair[0] == pair[1]) or not alike
    objects = index.instances.box[index.instances.of_photo(photo)]
    for framing in pair:
        window = framing.window
        assert window.x1 <= x
        assert window.y1 <= y
        assert window.x2 >= x + 40
        assert window.y2 >= y + 50
        assert window.width / shown.width >= 0.85 <= window.height / shown.height
        assert framing.size[0] <= window.width
    for x1, y1, x2, y2 in objects.tolist():
        areas = sorted(
            max(min(x2, f.window.x2) - max(x1, f.window.x1), 0) * max(min(y2, f.window.y2) - max(y1, f.window.y1), 0)
            for f in pair
        )
        assert areas[0] >= 0.5 * areas[1] - 1e-6


@pytest.fixture(scope="module")
def framings(config: BuildConfig, tmp_path_factory: pytest.TempPathFactory) -> tuple[Framings, int]:
    """Framings, and the photo with most objects."""
    index = build_index(config, tmp_path_factory.mktemp("index"))
    assert DRAWS > 1
    return Framings(index, config), int(np.bincount(index.instances.photo).argmax())


# -- real photos


def test_rows_of_real_photos_are_true(real_data: Path, tmp_path: Path) -> None:
    report = validate(build_alone("intra/difference", real_sources(real_data), 12, tmp_path / "real"))
    assert report.failed() == []
    assert report.check("one difference").n > 0
