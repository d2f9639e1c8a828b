"""Boxes keep their place through every conversion, and overlap as in pycocotools."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from cgc_data.geometry import (
    Window,
    box_area,
    ciou_matrix,
    clip_box,
    from_thousand,
    iou,
    iou_matrix,
    map_box_to_photo,
    map_box_to_view,
    to_thousand,
)

Box = tuple[float, float, float, float]
SIZES = st.integers(1, 12_000)


@st.composite
def views_with_box(draw: st.DrawFn) -> tuple[Box, int, int]:
    """A box of some extent inside a view, and the view's width and height."""
    width, height = draw(SIZES), draw(SIZES)
    x1, x2 = _side(draw, width)
    y1, y2 = _side(draw, height)
    return (x1, y1, x2, y2), width, height


def _side(draw: st.DrawFn, size: int) -> tuple[float, float]:
    ends = st.floats(0, size, allow_subnormal=False)
    low, high = sorted(draw(st.lists(ends, min_size=2, max_size=2, unique=True)))
    return low, high


thousand_boxes = st.builds(
    lambda x, y: (*sorted(x), *sorted(y)),
    *[st.lists(st.integers(0, 1000), min_size=2, max_size=2, unique=True)] * 2,
).map(lambda ends: (ends[0], ends[2], ends[1], ends[3]))
any_boxes = st.lists(st.tuples(*[st.floats(-2000, 2000)] * 4), max_size=6)


@given(views_with_box())
def test_scale_is_true_within_half_a_unit_or_one_where_a_side_would_collapse(
    view: tuple[Box, int, int],
) -> None:
    box, width, height = view
    scaled = to_thousand(box, width, height)
    assert 0 <= scaled[0] < scaled[2] <= 1000
    assert 0 <= scaled[1] < scaled[3] <= 1000
    back = from_thousand(scaled, width, height)
    for axis, size in ((0, width), (1, height)):
        units = 0.5 if (box[axis + 2] - box[axis]) * 1000 / size >= 1 else 1.0
        for end in (axis, axis + 2):
            assert abs(back[end] - box[end]) <= (units + 1e-6) * size / 1000


@given(thousand_boxes, SIZES, SIZES)
def test_scaled_box_survives_pixels(box: tuple[int, int, int, int], width: int, height: int) -> None:
    assert to_thousand(from_thousand(box, width, height), width, height) == box


@pytest.mark.parametrize(
    ("box", "size", "expected"),
    [
        ((0, 0, 640, 480), (640, 480), (0, 0, 1000, 1000)),
        ((-5, -5, 700, 500), (640, 480), (0, 0, 1000, 1000)),
        ((1, 3, 5, 7), (2000, 2000), (1, 2, 3, 4)),  # halves go up
        ((100.1, 100.1, 100.2, 100.2), (1000, 1000), (100, 100, 101, 101)),
        ((0, 0, 0.01, 0.01), (1000, 1000), (0, 0, 1, 1)),
        ((999.99, 999.99, 1000, 1000), (1000, 1000), (999, 999, 1000, 1000)),
        ((99.9, 99.9, 100.05, 100.2), (1000, 1000), (99, 100, 100, 101)),
    ],
)
def test_scale_of_known_boxes(box: Box, size: tuple[int, int], expected: tuple[int, ...]) -> None:
    scaled = to_thousand(box, *size)
    assert scaled == expected
    assert all(type(value) is int for value in scaled)


def test_scale_takes_arrays() -> None:
    assert to_thousand(np.array([64.0, 48.0, 128.0, 96.0]), 640, 480) == (100, 100, 200, 200)


@pytest.mark.parametrize(
    "box",
    [(5, 5, 5, 9), (9, 5, 5, 9), (-9, 0, 0, 5), (100, 0, 120, 5), (float("nan"), 0, 5, 5), (0, 0, float("inf"), 5)],
)
def test_box_without_extent_in_the_view_is_refused(box: Box) -> None:
    with pytest.raises(ValueError, match="does not overlap"):
        to_thousand(box, 100, 100)


@given(views_with_box(), st.tuples(*[st.integers(0, 500)] * 2), SIZES, SIZES)
def test_mapping_to_a_view_can_be_undone(
    view: tuple[Box, int, int], corner: tuple[int, int], width: int, height: int
) -> None:
    box, window_width, window_height = view
    window = Window(*corner, corner[0] + window_width, corner[1] + window_height)
    there = map_box_to_view(box, window, width, height)
    np.testing.assert_allclose(map_box_to_photo(there, window, width, height), box, rtol=1e-9, atol=1e-6)


def test_window_fills_its_view() -> None:
    window = Window(10, 20, 30, 60)
    boxes = [(10, 20, 30, 60), (20, 40, 30, 60), (0, 0, 10, 20)]
    expected = [(0, 0, 200, 100), (100, 50, 200, 100), (-100, -50, 0, 0)]
    np.testing.assert_allclose(map_box_to_view(boxes, window, 200, 100), expected)
    assert (window.width, window.height) == (20, 40)


@pytest.mark.parametrize("corners", [(5, 0, 5, 9), (0, 5, 9, 5), (9, 0, 5, 9)])
def test_window_is_never_empty(corners: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="empty window"):
        Window(*corners)


def test_area_and_clipping_take_one_box_or_many() -> None:
    boxes = [[0, 0, 4, 5], [-3, -3, 2, 2], [20, 20, 30, 30], [4, 4, 2, 2]]
    assert box_area((0, 0, 4, 5)) == 20
    assert box_area(boxes).tolist() == [20, 25, 100, 0]
    assert clip_box(boxes, 10, 8).tolist() == [[0, 0, 4, 5], [0, 0, 2, 2], [10, 8, 10, 8], [4, 4, 2, 2]]
    assert box_area(clip_box(boxes, 10, 8)).tolist() == [20, 4, 0, 0]


@given(any_boxes, any_boxes)
@example(*[[(0.0, -1e-158, 1e-281, 0.0)]] * 2)
def test_iou_equals_pycocotools(first: list[Box], second: list[Box]) -> None:
    ours = iou_matrix(first, second)
    assert ours.shape == (len(first), len(second))
    assert ((ours >= 0) & (ours <= 1)).all()
    if first and second:
        xywh = [[[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in boxes] for boxes in (first, second)]
        theirs = coco_mask.iou(*(np.array(boxes, dtype=float) for boxes in xywh), [0] * len(second))
        np.testing.assert_allclose(ours, np.nan_to_num(theirs), atol=1e-12)


@given(thousand_boxes, thousand_boxes)
def test_iou_of_answer_boxes_is_exact(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    assert iou(a, b) == iou(b, a) == float(Fraction(width * height, union))


@pytest.mark.parametrize("other", [(0, 0, 0, 0), (5, 5, 2, 2), (3, 0, 3, 9), (0, 0, 10, 10)])
def test_degenerate_boxes_overlap_nothing(other: Box) -> None:
    assert iou((4, 4, 4, 4), other) == 0
    assert iou((7, 7, 2, 2), other) == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_iou_refuses_what_is_not_finite(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        iou((0, 0, value, 1), (0, 0, 1, 1))


def test_complete_iou_is_that_of_torchvision() -> None:
    torch, ops = pytest.importorskip("torch"), pytest.importorskip("torchvision.ops")

    @given(*[st.lists(thousand_boxes, max_size=5)] * 2)
    def compare(first: list[Box], second: list[Box]) -> None:
        ours = ciou_matrix(first, second)
        assert ours.shape == (len(first), len(second))
        if first and second:
            boxes = (torch.tensor(part, dtype=torch.float64) for part in (first, second))
            assert ours == pytest.approx(ops.complete_box_iou(*boxes).numpy(), abs=1e-5)
            assert ours.max() <= 1

    compare()
