"""Converts datasets to the expressions and images that the tasks read. A dataset comes from the Hub or from a local
copy of its repository.
"""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PIL import Image

from cgc_bench.errors import PrepareError
from cgc_bench.prepare.cache import Prepared, find_revision, prepared_folder
from cgc_bench.prepare.hub import Row, hub_rows
from cgc_bench.prepare.lines import written
from cgc_bench.prepare.stage import digest_of, prepare_once, settle, stage_shard, write_whole
from cgc_bench.prepare.versions import with_digest
from cgc_bench.prepare.write import whole_image
from cgc_bench.refcoco.items import FILE, Item
from cgc_data.index.exclusions import coco_number

# File with the photos in all splits of the dataset, for `cgc-data build --exclude`.
EXCLUDED = "exclude.txt"
FAR = 1000


@dataclass(frozen=True)
class Source:
    """Location of one dataset on the Hub, and the split that each of its tasks uses."""

    repository: str
    splits: dict[str, str]


SOURCES = {
    "refcoco": Source("lmms-lab/RefCOCO", {"val": "val", "testA": "testA", "testB": "testB"}),
    "refcoco_plus": Source("lmms-lab/RefCOCOplus", {"plus_val": "val", "plus_testA": "testA", "plus_testB": "testB"}),
    "refcocog": Source("lmms-lab/RefCOCOg", {"g_val": "val", "g_test": "test"}),
}


def prepare_refcoco(part: str, *, source: Path | None = None, revision: str | None = None) -> Prepared:
    """Prepare one of `SOURCES`, and store it in the cache. Returns immediately if the cache already contains it, unless
    you pass `source`.

    Also writes `EXCLUDED`. `source` and `revision` work as in `prepare_transfer`, and the same errors are raised.
    """
    folder = prepared_folder("refcoco", part)
    if source is not None and not source.is_dir():
        raise PrepareError(f"{source}: no such folder; name a copy of the repository {SOURCES[part].repository}")
    return prepare_once(
        folder,
        lambda: None if source else find_revision(folder, revision),
        lambda stage: _prepare(SOURCES[part], source, revision, folder, stage),
    )


def _prepare(where: Source, source: Path | None, revision: str | None, folder: Path, stage: Path) -> Prepared:
    name, pinned = str(source or where.repository), None if source else revision
    read = {task: partial(hub_rows, name, None, split, pinned) for task, split in where.splits.items()}
    found = [item for task, rows in read.items() for row in rows() for item in _items(task, row, name)]
    if not found:
        raise PrepareError(f"{name}: no expressions in the splits {', '.join(where.splits.values())}; fetch it again")
    version = with_digest(revision or "unpinned", written(found))
    items = [replace(item, version=version) for item in found]
    digests = {}
    for task, rows in read.items():
        digests[task] = digest_of(version, ((item.index, item.images) for item in items if item.task == task))
        stage_shard(stage, folder, task, digests[task], partial(_images, task, rows, name))
    write_whole(stage / FILE, written(items))
    write_whole(stage / EXCLUDED, _excluded(where, items))
    label = f"{'a local copy' if source else where.repository}@{revision or 'unpinned'}"
    return settle(stage, folder, annotations=stage / FILE, version=version, source=label, digests=digests)


def _images(task: str, rows: "partial[Iterator[Row]]", name: str) -> Iterator[tuple[str, list[bytes]]]:
    for row in rows():
        for item in _items(task, row, name):
            yield item.index, [_content(row)]


def _items(task: str, row: Row, name: str) -> list[Item]:
    """One item per expression in a row of the dataset. The items do not have a version yet. Raises PrepareError if the
    row has an unexpected structure.
    """
    try:
        content, number = _content(row), str(row["question_id"])
        box = _box(row["bbox"], _size(content, f"{name}, the image of {number}"))
        file_name = str(row["file_name"])
        shown = (hashlib.sha256(content).hexdigest(),)
        first = Item("", task, "", box, shown, file_name, version="", cluster=_photo(file_name), fault=_fault(box))
        return [
            replace(first, index=f"{task}/{number}/{place}", expression=str(words))
            for place, words in enumerate(row["answer"])
        ]
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise PrepareError(f"{name}: a row does not match RefCOCO on the Hub ({error!r}); fetch it again") from None


def _content(row: Row) -> bytes:
    content = row["image"]["bytes"]
    if not isinstance(content, bytes):
        raise TypeError("no image")
    return content


def _size(content: bytes, name: str) -> tuple[int, int]:
    with Image.open(io.BytesIO(whole_image(content, name))) as image:
        width, height = image.size
        return width, height


def _box(written_box: list[float], size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Convert a box from x, y, width, height in pixels to x1, y1, x2, y2 on the scale 0-1000."""
    x, y, width, height = map(float, written_box)
    across, down = FAR / size[0], FAR / size[1]
    return x * across, y * down, (x + width) * across, (y + height) * down


def _fault(box: tuple[float, float, float, float]) -> str:
    x1, y1, x2, y2 = box
    if not (x1 < x2 and y1 < y2):
        return "empty or inverted box"
    return "" if min(box) >= 0 and max(box) <= FAR + 0.5 else "box outside the image"


def _photo(file_name: str) -> str:
    """The COCO name of a photo, which is the same for all crops of the photo in all splits.

    A name without a COCO number is returned unchanged.
    """
    number = coco_number(file_name)
    return file_name if number is None else f"{number:012}.jpg"


def _excluded(where: Source, items: list[Item]) -> bytes:
    photos = sorted({item.cluster for item in items})
    return "".join(f"{line}\n" for line in (f"# photos of {where.repository}", *photos)).encode()
