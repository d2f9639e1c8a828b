"""The reward as the design states it, its options, and the gold check."""

from typing import Any

import pytest
import yaml

from cgc_data.answer import Object, format_answer, format_response
from cgc_data.metrics import truth_of
from cgc_data.release.read import open_release
from cgc_train.reward import TERMS, PromptSettings, RewardSettings, gold_check, score
from tests.cgc_data.conftest import painted, painted_config, release, shared  # noqa: F401 - fixtures
from tests.cgc_train.made_rows import made_difference, made_row, some_rows

BOX, OTHER, FAR = (100, 100, 500, 500), (600, 600, 900, 900), (0, 900, 100, 1000)
HALF = (100, 100, 500, 300)  # IoU 0.5 with BOX
LOCATE = truth_of(made_row("locate", {2: [BOX]}))
SETS = truth_of(made_row("locate_all", {1: [BOX], 3: [BOX, OTHER]}))
ABSENT = truth_of(made_row("absent"))


def says(*boxes: tuple[int, Any], label: str = "dog") -> str:
    return format_response([Object(image, box, label) for image, box in boxes], "Looked at every image.")


def miou(response: str, truth: Any = LOCATE, **settings: Any) -> float:
    return score(response, truth, RewardSettings(**settings)).miou


@pytest.mark.parametrize(
    ("truth", "response", "expected"),
    [
        pytest.param(LOCATE, says((2, BOX)), 1, id="right"),
        pytest.param(LOCATE, says((2, HALF)), 0.5, id="half"),
        pytest.param(LOCATE, says((1, BOX)), 0, id="wrong image"),
        pytest.param(LOCATE, says((2, BOX), (2, FAR)), 0.5, id="one too many"),
        pytest.param(LOCATE, says(), 0, id="empty where there is an object"),
        pytest.param(SETS, says((3, OTHER), (3, BOX), (1, BOX)), 1, id="set"),
        pytest.param(SETS, says((1, BOX)), 1 / 3, id="one of three"),
        pytest.param(SETS, says((1, BOX), (3, HALF), (3, OTHER), (2, BOX)), 2.5 / 4, id="sum over the larger count"),
        pytest.param(ABSENT, says(), 1, id="both empty"),
        pytest.param(ABSENT, says((1, BOX)), 0, id="absent, boxed"),
        pytest.param(ABSENT, "<think>Nothing.</think>", 0, id="unreadable is not empty"),
    ],
)
def test_miou(truth: Any, response: str, expected: float) -> None:
    assert miou(response, truth) == pytest.approx(expected)


def test_a_difference_is_right_in_its_image_whatever_it_is_called() -> None:
    rows = [made_difference({2: [BOX]}), made_difference({})]
    here, nowhere = map(truth_of, rows)
    assert gold_check(rows, RewardSettings(), PromptSettings()) == []
    assert [miou(says((2, BOX), label=label), here) for label in ("difference", "dog")] == [1, 1]
    assert miou(says((1, BOX)), here) == miou(says((1, BOX)), nowhere) == miou(says(), here) == 0
    assert miou(says(), nowhere) == 1


def test_the_reward_is_the_weighted_sum_of_its_terms() -> None:
    terms = score(says((2, HALF)), LOCATE, RewardSettings(miou=2, format=0.5))
    assert (terms.miou, terms.format, terms.reward) == (0.5, 1, 1.5)
    assert score(says((2, HALF)), LOCATE).reward == 1.5


def test_matching_is_that_of_greatest_sum() -> None:
    truth = truth_of(made_row("locate_all", {1: [(0, 0, 400, 400), (200, 0, 600, 400)]}))
    greedy_trap = says((1, (150, 0, 550, 400)), (1, (200, 0, 600, 400)))
    assert miou(greedy_trap, truth) == pytest.approx((1 + 250 / 550) / 2)


def test_labels_decide_only_where_several_are_asked_for() -> None:
    assert miou(says((2, BOX), label="cat")) == 1
    row = made_row("locate_all", {1: [BOX], 2: [BOX]})
    row["query"]["labels"] = ["dog", "cat"]
    row["objects"][1]["label"] = "cat"
    truth = truth_of(row)
    assert miou(says((1, BOX), (2, BOX)), truth) == 0.5
    assert miou(says((1, BOX), (2, BOX)), truth, set_wise=False) == 0.5


@pytest.mark.parametrize(
    ("settings", "response", "truth", "expected"),
    [
        pytest.param({"power": 2}, says((2, HALF)), LOCATE, 0.25, id="power"),
        pytest.param({"floor": 0.6}, says((2, HALF)), LOCATE, 0, id="below the floor"),
        pytest.param({"floor": 0.5}, says((2, HALF)), LOCATE, 0.5, id="at the floor"),
        pytest.param({"task_weights": {"inter/locate": 3}}, says((2, HALF)), LOCATE, 1.5, id="weight of its task"),
        pytest.param({"task_weights": {"inter/absent": 3}}, says((2, HALF)), LOCATE, 0.5, id="weight of another task"),
        pytest.param({"source_aware": False}, says((1, BOX)), LOCATE, 1, id="any image"),
        pytest.param({"source_aware": False}, says((1, BOX), (2, BOX)), LOCATE, 0.5, id="any image, still one to one"),
        pytest.param({"set_wise": False}, says((2, HALF), (2, BOX), (1, OTHER)), LOCATE, 1, id="spam is free"),
        pytest.param({"set_wise": False}, says((1, BOX)), LOCATE, 0, id="source still counts"),
        pytest.param({"set_wise": False}, says((3, BOX), (1, BOX)), SETS, 2 / 3, id="mean over true objects"),
        pytest.param({"set_wise": False}, says(), ABSENT, 1, id="absent is still rewarded by []"),
        pytest.param({"set_wise": False}, says((1, BOX)), ABSENT, 0, id="absent, boxed"),
        pytest.param({"set_wise": False}, says(), LOCATE, 0, id="silence still misses"),
        pytest.param({"set_wise": False, "power": 2}, says((2, HALF)), LOCATE, 0.25, id="with power"),
        pytest.param({"set_wise": False, "source_aware": False}, says((1, BOX)), LOCATE, 1, id="neither"),
    ],
)
def test_options(settings: dict[str, Any], response: str, truth: Any, expected: float) -> None:
    assert miou(response, truth, **settings) == pytest.approx(expected)


def test_one_box_may_serve_two_truths_without_set_wise() -> None:
    truth = truth_of(made_row("locate_all", {1: [BOX, (110, 100, 510, 500)]}))
    assert miou(says((1, BOX)), truth, set_wise=False) > 0.95
    assert miou(says((1, BOX)), truth) == 0.5


@pytest.mark.parametrize(
    ("response", "paid"),
    [(says((2, HALF)), 1), (says((1, BOX)), 0), (says(), 0), (says((2, HALF)) + "!", 0)],
    ids=["some IoU", "wrong image", "empty", "not strict"],
)
def test_format_needs_miou(response: str, paid: float) -> None:
    assert score(response, LOCATE, RewardSettings(format_needs_miou=True)).format == paid


def test_format_is_paid_for_a_right_empty_answer() -> None:
    assert score(says(), ABSENT, RewardSettings(format_needs_miou=True)).reward == 2


def test_task_weights_scale_the_whole_reward() -> None:
    terms = score(says((2, HALF)), LOCATE, RewardSettings(task_weights={"inter/locate": 2}))
    assert (terms.miou, terms.format, terms.reward) == (1, 2, 3)


@pytest.mark.parametrize(
    ("response", "prompt", "expected"),
    [
        pytest.param("<answer>[]</answer>", PromptSettings(), 0, id="a trace is required"),
        pytest.param("<answer>[]</answer>", PromptSettings(think=False), 1, id="no trace asked for"),
        pytest.param("Nothing.</think><answer>[]</answer>", PromptSettings(prefix="<think>"), 1, id="opened already"),
        pytest.param("Nothing.</think><answer>[]</answer>", PromptSettings(), 0, id="not opened"),
    ],
)
def test_what_the_prompt_asks_for(response: str, prompt: PromptSettings, expected: float) -> None:
    assert score(response, ABSENT, prompt=prompt).format == expected


@pytest.mark.parametrize(
    "bad",
    [{"miou": -1}, {"power": 0}, {"power": float("inf")}, {"floor": 1.1}, {"task_weights": {"locate": 1}}, {"iou": 1}],
    ids=str,
)
def test_settings_out_of_bounds_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        RewardSettings(**bad)


@pytest.mark.parametrize(
    "settings",
    [{}, {"power": 2}, {"floor": 0.9}, {"format_needs_miou": True}, {"task_weights": {"inter/locate": 0}}, {"miou": 0}],
    ids=str,
)
@pytest.mark.parametrize(
    "prompt",
    [
        PromptSettings(),
        PromptSettings(think=False),
        PromptSettings(prefix="<think>"),
        PromptSettings(prefix="<think>\n"),
    ],
    ids=["think", "no think", "prefix", "prefix with newline"],
)
def test_gold_check_of_every_task(settings: dict[str, Any], prompt: PromptSettings) -> None:
    box, other = (100, 100, 400, 500), (500, 500, 900, 900)
    examples = [made_row("exemplar", {2: [box, other], 3: [box]}), made_row("exemplar", photo=40)]
    rows = [*some_rows(), *examples, made_row("refer", {2: [box]})]
    assert gold_check(rows, RewardSettings(**settings), prompt) == []


@pytest.mark.parametrize(
    "settings", [{}, {"miou": 0}, {"task_weights": {"inter/locate": 0}}], ids=["plain", "no miou", "task of no weight"]
)
@pytest.mark.parametrize(
    "change",
    [
        {"answer": "[]"},
        {"answer": "not JSON"},
        {"answer": format_answer([Object(1, BOX, "dog")])},
        {"answer": format_answer([Object(2, (100, 100, 500, 501), "dog")])},
        {"objects": []},
        {"objects": [{"img_idx": 2, "bbox_2d": [500, 100, 100, 500], "label": "dog"}]},
        {"objects": [{"img_idx": 2, "bbox_2d": [1.5, 100, 100, 500], "label": "dog"}]},
    ],
    ids=["empty", "unreadable", "other image", "other box", "no objects", "box turned", "not an integer"],
)
def test_gold_check_names_rows_that_contradict_themselves(change: dict[str, Any], settings: dict[str, Any]) -> None:
    good, bad = made_row("locate", {2: [BOX]}), {**made_row("locate", {2: [BOX]}), "id": "bad", **change}
    assert gold_check([good, bad], RewardSettings(**settings)) == ["bad"]


def test_gold_check_of_a_built_release(release: Any) -> None:  # noqa: F811
    rows = list(open_release(release).rows())
    assert {row["task"] for row in rows} == {"locate", "locate_all", "absent", "same_object"}
    assert gold_check(rows) == []


def test_the_reward_needs_no_torch() -> None:
    import subprocess
    import sys

    heavy = "torch transformers trl accelerate peft datasets swift verl"
    code = (
        "import sys, cgc_train, cgc_train.reward, cgc_train.plugins.verl_reward, cgc_train.plugins.swift_reward;"
        f"sys.exit(any(name in sys.modules for name in '{heavy}'.split()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_page_about_the_reward_lists_everything() -> None:
    from cgc_data.metrics import METRICS
    from cgc_train.reward import LOGGED, predictions
    from tests.test_docs import ROOT, table

    page = ROOT / "docs/reward.md"
    for head, model in (("setting of the reward", RewardSettings), ("setting of the prompt", PromptSettings)):
        told = {cells[0].strip("`"): yaml.safe_load(cells[1].strip("`")) for cells in table(page, head)}
        assert told == model().model_dump()
    assert tuple(cells[0].strip("`") for cells in table(page, "metric")) == METRICS
    assert tuple(cells[0].strip("`") for cells in table(page, "name")) == LOGGED
    keys = {key.strip("` ") for cells in table(page, "key") for key in cells[0].split(",")}
    terms = {term.name for term in TERMS}
    assert keys == {"id", "sample", "contrast", "task", "reward", *terms, "violations", *predictions.METRICS}


@pytest.mark.parametrize(
    ("answer", "response"),
    [
        ("the ground-truth box, in image 2", says((2, BOX))),
        ("a box in image 2 that covers half of the ground-truth box", says((2, HALF))),
        ("the ground-truth box, in image 1", says((1, BOX))),
        ("the ground-truth box in image 2, and another box anywhere", says((2, BOX), (1, FAR))),
        ("the ground-truth box twice", says((2, BOX), (2, BOX))),
        ("the ground-truth box in a fence, or with a word after the answer", says((2, BOX)) + " There."),
        ("`[]`", says()),
        ("a box in pixels, with numbers above 1000", says((2, BOX)).replace("500, 500", "1920, 1080")),
        ("no list", "I see no dog."),
    ],
)
def test_the_examples_of_the_page_hold(answer: str, response: str) -> None:
    from tests.test_docs import ROOT, table

    told = table(ROOT / "docs/reward.md", 'answer to "where is the dog?" (one dog, in image 2)')
    (row,) = [cells for cells in told if cells[0] == answer]
    terms = score(response, LOCATE)
    assert [terms.miou, terms.format] == [float(row[1]), float(row[2].strip(" |"))]
    assert len(told) == 9


@pytest.mark.parametrize("least", [0, 5, 500])
def test_the_true_answer_earns_everything_with_any_minimum_length_of_reasoning(least: int) -> None:
    assert gold_check(some_rows(), RewardSettings(format_min_think=least)) == []
