"""The file layout that a benchmark's authors use: the repository, the annotations, and the image paths."""

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
        """Names of the item's images, such as their paths in the annotations."""

    @property
    def version(self) -> str:
        """Version of the annotations."""


ItemT = TypeVar("ItemT", bound=Item)


@dataclass(frozen=True)
class Layout(Generic[ItemT]):
    """File layout of one benchmark.

    Attributes:
        repository: repository on the Hub.
        patterns: glob patterns of the files to download.
        archive: path (in the repository) of the zip with all files; empty if the files are not zipped.
        variants: variants of the annotations; the first is the default.
        annotations: function that lists the annotation files of a variant. The result maps each file's published path
            to the path of its prepared copy.
        read: path of the stored annotation file to pass to `read_items`; empty to pass the whole folder.
        image: function that returns the path of an item's image, relative to the folder in which the authors' code
            runs.
    """

    repository: str
    patterns: tuple[str, ...]
    archive: str
    variants: tuple[str, ...]
    annotations: Callable[[Files, str], Mapping[str, str]]
    read: str
    image: Callable[[ItemT, str], str]
