"""What the three command lines share: the list of commands is written from their sources, without importing them."""

from importlib import import_module

import pytest
import rich_click as click


@pytest.mark.parametrize("package", ["cgc_data", "cgc_train", "cgc_bench"])
def test_the_list_shows_the_first_lines_of_the_help_of_every_command(package: str) -> None:
    group = import_module(f"{package}.cli").cli
    context = click.RichContext(group, info_name=package)
    shown = " ".join(group.get_help(context).replace("\u2502", " ").split())
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        assert command.help
        first = " ".join(command.help.split("\n\n")[0].split())
        assert f"{name} {first}" in shown, name
