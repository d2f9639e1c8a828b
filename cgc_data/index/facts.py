"""The facts that planning needs about each photo file: its hash, format, EXIF orientation, and whether it can be shown.

Every photo is opened once, and the facts are cached until the file changes. Facts about photos that cannot be shown are
not cached: they contain the reason as text, and its wording may change with the version of this package.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cgc_data.common.disk import replacing
from cgc_data.common.errors import PhotoError
from cgc_data.common.executor import Executor, in_shares
from cgc_data.common.progress import track
from cgc_data.images import UnshownError, exif_orientation, form_of, photo_size
from cgc_data.index.photos import Photo
from cgc_data.index.pictures import perceptual_hash
from cgc_data.sources import PhotoStore

BROKEN = "broken"  # cannot be decoded: rendering rejects the photo by name, unless it is repaired before


@dataclass(frozen=True)
class Facts:
    """Facts about photos, as arrays with one entry per photo.

    Attributes:
        hashes: perceptual hashes, uint64; 0 if the photo cannot be decoded or must not be shown.
        forms: name of the file format, such as "JPEG"; "" if the photo cannot be decoded.
        orientations: EXIF orientations, 1-8.
        sizes: width and height before rotation, shape (photos, 2).
        faults: why a photo must not be shown, although it can be decoded; "" for all other photos.
    """

    hashes: NDArray[np.uint64]
    forms: NDArray[np.str_]
    orientations: NDArray[np.int64]
    sizes: NDArray[np.int64]
    faults: NDArray[np.str_]


Fact = tuple[int, str, int, int, int, str]
_UNKNOWN: Fact = (0, "", 1, 0, 0, BROKEN)


def photo_facts(
    photos: Sequence[Photo],
    stores: Sequence[PhotoStore],
    cache: Path,
    executor: Executor,
    displayed: Sequence[bool] | None = None,
) -> Facts:
    """The facts about these photos. Photos whose source is marked in `displayed` are rotated by their EXIF orientation
    before they are hashed.
    """
    turned = [bool(displayed and displayed[photo.source]) for photo in photos]
    known = _read_cache(cache)
    stamps = [
        stores[photo.source].stamp(photo.file_name) + ":displayed" * turn
        for photo, turn in zip(photos, turned, strict=True)
    ]
    missing = {
        stamp: File(stores[photo.source], photo.file_name, turn)
        for photo, turn, stamp in zip(photos, turned, stamps, strict=True)
        if stamp not in known
    }
    if missing:
        found = in_shares(_fact, list(missing.values()), executor)
        known.update(zip(missing, track(found, "hash", len(missing)), strict=True))
        _write_cache(cache, known)
    columns = list(zip(*(known[stamp] for stamp in stamps), strict=True)) or [()] * len(_UNKNOWN)
    hashes, forms, orientations, widths, heights, faults = columns
    return Facts(
        hashes=np.array(hashes, dtype=np.uint64),
        forms=np.array(forms, dtype=np.str_),
        orientations=np.array(orientations, dtype=np.int64),
        sizes=np.array([widths, heights], dtype=np.int64).T,
        faults=np.array(["" if fault == BROKEN else fault for fault in faults], dtype=np.str_),
    )


class File(NamedTuple):
    """A photo to read, and whether to rotate it by its EXIF orientation first."""

    store: PhotoStore
    name: str
    turn: bool


def _fact(file: File) -> Fact:
    try:
        content = file.store.read(file.name)
        width, height = photo_size(content)
        orientation = _orientation(content)
    except PhotoError:
        file.store.size(file.name)  # raises if this machine does not have the photo that was listed
        return _UNKNOWN
    form = form_of(content, turned=file.turn and orientation != 1)
    try:
        found = perceptual_hash(content, turn=file.turn)
    except UnshownError as fault:
        return 0, form, orientation, width, height, str(fault)
    return _UNKNOWN if found is None else (int(found), form, orientation, width, height, "")


def _orientation(content: bytes) -> int:
    try:
        return exif_orientation(content)
    except PhotoError:  # rendering reports the error if the photo is used
        return 1


def _read_cache(cache: Path) -> dict[str, Fact]:
    try:
        with np.load(cache, allow_pickle=False) as stored:
            columns = [stored[name].tolist() for name in ("shown", "hash", "form", "place")]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return {}
    return {stamp: (number, form, *place, "") for stamp, number, form, place in zip(*columns, strict=True)}


def _write_cache(cache: Path, known: dict[str, Fact]) -> None:
    shown = {stamp: fact for stamp, fact in known.items() if not fact[-1]}
    with replacing(cache) as part, part.open("wb") as file:
        np.savez(
            file,
            shown=np.array(list(shown)),
            hash=np.array([fact[0] for fact in shown.values()], dtype=np.uint64),
            form=np.array([fact[1] for fact in shown.values()]),
            place=np.array([fact[2:5] for fact in shown.values()], dtype=np.int64).reshape(-1, 3),
        )
