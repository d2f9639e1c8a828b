"""`region`: where a piece of a photo was cut from, in the photo itself or in one of several windows of it.

A piece is asked about only if it resembles no other place of the images. That takes pixels, so that each photo that is
tried is read once at low resolution.
"""

from collections.abc import Sequence

import numpy as np

from cgc_data.answer.wording import template_count
from cgc_data.common.errors import PhotoError
from cgc_data.geometry import Window
from cgc_data.index.pictures import thumbnail
from cgc_data.plan.askable import Askable
from cgc_data.plan.pieces import Piece, apart, draw_rectangles, draw_tone, is_unique, piece_view, windows_of
from cgc_data.plan.planner import Draw
from cgc_data.plan.resemblance import LEAST_SPREAD, Picture, Scene
from cgc_data.plan.rows import Family, Question, Shown, View
from cgc_data.plan.truth import fits
from cgc_data.plan.windows import set_of_windows
from cgc_data.tasks import REFERENCE
from cgc_data.tasks.intra import INTRA, VIEWS
from cgc_data.tasks.intra.region import REGION

HOLDS, _ = INTRA.roles
READ = 320  # pixels of the longer side at which a photo is read
LEAST_SIDE = 96  # pixels of the photo, of the shorter side of a piece; a smaller one shows too little
MOST_PIECES = 5
AREA = (0.04, 0.15)  # of the photo that a piece covers
MOST_COVERED = 0.5  # of the photo by all pieces together
PROOFS = 6  # pieces that are tried before a photo is given up


class RegionPlanner:
    """Asks for places of one photo at a time."""

    def __init__(self, askable: Askable) -> None:
        self._askable, self._config = askable, askable.config
        self.photos = np.ones(len(askable.splits), dtype=np.bool_)

    def family(self, draw: Draw) -> Family | None:
        """A question about the photo; None if no piece of it is unlike the rest."""
        try:
            picture = self._picture(draw.anchor)
        except PhotoError:  # which rendering reports by name
            return None
        question = self._in_photo(draw.anchor, picture, draw.rng)
        return Family((question,), (draw.anchor,)) if question else None

    def _picture(self, photo: int) -> Picture:
        shown = self._askable.index.photos[photo]
        content = self._askable.index.stores[shown.source].read(shown.file_name)
        turn = self._config.sources[shown.source].displayed
        return Picture(thumbnail(content, READ, turn=turn), (shown.width, shown.height))

    def _in_photo(self, photo: int, picture: Picture, rng: np.random.Generator) -> Question | None:
        """The photo and pieces of it, one of which is to be found in the photo."""
        width, height = self._askable.truth.photo_size(photo)
        whole = Window(0, 0, width, height)
        asked = self._unique(picture, whole, rng)
        if asked is None:
            return None
        pieces = self._with_others(picture, whole, asked, int(rng.integers(1, MOST_PIECES + 1)), rng)
        source = View(photo, whole, width, height, HOLDS)
        views = (source, *(self._view(photo, piece, rng) for piece in pieces))
        question = self._question(views, home=0, piece=1, named=True, rng=rng)
        return question.reordered([0, *(1 + rng.permutation(len(pieces))).tolist()])

    def _unique(self, picture: Picture, whole: Window, rng: np.random.Generator) -> Piece | None:
        """A piece that is nowhere in the photo but at its place."""
        scene = Scene.of(picture, whole)
        for window in self._textured(picture, whole, (), rng)[:PROOFS]:
            piece = Piece(window, draw_tone(rng))
            box = float(window.x1), float(window.y1), float(window.x2), float(window.y2)
            if fits(box, whole.width, whole.height, self._config.limits) and is_unique(picture, piece, [scene]):
                return piece
        return None

    def _with_others(
        self, picture: Picture, whole: Window, asked: Piece, count: int, rng: np.random.Generator
    ) -> list[Piece]:
        """The asked piece and others, apart from each other; fewer than `count` if the photo has no room for them."""
        pieces = [asked]
        while len(pieces) < count:
            found = self._textured(picture, whole, [piece.window for piece in pieces], rng, MOST_COVERED / count)
            if not found:
                break
            pieces.append(Piece(found[0], draw_tone(rng)))
        return pieces

    def _textured(
        self,
        picture: Picture,
        whole: Window,
        others: Sequence[Window],
        rng: np.random.Generator,
        most: float = AREA[1],
    ) -> list[Window]:
        """Places of the photo that are not plain, and apart from the others."""
        drawn = draw_rectangles(whole, (AREA[0], min(AREA[1], most)), LEAST_SIDE, rng)
        return windows_of(drawn[apart(drawn, others) & (picture.spread(drawn) >= LEAST_SPREAD)])

    def _view(self, photo: int, piece: Piece, rng: np.random.Generator) -> View:
        return piece_view(photo, piece, max(self._config.intra.view_sizes), self._config.intra.jpeg_quality, rng)

    def _question(
        self, views: tuple[View, ...], *, home: int, piece: int, named: bool, rng: np.random.Generator
    ) -> Question:
        """Where the view `piece` is in the view `home`, which the question names or not."""
        pool = REGION.named_pool if named else REGION.pool
        window = views[piece].window
        box = float(window.x1), float(window.y1), float(window.x2), float(window.y2)
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
