"""Suggests which settings to change if no sample is possible for a task.

Each change is tried in a dry run before it is suggested.

Changes are tried in table order: first alone, then in pairs. If some tasks still lack samples, these tasks are turned
off, and the changes are tried again for the other tasks.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeAlias

from cgc_data.common.errors import CgcError
from cgc_data.config import BuildConfig, Source
from cgc_data.index.build import Index, rejoined
from cgc_data.plan.askable import TOO_SMALL
from cgc_data.plan.ground import Division, lay_ground
from cgc_data.plan.losses import CROWD, Losses
from cgc_data.plan.trial import lacking
from cgc_data.plan.truth import UNREADABLE
from cgc_data.sources import FORMATS
from cgc_data.sources.clean import Part, duplicates
from cgc_data.tasks import TASKS

SECONDS, SECONDS_EACH = 10.0, 3.0  # CPU time, to give the same advice on a busy machine: for all trials, per trial
LARGEST = 200_000  # objects; indexing more objects takes longer than one trial may take
LOWER_SIDE, LOWER_AREA = 8, 0.0002


@dataclass(frozen=True)
class Failure:
    """A plan in which some tasks have no samples: how the plan was made, which tasks are `missing`, and which photos
    and objects could not be used.
    """

    index: Index
    config: BuildConfig
    division: Division
    missing: list[str]
    lost: Losses


@dataclass(frozen=True)
class Hint:
    """A change of settings: the command-line option, the equivalent YAML, and the condition under which the change is
    valid.
    """

    option: str
    change: Callable[[BuildConfig], BuildConfig]
    yaml: str = ""
    only_if: str = ""


Change: TypeAlias = tuple[Hint, ...]


def advice(failure: Failure, seconds: float = SECONDS) -> str:
    """Advice in words: the first change that makes a dry run succeed, or else the first change that was not tried."""
    hints = [hint for applies, hint in _table(failure) if applies]
    untried: list[Change] = []
    trial = _Trial(failure, time.process_time() + seconds)
    for change in trial.changes(hints):
        missing = trial.missing(change)
        if missing is None:
            untried.append(change)
        elif not missing:
            return f"add {_words(change)}; a dry run with this change succeeds"
    if untried:
        return f"add {_words(untried[0])}; this change was not tried, because a dry run takes too long"
    return f"none of the settings that were tried helps; {_needs(failure)}add photos or correct the file"


class _Trial:
    """Tries changes until the time is up, and records which tasks still have no samples after each change."""

    def __init__(self, failure: Failure, until: float) -> None:
        self._failure, self._until = failure, until
        self._lacking: dict[Change, list[str]] = {(): failure.missing}

    def changes(self, hints: Sequence[Hint]) -> Iterator[Change]:
        """Single changes come first, then pairs of changes. Each of these changes then comes again, and the tasks that
        still had no samples after the change are turned off. Of these repeated changes, the most helpful ones come
        first.
        """
        yield from ((hint,) for hint in hints)
        yield from combinations(hints, 2)
        for change in sorted(self._lacking, key=lambda change: len(self._lacking[change])):
            if len(self._lacking[change]) < len(_asked(self._failure.config)):
                yield (*change, _without_tasks(self._lacking[change]))

    def missing(self, change: Change) -> list[str] | None:
        """Tasks that still have no samples after the change; None if there was no time to try the change."""
        now = time.process_time()
        if now > self._until or self._failure.lost.objects > LARGEST:
            return None
        found = _missing(self._failure, change, min(self._until, now + SECONDS_EACH))
        if found is not None:
            self._lacking[change] = found
        return found


def _missing(failure: Failure, change: Change, until: float) -> list[str] | None:
    config = failure.config
    for hint in change:
        config = hint.change(config)
    try:
        index = failure.index if config.sources == failure.config.sources else rejoined(failure.index, config)
        return lacking(lay_ground(index, config, failure.division), _required(config) or _asked(config), until)
    except CgcError:  # such as a declaration that the file contradicts
        return list(failure.missing)


def _asked(config: BuildConfig) -> list[str]:
    return [task for task, share in config.shares.items() if share]


def _required(config: BuildConfig) -> list[str]:
    return [task for task in _asked(config) if config.requires(task)]


def _table(failure: Failure) -> Iterator[tuple[bool, Hint]]:
    """Each possible change, and whether it can help."""
    config, lost = failure.config, failure.lost.lost_objects
    declarable = [FORMATS[source.kind].protocol.declarable for source in config.sources]
    unreadable = any(reason.startswith(UNREADABLE) for reason in lost)
    yield unreadable and any(declarable), _ignoring("masks", "the boxes are correct, but the masks are not")
    yield 2 * lost[CROWD] > failure.lost.objects, _ignoring("crowd", "each crowd box contains exactly one object")
    yield _any_duplicates(failure), _ignoring("duplicates", "identical boxes of one category mark the same object")
    yield any(map(_undeclared, config.sources, failure.index.claims)), EXHAUSTIVE
    yield config.confusable == "strict" and _unlabelled(failure.index), LABELLED
    yield _small(failure), _limits(config)


def _set(config: BuildConfig, **changes: Any) -> BuildConfig:
    return config.model_copy(update=changes)


def _setting(name: str, value: Any, only_if: str = "") -> Hint:
    return Hint(f"{name}={value}", lambda config: _set(config, **{name: value}), only_if=only_if)


def _sources(config: BuildConfig, change: Callable[[Source], dict[str, Any]]) -> BuildConfig:
    """The configuration with changed sources.

    Sources whose format does not support the suggested command-line flags remain unchanged.
    """
    return _set(
        config,
        sources=[
            source.model_copy(update=change(source)) if FORMATS[source.kind].protocol.declarable else source
            for source in config.sources
        ],
    )


def _ignoring(part: Part, only_if: str) -> Hint:
    def change(config: BuildConfig) -> BuildConfig:
        return _sources(config, lambda source: {"ignore": [*source.ignore, part]})

    return Hint(f"--ignore {part}", change, f"ignore: [{part}]", only_if)


def _declare(source: Source) -> dict[str, Any]:
    return {"exhaustive": True if source.exhaustive is None else source.exhaustive}


EXHAUSTIVE = Hint(
    "--exhaustive",
    lambda config: _sources(config, _declare),
    "exhaustive: true",
    "the file boxes every instance of every category",
)
LABELLED = _setting("confusable", "labeled", "your photos show no category that is missing from your file")


def _limits(config: BuildConfig) -> Hint:
    lower = {
        "min_side": min(config.limits.min_side, LOWER_SIDE),
        "min_area": min(config.limits.min_area, LOWER_AREA),
        "max_aspect": max(config.limits.max_aspect, 10),
    }
    option = " ".join(f"limits.{name}={value:g}" for name, value in lower.items())
    return Hint(option, lambda config: _set(config, limits=config.limits.model_copy(update=lower)))


def _without_tasks(missing: Sequence[str]) -> Hint:
    option = " ".join(f"tasks.{task}=0" for task in missing)
    return Hint(option, lambda config: _set(config, tasks={**config.tasks, **dict.fromkeys(missing, 0.0)}))


def _any_duplicates(failure: Failure) -> bool:
    tables = zip(failure.index.tables, failure.config.sources, strict=True)
    return any(duplicates(t.annotations).any() for t, s in tables if FORMATS[s.kind].protocol.declarable)


def _small(failure: Failure) -> bool:
    return failure.lost.lost_objects[TOO_SMALL] > failure.lost.usable and _limits(failure.config).option != ""


def _undeclared(source: Source, claims: Any) -> bool:
    """Whether the user could declare the source's categories exhaustive. False if the format does not allow this, if
    the configuration already sets `exhaustive`, or if the file annotates all categories exhaustively.
    """
    declarable = FORMATS[source.kind].protocol.declarable
    return declarable and source.exhaustive is None and not claims.exhaustive.all()


def _unlabelled(index: Index) -> bool:
    return any(index.relations.confusable(concept) - index.labelled for concept in index.labelled)


def _needs(failure: Failure) -> str:
    """The special requirements of the first missing task; empty if this task has none."""
    needs = TASKS[failure.missing[0]].needs
    return f"{failure.missing[0]} needs {needs}; " if needs else ""


def _words(change: Change) -> str:
    return " and ".join(map(_word, change))


def _word(hint: Hint) -> str:
    yaml = f" (in YAML: `{hint.yaml}` for the source)" if hint.yaml else ""
    return f"`{hint.option}`{yaml}" + (f" if {hint.only_if}" if hint.only_if else "")
