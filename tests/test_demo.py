"""`make demo` in stages: done ones are skipped, a changed one reruns with all that follow, a failure is one line."""

import json
import sys
from pathlib import Path

import pytest

from cgc_train.run import MetricsLine
from scripts.demo.page import MEASUREMENT, STEPS, Change, broken_links, first_and_last, measured
from scripts.demo.stages import Stage, StageError, run_stages


def stage(folder: Path, name: str, code: str, **more: object) -> Stage:
    """A stage that writes a file of its name after running some code."""
    makes = folder / name
    command = [sys.executable, "-c", f"{code}\nopen({str(makes)!r}, 'a').write('x')"]
    return Stage(name, name, command, name, **more)  # type: ignore[arg-type]


def written(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.glob("*")) if path.is_file()}


def test_stages_that_are_done_are_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stages = [stage(tmp_path, "a", ""), stage(tmp_path, "b", "")]
    run_stages(stages, tmp_path)
    first = {path: path.stat().st_mtime_ns for path in tmp_path.glob("?")}
    run_stages(stages, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("?")} == first
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert [line.rstrip().endswith("done before") for line in lines] == [False, False, True, True]


@pytest.mark.parametrize("lost", ["the command changed", "what it made is gone"])
def test_a_stage_runs_again_with_all_that_follow(tmp_path: Path, lost: str) -> None:
    run_stages([stage(tmp_path, name, "") for name in "abc"], tmp_path)
    before = (tmp_path / "a").stat().st_mtime_ns
    if lost == "what it made is gone":
        (tmp_path / "b").unlink()
    again = [stage(tmp_path, name, "pass" if name == "b" and lost == "the command changed" else "") for name in "abc"]
    run_stages(again, tmp_path)
    assert written(tmp_path) == {"a": "x", "b": "x", "c": "x"}, "each was removed before it was made again"
    assert (tmp_path / "a").stat().st_mtime_ns == before
    assert (tmp_path / ".done" / "c").stat().st_mtime_ns > before


def test_a_stage_that_fails_is_one_line_with_its_log(tmp_path: Path) -> None:
    broken = stage(tmp_path, "b", "print('first'); raise SystemExit('the reason')")
    with pytest.raises(StageError, match=r"^b: the reason \(log: .*b\.log\)$"):
        run_stages([stage(tmp_path, "a", ""), broken, stage(tmp_path, "c", "")], tmp_path)
    assert written(tmp_path) == {"a": "x"}
    run_stages([stage(tmp_path, "a", ""), stage(tmp_path, "b", ""), stage(tmp_path, "c", "")], tmp_path)
    assert written(tmp_path) == {"a": "x", "b": "x", "c": "x"}


def test_an_interrupted_stage_resumes_if_it_can(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("half ")
    resumed = stage(tmp_path, "a", "").command
    run_stages([stage(tmp_path, "a", "raise SystemExit(1)", resumes=lambda target: resumed)], tmp_path)
    assert written(tmp_path) == {"a": "half x"}


def test_a_link_to_a_file_that_does_not_exist_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    page = '<img src="a.jpg"><a href="gallery/index.html"><a href="https://x.org/y"><a href="#top"><img src="b.png">'
    assert broken_links(page, tmp_path) == ["gallery/index.html", "b.png"]


@pytest.mark.parametrize(
    ("change", "better"),
    [
        (Change(0.1, 0.02, 0.2, True), True),
        (Change(0.1, 0.02, 0.2, False), False),
        (Change(-0.1, -0.2, -0.02, False), True),
        (Change(0.1, -0.02, 0.2, True), None),
        (Change(0.1, 0.0, 0.2, True), None),
        (Change(0.1, None, None, True), None),
    ],
)
def test_a_change_counts_only_if_its_interval_excludes_zero(change: Change, better: bool | None) -> None:
    assert change.better is better


def test_the_reward_of_the_first_and_the_last_steps() -> None:
    lines = [{"step": step, "kind": "train", "reward": float(step >= STEPS)} for step in range(2 * STEPS)]
    held_out = {"step": 0, "kind": "held_out", "reward": 9.0}
    assert first_and_last([held_out, *lines]) == (0.0, 1.0)  # type: ignore[list-item]
    short: list[MetricsLine] = [{"step": 1, "kind": "train"}]
    assert first_and_last(short) is None


def test_the_measurement_on_the_page_is_that_of_the_docs() -> None:
    seeds = list(json.loads(MEASUREMENT.read_text(encoding="utf-8"))["seeds"].values())
    shown = dict(measured(seeds))
    assert [len(cells) for cells in shown.values()] == [len(seeds)] * len(shown)
    assert all(change.better for _, _, change in shown["R_miou"])
    assert not any(change.better for _, _, change in shown["hallucination"])
