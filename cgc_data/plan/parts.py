"""How a plan is divided into parts that are planned apart: who asks, about which photos, and for how many rows.

The photos of a split are dealt into groups, and a part plans the rows of one contrast about one group. So what holds
in every part holds in the plan: the rows that show a photo, questions that are never asked twice, the share of empty
answers. Parts depend on photos and settings only, never on who plans them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from cgc_data.config import BuildConfig
from cgc_data.plan.askable import Mask
from cgc_data.plan.rng import generator
from cgc_data.release.schema import SPLITS, Split
from cgc_data.tasks import CONTRASTS, TASKS

PLAN_VERSION = 2  # increased whenever the same settings and sources give other rows
LEAST_PHOTOS = 4096  # per group: with fewer, rare categories find no other photo to be asked with
LEAST_ROWS = 1000  # per group and contrast: with fewer, shares are rounded to whole families too often
PHOTOS_PER_ROW = 2  # of whole photos that a new row uses, as a multiple of those that a row of windows uses

Photos = NDArray[np.intp]


@dataclass(frozen=True)
class Part:
    """The rows of one contrast about one group of a split's photos.

    Attributes:
        group: number of the group in its split.
        photos: (photos,) positions in the index, sorted.
        first: (first photos,) those dealt in the first round, which are different ones for each contrast.
        wanted: rows to plan.
    """

    split: Split
    contrast: str
    group: int
    photos: Photos
    first: Photos
    wanted: int

    @property
    def key(self) -> str:
        """Name that identifies the part in its plan; its random numbers depend on nothing else."""
        return f"{self.contrast}-{self.split}-{self.group:05d}"


def divide(config: BuildConfig, splits: Sequence[Split], available: Mask) -> list[Part]:
    """All parts of a plan, those of one group side by side; `available` are photos (photos,) that can be shown."""
    found = {split: np.flatnonzero(available & (np.array(splits) == split)) for split in SPLITS}
    rows = shared_out(config.samples, [len(photos) for photos in found.values()])
    parts = (
        part
        for wanted, (split, photos) in zip(rows, found.items(), strict=True)
        for part in _of_split(config, split, photos, wanted)
    )
    return list(parts)


def _of_split(config: BuildConfig, split: Split, photos: Photos, rows: int) -> Iterator[Part]:
    wanted = by_contrast(config, rows)
    groups = grouped(photos, number_of_groups(len(photos), list(wanted.values())), config.seed, split)
    quotas = {name: shared_out(number, [len(group) for group in groups]) for name, number in wanted.items()}
    for number, group in enumerate(groups):
        own = {name: quota[number] for name, quota in quotas.items()}
        first = first_dealt(group, own, generator(config.seed, "first", split, number))
        for name, rows_of_part in own.items():
            yield Part(split, name, number, group, first[name], rows_of_part)


def number_of_groups(photos: int, wanted: Sequence[int]) -> int:
    """Groups of a split, as many as leave each with enough photos and each contrast with enough rows; 0 if empty."""
    fewest = min((rows for rows in wanted if rows), default=0)
    return min(max(1, min(photos // LEAST_PHOTOS, fewest // LEAST_ROWS)), photos)


def grouped(photos: Photos, number: int, seed: int, split: Split) -> list[Photos]:
    """The photos dealt at random into groups of equal size, give or take one; each group sorted."""
    if not number:
        return []
    shuffled: Photos = generator(seed, "groups", split).permutation(photos)
    return [np.sort(group) for group in np.array_split(shuffled, number)]


def first_dealt(group: Photos, wanted: Mapping[str, int], rng: np.random.Generator) -> dict[str, Photos]:
    """Photos of the group that each contrast deals first, by its wanted rows and the photos that these use."""
    weights = [rows * (1 if CONTRASTS[name].windows else PHOTOS_PER_ROW) for name, rows in wanted.items()]
    ends = list(accumulate(shared_out(len(group), weights)))[:-1]
    return dict(zip(wanted, np.split(rng.permutation(group), ends), strict=True))


def shared_out(rows: int, sizes: Sequence[int]) -> list[int]:
    """Rows for each size, in proportion; they add up to `rows`, and each is off by less than one."""
    total = sum(sizes)
    reached = [round(rows * before / total) if total else 0 for before in accumulate(sizes)]
    return [end - start for start, end in zip([0, *reached], reached, strict=False)]


def by_contrast(config: BuildConfig, rows: int) -> dict[str, int]:
    """Rows by contrast with requested tasks, by the shares of their tasks; they add up to `rows`."""
    shares = {
        name: sum(share for task, share in config.shares.items() if TASKS[task].contrast.name == name)
        for name in CONTRASTS
    }
    asked = {name: share for name, share in shares.items() if share}
    reached = [round(rows * share) for share in accumulate(asked.values())]
    return dict(zip(asked, (end - start for start, end in zip([0, *reached], reached, strict=False)), strict=True))
