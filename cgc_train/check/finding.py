"""What a check says: one line with the value, the bound and the mend."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["ok", "warning", "failed", "not checked"]


@dataclass(frozen=True)
class Finding:
    """One line of the report. `value` is compared with `bound`; both are None where nothing is measured."""

    status: Status
    message: str
    mend: str = ""
    value: float | None = None
    bound: float | None = None
    details: Mapping[str, float] = field(default_factory=dict)
    check: str = ""

    @property
    def line(self) -> str:
        """The message and, where something is wrong, its mend."""
        return f"{self.message}; {self.mend}" if self.mend else self.message


class Unchecked(Exception):
    """What a check looks at is out of reach on this machine; the text says what and why."""


def ok(message: str, value: float | None = None, bound: float | None = None) -> Finding:
    """All is well."""
    return Finding("ok", message, value=value, bound=bound)


def warning(message: str, mend: str, value: float | None = None, bound: float | None = None) -> Finding:
    """The run would go, but not as one would wish."""
    return Finding("warning", message, mend, value, bound)


def failed(message: str, mend: str, value: float | None = None, bound: float | None = None) -> Finding:
    """The run would fail, or train on something else than intended."""
    return Finding("failed", message, mend, value, bound)


def gigabytes(size: float) -> str:
    """Bytes as text, in units of 10^9: `0.003 GB`, `2.1 GB`, `116 GB`."""
    value = size / 1e9
    return f"{value:,.0f} GB" if value >= 10 else f"{value:.2g} GB"


def not_checked(message: str) -> Finding:
    """Out of reach here."""
    return Finding("not checked", message)
