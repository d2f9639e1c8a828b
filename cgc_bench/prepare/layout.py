"""How a benchmark's authors lay their files out: the repository, the annotations, where an item's images are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from cgc_bench.prepare.files import Files


class Item(Protocol):
    """What every benchmark's items have."""

    @property
    def index(self) -> str:
        """Its identity within the benchmark."""

    @property
    def task(self) -> str:
        """One of the benchmark's tasks."""

    @property
    def images(self) -> Sequence[str]:
        """One name an image, such as its path in the annotations."""

    @property
    def version(self) -> str:
        """Of the annotations."""


ItemT = TypeVar("ItemT", bound=Item)


@dataclass(frozen=True)
class Layout(Generic[ItemT]):
    """Layout of one benchmark.

    Attributes:
        repository: of the Hub.
        patterns: files of it that are needed.
        archive: the zip in it that holds all; empty where files lie there as they are.
        variants: of the annotations, the default first.
        annotations: paths of the annotations within the files, and where each is kept; for a variant.
        read: what of the kept annotations `read_items` takes; empty for their folder.
        image: path of an item's image, as from the root that the authors' code runs in.
    """

    repository: str
    patterns: tuple[str, ...]
    archive: str
    variants: tuple[str, ...]
    annotations: Callable[[Files, str], Mapping[str, str]]
    read: str
    image: Callable[[ItemT, str], str]
