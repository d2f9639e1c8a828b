"""Clusters items that share photos. Their results are correlated, so intervals are computed over clusters.

Items that share any photo are joined, transitively.
"""

from collections.abc import Iterable, Sequence


def photo_clusters(photos: Sequence[Iterable[str]]) -> list[str]:
    """The cluster of each item, named after one of its photos; `photos` are the photos of each item."""
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
