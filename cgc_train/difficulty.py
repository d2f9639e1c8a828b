"""Measures, before training, how hard each row is for a model. The model samples one group of answers per row.

GRPO learns nothing from a group whose rewards are all equal. Therefore, the rows of such groups are marked, and
`data.keep` excludes these rows from training. Simplification: because there is only one group per row, a row is also
excluded if its rewards are equal by chance.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, pstdev
from typing import Literal

from filelock import FileLock

from cgc_data.common.progress import say, track
from cgc_data.metrics import TruthRow, truth_of
from cgc_train.data import training_set
from cgc_train.errors import TrainingDataError
from cgc_train.protocols import Model, Processor, TrainingRow
from cgc_train.recipe import Recipe
from cgc_train.reward import score
from cgc_train.reward.batch import EQUAL
from cgc_train.run import image_folder

Verdict = Literal["informative", "all right", "all wrong"]
VERDICTS: tuple[Verdict, ...] = ("informative", "all right", "all wrong")

RIGHT = 0.5  # mean R_miou at or above which a group of equal rewards counts as solved
SAMPLES, TOKENS = 8, 512  # used if the recipe does not set the value


@dataclass(frozen=True)
class Measured:
    """A model's result for one row.

    Attributes:
        id: id of the row.
        task: task of the row.
        contrast: contrast of the row.
        mean: mean reward of the group.
        spread: standard deviation of the group's rewards.
        miou: mean R_miou, 0-1, computed with the default reward options.
        rewards: reward of each answer.
        settings: hash of the settings that determine the measurement, such as those of the model, the prompt, and the
            reward.
    """

    id: str
    task: str
    contrast: str
    mean: float
    spread: float
    miou: float
    rewards: tuple[float, ...]
    settings: str

    @property
    def verdict(self) -> Verdict:
        """`informative` if the rewards in the group differ; otherwise `all right` or `all wrong`, depending on the mean
        R_miou.
        """
        if max(self.rewards) - min(self.rewards) > EQUAL:
            return "informative"
        return "all right" if self.miou >= RIGHT else "all wrong"

    @property
    def kept(self) -> bool:
        """Whether to train on the row."""
        return self.verdict == "informative"


@dataclass(frozen=True)
class Sampling:
    """Sampling settings. They are the recipe's training settings, but `samples` can differ."""

    samples: int
    temperature: float
    max_new_tokens: int
    template: Mapping[str, object]


def measure(
    recipe: Recipe, file: Path, *, samples: int | None = None, limit: int | None = None, batch_size: int = 8
) -> list[Measured]:
    """Measure the recipe's training rows, and append one JSON line per row to a file.

    Rows that are already in the file are not measured again. If every process of a launch calls this function, the
    processes share the work.

    Returns the measurements of the training rows, including those that were already in the file. Rows that other
    processes are still answering are omitted.

    Args:
        recipe: the recipe with the model and the rows to answer; `data.keep` is ignored.
        file: the output file, which you can later use as `data.keep`.
        samples: answers per row; None: the recipe's `grpo.num_generations`, or 8 if the recipe does not set it.
        limit: maximum number of rows; None: the limit of the recipe.
        batch_size: number of rows answered at a time.

    Raises:
        TrainingDataError: the file contains something other than measurements, or its measurements were made with other
            settings.
        Also raises any error from loading the data or the model.
    """
    data = recipe.data.model_copy(update={"keep": None, "limit": limit or recipe.data.limit})
    recipe = recipe.model_copy(update={"data": data})
    sampling = _sampling(recipe, samples)
    settings = _settings(recipe, sampling)
    done = _read(file, settings)
    rows = training_set(recipe, image_folder=image_folder())
    ids = list(rows["id"])
    batches = [range(start, min(start + batch_size, len(ids))) for start in range(0, len(ids), batch_size)]
    mine = [batch for batch in batches[_rank() :: _world()] if any(ids[place] not in done for place in batch)]
    if mine:
        _work(recipe, file, sampling, settings, (rows.select(batch).to_list() for batch in mine), len(mine))
    done = _read(file, settings)
    found = [done[identity] for identity in ids if identity in done]
    if len(found) < len(ids):
        say(f"{file}: other processes are still answering {len(ids) - len(found)} rows; rerun the command for all rows")
    return found


def verdict_shares(measured: Iterable[Measured]) -> dict[str, dict[str, float]]:
    """Count the rows and compute the share (0-1) of each verdict, per task and in total."""
    groups: dict[str, list[Measured]] = {}
    for row in measured:
        groups.setdefault(row.task, []).append(row)
    everything = {**dict(sorted(groups.items())), "all": [row for rows in groups.values() for row in rows]}
    return {
        task: {"rows": len(rows), **{v: fmean([row.verdict == v for row in rows]) for v in VERDICTS}}
        for task, rows in everything.items()
        if rows
    }


def _work(
    recipe: Recipe, file: Path, sampling: Sampling, settings: str, batches: Iterator[list[TrainingRow]], count: int
) -> None:
    """Load the model, let it answer the rows batch by batch, and append the measurements of each batch."""
    import torch

    from cgc_train.model import check_template, load_base, load_processor

    device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"
    processor = load_processor(recipe.model, recipe.data.max_pixels)
    check_template(recipe.model.name, processor, recipe.prompt, sampling.template)
    model = load_base(recipe.model, device)
    for batch in track(batches, "batches", total=count):
        groups = _answers(model, processor, batch, sampling, recipe.data.seed)
        measured = [_measured(row, group, recipe, settings) for row, group in zip(batch, groups, strict=True)]
        _append(file, measured, settings)


def _answers(
    model: Model, processor: Processor, rows: Sequence[TrainingRow], sampling: Sampling, seed: int
) -> list[list[str]]:
    """Sample a group of answers for each row. The answers do not depend on earlier batches."""
    from cgc_train.generate import generate

    name = "\n".join([str(seed), *(row["id"] for row in rows)])
    return generate(
        model,
        processor,
        [row["prompt"] for row in rows],
        [row["images"] for row in rows],
        max_new_tokens=sampling.max_new_tokens,
        temperature=sampling.temperature,
        samples=sampling.samples,
        template=sampling.template,
        batch_size=len(rows),
        seed=int(hashlib.sha256(name.encode()).hexdigest()[:8], 16),
    )


def _measured(row: TruthRow, responses: Sequence[str], recipe: Recipe, settings: str) -> Measured:
    truth = truth_of(row)
    terms = [score(response, truth, recipe.reward, recipe.prompt) for response in responses]
    rewards = tuple(term.reward for term in terms)
    return Measured(
        id=row["id"],
        task=row["task"],
        contrast=row["contrast"],
        mean=fmean(rewards),
        spread=pstdev(rewards),
        miou=fmean(term.item.miou for term in terms),
        rewards=rewards,
        settings=settings,
    )


def _append(file: Path, measured: Sequence[Measured], settings: str) -> None:
    """Append the measurements that the file does not contain yet. A truncated last line from an earlier run is removed
    first.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_name(f".{file.name}.lock")), file.open("a+b") as out:
        out.seek(0)
        out.truncate(out.read().rfind(b"\n") + 1)
        done = _read(file, settings)
        lines = [json.dumps(asdict(row) | {"kept": row.kept}) for row in measured if row.id not in done]
        out.write("".join(f"{line}\n" for line in lines).encode())


def _read(file: Path, settings: str) -> dict[str, Measured]:
    """Read the measurements in a file, and return them by row id. A truncated last line is ignored."""
    if not file.exists():
        return {}
    try:
        found = [_parse(line) for line in file.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()]
    except (OSError, ValueError, TypeError, KeyError):
        raise TrainingDataError(f"{file}: is not a file of measurements; choose another file") from None
    if any(row.settings != settings for row in found):
        raise TrainingDataError(
            f"{file}: was measured with another model, prompt, reward, or sampling, or with other values of "
            "data.max_pixels, data.distractor_images, or data.seed; choose another file"
        )
    return {row.id: row for row in found}


def _parse(line: str) -> Measured:
    entry = json.loads(line)
    del entry["kept"]
    return Measured(**{**entry, "rewards": tuple(entry["rewards"])})


def _sampling(recipe: Recipe, samples: int | None) -> Sampling:
    asked = recipe.grpo
    return Sampling(
        samples=samples or asked.get("num_generations") or SAMPLES,
        temperature=float(asked.get("temperature", 1.0)),
        max_new_tokens=asked.get("max_completion_length") or TOKENS,
        template=asked.get("chat_template_kwargs") or {},
    )


def _settings(recipe: Recipe, sampling: Sampling) -> str:
    """Hash of all settings that determine the measurement of a row."""
    content = {
        "model": [recipe.model.name, recipe.model.revision, recipe.model.dtype, recipe.model.quantize],
        "data": [recipe.data.max_pixels, recipe.data.distractor_images, recipe.data.seed],
        "prompt": recipe.prompt.model_dump(),
        "reward": recipe.reward.model_dump(),
        # an empty template setting changes nothing, and older files were measured without this setting
        "sampling": {key: value for key, value in asdict(sampling).items() if value != {}},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def _rank() -> int:
    return int(os.environ.get("RANK", "0"))


def _world() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))
