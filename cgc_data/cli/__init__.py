"""The `cgc-data` command. Each subcommand has its own file, which is imported only when you run the subcommand."""

from typing import NoReturn

import rich_click as click

from cgc_data.common.command import LazyGroup, run

COMMANDS = (
    *("build", "plan", "render", "finish", "validate", "preview", "stats", "push", "diff", "export"),
    *("remove", "download", "paint"),
)


@click.group(
    cls=LazyGroup, package=__name__, modules=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="cgc-grounding")
def cli() -> None:
    """Turn COCO and LVIS annotations into multi-image contrast datasets that anyone can load."""


def main() -> NoReturn:
    """Entry point: run a command, and print expected errors as one line."""
    run(cli, "cgc-data")
