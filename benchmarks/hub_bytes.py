"""Measures how many bytes a release takes on the Hub, and how many bytes must be uploaded again after a photo is
removed.

Usage: python benchmarks/hub_bytes.py RELEASE [--photos 3] [--seed 0] [--docs docs]

The Hub splits files into content-defined chunks (Xet), and stores each distinct chunk once. This script lets hf_xet,
the Hub's own client, upload to a folder instead of a server, so that chunks, deduplication, and compression are the
same as on the Hub. Deduplication against other repositories is not included. The photos to remove are chosen at random.
Each of them is removed separately, as with `cgc-data remove`, from the full release. With --docs, the figures are
written to measured.json in that folder, and their table to release.md.
"""

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import measured  # noqa: E402
from cgc_data.builder.remove import remove_photo, rows_to_remove  # noqa: E402
from cgc_data.release.read import Release, open_release  # noqa: E402
from scripts.markdown import table  # noqa: E402


@dataclass(frozen=True)
class Upload:
    """The size of one push in bytes: `total` for all of its files, `new` for the chunks that the store did not have,
    and `sent` for the compressed data that was uploaded.
    """

    total: int
    new: int
    sent: int


def main() -> None:
    """Upload the release to an empty store. Then, for each removed photo, upload the reduced release to a store that
    contains only the full release.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release", type=Path)
    parser.add_argument("--photos", type=int, default=3, help="number of photos to remove, one at a time")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sampled photos")
    parser.add_argument("--docs", type=Path, help="folder in which to write measured.json and the table in release.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(options.release, Path(folder), options.photos, options.seed)
    print(shown(figures))
    if options.docs:
        measured.keep(options.docs, "hub_bytes", "release.md", figures, shown(figures))


def measure(path: Path, work: Path, count: int, seed: int) -> dict[str, Any]:
    """Measure the bytes of the first push, and of `count` later pushes. Each later push follows the removal of one
    photo from the full release.
    """
    release = open_release(path)
    first = pushed(files(path), work / "stores" / "first")
    removed = random.Random(seed).sample(photos(release), count)
    return {
        "rows": release.manifest["counts"]["total"],
        "shards": len(release.manifest["shards"]),
        "files": first.total,
        "images": shown_bytes(release),
        "chunks": first.new,
        "sent": first.sent,
        "removed": [without(path, photo, work) for photo in removed],
    }


def without(release: Path, photo: int, work: Path) -> dict[str, int]:
    """Remove a photo from a release, and push the rest. Returns the number of removed rows, the bytes of the rewritten
    shards, and the bytes that the push uploads.
    """
    gone = rows_to_remove(open_release(release), photo, None)
    out, store = work / f"without-{photo}", work / "stores" / str(photo)
    remove_photo(release, photo, out)
    pushed(files(release), store)
    again = pushed(files(out), store)
    rewritten = rewritten_bytes(release, out)
    return {"photo": photo, "rows": len(gone), "rewritten": rewritten, "chunks": again.new, "sent": again.sent}


def shown(figures: Mapping[str, Any]) -> str:
    """The table in Markdown: the first push, then the push after the removal of each photo."""
    rows, total = figures["rows"], figures["files"]
    first = [f"first push of {rows:,} rows in {figures['shards']} shards", megabytes(total)]
    lines = [[*first, megabytes(figures["chunks"]), megabytes(figures["sent"]), f"{figures['chunks'] / total:.1%}"]]
    for one in figures["removed"]:
        what = f"without photo {one['photo']}, {one['rows']} rows fewer"
        share = f"{one['chunks'] / total:.1%}"
        lines.append([what, *(megabytes(one[name]) for name in ("rewritten", "chunks", "sent")), share])
    head = ("push", "MB of changed files", "MB of new chunks", "MB sent", "share of the release")
    images = (
        f"If every row stored its own copy of each image, the images would take `{megabytes(figures['images'])}` MB."
    )
    return f"{table(head, lines)}\n{images}\n"


def pushed(paths: Sequence[Path], store: Path) -> Upload:
    """Upload these files to a store with the Hub's client, and return the size of the push. The store may already
    contain some of their chunks.
    """
    import hf_xet

    store.mkdir(parents=True, exist_ok=True)
    commit = hf_xet.XetSession().new_upload_commit(endpoint=f"local://{store}")
    for path in paths:
        commit.start_upload_file(str(path))
    found = commit.wait_to_finish().dedup_metrics
    return Upload(found.total_bytes, found.new_bytes, found.total_bytes_uploaded)


def files(folder: Path) -> list[Path]:
    """Files of a release, in a fixed order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def shown_bytes(release: Release) -> int:
    """Bytes of the images of all rows. An image is counted once for each row that shows it, although Parquet
    dictionaries store it only once.
    """
    total = 0
    for path in release.shards():
        with pq.ParquetFile(path) as shard:
            for batch in shard.iter_batches(columns=["images"], batch_size=16):
                total += batch.column("images").flatten().field("bytes").nbytes
    return total


def rewritten_bytes(release: Path, out: Path) -> int:
    """Total bytes of the shards in `out` that differ from the shards of the original release."""
    before = {shard["path"]: shard["sha256"] for shard in open_release(release).manifest["shards"]}
    shards = open_release(out).manifest["shards"]
    return sum(shard["bytes"] for shard in shards if before.get(shard["path"]) != shard["sha256"])


def photos(release: Release) -> list[int]:
    """IDs of the displayed photos."""
    return sorted({view["image_id"] for row in release.rows(["views"]) for view in row["views"]})


def megabytes(count: int) -> str:
    """Bytes as megabytes."""
    return f"{count / 1e6:.2f}"


if __name__ == "__main__":
    os.environ["HF_XET_LOG_LEVEL"] = "error"
    main()
