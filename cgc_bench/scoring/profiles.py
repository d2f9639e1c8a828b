"""Prompt profiles. Each profile corresponds to an evaluation harness or to the script of a benchmark's authors. A run
with the profile uses the prompts of that harness or script, and its rules for reading answers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cgc_bench.errors import TaskError

# The profile for the project's own prompts: prompts of releases, and every prompt that asks for reasoning first.
OWN = "cgc"


@dataclass(frozen=True)
class Profile:
    """How a benchmark's prompts are written and its answers are read.

    Attributes:
        name: name of the profile, such as `lmms-eval`.
        new_tokens: maximum number of new tokens in an answer, as one number or as a mapping from tasks to numbers; None
            uses the benchmark's limit.
        max_pixels: maximum number of pixels per image; None if the profile sets no maximum.
        protocol: scoring protocol, one of the benchmark's protocols.
        models: tasks for which the harness has a model-specific prompt, keyed by the model's name in `--model`.
        unknown: like `models`, but for model-specific prompts that this project does not implement.
    """

    name: str
    new_tokens: int | Mapping[str, int] | None = None
    max_pixels: int | None = None
    protocol: str = "official"
    models: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unknown: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def of_model(self, task: str, model: str) -> "Profile":
        """The profile for a model. If the harness has a special prompt for this task and model, the name of the
        profile ends with the model, as in `lmms-eval:qwen3_vl`.

        Raises TaskError if this project does not implement the special prompt.
        """
        if task in self.unknown.get(model, ()):
            raise TaskError(
                f"{self.name} has a special prompt of {task} for {model}, which is not supported; choose another "
                "CGC_BENCH_PROFILE"
            )
        return replace(self, name=f"{self.name}:{model}") if task in self.models.get(model, ()) else self

    def tokens(self, task: str) -> int | None:
        """Maximum number of new tokens in an answer to a task; None uses the benchmark's limit."""
        return self.new_tokens.get(task) if isinstance(self.new_tokens, Mapping) else self.new_tokens


def choose(wanted: Sequence[str], offered: Sequence[Profile], default: str) -> Profile:
    """The first profile in `wanted` that the benchmark offers, or the default profile if it offers none of them."""
    by_name = {profile.name: profile for profile in offered}
    return next((by_name[name] for name in wanted if name in by_name), by_name[default])


def check_names(wanted: Iterable[str], known: Iterable[str]) -> None:
    """Raise TaskError for a profile that no benchmark offers."""
    there = sorted(set(known))
    for name in wanted:
        if name not in there:
            raise TaskError(f"CGC_BENCH_PROFILE: there is no profile {name!r}; choose from {', '.join(there)}")
