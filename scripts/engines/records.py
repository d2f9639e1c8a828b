"""Data classes for engines, their stages, the comparisons that a stage makes, and the results."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from scripts.engines.workplace import Workplace


@dataclass(frozen=True)
class Comparison:
    """A measured value and its bound.

    If the comparison was skipped, `figure` is None and `passed` is false; see `skipped`.
    """

    what: str
    figure: float | None
    bound: float | None
    passed: bool
    detail: str = ""


def at_most(what: str, figure: float, bound: float, detail: str = "") -> Comparison:
    """A difference that must not exceed the bound."""
    return Comparison(what, figure, bound, math.isfinite(figure) and figure <= bound, detail)


def at_least(what: str, figure: float, bound: float, detail: str = "") -> Comparison:
    """A number that must be at least the bound. By default, `detail` is the text "at least the bound"."""
    return Comparison(what, figure, bound, math.isfinite(figure) and figure >= bound, detail or "at least the bound")


def same(what: str, figure: int, expected: int, detail: str = "") -> Comparison:
    """A number that must equal the expected number."""
    return Comparison(what, figure, expected, figure == expected, detail)


def equal(what: str, found: Sequence[Any] | set[Any] | dict[Any, Any], expected: object) -> Comparison:
    """Compare two collections that must be equal. The reported figure is the number of entries in `found`."""
    same = found == expected and len(found) > 0
    return Comparison(what, len(found), None, same, "the same" if same else "different, or empty")


def skipped(what: str, why: str) -> Comparison:
    """A comparison that was skipped."""
    return Comparison(what, None, None, False, f"not compared: {why}")


@dataclass(frozen=True)
class Stage:
    """One run of an engine.

    Attributes:
        name: heading on the page.
        run: function that runs the stage and returns the comparisons. Raises StageError if a command fails.
        cause: why a stage cannot pass yet (the upstream line or issue that blocks it) and what was tried; empty
            otherwise.
    """

    name: str
    run: Callable[[Workplace], list[Comparison]]
    cause: str = ""


@dataclass(frozen=True)
class Engine:
    """An engine, its requirements, and its stages.

    Attributes:
        name: name on the command line.
        title: title on the page.
        packages: packages whose versions the page shows.
        stages: stages, in order. If one stage fails, the next stage still runs.
        requirements: packages that pip installs with their dependencies.
        alone: packages that pip installs without their dependencies.
        gigabytes: disk space that the environment and the runs need.
        shared: name of an environment that several engines share; empty if the engine has a separate environment.
        trainer: whether the engine is a trainer that replaces `cgc-train`. Such an engine may require
            other versions of the packages that this project uses.
    """

    name: str
    title: str
    packages: tuple[str, ...]
    stages: tuple[Stage, ...]
    requirements: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    gigabytes: float = 1.0
    shared: str = ""
    trainer: bool = False

    @property
    def environment(self) -> str:
        """The name of the folder for the engine's environment."""
        return self.shared or self.name


@dataclass(frozen=True)
class Result:
    """Result of a stage. If a command failed, `command` and `error` describe it."""

    stage: str
    seconds: float
    comparisons: list[Comparison] = field(default_factory=list)
    command: str = ""
    error: str = ""
    cause: str = ""

    @property
    def passed(self) -> bool:
        """Whether no command failed, at least one comparison was made, and every comparison passed."""
        return not self.error and bool(self.comparisons) and all(entry.passed for entry in self.comparisons)


@dataclass(frozen=True)
class Record:
    """A run of an engine: date, versions, and results of its stages."""

    engine: str
    title: str
    date: str
    versions: dict[str, str]
    results: list[Result]

    @property
    def passed(self) -> bool:
        """Whether every stage passed."""
        return bool(self.results) and all(result.passed for result in self.results)

    def values(self) -> dict[str, Any]:
        """The record as JSON values."""
        return asdict(self)


def record_of(values: dict[str, Any]) -> Record:
    """Convert the JSON values from `Record.values` back to a record."""
    results = [
        Result(**{**result, "comparisons": [Comparison(**entry) for entry in result["comparisons"]]})
        for result in values["results"]
    ]
    return Record(**{**values, "results": results})
