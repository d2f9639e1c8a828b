"""What changed from one release to another is counted by content, not by the bytes and versions of their shards."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from cgc_data.cli.diff import diff
from cgc_data.common.errors import ReleaseError
from cgc_data.look.difference import difference
from tests.tiny_release import write_manifest, write_tiny_release

Row = dict[str, Any]
TEST = "inter/test-00000-of-00001.parquet"


@pytest.fixture
def before(tmp_path: Path) -> Path:
    return write_tiny_release(tmp_path / "before", rows=3)


@pytest.fixture
def after(tmp_path: Path) -> Path:
    return write_tiny_release(tmp_path / "after", rows=3)


def edit(folder: Path, change: Callable[[list[Row]], object], shard: str = TEST) -> None:
    """Rewrite the rows of a shard, in other bytes."""
    table = pq.read_table(folder / shard)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), folder / shard, compression="gzip")
    write_manifest(folder)


def answered(row: Row) -> None:
    row.update(answer="[]", id=f"x{row['id'][1:]}")


def test_the_same_rows_in_other_bytes_and_order_are_no_difference(before: Path, after: Path) -> None:
    edit(after, list.reverse)
    assert (before / TEST).read_bytes() != (after / TEST).read_bytes()
    found = difference(before, after)
    assert found.none
    assert (found.total.before, found.total.after, found.total.added) == (18, 18, 0)
    done = CliRunner().invoke(diff, [str(before), str(after)])
    assert done.stdout == "no difference: both releases have the same 18 rows with the same ground truth\n"


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        (lambda rows: rows.pop(), {"removed": 1, "after": 8, "photos_removed": 2}),
        (lambda rows: answered(rows[0]), {"changed": 1}),
        (lambda rows: rows[0].update(answer="[]"), {"changed": 1}),
        (lambda rows: rows[0].update(split="train"), {"changed": 1}),
        (lambda rows: rows[0].update(id="new", question="Which?"), {"added": 1, "removed": 1}),
        (lambda rows: rows[0]["views"][0]["parts"][0].update(license_url="x"), {"photos_relicensed": 1}),
        (
            lambda rows: rows[0]["views"][0]["parts"][0].update(file_name="mine.jpg"),
            {"photos_added": 1, "photos_removed": 1},
        ),
    ],
)
def test_what_changed_is_counted(before: Path, after: Path, change: Callable[[list[Row]], object], counts: Row) -> None:
    edit(after, change)
    found = difference(before, after)
    same = {"before": 9, "after": 9, "added": 0, "removed": 0, "changed": 0}
    same |= {"photos_added": 0, "photos_removed": 0, "photos_relicensed": 0}
    assert vars(found.tasks["inter/locate"]) == same | counts
    assert vars(found.tasks["intra/locate_all"]) == same


def test_the_way_back_is_the_reverse(before: Path, after: Path) -> None:
    edit(after, lambda rows: (answered(rows[0]), rows.pop()))
    there, back = difference(before, after), difference(after, before)
    assert there.removed == back.added != []
    assert there.photos_removed == back.photos_added != []
    assert there.changed == [(was, now) for now, was in back.changed] != []


def as_first_version(folder: Path) -> None:
    """The rows as the first schema version had them: ids of another kind, and no parts."""
    for shard in folder.glob("int*/*.parquet"):
        rows = pq.read_table(shard).to_pylist()
        for row in rows:
            row["id"] = f"first-{row['id']}"
            row["views"] = [
                {k: v for k, v in view.items() if k not in ("parts", "operations")} for view in row["views"]
            ]
        columns = ("id", "question", "answer", "contrast", "task", "split", "views")
        pq.write_table(pa.Table.from_pylist([{name: row[name] for name in columns} for row in rows]), shard)
    write_manifest(folder, schema_version="1")


def test_releases_of_different_schema_versions_are_compared(before: Path, after: Path) -> None:
    as_first_version(before)
    edit(after, lambda rows: answered(rows[0]))
    found = difference(before, after)
    assert (found.total.added, found.total.removed, found.total.photos_added) == (0, 0, 0)
    assert found.total.changed == 18, "their ids differ, and with them what other releases refer to"


def test_a_version_that_lacks_what_is_compared_is_refused(before: Path, after: Path) -> None:
    pq.write_table(pq.read_table(before / TEST).drop_columns(["question"]), before / TEST)
    write_manifest(before, schema_version="0")
    with pytest.raises(ReleaseError, match="schema version 0 has no column 'question'; its rows cannot be compared"):
        difference(before, after)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "not a finished release"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "not the manifest of a release"),
        (lambda folder: (folder / "manifest.json").write_text('{"shards": 3}'), "not the manifest of a release"),
        (
            lambda folder: (folder / "manifest.json").write_text('{"shards": [{"path": "../x.parquet"}]}'),
            "does not stay inside",
        ),
        (lambda folder: (folder / TEST).write_bytes(b"PAR1"), "not a readable shard"),
        (lambda folder: (folder / TEST).unlink(), "not a readable shard"),
        (lambda folder: edit(folder, lambda rows: rows[0].update(answer=None)), "not a readable shard"),
    ],
)
def test_what_is_no_release_is_refused_in_one_line(
    before: Path, after: Path, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(after)
    for pair in ((before, after), (after, before)):
        with pytest.raises(ReleaseError, match=message) as raised:
            difference(*pair)
        assert "\n" not in str(raised.value)


def test_json_names_rows_and_photos(before: Path, after: Path) -> None:
    edit(after, lambda rows: (answered(rows[0]), rows.pop()))
    found = json.loads(CliRunner().invoke(diff, [str(before), str(after), "--json"]).stdout)
    ids = [row["id"] for row in pq.read_table(before / TEST).to_pylist()]
    assert found["removed"] == [ids[2]]
    assert found["changed"] == [[ids[0], f"x{ids[0][1:]}"]]
    assert len(found["photos_removed"]) == 2
    assert found["tasks"]["inter/locate"]["removed"] == 1


def test_the_table_has_a_line_per_task(before: Path, after: Path) -> None:
    edit(after, lambda rows: rows.pop())
    lines = CliRunner().invoke(diff, [str(before), str(after)], env={"COLUMNS": "160"}).stdout.splitlines()
    (line,) = (line for line in lines if "inter/locate " in line)
    assert [cell.strip() for cell in line.strip("│").split("│")][1:4] == ["9", "8", "1"]
    assert any(line.strip("│ ").startswith("all") for line in lines)
