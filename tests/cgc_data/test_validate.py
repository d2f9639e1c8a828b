"""`validate` accepts a valid release, and finds each corruption by the check made for it, naming the sample."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from cgc_data.cli import cli
from cgc_data.common.errors import ReleaseError
from cgc_data.validate import Report, SourcePaths, validate
from cgc_data.validate.pictures import DIFFERENCE, _apart, _halved
from tests.cgc_data import mini_release as mini
from tests.cgc_data.mini_release import MiniRelease, Row


@pytest.fixture
def release(tmp_path: Path) -> MiniRelease:
    return MiniRelease(tmp_path / "mini")


def breaches(report: Report) -> dict[str, set[str]]:
    return {check.name: {breach.sample for breach in check.breaches} for check in report.checks if check.breaches}


def test_a_valid_release_passes_every_check(release: MiniRelease) -> None:
    report = validate(release.release)
    assert report.failed() == []
    assert breaches(report) == {}
    assert report.check("true boxes").n == 20
    assert report.check("images").n == 16 * 3


# Each corruption changes a row (found first) and lists which checks must name it.


def moved_box(row: Row) -> None:
    target = row["objects"][0]
    target["bbox_2d"] = [value + 4 for value in target["bbox_2d"]]
    target["bbox_px"] = [
        value * 1.0 + 4 * size / 1000 for value, size in zip(target["bbox_px"], (320, 240) * 2, strict=True)
    ]
    mini.finish(row)


def wrong_image_index(row: Row) -> None:
    row["objects"][0]["img_idx"] = 3 - row["objects"][0]["img_idx"]
    mini.finish(row)


def swapped_photo(row: Row) -> None:
    row["images"][1]["bytes"] = mini.photo(4)


def reencoded_photo(row: Row) -> None:
    row["images"][0]["bytes"] = mini.photo(1, quality=90)


def window_of_another_photo(row: Row) -> None:
    row["images"][1]["bytes"] = mini.cut(mini.photo(2), (0, 0, 200, 220), (400, 440))


def window_cut_elsewhere(row: Row) -> None:
    row["images"][1]["bytes"] = mini.cut(mini.photo(6), (8, 0, 208, 220), (400, 440))


def show_instead(view: Row, **changes: Any) -> None:
    """Change what a view states of its photo, in its part too."""
    view.update(changes)
    view["parts"] = [{**view["parts"][0], **changes}]


def distractor_with_the_target(row: Row) -> None:
    show_instead(row["views"][1], image_id=8, file_name=mini.file_name(8))
    show_instead(row["views"][0], image_id=2, file_name=mini.file_name(2))
    row["images"] = [{"bytes": mini.photo(2), "path": None}, {"bytes": mini.photo(8), "path": None}]
    row["objects"][0] |= mini.make_row("inter", "locate", "frisbee", [2, 1], template="", tuple_id="")["objects"][0]
    row["views"][0]["role"], row["views"][1]["role"] = "target", "distractor"
    row["evidence"][0]["img_idx"] = 2
    mini.finish(row)


def missed_instance(row: Row) -> None:
    row["objects"].pop()
    mini.finish(row)


def second_object_for_locate(row: Row) -> None:
    row["objects"].append({**row["objects"][0], "bbox_2d": [1, 1, 300, 300], "bbox_px": [0.32, 0.24, 96, 72]})
    mini.finish(row)


def claim_without_warrant(row: Row) -> None:
    row["evidence"][0]["warrant"] = "negative"


def claim_left_out(row: Row) -> None:
    row["evidence"].pop()


def hypernym_that_is_none(row: Row) -> None:
    row["evidence"][0]["warrant"] = "hypernym:apple"


def reference_moved(row: Row) -> None:
    row["query"]["ref_bbox"] = [value + 5 for value in row["query"]["ref_bbox"]]


def reference_in_the_answer_image(row: Row) -> None:
    row["query"]["ref_img_idx"] = row["objects"][0]["img_idx"]


def answer_differs(row: Row) -> None:
    row["answer"] = "[]"


def answer_not_canonical(row: Row) -> None:
    row["answer"] = row["answer"].replace(", ", ",")


def answer_not_strict(row: Row) -> None:
    row["answer"] = row["answer"].replace('"label"', '"name"')


def label_of_another_category(row: Row) -> None:
    row["query"]["labels"] = ["apple"]


def visible_share_wrong(row: Row) -> None:
    row["objects"][0]["visible"] = 0.8


def annotation_of_another_object(row: Row) -> None:
    row["objects"][0]["annotation_id"] = f"{mini.COCO}:21"


def no_twin(row: Row) -> None:
    row["pair_id"] = ""


def twin_of_another_template(row: Row) -> None:
    row["template_id"] = "locate/7"


def image_missing(row: Row) -> None:
    row["images"].pop()


def image_cut_short(row: Row) -> None:
    row["images"][0]["bytes"] = row["images"][0]["bytes"][:2000]


def roles_exchanged(row: Row) -> None:
    for view in row["views"]:
        view["role"] = {"target": "distractor", "distractor": "target"}[view["role"]]


def prompt_without_numbers(row: Row) -> None:
    row["prompt"][0]["content"][0]["text"] = "Picture 1: "


def prompt_with_an_image_key_value(row: Row) -> None:
    row["prompt"][0]["content"].insert(0, {"type": "image", "text": None})


def id_not_a_digest(row: Row) -> None:
    row["id"] = "sample-1"


def window_past_the_border(row: Row) -> None:
    row["views"][1]["window"] = [0, 0, 200, 260]


def leaked_into_test(row: Row) -> None:
    row["split"] = "test"


def asked(row: Row, question: str) -> None:
    row["question"] = question
    mini.finish(row)


def more_images_in_the_wording(row: Row) -> None:
    asked(row, row["question"].replace("these two images", "these three images"))


def both_of_three_images(row: Row) -> None:
    asked(row, f"{row['question']} Both images count, and image 3.")


def worded_freely(row: Row) -> None:
    asked(row, "Giraffe?")


def template_that_is_not_its(row: Row) -> None:
    row["template_id"] = "locate/4"


def template_that_is_none(row: Row) -> None:
    row["template_id"] = "locate/99"


def null_among_answer_images(row: Row) -> None:
    row["answer_images"].append(None)


def null_among_reference_images(row: Row) -> None:
    row["reference_images"].append(None)


def null_among_messages(row: Row) -> None:
    row["prompt"].append(None)


def null_among_labels(row: Row) -> None:
    row["query"]["labels"].append(None)


def null_among_numbers_of_an_operation(row: Row) -> None:
    row["views"][0]["operations"] = [{"name": "resize", "values": [1.0, None]}]


def easier_than_it_is(row: Row) -> None:
    row["difficulty"] -= 0.01


def another_license_number(row: Row) -> None:
    row["views"][1]["license"] = 5


def another_flickr_page(row: Row) -> None:
    row["views"][0]["flickr_url"] = "https://example.org/photo"


def called_hard(row: Row) -> None:
    row["distractors"] = "hard"  # next to the giraffe there is only a frisbee


LOCATE = {"task": "locate", "label": "giraffe"}
SET = {"task": "locate_all", "label": "pizza"}
WINDOWS = {"task": "locate_all", "label": "frisbee"}
ABSENT = {"task": "absent", "contrast": "inter"}
SAME = {"task": "same_object"}

CORRUPTIONS: list[tuple[Callable[[Row], None], dict[str, str], set[str]]] = [
    (moved_box, LOCATE, {"true boxes"}),
    (wrong_image_index, LOCATE, {"annotations", "roles", "evidence"}),
    (swapped_photo, LOCATE, {"photos untouched"}),
    (reencoded_photo, LOCATE, {"photos untouched"}),
    (window_of_another_photo, WINDOWS, {"windows"}),
    (window_cut_elsewhere, WINDOWS, {"windows"}),
    (distractor_with_the_target, {"task": "locate", "label": "frisbee"}, {"evidence"}),
    (missed_instance, SET, {"set complete"}),
    (missed_instance, WINDOWS, {"set complete"}),
    (second_object_for_locate, LOCATE, {"one instance"}),
    (claim_without_warrant, LOCATE, {"evidence"}),
    (claim_left_out, LOCATE, {"evidence"}),
    (hypernym_that_is_none, LOCATE, {"evidence"}),
    (reference_moved, SAME, {"same object", "prompt"}),
    (reference_in_the_answer_image, SAME, {"row form"}),
    (answer_differs, LOCATE, {"answer"}),
    (answer_not_canonical, LOCATE, {"answer"}),
    (answer_not_strict, LOCATE, {"answer"}),
    (label_of_another_category, LOCATE, {"row form"}),
    (visible_share_wrong, LOCATE, {"visible share"}),
    (annotation_of_another_object, LOCATE, {"annotations"}),
    (no_twin, ABSENT, {"pairs"}),
    (twin_of_another_template, ABSENT, {"pairs"}),
    (no_twin, SAME, {"pairs"}),
    (image_missing, LOCATE, {"images"}),
    (image_cut_short, LOCATE, {"images"}),
    (roles_exchanged, LOCATE, {"roles"}),
    (prompt_without_numbers, LOCATE, {"prompt"}),
    (prompt_with_an_image_key_value, LOCATE, {"prompt"}),
    (id_not_a_digest, LOCATE, {"ids unique"}),
    (window_past_the_border, WINDOWS, {"row form"}),
    (more_images_in_the_wording, LOCATE, {"wording"}),
    (both_of_three_images, LOCATE, {"wording"}),
    (worded_freely, LOCATE, {"wording"}),
    (template_that_is_not_its, {"task": "locate", "label": "frisbee"}, {"wording"}),
    (template_that_is_none, {"task": "locate", "label": "frisbee"}, {"wording"}),
    (template_that_is_none, SAME, {"row form"}),
    (null_among_answer_images, LOCATE, {"row form"}),
    (null_among_reference_images, LOCATE, {"row form"}),
    (null_among_messages, LOCATE, {"row form"}),
    (null_among_labels, LOCATE, {"row form"}),
    (null_among_numbers_of_an_operation, LOCATE, {"row form"}),
    (easier_than_it_is, LOCATE, {"difficulty"}),
    (easier_than_it_is, ABSENT, {"difficulty"}),
    (easier_than_it_is, SAME, {"difficulty"}),
    (called_hard, LOCATE, {"hard distractors"}),
    (called_hard, ABSENT, {"hard distractors"}),
    (another_license_number, LOCATE, {"photo records"}),
    (another_flickr_page, WINDOWS, {"photo records"}),
    (leaked_into_test, LOCATE, {"photo in one split", "tuples"}),
]


@pytest.mark.parametrize(
    ("corrupt", "which", "checks"), CORRUPTIONS, ids=[f"{c.__name__}-{w['task']}" for c, w, _ in CORRUPTIONS]
)
def test_a_corrupted_row_is_named(
    release: MiniRelease, corrupt: Callable[[Row], None], which: dict[str, str], checks: set[str]
) -> None:
    row = release.row(**which)
    corrupt(row)
    release.write()
    report = validate(release.release)
    assert not report.valid
    found = breaches(report)
    assert checks <= found.keys(), report.failed()
    for check in checks:
        assert row["id"] in found[check]


@pytest.mark.parametrize(
    ("photos", "right"), [([5, 1], True), ([5, 1, 4], False), ([5, 1, 4, 2], False), ([5, 1, 9, 4], True)]
)
def test_distractors_of_a_hard_row_show_other_members(release: MiniRelease, photos: list[int], right: bool) -> None:
    row = mini.make_row("inter", "locate", "elephant", photos, template="locate/0", tuple_id="hard")
    row["distractors"] = "hard"
    release.rows.append(row)
    release.write()
    found = breaches(validate(release.release)).get("hard distractors", set())
    assert found == (set() if right else {row["id"]})


def test_same_id_twice(release: MiniRelease) -> None:
    release.rows.append(copy.deepcopy(release.rows[0]))
    release.write()
    assert "ids unique" in validate(release.release).failed()


def test_the_same_question_under_another_id(release: MiniRelease) -> None:
    again = copy.deepcopy(release.row("locate", "apple"))
    again["id"] = "0123456789abcdef"
    release.rows.append(again)
    release.write()
    assert breaches(validate(release.release)) == {"asked once": {again["id"]}}


def test_copying_the_reference_must_not_pay(release: MiniRelease) -> None:
    nearly = ((12, 2, 192, 102), (360, 200), "context")
    for asked in (1, 2):
        row = mini.make_row(
            "intra", "same_object", "frisbee", [mini.NEAR, nearly], template="same_object/0", tuple_id="w3",
            pair_id="p9", asked=(asked, 61),
        )  # fmt: skip
        release.rows.append(row)
    release.write()
    report = validate(release.release)
    assert breaches(report)["same object"] == {row["id"] for row in release.rows[-2:]}
    assert report.check("copied reference floor").value == 0.5


def test_a_tuple_asked_about_one_photo_only(release: MiniRelease) -> None:
    release.rows.remove(release.row("locate", "elephant"))
    release.write()
    assert validate(release.release).failed() == ["tuples"]


def test_a_set_that_shows_an_instance_in_part(release: MiniRelease) -> None:
    part = ((40, 0, 220, 100), (360, 200), "focus")  # 61 is cut at a third
    row = mini.make_row("intra", "locate_all", "frisbee", [part, mini.WIDE], template="locate_all/1", tuple_id="w9")
    release.rows.append(row)
    release.write()
    messages = [b.message for b in validate(release.release).check("set complete").breaches]
    assert len(messages) == 1
    assert "61 is " in messages[0]


# Corruptions of the sources: the rows are as before, but no longer true.


def add_to_coco(release: MiniRelease, *entries: dict[str, Any]) -> None:
    release.edit_source("coco", lambda content: content["annotations"].extend(entries))


def test_a_distractor_that_has_the_target_in_the_raw_annotation(release: MiniRelease) -> None:
    add_to_coco(release, mini.annotation(900, 2, 10, (200, 20, 300, 120)))  # a giraffe next to the frisbee
    found = breaches(validate(release.release))
    row, twin = release.row("locate", "giraffe"), release.row("absent", contrast="inter")
    assert {row["id"], twin["id"]} <= found["evidence"]


def test_a_crowd_spoils_sets(release: MiniRelease) -> None:
    add_to_coco(release, {**mini.annotation(901, 6, 11, (250, 20, 310, 60)), "iscrowd": 1})
    assert release.row("locate_all", "frisbee")["id"] in breaches(validate(release.release))["set complete"]


def test_a_confusable_instance_in_view(release: MiniRelease) -> None:
    add_to_coco(release, mini.annotation(902, 4, 10 + mini.LABELS.index("mammoth"), (200, 20, 300, 120)))
    found = breaches(validate(release.release))
    for check in ("confusable in view", "confusable absent"):
        assert found[check] == {release.row("locate", "elephant")["id"]}


def test_a_category_that_is_not_boxed_exhaustively(release: MiniRelease) -> None:
    release.edit_source("lvis", lambda content: content["images"][0]["not_exhaustive_category_ids"].append(2))
    assert breaches(validate(release.release))["set complete"] == {release.row("locate_all", "pizza")["id"]}


def test_a_negative_that_is_no_longer_listed(release: MiniRelease) -> None:
    release.edit_source("lvis", lambda content: content["images"][0]["neg_category_ids"].clear())
    assert release.row("locate", "giraffe", tuple_id="t3")["id"] in breaches(validate(release.release))["evidence"]


def test_sources_that_contradict_each_other(release: MiniRelease) -> None:
    def list_photo_4(content: dict[str, Any]) -> None:
        entry = {**content["images"][0], "id": 4, "neg_category_ids": [2]}
        entry["coco_url"] = entry["coco_url"].replace(mini.file_name(7), mini.file_name(4))
        content["images"].append(entry)

    release.edit_source("lvis", list_photo_4)
    assert release.row("locate", "pizza")["id"] in breaches(validate(release.release))["set complete"]


def test_a_mask_that_is_not_where_its_box_is(release: MiniRelease) -> None:
    def shift(content: dict[str, Any]) -> None:
        content["annotations"][0]["segmentation"] = mini.polygon((60, 40, 160, 160))

    release.edit_source("coco", shift)
    assert release.row("locate", "giraffe")["id"] in breaches(validate(release.release))["annotations"]


@pytest.mark.parametrize(("scale", "wide_enough"), [(1.5, True), (1.6, False)])
def test_the_context_view_is_wider_by_the_factor_of_the_release(
    release: MiniRelease, scale: float, *, wide_enough: bool
) -> None:
    release.manifest["config"] = {"intra": {"context_scale": scale}}
    release.write()
    assert ("same object" not in breaches(validate(release.release))) == wide_enough


def test_a_held_out_photo_in_another_split(release: MiniRelease) -> None:
    row = release.row("locate", "giraffe", split="test")
    row["split"] = "train"
    release.write()
    assert row["id"] in breaches(validate(release.release))["held out"]


def test_a_photo_under_another_name_in_another_split(release: MiniRelease) -> None:
    (release.photos / "my_holiday.jpg").write_bytes(mini.photo(1))

    def rename(content: dict[str, Any]) -> None:
        image = next(image for image in content["images"] if image["id"] == 9)
        image |= {"file_name": "my_holiday.jpg", "coco_url": ""}

    row = release.row("locate", "giraffe", split="test")
    show_instead(row["views"][1], file_name="my_holiday.jpg")
    release.edit_source("coco", rename)
    assert row["id"] in breaches(validate(release.release))["photo in one split"]


def test_a_near_duplicate_in_another_split(release: MiniRelease) -> None:
    (release.photos / mini.file_name(9)).write_bytes(mini.photo(1, quality=60))
    named = breaches(validate(release.release))["near-duplicates"]
    assert {row["split"] for row in release.rows if row["id"] in named} == {"train", "test"}


@pytest.mark.parametrize("name", ["coco:000000000005", "000000000005.jpg", "sha256"])
def test_an_excluded_photo(release: MiniRelease, name: str) -> None:
    if name == "sha256":
        name = f"sha256:{mini.hashlib.sha256(mini.photo(5)).hexdigest()}"
    release.manifest["exclusions"] = {"photos": [name], "files": ["benchmark.json"]}
    release.write()
    assert breaches(validate(release.release)) == {
        "excluded photos": {r["id"] for r in release.rows if r["tuple_id"] == "t4"}
    }


def test_another_license_than_the_source_records(release: MiniRelease) -> None:
    row = release.row("locate", "elephant")
    row["views"][0]["license_url"] = ""
    release.write()
    assert breaches(validate(release.release)) == {"licenses": {row["id"]}}


@pytest.mark.parametrize(
    ("license", "policy", "contrasts"),
    [
        ("by-nc/2.0", "all", set()),
        ("by-nc/2.0", "permissive", {"inter", "intra"}),
        ("by-nc/2.0", "noncommercial", set()),
        ("by-nc-nd/2.0", "noncommercial", {"intra"}),
        ("by-sa/2.0", "permissive", set()),
        ("http://evil.example/creativecommons.org/licenses/by/2.0/", "permissive", {"inter", "intra"}),
        ("http://evil.example/?u=http://creativecommons.org/licenses/by/2.0/", "permissive", {"inter", "intra"}),
        ("javascript:'creativecommons.org/licenses/by/2.0/'", "noncommercial", {"inter", "intra"}),
        ("https://usa.gov.example/copyright.shtml", "permissive", {"inter", "intra"}),
        ("https://www.usa.gov/copyright.shtml", "permissive", set()),
    ],
)
def test_licenses_are_within_the_policy(release: MiniRelease, license: str, policy: str, contrasts: set[str]) -> None:
    url = license if ":" in license else f"http://creativecommons.org/licenses/{license}/"
    release.manifest["licenses"] = policy
    for row in release.rows:
        for view in row["views"]:
            show_instead(view, license_url=url)
    for kind in ("coco", "lvis"):
        release.edit_source(kind, lambda content: content["licenses"][0].update(url=url))
    named = breaches(validate(release.release)).get("licenses", set())
    assert {row["contrast"] for row in release.rows if row["id"] in named} == contrasts


# Corruptions of the files.


def test_a_shard_changed_after_the_build(release: MiniRelease) -> None:
    path = release.release / "inter" / "test-00000-of-00001.parquet"
    table = mini.pq.read_table(path)
    mini.pq.write_table(table, path, compression="zstd")
    assert validate(release.release).failed() == ["hashes"]


def test_a_shard_of_other_columns(release: MiniRelease) -> None:
    path = release.release / "inter" / "test-00000-of-00001.parquet"
    mini.pq.write_table(mini.pq.read_table(path).drop_columns(["evidence"]), path)
    report = validate(release.release)
    assert "schema" in report.failed()
    assert "'evidence'" in report.check("schema").breaches[0].message


def test_an_unlisted_shard(release: MiniRelease) -> None:
    path = release.release / "inter" / "test-00000-of-00001.parquet"
    (path.parent / "train-00001-of-00002.parquet").write_bytes(path.read_bytes())
    assert validate(release.release).failed() == ["unlisted files"]


def test_counts_that_are_not_so(release: MiniRelease) -> None:
    release.manifest["counts"] = {"total": 17, "by_split": {"train": 14, "test": 2}}
    release.write()
    assert "counts" in validate(release.release).failed()


def test_a_row_in_the_wrong_shard(release: MiniRelease) -> None:
    path = release.release / "inter" / "test-00000-of-00001.parquet"
    manifest = json.loads((release.release / "manifest.json").read_text())
    (path.parent / "validation-00000-of-00001.parquet").write_bytes(path.read_bytes())
    path.unlink()
    for shard in manifest["shards"]:
        shard["path"] = shard["path"].replace("test", "validation")
    (release.release / "manifest.json").write_text(json.dumps(manifest))
    assert validate(release.release).failed() == ["right shard"]


def test_limits_of_the_manifest_are_kept(release: MiniRelease) -> None:
    release.manifest["config"] = {"limits": {"min_side": 110}}
    release.write()
    report = validate(release.release)
    assert report.failed() == ["box limits"]
    assert "shorter side" in report.check("box limits").breaches[0].message


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"enlargement": 2}, "is enlarged by a factor of 3.00, but at most 2"),
        ({"enlargement": 3, "min_side": 70}, "shorter side 60.0 px of the photo"),
    ],
)
def test_windows_that_are_blurred(release: MiniRelease, limits: dict[str, float], message: str) -> None:
    release.manifest["config"] = {"limits": limits}
    release.write()
    report = validate(release.release)
    assert "sharpness" in report.failed()
    assert any(message in breach.message for breach in report.check("sharpness").breaches)


def test_a_release_from_before_the_bound_on_sharpness(release: MiniRelease) -> None:
    release.manifest["config"] = {"limits": {"min_side": 24}}
    release.write()
    assert validate(release.release).failed() == []


def test_a_photo_shown_too_often(release: MiniRelease) -> None:
    release.manifest["config"] = {"limits": {"rows_per_photo": 2}}
    release.write()
    report = validate(release.release)
    assert report.failed() == ["spread"]
    assert "is shown in 3 rows of inter/locate, but at most 2 are allowed" in report.check("spread").breaches[0].message


# What is not a breach.


def test_an_orientation_tag_may_be_set_to_upright(release: MiniRelease) -> None:
    image = Image.fromarray(cv2.cvtColor(cv2.imdecode(np.frombuffer(mini.photo(1), np.uint8), 1), cv2.COLOR_BGR2RGB))
    tag = Image.Exif()
    tag[0x0112] = 6
    path = release.photos / mini.file_name(1)
    image.save(path, "JPEG", exif=tag)
    rotated = path.read_bytes()
    place = rotated.index(b"\x01\x12") if b"\x01\x12" in rotated else rotated.index(b"\x12\x01")
    value = rotated.index(6, place)
    upright = rotated[:value] + b"\x01" + rotated[value + 1 :]
    for content, failed in ((upright, []), (rotated, ["images"])):
        for row in release.rows:
            for view, stored in zip(row["views"], row["images"], strict=True):
                if view["image_id"] == 1:
                    stored["bytes"] = content
        release.write()
        assert validate(release.release).failed() == failed


def test_absence_of_a_category_above_is_absence(release: MiniRelease, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mini.THINGS, 5, {51: ("mammoth", mini.THINGS[5][51][1])})
    row = mini.make_row("inter", "locate", "mammoth", [5, 4], template="locate/3", tuple_id="t4")
    release.rows[release.rows.index(release.row("locate", "elephant"))] = row
    release.edit_source("coco", lambda content: content.update(mini.coco()))
    for warrant, failed in (("exhaustive", []), ("hypernym:elephant", []), ("hypernym:apple", ["evidence"])):
        row["evidence"][0]["warrant"] = warrant
        release.write()
        assert validate(release.release).failed() == failed


def test_a_release_by_reference_has_no_images_to_check(release: MiniRelease) -> None:
    release.manifest["image_mode"] = "reference"
    for row in release.rows:
        row["images"] = []
    release.write()
    report = validate(release.release)
    assert report.failed() == []
    assert report.check("images").status == "note"
    release.manifest["image_mode"] = "embed"
    release.write()
    assert validate(release.release).failed() == ["images"]


def test_photos_in_a_zip_and_sources_elsewhere(release: MiniRelease, tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for path in release.photos.iterdir():
            archive.write(path, f"train2017/{path.name}")
            path.unlink()
    sources = []
    for kind in ("coco", "lvis"):
        moved = tmp_path / f"moved-{kind}.json"
        (release.folder / f"{kind}.json").rename(moved)
        sources.append(SourcePaths(kind, moved, tmp_path / "photos.zip"))
    with pytest.raises(ReleaseError, match=r"--coco ANN\.json:IMAGES"):
        validate(release.release)
    assert validate(release.release, sources).valid


def test_an_instance_without_a_mask_counts_by_its_whole_box(release: MiniRelease) -> None:
    def drop(content: dict[str, Any]) -> None:
        for entry in content["annotations"]:
            entry["segmentation"] = []

    release.edit_source("coco", drop)
    assert validate(release.release).failed() == []


# The command.


def test_exit_status_and_output(release: MiniRelease, tmp_path: Path) -> None:
    runner = CliRunner()
    good = runner.invoke(cli, ["validate", str(release.release)])
    assert good.exit_code == 0, good.output
    passed, notes = (len(re.findall(rf"│ {status} +│", good.output)) for status in ("pass", "note"))
    assert f"valid: {passed} checks passed, {notes} notes" in good.output
    row = release.row("locate", "giraffe")
    moved_box(row)
    release.write()
    report = tmp_path / "report.json"
    bad = runner.invoke(cli, ["validate", str(release.release), "--json", str(report)])
    assert bad.exit_code == 1
    assert f"true boxes: {row['id']}: " in bad.output
    assert json.loads(report.read_text())["valid"] is False


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda r: (r.release / "manifest.json").unlink(), "no manifest.json"),
        (lambda r: (r.release / "manifest.json").write_text("{"), "not readable as JSON"),
        (lambda r: (r.folder / "coco.json").unlink(), "--coco ANN.json:IMAGES"),
        (lambda r: (r.folder / "coco.json").write_text("{}"), "has changed since"),
        (lambda r: r.photos.rename(r.folder / "elsewhere"), "ANN.json:IMAGES"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_says_the_mend(
    release: MiniRelease, prepare: Callable[[MiniRelease], Any], message: str
) -> None:
    prepare(release)
    with pytest.raises(ReleaseError, match=message.replace(".", r"\.")):
        validate(release.release)


def test_a_source_it_was_not_built_from(release: MiniRelease) -> None:
    other = release.folder / "other.json"
    other.write_text("{}")
    with pytest.raises(ReleaseError, match="not a source of"):
        validate(release.release, [SourcePaths("coco", other, release.photos)])


def test_fine_colored_dots_that_jpeg_blurs_are_no_fault_and_another_color_is() -> None:
    dots = np.indices((96, 128)).sum(axis=0)[..., None] % 2 * np.array([[[200, 60, 10]]]) + [[[20, 110, 235]]]
    window = cv2.resize(np.clip(dots, 0, 255).astype(np.uint8), (212, 160), interpolation=cv2.INTER_CUBIC)
    stored = cv2.imdecode(cv2.imencode(".jpg", window, [cv2.IMWRITE_JPEG_QUALITY, 92])[1], cv2.IMREAD_COLOR)
    assert np.abs(stored.astype(int) - window).mean() > DIFFERENCE
    assert _apart(_halved(stored), _halved(window)) < DIFFERENCE
    assert _apart(_halved(stored)[..., ::-1].copy(), _halved(window)) > DIFFERENCE
