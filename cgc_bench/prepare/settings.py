"""Environment variables that select the files from which tasks are prepared.

CGC_BENCH_RELEASE and CGC_BENCH_RELEASE_REVISION: the release of `cgc_contrast`; CGC_BENCH_PHOTOS: its photos, if it
does not store images. CGC_BENCH_REVISION_MIG, _VLM2, _MATHVISTA, _MUIRBENCH, _MMSTAR, _MMMU_VAL, _BLINK, _REFCOCO,
_REFCOCO_PLUS, _REFCOCOG: revisions of the files on the Hub.
"""

import os

from cgc_bench.errors import TaskError


def release() -> tuple[str, str | None]:
    """Folder or Hub ID of the release, and its revision. Raises TaskError if no release is set."""
    name = os.environ.get("CGC_BENCH_RELEASE")
    if not name:
        raise TaskError("cgc_contrast needs a release: set CGC_BENCH_RELEASE to its folder, or to ORG/NAME on the Hub")
    return name, os.environ.get("CGC_BENCH_RELEASE_REVISION") or None


def photos() -> str | None:
    """Folder or zip with the photos, for a release that stores no images."""
    return os.environ.get("CGC_BENCH_PHOTOS") or None


def revision(benchmark: str) -> str | None:
    """Revision of a benchmark's repository. None uses the latest revision, and reports state this."""
    return os.environ.get(f"CGC_BENCH_REVISION_{benchmark.upper()}") or None
