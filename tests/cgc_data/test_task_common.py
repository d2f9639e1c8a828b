"""`inter/common`: rows are true by the raw files in both forms, breaches are found, and names reveal nothing."""

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cgc_data.config import Source
from cgc_data.metrics import score_item, truth_of
from cgc_data.release.read import open_release
from cgc_data.release.reference import load_reference
from cgc_data.tasks.inter.common import COMMON
from cgc_data.validate import validate
from cgc_data.validate.limits import Limits
from cgc_data.validate.report import Check
from cgc_data.validate.tasks.inter_common import measures
from cgc_data.validate.trace import Asked, Trace
from cgc_data.vocabulary import COCO_NAMES, concept_of, load_relations
from cgc_train.data.ablation import without_distractors
from cgc_train.traces import trace
from tests.cgc_data import mini_release
from tests.cgc_data.drawn import Thing, coco
from tests.cgc_data.tasks_alone import RawChecks, build_alone, faults, listing, real_sources, rows_of, views_of

Row = dict[str, Any]
SAMPLES = 60
KINDS = ("dog", "pizza", "bus", "zebra", "umbrella", "laptop", "toilet", "kite", "banana", "clock", "bear", "person")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Source]:
    """Photos of three kinds each, of which some have two objects."""
    rng = np.random.default_rng(5)
    photos = {}
    for number in range(36):
        kinds = rng.choice(KINDS, 3, replace=False).tolist()
        places = [(10 + 100 * (n % 3), 10 + 110 * (n // 3), 80, 90) for n in rng.permutation(6)[:4].tolist()]
        photos[f"{number:012d}.jpg"] = [Thing(kinds[n % 3], places[n]) for n in range(3 + int(rng.integers(2)))]
    return [coco(tmp_path_factory.mktemp("drawn"), photos)]


@pytest.fixture(scope="module")
def release(drawn: list[Source], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_alone(COMMON.id, drawn, SAMPLES, tmp_path_factory.mktemp("common") / "release")


@pytest.fixture(scope="module")
def rows(release: Path) -> list[Row]:
    return rows_of(release)


@pytest.fixture(scope="module")
def checks(release: Path) -> RawChecks:
    return RawChecks(release)


@pytest.fixture(scope="module")
def annotated(drawn: list[Source]) -> Counter[tuple[str, str]]:
    """Annotations by file name and concept, by the JSON alone."""
    found: Counter[tuple[str, str]] = Counter()
    for source in drawn:
        content = json.loads(Path(source.annotations).read_text(encoding="utf-8"))
        names = {entry["id"]: concept_of(entry["name"], entry.get("synset", "")) for entry in content["categories"]}
        files = {i["id"]: (i.get("file_name") or i["coco_url"]).rpartition("/")[2] for i in content["images"]}
        found.update((files[entry["image_id"]], names[entry["category_id"]]) for entry in content["annotations"])
    return found


def listed(rows: list[Row]) -> Iterator[Row]:
    return (row for row in rows if row["query"]["img_idx"] is None)


def named(rows: list[Row]) -> Iterator[Row]:
    return (row for row in rows if row["query"]["img_idx"] is not None)


def files(row: Row) -> list[str]:
    return [view["file_name"].rpartition("/")[2] for view in row["views"]]


# -- rows


def test_both_forms_are_made(rows: list[Row]) -> None:
    assert len(list(listed(rows))) >= 10
    assert len(list(named(rows))) >= 10


@pytest.mark.parametrize(("share", "forms"), [(0.0, {False}), (1.0, {True})])
def test_the_mix_is_a_setting(drawn: list[Source], tmp_path: Path, share: float, forms: set[bool]) -> None:
    build_alone(COMMON.id, drawn, 8, tmp_path / "mix", named_image=share, images="reference")
    found = [row["query"]["img_idx"] is not None for row in open_release(tmp_path / "mix").rows(["query"])]
    assert set(found) == forms


def test_one_listed_kind_is_in_every_image_and_no_other(rows: list[Row], annotated: Counter[tuple[str, str]]) -> None:
    for row in listed(rows):
        labels = row["query"]["labels"]
        assert 3 <= len(labels) <= 6
        counts = {label: [annotated[name, concept_of(label)] for name in files(row)] for label in labels}
        [right] = [label for label in labels if all(counts[label])]
        assert {o["label"] for o in row["objects"]} == {right}
        found = Counter(o["img_idx"] for o in row["objects"])
        assert [found[n] for n in range(1, len(row["views"]) + 1)] == counts[right]
        assert len(row["objects"]) <= 8
        wrong = [counts[label] for label in labels if label != right]
        assert all(any(images) for images in wrong)
        assert all(any(images) for images in zip(*wrong, strict=True)), "an image without any other kind"


def test_listed_kinds_cannot_be_taken_for_one_another(rows: list[Row]) -> None:
    relations = load_relations()
    for row in listed(rows):
        concepts = [concept_of(label) for label in row["query"]["labels"]]
        assert not any(other in relations.confusable(one) for one in concepts for other in concepts)


def test_claims_are_about_the_other_kinds(rows: list[Row], annotated: Counter[tuple[str, str]]) -> None:
    for row in listed(rows):
        right = row["objects"][0]["label"]
        claimed = {entry["label"] for entry in row["evidence"]}
        assert claimed == set(row["query"]["labels"]) - {right}
        for entry in row["evidence"]:
            assert not annotated[files(row)[entry["img_idx"] - 1], concept_of(entry["label"])]


def test_images_share_one_kind_of_cocos_and_the_question_does_not_tell(
    rows: list[Row], annotated: Counter[tuple[str, str]]
) -> None:
    for row in named(rows):
        [label] = row["query"]["labels"]
        shared = [c for c in map(concept_of, COCO_NAMES) if all(annotated[name, c] for name in files(row))]
        assert shared == [concept_of(label)]
        image = row["query"]["img_idx"]
        assert {(o["img_idx"], o["label"]) for o in row["objects"]} == {(image, "object")}
        assert len(row["objects"]) == annotated[files(row)[image - 1], concept_of(label)]
        assert row["answer_images"] == [image]
        assert sorted([image, *row["reference_images"]]) == list(range(1, len(row["views"]) + 1))
        assert row["evidence"] == []
        assert 'Write the label as "object".' in row["question"]
        assert label not in row["question"].replace("object", "")


def _dog_and(tmp_path: Path, *others: str) -> list[Row]:
    """Rows without names, about photos that each show a dog and one kind more."""
    photos = {f"{kind}.jpg": [Thing("dog", (10, 10, 90, 90)), Thing(kind, (150, 100, 90, 90))] for kind in others}
    build_alone(COMMON.id, [coco(tmp_path / "photos", photos)], 12, tmp_path / "release", named_image=1.0)
    return rows_of(tmp_path / "release")


def test_lookalikes_in_different_images_are_not_shown_together(tmp_path: Path) -> None:
    rows = _dog_and(tmp_path, "cup", "bowl", "kite")
    assert {frozenset(files(row)) for row in rows if len(row["views"]) == 2} == {
        frozenset({"cup.jpg", "kite.jpg"}),
        frozenset({"bowl.jpg", "kite.jpg"}),
    }
    checks = RawChecks(tmp_path / "release")
    row = next(
        r for r in rows if set(files(r)) == {"cup.jpg", "kite.jpg"} and files(r)[r["query"]["img_idx"] - 1] == "cup.jpg"
    )
    assert checks.breached(row) == set()
    bowl = next(view for r in rows for view in r["views"] if view["file_name"] == "bowl.jpg")
    place = row["reference_images"][0] - 1
    row["views"][place] = {**bowl, "role": "reference"}
    assert "cup may be in every image too" in faults(row, checks.world)


def test_each_set_without_names_is_asked_about_two_images(rows: list[Row]) -> None:
    sets: dict[str, set[str]] = {}
    for row in named(rows):
        sets.setdefault(row["tuple_id"], set()).add(files(row)[row["query"]["img_idx"] - 1])
    assert {len(found) for found in sets.values()} == {2}


def test_few_rows_are_about_people(rows: list[Row]) -> None:
    people = [row for row in rows if "person" in (row["objects"][0]["label"], *row["query"]["labels"][:1])]
    about = [row for row in people if row["objects"][0]["label"] in ("person", "object")]
    assert len(about) <= 0.1 * len(rows)


def test_the_plan_is_the_same_again(drawn: list[Source], rows: list[Row], tmp_path: Path) -> None:
    build_alone(COMMON.id, drawn, SAMPLES, tmp_path / "release")
    assert [row["id"] for row in open_release(tmp_path / "release").rows(["id"])] == [row["id"] for row in rows]


def test_a_reference_release_gives_the_same_bytes(drawn: list[Source], rows: list[Row], tmp_path: Path) -> None:
    build_alone(COMMON.id, drawn, SAMPLES, tmp_path / "light", images="reference")
    assert views_of(load_reference(tmp_path / "light")) == views_of(rows)


# -- validate


def test_validate_accepts_the_release(release: Path, rows: list[Row]) -> None:
    report = validate(release)
    assert report.failed() == []
    assert report.check("common kind").n == len(rows)
    assert report.check("common kind from the names").n


def other_kind_answered(row: Row) -> None:
    wrong = next(label for label in row["query"]["labels"] if label != row["objects"][0]["label"])
    for target in row["objects"]:
        target["label"] = wrong


def image_left_out(row: Row) -> None:
    first = row["objects"][0]["img_idx"]
    row["objects"] = [o for o in row["objects"] if o["img_idx"] != first]
    row["views"][first - 1]["role"] = "distractor"


def claims_left_out(row: Row) -> None:
    row["evidence"] = [e for e in row["evidence"] if e["label"] != row["evidence"][0]["label"]]


def claim_about_the_right_kind(row: Row) -> None:
    row["evidence"].append({**row["evidence"][0], "label": row["objects"][0]["label"]})


def two_names(row: Row) -> None:
    right = row["objects"][0]["label"]
    other = next(label for label in row["query"]["labels"] if label != right)
    row["query"]["labels"] = [right, other]
    row["evidence"] = [e for e in row["evidence"] if e["label"] == other]


def kind_that_is_nowhere(row: Row) -> None:
    gone = next(label for label in ("toaster", "hair drier", "parking meter") if label not in row["question"])
    row["query"]["labels"] = [*row["query"]["labels"], gone]
    row["evidence"].append({**row["evidence"][0], "label": gone})


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (other_kind_answered, "annotations"),
        (image_left_out, "common kind"),
        (claims_left_out, "common kind"),
        (claim_about_the_right_kind, "evidence"),
        (two_names, "row form"),
        (kind_that_is_nowhere, "common kind"),
    ],
)
def test_a_falsified_list_is_found(
    rows: list[Row], checks: RawChecks, change: Callable[[Row], None], check: str
) -> None:
    row = copy.deepcopy(next(row for row in listed(rows) if len(row["query"]["labels"]) < 6))
    assert checks.breached(row) == set()
    change(row)
    assert check in checks.breached(mini_release.finish(row))


def another_image_shared(row: Row) -> None:
    """Twice the same photo: all that it shows is shared."""
    first, second = row["query"]["img_idx"] - 1, row["reference_images"][0] - 1
    row["views"][second] = {**row["views"][first], "role": "reference"}
    row["images"][second] = row["images"][first]
    del row["views"][2:], row["images"][2:]


def object_left_out(row: Row) -> None:
    row["objects"].pop()


def wrong_word(row: Row) -> None:
    for target in row["objects"]:
        target["label"] = row["query"]["labels"][0]


def names_listed(row: Row) -> None:
    row["query"]["labels"] = [*row["query"]["labels"], "toaster", "zebra"]


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (another_image_shared, "common kind"),
        (object_left_out, "one instance"),
        (wrong_word, "row form"),
        (names_listed, "row form"),
    ],
)
def test_a_falsified_row_without_names_is_found(
    rows: list[Row], checks: RawChecks, change: Callable[[Row], None], check: str
) -> None:
    row = copy.deepcopy(next(r for r in named(rows) if len(r["views"]) == 2 and len(r["objects"]) == 1))
    assert checks.breached(row) == set()
    change(row)
    assert check in checks.breached(mini_release.finish(row))


# -- shortcuts


def lists(number: int, right: Callable[[list[int], np.random.Generator], int]) -> list[Trace]:
    """Rows of two images and three kinds; `right` chooses which one both show. Kind n is in 100 - n photos."""
    rng = np.random.default_rng(1)
    return [_trace(place, rng.choice(12, 3, replace=False).tolist(), right, rng) for place in range(number)]


def _trace(place: int, kinds: list[int], right: Callable[..., int], rng: np.random.Generator) -> Trace:
    chosen = right(kinds, rng)
    others = cycle(rng.permutation([1, 2]).tolist())
    shown = [frozenset({1, 2}) if n == chosen else frozenset({next(others)}) for n in range(len(kinds))]
    asked = tuple(Asked(f"kind {k}", n == chosen, shown[n], 100 - k) for n, k in enumerate(kinds))
    return listing(place, "common", asked)


def measured(traces: list[Trace]) -> dict[str, Check]:
    return {check.name: check for check in measures(traces, Limits())}


def anyone(kinds: list[int], rng: np.random.Generator) -> int:
    return int(rng.integers(len(kinds)))


def first(kinds: list[int], rng: np.random.Generator) -> int:
    del kinds, rng
    return 0


def rarest(kinds: list[int], rng: np.random.Generator) -> int:
    del rng
    return kinds.index(max(kinds))


def most_frequent(kinds: list[int], rng: np.random.Generator) -> int:
    del rng
    return kinds.index(min(kinds))


def test_kinds_drawn_evenly_tell_nothing() -> None:
    assert [name for name, check in measured(lists(240, anyone)).items() if check.status == "fail"] == []


@pytest.mark.parametrize(
    ("right", "check"),
    [
        (rarest, "common kind from the names"),
        (rarest, "common kind from how rare it is"),
        (rarest, "common kind from one image's labels"),
        (first, "place of the common kind"),
    ],
)
def test_a_planted_prior_is_found(right: Callable[..., int], check: str) -> None:
    assert measured(lists(240, right))[check].status == "fail"


def test_rarity_that_tells_by_the_length_of_the_list_is_found() -> None:
    """The rarest of three kinds, and the most frequent of four: over all lists neither wins."""
    rng = np.random.default_rng(2)
    kinds = [rng.choice(12, 3 + place % 2, replace=False).tolist() for place in range(300)]
    found = [_trace(place, some, most_frequent if place % 2 else rarest, rng) for place, some in enumerate(kinds)]
    assert measured(found)["common kind from how rare it is"].status == "fail"


def test_too_many_people_are_found() -> None:
    traces = lists(240, anyone)
    people = [_renamed(t) if n % 5 == 0 else t for n, t in enumerate(traces)]
    assert measured(traces)["people in common"].status == "pass"
    assert measured(people)["people in common"].status == "fail"


def _renamed(found: Trace) -> Trace:
    asked = tuple(Asked("person" if a.answered else a.label, a.answered, a.images, a.photos) for a in found.asked)
    return replace(found, asked=asked)


# -- scores, traces, ablation


def said(objects: list[Row]) -> str:
    entries = [{key: o[key] for key in ("img_idx", "bbox_2d", "label")} for o in objects]
    return f"<think>Looked.</think>\n<answer>{json.dumps(entries)}</answer>"


def test_the_label_counts_only_where_names_are_listed(rows: list[Row]) -> None:
    for row, worth in ((next(listed(rows)), 0), (next(named(rows)), 1)):
        truth = truth_of(row)  # type: ignore[arg-type]
        assert score_item(said(row["objects"]), truth).accuracy == 1
        other = row["query"]["labels"][row["query"]["labels"][0] == row["objects"][0]["label"]]
        score = score_item(said([{**o, "label": other} for o in row["objects"]]), truth)
        assert score.accuracy == worth
        assert score.binding == (1 if worth == 0 else None)
        assert score.nowhere is None


def test_traces_say_what_is_shared(rows: list[Row]) -> None:
    for row in rows:
        text = trace(row)  # type: ignore[arg-type]
        images = {o["img_idx"] for o in row["objects"]}
        assert all(f"Image {image}" in text for image in images)
        if row["query"]["img_idx"] is not None:
            assert not any(f"Image {n}" in text for n in row["reference_images"])
        assert "object" not in text


def test_the_ablation_leaves_these_rows_whole(rows: list[Row]) -> None:
    assert all(without_distractors(row) == row for row in rows)  # type: ignore[arg-type]


# -- real photos


def test_real_photos_give_rows_of_both_forms(real_data: Path, tmp_path: Path) -> None:
    build_alone(COMMON.id, real_sources(real_data), SAMPLES, tmp_path / "real")
    rows = [dict(row) for row in open_release(tmp_path / "real").rows()]
    assert list(listed(rows))
    assert list(named(rows))
    assert validate(tmp_path / "real").failed() == []
