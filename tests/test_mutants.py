"""Spoilt files of every kind through every command, a few of what `scripts/try_mutants.py` runs by the thousand."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import mutant_processes
from scripts.mutant_kinds import KINDS
from scripts.mutant_processes import verdicts
from scripts.mutations import spoil_bytes, spoil_json
from scripts.try_mutants import in_folder, mutants

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")
FEW = len(KINDS)
ROOT = Path(__file__).parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "cards")])}


def test_no_mutant_gives_a_traceback_hangs_or_takes_too_much_memory(tmp_path: Path) -> None:
    command = [sys.executable, "scripts/try_mutants.py", "--count", str(FEW), "--keep", str(tmp_path / "kept")]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{FEW}  fine" in done.stdout


def nothing(_: str) -> str:
    return ""


def endless(_: str) -> str:
    while True:
        pass


def heavy(_: str) -> str:
    held = bytearray(mutant_processes.BYTES)
    held[::4096] = b"x" * len(held[::4096])
    return ""


def leaves(_: str) -> str:
    os._exit(0)


def broken(_: str) -> str:
    raise KeyError("x")


def killed(_: str) -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


def wrong(_: str) -> str:
    return "not one line"


JOBS: dict[str, tuple[Callable[[str], str], str]] = {
    "endless": (endless, "hang"),
    "heavy": (heavy, "memory: "),
    "leaves": (leaves, "ended the process with status 0"),
    "broken": (broken, "script: "),
    "killed": (killed, "killed by signal 9"),
    "wrong": (wrong, "not one line"),
}


def test_each_mutant_is_judged_and_those_after_a_failure_run_too(monkeypatch: pytest.MonkeyPatch) -> None:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # a fork has what the tests before it took
    # enough to touch what the tests before this one took, on a busy machine too
    monkeypatch.setattr("scripts.mutant_processes.SECONDS", 8)
    monkeypatch.setattr("scripts.mutant_processes.BYTES", most + 2**26)
    jobs = [name for failing in JOBS for name in ("fine", failing)] + ["fine"]
    found = list(verdicts(jobs, lambda job: JOBS.get(job, (nothing, ""))[0](job)))
    assert [job for job, _ in found] == jobs
    for job, verdict in found:
        if job == "fine":
            assert verdict == ""
        else:
            assert verdict.startswith(JOBS[job][1])


def test_a_command_is_judged_by_how_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def raises() -> None:
        raise KeyError("x")

    monkeypatch.chdir(tmp_path)  # which a command in this process leaves
    monkeypatch.setenv("CGC_CACHE", "")
    assert in_folder(["cgc-data", "stats", "nowhere"], tmp_path).fault == ""
    assert in_folder(["cgc-data", "--help"], tmp_path).fault == ""
    monkeypatch.setattr("cgc_data.cli.main", raises)
    assert in_folder(["cgc-data", "stats"], tmp_path).fault.startswith("traceback: KeyError")


def test_mutants_are_the_same_for_the_same_seed() -> None:
    assert list(mutants(20, 3, list(KINDS))) == list(mutants(20, 3, list(KINDS)))
    assert list(mutants(20, 3, list(KINDS))) != list(mutants(20, 4, list(KINDS)))


def test_mutations_change_the_file_and_json_stays_json() -> None:
    content = json.dumps({"a": [1, {"b": 2}]}).encode()
    assert len({spoil_bytes(content, random.Random(seed)) for seed in range(50)}) > 40
    for seed in range(50):
        spoilt = spoil_json(content, random.Random(seed))
        if b"[[[[" not in spoilt:
            json.loads(spoilt)
