"""Reads responses that were saved without lmms-eval, and returns them as runs. Each model has one JSON Lines file,
which is named after the model.

These files contain neither settings nor images, so galleries show only text.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from cgc_bench.errors import ReportError
from cgc_bench.report.runs import Run
from cgc_bench.scoring.benchmark import AnyBenchmark, Items, benchmark
from cgc_bench.scoring.samples import asked_by_task, read_matched, whole_response
from cgc_bench.scoring.summary import check_protocol, score_responses

LABEL = "saved responses"


@dataclass(frozen=True)
class Questions:
    """The questions that the saved responses answer, and the settings for scoring the responses.

    Attributes:
        bench: the benchmark.
        items: its items, by index.
        source: name of the annotation file or release.
        protocol: scoring protocol.
        prefix: text that the chat template put at the start of every response.
    """

    bench: AnyBenchmark
    items: Items
    source: str
    protocol: str = "official"
    prefix: str = ""


def read_questions(name: str, annotations: Path, protocol: str = "official", prefix: str = "") -> Questions:
    """The items of a benchmark. Raises TaskError, or AnnotationError."""
    bench = benchmark(name)
    check_protocol(bench, protocol, None)
    return Questions(bench, bench.read_items(annotations), annotations.resolve().name, protocol, prefix)


def read_places(
    places: Iterable[Path], questions: Questions | None, read_folder: Callable[[Path], Iterable[Run]]
) -> list[Run]:
    """Runs in the order of `places`. A place is a file of saved responses or an output folder of lmms-eval.

    Files of saved responses require `questions`. Raises ReportError if a place is a file and `questions` is None, or if
    you pass `questions` and no place is a file.
    """
    listed = list(places)
    if questions and not any(place.is_file() for place in listed):
        raise ReportError(
            "--benchmark and --annotations apply only to files of saved responses, but none of the paths is a file"
        )
    return [run for place in listed for run in ([_saved(place, questions)] if place.is_file() else read_folder(place))]


def _saved(file: Path, questions: Questions | None) -> Run:
    if questions is None:
        raise ReportError(
            f"{file}: a file; for saved responses, state what they answer with --benchmark and --annotations; "
            "for a run of lmms-eval, name the folder given to its --output_path"
        )
    bench, items, protocol = questions.bench, questions.items, questions.protocol
    samples = read_matched([file], items, bench.name)
    responses = {index: whole_response(sample.response, questions.prefix) for index, sample in samples.items()}
    results = score_responses(bench, items, responses, protocol=protocol)
    place, asked = f"{file.resolve().parent.name}/{file.name}", asked_by_task(samples, items)
    return Run(file.stem, place, "", LABEL, bench, items, results, protocol, questions.source, {}, asked)
