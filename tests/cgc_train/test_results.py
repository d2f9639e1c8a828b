"""Benchmark results of a pushed model: what `cgc-bench score` wrote, as the Hub's client reads it back."""

import json
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import yaml
from click.testing import CliRunner
from huggingface_hub import ModelCard

from cgc_bench.cli import cli as bench
from cgc_data.common.errors import PushError
from cgc_train.publish.results import card_rows, eval_results, file_name, read_results, with_model_index
from cgc_train.recipe import Recipe, load_recipe
from tests.cgc_bench import mig_rows

CARD = "---\nlicense: apache-2.0\ntags:\n- cgc\n---\n\n# A model\n"


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe("tiny-cpu", ["data.release=org/data"])


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    """A file that `cgc-bench score` itself wrote, of three items of which one is right."""
    rows = [mig_rows.row(), mig_rows.row("region", images=["c", "d"]), mig_rows.group_row(images=["e", "f"])]
    items = mig_rows.write(tmp_path, rows)
    answers = tmp_path / "answers.jsonl"
    answers.write_text("".join(json.dumps({"index": n, "response": "(100,200),(500,600)"}) + "\n" for n in range(3)))
    file = tmp_path / "score.json"
    words = ["score", "mig", "--annotations", str(items), "--predictions", str(answers), "--json", str(file)]
    assert CliRunner().invoke(bench, words).exit_code == 0
    return file


def written(folder: Path, name: str = "score.json", **changes: Any) -> str:
    """A file of that form."""
    content = {
        "task": "contrast",
        "protocol": "strict",
        "annotations": "v1",
        "n": 8,
        "items": 9,
        "macro": {"acc": 50.0},
    }
    file = folder / name
    file.write_text(json.dumps(content | changes))
    return str(file)


def test_what_score_writes_is_read_by_the_client_of_the_hub(scored: Path, recipe: Recipe) -> None:
    macro = json.loads(scored.read_text())["macro"]
    results = read_results([str(scored)], recipe)
    card = ModelCard(with_model_index(CARD, "model", results))
    assert card.data.license == "apache-2.0"
    found = {entry.metric_type: entry for entry in card.data.eval_results}
    assert {name: entry.metric_value for name, entry in found.items()} == pytest.approx(
        {name: value for name, value in macro.items() if value is not None}, abs=0.01
    )
    assert {entry.dataset_type for entry in found.values()} == {"Michael4933/MIG-Bench"}
    (path, content), *others = eval_results(results, "https://hub/org/model").items()
    assert (path, others) == (".eval_results/mig-official.yaml", [])
    parse = getattr(huggingface_hub, "parse_eval_result_entries", None)
    if parse is None:
        pytest.skip("this client knows no .eval_results")
    (entry,) = parse(yaml.safe_load(content))
    assert (entry.dataset_id, entry.task_id) == ("Michael4933/MIG-Bench", "default")
    assert entry.value == pytest.approx(next(iter(macro.values())), abs=0.01)
    assert entry.source_url == "https://hub/org/model"
    assert "3 of 3 items" in entry.notes
    assert "protocol official" in entry.notes


def test_a_protocol_has_a_file_of_its_own(tmp_path: Path, recipe: Recipe) -> None:
    named = [written(tmp_path), written(tmp_path, "other.json", protocol="official", postprocess="migician")]
    assert [file_name(result) for result in read_results(named, recipe)] == [
        "contrast-strict.yaml",
        "contrast-official-migician.yaml",
    ]
    with pytest.raises(PushError, match="two files are for contrast-strict"):
        read_results([named[0], named[0]], recipe)


@pytest.mark.parametrize(
    ("task", "prefix", "release", "expected"),
    [
        ("mig", "", "demo/painted", "Michael4933/MIG-Bench"),
        ("mig", "org/copy=", "demo/painted", "org/copy"),
        ("contrast", "", "org/data", "org/data"),
        ("contrast", "", "/home/me/data", None),
        ("contrast", "org/data=", "/home/me/data", "org/data"),
        ("transfer", "", "org/data", None),
        ("transfer", "one two=", "org/data", None),
    ],
)
def test_the_data_set_of_a_benchmark(
    task: str, prefix: str, release: str, expected: str | None, tmp_path: Path
) -> None:
    recipe = load_recipe("tiny-cpu", [f"data.release={release}"])
    named = prefix + written(tmp_path, task=task)
    if expected:
        assert read_results([named], recipe)[0].dataset == expected
        return
    with pytest.raises(PushError, match="write ORG/NAME="):
        read_results([named], recipe)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("not json", "not a publishable result"),
        ("{}", "not a publishable result"),
        (
            json.dumps({"task": "mig", "protocol": "x", "annotations": "", "n": 0, "items": 1, "macro": {"a": None}}),
            "contains no figures",
        ),
    ],
)
def test_other_files_are_refused(content: str, said: str, tmp_path: Path, recipe: Recipe) -> None:
    (tmp_path / "file.json").write_text(content)
    with pytest.raises(PushError, match=said):
        read_results([str(tmp_path / "file.json")], recipe)
    with pytest.raises(PushError, match="not a publishable result"):
        read_results([str(tmp_path / "missing.json")], recipe)


def test_the_table_has_every_figure_with_its_bounds(tmp_path: Path, recipe: Recipe) -> None:
    bounds = {"macro": {"acc": {"value": 50.0, "low": 25.0, "high": 75.0, "n": 8}}}
    (row,) = card_rows(read_results([written(tmp_path, intervals=bounds)], recipe))
    assert (row["benchmark"], row["metric"], row["value"]) == ("contrast", "acc", 50.0)
    assert row["bounds"] is not None
    assert (row["bounds"].low, row["bounds"].high) == (25.0, 75.0)
    assert row["notes"] == "protocol strict, annotations v1, 8 of 9 items"


def test_a_card_without_results_stays_as_it_is() -> None:
    assert with_model_index(CARD, "model", []) == CARD
