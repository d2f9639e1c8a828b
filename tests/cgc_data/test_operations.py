"""Operations: what each step does to pixels, that validation makes the same image, and what is refused."""

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from cgc_data.common.errors import PhotoError
from cgc_data.release.operations import Operation, Part, changes_of, compose, window_operations
from cgc_data.validate import composing
from cgc_data.validate.samples import Operation as Step
from cgc_data.validate.samples import Part as ReadPart
from cgc_data.validate.samples import View

SIDE = 64


def noise(seed: int) -> NDArray[np.uint8]:
    """A photo (64, 64, 3) of soft noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 2), dtype=np.uint8)


PHOTO, LENDER = noise(1), noise(2)
DISC = cv2.circle(np.zeros((SIDE, SIDE), np.uint8), (32, 32), 12, 1, -1)
COUNTS = coco_mask.encode(np.asfortranarray(DISC))["counts"].decode()


def lent(transform: list[float], mask: str = COUNTS) -> dict[str, Any]:
    names = ("source", "file_name", "license_url", "flickr_url")
    return {
        **dict.fromkeys(names, "x"),
        "image_id": 2,
        "license": 4,
        "annotation_id": "x:1",
        "transform": transform,
        "mask": mask,
    }


def rows(*steps: Operation) -> list[Any]:
    return [{"name": step.name, "values": list(step.values)} for step in (*steps, Operation("jpeg", (95.0,)))]


def image(*steps: Operation, transform: tuple[float, ...] = (1, 0, 0, 0, 1, 0)) -> NDArray[np.uint8]:
    content = compose(PHOTO, [Part(LENDER, lent(list(transform)))], rows(*steps), "photo.jpg")  # type: ignore[arg-type]
    return np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), dtype=np.uint8)


def derived(*steps: Operation, transform: tuple[float, ...], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The image as validation makes it."""
    names = ("source", "file_name", "license_url", "flickr_url")
    own = ReadPart(**dict.fromkeys(names, "x"), image_id=1, license=4, annotation_id="", transform=(), mask="")
    other = ReadPart(
        **dict.fromkeys(names, "x"), image_id=2, license=4, annotation_id="x:1", transform=transform, mask=COUNTS
    )
    crop = next((step.values for step in steps if step.name == "crop"), (0, 0, SIDE, SIDE))
    window = tuple(map(int, crop))
    view = View(
        source="x", image_id=1, file_name="x", window=window, width=size[0], height=size[1], role="focus",  # type: ignore[arg-type]
        license=4, license_url="x", flickr_url="x", changes="", parts=(own, other),
        operations=tuple(Step(step.name, step.values) for step in steps),
    )  # fmt: skip
    return composing.composed(view, lambda part: PHOTO if part.image_id == 1 else LENDER)


def test_a_crop_and_a_resize_show_the_window() -> None:
    shown = image(*window_operations((16, 8, 48, 40), (32, 32), 95)[:2])
    assert np.abs(shown.astype(int) - PHOTO[8:40, 16:48]).mean() < 3


def test_gains_are_of_red_green_and_blue() -> None:
    shown = image(Operation("gain", (1.0, 1.0, 0.0)))
    assert shown[:, :, 0].mean() < 5
    assert abs(shown[:, :, 2].mean() - PHOTO[:, :, 2].mean()) < 2


@pytest.mark.parametrize(("power", "darker"), [(1.25, True), (0.8, False)])
def test_a_power_above_one_darkens(power: float, darker: bool) -> None:
    assert (image(Operation("gamma", (power,))).mean() < PHOTO.mean()) == darker


def test_a_pasted_object_lies_where_its_transform_says() -> None:
    shown = image(Operation("paste", (1.0,)), transform=(0.5, 0, 10, 0, 0.5, 20)).astype(int)
    changed = np.abs(shown - image().astype(int)).sum(axis=2) > 25
    ys, xs = np.nonzero(changed)
    # the disc spans 20 to 45, and without its edge 21 to 44: 20.5 to 32 and 30.5 to 42
    assert 19 <= xs.min() <= 22
    assert 30 <= xs.max() <= 33
    assert 29 <= ys.min() <= 32
    assert 40 <= ys.max() <= 43


def test_an_object_that_shrinks_is_averaged() -> None:
    stripes = np.zeros((SIDE, SIDE, 3), np.uint8)
    stripes[:, ::2] = 255
    lender = Part(stripes, lent([0.25, 0, 20, 0, 0.25, 20]))  # type: ignore[arg-type]
    content = compose(PHOTO, [lender], rows(Operation("paste", (1.0,))), "photo.jpg")
    shown = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(shown[27:30, 27:30].astype(int) - 127).max() < 20


def test_a_box_is_drawn_in_red() -> None:
    shown = image(Operation("draw_box", (10.0, 10.0, 50.0, 40.0)))
    assert shown[10, 30, 2] > 180
    assert shown[10, 30, 0] < 90
    assert np.abs(shown[25, 30].astype(int) - PHOTO[25, 30]).max() < 30


@given(
    st.tuples(st.floats(0.1, 1.6), st.floats(-20, 40), st.floats(-20, 40)),
    st.tuples(st.floats(0.85, 1.15), st.floats(0.85, 1.15), st.floats(0.85, 1.15)),
    st.floats(0.8, 1.25),
    st.integers(24, 90),
)
def test_validation_makes_the_same_image(
    place: tuple[float, float, float], gains: tuple[float, float, float], power: float, side: int
) -> None:
    scale, x, y = place
    transform = (scale, 0.0, x, 0.0, scale, y)
    steps = (
        Operation("paste", (1.0,)),
        Operation("crop", (4.0, 0.0, 60.0, 56.0)),
        Operation("resize", (float((56 + side) // 2), float((56 + side) // 2))),
        Operation("resize", (float(side), float(side))),
        Operation("gain", gains),
        Operation("gamma", (power,)),
    )
    shown, expected = image(*steps, transform=transform), derived(*steps, transform=transform, size=(side, side))
    encoded = cv2.imencode(".jpg", expected, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    assert np.abs(shown.astype(int) - cv2.imdecode(encoded, cv2.IMREAD_COLOR)).mean() < 1


@pytest.mark.parametrize(
    "steps",
    [
        rows(Operation("crop", (0.0, 0.0, 99.0, 10.0))),
        rows(Operation("paste", (7.0,))),
        rows(Operation("paste", (0.0,))),
        rows(Operation("resize", (1e6, 1e6))),
        rows(Operation("gain", (1.0,))),
        rows(Operation("melt", ())),
        rows(Operation("resize", (0.0, 0.0))),
        [{"name": "crop", "values": [0, 0, 8, 8]}],
    ],
    ids=[
        "beyond the photo",
        "no such part",
        "the photo itself",
        "too large",
        "one gain",
        "unknown",
        "no size",
        "not encoded",
    ],
)
def test_steps_that_cannot_be_taken_name_the_photo(steps: list[Any]) -> None:
    with pytest.raises(PhotoError, match=r"photo\.jpg"):
        compose(PHOTO, [Part(LENDER, lent([1, 0, 0, 0, 1, 0]))], steps, "photo.jpg")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), "none"),
        (("crop", "resize", "jpeg"), "cropped and resized"),
        (("paste", "crop", "resize", "jpeg"), "objects of other photos added, cropped and resized"),
        (("gain", "jpeg"), "colors adjusted"),
    ],
)
def test_changes_are_told_in_words(names: tuple[str, ...], words: str) -> None:
    assert changes_of([Operation(name, ()) for name in names]) == words


@pytest.mark.parametrize("mask", ["", COUNTS[:-3], COUNTS + COUNTS, "~~~~~~", "é"], ids=ascii)
def test_a_mask_that_does_not_fill_its_photo_is_refused(mask: str) -> None:
    with pytest.raises(PhotoError, match=r"photo\.jpg: the operation 'paste' cannot be applied"):
        compose(PHOTO, [Part(LENDER, lent([1, 0, 0, 0, 1, 0], mask))], rows(Operation("paste", (1.0,))), "photo.jpg")  # type: ignore[arg-type]
