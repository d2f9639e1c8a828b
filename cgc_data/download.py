"""Downloads the official archives of COCO 2017 and LVIS v1, verifies their CRCs, and prepares them for `cgc-data
build`.

Photo archives stay zipped, because photos are read in place. Annotation files are unpacked.
"""

import logging
import shlex
import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cgc_data.common.errors import DownloadError
from cgc_data.common.fetch import disk_error, fetch
from cgc_data.common.progress import track

# the host of COCO's archives has no valid certificate, so https fails
COCO, LVIS = "http://images.cocodataset.org", "https://dl.fbaipublicfiles.com"
_CHUNK = 1 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Archive:
    """A zip archive on an official server. `unpack` lists the members to unpack. In the download folder, a member has
    the same relative path as in the archive.
    """

    site: str
    path: str
    unpack: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The archive's file name."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Dataset:
    """The archives of a dataset, and what to pass to `cgc-data build`: a flag, the annotation file, and the photo
    archive.
    """

    archives: tuple[Archive, ...]
    flag: str
    annotations: str
    photos: str


def _coco(split: str) -> Dataset:
    annotations = f"annotations/instances_{split}.json"
    together = Archive(COCO, "annotations/annotations_trainval2017.zip", (annotations,))
    return Dataset((together, Archive(COCO, f"zips/{split}.zip")), "--coco", annotations, f"{split}.zip")


def _lvis(split: str) -> Archive:
    return Archive(LVIS, f"LVIS/lvis_v1_{split}.json.zip", (f"lvis_v1_{split}.json",))


DATASETS = {
    "coco-val2017": _coco("val2017"),
    "coco-train2017": _coco("train2017"),
    "lvis-v1": Dataset((_lvis("train"), _lvis("val")), "--lvis", "lvis_v1_train.json", "train2017.zip"),
}


@dataclass(frozen=True)
class DownloadResult:
    """The result of a download: the files, and the command that builds a release from them. `missing_photos` is the
    photo archive that you must still add to the folder before you run the command, or None.
    """

    files: tuple[Path, ...]
    build_command: str
    missing_photos: Path | None


def download(
    name: str, to: Path, *, base_url: str | None = None, on_event: Callable[[str], None] = _log.info
) -> DownloadResult:
    """Download the dataset (a key of DATASETS) into the folder `to`. Existing files are not downloaded again.

    `base_url` replaces the scheme and host of the official URLs. Raises DownloadError if an archive
    cannot be downloaded or is damaged, or if the disk is full. The error states the fix. To resume, repeat the call.
    """
    dataset = DATASETS.get(name)
    if dataset is None:
        raise DownloadError(f"{name}: no such dataset; choose from {', '.join(DATASETS)}")
    _make_folder(to)
    files: list[Path] = []
    for archive in dataset.archives:
        files += _obtain(archive, to, base_url, on_event)
    photos = to / dataset.photos
    source = shlex.quote(f"{to / dataset.annotations}:{photos}")
    command = f"cgc-data build {dataset.flag} {source} --out RELEASE"
    return DownloadResult(tuple(files), command, None if photos.exists() else photos)


def _obtain(archive: Archive, to: Path, base_url: str | None, on_event: Callable[[str], None]) -> list[Path]:
    path = to / archive.name
    if path.exists():
        on_event(f"{path}: already there")
    else:
        part = path.with_name(f"{path.name}.part")
        url = f"{(base_url or archive.site).rstrip('/')}/{archive.path}"
        fetch(url, part)
        _check(part, url)
        part.replace(path)
        on_event(f"{path}: complete")
    return [_unpack(path, member, to) for member in archive.unpack] or [path]


def _check(part: Path, url: str) -> None:
    """Read every member to verify its CRC. A damaged archive is removed, because resuming the download would not repair
    it.
    """
    try:
        with zipfile.ZipFile(part) as archive:
            for info in track(archive.infolist(), "checking", len(archive.infolist())):
                _read_through(archive, info)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        part.unlink()
        raise DownloadError(
            f"{url}: not a valid zip archive ({error}); it was removed; rerun to download it again"
        ) from None


def _read_through(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    with archive.open(info) as member:
        while member.read(_CHUNK):
            pass


def _unpack(path: Path, member: str, to: Path) -> Path:
    target, part = to / member, to / f"{member}.part"
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(member)
            if not target.exists() or target.stat().st_size != info.file_size:
                target.parent.mkdir(parents=True, exist_ok=True)
                _extract(archive, info, part)
                part.replace(target)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        raise DownloadError(f"{path}: not the official archive ({error}); delete it and run again") from None
    except OSError as error:
        part.unlink(missing_ok=True)
        raise disk_error(target, error) from None
    return target


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, part: Path) -> None:
    with archive.open(info) as packed, part.open("wb") as file:
        shutil.copyfileobj(packed, file, _CHUNK)


def _make_folder(to: Path) -> None:
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(to, error) from None
