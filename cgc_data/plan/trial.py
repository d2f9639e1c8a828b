"""Tests whether the photos allow a task at all, by planning until the first row is found. The rows are discarded."""

import time
from collections.abc import Sequence
from dataclasses import replace

from cgc_data.plan.ground import Ground
from cgc_data.tasks import task_of

SECONDS = 5.0  # seconds of CPU time per task
ENOUGH = 10_000  # rows requested in a trial; the first one ends it


def allows(ground: Ground, task: str, seconds: float = SECONDS) -> bool:
    """Whether planning this task alone finds a row within `seconds` of CPU time."""
    shares = {**dict.fromkeys(ground.config.tasks, 0.0), task: 1.0}
    config = ground.config.model_copy(update={"tasks": shares, "samples": ENOUGH})
    alone = replace(ground, config=config, askable=replace(ground.askable, config=config))
    return lacking(alone, [task], time.process_time() + seconds) == []


def lacking(ground: Ground, wanted: Sequence[str], until: float) -> list[str] | None:
    """The tasks in `wanted` for which no row can be planned; None if the search is not finished when the CPU time of
    the process reaches `until` seconds.
    """
    left = list(wanted)
    for _, dealer in ground.dealers():
        for dealt in dealer.attempts():
            planned = {task_of(row).id for row in dealt.rows} if dealt else set()
            left = [task for task in left if task not in planned]
            if not left:
                return []
            if time.process_time() > until:
                return None
    return left
