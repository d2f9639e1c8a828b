"""Spoilt files of every kind through every command, a few of what `scripts/try_mutants.py` runs by the thousand."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.mutations import spoil_bytes, spoil_json
from scripts.try_mutants import KINDS, mutants, run_mutant

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")
FEW = len(KINDS)
ROOT = Path(__file__).parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "cards")])}


def test_no_mutant_gives_a_traceback_hangs_or_takes_too_much_memory(tmp_path: Path) -> None:
    command = [sys.executable, "scripts/try_mutants.py", "--count", str(FEW), "--keep", str(tmp_path / "kept")]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{FEW}  fine" in done.stdout


@pytest.mark.parametrize(
    ("command", "verdict"),
    [
        (["cgc-data", "stats", "nowhere"], "fine"),
        (["cgc-data", "--help"], "fine"),
    ],
)
def test_a_command_is_judged_by_how_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], verdict: str
) -> None:
    monkeypatch.setattr("scripts.try_mutants.BYTES", 2**50)  # a fork has all the memory that the tests before it took
    assert run_mutant(command, tmp_path).verdict.startswith(verdict)


def test_a_traceback_and_a_long_wait_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong() -> None:
        raise KeyError("x")

    def endless() -> None:
        while True:
            pass

    monkeypatch.setattr("scripts.try_mutants.SECONDS", 0.3)
    monkeypatch.setattr("scripts.try_mutants.BYTES", 2**50)
    monkeypatch.setattr("cgc_data.cli.main", wrong)
    assert run_mutant(["cgc-data", "stats"], tmp_path).verdict.startswith("traceback: KeyError")
    monkeypatch.setattr("cgc_data.cli.main", endless)
    assert run_mutant(["cgc-data", "stats"], tmp_path).verdict == "hang"


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
