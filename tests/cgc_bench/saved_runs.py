"""Runs as lmms-eval saves them, without a model, and the command that reads them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from cgc_bench.cli import cli
from cgc_data.answer import format_response

Answer = Callable[[Any], str]
TIME = "20261124_120000"


def perfect(item: Any) -> str:
    return format_response(item.truth.objects, "Looked.")


def in_pixels(item: Any) -> str:
    return _boxes(item, [1200, 1300, 1900, 1800])


def in_shares(item: Any) -> str:
    return _boxes(item, [0.12, 0.13, 0.19, 0.5])


def _boxes(item: Any, box: list[float]) -> str:
    return json.dumps([{"img_idx": o.img_idx, "bbox_2d": box, "label": o.label} for o in item.truth.objects])


def save(
    run: Path, name: str, items: dict[str, Any], answer: Answer, label: str = "", *, time: str = TIME, model: str = "",
    **stated: Any,
) -> Path:  # fmt: skip
    """A run as lmms-eval writes it; `stated` are additional columns, by task if they are a dictionary."""
    folder = run / (model or run.name)
    folder.mkdir(parents=True, exist_ok=True)
    for task in {item.task for item in items.values()}:
        lines = [
            {"doc_id": 0, "cgc_index": index, "cgc_task": task, "cgc_benchmark": name, "cgc_response": answer(item)}
            | {"cgc_annotations": item.version}
            | {key: value[task] if isinstance(value, dict) else value for key, value in stated.items()}
            for index, item in items.items()
            if item.task == task
        ]
        file = folder / f"{time}_samples_{label or f'cgc_{name}'}_{task}.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run


def invoke(*arguments: object) -> str:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output
