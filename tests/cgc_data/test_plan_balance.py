"""Nothing that is read before the images reveals if there is something to find."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from cgc_data.geometry import Window
from cgc_data.plan.balance import AbsentBalance, Made
from cgc_data.plan.questions import Question, Shown, View
from cgc_data.tasks import Task
from cgc_data.tasks.inter.absent import ABSENT
from cgc_data.tasks.inter.locate import LOCATE
from cgc_data.tasks.intra.same_object import SAME_OBJECT

DOG, CAT = 3, 4


def question(concept: int = DOG, images: int = 2, *, absent: bool = False, task: Task = LOCATE) -> Question:
    views = tuple(View(photo, Window(0, 0, 64, 64), 64, 64, "distractor") for photo in range(images))
    asked = ABSENT if absent else task
    shown = () if absent else (Shown(0, 0, (0, 0, 32, 32), 1.0),)
    return Question(asked, "train", task.pool, 0, (concept,), views, shown, (), "decoupled", "set")


def balance(questions: Iterable[Question], share: float = 0.2) -> AbsentBalance:
    counted = AbsentBalance(share)
    counted.count(questions)
    return counted


def lack(counted: AbsentBalance, concept: int = DOG, images: int = 2) -> float:
    return counted.lack(concept, "locate", images, "decoupled")


def test_what_was_never_absent_is_lacking() -> None:
    assert lack(balance([question()] * 10)) > 0


def test_what_was_absent_often_enough_is_not() -> None:
    assert lack(balance([question()] * 6 + [question(absent=True)] * 4)) <= 0


@pytest.mark.parametrize(("concept", "images"), [(DOG, 3), (CAT, 2)])
def test_one_frequent_feature_is_enough_not_to_lack(concept: int, images: int) -> None:
    often = [question(), question(absent=True)] * 5
    rarely = [question(CAT, 3)] * 20
    counted = balance(often + rarely)
    assert lack(counted, concept, images) < lack(counted, CAT, 3)
    assert lack(counted, concept, images) <= 0


@pytest.mark.parametrize(("rows", "absent", "allowed"), [(4, 2, False), (10, 2, True), (10, 3, False)])
def test_a_small_release_keeps_the_share(rows: int, absent: int, allowed: bool) -> None:
    assert balance([]).allows(rows, absent) is allowed


def test_a_number_of_images_that_is_never_absent_is_far_behind() -> None:
    counted = balance([question(CAT, 3)] * 40 + [question(), question(absent=True)] * 10)
    assert counted.far_behind(DOG, "locate", 3, "decoupled")
    assert not counted.far_behind(DOG, "locate", 2, "decoupled")


def test_a_label_with_few_rows_is_soon_far_behind() -> None:
    """Many labels with a few rows each that are never absent would reveal together that their target exists."""
    asked = [balance([question()] * rows, share=0.2) for rows in range(10)]
    assert [found.far_behind(DOG, "locate", 2, "decoupled") for found in asked] == [rows > 5 for rows in range(10)]


def test_where_nothing_is_to_be_absent_nothing_is_behind() -> None:
    assert not balance([question()] * 1000, share=0.0).far_behind(DOG, "locate", 2, "decoupled")


def test_questions_about_a_given_object_do_not_count() -> None:
    assert lack(balance([question(task=SAME_OBJECT)] * 100)) == lack(balance([]))


def made(*rows: tuple[str, int, int]) -> Made:
    """What was planned: kind of distractors, number of images, number of those with an answer."""
    counted = Made()
    for kind, images, targets in rows:
        shown = tuple(Shown(view, view, (0, 0, 9, 9), 1.0) for view in range(targets))
        counted.count([replace(question(images=images), distractors=kind, shown=shown)])
    return counted


@pytest.mark.parametrize(
    ("planned", "shares", "order"),
    [
        ([], {"hard": 0.3, "decoupled": 0.7}, ["hard", "decoupled"]),
        (["hard"], {"hard": 0.3, "decoupled": 0.7}, ["decoupled", "hard"]),
        (["hard", "decoupled", "decoupled", "decoupled"], {"hard": 0.3, "decoupled": 0.7}, ["hard", "decoupled"]),
        (["hard"], {"hard": 1.0, "decoupled": 0.0}, ["hard"]),
    ],
)
def test_the_kind_furthest_behind_its_share_comes_first(
    planned: list[str], shares: dict[str, float], order: list[str]
) -> None:
    assert made(*((kind, 2, 1) for kind in planned)).kinds("locate", shares) == order


def test_what_is_planned_least_comes_first() -> None:
    counted, rng = made(("hard", 2, 1), ("hard", 3, 1), ("hard", 3, 3), ("hard", 3, 3)), np.random.default_rng(0)
    assert counted.images("locate", range(2, 5), rng) == [4, 2, 3]
    assert counted.targets("locate", 3, rng) == [2, 1, 3]
    assert counted.images("locate_all", range(2, 4), rng) in ([2, 3], [3, 2])
