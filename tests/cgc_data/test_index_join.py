"""Facts of several sources about one photo: joined by identity, unknown where they contradict each other."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from cgc_data.common.errors import SourceError
from cgc_data.config import Source
from cgc_data.index.build import Index
from cgc_data.index.join import Agreement, same_boxes
from tests.cgc_data.drawn import Thing, coco, index_of, lvis, position, state

DOG, PUPPY, CUP, MUG = "dog.n.01", "puppy.n.01", "cup.n.01", "mug.n.04"
NAME = "000000000001.jpg"
BOX, NEAR, FAR = (40, 40, 100, 80), (45, 42, 100, 80), (200, 120, 80, 80)


def joined(tmp_path: Path, in_coco: list[Thing], in_lvis: list[Thing], negative: tuple[str, ...] = ()) -> Index:
    """One photo, listed by COCO and by LVIS under different ids."""
    first = coco(tmp_path / "coco", {"000000000009.jpg": [], NAME: in_coco})
    second = lvis(tmp_path / "lvis", {NAME: in_lvis}, negative={NAME: negative})
    return index_of(first, second, cache=tmp_path)


def boxes(index: Index, concept: str, name: str = NAME) -> list[list[float]]:
    found = index.instances.of(position(index, name), index.position[concept])
    return index.instances.box[found].round(6).tolist()


# -- identity


def test_the_12_digit_coco_name_joins_whatever_the_ids(tmp_path: Path) -> None:
    index = joined(tmp_path, [], [])
    assert [photo.identity for photo in index.photos] == ["coco:000000000001", "coco:000000000009"]
    assert [len(photo.appearances) for photo in index.photos] == [2, 1]


def test_a_bare_id_never_joins(tmp_path: Path) -> None:
    """Both photos have the id 1."""
    first = coco(tmp_path / "a", {"000000000001.jpg": []})
    second = lvis(tmp_path / "b", {"000000000002.jpg": []})
    assert [len(photo.appearances) for photo in index_of(first, second, cache=tmp_path).photos] == [1, 1]


def two_of_ones_own(tmp_path: Path, name: str, other: str, *, same_bytes: bool) -> Index:
    first = coco(tmp_path / "a", {name: []}, categories=["dog"], exhaustive=True)
    if same_bytes:
        (tmp_path / "b" / "images").mkdir(parents=True)
        shutil.copy(tmp_path / "a" / "images" / name, tmp_path / "b" / "images" / other)
    second = coco(tmp_path / "b", {other: []}, categories=["cat"], exhaustive=True)
    if not same_bytes:
        shutil.copy(tmp_path / "a" / "images" / name, tmp_path / "b" / "images" / "unlisted.jpg")
        (tmp_path / "b" / "images" / other).write_bytes((tmp_path / "a" / "images" / name).read_bytes() + b"\0")
    return index_of(first, second, cache=tmp_path)


def test_the_bytes_of_the_file_join_photos_of_other_names(tmp_path: Path) -> None:
    index = two_of_ones_own(tmp_path, "mine.jpg", "yours.jpg", same_bytes=True)
    (photo,) = index.photos
    assert photo.identity.startswith("sha256:")
    assert [state(index, "mine.jpg", concept) for concept in (DOG, "cat.n.01")] == ["absent", "absent"]


def test_a_renamed_copy_of_a_coco_photo_is_that_photo(tmp_path: Path) -> None:
    first = coco(tmp_path / "a", {"000000000001.jpg": [], "000000000002.jpg": []})
    (tmp_path / "b" / "images").mkdir(parents=True)
    shutil.copy(tmp_path / "a" / "images" / "000000000001.jpg", tmp_path / "b" / "images" / "mine.jpg")
    second = coco(tmp_path / "b", {"mine.jpg": []}, categories=["dog"], exhaustive=True)
    photos = index_of(first, second, cache=tmp_path).photos
    assert [(photo.identity, len(photo.appearances)) for photo in photos] == [
        ("coco:000000000001", 2),
        ("coco:000000000002", 1),
    ]


def test_one_name_of_two_files_does_not_join(tmp_path: Path) -> None:
    assert len(two_of_ones_own(tmp_path, "mine.jpg", "mine.jpg", same_bytes=False).photos) == 2


def test_a_photo_that_one_source_lists_twice_is_left_out(tmp_path: Path) -> None:
    """Two records of one photo could say different things, and its objects would count twice."""
    (tmp_path / "images").mkdir()
    source = coco(tmp_path, {"a.jpg": [Thing("dog")], "b.jpg": [Thing("dog")], "c.jpg": [Thing("dog")]})
    shutil.copy(tmp_path / "images" / "a.jpg", tmp_path / "images" / "b.jpg")
    index = index_of(source, cache=tmp_path)
    assert [photo.file_name for photo in index.photos] == ["c.jpg"]
    assert [left.reason for left in index.left_out] == ["listed twice"]


def test_missing_and_resized_photos_are_left_out_by_name(tmp_path: Path) -> None:
    first = coco(tmp_path / "a", {NAME: [], "000000000002.jpg": [], "000000000003.jpg": []})
    (tmp_path / "a" / "images" / "000000000002.jpg").unlink()
    second = lvis(tmp_path / "b", {NAME: []})
    text = Path(second.annotations).read_text().replace('"width": 320', '"width": 640')
    Path(second.annotations).write_text(text)
    index = index_of(first, second, cache=tmp_path)
    assert [photo.file_name for photo in index.photos] == ["000000000003.jpg"]
    assert sorted((left.reason, left.image_id) for left in index.left_out) == [
        ("photo missing", 2),
        ("size contradiction", 1),
    ]


def test_a_folder_without_any_of_the_photos_is_an_error(tmp_path: Path) -> None:
    source = coco(tmp_path, {"a.jpg": [], "b.jpg": []})
    (tmp_path / "empty").mkdir()
    moved = source.model_copy(update={"images": str(tmp_path / "empty")})
    with pytest.raises(SourceError, match=r"empty: holds none of the 2 photos"):
        index_of(moved, cache=tmp_path)


# -- contradictions: (boxed by COCO, boxed by LVIS, LVIS negatives) -> state of `dog`

JOINED = {
    "COCO alone": ([Thing("dog", BOX)], [], (), "present_all"),
    "LVIS silent, COCO absent": ([], [], (), "absent"),
    "both absent": ([], [], ("dog",), "absent"),
    "same boxes": ([Thing("dog", BOX)], [Thing("dog", NEAR)], (), "present_all"),
    "same boxes in another order": (
        [Thing("dog", BOX), Thing("dog", FAR)],
        [Thing("dog", FAR), Thing("dog", NEAR)],
        (),
        "present_all",
    ),
    "COCO absent, LVIS boxed": ([], [Thing("dog")], (), "unknown"),
    "COCO boxed, LVIS absent": ([Thing("dog")], [], ("dog",), "unknown"),
    "other counts": ([Thing("dog", BOX)], [Thing("dog", BOX), Thing("dog", FAR)], (), "unknown"),
    "other places": ([Thing("dog", BOX)], [Thing("dog", FAR)], (), "unknown"),
    "one box matched twice": (
        [Thing("dog", BOX), Thing("dog", BOX)],
        [Thing("dog", BOX), Thing("dog", FAR)],
        (),
        "unknown",
    ),
    "COCO knows of a crowd": ([Thing("dog", BOX, {"iscrowd": 1})], [Thing("dog", BOX)], (), "present_some"),
}


@pytest.mark.parametrize("case", JOINED)
def test_presence_count_and_boxes_must_agree(tmp_path: Path, case: str) -> None:
    in_coco, in_lvis, negative, expected = JOINED[case]
    assert state(joined(tmp_path, in_coco, in_lvis, negative), NAME, DOG) == expected


def test_a_third_source_does_not_settle_a_contradiction(tmp_path: Path) -> None:
    sources: list[Source] = [
        coco(tmp_path / "a", {NAME: []}),
        lvis(tmp_path / "b", {NAME: [Thing("dog")]}),
        coco(tmp_path / "c", {NAME: [], "000000000002.jpg": []}),
    ]
    for order in (sources, sources[::-1], [sources[0], sources[2], sources[1]]):
        assert state(index_of(*order, cache=tmp_path), NAME, DOG) == "unknown"


def test_the_rate_of_contradiction_is_measured(tmp_path: Path) -> None:
    agree = joined(tmp_path / "agree", [Thing("dog", BOX)], [Thing("dog", NEAR)], negative=("zebra",))
    assert agree.agreement == Agreement(compared=2, contradicted=0)
    clash = joined(tmp_path / "clash", [Thing("dog", BOX)], [Thing("dog", FAR)], negative=("zebra",))
    assert clash.agreement == Agreement(compared=2, contradicted=1)
    apart = joined(tmp_path / "apart", [], [Thing("dog", FAR)], negative=("zebra",))
    assert apart.agreement == Agreement(compared=2, contradicted=1)


def test_boxes_come_from_one_source_lvis_first(tmp_path: Path) -> None:
    index = joined(tmp_path, [Thing("dog", BOX), Thing("cat", FAR)], [Thing("dog", NEAR)])
    assert boxes(index, DOG) == [[45, 42, 145, 122]]
    assert boxes(index, "cat.n.01") == [[200, 120, 280, 200]]


def test_boxes_match_one_to_one_where_a_greedy_choice_would_not() -> None:
    first = np.array([[0, 0, 100, 100], [20, 0, 120, 100]], dtype=float)
    second = np.array([[18, 0, 118, 100], [-30, 0, 70, 100]], dtype=float)
    assert same_boxes(first, second)
    assert not same_boxes(first, second[:1])
    assert same_boxes(np.zeros((0, 4)), np.zeros((0, 4)))


# -- above and below


def test_absence_reaches_the_kinds_below(tmp_path: Path) -> None:
    index = joined(tmp_path, [], [])
    assert state(index, NAME, PUPPY) == "absent"
    warrant = index.warrant(position(index, NAME), index.position[PUPPY])
    assert (warrant.source, warrant.rule) == (index.tables[0].key, "hypernym:dog")


def test_the_negative_of_lvis_reaches_the_kinds_below(tmp_path: Path) -> None:
    index = index_of(lvis(tmp_path, {NAME: []}, negative={NAME: ["dog"]}), cache=tmp_path)
    assert [state(index, NAME, c) for c in (DOG, PUPPY)] == ["absent", "absent"]
    assert index.warrant(0, index.position[DOG]).rule == "negative"


def test_presence_does_not_reach_the_kinds_below(tmp_path: Path) -> None:
    assert state(joined(tmp_path, [Thing("dog")], []), NAME, PUPPY) == "unknown"


def test_absence_does_not_reach_the_kinds_above(tmp_path: Path) -> None:
    index = index_of(lvis(tmp_path, {NAME: []}, negative={NAME: ["puppy"]}), cache=tmp_path)
    assert state(index, NAME, DOG) == "unknown"


def test_a_boxed_puppy_contradicts_the_absence_of_dogs(tmp_path: Path) -> None:
    index = joined(tmp_path, [], [Thing("puppy")])
    assert [state(index, NAME, c) for c in (DOG, PUPPY)] == ["unknown", "unknown"]


def test_what_coco_takes_in_by_practice_is_reached_from_coco_alone(tmp_path: Path) -> None:
    """COCO boxes a mug as cup; to LVIS they are two categories."""
    by_coco = joined(tmp_path / "both", [], [])
    assert [state(by_coco, NAME, c) for c in (CUP, MUG)] == ["absent", "absent"]
    by_lvis = index_of(lvis(tmp_path / "lvis", {NAME: []}, negative={NAME: ["cup"]}), cache=tmp_path)
    assert [state(by_lvis, NAME, c) for c in (CUP, MUG)] == ["absent", "unknown"]
    both = [Thing("mug")]
    assert state(joined(tmp_path / "mug", [], both), NAME, CUP) == "unknown"
    apart = index_of(lvis(tmp_path / "apart", {NAME: both}, negative={NAME: ["cup"]}), cache=tmp_path)
    assert [state(apart, NAME, c) for c in (CUP, MUG)] == ["absent", "present_all"]
