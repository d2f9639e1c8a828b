"""Croissant metadata describe the files and columns that there are, and say what a release knows of its making."""

import json
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from cgc_data.look.croissant import CONTEXT, croissant
from cgc_data.look.documents import published_documents
from cgc_data.release.read import open_release
from cgc_data.release.schema import FEATURES
from tests.tiny_release import write_tiny_release

SOURCE = {
    "key": "coco-0",
    "kind": "coco",
    "annotations": "/home/me/a.json",
    "images": "/home/me/x",
    "sha256": "ab" * 32,
}
# What Croissant's RAI vocabulary has, of which a release states these.
RESPONSIBLE = (
    *("dataCollection", "dataCollectionType", "dataCollectionRawData", "dataCollectionMissingData"),
    *("dataImputationProtocol", "dataPreprocessingProtocol", "dataAnnotationProtocol", "machineAnnotationTools"),
    *("annotatorDemographics", "dataUseCases", "dataSocialImpact", "dataBiases", "dataLimitations"),
    *("personalSensitiveInformation", "dataReleaseMaintenancePlan"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_release(tmp_path_factory.mktemp("release") / "tiny", rows=2, sources=[SOURCE])


@pytest.fixture
def described(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "croissant.json").read_text(encoding="utf-8")))


def fields(nodes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in nodes:
        yield node
        yield from fields(node.get("subField", []))


def test_every_configuration_names_its_files(described: dict[str, Any], folder: Path) -> None:
    shards = [shard["path"] for shard in open_release(folder).manifest["shards"]]
    matched = {
        files["@id"]: {path for path in shards if any(fnmatch(path, pattern) for pattern in files["includes"])}
        for files in described["distribution"]
    }
    assert matched["parquet-default"] == set(shards)
    assert matched["parquet-inter"] == {path for path in shards if path.startswith("inter/")}
    assert matched["parquet-inter"] | matched["parquet-intra"] == set(shards)


def test_every_column_is_a_field_with_a_source(described: dict[str, Any]) -> None:
    files = {node["@id"] for node in described["distribution"]}
    for records in described["recordSet"]:
        assert [field["@id"] for field in records["field"]] == [f"{records['@id']}/{name}" for name in FEATURES]
        found = list(fields(records["field"]))
        assert len({field["@id"] for field in found}) == len(found)
        for field in found:
            assert ("dataType" in field) != ("subField" in field)
            if source := field.get("source"):
                assert source["fileSet"]["@id"] in files
                assert source["extract"]["column"] == field["@id"].split("/")[1]
    images = next(f for f in described["recordSet"][0]["field"] if f["@id"] == "default/images")
    assert (images["dataType"], images["repeated"]) == ("sc:ImageObject", True)


def test_terms_are_those_of_the_context(described: dict[str, Any]) -> None:
    """A key that JSON-LD does not know would be dropped by whoever reads it."""
    plain = {"name", "description", "creator", "license", "keywords", "inLanguage", "url", "version", "distribution"}
    plain |= {"contentUrl", "encodingFormat", "sha256"}

    def keys(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from value
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for child in inner:
            yield from keys(child)

    used = {key for key in keys({k: v for k, v in described.items() if k != "@context"}) if key[0] != "@"}
    assert {key for key in used if key not in CONTEXT and not key.startswith("rai:")} <= plain
    assert {key.removeprefix("rai:") for key in used if key.startswith("rai:")} == set(RESPONSIBLE)


def test_it_says_what_the_release_knows(described: dict[str, Any], folder: Path) -> None:
    assert described["rai:dataCollectionRawData"] == f"a.json (COCO format, sha256 {'ab' * 32})"
    assert any("Photos show people" in text for text in described["rai:personalSensitiveInformation"])
    assert "http://creativecommons.org/licenses/by/2.0/" in described["license"]
    assert "The cgc-grounding contributors" in described["citeAs"]
    card = (folder / "README.md").read_text(encoding="utf-8")
    for key in ("dataBiases", "dataLimitations", "dataUseCases"):
        assert all(f"- {text}\n" in card for text in described[f"rai:{key}"])
    assert "/home/me" not in json.dumps(described)


def test_it_says_nothing_of_coco_about_other_photos(folder: Path) -> None:
    release = open_release(folder)
    stats = json.loads((folder / "stats.json").read_text(encoding="utf-8"))
    stats["photos"]["with_flickr_page"] = 0
    text = json.dumps(croissant(release.manifest, stats))
    assert "do not record whether photos show people" in text
    assert "Photos show people" not in text


def test_a_pushed_version_names_its_repository(folder: Path) -> None:
    described = json.loads(published_documents(open_release(folder), "org/tiny", "v1.2.0")["croissant.json"])
    assert described["version"] == "1.2.0"
    assert described["url"] == "https://huggingface.co/datasets/org/tiny"
    repository, *files = described["distribution"]
    assert repository["contentUrl"] == "https://huggingface.co/datasets/org/tiny/tree/v1.2.0"
    assert all(node["containedIn"] == {"@id": "repo"} for node in files)


def test_mlcroissant_reads_it(folder: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    found = mlcroissant.Dataset(str(folder / "croissant.json"))
    assert not found.metadata.ctx.issues.errors
    rows = list(found.records("inter"))
    assert len(rows) == 6
    assert rows[0]["inter/images"][0].size == (64, 48)
    assert {row["inter/id"].decode() for row in rows} == {
        row["id"] for row in open_release(folder).rows(contrast="inter")
    }
