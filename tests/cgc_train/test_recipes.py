"""The shipped recipes and launch files: they load, state how they are started, and agree with their comments."""

import re
import shlex
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from packaging.requirements import Requirement

from cgc_train.cli import cli
from cgc_train.cli.grpo import grpo
from cgc_train.cli.recipes import LAUNCH_FILES
from cgc_train.families import FAMILIES
from cgc_train.recipe import launch_path, load_recipe, recipe_names, recipe_path

ROOT = Path(__file__).parents[2]
SHIPPED = ("qwen3-vl-8b-full", "qwen3-vl-8b-lora", "qwen3-vl-8b-lora-1gpu", "qwen3-vl-8b-qlora-24gb", "tiny-cpu")
REAL = tuple(name for name in SHIPPED if name != "tiny-cpu")
TAGS = ("[stated]", "[second-hand]", "[derived]", "[ours]")
SETTING = re.compile(r"^ *[\w]+: *[^ #]")


def test_they_are_the_shipped_ones() -> None:
    assert tuple(recipe_names()) == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_a_recipe_loads_under_its_own_name(name: str) -> None:
    assert load_recipe(name).name == name


@pytest.mark.parametrize("name", SHIPPED)
def test_a_recipe_starts_with_its_launch_command(name: str) -> None:
    recipe, words = load_recipe(name), _command(name)
    start = words.index("grpo")
    if recipe.accelerate == "cpu":
        assert words[:start] == ["cgc-train"]
    else:
        assert words[:3] == ["accelerate", "launch", "--config_file"]
        assert words[3] == f"$(cgc-train recipes --accelerate {recipe.accelerate})"
        assert words[start - 2 : start] == ["-m", "cgc_train"]
    context = grpo.make_context("grpo", words[start + 1 :])
    given = context.params
    assert given["recipe"] == name
    load_recipe(given["recipe"], given["settings"])


@pytest.mark.parametrize("name", REAL)
def test_a_launch_starts_as_many_processes_as_the_recipe_is_for(name: str) -> None:
    recipe, words = load_recipe(name), _command(name)
    launch = yaml.safe_load(launch_path(recipe.accelerate).read_text())
    asked = int(words[words.index("--num_processes") + 1]) if "--num_processes" in words else launch["num_processes"]
    assert asked == recipe.gpus


@pytest.mark.parametrize("name", SHIPPED)
def test_every_value_says_what_it_costs_and_where_it_is_from(name: str) -> None:
    lines = [line for line in recipe_path(name).read_text().splitlines() if SETTING.match(line)]
    untold = [line for line in lines if not any(tag in line for tag in TAGS) and not line.startswith("name:")]
    assert len(lines) > 30
    assert untold == []


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize(
    ("setting", "value", "tag"),
    [
        ("model.name", "Qwen/Qwen3-VL-8B-Instruct", "[stated]"),
        ("data.contrasts", ["inter", "intra"], "[stated]"),
        ("prompt.think", True, "[stated]"),
        ("reward.miou", 1.0, "[second-hand]"),
        ("reward.format", 1.0, "[second-hand]"),
        ("grpo.beta", 0.01, "[second-hand]"),
    ],
)
def test_what_is_known_of_the_paper_is_so_and_tagged(name: str, setting: str, value: object, tag: str) -> None:
    section, key = setting.split(".")
    assert load_recipe(name).model_dump()[section][key] == value
    block = recipe_path(name).read_text().split(f"\n{section}:\n")[1]
    line = next(line for line in block.splitlines() if line.strip().startswith(f"{key}:"))
    assert tag in line


@pytest.mark.parametrize("name", SHIPPED)
def test_the_effective_batch_is_as_stated(name: str) -> None:
    pytest.importorskip("trl")
    from cgc_train.check.batch import arguments, batch

    recipe = load_recipe(name)
    assert batch(recipe, arguments(recipe)).effective == recipe.effective_batch


@pytest.mark.parametrize("name", REAL)
def test_the_memory_of_the_header_is_that_of_the_plan(name: str) -> None:
    pytest.importorskip("trl")
    from cgc_train.check.batch import arguments
    from cgc_train.check.memory import memory_plan
    from cgc_train.check.planned import Longest
    from cgc_train.check.shape import measure
    from cgc_train.model import qwen3_vl_8b_config

    found = re.search(r"Planned memory: (\d+) GB.* for prompts of at most (\d+) tokens", recipe_path(name).read_text())
    assert found
    memory, tokens = map(int, found.groups())
    recipe = load_recipe(name)
    assert tokens == 3000
    six_images = 6 * recipe.data.max_pixels // 16**2
    plan = memory_plan(measure(qwen3_vl_8b_config()), recipe, arguments(recipe), Longest(tokens, six_images))
    assert memory == round(plan.peak / 1e9)
    if recipe.grpo["use_vllm"]:
        assert tokens + recipe.grpo["max_completion_length"] <= recipe.grpo["vllm_max_model_length"]


@pytest.mark.parametrize(
    ("name", "kind", "precision"),
    [
        ("cpu", "NO", "no"),
        ("ddp", "MULTI_GPU", "bf16"),
        ("fsdp2", "FSDP", "bf16"),
        ("zero2", "DEEPSPEED", "bf16"),
        ("zero3", "DEEPSPEED", "bf16"),
        ("zero3-2x8", "DEEPSPEED", "bf16"),
    ],
)
def test_accelerate_takes_each_launch_file(name: str, kind: str, precision: str) -> None:
    pytest.importorskip("accelerate")
    from accelerate.commands.config.config_args import load_config_from_file

    config: Any = load_config_from_file(str(launch_path(name)))
    assert config.distributed_type.value == kind
    assert config.mixed_precision == precision
    if kind == "DEEPSPEED":
        assert config.deepspeed_config["zero_stage"] == int(name.removeprefix("zero")[0])


def test_every_launch_file_can_be_asked_for() -> None:
    assert {f"{name}.yaml" for name in LAUNCH_FILES} == {
        path.name for path in launch_path("cpu").parent.iterdir() if path.suffix == ".yaml"
    }


@pytest.mark.parametrize("name", FAMILIES)
def test_fsdp_wraps_the_layers_that_a_family_names(name: str) -> None:
    pytest.importorskip("transformers")
    from transformers import AutoConfig, AutoModelForImageTextToText

    settings = yaml.safe_load(launch_path("fsdp2").read_text())["fsdp_config"]
    assert "fsdp_transformer_layer_cls_to_wrap" not in settings, "one name that a model lacks, and nothing starts"
    model: Any = AutoModelForImageTextToText._model_mapping[type(AutoConfig.for_model(name))]
    assert {"TextDecoderLayer", "VisionBlock", "DecoderLayer"} > {
        re.sub("^Qwen3(VLMoe|VL|_5Moe|_5)", "", layer) for layer in model._no_split_modules
    }
    assert len(model._no_split_modules) == 2


def test_the_list_names_every_recipe() -> None:
    printed = CliRunner().invoke(cli, ["recipes"], catch_exceptions=False).output
    assert [line.split()[0] for line in printed.splitlines()] == list(SHIPPED)
    assert "8 x 80 GB" in printed
    assert all("GRPO" in line for line in printed.splitlines())


def test_a_printed_recipe_is_the_file(tmp_path: Path) -> None:
    printed = CliRunner().invoke(cli, ["recipes", "tiny-cpu"], catch_exceptions=False).output
    copy = tmp_path / "mine.yaml"
    copy.write_text(printed)
    assert load_recipe(str(copy)) == load_recipe("tiny-cpu")


@pytest.mark.parametrize("name", LAUNCH_FILES)
def test_the_path_of_a_launch_file_is_printed(name: str) -> None:
    printed = CliRunner().invoke(cli, ["recipes", "--accelerate", name], catch_exceptions=False).output
    assert Path(printed.strip()).is_file()


def test_versions_for_gpus_are_exact_and_within_what_the_package_asks_for() -> None:
    lines = [line for line in (ROOT / "constraints-gpu.txt").read_text().splitlines() if not line.startswith("#")]
    pinned = {r.name: str(r.specifier).removeprefix("==") for r in map(Requirement, lines)}
    assert {"vllm", "deepspeed", "bitsandbytes", "torchvision"} <= pinned.keys()
    asked = re.search(r"^train = \[(.*)\]$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert asked
    for requirement in map(Requirement, re.findall(r'"([^"]+)"', asked.group(1))):
        assert requirement.specifier.contains(pinned[requirement.name]), requirement
    assert pinned["transformers"].startswith("5.17")  # vLLM 0.31 takes no other


def test_the_document_names_every_recipe_launch_file_check_and_switch() -> None:
    text = (ROOT / "docs" / "recipes.md").read_text()
    assert tuple(_column(text, "recipe")) == SHIPPED
    assert sorted(_column(text, "file")) == list(LAUNCH_FILES)
    listed = CliRunner().invoke(cli, ["ablate", "--list"], catch_exceptions=False).output
    assert f"```text\n{listed}```" in text
    pytest.importorskip("trl")
    from cgc_train.check import CHECKS

    assert sorted(_column(text, "check")) == sorted(check.name for check in CHECKS)


def test_the_document_names_every_part_of_the_plan() -> None:
    pytest.importorskip("trl")
    from cgc_train.check.batch import arguments
    from cgc_train.check.memory import memory_plan
    from cgc_train.check.planned import Longest
    from cgc_train.check.shape import measure
    from cgc_train.model import qwen3_vl_8b_config

    shape, told = measure(qwen3_vl_8b_config()), (ROOT / "docs" / "recipes.md").read_text()
    for name in REAL:
        recipe = load_recipe(name)
        for part in memory_plan(shape, recipe, arguments(recipe), Longest(3000, 9600)).parts:
            assert part.name in told


def test_the_command_for_a_server_of_its_own_passes_its_batch() -> None:
    pytest.importorskip("trl")
    from cgc_train.check.batch import arguments, batch

    text = (ROOT / "docs" / "recipes.md").read_text()
    line = next(line for line in text.splitlines() if "vllm_mode=server" in line)
    words = shlex.split(line)[1:]
    processes = int(words[words.index("--num_processes") + 1])
    given = grpo.make_context("grpo", words[words.index("grpo") + 1 :]).params
    recipe = load_recipe(given["recipe"], given["settings"])
    assert recipe.gpus == processes == len(line.split()[0].split(","))
    assert batch(recipe, arguments(recipe)).effective == recipe.effective_batch


def _column(text: str, head: str) -> list[str]:
    """First cells of the table whose first column has this head."""
    lines = text.split(f"\n| {head} |", 1)[1].splitlines()[2:]
    cells = (line.split("|")[1].strip() for line in takewhile(lambda line: line.startswith("|"), lines))
    return [cell.strip("`") for cell in cells]


def _command(name: str) -> list[str]:
    return shlex.split(recipe_path(name).read_text().splitlines()[0].removeprefix("# "))
