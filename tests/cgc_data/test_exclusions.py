"""Photos that must not be used: what an exclusion file names, and one line for a file that names nothing."""

import json
from pathlib import Path

import pytest

from cgc_data.common.errors import SourceError
from cgc_data.index.exclusions import coco_number, read_exclusions
from cgc_data.index.listings import Appearance
from cgc_data.index.photos import Photo


def photo(identity: str, *names: str, image_id: int = 1) -> Photo:
    appearances = tuple(Appearance(0, 0, name) for name in names)
    return Photo(identity, appearances, image_id, 64, 48, 0, "", "", False)


@pytest.mark.parametrize(
    ("entry", "number"),
    [
        ("140513", 140513),
        ("000000140513.jpg", 140513),
        ("val2017/000000140513.jpg", 140513),
        ("COCO_val2014_000000140513.jpg", 140513),
        ("COCO_train2014_000000140513_7.jpg", 140513),
        ("MIG-Bench/images/static_diff/140513_1_source.png", 140513),
        ("./MIG-Bench/images/static_diff/140513_12_target.png", 140513),
        ("MIG-Bench/images/object_tracking/GOT-10k_Val_000180/00000055.jpg", None),
        ("MIG-Bench/images/common/cat/131546.jpg", None),
        ("objects365_v2_01803705.jpg", None),
        ("images2.jpg", None),
    ],
)
def test_coco_number_is_read_from_names_that_carry_one(entry: str, number: int | None) -> None:
    assert coco_number(entry) == number


@pytest.mark.parametrize(
    "content",
    [
        "# RefCOCO val\n139\n000000000285.jpg, seen twice\n\nmine/own.png # a name\n",
        json.dumps([139, "000000000285.jpg", "own.png"]),
        json.dumps({"images": [{"file_name": "COCO_train2014_000000000139.jpg"}, {"image_id": 285}, "own.png"]}),
        json.dumps([{"image_id": "139", "bbox": [1, 2, 3, 4]}, {"image": "000000000285.jpg", "others": ["own.png"]}]),
    ],
    ids=["lines", "list", "nested", "records"],
)
def test_ids_and_names_of_text_and_json(tmp_path: Path, content: str) -> None:
    file = tmp_path / "exclude.txt"
    file.write_text(content)
    exclusions = read_exclusions([str(file)])
    assert exclusions.matches(photo("coco:000000000139", "000000000139.jpg"))
    assert exclusions.matches(photo("coco:000000000285", "a.jpg", image_id=9))
    assert exclusions.matches(photo("sha256:aa", "elsewhere/own.png"))
    assert not exclusions.matches(photo("coco:000000000001", "000000000001.jpg"))
    assert not exclusions.matches(photo("sha256:bb", "other.png", image_id=4))


def test_a_coco_photo_is_not_left_out_for_the_id_of_another_source(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_text("139\n")
    assert not read_exclusions([str(file)]).matches(photo("coco:000000000285", "000000000285.jpg", image_id=139))
    assert read_exclusions([str(file)]).matches(photo("sha256:aa", "mine.jpg", image_id=139))


def test_boxes_and_masks_are_not_taken_for_ids(tmp_path: Path) -> None:
    file = tmp_path / "instances.json"
    annotation = {"image_id": 139, "bbox": [1, 2, 3, 4], "segmentation": [[10, 11, 12, 13, 14, 15]], "id": 77}
    file.write_text(json.dumps({"images": [{"id": 139, "file_name": "a.jpg"}], "annotations": [annotation]}))
    assert read_exclusions([str(file)]).coco_numbers == {139}


def test_several_files_are_united(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.txt").write_text(f"{number}\n")
    exclusions = read_exclusions([str(tmp_path / "1.txt"), str(tmp_path / "2.txt")])
    assert exclusions.coco_numbers == {1, 2}
    assert exclusions.files == ("1.txt", "2.txt")


@pytest.mark.parametrize(
    ("entries", "note"),
    [
        (["139", "mine.jpg"], ""),
        (["139", "000000000139.jpg", "mine.jpg"], ""),
        (["139", "other.jpg", "7.png"], "list.txt: 2 of its 3 entries match no photo, such as other.jpg, 7.png"),
        (
            ["1.jpg", "2.jpg", "3.jpg", "4.jpg"],
            "warning: list.txt excludes nothing, because none of its 4 entries matches a photo, such as 1.jpg, 2.jpg, "
            "3.jpg",
        ),
    ],
    ids=["all", "two names of one photo", "a part", "none"],
)
def test_a_list_says_how_much_of_it_matches(tmp_path: Path, entries: list[str], note: str) -> None:
    (tmp_path / "list.txt").write_text("\n".join(entries))
    photos = [photo("coco:000000000139", "000000000139.jpg"), photo("sha256:aa", "folder/mine.jpg", image_id=3)]
    (usage,) = read_exclusions([str(tmp_path / "list.txt")]).usage(photos)
    assert usage.note == note


@pytest.mark.parametrize("name", ["MIG_data.json", "revised_MIG_bench.json"])
def test_mig_bench_names_coco_photos_in_static_diff_alone(real_data: Path, name: str) -> None:
    file = real_data / "mig_bench" / name
    content = json.loads(file.read_text())
    items = [item for task in content.values() for item in task] if isinstance(content, dict) else content
    paths = {path for item in items for path in item["images"]}
    static = {int(Path(path).name.split("_")[0]) for path in paths if "/static_diff/" in path}
    exclusions = read_exclusions([str(file)])
    assert static
    assert exclusions.coco_numbers == static
    assert {Path(path).name for path in paths} <= exclusions.file_names


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read"),
        ("", "names no photo"),
        ("# nothing but words\nhello there\n", "names no photo"),
        ('{"images": ["a.jpg"', "truncated"),
        ("[]", "names no photo"),
        ('{"answer": [1, 2, 3]}', "names no photo"),
    ],
    ids=["missing", "empty", "words", "cut short", "empty list", "numbers"],
)
def test_a_file_that_names_nothing_is_one_line(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "exclude.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SourceError) as raised:
        read_exclusions([str(file)])
    message = str(raised.value)
    assert str(file) in message
    assert said in message
    assert "\n" not in message


def test_a_folder_is_no_exclusion_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot read the exclusion list"):
        read_exclusions([str(tmp_path)])
