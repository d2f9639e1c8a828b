"""The gold check: every row's own answer, written in the strict form, has to earn the full reward."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from cgc_data.answer import format_response, read_list
from cgc_data.metrics import truth_of
from cgc_train.reward.settings import PromptSettings, RewardSettings
from cgc_train.reward.terms import score

REASON = "The answer is written as the row states it."


def gold_check(
    rows: Iterable[Mapping[str, Any]],
    settings: RewardSettings | None = None,
    prompt: PromptSettings | None = None,
) -> list[str]:
    """Ids of the rows whose stored `answer` does not earn the full reward; rows need no images."""
    settings, prompt = settings or RewardSettings(), prompt or PromptSettings()
    return [row["id"] for row in rows if not _earns_all(row, settings, prompt)]


def _earns_all(row: Mapping[str, Any], settings: RewardSettings, prompt: PromptSettings) -> bool:
    truth = truth_of(row)
    reading = read_list(row["answer"], truth.num_images)
    if not reading.valid:
        return False
    reason = REASON if prompt.think else ""
    response = format_response(reading.objects, reason).removeprefix(prompt.prefix)
    full = settings.task_weight(truth.task) * (settings.miou + settings.format)
    return math.isclose(score(response, truth, settings, prompt).reward, full, abs_tol=1e-9)
