"""Lets lmms-eval find this project's tasks without a flag, records the name of the model being evaluated, and registers
a model that returns trivial answers (floors).

lmms-eval has an entry point for models, but not for tasks. It calls the entry point for models before it lists any
tasks. When the entry point is called, this package patches lmms-eval's method that lists tasks. The patched method also
lists the tasks of this package. If lmms-eval no longer has this method, a one-line message states the workaround.
"""

import sys
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from typing import Any

FLOOR_MODEL = "cgc_floor"
_MARK = "_cgc_adds_tasks"
# lmms-eval does not pass the model to a task's functions, but its task manager knows the name given to --model.
_models: list[str] = []


def tasks_folder() -> Path:
    """The folder of the task files, for `--include_path`."""
    return Path(__file__).resolve().parents[1] / "tasks"


def manifests() -> list[Any]:
    """The models that this package adds. lmms-eval calls this function through its entry point `lmms_eval.models`."""
    from lmms_eval.models.registry_v2 import ModelManifest

    add_tasks()
    return [ModelManifest(model_id=FLOOR_MODEL, simple_class_path="cgc_bench.lmms.floor_model.Floor")]


def add_tasks() -> None:
    """Patch lmms-eval so that it lists this package's tasks along with its own. If this is not possible, print the
    workaround.
    """
    try:
        from lmms_eval.tasks import TaskManager

        original = TaskManager.initialize_tasks
    except (ImportError, AttributeError):
        sys.stderr.write(_moved())
        return
    if getattr(original, _MARK, False):
        return

    @wraps(original)
    def with_ours(self: Any, include_path: Any = None, include_defaults: bool = True) -> Any:
        _models[:] = [str(getattr(self, "model_name", None) or "")]
        given = [include_path] if isinstance(include_path, str) else list(include_path or [])
        ours = [str(tasks_folder())] if include_defaults else []
        return original(self, include_path=[*given, *ours] or None, include_defaults=include_defaults)

    setattr(with_ours, _MARK, True)
    TaskManager.initialize_tasks = with_ours


def asked_model() -> str:
    """The name passed to lmms-eval as `--model`, or "" if it is unknown."""
    return _models[0] if _models else ""


def _moved() -> str:
    return (
        f"cgc-bench: lmms-eval {version('lmms-eval')} lists its tasks in a way that this version does not support; "
        'run it with --include_path "$(cgc-bench tasks-path)"\n'
    )
