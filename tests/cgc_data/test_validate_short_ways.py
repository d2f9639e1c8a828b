"""The fast ways in which `validate` measures give the same values as the plain ways written here."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cgc_data.validate.colors import HISTOGRAMS, color_shares, likenesses
from cgc_data.validate.pictures import _halved
from cgc_data.validate.pixels import Pixels
from cgc_data.validate.raw import _Shape
from cgc_data.validate.sharpness import sharpness
from cgc_data.validate.statistics import clustered_auc

BINS: dict[str, Callable[[Pixels], NDArray[np.int64]]] = {
    "channels": lambda pixels: pixels.astype(np.int64) // 32 + 8 * np.arange(3),
    "cube": lambda pixels: pixels.astype(np.int64) // 32 @ np.array([[64], [8], [1]]),
    "hues": lambda pixels: hue_and_saturation(cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV).astype(np.int64)),
}


def hue_and_saturation(colors: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(colors[..., :1] // 15 * 12 + colors[..., 1:2] * 12 // 256)


def picture(seed: int, height: int, width: int) -> Pixels:
    """Blurred noise, so that neighbors are alike and many bins are empty."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 3), dtype=np.uint8)


def shares(codes: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.bincount(codes.ravel(), minlength=512) / (codes.shape[0] * codes.shape[1])


@pytest.mark.parametrize("name", HISTOGRAMS)
@pytest.mark.parametrize(("height", "width"), [(40, 40), (70, 131), (96, 64)])
def test_color_distances_are_those_of_every_box_by_itself(name: str, height: int, width: int) -> None:
    image = picture(height, height, width)
    piece, share = image[5:20, 7:30], (0.4, 0.3)
    found = likenesses(color_shares(piece), image, share)[name]
    cell = max(max(height, width) // 32, 1)
    rows, columns = height // cell, width // cell
    tall, wide = max(1, round(share[1] * height / cell)), max(1, round(share[0] * width / cell))
    codes, own = BINS[name](image[: rows * cell, : columns * cell]), shares(BINS[name](piece))
    apart = {
        (top, left): np.abs(
            shares(codes[top * cell : (top + tall) * cell, left * cell : (left + wide) * cell]) - own
        ).sum()
        for top in range(rows - tall + 1)
        for left in range(columns - wide + 1)
    }
    assert found.nearest == pytest.approx(min(apart.values()))
    assert found.apart == pytest.approx(np.abs(shares(codes) - own).sum())
    top, left = round(found.likest[1] * height / 1000 / cell), round(found.likest[0] * width / 1000 / cell)
    assert apart[top, left] == pytest.approx(found.nearest)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=30
    ),
    st.booleans(),
)
def test_an_area_is_the_share_of_pairs_within_strata(
    rows: list[tuple[int, bool, int, int]], strata_in_one_group: bool
) -> None:
    scores, truths, groups, strata = (np.array(column) for column in zip(*rows, strict=True))
    groups = np.unique(groups, return_inverse=True)[1]
    strata = strata + 10 * groups if strata_in_one_group else strata
    pairs = [
        (one > other) + 0.5 * (one == other)
        for one, stratum in zip(scores[truths], strata[truths], strict=True)
        for other in scores[~truths & (strata == stratum)]
    ]
    value, (low, high) = clustered_auc(scores.astype(float), truths, groups, strata)
    assert value == (pytest.approx(np.mean(pairs)) if pairs else 0.5)
    assert low <= high


@given(st.integers(0, 99), st.tuples(*[st.integers(-4, 30)] * 2), st.tuples(*[st.integers(1, 30)] * 2))
def test_a_mask_without_its_borders_has_the_pixels_of_the_mask(
    seed: int, start: tuple[int, int], side: tuple[int, int]
) -> None:
    mask = np.zeros((24, 32), np.uint8)
    mask[6:15, 9:20] = np.random.default_rng(seed).random((9, 11)) < 0.2
    x, y, width, height = cv2.boundingRect(mask)
    shape = _Shape(x, y, mask[y : y + height, x : x + width])
    window = (*start, start[0] + side[0], start[1] + side[1])
    left, top, right, bottom = (max(value, 0) for value in window)
    rows, columns = np.nonzero(mask[top:bottom, left:right])
    assert np.count_nonzero(shape.inside(window)) == len(rows)
    expected = (
        (left + columns.min(), top + rows.min(), left + columns.max() + 1, top + rows.max() + 1) if len(rows) else None
    )
    assert shape.tight(window) == expected


@pytest.mark.parametrize(("height", "width"), [(1, 1), (31, 40), (48, 63)])
def test_half_an_image_has_every_pixel(height: int, width: int) -> None:
    image = picture(3, height, width)
    even = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge").astype(float)
    means = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4
    assert np.abs(_halved(image) - means).max() <= 0.5


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    gray = picture(5, 50, 70)[..., 0]
    assert sharpness(gray) == pytest.approx(cv2.Laplacian(gray, cv2.CV_64F).var())
