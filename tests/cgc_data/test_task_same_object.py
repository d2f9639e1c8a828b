"""`intra/same_object`: an object is where the raw masks have it in every view, and what is falsified is found."""

import copy
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from cgc_data.answer import format_response
from cgc_data.builder.remove import rows_to_remove
from cgc_data.config import BuildConfig, Source
from cgc_data.geometry import Window
from cgc_data.index.build import build_index
from cgc_data.metrics import score_item, truth_of
from cgc_data.plan.askable import find_askable
from cgc_data.plan.build import make_plan
from cgc_data.plan.following import Following
from cgc_data.plan.questions import View
from cgc_data.plan.tracks import order_of
from cgc_data.plan.truth import Truth
from cgc_data.release.read import open_release
from cgc_data.release.reference import load_reference
from cgc_data.release.rows import answer_objects
from cgc_data.tasks import PLANNED
from cgc_data.validate import validate
from cgc_data.validate.trace import Trace
from cgc_data.validate.tracks import track_measures
from cgc_data.validate.world import World
from tests.cgc_data import mini_release as mini
from tests.cgc_data.tasks_alone import build_alone, faults, real_sources, rows_of, views_of, world_of

Row = dict[str, Any]
TASK = "intra/same_object"
SAMPLES = 70


@pytest.fixture(scope="module")
def release(painted: list[Source], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_alone(TASK, painted, SAMPLES, tmp_path_factory.mktemp("same") / "release")


@pytest.fixture(scope="module")
def rows(release: Path) -> list[Row]:
    return rows_of(release)


@pytest.fixture(scope="module")
def world(release: Path) -> World:
    return world_of(release)


@pytest.fixture(scope="module")
def tracks(rows: list[Row]) -> list[Row]:
    return [row for row in rows if len(row["views"]) > 2]


def named(row: Row) -> bool:
    return row["query"]["img_idx"] is not None


def lacking(row: Row) -> set[int]:
    """Images of a track that do not show the object; known of questions about all images."""
    return set(row["answer_images"]) - {o["img_idx"] for o in row["objects"]}


def test_a_release_is_valid(release: Path, rows: list[Row]) -> None:
    report = validate(release)
    assert report.failed() == []
    assert report.check("same object").n >= len(rows) >= SAMPLES
    assert report.check("constant velocity floor").n > 20


def test_pairs_and_tracks_of_all_lengths_in_both_forms(rows: list[Row], tracks: list[Row]) -> None:
    assert set(Counter(len(row["views"]) for row in rows)) == {2, 3, 4, 5, 6}
    assert abs(sum(map(named, tracks)) - len(tracks) / 2) <= 3
    for row in rows:
        assert bool(row["pair_id"]) == (len(row["views"]) == 2) <= named(row)
        assert row["reference_images"] == [row["query"]["ref_img_idx"]]
        assert not {o["img_idx"] for o in row["objects"]} & set(row["reference_images"])
        assert row["template_id"].startswith("same_object/" if named(row) else "same_object_all/")


def test_some_tracks_have_one_view_without_the_object(tracks: list[Row]) -> None:
    missing = [len(lacking(row)) for row in tracks if not named(row)]
    assert set(missing) == {0, 1}
    assert 0.15 <= np.mean(missing) <= 0.55


def test_boxes_are_those_of_the_raw_masks(release: Path, rows: list[Row]) -> None:
    sources = {entry["key"]: entry for entry in open_release(release).manifest["sources"]}
    raw = {key: COCO(entry["annotations"]) for key, entry in sources.items() if entry["kind"] == "coco"}
    checked = 0
    for row in rows:
        key, _, number = row["objects"][0]["annotation_id"].partition(":")
        annotation = raw[key].anns[int(number)] if key in raw else {}
        if not annotation.get("segmentation"):
            continue
        mask = raw[key].annToMask(annotation)
        given = row["query"]["ref_img_idx"]
        assert _seen(mask, row["views"][given - 1]) == pytest.approx(row["query"]["ref_bbox"], abs=1)
        for entry in row["objects"]:
            assert _seen(mask, row["views"][entry["img_idx"] - 1]) == pytest.approx(entry["bbox_2d"], abs=1)
        for image in () if named(row) else lacking(row):
            assert _seen(mask, row["views"][image - 1]) == []
        checked += 1
    assert checked >= 10


def _seen(mask: np.ndarray[Any, Any], view: Row) -> list[float]:
    """Tight box, 0-1000, of what a window shows of a mask; empty if that is nothing."""
    x1, y1, x2, y2 = view["window"]
    down, across = np.nonzero(mask[y1:y2, x1:x2])
    if not len(down):
        return []
    wide, high = 1000 / (x2 - x1), 1000 / (y2 - y1)
    return [across.min() * wide, down.min() * high, (across.max() + 1) * wide, (down.max() + 1) * high]


def test_the_given_box_is_drawn_into_its_image_in_some_tracks(rows: list[Row]) -> None:
    drawn = [(row, n) for row in rows for n, view in enumerate(row["views"], 1) if _steps(view)[-2] == "draw_box"]
    assert drawn
    for row, number in drawn:
        assert number == row["query"]["ref_img_idx"]
        assert len(row["views"]) > 2
        view, (x1, _, _, y2) = row["views"][number - 1], row["query"]["ref_bbox"]
        assert _steps(view) == ["crop", "resize", "draw_box", "jpeg"]
        assert view["changes"] == "cropped, resized and a box drawn"
        pixels = cv2.imdecode(np.frombuffer(row["images"][number - 1]["bytes"], np.uint8), cv2.IMREAD_COLOR)
        corner = pixels[max(y2 * view["height"] // 1000 - 1, 0), min(x1 * view["width"] // 1000, view["width"] - 1)]
        assert corner[2] > 180
        assert corner[:2].max() < 90


def _steps(view: Row) -> list[str]:
    return [step["name"] for step in view["operations"]]


def test_the_right_answer_earns_everything(rows: list[Row]) -> None:
    for row in rows:
        scored = score_item(format_response(answer_objects(row["objects"]), "Looked."), truth_of(row))
        assert (scored.accuracy, scored.miou, scored.leaked) == (1, 1, False)
        assert scored.track in (None, True)


def test_a_reference_release_is_the_same_and_makes_every_view_byte_for_byte(
    painted: list[Source], rows: list[Row], tmp_path: Path
) -> None:
    again = build_alone(TASK, painted, SAMPLES, tmp_path / "again", images="reference")
    assert views_of(load_reference(again)) == views_of(rows)


def test_a_removed_photo_takes_its_rows(release: Path, rows: list[Row]) -> None:
    view = rows[0]["views"][0]
    leaving = rows_to_remove(open_release(release), view["image_id"], view["source"])
    photo = view["source"], view["image_id"]
    shown = {row["id"] for row in rows if (row["views"][0]["source"], row["views"][0]["image_id"]) == photo}
    assert shown <= leaving < {row["id"] for row in rows}


# -- falsified rows


def drop_one(row: Row) -> None:
    row["objects"].pop()


def answer_where_it_is_not(row: Row) -> None:
    (image,) = lacking(row)
    row["objects"].append({**row["objects"][0], "img_idx": image})


def move_given_box(row: Row) -> None:
    row["query"]["ref_bbox"] = [min(v + 4, 1000) for v in row["query"]["ref_bbox"]]


def look_twice(row: Row) -> None:
    """Show in one image what the image of the given box shows."""
    given, answered = row["query"]["ref_img_idx"] - 1, row["objects"][0]["img_idx"] - 1
    row["views"][answered] = {**row["views"][given], "operations": []}


def look_at_it_alone(row: Row) -> None:
    """Cut a view down to the object."""
    view, (x1, y1, x2, y2) = row["views"][row["objects"][0]["img_idx"] - 1], row["objects"][0]["bbox_px"]
    left, top, right, bottom = view["window"]
    across, down = (right - left) / view["width"], (bottom - top) / view["height"]
    view["window"] = [
        int(left + x1 * across), int(top + y1 * down), int(left + x2 * across) + 1, int(top + y2 * down) + 1
    ]  # fmt: skip


def lose_it_twice(row: Row) -> None:
    (image,) = lacking(row)
    other = row["objects"].pop()["img_idx"]
    row["views"][other - 1] = row["views"][image - 1]


def cut_it_off_where_it_is_given(row: Row) -> None:
    view, (x1, _, x2, _) = row["views"][row["query"]["ref_img_idx"] - 1], row["query"]["ref_bbox"]
    left, _, right, _ = view["window"]
    view["window"][0] = left + (x1 + x2) * (right - left) // 2000


def draw_answer(row: Row) -> None:
    entry = row["objects"][0]
    row["views"][entry["img_idx"] - 1]["operations"].insert(2, {"name": "draw_box", "values": entry["bbox_px"]})


def draw_elsewhere(row: Row) -> None:
    step = {"name": "draw_box", "values": [1.0, 1.0, 60.0, 60.0]}
    row["views"][row["query"]["ref_img_idx"] - 1]["operations"].insert(2, step)


def name_another_image(row: Row) -> None:
    row["query"]["img_idx"] = next(n for n in row["answer_images"] if n != row["query"]["img_idx"])


def answer_two(row: Row) -> None:
    other = next(n for n in row["answer_images"] if n != row["query"]["img_idx"])
    row["objects"].append({**row["objects"][0], "img_idx": other})


def follow_another(row: Row) -> None:
    row["objects"][0]["annotation_id"] += "0"


def of_all_images(row: Row) -> bool:
    return not named(row) and len(row["objects"]) > 1


def with_a_view_lacking_it(row: Row) -> bool:
    return of_all_images(row) and bool(lacking(row)) and len(row["objects"]) > 1


def plain(row: Row) -> bool:
    return len(row["views"]) > 2 and named(row) and all(_steps(view)[-2] != "draw_box" for view in row["views"])


@pytest.mark.parametrize(
    ("kind", "falsify", "found"),
    [
        (of_all_images, drop_one, "visible, but not answered"),
        (with_a_view_lacking_it, answer_where_it_is_not, "is gone, but answered"),
        (with_a_view_lacking_it, lose_it_twice, "too many views do not show the object"),
        (of_all_images, move_given_box, "the mask gives"),
        (plain, move_given_box, "the mask gives"),
        (plain, cut_it_off_where_it_is_given, "is not whole in the view of the reference"),
        (plain, look_twice, "a copy of the reference box reaches an IoU of"),
        (of_all_images, look_at_it_alone, "shows the object without a sibling"),
        (plain, draw_answer, "an unexpected box is drawn into image"),
        (plain, draw_elsewhere, "px away from the given box"),
        (plain, name_another_image, "not exactly one object in the image that the question names"),
        (plain, answer_two, "not exactly one object in the image that the question names"),
        (of_all_images, follow_another, "different objects are answered"),
    ],
)
def test_what_is_falsified_is_found(
    tracks: list[Row], world: World, kind: Callable[[Row], bool], falsify: Callable[[Row], None], found: str
) -> None:
    row = copy.deepcopy(next(row for row in tracks if kind(row)))
    assert faults(row, world) == []
    falsify(row)
    assert any(found in fault for fault in faults(row, world)), faults(row, world)


def test_a_crowd_over_the_object_is_found(tmp_path: Path) -> None:
    release = mini.MiniRelease(tmp_path)
    assert "same object" not in validate(release.release).failed()
    ((_, box),) = [thing for key, thing in mini.THINGS[6].items() if key == 61]
    crowd = np.zeros((mini.HEIGHT, mini.WIDTH), np.uint8, order="F")
    crowd[box[1] : box[3], box[0] : box[2]] = 1
    rle = coco_mask.encode(crowd)
    segmentation = {"size": rle["size"], "counts": rle["counts"].decode()}
    entry = {**mini.annotation(990, 6, 10 + mini.LABELS.index("frisbee"), box), "iscrowd": 1}
    release.edit_source("coco", lambda content: content["annotations"].append({**entry, "segmentation": segmentation}))
    messages = [breach.message for breach in validate(release.release).check("same object").breaches]
    assert any("crowd" in message and "overlaps the box" in message for message in messages)


# -- what a release is to be like


def test_what_is_followed_has_a_sibling_and_is_large_enough(painted: list[Source], tmp_path: Path) -> None:
    config = BuildConfig(sources=list(painted), limits={"min_side": 40})  # type: ignore[arg-type]
    index = build_index(config, tmp_path)
    truth, photos = Truth(index, config.limits), len(index.photos)
    askable = find_askable(index, config, ["train"] * photos, truth, np.full(photos, ""))
    following, rng = Following(askable), np.random.default_rng(0)
    small = 0
    for photo in range(photos):
        found = following.objects(photo, 100, rng)
        for concept in following.concepts(photo):
            sound = askable.usable(photo, concept)
            large = [i for i in sound if min(np.subtract(truth.box(i)[2:], truth.box(i)[:2])) >= 40]
            followed = [i for i in found if index.instances.concept[i] == concept]
            assert len(sound) > 1
            assert set(followed) <= set(large)
            assert len(followed) == min(len(large), 3)
            small += len(sound) - len(large)
    assert small


def planned(sources: Sequence[Source], folder: Path, **settings: Any) -> list[Row]:
    import pyarrow.parquet as pq

    folder.mkdir(exist_ok=True)
    shares = {task: float(task == TASK) for task in PLANNED}
    config = BuildConfig(sources=list(sources), samples=24, tasks=shares, **settings)
    make_plan(build_index(config, folder), config, folder, folder)
    return [row for file in sorted(folder.glob("int*.parquet")) for row in pq.read_table(file).to_pylist()]


@pytest.mark.parametrize(("share", "form"), [(0.0, {False}), (1.0, {True})])
def test_the_share_that_names_the_image_is_a_setting(
    painted: list[Source], tmp_path: Path, share: float, form: set[bool]
) -> None:
    found = planned(painted, tmp_path, named_image=share, intra={"track_views": 3, "drawn_box": 1 - share})
    tracks = [row for row in found if len(row["views"]) > 2]
    assert set(map(named, tracks)) == form
    assert {len(row["views"]) for row in found} == {2, 3}
    drawn = [any("draw_box" in _steps(view) for view in row["views"]) for row in tracks]
    assert set(drawn) == {not share}


def test_real_photos_give_tracks_that_are_true(tmp_path: Path, real_data: Path) -> None:
    release = build_alone(TASK, real_sources(real_data), 50, tmp_path / "release", images="reference")
    found = [dict(row) for row in open_release(release).rows()]
    assert len(found) >= 40
    assert len({row["views"][0]["file_name"] for row in found}) >= 15
    assert sum(len(row["views"]) > 2 for row in found) >= 20
    assert validate(release).failed() == []


# -- the order of views, and what could be followed without looking


def windows(rng: np.random.Generator, count: int) -> list[View]:
    edges = rng.integers(0, 300, (count, 2)).tolist()
    return [View(0, Window(x, y, x + 200, y + 200), 400, 400, "context") for x, y in edges]


@pytest.mark.parametrize("count", [3, 6])
def test_the_view_without_the_object_is_equally_often_in_each_place(count: int) -> None:
    rng = np.random.default_rng(0)
    places = Counter(order_of(windows(rng, count), count - 1, rng).index(count - 1) for _ in range(1200))
    assert set(places) == set(range(count))
    assert max(places.values()) < 1.35 * 1200 / count


def test_half_of_the_tracks_are_in_the_order_of_a_camera_that_moves_one_way() -> None:
    rng = np.random.default_rng(1)
    moving = []
    for _ in range(300):
        views = windows(rng, 6)
        order = order_of(views, None, rng)
        assert sorted(order) == list(range(6))
        centers = np.array([[views[place].window.x1, views[place].window.y1] for place in order])
        angles = np.arange(0, 2 * np.pi, 0.02)
        along = centers @ np.stack([np.cos(angles), np.sin(angles)])
        moving.append((np.diff(along, axis=0) >= 0).all(axis=0).any())
    assert 0.4 < np.mean(moving) < 0.7


def trace(place: int, followed: Sequence[tuple[float, float, float, float] | None]) -> Trace:
    return Trace(
        id=f"row {place}",
        contrast="intra",
        task="same_object",
        template_id="same_object_all/0",
        label="dog",
        words=frozenset(),
        sizes=((400, 400),) * len(followed),
        num_bytes=(1,) * len(followed),
        enlargements=(1.0,) * len(followed),
        candidates=tuple(range(2, len(followed) + 1)),
        photos=(f"photo {place}",) * len(followed),
        annotated=(3,) * len(followed),
        targets=frozenset(),
        boxes=(),
        reference=None,
        named=False,
        tuple_id=f"set {place}",
        pair_id="",
        relation="",
        focus=None,
        followed=tuple(followed),
    )


def boxes(*corners: tuple[int, int]) -> list[tuple[float, float, float, float]]:
    return [(x, y, x + 150, y + 150) for x, y in corners]


STEADY = boxes((100, 100), (300, 150), (500, 200), (700, 250))
STILL = boxes((100, 100), (110, 105), (700, 700), (705, 690))
WILD = boxes((100, 100), (700, 150), (200, 600), (800, 800))
CENTRAL: list[tuple[float, float, float, float]] = [(270, 260, 740, 750), (0, 0, 200, 200), (250, 250, 700, 750)]


@pytest.mark.parametrize(
    ("followed", "failing"),
    [
        (STEADY, {"constant velocity floor"}),
        (STILL, {"copied from the image before floor"}),
        (CENTRAL, {"center box of a track floor"}),
        (WILD, set()),
    ],
    ids=["steady", "still", "central", "wild"],
)
def test_a_track_that_can_be_guessed_fails(followed: list[Any], failing: set[str]) -> None:
    wild = [trace(place, WILD) for place in range(60)]
    planted = [trace(60 + place, followed) for place in range(60)]
    assert {check.name for check in track_measures(wild + planted) if check.status == "fail"} == failing


def test_tracks_that_lack_the_object_in_a_view_are_counted() -> None:
    made = [trace(place, WILD if place % 4 else [*WILD[:3], None]) for place in range(40)]
    *_, lack = track_measures([*made, trace(41, WILD[:2])])
    assert (lack.n, lack.value) == (40, 0.25)
