"""Environment variables that select the files used to prepare tasks.

CGC_BENCH_RELEASE and CGC_BENCH_RELEASE_REVISION select the release for `cgc_contrast`. If the release does not store
images, CGC_BENCH_PHOTOS is the folder or zip with the photos. CGC_BENCH_REVISION_MIG, _VLM2, _MATHVISTA, _MUIRBENCH,
_MMSTAR, _MMMU_VAL, _BLINK, _REFCOCO, _REFCOCO_PLUS, and _REFCOCOG select revisions of the files on the Hub.
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
    """Folder or zip with the photos, for a release that does not store images."""
    return os.environ.get("CGC_BENCH_PHOTOS") or None


def revision(benchmark: str) -> str | None:
    """Revision of a benchmark's repository.

    None selects the latest revision, and every report states that the revision is not pinned.
    """
    return os.environ.get(f"CGC_BENCH_REVISION_{benchmark.upper()}") or None
