"""The file layout that a benchmark's authors use: the repository, the annotations, and where the images of an item
are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from cgc_bench.prepare.files import Files


class Item(Protocol):
    """Attributes that the items of every benchmark have."""

    @property
    def index(self) -> str:
        """ID of the item in the benchmark."""

    @property
    def task(self) -> str:
        """One of the benchmark's tasks."""

    @property
    def images(self) -> Sequence[str]:
        """One name per image, such as its path in the annotations."""

    @property
    def version(self) -> str:
        """Version of the annotations."""


ItemT = TypeVar("ItemT", bound=Item)


@dataclass(frozen=True)
class Layout(Generic[ItemT]):
    """File layout of one benchmark.

    Attributes:
        repository: repository on the Hub.
        patterns: patterns for the names of the required files.
        archive: zip in the repository that contains all files; empty if they are not zipped.
        variants: variants of the annotations; the first is the default.
        annotations: for each variant, the paths of its annotations within the files, and the path at which each is
            stored.
        read: path of the stored annotations that `read_items` reads; empty if it reads the whole folder.
        image: path of an item's image, relative to the root in which the authors' code runs.
    """

    repository: str
    patterns: tuple[str, ...]
    archive: str
    variants: tuple[str, ...]
    annotations: Callable[[Files, str], Mapping[str, str]]
    read: str
    image: Callable[[ItemT, str], str]
