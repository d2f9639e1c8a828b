"""A static gallery of a release: one HTML page with an images folder, and contact sheets.

The page needs no server and no network. The choice of samples depends only on the seed and the ids of the samples.
"""

import hashlib
import importlib.resources
import io
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jinja2

from cgc_data.common.errors import ReleaseError
from cgc_data.common.folder import is_free, marked
from cgc_data.look.sample import Sample, View, read_sample
from cgc_data.look.sheets import ENDINGS, SAVED, PictureFormat, decoded, write_sheets
from cgc_data.release.inside import check_links
from cgc_data.release.read import Release
from cgc_data.release.reference import with_images
from cgc_data.release.rows import Row
from cgc_data.tasks import TASKS, task_of

Samples = dict[str, list[Sample]]


@dataclass(frozen=True)
class Gallery:
    """A written gallery: the path of its page, the paths of its contact sheets, and the number of its samples."""

    page: Path
    sheets: list[Path]
    samples: int


def write_gallery(
    release: Release,
    folder: Path,
    *,
    per_task: int = 20,
    seed: int = 0,
    images: Path | None = None,
    sheets: bool = True,
    kind: PictureFormat = "jpeg",
) -> Gallery:
    """Write `index.html`, `images/`, and `sheets/` into `folder`, with up to `per_task` samples per contrast and task.

    Rows with the same `pair_id` are chosen together, but the limit `per_task` can split the last pair. `kind` is the
    picture format of the contact sheets and of the images on the page. For the page, images that already have this
    format are copied byte for byte from the release. If `kind` is `png`, JPEG images are also copied byte for byte.

    `images` is the folder or zip with the photos, for a release that stores no images. If `images` is None, the photos
    are read from the paths that the build used.

    Raises:
        ReleaseError: `folder` contains something other than a gallery.
        PhotoError: the release stores no photos, and a photo is missing or has changed.
    """
    _refuse(folder)
    samples, page = choose_samples(release, per_task, seed, images), folder / "index.html"
    with marked(folder):
        for name in ("images", "sheets"):
            shutil.rmtree(folder / name, ignore_errors=True)
        (folder / "images").mkdir()
        page.write_text(_render(release, samples, folder, kind), encoding="utf-8", errors="replace")
        pictures = write_sheets(samples, folder / "sheets", kind) if sheets else []
    return Gallery(page, pictures, sum(map(len, samples.values())))


def choose_samples(release: Release, per_task: int, seed: int = 0, images: Path | None = None) -> Samples:
    """The chosen samples, including the bytes of their images, by contrast and task."""
    ids = _chosen_ids(release, per_task, seed)
    sources = {source["key"]: source for source in release.manifest["sources"]}
    rows = {row["id"]: row for row in _rows(release, {i for found in ids.values() for i in found}, images)}
    return {kind: [read_sample(rows[i], sources) for i in found] for kind, found in ids.items()}


def _chosen_ids(release: Release, per_task: int, seed: int) -> dict[str, list[str]]:
    """Choose rows pseudorandomly: the rows with the smallest salted hashes of their `pair_id`, or of their `id` if they
    have no pair.
    """
    best: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in release.rows(["id", "contrast", "task", "pair_id"]):
        salted = hashlib.sha256(f"{seed}/{row['pair_id'] or row['id']}".encode()).hexdigest()
        kept = best[task_of(row).id]
        kept.append((salted, row["id"]))
        if len(kept) > 2 * per_task + 100:
            kept[:] = sorted(kept)[:per_task]
    return {kind: [i for _, i in sorted(best[kind])[:per_task]] for kind in TASKS if kind in best}


def _rows(release: Release, ids: set[str], images: Path | None) -> Iterator[Row]:
    """The rows with these ids. If the release stores no images, the images are recreated from the photos."""
    rows = release.pick(ids)
    return rows if release.has_images else with_images(release, rows, images)


def _refuse(folder: Path) -> None:
    """Raise ReleaseError unless the folder is empty or contains an earlier gallery, which may be unfinished."""
    if not is_free(folder) and not (folder / "index.html").is_file():
        raise ReleaseError(f"{folder}: not empty and not a gallery; name another folder with --to")
    check_links(folder)


def _render(release: Release, samples: Samples, folder: Path, kind: PictureFormat) -> str:
    template = _environment().get_template("gallery.html.j2")
    shown = [sample for found in samples.values() for sample in found]
    return template.render(
        manifest=release.manifest,
        samples=samples,
        meanings={task.id: task.meaning for task in TASKS.values()},
        splits=sorted({sample.split for sample in shown}),
        partners=_partners(shown),
        store=lambda view: _store(view, folder, kind),
        tag=_tag,
    )


def _partners(samples: list[Sample]) -> dict[str, list[str]]:
    """Map from the id of each paired row to the ids of the other rows of its pair. Only rows in the gallery are
    included.
    """
    pairs: dict[str, list[str]] = defaultdict(list)
    for sample in samples:
        if sample.pair_id:
            pairs[sample.pair_id].append(sample.id)
    return {s.id: [i for i in pairs[s.pair_id] if i != s.id] for s in samples if s.pair_id}


def _store(view: View, folder: Path, kind: PictureFormat) -> str:
    """Write the image of the view if it is not in the folder yet, and return its path relative to the page."""
    stored: PictureFormat = "png" if view.content.startswith(b"\x89PNG") else "jpeg"
    written = stored if kind == "png" else kind
    address = f"images/{hashlib.sha256(view.content).hexdigest()[:16]}.{ENDINGS[written]}"
    if not (folder / address).exists():
        content = view.content if written == stored else _encoded(view, written)
        (folder / address).write_bytes(content)
    return address


def _encoded(view: View, kind: PictureFormat) -> bytes:
    """The picture of a view, encoded in the format `kind`. Raises ReleaseError if the picture cannot be decoded."""
    encoded = io.BytesIO()
    with decoded(view) as picture:
        picture.convert("RGB").save(encoded, kind, **SAVED[kind])
    return encoded.getvalue()


def _tag(view: View, rect: tuple[float, float, float, float]) -> str:
    """CSS that places the name of a box above the box, or inside it if there is no room above."""
    x1, y1, x2, _ = rect
    left, right, top = 100 * x1 / view.width, 100 * (1 - x2 / view.width), 100 * y1 / view.height
    across = f"left:{left:.2f}%" if left <= 60 else f"right:{max(right, 0):.2f}%"
    return f"{across};top:{top:.2f}%" + ("" if top < 9 else ";transform:translateY(-100%)")


def _environment() -> jinja2.Environment:
    text = importlib.resources.files("cgc_data.look").joinpath("templates/gallery.html.j2").read_text(encoding="utf-8")
    return jinja2.Environment(
        loader=jinja2.DictLoader({"gallery.html.j2": text}),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
