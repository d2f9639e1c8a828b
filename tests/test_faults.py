"""The campaign of faults can disable every guard that its self-test disables."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.faults.hooks import GUARDS, NAMES, PLACES
from scripts.try_faults import FAULTS

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("guard", GUARDS)
def test_each_guard_can_still_be_disabled(guard: str) -> None:
    """A separate process disables the guard, as in the campaign."""
    code = f"from scripts.faults.hooks import GUARDS; GUARDS[{guard!r}].off()"
    path = os.pathsep.join([str(ROOT), str(ROOT / "cards")])
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, cwd=ROOT, check=False)
    assert done.returncode == 0
    assert GUARDS[guard].fault in FAULTS


def test_each_guard_is_reported_in_words_of_the_campaign() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "scripts" / "faults").glob("*.py") if path.stem != "hooks")
    missing = [guard.says for guard in GUARDS.values() if guard.says not in sources and guard.says != "status 0"]
    assert not missing


@pytest.mark.parametrize(("moment", "places"), PLACES.items())
def test_each_moment_of_a_fault_is_a_function_of_the_package(moment: str, places: tuple[str, ...]) -> None:
    for place in places:
        module = __import__(place, fromlist=["_"])
        assert callable(getattr(module, NAMES.get(moment, moment)))
