"""The sources of the pictures: the embedded sample, its index, and a release built from it."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from cgc_data.builder.release import build_release
from cgc_data.config import BuildConfig
from cgc_data.index.build import Index, build_index
from cgc_data.look.sample import Sample, read_sample
from cgc_data.painter.embedded import with_sources
from cgc_data.plan.truth import Truth
from cgc_data.release.read import open_release
from scripts.panels import decoded

SAMPLES = 1500
T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """The embedded sample, its index, and a release built from it."""

    index: Index
    truth: Truth
    rows: Sequence[Mapping[str, Any]]
    sources: Mapping[str, Mapping[str, Any]]

    def sample(self, row: Mapping[str, Any]) -> Sample:
        return read_sample(row, self.sources)

    def photo(self, number: int) -> Image.Image:
        """Pixels of a photo in the index."""
        photo = self.index.photos[number]
        return decoded(self.index.stores[photo.source].read(photo.file_name))

    @cached_property
    def number(self) -> dict[str, int]:
        """Photo numbers by file name."""
        return {photo.file_name: number for number, photo in enumerate(self.index.photos)}


def open_world(folder: Path) -> World:
    """Index the embedded sample, and build a release from it in a folder. Results that already exist are reused."""
    config = BuildConfig(samples=SAMPLES)
    release = build_release(config, folder / "release").folder
    opened = open_release(release)
    config = with_sources(config, folder / ".cgc-cache")
    index = build_index(config, folder / ".cgc-cache")
    sources = {source["key"]: source for source in opened.manifest["sources"]}
    return World(index, Truth(index, config.limits), list(opened.rows(images=True)), sources)


def best(rows: Iterable[T], key: Callable[[T], Any]) -> T:
    """The row with the highest key. Exits the script if `rows` is empty."""
    found = sorted(rows, key=key, reverse=True)
    if not found:
        sys.exit("no sample is suitable for one of the pictures: increase SAMPLES")
    return found[0]


def upright(index: Index, photo: int) -> bool:
    """Whether the photo is in landscape format with an aspect ratio of about 4:3."""
    return 1.3 < index.photos[photo].width / index.photos[photo].height < 1.4
