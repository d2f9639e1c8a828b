"""A release's held-out split as the shards that the tasks read, where the images of any item can be read alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cgc_bench.contrast.items import SPLIT, held_out_release, version_of
from cgc_bench.errors import PrepareError
from cgc_bench.prepare.cache import Prepared, open_prepared, prepared_folder
from cgc_bench.prepare.write import finish, write_shard
from cgc_data.errors import PhotoError
from cgc_data.reference import with_images
from cgc_data.release.read import Release
from cgc_data.release.schema import CONTRASTS


def prepare_release(name: str, revision: str | None = None, photos: str | None = None) -> Prepared:
    """Prepare the split in the cache; at once where it is there.

    Args:
        name: folder of a release, or ORG/NAME on the Hub.
        revision: on the Hub.
        photos: folder or zip with the photos of a release that stores no images.

    Raises:
        AnnotationError: there is no such release, or its test split is empty.
        PrepareError: photos are missing, or the cache cannot be written.
    """
    release = held_out_release(name, revision)
    version = version_of(release, revision)
    folder = prepared_folder("contrast", version)
    place = release.folder.resolve()
    ready = open_prepared(folder)
    if ready is not None and ready.annotations == place:
        return ready
    tasks = []
    for contrast in CONTRASTS:
        counted = sum(batch.num_rows for batch in release.batches(["id"], contrast, SPLIT))
        if counted:
            digest = f"{version} {contrast} {counted}".encode()
            write_shard(folder / f"{contrast}.parquet", digest, _images(release, contrast, photos))
            tasks.append(contrast)
    source = release.name if Path(name).is_dir() else f"{name}@{revision or 'unpinned'}"
    return finish(folder, place, version, source, tasks)


def _images(release: Release, contrast: str, photos: str | None) -> Iterator[tuple[str, list[bytes]]]:
    rows: Iterator[dict[str, Any]] = release.rows(contrast=contrast, split=SPLIT, images=release.has_images)
    if not release.has_images:
        rows = with_images(release, rows, photos)
    try:
        for row in rows:
            yield row["id"], [image["bytes"] for image in row["images"]]
    except PhotoError as error:
        raise PrepareError(
            f"{release.folder}: stores no images, and a photo cannot be read ({error}); set CGC_BENCH_PHOTOS"
        ) from None
