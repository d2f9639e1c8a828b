"""Casts a scene: chooses the kinds of objects, how many of each kind appear, their variants, and where each object
stands, hangs, or flies.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

from cgc_data.painter.kinds import KINDS, Kind, Look, sketch
from cgc_data.painter.pen import Layer
from cgc_data.painter.places import ALOFT, MOST, STANDING, Place

REFERENCE = (640, 480)  # width and height, in pixels, of the photo that heights refer to
TRIES = 40
NEW_LOOK = 0.3  # probability that the next instance of a kind looks different from the previous one


@dataclass(frozen=True)
class Settings:
    """How full scenes are. `kinds` and `objects` are ranges (min, max) for the number of kinds and the number of
    objects.

    `overlap` is the largest overlap of two boxes, as a share of the smaller box.
    """

    kinds: tuple[int, int] = (3, 6)
    objects: tuple[int, int] = (5, 10)
    overlap: float = 0.3
    crowd: float = 0.06  # probability of a crowd
    tiny: float = 0.08  # probability that an outdoor object is far away and tiny
    cut: float = 0.12  # probability that an object may extend past the border
    shadow: bool = True


@dataclass(frozen=True)
class Actor:
    """A drawn object, and the position of its upper left pixel. The object can extend past the edge of the photo."""

    kind: Kind
    look: Look
    layer: Layer
    x: int
    y: int
    standing: bool
    crowd: bool = False

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x1, y1, x2, y2 in pixels, where x2 and y2 are exclusive."""
        height, width = self.layer.alpha.shape
        return self.x, self.y, self.x + width, self.y + height

    @property
    def labels(self) -> tuple[str, ...]:
        """The LVIS names of the object.

        A crowd has the names of every variant of its kind, because its members can differ.
        """
        if self.crowd:
            return tuple(sorted({name for names in self.kind.looks for name in names}))
        return self.kind.looks[self.look.variant]


def cast(place: Place, size: tuple[int, int], settings: Settings, rng: np.random.Generator) -> list[Actor]:
    """The objects (actors) in a scene of `size` (width, height), farthest first."""
    casting = _Casting(place, size, settings, rng)
    actors = [casting.crowd()] if place.crowds and rng.random() < settings.crowd else []
    for kind, look, standing in casting.roles():
        attempts = (casting.put(kind, look, standing, actors) for _ in range(3))
        actors += list(islice(filter(None, attempts), 1))
    return sorted(actors, key=lambda actor: (actor.standing, actor.box[3]))


@dataclass(frozen=True)
class _Casting:
    place: Place
    size: tuple[int, int]
    settings: Settings
    rng: np.random.Generator

    def roles(self) -> Iterator[tuple[Kind, Look, bool]]:
        """Choose the kind and the look of every object, and whether the object stands.

        The tallest objects come first, because they need the most room.
        """
        options = [(k, True) for k in self.place.stands] + [(k, False) for k in self.place.aloft]
        weights = np.array([*self.place.stands.values(), *self.place.aloft.values()])
        wanted = self._between(self.settings.objects)
        number = min(self._between(self.settings.kinds), wanted, len(options))
        picks = self.rng.choice(len(options), number, replace=False, p=weights / weights.sum())
        counts = 1 + np.bincount(self.rng.integers(number, size=wanted - number), minlength=number)
        for pick, count in sorted(zip(picks, counts, strict=True), key=lambda p: -KINDS[options[p[0]][0]].tall):
            kind, standing = KINDS[options[pick][0]], options[pick][1]
            look = self._look(kind, standing)
            for _ in range(min(int(count), MOST.get(kind.name, int(count)))):
                yield kind, look, standing
                look = self._look(kind, standing) if self.rng.random() < NEW_LOOK else self._posed(look, kind)

    def put(self, kind: Kind, look: Look, standing: bool, others: list[Actor]) -> Actor | None:
        """Place one more object; return None if there is no room for it."""
        width, height = self.size
        band = self.place.ground if standing else self.place.air
        depth, scale = self._depth()
        layer = sketch(kind, look, self._tall(kind) * scale)
        rows, columns = layer.alpha.shape
        y = round((band[0] + (band[1] - band[0]) * depth) * height) - (rows if standing else 0)
        y = max(y, round(0.01 * height))
        slack = 0.3 if self.rng.random() < self.settings.cut else -0.02
        low, high = -slack * columns, width - (1 - slack) * columns
        for _ in range(TRIES if low < high else 0):
            actor = Actor(kind, look, layer, round(float(self.rng.uniform(low, high))), y, standing)
            if all(_overlap(actor, other) <= self.settings.overlap for other in others):
                return actor
        return None

    def crowd(self) -> Actor:
        """A cluster of small objects of one kind at the back of the ground, as a single actor."""
        kind, look = KINDS[str(self.rng.choice(self.place.crowds))], Look(0, 0)
        tall = self._tall(kind) * (0.34 if self.place.open else 0.42)
        reach = (self.size[0] * self.rng.uniform(0.25, 0.4), tall * 0.9)
        offsets = np.round(self.rng.uniform(0, reach, (int(self.rng.integers(14, 26)), 2))).astype(int)
        offsets = offsets[np.argsort(offsets[:, 1], kind="stable")]
        layers = [sketch(kind, self._look(kind, True), tall * self.rng.uniform(0.9, 1.1)) for _ in offsets]
        columns, rows = np.max([corner + la.alpha.shape[::-1] for corner, la in zip(offsets, layers, strict=True)], 0)
        whole = Layer(np.zeros((rows, columns, 3), np.uint8), np.zeros((rows, columns), np.uint8))
        for (x, y), layer in zip(offsets.tolist(), layers, strict=True):
            whole.receive(layer, x, y)
        x = int(self.rng.integers(0, max(self.size[0] - int(columns), 1)))
        y = round(self.place.ground[0] * self.size[1]) - int(rows)
        return Actor(kind, look, whole.cropped(), x, y, True, crowd=True)

    def _between(self, bounds: tuple[int, int]) -> int:
        return int(self.rng.integers(bounds[0], bounds[1] + 1))

    def _depth(self) -> tuple[float, float]:
        """A random position between the back (0) and the front (1) of the band in which an object is placed.

        Also returns the scale of an object at this position.
        """
        if self.place.open and self.rng.random() < self.settings.tiny:
            return 0.0, self.place.depth * float(self.rng.uniform(0.16, 0.28))
        depth = float(self.rng.random())
        return depth, (self.place.depth + (1 - self.place.depth) * depth) * float(self.rng.uniform(0.85, 1.15))

    def _tall(self, kind: Kind) -> float:
        even = self.place.even * float(np.sqrt(kind.size[1] / kind.size[0]))
        enlarged = float(np.sqrt(self.size[0] * self.size[1] / (REFERENCE[0] * REFERENCE[1])))
        return (even or kind.tall) * self.place.zoom * enlarged

    def _look(self, kind: Kind, standing: bool) -> Look:
        sensible: Mapping[str, tuple[int, ...]] = STANDING if standing else ALOFT
        variants = sensible.get(kind.name, tuple(range(len(kind.looks))))
        picked = (int(self.rng.choice(variants)), int(self.rng.integers(len(kind.palettes))))
        return self._posed(Look(*self.place.look.get(kind.name, picked)), kind)

    def _posed(self, look: Look, kind: Kind) -> Look:
        """The same look in a random pose."""
        turn = float(self.rng.uniform(-kind.turn, kind.turn))
        flip = bool(self.rng.random() < 0.5) and kind.mirrors
        return Look(look.variant, look.palette, flip, turn)


def _overlap(a: Actor, b: Actor) -> float:
    """Area of the intersection of two boxes, divided by the area of the smaller box."""
    (ax, ay, ax2, ay2), (bx, by, bx2, by2) = a.box, b.box
    shared = max(0, min(ax2, bx2) - max(ax, bx)) * max(0, min(ay2, by2) - max(ay, by))
    return shared / min((ax2 - ax) * (ay2 - ay), (bx2 - bx) * (by2 - by))
