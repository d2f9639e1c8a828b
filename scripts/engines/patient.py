"""Lets Ray start on a busy machine, where its processes take longer to start than Ray waits by default."""

import time
from functools import wraps
from inspect import signature
from pathlib import Path
from socket import socket
from typing import Any

SECONDS = 600
# Ports that Ray reads from files at startup. Ray aborts if a file is missing after 15 seconds. -1 means unused.
PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port")


def wait_for_ray() -> None:
    """Make `ray.init` wait longer for its processes, and skip its wait for the ports in `PORTS`.

    Ray has no settings for this.
    """
    from ray._private import node, services

    look, begin, start = services.get_node, node.Node.__init__, services.start_raylet

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

    @wraps(begin)
    def begun(self: Any, ray_params: Any, *rest: Any, **named: Any) -> None:
        ray_params.update_if_absent(runtime_env_agent_port=free_port())
        begin(self, ray_params, *rest, **named)

    @wraps(start)
    def started(*arguments: Any, **named: Any) -> Any:
        given = signature(start).bind(*arguments, **named).arguments
        for name in PORTS:
            Path(given["session_dir"], f"{name}_{given['node_id']}").write_text("-1", encoding="utf-8")
        return start(*arguments, **named)

    services.get_node, node.Node.__init__, services.start_raylet = patient, begun, started


def free_port() -> int:
    """A port of this machine that is not in use."""
    with socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port
