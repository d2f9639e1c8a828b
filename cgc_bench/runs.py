"""Runs of lmms-eval as they were saved: which of our benchmarks a samples file answers, with items and responses.

Items are found again through the cache of prepared benchmarks, by the version of the annotations that the file states.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgc_bench.errors import ReportError
from cgc_bench.prepare.cache import Prepared, cache_folder, open_prepared
from cgc_bench.results import PACKAGES, Benchmark, ItemResult, benchmark
from cgc_bench.samples import read_responses
from cgc_bench.scoring import Summary, score_responses, summarise
from cgc_data.text import decode


@dataclass(frozen=True)
class Run:
    """The answers of one model to one benchmark.

    Attributes:
        name: of the model's folder, which lmms-eval names after the model.
        label: the group of tasks, such as `cgc_mig_think`.
        bench: the benchmark.
        items: all its items, by index.
        results: one a response.
        protocol: of the scoring: `strict` where the prompt asked for reasoning.
        source: where the benchmark's files came from, with its revision.
        ready: the prepared benchmark of each task, which has the images.
    """

    name: str
    label: str
    bench: Benchmark
    items: Mapping[str, Any]
    results: list[ItemResult]
    protocol: str
    source: str
    ready: Mapping[str, Prepared]

    def summary(self) -> Summary:
        """Figures, intervals, floors and warnings."""
        return summarise(self.bench, self.items, self.results, protocol=self.protocol)


def read_runs(folders: Iterable[Path]) -> list[Run]:
    """Every benchmark of ours in the output folders of lmms-eval; the newest files where a task was run again.

    Raises ReportError where a folder holds none, or its benchmark is no longer prepared.
    """
    return [run for folder in folders for run in _runs(folder)]


def one_run(folder: Path, label: str | None = None) -> Run:
    """The one run of a folder, of this group of tasks where it holds several. Raises ReportError."""
    found = [run for run in read_runs([folder]) if label in (None, run.label)]
    if not found:
        raise ReportError(f"{folder}: holds no samples of {label}")
    if len(found) > 1:
        held = ", ".join(sorted({f"{run.name}: {run.label}" for run in found}))
        raise ReportError(f"{folder}: holds several runs ({held}); choose with --task, or name one model's folder")
    return found[0]


def _runs(folder: Path) -> Iterator[Run]:
    if not folder.is_dir():
        raise ReportError(f"{folder}: not a folder; name the one given to lmms-eval's --output_path")
    newest: dict[tuple[str, str], Path] = {}
    for file in sorted(folder.rglob("*_samples_cgc_*.jsonl")):
        newest[file.parent.name, file.stem.partition("_samples_")[2]] = file
    grouped: dict[tuple[str, str], list[Path]] = {}
    for (model, task), file in newest.items():
        grouped.setdefault((model, _group(task)), []).append(file)
    if not grouped:
        raise ReportError(f"{folder}: holds no samples of our tasks; run lmms-eval with --log_samples")
    for (model, label), files in grouped.items():
        yield _run(model, label, files)


def _group(task: str) -> str:
    """`cgc_mig_think` of `cgc_mig_think_diff`."""
    parts = [part for name in PACKAGES if task.startswith(f"cgc_{name}_") for part in benchmark(name).tasks]
    for part in sorted(parts, key=len, reverse=True):  # `view_diff` before `diff`
        if task.endswith(f"_{part}"):
            return task.removesuffix(f"_{part}")
    raise ReportError(f"{task}: is no task of ours")


def _run(model: str, label: str, files: list[Path]) -> Run:
    lines = {file: _first_line(file) for file in files}
    first = lines[files[0]]
    bench = benchmark(str(first.get("cgc_benchmark")))
    prepared = {str(line.get("cgc_task")): _prepared(file, bench, line) for file, line in lines.items()}
    places = {ready.annotations: ready for ready in prepared.values()}
    items = {index: item for place in places for index, item in bench.read_items(place).items()}
    protocol = str(first.get("cgc_protocol", "official"))
    results = score_responses(bench, items, read_responses(files, items, bench.name), protocol=protocol)
    source = ", ".join(dict.fromkeys(ready.source for ready in places.values()))
    return Run(model, label, bench, items, results, protocol, source, prepared)


def _prepared(file: Path, bench: Benchmark, line: Mapping[str, Any]) -> Prepared:
    version, task = str(line.get("cgc_annotations")), str(line.get("cgc_task"))
    ready = find_prepared(bench.name, version, task)
    if ready is None:
        raise ReportError(
            f"{file}: made on {bench.name}, {version} annotations, which are not prepared here; "
            "run `cgc-bench prepare`, or set CGC_CACHE to where they are"
        )
    return ready


def _first_line(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as lines:
            row: dict[str, Any] = json.loads(decode(next(lines, b"{}"), file, ReportError))
    except (OSError, ValueError) as error:
        raise ReportError(f"{file}: not a samples file ({error})") from None
    if "cgc_benchmark" not in row:
        raise ReportError(f"{file}: a samples file without cgc_benchmark; it is empty or not of our tasks")
    return row


def find_prepared(name: str, version: str, task: str) -> Prepared | None:
    """The prepared benchmark that has this task in this version of the annotations; None where there is none."""
    folders = (cache_folder() / "bench" / name).glob("*")
    found = (open_prepared(folder) for folder in sorted(folders))
    return next((ready for ready in found if ready and ready.version == version and task in ready.tasks), None)
