"""Writes a benchmark's files as shards, one per task. Shards whose content is unchanged are kept."""

import io
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path

from PIL import Image, ImageFile

from cgc_bench.errors import PrepareError
from cgc_bench.prepare.cache import Prepared, find_revision, prepared_folder
from cgc_bench.prepare.files import Files, fetch, open_files
from cgc_bench.prepare.layout import ItemT, Layout
from cgc_bench.prepare.stage import content_digest, prepare_once, settle, stage_shard, write_whole
from cgc_bench.prepare.versions import joined
from cgc_data.common.errors import PhotoError
from cgc_data.images import photo_size


def prepare_files(
    name: str,
    layout: Layout[ItemT],
    read_items: Callable[[Path], Mapping[str, ItemT]],
    variant: str | None = None,
    *,
    source: Path | None = None,
    annotations: Path | None = None,
    revision: str | None = None,
) -> Prepared:
    """Prepare a benchmark, and store it in the cache. Returns immediately if the cache already contains it, unless you
    pass `source` or `annotations`.

    Args:
        name: name of the benchmark.
        layout: layout of its files.
        read_items: function that reads items from the stored annotations.
        variant: variant of the annotations; defaults to the first variant of the layout.
        source: folder or zip archive with the authors' files; None downloads them from the Hub.
        annotations: file to use instead of the published file. Its content determines its version.
        revision: revision of the repository on the Hub. None selects the latest revision, and every report states that
            the revision is not pinned.

    Raises:
        PrepareError: files are missing or damaged, or cannot be downloaded or written.
        AnnotationError: the annotations are damaged.
    """
    variant = variant or layout.variants[0]
    if variant not in layout.variants:
        raise PrepareError(f"{name} has no annotations {variant!r}; choose from {', '.join(layout.variants)}")
    if annotations and not layout.read:
        raise PrepareError(
            f"{name} has several annotation files; omit --annotations, and pass their folder with --from"
        )
    folder = prepared_folder(name, variant)

    def make(stage: Path) -> Prepared:
        root, label = (source, "") if source else _fetched(layout, revision)
        with open_files(root, label) as files:
            kept = _keep_annotations(layout, files, variant, annotations, stage / "annotations")
            items = list(read_items(kept).values())
            digests = _stage_shards(items, files, layout, folder, stage)
            version = joined(item.version for item in items)
            return settle(stage, folder, annotations=kept, version=version, source=files.label, digests=digests)

    named = source is not None or annotations is not None
    return prepare_once(folder, lambda: None if named else find_revision(folder, revision), make)


def _fetched(layout: Layout[ItemT], revision: str | None) -> tuple[Path, str]:
    folder, label = fetch(layout.repository, layout.patterns, revision)
    return folder / layout.archive if layout.archive else folder, label


def _stage_shards(
    items: Sequence[ItemT], files: Files, layout: Layout[ItemT], folder: Path, stage: Path
) -> dict[str, str]:
    """Write one shard per task to the staging folder, and return the digest of each. The first pass over the images
    also checks them.
    """
    names = {_tail(found): found for found in files.names()}
    digests = {}
    for task, group in groupby(sorted(items, key=lambda item: item.task), key=lambda item: item.task):
        chosen = list(group)
        rows = partial(_images, chosen, files, names, layout)
        digests[task] = content_digest(joined(item.version for item in chosen), rows(check=True))
        stage_shard(stage, folder, task, digests[task], rows)
    return digests


def _keep_annotations(layout: Layout[ItemT], files: Files, variant: str, given: Path | None, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)  # the shard is from an earlier attempt
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


def _images(
    items: Sequence[ItemT],
    files: Files,
    names: Mapping[str, str],
    layout: Layout[ItemT],
    *,
    check: bool = False,
) -> Iterator[tuple[str, list[bytes]]]:
    for item in items:
        found = [(name, files.read(name)) for name in _names_of(item, files, names, layout)]
        yield item.index, [whole_image(content, name) if check else content for name, content in found]


def _names_of(item: ItemT, files: Files, names: Mapping[str, str], layout: Layout[ItemT]) -> Iterator[str]:
    for path in item.images:
        wanted = layout.image(item, path)
        name = names.get(_tail(wanted))
        if name is None:
            raise PrepareError(
                f"{files.place} lacks {wanted}, an image of item {item.index}; pass a complete copy to `cgc-bench "
                "prepare` with --from"
            )
        yield name


def whole_image(content: bytes, name: str) -> bytes:
    """Check that an image is complete, and return its content unchanged. Raises PrepareError if it is not complete."""
    try:
        photo_size(content)
        with _refusing_truncated(), Image.open(io.BytesIO(content)) as image:
            image.load()
    except (OSError, SyntaxError, ValueError, PhotoError) as error:
        raise PrepareError(f"{name}: not a whole image ({error}); fetch it again") from None
    return content


@contextmanager
def _refusing_truncated() -> Iterator[None]:
    """Make Pillow reject truncated images in the `with` block. Importing lmms-eval makes Pillow accept them."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _tail(path: str) -> str:
    """The part of a path that starts at its `images` or `data` folder. The folders before it can have different names
    in an archive and in a local copy.
    """
    parts = path.split("/")
    for place, part in enumerate(parts):
        if part in ("images", "data"):
            return "/".join(parts[place:])
    return path
