"""Facts of several sources about one photo: joined by identity, unknown where they contradict each other."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from cgc_data.builder.release import build_release
from cgc_data.common.errors import SourceError
from cgc_data.config import BuildConfig, Source
from cgc_data.index.build import Index
from cgc_data.index.join import Agreement, same_boxes
from cgc_data.plan.askable import find_askable
from cgc_data.plan.notes import plan_notes
from cgc_data.plan.truth import Truth
from cgc_data.release.schema import Split
from cgc_data.validate import validate
from tests.cgc_data.drawn import Thing, coco, index_of, lvis, photo, position, state

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


def repainted(folder: Path, name: str, other: str) -> None:
    """Another picture under a name."""
    (folder / "images" / name).write_bytes(photo(other))


def saved_anew(folder: Path, name: str) -> None:
    """The same picture, half as large and encoded again."""
    path = folder / "images" / name
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    half = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    whole = cv2.resize(half, (pixels.shape[1], pixels.shape[0]), interpolation=cv2.INTER_CUBIC)
    path.write_bytes(cv2.imencode(".jpg", whole, [cv2.IMWRITE_JPEG_QUALITY, 70])[1].tobytes())


def test_a_name_of_two_pictures_does_not_join(tmp_path: Path) -> None:
    """In any order of the sources, the same one of them keeps COCO's name."""
    first = coco(tmp_path / "a", {NAME: [Thing("dog")]})
    second = coco(tmp_path / "b", {NAME: [Thing("cat")]})
    repainted(tmp_path / "b", NAME, "another picture")
    found = []
    for sources in ((first, second), (second, first)):
        index = index_of(*sources, cache=tmp_path)
        assert index.apart == ["000000000001"]
        assert [len(photo.appearances) for photo in index.photos] == [1, 1]
        found.append([(p.identity, Path(index.tables[p.source].path).parent.name) for p in index.photos])
        for number, shown in enumerate(index.photos):
            inside = index.instances.of_photo(number)
            assert set(index.instances.source[inside].tolist()) == {shown.source}, "a box of another picture"
    assert found[0] == found[1]
    assert found[0][0][0] == "coco:000000000001"
    assert found[0][1][0].startswith("sha256:")


def test_the_address_decides_which_picture_is_the_coco_photo(tmp_path: Path) -> None:
    first = coco(tmp_path / "a", {NAME: []})
    second = coco(tmp_path / "b", {NAME: []}, url="train2017")
    repainted(tmp_path / "a", NAME, "another picture")
    index = index_of(first, second, cache=tmp_path)
    (known,) = [photo for photo in index.photos if photo.identity == "coco:000000000001"]
    assert known.source == 1


def test_the_same_picture_saved_anew_joins(tmp_path: Path) -> None:
    first, second = coco(tmp_path / "a", {NAME: []}), coco(tmp_path / "b", {NAME: []})
    saved_anew(tmp_path / "b", NAME)
    index = index_of(first, second, cache=tmp_path)
    assert [len(photo.appearances) for photo in index.photos] == [2]
    assert index.apart == []


@pytest.mark.parametrize("name", ["202301150800.jpg", "000000000001.jpg"], ids=["time stamp", "numbered alike"])
def test_names_of_another_data_set_are_not_coco_s(tmp_path: Path, name: str) -> None:
    """Neither joined by name, nor taken for a COCO photo by itself; the bytes still join."""
    coco_source = coco(tmp_path / "a", {name: []})
    (tmp_path / "b" / "images").mkdir(parents=True)
    (tmp_path / "b" / "images" / name).write_bytes(photo("another picture"))
    other = coco(tmp_path / "b", {name: []}, categories=["deer"], exhaustive=True)
    index = index_of(coco_source, other, cache=tmp_path)
    assert [len(photo.appearances) for photo in index.photos] == [1, 1]
    assert index.apart == []
    assert index_of(other, cache=tmp_path).photos[0].identity.startswith("sha256:")


def test_two_folders_of_one_file_hold_two_photos(tmp_path: Path) -> None:
    """Two cameras name their photos by the minute; and COCO's own names in two folders may be two pictures as well."""
    for name in ("202301150800.jpg", NAME):
        folder = tmp_path / name
        for camera in ("cam1", "cam2"):
            (folder / "images" / camera).mkdir(parents=True)
            (folder / "images" / camera / name).write_bytes(photo(f"{camera} {name}"))
        source = coco(folder, {f"cam1/{name}": [Thing("dog")], f"cam2/{name}": [Thing("cat")]})
        index = index_of(source, cache=tmp_path)
        assert len(index.photos) == 2
        assert index.left_out == []


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


def renamed(source: Source, names: dict[str, str]) -> Source:
    """The source with other names in its annotation file; the files keep theirs."""
    document = json.loads(Path(source.annotations).read_text())
    for image in document["images"]:
        image["file_name"] = names.get(image["file_name"], image["file_name"])
    Path(source.annotations).write_text(json.dumps(document))
    return source


def test_photos_found_under_another_name_are_reported(tmp_path: Path) -> None:
    source = renamed(coco(tmp_path, {"a.jpg": [], "b.jpg": []}), {"a.jpg": "..\\label\\A.JPG"})
    index = index_of(source, cache=tmp_path)
    assert sorted(photo.file_name for photo in index.photos) == ["a.jpg", "b.jpg"]
    assert plan_notes(index, [], []) == [
        "coco.json: photos found under a different name: 1, such as '..\\\\label\\\\A.JPG' as a.jpg"
    ]


def test_a_file_belongs_to_the_record_with_its_very_name(tmp_path: Path) -> None:
    source = renamed(coco(tmp_path, {"a.jpg": [], "b.jpg": []}), {"b.jpg": "elsewhere/A.jpg"})
    index = index_of(source, cache=tmp_path)
    assert [photo.file_name for photo in index.photos] == ["a.jpg"]
    assert [(left.reason, left.detail) for left in index.left_out] == [("photo missing", "elsewhere/A.jpg")]


def test_a_file_that_two_names_could_mean_stops_the_build(tmp_path: Path) -> None:
    source = renamed(coco(tmp_path, {"a.jpg": [], "b.jpg": []}), {"a.jpg": "x/A.jpg", "b.jpg": "y/A.jpg"})
    with pytest.raises(SourceError, match=r"'x/A\.jpg' and 'y/A\.jpg' could both be a\.jpg"):
        index_of(source, cache=tmp_path)


def test_a_photo_of_a_name_in_two_folders_is_two_photos(tmp_path: Path) -> None:
    source = coco(tmp_path, {NAME: [Thing("dog")], "000000000002.jpg": [Thing("cat")]})
    for folder, name in (("cam1", NAME), ("cam2", "000000000002.jpg")):
        (tmp_path / "images" / folder).mkdir()
        (tmp_path / "images" / name).rename(tmp_path / "images" / folder / NAME)
    renamed(source, {NAME: f"cam1/{NAME}", "000000000002.jpg": f"cam2/{NAME}"})
    index = index_of(source, cache=tmp_path)
    assert sorted(photo.file_name for photo in index.photos) == [f"cam1/{NAME}", f"cam2/{NAME}"]


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


@pytest.mark.parametrize("case", JOINED)
def test_objects_are_used_only_if_the_sources_agree_about_their_category(tmp_path: Path, case: str) -> None:
    in_coco, in_lvis, negative, expected = JOINED[case]
    index, config = joined(tmp_path, in_coco, in_lvis, negative), BuildConfig()
    splits: list[Split] = ["train"] * len(index.photos)
    askable = find_askable(index, config, splits, Truth(index, config.limits), np.full(len(splits), ""))
    assert set(askable.trusted.tolist()) <= {expected != "unknown"}


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


def test_validate_finds_photos_that_were_joined_by_their_name_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check is its own: the build is made to believe that all pictures are alike."""
    names = [f"{n:012d}.jpg" for n in range(1, 25)]
    animals = {name: [Thing(("dog", "cow", "horse", "bird")[n % 4], BOX)] for n, name in enumerate(names)}
    tools = {name: [Thing(("hammer", "drum", "ladder")[n % 3], FAR)] for n, name in enumerate(names)}
    first = coco(tmp_path / "a", animals)
    second = coco(tmp_path / "b", tools, categories=["hammer", "drum", "ladder"], url="train2017", exhaustive=True)
    for name in names:
        repainted(tmp_path / "a", name, f"another {name}")
    config = BuildConfig(
        sources=[first, second],
        samples=12,
        preset="paper",
        confusable="labeled",
        tasks={"intra/same_object": 0, "intra/locate_all": 0},
    )
    with monkeypatch.context() as patch:
        patch.setattr("cgc_data.index.photos.same_picture", lambda *_: True)
        build_release(config, tmp_path / "wrong")
    assert not validate(tmp_path / "wrong").valid
    build_release(config, tmp_path / "right")
    assert validate(tmp_path / "right").valid
