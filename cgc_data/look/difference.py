"""Compares two releases: the rows and photos that were added, removed, and changed, by task.

Rows are compared by question and ground truth, never by the bytes of shards. Only columns that exist in every schema
version are read, so that releases of different versions can be compared.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from cgc_data.common.errors import ReleaseError
from cgc_data.look.stats import COCO_PHOTO
from cgc_data.release.inside import inside


class _Part(msgspec.Struct, frozen=True):
    file_name: str
    license_url: str | None = None

    @property
    def photo(self) -> str:
        """Name of the photo, without the source key, because the key changes with every edit of the annotation file."""
        name = self.file_name.rpartition("/")[2]
        return name if re.fullmatch(COCO_PHOTO, name) else self.file_name


class _View(_Part, frozen=True, kw_only=True):
    window: tuple[int, int, int, int]
    width: int
    height: int
    parts: tuple[_Part, ...] = ()  # absent in the first schema version


class _Row(msgspec.Struct, frozen=True):
    id: str
    contrast: str
    task: str
    split: str
    question: str
    answer: str
    views: tuple[_View, ...]

    @property
    def name(self) -> str:
        return f"{self.contrast}/{self.task}"

    @property
    def asked(self) -> int:
        """Digest of the question and of the displayed images."""
        shown = [(view.photo, view.window, view.width, view.height) for view in self.views]
        return hash((self.name, self.question, *shown))

    def photos(self) -> Iterator[tuple[str, str]]:
        """Name and license URL of each photo of the row, including photos from which only one object is pasted."""
        for view in self.views:
            yield from ((part.photo, part.license_url or "") for part in view.parts or (view,))


@dataclass(frozen=True)
class Known:
    """The parts of a row that are compared."""

    id: str
    task: str
    asked: int
    truth: tuple[str, str]  # answer and split


@dataclass
class Content:
    """The contents of a release. `rows` maps ids to rows. For each task, `photos` maps photo names to license URLs."""

    rows: dict[str, Known]
    photos: dict[str, dict[str, str]]


@dataclass(frozen=True)
class Changes:
    """How many rows and photos were added, removed, or changed, for one task or for all tasks. Each photo counts
    once, even if several rows show it.
    """

    before: int
    after: int
    added: int
    removed: int
    changed: int
    photos_added: int
    photos_removed: int
    photos_relicensed: int


@dataclass(frozen=True)
class Difference:
    """The changes between two releases. `changed` contains the old id and the new id of each changed row."""

    total: Changes
    tasks: dict[str, Changes]
    added: list[str]
    removed: list[str]
    changed: list[tuple[str, str]]
    photos_added: list[str]
    photos_removed: list[str]
    photos_relicensed: list[str]

    @property
    def none(self) -> bool:
        """Whether the two releases have identical rows and photos."""
        return not (self.added or self.removed or self.changed or self.photos_relicensed)

    def as_json(self) -> dict[str, Any]:
        """The changes as dictionaries and lists."""
        return asdict(self)


def difference(before: Path, after: Path) -> Difference:
    """Compare the releases in two folders.

    Raises ReleaseError if a folder is not a finished release, or if its schema version lacks a compared column.
    """
    return compare(read_content(before), read_content(after))


def compare(one: Content, other: Content) -> Difference:
    """Compare the contents of two releases."""
    changed = [(row, other.rows[row.id]) for row in one.rows.values() if _moved(row, other.rows.get(row.id))]
    removed = {row.id: row for row in one.rows.values() if row.id not in other.rows}
    added = {row.id: row for row in other.rows.values() if row.id not in one.rows}
    for pair in _asked_alike(removed.values(), added.values()):
        changed.append(pair)
        del removed[pair[0].id], added[pair[1].id]
    rows = {
        "before": Counter(row.task for row in one.rows.values()),
        "after": Counter(row.task for row in other.rows.values()),
        "added": Counter(row.task for row in added.values()),
        "removed": Counter(row.task for row in removed.values()),
        "changed": Counter(now.task for _, now in changed),
    }
    tasks = sorted({*rows["before"], *rows["after"]})
    of_all = _photos(_all(one.photos), _all(other.photos))
    return Difference(
        Changes(**{name: found.total() for name, found in rows.items()}, **_counted(of_all)),
        {
            task: Changes(
                **{name: found[task] for name, found in rows.items()},
                **_counted(_photos(one.photos.get(task, {}), other.photos.get(task, {}))),
            )
            for task in tasks
        },
        sorted(added),
        sorted(removed),
        sorted((was.id, now.id) for was, now in changed),
        *of_all,
    )


def _moved(row: Known, now: Known | None) -> bool:
    return now is not None and now.truth != row.truth


def _asked_alike(removed: Iterable[Known], added: Iterable[Known]) -> list[tuple[Known, Known]]:
    """Pairs of a removed row and an added row that ask the same question about the same images. The pairs are sorted by
    the id of the removed row.
    """
    waiting: dict[int, list[Known]] = defaultdict(list)
    for row in sorted(added, key=lambda row: row.id, reverse=True):
        waiting[row.asked].append(row)
    ordered = sorted(removed, key=lambda row: row.id)
    return [(row, waiting[row.asked].pop()) for row in ordered if waiting.get(row.asked)]


def _photos(one: dict[str, str], other: dict[str, str]) -> tuple[list[str], list[str], list[str]]:
    """Photos added, removed, and relicensed."""
    relicensed = [name for name, license_url in one.items() if other.get(name, license_url) != license_url]
    return sorted(other.keys() - one.keys()), sorted(one.keys() - other.keys()), sorted(relicensed)


def _counted(photos: tuple[list[str], list[str], list[str]]) -> dict[str, int]:
    names = ("photos_added", "photos_removed", "photos_relicensed")
    return {name: len(found) for name, found in zip(names, photos, strict=True)}


def _all(photos: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: license_url for found in photos.values() for name, license_url in found.items()}


def read_content(folder: Path) -> Content:
    """The rows and photos of the release in a folder.

    Any schema version that has the compared columns is supported.
    """
    content = Content({}, defaultdict(dict))
    for row in _rows(folder):
        content.rows[row.id] = Known(row.id, row.name, row.asked, (row.answer, row.split))
        content.photos[row.name].update(row.photos())
    return content


class _Manifest(msgspec.Struct):
    shards: list["_Shard"]
    schema_version: str = "unknown"


class _Shard(msgspec.Struct):
    path: str


def _rows(folder: Path) -> Iterator[_Row]:
    path = inside(folder, "manifest.json")
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=_Manifest)
    except OSError as error:
        raise ReleaseError(f"{folder}: not a finished release ({error.strerror}: manifest.json)") from None
    except (ValueError, RecursionError) as error:
        raise ReleaseError(f"{path}: not the manifest of a release ({error}); build or download it again") from None
    for shard in manifest.shards:
        yield from _rows_of(inside(folder, shard.path), manifest.schema_version)


def _rows_of(path: Path, version: str) -> Iterator[_Row]:
    names = [field.name for field in msgspec.structs.fields(_Row)]
    try:
        with pq.ParquetFile(path) as shard:
            if missing := sorted({*names} - {*shard.schema_arrow.names}):
                raise ReleaseError(
                    f"{path}: schema version {version} has no column {missing[0]!r}; its rows cannot be compared"
                )
            for batch in shard.iter_batches(columns=names):
                yield from msgspec.convert(batch.to_pylist(), list[_Row])
    except (OSError, pa.ArrowException, msgspec.ValidationError) as error:
        raise ReleaseError(f"{path}: not a readable shard ({error}); build or download it again") from None
