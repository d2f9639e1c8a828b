"""The record of a planned release.

The record is stored in OUT/.build/plan.json. With this record, any machine can render and finish the release. The
planned rows and the states of the photo files are in Parquet files in the same folder.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from cgc_data.builder.changes import Stamps, absolute_images
from cgc_data.builder.finish import Facts
from cgc_data.builder.shards import write_atomically
from cgc_data.builder.work import WORK
from cgc_data.common.errors import BuildError, SourceError
from cgc_data.common.remote import url_of
from cgc_data.common.versions import library_versions
from cgc_data.config import BuildConfig
from cgc_data.plan.build import Plan
from cgc_data.plan.parts import PLAN_VERSION
from cgc_data.release.inside import inside
from cgc_data.release.remote import MANIFEST
from cgc_data.sources.read import file_sha256

RECORD, PHOTOS = "plan.json", "photos.parquet"
_AGAIN = "run the same `cgc-data plan` again"


@dataclass(frozen=True)
class Draft:
    """A planned release that is not finished.

    Attributes:
        fingerprint: hash of the settings, the content of the sources, and `versions`.
        versions: maps each library that affects the bytes of the release to its version. Also contains the version of
            the plan format.
        settings: the configuration, with all paths exactly as the user wrote them.
        images: absolute paths of the photo folders and archives, by source key.
        displayed: keys of the sources whose boxes refer to the photos after EXIF rotation.
        stamps: the state of annotation files, archives, and exclusion lists.
        photos: digest of the states of all photos.
        facts: what the manifest reports about the sources.
        digests: maps the names of the other plan files to their SHA-256 hashes.
    """

    fingerprint: str
    versions: dict[str, str]
    settings: dict[str, Any]
    images: dict[str, str]
    displayed: list[str]
    stamps: Stamps
    photos: str
    facts: Facts
    plan: Plan
    digests: dict[str, str]

    @property
    def config(self) -> BuildConfig:
        """The configuration."""
        return BuildConfig.model_validate(self.settings)

    @property
    def rows(self) -> int:
        """The number of planned rows."""
        return sum(self.plan.tasks.values())


def versions() -> dict[str, str]:
    """The version of each library that affects the bytes of a release, keyed by name. Also contains the version of the
    plan format.
    """
    return {**library_versions(), "plan format": str(PLAN_VERSION)}


def images_of(facts: Facts, config: BuildConfig) -> dict[str, str]:
    """Absolute paths of the photo folders and archives, by source key."""
    return {
        record["key"]: absolute_images(source.images)
        for record, source in zip(facts.sources, config.sources, strict=True)
    }


def displayed(facts: Facts, config: BuildConfig) -> list[str]:
    """Keys of the sources whose boxes refer to the photos after EXIF rotation."""
    return [record["key"] for record, source in zip(facts.sources, config.sources, strict=True) if source.displayed]


def write_draft(draft: Draft, work: Path) -> None:
    """Write the record, as the last file of the plan. If the record exists, the plan is complete."""
    write_atomically(work / RECORD, json.dumps(asdict(draft)))


def stored_draft(work: Path) -> Draft | None:
    """The record in a folder with work in progress; None if the record is missing or damaged."""
    try:
        return msgspec.json.decode((work / RECORD).read_bytes(), type=Draft)
    except (OSError, ValueError):
        return None


def damaged(draft: Draft, work: Path, names: Iterable[str]) -> list[str]:
    """The plan files in `names` that are missing or do not match the digests in the record."""
    return [name for name in sorted(names) if _sha256(work / name) != draft.digests.get(name, "")]


def check_whole(draft: Draft, out: Path, names: Iterable[str]) -> None:
    """Raise a BuildError for the first plan file in `names` that is missing or damaged."""
    for name in damaged(draft, out / WORK, names):
        raise BuildError(f"{out / WORK / name}: missing or damaged; {_AGAIN}")


def read_draft(out: Path) -> Draft:
    """Read the record of a planned release, and check that this machine can use it.

    Raises BuildError if nothing is planned, the release is finished, the record is damaged, or the plan was made with
    another version of a library or of the plan format.
    """
    check_planned(out)
    draft = stored_draft(inside(out, WORK))
    if draft is None:
        raise BuildError(f"{out / WORK / RECORD}: damaged; {_AGAIN}")
    here = versions()
    if other := [name for name, version in draft.versions.items() if here.get(name) != version]:
        raise BuildError(
            f"{out}: planned with {other[0]} {draft.versions[other[0]]}, and this machine has "
            f"{here.get(other[0], 'none')}; install the same version, or plan into another folder"
        )
    return draft


def check_planned(out: Path) -> None:
    """Raise a BuildError if the folder contains no plan, or already contains a finished release."""
    refuse_url(out)
    if (out / MANIFEST).exists():
        raise BuildError(f"{out}: already finished; view it with: cgc-data preview {out}")
    if not (out / WORK / RECORD).exists():
        raise BuildError(f"{out}: nothing is planned here; first run: cgc-data plan CONFIG.yaml --out {out}")


def refuse_url(out: Path) -> None:
    """Raise a BuildError if `out` is a URL, because the machines that work on a build need a shared folder."""
    if url := url_of(out):
        raise BuildError(f"{url}: not a folder; plan, render, and finish in a shared folder, and copy the release then")


def _sha256(path: Path) -> str | None:
    try:
        return file_sha256(path)
    except SourceError:
        return None
