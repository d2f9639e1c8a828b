"""`same_object`: follows one object from one view of a photo to other views. Every view that shows the object also
shows a sibling (another object of the same category).

Two views give two questions, one in each direction. Three or more views form a track. The question about a track gives
the object's box in one view, and asks for the object in one other view or in all other views that show it. Neither a
copy of the given box nor the box of a sibling is a correct answer.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from cgc_data.answer.wording import template_count
from cgc_data.plan.askable import Askable
from cgc_data.plan.following import Following
from cgc_data.plan.planner import Draw
from cgc_data.plan.questions import Family, Question, Shown, View, box_in_view
from cgc_data.plan.tracks import Gone, Tracks, order_of
from cgc_data.plan.windows import Windows, set_of_windows, shown_in
from cgc_data.release.operations import DRAW_BOX, Operation, window_operations
from cgc_data.tasks.intra import VIEWS
from cgc_data.tasks.intra.same_object import SAME_OBJECT

TRIED = 4  # number of objects in a photo tried at a time
TRIES = 24  # draws of two windows per object before the planner gives up on the object
DRAWS = 4  # draws of windows for a track
FRUITLESS = 3  # tries per photo before the planner gives up on the photo
NO_SIBLING, NO_WINDOWS = "no two objects of one category", "no windows that distinguish them"
# A third of the tracks have a view without the object; half of those views show a sibling.
GONE: Mapping[Gone, float] = {"never": 2 / 3, "beside": 1 / 6, "alone": 1 / 6}

Choice = TypeVar("Choice")


class SameObjectPlanner:
    """Plans questions that follow an object, for one photo at a time."""

    def __init__(self, askable: Askable) -> None:
        self._askable, self._truth = askable, askable.truth
        self._windows, self._tracks = Windows(askable.truth, askable.config), Tracks(askable)
        self._following = Following(askable)
        self._served: set[int] = set()
        self._fruitless: Counter[int] = Counter()
        self._numbers: Counter[int] = Counter()
        self._gone: Counter[Gone] = Counter()
        self._named: Counter[bool] = Counter()
        self._drawn: Counter[bool] = Counter()
        self.photos = np.ones(len(askable.splits), dtype=np.bool_)

    @property
    def lost(self) -> Counter[str]:
        """Number of photos without an object that can be followed, by reason."""
        given_up = [photo for photo, times in self._fruitless.items() if times >= FRUITLESS]
        return Counter(NO_WINDOWS if self._following.concepts(photo) else NO_SIBLING for photo in given_up)

    def family(self, draw: Draw) -> Family | None:
        """Questions about one object of the photo; None if no object can be followed."""
        photo = draw.anchor
        if self._fruitless[photo] < FRUITLESS:
            if questions := self.questions(photo, draw.rng):
                self._served.add(photo)
                return Family(tuple(questions), (photo,))
            self._fruitless[photo] += photo not in self._served
        return None

    def questions(self, photo: int, rng: np.random.Generator) -> list[Question]:
        """A question about a track (three or more views), or questions in both directions about an object in two views;
        empty if no object can be followed.
        """
        numbers = range(2, self._askable.config.intra.track_views + 1)
        wanted = _furthest_behind(self._numbers, dict.fromkeys(numbers, 1 / len(numbers)), rng)[0]
        targets = self._following.objects(photo, TRIED, rng)
        for number in dict.fromkeys((wanted, 2)):
            for target in targets[:TRIED]:
                ask = self._pair if number == 2 else self._track
                if questions := ask(photo, target, number, rng):
                    self._numbers[len(questions[0].views)] += len(questions)
                    return questions
        return []

    def _pair(self, photo: int, target: int, number: int, rng: np.random.Generator) -> list[Question]:
        """Two questions about an object: from its Focus View to its Context View, and back. Both views show the same
        sibling. Empty if there are no suitable windows.
        """
        del number
        for pair in self._windows.focus_and_context(photo, target, TRIES, rng):
            if self._following.distinguishes(pair, target):
                near, wide = (self._following.siblings_in(view, target) for view in pair)
                if near & wide:
                    return self._both_directions(target, pair, rng)
        return []

    def _both_directions(self, target: int, pair: tuple[View, View], rng: np.random.Generator) -> list[Question]:
        pair_id = f"{set_of_windows(self._askable.index, pair)}-{int(rng.integers(2**32)):08x}"
        return [
            replace(self._question(pair, target, given, [1 - given], rng, named=True), pair_id=pair_id).reordered(
                rng.permutation(2).tolist()
            )
            for given in (1, 0)
        ]

    def _track(self, photo: int, target: int, number: int, rng: np.random.Generator) -> list[Question]:
        """A question about the object in at most `number` views; empty if there are no suitable windows."""
        stages = self._tracks.stages(photo, target, self._following.siblings(photo, target), rng)
        if stages is None:
            return []
        for gone in _furthest_behind(self._gone, GONE, rng):
            laid = (self._tracks.lay(target, stages, number, gone, rng) for _ in range(DRAWS))
            for views in sorted(_until(laid, number), key=len, reverse=True):
                if views and self._following.follows(views, target, gone):
                    self._gone[gone] += 1
                    return [self._through(views, target, gone, rng)]
            if gone == "never":  # the other kinds of tracks need the same windows plus one more window
                break
        return []

    def _through(self, views: Sequence[View], target: int, gone: Gone, rng: np.random.Generator) -> Question:
        """The question about a track. The question contains the object's box in the first view. If `gone` is "never",
        all views show the object; otherwise, the last view does not.
        """
        settings, last = self._askable.config, len(views) - (gone != "never")
        named = _draw(self._named, settings.named_image, rng)
        asked = [int(rng.integers(1, last))] if named else list(range(1, last))
        given = views[0]
        if _draw(self._drawn, settings.intra.drawn_box, rng):
            given = _with_box(given, shown_in(self._truth, 0, target, given), settings.intra.jpeg_quality)
        question = self._question((given, *views[1:]), target, 0, asked, rng, named=named)
        return question.reordered(order_of(views, None if gone == "never" else last, rng))

    def _question(
        self,
        views: tuple[View, ...],
        target: int,
        given: int,
        asked: Sequence[int],
        rng: np.random.Generator,
        *,
        named: bool,
    ) -> Question:
        """A question that contains the object's box in view `given` and asks for the object in the views `asked`."""
        pool = SAME_OBJECT.named_pool if named else SAME_OBJECT.pool
        return Question(
            task=SAME_OBJECT,
            split=self._askable.splits[views[0].photo],
            pool=pool,
            template=int(rng.integers(template_count(pool))),
            concepts=(int(self._askable.index.instances.concept[target]),),
            views=views,
            shown=tuple(shown_in(self._truth, place, target, views[place]) for place in asked),
            missing=(),
            distractors=VIEWS.name,
            tuple_id=set_of_windows(self._askable.index, views),
            reference=shown_in(self._truth, given, target, views[given]),
            named=asked[0] if named else None,
            reference_views=(given,),
        )


def _until(laid: Iterable[list[View]], number: int) -> Iterator[list[View]]:
    """The lists of views in `laid`, up to and including the first list with `number` views."""
    for views in laid:
        yield views
        if len(views) == number:
            return


def _draw(made: Counter[bool], share: float, rng: np.random.Generator) -> bool:
    """Decide whether the next row has a certain feature, and record the decision. Over all rows, the fraction that
    has the feature stays close to `share`.
    """
    chosen = _furthest_behind(made, {True: share, False: 1 - share}, rng)[0]
    made[chosen] += 1
    return chosen


def _furthest_behind(made: Counter[Choice], shares: Mapping[Choice, float], rng: np.random.Generator) -> list[Choice]:
    """Choices with a positive share, starting with the choice furthest behind its share; ties are in random order."""
    total, wanted = made.total(), [choice for choice, share in shares.items() if share > 0]
    order = [wanted[place] for place in rng.permutation(len(wanted)).tolist()]
    return sorted(order, key=lambda choice: made[choice] - shares[choice] * total)


def _with_box(view: View, shown: Shown, jpeg_quality: int) -> View:
    """The view, with the box of the shown object drawn onto the image."""
    window = view.window
    steps = window_operations((window.x1, window.y1, window.x2, window.y2), (view.width, view.height), jpeg_quality)
    drawn = Operation(DRAW_BOX, tuple(float(round(edge)) for edge in box_in_view(view, shown.box)))
    return replace(view, operations=(*steps[:-1], drawn, steps[-1]))
