"""Divides a plan into parts that are planned independently: assigns photos and a number of rows to each part.

The photos of a split are divided into groups, and each part plans the rows about one group. Therefore, rules that every
part follows also hold for the whole plan: the maximum number of rows per photo, no repeated questions, and the share of
empty answers. Parts depend only on the photos and the settings, never on the machine or process that plans them. A
small plan has one part per split.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from cgc_data.config import BuildConfig
from cgc_data.plan.offered import Mask
from cgc_data.plan.rng import generator
from cgc_data.release.schema import SPLITS, Split
from cgc_data.tasks import CONTRASTS, TASKS

PLAN_VERSION = 5  # increased whenever the same settings and sources give other rows
LEAST_PHOTOS = 4096  # per group: with fewer, rare categories find no other photo to be asked with
LEAST_ROWS = 1000  # per group and contrast: with fewer, shares are rounded to whole families too often

Photos = NDArray[np.intp]


@dataclass(frozen=True)
class Part:
    """A group of a split's photos, and the number of rows to plan about it.

    Attributes:
        group: number of the group in its split.
        photos: sorted positions of the photos in the index, (photos,). Some of these photos may not be usable.
        wanted: number of rows to plan for each contrast.
    """

    split: Split
    group: int
    photos: Photos
    wanted: dict[str, int]

    @property
    def key(self) -> str:
        """Name that identifies the part in its plan. Of all properties of a part, only this name affects its random
        numbers.
        """
        return f"{self.split}-{self.group}" if self.group else self.split


def divide(config: BuildConfig, splits: Sequence[Split], available: Mask) -> list[Part]:
    """All parts of a plan, ordered by split. `available` is a mask (photos,) of the photos that can be shown."""
    found = {split: np.flatnonzero(np.array(splits) == split) for split in SPLITS}
    usable = {split: int(available[photos].sum()) for split, photos in found.items()}
    wanted, parts = wanted_rows(config, usable), list[Part]()
    for split, photos in found.items():
        number = number_of_groups(usable[split], list(wanted[split].values()))
        parts += _of_groups(split, grouped(photos, number, config.seed, split), available, wanted[split])
    return parts


def _of_groups(split: Split, groups: Sequence[Photos], available: Mask, wanted: dict[str, int]) -> Iterator[Part]:
    sizes = [int(available[group].sum()) for group in groups]
    quotas = {contrast: shared_out(rows, sizes) for contrast, rows in wanted.items()}
    for number, group in enumerate(groups):
        yield Part(split, number, group, {contrast: quota[number] for contrast, quota in quotas.items()})


def number_of_groups(photos: int, wanted: Sequence[int]) -> int:
    """Number of groups to divide a split into; 0 if the split is empty. If there is more than one group, each has
    enough photos and enough rows of each contrast.
    """
    fewest = min((rows for rows in wanted if rows), default=0)
    return min(max(1, min(photos // LEAST_PHOTOS, fewest // LEAST_ROWS)), photos)


def grouped(photos: Photos, number: int, seed: int, split: Split) -> list[Photos]:
    """Divide the photos at random into sorted groups whose sizes differ by at most one."""
    if not number:
        return []
    shuffled: Photos = generator(seed, "groups", split).permutation(photos)
    return [np.sort(group) for group in np.array_split(shuffled, number)]


def shared_out(rows: int, sizes: Sequence[int]) -> list[int]:
    """Distribute the rows in proportion to the sizes. The results add up to `rows`, and each differs from its exact
    share by less than one.
    """
    total = sum(sizes)
    reached = [round(rows * before / total) if total else 0 for before in accumulate(sizes)]
    return [end - start for start, end in zip([0, *reached], reached, strict=False)]


def wanted_rows(config: BuildConfig, photos: dict[Split, int]) -> dict[Split, dict[str, int]]:
    """Number of rows for each split and contrast, in proportion to the number of photos in the split and to the shares
    of the contrast's tasks.
    """
    total = sum(photos.values())
    return {split: _divided(config, round(config.samples * photos[split] / total) if total else 0) for split in SPLITS}


def _divided(config: BuildConfig, rows: int) -> dict[str, int]:
    """Number of rows for each contrast; the numbers add up to `rows`."""
    found, reached, before = {}, 0.0, 0
    for contrast in CONTRASTS:
        reached += sum(share for task, share in config.shares.items() if TASKS[task].contrast.name == contrast)
        found[contrast] = round(rows * reached) - before
        before += found[contrast]
    return found
