"""Permanently assigns each photo to train, validation, or test. The split depends on the photo's identity, never on the
seed or the number of samples.

Near-duplicates are found by perceptual hash and are always in the same split. If a cluster of
near-duplicates contains a test photo, the whole cluster is in the test split.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgc_data.common.errors import SourceError
from cgc_data.config import Splits
from cgc_data.images import MOST_BYTES, UnshownError
from cgc_data.index.exclusions import IMAGE_SUFFIXES
from cgc_data.index.photos import Photo
from cgc_data.index.pictures import perceptual_hash
from cgc_data.release.schema import Split


def hash_folder(folder: Path) -> NDArray[np.uint64]:
    """Perceptual hashes of the photos in a folder, (photos,). Raises SourceError if no photo can be decoded."""
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    found = [h for file in files if (h := _hash_or_none(file)) is not None]
    if not found:
        raise SourceError(f"{folder}: contains no photo to compare with; name the folder of the benchmark's images")
    return np.array(found, dtype=np.uint64)


def _hash_or_none(file: Path) -> np.uint64 | None:
    try:
        return perceptual_hash(file.read_bytes()) if file.stat().st_size <= MOST_BYTES else None
    except UnshownError:
        return None


def assign_splits(
    photos: Sequence[Photo], clusters: NDArray[np.int32], held_out: NDArray[np.bool_], settings: Splits
) -> list[Split]:
    """Split of each photo. Photos of COCO val2017 and of held-out sources are in the test split, and so are all other
    photos in their clusters. The split of every other cluster depends on a salted hash.
    """
    test_clusters = {
        int(c) for c, photo, test in zip(clusters, photos, held_out, strict=True) if photo.coco_val or test
    }
    leader: dict[int, str] = {}
    for cluster, photo in zip(clusters.tolist(), photos, strict=True):
        leader[cluster] = min(leader.get(cluster, photo.identity), photo.identity)
    return [
        "test" if cluster in test_clusters else _hashed_split(leader[cluster], settings)
        for cluster in clusters.tolist()
    ]


def _hashed_split(identity: str, settings: Splits) -> Split:
    digest = hashlib.sha256(f"{settings.salt}/{identity}".encode()).digest()
    return "validation" if int.from_bytes(digest[:8], "big") < settings.validation * 2**64 else "train"
