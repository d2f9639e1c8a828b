"""Reads saved runs of lmms-eval. For each samples file, finds the benchmark, its items, and the responses. The items
come from the cached benchmark whose data digest is the one in the samples file.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from cgc_bench.errors import ReportError
from cgc_bench.prepare.cache import Prepared, cache_folder, open_prepared
from cgc_bench.prepare.versions import agrees
from cgc_bench.scoring.asked import Asked
from cgc_bench.scoring.benchmark import AnyBenchmark, ItemResult, Items, benchmark
from cgc_bench.scoring.samples import (
    Sample,
    asked_by_task,
    decode_line,
    group_of,
    newest_files,
    read_matched,
)
from cgc_bench.scoring.summary import Summary, score_responses, summarise


@dataclass(frozen=True)
class Run:
    """Answers of one model to one benchmark.

    Attributes:
        name: name of the model's folder, which lmms-eval derives from the name of the model. For saved responses, this
            is the name of the file without its extension.
        folder: path of the output folder that contains the model's folder. The path starts with the name of the folder
            that the user passed. For saved responses, this is the name of the file, preceded by the name of its folder.
        date: date of the newest file, such as `2026-11-24 12:00`; empty if unknown.
        label: group of tasks, such as `cgc_mig_think`.
        bench: the benchmark.
        items: all items of the benchmark, by index.
        results: one result per response.
        protocol: scoring protocol, such as `strict`.
        source: where the benchmark's files come from, with their revision.
        ready: for each task, the prepared benchmark with its images. Empty for saved responses.
        asked: settings and prompts of each task.
    """

    name: str
    folder: str
    date: str
    label: str
    bench: AnyBenchmark
    items: Items
    results: list[ItemResult]
    protocol: str
    source: str
    ready: Mapping[str, Prepared]
    asked: Mapping[str, Asked]

    @cached_property
    def by_index(self) -> dict[str, ItemResult]:
        """The results, keyed by item index."""
        return {result.index: result for result in self.results}

    @property
    def origin(self) -> str:
        """Where the answers come from, as shown in reports."""
        return f"run of {self.date} in {self.folder}" if self.date else self.folder

    def summary(self) -> Summary:
        """Scores, confidence intervals, floors, and warnings."""
        return summarise(self.bench, self.items, self.results, protocol=self.protocol, asked=self.asked)


def read_runs(folders: Iterable[Path]) -> list[Run]:
    """Every run of this project's benchmarks in the output folders of lmms-eval. If a task was run more than once, only
    its newest file is read.

    Raises ReportError if a folder contains no run, or if a benchmark is no longer prepared.
    """
    return [run for folder in folders for run in _runs(folder)]


def told_apart(runs: Sequence[Run]) -> list[Run]:
    """The runs with unique names. If a model occurs more than once in a group of tasks, the folder and the date are
    appended to its name.
    """
    times = Counter((run.name, run.label) for run in runs)
    return [
        replace(run, name=f"{run.name} ({', '.join(filter(None, (run.folder, run.date)))})")
        if times[run.name, run.label] > 1
        else run
        for run in runs
    ]


def _told(run: Run) -> str:
    return f"{run.folder}, {run.date}" if run.date else run.folder


def one_run(folder: Path, label: str | None = None) -> Run:
    """The only run in a folder, or the run whose group of tasks is `label`. Raises ReportError."""
    found = [run for run in read_runs([folder]) if label in (None, run.label)]
    if not found:
        raise ReportError(f"{folder}: contains no samples of {label}")
    if len(found) > 1:
        held = ", ".join(sorted({f"{run.name}: {run.label}" for run in found}))
        raise ReportError(f"{folder}: contains several runs ({held}); choose with --task, or name one model's folder")
    return found[0]


def _runs(folder: Path) -> Iterator[Run]:
    if not folder.is_dir():
        raise ReportError(f"{folder}: not a folder; name the one given to lmms-eval's --output_path")
    grouped: dict[tuple[Path, str], list[Path]] = {}
    for (model, task), file in newest_files(folder, "*_samples_cgc_*.jsonl").items():
        grouped.setdefault((model, group_of(task)), []).append(file)
    if not grouped:
        raise ReportError(f"{folder}: contains no samples of our tasks; run lmms-eval with --log_samples")
    for (model, label), files in grouped.items():
        yield _run(model, _output_of(model, folder), label, files)


def _output_of(model: Path, given: Path) -> str:
    """Path of the output folder that contains a model's folder. The path starts with the name of the given folder."""
    if model == given:
        return given.resolve().parent.name
    return Path(given.resolve().name, model.relative_to(given).parent).as_posix()


def _date(files: Iterable[Path]) -> str:
    """Date of the newest file, which lmms-eval writes into the file name: `20261124_120000_samples_...`."""
    stated = max(file.stem.partition("_samples_")[0] for file in files)
    try:
        return datetime.strptime(stated, "%Y%m%d_%H%M%S").strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return stated


def _run(model: Path, folder: str, label: str, files: list[Path]) -> Run:
    lines = {file: _first_line(file) for file in files}
    first = lines[files[0]]
    bench = benchmark(str(first.get("cgc_benchmark")))
    prepared = {str(line.get("cgc_task")): _prepared(file, bench, line) for file, line in lines.items()}
    places = {ready.annotations: ready for ready in prepared.values()}
    items = {index: item for place in places for index, item in bench.read_items(place).items()}
    protocol = str(first.get("cgc_protocol", "official"))
    samples = read_matched(files, items, bench.name)
    responses = {index: sample.response for index, sample in samples.items()}
    results = score_responses(bench, _shown(bench, items, samples, prepared), responses, protocol=protocol)
    source = ", ".join(dict.fromkeys(ready.source for ready in places.values()))
    saved = {str(line.get("cgc_task")): file for file, line in lines.items()}
    asked = {task: _generated(one, saved[task]) for task, one in asked_by_task(samples, items).items()}
    return Run(model.name, folder, _date(files), label, bench, items, results, protocol, source, prepared, asked)


def _shown(bench: AnyBenchmark, items: Items, samples: Mapping[str, Sample], prepared: Mapping[str, Prepared]) -> Items:
    """The items that the samples answer. If a sample records a maximum number of pixels, its item also gets the sizes
    of the images as the model saw them.
    """
    places = {
        (task, index): place for task, ready in prepared.items() for place, index in enumerate(ready.indices(task))
    }

    def shown(index: str, sample: Sample) -> Any:
        most, task = sample.asked.max_pixels, items[index].task
        if most is None or (task, index) not in places:
            return items[index]
        return bench.shown(items[index], lambda: prepared[task].sizes(task, places[task, index], most))

    return {index: shown(index, sample) for index, sample in samples.items()}


def _generated(asked: Asked, file: Path) -> Asked:
    """Add the generation settings and the interface, which are in the results file next to the samples file. If the
    results file is missing or incomplete, `asked` is returned unchanged.
    """
    time, _, task = file.stem.partition("_samples_")
    try:
        configuration = json.loads(file.with_name(f"{time}_results.json").read_bytes())["configs"][task]
        generation = json.dumps(configuration["generation_kwargs"], sort_keys=True)
        return replace(asked, generation=generation, interface=str(configuration["metadata"]["cgc_interface"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return asked


def _prepared(file: Path, bench: AnyBenchmark, line: Mapping[str, object]) -> Prepared:
    version, task, digest = str(line.get("cgc_annotations")), str(line.get("cgc_task")), line.get("cgc_data_sha256")
    ready = find_prepared(bench, task, version, digest)
    if ready is None:
        content = f" with data sha256 {str(digest)[:12]}" if digest else ""
        raise ReportError(
            f"{file}: made on {bench.name}, {version} annotations{content}, which are not prepared here; "
            "run `cgc-bench prepare` on the same files (for contrast, start the same lmms-eval task again), or set "
            "CGC_CACHE to where they are prepared"
        )
    return ready


def _first_line(file: Path) -> dict[str, object]:
    try:
        with file.open("rb") as lines:
            first = next((line for line in lines if line.strip()), b"{}")
    except OSError as error:
        raise ReportError(f"cannot read {file}: {error.strerror}") from None
    row = decode_line(first, f"{file}, line 1")
    if "cgc_benchmark" not in row:
        raise ReportError(f"{file}: a samples file without cgc_benchmark; it is empty or not of our tasks")
    return row


def find_prepared(bench: AnyBenchmark, task: str, version: str, digest: object) -> Prepared | None:
    """The cached benchmark with this digest for the task. If the digest is None (not recorded), the benchmark with a
    matching version.
    """
    folders = (cache_folder() / "bench" / bench.name).glob("*")
    opened = [open_prepared(folder, elsewhere=bench.elsewhere) for folder in sorted(folders)]
    found = [ready for ready in opened if ready and task in ready.digests]
    if digest is not None:
        return next((ready for ready in found if ready.digests[task] == digest), None)
    return next((ready for ready in found if agrees(version, ready.version)), None)
