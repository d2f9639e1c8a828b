"""Checks of a recipe's numbers: batch sizes, learning rate, checkpoints, memory, and disk space."""

import shutil
from dataclasses import replace

from cgc_train.beside import check_benchmark
from cgc_train.check.batch import Batch
from cgc_train.check.context import Context, Finding, Unchecked, failed, gigabytes, ok, warning
from cgc_train.check.machine import gpu_bytes
from cgc_train.check.memory import MemoryPlan, checkpoint_bytes, memory_plan
from cgc_train.check.planned import GB
from cgc_train.errors import MemoryPlanError

TIGHT = 0.95  # fraction of the memory above which a plan leaves too little margin
WORTH_NAMING = 0.02  # fraction of the peak below which a part is not listed
HIGH = 1e-3  # learning rate above which no GRPO run was stable, even with a tiny model
DIVERGES = 0.1  # Adam changes every weight by about the learning rate per step
UNLIMITED = 10  # number of checkpoints assumed if the recipe does not limit it

FIXES = {
    "vLLM": "lower grpo.vllm_gpu_memory_utilization or set grpo.vllm_enable_sleep_mode=true",
    "activations of the language model": (
        "lower grpo.per_device_train_batch_size, data.max_pixels, or grpo.max_completion_length, and keep "
        "grpo.gradient_checkpointing=true"
    ),
    "activations of the vision tower": "lower grpo.per_device_train_batch_size or data.max_pixels",
    "key-value cache": "lower grpo.steps_per_generation",
    "reading the prompts": "lower grpo.steps_per_generation",
    "pixels of the sampled batch": "lower grpo.steps_per_generation",
    "optimizer": "set accelerate=zero3, train adapters (model.lora), or set grpo.optim=adamw_8bit",
    "gradients": "set accelerate=zero3, or train adapters (model.lora)",
    "weights": "set accelerate=zero3, or set model.quantize=nf4, model.lora, and grpo.use_vllm=false together",
    "reference model": "set accelerate=zero3 or grpo.beta=0, or train adapters (model.lora)",
}


def check_settings(context: Context) -> Finding:
    """Check that TRL accepts the settings, and that `reward.task_weights`, if set, has an effect.

    TRL requires, for example, that the combined batch of all processes consists of complete groups of completions.
    """
    given = len(context.recipe.grpo)
    unscaled = context.recipe.grpo.get("scale_rewards") in ("batch", "none", False)
    if context.recipe.reward.task_weights and not unscaled:
        # advantages are divided by the standard deviation of their group, which removes the factor
        fix = "set grpo.scale_rewards to batch or none, or change the shares of the tasks in the release"
        return warning("reward.task_weights has no effect unless grpo.scale_rewards is batch or none", fix)
    return ok(f"TRL accepts the {given} grpo settings; each sampling round has {context.batch.sampled} completions")


def check_learning_rate(context: Context) -> Finding:
    """Check that the learning rate is in a usable range."""
    rate = context.config.learning_rate
    message = f"grpo.learning_rate={rate:g}"
    if not 0 < rate < DIVERGES:
        return failed(f"{message} would not train", "set a typical value, from 1e-6 to 1e-5", rate, DIVERGES)
    if rate > HIGH:
        fix = "lower the learning rate, or watch grad_norm in the first steps"
        return warning(f"{message} is far above the usual values for GRPO", fix, rate, HIGH)
    return ok(message, rate, HIGH)


def check_batch(context: Context) -> Finding:
    """Check that the batch size is equal to `effective_batch`, and that all completions are sampled with the current
    weights.
    """
    batch, stated = context.batch, context.recipe.effective_batch
    message = (
        f"processes x batch x passes: {batch.processes} x {batch.per_device} x {batch.accumulation} = "
        f"{batch.effective} completions per step ({batch.effective / batch.generations:g} prompts x "
        f"{batch.generations} completions)"
    )
    if stated is not None and stated != batch.effective:
        fix = f"set effective_batch={batch.effective}, or change grpo.gradient_accumulation_steps"
        return failed(f"{message}, but effective_batch is {stated}", fix, batch.effective, stated)
    if batch.accumulation % batch.passes_per_round:
        fix = "set grpo.gradient_accumulation_steps to a multiple of steps_per_generation x num_iterations"
        return warning(f"{message}; some completions were sampled with older weights", fix, batch.effective, stated)
    return ok(message, batch.effective, stated)


def check_saving(context: Context) -> Finding:
    """Check that checkpoints are saved between sampling rounds. Otherwise, the results of a resumed run would differ
    from those of an uninterrupted run.
    """
    batch, config = context.batch, context.config
    if config.save_strategy != "steps":
        return warning("no checkpoints during training", "set grpo.save_strategy=steps, so that the run can be resumed")
    every = int(config.save_steps)
    if not _aligned(every, batch):
        aligned = next(n for n in range(every, every + batch.passes_per_round + 1) if _aligned(n, batch))
        message = (
            f"a checkpoint every {every} steps falls inside a sampling round, so a resumed run would differ from an "
            "uninterrupted one"
        )
        return failed(message, f"set grpo.save_steps={aligned}", every, aligned)
    check_benchmark(context.recipe, config)
    return ok(f"a checkpoint every {every} steps, always between two sampling rounds", every)


def _aligned(steps: int, batch: Batch) -> bool:
    return steps * batch.accumulation % batch.passes_per_round == 0


def check_memory(context: Context) -> Finding:
    """Check that the memory plan fits into the GPU memory that the recipe states."""
    plan = plan_memory(context)
    peak, available = plan.peak / GB, (plan.available or 0) / GB
    if plan.available is None:
        found = ok(
            f"planned memory peak: about {gigabytes(plan.peak)} while {plan.fuller}; the recipe uses no GPU", peak
        )
    else:
        message = f"planned memory peak: {peak:.0f} of {available:g} GB per GPU while {plan.fuller}: {_parts(plan)}"
        found = ok(message, peak, available)
        if peak > TIGHT * available:
            fix = f"little memory remains for anything that the plan does not cover: {_fix(plan)}"
            found = warning(message, fix, peak, available)
        elif plan.sequences is not None and plan.sequences < context.batch.generations:
            room = f"vLLM has room for {plan.sequences:.0f} samples of maximum length at a time"
            fix = "raise grpo.vllm_gpu_memory_utilization, so that all completions of a prompt can be sampled together"
            found = warning(f"{message}; {room}", fix, peak, available)
    return replace(found, details={part.name: part.bytes / GB for part in plan.parts})


def plan_memory(context: Context) -> MemoryPlan:
    """Compute the memory plan of the recipe.

    Raises MemoryPlanError if the plan does not fit, or if vLLM's cache is too small for one sample of maximum length.
    The error message names the settings to change.
    """
    plan = memory_plan(context.shape, context.recipe, context.config, context.longest)
    if not plan.fits:
        message = f"{plan.peak / GB:.0f} GB per GPU planned, but gpu_memory_gb is {context.recipe.gpu_memory_gb:g}"
        raise MemoryPlanError(f"{message} ({_parts(plan)}); {_fix(plan)}")
    if plan.sequences is not None and plan.sequences < 1:
        share = context.config.vllm_gpu_memory_utilization
        message = (
            f"with grpo.vllm_gpu_memory_utilization={share}, vLLM does not have room for even one sample of maximum "
            "length"
        )
        raise MemoryPlanError(f"{message}; raise this setting, or lower grpo.vllm_max_model_length")
    return plan


def _parts(plan: MemoryPlan) -> str:
    """List the parts of the plan that are in use at the peak, largest first. Small parts are omitted."""
    named = [part for part in plan.held() if part.bytes >= WORTH_NAMING * plan.peak]
    return ", ".join(f"{part.name} {part.bytes / GB:.1f}" for part in named)


def _fix(plan: MemoryPlan) -> str:
    """Name the settings that reduce the largest part of the memory plan. Parts that no setting reduces are skipped."""
    return next((FIXES[part.name] for part in plan.held() if part.name in FIXES), "use more GPUs")


def check_disk(context: Context) -> Finding:
    """Check that the disk has enough space for the checkpoints and the final weights."""
    config, recipe = context.config, context.recipe
    each, final = checkpoint_bytes(context.shape, recipe, config), 2 * context.shape.total
    planned = config.max_steps // int(config.save_steps) if config.max_steps > 0 else UNLIMITED
    # an old checkpoint is deleted only after the new one is complete
    kept = min(planned, config.save_total_limit + 1 if config.save_total_limit else planned)
    needed = kept * each + final
    message = f"{kept} checkpoints of {gigabytes(each)} and the final weights: {gigabytes(needed)}"
    if recipe.gpu_memory_gb and not gpu_bytes():
        raise Unchecked(f"{message}; disk space can be checked only on the machine with the GPUs")
    around = [context.folder.absolute(), *context.folder.absolute().parents]
    free = shutil.disk_usage(next(folder for folder in around if folder.is_dir())).free
    found = f"{message}; {gigabytes(free)} are free"
    if needed > free:
        fix = "lower grpo.save_total_limit, or use --to to choose a folder on a larger disk"
        return failed(found, fix, needed / GB, free / GB)
    return ok(found, needed / GB, free / GB)
