"""Can a model's small files be had from here? Asked once and briefly, so that a check without a network ends soon."""

from functools import cache
from pathlib import Path

SECONDS = 5  # that the Hub has to answer in


def within_reach(name: str, revision: str | None, file: str) -> bool:
    """Whether `file` of a model lies in its folder or in the Hub's cache here, or the Hub itself answers."""
    from huggingface_hub import try_to_load_from_cache

    if Path(name).is_dir() or name.count("/") != 1:
        return True  # loading it says what is missing
    return isinstance(try_to_load_from_cache(name, file, revision=revision), str) or _hub_answers()


@cache
def _hub_answers() -> bool:
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=SECONDS)
    except Exception:  # whichever HTTP library the Hub's client uses, it did not answer
        return False
    return True
