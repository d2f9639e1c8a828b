"""Releases, prepared benchmarks, and copies of datasets from elsewhere cannot reach outside their folders."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cgc_bench import cli
from cgc_bench.contrast.items import read_items
from cgc_bench.contrast.prepare import prepare_release
from cgc_bench.errors import PrepareError
from cgc_bench.lmms import tasks
from cgc_bench.prepare import open_prepared, prepared_folder, settings
from cgc_bench.report.pages import MARK, write_page
from cgc_bench.transfer.prepare import prepare_transfer
from cgc_data.common.errors import CgcError, ReleaseError
from cgc_data.release.read import open_release
from tests.cgc_bench.official_files import mig_folder, prepare, zipped
from tests.cgc_bench.transfer_rows import repository
from tests.hostile import EDITS, HOSTILE_TEXTS, LINKS, edited, linked, snapshot, with_texts, world


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def score_command(release: Path, predictions: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    words = ["score", "contrast", "--annotations", release, "--predictions", predictions]
    monkeypatch.setattr("sys.argv", ["cgc-bench", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize("spoil", [*EDITS, *LINKS])
def test_a_release_that_leads_elsewhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], spoil: str
) -> None:
    release = world(tmp_path / "world")
    (tmp_path / "answers.jsonl").write_text(json.dumps({"index": "x", "response": "[]"}))
    (edited if spoil in EDITS else linked)(release, spoil)
    before = snapshot(tmp_path)
    with pytest.raises(CgcError, match="world"):
        prepare_release(str(release))
    assert score_command(release, tmp_path / "answers.jsonl", monkeypatch) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_texts_of_a_release_become_no_path(tmp_path: Path, cache: Path, name: str) -> None:
    release = with_texts(tmp_path / "world", name=HOSTILE_TEXTS[name])
    before = snapshot(tmp_path)
    ready = prepare_release(str(release))
    assert ready.folder.parent == cache / "bench" / "contrast"
    assert len(ready.indices("inter")) == 2
    assert open_prepared(ready.folder, elsewhere=True) == ready
    assert {path: found for path, found in snapshot(tmp_path).items() if not path.startswith(f"{cache}/")} == before


def test_a_revision_becomes_no_path(cache: Path) -> None:
    for revision in ("../../../victim", "refs/pr/1", "/victim"):
        assert prepared_folder("contrast", f"R@{revision}").parent == cache / "bench" / "contrast"
    assert prepared_folder("mig", "revised") == cache / "bench" / "mig" / "revised"


def test_a_release_may_be_named_by_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the card of a release names it: the folder that the command is run in."""
    release = world(tmp_path / "world")
    monkeypatch.chdir(release)
    monkeypatch.setenv("CGC_BENCH_RELEASE", ".")
    ready = prepare_release(*settings.release())
    monkeypatch.chdir(tmp_path)
    assert open_prepared(ready.folder, elsewhere=True) == ready
    assert read_items(ready.annotations).keys() == {
        row["id"] for row in open_release(release).rows(["id"], split="test")
    }


Edit = Callable[[dict[str, Any]], object]
MANIFESTS: dict[str, Edit] = {
    "annotations of the parent": lambda manifest: manifest.update(annotations="../../../../victim.json"),
    "absolute annotations": lambda manifest: manifest.update(annotations="{victim}"),
    "annotations with NUL": lambda manifest: manifest.update(annotations="annotations\0"),
    "task of the parent": lambda manifest: manifest.update(digests={"../../../../victim": "x"}),
    "absolute task": lambda manifest: manifest.update(digests={"{victim}": "x"}),
}


@pytest.mark.parametrize("edit", MANIFESTS)
def test_a_prepared_benchmark_is_held_to_its_folder(tmp_path: Path, edit: str) -> None:
    root, annotations = mig_folder(tmp_path)
    ready = prepare("mig", source=root, annotations=annotations)
    victim = tmp_path / "victim.json"
    victim.write_bytes(annotations.read_bytes())
    (tmp_path / "victim.parquet").write_bytes((ready.folder / f"{ready.tasks[0]}.parquet").read_bytes())
    manifest = json.loads((ready.folder / "manifest.json").read_text())
    MANIFESTS[edit](manifest)
    content = json.dumps(manifest).replace("{victim}", str(victim.with_suffix("" if "task" in edit else ".json")))
    (ready.folder / "manifest.json").write_text(content)
    before = snapshot(tmp_path)
    with pytest.raises(ReleaseError, match="does not stay inside"):
        _use(ready.folder)
    assert snapshot(tmp_path) == before


def _use(folder: Path) -> None:
    ready = open_prepared(folder)
    assert ready is not None
    ready.indices(ready.tasks[0])
    tasks.images({"cgc_folder": str(folder), "cgc_task": ready.tasks[0], "cgc_place": 0, "cgc_data_sha256": ""})


@pytest.mark.parametrize("name", ["../outside.parquet", "{outside}"])
def test_a_copy_of_a_data_set_is_held_to_its_folder(tmp_path: Path, name: str) -> None:
    source = repository(tmp_path, "mmstar")
    shard = next(source.rglob("*.parquet"))
    shard.rename(outside := source.parent / "outside.parquet")
    files = name.format(outside=outside)
    front = f"---\nconfigs:\n- config_name: val\n  data_files:\n  - split: val\n    path: {files}\n---\n"
    (source / "README.md").write_text(front)
    with pytest.raises(PrepareError, match="does not stay inside"):
        prepare_transfer("mmstar", source=source)


def test_archives_are_not_unpacked_outside(tmp_path: Path, cache: Path) -> None:
    root, annotations = mig_folder(tmp_path)
    archive = zipped(root, tmp_path / "mig.zip")
    with zipfile.ZipFile(archive, "a") as file:
        for name in ("../victim.jpg", "images/../../victim.jpg", "/victim.jpg"):
            file.writestr(name, b"x")
    before = snapshot(tmp_path)
    prepare("mig", source=archive, annotations=annotations)
    assert {path: found for path, found in snapshot(tmp_path).items() if not path.startswith(f"{cache}/")} == before


@pytest.mark.parametrize("link", ["images", "index.html", "report.md"])
def test_a_page_is_not_written_through_links(tmp_path: Path, link: str) -> None:
    folder = write_page(tmp_path / "page", {"index.html": MARK, "report.md": ""}, {"images/0.png": b"x"}).parent
    (folder / link).rename(tmp_path / "elsewhere")
    (folder / link).symlink_to(tmp_path / "elsewhere")
    before = snapshot(tmp_path)
    with pytest.raises(ReleaseError, match="link that leads outside"):
        write_page(folder, {"index.html": "", "report.md": "other"}, {"images/0.png": b"other"})
    assert snapshot(tmp_path) == before
