"""A release that many machines render: the bytes of one build, in any order, after kills, and never from a mixture."""

import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from cgc_data.builder import draft as drafts
from cgc_data.builder.draft import read_draft
from cgc_data.builder.finishing import finish_release
from cgc_data.builder.locks import alone, together
from cgc_data.builder.planning import plan_release
from cgc_data.builder.ranges import render_command, runs, selected
from cgc_data.builder.release import build_release
from cgc_data.builder.rendering import render_release
from cgc_data.cli import cli, main
from cgc_data.common.errors import BuildError, CgcError, ConfigError, SourceError
from cgc_data.common.processes import Processes
from cgc_data.config import BuildConfig
from cgc_data.sources.photo_store import file_stamp
from scripts.faults.hooks import set_fault
from tests.cgc_data.test_build import change, digests

ROOT = Path(__file__).parents[2]
JOB = ROOT / "examples" / "slurm_array.sh"
MEMBERS = 10
# Members are forked from a process that has imported this module but started no thread, whose locks a fork would copy.
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload([__name__])


@pytest.fixture(scope="module")
def small(painted_config: BuildConfig) -> BuildConfig:
    """A release of more shards than an array has members."""
    return change(painted_config, samples=48, shard_rows=4)


@pytest.fixture(scope="module")
def whole(small: BuildConfig, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The files of the release, built by one command."""
    build_release(small, out := tmp_path_factory.mktemp("whole") / "R")
    return digests(out)


@pytest.fixture(scope="module")
def at_stage(small: BuildConfig, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder after each stage; never to be changed."""
    folder = tmp_path_factory.mktemp("stages")
    plan_release(small, folder / "planned")
    shutil.copytree(folder / "planned", folder / "rendered")
    render_release(folder / "rendered")
    shutil.copytree(folder / "rendered", folder / "finished")
    finish_release(folder / "finished")
    return {name: folder / name for name in ("planned", "rendered", "finished")}


@pytest.fixture
def planned(at_stage: dict[str, Path], tmp_path: Path) -> Path:
    """A folder with a plan."""
    return Path(shutil.copytree(at_stage["planned"], tmp_path / "R"))


@pytest.fixture
def rendered(at_stage: dict[str, Path], tmp_path: Path) -> Path:
    """A folder whose shards are all rendered."""
    return Path(shutil.copytree(at_stage["rendered"], tmp_path / "R"))


@pytest.fixture
def own(small: BuildConfig, tmp_path: Path) -> BuildConfig:
    """A few rows from files that a test may change."""
    source = small.sources[0]
    shutil.copytree(source.images, tmp_path / "photos")
    shutil.copy(source.annotations, tmp_path / "own.json")
    moved = {"annotations": str(tmp_path / "own.json"), "images": str(tmp_path / "photos")}
    return change(small, samples=12, sources=[source.model_copy(update=moved)])


def photos_of(config: BuildConfig) -> list[Path]:
    return sorted(Path(config.sources[0].images).rglob("*.jpg"))


# -- the same bytes


def test_three_commands_give_the_bytes_of_one(at_stage: dict[str, Path], whole: dict[str, str]) -> None:
    assert digests(at_stage["finished"]) == whole
    assert not (at_stage["finished"] / ".build").exists()


def test_two_workers_render_and_finish_the_same(planned: Path, whole: dict[str, str]) -> None:
    render_release(planned, ["0:3", "2:"], executor=Processes(2))
    assert finish_release(planned, executor=Processes(2)).rows
    assert digests(planned) == whole


def test_a_build_takes_up_what_members_rendered(planned: Path, small: BuildConfig, whole: dict[str, str]) -> None:
    render_release(planned, ["2:7"])
    times = {path: path.stat().st_mtime_ns for path in planned.glob("int*/*.parquet")}
    assert len(times) == 5
    build_release(small, planned)
    assert digests(planned) == whole
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_members_need_only_the_folder(own: BuildConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths that are relative to where the plan was made are found from anywhere, and the manifest keeps them."""
    relative = own.sources[0].model_copy(update={"annotations": "own.json", "images": "photos"})
    config = change(own, sources=[relative])
    monkeypatch.chdir(tmp_path)
    build_release(config, Path("whole"))
    plan_release(config, Path("R"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    render_release(tmp_path / "R")
    finish_release(tmp_path / "R")
    assert digests(tmp_path / "R") == digests(tmp_path / "whole")


def test_a_file_has_the_same_state_on_every_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of its disk is another one on each."""
    (path := tmp_path / "a.jpg").write_bytes(b"x")
    here, fields = file_stamp(path), list(path.stat())
    fields[2] += 1
    there = os.stat_result(fields, {"st_mtime_ns": path.stat().st_mtime_ns, "st_ctime_ns": path.stat().st_ctime_ns})
    monkeypatch.setattr(Path, "stat", lambda _: there)
    assert file_stamp(path) == here


# -- an array


class Slurm:
    """The example's jobs, as Slurm would start them: `sbatch` only records what it is given."""

    def __init__(self, folder: Path, config: BuildConfig) -> None:
        self.folder, self.out = folder, folder / "R"
        self.config = folder / "config.yaml"
        self.config.write_text(yaml.safe_dump(config.model_dump(mode="json")))
        (folder / "bin").mkdir()
        python = f'PYTHONPATH="{ROOT}:{ROOT / "cards"}" exec "{sys.executable}"'
        self._program("sbatch", f'printf "%s\\n" "$*" >> "{folder}/submitted"; echo "123;cluster"')
        self._program("cgc-data", f'{python} "{ROOT / "scripts" / "faults" / "hooks.py"}" "$@"')
        self._program("python", f'exec "{sys.executable}" "$@"')

    def _program(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    def job(self, *stage: str, member: int = 0, fault: str = "") -> "subprocess.Popen[str]":
        """Start a job of the example, in which a fault happens."""
        slurm = {"SLURM_ARRAY_TASK_ID": str(member), "SLURM_CPUS_PER_TASK": "1", "SHARDS_PER_JOB": "1"}
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return subprocess.Popen(
            ["bash", str(JOB), str(self.config), str(self.out), *stage],
            env={**os.environ, **slurm, "PATH": path, "CGC_FAULT": fault},
            stderr=subprocess.PIPE,
            text=True,
        )

    def forked(self, member: int, fault: str = "") -> ForkServerProcess:
        """Start what the job of a member runs, without the seconds that a new interpreter takes."""
        process = FORKED.Process(target=render_member, args=(self.out, member, fault))
        process.start()
        return process

    def submitted(self) -> list[str]:
        """What was submitted, without the paths."""
        lines = (self.folder / "submitted").read_text().splitlines()
        return [line.replace(f"{JOB} {self.config} {self.out}", "JOB") for line in lines]


def ended(process: "subprocess.Popen[str]") -> int:
    process.communicate(timeout=240)
    return process.returncode


def render_member(out: Path, member: int, fault: str) -> None:
    """The command of a member, in which a fault happens."""
    if fault:
        set_fault(fault)
    sys.argv = ["cgc-data", "render", str(out), "--shard", f"{member}:{member + 1}", "--workers", "1"]
    main()


def statuses(processes: list[ForkServerProcess]) -> list[int | None]:
    for process in processes:
        process.join(timeout=240)
    return [process.exitcode for process in processes]


KILLS = ("render_shard:1", "_with_images:2", "write_atomically:1")  # before, in the middle, and before the receipt


def test_the_jobs_of_the_example_in_any_order_some_twice_some_killed(
    small: BuildConfig, tmp_path: Path, whole: dict[str, str]
) -> None:
    slurm = Slurm(tmp_path, small)
    assert ended(slurm.job()) == 0
    shards = len(read_draft(slurm.out).plan.shards)
    assert shards >= MEMBERS
    array, last = slurm.submitted()
    assert array == f"--parsable --array=0-{shards - 1} JOB render"
    assert last == "--dependency=afterok:123 --kill-on-invalid-dep=yes JOB finish"

    members = random.Random().sample(range(shards), shards)
    job = slurm.job("render", member=members[0], fault=f"kill:{KILLS[0]}")
    killed = [slurm.forked(*given) for given in zip(members[1:], [f"kill:{at}" for at in KILLS[1:]], strict=False)]
    assert ended(job) == 128 + signal.SIGKILL
    assert statuses(killed) == [-signal.SIGKILL] * 2
    with pytest.raises(BuildError, match="not rendered"):
        finish_release(slurm.out)
    assert len(list(slurm.out.glob("int*/*.parquet"))) == 1  # of the one that was killed before the receipt
    job = slurm.job("render", member=members[1])
    first = [slurm.forked(member) for member in (*members[: MEMBERS // 2], members[0])]  # and `job`, so two run twice
    assert ended(job) == 0
    rest = [slurm.forked(member) for member in members[MEMBERS // 2 :]]
    assert statuses([*first, *rest]) == [0] * (shards + 1)
    assert ended(slurm.job("finish")) == 0
    assert digests(slurm.out) == whole


def test_the_example_is_valid_bash() -> None:
    subprocess.run(["bash", "-n", JOB], check=True)


# -- ranges


@pytest.mark.parametrize(
    ("ranges", "numbers"),
    [
        ([], [0, 1, 2, 3, 4]),
        (["1:3"], [1, 2]),
        ([":2", "4:9"], [0, 1, 4]),
        (["1:3", "2:4"], [1, 2, 3]),
        (["3:"], [3, 4]),
    ],
)
def test_ranges_are_slices(ranges: list[str], numbers: list[int]) -> None:
    assert selected(ranges, 5, Path("R")) == numbers


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("5:6", "contains no shards; R has shards 0:5"),
        ("3:3", "contains no shard"),
        ("3:1", "contains no shard"),
        ("3", "not a range of shards; write A:B, such as 0:5"),
        ("-1:3", "not a range"),
        ("a:b", "not a range"),
        ("1:2:3", "not a range"),
    ],
)
def test_a_range_without_shards_is_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        selected([text], 5, Path("R"))


def test_runs_of_numbers_are_ranges() -> None:
    assert runs([0, 1, 2, 5, 7, 8]) == ["0:3", "5:6", "7:9"]
    assert runs([]) == []
    assert render_command(Path("a b"), ["0:3", "5:6"]) == "cgc-data render 'a b' --shard 0:3 --shard 5:6"
    assert render_command(Path("R"), [f"{n}:{n + 1}" for n in range(0, 40, 2)]) == "cgc-data render R"


# -- what is missing or damaged


def test_finish_names_the_missing_ranges_and_a_command_that_works(planned: Path, whole: dict[str, str]) -> None:
    render_release(planned, ["1:4", "6:"])
    with pytest.raises(BuildError, match=r"not rendered: the shards 0:1, 4:6; run: cgc-data render") as raised:
        finish_release(planned)
    assert not (planned / "manifest.json").exists()
    words = str(raised.value).partition("run: cgc-data ")[2].split()
    assert CliRunner().invoke(cli, words, catch_exceptions=False).exit_code == 0
    finish_release(planned)
    assert digests(planned) == whole


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("name", ["inter/train-00002-of-*.parquet", ".build/inter-train-00002-of-*.json"])
@pytest.mark.parametrize("damage", [cut, Path.unlink])
def test_a_damaged_shard_is_missing(
    rendered: Path, whole: dict[str, str], name: str, damage: Callable[[Path], None]
) -> None:
    (path,) = rendered.glob(name)
    damage(path)
    with pytest.raises(BuildError, match=r"not rendered: the shards (\d+):\d+; run") as raised:
        finish_release(rendered)
    render_release(rendered, [str(raised.value).rpartition(" ")[2]])
    finish_release(rendered)
    assert digests(rendered) == whole


@pytest.mark.parametrize("command", [render_release, finish_release])
@pytest.mark.parametrize("name", ["plan.json", "photos.parquet"])
@pytest.mark.parametrize("damage", [cut, Path.unlink])
def test_a_damaged_plan_is_refused(
    rendered: Path, command: Callable[[Path], object], name: str, damage: Callable[[Path], None]
) -> None:
    damage(rendered / ".build" / name)
    with pytest.raises(BuildError, match=rf"{name}: .*damaged; run the same|nothing is planned here; first run"):
        command(rendered)


def test_a_damaged_plan_is_made_again(planned: Path, small: BuildConfig, whole: dict[str, str]) -> None:
    cut(planned / ".build" / "photos.parquet")
    plan_release(small, planned)
    build_release(small, planned)
    assert digests(planned) == whole


def test_a_damaged_file_of_rows_is_named(planned: Path) -> None:
    cut(planned / ".build" / "inter-train.parquet")
    with pytest.raises(BuildError, match=r"inter-train\.parquet: missing or damaged; run the same `cgc-data plan`"):
        render_release(planned)


@pytest.mark.parametrize("link", [".build", "inter", ".build/inter-train.parquet"])
def test_no_member_writes_or_reads_through_a_link(planned: Path, tmp_path: Path, link: str) -> None:
    path, target = planned / link, tmp_path / "elsewhere"
    path.rename(target) if path.exists() else target.mkdir()
    path.symlink_to(target)
    before = digests(target) if target.is_dir() else {}
    for command in (render_release, finish_release):
        with pytest.raises(CgcError, match=r"link that leads outside|does not stay inside"):
            command(planned)
    assert not target.is_dir() or digests(target) == before


# -- at the wrong time


@pytest.mark.parametrize("arguments", [["render", "{}"], ["finish", "{}"]])
def test_before_a_plan_the_folder_is_not_even_created(tmp_path: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, [word.format(tmp_path / "R") for word in arguments])
    assert isinstance(result.exception, BuildError)
    assert "nothing is planned here; first run: cgc-data plan CONFIG.yaml --out" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_a_finished_release_is_not_rendered_again(at_stage: dict[str, Path], small: BuildConfig) -> None:
    before = digests(at_stage["finished"])
    for command in (lambda: render_release(at_stage["finished"]), lambda: plan_release(small, at_stage["finished"])):
        with pytest.raises(BuildError, match="already finished; view it with"):
            command()
    assert finish_release(at_stage["finished"]).rows
    assert digests(at_stage["finished"]) == before


def test_a_url_is_refused(small: BuildConfig) -> None:
    out = Path("s3://bucket/R")
    for command in (lambda: plan_release(small, out), lambda: render_release(out), lambda: finish_release(out)):
        with pytest.raises(BuildError, match=r"^s3://bucket/R: not a folder; plan, render, and finish in a shared"):
            command()


@pytest.mark.parametrize("command", [render_release, finish_release])
def test_other_versions_are_refused_by_name(
    rendered: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[[Path], object]
) -> None:
    monkeypatch.setattr(drafts, "library_versions", lambda: {"numpy": "0.1"})
    with pytest.raises(BuildError, match=r"planned with .* and this machine has .*; install the same version"):
        command(rendered)


def test_members_exclude_a_plan_and_a_finish_but_not_each_other(
    rendered: Path, small: BuildConfig, whole: dict[str, str]
) -> None:
    with together(rendered):
        assert render_release(rendered, ["0:1"])
        for command in (lambda: finish_release(rendered), lambda: plan_release(small, rendered)):
            with pytest.raises(BuildError, match="another command is writing into it"):
                command()
    with alone(rendered):
        for command in (lambda: finish_release(rendered), lambda: render_release(rendered)):
            with pytest.raises(BuildError, match="another command is writing into it"):
                command()
    finish_release(rendered)
    assert digests(rendered) == whole


def test_a_finish_that_was_killed_after_the_manifest_is_cleaned_up(rendered: Path, whole: dict[str, str]) -> None:
    work = shutil.copytree(rendered / ".build", rendered.with_name("kept"))
    finish_release(rendered)
    shutil.move(work, rendered / ".build")
    finish_release(rendered)
    assert not (rendered / ".build").exists()
    assert digests(rendered) == whole


def test_without_the_folder_of_work_nothing_is_taken_for_finished(rendered: Path, small: BuildConfig) -> None:
    shutil.rmtree(rendered / ".build")
    for command in (render_release, finish_release):
        with pytest.raises(BuildError, match="nothing is planned here"):
            command(rendered)
    with pytest.raises(BuildError, match="not empty, and not a build; choose another --out"):
        plan_release(small, rendered)


# -- sources that change, or are not there


def test_a_photo_that_changed_since_the_plan_is_named(own: BuildConfig, tmp_path: Path) -> None:
    plan_release(own, tmp_path / "R")
    render_release(tmp_path / "R")
    (photo := photos_of(own)[3]).write_bytes(photo.read_bytes() + b"\n")
    with pytest.raises(SourceError, match=rf"{photo.name} .*: changed while the build ran; .*`cgc-data plan` again"):
        finish_release(tmp_path / "R")
    plan_release(own, tmp_path / "R")
    render_release(tmp_path / "R")
    assert finish_release(tmp_path / "R").rows


def test_annotations_that_changed_since_the_plan_are_named(own: BuildConfig, tmp_path: Path) -> None:
    """And if nothing but their times changed, no shard is rendered again."""
    file, out = tmp_path / "own.json", tmp_path / "R"
    plan_release(own, out)
    render_release(out)
    before, content = digests(out), file.read_bytes()
    for disturbed in (lambda: file.write_bytes(content + b"\n"), file.unlink, lambda: file.write_bytes(content)):
        disturbed()
        with pytest.raises(SourceError, match=r"own\.json: changed while the build ran; .*`cgc-data plan` again"):
            finish_release(out)
        assert digests(out) == before
    plan_release(own, out)
    assert finish_release(out).rows
    assert digests(out).items() >= before.items()


def test_a_machine_without_the_photos_changes_nothing(own: BuildConfig, tmp_path: Path) -> None:
    """Also if their folder is there, but nothing is mounted on it."""
    out, photos = tmp_path / "R", tmp_path / "photos"
    plan_release(own, out)
    before = digests(out)
    photos.rename(tmp_path / "away")
    for command in (render_release, finish_release):
        with pytest.raises(BuildError, match=r"photos: no such photos on this machine; mount them here"):
            command(out)
    photos.mkdir()
    with pytest.raises(SourceError, match=r"\.jpg \(.*\).*: changed while the build ran; .*all machines have the same"):
        render_release(out)
    assert digests(out) == before
    photos.rmdir()
    (tmp_path / "away").rename(photos)
    render_release(out)
    assert finish_release(out).rejected == 0


def test_too_many_rejected_rows_fail_the_finish(own: BuildConfig, tmp_path: Path) -> None:
    for photo in photos_of(own):
        cut(photo)
    few = own.model_copy(update={"max_rejected": 0.5})
    plan_release(few, tmp_path / "R")
    render_release(tmp_path / "R")
    with pytest.raises(BuildError, match=r"rows were rejected, with max_rejected=0\.5; fix the photos listed in"):
        finish_release(tmp_path / "R")
    assert not list((tmp_path / "R").glob("int*"))


# -- the command lines


def test_the_number_of_shards_is_printed_for_scripts(own: BuildConfig, tmp_path: Path) -> None:
    (config := tmp_path / "config.yaml").write_text(yaml.safe_dump(own.model_dump(mode="json")))
    given = ["plan", str(config), "--out", str(tmp_path / "R"), "--workers", "1"]
    shown = CliRunner().invoke(cli, given, catch_exceptions=False)
    printed = CliRunner().invoke(cli, [*given, "--json"], catch_exceptions=False)
    plan: dict[str, Any] = json.loads(printed.stdout)
    assert plan == {
        "folder": str(tmp_path / "R"),
        "shards": len(read_draft(tmp_path / "R").plan.shards),
        "rows": read_draft(tmp_path / "R").rows,
    }
    assert f"cgc-data render {tmp_path / 'R'} --shard 0:{plan['shards']}" in shown.stdout
    done = CliRunner().invoke(cli, ["render", str(tmp_path / "R"), "--workers", "1"], catch_exceptions=False)
    assert f"{plan['shards']} shards with {plan['rows']} rows are rendered (0 rejected)" in done.stdout
    done = CliRunner().invoke(cli, ["finish", str(tmp_path / "R"), "--workers", "1"], catch_exceptions=False)
    assert f"{tmp_path / 'R'}: {plan['rows']} rows from" in done.stdout
