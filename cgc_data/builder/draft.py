"""The record of a planned release: everything that rendering and finishing need, on any machine.

It is OUT/.build/plan.json. The rows of the plan and the states of its photos are in Parquet files next to it.
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
        fingerprint: hash of the settings, the content of the sources, and the versions.
        versions: the versions of everything that influences the bytes, by name.
        settings: the configuration, with paths as they were given.
        images: folders and archives of photos by source key, from the root.
        displayed: source keys whose boxes follow EXIF.
        stamps: the state of annotation files, archives, and exclusion lists.
        photos: digest of the states of all photos.
        facts: the facts about the sources that the manifest states.
        digests: sha256 of the files next to the record, by name.
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
    """Versions of everything that influences the bytes of a release."""
    return {**library_versions(), "the plan": str(PLAN_VERSION)}


def images_of(facts: Facts, config: BuildConfig) -> dict[str, str]:
    """Folders and archives of photos by source key, from the root."""
    return {
        record["key"]: absolute_images(source.images)
        for record, source in zip(facts.sources, config.sources, strict=True)
    }


def displayed(facts: Facts, config: BuildConfig) -> list[str]:
    """Source keys whose boxes follow EXIF."""
    return [record["key"] for record, source in zip(facts.sources, config.sources, strict=True) if source.displayed]


def write_draft(draft: Draft, work: Path) -> None:
    """Write the record. It is written last, so its presence means that the plan is complete."""
    write_atomically(work / RECORD, json.dumps(asdict(draft)))


def stored_draft(work: Path) -> Draft | None:
    """The record in a folder of work in progress; None if it is missing or damaged."""
    try:
        return msgspec.json.decode((work / RECORD).read_bytes(), type=Draft)
    except (OSError, ValueError):
        return None


def damaged(draft: Draft, work: Path, names: Iterable[str]) -> list[str]:
    """Those of the files that are missing next to the record, or differ from it."""
    return [name for name in sorted(names) if _sha256(work / name) != draft.digests.get(name, "")]


def check_whole(draft: Draft, out: Path, names: Iterable[str]) -> None:
    """Raise BuildError that names the first of these files of the plan that is damaged."""
    for name in damaged(draft, out / WORK, names):
        raise BuildError(f"{out / WORK / name}: missing or damaged; {_AGAIN}")


def read_draft(out: Path) -> Draft:
    """The record of a planned release, for this machine.

    Raises BuildError if nothing is planned, the release is finished, the record is damaged, or the plan was made with
    other versions.
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
    """Raise BuildError unless the folder has a plan and no finished release."""
    refuse_url(out)
    if (out / MANIFEST).exists():
        raise BuildError(f"{out}: already finished; view it with: cgc-data preview {out}")
    if not (out / WORK / RECORD).exists():
        raise BuildError(f"{out}: nothing is planned here; first run: cgc-data plan CONFIG.yaml --out {out}")


def refuse_url(out: Path) -> None:
    """Raise BuildError for a URL, because many machines need a shared folder."""
    if url := url_of(out):
        raise BuildError(f"{url}: not a folder; plan, render, and finish in a shared folder, and copy the release then")


def _sha256(path: Path) -> str | None:
    try:
        return file_sha256(path)
    except SourceError:
        return None
