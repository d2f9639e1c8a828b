"""Collects the contents of a run's page: the prompts of selected steps, with their images and saved responses."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cgc_data.metrics import Truth, truth_of
from cgc_data.release.read import Release
from cgc_data.release.reference import with_images
from cgc_data.release.rows import Row
from cgc_train.data import as_trained
from cgc_train.errors import RunError
from cgc_train.reward import text_of
from cgc_train.run import Run
from cgc_train.view.answers import Answer, read_response


@dataclass(frozen=True)
class Prompt:
    """A row with its images and the responses to it."""

    truth: Truth
    question: str
    images: tuple[bytes, ...]
    sizes: tuple[tuple[int, int], ...]
    answers: tuple[Answer, ...]

    @property
    def worst(self) -> float:
        """The lowest reward among the responses."""
        return min(answer.terms.reward for answer in self.answers)


@dataclass(frozen=True)
class Step:
    """The responses of a step.

    If `kind` is `completions`, the responses were sampled in training. If `kind` is `held_out`, the responses are
    greedy answers to held-out rows.
    """

    step: int
    kind: str
    prompts: tuple[Prompt, ...]
    left_out: int


@dataclass(frozen=True)
class Saved:
    """One saved response."""

    id: str
    response: str
    advantage: float | None


def collect(run: Run, release: Release, steps: Sequence[int] | None, per_step: int) -> list[Step]:
    """Collect the selected steps of a run, with at most `per_step` prompts each.

    `steps=None` selects the first, the middle, and the last saved step. Raises RunError if a step has no saved
    responses, or if the release lacks a row that the responses answer.
    """
    saved = {
        ("completions", step): _completions(run, step) for step in choose_steps(run.completion_steps(), steps, run)
    } | {("held_out", step): _held_out(run, step) for step in choose_steps(run.held_out_steps(), steps, run, False)}
    shown = {key: _grouped(found)[:per_step] for key, found in saved.items()}
    rows = _rows(run, release, {identity for groups in shown.values() for identity, _ in groups})
    chosen = []
    for (kind, step), groups in sorted(shown.items(), key=lambda entry: (entry[0][1], entry[0][0])):
        prompts = tuple(_prompt(rows[identity], found, run) for identity, found in groups)
        chosen.append(Step(step, kind, prompts, _left_out(saved[kind, step], shown[kind, step])))
    return [step for step in chosen if step.prompts]


def choose_steps(there: Sequence[int], asked: Sequence[int] | None, run: Run, strict: bool = True) -> list[int]:
    """Return the selected steps, or by default the first, the middle, and the last saved step. With `strict`, raises
    RunError if no responses were saved at a selected step.
    """
    if asked is None:
        return sorted({there[0], there[len(there) // 2], there[-1]}) if there else []
    missing = sorted(set(asked) - {*there, *run.held_out_steps()})
    if strict and missing:
        known = ", ".join(map(str, there[:12])) or "none"
        raise RunError(f"{run.folder}: no responses were saved at step {missing[0]}; saved steps: {known}")
    return [step for step in there if step in asked]


def _completions(run: Run, step: int) -> list[Saved]:
    return [
        Saved(row["id"], text_of(row["completion"]), row.get("advantage"))
        for row in run.completions(step)
        if row.get("id")
    ]


def _held_out(run: Run, step: int) -> list[Saved]:
    return [Saved(row["id"], row["response"], None) for row in run.held_out(step)]


def _grouped(saved: Iterable[Saved]) -> list[tuple[str, list[Saved]]]:
    groups: dict[str, list[Saved]] = defaultdict(list)
    for entry in saved:
        groups[entry.id].append(entry)
    return list(groups.items())


def _left_out(saved: Iterable[Saved], shown: Sequence[object]) -> int:
    return len({entry.id for entry in saved}) - len(shown)


def _rows(run: Run, release: Release, ids: set[str]) -> dict[str, Row]:
    picked = release.pick(ids)
    photos = Path(run.recipe.data.photos) if run.recipe.data.photos else None
    rows = picked if release.has_images else with_images(release, picked, photos)
    found: dict[str, Row] = {row["id"]: row for row in rows}
    if missing := sorted(ids - found.keys()):
        raise RunError(
            f"{release.folder}: has no row {missing[0]} of the run in {run.folder}; name the run's own release with "
            "--release"
        )
    return found


def _prompt(row: Row, saved: Sequence[Saved], run: Run) -> Prompt:
    shown = as_trained(row, run.recipe) if row["split"] == run.recipe.data.split else row
    truth = truth_of(shown)
    return Prompt(
        truth=truth,
        question=shown["question"],
        images=tuple(image["bytes"] for image in shown["images"]),
        sizes=tuple((view["width"], view["height"]) for view in shown["views"]),
        answers=tuple(read_response(entry.response, truth, run.recipe, entry.advantage) for entry in saved),
    )
