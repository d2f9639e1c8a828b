"""What a window shows of an instance: visible, gone or ambiguous, with the tight box of what it shows."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from cgc_data.config import Limits
from cgc_data.geometry import Window
from cgc_data.plan.truth import Truth, fits
from tests.cgc_data.drawn import HEIGHT, WIDTH, Thing, coco, index_of, rectangle

BOX = (100, 80, 80, 60)  # x 100..180, y 80..140
RING = [rectangle((20, 20, 60, 40))[0], rectangle((200, 150, 90, 60))[0]]  # one instance in two pieces
WHOLE = Window(0, 0, WIDTH, HEIGHT)
SHAPES = {
    "rectangle": rectangle(BOX),
    "two pieces": RING,
    "triangle": [[40.5, 200.2, 150.7, 30.1, 290.3, 180.9]],
}
SHAPE_BOXES = {"rectangle": BOX, "two pieces": (20, 20, 270, 190), "triangle": (40.5, 30.1, 249.8, 170.1)}


def truth_of(folder: Path, things: Sequence[Thing], limits: Limits | None = None) -> Truth:
    index = index_of(coco(folder, {"a.jpg": things}, exhaustive=True), cache=folder)
    return Truth(index, limits or Limits())


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    names = ("airplane", "banana", "carrot")  # instances are sorted by concept
    things = [
        Thing(name, SHAPE_BOXES[shape], {"segmentation": segmentation})
        for name, (shape, segmentation) in zip(names, SHAPES.items(), strict=True)
    ]
    return truth_of(tmp_path_factory.mktemp("shapes"), things)


@pytest.mark.parametrize(
    ("window", "expected", "box"),
    [
        ((0, 0, WIDTH, HEIGHT), "visible", (100, 80, 180, 140)),
        ((100, 80, 180, 140), "visible", (100, 80, 180, 140)),
        ((132, 0, 320, 240), "visible", (132, 80, 180, 140)),  # 60 % of it
        ((150, 0, 320, 240), "ambiguous", (150, 80, 180, 140)),  # 37 %
        ((179, 0, 320, 240), "ambiguous", (179, 80, 180, 140)),
        ((181, 0, 320, 240), "ambiguous", None),  # gone, but not from the margin
        ((187, 0, 320, 240), "ambiguous", None),
        ((188, 0, 320, 240), "gone", None),
        ((0, 0, 320, 72), "gone", None),
        ((0, 0, 320, 73), "ambiguous", None),
    ],
)
def test_visible_gone_or_ambiguous(
    tmp_path: Path, window: tuple[int, int, int, int], expected: str, box: tuple[int, int, int, int] | None
) -> None:
    sighting = truth_of(tmp_path, [Thing("dog", BOX)]).see(0, Window(*window))
    assert (sighting.state, sighting.box) == (expected, box)


def test_the_share_that_is_visible_and_the_margin_are_settings(tmp_path: Path) -> None:
    cut, beyond = Window(132, 0, 320, 240), Window(188, 0, 320, 240)
    strict = truth_of(tmp_path / "a", [Thing("dog", BOX)], Limits(visible=0.7, margin=20))
    assert [strict.see(0, window).state for window in (cut, beyond)] == ["ambiguous", "ambiguous"]
    loose = truth_of(tmp_path / "b", [Thing("dog", BOX)], Limits(visible=0.3, margin=0))
    assert [loose.see(0, Window(150, 0, 320, 240)).state, loose.see(0, Window(180, 0, 320, 240)).state] == [
        "visible",
        "gone",
    ]


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ((0, 0, WIDTH, HEIGHT), "visible"),
        ((100, 80, 180, 140), "visible"),
        ((101, 0, 320, 240), "ambiguous"),  # nearly whole, but its mask is not known
        ((181, 0, 320, 240), "ambiguous"),
        ((188, 0, 320, 240), "gone"),
    ],
)
def test_without_a_mask_only_whole_or_missing_boxes_count(
    tmp_path: Path, window: tuple[int, int, int, int], expected: str
) -> None:
    truth = truth_of(tmp_path, [Thing("dog", BOX, {"segmentation": None})])
    sighting = truth.see(0, Window(*window))
    assert (truth.fault(0), truth.has_mask(0), sighting.state) == ("", False, expected)
    assert sighting.box == ((100, 80, 180, 140) if expected == "visible" else None)


@pytest.mark.parametrize(
    ("box", "segmentation", "fault"),
    [
        (BOX, rectangle(BOX), ""),
        ((102, 82, 78, 58), rectangle(BOX), ""),  # 2 px
        ((97.4, 80, 82.6, 60), rectangle(BOX), ""),  # 2 px + 1 % of 82.6
        ((96, 80, 84, 60), rectangle(BOX), "mask and box differ"),
        ((100, 80, 80, 66), rectangle(BOX), "mask and box differ"),
        ((100, 80, 220, 160), None, ""),
        ((310, 80, 80, 60), rectangle((310, 80, 80, 60)), ""),  # both past the border
        ((100, 80, 0, 0), [[100, 80, 100, 80, 100, 80]], "zero area"),
        ((100, 80, 0, 40), None, "zero area"),
        ((400, 80, 40, 40), None, "zero area"),  # all of it past the border
        (BOX, {"size": [HEIGHT, WIDTH], "counts": [WIDTH * HEIGHT]}, "zero area"),
    ],
    ids=str,
)
def test_what_cannot_be_used_at_all(tmp_path: Path, box: tuple[float, ...], segmentation: object, fault: str) -> None:
    assert truth_of(tmp_path, [Thing("dog", box, {"segmentation": segmentation})]).fault(0) == fault  # type: ignore[arg-type]


@pytest.mark.parametrize("segmentation", ["scribble", {"size": [5, 5], "counts": [25]}], ids=str)
def test_a_segmentation_that_cannot_be_read_is_a_fault_of_the_instance(tmp_path: Path, segmentation: object) -> None:
    fault = truth_of(tmp_path, [Thing("dog", BOX, {"segmentation": segmentation})]).fault(0)
    assert fault.startswith("unreadable mask: ")


sides = st.tuples(st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1), st.integers(1, WIDTH), st.integers(1, HEIGHT))


@given(shape=st.integers(0, 2), drawn=sides)
def test_as_decoding_the_whole_mask_says(shapes: Truth, shape: int, drawn: tuple[int, int, int, int]) -> None:
    x, y, width, height = drawn
    window = Window(x, y, min(x + width, WIDTH), min(y + height, HEIGHT))
    polygons = list(SHAPES.values())[shape]
    whole = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, HEIGHT, WIDTH))).astype(bool)
    shown = np.zeros_like(whole)
    shown[window.y1 : window.y2, window.x1 : window.x2] = whole[window.y1 : window.y2, window.x1 : window.x2]
    sighting = shapes.see(shape, window)
    assert sighting.share == pytest.approx(shown.sum() / whole.sum())
    if shown.any():
        rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
        assert sighting.box == (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        assert sighting.state == ("visible" if shown.sum() >= 0.5 * whole.sum() else "ambiguous")
    else:
        grown = whole[max(window.y1 - 8, 0) : window.y2 + 8, max(window.x1 - 8, 0) : window.x2 + 8]
        assert (sighting.box, sighting.state) == (None, "ambiguous" if grown.any() else "gone")


@pytest.mark.parametrize(
    ("box", "size", "expected"),
    [
        ((0, 0, 30, 30), (320, 240), True),
        ((0, 0, 23.9, 100), (320, 240), False),  # too thin
        ((0, 0, 24, 24), (320, 240), True),
        ((0, 0, 24, 24), (640, 480), False),  # below 0.2 % of the view
        ((0, 0, 40, 40), (1280, 960), False),  # shrunk to the pixel budget it is 23 px
        ((0, 0, 60, 60), (1280, 960), True),
        ((0, 0, 30, 150), (320, 240), True),
        ((0, 0, 30, 151), (320, 240), False),  # too long
    ],
)
def test_what_may_be_asked_for(box: tuple[float, float, float, float], size: tuple[int, int], expected: bool) -> None:
    assert fits(box, *size, Limits()) == expected
