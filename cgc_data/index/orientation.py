"""Determines whether a source's boxes fit its photos as stored, or as displayed after EXIF rotation.

With the wrong orientation, boxes do not fit the photo. Unless the photo sizes show that the boxes fit the stored
photos, an error asks the user to state the orientation.
"""

from collections.abc import Iterator, Sequence

from cgc_data.common.errors import SourceError
from cgc_data.common.settings import stated
from cgc_data.config import Source
from cgc_data.index.facts import Facts
from cgc_data.index.photos import Photo

SWAPS_SIDES = 5  # orientations from 5 on swap width and height


def check_orientations(photos: Sequence[Photo], facts: Facts, sources: Sequence[Source]) -> None:
    """Raise SourceError for photos that EXIF rotates, unless the user states the orientation of the boxes or the
    annotated sizes fit only the stored photos.

    COCO's own boxes fit the photos as stored.
    """
    for position, source in enumerate(sources):
        if source.orientation is None:
            open_questions = list(_questions(position, photos, facts))
            if open_questions:
                more = f" and {len(open_questions) - 1:,} more" if len(open_questions) > 1 else ""
                raise SourceError(
                    f"{source.annotations}: {open_questions[0]}{more}; if its boxes follow the photos as viewers show "
                    f"them, add {stated('orientation', 'as_displayed')}, else {stated('orientation', 'as_stored')}"
                )


def _questions(position: int, photos: Sequence[Photo], facts: Facts) -> Iterator[str]:
    for number, photo in enumerate(photos):
        orientation, stored = int(facts.orientations[number]), tuple(facts.sizes[number].tolist())
        if photo.source != position or orientation == 1 or photo.identity.startswith("coco:"):
            continue
        annotated, turned = (photo.width, photo.height), stored[::-1] if orientation >= SWAPS_SIDES else stored
        if annotated == stored != turned:
            continue  # boxes of that size follow the stored photo
        says = f"{photo.file_name} is stored as {stored[0]} x {stored[1]} and has EXIF orientation {orientation}"
        if annotated == turned != stored:
            says += f", which rotates the photo to {annotated[0]} x {annotated[1]}, the size in the annotation file"
        yield says
