"""Clusters items that share photos. Results on the same photos are correlated, so confidence intervals are computed
over clusters.

Two items are in the same cluster if they share a photo, or if a chain of items that share photos connects them.
"""

from collections.abc import Iterable, Sequence


def photo_clusters(photos: Sequence[Iterable[str]]) -> list[str]:
    """The cluster of each item, named after one of the photos in the cluster. `photos` lists the photos of each
    item.
    """
    parent: dict[str, str] = {}
    firsts = []
    for names in photos:
        first, *others = [_root(parent, name) for name in names]
        for other in others:
            parent[_root(parent, other)] = _root(parent, first)
        firsts.append(first)
    return [_root(parent, first) for first in firsts]


def _root(parent: dict[str, str], name: str) -> str:
    while parent.setdefault(name, name) != name:
        parent[name] = parent[parent[name]]
        name = parent[name]
    return name
