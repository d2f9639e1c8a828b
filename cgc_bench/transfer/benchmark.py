"""The transfer tasks as a benchmark. For the metric `accuracy`, answers are read by the rules of lmms-eval. These rules
differ by task, and some can read answers that others cannot. Therefore, the diagnostic `accuracy_one_rule` reads all
multiple-choice answers by the same rule.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast

from cgc_bench.errors import PrepareError
from cgc_bench.options import read_option
from cgc_bench.prepare import settings
from cgc_bench.prepare.cache import Prepared
from cgc_bench.scoring.benchmark import Benchmark, Group, ItemResult, Row, Table
from cgc_bench.transfer import items, prompts
from cgc_bench.transfer.choices import filtered_option, leading_option, listed_option, ranked_option, stated_option
from cgc_bench.transfer.floors import FLOORS
from cgc_bench.transfer.foreign import authors_option, vlmevalkit_judges, without_tagged
from cgc_bench.transfer.free_form import open_matches, read_float, read_integer, read_list
from cgc_bench.transfer.items import TASKS, Item
from cgc_bench.transfer.prepare import prepare_transfer
from cgc_bench.vlm2.rules import final_answer
from cgc_data.answer.prompt import Message

METRICS = ("accuracy", "accuracy_by_group")
DIAGNOSTICS = ("accuracy_one_rule", "unreadable")
_END = "</think>"


@dataclass(frozen=True)
class TransferResult(ItemResult):
    """An item's result, with the item's group in the benchmark, such as BLINK's `Jigsaw`."""

    group: str = ""


def judge(item: Item, response: str, protocol: str = "official") -> tuple[bool, bool]:
    """Whether a response is correct, and whether the protocol's rule could read an answer from it."""
    if protocol == "vlmevalkit":
        return vlmevalkit_judges(item, response.rpartition(_END)[2].strip())
    answer = final_answer(response) if protocol == "strict" else without_tagged(response)
    if protocol == "official" and item.task == "muirbench":
        found = filtered_option(response, answer, item.letters)
        return found in item.answers, found is not None
    if protocol == "authors" and item.kind == "choice" and item.task != "mathvista":
        found = authors_option(item, answer)
        return found in item.answers, found is not None
    return _by_task(item, answer)


def _by_task(item: Item, answer: str) -> tuple[bool, bool]:
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
    """The option whose text equals the answer. If there is none, the option that the answer names. Never falls back to
    the option with the most similar spelling.
    """
    words = answer.strip()
    if words in item.options:
        return item.letters[item.options.index(words)]
    return read_option(answer, item.letters)


def _right_by_one_rule(item: Item, response: str) -> bool:
    if item.kind != "choice":
        return _by_task(item, final_answer(response))[0]
    return read_option(response, item.letters) in item.answers


class _Group(TypedDict):
    n: int
    accuracy: float


class _TaskRow(TypedDict):
    """One task's row of the table, with scores over all results and for each group."""

    n: int
    accuracy: float
    accuracy_by_group: float
    groups: dict[str, _Group]


def _row(results: Sequence[TransferResult]) -> _TaskRow:
    grouped: dict[str, list[TransferResult]] = defaultdict(list)
    for result in results:
        grouped[result.group].append(result)
    groups: dict[str, _Group] = {
        name: {"n": len(members), "accuracy": _percent(members)} for name, members in sorted(grouped.items())
    }
    by_group = sum(group["accuracy"] for group in groups.values()) / len(groups)
    return {"n": len(results), "accuracy": _percent(results), "accuracy_by_group": by_group, "groups": groups}


def _percent(results: Sequence[TransferResult]) -> float:
    return 100 * sum(result.values["accuracy"] or 0.0 for result in results) / len(results)


class Transfer(Benchmark[Item, TransferResult]):
    """See `cgc_bench.scoring.benchmark.Benchmark`."""

    name = "transfer"
    title = "Transfer tasks"
    parts = TASKS
    tasks = TASKS
    groups = (Group("cgc_transfer", "hub", "official"), Group("cgc_transfer_think", "hub", "think"))
    metrics = METRICS
    diagnostics = DIAGNOSTICS
    floors = FLOORS
    protocols = ("official", "strict", "vlmevalkit", "authors")
    profiles = prompts.PROFILES
    read_items = staticmethod(items.read_items)
    messages = staticmethod(prompts.messages)

    def prepared(self, task: str, variant: str) -> Prepared:  # noqa: ARG002 - there is one
        """Prepare a task from the files that the environment variables select."""
        return prepare_transfer(task, revision=settings.revision(task))

    def prepare(
        self, part: str, annotations: str | None = None, *, source: Path | None = None, revision: str | None = None
    ) -> Prepared:
        """Prepare a task from the Hub or from a local copy of its repository. Raises PrepareError."""
        if annotations:
            raise PrepareError(f"{part} does not take --annotations: its questions are in the dataset")
        return prepare_transfer(part, source=source, revision=revision)

    def asked(self, item: Item, prompt: str = "official", profile: str = "") -> list[Message]:
        """Chat messages for an item, in the form that the profile specifies."""
        return prompts.messages(item, prompt, profile)

    def prompt(self, item: Item, prompt: str = "official", profile: str = "") -> str:
        """The prompt for an item as text, in the form that the profile specifies. Use it with models that take images
        separately.
        """
        return prompts.text(item, prompt, profile)

    def score(
        self,
        item: Item,
        response: str,
        *,
        protocol: str = "official",
        postprocess: str | None = None,  # noqa: ARG002 - there is none for this benchmark
    ) -> TransferResult:
        """Score the part of a response that follows the reasoning. Never raises an exception.

        The protocol `official` removes reasoning as lmms-eval does. `strict` reads the answer block if there is one,
        and counts the answer as unreadable if the reasoning has no closing tag. `vlmevalkit` reads answers as
        VLMEvalKit does. `authors` reads them as the benchmark's authors do.
        """
        right, readable = judge(item, response, protocol)
        return TransferResult(
            task=item.task,
            index=item.index,
            response=response,
            values={
                "accuracy": float(right),
                "accuracy_one_rule": float(_right_by_one_rule(item, response)),
                "unreadable": float(not readable),
            },
            cluster=item.cluster,
            note="" if readable else "unreadable",
            group=item.group,
        )

    def table(self, results: Sequence[TransferResult]) -> Table:
        """The scores in percent: `{"n", "macro", "tasks": {task: {"n", "accuracy", "accuracy_by_group",
        "groups"}}}`.
        """
        tasks = {task: _row(chosen) for task in TASKS if (chosen := [r for r in results if r.task == task])}
        rows = cast(dict[str, Row], tasks)
        macro = {name: sum(row[name] or 0.0 for row in rows.values()) / len(rows) if rows else None for name in METRICS}
        return {"n": len(results), "macro": macro, "tasks": rows}


BENCHMARK = Transfer()
