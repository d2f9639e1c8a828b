"""What `make engines` gives trainers of others: a model with the real vocabulary, and one for transformers 4."""

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("trl")

import torch
from transformers import AutoModelForImageTextToText, AutoTokenizer

from cgc_train.plugins.easyr1_reward import compute_score
from cgc_train.tiny import write_tiny
from cgc_train.tiny.tokenizer import REAL_IDS, REAL_VOCABULARY
from scripts.engines import easyr1_noted
from scripts.engines.older import as_older
from scripts.engines.trainers import Paid, advantages, told_apart
from scripts.engines.verl import is_for
from scripts.engines.widen import widen
from scripts.engines.workplace import ROOT, shown

TEXT = "<|im_start|>user\nFind the bird.<|im_end|>\n<|im_start|>assistant\n<think>"
SIDE = 9216


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tiny model, and the same with the real vocabulary."""
    folder = tmp_path_factory.mktemp("models")
    narrow = write_tiny(folder / "narrow", head_size=32)
    return narrow, widen(narrow, folder / "wide", SIDE)


def next_token(model: Path) -> dict[str, float]:
    """The logit of each token after a text, by the token."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    with torch.no_grad():
        logits = AutoModelForImageTextToText.from_pretrained(model)(**tokenizer(TEXT, return_tensors="pt")).logits
    return {token: float(logits[0, -1, number]) for token, number in tokenizer.get_vocab().items()}


def test_a_widened_model_answers_as_before(models: tuple[Path, Path]) -> None:
    narrow, wide = map(next_token, models)
    assert {token: wide[token] for token in narrow} == pytest.approx(narrow, abs=1e-4)
    assert len(wide) == REAL_VOCABULARY > len(narrow)


def test_a_widened_model_has_the_real_numbers(models: tuple[Path, Path]) -> None:
    vocabulary = AutoTokenizer.from_pretrained(models[1]).get_vocab()
    assert {token: vocabulary[token] for token in REAL_IDS} == REAL_IDS
    processor = json.loads((models[1] / "processor_config.json").read_text(encoding="utf-8"))
    assert processor["image_processor"]["size"]["longest_edge"] == SIDE


def test_an_older_folder_has_the_older_names(models: tuple[Path, Path], tmp_path: Path) -> None:
    older = as_older(models[1], tmp_path / "older")
    tokens, config = (json.loads((older / name).read_text()) for name in ("tokenizer_config.json", "config.json"))
    assert tokens["extra_special_tokens"] == {}, "transformers 4 takes names here, and fails at a list"
    assert set(tokens["additional_special_tokens"]) == set(REAL_IDS)
    text = config["text_config"]
    assert (text["rope_theta"], text["rope_scaling"]["mrope_section"]) == (10000.0, [8, 4, 4])
    assert "rope_parameters" not in text


def paid(rewards: list[float], gains: list[float]) -> list[Paid]:
    """Responses whose reward has two parts."""
    return [Paid("r", "", {"miou": one / 2, "format": one / 2}, gain) for one, gain in zip(rewards, gains, strict=True)]


@pytest.mark.parametrize(
    ("rewards", "groups"), [([1, 1, 0, 0], 0), ([1, 0, 0, 0], 1), ([1, 0, 0, 2], 2), ([1, 1, 1, 1 + 1e-9], 0)]
)
def test_groups_are_counted_whose_responses_earn_different_rewards(rewards: list[float], groups: int) -> None:
    comparison = told_apart(paid(rewards, [0] * 4), 2)
    assert (comparison.figure, comparison.passed) == (groups, groups > 0)


@pytest.mark.parametrize(
    ("gains", "passed"),
    [([0.7071, -0.7071, 0, 0], True), ([-0.7071, 0.7071, 0, 0], False), ([0.7071, -0.7071, 0.1, 0], False)],
)
def test_advantages_are_rewards_as_shares_of_the_deviation_of_their_group(gains: list[float], passed: bool) -> None:
    assert advantages(paid([2, 0, 1, 1], gains), 2).passed is passed


@pytest.mark.parametrize(
    ("text", "answer", "found"),
    [
        ("user\nImage-1: \nFind the bird.\nassistant\n", "[1]", True),
        ("user\nImage-1: \nFind the bird.\nassistant\n", "[2]", False),
        ("user\nImage-1: \nFind the dog.\nassistant\n", "[1]", False),
    ],
)
def test_a_response_that_verl_logged_is_for_the_row_with_its_question_and_answer(
    text: str, answer: str, found: bool
) -> None:
    row = {"prompt": [{"content": "Image-1: <image>\nFind the bird."}], "reward_model": {"ground_truth": "[1]"}}
    assert is_for({"input": text, "gts": answer}, row) is found


def test_every_response_that_easyr1_scores_is_logged_with_its_reward(tmp_path: Path) -> None:
    answer = json.dumps([{"img_idx": 1, "bbox_2d": [1, 2, 30, 40], "label": "bird"}])
    given: list[easyr1_noted.Response] = [{"response": text, "ground_truth": answer} for text in (answer, "?")]
    told = tmp_path / "told.jsonl"
    scores = [easyr1_noted.compute_score(given, told=str(told)) for _ in range(2)]
    logged = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]
    assert scores == [compute_score(given)] * 2
    assert [line["terms"] for line in logged] == [*scores[0], *scores[1]]
    assert [line["response"] for line in logged] == [answer, "?"] * 2


def test_an_error_is_shown_without_colors_and_folders_of_the_machine() -> None:
    text = f"\x1b[36m(pid=1)\x1b[0m {ROOT}/scripts/x.py and {sys.prefix}/lib/y.py"
    assert shown(text) == "(pid=1) scripts/x.py and .venv/lib/y.py"
