"""The parts of the GPU check that need no GPU: it frames completions, reads measurements, and writes the table."""

import pytest

pytest.importorskip("trl")

import json
from argparse import Namespace
from pathlib import Path

import psutil

from cgc_train.check.planned import GB, When
from cgc_train.model import load_processor
from cgc_train.recipe import ModelSettings
from scripts.check_gpu import Report
from scripts.gpu_machine import Machine, StageError, TimeUpError
from scripts.gpu_page import FACTS, PAGE, VERSIONS, Record, Result, add, memory_of, page, plan_again, read, stages
from scripts.gpu_runs import outcome, summed
from scripts.gpu_stages import check_imports
from scripts.measure_training import Measured, framed


@pytest.mark.parametrize("length", [0, 5, 40, 128])
def test_a_framed_completion_is_an_empty_answer_of_the_same_length(tiny: Path, length: int) -> None:
    tokenizer = load_processor(ModelSettings(name=str(tiny))).tokenizer
    word = tokenizer("dog")["input_ids"][0]
    ids = framed([word] * length, tokenizer)
    text = tokenizer.decode(ids, skip_special_tokens=True)
    assert text.startswith("<think>")
    assert text.endswith("</think>\n<answer>[]</answer>")
    assert len(ids) == max(length, len(framed([], tokenizer)))


def test_a_phase_does_not_count_the_seconds_of_those_inside_it(tmp_path: Path) -> None:
    measured = Measured(tmp_path / "facts.json")
    with measured.phase("learning"):
        before = len(measured.phases)
        with measured.phase("sampling"):
            sum(range(10**6))
    sampling, learning = json.loads((tmp_path / "facts.json").read_text(encoding="utf-8"))["phases"]
    assert (before, sampling["phase"], learning["phase"]) == (0, "sampling", "learning")
    assert 0 <= learning["seconds"] < sampling["seconds"]


def test_peaks_are_the_highest_and_tokens_are_per_second_of_all() -> None:
    parts = [
        {"seconds": 1.0, "reserved_gb": 20.0, "allocated_gb": 18.0, "tokens": 100},
        {"seconds": 3.0, "reserved_gb": 30.0, "allocated_gb": 17.0, "tokens": 300},
    ]
    found = summed(parts)
    assert (found["reserved_gb"], found["allocated_gb"], found["tokens_per_second"]) == (30.0, 18.0, 100.0)


def test_the_table_has_the_plan_beside_what_was_measured() -> None:
    facts = {
        "plan": {"sampling": 32.3, "learning": 27.9},
        "sampling": {"allocated_gb": 29.9, "reserved_gb": 30.1, "tokens_per_second": 250.4},
        "learning": {"allocated_gb": 24.8, "reserved_gb": 25.0},
        "train": [{"step_time": 9.5}],
    }
    lines = stages([Result("short", "ok", 60.4, facts), Result("quantised", "not reached")]).splitlines()
    assert lines[2] == "| short | ok | 60 | 32.3 | 29.9 | 30.1 | 27.9 | 24.8 | 250 | 9.5 |"
    assert lines[3] == "| quantised | not reached | 0 |  |  |  |  |  |  |  |"


def _machine(folder: Path, minutes: float) -> Machine:
    return Machine(Namespace(rehearse=False, work=folder, weights=None, minutes=minutes))


def test_a_stage_that_would_not_be_done_in_time_is_not_begun(tmp_path: Path) -> None:
    report = Report(_machine(tmp_path / "work", minutes=0.3), tmp_path / "out")
    report.stage(check_imports)
    assert [(result.stage, result.status) for result in read(tmp_path / "out/gpu.json").results] == [
        ("check_imports", "not reached")
    ]


@pytest.mark.parametrize(
    ("code", "error", "end"),
    [
        ("import threading; threading.Event().wait()", TimeUpError, "command: stopped\n"),
        ("print('told'); raise SystemExit(3)", StageError, "command: 3\ntold\n"),
    ],
    ids=["stopped", "failed"],
)
def test_a_command_that_fails_or_is_stopped_leaves_its_output(
    tmp_path: Path, code: str, error: type[StageError], end: str
) -> None:
    with pytest.raises(StageError) as raised:
        _machine(tmp_path, minutes=9).run("command", "-c", code, seconds=1 if error is TimeUpError else 60)
    assert raised.type is error
    assert str(raised.value) == end


def test_a_stopped_command_leaves_nothing_of_what_it_started(tmp_path: Path) -> None:
    started = "subprocess.Popen([sys.executable, '-c', 'input()'], stdin=-1, start_new_session=True)"
    code = f"import subprocess, sys; one = {started}; print(one.pid, flush=True); one.wait()"
    machine = _machine(tmp_path, minutes=9)
    process = machine.start("launcher", "-c", code)
    while not (told := machine.output("launcher")).endswith("\n"):
        process.poll()
    child = psutil.Process(int(told))
    with pytest.raises(TimeUpError):
        machine.wait("launcher", process, seconds=1)
    child.wait(60)
    assert not child.is_running()


def test_a_failed_run_keeps_what_was_measured(tmp_path: Path) -> None:
    machine = _machine(tmp_path, minutes=9)
    facts = {"seconds": 9.0, "error": "OutOfMemoryError: ", "at_error": {}, "model": {}}
    (tmp_path / "run.json").write_text(json.dumps(facts | {"phases": [{"phase": "sampling", "seconds": 3.0}]}))
    with pytest.raises(StageError) as raised:
        outcome(machine, "run", machine.start("run", "-c", "raise SystemExit(1)"), {"recipe": "any"}, seconds=60)
    found = {"seconds": 9.0, "error": "OutOfMemoryError: ", "sampling": {"seconds": [3.0]}}
    assert raised.value.facts == {"recipe": "any"} | found


def test_a_later_run_adds_new_stages_and_those_that_had_not_succeeded() -> None:
    machine = Result("check_imports", facts=dict.fromkeys(("gpu", *VERSIONS), "1"))
    record = Record(
        "2026-01-01", [machine, Result("short"), Result("merge", "out of time"), Result("warm_up", "failed")]
    )
    later = [machine, Result("short", seconds=9), Result("merge"), Result("warm_up", "not reached"), Result("full")]
    add(record, Record("2026-01-02", later))
    assert [(result.stage, result.status, result.date) for result in record.results[1:]] == [
        ("short", "ok", ""),
        ("merge", "ok", "2026-01-02"),
        ("warm_up", "failed", ""),
        ("full", "ok", "2026-01-02"),
    ]
    other = Result("check_imports", facts=machine.facts | {"torch": "2"})
    with pytest.raises(ValueError, match="other package versions"):
        add(record, Record("2026-01-03", [other]))


def test_the_page_is_what_the_figures_and_the_plan_of_now_say() -> None:
    record, text = read(FACTS), PAGE.read_text(encoding="utf-8")
    for result in record.results:
        if "plan" in result.facts:
            assert plan_again(result.facts) == result.facts["plan"]
    assert page(text, record) == text


# What does not exist yet in the only step of a run: gradients while it samples, and Adam's states.
FIRST_STEP: dict[When, frozenset[str]] = {
    "sampling": frozenset({"gradients", "optimizer"}),
    "learning": frozenset({"optimizer"}),
}
ADAPTERS = ("short", "resume", "whole_step", "quantised")


@pytest.mark.parametrize("stage", [*ADAPTERS, "full_long", "full_adam8", "full_adam32"])
@pytest.mark.parametrize("phase", ["sampling", "learning"])
def test_what_was_measured_stays_within_the_plan_and_near_it(stage: str, phase: When) -> None:
    facts = read(FACTS).of(stage)
    parts = memory_of(facts).during(phase)
    absent = FIRST_STEP[phase] if stage == "full_long" else frozenset()
    # PyTorch does not count the context
    planned = sum(part.bytes for part in parts if part.name not in (*absent, "CUDA context")) / GB
    near = 0.8 if phase == "learning" and stage in ADAPTERS else 0.9
    assert near * planned < facts[phase]["allocated_gb"] < planned
