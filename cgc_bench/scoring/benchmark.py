"""The interface of all benchmarks. Scoring, lmms-eval tasks, and reports use the benchmarks through this interface.

This module also defines the result of one item. If a metric is not defined for an item, its value is None and the item
does not count in the mean.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeAlias, TypedDict, TypeVar

from cgc_bench.errors import PrepareError, TaskError
from cgc_bench.prepare.cache import Prepared, Size
from cgc_bench.prepare.layout import ItemT
from cgc_bench.prepare.versions import files_sha256
from cgc_bench.scoring.profiles import OWN, Profile, choose
from cgc_data.answer.prompt import Message

# Each benchmark and the package that defines it as `BENCHMARK`. Register a new benchmark here.
PACKAGES = {name: f"cgc_bench.{name}" for name in ("mig", "vlm2", "contrast", "transfer", "refcoco")}


@dataclass(frozen=True)
class ItemResult:
    """Score of one response.

    Attributes:
        task: task within the benchmark, such as `common_object`.
        index: ID of the item within the benchmark.
        response: the response text that was scored.
        values: value of each metric on this item, 0-1; None if the metric is not defined for the item.
        cluster: ID of the group of items that share photos. Intervals are computed by resampling clusters.
        boxes: boxes that were read from the response, as (image, x1, y1, x2, y2). `image` is the 1-based number of the
            image, or 0 if it is unknown. Coordinates are 0-1000.
        truth: ground-truth boxes, in the same form.
        note: a remark for readers, such as `pixel scale`; empty if there is none.
        subtask: name of the subtask, which has an additional row in the table; "" if the item does not belong to a
            subtask.
        members: indices of the items that are scored together in this result, such as the two items of a pair; empty
            for a single item.
    """

    task: str
    index: str
    response: str
    values: Mapping[str, float | None]
    cluster: str
    boxes: Sequence[Sequence[float]] = field(default_factory=tuple)
    truth: Sequence[Sequence[float]] = field(default_factory=tuple)
    note: str = ""
    subtask: str = ""
    members: Sequence[str] = ()


Items: TypeAlias = Mapping[str, Any]
ResultT = TypeVar("ResultT", bound=ItemResult)
# `n`, then the metrics in percent.
Row: TypeAlias = Mapping[str, float | None]


class Group(NamedTuple):
    """A group of lmms-eval tasks that use the same variant of the annotations and the same prompt. The prompt is
    `official` or `think`.
    """

    name: str
    variant: str
    prompt: str


class Table(TypedDict):
    """The scores of one run on a benchmark. `n` is the number of items. `macro` is the mean of each metric over the
    tasks, in percent. `tasks` has one row per task.
    """

    n: int
    macro: Mapping[str, float | None]
    tasks: Mapping[str, Row]


class Benchmark(ABC, Generic[ItemT, ResultT]):
    """A benchmark: prepares and reads its items, writes prompts, scores responses, and summarizes results.

    Attributes:
        name: name of its package.
        title: name in reports.
        parts: names that you can pass to `cgc-bench prepare` for this benchmark; empty if the benchmark does not need
            preparation.
        tasks: tasks in the authors' order.
        groups: groups of lmms-eval tasks; the main group comes first. `scripts/write_tasks.py` writes the task files.
        metrics: metrics in the table, which are keys of an `ItemResult`'s values.
        diagnostics: metrics that are reported separately from the table. They are also keys of an `ItemResult`'s
            values.
        lower_is_better: metrics and diagnostics for which lower is better.
        floors: functions, keyed by name, that return a trivial answer to an item without reading the images.
        protocols: scoring protocols.
        profiles: prompt profiles; the first is the default.
        postprocesses: names of post-processing steps that were used to compute published scores.
        elsewhere: whether the annotations stay in their original location when the benchmark is prepared.
        in_all: whether `cgc_all` contains the benchmark's main group.
        chance: explanation of why the floors differ from the chance level that the authors print; empty if they print
            none.
    """

    name: str
    title: str
    parts: tuple[str, ...] = ()
    tasks: tuple[str, ...]
    groups: tuple[Group, ...]
    metrics: tuple[str, ...]
    diagnostics: tuple[str, ...]
    lower_is_better: Collection[str] = ("unreadable",)
    floors: Mapping[str, Callable[[ItemT], str]]
    protocols: tuple[str, ...] = ("official", "strict")
    profiles: tuple[Profile, ...] = (Profile("authors"),)
    postprocesses: Collection[str] = ()
    elsewhere: bool = False
    in_all: bool = True
    chance: str = ""

    @staticmethod
    @abstractmethod
    def read_items(annotations: Path, *, version: str | None = None) -> dict[str, ItemT]:
        """Items by index. Raises AnnotationError."""

    @staticmethod
    @abstractmethod
    def messages(item: ItemT, variant: str = "official") -> list[Message]:
        """Chat messages of an item, with one `{"type": "image"}` part per image. `variant` is `official`, or `think` to
        ask for reasoning first.
        """

    @abstractmethod
    def score(
        self, item: ItemT, response: str, *, protocol: str = "official", postprocess: str | None = None
    ) -> ResultT:
        """Score one response. Never raises an exception."""

    def official(self, item: ItemT, response: str) -> ResultT:
        """Like `score`, but computes only the values that `table` needs."""
        return self.score(item, response)

    @abstractmethod
    def table(self, results: Sequence[ResultT]) -> Table:
        """The official scores."""

    @abstractmethod
    def prepared(self, task: str, variant: str) -> Prepared:
        """Prepare the items and images of a task from the files that the environment variables select.

        Raises PrepareError.
        """

    def prepare(
        self,
        part: str,
        annotations: str | None = None,  # noqa: ARG002 - the same for every benchmark
        *,
        source: Path | None = None,  # noqa: ARG002
        revision: str | None = None,  # noqa: ARG002
    ) -> Prepared:
        """Prepare `part`, which is one of `parts`, and store it in the cache. `annotations` is a variant or an
        annotation file.

        Raises PrepareError.
        """
        raise PrepareError(f"{part} does not need preparation")

    def excluded(self, ready: Prepared) -> Path | None:  # noqa: ARG002 - few write one
        """A file that lists the benchmark's photos for `cgc-data build --exclude`; None if you can pass the annotations
        instead.
        """
        return None

    def annotations_sha256(self, annotations: Path) -> str:
        """The sha256 of the annotations that `read_items` reads. If the annotations are a folder, this is the sha256 of
        the names and digests of all files in the folder.
        """
        return files_sha256(annotations)

    def new_tokens(self, task: str, prompt: str) -> int:  # noqa: ARG002 - few depend on the task
        """Maximum number of new tokens in the response to a prompt."""
        return 2048 if prompt == "think" else 1024

    def default_profile(self, variant: str) -> str:  # noqa: ARG002 - few depend on the annotations
        """Name of the default prompt profile for a variant of the annotations."""
        return self.profiles[0].name

    def profile(self, wanted: Sequence[str], variant: str, prompt: str = "official") -> Profile:
        """The prompt profile for a group of tasks: the first profile in `wanted` that the benchmark offers, or the
        default profile if it offers none of them.

        Prompts that ask for reasoning always use this project's profile.
        """
        if prompt == "think":
            return Profile(OWN, protocol="strict")
        return choose(wanted, self.profiles, self.default_profile(variant))

    def asked(self, item: ItemT, prompt: str = "official", profile: str = "") -> list[Message]:  # noqa: ARG002
        """Chat messages for an item, in the form that the profile specifies. "" selects the first profile."""
        return self.messages(item, prompt)

    def units(self, results: Sequence[ResultT]) -> list[ItemResult]:
        """The results to average: one per item, or one per pair if items are scored in pairs."""
        return list(results)

    def faults(self, items: Mapping[str, ItemT]) -> dict[str, list[str]]:
        """Indices of items with unusual annotations, grouped by what is unusual. These items are still scored."""
        found: dict[str, list[str]] = {}
        for item in items.values():
            fault = getattr(item, "fault", "")
            if fault:
                found.setdefault(fault, []).append(item.index)
        return found

    def shown(self, item: ItemT, sizes: Callable[[], Sequence[Size]]) -> ItemT:  # noqa: ARG002 - few ask for them
        """The item, with any data about the resized images that scoring needs.

        `sizes` returns the width and height of each image as the model saw it.
        """
        return item

    def prompt(self, item: ItemT, prompt: str = "official", profile: str = "") -> str:
        """The messages as one text. Images are omitted, but placeholders in the question, such as `<image 2>`,
        remain.
        """
        parts = [part for message in self.asked(item, prompt, profile) for part in message["content"]]
        return "".join(part.get("text") or "" for part in parts)

    def floor_response(self, name: str, item: ItemT) -> str:
        """The trivial answer to the item from the floor called `name`."""
        return self.floors[name](item)


AnyBenchmark: TypeAlias = Benchmark[Any, Any]


def benchmark(name: str) -> AnyBenchmark:
    """The benchmark with this name. Raises TaskError."""
    if name not in PACKAGES:
        raise TaskError(f"there is no benchmark {name!r}; choose from {', '.join(PACKAGES)}")
    found: AnyBenchmark = import_module(PACKAGES[name]).BENCHMARK
    return found


def prepared_by(part: str) -> AnyBenchmark:
    """The benchmark whose `parts` include `part`. Raises PrepareError."""
    benchmarks = [benchmark(name) for name in PACKAGES]
    found = next((bench for bench in benchmarks if part in bench.parts), None)
    if found is None:
        known = ", ".join(name for bench in benchmarks for name in bench.parts)
        raise PrepareError(f"{part!r} does not need preparation or does not exist; choose from {known}")
    return found
