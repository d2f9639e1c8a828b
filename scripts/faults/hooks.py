"""Runs `cgc-data` for `scripts/try_faults.py`, with a fault at a given moment of a build or with a guard disabled.

CGC_FAULT is ACTION:FUNCTION:CALL[:ARGUMENT]. At call number CALL of FUNCTION, the process is killed (`kill`), waits
while the file ARGUMENT exists (`wait`), or appends a newline to that file (`touch`). CGC_WITHOUT is the name of a guard
(a safety check of the package) to disable.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

PLACES = {
    "make_plan": ("cgc_data.builder.planning",),
    "plan_part": ("cgc_data.plan.build",),
    "_join": ("cgc_data.plan.build",),
    "shard_tasks": ("cgc_data.builder.release",),
    "render_shard": ("cgc_data.builder.rendering",),
    "_with_images": ("cgc_data.builder.shards",),
    "finish_tasks": ("cgc_data.builder.release",),
    "write_atomically": ("cgc_data.builder.draft", "cgc_data.builder.finish", "cgc_data.builder.shards"),
    "write_release": ("cgc_data.builder.finishing",),
}
NAMES = {"finish_tasks": "rendered"}


class Guard(NamedTuple):
    """A guard (safety check) of the package: the fault that occurs without it, the words that report this fault, and
    the function that disables the guard.
    """

    fault: str
    says: str
    off: Callable[[], None]


def _replace(module: str, **functions: Any) -> None:
    """Replace functions of a module. Raises AttributeError if the module does not have them."""
    for name, function in functions.items():
        getattr(import_module(module), name)
        setattr(import_module(module), name, function)


def _without_receipt_check() -> None:
    def trusted(task: Any) -> Any:
        import msgspec

        from cgc_data.builder.shards import Receipt

        return msgspec.json.decode(task.receipt.read_bytes(), type=Receipt) if task.receipt.exists() else None

    _replace("cgc_data.builder.shards", read_receipt=trusted)


def _nothing(*_: Any) -> None:
    """Replacement for a disabled guard."""


def _anywhere(folder: Path, name: object) -> Path:
    return Path(folder, str(name))


def _without_confinement() -> None:
    # before other modules import the functions by name
    _replace("cgc_data.release.inside", inside=_anywhere, check_links=_nothing)
    _replace("cgc_data.release.manifest", _check_paths=_nothing)


def _path(store: Any, name: str) -> str:
    return f"{store._root}/{name}"


def _without_content_key() -> None:
    import_module("cgc_data.sources.photo_folders").FolderPhotos.stamp = _path


def _without_change_check() -> None:
    _replace("cgc_data.builder.changes", _refuse=_nothing)


@contextmanager
def _no_lock(*_: Any, **__: Any) -> Iterator[None]:
    yield


def _without_lock() -> None:
    _replace("cgc_data.builder.locks", _locked=_no_lock)


def _whole(archive: Any, info: Any, _: object) -> bytes:
    content: bytes = archive.read(info)
    return content


def _without_size_limit() -> None:
    _replace("cgc_data.sources.photo_archives", read_member=_whole)


GUARDS = {
    "receipt check": Guard("damaged shard", "the release contains a damaged shard", _without_receipt_check),
    "confinement": Guard("hostile releases", "changed outside --out", _without_confinement),
    "content key": Guard("replaced photos", "data of photos that were replaced", _without_content_key),
    "change check": Guard("changed meanwhile", "status 0", _without_change_check),
    "lock": Guard("two at once", "status 0", _without_lock),
    "size limit": Guard("hostile zips", "MB of memory", _without_size_limit),
}


def set_fault(fault: str) -> None:
    """Patch a function of the package so that the fault occurs right before a chosen call of this function."""
    action, moment, call, *argument = fault.split(":", 3)
    calls = 0

    def hooked(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == int(call):
                _act(action, "".join(argument))
            return function(*given, **named)

        return run

    name = NAMES.get(moment, moment)
    for module in map(import_module, PLACES[moment]):
        setattr(module, name, hooked(getattr(module, name)))


def _act(action: str, argument: str) -> None:
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "wait":
        while Path(argument).exists():
            time.sleep(0.05)
    elif action == "touch":
        path = Path(argument)
        path.write_bytes(path.read_bytes() + b"\n")


def main() -> None:
    """Disable a guard and set a fault, if the environment variables request them. Then run the command."""
    if without := os.environ.get("CGC_WITHOUT"):
        GUARDS[without].off()
    if fault := os.environ.get("CGC_FAULT"):
        set_fault(fault)
    if sys.argv[1] in ("material", "every-command"):
        from scripts.faults import commands

        folders = map(Path, sys.argv[2:])
        sys.exit(commands.write_material(*folders) if sys.argv[1] == "material" else commands.run_all(*folders))
    from cgc_data.cli import main as command

    command()


if __name__ == "__main__":
    main()
