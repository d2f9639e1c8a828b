"""Tables for tasks whose items are divided into groups, such as BLINK's subtasks. Each task has one table, with one row
per group and one column per run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cgc_bench.report.leaderboard import Scored


@dataclass(frozen=True)
class GroupRow:
    """One group: its number of items, and the accuracy of each run in percent. The accuracy is None if the run has no
    items in the group.
    """

    group: str
    n: int
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class GroupTable:
    """The groups in one task."""

    title: str
    task: str
    models: tuple[str, ...]
    rows: tuple[GroupRow, ...]


def group_tables(scored: Sequence[Scored]) -> list[GroupTable]:
    """One table for each task that has groups.

    A table covers all runs of one lmms-eval task group, such as `cgc_transfer`.
    """
    found = []
    for label in dict.fromkeys(run.label for run, _ in scored):
        runs = [(run, summary) for run, summary in scored if run.label == label]
        for task in dict.fromkeys(task for _, summary in runs for task in summary["tasks"]):
            divided = [(run, groups) for run, summary in runs if (groups := _groups(summary["tasks"].get(task)))]
            if divided:
                models = tuple(run.name for run, _ in divided)
                found.append(GroupTable(label, task, models, _rows([groups for _, groups in divided])))
    return found


def _groups(row: Mapping[str, Any] | None) -> Mapping[str, Mapping[str, float]]:
    """The groups in a task's row: `{name: {"n", "accuracy"}}`."""
    groups = (row or {}).get("groups")
    return groups if isinstance(groups, dict) else {}


def _rows(runs: Sequence[Mapping[str, Mapping[str, float]]]) -> tuple[GroupRow, ...]:
    names = sorted({name for groups in runs for name in groups})
    return tuple(
        GroupRow(
            group=name,
            n=max(int(groups[name]["n"]) for groups in runs if name in groups),
            values=tuple(groups[name]["accuracy"] if name in groups else None for groups in runs),
        )
        for name in names
    )
