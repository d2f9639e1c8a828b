"""A valid release of a few rows, written without the builder: for tests of what happens to a release afterward.

Every row asks for one flat-colored rectangle in one of two drawn photos.
"""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from cgc_data.look import documents, release_stats
from cgc_data.release.read import open_release
from cgc_data.release.schema import SCHEMA_VERSION, SPLITS, Split, arrow_schema
from cgc_data.tasks import CONTRASTS

SIZE = (64, 48)  # width, height
COLOURS = ("red", "green", "blue", "orange", "purple", "black")
CC_BY = "http://creativecommons.org/licenses/by/2.0/"


def photo(colour: str | None) -> bytes:
    """JPEG of SIZE: a white page, with a rectangle of `colour` at x 16..32, y 12..24."""
    image = Image.new("RGB", SIZE, "white")
    if colour:
        ImageDraw.Draw(image).rectangle((16, 12, 31, 23), fill=colour)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _view(number: int, img_idx: int, contrast: str, license_url: str) -> dict[str, Any]:
    whole = contrast == "inter"
    image_id = 10 * number + (img_idx if whole else 3)
    return {
        "source": "coco-00000000",
        "image_id": image_id,
        "file_name": f"{image_id:012d}.jpg",
        "window": [0, 0, *SIZE] if whole else [10, 10, 10 + SIZE[0], 10 + SIZE[1]],
        "width": SIZE[0],
        "height": SIZE[1],
        "role": ("target", "distractor")[img_idx - 1] if whole else ("focus", "context")[img_idx - 1],
        "license": 4,
        "license_url": license_url,
        "flickr_url": "http://farm1.staticflickr.com/1/1_1_z.jpg",
        "changes": "none" if whole else "cropped",
        "parts": [_part(image_id, license_url)],
        "operations": [] if whole else cut_out([10, 10, 10 + SIZE[0], 10 + SIZE[1]], SIZE),
    }


def _part(image_id: int, license_url: str) -> dict[str, Any]:
    return {
        "source": "coco-00000000",
        "image_id": image_id,
        "file_name": f"{image_id:012d}.jpg",
        "license": 4,
        "license_url": license_url,
        "flickr_url": "http://farm1.staticflickr.com/1/1_1_z.jpg",
        "annotation_id": "",
        "transform": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        "mask": "",
    }


def cut_out(window: Sequence[int], size: Sequence[int], quality: int = 92) -> list[dict[str, Any]]:
    """Operations that cut a window (x1, y1, x2, y2) and show it at a size (width, height)."""
    steps = {"crop": window, "resize": size, "jpeg": [quality]}
    return [{"name": name, "values": [float(value) for value in values]} for name, values in steps.items()]


def row(contrast: str, split: str, number: int, license_url: str = CC_BY, embed: bool = True) -> dict[str, Any]:
    """One row of the release schema; the target is in image 1."""
    label, task = COLOURS[number % len(COLOURS)], "locate" if contrast == "inter" else "locate_all"
    photos = len(SPLITS) * number + SPLITS.index(cast(Split, split))
    question = f"Where is the {label} rectangle?"
    answer = [{"img_idx": 1, "bbox_2d": [250, 250, 500, 500], "label": label}]
    image = {"type": "image", "text": None}
    parts = [{"type": "text", "text": "Image 1: "}, image, {"type": "text", "text": "\nImage 2: "}, image]
    return {
        "id": hashlib.sha256(f"{contrast}/{split}/{number}".encode()).hexdigest()[:16],
        "images": [{"bytes": photo(label), "path": None}, {"bytes": photo(None), "path": None}] if embed else [],
        "question": question,
        "query": {"labels": [label], "img_idx": None, "ref_img_idx": None, "ref_bbox": None, "relation": ""},
        "answer_images": [1, 2],
        "reference_images": [],
        "prompt": [{"role": "user", "content": [*parts, {"type": "text", "text": "\n" + question}]}],
        "answer": json.dumps(answer),
        "objects": [
            {**answer[0], "bbox_px": [16.0, 12.0, 32.0, 24.0], "annotation_id": "coco-00000000:1", "visible": 1.0}
        ],
        "views": [_view(photos, i, contrast, license_url) for i in (1, 2)],
        "contrast": contrast,
        "task": task,
        "distractors": "decoupled" if contrast == "inter" else "views",
        "evidence": [{"img_idx": 2, "label": label, "source": "coco-00000000", "warrant": "exhaustive"}],
        "template_id": f"{task}/0",
        "tuple_id": f"{contrast}-{split}-{number}",
        "pair_id": "",
        "difficulty": 0.0,
        "split": split,
        "composite_license": "",
    }


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_manifest(folder: Path, **changes: Any) -> None:
    """Writes manifest.json for the content of `folder`; `changes` replace top-level keys."""
    rows = {p: pq.read_metadata(p).num_rows for p in sorted(folder.glob("int*/*.parquet"))}
    shards = [
        {
            "path": str(p.relative_to(folder)),
            "rows": n,
            "bytes": p.stat().st_size,
            "num_bytes": pq.read_table(p).nbytes,
            "sha256": sha256(p),
        }
        for p, n in rows.items()
    ]
    others = [p for p in sorted(folder.rglob("*")) if p.is_file() and p not in rows and p.name != "manifest.json"]
    by_split = {s: sum(n for p, n in rows.items() if p.name.startswith(s)) for s in SPLITS}
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "name": "tiny",
        "created_with": {},
        "sources": [],
        "config": {},
        "seed": 0,
        "counts": {"total": sum(by_split.values()), "by_split": by_split},
        "exclusions": {},
        "rejected": {},
        "shards": shards,
        "files": {str(p.relative_to(folder)): sha256(p) for p in others},
        "image_mode": "embed",
        "licenses": "permissive",
        "contradictions": {},
        **changes,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def write_tiny_release(
    folder: Path, rows: int = 4, *, license_urls: Mapping[str, str] | None = None, name: str = "tiny", **manifest: Any
) -> Path:
    """Writes a release of `rows` rows a shard, one shard for every contrast and split, and returns its folder.

    `license_urls` gives the license of each contrast's views (default CC BY); `manifest` replaces keys of the manifest,
    `image_mode="reference"` leaves the images out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    urls = dict.fromkeys(CONTRASTS, CC_BY) | dict(license_urls or {})
    embed = manifest.get("image_mode", "embed") == "embed"
    for contrast in CONTRASTS:
        (folder / contrast).mkdir(exist_ok=True)
        for split in SPLITS:
            content = [row(contrast, split, n, urls[contrast], embed) for n in range(rows)]
            table = pa.Table.from_pylist(content, schema=arrow_schema())
            pq.write_table(table, folder / contrast / f"{split}-00000-of-00001.parquet", compression="zstd")
    (folder / "assets").mkdir(exist_ok=True)
    Image.new("RGB", (8, 8), "grey").save(folder / "assets" / "tasks.png")
    columns = ("contrast", "task", "split", "label", "source", "annotation_id", "reason", "detail")
    rejected = pa.schema(
        [*((c, pa.string()) for c in columns[:5]), ("image_id", pa.int64()), *((c, pa.string()) for c in columns[5:])]
    )
    pq.write_table(rejected.empty_table(), folder / "rejected.parquet")
    write_manifest(folder, name=name, **manifest)
    release = open_release(folder)
    stats = release_stats(release.batches())
    (folder / "stats.json").write_text(json.dumps(stats))
    for document, text in documents(release.manifest, stats).items():
        (folder / document).write_text(text, encoding="utf-8")
    write_manifest(folder, name=name, **manifest)
    return folder
