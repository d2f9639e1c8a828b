"""The script `lmms_eval`, which runs lmms-eval's own command. lmms-eval itself installs that command only under the
name `lmms-eval`.
"""

import sys
from collections.abc import Callable
from typing import Any

from cgc_data.common.extras import installing


def main() -> None:
    """Run lmms-eval with this process's arguments. The exit status is 1 if an evaluation fails.

    lmms-eval itself would log the error and exit with status 0. The calling script would then continue without results.
    """
    try:
        from lmms_eval import __main__ as command
        from lmms_eval.cli.dispatch import main as run
    except ImportError as error:
        sys.stderr.write(f"lmms_eval: {error}; {installing('bench')}\n")
        raise SystemExit(2) from None
    evaluate, failures = command.cli_evaluate_single, list[Exception]()
    command.cli_evaluate_single = noting(failures, evaluate)
    try:
        run()
    finally:
        command.cli_evaluate_single = evaluate
    if failures:
        raise SystemExit(1)


def noting(failures: list[Exception], action: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function. Exceptions that the function raises are also appended to `failures`."""

    def wrapped(*args: Any, **options: Any) -> Any:
        try:
            return action(*args, **options)
        except Exception as error:
            failures.append(error)
            raise

    return wrapped
