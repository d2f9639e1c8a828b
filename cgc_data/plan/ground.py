"""Prepares everything that is needed to assign photos to rows: the photos of each split, filtered by license, and the
questions that each photo allows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgc_data.config import BuildConfig
from cgc_data.index.build import Index
from cgc_data.index.photos import usable
from cgc_data.plan.askable import Askable, find_askable
from cgc_data.plan.deal import Dealer
from cgc_data.plan.offered import Mask
from cgc_data.plan.parts import wanted_rows
from cgc_data.plan.truth import Truth
from cgc_data.release.manifest import Exclusions
from cgc_data.release.schema import SPLITS, Split
from cgc_data.tasks import CONTRASTS


@dataclass(frozen=True)
class Division:
    """The split of every photo, a mask (photos,) of the usable photos, and the excluded photos."""

    splits: list[Split]
    allowed: Mask
    exclusions: Exclusions
    forms: NDArray[np.str_]  # file formats of the photos, (photos,); "" if all photos share one


@dataclass(frozen=True)
class Ground:
    """The questions that the photos allow, and masks (photos,) of the photos whose licenses permit each contrast."""

    config: BuildConfig
    splits: list[Split]
    askable: Askable
    licensed: dict[str, Mask]

    @property
    def available(self) -> Mask:
        """Mask (photos,) of the photos that at least one contrast can use."""
        return np.asarray(np.any(list(self.licensed.values()), axis=0))

    @property
    def photos(self) -> dict[Split, int]:
        """Number of available photos by split."""
        return photos_by_split(self.splits, self.available)

    def dealers(self) -> Iterator[tuple[Split, Dealer]]:
        """One dealer per split, with the number of rows that the dealer has to plan."""
        for split, wanted in wanted_rows(self.config, self.photos).items():
            yield split, Dealer(self.askable, split, self.licensed, wanted)


def photos_by_split(splits: list[Split], available: Mask) -> dict[Split, int]:
    """Number of photos in the mask `available` (photos,), by split."""
    return {split: int((available & (np.array(splits) == split)).sum()) for split in SPLITS}


def licensed_photos(index: Index, config: BuildConfig, division: Division) -> dict[str, Mask]:
    """For each contrast, a mask (photos,) of the usable photos whose licenses permit the contrast."""
    return {
        name: division.allowed & usable(index.photos, config.licenses, windows=contrast.windows)
        for name, contrast in CONTRASTS.items()
    }


def lay_ground(index: Index, config: BuildConfig, division: Division) -> Ground:
    """Prepare to plan all splits, based on the index. Each split is planned as a whole, not in parts."""
    licensed = licensed_photos(index, config, division)
    askable = find_askable(index, config, division.splits, Truth(index, config.limits), division.forms)
    return Ground(config, division.splits, askable, licensed)
