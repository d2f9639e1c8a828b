"""Loads an included recipe or a YAML file, with `key=value` overrides.

The keys in the sections `sft` and `grpo` are checked only if TRL is installed.
"""

from collections.abc import Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from cgc_data.common.settings import Values, merge_all, nearest, parse_override, read_settings, read_yaml
from cgc_train.errors import RecipeError
from cgc_train.recipe.schema import Recipe


def recipe_names() -> list[str]:
    """Names of the included recipes."""
    return sorted(path.name.removesuffix(".yaml") for path in _shipped().iterdir() if path.name.endswith(".yaml"))


def recipe_path(name: str) -> Path:
    """Path of an included recipe. A name that ends in `.yaml` or `.yml` is returned as a path, even if the file does
    not exist. Raises RecipeError if no included recipe has the name.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return path
    if name not in recipe_names():
        raise RecipeError(
            f"there is no recipe {name!r}{nearest(name, recipe_names())}; `cgc-train recipes` lists all recipes"
        )
    return Path(str(_shipped() / f"{name}.yaml"))


def launch_path(name: str) -> Path:
    """Path of one of this package's launch files, for `accelerate launch --config_file`."""
    return Path(str(files("cgc_train") / "accelerate" / f"{name}.yaml"))


def launch_machines(name: str) -> int:
    """Number of machines in one of this package's launch files."""
    return int(yaml.safe_load(launch_path(name).read_text(encoding="utf-8"))["num_machines"])


def load_recipe(name: str, settings: Sequence[str] = ()) -> Recipe:
    """Load an included recipe or a YAML file, with `key=value` overrides. Later overrides take precedence.

    Raises RecipeError for an unknown recipe, an unreadable file, an invalid value, or an unknown key. For an unknown
    key, the message suggests the most similar known key.
    """
    path = recipe_path(name)
    values = read_yaml(path, RecipeError)
    overrides = merge_all([parse_override(text, RecipeError) for text in settings])
    return _read(merge_all([values, overrides]), "command line" if overrides else str(path))


def save_recipe(recipe: Recipe, path: Path) -> None:
    """Write a recipe to a file, including all default values."""
    path.write_text(yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False), encoding="utf-8")


def _read(values: Values, origin: str) -> Recipe:
    recipe = read_settings(Recipe, values, origin, RecipeError)
    if find_spec("trl"):
        from cgc_train.recipe.arguments import check_keys

        check_keys(recipe, origin)
    return recipe


def _shipped() -> Any:
    return files("cgc_train") / "recipes"
