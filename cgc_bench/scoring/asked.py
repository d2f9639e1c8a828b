"""Settings and prompts of a run, as recorded in its files.

Every report shows them, and every comparison first checks whether they differ.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cgc_bench.errors import SampleFileError

DIGESTS = ("annotations", "data", "prompts")
# Fields of `Asked` in a samples file, with their columns.
COLUMNS = {
    "annotations": "cgc_annotations_sha256",
    "data": "cgc_data_sha256",
    "profile": "cgc_profile",
    "prompts": "cgc_prompt_sha256",
    "max_pixels": "cgc_max_pixels",
    "versions": "cgc_versions",
}
TITLES = {
    "annotations": "annotations sha256",
    "data": "data sha256",
    "profile": "profile",
    "prompts": "prompts sha256",
    "max_pixels": "pixel limit",
    "versions": "rendered by",
    "generation": "generation",
    "interface": "interface",
}


@dataclass(frozen=True)
class Asked:
    """Everything that the answers to one task depend on, except the model. A field is None if the run's
    files do not record it.

    Attributes:
        annotations: sha256 of the annotation file. For a release, the sha256 of the digests of the held-out split's
            shards.
        data: sha256 of the items and their images, in order.
        profile: name of the prompt profile.
        prompts: sha256 of the prompts.
        max_pixels: maximum number of pixels per image.
        versions: versions of the libraries that decode the images and write the prompts.
        generation: generation settings, such as the maximum number of new tokens.
        interface: `chat` if images are placed within the text, `simple` if they are placed before it.
    """

    annotations: str | None = None
    data: str | None = None
    profile: str | None = None
    prompts: str | None = None
    max_pixels: int | None = None
    versions: str | None = None
    generation: str | None = None
    interface: str | None = None


def read_asked(row: Mapping[str, Any], place: str) -> Asked:
    """The settings that are recorded in one line of a samples file. Raises SampleFileError if a value has the wrong
    type.
    """
    found = {field: row.get(column) for field, column in COLUMNS.items()}
    for field, value in found.items():
        expected = int if field == "max_pixels" else str
        if value is not None and type(value) is not expected:
            raise SampleFileError(f"{place}: `{COLUMNS[field]}` is not a {'number' if expected is int else 'string'}")
    return Asked(**found)


def described(asked: Mapping[str, Asked], fields: Collection[str] = tuple(TITLES)) -> list[str]:
    """The settings of a run as text for a report. If the tasks of a run differ in a setting, each value is followed by
    the tasks that have it. If the tasks have different digests, one digest computed from all of them is shown.
    """
    known = [field for field in TITLES if any(getattr(one, field) is not None for one in asked.values())]
    shown = [field for field in TITLES if field in fields and (field in known or field in COLUMNS)]
    return [f"{TITLES[field]} {_values(field, asked)}" for field in shown]


def mixed(asked: Mapping[str, Asked]) -> list[str]:
    """Warnings if the tasks of one run have different settings."""
    fields = [field for field in TITLES if field not in (*DIGESTS, "generation")]
    return [
        f"the tasks were run with different settings: {TITLES[field]} {_values(field, asked)}"
        for field in fields
        if len({getattr(one, field) for one in asked.values()}) > 1
    ]


def other_data(base: Mapping[str, Asked], new: Mapping[str, Asked]) -> list[str]:
    """Tasks whose items or images are known to differ between two runs."""
    stated = {task: (base[task].data, new[task].data) for task in base if task in new}
    return [task for task, (ours, theirs) in stated.items() if ours and theirs and ours != theirs]


def differences(base: Mapping[str, Asked], new: Mapping[str, Asked]) -> list[str]:
    """Warnings about settings that differ between two runs, and about settings that only one of the runs records. Only
    tasks that both runs contain are checked.
    """
    shared = [task for task in base if task in new]
    found = []
    for field, title in TITLES.items():
        ours, theirs = ({task: run[task] for task in shared} for run in (base, new))
        pairs = [(getattr(ours[task], field), getattr(theirs[task], field)) for task in shared]
        if any(one != other for one, other in pairs):
            found.append(f"different settings: {title} {_values(field, ours)}, then {_values(field, theirs)}")
    return found


def _values(field: str, asked: Mapping[str, Asked]) -> str:
    tasks: dict[Any, list[str]] = {}
    for task, one in asked.items():
        tasks.setdefault(getattr(one, field), []).append(task)
    if field in DIGESTS:
        return _digest(tasks)
    if len(tasks) == 1:
        return _value(next(iter(tasks)))
    return ", ".join(f"{_value(value)} ({', '.join(names)})" for value, names in tasks.items())


def _digest(values: Iterable[str | None]) -> str:
    """The first 12 digits of the only digest in `values`, or of a digest computed from all digests in `values`."""
    found: Sequence[str] = sorted(value for value in values if value)
    if len(found) > 1:
        found = [hashlib.sha256("".join(found).encode()).hexdigest()]
    return found[0][:12] if found else _value(None)


def _value(value: str | int | None) -> str:
    if value is None:
        return "not stated"
    return f"{value:,}" if isinstance(value, int) else value
