"""Reduces a recipe to one training step on a CPU. This step uses a tiny model of the same family, few rows, and short
completions.

To run the reduced recipe, a launcher starts several processes with `python -m cgc_train.check.stand_in RECIPE RUN`.
"""

import re
import sys
from pathlib import Path

from cgc_train.check.shape import measure
from cgc_train.model import load_config, load_processor, opening
from cgc_train.recipe import LORA_TARGETS, DataSettings, LoraSettings, ModelSettings, Recipe, launch_path, load_recipe

# Settings that one step of a tiny model does not need or that a CPU does not support; TRL's defaults apply.
LEFT_OUT = {
    *("generation_batch_size", "steps_per_generation", "num_generations", "num_iterations", "num_train_epochs"),
    *("bf16", "fp16", "tf32", "optim", "torch_compile", "use_liger_kernel", "chat_template_kwargs"),
    *("use_vllm", "vllm_enable_sleep_mode", "push_to_hub", "hub_model_id", "hub_strategy", "run_name"),
}
STEP = {
    "max_steps": 1, "save_steps": 1, "logging_steps": 1, "num_generations": 2, "per_device_train_batch_size": 2,
    "per_device_eval_batch_size": 2, "gradient_accumulation_steps": 1, "max_completion_length": 8,
    "log_completions": False, "report_to": "none", "disable_tqdm": True, "ddp_backend": "gloo",
}  # fmt: skip
ROWS, HELD_OUT_ROWS, PIXELS = 4, 2, 64 * 64


def stand_in(recipe: Recipe, model: Path) -> Recipe:
    """Reduce a recipe to one step with a tiny model, in float32 and without vLLM."""
    kept = {key: value for key, value in recipe.grpo.items() if key not in LEFT_OUT}
    update = {
        "accelerate": "cpu" if recipe.sharing == "ddp" else recipe.accelerate,
        "effective_batch": None,
        "gpu_memory_gb": None,
        "model": _model(recipe.model, model),
        "data": _data(recipe.data),
        "prompt": recipe.prompt.model_copy(update={"prefix": _prefix(model)}),
        "grpo": {**kept, **STEP},
    }
    return recipe.model_copy(update=update)


def launch_words(file: str, processes: int) -> list[str]:
    """Arguments for `python` that start a launcher on the CPU. Append `-m MODULE` to select the module to run.

    The launcher is torchrun if `file` is `cpu` or `ddp`, and otherwise accelerate with the launch file `file`.
    """
    if file in ("cpu", "ddp"):  # without a GPU, accelerate accepts several processes only from torchrun
        return ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    words = ["-m", "accelerate.commands.launch", "--config_file", str(launch_path(file))]
    return [*words, "--num_machines", "1", "--num_processes", str(processes), "--mixed_precision", "no"]


def as_gpus() -> None:
    """Make accelerate treat CPU processes as GPU processes, because accelerate supports FSDP only on GPUs."""
    from accelerate.state import PartialState
    from accelerate.utils import DistributedType

    PartialState._prepare_backend = lambda *_: ("gloo", DistributedType.MULTI_GPU)


def _model(settings: ModelSettings, model: Path) -> ModelSettings:
    own = {"name": str(model), "revision": None, "dtype": "float32", "attention": "sdpa", "quantize": None}
    tiny = settings.model_copy(update=own)
    return tiny.model_copy(update={"lora": _adapters(settings.lora, tiny)}) if settings.lora else tiny


def _prefix(model: Path) -> str:
    """The text that the chat template of a tiny model writes at the start of a response."""
    return opening(load_processor(ModelSettings(name=str(model)))).strip()


def _adapters(lora: LoraSettings, tiny: ModelSettings) -> LoraSettings:
    """Reduce the rank of the adapters. If the pattern matches no layer of the tiny model, use the default pattern."""
    there = any(re.fullmatch(lora.targets, name) for name in measure(load_config(tiny)).linears)
    return lora.model_copy(update={"rank": min(lora.rank, 4), "targets": lora.targets if there else LORA_TARGETS})


def _data(data: DataSettings) -> DataSettings:
    held_out = min(data.held_out_rows, HELD_OUT_ROWS)
    sizes = {"limit": ROWS, "max_pixels": PIXELS, "held_out_rows": held_out}
    return data.model_copy(update={**sizes, "held_out_every": min(data.held_out_every, 1)})


def main() -> None:
    """Run the training step."""
    from cgc_train.grpo import run_grpo

    recipe = load_recipe(sys.argv[1])
    if recipe.sharing == "fsdp2":
        as_gpus()
    run_grpo(recipe, Path(sys.argv[2]))


if __name__ == "__main__":
    main()
