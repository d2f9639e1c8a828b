"""What a user may change about the tasks: environment variables, read when a task is loaded; `prepare` has others.

CGC_BENCH_MAX_PIXELS: of one image. CGC_BENCH_PREFIX: what the model's chat template writes of a response, as `<think>`.
CGC_BENCH_PROFILE: whose prompts, one name or several, of which every benchmark takes the first that it has.
New tokens are lmms-eval's own `--gen_kwargs max_new_tokens=N`.
"""

import os

from cgc_bench.errors import TaskError

# What 1,024 image tokens of Qwen3-VL show; the real model's own limit is far higher and costs memory.
MAX_PIXELS = 1024 * 1024


def max_pixels(profile: int | None = None) -> int:
    """Most pixels of one image: as set, else as the profile has it, else `MAX_PIXELS`. Raises TaskError."""
    given = os.environ.get("CGC_BENCH_MAX_PIXELS", str(profile or MAX_PIXELS))
    if not given.isdigit() or int(given) < 1024:
        raise TaskError(f"CGC_BENCH_MAX_PIXELS={given!r} is not a number of pixels of at least 1024")
    return int(given)


def profiles() -> list[str]:
    """Profiles that are asked for, in their order."""
    return [name.strip() for name in os.environ.get("CGC_BENCH_PROFILE", "").split(",") if name.strip()]


def prefix() -> str:
    """What the model's chat template writes of a response already; "" for most."""
    return os.environ.get("CGC_BENCH_PREFIX", "")
