"""Checks of a recipe's numbers: batches that divide, checkpoints that resume exactly, memory and disk that suffice."""

import shutil
from dataclasses import replace

from cgc_train.beside import check_benchmark
from cgc_train.check.batch import Batch
from cgc_train.check.context import Context, Finding, Unchecked, failed, gigabytes, ok, warning
from cgc_train.check.machine import gpu_bytes
from cgc_train.check.memory import GB, MemoryPlan, checkpoint_bytes, memory_plan
from cgc_train.errors import MemoryPlanError

TIGHT = 0.95  # of the memory, above which the plan is too close to trust
WORTH_NAMING = 0.02  # of the peak, below which a part is not named
HIGH = 1e-3  # a learning rate above which even a tiny model's GRPO has not been seen to hold
DIVERGES = 0.1  # Adam moves every weight by about the learning rate, each step
UNLIMITED = 10  # checkpoints counted where nothing limits their number

MENDS = {
    "vLLM": "lower grpo.vllm_gpu_memory_utilization or set grpo.vllm_enable_sleep_mode=true",
    "activations of the language model": "lower grpo.per_device_train_batch_size, data.max_pixels or "
    "grpo.max_completion_length, and keep grpo.gradient_checkpointing=true",
    "activations of the vision tower": "lower grpo.per_device_train_batch_size or data.max_pixels",
    "key-value cache": "lower grpo.steps_per_generation",
    "reading the prompts": "lower grpo.steps_per_generation",
    "pixels of the sampled batch": "lower grpo.steps_per_generation",
    "optimiser": "set accelerate=zero3, train adapters (model.lora) or set grpo.optim=adamw_8bit",
    "gradients": "set accelerate=zero3, or train adapters (model.lora)",
    "weights": "set accelerate=zero3, or model.quantize=nf4 with model.lora and grpo.use_vllm=false",
    "reference model": "set accelerate=zero3 or grpo.beta=0, or train adapters (model.lora)",
}


def check_settings(context: Context) -> Finding:
    """TRL takes the settings, and groups are whole on all processes together."""
    given = len(context.recipe.grpo)
    return ok(f"TRL takes the {given} settings of grpo; {context.batch.sampled} completions a round of sampling")


def check_learning_rate(context: Context) -> Finding:
    """The learning rate is one that a model survives."""
    rate = context.config.learning_rate
    message = f"grpo.learning_rate={rate:g}"
    if not 0 < rate < DIVERGES:
        return failed(f"{message} would not train", "set 1e-6 to 1e-5, which is usual", rate, DIVERGES)
    if rate > HIGH:
        fix = "lower it, or watch grad_norm in the first steps"
        return warning(f"{message} is far above what GRPO is trained with", fix, rate, HIGH)
    return ok(message, rate, HIGH)


def check_batch(context: Context) -> Finding:
    """A step is as large as the recipe says, and learns from what the newest weights sampled."""
    batch, stated = context.batch, context.recipe.effective_batch
    message = (
        f"{batch.processes} processes x {batch.per_device} x {batch.accumulation} passes = "
        f"{batch.effective} completions a step, {batch.effective / batch.generations:g} prompts x {batch.generations}"
    )
    if stated is not None and stated != batch.effective:
        mend = f"set effective_batch={batch.effective}, or change grpo.gradient_accumulation_steps"
        return failed(f"{message}, but effective_batch is {stated}", mend, batch.effective, stated)
    if batch.accumulation % batch.passes_per_round:
        mend = "make grpo.gradient_accumulation_steps a multiple of steps_per_generation x num_iterations"
        return warning(f"{message}; some learn from what older weights sampled", mend, batch.effective, stated)
    return ok(message, batch.effective, stated)


def check_saving(context: Context) -> Finding:
    """Checkpoints fall between two rounds of sampling, so that a resumed run is the same run."""
    batch, config = context.batch, context.config
    if config.save_strategy != "steps":
        return warning("no checkpoint while training", "set grpo.save_strategy=steps to be able to resume")
    every = int(config.save_steps)
    if not _aligned(every, batch):
        aligned = next(n for n in range(every, every + batch.passes_per_round + 1) if _aligned(n, batch))
        message = f"a checkpoint every {every} steps falls inside a round of sampling: a resumed run would differ"
        return failed(message, f"set grpo.save_steps={aligned}", every, aligned)
    check_benchmark(context.recipe, config)
    return ok(f"a checkpoint every {every} steps, each between two rounds of sampling", every)


def _aligned(steps: int, batch: Batch) -> bool:
    return steps * batch.accumulation % batch.passes_per_round == 0


def check_memory(context: Context) -> Finding:
    """The plan fits into the memory that the recipe states."""
    plan = plan_memory(context)
    peak, available = plan.peak / GB, (plan.available or 0) / GB
    if plan.available is None:
        found = ok(f"about {gigabytes(plan.peak)} by the plan, while {plan.fuller}; the recipe states no GPU", peak)
    else:
        message = f"{peak:.0f} of {available:g} GB a GPU by the plan, while {plan.fuller}: {_parts(plan)}"
        found = ok(message, peak, available)
        if peak > TIGHT * available:
            found = warning(message, f"little is left for what is not planned: {_mend(plan)}", peak, available)
        elif plan.sequences is not None and plan.sequences < context.batch.generations:
            room = f"vLLM has room for {plan.sequences:.0f} longest samples at a time"
            mend = "raise grpo.vllm_gpu_memory_utilization to sample a prompt's completions together"
            found = warning(f"{message}; {room}", mend, peak, available)
    return replace(found, details={part.name: part.bytes / GB for part in plan.parts})


def plan_memory(context: Context) -> MemoryPlan:
    """The plan of the recipe's run. Raises MemoryPlanError where it does not fit, naming what to change."""
    plan = memory_plan(context.shape, context.recipe, context.config, context.longest)
    if not plan.fits:
        message = f"{plan.peak / GB:.0f} GB a GPU by the plan, but gpu_memory_gb is {context.recipe.gpu_memory_gb:g}"
        raise MemoryPlanError(f"{message} ({_parts(plan)}); {_mend(plan)}")
    if plan.sequences is not None and plan.sequences < 1:
        share = context.config.vllm_gpu_memory_utilization
        message = f"grpo.vllm_gpu_memory_utilization={share} leaves vLLM no room for one longest sample"
        raise MemoryPlanError(f"{message}; raise it, or lower grpo.vllm_max_model_length")
    return plan


def _parts(plan: MemoryPlan) -> str:
    """What matters of the peak, the largest first."""
    named = [part for part in plan.held() if part.bytes >= WORTH_NAMING * plan.peak]
    return ", ".join(f"{part.name} {part.bytes / GB:.1f}" for part in named)


def _mend(plan: MemoryPlan) -> str:
    """What to change about the largest part that can be changed."""
    return next((MENDS[part.name] for part in plan.held() if part.name in MENDS), "use more GPUs")


def check_disk(context: Context) -> Finding:
    """The disk of the run folder has room for its checkpoints and the final weights."""
    config, recipe = context.config, context.recipe
    each, final = checkpoint_bytes(context.shape, recipe, config), 2 * context.shape.total
    planned = config.max_steps // int(config.save_steps) if config.max_steps > 0 else UNLIMITED
    # an old checkpoint is deleted only once the new one is whole
    kept = min(planned, config.save_total_limit + 1 if config.save_total_limit else planned)
    needed = kept * each + final
    message = f"{kept} checkpoints of {gigabytes(each)} and the final weights: {gigabytes(needed)}"
    if recipe.gpu_memory_gb and not gpu_bytes():
        raise Unchecked(f"{message}; whether the disk of the machine with the GPUs has them")
    around = [context.folder.absolute(), *context.folder.absolute().parents]
    free = shutil.disk_usage(next(folder for folder in around if folder.is_dir())).free
    found = f"{message}; {gigabytes(free)} are free"
    if needed > free:
        mend = "lower grpo.save_total_limit, or name a folder on a larger disk with --to"
        return failed(found, mend, needed / GB, free / GB)
    return ok(found, needed / GB, free / GB)
