"""The metadata of a dataset card: the YAML block that the Hub, its search, and `load_dataset` read."""

import hashlib
from typing import Any

from cgc_data.look.dataset_info import configurations, dataset_info, splits_of
from cgc_data.release.manifest import Manifest
from cgc_data.release.stats import Stats

LICENSE_FILE = "LICENSE.md"
PAPER = "arxiv:2604.22498"  # the Hub links a dataset to the paper in a tag of this form
SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
)


def card_metadata(manifest: Manifest, stats: Stats) -> dict[str, Any]:
    """The metadata of a dataset card, with its fields in the order in which they are written."""
    return {
        "license": "other",
        "license_name": "per-photo",
        "license_link": LICENSE_FILE,
        "pretty_name": manifest["name"],
        "language": ["en"],
        "annotations_creators": ["machine-generated"],
        "task_categories": ["image-text-to-text", "object-detection"],
        "tags": _tags(stats),
        "size_categories": [next(name for bound, name in SIZES if stats["total"] < bound)],
        "dataset_info": dataset_info(manifest),
        "configs": _configs(manifest),
    }


def from_coco(stats: Stats) -> bool:
    """Whether the release shows COCO photos, which are recognized by the links to their pages on Flickr."""
    return stats["photos"]["with_flickr_page"] > 0


def release_digest(manifest: Manifest) -> str:
    """A sha256 digest of the paths and hashes of all shards, which changes whenever the content changes."""
    lines = sorted(f"{shard['path']} {shard['sha256']}\n" for shard in manifest["shards"])
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _tags(stats: Stats) -> list[str]:
    origins = ["coco", "lvis"] if from_coco(stats) else []
    return ["multi-image", "visual-grounding", "contrast", "grpo", "cgc", *origins, PAPER]


def _configs(manifest: Manifest) -> list[dict[str, Any]]:
    """The configurations of the dataset, each with a description that contains the digest of the release.

    The digest is needed because the cache of `datasets` depends only on paths and on this description, not on content.
    """
    description = f"release sha256:{release_digest(manifest)}"
    return [
        {"config_name": name, "description": description, "data_files": _data_files(manifest, contrasts)}
        for name, contrasts in configurations(manifest).items()
    ]


def _data_files(manifest: Manifest, contrasts: list[str]) -> list[dict[str, Any]]:
    return [
        {"split": split, "path": [f"{c}/{split}-*.parquet" for c in contrasts if split in splits_of(manifest, [c])]}
        for split in splits_of(manifest, contrasts)
    ]
