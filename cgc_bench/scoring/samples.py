"""Matches saved responses to the items of a benchmark. The responses come from plain files or from lmms-eval's samples
files.

Each line is an object `{"index", "response"}`, plus `task` and `annotations` if they are known. In lmms-eval's samples
files, these keys are `cgc_index`, `cgc_response`, `cgc_task`, and `cgc_annotations`. A line is rejected if its task or
annotations differ from those of the item with the same index.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cgc_bench.errors import SampleFileError
from cgc_bench.prepare.layout import Item
from cgc_bench.prepare.versions import agrees
from cgc_bench.scoring.asked import Asked, read_asked
from cgc_bench.scoring.benchmark import PACKAGES, benchmark
from cgc_data.common.text import decode


@dataclass(frozen=True)
class Sample:
    """One saved response.

    Attributes:
        index: index of the item.
        response: full text that the model wrote.
        task: the item's task as recorded in the file, or None.
        annotations: version of the annotations as recorded in the file, or None.
        asked: settings and prompts as recorded in the file.
        place: file and line, for error messages.
    """

    index: str
    response: str
    task: str | None
    annotations: str | None
    asked: Asked
    place: str


def whole_response(written: str, prefix: str) -> str:
    """The full response, including `prefix`. The chat template writes the prefix, and the model continues after it, so
    `written` may not contain the prefix.

    The prefix can contain the opening tag of the reasoning. Without this tag, truncated reasoning would be read as an
    answer.
    """
    return written if written.startswith(prefix) else prefix + written


def read_responses(files: Sequence[Path], items: Mapping[str, Item], name: str) -> dict[str, str]:
    """Responses by index. Takes the same arguments as `read_matched` and raises the same errors."""
    return {index: sample.response for index, sample in read_matched(files, items, name).items()}


def read_matched(files: Sequence[Path], items: Mapping[str, Item], name: str) -> dict[str, Sample]:
    """Saved responses, keyed by index, in the order of the items. The responses may answer only some of the items.

    Args:
        files: JSON Lines files, or output folders of lmms-eval. Each folder must contain exactly one run of this
            benchmark. In a folder, only the newest file of each task counts.
        items: the benchmark's items by index; each has `task` and `version`.
        name: name of the benchmark.

    Raises:
        SampleFileError: a file cannot be read, a line is damaged or does not match an item, or two lines answer the
            same item. The message names the file and line.
    """
    found: dict[str, Sample] = {}
    for sample in read_samples(files, name):
        _check(sample, items)
        if sample.index in found:
            raise SampleFileError(f"{sample.place}: item {sample.index} is already at {found[sample.index].place}")
        found[sample.index] = sample
    if not found:
        raise SampleFileError(f"no responses in {', '.join(map(str, files))}")
    return {index: found[index] for index in items if index in found}


def asked_by_task(samples: Mapping[str, Sample], items: Mapping[str, Item]) -> dict[str, Asked]:
    """Settings and prompts by task. Raises SampleFileError if lines of the same task state different settings."""
    first: dict[str, Sample] = {}
    for index, sample in samples.items():
        before = first.setdefault(items[index].task, sample)
        if sample.asked != before.asked:
            raise SampleFileError(
                f"{sample.place}: asked with other settings or data than {before.place}; score each run by itself"
            )
    return {task: sample.asked for task, sample in first.items()}


def group_of(task: str) -> str:
    """The group of a task, such as `cgc_mig_think` for `cgc_mig_think_diff`. Raises SampleFileError for a task that
    does not belong to this project.
    """
    parts = [part for name in PACKAGES if task.startswith(f"cgc_{name}_") for part in benchmark(name).tasks]
    for part in sorted(parts, key=len, reverse=True):  # `view_diff` before `diff`
        if task.endswith(f"_{part}"):
            return task.removesuffix(f"_{part}")
    raise SampleFileError(f"{task}: not one of our tasks")


def newest_files(folder: Path, pattern: str) -> dict[tuple[Path, str], Path]:
    """The newest samples files under a folder, keyed by (folder, task)."""
    return {(file.parent, file.stem.partition("_samples_")[2]): file for file in sorted(folder.rglob(pattern))}


def read_samples(files: Iterable[Path], name: str) -> Iterator[Sample]:
    """The responses in the files, one per line, in order. Raises SampleFileError."""
    for file in files:
        for path in _sample_files(file, name):
            yield from _read_file(path)


def _sample_files(path: Path, name: str) -> list[Path]:
    """The given file or, for a folder, the newest samples files of the only run in it."""
    if not path.is_dir():
        return [path]
    pattern = f"*_samples_cgc_{name}*.jsonl"
    newest = newest_files(path, pattern)
    if not newest:
        raise SampleFileError(f"{path} contains no samples file {pattern}: run lmms-eval with --log_samples")
    runs = sorted({f"{folder.name}: {group_of(task)}" for folder, task in newest})
    if len({(folder, group_of(task)) for folder, task in newest}) > 1:
        raise SampleFileError(
            f"{path} contains several runs ({', '.join(runs)}); name the folder or the samples files of one model"
        )
    return list(newest.values())


def _read_file(file: Path) -> Iterator[Sample]:
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _sample(line, f"{file}, line {number}")
    except OSError as error:
        raise SampleFileError(f"cannot read {file}: {error.strerror}") from error


def _sample(line: bytes, place: str) -> Sample:
    row = decode_line(line, place)
    prefix = "cgc_" if "cgc_index" in row else ""
    if not prefix and "doc_id" in row:
        raise SampleFileError(f"{place}: a samples file of lmms-eval, but of a task that is not ours (no cgc_index)")
    return Sample(
        index=_index(row, f"{prefix}index", place),
        response=_text(row, f"{prefix}response", place),
        task=_optional(row, f"{prefix}task", place),
        annotations=_optional(row, f"{prefix}annotations", place),
        asked=read_asked(row, place),
        place=place,
    )


def decode_line(line: bytes, place: str) -> dict[str, object]:
    """The object on one line. Raises SampleFileError with a message that names the file and line."""
    try:
        row = json.loads(decode(line, place, SampleFileError))
    except (ValueError, RecursionError) as error:
        raise SampleFileError(f"{place}: not JSON ({error})") from error
    if not isinstance(row, dict):
        raise SampleFileError(f'{place}: not an object such as {{"index": 0, "response": "..."}}')
    return row


def _index(row: Mapping[str, object], key: str, place: str) -> str:
    index = row.get(key)
    if type(index) is int or (isinstance(index, str) and index):
        return str(index)
    raise SampleFileError(f"{place}: no `{key}`, a number or a string")


def _text(row: Mapping[str, object], key: str, place: str) -> str:
    response = row.get(key)
    if isinstance(response, str):
        return response
    raise SampleFileError(f"{place}: no `{key}`, a string (an empty one is also an answer)")


def _optional(row: Mapping[str, object], key: str, place: str) -> str | None:
    value = row.get(key)
    if value is None or isinstance(value, str):
        return value
    raise SampleFileError(f"{place}: `{key}` is not a string")


def _check(sample: Sample, items: Mapping[str, Item]) -> None:
    """Raise SampleFileError if no item has the index of the response, or if the item and the response have different
    tasks or versions.
    """
    item = items.get(sample.index)
    if item is None:
        raise SampleFileError(f"{sample.place}: the annotations have no item {sample.index}")
    if sample.task not in (None, item.task):
        raise SampleFileError(
            f"{sample.place}: a response to {sample.task}, but item {sample.index} of the annotations is {item.task}: "
            "another task's file, or another version of the annotations"
        )
    if sample.annotations is not None and not agrees(sample.annotations, item.version):
        raise SampleFileError(f"{sample.place}: made on the {sample.annotations} annotations, not on {item.version}")
