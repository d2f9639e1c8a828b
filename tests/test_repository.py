"""What the repository states about the package agrees with the package."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

tomllib = pytest.importorskip("tomllib")  # of Python 3.11

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))
TEXT = {".md", ".py", ".j2", ".yaml", ".yml", ".toml", ".sh"}


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_citation_is_of_this_version() -> None:
    citation = read(ROOT / "CITATION.cff")
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert citation["references"][0]["url"] == PROJECT["urls"]["Paper"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_what_there_is(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    steps = [step for job in read(path)["jobs"].values() for step in job["steps"]]
    assert all(("run" in step) != ("uses" in step) for step in steps)
    for target in re.findall(r"\bmake (\w+)", " ".join(step.get("run", "") for step in steps)):
        assert f"\n{target}:" in makefile
    for extras in re.findall(r"'\.\[([\w,]+)\]'", path.read_text(encoding="utf-8")):
        assert set(extras.split(",")) <= PROJECT["optional-dependencies"].keys()


def test_tests_run_on_every_python_that_is_named() -> None:
    named = {c.rpartition(" ")[2] for c in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d+$", c)}
    assert set(read(ROOT / ".github/workflows/tests.yml")["jobs"]["pythons"]["strategy"]["matrix"]["python"]) == named
    assert min(named, key=lambda name: int(name.split(".")[1])) in PROJECT["requires-python"]


def test_a_version_is_published_without_a_token() -> None:
    publish = read(ROOT / ".github/workflows/release.yml")["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"] == "pypi"
    assert "secrets." not in (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_forms_for_issues_are_whole(path: Path) -> None:
    form = read(path)
    assert form["name"]
    assert form["description"]
    ids = [field["id"] for field in form["body"] if field["type"] != "markdown"]
    assert len(ids) == len(set(ids)) > 0


def test_no_text_installs_by_a_name_that_no_index_has() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for path in (ROOT / name for name in listed.splitlines() if Path(name).suffix in TEXT):
        if path.is_file() and path not in (Path(__file__), ROOT / "pyproject.toml"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"pip install[^\n]*\bcgc-grounding\b|cgc-grounding\[", text), path


def test_no_merge_is_left_half_done() -> None:
    marker = "^(<{7}|>{7}) "
    found = subprocess.run(["git", "grep", "-lE", marker], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.stdout == ""
