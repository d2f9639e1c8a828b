"""Exports: each format as its trainer's reader takes it, and the refusals."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from cgc_data.cli.export import export
from cgc_data.common.errors import ExportError
from cgc_data.export import FORMATS, export_release
from cgc_data.release.read import Release, open_release
from tests.tiny_release import photo, write_tiny_release

ROWS = 3


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return open_release(write_tiny_release(tmp_path_factory.mktemp("release") / "tiny", rows=ROWS))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("form", FORMATS)
def test_every_split_is_written_once(release: Release, tmp_path: Path, form: Any) -> None:
    files = export_release(release, tmp_path / "out", form)
    assert {path.stem for path in files if path.stem != "dataset_info"} == {"train", "validation", "test"}
    assert all(path.is_file() for path in files)
    assert not list((tmp_path / "out").glob("*.partial"))


def test_swift(release: Release, tmp_path: Path) -> None:
    train, *_ = export_release(release, tmp_path / "out", "swift")
    first = lines(train)[0]
    assert [message["role"] for message in first["messages"]] == ["user"]
    assert first["messages"][0]["content"].startswith("Image 1: <image>\nImage 2: <image>\nWhere is")
    assert "<think>" in first["messages"][0]["content"]
    assert json.loads(first["solution"])[0]["img_idx"] == 1
    assert all(Path(image).is_absolute() and Path(image).is_file() for image in first["images"])


def test_images_are_stored_once(release: Release, tmp_path: Path) -> None:
    export_release(release, tmp_path / "out", "easyr1")
    distinct = {image["bytes"] for row in release.rows(["id"], images=True) for image in row["images"]}
    assert len(list((tmp_path / "out" / "images").iterdir())) == len(distinct)


def test_easyr1(release: Release, tmp_path: Path) -> None:
    train, *_ = export_release(release, tmp_path / "out", "easyr1")
    found = lines(train)
    for row in found:
        assert row["problem"].count("<image>") == len(row["images"]) == row["num_images"]
        assert all((tmp_path / "out" / image).is_file() for image in row["images"])
    assert len({tuple(row) for row in found}) == 1, "JSON readers infer one set of columns"


def test_llamafactory(release: Release, tmp_path: Path) -> None:
    *files, info = export_release(release, tmp_path / "out", "llamafactory")
    described = json.loads(info.read_text())
    assert {entry["file_name"] for entry in described.values()} == {path.name for path in files}
    entry = described["cgc_train"]
    row = lines(tmp_path / "out" / entry["file_name"])[0]
    user, assistant = row[entry["columns"]["messages"]]
    assert user[entry["tags"]["role_tag"]] == entry["tags"]["user_tag"]
    assert assistant["content"].startswith("<answer>[{")
    assert "<think>" not in user["content"]
    assert user["content"].count("<image>") == len(row[entry["columns"]["images"]])


def test_verl_loads_images(release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    train, *_ = export_release(release, tmp_path / "out", "verl")
    loaded = datasets.Dataset.from_parquet(str(train), cache_dir=str(tmp_path / "cache"))
    assert len(loaded) == 2 * ROWS
    assert [image.size for image in loaded[0]["images"]] == [(64, 48)] * 2
    assert loaded[0]["prompt"][0]["content"].count("<image>") == 2
    assert loaded[0]["reward_model"] == {"style": "rule", "ground_truth": loaded[0]["extra_info"]["answer"]}
    assert [row["index"] for row in loaded["extra_info"]] == list(range(2 * ROWS))


def test_one_contrast(release: Release, tmp_path: Path) -> None:
    train, *_ = export_release(release, tmp_path / "out", "verl", contrast="intra")
    facts = pq.read_table(train, columns=["extra_info"])["extra_info"].to_pylist()
    assert [row["contrast"] for row in facts] == ["intra"] * ROWS


@pytest.mark.parametrize(("instruction", "tags"), [("think", 2), ("answer", 1), ("none", 0)])
def test_instruction(release: Release, tmp_path: Path, instruction: Any, tags: int) -> None:
    train, *_ = export_release(release, tmp_path / "out", "swift", instruction=instruction)
    prompt = lines(train)[0]["messages"][0]["content"]
    assert ("<think>" in prompt) + ("<answer>" in prompt) == tags


def test_reference_release_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_release(tmp_path / "tiny", rows=1, image_mode="reference")
    with pytest.raises(ExportError, match=r"stores no images.*with --images"):
        export_release(open_release(folder), tmp_path / "out", "swift")
    assert not (tmp_path / "out").exists()


def test_reference_release_with_its_photos(tmp_path: Path) -> None:
    source = {"key": "coco-00000000", "kind": "coco", "annotations": "a.json", "images": "moved", "sha256": ""}
    changes: Any = {"sources": [source], "config": {"intra": {"jpeg_quality": 92}}}
    release = open_release(write_tiny_release(tmp_path / "tiny", rows=1, image_mode="reference", **changes))
    (tmp_path / "photos").mkdir()
    for view in (view for row in release.rows(contrast="inter") for view in row["views"]):
        (tmp_path / "photos" / view["file_name"]).write_bytes(photo("red"))
    train, *_ = export_release(release, tmp_path / "out", "easyr1", contrast="inter", photos=tmp_path / "photos")
    (image, _) = lines(train)[0]["images"]
    assert (tmp_path / "out" / image).read_bytes() == photo("red")


def test_folder_in_use_is_refused(release: Release, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ExportError, match="not an empty folder"):
        export_release(release, tmp_path, "swift")


def test_folder_that_cannot_be_made_is_refused(release: Release, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="--to"):
        export_release(release, tmp_path / "file" / "out", "swift")


def test_imitation_has_no_thoughts_to_imitate(release: Release, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="--instruction answer"):
        export_release(release, tmp_path / "out", "llamafactory", instruction="think")


def test_command(release: Release, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = CliRunner().invoke(export, [str(release.folder), "--format", "easyr1", "--to", str(out)])
    assert result.exit_code == 0, result.output
    assert result.output.split() == [str(out / f"{split}.jsonl") for split in ("train", "validation", "test")]
