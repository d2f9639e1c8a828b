"""Checks the files of a release against its manifest: hashes, sizes, counts, and shards that the manifest does not
list.

Also checks that every shard has the row schema, and that every row is in the right shard.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cgc_data.release.inside import inside
from cgc_data.release.manifest import Counts, Manifest, Shard
from cgc_data.release.schema import arrow_schema
from cgc_data.validate.report import Ledger
from cgc_data.validate.samples import Sample

CHECKS = {
    "hashes": "every listed file exists, with the sha256 and size that the manifest states",
    "unlisted files": "the manifest lists every shard of the release",
    "schema": "every shard has the columns, types, and Hugging Face features of the row schema",
    "right shard": "every row is in the shard of its contrast and split",
    "counts": "the manifest's counts are correct",
}


def sha256(path: Path) -> str:
    """The sha256 digest of a file. The file is read in chunks, so it can be larger than memory."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def check_files(release: Path, manifest: Manifest, ledger: Ledger) -> list[str]:
    """Check the files against the manifest. Returns the names of the readable shards that have the schema's columns."""
    listed = {shard["path"]: shard for shard in manifest["shards"]}
    expected = {name: shard["sha256"] for name, shard in listed.items()} | manifest["files"]
    for name, digest in expected.items():
        path = inside(release, name)
        fault = "is missing" if not path.is_file() else "" if sha256(path) == digest else "does not match the manifest"
        if not fault and name in listed and path.stat().st_size != listed[name]["bytes"]:
            fault = "does not have the size that the manifest states"
        ledger.require(not fault, "hashes", name, f"{name} {fault}")
    for path in sorted(release.rglob("*.parquet")):
        name = path.relative_to(release).as_posix()
        ledger.require(name in expected, "unlisted files", name, f"{name} is not in the manifest")
    return [name for name, shard in listed.items() if _readable(inside(release, name), name, shard, ledger)]


def _readable(path: Path, name: str, shard: Shard, ledger: Ledger) -> bool:
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        ledger.breach("schema", name, f"{name} is not readable as Parquet ({error})")
        return False
    with file:
        expected, found = arrow_schema(), file.schema_arrow
        same = found.equals(expected, check_metadata=False)
        features = _features(found) == _features(expected)
        ledger.require(same, "schema", name, f"{name}: {_difference(found, expected)}")
        ledger.require(features, "schema", name, f"{name}: its Hugging Face features are not those of the schema")
        rows = file.metadata.num_rows
    ledger.require(rows == shard["rows"], "counts", name, f"{name}: {rows} rows, the manifest states {shard['rows']}")
    return bool(same)


def _features(schema: pa.Schema) -> object:
    stored = (schema.metadata or {}).get(b"huggingface", b"{}")
    return json.loads(stored).get("info", {}).get("features")


def _difference(found: pa.Schema, expected: pa.Schema) -> str:
    missing = [name for name in expected.names if name not in found.names]
    if missing:
        return f"has no column {missing[0]!r}"
    other = [name for name in expected.names if found.field(name).type != expected.field(name).type]
    return f"column {other[0]!r} has the wrong type" if other else "the file has columns that are not in the schema"


class CountCheck:
    """Counts rows by split, task, category, and number of images, and compares the counts with the manifest."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._counts: dict[str, Counter[str]] = {
            key: Counter() for key in ("by_split", "by_task", "by_category", "by_num_images")
        }
        self._total = 0

    def add(self, sample: Sample) -> None:
        """Count a row, and check that it is in the right shard."""
        self._total += 1
        self._counts["by_split"][sample.split] += 1
        self._counts["by_task"][f"{sample.contrast}/{sample.task}"] += 1
        self._counts["by_category"].update(set(sample.labels))
        self._counts["by_num_images"][f"{sample.contrast}/{len(sample.views)}"] += 1
        place = f"{sample.contrast}/{sample.split}-"
        message = f"a row of {place[:-1]} is in {sample.shard}"
        self._ledger.require(sample.shard.startswith(place), "right shard", sample.id, message)

    @property
    def state(self) -> dict[str, Counter[str]]:
        """The counts so far, in the form that `merge` accepts."""
        return self._counts

    def merge(self, state: Mapping[str, Counter[str]]) -> None:
        """Add the counts from other rows."""
        self._total += state["by_split"].total()
        for key, counts in state.items():
            self._counts[key].update(counts)

    def finish(self, counts: Counts) -> None:
        """Compare the counts with the manifest."""
        message = f"{self._total} rows, the manifest states {counts.get('total')}"
        self._ledger.require(counts.get("total") == self._total, "counts", "manifest.json", message)
        stated = {key: _flat(value) for key, value in counts.items() if isinstance(value, Mapping)}
        for key, found in self._counts.items():
            said = stated.get(key, {})
            wrong = sorted(name for name in {*said, *found} if said.get(name, 0) != found[name])
            message = f"{key}: {', '.join(wrong[:3])} differ from the actual counts"
            self._ledger.require(not wrong, "counts", "manifest.json", message)


def _flat(counts: Mapping[str, object], prefix: str = "") -> dict[str, int]:
    """Nested counts, flattened. Keys are joined by slashes."""
    found: dict[str, int] = {}
    for key, value in counts.items():
        found |= _flat(value, f"{prefix}{key}/") if isinstance(value, Mapping) else {f"{prefix}{key}": int(str(value))}
    return found
