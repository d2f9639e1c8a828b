"""The gold check: every row's own answer, in the strict format, must earn the full reward."""

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
    """Ids of the rows whose stored `answer` does not earn the full reward. Images are not needed.

    If all weights were 0, everything would pass, so each term is checked separately and regardless of its weight.
    """
    plain = (settings or RewardSettings()).with_all_terms().model_copy(update={"task_weights": {}})
    return [row["id"] for row in rows if not _earns_all(row, plain, prompt or PromptSettings())]


def _earns_all(row: Row, settings: RewardSettings, prompt: PromptSettings) -> bool:
    try:
        truth = truth_of(row)
    except (ReleaseError, TypeError, ValueError):  # an object in the row does not have a valid box
        return False
    reading = read_list(row["answer"], truth.num_images)
    response = format_response(reading.objects, REASON if prompt.think else "")
    terms = score(response.removeprefix(prompt.prefix.strip()), truth, settings, prompt)
    return reading.valid and math.isclose(terms.reward, len(TERMS), abs_tol=1e-9)
