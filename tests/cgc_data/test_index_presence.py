"""What a source warrants of every (photo, category): by its annotation protocol, never by a missing annotation."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cgc_data.builder.release import build_release
from cgc_data.common.errors import ConfigError, VocabularyError
from cgc_data.config import BuildConfig
from cgc_data.release.read import open_release
from cgc_data.validate import validate
from cgc_data.validate.absence import CHECKS as ABSENCE_CHECKS
from tests.cgc_data.drawn import Thing, coco, index_of, lvis, state

DOG, CUP = "dog.n.01", "cup.n.01"
CROWD = {"iscrowd": 1, "segmentation": {"size": [240, 320], "counts": [0, 100, 76700]}}
OWN = ("dog", "gnome")

# what is boxed in the photo -> state of `dog` in a file of COCO's 80 categories
COCO_CASES: dict[str, tuple[list[Thing], bool | None, str]] = {
    "nothing boxed": ([], None, "absent"),
    "another category": ([Thing("cat")], None, "absent"),
    "one": ([Thing("dog")], None, "present_all"),
    "two": ([Thing("dog"), Thing("dog", (150, 100, 90, 90))], None, "present_all"),
    "a crowd": ([Thing("dog", fields=CROWD)], None, "present_some"),
    "one and a crowd": ([Thing("dog"), Thing("dog", fields=CROWD)], None, "present_some"),
    "no crowd flag": ([Thing("dog", fields={"iscrowd": None})], None, "present_some"),
    "no segmentation": ([Thing("dog", fields={"segmentation": None})], None, "present_some"),
    "no segmentation, declared": ([Thing("dog", fields={"segmentation": None})], True, "present_all"),
    "no crowd flag, declared": ([Thing("dog", fields={"iscrowd": None})], True, "present_all"),
    "a crowd, declared": ([Thing("dog", fields=CROWD)], True, "present_some"),
    "nothing boxed, declared not": ([], False, "unknown"),
    "one, declared not": ([Thing("dog")], False, "present_some"),
}


@pytest.mark.parametrize("case", COCO_CASES)
def test_coco_labels_its_80_categories_exhaustively(tmp_path: Path, case: str) -> None:
    things, exhaustive, expected = COCO_CASES[case]
    source = coco(tmp_path, {"a.jpg": things}, exhaustive=exhaustive)
    assert state(index_of(source, cache=tmp_path), "a.jpg", DOG) == expected


# declared -> (dog boxed, dog not boxed, gnome not boxed) in a file of the user's own categories
OWN_CASES: dict[str, tuple[Any, tuple[str, str, str]]] = {
    "undeclared": (None, ("present_some", "unknown", "unknown")),
    "declared false": (False, ("present_some", "unknown", "unknown")),
    "declared true": (True, ("present_all", "absent", "absent")),
    "declared for dogs": (["dog"], ("present_all", "absent", "unknown")),
    "declared for gnomes": (["gnome"], ("present_some", "unknown", "absent")),
}


@pytest.mark.parametrize("case", OWN_CASES)
def test_a_source_of_ones_own_says_itself_what_is_exhaustive(tmp_path: Path, case: str) -> None:
    exhaustive, expected = OWN_CASES[case]
    source = coco(tmp_path, {"with.jpg": [Thing("dog")], "without.jpg": []}, categories=OWN, exhaustive=exhaustive)
    index = index_of(source, cache=tmp_path)
    found = (
        state(index, "with.jpg", DOG),
        state(index, "without.jpg", DOG),
        state(index, "without.jpg", "name:gnome"),
    )
    assert found == expected


# (boxed, in neg_category_ids, in not_exhaustive_category_ids) -> state of `dog` in an LVIS file
LVIS_CASES = {
    "in no list": ((False, False, False), "unknown"),
    "negative": ((False, True, False), "absent"),
    "not exhaustive, none boxed": ((False, False, True), "unknown"),
    "boxed": ((True, False, False), "present_all"),
    "boxed, not exhaustive": ((True, False, True), "present_some"),
    "boxed and negative": ((True, True, False), "unknown"),
    "boxed, negative and not exhaustive": ((True, True, True), "unknown"),
}


@pytest.mark.parametrize("case", LVIS_CASES)
def test_lvis_is_federated(tmp_path: Path, case: str) -> None:
    (boxed, negative, partly), expected = LVIS_CASES[case]
    source = lvis(
        tmp_path,
        {"000000000001.jpg": [Thing("dog")] * boxed},
        negative={"000000000001.jpg": ["dog"] * negative},
        not_exhaustive={"000000000001.jpg": ["dog"] * partly},
    )
    assert state(index_of(source, cache=tmp_path), "000000000001.jpg", DOG) == expected


def test_an_lvis_photo_of_which_both_lists_are_empty_may_lack_boxes(tmp_path: Path) -> None:
    source = lvis(tmp_path, {"000000000001.jpg": [Thing("dog")]}, silent=True)
    assert state(index_of(source, cache=tmp_path), "000000000001.jpg", DOG) == "present_some"


def test_a_category_listed_both_negative_and_not_exhaustive_is_unknown(tmp_path: Path) -> None:
    name = "000000000001.jpg"
    source = lvis(tmp_path, {name: []}, negative={name: ["dog"]}, not_exhaustive={name: ["dog"]})
    assert state(index_of(source, cache=tmp_path), name, DOG) == "unknown"


def test_a_category_outside_the_vocabulary_of_a_source_is_unknown(tmp_path: Path) -> None:
    source = coco(tmp_path, {"a.jpg": []}, categories=["dog"], exhaustive=True)
    index = index_of(source, cache=tmp_path)
    assert state(index, "a.jpg", DOG) == "absent"
    assert state(index, "a.jpg", "wolf.n.01") == "unknown"  # only confusable with one that it has


def test_a_file_of_some_of_cocos_categories_is_not_taken_for_coco(tmp_path: Path) -> None:
    source = coco(tmp_path, {"a.jpg": []}, categories=["dog", "cat", "cup"])
    assert state(index_of(source, cache=tmp_path), "a.jpg", CUP) == "unknown"


def test_a_declaration_of_a_category_that_is_not_there_is_refused(tmp_path: Path) -> None:
    source = coco(tmp_path, {"a.jpg": []}, categories=OWN, exhaustive=["dgo"])
    with pytest.raises(ConfigError, match="no category 'dgo'"):
        index_of(source, cache=tmp_path)


def test_lvis_cannot_be_declared_exhaustive(tmp_path: Path) -> None:
    source = lvis(tmp_path, {"000000000001.jpg": []}).model_copy(update={"exhaustive": True})
    with pytest.raises(ConfigError, match="LVIS files state what is exhaustive"):
        index_of(source, cache=tmp_path)


def test_two_categories_that_are_one_concept_are_refused(tmp_path: Path) -> None:
    source = coco(tmp_path, {"a.jpg": []}, categories=["sofa", "couch"])
    with pytest.raises(VocabularyError, match=r"'sofa' and 'couch'.*rename or merge"):
        index_of(source, cache=tmp_path)


def test_a_release_of_lvis_alone_rests_on_negatives_and_hypernyms(tmp_path: Path) -> None:
    """Hundreds of each in a test release whose photos are verified to be free of dogs, and so of puppies."""
    synsets = ("dog.n.01", "puppy.n.01", "zebra.n.01", "banana.n.02", "umbrella.n.01", "laptop.n.01", "airplane.n.01")
    kinds = {synset.partition(".")[0]: synset for synset in synsets}
    shown = {f"{n:012d}.jpg": list(kinds)[1 + n % 6] for n in range(1, 91)}
    things = {name: [Thing(kind, (20 + 3 * (n % 20), 30, 120, 100))] for n, (name, kind) in enumerate(shown.items())}
    there = {name: {"puppy", kind, *(("dog",) if kind == "puppy" else ())} for name, kind in shown.items()}
    free = {name: [kind for kind in kinds if kind not in found] for name, found in there.items()}
    source = lvis(tmp_path, things, negative=free, categories=kinds)
    without_windows = {"intra/same_object": 0.0, "intra/locate_all": 0.0}
    settings = BuildConfig(sources=[source], samples=400, preset="paper", confusable="labeled", tasks=without_windows)
    build_release(settings, tmp_path / "R")
    rows = list(open_release(tmp_path / "R").rows(["evidence", "split"]))
    warrants = Counter(entry["warrant"] for row in rows if row["split"] == "test" for entry in row["evidence"])
    assert warrants["negative"] > 100
    assert warrants["hypernym:dog"] > 100
    failed = {check.name for check in validate(tmp_path / "R").checks if check.status == "fail"}
    assert failed.isdisjoint(ABSENCE_CHECKS)
