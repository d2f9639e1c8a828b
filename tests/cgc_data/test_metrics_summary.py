"""The table of metrics: denominators, intervals by photo set, pairs, and the rate of chance."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgc_data.answer import Object, format_response
from cgc_data.metrics import METRICS, ItemScore, Truth, estimate, score_item, summarise, summarise_by, truth_of
from cgc_data.metrics.estimate import bootstrap_interval, macro_estimate
from tests.cgc_train.made_rows import made_row
from tests.timing import fewest_seconds

BOX, OTHER = (100, 100, 500, 500), (600, 600, 900, 900)
RIGHT, WRONG_IMAGE, EMPTY = (2, BOX), (1, BOX), None


def truth(task: str = "locate", photo: int = 1, pair: str = "", box: tuple[int, int, int, int] = BOX) -> Truth:
    shown = {} if task == "absent" else {2: [box]}
    count = 2 if task == "same_object" else 3
    return truth_of(made_row(task, shown, photo=photo, pair_id=pair, count=count))


def scored(asked: Truth, given: tuple[int, tuple[int, int, int, int]] | None) -> ItemScore:
    return score_item(format_response([Object(*given, "dog")] if given else [], "See."), asked)


def test_every_metric_has_its_own_denominator() -> None:
    scores = [
        scored(truth(photo=1), RIGHT),
        scored(truth(photo=10), WRONG_IMAGE),
        scored(truth(photo=20), EMPTY),
        score_item("no list", truth(photo=30)),
        scored(truth("absent", photo=40), EMPTY),
        scored(truth("absent", photo=50), WRONG_IMAGE),
        score_item("no list", truth("absent", photo=60)),
    ]
    table = summarise(scores)
    assert tuple(table) == METRICS
    found = {name: (found.value, found.n) for name, found in table.items()}
    assert found == {
        "acc@0.5": (pytest.approx(2 / 7), 7),
        "acc@0.5_lenient": (pytest.approx(2 / 7), 7),
        "miou": (pytest.approx(2 / 7), 7),
        "source_acc": (0.25, 4),
        "leakage": (pytest.approx(1 / 3), 3),
        "leakage_same_place": (1, 1),
        "leakage_same_place_expected": (1, 1),
        "hallucination": (0.5, 2),
        "nowhere": (None, 0),
        "binding": (None, 0),
        "false_empty": (0.25, 4),
        "unreadable": (pytest.approx(2 / 7), 7),
        "constancy": (None, 0),
        "track": (None, 0),
        "track_images": (None, 0),
        "format": (pytest.approx(5 / 7), 7),
        "pixel_scale": (0, 7),
    }


def test_summary_of_nothing_says_so() -> None:
    assert {found.n for found in summarise([]).values()} == {0}
    assert {found.value for found in summarise([]).values()} == {None}


def test_tables_by_task_and_contrast() -> None:
    scores = [scored(truth(), RIGHT), scored(truth("absent"), EMPTY), scored(truth("absent", 9), WRONG_IMAGE)]
    tables = summarise_by(scores, "task")
    assert {name: table["acc@0.5"].n for name, table in tables.items()} == {"absent": 2, "locate": 1}
    assert list(summarise_by(scores, "contrast")) == ["inter"]


@pytest.mark.parametrize(
    ("first", "second", "constancy"),
    [(RIGHT, RIGHT, 1), (RIGHT, WRONG_IMAGE, 0), (EMPTY, RIGHT, 0), (EMPTY, EMPTY, 0)],
)
def test_constancy_asks_for_both_directions(first: object, second: object, constancy: float) -> None:
    there, back = truth("same_object", pair="p"), replace(truth("same_object", pair="p"), id="back")
    table = summarise([scored(there, first), scored(back, second)])  # type: ignore[arg-type]
    assert (table["constancy"].value, table["constancy"].n) == (constancy, 1)


def test_of_several_responses_equal_places_are_paired() -> None:
    there, back = truth("same_object", pair="p"), replace(truth("same_object", pair="p"), id="back")
    first, second = [RIGHT, RIGHT, EMPTY], [RIGHT, WRONG_IMAGE]
    scores = [scored(there, given) for given in first] + [scored(back, given) for given in second]
    constancy = summarise(scores)["constancy"]
    assert (constancy.value, constancy.n) == (0.5, 2)


def test_half_a_pair_is_no_pair() -> None:
    asked = truth("same_object", pair="p")
    twin = replace(truth("absent"), pair_id="q")
    scores = [scored(asked, RIGHT), scored(asked, RIGHT), scored(twin, EMPTY), scored(truth(pair="q"), RIGHT)]
    assert summarise(scores)["constancy"].n == 0, "one direction answered twice; an absent row and its twin"


TRACK = truth_of(made_row("same_object", {2: [BOX], 3: [OTHER]}, count=4, pool="same_object_all"))  # none in 4


@pytest.mark.parametrize(
    ("given", "images"),
    [
        ([(2, BOX), (3, OTHER)], 1),
        ([(2, BOX)], 2 / 3),
        ([(2, BOX), (3, OTHER), (4, BOX)], 2 / 3),
        ([(2, BOX), (3, OTHER), (3, BOX)], 2 / 3),
        ([(2, OTHER), (3, BOX)], 1 / 3),
        ([], 1 / 3),
        ([(1, BOX), (2, BOX), (3, OTHER)], 1),
    ],
    ids=["right", "one missed", "one too many", "two in one image", "exchanged", "nothing", "in the given image"],
)
def test_a_track_is_right_as_a_whole_and_image_by_image(given: list[tuple[int, object]], images: float) -> None:
    response = format_response([Object(image, box, "dog") for image, box in given], "See.")  # type: ignore[arg-type]
    table = summarise([score_item(response, TRACK)])
    assert table["track_images"].value == pytest.approx(images)
    assert table["track"].value == (given == [(2, BOX), (3, OTHER)])
    assert table["constancy"].n == 0


@pytest.mark.parametrize("response", ["no list", '<answer>[{"img_idx": 2}]</answer>'])
def test_a_track_without_readable_boxes_is_wrong_everywhere(response: str) -> None:
    table = summarise([score_item(response, TRACK)])
    assert (table["track"].value, table["track_images"].value) == (0, 0)


def test_a_question_that_names_an_image_is_no_track() -> None:
    asked = truth_of(made_row("same_object", {2: [BOX]}, count=4))
    assert summarise([scored(asked, RIGHT)])["track"].n == 0


def test_expected_rate_is_that_of_shuffled_truths() -> None:
    places = [BOX, BOX, OTHER, OTHER]
    scores = [scored(truth(photo=10 * k, box=place), (1, BOX)) for k, place in enumerate(places, 1)]
    table = summarise(scores)
    assert table["leakage_same_place"].value == 0.5
    assert table["leakage_same_place_expected"].value == pytest.approx((1 / 3 + 1 / 3 + 2 / 3 + 2 / 3) / 4)


def test_expected_rate_leaves_out_truths_of_the_same_photos() -> None:
    scores = [scored(truth(photo=1), (1, BOX)), scored(replace(truth(photo=1), id="other"), (1, BOX))]
    assert summarise(scores)["leakage_same_place_expected"].n == 0


def test_the_same_numbers_every_time() -> None:
    scores = [scored(truth(photo=k), RIGHT if k % 3 else WRONG_IMAGE) for k in range(1, 60)]
    assert summarise(scores) == summarise(scores)
    assert summarise(scores, seed=1, resamples=9)["miou"] != summarise(scores, seed=2, resamples=9)["miou"]


def test_values_alone() -> None:
    scores = [scored(truth(photo=k), RIGHT if k % 3 else WRONG_IMAGE) for k in range(1, 20)]
    for name, found in summarise(scores, resamples=0).items():
        assert (found.low, found.high) == (None, None)
        assert found.value == summarise(scores)[name].value


def test_intervals_widen_where_photos_are_shared() -> None:
    values = [float(k % 2) for k in range(200)]
    apart = estimate(values, [str(k) for k in range(200)])
    shared = estimate(values, [str(k % 20) for k in range(200)])
    assert width(apart) == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(200), rel=0.15), "that of independent items"
    assert width(shared) > 2.5 * width(apart), "items of a cluster all agree: twenty trials, not two hundred"


def test_interval_of_a_share_covers_it() -> None:
    generator, covered = np.random.default_rng(0), 0
    for seed in range(200):
        values = np.repeat(generator.random(60) < 0.3, 3)
        found = estimate(list(values), [str(k // 3) for k in range(180)], resamples=200, seed=seed)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.3 <= found.high
    assert 175 <= covered <= 199


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_unanimous_items_still_have_an_interval(value: float) -> None:
    found = estimate([value] * 60, [str(k // 3) for k in range(60)])
    assert found.value == value
    assert width(found) == pytest.approx(1 - 0.025 ** (1 / 20)), "Clopper-Pearson of twenty clusters, all alike"


@pytest.mark.parametrize(("sizes", "worth"), [([3] * 20, 20), ([41, *[1] * 19], 60**2 / (41**2 + 19))])
def test_unanimous_items_count_as_many_clusters_as_they_are_worth(sizes: list[int], worth: float) -> None:
    clusters = [str(number) for number, size in enumerate(sizes) for _ in range(size)]
    assert width(estimate([0.0] * sum(sizes), clusters)) == pytest.approx(1 - 0.025 ** (1 / worth))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_macro_mean_of_unanimous_items_has_an_interval(value: float) -> None:
    """That of one group is the exact bound; every additional group that is as certain narrows it."""
    group = ([value] * 60, [str(number) for number in range(60)])
    alone, ten = macro_estimate([group]), macro_estimate([group] * 10)
    assert width(alone) == pytest.approx(1 - 0.025 ** (1 / 60), rel=0.15)
    assert 0 < width(ten) < width(alone)
    for found in (alone, ten):
        assert found.value == value
        assert value in (found.low, found.high)


def test_a_unanimous_group_widens_the_macro_interval_to_its_own_side() -> None:
    mixed = ([float(number % 2) for number in range(80)], [f"{number:02}" for number in range(80)])
    wrong = ([0.0] * 5, [str(number) for number in range(5)])
    found = macro_estimate([mixed, wrong])
    plain = bootstrap_interval([(np.array(mixed[0]), np.arange(80)), (np.zeros(5), np.arange(5))])
    assert plain is not None
    assert found.low == pytest.approx(plain[0])
    assert found.high is not None
    assert found.high > plain[1]


def test_differences_that_are_all_zero_have_no_side() -> None:
    found = macro_estimate([([0.0] * 9, [str(number) for number in range(9)])], shares=False)
    assert (found.low, found.high) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("values", "clusters"),
    [([0.5], ["a"]), ([1, 0, 1], ["a", "a", "a"])],
    ids=["one item", "one cluster"],
)
def test_one_cluster_has_no_interval(values: Sequence[float], clusters: Sequence[str]) -> None:
    found = estimate(values, clusters)
    assert found.value == pytest.approx(sum(values) / len(values))
    assert (found.low, found.high, found.n) == (None, None, len(values))


@given(st.lists(st.tuples(st.none() | st.floats(0, 1), st.sampled_from("abcdef")), max_size=30))
def test_estimates_are_in_order(pairs: list[tuple[float | None, str]]) -> None:
    found = estimate([value for value, _ in pairs], [cluster for _, cluster in pairs], resamples=50)
    assert found.n == sum(value is not None for value, _ in pairs)
    if found.low is not None:
        assert found.value is not None
        assert found.high is not None
        assert 0 <= found.low <= found.high <= 1 + 1e-9


def test_ten_thousand_items_take_seconds() -> None:
    scores = [scored(truth(photo=k), (1 + k % 2, BOX)) for k in range(1, 200)]
    many = [
        replace(score, truth=replace(score.truth, id=f"{turn}-{place}", photos=f"{turn}-{place}"))
        for turn in range(51)
        for place, score in enumerate(scores)
    ]
    assert fewest_seconds(lambda: summarise(many), tries=1) < 30


def width(found: object) -> float:
    return float(found.high - found.low)  # type: ignore[attr-defined]
