"""Lets Ray start on a busy machine."""

import time
from functools import wraps
from typing import Any

SECONDS = 600


def wait_for_ray() -> None:
    """Let `ray.init` wait longer for its node; it gives up after 30 seconds, with no setting for it."""
    from ray._private import services

    look = services.get_node

    @wraps(look)
    def patient(*arguments: Any) -> Any:
        end = time.monotonic() + SECONDS
        while True:
            try:
                return look(*arguments)
            except RuntimeError:
                if time.monotonic() > end:
                    raise
                time.sleep(1)

    services.get_node = patient
