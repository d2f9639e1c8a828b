"""One response, scored: every failure the project measures, by the design's definitions."""

from typing import Any

import pytest

from cgc_data.answer import Object, format_response
from cgc_data.common.errors import ReleaseError
from cgc_data.metrics import FLOORS, Truth, floor_response, items, score_item, truth_of
from tests.cgc_train.made_rows import made_row, some_rows

BOX, OTHER = (100, 100, 500, 500), (600, 600, 900, 900)
LOCATE = truth_of(made_row("locate", {2: [BOX]}))
SETS = truth_of(made_row("locate_all", {1: [BOX], 3: [BOX, OTHER]}))
ABSENT = truth_of(made_row("absent"))
SAME = truth_of(made_row("same_object", {2: [BOX]}, count=3))


def says(*boxes: tuple[int, Any], label: str = "dog") -> str:
    return format_response([Object(image, box, label) for image, box in boxes], "Looked at every image.")


def raw(answer: str) -> str:
    return f"<think>Looked.</think><answer>{answer}</answer>"


@pytest.mark.parametrize("box", [[547, 555, -1, 930], [5, 5, 5, 9], [1, 2, 3], [None] * 4, ["1", 2, 3, 4]])
def test_an_object_that_is_no_box_is_an_error_that_names_the_row(box: list[Any]) -> None:
    row = made_row("locate", {2: [BOX]})
    row["objects"][0]["bbox_2d"] = box
    with pytest.raises(ReleaseError, match=f"row {row['id']}: .*; build or download the release again"):
        truth_of(row)


def test_truth_of_a_row() -> None:
    row = made_row("same_object", {2: [BOX]}, count=3, pair_id="p", difficulty=0.5)
    truth = truth_of(row)
    assert (truth.id, truth.contrast, truth.task, truth.num_images) == (row["id"], "intra", "same_object", 3)
    assert truth.objects == (Object(2, BOX, "dog"),)
    assert (truth.ref_img_idx, truth.ref_bbox) == (1, (600, 600, 900, 900))
    assert truth.safe_images == {1, 3}, "every image but the answer's, the reference's included"
    assert (truth.pair_id, truth.difficulty, truth.labels, truth.use_label) == ("p", 0.5, ("dog",), False)


def test_safe_images_are_those_that_hold_no_object_of_the_answer() -> None:
    assert truth_of(made_row("locate_all", {1: [BOX]}, count=4)).safe_images == {2, 3, 4}
    assert truth_of(made_row("same_object", {2: [BOX]}, count=2)).safe_images == {1}


def test_truth_needs_no_images() -> None:
    row = {key: value for key, value in made_row("locate", {1: [BOX]}).items() if key not in ("images", "prompt")}
    assert truth_of(row).true_images == {1}


def test_photos_are_a_set() -> None:
    row = made_row("locate", {1: [BOX]})
    turned = {**row, "views": row["views"][::-1]}
    assert truth_of(row).photos == truth_of(turned).photos
    assert truth_of(made_row("same_object", {1: [BOX]})).photos.count("coco-0") == 1


@pytest.mark.parametrize(
    ("truth", "response", "accuracy"),
    [
        pytest.param(LOCATE, says((2, BOX)), 1, id="right"),
        pytest.param(LOCATE, says((2, (100, 100, 500, 301))), 1, id="just above half"),
        pytest.param(LOCATE, says((2, (100, 100, 500, 299))), 0, id="just below half"),
        pytest.param(LOCATE, says((1, BOX)), 0, id="right box, wrong image"),
        pytest.param(LOCATE, says((2, BOX), (2, OTHER)), 0, id="one object asked, two given"),
        pytest.param(LOCATE, says((2, BOX), (2, BOX)), 0, id="the same twice"),
        pytest.param(LOCATE, says((2, BOX), label="cat"), 1, id="one label asked: the label does not decide"),
        pytest.param(LOCATE, says(), 0, id="silence"),
        pytest.param(LOCATE, "nothing", 0, id="unreadable"),
        pytest.param(SAME, says((2, BOX), (1, BOX)), 0, id="same object, two given"),
        pytest.param(SETS, says((3, OTHER), (1, BOX), (3, BOX)), 1, id="set in another order"),
        pytest.param(SETS, says((1, BOX), (3, BOX)), 0.8, id="set, one missing: F1 of precision 1, recall 2/3"),
        pytest.param(SETS, says((1, BOX), (3, BOX), (3, OTHER), (2, BOX)), 6 / 7, id="set, one too many"),
        pytest.param(SETS, raw('[{"img_idx": 1, "bbox_2d": [100, 100, 500, 500], "label": "dog"}, 7]'), 0.4, id="bad"),
        pytest.param(ABSENT, says(), 1, id="absent, empty"),
        pytest.param(ABSENT, says((1, BOX)), 0, id="absent, boxed"),
        pytest.param(ABSENT, "", 0, id="absent, unreadable is not empty"),
    ],
)
def test_accuracy(truth: Truth, response: str, accuracy: float) -> None:
    assert score_item(response, truth).accuracy == pytest.approx(accuracy)


def test_labels_decide_where_several_are_asked_for() -> None:
    row = made_row("locate_all", {1: [BOX], 3: [BOX]})
    row["query"]["labels"] = ["dog", "cat"]
    row["objects"][1]["label"] = "cat"
    truth = truth_of(row)
    right = format_response([Object(1, BOX, "Dog "), Object(3, BOX, "cat")], "See.")
    swapped = format_response([Object(1, BOX, "cat"), Object(3, BOX, "dog")], "See.")
    assert score_item(right, truth).accuracy == 1
    assert score_item(swapped, truth).accuracy == 0


@pytest.mark.parametrize(
    ("truth", "response", "source"),
    [
        pytest.param(LOCATE, says((2, OTHER)), True, id="right image, wrong box"),
        pytest.param(LOCATE, says((2, BOX), (3, BOX)), False, id="one image too many"),
        pytest.param(SETS, says((1, BOX)), False, id="one image missing"),
        pytest.param(SETS, says((3, BOX), (1, OTHER)), True, id="set"),
        pytest.param(LOCATE, "nothing", False, id="unreadable"),
        pytest.param(LOCATE, raw("[3]"), False, id="malformed"),
        pytest.param(ABSENT, says(), None, id="absent has no image"),
        pytest.param(SAME, says((2, BOX)), None, id="the question names the image"),
    ],
)
def test_source(truth: Truth, response: str, source: bool | None) -> None:
    assert score_item(response, truth).source is source


@pytest.mark.parametrize(
    ("truth", "response", "leaked", "same_place"),
    [
        pytest.param(LOCATE, says((2, BOX)), False, None, id="right"),
        pytest.param(LOCATE, says((1, BOX)), True, True, id="right place, wrong image"),
        pytest.param(LOCATE, says((1, OTHER)), True, False, id="wrong place, wrong image"),
        pytest.param(LOCATE, says((2, BOX), (3, OTHER)), True, False, id="beside a right one"),
        pytest.param(LOCATE, says(), False, None, id="silence leaks nothing, and is false_empty"),
        pytest.param(LOCATE, "???", None, None, id="unreadable answers do not count"),
        pytest.param(SAME, says((1, OTHER)), True, False, id="same object: the reference image counts"),
        pytest.param(SAME, says((3, BOX)), True, True, id="same object: any other image"),
        pytest.param(ABSENT, says((1, BOX)), None, None, id="absent has its own metric"),
    ],
)
def test_leakage(truth: Truth, response: str, leaked: bool | None, same_place: bool | None) -> None:
    item = score_item(response, truth)
    assert (item.leaked, item.leaked_same_place) == (leaked, same_place)


def test_a_box_in_the_image_of_the_given_box_is_a_leak() -> None:
    truth = truth_of(made_row("same_object", {2: [BOX]}, count=2))
    assert score_item(says((1, BOX)), truth).leaked is True
    assert score_item(says((2, BOX)), truth).leaked is False


@pytest.mark.parametrize(
    ("truth", "response", "hallucinated", "false_empty", "unreadable"),
    [
        pytest.param(ABSENT, says(), False, None, False, id="absent, empty"),
        pytest.param(ABSENT, says((2, BOX)), True, None, False, id="absent, boxed"),
        pytest.param(ABSENT, raw("[0]"), True, None, False, id="absent, a malformed entry is an entry"),
        pytest.param(ABSENT, "no", None, None, True, id="absent, unreadable"),
        pytest.param(LOCATE, says(), None, True, False, id="target, empty"),
        pytest.param(LOCATE, raw("[0]"), None, False, False, id="target, malformed"),
        pytest.param(LOCATE, "no", None, False, True, id="target, unreadable is not empty"),
    ],
)
def test_silence_and_hallucination(
    truth: Truth, response: str, hallucinated: bool | None, false_empty: bool | None, unreadable: bool
) -> None:
    item = score_item(response, truth)
    assert (item.hallucinated, item.false_empty, item.unreadable) == (hallucinated, false_empty, unreadable)


def test_lenient_reads_what_strict_does_not() -> None:
    broken = "Here: ```json\n{'img_idx': 2, 'bbox_2d': [100.2, 100, 500, 499.6], 'label': 'dog'}\n``` as asked"
    item = score_item(broken, LOCATE)
    assert (item.accuracy, item.lenient, item.valid, item.unreadable) == (0, 1, False, True)


def test_lenient_is_left_out_where_it_was_not_made() -> None:
    assert score_item("no", LOCATE, lenient=False).lenient is None


def test_scoring_works_without_the_package_that_mends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "CAN_MEND", False)
    assert score_item("no", LOCATE).lenient is None
    assert score_item(says((2, BOX)), LOCATE).accuracy == 1


@pytest.mark.parametrize("response", ["", "\ud800", "<answer>" * 3000, "[" * 100_000, says((9, BOX)), "<think>"])
def test_no_text_raises(response: str) -> None:
    item = score_item(response, LOCATE)
    assert item.accuracy == 0


def test_index_out_of_range_is_no_leak() -> None:
    item = score_item(says((9, BOX)), LOCATE)
    assert (item.leaked, item.source, item.boxes) == (False, False, 0)


def test_pixel_scale_is_counted() -> None:
    item = score_item(raw('[{"img_idx": 2, "bbox_2d": [10, 10, 1900, 1000], "label": "dog"}]'), LOCATE)
    assert item.pixel_scale
    assert not item.valid


def test_miou_if_the_image_were_ignored() -> None:
    item = score_item(says((1, BOX)), LOCATE)
    assert (item.miou, item.miou_any_image) == (0, 1)


def test_floors_are_strictly_valid_answers_to_every_task() -> None:
    for row in some_rows():
        truth = truth_of(row)
        for name in FLOORS:
            assert score_item(floor_response(name, truth), truth).valid, (name, row["task"])


def test_floors_look_at_nothing_but_the_question() -> None:
    moved = truth_of(made_row("locate", {3: [OTHER]}))
    for name in set(FLOORS) - {"random image"}:
        assert floor_response(name, LOCATE) == floor_response(name, moved)


def test_copied_reference_answers_in_the_image_asked_about() -> None:
    (copied,) = FLOORS["copied reference"](SAME)
    assert copied == Object(2, (600, 600, 900, 900), "dog")
    assert FLOORS["copied reference"](LOCATE) == []


def test_random_image_is_spread_and_repeatable() -> None:
    truths = [truth_of(made_row("locate", {1: [BOX]}, photo=photo)) for photo in range(1, 40)]
    drawn = [FLOORS["random image"](truth)[0].img_idx for truth in truths]
    assert set(drawn) == {1, 2, 3}
    assert drawn == [FLOORS["random image"](truth)[0].img_idx for truth in truths]


def test_a_question_for_one_object_may_have_the_empty_list_for_an_answer() -> None:
    row = {**made_row("locate", {}), "contrast": "intra", "task": "difference"}
    row["query"] = {**row["query"], "labels": []}
    assert score_item(says(), truth_of(row)).accuracy == 1
    assert score_item(says((1, BOX)), truth_of(row)).accuracy == 0
