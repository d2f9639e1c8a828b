"""What the run of `make demo` learns: the page shows the figures as measured, and they support its claims."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

from benchmarks import demo_learns

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def outcome() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DOCS / "demo_learns.json").read_bytes())
    return found


def test_the_table_shows_the_figures(outcome: dict[str, Any]) -> None:
    page = (DOCS / "learning.md").read_text(encoding="utf-8")
    assert f"{demo_learns.BEGIN}\n\n{demo_learns.tables(outcome)}\n{demo_learns.END}" in page


def test_every_seed_learns(outcome: dict[str, Any]) -> None:
    assert set(outcome["seeds"]) == {"0", "1", "2"}
    for found in outcome["seeds"].values():
        assert found["rows"] >= 128
        for metric, least in (("miou", 0.05), ("source", 0.1), ("valid", 0.1)):
            assert found[metric]["rise"][1] > least, f"{metric} rises visibly"
        assert found["greedy"]["rise"][1] > 0, "not only certainty rises"
        assert found["seconds"] <= 240, "two minutes of two cores"


def test_the_page_says_what_was_seen(outcome: dict[str, Any]) -> None:
    seeds = outcome["seeds"].values()
    assert all(found["false_empty"]["after"] < 0.015 for found in seeds)
    assert all(found["hallucinated"]["rise"][1] > 0 for found in seeds)


def test_a_rebuilt_warm_start_answers_like_the_shipped_one(outcome: dict[str, Any]) -> None:
    for metric in demo_learns.SHOWN:
        found = outcome["rebuilt"]["same seed"][metric]
        assert found["before"] == found["after"]


def test_a_warm_start_of_another_seed_is_another_model(outcome: dict[str, Any]) -> None:
    found = outcome["rebuilt"]["another seed"]
    assert found["source"]["rise"][2] < 0
    assert found["valid"]["rise"][2] < 0
    assert found["greedy"]["rise"][1] > 0
    assert found["hallucinated"]["rise"][2] < 0


def test_rows_without_a_value_on_one_side_count_on_neither() -> None:
    found = demo_learns.compared([0.5, None, 0.1], [0.75, 1.0, None], ["a", "b", "c"])
    assert (found["before"], found["after"], found["rows"]) == (0.5, 0.75, 1)
    assert demo_learns.mean([None, True, 0.0]) == 0.5
    assert demo_learns.mean([None]) is None
