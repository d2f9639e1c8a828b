"""Reads the measurements that `cgc-train difficulty` wrote. Each measurement belongs to one row.

Curricula and `cgc-train check` use these measurements.
"""

from pathlib import Path

import msgspec

from cgc_data.common.text import read_text
from cgc_train.errors import TrainingDataError


class Measurement(msgspec.Struct, frozen=True):
    """The rewards of a group of answers to one row, and their mean."""

    id: str
    mean: float
    rewards: tuple[float, ...]


def measurements(path: Path) -> dict[str, Measurement]:
    """Read the measurements in a file, keyed by row id. The result is empty if the file contains only ids.

    Raises TrainingDataError if the file cannot be read.
    """
    try:
        lines = [line for line in read_text(path, TrainingDataError).splitlines() if line.startswith("{")]
        entries = [msgspec.json.decode(line, type=Measurement) for line in lines]
    except (OSError, msgspec.MsgspecError) as error:
        raise TrainingDataError(f"{path}: contains no measurements ({error}); set data.keep to another file") from None
    return {entry.id: entry for entry in entries}
