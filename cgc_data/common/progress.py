"""Progress of a long stage: a live bar on a terminal, a plain line at the start and the end elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cgc_data.common.text import one_line, plain

T = TypeVar("T")


def say(message: str) -> None:
    """One plain line on stderr, where progress goes, so that stdout stays for results."""
    print(one_line(message), file=sys.stderr, flush=True)


def show(result: object, end: str = "\n") -> None:
    """A result on stdout, control characters escaped."""
    click.echo(plain(result) + end, nl=False)


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield the items while showing how far the stage is."""
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
