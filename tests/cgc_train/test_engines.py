"""`make engines`: what counts as passed, what pages and heads of recipes say, and how environments are layered."""

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("trl")

from cgc_train.recipe import load_recipe, recipe_names, recipe_path
from scripts.engines import environment, report
from scripts.engines.records import (
    Comparison,
    Engine,
    Record,
    Result,
    Stage,
    at_least,
    at_most,
    equal,
    record_of,
    same,
    skipped,
)
from scripts.engines.registry import ENGINES
from scripts.engines.run import merged, run_stage
from scripts.engines.workplace import Material, StageError, Workplace, broken, run, started

AGREES = at_most("losses", 1e-5, 1e-3)
NOWHERE = Material(Path(), Path(), Path())


def record(name: str, *results: Result) -> Record:
    return Record(name, name.upper(), "2026-01-02", {"torch": "2.0"}, list(results))


@pytest.mark.parametrize(
    ("comparison", "passed"),
    [
        (at_most("x", 1e-3, 1e-3), True),
        (at_most("x", 2e-3, 1e-3), False),
        (at_most("x", float("nan"), 1e-3), False),
        (at_most("x", float("inf"), float("inf")), False),
        (at_least("x", 0.0, 1e-5), False),
        (at_least("x", 1.0, 1e-5), True),
        (same("x", 3, 3), True),
        (same("x", 3, 4), False),
        (equal("x", {"a": "b"}, {"a": "b"}), True),
        (equal("x", {"a": "b"}, {"a": "c"}), False),
        (equal("x", [], []), False),
        (skipped("x", "no such thing here"), False),
    ],
)
def test_what_agrees(comparison: Comparison, passed: bool) -> None:
    assert comparison.passed is passed


@pytest.mark.parametrize(
    ("result", "passed"),
    [
        (Result("s", 1, [AGREES]), True),
        (Result("s", 1, [AGREES, at_most("weights", 1.0, 1e-3)]), False),
        (Result("s", 1, [AGREES, skipped("weights", "not sent")]), False),
        (Result("s", 1, []), False),
        (Result("s", 1, [AGREES], command="python x", error="died"), False),
    ],
)
def test_a_stage_passes_if_all_of_something_agrees(result: Result, passed: bool) -> None:
    assert result.passed is passed
    assert record("e", Result("first", 1, [AGREES]), result).passed is passed


def test_an_engine_without_stages_did_not_pass() -> None:
    assert not record("e").passed


def test_stages_that_were_not_run_again_keep_their_results_under_the_same_versions() -> None:
    first, second, again = Result("first", 1, [AGREES]), Result("second", 1, []), Result("second", 2, [AGREES])
    before, now = record("e", first, second), record("e", again)
    assert merged(before, now, ["first", "second"]).results == [first, again]
    assert merged(before, now, ["second"]).results == [again], "a stage that is no more"
    newer = Record("e", "E", "2026-01-03", {"torch": "2.1"}, [again])
    assert merged(before, newer, ["first", "second"]).results == [again]


def test_a_failing_command_is_told_with_the_end_of_its_output(tmp_path: Path) -> None:
    def stage(place: Workplace) -> list[Comparison]:
        place.run("-c", "import sys; print('seen'); sys.exit('no such engine')")
        return [AGREES]

    place = Workplace(Path(sys.executable), tmp_path, NOWHERE)
    result = run_stage(Stage("fails", stage, "upstream"), place)
    assert not result.passed
    assert result.command.endswith("sys.exit('\"'\"'no such engine'\"'\"')'")
    assert result.error.split() == ["seen", "no", "such", "engine"]
    assert result.cause == "upstream"


def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="killed after 1 s"):
        run([sys.executable, "-c", "import threading; threading.Event().wait()"], 1)


def ended(stat: Path) -> bool:
    """Whether a killed process ends: a busy machine takes a moment to end it."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if stat.read_text().split()[2] != "Z":
                continue
        return True
    return False


def test_a_command_that_was_started_is_killed_in_the_end_with_its_children(tmp_path: Path) -> None:
    child = "import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, flush=True); sys.stdin.read()"
    log, command = tmp_path / "log", [sys.executable, "-c", f"{child}; import threading; threading.Event().wait()"]
    with started(command, log, {}) as process:
        while not log.read_text().endswith("\n"):
            assert process.poll() is None
    assert process.returncode == -9
    assert ended(Path(f"/proc/{log.read_text().strip()}/stat"))
    assert broken(command, log).error == log.read_text()


def test_records_are_read_as_written(tmp_path: Path) -> None:
    written = record("e", Result("s", 1.5, [AGREES, skipped("x", "why")]), Result("t", 2, [], "c", "e", "u"))
    assert record_of(json.loads(json.dumps(written.values()))) == written


def test_the_page_shows_what_was_compared_and_what_failed() -> None:
    told = report.page(
        {"e": record("e", Result("ran", 61.2, [AGREES]), Result("broke", 2, [], "python x", "died", "A known fault."))}
    )
    assert "| [E](#e) | torch `2.0` | `2026-01-02` | `1` of `2` |" in told
    assert "| losses | `1e-05` | `0.001` | agrees |" in told
    assert "```text\n$ python x\ndied\n```\n\nA known fault.\n" in told


def test_the_page_is_that_of_the_records() -> None:
    assert report.PAGE.read_text(encoding="utf-8") == report.page(report.read())


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_names_the_engines_it_ran_with(name: str) -> None:
    head = report.header(load_recipe(name), report.read())
    assert head in recipe_path(name).read_text(encoding="utf-8")


def test_a_head_tells_passed_from_not() -> None:
    recipe = load_recipe("qwen3-vl-8b-full")
    failed = record("vllm-colocate", Result("s", 1, []))
    head = report.header(recipe, {"zero3": record("zero3", Result("s", 1, [AGREES])), "vllm-colocate": failed})
    assert "zero3 (torch 2.0); vllm-colocate, some stages did not pass (torch 2.0)." in head
    assert report.with_header("# one\n# Engines: none yet\nname: x\n", head) == f"# one\n{head}name: x\n"
    assert "zero3 not yet; vllm-colocate not yet" in report.header(recipe, {})


def test_engines_have_names_of_their_own_and_stages() -> None:
    names = [engine.name for engine in ENGINES]
    assert len({*names, "material", "runs", "cache"}) == len(names) + 3
    for engine in ENGINES:
        stages = [stage.name for stage in engine.stages]
        assert stages
        assert len(set(stages)) == len(stages)


def test_records_are_of_every_stage_of_registered_engines() -> None:
    known = {engine.name: [stage.name for stage in engine.stages] for engine in ENGINES}
    for name, told in report.read().items():
        assert [result.stage for result in told.results] in (known[name], ["Installation"]), name


def test_an_environment_is_layered_cached_and_made_anew_when_its_requirements_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own packages come first; torch is the project's."""
    engine = Engine("e", "E", ("torch", "missing"), ())
    python = environment.prepare(engine, tmp_path)
    own = next((tmp_path / "e").glob("lib/python*/site-packages"))
    (own / "yaml.py").write_text("__version__ = 'own'\n")
    shown = run([str(python), "-c", "import yaml, torch; print(yaml.__version__, torch.__file__)"], 60).split()
    assert shown[0] == "own"
    assert not Path(shown[1]).is_relative_to(tmp_path)
    assert list(environment.versions(python, engine.packages)) == ["torch"]
    environment.prepare(engine, tmp_path)
    assert (own / "yaml.py").exists(), "kept"
    changed = Engine("e", "E", (), (), requirements=("nothing",))
    monkeypatch.setattr(environment, "_install", lambda *_: None)
    environment.prepare(changed, tmp_path)
    assert not (own / "yaml.py").exists()


def test_a_full_disk_is_told_before_anything_is_installed(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"free$"):
        environment.prepare(Engine("e", "E", (), (), gigabytes=1e6), tmp_path)
    assert not (tmp_path / "e").exists()


def test_a_failed_installation_leaves_nothing_that_counts_as_installed(tmp_path: Path) -> None:
    engine = Engine("e", "E", (), (), alone=(str(tmp_path / "no-such-package"),))
    for _ in range(2):
        with pytest.raises(StageError, match="no-such-package"):
            environment.prepare(engine, tmp_path)


def test_the_command_line_lists_the_engines() -> None:
    script = Path(report.ROOT) / "scripts" / "engines" / "run.py"
    listed = subprocess.run([sys.executable, str(script), "--list"], capture_output=True, text=True, check=True).stdout
    assert [line.split()[0] for line in listed.splitlines()] == [engine.name for engine in ENGINES]
    unknown = subprocess.run([sys.executable, str(script), "zero9"], check=False, capture_output=True, text=True)
    assert unknown.returncode == 2
    assert "there is no engine 'zero9'; choose from " in unknown.stderr


def test_engines_are_of_the_versions_for_gpus() -> None:
    pinned = {line.partition("==")[0]: line for line in (report.ROOT / "constraints-gpu.txt").read_text().splitlines()}
    asked = [requirement for engine in ENGINES if not engine.trainer for requirement in engine.requirements]
    named = [requirement for requirement in asked if requirement.partition("==")[0] in pinned]
    assert "deepspeed==0.19.8" in named
    assert [pinned[requirement.partition("==")[0]] for requirement in named] == named


def test_engines_may_have_an_environment_together(tmp_path: Path) -> None:
    first, second = (environment.prepare(Engine(name, name, (), (), shared="both"), tmp_path) for name in ("e", "f"))
    assert first == second == tmp_path / "both" / "bin" / "python"


def test_the_page_shows_an_error_without_progress_and_warnings() -> None:
    shown = report.without_chatter(
        "(TaskRunner pid=7) Loading\n(pid=7)   warnings.warn(x)\nGenerating train split: 3 examples\n"
        "x.py:1: UserWarning: old\nTraceback (most recent call last):\nValueError: no GPU\n"
    )
    assert shown == "Traceback (most recent call last):\nValueError: no GPU"
