"""The transfer tasks as a benchmark of this package: accuracy by the rule of each task in lmms-eval.

Beside it the same final answers under one rule for all, since the tasks' rules differ in what they can read.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgc_bench.errors import AnnotationError
from cgc_bench.scoring.benchmark import ItemResult
from cgc_bench.transfer.choices import leading_option, listed_option, ranked_option, stated_option
from cgc_bench.transfer.floors import FLOORS, floor_response
from cgc_bench.transfer.free_form import open_matches, read_float, read_integer, read_list
from cgc_bench.transfer.items import TASKS, Item, faults, read_items
from cgc_bench.vlm2.rules import final_answer

METRICS = ("accuracy", "accuracy_by_group")
DIAGNOSTICS = ("accuracy_one_rule", "unreadable")
_END = "</think>"


@dataclass(frozen=True)
class TransferResult(ItemResult):
    """A result with the benchmark's own division it belongs to."""

    group: str = ""


def score(item: Item, response: str, *, protocol: str = "official") -> TransferResult:
    """Score one response after its reasoning; never raises, whatever the text.

    `strict` takes the answer block where there is one, and gives nothing where the reasoning is not closed.
    """
    final = final_answer(response)
    right, readable = judge(item, final if protocol == "strict" else response.rpartition(_END)[2].strip())
    return TransferResult(
        task=item.task,
        index=item.index,
        response=response,
        values={
            "accuracy": float(right),
            "accuracy_one_rule": float(_right_by_one_rule(item, final)),
            "unreadable": float(not readable),
        },
        cluster=item.cluster,
        note="" if readable else "unreadable",
        group=item.group,
    )


def judge(item: Item, answer: str) -> tuple[bool, bool]:
    """Whether an answer without reasoning is right by its task's rule, and whether the rule could read it."""
    if item.kind == "open":
        return open_matches(answer, item.answers), bool(answer.strip())
    if item.kind == "list":
        values = read_list(answer)
        return values is not None and values in [read_list(true) for true in item.answers], values is not None
    found = _read(item, answer)
    return found in item.answers, found is not None


def _read(item: Item, answer: str) -> str | None:
    if item.kind == "integer":
        return read_integer(answer)
    if item.kind == "float":
        return read_float(answer, item.decimals)
    if item.task == "mathvista":
        return _mathvista_option(answer, item)
    if item.task == "mmmu_val":
        return listed_option(answer, item.letters, item.options)
    rules = {"muirbench": leading_option, "mmstar": ranked_option, "blink": stated_option}
    return rules[item.task](answer, item.letters)


def _mathvista_option(answer: str, item: Item) -> str | None:
    """The option whose words the answer is, else the one that it states; the nearest by spelling is not guessed."""
    words = answer.strip()
    if words in item.options:
        return item.letters[item.options.index(words)]
    return stated_option(answer, item.letters)


def _right_by_one_rule(item: Item, final: str) -> bool:
    if item.kind != "choice":
        return judge(item, final)[0]
    return stated_option(final, item.letters) in item.answers


def table(results: Sequence[TransferResult]) -> dict[str, Any]:
    """Figures in percent: `{"n", "macro", "tasks": {task: {"n", "accuracy", "accuracy_by_group", "groups"}}}`."""
    tasks = {task: _row(chosen) for task in TASKS if (chosen := [r for r in results if r.task == task])}
    macro = {name: sum(row[name] for row in tasks.values()) / len(tasks) if tasks else None for name in METRICS}
    return {"n": len(results), "macro": macro, "tasks": tasks}


def _row(results: Sequence[TransferResult]) -> dict[str, Any]:
    grouped: dict[str, list[TransferResult]] = defaultdict(list)
    for result in results:
        grouped[result.group].append(result)
    groups = {name: {"n": len(members), "accuracy": _percent(members)} for name, members in sorted(grouped.items())}
    by_group = sum(group["accuracy"] for group in groups.values()) / len(groups)
    return {"n": len(results), "accuracy": _percent(results), "accuracy_by_group": by_group, "groups": groups}


def _percent(results: Sequence[TransferResult]) -> float:
    return 100 * sum(result.values["accuracy"] or 0.0 for result in results) / len(results)


class Transfer:
    """See `cgc_bench.scoring.benchmark.Benchmark`."""

    name = "transfer"
    title = "Transfer tasks"
    protocols = ("official", "strict")
    postprocesses: tuple[str, ...] = ()
    tasks = TASKS
    metrics = METRICS
    diagnostics = DIAGNOSTICS
    floors = tuple(FLOORS)

    def read_items(self, annotations: Path, *, version: str | None = None) -> dict[str, Item]:
        """Items by index. Raises AnnotationError."""
        items = read_items(annotations)
        if version is not None and any(item.version != version for item in items.values()):
            raise AnnotationError(f"{annotations}: not the questions of version {version!r}")
        return items

    def faults(self, items: Mapping[str, Item]) -> dict[str, list[str]]:
        """Indices of items whose row is odd, by fault; they are scored all the same."""
        return faults(items.values())

    def score(
        self,
        item: Item,
        response: str,
        *,
        protocol: str = "official",
        postprocess: str | None = None,  # noqa: ARG002 - there is none for this benchmark
    ) -> TransferResult:
        """Score one response; never raises, whatever the text."""
        return score(item, response, protocol=protocol)

    def units(self, results: Sequence[Any]) -> list[ItemResult]:
        """The items."""
        return list(results)

    def table(self, results: Sequence[Any]) -> dict[str, Any]:
        """Figures in percent, by task and by each benchmark's own division."""
        return table(results)

    def floor_response(self, name: str, item: Item) -> str:
        """The answer of a floor."""
        return floor_response(name, item)


BENCHMARK = Transfer()
