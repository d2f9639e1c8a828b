"""The card: YAML that `datasets` reads, prose that follows the manifest, and nothing of the author's disk."""

import copy
import re
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest
import yaml
from huggingface_hub import DatasetCard

from cgc_data.look.card import license_name, render_card, render_license
from cgc_data.look.metadata import release_digest
from cgc_data.look.stats import release_stats
from cgc_data.release.paths import without_paths
from cgc_data.release.read import Release, open_release
from cgc_data.release.schema import arrow_schema
from cgc_data.tasks import PLANNED
from tests.tiny_release import write_tiny_release

CONFIG = {
    "name": "tiny",
    "sources": [{"kind": "coco", "annotations": "/home/me/coco/a.json", "images": "C:\\photos\\train2017"}],
    "exclude": ["/home/me/mig.json", "~/ids.txt"],
    "images": "embed",
    "samples": 24,
}
SOURCE = {"key": "coco-00000000", "kind": "coco", "annotations": "/home/me/coco/a.json", "images": "/home/me/x.zip"}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("release") / "tiny"
    return open_release(write_tiny_release(folder, config=CONFIG, sources=[{**SOURCE, "sha256": "ab" * 32}]))


@pytest.fixture
def manifest(release: Release) -> dict[str, Any]:
    return copy.deepcopy(release.manifest)


@pytest.fixture(scope="module")
def stats(release: Release) -> dict[str, Any]:
    return release_stats(release.batches())


def front(card: str) -> dict[str, Any]:
    return dict(DatasetCard(card).data.to_dict())


def test_front_matter(manifest: dict[str, Any], stats: dict[str, Any]) -> None:
    data = front(render_card(manifest, stats, repo_id="org/tiny"))
    assert (data["license"], data["pretty_name"], data["size_categories"]) == ("other", "tiny", ["n<1K"])
    assert data["license_link"] == "LICENSE.md"
    assert "arxiv:2604.22498" in data["tags"]
    assert [config["config_name"] for config in data["configs"]] == ["default", "inter", "intra"]
    assert data["configs"][0]["data_files"][0] == {
        "split": "train",
        "path": ["inter/train-*.parquet", "intra/train-*.parquet"],
    }
    assert {config["description"] for config in data["configs"]} == {f"release sha256:{release_digest(manifest)}"}


def test_dataset_info_is_what_datasets_writes(manifest: dict[str, Any], stats: dict[str, Any]) -> None:
    info = {entry["config_name"]: entry for entry in front(render_card(manifest, stats))["dataset_info"]}
    features = datasets.Features.from_arrow_schema(arrow_schema())
    assert all(entry["features"] == features._to_yaml_list() for entry in info.values())
    assert [split["name"] for split in info["inter"]["splits"]] == ["train", "validation", "test"]
    shards = {shard["path"]: shard for shard in manifest["shards"] if shard["path"].startswith("inter")}
    for split in info["inter"]["splits"]:
        (shard,) = (found for path, found in shards.items() if f"/{split['name']}-" in path)
        assert (split["num_examples"], split["num_bytes"]) == (shard["rows"], shard["num_bytes"])
    assert info["inter"]["download_size"] == sum(shard["bytes"] for shard in shards.values())
    assert info["default"]["dataset_size"] == sum(shard["num_bytes"] for shard in manifest["shards"])


def test_bytes_are_counted_as_datasets_counts_them(
    release: Release, manifest: dict[str, Any], stats: dict[str, Any], tmp_path: Path
) -> None:
    (info, *_) = front(render_card(manifest, stats))["dataset_info"]
    loaded = datasets.load_dataset(str(release.folder), "default", cache_dir=str(tmp_path))
    for split in info["splits"]:
        assert loaded[split["name"]].data.nbytes == pytest.approx(split["num_bytes"], rel=0.01)


def test_an_earlier_release_states_no_bytes(manifest: dict[str, Any], stats: dict[str, Any]) -> None:
    del next(shard for shard in manifest["shards"] if shard["path"].startswith("inter/train"))["num_bytes"]
    default, *others = front(render_card(manifest, stats))["dataset_info"]
    assert "dataset_size" not in default
    assert "num_bytes" not in default["splits"][0]
    assert "dataset_size" in others[-1]


def test_only_what_exists_is_declared(manifest: dict[str, Any], stats: dict[str, Any]) -> None:
    manifest["shards"] = [s for s in manifest["shards"] if s["path"].startswith("inter/t")]
    configs = front(render_card(manifest, stats))["configs"]
    assert [config["config_name"] for config in configs] == ["default", "inter"]
    assert [files["split"] for files in configs[1]["data_files"]] == ["train", "test"]


def test_new_content_gives_a_new_digest(manifest: dict[str, Any]) -> None:
    before = release_digest(manifest)
    manifest["shards"][0]["sha256"] = "0" * 64
    assert release_digest(manifest) != before


def test_load_dataset_reads_what_the_card_declares(
    release: Release, stats: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (release.folder / "README.md").write_text(render_card(release.manifest, stats))
    for name, rows in (("inter", 4), ("default", 8)):
        loaded = datasets.load_dataset(str(release.folder), name, split="test", cache_dir=str(tmp_path))
        assert len(loaded) == rows
        assert loaded[0]["images"][0].size == (64, 48)


def test_no_path_of_the_author_is_shown(manifest: dict[str, Any], stats: dict[str, Any]) -> None:
    card = render_card(manifest, stats)
    assert not re.search(r"/home/me|~/|C:\\|/work", card)
    shown = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", card, re.DOTALL)[-1])
    assert shown == {
        **CONFIG,
        "sources": [{"kind": "coco", "annotations": "a.json", "images": "train2017"}],
        "exclude": ["mig.json", "ids.txt"],
    }


def test_paths_in_nested_values() -> None:
    assert without_paths({"a": ["/x/y.json", "plain", 3, None]}) == {"a": ["y.json", "plain", 3, None]}


@pytest.mark.parametrize(
    ("change", "present", "missing"),
    [
        ({}, 'load_dataset("org/tiny", "inter"', "load_reference("),
        ({"image_mode": "reference"}, "load_reference(", "load_dataset("),
        ({"licenses": "permissive"}, "whose license allows publishing", "noncommercial use only"),
        ({"licenses": "noncommercial"}, "noncommercial use only", "whose license allows publishing"),
        ({"licenses": "all"}, "photos under any license", "do not publish this release"),
        ({"contradictions": {"compared": 200, "contradicted": 3}}, "**1.5 %**", "no two sources make statements"),
        ({"contradictions": {}}, "no two sources make statements", "**1.5 %**"),
        ({"rejected": {"mask | box": 7}}, "| mask &#124; box | 7 |", "None."),
        (
            {"exclusions": {"files": ["/x/mig.json"], "listed": 12}},
            "12 photos of the sources that are listed in `mig.json`",
            "No benchmark images",
        ),
        ({"exclusions": {}}, "No benchmark images were excluded", "Excluded from every split"),
        ({}, "`cgc-data validate` measures", "restores"),
        ({"removed": [{"image_id": 139}]}, "**1 photo was removed", "photos were removed"),
        ({"removed": [{"image_id": 1}, {"image_id": 2}]}, "`cgc-data remove` for each", "photo was removed"),
    ],
)
def test_prose_follows_the_manifest(
    manifest: dict[str, Any], stats: dict[str, Any], change: dict[str, Any], present: str, missing: str
) -> None:
    card = render_card({**manifest, **change}, stats, repo_id="org/tiny")
    assert present in card
    assert missing not in card


@pytest.mark.parametrize(("contrast", "other"), [("inter", "intra"), ("intra", "inter")])
def test_a_card_tells_of_its_own_contrasts_alone(
    release: Release, manifest: dict[str, Any], contrast: str, other: str
) -> None:
    manifest["shards"] = [s for s in manifest["shards"] if s["path"].startswith(contrast)]
    manifest["config"] = {"tasks": {task: float(task.startswith(f"{contrast}/")) for task in PLANNED}}
    rows = [row for row in release.rows() if row["contrast"] == contrast]
    stats = release_stats([pa.Table.from_pylist(rows, schema=arrow_schema())])
    card = re.sub(r"```yaml.*?```", "", render_card(manifest, stats), flags=re.DOTALL)  # the settings name all tasks
    assert f"**{contrast}**" in card
    assert not re.search(rf"\b{other}\b", card, re.IGNORECASE)
    words = {
        "intra": r"same_object|outside_window|\bwindows\b|Focus View",
        "inter": r"decoupled|distractor only|set of photos",
    }
    assert not re.search(words[other], card)
    assert re.search(words[contrast], card)


def test_flickr_is_named_only_where_photos_are_from_there(manifest: dict[str, Any], stats: dict[str, Any]) -> None:
    assert "Photos show people" in render_card(manifest, stats)
    card = render_card(manifest, custom(stats))
    assert "Photos show people" not in card
    assert "coco" not in front(card)["tags"]


def custom(stats: dict[str, Any]) -> dict[str, Any]:
    """Statistics of the same rows about photos that are not COCO's."""
    return {**stats, "photos": {**stats["photos"], "with_flickr_page": 0}}


def test_a_card_of_custom_data_does_not_explain_coco_and_lvis(manifest: dict[str, Any], stats: dict[str, Any]) -> None:
    shown = re.sub(r"^```yaml.*?^```$", "", render_card(manifest, custom(stats)), flags=re.DOTALL | re.MULTILINE)
    text = "\n".join(line for line in shown.splitlines() if not line.startswith("| `coco-"))
    assert not re.search(r"COCO|LVIS|Flickr(?! page)", text)
    assert "COCO" in render_card(manifest, stats)
    assert "gupta2019lvis" not in render_card(manifest, stats), "none of its sources is of LVIS"
    manifest["sources"].append({**manifest["sources"][0], "kind": "lvis"})
    assert "gupta2019lvis" in render_card(manifest, stats)


def test_the_release_is_cited_as_this_projects_and_the_paper_apart(
    manifest: dict[str, Any], stats: dict[str, Any]
) -> None:
    manifest["name"] = "100% {mine}\n"
    card = render_card(manifest, stats, repo_id="org/tiny", tag="v1.0.0")
    release, paper, *_ = re.findall(r"```bibtex\n(.*?)```", card, re.DOTALL)
    assert "author       = {{The cgc-grounding contributors}}" in release
    assert "title        = {100 mine}" in release
    assert r"\url{https://huggingface.co/datasets/org/tiny}" in release
    assert "version      = {v1.0.0}" in release
    assert "Zheng" not in release
    assert paper.startswith("@article{zheng2026cgc")
    assert "by other authors" in card


def test_the_license_file_says_what_the_card_says(manifest: dict[str, Any], stats: dict[str, Any]) -> None:
    text = render_license(manifest, stats)
    assert "CC BY 2.0" in text
    section = text.split("\n\n", 2)[2].strip()
    assert section in render_card(manifest, stats)


def test_photos_that_may_not_be_published_are_called_out(manifest: dict[str, Any], stats: dict[str, Any]) -> None:
    url = "http://creativecommons.org/licenses/by-nc-nd/2.0/"
    nc = {**stats, "licenses": [*stats["licenses"], {"license": 3, "url": url, "photos": 1, "views": 1}]}
    card = render_card({**manifest, "licenses": "all"}, nc)
    assert "do not publish this release" in card
    assert "CC BY-NC-ND 2.0" in card


def test_text_of_the_sources_cannot_become_markup(manifest: dict[str, Any], stats: dict[str, Any]) -> None:
    manifest["sources"][0]["annotations"] = "<script>[x](y)|.json"
    card = render_card(manifest, stats)
    assert "<script>" not in card.split("```yaml")[0]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://creativecommons.org/licenses/by/2.0/", "CC BY 2.0"),
        ("https://creativecommons.org/licenses/by-sa/4.0", "CC BY-SA 4.0"),
        ("http://flickr.com/commons/usage/", "No known copyright restrictions (Flickr Commons)"),
        ("http://www.usa.gov/copyright.shtml", "Work of the United States government"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0"),
        ("https://example.org/terms", "https://example.org/terms"),
        ("", "not stated by the source"),
    ],
)
def test_license_names(url: str, name: str) -> None:
    assert license_name(url) == name


def test_same_inputs_same_card(manifest: dict[str, Any], stats: dict[str, Any]) -> None:
    assert render_card(manifest, stats) == render_card(copy.deepcopy(manifest), stats)
