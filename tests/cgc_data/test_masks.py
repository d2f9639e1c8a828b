"""Boxes and areas of masks in windows are those of the decoded pixels."""

import resource
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from cgc_data.common.errors import SegmentationError
from cgc_data.geometry import Window
from cgc_data.masks import (
    Rle,
    compressed_rle,
    intersection,
    mask_area,
    polygons_rle,
    run_lengths_rle,
    tight_box,
    tight_box_in_window,
    union,
    window_rle,
)

Pixels = npt.NDArray[np.uint8]

shapes = st.tuples(st.integers(1, 12), st.integers(1, 12))
pixels = shapes.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1)))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    x1, y1 = draw(st.integers(-3, 13)), draw(st.integers(-3, 13))
    return Window(x1, y1, x1 + draw(st.integers(1, 16)), y1 + draw(st.integers(1, 16)))


def encode(mask: Pixels) -> Rle:
    rle: Rle = coco_mask.encode(np.asfortranarray(mask))
    return rle


def box_of(mask: Pixels) -> tuple[float, ...] | None:
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return None
    return float(columns.min()), float(rows.min()), float(columns.max()) + 1, float(rows.max()) + 1


def run_lengths(mask: Pixels) -> list[int]:
    flat = np.concatenate([[0], mask.flatten("F"), [2]])
    changes = np.flatnonzero(np.diff(flat))
    lengths = np.diff(np.concatenate([[0], changes])).tolist()
    return [int(length) for length in lengths]


@settings(max_examples=200, deadline=None)
@given(mask=pixels, window=windows())
def test_window_of_a_mask_is_that_of_its_pixels(mask: Pixels, window: Window) -> None:
    inside = np.zeros_like(mask)
    inside[max(window.y1, 0) : max(window.y2, 0), max(window.x1, 0) : max(window.x2, 0)] = 1
    np.testing.assert_array_equal(coco_mask.decode(window_rle(window, *mask.shape)), inside)
    assert tight_box(encode(mask)) == box_of(mask)
    assert tight_box_in_window(encode(mask), window) == (box_of(mask & inside), int((mask & inside).sum()))


@settings(max_examples=100, deadline=None)
@given(data=st.data(), shape=shapes, count=st.integers(1, 4))
def test_union_and_intersection(data: st.DataObject, shape: tuple[int, int], count: int) -> None:
    masks = [data.draw(arrays(np.uint8, shape, elements=st.integers(0, 1))) for _ in range(count)]
    rles = [encode(mask) for mask in masks]
    assert mask_area(union(rles)) == int(np.maximum.reduce(masks).sum())
    assert mask_area(intersection(rles)) == int(np.minimum.reduce(masks).sum())


@settings(max_examples=200, deadline=None)
@given(mask=pixels, data=st.data())
def test_run_lengths_with_empty_runs_are_the_mask(mask: Pixels, data: st.DataObject) -> None:
    runs = run_lengths(mask)
    at = data.draw(st.integers(0, len(runs) - 1))
    if runs[at] > 1:  # the run in two, with an empty one of the other color between
        runs[at : at + 1] = [1, 0, runs[at] - 1]
    rle = run_lengths_rle(runs, *mask.shape)
    np.testing.assert_array_equal(coco_mask.decode(rle), mask)
    assert mask_area(intersection([rle, rle])) == int(mask.sum())


@settings(max_examples=200, deadline=None)
@given(
    mask=shapes.flatmap(lambda s: arrays(np.uint8, (s[0] * 20, s[1] * 20), elements=st.integers(0, 1), fill=st.just(0)))
)
def test_compressed_run_lengths_are_read_as_pycocotools_writes_them(mask: Pixels) -> None:
    counts = encode(mask)["counts"].decode()
    np.testing.assert_array_equal(coco_mask.decode(compressed_rle(counts, *mask.shape)), mask)


@settings(max_examples=200, deadline=None)
@given(counts=st.text(max_size=12))
def test_any_string_is_a_mask_or_refused(counts: str) -> None:
    try:
        assert mask_area(compressed_rle(counts, 6, 7)) <= 42
    except SegmentationError:
        return


@pytest.mark.parametrize(
    ("polygons", "area"),
    [
        ([], None),
        ([[1, 1], [2, 2, 3, 3]], None),
        ([[1, 1, 4, 1, 4, 3, 1, 3]], 6),
        ([[1, 1, 4, 1, 4, 3, 1, 3], [2, 1, 5, 1, 5, 3, 2, 3], [0, 0]], 8),
        ([[-9, -9, 99, -9, 99, 99, -9, 99]], 50),
        ([[50, 50, 60, 50, 60, 60]], 0),
    ],
)
def test_polygons(polygons: Any, area: int | None) -> None:
    rle = polygons_rle(polygons, 5, 10)
    assert (rle and mask_area(rle)) == area


@pytest.mark.parametrize("polygon", [[1, 1, 2, 2, 3, 3, 4], [0, 0, 1e6, 0, 3, 3], [0, 0, float("nan"), 0, 3, 3]])
def test_damaged_polygons_are_refused(polygon: list[float]) -> None:
    with pytest.raises(SegmentationError):
        polygons_rle([polygon], 5, 10)


@settings(max_examples=100, deadline=None)
@given(mask=pixels, cuts=st.lists(st.integers(0, 40), max_size=5))
def test_runs_of_length_zero_change_nothing(mask: Pixels, cuts: list[int]) -> None:
    counts = run_lengths(mask)
    for cut in cuts:  # a run in two parts, with none of the other kind between them
        place = cut % len(counts)
        counts[place : place + 1] = [counts[place] - counts[place] // 2, 0, counts[place] // 2]
    assert run_lengths_rle(counts, *mask.shape) == encode(mask)


HUGE = 16_000
ZIGZAG = [value for step in range(3_000) for value in ((0, 0) if step % 2 else (90_000, 90_000))]
MASKS_THAT_CLAIM = {
    "runs": lambda: run_lengths_rle([0, 0, 0, HUGE * HUGE], HUGE, HUGE),
    "polygon": lambda: polygons_rle([[0, 0, HUGE, 0, HUGE, HUGE, 0, HUGE]], HUGE, HUGE),
    "endless polygon": lambda: polygons_rle([ZIGZAG], HUGE, HUGE),
    "endless number": lambda: compressed_rle("o" * 2_000_000, HUGE, HUGE),
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("claim", MASKS_THAT_CLAIM)
def test_a_mask_of_a_huge_photo_takes_little_memory_and_time(claim: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if claim.startswith("endless"):
        with pytest.raises(SegmentationError, match="long"):
            MASKS_THAT_CLAIM[claim]()
    else:
        rle = MASKS_THAT_CLAIM[claim]()
        assert rle is not None
        assert tight_box(rle) == (0, 0, HUGE, HUGE)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10  # KB
