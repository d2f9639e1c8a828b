"""A disk error is a one-line message with the fix and exit status 2, in every command; nothing is lost."""

import errno
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from cgc_bench.cli import cli as bench_group
from cgc_bench.cli import main as bench
from cgc_bench.errors import ReportError
from cgc_bench.report.pages import MARK, write_page
from cgc_data.builder import rendering as building
from cgc_data.builder.release import build_release
from cgc_data.builder.shards import Receipt, ShardTask, render_shard
from cgc_data.cli import cli as data_group
from cgc_data.cli import main as data
from cgc_data.common.command import run
from cgc_data.common.disk import disk_full, refusal
from cgc_data.common.errors import BuildError
from cgc_data.config import BuildConfig, Source
from cgc_data.painter import paint
from cgc_train.cli import cli as train_group
from tests.cgc_bench import mig_rows

GROUPS = {"cgc-data": data_group, "cgc-train": train_group, "cgc-bench": bench_group}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> BuildConfig:
    """A build of a few painted scenes."""
    painted = paint("easy", tmp_path_factory.mktemp("painted") / "easy", photos=24)
    found = next(s for s in painted if s.exhaustive and s.split != "test")
    source = Source(kind="coco", annotations=str(found.annotations), images=str(found.images), exhaustive=True)
    without_windows = {"intra/locate_all": 0, "intra/same_object": 0}
    settings = {"preset": "paper", "confusable": "labeled", "tasks": without_windows}
    return BuildConfig.model_validate({"sources": [source.model_dump()], "samples": 20, **settings})


def ended(call: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which a command line ends with status 2."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as exit_of:
        call()
    assert exit_of.value.code == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("cgc-")]
    assert len(lines) == 1
    return lines[0]


REFUSALS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk is full",
    errno.EACCES: "cannot be read or written",
    errno.EROFS: "cannot be read or written",
    errno.ENOENT: "was removed while the command ran",
    errno.ELOOP: "symbolic link",
    errno.EIO: "check the disk",
    errno.ETXTBSY: os.strerror(errno.ETXTBSY),
}


@pytest.mark.parametrize("number", REFUSALS)
@pytest.mark.parametrize("name", GROUPS)
def test_every_command_line_ends_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, number: int
) -> None:
    def refused(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number), "some/file")

    monkeypatch.setattr(GROUPS[name], "get_command", refused)
    monkeypatch.setattr(sys, "argv", [name, "any"])
    line = ended(lambda: run(GROUPS[name], name), capsys)
    assert line.startswith(f"{name}: some/file: ")
    assert REFUSALS[number] in line


def test_a_place_is_named_if_the_error_names_none() -> None:
    assert refusal(OSError(errno.ENOSPC, "x"), Path("out")).startswith("out: the disk is full")
    assert refusal(OSError("odd")) == "odd; run the same command again"


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "x"), True),
        (OSError(errno.EFBIG, "x"), True),
        (OSError(errno.ENOENT, "x"), False),
        (RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"), True),
        (RuntimeError("I/O error: No space left on device (os error 28)"), True),
        (RuntimeError("shapes differ"), False),
    ],
)
def test_a_full_disk_is_known_by_number_or_text(error: Exception, full: bool) -> None:
    assert disk_full(error) is full


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")
def test_a_lock_that_is_a_link_is_not_followed(
    tmp_path: Path, config: BuildConfig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / ".cgc-cache").mkdir()
    (tmp_path / ".cgc-cache" / "out.lock").symlink_to(victim)
    source = config.sources[0]
    given = ["build", "--coco", f"{source.annotations}:{source.images}", "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["cgc-data", *given])
    line = ended(data, capsys)
    assert "out.lock: the path is a symbolic link" in line
    assert victim.read_text() == "mine"


@pytest.mark.parametrize("removed", ["out", "work", "cache"])
def test_a_folder_that_is_removed_meanwhile_ends_the_build_and_a_rerun_makes_it(
    tmp_path: Path, config: BuildConfig, monkeypatch: pytest.MonkeyPatch, removed: str
) -> None:
    out = tmp_path / "out"
    folder = {"out": out, "work": out / ".build", "cache": tmp_path / ".cgc-cache"}[removed]

    def render(task: ShardTask) -> Receipt:
        shutil.rmtree(folder, ignore_errors=True)
        return render_shard(task)

    with monkeypatch.context() as patch:
        patch.setattr(building, "render_shard", render)
        try:
            build_release(config, out)
        except BuildError as error:
            assert "removed" in str(error)  # noqa: PT017 - without the cache a build may well finish
        else:
            assert removed == "cache"
    built = build_release(config, out)
    assert built.rows == built.planned > 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_score_that_does_not_fit_keeps_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    annotations = mig_rows.write(tmp_path, [mig_rows.row()])
    answers = tmp_path / "answers.jsonl"
    answers.write_text('{"index": 0, "response": "none"}')
    given = ["score", "mig", "--annotations", annotations, "--predictions", answers, "--json", tmp_path / "score.json"]
    monkeypatch.setattr(sys, "argv", ["cgc-bench", *map(str, given)])
    with pytest.raises(SystemExit) as scored:
        bench()
    assert not scored.value.code
    before = (tmp_path / "score.json").read_text()
    (tmp_path / "score.json.partial").symlink_to("/dev/full")
    assert "score.json: the disk is full; free some space" in ended(bench, capsys)
    assert (tmp_path / "score.json").read_text() == before


def test_a_page_that_does_not_fit_can_be_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(ReportError, match="the disk is full"):
            write_page(tmp_path / "report", {"index.html": MARK}, {"images/a.png": b"x"})
    index = write_page(tmp_path / "report", {"index.html": MARK}, {"images/a.png": b"x"})
    assert index.is_file()
