"""lmms-eval's own response cache: it serves an identical request, and every changed request is asked again."""

import json
from argparse import Namespace
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lmms_eval")

from lmms_eval.api.model import lmms
from lmms_eval.evaluator import simple_evaluate
from lmms_eval.tasks import TaskManager

from cgc_bench.lmms import request, tasks
from cgc_bench.lmms.discovery import tasks_folder
from cgc_bench.mig import prompts
from cgc_bench.prepare import open_prepared
from cgc_bench.transfer.prepare import prepare_transfer
from tests.cgc_bench import mig_rows, vlm2_rows
from tests.cgc_bench.official_files import drawn, mig_folder, prepare, vlm2_folder
from tests.cgc_bench.transfer_rows import mmstar, repository
from tests.cgc_train.made_rows import some_rows, write_release

MIG, THINK, CONTRAST = "cgc_mig_region", "cgc_mig_think_region", "cgc_contrast_intra"
GRID = "cgc_vlm2_oc_grp"


class Counting(lmms):  # type: ignore[misc]
    """Answers with how often it was asked, and counts; lmms-eval's cache names a model by its text."""

    is_simple = False

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def __str__(self) -> str:
        return "counting"

    def generate_until(self, requests: Any) -> list[str]:
        self.asked += len(requests)
        return [f"answer {self.asked}" for _ in requests]

    def loglikelihood(self, requests: Any) -> Any:
        raise NotImplementedError

    generate_until_multi_round = loglikelihood

    def clean(self) -> None:
        """Nothing to free; lmms-eval would collect garbage for a second."""


class CountingSimple(Counting):
    is_simple = True


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "datasets"))
    monkeypatch.setenv("CGC_BENCH_RELEASE", str(tmp_path / "R"))
    prepare_mig(tmp_path)
    write_release(tmp_path / "R", some_rows("test"))
    return tmp_path


def prepare_mig(place: Path, **row: Any) -> None:
    """MIG-Bench with one item of `region`, or that item with other columns."""
    root, _ = mig_folder(place)
    prepare("mig", source=root, annotations=mig_rows.write(place, [mig_rows.row("region", **row)]))


def ask(place: Path, task: str, model: type[Counting] = Counting, **given: Any) -> tuple[int, dict[str, Any]]:
    """How many requests reach the model, and the results."""
    counting = model()
    done = simple_evaluate(
        model=counting,
        tasks=[task],
        task_manager=manager(),
        use_cache=str(place / "answers"),
        log_samples=True,
        **given,
    )
    return counting.asked, done


@cache
def manager() -> TaskManager:
    return TaskManager(include_defaults=False, include_path=str(tasks_folder()), model_name="counting")


def change_pixels(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGC_BENCH_MAX_PIXELS", "1500")


def change_question(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_mig(place, question="Where is it?")


def change_truth(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_mig(place, answer=[1, 2, 30, 40])


def change_order(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_mig(place, images=mig_rows.row("region")["images"][::-1])


def change_photo(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another picture under the same name, taken in by preparing again."""
    root, _ = mig_folder(place)
    (root / "images" / "region" / "a.jpg").write_bytes(drawn(29))
    prepare("mig", source=root, annotations=place / "annotations.json")


def change_prompt_text(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(prompts.FORMS, "univg-r1", "Answer with a box.")


def change_libraries(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "version", lambda name: "0.0.1")


def change_release(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGC_BENCH_RELEASE", str(write_release(place / "other", some_rows("test", photo=300))))


def rebuild_release(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same folder with other rows, and as many of them."""
    write_release(place / "R", some_rows("test", photo=300))


CHANGES: list[tuple[str, Callable[[Path, pytest.MonkeyPatch], None]]] = [
    (MIG, change_pixels),
    (MIG, change_question),
    (MIG, change_truth),
    (MIG, change_order),
    (MIG, change_photo),
    (MIG, change_prompt_text),
    (MIG, change_libraries),
    (CONTRAST, change_pixels),
    (CONTRAST, change_release),
    (CONTRAST, rebuild_release),
]


@pytest.mark.parametrize(("task", "change"), CHANGES, ids=[f"{task}-{change.__name__}" for task, change in CHANGES])
def test_what_changes_a_request_is_asked_anew(
    place: Path, monkeypatch: pytest.MonkeyPatch, task: str, change: Callable[[Path, pytest.MonkeyPatch], None]
) -> None:
    count, _ = ask(place, task)
    change(place, monkeypatch)
    assert ask(place, task)[0] == count > 0


def change_profile(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGC_BENCH_PROFILE", "authors")


def change_annotation_bytes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same item in other bytes."""
    root, _ = mig_folder(place)
    file = mig_rows.write(place, [mig_rows.row("region")])
    file.write_text(file.read_text() + "\n")
    prepare("mig", source=root, annotations=file)


PROVENANCE: dict[str, tuple[str, Callable[[Path, pytest.MonkeyPatch], None]]] = {
    "cgc_max_pixels": (MIG, change_pixels),
    "cgc_annotations_sha256 of a release": (CONTRAST, rebuild_release),
    "cgc_annotations_sha256": (MIG, change_annotation_bytes),
    "cgc_profile": (MIG, change_profile),
    "cgc_versions": (MIG, change_libraries),
}


@pytest.mark.parametrize("name", PROVENANCE)
def test_what_a_run_states_is_served_unchanged_and_asked_anew_once_it_changes(
    place: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (task, change), column = PROVENANCE[name], name.partition(" ")[0]
    count, first = ask(place, task)
    assert count > 0
    assert ask(place, task)[0] == 0, "nothing changed"
    change(place, monkeypatch)
    again, changed = ask(place, task)
    assert again == count
    stated = [done["configs"][task]["metadata"][column] for done in (first, changed)]
    assert stated[0] != stated[1]
    assert [done["samples"][task][0][column] for done in (first, changed)] == stated


def answers(done: dict[str, Any], task: str) -> list[str]:
    return [sample["cgc_response"] for sample in done["samples"][task]]


@pytest.mark.parametrize("task", [MIG, CONTRAST])
def test_the_same_request_is_served_from_the_cache_even_if_prepared_again(place: Path, task: str) -> None:
    count, first = ask(place, task)
    prepare_mig(place)
    write_release(place / "R", some_rows("test"))
    again, served = ask(place, task)
    assert (count > 0, again) == (True, 0)
    assert answers(served, task) == answers(first, task)


def test_a_release_that_changes_back_has_its_own_answers(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, first = ask(place, CONTRAST)
    change_release(place, monkeypatch)
    _, other = ask(place, CONTRAST)
    monkeypatch.setenv("CGC_BENCH_RELEASE", str(place / "R"))
    count, again = ask(place, CONTRAST)
    assert count == 0
    assert answers(again, CONTRAST) == answers(first, CONTRAST)
    assert [s["cgc_index"] for s in again["samples"][CONTRAST]] != [s["cgc_index"] for s in other["samples"][CONTRAST]]


def test_reasoning_is_asked_for_anew(place: Path) -> None:
    assert ask(place, MIG)[0] == ask(place, THINK)[0] == 1


@pytest.mark.parametrize("changed", ["max_new_tokens=7", "until=stop", "min_p=0.5"])
def test_settings_of_the_generation_are_asked_anew(place: Path, changed: str) -> None:
    assert ask(place, MIG)[0] == 1
    assert ask(place, MIG, gen_kwargs=changed)[0] == 1


def test_images_before_the_text_are_asked_anew(place: Path) -> None:
    assert ask(place, MIG)[0] == ask(place, MIG, CountingSimple)[0] == 1


def test_another_version_of_the_annotations_is_asked_anew(place: Path) -> None:
    root, _ = mig_folder(place)
    prepare("mig", "original", source=root, annotations=mig_rows.write(place, [mig_rows.row("region")]))
    assert ask(place, MIG)[0] == ask(place, "cgc_mig_original_region")[0] == 1


def test_another_revision_or_local_copy_of_a_data_set_is_asked_anew(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = "cgc_transfer_mmstar"
    prepare_transfer("mmstar", source=repository(place, "mmstar"), revision="v1")
    assert ask(place, task)[0] == 3
    changed = [mmstar(1, "A"), mmstar(2, "B"), mmstar(9, "C")]
    prepare_transfer("mmstar", source=repository(place, "mmstar", {None: changed}), revision="v1")
    assert ask(place, task)[0] == 3, "the copy changed where it is"
    assert ask(place, task)[0] == 0


def test_other_question_files_are_asked_anew(place: Path) -> None:
    prepare("vlm2", source=vlm2_folder(place))
    count, _ = ask(place, GRID)
    root = vlm2_folder(place)
    rows = vlm2_rows.ROWS | {"oc_grp": [row | {"question": "Which?"} for row in vlm2_rows.ROWS["oc_grp"]]}
    prepare("vlm2", source=vlm2_rows.write(root, rows))
    assert ask(place, GRID)[0] == count == 2
    assert ask(place, "cgc_vlm2_oc_cnt")[0] == 2


def test_results_and_samples_state_the_request(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change_pixels(place, monkeypatch)
    _, done = ask(place, CONTRAST)
    ready = open_prepared(Path(tasks.documents([asked("contrast", "test", "intra")])[0]["cgc_folder"]), elsewhere=True)
    assert ready is not None
    metadata, (first, *_) = done["configs"][CONTRAST]["metadata"], done["samples"][CONTRAST]
    for stated in (metadata, first):
        assert stated["cgc_data_sha256"] == ready.digests["intra"]
        assert stated["cgc_max_pixels"] == 1500
        assert (stated["cgc_annotations"], stated["cgc_source"]) == (ready.version, "tiny")
        assert len(stated["cgc_prompt_sha256"]) == 64
        assert stated["cgc_versions"].startswith("cgc-grounding ")
    assert metadata["cgc_interface"] == "chat"
    json.dumps(metadata)


def asked(name: str, variant: str, task: str) -> dict[str, str]:
    return {"benchmark": name, "variant": variant, "task": task, "prompt": "official"}


@pytest.mark.parametrize(("most", "box"), [(96 * 64, "(9,12),(48,38)"), (96 * 64 // 4, "(5,6),(24,19)")])
def test_an_answer_in_pixels_is_measured_by_the_images_shown(
    place: Path, monkeypatch: pytest.MonkeyPatch, most: int, box: str
) -> None:
    monkeypatch.setenv("CGC_BENCH_MAX_PIXELS", str(most))
    (doc,) = tasks.documents([asked("mig", "revised", "region")])
    scored = tasks.score(doc, [box])
    assert str(scored["acc@0.5_as_pixels"]) == "1"
    assert str(scored["acc@0.5"]) == "0"
    assert str(tasks.score(doc, ["(500,700),(900,950)"])["acc@0.5_as_pixels"]) == "0"


def test_items_follow_what_is_prepared(place: Path) -> None:
    (before,) = tasks.documents([asked("mig", "revised", "region")])
    assert tasks.item_of(before).box == (100, 200, 500, 600)
    prepare_mig(place, answer=[1, 2, 30, 40])
    (after,) = tasks.documents([asked("mig", "revised", "region")])
    assert tasks.item_of(after).box == (1, 2, 30, 40)


def test_images_of_a_folder_prepared_anew_are_not_shown_for_the_old_ones(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (doc,) = tasks.documents([asked("mig", "revised", "region")])
    tasks.images(doc)
    prepare_mig(place, images=mig_rows.row("region")["images"][::-1])
    with pytest.raises(SystemExit):
        tasks.images(doc)
    assert "replaced while in use; run the same command again" in capsys.readouterr().err


def test_prompts_kept_by_name_are_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = Namespace(cache_requests="true", process_with_media=False)
    with pytest.raises(SystemExit):
        ask(place, MIG, cli_args=arguments)
    assert "--cache_requests true would reuse prompts that were made from other data" in capsys.readouterr().err


def test_a_task_of_others_keeps_its_configuration(place: Path) -> None:
    from lmms_eval.api.task import ConfigurableTask

    request.state_in_configuration()

    class Task(ConfigurableTask):  # type: ignore[misc]
        def __init__(self) -> None:
            self.features = ["question"]
            self._config = type("Config", (), {"to_dict": lambda self: {"task": "other"}})()

    assert Task().dump_config() == {"task": "other"}


def test_moved_internals_are_reported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from lmms_eval.api.task import Task

    monkeypatch.delattr(Task, "dump_config")
    monkeypatch.delattr("lmms_eval.api.task.ConfigurableTask.dump_config", raising=False)
    request.state_in_configuration()
    assert "run it without --use_cache" in capsys.readouterr().err
