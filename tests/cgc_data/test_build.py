"""The main job on painted scenes: read anywhere, the same bytes always, and nothing that looks finished but is not."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from cgc_data import load_reference, open_release
from cgc_data.builder import planning
from cgc_data.builder import release as builder
from cgc_data.builder.finishing import Built
from cgc_data.builder.planning import plan_only
from cgc_data.builder.release import build_release
from cgc_data.builder.rendering import shard_tasks
from cgc_data.common.errors import BuildError, CgcError, ReleaseError, SourceError
from cgc_data.common.processes import Processes
from cgc_data.config import BuildConfig
from cgc_data.images import decode_photo
from cgc_data.sources.photo_folders import FolderPhotos
from tests.cgc_data.reading import read_without_package
from tests.hostile import snapshot

Row = dict[str, Any]


RENDERING, FINISHING = "cgc_data.release.render.Renderer.view", "cgc_data.builder.finishing.write_release"


class Stopped(Exception):
    """What a test raises to interrupt a build."""


def change(config: BuildConfig, **changes: Any) -> BuildConfig:
    return BuildConfig.model_validate({**config.model_dump(), **changes})


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every file of a release but those of work in progress."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and ".build" not in path.parts)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def interrupted(config: BuildConfig, out: Path, where: str) -> None:
    """A build that is interrupted where it first calls this function."""

    def stop(*_: Any, **__: Any) -> Any:
        raise Stopped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, stop)
        with pytest.raises(Stopped):
            build_release(config, out)


@pytest.fixture
def small(painted_config: BuildConfig) -> BuildConfig:
    """A build of a second or two."""
    return change(painted_config, samples=40, shard_rows=10)


@pytest.fixture
def own_photos(tmp_path: Path, small: BuildConfig) -> BuildConfig:
    """The small build, from photos that a test may spoil."""
    folder = tmp_path / "photos"
    shutil.copytree(small.sources[0].images, folder)
    return change(small, sources=[{**s.model_dump(), "images": str(folder)} for s in small.sources])


def photo_files(release: Path) -> dict[str, int]:
    """File names of the photos that rows show, with the number of rows."""
    found: dict[str, int] = defaultdict(int)
    for row in open_release(release).rows(["views"]):
        for name in {view["file_name"] for view in row["views"]}:
            found[name] += 1
    return found


# -- what it gives


def test_it_is_read_by_load_dataset_without_this_package(release: Path, tmp_path: Path) -> None:
    found = read_without_package(release, tmp_path)
    counts = open_release(release).manifest["counts"]
    assert set(found) == {"inter", "intra", "default"}
    by_split = {split: n for split, n in counts["by_split"].items() if n}
    assert {split: facts["rows"] for split, facts in found["default"].items()} == by_split
    for contrast in ("inter", "intra"):
        asked = sum(n for task, n in counts["by_task"].items() if task.startswith(contrast))
        assert sum(facts["rows"] for facts in found[contrast].values()) == asked
        for facts in found[contrast].values():
            assert facts["contrasts"] == [contrast]
            assert facts["modes"] == ["RGB"]
            assert facts["sizes_as_in_views"]


def test_the_manifest_is_true(release: Path, painted_config: BuildConfig) -> None:
    manifest = open_release(release).manifest
    found = digests(release)
    listed = {shard["path"]: shard["sha256"] for shard in manifest["shards"]} | manifest["files"]
    assert {name: sha for name, sha in found.items() if name != "manifest.json"} == listed
    for shard in manifest["shards"]:
        assert pq.read_metadata(release / shard["path"]).num_rows == shard["rows"]
        assert (release / shard["path"]).stat().st_size == shard["bytes"]
    assert sum(shard["rows"] for shard in manifest["shards"]) == manifest["counts"]["total"]
    assert BuildConfig.model_validate(manifest["config"]) == painted_config
    assert [source["split"] for source in manifest["sources"]] == [s.split for s in painted_config.sources]


def test_the_manifest_is_written_last_and_no_work_is_left(release: Path) -> None:
    times = {path.name: path.stat().st_mtime_ns for path in release.rglob("*") if path.is_file()}
    assert times["manifest.json"] == max(times.values())
    assert not (release / ".build").exists()
    assert not list(release.rglob("*.part"))


def test_whole_photos_are_the_bytes_of_their_files(release: Path, painted_config: BuildConfig) -> None:
    """Save where the orientation tag, which readers would follow, is set to 1."""
    files = {path.name: path.read_bytes() for path in Path(painted_config.sources[0].images).rglob("*.jpg")}
    seen = set()
    for row in open_release(release).rows(["images", "views"], contrast="inter", images=True):
        for image, view in zip(row["images"], row["views"], strict=True):
            original = files[Path(view["file_name"]).name]
            seen.add(view["changes"])
            assert (image["bytes"] == original) == (view["changes"] == "none")
            assert np.array_equal(decode_photo(image["bytes"]), decode_photo(original))
    assert "none" in seen


def test_the_card_names_the_configs_and_its_plots_exist(release: Path) -> None:
    card = (release / "README.md").read_text(encoding="utf-8")
    head = yaml.safe_load(card.split("---\n")[1])
    assert {config["config_name"] for config in head["configs"]} == {"default", "inter", "intra"}
    for plot in (release / "assets").iterdir():
        assert f"assets/{plot.name}" in card


# -- the same bytes


def test_two_workers_give_the_same_bytes(release: Path, painted_config: BuildConfig, tmp_path: Path) -> None:
    build_release(painted_config, tmp_path / "release", executor=Processes(2))
    assert digests(tmp_path / "release") == digests(release)


def test_photos_are_read_from_a_zip_in_place(small: BuildConfig, tmp_path: Path) -> None:
    build_release(small, tmp_path / "folder")
    images = Path(small.sources[0].images)
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for path in sorted(images.rglob("*.jpg")):
            archive.write(path, path.relative_to(images))
    sources = [{**s.model_dump(), "images": str(tmp_path / "images.zip")} for s in small.sources]
    build_release(change(small, sources=sources), tmp_path / "zip", executor=Processes(2))
    first, second = (digests(tmp_path / name) for name in ("folder", "zip"))
    assert {k: v for k, v in first.items() if k.endswith("parquet")} == {
        k: v for k, v in second.items() if k.endswith("parquet")
    }


def test_a_finished_build_is_recognised_and_left_as_it_is(small: BuildConfig, tmp_path: Path) -> None:
    first = build_release(small, tmp_path / "release")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "release").rglob("*")}
    again = build_release(small, tmp_path / "release", executor=Processes(2))
    assert (again.folder, again.rows) == (first.folder, first.rows)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "release").rglob("*")} == times


def test_a_dry_run_writes_nothing_into_the_folder(small: BuildConfig, tmp_path: Path) -> None:
    plan = plan_only(small, tmp_path / "release")
    assert sum(plan.tasks.values()) >= small.samples
    assert not (tmp_path / "release").exists()


# -- interrupted


def test_it_goes_on_after_a_stop_and_renders_only_what_is_missing(small: BuildConfig, tmp_path: Path) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    build_release(small, whole)
    interrupted(small, stopped, FINISHING)
    assert not (stopped / "manifest.json").exists()
    shards = sorted(stopped.glob("int*/*.parquet"))
    lost, cut, kept = shards[0], shards[1], shards[2:]
    (stopped / ".build" / f"{lost.parent.name}-{lost.stem}.json").unlink()
    lost.unlink()
    cut.write_bytes(cut.read_bytes()[:100])
    times = {path: path.stat().st_mtime_ns for path in kept}
    build_release(small, stopped)
    assert digests(stopped) == digests(whole)
    assert {path: path.stat().st_mtime_ns for path in kept} == times


def spoil_shard(shard: Path, how: str) -> None:
    content = bytearray(shard.read_bytes())
    if how == "a flipped bit":
        content[len(content) // 2] ^= 1
    spoilt = {"cut short": content[:100], "empty": b"", "zeros": bytes(len(content))}
    shard.unlink() if how == "deleted" else shard.write_bytes(spoilt.get(how, content))


@pytest.mark.parametrize("how", ["a flipped bit", "cut short", "empty", "zeros", "deleted"])
def test_a_shard_that_was_damaged_meanwhile_is_made_again(small: BuildConfig, tmp_path: Path, how: str) -> None:
    out = tmp_path / "release"
    interrupted(small, out, FINISHING)
    before = digests(out)
    shard = sorted(out.glob("int*/*.parquet"))[1]
    spoil_shard(shard, how)
    build_release(small, out)
    assert digests(out).items() >= before.items()


@pytest.mark.parametrize("name", ["plan.json", "inter-train.parquet", "inter-train-00000-of-*.json"])
def test_damaged_work_in_progress_is_made_again(small: BuildConfig, tmp_path: Path, name: str) -> None:
    out = tmp_path / "release"
    interrupted(small, out, FINISHING)
    before = digests(out)
    (path,) = (out / ".build").glob(name)
    path.write_bytes(path.read_bytes()[:-20] + b"x" * 20)
    build_release(small, out)
    assert digests(out).items() >= before.items()


def test_a_damaged_release_is_not_called_finished(small: BuildConfig, tmp_path: Path) -> None:
    out = tmp_path / "release"
    build_release(small, out)
    shard = sorted(out.glob("int*/*.parquet"))[0]
    spoil_shard(shard, "a flipped bit")
    with pytest.raises(BuildError, match=f"{shard.name}: damaged since it was built; delete"):
        build_release(small, out)


def test_photos_that_were_replaced_meanwhile_change_the_result(own_photos: BuildConfig, tmp_path: Path) -> None:
    """A stopped build does not mix the plan of the old photos with the new ones, and no cache serves the old."""
    out, fresh = tmp_path / "release", tmp_path / "elsewhere" / "release"
    interrupted(own_photos, out, FINISHING)
    before = digests(out)
    for path in sorted(Path(own_photos.sources[0].images).rglob("*.jpg"))[::2]:
        pixels = decode_photo(path.read_bytes())
        path.write_bytes(cv2.imencode(".jpg", 255 - pixels)[1].tobytes())
    build_release(own_photos, out)
    build_release(own_photos, fresh)
    assert digests(out) == digests(fresh)
    assert not digests(out).items() >= before.items()


def negative(path: Path) -> None:
    path.write_bytes(cv2.imencode(".jpg", 255 - decode_photo(path.read_bytes()))[1].tobytes())


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def shifted(path: Path) -> None:
    """Other boxes in a file of as many bytes, with the times of the old one."""
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b'"bbox": [1', b'"bbox": [2'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    ("what", "disturb", "moment"),
    [
        ("photo", negative, "shard_tasks"),
        ("photo", Path.unlink, "rendered"),
        ("annotations", shifted, "make_plan"),
        ("annotations", longer, "rendered"),
    ],
)
def test_what_changes_during_a_build_stops_it(
    own_photos: BuildConfig, tmp_path: Path, what: str, disturb: Callable[[Path], None], moment: str
) -> None:
    """And the same command then builds from the new state."""
    out, source = tmp_path / "release", own_photos.sources[0]
    annotations, photo = tmp_path / "own.json", sorted(Path(source.images).rglob("*.jpg"))[3]
    shutil.copy(source.annotations, annotations)
    config = change(own_photos, sources=[source.model_copy(update={"annotations": str(annotations)})])
    module = planning if moment == "make_plan" else builder
    stage: Callable[..., Any] = getattr(module, moment)

    def disturbed(*given: Any) -> Any:
        disturb(photo if what == "photo" else annotations)
        return stage(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, moment, disturbed)
        with pytest.raises(CgcError, match=r"changed while the build ran; .*again") as stopped:
            build_release(config, out)
    assert (annotations if what == "annotations" else photo).name in str(stopped.value)
    assert not (out / "manifest.json").exists()
    assert build_release(config, out).rows


def test_an_archive_that_changes_during_a_build_stops_it(own_photos: BuildConfig, tmp_path: Path) -> None:
    source, path = own_photos.sources[0], tmp_path / "photos.zip"
    shutil.make_archive(str(path.with_suffix("")), "zip", source.images)
    config = change(own_photos, sources=[source.model_copy(update={"images": str(path)})])

    def replaced(*given: Any) -> Any:
        path.with_name("new.zip").write_bytes(path.read_bytes())
        path.with_name("new.zip").replace(path)
        return shard_tasks(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builder, "shard_tasks", replaced)
        with pytest.raises(SourceError, match=r"photos\.zip: changed while the build ran"):
            build_release(config, tmp_path / "release")
    assert build_release(config, tmp_path / "release").rows


def test_killed_at_random_moments_it_gives_the_same_bytes(
    release: Path, painted_config: BuildConfig, tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(painted_config.model_dump(mode="json")))
    command = [Path(sys.executable).with_name("cgc-data"), "build", config, "--out", tmp_path / "release"]
    for seconds in np.random.default_rng().uniform(0.8, 3, 3):
        try:  # at its time limit the process gets SIGKILL
            subprocess.run([*command, "--workers", "2"], timeout=float(seconds), capture_output=True, check=False)
        except subprocess.TimeoutExpired:
            continue
    subprocess.run([*command, "--workers", "1"], check=True, capture_output=True, timeout=120)
    assert digests(tmp_path / "release") == digests(release)


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("written", ["pathlib.Path.write_text", "pyarrow.parquet.ParquetWriter.write_table"])
def test_a_full_disk_is_one_line_and_it_goes_on_where_it_was(
    small: BuildConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(written, full)
        with pytest.raises(BuildError) as raised:
            build_release(small, tmp_path / "release")
    assert "the disk is full; free some space and run again" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "release" / "manifest.json").exists()
    assert build_release(small, tmp_path / "release").rows >= small.samples


def other_seed(config: BuildConfig, out: Path) -> None:
    build_release(change(config, seed=1), out)


def unfinished(config: BuildConfig, out: Path) -> None:
    interrupted(change(config, seed=1), out, FINISHING)


def foreign(config: BuildConfig, out: Path) -> None:
    out.mkdir()
    (out / "thesis.txt").write_text("do not touch")


@pytest.mark.parametrize("before", [other_seed, unfinished, foreign])
def test_a_folder_with_something_else_is_left_as_it_is(
    small: BuildConfig, tmp_path: Path, before: Callable[[BuildConfig, Path], None]
) -> None:
    out = tmp_path / "release"
    before(small, out)
    held = digests(out)
    with pytest.raises(BuildError, match=r"release: .*choose another --out"):
        build_release(small, out)
    assert digests(out) == held


# -- broken photos


@pytest.mark.parametrize("place", ["../../elsewhere", "/elsewhere", "inter/../../elsewhere", "a\0"])
def test_a_plan_from_elsewhere_leads_nowhere_else(small: BuildConfig, tmp_path: Path, place: str) -> None:
    out = tmp_path / "deep" / "release"
    interrupted(small, out, "cgc_data.builder.release.rendered")
    record = out / ".build" / "plan.json"
    content = json.loads(record.read_text())
    for shard in content["plan"]["shards"]:
        shard["contrast"] = place
    record.write_text(json.dumps(content))
    before = snapshot(tmp_path)
    with pytest.raises(ReleaseError, match="does not stay inside"):
        build_release(small, out)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("link", [".build", "inter", ".build/inter-train.parquet"])
def test_no_build_goes_on_through_a_link(small: BuildConfig, tmp_path: Path, link: str) -> None:
    out = tmp_path / "release"
    interrupted(small, out, "cgc_data.builder.release.rendered")
    path, target = out / link, tmp_path / "elsewhere"
    path.rename(target) if path.exists() else target.mkdir()
    path.symlink_to(target)
    before = snapshot(tmp_path)
    with pytest.raises(ReleaseError, match="link that leads outside"):
        build_release(small, out)
    assert snapshot(tmp_path) == before


def spoil(config: BuildConfig, names: list[str], *, keep: float = 0.5) -> dict[Path, bytes]:
    """Cut these photos short; returns their content."""
    images = Path(config.sources[0].images)
    files = {path: path.read_bytes() for path in images.rglob("*.jpg") if path.name in {Path(n).name for n in names}}
    for path, content in files.items():
        path.write_bytes(content[: int(len(content) * keep)])
    return files


def halves(config: BuildConfig, names: list[str]) -> dict[str, bytes]:
    """The first half of these photos, by file name."""
    wanted = {Path(name).name for name in names}
    found = [path for path in Path(config.sources[0].images).rglob("*.jpg") if path.name in wanted]
    return {path.name: path.read_bytes()[: path.stat().st_size // 2] for path in found}


def rendered(config: BuildConfig, out: Path, contents: dict[str, bytes]) -> Built:
    """A build that reads these photos with another content when it renders, as on a failing disk: nothing has written
    to them.
    """
    read, render = FolderPhotos.read, builder.rendered

    def failing(store: FolderPhotos, file_name: str) -> bytes:
        return contents.get(Path(file_name).name) or read(store, file_name)

    def harmed(*given: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(FolderPhotos, "read", failing)
            return render(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builder, "rendered", harmed)
        return build_release(config, out)


def test_a_broken_photo_rejects_its_whole_families_by_name(own_photos: BuildConfig, tmp_path: Path) -> None:
    config = change(own_photos, max_rejected=0.9)
    build_release(config, tmp_path / "sound")
    uses = photo_files(tmp_path / "sound")
    name = max(uses, key=lambda n: uses[n])
    built = rendered(config, tmp_path / "release", halves(config, [name]))
    assert built.rejected >= uses[name]
    assert built.rows == built.planned - built.rejected
    assert name not in photo_files(tmp_path / "release")

    rejected = pq.read_table(tmp_path / "release" / "rejected.parquet").to_pylist()
    broken = [row for row in rejected if row["reason"] == "broken photo"]
    assert len(broken) >= uses[name]
    assert all(name in row["detail"] for row in broken)
    rows = {row["id"]: row for row in open_release(tmp_path / "sound").rows()}
    left = {row["id"] for row in open_release(tmp_path / "release").rows()}
    gone = [row for row in rows.values() if row["id"] not in left]
    for key in ("pair_id", "tuple_id"):
        of_gone = {row[key] for row in gone if row[key]}
        assert not of_gone & {rows[row_id][key] for row_id in left}
    manifest = open_release(tmp_path / "release").manifest
    assert manifest["rejected"]["broken photo"] == len(broken)
    assert manifest["counts"]["total"] == built.rows


def test_too_many_rejects_fail_the_build_and_mended_photos_finish_it(own_photos: BuildConfig, tmp_path: Path) -> None:
    build_release(own_photos, tmp_path / "sound")
    names = sorted(photo_files(tmp_path / "sound"))[::2]
    interrupted(own_photos, tmp_path / "release", RENDERING)
    contents = spoil(own_photos, names)
    with pytest.raises(BuildError) as raised:
        build_release(own_photos, tmp_path / "release")
    message = str(raised.value)
    assert any(name in message for name in names)
    assert "rows were rejected" in message
    assert "fix the photos" in message
    assert not (tmp_path / "release" / "manifest.json").exists()
    for path, content in contents.items():
        path.write_bytes(content)
    build_release(own_photos, tmp_path / "release")
    assert digests(tmp_path / "release") == digests(tmp_path / "sound")


def test_a_split_whose_rows_are_all_rejected_has_no_shard(own_photos: BuildConfig, tmp_path: Path) -> None:
    config = change(own_photos, max_rejected=0.9)
    build_release(config, tmp_path / "sound")
    rows = open_release(tmp_path / "sound").rows(["views"], split="validation")
    names = sorted({view["file_name"] for row in rows for view in row["views"]})
    rendered(config, tmp_path / "release", halves(config, names))
    manifest = open_release(tmp_path / "release").manifest
    assert manifest["counts"]["by_split"].get("validation", 0) == 0
    assert not list((tmp_path / "release").rglob("validation-*"))
    assert all(shard["rows"] for shard in manifest["shards"])
    assert digests(tmp_path / "release").keys() - manifest["files"].keys() == {
        "manifest.json",
        *(shard["path"] for shard in manifest["shards"]),
    }


def test_a_photo_of_another_size_than_annotated_is_rejected(own_photos: BuildConfig, tmp_path: Path) -> None:
    config = change(own_photos, max_rejected=0.9)
    build_release(config, tmp_path / "sound")
    uses = photo_files(tmp_path / "sound")
    name = max(uses, key=lambda n: uses[n])
    images = Path(config.sources[0].images)
    others = [path for path in images.rglob("*.jpg") if path.name != Path(name).name]
    (target,) = images.rglob(Path(name).name)
    size = decode_photo(target.read_bytes()).shape
    other = next(path for path in sorted(others) if decode_photo(path.read_bytes()).shape != size)
    rendered(config, tmp_path / "release", {target.name: other.read_bytes()})
    rejected = pq.read_table(tmp_path / "release" / "rejected.parquet").to_pylist()
    details = [row["detail"] for row in rejected if row["reason"] == "broken photo"]
    assert details
    assert all(name in detail and "but its annotation states" in detail for detail in details)


# -- without photos


def test_a_release_that_stores_no_images_composes_the_same_ones(small: BuildConfig, tmp_path: Path) -> None:
    embedded, light = tmp_path / "embedded", tmp_path / "light"
    build_release(small, embedded)
    build_release(change(small, images="reference"), light)
    assert not open_release(light).has_images
    size = sum(path.stat().st_size for path in light.glob("int*/*.parquet"))
    assert size < sum(path.stat().st_size for path in embedded.glob("int*/*.parquet")) / 5
    expected = {row["id"]: row for row in open_release(embedded).rows(images=True)}
    photos = Path(small.sources[0].images)
    for images in (None, photos, [tmp_path, photos]):
        found = {row["id"]: row for row in load_reference(light, images)}
        assert found == expected


def test_composing_takes_a_contrast_and_a_split_and_names_a_missing_photo(small: BuildConfig, tmp_path: Path) -> None:
    light = tmp_path / "light"
    build_release(change(small, images="reference"), light)
    rows = list(load_reference(light, contrast="intra", split="test"))
    assert {(row["contrast"], row["split"]) for row in rows} == {("intra", "test")}
    (tmp_path / "empty").mkdir()
    with pytest.raises(Exception, match=r"\.jpg: not in .*empty"):
        next(load_reference(light, tmp_path / "empty"))


def test_the_recorded_configuration_builds_the_same_release(release: Path, tmp_path: Path) -> None:
    recorded = json.loads((release / "manifest.json").read_text())["config"]
    build_release(BuildConfig.model_validate(recorded), tmp_path / "again")
    assert digests(tmp_path / "again") == digests(release)
