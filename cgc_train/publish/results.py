"""Converts benchmark results from `cgc-bench score --json` to model metadata for the Hub.

The `model-index` in the card contains every score. Each file in `.eval_results` contains the main score of one
benchmark, which the Hub shows in comparisons. If a benchmark was scored with several protocols, each protocol has a
separate file.
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

# Data sets of the benchmarks; the data set of `contrast` is the release itself.
DATASETS = {"mig": "Michael4933/MIG-Bench", "vlm2": "Sterzhang/vlm2-bench"}
TASK = "image-text-to-text"
METHOD = "cgc-bench score"


class Bounds(msgspec.Struct, frozen=True):
    """A mean in percent with its 95 % confidence interval."""

    value: float | None
    low: float | None
    high: float | None


class Intervals(msgspec.Struct, frozen=True):
    """For each metric, the mean over tasks with its confidence interval."""

    macro: Mapping[str, Bounds] = {}


class Result(msgspec.Struct, frozen=True):
    """The part of a `cgc-bench score --json` file that is published. Values are in percent."""

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
        """The mean over tasks for each metric that has a value. The first entry is the main metric of the benchmark."""
        return {metric: value for metric, value in self.macro.items() if value is not None}

    @property
    def notes(self) -> str:
        """A one-line description of how the benchmark was scored."""
        parts = [next(iter(self.figures)), f"protocol {self.protocol}", f"annotations {self.annotations}"]
        parts += [f"post-processing {self.postprocess}"] if self.postprocess else []
        return ", ".join([*parts, f"{self.n} of {self.items} items"])


class CardRow(TypedDict):
    """A row of the results table in the card."""

    benchmark: str
    metric: str
    value: float
    bounds: Bounds | None
    notes: str


def read_results(named: Sequence[str], recipe: Recipe) -> list[Result]:
    """Read results from files, which are passed as FILE or as DATASET=FILE. DATASET is the Hub id of the benchmark's
    data set.

    Raises PushError if a file does not contain scores from `cgc-bench score`, or if the id of a data set is unknown.
    Also raises PushError if two files have the same benchmark, protocol, and post-processing.
    """
    results = [_read(text, recipe) for text in named]
    names = [file_name(result) for result in results]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise PushError(f"--results: two files are for {repeated.removesuffix('.yaml')}; pass only one of them")
    return results


def _read(text: str, recipe: Recipe) -> Result:
    dataset, equals, path = text.rpartition("=")
    try:
        result = msgspec.json.decode(Path(path).read_bytes(), type=Result)
    except (OSError, msgspec.MsgspecError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise PushError(f"{path}: not a publishable result ({reason}); create it with {METHOD} --json") from None
    if not result.figures:
        raise PushError(f"{path}: contains no figures; score at least one response")
    own = recipe.data.release if result.task == "contrast" else ""
    found = dataset if equals else DATASETS.get(result.task, own)
    if not HUB_ID.fullmatch(found):
        raise PushError(f"{path}: the Hub data set of {result.task} is unknown; write ORG/NAME={path}")
    return msgspec.structs.replace(result, dataset=found)


def file_name(result: Result) -> str:
    """The file name in `.eval_results`: the benchmark, the protocol, and the post-processing, if any."""
    parts = [result.task, result.protocol, *([result.postprocess] if result.postprocess else [])]
    return re.sub(r"[^\w.-]+", "-", "-".join(parts)) + ".yaml"


def eval_results(results: Sequence[Result], url: str) -> dict[str, bytes]:
    """Build the files in `.eval_results`, keyed by path. `url` is the address at which the model will be published."""
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
    """Add every score to the front matter of the card. Without results, the card does not change."""
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
    """Convert the scores to rows of the results table in the card."""
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
