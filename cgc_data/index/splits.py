"""Which photo goes to train, validation or test, for ever: by identity, never by seed or sample count.

Near-duplicates are found by perceptual hash and stay together; a cluster that touches the test photos is test.
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from cgc_data.common.errors import SourceError
from cgc_data.config import Splits
from cgc_data.images import UnshownError
from cgc_data.index.exclusions import IMAGE_SUFFIXES
from cgc_data.index.photos import Photo
from cgc_data.index.pictures import HASH_BITS, perceptual_hash
from cgc_data.release.schema import Split


def hash_folder(folder: Path) -> NDArray[np.uint64]:
    """Hashes of the photos under a folder, (photos,). Raises SourceError where it holds none that can be decoded."""
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    found = [h for file in files if (h := _hash_or_none(file)) is not None]
    if not found:
        raise SourceError(f"{folder}: holds no photo to compare with; name the folder of the benchmark's images")
    return np.array(found, dtype=np.uint64)


def _hash_or_none(file: Path) -> np.uint64 | None:
    try:
        return perceptual_hash(file.read_bytes())
    except UnshownError:
        return None


def near_duplicates(hashes: NDArray[np.uint64], distance: int) -> NDArray[np.int32]:
    """Cluster number of each photo, (photos,): photos whose hashes differ in at most `distance` bits are together.

    Two such hashes agree in one of `distance + 1` bands of bits, so only photos that share a band are compared.
    """
    edges: list[NDArray[np.intp]] = []
    bounds = np.linspace(0, HASH_BITS, distance + 2).astype(np.uint64)
    for low, high in pairwise(bounds):
        band = (hashes >> low) & np.uint64((1 << int(high - low)) - 1)
        edges += _close_pairs(hashes, band, distance)
    pairs = np.concatenate(edges) if edges else np.zeros((0, 2), dtype=np.intp)
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(hashes), len(hashes)))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int32)


def like_any(hashes: NDArray[np.uint64], others: NDArray[np.uint64], distance: int) -> NDArray[np.bool_]:
    """Which photos, (photos,), are near-duplicates of any of the others."""
    close = np.zeros(len(hashes), dtype=bool)
    for other in others:
        close |= (np.bitwise_count(hashes ^ other) <= distance) & (hashes != 0)
    return close


def assign_splits(
    photos: Sequence[Photo], clusters: NDArray[np.int32], held_out: NDArray[np.bool_], settings: Splits
) -> list[Split]:
    """Split of each photo: COCO val2017 and held-out sources are test, the others by a salted hash of their cluster."""
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


def _close_pairs(hashes: NDArray[np.uint64], band: NDArray[np.uint64], distance: int) -> list[NDArray[np.intp]]:
    order = np.argsort(band, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(band[order])) + 1)
    found = []
    for bucket in groups:
        group = bucket[hashes[bucket] != 0]
        if len(group) > 1:
            close = np.bitwise_count(hashes[group][:, None] ^ hashes[group][None, :]) <= distance
            first, second = np.nonzero(np.triu(close, 1))
            found.append(np.stack([group[first], group[second]], axis=1))
    return found
