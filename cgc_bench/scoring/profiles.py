"""Prompt profiles: whose way of asking a benchmark, and of reading its answers, a run follows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cgc_bench.errors import TaskError

# Of prompts that this project wrote itself: releases, and all that ask for reasoning first.
OWN = "cgc"


@dataclass(frozen=True)
class Profile:
    """How a benchmark is asked and read.

    Attributes:
        name: such as `lmms-eval`.
        new_tokens: most new tokens of an answer, or those of each task; None leaves them to the benchmark.
        max_pixels: of one image; None leaves them to the settings.
        protocol: of the scoring, one of the benchmark's.
        models: tasks in which a model is asked in its own way, by its name in `--model`.
        unknown: likewise, where that way is not known here.
    """

    name: str
    new_tokens: int | Mapping[str, int] | None = None
    max_pixels: int | None = None
    protocol: str = "official"
    models: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unknown: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def of_model(self, task: str, model: str) -> "Profile":
        """The profile for a model: `lmms-eval:qwen3_vl` where that model is asked in its own way. Raises TaskError."""
        if task in self.unknown.get(model, ()):
            raise TaskError(
                f"{self.name} asks {model} {task} in a way not known here; choose another CGC_BENCH_PROFILE"
            )
        return replace(self, name=f"{self.name}:{model}") if task in self.models.get(model, ()) else self

    def tokens(self, task: str) -> int | None:
        """Most new tokens of an answer to a task; None leaves them to the benchmark."""
        return self.new_tokens.get(task) if isinstance(self.new_tokens, Mapping) else self.new_tokens


def choose(wanted: Sequence[str], offered: Sequence[Profile], default: str) -> Profile:
    """The first profile of those wanted that a benchmark offers, else its default."""
    by_name = {profile.name: profile for profile in offered}
    return next((by_name[name] for name in wanted if name in by_name), by_name[default])


def check_names(wanted: Iterable[str], known: Iterable[str]) -> None:
    """Raises TaskError for a profile that no benchmark offers."""
    there = sorted(set(known))
    for name in wanted:
        if name not in there:
            raise TaskError(f"CGC_BENCH_PROFILE: no profile {name!r}; there are: {', '.join(there)}")
