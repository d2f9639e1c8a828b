"""Computes features that could reveal an empty answer to a model that does not see the images.

Also assigns rows to cross-validation folds.
All rows of a family (rows that are linked by a pair or a tuple) are in the same fold.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from cgc_data.validate.trace import Trace

FOLDS = 5
MOST_WORDS = 300
Features: TypeAlias = Callable[[Sequence[Trace]], NDArray[np.float64]]


def families(rows: Sequence[Trace]) -> NDArray[np.int64]:
    """The family number of each row, with shape (n,). Rows that are linked by a pair or a tuple form one family."""
    nodes: dict[tuple[str, str], int] = {}
    ends = []
    for place, row in enumerate(rows):
        for kind, name in (("tuple", row.tuple_id), ("pair", row.pair_id)):
            if name:
                ends.append((place, len(rows) + nodes.setdefault((kind, name), len(nodes))))
    size = len(rows) + len(nodes)
    links = np.array(ends, dtype=np.int64).reshape(-1, 2)
    graph = coo_matrix((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(size, size))
    found = connected_components(graph, directed=False)[1][: len(rows)]
    return np.asarray(np.unique(found, return_inverse=True)[1], dtype=np.int64)


def folds_of(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """The cross-validation fold of each row, with shape (n,).

    Each group stays in one fold. Groups are assigned to folds at random. The seed is the number of groups.
    """
    count = int(groups.max()) + 1 if len(groups) else 0
    return np.random.default_rng(count).permutation(count)[groups] % FOLDS


def absent_features(rows: Sequence[Trace]) -> NDArray[np.float64]:
    """The features of each row, with shape (n, features).

    The features are the template, label, number of images, and words of the question (all one-hot encoded), and
    statistics of the image dimensions and file sizes.
    """
    words = Counter(word for row in rows for word in row.words)
    columns = [
        _one_hot([{f"template {row.template_id}"} for row in rows]),
        _one_hot([{f"label {row.label}"} for row in rows]),
        _one_hot([{f"images {len(row.sizes)}"} for row in rows]),
        _one_hot([{word for word in row.words if words[word] < len(rows)} for row in rows], MOST_WORDS),
        image_features(rows),
    ]
    return np.hstack(columns)


def image_features(rows: Sequence[Trace]) -> NDArray[np.float64]:
    """The features of each row, with shape (n, features), computed only from the dimensions and file sizes of its
    images.
    """
    return _standardised(np.array([_measures(row) for row in rows]))


def _measures(row: Trace) -> list[float]:
    """Statistics of a row's images: mean, minimum, maximum, and standard deviation of the widths, heights, areas,
    aspect ratios, and logarithmic file sizes.
    """
    sizes = np.array(row.sizes, dtype=np.float64)
    measures = [sizes[:, 0], sizes[:, 1], sizes.prod(axis=1), sizes[:, 0] / sizes[:, 1]]
    if row.num_bytes:
        measures.append(np.log(np.maximum(np.array(row.num_bytes, dtype=np.float64), 1)))
    return [float(f(values)) for values in measures for f in (np.mean, np.min, np.max, np.std)]


def _one_hot(sets: Sequence[Iterable[str]], most: int | None = None) -> NDArray[np.float64]:
    counts = Counter(value for values in sets for value in sorted(values))
    places = {value: place for place, (value, _) in enumerate(counts.most_common(most))}
    table = np.zeros((len(sets), len(places)))
    for row, values in enumerate(sets):
        table[row, [places[value] for value in values if value in places]] = 1
    return table


def _standardised(table: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = table.std(axis=0)
    scaled: NDArray[np.float64] = (table - table.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return scaled
