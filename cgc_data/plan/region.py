"""`region`: where a piece of a photo was cut from, in the photo itself or in one of several windows of it.

A piece is asked about only if it resembles no other place of the images. That takes pixels, so that each photo that is
tried is read once.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from cgc_data.answer.wording import template_count
from cgc_data.common.errors import PhotoError
from cgc_data.geometry import Window
from cgc_data.images import decode_photo
from cgc_data.plan.askable import Askable
from cgc_data.plan.choices import TOLD, Asked, Candidate, draw_candidates, in_colors
from cgc_data.plan.colors import Colors
from cgc_data.plan.pieces import Piece, apart, draw_rectangles, draw_tone, is_unique, piece_view, windows_of
from cgc_data.plan.planner import Draw
from cgc_data.plan.resemblance import LEAST_SPREAD, Picture, Scene
from cgc_data.plan.rows import Family, Question, Shown, View
from cgc_data.plan.truth import fits
from cgc_data.plan.windows import set_of_windows
from cgc_data.tasks import REFERENCE
from cgc_data.tasks.intra import INTRA, VIEWS
from cgc_data.tasks.intra.region import REGION

HOLDS, LACKS = INTRA.roles
LEAST_SIDE = 80  # pixels of the photo, of the shorter side of a piece; a smaller one shows too little
MOST_PIECES = 5
AREA = (0.03, 0.1)  # of the photo that a piece covers
MOST_COVERED = 0.5  # of the photo by all pieces together
WINDOWS = (2, 3, 4, 5)  # to choose from; more are drawn more often, since photos often have fewer
QUESTIONS = 2  # about one set of windows
SLACK = 1  # rows by which a rank in color may be ahead of the rarest
PROOFS = 10  # pieces that are tried before a photo is given up


class RegionPlanner:
    """Asks for places of one photo at a time."""

    def __init__(self, askable: Askable) -> None:
        self._askable, self._config = askable, askable.config
        self.photos = np.ones(len(askable.splits), dtype=np.bool_)
        self._made: Counter[bool] = Counter()  # rows by whether they name the image
        self._ranks: Counter[tuple[int, int]] = Counter()  # by number of windows, and how many are nearer in color

    def family(self, draw: Draw) -> Family | None:
        """Questions about the photo in the form that lacks rows; None if no piece of it is unlike the rest."""
        try:
            picture = self._picture(draw.anchor)
        except PhotoError:  # broken, as the rendering of other tasks says by name
            return None
        for named in self._forms():
            plan = self._in_photo if named else self._among_windows
            if questions := plan(draw.anchor, picture, draw.rng):
                self._made[named] += len(questions)
                return Family(tuple(questions), (draw.anchor,))
        return None

    def _forms(self) -> tuple[bool, ...]:
        """Whether to name the image; both ways as long as no photo has allowed the one that lacks rows."""
        lacking = self._made[True] < self._config.named_image * (self._made.total() + 1)
        return (lacking,) if self._made[lacking] or self._config.named_image in (0, 1) else (lacking, not lacking)

    def _picture(self, photo: int) -> Picture:
        shown = self._askable.index.photos[photo]
        content = self._askable.index.stores[shown.source].read(shown.file_name)
        turn = self._config.sources[shown.source].displayed
        pixels = decode_photo(content, turn=turn)
        if pixels.shape[:2] != (shown.height, shown.width):
            raise PhotoError(
                f"{shown.file_name}: is {pixels.shape[1]} x {pixels.shape[0]}, its annotation says otherwise"
            )
        return Picture(pixels)

    def _in_photo(self, photo: int, picture: Picture, rng: np.random.Generator) -> list[Question]:
        """The photo and pieces of it, one of which is to be found in the photo."""
        whole = self._whole(photo)
        asked = self._unique(picture, whole, rng)
        if asked is None:
            return []
        pieces = self._with_others(picture, whole, asked, int(rng.integers(1, MOST_PIECES + 1)), rng)
        source = View(photo, whole, whole.width, whole.height, HOLDS)
        views = (source, *(self._view(photo, piece, rng) for piece in pieces))
        question = self._question(views, home=0, piece=1, named=True, rng=rng)
        return [question.reordered([0, *(1 + rng.permutation(len(pieces))).tolist()])]

    def _among_windows(self, photo: int, picture: Picture, rng: np.random.Generator) -> list[Question]:
        """A piece and windows of the photo, one of which it is from; then a piece of another of these windows."""
        wanted = int(rng.choice(WINDOWS, p=np.array(WINDOWS) / sum(WINDOWS)))
        sizes, most = self._config.intra.view_sizes, self._config.limits.enlargement
        candidates = draw_candidates(picture, self._whole(photo), wanted, min(sizes) / most, rng)
        if len(candidates) < min(WINDOWS):
            return []
        shape = candidates[0].scene.window
        longer = max(shape.width, shape.height)
        sharp = [size for size in sizes if size <= most * longer]
        scale = int(rng.choice(sharp)) / longer
        size = max(round(shape.width * scale), 1), max(round(shape.height * scale), 1)
        questions = []
        for asked in self._chosen(picture, candidates, rng):
            roles = [HOLDS if place == asked.home else LACKS for place in range(len(candidates))]
            windows = [View(photo, c.scene.window, *size, role) for c, role in zip(candidates, roles, strict=True)]
            views = (self._view(photo, asked.piece, rng), *windows)
            question = self._question(views, home=asked.home + 1, piece=0, named=False, rng=rng)
            questions.append(question.reordered([0, *(1 + rng.permutation(len(candidates))).tolist()]))
        return questions

    def _chosen(self, picture: Picture, candidates: list[Candidate], rng: np.random.Generator) -> list[Asked]:
        """Two of the candidates, such that colors do not tell which: their rank in color is the one that lacks rows."""
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
        """Those of the rank in color that fewest rows of so many windows have; none if it is too frequent by far."""
        counts = [self._ranks[windows, rank] for rank in range(windows)]
        least = min((counts[one.nearer] for one in asked), default=0)
        return [one for one in asked if counts[one.nearer] == least] if least <= min(counts) + SLACK else []

    def _whole(self, photo: int) -> Window:
        return Window(0, 0, *self._askable.truth.photo_size(photo))

    def _unique(self, picture: Picture, whole: Window, rng: np.random.Generator) -> Piece | None:
        """A piece that is nowhere in the photo but at its place."""
        scene, colors = Scene.of(picture, whole), Colors(picture, whole)
        for window in self._textured(picture, whole, (), rng)[:PROOFS]:
            piece = Piece(window, draw_tone(rng))
            told = colors.tell(colors.of(piece), window) and rng.random() >= TOLD
            if not told and self._fits(window, whole) and is_unique(picture, piece, [scene]):
                return piece
        return None

    def _fits(self, piece: Window, whole: Window) -> bool:
        box = float(piece.x1), float(piece.y1), float(piece.x2), float(piece.y2)
        return fits(box, whole.width, whole.height, self._config.limits)

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
        return piece_view(photo, piece, self._config, rng)

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
