"""Combines all sources, finds images that are the same photo, and finds disagreements about a photo's categories.

Images are the same photo if they have the same COCO name and picture, or if their files have the same bytes. Images
with the same id or file name are not necessarily the same photo.
"""

import hashlib
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.optimize import linear_sum_assignment

from cgc_data.common.errors import PhotoError
from cgc_data.validate.boxes import iou
from cgc_data.validate.composing import composed
from cgc_data.validate.photos import picture_size
from cgc_data.validate.pixels import DecodedPhotos, Pixels
from cgc_data.validate.protocols import Status
from cgc_data.validate.raw import Instance, RawSource, Sight
from cgc_data.validate.samples import Part, View
from cgc_data.vocabulary import COCO_PRACTICE, Name, Relations, names_of

COCO_FILE = re.compile(r"(?<!\d)(0{6}\d{6})\.[A-Za-z]+$")
THUMBNAIL = 16  # side in pixels at which two pictures are compared
ALIKE = 0.9  # minimum correlation between the thumbnails of a picture and of its re-encoded or resized copy
COMPOSED_VIEWS = 8  # several checks of a row look at its views
Appearance = tuple[str, int]  # source key, image id


@dataclass(frozen=True)
class Fact:
    """One source's annotations of a concept in a photo, and what they prove."""

    source: RawSource
    image_id: int
    status: Status
    instances: tuple[Instance, ...]  # excluding crowds
    crowds: tuple[Instance, ...]


class World:
    """Sources by key, photos by identity, and the lookups that validation needs."""

    def __init__(self, sources: Iterable[RawSource], relations: Relations) -> None:
        self.sources: dict[str, RawSource] = {source.key: source for source in sources}
        self.relations = relations
        self.pixels = DecodedPhotos(self.sources)
        self.concepts = {concept for source in self.sources.values() for concept in source.categories}
        self.shown = _shown(self.sources.values())
        self._labels = {name.singular: concept for concept, name in self.shown.items()}
        self._identity, self._appearances = _join(self.sources)
        self.composed = lru_cache(maxsize=COMPOSED_VIEWS)(self._composed)
        self.facts = lru_cache(maxsize=500_000)(self._facts)
        self.absent = lru_cache(maxsize=500_000)(self._absent)
        self.present = lru_cache(maxsize=10_000)(self._present)
        self.count_objects = lru_cache(maxsize=500_000)(self._count_objects)
        self.ancestors = lru_cache(maxsize=None)(self._ancestors)

    def known(self, source: str, image_id: int) -> bool:
        """Whether this image exists."""
        return (source, image_id) in self._identity

    def photo(self, shown: View | Part | Instance) -> str:
        """Name of the photo that a view or an annotation belongs to. Raises KeyError if the image is unknown."""
        return self._identity[(shown.source, shown.image_id)]

    def instance(self, annotation_id: str) -> Instance | None:
        """The annotation that a release refers to as "source:id"."""
        key, _, number = annotation_id.rpartition(":")
        source = self.sources.get(key)
        return source.instance(int(number)) if source and number.lstrip("-").isdecimal() else None

    def sight(self, instance: Instance, view: View, margin: int) -> Sight:
        """How much of an annotated instance a view of its photo shows. `margin` is in photo pixels."""
        return self.sources[instance.source].sight(instance.number, view.window, margin)

    def _composed(self, view: View) -> Pixels:
        """Pixels (height, width, 3) of a view in blue-green-red order, before the view is encoded.

        Raises PhotoError if a photo cannot be read.
        """
        return composed(view, self.pixels.of)

    def appearances(self, identity: str) -> list[Appearance]:
        """Every image of this photo, as source key and image id."""
        return self._appearances[identity]

    def names(self, identity: str) -> set[str]:
        """Every name that can be used to exclude a photo.

        These are the photo's file names, its digest, and its COCO name (with and without the prefix).
        """
        names = {identity, identity.partition(":")[2]}
        for key, image_id in self.appearances(identity):
            source = self.sources[key]
            name = source.file_name(image_id)
            digest = file_digest(source, image_id)
            names |= {name, name.rpartition("/")[2], f"sha256:{digest}", digest}
        return names

    def concept(self, label: str) -> str | None:
        """The concept whose readable name is `label`; None if there is no such concept."""
        return self._labels.get(label)

    def is_val(self, identity: str) -> bool:
        """Whether the photo is from COCO val2017 or from a held-out source."""
        for key, image_id in self.appearances(identity):
            source = self.sources[key]
            url = str(source.images[image_id].get("coco_url") or "")
            if source.test_only or "/val2017/" in url:
                return True
        return False

    @cached_property
    def photos_with(self) -> Counter[str]:
        """For each concept, the number of photos with an annotation of the concept."""
        found: Counter[str] = Counter()
        for identity in self._appearances:
            found.update(self.present(identity))
        return found

    def contradiction(self, identity: str, concept: str) -> str | None:
        """A description of how the photo's sources disagree about a concept; None if they agree."""
        facts = [fact for fact in self.facts(identity, concept) if fact.status != "unknown"]
        absent = [fact for fact in facts if fact.status == "absent"]
        present = [fact for fact in facts if fact.status != "absent"]
        if absent and present:
            return f"{present[0].source.key} boxes it, {absent[0].source.key} states that it is absent"
        whole = [fact for fact in present if fact.status == "all"]
        for other in whole[1:]:
            if not _same_boxes(whole[0].instances, other.instances):
                return f"the boxes of {whole[0].source.key} and {other.source.key} cannot be matched one to one"
        return None

    def incomplete(self, identity: str, concept: str) -> str | None:
        """The reason why the photo might contain instances of the concept without a box.

        The result is None if every instance is boxed.
        """
        facts = self.facts(identity, concept)
        if crowd := next((c for fact in facts for c in fact.crowds), None):
            return f"crowd {crowd.id}"
        if partial := next((fact for fact in facts if fact.status == "some"), None):
            return f"{partial.source.key} boxes only some"
        if not any(fact.status == "all" for fact in facts):
            return "no source states that all instances are boxed"
        return self.contradiction(identity, concept)

    def _facts(self, identity: str, concept: str) -> tuple[Fact, ...]:
        found = []
        for key, image_id in self.appearances(identity):
            source = self.sources[key]
            boxed = source.instances(image_id, concept)
            single = tuple(instance for instance in boxed if not instance.crowd)
            crowds = tuple(instance for instance in boxed if instance.crowd)
            found.append(Fact(source, image_id, source.status(image_id, concept), single, crowds))
        return tuple(found)

    def _present(self, identity: str) -> frozenset[str]:
        """Concepts that any source annotates in the photo."""
        return frozenset().union(*(self.sources[key].concepts_in(image) for key, image in self.appearances(identity)))

    def _count_objects(self, identity: str) -> int:
        """Number of annotated objects in the photo, from the source that annotates the most."""
        counts = (
            sum(len(self.sources[key].instances(image, concept)) for concept in self.sources[key].concepts_in(image))
            for key, image in self.appearances(identity)
        )
        return max(counts, default=0)

    def _absent(self, identity: str, concept: str) -> bool:
        """Whether the concept, or a more general concept, is proved absent from the whole photo."""
        if any(fact.instances or fact.crowds for fact in self.facts(identity, concept)):
            return False
        return any(self._says_absent(identity, name, concept) for name in (concept, *self.ancestors(concept)))

    def _says_absent(self, identity: str, above: str, concept: str) -> bool:
        """Whether a source that counts `concept` as a kind of `above` proves that `above` is absent from the photo."""
        facts = self.facts(identity, above)
        if any(fact.instances or fact.crowds for fact in facts):
            return False
        below = self.relations.hyponyms(above) & self.concepts
        if any(fact.instances or fact.crowds for lower in below for fact in self.facts(identity, lower)):
            return False
        return any(fact.status == "absent" and self.covers(fact.source, above, concept) for fact in facts)

    def covers(self, source: RawSource, above: str, concept: str) -> bool:
        """Whether `concept` is `above` itself, or one of its subcategories by the naming practice of this source."""
        return concept == above or concept in self.relations.hyponyms(above, source.practice)

    def _ancestors(self, concept: str) -> tuple[str, ...]:
        return tuple(sorted(self.relations.hypernyms(concept, COCO_PRACTICE) & self.concepts))


def file_digest(source: RawSource, image_id: int) -> str:
    """sha256 of a photo's file, or "" if it cannot be read."""
    try:
        return hashlib.sha256(source.photos.read(source.file_name(image_id))).hexdigest()
    except PhotoError:
        return ""


def _shown(sources: Iterable[RawSource]) -> dict[str, Name]:
    """The name of each concept.

    The name comes from the vocabulary table. If a concept is not in the table, the name comes from the first source
    that has the concept.
    """
    called: dict[str, str] = {}
    for source in sources:
        for number, concept in source.concept_of.items():
            called.setdefault(concept, source.names[number])
    return names_of(sorted(called), called)


def _coco_name(source: RawSource, image_id: int) -> str | None:
    file_name = source.file_name(image_id) if source.of_coco else ""
    for name in (str(source.images[image_id].get("coco_url") or ""), file_name):
        if found := COCO_FILE.search(name):
            return found.group(1)
    return None


def _join(sources: Mapping[str, RawSource]) -> tuple[dict[Appearance, str], dict[str, list[Appearance]]]:
    identity: dict[Appearance, str] = {}
    for key, source in sources.items():
        for image_id in source.images:
            name = _coco_name(source, image_id)
            identity[(key, image_id)] = f"coco:{name}" if name else f"{key}:{image_id}"
    _part_pictures(sources, identity)
    for group in _same_size(sources, identity):
        _join_by_bytes(sources, identity, group)
    appearances: defaultdict[str, list[Appearance]] = defaultdict(list)
    for appearance, name in identity.items():
        appearances[name].append(appearance)
    return identity, dict(appearances)


def _part_pictures(sources: Mapping[str, RawSource], identity: dict[Appearance, str]) -> None:
    """If image records share a COCO name but show different pictures, keep the name for one of the pictures."""
    groups: defaultdict[str, list[Appearance]] = defaultdict(list)
    for appearance, name in identity.items():
        groups[name].append(appearance)
    for group in groups.values():
        if len(group) == 1 or len({sources[k].photos.place(sources[k].file_name(i)) for k, i in group}) == 1:
            continue
        digests = {appearance: file_digest(sources[appearance[0]], appearance[1]) for appearance in group}
        order = sorted(group, key=lambda a: (not sources[a[0]].images[a[1]].get("coco_url"), digests[a]))
        for key, image_id in order[1:]:
            if digests[(key, image_id)] != digests[order[0]] and not _alike(sources, order[0], (key, image_id)):
                identity[(key, image_id)] = f"{key}:{image_id}"


def _alike(sources: Mapping[str, RawSource], first: Appearance, second: Appearance) -> bool:
    """Whether two files show the same picture, judged by the correlation of their thumbnails."""
    views = [_thumbnail(sources[key], image_id) for key, image_id in (first, second)]
    if views[0] is None or views[1] is None or not views[0].std() or not views[1].std():
        return False
    return float(np.corrcoef(views[0].ravel(), views[1].ravel())[0, 1]) >= ALIKE


def _thumbnail(source: RawSource, image_id: int) -> NDArray[np.float64] | None:
    try:
        content = source.photos.read(source.file_name(image_id))
        picture_size(content)
        with Image.open(io.BytesIO(content)) as image:
            small = image.convert("L").resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    except (PhotoError, OSError, ValueError, SyntaxError):
        return None
    return np.asarray(small, dtype=np.float64)


def _same_size(sources: Mapping[str, RawSource], identity: Mapping[Appearance, str]) -> list[list[Appearance]]:
    """Groups of photos whose files have the same size. The files of a group might be copies under different names.

    Only the files in these groups are read.
    """
    if all(name.startswith("coco:") for name in identity.values()):
        return []
    sizes: defaultdict[int, list[Appearance]] = defaultdict(list)
    for key, image_id in identity:
        size = sources[key].photos.size(sources[key].file_name(image_id))
        if size is not None:
            sizes[size].append((key, image_id))
    named = [[a for a in group if identity[a].startswith("coco:")] for group in sizes.values()]
    return [group for group, coco in zip(sizes.values(), named, strict=True) if 1 < len(group) != len(coco)]


def _join_by_bytes(
    sources: Mapping[str, RawSource], identity: dict[Appearance, str], group: Iterable[Appearance]
) -> None:
    first: dict[str, str] = {}
    for key, image_id in sorted(group, key=lambda a: not identity[a].startswith("coco:")):
        digest = file_digest(sources[key], image_id)
        if digest:
            name = first.setdefault(digest, identity[(key, image_id)])
            if not identity[(key, image_id)].startswith("coco:"):
                identity[(key, image_id)] = name


def _same_boxes(first: tuple[Instance, ...], second: tuple[Instance, ...]) -> bool:
    if len(first) != len(second):
        return False
    matches = np.array([[iou(a.box, b.box) >= 0.5 for b in second] for a in first], dtype=float)
    rows, columns = linear_sum_assignment(-matches)
    return bool(matches[rows, columns].all())
