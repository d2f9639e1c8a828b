"""Which photo goes to train, validation or test, for ever: by identity, never by seed or sample count.

Near-duplicates are found by perceptual hash and stay together; a cluster that touches the test photos is test.
"""

import hashlib
import os
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgc_data.common.errors import PhotoError, SourceError
from cgc_data.common.progress import track
from cgc_data.config import Splits
from cgc_data.images import MOST_BYTES
from cgc_data.index.exclusions import IMAGE_SUFFIXES
from cgc_data.index.photos import Photo
from cgc_data.index.pictures import perceptual_hash
from cgc_data.release.schema import Split
from cgc_data.sources import PhotoStore


def hash_photos(photos: Sequence[Photo], stores: Sequence[PhotoStore], cache: Path, workers: int) -> NDArray[np.uint64]:
    """Hash of each photo, (photos,); 0 where it cannot be decoded. Cached by the state of its file."""
    known = _read_cache(cache)
    stamps = [stores[photo.source].stamp(photo.file_name) for photo in photos]
    missing = [(photo, stamp) for photo, stamp in zip(photos, stamps, strict=True) if stamp not in known]
    if missing:
        with ThreadPoolExecutor(workers) as pool:
            hashes = pool.map(lambda entry: _hash_or_zero(stores[entry[0].source], entry[0].file_name), missing)
            try:
                known.update(zip((stamp for _, stamp in missing), track(hashes, "hash", len(missing)), strict=True))
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
        _write_cache(cache, known)
    return np.array([known[stamp] for stamp in stamps], dtype=np.uint64)


def hash_folder(folder: Path) -> NDArray[np.uint64]:
    """Hashes of the photos under a folder, (photos,). Raises SourceError where it holds none that can be decoded."""
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    found = [h for file in files if (h := _hash_of_file(file)) is not None]
    if not found:
        raise SourceError(f"{folder}: holds no photo to compare with; name the folder of the benchmark's images")
    return np.array(found, dtype=np.uint64)


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


def _hash_or_zero(store: PhotoStore, file_name: str) -> np.uint64:
    try:
        found = perceptual_hash(store.read(file_name))
    except PhotoError:
        found = None
    return np.uint64(0) if found is None else found


def _hash_of_file(file: Path) -> np.uint64 | None:
    return perceptual_hash(file.read_bytes()) if file.stat().st_size <= MOST_BYTES else None


def _read_cache(cache: Path) -> dict[str, np.uint64]:
    try:
        with np.load(cache, allow_pickle=False) as stored:
            return dict(zip(stored["stamp"].tolist(), stored["hash"], strict=True))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return {}


def _write_cache(cache: Path, known: dict[str, np.uint64]) -> None:
    decoded = {stamp: value for stamp, value in known.items() if value}  # a broken photo may be repaired
    part = cache.with_name(f"{cache.stem}.{os.getpid()}.part.npz")
    np.savez(part, stamp=np.array(list(decoded)), hash=np.array(list(decoded.values()), dtype=np.uint64))
    part.replace(cache)
