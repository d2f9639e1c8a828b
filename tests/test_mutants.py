"""Spoilt files of every kind through every command, a few of what `scripts/try_mutants.py` runs by the thousand."""

import json
import random
import sys
from pathlib import Path

import pytest

from scripts.mutations import spoil_bytes, spoil_json
from scripts.try_mutants import KINDS, mutants, run_mutant, try_mutants

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")
FEW = len(KINDS)


def test_no_mutant_gives_a_traceback_hangs_or_takes_too_much_memory(tmp_path: Path) -> None:
    found: list[str] = []
    outcomes = try_mutants(FEW, 0, list(KINDS), tmp_path / "kept", found.append)
    assert found == []
    assert outcomes == {"fine": FEW}


@pytest.mark.parametrize(
    ("command", "verdict"),
    [
        (["cgc-data", "stats", "nowhere"], "fine"),
        (["cgc-data", "--help"], "fine"),
    ],
)
def test_a_command_is_judged_by_how_it_ends(tmp_path: Path, command: list[str], verdict: str) -> None:
    assert run_mutant(command, tmp_path).verdict.startswith(verdict)


def test_a_traceback_and_a_long_wait_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong() -> None:
        raise KeyError("x")

    def endless() -> None:
        while True:
            pass

    monkeypatch.setattr("scripts.try_mutants.SECONDS", 0.3)
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
