"""Checks of the machine: required packages, experiment trackers, and GPUs."""

from importlib.util import find_spec

from huggingface_hub import constants

from cgc_data.common.errors import MissingExtraError
from cgc_data.common.extras import need
from cgc_train.check.context import Context, Finding, Unchecked, failed, ok, warning
from cgc_train.engines import TESTED, engines_of, install, slow_torch, untested
from cgc_train.recipe import launch_machines
from cgc_train.run import check_free
from cgc_train.to_hub import is_there

TRACKERS = {
    "trackio": "trackio",
    "tensorboard": "tensorboard",
    "wandb": "wandb",
    "mlflow": "mlflow",
    "comet_ml": "comet_ml",
    "swanlab": "swanlab",
}
NO_TRACKER = {"none", "all"}


def check_packages(context: Context) -> Finding:
    """Check that every package that the recipe needs is installed. GPU packages are required only on machines with a
    GPU.
    """
    need("train")
    missing = [name for name, _ in engines_of(context.recipe) if find_spec(name) is None]
    if not missing:
        return ok("all packages that the recipe needs are installed")
    line = f"{', '.join(missing)} not installed"
    if not gpu_bytes():
        raise Unchecked(f"{line}, and there is no GPU to run them on")
    return failed(line, f"run: {install(*missing)}")


def check_trackers(context: Context) -> Finding:
    """Check that the packages named in grpo.report_to are installed."""
    asked = context.config.report_to
    names = [name for name in ([asked] if isinstance(asked, str) else asked or []) if name not in NO_TRACKER]
    if missing := [name for name in names if find_spec(TRACKERS.get(name, name)) is None]:
        raise MissingExtraError(
            f"grpo.report_to={missing[0]}: {missing[0]} is not installed; run: pip install {missing[0]}, or set "
            "grpo.report_to=none"
        )
    return ok(f"metrics are written to the run folder{''.join(f' and to {name}' for name in names)}")


def check_hub(context: Context) -> Finding:
    """Check that the logged-in Hugging Face account may upload checkpoints to hub.repo."""
    repo = context.recipe.hub.repo
    if repo is None:
        return ok("checkpoints are not uploaded to the Hub")
    if constants.HF_HUB_OFFLINE:
        raise Unchecked(f"write access to {repo} was not checked, because the Hub client is offline")
    there = is_there(repo)
    private = "private" if context.recipe.hub.private else "public"
    state = "exists" if there else f"will be created as {private} when training starts"
    return ok(f"checkpoints are uploaded to {repo}, which {state}")


def check_gpus(context: Context) -> Finding:
    """Check that the machine has enough GPUs, and that each GPU has at least as much memory as the recipe states."""
    recipe = context.recipe
    if recipe.gpu_memory_gb is None:
        return ok("no GPU is needed")
    found, machines = gpu_bytes(), launch_machines(recipe.accelerate)
    if recipe.gpus % machines:
        fix = f"set gpus to a multiple of {machines}, or set accelerate to another launch file"
        message = f"{recipe.gpus} GPUs cannot be divided evenly among {machines} machines"
        return failed(message, fix, recipe.gpus, machines)
    asked, each = recipe.gpus // machines, " on each machine" * (machines > 1)
    if not found:
        raise Unchecked(f"{asked} GPUs of {recipe.gpu_memory_gb:g} GB{each}: this machine has no GPU")
    smallest = min(found) / 1e9
    message = f"{len(found)} GPUs, the smallest with {smallest:.0f} GB"
    if len(found) < asked:
        fix = (
            "set gpus to the number of available GPUs, and raise grpo.gradient_accumulation_steps to keep the batch "
            "size"
        )
        return failed(f"{message}; the recipe is for {asked}{each}", fix, len(found), asked)
    if smallest < recipe.gpu_memory_gb:
        fix = f"set gpu_memory_gb={smallest:.0f}, and check whether the memory plan still fits"
        return failed(f"{message}; the recipe states {recipe.gpu_memory_gb:g}", fix, smallest, recipe.gpu_memory_gb)
    return ok(message, len(found), asked)


def check_engines(context: Context) -> Finding:
    """Check that engines such as vLLM and DeepSpeed have the tested versions and work together."""
    recipe = context.recipe
    if recipe.accelerate == "fsdp2" and recipe.model.lora and recipe.grpo.get("use_vllm"):
        fix = "set accelerate=ddp, accelerate=zero3, or grpo.use_vllm=false"
        return warning("with fsdp2, adapter weights are not reliably sent to vLLM", fix)
    if others := untested(recipe):
        named = ", ".join(f"{package} {seen} (tested: {TESTED[package]})" for package, seen in others.items())
        return warning(f"not tested with {named}", f"run: {install(*others)}")
    if seen := slow_torch():
        return warning(f"with torch {seen}, processing images is many times slower", "install another version of torch")
    names = [name for name, _ in engines_of(recipe)]
    return ok(", ".join(names) if names else "none besides torch and TRL")


def check_run_folder(context: Context) -> Finding:
    """Check that the run folder is empty or missing."""
    check_free(context.folder)
    return ok(f"{context.folder}: available for the run")


def gpu_bytes() -> list[int]:
    """Memory in bytes of each GPU in this machine."""
    if find_spec("torch") is None:
        return []
    import torch

    return [torch.cuda.get_device_properties(i).total_memory for i in range(torch.cuda.device_count())]
