"""The held-out split as a benchmark: the perfect answer, the floors, what is counted over pairs, what is refused."""

from pathlib import Path

import pytest
from PIL import Image

from cgc_bench.contrast import BENCHMARK
from cgc_bench.contrast.items import messages, read_items
from cgc_bench.contrast.prepare import prepare_release
from cgc_bench.errors import AnnotationError
from cgc_bench.prepare import Prepared, open_prepared
from cgc_bench.scoring.summary import score_responses, summarise
from cgc_data.answer import format_response
from cgc_data.metrics import METRICS
from cgc_data.release.read import open_release
from cgc_data.tasks import CONTRASTS, TASKS
from tests.cgc_train.made_rows import some_rows, write_release
from tests.tiny_release import SIZE, write_tiny_release


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [*some_rows("test"), *some_rows("test", photo=200), *some_rows(photo=500)]
    return write_release(tmp_path_factory.mktemp("contrast") / "R", rows)


def test_only_the_test_split_is_asked(release: Path) -> None:
    items = read_items(release)
    assert set(items) == {row["id"] for row in open_release(release).rows(["id"], split="test")}
    assert {item.task for item in items.values()} <= {"inter", "intra"}


def test_the_perfect_answer_scores_100(release: Path) -> None:
    items = read_items(release)
    answers = {index: format_response(item.truth.objects, "Looked at all.") for index, item in items.items()}
    for protocol in BENCHMARK.protocols:
        summary = summarise(BENCHMARK, items, score_responses(BENCHMARK, items, answers, protocol=protocol))
        assert summary["macro"]["acc@0.5"] == summary["macro"]["miou"] == summary["macro"]["format"] == 100
        assert summary["macro"]["source_acc"] == 100
        for failure in ("leakage", "hallucination", "false_empty", "unreadable"):
            assert summary["macro"][failure] == 0, failure
        assert set(summary["diagnostics"]["macro"]) <= {*METRICS, "unit_scale"}


def test_every_task_has_a_line_and_the_mean_is_that_of_the_contrasts(release: Path) -> None:
    items = read_items(release)
    answers = dict.fromkeys(items, "[]")
    summary = summarise(BENCHMARK, items, score_responses(BENCHMARK, items, answers))
    asked = {item.truth.kind.id for item in items.values() if item.truth.kind}
    lines = [*CONTRASTS, *(task for task in TASKS if task in asked)]
    assert len(asked) > 3
    assert list(summary["tasks"]) == lines
    assert summary["missing_tasks"] == []
    for table in (
        summary["intervals"]["tasks"],
        summary["diagnostics"]["tasks"],
        summary["floors"]["center box"]["tasks"],
    ):
        assert set(table) == set(lines)
    for metric in ("acc@0.5", "false_empty"):
        shares = [summary["tasks"][contrast][metric] for contrast in CONTRASTS]
        assert summary["macro"][metric] == pytest.approx(sum(shares) / len(shares))
    for contrast in CONTRASTS:
        parts = [row for task, row in summary["tasks"].items() if task.startswith(f"{contrast}/")]
        whole = summary["tasks"][contrast]
        assert whole["n"] == sum(row["n"] for row in parts)
        assert whole["acc@0.5"] * whole["n"] == pytest.approx(sum(row["acc@0.5"] * row["n"] for row in parts))


def test_an_answer_without_reasoning_counts_officially_and_not_strictly(release: Path) -> None:
    items = read_items(release)
    bare = {i: format_response(item.truth.objects, "x").partition("<answer>")[2].removesuffix("</answer>")
            for i, item in items.items()}  # fmt: skip
    official, strict = (
        summarise(BENCHMARK, items, score_responses(BENCHMARK, items, bare, protocol=p))["macro"]
        for p in ("official", "strict")
    )
    assert official["acc@0.5"] == 100
    assert strict["format"] == 0


def test_silence_is_not_a_virtue(release: Path) -> None:
    items = read_items(release)
    macro = BENCHMARK.table([BENCHMARK.score(item, "[]") for item in items.values()])["macro"]
    assert macro["leakage"] == macro["hallucination"] == 0
    assert macro["false_empty"] == 100


@pytest.mark.parametrize("text", ["", "no box", "[" * 100_000, "[NaN, 1e308]", "\ud800", "x" * 1_000_000])
def test_whatever_a_model_wrote_is_scored(release: Path, text: str) -> None:
    for item in read_items(release).values():
        assert BENCHMARK.score(item, text).values["unreadable"] in (0.0, 1.0)


def test_prompts_show_every_image_and_think_asks_for_tags(release: Path) -> None:
    for item in read_items(release).values():
        plain, think = (messages(item, variant) for variant in ("official", "think"))
        assert sum(part["type"] == "image" for message in plain for part in message["content"]) == len(item.images)
        assert "<think>" in think[-1]["content"][-1]["text"]
        assert "<think>" not in str(plain)


def test_images_are_prepared_byte_for_byte(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGC_CACHE", str(tmp_path))
    ready = prepare_release(str(release))
    rows = {row["id"]: row for row in open_release(release).rows(split="test", images=True)}
    for task in ready.tasks:
        for place, index in enumerate(ready.indices(task)):
            assert ready.images(task, place) == [image["bytes"] for image in rows[index]["images"]]
    assert prepare_release(str(release)) == ready


def test_a_release_without_test_rows_is_refused(tmp_path: Path) -> None:
    folder = write_release(tmp_path / "R", some_rows())
    with pytest.raises(AnnotationError, match="no rows in the split 'test'"):
        read_items(folder)
    with pytest.raises(AnnotationError, match="no such folder"):
        read_items(tmp_path / "nothing")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def shown(ready: Prepared) -> dict[str, list[bytes]]:
    return {index: ready.images(task, place) for task in ready.tasks for place, index in enumerate(ready.indices(task))}


def stored(release: Path) -> dict[str, list[bytes]]:
    rows = open_release(release).rows(split="test", images=True)
    return {row["id"]: [image["bytes"] for image in row["images"]] for row in rows}


def test_releases_of_one_name_and_tag_never_mix(cache: Path, tmp_path: Path) -> None:
    """As after a tag or branch has moved, or for two owners of one name."""
    folders = [write_release(tmp_path / name, some_rows("test", photo=photo)) for name, photo in (("A", 1), ("B", 300))]
    prepared = [prepare_release(str(folder), "v1.0.0") for folder in folders]
    assert [shown(ready) for ready in prepared] == [stored(folder) for folder in folders]
    assert prepared[0].digests != prepared[1].digests


def test_a_release_rebuilt_in_its_folder_is_prepared_anew(cache: Path, tmp_path: Path) -> None:
    folder = write_release(tmp_path / "R", some_rows("test"))
    prepare_release(str(folder))
    write_release(folder, some_rows("test", photo=300))
    assert shown(prepare_release(str(folder))) == stored(folder)


def test_a_name_in_a_manifest_never_leads_out_of_the_cache(cache: Path, tmp_path: Path) -> None:
    folder = write_release(tmp_path / "R", some_rows("test"), name="../../../../outside")
    ready = prepare_release(str(folder))
    assert ready.folder.resolve().parent == cache.resolve() / "bench" / "contrast"


def test_a_relative_folder_is_found_from_elsewhere(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_release(tmp_path / "R", some_rows("test"))
    monkeypatch.chdir(tmp_path)
    ready = prepare_release("R")
    monkeypatch.chdir("/")
    found = open_prepared(ready.folder, elsewhere=True)
    assert found is not None
    assert BENCHMARK.read_items(found.annotations).keys() == shown(ready).keys()


def test_other_photos_of_a_release_without_images_are_taken(cache: Path, tmp_path: Path) -> None:
    def photos(name: str, colour: str) -> Path:
        (tmp_path / name).mkdir()
        for number in range(100):
            size = (128, 96) if number % 10 == 3 else SIZE
            photo = Image.new("RGB", size, colour)
            photo.paste("white", (10, 10, 40, 40))
            photo.save(tmp_path / name / f"{number:012d}.jpg")
        return tmp_path / name

    first, second = photos("first", "red"), photos("second", "blue")
    source = {"key": "coco-00000000", "kind": "coco", "annotations": "a.json", "sha256": "ab" * 32}
    sources = [{**source, "images": str(first)}]
    release = str(
        write_tiny_release(
            tmp_path / "R", 1, image_mode="reference", sources=sources, config={"intra": {"jpeg_quality": 90}}
        )
    )
    ready = prepare_release(release)
    assert prepare_release(release) == ready
    before, after = shown(ready), shown(prepare_release(release, photos=str(second)))
    assert before.keys() == after.keys()
    assert all(before[index] != after[index] for index in before)
    assert shown(prepare_release(release)) == before
