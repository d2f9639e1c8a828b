"""Former settings for the shares of tasks, and the current settings that replace them."""

from collections.abc import Iterator, Mapping
from typing import Any

from cgc_data.common.errors import ConfigError

# Former weights within a contrast, by section and key (the task's name).
WEIGHTS = {"inter": {"locate": 0.6, "locate_all": 0.4}, "intra": {"same_object": 0.5, "locate_all": 0.5}}
FORMER_SHARE = "inter_share"


def refuse_former(values: Mapping[str, Any], origin: str) -> None:
    """Raise a ConfigError for a former key, and suggest its replacement. `origin` describes where the values come from,
    for the error message.
    """
    if former := list(_former(values)):
        shares = ", ".join(f"{task}: {share:g}" for task, share in _rewritten(values).items())
        written = f"{{preset: paper, tasks: {{{shares}}}}}"
        raise ConfigError(f"{origin}: {' and '.join(former)} became shares of tasks; write {written}")


def _former(values: Mapping[str, Any]) -> Iterator[str]:
    if FORMER_SHARE in values:
        yield FORMER_SHARE
    for section, weights in WEIGHTS.items():
        yield from (f"{section}.{key}" for key in weights if key in _section(values, section))


def _rewritten(values: Mapping[str, Any]) -> dict[str, float]:
    """The former settings, converted to shares of all tasks."""
    inter = _number(values.get(FORMER_SHARE), 0.5)
    shares: dict[str, float] = {}
    for (section, weights), share in zip(WEIGHTS.items(), (inter, 1 - inter), strict=True):
        given = {key: _number(_section(values, section).get(key), weight) for key, weight in weights.items()}
        total = sum(given.values()) or 1.0
        shares |= {f"{section}/{key}": round(share * weight / total, 4) for key, weight in given.items()}
    return shares


def _section(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = values.get(name)
    return found if isinstance(found, Mapping) else {}


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default
