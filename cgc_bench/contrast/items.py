"""Items in the test split of a release: questions and ground truth. The images stay in the release."""

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
    """One question in the split.

    Attributes:
        index: ID of the row.
        task: contrast of the row.
        images: one name per view (file name, and 1-based position in the row), such as `000000000139.jpg#2`.
        prompt: chat messages with one content part of type `image` per view.
        truth: the ground truth that scoring needs.
        version: name of the release, followed by the start of the split's sha256.
        cluster: ID shared by all rows that show the same photos.
    """

    index: str
    task: str
    images: tuple[str, ...]
    prompt: tuple[Message, ...]
    truth: Truth
    version: str
    cluster: str


def read_items(annotations: Path | str, *, version: str | None = None) -> dict[str, Item]:
    """Read the items, in the order of the release. Returns a dict from index to item.

    Args:
        annotations: folder of a release, or ORG/NAME of a release on the Hub.
        version: revision on the Hub, or None for the latest.

    Raises:
        AnnotationError: the release does not exist, or its test split is empty.
    """
    release = held_out_release(annotations, version)
    name = version_of(release)
    rows = release.rows([*COLUMNS, "prompt"], split=SPLIT)
    return {row["id"]: _item(row, name) for row in rows}


def held_out_release(name: Path | str, revision: str | None = None) -> Release:
    """Load the release. Raises AnnotationError if the release has no test split."""
    try:
        release = locate_release(str(name), revision)
    except ReleaseError as error:
        raise AnnotationError(str(error)) from None
    if not any(True for _ in release.batches(["id"], split=SPLIT)):
        raise AnnotationError(
            f"{name}: no rows in the split {SPLIT!r}; build the release also from photos of val2017, or from a source "
            "with `split: test`"
        )
    return release


def version_of(release: Release) -> str:
    """The version of the release, as shown in reports. The version contains the first 12 digits of the split's sha256,
    because a tag on the Hub can be moved to other content.
    """
    return f"{release.name}@{split_sha256(release)[:12]}"


def split_sha256(release: Release) -> str:
    """The sha256 of the concatenated digests of all shards in the split."""
    digests = [shard["sha256"] for shard in release.manifest["shards"] if f"/{SPLIT}-" in shard["path"]]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def messages(item: Item, variant: str = "official") -> list[Message]:
    """Chat messages with one `{"type": "image"}` part per image, in order. The variant `official` uses the prompts of
    the release. `think` adds a request to reason first.
    """
    plain = list(item.prompt)
    return with_thinking(plain) if variant == "think" else plain


def _item(row: Row, version: str) -> Item:
    truth = truth_of(row)
    names = tuple(f"{view['file_name']}#{place}" for place, view in enumerate(row["views"], 1))
    return Item(truth.id, truth.contrast, names, tuple(row["prompt"]), truth, version, truth.photos)
