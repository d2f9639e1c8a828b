"""`cgc-train check`: everything about a run that can be told before it costs a GPU hour."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.table import Table
from rich.text import Text

from cgc_data.common.progress import show
from cgc_data.common.tables import PlainConsole
from cgc_data.common.text import plain

if TYPE_CHECKING:
    from cgc_train.check import Finding

COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "not checked": "cyan"}


@click.command()
@click.argument("recipe")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--to", type=click.Path(path_type=Path), help="Folder that the run would have.  [default: runs/<recipe>]")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option(
    "--step-seconds",
    type=click.FloatRange(min=0),
    default=300,
    show_default=True,
    help="How long one step of a tiny model, under the recipe's launch file on the CPU, may take; 0: leave it out.",
)
def check(recipe: str, settings: tuple[str, ...], to: Path | None, as_json: bool, step_seconds: float) -> None:
    """Check RECIPE, a shipped one or a YAML file, before any GPU hour.

    Exit status 0: nothing failed; 2: something would fail, or train on something else than intended.
    """
    from cgc_train.check import run_checks
    from cgc_train.recipe import load_recipe

    _quiet()
    findings = []
    for finding in run_checks(load_recipe(recipe, settings), to, step_seconds):
        findings.append(finding)
        if not as_json:
            status = click.style(f"{finding.status:11}", fg=COLOURS[finding.status])
            click.echo(f"{status}  {finding.check:12}  {plain(finding.line)}")
    failed = [finding.check for finding in findings if finding.status == "failed"]
    if as_json:
        show(json.dumps({"failed": failed, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        PlainConsole().print(_outcome_table(findings))
        show(f"{len(failed)} failed; how fast it runs is not checked")
    sys.exit(2 if failed else 0)


def _outcome_table(findings: Sequence["Finding"]) -> Table:
    """How many checks came out how, and which did not pass."""
    table = Table("outcome", title="Checks", title_justify="left", title_style="bold")
    table.add_column("checks", justify="right")
    table.add_column("which")
    for status, colour in COLOURS.items():
        names = [finding.check for finding in findings if finding.status == status]
        table.add_row(Text(status, colour), str(len(names)), "" if status == "ok" else ", ".join(names))
    return table


def _quiet() -> None:
    """Without the extra `train` there is nothing to keep quiet, and the checks say that it is missing."""
    if find_spec("transformers"):
        from cgc_train.console import quiet

        quiet()
