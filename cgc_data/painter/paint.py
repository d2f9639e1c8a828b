"""Paints a whole dataset: photos in train2017/ and val2017/ folders, and their COCO and LVIS files.

Every photo has its own random stream, so requesting more photos does not change the earlier photos.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import orjson

from cgc_data.common.errors import ConfigError
from cgc_data.common.folder import filled, is_free
from cgc_data.painter.annotations import Photo, Record, coco_file, lvis_file
from cgc_data.painter.awkward import CASES, PERIOD, encode, spoil
from cgc_data.painter.casting import Settings
from cgc_data.painter.composer import compose
from cgc_data.painter.outlines import trace
from cgc_data.painter.places import LARGE, PLACES, PLAIN, Place

Preset: TypeAlias = Literal["standard", "easy", "single", "large"]
PRESETS: tuple[Preset, ...] = get_args(Preset)
Size: TypeAlias = tuple[int, int]

SIZES: tuple[Size, ...] = (
    (640, 480),
    (640, 427),
    (480, 640),
    (640, 480),
    (427, 640),
    (640, 360),
    (500, 375),
    (612, 612),
)
TRAIN, HELD_OUT, LVIS_ONLY = 0, 1, 2  # parts of a preset, each with its own random streams and photo numbers


@dataclass(frozen=True)
class PaintedSource:
    """One source for a build: an annotation file, its images folder, and the settings of the source."""

    kind: Literal["coco", "lvis"]
    annotations: Path
    images: Path
    exhaustive: bool | None
    split: Literal["auto", "test"]


@dataclass(frozen=True)
class _Recipe:
    places: tuple[Place, ...]
    sizes: tuple[Size, ...]
    settings: Settings
    photos: int
    held_out: float  # photos of the held-out file, as a share of those of the train file
    lvis_only: float
    cases: Mapping[int, str]


_RECIPES = {
    "standard": _Recipe(PLACES, SIZES, Settings(), 160, 0.375, 0.125, CASES),
    "easy": _Recipe(PLAIN, ((128, 128),), Settings((2, 3), (2, 4), overlap=0.12, cut=0, shadow=False), 200, 0.3, 0, {}),
    # one large object per photo: what a model without any training on pictures learns first
    "single": _Recipe(
        LARGE, ((128, 128),), Settings((1, 1), (1, 2), overlap=0.1, cut=0, shadow=False), 400, 0.1, 0, {}
    ),
    # few objects, large enough for windows around them: every task can use them
    "large": _Recipe(
        PLAIN, ((256, 256),), Settings((1, 3), (1, 3), overlap=0.1, cut=0, shadow=False), 400, 0.25, 0, {}
    ),
}


def paint(preset: Preset, out: Path, *, seed: int = 0, photos: int | None = None) -> list[PaintedSource]:
    """Paint a preset into the folder `out`. `photos` is the number of photos in the train file; the preset's number by
    default.

    The same arguments always produce the same bytes. Raises ConfigError if the preset is unknown, if `photos` is below
    1, or if `out` already contains files.
    """
    if preset not in _RECIPES:
        raise ConfigError(f"there is no preset {preset!r}; choose from {', '.join(PRESETS)}")
    recipe = _RECIPES[preset]
    count = recipe.photos if photos is None else photos
    if count < 1:
        raise ConfigError(f"{count} photos cannot be painted: give a number of 1 or more")
    if not is_free(out):
        raise ConfigError(f"{out} is not an empty folder: choose another one to paint into")
    with filled(out):
        return _paint(recipe, count, preset, out, seed)


def _paint(recipe: _Recipe, count: int, preset: Preset, out: Path, seed: int) -> list[PaintedSource]:
    images, annotations = out / "images", out / "annotations"
    for folder in (images / "train2017", images / "val2017", annotations):
        folder.mkdir(parents=True, exist_ok=True)
    train = [_photo(recipe, images, seed, TRAIN, k) for k in range(count)]
    test = [_photo(recipe, images, seed, HELD_OUT, k) for k in range(max(round(count * recipe.held_out), 1))]
    kinds = None if preset == "standard" else sorted(recipe.places[0].stands)
    sources = [
        _write("coco", annotations / "instances_train.json", images, spoil(coco_file(train, kinds), train), "auto"),
        _write("coco", annotations / "instances_test.json", images, coco_file(test, kinds), "test"),
    ]
    if recipe.lvis_only:
        alone = [_photo(recipe, images, seed, LVIS_ONLY, k) for k in range(max(round(count * recipe.lvis_only), 1))]
        listed = lvis_file([*train[::2], *alone], np.random.Generator(np.random.PCG64([seed, 9])))
        sources.append(_write("lvis", annotations / "lvis_train.json", images, listed, "auto"))
    return sources


def _photo(recipe: _Recipe, images: Path, seed: int, part: int, number: int) -> Photo:
    case = recipe.cases.get(number % PERIOD, "") if part == TRAIN else ""
    # a near-duplicate repeats the scene of the previous photo
    scene_number = number - 1 if case == "duplicate" else number
    rng = np.random.Generator(np.random.PCG64([seed, part, scene_number]))
    place = _place(recipe, seed, part, scene_number)
    size = recipe.sizes[int(rng.integers(len(recipe.sizes)))]
    settings = replace(recipe.settings, cut=0.7) if case == "past_border" else recipe.settings
    scene = compose(place, size, settings, rng, empty=case == "empty")
    folder = "val2017" if part == HELD_OUT or (part == LVIS_ONLY and number % 2) else "train2017"
    path = f"{folder}/{place.name}-{_identity(part, number):04d}.jpg"
    (images / path).write_bytes(encode(scene.pixels, case))
    return Photo(path, *size, tuple(trace(instance) for instance in scene.instances), case)


def _identity(part: int, number: int) -> int:
    """The number in the file name of a photo, which is unique across the train, test, and LVIS-only photos."""
    return part * 1000 + number + 1 if number < 1000 else (part + 1) * 1_000_000 + number


def _place(recipe: _Recipe, seed: int, part: int, number: int) -> Place:
    """The place that a photo shows. The photos cycle through all places, in a new random order each time."""
    turn, index = divmod(number, len(recipe.places))
    order = np.random.Generator(np.random.PCG64([seed, 10 + part, turn])).permutation(len(recipe.places))
    return recipe.places[int(order[index])]


def _write(
    kind: Literal["coco", "lvis"], path: Path, images: Path, content: Record, split: Literal["auto", "test"]
) -> PaintedSource:
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY))
    return PaintedSource(kind, path, images, True if kind == "coco" else None, split)
