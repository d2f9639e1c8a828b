"""RefCOCO, RefCOCO+, and RefCOCOg: an answer is correct if its first box has an IoU of at least 0.5 with the
ground-truth box.

The prompt asks for boxes on the 0-1000 scale. The multi-image benchmarks use the same scale, so you can compare
single-image and multi-image accuracy.
"""

from collections.abc import Sequence
from pathlib import Path

from cgc_bench.errors import PrepareError
from cgc_bench.prepare import settings
from cgc_bench.prepare.cache import Prepared
from cgc_bench.refcoco import items
from cgc_bench.refcoco.items import TASKS, Item
from cgc_bench.refcoco.prepare import EXCLUDED, FAR, SOURCES, prepare_refcoco
from cgc_bench.scoring.benchmark import Benchmark, Group, ItemResult, Row, Table
from cgc_bench.scoring.profiles import OWN, Profile
from cgc_bench.scoring.scales import boxes_in, in_unit_scale
from cgc_data.answer import ANSWER_FORM, build_messages, with_thinking
from cgc_data.answer.layout import read_layout
from cgc_data.answer.prompt import Message
from cgc_data.geometry import iou

METRICS = ("acc@0.5", "mean_iou")
_NOTHING = (0.0, 0.0, 0.0, 0.0)
_QUESTION = (
    'Locate the object that this sentence describes: "{expression}". Answer with its bounding box as JSON, '
    '{{"bbox_2d": [x1, y1, x2, y2]}}, where the coordinates are integers from 0 to 1000 relative to the width and '
    "height of the image."
)
_THINK = 'Where is the object that this sentence describes: "{expression}"?'


def messages(item: Item, variant: str = "official") -> list[Message]:
    """A chat message with the image, followed by the question.

    The variant `think` asks for reasoning, followed by an answer in this project's answer format.
    """
    if variant == "think":
        return with_thinking(build_messages(f"{_THINK.format(expression=item.expression)} {ANSWER_FORM}", 1))
    question = _QUESTION.format(expression=item.expression)
    return [{"role": "user", "content": [{"type": "image", "text": None}, {"type": "text", "text": question}]}]


def _fixed(box: Sequence[int]) -> str:
    return f'{{"bbox_2d": {list(box)}}}'


def _row(results: Sequence[ItemResult]) -> dict[str, float | None]:
    sums = {name: sum(result.values[name] or 0.0 for result in results) for name in METRICS}
    return {"n": len(results), **{name: 100 * total / len(results) for name, total in sums.items()}}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


class RefCoco(Benchmark[Item, ItemResult]):
    """See `cgc_bench.scoring.benchmark.Benchmark`."""

    name = "refcoco"
    title = "RefCOCO, RefCOCO+ and RefCOCOg"
    parts = tuple(SOURCES)
    tasks = TASKS
    groups = (Group("cgc_refcoco", "hub", "official"), Group("cgc_refcoco_think", "hub", "think"))
    metrics = METRICS
    diagnostics = ("no_box", "several_boxes", "pixel_scale", "unit_scale")
    lower_is_better = diagnostics
    in_all = False  # excluded because it has tens of thousands of single-image items
    profiles = (Profile(OWN),)
    floors = {  # noqa: RUF012 - a mapping of the class, as every benchmark's
        "whole image": lambda _: _fixed((0, 0, FAR, FAR)),
        "center box": lambda _: _fixed((200, 200, 800, 800)),
    }
    read_items = staticmethod(items.read_items)
    messages = staticmethod(messages)

    def prepared(self, task: str, variant: str) -> Prepared:  # noqa: ARG002 - there is one
        """Prepare the dataset of a task from the files that the environment variables select."""
        part = next(name for name, source in SOURCES.items() if task in source.splits)
        return prepare_refcoco(part, revision=settings.revision(part))

    def prepare(
        self, part: str, annotations: str | None = None, *, source: Path | None = None, revision: str | None = None
    ) -> Prepared:
        """Prepare a dataset from the Hub or from a local copy of its repository. Raises PrepareError."""
        if annotations:
            raise PrepareError(f"{part} does not take --annotations: its expressions are in the dataset")
        return prepare_refcoco(part, source=source, revision=revision)

    def excluded(self, ready: Prepared) -> Path:
        """The file that lists the dataset's photos."""
        return ready.folder / EXCLUDED

    def score(
        self,
        item: Item,
        response: str,
        *,
        protocol: str = "official",
        postprocess: str | None = None,  # noqa: ARG002 - there is none for this benchmark
    ) -> ItemResult:
        """Score the part of a response that follows the reasoning. Never raises an exception.

        With the protocol `strict`, a response whose reasoning has no closing tag counts as an answer without a box.
        """
        concluded = read_layout(response, require_think=False).conclusion
        found = list(boxes_in(concluded if concluded is not None else "" if protocol == "strict" else response))
        box = found[0] if found else _NOTHING
        overlap = iou(item.box, box) if box[0] < box[2] and box[1] < box[3] else 0.0
        hidden = {
            "no_box": not found,
            "several_boxes": len(found) > 1,
            "pixel_scale": max(box) > FAR,
            "unit_scale": in_unit_scale(concluded or ""),
        }
        return ItemResult(
            task=item.task,
            index=item.index,
            response=response,
            values={
                "acc@0.5": float(overlap >= 0.5),
                "mean_iou": overlap,
                **{name: float(value) for name, value in hidden.items()},
            },
            cluster=item.cluster,
            boxes=[(1, *box)] if found else [],
            truth=[(1, *item.box)],
            note=", ".join(name.replace("_", " ") for name, applies in hidden.items() if applies),
        )

    def table(self, results: Sequence[ItemResult]) -> Table:
        """Scores in percent. The overall mean is the unweighted mean over the tasks that were run."""
        tasks: dict[str, Row] = {
            task: _row(chosen) for task in TASKS if (chosen := [r for r in results if r.task == task])
        }
        macro = {name: _mean([row[name] or 0.0 for row in tasks.values()]) for name in METRICS}
        return {"n": len(results), "macro": macro, "tasks": tasks}


BENCHMARK = RefCoco()
