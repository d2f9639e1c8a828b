"""What a tiny model learns of the preset `full`: the page shows the figures as measured, and its parts hold."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

from benchmarks import painted_rows, tasks_compared, tasks_learned

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def outcome() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DOCS / "tasks_learned.json").read_bytes())
    return found


def test_the_table_shows_the_figures(outcome: dict[str, Any]) -> None:
    page = (DOCS / "learning.md").read_text(encoding="utf-8")
    assert f"{tasks_compared.BEGIN}\n\n{tasks_compared.tables(outcome)}\n{tasks_compared.END}" in page


def test_the_figures_are_of_the_fixed_protocol_and_of_every_task(outcome: dict[str, Any]) -> None:
    from dataclasses import asdict

    from cgc_data.tasks import TASKS

    assert outcome["protocol"] == json.loads(json.dumps(asdict(tasks_learned.FULL)))
    assert set(outcome["tasks"]) == set(TASKS)


def test_the_page_says_what_was_seen(outcome: dict[str, Any]) -> None:
    learned = {"inter/group", "inter/common", "inter/exemplar", "inter/refer"}
    assert ahead(outcome, "accuracy") == learned
    assert ahead(outcome, "miou") == learned - {"inter/refer"}
    by_task = {task: found["accuracy"]["ahead of"] for task, found in outcome["tasks"].items()}
    for task in learned:
        assert by_task[task][tasks_compared.BLIND][1] > 0, "it looks"
    for task in ("intra/region", "intra/difference"):
        assert by_task[task]["floor"][2] <= 0, "not learned"
    assert outcome["tasks"]["intra/region"]["rows"] < 50
    for task in ("inter/absent", "intra/absent"):
        means = outcome["tasks"][task]["accuracy"]["means"]
        assert 0.9 < means["full"] < means["paper"]
    for task in ("inter/locate", "intra/locate_all"):
        assert by_task[task]["paper"][2] < 0, "worse than `paper`"
    for task in ("inter/locate_all", "intra/same_object"):
        low, high = by_task[task]["paper"][1:]
        assert low < 0 < high, "about as good as `paper`"


def ahead(outcome: dict[str, Any], metric: str) -> set[str]:
    """New tasks on which the model of `full` is ahead of the best floor and of `paper`, interval and all."""
    return {
        task
        for task, found in outcome["tasks"].items()
        if tasks_compared.is_new(task) and all(found[metric]["ahead of"][other][1] > 0 for other in ("paper", "floor"))
    }


def test_pictures_are_exchanged_within_a_task() -> None:
    views = [{"image_id": 1}] * 2
    rows = [
        {"contrast": "inter", "task": task, "images": [f"{task} {n} a", f"{task} {n} b"], "views": views, "id": str(n)}
        for task in ("locate", "group")
        for n in range(5)
    ]
    shown = painted_rows.other_pictures(rows, seed=0)
    assert [row["id"] for row in shown] == [row["id"] for row in rows]
    assert all(new["images"] != old["images"] for new, old in zip(shown, rows, strict=True))
    assert all(new["images"][0].split()[0] == new["task"] for new in shown)
    assert sorted(row["images"] for row in shown) == sorted(row["images"] for row in rows)


def test_a_view_shows_what_has_its_middle_there_and_what_is_pasted(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    content = {
        "categories": [{"id": 1, "name": "cup"}, {"id": 2, "name": "sports ball"}],
        "images": [{"id": 7, "file_name": "a.jpg"}],
        "annotations": [
            {"id": 70, "image_id": 7, "category_id": 1, "bbox": [0, 0, 20, 20]},
            {"id": 71, "image_id": 7, "category_id": 2, "bbox": [60, 60, 20, 20]},
        ],
    }
    for name in ("train", "test"):
        part = content if name == "train" else {**content, "images": [], "annotations": []}
        (tmp_path / "annotations" / f"instances_{name}.json").write_text(json.dumps(part))
    annotations = painted_rows.Annotations(tmp_path)
    view: dict[str, Any] = {"file_name": "a.jpg", "window": [0, 0, 50, 50], "parts": []}
    assert annotations.in_view(view) == ["cup"]
    pasted = {"file_name": "a.jpg", "annotation_id": "source:71"}
    assert annotations.in_view({**view, "parts": [pasted]}) == ["ball", "cup"]
    assert painted_rows.named([["cup"], []]) == "Image 1 shows cup. Image 2 shows nothing."


def test_a_difference_is_paired() -> None:
    value, low, high = tasks_compared.difference([1.0, 0.6, 0.8], [0.9, 0.5, 0.7], ["a", "b", "c"])
    assert (value, low, high) == pytest.approx((0.1, 0.1, 0.1))
    assert tasks_compared.interval(0.1, 0.05, 0.2).startswith("**+0.10")
    assert tasks_compared.interval(0.1, -0.05, 0.2) == "+0.10 [-0.05, +0.20]"
