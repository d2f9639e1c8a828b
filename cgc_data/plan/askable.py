"""Finds, for each photo, the concepts that questions can ask for: concepts with one usable instance, concepts with a
usable set of instances, and concepts that are provably absent.

At first, only the sizes of the annotated boxes are checked. Just before a photo is used, its objects are checked
against their masks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from cgc_data.config import BuildConfig
from cgc_data.index.build import Index, clear_of_confusable, confused
from cgc_data.index.presence import ABSENT, PRESENT_ALL, PRESENT_SOME
from cgc_data.plan.detail import Detail
from cgc_data.plan.offered import Frequencies, Mask, large_enough, nameable, offered, supercategories
from cgc_data.plan.truth import Truth, fits
from cgc_data.release.schema import Split

TOO_SMALL = "the box is too small or too elongated"


@dataclass(frozen=True)
class Rejection:
    """A candidate that was not used, and the reason: one row of rejected.parquet."""

    contrast: str
    task: str
    split: str
    label: str
    source: str
    image_id: int
    annotation_id: str
    reason: str
    detail: str = ""


@dataclass
class Askable:
    """What questions can ask for, mostly as boolean tables of shape (photos, concepts). `check` corrects a photo's rows
    in these tables, based on the masks of its objects.
    """

    index: Index
    truth: Truth
    config: BuildConfig
    splits: list[Split]
    one: Mask  # exactly one instance, boxed, large enough in the whole photo
    every: Mask  # all instances boxed, each large enough, no more than an answer can contain
    clear: Mask  # every confusable concept is provably absent
    safe: Mask  # provably absent, and so is every confusable concept
    named: Mask  # (concepts,) whether the concept has a readable name and is requested
    confused: Mask  # a confusable concept is in the photo
    vectors: csr_matrix  # (photos, concepts) unit vectors of the concepts present, rare concepts weighted more
    kin: csr_matrix  # (photos, concepts + supercategories) unit vectors that include supercategories
    groups: Mask  # (photos, supercategories)
    group_of: NDArray[np.int64]  # (concepts,) supercategory
    weights: NDArray[np.float64]  # (concepts,) weight when one of several labels is drawn
    frequencies: Frequencies  # of all photos, also if the index has only some of them
    forms: NDArray[np.str_]  # (photos,) file format; "" if all photos share one, or if the photo is never shown whole
    rejections: list[Rejection] = field(default_factory=list)
    checked: set[int] = field(default_factory=set)

    @cached_property
    def trusted(self) -> Mask:
        """Mask (instances,) of the instances of categories about which the sources of their photo agree. A category
        with boxes is unknown in a photo only if the sources contradict each other.
        """
        instances = self.index.instances
        return np.asarray(self.index.states[instances.photo, instances.concept] >= PRESENT_SOME)

    @cached_property
    def detail(self) -> Detail:
        """Level of detail in the windows of the photos. All planners share these values, because computing them
        requires reading and decoding each photo.
        """
        return Detail(self.index, self.config)

    @cached_property
    def large(self) -> Mask:
        """Mask (instances,) of the instances that are annotated as single objects and have large enough boxes."""
        return large_enough(self.index, self.config)

    @cached_property
    def mixed(self) -> bool:
        """Whether the photos have different file formats."""
        return len(set(self.forms.tolist())) > 1

    def check(self, photo: int) -> None:
        """Remove from `one` and `every` the concepts that the photo's masks do not confirm, and record the reasons."""
        if photo in self.checked:
            return
        self.checked.add(photo)
        size = self.index.photos[photo].width, self.index.photos[photo].height
        for concept in np.flatnonzero(self.one[photo] | self.every[photo]).tolist():
            for instance in self.index.instances.of(photo, concept).tolist():
                fault, detail = self.truth.fault(instance), self.truth.detail(instance)
                if not fault and not fits(self.truth.box(instance), *size, self.config.limits):
                    fault = TOO_SMALL
                if fault:
                    self.one[photo, concept] = self.every[photo, concept] = False
                    self.reject(instance, fault, detail)

    def reject(self, instance: int, reason: str, detail: str = "") -> None:
        """Record that an instance cannot be used."""
        instances = self.index.instances
        photo, concept = int(instances.photo[instance]), int(instances.concept[instance])
        table = self.index.tables[int(instances.source[instance])]
        number = table.annotations.column("annotation_id")[int(instances.row[instance])].as_py()
        name = self.index.concepts[concept]
        label = self.index.names[name].singular if self.named[concept] else name
        shown = self.index.photos[photo]
        self.rejections.append(
            Rejection(
                "",
                "",
                self.splits[photo],
                label,
                self.index.tables[shown.source].key,
                shown.image_id,
                f"{table.key}:{number}",
                reason,
                detail,
            )
        )

    def take_over(self, rejections: Iterable[Rejection]) -> None:
        """Record instances that other parts of the plan rejected.

        Later questions do not ask for the concept of a rejected instance in its photo.
        """
        instances, found = self.index.instances, {r.annotation_id: r for r in rejections if r.annotation_id}
        names = [(t.key, t.annotations.column("annotation_id").to_numpy()) for t in self.index.tables]
        for instance in range(len(instances.row)) if found else ():
            key, numbers = names[instances.source[instance]]
            if f"{key}:{numbers[instances.row[instance]]}" in found:
                pair = instances.photo[instance], instances.concept[instance]
                self.one[pair] = self.every[pair] = False
        self.rejections += found.values()

    def usable(self, photo: int, concept: int) -> list[int]:
        """Usable instances of a concept in a photo: single instances (not crowds) with a mask that matches the box."""
        instances = self.index.instances
        return [i for i in instances.of(photo, concept).tolist() if not instances.crowd[i] and not self.truth.fault(i)]

    def offers(self, photos: Sequence[int] | NDArray[np.intp]) -> Mask:
        """Mask (photos, concepts) of the concepts that questions about each of these photos can ask for."""
        return np.asarray(self.one[photos] | self.every[photos])

    def draw_label(self, choices: NDArray[np.intp], rng: np.random.Generator) -> int:
        """Draw one of several concepts, with weights that depend on the category temperature."""
        weights = self.weights[choices]
        return int(rng.choice(choices, p=weights / weights.sum()))

    def like(self, concept: int) -> Mask:
        """Mask (concepts,) of the concept and of all concepts that can be confused with it."""
        found = np.zeros(len(self.index.concepts), dtype=np.bool_)
        found[[concept, *self.index.confusable(concept, labelled_only=False)]] = True
        return found

    def similarity(self, photos: NDArray[np.intp], photo: int) -> NDArray[np.float64]:
        """Cosine similarity (photos,) between the categories in each of these photos and the categories in another
        photo.
        """
        return _cosines(self.vectors, photos, photo)

    def kinship(self, photos: NDArray[np.intp], photo: int) -> NDArray[np.float64]:
        """Like `similarity`, with the same shape (photos,), but supercategories count as much as categories."""
        return _cosines(self.kin, photos, photo)


def find_askable(
    index: Index,
    config: BuildConfig,
    splits: list[Split],
    truth: Truth,
    forms: NDArray[np.str_],
    frequencies: Frequencies | None = None,
) -> Askable:
    """Use the states in the index and the annotated boxes to find the concepts that questions can ask for. `forms`
    (photos,) contains the file formats of the photos.

    `frequencies` are counted over all photos, even if the index contains only some of them.
    """
    frequencies = frequencies or Frequencies.of(index, config)
    named = nameable(index, config)
    in_the_way = confused(index)
    one, every = offered(index, config, (index.states == PRESENT_ALL) & named, in_the_way)
    clear = clear_of_confusable(index, labelled_only=config.confusable == "labeled")
    groups, group_of = supercategories(index)
    present = csr_matrix(index.states >= PRESENT_SOME, dtype=np.float64)
    vectors = _unit(present, frequencies.shown, frequencies.photos)
    kinds = _unit(csr_matrix(groups, dtype=np.float64), frequencies.groups, frequencies.photos)
    return Askable(
        index=index,
        truth=truth,
        config=config,
        splits=splits,
        one=one,
        every=every,
        clear=clear,
        safe=(index.states == ABSENT) & clear & named,
        named=named,
        confused=in_the_way,
        vectors=vectors,
        kin=csr_matrix(hstack([vectors, kinds]) * 0.5**0.5),
        groups=groups,
        group_of=group_of,
        weights=_weights(frequencies.complete, config.category_temperature),
        frequencies=frequencies,
        forms=forms,
    )


def _cosines(vectors: csr_matrix, photos: NDArray[np.intp], photo: int) -> NDArray[np.float64]:
    """Dot products of the unit vectors of `photos` with the unit vector of `photo`. For a few rows, this is ten times
    faster than scipy's own product.
    """
    starts = vectors.indptr[photos].astype(np.int64)
    lengths = vectors.indptr[photos + 1] - starts
    own = slice(vectors.indptr[photo], vectors.indptr[photo + 1])
    other = np.zeros(vectors.shape[1])
    other[vectors.indices[own]] = vectors.data[own]
    row = np.repeat(np.arange(len(photos)), lengths)
    entries = np.arange(len(row)) + np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
    products = vectors.data[entries] * other[vectors.indices[entries]]
    return np.bincount(row, products, minlength=len(photos)).astype(np.float64)


def _unit(present: csr_matrix, frequency: NDArray[np.int64], photos: int) -> csr_matrix:
    """Unit vectors (photos, columns) that describe what each photo shows. Each column stands for a category or a
    supercategory. `frequency` contains the number of photos that show it, out of a total of `photos`. Rare columns have
    more weight.
    """
    rarity = np.log1p(photos / np.maximum(frequency, 1.0))
    weighted = csr_matrix(present.multiply(rarity[None, :]))
    norms = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return csr_matrix(weighted.multiply(1.0 / np.maximum(norms, 1e-12)[:, None]))


def _weights(frequency: NDArray[np.int64], temperature: float) -> NDArray[np.float64]:
    """Weights frequency ** (temperature - 1).

    A concept can be drawn once for each photo that shows it. The total number of draws of a concept is therefore
    proportional to frequency ** temperature.
    """
    return np.asarray(np.maximum(frequency, 1.0) ** (temperature - 1.0))
