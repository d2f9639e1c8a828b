"""Measures how many bytes a release takes on the Hub, and how many bytes a push uploads again after a photo is removed.

Usage: python benchmarks/hub_bytes.py RELEASE [--photos 3] [--seed 0] The Hub stores files as content-defined chunks
(Xet), each chunk once. Here, the Hub's own client, hf_xet, uploads to a folder instead of a server. Therefore, chunks,
deduplication, and compression are the same as on the Hub. Deduplication against other repositories is not included.
Photos are drawn from those in the release. `cgc-data remove` removes each of them from the full release.
"""

import argparse
import os
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from cgc_data.builder.remove import remove_photo, rows_to_remove
from cgc_data.release.read import Release, open_release


@dataclass(frozen=True)
class Upload:
    """The bytes of one push: `total` bytes of its files, `new` bytes in chunks that the store did not have, and `sent`
    bytes after compression.
    """

    total: int
    new: int
    sent: int


def main() -> None:
    """Upload the release to a store, and then each version without a photo to a store that contains only the
    release.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release", type=Path)
    parser.add_argument("--photos", type=int, default=3, help="number of photos to remove, one at a time")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sampled photos")
    options = parser.parse_args()
    release = open_release(options.release)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        first = pushed(files(options.release), work / "stores" / "first")
        rows = release.manifest["counts"]["total"]
        print(f"{rows} rows, {len(release.manifest['shards'])} shards, {megabytes(first.total)}")
        print(f"all displayed images: {megabytes(shown_bytes(release))}")
        print(f"distinct chunks: {megabytes(first.new)}; sent: {megabytes(first.sent)}")
        shares = [
            print_removed(options.release, photo, work, rows)
            for photo in random.Random(options.seed).sample(photos(release), options.photos)
        ]
        print(
            f"bytes uploaded again after one photo is removed: {sum(shares) / len(shares):.1%} of the release on "
            "average"
        )


def print_removed(release: Path, photo: int, work: Path, rows: int) -> float:
    """Print how many bytes a push uploads after this photo is removed; returns their share of the release."""
    gone = rows_to_remove(open_release(release), photo, None)
    out = work / f"without-{photo}"
    remove_photo(release, photo, out)
    store = work / "stores" / str(photo)
    before = pushed(files(release), store)
    again = pushed(files(out), store)
    rewritten = rewritten_bytes(release, out)
    share = again.new / before.total
    print(
        f"without photo {photo}: {len(gone)} of {rows} rows removed, shards of {megabytes(rewritten)} rewritten, "
        f"{megabytes(again.new)} in new chunks ({share:.1%}), {megabytes(again.sent)} sent"
    )
    return share


def pushed(paths: Sequence[Path], store: Path) -> Upload:
    """Bytes of these files that the Hub's client sends to a store that may contain some of their chunks."""
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
    """Bytes of the images of all rows. An image counts each time that it is shown, but Parquet dictionaries store it
    once.
    """
    total = 0
    for path in release.shards():
        with pq.ParquetFile(path) as shard:
            for batch in shard.iter_batches(columns=["images"], batch_size=16):
                total += batch.column("images").flatten().field("bytes").nbytes
    return total


def rewritten_bytes(release: Path, out: Path) -> int:
    """Bytes of the shards in a new version that differ from the shards in the release."""
    before = {shard["path"]: shard["sha256"] for shard in open_release(release).manifest["shards"]}
    shards = open_release(out).manifest["shards"]
    return sum(shard["bytes"] for shard in shards if before.get(shard["path"]) != shard["sha256"])


def photos(release: Release) -> list[int]:
    """IDs of the displayed photos."""
    return sorted({view["image_id"] for row in release.rows(["views"]) for view in row["views"]})


def megabytes(count: int) -> str:
    """The sizes as text."""
    return f"{count / 1e6:.2f} MB"


if __name__ == "__main__":
    os.environ["HF_XET_LOG_LEVEL"] = "error"
    main()
