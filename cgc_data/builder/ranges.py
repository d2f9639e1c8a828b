"""Parses ranges of shards, written as A:B. Like a Python slice, a range excludes B."""

import re
import shlex
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from cgc_data.common.errors import ConfigError

SHOWN_RANGES = 8
_RANGE = re.compile(r"(\d{0,9}):(\d{0,9})")


def selected(ranges: Sequence[str], count: int, folder: Path) -> list[int]:
    """The numbers of the shards in these ranges, in ascending order. Without ranges, returns the numbers of all `count`
    shards.

    The end of a range may exceed the number of shards. Raises ConfigError if a string is not a range, or if a range
    contains no shards.
    """
    return sorted({number for text in ranges or ["0:"] for number in _numbers(text, count, folder)})


def _numbers(text: str, count: int, folder: Path) -> range:
    found = _RANGE.fullmatch(text)
    if not found:
        raise ConfigError(f"--shard {text}: not a range of shards; write A:B, such as 0:{min(count, 10)}")
    start, end = int(found[1] or 0), min(int(found[2] or count), count)
    if start >= end:
        raise ConfigError(f"--shard {text}: contains no shards; {folder} has shards 0:{count}")
    return range(start, end)


def runs(numbers: Iterable[int]) -> list[str]:
    """Combine sorted numbers into ranges, written as A:B."""
    groups = groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])
    found = [[number for _, number in group] for _, group in groups]
    return [f"{group[0]}:{group[-1] + 1}" for group in found]


def render_command(folder: Path, missing: Sequence[str]) -> str:
    """The command that renders the missing ranges."""
    shown = [f"--shard {text}" for text in missing] if len(missing) <= SHOWN_RANGES else []
    return " ".join(["cgc-data render", shlex.quote(str(folder)), *shown])
