"""Checks how a command of the three packages ends.

It must end without a traceback, and errors must be printed on one line.
"""

import contextlib
import io
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

FINDINGS = ("validate", "check")  # print findings and report them by their status


@dataclass(frozen=True)
class Ending:
    """The exit status of a command, and a message about a wrong ending ("" if the ending was correct)."""

    status: object
    fault: str


def ending(command: Sequence[str]) -> Ending:
    """Run a command in this process, and return how it ended."""
    main = import_module(f"cgc_{command[0].removeprefix('cgc-')}.cli").main
    sys.argv = list(command)
    said, shown = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(shown):
            main()
    except SystemExit as ended:
        return Ending(ended.code, _fault(ended.code, said.getvalue(), command))
    except BaseException as error:
        return Ending(None, _place(error))
    return Ending(None, "no exit status")


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    frame, ours = frames[-1], ([f for f in frames if "/cgc_" in f.filename] or frames)[-1]
    where = f"{Path(ours.filename).name}:{ours.lineno} ({Path(frame.filename).name}:{frame.lineno})"
    return f"traceback: {type(error).__name__} at {where}: {str(error)[:200]}"


def _fault(status: object, said: str, command: Sequence[str]) -> str:
    if status not in ((0, None, 1, 2) if command[1] == "validate" else (0, None, 2)):
        return f"exit status {status}: {said[-200:]}"
    lines = sum(line.startswith("cgc-") for line in said.splitlines())
    if status == 2 and lines != 1 and not (command[1] in FINDINGS and not lines):
        return f"not one line: {said[-300:]}"
    return "a control character is printed" if "\x1b" in said else ""
