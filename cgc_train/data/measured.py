"""What `cgc-train difficulty` measured of each row, as a curriculum and `cgc-train check` read it."""

from pathlib import Path

import msgspec

from cgc_data.common.text import read_text
from cgc_train.errors import TrainingDataError


class Measurement(msgspec.Struct, frozen=True):
    """A group of answers to a row: the reward of each, and their mean."""

    id: str
    mean: float
    rewards: tuple[float, ...]


def measurements(path: Path) -> dict[str, Measurement]:
    """The measurements of a file by row id; none where it holds ids alone.

    Raises TrainingDataError where it cannot be read.
    """
    try:
        lines = [line for line in read_text(path, TrainingDataError).splitlines() if line.startswith("{")]
        entries = [msgspec.json.decode(line, type=Measurement) for line in lines]
    except (OSError, msgspec.MsgspecError) as error:
        raise TrainingDataError(f"{path}: holds no measurements ({error}); set data.keep to another") from None
    return {entry.id: entry for entry in entries}
