"""Saved completions against a release: read, score, and write every term of every row.

A file of predictions has one JSON object a line, `{"id": row, "response": text}`, such as a run's held-out answers.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cgc_data.metrics import COLUMNS, ItemScore, Truth, score_item, truth_of
from cgc_data.release.read import Release
from cgc_data.text import decode
from cgc_train.errors import PredictionsError
from cgc_train.reward.settings import PromptSettings, RewardSettings
from cgc_train.reward.terms import Terms, score

# What a written row repeats of a response's metrics.
METRICS = (
    "accuracy",
    "lenient",
    "miou_any_image",
    "source",
    "boxes",
    "distractor_boxes",
    "leaked",
    "leaked_same_place",
    "hallucinated",
    "false_empty",
    "unreadable",
    "pixel_scale",
)


@dataclass(frozen=True)
class Asked:
    """The rows of a release that predictions are about.

    Attributes:
        truths: by row id, in the order of the predictions.
        answered: rows with a prediction, by split.
        rows: all rows of these splits, by split.
    """

    truths: dict[str, Truth]
    answered: dict[str, int]
    rows: dict[str, int]


@dataclass(frozen=True)
class Scored:
    """One prediction: the terms of its reward, and its metrics with the lenient reading beside the strict one."""

    terms: Terms
    item: ItemScore


def read_predictions(path: Path) -> dict[str, str]:
    """Responses by row id, in the order of the file.

    Raises PredictionsError that names the line: of no JSON object, without `id` or `response`, or with an id again.
    """
    found: dict[str, str] = {}
    for number, line in _lines(path):
        identity, response = _entry(f"{path}:{number}", line)
        if identity in found:
            raise PredictionsError(f"{path}:{number}: id {identity!r} stands in an earlier line; keep one line a row")
        found[identity] = response
    if not found:
        raise PredictionsError(f"{path}: holds no predictions; write one JSON object a line with id and response")
    return found


def find_asked(release: Release, ids: Sequence[str]) -> Asked:
    """The truths of the rows of these ids; images are not read. Raises PredictionsError for ids of no row."""
    wanted, found = set(ids), dict[str, Truth]()
    answered, rows = Counter[str](), Counter[str]()
    for row in release.rows([*COLUMNS, "split"]):
        rows[row["split"]] += 1
        if row["id"] in wanted:
            answered[row["split"]] += 1
            found[row["id"]] = truth_of(row)
    if missing := [identity for identity in ids if identity not in found]:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise PredictionsError(f"{release.folder}: has no row {missing[0]!r}{more}; give the release that was asked")
    return Asked({key: found[key] for key in ids}, dict(answered), {split: rows[split] for split in answered})


def score_predictions(
    predictions: Mapping[str, str], truths: Mapping[str, Truth], settings: RewardSettings, prompt: PromptSettings
) -> Iterator[Scored]:
    """Score each prediction, in order."""
    for identity, response in predictions.items():
        item = score_item(response, truths[identity], require_think=prompt.think, prefix=prompt.prefix)
        yield Scored(score(response, truths[identity], settings, prompt), item)


def write_terms(path: Path, scored: Sequence[Scored]) -> None:
    """Write one JSON object a prediction with every term; the file appears when it is whole.

    Raises PredictionsError where the file exists or cannot be written.
    """
    check_free(path)
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(_row(entry), ensure_ascii=False) + "\n" for entry in scored)
        partial.rename(path)
    except OSError as error:
        raise PredictionsError(f"{path}: cannot be written ({error.strerror}); name another file with --out") from None


def check_free(path: Path) -> None:
    """Raise PredictionsError where a file exists already, or its folder does not."""
    if path.exists():
        raise PredictionsError(f"{path}: exists already; name another file with --out")
    if not path.parent.is_dir():
        raise PredictionsError(f"{path}: its folder does not exist; make it, or name another file with --out")


def _row(entry: Scored) -> dict[str, Any]:
    terms, truth, item = entry.terms, entry.item.truth, asdict(entry.item)
    return {
        "id": truth.id,
        "contrast": truth.contrast,
        "task": truth.task,
        "reward": terms.reward,
        "miou": terms.miou,
        "format": terms.format,
        "violations": [str(violation) for violation in terms.violations],
        **{name: item[name] for name in METRICS},
    }


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers from 1, empty ones left out."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, decode(line, f"{path}:{number}", PredictionsError)
    except FileNotFoundError:
        raise PredictionsError(f"{path}: no such file; give JSON lines with id and response") from None
    except OSError as error:
        raise PredictionsError(f"{path}: cannot be read ({error.strerror}); make it readable") from None


def _entry(where: str, line: str) -> tuple[str, str]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise PredictionsError(f"{where}: not JSON ({error}); write one JSON object a line") from None
    for key in ("id", "response"):
        if not isinstance(value, dict) or not isinstance(value.get(key), str):
            raise PredictionsError(f"{where}: has no text {key!r}; write one object with id and response a line")
    return value["id"], value["response"]
