"""The `cgc-train` command. Each subcommand is written with Click in a separate file, which is imported only when the
subcommand is called.
"""

from typing import NoReturn

import rich_click as click

from cgc_data.common.command import LazyGroup, run

COMMANDS = (
    "recipes",
    "check",
    "sft",
    "grpo",
    "resume",
    "view",
    "merge",
    "push",
    "demo",
    "reward",
    "difficulty",
    "ablate",
    "tiny",
)


@click.group(
    cls=LazyGroup, package=__name__, modules=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="cgc-grounding")
def cli() -> None:
    """Train a vision-language model with GRPO to find objects across several images."""


def main() -> NoReturn:
    """Entry point: run a command, and print expected errors on one line."""
    run(cli, "cgc-train")
