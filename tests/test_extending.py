"""The examples of docs/extending.md work as shown, each from its first command to its last figure."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cgc_data.answer import Object, format_answer
from cgc_data.painter import paint
from cgc_data.sources.read import file_sha256
from tests.cgc_train.made_rows import some_rows, write_release
from tests.extending import PACKAGES, ROOT, TITLES, Copy, extended_copy, extension

DATA = ("-c", "from cgc_data.cli import main; main()")
BENCH = ("-c", "from cgc_bench.cli import main; main()")
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("title", TITLES)
def test_an_extension_is_at_most_three_files_and_one_line(title: str) -> None:
    found = extension(title)
    (diff,) = found.registration.values()
    assert 1 <= len(found.files) <= 3
    assert [line[0] for line in diff.splitlines()].count("+") == 1
    assert all(path.startswith(PACKAGES) for path in (*found.files, *found.registration))


def test_the_examples_are_clean(tmp_path: Path) -> None:
    copy = extended_copy(tmp_path, *TITLES)
    new = [path for title in TITLES for path in (*extension(title).files, *extension(title).registration)]
    settings = ("--config", str(ROOT / "pyproject.toml"), *new)
    copy.output("-m", "ruff", "check", *settings)
    copy.output("-m", "ruff", "format", "--check", *settings)


def test_a_task_goes_the_whole_way(tmp_path: Path) -> None:
    copy, release = extended_copy(tmp_path, "A task"), tmp_path / "each"
    copy.output(*DATA, "build", "--samples", "200", "--out", str(release), "tasks.inter/each=0.5")
    copy.output(*DATA, "validate", str(release))
    assert json.loads((release / "stats.json").read_text())["by_task"]["inter/each"] > 20
    assert "inter/each" in (release / "README.md").read_text()
    copy.output(*DATA, "preview", str(release), "--to", str(tmp_path / "gallery"), "--per-task", "2")
    assert "Every image shows exactly one instance." in (tmp_path / "gallery/index.html").read_text()
    copy.output("-c", GOLD, str(release))
    assert _contrast_row(copy, release, "inter/each")["acc@0.5"] == 100
    _falsify(release)
    done = copy.run(*DATA, "validate", str(release), "--json", str(tmp_path / "report.json"))
    assert done.returncode != 0
    report = json.loads((tmp_path / "report.json").read_text())
    failed = {check["name"] for check in report["checks"] if check["status"] == "fail"}
    assert failed >= {"one in each", "set complete"}
    assert not failed & {"hashes", "row form", "answer"}


def test_a_source_warrants_an_absence_that_validation_derives_again(tmp_path: Path) -> None:
    copy, garden = extended_copy(tmp_path, "A source format"), tmp_path / "garden.json"
    _write_garden(tmp_path, garden)
    release = tmp_path / "release"
    settings = ("preset=paper", "confusable=labeled", "tasks.intra/same_object=0", "tasks.intra/locate_all=0")
    copy.output(*DATA, "build", "--garden", f"{garden}:{tmp_path}", "--samples", "60", "--out", str(release), *settings)
    copy.output(*DATA, "validate", str(release))
    rows = pq.read_table(release / "inter").to_pylist()
    claims = [
        (view, claim) for row in rows for claim in row["evidence"] for view in [row["views"][claim["img_idx"] - 1]]
    ]
    assert {claim["warrant"] for _, claim in claims} == {"exhaustive"}
    assert {claim["source"].partition("-")[0] for _, claim in claims} == {"garden"}
    view, claim = claims[0]
    _add_annotation(garden, view["image_id"], claim["label"])
    _restate(release, "sources", {"sha256": file_sha256(garden)})
    done = copy.run(*DATA, "validate", str(release), "--json", str(tmp_path / "report.json"))
    assert done.returncode != 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert "evidence" in {check["name"] for check in report["checks"] if check["status"] == "fail"}


def test_a_term_changes_a_training_reward(tmp_path: Path) -> None:
    copy = extended_copy(tmp_path, "A reward term")
    write_release(tmp_path / "rows", [*some_rows(), *some_rows(photo=200), *some_rows("validation", photo=500)])
    copy.output("-m", "cgc_train", "tiny", str(tmp_path / "tiny"))
    settings = (
        *("data.release=rows", "model.name=tiny", "data.held_out_rows=2", "data.max_pixels=4096"),
        *("grpo.max_steps=1", "grpo.max_completion_length=8", "grpo.num_generations=2"),
        *("grpo.per_device_train_batch_size=2", "grpo.gradient_accumulation_steps=1", "effective_batch=2"),
    )
    copy.output("-m", "cgc_train", "grpo", "tiny-cpu", "--to", "run", *settings, CGC_CACHE=str(tmp_path / "cache"))
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    (step,) = [line for line in lines if line["kind"] == "train" and "reward" in line]
    assert step["rewards/miou_reward/mean"] + step["rewards/format_reward/mean"] == 0, "random weights earn nothing"
    assert step["rewards/brevity_reward/mean"] == 1, "they list nothing either"
    assert step["reward"] == 0.5


def test_a_benchmark_is_scored_by_lmms_eval(tmp_path: Path) -> None:
    pytest.importorskip("lmms_eval")
    copy, published = extended_copy(tmp_path, "A benchmark"), tmp_path / "odd-one-out"
    _write_odd_one_out(published)
    environment = {"CGC_CACHE": str(tmp_path / "cache"), "HF_DATASETS_CACHE": str(tmp_path / "datasets")}
    copy.output("scripts/write_tasks.py")
    assert "4 items" in copy.output(*BENCH, "prepare", "odd", "--from", str(published), **environment)
    command = ("-m", "lmms_eval", "--model", "cgc_floor", "--model_args", "floor=first_image", "--tasks", "cgc_odd")
    copy.output(*command, "--output_path", "out", "--log_samples", **environment, HF_HUB_OFFLINE="1")
    (file,) = (tmp_path / "out").rglob("*_results.json")
    assert json.loads(file.read_text())["results"]["cgc_odd_odd"]["accuracy,none"] == 25
    (prepared,) = (tmp_path / "cache").rglob("items.json")
    scored = (*BENCH, "score", "odd", "--annotations", str(prepared), "--predictions", "out", "--json", "score.json")
    copy.output(*scored, **environment)
    assert json.loads((tmp_path / "score.json").read_text())["macro"]["accuracy"] == 25


GOLD = """
import sys
from cgc_data.release.read import open_release
from cgc_train.reward import gold_check
rows = [row for row in open_release(sys.argv[1]).rows(images=False) if row["task"] == "each"]
assert rows and not gold_check(rows), gold_check(rows)
"""


def _contrast_row(copy: Copy, release: Path, task: str) -> dict[str, Any]:
    """The line of a task in the scores of perfect answers."""
    rows = pq.read_table(release / "inter", columns=["id", "answer", "split"]).to_pylist()
    lines = [json.dumps({"index": row["id"], "response": row["answer"]}) for row in rows if row["split"] == "test"]
    (copy.folder / "answers.jsonl").write_text("\n".join(lines))
    given = ("--annotations", str(release), "--predictions", "answers.jsonl", "--json", "score.json")
    copy.output(*BENCH, "score", "contrast", *given)
    found: dict[str, Any] = json.loads((copy.folder / "score.json").read_text())["tasks"][task]
    return found


def _falsify(release: Path) -> None:
    """Leave one object out of an answer, in a release that is otherwise whole."""
    (path, *_) = sorted((release / "inter").glob("train-*.parquet"))
    table = pq.read_table(path)
    rows = table.to_pylist()
    row = next(row for row in rows if row["task"] == "each")
    row["objects"] = row["objects"][1:]
    boxes = [Object(o["img_idx"], tuple(o["bbox_2d"]), o["label"]) for o in row["objects"]]
    row["answer"] = format_answer(boxes)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    seal = {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
    _restate(release, "shards", seal, path=str(path.relative_to(release)))


def _restate(release: Path, section: str, values: dict[str, Any], **which: str) -> None:
    """Change what the manifest states of the entries that have the values of `which`."""
    manifest = json.loads((release / "manifest.json").read_text())
    for entry in manifest[section]:
        if which.items() <= entry.items():
            entry.update(values)
    (release / "manifest.json").write_text(json.dumps(manifest))


def _write_garden(folder: Path, file: Path) -> None:
    """Painted photos with the annotations of Garden's five categories."""
    source = next(source for source in paint("standard", folder / "painted") if source.kind == "coco")
    shutil.copytree(source.images / "train2017", folder / "photos")
    content = json.loads(source.annotations.read_text())
    content["categories"] = [
        c for c in content["categories"] if c["name"] in ("bench", "bicycle", "bird", "cat", "dog")
    ]
    kept = {category["id"] for category in content["categories"]}
    content["annotations"] = [a for a in content["annotations"] if a["category_id"] in kept]
    file.write_text(json.dumps(content))


def _add_annotation(file: Path, image: int, label: str) -> None:
    content = json.loads(file.read_text())
    (category,) = [c["id"] for c in content["categories"] if c["name"] == label]
    new = {"id": 999_999, "image_id": image, "category_id": category, "bbox": [10, 10, 90, 90], "iscrowd": 0}
    content["annotations"].append(new | {"area": 8100, "segmentation": [[10, 10, 100, 10, 100, 100, 10, 100]]})
    file.write_text(json.dumps(content))


def _write_odd_one_out(folder: Path) -> None:
    """Four questions about three images each, of which the first is the odd one once."""
    (folder / "images").mkdir(parents=True)
    for name, color in (("a", "red"), ("b", "blue")):
        Image.new("RGB", (32, 32), color).save(folder / f"images/{name}.png")
    orders = ("baa", "aba", "aab", "aba")
    items = [
        {"index": place, "images": [f"{name}.png" for name in order], "answer": order.index("b") + 1}
        for place, order in enumerate(orders)
    ]
    (folder / "items.json").write_text(json.dumps(items))
