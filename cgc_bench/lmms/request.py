"""Records what an answer depends on in this project: data, prompts, settings, and versions. The values are stored in
every document and in the configuration of each task.

lmms-eval builds the key of its response cache (`--use_cache`) from the name of a task, the position of a document, and
the task's configuration. It also writes the configuration to its results. lmms-eval does not know this project's data
or settings, so this module adds them to the `metadata` of the configuration. Models do not see these values.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from functools import wraps
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeAlias

from cgc_bench.errors import TaskError
from cgc_bench.lmms.chosen import chosen
from cgc_bench.lmms.ending import end
from cgc_bench.prepare import Prepared
from cgc_bench.scoring.benchmark import benchmark

STATED = (
    "cgc_annotations",
    "cgc_annotations_sha256",
    "cgc_source",
    "cgc_data_sha256",
    "cgc_profile",
    "cgc_prompt",
    "cgc_prompt_sha256",
    "cgc_max_pixels",
    "cgc_versions",
)
# The packages that decode and downscale the images and write the prompts.
LIBRARIES = ("cgc-grounding", "pillow")
Columns: TypeAlias = dict[str, str | int]
_MARK = "_cgc_states_requests"


def stated(ready: Prepared, asked: Mapping[str, str], items: Iterable[Any], max_pixels: int) -> Columns:
    """The values of the columns listed in `STATED`, which describe one task's data, prompts, and settings. `items` are
    the items of the task, in order.
    """
    own, bench = list(items), benchmark(asked["benchmark"])
    prompts = [bench.asked(item, asked["prompt"], chosen(asked).name) for item in own]
    return {
        "cgc_annotations": own[0].version,
        "cgc_annotations_sha256": bench.annotations_sha256(ready.annotations),
        "cgc_source": ready.source,
        "cgc_data_sha256": ready.digests[asked["task"]],
        "cgc_profile": profile(asked),
        "cgc_prompt": asked["prompt"],
        "cgc_prompt_sha256": hashlib.sha256(json.dumps(prompts, sort_keys=True).encode()).hexdigest(),
        "cgc_max_pixels": max_pixels,
        "cgc_versions": ", ".join(f"{name} {_version(name)}" for name in LIBRARIES),
    }


def profile(asked: Mapping[str, str]) -> str:
    """Name of the prompt profile that a task uses."""
    return chosen(asked).name


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # the package runs from a folder and is not installed
        return "unknown"


def state_in_configuration() -> None:
    """Add the columns listed in `STATED` to the configuration of each task of this project. Warns if lmms-eval does not
    support this.
    """
    try:
        from lmms_eval.api.task import ConfigurableTask

        original = ConfigurableTask.dump_config
    except (ImportError, AttributeError):
        sys.stderr.write(_moved())
        return
    if getattr(original, _MARK, False):
        return

    @wraps(original)
    def with_request(self: Any) -> Any:
        configuration = original(self)
        if "cgc_data_sha256" in self.features:
            _refuse_kept_prompts(self)
        metadata = {**(configuration.get("metadata") or {}), **_of_task(self)}
        return {**configuration, "metadata": metadata} if metadata else configuration

    setattr(with_request, _MARK, True)
    ConfigurableTask.dump_config = with_request


def _of_task(task: Any) -> Columns:
    """The columns listed in `STATED` for one of this project's tasks, plus `cgc_interface`. `cgc_interface` is `chat`
    if the model interface places images within the text, and `simple` if it places them before the text.
    """
    from lmms_eval.api.task import ConfigurableMessagesTask

    if "cgc_data_sha256" not in task.features:
        return {}
    first = task.task_docs[0]
    chat = isinstance(task, ConfigurableMessagesTask)
    return {**{name: first[name] for name in STATED}, "cgc_interface": "chat" if chat else "simple"}


def _refuse_kept_prompts(task: Any) -> None:
    """Refuse `--cache_requests true`. With this option, lmms-eval would reuse the prompts of an earlier run of the
    task, even if the data or the settings have changed.
    """
    if getattr(getattr(task, "args", None), "cache_requests", None) == "true":
        end(
            TaskError(
                "--cache_requests true would reuse prompts that were made from other data or settings; remove this "
                "option"
            )
        )


def _moved() -> str:
    return (
        f"cgc-bench: lmms-eval {version('lmms-eval')} stores a task's configuration in a way that this version does "
        "not support; run it without --use_cache, which would serve answers for other settings\n"
    )
