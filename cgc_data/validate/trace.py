"""The values that are kept from each row for the statistics, which are computed after all rows have been checked.

Only a few values are kept per row, so that memory use does not grow with the size of the photos.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cgc_data.common.errors import PhotoError
from cgc_data.tasks import Task, task_named
from cgc_data.validate.boxes import area
from cgc_data.validate.colors import Likeness, color_shares, likenesses
from cgc_data.validate.image_files import ImageFile, ImageFiles
from cgc_data.validate.samples import Box, Rectangle, Sample, View
from cgc_data.validate.sharpness import enlargement
from cgc_data.validate.world import World


@dataclass(frozen=True, slots=True)
class Focus:
    """An object in its Focus View.

    `cover` is the share of the view that the object's box covers. `places` contains the position of the window along
    each axis on which the window could move, from 0 (the first possible position) to 1 (the last).
    """

    cover: float
    places: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """One of several labels that a row lists.

    Attributes:
        label: as listed.
        answered: whether an object of the answer has the label.
        images: 1-based numbers of the images in which an object with the label is annotated.
        photos: number of photos, over all sources, in which an object with the label is annotated.
    """

    label: str
    answered: bool
    images: frozenset[int]
    photos: int


@dataclass(frozen=True, slots=True)
class Trace:
    """The values that are kept for one row. The full text and the pixels of the row are not kept."""

    id: str
    contrast: str
    task: str
    template_id: str
    label: str
    words: frozenset[str]
    sizes: tuple[tuple[int, int], ...]
    num_bytes: tuple[int, ...]
    enlargements: tuple[float, ...]
    candidates: tuple[int, ...]  # images that may contain an answer, 1-based
    photos: tuple[str, ...]
    annotated: tuple[int, ...]  # annotated objects per photo
    targets: frozenset[int]  # 1-based
    boxes: tuple[Rectangle, ...]
    reference: Rectangle | None
    named: bool  # whether the question names the answer's image
    tuple_id: str
    pair_id: str
    focus: Focus | None
    asked: tuple[Asked, ...] = ()  # the labels in order, if there are several
    # per image and histogram: similarity to the image that the question refers to; empty for images without an answer
    colors: tuple[dict[str, Likeness], ...] = ()
    followed: tuple[Box | None, ...] = ()  # box of the followed object in each image, 0-1000
    sharpness: tuple[float, ...] = ()  # of the images; empty for a release without stored images
    relation: str = ""  # relation that distinguishes the object from others with its label
    qualities: tuple[float, ...] = ()  # JPEG quality; none for photos stored as their original files

    @property
    def kind(self) -> Task:
        """The declared task."""
        return task_named(self.contrast, self.task)

    @property
    def pool(self) -> str:
        """Question pool of the wording."""
        return self.template_id.partition("/")[0]


def trace_of(sample: Sample, world: World, images: Sequence[ImageFile] | None = None) -> Trace:
    """The trace of a sample. `images` contains the sample's image files, if they have already been read."""
    photos = tuple(world.photo(view) for view in sample.views)
    return Trace(
        id=sample.id,
        contrast=sample.contrast,
        task=sample.task,
        template_id=sample.template_id,
        label=sample.label,
        words=frozenset(re.findall(r"\w+|[^\w\s]", sample.question.lower())),
        sizes=tuple((view.width, view.height) for view in sample.views),
        num_bytes=tuple(len(content) for content in sample.images),
        sharpness=tuple(file.sharpness for file in (ImageFiles().of(sample) if images is None else images)),
        enlargements=tuple(enlargement(view) for view in sample.views),
        candidates=sample.answer_images,
        photos=photos,
        annotated=tuple(map(world.count_objects, photos)),
        qualities=tuple(step.values[0] for view in sample.views for step in view.operations[-1:]),
        targets=frozenset(target.img_idx for target in sample.objects),
        boxes=tuple(target.bbox for target in sample.objects),
        reference=sample.ref_bbox,
        relation=sample.relation,
        named=sample.img_idx is not None,
        tuple_id=sample.tuple_id,
        pair_id=sample.pair_id,
        focus=_focus(sample, world),
        asked=tuple(_asked(sample, label, world) for label in sample.labels) if len(sample.labels) > 1 else (),
        colors=_colors(sample, world),
        followed=_followed(sample, world),
    )


def _asked(sample: Sample, label: str, world: World) -> Asked:
    concept = world.concept(label) or ""
    images = [number for number, view in enumerate(sample.views, 1) if concept in world.present(world.photo(view))]
    answered = any(target.label == label for target in sample.objects)
    return Asked(label, answered, frozenset(images), world.photos_with[concept])


def _colors(sample: Sample, world: World) -> tuple[dict[str, Likeness], ...]:
    if not sample.kind.gives_image or sample.ref_img_idx is None or len(sample.objects) != 1:
        return ()
    try:
        images = [world.composed(view) for view in sample.views]
    except PhotoError:
        return ()  # the picture checks already report this
    x1, y1, x2, y2 = sample.objects[0].bbox
    own, share = color_shares(images[sample.ref_img_idx - 1]), ((x2 - x1) / 1000, (y2 - y1) / 1000)
    return tuple(
        likenesses(own, image, share) if number in sample.answer_images else {}
        for number, image in enumerate(images, 1)
    )


def _followed(sample: Sample, world: World) -> tuple[Box | None, ...]:
    """The box of the followed object in each image, from its raw mask; empty if the task follows no object."""
    found = world.instance(sample.objects[0].annotation_id) if sample.kind.both_ways and sample.objects else None
    if found is None:
        return ()
    sights = [(view, world.sight(found, view, 0).box) for view in sample.views]
    return tuple(view.thousand(view.place(box)) if box else None for view, box in sights)


def _focus(sample: Sample, world: World) -> Focus | None:
    """The followed object in the Focus View; None if the answer is not in a Focus View."""
    if not sample.kind.both_ways or len(sample.views) != 2 or len(sample.objects) != 1:
        return None
    target = sample.objects[0]
    view = sample.view(target.img_idx)
    if view.role != sample.kind.contrast.roles[0]:
        return None
    cover = area(target.bbox_px) / (view.width * view.height)
    return Focus(cover, _places(view, target.bbox_px, world.sources[view.source].size(view.image_id)))


def _places(view: View, box: Box, photo: tuple[int, int]) -> tuple[float, ...]:
    """The position of the window along each axis, from 0 (the first possible position) to 1 (the last).

    A position is possible if the window contains the whole object. An axis with few possible positions is skipped.
    """
    places = []
    for axis in (0, 1):
        start, end = view.window[axis], view.window[axis + 2]
        scale = (end - start) / (view.width, view.height)[axis]
        low_edge, high_edge = start + box[axis] * scale, start + box[axis + 2] * scale
        lowest = max(0, round(high_edge) - (end - start))
        highest = min(round(low_edge), photo[axis] - (end - start))
        if highest - lowest >= 8 and lowest <= start <= highest:
            places.append((start - lowest + 0.5) / (highest - lowest + 1))
    return tuple(places)
