"""Turns rendered shards into a release: writes rejected.parquet, stats.json, plots, documents, and finally
manifest.json.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cgc_data.builder.shards import Receipt, write_atomically
from cgc_data.common.versions import library_versions
from cgc_data.config import BuildConfig
from cgc_data.index.build import Index
from cgc_data.look import documents, plot_assets, release_stats
from cgc_data.plan.askable import Rejection
from cgc_data.plan.build import Plan
from cgc_data.release.form import checked
from cgc_data.release.manifest import Contradictions, Manifest, SourceRecord
from cgc_data.release.schema import SCHEMA_VERSION
from cgc_data.release.stats import Stats
from cgc_data.sources.read import file_sha256

REJECTED_SCHEMA = pa.schema(
    [
        ("contrast", pa.string()),
        ("task", pa.string()),
        ("split", pa.string()),
        ("label", pa.string()),
        ("source", pa.string()),
        ("image_id", pa.int64()),
        ("annotation_id", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
    ]
)


@dataclass(frozen=True)
class Facts:
    """What the manifest reports about the sources, including how often two sources contradict each other."""

    sources: list[SourceRecord]
    contradictions: Contradictions
    names_kept_apart: int


def source_facts(index: Index, config: BuildConfig) -> Facts:
    """Collect what the manifest reports about the sources."""
    return Facts(
        sources=[_source(index, config, position) for position in range(len(config.sources))],
        contradictions={"compared": index.agreement.compared, "contradicted": index.agreement.contradicted},
        names_kept_apart=len(index.apart),
    )


def write_release(
    facts: Facts,
    config: BuildConfig,
    plan: Plan,
    receipts: dict[str, Receipt],
    out: Path,
    fingerprint: str,
) -> None:
    """Write everything except the shards. The manifest is written last."""
    rejections = [*plan.rejections, *(r for receipt in receipts.values() for r in receipt.rejected)]
    manifest: Manifest = {
        "schema_version": SCHEMA_VERSION,
        "name": config.name,
        "fingerprint": fingerprint,
        "created_with": library_versions(),
        "sources": facts.sources,
        "config": config.model_dump(mode="json"),
        "seed": config.seed,
        "exclusions": plan.exclusions,
        "contradictions": facts.contradictions,
        "names_kept_apart": facts.names_kept_apart,
        "rejected": dict(sorted(Counter(r.reason for r in rejections).items())),
        "image_mode": config.images,
        "licenses": config.licenses,
        "shards": [
            {
                "path": path,
                "rows": receipt.rows,
                "bytes": receipt.bytes,
                "num_bytes": receipt.num_bytes,
                "sha256": receipt.sha256,
            }
            for path, receipt in receipts.items()
            if receipt.rows
        ],
        "counts": {"total": 0},
        "files": {},
    }
    write_release_files(out, manifest, rejections)


def write_release_files(out: Path, manifest: Manifest, rejections: Sequence[Rejection] | pa.Table) -> None:
    """Write the list of rejected samples, the statistics, the plots, the documents, and finally the manifest.

    The statistics are computed from the shards. The counts of rows and the hashes of the other files are added to
    `manifest`.

    The commands in the dataset card refer to the local folder. `cgc-data push` writes the documents again, with
    commands for the Hub.
    """
    for part in out.glob("*.part"):  # left by a process that was killed while it wrote one of these files
        part.unlink()
    rejected = write_rejected(out / "rejected.parquet", rejections)
    stats = release_stats(_batches(out / shard["path"] for shard in manifest["shards"]))
    write_atomically(out / "stats.json", _json(stats))
    (out / "assets").mkdir(exist_ok=True)
    plots = plot_assets(stats, out / "assets")
    manifest["counts"] = {
        "total": stats["total"],
        "by_split": stats["by_split"],
        "by_task": stats["by_task"],
        "by_category": {label: counts["rows"] for label, counts in stats["by_label"].items()},
        "by_num_images": stats["by_num_images"],
    }
    files = [out / "stats.json", rejected, *plots]
    manifest["files"] = {str(path.relative_to(out)): file_sha256(path) for path in files}
    for name, text in documents(manifest, stats).items():
        write_atomically(out / name, text)
        manifest["files"][name] = hashlib.sha256(text.encode()).hexdigest()
    write_atomically(out / "manifest.json", _json(manifest))


def _source(index: Index, config: BuildConfig, position: int) -> SourceRecord:
    source, table = config.sources[position], index.tables[position]
    return {
        "key": table.key,
        "kind": table.kind,
        "annotations": source.annotations,
        "images": source.images,
        "sha256": table.sha256,
        "bytes": table.num_bytes,
        "exhaustive": source.exhaustive,
        "bbox_format": source.bbox_format or "xywh",
        "orientation": source.orientation or "as_stored",
        "ignore": list(source.ignore),
        "boxes_past_border": index.leaving[position].boxes,
        "split": source.split,
        "num_images": table.images.num_rows,
        "num_annotations": table.annotations.num_rows,
    }


def write_rejected(path: Path, rejections: Sequence[Rejection] | pa.Table) -> Path:
    """Write the sorted list of rejected samples and return its path."""
    if not isinstance(rejections, pa.Table):
        rows = sorted((asdict(r) for r in rejections), key=lambda row: [str(value) for value in row.values()])
        rejections = pa.Table.from_pylist(rows, schema=REJECTED_SCHEMA)
    pq.write_table(rejections, path, compression="zstd")
    return path


def _batches(paths: Iterable[Path]) -> Iterable[pa.RecordBatch]:
    for path in paths:
        shard = pq.ParquetFile(path)
        names = [name for name in shard.schema_arrow.names if name != "images"]
        yield from (checked(batch, path) for batch in shard.iter_batches(columns=names))


def _json(value: Manifest | Stats) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
