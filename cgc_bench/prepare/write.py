"""Write a benchmark's shards, one a task, each whole or not at all; what is written already is not written again."""

import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageFile

from cgc_bench.errors import PrepareError
from cgc_bench.prepare.cache import MANIFEST, SCHEMA, Prepared, open_prepared, prepared_folder
from cgc_bench.prepare.files import Files, fetch, open_files
from cgc_bench.prepare.layouts import LAYOUTS, Layout
from cgc_bench.scoring.benchmark import benchmark
from cgc_bench.transfer.items import TASKS

DIGEST = b"cgc_items"


def prepare(
    name: str,
    variant: str | None = None,
    *,
    source: Path | None = None,
    annotations: Path | None = None,
    revision: str | None = None,
) -> Prepared:
    """Prepare a benchmark in the cache; at once where it is there and no file was named.

    Args:
        name: a key of `LAYOUTS`.
        variant: of the annotations; the layout's first by default.
        source: folder or zip archive with the authors' files; None fetches them from the Hub.
        annotations: file to take instead of the one among the files; its version is told by its content.
        revision: of the Hub's repository; None takes the newest, and every report says so.

    Raises:
        PrepareError: files are missing, damaged or cannot be fetched or written.
        AnnotationError: the annotations are damaged.
    """
    layout = layout_of(name)
    variant = variant or layout.variants[0]
    if variant not in layout.variants:
        raise PrepareError(f"{name} has no annotations {variant!r}; there are: {', '.join(layout.variants)}")
    folder = prepared_folder(name, variant)
    ready = open_prepared(folder)
    if ready is not None and source is None and annotations is None and ready.is_of(revision):
        return ready
    label = ""
    if source is None:
        source, label = fetch(layout.repository, layout.patterns, revision)
        source = source / layout.archive if layout.archive else source
    try:
        with open_files(source, label) as files:
            return _write(name, variant, layout, files, annotations, folder)
    except OSError as error:
        raise PrepareError(f"{folder}: cannot be written ({error.strerror}); set CGC_CACHE to another folder") from None


def layout_of(name: str) -> Layout:
    """The layout of a benchmark that is prepared. Raises PrepareError."""
    if name not in LAYOUTS:
        known = ", ".join((*LAYOUTS, *TASKS))
        raise PrepareError(f"{name!r} needs no preparation or does not exist; there are: {known}")
    return LAYOUTS[name]


def _write(name: str, variant: str, layout: Layout, files: Files, annotations: Path | None, folder: Path) -> Prepared:
    kept = _keep_annotations(layout, files, variant, annotations, folder / "annotations")
    items = benchmark(name).read_items(kept)
    (folder / MANIFEST).unlink(missing_ok=True)
    names = {_tail(found): found for found in files.names()}
    tasks = []
    for task, group in groupby(sorted(items.values(), key=lambda item: item.task), key=lambda item: item.task):
        chosen = list(group)
        digest = hashlib.sha256(json.dumps([[item.index, item.images] for item in chosen]).encode()).hexdigest()
        write_shard(folder / f"{task}.parquet", digest.encode(), _images(chosen, files, names, layout))
        tasks.append(task)
    version = ", ".join(sorted({item.version for item in items.values()}))
    return finish(folder, kept, version, files.label, tasks)


def finish(folder: Path, annotations: Path, version: str, source: str, tasks: Sequence[str]) -> Prepared:
    """Write the manifest, whose presence means done."""
    content = {"annotations": str(annotations), "version": version, "source": source, "tasks": list(tasks)}
    if annotations.is_relative_to(folder):
        content["annotations"] = annotations.relative_to(folder).as_posix()
    write_whole(folder / MANIFEST, json.dumps(content, indent=1).encode())
    return Prepared(folder, annotations, version, source, tuple(tasks))


def write_shard(path: Path, digest: bytes, rows: Iterable[tuple[str, Sequence[bytes]]]) -> None:
    """A shard of items' indices and images, unless one of this digest is there; a row group an item."""
    if _digest(path) == digest:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        with pq.ParquetWriter(part, SCHEMA.with_metadata({DIGEST: digest}), compression="none") as writer:
            for index, images in rows:
                writer.write_batch(pa.RecordBatch.from_pydict({"index": [index], "images": [images]}, schema=SCHEMA))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _keep_annotations(layout: Layout, files: Files, variant: str, given: Path | None, folder: Path) -> Path:
    if given is not None:
        if given.is_dir():
            raise PrepareError(f"{given} is a folder; name the annotation file itself")
        try:
            write_whole(folder / layout.read, given.read_bytes())
        except OSError as error:
            raise PrepareError(f"{given}: {error.strerror}; name the annotation file") from None
    else:
        for name, target in layout.annotations(files, variant).items():
            write_whole(folder / target, files.read(name))
    return folder / layout.read if layout.read else folder


def _digest(path: Path) -> bytes | None:
    try:
        return dict(pq.read_schema(path).metadata or {}).get(DIGEST)
    except (OSError, pa.ArrowException):
        return None


def _images(
    items: Sequence[Any], files: Files, names: Mapping[str, str], layout: Layout
) -> Iterator[tuple[str, list[bytes]]]:
    for item in items:
        yield item.index, [_image(layout.image(item, path), item, files, names) for path in item.images]


def _image(path: str, item: Any, files: Files, names: Mapping[str, str]) -> bytes:
    name = names.get(_tail(path))
    if name is None:
        raise PrepareError(f"{files.label} lacks {path}, an image of item {item.index}; fetch the files again")
    return whole_image(files.read(name), name)


def whole_image(content: bytes, name: str) -> bytes:
    """The same content. Raises PrepareError where it is not a whole image."""
    try:
        with _cut_short_is_refused(), Image.open(io.BytesIO(content)) as image:
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PrepareError(f"{name}: not a whole image ({error}); fetch it again") from None
    return content


@contextmanager
def _cut_short_is_refused() -> Iterator[None]:
    """Within lmms-eval an image that is cut short loads as if it were whole: it says so to Pillow when imported."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _tail(path: str) -> str:
    """A path from its `images` or `data` folder on: archives and copies differ in what stands before."""
    parts = path.split("/")
    for place, part in enumerate(parts):
        if part in ("images", "data"):
            return "/".join(parts[place:])
    return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; its folder is made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(content)
    os.replace(part, path)
