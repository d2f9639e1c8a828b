"""Near-duplicates of one photo in two splits, found by thumbnails and regardless of file names.

Candidates share a quarter of a 64-bit difference hash. Candidates count as one picture if their thumbnails nearly
agree.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

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
THUMBNAIL_DIFFERENCE = 4.0  # mean gray levels between 16 x 16 thumbnails
CROWDED = 2_000  # photos that share a quarter of a hash; beyond it they are flat pictures, which carry no information


class DuplicateCheck:
    """Stores one hash and one thumbnail per photo."""

    def __init__(self, ledger: Ledger, world: World) -> None:
        self._ledger, self._world = ledger, world
        self._seen: dict[str, tuple[str, str]] = {}  # photo -> split, first sample
        self._photos: list[str] = []
        self._hashes: list[int] = []
        self._thumbnails: list[NDArray[np.uint8]] = []

    def add(self, sample: Sample) -> None:
        """Hash the photos that are new."""
        for part in (part for view in sample.views for part in view.parts):
            photo = self._world.photo(part)
            if photo not in self._seen:
                self._seen[photo] = (sample.split, sample.id)
                self._hash(photo, part.source, part.image_id)

    def finish(self) -> None:
        """Check all pairs of photos that look alike."""
        self._ledger.look("near-duplicates", len(self._photos))
        for first, second in sorted(set(self._alike())):
            seen = [(self._photos[place], *self._seen[self._photos[place]]) for place in (first, second)]
            for (photo, split, sample), (other, elsewhere, _) in (seen, seen[::-1]):
                message = f"photo {photo} ({split}) looks like {other} ({elsewhere})"
                self._ledger.breach("near-duplicates", sample, message)

    def _hash(self, photo: str, key: str, image_id: int) -> None:
        source = self._world.sources[key]
        try:
            content = source.photos.read(source.file_name(image_id))
            picture_size(content)
        except PhotoError:
            return  # reported by the picture checks
        grey = cv2.imdecode(np.frombuffer(content, np.uint8), READ)
        if grey is None:
            return
        small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
        bits = np.packbits(small[:, 1:] > small[:, :-1])
        self._photos.append(photo)
        self._hashes.append(int.from_bytes(bits.tobytes(), "big"))
        self._thumbnails.append(np.asarray(cv2.resize(grey, (16, 16), interpolation=cv2.INTER_AREA), dtype=np.uint8))

    def _alike(self) -> Iterator[tuple[int, int]]:
        """Pairs across two splits, some repeated: memory does not grow with the photos of one split."""
        splits = [self._seen[photo][0] for photo in self._photos]
        buckets: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for place, value in enumerate(self._hashes):
            for quarter in range(4):
                buckets[(quarter, value >> (16 * quarter) & 0xFFFF)].append(place)
        pairs = (pair for b in buckets.values() if len(b) <= CROWDED for pair in combinations(b, 2))
        for first, second in pairs:
            if (
                splits[first] != splits[second]
                and (self._hashes[first] ^ self._hashes[second]).bit_count() <= HASH_BITS
            ):
                apart = self._thumbnails[first].astype(np.int16) - self._thumbnails[second]
                if float(np.abs(apart).mean()) <= THUMBNAIL_DIFFERENCE:
                    yield first, second
