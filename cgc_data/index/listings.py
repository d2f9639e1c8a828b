"""Lists the photos of the sources, and finds the file that each listed name refers to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cgc_data.common.errors import SourceError
from cgc_data.sources import PhotoStore, SourceTable


@dataclass(frozen=True)
class Appearance:
    """A photo as one source lists it. `listed` is the name in the annotation file, if it differs from the actual file
    name.
    """

    source: int
    image_row: int
    file_name: str
    listed: str = ""


@dataclass(frozen=True)
class Listing:
    """An image record of a source. `appearance` contains the position of the record in the source."""

    appearance: Appearance
    image_id: int
    width: int
    height: int
    license: int
    license_url: str
    flickr_url: str
    coco_url: str

    @property
    def names(self) -> tuple[str, ...]:
        """The COCO URL and the name in the annotation file, either of which may identify the photo."""
        return self.coco_url, self.appearance.listed or self.appearance.file_name


@dataclass(frozen=True)
class Found:
    """The listings of photos that exist, under their actual file names, and the listings of missing photos."""

    listings: list[Listing]
    missing: list[Listing]

    @property
    def renamed(self) -> list[Appearance]:
        """Photos whose actual file names differ from the names in the annotation file."""
        return [listing.appearance for listing in self.listings if listing.appearance.listed]


def find_photos(position: int, table: SourceTable, store: PhotoStore) -> Found:
    """Find the file of each listed photo in the source's folder or archive.

    Raises SourceError if two different names refer to the same file and neither is the file's exact name. Raises
    PhotoError if several files match a name.
    """
    listings = list(_listings(position, table))
    places = [store.place(listing.appearance.file_name) for listing in listings]
    lost = _taken_twice(table, [listing.appearance.file_name for listing in listings], places)
    found, missing = [], []
    for number, (listing, place) in enumerate(zip(listings, places, strict=True)):
        if place is None or number in lost:
            missing.append(listing)
        else:
            named = _named(listing.appearance, place)
            found.append(listing if named is listing.appearance else replace(listing, appearance=named))
    return Found(found, missing)


def _listings(position: int, table: SourceTable) -> Iterator[Listing]:
    urls = dict(zip(*(table.licenses.column(c).to_pylist() for c in ("license", "url")), strict=True))
    names = ("file_name", "image_id", "width", "height", "license", "flickr_url", "coco_url")
    columns = [table.images.column(name).to_pylist() for name in names]
    for row, (file_name, image_id, width, height, number, flickr, coco) in enumerate(zip(*columns, strict=True)):
        appearance = Appearance(position, row, file_name)
        yield Listing(appearance, image_id, width, height, number, urls.get(number, ""), flickr, coco)


def _taken_twice(table: SourceTable, names: Sequence[str], places: Iterable[str | None]) -> set[int]:
    """Positions of the listings that are treated as missing. Each of their names matches a file only approximately, and
    another listing has that file's exact name.
    """
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for number, place in enumerate(places):
        if place is not None:
            groups[place].append(number)
    lost: set[int] = set()
    for place, group in groups.items():
        wanted = dict.fromkeys(names[number] for number in group)
        if len(wanted) > 1:
            if place not in wanted:
                first, second = list(wanted)[:2]
                raise SourceError(f"{table.path}: {first!r} and {second!r} could both be {place}; correct the names")
            lost.update(number for number in group if names[number] != place)
    return lost


def _named(appearance: Appearance, place: str) -> Appearance:
    """The appearance under its actual file name. The appearance is unchanged if the listed name is a plain relative
    path that differs from the actual name only in the leading folders.
    """
    listed = appearance.file_name
    if listed == place or f"/{listed}".endswith(f"/{place}") or place.endswith(f"/{listed}"):
        plain = not listed.startswith("/") and ".." not in listed.split("/")
        if plain and "\\" not in listed:
            return appearance
    return replace(appearance, file_name=place, listed=listed)
