"""Writes the images of a release's held-out split to shards. An lmms-eval task can then read the images of a single
item.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from cgc_bench.contrast.items import SPLIT, held_out_release, version_of
from cgc_bench.errors import PrepareError
from cgc_bench.prepare.cache import Prepared, open_prepared, prepared_folder
from cgc_bench.prepare.stage import content_digest, prepare_once, settle, stage_shard
from cgc_data.common.errors import PhotoError
from cgc_data.release.read import Release
from cgc_data.release.reference import with_images
from cgc_data.release.rows import Row
from cgc_data.tasks import CONTRASTS


def prepare_release(name: str, revision: str | None = None, photos: str | None = None) -> Prepared:
    """Prepare the held-out split, and store it in the cache. Returns immediately if the cache already contains this
    split.

    Args:
        name: folder of a release, or ORG/NAME of a release on the Hub.
        revision: revision on the Hub.
        photos: folder or zip with the photos, if the release does not store images.

    Raises:
        AnnotationError: the release does not exist, or its test split is empty.
        PrepareError: photos are missing, or the cache cannot be written.
    """
    release = held_out_release(name, revision)
    source = release.name if Path(name).is_dir() else f"{name}@{revision or 'unpinned'}"
    given = str(Path(photos).resolve()) if photos and not release.has_images else ""
    folder = prepared_folder("contrast", re.sub(r"[^\w.@-]", "_", version_of(release)))
    return prepare_once(
        folder,
        lambda: _found(folder, (_place(release), source, given)),
        lambda stage: _prepare(release, source, given, folder, stage),
    )


def _found(folder: Path, asked: tuple[Path, str, str]) -> Prepared | None:
    """The prepared split in a folder, or None if it was prepared from another release folder, another source, or other
    photos.
    """
    ready = open_prepared(folder, elsewhere=True)
    return ready if ready is not None and (ready.annotations, ready.source, ready.photos) == asked else None


def _place(release: Release) -> Path:
    return release.folder.resolve()


def _prepare(release: Release, source: str, photos: str, folder: Path, stage: Path) -> Prepared:
    version = version_of(release)
    digests: dict[str, str] = {}
    for contrast in CONTRASTS:
        if any(batch.num_rows for batch in release.batches(["id"], contrast, SPLIT)):
            rows = partial(_images, release, contrast, photos or None)
            digests[contrast] = content_digest(version, rows())
            stage_shard(stage, folder, contrast, digests[contrast], rows)
    return settle(
        stage,
        folder,
        annotations=_place(release),
        version=version,
        source=source,
        digests=digests,
        photos=photos,
    )


def _images(release: Release, contrast: str, photos: str | None) -> Iterator[tuple[str, list[bytes]]]:
    rows: Iterator[Row] = release.rows(contrast=contrast, split=SPLIT, images=release.has_images)
    if not release.has_images:
        rows = with_images(release, rows, photos)
    try:
        for row in rows:
            yield row["id"], [image["bytes"] for image in row["images"]]
    except PhotoError as error:
        raise PrepareError(
            f"{release.folder}: stores no images, and a photo cannot be read ({error}); set CGC_BENCH_PHOTOS"
        ) from None
