"""VLM2-Bench as a benchmark. Items are scored by the authors' rules, and the two items of a pair are scored as one
unit. For counting questions, the authors' mean covers only valid answers. A second mean covers all answers and counts
unreadable ones as wrong.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cgc_bench.scoring.benchmark import Group, ItemResult, Row, Table
from cgc_bench.scoring.published import PublishedBenchmark
from cgc_bench.vlm2 import items, prompts
from cgc_bench.vlm2.floors import FLOORS
from cgc_bench.vlm2.items import SUBTASKS, Item
from cgc_bench.vlm2.layout import LAYOUT
from cgc_bench.vlm2.rules import Verdict, final_answer, judge_choice, judge_count, judge_pair, judge_statement

METRICS = ("score", "score_all")
DIAGNOSTICS = ("unreadable", "positive", "negative", "exact_count")


@dataclass(frozen=True)
class PairedResult(ItemResult):
    """An item's result. If the item is in a pair, the two results of the pair are scored as one unit.

    Attributes:
        kind: as in `Item`.
        pair: as in `Item`.
        side: as in `Item`.
    """

    kind: str = ""
    pair: str = ""
    side: str = ""


def judge(item: Item, response: str) -> Verdict:
    """Read and score one answer by the rule for the item's kind."""
    if item.kind == "count":
        return judge_count(response, int(item.answer), item.length)
    rules = {"pair": judge_pair, "statement": judge_statement, "choice": judge_choice}
    return rules[item.kind](response, str(item.answer))


def _sides(members: Sequence[PairedResult]) -> set[str]:
    return {member.side for member in members}


def _joined(members: Sequence[PairedResult]) -> ItemResult:
    if members[0].kind == "statement":
        members = list({member.side: member for member in members}.values())
    positive, negative = (
        any(member.side == side and member.values["score"] == 1 for member in members) for side in ("p", "n")
    )
    first, both = members[0], float(positive and negative)
    unreadable = sum(member.values["unreadable"] or 0.0 for member in members) / len(members)
    sides = {"positive": float(positive), "negative": float(negative)}
    values = {"score": both, "score_all": both, "unreadable": unreadable, **sides}
    response = "\n".join(member.response for member in members)
    return ItemResult(
        task=first.task,
        index=first.pair,
        response=response,
        values=values,
        cluster=first.cluster,
        note=f"{len(members)} items",
        members=[member.index for member in members],
    )


def _row(items: Sequence[ItemResult], counted: Sequence[ItemResult]) -> dict[str, float | None]:
    return {"n": len(items), "units": len(counted), **{name: _percent(counted, name) for name in METRICS}}


def _percent(counted: Sequence[ItemResult], name: str) -> float | None:
    """The mean in percent.

    If there are no items or pairs, the mean is None. If there are items or pairs but none is valid, the mean is 0,
    as in the authors' script.
    """
    values = [value for unit in counted if (value := unit.values[name]) is not None]
    if not counted:
        return None
    return 100 * sum(values) / len(values) if values else 0.0


def _macro(tasks: Mapping[str, Row], name: str) -> float | None:
    values = [value for row in tasks.values() if (value := row[name]) is not None]
    return sum(values) / len(values) if values else None


class Vlm2Bench(PublishedBenchmark[Item, PairedResult]):
    """See `cgc_bench.scoring.benchmark.Benchmark`."""

    name = "vlm2"
    title = "VLM2-Bench"
    parts = ("vlm2",)
    tasks = tuple(SUBTASKS)
    groups = (Group("cgc_vlm2", "vanilla", "official"), Group("cgc_vlm2_think", "vanilla", "think"))
    metrics = METRICS
    diagnostics = DIAGNOSTICS
    floors = FLOORS
    chance = (
        "The authors report expected chance levels, which are averages over random guesses. A floor is the score of a "
        "model that answers every item with a trivial answer. "
        "For `cpr`, the authors report one half, which is the chance level of a single statement. However, a pair "
        "counts as correct only if both answers are right. Therefore, random answers get one of four pairs right, and "
        "a fixed answer gets none right."
    )
    layout = LAYOUT
    read_items = staticmethod(items.read_items)
    messages = staticmethod(prompts.messages)

    def new_tokens(self, task: str, prompt: str) -> int:
        """The authors' token limit for the task's group (`gc`, `oc`, or `pc`), or this project's limit for prompts with
        reasoning.
        """
        return prompts.THINK_NEW_TOKENS if prompt == "think" else prompts.OFFICIAL_NEW_TOKENS[task.partition("_")[0]]

    def score(
        self,
        item: Item,
        response: str,
        *,
        protocol: str = "official",
        postprocess: str | None = None,  # noqa: ARG002 - there is none for this benchmark
    ) -> PairedResult:
        """Score one response. `strict` removes the reasoning first. Never raises an exception."""
        verdict = judge(item, final_answer(response) if protocol == "strict" else response)
        return PairedResult(
            task=item.task,
            index=item.index,
            response=response,
            values={
                "score": verdict.score,
                "score_all": verdict.score or 0.0,
                "unreadable": float(not verdict.readable),
                "exact_count": float(verdict.score == 1) if item.kind == "count" else None,
            },
            cluster=item.cluster,
            note="" if verdict.readable else "unreadable",
            kind=item.kind,
            pair=item.pair,
            side=item.side,
        )

    def units(self, results: Sequence[PairedResult]) -> list[ItemResult]:
        """Combine the two results of each pair into one. The results of other items are unchanged.

        The rules are those of the authors' script. A pair is correct if both of its answers are correct. If one answer
        is missing, a pair of the kind `pair` counts as wrong, and a pair of the kind `statement` is excluded. If one
        side of a pair has several answers, the kind of the pair matters: in a `statement`, only the last answer counts,
        and in a `pair`, one correct answer is enough.
        """
        single = [result for result in results if result.kind in ("count", "choice")]
        pairs: dict[str, list[PairedResult]] = defaultdict(list)
        for result in results:
            if result.pair:
                pairs[result.pair].append(result)
        whole = [members for members in pairs.values() if members[0].kind == "pair" or _sides(members) == {"p", "n"}]
        return [*single, *map(_joined, whole)]

    def table(self, results: Sequence[PairedResult]) -> Table:
        """Scores in percent. Each task's row also has `units`, the number of items or pairs. The macro average covers
        the tasks that have at least one item or pair.

        The `score` in `macro` is the mean over eight tasks, as in the authors' script. The published mean also includes
        a ninth task, which needs a judge model.
        """
        counted = self.units(results)
        tasks = {
            task: _row([r for r in results if r.task == task], [u for u in counted if u.task == task])
            for task in SUBTASKS
            if any(r.task == task for r in results)
        }
        return {"n": len(results), "macro": {name: _macro(tasks, name) for name in METRICS}, "tasks": tasks}


BENCHMARK = Vlm2Bench()
