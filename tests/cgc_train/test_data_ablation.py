"""The ablation "no distractor contrast": only the images of the answer, and a question that is true of them."""

import json
from typing import Any

import pytest

from cgc_data.answer import ANSWER_FORM, read_list
from cgc_data.answer.wording import template_count
from cgc_data.metrics import truth_of
from cgc_train.data.ablation import without_distractors
from cgc_train.data.rows import check_row
from tests.cgc_train.made_rows import made_difference, made_row, some_rows

BOX, OTHER, LAST = (100, 100, 400, 500), (500, 500, 900, 900), (1, 2, 30, 40)


@pytest.mark.parametrize("row", some_rows(), ids=lambda row: row["task"])
def test_rows_stay_consistent(row: dict[str, Any]) -> None:
    shown = without_distractors(row)
    check_row(shown, "here")
    assert shown["id"] == row["id"]
    assert len(shown["images"]) == len(shown["views"]) == truth_of(shown).num_images
    boxes = [[sorted(o["bbox_2d"] for o in r["objects"]), r["task"], r["query"]["labels"]] for r in (row, shown)]
    assert boxes[0] == boxes[1]


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        pytest.param(made_row("locate", {2: [BOX]}), [2], id="locate"),
        pytest.param(made_row("locate_all", {4: [LAST], 2: [BOX, OTHER]}, count=5), [2, 4], id="locate_all"),
        pytest.param(made_row("same_object", {1: [BOX]}, count=2), [1, 2], id="same_object keeps its reference"),
        pytest.param(made_row("refer", {2: [BOX]}), [2], id="refer keeps the image with several"),
        pytest.param(
            made_row("same_object", {1: [BOX], 3: [OTHER]}, count=4, pool="same_object_all"),
            [1, 2, 3, 4],
            id="a track stays whole",
        ),
        pytest.param(made_row("locate_all", {1: [BOX], 2: [OTHER]}, count=2), [1, 2], id="nothing to leave out"),
    ],
)
def test_images_of_the_answer_stay_in_order(row: dict[str, Any], kept: list[int]) -> None:
    shown = without_distractors(row)
    assert shown["images"] == [row["images"][k - 1] for k in kept]
    assert shown["views"] == [row["views"][k - 1] for k in kept]
    where = {json.dumps(o["bbox_2d"]): kept.index(o["img_idx"]) + 1 for o in row["objects"]}
    assert all(where[json.dumps(list(o.bbox_2d))] == o.img_idx for o in read_list(shown["answer"], len(kept)).objects)
    assert shown["evidence"] == []


def test_absent_keeps_one_image_which_its_evidence_clears() -> None:
    rows = [without_distractors(made_row("absent", photo=photo, count=4)) for photo in range(1, 40)]
    assert all(len(row["views"]) == 1 for row in rows)
    assert all([e["img_idx"] for e in row["evidence"]] == [1] for row in rows)
    assert all(row["answer"] == "[]" for row in rows)
    assert len({row["views"][0]["image_id"] - int(row["tuple_id"][1:]) for row in rows}) == 4, "from every place"


@pytest.mark.parametrize("pool", ["locate", "locate_all"])
@pytest.mark.parametrize("task", ["present", "absent"])
def test_questions_speak_of_the_images_that_are_left(pool: str, task: str) -> None:
    for template in range(template_count(pool)):
        shown = {2: [BOX]} if task == "present" else {}
        kind = pool if task == "present" else "absent"
        row = made_row(kind, shown, pool=pool, template=template, label="scissors", count=3)
        question = without_distractors(row)["question"]
        sentence = question.partition(ANSWER_FORM)[0]
        assert "this image" in sentence
        assert not any(word in sentence for word in ("three", "both", "these", "{"))
        assert question.endswith('Write the label as "scissors".')
        assert question in without_distractors(row)["prompt"][0]["content"][-1]["text"]


def test_a_question_without_a_label_stays_whole() -> None:
    row = made_row("locate_all", {1: [BOX], 3: [OTHER]}, count=4)
    row["query"]["labels"] = []
    assert without_distractors(row) == row


def test_a_phrasing_of_the_release_is_kept_where_several_images_are_left() -> None:
    for template in range(template_count("locate_all")):
        row = made_row("locate_all", {1: [BOX], 3: [OTHER]}, count=4, template=template)
        same = made_row("locate_all", {1: [BOX], 2: [OTHER]}, count=2, template=template)
        assert without_distractors(row)["question"] == same["question"]


def test_a_phrasing_of_the_users_own_gives_way_to_a_plain_one() -> None:
    row = made_row("locate_all", {1: [BOX], 3: [OTHER]}, question="Wo ist der Hund in den drei Bildern?")
    question = without_distractors(row)["question"]
    assert "these two images" in question
    assert "drei" not in question


def test_one_of_several_is_still_singled_out() -> None:
    question = without_distractors(made_row("refer", {2: [BOX]}))["question"].split(ANSWER_FORM)[0]
    assert "the leftmost dog" in question
    assert "this image" in question


def test_a_row_with_an_example_stays_whole() -> None:
    row = made_row("exemplar", {2: [BOX]})
    assert without_distractors(row) == row


@pytest.mark.parametrize("row", [made_difference({2: [BOX]}), made_difference({})], ids=["one", "none"])
def test_images_that_are_compared_stay_together(row: dict[str, Any]) -> None:
    check_row(row, "here")
    assert without_distractors(row) == row
