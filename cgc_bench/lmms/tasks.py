"""The functions that this project's task files for lmms-eval refer to. They return documents, images, prompts, and
scores, and are the same for all benchmarks.

A document contains no images. It refers to an item and to the folder with the item's images. A missing file causes a
one-line error before the evaluation starts. Scoring accepts any response without raising an error.
"""

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from PIL import Image

from cgc_bench.lmms import settings
from cgc_bench.lmms.chosen import chosen
from cgc_bench.lmms.ending import expected_errors_end
from cgc_bench.lmms.request import STATED, state_in_configuration, stated
from cgc_bench.prepare import Prepared, open_prepared
from cgc_bench.prepare.cache import Size, shown_size
from cgc_bench.scoring.benchmark import ItemResult, Items, benchmark
from cgc_bench.scoring.samples import whole_response
from cgc_data.common.errors import CgcError

Document = Mapping[str, Any]


def documents(request: Any) -> Any:
    """The documents of one task. If necessary, the task's data is prepared first.

    `request` is the task's entry in requests.json: a dataset of one row, `{"benchmark", "variant", "task", "prompt"}`.
    If preparation fails, the process ends with a one-line error. If this function raised an exception instead,
    lmms-eval would retry five times and hide the cause.
    """
    from datasets import Dataset

    asked = request[0]
    with expected_errors_end():
        max_pixels = settings.max_pixels(chosen(asked).max_pixels)
        ready = benchmark(asked["benchmark"]).prepared(asked["task"], asked["variant"])
        indices = ready.indices(asked["task"]) if asked["task"] in ready.tasks else []
        if not indices:
            raise CgcError(f"{ready.source}: no items of {asked['benchmark']}, {asked['task']}; remove that task")
        found = _items(asked["benchmark"], str(ready.folder), ready.digests[asked["task"]], asked["task"])
        request_columns = stated(ready, asked, [found[index] for index in indices], max_pixels)
    state_in_configuration()
    shared = {
        "cgc_benchmark": asked["benchmark"],
        "cgc_task": asked["task"],
        "cgc_protocol": chosen(asked).protocol,
        "cgc_folder": str(ready.folder),
        **request_columns,
    }
    return Dataset.from_list([{**shared, "cgc_index": index, "cgc_place": n} for n, index in enumerate(indices)])


def images(doc: Document) -> list[Image.Image]:
    """The item's images in RGB. Images that exceed the pixel limit set when the task was loaded are downscaled."""
    with expected_errors_end():
        ready = _ready(doc)
        contents = ready.images(doc["cgc_task"], doc["cgc_place"])
    return [_capped(content, doc["cgc_max_pixels"]) for content in contents]


def text(doc: Document, lmms_eval_specific_kwargs: Any = None) -> str:  # noqa: ARG001 - the signature is lmms-eval's
    """The prompt as one text, for models that take images separately."""
    return benchmark(doc["cgc_benchmark"]).prompt(item_of(doc), doc["cgc_prompt"], doc["cgc_profile"])


def messages(doc: Document) -> list[dict[str, object]]:
    """The prompt as chat messages, with PIL images in the content."""
    shown, places = images(doc), count()
    return [
        {"role": message["role"], "content": [_part(part, shown, places) for part in message["content"]]}
        for message in benchmark(doc["cgc_benchmark"]).asked(item_of(doc), doc["cgc_prompt"], doc["cgc_profile"])
    ]


def _part(part: Mapping[str, Any], shown: Sequence[Image.Image], places: Iterator[int]) -> dict[str, object]:
    if part["type"] == "image":
        place = next(places)
        return {"type": "image", "url": shown[part.get("place", place)]}
    return {"type": "text", "text": part["text"]}


def target(doc: Document) -> str:
    """The benchmark and the item's index. Scoring uses both to look up the ground truth in the annotations."""
    return f"{doc['cgc_benchmark']} {doc['cgc_index']}"


def score(doc: Document, results: Sequence[Any]) -> dict[str, object]:
    """Every metric of one response, and the fields for the samples file.

    With the protocol `strict`, only the text after the reasoning is scored, because a box in the reasoning is not an
    answer.
    """
    written = results[0] if results and isinstance(results[0], str) else ""
    response = whole_response(written, settings.prefix())
    bench, protocol = benchmark(doc["cgc_benchmark"]), doc["cgc_protocol"]
    with expected_errors_end():
        item = bench.shown(item_of(doc), lambda: _sizes(doc))
    result = bench.score(item, response, protocol=protocol)
    kept = {
        "cgc_index": result.index,
        "cgc_task": result.task,
        "cgc_benchmark": bench.name,
        **{name: doc[name] for name in STATED},
        "cgc_protocol": protocol,
        "cgc_response": response,
        "cgc_boxes": [list(box) for box in result.boxes],
        "cgc_note": result.note,
    }
    return {**{metric: Scored(bench.name, metric, result) for metric in (*bench.metrics, *bench.diagnostics)}, **kept}


@dataclass(frozen=True)
class Scored:
    """The value of one metric for one response. `str()` formats the value for the samples file."""

    benchmark: str
    metric: str
    result: ItemResult

    def __str__(self) -> str:
        value = self.result.values.get(self.metric)
        return "" if value is None else f"{value:.4g}"


def percent(scored: Sequence[Scored]) -> float | list[float]:
    """The mean of one metric over a task, in percent. If the benchmark's own table contains the metric, the value
    from this table is returned. Otherwise, the mean covers the items for which the metric is defined.

    If the metric is undefined for every item, the result depends on the metric. For a metric that lmms-eval averages
    over a group, the result is NaN, because lmms-eval can average only numbers. For any other metric, the result is an
    empty list, which lmms-eval omits from its tables.
    """
    value = _percent(scored)
    averaged = any(name in scored[0].metric for name in benchmark(scored[0].benchmark).metrics)
    return value if averaged or not math.isnan(value) else []


def _percent(scored: Sequence[Scored]) -> float:
    bench, metric = benchmark(scored[0].benchmark), scored[0].metric
    results = [one.result for one in scored]
    table = bench.table(results)["tasks"].get(results[0].task, {})
    if metric in table:
        value = table[metric]
        return float("nan") if value is None else float(value)
    values = [found for unit in bench.units(results) if (found := unit.values.get(metric)) is not None]
    return 100 * sum(values) / len(values) if values else float("nan")


def item_of(doc: Document) -> Any:
    """The benchmark item that a document refers to."""
    with expected_errors_end():
        found = _items(doc["cgc_benchmark"], doc["cgc_folder"], doc["cgc_data_sha256"], doc["cgc_task"])
    return found[doc["cgc_index"]]


def _ready(doc: Document) -> Prepared:
    elsewhere = benchmark(doc["cgc_benchmark"]).elsewhere
    return _opened(doc["cgc_folder"], doc["cgc_data_sha256"], doc["cgc_task"], elsewhere)


def _sizes(doc: Document) -> list[Size]:
    return _ready(doc).sizes(doc["cgc_task"], doc["cgc_place"], doc["cgc_max_pixels"])


# Cached by digest, because a folder can be prepared again while this process runs.
@lru_cache(maxsize=64)
def _opened(folder: str, digest: str, task: str, elsewhere: bool) -> Prepared:
    ready = open_prepared(Path(folder), elsewhere=elsewhere)
    if ready is None or ready.digests.get(task) != digest:
        raise CgcError(f"{folder}: gone or replaced since the task was loaded; run the same command again")
    return ready


@lru_cache(maxsize=64)
def _items(name: str, folder: str, digest: str, task: str) -> Items:
    bench = benchmark(name)
    items = bench.read_items(_opened(folder, digest, task, bench.elsewhere).annotations)
    return {index: item for index, item in items.items() if item.task == task}


def _capped(content: bytes, most: int) -> Image.Image:
    with Image.open(io.BytesIO(content)) as opened:
        image: Image.Image = opened.convert("RGB")
    size = shown_size(image.size, most)
    return image if size == image.size else image.resize(size, Image.Resampling.BICUBIC)
