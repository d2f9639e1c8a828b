"""One row per photo, across all sources: its identity, size, license, and the source that provides its pixels.

Two sources list the same photo if their files have equal bytes, or if both use COCO's name for it and their files show
the same picture. An equal id or file name alone is not enough, because different datasets use the same numbers.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cgc_data.common.errors import PhotoError, SourceError
from cgc_data.common.executor import Executor, in_shares
from cgc_data.images import MOST_PIXELS
from cgc_data.index.listings import Appearance, Listing, find_photos
from cgc_data.index.pictures import same_picture
from cgc_data.licenses import LicensePolicy, allowed
from cgc_data.sources import FORMATS, PhotoStore, SourceTable
from cgc_data.vocabulary import COCO_NAMES

Fault: TypeAlias = tuple[str, str]  # reason and detail

# COCO's numbers have at most six digits; other numbers of twelve are timestamps or another dataset's.
COCO_NAME = re.compile(r"(?:^|[^0-9])(000000[0-9]{6})\.[A-Za-z]+$")


@dataclass(frozen=True)
class Photo:
    """A photo that can be shown. The pixels of the photo are read from `appearances[0]`."""

    identity: str
    appearances: tuple[Appearance, ...]
    image_id: int
    width: int
    height: int
    license: int
    license_url: str
    flickr_url: str
    coco_val: bool

    @property
    def source(self) -> int:
        """Position of the source whose photo folder or archive contains the file."""
        return self.appearances[0].source

    @property
    def file_name(self) -> str:
        """Name of the file in that folder or archive."""
        return self.appearances[0].file_name


@dataclass(frozen=True)
class LeftOut:
    """A photo that cannot be used, and the reason."""

    source: str
    image_id: int
    reason: str
    detail: str


def coco_name(*names: str) -> str | None:
    """The 12-digit COCO name at the end of a URL or file name, if any."""
    for name in names:
        if found := COCO_NAME.search(name):
            return found.group(1)
    return None


@dataclass(frozen=True)
class Collected:
    """Photos of all sources, sorted by identity, and the photos that cannot be used, with the reasons.

    `apart` contains the COCO names that refer to more than one picture. `renamed` lists, per source, the photos whose
    file names differ from the names in the annotation file.
    """

    photos: list[Photo]
    left_out: list[LeftOut]
    apart: list[str]
    renamed: list[list[Appearance]]


def collect_photos(
    tables: Sequence[SourceTable], stores: Sequence[PhotoStore], folders: Sequence[str], executor: Executor
) -> Collected:
    """The photos of all sources, joined by identity.

    Raises SourceError if an images folder contains none of its source's photos.
    """
    groups: dict[str, list[Listing]] = {}
    left_out: list[LeftOut] = []
    renamed: list[list[Appearance]] = []
    for position, (table, store, images) in enumerate(zip(tables, stores, folders, strict=True)):
        found = find_photos(position, table, store)
        renamed.append(found.renamed)
        lost = [LeftOut(table.key, m.image_id, "photo missing", m.appearance.file_name) for m in found.missing]
        identities = _identities(found.listings, store, _names_coco(table), executor)
        for listing, (identity, fault) in zip(found.listings, identities, strict=True):
            if fault:
                lost.append(LeftOut(table.key, listing.image_id, *fault))
            else:
                groups.setdefault(identity, []).append(listing)
        if len(lost) == table.images.num_rows > 0:
            raise SourceError(
                f"{images}: holds none of the {table.images.num_rows} photos that {table.path} lists, or none that can "
                f"be read, such as {lost[0].detail}; specify the folder or zip file that contains them"
            )
        left_out += lost
    apart = _part_pictures(groups, stores)
    _join_copies(groups, stores)
    photos: list[Photo] = []
    for identity in sorted(groups):
        first, fault = groups[identity][0], _fault(groups[identity])
        if fault:
            left_out.append(LeftOut(tables[first.appearance.source].key, first.image_id, *fault))
        else:
            photos.append(_photo(identity, groups[identity]))
    return Collected(photos, left_out, apart, renamed)


def usable(photos: Iterable[Photo], policy: LicensePolicy, *, windows: bool) -> NDArray[np.bool_]:
    """Mask (photos,) of the photos that the license policy allows you to show. With `windows`, the photos are shown as
    windows (crops), otherwise uncropped.
    """
    return np.array([allowed(p.license_url, policy, windows=windows) for p in photos], dtype=np.bool_)


def _names_coco(table: SourceTable) -> bool:
    """Whether the file annotates COCO's photos and therefore uses COCO's file names.

    This is inferred from the format of the file or from COCO's 80 category names.
    """
    return FORMATS[table.kind].coco_photos or set(table.categories.column("name").to_pylist()) == set(COCO_NAMES)


def _identities(
    listings: Sequence[Listing], store: PhotoStore, names_coco: bool, executor: Executor
) -> Iterator[tuple[str, Fault | None]]:
    """Identity of each listed photo, and the fault of each photo that has no identity.

    Only photos without a COCO name are read.
    """
    names = [coco_name(address, listed if names_coco else "") for address, listed in (one.names for one in listings)]
    unnamed = [(store, one.appearance.file_name) for one, name in zip(listings, names, strict=True) if name is None]
    read = iter(list(in_shares(_read_identity, unnamed, executor)))
    return ((f"coco:{name}", None) if name else next(read) for name in names)


def _read_identity(file: tuple[PhotoStore, str]) -> tuple[str, Fault | None]:
    store, name = file
    try:
        return _by_bytes(store.read(name)), None
    except PhotoError as error:
        store.size(name)  # raises if this machine does not have the photo that was listed
        return "", ("broken photo", str(error))


def _by_bytes(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _part_pictures(groups: dict[str, list[Listing]], stores: Sequence[PhotoStore]) -> list[str]:
    """Split groups whose listings show different pictures, and return the names of these groups.

    The result does not depend on the order of the sources: the listing with COCO's URL keeps the name. If no listing
    has the URL, the listing with the smallest digest keeps the name.
    """
    apart = []
    for identity in [name for name, group in groups.items() if len(group) > 1]:
        group, stamps = groups[identity], {_stamp(listing, stores) for listing in groups[identity]}
        if len(stamps) == 1:  # both names refer to the same file
            continue
        contents = {id(listing): _content(listing, stores) for listing in group}
        first = min(group, key=lambda listing: (not listing.coco_url, _by_bytes(contents[id(listing)])))
        alike = [one for one in group if same_picture(contents[id(one)], contents[id(first)])]
        if len(alike) < len(group):
            apart.append(identity.removeprefix("coco:"))
            groups[identity] = alike
            for listing in group:
                if listing not in alike:
                    groups.setdefault(_by_bytes(contents[id(listing)]), []).append(listing)
    return apart


def _stamp(listing: Listing, stores: Sequence[PhotoStore]) -> str:
    return stores[listing.appearance.source].stamp(listing.appearance.file_name)


def _content(listing: Listing, stores: Sequence[PhotoStore]) -> bytes:
    """Bytes of the photo. If the photo cannot be read, the bytes of its file name are returned instead, so that it
    equals no other photo.
    """
    try:
        return stores[listing.appearance.source].read(listing.appearance.file_name)
    except PhotoError:
        return listing.appearance.file_name.encode()


def _join_copies(groups: dict[str, list[Listing]], stores: Sequence[PhotoStore]) -> None:
    """If a photo is a copy of a COCO photo under another file name, add its listings to those of the COCO photo.

    Only files of equal size are compared.
    """
    renamed = [identity for identity in groups if identity.startswith("sha256:")]
    sizes = {_size(groups[identity][0], stores) for identity in renamed}
    for identity in [i for i in groups if i.startswith("coco:")] if renamed else []:
        listing = groups[identity][0]
        if _size(listing, stores) in sizes:
            content = stores[listing.appearance.source].read(listing.appearance.file_name)
            groups[identity] += groups.pop(f"sha256:{hashlib.sha256(content).hexdigest()}", [])


def _size(listing: Listing, stores: Sequence[PhotoStore]) -> int:
    return stores[listing.appearance.source].size(listing.appearance.file_name)


def _fault(group: list[Listing]) -> Fault | None:
    """Why the photo with these listings cannot be used, with details; None if the photo can be used."""
    name, sources = group[0].appearance.file_name, [listing.appearance.source for listing in group]
    if len(set(sources)) < len(sources):  # the photo's objects would be counted twice
        ids = sorted(listing.image_id for listing in group)
        return "listed twice", f"{name}: the same photo has the ids {ids}"
    if group[0].width * group[0].height > MOST_PIXELS:
        return (
            "too large",
            f"{name}: {group[0].width} x {group[0].height} pixels, more than the limit of {MOST_PIXELS:,}",
        )
    if len(sizes := {(listing.width, listing.height) for listing in group}) > 1:
        return "size contradiction", f"{name}: its sources state {sorted(sizes)}"
    return None


def _photo(identity: str, group: list[Listing]) -> Photo:
    first = group[0]
    return Photo(
        identity=identity,
        appearances=tuple(listing.appearance for listing in group),
        image_id=first.image_id,
        width=first.width,
        height=first.height,
        license=first.license,
        license_url=first.license_url,
        flickr_url=first.flickr_url,
        coco_val=any("/val2017/" in listing.coco_url for listing in group),
    )
