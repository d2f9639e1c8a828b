"""Selects and orders the training rows. The result does not depend on the order in which the release stores the rows.

Only a few small columns are read, so filtering takes only seconds and needs little memory.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from cgc_data.common.progress import say
from cgc_data.common.text import read_text
from cgc_data.release.read import Release
from cgc_data.tasks import DISTRACTORS, task_of
from cgc_train.data.measured import measurements
from cgc_train.errors import TrainingDataError
from cgc_train.recipe import DataSettings

GRADES = 10  # number of grades of difficulty, which is between 0 and 1

Order = npt.NDArray[np.int64]


@dataclass(frozen=True, order=True)
class Choice:
    """The columns that are needed to select a row. The two rows of a pair have the same `unit`."""

    id: str
    difficulty: float
    unit: str


def grade(difficulty: float) -> int:
    """Convert a difficulty from 0 to 1 into a grade from 0 to `GRADES` - 1."""
    return min(int(difficulty * GRADES), GRADES - 1)


def grades(settings: DataSettings, ids: Sequence[str], difficulties: Sequence[float]) -> list[int] | None:
    """The curriculum grade of each row, computed from its difficulty or its measured mean reward.

    Returns None if there is no curriculum. Raises TrainingDataError if a required mean reward was not measured.
    """
    if settings.curriculum == "none":
        return None
    if settings.curriculum == "easy_first" or settings.keep is None:
        return [grade(difficulty) for difficulty in difficulties]
    means = {identity: found.mean for identity, found in measurements(Path(settings.keep)).items()}
    if missing := [identity for identity in ids if identity not in means]:
        raise TrainingDataError(
            f"{settings.keep}: has no mean reward for row {missing[0]}; write it with `cgc-train difficulty`, or set "
            "data.curriculum=none"
        )
    highest = max(means[identity] for identity in ids)
    return [grade(1 - means[identity] / highest) if highest else 0 for identity in ids]


def chosen(release: Release, settings: DataSettings, split: str) -> list[str]:
    """Select the ids of the training rows, in training order.

    The rows are shuffled with the seed, and only the first `limit` rows are kept. With a curriculum, these rows are
    then sorted by grade, without changing their order within a grade. Raises TrainingDataError if no row passes the
    filters.
    """
    rows = _shuffled(sorted(_matching(release, settings, split)), settings.seed)[: settings.limit]
    ids = [row.id for row in rows]
    order = grades(settings, ids, [row.difficulty for row in rows])
    return ids if order is None else [ids[place] for place in np.argsort(order, kind="stable")]


def held_out(release: Release, split: str, count: int) -> list[str]:
    """Select the ids of about `count` held-out rows, which are the same for every recipe.

    Paired rows stay together, and the recipe's filters do not apply.

    The pairs are sorted by a hash of their ids, and the first ones are selected. Therefore, each kind of row is about
    as frequent as in the whole split. Raises TrainingDataError if the split has no rows.
    """
    rows = sorted(_read(release, split), key=lambda row: (_hash(row.unit), row.id))
    if not rows:
        raise TrainingDataError(
            f"{release.folder}: split {split!r} has no rows to hold out; build a release with rows in this split (for "
            "validation, raise splits.validation), or set data.held_out_every=0"
        )
    ids: list[str] = []
    for _, pair in groupby(rows, key=lambda row: row.unit):
        if len(ids) >= count:
            break
        ids += [row.id for row in pair]
    return ids


def epoch_order(count: int, seed: int, epoch: int, grades: Sequence[int] | None = None) -> Order:
    """The positions of the training rows, in the order in which an epoch uses them. The first epoch is 0. The result
    depends only on the arguments.

    In epoch 0, the rows keep their order. In later epochs, the rows are shuffled. With `grades` (one per row,
    ascending), rows are shuffled only within a grade.
    """
    order = np.arange(count, dtype=np.int64)
    if epoch == 0:
        return order
    shuffled = np.random.default_rng([seed, epoch]).permutation(order)
    return shuffled if grades is None else shuffled[np.argsort(np.asarray(grades)[shuffled], kind="stable")]


def kept_ids(path: Path) -> set[str]:
    """Read a file that lists the ids of the rows to keep.

    The file contains one id per line, or it is a file that `cgc-train difficulty` wrote.

    Raises TrainingDataError if the file cannot be read or contains no id to keep.
    """
    try:
        lines = read_text(path, TrainingDataError).splitlines()
        ids = {identity for line in lines if (identity := _kept(line.strip()))}
    except (OSError, msgspec.MsgspecError, KeyError, TypeError) as error:
        raise TrainingDataError(f"{path}: not a file of row ids ({error}); set data.keep to another file") from None
    if not ids:
        raise TrainingDataError(f"{path}: contains no rows to keep; measure more rows with `cgc-train difficulty`")
    return ids


def _kept(line: str) -> str:
    if not line.startswith("{"):
        return line
    entry = msgspec.json.decode(line, type=dict[str, object])
    return str(entry["id"]) if entry.get("kept", True) else ""


def _matching(release: Release, settings: DataSettings, split: str) -> Iterable[Choice]:
    if unknown := sorted(set(settings.distractors) - set(DISTRACTORS)):
        raise TrainingDataError(
            f"data.distractors: {unknown[0]!r} is not a kind of distractor; choose from {', '.join(DISTRACTORS)}"
        )
    filters = {name: getattr(settings, name) for name in ("contrasts", "tasks", "distractors")}
    rows = list(_read(release, split, **filters))
    keep = kept_ids(Path(settings.keep)) if settings.keep else None
    kept = rows if keep is None else [row for row in rows if row.id in keep]
    if keep and kept and len(kept) < len(keep):
        say(
            f"data.keep={settings.keep}: {len(kept):,} of the {len(keep):,} rows in this file pass the other filters "
            "of `data`"
        )
    if not kept:
        why = (
            f"data.keep={settings.keep} lists no row that passes the other filters of `data`; relax them"
            if rows
            else "it is empty, or the filters of `data` exclude all its rows; set data.split, or relax the filters"
        )
        raise TrainingDataError(f"{release.folder}: no rows of split {split!r} to train on, because {why}")
    return kept


def _read(
    release: Release,
    split: str,
    *,
    contrasts: Sequence[str] = (),
    tasks: Sequence[str] = (),
    distractors: Sequence[str] = (),
) -> Iterable[Choice]:
    """Read the rows that pass all filters. An empty filter accepts every row."""
    for row in release.rows(["id", "contrast", "task", "distractors", "difficulty", "pair_id"], split=split):
        asked = ((row["contrast"], contrasts), (task_of(row).id, tasks), (row["distractors"], distractors))
        if all(not kinds or kind in kinds for kind, kinds in asked):
            yield Choice(row["id"], row["difficulty"], row["pair_id"] or row["id"])


def _shuffled(rows: list[Choice], seed: int) -> list[Choice]:
    return [rows[place] for place in np.random.default_rng(seed).permutation(len(rows))]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
