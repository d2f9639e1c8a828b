"""Shows the progress of a long stage: a live bar on a terminal, or else a plain line when the stage ends."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cgc_data.common.text import one_line, plain

T = TypeVar("T")


def say(message: str) -> None:
    """Print one plain line on stderr; stdout is for results."""
    print(one_line(message), file=sys.stderr, flush=True)


def show(result: object, end: str = "\n") -> None:
    """Print a result on stdout, with control characters escaped."""
    click.echo(plain(result) + end, nl=False)


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield the items while showing the progress of the stage."""
    if sys.stderr.isatty():
        yield from _bar(items, label, total)
    else:
        yield from _lines(items, label)


def _bar(items: Iterable[T], label: str, total: int | None) -> Iterator[T]:
    from rich.console import Console

    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield from progress.track(items, description=label, total=total)


def _lines(items: Iterable[T], label: str) -> Iterator[T]:
    started, count = time.monotonic(), 0
    for item in items:
        yield item
        count += 1
    say(f"{label}: {count} in {time.monotonic() - started:.1f} s")
