"""Recipes, which define training runs. Each recipe is one YAML file, which is checked before the model or the data is
loaded.
"""

from cgc_train.families import LORA_TARGETS
from cgc_train.recipe.load import launch_machines, launch_path, load_recipe, recipe_names, recipe_path, save_recipe
from cgc_train.recipe.schema import (
    BenchmarkSettings,
    DataSettings,
    GroupSettings,
    HubSettings,
    LoraSettings,
    ModelSettings,
    Recipe,
    WarningSettings,
)

__all__ = [
    "LORA_TARGETS",
    "BenchmarkSettings",
    "DataSettings",
    "GroupSettings",
    "HubSettings",
    "LoraSettings",
    "ModelSettings",
    "Recipe",
    "WarningSettings",
    "launch_machines",
    "launch_path",
    "load_recipe",
    "recipe_names",
    "recipe_path",
    "save_recipe",
]
