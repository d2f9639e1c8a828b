"""Several machines: the launch file, what `check` plans for it, and the job that starts it."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cgc_train.cli.grpo import grpo
from cgc_train.recipe import launch_machines, launch_path, load_recipe

ROOT = Path(__file__).parents[2]
JOB = ROOT / "examples" / "slurm_two_machines.sh"
TWO = ("gpus=16", "accelerate=zero3-2x8", "effective_batch=256")
GB = 10**9


def test_the_launch_file_is_that_of_one_machine_but_for_their_number() -> None:
    one, two = (yaml.safe_load(launch_path(name).read_text()) for name in ("zero3", "zero3-2x8"))
    assert {key for key in one.keys() | two.keys() if one.get(key) != two.get(key)} == {"num_machines", "num_processes"}
    assert (launch_machines("zero3"), launch_machines("zero3-2x8"), two["num_processes"]) == (1, 2, 16)


def test_the_plan_divides_among_all_gpus_of_both_machines() -> None:
    pytest.importorskip("trl")
    from cgc_train.check.batch import arguments, batch
    from cgc_train.check.memory import memory_plan
    from cgc_train.check.planned import Longest
    from cgc_train.check.shape import measure
    from cgc_train.model import qwen3_vl_8b_config

    shape = measure(qwen3_vl_8b_config())
    recipes = [load_recipe("qwen3-vl-8b-full"), load_recipe("qwen3-vl-8b-full", TWO)]
    plans = [memory_plan(shape, recipe, arguments(recipe), Longest(3000, 10000)) for recipe in recipes]
    one, two = ({part.name: part.bytes for part in plan.parts} for plan in plans)
    for name in ("weights", "gradients", "optimizer"):
        assert two[name] == pytest.approx(one[name] / 2, rel=1e-6), name
    assert two["vLLM"] == one["vLLM"]
    assert batch(recipes[1], arguments(recipes[1])).effective == 256


@pytest.mark.parametrize(
    ("settings", "found", "status", "words"),
    [
        (TWO, 8, "ok", "8 GPUs, the smallest with 85 GB"),
        (TWO, 4, "failed", "4 GPUs, the smallest with 85 GB; the recipe is for 8 on each machine"),
        (("gpus=15", "accelerate=zero3-2x8", "effective_batch=null"), 8, "failed", "15 GPUs cannot be divided"),
        ((), 4, "failed", "4 GPUs, the smallest with 85 GB; the recipe is for 8"),
    ],
)
def test_the_gpus_of_one_machine_are_held_against_its_share(
    settings: tuple[str, ...], found: int, status: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("trl")
    from cgc_train.check import machine
    from cgc_train.check.context import Context

    monkeypatch.setattr(machine, "gpu_bytes", lambda: [85 * GB] * found)
    finding = machine.check_gpus(Context(load_recipe("qwen3-vl-8b-full", settings)))
    assert (finding.status, finding.message.startswith(words)) == (status, True), finding.message


def started(folder: Path, *arguments: str) -> list[list[str]]:
    """The words of `accelerate` on each machine of the job, whose cluster is this machine twice."""
    programs = folder / "bin"
    programs.mkdir()
    tools = {
        "scontrol": 'printf "first\\nsecond\\n"',
        "srun": 'shift; for rank in 0 1; do SLURM_NODEID=$rank "$@"; done',
        "cgc-train": 'echo "$3.yaml"',
        "accelerate": f'printf "%s\\t" "$@" >> {folder}/words; echo >> {folder}/words',
    }
    for name, text in tools.items():
        (programs / name).write_text(f"#!/bin/bash\n{text}\n")
        (programs / name).chmod(0o755)
    slurm = {"SLURM_JOB_NODELIST": "machine[1-2]", "SLURM_JOB_ID": "123456", "PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run(["bash", str(JOB), *arguments], env=os.environ | slurm, check=True, cwd=folder)
    return [line.split("\t")[:-1] for line in (folder / "words").read_text().splitlines()]


def test_the_job_starts_every_machine_by_its_rank(tmp_path: Path) -> None:
    machines = started(tmp_path, "ORG/NAME", "runs/two")
    launch = ["launch", "--config_file", "zero3-2x8.yaml", "--machine_rank", "RANK", "--main_process_ip", "first"]
    launch += ["--main_process_port", "23456", "-m", "cgc_train"]
    for rank, words in enumerate(machines):
        start = words.index("grpo")
        assert words[:start] == [word.replace("RANK", str(rank)) for word in launch]
        given: dict[str, Any] = grpo.make_context("grpo", words[start + 1 :]).params
        recipe = load_recipe(given["recipe"], given["settings"])
        assert (recipe.gpus, recipe.accelerate, recipe.data.release) == (16, "zero3-2x8", "ORG/NAME")
        assert str(given["folder"]) == "runs/two"
    assert len(machines) == 2


def test_the_job_goes_on_with_a_run_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "recipe.yaml").touch()
    assert all(words[-2:] == ["resume", "two"] for words in started(tmp_path, "ORG/NAME", "two"))


def test_the_job_asks_for_what_the_launch_file_is_for() -> None:
    text = JOB.read_text()
    asked = {key: int(value) for key, value in re.findall(r"^#SBATCH --([\w-]+)=(\d+)$", text, re.MULTILINE)}
    launch = yaml.safe_load(launch_path("zero3-2x8").read_text())
    assert asked["nodes"] == launch["num_machines"]
    assert asked["nodes"] * asked["gpus-per-node"] == launch["num_processes"]
    assert asked["ntasks-per-node"] == 1
    checked = re.search(r"cgc-train check (.*?) \\\n#   (.*)\n", text)
    assert checked
    assert load_recipe("qwen3-vl-8b-full", " ".join(checked.groups()).split()[1:]).gpus == 16
