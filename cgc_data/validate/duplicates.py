"""Finds near-duplicate photos in different splits. Compares hashes and thumbnails of the photos, not file names.

Each photo has a 64-bit difference hash, which is split into four quarters. Two photos are candidates if at least one of
the quarters is the same in both hashes. Candidates count as duplicates if their complete hashes and their thumbnails
are nearly identical.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cgc_data.common.errors import PhotoError
from cgc_data.validate.photos import picture_size
from cgc_data.validate.report import Ledger
from cgc_data.validate.samples import Sample
from cgc_data.validate.world import World

CHECKS = {"near-duplicates": "no photo is a re-encoded or resized copy of a photo in another split"}
READ = cv2.IMREAD_REDUCED_GRAYSCALE_4 | cv2.IMREAD_IGNORE_ORIENTATION
HASH_BITS = 4  # maximum number of differing hash bits within one picture
THUMBNAIL_DIFFERENCE = 4.0  # maximum mean difference, in gray levels, between 16 x 16 thumbnails of one picture
CROWDED = 2_000  # photos that share a quarter of a hash; larger groups are plain, uninformative pictures


class Print(NamedTuple):
    """The appearance of a photo: a 64-bit difference hash, and a thumbnail with shape (16, 16)."""

    hash: int
    thumbnail: NDArray[np.uint8]


class Looks(NamedTuple):
    """The data that is kept for each photo: its split, the first sample that shows it, and its appearance (None if
    unreadable).
    """

    split: str
    sample: str
    looks: Print | None


class DuplicateCheck:
    """Stores one hash and one thumbnail per photo.

    `prints` contains the hashes and thumbnails that this process has already computed.
    """

    def __init__(self, ledger: Ledger, world: World, prints: dict[str, Print | None] | None = None) -> None:
        self._ledger, self._world = ledger, world
        self._prints = {} if prints is None else prints
        self.state: dict[str, Looks] = {}

    def add(self, sample: Sample) -> None:
        """Compute the hash and the thumbnail of each photo that was not seen before."""
        for part in (part for view in sample.views for part in view.parts):
            photo = self._world.photo(part)
            if photo not in self.state:
                if photo not in self._prints:
                    self._prints[photo] = self._print(part.source, part.image_id)
                self.state[photo] = Looks(sample.split, sample.id, self._prints[photo])

    def merge(self, state: dict[str, Looks]) -> None:
        """Add the photos of later rows."""
        for photo, seen in state.items():
            self.state.setdefault(photo, seen)

    def finish(self) -> None:
        """Report all pairs of photos from different splits that look alike."""
        photos = [(photo, seen.split, seen.sample, seen.looks) for photo, seen in self.state.items() if seen.looks]
        self._ledger.look("near-duplicates", len(photos))
        alike = _alike([split for _, split, _, _ in photos], [looks for _, _, _, looks in photos])
        for first, second in sorted(set(alike)):
            seen = [photos[place][:3] for place in (first, second)]
            for (photo, split, sample), (other, elsewhere, _) in (seen, seen[::-1]):
                message = f"photo {photo} ({split}) looks like {other} ({elsewhere})"
                self._ledger.breach("near-duplicates", sample, message)

    def _print(self, key: str, image_id: int) -> Print | None:
        source = self._world.sources[key]
        try:
            content = source.photos.read(source.file_name(image_id))
            picture_size(content)
        except PhotoError:
            return None  # reported by the picture checks
        grey = cv2.imdecode(np.frombuffer(content, np.uint8), READ)
        if grey is None:
            return None
        small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
        bits = np.packbits(small[:, 1:] > small[:, :-1])
        small_gray = cv2.resize(grey, (16, 16), interpolation=cv2.INTER_AREA)
        return Print(int.from_bytes(bits.tobytes(), "big"), np.asarray(small_gray, dtype=np.uint8))


def _alike(splits: Sequence[str], prints: Sequence[Print]) -> Iterator[tuple[int, int]]:
    """Pairs of similar photos from different splits.

    A pair can occur more than once, because remembering all candidate pairs would take too much memory.
    """
    buckets: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for place, looks in enumerate(prints):
        for quarter in range(4):
            buckets[(quarter, looks.hash >> (16 * quarter) & 0xFFFF)].append(place)
    pairs = (pair for b in buckets.values() if len(b) <= CROWDED for pair in combinations(b, 2))
    for first, second in pairs:
        one, other = prints[first], prints[second]
        if splits[first] != splits[second] and (one.hash ^ other.hash).bit_count() <= HASH_BITS:
            apart = one.thumbnail.astype(np.int16) - other.thumbnail
            if float(np.abs(apart).mean()) <= THUMBNAIL_DIFFERENCE:
                yield first, second
