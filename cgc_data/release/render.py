"""Renders a planned view as an image file. A photo without operations is copied byte for byte, unless it has an EXIF
orientation. A view with operations is composed by these operations and encoded once.

`cgc-data build` and `load_reference` share this code, so that both produce the same pixels.
"""

from collections import OrderedDict
from collections.abc import Mapping

from cgc_data.common.errors import PhotoError
from cgc_data.images import Pixels, decode_photo, encode_like, exif_orientation, strip_orientation
from cgc_data.release.operations import Part, compose
from cgc_data.release.rows import PartRow, ViewRow
from cgc_data.sources import PhotoStore

KEPT_PHOTOS, KEPT_BYTES = 8, 2**28
JPEG_QUALITY = 92
UNTAGGED = "the tag for the EXIF orientation was set to 1"
TURNED = "the photo was rotated as its EXIF orientation states, and encoded again"


class Renderer:
    """Composes views from the photos in `stores` (by source key). Recently read and decoded photos are cached.

    `displayed` lists the sources whose boxes refer to the photos after EXIF rotation. Photos of these sources are
    rotated first.
    """

    def __init__(
        self,
        stores: Mapping[str, PhotoStore],
        jpeg_quality: int = JPEG_QUALITY,
        displayed: frozenset[str] = frozenset(),
    ) -> None:
        self._stores, self._quality, self._displayed = stores, jpeg_quality, displayed
        self._photos: OrderedDict[tuple[str, str], tuple[bytes, Pixels]] = OrderedDict()

    def view(self, view: ViewRow, photo_size: tuple[int, int] | None = None) -> tuple[bytes, str]:
        """Encoded image of a view (an entry of a row's `views`), and a description of how the photo was changed.

        `photo_size` is the annotated (width, height), which the photo must have. Raises PhotoError, which names the
        photo.
        """
        content, pixels = self._photo(view["source"], view["file_name"])
        height, width = pixels.shape[:2]
        whole = not view["operations"]
        expected = (view["width"], view["height"]) if whole else photo_size
        if expected and tuple(expected) != (width, height):
            raise PhotoError(
                f"{view['file_name']}: is {width} x {height}, but its annotation states {expected[0]} x {expected[1]}"
                f"{_turned(content)}"
            )
        if whole:
            # readers rotate by the tag, which would separate the photo from its boxes
            if exif_orientation(content) == 1:
                return content, "none"
            if view["source"] in self._displayed:
                return encode_like(pixels, content, self._quality), TURNED
            return strip_orientation(content), UNTAGGED
        lenders = [self._lender(part) for part in view["parts"][1:]]
        return compose(pixels, lenders, view["operations"], view["file_name"]), view["changes"]

    def _lender(self, part: PartRow) -> Part:
        return Part(self._photo(part["source"], part["file_name"])[1], part)

    def _photo(self, source: str, file_name: str) -> tuple[bytes, Pixels]:
        key = (source, file_name)
        if key not in self._photos:
            if source not in self._stores:
                raise PhotoError(f"{file_name}: its source {source!r} is not given; give the photos of every source")
            content = self._stores[source].read(file_name)
            try:
                self._photos[key] = content, decode_photo(content, turn=source in self._displayed)
            except PhotoError as error:
                raise PhotoError(f"{file_name}: {error}") from None
            self._forget()
        self._photos.move_to_end(key)
        return self._photos[key]

    def _forget(self) -> None:
        """Drop the least recently used photos until the rest fits in memory. The last photo read is always kept."""
        size = sum(pixels.nbytes for _, pixels in self._photos.values())
        while len(self._photos) > KEPT_PHOTOS or (size > KEPT_BYTES and len(self._photos) > 1):
            size -= self._photos.popitem(last=False)[1][1].nbytes


def _turned(content: bytes) -> str:
    """A note that EXIF rotates the photo, for errors about its size; "" if EXIF does not rotate it."""
    orientation = exif_orientation(content)
    return (
        ""
        if orientation == 1
        else (f" (EXIF orientation {orientation} rotates the photo; see the setting `orientation`)")
    )
