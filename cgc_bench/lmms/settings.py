"""What a user may change about the tasks, all in one place: environment variables, read when a task is loaded.

CGC_BENCH_RELEASE and CGC_BENCH_RELEASE_REVISION: the release of `cgc_contrast`; CGC_BENCH_PHOTOS: its photos, where it
stores none. CGC_BENCH_REVISION_MIG, _VLM2, _MATHVISTA, _MUIRBENCH, _MMSTAR, _MMMU_VAL, _BLINK: of the Hub's files.
CGC_BENCH_MAX_PIXELS: of one image. CGC_BENCH_PREFIX: what the model's chat template writes of a response, as `<think>`.
New tokens are lmms-eval's own `--gen_kwargs max_new_tokens=N`.
"""

import os

from cgc_bench.errors import TaskError

# What 1,024 image tokens of Qwen3-VL show; the real model's own limit is far higher and costs memory.
MAX_PIXELS = 1024 * 1024


def max_pixels() -> int:
    """Most pixels of one image. Raises TaskError."""
    given = os.environ.get("CGC_BENCH_MAX_PIXELS", str(MAX_PIXELS))
    if not given.isdigit() or int(given) < 1024:
        raise TaskError(f"CGC_BENCH_MAX_PIXELS={given!r} is not a number of pixels of at least 1024")
    return int(given)


def prefix() -> str:
    """What the model's chat template writes of a response already; "" for most."""
    return os.environ.get("CGC_BENCH_PREFIX", "")


def release() -> tuple[str, str | None]:
    """Folder or Hub id of the release, and its revision. Raises TaskError where none is set."""
    name = os.environ.get("CGC_BENCH_RELEASE")
    if not name:
        raise TaskError("cgc_contrast needs a release: set CGC_BENCH_RELEASE to its folder, or to ORG/NAME on the Hub")
    return name, os.environ.get("CGC_BENCH_RELEASE_REVISION") or None


def photos() -> str | None:
    """Folder or zip with the photos of a release that stores no images."""
    return os.environ.get("CGC_BENCH_PHOTOS") or None


def revision(benchmark: str) -> str | None:
    """Revision of a benchmark's repository; None takes the newest, and reports say so."""
    return os.environ.get(f"CGC_BENCH_REVISION_{benchmark.upper()}") or None
