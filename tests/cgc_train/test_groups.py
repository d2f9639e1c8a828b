"""Which groups teach, what replaces the others, and that a run with additional prompts resumes to the same weights."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

from safetensors.torch import load_file

from cgc_train.check.context import Context
from cgc_train.check.rows import check_groups
from cgc_train.errors import RecipeError
from cgc_train.groups import Sampled, further_rows, idle_groups, replaced, teaches, whole_groups
from cgc_train.grpo import resume, run_grpo
from cgc_train.recipe import GroupSettings, load_recipe
from cgc_train.reward.settings import RewardSettings
from tests.cgc_train.conftest import made_recipe
from tests.cgc_train.made_rows import made_row

EQUAL, MIXED = (0.5, 0.5, 0.5, 0.5), (0.0, 1.0, 1.0, 2.0)


@pytest.mark.parametrize(
    ("rewards", "settings", "expected"),
    [
        (EQUAL, {}, False),
        ((0.5, 0.5 + 1e-9), {}, False),
        (MIXED, {}, True),
        (MIXED, {"min_spread": 0.7}, True),  # its deviation is 0.707
        (MIXED, {"min_spread": 0.71}, False),
        (MIXED, {"min_mean": 1.0}, True),
        (MIXED, {"min_mean": 1.01}, False),
        (MIXED, {"max_mean": 1.0}, True),
        (MIXED, {"max_mean": 0.99}, False),
        (EQUAL, {"min_mean": 0.2, "max_mean": 2.0}, False),
    ],
)
def test_a_group_teaches_by_its_differences_and_its_mean(
    rewards: tuple[float, ...], settings: dict[str, float], expected: bool
) -> None:
    assert teaches(rewards, GroupSettings(**settings)) is expected  # type: ignore[arg-type]


def test_groups_are_told_by_place() -> None:
    assert idle_groups([*EQUAL, *MIXED, *EQUAL], 4, GroupSettings()) == [0, 2]


@pytest.mark.parametrize(
    ("count", "size", "processes", "expected"), [(1, 8, 1, 1), (1, 8, 8, 1), (1, 2, 8, 4), (5, 2, 8, 8), (3, 4, 6, 3)]
)
def test_every_process_answers_as_much(count: int, size: int, processes: int, expected: int) -> None:
    assert whole_groups(count, size, processes) == expected


def test_further_rows_are_new_and_a_function_of_the_key() -> None:
    first, again, other = (further_rows({1, 2}, 4, [0, 5, key], 12) for key in (7, 7, 8))
    assert first == again != other
    assert len(set(first)) == 4
    assert not {1, 2} & {*first, *other}
    assert further_rows(set(range(9)), 4, [0], 12) == [], "too few are left"


def test_further_rows_have_the_grades_of_the_batch() -> None:
    grades = [0] * 5 + [1] * 5 + [2] * 5
    assert set(further_rows({0, 6}, 6, [3], 15, grades)) <= set(range(10))
    assert further_rows({0}, 5, [3], 15, grades) == [], "four of its grade are left"


def sampled(name: str, reward: float) -> Sampled:
    row: Any = {"id": name}
    return Sampled(row, [1], [2], name, None, reward)


def test_groups_that_teach_take_the_places_in_order() -> None:
    batch = [sampled(name, 0.0) for name in ("a", "a", "b", "b", "c", "c")]
    others = [sampled(name, 0.0) for name in ("x", "x", "y", "y")]
    assert [entry.completion for entry in replaced(batch, [0, 2], others, [0], 2)] == ["y", "y", "b", "b", "c", "c"]
    assert replaced(batch, [0, 1, 2], others, [0, 1], 2) == batch


def alternating(self: Any, inputs: Any, prompts: Any, completions: Any, ids: Any) -> Any:
    """Rewards by row: about half of the rows give groups of equal rewards."""
    import torch

    given = [[float(place % 2) if int(row["id"], 16) % 2 else 1.0, 0.0] for place, row in enumerate(inputs)]
    return torch.tensor(given)


def trained(run: Any) -> list[dict[str, float]]:
    return [line for line in run.metrics() if line["kind"] == "train" and "reward" in line]


def test_idle_groups_are_replaced_and_their_cost_is_logged(
    run_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trl.GRPOTrainer._calculate_rewards", alternating)
    values = {"held_out_every": 0}
    plain = run_grpo(made_recipe(run_values, data=values, grpo={"max_steps": 4}), tmp_path / "plain")
    recipe = made_recipe({**run_values, "groups": {"resample": 4}}, data=values, grpo={"max_steps": 4})
    run = run_grpo(recipe, tmp_path / "run")
    assert max(line["frac_reward_zero_std"] for line in trained(plain)) > 0
    for line in trained(run):
        assert line["groups/idle"] == line["frac_reward_zero_std"] == 0
        assert (line["groups/extra_rounds"] > 0) == (line["groups/idle_sampled"] > 0)
        assert line["groups/extra_completions"] >= 4 * line["groups/idle_sampled"]
    assert any(line["groups/extra_completions"] for line in trained(run))
    tokens = [found[-1]["num_tokens"] for found in (trained(plain), trained(run))]
    assert tokens[0] < tokens[1], "what was sampled in vain counts"
    for step in run.completion_steps():
        rows = run.completions(step)
        assert len(rows) == 4, "only what was learned from is kept"
        assert any(row["advantage"] for row in rows)


def test_a_run_with_further_prompts_resumes_to_the_same_weights(
    run_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trl.GRPOTrainer._calculate_rewards", alternating)
    values = {**run_values, "groups": {"resample": 4}}
    run = run_grpo(made_recipe(values, data={"held_out_every": 0}, grpo={"max_steps": 4}), tmp_path / "run")
    logged, final = trained(run), load_file(run.model_folder / "model.safetensors")
    for newer in ("checkpoint-3", "checkpoint-4", "model"):
        shutil.rmtree(run.folder / newer)
    again = load_file(resume(run).model_folder / "model.safetensors")
    assert all(again[name].equal(weight) for name, weight in final.items())
    assert [line["groups/extra_completions"] for line in trained(run)] == [
        line["groups/extra_completions"] for line in logged
    ]


def test_gates_leave_no_advantage(run_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean of the groups that differ is half a point."""
    monkeypatch.setattr("trl.GRPOTrainer._calculate_rewards", alternating)
    shares = {}
    for highest in (0.4, 0.6):
        values = {**run_values, "groups": {"max_mean": highest}}
        recipe = made_recipe(values, data={"held_out_every": 0}, grpo={"max_steps": 4})
        run = run_grpo(recipe, tmp_path / str(highest))
        rows = [row for step in run.completion_steps() for row in run.completions(step)]
        shares[highest] = sum(bool(row["advantage"]) for row in rows)
        assert all("groups/extra_completions" not in line for line in trained(run)), "nothing is sampled again"
        assert sum(line["groups/idle"] for line in trained(run)) == 4 - shares[highest] / 4
    assert shares[0.4] == 0 < shares[0.6]


def test_a_set_that_is_asked_whole_has_no_further_prompts(
    run_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trl.GRPOTrainer._calculate_rewards", alternating)
    values = {**run_values, "groups": {"resample": 3}}
    recipe = made_recipe(values, data={"held_out_every": 0, "limit": 2}, grpo={"max_steps": 1})
    assert {line["groups/extra_completions"] for line in trained(run_grpo(recipe, tmp_path / "run"))} == {0.0}


def test_a_curriculum_by_reward_needs_measurements(run_values: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="curriculum=by_reward needs keep=FILE"):
        load_recipe("tiny-cpu", ["data.curriculum=by_reward"])


def test_check_tells_how_many_measured_groups_teach(run_values: dict[str, Any], tmp_path: Path) -> None:
    from cgc_train.data.find import find_release
    from cgc_train.data.select import chosen

    plain = made_recipe(run_values)
    ids = chosen(find_release(plain.data), plain.data, "train")
    file = tmp_path / "measured.jsonl"
    file.write_text(
        "".join(json.dumps({"id": name, "kept": True, "mean": 1.0, "rewards": MIXED}) + "\n" for name in ids)
    )
    for groups, status in (({}, "ok"), ({"min_spread": 1.0}, "warning")):
        recipe = made_recipe({**run_values, "groups": groups}, data={"keep": str(file)})
        finding = check_groups(Context(recipe))
        assert finding.status == status
        assert f"of {len(ids)} measured groups" in finding.message


def test_a_weight_of_a_term_counts_in_whether_a_group_teaches() -> None:
    """Which rewards a group has is a matter of the recipe's weights; a term without weight makes no difference."""
    from cgc_data.metrics import truth_of
    from cgc_train.reward import score

    truth = truth_of(made_row("locate", {1: [(0, 0, 500, 500)]}))
    answers = ('<answer>[{"img_idx": 1, "bbox_2d": [0, 0, 500, 500], "label": "dog"}]</answer>',)
    answers += (f"<think>It is there.</think>{answers[0]}",)
    for weight, expected in ((1.0, True), (0.0, False)):
        rewards = [score(answer, truth, RewardSettings(format=weight)).reward for answer in answers]
        assert teaches(rewards, GroupSettings()) is expected
