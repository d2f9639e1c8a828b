"""What an engine is, what one of its stages compares, and how it went."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from scripts.engines.workplace import Workplace


@dataclass(frozen=True)
class Comparison:
    """Something that was compared: what was measured, and what it may be at most or has to equal.

    What was not compared has no figure and did not pass: see `skipped`.
    """

    what: str
    figure: float | None
    bound: float | None
    passed: bool
    detail: str = ""


def at_most(what: str, figure: float, bound: float, detail: str = "") -> Comparison:
    """A difference that may be as large as the bound."""
    return Comparison(what, figure, bound, math.isfinite(figure) and figure <= bound, detail)


def at_least(what: str, figure: float, bound: float, detail: str = "") -> Comparison:
    """A number that has to reach the bound, which `detail` says if nothing else does."""
    return Comparison(what, figure, bound, math.isfinite(figure) and figure >= bound, detail or "at least the bound")


def same(what: str, figure: int, expected: int, detail: str = "") -> Comparison:
    """A number that has to be another one."""
    return Comparison(what, figure, expected, figure == expected, detail)


def equal(what: str, found: Sequence[Any] | set[Any] | dict[Any, Any], expected: object) -> Comparison:
    """Two collections that have to be the same; the figure is the number of entries."""
    same = found == expected and len(found) > 0
    return Comparison(what, len(found), None, same, "the same" if same else "not the same, or empty")


def skipped(what: str, why: str) -> Comparison:
    """A comparison that was not made."""
    return Comparison(what, None, None, False, f"not compared: {why}")


@dataclass(frozen=True)
class Stage:
    """One thing that an engine is made to do.

    Attributes:
        name: what runs, as the page says it.
        run: does it, and compares; StageError where a command fails.
        cause: for a stage that cannot pass yet: the line or issue upstream that stops it, and what was tried.
    """

    name: str
    run: Callable[[Workplace], list[Comparison]]
    cause: str = ""


@dataclass(frozen=True)
class Engine:
    """An engine, what it is installed from, and what it is made to do.

    Attributes:
        name: on the command line.
        title: on the page.
        packages: whose versions are shown.
        stages: in this order; one that fails does not keep the next from running.
        requirements: for pip, with all that they require.
        alone: for pip, without what they require.
        gigabytes: of disk that the environment and the runs take.
        shared: name of the environment, where engines have one together; empty: the engine's own.
        trainer: whether it trains in place of `cgc-train`, with versions of its own.
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
        """Name of the folder of its environment."""
        return self.shared or self.name


@dataclass(frozen=True)
class Result:
    """How a stage went. `command` and `error` are of the command that failed, if one did."""

    stage: str
    seconds: float
    comparisons: list[Comparison] = field(default_factory=list)
    command: str = ""
    error: str = ""
    cause: str = ""

    @property
    def passed(self) -> bool:
        """Whether something was compared, and all of it agrees."""
        return not self.error and bool(self.comparisons) and all(entry.passed for entry in self.comparisons)


@dataclass(frozen=True)
class Record:
    """A run of an engine: the day, the versions, and how its stages went."""

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
        """As JSON takes it."""
        return asdict(self)


def record_of(values: dict[str, Any]) -> Record:
    """The record that `Record.values` gave."""
    results = [
        Result(**{**result, "comparisons": [Comparison(**entry) for entry in result["comparisons"]]})
        for result in values["results"]
    ]
    return Record(**{**values, "results": results})
