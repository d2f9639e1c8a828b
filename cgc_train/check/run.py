"""Runs all checks of a recipe in order. If a check fails, only the checks that depend on it are skipped."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cgc_data.common.errors import CgcError
from cgc_train.check import machine, models, numbers, photos, rows, step
from cgc_train.check.context import Context, Finding, Unchecked, not_checked
from cgc_train.recipe import Recipe
from cgc_train.run import default_folder


@dataclass(frozen=True)
class Check:
    """A check, and the other checks that must pass first."""

    name: str
    run: Callable[[Context], Finding]
    needs: tuple[str, ...] = ()


CHECKS = (
    Check("packages", machine.check_packages),
    Check("settings", numbers.check_settings),
    Check("learning rate", numbers.check_learning_rate, ("settings",)),
    Check("batch", numbers.check_batch, ("settings",)),
    Check("checkpoints", numbers.check_saving, ("settings",)),
    Check("trackers", machine.check_trackers, ("settings",)),
    Check("hub", machine.check_hub),
    Check("data", rows.check_data, ("settings",)),
    Check("groups", rows.check_groups, ("data",)),
    Check("photos", photos.check_photos, ("data",)),
    Check("gold", rows.check_gold, ("data",)),
    Check("reward speed", rows.check_speed, ("data",)),
    Check("model", models.check_model),
    Check("weights", models.check_weights, ("model",)),
    Check("adapters", models.check_adapters, ("model",)),
    Check("processor", models.check_processor),
    Check("template", models.check_template, ("processor",)),
    Check("images", rows.check_images, ("data", "processor")),
    Check("prompts", rows.check_prompts, ("data", "model", "processor")),
    Check("completions", rows.check_completions, ("data", "processor")),
    Check("memory", numbers.check_memory, ("model", "prompts")),
    Check("disk", numbers.check_disk, ("settings", "model")),
    Check("run folder", machine.check_run_folder),
    Check("engines", machine.check_engines, ("settings",)),
    Check("GPUs", machine.check_gpus),
    Check("step", step.check_step, ("settings", "data", "model")),
)


def run_checks(recipe: Recipe, folder: Path | None = None, step_seconds: float = 0) -> Iterator[Finding]:
    """Run all checks of a recipe, and yield each finding as soon as it is available. Expected errors become findings.

    `folder` is the folder of the run. If it is None, the default folder of `cgc-train grpo` is used. `step_seconds` is
    the time limit of a trial training step with a tiny model. 0 skips this step.
    """
    context, unsound = Context(recipe, folder or default_folder(recipe), step_seconds), set[str]()
    for check in CHECKS:
        missing = [name for name in check.needs if name in unsound]
        finding = not_checked(f"depends on {', '.join(missing)}") if missing else _found(check, context)
        if missing or finding.status == "failed":
            unsound.add(check.name)
        yield replace(finding, check=check.name)


def _found(check: Check, context: Context) -> Finding:
    try:
        return check.run(context)
    except Unchecked as reason:
        return not_checked(str(reason))
    except CgcError as error:
        return Finding("failed", str(error))
