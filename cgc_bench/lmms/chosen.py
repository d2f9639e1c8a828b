"""Chooses how lmms-eval runs this project's tasks. The prompt profile depends on CGC_BENCH_PROFILE and `--model`. The
token limit depends on the profile and the benchmark.

Task files refer to their generation settings as `!function cgc_bench.lmms.chosen.TASK`, where TASK is the name of the
task. When lmms-eval loads a task, it reads this attribute of this module. The module computes the value at that moment,
so the settings can depend on the prompt profile.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import TypedDict

from cgc_bench.lmms import discovery, settings
from cgc_bench.lmms.ending import expected_errors_end
from cgc_bench.scoring.benchmark import PACKAGES, benchmark
from cgc_bench.scoring.profiles import Profile, check_names


class Generation(TypedDict):
    """Generation settings of lmms-eval. `until` (the strings that stop generation) is empty because answers can have
    several paragraphs.
    """

    max_new_tokens: int
    temperature: int
    do_sample: bool
    until: list[str]


def chosen(asked: Mapping[str, str]) -> Profile:
    """The prompt profile for a task. `asked` is the task's row `{"benchmark", "variant", "task", "prompt"}` in
    requests.json. Raises TaskError if a requested profile does not exist, or does not support the model.
    """
    wanted = settings.profiles()
    check_names(wanted, (profile.name for name in PACKAGES for profile in benchmark(name).profiles))
    profile = benchmark(asked["benchmark"]).profile(wanted, asked["variant"], asked["prompt"])
    return profile.of_model(asked["task"], discovery.asked_model())


def generation(asked: Mapping[str, str]) -> Generation:
    """Settings for greedy decoding.

    The token limit comes from the profile or, if the profile sets none, from the benchmark.
    """
    with expected_errors_end():
        tokens = chosen(asked).tokens(asked["task"])
    tokens = tokens or benchmark(asked["benchmark"]).new_tokens(asked["task"], asked["prompt"])
    return {"max_new_tokens": tokens, "temperature": 0, "do_sample": False, "until": []}


def __getattr__(name: str) -> Generation:
    if name not in _requests():
        raise AttributeError(name)
    return generation(_requests()[name])


@cache
def _requests() -> dict[str, dict[str, str]]:
    """The rows of requests.json, by task name."""
    rows: dict[str, list[dict[str, str]]] = json.loads((discovery.tasks_folder() / "requests.json").read_bytes())
    return {task: row for task, (row,) in rows.items()}
