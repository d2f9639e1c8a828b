"""The manifest of a release: its sources, settings, and contents. The manifest is written last, so its presence means
that the release is complete.

The classes describe the JSON file itself, so a type checker finds misspelled keys. Each manifest is checked against
the classes once, when it is read.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Any, TypedDict, cast

import msgspec

from cgc_data.common.errors import ReleaseError
from cgc_data.release.inside import inside
from cgc_data.release.schema import SCHEMA_VERSION, SPLITS
from cgc_data.release.stats import renamed
from cgc_data.tasks import CONTRASTS

_SHARD = re.compile(rf"({'|'.join(CONTRASTS)})/({'|'.join(SPLITS)})-[\w.-]+\.parquet", re.ASCII)


class ShardKeys(TypedDict):
    """The fields of a shard's record that readers need."""

    path: str  # relative to the release
    rows: int
    bytes: int
    sha256: str


class Shard(ShardKeys, total=False):
    """One Parquet file of rows."""

    num_bytes: int  # size of the rows in memory, as `datasets` counts it; earlier releases lack this field


class SourceKeys(TypedDict):
    """Required fields of a source's record."""

    key: str  # as in the rows
    kind: str
    annotations: str
    images: str
    sha256: str  # of the annotation file


class SourceRecord(SourceKeys, total=False):
    """A source, as it was when the release was built. `bytes` is the size of the annotation file."""

    bytes: int
    exhaustive: bool | list[str] | None
    bbox_format: str
    orientation: str
    ignore: "list[str]"
    boxes_past_border: int
    split: str
    num_images: int
    num_annotations: int


class ListUsageRecord(TypedDict):
    """How much of an exclusion list was used: the number of its distinct entries that match a photo of the sources. For
    an exclusion folder, the pictures in the folder are the entries.
    """

    list: str
    entries: int
    matched: int
    unmatched: "list[str]"  # examples of entries that do not match


class Exclusions(TypedDict, total=False):
    """The photos that were kept out of every split, and the lists that name them."""

    files: list[str]  # exclusion lists
    like: list[str]  # folders of pictures
    listed: int  # photos of the sources that match the lists
    near_duplicates: int  # photos that match the pictures but not the lists
    photos: list[str]  # identities of both kinds of photos
    usage: list[ListUsageRecord]


class Contradictions(TypedDict, total=False):
    """`compared` is the number of (photo, category) pairs about which two sources both make a claim. `contradicted` is
    the number of these pairs on which they disagree.
    """

    compared: int
    contradicted: int


class CountsKeys(TypedDict):
    """Required fields of a manifest."""

    total: int


class Counts(CountsKeys, total=False):
    """Numbers of rows."""

    by_split: dict[str, int]
    by_task: dict[str, int]
    by_category: dict[str, int]
    by_num_images: dict[str, dict[str, int]]


class Removed(TypedDict):
    """A photo that was removed after the release was built."""

    image_id: int


class ManifestKeys(TypedDict):
    """Required fields of a manifest."""

    schema_version: str
    name: str
    image_mode: str
    created_with: dict[str, str]
    sources: list[SourceRecord]
    config: dict[str, Any]  # resolved settings, as JSON
    counts: Counts
    shards: list[Shard]
    files: dict[str, str]  # sha256 by path, of all files except the shards


class Manifest(ManifestKeys, total=False):
    """manifest.json."""

    fingerprint: str
    seed: int
    exclusions: Exclusions
    contradictions: Contradictions
    names_kept_apart: int  # COCO names that refer to different pictures
    rejected: dict[str, int]  # by reason
    licenses: str
    removed: list[Removed]


class WindowSettings(msgspec.Struct):
    """The view settings that are needed to read a release."""

    jpeg_quality: int = 92
    min_cover: float = 0.03
    max_cover: float = 0.5
    context_scale: float = 1.25


class KeptSettings(msgspec.Struct):
    """The settings in a manifest's `config` that are needed to read a release; missing settings have defaults."""

    intra: WindowSettings = msgspec.field(default_factory=WindowSettings)


def kept_settings(manifest: Manifest) -> KeptSettings:
    """The settings used for the views of the release. Raises ReleaseError if the settings are malformed."""
    try:
        return msgspec.convert(manifest["config"], KeptSettings)
    except msgspec.ValidationError as error:
        raise ReleaseError(f"manifest.json: the config is malformed ({error}); build the release again") from None


def read_manifest(folder: Path) -> Manifest:
    """Read and check manifest.json of a release. Unknown keys are kept.

    In the returned manifest, the paths of all shards and files are inside the folder; only the paths of the sources can
    be outside. Raises ReleaseError if the manifest is missing or damaged, has another schema version, or contains a
    shard or file that is outside the folder.
    """
    path = inside(folder, "manifest.json")
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        if manifest.get("schema_version") in (None, SCHEMA_VERSION):
            _check_paths(folder, msgspec.convert(manifest, Manifest))
            return current_manifest(cast(Manifest, manifest))
    except FileNotFoundError:
        raise ReleaseError(
            f"{path.parent}: not a finished release (no manifest.json); run the same `cgc-data build` again, finish a "
            "planned release with `cgc-data finish`, or give another folder"
        ) from None
    except msgspec.ValidationError as error:
        raise ReleaseError(f"{path}: not the manifest of a release ({error}); build or download it again") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ReleaseError(f"{path}: not readable as JSON ({error}); build or download the release again") from None
    raise ReleaseError(
        f"{path.parent}: schema version {manifest['schema_version']}, but this version of cgc-grounding reads "
        f"{SCHEMA_VERSION}; install the version named under created_with in manifest.json"
    )


def current_manifest(manifest: Manifest) -> Manifest:
    """The manifest with former spellings, such as `licences`, replaced by the current ones."""
    values: dict[str, Any] = {**manifest}
    if isinstance(values["config"], dict):
        values["config"] = renamed(values["config"])
    return cast(Manifest, renamed(values))


def _check_paths(folder: Path, manifest: Manifest) -> None:
    """Raise ReleaseError if a shard or file is outside the release, if the name of a shard is invalid or listed twice,
    or if the path of a source contains control characters.
    """
    shards = [shard["path"] for shard in manifest["shards"]]
    for name in (*shards, *manifest["files"]):
        inside(folder, name)
    for name, times in Counter(shards).items():
        if times > 1 or not _SHARD.fullmatch(name):
            raise ReleaseError(
                f"{folder / 'manifest.json'}: {name!r} is not a valid shard name, or is listed twice; build or "
                "download the release again"
            )
    for source in manifest["sources"]:
        if not f"{source['key']}{source['annotations']}{source['images']}".isprintable():
            raise ReleaseError(
                f"{folder / 'manifest.json'}: source {source['key']!r} has control characters in its paths; build or "
                "download the release again"
            )
