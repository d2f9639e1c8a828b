"""Results of a validation: the outcome of each check, and the samples that fail it.

A check passes, fails, or ends with a note. A note means that the release is too small to reach a conclusion, or that
the check only measures a value. A note does not make the release invalid.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple

Status = Literal["pass", "fail", "note"]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Breach:
    """A fault in one sample or, for checks of files, in one file."""

    sample: str
    message: str


class Finding(NamedTuple):
    """The result of one check on one part of a sample: the name of the check, and the fault ("" if there is none)."""

    check: str
    fault: str


@dataclass(frozen=True)
class Check:
    """Outcome of one check.

    Attributes:
        n: number of items checked.
        value: the measured value; for checks of samples, the number of breaches.
        bound: the limit that the value is compared with.
        interval: confidence interval of the value (at least 95 %), if the value is a statistic.
        breaches: the faulty samples, each with its fault.
        sampled: whether only a sample of the rows was checked.
    """

    name: str
    status: Status
    n: int
    value: float | None = None
    bound: float | None = None
    interval: Interval | None = None
    message: str = ""
    breaches: tuple[Breach, ...] = ()
    sampled: bool = False


class Drawn(NamedTuple):
    """How a validation sampled the rows: the requested share, the seed, the number of drawn rows, and the total number
    of rows.
    """

    share: float
    seed: int
    rows: int
    of: int


@dataclass(frozen=True)
class Report:
    """The results of all checks of a release. The release is valid if no check failed.

    `drawn` describes the rows that were drawn as a sample; None if every check covers all rows.
    """

    release: str
    checks: tuple[Check, ...]
    drawn: Drawn | None = None

    @property
    def valid(self) -> bool:
        """True if no check failed."""
        return all(check.status != "fail" for check in self.checks)

    def check(self, name: str) -> Check:
        """The check with this name. Raises KeyError if the report has no such check."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def failed(self) -> list[str]:
        """Names of the failed checks, in the order of the report."""
        return [check.name for check in self.checks if check.status == "fail"]

    def to_dict(self) -> dict[str, object]:
        """The report as JSON values."""
        drawn = self.drawn._asdict() if self.drawn else None
        checks = [asdict(check) for check in self.checks]
        return {"release": self.release, "valid": self.valid, "sample": drawn, "checks": checks}


class Ledger:
    """Collects breaches while samples are read one by one. The samples themselves are not kept in memory."""

    def __init__(self, descriptions: Mapping[str, str]) -> None:
        self._descriptions = descriptions
        self._seen: Counter[str] = Counter()
        self._breaches: defaultdict[str, list[Breach]] = defaultdict(list)

    def look(self, check: str, count: int = 1) -> None:
        """Record that `count` more items were checked."""
        self._seen[check] += count

    def breach(self, check: str, sample: str, message: str) -> None:
        """Record that `sample` violates `check`."""
        self._breaches[check].append(Breach(sample, message))

    def require(self, holds: bool, check: str, sample: str, message: str) -> bool:
        """Record that one requirement was checked, and record a breach if it is not met. Returns `holds`."""
        self.look(check)
        if not holds:
            self.breach(check, sample, message)
        return holds

    def add(self, other: "Ledger") -> None:
        """Add the records of another ledger, whose rows come after the rows of this ledger."""
        self._seen.update(other._seen)
        for check, breaches in other._breaches.items():
            self._breaches[check].extend(breaches)

    def checks(self) -> Iterable[Check]:
        """The result of each check, in the order of the descriptions."""
        for name, description in self._descriptions.items():
            breaches = tuple(self._breaches[name])
            status: Status = "fail" if breaches else "pass" if self._seen[name] else "note"
            message = description if self._seen[name] or breaches else f"{description}: no such items"
            yield Check(name, status, self._seen[name], float(len(breaches)), 0.0, None, message, breaches)
