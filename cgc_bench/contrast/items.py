"""Items of a release's test split: what is asked, and what is true of it; images stay where they are."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cgc_bench.errors import AnnotationError
from cgc_data.answer import with_thinking
from cgc_data.answer.prompt import Message
from cgc_data.common.errors import ReleaseError
from cgc_data.metrics import COLUMNS, Truth, truth_of
from cgc_data.release.locate import locate_release
from cgc_data.release.read import Release
from cgc_data.release.rows import Row

SPLIT = "test"


@dataclass(frozen=True)
class Item:
    """One question of the split.

    Attributes:
        index: the row's id.
        task: the row's contrast.
        images: one name a view, such as `000000000139.jpg#2`.
        prompt: chat messages, an image part a view.
        truth: all that scoring needs.
        version: the release with its version.
        cluster: rows that show the same photos are one.
    """

    index: str
    task: str
    images: tuple[str, ...]
    prompt: tuple[Message, ...]
    truth: Truth
    version: str
    cluster: str


def read_items(annotations: Path | str, *, version: str | None = None) -> dict[str, Item]:
    """Items by index, in the release's order.

    Args:
        annotations: folder of a release, or ORG/NAME on the Hub.
        version: a revision on the Hub; None for the newest.

    Raises:
        AnnotationError: there is no such release, or its test split is empty.
    """
    release = held_out_release(annotations, version)
    name = version_of(release)
    rows = release.rows([*COLUMNS, "prompt"], split=SPLIT)
    return {row["id"]: _item(row, name) for row in rows}


def held_out_release(name: Path | str, revision: str | None = None) -> Release:
    """The release, where it has a test split. Raises AnnotationError."""
    try:
        release = locate_release(str(name), revision)
    except ReleaseError as error:
        raise AnnotationError(str(error)) from None
    if not any(True for _ in release.batches(["id"], split=SPLIT)):
        raise AnnotationError(f"{name}: no rows in the split {SPLIT!r}; build the release from photos of val2017 too")
    return release


def version_of(release: Release) -> str:
    """How reports name it: with the beginning of the split's digest, which a tag or a rebuild does not keep."""
    return f"{release.name}@{split_sha256(release)[:12]}"


def split_sha256(release: Release) -> str:
    """One digest over those of the split's shards."""
    digests = [shard["sha256"] for shard in release.manifest["shards"] if f"/{SPLIT}-" in shard["path"]]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def messages(item: Item, variant: str = "official") -> list[Message]:
    """Chat messages with a part `{"type": "image"}` an image, in order; `variant` is `official` or `think`."""
    plain = list(item.prompt)
    return with_thinking(plain) if variant == "think" else plain


def _item(row: Row, version: str) -> Item:
    truth = truth_of(row)
    names = tuple(f"{view['file_name']}#{place}" for place, view in enumerate(row["views"], 1))
    return Item(truth.id, truth.contrast, names, tuple(row["prompt"]), truth, version, truth.photos)
