"""Joins what several sources state about the same photo. If sources contradict each other about a category, its state
in that photo is unknown.

Sources agree if they state the same presence and count, and if their boxes match one to one at IoU 0.5. For each photo
and concept, all boxes come from one source. Sources with more accurate boxes, such as LVIS, are preferred.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from cgc_data.geometry import iou_matrix
from cgc_data.index.instances import Instances
from cgc_data.index.presence import ABSENT, CONTRADICTED, PRESENT_ALL, UNKNOWN, States

SAME_BOX_IOU = 0.5


@dataclass(frozen=True)
class Agreement:
    """How often two sources make claims about the same photo and concept, and how often these claims disagree."""

    compared: int
    contradicted: int

    def __add__(self, other: "Agreement") -> "Agreement":
        return Agreement(self.compared + other.compared, self.contradicted + other.contradicted)


def join_states(joined: States, claimed: States, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Agreement:
    """Merge another source's claims into the joined states, in place.

    `claimed` has shape (len(rows), len(columns)); `rows` and `columns` are the positions of its rows and
    columns in `joined`. If one source claims presence and the other claims absence, the state is CONTRADICTED. If both
    sources claim presence, the state is the weaker claim; `disagreeing` compares the boxes later.
    """
    before = joined[np.ix_(rows, columns)]
    both = (before != UNKNOWN) & (before != CONTRADICTED) & (claimed != UNKNOWN)
    clash = both & ((before == ABSENT) != (claimed == ABSENT))
    after = np.where(both, np.minimum(before, claimed), np.maximum(before, claimed))
    after[clash | (before == CONTRADICTED)] = CONTRADICTED
    joined[np.ix_(rows, columns)] = after
    return Agreement(int(both.sum()), int(clash.sum()))


def disagreeing(instances: Instances, joined: States) -> list[tuple[int, int]]:
    """Pairs (photo, concept) for which two sources both claim to have a box for every instance, but their boxes
    disagree.

    Boxes disagree if one source has more boxes than the other, or if the boxes do not match one to one.
    """
    sources, columns = instances.source, joined.shape[1]
    by_source = np.unique(np.stack([instances.photo * columns + instances.concept, sources], axis=1), axis=0)
    keys, boxed_by = np.unique(by_source[:, 0], return_counts=True)
    photos, concepts = np.divmod(keys[boxed_by > 1], columns)
    complete = joined[photos, concepts] == PRESENT_ALL
    found = []
    for photo, concept in zip(photos[complete].tolist(), concepts[complete].tolist(), strict=True):
        inside = instances.of(photo, concept)
        groups = [instances.box[inside[sources[inside] == s]] for s in np.unique(sources[inside])]
        if any(not same_boxes(groups[0], other) for other in groups[1:]):
            found.append((photo, concept))
    return found


def one_source_each(instances: Instances, first: Sequence[bool]) -> Instances:
    """For every photo and concept, keep the instances of only one source.

    Sources marked in `first` have priority over the others. Within each group, earlier sources have priority.
    """
    order = sorted(range(len(first)), key=lambda i: (not first[i], i))
    rank = np.argsort(order)[instances.source]
    key = instances.photo * (int(instances.concept.max(initial=0)) + 1) + instances.concept
    _, pair = np.unique(key, return_inverse=True)
    best = np.full(pair.max(initial=-1) + 1, len(first))
    np.minimum.at(best, pair, rank)
    return instances.select(rank == best[pair])


def same_boxes(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    """Whether two sets of boxes, (N, 4) and (M, 4), match one to one at IoU 0.5."""
    if len(first) != len(second):
        return False
    overlap = iou_matrix(first, second)
    rows, columns = linear_sum_assignment(-(overlap >= SAME_BOX_IOU).astype(np.float64))
    return bool((overlap[rows, columns] >= SAME_BOX_IOU).all())
