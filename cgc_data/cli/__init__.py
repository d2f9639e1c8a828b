"""The `cgc-data` command: one click command a file, each imported only when it is called.

An expected error is one line on stderr that names the file and the mend, and exit status 2.
"""

import os
import sys
from importlib import import_module
from typing import NoReturn

import rich_click as click

from cgc_data.errors import CgcError

COMMANDS = ("build", "validate", "preview", "stats", "push", "export", "remove", "download", "paint")


class LazyGroup(click.RichGroup):
    """Imports a command's module when it is needed, so that `--help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"cgc_data.cli.{cmd_name}"), cmd_name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cgc-grounding")
def cli() -> None:
    """From COCO and LVIS annotations to contrast data sets that anyone can load."""


def main() -> None:
    """Entry point: run a command, show expected errors as one line."""
    try:
        sys.exit(cli(prog_name="cgc-data", standalone_mode=False))
    except CgcError as error:
        _end(str(error), 2)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        _end(f"{error.format_message()} Try: {context.command_path if context else 'cgc-data'} --help", 2)
    except click.Abort:
        _end("interrupted; run the same command again", 130)
    except BrokenPipeError:  # the reader of our output has gone: `cgc-data stats R | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _end(message: str, status: int) -> NoReturn:
    print(f"cgc-data: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(status)
