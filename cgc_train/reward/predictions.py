"""Scores saved completions against the answers in a release, and writes every reward term of every completion.

A predictions file, such as a run's answers to held-out rows, contains one JSON object per line:
`{"id": row, "response": text}`. If a row has several responses, the responses are numbered:
`{"id": row, "sample": 2, "response": text}`.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cgc_data.common.text import decode
from cgc_data.metrics import COLUMNS, ItemScore, Truth, score_item, truth_of
from cgc_data.release.read import Release
from cgc_train.errors import PredictionsError
from cgc_train.reward.settings import PromptSettings, RewardSettings
from cgc_train.reward.terms import Terms, score

# The metrics that are written for each response.
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
class Prediction:
    """A response to the row `id`. If a row has several responses, `sample` numbers them."""

    id: str
    response: str
    sample: int = 1


@dataclass(frozen=True)
class Asked:
    """The rows of a release that the predictions refer to.

    Attributes:
        truths: ground-truth answers by row id, in the order in which the row ids first appear in the predictions.
        answered: number of rows with a prediction, by split.
        rows: total number of rows, with or without a prediction, in each of the splits in `answered`.
    """

    truths: dict[str, Truth]
    answered: dict[str, int]
    rows: dict[str, int]


@dataclass(frozen=True)
class Scored:
    """The reward terms and the metrics of a prediction. The metrics include the accuracy with lenient parsing."""

    terms: Terms
    item: ItemScore
    sample: int = 1


def read_predictions(path: Path) -> list[Prediction]:
    """Read predictions, in the order of the file.

    Raises PredictionsError if a line is not a JSON object, lacks `id` or `response`, or repeats the id and sample
    number of an earlier line. The message names the line.
    """
    found: dict[tuple[str, int], Prediction] = {}
    for number, line in _lines(path):
        entry = _entry(f"{path}:{number}", line)
        if (entry.id, entry.sample) in found:
            raise PredictionsError(
                f"{path}:{number}: sample {entry.sample} of row {entry.id!r} repeats an earlier line; number the "
                'responses to a row with "sample": 1, 2, 3'
            )
        found[entry.id, entry.sample] = entry
    if not found:
        raise PredictionsError(f"{path}: contains no predictions; write one JSON object per line with id and response")
    return list(found.values())


def find_asked(release: Release, ids: Sequence[str]) -> Asked:
    """Find the ground-truth answers to the rows with these ids, without reading images. Raises PredictionsError for
    unknown ids.
    """
    wanted, found = set(ids), dict[str, Truth]()
    answered, rows = Counter[str](), Counter[str]()
    for row in release.rows([*COLUMNS, "split"]):
        rows[row["split"]] += 1
        if row["id"] in wanted:
            answered[row["split"]] += 1
            found[row["id"]] = truth_of(row)
    if missing := [identity for identity in ids if identity not in found]:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise PredictionsError(
            f"{release.folder}: has no row {missing[0]!r}{more}; give the release that the predictions were made for"
        )
    return Asked({key: found[key] for key in ids}, dict(answered), {split: rows[split] for split in answered})


def score_predictions(
    predictions: Sequence[Prediction], truths: Mapping[str, Truth], settings: RewardSettings, prompt: PromptSettings
) -> Iterator[Scored]:
    """Score each prediction, in order."""
    for entry in predictions:
        truth = truths[entry.id]
        item = score_item(entry.response, truth, require_think=prompt.think, prefix=prompt.prefix)
        yield Scored(score(entry.response, truth, settings, prompt), item, entry.sample)


def write_terms(path: Path, scored: Sequence[Scored]) -> None:
    """Write one JSON object per prediction, with every reward term. The file appears only when it is complete.

    Raises PredictionsError if the file exists or cannot be written.
    """
    check_free(path)
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(_row(entry), ensure_ascii=False) + "\n" for entry in scored)
        partial.rename(path)
    except OSError as error:
        raise PredictionsError(
            f"{path}: cannot be written ({error.strerror}); choose another file with --out"
        ) from None


def check_free(path: Path) -> None:
    """Raise PredictionsError if a file already exists or its folder does not exist."""
    if path.exists():
        raise PredictionsError(f"{path}: already exists; choose another file with --out")
    if not path.parent.is_dir():
        raise PredictionsError(f"{path}: its folder does not exist; create it, or choose another file with --out")


def _row(entry: Scored) -> dict[str, object]:
    terms, truth, item = entry.terms, entry.item.truth, asdict(entry.item)
    return {
        "id": truth.id,
        "sample": entry.sample,
        "contrast": truth.contrast,
        "task": truth.task,
        "reward": terms.reward,
        **terms.values,
        "violations": [str(violation) for violation in terms.violations],
        **{name: item[name] for name in METRICS},
    }


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Read the nonempty lines of a file, with line numbers from 1."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, decode(line, f"{path}:{number}", PredictionsError)
    except FileNotFoundError:
        raise PredictionsError(f"{path}: no such file; give a JSON Lines file with id and response") from None
    except OSError as error:
        raise PredictionsError(f"{path}: cannot be read ({error.strerror}); make it readable") from None


def _entry(where: str, line: str) -> Prediction:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise PredictionsError(f"{where}: not JSON ({error}); write one JSON object per line") from None
    for key in ("id", "response"):
        if not isinstance(value, dict) or not isinstance(value.get(key), str):
            raise PredictionsError(f"{where}: has no text {key!r}; write one object with id and response per line")
    sample = value.get("sample", 1)
    if type(sample) is not int or sample < 0:
        fault = f"sample {sample!r} is not a non-negative integer; number responses from 0 or 1"
        raise PredictionsError(f"{where}: {fault}")
    return Prediction(value["id"], value["response"], sample)
