"""Task settings from environment variables, which are read when a task is loaded. `cgc_bench.prepare` has separate
settings.

CGC_BENCH_MAX_PIXELS: maximum number of pixels per image. CGC_BENCH_PREFIX: text, such as `<think>`, that the model's
chat template puts at the start of every response. CGC_BENCH_PROFILE: names of one or more prompt profiles, separated by
commas. Every benchmark uses the first listed profile that it supports. To limit the number of new tokens per response,
use lmms-eval's own `--gen_kwargs max_new_tokens=N`.
"""

import os

from cgc_bench.errors import TaskError

# The number of pixels in 1,024 image tokens of Qwen3-VL; the model's own limit is far higher and needs more memory.
MAX_PIXELS = 1024 * 1024


def max_pixels(profile: int | None = None) -> int:
    """Maximum number of pixels per image. CGC_BENCH_MAX_PIXELS overrides the profile's limit. If neither is set, the
    maximum is `MAX_PIXELS`.

    Raises TaskError.
    """
    given = os.environ.get("CGC_BENCH_MAX_PIXELS", str(profile or MAX_PIXELS))
    if not given.isdigit() or int(given) < 1024:
        raise TaskError(f"CGC_BENCH_MAX_PIXELS={given!r} must be a whole number of at least 1024 pixels")
    return int(given)


def profiles() -> list[str]:
    """The requested profiles, in the order given."""
    return [name.strip() for name in os.environ.get("CGC_BENCH_PROFILE", "").split(",") if name.strip()]


def prefix() -> str:
    """The text that the model's chat template puts at the start of every response; "" for most models."""
    return os.environ.get("CGC_BENCH_PREFIX", "")
