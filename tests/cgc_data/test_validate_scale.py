"""`validate` in several processes and on a sample of the rows: one report for any number, and what a sample covers."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from cgc_data.cli import cli
from cgc_data.common.errors import ReleaseError
from cgc_data.common.processes import Processes
from cgc_data.validate import validate
from cgc_data.validate.groups import Sampling
from cgc_data.validate.rows import CHECKS, CLOSE
from tests.cgc_data.mini_release import MiniRelease


@pytest.fixture
def release(tmp_path: Path) -> Iterator[MiniRelease]:
    """The mini release in row groups of two rows."""
    made = MiniRelease(tmp_path / "mini")
    made.rows_per_group = 2
    made.write()
    return made


def test_one_report_for_any_number_of_processes(release: MiniRelease) -> None:
    """Faults between rows of different groups are found, and listed in the same order."""
    first, *others = release.rows
    others[3]["id"] = first["id"]
    others[-1]["objects"] = others[-1]["objects"][:0]
    release.row("locate", "giraffe")["images"][1]["bytes"] = b"not a picture"
    release.write()
    serial = validate(release.release)
    assert {"ids unique", "images", "answer"} <= set(serial.failed())
    for workers in (2, 3):
        assert validate(release.release, executor=Processes(workers)) == serial


def test_a_sample_looks_at_whole_tuples_and_checks_the_rest_of_every_row(release: MiniRelease) -> None:
    everything, report = validate(release.release), validate(release.release, sample=0.5, seed=3)
    assert report.valid
    drawn = [row for row in release.rows if Sampling(0.5, 3).draws(row)]
    assert 0 < len(drawn) < len(release.rows)
    assert {row["tuple_id"] for row in drawn}.isdisjoint(
        row["tuple_id"] for row in release.rows if not Sampling(0.5, 3).draws(row)
    )
    assert report.drawn
    assert (report.drawn.rows, report.drawn.of) == (len(drawn), len(release.rows))
    for name in CHECKS:
        ours, theirs = report.check(name), everything.check(name)
        assert ours.sampled == (name in CLOSE)
        assert ours.n <= theirs.n if ours.sampled else ours.n == theirs.n, name
    assert report.check("images").n == sum(1 + len(row["views"]) for row in drawn)
    assert validate(release.release, sample=0.5, seed=3, executor=Processes(2)) == report


def test_a_sample_finds_faults_of_forms_everywhere_and_of_pictures_in_drawn_rows(release: MiniRelease) -> None:
    sampling = Sampling(0.5, 0)
    drawn = next(row for row in release.rows if sampling.draws(row) and row["contrast"] == "inter")
    skipped = next(row for row in release.rows if not sampling.draws(row) and row["contrast"] == "inter")
    for row in (drawn, skipped):
        row["images"][0]["bytes"] = b"not a picture"
    skipped["difficulty"] = 0.99
    release.write()
    report = validate(release.release, sample=0.5)
    assert {breach.sample for breach in report.check("images").breaches} == {drawn["id"]}
    assert {breach.sample for breach in report.check("difficulty").breaches} == {skipped["id"]}


def test_the_command_says_what_was_covered_and_keeps_its_exit_status(release: MiniRelease, tmp_path: Path) -> None:
    runner, report = CliRunner(), tmp_path / "report.json"
    options = ["--sample", "0.5", "--seed", "3", "--workers", "2", "--json", str(report)]
    good = runner.invoke(cli, ["validate", str(release.release), *options])
    assert good.exit_code == 0, good.output
    stated = json.loads(report.read_text())["sample"]
    assert f"sample: {stated['rows']} of {len(release.rows)} rows (share 0.5, seed 3)" in good.output
    release.row("locate", "giraffe")["difficulty"] = 0.99
    release.write()
    assert runner.invoke(cli, ["validate", str(release.release), *options]).exit_code == 1
    assert isinstance(runner.invoke(cli, ["validate", str(tmp_path), *options]).exception, ReleaseError)
    assert runner.invoke(cli, ["validate", str(release.release), "--sample", "0"]).exit_code == 2
