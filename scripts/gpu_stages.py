"""The stages of `scripts/check_gpu.py`: what runs on the GPU, and what is measured."""

import json
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cgc_train.check.context import Context
from cgc_train.check.planned import GB
from cgc_train.recipe import load_recipe, save_recipe
from scripts.gpu_machine import ROOT, Machine, StageError, cgc
from scripts.gpu_runs import completions, measured, measuring, of_run, plan_facts, train

LORA, QLORA = "qwen3-vl-8b-lora-1gpu", "qwen3-vl-8b-qlora-24gb"
LONGEST_ROWS = 16
IMPORTS = """
import json, os, time
began = time.time()
import accelerate, datasets, huggingface_hub, peft, torch, transformers, trl
import cgc_train.check, cgc_train.grpo, cgc_train.sft, cgc_train.publish
from importlib.metadata import version
gpu = torch.cuda.get_device_properties(0) if torch.cuda.is_available() else None
modules = (accelerate, datasets, huggingface_hub, peft, torch, transformers, trl)
facts = {module.__name__: module.__version__ for module in modules}
facts["cgc-grounding"] = version("cgc-grounding")
facts |= {"seconds_to_import": round(time.time() - began, 1), "cores": os.cpu_count()}
print(json.dumps(facts | ({"gpu": gpu.name, "gpu_gb": gpu.total_memory / 1e9} if gpu else {})))
"""


def check_imports(machine: Machine) -> dict[str, Any]:
    """Record package versions and the time that all imports take."""
    return json_of(machine.run("imports", "-c", IMPORTS, seconds=120))


def prepare(machine: Machine) -> dict[str, Any]:
    """Build a release from the embedded sample, and write random weights at the same time. Then find the rows with the
    longest prompts.
    """
    began, release = time.monotonic(), machine.work / "release"
    building = None if release.exists() else machine.start("build", *build_release(release), gpu=False)
    if not (machine.weights / "processor_config.json").exists():  # written last
        tiny = cgc("cgc_train", "tiny", str(machine.weights), "--head-size", "32")
        real = [str(ROOT / "scripts" / "write_random.py"), str(machine.weights)]
        machine.run("weights", *(tiny if machine.rehearse else real), seconds=150)
    written = time.monotonic() - began
    if building:
        machine.wait("build", building)
    context = Context(load_recipe(LORA, machine.settings("data.held_out_every=0")))
    longest = context.prompts[:LONGEST_ROWS]
    machine.keep.write_text("".join(f"{row}\n" for _, row in longest), encoding="utf-8")
    size = sum(file.stat().st_size for file in machine.weights.iterdir()) / GB
    return {"seconds_of_weights": written, "weights_gb": size, "longest_prompts": [tokens for tokens, _ in longest]}


def build_release(folder: Path) -> list[str]:
    """Python arguments that build a small release from the embedded sample."""
    return cgc("cgc_data", "build", "--samples", "160", "--out", str(folder))


def check(machine: Machine) -> dict[str, Any]:
    """Run `cgc-train check` on the recipe. Only `machine.settings` changes the recipe; among other things, it disables
    vLLM.
    """
    command = cgc(
        "cgc_train", "check", LORA, *machine.settings(), "--json", "--to", str(machine.work), "--step-seconds", "0"
    )
    output = machine.run("check", *command, codes=(0, 2))
    return {found["check"]: f"{found['status']}: {found['message']}" for found in json_of(output)["findings"]}


def json_of(output: str) -> dict[str, Any]:
    """The JSON object in a command's output, which can have warnings before or after it."""
    start = re.search(r"^\{", output, re.MULTILINE)
    if start is None:
        raise StageError(f"no JSON in: {output[-1000:]}")
    return dict(json.JSONDecoder().raw_decode(output, start.start())[0])


def short(machine: Machine) -> dict[str, Any]:
    """Run three small steps with held-out answers and checkpoints."""
    return train(machine, "short", "grpo", LORA, *short_settings(machine))


def short_settings(machine: Machine) -> list[str]:
    """Settings of the run that the stage `resume` later continues."""
    steps = ["grpo.max_steps=3", "grpo.save_steps=1", "data.held_out_rows=8", "data.held_out_every=2"]
    return [*completions(machine, 16, 2, 128), *steps]


def resume(machine: Machine) -> dict[str, Any]:
    """Resume the run of the stage `short` as if it had been killed after its second step."""
    folder = machine.work / "short"
    before = of_run(folder)["train"][-1:]
    for left in ("model", "checkpoint-3"):
        shutil.rmtree(folder / left)
    machine.run("resume", *measuring(machine, "resume", "resume", str(folder)), seconds=150)
    found = {**plan_facts(machine, LORA, short_settings(machine)), **measured(machine, "resume"), **of_run(folder)}
    return {**found, "last_step_before": before, "train": found["train"][-1:]}  # the others are from the previous run


def whole_step(machine: Machine) -> dict[str, Any]:
    """Run one step with the recipe's full batch, whose completions are all sampled at once."""
    steps = ["grpo.max_steps=1", "data.held_out_every=0"]
    return train(machine, "step", "grpo", LORA, *completions(machine, 64, 2, 128), *steps)


def long_completions(machine: Machine) -> dict[str, Any]:
    """Run one step with a single prompt. Its completions can be as long as the recipe allows."""
    steps = ["grpo.max_steps=1", "data.held_out_every=0"]
    return train(machine, "long", "grpo", LORA, *completions(machine, 8, 2, 1024), *steps)


def warm_up(machine: Machine) -> dict[str, Any]:
    """Run three steps of the supervised warm-up, which merges the adapters at the end. Then delete the merged model."""
    steps = ["sft.max_steps=3", "sft.logging_steps=1", "sft.per_device_train_batch_size=2", "data.held_out_every=0"]
    try:
        return train(machine, "sft", "sft", LORA, *steps)
    finally:
        shutil.rmtree(machine.work / "sft" / "model", ignore_errors=True)


def quantised(machine: Machine) -> dict[str, Any]:
    """Run two small steps with the base model's weights in 4 bits."""
    steps = ["grpo.max_steps=2", "data.held_out_every=0"]
    return train(machine, "qlora", "grpo", QLORA, *completions(machine, 8, 1, 128), *steps, seconds=150)


def devices(machine: Machine) -> dict[str, Any]:
    """Train the tiny model on the GPU and on the CPU, and compare the results. Both runs use the same seed and float32.
    In GRPO, they also replay the same completions.
    """
    tiny = machine.work / "tiny"
    machine.run("tiny", *cgc("cgc_train", "tiny", str(tiny), "--head-size", "32"), gpu=False)
    started, runs = [], {}
    for device, launch in (("cpu", "cpu"), ("gpu", "cpu" if machine.rehearse else "ddp")):
        steps = ["grpo.max_steps=4", "sft.max_steps=8", "sft.logging_steps=1", "data.held_out_every=0"]
        data = [f"model.name={tiny}", f"data.release={machine.work / 'release'}", f"accelerate={launch}"]
        recipe = machine.work / f"tiny-{device}.yaml"
        save_recipe(load_recipe("tiny-cpu", [*data, *steps]), recipe)
        for kind, command in (
            ("grpo", ["-m", "tests.cgc_train.replayed", str(recipe)]),
            ("sft", [*cgc("cgc_train", "sft", str(recipe), "--to")]),
        ):
            run = runs[kind, device] = machine.work / f"tiny-{kind}-{device}"
            variables = {"NVIDIA_TF32_OVERRIDE": "0"}  # otherwise convolutions would round differently
            started.append((run.name, machine.start(run.name, *command, str(run), gpu=device == "gpu", **variables)))
    for name, process in started:
        machine.wait(name, process, 150)
    return {kind: differences(of_run(runs[kind, "cpu"]), of_run(runs[kind, "gpu"])) for kind in ("grpo", "sft")}


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Losses of both runs, the largest difference between losses, and the largest difference between gradient norms."""
    pairs = list(zip(one["train"], other["train"], strict=True))
    found: dict[str, Any] = {"losses": [[line["loss"] for line in pair] for pair in pairs]}
    for key in ("loss", "grad_norm"):
        found[f"largest_difference_of_{key}"] = max(abs(first[key] - second[key]) for first, second in pairs)
    return found


def merge(machine: Machine) -> dict[str, Any]:
    """Load the adapters of a run, merge them, and generate an answer with the full model on the CPU."""
    began, merged = time.monotonic(), machine.work / "merged"
    runs = [machine.work / name for name in ("short", "qlora")]
    trained = next((run for run in runs if (run / "model").exists()), runs[0])
    machine.run("merge", *cgc("cgc_train", "merge", str(trained), "--to", str(merged)), gpu=False)
    size, seconds = sum(file.stat().st_size for file in merged.iterdir()) / GB, time.monotonic() - began
    image = str(next((machine.work / "cache" / "images").rglob("*.jpg")))
    asked = cgc("cgc_train", "demo", str(merged), image, "--find", "dog", "--max-new-tokens", "8")
    answer = machine.run("demo", *asked, gpu=False).splitlines()[-3:]
    shutil.rmtree(merged)
    return {
        "run": trained.name,
        "seconds": seconds,
        "gb": size,
        "answer": answer,
        "seconds_with_answer": time.monotonic() - began,
    }
