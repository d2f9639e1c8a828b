"""The pixels of photos, for planners that need them. This module caches nothing."""

from cgc_data.config import BuildConfig
from cgc_data.images import Pixels, decode_photo
from cgc_data.index.build import Index
from cgc_data.index.pictures import thumbnail


class PhotoPixels:
    """Reads photos of the index. A photo is rotated by its EXIF orientation if the boxes in the source fit the rotated
    photo.
    """

    def __init__(self, index: Index, config: BuildConfig) -> None:
        self._index = index
        self._turned = [source.displayed for source in config.sources]

    def whole(self, photo: int) -> Pixels:
        """Pixels (height, width, 3), blue-green-red. Raises PhotoError."""
        return decode_photo(self._content(photo), turn=self._turn(photo))

    def small(self, photo: int, longest: int) -> Pixels:
        """Pixels of the photo, decoded at a lower resolution and resized so that the longer side has `longest` pixels.
        Raises PhotoError.
        """
        return thumbnail(self._content(photo), longest, turn=self._turn(photo))

    def _content(self, photo: int) -> bytes:
        shown = self._index.photos[photo]
        return self._index.stores[shown.source].read(shown.file_name)

    def _turn(self, photo: int) -> bool:
        return self._turned[self._index.photos[photo].source]
