"""Benchmark results that are published with a model: files of `cgc-bench score --json` as the Hub's metadata.

The card's `model-index` has every figure; `.eval_results/*.yaml` has the first of each benchmark, which is what the Hub
shows beside others. A benchmark that was scored by several protocols has a file for each.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, cast

import msgspec
import yaml
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from cgc_data.common.errors import PushError
from cgc_data.release.locate import HUB_ID
from cgc_train.recipe import Recipe

# Data sets of the benchmarks that have one; that of `contrast` is the release itself.
DATASETS = {"mig": "Michael4933/MIG-Bench", "vlm2": "Sterzhang/vlm2-bench"}
TASK = "image-text-to-text"
METHOD = "cgc-bench score"


class Bounds(msgspec.Struct, frozen=True):
    """A mean in percent with its bounds at 95 %."""

    value: float | None
    low: float | None
    high: float | None


class Intervals(msgspec.Struct, frozen=True):
    """Bounds of the means over tasks, by metric."""

    macro: Mapping[str, Bounds] = {}


class Result(msgspec.Struct, frozen=True):
    """What `cgc-bench score --json` writes of a benchmark, as far as it is published; values are percent."""

    task: str
    protocol: str
    annotations: str
    n: int
    items: int
    macro: Mapping[str, float | None]
    postprocess: str | None = None
    intervals: Intervals = Intervals()
    dataset: str = ""

    @property
    def figures(self) -> dict[str, float]:
        """The means over tasks that have a value; the first one is the benchmark's own."""
        return {metric: value for metric, value in self.macro.items() if value is not None}

    @property
    def notes(self) -> str:
        """How it was scored, in a line."""
        parts = [next(iter(self.figures)), f"protocol {self.protocol}", f"annotations {self.annotations}"]
        parts += [f"post-processing {self.postprocess}"] if self.postprocess else []
        return ", ".join([*parts, f"{self.n} of {self.items} items"])


class CardRow(TypedDict):
    """A row of the card's table."""

    benchmark: str
    metric: str
    value: float
    bounds: Bounds | None
    notes: str


def read_results(named: Sequence[str], recipe: Recipe) -> list[Result]:
    """Results of files, each named as FILE or as DATASET=FILE, where DATASET is the benchmark's on the Hub.

    Raises PushError for a file that `cgc-bench score` did not write, a data set that has to be named, and two results
    of one benchmark and protocol.
    """
    results = [_read(text, recipe) for text in named]
    names = [file_name(result) for result in results]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise PushError(f"--results: two files are of {repeated.removesuffix('.yaml')}; give one of them")
    return results


def _read(text: str, recipe: Recipe) -> Result:
    dataset, equals, path = text.rpartition("=")
    try:
        result = msgspec.json.decode(Path(path).read_bytes(), type=Result)
    except (OSError, msgspec.MsgspecError) as error:
        raise PushError(f"{path}: no result that can be published ({error}); write it by {METHOD} --json") from None
    if not result.figures:
        raise PushError(f"{path}: has no figure; score responses to some items")
    own = recipe.data.release if result.task == "contrast" else ""
    found = dataset if equals else DATASETS.get(result.task, own)
    if not HUB_ID.fullmatch(found):
        raise PushError(f"{path}: which data set on the Hub {result.task} is of is not known; write ORG/NAME={path}")
    return msgspec.structs.replace(result, dataset=found)


def file_name(result: Result) -> str:
    """Name of the file below `.eval_results`: of the benchmark and of how it was scored."""
    parts = [result.task, result.protocol, *([result.postprocess] if result.postprocess else [])]
    return re.sub(r"[^\w.-]+", "-", "-".join(parts)) + ".yaml"


def eval_results(results: Sequence[Result], url: str) -> dict[str, bytes]:
    """Files below `.eval_results`, by path; `url` is where the model will be."""
    return {f".eval_results/{file_name(result)}": _entry(result, url) for result in results}


def _entry(result: Result, url: str) -> bytes:
    entry: dict[str, Any] = {
        "dataset": {"id": result.dataset, "task_id": "default"},
        "value": round(next(iter(result.figures.values())), 2),
        "source": {"url": url, "name": METHOD},
        "notes": result.notes,
    }
    return yaml.safe_dump([entry], sort_keys=False).encode()


def with_model_index(card: str, name: str, results: Sequence[Result]) -> str:
    """The card with every figure in its front matter; as it is where there are none."""
    if not results:
        return card
    read = ModelCard(card, ignore_metadata_errors=False)
    data = cast(ModelCardData, read.data)
    data.model_name = name
    data.eval_results = [
        EvalResult(
            task_type=TASK,
            task_name="multi-image grounding",
            dataset_type=result.dataset,
            dataset_name=result.dataset.rpartition("/")[2],
            dataset_args={"protocol": result.protocol, "annotations": result.annotations},
            metric_type=metric,
            metric_name=f"{metric} ({result.notes})",
            metric_value=round(value, 2),
        )
        for result in results
        for metric, value in result.figures.items()
    ]
    return str(read)


def card_rows(results: Sequence[Result]) -> list[CardRow]:
    """The figures as the card's table has them."""
    return [
        {
            "benchmark": result.task,
            "metric": metric,
            "value": value,
            "bounds": result.intervals.macro.get(metric),
            "notes": result.notes.partition(", ")[2],
        }
        for result in results
        for metric, value in result.figures.items()
    ]
