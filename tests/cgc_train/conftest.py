"""A tiny model, a small release and a recipe over both; made once for each worker of the tests."""

import os
from pathlib import Path
from typing import Any

import pytest

from cgc_train.recipe import Recipe
from tests.cgc_train.made_rows import some_rows, write_release

# threads only get into each other's way at this size
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the tiny random model."""
    from cgc_train.tiny import write_tiny

    return write_tiny(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def made_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release with rows of every task, in the splits train and validation."""
    rows = [*some_rows(), *some_rows(photo=200), *some_rows("validation", photo=500)]
    return write_release(tmp_path_factory.mktemp("release") / "R", rows)


@pytest.fixture
def run_values(tiny: Path, made_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A recipe as YAML would say it: a few short steps of the tiny model."""
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))
    return {
        "name": "short",
        "accelerate": "cpu",
        "model": {"name": str(tiny), "dtype": "float32"},
        "data": {"release": str(made_release), "max_pixels": 4096, "held_out_rows": 4, "held_out_every": 2},
        "grpo": {
            "learning_rate": 1e-3,
            "num_generations": 2,
            "per_device_train_batch_size": 4,
            "per_device_eval_batch_size": 4,
            "gradient_checkpointing": False,
            "max_completion_length": 12,
            "max_steps": 2,
            "save_steps": 1,
            "logging_steps": 1,
            "log_completions": True,
            "num_completions_to_print": 0,
            "disable_tqdm": True,
        },
    }


def made_recipe(values: dict[str, Any], **sections: dict[str, Any]) -> Recipe:
    """The recipe of such values with sections changed."""
    merged = {key: {**value, **sections[key]} if key in sections else value for key, value in values.items()}
    return Recipe.model_validate({**{key: value for key, value in sections.items() if key not in values}, **merged})
