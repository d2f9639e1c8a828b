"""`inter/group`: rows true by the raw files, breaches are found, and nothing reveals which label is missing."""

import copy
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cgc_data.config import Source
from cgc_data.geometry import iou
from cgc_data.metrics import score_item, truth_of
from cgc_data.release.read import open_release
from cgc_data.release.reference import load_reference
from cgc_data.tasks.inter.group import GROUP
from cgc_data.validate import validate
from cgc_data.validate.limits import Limits
from cgc_data.validate.report import Check
from cgc_data.validate.tasks.inter_group import measures
from cgc_data.validate.trace import Asked, Trace
from cgc_data.vocabulary import concept_of, load_relations
from tests.cgc_data import mini_release
from tests.cgc_data.tasks_alone import RawChecks, build_alone, listing, real_sources, rows_of, views_of

Row = dict[str, Any]
SAMPLES = 48


@pytest.fixture(scope="module")
def release(painted: list[Source], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_alone(GROUP.id, painted, SAMPLES, tmp_path_factory.mktemp("group") / "release")


@pytest.fixture(scope="module")
def rows(release: Path) -> list[Row]:
    return rows_of(release)


@pytest.fixture(scope="module")
def checks(release: Path) -> RawChecks:
    return RawChecks(release)


def nowhere(row: Row) -> list[str]:
    return [label for label in row["query"]["labels"] if label not in {o["label"] for o in row["objects"]}]


# -- rows


def test_labels_and_images_are_as_declared(rows: list[Row]) -> None:
    assert len(rows) >= 0.9 * SAMPLES
    for row in rows:
        labels = row["query"]["labels"]
        assert 2 <= len(labels) <= 4
        assert len(nowhere(row)) <= 1
        assert len({o["img_idx"] for o in row["objects"]}) >= 2
        assert max(Counter(o["label"] for o in row["objects"]).values()) == 1
        assert sorted(o["label"] for o in row["objects"]) == sorted(set(labels) - set(nowhere(row)))
    assert {len(row["query"]["labels"]) for row in rows} == {2, 3, 4}
    assert {len(row["views"]) for row in rows} >= {2, 3, 4, 5}


def test_a_quarter_of_the_rows_lacks_a_label(rows: list[Row]) -> None:
    assert sum(bool(nowhere(row)) for row in rows) / len(rows) == pytest.approx(0.25, abs=0.08)


def test_objects_are_all_that_the_files_have_of_the_labels(rows: list[Row], painted: list[Source]) -> None:
    """By the JSON alone: annotations of each asked label in each photo, of the sources that list it."""
    found: Counter[tuple[str, str]] = Counter()
    for source in painted:
        content = json.loads(Path(source.annotations).read_text(encoding="utf-8"))
        names = {entry["id"]: concept_of(entry["name"], entry.get("synset", "")) for entry in content["categories"]}
        files = {i["id"]: i["coco_url"].rpartition("/")[2] for i in content["images"] if i.get("coco_url")}
        files |= {i["id"]: i["file_name"].rpartition("/")[2] for i in content["images"] if i.get("file_name")}
        found.update((files[entry["image_id"]], names[entry["category_id"]]) for entry in content["annotations"])
    for row in rows:
        for number, view in enumerate(row["views"], 1):
            for label in row["query"]["labels"]:
                answered = sum(o["img_idx"] == number and o["label"] == label for o in row["objects"])
                annotated = found[view["file_name"].rpartition("/")[2], concept_of(label)]
                assert bool(annotated) == bool(answered), (row["id"], number, label)


def test_labels_and_boxes_cannot_be_taken_for_one_another(rows: list[Row]) -> None:
    relations = load_relations()
    for row in rows:
        for one, other in combinations(map(concept_of, row["query"]["labels"]), 2):
            assert other not in relations.confusable(one)
        for first, second in combinations(row["objects"], 2):
            assert first["img_idx"] != second["img_idx"] or iou(first["bbox_px"], second["bbox_px"]) <= 0.3


def test_every_view_without_a_label_has_a_claim(rows: list[Row]) -> None:
    for row in rows:
        shown = {(o["img_idx"], o["label"]) for o in row["objects"]}
        pairs = {(n, label) for n in range(1, len(row["views"]) + 1) for label in row["query"]["labels"]}
        assert {(e["img_idx"], e["label"]) for e in row["evidence"]} == pairs - shown
        assert len(row["evidence"]) == len(pairs - shown)


def test_the_plan_is_the_same_again(painted: list[Source], rows: list[Row], tmp_path: Path) -> None:
    build_alone(GROUP.id, painted, SAMPLES, tmp_path / "release")
    assert [row["id"] for row in open_release(tmp_path / "release").rows(["id"])] == [row["id"] for row in rows]


def test_a_reference_release_gives_the_same_bytes(painted: list[Source], rows: list[Row], tmp_path: Path) -> None:
    build_alone(GROUP.id, painted, 12, tmp_path / "light", images="reference")
    known, found = views_of(rows), views_of(load_reference(tmp_path / "light"))
    assert found
    for row in found.keys() & known.keys():
        assert found[row] == known[row]


# -- validate


def test_validate_accepts_the_release(release: Path) -> None:
    report = validate(release)
    assert report.failed() == []
    assert report.check("group").n >= 0.9 * SAMPLES
    assert report.check("name of the missing label (group)").n


def second_object(row: Row) -> None:
    row["objects"].append({**row["objects"][0], "bbox_2d": [1, 1, 200, 200], "bbox_px": [0.0, 0.0, 1.0, 1.0]})


def two_labels_nowhere(row: Row) -> None:
    gone = row["objects"].pop()
    row["evidence"].append({**row["evidence"][0], "img_idx": gone["img_idx"], "label": gone["label"]})


def one_image_alone(row: Row) -> None:
    first = row["objects"][0]["img_idx"]
    row["objects"] = [o for o in row["objects"] if o["img_idx"] == first]


def swapped_labels(row: Row) -> None:
    first, second = row["objects"][:2]
    first["label"], second["label"] = second["label"], first["label"]


def claim_left_out(row: Row) -> None:
    row["evidence"].pop()


def label_that_was_not_asked(row: Row) -> None:
    row["query"]["labels"] = row["query"]["labels"][1:]


def fifth_label(row: Row) -> None:
    row["query"]["labels"] = [*row["query"]["labels"], "zebra", "giraffe", "toaster"]


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (second_object, "group"),
        (two_labels_nowhere, "group"),
        (one_image_alone, "group"),
        (swapped_labels, "annotations"),
        (claim_left_out, "evidence"),
        (label_that_was_not_asked, "row form"),
        (fifth_label, "row form"),
    ],
)
def test_a_falsified_row_is_found(
    rows: list[Row], checks: RawChecks, change: Callable[[Row], None], check: str
) -> None:
    row = copy.deepcopy(next(row for row in rows if nowhere(row) and len(row["objects"]) == 2))
    assert checks.breached(row) == set()
    change(row)
    assert check in checks.breached(mini_release.finish(row))


def test_labels_that_can_be_confused_are_found(rows: list[Row], checks: RawChecks) -> None:
    names = {concept: name.singular for concept, name in checks.world.shown.items()}
    likes = {label: sorted(_alike(label) & names.keys()) for row in rows for label in row["query"]["labels"]}
    row = copy.deepcopy(next(row for row in rows if likes[row["query"]["labels"][0]]))
    row["query"]["labels"][1] = names[likes[row["query"]["labels"][0]][0]]
    row["objects"] = [o for o in row["objects"] if o["label"] in row["query"]["labels"]]
    row["evidence"] = [e for e in row["evidence"] if e["label"] in row["query"]["labels"]]
    assert "group" in checks.breached(mini_release.finish(row))


def _alike(label: str) -> frozenset[str]:
    return load_relations().confusable(concept_of(label))


# -- shortcuts


def listed(number: int, absent: Callable[[list[str], np.random.Generator], int]) -> list[Trace]:
    """Rows of three labels; in half of them the label that `absent` places is nowhere."""
    rng = np.random.default_rng(0)
    names = [f"thing {n}" for n in range(12)]
    return [_trace(place, rng.choice(names, 3, replace=False).tolist(), absent, rng) for place in range(number)]


def _trace(place: int, labels: list[str], absent: Callable[..., int], rng: np.random.Generator) -> Trace:
    gone = absent(labels, rng) if place % 2 else None
    asked = tuple(Asked(label, n != gone, frozenset({1}), 10) for n, label in enumerate(labels))
    return listing(place, "group", asked, template=int(rng.integers(9)))


def anywhere(labels: list[str], rng: np.random.Generator) -> int:
    return int(rng.integers(len(labels)))


def last(labels: list[str], rng: np.random.Generator) -> int:
    del rng
    return len(labels) - 1


def by_name(labels: list[str], rng: np.random.Generator) -> int:
    del rng
    return max(range(len(labels)), key=lambda place: int(labels[place].split()[1]))


def measured(traces: list[Trace]) -> dict[str, Check]:
    return {check.name: check for check in measures(traces, Limits())}


def test_labels_drawn_evenly_tell_nothing() -> None:
    assert [name for name, check in measured(listed(600, anywhere)).items() if check.status == "fail"] == []


@pytest.mark.parametrize(
    ("absent", "check"),
    [(last, "position of the missing label (group)"), (by_name, "name of the missing label (group)")],
)
def test_a_planted_shortcut_is_found(absent: Callable[..., int], check: str) -> None:
    assert measured(listed(600, absent))[check].status == "fail"


def test_wording_that_tells_is_found() -> None:
    traces = [
        replace(trace, template_id="group/0" if all(a.answered for a in trace.asked) else "group/1")
        for trace in listed(300, anywhere)
    ]
    assert measured(traces)["missing label from wording and sizes (group)"].status == "fail"


# -- scores


def said(objects: list[Row]) -> str:
    entries = [{key: o[key] for key in ("img_idx", "bbox_2d", "label")} for o in objects]
    return f"<think>Looked.</think>\n<answer>{json.dumps(entries)}</answer>"


def test_labels_decide_what_a_box_is_worth(rows: list[Row]) -> None:
    row = next(row for row in rows if len(row["objects"]) == 2 and nowhere(row))
    truth = truth_of(row)  # type: ignore[arg-type]
    first, second = row["objects"]
    right = score_item(said([first, second]), truth)
    assert (right.accuracy, right.miou, right.binding, right.nowhere) == (1, 1, 0, False)
    swapped = score_item(said([{**first, "label": second["label"]}, {**second, "label": first["label"]}]), truth)
    assert (swapped.accuracy, swapped.miou, swapped.binding, swapped.source) == (0, 0, 1, True)
    invented = score_item(said([first, second, {**second, "label": nowhere(row)[0]}]), truth)
    assert invented.nowhere
    assert invented.accuracy < 1
    assert invented.hallucinated is None
    renamed = score_item(said([{**first, "label": "whatsit"}, second]), truth)
    assert renamed.binding == 0, "a label that is not asked for is wrong, but not swapped"


def test_other_rows_have_no_such_scores(rows: list[Row]) -> None:
    whole = next(row for row in rows if not nowhere(row))
    assert score_item(said(whole["objects"]), truth_of(whole)).nowhere is None  # type: ignore[arg-type]


# -- real photos


def test_real_photos_give_enough_rows(real_data: Path, tmp_path: Path) -> None:
    build_alone(GROUP.id, real_sources(real_data), SAMPLES, tmp_path / "real")
    rows = list(open_release(tmp_path / "real").rows())
    assert len(rows) >= 40
    assert len({view["file_name"] for row in rows for view in row["views"]}) >= 15
    assert validate(tmp_path / "real").failed() == []
