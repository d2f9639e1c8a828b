"""The short ways of scoring give the same numbers, to the last bit, as the plain ones written here."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from cgc_data.answer import Object, Reading, Violation
from cgc_data.answer.elements import decode_json, read_elements
from cgc_data.answer.layout import read_layout, read_tags
from cgc_data.answer.objects import format_answer
from cgc_data.answer.reading import read_list
from cgc_data.answer.strict import MOST, read_strictly
from cgc_data.geometry import FEW, ciou_matrix, iou_matrix, iou_table
from cgc_data.matching import Matching, match, match_at, match_ciou
from cgc_data.metrics import bootstrap_means
from cgc_data.metrics.estimate import KEPT

Matrix = NDArray[np.float64]
# Few coordinates, so that boxes often tie, touch, and repeat.
SIDES = st.tuples(st.integers(0, 4), st.integers(1, 3)).map(lambda side: (side[0] * 100, (side[0] + side[1]) * 100))
BOXES = st.tuples(SIDES, SIDES).map(lambda sides: (sides[0][0], sides[1][0], sides[0][1], sides[1][1]))
OBJECTS = st.lists(
    st.builds(Object, st.integers(1, 2), BOXES, st.sampled_from(["dog", "dogs", "wine glass"])), max_size=7
)


def plainly(
    predictions: list[Object],
    truths: list[Object],
    score: Callable[[Matrix], Matrix],
    weigh: Callable[[Matrix], Matrix],
) -> Matching:
    """The best matching of each image by a solver of the whole table of the image."""
    found = []
    for image in (1, 2):
        rows = [i for i, item in enumerate(predictions) if item.img_idx == image]
        columns = [j for j, item in enumerate(truths) if item.img_idx == image]
        boxes, others = ([items[n].bbox_2d for n in ns] for items, ns in ((predictions, rows), (truths, columns)))
        if rows and columns:
            values = ciou_matrix(boxes, others) if score is nearness else iou_matrix(boxes, others)
            for i, j in zip(*linear_sum_assignment(weigh(values), maximize=True), strict=True):
                if score(values)[i, j] > 0:
                    found.append((rows[i], columns[j], float(values[i, j]), float(score(values)[i, j])))
    found.sort()
    return Matching(tuple(f[:2] for f in found), tuple(f[2] for f in found), tuple(f[3] for f in found))


def nearness(values: Matrix) -> Matrix:
    """The score of `match_ciou`."""
    return np.maximum((1 + values) / 2, 0.0)


@settings(deadline=None, max_examples=60)
@given(OBJECTS, OBJECTS, st.sampled_from([1.0, 2.0, 0.7]), st.sampled_from([0.0, 0.3]), st.sampled_from([1.0, 0.6]))
def test_pairs_that_share_no_box_need_no_solver(
    predictions: list[Object], truths: list[Object], power: float, floor: float, ceiling: float
) -> None:
    def score(ious: Matrix) -> Matrix:
        return np.where(ious >= ceiling, 1.0, np.where(ious >= floor, ious**power, 0.0))

    found = match(predictions, truths, power=power, floor=floor, ceiling=ceiling)
    assert found == plainly(predictions, truths, score, score)
    assert match_ciou(predictions, truths) == plainly(predictions, truths, nearness, nearness)


@settings(deadline=None, max_examples=60)
@given(OBJECTS, OBJECTS, st.sampled_from([0.3, 0.5, 1.0]))
def test_most_pairs_by_the_same_solver(predictions: list[Object], truths: list[Object], threshold: float) -> None:
    def score(ious: Matrix) -> Matrix:
        return np.where(ious >= threshold, ious, 0.0)

    def weigh(ious: Matrix) -> Matrix:
        return np.where(ious >= threshold, ious + min(ious.shape) + 1, 0.0)

    assert match_at(predictions, truths, threshold) == plainly(predictions, truths, score, weigh)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([(1, 1), (3, 5), (8, 8), (FEW, 2)]))
def test_a_table_of_overlaps_is_the_matrix(seed: int, shape: tuple[int, int]) -> None:
    generator = np.random.default_rng(seed)
    first, second = (
        [(int(x), int(y), int(x + w), int(y + h)) for x, y, w, h in generator.integers(1, 400, (count, 4))]
        for count in shape
    )
    assert iou_table(first, second) == iou_matrix(first, second).tolist()


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("clusters", "resamples"), [(2, 50), (300, 200), (KEPT // 100, 130)])
def test_draws_made_at_once_are_those_made_one_by_one(clusters: int, resamples: int, whole: bool) -> None:
    generator = np.random.default_rng(7)
    codes = np.concatenate([np.arange(clusters), generator.integers(clusters, size=clusters)])
    values = np.rint(generator.random(2 * clusters)) if whole else generator.random(2 * clusters)
    sums, counts = np.bincount(codes, values), np.bincount(codes)
    drawn, expected = np.random.default_rng(3), []
    for _ in range(resamples):
        times = np.bincount(drawn.integers(clusters, size=clusters), minlength=clusters)
        expected.append((times @ sums) / (times @ counts))
    assert bootstrap_means(values, codes, resamples=resamples, seed=3).tolist() == expected


# Fragments of entries, so that most lists are nearly in the strict format
KEYS = st.sampled_from(['"img_idx"', '"bbox_2d"', '"label"', '"labe\\u006c"', '"extra"'])
NUMBERS = st.sampled_from(
    ["1", "2", "3", "-0", "0", "1.0", "1e2", "true", "01", "1000", "1001", "9" * 30, "null", '"1"']
)
BOX_TEXTS = st.one_of(
    st.sampled_from(["[1, 2, 3, 4]", "[0,0,1000,1000]", "[3, 2, 3, 4]", "[]"]),
    st.lists(NUMBERS, min_size=3, max_size=5).map(lambda values: f"[{', '.join(values)}]"),
)
LABEL_TEXTS = st.sampled_from(['"dog"', '"d\\"g"', '" "', '""', '"\\ud800"', '"\ud800"', '"a\u2028b"', '"a\tb"', "7"])
ENTRIES = st.one_of(
    st.tuples(st.sampled_from("123"), BOX_TEXTS, LABEL_TEXTS).map(
        lambda given: f'{{"img_idx": {given[0]}, "bbox_2d": {given[1]}, "label": {given[2]}}}'
    ),
    st.lists(st.tuples(KEYS, st.one_of(NUMBERS, BOX_TEXTS, LABEL_TEXTS)), max_size=5).map(
        lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
    ),
    st.sampled_from(["1", "[]", "NaN", "{}", '{"img_idx": 1, "bbox_2d": [1, 2, 3, 4], "label": "dog",}']),
)
LISTS = st.tuples(
    st.sampled_from(["", " ", "\n", "\ufeff", "\u00a0", "x"]),
    st.lists(ENTRIES, max_size=4),
    st.sampled_from(["", " ", "]", ","]),
).map(lambda parts: f"{parts[0]}[{', '.join(parts[1])}]{parts[2]}")


def read_slowly(text: str, num_images: int) -> Reading:
    """`read_list` without its short way."""
    try:
        value = decode_json(text)
    except ValueError:
        return Reading(False, 0, (), (Violation.JSON_INVALID,))
    found = read_elements(value, num_images)
    return Reading(True, found.count, found.objects, found.violations, found.pixel_scale)


@settings(deadline=None, max_examples=600)
@given(LISTS, st.integers(1, 3))
def test_a_list_read_the_short_way_is_the_list_read_the_long_way(text: str, num_images: int) -> None:
    expected = read_slowly(text, num_images)
    assert read_list(text, num_images) == expected
    objects = read_strictly(text, num_images)
    assert objects is None or (objects == expected.objects and not expected.violations)
    assert all(type(number) is int for item in objects or () for number in (item.img_idx, *item.bbox_2d))


@given(OBJECTS)
def test_an_answer_in_the_strict_format_is_read_the_short_way(objects: list[Object]) -> None:
    different = sorted(set(objects), key=repr)
    found = read_strictly(format_answer(different), 2)
    assert found is not None
    assert sorted(found, key=repr) == different
    assert [hash(item) for item in sorted(found, key=repr)] == [hash(item) for item in different]


def test_repeated_and_unknown_keys_and_long_lists_are_read_the_long_way() -> None:
    entry = '{"img_idx": 1, "bbox_2d": [1, 2, 3, 4], "label": "dog"}'
    assert read_strictly(f"[{entry}]", 1)
    for other in (entry.replace("}", ', "label": "cat"}'), entry.replace("}", ', "more": 1}'), f"{entry}, {entry}"):
        assert read_strictly(f"[{other}]", 1) is None
    assert read_strictly('[{"more": ' + "[" * 100_000, 1) is None
    boxes = [Object(1, (0, 0, 1 + place, 1000), "dog") for place in range(MOST + 1)]
    assert read_strictly(format_answer(boxes[:MOST]), 1) == tuple(boxes[:MOST])
    assert read_strictly(format_answer(boxes), 1) is None
    assert len(read_list(format_answer(boxes), 1).objects) == MOST + 1


PIECES = st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", "[]", " ", "\n", "\x0b", "why", "<", "-"])


@settings(deadline=None, max_examples=600)
@given(
    st.one_of(
        st.lists(PIECES, max_size=9).map("".join),
        st.tuples(*[st.lists(PIECES.filter(lambda piece: "<" not in piece), max_size=2).map("".join)] * 5).map(
            lambda texts: "{}<think>{}</think>{}<answer>{}</answer>{}".format(*texts)
        ),
    ),
    st.booleans(),
)
def test_a_response_split_at_once_is_the_response_split_by_its_tags(text: str, require_think: bool) -> None:
    assert read_layout(text, require_think=require_think) == read_tags(text, require_think=require_think)
