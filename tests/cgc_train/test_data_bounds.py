"""Sizes of images: the model's processor does not resize what we store, for any photo."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from cgc_train.data.bounds import MOST_ASPECT, Bounds, bounds_of
from cgc_train.data.images import ImageStore
from cgc_train.errors import TrainingDataError
from cgc_train.recipe import Recipe
from tests.cgc_train.made_rows import drawing

SIDES = st.integers(1, 6000)
BOUNDS = st.sampled_from([Bounds(), Bounds(32, 1024, 65_536), Bounds(32, 65_536, 262_144), Bounds(28, 3136, 100_000)])


@given(SIDES, SIDES, BOUNDS)
def test_stored_sizes_are_fixed_points_within_bounds(width: int, height: int, bounds: Bounds) -> None:
    assume(max(width, height) <= MOST_ASPECT * min(width, height))
    new_width, new_height = bounds.size(width, height)
    assert new_width % bounds.factor == new_height % bounds.factor == 0
    assert bounds.min_pixels <= new_width * new_height <= bounds.max_pixels
    assert bounds.fits(new_width, new_height)


@pytest.fixture(scope="session")
def smart_resize() -> Callable[..., tuple[int, int]]:
    """The processor's own function: height and width first."""
    module = pytest.importorskip("transformers.models.qwen2_vl.image_processing_qwen2_vl")
    return cast(Callable[..., tuple[int, int]], module.smart_resize)


@given(width=SIDES, height=SIDES, bounds=BOUNDS)
def test_the_arithmetic_is_the_processors(
    smart_resize: Callable[..., tuple[int, int]], width: int, height: int, bounds: Bounds
) -> None:
    assume(max(width, height) <= MOST_ASPECT * min(width, height))
    new_width, new_height = bounds.size(width, height)
    limits = {"factor": bounds.factor, "min_pixels": bounds.min_pixels, "max_pixels": bounds.max_pixels}
    assert smart_resize(new_height, new_width, **limits) == (new_height, new_width)
    assert bounds.fits(width, height) == (smart_resize(height, width, **limits) == (height, width))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        pytest.param((640, 480), (640, 480), id="a COCO photo fits"),
        pytest.param((640, 427), (640, 416), id="rounded to a multiple of 32"),
        pytest.param((100, 100), (256, 256), id="enlarged to the processor's minimum"),
        pytest.param((1280, 960), (736, 544), id="reduced below the most pixels"),
    ],
)
def test_sizes(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert Bounds().size(*size) == expected


def test_what_cannot_be_sized_is_said() -> None:
    with pytest.raises(TrainingDataError, match="too elongated"):
        Bounds().size(5000, 10)
    with pytest.raises(TrainingDataError, match=r"set data\.max_pixels to 65536 or more"):
        Bounds(max_pixels=60_000)
    with pytest.raises(TrainingDataError, match=r"cannot be resized to fit data\.max_pixels=4096"):
        Bounds(32, 4096, 4096).size(1997, 917)


def test_bounds_are_those_of_the_models_processor(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from cgc_train.model import load_processor
    from cgc_train.tiny import write_tiny

    folder = write_tiny(tmp_path / "tiny")
    values = {"name": "test", "model": {"name": str(folder)}, "data": {"release": "unused", "max_pixels": 16_384}}
    recipe = Recipe.model_validate(values)
    bounds = bounds_of(recipe)
    assert bounds == Bounds(32, 1024, 16_384)
    processor = load_processor(recipe.model, recipe.data.max_pixels)
    store = ImageStore(tmp_path / "images", bounds)
    for number, size in enumerate([(96, 64), (100, 70), (640, 427), (20, 20), (33, 400)]):
        path = store.add(drawing(number, size))
        shown = processor.image_processor(images=[str(path)], return_tensors="pt")
        _, rows, columns = shown["image_grid_thw"][0].tolist()
        assert Image.open(path).size == (16 * columns, 16 * rows), "nothing is left for the processor to resize"
    narrow = Recipe.model_validate({**values, "data": {"release": "unused", "max_pixels": 1024}})
    assert bounds_of(narrow).size(640, 480) == (32, 32)
