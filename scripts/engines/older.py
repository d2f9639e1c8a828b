"""Converts a saved model to the format of transformers 4. Transformers 5 saves some settings under other names."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any


def as_older(model: Path, folder: Path) -> Path:
    """Copy a model, and write two settings in the older format: additional special tokens and rotary positions."""
    shutil.copytree(model, folder)
    _change(folder / "tokenizer_config.json", _tokenizer)
    _change(folder / "config.json", _configuration)
    return folder


def _tokenizer(values: dict[str, Any]) -> dict[str, Any]:
    return {**values, "additional_special_tokens": values["extra_special_tokens"], "extra_special_tokens": {}}


def _configuration(values: dict[str, Any]) -> dict[str, Any]:
    text = dict(values["text_config"])
    rotary = text.pop("rope_parameters")
    text["rope_theta"] = rotary.pop("rope_theta")
    return {**values, "text_config": {**text, "rope_scaling": rotary}}


def _change(file: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    values = change(json.loads(file.read_text(encoding="utf-8")))
    file.write_text(json.dumps(values, indent=1), encoding="utf-8")
