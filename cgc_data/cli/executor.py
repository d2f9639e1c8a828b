"""Flags that select where tasks run: in processes on this machine, or on a Ray cluster."""

import re
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import rich_click as click
from click import get_current_context
from click.core import ParameterSource

if TYPE_CHECKING:
    from cgc_data.common.executor import Executor

Given = ParamSpec("Given")
Returned = TypeVar("Returned")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)(i?)B?", re.IGNORECASE)
_AMOUNT = re.compile(r"[0-9]*\.?[0-9]+")
_NOT_CUSTOM = {
    "cpu": "use --ray-cpus",
    "memory": "use --ray-memory",
    "gpu": "omit it, because these tasks use no GPU",
}


def byte_size(text: str) -> int:
    """Number of bytes in a size such as 2GB, 512MiB, or 2000000000. Raises BadParameter if the text is not a size."""
    if not (found := _SIZE.fullmatch(text)):
        raise click.BadParameter(f"{text}: expected bytes, such as 2GB or 512MiB.")
    number, unit, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** " KMGT".index(unit.upper() or " "))


def _resource(text: str) -> tuple[str, float]:
    """Name and amount of a custom resource such as scratch=1. Raises BadParameter if the text has another form or names
    a built-in resource.
    """
    name, _, amount = text.partition("=")
    if fix := _NOT_CUSTOM.get(name.lower()):
        raise click.BadParameter(f"{text}: not a custom resource; {fix}.")
    if not name or not _AMOUNT.fullmatch(amount):
        raise click.BadParameter(f"{text}: expected NAME=AMOUNT, such as scratch=1.")
    return name, float(amount)


def executor_options(workers: int, text: str) -> Callable[[Callable[Given, Returned]], Callable[..., Returned]]:
    """A decorator that adds options such as --workers and --ray-address to a command. The command receives the executor
    as the keyword argument `executor`. The executor stays connected while the command runs.

    `workers` is the default number of processes, and `text` is the help text of --workers.
    """

    def add(command: Callable[Given, Returned]) -> Callable[..., Returned]:
        @wraps(command)
        def with_executor(*args: Any, **flags: Any) -> Returned:
            executor = _executor({name: flags.pop(name) for name in FLAGS})
            with executor.connected():
                return command(*args, executor=executor, **flags)  # type: ignore[arg-type]

        decorated: Callable[..., Returned] = with_executor
        for option in reversed(_options(workers, text)):
            decorated = option(decorated)
        return decorated

    return add


FLAGS = ("workers", "executor", "ray_address", "ray_cpus", "ray_memory", "ray_resource", "ray_in_flight")


def _options(workers: int, text: str) -> list[Callable[[Callable[..., Any]], Callable[..., Any]]]:
    return [
        click.option("--workers", type=click.IntRange(1), default=workers, show_default=True, help=text),
        click.option(
            "--executor",
            type=click.Choice(["processes", "ray"]),
            default="processes",
            show_default=True,
            help="Where to run tasks: in processes on this machine, or on a Ray cluster.",
        ),
        click.option(
            "--ray-address",
            metavar="HOST:PORT",
            envvar="RAY_ADDRESS",
            default="",
            help="Ray cluster to use  [default: RAY_ADDRESS, or a cluster started on this machine].",
        ),
        click.option(
            "--ray-cpus",
            type=click.FloatRange(0),
            default=1.0,
            show_default=True,
            help="Cores that each task needs.",
        ),
        click.option(
            "--ray-memory",
            type=byte_size,
            metavar="SIZE",
            default="0B",
            help="Memory that each task needs, such as 2GB.",
        ),
        click.option(
            "--ray-resource",
            type=_resource,
            metavar="NAME=AMOUNT",
            multiple=True,
            help="Custom resource that each task needs. Repeatable.",
        ),
        click.option(
            "--ray-in-flight",
            type=click.IntRange(1),
            help="Maximum number of tasks to submit at a time  [default: several times as many as can run at once].",
        ),
    ]


def _executor(flags: dict[str, Any]) -> "Executor":
    from cgc_data.common.cluster import RayCluster
    from cgc_data.common.processes import Processes

    if flags["executor"] == "processes":
        _refuse_ray_flags()
        return Processes(flags["workers"])
    return RayCluster(
        address=flags["ray_address"],
        num_cpus=flags["ray_cpus"],
        memory=flags["ray_memory"],
        resources=dict(flags["ray_resource"]),
        in_flight=flags["ray_in_flight"] or 0,
    )


def _refuse_ray_flags() -> None:
    """Raise UsageError if a flag that needs Ray was given without `--executor ray`."""
    context = get_current_context()
    for name in (name for name in FLAGS if name.startswith("ray_")):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} needs --executor ray.", context)
