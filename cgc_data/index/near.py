"""Finds near-duplicates by perceptual hash, in bounded memory regardless of how many photos look alike.

Photos with equal hashes are treated as one photo. Two hashes are compared only if they are equal in at least one band
(range of bits). The comparison runs block by block.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from cgc_data.index.pictures import HASH_BITS

Hashes = NDArray[np.uint64]
Pairs = NDArray[np.intp]  # (pairs, 2)

BLOCK = 2**20  # number of hashes compared at once
MOST_PAIRS = 2**20  # number of pairs collected before they are reduced to clusters


def near_duplicates(hashes: Hashes, distance: int) -> NDArray[np.int32]:
    """Cluster number of each photo, (photos,). Hashes that differ in at most `distance` bits are in the same cluster.

    A photo that cannot be decoded or must not be shown has a hash of 0 and is alone in its cluster.
    """
    decoded = np.flatnonzero(hashes)
    distinct, first, node = np.unique(hashes[decoded], return_index=True, return_inverse=True)
    equal = np.stack([decoded[first][node], decoded], axis=1)
    close = decoded[first][_spanning(distinct, distance)]
    return _clusters(np.concatenate([equal, close]), len(hashes))


def like_any(hashes: Hashes, others: Hashes, distance: int) -> NDArray[np.bool_]:
    """Mask (photos,) of the photos that are near-duplicates of any photo in `others`."""
    close = np.zeros(len(hashes), dtype=bool)
    for other in np.unique(others):
        close |= (np.bitwise_count(hashes ^ other) <= distance) & (hashes != 0)
    return close


def _spanning(hashes: Hashes, distance: int) -> Pairs:
    """Pairs of distinct hashes that link each hash to all hashes close to it, directly or through other hashes."""
    kept, gathered, count = np.zeros((0, 2), dtype=np.intp), list[Pairs](), 0
    for pairs in _close_pairs(hashes, distance):
        gathered.append(pairs)
        count += len(pairs)
        if count > MOST_PAIRS:
            kept, gathered, count = _reduced(np.concatenate([kept, *gathered]), len(hashes)), [], 0
    return np.concatenate([kept, *gathered])


def _reduced(pairs: Pairs, count: int) -> Pairs:
    """Pair each member of a cluster with the cluster's first member, to store fewer pairs for the same clusters."""
    first, clusters = np.unique(_clusters(pairs, count), return_index=True, return_inverse=True)[1:]
    leaders = first[clusters]
    members = np.flatnonzero(leaders != np.arange(count))
    return np.stack([leaders[members], members], axis=1)


def _clusters(pairs: Pairs, count: int) -> NDArray[np.int32]:
    ones = np.ones(len(pairs), dtype=bool)
    graph = coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int32)


def _close_pairs(hashes: Hashes, distance: int) -> Iterator[Pairs]:
    """Pairs of hashes that differ in at most `distance` bits. If the bits are divided into `distance + 1` bands, such
    hashes are equal in at least one band.
    """
    bounds = np.linspace(0, HASH_BITS, distance + 2).astype(np.uint64)
    for low, high in pairwise(bounds):
        band = (hashes >> low) & np.uint64((1 << int(high - low)) - 1)
        order = np.argsort(band, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(band[order])) + 1):
            if len(group) > 1:
                yield from _compared(hashes, group, distance)


def _compared(hashes: Hashes, group: NDArray[np.intp], distance: int) -> Iterator[Pairs]:
    """The close pairs of one group, each listed once. Pairs are searched block by block to limit memory."""
    height = max(1, BLOCK // len(group))
    for start in range(0, len(group), height):
        rows, rest = group[start : start + height], group[start:]
        close = np.bitwise_count(hashes[rows][:, None] ^ hashes[rest][None, :]) <= distance
        first, second = np.nonzero(np.triu(close, 1))
        yield np.stack([rows[first], rest[second]], axis=1)
