"""`inter/refer`: sets of photos. Each photo shows several objects of some label, and every other photo of the set shows
at most one object of this label. Each photo in a set is the target of one question, so no photo is the odd one out.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from cgc_data.answer.wording import template_count
from cgc_data.plan.askable import Askable
from cgc_data.plan.asking import claim_absent, whole_view
from cgc_data.plan.offered import Mask
from cgc_data.plan.planner import Draw, Tried
from cgc_data.plan.questions import Family, Question, Shown, set_name
from cgc_data.plan.relations import singled_out, uncut
from cgc_data.plan.scenes import Photos, Scenes
from cgc_data.plan.sets import first_fitting, one_format
from cgc_data.tasks.inter import DECOUPLED
from cgc_data.tasks.inter.refer import REFER

NOT_WHOLE = "no category has several instances in the photo, all of them whole and large enough"
NOT_DISTINCT = "no object with a position or size that clearly distinguishes it from others of the same category"
ALONE = "this photo shows several objects of a category, and every similar photo may also show several"


@dataclass(frozen=True)
class Member:
    """A photo in a set, a label (concept) with several instances in the photo, and the instance that each relation
    identifies.
    """

    photo: int
    concept: int
    singled_out: dict[str, int]


class ReferPlanner:
    """Composes families of rows from a deck (the shuffled photos of a round). Each photo is used at most once per
    round.
    """

    def __init__(self, askable: Askable) -> None:
        self._askable, self._scenes = askable, Scenes(askable)
        settings = askable.config.inter
        self._sizes = range(settings.min_images, settings.max_images + 1)
        self._whole = _all_whole(askable) & _countable(askable)
        self._tried = Tried()
        self.photos: Mask = np.any(self._several(np.arange(len(self._whole))), axis=1)

    @property
    def lost(self) -> Counter[str]:
        """Number of photos that are not in any question, by reason."""
        return Counter(map(self._reason, self._tried.fruitless))

    def _reason(self, photo: int) -> str:
        if not self._several(photo).any():  # confirmed by the photo's masks
            return NOT_WHOLE
        everything = np.ones(len(self._askable.named), dtype=np.bool_)
        return ALONE if self._member(photo, everything, np.random.default_rng(0)) else NOT_DISTINCT

    def family(self, draw: Draw) -> Family | None:
        """A family of questions about the anchor (the first photo) and other unused photos of the deck; None if no
        photos fit.
        """
        return self._tried.note(draw.anchor, self._family(draw))

    def _family(self, draw: Draw) -> Family | None:
        for kind in draw.made.kinds(REFER.pool, self._scenes.shares):
            members = self._grown(draw, kind)
            for size in draw.made.images(REFER.pool, self._sizes, draw.rng):
                if size <= len(members):
                    questions = (self._question(member, members[:size], kind, draw.rng) for member in members[:size])
                    return Family(tuple(questions), tuple(member.photo for member in members[:size]))
        return None

    def _grown(self, draw: Draw, kind: str) -> list[Member]:
        """As many photos as fit into a set, starting with the anchor; empty if no question about the anchor is
        possible.
        """
        everything = np.ones(len(self._askable.named), dtype=np.bool_)
        first = self._member(draw.anchor, self._scenes.starts(kind, everything), draw.rng)
        if first is None:
            return []
        scope, members = self._scenes.scope(kind, first.concept), [first]
        for photo in self._candidates(first, draw, kind, scope).tolist():
            if len(members) == self._sizes[-1]:
                break
            if member := self._fitting(photo, members, kind, scope, draw.rng):
                members.append(member)
        return members

    def _candidates(self, first: Member, draw: Draw, kind: str, scope: Mask) -> Photos:
        """Photos that show at most one object of the anchor's label, but several objects of another label. The anchor
        shows at most one object of this other label.

        Photos that show exactly one object of the anchor's label come first, because then the label alone does not
        reveal which image contains the answer.
        """
        few, asked = self._few(first.photo) & scope, (slice(None), first.concept)

        def fitting(photos: Photos) -> Photos:
            photos = photos[self._askable.safe[asked][photos] | self._askable.one[asked][photos]]
            photos = photos[(self._several(photos) & few).any(axis=1)]
            return self._scenes.fit(kind, photos, first.photo)

        deck = first_fitting(one_format(self._askable, draw.free, first.photo), fitting)
        single = self._askable.one[deck, first.concept]
        return np.concatenate([deck[single], deck[~single]])

    def _fitting(
        self, photo: int, members: list[Member], kind: str, scope: Mask, rng: np.random.Generator
    ) -> Member | None:
        """The photo as another member of the set; None if it does not fit."""
        self._askable.check(photo)
        if not all(self._few(photo)[member.concept] for member in members):
            return None
        if not all(self._apart(photo, member, kind) for member in members):
            return None
        before = [member.photo for member in members]
        few = scope & self._few(before).all(axis=0)
        shown_once = few & self._askable.one[before].any(axis=0)
        return self._member(photo, shown_once, rng) or self._member(photo, few, rng)

    def _apart(self, photo: int, member: Member, kind: str) -> bool:
        """Whether the photo's scene differs enough from the member's scene for this kind of set. Always true if the
        photo shows one object of the member's label.
        """
        if kind != DECOUPLED.name or self._askable.one[photo, member.concept]:
            return True
        return len(self._scenes.apart(kind, np.array([photo]), member.photo)) > 0

    def _member(self, photo: int, scope: Mask, rng: np.random.Generator) -> Member | None:
        """The photo as a member of a set; None if it shows no suitable label in `scope`. A label is suitable if the
        photo shows several of its instances and a relation clearly identifies one of them.
        """
        self._askable.check(photo)
        labels = np.flatnonzero(self._several(photo) & scope)
        while len(labels):
            concept = self._askable.draw_label(labels, rng)
            instances = self._askable.index.instances.of(photo, concept).tolist()
            if found := singled_out(self._askable.truth, instances, self._askable.truth.photo_size(photo)):
                return Member(photo, concept, found)
            labels = labels[labels != concept]
        return None

    def _several(self, photos: int | Photos) -> Mask:
        return np.asarray(self._askable.every[photos] & ~self._askable.one[photos] & self._whole[photos])

    def _few(self, photos: int | list[int] | Photos) -> Mask:
        return np.asarray(self._askable.safe[photos] | self._askable.one[photos])

    def _question(self, asked: Member, members: list[Member], kind: str, rng: np.random.Generator) -> Question:
        index, (target, distractor) = self._askable.index, REFER.contrast.roles
        relation = str(rng.choice(sorted(asked.singled_out)))
        instance, place = asked.singled_out[relation], members.index(asked)
        photos = [member.photo for member in members]
        free = [position for position, photo in enumerate(photos) if self._askable.safe[photo, asked.concept]]
        question = Question(
            task=REFER,
            split=self._askable.splits[asked.photo],
            pool=REFER.pool,
            template=int(rng.integers(template_count(REFER.pool))),
            concepts=(asked.concept,),
            views=tuple(whole_view(self._askable, p, target if p == asked.photo else distractor) for p in photos),
            shown=(Shown(place, instance, self._askable.truth.box(instance), 1.0),),
            missing=tuple(claim_absent(self._askable, place, photos[place], asked.concept) for place in free),
            distractors=kind,
            tuple_id=set_name(index.photos[photo].identity for photo in photos),
            form=str(self._askable.forms[asked.photo]),
            relation=relation,
        )
        return question.reordered(rng.permutation(len(members)).tolist())


def _countable(askable: Askable) -> Mask:
    """Mask (concepts,) of the labels whose objects can be counted reliably. Other labels, such as broccoli, come in
    pieces that are hard to tell apart.
    """
    pieces = {concept for concept, name in askable.index.names.items() if name.in_pieces}
    return np.array([concept not in pieces for concept in askable.index.concepts], dtype=np.bool_)


def _all_whole(askable: Askable) -> Mask:
    """Mask (photos, concepts) of the labels whose annotated instances are not cut off by the photo's border."""
    instances = askable.index.instances
    sizes = np.array([(photo.width, photo.height) for photo in askable.index.photos], dtype=np.int64).reshape(-1, 2)
    cut = ~uncut(instances.box, sizes[instances.photo])
    whole: Mask = np.ones_like(askable.every)
    whole[instances.photo[cut], instances.concept[cut]] = False
    return whole
