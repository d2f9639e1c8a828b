"""Flags for sources, one per annotation format."""

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

import rich_click as click

from cgc_data.sources import FORMATS, Format

SOURCE = "ANN.json:IMAGES"

# A colon that is not followed by "//", which is part of a URL.
_COLON = re.compile(r":(?!//)")
Command = TypeVar("Command", bound=Callable[..., object])


def source_options(text: Callable[[Format], str]) -> Callable[[Command], Command]:
    """Add one option per annotation format, such as --coco, to a command. `text` returns the help text for a format."""

    def add(command: Command) -> Command:
        for form in reversed(FORMATS.values()):
            command = click.option(f"--{form.name}", multiple=True, metavar=SOURCE, help=text(form))(command)
        return command

    return add


def splits_of(text: str) -> Iterator[tuple[str, str]]:
    """Every way to split ANN.json:IMAGES at a colon. Both parts can be URLs, which contain colons themselves."""
    return ((text[: colon.start()], text[colon.end() :]) for colon in _COLON.finditer(text))
