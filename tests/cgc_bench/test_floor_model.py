"""The floor model within lmms-eval: it answers our tasks alone, and by a floor that the benchmark has."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("lmms_eval")

from cgc_bench.errors import TaskError
from cgc_bench.lmms.floor_model import Floor
from cgc_bench.lmms.tasks import documents
from tests.cgc_bench.official_files import prepare, vlm2_folder


def asked(doc: dict[str, Any], floor: str) -> list[str]:
    """What the floor answers to one document of a task."""
    model = Floor(floor)
    model.task_dict = {"task": {"test": [doc]}}
    return model.generate_until([SimpleNamespace(args=("context", {}, None, 0, "task", "test"))])


@pytest.fixture
def doc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))
    prepare("vlm2", source=vlm2_folder(tmp_path))
    request = {"benchmark": "vlm2", "variant": "vanilla", "task": "oc_cnt", "prompt": "official"}
    found: dict[str, Any] = documents([request])[0]
    return json.loads(json.dumps(found))


def test_it_answers_by_the_floor_that_is_named(doc: dict[str, Any]) -> None:
    assert asked(doc, "fixed_answer") == ["1"]


def test_a_floor_that_there_is_not_ends_with_one_line(doc: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        asked(doc, "whole_image")
    assert ended.value.code == 2
    assert "no floor 'whole image'; choose from fixed answer, random answer" in capsys.readouterr().err


def test_a_task_of_others_ends_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        asked({"question": "?"}, "fixed_answer")
    assert "is not one of our tasks" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["center_box", "center box", "centre_box"])
def test_a_floor_keeps_its_earlier_name(name: str) -> None:
    assert Floor(name).floor == "center box"


@pytest.mark.parametrize("way", ["loglikelihood", "generate_until_multi_round"])
def test_it_only_answers_once(way: str) -> None:
    with pytest.raises(TaskError, match=r"floors (answer each request only once|generate answers)"):
        getattr(Floor(), way)([])
