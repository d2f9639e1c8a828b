"""What a person sees of a run: aligned lines with what matters, and none of what other packages print."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("trl")

from PIL import Image

from cgc_data.metrics import score_item, truth_of
from cgc_train.console import HEADER_EVERY, StepLines, reward_columns
from cgc_train.grpo import run_grpo
from cgc_train.outcome import change_table, changes, held_out_change
from cgc_train.recipe import save_recipe
from tests.cgc_train.conftest import made_recipe
from tests.cgc_train.made_rows import made_row
from tests.cgc_train.test_reward_options import BOX, FAR, says

LOGS = {
    "reward": 1.25,
    "rewards/miou_reward/mean": 0.3,
    "rewards/format_reward/mean": 0.95,
    "contrast/index_accuracy": 0.5,
    "contrast/false_empty": 0.125,
    "contrast/unreadable": 0.0,
    "completions/mean_length": 61.4,
}
HEAD = "step reward R_miou R_format right image leaked [] unreadable tokens s/step left"


def lines_of(columns: Any, steps: int, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What is printed of `steps` logs."""
    shown = StepLines(columns)
    state = SimpleNamespace(global_step=0, max_steps=steps, is_world_process_zero=True)
    shown.on_train_begin(None, state, None)
    for step in range(1, steps + 1):
        state.global_step = step
        shown.on_log(None, state, None, LOGS)
        shown.on_log(None, state, None, {"eval_reward": 1.0})
    return capsys.readouterr().err.splitlines()


def test_each_step_is_one_line_under_its_head(run_values: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    head, first, *_ = lines_of(reward_columns(made_recipe(run_values)), 3, capsys)
    assert " ".join(head.split()) == HEAD
    assert first.split()[:9] == ["1/3", "1.25", "0.30", "0.95", "50%", "-", "12%", "0%", "61"]
    assert len(head) == len(first), "columns are in line"
    assert head.index("R_miou") + len("R_miou") == first.index("0.30") + len("0.30")


def test_the_head_comes_again_on_a_long_run(run_values: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    printed = lines_of(reward_columns(made_recipe(run_values)), HEADER_EVERY + 1, capsys)
    assert [place for place, line in enumerate(printed) if "R_miou" in line] == [0, HEADER_EVERY + 1]


def test_a_term_that_is_paid_has_a_column(run_values: dict[str, Any]) -> None:
    heads = [column.head for column in reward_columns(made_recipe(run_values, reward={"images": 0.5}))]
    assert heads[:4] == ["reward", "R_miou", "R_format", "R_images"]


def test_what_changed_is_paired_by_row() -> None:
    truths = [truth_of(made_row("locate", {2: [BOX]}, photo=photo)) for photo in (1, 11, 21, 31)]
    before = [score_item(says((2, FAR)), truth) for truth in truths]
    after = [score_item(says((2, BOX if place else FAR)), truth) for place, truth in enumerate(truths)]
    found = {change.metric: change for change in changes(before, after)}
    gain = found["miou"].difference
    assert (found["miou"].before.value, found["miou"].after.value, gain.value) == (0, 0.75, 0.75)
    assert gain.low is not None
    assert gain.high is not None
    assert 0 < gain.low < 0.75 < gain.high <= 1
    assert found["hallucination"].difference.value is None
    table = change_table(list(found.values()))
    assert "hallucination" not in list(table.columns[0].cells), "what no row defines is left out"


def test_a_run_on_the_terminal_is_lines_and_a_table(run_values: dict[str, Any], tmp_path: Path) -> None:
    made_recipe(run_values)
    run = run_grpo(made_recipe(run_values), tmp_path / "run")
    assert [change.metric for change in held_out_change(run)][:2] == ["miou", "acc@0.5"]
    recipe = run.folder / "recipe.yaml"
    code = "from cgc_train.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "grpo", str(recipe), "--to", str(tmp_path / "again")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "4 held-out rows before and after training" in done.stdout
    assert f"trained: {tmp_path / 'again' / 'model'}" in done.stdout
    assert not noise(done)
    steps = [line.split()[0] for line in done.stderr.splitlines() if line.strip() and "/" in line.split()[0]]
    assert steps == ["1/2", "2/2"]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (
            ["difficulty", "RECIPE", "--to", "FILE", "--limit", "4"],
            ["batches: 1 in", "informative", "rows kept: data.keep="],
        ),
        (["sft", "RECIPE", "--to", "FILE"], ["right tokens", "held-out rows before and after training", "trained: "]),
        (
            ["check", "RECIPE", "grpo.max_completion_length=200", "--to", "FILE", "--step-seconds", "0"],
            ["Checks", "warning", "0 failed"],
        ),
        (["demo", "MODEL", "PHOTO", "--find", "dog", "--max-new-tokens", "4"], ["no readable answer"]),
    ],
    ids=lambda value: value[0],
)
def test_other_commands_print_only_their_own_lines(
    command: list[str], shown: list[str], run_values: dict[str, Any], tmp_path: Path
) -> None:
    steps = {"max_steps": 2, "per_device_train_batch_size": 2, "logging_steps": 1, "report_to": "none"}
    recipe = tmp_path / "recipe.yaml"
    save_recipe(made_recipe({**run_values, "sft": steps}), recipe)
    photo = tmp_path / "photo.png"
    Image.new("RGB", (64, 64)).save(photo)
    places = {"RECIPE": recipe, "FILE": tmp_path / "made", "PHOTO": photo, "MODEL": run_values["model"]["name"]}
    words = [str(places.get(word, word)) for word in command]
    code = "from cgc_train.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not noise(done)
    assert all(text in done.stdout + done.stderr for text in shown)


def noise(done: "subprocess.CompletedProcess[str]") -> list[str]:
    """What other packages print."""
    known = ("{'", "FutureWarning", "it/s]", "deprecated", "Kwargs passed")
    return [text for text in known if text in done.stdout + done.stderr]
