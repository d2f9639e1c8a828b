"""Flags for sources, one per annotation format."""

from collections.abc import Callable
from typing import TypeVar

import rich_click as click

from cgc_data.sources import FORMATS, Format

SOURCE = "ANN.json:IMAGES"

Command = TypeVar("Command", bound=Callable[..., object])


def source_options(text: Callable[[Format], str]) -> Callable[[Command], Command]:
    """Options such as --coco, in the order of the formats; `text` returns the help of each."""

    def add(command: Command) -> Command:
        for form in reversed(FORMATS.values()):
            command = click.option(f"--{form.name}", multiple=True, metavar=SOURCE, help=text(form))(command)
        return command

    return add
