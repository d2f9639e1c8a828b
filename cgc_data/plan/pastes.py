"""Objects from other photos that are pasted into a photo, each next to an object with the same label."""

from collections.abc import Sequence

import numpy as np

from cgc_data.licenses import composite_license
from cgc_data.plan.askable import Askable
from cgc_data.plan.lenders import Instances, Lenders
from cgc_data.plan.offered import Mask
from cgc_data.plan.standing import LEAST_SCALE, MOST_SCALE, Paste, Site, Standing

LENDERS = 24  # objects tried per photo


class Pastes:
    """Adds objects from other photos to a photo."""

    def __init__(self, askable: Askable, lenders: Lenders, standing: Standing) -> None:
        self._askable, self._lenders, self._standing = askable, lenders, standing
        self.offered = 0  # objects that the last photo could have received if it had room

    def draw(self, photo: int, free: Mask, count: int, rng: np.random.Generator) -> list[Paste]:
        """Up to `count` objects from the photos in the mask `free` (photos,), each with the place where it is pasted
        into the photo. Raises PhotoError if the photo cannot be read.
        """
        found: list[Paste] = []
        self.offered = 0
        choices = {beside: self._lenders_of(photo, beside, free) for beside in self._lenders.beside(photo)}
        for _ in range(LENDERS):
            sites = [beside for beside, lenders in choices.items() if len(lenders)]
            if not sites or len(found) == count:
                break
            beside = sites[int(rng.integers(len(sites)))]
            lender = int(rng.choice(choices[beside]))
            choices = {site: lenders[lenders != lender] for site, lenders in choices.items()}
            if self._may_join(lender, photo, found):
                self.offered += 1
                site = Site(photo, beside, self._standing.heights(photo, beside), tuple(paste.box for paste in found))
                paste = self._standing.place(site, lender, rng)
                found += [paste] if paste else []
        return found

    def _lenders_of(self, photo: int, beside: int, free: Mask) -> Instances:
        """Objects from other photos that have the label of an object in this photo and can be shown at a similar
        height.
        """
        instances = self._askable.index.instances
        lenders = self._lenders.of(int(instances.concept[beside]), free)
        low, high = self._standing.heights(photo, beside)
        heights = instances.box[lenders, 3] - instances.box[lenders, 1]
        like = (heights * LEAST_SCALE <= high) & (heights * MOST_SCALE >= low)
        return np.asarray(lenders[like & (instances.photo[lenders] != photo)])

    def _may_join(self, lender: int, photo: int, found: Sequence[Paste]) -> bool:
        """Whether the object is complete, and whether the licenses permit a picture that combines the object's photo,
        the given photo, and the photos of the objects in `found`.
        """
        shown = [photo, int(self._askable.index.instances.photo[lender]), *(paste.pasted.photo for paste in found)]
        license_url = composite_license(self._askable.index.photos[p].license_url for p in shown)
        return license_url is not None and self._lenders.is_whole(lender)
