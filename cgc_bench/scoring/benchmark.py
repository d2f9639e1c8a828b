"""What every benchmark gives: one result an item, and the interface that scoring, lmms-eval and reports share.

A metric that is not defined for an item is None there and does not count in its mean.
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

# Every benchmark and the package whose `BENCHMARK` it is: a new one adds its name here.
PACKAGES = {name: f"cgc_bench.{name}" for name in ("mig", "vlm2", "contrast", "transfer", "refcoco")}


@dataclass(frozen=True)
class ItemResult:
    """How one response scored.

    Attributes:
        task: the benchmark's subtask, such as `common_object`.
        index: the item's identity within the benchmark.
        response: what the model wrote, as it was scored.
        values: metric to its value on this item, 0-1; None where the metric is not defined for it.
        cluster: items of one cluster share photos; intervals are drawn over clusters.
        boxes: the boxes that were read from the response, as (image or 0 where unknown, x1, y1, x2, y2), 0-1000.
        truth: the true boxes, likewise.
        note: what a reader should know, such as `pixel scale`; empty where nothing is odd.
        subtask: a finer line that the item counts in too, beside its task's; "" for none.
        members: indices of the items, where the result is of several that count only together.
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
# `n`, then metrics in percent.
Row: TypeAlias = Mapping[str, float | None]


class Group(NamedTuple):
    """A group of lmms-eval's tasks: its name, a variant of the annotations, and a prompt, `official` or `think`."""

    name: str
    variant: str
    prompt: str


class Table(TypedDict):
    """A benchmark's figures in percent: items, the mean of the tasks by metric, and a row a task."""

    n: int
    macro: Mapping[str, float | None]
    tasks: Mapping[str, Row]


class Benchmark(ABC, Generic[ItemT, ResultT]):
    """One benchmark: prepares and reads its items, asks them, scores a response to one, and sums up results.

    Attributes:
        name: of its package.
        title: as reports name it.
        parts: what `cgc-bench prepare` takes for it; empty if it is prepared only when a task is loaded.
        tasks: in the order of the authors.
        groups: of lmms-eval's tasks, the main one first; `scripts/write_tasks.py` writes their files.
        metrics: in the table; keys of an `ItemResult`'s values.
        diagnostics: beside the table; likewise.
        lower_is_better: of the metrics and diagnostics.
        floors: answers that look at nothing, by name.
        protocols: of scoring.
        profiles: ways of asking and reading, the default first.
        postprocesses: of published figures.
        elsewhere: whether its annotations stay where they are when it is prepared.
        in_all: whether `cgc_all` holds its main group.
        chance: why its floors differ from the chance that its authors print; empty if they print none.
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
        """Chat messages of an item, with a part `{"type": "image"}` an image; `variant` is the prompt's."""

    @abstractmethod
    def score(
        self, item: ItemT, response: str, *, protocol: str = "official", postprocess: str | None = None
    ) -> ResultT:
        """Score one response; never raises, whatever the text."""

    @abstractmethod
    def table(self, results: Sequence[ResultT]) -> Table:
        """The official figures."""

    @abstractmethod
    def prepared(self, task: str, variant: str) -> Prepared:
        """Prepare the items and images of a task as the environment says. Raises PrepareError."""

    def prepare(
        self,
        part: str,
        annotations: str | None = None,  # noqa: ARG002 - the same for every benchmark
        *,
        source: Path | None = None,  # noqa: ARG002
        revision: str | None = None,  # noqa: ARG002
    ) -> Prepared:
        """Prepare one of `parts` in the cache: `annotations` is a variant or a file of them.

        Raises PrepareError.
        """
        raise PrepareError(f"{part} needs no preparation")

    def excluded(self, ready: Prepared) -> Path | None:  # noqa: ARG002 - few write one
        """A list of its photos for `cgc-data build --exclude`; None where the annotations serve as one."""
        return None

    def annotations_sha256(self, annotations: Path) -> str:
        """sha256 of the annotations that `read_items` takes: of the file, or of the files of a folder."""
        return files_sha256(annotations)

    def new_tokens(self, task: str, prompt: str) -> int:  # noqa: ARG002 - few depend on the task
        """How many tokens a model may write in answer to the prompt."""
        return 2048 if prompt == "think" else 1024

    def default_profile(self, variant: str) -> str:  # noqa: ARG002 - few depend on the annotations
        """The profile of annotations if none is asked for."""
        return self.profiles[0].name

    def profile(self, wanted: Sequence[str], variant: str, prompt: str = "official") -> Profile:
        """The profile of a group of tasks: the first of those wanted that there is, else the default.

        Prompts that ask for reasoning are the project's own whatever is wanted.
        """
        if prompt == "think":
            return Profile(OWN, protocol="strict")
        return choose(wanted, self.profiles, self.default_profile(variant))

    def asked(self, item: ItemT, prompt: str = "official", profile: str = "") -> list[Message]:  # noqa: ARG002
        """Chat messages of an item as a profile asks it; "" is the first."""
        return self.messages(item, prompt)

    def units(self, results: Sequence[ResultT]) -> list[ItemResult]:
        """What a mean runs over: the items, or pairs of them where only both together count."""
        return list(results)

    def faults(self, items: Mapping[str, ItemT]) -> dict[str, list[str]]:
        """Indices of the items whose annotation is odd, by fault; they are scored all the same."""
        found: dict[str, list[str]] = {}
        for item in items.values():
            fault = getattr(item, "fault", "")
            if fault:
                found.setdefault(fault, []).append(item.index)
        return found

    def shown(self, item: ItemT, sizes: Callable[[], Sequence[Size]]) -> ItemT:  # noqa: ARG002 - few ask for them
        """The item with what scoring needs of the images as they were shown; `sizes` are width and height."""
        return item

    def prompt(self, item: ItemT, prompt: str = "official", profile: str = "") -> str:
        """The messages as one text; of the images only the question's own marks stay, such as `<image 2>`."""
        parts = [part for message in self.asked(item, prompt, profile) for part in message["content"]]
        return "".join(part.get("text") or "" for part in parts)

    def floor_response(self, name: str, item: ItemT) -> str:
        """The answer of one of `floors`, which looks at nothing."""
        return self.floors[name](item)


AnyBenchmark: TypeAlias = Benchmark[Any, Any]


def benchmark(name: str) -> AnyBenchmark:
    """The benchmark of this name. Raises TaskError."""
    if name not in PACKAGES:
        raise TaskError(f"no benchmark {name!r}; there are: {', '.join(PACKAGES)}")
    found: AnyBenchmark = import_module(PACKAGES[name]).BENCHMARK
    return found


def prepared_by(part: str) -> AnyBenchmark:
    """The benchmark that `cgc-bench prepare` prepares under this name. Raises PrepareError."""
    benchmarks = [benchmark(name) for name in PACKAGES]
    found = next((bench for bench in benchmarks if part in bench.parts), None)
    if found is None:
        known = ", ".join(name for bench in benchmarks for name in bench.parts)
        raise PrepareError(f"{part!r} needs no preparation or does not exist; there are: {known}")
    return found
