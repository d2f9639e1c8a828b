"""Reads exclusion lists: lists of photo ids or file names, and the annotation files of benchmarks."""

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from cgc_data.common.errors import SourceError
from cgc_data.common.text import read_text
from cgc_data.index.photos import Photo, coco_name
from cgc_data.release.manifest import ListUsageRecord

# names with a COCO number: 000000140513.jpg, COCO_val2014_000000140513_2.jpg, and MIG-Bench's 140513_1_source.png;
# other numbered names (00000017.jpg, a frame of a video; 2315885.jpg, of Visual Genome) do not
COCO_NUMBER = re.compile(r"^(?:COCO_[a-z]+[0-9]+_)?([0-9]{12})(?:_[0-9]+)?$|^0*([0-9]{1,12})_[0-9]+_(?:source|target)$")
BARE_NUMBER = re.compile(r"[0-9]{1,18}")
EXAMPLES = 3  # maximum number of entries named in a note
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


@dataclass(frozen=True)
class Exclusions:
    """COCO numbers (image ids in COCO) and file names to exclude, and the files that list them."""

    coco_numbers: frozenset[int]
    file_names: frozenset[str]
    files: tuple[str, ...]
    entries: tuple[tuple[str, ...], ...]  # distinct entries of each file

    def matches(self, photo: Photo) -> bool:
        """Whether a list excludes this photo: by its COCO number or, if it is not a COCO photo, by its file name or
        id.
        """
        numbers, names = _claims(photo)
        return not (numbers.isdisjoint(self.coco_numbers) and names.isdisjoint(self.file_names))

    def usage(self, photos: Iterable[Photo]) -> list["ListUsage"]:
        """For each file, the number of its entries that match one of these photos."""
        numbers, names = set[int](), set[str]()
        for photo in photos:
            more_numbers, more_names = _claims(photo)
            numbers |= more_numbers
            names |= more_names
        return [_usage(file, entries, numbers, names) for file, entries in zip(self.files, self.entries, strict=True)]


def _claims(photo: Photo) -> tuple[set[int], set[str]]:
    """Numbers and file names that a list may use to refer to a photo.

    A photo of another dataset may have the same name as a COCO photo. To be safe, a list that contains this name
    excludes both photos.
    """
    if photo.identity.startswith("coco:"):
        return {int(photo.identity.removeprefix("coco:"))}, set()
    names = {Path(name).name for a in photo.appearances for name in (a.file_name, a.listed.replace("\\", "/"))}
    named = {int(number) for name in names if (number := coco_name(name))}
    return {photo.image_id} | named, names


@dataclass(frozen=True)
class ListUsage:
    """How many distinct entries of a list match a photo of the sources, with examples of entries that do not match any
    photo.
    """

    list: str
    entries: int
    matched: int
    unmatched: tuple[str, ...]  # the first few unmatched entries

    @classmethod
    def of(cls, record: ListUsageRecord) -> "ListUsage":
        """Create this record from its entry in a manifest."""
        return cls(record["list"], record["entries"], record["matched"], tuple(record["unmatched"]))

    def record(self) -> ListUsageRecord:
        """Convert this record to its entry in a manifest."""
        found: ListUsageRecord = {"list": self.list, "entries": self.entries, "matched": self.matched, "unmatched": []}
        found["unmatched"] += self.unmatched
        return found

    @property
    def note(self) -> str:
        """A warning if some entries of the list match no photo; empty if every entry matches."""
        if self.matched == self.entries:
            return ""
        examples = f", such as {', '.join(self.unmatched)}" if self.unmatched else ""
        if not self.matched:
            return (
                f"warning: {self.list} excludes nothing, because none of its {self.entries:,} entries matches a "
                f"photo{examples}"
            )
        missing = self.entries - self.matched
        return f"{self.list}: {missing:,} of its {self.entries:,} entries match no photo{examples}"


def read_exclusions(files: Iterable[str]) -> Exclusions:
    """Union of exclusion files. A file is either a text file with one id or file name per line, or a JSON file that
    contains ids or file names.

    Raises SourceError if a file cannot be read, or if it contains neither an id nor a file name.
    """
    numbers: set[int] = set()
    names: set[str] = set()
    listed = tuple(files)
    distinct = []
    for file in listed:
        entries = tuple(dict.fromkeys(_entries(Path(file))))
        distinct.append(entries)
        if not entries:
            raise SourceError(f"{file}: names no photo to exclude; list ids or file names, one per line, or as JSON")
        numbers.update(number for entry in entries if (number := coco_number(entry)) is not None)
        names.update(Path(entry).name for entry in entries)
    return Exclusions(frozenset(numbers), frozenset(names), tuple(Path(f).name for f in listed), tuple(distinct))


def _usage(file: str, entries: Sequence[str], numbers: Set[int], names: Set[str]) -> ListUsage:
    missed = [entry for entry in entries if coco_number(entry) not in numbers and Path(entry).name not in names]
    return ListUsage(file, len(entries), len(entries) - len(missed), tuple(missed[:EXAMPLES]))


def coco_number(entry: str) -> int | None:
    """The COCO number in an id, file name, or path; None if there is none.

    >>> coco_number("MIG-Bench/images/static_diff/140513_1_source.png")
    140513
    """
    if BARE_NUMBER.fullmatch(entry):
        return int(entry)
    path = Path(entry)
    found = COCO_NUMBER.search(path.stem if path.suffix.lower() in IMAGE_SUFFIXES else path.name)
    return int(found.group(1) or found.group(2)) if found else None


def _entries(file: Path) -> Iterator[str]:
    try:
        content = read_text(file, SourceError)
    except OSError as error:
        raise SourceError(f"{file}: cannot read the exclusion list ({error.strerror})") from None
    if content.lstrip()[:1] in ("[", "{"):
        try:
            yield from _json_entries(orjson.loads(content))
        except orjson.JSONDecodeError as error:
            raise SourceError(f"{file}: not valid JSON ({error}); it may be truncated") from None
        return
    for line in content.splitlines():
        entry = line.split("#")[0].split(",")[0].strip()
        if entry and (BARE_NUMBER.fullmatch(entry) or Path(entry).suffix.lower() in IMAGE_SUFFIXES):
            yield entry


def _json_entries(value: Any) -> Iterator[str]:
    """The entries of a JSON exclusion list: the numbers in a top-level list, and file names and `image_id` values at
    any depth.

    All other numbers are ignored, because they belong to boxes, sizes, or masks.
    """
    if isinstance(value, list):
        yield from (str(item) for item in value if isinstance(item, int) and not isinstance(item, bool))
    yield from _named(value)


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if Path(value).suffix.lower() in IMAGE_SUFFIXES:
            yield value
    elif isinstance(value, list):
        for item in value:
            yield from _named(item)
    elif isinstance(value, dict):
        if BARE_NUMBER.fullmatch(str(value.get("image_id"))):
            yield str(value["image_id"])
        for item in value.values():
            yield from _named(item)
