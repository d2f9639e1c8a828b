"""How long a call takes, for tests that a text of any form is read in bounded time."""

import gc
import time
from collections.abc import Callable


def fewest_seconds(call: Callable[[], object], tries: int = 3) -> float:
    """Processor time of this thread in the fastest of a few calls.

    Other threads and collections of the garbage of other tests say nothing of the call, and may cost more than it.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return min(_seconds(call) for _ in range(tries))
    finally:
        if collecting:
            gc.enable()


def _seconds(call: Callable[[], object]) -> float:
    start = time.thread_time()
    call()
    return time.thread_time() - start
