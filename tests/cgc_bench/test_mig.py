"""MIG-Bench against the official figures of published raw outputs, its floors, and the perfect answer."""

import json
from functools import cache
from pathlib import Path

import pytest

from cgc_bench.mig import BENCHMARK
from cgc_bench.mig.items import Item
from cgc_bench.scoring.benchmark import ItemResult
from cgc_data.answer import Object, format_response
from tests.cgc_bench.mig_rows import item

FLOOR_FIGURES = {
    ("whole image", "macro"): 7.10,
    ("whole image", "common_object"): 38.65,
    ("whole image", "group_grounding"): 16.49,
    ("center box", "macro"): 7.22,
    ("random image", "macro"): 7.22,
    ("copied reference", "object_tracking"): 12.91,
    ("copied reference", "multi_view"): 7.99,
}


@cache
def revised(folder: Path) -> dict[str, Item]:
    return BENCHMARK.read_items(folder / "mig_bench" / "revised_MIG_bench.json")


@cache
def published(folder: Path) -> tuple[ItemResult, ...]:
    lines = (folder / "mig_bench" / "predictions" / "qwen2_vl_7b.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return tuple(BENCHMARK.score(revised(folder)[str(row["index"])], row["response"]) for row in rows)


def test_official_figures_come_out_to_the_last_digit(real_data: Path) -> None:
    file = real_data / "mig_bench" / "predictions" / "qwen2_vl_7b.official.json"
    official = json.loads(file.read_text(encoding="utf-8"))
    table = BENCHMARK.table(published(real_data))
    assert table["tasks"] == official["tasks"]
    assert table["macro"] == official["macro"]
    assert table["n"] == 4276
    assert round(table["macro"]["acc@0.5"], 4) == 30.0206


def test_without_reasoning_the_strict_reading_is_the_official_one(real_data: Path) -> None:
    assert all(result.values["acc@0.5_strict"] == result.values["acc@0.5"] for result in published(real_data))
    assert sum(result.values["no_box"] or 0 for result in published(real_data)) == 36


@pytest.mark.parametrize(("floor", "task"), FLOOR_FIGURES, ids=str)
def test_floors_are_those_of_the_reference(real_data: Path, floor: str, task: str) -> None:
    table = floor_table(real_data, floor)
    row = table["macro"] if task == "macro" else table["tasks"][task]
    assert row["acc@0.5"] == pytest.approx(FLOOR_FIGURES[floor, task], abs=0.1)


@cache
def floor_table(folder: Path, floor: str) -> dict:
    items = revised(folder).values()
    return BENCHMARK.table([BENCHMARK.score(item, BENCHMARK.floor_response(floor, item)) for item in items])


def test_the_perfect_answer_scores_100(real_data: Path) -> None:
    items = list(revised(real_data).values())
    for protocol in BENCHMARK.protocols:
        results = [BENCHMARK.score(item, perfect(item), protocol=protocol) for item in items]
        assert set(BENCHMARK.table(results)["macro"].values()) == {100.0}
        assert {result.values["source_acc"] for result in results} == {1.0, None}


def perfect(asked: Item) -> str:
    x1, y1, x2, y2 = (int(value) for value in asked.box)
    return format_response([Object(asked.target_image or 1, (x1, y1, x2, y2), "it")], "I looked at every image.")


def test_tables_average_tasks_and_not_items() -> None:
    right, wrong = "(100,200),(500,600)", "(1,2),(3,4)"
    pairs = [(item(task="diff"), right), (item(task="region"), right), (item(task="region"), wrong)]
    table = BENCHMARK.table([BENCHMARK.score(asked, response) for asked, response in pairs])
    assert table["n"] == 3
    assert table["tasks"]["region"] == {"n": 2, "acc@0.5": 50, "acc@0.7": 50, "acc@0.3": 50, "mean_iou": 50}
    assert table["macro"]["acc@0.5"] == 75


def test_no_results_have_no_average() -> None:
    assert BENCHMARK.table([]) == {
        "n": 0,
        "macro": dict.fromkeys(("acc@0.5", "acc@0.7", "acc@0.3", "mean_iou")),
        "tasks": {},
    }


@pytest.mark.parametrize(("response", "at_05", "at_03"), [("(100,200),(300,600)", 1, 1), ("(100,200),(299,600)", 0, 1)])
def test_a_threshold_is_met_where_it_is_touched(response: str, at_05: float, at_03: float) -> None:
    values = BENCHMARK.score(item(), response).values
    assert (values["acc@0.5"], values["acc@0.3"]) == (at_05, at_03)


def test_post_processing_changes_the_official_box_and_not_the_strict_figure() -> None:
    asked = item(box=(100, 210, 500, 660))
    result = BENCHMARK.score(asked, "(100,200),(500,600)", postprocess="migician")
    assert result.values["mean_iou"] == 1
    assert result.values["acc@0.5_strict"] == 1
    assert result.boxes == [(0, 100, 210, 500, 660)]
