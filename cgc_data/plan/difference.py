"""`intra/difference`: pastes objects from other photos into both views of a photo, and one more object into only one
view.
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from cgc_data.answer.wording import template_count
from cgc_data.common.errors import PhotoError
from cgc_data.plan.askable import Askable
from cgc_data.plan.framing import Framing, Framings, draw_operations
from cgc_data.plan.lenders import Lenders
from cgc_data.plan.offered import Mask
from cgc_data.plan.pastes import Pastes
from cgc_data.plan.planner import Draw, Tried
from cgc_data.plan.questions import Family, Question, Shown, View, box_in_view, set_name
from cgc_data.plan.standing import Paste, Standing
from cgc_data.plan.thumbnails import Thumbnails
from cgc_data.plan.truth import fits
from cgc_data.plan.windows import CONTEXT, FOCUS
from cgc_data.tasks.intra import VIEWS
from cgc_data.tasks.intra.difference import DIFFERENCE

ADDED = 3, 4  # number of added objects; both views show all but one of them
ALIGNED = 0.5  # share of view pairs that show the same window of the photo
VIEWS_OF_A_PHOTO = 2
NOT_LENT = "other photos have too few whole objects that match this photo's objects in category and height"
NO_PLACE = "too few free places for pasted objects, or no two views that show the same objects"


@dataclass(frozen=True)
class _Scene:
    """The objects added to a photo, and the windows and sizes of its two views. Only the view at position `place` shows
    the object `target`.
    """

    photo: int
    pastes: tuple[Paste, ...]
    framings: tuple[Framing, Framing]
    aligned: bool
    target: int
    place: int
    pool: str
    template: int

    def view(self, place: int, target: int | None, rng: np.random.Generator) -> View:
        """The view at position `place`, with the added objects. `target` is omitted unless this view must show it."""
        hidden = target if place != self.place else None
        pasted = tuple(paste.pasted for number, paste in enumerate(self.pastes) if number != hidden)
        framing, role = self.framings[place], FOCUS if target is not None and place == self.place else CONTEXT
        operations = draw_operations(framing, len(pasted), rng, aligned=self.aligned)
        return View(self.photo, framing.window, *framing.size, role, pasted, operations)


class DifferencePlanner:
    """Adds objects to one photo at a time."""

    def __init__(self, askable: Askable) -> None:
        thumbnails = Thumbnails(askable.index, askable.config)
        lenders = Lenders(askable, thumbnails, askable.frequencies.lent.get(DIFFERENCE.id))
        self._lends: Mask = lenders.labels
        self._askable = askable
        self._framings = Framings(askable.index, askable.config)
        self._pastes = Pastes(askable, lenders, Standing(askable, lenders, thumbnails, self._framings))
        self._tried, self._lent = Tried(), dict[int, int]()
        self.photos: Mask = lenders.photos

    @property
    def lends(self) -> Mask:
        """Mask (concepts,) of the labels with objects that can be pasted into another photo."""
        return self._lends

    @property
    def lost(self) -> Counter[str]:
        """Number of photos to which too few objects could be added, by reason."""
        return Counter(NOT_LENT if self._lent.get(photo, 0) < ADDED[0] else NO_PLACE for photo in self._tried.fruitless)

    def family(self, draw: Draw) -> Family | None:
        """A question about the photo, and its twin if one is needed; None if too few objects can be added."""
        return self._tried.note(draw.anchor, self._family(draw))

    def _family(self, draw: Draw) -> Family | None:
        scene = self._scene(draw)
        if scene is None:
            return None
        balance, pool = draw.balance, scene.pool
        twin = balance.allows(2, 1) and balance.lack(-1, pool, VIEWS_OF_A_PHOTO, VIEWS.name) > 0
        questions = self._twins(scene, draw.rng) if twin else (self._question(scene, scene.target, draw.rng),)
        lenders = dict.fromkeys(paste.pasted.photo for paste in scene.pastes)
        return Family(questions, (draw.anchor, *lenders))

    def _scene(self, draw: Draw) -> _Scene | None:
        rng = draw.rng
        free = np.zeros(len(self._askable.splits), dtype=np.bool_)
        free[draw.free] = free[draw.spare] = True
        try:
            pastes = self._pastes.draw(draw.anchor, free, int(rng.integers(ADDED[0], ADDED[1] + 1)), rng)
        except PhotoError:  # reported during rendering if another task shows the photo
            return None
        self._lent[draw.anchor] = max(self._pastes.offered, self._lent.get(draw.anchor, 0))
        if len(pastes) < ADDED[0]:
            return None
        aligned = bool(rng.random() < ALIGNED)
        framings = self._framings.draw(draw.anchor, np.array([p.box for p in pastes]), rng, aligned=aligned)
        if framings is None:
            return None
        names = rng.random() < self._askable.config.named_image
        pool = DIFFERENCE.named_pool if names else DIFFERENCE.pool
        template = int(rng.integers(template_count(pool)))
        target, place = int(rng.integers(len(pastes))), int(rng.integers(VIEWS_OF_A_PHOTO))
        scene = _Scene(draw.anchor, tuple(pastes), framings, aligned, target, place, pool, template)
        return scene if self._all_fit(scene) else None

    def _all_fit(self, scene: _Scene) -> bool:
        """Whether all added objects are large enough, in both views, to be the answer to a question."""
        views = [View(scene.photo, framing.window, *framing.size, FOCUS) for framing in scene.framings]
        limits = self._askable.config.limits
        return all(
            fits(box_in_view(view, paste.box), view.width, view.height, limits)
            for view in views
            for paste in scene.pastes
        )

    def _twins(self, scene: _Scene, rng: np.random.Generator) -> tuple[Question, ...]:
        """The question and its twin with an empty answer. In the twin, both views show all added objects."""
        present, absent = self._question(scene, scene.target, rng), self._question(scene, None, rng)
        pair = f"{present.tuple_id}-{int(rng.integers(2**32)):08x}"
        return replace(present, pair_id=pair), replace(absent, pair_id=pair)

    def _question(self, scene: _Scene, target: int | None, rng: np.random.Generator) -> Question:
        """The question about two views, only one of which shows the target. If there is no target, both views show all
        added objects.
        """
        shown = () if target is None else (self._shown(scene, target),)
        named = scene.place if scene.pool == DIFFERENCE.named_pool else None
        return Question(
            task=DIFFERENCE,
            split=self._askable.splits[scene.photo],
            pool=scene.pool,
            template=scene.template,
            concepts=(),
            views=tuple(scene.view(place, target, rng) for place in range(VIEWS_OF_A_PHOTO)),
            shown=shown,
            missing=(),
            distractors=VIEWS.name,
            tuple_id=self._name(scene),
            named=named,
        )

    def _shown(self, scene: _Scene, target: int) -> Shown:
        paste = scene.pastes[target]
        return Shown(scene.place, paste.pasted.instance, paste.box, 1.0)

    def _name(self, scene: _Scene) -> str:
        """Name of the set of views. The name does not depend on which objects are added to which view."""
        index = self._askable.index
        added = [(int(index.places[p.pasted.instance]), p.pasted.transform) for p in scene.pastes]
        return set_name([index.photos[scene.photo].identity, *scene.framings, *added])
