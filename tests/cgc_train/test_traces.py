"""Traces by rule: true of the row, through every image the row knows about, and without a coordinate."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgc_data.answer import read_answer
from cgc_data.builder.release import build_release
from cgc_data.config import BuildConfig, Source, Splits
from cgc_data.metrics import truth_of
from cgc_data.painter import paint
from cgc_data.release.read import open_release
from cgc_data.vocabulary import readable
from cgc_train.data.ablation import without_distractors
from cgc_train.reward.settings import PromptSettings
from cgc_train.traces import completion, sights, trace
from tests.cgc_train.made_rows import Box, Row, made_difference, made_row

LABELS = ("dog", "person", "scissors", "broccoli", "umbrella", "sheep", "wine glass", "my own thing")
DENIAL = re.compile(r"\b(no|none|nothing|not|cannot|out of view)\b")


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """Rows of any task, with boxes in any of their images."""
    task = draw(st.sampled_from(["locate", "locate_all", "absent", "same_object", "exemplar"]))
    count = draw(st.integers(2, 6))
    pool = task if task != "same_object" or count == 2 else draw(st.sampled_from([task, "same_object_all"]))
    others = count - 1
    most = {"locate": 1, "same_object": 1, "same_object_all": others, "absent": 0, "exemplar": others}.get(pool, count)
    first = 2 if task == "exemplar" else 1
    fewest = 0 if task == "exemplar" else min(most, 1)
    images = draw(st.permutations(range(first, count + 1)))[: draw(st.integers(fewest, most))]
    shown = {k: draw(_boxes(4 if task in ("locate_all", "exemplar") else 1)) for k in images}
    pool = draw(st.sampled_from(["locate", "locate_all"])) if task == "absent" else pool
    photo = draw(st.integers(1, 10_000))
    label, template = draw(st.sampled_from(LABELS)), draw(st.integers(0, 8))
    return made_row(task, shown, count=count, pool=pool, photo=photo, label=label, template=template, images=[])


def _boxes(most: int) -> st.SearchStrategy[list[Box]]:
    sides = st.tuples(st.integers(0, 499), st.integers(0, 499), st.integers(500, 1000), st.integers(500, 1000))
    return st.lists(sides, min_size=1, max_size=most, unique=True)


def sentences(row: Row) -> list[str]:
    return re.split(r"(?<=\.) ", trace(row))


def claims(row: Row) -> Iterator[tuple[int, bool]]:
    """Every (image, whether the trace claims that it shows the target); nothing is claimed about a reference image."""
    reference = row["query"]["ref_img_idx"]
    for sentence in sentences(row):
        for image in map(int, re.findall(r"Image (\d+)", sentence)):
            if image != reference:
                yield image, not DENIAL.search(sentence)


def check_true(row: Row) -> None:
    truth = truth_of(row)
    for image, positive in claims(row):
        assert 1 <= image <= truth.num_images
        assert positive == (image in truth.true_images)
        assert positive or image in truth.safe_images, "only what is warranted is said to be missing"
    said = {image for image, _ in claims(row)}
    assert said >= truth.true_images
    known = truth.true_images | (frozenset() if truth.names_image else truth.safe_images - {truth.ref_img_idx})
    assert said == known, "every image that is known about is spoken of"


@given(rows())
def test_every_claim_is_true_and_every_image_is_spoken_of(row: Row) -> None:
    check_true(row)


@given(rows())
def test_counts_are_said_in_words_and_are_true(row: Row) -> None:
    words = {2: "two", 3: "three", 4: "four"}
    name = readable(row["query"]["labels"][0])
    if row["task"] not in ("locate_all", "exemplar"):
        return
    for sight in sights(row):
        for count in sight.shown.values():
            said = name.indefinite if count == 1 else f"{words[count]} {name.plural}"
            assert any(said in sentence and f"Image {sight.image}" in sentence for sentence in sentences(row))


@given(rows())
def test_no_number_but_those_of_images(row: Row) -> None:
    text = trace(row)
    assert not re.search(r"\d", re.sub(r"Image [1-6]\b", "", text))
    assert not re.search(r"[\[\]{}<>]|bbox|img_idx|coordinate", text)


@given(rows(), st.sampled_from([(True, ""), (False, ""), (True, "<think>"), (True, "<think>\n")]))
def test_completions_are_strictly_valid_and_right(row: Row, asked: tuple[bool, str]) -> None:
    think, prefix = asked
    (message,) = completion(row, PromptSettings(think=think, prefix=prefix))
    text = message["content"][0]["text"]
    reading = read_answer(text, len(row["views"]), require_think=think, prefix=prefix)
    assert reading.valid
    assert set(reading.objects) == set(truth_of(row).objects)
    assert ("Image" in text) == think


@given(rows())
def test_traces_do_not_depend_on_coordinates(row: Row) -> None:
    moved = {**row, "objects": [{**o, "bbox_2d": [0, 0, 1 + k, 1000]} for k, o in enumerate(row["objects"])]}
    assert trace(moved) == trace(row)


@given(rows())
def test_the_first_sentence_does_not_tell_absent_rows(row: Row) -> None:
    if row["task"] in ("locate", "absent"):
        twin = {**row, "task": "locate" if row["task"] == "absent" else "absent"}
        assert sentences(twin)[0] == sentences(row)[0]


@pytest.mark.parametrize("label", LABELS)
def test_what_singles_out_one_of_several_is_told_image_by_image(label: str) -> None:
    """Image 1 is proved free of the label, Image 2 has the answer, and Image 3 shows exactly one."""
    name = readable(label)
    row = made_row("refer", {2: [(1, 2, 300, 400)]}, label=label, evidence=[])
    row["evidence"] = [{"img_idx": 1, "label": label, "source": "coco-0", "warrant": "exhaustive"}]
    first, second, third, end = sentences(row)[1:]
    assert DENIAL.search(first)
    assert "Image 1" in first
    assert "more than one" in second or "two or more" in second
    assert "Image 2" in second
    assert f"one {name.counted}" in third
    assert "Image 3" in third
    assert f"the leftmost {name.counted}" in end
    assert "Image 2" in end
    assert not re.search(r"\d", re.sub(r"Image [1-6]\b", "", trace(row)))


def test_an_example_names_what_is_sought_and_speaks_of_the_other_images() -> None:
    row = made_row("exemplar", {2: [(1, 2, 300, 400), (500, 500, 600, 600)]}, label="umbrella")
    *opening, second, third, _ = sentences(row)
    assert "Image 1" in opening[0]
    assert "umbrellas" in " ".join(opening)
    assert "two umbrellas" in second
    assert DENIAL.search(third)


def test_phrasings_vary_and_are_the_rows_own() -> None:
    made = [made_row("locate", {2: [(1, 2, 300, 400)]}, photo=photo) for photo in range(1, 200)]
    assert len({trace(row) for row in made}) > 50
    assert all(trace(row) == trace(dict(row)) for row in made)


def test_several_labels_are_told_apart() -> None:
    row = made_row("locate_all", {1: [(1, 2, 300, 400)], 2: [(1, 2, 300, 400)]}, count=3)
    row["query"]["labels"] = ["dog", "cat"]
    row["objects"][1]["label"] = "cat"
    row["evidence"] = [{"img_idx": k, "label": label} for k, label in ((1, "cat"), (2, "dog"), (3, "dog"), (3, "cat"))]
    text = trace(row)
    assert all(part in text for part in ("dogs and cats", "a dog and no cat", "a cat and no dog", "no dog and no cat"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Rows as the builder makes them."""
    folder: Path = tmp_path_factory.mktemp("built")
    sources = [
        Source.model_validate(json.loads(json.dumps(asdict(source), default=str)))
        for source in paint("standard", folder / "painted", photos=32)
    ]
    build_release(
        BuildConfig(sources=sources, samples=120, preset="paper", splits=Splits(validation=0.3)), folder / "release"
    )
    return list(open_release(folder / "release").rows())


def test_traces_of_a_built_release(built: list[dict[str, Any]]) -> None:
    assert {row["task"] for row in built} == {"locate", "locate_all", "absent", "same_object"}
    for row in built:
        check_true(row)
        check_true(without_distractors(row))


def test_a_row_without_a_label_speaks_of_what_its_answers_write() -> None:
    row = made_difference({2: [(100, 100, 400, 500)]})
    assert "difference" in sentences(row)[0]
    assert list(claims(row)) == [(2, True), (2, True)]
    assert "Image" not in trace(made_difference({}))
    assert sights(made_difference({})) == []
