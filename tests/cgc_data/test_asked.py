"""Requested shares next to actual ones."""

from collections import Counter

import pytest

from cgc_data.config import BuildConfig
from cgc_data.plan.asked import Made, asked_as, asked_of, compare, differences

EVEN = {"inter/locate": 1, "inter/locate_all": 1, "intra/same_object": 0, "intra/locate_all": 0}


def config(**inter: float) -> BuildConfig:
    return BuildConfig.model_validate({"tasks": EVEN, "absent": 0.1, "inter": {"max_images": 3, **inter}})


def made(hard: int) -> Made:
    return Made(
        tasks=Counter({"inter/locate": 50, "inter/locate_all": 50}),
        kinds=Counter({"hard": hard, "decoupled": 100 - hard}),
        images=Counter({2: 50, 3: 50}),
        answers=Counter({(2, 1): 13, (2, 2): 12, (3, 1): 9, (3, 2): 8, (3, 3): 8}),
        empty=10,
    )


def test_what_is_as_asked_is_not_reported() -> None:
    assert list(differences(compare(config(hard=0.3), made(hard=28)))) == []


@pytest.mark.parametrize(("hard", "shown"), [(8, "hard sets 8% instead of 30%"), (60, "hard sets 60% instead of 30%")])
def test_what_differs_is_reported(hard: int, shown: str) -> None:
    (line,) = differences(compare(config(hard=0.3), made(hard)))
    assert shown in line
    assert "photos " not in line.partition(shown)[0]


def test_what_chance_explains_in_a_small_release_is_not_reported() -> None:
    few = Made(tasks=Counter({"inter/locate": 10}), kinds=Counter({"hard": 5, "decoupled": 5}), images=Counter({2: 10}))
    assert list(differences(compare(config(hard=0.3, max_images=2), few))) == []


def test_only_the_largest_differences_are_named() -> None:
    (line,) = differences(compare(config(max_images=6, hard=0.3), made(hard=80)))
    assert [
        what in line for what in ("hard sets 80% instead of 30%", "2 photos 50% instead of 20%", "empty answers")
    ] == [
        True,
        True,
        False,
    ]
    assert line.endswith("more (see cgc-data stats)")


def test_answers_are_even_given_the_number_of_images() -> None:
    shares = {share.what: share.asked for share in compare(config(), made(30))}
    assert shares["answer in 1 photo"] == pytest.approx((25 / 2 + 25 / 3) / 50)
    assert shares["answer in 3 photos"] == pytest.approx(25 / 3 / 50)
    assert sum(share for what, share in shares.items() if what.startswith("answer")) == pytest.approx(1)


def test_without_rows_there_is_nothing_to_compare() -> None:
    assert list(compare(config(), Made())) == []


@pytest.mark.parametrize(
    ("contrast", "template", "task"),
    [("inter", "locate_all/3", "inter/locate_all"), ("intra", "locate_all/3", "intra/locate_all"), ("x", "y/1", "")],
)
def test_a_row_counts_for_the_task_of_its_wording(contrast: str, template: str, task: str) -> None:
    assert asked_as(contrast, template) == task


def test_a_configuration_of_another_version_gives_no_shares() -> None:
    assert asked_of({"unknown": 1}) is None
    assert asked_of({}) is None
    assert asked_of(config().model_dump()) == config()
