"""Composes one scene: the picture, and the exact mask of the visible part of every object.

Simplification: if two objects overlap, the object whose feet are lower in the picture is in front. Every flying or
hanging object is behind every standing object.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from cgc_data.painter.casting import Actor, Settings, cast
from cgc_data.painter.pen import Bytes
from cgc_data.painter.places import Place
from cgc_data.painter.stage import Stage

Mask = npt.NDArray[np.bool_]
LEAST_VISIBLE = 0.45  # share of an object's pixels; objects with less visible are omitted from the scene


@dataclass(frozen=True)
class Instance:
    """One object to annotate: COCO kind, LVIS names, and the (H, W) mask of its visible pixels."""

    kind: str
    labels: tuple[str, ...]  # for a crowd: the names of any of its members
    mask: Mask
    crowd: bool


@dataclass(frozen=True)
class Scene:
    """RGB pixels (H, W, 3) of a picture, and every annotated object in the picture."""

    pixels: Bytes
    instances: tuple[Instance, ...]


def compose(
    place: Place, size: tuple[int, int], settings: Settings, rng: np.random.Generator, *, empty: bool = False
) -> Scene:
    """Compose a scene of `size` (width, height); `empty` draws the place without objects."""
    stage = Stage(*size, rng)
    place.paint(stage)
    shown = _visible([] if empty else cast(place, size, settings, rng), size)
    for actor, _ in shown:
        if settings.shadow and actor.standing:
            _cast_shadow(stage.pixels, actor)
        actor.layer.paste(stage.pixels, actor.x, actor.y)
    found = (Instance(actor.kind.name, actor.labels, mask, actor.crowd) for actor, mask in shown)
    return Scene(stage.pixels, tuple(found))


def _visible(actors: list[Actor], size: tuple[int, int]) -> list[tuple[Actor, Mask]]:
    """The actors that are visible enough (`LEAST_VISIBLE`) and the masks of their visible parts, from back to front."""
    covered: Mask = np.zeros((size[1], size[0]), bool)
    kept = []
    for actor in reversed(actors):
        own = actor.layer.placed_mask(size, actor.x, actor.y)
        seen = own & ~covered
        if np.count_nonzero(seen) >= LEAST_VISIBLE * np.count_nonzero(actor.layer.mask):
            covered |= own
            kept.append((actor, seen))
    return kept[::-1]


def _cast_shadow(pixels: Bytes, actor: Actor) -> None:
    """Darken the ground under the feet of an object."""
    x1, _, x2, bottom = actor.box
    half, flat = (x2 - x1) * 0.5, max((x2 - x1) * 0.06, 2)
    top, left = max(int(bottom - flat * 2), 0), max(x1 - 4, 0)
    ground = pixels[top : int(bottom + flat), left : x2 + 4]
    if not ground.size:
        return
    shade: Bytes = np.zeros(ground.shape[:2], np.uint8)
    center = (round((x1 + half - left) * 16), round((bottom - flat * 0.6 - top) * 16))
    cv2.ellipse(shade, center, (round(half * 16), round(flat * 16)), 0, 0, 360, 64, -1, cv2.LINE_AA, 4)
    ground[:] = ground - (ground * (shade[:, :, None] / 255.0)).astype(np.uint8)
