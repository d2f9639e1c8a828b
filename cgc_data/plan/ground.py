"""The input for dealing rows: the photos of each split, filtered by license, and the questions that each photo
allows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgc_data.config import BuildConfig
from cgc_data.index.build import Index
from cgc_data.index.photos import usable
from cgc_data.plan.askable import Askable, Mask, find_askable
from cgc_data.plan.deal import Dealer
from cgc_data.plan.truth import Truth
from cgc_data.release.manifest import Exclusions
from cgc_data.release.schema import SPLITS, Split
from cgc_data.tasks import CONTRASTS, TASKS


@dataclass(frozen=True)
class Division:
    """The split of every photo, a mask (photos,) of the usable photos, and the excluded photos."""

    splits: list[Split]
    allowed: Mask
    exclusions: Exclusions
    forms: NDArray[np.str_]  # file format of each photo, (photos,)


@dataclass(frozen=True)
class Ground:
    """The questions that the photos allow, and masks (photos,) of the photos whose licenses permit each contrast."""

    config: BuildConfig
    splits: list[Split]
    askable: Askable
    licensed: dict[str, Mask]

    @property
    def available(self) -> Mask:
        """Mask (photos,) of the photos that at least one contrast can show."""
        return np.asarray(np.any(list(self.licensed.values()), axis=0))

    @property
    def photos(self) -> dict[str, int]:
        """Number of available photos in each split."""
        return {split: int((self.available & (np.array(self.splits) == split)).sum()) for split in SPLITS}

    def dealers(self) -> Iterator[tuple[Split, Dealer]]:
        """One dealer per split, which deals the rows of that split."""
        for split, wanted in _quotas(self.config, self.photos).items():
            yield split, Dealer(self.askable, split, self.licensed, wanted)


def lay_ground(index: Index, config: BuildConfig, division: Division) -> Ground:
    """The input for planning, from the facts in the index."""
    licensed = {
        name: division.allowed & usable(index.photos, config.licenses, windows=contrast.windows)
        for name, contrast in CONTRASTS.items()
    }
    askable = find_askable(index, config, division.splits, Truth(index, config.limits), division.forms)
    return Ground(config, division.splits, askable, licensed)


def _quotas(config: BuildConfig, photos: dict[str, int]) -> dict[Split, dict[str, int]]:
    """Rows wanted by split and contrast: splits by their number of photos, contrasts by the shares of their tasks."""
    total = sum(photos.values())
    return {split: _divided(config, round(config.samples * photos[split] / total) if total else 0) for split in SPLITS}


def _divided(config: BuildConfig, rows: int) -> dict[str, int]:
    """Rows by contrast; they add up to `rows`."""
    found, reached, before = {}, 0.0, 0
    for contrast in CONTRASTS:
        reached += sum(share for task, share in config.shares.items() if TASKS[task].contrast.name == contrast)
        found[contrast] = round(rows * reached) - before
        before += found[contrast]
    return found
