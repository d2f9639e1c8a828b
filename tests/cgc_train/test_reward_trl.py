"""The reward as TRL calls it: signature, columns, one reading a response, and what is logged."""

from collections import Counter, defaultdict
from types import SimpleNamespace
from typing import Any

import pytest

from cgc_data.answer import Object, format_response
from cgc_data.metrics import COLUMNS, truth_of
from cgc_train.reward import (
    LOGGED,
    PromptSettings,
    RewardSettings,
    batch_statistics,
    reward_functions,
    score,
    terms,
    text_of,
    zero_variance,
)
from tests.cgc_train.made_rows import made_row, some_rows

BOX, OTHER = (100, 100, 500, 500), (600, 600, 900, 900)
LOCATE, ABSENT, SAME = made_row("locate", {2: [BOX]}), made_row("absent"), made_row("same_object", {2: [BOX]}, count=2)


def says(*boxes: tuple[int, Any]) -> str:
    return format_response([Object(image, box, "dog") for image, box in boxes], "Looked.")


class Trainer:
    """What TRL passes to a reward function in addition to the columns."""

    def __init__(self) -> None:
        self.extra: dict[str, list[Any]] = defaultdict(list)
        self.metrics: dict[str, list[float]] = defaultdict(list)

    def call(self, function: Any, rows: list[dict[str, Any]], responses: list[str]) -> list[float]:
        """As GRPOTrainer does: everything by keyword, each column a list, completions as messages."""
        rewards: list[float] = function(
            prompts=[row["prompt"] for row in rows],
            completions=[[{"role": "assistant", "content": text}] for text in responses],
            completion_ids=[[1, 2, 3]] * len(rows),
            **{name: [row[name] for row in rows] for name in rows[0] if name != "prompt"},
            trainer_state=SimpleNamespace(global_step=3),
            log_extra=lambda column, values: self.extra[column].extend(values),
            log_metric=lambda name, value: self.metrics[name].append(value),
        )
        return rewards


def test_two_functions_in_the_order_of_the_weights() -> None:
    assert [function.__name__ for function in reward_functions()] == ["miou_reward", "format_reward"]


def test_each_response_gets_its_terms() -> None:
    rows, responses = [LOCATE, LOCATE, ABSENT], [says((2, BOX)), says((2, BOX)) + "!", says()]
    miou, form = reward_functions()
    assert Trainer().call(miou, rows, responses) == [1, 1, 1]
    assert Trainer().call(form, rows, responses) == [1, 0, 1]


@pytest.mark.parametrize("settings", [RewardSettings(miou=2, format=0.5, power=2), RewardSettings(set_wise=False)])
def test_weighted_by_trl_they_sum_to_the_reward(settings: RewardSettings) -> None:
    rows, responses = some_rows(), [says((1, BOX))] * len(some_rows())
    miou, form = (Trainer().call(function, rows, responses) for function in reward_functions(settings))
    for row, one, other in zip(rows, miou, form, strict=True):
        expected = score(says((1, BOX)), truth_of(row), settings).reward
        assert settings.miou * one + settings.format * other == pytest.approx(expected)


def test_the_prompt_decides_whether_a_trace_is_required() -> None:
    _, form = reward_functions(prompt=PromptSettings(think=False))
    assert Trainer().call(form, [ABSENT], ["<answer>[]</answer>"]) == [1]


def test_each_response_is_read_once_for_both_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    read, real = Counter[str](), terms.read_answer

    def counted(text: str, *arguments: Any, **settings: Any) -> Any:
        read[text] += 1
        return real(text, *arguments, **settings)

    monkeypatch.setattr(terms, "read_answer", counted)
    responses = [says((2, BOX)), says((1, BOX)), says()]
    for function in reward_functions():
        Trainer().call(function, [LOCATE] * 3, responses)
    assert read == dict.fromkeys(responses, 1)


def test_ids_and_metrics_are_logged_once_a_batch() -> None:
    trainer, rows = Trainer(), [LOCATE, LOCATE, ABSENT, ABSENT]
    for function in reward_functions():
        trainer.call(function, rows, [says((2, BOX)), says(), says((1, BOX)), says((2, BOX))])
    assert trainer.extra == {"id": [row["id"] for row in rows]}
    assert {name: len(values) for name, values in trainer.metrics.items()} == dict.fromkeys(LOGGED, 1)


def test_functions_work_without_a_trainer() -> None:
    miou, _ = reward_functions()
    columns = {name: [LOCATE[name]] for name in COLUMNS}
    assert miou(completions=[says((2, BOX))], **columns) == [1]


def batch(*pairs: tuple[dict[str, Any], str]) -> dict[str, float]:
    return batch_statistics([score(response, truth_of(row)) for row, response in pairs])


@pytest.mark.parametrize(
    ("name", "pairs", "value"),
    [
        ("index_accuracy", [(LOCATE, says((2, OTHER))), (LOCATE, says((1, BOX)))], 0.5),
        ("iou_any_image", [(LOCATE, says((1, BOX))), (LOCATE, says())], 0.5),
        ("distractor_boxes", [(LOCATE, says((2, BOX), (1, BOX), (3, BOX))), (SAME, says((2, BOX)))], 0.5),
        ("hallucination", [(ABSENT, says()), (ABSENT, says((1, BOX))), (LOCATE, says((1, BOX)))], 0.5),
        ("false_empty", [(LOCATE, says()), (LOCATE, "no"), (ABSENT, says())], 0.5),
        ("unreadable", [(LOCATE, "no"), (LOCATE, says())], 0.5),
        ("pixel_scale", [(LOCATE, says().replace("[]", '[{"bbox_2d": [0, 0, 1920, 9]}]')), (LOCATE, says())], 0.5),
        ("zero_variance", [(LOCATE, says())] * 2 + [(ABSENT, says()), (ABSENT, says((1, BOX)))], 0.5),
    ],
)
def test_statistics_of_a_batch(name: str, pairs: list[tuple[dict[str, Any], str]], value: float) -> None:
    assert batch(*pairs)[f"contrast/{name}"] == value


def test_statistics_that_no_row_defines_are_left_out() -> None:
    found = batch((ABSENT, "no"))
    assert {"contrast/index_accuracy", "contrast/hallucination", "contrast/distractor_boxes"}.isdisjoint(found)
    assert "contrast/zero_variance" not in found, "one response is no group"
    assert batch() == {}


def test_zero_variance_looks_at_the_reward_and_not_at_the_text() -> None:
    group = [score(text, truth_of(LOCATE)) for text in (says((1, BOX)), says((3, OTHER)), says())]
    assert zero_variance(group) == 1
    assert zero_variance([*group, score(says((2, BOX)), truth_of(LOCATE))]) == 0


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("plain", "plain"),
        ([{"role": "assistant", "content": "said"}], "said"),
        ([{"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}], "ab"),
        ([{"role": "assistant", "content": [{"type": "image", "text": None}]}], ""),
        ([{"role": "assistant", "content": None}], ""),
        ([{"role": "assistant"}], ""),
        ([], ""),
    ],
)
def test_text_of_a_completion(completion: Any, text: str) -> None:
    assert text_of(completion) == text
