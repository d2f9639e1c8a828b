"""Matching finds the best one-to-one pairs within images, and no way of answering scores more than it should."""

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgc_data.answer import Object, Reading, format_response, read_answer
from cgc_data.geometry import iou
from cgc_data.matching import f1_at, match, match_at, set_miou

LEFT, RIGHT, FAR = (0, 0, 500, 1000), (250, 0, 750, 1000), (800, 0, 1000, 100)
UNREADABLE = Reading(False, 0, (), ())

sides = st.lists(st.integers(0, 6), min_size=2, max_size=2, unique=True).map(sorted)
objects = st.builds(
    lambda img_idx, x, y, label: Object(img_idx, (x[0] * 100, y[0] * 100, x[1] * 100, y[1] * 100), label),
    st.integers(1, 2),
    sides,
    sides,
    st.sampled_from(["dog", "cat"]),
)
few_objects = st.lists(objects, max_size=4)


def dog(box: tuple[int, int, int, int], img_idx: int = 1) -> Object:
    return Object(img_idx, box, "dog")


def every_matching(predictions: Sequence[Object], truths: Sequence[Object]) -> Iterator[list[tuple[int, int]]]:
    for size in range(min(len(predictions), len(truths)) + 1):
        for rows in combinations(range(len(predictions)), size):
            for columns in permutations(range(len(truths)), size):
                yield list(zip(rows, columns, strict=True))


def overlap(a: Object, b: Object, use_label: bool = False) -> float:
    same = a.img_idx == b.img_idx and (not use_label or a.label == b.label)
    return iou(a.bbox_2d, b.bbox_2d) if same else 0.0


@settings(deadline=None, max_examples=60)
@given(few_objects, few_objects, st.booleans(), st.sampled_from([(1.0, 0.0), (2.0, 0.0), (0.5, 0.3), (1.0, 0.5)]))
def test_match_equals_brute_force(
    predictions: list[Object], truths: list[Object], use_label: bool, options: tuple[float, float]
) -> None:
    power, floor = options

    def score(i: int, j: int) -> float:
        value = overlap(predictions[i], truths[j], use_label)
        return value**power if value >= floor else 0.0

    best = max(sum(score(i, j) for i, j in pairs) for pairs in every_matching(predictions, truths))
    found = match(predictions, truths, use_label=use_label, power=power, floor=floor)
    assert found.total == pytest.approx(best)
    assert list(found.scores) == pytest.approx([score(i, j) for i, j in found.pairs])
    assert list(found.ious) == pytest.approx([overlap(predictions[i], truths[j]) for i, j in found.pairs])
    for side in zip(*found.pairs, strict=True):
        assert len(set(side)) == len(side)


@settings(deadline=None, max_examples=60)
@given(few_objects, few_objects, st.sampled_from([0.3, 0.5, 0.75]))
def test_match_at_equals_brute_force(predictions: list[Object], truths: list[Object], threshold: float) -> None:
    def value(pairs: list[tuple[int, int]]) -> tuple[int, float]:
        kept = [x for x in (overlap(predictions[i], truths[j]) for i, j in pairs) if x >= threshold]
        return len(kept), sum(kept)

    count, total = max(map(value, every_matching(predictions, truths)))
    found = match_at(predictions, truths, threshold)
    assert len(found.pairs) == count
    assert found.total == pytest.approx(total, abs=1e-9)
    assert all(value >= threshold for value in found.ious)


@given(few_objects, few_objects, st.randoms(use_true_random=False))
def test_scores_are_bounded_and_do_not_depend_on_order(
    predictions: list[Object], truths: list[Object], random: Random
) -> None:
    shuffled = predictions[:]
    random.shuffle(shuffled)
    for score in (set_miou, f1_at):
        assert 0 <= score(predictions, truths) <= 1
        assert score(predictions, truths) == pytest.approx(score(shuffled, truths))
        assert score(predictions, truths) == pytest.approx(score(truths, predictions))


@given(st.lists(objects, max_size=8, unique=True))
def test_the_true_answer_scores_one(truths: list[Object]) -> None:
    reading = read_answer(format_response(truths, "because"), 2)
    assert reading.valid
    assert set_miou(reading, truths) == pytest.approx(1)
    assert f1_at(reading, truths) == 1


def test_most_pairs_come_before_the_sum() -> None:
    truths = [dog((0, 0, 100, 100)), dog((0, 0, 100, 60))]
    predictions = [dog((0, 0, 100, 100)), dog((0, 0, 100, 195))]
    assert match(predictions, truths).pairs == ((0, 0), (1, 1))
    assert match_at(predictions, truths, 0.5).pairs == ((0, 1), (1, 0))
    assert match_at(predictions, truths, 0.55).pairs == ((0, 0),)
    # Three poor pairs come before two perfect ones: each box holds 31 % of the next larger one.
    huge, large, small, tiny = (dog((0, 0, 1000, height)) for height in (1000, 310, 97, 30))
    assert match_at([huge, large, small], [large, small, tiny], 0.3).pairs == ((0, 0), (1, 1), (2, 2))


@pytest.mark.parametrize(
    ("predictions", "truths", "miou", "f1"),
    [
        ([], [], 1, 1),
        ([], [dog(LEFT)], 0, 0),
        ([dog(LEFT)], [], 0, 0),
        ([dog(LEFT)], [dog(LEFT)], 1, 1),
        ([dog(LEFT, 2)], [dog(LEFT, 1)], 0, 0),  # right place, wrong image
        ([dog(LEFT)], [dog(RIGHT)], 1 / 3, 0),
        ([dog(LEFT)], [dog(LEFT), dog(FAR)], 1 / 2, 2 / 3),  # one safe box
        ([dog(LEFT), dog(FAR)], [dog(LEFT)], 1 / 2, 2 / 3),  # one box too many
        ([dog(LEFT)] * 4, [dog(LEFT)], 1 / 4, 2 / 5),  # the same box over and over
        ([dog(LEFT, 1), dog(LEFT, 2)], [dog(LEFT, 2)], 1 / 2, 2 / 3),  # every image, to be safe
        ([Object(1, LEFT, "cat")], [dog(LEFT)], 1, 1),
    ],
)
def test_known_scores(predictions: list[Object], truths: list[Object], miou: float, f1: float) -> None:
    assert set_miou(predictions, truths) == pytest.approx(miou)
    assert f1_at(predictions, truths) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("reading", "truths", "miou", "f1"),
    [
        (UNREADABLE, [], 0, 0),  # unreadable is not empty
        (UNREADABLE, [dog(LEFT)], 0, 0),
        (Reading(True, 0, (), ()), [], 1, 1),
        (Reading(True, 1, (), ()), [], 0, 0),  # a malformed entry is not empty either
        (Reading(True, 3, (dog(LEFT),), ()), [dog(LEFT)], 1 / 3, 1 / 2),
    ],
)
def test_every_element_of_a_reading_counts(reading: Reading, truths: list[Object], miou: float, f1: float) -> None:
    assert set_miou(reading, truths) == pytest.approx(miou)
    assert f1_at(reading, truths) == pytest.approx(f1)


def test_labels_and_images_matter_only_where_asked() -> None:
    predictions, truths = [Object(2, LEFT, " Hot  Dog ")], [Object(1, LEFT, "hot dog")]
    assert not match(predictions, truths).pairs
    assert match(predictions, truths, use_image=False, use_label=True).pairs == ((0, 0),)
    cat = [Object(1, LEFT, "cat")]
    assert match(cat, truths).total == 1
    assert set_miou(cat, truths, use_label=True) == f1_at(cat, truths, use_label=True) == 0


def test_floor_and_power() -> None:
    near = [dog(LEFT)], [dog(RIGHT)]  # IoU 1/3
    assert set_miou(*near, power=2) == pytest.approx(1 / 9)
    assert set_miou(*near, floor=0.34) == 0
    assert set_miou(*near, floor=0.33) == pytest.approx(1 / 3)


@pytest.mark.parametrize("options", [{"power": 0}, {"power": -1}, {"floor": -0.1}, {"floor": 1.1}])
def test_match_refuses_options_that_pay_for_nothing(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        match([], [], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("threshold", [0, -1, 1.01])
def test_match_at_refuses_thresholds_out_of_range(threshold: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        match_at([], [], threshold)


@pytest.mark.timeout(20)
def test_thousands_of_boxes_are_matched() -> None:
    spam = [
        dog((x, y, x + 9, y + 9), img_idx) for img_idx in (1, 2) for x in range(0, 990, 20) for y in range(0, 990, 20)
    ]
    assert len(spam) == 5000
    assert set_miou(spam, spam[:8]) == pytest.approx(8 / 5000)
    assert match(spam, spam[::10]).total == pytest.approx(500)


@pytest.mark.parametrize(
    ("written", "counts"),
    [("dog", True), (" Dogs", True), ("DOG", True), ("cat", False), ("hot dog", False), ("", False)],
)
def test_a_label_is_compared_but_for_case_space_and_number(written: str, counts: bool) -> None:
    true = [Object(1, (0, 0, 100, 100), "dog"), Object(1, (500, 500, 900, 900), "cat")]
    matched = match([Object(1, (0, 0, 100, 100), written)], true, use_label=True).pairs
    assert matched == (((0, 0),) if counts else ())
