"""The `cgc-bench` command. Each subcommand is written with Click in a separate file, which is imported only when the
subcommand is called.
"""

from typing import NoReturn

import rich_click as click

from cgc_data.common.command import LazyGroup, run

COMMANDS = ("prepare", "score", "floors", "report", "compare", "tasks-path")


@click.group(
    cls=LazyGroup, package=__name__, modules=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="cgc-grounding")
def cli() -> None:
    """Multi-image grounding benchmarks: prepare data, score responses by the authors' rules, write reports, and compare
    models.
    """


def main() -> NoReturn:
    """Entry point: run a command, and print expected errors on one line."""
    run(cli, "cgc-bench")
