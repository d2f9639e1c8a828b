"""Questions: every phrasing with awkward names, as a golden file that was read aloud, and what each must state."""

import re
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from cgc_data.answer import ANSWER_FORM
from cgc_data.answer.wording import POOLS, Reference, ask, listed, template_count
from cgc_data.common.errors import PlanError
from cgc_data.tasks import TASKS, Task, labels_of_pool, pool_gives_box, pool_gives_image, pool_names_image
from cgc_data.tasks.inter.refer import REFER, RELATIONS, RIGHTMOST
from cgc_data.vocabulary import Name, names_of, readable
from cgc_data.vocabulary.concepts import entries

REFERENCE = Reference(1, (120, 80, 400, 650))
ALL = [(pool, number) for pool in POOLS for number in range(template_count(pool))]
NAMES = ("scissors", "umbrella", "skis", "person", "sheep", "wine glass", "hot dog", "broccoli", "garden_gnome")


OTHERS = ("dog", "pizza", "traffic light")  # asked for in addition to the name, if a question is about several


def _given(pool: str) -> dict[str, Any]:
    """What a question of the pool receives in addition to its names."""
    return {
        "ref": REFERENCE if pool_gives_box(pool) else Reference(1) if pool_gives_image(pool) else None,
        "image": 2 if pool_names_image(pool) else None,
        "label": _written(pool),
        "relation": RIGHTMOST if _task(pool) is REFER else "",
    }


def _task(pool: str) -> Task:
    return next(task for task in TASKS.values() if pool in task.pools)


def _written(pool: str) -> str:
    return _task(pool).written_label(names_image=pool_names_image(pool))


def _names(pool: str, name: Name) -> list[Name]:
    return [name, *map(readable, OTHERS)][: labels_of_pool(pool)]


def _ask(pool: str, number: int, name: str, count: int = 3) -> str:
    return ask(pool, number, _names(pool, readable(name)), count_images=count, **_given(pool))


@pytest.mark.parametrize("name", NAMES)
def test_questions_read_well(name: str, snapshot: SnapshotAssertion) -> None:
    count = 2 if name in ("sheep", "skis") else 3
    assert "\n".join(_ask(pool, number, name, count).split(f" {ANSWER_FORM} ")[0] for pool, number in ALL) == snapshot


@pytest.mark.parametrize("relation", RELATIONS)
def test_one_of_several_is_singled_out(relation: str, snapshot: SnapshotAssertion) -> None:
    names = ("dog", "scissors", "person", "broccoli", "sheep")
    asked = [
        ask(REFER.pool, number, [readable(names[number % len(names)])], count_images=2 + number % 2, relation=relation)
        for number in range(template_count(REFER.pool))
    ]
    assert "\n".join(question.split(f" {ANSWER_FORM} ")[0] for question in asked) == snapshot


def test_whole_question(snapshot: SnapshotAssertion) -> None:
    assert _ask("locate", 0, "dog") == snapshot


@pytest.mark.parametrize(("pool", "number"), ALL)
def test_states_form_label_and_name(pool: str, number: int) -> None:
    question = _ask(pool, number, "hot dog")
    assert ANSWER_FORM in question
    written = [_written(pool)] if _written(pool) else [n.singular for n in _names(pool, readable("hot dog"))]
    assert question.endswith(f"Write the label as {listed([repr_of(word) for word in written], 'or')}.")
    if not _written(pool) and written:
        assert re.search(r"\bhot dogs?\b", question.split(ANSWER_FORM)[0])


def repr_of(word: str) -> str:
    return f'"{word}"'


@pytest.mark.parametrize("number", range(template_count("same_object")))
def test_same_object_names_box_scale_and_both_images(number: int) -> None:
    question = _ask("same_object", number, "dog").split(ANSWER_FORM)[0]
    for part in ("[120, 80, 400, 650]", "0 to 1000", "Image 1", "Image 2"):
        assert part in question


@pytest.mark.parametrize("number", range(template_count("same_object_all")))
def test_a_track_names_box_scale_and_the_other_images(number: int) -> None:
    question = _ask("same_object_all", number, "dog").split(ANSWER_FORM)[0]
    for part in ("[120, 80, 400, 650]", "0 to 1000", "Image 1"):
        assert part in question
    assert "Image 2" not in question
    assert re.search(r"other (images?|views)|these \w+ images", question)


@pytest.mark.parametrize(("pool", "number"), [p for p in ALL if _task(p[0]).empty or _task(p[0]).may_be_empty])
def test_says_what_to_do_when_there_is_nothing(pool: str, number: int) -> None:
    assert re.search("empty list|list is empty", _ask(pool, number, "dog"))


@pytest.mark.parametrize("pool", POOLS)
def test_enough_phrasings_all_different(pool: str) -> None:
    assert len({_ask(pool, number, "dog") for number in range(template_count(pool))}) == template_count(pool) >= 8


def test_no_raw_name_in_any_question() -> None:
    for name in names_of(entries()).values():
        for pool, number in ALL[::5]:
            asked = ask(pool, number, _names(pool, name), count_images=4, **_given(pool))
            asked = asked.replace(f" {ANSWER_FORM}", "")
            assert not re.search(r"[_{}]|  ", asked)
            assert not re.search(r"\ba [aeio]\w|\ban [bcdfgjklpqtvwxyz]\w", asked.replace(" a one", ""))


@pytest.mark.parametrize(
    ("pool", "number", "count", "ref", "image"),
    [
        ("find", 0, 3, None, None),
        ("locate", 99, 3, None, None),
        ("locate", 0, 1, None, None),
        ("locate", 0, 3, REFERENCE, None),
        ("locate", 0, 3, None, 1),
        ("same_object", 0, 3, None, 2),
        ("same_object", 0, 3, REFERENCE, None),
        ("same_object", 0, 3, Reference(1), 2),
        ("region", 0, 3, None, None),
        ("region", 0, 3, REFERENCE, None),
        ("region_in", 0, 3, Reference(2), None),
        ("same_object_all", 0, 3, REFERENCE, 2),
        ("same_object_all", 0, 3, None, None),
    ],
)
def test_refusals(pool: str, number: int, count: int, ref: Reference | None, image: int | None) -> None:
    with pytest.raises(PlanError):
        ask(pool, number, [readable("dog")], count_images=count, ref=ref, image=image)


@pytest.mark.parametrize(
    ("words", "text"), [(["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b, or c")], ids=["1", "2", "3"]
)
def test_lists_of_words(words: list[str], text: str) -> None:
    assert listed(words, "or") == text
