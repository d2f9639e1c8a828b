"""A release becomes a training set: rows, prompts, image files; and a one-line error for what cannot be used."""

import io
import json
import os
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import huggingface_hub
import pyarrow as pa
import pytest
from datasets import Dataset
from PIL import Image

from cgc_data.answer import ANSWER_INSTRUCTION, THINK_INSTRUCTION, read_answer
from cgc_data.common.errors import CgcError, ReleaseError
from cgc_data.hub import push
from cgc_data.metrics import truth_of
from cgc_train.data import Bounds, held_out_set, training_set
from cgc_train.errors import TrainingDataError
from cgc_train.recipe import Recipe
from tests.cgc_train.made_rows import Row, drawing, made_row, some_rows, write_release
from tests.hub_double import TOKEN, serve
from tests.tiny_release import write_tiny_release

BOUNDS = Bounds(32, 1024, 65_536)
ROWS = [*some_rows(), *some_rows("validation", 500)]


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return write_release(tmp_path / "release", ROWS)


def recipe(release: Path | str, *, prompt: dict[str, Any] | None = None, **data: Any) -> Recipe:
    values = {"name": "test", "model": {"name": "unused"}, "data": {"release": str(release), **data}}
    return Recipe.model_validate(values | ({"prompt": prompt} if prompt else {}))


def train(release: Path | str, folder: Path, **data: Any) -> Dataset:
    return training_set(recipe(release, **data), image_folder=folder, bounds=BOUNDS)


def test_columns_are_those_of_the_release_with_paths_for_images(release: Path, tmp_path: Path) -> None:
    by_id = {row["id"]: row for row in ROWS}
    rows = train(release, tmp_path / "images")
    assert len(rows) == sum(row["split"] == "train" for row in ROWS)
    for row in rows:
        truth = by_id[row["id"]]
        assert {k: v for k, v in row.items() if k not in ("images", "prompt")} == {
            k: v for k, v in truth.items() if k not in ("images", "prompt")
        }
        assert truth_of(row) == truth_of(truth)
        stored = [Path(path).read_bytes() for path in row["images"]]
        assert stored == [image["bytes"] for image in truth["images"]], "they fit, so they are stored as they are"


def test_images_are_resized_for_the_model(tmp_path: Path) -> None:
    release = write_release(tmp_path / "release", [made_row("locate", {1: [(1, 2, 30, 40)]}, size=(500, 333))])
    (row,) = train(release, tmp_path / "images")
    sizes = {Image.open(path).size for path in row["images"]}
    assert sizes == {BOUNDS.size(500, 333)}
    assert row["objects"][0]["bbox_2d"] == [1, 2, 30, 40], "0-1000 whatever the size"


@pytest.mark.parametrize(("think", "instruction"), [(True, THINK_INSTRUCTION), (False, ANSWER_INSTRUCTION)])
def test_prompts_ask_for_the_tags(release: Path, tmp_path: Path, think: bool, instruction: str) -> None:
    rows = training_set(recipe(release, prompt={"think": think}), image_folder=tmp_path / "images", bounds=BOUNDS)
    for row in rows:
        parts = row["prompt"][-1]["content"]
        assert parts[-1]["text"] == f"\n{instruction}"
        assert sum(part["type"] == "image" for part in parts) == len(row["images"])
        assert {key for part in parts for key in part} == {"type", "text"}


@pytest.mark.parametrize("prompt", [{"think": True}, {"think": False}, {"think": True, "prefix": "<think>"}], ids=str)
def test_completions_are_perfect_answers(release: Path, tmp_path: Path, prompt: dict[str, Any]) -> None:
    asked = recipe(release, prompt=prompt)
    rows = training_set(asked, image_folder=tmp_path / "images", bounds=BOUNDS, completions=True)
    for row in rows:
        (message,) = row["completion"]
        text, prefix = message["content"][0]["text"], prompt.get("prefix", "")
        reading = read_answer(text, len(row["images"]), require_think=prompt["think"], prefix=prefix)
        assert reading.valid
        assert sorted(reading.objects, key=str) == sorted(truth_of(row).objects, key=str)
        assert not text.startswith(prefix or "\0")


def test_the_ablation_reaches_the_rows(release: Path, tmp_path: Path) -> None:
    for row in train(release, tmp_path / "images", distractor_images=False):
        truth = truth_of(row)
        held = truth.true_images or {1}
        shown = {1, 2} if row["task"] == "same_object" else held
        assert len(row["images"]) == truth.num_images == len(shown)


def test_the_order_is_that_of_the_recipe(release: Path, tmp_path: Path) -> None:
    first, other = (train(release, tmp_path / "images", seed=seed)["id"] for seed in (0, 1))
    easy = [int(10 * d) for d in train(release, tmp_path / "images", curriculum="easy_first")["difficulty"]]
    assert list(first) != list(other)
    assert sorted(first) == sorted(other)
    assert easy == sorted(easy)


def test_a_second_call_writes_nothing(release: Path, tmp_path: Path) -> None:
    before = train(release, tmp_path / "images")
    times = {path: path.stat().st_mtime_ns for path in _files(tmp_path / "images")}
    after = train(release, tmp_path / "images")
    assert times == {path: path.stat().st_mtime_ns for path in _files(tmp_path / "images")}
    assert before.to_list() == after.to_list()


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"short")], ids=["lost", "cut short"])
@pytest.mark.parametrize("size", [(96, 64), (100, 70)], ids=["kept", "resized"])
def test_a_damaged_file_of_the_store_is_made_again(
    tmp_path: Path, size: tuple[int, int], damage: Callable[[Path], object]
) -> None:
    release = write_release(tmp_path / "release", [made_row("locate", {1: [(1, 2, 30, 40)]}, size=size)])
    (row,) = train(release, tmp_path / "images")
    path = Path(row["images"][0])
    content = path.read_bytes()
    damage(path)
    assert train(release, tmp_path / "images")[0] == row
    assert path.read_bytes() == content


def test_runs_share_images(release: Path, tmp_path: Path) -> None:
    train(release, tmp_path / "images")
    images = {path for path in _files(tmp_path / "images") if path.suffix == ".png"}
    train(release, tmp_path / "images", seed=5, limit=3, distractor_images=False)
    assert {path for path in _files(tmp_path / "images") if path.suffix == ".png"} == images


def _ids(release: Path, folder: Path) -> list[tuple[str, list[str]]]:
    return [(row["id"], row["images"]) for row in train(release, folder)]


def test_several_processes_share_one_store(release: Path, tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(_ids, [release] * 3, [tmp_path / "images"] * 3))
    assert found[0] == found[1] == found[2]
    assert len(list((tmp_path / "images" / "rows").glob("*/rows.arrow"))) == 1
    assert not [path for path in _files(tmp_path / "images") if "tmp" in path.name]


def test_memory_does_not_grow_with_images(tmp_path: Path) -> None:
    few, many = _peak(tmp_path, 20), _peak(tmp_path, 80)
    images = 60 * 3 * len(_noise()["bytes"])
    assert many - few < images / 10


def _peak(folder: Path, count: int) -> int:
    """Most bytes that Python and Arrow held while a training set of `count` rows was made."""
    rows = ({**made_row("absent", photo=3 * n), "images": [_noise() for _ in range(3)]} for n in range(count))
    release = write_release(folder / f"release-{count}", list(rows))
    usual, pool = pa.default_memory_pool(), pa.proxy_memory_pool(pa.system_memory_pool())
    pa.set_memory_pool(pool)
    tracemalloc.start()
    try:
        train(release, folder / f"images-{count}")
        return tracemalloc.get_traced_memory()[1] + int(pool.max_memory())
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(usual)


def _noise() -> dict[str, Any]:
    buffer = io.BytesIO()
    Image.frombytes("RGB", (320, 192), os.urandom(320 * 192 * 3)).save(buffer, "PNG", compress_level=0)
    return {"bytes": buffer.getvalue(), "path": None}


def test_held_out_rows_do_not_depend_on_what_is_trained_on(release: Path, tmp_path: Path) -> None:
    settings: list[dict[str, Any]] = [
        {},
        {"contrasts": ["inter"], "seed": 4},
        {"distractor_images": False, "tasks": ["inter/locate"], "limit": 1},
    ]
    sets = [
        held_out_set(recipe(release, held_out_rows=4, **s), tmp_path / "images", BOUNDS).to_list() for s in settings
    ]
    assert sets[0] == sets[1] == sets[2]
    assert {row["split"] for row in sets[0]} == {"validation"}
    assert len(sets[0]) >= 4


# User errors: name of the fault -> (change of a row, message)
BAD_ROWS: dict[str, tuple[Callable[[Row], dict[str, Any]], str]] = {
    "answer cut short": (lambda row: {"answer": row["answer"][:-3]}, r"cannot be parsed \(json_invalid\)"),
    "answer of another image": (lambda row: {"answer": row["answer"].replace("2", "9")}, "cannot be parsed"),
    "objects moved": (lambda row: {"objects": [{**row["objects"][0], "bbox_2d": [1, 2, 3, 4]}]}, "differ from"),
    "objects out of range": (lambda row: {"objects": [{**row["objects"][0], "bbox_2d": [9, 2, 3, 4]}]}, "differ from"),
    "objects missing": (lambda row: {"objects": []}, "differ from the objects in its answer"),
    "empty but asked": (lambda row: {"objects": [], "answer": "[]"}, "task is 'locate', but the answer has 0"),
    "a view too few": (
        lambda row: {
            "views": row["views"][:2],
            "evidence": row["evidence"][:1],
            "answer_images": [1, 2],
            "images": row["images"][:2],
        },
        "shows 3 images, but the row has 2 views",
    ),
    "image cut short": (lambda row: {"images": _damaged(row, 1, lambda b: b[:-20])}, r"image 2 \(0+2\.jpg\): damaged"),
    "no image": (lambda row: {"images": _damaged(row, 0, lambda b: b"")}, "image 1 .*damaged"),
    "no size fits": (lambda row: {"images": _damaged(row, 0, lambda b: drawing(1, (2900, 9)))}, "image 1.*elongated"),
}


def _damaged(row: Row, place: int, change: Callable[[bytes], bytes]) -> list[dict[str, Any]]:
    images = [dict(image) for image in row["images"]]
    images[place]["bytes"] = change(images[place]["bytes"])
    return images


@pytest.mark.parametrize("fault", BAD_ROWS)
def test_a_bad_row_is_named_and_nothing_is_left(tmp_path: Path, fault: str) -> None:
    change, message = BAD_ROWS[fault]
    good = made_row("locate", {2: [(100, 100, 400, 500)]}, photo=1)
    release = write_release(tmp_path / "release", [made_row("absent", photo=7), {**good, **change(good)}])
    with pytest.raises(TrainingDataError, match=message) as caught:
        train(release, tmp_path / "images")
    assert good["id"] in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "images").rglob("*.arrow"))


def test_another_schema_version(tmp_path: Path) -> None:
    release = write_release(tmp_path / "release", ROWS, schema_version="99")
    with pytest.raises(ReleaseError, match="schema version 99"):
        train(release, tmp_path / "images")


@pytest.mark.parametrize("name", ["nowhere/at/all", "nowhere", "/nowhere"])
def test_no_release(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReleaseError, match="no such folder"):
        train(name, tmp_path / "images")


def test_a_release_without_images_needs_the_photos(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    row = made_row("locate", {2: [(100, 100, 400, 500)]}, photo=1)
    for view, image in zip(row["views"], row["images"], strict=True):
        (photos / view["file_name"]).write_bytes(image["bytes"])
    release = write_release(
        tmp_path / "release",
        [{**row, "images": []}],
        image_mode="reference",
        sources=[
            {"key": "coco-0", "kind": "coco", "annotations": "a.json", "images": str(tmp_path / "moved"), "sha256": ""}
        ],
        config={"intra": {"jpeg_quality": 92}},
    )
    with pytest.raises(TrainingDataError, match=r"stores no images.*set data\.photos"):
        train(release, tmp_path / "images")
    (found,) = train(release, tmp_path / "images", photos=str(photos))
    assert [Path(path).read_bytes() for path in found["images"]] == [image["bytes"] for image in row["images"]]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A Hub with version v1.0.0 of a release of two rows a shard; its name."""
    constants = huggingface_hub.constants
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with serve() as double:
        monkeypatch.setenv("HF_ENDPOINT", double.url)
        push(write_tiny_release(tmp_path / "pushed", rows=2), "org/tiny", tag="v1.0.0")
        yield "org/tiny"


def test_a_version_on_the_hub(hub: str, tmp_path: Path) -> None:
    remote = train(hub, tmp_path / "images", revision="v1.0.0").to_list()
    assert remote == train(tmp_path / "pushed", tmp_path / "images").to_list()
    assert len(remote) == 4


@pytest.mark.parametrize(
    ("name", "revision", "fault"),
    [
        ("org/other", None, "this token cannot access a dataset"),
        ("org/tiny", "v9.9.9", r"no revision 'v9\.9\.9' on the Hub; set data\.revision"),
    ],
    ids=["no such release", "no such version"],
)
def test_not_on_the_hub(hub: str, tmp_path: Path, name: str, revision: str | None, fault: str) -> None:
    with pytest.raises(ReleaseError, match=fault) as caught:
        train(name, tmp_path / "images", revision=revision)
    assert "\n" not in str(caught.value)


def test_no_connection_to_the_hub(hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(hub, tmp_path / "images")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ReleaseError, match="cannot be reached, and the cache has no copy; check the connection"):
        train("org/other", tmp_path / "images")
    assert len(train(hub, tmp_path / "images")) == 4, "from the cache"


def test_rows_are_json(release: Path, tmp_path: Path) -> None:
    """What reaches the reward by TRL's columns has to be plain values."""
    assert json.loads(json.dumps(train(release, tmp_path / "images").to_list()))


def test_every_fault_is_an_expected_error() -> None:
    assert issubclass(TrainingDataError, CgcError)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
