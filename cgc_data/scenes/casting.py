"""Casting a scene: which kinds appear, how often, in which look, and where each stands, hangs or flies."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cgc_data.scenes.kinds import KINDS, Kind, Look, sketch
from cgc_data.scenes.pen import Layer
from cgc_data.scenes.places import ALOFT, MOST, STANDING, Place

REFERENCE_SIDE = 480  # shorter side, in pixels, of the photo for which heights are given
TRIES = 40


@dataclass(frozen=True)
class Settings:
    """How full scenes are: (from, to) numbers of kinds and objects; how far boxes may overlap, as a share of the smaller."""

    kinds: tuple[int, int] = (3, 6)
    objects: tuple[int, int] = (5, 10)
    overlap: float = 0.3
    crowd: float = 0.06  # chance of a crowd
    tiny: float = 0.08  # chance that an object outdoors is far off and tiny
    cut: float = 0.12  # chance that an object may reach past the border
    shadow: bool = True


@dataclass(frozen=True)
class Actor:
    """A drawn object with the place of its upper left pixel; it may reach past the photo."""

    kind: Kind
    look: Look
    layer: Layer
    x: int
    y: int
    standing: bool
    crowd: bool = False

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x1, y1, x2, y2 in pixels, half-open."""
        height, width = self.layer.alpha.shape
        return self.x, self.y, self.x + width, self.y + height


def cast(place: Place, size: tuple[int, int], settings: Settings, rng: np.random.Generator) -> list[Actor]:
    """The actors of a scene of `size` (width, height), farthest first."""
    actors = [_crowd(place, size, rng)] if place.crowds and rng.random() < settings.crowd else []
    for kind, standing, count in _choose(place, settings, rng):
        look = _look(place, kind, standing, rng)
        for _ in range(count):
            actor = _put(place, size, kind, look, standing, actors, settings, rng)
            actors += [actor] if actor else []
            look = _look(place, kind, standing, rng) if rng.random() < 0.3 else _again(look, kind, rng)
    return sorted(actors, key=lambda actor: (actor.standing, actor.box[3]))


def _choose(place: Place, settings: Settings, rng: np.random.Generator) -> list[tuple[Kind, bool, int]]:
    """Kinds, whether they stand, and how many; the tallest first, because they need the most room."""
    options = [(name, True, w) for name, w in place.stands.items()] + [(name, False, w) for name, w in place.aloft.items()]
    wanted = int(rng.integers(settings.objects[0], settings.objects[1] + 1))
    number = min(int(rng.integers(settings.kinds[0], settings.kinds[1] + 1)), wanted, len(options))
    weights = np.array([weight for *_, weight in options])
    picks = rng.choice(len(options), number, replace=False, p=weights / weights.sum())
    counts = np.ones(number, int) + np.bincount(rng.integers(number, size=wanted - number), minlength=number)
    named = [(*options[p][:2], int(n)) for p, n in zip(picks, counts, strict=True)]
    chosen = [(KINDS[name], standing, min(n, MOST.get(name, n))) for name, standing, n in named]
    return sorted(chosen, key=lambda choice: -choice[0].tall)


def _look(place: Place, kind: Kind, standing: bool, rng: np.random.Generator) -> Look:
    sensible: Mapping[str, tuple[int, ...]] = STANDING if standing else ALOFT
    variants = sensible.get(kind.name, tuple(range(len(kind.looks))))
    picked = (int(rng.choice(variants)), int(rng.integers(len(kind.palettes))))
    return _again(Look(*place.look.get(kind.name, picked)), kind, rng)


def _again(look: Look, kind: Kind, rng: np.random.Generator) -> Look:
    """The same look in another pose: a sibling that only its place tells apart."""
    return Look(look.variant, look.palette, bool(rng.random() < 0.5), float(rng.uniform(-kind.turn, kind.turn)))


def _put(
    place: Place, size: tuple[int, int], kind: Kind, look: Look, standing: bool, others: list[Actor], settings: Settings,
    rng: np.random.Generator,
) -> Actor | None:  # fmt: skip
    """Find room for one more object; None where there is none."""
    width, height = size
    tiny = place.outdoors and rng.random() < settings.tiny
    band = place.ground if standing else place.air
    depth = 0.0 if tiny else float(rng.random())
    scale = (place.depth + (1 - place.depth) * depth) * (rng.uniform(0.16, 0.28) if tiny else rng.uniform(0.85, 1.15))
    usual = place.even * float(np.sqrt(kind.size[1] / kind.size[0])) if place.even else kind.tall
    tall = usual * place.zoom * min(size) / REFERENCE_SIDE * float(scale)
    layer = sketch(kind, look, tall)
    rows, columns = layer.alpha.shape
    y = round((band[0] + (band[1] - band[0]) * depth) * height) - (rows if standing else 0)
    slack = 0.3 if rng.random() < settings.cut else -0.02
    low, high = -slack * columns, width - (1 - slack) * columns
    for _ in range(TRIES if low < high else 0):
        actor = Actor(kind, look, layer, round(float(rng.uniform(low, high))), y, standing)
        if all(_overlap(actor, other) <= settings.overlap for other in others):
            return actor
    return None


def _overlap(a: Actor, b: Actor) -> float:
    """Intersection of two boxes over the area of the smaller."""
    (ax, ay, ax2, ay2), (bx, by, bx2, by2) = a.box, b.box
    shared = max(0, min(ax2, bx2) - max(ax, bx)) * max(0, min(ay2, by2) - max(ay, by))
    return shared / min((ax2 - ax) * (ay2 - ay), (bx2 - bx) * (by2 - by))


def _crowd(place: Place, size: tuple[int, int], rng: np.random.Generator) -> Actor:
    """A cluster of small objects of one kind at the back of the ground, as one actor."""
    kind = KINDS[str(rng.choice(place.crowds))]
    tall = kind.tall * place.zoom * min(size) / REFERENCE_SIDE * 0.34
    reach = np.array([size[0] * rng.uniform(0.25, 0.4), tall * 0.9])
    offsets = rng.uniform(0, reach, (int(rng.integers(14, 26)), 2))
    order = np.argsort(offsets[:, 1])
    layers = [sketch(kind, _look(place, kind, True, rng), tall * float(rng.uniform(0.9, 1.1))) for _ in order]
    look = _look(place, kind, True, rng)
    shape = np.max([(x + la.alpha.shape[1], y + la.alpha.shape[0]) for (x, y), la in zip(offsets, layers, strict=True)], axis=0)
    columns, rows = (int(np.ceil(s)) + 1 for s in shape)
    whole = Layer(np.zeros((rows, columns, 3), np.uint8), np.zeros((rows, columns), np.uint8))
    for k in order:
        whole.receive(layers[k], round(float(offsets[k, 0])), round(float(offsets[k, 1])))
    x = round(float(rng.uniform(0, max(size[0] - columns, 1))))
    return Actor(kind, look, whole.cropped(), x, round(place.ground[0] * size[1]) - rows, True, crowd=True)
