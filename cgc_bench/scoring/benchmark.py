"""What every benchmark gives: one result an item, and the interface that scoring, lmms-eval and reports share.

A metric that is not defined for an item is None there and does not count in its mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from cgc_bench.errors import TaskError
from cgc_data.answer.prompt import Message

PACKAGES = {name: f"cgc_bench.{name}" for name in ("mig", "vlm2", "contrast", "transfer")}


@dataclass(frozen=True)
class ItemResult:
    """How one response scored.

    Attributes:
        task: the benchmark's subtask, such as `common_object`.
        index: the item's identity within the benchmark.
        response: what the model wrote, as it was scored.
        values: metric to its value on this item, 0-1; None where the metric is not defined for it.
        cluster: items of one cluster share photos; intervals are drawn over clusters.
        boxes: the boxes that were read from the response, as (image or 0 where unknown, x1, y1, x2, y2), 0-1000.
        truth: the true boxes, likewise.
        note: what a reader should know, such as `pixel scale`; empty where nothing is odd.
        subtask: a finer line that the item counts in too, beside its task's; "" for none.
    """

    task: str
    index: str
    response: str
    values: Mapping[str, float | None]
    cluster: str
    boxes: Sequence[Sequence[float]] = field(default_factory=tuple)
    truth: Sequence[Sequence[float]] = field(default_factory=tuple)
    note: str = ""
    subtask: str = ""


class Benchmark(Protocol):
    """One benchmark: reads its items, scores a response to one, and sums up results.

    Every item has `index`, `task`, `images` and `version`. `metrics` are in the table, `diagnostics` stand beside it,
    and both are keys of an `ItemResult`'s values.
    """

    name: str
    title: str
    protocols: tuple[str, ...]
    postprocesses: tuple[str, ...]
    tasks: tuple[str, ...]
    metrics: tuple[str, ...]
    diagnostics: tuple[str, ...]
    floors: tuple[str, ...]

    def read_items(self, annotations: Path, *, version: str | None = None) -> dict[str, Any]:
        """Items by index. Raises AnnotationError."""
        ...

    def faults(self, items: Mapping[str, Any]) -> dict[str, list[str]]:
        """Indices of the items whose annotation is faulty, by fault."""
        ...

    def score(
        self, item: Any, response: str, *, protocol: str = "official", postprocess: str | None = None
    ) -> ItemResult:
        """Score one response; never raises, whatever the text."""
        ...

    def units(self, results: Sequence[ItemResult]) -> list[ItemResult]:
        """What a mean runs over: the items, or pairs of them where only both together count."""
        ...

    def table(self, results: Sequence[ItemResult]) -> dict[str, Any]:
        """`{"n", "macro": {metric: value}, "tasks": {task: {"n", metric: value}}}`, values in percent."""
        ...

    def floor_response(self, name: str, item: Any) -> str:
        """The answer of one of `floors`, which looks at nothing."""
        ...


def benchmark(name: str) -> Benchmark:
    """The benchmark of this name. Raises TaskError."""
    if name not in PACKAGES:
        raise TaskError(f"no benchmark {name!r}; there are: {', '.join(PACKAGES)}")
    found: Benchmark = import_module(PACKAGES[name]).BENCHMARK
    return found


def messages_of(name: str, item: Any, variant: str = "official") -> list[Message]:
    """Chat messages of an item, with a part `{"type": "image"}` an image; `variant` is the prompt's."""
    module = import_module(f"{PACKAGES[name]}.{'items' if name == 'contrast' else 'prompts'}")
    found: list[Message] = module.messages(item, variant)
    return found


def prompt_of(name: str, item: Any, variant: str = "official") -> str:
    """The same as one text; of the images only the question's own marks stay, such as `<image 2>`."""
    parts = [part for message in messages_of(name, item, variant) for part in message["content"]]
    return "".join(part.get("text") or "" for part in parts)
