"""`intra/region`: pieces at their stated places, breaches that are found, no place revealed by colors."""

import copy
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cgc_data.builder.remove import remove_photo
from cgc_data.config import Source
from cgc_data.geometry import Window, iou
from cgc_data.look.sample import read_sample
from cgc_data.metrics import score_item, truth_of
from cgc_data.plan.colors import Colors
from cgc_data.plan.pieces import APART, Piece, Tone, apart, draw_rectangles, draw_tone, is_unique_in_views, windows_of
from cgc_data.plan.questions import View
from cgc_data.plan.resemblance import LARGEST, Picture, Scene, gray, only_at
from cgc_data.release.operations import OPERATIONS, window_operations
from cgc_data.release.read import open_release
from cgc_data.release.reference import load_reference
from cgc_data.tasks.intra.region import REGION
from cgc_data.validate import validate
from cgc_data.validate.colors import HISTOGRAMS, Likeness
from cgc_data.validate.limits import Limits
from cgc_data.validate.pixels import decode
from cgc_data.validate.report import Check
from cgc_data.validate.resemblance import search
from cgc_data.validate.tasks.intra_region import measures
from cgc_data.validate.trace import Trace
from cgc_train.data.ablation import without_distractors
from cgc_train.reward import gold_check
from cgc_train.traces import trace
from tests.cgc_data.tasks_alone import RawChecks, build_alone, real_sources, rows_of

Row = dict[str, Any]
Pixels = NDArray[np.uint8]
SAMPLES = 40


@pytest.fixture(scope="module")
def release(painted: list[Source], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_alone(REGION.id, painted, SAMPLES, tmp_path_factory.mktemp("region") / "release")


@pytest.fixture(scope="module")
def rows(release: Path) -> list[Row]:
    return rows_of(release)


@pytest.fixture(scope="module")
def checks(release: Path) -> RawChecks:
    return RawChecks(release)


def in_photo(row: Row) -> bool:
    return row["query"]["img_idx"] is not None


def first(rows: list[Row], wanted: Callable[[Row], bool]) -> Row:
    return copy.deepcopy(next(row for row in rows if wanted(row)))


# -- rows


def test_both_forms_are_asked_of_several_numbers_of_images(rows: list[Row]) -> None:
    assert len(rows) >= 0.9 * SAMPLES
    assert sum(map(in_photo, rows)) / len(rows) == pytest.approx(0.5, abs=0.1)
    assert len({len(row["views"]) for row in rows if in_photo(row)}) >= 3
    assert len({len(row["views"]) for row in rows if not in_photo(row)}) >= 2
    for row in rows:
        given_image, pieces = row["query"]["ref_img_idx"], row["reference_images"]
        assert given_image in pieces
        assert row["query"]["ref_bbox"] is None
        assert row["query"]["labels"] == row["evidence"] == []
        assert (row["answer_images"] == [1]) if in_photo(row) else (pieces == [1])
        assert len({view["image_id"] for view in row["views"]}) == 1


def test_the_answer_is_where_the_piece_was_cut_from(rows: list[Row]) -> None:
    for row in rows:
        (found,) = row["objects"]
        view, piece = row["views"][found["img_idx"] - 1], row["views"][row["query"]["ref_img_idx"] - 1]
        left, top, right, bottom = view["window"]
        x1, y1, x2, y2 = piece["window"]
        width, height = right - left, bottom - top
        true = [(x1 - left) / width, (y1 - top) / height, (x2 - left) / width, (y2 - top) / height]
        assert found["bbox_2d"] == pytest.approx([1000 * value for value in true], abs=0.51)
        assert (found["label"], found["annotation_id"]) == ("region", "")


def test_the_images_alone_give_the_answer(rows: list[Row]) -> None:
    """A search that knows neither windows nor photos finds each piece at the place in the row."""
    for row in rows[::3]:
        images = [decode(image["bytes"]) for image in row["images"]]
        piece = images[row["query"]["ref_img_idx"] - 1]
        found = max((*best_match(piece, images[number - 1]), number) for number in row["answer_images"])
        (answer,) = row["objects"]
        assert found[2] == answer["img_idx"]
        assert iou(found[1], answer["bbox_2d"]) > 0.6


def best_match(piece: Pixels, image: Pixels) -> tuple[float, tuple[float, float, float, float]]:
    """Highest correlation of a piece with an image at any size, and its box (0-1000)."""
    scale = 128 / max(image.shape[:2])
    scene = cv2.cvtColor(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    best = (-1.0, (0.0, 0.0, 0.0, 0.0))
    for longer in np.geomspace(12, 120, 40):
        grown = longer / max(piece.shape[:2])
        small = cv2.cvtColor(
            cv2.resize(piece, None, fx=grown, fy=grown, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY
        )
        if small.shape[0] <= scene.shape[0] and small.shape[1] <= scene.shape[1] and min(small.shape) > 7:
            _, score, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(scene, small, cv2.TM_CCOEFF_NORMED))
            across, down = 1000 / scene.shape[1], 1000 / scene.shape[0]
            box = (x * across, y * down, (x + small.shape[1]) * across, (y + small.shape[0]) * down)
            best = max(best, (score, box))
    return best


def test_windows_to_choose_from_are_alike(rows: list[Row]) -> None:
    for row in (row for row in rows if not in_photo(row)):
        views = row["views"][1:]
        assert len({(v["width"], v["height"], v["window"][2] - v["window"][0]) for v in views}) == 1
        assert all(v["width"] <= 2 * (v["window"][2] - v["window"][0]) + 1 for v in row["views"])


def test_the_release_is_valid(release: Path) -> None:
    report = validate(release)
    assert report.failed() == []
    for name in ("pieces", "pieces apart", "pieces unique"):
        assert report.check(name).n >= 0.9 * SAMPLES


def test_a_release_without_images_is_the_same(painted: list[Source], rows: list[Row], tmp_path: Path) -> None:
    build_alone(REGION.id, painted, SAMPLES, tmp_path / "R", images="reference")
    composed = {row["id"]: row["images"] for row in load_reference(tmp_path / "R")}
    assert composed == {row["id"]: row["images"] for row in rows}


@pytest.mark.parametrize(("named", "forms"), [(0.0, {False}), (1.0, {True})])
def test_the_mix_of_forms_is_a_setting(painted: list[Source], tmp_path: Path, named: float, forms: set[bool]) -> None:
    build_alone(REGION.id, painted, 8, tmp_path / "R", named_image=named, images="reference")
    assert {in_photo(dict(row)) for row in open_release(tmp_path / "R").rows()} == forms


def test_removing_a_photo_removes_its_rows(release: Path, rows: list[Row], tmp_path: Path) -> None:
    photo = rows[0]["views"][0]["image_id"]
    gone = remove_photo(release, photo, tmp_path / "R")
    assert gone == sum(row["views"][0]["image_id"] == photo for row in rows)


def test_scores(rows: list[Row]) -> None:
    for row in rows[:8]:
        truth, answer = truth_of(row), f"<think>I look.</think>\n<answer>{row['answer']}</answer>"  # type: ignore[arg-type]
        right = score_item(answer, truth)
        assert (right.accuracy, right.leaked, right.source) == (1, False, None if in_photo(row) else True)
        box = {**json.loads(row["answer"])[0], "img_idx": row["query"]["ref_img_idx"]}
        assert score_item(f"<think>I look.</think>\n<answer>{json.dumps([box])}</answer>", truth).leaked
        other = json.dumps([{**json.loads(row["answer"])[0], "label": "thing"}])
        assert score_item(f"<think>I look.</think>\n<answer>{other}</answer>", truth).accuracy == 1


def test_training_takes_the_rows_as_they_are(rows: list[Row]) -> None:
    assert gold_check(rows) == []  # type: ignore[arg-type]
    assert all(without_distractors(row) == row for row in rows)  # type: ignore[arg-type]


def test_traces_name_images_and_no_coordinates(rows: list[Row]) -> None:
    for row in rows:
        said = trace(row)  # type: ignore[arg-type]
        numbers = {int(word.strip(".,")) for word in said.split() if word.strip(".,").isdigit()}
        named = {row["query"]["ref_img_idx"], row["objects"][0]["img_idx"]}
        assert named <= numbers <= named | set(row["answer_images"])


def test_the_gallery_marks_the_piece_and_says_what_other_windows_lack(release: Path, rows: list[Row]) -> None:
    row = first(rows, lambda row: not in_photo(row))
    sample = read_sample(row, {s["key"]: s for s in open_release(release).manifest["sources"]})  # type: ignore[arg-type]
    assert [box.tag for box in sample.views[0].boxes] == ["given"]
    for view in sample.views[1:]:
        assert bool(view.boxes) != bool(view.why)
        assert not view.unwarranted


# -- breaches


def moved(row: Row) -> None:
    x1, y1, x2, y2 = row["objects"][0]["bbox_2d"]
    shift = 40 if x2 < 950 else -40
    view = row["views"][row["objects"][0]["img_idx"] - 1]
    row["objects"][0]["bbox_2d"] = [x1 + shift, y1, x2 + shift, y2]
    row["objects"][0]["bbox_px"][0] += shift * view["width"] / 1000
    row["objects"][0]["bbox_px"][2] += shift * view["width"] / 1000
    row["answer"] = row["answer"].replace(json.dumps([x1, y1, x2, y2]), json.dumps([x1 + shift, y1, x2 + shift, y2]))


def other_image(row: Row) -> None:
    found = row["objects"][0]
    other = next(number for number in row["answer_images"] if number != found["img_idx"])
    row["answer"] = row["answer"].replace(f'"img_idx": {found["img_idx"]}', f'"img_idx": {other}')
    found["img_idx"] = other


def other_piece(row: Row) -> None:
    row["query"]["ref_img_idx"] = next(n for n in row["reference_images"] if n != row["query"]["ref_img_idx"])


def an_object(row: Row) -> None:
    row["objects"][0]["annotation_id"] = "coco-0:1"


def gives_a_box(row: Row) -> None:
    row["query"]["ref_bbox"] = [0, 0, 500, 500]


def labeled(row: Row) -> None:
    row["query"]["labels"] = ["dog"]


def strong_colors(row: Row) -> None:
    operation(row, "gain")["values"] = [1.4, 1.0, 1.0]


def too_dark(row: Row) -> None:
    operation(row, "gamma")["values"] = [2.0]


def same_colors(row: Row) -> None:
    steps = row["views"][row["query"]["ref_img_idx"] - 1]["operations"]
    steps[:] = [step for step in steps if step["name"] not in ("gain", "gamma")]


def wrong_role(row: Row) -> None:
    view = row["views"][row["objects"][0]["img_idx"] - 1]
    view["role"] = "context"


def shows_the_piece(row: Row) -> None:
    """Another piece is cut from next to the asked one."""
    x1, y1, x2, y2 = row["views"][row["query"]["ref_img_idx"] - 1]["window"]
    other = next(n for n in row["reference_images"] if n != row["query"]["ref_img_idx"])
    row["views"][other - 1]["window"] = [x1, y1, x2 - 1, y2 - 1]


def window_shows_the_piece(row: Row) -> None:
    found = row["objects"][0]["img_idx"]
    other = next(number for number in row["answer_images"] if number != found)
    row["views"][other - 1]["window"] = row["views"][found - 1]["window"]


def larger_window(row: Row) -> None:
    other = next(number for number in row["answer_images"] if number != row["objects"][0]["img_idx"])
    row["views"][other - 1]["width"] += 40


def whole_as_window(row: Row) -> None:
    row["views"][0]["window"][2] -= 20
    row["views"][0]["width"] -= 20


def operation(row: Row, name: str) -> Row:
    steps = row["views"][row["query"]["ref_img_idx"] - 1]["operations"]
    return next(step for step in steps if step["name"] == name)


BREACHES: dict[str, tuple[Callable[[Row], None], bool, str]] = {
    "the box is elsewhere": (moved, True, "pieces"),
    "the box is in another window": (other_image, False, "pieces"),
    "another piece is asked for": (other_piece, True, "pieces"),
    "the answer is called an object": (an_object, True, "pieces"),
    "a box is given": (gives_a_box, False, "row form"),
    "a label is asked for": (labeled, True, "row form"),
    "colors are changed too much": (strong_colors, True, "pieces"),
    "it is too dark": (too_dark, False, "pieces"),
    "colors are not changed": (same_colors, False, "pieces"),
    "the window with the answer has the role of another": (wrong_role, False, "pieces"),
    "another piece shows part of it": (shows_the_piece, True, "pieces apart"),
    "another window shows it": (window_shows_the_piece, False, "pieces apart"),
    "one window is larger": (larger_window, False, "pieces"),
    "the photo is cut": (whole_as_window, True, "pieces"),
}


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_is_found(name: str, rows: list[Row], checks: RawChecks) -> None:
    change, in_the_photo, check = BREACHES[name]
    row = first(rows, lambda row: in_photo(row) == in_the_photo and len(row["views"]) > 3)
    assert checks.breached(row) == set()
    change(row)
    assert check in checks.breached(row)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_copy_of_the_piece_in_the_raw_photo_is_found(
    mirrored: bool, rows: list[Row], checks: RawChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = first(rows, in_photo)
    x1, y1, x2, y2 = row["views"][row["query"]["ref_img_idx"] - 1]["window"]
    read = checks.world.pixels.of

    def copied(part: Any) -> Pixels:
        photo = read(part).copy()
        half = cv2.resize(photo[y1:y2, x1:x2], None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
        height, width = half.shape[:2]
        x = 0 if x1 > photo.shape[1] - x2 else photo.shape[1] - width
        y = 0 if y1 > photo.shape[0] - y2 else photo.shape[0] - height
        photo[y : y + height, x : x + width] = half[:, ::-1] if mirrored else half
        return photo

    assert checks.breached(row) == set()
    monkeypatch.setattr(checks.world.pixels, "of", copied)
    monkeypatch.setattr(checks.world, "composed", checks.world._composed)  # which remembers no view
    assert "pieces unique" in checks.breached(row)


# -- parts of the proof


def texture(height: int, width: int, seed: int) -> Pixels:
    """Blobs of several sizes, nowhere alike."""
    rng = np.random.default_rng(seed)
    levels = [cv2.resize(rng.normal(size=(height // s, width // s)), (width, height)) * s for s in (8, 16, 32)]
    total = sum(levels)
    spread = (total - total.min()) / np.ptp(total) * 255
    return np.repeat(spread.astype(np.uint8)[:, :, None], 3, axis=2)


COPIES = [(size, mirrored) for size in (0.53, 0.66, 0.8, 0.94, 1.06, 1.3, 1.6, 1.9) for mirrored in (False, True)]


@pytest.mark.parametrize(("size", "mirrored"), COPIES)
def test_a_copy_at_any_size_is_found_by_planner_and_check(size: float, mirrored: bool) -> None:
    photo, window = texture(480, 640, 3), Window(40, 60, 200, 190)
    assert only_at(*placed(photo, window))
    piece = photo[window.y1 : window.y2, window.x1 : window.x2]
    copied = cv2.resize(piece, None, fx=size, fy=size, interpolation=cv2.INTER_AREA)
    height, width = copied.shape[:2]
    photo[480 - height - 9 : 471, 640 - width - 7 : 633] = copied[:, ::-1] if mirrored else copied
    assert not only_at(*placed(photo, window))
    home = (float(window.x1), float(window.y1), float(window.x2), float(window.y2))
    found = search(piece, photo, (window.width, window.height), home)
    assert found.home > 0.95
    assert found.elsewhere > 0.7


def placed(photo: Pixels, window: Window) -> tuple[Any, tuple[int, int], Scene, Any]:
    """A piece in gray, its size, the photo it is from, and its place there."""
    scene = Scene.of(Picture(photo), Window(0, 0, photo.shape[1], photo.shape[0]))
    shown = gray(Picture(photo).shown(window, LARGEST * scene.scale))
    return shown, (window.width, window.height), scene, scene.place(window)


@pytest.mark.parametrize(("quality", "unique"), [(90, True), (1, False)])
def test_a_piece_is_checked_as_the_release_shows_it(quality: int, unique: bool) -> None:
    cells = np.random.default_rng(0).integers(0, 256, (240, 240))
    photo = np.repeat(np.kron(cells, np.ones((2, 2))).astype(np.uint8)[:, :, None], 3, axis=2)
    frame = (100, 120, 213, 215)
    steps = window_operations(frame, (113, 95), quality)
    piece = View(0, Window(*frame), 113, 95, "reference", operations=steps)
    shown = View(0, Window(0, 0, 480, 480), 320, 320, "context")
    assert is_unique_in_views(Picture(photo), piece, [shown], quality) is unique


def test_a_piece_from_elsewhere_has_no_home() -> None:
    piece = texture(160, 160, 8)
    scene = Scene.of(Picture(texture(480, 640, 3)), Window(0, 0, 640, 480))
    small = cv2.resize(gray(piece), (48, 48), interpolation=cv2.INTER_AREA)
    assert only_at(small, (160, 160), scene, None)
    assert not only_at(small, (160, 160), scene, (10.0, 10.0, 34.0, 34.0))


@given(st.integers(60, 900), st.integers(60, 900), st.floats(0.02, 0.4), st.integers(1, 90), st.integers(0, 2**32 - 1))
def test_rectangles_are_inside_and_large_enough(width: int, height: int, area: float, least: int, seed: int) -> None:
    inside = Window(7, 11, 7 + width, 11 + height)
    for window in windows_of(draw_rectangles(inside, (area / 2, area), least, np.random.default_rng(seed))):
        assert inside.x1 <= window.x1 < window.x2 <= inside.x2
        assert inside.y1 <= window.y1 < window.y2 <= inside.y2
        assert min(window.width, window.height) >= least


rectangles = st.tuples(*[st.integers(0, 60)] * 2, *[st.integers(1, 40)] * 2)


@given(rectangles, rectangles)
def test_apart_is_no_common_pixel_of_the_grown_window(
    one: tuple[int, int, int, int], other: tuple[int, int, int, int]
) -> None:
    (x, y, w, h), (left, top, width, height) = one, other
    seen = np.zeros((160, 160), dtype=bool)
    seen[top + 20 - APART : top + 20 + height + APART, left + 20 - APART : left + 20 + width + APART] = True
    free = not seen[y + 20 : y + 20 + h, x + 20 : x + 20 + w].any()
    window = Window(left, top, left + width, top + height)
    assert apart(np.array([[x, y, x + w, y + h]]), [window])[0] == free


def test_tones_stay_within_their_bounds_and_differ_by_channel() -> None:
    tones = [draw_tone(np.random.default_rng(seed)) for seed in range(200)]
    gains = np.array([tone.gain for tone in tones])
    assert (np.abs(gains - 1) <= 0.15).all()
    assert (np.ptp(gains, axis=1) > 0).all()
    assert all(0.8 <= tone.gamma <= 1.25 for tone in tones)


def test_a_tone_is_what_its_operations_do() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    tone = draw_tone(np.random.default_rng(2))
    expected = pixels
    for step in tone.operations:
        expected = OPERATIONS[step.name](expected, step.values, ())
    assert (tone.applied(pixels) == expected).all()
    assert (tone.applied(pixels) != pixels).any()


def test_colors_are_counted_at_their_levels() -> None:
    photo = np.random.default_rng(4).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    photo[0, :3] = [[0, 255, 0], [255, 0, 255], [255, 255, 255]]  # the ends of all scales
    window, expected = Window(0, 0, 50, 40), np.zeros(3 * 16 + 6**3 + 10**2)
    for blue, green, red in photo.reshape(-1, 3).tolist():
        hues = [min(max(apart + 80, 0), 159) // 16 for apart in (red - green, blue - (red + green) // 2)]
        joint = sum(value * 6 // 256 * 6**place for place, value in enumerate((red, green, blue)))
        for place in (blue // 16, 16 + green // 16, 32 + red // 16, 48 + joint, 264 + 10 * hues[0] + hues[1]):
            expected[place] += 1
    found = Colors(Picture(photo), window).of(Piece(window, Tone((1.0, 1.0, 1.0), 1.0)))
    assert found == pytest.approx(expected / photo[..., 0].size)


# -- shortcuts


def honest(number: int) -> list[Trace]:
    """Traces in which neither colors nor one box reveal anything."""
    rng = np.random.default_rng(5)
    return [_trace(name, rng) for name in range(number)]


def _trace(name: int, rng: np.random.Generator) -> Trace:
    named, count = bool(name % 2), int(rng.integers(2, 6))
    x, y, w, h = (int(v) for v in rng.integers([0, 0, 200, 200], [600, 600, 350, 350]))
    x2, y2 = (int(v) for v in rng.integers(0, 600, 2))
    return Trace(
        id=str(name),
        contrast="intra",
        task="region",
        template_id="region_in/0" if named else "region/0",
        label="region",
        words=frozenset(),
        sizes=((400, 300),) * (count + 1),
        num_bytes=(9000,) * (count + 1),
        enlargements=(1.0,) * (count + 1),
        candidates=(1,) if named else tuple(range(2, count + 2)),
        photos=(f"photo {name}",) * (count + 1),
        annotated=(0,) * (count + 1),
        targets=frozenset({1 if named else int(rng.integers(2, count + 2))}),
        boxes=((x, y, x + w, y + h),),
        reference=None,
        relation="",
        named=named,
        tuple_id=str(name),
        pair_id="",
        focus=None,
        sharpness=tuple(rng.uniform(100, 900, count + 1).tolist()),
        colors=tuple(
            {name: Likeness(*rng.random(2).tolist(), (x2, y2, x2 + w, y2 + h)) for name in HISTOGRAMS}
            for _ in range(count + 1)
        ),
    )


def in_color(change: Callable[[Likeness, bool], Likeness], *histograms: str) -> Callable[[Trace], Trace]:
    """What each histogram of each image reveals, changed by whether the image contains the answer."""

    def changed(trace: Trace) -> Trace:
        colors = [
            {name: change(one, n in trace.targets) if name in histograms else one for name, one in image.items()}
            for n, image in enumerate(trace.colors, 1)
        ]
        return replace(trace, colors=tuple(colors))

    return changed


def whole_image(sign: int) -> Callable[[Likeness, bool], Likeness]:
    return lambda one, holds: replace(one, apart=sign * (0.0 if holds else 1.0))


def has_a_likely_place(one: Likeness, holds: bool) -> Likeness:
    return replace(one, nearest=0.6 * one.nearest) if holds else one


def box_in_color(histogram: str) -> Callable[[Trace], Trace]:
    return lambda trace: in_color(lambda one, _: replace(one, likest=trace.boxes[0]), histogram)(trace)


def sharper(trace: Trace) -> Trace:
    """The image with the answer is often, but not always, the sharpest."""
    values = [(600 if n in trace.targets else 100) + value / 2 for n, value in enumerate(trace.sharpness, 1)]
    return replace(trace, sharpness=tuple(values))


PLANTED: dict[str, tuple[Callable[[Trace], Trace], str]] = {
    "the window nearest in color": (in_color(whole_image(1), "channels"), "answer image by color"),
    "the window farthest in color": (in_color(whole_image(-1), "channels"), "answer image by color"),
    "the window with a place of like colors": (
        in_color(has_a_likely_place, *HISTOGRAMS),
        "answer image by a learned matcher",
    ),
    "the sharpest window": (sharper, "answer image by a learned matcher"),
    **{f"the place of the same {name}": (box_in_color(name), f"place by color ({name})") for name in HISTOGRAMS},
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_shortcut_is_found(name: str) -> None:
    change, check = PLANTED[name]
    assert statuses(honest(400))[check].status != "fail"
    found = statuses([change(trace) for trace in honest(400)])[check]
    assert found.status == "fail"
    assert found.interval is not None


def statuses(traces: Sequence[Trace]) -> dict[str, Check]:
    return {check.name: check for check in measures(traces, Limits())}


def test_real_rows_have_no_shortcut(rows: list[Row], checks: RawChecks) -> None:
    found = statuses(checks.traces(rows))
    assert set(found) == {check for _, check in PLANTED.values()}
    assert [name for name, check in found.items() if check.status == "fail"] == []


# -- real photos


def test_real_photos_give_rows_that_are_valid(real_data: Path, tmp_path: Path) -> None:
    build_alone(REGION.id, real_sources(real_data), 44, tmp_path / "R")
    found = [dict(row) for row in open_release(tmp_path / "R").rows()]
    assert len(found) >= 40
    assert len({row["views"][0]["image_id"] for row in found}) >= 15
    assert Counter(map(in_photo, found))[True] == pytest.approx(len(found) / 2, abs=2)
    assert validate(tmp_path / "R").failed() == []
