"""MIG-Bench as a benchmark. The same code scores saved responses and lmms-eval runs.

Tables list the official scores first, followed by diagnostics for errors that these scores do not show: boxes in the
reasoning, missing boxes, boxes in pixels, and wrong images.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

from cgc_bench.mig import items, prompts
from cgc_bench.mig.floors import FLOOR_RESPONSES
from cgc_bench.mig.items import TASKS, Box, Item
from cgc_bench.mig.layout import LAYOUT
from cgc_bench.mig.official import POSTPROCESSES, REMEMBERED, THRESHOLDS, OfficialBox, iou, read_box
from cgc_bench.mig.strict import StrictBox, in_thousandths, read_conclusion
from cgc_bench.prepare.cache import Size
from cgc_bench.scoring.benchmark import Group, ItemResult, Table
from cgc_bench.scoring.published import PublishedBenchmark
from cgc_bench.scoring.scales import in_unit_scale
from cgc_data.answer.prompt import Message
from cgc_data.geometry import THOUSAND

METRICS = (*(f"acc@{threshold}" for threshold in THRESHOLDS), "mean_iou")
_FAR = 10**6
DIAGNOSTICS = ("acc@0.5_strict", "no_box", "pixel_scale", "unit_scale", "acc@0.5_as_pixels", "source_acc", "no_index")


def _row(results: Sequence[ItemResult]) -> dict[str, float]:
    sums = {name: sum(result.values[name] or 0.0 for result in results) for name in METRICS}
    return {"n": len(results), **{name: 100 * total / len(results) for name, total in sums.items()}}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _official(item: Item, box: Box) -> dict[str, float | None]:
    overlap = iou(item.box, box)
    return {**{f"acc@{at}": float(overlap >= at) for at in THRESHOLDS}, "mean_iou": overlap}


def _hidden(item: Item, read: OfficialBox, concluded: StrictBox, *, in_shares: bool) -> dict[str, float | None]:
    asked = item.target_image is not None
    return {
        "acc@0.5_strict": float(iou(item.box, concluded.read.box) >= 0.5),
        "no_box": float(not read.found),
        "pixel_scale": float(read.over),
        "unit_scale": float(in_shares),
        "acc@0.5_as_pixels": _as_pixels(item, read.box) if item.sizes else None,
        "source_acc": float(concluded.image == item.target_image) if asked and concluded.image else None,
        "no_index": float(not concluded.image) if asked else None,
    }


def _as_pixels(item: Item, box: Box) -> float:
    """Whether the box would be correct if its coordinates were read as pixels of at least one of the displayed images.
    The mean over all items is an upper bound on the accuracy of a model that writes every box in pixels.
    """
    x1, y1, x2, y2 = _bounded(in_thousandths(box, item.scale))
    scaled = [(x1 / w, y1 / h, x2 / w, y2 / h) for w, h in item.sizes]
    truth = in_thousandths(item.box, item.scale)
    return float(any(iou(truth, in_thousandths(pixels, 1)) >= 0.5 for pixels in scaled))


def _bounded(box: Box) -> Box:
    """Clip each coordinate to the range from -1,000,000 to 1,000,000. A model can write arbitrarily large numbers, and
    a box with huge coordinates could not be drawn or written as JSON.
    """
    x1, y1, x2, y2 = (max(-_FAR, min(value, _FAR)) for value in box)
    return x1, y1, x2, y2


def _note(item: Item, read: OfficialBox, *, in_shares: bool) -> str:
    notes = {
        "no box": not read.found,
        "pixel scale": read.over,
        "scale of 0 to 1": in_shares,
        f"truth: {item.fault}": bool(item.fault),
    }
    return ", ".join(note for note, applies in notes.items() if applies)


def _in_shares(item: Item, response: str) -> bool:
    """Whether the response uses the scale 0-1 although the prompt requests 0-1000. Always False for the original
    annotations, because their scoring script accepts both scales.
    """
    return item.scale == THOUSAND and _concludes_in_shares(response)


@lru_cache(maxsize=REMEMBERED)
def _concludes_in_shares(response: str) -> bool:
    return in_unit_scale(response.rpartition("</think>")[2])


class MigBench(PublishedBenchmark[Item, ItemResult]):
    """See `cgc_bench.scoring.benchmark.Benchmark`."""

    name = "mig"
    title = "MIG-Bench"
    parts = ("mig",)
    tasks = TASKS
    groups = (
        Group("cgc_mig", "revised", "official"),
        Group("cgc_mig_think", "revised", "think"),
        Group("cgc_mig_original", "original", "official"),
    )
    metrics = METRICS
    diagnostics = DIAGNOSTICS
    lower_is_better = ("no_box", "pixel_scale", "unit_scale", "no_index", "unreadable")
    floors = FLOOR_RESPONSES
    postprocesses = POSTPROCESSES
    profiles = prompts.PROFILES
    layout = LAYOUT
    read_items = staticmethod(items.read_items)
    messages = staticmethod(prompts.messages)

    def default_profile(self, variant: str) -> str:
        """Name of the profile that matches the script published with the annotations."""
        return "authors" if variant == "original" else prompts.PROFILES[0].name

    def asked(self, item: Item, prompt: str = "official", profile: str = "") -> list[Message]:
        """Chat messages for an item, in the form that the profile specifies."""
        return prompts.messages(item, prompt, profile)

    def shown(self, item: Item, sizes: Callable[[], Sequence[Size]]) -> Item:
        """Add the sizes of the displayed images, which are needed to detect answers in pixels."""
        return replace(item, sizes=tuple(sizes()))

    def score(
        self, item: Item, response: str, *, protocol: str = "official", postprocess: str | None = None
    ) -> ItemResult:
        """Score one response. Never raises an exception.

        Args:
            item: the item that the prompt was about.
            response: the model's full text.
            protocol: `official` reads the box from the full text, `strict` only from the text after the reasoning.
            postprocess: key of `POSTPROCESSES`, which selects a function that changes the box before scoring. The
                metric `acc@0.5_strict` is computed from the unchanged box.
        """
        concluded = read_conclusion(response, item)
        read = concluded.read if protocol == "strict" else read_box(response, item.scale)
        box = POSTPROCESSES[postprocess](read, item.scale) if postprocess else read.box
        in_shares = _in_shares(item, response)
        values = {**_official(item, box), **_hidden(item, read, concluded, in_shares=in_shares)}
        asked = item.named_image or 0
        shown = [(concluded.image or asked, *_bounded(in_thousandths(box, item.scale)))] if read.found else []
        return ItemResult(
            task=item.task,
            index=item.index,
            response=response,
            values=values,
            cluster=item.cluster,
            boxes=shown,
            truth=[(item.target_image or asked, *in_thousandths(item.box, item.scale))],
            note=_note(item, read, in_shares=in_shares),
        )

    def official(self, item: Item, response: str) -> ItemResult:
        """Like `score`, but computes only the values that `table` needs."""
        values = _official(item, read_box(response, item.scale).box)
        return ItemResult(item.task, item.index, response, values, item.cluster)

    def table(self, results: Sequence[ItemResult]) -> Table:
        """The official scores in percent. The macro average is the unweighted mean over the tasks that were run.

        Sums are computed in the order of the results, as in the authors' script, so that the scores match the script's
        scores to the last digit.
        """
        groups: dict[str, list[ItemResult]] = defaultdict(list)
        for result in results:
            groups[result.task].append(result)
        tasks = {task: _row(groups[task]) for task in sorted(groups)}
        macro = {name: _mean([row[name] for row in tasks.values()]) for name in METRICS}
        return {"n": len(results), "macro": macro, "tasks": tasks}


BENCHMARK = MigBench()
