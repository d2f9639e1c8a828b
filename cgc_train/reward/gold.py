"""Checks that every row's ground-truth answer earns the full reward if it is written in the strict format."""

import math
from collections.abc import Iterable

from cgc_data.answer import format_response, read_list
from cgc_data.common.errors import ReleaseError
from cgc_data.metrics import truth_of
from cgc_data.release.rows import Row
from cgc_train.reward.settings import TERMS, PromptSettings, RewardSettings
from cgc_train.reward.terms import score

REASON = "The answer is written as the row states it."


def gold_check(
    rows: Iterable[Row],
    settings: RewardSettings | None = None,
    prompt: PromptSettings | None = None,
) -> list[str]:
    """Find the rows whose ground-truth `answer` does not earn the full reward, and return their ids. Images are not
    needed.

    All weights in `settings` are replaced by 1, so that every term is checked.
    """
    plain = (settings or RewardSettings()).with_all_terms().model_copy(update={"task_weights": {}})
    return [row["id"] for row in rows if not _earns_all(row, plain, prompt or PromptSettings())]


def _earns_all(row: Row, settings: RewardSettings, prompt: PromptSettings) -> bool:
    try:
        truth = truth_of(row)
    except (ReleaseError, TypeError, ValueError):  # an object in the row does not have a valid box
        return False
    reading = read_list(row["answer"], truth.num_images)
    reason = REASON.ljust(settings.format_min_think, ".") if prompt.think else ""
    response = format_response(reading.objects, reason)
    terms = score(response.removeprefix(prompt.prefix.strip()), truth, settings, prompt)
    return reading.valid and math.isclose(terms.reward, len(TERMS), abs_tol=1e-9)
