"""The features written into Parquet files are those that `datasets` reads alike from 3.6 on.

`scripts/check_datasets_versions.py` reads with each version; here only the metadata is checked.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cgc_data.builder.remove import remove_photo
from cgc_data.export import FORMATS, export_release
from cgc_data.release.read import open_release
from cgc_data.release.schema import FLOAT64, IMAGE, INT32, STRING, list_of

KNOWN_TO_3_6 = {"Value", "Image", "Sequence"}


def faults(feature: Any, path: str = "") -> Iterator[str]:
    """Where a feature is one that datasets 3.6 does not know, or reads as something else."""
    if isinstance(feature, list):
        yield from faults(feature[0], f"{path}/0") if len(feature) == 1 else [f"{path}: not one kind of element"]
        return
    kind = feature.get("_type")
    if kind is None:
        for name, inner in feature.items():
            yield from faults(inner, f"{path}/{name}")
    elif kind not in KNOWN_TO_3_6:
        yield f"{path}: no {kind} before 4.0"
    elif kind == "Sequence":
        struct = isinstance(feature["feature"], dict) and "_type" not in feature["feature"]
        yield from [f"{path}: read as a struct of lists"] if struct else faults(feature["feature"], f"{path}/0")


@pytest.fixture(scope="module")
def written(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release, a later version of it, and every export."""
    folder = tmp_path_factory.mktemp("written")
    opened = open_release(release)
    remove_photo(release, next(opened.rows(["views"]))["views"][0]["image_id"], folder / "removed")
    for form in FORMATS:
        export_release(opened, folder / form, form)
    return folder


def test_all_that_is_written_is_read_by_3_6(release: Path, written: Path) -> None:
    described = 0
    for path in [*release.rglob("*.parquet"), *written.rglob("*.parquet")]:
        metadata = pq.read_schema(path).metadata or {}
        if b"huggingface" in metadata:
            described += 1
            assert not list(faults(json.loads(metadata[b"huggingface"])["info"]["features"])), path
    assert described >= 3 * len(open_release(release).shards()) // 2


@pytest.mark.parametrize(
    ("feature", "fault"),
    [
        ({"a": list_of(STRING), "b": list_of(IMAGE), "c": list_of({"d": list_of(INT32), "e": FLOAT64})}, ""),
        ({"a": {"_type": "List", "feature": STRING}}, "/a: no List before 4.0"),
        ({"a": [{"b": {"_type": "List", "feature": STRING}}]}, "/a/0/b: no List before 4.0"),
        ({"a": {"_type": "Sequence", "feature": {"b": STRING}}}, "/a: read as a struct of lists"),
    ],
)
def test_faults_are_found(feature: Any, fault: str) -> None:
    assert list(faults(feature)) == [fault] * bool(fault)


def test_installed_version_reads_lists_as_lists(release: Path) -> None:
    datasets = pytest.importorskip("datasets")
    shard = open_release(release).shards()[0]
    features = datasets.Features.from_arrow_schema(pq.read_schema(shard))
    assert features.arrow_schema.remove_metadata() == pq.read_schema(shard).remove_metadata()
