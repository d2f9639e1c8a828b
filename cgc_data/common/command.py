"""Code that the command lines of the three packages share. A command is imported only when you run it.

For an expected error, the program prints one line to stderr that names the file and the fix, and exits with status 2.
"""

import ast
import io
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import rich_click as click

from cgc_data.common.disk import refusal
from cgc_data.common.errors import CgcError
from cgc_data.common.text import one_line


class LazyGroup(click.RichGroup):
    """A command group that imports each command only when needed. Each command is a module of the package `package`."""

    def __init__(self, *args: Any, package: str = "", modules: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.package, self.modules = package, list(modules)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """Names of the commands, in the order in which they are typically used."""
        return self.modules

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command with this name, or None."""
        if cmd_name not in self.modules:
            return None
        module, function = self._place(cmd_name)
        command: click.Command = getattr(import_module(module), function)
        return command

    def get_help(self, ctx: click.Context) -> str:
        """The help text of the group. It is built without importing the commands, because importing them would be many
        times slower.
        """
        commands: dict[str, click.Command] = {
            name: click.RichCommand(name=name, help=self._docstring(name)) for name in self.modules
        }
        listed = _InOrder(name=self.name, commands=commands, help=self.help, params=self.params)
        return listed.get_help(click.RichContext(listed, ctx.parent, ctx.info_name, **self.context_settings))

    def _place(self, command: str) -> tuple[str, str]:
        """Module and function of a command."""
        function = command.replace("-", "_")
        return f"{self.package}.{function}", function

    def _docstring(self, command: str) -> str | None:
        """The docstring of a command, read from its source."""
        module, function = self._place(command)
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            return None
        body = ast.parse(Path(spec.origin).read_bytes()).body
        return next(
            ast.get_docstring(node) for node in body if isinstance(node, ast.FunctionDef) and node.name == function
        )


class _InOrder(click.RichGroup):
    """A group that lists its commands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self.commands)


def run(group: click.Command, name: str) -> NoReturn:
    """Run the command line called `name`, print expected errors as one line, and exit."""
    _escape_what_the_terminal_cannot_show()
    warnings.filterwarnings("ignore", message="Image size .* could be decompression bomb")  # refused by name
    try:
        sys.exit(group(prog_name=name, standalone_mode=False))
    except CgcError as error:
        _end(name, str(error), 2)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        _end(name, f"{error.format_message()} Try: {context.command_path if context else name} --help", 2)
    except click.Abort:
        _end(name, "interrupted; run the same command again to resume", 130)
    except BrokenPipeError:  # the program that reads our output has exited, as in `cgc-data stats R | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:  # a disk fills up, or a folder disappears: not a bug
        _end(name, refusal(error), 2)
    except MemoryError:
        _end(name, "out of memory; close other programs, or process less data at a time", 2)


def _escape_what_the_terminal_cannot_show() -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _end(name: str, message: str, status: int) -> NoReturn:
    print(f"{name}: {one_line(message)}", file=sys.stderr)
    sys.exit(status)
