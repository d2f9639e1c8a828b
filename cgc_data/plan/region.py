"""`region`: asks for the place from which a piece of a photo was cut. The place is in the photo itself or in one of
several windows of the photo.

Questions ask only about pieces that resemble no other place in the images. This check needs pixels, so the planner must
read every photo that it tries.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cgc_data.answer.wording import template_count
from cgc_data.common.errors import PhotoError
from cgc_data.geometry import Window
from cgc_data.masks import Box
from cgc_data.plan.askable import Askable
from cgc_data.plan.choices import Asked, Candidate, draw_candidates, in_colors
from cgc_data.plan.cutting import unique_piece, with_others
from cgc_data.plan.pieces import Piece, is_unique, is_unique_in_views, piece_view
from cgc_data.plan.pixels import PhotoPixels
from cgc_data.plan.planner import Draw
from cgc_data.plan.questions import Family, Question, Shown, View
from cgc_data.plan.resemblance import Picture
from cgc_data.plan.windows import askable_in, set_of_windows
from cgc_data.tasks import REFERENCE
from cgc_data.tasks.intra import INTRA, VIEWS
from cgc_data.tasks.intra.region import REGION

HOLDS, LACKS = INTRA.roles
MOST_PIECES = 5
WINDOWS = (2, 3, 4, 5)  # larger numbers of windows are drawn more often, because many photos have room for only a few
QUESTIONS = 2  # tries per set of windows


class RegionPlanner:
    """Plans questions about places in a photo, for one photo at a time."""

    def __init__(self, askable: Askable) -> None:
        self._askable, self._config = askable, askable.config
        self._pixels = PhotoPixels(askable.index, askable.config)
        self.photos = np.ones(len(askable.splits), dtype=np.bool_)
        self._made: Counter[bool] = Counter()  # number of rows, by whether the question names the image
        self._ranks: Counter[tuple[int, int]] = Counter()  # rows by number of windows, and of closer colors

    def family(self, draw: Draw) -> Family | None:
        """Questions about the photo; None if no piece differs enough from the rest of the photo. The form of the
        question that needs more rows is tried first.
        """
        try:
            picture = self._picture(draw.anchor)
        except PhotoError:  # broken photo; reported by name when other tasks are rendered
            return None
        for named in self._forms():
            plan = self._in_photo if named else self._among_windows
            if questions := plan(draw.anchor, picture, draw.rng):
                self._made[named] += len(questions)
                return Family(tuple(questions), (draw.anchor,))
        return None

    def _forms(self) -> tuple[bool, ...]:
        """The forms of the question to try, in order. True stands for questions that name the image, and False for
        questions that do not.

        The form that needs more rows comes first. The other form is a fallback. It is included only if the
        configuration requests both forms and the first form has not produced any question yet.
        """
        lacking = self._made[True] < self._config.named_image * (self._made.total() + 1)
        return (lacking,) if self._made[lacking] or self._config.named_image in (0, 1) else (lacking, not lacking)

    def _picture(self, photo: int) -> Picture:
        shown = self._askable.index.photos[photo]
        pixels = self._pixels.whole(photo)
        if pixels.shape[:2] != (shown.height, shown.width):
            raise PhotoError(
                f"{shown.file_name}: is {pixels.shape[1]} x {pixels.shape[0]}, which does not match its annotation"
            )
        return Picture(pixels)

    def _in_photo(self, photo: int, picture: Picture, rng: np.random.Generator) -> list[Question]:
        """A question that shows the photo and one or more of its pieces, and asks where one piece is in the photo."""
        whole = self._whole(photo)
        source = View(photo, whole, whole.width, whole.height, HOLDS)
        asked = unique_piece(picture, whole, self._config.limits.min_side, rng)
        if asked is None or not self._askable_in(source, asked):
            return []
        pieces = with_others(picture, whole, asked, int(rng.integers(1, MOST_PIECES + 1)), rng)
        views = (source, *(self._view(photo, piece, rng) for piece in pieces))
        question = self._question(views, home=0, piece=1, named=True, rng=rng)
        shuffled = question.reordered([0, *(1 + rng.permutation(len(pieces))).tolist()])
        return [shuffled] if self._stays_unique(picture, views[1], views[:1]) else []

    def _among_windows(self, photo: int, picture: Picture, rng: np.random.Generator) -> list[Question]:
        """Up to two questions about windows of the photo. Each asks which window shows the place that a piece was cut
        from, and where the place is in the window.
        """
        wanted = int(rng.choice(WINDOWS, p=np.array(WINDOWS) / sum(WINDOWS)))
        longer = min(self._config.intra.view_sizes) / self._config.limits.enlargement
        candidates = draw_candidates(picture, self._whole(photo), wanted, longer, rng)
        if len(candidates) < min(WINDOWS):
            return []
        size = self._size(candidates[0].scene.window, rng)
        views = [View(photo, candidate.scene.window, *size, LACKS) for candidate in candidates]
        chosen = self._chosen(picture, candidates, rng)
        asked = [self._which(views, one, rng) for one in chosen if self._askable_in(views[one.home], one.piece)]
        return [question for question in asked if self._stays_unique(picture, question.views[0], question.views[1:])]

    def _size(self, window: Window, rng: np.random.Generator) -> tuple[int, int]:
        """Width and height of a view that shows a window of this size. The longer side is one of the configured sizes
        at which the view is still sharp.
        """
        longer, most = max(window.width, window.height), self._config.limits.enlargement
        scale = int(rng.choice([size for size in self._config.intra.view_sizes if size <= most * longer])) / longer
        return max(round(window.width * scale), 1), max(round(window.height * scale), 1)

    def _which(self, windows: Sequence[View], asked: Asked, rng: np.random.Generator) -> Question:
        """A question that shows the piece first, and then the windows in shuffled order."""
        shown = [replace(view, role=HOLDS) if n == asked.home else view for n, view in enumerate(windows)]
        views = (self._view(windows[0].photo, asked.piece, rng), *shown)
        question = self._question(views, home=asked.home + 1, piece=0, named=False, rng=rng)
        return question.reordered([0, *(1 + rng.permutation(len(windows))).tolist()])

    def _stays_unique(self, picture: Picture, piece: View, views: Sequence[View]) -> bool:
        return is_unique_in_views(picture, piece, views, self._config.intra.jpeg_quality)

    def _askable_in(self, view: View, piece: Piece) -> bool:
        return askable_in(view, _box(piece.window), self._config.limits)

    def _chosen(self, picture: Picture, candidates: list[Candidate], rng: np.random.Generator) -> list[Asked]:
        """Up to two pieces from different windows, chosen so that colors do not reveal the right window.

        The color rank of a piece is the number of wrong windows that are closer to it in color than the right window.
        Pieces with the rank that has the fewest rows are preferred.
        """
        chosen: list[Asked] = []
        asked, scenes = in_colors(picture, candidates, rng), [candidate.scene for candidate in candidates]
        while len(chosen) < QUESTIONS and (lacking := self._lacking(len(candidates), asked)):
            taken = lacking[int(rng.integers(len(lacking)))]
            asked.remove(taken)
            if is_unique(picture, taken.piece, scenes):
                chosen.append(taken)
                self._ranks[len(candidates), taken.nearer] += 1
                asked = [other for other in asked if other.home != taken.home]
        return chosen

    def _lacking(self, windows: int, asked: list[Asked]) -> list[Asked]:
        """Pieces with the color rank that has the fewest rows. As a result, the window with the closest colors is
        right no more often than chance predicts.
        """
        counts = [self._ranks[windows, rank] for rank in range(windows)]
        may_be_nearest = windows * counts[0] <= sum(counts)
        allowed = [one for one in asked if one.nearer or may_be_nearest]
        least = min((counts[one.nearer] for one in allowed), default=0)
        return [one for one in allowed if counts[one.nearer] == least]

    def _whole(self, photo: int) -> Window:
        return Window(0, 0, *self._askable.truth.photo_size(photo))

    def _view(self, photo: int, piece: Piece, rng: np.random.Generator) -> View:
        return piece_view(photo, piece, self._config, rng)

    def _question(
        self, views: tuple[View, ...], *, home: int, piece: int, named: bool, rng: np.random.Generator
    ) -> Question:
        """The question that shows a piece (the view `piece`) and asks for its place in the view `home`. If `named`
        is true, the question names the image `home`.
        """
        pool = REGION.named_pool if named else REGION.pool
        box = _box(views[piece].window)
        return Question(
            task=REGION,
            split=self._askable.splits[views[0].photo],
            pool=pool,
            template=int(rng.integers(template_count(pool))),
            concepts=(),
            views=views,
            shown=(Shown(home, -1, box, 1.0),),
            missing=(),
            distractors=VIEWS.name,
            tuple_id=set_of_windows(self._askable.index, views),
            reference=Shown(piece, -1, box, 1.0),
            named=home if named else None,
            reference_views=tuple(n for n, view in enumerate(views) if view.role == REFERENCE),
        )


def _box(window: Window) -> Box:
    return float(window.x1), float(window.y1), float(window.x2), float(window.y2)
