"""Ends an evaluation when an expected error (a `CgcError`) occurs. Otherwise, lmms-eval would retry, hide the error, or
turn it into exit status 0.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from cgc_data.common.errors import CgcError
from cgc_data.common.progress import say


def end(error: CgcError) -> NoReturn:
    """Print the error on one line and exit with status 2."""
    sys.stdout.flush()
    say(f"cgc-bench: {error}")
    raise SystemExit(2) from None


@contextmanager
def expected_errors_end() -> Iterator[None]:
    """Call `end` if the `with` block raises an expected error."""
    try:
        yield
    except CgcError as error:
        end(error)
