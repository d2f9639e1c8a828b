"""From the authors' files to what the tasks read: layouts, what is kept, what is refused, resuming."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cgc_bench.cli import cli
from cgc_bench.errors import AnnotationError, PrepareError, TaskError
from cgc_bench.lmms.settings import max_pixels
from cgc_bench.mig.items import SHA256
from cgc_bench.mig.layout import LAYOUT
from cgc_bench.prepare import Prepared, open_prepared, prepared_folder, settings, stage, write
from cgc_bench.prepare.files import Folder
from cgc_bench.prepare.versions import without_digest
from cgc_bench.scoring.benchmark import benchmark
from tests.cgc_bench.official_files import drawn, mig_folder, prepare, vlm2_folder, zipped


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def images(ready: Prepared) -> dict[str, list[bytes]]:
    return {index: ready.images(task, place) for task in ready.tasks for place, index in enumerate(ready.indices(task))}


@pytest.mark.parametrize("as_zip", [False, True])
def test_mig_keeps_every_item_with_the_bytes_of_its_images(tmp_path: Path, as_zip: bool) -> None:
    root, annotations = mig_folder(tmp_path)
    source = zipped(root, tmp_path / "mig.zip") if as_zip else root
    ready = prepare("mig", source=source, annotations=annotations)
    items = benchmark("mig").read_items(ready.annotations)
    found = images(ready)
    assert found.keys() == items.keys()
    for index, item in items.items():
        expected = [(root / path.removeprefix("MIG-Bench/")).read_bytes() for path in item.images]
        assert found[index] == expected
    name = without_digest(ready.version)
    assert name == "unknown version (boxes 0-1000)", "a stand-in is never taken for a published file"


@pytest.mark.parametrize("as_zip", [False, True])
def test_vlm2_takes_questions_and_images_from_folder_or_archive(tmp_path: Path, as_zip: bool) -> None:
    root = vlm2_folder(tmp_path)
    ready = prepare("vlm2", source=zipped(root, tmp_path / "v.zip") if as_zip else root)
    items = benchmark("vlm2").read_items(ready.annotations)
    found = images(ready)
    assert found.keys() == items.keys()
    assert all(len(found[index]) == len(item.images) for index, item in items.items())
    assert found["gc_trk/0"][0] == (root / "data/gc/processed/c.jpg").read_bytes()


def test_vlm2_takes_a_copy_of_the_hubs_repository(tmp_path: Path) -> None:
    """It contains the archive next to its own files."""
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "README.md").write_text("the data set's page")
    root = vlm2_folder(tmp_path)
    zipped(root, copy / "vlm2-bench_dataset.zip")
    packed, unpacked = prepare("vlm2", source=copy), prepare("vlm2", source=root)
    assert packed.digests == unpacked.digests


def test_mig_takes_a_copy_of_the_hubs_repository_with_packed_images(tmp_path: Path) -> None:
    root, annotations = mig_folder(tmp_path)
    unpacked = prepare("mig", source=root, annotations=annotations)
    copy = tmp_path / "copy"
    copy.mkdir()
    zipped(root / "images", copy / "images.zip")
    assert prepare("mig", source=copy, annotations=annotations).digests == unpacked.digests
    (copy / "images.zip").write_bytes(b"PK cut short")
    with pytest.raises(PrepareError, match=r"images\.zip: neither a folder nor a zip archive"):
        prepare("mig", source=copy, annotations=annotations)


def test_what_is_prepared_is_found_again_without_its_source(tmp_path: Path) -> None:
    root, annotations = mig_folder(tmp_path)
    first = prepare("mig", source=root, annotations=annotations)
    annotations.unlink()
    assert prepare("mig") == first
    assert open_prepared(prepared_folder("mig", "original")) is None


def test_a_broken_preparation_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, annotations = mig_folder(tmp_path)
    broken = root / "images" / "view_diff" / "a.jpg"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:200])
    with pytest.raises(PrepareError, match=r"images/view_diff/a\.jpg: not a whole image .* fetch it again"):
        prepare("mig", source=root, annotations=annotations)
    folder = prepared_folder("mig", "revised")
    assert open_prepared(folder) is None
    assert not list(folder.parent.rglob("*.parquet.*"))
    staged = folder.with_name("revised.part")
    before = {path.name: path.stat().st_mtime_ns for path in staged.glob("*.parquet")}
    assert before, "the tasks before the broken photo are kept"
    broken.write_bytes(whole)
    ready = prepare("mig", source=root, annotations=annotations)
    assert {name: (folder / name).stat().st_mtime_ns for name in before} == before
    assert len(images(ready)) == 11
    assert not staged.exists()


def test_other_pictures_under_the_same_names_are_taken(tmp_path: Path) -> None:
    root, annotations = mig_folder(tmp_path)
    first = prepare("mig", source=root, annotations=annotations)
    photo = root / "images" / "region" / "a.jpg"
    photo.write_bytes(drawn(29))
    second = prepare("mig", source=root, annotations=annotations)
    assert photo.read_bytes() in [image for shown in images(second).values() for image in shown]
    assert [task for task in first.tasks if first.digests[task] != second.digests[task]] == ["region"]


def test_question_files_that_a_new_source_lacks_are_gone(tmp_path: Path) -> None:
    root = vlm2_folder(tmp_path)
    prepare("vlm2", source=root)
    shutil.rmtree(root / "jsonl" / "pc")
    ready = prepare("vlm2", source=root)
    items = benchmark("vlm2").read_items(ready.annotations)
    assert (
        {item.task for item in items.values()} == set(ready.tasks) == {"gc_mat", "gc_trk", "oc_cnt", "oc_cpr", "oc_grp"}
    )
    assert {path.stem for path in ready.folder.glob("*.parquet")} == set(ready.tasks)


@pytest.mark.parametrize("broken", ["annotations", "photo"])
def test_a_failed_preparation_loses_nothing(tmp_path: Path, broken: str) -> None:
    root, annotations = mig_folder(tmp_path)
    ready = prepare("mig", source=root, annotations=annotations)
    before = images(ready)
    (annotations if broken == "annotations" else root / "images" / "region" / "a.jpg").write_bytes(b"{")
    with pytest.raises((PrepareError, AnnotationError)):
        prepare("mig", source=root, annotations=annotations)
    assert prepare("mig") == ready
    assert images(ready) == before
    assert len(benchmark("mig").read_items(ready.annotations)) == 11


def test_shards_of_a_failed_attempt_are_not_taken_for_another_source(tmp_path: Path) -> None:
    root, annotations = mig_folder(tmp_path)
    ready = prepare("mig", source=root, annotations=annotations)
    photos = {name: root / "images" / name / "a.jpg" for name in ("common_object", "view_diff")}
    whole = {name: path.read_bytes() for name, path in photos.items()}
    photos["common_object"].write_bytes(drawn(29))
    photos["view_diff"].write_bytes(b"{")
    with pytest.raises(PrepareError):
        prepare("mig", source=root, annotations=annotations)
    (ready.folder.with_name("revised.part") / "region.7.part").write_bytes(b"of a killed attempt")
    for name, path in photos.items():
        path.write_bytes(whole[name])
    again = prepare("mig", source=root, annotations=annotations)
    assert again == ready
    assert not list(ready.folder.glob("*.part"))
    assert len(images(again)) == 11


@pytest.mark.parametrize("key", ["annotations", "version", "source", "digests", "photos"])
@pytest.mark.parametrize("value", [None, 3, [[]], {"region": 1}])
def test_a_manifest_with_a_value_of_another_type_is_not_taken(tmp_path: Path, key: str, value: Any) -> None:
    root, annotations = mig_folder(tmp_path)
    file = prepare("mig", source=root, annotations=annotations).folder / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    assert open_prepared(file.parent) is None


def test_a_folder_of_an_older_form_is_prepared_again(tmp_path: Path) -> None:
    root, annotations = mig_folder(tmp_path)
    ready = prepare("mig", source=root, annotations=annotations)
    older = {"annotations": "annotations/items.json", "version": "revised", "source": "x", "tasks": ["region"]}
    (ready.folder / "manifest.json").write_text(json.dumps(older))
    assert open_prepared(ready.folder) is None
    assert prepare("mig", source=root, annotations=annotations) == ready


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["mig", "--from", "{root}"],
            "no revised annotations .*--annotations FILE`; the tasks of cgc_mig_original",
        ),
        (["mig", "--from", "{root}", "--annotations", "original"], "contains no original annotations"),
        (["mig", "--from", "nowhere"], "nowhere: no such folder or archive; pass your copy with --from"),
        (["mig", "--from", "{file}"], "neither a folder nor a zip archive"),
        (["mig", "--from", "{root}", "--annotations", "gone.json"], r"gone\.json: No such file"),
        (["vlm2", "--from", "{root}"], "contains no question file"),
        (["vlm2", "--from", "{root}", "--annotations", "revised"], "vlm2 has several annotation files"),
        (["contrast"], "does not need preparation or does not exist; choose from mig, vlm2"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    root, annotations = mig_folder(tmp_path)
    given = [argument.format(root=root, file=annotations) for argument in arguments]
    with pytest.raises((PrepareError, AnnotationError), match=message):
        CliRunner().invoke(cli, ["prepare", *given], catch_exceptions=False)


def test_a_missing_image_names_itself_and_its_item(tmp_path: Path) -> None:
    root, annotations = mig_folder(tmp_path)
    (root / "images" / "region" / "b.jpg").unlink()
    with pytest.raises(PrepareError, match=r"lacks images/region/b\.jpg, an image of item \d+; pass a complete copy"):
        prepare("mig", source=root, annotations=annotations)


def test_a_damaged_shard_is_told(tmp_path: Path) -> None:
    ready = prepare("vlm2", source=vlm2_folder(tmp_path))
    (ready.folder / "oc_grp.parquet").write_bytes(b"PAR1")
    with pytest.raises(PrepareError, match="prepare again"):
        ready.images("oc_grp", 0)


def test_an_image_cut_short_is_refused_within_lmms_eval_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.ImageFile.LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(PrepareError, match=r"a\.jpg: not a whole image"):
        write.whole_image(drawn()[:-300], "a.jpg")
    assert write.whole_image(drawn(), "a.jpg") == drawn()


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stage, "write_shard", full)
    with pytest.raises(PrepareError, match=r"cannot be written \(No space left on device\); set CGC_CACHE"):
        prepare("vlm2", source=vlm2_folder(tmp_path))


def test_the_command_reports_faulty_items(tmp_path: Path) -> None:
    root, annotations = mig_folder(tmp_path)
    text = annotations.read_text().replace("[100, 200, 500, 600]", "[500, 200, 100, 600]", 1)
    annotations.write_text(text)
    result = CliRunner().invoke(
        cli, ["prepare", "mig", "--from", str(root), "--annotations", str(annotations)], catch_exceptions=False
    )
    assert "11 items" in result.output
    assert "1 with unusual annotations still count: empty or inverted box (0)" in result.output


def test_vlm2_takes_no_single_annotation_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(PrepareError, match="several annotation files; omit --annotations"):
        prepare("vlm2", source=vlm2_folder(tmp_path), annotations=str(tmp_path / "a.json"))


def test_annotations_are_known_by_their_content_whatever_their_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "readme.txt").write_text("no annotations")
    (tmp_path / "a.json").write_text("[]")
    (tmp_path / "b.json").write_text("[1]")
    monkeypatch.setitem(SHA256, "revised", hashlib.sha256(b"[1]").hexdigest())
    assert LAYOUT.annotations(Folder(tmp_path), "revised") == {"b.json": "items.json"}
    with pytest.raises(PrepareError, match="contains no original annotations"):
        LAYOUT.annotations(Folder(tmp_path), "original")


@pytest.mark.parametrize("given", ["many", "12"])
def test_a_number_of_pixels_is_one(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("CGC_BENCH_MAX_PIXELS", given)
    with pytest.raises(
        TaskError, match=f"CGC_BENCH_MAX_PIXELS='{given}' must be a whole number of at least 1024 pixels"
    ):
        max_pixels()


def test_a_release_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CGC_BENCH_RELEASE", raising=False)
    with pytest.raises(TaskError, match="set CGC_BENCH_RELEASE"):
        settings.release()
