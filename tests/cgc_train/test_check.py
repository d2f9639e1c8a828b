"""`cgc-train check`: a valid recipe passes, each fault is named with its fix, and one fault hides no other."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

pytest.importorskip("trl")

from click.testing import CliRunner

from cgc_train.check import CHECKS, Finding, run_checks
from cgc_train.check import machine as machine_checks
from cgc_train.check.context import Context
from cgc_train.check.models import check_processor
from cgc_train.check.numbers import plan_memory
from cgc_train.check.rows import check_images, check_speed
from cgc_train.cli import cli
from cgc_train.engines import TESTED
from cgc_train.errors import MemoryPlanError
from cgc_train.recipe import Recipe, load_recipe
from cgc_train.tiny import write_tiny
from tests.cgc_train.made_rows import made_row, some_rows, write_release

REAL = ("qwen3-vl-8b-full", "qwen3-vl-8b-lora", "qwen3-vl-8b-lora-1gpu", "qwen3-vl-8b-qlora-24gb")
OUT_OF_REACH = {"packages", "weights", "processor", "template", "disk", "GPUs", "step"}
LONGER = "grpo.max_completion_length=256"  # the recipe's own limit is for the answers of the demo


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny model in `tiny`, and a release of rows of every task in `release`."""
    folder = tmp_path_factory.mktemp("check")
    write_tiny(folder / "tiny")
    train = [row for photo in (1, 101, 201) for row in some_rows(photo=photo)]
    write_release(folder / "release", [*train, *some_rows("validation", photo=301)])
    return folder


@pytest.fixture(autouse=True)
def without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def checked(place: Path) -> Callable[..., dict[str, Finding]]:
    """Findings by check of a shipped recipe on the release here, with settings over it."""

    def run(*settings: str, name: str = "tiny-cpu") -> dict[str, Finding]:
        return {finding.check: finding for finding in run_checks(_recipe(place, name, *settings), place / "run")}

    return run


def test_a_sound_recipe_passes_every_check(checked: Callable[..., dict[str, Finding]]) -> None:
    findings = checked()
    assert list(findings) == [check.name for check in CHECKS]
    assert {name: f.status for name, f in findings.items()} == dict.fromkeys(findings, "ok")


@pytest.mark.parametrize("name", REAL)
def test_a_real_recipe_passes_as_far_as_no_gpu_allows(checked: Callable[..., dict[str, Finding]], name: str) -> None:
    findings = checked("grpo.gradient_accumulation_steps=4", "effective_batch=null", name=name)
    assert {check for check, f in findings.items() if f.status == "not checked"} == OUT_OF_REACH
    assert {f.status for check, f in findings.items() if check not in OUT_OF_REACH} <= {"ok", "warning"}
    assert findings["model"].value == pytest.approx(8.77e9, rel=1e-3)
    if "lora" in name:
        assert (findings["adapters"].value, findings["adapters"].bound) == (252, 252)
    assert findings["memory"].details["weights"] > 1


@pytest.mark.parametrize(
    ("settings", "check", "words"),
    [
        (["effective_batch=32"], "batch", ["64 completions", "effective_batch is 32", "set effective_batch=64"]),
        (["grpo.num_generations=3"], "settings", ["divisible", "num_generations (3)"]),
        (["grpo.num_generations=1"], "settings", ["at least 2"]),
        (["grpo.steps_per_generation=4", "grpo.save_steps=1"], "checkpoints", ["set grpo.save_steps=2"]),
        (["grpo.num_iterations=3", "grpo.save_steps=5"], "checkpoints", ["set grpo.save_steps=6"]),
        (["data.release=nowhere-at-all"], "data", ["nowhere-at-all", "no such folder"]),
        (["data.split=test", "data.held_out_every=0"], "data", ["no rows of split 'test'", "relax"]),
        (["data.distractors=[far]"], "data", ["'far'", "decoupled"]),
        (["grpo.gradient_accumulation_steps=16", "effective_batch=512"], "data", ["one sampling round takes 64"]),
        (["model.name=nowhere/tiny-model"], "model", ["nowhere/tiny-model", "no such folder"]),
        (["model.lora={targets: '.*visual.*qkv'}"], "adapters", ["outside", "visual.blocks"]),
        (["model.lora={targets: 'nothing'}"], "adapters", ["matches no module"]),
        (["data.max_pixels=1024", "model.name=Qwen/Qwen3-VL-8B-Instruct"], "images", ["data.max_pixels=1024", "65536"]),
        (["grpo.max_completion_length=8"], "completions", ["need more than 8", "raise grpo.max_completion_length"]),
        (["grpo.learning_rate=100"], "learning rate", ["grpo.learning_rate=100 would not train", "1e-6"]),
        (["grpo.report_to=wandb"], "trackers", ["wandb", "pip install wandb"]),
        (["grpo.max_completion_length=8192"], "prompts", ["exceed the model's context", "8,192"]),
    ],
)
def test_each_fault_is_named_with_its_mend(
    checked: Callable[..., dict[str, Finding]],
    settings: list[str],
    check: str,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine_checks, "find_spec", lambda name: None if name == "wandb" else object())
    found = checked(*settings)[check]
    assert found.status == "failed"
    assert all(word in found.line for word in words), found.line
    assert "\n" not in found.line


def test_prompts_that_exceed_vllms_length_are_named(checked: Callable[..., dict[str, Finding]], place: Path) -> None:
    findings = checked("grpo.vllm_max_model_length=1400", name="qwen3-vl-8b-full")
    long = findings["prompts"]
    four_images = next(row["id"] for row in some_rows(photo=1) if len(row["views"]) == 4)
    assert long.status == "failed"
    assert four_images in long.line or "more" in long.line
    assert "grpo.vllm_max_model_length" in long.line
    assert long.value is not None
    assert long.bound == 1400 - 1024 < long.value


def test_what_does_not_fit_the_gpu_is_refused_with_what_to_change(checked: Callable[..., dict[str, Finding]]) -> None:
    smaller = ("grpo.gradient_accumulation_steps=4", "effective_batch=null")
    found = checked("accelerate=ddp", *smaller, name="qwen3-vl-8b-full")["memory"]
    assert found.status == "failed"
    assert "gpu_memory_gb is 80" in found.line
    assert "accelerate=zero3" in found.line
    found = checked("gpu_memory_gb=24", *smaller, name="qwen3-vl-8b-lora")["memory"]
    assert found.status == "failed"
    found = checked("grpo.vllm_gpu_memory_utilization=0.22", *smaller, name="qwen3-vl-8b-lora")["memory"]
    assert "does not have room for even one sample of maximum length" in found.line


def test_a_plan_that_does_not_fit_is_an_error_of_its_own(place: Path) -> None:
    recipe = _recipe(place, "qwen3-vl-8b-lora", "gpu_memory_gb=40", "effective_batch=null")
    with pytest.raises(MemoryPlanError, match="gpu_memory_gb is 40"):
        plan_memory(Context(recipe))


def test_one_fault_hides_no_other_and_what_rests_on_it_says_so(checked: Callable[..., dict[str, Finding]]) -> None:
    findings = checked("effective_batch=7", "data.release=nowhere-at-all", "model.name=nowhere/at-all")
    assert {name for name, f in findings.items() if f.status == "failed"} == {"batch", "data", "model", "processor"}
    assert findings["prompts"].line == "depends on data, model, processor"
    assert findings["memory"].line == "depends on model, prompts"
    assert findings["GPUs"].status == "ok"
    assert len(findings) == len(CHECKS)


def test_a_row_that_belies_its_answer_fails_the_data(place: Path, tmp_path: Path) -> None:
    row = made_row("locate", {1: [(10, 10, 500, 500)]})
    write_release(tmp_path / "release", [{**row, "answer": '[{"img_idx": 1}]'}, *some_rows("validation", photo=9)])
    found = _only(place, f"data.release={tmp_path / 'release'}", check="data")
    assert found.status == "failed"
    assert row["id"] in found.line


def test_a_release_of_another_schema_version_fails_the_data(place: Path, tmp_path: Path) -> None:
    write_release(tmp_path / "release", some_rows(), schema_version="99")
    found = _only(place, f"data.release={tmp_path / 'release'}", check="data")
    assert found.status == "failed"
    assert "99" in found.line


def test_a_model_folder_without_processor_fails(place: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for name in ("config.json", "model.safetensors"):
        (model / name).write_bytes((place / "tiny" / name).read_bytes())
    found = _only(place, f"model.name={model}", check="processor")
    assert found.status == "failed"
    assert str(model) in found.line


def test_a_model_folder_without_weights_fails(place: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((place / "tiny" / "config.json").read_bytes())
    found = _only(place, f"model.name={tmp_path}", check="weights")
    assert found.status == "failed"
    assert "no weights" in found.line


def test_a_file_of_weights_that_is_cut_short_fails(place: Path, tmp_path: Path) -> None:
    model = copytree(place / "tiny", tmp_path / "model")
    whole = (model / "model.safetensors").read_bytes()
    for length in (0, 5, 1000, len(whole) - 1):
        (model / "model.safetensors").write_bytes(whole[:length])
        found = _only(place, f"model.name={model}", check="weights")
        assert found.status == "failed", length
        assert f"{model / 'model.safetensors'}: is damaged" in found.line


def test_a_file_of_weights_that_the_index_lists_and_is_not_there_fails(place: Path, tmp_path: Path) -> None:
    model = copytree(place / "tiny", tmp_path / "model")
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    found = _only(place, f"model.name={model}", check="weights")
    assert found.status == "failed"
    assert "model-00002-of-00002.safetensors: is missing" in found.line


def test_a_vocabulary_smaller_than_the_tokenizers_fails(place: Path, tmp_path: Path) -> None:
    model = copytree(place / "tiny", tmp_path / "model")
    config = json.loads((model / "config.json").read_text())
    config["text_config"]["vocab_size"] = 500
    (model / "config.json").write_text(json.dumps(config))
    found = _only(place, f"model.name={model}", check="processor")
    assert found.status == "failed"
    assert "a vocab_size of 500" in found.line


def test_photos_that_are_missing_fail_however_few(place: Path, tmp_path: Path) -> None:
    shown = {1: [(10, 10, 500, 500)]}
    rows = [made_row("locate", shown, photo=photo) for photo in (1, 11, 21, 31, 41, 51, 61, 71)]
    rows += [made_row("locate", shown, photo=500, split="validation")]
    pairs = [pair for row in rows for pair in zip(row["views"], row["images"], strict=True)]
    stored = {(view["file_name"], image["bytes"]) for view, image in pairs}
    photos = tmp_path / "photos"
    photos.mkdir()
    for name, content in stored:
        (photos / name).write_bytes(content)
    source = {"key": "coco-0", "kind": "coco", "annotations": "instances.json", "images": str(photos), "sha256": ""}
    write_release(tmp_path / "release", rows, image_mode="reference", sources=[source])
    given = (f"data.release={tmp_path / 'release'}", f"data.photos={photos}")
    sound = _only(place, *given, check="photos")
    assert sound.status == "ok", sound.line
    last = max(name for name, _ in stored)
    (photos / last).unlink()
    found = _only(place, *given, check="photos")
    assert found.status == "failed"
    assert f"1 photos are missing: {last}" in found.line


def test_a_stored_image_that_does_not_open_fails(place: Path, tmp_path: Path) -> None:
    row = made_row("locate", {1: [(10, 10, 500, 500)]})
    cut = [{**image, "bytes": image["bytes"][:60]} for image in row["images"]]
    write_release(tmp_path / "release", [{**row, "images": cut}, *some_rows(), *some_rows("validation", photo=9)])
    found = _only(place, f"data.release={tmp_path / 'release'}", check="photos")
    assert found.status == "failed"
    assert f"row {row['id']}: image 1 cannot be opened" in found.line


def test_a_folder_that_holds_a_run_fails_before_the_run_does(place: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.yaml").write_text("name: other")
    findings = {finding.check: finding for finding in run_checks(_recipe(place, "tiny-cpu"), tmp_path / "run")}
    assert findings["run folder"].status == "failed"
    assert f"cgc-train resume {tmp_path / 'run'}" in findings["run folder"].line


def test_the_disk_has_to_hold_a_new_checkpoint_beside_all_that_are_kept(place: Path) -> None:
    def needed(*settings: str) -> float:
        found = _only(place, "grpo.max_steps=10", "grpo.save_steps=1", *settings, check="disk")
        assert found.value is not None
        return found.value

    each = needed("grpo.save_total_limit=3") - needed("grpo.save_total_limit=2")
    assert needed("grpo.save_total_limit=2") > 3 * each
    assert needed("grpo.save_total_limit=null", "grpo.max_steps=2") < 3 * each


@pytest.mark.parametrize(("scaled", "status"), [("group", "warning"), ("batch", "ok")])
def test_task_weights_without_effect_are_warned_of(
    checked: Callable[..., dict[str, Finding]], scaled: str, status: str
) -> None:
    found = checked("reward.task_weights={inter/absent: 0.5}", f"grpo.scale_rewards={scaled}")["settings"]
    assert (found.status, "task_weights" in found.line) == (status, status == "warning")


def test_engines_that_do_not_work_together_are_warned_of(checked: Callable[..., dict[str, Finding]]) -> None:
    found = checked("accelerate=fsdp2", name="qwen3-vl-8b-lora")["engines"]
    assert found.status == "warning"
    assert "fsdp2" in found.line
    assert checked(name="qwen3-vl-8b-lora")["engines"].status == "ok"


def test_an_engine_of_an_untested_version_is_warned_of(
    checked: Callable[..., dict[str, Finding]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cgc_train.engines.version", lambda name: {"vllm": "0.8.5"}.get(name, "1"))
    found = checked(name="qwen3-vl-8b-lora")["engines"]
    assert found.status == "warning"
    assert f"vllm 0.8.5 (tested: {TESTED['vllm']})" in found.line
    assert f"pip install vllm=={TESTED['vllm']}" in found.line
    monkeypatch.setattr("cgc_train.engines.version", lambda name: TESTED.get(name, "1"))
    assert checked(name="qwen3-vl-8b-lora")["engines"].status == "ok"


def test_the_tested_versions_are_those_of_the_constraints() -> None:
    lines = (Path(__file__).parents[2] / "constraints-gpu.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    assert {name: pinned[name] for name in TESTED} == TESTED


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"padding_side": "right"}, "pads on the right"),
        ({"pad_token": None}, "no pad"),
        ({"pad_token": "<|im_end|>"}, "pads with the token that ends an answer"),
    ],
)
def test_a_processor_that_would_misplace_tokens_fails(place: Path, fault: dict[str, Any], words: str) -> None:
    context = Context(_recipe(place, "tiny-cpu"))
    for name, value in fault.items():
        setattr(context.processor.tokenizer, name, value)
    found = check_processor(context)
    assert found.status == "failed"
    assert words in found.line


@pytest.mark.parametrize(("mode", "status"), [("colocate", "ok"), ("server", "failed")])
def test_images_that_a_vllm_server_would_resize_again_fail(place: Path, mode: str, status: str) -> None:
    """In the same process vLLM is started with the recipe's limits; a server has those of the model's folder."""
    context = Context(_recipe(place, "tiny-cpu", "grpo.use_vllm=true", f"grpo.vllm_mode={mode}"))
    assert check_images(context).status == "ok"
    context.__dict__["own_bounds"] = replace(context.own_bounds, max_pixels=1024)
    found = check_images(context)
    assert found.status == status
    assert ("a vLLM server would resize" in found.line) is (status == "failed")


def test_a_reward_that_is_slow_is_warned_about(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = Context(_recipe(place, "tiny-cpu"))
    times = iter([0.0, 1.0])
    monkeypatch.setattr("cgc_train.check.rows.time.perf_counter", lambda: next(times))
    found = check_speed(context)
    assert found.status == "warning"
    assert (found.value, found.bound) == (21, 200)  # as many rows as there are, in a second


@pytest.mark.parametrize(("version", "status"), [("2.9.1", "warning"), ("2.14.1", "ok"), ("2.8.0+cu128", "ok")])
def test_a_slow_torch_is_warned_about(place: Path, monkeypatch: pytest.MonkeyPatch, version: str, status: str) -> None:
    monkeypatch.setattr("cgc_train.engines._installed", lambda _: version)
    assert machine_checks.check_engines(Context(_recipe(place, "tiny-cpu"))).status == status


def test_a_gpu_smaller_or_fewer_than_stated_fails(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = Context(_recipe(place, "qwen3-vl-8b-lora"))
    monkeypatch.setattr(machine_checks, "gpu_bytes", lambda: [40 * 10**9] * 8)
    assert "set gpu_memory_gb=40" in machine_checks.check_gpus(context).line
    monkeypatch.setattr(machine_checks, "gpu_bytes", lambda: [85 * 10**9] * 4)
    assert "the recipe is for 8" in machine_checks.check_gpus(context).line
    monkeypatch.setattr(machine_checks, "gpu_bytes", lambda: [85 * 10**9] * 8)
    assert machine_checks.check_gpus(context).status == "ok"


def test_what_runs_on_a_gpu_is_asked_for_where_there_is_one(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = Context(_recipe(place, "qwen3-vl-8b-full"))
    monkeypatch.setattr(machine_checks, "gpu_bytes", lambda: [85 * 10**9])
    monkeypatch.setattr(machine_checks, "find_spec", lambda _: None)
    found = machine_checks.check_packages(context)
    assert found.status == "failed"
    assert f"vllm=={TESTED['vllm']} deepspeed=={TESTED['deepspeed']}" in found.line


def test_without_the_extra_one_line_says_what_to_install(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cgc_data.common.extras.find_spec", lambda _: None)
    findings = {finding.check: finding for finding in run_checks(_recipe(place, "tiny-cpu"))}
    assert findings["packages"].status == "failed"
    assert "pip install '.[train]'" in findings["packages"].line
    assert {findings[name].status for name in ("data", "memory", "disk")} == {"not checked"}


def test_the_command_prints_a_line_a_check_and_what_it_could_not_check(place: Path) -> None:
    done = _command(place, "tiny-cpu")
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert all(check.name in line for check, line in zip(CHECKS, lines, strict=False))
    assert lines[-1] == "0 failed; training speed is not checked"
    assert any(line.split()[1:4] == ["not", "checked", "│"] for line in lines), "the closing table"


def test_the_command_ends_with_2_where_something_failed(place: Path) -> None:
    done = _command(place, "tiny-cpu", "effective_batch=7")
    assert done.exit_code == 2
    assert "1 failed;" in done.output
    assert any("failed" in line and "batch" in line and "│" in line for line in done.output.splitlines())


def test_json_holds_every_finding(place: Path) -> None:
    done = _command(place, "tiny-cpu", "grpo.max_completion_length=8", "--json")
    report = json.loads(done.output)
    assert done.exit_code == 2
    assert report["failed"] == ["completions"]
    found = {finding["check"]: finding for finding in report["findings"]}
    assert found["completions"]["bound"] == 8 < found["completions"]["value"]
    assert found["memory"]["details"]["weights"] > 0


def _recipe(place: Path, name: str, *settings: str) -> Recipe:
    given = [f"data.release={place / 'release'}", "data.tasks=[]", "data.held_out_rows=4"]
    tiny = [f"model.name={place / 'tiny'}", LONGER] if name == "tiny-cpu" else []
    return load_recipe(name, [*given, *tiny, *settings])


def _only(place: Path, *settings: str, check: str) -> Finding:
    return next(finding for finding in run_checks(_recipe(place, "tiny-cpu", *settings)) if finding.check == check)


def _command(place: Path, name: str, *words: str) -> Any:
    given = [f"data.release={place / 'release'}", f"model.name={place / 'tiny'}", "data.held_out_rows=4", LONGER]
    return CliRunner().invoke(cli, ["check", name, *given, *words])
