"""Parts of a plan: what they are, what holds over all of them, and that nobody can tell who planned them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgc_data.common.cluster import RayCluster
from cgc_data.common.processes import Processes
from cgc_data.config import BuildConfig
from cgc_data.index.build import Index, build_index
from cgc_data.index.narrow import narrowed
from cgc_data.index.presence import ABSENT
from cgc_data.plan import build as planning
from cgc_data.plan import parts as dividing
from cgc_data.plan.build import part_tasks
from cgc_data.plan.deal import Dealer, Dealt
from cgc_data.plan.ground import Division, Ground, lay_ground
from cgc_data.plan.joining import shards
from cgc_data.plan.part import PLAN_SCHEMA, PartTask, plan_part
from cgc_data.plan.parts import Part, divide, grouped, number_of_groups, shared_out
from cgc_data.release.schema import Split
from cgc_data.tasks import PLANNED, TASKS, task_of

Row = dict[str, Any]


# -- dividing


@given(st.integers(0, 10**7), st.lists(st.integers(0, 10**6), min_size=1, max_size=40))
def test_rows_are_shared_out_in_proportion_and_none_is_lost(rows: int, sizes: list[int]) -> None:
    quotas, total = shared_out(rows, sizes), sum(sizes)
    assert sum(quotas) == (rows if total else 0)
    assert all(abs(quota - rows * size / total) <= 1 for quota, size in zip(quotas, sizes, strict=True) if total)


@pytest.mark.parametrize(
    ("photos", "wanted", "groups"),
    [
        (0, [10, 10], 0),
        (1, [0, 0], 1),
        (48, [100, 100], 1),
        (8191, [10**6, 10**6], 1),
        (8192, [10**6, 10**6], 2),
        (118_287, [10_000, 8_000], 8),
        (118_287, [10_000, 0], 10),
        (118_287, [10**6, 10**6], 28),
    ],
)
def test_groups_are_large_enough(photos: int, wanted: list[int], groups: int) -> None:
    assert number_of_groups(photos, wanted) == groups


@pytest.mark.parametrize("number", [1, 3, 7])
def test_groups_share_out_the_photos(number: int) -> None:
    photos = np.arange(5, 100, 3)
    groups = grouped(photos, number, 0, "train")
    assert sorted(np.concatenate(groups).tolist()) == photos.tolist()
    assert max(map(len, groups)) - min(map(len, groups)) <= 1
    assert all(a < b for group in groups for a, b in pairwise(group.tolist()))
    if number > 1:
        assert [g.tolist() for g in grouped(photos, number, 1, "train")] != [g.tolist() for g in groups]
        assert [g.tolist() for g in grouped(photos, number, 0, "test")] != [g.tolist() for g in groups]


def test_parts_cover_what_is_asked_of_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dividing, "LEAST_PHOTOS", 20)
    monkeypatch.setattr(dividing, "LEAST_ROWS", 50)
    splits: list[Split] = ["train"] * 100 + ["validation"] * 10 + ["test"] * 30
    available = np.arange(140) % 7 > 0
    parts = divide(BuildConfig(samples=1000), splits, available)
    assert sum(sum(part.wanted.values()) for part in parts) == 1000
    assert len({part.key for part in parts}) == len(parts)
    assert sorted(np.concatenate([part.photos for part in parts]).tolist()) == list(range(140))
    assert Counter(part.split for part in parts) == {"train": 4, "validation": 1, "test": 1}
    assert all({splits[photo] for photo in part.photos} == {part.split} for part in parts)


def test_a_contrast_that_is_not_asked_has_no_rows() -> None:
    config = BuildConfig(samples=10, tasks={task: float(task == "inter/locate") for task in PLANNED})
    (part,) = divide(config, ["train"] * 9, np.ones(9, dtype=bool))
    assert part.wanted == {"inter": 10, "intra": 0}


# -- narrowing


def facts(index: Index, photo: int) -> dict[str, Any]:
    """What planners read of a photo."""
    inside = index.instances.of_photo(photo)
    numbers = [
        index.tables[index.instances.source[i]].annotations["annotation_id"][int(index.instances.row[i])].as_py()
        for i in inside
    ]
    absent = np.flatnonzero(index.states[photo] == ABSENT).tolist()
    return {
        "identity": index.photos[photo].identity,
        "states": index.states[photo].tolist(),
        "annotations": numbers,
        "boxes": index.instances.box[inside].tolist(),
        "concepts": index.instances.concept[inside].tolist(),
        "warrants": [index.warrant(photo, concept) for concept in absent],
    }


def test_of_some_photos_an_index_knows_the_same(painted_config: BuildConfig, tmp_path: Path) -> None:
    whole = build_index(painted_config, tmp_path)
    photos = np.arange(1, len(whole.photos), 3)
    less = narrowed(whole, photos)
    assert len(less.photos) == len(photos)
    for place, photo in enumerate(photos.tolist()):
        assert facts(less, place) == facts(whole, photo)
    assert sum(table.annotations.num_rows for table in less.tables) == len(less.instances.row)


# -- joining


def of_families(*sizes: int) -> pa.Table:
    """Rows of families of these sizes, with nothing else in them."""
    families = [number for number, size in enumerate(sizes) for _ in range(size)]
    empty = {field.name: pa.nulls(len(families), field.type) for field in PLAN_SCHEMA}
    return pa.table({**empty, "family": pa.array(families, pa.int64())}, schema=PLAN_SCHEMA)


@pytest.mark.parametrize(
    ("sizes", "rows", "found"),
    [
        ([], 3, []),
        ([1, 1, 1], 3, [3]),
        ([2, 2, 2], 3, [4, 2]),
        ([7, 1, 1, 1], 3, [7, 3]),
        ([1] * 7, 3, [3, 3, 1]),
    ],
)
def test_shards_have_whole_families(sizes: list[int], rows: int, found: list[int]) -> None:
    assert [shard.num_rows for shard in shards([of_families(*sizes)], rows)] == found


# -- planning in parts


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of a dozen photos."""
    monkeypatch.setattr(dividing, "LEAST_PHOTOS", 12)
    monkeypatch.setattr(dividing, "LEAST_ROWS", 10)


def config_of(painted_config: BuildConfig, **changes: Any) -> BuildConfig:
    return BuildConfig.model_validate({**painted_config.model_dump(), "samples": 80, "shard_rows": 20, **changes})


def plan(config: BuildConfig, folder: Path, **options: Any) -> dict[str, bytes]:
    """The files of the plan by name."""
    (folder / "plan").mkdir(parents=True, exist_ok=True)
    index = build_index(config, folder)
    planning.make_plan(index, config, folder / "plan", folder, **options)
    return {path.name: path.read_bytes() for path in (folder / "plan").glob("int*.parquet")}


def rows_of(folder: Path) -> list[Row]:
    return [row for file in sorted((folder / "plan").glob("int*.parquet")) for row in pq.read_table(file).to_pylist()]


def photos_of(row: Row) -> set[str]:
    return {f"{part['source']}/{part['file_name']}" for view in row["views"] for part in view["parts"]}


def test_what_holds_in_parts_holds_in_the_plan(small_parts: None, painted_config: BuildConfig, tmp_path: Path) -> None:
    config = config_of(painted_config, samples=1200, limits={"rows_per_photo": 4})
    plan(config, tmp_path)
    rows = rows_of(tmp_path)
    assert len({row["id"] for row in rows}) == len(rows)
    shown = Counter((task_of(row).id, photo) for row in rows for photo in photos_of(row))
    assert max(shown.values()) == 4
    possible = sum(share for task, share in config.shares.items() if TASKS[task].has_empty)
    empty = sum(not row["objects"] for row in rows)
    assert empty <= config.absent / possible * (empty + sum(task_of(row).has_empty for row in rows))
    files = [pq.read_table(path).to_pylist() for path in tmp_path.glob("plan/part-*.parquet")]
    groups = [set().union(*map(photos_of, planned)) for planned in files if planned]
    assert len(groups) > 3
    assert sum(map(len, groups)) == len(set().union(*groups))


def test_families_of_all_parts_are_numbered_apart(
    small_parts: None, painted_config: BuildConfig, tmp_path: Path
) -> None:
    plan(config_of(painted_config), tmp_path)
    found: dict[str, set[int]] = defaultdict(set)
    for path in tmp_path.glob("plan/int*.parquet"):
        file = pq.ParquetFile(path)
        groups = [file.read_row_group(n)["family"].to_pylist() for n in range(file.num_row_groups)]
        numbers = [number for group in groups for number in group]
        assert numbers == sorted(numbers)
        assert all(a[-1] < b[0] for a, b in pairwise(groups))
        assert not found[path.stem.partition("-")[2]] & set(numbers)
        found[path.stem.partition("-")[2]] |= set(numbers)
    assert all(numbers == set(range(max(numbers) + 1)) for numbers in found.values())


def test_a_small_plan_is_the_same_as_in_one_piece(
    painted_config: BuildConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, whole = config_of(painted_config), list[Ground]()

    def tasks(
        parts: Sequence[Part], index: Index, config: BuildConfig, division: Division, folder: Path, state: str
    ) -> Iterator[PartTask]:
        whole.append(lay_ground(index, config, division))
        return part_tasks(parts, index, config, division, folder, state)

    monkeypatch.setattr(planning, "part_tasks", tasks)
    plan(config, tmp_path)
    (ground,) = whole
    expected = [row["id"] for _, dealer in ground.dealers() for dealt in dealer.deal() for row in dealt.rows]
    assert sorted(row["id"] for row in rows_of(tmp_path)) == sorted(expected)


@pytest.mark.parametrize("workers", [2, 4])
def test_any_number_of_workers_plans_the_same(
    small_parts: None, painted_config: BuildConfig, tmp_path: Path, workers: int
) -> None:
    config = config_of(painted_config)
    expected = plan(config, tmp_path / "one")
    assert plan(config, tmp_path / "several", executor=Processes(workers)) == expected


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_cluster_plans_the_same(
    small_parts: None, painted_config: BuildConfig, tmp_path: Path, ray_alone: Any
) -> None:
    config = config_of(painted_config)
    expected = plan(config, tmp_path / "one")
    ray_alone.init("local", num_cpus=2, log_to_driver=False, include_dashboard=False, object_store_memory=100 * 2**20)
    try:
        assert plan(config, tmp_path / "cluster", executor=RayCluster()) == expected
    finally:
        ray_alone.shutdown()


# -- stopping


class Stopped(Exception):
    """Stands for a kill."""


@dataclass(frozen=True)
class Stopping(Processes):
    """Plans some parts and is then stopped."""

    after: int = 0

    def run(self, function: Callable[[Any], Any], tasks: Iterable[Any], at_once: int | None = None) -> Iterator[Any]:
        for number, result in enumerate(super().run(function, tasks, at_once)):
            yield result
            if function is plan_part and number + 1 == self.after:
                raise Stopped


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9] + b"something")


@pytest.mark.parametrize(
    ("after", "disturb", "state", "left"),
    [
        (2, None, "", 2),
        (3, ".parquet", "", 2),
        (3, ".json", "", 2),
        (3, None, "other photos", 0),
    ],
    ids=["whole", "rows damaged", "record damaged", "photos changed"],
)
def test_parts_that_are_done_are_taken_up(
    small_parts: None,
    painted_config: BuildConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    after: int,
    disturb: str | None,
    state: str,
    left: int,
) -> None:
    config, planned = config_of(painted_config), list[Dealer]()
    expected = plan(config, tmp_path / "whole")
    number = len(list(tmp_path.glob("whole/plan/part-*.json")))
    with pytest.raises(Stopped):
        plan(config, tmp_path / "again", executor=Stopping(after=after))
    if disturb:
        spoil(sorted(tmp_path.glob(f"again/plan/part-*{disturb}"))[1])

    def deal(dealer: Dealer) -> Iterator[Dealt]:
        planned.append(dealer)
        return (dealt for dealt in dealer.attempts() if dealt)

    monkeypatch.setattr(Dealer, "deal", deal)
    assert plan(config, tmp_path / "again", state=state) == expected
    assert len(planned) == number - left > 0


def test_a_part_that_is_stopped_leaves_no_record(
    small_parts: None, painted_config: BuildConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cgc_data.plan.part.msgspec.json.encode", lambda planned: (_ for _ in ()).throw(Stopped))
    with pytest.raises(Stopped):
        plan(config_of(painted_config), tmp_path)
    assert [path.suffix for path in tmp_path.glob("plan/*")] == [".parquet"]
