"""Converts a recipe to TRL's training arguments, and rejects arguments that a recipe must not set."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TypeVar

from cgc_data.common.settings import nearest
from cgc_train.errors import RecipeError
from cgc_train.protocols import GrpoArguments, TrainingArguments
from cgc_train.recipe.schema import Recipe
from cgc_train.reward.settings import TERMS

Built = TypeVar("Built")

# Arguments that the trainer or another part of the recipe sets; a second value could contradict the first.
DECIDED = {
    "sft": {
        "output_dir": "--to",
        "model_init_kwargs": "model",
        "max_length": "data.max_pixels",
        "remove_unused_columns": "the trainer, which needs every column",
    },
    "grpo": {
        "output_dir": "--to",
        "model_init_kwargs": "model",
        "reward_weights": " and ".join(f"reward.{term.name}" for term in TERMS),
        "shuffle_dataset": "data.curriculum",
        "eval_strategy": "data.held_out_every",
        "eval_steps": "data.held_out_every",
        "eval_on_start": "data.held_out_every",
        "remove_unused_columns": "the reward, which needs every column",
        "log_multimodal": "cgc-train, because `cgc-train view` shows the images instead",
        "num_generations_eval": "the evaluation, which answers held-out rows once, by greedy decoding",
    },
}


def check_keys(recipe: Recipe, origin: str) -> None:
    """Raise RecipeError if `sft` or `grpo` has a key that TRL does not have or that is set elsewhere."""
    from trl import GRPOConfig, SFTConfig

    for section, config in (("sft", SFTConfig), ("grpo", GRPOConfig)):
        known = [field.name for field in fields(config) if field.init]
        for key in getattr(recipe, section):
            if place := DECIDED[section].get(key):
                raise RecipeError(f"{origin}: {section}.{key} cannot be set here; it is determined by {place}")
            if key not in known:
                raise RecipeError(f"{origin}: unknown setting '{section}.{key}'{nearest(f'{section}.{key}', known)}")


def grpo_config(recipe: Recipe, run_folder: Path, **over: object) -> GrpoArguments:
    """Build TRL's GRPOConfig for a recipe. Raises RecipeError for values that TRL rejects."""
    from trl import GRPOConfig

    held_out = bool(recipe.data.held_out_every and recipe.data.held_out_rows)
    decided = {
        "output_dir": str(run_folder),
        "model_init_kwargs": _loading(recipe),
        "num_generations_eval": 1,
        "reward_weights": [recipe.reward.weight(term) for term in recipe.reward.terms],
        "shuffle_dataset": False,  # the rows are already in the recipe's order; see `data.curriculum`
        "remove_unused_columns": False,
        "log_multimodal": False,
        "eval_strategy": "steps" if held_out else "no",
        "eval_steps": recipe.data.held_out_every if held_out else None,
    }
    built: GrpoArguments = _built(GRPOConfig, _defaults(recipe) | recipe.grpo | decided | over, "grpo")
    return built


def sft_config(recipe: Recipe, run_folder: Path, **over: object) -> TrainingArguments:
    """Build TRL's SFTConfig for a recipe. Raises RecipeError for values that TRL rejects."""
    from trl import SFTConfig

    decided = {
        "output_dir": str(run_folder),
        "model_init_kwargs": _loading(recipe),
        "max_length": None,  # a maximum length would truncate prompts inside their image tokens
        "remove_unused_columns": False,
    }
    built: TrainingArguments = _built(SFTConfig, _defaults(recipe) | recipe.sft | decided | over, "sft")
    return built


def _loading(recipe: Recipe) -> dict[str, object]:
    """Model loading arguments for both trainers. The data type is always set, because TRL's default is float32."""
    model = recipe.model
    return {"dtype": model.dtype, "attn_implementation": model.attention, "revision": model.revision}


def _defaults(recipe: Recipe) -> dict[str, object]:
    """Default training arguments, derived from other settings of the recipe."""
    return {
        "bf16": recipe.model.dtype == "bfloat16",
        "use_cpu": recipe.accelerate == "cpu",
        "report_to": "none",
        "seed": recipe.data.seed,
        "dataloader_pin_memory": recipe.accelerate != "cpu",
    }


def _built(config: Callable[..., Built], values: Mapping[str, object], section: str) -> Built:
    typed = {field.name: field.type for field in fields(config)}  # type: ignore[arg-type]  # a TRL class
    try:
        return config(**{key: _number(value, typed.get(key)) for key, value in values.items()})
    except (ValueError, TypeError, NotImplementedError) as error:
        raise RecipeError(f"{section}: {' '.join(str(error).split())}") from None


def _number(value: object, expected: object) -> object:
    """Convert a value to a number if TRL expects a number, because YAML 1.1 reads `1e-6` as text."""
    if isinstance(value, str) and expected in (float, int, float | None, int | None, "float", "int"):
        try:
            return float(value)
        except ValueError:
            raise RecipeError(f"{value!r} is not a number") from None
    return value
