"""Statistics, plots, gallery and contact sheets: counts by hand, the same bytes twice, nothing unescaped."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from PIL import Image

from cgc_data.cli.preview import preview
from cgc_data.cli.stats import stats as stats_command
from cgc_data.common.errors import PhotoError, ReleaseError
from cgc_data.look import plot_assets, release_stats
from cgc_data.look.gallery import choose_samples, write_gallery
from cgc_data.look.sample import read_sample
from cgc_data.look.sheets import PictureFormat
from cgc_data.release.read import Release, open_release
from cgc_data.release.schema import arrow_schema
from tests import tiny_release
from tests.tiny_release import write_tiny_release

SOURCE = {
    "key": "coco-00000000",
    "sha256": "ab" * 32,
    "kind": "coco",
    "annotations": "/data/a.json",
    "images": "/data/x",
    "exhaustive": None,
}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("release") / "tiny"
    return open_release(write_tiny_release(folder, rows=6, sources=[SOURCE], counts={"total": 36}))


def varied_rows() -> list[dict[str, Any]]:
    """Three rows: one object in image 2 of 2; two objects in image 1 and one in image 3 of 3; none in 2 images."""
    one, many, none = (tiny_release.row("inter", split, n) for n, split in enumerate(("train", "train", "test")))
    one["objects"][0].update(img_idx=2, bbox_px=[0.0, 0.0, 64.0, 48.0])
    many["views"] = [
        *many["views"],
        {**many["views"][0], "image_id": 99, "license": 5, "license_url": "x", "flickr_url": ""},
    ]
    many["objects"] = [{**many["objects"][0], "img_idx": i, "bbox_px": [0.0, 0.0, 32.0, 30.0]} for i in (1, 1, 3)]
    many.update(task="locate_all", distractors="hard", difficulty=0.95, answer_images=[1, 2, 3])
    none.update(task="absent", objects=[], answer="[]")
    none["evidence"] = [{**none["evidence"][0], "warrant": w} for w in ("hypernym:animal", "negative")]
    return [one, many, none]


def stats_of(rows: list[dict[str, Any]], batch: int) -> dict[str, Any]:
    table = pa.Table.from_pylist(rows, schema=arrow_schema()).drop_columns(["images"])
    return release_stats(table.to_batches(max_chunksize=batch))


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_counts_by_hand(batch: int) -> None:
    found = stats_of(varied_rows(), batch)
    assert found["total"] == 3
    assert found["by_split"] == {"train": 2, "test": 1}
    assert found["by_task_and_split"]["inter/locate_all"] == {"train": 1}
    assert found["by_num_images"] == {"inter": {"2": 2, "3": 1}}
    assert found["by_num_objects"] == {"inter": {"0": 1, "1": 1, "3": 1}}
    assert found["by_label"]["blue"] == {"rows": 1, "absent": 1, "objects": 0}
    assert found["by_label"]["green"] == {"rows": 1, "absent": 0, "objects": 3}
    assert found["target_position"] == {"inter": {"2": [0, 1], "3": [1, 0, 1]}}
    assert found["by_warrant"] == {"exhaustive": 2, "hypernym": 1, "negative": 1}
    assert sum(found["by_asked_task"].values()) == 3
    assert found["by_answer_images"] == {"3": {"2": 1}}
    assert found["by_distractors"] == {"decoupled": 2, "hard": 1}
    assert found["box_area_share"]["counts"]["inter"] == [0, 0, 0, 0, 0, 0, 3, 1]
    assert found["difficulty"]["counts"] == [2, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert [entry["views"] for entry in found["licenses"]] == [6, 1]
    assert found["photos"]["distinct"] == 6
    assert found["photos"]["views"] == 7
    json.dumps(found)


def test_batches_do_not_matter(release: Release) -> None:
    whole = release_stats([pa.Table.from_batches(release.batches())])
    assert json.dumps(whole) == json.dumps(release_stats(release.batches()))
    assert json.dumps(whole) == json.dumps(
        release_stats(b.slice(i, 1) for b in release.batches() for i in range(len(b)))
    )


def test_a_coco_photo_is_one_photo_in_two_sources() -> None:
    first, second = (tiny_release.row("inter", "train", 0) for _ in range(2))
    for view in second["views"]:
        view.update(source="lvis-00000000", file_name=f"val2017/{view['file_name']}")
    assert stats_of([first, second], 1)["photos"]["distinct"] == 2


def test_nothing_at_all_has_statistics_and_plots(tmp_path: Path) -> None:
    found = release_stats([])
    assert found["total"] == 0
    assert all(path.stat().st_size for path in plot_assets(found, tmp_path))


def test_plots_are_the_same_bytes_and_carry_no_metadata(tmp_path: Path) -> None:
    found = stats_of(varied_rows(), 3)
    first, second = (plot_assets(found, tmp_path / name) for name in "ab")
    assert [p.name for p in first] == [
        "tasks.png", "categories.png", "box_sizes.png", "target_position.png", "num_images.png",
    ]  # fmt: skip
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]
    for path in first:
        with Image.open(path) as image:
            assert image.width > 800
            assert not image.text.keys() - {"Software"}
            assert "Software" not in image.text


def test_gallery_is_self_contained(release: Release, tmp_path: Path) -> None:
    gallery = write_gallery(release, tmp_path / "gallery", per_task=3)
    page = gallery.page.read_text(encoding="utf-8")
    assert gallery.samples == page.count("<article") == 6
    addresses = set(re.findall(r'<img src="([^"]+)"', page))
    assert all((gallery.page.parent / address).is_file() for address in addresses)
    assert not re.search(r'(?:src|href)="(?!#|images/|http://creativecommons|http://farm1)', page)
    assert page.count('class="edge"') == 6
    assert "COCO boxes every" in page
    assert len(gallery.sheets) == 2


def test_sheets_show_every_sample(release: Release, tmp_path: Path) -> None:
    gallery = write_gallery(release, tmp_path / "gallery", per_task=5, kind="png")
    assert [path.name for path in gallery.sheets] == [
        "inter-locate-01.png", "inter-locate-02.png", "intra-locate_all-01.png", "intra-locate_all-02.png",
    ]  # fmt: skip
    with Image.open(gallery.sheets[0]) as image:
        assert image.width == 1600
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24) or []}
        assert (255, 46, 99) in colours, "true boxes are drawn"


@pytest.mark.parametrize(("kind", "ending"), [("jpeg", "jpg"), ("webp", "webp")])
def test_sheets_and_images_have_the_format_asked_for(
    release: Release, tmp_path: Path, kind: PictureFormat, ending: str
) -> None:
    gallery = write_gallery(release, tmp_path / "gallery", per_task=2, kind=kind)
    exact = write_gallery(release, tmp_path / "exact", per_task=2, kind="png")
    images = sorted((gallery.page.parent / "images").iterdir())
    assert len(images) == len(list((exact.page.parent / "images").iterdir()))
    for path in (*gallery.sheets, *images):
        assert path.suffix == f".{ending}"
        with Image.open(path) as picture:
            assert picture.format == kind.upper()


def test_choice_depends_on_seed_and_ids_alone(release: Release, tmp_path: Path) -> None:
    def ids(seed: int) -> list[str]:
        return [s.id for found in choose_samples(release, 3, seed).values() for s in found]

    assert ids(0) == ids(0)
    assert ids(0) != ids(1)
    assert set(ids(0)) <= {s.id for found in choose_samples(release, 4, 0).values() for s in found}


def one_row_release(folder: Path, **changes: Any) -> Release:
    row = tiny_release.row("inter", "train", 0) | changes
    (folder / "inter").mkdir(parents=True)
    table = pa.Table.from_pylist([row], schema=arrow_schema())
    pq.write_table(table, folder / "inter" / "train-00000-of-00001.parquet")
    tiny_release.write_manifest(folder, sources=[SOURCE])
    return open_release(folder)


def test_text_is_escaped(tmp_path: Path) -> None:
    nasty = '<img src=x onerror="alert(1)">'
    query = {"labels": [nasty], "img_idx": None, "ref_img_idx": None, "ref_bbox": None, "relation": ""}
    views = tiny_release.row("inter", "train", 0)["views"]
    for view in views:
        view.update(file_name=nasty, license_url="javascript:alert(1)", flickr_url="javascript:alert(1)")
    release = one_row_release(tmp_path / "r", question=nasty, query=query, views=views, answer=nasty)
    page = write_gallery(release, tmp_path / "gallery").page.read_text(encoding="utf-8")
    assert nasty not in page
    assert 'href="javascript' not in page


def test_a_view_without_target_or_evidence_is_called_out(tmp_path: Path) -> None:
    release = one_row_release(tmp_path / "r", evidence=[])
    page = write_gallery(release, tmp_path / "gallery", sheets=False).page.read_text(encoding="utf-8")
    assert page.count("no target and no evidence of absence") == 1


@pytest.mark.parametrize(
    ("warrant", "source", "words"),
    [
        ("exhaustive", "coco-00000000", "COCO boxes every red: none here."),
        ("exhaustive", "mine", "mine.json boxes every red: none here."),
        ("negative", "lvis-1", "LVIS verified: no red here."),
        ("hypernym:colour", "lvis-1", "LVIS: no colour here, so no red either."),
        ("outside_window", "coco-00000000", "Every red of the photo lies outside this window."),
    ],
)
def test_evidence_in_words(warrant: str, source: str, words: str) -> None:
    row = tiny_release.row("inter", "train", 0)
    row["evidence"][0].update(warrant=warrant, source=source)
    sources = {
        "coco-00000000": SOURCE,
        "lvis-1": {"kind": "lvis"},
        "mine": {"kind": "coco", "annotations": "/data/mine.json", "exhaustive": True},
    }
    assert read_sample(row, sources).views[1].why == (words,)


def test_reference_box_is_in_pixels_of_its_view() -> None:
    row = tiny_release.row("intra", "train", 0)
    row.update(
        task="same_object",
        query={"labels": ["red"], "img_idx": 1, "ref_img_idx": 2, "ref_bbox": [0, 500, 500, 1000], "relation": ""},
    )
    (box,) = read_sample(row, {}).views[1].boxes
    assert box.is_reference
    assert box.rect == (0, 24, 32, 48)


@pytest.mark.parametrize(("count", "tags"), [(2, ["red", "red"]), (3, ["1", "2", "3"])])
def test_many_boxes_are_numbered(count: int, tags: list[str]) -> None:
    row = tiny_release.row("inter", "train", 0)
    row["objects"] *= count
    assert [box.tag for box in read_sample(row, {}).views[0].boxes] == tags


@pytest.mark.parametrize(("views", "lines"), [(1, [1]), (4, [4]), (5, [3, 2]), (6, [3, 3])])
def test_lines_of_views(views: int, lines: list[int]) -> None:
    row = tiny_release.row("inter", "train", 0)
    row["views"], row["images"] = row["views"][:1] * views, row["images"][:1] * views
    assert [len(line) for line in read_sample(row, {}).lines] == lines


def test_a_folder_in_use_is_left_alone(release: Release, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ReleaseError, match="not a gallery"):
        write_gallery(release, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_gallery_is_replaced(release: Release, tmp_path: Path) -> None:
    hashes = [_digest(write_gallery(release, tmp_path / "g", per_task=n).page.parent) for n in (2, 6, 2)]
    assert hashes[0] == hashes[2] != hashes[1]


def _digest(folder: Path) -> str:
    files: Iterator[Path] = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()


def reference_release(folder: Path, photos: Path) -> Release:
    one_row_release(folder, images=[])
    changes = {"sources": [{**SOURCE, "images": str(photos)}], "config": {"intra": {"jpeg_quality": 92}}}
    tiny_release.write_manifest(folder, image_mode="reference", **changes)
    return open_release(folder)


def test_reference_release_needs_the_photos(tmp_path: Path) -> None:
    release = reference_release(tmp_path / "r", tmp_path / "none")
    with pytest.raises(PhotoError, match="none"):
        write_gallery(release, tmp_path / "gallery")
    assert not (tmp_path / "gallery").exists()


def test_reference_release_with_its_photos(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for view in tiny_release.row("inter", "train", 0)["views"]:
        (tmp_path / "photos" / view["file_name"]).write_bytes(tiny_release.photo("red"))
    release = reference_release(tmp_path / "r", tmp_path / "elsewhere")
    gallery = write_gallery(release, tmp_path / "gallery", images=tmp_path / "photos")
    assert [path.read_bytes() for path in (tmp_path / "gallery" / "images").iterdir()] == [tiny_release.photo("red")]
    assert gallery.samples == 1


def test_preview_command(release: Release, tmp_path: Path) -> None:
    result = CliRunner().invoke(preview, [str(release.folder), "--to", str(tmp_path / "g"), "--per-task", "2"])
    assert result.exit_code == 0, result.output
    assert str(tmp_path / "g" / "index.html") in result.output


def test_stats_command(release: Release) -> None:
    plain = CliRunner().invoke(stats_command, [str(release.folder)])
    assert plain.exit_code == 0, plain.output
    assert all(word in plain.output for word in ("Rows per task", "inter/locate", "36", "Licenses"))
    as_json = CliRunner().invoke(stats_command, [str(release.folder), "--json"])
    assert json.loads(as_json.output) == release_stats(release.batches())
