"""Questions about the one category that all photos of a set show.

The question either lists several category names to choose from, or names no category and asks for the shared category
in a given image.

Each wrong category in the list is in at least one photo. If possible, one of the wrong categories is in all photos but
one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cgc_data.answer.wording import template_count
from cgc_data.index.presence import ABSENT
from cgc_data.plan.askable import Askable
from cgc_data.plan.asking import Item, claim_absent, shown_in, whole_view
from cgc_data.plan.candidates import FEWEST, MOST, Candidates
from cgc_data.plan.offered import Mask
from cgc_data.plan.planner import Draw, Tried
from cgc_data.plan.questions import Family, Question, draw_order, set_name
from cgc_data.plan.scenes import Photos, Scenes
from cgc_data.plan.sets import first_fitting, one_format
from cgc_data.tasks import REFERENCE
from cgc_data.tasks.inter.common import COMMON
from cgc_data.vocabulary import COCO_NAMES, concept_of

PERSON, MOST_PERSON = concept_of("person"), 0.1  # share of the rows
KINDS_TRIED = NUMBERS_TRIED = 3  # per photo
NOT_SHARED = "no category other than people is fully annotated both in this photo and in another photo"
NO_OTHERS = "too few categories are both shown in some photos and proved absent from others"
PATIENCE = 30  # photos without a question after which any number of images and any kind is accepted


class CommonPlanner:
    """Composes families from a deck (the shuffled photos of a round). A family is one question, or two questions that
    name different images.
    """

    def __init__(self, askable: Askable) -> None:
        self._askable, self._scenes = askable, Scenes(askable)
        self._sizes = range(askable.config.inter.min_images, askable.config.inter.max_images + 1)
        self._candidates = Candidates(askable)
        self._rows: Counter[str] = Counter()  # by pool
        self._failures = 0  # photos tried since the last question
        self._people = 0  # rows about people
        self._asked: set[tuple[str, frozenset[int], frozenset[int]]] = set()
        position = askable.index.position
        self._person = position.get(PERSON)
        self._coco = [position[c] for c in map(concept_of, COCO_NAMES) if c in position]
        self._tried = Tried()
        self.photos: Mask = np.any(askable.every, axis=1)

    @property
    def lost(self) -> Counter[str]:
        """Number of photos that were tried but are not used in any question, by reason."""
        return Counter(map(self._reason, self._tried.fruitless))

    def _reason(self, photo: int) -> str:
        splits = np.array(self._askable.splits)
        shared = self._askable.every[photo] & (self._askable.every[splits == splits[photo]].sum(axis=0) > 1)
        if self._person is not None:
            shared[self._person] = False
        return NO_OTHERS if shared.any() else NOT_SHARED

    def family(self, draw: Draw) -> Family | None:
        """Questions about the anchor (the first photo) and other unused photos of the deck; None if no photos fit."""
        return self._tried.note(draw.anchor, self._family(draw))

    def _family(self, draw: Draw) -> Family | None:
        self._askable.check(draw.anchor)
        deck = one_format(self._askable, draw.free, draw.anchor)
        for pool in self._pools():
            for kind in draw.made.kinds(pool, self._scenes.shares):
                plan = self._named if pool == COMMON.named_pool else self._listed
                if questions := plan(draw, deck, kind):
                    self._count(pool, questions)
                    return Family(questions, tuple(view.photo for view in questions[0].views))
        self._failures += 1
        return None

    def _pools(self) -> list[str]:
        """The requested forms of the question; the form that is furthest behind its share comes first."""
        named = self._askable.config.named_image
        shares = {COMMON.pool: 1 - named, COMMON.named_pool: named}
        return sorted((p for p, share in shares.items() if share > 0), key=lambda p: self._rows[p] / shares[p])

    def _numbers(self, pool: str, draw: Draw) -> list[int]:
        """Numbers of images to try; the number that is furthest behind its share comes first.

        Only the first few numbers are returned, unless questions are hard to find.
        """
        behind = draw.made.images(pool, self._sizes, draw.rng)
        return behind if self._failures >= PATIENCE else behind[:NUMBERS_TRIED]

    def _fitting(self, right: int, draw: Draw, deck: Photos, kind: str) -> Photos:
        """Photos of the deck in which all instances of the category are boxed. For a hard set, their scenes also
        resemble the anchor's scene.
        """
        shown = self._askable.every[:, right]
        return self._scenes.fit(kind, first_fitting(deck, lambda photos: photos[shown[photos]]), draw.anchor)

    def _listed(self, draw: Draw, deck: Photos, kind: str) -> tuple[Question, ...]:
        """A question that lists names; empty if the photos allow no such question."""
        allowed = self._askable.every[draw.anchor] & self._allowed(draw.planned + 1)
        only = self._failures >= PATIENCE
        for right in self._candidates.right(draw.anchor, allowed, draw.rng, only=only)[:KINDS_TRIED]:
            fitting = self._fitting(right, draw, deck, kind)
            for size in self._numbers(COMMON.pool, draw) if len(fitting) else ():
                members = self._sharing(right, draw.anchor, fitting, size)
                wanted = int(draw.rng.integers(FEWEST, MOST + 1)) - 1
                wrong = self._candidates.wrong(members, right, wanted, draw.rng) if members else []
                if wrong and self._is_new(members, [right, *wrong], COMMON.pool):
                    self._candidates.count(right, wrong)
                    return (self._list(members, right, wrong, kind, draw.rng),)
        return ()

    def _sharing(self, right: int, anchor: int, fitting: Photos, size: int) -> list[int]:
        """`size` photos in which all instances of the category are boxed, with few enough instances for one answer;
        empty if there are too few photos.
        """
        table, most = self._askable, self._askable.config.limits.max_objects
        members, objects = [anchor], len(table.index.instances.of(anchor, right))
        for photo in fitting.tolist():
            more = objects + len(table.index.instances.of(photo, right))
            if more + size - len(members) - 1 <= most and self._shows(photo, right):
                members, objects = [*members, photo], more
            if len(members) == size:
                return members
        return []

    def _shows(self, photo: int, concept: int) -> bool:
        """Whether all instances of the category are boxed in the photo. The boxes are first checked against the photo's
        masks.
        """
        self._askable.check(photo)
        return bool(self._askable.every[photo, concept])

    def _list(
        self, members: list[int], right: int, wrong: Sequence[int], kind: str, rng: np.random.Generator
    ) -> Question:
        table = self._askable
        item = Item(COMMON, right, tuple(range(len(members))), int(rng.integers(template_count(COMMON.pool))))
        missing = (
            claim_absent(table, position, photo, concept)
            for concept in wrong
            for position, photo in enumerate(members)
            if table.safe[photo, concept]
        )
        listed = tuple(rng.permutation([right, *wrong]).tolist())
        question = replace(self._question(members, item, kind), concepts=listed, missing=tuple(missing))
        return question.reordered(rng.permutation(len(members)).tolist())

    def _named(self, draw: Draw, deck: Photos, kind: str) -> tuple[Question, ...]:
        """Two questions about the same photos. The questions name different images, but not the shared category. Empty
        if the photos allow no such questions.
        """
        table, choices = self._askable, np.zeros(len(self._askable.named), dtype=np.bool_)
        choices[self._coco] = len(self._coco) == len(COCO_NAMES)
        choices &= table.every[draw.anchor] & self._allowed(draw.planned + 2)
        weights = {int(concept): float(table.weights[concept]) for concept in np.flatnonzero(choices)}
        for right in draw_order(weights, draw.rng)[:KINDS_TRIED] if weights else ():
            fitting = self._fitting(right, draw, deck, kind)
            for size in self._numbers(COMMON.named_pool, draw) if len(fitting) else ():
                members = self._sharing_alone(right, draw.anchor, fitting, size)
                if members and self._is_new(members, [right], COMMON.named_pool):
                    places = draw.rng.permutation(len(members))[:2].tolist()
                    return tuple(self._in_image(members, right, place, kind, draw.rng) for place in places)
        return ()

    def _sharing_alone(self, right: int, anchor: int, fitting: Photos, size: int) -> list[int]:
        """`size` photos in which all instances of the category are boxed; empty if there are too few photos.

        Each other COCO category is missing from at least one of the photos.
        """
        others = [concept for concept in self._coco if concept != right]
        absent, [shared] = self._gone(fitting, right)[:, others], ~self._gone(np.array([anchor]), right)[:, others]
        members = [anchor]
        fresh = np.ones(len(fitting), dtype=np.bool_)
        while len(members) < size:
            fits = fresh.copy()
            if len(members) == size - 1:  # the last photo must rule out all remaining kinds
                fits &= absent[:, shared].all(axis=1)
            place = next((p for p in np.flatnonzero(fits).tolist() if self._shows(int(fitting[p]), right)), None)
            if place is None:
                return []
            members, shared, fresh[place] = [*members, int(fitting[place])], shared & ~absent[place], False
        return members

    def _gone(self, photos: Photos, right: int) -> Mask:
        """Mask (photos, concepts) of the categories that each photo provably lacks and that cannot be confused with
        anything in the photo. Categories that can be confused with the right category are exempt from the second
        condition.

        Without the second condition, a set could, for example, show a bowl in one image and a cup in another. Many
        people would call these the same kind of object.
        """
        mistakable = self._askable.confused[photos] & ~self._askable.like(right)
        return np.asarray((self._askable.index.states[photos] == ABSENT) & ~mistakable)

    def _in_image(self, members: list[int], right: int, place: int, kind: str, rng: np.random.Generator) -> Question:
        item = Item(COMMON, right, (place,), int(rng.integers(template_count(COMMON.named_pool))))
        others = tuple(position for position in range(len(members)) if position != place)
        question = self._question(members, item, kind)
        question = replace(question, pool=COMMON.named_pool, named=place, reference_views=others)
        return question.reordered(rng.permutation(len(members)).tolist())

    def _question(self, members: list[int], item: Item, kind: str) -> Question:
        table, target = self._askable, COMMON.contrast.roles[0]
        return Question(
            task=COMMON,
            split=table.splits[members[0]],
            pool=COMMON.pool,
            template=item.template,
            concepts=(item.concept,),
            views=tuple(
                whole_view(table, photo, target if position in item.targets else REFERENCE)
                for position, photo in enumerate(members)
            ),
            shown=tuple(shown_in(table, members, item)),
            missing=(),
            distractors=kind,
            tuple_id=set_name(table.index.photos[photo].identity for photo in members),
            form=str(table.forms[members[0]]),
        )

    def _allowed(self, rows: int) -> Mask:
        """Mask (concepts,) of the categories that the next questions can ask about. `rows` is the total number of rows,
        including the rows of the next questions.

        People are excluded if too many of the rows would ask about them.
        """
        allowed = np.ones(len(self._askable.named), dtype=np.bool_)
        if self._person is not None and self._people + 2 > MOST_PERSON * rows:
            allowed[self._person] = False
        return allowed

    def _count(self, pool: str, questions: Sequence[Question]) -> None:
        self._failures, rows = 0, len(questions)
        self._rows[pool] += rows
        right = {int(self._askable.index.instances.concept[shown.instance]) for shown in questions[0].shown}
        self._people += rows if self._person in right else 0

    def _is_new(self, members: list[int], listed: Sequence[int], pool: str) -> bool:
        """Whether this question is new. Also records the question, so that it is not new in later calls."""
        asked = pool, frozenset(members), frozenset(listed)
        is_new = asked not in self._asked
        self._asked.add(asked)
        return is_new
