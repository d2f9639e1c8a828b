"""The plan on painted scenes: quotas, twins, tuples and pairs, and what its rows do not depend on."""

import json
import shutil
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from cgc_data.answer import parse_strict
from cgc_data.common.errors import PlanError, VocabularyError
from cgc_data.config import BuildConfig, Source
from cgc_data.geometry import iou
from cgc_data.images import decode_photo
from cgc_data.index.build import build_index
from cgc_data.index.listings import Appearance
from cgc_data.index.photos import Photo, usable
from cgc_data.plan.askable import Rejection, find_askable
from cgc_data.plan.build import Plan, make_plan
from cgc_data.plan.notes import skipped
from cgc_data.plan.truth import Truth
from cgc_data.release.read import open_release
from cgc_data.sources import open_photos
from cgc_data.tasks import PLANNED, task_of
from cgc_data.vocabulary import concept_of
from tests.cgc_data.drawn import Thing, coco

Row = dict[str, Any]


@pytest.fixture(scope="module")
def rows(release: Path) -> list[Row]:
    return list(open_release(release).rows())


def plan(config: BuildConfig, folder: Path) -> tuple[Plan, list[Row]]:
    """The plan and its rows, in the order of the files."""
    folder.mkdir(exist_ok=True)
    made = make_plan(build_index(config, folder), config, folder, folder)
    return made, [row for file in sorted(folder.glob("int*.parquet")) for row in pq.read_table(file).to_pylist()]


def change(config: BuildConfig, **changes: Any) -> BuildConfig:
    return BuildConfig.model_validate({**config.model_dump(), **changes})


def only(*tasks: str) -> dict[str, float]:
    """Equal shares of these tasks, and none of the others."""
    return {task: float(task in tasks) for task in PLANNED}


def photo_of(view: Row) -> str:
    return f"{view['source']}/{view['file_name']}"


def by(rows: list[Row], key: str) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return groups


def target_photos(row: Row) -> set[str]:
    return {photo_of(row["views"][o["img_idx"] - 1]) for o in row["objects"]}


def contents(rows: list[Row]) -> list[tuple[Any, ...]]:
    """What rows show and ask, without the names of the sources."""
    return [
        (r["question"], r["answer"], r["task"], *((v["file_name"], *v["window"], v["width"]) for v in r["views"]))
        for r in rows
    ]


# -- how many of what


def test_as_many_rows_as_asked_in_the_shares_that_are_set(rows: list[Row], painted_config: BuildConfig) -> None:
    assert painted_config.samples <= len(rows) <= painted_config.samples * 1.1
    tasks = Counter((row["contrast"], row["task"]) for row in rows)
    assert set(tasks) == {
        ("inter", "locate"),
        ("inter", "locate_all"),
        ("inter", "absent"),
        ("intra", "same_object"),
        ("intra", "locate_all"),
        ("intra", "absent"),
    }
    inter = sum(count for (contrast, _), count in tasks.items() if contrast == "inter")
    wanted = sum(share for task, share in painted_config.shares.items() if task.startswith("inter/"))
    assert inter / len(rows) == pytest.approx(wanted, abs=0.05)


def test_absent_is_as_frequent_as_set_and_never_too_frequent(rows: list[Row], painted_config: BuildConfig) -> None:
    share = sum(row["task"] == "absent" for row in rows) / len(rows)
    assert painted_config.absent / 2 <= share <= 0.15


def test_splits_have_rows_by_their_photos(rows: list[Row], painted: list[Source]) -> None:
    found = Counter(row["split"] for row in rows)
    test_photos = len(json.loads(Path(painted[1].annotations).read_text())["images"])
    photos = sum(1 for _ in Path(painted[0].images).rglob("*.jpg"))
    assert found["test"] / len(rows) == pytest.approx(test_photos / photos, abs=0.1)
    assert found["train"] > found["test"] > 0


def test_no_photo_is_in_two_splits(rows: list[Row]) -> None:
    splits: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for view in row["views"]:
            splits[view["file_name"]].add(row["split"])
    assert {len(found) for found in splits.values()} == {1}


def test_number_of_images_and_place_of_the_target_vary(rows: list[Row]) -> None:
    assert {len(row["views"]) for row in rows if row["contrast"] == "inter"} >= {2, 3, 4, 5}
    places = Counter(row["objects"][0]["img_idx"] for row in rows if row["task"] == "locate")
    assert {1, 2, 3} <= set(places)


# -- every row


def test_answers_parse_strictly_and_say_the_objects(rows: list[Row]) -> None:
    for row in rows:
        parsed = parse_strict(f"<think>x</think>\n<answer>{row['answer']}</answer>", len(row["views"]))
        assert not parsed.violations
        expected = [(o["img_idx"], tuple(o["bbox_2d"]), o["label"]) for o in row["objects"]]
        assert [(o.img_idx, o.bbox_2d, o.label) for o in parsed.objects] == expected
        assert (row["task"] == "absent") == (row["answer"] == "[]")


def test_rows_ask_by_their_task(rows: list[Row]) -> None:
    for row in rows:
        if row["task"] == "locate" or row["query"]["img_idx"] is not None:
            assert len(row["objects"]) == 1
        assert len(row["objects"]) <= 8
        assert row["template_id"].startswith(row["task"]) or row["task"] == "absent"
        assert {o["label"] for o in row["objects"]} <= set(row["query"]["labels"])
        assert (row["query"]["ref_bbox"] is not None) == (row["task"] == "same_object")


def test_views_of_one_row_are_of_one_kind_and_all_different(rows: list[Row]) -> None:
    for row in rows:
        whole = [view["changes"] in ("none", "the tag for the EXIF orientation was set to 1") for view in row["views"]]
        assert whole == [row["contrast"] == "inter"] * len(whole)
        photos = {photo_of(view) for view in row["views"]}
        assert len(photos) == (len(row["views"]) if row["contrast"] == "inter" else 1)
        windows = {(photo_of(view), *view["window"]) for view in row["views"]}
        assert len(windows) == len(row["views"])


def test_every_view_without_the_label_has_its_evidence(rows: list[Row]) -> None:
    for row in rows:
        if row["task"] == "same_object":
            continue
        empty = set(range(1, len(row["views"]) + 1)) - {o["img_idx"] for o in row["objects"]}
        assert {e["img_idx"] for e in row["evidence"]} == empty
        assert {e["label"] for e in row["evidence"]} <= set(row["query"]["labels"])
        roots = {e["warrant"].split(":")[0] for e in row["evidence"]}
        assert roots <= ({"exhaustive", "negative", "hypernym"} if row["contrast"] == "inter" else {"outside_window"})


def test_ids_are_unique(rows: list[Row]) -> None:
    assert len({row["id"] for row in rows}) == len(rows)


# -- twins, tuples, pairs


def test_every_absent_row_is_the_twin_of_a_present_one(rows: list[Row]) -> None:
    pairs = by(rows, "pair_id")
    for row in rows:
        if row["task"] == "absent":
            other = next(twin for twin in pairs[row["pair_id"]] if twin["id"] != row["id"])
            assert row["pair_id"]
            assert len(pairs[row["pair_id"]]) == 2
            assert other["objects"]
            for key in ("query", "template_id", "distractors", "split"):
                assert row[key] == other[key]
            assert len(row["views"]) == len(other["views"])
            assert row["question"] == other["question"]


def test_the_target_photos_of_a_twin_are_the_ones_replaced(rows: list[Row]) -> None:
    pairs = by(rows, "pair_id")
    twins = [group for name, group in pairs.items() if name and {"absent"} < {row["task"] for row in group}]
    assert twins
    for group in twins:
        if group[0]["contrast"] != "inter":
            continue
        present = next(row for row in group if row["task"] != "absent")
        absent = next(row for row in group if row["task"] == "absent")
        shown = {photo_of(view) for view in absent["views"]}
        assert not shown & target_photos(present)
        assert shown & {photo_of(view) for view in present["views"]}


def test_every_inter_tuple_is_asked_about_targets_in_two_of_its_images(rows: list[Row]) -> None:
    tuples = by([row for row in rows if row["contrast"] == "inter"], "tuple_id")
    for group in tuples.values():
        assert len(set().union(*map(target_photos, group))) >= 2
        assert len({frozenset(photo_of(view) for view in row["views"]) for row in group}) == 1


def test_photos_serve_as_target_and_as_distractor(rows: list[Row]) -> None:
    uses: dict[str, Counter[bool]] = defaultdict(Counter)
    for row in rows:
        if row["contrast"] == "inter" and row["objects"]:
            for view in row["views"]:
                uses[photo_of(view)][photo_of(view) in target_photos(row)] += 1
    served = [count for count in uses.values() if sum(count.values()) >= 4]
    assert served
    assert np.mean([count[True] > 0 and count[False] > 0 for count in served]) > 0.9


def test_same_object_is_asked_in_both_directions(rows: list[Row]) -> None:
    pairs = by([row for row in rows if row["task"] == "same_object" and len(row["views"]) == 2], "pair_id")
    assert pairs
    for group in pairs.values():
        first, second = group
        windows = [{tuple(view["window"]) for view in row["views"]} for row in group]
        assert windows[0] == windows[1]
        for row, other in ((first, second), (second, first)):
            (found,) = row["objects"]
            (asked,) = other["objects"]
            assert row["query"]["ref_bbox"] == asked["bbox_2d"]
            assert row["query"]["ref_img_idx"] != found["img_idx"]
            assert found["annotation_id"] == asked["annotation_id"]
        assert iou(first["objects"][0]["bbox_2d"], second["objects"][0]["bbox_2d"]) < 0.3


# -- what rows depend on


def shuffled(source: Source, folder: Path) -> Source:
    """The same file with its records in another order."""
    content = json.loads(Path(source.annotations).read_text())
    rng = np.random.default_rng(0)
    for key in ("images", "annotations", "categories"):
        content[key] = [content[key][i] for i in rng.permutation(len(content[key]))]
    path = folder / f"shuffled-{Path(source.annotations).name}"
    path.write_text(json.dumps(content))
    return source.model_copy(update={"annotations": str(path)})


def test_rows_do_not_depend_on_the_order_of_records(tmp_path: Path, painted_config: BuildConfig) -> None:
    config = change(painted_config, samples=60)
    _, first = plan(config, tmp_path / "a")
    other = change(config, sources=[shuffled(s, tmp_path).model_dump() for s in config.sources])
    _, second = plan(other, tmp_path / "b")
    assert contents(first) == contents(second)


def test_another_seed_is_another_plan_of_the_same_splits(tmp_path: Path, painted_config: BuildConfig) -> None:
    config = change(painted_config, samples=60)
    _, first = plan(config, tmp_path / "a")
    _, second = plan(change(config, seed=1), tmp_path / "b")
    shared = set(contents(first)) & set(contents(second))
    assert len(shared) < 0.1 * len(first)
    splits = [{view["file_name"]: row["split"] for row in rows for view in row["views"]} for rows in (first, second)]
    assert all(splits[1].get(name, split) == split for name, split in splits[0].items())


def test_while_photos_last_none_is_in_two_families(tmp_path: Path, painted_config: BuildConfig) -> None:
    _, rows = plan(change(painted_config, samples=12), tmp_path)
    families: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for row in rows:
        for view in row["views"]:
            families[photo_of(view)].add((row["split"], row["family"]))
    assert {len(found) for found in families.values()} == {1}


def test_every_row_of_a_family_is_in_one_shard(tmp_path: Path, painted_config: BuildConfig) -> None:
    made, _ = plan(change(painted_config, samples=80, shard_rows=10), tmp_path)
    assert len(made.shards) > 6
    for file in tmp_path.glob("int*.parquet"):
        groups = pq.ParquetFile(file)
        seen = [set(groups.read_row_group(i)["family"].to_pylist()) for i in range(groups.num_row_groups)]
        assert sum(map(len, seen)) == len(set().union(*seen))


@pytest.mark.parametrize("most", [2, 6])
def test_a_photo_is_shown_in_few_rows_of_a_task_and_never_asked_the_same_again(
    tmp_path: Path, painted_config: BuildConfig, most: int
) -> None:
    config = change(painted_config, samples=2000, limits={"rows_per_photo": most})
    made, rows = plan(config, tmp_path)
    assert any("(limits.rows_per_photo)" in task.cause for task in made.made)
    shown = Counter((task_of(row).id, photo) for row in rows for photo in set(map(photo_of, row["views"])))
    assert max(shown.values()) == most
    asked = [
        (
            task_of(row).id,
            *row["query"]["labels"],
            frozenset(frames),
            frozenset(frames[o["img_idx"] - 1] for o in row["objects"]),
        )
        for row in rows
        for frames in [[(photo_of(view), *view["window"]) for view in row["views"]]]
        if task_of(row).answer != "one" or not task_of(row).contrast.windows
    ]
    assert len(set(asked)) == len(asked)


# -- settings


@pytest.mark.parametrize(
    ("changes", "tasks"),
    [
        ({"tasks": only("inter/locate")}, {"locate", "absent"}),
        ({"tasks": only("intra/same_object")}, {"same_object"}),
        ({"tasks": only("intra/locate_all")}, {"locate_all", "absent"}),
        ({"absent": 0.0}, {"locate", "locate_all", "same_object"}),
    ],
    ids=["locate", "same_object", "sets of windows", "no absent"],
)
def test_only_the_tasks_that_are_wanted(
    tmp_path: Path, painted_config: BuildConfig, changes: dict[str, Any], tasks: set[str]
) -> None:
    _, rows = plan(change(painted_config, samples=40, **changes), tmp_path)
    assert {row["task"] for row in rows} == tasks


@pytest.mark.parametrize(("share", "kinds"), [(0.0, {"decoupled"}), (1.0, {"hard"})])
def test_the_share_of_hard_sets_is_a_setting(
    tmp_path: Path, painted_config: BuildConfig, share: float, kinds: set[str]
) -> None:
    _, rows = plan(
        change(painted_config, samples=30, tasks=only("inter/locate", "inter/locate_all"), inter={"hard": share}),
        tmp_path,
    )
    assert {row["distractors"] for row in rows} == kinds


def test_the_number_of_photos_with_the_label_is_even(tmp_path: Path, painted_config: BuildConfig) -> None:
    wanted = {"tasks": only("inter/locate_all"), "inter": {"min_images": 3, "max_images": 3}, "absent": 0}
    _, rows = plan(change(painted_config, samples=60, **wanted), tmp_path)
    counts = Counter(len({shown["img_idx"] for shown in row["objects"]}) for row in rows)
    assert set(counts) == {1, 2, 3}
    assert max(counts.values()) < 0.6 * len(rows)


def test_a_confusable_thing_refuses_the_label_and_not_the_photo(tmp_path: Path) -> None:
    big, other = (20, 20, 180, 180), (200, 20, 300, 180)
    things = {"photo.jpg": [Thing("bed", big), Thing("chair", other), Thing("dog", big)]}
    config = BuildConfig(sources=[coco(tmp_path, things)])
    index = build_index(config, tmp_path)
    forms = np.full(1, "JPEG")
    askable = find_askable(index, config, ["train"], Truth(index, config.limits), forms)
    offered = {index.concepts[c] for c in np.flatnonzero(askable.one[0])}
    assert offered == {concept_of("dog")}


def test_images_and_windows_within_their_settings(tmp_path: Path, painted_config: BuildConfig) -> None:
    settings = {
        "inter": {"min_images": 3, "max_images": 4},
        "intra": {"view_sizes": [256], "max_views": 2, "track_views": 3},
    }
    _, rows = plan(change(painted_config, samples=60, **settings), tmp_path)
    assert {len(row["views"]) for row in rows if row["contrast"] == "inter"} <= {3, 4}
    intra = [row for row in rows if row["contrast"] == "intra"]
    assert {len(row["views"]) for row in intra if row["task"] != "same_object"} == {2}
    assert {len(row["views"]) for row in intra if row["task"] == "same_object"} == {2, 3}
    assert {max(view["width"], view["height"]) for row in intra for view in row["views"]} == {256}


def test_only_the_categories_that_are_wanted(tmp_path: Path, painted_config: BuildConfig, rows: list[Row]) -> None:
    frequent = [name for name, _ in Counter(row["query"]["labels"][0] for row in rows).most_common(8)]
    _, found = plan(change(painted_config, samples=30, categories=frequent), tmp_path)
    assert {row["query"]["labels"][0] for row in found} <= set(frequent)


def test_a_category_that_no_source_has_is_refused(tmp_path: Path, painted_config: BuildConfig) -> None:
    with pytest.raises(VocabularyError, match="no source has a category named 'unicorn'"):
        plan(change(painted_config, categories=["unicorn"]), tmp_path)


def test_excluded_photos_and_their_likes_are_not_shown(
    tmp_path: Path, painted_config: BuildConfig, rows: list[Row]
) -> None:
    shown = sorted({view["file_name"] for row in rows for view in row["views"]})
    listed, alike = shown[::5], shown[2::9]
    photos = open_photos(Path(painted_config.sources[0].images))
    (tmp_path / "names.txt").write_text("".join(f"{name}\n" for name in listed))
    (tmp_path / "benchmark").mkdir()
    for number, name in enumerate(alike):
        pixels = decode_photo(photos.read(name))
        half = cv2.resize(pixels, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(tmp_path / "benchmark" / f"{number}.png"), half)
    config = change(
        painted_config,
        samples=60,
        exclude=[str(tmp_path / "names.txt")],
        exclude_like=[str(tmp_path / "benchmark")],
    )
    made, found = plan(config, tmp_path / "plan")
    assert not {view["file_name"] for row in found for view in row["views"]} & {*listed, *alike}
    assert made.exclusions["files"] == ["names.txt"]
    assert made.exclusions["listed"] == len(listed)
    assert len(made.exclusions["photos"]) >= len({*listed, *alike})
    usage = {use["list"]: (use["matched"], use["entries"]) for use in made.exclusions["usage"]}
    assert usage == {"names.txt": (len(listed), len(listed)), "benchmark": (len(alike), len(alike))}
    assert not any("exclude" in note or "match" in note for note in made.notes)


def test_what_was_skipped_is_counted_by_reason() -> None:
    def rejection(reason: str, annotation: str = "") -> Rejection:
        return Rejection("", "", "", "", "coco-1", 7, annotation, reason)

    photos = [rejection("photo missing")] * 2 + [rejection("listed twice")] * 3
    objects = [rejection(f"reason {n}", f"coco-1:{n}") for n in range(8)] + [rejection("reason 7", "coco-1:9")]
    assert list(skipped([*photos, *objects])) == [
        "skipped 5 photos (listed twice: 3, photo missing: 2)",
        "skipped 9 objects (reason 7: 2, reason 0: 1, reason 1: 1, reason 2: 1, reason 3: 1, reason 4: 1, others: 2)",
    ]
    assert list(skipped(objects[:1])) == ["skipped 1 object (reason 0: 1)"]
    assert list(skipped([])) == []


def test_licenses_decide_which_photos_are_shown() -> None:
    by_nc, by_nd, by = (f"http://creativecommons.org/licenses/{kind}/2.0/" for kind in ("by-nc", "by-nd", "by"))
    photos = [
        Photo(str(i), (Appearance(0, i, ""),), i, 1, 1, 0, url, "", False) for i, url in enumerate((by_nc, by_nd, by))
    ]
    assert usable(photos, "permissive", windows=False).tolist() == [False, False, True]
    assert usable(photos, "noncommercial", windows=False).tolist() == [True, True, True]
    assert usable(photos, "noncommercial", windows=True).tolist() == [True, False, True]
    assert usable(photos, "all", windows=False).all()
    assert usable(photos, "all", windows=True).tolist() == [True, False, True]


# -- nothing to ask


@pytest.mark.parametrize(
    ("things", "exhaustive", "said"),
    [
        ([], True, "inter/locate"),
        ([Thing("dog", (1, 1, 10, 10))], True, "inter/locate"),
        ([Thing("dog")], None, "it is not certain that all instances of the category are boxed in the photo: 6"),
    ],
    ids=["empty", "too small", "undeclared"],
)
def test_a_task_without_an_eligible_sample_is_an_error_with_the_mend(
    tmp_path: Path, things: list[Thing], exhaustive: bool | None, said: str
) -> None:
    source = coco(tmp_path, {f"{n}.jpg": things for n in range(6)}, categories=["dog", "cat"], exhaustive=exhaustive)
    with pytest.raises(PlanError, match=r"coco\.json") as raised:
        plan(BuildConfig(sources=[source], samples=10), tmp_path / "plan")
    assert said in str(raised.value)


def test_the_plan_of_a_moved_folder_is_the_same(tmp_path: Path, painted_config: BuildConfig) -> None:
    """Neither paths nor the cache have a say."""
    moved = tmp_path / "elsewhere"
    shutil.copytree(Path(painted_config.sources[0].images).parent, moved)
    sources = [
        s.model_copy(
            update={
                "annotations": str(moved / "annotations" / Path(s.annotations).name),
                "images": str(moved / "images"),
            }
        )
        for s in painted_config.sources
    ]
    _, first = plan(change(painted_config, samples=40), tmp_path / "a")
    _, second = plan(change(painted_config, samples=40, sources=[s.model_dump() for s in sources]), tmp_path / "b")
    assert first == second
